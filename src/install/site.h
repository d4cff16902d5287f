/* Where an installation goes, and what was missing there when it began. */
#ifndef INSTALL_SITE_H
#define INSTALL_SITE_H

#include "home/home.h"
#include "host/runtimes.h"
#include "run/trusted.h"
#include "util/str.h"

struct site {
	char *nix_dir;		  /* absolute */
	struct runtimes runtimes; /* what this host allows */
	enum runtime runtime;	  /* the runtime for Nix; RUNTIME_AUTO: none works */
	bool wants_proot;	  /* the PRoot of the runtime is still to be fetched */
	struct home home;
	struct trust trust;	/* whom the user trusts */
	struct strlist missing; /* missing directories of nix_dir, as layout_missing() lists them */
};

/*
 * Fill *OUT in, for RUNTIME or the first runtime that works, and a user who trusts as WISH says;
 * makes nothing. A new installation goes to /nix if direct is the first runtime that works and the
 * user names no directory. Returns 0 with *OUT the caller's to clear, or -1 after a message.
 */
int site_find(enum runtime runtime, const struct trusted_wish *wish, struct site *out);

/*
 * May the Nix directory, open as FD, still be used? Call this again under the lock. Returns 0, or
 * -1 after a message.
 */
int site_check(const struct site *site, int fd);

void site_clear(struct site *site);

#endif
