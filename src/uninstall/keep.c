#include "uninstall/keep.h"
#include "run/inside.h"
#include "util/cleanup.h"
#include "util/fs.h"
#include "util/str.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define BYTES_MAX   ((size_t)64 << 20)
#define ENTRIES_MAX 5000
#define DEPTH_MAX   30

/* renameat2(2); some libcs lack it */
#ifndef RENAME_EXCHANGE
#define RENAME_EXCHANGE (1 << 1)
#endif

/* A walk through what is to be copied. */
struct keep {
	int nix_dir_fd;
	bool is_copying; /* else the walk only looks */
	size_t bytes, entries;
};

static int keep_any(struct keep *keep, const char *path, int dir, const char *name, int depth);

static int keep_file(struct keep *keep, const char *below, mode_t mode, int dir, const char *name)
{
	static const char store[] = "/nix/store/";
	_cleanup_close_ int from = fs_open_below(keep->nix_dir_fd, below, O_RDONLY, 0), to = -1;
	_cleanup_free_ char *text = NULL;
	size_t len;
	int r = from < 0 ? from : fs_read_fd(from, BYTES_MAX - keep->bytes, &text, &len);

	if (r < 0)
		return r;
	keep->bytes += len;
	if ((mode & S_IXUSR) && memmem(text, len, store, sizeof(store) - 1))
		return -ENOEXEC;
	if (!keep->is_copying)
		return 0;
	to = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC,
		    mode & S_IXUSR ? 0755 : 0644);
	r = to < 0 ? -errno : fs_write_all(to, text, len);
	return r == 0 && fsync(to) < 0 ? -errno : r;
}

static int keep_directory(struct keep *keep, const char *path, int dir, const char *name, int depth)
{
	_cleanup_closedir_ DIR *from =
		fs_list_fd(fs_open_dir_below(keep->nix_dir_fd, path + strlen("/nix/")));
	const struct dirent *entry;
	_cleanup_close_ int to = -1;
	int r = 0;

	if (!from)
		return -errno;
	if (keep->is_copying) {
		if (mkdirat(dir, name, 0755) < 0)
			return -errno;
		to = fs_open_dir(dir, name);
		if (to < 0)
			return to;
	}
	while (r == 0 && (entry = fs_next_entry(from))) {
		_cleanup_free_ char *below = path_join(path, entry->d_name);

		r = keep_any(keep, below, to, entry->d_name, depth + 1);
	}
	return r == 0 && keep->is_copying ? fs_sync_dir(to, ".") : r;
}

/* Copy PATH, a path inside, to NAME in DIR. A link in it that leads nowhere is left out. */
static int keep_any(struct keep *keep, const char *path, int dir, const char *name, int depth)
{
	_cleanup_free_ char *real = NULL;
	int r = run_resolve_inside(keep->nix_dir_fd, path, &real);
	struct stat st;

	if (r == -ENOENT && depth > 0)
		return 0;
	if (r < 0)
		return r;
	if (depth > DEPTH_MAX || keep->entries++ > ENTRIES_MAX)
		return -E2BIG;
	if (!path_is_within(real, "/nix"))
		return keep->is_copying && symlinkat(real, dir, name) < 0 ? -errno : 0;
	r = fs_stat_below(keep->nix_dir_fd, real + strlen("/nix/"), &st);
	if (r == 0 && S_ISREG(st.st_mode))
		r = keep_file(keep, real + strlen("/nix/"), st.st_mode, dir, name);
	else if (r == 0)
		r = S_ISDIR(st.st_mode) ? keep_directory(keep, real, dir, name, depth) : -EINVAL;
	return r;
}

bool keep_is_of_use(int nix_dir_fd, const char *path)
{
	struct keep keep = {.nix_dir_fd = nix_dir_fd};

	return keep_any(&keep, path, -1, NULL, 0) == 0;
}

/*
 * Put FRESH in the place of the link NAME; rename(2) alone can do that only for a file. If it
 * fails, the link is there as before.
 */
static int put_in_place(int dir, const char *fresh, const char *name)
{
	_cleanup_free_ char *target = NULL;
	int r;

	if (renameat(dir, fresh, dir, name) == 0)
		return 0;
	if (errno != ENOTDIR)
		return -errno;
	if (syscall(SYS_renameat2, dir, fresh, dir, name, RENAME_EXCHANGE) == 0)
		return unlinkat(dir, fresh, 0) < 0 ? -errno : 0;
	r = fs_readlink(dir, name, &target);
	if (r < 0)
		return r;
	if (unlinkat(dir, name, 0) < 0)
		return -errno;
	if (renameat(dir, fresh, dir, name) == 0)
		return 0;
	r = -errno;
	(void)!symlinkat(target, dir, name);
	return r;
}

int keep_copy(int nix_dir_fd, const char *path, const char *link)
{
	struct keep keep = {.nix_dir_fd = nix_dir_fd, .is_copying = true};
	const char *name = strrchr(link, '/') + 1;
	_cleanup_free_ char *above = path_parent(link);
	_cleanup_free_ char *fresh = xasprintf("%s.nix-user-chroot-new", name);
	_cleanup_close_ int dir = open(above, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct stat st;
	int r;

	if (dir < 0 || fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	/*
	 * something that is no link any more, or another user's, is not what the user was asked
	 * about
	 */
	if (!S_ISLNK(st.st_mode) || st.st_uid != geteuid())
		return 0;
	r = fs_remove_tree(dir, fresh);
	if (r == 0)
		r = keep_any(&keep, path, dir, fresh, 0);
	if (r == 0)
		r = put_in_place(dir, fresh, name);
	/* before the store is removed, which the link led to */
	if (r == 0)
		r = fs_sync_dir(dir, ".");
	if (r < 0)
		fs_remove_tree(dir, fresh);
	return r;
}
