/* Runs the tarball's Nix install script inside, and checks that it did its work. */
#ifndef INSTALL_SCRIPT_H
#define INSTALL_SCRIPT_H

#include "ui/progress.h"
#include "util/runtime.h"
#include "util/str.h"

#include <stdbool.h>

struct script_request {
	const char *nix_dir;
	int lock_fd; /* passed on, so that processes that the script leaves running hold the lock */
	enum runtime runtime;
	int nix_dir_fd;
	const char *top; /* the tarball's top directory, in staging */
	bool no_channel_add;
	bool no_modify_profile;
	const char *profile;	     /* for nix-env, instead of the user's; NULL: the user's */
	const struct strlist *names; /* the tarball's store paths */
	const char *ssl_cert_file;   /* certificates for servers, or NULL */
	struct progress *progress;
};

/*
 * Run TOP/install inside, with its output to the install log (and to stderr at -v). Environment
 * variables tell it what to do, not flags: for an unknown flag it prints its usage and exits 0.
 * Changes this process's environment. Returns 0, or -1 after a message with the last lines of its
 * output.
 */
int script_run(const struct script_request *request);

/*
 * Run ARGV inside in the same way, and append to the log. WHAT begins the message of a failure:
 * "nix profile failed with status". 0, or -1 after that message.
 */
int script_run_command(const struct script_request *request, char *const argv[], const char *what);

/*
 * Is the profile's nix in one of REQUEST's store paths, and does it run? Returns 0 with *VERSION
 * the output of nix --version, without the newline, the caller's to free; or -1 after a message.
 */
int script_verify(const struct script_request *request, char **version);

/* Does the profile's nix run, from whichever store path? As script_verify(). */
int script_nix_runs(const struct script_request *request, char **version);

/*
 * The nix of the user's profile, as a path inside without links: "/nix/store/HASH-NAME/bin/nix",
 * the caller's to free. NULL: none.
 */
char *script_find_nix(int nix_dir_fd);

/* Does the user have a channel "nixpkgs", as seen from inside? */
bool script_has_channel(int nix_dir_fd);

/* Is NIX, the result of script_find_nix(), in one of the store paths NAMES? */
bool script_nix_is_of(const char *nix, const struct strlist *names);

#endif
