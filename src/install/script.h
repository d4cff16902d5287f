/*
 * The Nix install script of the tarball, run inside, and the proof that it did its work.
 */
#ifndef INSTALL_SCRIPT_H
#define INSTALL_SCRIPT_H

#include "ui/progress.h"
#include "util/runtime.h"
#include "util/str.h"

#include <stdbool.h>

struct script_request {
	const char *nix_dir;
	int lock_fd; /* handed on: what the script leaves running holds the lock */
	enum runtime runtime;
	int nix_dir_fd;
	const char *top; /* the tarball's top directory, in staging */
	bool no_channel_add;
	bool no_modify_profile;
	const char *profile;	     /* for nix-env, in the place of the user's; NULL: that */
	const struct strlist *names; /* the tarball's store paths */
	const char *ssl_cert_file;   /* what servers are certified by, or NULL */
	struct progress *progress;
};

/*
 * Run TOP/install inside, its output into the install log (and to stderr at -v). It is asked by
 * environment variables, not by flags: given one that it does not know, it prints its usage and
 * exits 0. Changes this process's environment. Returns 0, or -1 after a message with the last lines
 * of its output.
 */
int script_run(const struct script_request *request);

/*
 * Run ARGV inside in the same way, behind what is in the log. WHAT begins the message, "nix profile
 * failed with status". 0, or -1 after that.
 */
int script_run_command(const struct script_request *request, char *const argv[], const char *what);

/*
 * Is the profile's nix one of REQUEST's store paths, and does it run? Returns 0 with *VERSION what
 * nix --version prints, without the newline, the caller's to free; or -1 after a message.
 */
int script_verify(const struct script_request *request, char **version);

/* Does the profile's nix run, whichever it is? As script_verify(). */
int script_nix_runs(const struct script_request *request, char **version);

/*
 * The user's profile's nix, resolved as inside: "/nix/store/HASH-NAME/bin/nix", the caller's to
 * free. NULL where there is none.
 */
char *script_find_nix(int nix_dir_fd);

/* Is there a channel "nixpkgs" of the user's, looked for as inside? */
bool script_has_channel(int nix_dir_fd);

/* Does NIX, as script_find_nix() returns it, lie in one of the store paths NAMES? */
bool script_nix_is_of(const char *nix, const struct strlist *names);

#endif
