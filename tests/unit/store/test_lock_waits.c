/* Those who wait for the lock of a Nix directory. */
#include "lock_process.h"

#include "../nth.h"

#include <sys/mman.h>

/*
 * Holds the lock; after the test's byte it removes the file, as at the end, and holds the lock of a
 * new one before those who wait for the old one can.
 */
static char renews(const char *nix_dir)
{
	struct progress progress = {.style = PROGRESS_PLAIN};
	struct lock first, second = LOCK_NONE;
	char byte = 'r';

	if (lock_take(nix_dir, &progress, &first) < 0 || write(says_fd, &byte, 1) != 1 ||
	    read(ends_fd, &byte, 1) != 1)
		return 'e';
	lock_remove(&first);
	if (lock_take_now(nix_dir, &second) != 0)
		return 'e';
	close(first.fd);
	return 'h';
}

/* What waits_live() shows, in memory that the test sees. */
static volatile struct progress *shared;

static char waits_live(const char *nix_dir)
{
	shared->style = PROGRESS_LIVE;
	return lock_wait(nix_dir, (struct progress *)(uintptr_t)shared) == 1 ? 'w' : 'e';
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

/* Those who wait for a file that was removed wait for the one that another run has made since. */
static void the_next_holder_is_waited_for_too(void **state)
{
	const struct place *place = *state;
	struct process holder = start(renews, place), waiting, taking;

	assert_int_equal(hear(&holder, LATER_MS), 'r');
	waiting = start(waits, place);
	taking = start(takes_and_ends, place);
	assert_int_equal(hear(&waiting, SOON_MS), 0);
	assert_int_equal(write(holder.ends, "", 1), 1);
	assert_int_equal(hear(&holder, LATER_MS), 'h');
	assert_int_equal(hear(&waiting, SOON_MS), 0);
	assert_int_equal(hear(&taking, SOON_MS), 0);
	end(&holder);
	assert_int_equal(hear(&taking, LATER_MS), 'd');
	assert_int_equal(hear(&waiting, LATER_MS), 'w');
	end(&taking);
	end(&waiting);
}

/* While a process waits, it shows again and again for how long. */
static void shows_that_it_waits(void **state)
{
	const struct place *place = *state;
	struct process holder = start(takes, place), waiting;

	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	assert_ptr_not_equal(shared, MAP_FAILED);
	assert_int_equal(hear(&holder, LATER_MS), 'h');
	waiting = start(waits_live, place);
	for (int i = 0, seen = 0; seen < 2; i += 5) {
		static uint64_t last;

		assert_true(i < LATER_MS);
		poll(NULL, 0, 5);
		if (shared->begun == 0 || shared->shown == shared->begun || shared->shown == last)
			continue;
		last = shared->shown;
		seen++;
	}
	end(&holder);
	assert_int_equal(hear(&waiting, LATER_MS), 'w');
	end(&waiting);
	munmap((void *)(uintptr_t)shared, sizeof(*shared));
}

/* Whoever waits says so once, and for whom; TEXT where the lock's file has SIZE bytes of no use. */
static void says_for_whom(const struct place *place, const char *text, off_t size)
{
	struct process holder = start(takes, place);
	struct progress progress = {.style = PROGRESS_PLAIN};
	_cleanup_free_ char *said = NULL, *expected = NULL, *pid = NULL,
			    *path = path_join(place->path, LAYOUT_LOCK);
	struct capture capture;
	struct sigaction now;
	struct lock lock;
	pid_t killer;

	assert_int_equal(hear(&holder, LATER_MS), 'h');
	pid = text ? xstrdup(text) : xasprintf("%ld", (long)holder.pid);
	if (text) /* the holder has not written its ID yet, or it is garbage */
		assert_int_equal(truncate(path, size), 0);
	expected = xasprintf("nix-user-chroot: another --install or --uninstall is at work on %s "
			     "(process %s): waiting for it\n",
			     place->path, pid);
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

static void says_for_which_process(void **state)
{
	says_for_whom(*state, NULL, 0);
}

static void says_that_it_is_unknown(void **state)
{
	says_for_whom(*state, "unknown", 0);
	says_for_whom(*state, "unknown", 100);
}

/* A wait that fails after it has begun; 0: it ends well, and was one. */
static int wait_in_vain(void *ctx)
{
	const struct place *place = ctx;
	struct progress progress = {.style = PROGRESS_PLAIN};
	int r = lock_wait(place->path, &progress);

	return r == 1 ? 0 : r == -1 && !progress.label ? 1 : 2;
}

static int wait_to_take(void *ctx)
{
	const struct place *place = ctx;
	struct progress progress = {.style = PROGRESS_PLAIN};
	struct lock lock;
	int r = lock_take(place->path, &progress, &lock);

	return r == -1 && !progress.label && lock.fd == -1 ? 1 : 2;
}

static void a_wait_that_fails(void **state)
{
	static int (*const bodies[])(void *ctx) = {wait_in_vain, wait_to_take};
	const struct place *place = *state;
	struct process holder = start(takes, place);

	assert_int_equal(hear(&holder, LATER_MS), 'h');
	for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
		_cleanup_free_ char *said = NULL;
		_cleanup_free_ char *words = xasprintf(
			"nix-user-chroot: another --install or --uninstall is at work on %s "
			"(process %ld): waiting for it\nnix-user-chroot: cannot lock %s/" LAYOUT_LOCK
			": Input/output error\n",
			place->path, (long)holder.pid, place->path);
		struct capture capture;
		int status, r;

		capture_begin(&capture);
		/* the first one only asks whether there is another process */
		r = nth_fails(SYS_flock, 2, EIO, bodies[i], *state, &status);
		said = capture_end(&capture);
		if (r < 0)
			skip();
		assert_int_equal(r, 1);
		assert_int_equal(status, 1 << 8);
		assert_true(str_starts_with(said, words));
	}
	end(&holder);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, place_setup, place_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_next_one_waits),
		TEST(those_who_wait_go_on_together),
		TEST(the_next_holder_is_waited_for_too),
		TEST(a_wait_that_fails),
		TEST(shows_that_it_waits),
		TEST(says_for_which_process),
		TEST(says_that_it_is_unknown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
