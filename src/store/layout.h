/* The Nix directory: where things are in it, and how it is made. */
#ifndef STORE_LAYOUT_H
#define STORE_LAYOUT_H

#include "util/str.h"

#include <stdbool.h>

/* Paths below the Nix directory. */
#define LAYOUT_NIX_CONF "etc/nix/nix.conf"
#define LAYOUT_STATE	"var/nix-user-chroot"
#define LAYOUT_LOCK	LAYOUT_STATE "/lock"
#define LAYOUT_LOG	LAYOUT_STATE "/install.log"
#define LAYOUT_RECORD	LAYOUT_STATE "/record"
#define LAYOUT_STAGING	LAYOUT_STATE "/staging"
/* the user's, kept while the install script runs */
#define LAYOUT_FISH LAYOUT_STATE "/nix.fish"

/*
 * Can NIX_DIR (absolute) hold an installation? A file, or a symlink that leads nowhere, in the
 * place of NIX_DIR or of a directory of an installation is refused. Changes nothing. Returns 0, or
 * -1 after a message.
 */
int layout_check(const char *nix_dir);

/*
 * Is a directory of an installation in NIX_DIR_FD a symlink? Nothing is written through one.
 * Returns 0, or -1 after a message.
 */
int layout_check_links(int nix_dir_fd, const char *nix_dir);

/* Could NIX_DIR be made and written to? Changes nothing. Returns 0, or -1 after a message. */
int layout_check_writable(const char *nix_dir);

/*
 * Add the missing directories of an installation in NIX_DIR as absolute paths. A directory precedes
 * its parent, so rmdir(2) in this order removes them.
 */
void layout_missing(const char *nix_dir, struct strlist *out);

/*
 * Make NIX_DIR with its state directory, 0755, and add to *MADE what was missing, parents first.
 * Returns a descriptor of NIX_DIR (read-only), or -1 after a message.
 */
int layout_open(const char *nix_dir, struct strlist *made);

/* Is there a store path in the Nix directory, whoever made it? */
bool layout_has_store_paths(int nix_dir_fd);

/* Is there a nix.conf with contents? A crash leaves one that is empty or full of zeros. */
bool layout_has_nix_conf(int nix_dir_fd);

/* Remove the staging directory of NIX_DIR: 0, or -1 after a message. */
int layout_remove_staging(int nix_dir_fd, const char *nix_dir);

/*
 * Print that DOING something ("write") with PATH failed with the negative errno R, and what the
 * user can do about such a failure of a file system. Returns -1.
 */
int layout_error(const char *doing, const char *path, int r);

#endif
