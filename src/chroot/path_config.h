/*
 * NIXPATH/etc/nix-user-chroot/path-config.toml: which paths of the host are hidden inside, and
 * which paths inside come from the user's profile or from elsewhere on the host.
 */
#ifndef CHROOT_PATH_CONFIG_H
#define CHROOT_PATH_CONFIG_H

#include "chroot/toml.h"
#include "util/str.h"

#include <stdbool.h>
#include <stddef.h>

#define PATH_CONFIG_FILE "etc/nix-user-chroot/path-config.toml"

/* One "SOURCE" = "TARGET" of the file. */
struct path_mount {
	char *source; /* absolute; in [profile] relative to the profile */
	/* absolute; not "/", and not /nix or below it; no two mounts have the same target */
	char *target;
	bool from_profile;
	struct toml_position at; /* of the target */
};

/*
 * All paths are normalised: no "..", no "." (except the [profile] source ".", the profile itself),
 * no double '/' and none at the end (except the source "/"), shorter than PATH_MAX. They may hold
 * any character of Unicode but NUL. A target may also be an exclude, or lie below one.
 */
struct path_config {
	struct strlist excludes; /* absolute; not "/", nothing in /nix */
	struct path_mount
		/* sorted by target as strcmp(3) does, so that a directory precedes what is in it */
		*mounts;
	size_t mount_count;
	bool needs_profile; /* a mount is from the profile */
};

/* What can be wrong with a file. */
enum path_config_kind {
	/* Errors, up to PATH_CONFIG_SAME_TARGET: reading ends, and nothing is entered. */
	PATH_CONFIG_UNREADABLE,	   /* ERR says why; -ELOOP: a symlink that leads nowhere */
	PATH_CONFIG_SYNTAX,	   /* not TOML: WHAT, or "WORD" WHAT in line LINE */
	PATH_CONFIG_NOT_A_SECTION, /* WORD names a section but is no table */
	PATH_CONFIG_NOT_A_LIST,	   /* paths of [excludes] is no array of strings */
	PATH_CONFIG_NOT_A_STRING,  /* the target of WORD */
	PATH_CONFIG_UNQUOTED, /* WORD is the first part of a dotted key, perhaps a file's name */
	PATH_CONFIG_RELATIVE, /* WORD, whose role in the file is WHAT; also for the next ones */
	PATH_CONFIG_EMPTY,
	PATH_CONFIG_DOT_DOT,
	PATH_CONFIG_NUL,
	PATH_CONFIG_TOO_LONG,
	PATH_CONFIG_ROOT,
	PATH_CONFIG_IN_NIX,
	PATH_CONFIG_SAME_TARGET, /* WORD is the target of line LINE already */
	/* Warnings: a part of the file is ignored. */
	PATH_CONFIG_UNKNOWN_SECTION,
	PATH_CONFIG_UNKNOWN_KEY, /* in [excludes] */
	PATH_CONFIG_EXCLUDE_IN_NIX,
};

struct path_config_problem {
	enum path_config_kind kind;
	struct toml_position at; /* line 0: of the file as a whole */
	char *word;		 /* a word of the file, unchanged; or NULL */
	const char *what;
	unsigned line;
	int err; /* a negative errno */
};

struct path_config_problems {
	struct path_config_problem *items;
	size_t count;
};

/*
 * Read TEXT (LEN bytes of any value). Returns 0 with *OUT the caller's to clear, or -1 with *OUT
 * empty and an error as the last of *PROBLEMS. *PROBLEMS must be empty before, and is the caller's
 * to clear in either case.
 */
int path_config_parse(const char *text, size_t len, struct path_config *out,
		      struct path_config_problems *problems);

/*
 * Read the file below the directory NIX_DIR_FD in the same way. Symlinks on the path are followed
 * as they are inside, where /nix is the Nix directory, so the file may be in the store
 * (home-manager puts files there). If there is no such file, *OUT is empty and 0 is returned.
 */
int path_config_load(int nix_dir_fd, struct path_config *out,
		     struct path_config_problems *problems);

/* Free the contents; the struct is empty afterwards. */
void path_config_clear(struct path_config *config);
void path_config_problems_clear(struct path_config_problems *problems);

#endif
