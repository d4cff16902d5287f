/* File systems where Nix, or what is linked to it, would not work. */
#include "install/disk_check.h"
#include "store/layout.h"
#include "util/cleanup.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../child.h"
#include "../place.h"
#include "../refuse.h"
#include "../run/own_mounts.h"

struct wish {
	const char *nix, *bin;
	bool no_shims;
};

/* In a child, where programs can run everywhere but below /tmp/no. */
static int check(const void *context)
{
	const struct wish *wish = context;
	struct site site = {.nix_dir = xstrdup(wish->nix), .home.bin = xstrdup(wish->bin)};

	if (own_mounts() < 0)
		return NO_FILTER;
	if (mkdir("/tmp/no", 0755) < 0 || mount("tmpfs", "/tmp/no", "tmpfs", MS_NOEXEC, NULL) < 0)
		return 2;
	return disk_check_exec(&site, wish->no_shims) + 1;
}

static void where_no_program_can_be_run(void **state)
{
	static const struct {
		struct wish wish;
		int status;
		const char *words, *not ;
	} cases[] = {
		{{"/tmp/a/nix", "/tmp/bin", false}, 1, "", "noexec"},
		{{"/tmp/no/a/nix", "/tmp/bin", false}, 0, "run from /tmp/no/a/nix: ", "XDG"},
		{{"/tmp/no/nix", "/tmp/no/bin", false}, 0, "system, and XDG_BIN_HOME too", "or le"},
		{{"/tmp/no/nix", "/tmp/no/bin", true}, 0, "run from /tmp/no/nix: ", "XDG"},
		{{"/tmp/nix", "/tmp/no/b", false},
		 0,
		 "from /tmp/no/b, where the links",
		 "/tmp/nix"},
		{{"/tmp/nix", "/tmp/no/b", true}, 1, "", "noexec"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int status;
		_cleanup_free_ char *said = child_says(check, &cases[i].wish, NULL, &status);

		if (WEXITSTATUS(status) == NO_FILTER)
			skip();
		assert_has(said, cases[i].words);
		assert_has_not(said, cases[i].not );
		assert_int_equal(WEXITSTATUS(status), cases[i].status);
	}
}

static int say_elsewhere(const void *context)
{
	disk_say_elsewhere(context);
	return 0;
}

static void a_store_elsewhere(void **state)
{
	const struct place *place = *state;
	_cleanup_free_ char *nix = path_join(place->path, "nix"), *none = NULL, *said = NULL;
	int status;

	assert_int_equal(setenv("HOME", place->path, 1), 0);
	none = child_says(say_elsewhere, nix, NULL, &status);
	assert_string_equal(none, "");
	assert_int_equal(
		fs_mkdirs(place->fd, ".nix/store/00000000000000000000000000000100-x", 0755), 0);
	said = child_says(say_elsewhere, nix, NULL, &status);
	assert_has(said, "there is a Nix store in ");
	assert_has(said, nix);
}

/* Does what nix.conf says suit the file system, or is it refused? */
static int check_disk(const void *context)
{
	_cleanup_close_ int fd = fs_open_dir(AT_FDCWD, context);
	struct nix_conf_facts facts = {0};
	int r = disk_check(fd, context, &facts);

	if (r < 0)
		return 1;
	if (facts.fixed_xattrs != &facts.disk.fixed_xattrs)
		return 2;
	if (facts.disk.wal_works)
		return facts.no_wal ? 3 : 0;
	return facts.no_wal && (!facts.disk.type || facts.no_wal == facts.disk.type) ? 0 : 4;
}

static int check_without_links(const void *context)
{
	refuse_call(SYS_symlinkat, -1, EPERM);
	return check_disk(context);
}

static int check_without_mappings(const void *context)
{
	/* MAP_SHARED alone, as for SQLite's log */
	refuse_call_with(SYS_mmap, 3, 1, ENODEV);
	return check_disk(context);
}

/* As on a host where /proc does not tell the type either. */
static int check_what_is_unknown(const void *context)
{
	refuse_call_with(SYS_openat, 2, O_RDONLY | O_CLOEXEC, EACCES);
	return check_without_mappings(context);
}

static int check_a_full_one(const void *context)
{
	refuse_call(SYS_mkdirat, -1, ENOSPC);
	return check_disk(context);
}

static void what_the_file_system_does(void **state)
{
	static const struct {
		int (*check)(const void *);
		int status;
		const char *words;
	} cases[] = {
		{check_disk, 0, ""},
		{check_without_mappings, 0, ""},
		{check_what_is_unknown, 0, ""},
		{check_without_links, 1,
		 "no symlink can be made there: Operation not permitted\n"
		 "  set NIX_USER_CHROOT_DIR to a directory on another"},
		{check_a_full_one, 1, "cannot make and remove files in /"},
	};
	const struct place *place = *state;

	assert_int_equal(fs_mkdirs(place->fd, LAYOUT_STATE, 0755), 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int status;
		_cleanup_free_ char *said = child_says(cases[i].check, place->path, NULL, &status);

		assert_has(said, cases[i].words);
		if (!*cases[i].words)
			assert_string_equal(said, "");
		if (WEXITSTATUS(status) == NO_FILTER)
			skip();
		assert_int_equal(WEXITSTATUS(status), cases[i].status);
	}
}

static int setup(void **state)
{
	return empty_environment(NULL) != 0 ? -1 : place_setup(state);
}

int main(void)
{
#define WITH_PLACE(f) cmocka_unit_test_setup_teardown(f, setup, place_teardown)
	const struct CMUnitTest tests[] = {
		WITH_PLACE(where_no_program_can_be_run),
		WITH_PLACE(a_store_elsewhere),
		WITH_PLACE(what_the_file_system_does),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
