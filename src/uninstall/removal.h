/* Things to remove one by one, each in its own way. */
#ifndef UNINSTALL_REMOVAL_H
#define UNINSTALL_REMOVAL_H

#include <stddef.h>

enum removal_kind {
	REMOVE_LINE,	  /* remove the install script's line from the startup file PATH */
	REMOVE_LINE_FILE, /* the same; if the file is empty then, remove it */
	REMOVE_OWN_LINE,  /* the same two, for a line of our own */
	REMOVE_OWN_LINE_FILE,
	REMOVE_FILE,  /* unlink(2) PATH: a file or a link */
	REMOVE_TREE,  /* PATH and all below it, by fs_remove_tree() */
	REMOVE_EMPTY, /* rmdir(2) PATH if it is empty */
	KEEP_COPY,    /* no removal: a copy of BELOW (uninstall/keep.h) replaces the link PATH */
	REMAKE_LINK,  /* no removal: symlink(2) TARGET at PATH, if nothing is there */
};

struct removal {
	enum removal_kind kind;
	char *path;   /* absolute; NULL: BELOW is set, and messages begin with nix_dir */
	char *below;  /* relative to the Nix directory, without a symlink or a mount on the way */
	char *target; /* of the link to be made */
	char *shown;  /* the line for the user beforehand; NULL: none */
};

struct removals {
	struct removal *items; /* in the order in which they are carried out */
	size_t count;
};

/* Add a removal; PATH or BELOW, and SHOWN, are copied. */
void removals_add(struct removals *list, enum removal_kind kind, const char *path,
		  const char *below, const char *shown);

/*
 * Carry REMOVAL out; what is gone already counts as removed. NIX_DIR_FD is the Nix directory, which
 * the user knows as NIX_DIR. Returns 0, or -1 after a message; what can be removed is removed.
 */
int removal_carry_out(const struct removal *removal, int nix_dir_fd, const char *nix_dir);

void removals_clear(struct removals *list);

#endif
