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

/* What one test asks for, and what has to come of it. */
struct scene {
	struct fake_host host;
	const char *excludes[8];
	struct path_mount profile[4], absolute[6]; /* ended by an empty one */
	const char *user, *state_home;
	enum log_level level;
	const char *steps;
	const char *said; /* NULL: nothing */
};

#define TO(from, to)                                                                   \
	{                                                                              \
		.source = (char *)(uintptr_t)(from), .target = (char *)(uintptr_t)(to) \
	}

static inline struct path_config config_of(const struct scene *scene)
{
	struct path_config config = {
		.profile = (struct path_mount *)(uintptr_t)scene->profile,
		.absolute = (struct path_mount *)(uintptr_t)scene->absolute,
	};

	for (const char *const *exclude = scene->excludes; *exclude; exclude++)
		strlist_add(&config.excludes, *exclude);
	while (config.profile[config.profile_count].source)
		config.profile_count++;
	while (config.absolute[config.absolute_count].source)
		config.absolute_count++;
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
		},
		plan);
	*said = capture_end(&capture);
	strlist_clear(&config.excludes);
	return r;
}

static inline void play(struct scene *scene)
{
	_cleanup_(plan_clear) struct plan plan;
	_cleanup_free_ char *said = NULL, *text = NULL;

	assert_int_equal(build(scene, &plan, &said), 0);
	text = plan_text(&plan);
	assert_string_equal(text, scene->steps);
	assert_string_equal(said, scene->said ? scene->said : "");
	plan_check(&plan, &scene->host);
}

#endif
