/*
 * Which entries of a Nix tarball are unpacked, and in which form: decided from the entry alone,
 * without a look at the disk. What only the disk shows (a name that occurs twice, a parent that is
 * no directory) extract_entry.c refuses.
 *
 * The rules
 * - Names are relative. Components "." and "" are dropped, ".." is refused anywhere. At most 255
 *   bytes per component, 1024 bytes and 64 components in all (a real tarball needs a quarter;
 *   removing a tree takes a descriptor per level). All other bytes but NUL and '/' are kept, as Nix
 *   allows them in a NAR: newlines, control characters, bytes that are no UTF-8.
 * - One top directory TOP, whose name begins with "nix-" and consists of [A-Za-z0-9+._-].
 * - TOP/store is a directory. NAME in TOP/store/NAME is valid for a store path of Nix; below it
 *   anything is allowed. Elsewhere in TOP only regular files and directories.
 * - Types: regular files, directories, symlinks (to any target: nobody follows them during the
 *   work). Hard links only below TOP/store, and without contents of their own.
 * - Of the mode only "executable by anyone" counts. Setuid, setgid and sticky bits are dropped, and
 *   so are owner, times, ACLs, attributes and flags.
 */
#ifndef UNPACK_ENTRY_POLICY_H
#define UNPACK_ENTRY_POLICY_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define ENTRY_MAX_PATH	1024
#define ENTRY_MAX_DEPTH 64

enum entry_place {
	ENTRY_ROOT,	  /* "./": there is nothing to make */
	ENTRY_TOP,	  /* TOP */
	ENTRY_BESIDE,	  /* TOP/…, not in the store */
	ENTRY_STORE,	  /* TOP/store */
	ENTRY_STORE_PATH, /* TOP/store/NAME */
	ENTRY_INSIDE,	  /* TOP/store/NAME/… */
};

/*
 * Normalise PATH to the form "a/b/c", a new string *OUT that the caller frees; "" for the archive's
 * own root. Returns NULL, or the reason for a refusal (a constant) with *OUT NULL.
 */
const char *entry_normalise(const char *path, char **out);

/*
 * Find the *PLACE of the normalised PATH. TOP is the top directory's name, or NULL if it is not
 * known yet. Returns NULL, or the reason for a refusal (a constant).
 */
const char *entry_locate(const char *path, const char *top, enum entry_place *place);

/*
 * May an entry of TYPE (S_IFREG, …; 0 for a type that libarchive cannot name) be at PLACE? Returns
 * NULL, or the reason why not (a constant).
 */
const char *entry_check_type(enum entry_place place, mode_t type);

/* The permission bits of an entry of TYPE at PLACE that had the bits MODE in the archive. */
mode_t entry_mode(enum entry_place place, mode_t type, mode_t mode);

/* May a top directory have this NAME: nix-…, of [A-Za-z0-9+._-]? */
bool entry_top_valid(const char *name);

#endif
