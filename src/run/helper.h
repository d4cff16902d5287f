/*
 * The runtime where a privileged program that an administrator has installed makes the mounts.
 *
 * It then runs this program anew, which finds /nix where it should be and goes on as in any other
 * runtime. What it is to do is in a variable, since its words are the command's.
 */
#ifndef RUN_HELPER_H
#define RUN_HELPER_H

#include "run/entry.h"
#include "run/request.h"

#include <stdbool.h>

/*
 * Become the helper, and by it REQUEST's command. Returns 1 with *REFUSAL set, or -1 after a
 * message. Where the runtime is asked for by name, what refuses is said by the helper itself.
 */
int helper_exec(const struct run_request *request, const struct entry *entry,
		struct refusal *refusal);

/* Was this program started by the helper? Then *REQUEST, never freed, is for run_started(). */
bool helper_has_started_us(int argc, char **argv, struct run_request *request);

#endif
