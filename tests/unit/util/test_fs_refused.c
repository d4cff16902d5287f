/* Files when the kernel refuses, interrupts, or does not know something: nothing is lost or untold.
 */
#include "util/cleanup.h"
#include "util/fs.h"
#include "util/str.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include <cmocka.h>

#include "../child.h"
#include "../filter.h"
#include "../place.h"

/* The end of a pipe to which the handler of SIGALRM writes. */
static int handled = -1;

static void on_alarm(int number)
{
	(void)number;
	(void)!write(handled, "x", 1);
}

enum { MUCH = 1 << 20 };

static _Noreturn void write_much(int out)
{
	const struct sigaction action = {.sa_handler = on_alarm};
	char *data = xcalloc(MUCH, 1);

	sigaction(SIGALRM, &action, NULL);
	_exit(fs_write_all(out, data, MUCH) == 0 ? 0 : 1);
}

/* Signals interrupt a write(2) that waits because the pipe is full. */
static void interrupted(void **state)
{
	_cleanup_free_ char *data = xcalloc(MUCH, 1);
	int ends[2], told[2], status, room, there = 0;
	size_t got = 0;
	pid_t child;
	ssize_t n;
	char c;

	(void)state;
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	assert_int_equal(pipe2(told, O_CLOEXEC), 0);
	handled = told[1];
	room = fcntl(ends[1], F_GETPIPE_SZ);
	child = fork();
	if (child == 0)
		write_much(ends[1]);
	close(ends[1]);
	while (there < room)
		assert_int_equal(ioctl(ends[0], FIONREAD, &there), 0);
	for (int i = 0; i < 20; i++) {
		assert_int_equal(kill(child, SIGALRM), 0);
		assert_int_equal(read(told[0], &c, 1), 1);
	}
	while ((n = read(ends[0], data, MUCH)) > 0)
		got += (size_t)n;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	assert_int_equal(got, MUCH);
	close(ends[0]);
	close(told[0]);
	close(told[1]);
}

struct failure {
	const struct place *place;
	long number; /* the call that fails; 0: the file may have two bytes */
	int err;
};

static bool is_text(int fd, const char *name, const char *wanted)
{
	_cleanup_free_ char *text = NULL;
	size_t len;

	return fs_read_file(fd, name, 100, &text, &len) == 0 && strcmp(text, wanted) == 0;
}

static const char *fail_to_replace(void *ctx)
{
	const struct failure *failure = ctx;
	int fd = failure->place->fd, r;

	if (failure->number) {
		refuse_call(failure->number, -1, failure->err);
	} else {
		signal(SIGXFSZ, SIG_IGN);
		setrlimit(RLIMIT_FSIZE, &(struct rlimit){2, 2});
	}
	r = fs_replace_file(fd, "d/f", "fresh", 5, 0644);
	if (r != -failure->err)
		return xasprintf("call %ld: %d", failure->number, r);
	if (!is_text(fd, "d/f", "old"))
		return "the old file was lost";
	return fs_exists(fd, "d/f.new") ? "something was left" : NULL;
}

/* Whatever fails, it is told, the old file stays, and nothing is left. */
static void no_step_of_replacing_may_fail(void **state)
{
	const struct place *place = *state;
	struct failure cases[] = {
		{place, 0, EFBIG},	    {place, SYS_write, EIO},
		{place, SYS_fsync, EIO},    {place, SYS_fsync, EINVAL},
		{place, SYS_close, EDQUOT}, {place, SYS_renameat, EROFS},
	};

	assert_int_equal(fs_mkdirs(place->fd, "d", 0755), 0);
	assert_int_equal(fs_replace_file(place->fd, "d/f", "old", 3, 0644), 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_in_child(fail_to_replace, &cases[i]);
}

static bool replaces(void *ctx)
{
	const struct place *place = ctx;

	/* nothing is closed, so that each descriptor has its own number */
	refuse_call(SYS_close, -1, 0);
	return fs_replace_file(place->fd, "d/f", "fresh", 5, 0644) == 0;
}

static const char *fail_to_sync(void *ctx)
{
	const struct place *place = ctx;

	refuse_call(SYS_fsync, -1, EIO);
	return fs_sync_dir(place->fd, "d") == -EIO ? NULL : "an error of a directory was not told";
}

static void the_file_and_its_directory_are_flushed(void **state)
{
	void *place = *state;

	assert_int_equal(fs_mkdirs(((struct place *)place)->fd, "d", 0755), 0);
	assert_int_equal(filter_count_syncs(replaces, place), 2);
	assert_in_child(fail_to_sync, place);
}

/* Data that the kernel cannot read: nothing is at address 0 of a process. */
static void read_errors(void **state)
{
	char *data = NULL, few[8];
	size_t len;

	(void)state;
	assert_int_equal(fs_read_file(AT_FDCWD, "/proc/self/mem", 10, &data, &len), -EIO);
	assert_null(data);
	assert_int_equal(fs_read_fd(-1, 10, &data, &len), -EBADF);
	assert_int_equal(fs_read_some(AT_FDCWD, "/proc/self/mem", few, sizeof(few)), -EIO);
	assert_int_equal(fs_read_some(AT_FDCWD, "/", few, sizeof(few)), -EISDIR);
	assert_int_equal(fs_read_some(AT_FDCWD, "/none/f", few, sizeof(few)), -ENOENT);
}

static const char *cannot_make(void *ctx)
{
	const struct place *place = ctx;
	_cleanup_free_ char *file = path_join(place->path, "closed/f");
	_cleanup_free_ char *deep = path_join(place->path, "closed/a/f");

	/* root may write everywhere */
	if (geteuid() == 0 && (setgid(65534) < 0 || setuid(65534) < 0))
		return "not another user";
	if (fs_mkdirs(place->fd, "closed/a/b", 0755) != -EACCES ||
	    fs_put_file(deep, "x", 1, 0644) != -EACCES)
		return "fs_mkdirs";
	if (fs_make_dirs_below(place->fd, "closed/a/b") != -EACCES)
		return "fs_make_dirs_below";
	if (fs_put_file(file, "x", 1, 0644) != -EACCES)
		return "fs_put_file";
	return fs_open_below(place->fd, "closed/a", O_RDONLY, 0) == -ENOENT ? NULL : "open";
}

static void directories_that_are_closed(void **state)
{
	const struct place *place = *state;

	assert_int_equal(fs_mkdirs(place->fd, "closed", 0755), 0);
	assert_int_equal(fchmod(place->fd, 0755), 0);
	assert_int_equal(fchmodat(place->fd, "closed", 0555, 0), 0);
	assert_in_child(cannot_make, *state);
}

static const char *cannot_be_closed(void *ctx)
{
	const struct place *place = ctx;

	refuse_call(SYS_fchmod, -1, EPERM);
	/* one that was there is as it is */
	if (fs_make_dirs_below(place->fd, "closed") < 0)
		return "a directory that was there";
	return fs_make_dirs_below(place->fd, "a/b") == -EPERM && child_has_stdin() ? NULL : "a/b";
}

/* A new directory that cannot be kept from others is not used. */
static void directories_that_stay_open(void **state)
{
	const struct place *place = *state;

	assert_int_equal(fs_mkdirs(place->fd, "closed", 0755), 0);
	assert_in_child(cannot_be_closed, *state);
}

/* What a directory above would give to others, acl(5): all rights for user 65534 */
static void what_is_inherited_goes(void **state)
{
	static const struct {
		uint32_t version;
		struct {
			uint16_t tag, rights;
			uint32_t id;
		} entries[5];
	} acl = {2,
		 {{1, 7, UINT32_MAX},
		  {2, 7, 65534},
		  {4, 0, UINT32_MAX},
		  {0x10, 7, UINT32_MAX},
		  {0x20, 0, UINT32_MAX}}};
	static const char *const names[] = {"system.posix_acl_default", "system.posix_acl_access"};
	const struct place *place = *state;
	_cleanup_close_ int old = -1, made = -1;
	struct stat st;
	char value[100];

	if (fsetxattr(place->fd, names[0], &acl, sizeof(acl), 0) < 0)
		skip();
	assert_int_equal(mkdirat(place->fd, "old", 02700), 0);
	assert_int_equal(fchmodat(place->fd, "old", 02700, 0), 0);
	old = fs_make_dirs_below(place->fd, "old");
	/* one that was there stays as it was */
	assert_true(old >= 0 && fstat(old, &st) == 0 && (st.st_mode & 07777) == 02700);
	assert_true(fgetxattr(old, names[0], value, sizeof(value)) > 0);
	made = fs_make_dirs_below(place->fd, "made/made");
	assert_true(made >= 0);
	assert_int_equal(fs_make_plain(old), 0);
	for (size_t i = 0; i < 2; i++) {
		int fd = i ? old : made;

		assert_true(fstat(fd, &st) == 0 && (st.st_mode & 07777) == 0755);
		for (size_t j = 0; j < 2; j++)
			assert_true(fgetxattr(fd, names[j], value, sizeof(value)) < 0);
	}
	assert_int_equal(fs_make_plain(-1), -EBADF);
}

static const char *self_is_unknown(void *ctx)
{
	_cleanup_free_ char *path = NULL;

	(void)ctx;
	refuse_call(SYS_readlinkat, -1, ENOENT);
	path = fs_self_path();
	return path ? "a path that the kernel did not say" : NULL;
}

static void without_proc(void **state)
{
	(void)state;
	assert_in_child(self_is_unknown, NULL);
}

static const char *mount_is_unknown(void *ctx)
{
	(void)ctx;
	/* success, and no field is said to be filled in: a kernel that does not know them */
	refuse_call(SYS_statx, -1, 0);
	return fs_mount_id(AT_FDCWD, "/", false) == 0 && fs_mount_id(AT_FDCWD, "/", true) == 0
		       ? NULL
		       : "a number that the kernel did not say";
}

/* Whether the kernel fills in the fields MASK of statx(2). */
static bool kernel_tells(unsigned mask)
{
	uint32_t answer[64] = {0};

	return syscall(SYS_statx, AT_FDCWD, "/proc/self", 0, mask, answer) == 0 && answer[0] & mask;
}

static void numbers_of_mounts(void **state)
{
	_cleanup_close_ int proc = open("/proc/self", O_PATH | O_CLOEXEC);
	_cleanup_free_ char *path = xasprintf("/proc/self/fdinfo/%d", proc);
	char info[512];
	const char *line;

	(void)state;
	assert_true(fs_read_some(AT_FDCWD, path, info, sizeof(info)) > 0);
	line = strstr(info, "mnt_id:");
	assert_non_null(line);
	if (kernel_tells(0x1000)) {
		assert_int_equal(fs_mount_id(proc, "", false), strtol(line + 7, NULL, 10));
		assert_int_equal(fs_mount_id(AT_FDCWD, "/proc/self", false),
				 fs_mount_id(proc, "", false));
	}
	/* these begin above 2^31: statmount(2) */
	if (kernel_tells(0x4000))
		assert_true(fs_mount_id(proc, "", true) > UINT32_MAX / 2);
	assert_int_equal(fs_mount_id(-1, "", false), 0);
	assert_int_equal(fs_mount_id(AT_FDCWD, "/no such", false), 0);
	assert_in_child(mount_is_unknown, NULL);
}

#ifdef SYS_ustat
static const char *ended_if_the_kernel_says_so(void *ctx)
{
	int err = *(const int *)ctx;

	refuse_call(SYS_ustat, -1, err);
	return fs_has_ended(makedev(0, 1)) == (err == EINVAL) ? NULL : strerror(err);
}
#endif

static void ended_file_systems(void **state)
{
	(void)state;
#ifdef SYS_ustat
	for (size_t i = 0; i < 3; i++)
		assert_in_child(ended_if_the_kernel_says_so, &(int[]){EINVAL, ENOSYS, 0}[i]);
#endif
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(interrupted),
		cmocka_unit_test_setup_teardown(no_step_of_replacing_may_fail, place_setup,
						place_teardown),
		cmocka_unit_test_setup_teardown(the_file_and_its_directory_are_flushed, place_setup,
						place_teardown),
		cmocka_unit_test(read_errors),
		cmocka_unit_test_setup_teardown(directories_that_are_closed, place_setup,
						place_teardown),
		cmocka_unit_test_setup_teardown(directories_that_stay_open, place_setup,
						place_teardown),
		cmocka_unit_test_setup_teardown(what_is_inherited_goes, place_setup,
						place_teardown),
		cmocka_unit_test(numbers_of_mounts),
		cmocka_unit_test(without_proc),
		cmocka_unit_test(ended_file_systems),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
