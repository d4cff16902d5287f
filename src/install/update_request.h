/*
 * What --update is asked for.
 */
#ifndef INSTALL_UPDATE_REQUEST_H
#define INSTALL_UPDATE_REQUEST_H

#include "run/trusted.h"
#include "util/runtime.h"

#include <stdbool.h>

/* A string is NULL where the user has not said. */
struct update_request {
	char *const *program_argv; /* the whole command line */
	struct trusted_wish trust; /* whose Nix directory may be used besides the user's own */
	enum runtime runtime;
	const char *releases; /* where the release is; else the latest one's own place */
	const char *sha256;   /* as given: what the program must have, else what SHA256SUMS says */
	const char *mirror;   /* of Nix; else that which Nix came from */
	const char *cacert;
	bool with_nix, dry_run, force;
};

#endif
