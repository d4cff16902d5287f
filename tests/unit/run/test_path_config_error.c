/* What is said about a path-config.toml. */
#include "run/path_config_error.h"
#include "util/cleanup.h"
#include "util/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "../capture.h"
#include "../place.h"

#define PREFIX "nix-user-chroot: "

/*
 * Returns the messages about TEXT (LEN bytes) as the contents of the file NAME; the caller frees.
 */
static char *said_of(const char *name, const char *text, size_t len)
{
	_cleanup_(path_config_problems_clear) struct path_config_problems problems;
	struct path_config config;
	struct capture capture;

	path_config_parse(text, len, &config, &problems);
	path_config_clear(&config);
	capture_begin(&capture);
	path_config_say(name, &problems);
	return capture_end(&capture);
}

static void expect_error(const char *text, const char *message)
{
	_cleanup_free_ char *said = said_of("F", text, strlen(text));
	_cleanup_free_ char *wanted =
		xasprintf(PREFIX "failed to parse config file %s\n"
				 "  nix-user-chroot --print-path-config prints an example\n",
			  message);

	assert_string_equal(said, wanted);
}

static void expect_warning(const char *text, const char *message)
{
	_cleanup_free_ char *said = said_of("F", text, strlen(text));
	_cleanup_free_ char *wanted = xasprintf(PREFIX "warning: %s\n", message);

	assert_string_equal(said, wanted);
}

static void words_for_errors(void **state)
{
	(void)state;
	expect_error("a = 01", "F:1:5: a number must not begin with 0");
	expect_error("[a]\n[a]", "F:2:2: \"a\" is already defined in line 1");
	expect_error("\nexcludes = ['/a']", "F:2:1: \"excludes\" must be a section: [excludes]");
	expect_error("[excludes]\npaths = '/a'",
		     "F:2:9: paths must be an array of strings: paths = [\"/a\", \"/b\"]");
	expect_error("[profile]\n'a' = 5", "F:2:7: the target of \"a\" must be a string, one path");
	expect_error("[profile]\nlibc.so = '/x'",
		     "F:2:1: \"libc\" is a table here, not a path: a path with a dot in it needs "
		     "quotes around it, as in \"lib/libc.so\" = \"/lib/libc.so\"");
	expect_error("[excludes]\npaths = ['b']", "F:2:10: the exclude \"b\" must be absolute");
	expect_error("[absolute]\n'a' = '/b'", "F:2:1: the source \"a\" must be absolute");
	expect_error("[profile]\n'a' = 'b'", "F:2:7: the target \"b\" must be absolute");
	expect_error("[profile]\n'' = '/b'", "F:2:1: the source \"\" is empty");
	expect_error("[profile]\n'../x' = '/b'", "F:2:1: the source \"../x\" has \"..\" in it");
	expect_error("[profile]\n\"a\\u0000\" = '/b'",
		     "F:2:1: the source \"a\" has a NUL character in it");
	expect_error("[excludes]\npaths = ['//']", "F:2:10: the exclude \"//\" is / itself");
	expect_error("[profile]\n'a' = '/nix/b'",
		     "F:2:7: the target \"/nix/b\" is in /nix, where the Nix directory is");
	expect_error("[profile]\n'a' = '/x'\n'b' = '/x'",
		     "F:3:7: \"/x\" is the target of line 2 already");
}

static void words_for_warnings(void **state)
{
	(void)state;
	expect_warning("\n[future]\nx = 'y'", "F:2:2: \"future\" is unknown and ignored; there are "
					      "[excludes], [profile] and [absolute]");
	expect_warning("[excludes]\npath = 5", "F:2:1: \"path\" is unknown in [excludes] and "
					       "ignored; it has \"paths\"");
	expect_warning("[excludes]\npaths = ['/nix']",
		       "F:2:10: the exclude \"/nix\" is ignored: the host's /nix is not seen "
		       "inside");
}

static void words_of_others_are_shown(void **state)
{
	_cleanup_free_ char *said = said_of("/a\n\x1b%n", "\xff", 1);
	_cleanup_free_ char *path = xcalloc(5001, 1), *text = NULL, *said_long = NULL;

	(void)state;
	assert_string_equal(said, PREFIX "failed to parse config file /a\\u000A\\u001B%n:1:1: this "
					 "is not UTF-8, as TOML must be\n  nix-user-chroot "
					 "--print-path-config prints an example\n");
	expect_error("[excludes]\npaths = [\"\\u001b[2J\\n\"]",
		     "F:2:10: the exclude \"\\u001B[2J\\u000A\" must be absolute");
	expect_error("\"\\u202e%s\" = 1\n\"\\u202e%s\" = 1",
		     "F:2:1: \"\\u202E%s\" is already defined in line 1");
	expect_warning("[\"%s\\u009b\"]", "F:1:2: \"%s\\u009B\" is unknown and ignored; there are "
					  "[excludes], [profile] and [absolute]");
	memset(path, 'x', 5000);
	text = xasprintf("[excludes]\npaths = ['/%s']", path);
	said_long = said_of("F", text, strlen(text));
	assert_non_null(strstr(said_long, "xxx...\" is longer than a path can be\n"));
	assert_true(strlen(said_long) < 300);
}

static void words_for_unreadable(void **state)
{
	static const struct {
		int err;
		const char *message;
	} cases[] = {
		{ELOOP, "it is a symlink that leads nowhere\n  repair it or remove it"},
		{EFBIG, "it is larger than 1 MiB, which no list of paths is\n"
			"  repair it or remove it"},
		{EINVAL, "it is not a regular file\n  put a file in its place or remove it"},
		{EISDIR, "it is not a regular file\n  put a file in its place or remove it"},
		{EACCES, "Permission denied\n  make it readable or remove it"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct path_config_problem problem = {PATH_CONFIG_UNREADABLE, .err = -cases[i].err};
		_cleanup_free_ char *said = NULL, *wanted = NULL;
		struct capture capture;

		capture_begin(&capture);
		path_config_say("F", &(struct path_config_problems){&problem, 1});
		said = capture_end(&capture);
		wanted = xasprintf(PREFIX "cannot read F: %s\n", cases[i].message);
		assert_string_equal(said, wanted);
	}
}

static void reads_and_says(void **state)
{
	static const char text[] = "new = 1\n[excludes]\npaths = ['a']";
	const struct place *place = *state;
	_cleanup_free_ char *said = NULL, *wanted = NULL;
	struct path_config config;
	struct capture capture;

	assert_int_equal(fs_mkdirs(place->fd, "etc/nix-user-chroot", 0755), 0);
	assert_int_equal(fs_replace_file(place->fd, PATH_CONFIG_FILE, text, strlen(text), 0644), 0);
	capture_begin(&capture);
	assert_int_equal(path_config_read(place->fd, "/the/nix", &config), -1);
	said = capture_end(&capture);
	wanted = xasprintf(PREFIX "warning: /the/nix/" PATH_CONFIG_FILE
				  ":1:1: \"new\" is unknown and "
				  "ignored; there are [excludes], [profile] and [absolute]\n" PREFIX
				  "failed to parse config file /the/nix/" PATH_CONFIG_FILE
				  ":3:10: the exclude \"a\" must be absolute\n"
				  "  nix-user-chroot --print-path-config prints an example\n");
	assert_string_equal(said, wanted);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words_for_errors),
		cmocka_unit_test(words_for_warnings),
		cmocka_unit_test(words_of_others_are_shown),
		cmocka_unit_test(words_for_unreadable),
		cmocka_unit_test_setup_teardown(reads_and_says, place_setup, place_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
