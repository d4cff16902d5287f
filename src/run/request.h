/*
 * Which command is to run inside, and how.
 */
#ifndef RUN_REQUEST_H
#define RUN_REQUEST_H

#include "run/trusted.h"
#include "util/runtime.h"

#include <stdbool.h>

struct run_request {
	const char *nix_dir; /* what becomes /nix; relative to the working directory, or absolute */
	bool is_default;     /* nix_dir was not named by the user: the profile is put on PATH */
	bool is_named;	     /* it was: that others own it or can write to it is said at -v alone */
	struct trusted_wish trust; /* where it was not: whose may be used besides the user's own */
	int same_fd;		   /* nix_dir has to be this directory still; 0: whichever it is */
	int kept_fd; /* for run_start(): besides 0 to 2 the command gets this one; 0: none */
	/* what to say that the user can do where nix_dir is no directory; NULL: nothing special */
	const char *missing_advice;
	char *const *argv; /* the command, NULL-terminated; NULL: a login shell */
	/*
	 * Not NULL: the command is the one of this name in the user's profile, wherever PATH leads;
	 * argv[0] is only what it is called. Then is_default and argv are set too.
	 */
	const char *profile_command;
	const char *work_dir; /* where the command starts; NULL: the present working directory */
	enum runtime runtime; /* RUNTIME_AUTO: the first that works */
	bool is_new;	      /* in a namespace of its own, whichever others there are */
	bool keeps_ssh;	      /* ssh's configuration is shown as it is */
};

#endif
