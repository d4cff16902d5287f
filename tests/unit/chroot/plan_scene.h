/*
 * A test of the plan: a made-up host, a path config, and what has to come of it. Include after
 * cmocka.h.
 */
#ifndef TEST_PLAN_SCENE_H
#define TEST_PLAN_SCENE_H

#include "../capture.h"
#include "../host/fake_host.h"
#include "plan_check.h"

#include "ui/log.h"

#define WARNING "nix-user-chroot: warning: "

/* The input of one test, and the steps and messages that it expects. */
struct scene {
	struct fake_host host;
	const char *excludes[8];
	struct path_mount profile[4], absolute[6]; /* each list ends with an empty mount */
	const char *user, *state_home;
	bool with_ssh;
	uid_t uid;	  /* for ssh */
	const char *home; /* for ssh */
	enum log_level level;
	const char *steps;
	const char *said; /* the expected messages; NULL: none */
};

#define TO(from, to)                                                                   \
	{                                                                              \
		.source = (char *)(uintptr_t)(from), .target = (char *)(uintptr_t)(to) \
	}

static inline int by_target(const void *left, const void *right)
{
	const struct path_mount *a = left, *b = right;

	return strcmp(a->target, b->target);
}

/*
 * The configuration of a scene, as path_config_parse() would return it. The scene owns the mounts'
 * strings.
 */
static inline struct path_config config_of(const struct scene *scene)
{
	struct path_config config = {.mounts = xcalloc(10, sizeof(*config.mounts))};

	for (const char *const *exclude = scene->excludes; *exclude; exclude++)
		strlist_add(&config.excludes, *exclude);
	for (const struct path_mount *mount = scene->profile; mount->source; mount++) {
		config.mounts[config.mount_count] = *mount;
		config.mounts[config.mount_count++].from_profile = true;
		config.needs_profile = true;
	}
	for (const struct path_mount *mount = scene->absolute; mount->source; mount++)
		config.mounts[config.mount_count++] = *mount;
	qsort(config.mounts, config.mount_count, sizeof(*config.mounts), by_target);
	return config;
}

static inline int build(struct scene *scene, struct plan *plan, char **said)
{
	struct host_view view = fake_view(&scene->host);
	struct path_config config = config_of(scene);
	struct capture capture;
	int r;

	log_set_level(scene->level);
	capture_begin(&capture);
	r = plan_build(
		&(struct plan_input){
			.view = &view,
			.config = &config,
			.user = scene->user,
			.state_home = scene->state_home,
			.ssh = scene->with_ssh ? &(struct ssh_view){&view, scene->uid, scene->home}
					       : NULL,
		},
		plan);
	*said = capture_end(&capture);
	strlist_clear(&config.excludes);
	free(config.mounts);
	return r;
}

static inline int by_text(const void *left, const void *right)
{
	return strcmp(*(char *const *)left, *(char *const *)right);
}

/* Returns the lines of TEXT, sorted; the caller frees. */
static inline char *sorted(const char *text)
{
	_cleanup_(strlist_clear) struct strlist lines = {0};
	_cleanup_free_ char *copy = xstrdup(text);
	char *rest = NULL, *out = NULL;
	size_t len;
	FILE *f = xopen_memstream(&out, &len);

	for (char *line = strtok_r(copy, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
		strlist_add(&lines, line);
	qsort(lines.items, lines.count, sizeof(*lines.items), by_text);
	for (size_t i = 0; i < lines.count; i++)
		fprintf(f, "%s\n", lines.items[i]);
	fclose(f);
	return out;
}

/*
 * Builds the plan: its steps must be those of the scene, in any order in which each of them is
 * possible.
 */
static inline void play(struct scene *scene)
{
	_cleanup_(plan_clear) struct plan plan;
	_cleanup_free_ char *said = NULL, *text = NULL, *steps = NULL, *wanted = NULL;

	assert_int_equal(build(scene, &plan, &said), 0);
	text = plan_text(&plan);
	steps = sorted(text);
	wanted = sorted(scene->steps);
	assert_string_equal(steps, wanted);
	assert_string_equal(said, scene->said ? scene->said : "");
	plan_check(&plan, &scene->host);
}

#endif
