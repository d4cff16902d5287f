/*
 * A child of a test, of a user or of root, that seems to be a root with more IDs than its own:
 * those get a helper that writes their maps. Include after cmocka.h.
 */
#ifndef TEST_SEEM_ROOT_H
#define TEST_SEEM_ROOT_H

#include "../place.h"

#include <sched.h>
#include <sys/mount.h>

#include "../filter.h"

/*
 * From now on the process is root of a user namespace, and MAP is what its /proc/self/uid_map seems
 * to hold, for this process alone. False: this host cannot.
 */
static inline bool seem_root(const struct place *place, const char *map)
{
	_cleanup_free_ char *uid = xasprintf("0 %u 1", geteuid());
	_cleanup_free_ char *gid = xasprintf("0 %u 1", getegid());
	_cleanup_free_ char *file = path_join(place->path, "uid_map");

	return fs_replace_file(place->fd, "uid_map", map, strlen(map), 0644) == 0 &&
	       unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0 &&
	       filter_write("/proc/self/setgroups", "deny") &&
	       filter_write("/proc/self/gid_map", gid) && filter_write("/proc/self/uid_map", uid) &&
	       mount(file, "/proc/self/uid_map", NULL, MS_BIND, NULL) == 0;
}

/* The map is again what it is. */
static inline void seem_root_end(void)
{
	(void)!umount2("/proc/self/uid_map", MNT_DETACH);
}

#endif
