/*
 * Finds what Nix and ci-bootstrap made in the user's home directory. A link is ours if it leads
 * into our store; anything else is ours if the record says that it did not exist before.
 */
#include "run/inside.h"
#include "uninstall/find.h"
#include "util/cleanup.h"
#include "util/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

/* a file of ci-bootstrap has a few lines */
#define BOOTSTRAP_FILE_MAX 65536

static void remove_file(struct finder *finder, const char *path, const char *shown)
{
	removals_add(&finder->out->removals, REMOVE_FILE, path, NULL, shown);
}

/* Remove a directory of Nix's with its contents, unless it is known to be the user's. */
static void remove_directory(struct finder *finder, const char *path)
{
	if (finder_is_new(finder, path) || !finder->request->record)
		removals_add(&finder->out->removals, REMOVE_EMPTY, path, NULL, path);
}

bool find_is_host_nix(const struct finder *finder)
{
	struct stat ours, host;

	return fstat(finder->request->nix_dir_fd, &ours) == 0 && stat("/nix", &host) == 0 &&
	       fs_same_inode(&ours, &host);
}

enum owner {
	OWNER_NOBODY, /* nothing is there */
	/* another Nix's, from before --install and unchanged, even if it leads to ours inside */
	OWNER_USER,
	OWNER_WE, /* the link leads into our store, or did */
	OWNER_OTHER,
};

/* Whose is the link PATH? A link that leads somewhere outside as well is for another Nix. */
static enum owner owner_of_link(const struct finder *finder, const char *path)
{
	_cleanup_free_ char *resolved = NULL;
	struct stat st;
	int r;

	if (lstat(path, &st) < 0)
		return errno == ENOENT || errno == ENOTDIR ? OWNER_NOBODY : OWNER_OTHER;
	if (!S_ISLNK(st.st_mode))
		return OWNER_OTHER;
	if (stat(path, &st) == 0 && !find_is_host_nix(finder))
		return OWNER_OTHER;
	if (find_is_as_before(finder, path))
		return OWNER_USER;
	r = run_resolve_inside(finder->request->nix_dir_fd, path, &resolved);
	if (r == 0)
		return str_starts_with(resolved, "/nix/") ? OWNER_WE : OWNER_OTHER;
	if (r != -ENOENT || !finder_is_new(finder, path))
		return OWNER_OTHER;
	/*
	 * the link leads nowhere, inside or outside: it was ours, unless it names a path of another
	 * store
	 */
	return finder->has_store_paths && resolved && str_starts_with(resolved, "/nix/store/")
		       ? OWNER_OTHER
		       : OWNER_WE;
}

bool find_has_other_nix(const struct finder *finder)
{
	for (size_t i = 0; i < finder->request->home->profiles.count; i++)
		if (owner_of_link(finder, finder->request->home->profiles.items[i]) == OWNER_OTHER)
			return true;
	return false;
}

static void find_profiles(struct finder *finder)
{
	for (size_t i = 0; i < finder->request->home->profiles.count; i++) {
		const char *path = finder->request->home->profiles.items[i];

		switch (owner_of_link(finder, path)) {
		case OWNER_WE:
			remove_file(finder, path, path);
			break;
		case OWNER_USER:
			finder_leave(finder, path, "was there before");
			break;
		case OWNER_OTHER:
			finder_leave(finder, path, "does not lead into this store");
			break;
		case OWNER_NOBODY:
			break;
		}
	}
}

/*
 * Is NAME a link to a generation that is gone, NAME-N-link? Our own generations were removed just
 * before.
 */
static bool is_orphan(int dir, const char *name)
{
	_cleanup_free_ char *target = NULL;
	struct stat st;

	return fs_readlink(dir, name, &target) == 0 && !strchr(target, '/') &&
	       str_starts_with(target, name) && str_ends_with(target, "-link") &&
	       fstatat(dir, target, &st, AT_SYMLINK_NOFOLLOW) < 0;
}

/* Find the links in a directory of Nix's: generations, or channels as expressions. */
static void find_links(struct finder *finder, const char *directory)
{
	_cleanup_closedir_ DIR *dir = fs_list_dir(AT_FDCWD, directory);
	const struct dirent *entry;

	while (dir && (entry = fs_next_entry(dir))) {
		_cleanup_free_ char *path = path_join(directory, entry->d_name);

		if (owner_of_link(finder, path) == OWNER_WE || is_orphan(dirfd(dir), entry->d_name))
			remove_file(finder, path, NULL);
		else
			finder_leave(finder, path, "does not lead into this store");
	}
}

/* Is the link PATH the one to a channel, which nix-env makes whether there are channels or not? */
static bool is_channel_link(const struct finder *finder, const char *path)
{
	_cleanup_free_ char *target = NULL;

	if (fs_readlink(AT_FDCWD, path, &target) < 0)
		return false;
	return str_starts_with(target, "/nix/var/nix/profiles/") ||
	       (str_starts_with(target, finder->request->home->generations) &&
		target[strlen(finder->request->home->generations)] == '/');
}

static void find_expressions(struct finder *finder, const char *directory)
{
	static const char *const names[] = {"channels", "channels_root"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		_cleanup_free_ char *path = path_join(directory, names[i]);

		if (is_channel_link(finder, path) && !find_is_as_before(finder, path))
			remove_file(finder, path, NULL);
	}
	remove_directory(finder, directory);
}

/*
 * Find what all Nix directories of a user share. It is ours if it did not exist before and no other
 * Nix uses it.
 */
static void find_shared(struct finder *finder, const char *path, bool has_other,
			enum removal_kind kind)
{
	if (!fs_exists(AT_FDCWD, path))
		return;
	if (has_other || !finder_is_new(finder, path))
		finder_leave(finder, path, has_other ? "another Nix uses it" : "was there before");
	else
		removals_add(&finder->out->removals, kind, path, NULL, path);
}

/* Find a file of ci-bootstrap, whose first line says for which Nix directory it is. */
static void find_bootstrap_file(struct finder *finder, const char *name)
{
	_cleanup_free_ char *path = path_join(finder->request->home->config, name), *text = NULL;
	_cleanup_free_ char *mark = xasprintf("# Written by ci-bootstrap for the Nix in %s\n",
					      finder->request->nix_dir);
	size_t len;
	int r = fs_read_file(AT_FDCWD, path, BOOTSTRAP_FILE_MAX, &text, &len);

	if (r == -ENOENT || r == -ENOTDIR)
		return;
	if (r == 0 && str_starts_with(text, mark))
		remove_file(finder, path, path);
	else
		finder_leave(finder, path, "not of ci-bootstrap for this directory");
}

static void find_bootstrap(struct finder *finder)
{
	find_bootstrap_file(finder, "env.sh");
	find_bootstrap_file(finder, "access-tokens.conf");
	removals_add(&finder->out->removals, REMOVE_EMPTY, finder->request->home->config, NULL,
		     NULL);
}

/* Does Nix put NAME into its own cache (libstore, libfetchers and libexpr of 2.3-2.31)? */
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

/* Is DIRECTORY the Nix directory itself, whose contents were found already? */
static bool is_nix_dir(const struct finder *finder, const char *directory)
{
	struct stat ours, other;

	return fstat(finder->request->nix_dir_fd, &ours) == 0 && stat(directory, &other) == 0 &&
	       fs_same_inode(&ours, &other);
}

static void find_cache(struct finder *finder, const char *directory)
{
	_cleanup_closedir_ DIR *dir = fs_list_dir(AT_FDCWD, directory);
	const struct dirent *entry;

	if (!dir && fs_exists(AT_FDCWD, directory))
		finder_leave(finder, directory, "not a directory that can be read");
	if (!dir)
		return;
	while ((entry = fs_next_entry(dir))) {
		_cleanup_free_ char *path = path_join(directory, entry->d_name);

		if (is_nix_cache(entry->d_name))
			removals_add(&finder->out->removals, REMOVE_TREE, path, NULL, path);
		else
			finder_leave(finder, path, "not known to be of Nix");
	}
	removals_add(&finder->out->removals, REMOVE_EMPTY, directory, NULL, NULL);
}

void find_in_home(struct finder *finder)
{
	const struct home *home = finder->request->home;
	bool has_other = find_has_other_nix(finder);
	struct stat st;

	find_bootstrap(finder);
	find_profiles(finder);
	for (size_t i = 0; i < home->channels.count; i++)
		find_shared(finder, home->channels.items[i], has_other, REMOVE_FILE);
	for (size_t i = 0; i < home->defexprs.count; i++) {
		const char *path = home->defexprs.items[i];

		if (lstat(path, &st) == 0 && S_ISDIR(st.st_mode) && !has_other)
			find_expressions(finder, path);
		else
			find_shared(finder, path, has_other, REMOVE_FILE);
	}
	if (fs_exists(AT_FDCWD, home->generations)) {
		find_links(finder, home->generations);
		remove_directory(finder, home->generations);
	}
	if (!has_other && finder_is_new(finder, home->nix_cache) &&
	    !is_nix_dir(finder, home->nix_cache))
		find_cache(finder, home->nix_cache);
}
