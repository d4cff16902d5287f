/*
 * Startup files that run this program. The shell that this program becomes would read them again.
 */
#ifndef RUN_LOGIN_H
#define RUN_LOGIN_H

#include <stdbool.h>

/*
 * Would the shell ARGV (NULL: the login shell) run this program again by its startup files, and so
 * on for ever? Ask this inside, once: LOGIN_VARIABLE answers the next call in this process and its
 * children. A shell that has a command or a script to run does not count.
 */
bool login_goes_round(char *const *argv);

#define LOGIN_VARIABLE "NIX_USER_CHROOT_SHELL"

/*
 * Become SHELL, interactive, without the startup files that the user can write. If SHELL cannot do
 * without them, become /bin/sh. Returns errno.
 */
int login_without_files(const char *shell);

/*
 * Will the user be logged out when this process ends, because it took the place of a login shell
 * with a terminal? This process is to become the shell ARGV (NULL: the login shell).
 */
bool login_is_session(char *const *argv);

#endif
