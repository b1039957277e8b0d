/* Other names for a denied file: by moving what it is in, and by hard links. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "attack.h"

#ifndef RENAME_EXCHANGE
#define RENAME_EXCHANGE 2
#endif
#ifndef RENAME_WHITEOUT
#define RENAME_WHITEOUT 4
#endif

struct kept {
	const char *folder, *rest; /* an ancestor of a denied file, and the way from it */
};

static const struct kept kept[] = {
        {"vault", "key"},
        {"deep", "a/b/key"},
        {"deep/a", "b/key"},
        {"deep/a/b", "key"},
        {"g1/priv", "key"},
        {"g1", "priv/key"},
        {"x/y/safe", "pin"},
        {"closed", "key"},
        {"../work", "vault/key"},
};

#define KEPT (sizeof(kept) / sizeof(kept[0]))

static long renameat2_(int from, const char *old, int to, const char *new, unsigned flags)
{
	return syscall(SYS_renameat2, from, old, to, new, flags);
}

static void make_place(const char *name)
{
	mkdir(name, 0755);
	mkdir("other", 0755);
}

static void look_there(const struct kept *k, const char *name, const char *how)
{
	char path[200], text[300];

	snprintf(path, sizeof(path), "%s/%s", name, k->rest);
	snprintf(text, sizeof(text), "%s of %s, then %s", how, k->folder, path);
	try_read(path, text);
}

/* Each kind of move once, to where a name is free, taken, or below another folder. The move itself has to
 * fail, too: otherwise the rule would have lost its object. */
static void move_each_way(const struct kept *k)
{
	static const unsigned flags[] = {0, 1, RENAME_EXCHANGE, RENAME_WHITEOUT};
	static const char *const names[] = {"free", "empty", "other/free", "./empty/", "other/../free"};
	char slash[100];

	snprintf(slash, sizeof(slash), "%s/", k->folder);
	for (size_t f = 0; f < 4; f++)
		for (size_t n = 0; n < 5; n++) {
			make_place("empty");
			rmdir("free");
			must_fail(renameat2_(AT_FDCWD, k->folder, AT_FDCWD, names[n], flags[f]), "renameat2");
			look_there(k, names[n], "renameat2");
			must_fail(
			        renameat2_(AT_FDCWD, slash, AT_FDCWD, names[n], flags[f]), "renameat2 of x/");
			look_there(k, names[n], "renameat2 of x/");
			if (flags[f] == RENAME_EXCHANGE) {
				must_fail(renameat2_(AT_FDCWD, names[n], AT_FDCWD, k->folder, flags[f]),
				        "exchange the other way round");
				look_there(k, names[n], "exchange");
			}
		}
	must_fail(rename(k->folder, "free"), "rename");
	must_fail(renameat(AT_FDCWD, k->folder, AT_FDCWD, "free"), "renameat");
	look_there(k, "free", "rename");
}

/* From inside: through a descriptor of the folder above, through the working folder, through a link. */
static void move_from_near(const struct kept *k)
{
	char up[200], through[200];
	const char *base = strrchr(k->folder, '/');
	int here = open(".", O_PATH), above, inside;

	snprintf(up, sizeof(up), "%s/..", k->folder);
	base = base ? base + 1 : k->folder;
	above = open(up, O_PATH | O_DIRECTORY);
	inside = open(k->folder, O_PATH | O_DIRECTORY);
	if (above < 0 || inside < 0)
		broken("%s: %s", up, strerror(errno));
	must_fail(renameat(above, base, here, "free"), "renameat from the folder above");
	look_there(k, "free", "renameat from above");
	must_fail(renameat2_(above, base, above, "free-near", 0), "renameat within the folder above");
	if (fchdir(inside) < 0)
		broken("fchdir: %s", strerror(errno));
	snprintf(through, sizeof(through), "../%s", base);
	must_fail(rename(through, "../free-near"), "rename from within");
	must_fail(rename(".", "../free-near"), "rename of .");
	if (fchdir(here) < 0)
		broken("fchdir: %s", strerror(errno));
	snprintf(through, sizeof(through), "/proc/self/fd/%d/%s", above, base);
	must_fail(rename(through, "free"), "rename through /proc/self/fd");
	look_there(k, "free", "rename through /proc/self/fd");
	close(above);
	close(inside);
	close(here);
}

static void ancestors(void)
{
	for (size_t i = 0; i < KEPT; i++) {
		move_each_way(&kept[i]);
		move_from_near(&kept[i]);
	}
	/* A rule that holds everywhere moves with its folder. */
	must_fail(open("sub/.env", O_RDONLY), "open of .env");
	if (rename("sub", "renamed") == 0) {
		must_fail(open("renamed/.env", O_RDONLY), "open of .env after its folder moved");
		if (rename("renamed", "sub") < 0)
			broken("rename: %s", strerror(errno));
	}
}

/* ---- in races ---- */

static volatile bool over;
static struct counts moves;

static void *move_again_and_again(void *argument)
{
	for (unsigned i = 0; !over; i++) {
		const struct kept *k = &kept[i % (KEPT - 1)];
		char name[40];
		long r;

		/* What is moved first is a folder of our own, then the one that holds a key. */
		snprintf(name, sizeof(name), "way-%u", i % 4);
		mkdir(name, 0755);
		r = renameat2_(AT_FDCWD, name, AT_FDCWD, "there", 0);
		moves.good += r == 0;
		rmdir("there");
		r = renameat2_(AT_FDCWD, k->folder, AT_FDCWD, name, i & 4 ? RENAME_EXCHANGE : 0);
		if (r == 0)
			moves.other++;
		else
			moves.refused++;
		rmdir(name);
	}
	return NULL;
}

static void *read_again_and_again(void *argument)
{
	while (attack_goes_on())
		for (size_t i = 0; i < KEPT - 1; i++)
			for (int n = 0; n < 4; n++) {
				char path[80];

				snprintf(path, sizeof(path), "way-%d/%s", n, kept[i].rest);
				try_read(path, "read at the new place, in a race");
			}
	return NULL;
}

static void ancestors_race(void)
{
	pthread_t mover, other, reader;

	pthread_create(&mover, NULL, move_again_and_again, NULL);
	pthread_create(&other, NULL, move_again_and_again, NULL);
	pthread_create(&reader, NULL, read_again_and_again, NULL);
	pthread_join(reader, NULL);
	over = true;
	pthread_join(mover, NULL);
	pthread_join(other, NULL);
	if (moves.other)
		leaked("a folder with a denied file was moved %lu times", moves.other);
	window("moves of folders", moves.good, moves.refused);
}

/* ---- to where other rules hold ---- */

/* A folder of our own, with what may not be made at the places that rules name. */
static void make_plant(const char *file)
{
	char path[60];

	mkdir("plant", 0755);
	mkdir("plant/on", 0755);
	snprintf(path, sizeof(path), "plant/%s", file);
	close(open(path, O_CREAT | O_WRONLY, 0644));
}

static void arrive_each_way(const char *file, const char *to)
{
	make_plant(file);
	unlink("to-plant");
	if (symlink("plant", "to-plant") < 0)
		broken("symlink: %s", strerror(errno));
	must_fail_with(rename("plant", to), EXDEV, "rename to where a rule names what is in it");
	must_fail_with(rename("to-plant", to), EACCES, "rename of a link to there");
	must_fail_with(symlink("plant", to), EACCES, "a link there");
	must_fail_with(link("to-plant", to), EACCES, "a second name of a link there");
	must_fail_with(rename("nothing", to), ENOENT, "rename of nothing");
	/* A file has nothing in it. */
	close(open("leaf", O_CREAT | O_WRONLY, 0644));
	if (rename("leaf", to) < 0 || rename(to, "leaf") < 0)
		broken("rename of a file to %s: %s", to, strerror(errno));
	if (mkdir(to, 0755) < 0)
		broken("mkdir %s: %s", to, strerror(errno));
	must_fail_with(symlink("plant", to), EEXIST, "a link where a folder is");
	must_fail(renameat2_(AT_FDCWD, "plant", AT_FDCWD, to, 0), "rename onto a folder");
	must_fail(renameat2_(AT_FDCWD, "plant", AT_FDCWD, to, RENAME_EXCHANGE), "exchange");
	must_fail(renameat2_(AT_FDCWD, to, AT_FDCWD, "plant", RENAME_EXCHANGE), "exchange back");
}

static void arrivals(void)
{
	static const char *const names[] = {"open", "./sub/../open", "other/open"};

	mkdir("other", 0755);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char path[60];

		snprintf(path, sizeof(path), "%s/.env", names[i]);
		must_fail_with(rename("sub", names[i]), EXDEV, "rename to where an exception is");
		try_read(path, "an exception of the rule");
		mkdir(names[i], 0755);
		must_fail(rename("sub", names[i]), "rename onto where an exception is");
		must_fail(renameat2_(AT_FDCWD, "sub", AT_FDCWD, names[i], RENAME_EXCHANGE), "exchange");
		must_fail(renameat2_(AT_FDCWD, names[i], AT_FDCWD, "sub", RENAME_EXCHANGE), "exchange back");
		try_read(path, "an exception of the rule");
		rmdir(names[i]);
	}
	arrive_each_way("pin", "safe");
	arrive_each_way("on/key", "later");
	must_fail(unlink("way"), "a link on the way to a denied place removed");
	must_fail(rename("way", "other-way"), "it moved");
	must_fail(renameat2_(AT_FDCWD, "plant", AT_FDCWD, "way", RENAME_EXCHANGE), "it exchanged");
	must_fail(rename("to-plant", "way"), "it replaced");
	/* Other links and folders come and go. */
	if (rename("to-plant", "other/to-plant") < 0 || unlink("other/to-plant") < 0 ||
	        rename("plant", "other/plant") < 0)
		broken("%s", strerror(errno));
}

static void *swap_arrival(void *argument)
{
	close(open("arrival", O_CREAT | O_WRONLY, 0644));
	while (!over)
		renameat2_(AT_FDCWD, "sub", AT_FDCWD, "arrival", RENAME_EXCHANGE);
	return NULL;
}

/* A file when it is looked at, and the folder when it is moved. */
static void arrivals_race(void)
{
	struct counts counts = {0};
	struct stat st;
	pthread_t thread;

	pthread_create(&thread, NULL, swap_arrival, NULL);
	while (attack_goes_on()) {
		if (stat("arrival", &st) == 0 && S_ISDIR(st.st_mode))
			counts.good++;
		else
			counts.other++;
		if (rename("arrival", "open") == 0) {
			try_read("open/.env", "an exception of the rule, in a race");
			rename("open", "arrival");
		}
	}
	over = true;
	pthread_join(thread, NULL);
	if (stat("sub", &st) == 0 && !S_ISDIR(st.st_mode))
		renameat2_(AT_FDCWD, "sub", AT_FDCWD, "arrival", RENAME_EXCHANGE);
	window("what arrives", counts.good, counts.other);
}

/* ---- hard links ---- */

static void link_each_way(const char *path)
{
	int fd = open(path, O_PATH), here = open(".", O_PATH);
	char number[40], task[60];

	must_fail(link(path, "name"), "link");
	must_fail(linkat(AT_FDCWD, path, here, "name", 0), "linkat");
	must_fail(linkat(AT_FDCWD, path, here, "name", AT_SYMLINK_FOLLOW), "linkat AT_SYMLINK_FOLLOW");
	if (fd < 0)
		return;
	must_fail(linkat(fd, "", AT_FDCWD, "name", AT_EMPTY_PATH), "linkat AT_EMPTY_PATH");
	must_fail(linkat(fd, "", AT_FDCWD, "name", AT_EMPTY_PATH | AT_SYMLINK_FOLLOW), "linkat, both flags");
	snprintf(number, sizeof(number), "/proc/self/fd/%d", fd);
	must_fail(linkat(AT_FDCWD, number, AT_FDCWD, "name", AT_SYMLINK_FOLLOW), "linkat of /proc/self/fd");
	snprintf(task, sizeof(task), "/proc/self/task/%d/fd/%d", getpid(), fd);
	must_fail(linkat(AT_FDCWD, task, AT_FDCWD, "name", AT_SYMLINK_FOLLOW), "linkat of /proc/self/task");
	snprintf(task, sizeof(task), "/dev/fd/%d", fd);
	must_fail(linkat(AT_FDCWD, task, AT_FDCWD, "name", AT_SYMLINK_FOLLOW), "linkat of /dev/fd");
	try_read("name", "a hard link");
	close(fd);
	close(here);
}

static void links(void)
{
	const char *const paths[] = {
	        "secret", "vault/key", "closed/key", ".env", "g1/priv/key", "../readonly/file"};
	struct stat st;

	unlink("to-secret");
	if (symlink("secret", "to-secret") < 0)
		broken("symlink: %s", strerror(errno));
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
		link_each_way(paths[i]);
	must_fail(
	        linkat(AT_FDCWD, "to-secret", AT_FDCWD, "name", AT_SYMLINK_FOLLOW), "linkat through a link");
	/* The link itself is ours. */
	if (linkat(AT_FDCWD, "to-secret", AT_FDCWD, "other-link", 0) == 0) {
		must_fail(open("other-link", O_RDONLY), "open through a second name of the link");
		unlink("other-link");
	}
	/* An allowed file may be linked, and not under a denied name. */
	if (link("public", "linked") < 0 || stat("linked", &st) < 0 || st.st_nlink != 2)
		broken("link of an allowed file: %s", strerror(errno));
	mkdir("other", 0755);
	must_fail(link("public", "other/.env"), "link under a denied name");
	unlink("linked");
}

static volatile bool swapping_over;

static void *swap_link_source(void *argument)
{
	unlink("l2");
	if (symlink("vault", "l2") < 0)
		return NULL;
	mkdir("l1", 0755);
	close(open("l1/key", O_CREAT | O_WRONLY, 0644));
	while (!swapping_over)
		renameat2_(AT_FDCWD, "l1", AT_FDCWD, "l2", RENAME_EXCHANGE);
	return NULL;
}

static void links_race(void)
{
	struct counts counts = {0};
	pthread_t thread;

	pthread_create(&thread, NULL, swap_link_source, NULL);
	while (attack_goes_on()) {
		if (link("l1/key", "got") == 0) {
			counts.good++;
			try_read("got", "a hard link made in a race");
			unlink("got");
		} else {
			counts.refused += errno == EACCES;
		}
	}
	swapping_over = true;
	pthread_join(thread, NULL);
	window("hard links in a race", counts.good, counts.refused);
}

const struct attack move_attacks[] = {
        {"ancestors", ancestors},
        {"ancestors-race", ancestors_race},
        {"arrivals", arrivals},
        {"arrivals-race", arrivals_race},
        {"links", links},
        {"links-race", links_race},
        {0},
};
