/*
 * A home directory in which Nix 2.26.3 is installed, as far as --install looks before it starts
 * anything: a store path, the database, the profile, nix.conf and the record. Include after
 * cmocka.h.
 */
#ifndef TEST_COMPLETE_H
#define TEST_COMPLETE_H

#include "install/request.h"
#include "store/layout.h"

#include "../child.h"
#include "../place.h"

#define COMPLETE_NAME "00000000000000000000000000000100-nix-2.26.3"
#define COMPLETE_A64  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

struct complete {
	struct place *place;
	char *nix;
	char *argv[2];
	struct install_request request; /* without links */
};

static inline void complete_put(const struct complete *at, const char *name, const char *text)
{
	_cleanup_free_ char *path = path_join(at->place->path, name), *above = path_parent(path);

	assert_int_equal(fs_mkdirs(AT_FDCWD, above, 0755), 0);
	assert_int_equal(fs_replace_file(AT_FDCWD, path, text, strlen(text), 0644), 0);
}

/* The record, with the lines MORE in front of the last one, and then LAST. */
static inline void complete_put_record(const struct complete *at, const char *more,
				       const char *last)
{
	_cleanup_free_ char *text =
		xasprintf("nix-user-chroot-record 1\nstore " COMPLETE_NAME
			  "\n%scomplete 2.26.3 x86_64-linux " COMPLETE_A64 " https://x/t\n%s",
			  more, last);

	complete_put(at, "nix/" LAYOUT_RECORD, text);
}

static inline bool complete_has(const struct complete *at, const char *name)
{
	return fs_exists(at->place->fd, name);
}

/* A database that knows the store path, as far as anybody looks. */
static inline void complete_put_database(const struct complete *at)
{
	_cleanup_free_ char *bytes = xcalloc(8192, 1);

	memcpy(bytes, "SQLite format 3", 16);
	bytes[16] = 0x10;
	bytes[31] = 2;
	strcpy(bytes + 100, "/nix/store/" COMPLETE_NAME " x");
	complete_put(at, "nix/var/nix/db/db.sqlite", "");
	assert_int_equal(
		fs_replace_file(at->place->fd, "nix/var/nix/db/db.sqlite", bytes, 8192, 0644), 0);
}

/* For cmocka_unit_test_setup_teardown(): *STATE becomes a struct complete *. */
static inline int complete_setup(void **state)
{
	struct complete *at = xcalloc(1, sizeof(*at));
	void *place = NULL;

	umask(022);
	if (empty_environment(NULL) != 0 || place_setup(&place) != 0)
		return -1;
	*state = at;
	at->place = place;
	at->nix = path_join(at->place->path, "nix");
	at->argv[0] = fs_self_path();
	at->request = (struct install_request){.program_argv = at->argv, .no_shims = true};
	complete_put(at, "nix/store/" COMPLETE_NAME "/bin/nix", "x");
	assert_int_equal(fchmodat(at->place->fd, "nix/store/" COMPLETE_NAME "/bin/nix", 0555, 0),
			 0);
	complete_put(at, "nix/" LAYOUT_NIX_CONF, "sandbox = true\n");
	complete_put_database(at);
	assert_int_equal(symlinkat("/nix/store/" COMPLETE_NAME, at->place->fd, ".nix-profile"), 0);
	complete_put_record(at, "", "");
	return setenv("HOME", at->place->path, 1) + setenv("NIX_USER_CHROOT_DIR", at->nix, 1);
}

static inline int complete_teardown(void **state)
{
	struct complete *at = *state;
	void *place = at->place;
	int r = place_teardown(&place);

	free(at->nix);
	free(at->argv[0]);
	free(at);
	return r;
}

/* Make the COUNT links NAMES to this program in ~/.local/bin. */
static inline void complete_put_links(const struct complete *at, const char *const *names,
				      size_t count)
{
	_cleanup_free_ char *bin = path_join(at->place->path, ".local/bin");

	assert_int_equal(fs_mkdirs(AT_FDCWD, bin, 0755), 0);
	for (size_t i = 0; i < count; i++) {
		_cleanup_free_ char *path = path_join(bin, names[i]);

		assert_int_equal(symlink(at->argv[0], path), 0);
	}
}

#endif
