/*
 * What belongs to an installation, and so goes with it; and what lies beside it, and stays.
 */
#ifndef UNINSTALL_FIND_H
#define UNINSTALL_FIND_H

#include "home/home.h"
#include "uninstall/removal.h"
#include "store/layout.h"

struct belongings {
	/* all but the receipt, the marks of a broken off run, the lock, and what they lie in */
	struct removals removals;
	/*
	 * The copy of the program itself, by which a run that was broken off is repeated: to be
	 * removed when all else is gone.
	 */
	struct removals last;
	struct strlist made; /* directories that were not there before us, the deepest first */
	struct strlist left; /* for the user: "PATH", "PATH (why)" */
};

/*
 * Look; changes nothing. NIX_DIR_FD is WORKSPACE's Nix directory. In the home directory that is
 * what leads into its store alone, or what the receipt says was not there before. *OUT is the
 * caller's to clear.
 */
void belongings_find(const struct workspace *workspace, const struct home *home, int nix_dir_fd,
		     struct belongings *out);

void belongings_clear(struct belongings *belongings);

#endif
