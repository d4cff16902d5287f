/*
 * Processes that hold the lock of a Nix directory, or wait for it: children of the test.
 */
#ifndef TESTS_LOCK_PROCESS_H
#define TESTS_LOCK_PROCESS_H

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
#include <sys/mman.h>
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

/* In the child: the other ends of these pipes. */
static int says_fd, ends_fd;

/* Run WORK in a child, which says what it returns, and then lives on until the test ends it. */
UNUSED_ static struct process start(char (*work)(const char *nix_dir), const struct place *place)
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
		says_fd = says[1];
		ends_fd = ends[0];
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
UNUSED_ static char hear(const struct process *process, int ms)
{
	struct pollfd fd = {.fd = process->says, .events = POLLIN};
	char word = 0;

	if (poll(&fd, 1, ms) == 1)
		assert_int_equal(read(process->says, &word, 1), 1);
	return word;
}

UNUSED_ static void end(const struct process *process)
{
	int status;

	assert_int_equal(write(process->ends, "", 1), 1);
	assert_int_equal(waitpid(process->pid, &status, 0), process->pid);
	assert_int_equal(status, 0);
	close(process->says);
	close(process->ends);
}

UNUSED_ static char takes(const char *nix_dir)
{
	struct progress progress = {.style = PROGRESS_PLAIN};
	struct lock lock;

	return lock_take(nix_dir, &progress, &lock) == 0 ? 'h' : 'e';
}

/* Waits, takes, and gives the lock up at once. */
UNUSED_ static char takes_and_ends(const char *nix_dir)
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

UNUSED_ static char waits(const char *nix_dir)
{
	struct progress progress = {.style = PROGRESS_PLAIN};
	int r = lock_wait(nix_dir, &progress);

	return progress.label ? 'l' : r == 1 ? 'w' : r == 0 ? 'n' : 'e';
}

#endif
