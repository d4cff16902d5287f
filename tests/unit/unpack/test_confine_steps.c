/*
 * Each step of confining the child fails in turn, as by the kernel's word: without a step of the
 * namespaces it goes on without namespaces, and says so; without another one nothing is run.
 */
#include "unpack_fixture.h"

#include "chroot/namespace.h"
#include "ui/log.h"
#include "unpack/confine.h"

#include "../nth.h"

#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>

/* The work: leave a file, which shows that it began, and with which umask. */
static int leave_a_file(void *ctx)
{
	(void)ctx;
	return open("made", O_RDWR | O_CREAT | O_CLOEXEC, 0666) < 0 ? 1 : 7;
}

/* A system call that fails from now on, by the arguments of refuse_call_if(). */
struct refused {
	const char *step; /* as named in the message */
	long number;
	unsigned index, test;
	uint32_t value;
	int err;
};

static const struct refused *refused; /* what the child of the test refuses */

static const struct refused of_namespaces[] = {
	{"unshare", SYS_unshare, 0, BPF_JGE, 0, EPERM},
	/* a file that is opened only to be written to */
	{"/proc/self/setgroups", SYS_openat, 2, BPF_JSET, O_WRONLY, EACCES},
	{"mount(MS_SLAVE)", SYS_mount, 3, BPF_JSET, MS_SLAVE, EPERM},
	{"statvfs", SYS_statfs, 0, BPF_JGE, 0, EIO},
	{"mount(MS_BIND)", SYS_mount, 3, BPF_JSET, MS_BIND, EPERM},
	{"chdir", SYS_chdir, 0, BPF_JGE, 0, EACCES},
	{"mount(MS_REMOUNT)", SYS_mount, 3, BPF_JSET, MS_REMOUNT, EPERM},
	{"pivot_root", SYS_pivot_root, 0, BPF_JGE, 0, EINVAL},
	{"umount2", SYS_umount2, 0, BPF_JGE, 0, EPERM},
};

static const struct refused of_all[] = {
	{"fchdir", SYS_fchdir, 0, BPF_JGE, 0, EACCES},
	{"setsid", SYS_setsid, 0, BPF_JGE, 0, EPERM},
	{"prctl(PR_SET_PDEATHSIG)", SYS_prctl, 0, BPF_JEQ, PR_SET_PDEATHSIG, EINVAL},
	{"prctl(PR_SET_NO_NEW_PRIVS)", SYS_prctl, 0, BPF_JEQ, PR_SET_NO_NEW_PRIVS, EINVAL},
	{"prctl(PR_CAPBSET_DROP)", SYS_prctl, 0, BPF_JEQ, PR_CAPBSET_DROP, EINVAL},
	{"prctl(PR_CAP_AMBIENT)", SYS_prctl, 0, BPF_JEQ, PR_CAP_AMBIENT, EINVAL},
	{"capset", SYS_capset, 0, BPF_JGE, 0, EPERM},
	{"setrlimit(RLIMIT_CORE)", SYS_prlimit64, 1, BPF_JEQ, RLIMIT_CORE, EPERM},
	{"setrlimit(RLIMIT_NPROC)", SYS_prlimit64, 1, BPF_JEQ, RLIMIT_NPROC, EPERM},
	{"setrlimit(RLIMIT_NOFILE)", SYS_prlimit64, 1, BPF_JEQ, RLIMIT_NOFILE, EPERM},
	{"setrlimit(RLIMIT_FSIZE)", SYS_prlimit64, 1, BPF_JEQ, RLIMIT_FSIZE, EPERM},
	{"setrlimit(RLIMIT_CPU)", SYS_prlimit64, 1, BPF_JEQ, RLIMIT_CPU, EPERM},
#ifndef __SANITIZE_ADDRESS__
	{"setrlimit(RLIMIT_AS)", SYS_prlimit64, 1, BPF_JEQ, RLIMIT_AS, EPERM},
#endif
	{"prctl(PR_SET_SECCOMP)", SYS_prctl, 0, BPF_JEQ, PR_SET_SECCOMP, EINVAL},
};

static void refuse(void)
{
	refuse_call_if(refused->number, refused->index, refused->test, refused->value,
		       refused->err);
}

/*
 * Starts a child in SCRATCH/root that runs RUN, and waits for its end. Returns what confine_spawn()
 * did.
 */
static int spawn(struct scratch *scratch, int (*run)(void *), struct confined *child, int *status)
{
	_cleanup_free_ char *path = path_join(scratch->dir, "root");
	/* by path: a test may have mounted something there */
	_cleanup_close_ int root = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC),
			    null = open("/dev/null", O_RDWR | O_CLOEXEC);
	const struct confine_request request = {
		.root_fd = root,
		.in_fd = null,
		.out_fd = null,
		.keep_fd = -1,
		.memory = UINT64_C(256) << 20,
		.file_bytes = 1 << 20,
		.seconds = 10,
		.run = run,
	};
	int r = confine_spawn(&request, child);

	*status = r == 0 ? confine_wait(child->pid) : -1;
	return r;
}

static int without_namespaces(struct scratch *scratch)
{
	struct confined child;
	int status;

	log_set_level(LOG_VERBOSE);
	umask(077);
	refuse();
	MUST(spawn(scratch, leave_a_file, &child, &status) == 0);
	MUST(status == 7 && !child.namespaces);
	MUST(child.to_root == (child.landlock > 0) && child.landlock == landlock_version());
	return 0;
}

/* If a step of the namespaces fails, the child does without all of them. */
static void test_namespaces_refused(void **state)
{
	struct scratch *scratch = *state;

	close(make_dir(scratch, "root"));
	for (size_t i = 0; i < sizeof(of_namespaces) / sizeof(of_namespaces[0]); i++) {
		_cleanup_free_ char *said = NULL, *wanted = NULL;

		refused = &of_namespaces[i];
		if (in_child(scratch, without_namespaces, &said) != 0)
			fail_msg("%s: %s", refused->step, said);
		wanted = xasprintf("the unpacking has no namespaces of its own: %s: %s\n",
				   refused->step, strerror(refused->err));
		assert_says(said, wanted);
		assert_int_equal(status_of(scratch->fd, "root/made").st_mode, S_IFREG | 0666);
		assert_int_equal(unlinkat(scratch->fd, "root/made", 0), 0);
	}
}

static int not_at_all(struct scratch *scratch)
{
	struct confined child;
	int status;

	refuse();
	MUST(spawn(scratch, leave_a_file, &child, &status) == -1);
	/* no process is left */
	MUST(waitpid(-1, NULL, 0) == -1 && errno == ECHILD);
	return 0;
}

static int not_at_all_plain(struct scratch *scratch)
{
	refuse_namespaces();
	return not_at_all(scratch);
}

/* If any other step fails, the work does not begin. */
static void test_all_refused(void **state)
{
	struct scratch *scratch = *state;

	close(make_dir(scratch, "root"));
	for (size_t i = 0; i < sizeof(of_all) / sizeof(of_all[0]); i++) {
		_cleanup_free_ char *said = NULL, *plain = NULL, *wanted = NULL;

		refused = &of_all[i];
		wanted = xasprintf("%s: %s", refused->step, strerror(refused->err));
		if (in_child(scratch, not_at_all, &said) != 0)
			fail_msg("%s: %s", refused->step, said);
		assert_says(said, "cannot confine the unpacking to its directory: ");
		assert_says(said, wanted);
		if (in_child(scratch, not_at_all_plain, &plain) != 0)
			fail_msg("%s: %s", refused->step, plain);
		assert_says(plain, wanted);
		assert_false(is_there(scratch->fd, "root/made"));
	}
}

/* A child that ends without a word has not been confined. */
static void test_no_word(void **state)
{
	static const struct refused calls[] = {
		{NULL, SYS_fcntl, 1, BPF_JEQ, F_DUPFD_CLOEXEC, EMFILE},
#ifdef SYS_dup2
		{NULL, SYS_dup2, 0, BPF_JGE, 0, EBUSY},
#endif
	};
	struct scratch *scratch = *state;

	close(make_dir(scratch, "root"));
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		_cleanup_free_ char *said = NULL;

		refused = &calls[i];
		if (in_child(scratch, not_at_all, &said) != 0)
			fail_msg("%s", said);
		assert_says(said, "it ended: No child processes");
		assert_false(is_there(scratch->fd, "root/made"));
	}
}

/* Landlock that the kernel has and refuses to enforce confines nobody. */
static int landlock_fails(struct scratch *scratch)
{
	struct confined child;
	int status;

	refuse_namespaces();
	refuse_call(refused->number, -1, EPERM);
	MUST(spawn(scratch, leave_a_file, &child, &status) == 0 && status == 7);
	MUST(child.landlock == 0 && !child.to_root);
	return 0;
}

static void test_landlock_fails(void **state)
{
	/* landlock_add_rule(2), landlock_restrict_self(2) */
	static const struct refused calls[] = {{.number = 445}, {.number = 446}};

	close(make_dir(*state, "root"));
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		refused = &calls[i];
		assert_int_equal(in_child(*state, landlock_fails, NULL), 0);
	}
}

static int beside_namespaces(void *ctx)
{
	struct confined child;
	int status;

	MUST(spawn(ctx, leave_a_file, &child, &status) == 0 && status == 7 && child.to_root);
	return child.namespaces && child.landlock == 0 ? 0 : 1;
}

static int landlock_alone(void *ctx)
{
	struct confined child;
	int status;

	refuse_namespaces();
	MUST(spawn(ctx, leave_a_file, &child, &status) == 0 && status == 7 && child.to_root);
	return child.landlock == 1 ? 0 : 1;
}

/* As on Linux 5.13 to 5.18. It refuses hard links, and namespaces can do without it. */
static void test_first_landlock(void **state)
{
	/* landlock_create_ruleset(2) is asked for the version before all else */
	static const struct nth what = {.number = 444, .nth = 1, .value = 1, .of_children = true};
	static int (*const bodies[])(void *) = {landlock_alone, beside_namespaces};

	if (landlock_version() == 0)
		skip();
	close(make_dir(*state, "root"));
	for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
		int status, r;

		r = nth_happens(&what, bodies[i], *state, &status);
		if (r < 0)
			skip();
		assert_int_equal(r, 1);
		assert_int_equal(status, 0);
	}
}

/* ---- descriptors without close_range(2) ---- */

static int has_three_descriptors(void *ctx)
{
	(void)ctx;
	for (int fd = 3; fd < 1000; fd++)
		if (fcntl(fd, F_GETFD) >= 0)
			return fd < 100 ? fd : 100;
	return 0;
}

static int close_by_proc(struct scratch *scratch)
{
	int null = open("/dev/null", O_RDWR);
	struct confined child;
	int status;

	/* descriptors of each number up to 100, one beyond, and none closed at execve(2) */
	for (int fd = 3; fd < 100; fd++)
		MUST(fcntl(fd, F_GETFD) >= 0 || dup2(null, fd) == fd);
	MUST(dup2(null, 900) == 900);
	refuse_call(SYS_close_range, -1, ENOSYS);
	MUST(spawn(scratch, has_three_descriptors, &child, &status) == 0);
	MUST(child.namespaces && status == 0);
	refuse_namespaces();
	MUST(spawn(scratch, has_three_descriptors, &child, &status) == 0);
	MUST(!child.namespaces && status == 0);
	/* where the descriptors cannot be listed either, nothing is run that would have them */
	refuse();
	MUST(spawn(scratch, has_three_descriptors, &child, &status) == -1);
	return 0;
}

static void test_close_by_proc(void **state)
{
	static const struct refused lists[] = {
		{NULL, SYS_openat, 2, BPF_JSET, O_DIRECTORY, EACCES},
		{NULL, SYS_getdents64, 0, BPF_JGE, 0, EACCES},
	};

	close(make_dir(*state, "root"));
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		_cleanup_free_ char *said = NULL;

		refused = &lists[i];
		if (in_child(*state, close_by_proc, &said) != 0)
			fail_msg("%s", said);
		assert_says(said, "/proc/self/fd: Permission denied");
	}
}

/* ---- flags of the mount below ---- */

static unsigned long root_flags;

static int on_mount(struct scratch *scratch)
{
	_cleanup_free_ char *root = path_join(scratch->dir, "root");
	uid_t uid = geteuid();
	gid_t gid = getegid();
	struct confined child;
	const char *file;
	int status;

	MUST(namespace_unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0);
	MUST(namespace_map_ids(uid, gid, &file) == 0);
	MUST(mount("test", root, "tmpfs", root_flags, NULL) == 0);
	MUST(spawn(scratch, leave_a_file, &child, &status) == 0);
	MUST(child.namespaces);
	MUST(status == (root_flags & MS_RDONLY ? 1 : 7));
	return 0;
}

/* A user namespace may not take away flags of a mount: they are kept, else there are none. */
static void test_mount_flags(void **state)
{
	static const unsigned long flags[] = {
		0,
		MS_RDONLY,
		MS_NOATIME,
		MS_STRICTATIME,
		MS_NODIRATIME,
		MS_NODIRATIME | MS_NOATIME,
		MS_NODIRATIME | MS_STRICTATIME,
		MS_NOSUID | MS_NODEV | MS_NOEXEC,
	};

	close(make_dir(*state, "root"));
	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		root_flags = flags[i];
		if (in_child(*state, on_mount, NULL) != 0)
			fail_msg("flags %#lx", flags[i]);
	}
}

#define WITH_SCRATCH(test) cmocka_unit_test_setup_teardown(test, scratch_setup, scratch_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_SCRATCH(test_namespaces_refused),
		WITH_SCRATCH(test_all_refused),
		WITH_SCRATCH(test_no_word),
		WITH_SCRATCH(test_landlock_fails),
		WITH_SCRATCH(test_first_landlock),
		WITH_SCRATCH(test_close_by_proc),
		WITH_SCRATCH(test_mount_flags),
	};

	return cmocka_run_group_tests_name("confine steps", tests, NULL, NULL);
}
