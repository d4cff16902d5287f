/*
 * Which entries of a Nix tarball we take, and in what form: decided from the entry alone, with no
 * look at the disk. What only the disk knows (a name twice, a parent that is no directory) is
 * extract.c's to refuse.
 *
 * The rules
 * - Names: relative; components "." and "" are dropped, ".." is refused wherever it stands; at most
 *   255 bytes a component, 1024 bytes and 64 components in all (a real tarball needs a quarter of
 *   that; removing a tree takes a descriptor a level). Any byte but NUL and '/' else, since Nix
 *   allows the same in a NAR: newlines, controls and bytes that are no UTF-8 are kept as they are.
 * - One top directory whose name begins with "nix-", of [A-Za-z0-9+._-].
 * - TOP/store is a directory, and TOP/store/NAME is a store path's name to Nix, with anything of
 * the below below it. Beside TOP/store only regular files and directories.
 * - Regular files, directories, symlinks (with any target: nobody follows them during the work).
 *   Hard links only below TOP/store, and with no contents of their own.
 * - Of the mode only "executable by anyone" counts; setuid, setgid and sticky are dropped, as are
 *   owner, times, ACLs, attributes and flags.
 */
#ifndef UNPACK_ENTRY_POLICY_H
#define UNPACK_ENTRY_POLICY_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define ENTRY_MAX_PATH	1024
#define ENTRY_MAX_DEPTH 64

enum entry_place {
	ENTRY_ROOT,	  /* "./": nothing to make */
	ENTRY_TOP,	  /* TOP */
	ENTRY_BESIDE,	  /* TOP/…, not in the store */
	ENTRY_STORE,	  /* TOP/store */
	ENTRY_STORE_PATH, /* TOP/store/NAME */
	ENTRY_INSIDE,	  /* TOP/store/NAME/… */
};

/*
 * Bring PATH into the form "a/b/c", into a new string *OUT that the caller frees; "" for the
 * archive's own root. Returns NULL, or why the name is refused (a constant) with *OUT NULL.
 */
const char *entry_normalise(const char *path, char **out);

/*
 * Where the normalised PATH belongs, into *PLACE. TOP is the top directory's name, or NULL while
 * none is known. Returns NULL, or why it is refused (a constant).
 */
const char *entry_locate(const char *path, const char *top, enum entry_place *place);

/*
 * May an entry of type TYPE (S_IFREG, …; 0 for one that libarchive cannot name) stand at PLACE?
 * Returns NULL, or why not (a constant).
 */
const char *entry_check_type(enum entry_place place, mode_t type);

/* The permission bits that an entry of TYPE gets at PLACE, whose own bits were MODE. */
mode_t entry_mode(enum entry_place place, mode_t type, mode_t mode);

/* Is NAME one that a top directory may have: nix-…, of [A-Za-z0-9+._-]? */
bool entry_top_valid(const char *name);

#endif
