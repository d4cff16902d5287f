/* A home directory of a test's own, and the place of a Nix directory in it. Include after cmocka.h.
 */
#ifndef TEST_AT_HOME_H
#define TEST_AT_HOME_H

#include "install/site.h"

#include "../place.h"

/*
 * For a setup: the environment is empty but for HOME, an empty directory; SITE gets what
 * home_find() finds there, and NIX, relative to it, as its Nix directory. Returns the directory,
 * for at_home_end(); NULL: it could not be made.
 */
static inline struct place *at_home(struct site *site, const char *nix)
{
	void *place = NULL;

	if (empty_environment(NULL) != 0 || place_setup(&place) != 0)
		return NULL;
	assert_int_equal(setenv("HOME", ((struct place *)place)->path, 1), 0);
	assert_int_equal(home_find(&site->home), 0);
	site->nix_dir = path_join(((struct place *)place)->path, nix);
	return place;
}

/* For a teardown, with its result. */
static inline int at_home_end(struct place *place, struct site *site)
{
	void *state = place;

	site_clear(site);
	return place_teardown(&state);
}

#endif
