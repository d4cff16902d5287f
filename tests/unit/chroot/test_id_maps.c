/* The child that writes the maps for real root: who has none, and that it ends. */
#include "chroot/id_maps.h"
#include "util/fs.h"

#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "../child.h"
#include "../refuse.h"
#include "seem_root.h"

/* Does this user namespace map more IDs than one? */
static bool has_others(void)
{
	unsigned long inside, outside, count;
	char map[512];

	assert_true(fs_read_some(AT_FDCWD, "/proc/self/uid_map", map, sizeof(map)) > 0);
	assert_int_equal(sscanf(map, "%lu %lu %lu", &inside, &outside, &count), 3);
	return count > 1 || strchr(map, '\n')[1];
}

/* Only root has one, and it ends where nothing was entered. */
static void who_has_one(void **state)
{
	struct id_mapper mapper;
	bool uids = true, gids = true;

	(void)state;
	id_mapper_start(&mapper);
	assert_int_equal(mapper.pid > 0, geteuid() == 0 && has_others());
	assert_true(child_has_stdin());
	alarm(20);
	id_mapper_finish(&mapper, false, &uids, &gids);
	alarm(0);
	assert_false(uids);
	assert_false(gids);
	assert_int_equal(mapper.pid, 0);
}

/* A caller may have children that it left to this process: none of them is waited for. */
static void children_of_the_caller(void **state)
{
	struct id_mapper mapper = {.fd = -1};
	bool uids = true, gids = true;
	pid_t child = fork();

	(void)state;
	if (child == 0) {
		alarm(60);
		pause();
		_exit(0);
	}
	alarm(20);
	id_mapper_finish(&mapper, true, &uids, &gids);
	alarm(0);
	assert_false(uids);
	assert_false(gids);
	assert_int_equal(kill(child, SIGKILL), 0);
	assert_int_equal(waitpid(child, NULL, 0), child);
}

struct mapping {
	bool is_killed; /* the child is gone before it could map anything */
};

static const char *map_all(void *ctx)
{
	const struct mapping *mapping = ctx;
	struct id_mapper mapper;
	bool uids = false, gids = false, blocked;
	char map[100] = "", *end;
	sigset_t pending, chld;

	sigemptyset(&chld);
	sigaddset(&chld, SIGCHLD);
	sigprocmask(SIG_BLOCK, &chld, NULL);
	alarm(20);
	id_mapper_start(&mapper);
	if (mapper.pid <= 0 || mapper.fd < 0 || fcntl(mapper.fd, F_GETFD) != FD_CLOEXEC)
		return "no child";
	if (unshare(CLONE_NEWUSER) < 0)
		return "no namespace";
	if (mapping->is_killed &&
	    (kill(mapper.pid, SIGKILL) < 0 ||
	     waitid(P_PID, (id_t)mapper.pid, &(siginfo_t){0}, WEXITED | WNOWAIT | __WALL) < 0))
		return "not killed";
	id_mapper_finish(&mapper, true, &uids, &gids);
	sigpending(&pending);
	blocked = sigismember(&pending, SIGCHLD);
	if (mapper.pid != 0 || mapper.fd != -1 || waitpid(-1, NULL, __WALL) >= 0)
		return "the child is still there";
	if (blocked)
		return "the command would find SIGCHLD pending";
	if (mapping->is_killed)
		return uids || gids ? "maps that nobody wrote" : NULL;
	if (!uids || !gids)
		return "not mapped";
	for (int i = 0; i < 2; i++) {
		if (fs_read_some(AT_FDCWD, i ? "/proc/self/gid_map" : "/proc/self/uid_map", map,
				 sizeof(map)) <= 0)
			return "no map";
		if (strtoul(map, &end, 10) != 0 || strtoul(end, &end, 10) != 0 ||
		    strtoul(end, &end, 10) < 65536)
			return xasprintf("map %d: %s", i, map);
	}
	return NULL;
}

/* At the limit of processes there is no child, and no map. */
static const char *cannot_start(void *ctx)
{
	struct id_mapper mapper;
	bool uids = true, gids = true;

	(void)ctx;
	refuse_forks();
	id_mapper_start(&mapper);
	if (mapper.pid != 0 || mapper.fd != -1)
		return "a child";
	id_mapper_finish(&mapper, true, &uids, &gids);
	return uids || gids ? "maps" : NULL;
}

static void without_a_child(void **state)
{
	(void)state;
	assert_in_child(cannot_start, NULL);
}

struct seeming {
	const struct place *place;
	const char *map;
	bool has_child;	  /* that writes the maps, */
	bool has_entered; /* if this process entered a namespace */
	bool is_refused;  /* at the limit of processes */
	bool is_killed;	  /* the child is gone before it could map anything */
};

static int lowest_free(void)
{
	int fd = dup(STDIN_FILENO);

	close(fd);
	return fd;
}

static const char *read_maps(void)
{
	char map[100] = "";

	for (int i = 0; i < 2; i++) {
		if (fs_read_some(AT_FDCWD, i ? "/proc/self/gid_map" : "/proc/self/uid_map", map,
				 sizeof(map)) <= 0)
			return "no map";
		if (strcmp(map, "         0          0          1\n") != 0)
			return xasprintf("map %d: %s", i, map);
	}
	return NULL;
}

static const char *try_seeming(void *ctx)
{
	const struct seeming *seeming = ctx;
	bool uids = true, gids = true, has_child = seeming->has_child;
	struct id_mapper mapper;
	int lowest;

	if (!seem_root(seeming->place, seeming->map))
		return NULL;
	if (seeming->is_refused)
		refuse_forks();
	lowest = lowest_free();
	alarm(20);
	id_mapper_start(&mapper);
	seem_root_end();
	if (has_child && fcntl(mapper.fd, F_GETFD) != FD_CLOEXEC)
		return "the command would have the descriptor";
	if ((mapper.pid > 0) != has_child || (mapper.fd >= 0) != has_child || mapper.pid < 0 ||
	    !child_has_stdin())
		return xasprintf("%s: child %d", seeming->map, mapper.pid);
	if (seeming->has_entered && unshare(CLONE_NEWUSER) < 0)
		return "no namespace";
	if (seeming->is_killed &&
	    (kill(mapper.pid, SIGKILL) < 0 ||
	     waitid(P_PID, (id_t)mapper.pid, &(siginfo_t){0}, WEXITED | WNOWAIT | __WALL) < 0))
		return "not killed";
	id_mapper_finish(&mapper, seeming->has_entered, &uids, &gids);
	if (mapper.pid != 0 || mapper.fd != -1 || waitpid(-1, NULL, __WALL) >= 0)
		return "the child is still there";
	if (lowest_free() != lowest || !child_has_stdin())
		return "another descriptor is open";
	if (uids != (has_child && seeming->has_entered && !seeming->is_killed) || gids != uids)
		return xasprintf("%s: mapped: %d, %d", seeming->map, uids, gids);
	return uids ? read_maps() : NULL;
}

/* Who has one ID alone needs no child, and a namespace that was not entered gets no maps. */
static void roots_of_namespaces(void **state)
{
	const struct place *place = *state;
	struct seeming cases[] = {
		{place, "0 1000 1\n", false, false, false, false},
		{place, "0 1000 1\n", false, true, false, false},
		{place, "0 1000 2\n", true, true, false, false},
		{place, "0 1000 2\n", true, false, false, false},
		{place, "0 1000 2\n", false, true, true, false},
		{place, "0 1000 2\n", true, true, false, true},
		{place, "0 0 1\n1 7 1\n", true, true, false, false},
		{place, "", false, true, false, false},
		{place, "0 0\n", false, true, false, false},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_in_child(try_seeming, &cases[i]);
}

/* All IDs of root are mapped to themselves. */
static void all_are_mapped(void **state)
{
	(void)state;
	if (geteuid() != 0 || !has_others())
		skip();
	for (int i = 0; i < 2; i++)
		assert_in_child(map_all, &(struct mapping){.is_killed = i});
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_has_one),
		cmocka_unit_test(children_of_the_caller),
		cmocka_unit_test(without_a_child),
		cmocka_unit_test_setup_teardown(roots_of_namespaces, place_setup, place_teardown),
		cmocka_unit_test(all_are_mapped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
