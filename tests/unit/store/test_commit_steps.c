/*
 * store_commit() where one call of many fails once. What does not succeed says so; what was moved
 * is whole; and the next --install finishes the rest.
 */
#include "commit_world.h"

#include "../child.h"
#include "../nth.h"

struct
try {
	struct world world;
	bool replace;
	long number; /* of the call that fails */
};

enum { SUCCEEDS, FAILS, HAS_NO_RECORD, IS_WRONG };

static int commit_it(void *ctx)
{
	const struct try *try = ctx;
	const struct trust trust = {.self = geteuid()};
	const struct store_request request = {
		.trust = &trust,
		.top_fd = try->world.top,
		.nix_dir_fd = try->world.nix,
		.nix_path = "NIX",
		.replace = try->replace,
	};
	struct record record = RECORD_NONE;
	struct store_result result;
	size_t before;
	int r;

	/* the disk is not waited for */
	if (try->number != SYS_fsync)
		refuse_call(SYS_fsync, -1, 0);
	refuse_call(SYS_syncfs, -1, 0);
	/* nothing that went wrong here is taken for the reason of anything else */
	if (record_open(try->world.nix, &record) < 0)
		return HAS_NO_RECORD;
	before = count_descriptors();
	errno = 0;
	r = store_commit(&request, &record, &result);
	if (count_descriptors() != before || !child_has_stdin())
		return IS_WRONG;
	if (r == 0)
		return result.names.count == 3 && result.added + result.replaced == 3 ? SUCCEEDS
										      : IS_WRONG;
	return r == -1 && result.names.count == 0 && result.added == 0 ? FAILS : IS_WRONG;
}

static void make_world(struct try *try, struct scratch *scratch)
{
	try->world = world_new(scratch);
	assert_int_equal(fs_mkdirs(try->world.nix, LAYOUT_STATE, 0755), 0);
	if (try->replace)
		existing(&try->world);
	/* so that one symlink is replaced */
	if (try->replace)
		assert_int_equal(symlinkat("old", try->world.nix, "store/" NAME_C), 0);
}

static void remove_world(struct try *try)
{
	assert_int_equal(fs_remove_tree(try->world.scratch->fd, "top"), 0);
	assert_int_equal(fs_remove_tree(try->world.scratch->fd, "nix"), 0);
	world_free(&try->world);
}

/* A path of the store is one that was there before, or the new one, with all that it has. */
static void assert_whole(const struct try *try)
{
	if (!is_there(try->world.nix, "store/" NAME_A))
		return;
	if (is_there(try->world.nix, "store/" NAME_A "/more"))
		assert_file(try->world.nix, "store/" NAME_A "/bin/tool", "old");
	else
		assert_file(try->world.nix, "store/" NAME_A "/bin/tool", "new");
}

struct kind {
	const char *name;
	long number;
	bool may_succeed; /* where a failure changes nothing */
};

/* Let the Nth call of KIND fail. Was there one? */
static bool fails_once(const struct kind *kind, int nth, struct scratch *scratch, bool replace)
{
	const struct nth what = {.number = kind->number,
				 .nth = nth,
				 .err = EIO,
				 .others_are_void = kind->number == SYS_fsync};
	struct try try = {.replace = replace, .number = kind->number};
	_cleanup_free_ char *said = NULL;
	int saved, status, r;

	make_world(&try, scratch);
	saved = stderr_begin(scratch);
	r = nth_happens(&what, commit_it, &try, &status);
	said = stderr_end(scratch, saved);
	if (r < 0)
		skip();
	assert_whole(&try);
	if (r == 0 || (kind->may_succeed && status == SUCCEEDS << 8)) {
		assert_int_equal(status, SUCCEEDS << 8);
		assert_string_equal(said, "");
		assert_committed(&try.world);
	} else if (status != HAS_NO_RECORD << 8) {
		if (status != FAILS << 8 || !strstr(said, "Input/output error\n"))
			fail_msg("%s, the %dth: status %#x, %s", kind->name, nth, status, said);
		assert_true(str_starts_with(said, "nix-user-chroot: "));
	}
	remove_world(&try);
	return r > 0;
}

static void each_call_fails_once(void **state)
{
	static const struct kind kinds[] = {
		{"fsync", SYS_fsync, false},	      {"syncfs", SYS_syncfs, false},
		{"fchmod", SYS_fchmod, false},	      {"mkdirat", SYS_mkdirat, true},
		{"symlinkat", SYS_symlinkat, false},  {"openat", SYS_openat, true},
#ifdef SYS_renameat
		{"renameat", SYS_renameat, false},
#endif
		{"renameat2", SYS_renameat2, false},
#ifdef SYS_newfstatat
		{"newfstatat", SYS_newfstatat, true},
#endif
#ifdef SYS_fstat
		{"fstat", SYS_fstat, true},
#endif
		{"getdents64", SYS_getdents64, true},
	};
	size_t count[2] = {0};

	for (int replace = 0; replace < 2; replace++)
		for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
			for (int nth = 1; fails_once(&kinds[i], nth, *state, replace); nth++)
				count[replace]++;
	assert_true(count[0] > 30 && count[1] > 30);
}

/* ---- what is said ---- */

static char *said_of(struct scratch *scratch, long number, int nth, int err)
{
	struct try try = {.number = number};
	int saved, status, r;
	char *said;

	make_world(&try, scratch);
	saved = stderr_begin(scratch);
	r = nth_fails(number, nth, err, commit_it, &try, &status);
	said = stderr_end(scratch, saved);
	remove_world(&try);
	if (r < 0)
		skip();
	assert_int_equal(r, 1);
	return said;
}

/* Of the steps that flush: which of them failed is said. */
static void names_the_step(void **state)
{
	/* those of the record's file, and then: */
	static const char *const words[] = {
		"cannot make NIX/store: Input/output error\n",
		"cannot write the record in NIX: Input/output error\n",
		"cannot write to disk NIX/store: Input/output error\n",
	};

	for (int nth = 3; nth < 6; nth++) {
		_cleanup_free_ char *said = said_of(*state, SYS_fsync, nth, EIO);

		assert_says(said, words[nth - 3]);
	}
}

/* A signal, as the progress uses them, does not end the wait for the disk. */
static void interrupted(void **state)
{
	_cleanup_free_ char *said = said_of(*state, SYS_wait4, 1, EINTR), *other = NULL;

	assert_string_equal(said, "");
	/* a child that nobody can wait for: nobody knows whether the data is on the disk */
	other = said_of(*state, SYS_wait4, 1, ECHILD);
	assert_says(other, "cannot write to disk what goes to NIX/store: No child processes\n");
}

/* ---- what is left alone ---- */

static int commit_as_another(void *ctx)
{
	struct try *try = ctx;
	const struct trust trust = {.self = geteuid()};
	const struct store_request request = {.trust = &trust,
					      .top_fd = try->world.top,
					      .nix_dir_fd = try->world.nix,
					      .nix_path = ""};
	struct record record = RECORD_NONE;
	struct store_result result;

	if (record_open(try->world.nix, &record) < 0)
		return HAS_NO_RECORD;
#if !defined(SYS_geteuid32)
	/* the number of this error is what geteuid(2) returns */
	refuse_call(SYS_geteuid, -1, 5);
#endif
	return store_commit(&request, &record, &result) == 0 && result.added == 0 ? SUCCEEDS
										  : FAILS;
}

/* A path that is there and the same keeps its time: the user's own, and of a colleague's its mode.
 */
static void the_same_stays(void **state)
{
	struct try try = {0};
	const struct timespec times[] = {{.tv_sec = 1000}, {.tv_sec = 1000}};
	int status;
	pid_t pid;

	make_world(&try, *state);
	assert_int_equal(fs_mkdirs(try.world.nix, "store/" NAME_A "/bin", 0755), 0);
	make_file(try.world.nix, "store/" NAME_A "/bin/tool", "new", 0555);
	assert_int_equal(fchmodat(try.world.nix, "store/" NAME_A "/bin", 0555, 0), 0);
	assert_int_equal(fs_mkdirs(try.world.nix, "store/" NAME_B, 0755), 0);
	assert_int_equal(symlinkat("target", try.world.nix, "store/" NAME_C), 0);
	assert_int_equal(utimensat(try.world.nix, "store/" NAME_C, times, AT_SYMLINK_NOFOLLOW), 0);
	assert_int_equal(fchmodat(try.world.nix, "store/" NAME_B, 0555, 0), 0);
	assert_int_equal(utimensat(try.world.nix, "store/" NAME_B, times, 0), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		_exit(commit_as_another(&try));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, SUCCEEDS << 8);
	assert_int_equal(status_of(try.world.nix, "store/" NAME_C).st_mtime, 1000);
	assert_int_equal(status_of(try.world.nix, "store/" NAME_B).st_mtime, 1000);
#if !defined(SYS_geteuid32)
	assert_int_equal(status_of(try.world.nix, "store/" NAME_A).st_mode, S_IFDIR | 0755);
#endif
	remove_world(&try);
}

#define WITH_SCRATCH(test) cmocka_unit_test_setup_teardown(test, scratch_setup, scratch_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_SCRATCH(each_call_fails_once),
		WITH_SCRATCH(names_the_step),
		WITH_SCRATCH(interrupted),
		WITH_SCRATCH(the_same_stays),
	};

	/* hundreds of trees are made and removed: in memory, that does not wait for the disk */
	if (!env_get("TMPDIR") && access("/dev/shm", W_OK | X_OK) == 0)
		assert_int_equal(setenv("TMPDIR", "/dev/shm", 1), 0);
	return cmocka_run_group_tests_name("store", tests, NULL, NULL);
}
