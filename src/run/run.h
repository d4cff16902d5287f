/*
 * Entering: run a command with a directory of the user's as /nix, and everything else of / where it
 * was.
 */
#ifndef RUN_RUN_H
#define RUN_RUN_H

#include "run/request.h"
#include "util/exit_status.h"

#include <sys/types.h>

/*
 * Turn the calling process into the command, inside. The process must have one thread (unshare(2)
 * refuses CLONE_NEWUSER otherwise). Returns only the status to end with, after a message:
 * EXIT_CANCELED, EXIT_CANNOT_INVOKE or EXIT_ENOENT; the process may then be in new namespaces and
 * must end.
 */
int run_exec(const struct run_request *request);

/*
 * Entering has failed. If this process has replaced a login shell (run/login.h), become the shell
 * ARGV (NULL: the user's) on the host, without startup files, after a warning; run_exec() does so
 * by itself. Returns only the status to end with.
 */
int run_shell_without_nix(char *const *argv);

/*
 * The second half of run_exec(), for a process that is inside: become the command of REQUEST, of
 * which IS_DEFAULT, ARGV and PROFILE_COMMAND count. Returns only the status to end with.
 */
int run_command(const struct run_request *request);

/*
 * The same for a process that a runtime started inside; it first goes to WORK_DIR. "": the caller's
 * working directory cannot be reached.
 */
int run_started(const struct run_request *request);

/*
 * Do what run_exec() does in a child process, with IN_FD as its stdin and OUT_FD as its stdout and
 * stderr, also for our own messages before the exec; -1: unchanged. The command gets no other
 * descriptor but kept_fd, and may receive SIGTTOU and SIGXFSZ again, which the caller may have
 * blocked. Returns the child, or -1 after a message.
 */
pid_t run_start(const struct run_request *request, int in_fd, int out_fd);

/*
 * Wait for CHILD. Returns the command's exit status, 128 + N if signal N ended it, or -1 after a
 * message.
 */
int run_wait(pid_t child);

#endif
