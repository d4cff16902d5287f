/*
 * Finds links that the user has made to what is removed: home-manager's, results of builds, other
 * names for Nix's commands. If the target is of use without the store, a copy replaces the link;
 * otherwise the link will lead nowhere.
 */
#include "run/inside.h"
#include "uninstall/find.h"
#include "uninstall/keep.h"
#include "util/cleanup.h"
#include "util/fs.h"
#include "util/xdg.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

/*
 * A home directory may be large, or on a network: how many entries are looked at, and how deep
 * below a ".config".
 */
#define ENTRIES_MAX 50000
#define DEPTH_MAX   5

/* How many links to links are followed. */
#define LINKS_MAX 8

struct walk {
	struct finder *finder;
	dev_t device; /* of the home directory: other file systems are not searched */
	unsigned entries;
};

static bool is_to_go(const struct finder *finder, const char *path)
{
	const struct removals *lists[] = {&finder->out->removals, &finder->out->last};

	for (size_t i = 0; i < 2; i++)
		for (size_t j = 0; j < lists[i]->count; j++)
			if (lists[i]->items[j].path && strcmp(lists[i]->items[j].path, path) == 0)
				return true;
	return false;
}

/* Does the link PATH lead, through other links, to a file of ours that is removed? */
static bool leads_to_ours(const struct finder *finder, const char *path)
{
	_cleanup_free_ char *at = xstrdup(path);

	for (int i = 0; i < LINKS_MAX; i++) {
		_cleanup_free_ char *above = path_parent(at), *target = NULL;

		if (fs_readlink(AT_FDCWD, at, &target) < 0)
			return false;
		free(at);
		at = *target == '/' ? steal_ptr(&target) : path_join(above, target);
		if (is_to_go(finder, at))
			return true;
	}
	return false;
}

/*
 * The file or directory in our store that the link PATH leads to inside; the caller frees. NULL:
 * none.
 */
static char *in_store(const struct finder *finder, const char *path)
{
	_cleanup_free_ char *resolved = NULL;
	struct stat st;

	/* a link that also works outside, in the store of another Nix, still works afterwards */
	if ((stat(path, &st) == 0 && !find_is_host_nix(finder)) ||
	    run_resolve_inside(finder->request->nix_dir_fd, path, &resolved) < 0 ||
	    !str_starts_with(resolved, "/nix/store/"))
		return NULL;
	return steal_ptr(&resolved);
}

/*
 * Does the link PATH only protect TARGET from Nix's collector? Such links are the result of a build
 * that Nix knows (IS_ROOT), which may be in a directory that others write to, and home-manager's
 * link to a whole store path.
 */
static bool is_anchor(const char *path, const char *target, bool is_root)
{
	_cleanup_free_ char *state = xdg_state_home();

	return is_root || (!strchr(target + strlen("/nix/store/"), '/') && state &&
			   path_is_within(path, state));
}

static void look_at_link(struct walk *walk, const char *path, bool is_root)
{
	struct finder *finder = walk->finder;
	_cleanup_free_ char *target = NULL;

	if (is_to_go(finder, path) || find_is_as_before(finder, path))
		return;
	target = in_store(finder, path);
	if (!target && !leads_to_ours(finder, path))
		return;
	if (!target || is_anchor(path, target, is_root) ||
	    !keep_is_of_use(finder->request->nix_dir_fd, target)) {
		strlist_add(&finder->out->dangling, path);
		return;
	}
	removals_add(&finder->out->removals, KEEP_COPY, path, target + strlen("/nix/"), NULL);
	strlist_add(&finder->out->copied, path);
}

static bool is_left_out(const struct walk *walk, const char *path)
{
	const struct find_request *request = walk->finder->request;

	return strcmp(path, request->nix_dir) == 0 || strcmp(path, request->home->nix_cache) == 0 ||
	       strcmp(path, request->home->generations) == 0;
}

static void look_below(struct walk *walk, const char *directory, int depth)
{
	_cleanup_closedir_ DIR *dir = fs_list_dir(AT_FDCWD, directory);
	const struct dirent *entry;
	struct stat st;

	while (dir && walk->entries++ < ENTRIES_MAX && (entry = fs_next_entry(dir))) {
		_cleanup_free_ char *path = path_join(directory, entry->d_name);

		if (fstatat(dirfd(dir), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		if (S_ISLNK(st.st_mode))
			look_at_link(walk, path, false);
		/*
		 * in the home directory itself, the directories where programs keep their settings
		 */
		else if (S_ISDIR(st.st_mode) && depth < DEPTH_MAX && st.st_dev == walk->device &&
			 !is_left_out(walk, path) &&
			 (depth > 0 || *entry->d_name == '.' || strcmp(entry->d_name, "bin") == 0))
			look_below(walk, path, depth + 1);
	}
}

/* Look at the results of builds, wherever they are: Nix has a link to each of them. */
static void look_at_roots(struct walk *walk)
{
	int fd = fs_open_dir_below(walk->finder->request->nix_dir_fd, "var/nix/gcroots/auto");
	_cleanup_closedir_ DIR *dir = fs_list_fd(fd);
	const struct dirent *entry;

	while (dir && (entry = fs_next_entry(dir))) {
		_cleanup_free_ char *path = NULL, *target = NULL;
		const struct found *out = walk->finder->out;

		if (fs_readlink(dirfd(dir), entry->d_name, &path) < 0 || *path != '/' ||
		    path_is_within(path, "/nix") || strlist_has(&out->dangling, path) ||
		    strlist_has(&out->copied, path) || fs_readlink(AT_FDCWD, path, &target) < 0)
			continue;
		look_at_link(walk, path, true);
	}
}

void find_into(struct finder *finder)
{
	const char *home = finder->request->home->path;
	struct walk walk = {.finder = finder};
	struct stat st;

	if (stat(home, &st) < 0)
		return;
	walk.device = st.st_dev;
	look_below(&walk, home, 0);
	look_at_roots(&walk);
}
