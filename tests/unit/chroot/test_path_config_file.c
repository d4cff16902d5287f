/* path-config.toml as a file, wherever links lead to it, and the default that we print. */
#include "chroot/path_config.h"
#include "run/path_config_default.h"
#include "util/cleanup.h"
#include "util/fs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "../capture.h"

#define PREFIX "nix-user-chroot: "

static const struct path_config nothing;

struct scratch {
	char dir[64];
	int fd;
};

static int setup_scratch(void **state)
{
	struct scratch *scratch = xcalloc(1, sizeof(*scratch));

	*scratch = (struct scratch){.dir = "/tmp/test_path_config.XXXXXX"};
	if (!mkdtemp(scratch->dir))
		return -1;
	scratch->fd = open(scratch->dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	*state = scratch;
	return scratch->fd < 0 ? -1 : 0;
}

static int teardown_scratch(void **state)
{
	struct scratch *scratch = *state;
	int r;

	close(scratch->fd);
	r = fs_remove_tree(AT_FDCWD, scratch->dir);
	free(scratch);
	return r;
}

static void put(const struct scratch *scratch, const char *path, const char *text)
{
	_cleanup_free_ char *parent = xstrdup(path);
	_cleanup_close_ int fd = -1;

	if (strrchr(parent, '/')) {
		*strrchr(parent, '/') = '\0';
		assert_int_equal(fs_mkdirs(scratch->fd, parent, 0755), 0);
	}
	fd = openat(scratch->fd, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	assert_true(fd >= 0);
	assert_int_equal(fs_write_all(fd, text, strlen(text)), 0);
}

static void put_link(const struct scratch *scratch, const char *target, const char *path)
{
	_cleanup_free_ char *parent = xstrdup(path);

	*strrchr(parent, '/') = '\0';
	assert_int_equal(fs_mkdirs(scratch->fd, parent, 0755), 0);
	assert_int_equal(symlinkat(target, scratch->fd, path), 0);
}

/* Load; nothing is said where BEFORE is NULL, else it begins with BEFORE, the file's name, AFTER.
 */
static int load(const struct scratch *scratch, const char *before, const char *after,
		struct path_config *config)
{
	_cleanup_free_ char *wanted = NULL, *said = NULL;
	struct capture capture;
	int r;

	capture_begin(&capture);
	r = path_config_load(scratch->fd, scratch->dir, config);
	said = capture_end(&capture);
	wanted = before ? xasprintf(PREFIX "%s%s/" PATH_CONFIG_FILE "%s", before, scratch->dir,
				    after)
			: xstrdup("");
	if (!before || !str_starts_with(said, wanted))
		assert_string_equal(said, wanted);
	return r;
}

static void test_load(void **state)
{
	struct path_config config;

	put(*state, PATH_CONFIG_FILE, "[excludes]\npaths = ['/a']\n");
	assert_int_equal(load(*state, NULL, NULL, &config), 0);
	assert_string_equal(config.excludes.items[0], "/a");
	path_config_clear(&config);
	put(*state, PATH_CONFIG_FILE, "[excludes]\npaths = ['a']\n");
	assert_int_equal(
		load(*state, "", ":2:10: the exclude \"a\" is not an absolute path\n", &config),
		-1);
	assert_memory_equal(&config, &nothing, sizeof(config));
}

static void test_load_absent(void **state)
{
	const struct scratch *scratch = *state;
	struct path_config config;

	assert_int_equal(load(scratch, NULL, NULL, &config), 0);
	assert_memory_equal(&config, &nothing, sizeof(config));
	assert_int_equal(fs_mkdirs(scratch->fd, "etc/nix-user-chroot", 0755), 0);
	assert_int_equal(load(scratch, NULL, NULL, &config), 0);
	assert_memory_equal(&config, &nothing, sizeof(config));
}

static void test_load_from_store(void **state)
{
	const struct scratch *scratch = *state;
	struct path_config config;

	/* two links into the store, and one of the directories on the way is a third */
	put(scratch, "store/conf/path-config.toml", "[excludes]\npaths = ['/a']\n");
	put_link(scratch, "/nix/store/conf", "store/generation");
	put_link(scratch, "../generation/path-config.toml", "store/files/config");
	put_link(scratch, "/nix/store/files/config", PATH_CONFIG_FILE);
	assert_int_equal(load(scratch, NULL, NULL, &config), 0);
	assert_int_equal(config.excludes.count, 1);
	path_config_clear(&config);
}

static void test_load_dangling(void **state)
{
	struct path_config config;

	put_link(*state, "/nix/store/gone/path-config.toml", PATH_CONFIG_FILE);
	assert_int_equal(
		load(*state, "cannot read ", ": it is a symlink that leads nowhere\n", &config),
		-1);
}

static void test_load_circle(void **state)
{
	struct path_config config;

	put_link(*state, "path-config.toml", PATH_CONFIG_FILE);
	assert_int_equal(
		load(*state, "cannot read ", ": it is a symlink that leads nowhere\n", &config),
		-1);
}

/* A linked directory without the file in it is no broken link: there just is no file. */
static void test_load_linked_directory(void **state)
{
	const struct scratch *scratch = *state;
	struct path_config config;

	assert_int_equal(fs_mkdirs(scratch->fd, "store/conf", 0755), 0);
	put_link(scratch, "/nix/store/conf", "etc/nix-user-chroot");
	assert_int_equal(load(scratch, NULL, NULL, &config), 0);
	assert_memory_equal(&config, &nothing, sizeof(config));
}

static void test_load_not_a_file(void **state)
{
	const struct scratch *scratch = *state;
	struct path_config config;

	assert_int_equal(fs_mkdirs(scratch->fd, PATH_CONFIG_FILE, 0755), 0);
	assert_int_equal(
		load(scratch, "cannot read ", ": it is not a regular file\n  put a", &config), -1);
	assert_int_equal(unlinkat(scratch->fd, PATH_CONFIG_FILE, AT_REMOVEDIR), 0);
	assert_int_equal(mkfifoat(scratch->fd, PATH_CONFIG_FILE, 0600), 0);
	assert_int_equal(
		load(scratch, "cannot read ", ": it is not a regular file\n  put a", &config), -1);
}

static void test_load_large(void **state)
{
	_cleanup_free_ char *text = xcalloc(1024 * 1024 + 2, 1);
	struct path_config config;

	memset(text, '#', 1024 * 1024 + 1);
	put(*state, PATH_CONFIG_FILE, text);
	assert_int_equal(load(*state, "cannot read ", ": it is larger than 1 MiB", &config), -1);
	text[1024 * 1024] = '\0';
	put(*state, PATH_CONFIG_FILE, text);
	assert_int_equal(load(*state, NULL, NULL, &config), 0);
}

static void test_load_unreadable(void **state)
{
	const struct scratch *scratch = *state;
	struct path_config config;

	if (geteuid() == 0)
		skip();
	put(scratch, PATH_CONFIG_FILE, "");
	assert_int_equal(fchmodat(scratch->fd, PATH_CONFIG_FILE, 0, 0), 0);
	assert_int_equal(load(scratch, "cannot read ", ": Permission denied\n", &config), -1);
}

/* The default for the host in *STATE, the caller's to free; it must parse without a word. */
static char *print_default(const struct scratch *scratch, struct path_config *config)
{
	_cleanup_free_ char *said = NULL;
	struct capture capture;
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);
	int r;

	assert_non_null(f);
	assert_int_equal(path_config_print_default(f, scratch->dir), 0);
	assert_int_equal(fclose(f), 0);
	capture_begin(&capture);
	r = path_config_parse("default", text, len, config);
	said = capture_end(&capture);
	assert_string_equal(said, "");
	assert_int_equal(r, 0);
	return text;
}

static void assert_has(const char *text, const char *line)
{
	if (!strstr(text, line))
		fail_msg("no \"%s\" in:\n%s", line, text);
}

static void test_default_plain(void **state)
{
	_cleanup_free_ char *text = NULL;
	struct path_config config;

	put(*state, "usr/bin/env", "");
	put(*state, "bin/sh", "");
	text = print_default(*state, &config);
	assert_int_equal(config.excludes.count + config.profile_count + config.absolute_count, 0);
	assert_has(text, "\n\t# \"/run/nscd\",\n");
	assert_has(text, "\n# \"bin/env\" = \"/usr/bin/env\"\n");
	path_config_clear(&config);
}

/* Every example works once its '#' is taken away. */
static void test_default_examples(void **state)
{
	_cleanup_free_ char *text = NULL;
	struct path_config config;
	char *next;

	text = print_default(*state, &config);
	path_config_clear(&config);
	while ((next = strstr(text, "# \"/")) || (next = strstr(text, "# \"bin/")) ||
	       (next = strstr(text, "# \"etc/")))
		next[0] = next[1] = ' ';
	assert_int_equal(path_config_parse("examples", text, strlen(text), &config), 0);
	assert_int_equal(config.excludes.count, 3);
	assert_true(config.profile_count >= 4);
	assert_int_equal(config.absolute_count, 2);
	path_config_clear(&config);
}

static void test_default_env(void **state)
{
	const struct scratch *scratch = *state;
	_cleanup_free_ char *text = NULL;
	struct path_config config;

	text = print_default(scratch, &config);
	assert_has(text, "which this host does not have");
	assert_int_equal(config.profile_count, 1);
	assert_string_equal(config.profile[0].source, "bin/env");
	assert_string_equal(config.profile[0].target, "/usr/bin/env");
	path_config_clear(&config);
	/* NixOS has one, which is not there once another /nix is */
	put_link(scratch, "/nix/store/x-coreutils/bin/env", "usr/bin/env");
	free(print_default(scratch, &config));
	assert_int_equal(config.profile_count, 1);
	path_config_clear(&config);
	assert_int_equal(unlinkat(scratch->fd, "usr/bin/env", 0), 0);
	/* any other link is one of the host's own */
	put_link(scratch, "/bin/busybox", "usr/bin/env");
	free(print_default(scratch, &config));
	assert_int_equal(config.profile_count, 0);
	path_config_clear(&config);
}

static void test_default_nscd(void **state)
{
	static const struct {
		const char *nsswitch;
		bool excluded;
	} cases[] = {
		{NULL, true},
		{"", true},
		{"passwd: files systemd\nhosts: files dns\n", true},
		{"passwd:\tcompat [NOTFOUND=return] files # sss\n", true},
		{"# passwd: ldap\n", true},
		{"hosts: files\npasswd: files sss\n", false},
		{" passwd:ldap\n", false},
		{"passwd: files systemdx\n", false},
	};
	struct path_config config;

	put(*state, "run/nscd/socket", "");
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		if (cases[i].nsswitch)
			put(*state, "etc/nsswitch.conf", cases[i].nsswitch);
		free(print_default(*state, &config));
		assert_int_equal(config.excludes.count, cases[i].excluded);
		if (cases[i].excluded)
			assert_string_equal(config.excludes.items[0], "/run/nscd");
		path_config_clear(&config);
	}
}

static void test_default_old_var_run(void **state)
{
	struct path_config config;

	put(*state, "var/run/nscd/socket", "");
	free(print_default(*state, &config));
	assert_int_equal(config.excludes.count, 1);
	assert_string_equal(config.excludes.items[0], "/var/run/nscd");
	path_config_clear(&config);
}

static void test_default_full_disk(void **state)
{
	const struct scratch *scratch = *state;
	FILE *f = fopen("/dev/full", "we");

	if (!f)
		skip();
	setvbuf(f, NULL, _IONBF, 0);
	assert_int_equal(path_config_print_default(f, scratch->dir), -ENOSPC);
	fclose(f);
}

#define FILE_TEST(name) cmocka_unit_test_setup_teardown(name, setup_scratch, teardown_scratch)

int main(void)
{
	const struct CMUnitTest tests[] = {
		FILE_TEST(test_load),
		FILE_TEST(test_load_absent),
		FILE_TEST(test_load_from_store),
		FILE_TEST(test_load_dangling),
		FILE_TEST(test_load_circle),
		FILE_TEST(test_load_linked_directory),
		FILE_TEST(test_load_not_a_file),
		FILE_TEST(test_load_large),
		FILE_TEST(test_load_unreadable),
		FILE_TEST(test_default_plain),
		FILE_TEST(test_default_examples),
		FILE_TEST(test_default_env),
		FILE_TEST(test_default_nscd),
		FILE_TEST(test_default_old_var_run),
		FILE_TEST(test_default_full_disk),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
