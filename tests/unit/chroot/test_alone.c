/*
 * The core on its own. That this program links is the first test: all of libchroot.a is in it, and
 * nothing but libc. The second is an entry in which the functions below, which the core has no
 * business with, end the process: it reads no variable, asks for no account and starts no program.
 */
#include "chroot/chroot.h"
#include "util/cleanup.h"

#include <fcntl.h>
#include <pwd.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "../place.h"

enum { ENTERED = 0, REFUSED = 77, CALLED = 99 };

static bool is_core; /* whether code of the core is running */

static void not_by_the_core(void)
{
	if (is_core)
		_exit(CALLED);
}

extern char **environ;

char *getenv(const char *name)
{
	size_t len = strlen(name);

	not_by_the_core();
	for (char **entry = environ; entry && *entry; entry++)
		if (strncmp(*entry, name, len) == 0 && (*entry)[len] == '=')
			return *entry + len + 1;
	return NULL;
}

struct passwd *getpwuid(uid_t uid)
{
	(void)uid;
	not_by_the_core();
	return NULL;
}

int execve(const char *path, char *const argv[], char *const envp[])
{
	(void)path;
	(void)argv;
	(void)envp;
	not_by_the_core();
	return -1;
}

int execvp(const char *file, char *const argv[])
{
	return execve(file, argv, environ);
}

int execv(const char *path, char *const argv[])
{
	return execve(path, argv, environ);
}

/* Returns the exit status. */
static int enter(const char *directory)
{
	_cleanup_(chroot_error_clear) struct chroot_error error = {0};
	_cleanup_(path_config_problems_clear) struct path_config_problems problems = {0};
	_cleanup_(path_config_clear) struct path_config config = {0};
	_cleanup_(plan_clear) struct plan plan = {0};
	_cleanup_close_ int fd = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
	const struct host_view view = host_view_real(&fd);
	struct stat here, nix;

	if (path_config_load(fd, &config, &problems) < 0 ||
	    plan_build(&(struct plan_input){.view = &view,
					    .config = &config,
					    .user = "somebody",
					    .state_home = "/nonexistent"},
		       &plan) < 0 ||
	    fchdir(fd) < 0)
		return 1;
	if (chroot_enter(&plan, true, &error) < 0)
		return error.step == CHROOT_UNSHARE || error.step == CHROOT_MAP_IDS ? REFUSED : 2;
	return fstat(fd, &here) == 0 && stat("/nix", &nix) == 0 && fs_same_inode(&here, &nix)
		       ? ENTERED
		       : 3;
}

static void enters_alone(void **state)
{
	static const char text[] = "[profile]\n\"bin/x\" = \"/usr/bin/x\"\n";
	const struct place *place = *state;
	int status;
	pid_t child;

	assert_int_equal(fs_mkdirs(place->fd, "etc/nix-user-chroot", 0755), 0);
	assert_int_equal(fs_replace_file(place->fd, PATH_CONFIG_FILE, text, strlen(text), 0644), 0);
	child = fork();
	if (child == 0) {
		/* the core's message about the missing profile does not matter here */
		close(STDERR_FILENO);
		is_core = true;
		_exit(enter(place->path));
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == REFUSED)
		skip();
	assert_int_equal(WEXITSTATUS(status), ENTERED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(enters_alone, place_setup, place_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
