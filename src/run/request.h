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
	bool is_default;     /* the user did not name nix_dir, so the profile is put on PATH */
	/*
	 * the user named nix_dir: if others own it or can write to it, a note at -v says so, and no
	 * more
	 */
	bool is_named;
	/* for a nix_dir that was not named: who else may own it or write to it */
	struct trusted_wish trust;
	int same_fd; /* nix_dir must still be this directory; 0: any */
	int kept_fd; /* run_start(): one more descriptor for the command, besides 0 to 2; 0: none */
	/* advice for a nix_dir that is no directory; NULL: none */
	const char *missing_advice;
	char *const *argv; /* the command, NULL-terminated; NULL: a login shell */
	/*
	 * Not NULL: the command of this name in the user's profile is run, whatever PATH has;
	 * argv[0] is only what it is called. is_default and argv are set too.
	 */
	const char *profile_command;
	const char *work_dir; /* where the command starts; NULL: the present working directory */
	enum runtime runtime; /* RUNTIME_AUTO: the first that works */
	/*
	 * Called with CTX, before anything is entered, if nix_dir is the default one and holds no
	 * store. The function may install a Nix and then enter. It returns the status to end with,
	 * or -1 if it has no Nix to install. NULL: not called.
	 */
	int (*without_store)(void *ctx);
	void *ctx;
	bool is_new;	/* make a new namespace, whatever others there are */
	bool keeps_ssh; /* show ssh's configuration as it is */
};

#endif
