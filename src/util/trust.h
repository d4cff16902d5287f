/*
 * Who owns a directory, and who else may write to it? A directory is not trusted if others own it
 * or can write to it: they could have put their own nix into the Nix directory.
 */
#ifndef UTIL_TRUST_H
#define UTIL_TRUST_H

#include <stdbool.h>
#include <sys/stat.h>
#include <sys/types.h>

/* Whom a process trusts. */
struct trust {
	uid_t self; /* the process's own user */
	/* root is not mapped here, as in most user namespaces; see trust_judge() */
	bool has_no_root;
	/* with has_no_root: the owner that root's files show, and those of all other users */
	uid_t overflow;
	bool has_owner, has_group;
	uid_t owner; /* one more owner, whom the user trusts */
	gid_t group; /* a group, whose members the user trusts */
};

enum trust_flaw {
	TRUST_GOOD,
	TRUST_OWNER,  /* the file belongs to another user */
	TRUST_GROUP,  /* its group may write to it */
	TRUST_OTHERS, /* everybody may write to it */
};

/*
 * Find whom this process trusts, with the user's choice of OWNER and GROUP, each a name, a number
 * or NULL. Returns 0, or -ENOENT if there is no such owner or group, whose name is in *UNKNOWN.
 */
int trust_find(const char *owner, const char *group, struct trust *out, const char **unknown);

/*
 * Does UID_MAP, the text of /proc/self/uid_map, map root? Not if uid 0 is another user outside ("0
 * 1000 1": unshare -r, rootless podman).
 */
bool trust_maps_root(const char *uid_map);

/*
 * What is wrong with a file or directory that has ST? Nothing if it belongs to the process's own
 * user, root or the trusted owner, and only its owner may write to it; nor if the trusted group
 * owns it, whoever of the group made it. CAN_WRITE: the process may write to it. If root is not
 * mapped, CAN_WRITE tells root's files from other users' files: the owner of a directory can always
 * let himself write to it, and root does not let this process.
 */
enum trust_flaw trust_judge(const struct trust *trust, const struct stat *st, bool can_write);

/*
 * The same if TRUST does not say yet whether root is mapped, as trust_find() leaves it. /proc is
 * read only if the answer depends on it, because that costs an entry as much as ten calls.
 */
enum trust_flaw trust_judge_here(const struct trust *trust, const struct stat *st, bool can_write);

/*
 * The same for PATH below DIRFD (for DIRFD itself with "."), links followed; its stat(2) is in *ST.
 */
enum trust_flaw trust_look(const struct trust *trust, int dirfd, const char *path, struct stat *st);

/*
 * Is the store of the Nix directory DIRFD one that this process may not write to, whoever owns it?
 * No if there is none.
 */
bool trust_is_read_only(int dirfd);

/* If so, and if that store is another user's: its owner; else NULL. The caller frees. */
char *trust_keeper(int dirfd);

/* The owner of ST, by name or number; the caller frees. */
char *trust_owner(const struct stat *st);

#endif
