/*
 * Landlock (landlock(7), since Linux 5.13): a process gives up what it may do with files, for ever
 * and without any privilege.
 */
#ifndef UTIL_LANDLOCK_H
#define UTIL_LANDLOCK_H

/* The first ABI under which a file can be linked from one directory into another (Linux 5.19). */
#define LANDLOCK_ABI_LINKS 2

/* The version of Landlock that this kernel has and allows, or 0. */
int landlock_abi(void);

/*
 * Confine the calling thread to the working directory: below it files, directories and links may be
 * made, read and written, and nothing be removed or executed; elsewhere nothing can be opened, made
 * or linked. No TCP, no abstract sockets and no signals to others, where ABI (of landlock_abi())
 * has that. Files elsewhere can still be looked at with stat(2), and be given other times, modes
 * and owners, which only a seccomp filter can forbid. Needs no_new_privs. Returns 0 or a negative
 * errno.
 */
int landlock_enter(int abi);

#endif
