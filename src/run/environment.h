/*
 * What the command finds inside: its variables.
 */
#ifndef RUN_ENVIRONMENT_H
#define RUN_ENVIRONMENT_H

#include <stdbool.h>

/*
 * The user's login name, as one component of a path: the passwd entry's, else $USER; NULL where
 * there is neither. The caller frees.
 */
char *environment_user(void);

/*
 * Set the variables of the process that is about to become the command: NIX_CONF_DIR where it is
 * not set or empty, and where it is the host's own /etc/nix unless WITH_PROFILE. To be called
 * inside. Where no daemon listens in /nix, NIX_REMOTE=daemon, and "store = daemon" in NIX_CONFIG,
 * are for another Nix, and do not count. WITH_PROFILE, which is for the default directory, also
 *  - the bin directory of the user's profile, where there is one, in front of PATH where it is not
 *    on it yet. The profile is ~/.nix-profile, else, as with use-xdg-base-directories
 *    (nix.conf(5)), $XDG_STATE_HOME/nix/profile;
 *  - NIX_SSL_CERT_FILE, where neither that nor SSL_CERT_FILE is set and Nix would not find the
 *    host's bundle by itself: that one (util/ca_paths.h), else the profile's
 *    etc/ssl/certs/ca-bundle.crt.
 */
void environment_prepare(bool with_profile);

/*
 * Does TEXT, the value of NIX_CONFIG, make Nix look for its daemon? The last "store =" counts
 * (nix.conf(5)).
 */
bool environment_wants_daemon(const char *text);

/*
 * Nix's programs have libraries of their own, and fail with the host's: take what is not below /nix
 * or /run/opengl-driver out of LD_LIBRARY_PATH and LD_PRELOAD, with a word of COMMAND at -v.
 */
void environment_drop_libraries(const char *command);

#endif
