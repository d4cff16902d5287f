/* Try all runtimes, to see which of them work on this host. */
#ifndef HOST_RUNTIMES_H
#define HOST_RUNTIMES_H

#include "host/probe.h"
#include "util/runtime.h"

struct runtimes {
	/* also with what Nix's sandbox and --install's unpacking need */
	struct probe userns;
	bool hides_programs;	      /* a /nix of one's own would hide this host's programs */
	char *refused[RUNTIME_COUNT]; /* why not: a sentence without a full stop; NULL: it works */
	bool lacks_proot;	      /* the runtime proot lacks nothing but the program */
	char *no_terminals;	      /* why a build of Nix gets no terminal; NULL: it gets one */
};

/*
 * Try all runtimes; PRoot is last, since it takes longest, and if IS_LAZY it is tried only if
 * nothing else works. NIX_DIR (NULL: unknown) may hold a PRoot. Changes nothing. 0 with *OUT the
 * caller's to clear, or a negative errno if nothing could be tried.
 */
int runtimes_try(bool is_lazy, const char *nix_dir, struct runtimes *out);

/*
 * The first runtime that works; RUNTIME_AUTO: none does. CAN_BE_DIRECT: the Nix directory may be
 * /nix, so direct counts.
 */
enum runtime runtimes_first(const struct runtimes *runtimes, bool can_be_direct);

/*
 * Does userns, the first runtime, work, without a /nix of our own hiding any of the host's
 * programs?
 */
bool runtimes_has_userns(void);

void runtimes_clear(struct runtimes *runtimes);

#endif
