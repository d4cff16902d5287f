/*
 * Where Nix lives when the user does not say.
 */
#ifndef RUN_NIX_DIR_H
#define RUN_NIX_DIR_H

/*
 * The default Nix directory: $NIX_USER_CHROOT_DIR, else $XDG_DATA_HOME/nix, else
 * $HOME/.local/share/nix; where the last holds no store and $HOME/.data/nix does, that one.
 * Returns an absolute path, the caller's to free, or NULL after a message (no HOME, relative path).
 */
char *nix_dir_default(void);

#endif
