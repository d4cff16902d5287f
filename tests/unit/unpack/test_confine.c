/*
 * What a confined child can reach: asked from inside, since only the kernel's answers count; in
 * namespaces of its own, and where a host refuses them.
 */
#include "unpack_fixture.h"

#include "ui/log.h"
#include "unpack/confine.h"

#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <sys/time.h>

/* Checks that CALL fails with ERR; if not, reports it on the result pipe and continues. */
#define REFUSED(call, err)                                                               \
	do {                                                                             \
		errno = 0;                                                               \
		if ((long)(call) != -1 || errno != (err))                                \
			dprintf(1, "%s: errno %d instead of %d\n", #call, errno, (err)); \
	} while (0)
#define HOLDS(condition)                                     \
	do {                                                 \
		if (!(condition))                            \
			dprintf(1, "not: %s\n", #condition); \
	} while (0)

struct world {
	const char *dir; /* the parent of the root, outside */
	bool is_plain;	 /* without namespaces: Landlock confines the child */
};

static void look_at_descriptors(void)
{
#ifndef __SANITIZE_ADDRESS__
	struct stat st;

	/* descriptor 2 is /dev/null, so the terminal cannot be reached */
	HOLDS(fstat(2, &st) == 0 && S_ISCHR(st.st_mode) && st.st_rdev == makedev(1, 3));
#endif
	for (int fd = 3; fd < 256; fd++)
		REFUSED(fcntl(fd, F_GETFD), EBADF);
}

static int look_for_files(void *ctx)
{
	const struct world *world = ctx;
	const int err = world->is_plain ? EACCES : ENOENT;
	struct stat here, up;
	struct statvfs st;

	look_at_descriptors();
	REFUSED(open("/etc/passwd", O_RDONLY), err);
	REFUSED(open("/proc/self/status", O_RDONLY), err);
	REFUSED(open(world->dir, O_RDONLY), err);
	REFUSED(open("../../../../../../../../etc", O_RDONLY), err);
	if (world->is_plain)
		REFUSED(open("../beside", O_WRONLY | O_CREAT, 0600), EACCES);
	REFUSED(link("../victim", "linked"), world->is_plain ? EXDEV : ENOENT);
	REFUSED(chmod(world->dir, 0777), ENOSYS);
	REFUSED(truncate("../victim", 0), ENOSYS);
	REFUSED(unlink("marker"), ENOSYS);
	HOLDS(stat("marker", &here) == 0);
	HOLDS(open("made", O_WRONLY | O_CREAT | O_EXCL, 04755) >= 0);
	HOLDS(open("for-all", O_WRONLY | O_CREAT | O_EXCL, 0666) >= 0);
	HOLDS(open("program-for-all", O_WRONLY | O_CREAT | O_EXCL, 0777) >= 0);
	HOLDS(environ == NULL || *environ == NULL);
	if (world->is_plain)
		return 7;
	HOLDS(stat("/", &here) == 0 && stat("/../..", &up) == 0);
	HOLDS(here.st_ino == up.st_ino && here.st_dev == up.st_dev);
	HOLDS(statvfs("/", &st) == 0);
	HOLDS((st.f_flag & (ST_NOSUID | ST_NODEV | ST_NOEXEC)) ==
	      (ST_NOSUID | ST_NODEV | ST_NOEXEC));
	return 7;
}

static int read_and_write(void *ctx)
{
	char line[16];
	ssize_t n = read(0, line, sizeof(line));

	(void)ctx;
	HOLDS(n == 5 && memcmp(line, "hello", 5) == 0);
	/* the descriptor of the lock belongs to the keeper, not to this process */
	REFUSED(read(3, line, sizeof(line)), EBADF);
	return 0;
}

static int crash(void *ctx)
{
	(void)ctx;
	__builtin_trap();
}

/*
 * Tries to write more than a file may have, to get more memory than allowed, and to run for ever.
 */
static int use_too_much(void *ctx)
{
	static const char block[1 << 16];
	int fd = open("large", O_WRONLY | O_CREAT, 0600);

	(void)ctx;
	for (int i = 0; i < 16; i++)
		HOLDS(write(fd, block, sizeof(block)) == sizeof(block));
	REFUSED(write(fd, block, sizeof(block)), EFBIG);
#ifndef __SANITIZE_ADDRESS__
	void *p = malloc((size_t)128 << 20);

	HOLDS(p);
	free(p);
	/* volatile: otherwise the compiler could leave the call out */
	void *volatile q = malloc((size_t)1 << 30);

	HOLDS(!q);
#endif
	for (volatile bool go = true; go;)
		;
	return 0;
}

static struct confine_request request_for(int root, int in_fd, int out_fd, int (*run)(void *ctx))
{
	return (struct confine_request){
		.root_fd = root,
		.in_fd = in_fd,
		.out_fd = out_fd,
		.keep_fd = -1,
		.memory = UINT64_C(256) << 20,
		.file_bytes = 1 << 20,
		.seconds = 1,
		.run = run,
	};
}

/*
 * Runs RUN in a child, confined to SCRATCH/root; it must report nothing. Returns 0, or a number
 * that says what is wrong.
 */
static int run_confined(struct scratch *scratch, int (*run)(void *), int status, int in_fd,
			int keep_fd, bool is_plain)
{
	int root = fs_open_dir(scratch->fd, "root"), pipes[2];
	struct world world = {.dir = scratch->dir, .is_plain = is_plain};
	struct confine_request request;
	struct confined child;
	char said[4096];
	ssize_t n;

	MUST(pipe2(pipes, O_CLOEXEC) == 0);
	request = request_for(root, in_fd, pipes[1], run);
	request.keep_fd = keep_fd;
	request.ctx = &world;
	MUST(confine_spawn(&request, &child) == 0);
	close(pipes[1]);
	MUST(child.namespaces == !is_plain);
	MUST(child.to_root || landlock_version() == 0);
	/* the first version of Landlock refuses hard links, and is done without if it can be */
	MUST(child.landlock == (is_plain || landlock_version() > 1 ? landlock_version() : 0));
	MUST(confine_wait(child.pid) == status);
	n = read(pipes[0], said, sizeof(said) - 1);
	MUST(n >= 0);
	said[n] = '\0';
	if (n > 0)
		fprintf(stderr, "%s", said);
	return n > 0;
}

static int files(struct scratch *scratch)
{
	umask(077);
	/* like a descriptor of a careless library: with a high number, and without O_CLOEXEC */
	MUST(fcntl(scratch->fd, F_DUPFD, 100) == 100);
	return run_confined(scratch, look_for_files, 7, STDIN_FILENO, -1, false);
}

static int files_plain(struct scratch *scratch)
{
	refuse_namespaces();
	umask(027);
	MUST(fcntl(scratch->fd, F_DUPFD, 100) == 100);
	return run_confined(scratch, look_for_files, 7, STDIN_FILENO, -1, true);
}

static void make_root(const struct scratch *scratch)
{
	_cleanup_close_ int root = make_dir(scratch, "root");

	make_file(root, "marker", "#!/bin/sh\n", 0755);
	make_file(scratch->fd, "victim", "untouched", 0600);
}

/* The umask inside is 0, and the files that were made inside are here. */
static void assert_modes(const struct scratch *scratch)
{
	assert_int_equal(status_of(scratch->fd, "root/made").st_mode, S_IFREG | 04755);
	assert_int_equal(status_of(scratch->fd, "root/for-all").st_mode, S_IFREG | 0666);
	assert_int_equal(status_of(scratch->fd, "root/program-for-all").st_mode, S_IFREG | 0777);
}

static void test_files(void **state)
{
	struct scratch *scratch = *state;

	make_root(scratch);
	assert_int_equal(in_child(scratch, files, NULL), 0);
	assert_modes(scratch);
	assert_false(is_there(scratch->fd, "beside"));
}

static void test_files_plain(void **state)
{
	struct scratch *scratch = *state;

	if (landlock_version() == 0)
		skip();
	make_root(scratch);
	assert_int_equal(in_child(scratch, files_plain, NULL), 0);
	assert_modes(scratch);
	assert_false(is_there(scratch->fd, "beside"));
	assert_false(is_there(scratch->fd, "root/linked"));
	assert_file(scratch->fd, "victim", "untouched");
}

static int descriptors(struct scratch *scratch)
{
	int in = openat(scratch->fd, "in", O_RDONLY | O_CLOEXEC);
	int keep = openat(scratch->fd, "keep", O_RDONLY | O_CLOEXEC);

	return run_confined(scratch, read_and_write, 0, in, keep, false);
}

static int descriptors_plain(struct scratch *scratch)
{
	int in = openat(scratch->fd, "in", O_RDONLY | O_CLOEXEC);
	int keep = openat(scratch->fd, "keep", O_RDONLY | O_CLOEXEC);

	refuse_namespaces();
	return run_confined(scratch, read_and_write, 0, in, keep, true);
}

static void test_descriptors(void **state)
{
	struct scratch *scratch = *state;

	make_root(scratch);
	make_file(scratch->fd, "in", "hello", 0600);
	make_file(scratch->fd, "keep", "kept", 0600);
	assert_int_equal(in_child(scratch, descriptors, NULL), 0);
	assert_int_equal(in_child(scratch, descriptors_plain, NULL), 0);
}

static int too_much(struct scratch *scratch)
{
	return run_confined(scratch, use_too_much, 128 + SIGXCPU, STDIN_FILENO, -1, false);
}

static int too_much_plain(struct scratch *scratch)
{
	refuse_namespaces();
	return run_confined(scratch, use_too_much, 128 + SIGXCPU, STDIN_FILENO, -1, true);
}

static void test_limits(void **state)
{
	struct scratch *scratch = *state;

	make_root(scratch);
	assert_int_equal(in_child(scratch, too_much, NULL), 0);
	assert_int_equal(in_child(scratch, too_much_plain, NULL), 0);
}

static int no_landlock(struct scratch *scratch)
{
	_cleanup_close_ int root = fs_open_dir(scratch->fd, "root"),
			    null = open("/dev/null", O_RDWR);
	struct confine_request request = request_for(root, null, null, read_and_write);
	struct confined child;

	log_set_level(LOG_VERBOSE);
	refuse_landlock();
	/* without Landlock, namespaces confine the child */
	MUST(confine_spawn(&request, &child) == 0 && child.to_root && child.landlock == 0);
	confine_wait(child.pid);
	/* with neither, only the filter does: this works, and is reported */
	refuse_namespaces();
	MUST(confine_spawn(&request, &child) == 0 && !child.to_root && !child.namespaces);
	confine_wait(child.pid);
	return 0;
}

static void test_no_landlock(void **state)
{
	_cleanup_free_ char *said = NULL;

	make_root(*state);
	assert_int_equal(in_child(*state, no_landlock, &said), 0);
	/* one of the two is said to be without both */
	assert_string_equal(
		said, "nix-user-chroot: the unpacking has no namespaces of its own: unshare: "
		      "Operation not permitted\nnix-user-chroot: the unpacking is confined by a "
		      "seccomp filter alone: this kernel has no Landlock\n");
}

/* Landlock is there, and cannot be entered: then it does not confine the child. */
static int landlock_fails(struct scratch *scratch)
{
	_cleanup_close_ int root = fs_open_dir(scratch->fd, "root"),
			    null = open("/dev/null", O_RDWR);
	struct confine_request request = request_for(root, null, null, read_and_write);
	struct confined child;

	refuse_call(446 /* landlock_restrict_self */, -1, EPERM);
	MUST(confine_spawn(&request, &child) == 0 && child.to_root && child.landlock == 0);
	confine_wait(child.pid);
	refuse_namespaces();
	MUST(confine_spawn(&request, &child) == 0 && !child.to_root && child.landlock == 0);
	confine_wait(child.pid);
	return 0;
}

static void test_landlock_fails(void **state)
{
	if (landlock_version() == 0)
		skip();
	make_root(*state);
	assert_int_equal(in_child(*state, landlock_fails, NULL), 0);
}

static int no_filter(struct scratch *scratch)
{
	_cleanup_close_ int root = fs_open_dir(scratch->fd, "root"),
			    null = open("/dev/null", O_RDWR);
	struct confine_request request = request_for(root, null, null, look_for_files);
	struct confined child;

	refuse_filters();
	return confine_spawn(&request, &child) == -1 ? 0 : 1;
}

static int no_filter_plain(struct scratch *scratch)
{
	refuse_namespaces();
	return no_filter(scratch);
}

/* If the filter cannot be set, no work is done, with namespaces or without. */
static void test_no_filter(void **state)
{
	struct scratch *scratch = *state;
	_cleanup_free_ char *said = NULL, *plain = NULL;

	make_root(scratch);
	assert_int_equal(in_child(scratch, no_filter, &said), 0);
	assert_says(said, "cannot confine the unpacking to its directory: "
			  "prctl(PR_SET_SECCOMP): Invalid argument");
	assert_int_equal(in_child(scratch, no_filter_plain, &plain), 0);
	assert_says(plain, "unshare: Operation not permitted");
	assert_says(plain, "prctl(PR_SET_SECCOMP): Invalid argument");
	assert_says(plain, "--check");
	assert_false(is_there(scratch->fd, "root/made"));
}

static void test_crash(void **state)
{
	struct scratch *scratch = *state;
	_cleanup_close_ int root = make_dir(scratch, "root"), null = open("/dev/null", O_RDWR);
	struct confine_request request = request_for(root, null, null, crash);
	struct confined child;
	int status;

	assert_int_equal(confine_spawn(&request, &child), 0);
	status = confine_wait(child.pid);
	assert_true(status == 128 + SIGILL || status == 128 + SIGTRAP || status == 128 + SIGABRT);
}

static int ticks, to_close;

static void on_alarm(int sig)
{
	(void)sig;
	if (++ticks == 3)
		close(to_close);
}

/* The work: wait until its descriptor 0 is closed on the other side. */
static int read_to_the_end(void *ctx)
{
	char byte;

	(void)ctx;
	return read(STDIN_FILENO, &byte, 1) == 0 ? 7 : 8;
}

/* A signal to the caller, whose handler interrupts waitpid(2), does not end the waiting. */
static void test_signals_while_waiting(void **state)
{
	struct scratch *scratch = *state;
	const struct itimerval often = {{.tv_usec = 20000}, {.tv_usec = 20000}}, never = {0};
	const struct sigaction handled = {.sa_handler = on_alarm};
	_cleanup_close_ int root = make_dir(scratch, "root"), null = open("/dev/null", O_RDWR);
	struct confine_request request;
	struct sigaction before;
	struct confined child;
	int in[2];

	assert_int_equal(pipe2(in, O_CLOEXEC), 0);
	request = request_for(root, in[0], null, read_to_the_end);
	assert_int_equal(confine_spawn(&request, &child), 0);
	close(in[0]);
	ticks = 0;
	to_close = in[1];
	sigaction(SIGALRM, &handled, &before);
	setitimer(ITIMER_REAL, &often, NULL);
	assert_int_equal(confine_wait(child.pid), 7);
	setitimer(ITIMER_REAL, &never, NULL);
	sigaction(SIGALRM, &before, NULL);
	assert_true(ticks >= 3);
}

static int look_at_signals(void *ctx)
{
	struct sigaction now;
	sigset_t blocked;

	(void)ctx;
	if (sigprocmask(SIG_SETMASK, NULL, &blocked) < 0)
		return 8;
	for (int sig = 1; sig <= SIGRTMAX; sig++)
		if (sigismember(&blocked, sig) == 1 ||
		    (sigaction(sig, NULL, &now) == 0 &&
		     (now.sa_handler == SIG_IGN) != (sig == SIGXFSZ)))
			return 9;
	return 7;
}

/* The caller ignores and blocks all signals; but not SIGCHLD, by which it learns the status. */
static int spawn_ignoring(struct scratch *scratch)
{
	int root = make_dir(scratch, "root"), null = open("/dev/null", O_RDWR);
	struct confine_request request = request_for(root, null, null, look_at_signals);
	struct confined child;
	sigset_t all;

	for (int sig = 1; sig <= SIGRTMAX; sig++)
		if (sig != SIGCHLD)
			signal(sig, SIG_IGN);
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	MUST(confine_spawn(&request, &child) == 0);
	return confine_wait(child.pid);
}

static int spawn_ignoring_plain(struct scratch *scratch)
{
	refuse_namespaces();
	return spawn_ignoring(scratch);
}

/* Which signals the caller ignores or blocks is nothing to the child. */
static void test_signals_of_the_caller(void **state)
{
	int r;

	assert_int_equal(in_child(*state, spawn_ignoring, NULL), 7);
	r = in_child(*state, spawn_ignoring_plain, NULL);
	if (r == NO_FILTER)
		skip();
	assert_int_equal(r, 7);
}

/* If the root is not a directory, the failure comes before any work. */
static void test_root_is_file(void **state)
{
	struct scratch *scratch = *state;
	_cleanup_close_ int file = tar_new(scratch), null = open("/dev/null", O_RDWR);
	struct confine_request request = request_for(file, null, null, crash);
	int saved = stderr_begin(scratch);
	struct confined child;
	int r = confine_spawn(&request, &child);
	_cleanup_free_ char *said = stderr_end(scratch, saved);

	assert_int_equal(r, -1);
	assert_says(said,
		    "cannot confine the unpacking to its directory: fchdir: Not a directory\n");
}

#define WITH_SCRATCH(test) cmocka_unit_test_setup_teardown(test, scratch_setup, scratch_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_SCRATCH(test_files),
		WITH_SCRATCH(test_files_plain),
		WITH_SCRATCH(test_descriptors),
		WITH_SCRATCH(test_limits),
		WITH_SCRATCH(test_no_landlock),
		WITH_SCRATCH(test_landlock_fails),
		WITH_SCRATCH(test_no_filter),
		WITH_SCRATCH(test_crash),
		WITH_SCRATCH(test_signals_while_waiting),
		WITH_SCRATCH(test_signals_of_the_caller),
		WITH_SCRATCH(test_root_is_file),
	};

	return cmocka_run_group_tests_name("confine", tests, NULL, NULL);
}
