/*
 * What was there before an installation, so that --uninstall can tell ours from the user's. It is
 * found out before anything is made, and kept in a file until the receipt is written, since a later
 * run of an installation that was broken off can tell no more.
 */
#ifndef INSTALL_BEFORE_H
#define INSTALL_BEFORE_H

#include "home/home.h"
#include "store/traces.h"
#include "store/layout.h"

#include <stdbool.h>

/* Below the Nix directory, while an installation is under way. */
#define BEFORE_FILE WORKSPACE_STATE "/before"

struct before {
	struct strlist absent; /* absolute paths of what an installation may make */
	struct strlist lines;  /* startup files that have the install script's line already */
	bool has_store;	       /* there are store paths, and no installation of ours */
};

/* Look around; changes nothing. *OUT is the caller's to clear. */
void before_look(const struct workspace *workspace, const struct home *home, struct before *out);

/*
 * With the lock: where an earlier run has left its file, *BEFORE becomes what that says, else it is
 * written there, on disk. 0 or a negative errno.
 */
int before_keep(int nix_dir_fd, struct before *before);

/* The file of a run that was broken off: 0 with *OUT the caller's to clear, or a negative errno. */
int before_read(int nix_dir_fd, struct before *out);

/* Remove the file. Silent: a file that stays does no harm. */
void before_forget(int nix_dir_fd);

/*
 * After the installation: add to *TRACES, which hold those of an earlier receipt, what is there now
 * and was not. IS_FIRST: there was no receipt.
 */
void before_compare(const struct before *before, const struct workspace *workspace,
		    const struct home *home, bool is_first, struct traces *traces);

void before_clear(struct before *before);

#endif
