/*
 * A shell is started afresh, to see what it has on PATH.
 */
#ifndef HOME_SHELL_TRY_H
#define HOME_SHELL_TRY_H

/*
 * Does SHELL (a path), called as NAME with the options WORD, have DIRECTORY on PATH, when it is
 * started in HOME with the environment of a login, and ZDOTDIR (NULL: none)? It gets no terminal
 * and five seconds. 1, 0, or -1 where it did not say.
 */
int shell_try(const char *shell, const char *name, const char *word, const char *home,
	      const char *zdotdir, const char *directory);

#endif
