/*
 * A startup file that runs this program: the shell that it becomes reads the startup file again.
 */
#ifndef RUN_LOGIN_H
#define RUN_LOGIN_H

#include <stdbool.h>

/*
 * Is the shell that ARGV stands for (NULL: the login shell) about to be started by the startup
 * files of the one before, for ever? To be asked inside, once. LOGIN_VARIABLE tells the next call
 * of this process and its children. A shell with a command or a script to run is none of these.
 */
bool login_goes_round(char *const *argv);

#define LOGIN_VARIABLE "NIX_USER_CHROOT_SHELL"

/*
 * Become SHELL, interactive, without the startup files that the user can write; a shell that cannot
 * do without them gives way to /bin/sh. Returns errno.
 */
int login_without_files(const char *shell);

/*
 * Is this process, which is to become the shell ARGV (NULL: the login shell), all that keeps a
 * session with a terminal? Where it took the place of the login shell, and ends, the user is out.
 */
bool login_is_session(char *const *argv);

#endif
