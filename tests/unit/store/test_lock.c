/*
 * The lock's file is removed and made anew while others wait for it: its name decides, not the file
 * that was opened. Each process that waits is a child of the test.
 */
#include "store/layout.h"
#include "store/lock.h"

#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "../place.h"

#define TAKEN '\1'

struct waiter {
	pid_t pid;
	int says; /* its stderr, and at the end TAKEN */
};

static int take(const char *nix_dir)
{
	struct progress progress;
	struct lock lock;

	progress_init(&progress);
	if (lock_take(nix_dir, &progress, &lock) < 0)
		return -1;
	(void)!write(STDERR_FILENO, &(char){TAKEN}, 1);
	/* until the test has looked */
	pause();
	return 0;
}

static int wait_only(const char *nix_dir)
{
	struct progress progress;

	progress_init(&progress);
	if (lock_wait(nix_dir, &progress) != 1)
		return -1;
	(void)!write(STDERR_FILENO, &(char){TAKEN}, 1);
	return 0;
}

/* Run WORK in a child, while this process holds the lock by the descriptor HELD. */
static struct waiter start(int (*work)(const char *nix_dir), const struct place *place, int held)
{
	struct waiter waiter;
	int ends[2];

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	waiter.pid = fork();
	assert_true(waiter.pid >= 0);
	if (waiter.pid == 0) {
		alarm(60);
		close(held);
		dup2(ends[1], STDERR_FILENO);
		_exit(work(place->path) < 0 ? 1 : 0);
	}
	close(ends[1]);
	waiter.says = ends[0];
	return waiter;
}

/* Read what WAITER says up to the byte LAST; the caller frees. */
static char *hear(const struct waiter *waiter, char last)
{
	char *text = xcalloc(4096, 1);
	size_t len = 0;

	while (len < 4095 && (len == 0 || text[len - 1] != last))
		assert_int_equal(read(waiter->says, text + len++, 1), 1);
	return text;
}

static bool is_silent(const struct waiter *waiter)
{
	return poll(&(struct pollfd){.fd = waiter->says, .events = POLLIN}, 1, 200) == 0;
}

static void end(struct waiter *waiter)
{
	kill(waiter->pid, SIGKILL);
	waitpid(waiter->pid, NULL, 0);
	close(waiter->says);
}

/* Make the lock's file with TEXT in it, and lock it, as a process with that number would. */
static int hold(const struct place *place, const char *text)
{
	int fd;

	assert_true(fs_make_dirs_below(place->fd, LAYOUT_STATE) >= 0);
	fd = fs_open_below(place->fd, LAYOUT_LOCK, O_RDWR | O_CREAT | O_EXCL, 0600);
	assert_true(fd >= 0);
	assert_int_equal(fs_write_all(fd, text, strlen(text)), 0);
	assert_int_equal(flock(fd, LOCK_EX | LOCK_NB), 0);
	return fd;
}

static void let_go(const struct place *place, int fd)
{
	assert_int_equal(fs_unlink_below(place->fd, LAYOUT_LOCK), 0);
	close(fd);
}

/* Does another process hold the lock of the file that has the name now? */
static bool is_held(const struct place *place)
{
	_cleanup_close_ int fd = fs_open_below(place->fd, LAYOUT_LOCK, O_RDWR, 0);

	return fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK;
}

/* The one that waits gets a file without a name, and must take the lock of a new one. */
static void taken_of_a_new_file(void **state)
{
	const struct place *place = *state;
	int first = hold(place, "4321\n");
	struct waiter waiter = start(take, place, first);
	_cleanup_free_ char *said = hear(&waiter, '\n'), *taken = NULL;

	assert_non_null(strstr(said, "(process 4321): waiting for it\n"));
	let_go(place, first);
	taken = hear(&waiter, TAKEN);
	assert_true(is_held(place));
	end(&waiter);
}

/* A third process has the lock of a new file by then: the wait goes on. */
static void waited_for_the_next(void **state)
{
	static int (*const works[])(const char *nix_dir) = {take, wait_only};
	const struct place *place = *state;

	for (size_t i = 0; i < sizeof(works) / sizeof(works[0]); i++) {
		int first = hold(place, "4321\n"), next;
		struct waiter waiter = start(works[i], place, first);
		_cleanup_free_ char *said = hear(&waiter, '\n'), *taken = NULL;

		assert_non_null(strstr(said, "(process 4321)"));
		assert_int_equal(fs_unlink_below(place->fd, LAYOUT_LOCK), 0);
		next = hold(place, "98\n");
		close(first);
		assert_true(is_silent(&waiter));
		let_go(place, next);
		taken = hear(&waiter, TAKEN);
		assert_int_equal(is_held(place), works[i] == take);
		end(&waiter);
		fs_unlink_below(place->fd, LAYOUT_LOCK);
	}
}

/* The file has the number of the process that holds the lock, and nothing of an earlier one. */
static void number_of_the_holder(void **state)
{
	const struct place *place = *state;
	_cleanup_free_ char *wanted = xasprintf("%d\n", (int)getpid()), *text = NULL;
	struct lock lock = LOCK_NONE;
	int stale = hold(place, "1234567890123\nand more\n");
	size_t len;

	close(stale);
	assert_int_equal(lock_take_now(place->path, &lock), 0);
	assert_int_equal(fs_read_file(place->fd, LAYOUT_LOCK, 100, &text, &len), 0);
	assert_string_equal(text, wanted);
	lock_end(&lock);
	assert_false(fs_exists(place->fd, LAYOUT_LOCK));
	lock_clear(&lock);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(taken_of_a_new_file, place_setup, place_teardown),
		cmocka_unit_test_setup_teardown(waited_for_the_next, place_setup, place_teardown),
		cmocka_unit_test_setup_teardown(number_of_the_holder, place_setup, place_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
