/* The name by which this program was started, and a path by which it can be started again. */
#include "util/program.h"
#include "util/cleanup.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "../place.h"

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

static int setup(void **state)
{
	return empty_environment(state) != 0 ? -1 : place_setup(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(commands),
		cmocka_unit_test_setup_teardown(paths, setup, place_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
