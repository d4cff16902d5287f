#include "unpack/confine.h"

#include "host/check.h"
#include "ui/log.h"
#include "unpack/confine_keeper.h"
#include "unpack/confine_status.h"
#include "util/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* Read the status from the pipe, and wait until no process has the other end open. */
static void read_status(int fd, struct confine_status *out)
{
	char word[sizeof(*out) + 1];
	size_t have = 0;
	ssize_t n;

	do {
		n = read(fd, word + have, sizeof(word) - have);
		have += n > 0 ? (size_t)n : 0;
	} while (n > 0 || (n < 0 && errno == EINTR));
	memcpy(out, word, sizeof(*out));
	/* the child ended, or was killed, before it could report */
	if (have != sizeof(*out))
		*out = (struct confine_status){.err = ECHILD, .what = "it ended"};
	out->what[sizeof(out->what) - 1] = '\0';
}

/*
 * Try once to start the child. Returns 0 with OUT->pid; or -1 with *STATUS naming the failed step.
 */
static int try_spawn(const struct confine_request *request, bool namespaces, struct confined *out,
		     struct confine_status *status)
{
	_cleanup_close_ int ours = -1, theirs = -1;
	pid_t caller = getpid();
	int pipes[2];

	*status = (struct confine_status){.what = "pipe"};
	if (pipe2(pipes, O_CLOEXEC) == 0) {
		ours = pipes[0];
		theirs = pipes[1];
		strcpy(status->what, "fork");
		out->pid = fork();
	}
	if (ours < 0 || out->pid < 0) {
		status->err = errno;
		return -1;
	}
	if (out->pid == 0)
		keeper_run(request, theirs, caller, namespaces);
	close(steal_fd(&theirs));
	read_status(ours, status);
	if (status->err == 0)
		return 0;
	confine_kill(out->pid);
	confine_wait(out->pid);
	return -1;
}

/* Report the failure: REFUSAL is of the first try, LAST of the second. */
static void say_failure(const struct confine_status *refusal, const struct confine_status *last)
{
	_cleanup_free_ char *why = check_explain(CHECK_CONFINEMENT, refusal->err, "");

	if (strcmp(refusal->what, last->what) == 0)
		log_error("cannot confine the unpacking to its directory: %s: %s\n"
			  "the limits of processes and open files may be reached (ulimit -u, -n), "
			  "or the memory",
			  last->what, strerror(last->err));
	else
		log_error("cannot confine the unpacking to its directory: %s: %s; and without "
			  "namespaces: %s: %s\n%-s",
			  refusal->what, strerror(refusal->err), last->what, strerror(last->err),
			  why);
}

int confine_spawn(const struct confine_request *request, struct confined *out)
{
	struct confine_status refusal, status;

	*out = (struct confined){.namespaces = true};
	if (try_spawn(request, true, out, &status) < 0) {
		refusal = status;
		out->namespaces = false;
		if (try_spawn(request, false, out, &status) < 0) {
			say_failure(&refusal, &status);
			return -1;
		}
		log_verbose("the unpacking has no namespaces of its own: %s: %s", refusal.what,
			    strerror(refusal.err));
	}
	out->landlock = status.landlock;
	out->to_root = out->namespaces || out->landlock > 0;
	if (!out->to_root)
		log_verbose("the unpacking is confined by a seccomp filter alone: this kernel has "
			    "no Landlock");
	return 0;
}

void confine_kill(pid_t pid)
{
	/* the keeper ends the other processes, and itself when they are gone */
	kill(pid, SIGTERM);
}

int confine_wait(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}
