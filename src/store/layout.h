/*
 * The Nix directory: what lies where in it, and how it is made.
 */
#ifndef STORE_LAYOUT_H
#define STORE_LAYOUT_H

#include "util/str.h"

#include <stdbool.h>

/* Below the Nix directory. */
#define LAYOUT_NIX_CONF "etc/nix/nix.conf"
#define LAYOUT_STATE	"var/nix-user-chroot"
#define LAYOUT_LOCK	LAYOUT_STATE "/lock"
#define LAYOUT_LOG	LAYOUT_STATE "/install.log"
#define LAYOUT_RECORD	LAYOUT_STATE "/record"
#define LAYOUT_STAGING	LAYOUT_STATE "/staging"
#define LAYOUT_FISH	LAYOUT_STATE "/nix.fish" /* the user's, while the install script runs */

/*
 * Can NIX_DIR (absolute) be an installation's directory? Refused is a file or a symlink that leads
 * nowhere in the place of it or of a directory that an installation makes in it. Changes nothing.
 * Returns 0, or -1 after a message.
 */
int layout_check(const char *nix_dir);

/*
 * Is any directory that an installation makes in the Nix directory NIX_DIR_FD a symlink? Nothing
 * goes through one. Returns 0, or -1 after a message.
 */
int layout_check_links(int nix_dir_fd, const char *nix_dir);

/* Could NIX_DIR be made and written to? Changes nothing. Returns 0, or -1 after a message. */
int layout_check_writable(const char *nix_dir);

/*
 * Add the directories that an installation in NIX_DIR makes and that are not there, as absolute
 * paths, each in front of the one that it lies in: rmdir(2) of one after the other undoes it.
 */
void layout_missing(const char *nix_dir, struct strlist *out);

/*
 * Make NIX_DIR with its state directory, 0755, and add to *MADE what was not there, each behind the
 * one that it lies in. Returns a descriptor of NIX_DIR (read-only), or -1 after a message.
 */
int layout_open(const char *nix_dir, struct strlist *made);

/* Is there a store path in it, whoever made it? */
bool layout_has_store_paths(int nix_dir_fd);

/* Is there a nix.conf that says anything? A crash leaves one that is empty, or zeros. */
bool layout_has_nix_conf(int nix_dir_fd);

/* Remove the staging directory of NIX_DIR: 0, or -1 after a message. */
int layout_remove_staging(int nix_dir_fd, const char *nix_dir);

/*
 * Say that DOING something ("write") with PATH failed with the negative errno R, and what the user
 * can do about that kind of failure of a file system. Returns -1.
 */
int layout_error(const char *doing, const char *path, int r);

#endif
