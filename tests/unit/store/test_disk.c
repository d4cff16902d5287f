/* What the file system of a Nix directory does; Lustre and its like are played by wrappers. */
#include "store/disk.h"
#include "store/layout.h"
#include "util/cleanup.h"
#include "util/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#include <cmocka.h>

#include "../place.h"

/*
 * The extended attributes that each new file has, and that cannot be removed; NULL: the real ones.
 */
static const char *attributes;
static size_t attributes_len;

ssize_t __wrap_flistxattr(int fd, char *list, size_t size);
ssize_t __real_flistxattr(int fd, char *list, size_t size);
int __wrap_fremovexattr(int fd, const char *name);
int __real_fremovexattr(int fd, const char *name);

ssize_t __wrap_flistxattr(int fd, char *list, size_t size)
{
	if (!attributes)
		return __real_flistxattr(fd, list, size);
	assert_in_range(attributes_len, 1, size);
	memcpy(list, attributes, attributes_len);
	return (ssize_t)attributes_len;
}

int __wrap_fremovexattr(int fd, const char *name)
{
	if (!attributes)
		return __real_fremovexattr(fd, name);
	if (strcmp(name, "user.removable") == 0)
		return 0;
	errno = EPERM;
	return -1;
}

static void prepare(const struct place *place)
{
	_cleanup_close_ int state = fs_make_dirs_below(place->fd, LAYOUT_STATE);

	assert_true(state >= 0);
}

static void here(void **state)
{
	const struct place *place = *state;
	_cleanup_(disk_clear) struct disk disk;

	prepare(place);
	assert_int_equal(disk_try(place->fd, &disk), 0);
	assert_null(disk.refused);
	assert_non_null(disk.type);
	assert_int_equal(disk.fixed_xattrs.count, 0);
	assert_false(fs_exists(place->fd, LAYOUT_STAGING));
}

/* A killed attempt has left its file: it is no obstacle. */
static void again(void **state)
{
	const struct place *place = *state;
	_cleanup_(disk_clear) struct disk disk;
	_cleanup_close_ int dir = -1;

	prepare(place);
	dir = fs_make_dirs_below(place->fd, LAYOUT_STAGING "/e/d");
	assert_true(dir >= 0);
	assert_int_equal(fchmod(dir, 0555), 0);
	assert_int_equal(disk_try(place->fd, &disk), 0);
	assert_null(disk.refused);
	assert_false(fs_exists(place->fd, LAYOUT_STAGING));
}

static void attributes_that_stay(void **state)
{
	static const char lustre[] = "lustre.lov\0security.selinux\0user.removable\0trusted.link\0"
				     "system.nfs4_acl";
	const struct place *place = *state;
	_cleanup_(disk_clear) struct disk disk;

	prepare(place);
	attributes = lustre;
	attributes_len = sizeof(lustre);
	assert_int_equal(disk_try(place->fd, &disk), 0);
	attributes = NULL;
	assert_int_equal(disk.fixed_xattrs.count, 2);
	assert_string_equal(disk.fixed_xattrs.items[0], "lustre.lov");
	assert_string_equal(disk.fixed_xattrs.items[1], "trusted.link");
}

static void no_state_directory(void **state)
{
	const struct place *place = *state;
	_cleanup_(disk_clear) struct disk disk;

	assert_int_equal(disk_try(place->fd, &disk), -ENOENT);
	disk_clear(&disk);
}

static void whose_disk(void **state)
{
	static const char some[] = "nodev\tsysfs\nnodev\ttmpfs\nnodev\toverlay\n\text4\n\tbtrfs\n"
				   "nodev\tnfs\nnodev\tnfs4\nnodev\t9p\nnodev\tfuse\n\tfuseblk\n"
				   "nodev\tvirtiofs\n\tgfs2\nnodev\tlustre\nnodev\tzfs\n";
	static const char *const local[] = {"ext4", "btrfs", "tmpfs", "overlay", "zfs", "fuseblk"};
	static const char *const not_local[] = {"nfs",	"nfs4", "9p",	  "fuse.sshfs", "virtiofs",
						"gfs2", "ext",	"lustre", "unheard-of"};

	(void)state;
	for (size_t i = 0; i < sizeof(local) / sizeof(local[0]); i++)
		assert_true(disk_type_is_local(local[i], some));
	for (size_t i = 0; i < sizeof(not_local) / sizeof(not_local[0]); i++)
		assert_false(disk_type_is_local(not_local[i], some));
	assert_true(disk_type_is_local("xfs", "\txfs"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, place_setup, place_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(here),
		TEST(again),
		TEST(attributes_that_stay),
		TEST(no_state_directory),
		cmocka_unit_test(whose_disk),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
