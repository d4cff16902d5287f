/* path-config.toml: what is read from its text and from the file, and what is wrong with it. */
#include "chroot/path_config.h"
#include "util/cleanup.h"
#include "util/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "../place.h"

static const struct path_config nothing;

static void parse_ok(const char *text, struct path_config *config)
{
	struct path_config_problems problems;

	assert_int_equal(path_config_parse(text, strlen(text), config, &problems), 0);
	assert_int_equal(problems.count, 0);
	assert_null(problems.items);
}

/* Checks that there is one problem, of this KIND, at this position, about WORD. */
static void assert_problem(const struct path_config_problems *problems, enum path_config_kind kind,
			   unsigned line, unsigned column, const char *word)
{
	const struct path_config_problem *problem = problems->items;

	assert_int_equal(problems->count, 1);
	if (problem->kind != kind || problem->at.line != line || problem->at.column != column)
		fail_msg("kind %d at %u:%u, not %d at %u:%u", (int)problem->kind, problem->at.line,
			 problem->at.column, (int)kind, line, column);
	if (word)
		assert_string_equal(problem->word, word);
	else
		assert_null(problem->word);
}

static void expect_error(const char *text, enum path_config_kind kind, unsigned line,
			 unsigned column, const char *word)
{
	_cleanup_(path_config_problems_clear) struct path_config_problems problems;
	struct path_config config;

	if (path_config_parse(text, strlen(text), &config, &problems) == 0)
		fail_msg("accepted: %s", text);
	assert_problem(&problems, kind, line, column, word);
	assert_true(kind < PATH_CONFIG_UNKNOWN_SECTION);
	assert_memory_equal(&config, &nothing, sizeof(config));
}

/* TEXT gives this warning, and is read all the same. */
static void expect_warning(const char *text, enum path_config_kind kind, unsigned line,
			   unsigned column, const char *word, struct path_config *config)
{
	_cleanup_(path_config_problems_clear) struct path_config_problems problems;

	assert_int_equal(path_config_parse(text, strlen(text), config, &problems), 0);
	assert_problem(&problems, kind, line, column, word);
	assert_true(kind >= PATH_CONFIG_UNKNOWN_SECTION);
}

/* Checks the mount at TARGET. */
static void assert_mount(const struct path_config *config, const char *target, const char *source,
			 bool from_profile)
{
	for (size_t i = 0; i < config->mount_count; i++) {
		if (strcmp(config->mounts[i].target, target) != 0)
			continue;
		assert_string_equal(config->mounts[i].source, source);
		assert_int_equal(config->mounts[i].from_profile, from_profile);
		return;
	}
	fail_msg("nothing is mounted on %s", target);
}

static void all_sections(void **state)
{
	struct path_config config;

	(void)state;
	parse_ok("[excludes]\n"
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
	assert_int_equal(config.mount_count, 3);
	assert_mount(&config, "/usr/bin/env", "bin/env", true);
	assert_mount(&config, "/bin/sh", "bin/sh", true);
	assert_mount(&config, "/etc/passwd", "/home/me/passwd", false);
	assert_true(config.needs_profile);
	path_config_clear(&config);
	assert_memory_equal(&config, &nothing, sizeof(config));
}

static void empty_sections(void **state)
{
	static const char *const texts[] = {
		"",
		"# a comment\n",
		"[excludes]\n[profile]\n[absolute]\n",
		"excludes = {}\nprofile = {}\nabsolute = { }\n",
		"[excludes]\npaths = []\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct path_config config;

		parse_ok(texts[i], &config);
		assert_int_equal(config.excludes.count, 0);
		assert_int_equal(config.mount_count, 0);
		assert_false(config.needs_profile);
		path_config_clear(&config);
	}
}

/* The same configuration in every way in which TOML can write it. */
static void written_otherwise(void **state)
{
	static const char *const texts[] = {
		"[excludes]\npaths = ['/a']\n[profile]\n'lib/x.so' = '/l'\n[absolute]\n'/b' = '/c'",
		"excludes.paths = ['/a']\nprofile.'lib/x.so' = '/l'\nabsolute.\"/b\" = '/c'\n",
		"excludes = { paths = [\"/a\"] }\nprofile = {'lib/x.so' = '/l'}\n"
		"absolute = { '/b' = '''/c''' }\n",
		"[absolute]\n'/b' = \"\"\"\n/c\"\"\"\n[profile]\n\"lib/x\\u002eso\" = '/l'\n"
		"[excludes]\n\"paths\" = [\n'''\n/a''',\n]\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct path_config config;

		parse_ok(texts[i], &config);
		assert_int_equal(config.excludes.count, 1);
		assert_string_equal(config.excludes.items[0], "/a");
		assert_int_equal(config.mount_count, 2);
		assert_mount(&config, "/l", "lib/x.so", true);
		assert_mount(&config, "/c", "/b", false);
		path_config_clear(&config);
	}
}

static void normalised(void **state)
{
	struct path_config config;

	(void)state;
	parse_ok("[excludes]\n"
		 "paths = ['//a///b/', '/./c/.', '/nixos', '/a/nix', '/..d/e../...', '/a/b']\n"
		 "[profile]\n"
		 "'///bin//./env/' = '/usr//bin/env/'\n"
		 "'/' = '/opt/profile'\n"
		 "'./.' = '/opt/profile2'\n"
		 "[absolute]\n"
		 "'//' = '/mnt/host'\n"
		 "'/a/./b//' = '/nix2/.'\n"
		 "'/.a/b./c' = '/x'\n"
		 "'/nix/store/x' = '/y'\n",
		 &config);
	assert_int_equal(config.excludes.count, 6);
	assert_string_equal(config.excludes.items[0], "/a/b");
	assert_string_equal(config.excludes.items[1], "/c");
	assert_string_equal(config.excludes.items[2], "/nixos");
	assert_string_equal(config.excludes.items[3], "/a/nix");
	assert_string_equal(config.excludes.items[4], "/..d/e../...");
	assert_mount(&config, "/usr/bin/env", "bin/env", true);
	assert_mount(&config, "/opt/profile", ".", true);
	assert_mount(&config, "/opt/profile2", ".", true);
	assert_mount(&config, "/mnt/host", "/", false);
	assert_mount(&config, "/nix2", "/a/b", false);
	assert_mount(&config, "/x", "/.a/b./c", false);
	assert_mount(&config, "/y", "/nix/store/x", false);
	path_config_clear(&config);
}

/*
 * Mounts are sorted so that a directory comes before what is mounted in it, whatever the order in
 * the file is.
 */
static void in_order_of_targets(void **state)
{
	static const char *const targets[] = {"/a", "/a-b", "/a/b", "/a/b/c", "/b"};
	struct path_config config;

	(void)state;
	parse_ok("[absolute]\n'/1' = '/b'\n'/2' = '/a/b/c'\n'/3' = '/a'\n"
		 "[profile]\n'4' = '/a-b'\n'5' = '/a/b'\n",
		 &config);
	assert_int_equal(config.mount_count, 5);
	for (size_t i = 0; i < 5; i++)
		assert_string_equal(config.mounts[i].target, targets[i]);
	path_config_clear(&config);
}

static void any_character(void **state)
{
	struct path_config config;

	(void)state;
	parse_ok("[excludes]\npaths = [\"/caf\xc3\xa9 \\U0001F600\", \"/\\n\\u001b\"]\n", &config);
	assert_string_equal(config.excludes.items[0], "/caf\xc3\xa9 \xf0\x9f\x98\x80");
	assert_string_equal(config.excludes.items[1], "/\n\x1b");
	path_config_clear(&config);
}

/*
 * An exclude and a mount may be at the same place: the exclude hides the host's file, and the mount
 * takes its place.
 */
static void exclude_and_mount(void **state)
{
	struct path_config config;

	(void)state;
	parse_ok("[excludes]\npaths = ['/etc/passwd']\n[absolute]\n'/p' = '/etc/passwd'\n",
		 &config);
	assert_string_equal(config.excludes.items[0], "/etc/passwd");
	assert_mount(&config, "/etc/passwd", "/p", false);
	path_config_clear(&config);
}

static void wrong_types(void **state)
{
	(void)state;
	expect_error("excludes = ['/a']", PATH_CONFIG_NOT_A_SECTION, 1, 1, "excludes");
	expect_error("profile = 5", PATH_CONFIG_NOT_A_SECTION, 1, 1, "profile");
	expect_error("\n absolute = ''", PATH_CONFIG_NOT_A_SECTION, 2, 2, "absolute");
	expect_error("[[absolute]]", PATH_CONFIG_NOT_A_SECTION, 1, 3, "absolute");
	expect_error("[excludes]\npaths = '/a'", PATH_CONFIG_NOT_A_LIST, 2, 9, NULL);
	expect_error("[excludes]\npaths = 2024-01-01", PATH_CONFIG_NOT_A_LIST, 2, 9, NULL);
	expect_error("[excludes]\npaths = {}", PATH_CONFIG_NOT_A_LIST, 2, 9, NULL);
	expect_error("[excludes.paths]", PATH_CONFIG_NOT_A_LIST, 1, 11, NULL);
	expect_error("[[excludes.paths]]", PATH_CONFIG_NOT_A_LIST, 1, 12, NULL);
	expect_error("[excludes]\npaths = ['/a', 1]", PATH_CONFIG_NOT_A_LIST, 2, 16, NULL);
	expect_error("[excludes]\npaths = [['/a']]", PATH_CONFIG_NOT_A_LIST, 2, 10, NULL);
	expect_error("[profile]\n'a' = ['/b']", PATH_CONFIG_NOT_A_STRING, 2, 7, "a");
	expect_error("[profile]\n'a' = {}", PATH_CONFIG_NOT_A_STRING, 2, 7, "a");
	expect_error("[profile]\n'a' = true", PATH_CONFIG_NOT_A_STRING, 2, 7, "a");
	expect_error("[absolute]\n'/a' = []", PATH_CONFIG_NOT_A_STRING, 2, 8, "/a");
	expect_error("[[absolute.'/a']]", PATH_CONFIG_NOT_A_STRING, 1, 12, "/a");
	expect_error("[profile]\nlibc.so = '/x'", PATH_CONFIG_UNQUOTED, 2, 1, "libc");
	expect_error("[profile.libc]\nso = '/x'", PATH_CONFIG_UNQUOTED, 1, 10, "libc");
}

static void bad_paths(void **state)
{
	(void)state;
	expect_error("[excludes]\npaths = ['/a', 'b']", PATH_CONFIG_RELATIVE, 2, 16, "b");
	expect_error("[excludes]\npaths = ['']", PATH_CONFIG_EMPTY, 2, 10, "");
	expect_error("[excludes]\npaths = ['/a/../b']", PATH_CONFIG_DOT_DOT, 2, 10, "/a/../b");
	expect_error("[excludes]\npaths = ['/']", PATH_CONFIG_ROOT, 2, 10, "/");
	expect_error("[excludes]\npaths = ['//.']", PATH_CONFIG_ROOT, 2, 10, "//.");
	expect_error("[excludes]\npaths = [\"/a\\u0000b\"]", PATH_CONFIG_NUL, 2, 10, "/a");
	expect_error("[profile]\n'' = '/b'", PATH_CONFIG_EMPTY, 2, 1, "");
	expect_error("[profile]\n'../x' = '/b'", PATH_CONFIG_DOT_DOT, 2, 1, "../x");
	expect_error("[profile]\n\"a\\u0000\" = '/b'", PATH_CONFIG_NUL, 2, 1, "a");
	expect_error("[profile]\n'a' = ''", PATH_CONFIG_EMPTY, 2, 7, "");
	expect_error("[profile]\n'a' = 'b'", PATH_CONFIG_RELATIVE, 2, 7, "b");
	expect_error("[profile]\n'a' = '/b/..'", PATH_CONFIG_DOT_DOT, 2, 7, "/b/..");
	expect_error("[profile]\n'a' = '/'", PATH_CONFIG_ROOT, 2, 7, "/");
	expect_error("[profile]\n'a' = '/nix'", PATH_CONFIG_IN_NIX, 2, 7, "/nix");
	expect_error("[absolute]\n'/a' = '//nix/./store/'", PATH_CONFIG_IN_NIX, 2, 8,
		     "//nix/./store/");
	expect_error("[absolute]\n'a' = '/b'", PATH_CONFIG_RELATIVE, 2, 1, "a");
	expect_error("[absolute]\n'~/a' = '/b'", PATH_CONFIG_RELATIVE, 2, 1, "~/a");
	expect_error("[absolute]\n'/a' = 'b'", PATH_CONFIG_RELATIVE, 2, 8, "b");
	expect_error("[absolute]\n'/../a' = '/b'", PATH_CONFIG_DOT_DOT, 2, 1, "/../a");
}

static void too_long(void **state)
{
	_cleanup_free_ char *path = xcalloc(4097, 1), *fits = NULL, *text = NULL;
	struct path_config config;

	(void)state;
	memset(path, 'x', 4095);
	path[0] = '/';
	fits = xasprintf("[excludes]\npaths = ['%s']", path);
	parse_ok(fits, &config);
	path_config_clear(&config);
	path[4095] = 'x';
	text = xasprintf("[excludes]\npaths = ['%s']", path);
	expect_error(text, PATH_CONFIG_TOO_LONG, 2, 10, path);
}

static void twice(void **state)
{
	static const char text[] = "[profile]\n'a' = '/x'\n'b' = '/x'";
	_cleanup_(path_config_problems_clear) struct path_config_problems problems;
	struct path_config config;

	(void)state;
	assert_int_equal(path_config_parse(text, strlen(text), &config, &problems), -1);
	assert_problem(&problems, PATH_CONFIG_SAME_TARGET, 3, 7, "/x");
	/* where the first one is */
	assert_int_equal(problems.items[0].line, 2);
	expect_error("profile = {'a' = '/x', 'b' = '/x'}", PATH_CONFIG_SAME_TARGET, 1, 30, "/x");
	expect_error("[absolute]\n'/z' = '/y'\n'/b' = '//x/.'\n[profile]\n'a' = '/x'\n",
		     PATH_CONFIG_SAME_TARGET, 5, 7, "/x");
	expect_error("[profile]\n'a' = '/x'\n'a' = '/y'", PATH_CONFIG_SYNTAX, 3, 1, "a");
	/* excluding a path twice is the same as once */
	parse_ok("[excludes]\npaths = ['/a', '/a/']", &config);
	path_config_clear(&config);
}

/* Among as many mounts as are allowed, the second one of two on the same target is named. */
static void many_on_one_target(void **state)
{
	char *text = NULL;
	size_t len;
	FILE *f = xopen_memstream(&text, &len);

	(void)state;
	fputs("[profile]\n", f);
	for (int i = 0; i < 40000; i++)
		fprintf(f, "'%d' = '/x'\n", i);
	fclose(f);
	expect_error(text, PATH_CONFIG_SAME_TARGET, 3, 7, "/x");
	free(text);
}

/* An unknown key is no error, whatever TOML its value is. */
static void unknown(void **state)
{
	struct path_config config;

	(void)state;
	expect_warning("\n[future]\nx = 'y'\n[profile]\n'a' = '/a'\n", PATH_CONFIG_UNKNOWN_SECTION,
		       2, 2, "future", &config);
	assert_mount(&config, "/a", "a", true);
	path_config_clear(&config);
	expect_warning("Excludes = ['/a']", PATH_CONFIG_UNKNOWN_SECTION, 1, 1, "Excludes", &config);
	expect_warning("\"excludes\\u0000\" = 5", PATH_CONFIG_UNKNOWN_SECTION, 1, 1, "excludes",
		       &config);
	expect_warning("[meta]\nversion = 1\nwhen = 2024-01-01T00:00:00Z\nat = 07:32:00\n"
		       "x = { a = 1.5, b = [[1, 2], [\"a\"]], c = {} }\ny = '''\n'''\n"
		       "z.w = true\n[[meta.t]]\nk = nan\n[[meta.t]]\n",
		       PATH_CONFIG_UNKNOWN_SECTION, 1, 2, "meta", &config);
	expect_warning("[excludes]\npaths = ['/a']\npath = 5\n", PATH_CONFIG_UNKNOWN_KEY, 3, 1,
		       "path", &config);
	assert_int_equal(config.excludes.count, 1);
	path_config_clear(&config);
	expect_warning("[excludes]\npaths = ['/nix', '/a']\n", PATH_CONFIG_EXCLUDE_IN_NIX, 2, 10,
		       "/nix", &config);
	assert_int_equal(config.excludes.count, 1);
	assert_string_equal(config.excludes.items[0], "/a");
	path_config_clear(&config);
}

/* After an error the configuration is empty, but warnings from before the error are kept. */
static void warning_before_error(void **state)
{
	static const char text[] =
		"new = 1\n[profile]\n'a' = '/b'\n[excludes]\npaths = ['/c', 'd']";
	_cleanup_(path_config_problems_clear) struct path_config_problems problems;
	struct path_config config;

	(void)state;
	assert_int_equal(path_config_parse(text, strlen(text), &config, &problems), -1);
	assert_memory_equal(&config, &nothing, sizeof(config));
	assert_int_equal(problems.count, 2);
	assert_int_equal(problems.items[0].kind, PATH_CONFIG_UNKNOWN_SECTION);
	assert_int_equal(problems.items[1].kind, PATH_CONFIG_RELATIVE);
	assert_string_equal(problems.items[1].what, "exclude");
}

static void put(const struct place *place, const char *path, const char *text)
{
	_cleanup_free_ char *parent = xstrdup(path);
	_cleanup_close_ int fd = -1;

	*strrchr(parent, '/') = '\0';
	assert_int_equal(fs_mkdirs(place->fd, parent, 0755), 0);
	fd = openat(place->fd, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	assert_true(fd >= 0);
	assert_int_equal(fs_write_all(fd, text, strlen(text)), 0);
}

static void put_link(const struct place *place, const char *target, const char *path)
{
	_cleanup_free_ char *parent = xstrdup(path);

	*strrchr(parent, '/') = '\0';
	assert_int_equal(fs_mkdirs(place->fd, parent, 0755), 0);
	assert_int_equal(symlinkat(target, place->fd, path), 0);
}

/* Loads the file. ERR is the expected error "cannot be read"; 0: none. */
static void load(const struct place *place, int err, struct path_config *config)
{
	_cleanup_(path_config_problems_clear) struct path_config_problems problems;
	int r = path_config_load(place->fd, config, &problems);

	if (err) {
		assert_int_equal(r, -1);
		assert_problem(&problems, PATH_CONFIG_UNREADABLE, 0, 0, NULL);
		assert_int_equal(problems.items[0].err, -err);
		assert_memory_equal(config, &nothing, sizeof(*config));
	} else {
		assert_int_equal(r, 0);
		assert_int_equal(problems.count, 0);
	}
}

static void load_file(void **state)
{
	_cleanup_(path_config_problems_clear) struct path_config_problems problems;
	const struct place *place = *state;
	struct path_config config;

	put(place, PATH_CONFIG_FILE, "[excludes]\npaths = ['/a']\n");
	load(place, 0, &config);
	assert_string_equal(config.excludes.items[0], "/a");
	path_config_clear(&config);
	put(place, PATH_CONFIG_FILE, "[excludes]\npaths = ['a']\n");
	assert_int_equal(path_config_load(place->fd, &config, &problems), -1);
	assert_problem(&problems, PATH_CONFIG_RELATIVE, 2, 10, "a");
	assert_memory_equal(&config, &nothing, sizeof(config));
}

static void load_nothing(void **state)
{
	const struct place *place = *state;
	struct path_config config;

	load(place, 0, &config);
	assert_memory_equal(&config, &nothing, sizeof(config));
	assert_int_equal(fs_mkdirs(place->fd, "etc/nix-user-chroot", 0755), 0);
	load(place, 0, &config);
	assert_memory_equal(&config, &nothing, sizeof(config));
}

static void load_from_store(void **state)
{
	const struct place *place = *state;
	struct path_config config;

	/*
	 * the file is a link into the store, to another link into the store, and a directory on the
	 * way is a link, too
	 */
	put(place, "store/conf/path-config.toml", "[excludes]\npaths = ['/a']\n");
	put_link(place, "/nix/store/conf", "store/generation");
	put_link(place, "../generation/path-config.toml", "store/files/config");
	put_link(place, "/nix/store/files/config", PATH_CONFIG_FILE);
	load(place, 0, &config);
	assert_int_equal(config.excludes.count, 1);
	path_config_clear(&config);
}

static void load_broken_link(void **state)
{
	const struct place *place = *state;
	struct path_config config;

	put_link(place, "/nix/store/gone/path-config.toml", PATH_CONFIG_FILE);
	load(place, ELOOP, &config);
	assert_int_equal(unlinkat(place->fd, PATH_CONFIG_FILE, 0), 0);
	put_link(place, "path-config.toml", PATH_CONFIG_FILE);
	load(place, ELOOP, &config);
}

/* If the directory is a link, and the file does not exist in it, there just is no configuration. */
static void load_linked_directory(void **state)
{
	const struct place *place = *state;
	struct path_config config;

	assert_int_equal(fs_mkdirs(place->fd, "store/conf", 0755), 0);
	put_link(place, "/nix/store/conf", "etc/nix-user-chroot");
	load(place, 0, &config);
	assert_memory_equal(&config, &nothing, sizeof(config));
}

static void load_not_a_file(void **state)
{
	const struct place *place = *state;
	struct path_config config;

	assert_int_equal(fs_mkdirs(place->fd, PATH_CONFIG_FILE, 0755), 0);
	load(place, EISDIR, &config);
	assert_int_equal(unlinkat(place->fd, PATH_CONFIG_FILE, AT_REMOVEDIR), 0);
	assert_int_equal(mkfifoat(place->fd, PATH_CONFIG_FILE, 0600), 0);
	load(place, EINVAL, &config);
}

static void load_large(void **state)
{
	_cleanup_free_ char *text = xcalloc(TOML_MAX_SIZE + 2, 1);
	const struct place *place = *state;
	struct path_config config;

	memset(text, '#', TOML_MAX_SIZE + 1);
	put(place, PATH_CONFIG_FILE, text);
	load(place, EFBIG, &config);
	text[TOML_MAX_SIZE] = '\0';
	put(place, PATH_CONFIG_FILE, text);
	load(place, 0, &config);
}

static void load_unreadable(void **state)
{
	const struct place *place = *state;
	struct path_config config;

	if (geteuid() == 0)
		skip();
	put(place, PATH_CONFIG_FILE, "");
	assert_int_equal(fchmodat(place->fd, PATH_CONFIG_FILE, 0, 0), 0);
	load(place, EACCES, &config);
}

#define FILE_TEST(name) cmocka_unit_test_setup_teardown(name, place_setup, place_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_sections),
		cmocka_unit_test(empty_sections),
		cmocka_unit_test(written_otherwise),
		cmocka_unit_test(normalised),
		cmocka_unit_test(in_order_of_targets),
		cmocka_unit_test(any_character),
		cmocka_unit_test(exclude_and_mount),
		cmocka_unit_test(wrong_types),
		cmocka_unit_test(bad_paths),
		cmocka_unit_test(too_long),
		cmocka_unit_test(twice),
		cmocka_unit_test(many_on_one_target),
		cmocka_unit_test(unknown),
		cmocka_unit_test(warning_before_error),
		FILE_TEST(load_file),
		FILE_TEST(load_nothing),
		FILE_TEST(load_from_store),
		FILE_TEST(load_broken_link),
		FILE_TEST(load_linked_directory),
		FILE_TEST(load_not_a_file),
		FILE_TEST(load_large),
		FILE_TEST(load_unreadable),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
