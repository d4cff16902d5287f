#include "store/layout.h"
#include "ui/log.h"
#include "util/cleanup.h"
#include "util/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

static const char *advice(int err)
{
	switch (err) {
	case ENOSPC:
		return "make room there, or set NIX_USER_CHROOT_DIR to a directory elsewhere; an "
		       "installation takes about 400 MB and some 10,000 files";
	case EDQUOT:
		return "your quota there is used up: make room, or set NIX_USER_CHROOT_DIR to a "
		       "directory elsewhere";
	case EROFS:
		return "set NIX_USER_CHROOT_DIR to a directory that can be written";
	case EACCES:
	case EPERM:
		return "it must be a directory of yours; set NIX_USER_CHROOT_DIR to one that is";
	case ENOTDIR:
	case ELOOP:
		return "move what is in the way, or set NIX_USER_CHROOT_DIR to another directory";
	case EIO:
	case ESTALE:
		return "look at the file system: it does not answer as it should";
	case ENOTEMPTY:
		return "a process still uses a file in there: end it, then run nix-user-chroot "
		       "--install again";
	default:
		return "when that is repaired, run nix-user-chroot --install again: it continues";
	}
}

int layout_error(const char *doing, const char *path, int r)
{
	log_error("cannot %s %s: %s\n%-s", doing, path, strerror(-r), advice(-r));
	return -1;
}

/* The directories of an installation in the Nix directory; a directory precedes its parent. */
static const char *const made_below[] = {"var/nix", "etc/nix", "etc", "store", LAYOUT_STATE, "var"};

enum { MADE_BELOW = sizeof(made_below) / sizeof(made_below[0]) };

static int check_is_directory(const char *path)
{
	struct stat st;

	if (lstat(path, &st) < 0)
		return errno == ENOENT ? 0 : layout_error("use the directory", path, -errno);
	if (S_ISLNK(st.st_mode) && stat(path, &st) < 0)
		return layout_error("follow the link", path, -errno);
	return S_ISDIR(st.st_mode) ? 0 : layout_error("open the directory", path, -ENOTDIR);
}

int layout_check(const char *nix_dir)
{
	int r = check_is_directory(nix_dir);

	for (size_t i = MADE_BELOW; r == 0 && i-- > 0;) {
		_cleanup_free_ char *path = path_join(nix_dir, made_below[i]);

		r = check_is_directory(path);
	}
	return r;
}

int layout_check_links(int nix_dir_fd, const char *nix_dir)
{
	for (size_t i = MADE_BELOW; i-- > 0;) {
		_cleanup_free_ char *path = path_join(nix_dir, made_below[i]);
		struct stat st;

		if (fstatat(nix_dir_fd, made_below[i], &st, AT_SYMLINK_NOFOLLOW) < 0 ||
		    !S_ISLNK(st.st_mode))
			continue;
		log_error("%s is a symlink: nothing is written through one\n"
			  "put a directory in its place, or set NIX_USER_CHROOT_DIR to another "
			  "directory",
			  path);
		return -1;
	}
	return 0;
}

int layout_check_writable(const char *nix_dir)
{
	_cleanup_free_ char *there = fs_deepest_existing(nix_dir);

	if (faccessat(AT_FDCWD, there, W_OK | X_OK, AT_EACCESS) == 0)
		return 0;
	return layout_error("make the directory", nix_dir, -errno);
}

/* Add PATH and its parents, as far as they are missing. */
static void add_missing(struct strlist *out, const char *path)
{
	_cleanup_free_ char *part = xstrdup(path);
	struct stat st;

	while (part[1] && stat(part, &st) < 0) {
		char *above = path_parent(part);

		strlist_take(out, part);
		part = above;
	}
}

void layout_missing(const char *nix_dir, struct strlist *out)
{
	struct stat st;

	for (size_t i = 0; i < MADE_BELOW; i++) {
		_cleanup_free_ char *path = path_join(nix_dir, made_below[i]);

		if (stat(path, &st) < 0)
			strlist_add(out, path);
	}
	add_missing(out, nix_dir);
}

/* Make NIX_DIR and the missing directories above it. Returns a descriptor or a negative errno. */
static int make_nix_dir(const char *nix_dir, struct strlist *made)
{
	_cleanup_(strlist_clear) struct strlist missing = {0};
	_cleanup_close_ int fd = -1;
	bool is_made = false;
	int r;

	add_missing(&missing, nix_dir);
	for (size_t i = missing.count; i-- > 0;) {
		is_made = mkdir(missing.items[i], 0755) == 0;
		if (is_made)
			strlist_add(made, missing.items[i]);
		else if (errno != EEXIST)
			return -errno;
	}
	fd = open(nix_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	/*
	 * 0755 whatever the umask and the directory above: builds can use it, and the group cannot
	 * write
	 */
	r = is_made ? fs_make_plain(fd) : 0;
	return r < 0 ? r : steal_fd(&fd);
}

/* Make the state directory and its parent. 0 or a negative errno. */
static int make_state(int nix_dir_fd, const char *nix_dir, struct strlist *made)
{
	static const char *const parts[] = {"var", LAYOUT_STATE};

	for (size_t i = 0; i < 2; i++) {
		struct stat st;
		bool is_new = fs_stat_below(nix_dir_fd, parts[i], &st) == -ENOENT;
		_cleanup_close_ int fd = fs_make_dirs_below(nix_dir_fd, parts[i]);

		if (fd < 0)
			return fd;
		if (is_new)
			strlist_take(made, path_join(nix_dir, parts[i]));
	}
	return 0;
}

int layout_open(const char *nix_dir, struct strlist *made)
{
	_cleanup_free_ char *state = path_join(nix_dir, LAYOUT_STATE);
	int r = -ENOENT;

	/* the roll-back of another run may remove an empty directory between two steps */
	for (int tries = 0; tries < 100 && r == -ENOENT; tries++) {
		_cleanup_close_ int fd = make_nix_dir(nix_dir, made);

		if (fd < 0) {
			r = fd;
			continue;
		}
		r = make_state(fd, nix_dir, made);
		if (r == 0)
			return steal_fd(&fd);
		if (r != -ENOENT)
			return layout_error("make the directory", state, r);
	}
	return layout_error("make the directory", nix_dir, r);
}

bool layout_has_store_paths(int nix_dir_fd)
{
	_cleanup_closedir_ DIR *dir = fs_list_dir(nix_dir_fd, "store");
	const struct dirent *entry;

	while (dir && (entry = fs_next_entry(dir)))
		if (entry->d_name[0] != '.')
			return true;
	return false;
}

int layout_remove_staging(int nix_dir_fd, const char *nix_dir)
{
	int r = fs_remove_tree(nix_dir_fd, LAYOUT_STAGING);
	_cleanup_free_ char *path = NULL;

	if (r == 0)
		return 0;
	path = path_join(nix_dir, LAYOUT_STAGING);
	return layout_error("remove", path, r);
}

bool layout_has_nix_conf(int nix_dir_fd)
{
	_cleanup_close_ int fd = fs_open_below(nix_dir_fd, LAYOUT_NIX_CONF, O_RDONLY, 0);
	char first = '\0';

	/* an unreadable nix.conf, and a link of the user's, counts as one */
	if (fd < 0)
		return fd != -ENOENT;
	return read(fd, &first, 1) < 0 || first != '\0';
}
