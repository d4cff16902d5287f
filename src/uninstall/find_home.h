/*
 * The part of belongings.h that lies in the user's home directory: startup files, shims, profile.
 */
#ifndef UNINSTALL_FIND_HOME_H
#define UNINSTALL_FIND_HOME_H

#include "uninstall/find.h"
#include "store/traces.h"

#include <stdbool.h>

struct finder {
	const struct workspace *workspace;
	const struct home *home;
	int nix_dir_fd;
	size_t store_paths; /* how many there are */
	struct traces traces;
	bool has_receipt;
	bool is_broken_off; /* there is no receipt, and the traces are those of a broken off run */
	struct belongings *out;
};

/* PATH stays, and the user is told WHY. */
void finder_leave(struct finder *finder, const char *path, const char *why);

void belongings_find_in_home(struct finder *finder);

/*
 * The part of it in the cache directory, where HAS_NIX_CACHE: what Nix itself has cached. Only
 * names that are known to be made by it.
 */
void belongings_find_caches(struct finder *finder, bool has_nix_cache);

#endif
