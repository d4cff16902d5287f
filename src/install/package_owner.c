#include "install/package_owner.h"
#include "util/cleanup.h"
#include "util/str.h"
#include "util/xdg.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdint.h>
#include <string.h>
#include <sys/wait.h>

/*
 * The package managers, of which a host has one. The query exits with 0 if the path that is
 * appended to it belongs to a package.
 */
static const struct {
	const char *query[3];
	const char *advice;
} managers[] = {
	{{"dpkg-query", "--search"}, "update its package: apt upgrade"},
	{{"rpm", "--query", "--file"}, "update its package: dnf upgrade, or zypper update"},
	{{"pacman", "--query", "--owns"}, "update its package: pacman -Syu"},
	{{"apk", "info", "--who-owns"}, "update its package: apk upgrade"},
};

/*
 * Run QUERY about PATH, without input and output: its exit status, or -1 if there is no such
 * program.
 */
static int run_query(const char *const query[3], const char *path)
{
	char *argv[] = {(char *)(uintptr_t)query[0], (char *)(uintptr_t)query[1],
			(char *)(uintptr_t)(query[2] ? query[2] : path),
			(char *)(uintptr_t)(query[2] ? path : NULL), NULL};
	posix_spawn_file_actions_t actions;
	int status = -1, r;
	pid_t pid;

	if (posix_spawn_file_actions_init(&actions) != 0)
		return -1;
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		posix_spawn_file_actions_addopen(&actions, fd, "/dev/null", O_RDWR, 0);
	r = posix_spawnp(&pid, argv[0], &actions, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	if (r != 0)
		return -1;
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -1;
	/* 127: the way in which some C libraries report that there is no such program */
	return WIFEXITED(status) && WEXITSTATUS(status) != 127 ? WEXITSTATUS(status) : -1;
}

const char *package_owner_advice(const char *path)
{
	_cleanup_free_ char *home = xdg_home();

	if (str_starts_with(path, "/nix/store/") || str_starts_with(path, "/gnu/store/"))
		return "update it the way it was installed: in its profile, or with your system";
	if (home && strlen(home) > 1 && path_is_within(path, home))
		return NULL;
	for (size_t i = 0; i < sizeof(managers) / sizeof(managers[0]); i++) {
		int status = run_query(managers[i].query, path);

		if (status >= 0)
			return status == 0 ? managers[i].advice : NULL;
	}
	return NULL;
}
