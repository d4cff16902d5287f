/*
 * The directories that --install works in, and how they are left as they were found.
 */
#ifndef STORE_LAYOUT_H
#define STORE_LAYOUT_H

#include <stdbool.h>

/* Below the Nix directory. */
#define WORKSPACE_STATE	  "var/nix-user-chroot"
#define WORKSPACE_STAGING WORKSPACE_STATE "/staging"
#define WORKSPACE_LOG	  WORKSPACE_STATE "/install.log"
/* There while an installation is under way or was broken off: what is in the store is ours. */
#define WORKSPACE_INTENT WORKSPACE_STATE "/installing"

struct workspace {
	char *nix_dir;	    /* absolute */
	char *existing_nix; /* the deepest parent of nix_dir that was there at the start */
	unsigned existing;  /* private: which directories in nix_dir were there at the start */
};

/*
 * Find out where; makes nothing yet. Returns 0 with *OUT the caller's to clear, or -1 after a
 * message (no HOME, which the profile goes to, a relative path, a file or a dangling symlink where
 * the directory should be).
 */
int workspace_find(struct workspace *out);

/*
 * Make the Nix directory with its state directory, and open it: a descriptor (read-only), or -1
 * after a message.
 */
int workspace_open(const struct workspace *workspace);

/*
 * Could it make the directory? Changes nothing. Returns 0, or -1 after the message that it would
 * end with.
 */
int workspace_check_writable(const struct workspace *workspace);

/*
 * Remove what is empty and was not there at the start of the directories that an installation makes
 * in the Nix directory. Silent. Only with the lock: another one who is at work has empty
 * directories too.
 */
void workspace_remove_empty(const struct workspace *workspace);

/*
 * The same for what workspace_open() makes: the state directory, the Nix directory, and those above
 * it. Nobody minds this while he has the lock, whose file lies in there, or waits for it.
 */
void workspace_remove_state(const struct workspace *workspace);

/* Remove the staging directory: 0, or -1 after a message. */
int workspace_remove_staging(const struct workspace *workspace, int nix_dir_fd);

void workspace_clear(struct workspace *workspace);

/*
 * Say that DOING something with PATH failed with the negative errno R, and what to do about that
 * kind of failure. Returns -1.
 */
int workspace_error(const char *doing, const char *path, int r);

#endif
