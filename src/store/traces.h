/*
 * What an installation leaves outside of the store, as far as it cannot be told by looking from
 * what is the user's. Lines of the receipt, for --uninstall.
 */
#ifndef STORE_TRACES_H
#define STORE_TRACES_H

#include "util/sha256.h"
#include "util/str.h"

#include <stdbool.h>
#include <stdio.h>

/* All paths are absolute. */
struct traces {
	struct strlist made; /* "made PATH": was not there before the first installation */
	struct strlist
		lines; /* "line PATH": a startup file that got the line of the install script */
	struct strlist
		shims; /* "shim PATH": a link to our program by the name of a command of Nix */
	char *copy;    /* "copy HASH PATH": our program, put in place; else NULL */
	struct sha256 copy_sha256;
	bool has_nix_conf; /* "nix-conf HASH": etc/nix/nix.conf is ours where it has this hash */
	struct sha256 nix_conf_sha256;
	bool is_adopted; /* "store adopted": there was a store before, made by other means */
};

/* Take the line "KEY VALUE" in; other keys are passed over. 0, or -EBADMSG for a bad value. */
int traces_take_line(struct traces *traces, const char *key, const char *value);

/* The same lines; a path with a newline in it is left out, so that what it names stays. */
void traces_print(FILE *f, const struct traces *traces);

void traces_clear(struct traces *traces);

#endif
