/* The user's own settings of Nix: the last line that counts, files that files include. */
#include "install/user_conf.h"
#include "util/cleanup.h"
#include "util/fs.h"
#include "util/str.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../place.h"

static void assert_value(const char *text, const char *expected)
{
	_cleanup_free_ char *value = user_conf_of_text(text, "store", NULL);

	if (expected)
		assert_string_equal(value, expected);
	else
		assert_null(value);
}

static void of_text(void **state)
{
	(void)state;
	assert_value("", NULL);
	assert_value("store = daemon", "daemon");
	assert_value("\t store\t=  daemon \t\r\n", "daemon");
	assert_value("store = a\nstore = b\nother = c\n", "b");
	assert_value("store = daemon # why", "daemon");
	assert_value("# store = daemon\nextra-store = x\nstores = y\n", NULL);
	assert_value("store = two words", "two words");
	/* for Nix each of these is an error or an empty value */
	assert_value("store =", "");
	assert_value("store daemon", NULL);
	assert_value("store=daemon", NULL);
	/* includes are not followed if the directory of the file is unknown */
	assert_value("include /etc/passwd\n!include x\n", NULL);
}

static void put(const struct place *place, const char *name, const char *text)
{
	assert_int_equal(fs_replace_file(place->fd, name, text, strlen(text), 0644), 0);
}

static void of_files(void **state)
{
	const struct place *place = *state;
	_cleanup_free_ char *files = xasprintf("%s/one:%s/two", place->path, place->path);
	_cleanup_free_ char *config = path_join(place->path, "config");
	_cleanup_free_ char *where = NULL, *value = NULL, *none = NULL, *usual = NULL, *dirs = NULL;

	setenv("HOME", place->path, 1);
	setenv("XDG_CONFIG_DIRS", place->path, 1);
	unsetenv("XDG_CONFIG_HOME");
	put(place, "two", "store = of-two\n");
	put(place, "three", "store = of-three\ninclude one\n");
	/*
	 * the files include each other in a circle; names are relative to the file that includes
	 * them
	 */
	put(place, "one", "!include three\n!include nowhere\n");
	setenv("NIX_USER_CONF_FILES", files, 1);
	value = user_conf_find("store", &where);
	assert_string_equal(value, "of-three");
	assert_true(str_ends_with(where, "/one"));
	free(steal_ptr(&where));
	put(place, "one", "cores = 1\ninclude two\n");
	free(value);
	value = user_conf_find("store", &where);
	assert_string_equal(value, "of-two");
	assert_true(str_ends_with(where, "/one"));
	free(steal_ptr(&where));

	setenv("NIX_USER_CONF_FILES", "", 1);
	none = user_conf_find("store", &where);
	assert_null(none);

	unsetenv("NIX_USER_CONF_FILES");
	assert_int_equal(fs_mkdirs(place->fd, "nix", 0755), 0);
	put(place, "nix/nix.conf", "store = of-dirs\n");
	dirs = user_conf_find("store", &where);
	assert_string_equal(dirs, "of-dirs");
	free(steal_ptr(&where));
	assert_int_equal(fs_mkdirs(place->fd, "config/nix", 0755), 0);
	put(place, "config/nix/nix.conf", "store = of-home\n");
	setenv("XDG_CONFIG_HOME", config, 1);
	usual = user_conf_find("store", &where);
	assert_string_equal(usual, "of-home");
	assert_true(str_ends_with(where, "/config/nix/nix.conf"));
}

/* What "include" may name; what comes later counts, in whichever file it is. */
static void includes(void **state)
{
	static const struct {
		const char *before, *after, *value;
	} cases[] = {
		{"include ", "\n", "of-more"},
		{"!include ", " # why\n", "of-more"},
		{"store = a\ninclude ", "\n", "of-more"},
		{"include ", "\nstore = a\n", "a"},
		{"include = ", "\n", NULL},
		{"includes ", "\n", NULL},
		{"include x", "\n", NULL},
	};
	const struct place *place = *state;
	_cleanup_free_ char *more = path_join(place->path, "more");

	put(place, "more", "store = of-more\n");
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		_cleanup_free_ char *absolute =
			xasprintf("%s%s%s", cases[i].before, more, cases[i].after);
		_cleanup_free_ char *relative =
			xasprintf("%smore%s", cases[i].before, cases[i].after);
		_cleanup_free_ char *first = user_conf_of_text(absolute, "store", "/nowhere");
		_cleanup_free_ char *second = user_conf_of_text(relative, "store", place->path);

		assert_int_equal(!first, !cases[i].value);
		assert_int_equal(!second, !cases[i].value);
		if (!cases[i].value)
			continue;
		assert_string_equal(first, cases[i].value);
		assert_string_equal(second, cases[i].value);
	}
}

/* Of the files or directories that a variable names, the first that has the setting wins. */
static void of_directories(void **state)
{
	static const char *const files[] = {"one/nix/nix.conf", "two/nix/nix.conf"};
	const struct place *place = *state;
	_cleanup_free_ char *dirs = xasprintf("%s/one:%s/two", place->path, place->path);
	_cleanup_free_ char *names =
		xasprintf("%s/%s:%s/%s", place->path, files[0], place->path, files[1]);

	unsetenv("NIX_USER_CONF_FILES");
	setenv("XDG_CONFIG_HOME", place->path, 1);
	setenv("XDG_CONFIG_DIRS", dirs, 1);
	assert_int_equal(fs_mkdirs(place->fd, "one/nix", 0755), 0);
	assert_int_equal(fs_mkdirs(place->fd, "two/nix", 0755), 0);
	for (size_t i = 2; i-- > 0;) {
		_cleanup_free_ char *where = NULL, *value = NULL, *named = NULL, *again = NULL;

		put(place, files[i], "store = x\n");
		value = user_conf_find("store", &where);
		assert_string_equal(value, "x");
		assert_true(str_ends_with(where, files[i]));
		setenv("NIX_USER_CONF_FILES", names, 1);
		again = user_conf_find("store", &named);
		unsetenv("NIX_USER_CONF_FILES");
		assert_string_equal(again, "x");
		assert_true(str_ends_with(named, files[i]));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(of_text),
		cmocka_unit_test_setup_teardown(of_files, place_setup, place_teardown),
		cmocka_unit_test_setup_teardown(includes, place_setup, place_teardown),
		cmocka_unit_test_setup_teardown(of_directories, place_setup, place_teardown),
	};

	return cmocka_run_group_tests(tests, empty_environment, NULL);
}
