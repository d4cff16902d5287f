/*
 * --uninstall: the record read backwards.
 */
#ifndef UNINSTALL_UNINSTALL_H
#define UNINSTALL_UNINSTALL_H

#include "util/runtime.h"

#include <stdbool.h>

struct uninstall_request {
	char *const *program_argv; /* the whole command line */
	enum runtime runtime;
	bool yes;   /* do not ask */
	bool force; /* a store that was made by other means goes too */
};

/* Do it. Returns the exit status to end with. */
int uninstall_command(const struct uninstall_request *request);

#endif
