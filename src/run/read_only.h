/*
 * A Nix directory that somebody else keeps: the user can run what its store holds, and add nothing.
 *
 * Nix opens its database for writing, so that every command of Nix fails there ("opening lock file
 * '/nix/var/nix/db/big-lock': Permission denied"), even one that only reads. With a store that is
 * "read-only", which Nix has since 2.15, the commands that read work. If the keeper's nix-daemon
 * listens in the Nix directory, Nix asks that by itself, and all commands work.
 */
#ifndef RUN_READ_ONLY_H
#define RUN_READ_ONLY_H

#include <stdbool.h>

/*
 * If the Nix directory NIX_DIR_FD, which the user knows as NIX_DIR, has a store that the user may
 * not write to, and the user has chosen no other by NIX_REMOTE, set NIX_REMOTE and NIX_CONFIG for
 * reading it. A warning follows if the command NAME (NULL: none), with the words ARGV, is one of
 * Nix's that may have to write. IS_OWN: the directory is the user's, and is not looked at; what an
 * entry of somebody else's directory has set is then unset. Call this outside, before the variable
 * NIX_DIR_VARIABLE is set.
 */
void read_only_prepare(int nix_dir_fd, const char *nix_dir, bool is_own, const char *name,
		       char *const *argv);

/* Below the Nix directory. */
#define NIX_DAEMON_SOCKET "var/nix/daemon-socket/socket"

/* Is STORE, the value of NIX_REMOTE, Nix's daemon? */
bool read_only_names_daemon(const char *store);

/* Has read_only_prepare(), of this process or of one that started it, set NIX_REMOTE? */
bool read_only_is_set(void);

/* May the command NAME of Nix, with the words ARGV (the first is the name), have to write? */
bool read_only_may_write(const char *name, char *const *argv);

#endif
