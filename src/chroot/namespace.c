#include "chroot/namespace.h"
#include "util/cleanup.h"
#include "util/fs.h"
#include "util/str.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>

int namespace_unshare(int flags)
{
	return unshare(flags) < 0 ? -errno : 0;
}

static int write_proc(const char *file, const char *text)
{
	_cleanup_close_ int fd = open(file, O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	/* the kernel wants a map in one write */
	return fs_write_all(fd, text, strlen(text));
}

/* Map ID to itself by FILE of /proc/self. */
static int map_id(const char *file, unsigned long id, const char **failed)
{
	_cleanup_free_ char *map = xasprintf("%lu %lu 1\n", id, id);

	*failed = file;
	return write_proc(file, map);
}

int namespace_map_uid(uid_t uid, const char **file)
{
	return map_id("/proc/self/uid_map", uid, file);
}

int namespace_map_gid(gid_t gid, const char **file)
{
	int r;

	*file = "/proc/self/setgroups";
	r = write_proc(*file, "deny");
	return r < 0 ? r : map_id("/proc/self/gid_map", gid, file);
}

int namespace_map_ids(uid_t uid, gid_t gid, const char **file)
{
	int r = namespace_map_gid(gid, file);

	return r < 0 ? r : namespace_map_uid(uid, file);
}

static int set_propagation(unsigned long type)
{
	return mount(NULL, "/", NULL, type | MS_REC, NULL) < 0 ? -errno : 0;
}

int namespace_make_slave(void)
{
	return set_propagation(MS_SLAVE);
}

int namespace_make_private(void)
{
	return set_propagation(MS_PRIVATE);
}
