/*
 * The mount plan as data: what has to be mounted where, so that the Nix directory is /nix and the
 * rest of / is as it was, except for what the path config changes.
 */
#ifndef CHROOT_PLAN_H
#define CHROOT_PLAN_H

#include "chroot/host_view.h"
#include "chroot/path_config.h"
#include "chroot/ssh_view.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * One step. PATH is absolute in the new root; its parent directories exist when the step's turn
 * comes, and no later step covers it. SOURCE is absolute in the old root, but in the new root if it
 * is below /nix.
 */
enum plan_type {
	PLAN_DIRECTORY,	     /* make the directory PATH */
	PLAN_SYMLINK,	     /* make PATH a symlink to SOURCE */
	PLAN_BIND_DIRECTORY, /* make the directory PATH, and mount SOURCE there with all below it */
	PLAN_BIND_FILE,	     /* make the file PATH, and mount SOURCE there */
	PLAN_COVER_DIRECTORY, /* mount SOURCE with all below it over PATH, which is there */
	PLAN_COVER_FILE,      /* mount SOURCE over PATH, which is there */
	PLAN_HIDE_FILE,	      /* mount an empty file, read-only, over PATH, which is there */
	PLAN_WRITE_FILE,      /* make the file PATH, the caller's, with TEXT in it */
	PLAN_COVER_TEXT,      /* mount such a file, read-only, over PATH, which is there */
	PLAN_TMPFS,	      /* mount an empty tmpfs over the directory PATH, which is there */
	PLAN_NIX,	      /* make the directory PATH, and mount the Nix directory there */
};

struct plan_step {
	enum plan_type type;
	char *path;
	char *source;	 /* NULL where the type has none */
	bool configured; /* the path config asks for it: a failure is worth a warning */
	char *text;	 /* NULL where the type has none */
};

struct plan {
	char *work_dir; /* a directory of the host; the new root is first mounted over it */
	char *old_root; /* where the old root is within the new one while the plan is carried out */
	char *own_file; /* a name in the new root for a file that is then mounted elsewhere */
	struct plan_step *steps;
	size_t count;
};

/* What a plan depends on. */
struct plan_input {
	const struct host_view *view;
	const struct path_config *config; /* NULL: the host's / and /nix, nothing else */
	const char *user;		  /* whose profile [profile] means; NULL: unknown */
	const char *state_home; /* for [profile]: $XDG_STATE_HOME or ~/.local/state; NULL: none */
	const struct ssh_view *ssh; /* NULL: ssh's configuration is shown as it is */
};

/*
 * Make the plan. Entries that cannot be looked at are left out. Warnings on stderr name what the
 * path config asks for and cannot have; notes at -v name what is left out. Returns 0 with *OUT the
 * caller's to clear, or -1 if / could not be read at all.
 */
int plan_build(const struct plan_input *input, struct plan *out);

void plan_clear(struct plan *plan);

#endif
