/*
 * By which name and from which path this program was started.
 */
#ifndef UTIL_PROGRAM_H
#define UTIL_PROGRAM_H

/*
 * The command of the user's profile that ARGV0 stands for: its last component, where we were called
 * through a link of that name. Our own names are those that begin with "nix-user-chroot", and what
 * the program's file is called, should that have been renamed; but never "nix" and "nix-…". The '-'
 * in front of a login shell's name does not count. NULL: we are called by our own name, or by none
 * at all. Points into ARGV0.
 */
const char *program_command(const char *argv0);

/*
 * An absolute path under which this program can be started again. That by which the user did, ARGV0
 * or where PATH leads for it, if it is the same file: it may be a link that outlives the file
 * behind it. Else where /proc/self/exe points. The caller frees; NULL where /proc is missing.
 */
char *program_path(const char *argv0);

#endif
