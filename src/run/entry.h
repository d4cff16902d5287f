/*
 * What the runtimes are handed.
 */
#ifndef RUN_ENTRY_H
#define RUN_ENTRY_H

#include "host/check_step.h"
#include "util/str.h"

#include <stdbool.h>

struct entry {
	int nix_dir_fd;
	const char *nix_dir; /* as the user knows it */
	bool is_new;	     /* a namespace of its own is asked for */
	bool keeps_ssh;	     /* ssh's configuration is to be as it is on the host */
	/* the working directory, absolute, which is to be the same inside; NULL: it need not be */
	const char *work_dir;
	/*
	 * Not NULL: what collector_find_others() says of the user namespace that is entered is
	 * added, the caller's to clear.
	 */
	struct strlist *others;
};

/* Why a runtime is not to be had here. Nothing has changed: another one may be tried. */
struct refusal {
	char *what; /* "cannot WHAT: …"; NULL: it was not refused */
	int err;
	enum check_step step; /* what of the host explains it; CHECK_STEP_COUNT: WHAT says all */
};

void refusal_clear(struct refusal *refusal);

/* WHAT is taken over. Returns 1, as a runtime does that is refused. */
int refuse(struct refusal *refusal, char *what, int err, enum check_step step);

#endif
