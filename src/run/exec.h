/* Inside, this process becomes the command. */
#ifndef RUN_EXEC_H
#define RUN_EXEC_H

#include <stdbool.h>

/*
 * execvp(3) of ARGV, or of a login shell if ARGV is NULL: $SHELL, else the shell of the passwd
 * entry, else /bin/sh, the first that is an absolute path and can be run inside. Returns only the
 * exit status to end with, 126 or 127, after a message.
 *
 * The startup files of a login shell may set PATH anew, as Debian's /etc/profile does. So,
 * WITH_PROFILE, a shell of the Bourne family whose own startup file does not mention the profile
 * runs as a login shell that reads its files, then puts the profile's bin directory on PATH, and
 * then becomes the same shell again, without being a login shell. Other shells get PATH as
 * environment_prepare() left it. If the shell's startup files would run this program again
 * (run/login.h), the shell reads none of them, and a warning says so.
 */
int exec_command(char *const *argv, bool with_profile);

/*
 * Become the shell WORD, or the user's shell if WORD is NULL, interactive and without startup
 * files. Returns as exec_command() does.
 */
int exec_plain_shell(const char *word);

/*
 * The words "SHELL -c LINE ..." that run LINE by the user's shell, with WORDS (NULL-terminated;
 * NULL: none) as its $0, $1 and so on. The array is the caller's to free, and so is *SHELL, its
 * first word.
 */
char **exec_shell_words(char *line, char *const *words, char **shell);

/*
 * execv(2) of the command NAME of the user's Nix profile, with ARGV: the file NAME in
 * ~/.nix-profile/bin, in $XDG_STATE_HOME/nix/profile/bin, or in /nix/var/nix/profiles/default/bin.
 * PATH is not searched, since a link of that name on PATH may lead to this program. argv[0] becomes
 * NAME. Returns as exec_command() does.
 */
int exec_profile_command(const char *name, char *const *argv);

#endif
