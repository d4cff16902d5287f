#include "chroot/plan_tree.h"
#include "util/cleanup.h"
#include "util/str.h"

#include <errno.h>
#include <search.h>
#include <string.h>

/* path_resolution(7): "the maximum number of symbolic links followed is 40" */
#define MAX_LINKS 40

static int compare_places(const void *left, const void *right)
{
	const struct place *a = left, *b = right;

	if (a->parent != b->parent)
		return a->parent < b->parent ? -1 : 1;
	return strcmp(a->name, b->name);
}

static struct place *find(const struct tree *tree, struct place *parent, const char *name)
{
	const struct place wanted = {.parent = parent, .name = name};
	struct place *const *found = tfind(&wanted, &tree->index, compare_places);

	return found ? *found : NULL;
}

/* Add a place NAME to PARENT, which has no such place yet; the new place is empty. */
static struct place *add(struct tree *tree, struct place *parent, const char *name)
{
	struct place *place = xcalloc(1, sizeof(*place));

	place->state = PLACE_NOTHING;
	place->path = parent ? path_join(parent->path, name) : xstrdup("/");
	place->name = strrchr(place->path, '/') + 1;
	place->next_made = tree->made;
	tree->made = place;
	if (!parent)
		return place;
	place->parent = parent;
	if (parent->last_child)
		parent->last_child->next = place;
	else
		parent->children = place;
	parent->last_child = place;
	/* tsearch(3) fails only for lack of memory */
	if (!tsearch(place, &tree->index, compare_places))
		abort();
	return place;
}

/* PLACE has an entry of the host or of the Nix directory; TARGET, if any, becomes the place's. */
static void set_as_is(struct place *place, enum entry_type type, const char *source, char *target)
{
	place->state = PLACE_AS_IS;
	place->type = type;
	place->source = xstrdup(source);
	place->target = target;
}

int tree_look(struct tree *tree, struct place *directory, const char *name, struct place **out)
{
	_cleanup_free_ char *source = NULL;
	struct place *place = find(tree, directory, name);
	char *target = NULL;
	enum entry_type type;
	int r = -ENOENT;

	if (!place && directory->source) {
		source = path_join(directory->source, name);
		r = tree->view->look(tree->view->context, source, &type, &target);
		if (r < 0 && r != -ENOENT)
			return r;
	}
	if (!place)
		place = add(tree, directory, name);
	if (r == 0)
		set_as_is(place, type, source, target);
	*out = place;
	return 0;
}

int tree_walk(struct tree *tree, struct place *from, const char *path, bool follow_last,
	      struct place **out)
{
	_cleanup_free_ char *whole = xstrdup(path);
	struct place *place = *path == '/' ? tree->root : from;
	char *rest = whole, *name;
	unsigned links = 0;

	while ((name = strsep(&rest, "/"))) {
		bool is_last = !rest || !rest[strspn(rest, "/")];
		struct place *child;
		char *joined;
		int r;

		if (!*name || strcmp(name, ".") == 0)
			continue;
		if (place->state == PLACE_NOTHING)
			return -ENOENT;
		if (place->type != ENTRY_DIRECTORY)
			return -ENOTDIR;
		if (strcmp(name, "..") == 0) {
			place = place->parent ? place->parent : place;
			continue;
		}
		r = tree_look(tree, place, name, &child);
		if (r < 0)
			return r;
		if (child->state != PLACE_AS_IS || child->type != ENTRY_SYMLINK ||
		    (is_last && !follow_last)) {
			place = child;
			continue;
		}
		if (++links > MAX_LINKS)
			return -ELOOP;
		joined = xasprintf("%s/%s", child->target, rest ? rest : "");
		free(whole);
		rest = whole = joined;
		place = *joined == '/' ? tree->root : place;
	}
	*out = place;
	return 0;
}

bool tree_is_nix(const struct tree *tree, const struct place *place)
{
	while (place && place != tree->nix)
		place = place->parent;
	return place;
}

bool tree_has(const struct tree *tree, const struct place *place)
{
	while (place->parent)
		place = place->parent;
	return place == tree->root;
}

void tree_replace(struct tree *tree, struct place *place, enum place_state state,
		  enum entry_type type)
{
	struct place *next;

	for (struct place *child = place->children; child; child = next) {
		next = child->next;
		tdelete(child, &tree->index, compare_places);
		child->parent = child->next = NULL;
	}
	place->children = place->last_child = NULL;
	place->state = state;
	place->type = type;
	free(place->source);
	free(place->target);
	free(place->text);
	place->source = place->target = place->text = NULL;
}

/* Make the directory PLACE one of ours, with the entries of LISTING. */
static void adopt(struct tree *tree, struct place *place, const struct listing *listing)
{
	for (size_t i = 0; i < listing->count; i++) {
		const struct listing_entry *entry = &listing->entries[i];
		_cleanup_free_ char *source = path_join(place->source, entry->name);

		/* a place that was looked at before may have been changed, and stays */
		if (!find(tree, place, entry->name))
			set_as_is(add(tree, place, entry->name), entry->type, source,
				  xstrdup(entry->target));
	}
	place->state = PLACE_MADE;
	free(place->source);
	place->source = NULL;
}

int tree_take_apart(struct tree *tree, struct place *place)
{
	const struct host_view *view = tree->view;
	const char *source = place->source;
	struct listing listing;
	int r;

	if (path_is_within(source, "/dev") || path_is_within(source, "/proc") ||
	    path_is_within(source, "/sys") || view->is_kernels(view->context, source))
		return -ENOTSUP;
	r = view->list(view->context, source, &listing);
	if (r < 0)
		return r;
	if (listing.count > TREE_MAX_ENTRIES)
		r = -E2BIG;
	else
		adopt(tree, place, &listing);
	listing_clear(&listing);
	return r;
}

int tree_start(struct tree *tree, const struct host_view *view)
{
	struct listing listing;
	int r = view->list(view->context, "/", &listing);

	*tree = (struct tree){.view = view};
	if (r < 0)
		return r;
	tree->root = add(tree, NULL, "");
	set_as_is(tree->root, ENTRY_DIRECTORY, "/", NULL);
	tree->nix = add(tree, tree->root, "nix");
	set_as_is(tree->nix, ENTRY_DIRECTORY, "/nix", NULL);
	adopt(tree, tree->root, &listing);
	listing_clear(&listing);
	return 0;
}

static void keep(void *place)
{
	(void)place;
}

void tree_clear(struct tree *tree)
{
	struct place *next;

	tdestroy(tree->index, keep);
	for (struct place *place = tree->made; place; place = next) {
		next = place->next_made;
		free(place->path);
		free(place->source);
		free(place->target);
		free(place->text);
		free(place);
	}
	*tree = (struct tree){0};
}
