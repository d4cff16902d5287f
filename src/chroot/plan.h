/*
 * The mount plan as data: what has to be mounted where so that the Nix directory is /nix and the
 * rest of / is as it was, but for what the path config asks for.
 */
#ifndef CHROOT_PLAN_H
#define CHROOT_PLAN_H

#include "chroot/host_view.h"
#include "chroot/path_config.h"
#include "chroot/ssh_view.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * One step. PATH is absolute in the new root, whose parent directories are there when the step's
 * turn comes; what comes later lies in it or beside it, and does not cover it. SOURCE is absolute
 * in the old root, but in the new one where it is below /nix.
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
	char *work_dir; /* a directory of the host over which the new root is mounted at first */
	char *old_root; /* where the old root lies in the new one while the plan is carried out */
	char *own_file; /* a name in the new root, for a file that is mounted elsewhere */
	struct plan_step *steps;
	size_t count;
};

/* What a plan depends on. */
struct plan_input {
	const struct host_view *view;
	const struct path_config *config; /* NULL: the host's /, and nothing else but /nix */
	const char *user;		  /* for [profile]: whose; NULL: unknown */
	const char *state_home; /* for [profile]: $XDG_STATE_HOME or ~/.local/state; NULL: none */
	const struct ssh_view *ssh; /* NULL: ssh's configuration is shown as it is */
};

/*
 * Make the plan. Entries that cannot be looked at are left out. Says on stderr, as a warning, what
 * of the path config cannot be done, and at -v what it leaves out. Returns 0 with *OUT the caller's
 * to clear, or -1 where / could not be read at all.
 */
int plan_build(const struct plan_input *input, struct plan *out);

void plan_clear(struct plan *plan);

#endif
