#include "chroot/plan.h"
#include "chroot/plan_builder.h"
#include "ui/log.h"
#include "util/cleanup.h"
#include "util/text.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define NIX	      "/nix"
#define OPENGL_SOURCE NIX "/var/nix/opengl-driver/lib"
#define OPENGL_TARGET "/run/opengl-driver/lib"

static struct plan_step *add_step(struct plan *plan, enum plan_type type, const char *path,
				  const char *source)
{
	if ((plan->count & (plan->count - 1)) == 0)
		plan->steps = xreallocarray(plan->steps, plan->count ? 2 * plan->count : 1,
					    sizeof(*plan->steps));
	plan->steps[plan->count] = (struct plan_step){
		.type = type,
		.path = xstrdup(path),
		.source = xstrdup(source),
	};
	return &plan->steps[plan->count++];
}

/* The directory's entries, one by one, less those that are dropped. */
static void explode(struct plan *plan, const struct builder *builder, const struct change *change)
{
	for (size_t i = 0; i < change->listing.count; i++) {
		const struct entry *entry = &change->listing.entries[i];
		_cleanup_free_ char *path = path_join(change->path, entry->name);

		if (strlist_has(&change->dropped, entry->name) || strcmp(path, NIX) == 0)
			continue;
		if (builder_change_at(builder, path))
			add_step(plan, PLAN_DIRECTORY, path, NULL);
		else if (entry->type == ENTRY_SYMLINK)
			add_step(plan, PLAN_SYMLINK, path, entry->target);
		else if (entry->type == ENTRY_DIRECTORY)
			add_step(plan, PLAN_BIND_DIRECTORY, path, path);
		else
			add_step(plan, PLAN_BIND_FILE, path, path);
	}
}

/* / comes first, and is the one that needs no tmpfs of its own: it is the new root. */
static void add_changes(struct plan *plan, const struct builder *builder)
{
	for (size_t i = 0; i < builder->change_count; i++) {
		const struct change *change = builder->changes[i];
		_cleanup_free_ char *parent = path_parent(change->path);

		if (builder_is_moot(builder, change))
			continue;
		if (i > 0 && !builder_change_at(builder, parent))
			add_step(plan, PLAN_TMPFS, change->path, NULL);
		explode(plan, builder, change);
		if (i == 0)
			add_step(plan, PLAN_NIX, NIX, NULL);
	}
}

static void add_mounts(struct plan *plan, const struct builder *builder)
{
	for (size_t i = 0; i < builder->mount_count; i++) {
		const struct mount *mount = &builder->mounts[i];
		enum plan_type type = PLAN_DIRECTORY;

		if (mount->hides)
			type = PLAN_HIDE_FILE;
		else if (mount->source && mount->type == ENTRY_DIRECTORY)
			type = mount->covers ? PLAN_COVER_DIRECTORY : PLAN_BIND_DIRECTORY;
		else if (mount->source)
			type = mount->covers ? PLAN_COVER_FILE : PLAN_BIND_FILE;
		add_step(plan, type, mount->path, mount->source)->configured = mount->configured;
	}
}

/*
 * The profile that [profile] speaks of: where it was before Nix 2.14 (nix-env(1), "Files"), or
 * where it is today. NULL where neither is there.
 */
static char *find_profile(const struct plan_input *input)
{
	_cleanup_free_ char *classic =
		input->user ? xasprintf(NIX "/var/nix/profiles/per-user/%s/profile", input->user)
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

static void plan_profile_mounts(struct builder *builder, const struct plan_input *input)
{
	const struct path_config *config = input->config;
	_cleanup_free_ char *profile = NULL;

	if (config->profile_count == 0)
		return;
	profile = find_profile(input);
	if (!profile) {
		_cleanup_free_ char *user = text_shown(input->user ? input->user : "(unknown)");

		log_warning("the [profile] mounts of " PATH_CONFIG_FILE " are skipped: there is no "
			    "profile of user %s\nnix-env -i makes one",
			    user);
		return;
	}
	for (size_t i = 0; i < config->profile_count; i++) {
		_cleanup_free_ char *source = path_join(profile, config->profile[i].source);

		builder_mount(builder, source, config->profile[i].target, MOUNT_CONFIGURED);
	}
}

/* Where the new root begins its life: /tmp as other tools do it, else any directory will do. */
static char *choose_work_dir(const struct listing *root)
{
	const char *chosen = NULL;

	for (size_t i = 0; i < root->count; i++) {
		const struct entry *entry = &root->entries[i];

		if (entry->type != ENTRY_DIRECTORY)
			continue;
		if (strcmp(entry->name, "tmp") == 0)
			return xstrdup("/tmp");
		if (!chosen)
			chosen = entry->name;
	}
	return chosen ? xasprintf("/%s", chosen) : NULL;
}

/* Will there be an entry NAME (which begins with '/') in the new root? */
static bool is_taken(const struct builder *builder, const char *name)
{
	const struct listing *root = &builder->changes[0]->listing;

	for (size_t i = 0; i < root->count; i++)
		if (strcmp(root->entries[i].name, name + 1) == 0)
			return true;
	for (size_t i = 0; i < builder->mount_count; i++)
		if (strcmp(builder->mounts[i].path, name) == 0)
			return true;
	return false;
}

/* A name for what is in the new root only while it is built: WISH, or longer. To be freed. */
static char *choose_name(const struct builder *builder, const char *wish)
{
	char *name = xstrdup(wish);

	while (is_taken(builder, name)) {
		char *longer = xasprintf("%s_", name);

		free(name);
		name = longer;
	}
	return name;
}

int plan_build(const struct plan_input *input, struct plan *out)
{
	_cleanup_(builder_clear) struct builder builder = {.view = input->view};
	const struct path_config *config = input->config;
	const struct listing *root;
	int r;

	*out = (struct plan){0};
	r = builder_start(&builder);
	if (r < 0) {
		log_error("cannot list /: %s\nits entries are what is shown inside, so it must be "
			  "readable",
			  strerror(-r));
		return -1;
	}
	for (size_t i = 0; i < config->excludes.count; i++)
		builder_exclude(&builder, config->excludes.items[i]);
	builder_mount(&builder, OPENGL_SOURCE, OPENGL_TARGET, MOUNT_IF_PRESENT);
	plan_profile_mounts(&builder, input);
	for (size_t i = 0; i < config->absolute_count; i++)
		builder_mount(&builder, config->absolute[i].source, config->absolute[i].target,
			      MOUNT_CONFIGURED);
	builder_sort(&builder);

	root = &builder.changes[0]->listing;
	out->work_dir = choose_work_dir(root);
	if (!out->work_dir) {
		log_error(
			"there is no directory in / to begin the new root on\nmake one, such as /tmp");
		return -1;
	}
	out->old_root = choose_name(&builder, "/.old-root");
	out->empty_file = choose_name(&builder, "/.empty-file");
	add_changes(out, &builder);
	add_mounts(out, &builder);
	return 0;
}

void plan_clear(struct plan *plan)
{
	for (size_t i = 0; i < plan->count; i++) {
		free(plan->steps[i].path);
		free(plan->steps[i].source);
	}
	free(plan->steps);
	free(plan->work_dir);
	free(plan->old_root);
	free(plan->empty_file);
	*plan = (struct plan){0};
}
