/* The path-config.toml that --print-path-config prints. */
#include "chroot/path_config.h"
#include "run/path_config_default.h"
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

#include <cmocka.h>

#include "../place.h"

static void put(const struct place *place, const char *path, const char *text)
{
	_cleanup_free_ char *parent = xstrdup(path);
	_cleanup_close_ int fd = -1;

	if (strrchr(parent, '/')) {
		*strrchr(parent, '/') = '\0';
		assert_int_equal(fs_mkdirs(place->fd, parent, 0755), 0);
	}
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

/*
 * Returns the default configuration for the host in *STATE, which the caller frees. It must parse
 * without a warning.
 */
static char *print_default(const struct place *place, struct path_config *config)
{
	struct path_config_problems problems;
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	assert_non_null(f);
	assert_int_equal(path_config_print_default(f, place->path), 0);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(path_config_parse(text, len, config, &problems), 0);
	assert_int_equal(problems.count, 0);
	return text;
}

static void assert_has(const char *text, const char *line)
{
	if (!strstr(text, line))
		fail_msg("no \"%s\" in:\n%s", line, text);
}

static void plain(void **state)
{
	_cleanup_free_ char *text = NULL;
	struct path_config config;

	put(*state, "usr/bin/env", "");
	put(*state, "bin/sh", "");
	text = print_default(*state, &config);
	assert_int_equal(config.excludes.count + config.mount_count, 0);
	assert_has(text, "\n\t# \"/run/nscd\",\n");
	assert_has(text, "\n# \"bin/env\" = \"/usr/bin/env\"\n");
	path_config_clear(&config);
}

/* Every example is valid once its '#' is removed. */
static void examples(void **state)
{
	_cleanup_free_ char *text = NULL;
	struct path_config config;
	struct path_config_problems problems;
	char *next;

	text = print_default(*state, &config);
	path_config_clear(&config);
	while ((next = strstr(text, "# \"/")) || (next = strstr(text, "# \"bin/")) ||
	       (next = strstr(text, "# \"etc/")))
		next[0] = next[1] = ' ';
	assert_int_equal(path_config_parse(text, strlen(text), &config, &problems), 0);
	assert_int_equal(problems.count, 0);
	assert_int_equal(config.excludes.count, 3);
	assert_int_equal(config.mount_count, 6);
	assert_true(config.needs_profile);
	path_config_clear(&config);
}

static void env(void **state)
{
	const struct place *place = *state;
	_cleanup_free_ char *text = NULL;
	struct path_config config;

	text = print_default(place, &config);
	assert_has(text, "which this host does not have");
	assert_int_equal(config.mount_count, 1);
	assert_string_equal(config.mounts[0].source, "bin/env");
	assert_string_equal(config.mounts[0].target, "/usr/bin/env");
	path_config_clear(&config);
	/* NixOS has a link into its own store, which does not exist inside */
	put_link(place, "/nix/store/x-coreutils/bin/env", "usr/bin/env");
	free(print_default(place, &config));
	assert_int_equal(config.mount_count, 1);
	path_config_clear(&config);
	assert_int_equal(unlinkat(place->fd, "usr/bin/env", 0), 0);
	/* any other link works inside as well */
	put_link(place, "/bin/busybox", "usr/bin/env");
	free(print_default(place, &config));
	assert_int_equal(config.mount_count, 0);
	path_config_clear(&config);
}

/* What cannot be there is missing; what cannot be looked at may be there. */
static void below_a_file(void **state)
{
	const struct place *place = *state;
	_cleanup_free_ char *text = NULL;
	struct path_config config;

	put(place, "usr/bin", "");
	text = print_default(place, &config);
	assert_int_equal(config.mount_count, 1);
	assert_has(text, "This host has no /bin/sh that works inside");
	path_config_clear(&config);
	if (geteuid() == 0)
		return;
	assert_int_equal(unlinkat(place->fd, "usr/bin", 0), 0);
	assert_int_equal(fchmodat(place->fd, "usr", 0, 0), 0);
	free(print_default(place, &config));
	assert_int_equal(config.mount_count, 0);
	path_config_clear(&config);
	assert_int_equal(fchmodat(place->fd, "usr", 0700, 0), 0);
}

static void nscd(void **state)
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
	/* one that cannot be read may say anything: nscd stays */
	put_link(*state, "nsswitch.conf", "etc/nsswitch.conf");
	free(print_default(*state, &config));
	assert_int_equal(config.excludes.count, 0);
	path_config_clear(&config);
	assert_int_equal(unlinkat(((const struct place *)*state)->fd, "etc/nsswitch.conf", 0), 0);
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

static void old_var_run(void **state)
{
	struct path_config config;

	put(*state, "var/run/nscd/socket", "");
	free(print_default(*state, &config));
	assert_int_equal(config.excludes.count, 1);
	assert_string_equal(config.excludes.items[0], "/var/run/nscd");
	path_config_clear(&config);
}

static void full_disk(void **state)
{
	const struct place *place = *state;
	FILE *f = fopen("/dev/full", "we");

	if (!f)
		skip();
	setvbuf(f, NULL, _IONBF, 0);
	assert_int_equal(path_config_print_default(f, place->path), -ENOSPC);
	fclose(f);
	/* an earlier failure of the stream, of which nobody knows the reason any more */
	f = fopen("/dev/null", "we");
	assert_non_null(f);
	assert_int_equal(fgetc(f), EOF);
	assert_int_equal(path_config_print_default(f, place->path), -EIO);
	fclose(f);
}

#define FILE_TEST(name) cmocka_unit_test_setup_teardown(name, place_setup, place_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		FILE_TEST(plain),	 FILE_TEST(examples), FILE_TEST(env),
		FILE_TEST(below_a_file), FILE_TEST(nscd),     FILE_TEST(old_var_run),
		FILE_TEST(full_disk),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
