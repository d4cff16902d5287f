/* Starts a shell to find out what it has on PATH. */
#ifndef HOME_SHELL_TRY_H
#define HOME_SHELL_TRY_H

/*
 * Does the shell SHELL (a path), called as NAME with the options WORD, have DIRECTORY on PATH if it
 * is started in HOME with the environment of a login, and with ZDOTDIR (NULL: unset)? It gets no
 * terminal, and five seconds. 1, 0, or -1 if it did not answer.
 */
int shell_try(const char *shell, const char *name, const char *word, const char *home,
	      const char *zdotdir, const char *directory);

#endif
