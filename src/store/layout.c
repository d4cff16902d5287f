#include "store/layout.h"
#include "run/nix_dir.h"
#include "ui/log.h"
#include "util/cleanup.h"
#include "util/fs.h"
#include "util/str.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

/* What to do about a file system's refusal. */
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
	default:
		return "when that is mended, run nix-user-chroot --install again: it goes on";
	}
}

int workspace_error(const char *doing, const char *path, int r)
{
	log_error("cannot %s %s: %s\n%-s", doing, path, strerror(-r), advice(-r));
	return -1;
}

/* The deepest directory of PATH's that is there; the caller frees. */
static char *deepest_existing(const char *path)
{
	char *there = xstrdup(path);
	struct stat st;

	while (there[1] && stat(there, &st) < 0) {
		char *above = path_parent(there);

		free(there);
		there = above;
	}
	return there;
}

/* The Nix install script gives up without HOME, after all the rest was done. */
static int check_home(void)
{
	const char *home = env_get("HOME");

	if (home && *home == '/')
		return 0;
	log_error("cannot tell where your profile is to be: HOME is %s\nset HOME to your "
		  "home directory",
		  home ? "not an absolute path" : "not set");
	return -1;
}

/* Refused at once: what is there and is no directory, also as a link that leads nowhere. */
static int check_is_directory(const char *path)
{
	struct stat st;

	if (lstat(path, &st) < 0)
		return errno == ENOENT ? 0 : workspace_error("use the directory", path, -errno);
	if (S_ISLNK(st.st_mode) && stat(path, &st) < 0)
		return workspace_error("follow the link", path, -errno);
	return S_ISDIR(st.st_mode) ? 0 : workspace_error("open the directory", path, -ENOTDIR);
}

/* What an installation makes in the Nix directory, the deeper ones first. */
static const char *const made[] = {"var/nix", "etc/nix", "etc", "store", WORKSPACE_STATE, "var"};

enum { MADE_COUNT = sizeof(made) / sizeof(made[0]), MADE_BY_OPEN = 4 };

/* Which of them are there; one that is and is no directory is refused before any work is done. */
static int find_existing(const char *nix_dir, unsigned *existing)
{
	struct stat st;

	for (unsigned i = 0; i < MADE_COUNT; i++) {
		_cleanup_free_ char *path = path_join(nix_dir, made[MADE_COUNT - 1 - i]);

		if (check_is_directory(path) < 0)
			return -1;
		*existing |= stat(path, &st) == 0 ? 1U << (MADE_COUNT - 1 - i) : 0;
	}
	return 0;
}

int workspace_find(struct workspace *out)
{
	_cleanup_(workspace_clear) struct workspace found = {0};

	found.nix_dir = nix_dir_default();
	if (!found.nix_dir)
		return -1;
	if (check_home() < 0 || check_is_directory(found.nix_dir) < 0 ||
	    find_existing(found.nix_dir, &found.existing) < 0)
		return -1;
	found.existing_nix = deepest_existing(found.nix_dir);
	*out = found;
	found = (struct workspace){0};
	return 0;
}

/*
 * mkdir -p PATH, and PATH/BELOW where that is not NULL, and a descriptor of PATH. Another one's
 * roll-back may remove an empty directory between two steps of this: again from the start then.
 */
static int make_and_open(const char *path, mode_t mode, const char *below)
{
	int r = -ENOENT;

	for (int tries = 0; tries < 100 && r == -ENOENT; tries++) {
		_cleanup_close_ int fd = -1;

		r = fs_mkdirs(AT_FDCWD, path, mode);
		if (r < 0)
			continue;
		fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		r = fd < 0 ? -errno : below ? fs_mkdirs(fd, below, mode) : 0;
		if (r == 0)
			return steal_fd(&fd);
	}
	return workspace_error("make the directory", path, r);
}

int workspace_open(const struct workspace *workspace)
{
	return make_and_open(workspace->nix_dir, 0755, WORKSPACE_STATE);
}

int workspace_check_writable(const struct workspace *workspace)
{
	if (faccessat(AT_FDCWD, workspace->existing_nix, W_OK | X_OK, AT_EACCESS) == 0)
		return 0;
	return workspace_error("make the directory", workspace->nix_dir, -errno);
}

/* rmdir PATH and its parents, as far as they are empty, up to but not including STOP. */
static void remove_empty(const char *path, const char *stop)
{
	_cleanup_free_ char *part = xstrdup(path);

	while (strlen(part) > strlen(stop) && rmdir(part) == 0) {
		char *above = path_parent(part);

		free(part);
		part = above;
	}
}

int workspace_remove_staging(const struct workspace *workspace, int nix_dir_fd)
{
	int r = fs_remove_tree(nix_dir_fd, WORKSPACE_STAGING);
	_cleanup_free_ char *path = NULL;

	if (r == 0)
		return 0;
	path = path_join(workspace->nix_dir, WORKSPACE_STAGING);
	return workspace_error("remove", path, r);
}

/* What holds anything stays: the log, a store path, a file of the user's. */
static void remove_made(const struct workspace *workspace, unsigned first, unsigned end)
{
	_cleanup_close_ int fd = open(workspace->nix_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	for (unsigned i = first; fd >= 0 && i < end; i++)
		if (!(workspace->existing & 1U << i))
			unlinkat(fd, made[i], AT_REMOVEDIR);
}

void workspace_remove_empty(const struct workspace *workspace)
{
	remove_made(workspace, 0, MADE_BY_OPEN);
}

void workspace_remove_state(const struct workspace *workspace)
{
	remove_made(workspace, MADE_BY_OPEN, MADE_COUNT);
	remove_empty(workspace->nix_dir, workspace->existing_nix);
}

void workspace_clear(struct workspace *workspace)
{
	free(workspace->nix_dir);
	free(workspace->existing_nix);
	*workspace = (struct workspace){0};
}
