/* test-launch GROUP REEVE HELPER: a group of tests, as the user who runs it, and, when that is root, as
 * nobody too. */
#include <grp.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "driver.h"

#define NOBODY 65534
#define SKIPPED 77

const char *helper, *reeve;

static const struct {
	const char *name;
	void (*run)(void);
} groups[] = {
        {"codes", test_codes},
        {"signals", test_signals},
        {"terminal", test_terminal},
        {"origin", test_origin},
        {"leftovers", test_leftovers},
        {"deaths", test_deaths},
        {"cost", test_cost},
        {"limits", test_limits},
        {"streams", test_streams},
        {"network", test_network},
        {"cgroup", test_cgroup},
};

static void run_group(void (*run)(void), uid_t owner)
{
	char folder[] = "/tmp/launch.XXXXXX";

	if (!mkdtemp(folder) || chown(folder, owner, owner) < 0 || chdir(folder) < 0)
		abort();
	if (owner != getuid() && (setgroups(0, NULL) < 0 || setgid(owner) < 0 || setuid(owner) < 0))
		abort();
	setenv("PWD", folder, 1);
	setenv("HOME", folder, 1);
	run();
	if (chdir("/") == 0 && failures == 0 && fork() == 0)
		execlp("rm", "rm", "-rf", folder, NULL);
	wait(NULL);
}

static int as_user(void (*run)(void), uid_t owner)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		run_group(run, owner);
		exit(failures != 0);
	}
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

int main(int argc, char **argv)
{
	bool is_tested;
	int r = 0;

	if (argc != 4)
		return 2;
	reeve = realpath(argv[2], NULL);
	helper = realpath(argv[3], NULL);
	if (!reeve || !helper)
		return 2;
	setvbuf(stdout, NULL, _IOLBF, 0);
	/* Whoever runs the tests may ignore some: nohup, a shell's background. */
	for (int i = 1; i < 32; i++)
		signal(i, SIG_DFL);
	for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++) {
		if (strcmp(groups[i].name, argv[1]) != 0)
			continue;
		/* Bombs and random kills are not for root, whose mistakes reach everybody. */
		if (getuid() != 0 || groups[i].run != test_deaths)
			r = as_user(groups[i].run, getuid());
		is_tested = getuid() == 0 && groups[i].run != test_deaths && r == 0;
		if (getuid() == 0 && r == 0)
			r = as_user(groups[i].run, NOBODY);
		/* What only root can have was looked at. */
		return r == SKIPPED && is_tested ? 0 : r;
	}
	return 2;
}
