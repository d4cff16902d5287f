/*
 * From the facts of a host to the reasons why a step was refused there, and what to do. Decides
 * and writes text; reads and changes nothing.
 */
#ifndef HOST_EXPLAIN_H
#define HOST_EXPLAIN_H

#include "host/check.h"
#include "host/facts.h"
#include "util/str.h"

#include <stddef.h>

/* One reason. The texts are plain ASCII but for names that the host itself gives. */
struct explanation {
	const char *id; /* stable, for scripts: "max-user-namespaces" (report.h lists them) */
	enum check_step step;
	char *reason;	      /* a sentence or two, one line, no full stop at the end */
	char *short_fix;      /* what an administrator does, in one line; never NULL */
	struct strlist admin; /* the exact commands, a line each; '#' begins a comment */
	struct strlist user;  /* what one can do who is no administrator, a paragraph each */
};

struct explanations {
	struct explanation *items;
	size_t count;
};

/*
 * Add to *OUT, the most certain first, why STEP failed with ERR (a positive errno) on the host that
 * has FACTS. At least one is there after; a reason that *OUT has already is not added again. The
 * caller frees with explanations_clear().
 */
void explain(const struct host_facts *facts, enum check_step step, int err,
	     struct explanations *out);

void explanations_clear(struct explanations *list);

/*
 * What to know on this host whether or not it works (that it is NixOS, which needs none of this):
 * a paragraph, or NULL. A constant.
 */
const char *explain_note(const struct host_facts *facts);

#endif
