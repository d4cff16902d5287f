/* The lock of a Nix directory: who has it, and the file. */
#include "lock_process.h"

#include "../child.h"
#include "../nth.h"

#include <time.h>

/* Holds the lock as the install script's processes do, until a while after the test's byte. */
static char takes_and_starts(const char *nix_dir)
{
	char result = takes(nix_dir);
	pid_t pid = result == 'h' ? fork() : 0;

	if (pid != 0 || result != 'h')
		return pid < 0 ? 'e' : result;
	return 0;
}

/* If not NULL: the Nix directory that another run's roll-back removes before the lock's file is
 * made */
static const char *vanishing;

int __wrap_fs_open_below(int dirfd, const char *path, int flags, mode_t mode);
int __real_fs_open_below(int dirfd, const char *path, int flags, mode_t mode);

int __wrap_fs_open_below(int dirfd, const char *path, int flags, mode_t mode)
{
	if (vanishing && (flags & O_CREAT)) {
		assert_int_equal(fs_remove_tree(AT_FDCWD, vanishing), 0);
		vanishing = NULL;
	}
	return __real_fs_open_below(dirfd, path, flags, mode);
}

/* The holder's process ID is in the file, which others may neither read nor lock. */
static void the_file(void **state)
{
	const struct place *place = *state;
	_cleanup_free_ char *pid = xasprintf("%ld\n", (long)getpid()), *text = NULL;
	struct progress progress = {.style = PROGRESS_PLAIN};
	struct stat st, here;
	struct lock lock;
	size_t len;

	/* of a longer text, as a former holder may have left it, nothing stays */
	assert_int_equal(fs_mkdirs(place->fd, LAYOUT_STATE, 0755), 0);
	assert_int_equal(fs_replace_file(place->fd, LAYOUT_LOCK, "12345678901234567890", 20, 0600),
			 0);
	assert_int_equal(lock_take(place->path, &progress, &lock), 0);
	assert_null(progress.label);
	assert_int_equal(fs_read_file(place->fd, LAYOUT_LOCK, 100, &text, &len), 0);
	assert_string_equal(text, pid);
	assert_int_equal(fstat(lock.nix_dir_fd, &st), 0);
	assert_int_equal(fstat(place->fd, &here), 0);
	assert_true(fs_same_inode(&st, &here));
	/* a program that this process starts holds the lock too; the directory is only ours */
	assert_int_equal(fcntl(lock.fd, F_GETFD), 0);
	assert_int_equal(fcntl(lock.nix_dir_fd, F_GETFD), FD_CLOEXEC);
	assert_int_equal(lock.made.count, 0);
	lock_end(&lock);
	assert_int_equal(lock.fd, -1);
	assert_false(fs_exists(place->fd, LAYOUT_LOCK));
	assert_true(lock.nix_dir_fd >= 0);
	lock_clear(&lock);
	assert_int_equal(lock.nix_dir_fd, -1);
	/* a file that is made for the lock */
	assert_int_equal(lock_take(place->path, &progress, &lock), 0);
	assert_int_equal(fs_stat_below(lock.nix_dir_fd, LAYOUT_LOCK, &st), 0);
	assert_int_equal(st.st_mode, S_IFREG | 0600);
	lock_remove(&lock);
	assert_false(fs_exists(place->fd, LAYOUT_LOCK));
	lock_clear(&lock);
}

static void what_was_made(void **state)
{
	const struct place *place = *state;
	_cleanup_free_ char *nix_dir = path_join(place->path, "a/b");
	static const char *const below[] = {"a", "a/b", "a/b/var", ("a/b/" LAYOUT_STATE)};
	struct lock lock = LOCK_NONE;

	assert_int_equal(lock_take_now(nix_dir, &lock), 0);
	assert_int_equal(lock.made.count, 4);
	for (size_t i = 0; i < 4; i++) {
		_cleanup_free_ char *path = path_join(place->path, below[i]);

		assert_string_equal(lock.made.items[i], path);
	}
	lock_end(&lock);
	lock_clear(&lock);
	assert_int_equal(lock.made.count, 0);
}

static void a_directory_that_cannot_be(void **state)
{
	const struct place *place = *state;
	struct progress progress = {.style = PROGRESS_PLAIN};
	_cleanup_free_ char *said = NULL, *nix_dir = path_join(place->path, "file/n");
	_cleanup_free_ char *once =
		xasprintf("nix-user-chroot: cannot make the directory %s: Not a "
			  "directory\n  move what is in the way, or set "
			  "NIX_USER_CHROOT_DIR to another directory\n",
			  nix_dir);
	_cleanup_free_ char *twice = xasprintf("%s%s", once, once);
	struct lock lock = LOCK_NONE;
	struct capture capture;

	assert_int_equal(fs_replace_file(place->fd, "file", "", 0, 0600), 0);
	capture_begin(&capture);
	assert_int_equal(lock_take_now(nix_dir, &lock), -1);
	assert_int_equal(lock_take(nix_dir, &progress, &lock), -1);
	assert_int_equal(lock_wait(nix_dir, &progress), 0);
	/* stdin is not taken for the lock, nor closed */
	assert_false(lock_is_held(nix_dir));
	said = capture_end(&capture);
	assert_int_equal(lock.fd, -1);
	assert_int_equal(lock.nix_dir_fd, -1);
	assert_string_equal(said, twice);
}

static void one_holds_it(void **state)
{
	const struct place *place = *state;
	struct process holder;
	struct lock lock = LOCK_NONE;

	assert_false(lock_is_held(place->path));
	holder = start(takes, place);
	assert_int_equal(hear(&holder, LATER_MS), 'h');
	assert_true(lock_is_held(place->path));
	assert_int_equal(lock_take_now(place->path, &lock), 1);
	assert_int_equal(lock.fd, -1);
	assert_int_equal(lock.nix_dir_fd, -1);
	assert_int_equal(lock_try(place->path, 0, &lock), -1);
	end(&holder);
	/* who died holding it has left the file, which is no obstacle */
	assert_true(fs_exists(place->fd, LAYOUT_LOCK));
	assert_false(lock_is_held(place->path));
	assert_int_equal(lock_try(place->path, 0, &lock), 0);
	assert_true(lock.fd >= 0 && lock.nix_dir_fd >= 0);
	/* a program that this process starts has neither */
	assert_int_equal(fcntl(lock.nix_dir_fd, F_GETFD), FD_CLOEXEC);
	assert_int_equal(fcntl(lock.fd, F_GETFD), FD_CLOEXEC);
	assert_int_equal(lock_try(place->path, 0, &(struct lock){0}), -1);
	lock_end(&lock);
	lock_clear(&lock);
	/* without the file lock_try() makes none */
	assert_int_equal(lock_try(place->path, 0, &lock), -1);
	assert_false(fs_exists(place->fd, LAYOUT_LOCK));
	assert_int_equal(lock_try("/nowhere/at/all", 0, &lock), -1);
}

/*
 * The holder was killed, but a process that it started still holds the lock: the call waits for
 * that one, if it was told who died.
 */
static void who_was_killed_is_waited_for(void **state)
{
	const struct place *place = *state;
	struct process holder = start(takes_and_starts, place);
	struct lock lock = LOCK_NONE;

	assert_int_equal(hear(&holder, LATER_MS), 'h');
	assert_int_equal(kill(holder.pid, SIGKILL), 0);
	assert_int_equal(waitpid(holder.pid, NULL, 0), holder.pid);
	assert_int_equal(lock_try(place->path, 0, &lock), -1);
	assert_int_equal(lock_try(place->path, getpid(), &lock), -1);
	/* one that does not die is waited for a while */
	assert_int_equal(lock_try(place->path, holder.pid, &lock), -1);
	assert_true(lock_is_held(place->path));
	assert_int_equal(write(holder.ends, "", 1), 1);
	assert_int_equal(lock_try(place->path, holder.pid, &lock), 0);
	assert_true(lock.fd >= 0 && lock.nix_dir_fd >= 0);
	lock_end(&lock);
	lock_clear(&lock);
	close(holder.says);
	close(holder.ends);
}

/* The roll-back of another run removes the directory in between: it is made again. */
static void a_directory_that_vanishes(void **state)
{
	const struct place *place = *state;
	_cleanup_free_ char *nix_dir = path_join(place->path, "n");
	struct lock lock = LOCK_NONE;

	vanishing = nix_dir;
	assert_int_equal(lock_take_now(nix_dir, &lock), 0);
	assert_null(vanishing);
	assert_true(lock.fd >= 0 && lock.nix_dir_fd >= 0);
	assert_true(fs_exists(place->fd, "n/" LAYOUT_LOCK));
	lock_end(&lock);
	lock_clear(&lock);
}

/* On a file system where flock(2) fails with ERR: what is said, and whether the file stays. */
static void without_locks(const struct place *place, int err, char *expected, bool stays)
{
	for (int i = 0; i < 3; i++) {
		_cleanup_free_ char *said = NULL;
		struct capture capture;
		int status;
		pid_t pid;

		assert_int_equal(fs_mkdirs(place->fd, LAYOUT_STATE, 0755), 0);
		assert_int_equal(fs_replace_file(place->fd, LAYOUT_LOCK, "", 0, 0600), 0);
		capture_begin(&capture);
		pid = fork();
		assert_true(pid >= 0);
		if (pid == 0) {
			struct progress progress = {.style = PROGRESS_PLAIN};
			struct lock lock = LOCK_NONE;

			refuse_call(SYS_flock, -1, err);
			_exit(i == 0   ? lock_take(place->path, &progress, &lock) != -1
			      : i == 1 ? lock_wait(place->path, &progress) != -1
				       : lock_take_now(place->path, &lock) != -1);
		}
		assert_int_equal(waitpid(pid, &status, 0), pid);
		said = capture_end(&capture);
		assert_int_equal(status, 0);
		assert_string_equal(said, expected);
		assert_int_equal(fs_exists(place->fd, LAYOUT_LOCK), stays);
	}
	free(expected);
}

static void a_file_system_without_locks(void **state)
{
	static const int none[] = {ENOLCK, EOPNOTSUPP, ENOSYS};
	const struct place *place = *state;

	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
		without_locks(place, none[i],
			      xasprintf("nix-user-chroot: cannot lock %s/" LAYOUT_LOCK
					": %s\n  Nix needs locks too: set NIX_USER_CHROOT_DIR to a "
					"directory on another file system\n",
					place->path, strerror(none[i])),
			      false);
	without_locks(
		place, EIO,
		xasprintf("nix-user-chroot: cannot lock %s/" LAYOUT_LOCK
			  ": %s\n  look at the file system: it does not answer as it should\n",
			  place->path, strerror(EIO)),
		true);
}

/* Where the caller has closed descriptor 0, it is a number like any other. */
static char takes_without_stdin(const char *nix_dir)
{
	struct progress progress = {.style = PROGRESS_PLAIN};
	struct lock lock = LOCK_NONE;

	close(STDIN_FILENO);
	if (lock_take_now(nix_dir, &lock) != 0 || lock.nix_dir_fd != STDIN_FILENO)
		return 'a';
	lock_clear(&lock);
	if (lock_wait(nix_dir, &progress) != 0 || lock_try(nix_dir, 0, &lock) != 0 ||
	    lock.nix_dir_fd != STDIN_FILENO)
		return 'b';
	lock_clear(&lock);
	return 'd';
}

static char looks_without_stdin(const char *nix_dir)
{
	close(STDIN_FILENO);
	return lock_is_held(nix_dir) ? 'h' : 'n';
}

static void without_stdin(void **state)
{
	const struct place *place = *state;
	struct process process = start(takes_without_stdin, place), holder;

	assert_int_equal(hear(&process, LATER_MS), 'd');
	end(&process);
	holder = start(takes, place);
	assert_int_equal(hear(&holder, LATER_MS), 'h');
	process = start(looks_without_stdin, place);
	assert_int_equal(hear(&process, LATER_MS), 'h');
	end(&process);
	end(&holder);
}

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* What cannot be removed at once is tried for half a second, since FUSE lets go a little later. */
static void a_file_that_stays(void **state)
{
	const struct place *place = *state;
	struct lock lock = LOCK_NONE;
	uint64_t begun;

	/* root removes it anyway */
	if (geteuid() == 0)
		skip();
	assert_int_equal(lock_take_now(place->path, &lock), 0);
	assert_int_equal(fchmodat(place->fd, LAYOUT_STATE, 0555, 0), 0);
	begun = now_ms();
	lock_end(&lock);
	assert_true(now_ms() - begun >= 450);
	assert_int_equal(lock.fd, -1);
	assert_true(fs_exists(place->fd, LAYOUT_LOCK));
	assert_false(lock_is_held(place->path));
	lock_clear(&lock);
}

static int take_and_end(void *ctx)
{
	const struct place *place = ctx;
	struct lock lock = LOCK_NONE;

	if (lock_take_now(place->path, &lock) != 0)
		return 1;
	lock_end(&lock);
	return fs_exists(place->fd, LAYOUT_LOCK) ? 2 : 0;
}

/* A file that cannot be removed while it is open is removed after that; for other errors it stays.
 */
static void a_file_that_stays_while_open(void **state)
{
	static const struct {
		int err, status;
	} cases[] = {{EPERM, 0}, {EACCES, 0}, {EXDEV, 0}, {EIO, 2}};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int status,
			r = nth_fails(SYS_unlinkat, 1, cases[i].err, take_and_end, *state, &status);

		if (r < 0)
			skip();
		assert_int_equal(r, 1);
		assert_int_equal(status, cases[i].status << 8);
	}
}

static int try_it(void *ctx)
{
	const struct place *place = ctx;
	size_t before = count_descriptors();
	struct lock lock = LOCK_NONE;
	int r = lock_try(place->path, 0, &lock);

	if (count_descriptors() != before || !child_has_stdin())
		return 2;
	return r == -1 && lock.fd == -1 ? 0 : 1;
}

static void remove_the_file(void *ctx)
{
	const struct place *place = ctx;

	(void)!unlinkat(place->fd, LAYOUT_LOCK, 0);
}

/* The holder removes the file after it was opened: a lock of that file is none. */
static void a_file_that_vanishes(void **state)
{
	const struct nth what = {.number = SYS_flock, .nth = 1, .meanwhile = remove_the_file};
	const struct place *place = *state;
	int status, r;

	assert_int_equal(fs_mkdirs(place->fd, LAYOUT_STATE, 0755), 0);
	assert_int_equal(fs_replace_file(place->fd, LAYOUT_LOCK, "", 0, 0600), 0);
	r = nth_happens(&what, try_it, *state, &status);
	if (r < 0)
		skip();
	assert_int_equal(r, 1);
	assert_int_equal(status, 0);
	assert_false(fs_exists(place->fd, LAYOUT_LOCK));
}

/* A file that can be opened, but not be inherited, is no lock. */
static void a_flag_that_cannot_be_set(void **state)
{
	const struct place *place = *state;
	_cleanup_free_ char *said = NULL;
	_cleanup_free_ char *words = xasprintf("nix-user-chroot: cannot lock %s/" LAYOUT_LOCK
					       ": Operation not permitted\n",
					       place->path);
	struct capture capture;
	int status;
	pid_t pid;

	capture_begin(&capture);
	pid = fork();
	if (pid == 0) {
		struct lock lock = LOCK_NONE;

		refuse_call_with(SYS_fcntl, 1, F_SETFD, EPERM);
		_exit(lock_take_now(place->path, &lock) != -1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	said = capture_end(&capture);
	assert_int_equal(status, 0);
	assert_true(str_starts_with(said, words));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, place_setup, place_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_file),
		TEST(what_was_made),
		TEST(one_holds_it),
		TEST(a_directory_that_cannot_be),
		TEST(a_file_that_stays),
		TEST(a_file_that_stays_while_open),
		TEST(a_file_that_vanishes),
		TEST(a_flag_that_cannot_be_set),
		TEST(without_stdin),
		TEST(who_was_killed_is_waited_for),
		TEST(a_directory_that_vanishes),
		TEST(a_file_system_without_locks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
