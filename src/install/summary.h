/* The last lines that --install prints. */
#ifndef INSTALL_SUMMARY_H
#define INSTALL_SUMMARY_H

#include <stdbool.h>
#include <stddef.h>

struct summary {
	const char *version; /* the output of nix --version: "nix (Nix) 2.26.3" */
	const char *nix_dir;
	const char *call;   /* how the user calls this program */
	bool has_channel;   /* there is a channel nixpkgs */
	bool wants_channel; /* there should be a channel */
	bool has_shims;	    /* the user's own shell finds nix and the other commands */
	size_t columns;	    /* of the terminal; 0: none, and lines may be long */
	const char *hint;   /* how the shell can find them (self_path_hint()), or NULL */
};

/*
 * What was installed, how it is used and how it is removed: lines for log_info(). The caller frees.
 */
char *summary_text(const struct summary *summary);

#endif
