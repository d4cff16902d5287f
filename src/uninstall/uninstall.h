/*
 * --uninstall: the record read backwards.
 */
#ifndef UNINSTALL_UNINSTALL_H
#define UNINSTALL_UNINSTALL_H

#include "run/trusted.h"
#include "util/runtime.h"

#include <stdbool.h>

struct uninstall_request {
	char *const *program_argv; /* the whole command line */
	struct trusted_wish trust; /* whose Nix directory may be used besides the user's own */
	enum runtime runtime;
	bool yes;   /* do not ask */
	bool force; /* remove a store even if --install did not make it */
};

/* Carry --uninstall out. Returns the exit status to end with. */
int uninstall_command(const struct uninstall_request *request);

#endif
