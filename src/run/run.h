/*
 * The door: a command runs where a directory of the user's is /nix and everything else of / is
 * where it was.
 */
#ifndef RUN_RUN_H
#define RUN_RUN_H

#include "run/request.h"
#include "util/exit_status.h"

#include <sys/types.h>

/*
 * Turn the calling process into the command, inside. The process must have one thread (unshare(2)
 * refuses CLONE_NEWUSER otherwise). Returns only the status to end with, after it has said what
 * failed: EXIT_CANCELED, EXIT_CANNOT_INVOKE or EXIT_ENOENT; the process may then be in namespaces
 * of its own and must end.
 */
int run_exec(const struct run_request *request);

/*
 * There is no way in. Where this process has taken the place of a login shell (run/login.h), become
 * the shell ARGV (NULL: the user's) on the host, without startup files, after a warning; run_exec()
 * does so by itself. Returns only the status to end with.
 */
int run_shell_without_nix(char *const *argv);

/*
 * The second half of run_exec(), for a process that is inside: become the command of REQUEST, of
 * which IS_DEFAULT, ARGV and PROFILE_COMMAND count. Returns only the status to end with.
 */
int run_command(const struct run_request *request);

/*
 * The same for a process that a runtime has started inside, which is to go to WORK_DIR before; "":
 * the caller's cannot be reached.
 */
int run_started(const struct run_request *request);

/*
 * The same as run_exec() in a child process, with IN_FD for its stdin, and OUT_FD for its stdout
 * and stderr, where messages of our own from before the exec go too; -1: as they are. No
 * other descriptor but kept_fd goes to the command, and SIGTTOU and SIGXFSZ, which the caller may
 * have blocked, are let through again. Returns the child, or -1 after a message.
 */
pid_t run_start(const struct run_request *request, int in_fd, int out_fd);

/*
 * Wait for CHILD to end. Returns the command's exit status, 128 + N where signal N ended it, or -1
 * after a message.
 */
int run_wait(pid_t child);

#endif
