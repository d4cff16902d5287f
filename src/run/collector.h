/*
 * Checks before Nix's garbage collector runs: what the collector cannot see from inside, it
 * deletes.
 *
 * The collector keeps what running processes use, but it cannot look at processes in another user
 * namespace. And if the link or directory of an indirect root does not exist inside, the collector
 * takes the root for stale, removes it, and deletes what the root kept.
 */
#ifndef RUN_COLLECTOR_H
#define RUN_COLLECTOR_H

#include "util/str.h"

#include <sys/types.h>

enum collecting {
	COLLECTING_NEVER,
	COLLECTING_PERHAPS, /* a command of Nix, with min-free set: any build may collect */
	COLLECTING_ALWAYS,
};

/* Will the command NAME collect? Its words are ARGV, the first of which is its name. */
enum collecting collector_recognise(const char *name, char *const *argv, int nix_dir_fd);

/* Add the absolute paths of what indirect roots stand for, as far as they exist outside. */
void collector_find_roots(int nix_dir_fd, struct strlist *out);

/*
 * Add "PID (NAME)" for each process that has the Nix directory as /nix and is neither in the user
 * namespace OWN (an inode; 0: a namespace that does not exist yet) nor in one below OWN. Call this
 * outside.
 */
void collector_find_others(int nix_dir_fd, ino_t own, struct strlist *out);

/*
 * May the command run, with the ROOTS and OTHERS that were found outside? Call this inside. Returns
 * 0, perhaps after a warning, or -1 after a message.
 */
int collector_check(enum collecting collecting, const struct strlist *roots,
		    const struct strlist *others);

#endif
