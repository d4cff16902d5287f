/*
 * Processes that enter and stay, for tests of joining. Include after cmocka.h.
 */
#ifndef TEST_ENTRIES_H
#define TEST_ENTRIES_H

#include "run/processes.h"
#include "run/userns.h"

#include "../place.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

/* In a child: enters, writes to FD in which namespace it is, and stays alive. */
static inline _Noreturn void entry_stay(const struct entry *entry, int fd)
{
	struct refusal refusal = {0};
	uint64_t inside = 0;

	if (entry->work_dir && chdir(entry->work_dir) < 0)
		_exit(1);
	if (userns_enter(entry, &refusal) == 0)
		inside = process_mount_namespace(getpid());
	if (write(fd, &inside, sizeof(inside)) < 0)
		_exit(1);
	/* should this test fail, nobody ends it */
	alarm(60);
	pause();
	_exit(0);
}

/*
 * Starts a process that enters: a child of this process, or an orphan, whose parent ends at once.
 * Returns its namespace, or 0 if it could not enter; *PID is the process.
 */
static inline uint64_t entry_start(const struct entry *entry, bool is_orphan, pid_t *pid)
{
	uint64_t inside = 0;
	int ends[2], stay[2];
	pid_t child;

	assert_int_equal(pipe(ends), 0);
	assert_int_equal(pipe(stay), 0);
	child = fork();
	if (child == 0) {
		pid_t own = is_orphan ? fork() : 0;

		close(stay[1]);
		if (own == 0)
			entry_stay(entry, ends[1]);
		/* the parent must live until its child has entered */
		if (write(ends[1], &own, sizeof(own)) < 0 || read(stay[0], &own, 1) != 0)
			_exit(1);
		_exit(0);
	}
	close(ends[1]);
	*pid = child;
	if (is_orphan)
		assert_int_equal(read(ends[0], pid, sizeof(*pid)), sizeof(*pid));
	assert_int_equal(read(ends[0], &inside, sizeof(inside)), sizeof(inside));
	close(stay[1]);
	if (is_orphan)
		assert_int_equal(waitpid(child, NULL, 0), child);
	close(stay[0]);
	close(ends[0]);
	return inside;
}

/* End PID, and wait for all children of this process. */
static inline void entry_end(pid_t pid)
{
	kill(pid, SIGKILL);
	while (waitpid(pid, NULL, 0) > 0)
		;
}

#endif
