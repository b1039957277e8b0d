/* reeve completion: scripts for shells, made from the rows that the parser uses. */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/escape.h"
#include "cli/cli.h"
#include "cli/options.h"
#include "cli/suggest.h"
#include "policy/limits.h"
#include "policy/policy.h"
#include "syscalls/table.h"

static const struct option known[] = {{"help", no_argument, NULL, 'h'}, {0}};

static const char help[] = "Usage: reeve completion bash|zsh|fish\n"
                           "Writes a script that completes subcommands, options, profiles and files.\n"
                           "Packages and make install put them where the shells look.\n"
                           "Examples:\n"
                           "  reeve completion bash >~/.local/share/bash-completion/completions/reeve\n"
                           "  reeve completion zsh >~/.zfunc/_reeve     (a folder of $fpath)\n"
                           "  reeve completion fish >~/.config/fish/completions/reeve.fish\n"
                           "Exit code: 0; 2 for a shell that is not known.\n";

static const char *const value_names[] = {
        [CLI_NOTHING] = "nothing",
        [CLI_TEXT] = "text",
        [CLI_FILE] = "file",
        [CLI_PATH] = "path",
        [CLI_POLICY] = "policy",
        [CLI_PROFILE] = "profile",
        [CLI_SHOWN_PROFILE] = "shown",
        [CLI_COMMAND] = "command",
        [CLI_SUBCOMMAND] = "subcommand",
        [CLI_SHELL] = "shell",
        [CLI_RUNNING] = "running",
        [CLI_CALL] = "call",
        [CLI_LIMIT] = "limit",
};

static char letter_of(const struct option *option)
{
	return option->val > ' ' && option->val < 0x7f ? (char)option->val : '\0';
}

static enum cli_value value_of(const struct option *option)
{
	const struct cli_word *word = cli_word_of(option->name);

	if (option->has_arg == no_argument)
		return CLI_NOTHING;
	return word && word->value != CLI_NOTHING ? word->value : CLI_FILE;
}

static const char *summary_of(const struct option *option)
{
	const struct cli_word *word = cli_word_of(option->name);

	return word ? word->summary : "";
}

static void write_names(const char *const *names)
{
	for (bool first = true; *names; names++, first = false)
		printf("%s%s", first ? "" : " ", *names);
}

/* Groups first. */
static void write_calls(void)
{
	write_names(syscalls_groups());
	for (size_t i = 0; i < syscalls_all_count; i++)
		printf(" %s", syscalls_all[i].name);
}

static void write_subcommands(void)
{
	for (const struct cli_command *const *c = cli_commands; *c; c++)
		printf("%s%s", c == cli_commands ? "" : " ", (*c)->name);
}

/* ---- bash ---- */

static const char bash_begin[] =
        "# bash completion of reeve, made by: reeve completion bash\n"
        "\n"
        "# Puts the words that begin with $2 into COMPREPLY, of the kind $1.\n"
        "_reeve_offer()\n"
        "{\n"
        "	case $1 in\n"
        "	file | path | policy | profile | command) compopt -o filenames 2>/dev/null ;;\n"
        "	esac\n"
        "	case $1 in\n"
        "	file | path) mapfile -t COMPREPLY < <(compgen -f -- \"$2\") ;;\n"
        "	policy)\n"
        "		mapfile -t COMPREPLY < <(compgen -d -- \"$2\"\n"
        "			compgen -f -X '!*.yaml' -- \"$2\"\n"
        "			compgen -f -X '!*.yml' -- \"$2\"\n"
        "			compgen -f -X '!*.json' -- \"$2\") ;;\n"
        "	profile)\n"
        "		mapfile -t COMPREPLY < <(compgen -W \"$_reeve_profiles\" -- \"$2\"\n"
        "			[[ $2 != */* ]] || compgen -d -- \"$2\"\n"
        "			[[ $2 != */* ]] || compgen -f -X '!*.yaml' -- \"$2\") ;;\n"
        "	command) mapfile -t COMPREPLY < <(\n"
        "		if [[ $2 == */* ]]; then compgen -f -- \"$2\"; else compgen -c -- \"$2\"; fi) ;;\n"
        "	subcommand) mapfile -t COMPREPLY < <(compgen -W \"$_reeve_subcommands\" -- \"$2\") ;;\n"
        "	running) mapfile -t COMPREPLY < <(compgen -W \"$(\"${COMP_WORDS[0]}\" ps --json 2>/dev/null "
        "|\n"
        "		sed -n 's/.*\"id\": *\"\\([^\"]*\\)\".*/\\1/p')\" -- \"$2\") ;;\n"
        "	call) mapfile -t COMPREPLY < <(compgen -W \"$_reeve_calls\" -- \"$2\") ;;\n"
        "	limit)\n"
        "		compopt -o nospace 2>/dev/null\n"
        "		mapfile -t COMPREPLY < <(compgen -S = -W \"$_reeve_limits\" -- \"$2\") ;;\n"
        "	shell) mapfile -t COMPREPLY < <(compgen -W 'bash zsh fish' -- \"$2\") ;;\n"
        "	esac\n"
        "}\n"
        "\n"
        "_reeve()\n"
        "{\n"
        "	local current=${COMP_WORDS[COMP_CWORD]} options='' valued='' operand=nothing\n"
        "	local word pending='' kind i words=0 only_words=\n"
        "	COMPREPLY=()\n"
        "	if ((COMP_CWORD == 1)); then\n"
        "		mapfile -t COMPREPLY < <(compgen -W \"$_reeve_subcommands --help --version\" -- "
        "\"$current\")\n"
        "		return\n"
        "	fi\n"
        "	case ${COMP_WORDS[1]} in\n";

static const char bash_end[] =
        "	*) return ;;\n"
        "	esac\n"
        "	for ((i = 2; i < COMP_CWORD; i++)); do\n"
        "		word=${COMP_WORDS[i]}\n"
        "		if [[ -n $pending ]]; then\n"
        "			# --option=value comes as three words.\n"
        "			[[ $word == '=' ]] || pending=\n"
        "		elif [[ -z $only_words && $word == -- ]]; then\n"
        "			only_words=1\n"
        "		elif [[ -z $only_words && $word == -* ]]; then\n"
        "			[[ $valued != *\" $word:\"* ]] || pending=$word\n"
        "		elif [[ $operand == command ]]; then\n"
        "			# From here on it is that command's line.\n"
        "			if declare -F _command_offset >/dev/null; then\n"
        "				_command_offset \"$i\"\n"
        "			else\n"
        "				_reeve_offer path \"$current\"\n"
        "			fi\n"
        "			return\n"
        "		else\n"
        "			words=$((words + 1))\n"
        "		fi\n"
        "	done\n"
        "	if [[ -n $pending ]]; then\n"
        "		[[ $current != '=' ]] || current=\n"
        "		kind=${valued#*\" $pending:\"}\n"
        "		_reeve_offer \"${kind%% *}\" \"$current\"\n"
        "	elif [[ -z $only_words && $current == -* ]]; then\n"
        "		mapfile -t COMPREPLY < <(compgen -W \"$options\" -- \"$current\")\n"
        "	elif [[ $operand == shown && $words == 0 ]]; then\n"
        "		mapfile -t COMPREPLY < <(compgen -W show -- \"$current\")\n"
        "	elif [[ $operand == shown ]]; then\n"
        "		mapfile -t COMPREPLY < <(compgen -W \"$_reeve_profiles\" -- \"$current\")\n"
        "	else\n"
        "		_reeve_offer \"$operand\" \"$current\"\n"
        "	fi\n"
        "}\n"
        "\n"
        "complete -F _reeve reeve\n";

static void write_bash_command(const struct cli_command *command)
{
	printf("	%s)\n\t\toptions='", command->name);
	for (const struct option *o = command->options; o && o->name; o++) {
		printf("%s--%s", o == command->options ? "" : " ", o->name);
		if (letter_of(o))
			printf(" -%c", letter_of(o));
	}
	fputs("'\n\t\tvalued=' ", stdout);
	for (const struct option *o = command->options; o && o->name; o++) {
		if (o->has_arg == no_argument)
			continue;
		printf("--%s:%s ", o->name, value_names[value_of(o)]);
		if (letter_of(o))
			printf("-%c:%s ", letter_of(o), value_names[value_of(o)]);
	}
	printf("'\n\t\toperand='%s'\n\t\t;;\n", value_names[command->operand]);
}

static void write_bash(void)
{
	const char *rest = strchr(bash_begin, '\n') + 1;

	printf("%.*s\n_reeve_subcommands='", (int)(rest - bash_begin), bash_begin);
	write_subcommands();
	fputs("'\n_reeve_profiles='", stdout);
	write_names(policy_profiles());
	fputs("'\n_reeve_limits='", stdout);
	write_names(policy_limit_names);
	fputs("'\n_reeve_calls='", stdout);
	write_calls();
	fputs("'\n", stdout);
	fputs(rest, stdout);
	for (const struct cli_command *const *c = cli_commands; *c; c++)
		write_bash_command(*c);
	fputs(bash_end, stdout);
}

/* ---- zsh ---- */

/* What offers a value; the same words stand behind an option and for an operand. */
static void write_zsh_action(enum cli_value value)
{
	switch (value) {
	case CLI_FILE:
	case CLI_PATH:
		printf(":%s:_files", value_names[value]);
		break;
	case CLI_POLICY:
		fputs(":policy:_files -g \"*.(yaml|yml|json)(-.)\"", stdout);
		break;
	case CLI_PROFILE:
	case CLI_SHOWN_PROFILE:
		fputs(":profile:(", stdout);
		write_names(policy_profiles());
		putchar(')');
		break;
	case CLI_SUBCOMMAND:
		fputs(":subcommand:(", stdout);
		write_subcommands();
		putchar(')');
		break;
	case CLI_SHELL:
		fputs(":shell:(bash zsh fish)", stdout);
		break;
	case CLI_RUNNING:
		fputs(":running:_reeve_running", stdout);
		break;
	case CLI_CALL:
		fputs(":call:(", stdout);
		write_calls();
		putchar(')');
		break;
	case CLI_LIMIT:
		fputs(":limit:(", stdout);
		for (const char *const *name = policy_limit_names; *name; name++)
			printf("%s%s=", name == policy_limit_names ? "" : " ", *name);
		putchar(')');
		break;
	default:
		printf(":%s: ", value_names[value]);
	}
}

static void write_zsh_option(const struct option *option, const char *name, bool is_long)
{
	bool has_value = option->has_arg != no_argument;

	printf(" \\\n\t\t\t'*%s%s[%s]", name,
	        has_value && is_long ? "="
	        : has_value          ? "+"
	                             : "",
	        summary_of(option));
	if (has_value)
		write_zsh_action(value_of(option));
	putchar('\'');
}

static void write_zsh_command(const struct cli_command *command)
{
	printf("\t%s)\n\t\t_arguments -s -S", command->name);
	for (const struct option *o = command->options; o && o->name; o++) {
		char name[64];

		snprintf(name, sizeof(name), "--%s", o->name);
		write_zsh_option(o, name, true);
		snprintf(name, sizeof(name), "-%c", letter_of(o));
		if (letter_of(o))
			write_zsh_option(o, name, false);
	}
	if (command->operand == CLI_COMMAND) {
		fputs(" \\\n\t\t\t'(-)1:command:_command_names -e' '*::arguments:_normal'", stdout);
	} else if (command->operand == CLI_SHOWN_PROFILE) {
		fputs(" \\\n\t\t\t'1:what:(show)' '2", stdout);
		write_zsh_action(command->operand);
		putchar('\'');
	} else if (command->operand != CLI_NOTHING) {
		fputs(" \\\n\t\t\t'*", stdout);
		write_zsh_action(command->operand);
		putchar('\'');
	}
	fputs("\n\t\t;;\n", stdout);
}

static void write_zsh(void)
{
	fputs("#compdef reeve\n# zsh completion of reeve, made by: reeve completion zsh\n\n"
	      "_reeve_running()\n{\n"
	      "\tlocal -a running=(${(f)\"$(_call_program running reeve ps --json 2>/dev/null |\n"
	      "\t\tsed -n 's/.*\"id\": *\"\\([^\"]*\\)\".*/\\1/p')\"})\n"
	      "\t_describe running running\n}\n\n"
	      "_reeve()\n{\n"
	      "\tlocal -a subcommands=(\n",
	        stdout);
	for (const struct cli_command *const *c = cli_commands; *c; c++) {
		printf("\t\t'%s:", (*c)->name);
		for (const char *p = (*c)->summary; *p; p++)
			printf("%s%c", *p == ':' ? "\\" : "", *p);
		fputs("'\n", stdout);
	}
	fputs("\t)\n"
	      "\tif ((CURRENT == 2)); then\n"
	      "\t\t_describe subcommand subcommands\n"
	      "\t\treturn\n"
	      "\tfi\n"
	      "\tlocal subcommand=$words[2]\n"
	      "\tshift words\n"
	      "\t((CURRENT--))\n"
	      "\tcase $subcommand in\n",
	        stdout);
	for (const struct cli_command *const *c = cli_commands; *c; c++)
		write_zsh_command(*c);
	fputs("\tesac\n}\n\nif [[ $zsh_eval_context[-1] == loadautofunc ]]; then\n\t_reeve \"$@\"\nelse\n"
	      "\tcompdef _reeve reeve\nfi\n",
	        stdout);
}

/* ---- fish ---- */

static void write_fish_value(enum cli_value value)
{
	switch (value) {
	case CLI_FILE:
	case CLI_PATH:
	case CLI_POLICY:
		fputs(" -F", stdout);
		break;
	case CLI_PROFILE:
		fputs(" -a '", stdout);
		write_names(policy_profiles());
		putchar('\'');
		break;
	case CLI_CALL:
		fputs(" -a '", stdout);
		write_calls();
		putchar('\'');
		break;
	case CLI_LIMIT:
		fputs(" -a '", stdout);
		for (const char *const *name = policy_limit_names; *name; name++)
			printf("%s%s=", name == policy_limit_names ? "" : " ", *name);
		putchar('\'');
		break;
	default:
		break;
	}
}

static const char fish_begin[] =
        "# fish completion of reeve, made by: reeve completion fish\n"
        "\n"
        "# Whether the line is one of that subcommand, and no command has begun behind --.\n"
        "function __reeve_in\n"
        "	set -l words (commandline -opc)\n"
        "	test (count $words) -ge 2; and test $words[2] = $argv[1]; and not contains -- -- $words\n"
        "end\n"
        "\n"
        "function __reeve_behind_dashes\n"
        "	set -l words (commandline -opc)\n"
        "	test (count $words) -ge 3; and test $words[2] = run; and contains -- -- $words\n"
        "end\n"
        "\n"
        "# What fish offers for the command that stands behind --.\n"
        "function __reeve_command\n"
        "	set -l words (commandline -opc)\n"
        "	set -l start (math (contains -i -- -- $words) + 1)\n"
        "	set -l begun (string escape -- $words[$start..-1])\n"
        "	complete -C (string join ' ' -- $begun (commandline -ct))\n"
        "end\n"
        "\n"
        "function __reeve_running\n"
        "	reeve ps --json 2>/dev/null | string replace -rf '.*\"id\": *\"([^\"]*)\".*' '$1'\n"
        "end\n"
        "\n"
        "complete -c reeve -f\n"
        "complete -c reeve -n __reeve_behind_dashes -a '(__reeve_command)'\n";

static void write_fish_operand(const struct cli_command *command)
{
	const char *name = command->name;

	switch (command->operand) {
	case CLI_COMMAND:
		printf("complete -c reeve -n '__reeve_in %s' -a '(__fish_complete_command)'\n", name);
		break;
	case CLI_SHOWN_PROFILE:
		printf("complete -c reeve -n '__reeve_in %s; and not __fish_seen_subcommand_from show' "
		       "-a show\n"
		       "complete -c reeve -n '__reeve_in %s; and __fish_seen_subcommand_from show' -a '",
		        name, name);
		write_names(policy_profiles());
		fputs("'\n", stdout);
		break;
	case CLI_SUBCOMMAND:
		printf("complete -c reeve -n '__reeve_in %s' -a '", name);
		write_subcommands();
		fputs("'\n", stdout);
		break;
	case CLI_RUNNING:
		printf("complete -c reeve -n '__reeve_in %s' -a '(__reeve_running)'\n", name);
		break;
	case CLI_SHELL:
		printf("complete -c reeve -n '__reeve_in %s' -a 'bash zsh fish'\n", name);
		break;
	case CLI_FILE:
	case CLI_PATH:
	case CLI_POLICY:
		printf("complete -c reeve -n '__reeve_in %s' -F\n", name);
		break;
	default:
		break;
	}
}

static void write_fish_command(const struct cli_command *command)
{
	for (const struct option *o = command->options; o && o->name; o++) {
		printf("complete -c reeve -n '__reeve_in %s' -l %s", command->name, o->name);
		if (letter_of(o))
			printf(" -s %c", letter_of(o));
		if (o->has_arg != no_argument) {
			fputs(" -r", stdout);
			write_fish_value(value_of(o));
		}
		printf(" -d '%s'\n", summary_of(o));
	}
	write_fish_operand(command);
}

static void write_fish(void)
{
	fputs(fish_begin, stdout);
	for (const struct cli_command *const *c = cli_commands; *c; c++)
		printf("complete -c reeve -n __fish_use_subcommand -a %s -d '%s'\n", (*c)->name,
		        (*c)->summary);
	for (const struct cli_command *const *c = cli_commands; *c; c++)
		write_fish_command(*c);
}

static const struct {
	const char *name;
	void (*write)(void);
} shells[] = {{"bash", write_bash}, {"zsh", write_zsh}, {"fish", write_fish}};

static int complain(const char *word)
{
	static const char *const names[] = {"bash", "zsh", "fish", NULL};
	const char *nearest = word ? suggest_nearest(word, names) : NULL;

	fputs("reeve completion: ", stderr);
	if (word) {
		fputs("there is none for ", stderr);
		escape_for_terminal(stderr, word);
	} else {
		fputs("for which shell?", stderr);
	}
	fprintf(stderr, "%s Type: reeve completion %s\n", word ? "." : "",
	        nearest ? nearest : "bash|zsh|fish");
	return CLI_EXIT_WRONG;
}

static int main_of_completion(int argc, char **argv)
{
	int c;

	opterr = 0;
	while ((c = getopt_long(argc, argv, ":h", known, NULL)) >= 0) {
		if (c == 'h')
			return cli_print_help(&cli_completion);
		options_complain("completion", c, argv, known);
		return CLI_EXIT_WRONG;
	}
	argv += optind;
	if (argv[0] && argv[1])
		return cli_refuse_words(&cli_completion, argv + 1);
	for (size_t i = 0; argv[0] && i < ELEMENTS(shells); i++) {
		if (strcmp(argv[0], shells[i].name) == 0) {
			shells[i].write();
			return cli_print("");
		}
	}
	return complain(argv[0]);
}

const struct cli_command cli_completion = {
        .name = "completion",
        .summary = "scripts that complete reeve in bash, zsh and fish",
        .help = help,
        .options = known,
        .function = main_of_completion,
        .operand = CLI_SHELL,
};
