/*
 * What the tests of store_commit() share: a staging directory and a Nix directory, made up. Include
 * before anything else, since it includes cmocka.h.
 */
#ifndef TESTS_COMMIT_WORLD_H
#define TESTS_COMMIT_WORLD_H

#include "../unpack/unpack_fixture.h"

#include "store/commit.h"
#include "store/layout.h"

#define NAME_A HASH_A "-a"
#define NAME_B HASH_B "-b"
#define NAME_C HASH_B "-c"

/*
 * SCRATCH/top has two directories and a symlink staged in store/; SCRATCH/nix is the Nix directory.
 */
struct world {
	struct scratch *scratch;
	int top, nix;
	uid_t self; /* who is trusted */
};

UNUSED_ static struct world world_new(struct scratch *scratch)
{
	struct world world = {scratch, make_dir(scratch, "top"), make_dir(scratch, "nix"),
			      geteuid()};

	assert_int_equal(fs_mkdirs(world.top, "store/" NAME_B, 0755), 0);
	assert_int_equal(fs_mkdirs(world.top, "store/" NAME_A "/bin", 0755), 0);
	make_file(world.top, "store/" NAME_A "/bin/tool", "new", 0555);
	assert_int_equal(symlinkat("target", world.top, "store/" NAME_C), 0);
	assert_int_equal(fchmodat(world.top, "store/" NAME_A "/bin", 0555, 0), 0);
	return world;
}

UNUSED_ static void world_free(struct world *world)
{
	close(world->top);
	close(world->nix);
}

UNUSED_ static int commit(const struct world *world, bool replace, struct store_result *result)
{
	const struct trust trust = {.self = world->self};
	struct store_request request = {
		.trust = &trust,
		.top_fd = world->top,
		.nix_dir_fd = world->nix,
		.nix_path = "NIX",
		.replace = replace,
	};

	_cleanup_(record_clear) struct record record = RECORD_NONE;

	assert_int_equal(fs_mkdirs(world->nix, LAYOUT_STATE, 0755), 0);
	assert_int_equal(record_open(world->nix, &record), 0);
	return store_commit(&request, &record, result);
}

/* Calls store_commit(), which must fail, and returns its messages; the caller frees. */
UNUSED_ static char *commit_fails(const struct world *world, bool replace)
{
	struct store_result result;
	int saved = stderr_begin(world->scratch);
	int r = commit(world, replace, &result);
	char *said = stderr_end(world->scratch, saved);

	assert_int_equal(r, -1);
	assert_int_equal(result.names.count, 0);
	return said;
}

/* Counts the entries of the directory. */
UNUSED_ static int entries_of(int dirfd, const char *path)
{
	_cleanup_closedir_ DIR *dir = fdopendir(fs_open_dir(dirfd, path));
	struct dirent *entry;
	int count = 0;

	assert_non_null(dir);
	while ((entry = readdir(dir)))
		count += entry->d_name[0] != '.';
	return count;
}

UNUSED_ static void assert_committed(const struct world *world)
{
	_cleanup_free_ char *target = NULL;
	struct stat st = status_of(world->nix, "store/" NAME_A);

	assert_int_equal(st.st_mode, S_IFDIR | 0555);
	assert_int_equal(st.st_mtime, 1);
	assert_int_equal(status_of(world->nix, "store/" NAME_B).st_mode, S_IFDIR | 0555);
	assert_int_equal(status_of(world->nix, "store/" NAME_C).st_mode, S_IFLNK | 0777);
	/* the install script finds these paths, and no others, as links to where they are now */
	assert_int_equal(fs_readlink(world->top, "store/" NAME_B, &target), 0);
	assert_string_equal(target, "/nix/store/" NAME_B);
	assert_int_equal(entries_of(world->top, "store"), 3);
}

/* One path is there completely; for another, an earlier run was killed before its chmod. */
UNUSED_ static void existing(const struct world *world)
{
	assert_int_equal(fs_mkdirs(world->nix, "store/" NAME_A "/bin", 0755), 0);
	make_file(world->nix, "store/" NAME_A "/bin/tool", "old", 0444);
	make_file(world->nix, "store/" NAME_A "/more", "old", 0444);
	assert_int_equal(fchmodat(world->nix, "store/" NAME_A "/bin", 0555, 0), 0);
	assert_int_equal(fchmodat(world->nix, "store/" NAME_A, 0555, 0), 0);
	assert_int_equal(fs_mkdirs(world->nix, "store/" NAME_B, 0755), 0);
	assert_int_equal(fs_mkdirs(world->nix, "store/" HASH_A "-other", 0755), 0);
}

#endif
