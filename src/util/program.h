/* The name and the path by which this program was started. */
#ifndef UTIL_PROGRAM_H
#define UTIL_PROGRAM_H

/*
 * The command of the user's profile that ARGV0, a link to this program, stands for: the last
 * component of ARGV0. NULL: the program was called by a name of its own or by none. Its own names
 * begin with "nix-user-chroot", or are the name of the program's file, should that have been
 * renamed; "nix" and "nix-…" are never its own. A '-' at the beginning, as a login shell has, does
 * not count. Points into ARGV0.
 */
const char *program_command(const char *argv0);

/*
 * An absolute path by which this program can be started again: ARGV0, or what PATH finds by that
 * name, if it is this program's file (a link there may outlive the file that it leads to); else the
 * target of /proc/self/exe. The caller frees; NULL if /proc is missing.
 */
char *program_path(const char *argv0);

#endif
