/* store_commit() where the kernel or the file system refuses something. */
#include "commit_world.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

/* From now on renameat2(2) with flags fails with ERR: with EINVAL if the file system has none. */
static bool refuse_rename_flags(int err)
{
	struct sock_filter program[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_renameat2, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			 (uint32_t)offsetof(struct seccomp_data, args[4])),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (uint32_t)err),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog filter = {.len = sizeof(program) / sizeof(program[0]), .filter = program};

	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
	       prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter, 0, 0) == 0;
}

static void replace_without_exchange(struct scratch *scratch, int err)
{
	struct world world = world_new(scratch);
	int status;
	pid_t pid;

	existing(&world);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		struct store_result result;

		if (!refuse_rename_flags(err) ||
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

/* Calls store_commit() where a system call fails, as refuse_call_with() has it: what is said. */
static char *refused_with(const struct world *world, long number, unsigned which, long value,
			  int err, bool replace)
{
	int saved = stderr_begin(world->scratch), status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		struct store_result result;

		refuse_call_with(number, which, value, err);
		_exit(commit(world, replace, &result) == -1 && result.names.count == 0 ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	return stderr_end(world->scratch, saved);
}

static char *refused(const struct world *world, long number, int err, bool replace)
{
	return refused_with(world, number, 0, -1, err, replace);
}

static void test_replace_without_exchange(void **state)
{
	replace_without_exchange(*state, EINVAL);
}

static void test_replace_on_an_old_kernel(void **state)
{
	replace_without_exchange(*state, ENOSYS);
}

/* An exchange that fails for another reason is not tried in another way. */
static void test_exchange_fails(void **state)
{
	struct world world = world_new(*state);
	_cleanup_free_ char *said = NULL;

	existing(&world);
	said = refused(&world, SYS_renameat2, EROFS, true);
	assert_says(said,
		    "cannot move a store path to NIX/store/" NAME_A ": Read-only file system\n");
	assert_file(world.nix, "store/" NAME_A "/bin/tool", "old");
	world_free(&world);
}

/*
 * From now on renameat(2) fails if it does not change the name, so that a path can be put aside and
 * back, but none can come from staging.
 */
static bool refuse_rename_of_same_name(void)
{
#ifdef SYS_renameat
	struct sock_filter program[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_renameat, 0, 5),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			 (uint32_t)offsetof(struct seccomp_data, args[1])),
		BPF_STMT(BPF_MISC | BPF_TAX, 0),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			 (uint32_t)offsetof(struct seccomp_data, args[3])),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_X, 0, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EIO),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog filter = {.len = sizeof(program) / sizeof(program[0]), .filter = program};

	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter, 0, 0) == 0;
#else
	return false;
#endif
}

/* If the staged path cannot take the place of the one that was put aside, that one comes back. */
static void test_the_way_back(void **state)
{
	struct world world = world_new(*state);
	_cleanup_free_ char *said = NULL;
	int saved, status;
	pid_t pid;

	existing(&world);
	saved = stderr_begin(world.scratch);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		struct store_result result;

		if (!refuse_rename_flags(EINVAL) || !refuse_rename_of_same_name())
			_exit(2);
		_exit(commit(&world, true, &result) == -1 ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	said = stderr_end(world.scratch, saved);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 2)
		skip();
	assert_int_equal(status, 0);
	assert_says(said, "cannot move a store path to NIX/store/" NAME_A ": Input/output error\n");
	assert_file(world.nix, "store/" NAME_A "/bin/tool", "old");
	assert_file(world.nix, "store/" NAME_A "/more", "old");
	world_free(&world);
}

/* If the data cannot be written to the disk, nothing is moved. What helps depends on the reason. */
static void test_not_on_disk(void **state)
{
	static const struct {
		int err;
		const char *advice;
	} cases[] = {
		{ENOSPC, "make room there (or raise the quota) and run it again\n"},
		{EDQUOT, "make room there (or raise the quota) and run it again\n"},
		{EXDEV, "store/ must be a plain directory on the file system that var/ is on\n"},
		{EIO, "the disk fails: the kernel's log (dmesg) says more\n"},
		{EROFS, "look at the permissions and mount options of that directory\n"},
	};
	struct world world = world_new(*state);
	_cleanup_free_ char *said = NULL;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		_cleanup_free_ char *words =
			xasprintf("nix-user-chroot: cannot write to disk what goes to NIX/store: "
				  "%s\n  %s",
				  strerror(cases[i].err), cases[i].advice);

		said = refused(&world, SYS_syncfs, cases[i].err, false);
		assert_string_equal(said, words);
		assert_int_equal(entries_of(world.nix, "store"), 0);
		free(steal_ptr(&said));
	}
	/* the record was written by the tries before, so the first directory is what fails */
	said = refused(&world, SYS_fsync, EIO, false);
	assert_says(said, "cannot make NIX/store: Input/output error\n");
	assert_int_equal(entries_of(world.nix, "store"), 0);
	world_free(&world);
}

/* A mode that cannot be changed: before the exchange, and after the rename. */
static void test_modes_stay(void **state)
{
	struct world world = world_new(*state);
	_cleanup_free_ char *said = NULL;

	existing(&world);
	said = refused_with(&world, SYS_fchmod, 1, 0755, EPERM, true);
	assert_string_equal(said, "nix-user-chroot: cannot move a store path to NIX/store/" NAME_A
				  ": Operation not permitted\n  look at the permissions and mount "
				  "options of that directory\n");
	assert_file(world.nix, "store/" NAME_A "/bin/tool", "old");
	free(steal_ptr(&said));
	said = refused_with(&world, SYS_fchmod, 1, 0555, EPERM, false);
	assert_string_equal(said, "nix-user-chroot: cannot chmod NIX/store/" NAME_A
				  ": Operation not permitted\n  look at the permissions and mount "
				  "options of that directory\n");
	world_free(&world);
}

static int without_processes(struct scratch *scratch, int err)
{
	struct world world = world_new(scratch);
	struct store_result result;

	refuse_call(SYS_clone, -1, EAGAIN);
	if (err)
		refuse_call(SYS_syncfs, -1, err);
	MUST(fork() == -1);
	if (err) /* nothing is moved */
		return commit(&world, false, &result) == -1 && entries_of(world.nix, "store") == 0
			       ? 0
			       : 1;
	return commit(&world, false, &result) == 0 && result.added == 3 ? 0 : 1;
}

static int no_process(struct scratch *scratch)
{
	return without_processes(scratch, 0);
}

static int no_process_and_no_disk(struct scratch *scratch)
{
	return without_processes(scratch, EIO);
}

/* Without a process of its own for that, the disk is waited for all the same. */
static void test_no_process(void **state)
{
	assert_int_equal(in_child(*state, no_process, NULL), 0);
}

static void test_no_process_and_no_disk(void **state)
{
	_cleanup_free_ char *said = NULL;

	assert_int_equal(in_child(*state, no_process_and_no_disk, &said), 0);
	assert_says(said, "cannot write to disk what goes to NIX/store: Input/output error\n");
}

static void test_no_links(void **state)
{
	struct world world = world_new(*state);
	static const char words[] = "nix-user-chroot: cannot put links in the place of the staged "
				    "copy of NIX/store: ";
	_cleanup_(record_clear) struct record record = RECORD_NONE;
	_cleanup_free_ char *links = NULL, *removal = NULL;

	/* the record is there: so nothing else is linked or removed */
	assert_int_equal(fs_mkdirs(world.nix, LAYOUT_STATE, 0755), 0);
	assert_int_equal(record_open(world.nix, &record), 0);
	links = refused(&world, SYS_symlinkat, EPERM, false);
	assert_int_equal(strncmp(links, words, strlen(words)), 0);
	removal = refused(&world, SYS_unlinkat, EPERM, false);
	assert_int_equal(strncmp(removal, words, strlen(words)), 0);
	/* the store paths are where they belong */
	assert_file(world.nix, "store/" NAME_A "/bin/tool", "new");
	world_free(&world);
}

#define WITH_SCRATCH(test) cmocka_unit_test_setup_teardown(test, scratch_setup, scratch_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_SCRATCH(test_replace_without_exchange),
		WITH_SCRATCH(test_replace_on_an_old_kernel),
		WITH_SCRATCH(test_exchange_fails),
		WITH_SCRATCH(test_the_way_back),
		WITH_SCRATCH(test_not_on_disk),
		WITH_SCRATCH(test_modes_stay),
		WITH_SCRATCH(test_no_links),
		WITH_SCRATCH(test_no_process),
		WITH_SCRATCH(test_no_process_and_no_disk),
	};

	return cmocka_run_group_tests_name("store", tests, NULL, NULL);
}
