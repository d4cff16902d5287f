/* store_commit() on made-up staging directories. */
#include "commit_world.h"

#include "store/nar.h"

#include <errno.h>

static void test_commit(void **state)
{
	struct world world = world_new(*state);
	struct store_result result;

	assert_int_equal(commit(&world, false, &result), 0);
	assert_int_equal(result.added, 3);
	assert_int_equal(result.replaced, 0);
	assert_int_equal(result.names.count, 3);
	assert_string_equal(result.names.items[0], NAME_A);
	assert_string_equal(result.names.items[1], NAME_B);
	assert_string_equal(result.names.items[2], NAME_C);
	assert_committed(&world);
	assert_file(world.nix, "store/" NAME_A "/bin/tool", "new");
	store_result_clear(&result);
	assert_int_equal(result.names.count, 0);
	assert_null(result.names.items);
	world_free(&world);
}

/*
 * A path with the same contents stays; one with other contents is damaged, and replaced by the
 * staged one.
 */
static void test_existing(void **state)
{
	struct world world = world_new(*state);
	struct store_result result;
	struct stat before;

	existing(&world);
	before = status_of(world.nix, "store/" NAME_B);
	assert_int_equal(commit(&world, false, &result), 0);
	assert_int_equal(result.names.count, 3);
	assert_int_equal(result.added, 1);
	assert_int_equal(result.replaced, 1);
	assert_int_equal(status_of(world.nix, "store/" NAME_B).st_ino, before.st_ino);
	assert_file(world.nix, "store/" NAME_A "/bin/tool", "new");
	assert_int_equal(status_of(world.nix, "store/" NAME_A).st_mode, S_IFDIR | 0555);
	assert_int_equal(status_of(world.nix, "store/" NAME_B).st_mode, S_IFDIR | 0555);
	/* this path is not in the tarball, and stays as it is */
	assert_int_equal(status_of(world.nix, "store/" HASH_A "-other").st_mode, S_IFDIR | 0755);
	store_result_clear(&result);
	world_free(&world);
}

static void test_replace(void **state)
{
	struct world world = world_new(*state);
	struct store_result result;

	existing(&world);
	assert_int_equal(commit(&world, true, &result), 0);
	assert_int_equal(result.added, 1);
	assert_int_equal(result.replaced, 2);
	assert_committed(&world);
	assert_file(world.nix, "store/" NAME_A "/bin/tool", "new");
	assert_false(is_there(world.nix, "store/" NAME_A "/more"));
	assert_true(is_there(world.nix, "store/" HASH_A "-other"));
	store_result_clear(&result);
	world_free(&world);
}

/* A path is replaced by another type: a directory by a symlink, a file by a directory. */
static void test_replace_kinds(void **state)
{
	struct world world = world_new(*state);
	struct store_result result;

	assert_int_equal(fs_mkdirs(world.nix, "store/" NAME_C "/was/directory", 0755), 0);
	make_file(world.nix, "store/" NAME_B, "was file", 0444);
	assert_int_equal(symlinkat("/etc", world.nix, "store/" NAME_A), 0);
	assert_int_equal(commit(&world, true, &result), 0);
	assert_int_equal(result.replaced, 3);
	assert_committed(&world);
	store_result_clear(&result);
	world_free(&world);
}

/* The existing path may be a symlink to a directory outside, whose mode must not be changed. */
static void test_existing_symlink(void **state)
{
	struct world world = world_new(*state);
	_cleanup_close_ int outside = make_dir(world.scratch, "outside");
	struct store_result result;

	assert_int_equal(fs_mkdirs(world.nix, "store", 0755), 0);
	assert_int_equal(symlinkat("../../outside", world.nix, "store/" NAME_A), 0);
	assert_int_equal(commit(&world, false, &result), 0);
	assert_int_equal(status_of(world.scratch->fd, "outside").st_mode, S_IFDIR | 0755);
	assert_int_equal(count_children(outside), 0);
	store_result_clear(&result);
	world_free(&world);
}

static void test_foreign_names(void **state)
{
	struct world world = world_new(*state);
	_cleanup_free_ char *said = NULL;

	assert_int_equal(fs_mkdirs(world.top, "store/not-a-store-path", 0755), 0);
	said = commit_fails(&world, false);
	assert_says(said, "no store path");
	/* store_commit() must refuse before the first rename */
	assert_int_equal(status_of(world.top, "store/" NAME_A).st_mode, S_IFDIR | 0755);
	assert_false(is_there(world.nix, "store/" NAME_A));
	world_free(&world);
}

static void test_no_staged_store(void **state)
{
	struct world world = world_new(*state);
	_cleanup_free_ char *missing = NULL, *symlink = NULL;

	assert_int_equal(fs_remove_tree(world.top, "store"), 0);
	missing = commit_fails(&world, false);
	assert_string_equal(missing, "nix-user-chroot: there is no staged store/ to move to "
				     "NIX/store: No such file or directory\n  run it again\n");
	assert_int_equal(symlinkat("../nix", world.top, "store"), 0);
	symlink = commit_fails(&world, false);
	assert_says(symlink, "no staged store/");
	world_free(&world);
}

static void test_store_is_file(void **state)
{
	struct world world = world_new(*state);
	_cleanup_free_ char *said = NULL;

	make_file(world.nix, "store", "", 0644);
	said = commit_fails(&world, false);
	assert_says(said, "NIX/store: Not a directory\n");
	world_free(&world);
}

static void test_store_is_dangling(void **state)
{
	struct world world = world_new(*state);
	_cleanup_free_ char *said = NULL;

	assert_int_equal(symlinkat("nowhere", world.nix, "store"), 0);
	said = commit_fails(&world, false);
	assert_says(said, "NIX/store: ");
	assert_false(is_there(world.nix, "nowhere"));
	world_free(&world);
}

static void test_store_read_only(void **state)
{
	struct world world = world_new(*state);
	_cleanup_free_ char *said = NULL;
	struct store_result result;

	/* root can write there anyway */
	if (geteuid() == 0)
		skip();
	assert_int_equal(fs_mkdirs(world.nix, "store", 0555), 0);
	said = commit_fails(&world, false);
	assert_says(said, "NIX/store/" NAME_A ": Permission denied\n");
	assert_true(is_there(world.top, "store/" NAME_A));
	/* once the reason is gone, the same call succeeds */
	assert_int_equal(fchmodat(world.nix, "store", 0755, 0), 0);
	assert_int_equal(commit(&world, false, &result), 0);
	assert_committed(&world);
	store_result_clear(&result);
	world_free(&world);
}

/* Wherever store_commit() was stopped, the next call commits the rest. */
static void test_half_done(void **state)
{
	struct world world = world_new(*state);
	struct store_result result;

	assert_int_equal(fs_mkdirs(world.nix, "store", 0755), 0);
	assert_int_equal(renameat(world.top, "store/" NAME_A, world.nix, "store/" NAME_A), 0);
	assert_int_equal(commit(&world, false, &result), 0);
	assert_int_equal(result.added, 2);
	assert_int_equal(result.names.count, 2);
	store_result_clear(&result);
	world_free(&world);
}

/* A staged directory that cannot be moved as it is, and one of each other type and of no type. */
static void test_staged_modes(void **state)
{
	struct world world = world_new(*state);
	struct store_result result;
	_cleanup_free_ char *said = NULL;

	assert_int_equal(fchmodat(world.top, "store/" NAME_A, 0555, 0), 0);
	assert_int_equal(commit(&world, false, &result), 0);
	assert_committed(&world);
	store_result_clear(&result);
	assert_int_equal(fs_remove_tree(world.top, "store"), 0);
	assert_int_equal(fs_mkdirs(world.top, "store/" NAME_B, 0755), 0);
	assert_int_equal(fs_mkdirs(world.top, "store/" NAME_A, 0555), 0);
	make_file(world.top, "store/" HASH_A "-file", "", 0444);
	assert_int_equal(commit(&world, false, &result), 0);
	assert_int_equal(result.added, 1);
	assert_int_equal(result.replaced, 1); /* A */
	assert_int_equal(status_of(world.nix, "store/" HASH_A "-file").st_mode, S_IFREG | 0444);
	assert_int_equal(status_of(world.nix, "store/" NAME_A).st_mode, S_IFDIR | 0555);
	store_result_clear(&result);
	assert_int_equal(mkfifoat(world.top, "store/" HASH_A "-fifo", 0644), 0);
	said = commit_fails(&world, false);
	assert_says(said, "no store path");
	assert_false(is_there(world.nix, "store/" HASH_A "-fifo"));
	world_free(&world);
}

/* What is recorded of a path: its digest, by which a later run sees damage. */
static void test_recorded(void **state)
{
	struct world world = world_new(*state);
	_cleanup_(record_clear) struct record record = RECORD_NONE;
	_cleanup_close_ int store = -1;
	struct store_result result;
	char hex[SHA256_HEX_LEN + 1];
	struct sha256 digest;

	assert_int_equal(commit(&world, false, &result), 0);
	store = fs_open_dir(world.nix, "store");
	assert_int_equal(record_read(world.nix, &record), 0);
	assert_true(record.is_begun);
	assert_int_equal(record.count, 3);
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(nar_digest(store, result.names.items[i], &digest), 0);
		sha256_format(&digest, hex);
		assert_string_equal(record_store_path(&record, result.names.items[i])->value, hex);
	}
	store_result_clear(&result);
	world_free(&world);
}

/* What another user owns is neither used nor replaced. */
static void test_of_another_user(void **state)
{
	struct world world = world_new(*state);
	_cleanup_free_ char *belongs =
		xasprintf("NIX/store/" NAME_A " is there already, and belongs "
			  "to user %lu: ",
			  (unsigned long)geteuid());

	/* root is trusted by everyone */
	if (geteuid() == 0)
		skip();
	existing(&world);
	world.self = geteuid() + 1;
	for (int replace = 0; replace < 2; replace++) {
		_cleanup_free_ char *said = commit_fails(&world, replace);

		assert_says(said, belongs);
		assert_file(world.nix, "store/" NAME_A "/bin/tool", "old");
	}
	world_free(&world);
}

/* A path whose contents cannot be read is damaged. */
static void test_unreadable(void **state)
{
	struct world world = world_new(*state);
	struct store_result result;

	if (geteuid() == 0)
		skip();
	assert_int_equal(fs_mkdirs(world.nix, "store/" NAME_A "/bin", 0755), 0);
	make_file(world.nix, "store/" NAME_A "/bin/tool", "new", 0);
	assert_int_equal(commit(&world, false, &result), 0);
	assert_int_equal(result.added, 2);
	assert_int_equal(result.replaced, 1);
	assert_file(world.nix, "store/" NAME_A "/bin/tool", "new");
	store_result_clear(&result);
	world_free(&world);
}

static void test_unreachable(void **state)
{
	struct world world = world_new(*state);
	_cleanup_free_ char *said = NULL;

	if (geteuid() == 0)
		skip();
	assert_int_equal(fs_mkdirs(world.nix, "store", 0600), 0);
	said = commit_fails(&world, false);
	assert_says(said, "cannot look at NIX/store/" NAME_A ": Permission denied\n");
	world_free(&world);
}

#define WITH_SCRATCH(test) cmocka_unit_test_setup_teardown(test, scratch_setup, scratch_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_SCRATCH(test_commit),
		WITH_SCRATCH(test_existing),
		WITH_SCRATCH(test_replace),
		WITH_SCRATCH(test_replace_kinds),
		WITH_SCRATCH(test_existing_symlink),
		WITH_SCRATCH(test_foreign_names),
		WITH_SCRATCH(test_no_staged_store),
		WITH_SCRATCH(test_store_is_file),
		WITH_SCRATCH(test_store_is_dangling),
		WITH_SCRATCH(test_store_read_only),
		WITH_SCRATCH(test_half_done),
		WITH_SCRATCH(test_staged_modes),
		WITH_SCRATCH(test_recorded),
		WITH_SCRATCH(test_of_another_user),
		WITH_SCRATCH(test_unreachable),
		WITH_SCRATCH(test_unreadable),
	};

	return cmocka_run_group_tests_name("store", tests, NULL, NULL);
}
