/*
 * This process becomes the command, inside.
 */
#ifndef RUN_EXEC_H
#define RUN_EXEC_H

#include <stdbool.h>

/*
 * execvp(3) of ARGV, or of a login shell where it is NULL: $SHELL, else the passwd entry's, else
 * /bin/sh, the first that is an absolute path and can be run inside. Returns only the exit status
 * to end with, after a message: 126 or 127.
 *
 * The startup files of a login shell may set PATH anew, as Debian's /etc/profile does. So
 * WITH_PROFILE a shell of the Bourne family whose own startup file does not speak of the profile
 * runs as a login shell that puts the profile's bin directory on PATH after it has read its files,
 * and then becomes the same shell, no login shell any more. Other shells get PATH as
 * environment_prepare() left it. Where the shell's startup files run this program again
 * (run/login.h), it reads none of them, and a warning says so.
 */
int exec_command(char *const *argv, bool with_profile);

/*
 * Become the shell WORD, or the user's where that is NULL, interactive and without startup files.
 * Returns as exec_command().
 */
int exec_plain_shell(const char *word);

/*
 * The words that run LINE by the user's shell, with WORDS (NULL-terminated, NULL: none) for its $0,
 * $1 and so on: "SHELL -c LINE ...". An array for the caller to free; *SHELL its first, to be freed
 * too.
 */
char **exec_shell_words(char *line, char *const *words, char **shell);

/*
 * execv(2) of the command NAME of the user's Nix profile, with ARGV: the file NAME in
 * ~/.nix-profile/bin, in $XDG_STATE_HOME/nix/profile/bin, or in /nix/var/nix/profiles/default/bin.
 * PATH is not asked, for there a link to this program may bear that name. argv[0] becomes the bare
 * name. Returns as exec_command().
 */
int exec_profile_command(const char *name, char *const *argv);

#endif
