/*
 * What is to be inside, as a tree of the places that were looked at or changed. The plan asks it
 * what there is at a path, and changes it; the time for either grows with the length of the path,
 * not with the number of places. Knows nothing of steps.
 */
#ifndef CHROOT_PLAN_TREE_H
#define CHROOT_PLAN_TREE_H

#include "chroot/host_view.h"

#include <stdbool.h>
#include <stddef.h>

enum place_state {
	PLACE_AS_IS,   /* what is in the parent's source under this name */
	PLACE_NOTHING, /* nothing is there */
	PLACE_MADE,    /* a directory of ours: its children are all that is in it */
	PLACE_MOUNTED, /* the source */
	PLACE_HIDDEN,  /* a file that an empty one covers */
	PLACE_COPIED,  /* a file of the caller's with the text */
};

struct place {
	char *path;	  /* inside, without links */
	const char *name; /* the last part of the path; "" for "/" */
	enum place_state state;
	enum entry_type type;
	char *source; /* what is seen there, of the host or below /nix; NULL: nothing of theirs */
	char *target; /* of a symlink, else NULL */
	char *text;   /* of a PLACE_COPIED, else NULL */
	bool configured; /* by the path config */

	struct place *parent; /* NULL for "/", and for what a change of its directory took away */
	struct place *children, *last_child, *next;
	struct place *next_made; /* in the tree: what tree_clear() goes through */
};

struct tree {
	const struct host_view *view;
	struct place *root; /* made of the entries of the host's / */
	struct place *nix;  /* /nix, its first child */
	struct place *made;
	void *index; /* tsearch(3): the places, by parent and name */
};

/* Begin with what is in / on the host, and /nix. 0, or -errno where / cannot be listed. */
int tree_start(struct tree *tree, const struct host_view *view);

void tree_clear(struct tree *tree);

/*
 * The place NAME in DIRECTORY, which is a directory; where there is nothing, too. 0, or -errno
 * where it cannot be looked at.
 */
int tree_look(struct tree *tree, struct place *directory, const char *name, struct place **out);

/*
 * The place that PATH leads to from the directory FROM, link by link, ".." too, as the kernel will
 * go inside. The last part is followed as well if FOLLOW_LAST, and may be nothing. 0, -ELOOP after
 * 40 links (path_resolution(7)), or what looking at a part said.
 */
int tree_walk(struct tree *tree, struct place *from, const char *path, bool follow_last,
	      struct place **out);

/* Is PLACE /nix or in it? */
bool tree_is_nix(const struct tree *tree, const struct place *place);

/* Is PLACE in the tree still, or has a change of a directory above it taken it away? */
bool tree_has(const struct tree *tree, const struct place *place);

/* Make PLACE into something new of this STATE and TYPE: what was in it is gone. */
void tree_replace(struct tree *tree, struct place *place, enum place_state state,
		  enum entry_type type);

/*
 * Take the directory PLACE apart: it becomes one of ours, with its entries one by one. 0; -ENOTSUP
 * where the kernel makes the entries, which then mean something in their place alone (/dev/ptmx is
 * of the /dev/pts beside it, /proc/self of who looks at it); -E2BIG where there are more than
 * TREE_MAX_ENTRIES; or -errno where it cannot be listed.
 */
int tree_take_apart(struct tree *tree, struct place *place);

/*
 * Entries of a directory that are mounted one by one. The kernel's own limit, fs.mount-max, is
 * 100,000 for the whole namespace, and every entry slows down what looks through the mount table.
 */
#define TREE_MAX_ENTRIES 10000

#endif
