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
	bool is_new;	     /* make a new namespace */
	bool keeps_ssh;	     /* show ssh's configuration as it is on the host */
	/* an absolute path to be the working directory inside as well; NULL: there is none */
	const char *work_dir;
	/*
	 * If not NULL, the result of collector_find_others() for the entered user namespace is
	 * added; the caller clears it. Where no user namespace is entered there are no others.
	 */
	struct strlist *others;
};

/* Why a runtime does not work here. Nothing has changed, so another runtime may be tried. */
struct refusal {
	char *what; /* the WHAT of "cannot WHAT: …"; NULL: nothing was refused */
	int err;
	/* the step of the host that explains the refusal; CHECK_STEP_COUNT: WHAT says everything */
	enum check_step step;
};

void refusal_clear(struct refusal *refusal);

/* Set *REFUSAL, which takes WHAT over. Returns 1, as a refused runtime does. */
int refuse(struct refusal *refusal, char *what, int err, enum check_step step);

#endif
