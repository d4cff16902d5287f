#include "run/origin.h"
#include "util/cleanup.h"
#include "util/fs.h"
#include "util/hash.h"
#include "util/mountinfo.h"

#include <fcntl.h>

/* How many bytes of /proc/self/mountinfo are read to find the root, usually the first line. */
#define HEAD 4096

/*
 * Is the mount ROOT_ID shared, according to TEXT, whole lines from the beginning of mountinfo? The
 * root stands for all mounts here: systemd makes all of them shared, containers none.
 */
static bool is_shared(char *text, uint64_t root_id)
{
	struct mountinfo mount;

	while (mountinfo_next(&text, &mount))
		if ((uint64_t)mount.id == root_id)
			return mount.is_shared;
	return false;
}

static int read_mounts(struct origin *out)
{
	_cleanup_free_ char *whole = NULL;
	uint64_t root_id = fs_mount_id(AT_FDCWD, "/", false);
	char head[HEAD];
	ssize_t len = fs_read_some(AT_FDCWD, "/proc/self/mountinfo", head, sizeof(head));
	uint64_t hash;

	if (len < 0)
		return (int)len;
	hash = hash_string(HASH_START, head);
	/* no mount has the number 0, which stands for an unknown one */
	if (is_shared(head, root_id))
		return 0;
	/* the kernel returned as many whole lines as fit */
	if (len > HEAD / 2) {
		whole = mountinfo_read("", "self");
		if (!whole)
			return -EIO;
		hash = hash_string(HASH_START, whole);
	}
	out->mounts = hash;
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
	char boot_id[64];
	struct stat root;
	ssize_t len =
		fs_read_some(AT_FDCWD, "/proc/sys/kernel/random/boot_id", boot_id, sizeof(boot_id));
	int r;

	*out = (struct origin){0};
	if (len < 0)
		return (int)len;
	out->boot = hash_string(HASH_START, boot_id);
	r = inode_of("/proc/self/ns/user", &out->user_namespace);
	if (r < 0)
		return r;
	if (stat("/", &root) < 0)
		return -errno;
	out->root_device = root.st_dev;
	out->root_inode = root.st_ino;
	out->root_mount = fs_mount_id(AT_FDCWD, "/", true);
	if (out->root_mount == 0) {
		r = inode_of("/proc/self/ns/mnt", &out->mount_namespace);
		if (r < 0)
			return r;
	}
	return read_mounts(out);
}
