/*
 * The runtime that needs nothing but the kernel: a user and mount namespace of one's own.
 */
#ifndef RUN_USERNS_H
#define RUN_USERNS_H

#include "util/str.h"

#include <stdbool.h>

struct userns_request {
	int nix_dir_fd;
	const char *nix_dir; /* as the user knows it */
	bool is_new;	     /* a namespace of its own is asked for */
	/* the working directory, absolute, which is to be the same inside; NULL: it need not be */
	const char *work_dir;
	/*
	 * Not NULL: what collector_find_others() says of the user namespace that is entered is
	 * added, the caller's to clear.
	 */
	struct strlist *others;
};

/*
 * Move this process, which must have one thread, to where the Nix directory is /nix, with the path
 * config that is in it: into a living namespace of the same user's where all is as it would be in a
 * new one, else into a new one. The working directory is undefined after. Returns 0, or -1 after a
 * message; the process may then be in namespaces of its own and must end.
 */
int userns_enter(const struct userns_request *request);

#endif
