#include "uninstall/find.h"
#include "store/layout.h"
#include "util/cleanup.h"
#include "util/fs.h"
#include "util/part_names.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

void finder_leave(struct finder *finder, const char *path, const char *why)
{
	strlist_take(&finder->out->left, xasprintf("%s (%s)", path, why));
}

bool finder_is_new(const struct finder *finder, const char *path)
{
	return finder->request->record && record_says_new(finder->request->record, path);
}

static bool is_one_of(const char *name, const char *const *names)
{
	for (; *names; names++)
		if (strcmp(name, *names) == 0)
			return true;
	return false;
}

/* Add to the list of what stays all entries of the directory BELOW that are not in NAMES. */
static void leave_others(struct finder *finder, const char *below, const char *const *names)
{
	int fd = fs_open_dir_below(finder->request->nix_dir_fd, below);
	_cleanup_closedir_ DIR *dir = fs_list_fd(fd);
	const struct dirent *entry;

	while (dir && (entry = fs_next_entry(dir)))
		if (!is_one_of(entry->d_name, names))
			strlist_take(&finder->out->left,
				     xasprintf("%s/%s%s%s", finder->request->nix_dir, below,
					       *below ? "/" : "", entry->d_name));
}

static size_t count_store_paths(int nix_dir_fd)
{
	int fd = fs_open_dir_below(nix_dir_fd, "store");
	_cleanup_closedir_ DIR *dir = fs_list_fd(fd);
	const struct dirent *entry;
	size_t count = 0;

	while (dir && (entry = fs_next_entry(dir)))
		count += entry->d_name[0] != '.';
	return count;
}

/*
 * Find a directory of Nix's in the Nix directory. A link in its place or above it was made by the
 * user, who has the directory elsewhere: the link stays, and what it leads to.
 */
static void find_tree(struct finder *finder, const char *below, const char *note)
{
	_cleanup_free_ char *path = path_join(finder->request->nix_dir, below);
	_cleanup_free_ char *shown = xasprintf("%s%s", path, note);
	_cleanup_close_ int fd = fs_open_dir_below(finder->request->nix_dir_fd, below);

	if ((fd >= 0 || fd == -EACCES) && !finder->request->is_forced &&
	    !finder_is_new(finder, path))
		finder_leave(finder, path, "was there before, or it is not known whose it is");
	else if (fd >= 0 || fd == -EACCES)
		removals_add(&finder->out->removals, REMOVE_TREE, NULL, below, shown);
	else if (fd == -ENOTDIR || fd == -ELOOP)
		finder_leave(finder, path, "a link");
}

/* Is NAME an incomplete download, or the note about one? */
static bool is_download(const char *name)
{
	return str_ends_with(name, PART_SUFFIX) || str_ends_with(name, PART_STATE_SUFFIX);
}

/* Find our own files, except for the record, which tells to whom all this belongs. */
static void find_state(struct finder *finder)
{
	static const char *const removed[] = {
		"install.log", "record.new", "nix.fish", "nix.fish.new",
		"proot",       "proot.new",  NULL};
	static const char *const kept[] = {"record", "lock", "staging", NULL};
	int fd = fs_open_dir_below(finder->request->nix_dir_fd, LAYOUT_STATE);
	_cleanup_closedir_ DIR *dir = fs_list_fd(fd);
	const struct dirent *entry;

	removals_add(&finder->out->removals, REMOVE_TREE, NULL, LAYOUT_STAGING, NULL);
	while (dir && (entry = fs_next_entry(dir))) {
		_cleanup_free_ char *below = path_join(LAYOUT_STATE, entry->d_name);
		_cleanup_free_ char *path = path_join(finder->request->nix_dir, below);

		if (is_one_of(entry->d_name, removed) || is_download(entry->d_name))
			removals_add(&finder->out->removals, REMOVE_FILE, NULL, below, NULL);
		else if (!is_one_of(entry->d_name, kept))
			strlist_add(&finder->out->left, path);
	}
}

static void find_in_nix_dir(struct finder *finder)
{
	static const char *const top[] = {"store", "var", "etc", NULL};
	static const char *const var[] = {"nix", "log", "nix-user-chroot", NULL};
	static const char *const log[] = {"nix", NULL};
	static const char *const etc[] = {"nix", NULL};
	/* a nix.conf that the record has was found already */
	_cleanup_free_ char *nix_conf = path_join(finder->request->nix_dir, LAYOUT_NIX_CONF);
	const char *etc_nix[] = {"nix.conf.new", NULL, NULL};
	size_t store_paths = count_store_paths(finder->request->nix_dir_fd);
	_cleanup_free_ char *count =
		xasprintf(" (%zu store path%s)", store_paths, store_paths == 1 ? "" : "s");

	if (finder_is_new(finder, nix_conf))
		etc_nix[1] = "nix.conf";
	find_tree(finder, "store", count);
	find_tree(finder, "var/nix", "");
	find_tree(finder, "var/log/nix", "");
	removals_add(&finder->out->removals, REMOVE_FILE, NULL, LAYOUT_NIX_CONF ".new", NULL);
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

/* Find the directories that are removed at the end if they are empty. */
static void find_made(struct finder *finder)
{
	static const char *const usual[] = {"etc/nix", "etc", "var/log", LAYOUT_STATE, "var"};
	const struct record *record = finder->request->record;
	struct strlist *made = &finder->out->made;

	for (size_t i = 0; record && i < record->count; i++)
		if (record->entries[i].kind == RECORD_DIR ||
		    record->entries[i].kind == RECORD_ABSENT)
			strlist_add(made, record->entries[i].subject);
	for (size_t i = 0; !record && i < sizeof(usual) / sizeof(usual[0]); i++)
		strlist_take(made, path_join(finder->request->nix_dir, usual[i]));
	if (made->count > 0)
		qsort(made->items, made->count, sizeof(*made->items), by_depth);
}

void find(const struct find_request *request, struct found *out)
{
	struct finder finder = {
		.request = request,
		.has_store_paths = layout_has_store_paths(request->nix_dir_fd),
		.out = out,
	};

	*out = (struct found){0};
	/* links come first: a link is ours by what it leads to, which must still exist */
	find_recorded(&finder);
	find_in_home(&finder);
	find_into(&finder);
	find_in_nix_dir(&finder);
	find_back(&finder);
	find_made(&finder);
}

void found_clear(struct found *found)
{
	removals_clear(&found->removals);
	removals_clear(&found->last);
	strlist_clear(&found->made);
	strlist_clear(&found->left);
	strlist_clear(&found->back);
	strlist_clear(&found->copied);
	strlist_clear(&found->dangling);
}
