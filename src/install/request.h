/*
 * What --install is asked for.
 */
#ifndef INSTALL_REQUEST_H
#define INSTALL_REQUEST_H

#include "run/trusted.h"
#include "util/bundle.h"
#include "util/runtime.h"
#include "util/str.h"

#include <stdbool.h>

/* A string is NULL where the user has not said. */
struct install_request {
	char *const *program_argv; /* the whole command line */
	struct trusted_wish trust; /* whose Nix directory may be used besides the user's own */
	enum runtime runtime;
	bool keeps_ssh;		     /* as in run/request.h, for that command */
	char *const *argv;	     /* the command that runs inside afterwards; NULL: none */
	const char *nix_version;     /* "2.26.3"; NULL: the latest */
	const char *mirror;	     /* URL without a trailing slash; NULL: the default mirror */
	const char *tarball;	     /* a file name or a URL */
	const char *sha256;	     /* as given: 64 hex digits, or SRI "sha256-…=" */
	const char *system;	     /* "x86_64-linux"; NULL: this host's */
	const char *cacert;	     /* a file of CA certificates */
	const struct bundle *bundle; /* what is in the file of this program; NULL: nothing */
	const char *bundle_file;     /* of --bundle: what is to be written */
	const char *releases; /* of --bundle: where that program is taken from; NULL: the latest */
	const char *program;  /* of --bundle: a file with the program; NULL: this or a release's */
	const struct strlist *extra_conf; /* lines for nix.conf, in order */
	const char *nix_extra_conf_file;  /* a file whose lines are added to nix.conf */
	bool no_channel_add;
	bool no_modify_profile;
	bool no_shims;
	bool dry_run;
	bool force;
};

#endif
