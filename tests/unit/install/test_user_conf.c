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
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(of_text),
		cmocka_unit_test_setup_teardown(of_files, place_setup, place_teardown),
	};

	return cmocka_run_group_tests(tests, empty_environment, NULL);
}
