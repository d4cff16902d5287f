/* The environment variables of the command. */
#ifndef RUN_ENVIRONMENT_H
#define RUN_ENVIRONMENT_H

#include <stdbool.h>

/*
 * The user's login name as one component of a path: of the passwd entry, else $USER; NULL if
 * neither is there. The caller frees.
 */
char *environment_user(void);

/*
 * Set the variables of the process, which is about to become the command; call this inside.
 * NIX_CONF_DIR is set if it is unset or empty, or, unless WITH_PROFILE, if it is the host's own
 * /etc/nix. If no daemon listens in /nix, NIX_REMOTE=daemon and "store = daemon" in NIX_CONFIG were
 * meant for another Nix and are removed. WITH_PROFILE, which is for the default directory, also
 *  - puts the bin directory of the user's profile in front of PATH, if there is a profile and PATH
 *    lacks it. The profile is ~/.nix-profile, else, as with use-xdg-base-directories (nix.conf(5)),
 *    $XDG_STATE_HOME/nix/profile;
 *  - sets NIX_SSL_CERT_FILE, if neither it nor SSL_CERT_FILE is set and Nix would not find the
 *    host's bundle by itself, to that bundle (util/ca_paths.h), else to the profile's
 *    etc/ssl/certs/ca-bundle.crt.
 */
void environment_prepare(bool with_profile);

/*
 * Does TEXT, the value of NIX_CONFIG, choose Nix's daemon? The last "store =" counts (nix.conf(5)).
 */
bool environment_wants_daemon(const char *text);

/*
 * Remove from LD_LIBRARY_PATH and LD_PRELOAD whatever is not below /nix or /run/opengl-driver:
 * Nix's programs have libraries of their own, and fail with the host's. A note at -v names COMMAND.
 */
void environment_drop_libraries(const char *command);

#endif
