#include "util/trust.h"
#include "util/cleanup.h"
#include "util/fs.h"
#include "util/str.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>

/* A map has at most 340 lines (user_namespaces(7)) of some 34 bytes. */
#define MAP_MAX 65536

/* The kernel's default; proc_sys_kernel(5), overflowuid. */
#define OVERFLOW_UID 65534

bool trust_maps_root(const char *uid_map)
{
	while (*uid_map) {
		unsigned first, outside, count;

		/*
		 * "0 0 1" is also the map of a namespace within a namespace whose uid 0 is a user
		 */
		if (sscanf(uid_map, "%u %u %u", &first, &outside, &count) == 3 && first == 0 &&
		    outside == 0 && count > 1)
			return true;
		uid_map += strcspn(uid_map, "\n");
		uid_map += *uid_map == '\n';
	}
	return false;
}

static void find_root(struct trust *out)
{
	_cleanup_free_ char *map = NULL, *overflow = NULL;
	size_t len;

	/* without /proc this is unknown, and uid 0 counts as root */
	if (fs_read_file(AT_FDCWD, "/proc/self/uid_map", MAP_MAX, &map, &len) < 0)
		return;
	out->has_no_root = !trust_maps_root(map);
	out->overflow = OVERFLOW_UID;
	if (out->has_no_root &&
	    fs_read_file(AT_FDCWD, "/proc/sys/kernel/overflowuid", MAP_MAX, &overflow, &len) == 0)
		out->overflow = (uid_t)strtoul(overflow, NULL, 10);
}

/* Is NAME a number? If so, *OUT becomes that number. */
static bool is_number(const char *name, unsigned *out)
{
	char *end;
	unsigned long value = strtoul(name, &end, 10);

	*out = (unsigned)value;
	return name[0] >= '0' && name[0] <= '9' && !*end && value < UINT32_MAX;
}

static bool find_owner(const char *name, uid_t *out)
{
	const struct passwd *entry = getpwnam(name);

	if (entry)
		*out = entry->pw_uid;
	return entry || is_number(name, out);
}

static bool find_group(const char *name, gid_t *out)
{
	const struct group *entry = getgrnam(name);

	if (entry)
		*out = entry->gr_gid;
	return entry || is_number(name, out);
}

int trust_find(const char *owner, const char *group, struct trust *out, const char **unknown)
{
	*out = (struct trust){.self = geteuid(), .has_owner = owner, .has_group = group};
	*unknown = owner;
	if (owner && !find_owner(owner, &out->owner))
		return -ENOENT;
	*unknown = group;
	return group && !find_group(group, &out->group) ? -ENOENT : 0;
}

static bool is_good_owner(const struct trust *trust, const struct stat *st, bool can_write)
{
	return st->st_uid == trust->self || st->st_uid == 0 ||
	       (trust->has_owner && st->st_uid == trust->owner) ||
	       (trust->has_no_root && st->st_uid == trust->overflow && !can_write &&
		!(st->st_mode & 022));
}

enum trust_flaw trust_judge(const struct trust *trust, const struct stat *st, bool can_write)
{
	bool is_shared = trust->has_group && st->st_gid == trust->group;

	if (!is_shared && !is_good_owner(trust, st, can_write))
		return TRUST_OWNER;
	if (st->st_mode & 0002)
		return TRUST_OTHERS;
	return st->st_mode & 0020 && !is_shared ? TRUST_GROUP : TRUST_GOOD;
}

enum trust_flaw trust_judge_here(const struct trust *trust, const struct stat *st, bool can_write)
{
	enum trust_flaw flaw = trust_judge(trust, st, can_write);
	struct trust known = *trust;

	if (flaw != TRUST_OWNER)
		return flaw;
	find_root(&known);
	return trust_judge(&known, st, can_write);
}

enum trust_flaw trust_look(const struct trust *trust, int dirfd, const char *path, struct stat *st)
{
	enum trust_flaw flaw;

	if (fstatat(dirfd, path, st, 0) < 0)
		return TRUST_GOOD; /* TRUST_GOOD: there is nothing to trust */
	/* first as if the file were writable: only TRUST_OWNER depends on that */
	flaw = trust_judge(trust, st, true);
	return flaw != TRUST_OWNER
		       ? flaw
		       : trust_judge_here(trust, st, faccessat(dirfd, path, W_OK, AT_EACCESS) == 0);
}

bool trust_is_read_only(int dirfd)
{
	return faccessat(dirfd, "store", W_OK, AT_EACCESS) < 0 && errno != ENOENT;
}

char *trust_keeper(int dirfd)
{
	struct stat st;

	if (!trust_is_read_only(dirfd) || fstatat(dirfd, "store", &st, 0) < 0 ||
	    st.st_uid == geteuid())
		return NULL;
	return trust_owner(&st);
}

char *trust_owner(const struct stat *st)
{
	const struct passwd *entry = getpwuid(st->st_uid);

	return entry ? xstrdup(entry->pw_name) : xasprintf("%lu", (unsigned long)st->st_uid);
}
