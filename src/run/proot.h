/*
 * The runtime where the kernel helps with nothing: PRoot translates paths.
 *
 * PRoot starts this program anew, which then finds /nix where it should be and goes on as in any
 * other runtime. What it is to do is in a variable, since its words are the command's.
 */
#ifndef RUN_PROOT_H
#define RUN_PROOT_H

#include "run/entry.h"
#include "run/request.h"

#include <stdbool.h>

/*
 * Run PRoot, with REQUEST's command inside, and end as that does (proot_relay.h). Returns 1 with
 * *REFUSAL set, or -1 after a message.
 */
int proot_exec(const struct run_request *request, const struct entry *entry,
	       struct refusal *refusal);

/* Was this program started by proot_exec()? Then *REQUEST is what it is to do. */
bool proot_has_started_us(int argc, char **argv, struct run_request *request);

#endif
