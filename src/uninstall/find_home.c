#include "uninstall/find_home.h"
#include "run/inside.h"
#include "home/shims.h"
#include "home/startup_files.h"
#include "util/cleanup.h"
#include "util/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

/* ci-bootstrap's files are of a few lines */
#define BOOTSTRAP_FILE_MAX 65536

static void remove_file(struct finder *finder, const char *path, const char *shown)
{
	removals_add(&finder->out->removals, REMOVE_FILE, path, NULL, shown);
}

void finder_leave(struct finder *finder, const char *path, const char *why)
{
	strlist_take(&finder->out->left, xasprintf("%s (%s)", path, why));
}

/*
 * Is PATH in LIST, by this name or by another of the directory that it is in? HOME may be written
 * in more than one way, and go through a link.
 */
static bool is_listed(const struct strlist *list, const char *path)
{
	_cleanup_free_ char *above = path_parent(path);
	const char *name = strrchr(path, '/');

	if (strlist_has(list, path))
		return true;
	for (size_t i = 0; i < list->count; i++) {
		const char *slash = strrchr(list->items[i], '/');
		_cleanup_free_ char *there = path_parent(list->items[i]);

		if (name && slash && strcmp(slash, name) == 0 && fs_same_file(above, there))
			return true;
	}
	return false;
}

static bool was_made(const struct finder *finder, const char *path)
{
	return is_listed(&finder->traces.made, path);
}

/* A directory of Nix's goes with what was in it, unless it is known to be the user's. */
static void remove_directory(struct finder *finder, const char *path)
{
	if (was_made(finder, path) || !(finder->has_receipt || finder->is_broken_off))
		removals_add(&finder->out->removals, REMOVE_EMPTY, path, NULL, path);
}

/* The Nix directory is the host's own /nix: what leads there leads there outside too. */
static bool is_host_nix(const struct finder *finder)
{
	struct stat ours, host;

	return fstat(finder->nix_dir_fd, &ours) == 0 && stat("/nix", &host) == 0 &&
	       ours.st_dev == host.st_dev && ours.st_ino == host.st_ino;
}

enum owner {
	OWNER_NOBODY, /* there is nothing */
	OWNER_WE,     /* it leads into our store, or did */
	OWNER_OTHER,
};

/* Whose is the link PATH? One that leads somewhere outside too is for another Nix than ours. */
static enum owner owner_of_link(const struct finder *finder, const char *path)
{
	_cleanup_free_ char *resolved = NULL;
	struct stat st;
	int r;

	if (lstat(path, &st) < 0)
		return errno == ENOENT || errno == ENOTDIR ? OWNER_NOBODY : OWNER_OTHER;
	if (!S_ISLNK(st.st_mode))
		return OWNER_OTHER;
	if (stat(path, &st) == 0 && !is_host_nix(finder))
		return OWNER_OTHER;
	r = run_resolve_inside(finder->nix_dir_fd, path, &resolved);
	if (r == 0)
		return str_starts_with(resolved, "/nix/") ? OWNER_WE : OWNER_OTHER;
	if (r != -ENOENT || !was_made(finder, path))
		return OWNER_OTHER;
	/* it leads nowhere, inside too: that was ours, unless it names a path of another store */
	return finder->store_paths > 0 && resolved && str_starts_with(resolved, "/nix/store/")
		       ? OWNER_OTHER
		       : OWNER_WE;
}

/* Has the home directory another Nix than ours? Then what all of them share is not ours. */
static bool has_other_nix(const struct finder *finder)
{
	for (size_t i = 0; i < finder->home->profiles.count; i++)
		if (owner_of_link(finder, finder->home->profiles.items[i]) == OWNER_OTHER)
			return true;
	return false;
}

static void find_lines(struct finder *finder, bool has_other)
{
	const struct strlist *files = &finder->home->startup_files;

	for (size_t i = 0; i < files->count; i++) {
		const char *path = files->items[i];
		_cleanup_free_ char *shown = NULL;

		if (startup_file_has_line(path) <= 0)
			continue;
		if (finder->has_receipt || finder->is_broken_off
			    ? !is_listed(&finder->traces.lines, path)
			    : has_other) {
			finder_leave(finder, path, "a line of a Nix installer that is not ours");
			continue;
		}
		shown = xasprintf("%s: the line of the Nix installer", path);
		removals_add(&finder->out->removals,
			     was_made(finder, path) ? REMOVE_LINE_FILE : REMOVE_LINE, path, NULL,
			     shown);
	}
}

/* "BIN: nix nix-build…", of what was added to the removals since FIRST; the caller frees. */
static char *describe_shims(const struct removals *removals, size_t first)
{
	char *text = NULL;
	size_t len;
	FILE *f = xopen_memstream(&text, &len);

	for (size_t i = first; i < removals->count; i++) {
		const char *path = removals->items[i].path, *slash = strrchr(path, '/');

		if (i == first)
			fprintf(f, "%.*s: the links", (int)(slash - path), path);
		fprintf(f, " %s", slash + 1);
	}
	fclose(f);
	return text;
}

/* Is TARGET the program that runs now, whatever it is called? */
static bool leads_to_us(const char *target)
{
	_cleanup_free_ char *self = fs_self_path();

	return self && fs_same_file(self, target);
}

/* Those of the receipt; without one, the links to us among those that we would have made. */
static void find_shims(struct finder *finder)
{
	struct removals *removals = &finder->out->removals;
	struct strlist *shims = &finder->traces.shims;
	_cleanup_free_ char *fresh = path_join(finder->home->bin, ".nix-user-chroot-new");
	size_t first = removals->count;

	for (size_t i = 0; !finder->has_receipt && i < SHIM_COUNT; i++)
		strlist_take(shims, path_join(finder->home->bin, shim_names[i]));
	for (size_t i = 0; i < shims->count; i++) {
		_cleanup_free_ char *target = NULL;
		int r = fs_readlink(AT_FDCWD, shims->items[i], &target);

		if (r == 0 && (shim_is_ours(target) || leads_to_us(target)))
			remove_file(finder, shims->items[i], NULL);
		else if (r != -ENOENT && r != -ENOTDIR && finder->has_receipt)
			finder_leave(finder, shims->items[i], "not ours any more");
	}
	if (removals->count > first)
		removals->items[first].shown = describe_shims(removals, first);
	remove_file(finder, fresh, NULL);
}

static void find_copy(struct finder *finder)
{
	_cleanup_free_ char *usual = path_join(finder->home->bin, "nix-user-chroot");
	_cleanup_free_ char *self = fs_self_path();
	const char *path = finder->traces.copy;
	struct sha256 present, wanted = finder->traces.copy_sha256;
	int r;

	/* put there by a run that was broken off, it is the program that runs now */
	if (!path && finder->is_broken_off && was_made(finder, usual) && self &&
	    sha256_of_file(AT_FDCWD, self, &wanted) == 0)
		path = usual;
	r = path ? sha256_of_file(AT_FDCWD, path, &present) : -ENOENT;
	if (r == -ENOENT || r == -ENOTDIR)
		return;
	if (r == 0 && sha256_equal(&present, &wanted))
		removals_add(&finder->out->last, REMOVE_FILE, path, NULL, path);
	else
		finder_leave(finder, path, "another program than we put there");
}

static void find_profiles(struct finder *finder)
{
	for (size_t i = 0; i < finder->home->profiles.count; i++) {
		const char *path = finder->home->profiles.items[i];

		switch (owner_of_link(finder, path)) {
		case OWNER_WE:
			remove_file(finder, path, path);
			break;
		case OWNER_OTHER:
			finder_leave(finder, path, "does not lead into this store");
			break;
		case OWNER_NOBODY:
			break;
		}
	}
}

/* A link to a generation that is gone, NAME -> NAME-N-link: its own were removed just before. */
static bool is_orphan(int dir, const char *name)
{
	_cleanup_free_ char *target = NULL;
	struct stat st;

	return fs_readlink(dir, name, &target) == 0 && !strchr(target, '/') &&
	       str_starts_with(target, name) && str_ends_with(target, "-link") &&
	       fstatat(dir, target, &st, AT_SYMLINK_NOFOLLOW) < 0;
}

/* The links of a directory of Nix's: generations, or channels as expressions. */
static void find_links(struct finder *finder, const char *directory)
{
	int fd = fs_open_dir(AT_FDCWD, directory);
	_cleanup_closedir_ DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		_cleanup_free_ char *path = path_join(directory, entry->d_name);

		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		if (owner_of_link(finder, path) == OWNER_WE || is_orphan(fd, entry->d_name))
			remove_file(finder, path, NULL);
		else
			finder_leave(finder, path, "does not lead into this store");
	}
}

/* Is the link at PATH one to a channel, which nix-env makes whether there are channels or not? */
static bool is_channel_link(const struct finder *finder, const char *path)
{
	_cleanup_free_ char *target = NULL;

	if (fs_readlink(AT_FDCWD, path, &target) < 0)
		return false;
	return str_starts_with(target, "/nix/var/nix/profiles/") ||
	       (str_starts_with(target, finder->home->generations) &&
		target[strlen(finder->home->generations)] == '/');
}

static void find_expressions(struct finder *finder, const char *directory)
{
	static const char *const names[] = {"channels", "channels_root"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		_cleanup_free_ char *path = path_join(directory, names[i]);

		if (is_channel_link(finder, path))
			remove_file(finder, path, NULL);
	}
	remove_directory(finder, directory);
}

static bool is_there(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0;
}

/* What all stores of a user share. It is ours where it was not there before, and no other uses it.
 */
static void find_shared(struct finder *finder, const char *path, bool has_other,
			enum removal_kind kind)
{
	if (!is_there(path))
		return;
	if (has_other || !was_made(finder, path))
		finder_leave(finder, path, has_other ? "another Nix uses it" : "was there before");
	else
		removals_add(&finder->out->removals, kind, path, NULL, path);
}

/* A file of ci-bootstrap's says in its first line for which Nix directory it is. */
static void find_bootstrap_file(struct finder *finder, const char *name)
{
	_cleanup_free_ char *path = path_join(finder->home->config, name), *text = NULL;
	_cleanup_free_ char *mark = xasprintf("# Written by ci-bootstrap for the Nix in %s\n",
					      finder->workspace->nix_dir);
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
	removals_add(&finder->out->removals, REMOVE_EMPTY, finder->home->config, NULL, NULL);
}

void belongings_find_in_home(struct finder *finder)
{
	const struct home *home = finder->home;
	bool has_other = has_other_nix(finder);
	struct stat st;

	find_lines(finder, has_other);
	find_shims(finder);
	find_copy(finder);
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
	if (is_there(home->generations)) {
		find_links(finder, home->generations);
		remove_directory(finder, home->generations);
	}
	belongings_find_caches(finder, was_made(finder, home->nix_cache) && !has_other);
}
