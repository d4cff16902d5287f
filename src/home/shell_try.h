/* Starts shells to find out what they have on PATH. */
#ifndef HOME_SHELL_TRY_H
#define HOME_SHELL_TRY_H

#include <stdint.h>
#include <sys/types.h>

struct shell_try {
	pid_t pid; /* 0: none; -1: it could not be started */
	int fd;
	int64_t end_ms; /* of CLOCK_MONOTONIC: until then it may answer */
};

/*
 * Start the shell SHELL (a path), called as NAME with the options WORD, in HOME, with the
 * environment of a login and with ZDOTDIR (NULL: unset), and without a terminal. It has five
 * seconds. Several shells can run at once. shell_try_end() ends it.
 */
struct shell_try shell_try_begin(const char *shell, const char *name, const char *word,
				 const char *home, const char *zdotdir);

/*
 * Has the shell TRY DIRECTORY on PATH? 1, 0, or -1 if it did not answer in time. The shell and what
 * it started are killed.
 */
int shell_try_end(struct shell_try *try, const char *directory);

#endif
