/* Writes the built-in profiles as C, when reeve is built: embed-profiles OUTPUT PROFILE.yaml...
 * Each as its text, for people, and as the tree that document_read makes of it, so that no start reads YAML.
 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "policy/document.h"

#define NAME_SIZE 64

static void put_byte(FILE *out, unsigned byte)
{
	fprintf(out, "%u,", byte & 0xff);
}

static int put_number(FILE *out, size_t number)
{
	if (number > UINT16_MAX)
		return -E2BIG;
	put_byte(out, (unsigned)number);
	put_byte(out, (unsigned)(number >> 8));
	return 0;
}

static int put_node(FILE *out, const struct document_node *node)
{
	int r;

	put_byte(out, document_mark(node));
	r = put_number(out, node->line);
	if (r == 0)
		r = put_number(out, node->column);
	if (r == 0)
		r = put_number(out, node->kind == DOCUMENT_SCALAR ? node->length : node->count);
	for (size_t i = 0; r == 0 && node->kind == DOCUMENT_SCALAR && i <= node->length; i++)
		put_byte(out, (unsigned char)node->text[i]);
	for (const struct document_node *item = node->first; item && r == 0; item = item->next)
		r = put_node(out, item);
	return r;
}

/* "offline-build" as a word of C. */
static void word_of(const char *name, char ret[NAME_SIZE])
{
	snprintf(ret, NAME_SIZE, "%s", name);
	for (char *c = ret; *c; c++)
		if (!isalnum((unsigned char)*c))
			*c = '_';
}

static int name_of(const char *path, char ret[NAME_SIZE])
{
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
	size_t n = strcspn(name, ".");

	if (n == 0 || n >= NAME_SIZE)
		return -EINVAL;
	memcpy(ret, name, n);
	ret[n] = '\0';
	return 0;
}

static int read_text(const char *path, struct policy_text *ret)
{
	AUTO_FREE char *text = NULL;
	size_t size = 0;
	FILE *in = fopen(path, "re");
	ssize_t n;

	if (!in)
		return -errno;
	n = getdelim(&text, &size, '\0', in);
	fclose(in);
	if (n < 0)
		return -EINVAL;
	*ret = (struct policy_text){.name = path, .text = TAKE_PTR(text), .length = (size_t)n};
	return 0;
}

static int put_tree(FILE *out, const struct policy_text *text)
{
	struct policy_builder builder = {0};
	struct document_node *top = NULL;
	int r = document_read(&builder, text, &top);

	for (size_t i = 0; i < builder.diagnostics.count; i++) {
		const struct policy_diagnostic *told = &builder.diagnostics.items[i];

		fprintf(stderr, "%s:%u:%u: %s\n", told->place.source, told->place.line, told->place.column,
		        told->message);
		free(told->message);
	}
	free(builder.diagnostics.items);
	if (r == 0)
		r = top ? put_node(out, top) : -EINVAL;
	store_done(&builder.store);
	return r;
}

static int put_profile(FILE *out, const char *path)
{
	struct policy_text text = {0};
	char name[NAME_SIZE], word[NAME_SIZE];
	int r = name_of(path, name);

	if (r == 0)
		r = read_text(path, &text);
	if (r < 0)
		return r;
	word_of(name, word);
	/* As bytes, since compilers need not take string literals of this length. */
	fprintf(out, "static const char %s_text[] = {", word);
	for (size_t i = 0; i <= text.length; i++)
		put_byte(out, (unsigned char)text.text[i]);
	fprintf(out, "};\nstatic const unsigned char %s_tree[] = {", word);
	r = put_tree(out, &text);
	fputs("};\n\n", out);
	free((char *)text.text);
	return r;
}

static void put_list(
        FILE *out, const char *type, const char *list, char **paths, const char *prefix, const char *suffix)
{
	fprintf(out, "static const %s *const %s[] = {", type, list);
	for (; *paths; paths++) {
		char name[NAME_SIZE], word[NAME_SIZE];

		name_of(*paths, name);
		word_of(name, word);
		fprintf(out, "%s%s%s, ", prefix, *prefix ? name : word, suffix);
	}
	fputs("NULL};\n", out);
}

static const char functions[] = "\n"
                                "const char *const *policy_profiles(void)\n"
                                "{\n"
                                "\treturn names;\n"
                                "}\n"
                                "\n"
                                "const char *policy_profile_text(const char *name)\n"
                                "{\n"
                                "\tfor (size_t i = 0; names[i]; i++)\n"
                                "\t\tif (strcmp(names[i], name) == 0)\n"
                                "\t\t\treturn texts[i];\n"
                                "\treturn NULL;\n"
                                "}\n"
                                "\n"
                                "const unsigned char *policy_profile_tree(const char *name)\n"
                                "{\n"
                                "\tfor (size_t i = 0; names[i]; i++)\n"
                                "\t\tif (strcmp(names[i], name) == 0)\n"
                                "\t\t\treturn trees[i];\n"
                                "\treturn NULL;\n"
                                "}\n";

int main(int argc, char **argv)
{
	FILE *out;

	if (argc < 3)
		return 2;
	out = fopen(argv[1], "we");
	if (!out) {
		perror(argv[1]);
		return 1;
	}
	fputs("#include <string.h>\n\n#include \"policy/document.h\"\n\n", out);
	for (char **path = argv + 2; *path; path++) {
		int r = put_profile(out, *path);

		if (r < 0) {
			fprintf(stderr, "%s: %s\n", *path, strerror(-r));
			return 1;
		}
	}
	put_list(out, "char", "names", argv + 2, "\"", "\"");
	put_list(out, "char", "texts", argv + 2, "", "_text");
	put_list(out, "unsigned char", "trees", argv + 2, "", "_tree");
	fputs(functions, out);
	if (fclose(out) != 0) {
		perror(argv[1]);
		return 1;
	}
	return 0;
}
