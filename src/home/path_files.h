/*
 * The directory of the commands on the PATH of new shells: a small file that puts it there, and one
 * line in each startup file that has to read it. fish reads a file of its own.
 */
#ifndef HOME_PATH_FILES_H
#define HOME_PATH_FILES_H

#include "home/home.h"

#include <stdbool.h>

/* A file of ours. */
struct path_file {
	char *path; /* NULL: none is wanted */
	char *text; /* what is in it */
	bool stays; /* something that is not ours is there */
};

/* What is to be done. */
struct path_plan {
	struct path_file sh, fish;
	char *line;		/* for startup files, without a newline */
	struct strlist files;	/* those that get the line */
	struct strlist refused; /* "PATH: why", those that would need it and cannot get it */
};

/* The same whether there is a need of it or not: the places, the texts, the line. */
void path_plan_for(const struct home *home, const char *bin, struct path_plan *out);

/*
 * Find out, by starting them, which of the user's shells do not have the directory BIN on PATH: sh,
 * $SHELL, and those of bash, zsh and fish that have startup files. OURS has the digests, in hex, of
 * files that were written for an earlier installation. Changes nothing. *OUT is the caller's to
 * clear.
 */
void path_look(const struct home *home, const char *bin, const struct strlist *ours,
	       struct path_plan *out);

bool path_has_work(const struct path_plan *plan);

/* Is PATH one of HOME's startup files that a line may go to, there or in $ZDOTDIR? */
bool path_is_startup_file(const struct home *home, const char *path);

/* Do it. What cannot be done is a warning with what to do by hand, and is in *PLAN no more. */
void path_carry_out(struct path_plan *plan);

/* Say of which shells BIN is still not on PATH, and what to do. */
void path_check(const struct home *home, const char *bin, const struct path_plan *plan);

void path_plan_clear(struct path_plan *plan);

#endif
