/*
 * What is in the Nix directory already: an installation of ours, one broken off, or another's
 * store.
 */
#ifndef INSTALL_INSTALLED_H
#define INSTALL_INSTALLED_H

#include "install/request.h"
#include "store/nar.h"

#include <stdbool.h>

struct installed {
	/* from the caller: nar_digest(), or NULL where no store path has changed */
	nar_digest_fn *digest;
	/*
	 * Of an installation of ours that is to be mended (a store path of it is gone or damaged,
	 * the database does not know it, or the profile has no nix): its version, the one to
	 * install where the request names none.
	 */
	char *again;
	bool is_damaged; /* its store paths are there, and are to be unpacked anew */
	bool is_said;	 /* why there is work; a second look says it no more */

	/* Of what is there and needs no release: which it is, and what can be done with it. */
	char *words;
	const char *advice; /* NULL: none */
};

/*
 * Does NIX_DIR hold what REQUEST asks for? Reads only. Returns
 *  1 where no release is needed, with WORDS on what is there (a store made by other means counts,
 * where the profile's nix is in it); 0 where there is work: nothing there, an installation that was
 * broken off, or one of another version, or --force; -1 after a message: a store made by other
 * means, without a nix in the user's profile, or with another than what is asked for. *OUT, zero
 * but for DIGEST before the first look, learns more and is the caller's to clear.
 */
int installed_look(const char *nix_dir, const struct install_request *request,
		   struct installed *out);

/* Say that INSTALLED, of which installed_look() returned 1, is there, and that nothing is done. */
void installed_say(const struct installed *installed);

void installed_clear(struct installed *installed);

#endif
