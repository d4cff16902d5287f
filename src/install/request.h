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

/* A string is NULL if the user has not given it. */
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
	const struct bundle *bundle; /* the bundle that this program is; NULL: it is none */
	const char *bundle_file;     /* of --bundle: the file to write */
	const char *releases;	     /* of --bundle: the program's release; NULL: the latest */
	const char *program; /* of --bundle: the program's file; NULL: this or a release's */
	const struct strlist *extra_conf; /* lines for nix.conf, in order */
	const char *nix_extra_conf_file;  /* a file whose lines are added to nix.conf */
	bool no_channel_add;
	bool no_modify_profile;
	bool no_shims;
	bool dry_run;
	bool force;
};

#endif
