#include "uninstall/find_home.h"
#include "util/cleanup.h"
#include "util/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

/* Of Nix's own cache, what Nix is known to put there (libstore, libfetchers and libexpr
 * of 2.3-2.31). */
static bool is_nix_cache(const char *name)
{
	static const char *const beginnings[] = {
		"binary-cache-v", "eval-cache-v", "fetcher-cache-v", "fetcher-locks",
		"flake-registry", "gitv",	  "tarball-cache",
	};

	for (size_t i = 0; i < sizeof(beginnings) / sizeof(beginnings[0]); i++)
		if (str_starts_with(name, beginnings[i]))
			return true;
	return strcmp(name, "hg") == 0 || strcmp(name, "tarballs") == 0;
}

/* Call FIND for each entry of DIRECTORY, then have that removed where it is empty; no link is
 * followed. */
static void find_each(struct finder *finder, const char *directory,
		      void (*find)(struct finder *finder, const char *path))
{
	int fd = open(directory, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	_cleanup_closedir_ DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;
	struct stat st;

	if (!dir) {
		if (lstat(directory, &st) == 0)
			finder_leave(finder, directory, "not a directory that can be read");
		return;
	}
	while ((entry = readdir(dir))) {
		_cleanup_free_ char *path = path_join(directory, entry->d_name);

		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			find(finder, path);
	}
	removals_add(&finder->out->removals, REMOVE_EMPTY, directory, NULL, NULL);
}

static void find_cached(struct finder *finder, const char *path)
{
	if (is_nix_cache(strrchr(path, '/') + 1))
		removals_add(&finder->out->removals, REMOVE_TREE, path, NULL, path);
	else
		finder_leave(finder, path, "not known to be of Nix");
}

/* Is DIRECTORY the Nix directory itself? What is in that is told of already. */
static bool is_nix_dir(const struct finder *finder, const char *directory)
{
	struct stat ours, other;

	return fstat(finder->nix_dir_fd, &ours) == 0 && stat(directory, &other) == 0 &&
	       ours.st_dev == other.st_dev && ours.st_ino == other.st_ino;
}

void belongings_find_caches(struct finder *finder, bool has_nix_cache)
{
	const char *nix = finder->home->nix_cache;

	if (has_nix_cache && !is_nix_dir(finder, nix))
		find_each(finder, nix, find_cached);
}
