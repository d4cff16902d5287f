/*
 * Where an installation works, and what of it was not there when it began.
 */
#ifndef INSTALL_PLACE_H
#define INSTALL_PLACE_H

#include "home/home.h"
#include "util/str.h"

struct place {
	char *nix_dir; /* absolute */
	struct home home;
	struct strlist missing; /* directories of nix_dir, as layout_missing() has them */
};

/* Find out; makes nothing. Returns 0 with *OUT the caller's to clear, or -1 after a message. */
int place_find(struct place *out);

void place_clear(struct place *place);

#endif
