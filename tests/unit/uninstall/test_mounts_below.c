/* Mounts in the way of --uninstall. */
#include "uninstall/mounts_below.h"
#include "util/cleanup.h"
#include "util/fs.h"
#include "util/str.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

static int setup(void **state)
{
	const char *tmp = env_get("TMPDIR");
	_cleanup_free_ char *path = xasprintf("%s/test_uninstall.XXXXXX", tmp ? tmp : "/tmp");

	assert_non_null(mkdtemp(path));
	*state = realpath(path, NULL);
	return !*state;
}

static int teardown(void **state)
{
	int r = fs_remove_tree(AT_FDCWD, *state);

	free(*state);
	return r;
}

static void put(const char *root, const char *name, const char *text)
{
	_cleanup_free_ char *path = path_join(root, name), *above = path_parent(path);

	assert_int_equal(fs_mkdirs(AT_FDCWD, above, 0755), 0);
	assert_int_equal(fs_replace_file(AT_FDCWD, path, text, strlen(text), 0644), 0);
}

static void assert_mount(const char *root, const char *lines, const char *directory,
			 const char *expected)
{
	_cleanup_free_ char *full = path_join(root, directory), *found = NULL, *wanted = NULL;

	put(root, "proc/self/mountinfo", lines);
	found = mounts_first_below(full, root);
	wanted = expected ? path_join(root, expected) : NULL;
	if (!wanted)
		assert_null(found);
	else
		assert_string_equal(found, wanted);
}

/* Returns a mountinfo with a line for each NAME below ROOT. */
static char *mounts(const char *root, const char *first, const char *second)
{
	return xasprintf("25 1 8:1 / / rw - ext4 /dev/sda1 rw\n"
			 "26 25 8:1 / %s/%s rw - ext4 /dev/sda1 rw\n"
			 "27 25 8:1 / %s/%s rw,nosuid shared:2 - tmpfs tmpfs rw\n",
			 root, first, root, second);
}

static void mounts_in_the_way(void **state)
{
	const char *root = *state;
	_cleanup_free_ char *beside = mounts(root, "nix", "nixos/store");
	_cleanup_free_ char *below = mounts(root, "other", "nix/store/x");
	_cleanup_free_ char *blank = mounts(root, "my\\040nix\\134/a\\012b", "other");
	_cleanup_free_ char *directory = path_join(root, "nix");
	_cleanup_free_ char *odd = path_join(root, "my nix\\"), *link = path_join(root, "link");

	assert_int_equal(fs_mkdirs(AT_FDCWD, directory, 0755), 0);
	assert_int_equal(fs_mkdirs(AT_FDCWD, odd, 0755), 0);
	assert_int_equal(symlink("nix", link), 0);
	/* the directory itself may be a mount, such as a scratch disk */
	assert_mount(root, beside, "nix", NULL);
	assert_mount(root, below, "nix", "nix/store/x");
	assert_mount(root, below, "link", "nix/store/x");
	assert_mount(root, blank, "my nix\\", "my nix\\/a\nb");
	assert_mount(root, "", "nix", NULL);
	assert_mount(root, "garbage\n\n1 2\n", "nix", NULL);
	assert_mount(root, below, "missing", NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(mounts_in_the_way, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
