#include "chroot/plan.h"
#include "chroot/plan_ssh.h"
#include "chroot/plan_tree.h"
#include "ui/log.h"
#include "util/cleanup.h"
#include "util/text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define OPENGL_SOURCE "/nix/var/nix/opengl-driver/lib"
#define OPENGL_TARGET "/run/opengl-driver/lib"

/*
 * Turn the directory PLACE into one of ours, so that entries can be added and left out; WHAT, for
 * messages, is the purpose. False if that is impossible, with the reason in *WHY, the caller's to
 * free.
 */
static bool take_apart(struct tree *tree, struct place *place, const char *what, char **why)
{
	const struct host_view *view = tree->view;
	bool is_writable;
	int r;

	if (place->state == PLACE_MADE)
		return true;
	if (tree_is_nix(tree, place)) {
		*why = xasprintf("it would lie in %s, and /nix is shown as it is", place->path);
		return false;
	}
	is_writable = view->is_writable(view->context, place->source);
	r = tree_take_apart(tree, place);
	if (r == 0 && is_writable)
		log_warning("%s: nothing new can be made in %s inside, for that is only a copy of "
			    "the list of its entries",
			    what, place->path);
	else if (r == -ENOTSUP)
		*why = xasprintf("what is in %s is made by the kernel", place->path);
	else if (r == -E2BIG)
		*why = xasprintf("the directory %s has more than %d entries, too many to mount one "
				 "by one",
				 place->path, TREE_MAX_ENTRIES);
	else if (r < 0)
		*why = xasprintf("the directory %s cannot be listed: %s", place->path,
				 strerror(-r));
	return r == 0;
}

/*
 * Leave PLACE out. A file is covered by an empty one, so its directory stays as it is and live. A
 * symlink cannot be covered: its directory is taken apart.
 */
static void exclude(struct tree *tree, struct place *place, const char *what)
{
	_cleanup_free_ char *why = NULL;

	if (tree_is_nix(tree, place)) {
		log_warning("%s: skipped, because it is %s, and /nix is shown as it is", what,
			    place->path);
	} else if (place->type == ENTRY_DIRECTORY) {
		tree_replace(tree, place, PLACE_MADE, ENTRY_DIRECTORY);
	} else if (place->type == ENTRY_FILE) {
		place->state = PLACE_HIDDEN;
		place->configured = true;
	} else if (take_apart(tree, place->parent, what, &why)) {
		place->state = PLACE_NOTHING;
	} else {
		log_warning("%s: skipped, because it is a link, which cannot be covered, and %s",
			    what, why);
	}
}

/*
 * All excluded paths are looked up before any is left out, because one may lead through another. A
 * directory that was taken apart for what is in it may itself be one of them.
 */
static void plan_excludes(struct tree *tree, const struct strlist *paths)
{
	_cleanup_free_ struct place **places = xcalloc(paths->count, sizeof(struct place *));

	for (size_t i = 0; i < paths->count; i++) {
		int r = tree_walk(tree, tree->root, paths->items[i], false, &places[i]);

		if (r == 0 && places[i]->state == PLACE_NOTHING)
			r = -ENOENT;
		if (r == 0)
			continue;
		places[i] = NULL;
		log_verbose("exclude of %s: nothing to do, it does not exist: %s", paths->items[i],
			    strerror(-r));
	}
	for (size_t i = 0; i < paths->count; i++) {
		_cleanup_free_ char *what = xasprintf("exclude of %s", paths->items[i]);

		if (places[i] && places[i]->parent && tree_has(tree, places[i]))
			exclude(tree, places[i], what);
	}
}

/* Make room for a new entry in DIRECTORY. False after a message if that is impossible. */
static bool make_room(struct tree *tree, struct place *directory, const char *what)
{
	_cleanup_free_ char *why = NULL;

	if (take_apart(tree, directory, what, &why))
		return true;
	log_warning("%s: skipped, because %s", what, why);
	return false;
}

/*
 * *PLACE becomes the directory NAME in *PLACE, which is made if it is missing. A symlink is
 * followed, or replaced if it leads nowhere. False after a message.
 */
static bool go_down(struct tree *tree, struct place **place, const char *name, const char *what,
		    bool configured)
{
	struct place *child, *there;
	int r = tree_look(tree, *place, name, &child);

	if (r < 0) {
		log_warning("%s: skipped, because %s/%s cannot be looked at: %s", what,
			    (*place)->path[1] ? (*place)->path : "", name, strerror(-r));
		return false;
	}
	there = child;
	if (child->state == PLACE_AS_IS && child->type == ENTRY_SYMLINK)
		r = tree_walk(tree, *place, child->path, true, &there);
	if (r < 0 && r != -ENOENT) {
		log_warning("%s: skipped, because the link %s cannot be followed: %s", what,
			    child->path, strerror(-r));
		return false;
	}
	if (r == -ENOENT || there->state == PLACE_NOTHING) {
		if (!make_room(tree, *place, what))
			return false;
		tree_replace(tree, child, PLACE_MADE, ENTRY_DIRECTORY);
		child->configured = configured;
		there = child;
	}
	if (there->type != ENTRY_DIRECTORY) {
		log_warning("%s: skipped, because %s is not a directory", what, child->path);
		return false;
	}
	*place = there;
	return true;
}

/*
 * The place of TARGET. Symlinks in its parents are followed, and missing parents are made; the
 * place itself may be empty. NULL after a message.
 */
static struct place *find_target(struct tree *tree, const char *target, const char *what,
				 bool configured)
{
	_cleanup_free_ char *copy = xstrdup(target + 1);
	struct place *place = tree->root, *out;
	char *rest = copy;
	int r;

	for (;;) {
		const char *name = strsep(&rest, "/");

		if (rest) {
			if (!go_down(tree, &place, name, what, configured))
				return NULL;
			continue;
		}
		r = tree_look(tree, place, name, &out);
		if (r == 0 && !tree_is_nix(tree, out))
			return out;
		if (r < 0)
			log_warning("%s: skipped, because it cannot be looked at: %s", what,
				    strerror(-r));
		else
			log_warning("%s: skipped, because that is %s, and /nix is shown as it is",
				    what, out->path);
		return NULL;
	}
}

/*
 * Mount SOURCE, a path of the host or below /nix, at TARGET. A missing SOURCE is left out, silently
 * unless it is CONFIGURED.
 */
static void plan_mount(struct tree *tree, const char *source, const char *target, bool configured)
{
	_cleanup_free_ char *what = xasprintf("mount of %s on %s", source, target);
	_cleanup_free_ char *from = NULL;
	enum entry_type type;
	struct place *place;
	int r = host_resolve(tree->view, source, true, &from, &type);

	if (r < 0) {
		if (configured || (r != -ENOENT && r != -ENOTDIR))
			log_warning("%s: skipped, because %s cannot be found: %s", what, source,
				    strerror(-r));
		return;
	}
	place = find_target(tree, target, what, configured);
	if (!place)
		return;
	/* nothing is there, or a symlink or another type, which is replaced */
	if (place->state == PLACE_NOTHING || place->type != type) {
		if (place->configured && place->state != PLACE_HIDDEN) {
			log_warning("%s: skipped, because another mount puts a %s there", what,
				    place->type == ENTRY_DIRECTORY ? "directory" : "file");
			return;
		}
		if (!make_room(tree, place->parent, what))
			return;
	}
	tree_replace(tree, place, PLACE_MOUNTED, type);
	place->source = steal_ptr(&from);
	place->configured = configured;
}

/*
 * The profile that [profile] means: where it was before Nix 2.14 (nix-env(1), "Files"), or where it
 * is today. NULL if neither exists.
 */
static char *find_profile(const struct plan_input *input)
{
	_cleanup_free_ char *classic =
		input->user ? xasprintf("/nix/var/nix/profiles/per-user/%s/profile", input->user)
			    : NULL;
	_cleanup_free_ char *today =
		input->state_home ? xasprintf("%s/nix/profiles/profile", input->state_home) : NULL;
	char *const places[] = {classic, today};

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		_cleanup_free_ char *resolved = NULL;
		enum entry_type type;

		if (places[i] && host_resolve(input->view, places[i], true, &resolved, &type) == 0)
			return xstrdup(places[i]);
	}
	return NULL;
}

/*
 * The mounts come in the order of their targets, so a directory's mount precedes what is mounted in
 * it.
 */
static void plan_mounts(struct tree *tree, const struct plan_input *input)
{
	const struct path_config *config = input->config;
	_cleanup_free_ char *profile = config->needs_profile ? find_profile(input) : NULL;

	if (config->needs_profile && !profile)
		log_warning("the [profile] mounts of " PATH_CONFIG_FILE " are skipped: there is no "
			    "profile of user %s\nnix-env -i makes one",
			    input->user ? input->user : "(unknown)");
	for (size_t i = 0; i < config->mount_count; i++) {
		const struct path_mount *mount = &config->mounts[i];
		_cleanup_free_ char *source = NULL;

		if (mount->from_profile && !profile)
			continue;
		source = mount->from_profile ? path_join(profile, mount->source)
					     : xstrdup(mount->source);
		plan_mount(tree, source, mount->target, true);
	}
}

/* Where the new root is mounted at first: /tmp, as other tools do, or any directory. */
static char *choose_work_dir(const struct tree *tree)
{
	const char *chosen = NULL;

	for (const struct place *place = tree->nix->next; place; place = place->next) {
		if (place->type != ENTRY_DIRECTORY)
			continue;
		if (!chosen || strcmp(place->path, "/tmp") == 0)
			chosen = place->path;
	}
	return xstrdup(chosen);
}

/*
 * A free name, WISH or longer, for something that is in the new root only while it is built. The
 * caller frees.
 */
static char *choose_name(struct tree *tree, const char *wish)
{
	char *name = xstrdup(wish);
	struct place *place;

	/* this does not look at the host: all entries of / are places already */
	while (tree_look(tree, tree->root, name + 1, &place) == 0 &&
	       place->state != PLACE_NOTHING) {
		char *longer = xasprintf("%s_", name);

		free(name);
		name = longer;
	}
	return name;
}

static void add_step(struct plan *plan, enum plan_type type, const struct place *place,
		     const char *source)
{
	if ((plan->count & (plan->count - 1)) == 0)
		plan->steps = xreallocarray(plan->steps, plan->count ? 2 * plan->count : 1,
					    sizeof(*plan->steps));
	plan->steps[plan->count++] = (struct plan_step){
		.type = type,
		.path = xstrdup(place->path),
		.source = xstrdup(source),
		.text = xstrdup(place->text),
		.configured = place->configured,
	};
}

/* Add the steps that make PLACE what it is to be; its parent is complete already. */
static void add_steps_for(struct plan *plan, const struct tree *tree, const struct place *place)
{
	bool is_new = place->parent->state == PLACE_MADE;
	bool is_directory = place->type == ENTRY_DIRECTORY;
	enum plan_type bind = is_directory ? PLAN_BIND_DIRECTORY : PLAN_BIND_FILE;

	switch (place->state) {
	case PLACE_NOTHING:
		break;
	case PLACE_AS_IS:
		if (place == tree->nix)
			add_step(plan, PLAN_NIX, place, NULL);
		else if (is_new && place->type == ENTRY_SYMLINK)
			add_step(plan, PLAN_SYMLINK, place, place->target);
		else if (is_new)
			add_step(plan, bind, place, place->source);
		break;
	case PLACE_MADE:
		add_step(plan, is_new ? PLAN_DIRECTORY : PLAN_TMPFS, place, NULL);
		break;
	case PLACE_MOUNTED:
		add_step(plan,
			 is_new		? bind
			 : is_directory ? PLAN_COVER_DIRECTORY
					: PLAN_COVER_FILE,
			 place, place->source);
		break;
	case PLACE_HIDDEN:
		if (is_new)
			add_step(plan, PLAN_BIND_FILE, place, place->source);
		add_step(plan, PLAN_HIDE_FILE, place, NULL);
		break;
	case PLACE_COPIED:
		add_step(plan, is_new ? PLAN_WRITE_FILE : PLAN_COVER_TEXT, place, NULL);
		break;
	}
}

/*
 * The place after PLACE in an order with parents first and everything below a place before the
 * next; NULL at the end.
 */
static const struct place *following(const struct place *place)
{
	if (place->children)
		return place->children;
	while (place && !place->next)
		place = place->parent;
	return place ? place->next : NULL;
}

int plan_build(const struct plan_input *input, struct plan *out)
{
	_cleanup_(tree_clear) struct tree tree;
	int r = tree_start(&tree, input->view);

	*out = (struct plan){0};
	if (r < 0) {
		log_error("cannot list /: %s\nits entries are what is shown inside, so it must be "
			  "readable",
			  strerror(-r));
		return -1;
	}
	out->work_dir = choose_work_dir(&tree);
	if (!out->work_dir) {
		log_error("there is no directory in / to begin the new root on\n"
			  "make one, such as /tmp");
		return -1;
	}
	if (input->config) {
		plan_excludes(&tree, &input->config->excludes);
		plan_mount(&tree, OPENGL_SOURCE, OPENGL_TARGET, false);
		plan_mounts(&tree, input);
	}
	if (input->ssh)
		plan_ssh(&tree, input->ssh);
	out->old_root = choose_name(&tree, "/.old-root");
	out->own_file = choose_name(&tree, "/.own-file");
	for (const struct place *place = tree.nix; place; place = following(place))
		add_steps_for(out, &tree, place);
	return 0;
}

void plan_clear(struct plan *plan)
{
	for (size_t i = 0; i < plan->count; i++) {
		free(plan->steps[i].path);
		free(plan->steps[i].source);
		free(plan->steps[i].text);
	}
	free(plan->steps);
	free(plan->work_dir);
	free(plan->old_root);
	free(plan->own_file);
	*plan = (struct plan){0};
}
