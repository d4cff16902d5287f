/*
 * The program puts itself in place: a copy where it is needed, and the shims (shims.h).
 */
#ifndef HOME_SELF_H
#define HOME_SELF_H

#include "home/documents.h"
#include "home/home.h"
#include "home/shims.h"
#include "util/sha256.h"

enum copy_action {
	COPY_NONE,  /* the program stays where it is */
	COPY_KEEP,  /* the copy is there */
	COPY_MAKE,  /* also over an older copy of ours */
	COPY_LEAVE, /* something is there that is not ours: no links either, they would lead nowhere
		     */
};

/* What is to be done. */
struct self_plan {
	char *bin;     /* the directory of the shims */
	char *program; /* what the shims lead to: the copy, or where the program is */
	char *source;  /* what is copied: the running program */
	enum copy_action copy;
	enum shim_action shims[SHIM_COUNT];
	struct documents documents; /* none where the program stays elsewhere than in bin */
	bool is_on_path;	    /* bin */
};

/*
 * Find out, and change nothing: ARGV0 is the name that the program was started by, OURS (NULL:
 * none) the digests, in hex, of copies that earlier installations put there. 0 with *OUT the
 * caller's to clear, or -1 where it cannot be told (no /proc), after a warning.
 */
int self_look(const struct home *home, const char *argv0, const struct strlist *ours,
	      struct self_plan *out);

/* Is there anything to do? */
bool self_has_work(const struct self_plan *plan);

/* Is there, or will there be, a link of ours by the name shim_names[I]? */
bool self_has_shim(const struct self_plan *plan, size_t i);

/* Do it. What cannot be done is a warning: Nix is installed all the same. */
void self_carry_out(const struct self_plan *plan);

/*
 * Which lines the user's startup file needs for the commands to be found, and to find this Nix: one
 * for PATH, where the directory is not on it and there are shims, one for NIX_USER_CHROOT_DIR,
 * where that is set. Each in two lines of text; the caller frees. NULL: none.
 */
char *self_path_hint(const struct self_plan *plan, const struct home *home);

/* Is there a file of ours that puts the commands on the PATH of new shells? */
bool self_has_path_file(const struct home *home);

/* Say that, where PLAN, which may be empty, has links that PATH does not find. */
void self_say_path(const struct self_plan *plan, const struct home *home);

/* Is it the link of PLAN that the user's shell finds by the NAME of a command? */
bool self_finds(const struct self_plan *plan, const char *name);

/*
 * What the user types to call this program: its name where it is found on PATH, else its path; PLAN
 * NULL, where nothing was put in place: ARGV0. The caller frees.
 */
char *self_call(const struct self_plan *plan, const char *argv0);

void self_plan_clear(struct self_plan *plan);

#endif
