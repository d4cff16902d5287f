#include "chroot/plan_builder.h"
#include "ui/log.h"
#include "util/cleanup.h"
#include "util/text.h"

#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/*
 * Entries of a directory that are mounted one by one. The kernel's own limit, fs.mount-max, is
 * 100,000 for the whole namespace, and every entry slows down what looks through the mount table.
 */
#define MAX_ENTRIES 10000

/* A message is one line of names that may hold anything: none of it reaches a terminal raw. */
#define DEFINE_SAY(name, log)                                                           \
	__attribute__((format(printf, 1, 2))) static void name(const char *format, ...) \
	{                                                                               \
		_cleanup_free_ char *text = NULL, *shown = NULL;                        \
		va_list args;                                                           \
                                                                                        \
		va_start(args, format);                                                 \
		text = xvasprintf(format, args);                                        \
		va_end(args);                                                           \
		shown = text_shown(text);                                               \
		log("%s", shown);                                                       \
	}

DEFINE_SAY(warn, log_warning)
DEFINE_SAY(note, log_verbose)

static const char *name_of(const char *path)
{
	return strrchr(path, '/') + 1;
}

/* Is PATH below DIRECTORY, or DIRECTORY itself? */
static bool is_within(const char *path, const char *directory)
{
	size_t len = directory[1] ? strlen(directory) : 0;

	return strncmp(path, directory, len) == 0 && (path[len] == '/' || path[len] == '\0');
}

static bool is_nix(const char *path)
{
	return is_within(path, "/nix");
}

struct change *builder_change_at(const struct builder *builder, const char *path)
{
	for (size_t i = 0; i < builder->change_count; i++)
		if (strcmp(builder->changes[i]->path, path) == 0)
			return builder->changes[i];
	return NULL;
}

/* The excluded directory that PATH lies in, or NULL. */
static struct change *emptied_above(const struct builder *builder, const char *path)
{
	for (size_t i = 0; i < builder->change_count; i++)
		if (builder->changes[i]->emptied && is_within(path, builder->changes[i]->path))
			return builder->changes[i];
	return NULL;
}

static void free_change(struct change *change)
{
	free(change->path);
	listing_clear(&change->listing);
	strlist_clear(&change->dropped);
	free(change);
}

static struct change *add_change(struct builder *builder, const char *path)
{
	struct change *change = xcalloc(1, sizeof(*change));

	change->path = xstrdup(path);
	builder->changes =
		xreallocarray(builder->changes, builder->change_count + 1, sizeof(struct change *));
	builder->changes[builder->change_count++] = change;
	return change;
}

/*
 * Does the kernel make the entries of the directory PATH? They come and go, and some mean something
 * only in their place: /dev/ptmx is of the /dev/pts beside it, /proc/self of who looks at it.
 */
static bool is_kernels(const struct builder *builder, const char *path)
{
	return is_within(path, "/dev") || is_within(path, "/proc") || is_within(path, "/sys") ||
	       builder->view->is_kernels(builder->view->context, path);
}

/*
 * The change of the directory PATH, made now if need be; WHAT is what it is wanted for. NULL where
 * the directory is not taken apart, with the reason in *WHY, the caller's to free.
 */
static struct change *change_directory(struct builder *builder, const char *path, const char *what,
				       char **why)
{
	struct change *change = builder_change_at(builder, path);
	struct listing listing;
	int r;

	if (change)
		return change;
	if (is_kernels(builder, path)) {
		*why = xasprintf("what is in %s is made by the kernel", path);
		return NULL;
	}
	r = builder->view->list(builder->view->context, path, &listing);
	if (r < 0) {
		*why = xasprintf("the directory %s cannot be listed: %s", path, strerror(-r));
		return NULL;
	}
	if (listing.count > MAX_ENTRIES) {
		*why = xasprintf("the directory %s has %zu entries, too many to mount one by one; "
				 "exclude a directory instead",
				 path, listing.count);
		listing_clear(&listing);
		return NULL;
	}
	if (builder->view->is_writable(builder->view->context, path))
		warn("%s: nothing new can be made in %s inside, for that is only a copy of the "
		     "list of its entries",
		     what, path);
	change = add_change(builder, path);
	change->listing = listing;
	return change;
}

int builder_start(struct builder *builder)
{
	struct listing listing;
	int r = builder->view->list(builder->view->context, "/", &listing);

	if (r < 0)
		return r;
	add_change(builder, "/")->listing = listing;
	return 0;
}

static struct mount *add_mount(struct builder *builder, const char *path, const char *source,
			       enum entry_type type, bool covers)
{
	builder->mounts =
		xreallocarray(builder->mounts, builder->mount_count + 1, sizeof(*builder->mounts));
	builder->mounts[builder->mount_count] = (struct mount){
		.path = xstrdup(path),
		.source = xstrdup(source),
		.type = type,
		.covers = covers,
	};
	return &builder->mounts[builder->mount_count++];
}

/* What gives way takes along what was to be mounted in it. */
static void remove_mounts_below(struct builder *builder, const char *path)
{
	size_t kept = 0;

	for (size_t i = 0; i < builder->mount_count; i++) {
		struct mount *mount = &builder->mounts[i];

		if (is_within(mount->path, path)) {
			free(mount->path);
			free(mount->source);
		} else {
			builder->mounts[kept++] = *mount;
		}
	}
	builder->mount_count = kept;
}

/* Leave the file PLACE, an entry of DIRECTORY, out of it, or cover it. */
static void exclude_file(struct builder *builder, const char *directory, const char *place,
			 enum entry_type type, const char *what)
{
	_cleanup_free_ char *why = NULL;
	struct change *change = change_directory(builder, directory, what, &why);
	struct mount *mount;

	if (change) {
		strlist_add(&change->dropped, name_of(place));
		return;
	}
	if (type == ENTRY_SYMLINK) {
		warn("%s: skipped, for it is a link, which cannot be covered, and %s", what, why);
		return;
	}
	if (is_kernels(builder, directory))
		note("%s: an empty file covers it, for %s", what, why);
	else
		warn("%s: an empty file covers it, for %s", what, why);
	mount = add_mount(builder, place, NULL, ENTRY_FILE, true);
	mount->hides = mount->configured = true;
}

void builder_exclude(struct builder *builder, const char *path)
{
	_cleanup_free_ char *what = xasprintf("exclude of %s", path);
	_cleanup_free_ char *parent = path_parent(path), *directory = NULL, *place = NULL;
	_cleanup_free_ char *target = NULL;
	const struct host_view *view = builder->view;
	struct change *change;
	enum entry_type type;
	int r;

	/* the entry itself is left out, so that a link as the last component is not followed */
	r = host_resolve(view, parent, true, &directory, &type);
	if (r == 0) {
		place = path_join(directory, name_of(path));
		r = view->look(view->context, place, &type, &target);
	}
	if (r < 0) {
		note("%s: nothing to do, for there is none: %s", what, strerror(-r));
		return;
	}
	if (is_nix(place)) {
		warn("%s: skipped, for it is %s, and /nix is shown as it is", what, place);
		return;
	}
	if (emptied_above(builder, place))
		return;
	if (type != ENTRY_DIRECTORY) {
		exclude_file(builder, directory, place, type, what);
		return;
	}
	change = builder_change_at(builder, place);
	if (!change)
		change = add_change(builder, place);
	listing_clear(&change->listing);
	change->emptied = true;
	remove_mounts_below(builder, place);
}

/* The mount, of those planned so far, in which PATH lies; the last one made, so the topmost. */
static const struct mount *mount_above(const struct builder *builder, const char *path)
{
	for (size_t i = builder->mount_count; i > 0; i--)
		if (is_within(path, builder->mounts[i - 1].path))
			return &builder->mounts[i - 1];
	return NULL;
}

/* Is PATH itself the target of a mount planned so far? */
static bool is_mounted(const struct builder *builder, const char *path)
{
	const struct mount *mount = mount_above(builder, path);

	return mount && strcmp(mount->path, path) == 0;
}

/*
 * What PATH (its parents without links) will be inside, as planned so far. 0 or -errno, as from
 * view->look; *TARGET likewise.
 */
static int look_inside(const struct builder *builder, const char *path, enum entry_type *type,
		       char **target)
{
	const struct host_view *view = builder->view;
	const struct mount *mount = mount_above(builder, path);
	_cleanup_free_ char *parent = path_parent(path);
	const struct change *change;

	if (mount && strcmp(mount->path, path) == 0) {
		*type = mount->type;
		return 0;
	}
	if (mount && mount->source) {
		_cleanup_free_ char *there =
			xasprintf("%s%s", mount->source, path + strlen(mount->path));

		return view->look(view->context, there, type, target);
	}
	if (mount)
		return -ENOENT; /* a new directory, with nothing in it that was not added above */
	if (emptied_above(builder, parent))
		return -ENOENT;
	change = builder_change_at(builder, parent);
	if (change && strlist_has(&change->dropped, name_of(path)))
		return -ENOENT;
	return view->look(view->context, path, type, target);
}

/*
 * Make room for a new entry PATH in its parent, which is there: the parent must be ours to write,
 * that is a new directory or a changed one. False, after a message, where that cannot be.
 */
static bool make_room(struct builder *builder, const char *path, const char *what)
{
	_cleanup_free_ char *parent = path_parent(path), *why = NULL;
	const struct mount *mount = mount_above(builder, parent);
	struct change *change;

	if (mount && !mount->source)
		return true;
	if (mount) {
		warn("%s: skipped, for %s is mounted from %s and has no such entry", what,
		     mount->path, mount->source);
		return false;
	}
	if (is_nix(parent)) {
		warn("%s: skipped, for it would lie in %s, and /nix is shown as it is", what,
		     parent);
		return false;
	}
	change = change_directory(builder, parent, what, &why);
	if (!change) {
		warn("%s: skipped, for %s", what, why);
		return false;
	}
	if (!strlist_has(&change->dropped, name_of(path)))
		strlist_add(&change->dropped, name_of(path));
	return true;
}

/*
 * Follow LINK to where it leads inside, as planned so far. *RESOLVED is the caller's to free, also
 * after an error. 0 or -errno; -EXDEV where it leads out of a mount planned, or into one: it is
 * followed on the host, which is another place there.
 */
static int follow_inside(const struct builder *builder, const char *link, char **resolved,
			 enum entry_type *type)
{
	_cleanup_free_ char *none = NULL;
	int r;

	if (mount_above(builder, link))
		return -EXDEV;
	r = host_resolve(builder->view, link, true, resolved, type);
	if (r < 0)
		return r;
	if (mount_above(builder, *resolved) && !is_mounted(builder, *resolved))
		return -EXDEV;
	return look_inside(builder, *resolved, type, &none);
}

/*
 * Follow the links of TARGET's parents, as far as there are such directories inside, and make the
 * rest of them. Returns TARGET with its parents resolved, the caller's to free, or NULL after a
 * message.
 */
static char *make_parents(struct builder *builder, const char *target, const char *what)
{
	_cleanup_free_ char *parent = path_parent(target), *above = NULL, *resolved = NULL;
	_cleanup_free_ char *link = NULL;
	enum entry_type type;
	int r;

	if (!parent[1])
		return xstrdup(target);
	above = make_parents(builder, parent, what);
	if (!above)
		return NULL;
	r = look_inside(builder, above, &type, &link);
	if (r == 0 && type == ENTRY_SYMLINK) {
		r = follow_inside(builder, above, &resolved, &type);
		if (r < 0 && r != -ENOENT) {
			warn("%s: skipped, for the link %s cannot be followed: %s", what, above,
			     r == -EXDEV ? "it leads through another mount" : strerror(-r));
			return NULL;
		}
	}
	if (r == 0 && type != ENTRY_DIRECTORY) {
		warn("%s: skipped, for %s is not a directory", what, above);
		return NULL;
	}
	if (r == -ENOENT) {
		/* nothing there, or a link that leads nowhere inside, which gives way */
		if (!make_room(builder, above, what))
			return NULL;
		add_mount(builder, above, NULL, ENTRY_DIRECTORY, false);
		return path_join(above, name_of(target));
	}
	if (r < 0) {
		warn("%s: skipped, for %s cannot be looked at: %s", what, above, strerror(-r));
		return NULL;
	}
	return path_join(resolved ? resolved : above, name_of(target));
}

void builder_mount(struct builder *builder, const char *source, const char *target,
		   enum mount_kind kind)
{
	_cleanup_free_ char *what = xasprintf("mount of %s on %s", source, target);
	_cleanup_free_ char *from = NULL, *place = NULL, *link = NULL;
	bool configured = kind == MOUNT_CONFIGURED;
	enum entry_type type, there;
	int r = host_resolve(builder->view, source, true, &from, &type);

	if (r < 0) {
		if (kind != MOUNT_IF_PRESENT || (r != -ENOENT && r != -ENOTDIR))
			warn("%s: skipped, for %s cannot be found: %s", what, source, strerror(-r));
		return;
	}
	place = make_parents(builder, target, what);
	if (!place)
		return;
	if (is_nix(place)) {
		warn("%s: skipped, for that is %s, and /nix is shown as it is", what, place);
		return;
	}
	r = look_inside(builder, place, &there, &link);
	if (r == 0 && there == type) {
		add_mount(builder, place, from, type, true)->configured = configured;
		return;
	}
	/* nothing there, or a link or something of another kind, which gives way */
	if (r < 0 && r != -ENOENT)
		warn("%s: skipped, for it cannot be looked at: %s", what, strerror(-r));
	else if (r == 0 && is_mounted(builder, place))
		warn("%s: skipped, for another mount puts a %s there", what,
		     there == ENTRY_DIRECTORY ? "directory" : "file");
	else if (make_room(builder, place, what)) {
		remove_mounts_below(builder, place);
		add_mount(builder, place, from, type, false)->configured = configured;
	}
}

static int by_length(const void *a, const void *b)
{
	const struct change *const *left = a, *const *right = b;
	size_t left_len = strlen((*left)->path), right_len = strlen((*right)->path);

	return left_len < right_len ? -1 : left_len > right_len;
}

void builder_sort(struct builder *builder)
{
	qsort(builder->changes, builder->change_count, sizeof(struct change *), by_length);
}

bool builder_is_moot(const struct builder *builder, const struct change *change)
{
	_cleanup_free_ char *path = xstrdup(change->path);

	while (path[1]) {
		char *parent = path_parent(path);
		const struct change *above = builder_change_at(builder, parent);
		bool gone =
			above && (above->emptied || strlist_has(&above->dropped, name_of(path)));

		free(path);
		path = parent;
		if (gone)
			return true;
	}
	return false;
}

void builder_clear(struct builder *builder)
{
	for (size_t i = 0; i < builder->change_count; i++)
		free_change(builder->changes[i]);
	free(builder->changes);
	for (size_t i = 0; i < builder->mount_count; i++) {
		free(builder->mounts[i].path);
		free(builder->mounts[i].source);
	}
	free(builder->mounts);
	*builder = (struct builder){0};
}
