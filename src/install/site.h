/*
 * Where an installation works, and what of it was not there when it began.
 */
#ifndef INSTALL_SITE_H
#define INSTALL_SITE_H

#include "home/home.h"
#include "host/runtimes.h"
#include "run/trusted.h"
#include "util/str.h"

struct site {
	char *nix_dir;		  /* absolute */
	struct runtimes runtimes; /* what this host lets us do */
	enum runtime runtime;	  /* by which Nix will run; RUNTIME_AUTO: none works */
	bool wants_proot;	  /* whose program is still to be fetched */
	struct home home;
	struct trust trust;	/* whom the user trusts */
	struct strlist missing; /* directories of nix_dir, as layout_missing() has them */
};

/*
 * Find out, for RUNTIME or the first that works, and a user who trusts as WISH says; makes nothing.
 * A new installation goes to /nix where that is the first that works, and the user names no
 * directory. Returns 0 with *OUT the caller's to clear, or -1 after a message.
 */
int site_find(enum runtime runtime, const struct trusted_wish *wish, struct site *out);

/*
 * Is the Nix directory, open as FD, still one to be used? To be asked again under the lock. Returns
 * 0, or -1 after a message.
 */
int site_check(const struct site *site, int fd);

void site_clear(struct site *site);

#endif
