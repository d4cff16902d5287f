/* The child that writes the maps for real root: who has none, and that it ends. */
#include "chroot/id_maps.h"
#include "util/fs.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_has_one),
		cmocka_unit_test(children_of_the_caller),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
