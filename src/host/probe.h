/*
 * Try on this host what entering, Nix's sandbox and --install's unpacking need. Child processes do
 * so in namespaces of their own, which end with them: nothing is left behind.
 */
#ifndef HOST_PROBE_H
#define HOST_PROBE_H

#include "host/check_step.h"

#include <stdbool.h>

enum probe_outcome {
	PROBE_NOT_TRIED, /* a step that this one needs has failed */
	PROBE_OK,
	PROBE_FAILED,
};

/* Room for the name of what was tried, with its NUL; all names are constants of ours. */
#define PROBE_WHAT_SIZE 32

struct probe_step {
	enum probe_outcome outcome;
	int err;		    /* PROBE_FAILED: a positive errno; ENOSYS for SIGSYS */
	int signal;		    /* PROBE_FAILED: the signal that ended the attempt, or 0 */
	char what[PROBE_WHAT_SIZE]; /* what was tried last, such as "mount tmpfs" */
};

struct probe {
	struct probe_step steps[CHECK_STEP_COUNT];
};

/*
 * Try every step and wait for the results. Returns 0, or -errno if nothing could be tried (no
 * process, no pipe).
 */
int probe_run(struct probe *out);

/* Try the steps of entering and no more: with a user namespace, or with a mount namespace alone. */
int probe_enter(bool with_user_namespace, struct probe *out);

/* The first step that failed, in the order in which they were tried; NULL: none. */
const struct probe_step *probe_first_failure(const struct probe *probe);

/* How STEP failed, such as "mount tmpfs: Permission denied"; the caller frees. */
char *probe_failure(const struct probe_step *step);

/*
 * Will entering with a user namespace work? Will a build with Nix's `sandbox = true` work inside?
 */
bool probe_can_enter(const struct probe *probe);
bool probe_can_sandbox(const struct probe *probe);

#endif
