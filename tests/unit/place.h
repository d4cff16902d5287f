/*
 * A directory for one test, and the environment of one. Include after cmocka.h.
 */
#ifndef TEST_PLACE_H
#define TEST_PLACE_H

#include "util/cleanup.h"
#include "util/fs.h"
#include "util/str.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct place {
	char *path;
	int fd;
	struct stat stdin_before;
};

/*
 * For cmocka_unit_test_setup_teardown(): makes an empty directory; *STATE becomes a struct place *.
 */
static inline int place_setup(void **state)
{
	const char *tmp = env_get("TMPDIR");
	struct place *place = xcalloc(1, sizeof(*place));

	place->path = xasprintf("%s/nix-user-chroot-test.XXXXXX", tmp ? tmp : "/tmp");
	assert_non_null(mkdtemp(place->path));
	place->fd = fs_open_dir(AT_FDCWD, place->path);
	(void)!fstat(STDIN_FILENO, &place->stdin_before);
	*state = place;
	return place->fd < 0;
}

/* Also fails the test if its subject has closed descriptor 0, which it was not given. */
static inline int place_teardown(void **state)
{
	struct place *place = *state;
	int r = fs_remove_tree(AT_FDCWD, place->path);
	struct stat now = {0};

	(void)!fstat(STDIN_FILENO, &now);
	if (!fs_same_inode(&now, &place->stdin_before))
		r = -1;
	close(place->fd);
	free(place->path);
	free(place);
	return r;
}

/* Makes the program NAME, which runs BODY in sh, and returns its path; the caller frees. */
static inline char *place_script(const struct place *place, const char *name, const char *body)
{
	_cleanup_free_ char *text = xasprintf("#!/bin/sh\n%s\n", body);

	assert_int_equal(fs_replace_file(place->fd, name, text, strlen(text), 0755), 0);
	assert_int_equal(fchmodat(place->fd, name, 0755, 0), 0);
	return path_join(place->path, name);
}

/* clearenv(3); cmocka, which asks the environment for each line, goes on to print TAP. */
static inline void clear_environment(void)
{
	const char *output = getenv("CMOCKA_MESSAGE_OUTPUT");

	if (output && strcmp(output, "TAP") == 0)
		cmocka_set_message_output(CM_OUTPUT_TAP);
	clearenv();
}

/* A setup for tests that need an empty environment, except for TMPDIR. */
static inline int empty_environment(void **state)
{
	_cleanup_free_ char *tmp = xstrdup(getenv("TMPDIR"));

	(void)state;
	clear_environment();
	return tmp ? setenv("TEST_TMPDIR", tmp, 1) + setenv("TMPDIR", tmp, 1) : 0;
}

#endif
