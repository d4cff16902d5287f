/*
 * From the facts of a host to the reasons why a step was refused there, and what to do. Decides
 * and writes text; reads and changes nothing.
 */
#ifndef HOST_EXPLAIN_H
#define HOST_EXPLAIN_H

#include "host/explanation.h"
#include "host/facts.h"

/*
 * Add to *OUT, the most certain first, why STEP failed with ERR (a positive errno) on the host that
 * has FACTS. At least one is there after; a reason that *OUT has already is not added again. The
 * caller frees with explanations_clear().
 */
void explain(const struct host_facts *facts, enum check_step step, int err,
	     struct explanations *out);

void explanations_clear(struct explanations *list);

/*
 * What to know on this host whether or not it works (that it has Nix already, as NixOS):
 * a paragraph, or NULL. A constant.
 */
const char *explain_note(const struct host_facts *facts);

#endif
