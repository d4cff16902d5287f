/*
 * Things to remove, one by one, each the way that fits it.
 */
#ifndef UNINSTALL_REMOVAL_H
#define UNINSTALL_REMOVAL_H

#include <stddef.h>

enum removal_kind {
	REMOVE_LINE,	  /* take the install script's line out of the startup file PATH */
	REMOVE_LINE_FILE, /* the same; where nothing is left of it, the file goes */
	REMOVE_OWN_LINE,  /* both for a line of our own */
	REMOVE_OWN_LINE_FILE,
	REMOVE_FILE,  /* unlink(2) PATH: a file or a link */
	REMOVE_TREE,  /* PATH and all below it, by fs_remove_tree() */
	REMOVE_EMPTY, /* rmdir(2) PATH, where it is empty */
	KEEP_COPY,    /* not to remove: a copy of BELOW (uninstall/keep.h) in the place of the link
			 PATH */
	REMAKE_LINK,  /* not to remove: symlink(2) TARGET at PATH, where nothing is */
};

struct removal {
	enum removal_kind kind;
	char *path;   /* absolute; NULL: below, in the Nix directory, which messages call nix_dir */
	char *below;  /* relative to the Nix directory, with no symlink and no mount on the way */
	char *target; /* of a link to be made */
	char *shown;  /* what the user is told beforehand, NULL: nothing */
};

struct removals {
	struct removal *items; /* in the order in which they are to be done */
	size_t count;
};

/* Add one; PATH or BELOW, and SHOWN, are copied. */
void removals_add(struct removals *list, enum removal_kind kind, const char *path,
		  const char *below, const char *shown);

/*
 * Carry out REMOVAL, a thing that is gone already included. NIX_DIR_FD is the Nix directory, which
 * the user knows as NIX_DIR. Returns 0, or -1 after a message; what could be removed is.
 */
int removal_carry_out(const struct removal *removal, int nix_dir_fd, const char *nix_dir);

void removals_clear(struct removals *list);

#endif
