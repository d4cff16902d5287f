#include "chroot/plan_ssh.h"
#include "chroot/ssh_config.h"
#include "ui/log.h"
#include "util/cleanup.h"

#include <errno.h>
#include <fnmatch.h>
#include <string.h>

#define SYSTEM_DIRECTORY "/etc/ssh"
#define SYSTEM_FILE	 SYSTEM_DIRECTORY "/ssh_config"

/* As in OpenSSH's readconf.c. */
#define MAX_DEPTH 16
/* An ordinary configuration has fewer bytes, and fewer files. */
#define MAX_SIZE  (64 * 1024)
#define MAX_FILES 256

/* The walk through ssh's configuration from one of the files that ssh begins with. */
struct search {
	struct tree *tree;
	const struct ssh_view *ssh;
	const struct host_view *watched;
	const char *directory; /* relative patterns start here */
	unsigned files;
};

/*
 * Show a copy of FILE at PLACE. If the file is in a directory such as ssh_config.d, which holds
 * nothing else and which only root changes, the whole directory becomes one of ours: files that are
 * added to it later would belong to nobody inside, too. Any other directory, above all /etc, stays
 * as it is.
 */
static void show_copy(const struct search *search, struct place *place, struct host_file *file)
{
	const struct host_view *watched = search->watched;
	struct place *parent = place->parent;
	_cleanup_free_ char *source = xstrdup(place->source), *target = NULL;
	enum entry_type type;

	/*
	 * through the watched view: once the host has replaced the file, no entry may join this
	 * namespace, where no copy covers the new file
	 */
	search->tree->view = watched;
	watched->look(watched->context, source, &type, &target);
	if (str_ends_with(parent->name, ".d") && parent->state == PLACE_AS_IS &&
	    !watched->is_writable(watched->context, parent->source))
		tree_take_apart(search->tree, parent);
	search->tree->view = search->ssh->view;
	tree_replace(search->tree, place, PLACE_COPIED, ENTRY_FILE);
	place->text = steal_ptr(&file->text);
	log_verbose("%s is a copy of your own inside, so that ssh accepts it", place->path);
}

/* Add to NAMES the entries of DIRECTORY that PATTERN matches. */
static void list_matching(const struct search *search, struct place *directory, const char *pattern,
			  struct strlist *out)
{
	const struct host_view *view = search->ssh->view;
	_cleanup_(listing_clear) struct listing listing = {0};

	for (struct place *child = directory->children; child; child = child->next)
		strlist_add(out, child->name);
	if (directory->source)
		view->list(view->context, directory->source, &listing);
	for (size_t i = 0; i < listing.count; i++)
		if (!strlist_has(out, listing.entries[i].name))
			strlist_add(out, listing.entries[i].name);
	for (size_t i = 0; i < out->count;) {
		if (fnmatch(pattern, out->items[i], FNM_PERIOD) == 0) {
			i++;
			continue;
		}
		free(out->items[i]);
		out->items[i] = out->items[--out->count];
		out->items[out->count] = NULL;
	}
}

static void visit(struct search *search, struct place *place, bool is_checked, unsigned depth);

/*
 * Visit the files that PATTERN matches, relative to DIRECTORY unless it begins with "/": glob(7).
 */
static void expand(struct search *search, struct place *directory, const char *pattern,
		   unsigned depth)
{
	_cleanup_(strlist_clear) struct strlist names = {0};
	_cleanup_free_ char *before = NULL, *name = NULL;
	size_t plain = strcspn(pattern, "*?["), start = plain;
	struct place *place;

	while (start > 0 && pattern[start - 1] != '/')
		start--;
	before = xstrndup(pattern, pattern[plain] ? start : plain);
	if (tree_walk(search->tree, directory, before, true, &place) < 0 ||
	    place->state == PLACE_NOTHING)
		return;
	if (!pattern[plain]) {
		visit(search, place, true, depth);
		return;
	}
	if (place->type != ENTRY_DIRECTORY)
		return;
	pattern += start;
	name = xstrndup(pattern, strcspn(pattern, "/"));
	pattern += strlen(name);
	pattern += strspn(pattern, "/");
	list_matching(search, place, name, &names);
	for (size_t i = 0; i < names.count; i++) {
		_cleanup_free_ char *rest =
			xasprintf("%s%s%s", names.items[i], *pattern ? "/" : "", pattern);

		/* skip names with wildcard characters; no configuration has them */
		if (!strpbrk(names.items[i], "*?["))
			expand(search, place, rest, depth);
	}
}

static void follow(struct search *search, const char *text, unsigned depth)
{
	_cleanup_(strlist_clear) struct strlist patterns = {0};

	ssh_config_includes(text, &patterns);
	for (size_t i = 0; i < patterns.count; i++) {
		const char *pattern = patterns.items[i], *home = search->ssh->home;
		_cleanup_free_ char *path = NULL;

		if (*pattern == '~' && pattern[1] == '/' && home)
			path = path_join(home, pattern + 2);
		else if (*pattern != '~')
			path = *pattern == '/' ? xstrdup(pattern)
					       : path_join(search->directory, pattern);
		if (path)
			expand(search, search->tree->root, path, depth);
	}
}

/* Handle PLACE, a file of the configuration. IS_CHECKED: ssh checks its owner. */
static void visit(struct search *search, struct place *place, bool is_checked, unsigned depth)
{
	const struct host_view *view = search->ssh->view;
	_cleanup_(host_file_clear) struct host_file file = {0};
	_cleanup_free_ char *text = NULL;
	bool is_as_it_is = place->state == PLACE_AS_IS || place->state == PLACE_MOUNTED;

	if (!is_as_it_is || place->type != ENTRY_FILE || tree_is_nix(search->tree, place) ||
	    search->files++ >= MAX_FILES ||
	    view->read(view->context, place->source, MAX_SIZE, &file) < 0)
		return;
	text = xstrdup(file.text);
	if (is_checked && file.owner == 0 && (file.mode & 022) == 0)
		show_copy(search, place, &file);
	if (depth < MAX_DEPTH)
		follow(search, text, depth + 1);
}

static void begin(struct search *search, const char *path, bool is_checked)
{
	struct place *place;

	search->files = 0;
	if (tree_walk(search->tree, search->tree->root, path, true, &place) == 0)
		visit(search, place, is_checked, 0);
}

void plan_ssh(struct tree *tree, const struct ssh_view *ssh)
{
	struct search search = {.tree = tree, .ssh = ssh, .watched = tree->view};

	/*
	 * if the caller is root, root's files belong to root inside, too; ssh refuses other files
	 * outside as well
	 */
	if (ssh->uid == 0)
		return;
	tree->view = ssh->view;
	search.directory = SYSTEM_DIRECTORY;
	begin(&search, SYSTEM_FILE, false);
	if (ssh->home && *ssh->home == '/') {
		_cleanup_free_ char *directory = path_join(ssh->home, ".ssh");
		_cleanup_free_ char *file = path_join(directory, "config");

		search.directory = directory;
		begin(&search, file, true);
	}
	tree->view = search.watched;
}
