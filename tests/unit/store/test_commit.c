/* store_commit() on made-up staging directories. */
#include "../unpack/unpack_fixture.h"

#include "store/commit.h"
#include "store/layout.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#define NAME_A HASH_A "-a"
#define NAME_B HASH_B "-b"
#define NAME_C HASH_B "-c"

/*
 * SCRATCH/top has two directories and a symlink staged in store/; SCRATCH/nix is the Nix directory.
 */
struct world {
	struct scratch *scratch;
	int top, nix;
};

static struct world world_new(struct scratch *scratch)
{
	struct world world = {scratch, make_dir(scratch, "top"), make_dir(scratch, "nix")};

	assert_int_equal(fs_mkdirs(world.top, "store/" NAME_B, 0755), 0);
	assert_int_equal(fs_mkdirs(world.top, "store/" NAME_A "/bin", 0755), 0);
	make_file(world.top, "store/" NAME_A "/bin/tool", "new", 0555);
	assert_int_equal(symlinkat("target", world.top, "store/" NAME_C), 0);
	assert_int_equal(fchmodat(world.top, "store/" NAME_A "/bin", 0555, 0), 0);
	return world;
}

static void world_free(struct world *world)
{
	close(world->top);
	close(world->nix);
}

static int commit(const struct world *world, bool replace, struct store_result *result)
{
	const struct trust trust = {.self = geteuid()};
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
static char *commit_fails(const struct world *world, bool replace)
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
static int entries_of(int dirfd, const char *path)
{
	_cleanup_closedir_ DIR *dir = fdopendir(fs_open_dir(dirfd, path));
	struct dirent *entry;
	int count = 0;

	assert_non_null(dir);
	while ((entry = readdir(dir)))
		count += entry->d_name[0] != '.';
	return count;
}

static void assert_committed(const struct world *world)
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
	world_free(&world);
}

/* One path is there completely; for another, an earlier run was killed before its chmod. */
static void existing(const struct world *world)
{
	assert_int_equal(fs_mkdirs(world->nix, "store/" NAME_A "/bin", 0755), 0);
	make_file(world->nix, "store/" NAME_A "/bin/tool", "old", 0444);
	make_file(world->nix, "store/" NAME_A "/more", "old", 0444);
	assert_int_equal(fchmodat(world->nix, "store/" NAME_A "/bin", 0555, 0), 0);
	assert_int_equal(fchmodat(world->nix, "store/" NAME_A, 0555, 0), 0);
	assert_int_equal(fs_mkdirs(world->nix, "store/" NAME_B, 0755), 0);
	assert_int_equal(fs_mkdirs(world->nix, "store/" HASH_A "-other", 0755), 0);
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

/* From now on renameat2(2) with flags fails, as on a file system that supports none. */
static bool refuse_rename_flags(void)
{
	struct sock_filter program[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_renameat2, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			 (uint32_t)offsetof(struct seccomp_data, args[4])),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EINVAL),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog filter = {.len = sizeof(program) / sizeof(program[0]), .filter = program};

	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
	       prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter, 0, 0) == 0;
}

static void test_replace_without_exchange(void **state)
{
	struct world world = world_new(*state);
	int status;
	pid_t pid;

	existing(&world);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		struct store_result result;

		if (!refuse_rename_flags() ||
		    syscall(SYS_renameat2, world.nix, "store", world.nix, "store", 2) != -1)
			_exit(2);
		if (commit(&world, true, &result) < 0)
			_exit(3);
		status = result.replaced == 2 && result.added == 1 ? 0 : 4;
		store_result_clear(&result);
		_exit(status);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 2)
		skip();
	assert_int_equal(status, 0);
	assert_committed(&world);
	assert_file(world.nix, "store/" NAME_A "/bin/tool", "new");
	assert_false(is_there(world.nix, "store/" NAME_A "/more"));
	world_free(&world);
}

/* What is flushed by a process of its own is flushed without one, too. */
static void test_no_process(void **state)
{
	struct world world = world_new(*state);
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		struct store_result result;

		refuse_forks();
		if (commit(&world, false, &result) < 0)
			_exit(1);
		store_result_clear(&result);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_committed(&world);
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
	assert_says(missing, "no staged store/");
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

#define WITH_SCRATCH(test) cmocka_unit_test_setup_teardown(test, scratch_setup, scratch_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_SCRATCH(test_commit),
		WITH_SCRATCH(test_existing),
		WITH_SCRATCH(test_replace),
		WITH_SCRATCH(test_replace_without_exchange),
		WITH_SCRATCH(test_no_process),
		WITH_SCRATCH(test_replace_kinds),
		WITH_SCRATCH(test_existing_symlink),
		WITH_SCRATCH(test_foreign_names),
		WITH_SCRATCH(test_no_staged_store),
		WITH_SCRATCH(test_store_is_file),
		WITH_SCRATCH(test_store_is_dangling),
		WITH_SCRATCH(test_store_read_only),
		WITH_SCRATCH(test_half_done),
	};

	return cmocka_run_group_tests_name("store", tests, NULL, NULL);
}
