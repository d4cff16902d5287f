/*
 * NIXPATH/etc/nix-user-chroot/path-config.toml: which paths of the host are left out inside, and
 * which come from the user's profile or from elsewhere.
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
	char *source; /* absolute; of [profile]: below the profile, no leading '/' */
	char *target; /* absolute; neither "/" nor /nix nor below it; no two mounts have the same */
	bool from_profile;
	struct toml_position at; /* of the target */
};

/*
 * All paths are normalised: no ".." or "." (but for a [profile] source that is the profile itself:
 * "."), no doubled or trailing '/' (but for the source "/"), shorter than PATH_MAX. They may hold
 * any character of Unicode but NUL. A target may be an exclude too, or below one.
 */
struct path_config {
	struct strlist excludes; /* absolute; not "/", nothing in /nix */
	struct path_mount
		*mounts; /* by target in the order of strcmp(3): a directory comes first */
	size_t mount_count;
	bool needs_profile; /* a mount is from the profile */
};

/* What can be wrong with a file. */
enum path_config_kind {
	/* The first of these is the last problem there is: nothing is entered. */
	PATH_CONFIG_UNREADABLE,	   /* ERR says why; -ELOOP: a symlink that leads nowhere */
	PATH_CONFIG_SYNTAX,	   /* not TOML: WHAT, or "WORD" WHAT in line LINE */
	PATH_CONFIG_NOT_A_SECTION, /* WORD is a section by its name, and no table */
	PATH_CONFIG_NOT_A_LIST,	   /* paths of [excludes] is no array of strings */
	PATH_CONFIG_NOT_A_STRING,  /* what WORD is mounted on */
	PATH_CONFIG_UNQUOTED, /* WORD is the first part of a dotted key, perhaps a file's name */
	PATH_CONFIG_RELATIVE, /* WORD, which is the file's WHAT; so in the following */
	PATH_CONFIG_EMPTY,
	PATH_CONFIG_DOT_DOT,
	PATH_CONFIG_NUL,
	PATH_CONFIG_TOO_LONG,
	PATH_CONFIG_ROOT,
	PATH_CONFIG_IN_NIX,
	PATH_CONFIG_SAME_TARGET, /* WORD is the target of line LINE already */
	/* These leave out a part of the file. */
	PATH_CONFIG_UNKNOWN_SECTION,
	PATH_CONFIG_UNKNOWN_KEY, /* in [excludes] */
	PATH_CONFIG_EXCLUDE_IN_NIX,
};

struct path_config_problem {
	enum path_config_kind kind;
	struct toml_position at; /* line 0: of the file as a whole */
	char *word;		 /* of the file, as it is there; or NULL */
	const char *what;
	unsigned line;
	int err; /* a negative errno */
};

struct path_config_problems {
	struct path_config_problem *items;
	size_t count;
};

/*
 * Read TEXT (LEN bytes; it may hold any bytes). Returns 0 with *OUT the caller's to clear, or -1
 * with *OUT empty and an error as the last of *PROBLEMS. These are the caller's to clear in any
 * case, and none are there before.
 */
int path_config_parse(const char *text, size_t len, struct path_config *out,
		      struct path_config_problems *problems);

/*
 * The same for the file below the directory NIX_DIR_FD. Symlinks on the way are followed as they
 * are inside: /nix is the Nix directory, so that the file may come from the store (home-manager
 * puts files in place like that). Where there is no such file, *OUT is empty and 0 is returned.
 */
int path_config_load(int nix_dir_fd, struct path_config *out,
		     struct path_config_problems *problems);

/* Free what they hold; they are empty after. */
void path_config_clear(struct path_config *config);
void path_config_problems_clear(struct path_config_problems *problems);

#endif
