#include "chroot/join.h"
#include "util/cleanup.h"
#include "util/fs.h"
#include "util/str.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

int chroot_root_read(int root_fd, struct chroot_root *out)
{
	struct stat st;

	if (fstat(root_fd, &st) < 0)
		return -errno;
	*out = (struct chroot_root){
		.device = st.st_dev,
		.inode = st.st_ino,
		.changed = (uint64_t)st.st_ctim.tv_sec * 1000000000 + (uint64_t)st.st_ctim.tv_nsec,
		.mount = fs_mount_id(root_fd, "", true),
	};
	return 0;
}

/*
 * Open /proc/PID. The descriptor is of this process: it fails once another process has the number.
 */
static int open_process(pid_t pid)
{
	char path[32];

	snprintf(path, sizeof(path), "/proc/%ld", (long)pid);
	return open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
}

/* Open the root of PROCESS; -1 if it is not ROOT. */
static int open_root(int process, const struct chroot_root *root)
{
	_cleanup_close_ int fd = openat(process, "root", O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct chroot_root present;

	if (fd < 0 || chroot_root_read(fd, &present) < 0 ||
	    memcmp(&present, root, sizeof(present)) != 0)
		return -1;
	return steal_fd(&fd);
}

bool chroot_is_in(pid_t pid, const struct chroot_root *root)
{
	_cleanup_close_ int process = open_process(pid);
	_cleanup_close_ int fd = process < 0 ? -1 : open_root(process, root);

	/* a zombie has no root any more, so this tells whether the process lives */
	return fd >= 0;
}

/* Is the namespace A the one at PATH below DIRFD (or DIRFD itself, if PATH is "")? Closes A. */
static bool is_namespace(int a, int dirfd, const char *path)
{
	_cleanup_close_ int fd = a;
	struct stat one, other;

	return fd >= 0 && fstat(fd, &one) == 0 &&
	       fstatat(dirfd, path, &other, AT_EMPTY_PATH) == 0 && fs_same_inode(&one, &other);
}

/* Does the map FILE of PROCESS map ID to itself, as this process reads it? */
static bool maps_to_itself(int process, const char *file, unsigned long id)
{
	unsigned long inside, outside, count;
	/*
	 * the first lines are enough: a namespace of ours has one line, or those of the caller's
	 * own
	 */
	char map[512];
	int used;

	if (fs_read_some(process, file, map, sizeof(map)) < 0)
		return false;
	for (const char *p = map; sscanf(p, "%lu %lu %lu%n", &inside, &outside, &count, &used) == 3;
	     p += used)
		if (inside == outside && id >= inside && id - inside < count)
			return true;
	return false;
}

/* Is the user namespace USER_FD ours, a child of our own, and the owner of MOUNT_FD? */
static bool is_our_own(int user_fd, int mount_fd)
{
	uid_t owner;

	return ioctl(user_fd, NS_GET_OWNER_UID, &owner) == 0 && owner == geteuid() &&
	       is_namespace(ioctl(user_fd, NS_GET_PARENT), AT_FDCWD, "/proc/self/ns/user") &&
	       is_namespace(ioctl(mount_fd, NS_GET_USERNS), user_fd, "");
}

int chroot_open_door(pid_t pid, const struct chroot_root *root, int nix_dir_fd,
		     struct chroot_door *door)
{
	_cleanup_close_ int process = open_process(pid), user_fd = -1, mount_fd = -1, root_fd = -1;
	struct stat wanted, nix, opened, present;

	if (process < 0)
		return -ESRCH;
	mount_fd = openat(process, "ns/mnt", O_RDONLY | O_CLOEXEC);
	user_fd = openat(process, "ns/user", O_RDONLY | O_CLOEXEC);
	root_fd = open_root(process, root);
	/* the root is opened last: it must belong to the mount namespace that was opened */
	if (user_fd < 0 || mount_fd < 0 || root_fd < 0 || fstat(mount_fd, &opened) < 0 ||
	    fstatat(process, "ns/mnt", &present, 0) < 0 || !fs_same_inode(&opened, &present))
		return -ESRCH;
	if (fstat(nix_dir_fd, &wanted) < 0 || fstatat(root_fd, "nix", &nix, 0) < 0 ||
	    !fs_same_inode(&wanted, &nix) || !is_our_own(user_fd, mount_fd) ||
	    !maps_to_itself(process, "uid_map", geteuid()) ||
	    !maps_to_itself(process, "gid_map", getegid()))
		return -EPERM;
	*door = (struct chroot_door){steal_fd(&root_fd), steal_fd(&user_fd), steal_fd(&mount_fd)};
	return 0;
}

int chroot_join(const struct chroot_door *door)
{
	/* setns(2) refuses a process that shares its root and working directory with another */
	if (unshare(CLONE_FS) < 0 || setns(door->user_fd, CLONE_NEWUSER) < 0)
		return -errno;
	return setns(door->mount_fd, CLONE_NEWNS) < 0 ? -ENOTUNIQ : 0;
}

void chroot_door_close(struct chroot_door *door)
{
	cleanup_close(&door->root_fd);
	cleanup_close(&door->user_fd);
	cleanup_close(&door->mount_fd);
	*door = (struct chroot_door)CHROOT_NO_DOOR;
}
