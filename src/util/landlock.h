/*
 * Landlock (landlock(7), since Linux 5.13): a process gives up rights on files, for ever, and needs
 * no privilege for it.
 */
#ifndef UTIL_LANDLOCK_H
#define UTIL_LANDLOCK_H

/* The first ABI that allows links from one directory into another (Linux 5.19). */
#define LANDLOCK_ABI_LINKS 2

/* The version of Landlock that this kernel has and allows, or 0. */
int landlock_abi(void);

/*
 * Confine the calling thread to the working directory. Below it, files, directories and links may
 * be made, read and written, but nothing may be removed or executed; elsewhere nothing can be
 * opened, made or linked. If ABI (of landlock_abi()) has it: no TCP, no abstract sockets, no
 * signals to other processes. Files elsewhere can still be looked at with stat(2), and be given
 * other times, modes and owners; only a seccomp filter can forbid that. Needs no_new_privs. Returns
 * 0 or a negative errno.
 */
int landlock_enter(int abi);

#endif
