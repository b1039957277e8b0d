/* Starting programs: every kind of file that is one, and those that are none. */
#include <pthread.h>
#include <spawn.h>

#include "live.h"

extern char **environ;

/* With arguments: says them. */
static int told(int argc, char **argv)
{
	printf("ran with");
	for (int i = 1; i < argc; i++)
		printf(" [%s]", argv[i]);
	printf(" cloexec %s\n", fcntl(100, F_GETFD) < 0 ? "gone" : "still there");
	return argc;
}

static void copy(const char *from, const char *to, mode_t mode)
{
	static char buffer[1 << 16];
	int in = open(from, O_RDONLY | O_CLOEXEC),
	    out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0755);
	ssize_t n;

	while ((n = read(in, buffer, sizeof(buffer))) > 0)
		write(out, buffer, (size_t)n);
	fchmod(out, mode);
	close(in);
	close(out);
}

struct start {
	const char *label;
	int dirfd;
	const char *path;
	int flags;
};

static void start(const struct start *s)
{
	char *arguments[] = {(char *)(uintptr_t) "name", (char *)(uintptr_t) "one",
	        (char *)(uintptr_t) "two words", (char *)(uintptr_t) "", NULL};
	int status;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		dup3(0, 100, O_CLOEXEC);
		if (s->flags < 0)
			execve(s->path, arguments, environ);
		else
			syscall(SYS_execveat, s->dirfd, s->path, arguments, environ, s->flags);
		_exit(errno + 100);
	}
	waitpid(pid, &status, 0);
	if (WIFEXITED(status) && WEXITSTATUS(status) > 100) {
		errno = WEXITSTATUS(status) - 100;
		printf("%s: %s\n", s->label, outcome(-1));
	} else {
		printf("%s: ends with %d\n", s->label,
		        WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status));
	}
}

static void kinds(void)
{
	static const char *const paths[] = {"prog", "./prog", "proglink", "unreadable", "script",
	        "missing-interpreter", "noexec", "dir", "dir/", "prog/", "prog/.", "text", "empty", "missing",
	        "dangling", "loop", "", "deep", "nested", "prog/x", "/proc/self/exe", "theirs/open",
	        "/dev/null", "dirlink/prog"};

	for (size_t i = 0; i < COUNT(paths); i++) {
		char label[96];
		struct start s = {.label = label, .path = paths[i], .flags = -1};

		snprintf(label, sizeof(label), "execve %s", paths[i]);
		start(&s);
		s = (struct start){
		        .label = label, .dirfd = AT_FDCWD, .path = paths[i], .flags = AT_SYMLINK_NOFOLLOW};
		snprintf(label, sizeof(label), "execveat nofollow %s", paths[i]);
		start(&s);
	}
}

static void descriptors(void)
{
	int prog = open("prog", O_RDONLY), script = open("script", O_RDONLY), dir = open("dir", O_RDONLY);
	int closing = open("script", O_RDONLY | O_CLOEXEC), memory;
	struct stat st;
	char *bytes;

	start(&(struct start){"a descriptor", prog, "", AT_EMPTY_PATH});
	start(&(struct start){"a script's descriptor", script, "", AT_EMPTY_PATH});
	start(&(struct start){"one that closes", closing, "", AT_EMPTY_PATH});
	start(&(struct start){"an empty path without the flag", prog, "", 0});
	start(&(struct start){"in a folder", dir, "prog", 0});
	start(&(struct start){"in no folder", 777, "prog", 0});
	start(&(struct start){"in a file", prog, "prog", 0});
	start(&(struct start){"unknown flags", prog, "", 0x4});
	start(&(struct start){"no path", prog, NULL, -1});
	/* A program that only memory holds. */
	memory = (int)syscall(SYS_memfd_create, "program", 0);
	fstat(prog, &st);
	bytes = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, prog, 0);
	write(memory, bytes, (size_t)st.st_size);
	start(&(struct start){"memory", memory, "", AT_EMPTY_PATH});
	copy("/proc/self/exe", "short", 0755);
	memory = open("short", O_RDONLY);
	unlink("short");
	start(&(struct start){"a removed program", memory, "", AT_EMPTY_PATH});
}

static void *spawn_many(void *failed)
{
	char *arguments[] = {(char *)(uintptr_t) "true", NULL};

	for (int i = 0; i < 50; i++) {
		int status = 1;
		pid_t pid;

		if (posix_spawn(&pid, "/bin/true", NULL, NULL, arguments, environ) != 0 ||
		        waitpid(pid, &status, 0) != pid || status != 0)
			(*(_Atomic int *)failed)++;
	}
	return NULL;
}

static void many(void)
{
	_Atomic int failed = 0;
	pthread_t threads[4];
	int status;

	for (size_t i = 0; i < COUNT(threads); i++)
		pthread_create(&threads[i], NULL, spawn_many, &failed);
	for (size_t i = 0; i < COUNT(threads); i++)
		pthread_join(threads[i], NULL);
	printf("200 started by four threads: %d failed\n", failed);
	failed = 0;
	for (int i = 0; i < 50; i++) {
		pid_t pid = vfork();

		if (pid == 0) {
			execl(i % 2 ? "/bin/true" : "./missing", "true", NULL);
			_exit(0);
		}
		if (waitpid(pid, &status, 0) != pid || status != 0)
			failed++;
	}
	printf("50 started by vfork: %d failed\n", failed);
}

static void *become(void *unused)
{
	execl("./prog", "prog", "from", "a", "thread", NULL);
	return unused;
}

static void by_a_thread(void)
{
	pthread_t thread;

	pthread_create(&thread, NULL, become, NULL);
	pthread_join(thread, NULL);
	printf("not reached\n");
}

int main(int argc, char **argv)
{
	if (argc > 1)
		return told(argc, argv);
	umask(022);
	copy("/proc/self/exe", "prog", 0755);
	copy("/proc/self/exe", "unreadable", 0711);
	copy("/proc/self/exe", "noexec", 0644);
	mkdir("dir", 0755);
	copy("/proc/self/exe", "dir/prog", 0755);
	symlink("prog", "proglink");
	symlink("dir", "dirlink");
	symlink("nowhere", "dangling");
	symlink("loop", "loop");
	put("script", "#!/bin/sh\necho script $# $1 $2\n", 0755);
	put("nested", "#!./script with argument\n", 0755);
	put("deep", "#!./nested\n", 0755);
	put("missing-interpreter", "#!/nonexistent/interpreter\n", 0755);
	put("text", "no program\n", 0755);
	put("empty", "", 0755);
	kinds();
	descriptors();
	many();
	apart("by a thread", by_a_thread);
	return 0;
}
