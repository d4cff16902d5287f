/*
 * What the Nix directory holds already: an installation of ours, an interrupted one, or a store of
 * somebody else.
 */
#ifndef INSTALL_INSTALLED_H
#define INSTALL_INSTALLED_H

#include "install/request.h"
#include "store/nar.h"

#include <stdbool.h>

struct installed {
	/* set by the caller: nar_digest(), or NULL if no store path has changed */
	nar_digest_fn *digest;
	/*
	 * Another process was at work until now, so the digests of store paths that are unchanged
	 * since then need not be taken. Otherwise fifty waiting processes would read the whole
	 * store fifty times.
	 */
	bool is_fresh;
	/*
	 * For an installation of ours that has to be repaired (a store path is gone or damaged, the
	 * database does not know it, or the profile has no nix): its version, which is installed if
	 * the request names none.
	 */
	char *again;
	bool is_damaged; /* the store paths exist, and have to be unpacked again */
	bool is_said;	 /* the reason for the work was printed; a second look does not repeat it */

	/* A description of what is there if no release is needed, and advice. */
	char *words;
	const char *advice; /* NULL: none */
};

/*
 * Does NIX_DIR hold what REQUEST asks for? Reads only. Returns
 *   1   if no release is needed, with WORDS about what is there (also a store made by other means,
 *       if the profile's nix is in it);
 *   0   if there is work: nothing is there, or an interrupted installation, or one of another
 *       version, or --force;
 *   -1  after a message: a store made by other means, without a nix in the user's profile, or with
 *       another nix than REQUEST asks for.
 * *OUT, zeroed except for DIGEST before the first look, is filled and is the caller's to clear.
 */
int installed_look(const char *nix_dir, const struct install_request *request,
		   struct installed *out);

/*
 * Print that INSTALLED, for which installed_look() returned 1, is there, and that nothing is done.
 */
void installed_say(const struct installed *installed);

void installed_clear(struct installed *installed);

#endif
