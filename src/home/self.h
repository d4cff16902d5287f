/* Puts this program in place: a copy, if one is needed, and the shims (shims.h). */
#ifndef HOME_SELF_H
#define HOME_SELF_H

#include "home/documents.h"
#include "home/home.h"
#include "home/shims.h"
#include "util/sha256.h"

enum copy_action {
	COPY_NONE, /* the program stays where it is */
	COPY_KEEP, /* the copy exists already */
	COPY_MAKE, /* also over an older copy of ours */
	/* something that is not ours is there: no links either, since they would lead to it */
	COPY_LEAVE,
};

/* What is to be done. */
struct self_plan {
	char *bin;     /* the directory of the shims */
	char *program; /* what the shims lead to: the copy, or the program's own place */
	char *source;  /* what is copied: the running program, without a bundled Nix */
	enum copy_action copy;
	enum shim_action shims[SHIM_COUNT];
	struct documents documents; /* none if the program is elsewhere than in bin */
	bool is_on_path;	    /* bin is on PATH */
};

/*
 * Find out what has to be done; changes nothing. ARGV0 is the name by which the program was
 * started, OURS (NULL: none) the digests, in hex, of copies that earlier installations made. 0 with
 * *OUT the caller's to clear, or -1 after a warning if it cannot be found out (no /proc).
 */
int self_look(const struct home *home, const char *argv0, const struct strlist *ours,
	      struct self_plan *out);

/*
 * The digest that a copy of the running program has: that of the program alone, without a bundled
 * Nix. 0, or a negative errno.
 */
int self_digest(struct sha256 *out);

/* Is there anything to do? */
bool self_has_work(const struct self_plan *plan);

/* Is there, or will there be, a link of ours with the name shim_names[I]? */
bool self_has_shim(const struct self_plan *plan, size_t i);

/* Carry PLAN out. A failure is a warning: Nix is installed all the same. */
void self_carry_out(const struct self_plan *plan);

/*
 * The lines that the user's startup file needs so that the commands are found and find this Nix:
 * one for PATH, if there are shims in a directory that is not on PATH, and one for
 * NIX_USER_CHROOT_DIR, if that is set. Each is two lines of text; the caller frees. NULL: none.
 */
char *self_path_hint(const struct self_plan *plan, const struct home *home);

/* Is there a file of ours that puts the commands on the PATH of new shells? */
bool self_has_path_file(const struct home *home);

/* Print self_path_hint() if PLAN, which may be empty, has links that PATH does not find. */
void self_say_path(const struct self_plan *plan, const struct home *home);

/* Does the user's shell find the link of PLAN by the NAME of a command? */
bool self_finds(const struct self_plan *plan, const char *name);

/*
 * What the user types to call this program: its name if PATH finds it, else its path. If nothing
 * was put in place (PLAN NULL): ARGV0. The caller frees.
 */
char *self_call(const struct self_plan *plan, const char *argv0);

void self_plan_clear(struct self_plan *plan);

#endif
