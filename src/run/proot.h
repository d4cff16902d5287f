/*
 * The runtime that needs nothing of the kernel: PRoot translates paths.
 *
 * PRoot starts this program again, which finds /nix in place and goes on as in any other runtime. A
 * variable tells this program what to do, since its words are the command's.
 */
#ifndef RUN_PROOT_H
#define RUN_PROOT_H

#include "run/entry.h"
#include "run/request.h"

#include <stdbool.h>

/*
 * Run PRoot, with REQUEST's command inside, and end as PRoot does (proot_relay.h). Returns 1 with
 * *REFUSAL set, or -1 after a message.
 */
int proot_exec(const struct run_request *request, const struct entry *entry,
	       struct refusal *refusal);

/* Did proot_exec() start this program? Then *REQUEST is what this program is to do. */
bool proot_has_started_us(int argc, char **argv, struct run_request *request);

#endif
