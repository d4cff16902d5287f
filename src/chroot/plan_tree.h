/*
 * The new root as a tree of places: those that were looked at or changed. The plan asks the tree
 * what is at a path, and changes it; the time for either grows with the length of the path, not
 * with the number of places. The tree knows no steps.
 */
#ifndef CHROOT_PLAN_TREE_H
#define CHROOT_PLAN_TREE_H

#include "chroot/host_view.h"

#include <stdbool.h>
#include <stddef.h>

enum place_state {
	PLACE_AS_IS,   /* the same entry as in the parent's source */
	PLACE_NOTHING, /* nothing is there */
	PLACE_MADE,    /* a directory of ours: its children are all that is in it */
	PLACE_MOUNTED, /* SOURCE is mounted here */
	PLACE_HIDDEN,  /* a file, covered by an empty file */
	PLACE_COPIED,  /* a file with TEXT that belongs to the caller */
};

struct place {
	char *path;	  /* inside, without links */
	const char *name; /* the last part of the path; "" for "/" */
	enum place_state state;
	enum entry_type type;
	char *source;	 /* what is shown here, of the host or below /nix; NULL: neither */
	char *target;	 /* of a symlink, else NULL */
	char *text;	 /* of a PLACE_COPIED, else NULL */
	bool configured; /* the path config asks for it */

	struct place *parent; /* NULL for "/", and for a place whose directory was replaced */
	struct place *children, *last_child, *next;
	struct place *next_made; /* the list that tree_clear() walks */
};

struct tree {
	const struct host_view *view;
	struct place *root; /* made of the entries of the host's / */
	struct place *nix;  /* /nix, its first child */
	struct place *made;
	void *index; /* tsearch(3): the places, by parent and name */
};

/* Begin with the entries of / on the host, and /nix. 0, or -errno if / cannot be listed. */
int tree_start(struct tree *tree, const struct host_view *view);

void tree_clear(struct tree *tree);

/*
 * *PLACE becomes the place NAME in the directory DIRECTORY, also if nothing is there. 0, or -errno
 * if it cannot be looked at.
 */
int tree_look(struct tree *tree, struct place *directory, const char *name, struct place **out);

/*
 * Follow PATH from the directory FROM, link by link, also "..", as the kernel will inside. The last
 * component is followed as well if FOLLOW_LAST, and may be missing. 0, -ELOOP after 40 links
 * (path_resolution(7)), or the error of looking at a component.
 */
int tree_walk(struct tree *tree, struct place *from, const char *path, bool follow_last,
	      struct place **out);

/* Is PLACE /nix or in it? */
bool tree_is_nix(const struct tree *tree, const struct place *place);

/* Is PLACE still in the tree, that is: no directory above it was replaced? */
bool tree_has(const struct tree *tree, const struct place *place);

/* Make PLACE something new, of STATE and TYPE; everything below it is gone. */
void tree_replace(struct tree *tree, struct place *place, enum place_state state,
		  enum entry_type type);

/*
 * Take the directory PLACE apart: it becomes one of ours, with its entries one by one. 0; -ENOTSUP
 * if the kernel makes the entries, whose meaning depends on their place (/dev/ptmx belongs to the
 * /dev/pts beside it, /proc/self to the process that looks); -E2BIG if there are more than
 * TREE_MAX_ENTRIES; or -errno if the directory cannot be listed.
 */
int tree_take_apart(struct tree *tree, struct place *place);

/*
 * The most entries of a directory that are mounted one by one. The kernel's limit, fs.mount-max, is
 * 100,000 for the whole namespace, and every entry slows down whatever reads the mount table.
 */
#define TREE_MAX_ENTRIES 10000

#endif
