/*
 * Where an installation works, and what of it was not there when it began.
 */
#ifndef INSTALL_SITE_H
#define INSTALL_SITE_H

#include "home/home.h"
#include "host/runtimes.h"
#include "util/str.h"

struct site {
	char *nix_dir;		  /* absolute */
	struct runtimes runtimes; /* what this host lets us do */
	enum runtime runtime;	  /* by which Nix will run; RUNTIME_AUTO: none works */
	struct home home;
	struct strlist missing; /* directories of nix_dir, as layout_missing() has them */
};

/*
 * Find out, for RUNTIME or the first that works; makes nothing. A new installation goes to /nix
 * where that is the first that works, and the user names no directory. Returns 0 with *OUT the
 * caller's to clear, or -1 after a message.
 */
int site_find(enum runtime runtime, struct site *out);

void site_clear(struct site *site);

#endif
