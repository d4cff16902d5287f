/* path-config.toml: what is read from its text, and what is said about it. */
#include "chroot/path_config.h"
#include "util/str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../capture.h"

#define PREFIX "nix-user-chroot: "

/* Parse TEXT as the file "F"; *SAID is the caller's to free. */
static int parse(const char *text, struct path_config *config, char **said)
{
	struct capture capture;
	int r;

	capture_begin(&capture);
	r = path_config_parse("F", text, strlen(text), config);
	*said = capture_end(&capture);
	return r;
}

static void parse_silently(const char *text, struct path_config *config)
{
	char *said;
	int r = parse(text, config, &said);

	assert_string_equal(said, "");
	assert_int_equal(r, 0);
	free(said);
}

static void assert_empty(const struct path_config *config)
{
	assert_int_equal(config->excludes.count, 0);
	assert_null(config->excludes.items);
	assert_int_equal(config->profile_count, 0);
	assert_null(config->profile);
	assert_int_equal(config->absolute_count, 0);
	assert_null(config->absolute);
}

static void expect_error(const char *text, const char *expected)
{
	char *line = xasprintf(PREFIX
			       "%s\n  nix-user-chroot --print-path-config prints an example\n",
			       expected),
	     *said;
	struct path_config config;
	int r = parse(text, &config, &said);

	assert_string_equal(said, line);
	assert_int_equal(r, -1);
	assert_empty(&config);
	free(said);
	free(line);
}

/* TEXT is read, with a warning that begins with EXPECTED. */
static void expect_warning(const char *text, const char *expected, struct path_config *config)
{
	char *line = xasprintf(PREFIX "warning: %s", expected), *said;
	int r = parse(text, config, &said);

	if (!str_starts_with(said, line))
		assert_string_equal(said, line);
	assert_int_equal(r, 0);
	free(said);
	free(line);
}

static void assert_mount(const struct path_mount *mount, const char *source, const char *target,
			 unsigned line)
{
	assert_string_equal(mount->source, source);
	assert_string_equal(mount->target, target);
	assert_int_equal(mount->line, line);
}

static void test_all_sections(void **state)
{
	struct path_config config;

	(void)state;
	parse_silently("[excludes]\n"
		       "paths = [\"/run/nscd\",\n\t'/etc/x' ] # two\n"
		       "[profile]\n"
		       "\"bin/env\" = \"/usr/bin/env\"\n"
		       "\"/bin/sh\" = \"/bin/sh\"\n"
		       "[absolute]\n"
		       "\"/home/me/passwd\" = \"/etc/passwd\"\n",
		       &config);
	assert_int_equal(config.excludes.count, 2);
	assert_string_equal(config.excludes.items[0], "/run/nscd");
	assert_string_equal(config.excludes.items[1], "/etc/x");
	assert_int_equal(config.profile_count, 2);
	assert_mount(&config.profile[0], "bin/env", "/usr/bin/env", 5);
	assert_mount(&config.profile[1], "bin/sh", "/bin/sh", 6);
	assert_int_equal(config.absolute_count, 1);
	assert_mount(&config.absolute[0], "/home/me/passwd", "/etc/passwd", 8);
	path_config_clear(&config);
	assert_empty(&config);
}

static void test_nothing(void **state)
{
	static const char *const texts[] = {
		"",
		"# a comment\n",
		"[excludes]\n[profile]\n[absolute]\n",
		"[excludes]\npaths = []\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct path_config config;

		parse_silently(texts[i], &config);
		assert_int_equal(config.excludes.count, 0);
		assert_int_equal(config.profile_count, 0);
		assert_int_equal(config.absolute_count, 0);
		path_config_clear(&config);
	}
}

static void test_dotted_keys(void **state)
{
	struct path_config config;

	(void)state;
	parse_silently("excludes.paths = ['/a']\n"
		       "profile.'lib/libc.so' = '/lib/libc.so'\n"
		       "absolute.\"/b\" = '/c'\n",
		       &config);
	assert_string_equal(config.excludes.items[0], "/a");
	assert_mount(&config.profile[0], "lib/libc.so", "/lib/libc.so", 2);
	assert_mount(&config.absolute[0], "/b", "/c", 3);
	path_config_clear(&config);
}

static void test_normalised(void **state)
{
	struct path_config config;

	(void)state;
	parse_silently("[excludes]\n"
		       "paths = ['//a///b/', '/./c/.', '/nixos', '/a/nix', '/..d/e../...']\n"
		       "[profile]\n"
		       "'///bin//./env/' = '/usr//bin/env/'\n"
		       "'/' = '/opt/profile'\n"
		       "'./.' = '/opt/profile2'\n"
		       "[absolute]\n"
		       "'//' = '/mnt/host'\n"
		       "'/a/./b//' = '/nix2/.'\n"
		       "'/nix/store/x' = '/y'\n",
		       &config);
	assert_int_equal(config.excludes.count, 5);
	assert_string_equal(config.excludes.items[0], "/a/b");
	assert_string_equal(config.excludes.items[1], "/c");
	assert_string_equal(config.excludes.items[2], "/nixos");
	assert_string_equal(config.excludes.items[3], "/a/nix");
	assert_string_equal(config.excludes.items[4], "/..d/e../...");
	assert_mount(&config.profile[0], "bin/env", "/usr/bin/env", 4);
	assert_mount(&config.profile[1], ".", "/opt/profile", 5);
	assert_mount(&config.profile[2], ".", "/opt/profile2", 6);
	assert_mount(&config.absolute[0], "/", "/mnt/host", 8);
	assert_mount(&config.absolute[1], "/a/b", "/nix2", 9);
	assert_mount(&config.absolute[2], "/nix/store/x", "/y", 10);
	path_config_clear(&config);
}

static void test_any_character(void **state)
{
	struct path_config config;

	(void)state;
	parse_silently("[excludes]\npaths = [\"/caf\xc3\xa9 \\U0001F600\", \"/\\n\\u001b\"]\n",
		       &config);
	assert_string_equal(config.excludes.items[0], "/caf\xc3\xa9 \xf0\x9f\x98\x80");
	assert_string_equal(config.excludes.items[1], "/\n\x1b");
	path_config_clear(&config);
}

/* An exclude may hold the place of a mount: what the host has there goes, and the mount comes. */
static void test_exclude_and_mount(void **state)
{
	struct path_config config;

	(void)state;
	parse_silently("[excludes]\npaths = ['/etc/passwd']\n[absolute]\n'/p' = '/etc/passwd'\n",
		       &config);
	assert_string_equal(config.excludes.items[0], "/etc/passwd");
	assert_mount(&config.absolute[0], "/p", "/etc/passwd", 4);
	path_config_clear(&config);
}

static void test_wrong_type(void **state)
{
	(void)state;
	expect_error("excludes = ['/a']", "F:1:1: \"excludes\" must be a section: [excludes]");
	expect_error("profile = 'a'", "F:1:1: \"profile\" must be a section: [profile]");
	expect_error("\n absolute = ''", "F:2:2: \"absolute\" must be a section: [absolute]");
	expect_error("[excludes]\npaths = '/a'",
		     "F:2:9: paths must be an array of strings: paths = [\"/a\", \"/b\"]");
	expect_error("[excludes.paths]",
		     "F:1:11: paths must be an array of strings: paths = [\"/a\", \"/b\"]");
	expect_error("[profile]\n'a' = ['/b']",
		     "F:2:7: the target of \"a\" must be a string, one path");
	expect_error("[absolute]\n'/a' = []",
		     "F:2:8: the target of \"/a\" must be a string, one path");
	expect_error("[profile]\nlibc.so = '/x'",
		     "F:2:1: \"libc\" is a table here, not a path: a path with a dot in it needs "
		     "quotes around it, as in \"lib/libc.so\" = \"/lib/libc.so\"");
	expect_error("[excludes]\npaths = ['/a', 1]", "F:2:16: numbers and dates are not supported "
						      "here: expected a string in quotes");
}

static void test_bad_paths(void **state)
{
	(void)state;
	expect_error("[excludes]\npaths = ['/a', 'b']",
		     "F:2:16: the exclude \"b\" is not an absolute path");
	expect_error("[excludes]\npaths = ['']", "F:2:10: the exclude \"\" is empty");
	expect_error("[excludes]\npaths = ['/a/../b']",
		     "F:2:10: the exclude \"/a/../b\" has \"..\" in it");
	expect_error("[excludes]\npaths = ['/']", "F:2:10: / itself cannot be excluded");
	expect_error("[excludes]\npaths = ['//.']", "F:2:10: / itself cannot be excluded");
	expect_error("[profile]\n'' = '/b'", "F:2:1: the source \"\" is empty");
	expect_error("[profile]\n'../x' = '/b'", "F:2:1: the source \"../x\" has \"..\" in it");
	expect_error("[profile]\n'a' = ''", "F:2:7: the target \"\" is empty");
	expect_error("[profile]\n'a' = 'b'", "F:2:7: the target \"b\" is not an absolute path");
	expect_error("[profile]\n'a' = '/b/..'", "F:2:7: the target \"/b/..\" has \"..\" in it");
	expect_error("[profile]\n'a' = '/'", "F:2:7: nothing can be mounted on / itself");
	expect_error("[profile]\n'a' = '/nix'",
		     "F:2:7: nothing can be mounted in /nix: the Nix directory is there");
	expect_error("[absolute]\n'/a' = '//nix/./store/'",
		     "F:2:8: nothing can be mounted in /nix: the Nix directory is there");
	expect_error("[absolute]\n'a' = '/b'", "F:2:1: the source \"a\" is not an absolute path");
	expect_error("[absolute]\n'~/a' = '/b'",
		     "F:2:1: the source \"~/a\" is not an absolute path");
	expect_error("[absolute]\n'/a' = 'b'", "F:2:8: the target \"b\" is not an absolute path");
	expect_error("[absolute]\n'/../a' = '/b'", "F:2:1: the source \"/../a\" has \"..\" in it");
}

static void test_too_long(void **state)
{
	char *path = xcalloc(4097, 1), *text;
	struct path_config config;
	char *said;

	(void)state;
	memset(path, 'x', 4095);
	path[0] = '/';
	text = xasprintf("[excludes]\npaths = ['%s']", path);
	parse_silently(text, &config);
	path_config_clear(&config);
	free(text);

	path[4095] = 'x';
	text = xasprintf("[excludes]\npaths = ['%s']", path);
	assert_int_equal(parse(text, &config, &said), -1);
	assert_non_null(strstr(said, "xxx...\" is longer than a path can be\n"));
	assert_true(strlen(said) < 300);
	free(said);
	free(text);
	free(path);
}

static void test_twice(void **state)
{
	struct path_config config;

	(void)state;
	expect_error("[profile]\n'a' = '/x'\n'b' = '/x'",
		     "F:3:7: \"/x\" is the target of line 2 already");
	expect_error("[absolute]\n'/z' = '/y'\n'/b' = '//x/.'\n[profile]\n'a' = '/x'\n",
		     "F:5:7: \"/x\" is the target of line 3 already");
	expect_error("[profile]\n'a' = '/x'\n'a' = '/y'", "F:3:1: \"a\" is already set in line 2");
	expect_error("[profile]\n[profile]",
		     "F:2:2: \"profile\" is already a table, made in line 1");
	expect_warning("[excludes]\npaths = ['/c', '/a', '/b',\n'/a/']",
		       "F:3:1: \"/a\" is excluded in line 2 already\n", &config);
	assert_int_equal(config.excludes.count, 3);
	assert_string_equal(config.excludes.items[0], "/c");
	assert_string_equal(config.excludes.items[1], "/a");
	assert_string_equal(config.excludes.items[2], "/b");
	path_config_clear(&config);
}

static void test_warnings(void **state)
{
	struct path_config config;

	(void)state;
	expect_warning("\n[future]\nx = 'y'\n[profile]\n'a' = '/a'\n",
		       "F:2:2: the unknown section \"future\" is ignored", &config);
	assert_mount(&config.profile[0], "a", "/a", 5);
	path_config_clear(&config);
	expect_warning("Excludes = ['/a']", "F:1:1: the unknown key \"Excludes\" is ignored",
		       &config);
	path_config_clear(&config);
	expect_warning("[excludes]\npaths = ['/a']\npath = ['/b']\n",
		       "F:3:1: the unknown key \"path\" in [excludes] is ignored", &config);
	assert_int_equal(config.excludes.count, 1);
	path_config_clear(&config);
	expect_warning("[excludes]\npaths = ['/nix', '/a']\n",
		       "F:2:10: the exclude \"/nix\" is ignored", &config);
	assert_int_equal(config.excludes.count, 1);
	assert_string_equal(config.excludes.items[0], "/a");
	path_config_clear(&config);
}

static void test_said_safely(void **state)
{
	struct path_config config;
	struct capture capture;
	char *said;

	(void)state;
	expect_error("[excludes]\npaths = [\"\\u001b[2J\\n\"]",
		     "F:2:10: the exclude \"\\u001B[2J\\u000A\" is not an absolute path");
	expect_warning("[\"%s\\u009b\"]", "F:1:2: the unknown section \"%s\\u009B\" is ignored",
		       &config);
	path_config_clear(&config);

	capture_begin(&capture);
	assert_int_equal(path_config_parse("/a\n\x1b%n", "\xff", 1, &config), -1);
	said = capture_end(&capture);
	assert_string_equal(said, PREFIX "/a\\u000A\\u001B%n:1:1: byte 0xff is not UTF-8, as TOML "
					 "must be\n  nix-user-chroot --print-path-config "
					 "prints an example\n");
	free(said);
}

/* As many mounts as there may be, all onto one place: found by sorting, and the second one named.
 */
static void test_many(void **state)
{
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	(void)state;
	assert_non_null(f);
	fputs("[profile]\n", f);
	for (int i = 0; i < 4000; i++)
		fprintf(f, "'%d' = '/x'\n", i);
	assert_int_equal(fclose(f), 0);
	expect_error(text, "F:3:7: \"/x\" is the target of line 2 already");
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_sections),  cmocka_unit_test(test_nothing),
		cmocka_unit_test(test_dotted_keys),   cmocka_unit_test(test_normalised),
		cmocka_unit_test(test_any_character), cmocka_unit_test(test_exclude_and_mount),
		cmocka_unit_test(test_wrong_type),    cmocka_unit_test(test_bad_paths),
		cmocka_unit_test(test_too_long),      cmocka_unit_test(test_twice),
		cmocka_unit_test(test_warnings),      cmocka_unit_test(test_said_safely),
		cmocka_unit_test(test_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
