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
		cmocka_unit_test(all_are_mapped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
