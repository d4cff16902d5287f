/* The lock of a Nix directory. Each process that holds it, or waits, is a child of the test. */
#include "store/lock.h"
#include "store/layout.h"
#include "util/cleanup.h"
#include "util/fs.h"
#include "util/str.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/file.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "../capture.h"
#include "../place.h"
#include "../unpack/unpack_fixture.h"

#define SOON_MS	 100   /* how long the test looks whether a process waits */
#define LATER_MS 10000 /* what should come has come by then */

struct process {
	pid_t pid;
	int says; /* one character, what its work returned */
	int ends; /* a byte: the process ends */
};

/* Run WORK in a child, which says what it returns, and then lives on until the test ends it. */
static struct process start(char (*work)(const char *nix_dir), const struct place *place)
{
	struct process process;
	int says[2], ends[2];

	assert_int_equal(pipe2(says, O_CLOEXEC), 0);
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	process.pid = fork();
	assert_true(process.pid >= 0);
	if (process.pid == 0) {
		char result;

		alarm(30);
		/* on a terminal nobody waits here */
		dup2(open("/dev/null", O_WRONLY | O_CLOEXEC), STDERR_FILENO);
		close(ends[1]);
		result = work(place->path);
		if (!result) /* a process that outlives the one that says something */
			_exit(read(ends[0], &result, 1) != 1 || poll(NULL, 0, SOON_MS) != 0);
		_exit(write(says[1], &result, 1) != 1 || read(ends[0], &result, 1) != 1);
	}
	close(says[1]);
	close(ends[0]);
	process.says = says[0];
	process.ends = ends[1];
	return process;
}

/* What PROCESS says within MS milliseconds; 0: nothing. */
static char hear(const struct process *process, int ms)
{
	struct pollfd fd = {.fd = process->says, .events = POLLIN};
	char word = 0;

	if (poll(&fd, 1, ms) == 1)
		assert_int_equal(read(process->says, &word, 1), 1);
	return word;
}

static void end(const struct process *process)
{
	int status;

	assert_int_equal(write(process->ends, "", 1), 1);
	assert_int_equal(waitpid(process->pid, &status, 0), process->pid);
	assert_int_equal(status, 0);
	close(process->says);
	close(process->ends);
}

static char takes(const char *nix_dir)
{
	struct progress progress = {.style = PROGRESS_PLAIN};
	struct lock lock;

	return lock_take(nix_dir, &progress, &lock) == 0 ? 'h' : 'e';
}

/* Waits, takes, and gives the lock up at once. */
static char takes_and_ends(const char *nix_dir)
{
	struct progress progress = {.style = PROGRESS_PLAIN};
	struct lock lock;

	if (lock_take(nix_dir, &progress, &lock) < 0)
		return 'e';
	if (progress.label)
		return 'l';
	lock_end(&lock);
	return 'd';
}

/* Holds the lock as the install script's processes do, until a while after the test's byte. */
static char takes_and_starts(const char *nix_dir)
{
	char result = takes(nix_dir);
	pid_t pid = result == 'h' ? fork() : 0;

	if (pid != 0 || result != 'h')
		return pid < 0 ? 'e' : result;
	return 0;
}

/* Takes the lock and removes the directory, as the roll-back of a failed --install does. */
static char churns(const char *place)
{
	_cleanup_free_ char *nix_dir = path_join(place, "n");
	_cleanup_free_ char *state = path_join(nix_dir, LAYOUT_STATE);
	_cleanup_free_ char *var = path_join(nix_dir, "var");

	for (int i = 0; i < 100; i++) {
		struct lock lock = LOCK_NONE;
		int r = lock_take_now(nix_dir, &lock);

		if (r < 0)
			return 'e';
		if (r == 0) {
			lock_remove(&lock);
			(void)!(rmdir(state) == 0 && rmdir(var) == 0 && rmdir(nix_dir) == 0);
		}
		lock_clear(&lock);
	}
	return 'd';
}

static char waits(const char *nix_dir)
{
	struct progress progress = {.style = PROGRESS_PLAIN};
	int r = lock_wait(nix_dir, &progress);

	return progress.label ? 'l' : r == 1 ? 'w' : r == 0 ? 'n' : 'e';
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
	static const char *const below[] = {"a", "a/b", "a/b/var", "a/b/" LAYOUT_STATE};
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
	assert_int_equal(lock_try(place->path, 0, &(struct lock){0}), -1);
	lock_end(&lock);
	lock_clear(&lock);
	/* without the file lock_try() makes none */
	assert_int_equal(lock_try(place->path, 0, &lock), -1);
	assert_false(fs_exists(place->fd, LAYOUT_LOCK));
	assert_int_equal(lock_try("/nowhere/at/all", 0, &lock), -1);
}

static void the_next_one_waits(void **state)
{
	const struct place *place = *state;
	struct process holder = start(takes, place), next, last;

	assert_int_equal(hear(&holder, LATER_MS), 'h');
	next = start(takes_and_ends, place);
	last = start(takes_and_ends, place);
	assert_int_equal(hear(&next, SOON_MS), 0);
	assert_int_equal(hear(&last, SOON_MS), 0);
	/* the second of these two finds that the first has removed the file that it waited on */
	end(&holder);
	assert_int_equal(hear(&next, LATER_MS), 'd');
	assert_int_equal(hear(&last, LATER_MS), 'd');
	end(&next);
	end(&last);
	assert_false(fs_exists(place->fd, LAYOUT_LOCK));
}

/* Those who only wait go on together, though each of them lives on. */
static void those_who_wait_go_on_together(void **state)
{
	const struct place *place = *state;
	struct process holder, some[3], late;

	late = start(waits, place);
	assert_int_equal(hear(&late, LATER_MS), 'n');
	end(&late);
	assert_false(fs_exists(place->fd, "var"));
	holder = start(takes, place);
	assert_int_equal(hear(&holder, LATER_MS), 'h');
	for (size_t i = 0; i < 3; i++)
		some[i] = start(waits, place);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(hear(&some[i], SOON_MS), 0);
	end(&holder);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(hear(&some[i], LATER_MS), 'w');
	for (size_t i = 0; i < 3; i++)
		end(&some[i]);
	late = start(waits, place);
	assert_int_equal(hear(&late, LATER_MS), 'n');
	end(&late);
}

/* Whoever waits says so once, and for whom; that it waits is shown again and again. */
static void says_for_whom(void **state)
{
	const struct place *place = *state;
	struct process holder = start(takes, place);
	struct progress progress = {.style = PROGRESS_PLAIN};
	_cleanup_free_ char *said = NULL, *expected = NULL;
	struct capture capture;
	struct sigaction now;
	struct lock lock;
	pid_t killer;

	assert_int_equal(hear(&holder, LATER_MS), 'h');
	expected = xasprintf("nix-user-chroot: another --install or --uninstall is at work on %s "
			     "(process %ld): waiting for it\n",
			     place->path, (long)holder.pid);
	capture_begin(&capture);
	killer = fork();
	if (killer == 0) {
		struct stat st;

		alarm(30);
		/* the message precedes the wait */
		while (fstat(STDERR_FILENO, &st) < 0 || st.st_size == 0)
			poll(NULL, 0, 5);
		kill(holder.pid, SIGKILL);
		_exit(0);
	}
	assert_int_equal(lock_take(place->path, &progress, &lock), 0);
	said = capture_end(&capture);
	assert_int_equal(waitpid(killer, NULL, 0), killer);
	assert_int_equal(waitpid(holder.pid, NULL, 0), holder.pid);
	close(holder.says);
	close(holder.ends);
	assert_string_equal(said, expected);
	assert_null(progress.label);
	/* the timer of the wait is gone, and the signal means what it meant */
	assert_int_equal(sigaction(SIGVTALRM, NULL, &now), 0);
	assert_ptr_equal(now.sa_handler, SIG_DFL);
	poll(NULL, 0, 300);
	lock_end(&lock);
	lock_clear(&lock);
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
	assert_true(lock_is_held(place->path));
	assert_int_equal(write(holder.ends, "", 1), 1);
	assert_int_equal(lock_try(place->path, holder.pid, &lock), 0);
	assert_true(lock.fd >= 0 && lock.nix_dir_fd >= 0);
	lock_end(&lock);
	lock_clear(&lock);
	close(holder.says);
	close(holder.ends);
}

/* Two take the lock and remove the directory again: neither is in the other's way. */
static void a_directory_that_vanishes(void **state)
{
	const struct place *place = *state;
	struct process one = start(churns, place), other = start(churns, place);

	assert_int_equal(hear(&one, LATER_MS), 'd');
	assert_int_equal(hear(&other, LATER_MS), 'd');
	end(&one);
	end(&other);
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

#define TEST(name) cmocka_unit_test_setup_teardown(name, place_setup, place_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_file),
		TEST(what_was_made),
		TEST(one_holds_it),
		TEST(the_next_one_waits),
		TEST(says_for_whom),
		TEST(those_who_wait_go_on_together),
		TEST(who_was_killed_is_waited_for),
		TEST(a_directory_that_vanishes),
		TEST(a_file_system_without_locks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
