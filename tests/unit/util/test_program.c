/* The name by which this program was started, and a path by which it can be started again. */
#include "util/program.h"
#include "util/cleanup.h"
#include "util/nix_commands.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "../child.h"
#include "../place.h"

/* The status of this program if it is called by another test: is argv[0] a command's? */
enum { IS_COMMAND = 20, IS_NONE = 21 };

static void commands(void **state)
{
	static const struct {
		const char *argv0, *command;
	} cases[] = {
		{NULL, NULL},
		{"", NULL},
		{"-", NULL},
		{"/", NULL},
		{"nix-user-chroot", NULL},
		{"-nix-user-chroot", NULL},
		{"/usr/bin/nix-user-chroot-2", NULL},
		{"test_program", NULL}, /* the name of this file */
		{"nix", "nix"},
		{"-nix", "nix"},
		{"/x/nix-shell", "nix-shell"},
		{"x/-nix", "-nix"},
		{"hello", "hello"},
		{"-bash", "bash"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *found = program_command(cases[i].argv0);

		if (!cases[i].command)
			assert_null(found);
		else
			assert_string_equal(found, cases[i].command);
	}
}

static void expect_path(const char *argv0, const char *wanted)
{
	_cleanup_free_ char *found = program_path(argv0);

	assert_string_equal(found, wanted);
}

static void paths(void **state)
{
	const struct place *place = *state;
	_cleanup_free_ char *self = fs_self_path(), *link = path_join(place->path, "a/link");
	_cleanup_free_ char *list = xasprintf("%s:a:%s/a", place->path, place->path);
	_cleanup_free_ char *other = path_join(place->path, "other");
	_cleanup_free_ char *above = path_join(place->path, "a/b/../link");

	assert_int_equal(fs_mkdirs(place->fd, "a/b", 0755), 0);
	assert_int_equal(symlinkat(self, place->fd, "a/link"), 0);
	assert_int_equal(fs_replace_file(place->fd, "other", "", 0, 0755), 0);
	assert_int_equal(fchdir(place->fd), 0);
	setenv("PATH", list, 1);
	expect_path(self, self);
	/* a link stays a link, however it is named */
	expect_path(link, link);
	expect_path(above, above);
	expect_path("a/link", link);
	expect_path("./a/b/../link", link);
	expect_path("link", link);
	/* what is not this program, or not there */
	expect_path(other, self);
	expect_path("other", self);
	expect_path("./other", self);
	expect_path("none", self);
	expect_path("/none", self);
	expect_path("", self);
	expect_path(NULL, self);
	/* a relative directory of PATH would be another one later */
	setenv("PATH", "a", 1);
	expect_path("link", self);
	assert_int_equal(chdir("/"), 0);
}

static int become(const void *path)
{
	execl(path, path, "are you that command?", NULL);
	return 99;
}

/* A file of this program may have the name of a command of Nix: it still is that command. */
static void files_named_like_commands(void **state)
{
	static const char *const names[] = {NIX_COMMANDS, "other"};
	enum { COUNT = sizeof(names) / sizeof(names[0]) };
	const struct place *place = *state;
	_cleanup_free_ char *self = NULL;
	size_t len;

	assert_int_equal(fs_read_file(AT_FDCWD, "/proc/self/exe", 64 << 20, &self, &len), 0);
	assert_int_equal(fs_replace_file(place->fd, "copy", self, len, 0755), 0);
	for (size_t i = 0; i < COUNT; i++) {
		_cleanup_free_ char *path = path_join(place->path, names[i]), *said = NULL;
		int status;

		assert_int_equal(linkat(place->fd, "copy", place->fd, names[i], 0), 0);
		assert_int_equal(unlinkat(place->fd, "copy", 0), 0);
		said = child_says(become, path, NULL, &status);
		assert_true(WIFEXITED(status));
		assert_int_equal(WEXITSTATUS(status), i < COUNT - 1 ? IS_COMMAND : IS_NONE);
		assert_int_equal(renameat(place->fd, names[i], place->fd, "copy"), 0);
	}
}

static int setup(void **state)
{
	return empty_environment(state) != 0 ? -1 : place_setup(state);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(commands),
		cmocka_unit_test_setup_teardown(files_named_like_commands, place_setup,
						place_teardown),
		cmocka_unit_test_setup_teardown(paths, setup, place_teardown),
	};

	if (argc > 1)
		return program_command(argv[0]) ? IS_COMMAND : IS_NONE;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
