/*
 * The shims: links to this program with the names of Nix's commands, in a directory on the user's
 * PATH. Run under such a name, the program enters and becomes that command.
 */
#ifndef HOME_SHIMS_H
#define HOME_SHIMS_H

#include <stdbool.h>
#include <stddef.h>

#define SHIM_COUNT 12

extern const char *const shim_names[SHIM_COUNT];

enum shim_action {
	SHIM_KEEP,  /* the link exists already */
	SHIM_MAKE,  /* nothing has its place */
	SHIM_TURN,  /* a link of ours that leads elsewhere */
	SHIM_LEAVE, /* something that is not ours has its place */
};

/*
 * Does a symlink with this TARGET lead to our program, or to a former place of it? The last
 * component is "nix-user-chroot", or that of a release: "nix-user-chroot-0.1.0-x86_64-linux".
 */
bool shim_is_ours(const char *target);

/*
 * What to do for a link to PROGRAM. EXISTS: something has its place; TARGET: where that leads, NULL
 * if it is no symlink.
 */
enum shim_action shim_decide(bool exists, const char *target, const char *program);

/*
 * The line for a startup file of SHELL ("/bin/bash"; NULL: unknown) that puts the directory BIN on
 * PATH; *FILE becomes the name of that file, a constant. If BIN is below HOME, HOME is written as
 * $HOME. The caller frees the line.
 */
char *shim_path_line(const char *shell, const char *bin, const char *home, const char **file);

/* PATH as one word of sh and fish, with "$HOME" for HOME at its beginning; the caller frees. */
char *shim_shell_word(const char *path, const char *home);

/* The same for a line that sets NIX_USER_CHROOT_DIR to NIX_DIR. */
char *shim_directory_line(const char *shell, const char *nix_dir, const char *home,
			  const char **file);

#endif
