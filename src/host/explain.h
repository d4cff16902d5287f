/*
 * From the facts of a host to the reasons why it refused a step, and what to do. Decides and writes
 * text; reads and changes nothing.
 */
#ifndef HOST_EXPLAIN_H
#define HOST_EXPLAIN_H

#include "host/explanation.h"
#include "host/facts.h"

/*
 * Add to *OUT the reasons why STEP failed with ERR (a positive errno) on the host that has FACTS,
 * the most certain first. *OUT then has at least one; a reason that *OUT has already is not added
 * again. The caller frees with explanations_clear().
 */
void explain(const struct host_facts *facts, enum check_step step, int err,
	     struct explanations *out);

void explanations_clear(struct explanations *list);

/*
 * A paragraph that users of this host should know even if everything works (for example: it has Nix
 * already, as NixOS does), or NULL. A constant.
 */
const char *explain_note(const struct host_facts *facts);

#endif
