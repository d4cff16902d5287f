/*
 * NIXPATH/etc/nix-user-chroot/path-config.toml: which paths of the host are left out inside, and
 * which come from the user's profile or from elsewhere.
 */
#ifndef CHROOT_PATH_CONFIG_H
#define CHROOT_PATH_CONFIG_H

#include "util/str.h"

#include <stddef.h>

#define PATH_CONFIG_FILE "etc/nix-user-chroot/path-config.toml"

/* One "SOURCE" = "TARGET" of the file. */
struct path_mount {
	char *source; /* [absolute]: absolute; [profile]: below the profile, no leading '/' */
	char *target; /* absolute; neither "/" nor /nix nor below it; no two mounts have the same */
	unsigned line; /* of the file, from 1, for messages */
};

/*
 * All paths are normalised: no ".." or "." (but for a [profile] source that is the profile itself:
 * "."), no doubled or trailing '/' (but for the source "/"), shorter than PATH_MAX. They may hold
 * any character of Unicode but NUL. A target may be an exclude too, or below one.
 */
struct path_config {
	struct strlist excludes; /* absolute; not "/", nothing in /nix, none twice */
	struct path_mount *profile;
	size_t profile_count;
	struct path_mount *absolute;
	size_t absolute_count;
};

/*
 * Read TEXT (LEN bytes; it may hold any bytes) as the file FILE_NAME, which messages name:
 * "FILE:LINE:COLUMN: what is wrong", lines and columns from 1, columns in bytes. A warning, and
 * left out: an unknown section or key, an exclude given twice, an exclude in /nix (which the Nix
 * directory covers in any case). Everything else that is wrong is an error; the first one is said.
 * Returns 0 with *OUT the caller's to clear, or -1 after it has said why, with *OUT empty.
 */
int path_config_parse(const char *file_name, const char *text, size_t len, struct path_config *out);

/*
 * The same for the file below the directory NIX_DIR_FD, which the user knows as NIX_DIR. Symlinks
 * on the way are followed as they are inside: /nix is the Nix directory, so that the file may come
 * from the store (home-manager puts files in place like that). Where there is no such file, *OUT is
 * empty and 0 is returned; a symlink that leads nowhere is an error, and so is more than 1 MiB.
 */
int path_config_load(int nix_dir_fd, const char *nix_dir, struct path_config *out);

/* Free what *CONFIG holds; it is empty after. */
void path_config_clear(struct path_config *config);

#endif
