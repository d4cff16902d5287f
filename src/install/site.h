/*
 * Where an installation works, and what of it was not there when it began.
 */
#ifndef INSTALL_SITE_H
#define INSTALL_SITE_H

#include "home/home.h"
#include "util/str.h"

struct site {
	char *nix_dir; /* absolute */
	struct home home;
	struct strlist missing; /* directories of nix_dir, as layout_missing() has them */
};

/* Find out; makes nothing. Returns 0 with *OUT the caller's to clear, or -1 after a message. */
int site_find(struct site *out);

void site_clear(struct site *site);

#endif
