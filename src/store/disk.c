#include "store/disk.h"
#include "store/layout.h"
#include "util/cleanup.h"
#include "util/fs.h"
#include "util/mountinfo.h"
#include "util/network_fs.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/xattr.h>
#include <unistd.h>

/* The size of the mapping: SQLite maps the index of a log in pieces of 32 KiB. */
#define PIECE 32768

/* The size of a file's list of attribute names: XATTR_LIST_MAX of linux/limits.h. */
#define NAMES_MAX 65536

/*
 * The words for a failure. A full disk says nothing about its type: then *SHORTAGE becomes the
 * negative errno.
 */
static char *cannot(const char *what, int err, int *shortage)
{
	if (err == ENOSPC || err == EDQUOT)
		*shortage = -err;
	return xasprintf("%s there: %s", what, strerror(err));
}

/* Check that FD belongs to this user and takes the MODE. NULL, or what is wrong. */
static char *try_owner_and_mode(int fd, const char *what, mode_t mode, int *shortage)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return cannot("nothing can be looked at", errno, shortage);
	if (st.st_uid != geteuid())
		return xasprintf("a %s that you (user %lu) make there belongs to user %lu%s", what,
				 (unsigned long)geteuid(), (unsigned long)st.st_uid,
				 geteuid() == 0 ? ", as on NFS with root_squash" : "");
	if (fchmod(fd, mode) < 0)
		return cannot("the mode of what is yours cannot be changed", errno, shortage);
	if (fstat(fd, &st) < 0)
		return cannot("nothing can be looked at", errno, shortage);
	if ((st.st_mode & 0777) != mode)
		return xasprintf("a %s of mode %04o there becomes one of mode %04o", what,
				 (unsigned)mode, (unsigned)(st.st_mode & 0777));
	return NULL;
}

static char *try_directories(int dir, int *shortage)
{
	_cleanup_close_ int fd = -1;
	char *wrong;

	if (mkdirat(dir, "d", 0755) < 0 || mkdirat(dir, "e", 0755) < 0)
		return cannot("no directory can be made", errno, shortage);
	fd = fs_open_dir(dir, "d");
	if (fd < 0)
		return cannot("no directory can be opened", -fd, shortage);
	wrong = try_owner_and_mode(fd, "directory", 0555, shortage);
	if (!wrong)
		wrong = try_owner_and_mode(fd, "directory", 0755, shortage);
	if (!wrong && renameat(dir, "d", dir, "e/d") < 0)
		wrong = cannot("no directory can be moved into another one", errno, shortage);
	return wrong;
}

static char *try_symlink(int dir, int *shortage)
{
	static const char target[] = "/nix/store/nothing";
	_cleanup_free_ char *found = NULL;
	int r;

	if (symlinkat(target, dir, "l") < 0)
		return cannot("no symlink can be made", errno, shortage);
	r = fs_readlink(dir, "l", &found);
	if (r < 0)
		return cannot("no symlink can be read", -r, shortage);
	return strcmp(found, target) == 0
		       ? NULL
		       : xasprintf("a symlink to %s there leads to %s", target, found);
}

static char *try_file(int dir, int fd, int *shortage)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	char *wrong = try_owner_and_mode(fd, "file", 0444, shortage);

	if (!wrong)
		wrong = try_owner_and_mode(fd, "file", 0555, shortage);
	/* on a noexec mount access(2) says EACCES, even to root */
	if (!wrong && faccessat(dir, "f", X_OK, 0) < 0)
		wrong = xstrdup("no program can be run there");
	if (!wrong && fcntl(fd, F_SETLK, &lock) < 0)
		wrong = cannot("no part of a file can be locked", errno, shortage);
	return wrong;
}

/*
 * Does the file show what is written to a mapping of FD, and the mapping what is written to the
 * file?
 */
static bool try_shared_memory(int fd)
{
	const char written[] = "by way of the file";
	char seen[8] = "";
	struct stat st;
	bool is_same;
	char *map;

	if (fstat(fd, &st) < 0 || st.st_size < PIECE)
		return false;
	map = mmap(NULL, PIECE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED)
		return false;
	memcpy(map, "mapped", 7);
	is_same = pread(fd, seen, 7, 0) == 7 && strcmp(seen, "mapped") == 0 &&
		  pwrite(fd, written, sizeof(written), 64) == (ssize_t)sizeof(written) &&
		  memcmp(map + 64, written, sizeof(written)) == 0;
	munmap(map, PIECE);
	return is_same;
}

/* Does Nix itself ignore the attribute NAME (nix.conf(5), "ignored-acls")? */
static bool is_ignored_by_nix(const char *name)
{
	return strcmp(name, "security.csm") == 0 || strcmp(name, "security.selinux") == 0 ||
	       strcmp(name, "system.nfs4_acl") == 0;
}

static void try_xattrs(int fd, struct strlist *out)
{
	_cleanup_free_ char *names = xcalloc(1, NAMES_MAX);
	ssize_t len = flistxattr(fd, names, NAMES_MAX - 1);

	for (ssize_t i = 0; i < len; i += (ssize_t)strlen(names + i) + 1)
		if (names[i] && !is_ignored_by_nix(names + i) && fremovexattr(fd, names + i) < 0 &&
		    errno != ENODATA)
			strlist_add(out, names + i);
}

bool disk_type_is_local(const char *type, const char *filesystems)
{
	/* file systems without a disk that still only this host can see */
	static const char *const local[] = {"tmpfs", "ramfs", "rootfs", "overlay",  "aufs",
					    "zfs",   "ubifs", "jffs2",	"ecryptfs", NULL};
	/* file systems on a disk that several hosts share */
	static const char *const shared[] = {"gfs2", "ocfs2", NULL};
	_cleanup_free_ char *line = xasprintf("\n\t%s\n", type);
	_cleanup_free_ char *text = xasprintf("\n%s\n", filesystems);

	for (size_t i = 0; shared[i]; i++)
		if (strcmp(type, shared[i]) == 0)
			return false;
	for (size_t i = 0; local[i]; i++)
		if (strcmp(type, local[i]) == 0)
			return true;
	/* proc_filesystems(5): a type without a disk has "nodev" before its name */
	return strstr(text, line);
}

static void try_type(int nix_dir_fd, int file_fd, struct disk *out)
{
	_cleanup_free_ char *filesystems = NULL;
	struct statfs fs;
	const char *name;
	size_t len;
	bool is_known =
		fs_read_file(AT_FDCWD, "/proc/filesystems", 1 << 16, &filesystems, &len) == 0;

	out->type = mountinfo_type_of(nix_dir_fd);
	name = fstatfs(nix_dir_fd, &fs) == 0 ? network_fs_name((unsigned long)fs.f_type) : NULL;
	if (!out->type && name)
		out->type = xstrdup(name);
	out->wal_works = !name && try_shared_memory(file_fd) &&
			 (!out->type || !is_known || disk_type_is_local(out->type, filesystems));
}

/*
 * Write PIECE bytes to FD. Without room for these bytes, a write to the mapping would kill this
 * process.
 */
static char *fill(int fd, int *shortage)
{
	_cleanup_free_ char *piece = xcalloc(1, PIECE);

	return pwrite(fd, piece, PIECE, 0) < 0 ? cannot("no file can be written", errno, shortage)
					       : NULL;
}

static void try_all(int nix_dir_fd, int dir, struct disk *out, int *shortage)
{
	_cleanup_close_ int fd = openat(dir, "f", O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644);

	out->refused = fd < 0 ? cannot("no file can be made", errno, shortage) : fill(fd, shortage);
	if (out->refused)
		return;
	try_type(nix_dir_fd, fd, out);
	try_xattrs(fd, &out->fixed_xattrs);
	out->refused = try_file(dir, fd, shortage);
	if (!out->refused)
		out->refused = try_directories(dir, shortage);
	if (!out->refused)
		out->refused = try_symlink(dir, shortage);
}

int disk_try(int nix_dir_fd, struct disk *out)
{
	_cleanup_close_ int dir = -1;
	const char *name;
	int above, r, shortage = 0;

	*out = (struct disk){0};
	r = fs_remove_tree(nix_dir_fd, LAYOUT_STAGING);
	if (r < 0)
		return r;
	above = fs_open_above(nix_dir_fd, LAYOUT_STAGING, &name);
	if (above < 0)
		return above;
	r = mkdirat(above, name, 0700) < 0 ? -errno : 0;
	close(above);
	if (r < 0)
		return r;
	dir = fs_open_dir_below(nix_dir_fd, LAYOUT_STAGING);
	if (dir < 0)
		return dir;
	try_all(nix_dir_fd, dir, out, &shortage);
	close(steal_fd(&dir));
	r = fs_remove_tree(nix_dir_fd, LAYOUT_STAGING);
	return shortage < 0 ? shortage : r;
}

void disk_clear(struct disk *disk)
{
	free(disk->type);
	free(disk->refused);
	strlist_clear(&disk->fixed_xattrs);
	*disk = (struct disk){0};
}
