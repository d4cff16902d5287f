/*
 * The runtime in which a privileged program mounts, which an administrator has installed.
 *
 * The helper then runs this program again, which finds /nix in place and goes on as in any other
 * runtime. A variable tells this program what to do, since its words are the command's.
 */
#ifndef RUN_HELPER_H
#define RUN_HELPER_H

#include "run/entry.h"
#include "run/request.h"

#include <stdbool.h>

/*
 * Become the helper, and through it REQUEST's command. Returns 1 with *REFUSAL set, or -1 after a
 * message. If the user asked for this runtime by name, the helper itself says what refuses.
 */
int helper_exec(const struct run_request *request, const struct entry *entry,
		struct refusal *refusal);

/* Did the helper start this program? Then *REQUEST, which is never freed, is for run_started(). */
bool helper_has_started_us(int argc, char **argv, struct run_request *request);

#endif
