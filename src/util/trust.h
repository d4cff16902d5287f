/*
 * Whose directory is it, and who else may write there? What others own or can write is not trusted:
 * who made the Nix directory first could have put a nix of theirs into it.
 */
#ifndef UTIL_TRUST_H
#define UTIL_TRUST_H

#include <stdbool.h>
#include <sys/stat.h>
#include <sys/types.h>

/* Whom a process trusts. */
struct trust {
	uid_t self;	  /* who it is */
	bool has_no_root; /* root is not mapped here, as in most user namespaces; see below */
	uid_t overflow;	  /* then root's files are this one's, and those of all others, too */
	bool has_owner, has_group;
	uid_t owner; /* one more owner that the user trusts */
	gid_t group; /* a group whose members the user trusts */
};

enum trust_flaw {
	TRUST_GOOD,
	TRUST_OWNER,  /* it belongs to somebody else */
	TRUST_GROUP,  /* its group may write there */
	TRUST_OTHERS, /* everybody may */
};

/*
 * Whom this process trusts, with OWNER and GROUP, names or numbers of the user's choice; NULL:
 * none. Returns 0, or -ENOENT where there is no such owner (*UNKNOWN becomes OWNER) or group.
 */
int trust_find(const char *owner, const char *group, struct trust *out, const char **unknown);

/*
 * Does UID_MAP, the text of /proc/self/uid_map, have root? Where uid 0 is another user outside ("0
 * 1000 1": unshare -r, rootless podman), it does not.
 */
bool trust_maps_root(const char *uid_map);

/*
 * What is wrong with a file or directory with ST: nothing where it is the process's own, root's, or
 * the trusted owner's, and only its owner may write there; or else the trusted group's, whoever of
 * the group made it. CAN_WRITE: the process may write there. Where root is not mapped, root's are
 * told from anybody else's by that: who owns a directory can let himself write there, root does
 * not let us.
 */
enum trust_flaw trust_judge(const struct trust *trust, const struct stat *st, bool can_write);

/*
 * The same where TRUST does not say whether root is mapped, as trust_find() leaves it: /proc is
 * asked, which costs an entry as much as ten calls, only where the answer depends on it.
 */
enum trust_flaw trust_judge_here(const struct trust *trust, const struct stat *st, bool can_write);

/* The same of PATH below DIRFD (of DIRFD itself with "."), links followed; *ST tells of it. */
enum trust_flaw trust_look(const struct trust *trust, int dirfd, const char *path, struct stat *st);

#endif
