/*
 * A home directory with a Nix directory, whose programs are shell scripts, for tests that run them
 * inside. Include after cmocka.h.
 */
#ifndef TEST_FAKE_NIX_H
#define TEST_FAKE_NIX_H

#include "install/script.h"
#include "store/layout.h"
#include "util/cleanup.h"
#include "util/fs.h"

#include <stdlib.h>
#include <string.h>

#include "../capture.h"
#include "../child.h"
#include "../place.h"
#include "../run/own_mounts.h"

#define HASH(digit) "0000000000000000000000000000010" #digit
#define NIX	    HASH(0) "-nix-1"
#define PROFILE	    HASH(1) "-profile"
#define CACERT	    HASH(2) "-cacert"
#define CERTS	    "etc/ssl/certs/ca-bundle.crt"

struct fake_nix {
	struct place *place;
	struct progress progress;
	char *nix_dir;
	struct script_request request;
	char *said; /* of the last call */
};

static inline void fake_put(const struct fake_nix *nix, const char *name, const char *text)
{
	_cleanup_free_ char *path = path_join(nix->nix_dir, name), *above = path_parent(path);

	assert_int_equal(fs_mkdirs(AT_FDCWD, above, 0755), 0);
	assert_int_equal(fs_replace_file(AT_FDCWD, path, text, strlen(text), 0755), 0);
	assert_int_equal(chmod(path, 0755), 0);
}

/* The program NAME, which runs BODY. */
static inline void fake_program(const struct fake_nix *nix, const char *name, const char *body)
{
	_cleanup_free_ char *text = xasprintf("#!/bin/sh\n%s\n", body);

	fake_put(nix, name, text);
}

static inline void fake_link(const struct fake_nix *nix, const char *name, const char *target)
{
	_cleanup_free_ char *path = path_join(nix->nix_dir, name), *above = path_parent(path);

	assert_int_equal(fs_mkdirs(AT_FDCWD, above, 0755), 0);
	(void)!unlink(path);
	assert_int_equal(symlink(target, path), 0);
}

/* The contents of NAME in the Nix directory, "" if it is missing; the caller frees. */
static inline char *fake_text(const struct fake_nix *nix, const char *name)
{
	_cleanup_free_ char *path = path_join(nix->nix_dir, name);
	char *text = NULL;
	size_t len;

	return fs_read_file(AT_FDCWD, path, 1 << 20, &text, &len) < 0 ? xstrdup("") : text;
}

static inline int fake_setup(void **state)
{
	struct fake_nix *nix = xcalloc(1, sizeof(*nix));
	void *place = NULL;

	if (empty_environment(NULL) != 0 || place_setup(&place) != 0)
		return -1;
	nix->place = place;
	setenv("PATH", "/usr/bin:/bin", 1);
	setenv("HOME", nix->place->path, 1);
	progress_init(&nix->progress);
	nix->nix_dir = path_join(nix->place->path, "nix");
	fake_program(nix, "store/" NIX "/bin/nix", "echo 'nix (Nix) 1'");
	fake_link(nix, "store/" PROFILE "/bin/nix", "/nix/store/" NIX "/bin/nix");
	fake_link(nix, "../.nix-profile", "/nix/store/" PROFILE);
	assert_int_equal(fs_mkdirs(nix->place->fd, "nix/" LAYOUT_STAGING, 0755), 0);
	nix->request = (struct script_request){
		.nix_dir = nix->nix_dir,
		.runtime = RUNTIME_USERNS,
		.nix_dir_fd = fs_open_dir(nix->place->fd, "nix"),
		.top = "nix-1",
		.progress = &nix->progress,
	};
	*state = nix;
	return nix->request.nix_dir_fd < 0;
}

static inline int fake_teardown(void **state)
{
	struct fake_nix *nix = *state;
	void *place = nix->place;
	int r = place_teardown(&place);

	close(nix->request.nix_dir_fd);
	free(nix->nix_dir);
	free(nix->said);
	free(nix);
	return r;
}

/* For a call whose words are then in nix->said. */
#define SAID(nix, result, call)                                 \
	do {                                                    \
		struct capture capture;                         \
		int r;                                          \
                                                                \
		free(steal_ptr(&(nix)->said));                  \
		capture_begin(&capture);                        \
		r = call;                                       \
		(nix)->said = capture_end(&capture);            \
		if (r != (result))                              \
			fail_msg("%d, and %s", r, (nix)->said); \
	} while (0)

#endif
