/* What a confined child can reach: asked from inside, since only the kernel's answers count. */
#include "unpack_fixture.h"

#include "unpack/confine.h"

#include <errno.h>
#include <linux/capability.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>

/* Does CALL fail with ERR? Says so on the result pipe where not, and goes on. */
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
	const char *dir; /* the root's path outside */
	pid_t parent;
};

static int look_for_files(void *ctx)
{
	const struct world *world = ctx;
	struct statvfs st;
	struct stat here, up;

	/* first, while nothing is opened here */
	for (int fd = 3; fd < 256; fd++)
		REFUSED(fcntl(fd, F_GETFD), EBADF);
	REFUSED(open("/etc/passwd", O_RDONLY), ENOENT);
	REFUSED(open("/proc/self/status", O_RDONLY), ENOENT);
	REFUSED(open(world->dir, O_RDONLY), ENOENT);
	REFUSED(open("../../../../../../../../etc", O_RDONLY), ENOENT);
	HOLDS(stat("/", &here) == 0 && stat("/../..", &up) == 0);
	HOLDS(here.st_ino == up.st_ino && here.st_dev == up.st_dev);
	HOLDS(access("/marker", F_OK) == 0);
	HOLDS(open("/made", O_WRONLY | O_CREAT | O_EXCL, 04755) >= 0);
	HOLDS(statvfs("/", &st) == 0);
	HOLDS((st.f_flag & (ST_NOSUID | ST_NODEV | ST_NOEXEC)) ==
	      (ST_NOSUID | ST_NODEV | ST_NOEXEC));
	HOLDS(environ == NULL || *environ == NULL);
	return 7;
}

static int look_for_powers(void *ctx)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct caps[2];
	const struct world *world = ctx;
	struct rlimit limits;
	int death_signal;

	HOLDS(syscall(SYS_capget, &header, caps) == 0);
	for (int i = 0; i < 2; i++)
		HOLDS(!caps[i].effective && !caps[i].permitted && !caps[i].inheritable);
	for (unsigned long cap = 0; cap <= 40; cap++)
		if (prctl(PR_CAPBSET_READ, cap, 0, 0, 0) > 0)
			dprintf(1, "capability %lu is in the bounding set\n", cap);
	HOLDS(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1);
	HOLDS(getpid() == 1);
	REFUSED(kill(world->parent, 0), ESRCH);
	REFUSED(fork(), EPERM);
	REFUSED(socket(AF_INET, SOCK_STREAM, 0), EPERM);
	REFUSED(socket(AF_UNIX, SOCK_STREAM, 0), EPERM);
	REFUSED(unshare(CLONE_NEWUSER), EPERM);
	REFUSED(mount("none", "/", "tmpfs", 0, NULL), EPERM);
	REFUSED(mknod("/null", S_IFCHR | 0666, 0x103), EPERM);
	REFUSED(execl("/marker", "marker", NULL), EPERM);
	REFUSED(syscall(SYS_ptrace, 0, 0, 0, 0), EPERM);
	HOLDS(getrlimit(RLIMIT_NPROC, &limits) == 0 && limits.rlim_max == 0);
	HOLDS(getrlimit(RLIMIT_CORE, &limits) == 0 && limits.rlim_max == 0);
	HOLDS(getuid() == geteuid() && getgid() == getegid());
	HOLDS(prctl(PR_GET_PDEATHSIG, &death_signal, 0, 0, 0) == 0 && death_signal == SIGKILL);
	return 7;
}

static int read_and_write(void *ctx)
{
	char line[16];
	ssize_t n = read(0, line, sizeof(line));

	(void)ctx;
	HOLDS(n == 5 && memcmp(line, "hello", 5) == 0);
	HOLDS(read(3, line, sizeof(line)) == 4 && memcmp(line, "kept", 4) == 0);
	return 0;
}

static int crash(void *ctx)
{
	(void)ctx;
	syscall(SYS_kill, 1, SIGKILL);
	/* the init of a pid namespace is not ended by itself but by a fault: see signal(7) */
	__builtin_trap();
}

/* Run RUN confined to the scratch directory; its words must be none, its status STATUS. */
static void run_confined(struct scratch *scratch, int (*run)(void *), int status, int in_fd,
			 int keep_fd)
{
	_cleanup_close_ int root = make_dir(scratch, "root"), out = -1;
	struct world world = {.dir = scratch->dir, .parent = getpid()};
	struct confine_request request = {
		.root_fd = root, .in_fd = in_fd, .keep_fd = keep_fd, .run = run, .ctx = &world};
	char said[4096];
	int pipes[2];
	ssize_t n;
	pid_t pid;

	if (!is_there(root, "marker"))
		make_file(root, "marker", "#!/bin/sh\n", 0755);
	assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
	out = pipes[0];
	request.out_fd = pipes[1];
	pid = confine_spawn(&request);
	close(pipes[1]);
	assert_true(pid > 0);
	assert_int_equal(confine_wait(pid), status);
	n = read(out, said, sizeof(said) - 1);
	assert_true(n >= 0);
	said[n] = '\0';
	assert_string_equal(said, "");
}

static void test_files(void **state)
{
	struct scratch *scratch = *state;
	/* as a careless library leaves them: without O_CLOEXEC, and high */
	int leaked = fcntl(scratch->fd, F_DUPFD, 100);

	assert_int_equal(leaked, 100);
	run_confined(scratch, look_for_files, 7, STDIN_FILENO, -1);
	close(leaked);
	/* umask 0 inside, and what was made is here */
	assert_int_equal(status_of(scratch->fd, "root/made").st_mode, S_IFREG | 04755);
}

static void test_powers(void **state)
{
	run_confined(*state, look_for_powers, 7, STDIN_FILENO, 0);
}

static void test_descriptors(void **state)
{
	struct scratch *scratch = *state;
	_cleanup_close_ int in = -1, keep = -1;

	make_file(scratch->fd, "in", "hello", 0600);
	make_file(scratch->fd, "keep", "kept", 0600);
	in = openat(scratch->fd, "in", O_RDONLY | O_CLOEXEC);
	keep = openat(scratch->fd, "keep", O_RDONLY | O_CLOEXEC);
	run_confined(scratch, read_and_write, 0, in, keep);
}

static void test_crash(void **state)
{
	struct scratch *scratch = *state;
	_cleanup_close_ int root = make_dir(scratch, "root"), null = open("/dev/null", O_RDWR);
	struct confine_request request = {
		.root_fd = root, .in_fd = null, .out_fd = null, .keep_fd = -1, .run = crash};
	pid_t pid = confine_spawn(&request);
	int status;

	assert_true(pid > 0);
	status = confine_wait(pid);
	assert_true(status == 128 + SIGILL || status == 128 + SIGTRAP || status == 128 + SIGABRT);
}

/* The root must be a directory; the failure comes before any work. */
static void test_root_is_file(void **state)
{
	struct scratch *scratch = *state;
	_cleanup_close_ int file = tar_new(scratch), null = open("/dev/null", O_RDWR);
	struct confine_request request = {
		.root_fd = file, .in_fd = null, .out_fd = null, .keep_fd = -1, .run = crash};
	int saved = stderr_begin(scratch);
	pid_t pid = confine_spawn(&request);
	_cleanup_free_ char *said = stderr_end(scratch, saved);

	assert_int_equal(pid, -1);
	assert_says(said, "cannot confine");
}

#define WITH_SCRATCH(test) cmocka_unit_test_setup_teardown(test, scratch_setup, scratch_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_SCRATCH(test_files),	 WITH_SCRATCH(test_powers),
		WITH_SCRATCH(test_descriptors),	 WITH_SCRATCH(test_crash),
		WITH_SCRATCH(test_root_is_file),
	};

	return cmocka_run_group_tests_name("confine", tests, NULL, NULL);
}
