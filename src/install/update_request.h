/* What the user asks --update for. */
#ifndef INSTALL_UPDATE_REQUEST_H
#define INSTALL_UPDATE_REQUEST_H

#include "run/trusted.h"
#include "util/runtime.h"

#include <stdbool.h>

/* A string is NULL if the user has not given it. */
struct update_request {
	char *const *program_argv; /* the whole command line */
	struct trusted_wish trust; /* whose Nix directory may be used besides the user's own */
	enum runtime runtime;
	const char *releases; /* where the release is; NULL: the latest release's own place */
	const char *sha256;   /* as given: the program's digest; NULL: the one in SHA256SUMS */
	const char *mirror;   /* of Nix; NULL: the mirror that Nix came from */
	const char *cacert;
	bool with_nix, dry_run, force;
};

#endif
