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
#include <sys/mman.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

#include <cmocka.h>

#include "../nth.h"
#include "../place.h"
#include "../unpack/unpack_fixture.h"

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
	/* there is room for a NUL behind all that there can be */
	assert_true(size < 65536);
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

/* What the file system says that it is; without a name of its type, what it is is not changed. */
static bool is_played;
static const char *played_type; /* of mountinfo; NULL: unknown */
static long played_magic;	/* of statfs(2); 0: the real one */

char *__wrap_mountinfo_type_of(int fd);
char *__real_mountinfo_type_of(int fd);
int __wrap_fstatfs(int fd, struct statfs *out);
int __real_fstatfs(int fd, struct statfs *out);

char *__wrap_mountinfo_type_of(int fd)
{
	return is_played ? xstrdup(played_type) : __real_mountinfo_type_of(fd);
}

int __wrap_fstatfs(int fd, struct statfs *out)
{
	int r = __real_fstatfs(fd, out);

	if (is_played && played_magic)
		out->f_type = (__typeof__(out->f_type))played_magic;
	return r;
}

static void prepare(const struct place *place)
{
	_cleanup_close_ int state = fs_make_dirs_below(place->fd, LAYOUT_STATE);

	assert_true(state >= 0);
}

/* Is TYPE, of the tests' own directory, one that only this host can see? */
static bool is_local(const char *type)
{
	_cleanup_free_ char *text = NULL;
	size_t len;

	assert_true(fs_read_file(AT_FDCWD, "/proc/filesystems", 1 << 16, &text, &len) == 0);
	return disk_type_is_local(type, text);
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
	assert_int_equal(fs_replace_file(place->fd, "var", "", 0, 0644), 0);
	assert_int_equal(disk_try(place->fd, &disk), -ENOTDIR);
	disk_clear(&disk);
}

static void whose_disk(void **state)
{
	static const char some[] = "nodev\tsysfs\nnodev\ttmpfs\nnodev\toverlay\n\text4\n\tbtrfs\n"
				   "nodev\tnfs\nnodev\tnfs4\nnodev\t9p\nnodev\tfuse\n\tfuseblk\n"
				   "nodev\tvirtiofs\n\tgfs2\n\tocfs2\nnodev\tlustre\nnodev\tzfs\n";
	static const char *const local[] = {"ext4", "btrfs", "tmpfs", "overlay", "zfs", "fuseblk"};
	static const char *const not_local[] = {"nfs",	"nfs4",	 "9p",	"fuse.sshfs", "virtiofs",
						"gfs2", "ocfs2", "ext", "lustre",     "unheard-of"};

	(void)state;
	for (size_t i = 0; i < sizeof(local) / sizeof(local[0]); i++)
		assert_true(disk_type_is_local(local[i], some));
	for (size_t i = 0; i < sizeof(not_local) / sizeof(not_local[0]); i++)
		assert_false(disk_type_is_local(not_local[i], some));
	assert_true(disk_type_is_local("xfs", "\txfs"));
}

/* What disk_try() has found in a child. */
struct found {
	int r;
	bool wal_works;
	char refused[200];
};

/* disk_try() where the system call NUMBER fails by ERR if its argument WHICH is VALUE. */
static struct found tried(const struct place *place, long number, unsigned which, long value,
			  int err)
{
	struct found found = {0};
	int says[2], status;
	pid_t pid;

	assert_int_equal(pipe2(says, O_CLOEXEC), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		struct disk disk;

		refuse_call_with(number, which, value, err);
		found.r = disk_try(place->fd, &disk);
		found.wal_works = disk.wal_works;
		if (disk.refused)
			strncpy(found.refused, disk.refused, sizeof(found.refused) - 1);
		_exit(fs_write_all(says[1], &found, sizeof(found)) < 0);
	}
	close(says[1]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(read(says[0], &found, sizeof(found)), sizeof(found));
	close(says[0]);
	assert_false(fs_exists(place->fd, LAYOUT_STAGING));
	return found;
}

/*
 * Where Nix does not get what it needs, the words are of the step that failed; where there is no
 * room, the number is enough.
 */
static void what_fails(void **state)
{
	static const struct {
		long number;
		unsigned which;
		long value;
		const char *words;
	} cases[] = {
		{SYS_symlinkat, 0, -1, "no symlink can be made there: "},
		{SYS_readlinkat, 0, -1, "no symlink can be read there: "},
		{SYS_fchmod, 1, 0444, "the mode of what is yours cannot be changed there: "},
		/* that of a directory */
		{SYS_fchmod, 1, 0755, "the mode of what is yours cannot be changed there: "},
		{SYS_mkdirat, 2, 0755, "no directory can be made there: "},
		{SYS_fcntl, 1, F_SETLK, "no part of a file can be locked there: "},
#ifdef __LP64__
		{SYS_pwrite64, 3, 0, "no file can be written there: "},
#endif
#ifdef SYS_renameat
		{SYS_renameat, 0, -1, "no directory can be moved into another one there: "},
#endif
	};
	const struct place *place = *state;

	prepare(place);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		_cleanup_free_ char *words =
			xasprintf("%s%s", cases[i].words, strerror(EOPNOTSUPP));
		struct found found =
			tried(place, cases[i].number, cases[i].which, cases[i].value, EOPNOTSUPP);

		assert_string_equal(found.refused, words);
		assert_int_equal(found.r, 0);
		found = tried(place, cases[i].number, cases[i].which, cases[i].value, ENOSPC);
		assert_int_equal(found.r, -ENOSPC);
		found = tried(place, cases[i].number, cases[i].which, cases[i].value, EDQUOT);
		assert_int_equal(found.r, -EDQUOT);
	}
	assert_int_equal(tried(place, SYS_mkdirat, 0, -1, EOPNOTSUPP).r, -EOPNOTSUPP);
}

static int try_here(void *ctx)
{
	const struct place *place = ctx;
	struct disk disk;
	int r = disk_try(place->fd, &disk);

	if (r == 0 && disk.refused && str_starts_with(disk.refused, "nothing can be looked at"))
		return strcmp(disk.refused, "nothing can be looked at there: Input/output error") ==
				       0
			       ? 7
			       : 8;
	return r == -EIO ? 5 : r == 0 && !disk.refused ? 0 : 1;
}

/* A look that fails is told; where another mode was asked for, both looks are needed. */
static void looks_that_fail(void **state)
{
	size_t told = 0;

	prepare(*state);
	for (size_t i = 0; i < NTH_LOOKS; i++)
		for (int nth = 1, status, r = 1; r > 0; nth++) {
			r = nth_fails(nth_looks[i], nth, EIO, try_here, *state, &status);
			if (r < 0)
				skip();
			assert_true(status == 0 || status == 5 << 8 || status == 7 << 8);
			told += status == 7 << 8;
			assert_int_equal(
				fs_remove_tree(((struct place *)*state)->fd, LAYOUT_STAGING), 0);
		}
	/* before and after the change, of two modes of a file and two of a directory */
	assert_int_equal(told, 8);
}

static int try_directories(void *ctx)
{
	const struct place *place = ctx;
	struct disk disk;
	int r = disk_try(place->fd, &disk);

	if (r == 0 && disk.refused)
		return str_starts_with(disk.refused, "no directory can be made there: ")     ? 7
		       : str_starts_with(disk.refused, "no directory can be opened there: ") ? 9
											     : 8;
	return r == -EOPNOTSUPP ? 5 : r == 0 ? 0 : 1;
}

/* How often the call NUMBER, failing once, has the result WANTED. */
static size_t fails_once(struct place *place, long number, int wanted)
{
	size_t told = 0;

	for (int nth = 1, status, r = 1; r > 0; nth++) {
		r = nth_fails(number, nth, EOPNOTSUPP, try_directories, place, &status);
		if (r < 0)
			skip();
		assert_true(WIFEXITED(status));
		told += WEXITSTATUS(status) == wanted;
		assert_int_equal(fs_remove_tree(place->fd, LAYOUT_STAGING), 0);
	}
	return told;
}

/* One directory that can be made is not enough. */
static void each_directory(void **state)
{
	struct place *place = *state;

	prepare(place);
	assert_int_equal(fails_once(place, SYS_mkdirat, 7), 2);
	assert_int_equal(fails_once(place, SYS_openat, 9), 1);
}

/* What an earlier attempt has left, and cannot be removed, is the reason that is given. */
static void leftovers_that_stay(void **state)
{
	const struct place *place = *state;
	int status, r;

	prepare(place);
	assert_int_equal(fs_mkdirs(place->fd, LAYOUT_STAGING, 0755), 0);
	r = nth_fails(SYS_unlinkat, 1, EIO, try_here, *state, &status);
	if (r < 0)
		skip();
	assert_int_equal(status, 5 << 8);
}

/* Calls that succeed and do something else, as on FAT, on a noexec mount, and with root_squash. */
static void what_is_not_as_asked(void **state)
{
	const struct place *place = *state;
	_cleanup_free_ char *squashed = NULL, *other = NULL;

	prepare(place);
	assert_string_equal(tried(place, SYS_fchmod, 1, 0444, 0).refused,
			    "a file of mode 0444 there becomes one of mode 0644");
	assert_string_equal(tried(place, SYS_fchmod, 1, 0555, 0).refused,
			    "a file of mode 0555 there becomes one of mode 0444");
	assert_string_equal(tried(place, SYS_fchmod, 1, 0755, 0).refused,
			    "a directory of mode 0755 there becomes one of mode 0555");
#ifdef SYS_faccessat2
	if (tried(place, SYS_faccessat, 0, -1, EACCES).refused[0] == '\0')
		assert_string_equal(tried(place, SYS_faccessat2, 0, -1, EACCES).refused,
				    "no program can be run there");
#endif
#if !defined(SYS_geteuid32)
	/* the number of this error is what geteuid(2) returns */
	other = xasprintf("a file that you (user %lu) make there belongs to user %lu",
			  (unsigned long)(uid_t)-5, (unsigned long)geteuid());
	assert_string_equal(tried(place, SYS_geteuid, 0, -1, 5).refused, other);
	if (geteuid() == 0)
		return;
	squashed = xasprintf("a file that you (user 0) make there belongs to user %lu, as on NFS "
			     "with root_squash",
			     (unsigned long)geteuid());
	assert_string_equal(tried(place, SYS_geteuid, 0, -1, 0).refused, squashed);
#endif
}

/* A log of SQLite's needs shared memory, in both directions. */
static void shared_memory(void **state)
{
	const struct place *place = *state;
	_cleanup_(disk_clear) struct disk disk = {0};

	/* with 32 bits the offset is not one argument */
	if (sizeof(long) < 8)
		skip();
	prepare(place);
	assert_int_equal(disk_try(place->fd, &disk), 0);
	assert_int_equal(disk.wal_works, is_local(disk.type));
	if (!disk.wal_works)
		skip();
	assert_false(tried(place, SYS_mmap, 3, MAP_SHARED, ENODEV).wal_works);
	/* the file is not written to */
	assert_false(tried(place, SYS_pwrite64, 3, 64, 0).wal_works);
	assert_false(tried(place, SYS_pread64, 3, 0, 0).wal_works);
	/* the file stays empty: a mapping of it could not be touched */
	assert_false(tried(place, SYS_pwrite64, 3, 0, 0).wal_works);
	assert_true(tried(place, SYS_mmap, 3, 12345, ENODEV).wal_works);
}

/* Where the caller has closed descriptor 0, it is a number like any other. */
static void without_stdin(void **state)
{
	const struct place *place = *state;
	int status;
	pid_t pid;

	prepare(place);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		struct disk disk;

		close(STDIN_FILENO);
		_exit(disk_try(place->fd, &disk) != 0 || disk.refused || !disk.type);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_false(fs_exists(place->fd, LAYOUT_STAGING));
}

/* A log of SQLite's works on file systems of this host alone, known by name or by number. */
static void types(void **state)
{
	static const struct {
		const char *type;
		long magic;
		const char *expected;
		bool wal_works;
	} cases[] = {
		{"tmpfs", 0x01021994, "tmpfs", true}, /* TMPFS_MAGIC */
		{"nfs4", 0x01021994, "nfs4", false},  /* by its name */
		{"mystery", 0x01021994, "mystery", false},
		{"tmpfs", 0x6969, "tmpfs", false}, /* NFS_SUPER_MAGIC */
		{NULL, 0x6969, "NFS", false},
		{NULL, 0x01021994, NULL, true},
	};
	const struct place *place = *state;

	prepare(place);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		_cleanup_(disk_clear) struct disk disk;

		is_played = true;
		played_type = cases[i].type;
		played_magic = cases[i].magic;
		assert_int_equal(disk_try(place->fd, &disk), 0);
		is_played = false;
		if (cases[i].expected)
			assert_string_equal(disk.type, cases[i].expected);
		else
			assert_null(disk.type);
		assert_int_equal(disk.wal_works, cases[i].wal_works);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, place_setup, place_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(here),
		TEST(again),
		TEST(attributes_that_stay),
		TEST(no_state_directory),
		TEST(what_fails),
		TEST(looks_that_fail),
		TEST(each_directory),
		TEST(leftovers_that_stay),
		TEST(what_is_not_as_asked),
		TEST(shared_memory),
		TEST(types),
		TEST(without_stdin),
		cmocka_unit_test(whose_disk),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
