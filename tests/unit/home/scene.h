/*
 * A home directory with nothing in it, for a user of whom nothing is known. Include after cmocka.h.
 */
#ifndef TEST_SCENE_H
#define TEST_SCENE_H

#include "home/home.h"

#include "../place.h"

struct scene {
	struct place *place;
	struct home home;
	char *bin;
};

static inline int scene_setup(void **state)
{
	static const char *const variables[] = {
		"SHELL",	   "ZDOTDIR",	    "XDG_BIN_HOME",
		"XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME",
		"XDG_STATE_HOME",  "BASH_ENV",	    "ENV"};
	struct scene *scene = xcalloc(1, sizeof(*scene));
	void *place;

	if (place_setup(&place) != 0)
		return -1;
	scene->place = place;
	for (size_t i = 0; i < sizeof(variables) / sizeof(variables[0]); i++)
		unsetenv(variables[i]);
	setenv("HOME", scene->place->path, 1);
	*state = scene;
	scene->bin = path_join(scene->place->path, ".local/bin");
	return home_find(&scene->home);
}

static inline int scene_teardown(void **state)
{
	struct scene *scene = *state;
	void *place = scene->place;
	int r = place_teardown(&place);

	unsetenv("SHELL");
	unsetenv("ZDOTDIR");
	home_clear(&scene->home);
	free(scene->bin);
	free(scene);
	return r;
}

static inline void put(const struct scene *scene, const char *name, const char *text)
{
	_cleanup_free_ char *path = path_join(scene->place->path, name);

	assert_int_equal(fs_put_file(path, text, strlen(text), 0644), 0);
}

static inline char *get(const struct scene *scene, const char *name)
{
	char *text = NULL;
	size_t len;

	return fs_read_file(scene->place->fd, name, 1 << 16, &text, &len) < 0 ? NULL : text;
}

#define scene_test(name) cmocka_unit_test_setup_teardown(name, scene_setup, scene_teardown)

#endif
