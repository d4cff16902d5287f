/*
 * What the command finds inside: its variables, and the command itself.
 */
#ifndef CHROOT_ENVIRONMENT_H
#define CHROOT_ENVIRONMENT_H

#include <stdbool.h>

/* The user's login name: $USER, else the passwd entry's; NULL where there is neither. To be freed.
 */
char *environment_user(void);

/* $XDG_STATE_HOME, else $HOME/.local/state; NULL without HOME. To be freed. */
char *environment_state_home(void);

/*
 * Set the variables of the process that is about to become the command: NIX_CONF_DIR where it is
 * not set, and with PROFILE_ON_PATH the profile's bin directory in front of PATH, where there is
 * one and it is not on PATH yet. To be called inside.
 */
void environment_prepare(bool profile_on_path);

/*
 * execvp(3) of ARGV, or of a login shell where it is NULL: $SHELL, else the passwd entry's, else
 * /bin/sh, the first that can be run inside. Returns only the exit status to end with, after a
 * message: 126 or 127.
 */
int environment_exec(char *const *argv);

#endif
