#include "run/origin.h"
#include "util/cleanup.h"
#include "util/fs.h"
#include "util/hash.h"
#include "util/mountinfo.h"
#include "util/str.h"

#include <fcntl.h>
#include <limits.h>

/* Of /proc/self/mountinfo, this much is read to find the root in, which is mostly the first. */
#define HEAD 4096

/*
 * Is the mount ROOT_ID shared, by the whole lines in the first part of mountinfo? The root's state
 * stands for all mounts: systemd makes all of them shared, and containers none.
 */
static bool is_shared(long root_id)
{
	_cleanup_close_ int fd = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC);
	char text[HEAD + 1], *cursor = text, *end;
	ssize_t len = fd < 0 ? -1 : read(fd, text, HEAD);
	struct mountinfo mount;

	if (len <= 0 || root_id == 0)
		return false;
	text[len] = '\0';
	end = strrchr(text, '\n');
	if (end)
		*end = '\0';
	while (mountinfo_next(&cursor, &mount))
		if (mount.id == root_id)
			return mount.is_shared;
	return false;
}

static int read_mounts(struct origin *out)
{
	_cleanup_free_ char *text = NULL;

	if (is_shared((long)fs_mount_id(AT_FDCWD, "/", false)))
		return 0;
	text = mountinfo_read("", "self");
	if (!text)
		return -EIO;
	out->mounts = hash_string(HASH_START, text);
	return 0;
}

static int inode_of(const char *path, uint64_t *inode)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return -errno;
	*inode = st.st_ino;
	return 0;
}

int origin_read(struct origin *out)
{
	_cleanup_free_ char *boot_id = NULL;
	struct stat root;
	size_t len;
	int r;

	*out = (struct origin){0};
	r = fs_read_file(AT_FDCWD, "/proc/sys/kernel/random/boot_id", NAME_MAX, &boot_id, &len);
	if (r < 0)
		return r;
	out->boot = hash_string(HASH_START, boot_id);
	if ((r = inode_of("/proc/self/ns/user", &out->user_namespace)) < 0 ||
	    (r = inode_of("/proc/self/ns/mnt", &out->mount_namespace)) < 0 ||
	    (r = inode_of("/proc/self/ns/pid", &out->pid_namespace)) < 0)
		return r;
	if (stat("/", &root) < 0)
		return -errno;
	out->root_device = root.st_dev;
	out->root_inode = root.st_ino;
	out->root_mount = fs_mount_id(AT_FDCWD, "/", true);
	return read_mounts(out);
}
