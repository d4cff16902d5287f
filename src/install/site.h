/*
 * Where an installation works, and what of it was not there when it began.
 */
#ifndef INSTALL_SITE_H
#define INSTALL_SITE_H

#include "home/home.h"
#include "run/trusted.h"
#include "util/str.h"

struct site {
	char *nix_dir; /* absolute */
	struct home home;
	struct trust trust;	/* whom the user trusts */
	struct strlist missing; /* directories of nix_dir, as layout_missing() has them */
};

/* Find out, for a user who trusts as WISH says; makes nothing. Returns 0 with *OUT the caller's to
 * clear, or -1 after a message. */
int site_find(const struct trusted_wish *wish, struct site *out);

/*
 * Is the Nix directory, open as FD, still one to be used? To be asked again under the lock. Returns
 * 0, or -1 after a message.
 */
int site_check(const struct site *site, int fd);

void site_clear(struct site *site);

#endif
