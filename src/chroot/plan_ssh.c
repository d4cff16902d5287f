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
/* Configuration that is greater, or in more files, is not what this is for. */
#define MAX_SIZE  (64 * 1024)
#define MAX_FILES 256

/* Following the configuration from one file that ssh begins with. */
struct search {
	struct tree *tree;
	const struct ssh_view *ssh;
	const struct host_view *watched;
	const char *directory; /* what is relative starts here */
	unsigned files;
};

/*
 * A copy of FILE takes PLACE. In a directory such as ssh_config.d, which is of one kind and which
 * root alone changes, that becomes a list of ours: what comes into it later would be nobody's too.
 * Any other directory, /etc above all, stays as it is.
 */
static void show_copy(const struct search *search, struct place *place, struct host_file *file)
{
	const struct host_view *watched = search->watched;
	struct place *parent = place->parent;
	_cleanup_free_ char *source = xstrdup(place->source), *target = NULL;
	enum entry_type type;

	/* whoever finds the same later may join what is made now, as long as the file is the same:
	 * a new one of this name would lie there without a copy over it */
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

/* The names in DIRECTORY that PATTERN fits. */
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

/* Visit what PATTERN, relative to DIRECTORY where it does not begin with "/", leads to: glob(7). */
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

		/* names that hold what is a wildcard elsewhere are of no configuration */
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

/* PLACE is a file of the configuration; IS_CHECKED: ssh looks whose it is. */
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

	/* root's files are root's inside too, or have not been accepted outside */
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
