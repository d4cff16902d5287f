/*
 * The last words of --install.
 */
#ifndef INSTALL_SUMMARY_H
#define INSTALL_SUMMARY_H

#include <stdbool.h>
#include <stddef.h>

struct summary {
	const char *version; /* what nix --version says: "nix (Nix) 2.26.3" */
	const char *nix_dir;
	const char *call;   /* what the user types to call this program */
	bool has_channel;   /* nixpkgs */
	bool wants_channel; /* it was to be there */
	bool has_shims;	    /* nix and the like are found in the user's own shell */
	size_t columns;	    /* of the terminal; 0: it is none, and lines may be long */
	const char *hint;   /* what is to be done for that (self_path_hint()), or NULL */
};

/*
 * What was installed where, how it is used and how it is removed: lines for log_info(). The caller
 * frees.
 */
char *summary_text(const struct summary *summary);

#endif
