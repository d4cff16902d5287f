/*
 * Try on this host what entering, Nix's sandbox and --install's unpacking need. All of it happens
 * in child processes and their namespaces, which end with them: nothing is left behind.
 */
#ifndef HOST_PROBE_H
#define HOST_PROBE_H

#include "host/check_step.h"

#include <stdbool.h>

enum probe_outcome {
	PROBE_NOT_TRIED, /* a step that it builds on failed */
	PROBE_OK,
	PROBE_FAILED,
};

/* Room for the name of what was tried, with its NUL; all of them are constants of our own. */
#define PROBE_WHAT_SIZE 32

struct probe_step {
	enum probe_outcome outcome;
	int err;		    /* PROBE_FAILED: a positive errno; ENOSYS for SIGSYS */
	int signal;		    /* PROBE_FAILED: the signal that ended the attempt, or 0 */
	char what[PROBE_WHAT_SIZE]; /* what was tried last, "mount tmpfs" */
};

struct probe {
	struct probe_step steps[CHECK_STEP_COUNT];
};

/*
 * Try every step and wait for the answer. Returns 0, or -errno where it could not be tried at all
 * (no process, no pipe).
 */
int probe_run(struct probe *out);

/* Try what entering does, and no more: with a user namespace, or with a mount namespace alone. */
int probe_enter(bool with_user_namespace, struct probe *out);

/* The first step that failed, in the order of trying; NULL: none. */
const struct probe_step *probe_first_failure(const struct probe *probe);

/* How STEP failed: "mount tmpfs: Permission denied"; the caller frees. */
char *probe_failure(const struct probe_step *step);

/* Will entering work, with a user namespace? Will a build with Nix's `sandbox = true`, inside? */
bool probe_can_enter(const struct probe *probe);
bool probe_can_sandbox(const struct probe *probe);

#endif
