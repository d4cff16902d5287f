/*
 * Puts the directory of the commands on the PATH of new shells: by a small file, and a line in each
 * startup file that has to read it. fish reads a file of its own.
 */
#ifndef HOME_PATH_FILES_H
#define HOME_PATH_FILES_H

#include "home/home.h"

#include <stdbool.h>

/* A file that is ours. */
struct path_file {
	char *path; /* NULL: none is needed */
	char *text; /* its contents */
	bool stays; /* something that is not ours is there, and stays */
};

/* What is to be done. */
struct path_plan {
	struct path_file sh, fish;
	char *line;	      /* for startup files, without a newline */
	struct strlist files; /* startup files that get the line */
	/* "PATH: why" for startup files that need the line and cannot get it */
	struct strlist refused;
};

/* Fill in the places, the texts and the line, whether they are needed or not. */
void path_plan_for(const struct home *home, const char *bin, struct path_plan *out);

/*
 * Find out, by starting them, which of the user's shells lack the directory BIN on PATH: sh,
 * $SHELL, and those of bash, zsh and fish that have startup files. OURS has the digests, in hex, of
 * files that an earlier installation wrote. Changes nothing. *OUT is the caller's to clear.
 */
void path_look(const struct home *home, const char *bin, const struct strlist *ours,
	       struct path_plan *out);

bool path_has_work(const struct path_plan *plan);

/* Is PATH a startup file of HOME or in $ZDOTDIR to which a line may be added? */
bool path_is_startup_file(const struct home *home, const char *path);

/*
 * Carry *PLAN out. Whatever cannot be done is a warning that says what to do by hand, and is
 * removed from *PLAN.
 */
void path_carry_out(struct path_plan *plan);

/* Warn about shells that still lack BIN on PATH, and say what to do. */
void path_check(const struct home *home, const char *bin, const struct path_plan *plan);

void path_plan_clear(struct path_plan *plan);

#endif
