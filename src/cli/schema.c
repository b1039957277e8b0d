/* reeve schema: the policy language, for editors. */
#include "policy/schema.h"

#include <errno.h>
#include <stdio.h>

#include "cli/cli.h"
#include "cli/options.h"

static const struct option known[] = {{"help", no_argument, NULL, 'h'}, {0}};

static int main_of_schema(int argc, char **argv)
{
	struct json_object *schema;
	const char *text;
	int c, r;

	opterr = 0;
	while ((c = getopt_long(argc, argv, ":h", known, NULL)) >= 0) {
		if (c == 'h')
			return cli_print_help(&cli_schema);
		options_complain("schema", c, argv, known);
		return CLI_EXIT_WRONG;
	}
	if (cli_refuse_words(&cli_schema, argv + optind))
		return CLI_EXIT_WRONG;
	schema = policy_schema();
	text = json_object_to_json_string_ext(
	        schema, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED | JSON_C_TO_STRING_NOSLASHESCAPE);
	r = text && puts(text) >= 0 ? cli_print("") : CLI_EXIT_WRONG;
	json_object_put(schema);
	return r;
}

const struct cli_command cli_schema = {
        .name = "schema",
        .summary = "the policy language as a JSON Schema, for editors",
        .help = "Usage: reeve schema\n"
                "Writes the JSON Schema (2020-12) of policies. Editors that know it complete keys\n"
                "and names, and mark mistakes; reeve check finds those that a schema cannot.\n"
                "In VS Code (YAML extension):  \"yaml.schemas\": {\"reeve.json\": \"*.reeve.yaml\"}\n"
                "In the first line of a policy: # yaml-language-server: $schema=reeve.json\n"
                "Examples:\n"
                "  reeve schema >reeve.json\n"
                "  reeve schema | jq '.\"$defs\".files.properties | keys'\n"
                "  reeve check policy.yaml\n",
        .options = known,
        .function = main_of_schema,
};
