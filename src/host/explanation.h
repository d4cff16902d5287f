/*
 * Reasons why a host refuses a step, in words.
 */
#ifndef HOST_EXPLANATION_H
#define HOST_EXPLANATION_H

#include "host/check_step.h"
#include "util/str.h"

#include <stddef.h>

/* One reason. The texts are ASCII, except for names from the host. */
struct explanation {
	const char *id; /* stable, for scripts: "max-user-namespaces" (report.h lists them) */
	enum check_step step;
	char *reason;	      /* a sentence or two, one line, no full stop at the end */
	char *short_fix;      /* what an administrator does, in one line; never NULL */
	struct strlist admin; /* the exact commands, a line each; '#' begins a comment */
	struct strlist user;  /* what users who are no administrators can do, a paragraph each */
};

struct explanations {
	struct explanation *items;
	size_t count;
};

#endif
