/*
 * Which of the runtimes work on this host, all of them tried.
 */
#ifndef HOST_RUNTIMES_H
#define HOST_RUNTIMES_H

#include "host/probe.h"
#include "util/runtime.h"

struct runtimes {
	struct probe userns;	      /* with what Nix's sandbox and --install's unpacking need */
	bool hides_programs;	      /* a /nix of one's own would hide those of this host */
	char *refused[RUNTIME_COUNT]; /* why not, a sentence without its full stop; NULL: it works
				       */
	bool lacks_proot;	      /* what the runtime proot lacks is the program alone */
	char *no_terminals; /* why there is no terminal for a build of Nix's; NULL: there is */
};

/*
 * Try them, PRoot last, which takes longest: where IS_LAZY only if nothing else works. NIX_DIR,
 * where one is known, may have a PRoot. Changes nothing. 0 with *OUT the caller's to clear, or a
 * negative errno where nothing could be tried.
 */
int runtimes_try(bool is_lazy, const char *nix_dir, struct runtimes *out);

/*
 * The first that works; without CAN_BE_DIRECT, for a Nix directory that is not /nix, direct is none
 * of them. RUNTIME_AUTO: none works.
 */
enum runtime runtimes_first(const struct runtimes *runtimes, bool can_be_direct);

/* Does the first of them work, userns, and would a /nix of our own hide no program? */
bool runtimes_has_userns(void);

void runtimes_clear(struct runtimes *runtimes);

#endif
