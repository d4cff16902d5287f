#include "uninstall/find.h"
#include "install/before.h"
#include "uninstall/find_home.h"
#include "install/installed.h"
#include "install/nix_conf.h"
#include "store/receipt.h"
#include "util/cleanup.h"
#include "util/fs.h"
#include "util/part_names.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

/* What is known of the installation: from the receipt, else from what a broken off one wrote. */
static void find_traces(struct finder *finder)
{
	_cleanup_(before_clear) struct before before = {0};
	struct receipt receipt;

	if (receipt_read(finder->nix_dir_fd, &receipt) == 0) {
		finder->traces = receipt.traces;
		receipt.traces = (struct traces){0};
		finder->has_receipt = true;
	} else if (before_read(finder->nix_dir_fd, &before) == 0) {
		before_compare(&before, finder->workspace, finder->home, true, &finder->traces);
		finder->is_broken_off = true;
	}
	receipt_clear(&receipt);
}

static bool is_one_of(const char *name, const char *const *names)
{
	for (; *names; names++)
		if (strcmp(name, *names) == 0)
			return true;
	return false;
}

static bool is_download(const char *name)
{
	return str_ends_with(name, PART_SUFFIX) || str_ends_with(name, PART_STATE_SUFFIX);
}

/* Name what is in the directory BELOW and is none of NAMES. */
static void leave_others(struct finder *finder, const char *below, const char *const *names)
{
	int fd = fs_open_dir_below(finder->nix_dir_fd, below);
	_cleanup_closedir_ DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;

	while (dir && (entry = readdir(dir)))
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0 &&
		    !is_one_of(entry->d_name, names) &&
		    (strcmp(below, WORKSPACE_STATE) != 0 || !is_download(entry->d_name)))
			strlist_take(&finder->out->left,
				     xasprintf("%s/%s%s%s", finder->workspace->nix_dir, below,
					       *below ? "/" : "", entry->d_name));
}

static size_t count_store_paths(int nix_dir_fd)
{
	int fd = fs_open_dir_below(nix_dir_fd, "store");
	_cleanup_closedir_ DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;
	size_t count = 0;

	while (dir && (entry = readdir(dir)))
		count += entry->d_name[0] != '.';
	return count;
}

/*
 * A directory of Nix's in the Nix directory. A link in its place, or on the way, was made by the
 * user, to have the thing elsewhere: it is theirs with what it leads to.
 */
static void find_tree(struct finder *finder, const char *below, const char *note)
{
	_cleanup_free_ char *path = path_join(finder->workspace->nix_dir, below);
	_cleanup_free_ char *shown = xasprintf("%s%s", path, note);
	_cleanup_close_ int fd = fs_open_dir_below(finder->nix_dir_fd, below);

	if (fd >= 0 || fd == -EACCES)
		removals_add(&finder->out->removals, REMOVE_TREE, NULL, below, shown);
	else if (fd == -ENOTDIR || fd == -ELOOP)
		strlist_take(&finder->out->left, xasprintf("%s (a link)", path));
}

static void find_nix_conf(struct finder *finder)
{
	_cleanup_close_ int fd = fs_open_dir_below(finder->nix_dir_fd, "etc/nix");
	_cleanup_free_ char *path = path_join(finder->workspace->nix_dir, NIX_CONF_FILE);
	struct sha256 present;
	int r = fd < 0 ? fd : sha256_of_file(fd, "nix.conf", &present);

	if (r == 0 && finder->traces.has_nix_conf &&
	    sha256_equal(&present, &finder->traces.nix_conf_sha256))
		removals_add(&finder->out->removals, REMOVE_FILE, NULL, NIX_CONF_FILE, path);
	else if (r != -ENOENT)
		strlist_take(&finder->out->left,
			     xasprintf("%s%s", path,
				       finder->traces.has_nix_conf ? " (changed since)" : ""));
}

/* Downloads that were broken off. */
static void find_downloads(struct finder *finder)
{
	int fd = fs_open_dir_below(finder->nix_dir_fd, WORKSPACE_STATE);
	_cleanup_closedir_ DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		_cleanup_free_ char *below = path_join(WORKSPACE_STATE, entry->d_name);

		if (is_download(entry->d_name))
			removals_add(&finder->out->removals, REMOVE_FILE, NULL, below, NULL);
	}
}

/* Files of our own, but for those that say whose all this is. */
static void find_state(struct finder *finder)
{
	static const char *const ours[] = {"install.log", "installing.new", "before.new",
					   "receipt.new"};
	static const char *const names[] = {
		"install.log", "installing", "before", "installing.new", "before.new",
		"receipt.new", "receipt",    "lock",   "staging",	 NULL};

	removals_add(&finder->out->removals, REMOVE_TREE, NULL, WORKSPACE_STAGING, NULL);
	for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++) {
		_cleanup_free_ char *below = path_join(WORKSPACE_STATE, ours[i]);

		removals_add(&finder->out->removals, REMOVE_FILE, NULL, below, NULL);
	}
	find_downloads(finder);
	leave_others(finder, WORKSPACE_STATE, names);
}

static void find_in_nix_dir(struct finder *finder)
{
	static const char *const top[] = {"store", "var", "etc", NULL};
	static const char *const var[] = {"nix", "log", "nix-user-chroot", NULL};
	static const char *const log[] = {"nix", NULL};
	static const char *const etc[] = {"nix", NULL};
	static const char *const etc_nix[] = {"nix.conf", "nix.conf.new", NULL};
	_cleanup_free_ char *count = xasprintf(" (%zu store path%s)", finder->store_paths,
					       finder->store_paths == 1 ? "" : "s");

	find_tree(finder, "store", count);
	find_tree(finder, "var/nix", "");
	find_tree(finder, "var/log/nix", "");
	find_nix_conf(finder);
	removals_add(&finder->out->removals, REMOVE_FILE, NULL, NIX_CONF_FILE ".new", NULL);
	find_state(finder);
	leave_others(finder, "", top);
	leave_others(finder, "var", var);
	leave_others(finder, "var/log", log);
	leave_others(finder, "etc", etc);
	leave_others(finder, "etc/nix", etc_nix);
}

static int by_depth(const void *a, const void *b)
{
	size_t one = strlen(*(char *const *)a), other = strlen(*(char *const *)b);

	return one < other ? 1 : one > other ? -1 : 0;
}

/* The directories to be removed at last, where they are empty. */
static void find_made(struct finder *finder)
{
	static const char *const usual[] = {"etc/nix", "etc", "var/log", WORKSPACE_STATE, "var"};
	struct strlist *made = &finder->out->made;
	bool is_known = finder->has_receipt || finder->is_broken_off;

	if (is_known) {
		*made = finder->traces.made;
		finder->traces.made = (struct strlist){0};
	}
	for (size_t i = 0; !is_known && i < sizeof(usual) / sizeof(usual[0]); i++)
		strlist_take(made, path_join(finder->workspace->nix_dir, usual[i]));
	if (made->count > 0)
		qsort(made->items, made->count, sizeof(*made->items), by_depth);
}

void belongings_find(const struct workspace *workspace, const struct home *home, int nix_dir_fd,
		     struct belongings *out)
{
	struct finder finder = {
		.workspace = workspace,
		.home = home,
		.nix_dir_fd = nix_dir_fd,
		.store_paths = count_store_paths(nix_dir_fd),
		.out = out,
	};

	*out = (struct belongings){0};
	find_traces(&finder);
	/* what is told by where it leads goes while that is still there */
	belongings_find_in_home(&finder);
	find_in_nix_dir(&finder);
	find_made(&finder);
	traces_clear(&finder.traces);
}

void belongings_clear(struct belongings *belongings)
{
	removals_clear(&belongings->removals);
	removals_clear(&belongings->last);
	strlist_clear(&belongings->made);
	strlist_clear(&belongings->left);
}
