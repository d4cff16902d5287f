/*
 * Nix's garbage collector, before it is run: what it cannot see from inside, it deletes.
 *
 * It keeps what running processes use, as far as it may look at them: not at those in another
 * user namespace than its own. And where the link or the directory that an indirect root stands for
 * is not there inside, it takes the root for stale, removes it, and deletes what it kept.
 */
#ifndef RUN_COLLECTOR_H
#define RUN_COLLECTOR_H

#include "util/str.h"

#include <sys/types.h>

enum collecting {
	COLLECTING_NEVER,
	COLLECTING_PERHAPS, /* a command of Nix, where min-free is set: any build may */
	COLLECTING_ALWAYS,
};

/* Will the command collect that is called NAME and has the words ARGV, the first being its name? */
enum collecting collector_recognise(const char *name, char *const *argv, int nix_dir_fd);

/* Add what indirect roots stand for, absolute paths, as far as it is there outside. */
void collector_find_roots(int nix_dir_fd, struct strlist *out);

/*
 * Add "PID (NAME)" for each process that has the Nix directory for /nix and is neither in the user
 * namespace OWN (an inode; 0: one that is still to be made) nor in one below it. To be called
 * outside.
 */
void collector_find_others(int nix_dir_fd, ino_t own, struct strlist *out);

/*
 * To be called inside: may the command run, with ROOTS and OTHERS as found outside? Returns 0,
 * perhaps after a warning, or -1 after a message.
 */
int collector_check(enum collecting collecting, const struct strlist *roots,
		    const struct strlist *others);

#endif
