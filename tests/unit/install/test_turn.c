/* The turns of many --install at once. Each process that has one, or waits, is a child of the test.
 */
#include "install/turn.h"
#include "run/living_dir.h"
#include "store/lock.h"
#include "util/cleanup.h"
#include "util/str.h"

#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "../place.h"

#define SOON_MS	 200   /* how long the test looks whether a process waits */
#define LATER_MS 10000 /* what should come has come by then */

struct process {
	pid_t pid;
	int says; /* what its work returned, or wrote */
	int hears;
};

/* Run WORK in a child, which writes what it returns. */
static struct process start(int (*work)(const char *nix_dir, int says, int hears),
			    const struct place *place)
{
	struct process process;
	int says[2], hears[2];

	assert_int_equal(pipe2(says, O_CLOEXEC), 0);
	assert_int_equal(pipe2(hears, O_CLOEXEC), 0);
	process.pid = fork();
	assert_true(process.pid >= 0);
	if (process.pid == 0) {
		char result;

		alarm(30);
		/* on a terminal nobody waits here */
		dup2(open("/dev/null", O_WRONLY | O_CLOEXEC), STDERR_FILENO);
		close(hears[1]);
		result = (char)('0' + work(place->path, says[1], hears[0]));
		_exit(write(says[1], &result, 1) == 1 ? 0 : 1);
	}
	close(says[1]);
	close(hears[0]);
	process.says = says[0];
	process.hears = hears[1];
	return process;
}

/* What PROCESS writes within MS milliseconds; 0: nothing. */
static char hear(const struct process *process, int ms)
{
	struct pollfd fd = {.fd = process->says, .events = POLLIN};
	char word = 0;

	if (poll(&fd, 1, ms) == 1)
		assert_int_equal(read(process->says, &word, 1), 1);
	return word;
}

static void end(struct process *process)
{
	kill(process->pid, SIGKILL);
	waitpid(process->pid, NULL, 0);
	close(process->says);
	close(process->hears);
}

static void wait_for_word(int hears)
{
	char word;

	(void)!read(hears, &word, 1);
}

static int take_turn(const char *nix_dir, int says, int hears)
{
	int r = turn_wait(nix_dir);

	if (r != 0 || write(says, "t", 1) != 1)
		return 9;
	wait_for_word(hears);
	turn_end();
	return 0;
}

static int only_wait(const char *nix_dir, int says, int hears)
{
	(void)says;
	(void)hears;
	return turn_wait(nix_dir);
}

/* Start FIRST, which has the turn, and SECOND, which waits for it. */
static void start_two(const struct place *place, struct process *first, struct process *second)
{
	*first = start(take_turn, place);
	assert_int_equal(hear(first, LATER_MS), 't');
	*second = start(only_wait, place);
	assert_int_equal(hear(second, SOON_MS), 0);
}

static void test_one_after_another(void **state)
{
	struct process first, second;

	start_two(*state, &first, &second);
	assert_int_equal(write(first.hears, "g", 1), 1);
	assert_int_equal(hear(&second, LATER_MS), '0');
	end(&first);
	end(&second);
}

static void test_the_end_of_a_process_ends_its_turn(void **state)
{
	struct process first, second;

	start_two(*state, &first, &second);
	end(&first);
	assert_int_equal(hear(&second, LATER_MS), '0');
	end(&second);
}

/* A process that was stopped in its turn keeps nobody waiting for long. */
static void test_patience(void **state)
{
	struct process first, second;

	start_two(*state, &first, &second);
	assert_int_equal(hear(&second, LATER_MS), '0');
	/* the first has it still */
	assert_int_equal(kill(first.pid, 0), 0);
	end(&first);
	end(&second);
}

static int hold_lock(const char *nix_dir, int says, int hears)
{
	_cleanup_(lock_clear) struct lock lock = LOCK_NONE;

	if (lock_take_now(nix_dir, &lock) != 0 || write(says, "l", 1) != 1)
		return 9;
	wait_for_word(hears);
	lock_remove(&lock);
	return 0;
}

static void test_waits_for_the_lock(void **state)
{
	struct process holder = start(hold_lock, *state), one, other;

	assert_int_equal(hear(&holder, LATER_MS), 'l');
	one = start(only_wait, *state);
	other = start(only_wait, *state);
	assert_int_equal(hear(&one, SOON_MS), 0);
	assert_int_equal(hear(&other, SOON_MS), 0);
	assert_int_equal(write(holder.hears, "g", 1), 1);
	/* both are told to look again: none has the turn, so none waits for the other */
	assert_int_equal(hear(&one, LATER_MS), '1');
	assert_int_equal(hear(&other, LATER_MS), '1');
	end(&holder);
	end(&one);
	end(&other);
}

static int pass_on(const char *nix_dir, int says, int hears)
{
	const char *number;
	int fd;

	(void)says;
	(void)hears;
	if (turn_take_over() || turn_wait(nix_dir) != 0)
		return 1;
	turn_pass_on();
	number = getenv("NIX_USER_CHROOT_TURN");
	fd = number ? atoi(number) : -1;
	if (fd <= STDERR_FILENO || fcntl(fd, F_GETFD) != 0)
		return 2;
	/* as after exec */
	if (!turn_take_over() || getenv("NIX_USER_CHROOT_TURN"))
		return 3;
	if (fcntl(fd, F_GETFD) != FD_CLOEXEC)
		return 4;
	turn_end();
	return fcntl(fd, F_GETFD) < 0 ? 0 : 5;
}

static void test_pass_on(void **state)
{
	struct process process = start(pass_on, *state);

	assert_int_equal(hear(&process, LATER_MS), '0');
	end(&process);
}

static int take_over_nonsense(const char *nix_dir, int says, int hears)
{
	static const char *const values[] = {"", "0", "2", "-1", "999", "/"};
	_cleanup_free_ char *pipe = xasprintf("%d", says);

	(void)nix_dir;
	(void)hears;
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		setenv("NIX_USER_CHROOT_TURN", values[i], 1);
		if (turn_take_over() || getenv("NIX_USER_CHROOT_TURN"))
			return 1;
	}
	/* a descriptor, but of no directory */
	setenv("NIX_USER_CHROOT_TURN", pipe, 1);
	return turn_take_over() ? 2 : 0;
}

/* A turn of the program before, as after exec; it ends once. */
static int take_over(const char *nix_dir, int says, int hears)
{
	int fd = open(nix_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC), other;
	_cleanup_free_ char *number = xasprintf("%d", fd);

	(void)says;
	(void)hears;
	setenv("NIX_USER_CHROOT_TURN", number, 1);
	if (!turn_take_over())
		return 1;
	turn_end();
	if (fcntl(fd, F_GETFD) >= 0)
		return 2;
	/* a file that has its number since */
	other = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (other != fd)
		return 3;
	turn_end();
	return fcntl(other, F_GETFD) < 0 ? 4 : 0;
}

static void test_a_turn_that_is_taken_over(void **state)
{
	const struct place *place = *state;
	_cleanup_free_ char *dir = path_join(place->path, "turns");
	const struct place turns = {.path = dir};
	struct process process;

	assert_int_equal(mkdir(dir, 0700), 0);
	process = start(take_over, &turns);
	assert_int_equal(hear(&process, LATER_MS), '0');
	end(&process);
}

static void test_a_variable_by_hand(void **state)
{
	struct process process = start(take_over_nonsense, *state);

	assert_int_equal(hear(&process, LATER_MS), '0');
	end(&process);
}

/* Is there a place for the lock of the turns? */
static bool has_place(void)
{
	_cleanup_close_ int fd = -1;
	struct origin origin;

	if (origin_read(&origin) == 0)
		fd = living_open_turns(&origin);
	return fd >= 0;
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, place_setup, place_teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_one_after_another),
		TEST(test_the_end_of_a_process_ends_its_turn),
		TEST(test_patience),
		TEST(test_waits_for_the_lock),
		TEST(test_pass_on),
		TEST(test_a_variable_by_hand),
		TEST(test_a_turn_that_is_taken_over),
	};

	if (!has_place()) {
		puts("1..0 # SKIP needs /tmp or /dev/shm for the lock of the turns");
		return 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
