/*
 * What the command finds inside: its variables, and the command itself.
 */
#ifndef RUN_ENVIRONMENT_H
#define RUN_ENVIRONMENT_H

#include <stdbool.h>

/* The user's login name: $USER, else the passwd entry's; NULL where there is neither. To be freed.
 */
char *environment_user(void);

/* $XDG_STATE_HOME, else $HOME/.local/state; NULL without HOME. To be freed. */
char *environment_state_home(void);

/*
 * Set the variables of the process that is about to become the command: NIX_CONF_DIR where it is
 * not set. To be called inside. WITH_PROFILE, which is for the default directory, also
 *  - the bin directory of the user's profile, where there is one, in front of PATH where it is not
 *    on it yet. The profile is ~/.nix-profile, else, as with use-xdg-base-directories
 * (nix.conf(5)), $XDG_STATE_HOME/nix/profile;
 *  - NIX_SSL_CERT_FILE, where neither that nor SSL_CERT_FILE is set and there is no
 *    /etc/ssl/certs/ca-certificates.crt, which is where Nix looks: the profile's
 *    etc/ssl/certs/ca-bundle.crt, else what other distributions have, the first that is there.
 */
void environment_prepare(bool with_profile);

/*
 * execvp(3) of ARGV, or of a login shell where it is NULL: $SHELL, else the passwd entry's, else
 * /bin/sh, the first that is an absolute path and can be run inside. Returns only the exit status
 * to end with, after a message: 126 or 127.
 *
 * The startup files of a login shell may set PATH anew, as Debian's /etc/profile does. So
 * WITH_PROFILE a shell of the Bourne family whose own startup file does not speak of the profile
 * runs as a login shell that puts the profile's bin directory on PATH after it has read its files,
 * and then becomes the same shell, no login shell any more. Other shells get PATH as
 * environment_prepare() left it.
 */
int environment_exec(char *const *argv, bool with_profile);

/*
 * execv(2) of the command NAME of the user's Nix profile, with ARGV: the file NAME in
 * ~/.nix-profile/bin, in $XDG_STATE_HOME/nix/profile/bin, or in /nix/var/nix/profiles/default/bin.
 * PATH is not asked, for there a link to this program may bear that name. argv[0] becomes the bare
 * name. Returns as environment_exec().
 */
int environment_exec_profile(const char *name, char *const *argv);

#endif
