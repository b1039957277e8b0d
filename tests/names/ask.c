/* Starts the resolver for a policy and a name server, and does what lines on stdin say: a test's hand in it.
 *
 *   usage: ask POLICY SERVER HOSTS JSON
 *   udp ADDRESS HEX            sends a message to ADDRESS, port 53; "= HEX" or "= -" after some seconds
 *   tcp ADDRESS HEX            the same by TCP
 *   decide tcp|udp IP PORT     "= unknown", "= ended NAME", "= open NAME RULE" */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "names/names.h"

#define PATIENCE_MS 60000

static const char *no_variable(void *user, const char *name)
{
	return NULL;
}

static struct policy *read_policy(const char *text)
{
	const struct policy_context context = {.home = "/root", .cwd = "/", .lookup = no_variable};
	struct policy_builder *builder = NULL;
	struct policy *policy = NULL;

	if (policy_builder_new(&context, &builder) < 0)
		exit(1);
	if (policy_add_text(builder, "test", text, strlen(text)) < 0) {
		fprintf(stderr, "%s\n", policy_builder_diagnostics(builder)->items[0].message);
		exit(1);
	}
	if (policy_builder_finish(builder, &policy) < 0)
		exit(1);
	policy_builder_free(builder);
	return policy;
}

static struct address_matcher *matcher_of(const struct policy *policy)
{
	struct address_entry *entries = calloc(policy->address_count + 1, sizeof(*entries));
	struct address_matcher *matcher = NULL;

	for (size_t i = 0; entries && i < policy->address_count; i++)
		entries[i].rule = &policy->addresses[i];
	if (!entries ||
	        address_matcher_new(entries, policy->address_count, &(struct address_files){0}, &matcher) < 0)
		exit(1);
	free(entries);
	return matcher;
}

static socklen_t read_address(const char *text, uint16_t port, struct sockaddr_storage *ret)
{
	struct sockaddr_in *in = (struct sockaddr_in *)ret;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)ret;

	memset(ret, 0, sizeof(*ret));
	in->sin_family = AF_INET;
	in->sin_port = htons(port);
	if (inet_pton(AF_INET, text, &in->sin_addr) == 1)
		return sizeof(*in);
	in6->sin6_family = AF_INET6;
	if (inet_pton(AF_INET6, text, &in6->sin6_addr) == 1)
		return sizeof(*in6);
	fprintf(stderr, "no address: %s\n", text);
	exit(1);
}

static size_t read_hex(const char *text, uint8_t *ret, size_t size)
{
	size_t n = 0;
	unsigned byte;

	for (; n < size && sscanf(text, "%2x", &byte) == 1; text += 2)
		ret[n++] = (uint8_t)byte;
	return n;
}

static void print_hex(const uint8_t *bytes, ssize_t n)
{
	printf("= ");
	for (ssize_t i = 0; i < n; i++)
		printf("%02x", bytes[i]);
	puts(n > 0 ? "" : "-");
	fflush(stdout);
}

static void exchange(struct names *names, bool is_stream, const char *address, const char *hex)
{
	static uint8_t bytes[65537];
	struct island_socket wish = {.type = is_stream ? SOCK_STREAM : SOCK_DGRAM};
	size_t skip = is_stream ? 2 : 0, n = read_hex(hex, bytes + 2, sizeof(bytes) - 2);
	struct pollfd poll_fd = {.events = POLLIN};
	AUTO_CLOSE int fd = -EBADF;
	ssize_t got = -1;

	wish.length = read_address(address, NAMES_PORT, &wish.address);
	wish.domain = wish.address.ss_family;
	fd = poll_fd.fd = names_socket(names, &wish);
	if (fd < 0 || !names_has_socket(names, fd))
		exit(1);
	names_know_asker(names, fd, 4711, "asker");
	bytes[0] = (uint8_t)(n >> 8);
	bytes[1] = (uint8_t)n;
	if (send(fd, bytes + 2 - skip, n + skip, MSG_NOSIGNAL) == (ssize_t)(n + skip) &&
	        poll(&poll_fd, 1, PATIENCE_MS) > 0) {
		got = recv(fd, bytes, sizeof(bytes), is_stream ? MSG_PEEK : 0);
		if (is_stream && got >= 2)
			got = recv(fd, bytes, 2u + (size_t)(bytes[0] << 8 | bytes[1]), MSG_WAITALL);
	}
	print_hex(bytes + skip, got - (ssize_t)skip);
}

static void decide(struct names *names, const struct policy *policy, const char *words[4])
{
	static const char *const states[] = {"unknown", "ended", "open"};
	struct sockaddr_storage storage;
	struct address address = {.kind = ADDRESS_IP,
	        .port = (uint16_t)atoi(words[3]),
	        .transport = strcmp(words[1], "tcp") == 0 ? POLICY_TCP : POLICY_UDP};
	const struct policy_address_rule *rule = NULL;
	char name[256] = "";
	enum names_state state;

	if (read_address(words[2], address.port, &storage) == sizeof(struct sockaddr_in)) {
		address.ip[10] = address.ip[11] = 0xff;
		memcpy(address.ip + 12, &((struct sockaddr_in *)&storage)->sin_addr, 4);
	} else {
		memcpy(address.ip, &((struct sockaddr_in6 *)&storage)->sin6_addr, 16);
	}
	state = names_decide(names, policy, &address, &rule, name);
	printf("= %s %s %s\n", states[state], name, rule ? rule->text : "");
	fflush(stdout);
}

static void obey(struct names *names, const struct policy *policy, char *line)
{
	char *rest = NULL;
	const char *words[4];

	for (size_t i = 0; i < ELEMENTS(words); i++) {
		words[i] = strtok_r(i ? NULL : line, " \n", &rest);
		words[i] = words[i] ? words[i] : "";
	}
	if (strcmp(words[0], "decide") == 0)
		decide(names, policy, words);
	else
		exchange(names, strcmp(words[0], "tcp") == 0, words[1], words[2]);
}

int main(int argc, char **argv)
{
	struct policy *policy = read_policy(argc >= 5 ? argv[1] : "reeve: 1");
	struct address_matcher *matcher = matcher_of(policy);
	int json = open(argv[4], O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600);
	struct record_options record = {.json = json};
	struct names_options options = {.policy = policy,
	        .matcher = matcher,
	        .kept = &json,
	        .kept_count = 1,
	        .server = argv[2],
	        .hosts = argv[3],
	        .resolvers = argc > 5 ? argv[5] : NULL};
	struct names *names = NULL;
	AUTO_FREE char *line = NULL;
	size_t size = 0;
	int r = recorder_new(&record, &options.recorder);

	if (r == 0)
		r = names_start(&options, &names);
	if (r == -EPERM || r == -ENOSPC || r == -EINVAL || r == -EUSERS)
		return 77;
	if (r < 0) {
		fprintf(stderr, "names_start: %s\n", strerror(-r));
		return 1;
	}
	while (getline(&line, &size, stdin) > 0)
		obey(names, policy, line);
	names_end(names);
	recorder_free(options.recorder);
	address_matcher_free(matcher);
	policy_unref(policy);
	return 0;
}
