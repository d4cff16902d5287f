#include "unpack/confine.h"

#include "chroot/namespace.h"
#include "unpack/seccomp.h"
#include "host/check.h"
#include "ui/log.h"
#include "util/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <limits.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* Where the child has its descriptors; the last is closed again before run(). */
enum { AT_IN, AT_OUT, AT_ERR, AT_KEEP, AT_STATUS, AT_END };

/* What the child says on the status pipe: once, when it is confined or cannot be. */
struct failure {
	int err; /* errno; 0: confined */
	char what[60];
};

static _Noreturn void give_up(const char *what, int err)
{
	struct failure failure = {.err = err};

	strncpy(failure.what, what, sizeof(failure.what) - 1);
	if (write(AT_STATUS, &failure, sizeof(failure)) < 0)
		_exit(127);
	_exit(126);
}

static void must(int result, const char *what)
{
	if (result < 0)
		give_up(what, errno);
}

/* Since Linux 5.9, and refused by old seccomp filters; otherwise one by one from /proc. */
static void close_from(unsigned first)
{
	_cleanup_closedir_ DIR *dir = NULL;
	struct dirent *entry;

#ifdef SYS_close_range
	if (syscall(SYS_close_range, first, UINT_MAX, 0) == 0)
		return;
#endif
	dir = opendir("/proc/self/fd");
	if (!dir)
		give_up("/proc/self/fd", errno);
	while ((entry = readdir(dir))) {
		char *end;
		long fd = strtol(entry->d_name, &end, 10);

		if (*end == '\0' && end != entry->d_name && fd >= (long)first && fd != dirfd(dir))
			close((int)fd);
	}
}

/* dup2(2) of SOURCES[i] to descriptor i, any of which may be another's source; then no others. */
static void place_descriptors(const int *sources)
{
	int copies[AT_END];

	for (int i = 0; i < AT_END; i++) {
		copies[i] = -1;
		if (sources[i] < 0)
			continue;
		copies[i] = fcntl(sources[i], F_DUPFD_CLOEXEC, AT_END);
		if (copies[i] < 0)
			_exit(127);
	}
	for (int i = AT_END - 1; i >= 0; i--) {
		if (copies[i] < 0 && i != AT_ERR)
			close(i);
		else if (copies[i] >= 0 && dup2(copies[i], i) < 0)
			_exit(127);
	}
	close_from(AT_END);
}

/* ^C and a shell's ignored signals are the caller's affair: the child ends by SIGKILL. */
static void reset_signals(void)
{
	struct sigaction def = {.sa_handler = SIG_DFL};
	sigset_t none;

	for (int sig = 1; sig <= SIGRTMAX; sig++)
		sigaction(sig, &def, NULL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/* A flag that the mount beneath has may not be taken off in a user namespace: EPERM otherwise. */
static unsigned long mount_flags(const struct statvfs *st)
{
	unsigned long flags = MS_NOSUID | MS_NODEV | MS_NOEXEC;

	if (st->f_flag & ST_RDONLY)
		flags |= MS_RDONLY;
	if (st->f_flag & ST_NODIRATIME)
		flags |= MS_NODIRATIME;
	if (st->f_flag & ST_NOATIME)
		flags |= MS_NOATIME;
	else if (st->f_flag & ST_RELATIME)
		flags |= MS_RELATIME;
	else
		flags |= MS_STRICTATIME;
	return flags;
}

/*
 * Make the working directory the root. It is bound over /proc, a directory that is there (the id
 * maps were written to it) and is not needed any more.
 */
static void enter_root(void)
{
	struct statvfs st;
	int r = namespace_make_slave();

	if (r < 0)
		give_up("mount(MS_SLAVE)", -r);
	must(statvfs(".", &st), "statvfs");
	must(mount(".", "/proc", NULL, MS_BIND, NULL), "mount(MS_BIND)");
	must(chdir("/proc"), "chdir");
	must(mount(NULL, ".", NULL, MS_REMOUNT | MS_BIND | mount_flags(&st), NULL),
	     "mount(MS_REMOUNT)");
	/* the old root lands on top of the new one and is taken off: pivot_root(2), "." "." */
	must((int)syscall(SYS_pivot_root, ".", "."), "pivot_root");
	must(umount2(".", MNT_DETACH), "umount2");
	must(chdir("/"), "chdir");
}

static void drop_capabilities(void)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {0};

	must(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "prctl(PR_SET_NO_NEW_PRIVS)");
	/* the kernel's last capability is followed by EINVAL */
	for (unsigned long cap = 0; cap < 64; cap++) {
		if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) == 0)
			continue;
		if (errno == EINVAL && cap > 0)
			break;
		give_up("prctl(PR_CAPBSET_DROP)", errno);
	}
	must(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0), "prctl(PR_CAP_AMBIENT)");
	must((int)syscall(SYS_capset, &header, data), "capset");
}

/* prlimit(2) by number, because what type the resource has is the libc's choice. */
static void limit(int resource, uint64_t most, const char *what)
{
	struct {
		uint64_t soft, hard;
	} limits;

	must((int)syscall(SYS_prlimit64, 0, resource, NULL, &limits), what);
	if (limits.hard > most)
		limits.hard = most;
	if (limits.soft > limits.hard)
		limits.soft = limits.hard;
	must((int)syscall(SYS_prlimit64, 0, resource, &limits, NULL), what);
}

/*
 * The working process: the init of its pid namespace, so that nothing of its own outlives it.
 * ALIVE_FD is a pipe whose other end only the parent has.
 */
static _Noreturn void work(const struct confine_request *request, int alive_fd)
{
	struct pollfd alive = {.fd = alive_fd};
	struct failure confined = {.err = 0};

	must(prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0), "prctl(PR_SET_PDEATHSIG)");
	/* the parent cannot be asked for by id, which is another namespace's; did it die just now?
	 */
	if (poll(&alive, 1, 0) != 0)
		_exit(127);
	close(alive_fd);
	limit(RLIMIT_CORE, 0, "setrlimit(RLIMIT_CORE)");
	limit(RLIMIT_NPROC, 0, "setrlimit(RLIMIT_NPROC)");
	limit(RLIMIT_NOFILE, 64, "setrlimit(RLIMIT_NOFILE)");
	drop_capabilities();
	/* new credentials may take the death signal away: prctl(2) */
	must(prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0), "prctl(PR_SET_PDEATHSIG)");
	must(confine_filter(), "prctl(PR_SET_SECCOMP)");
	umask(0);
	must((int)write(AT_STATUS, &confined, sizeof(confined)), "write");
	close(AT_STATUS);
	_exit(request->run(request->ctx) & 127);
}

/* The parent of the working process, outside its pid namespace; it only waits. */
static _Noreturn void wait_for_work(pid_t pid)
{
	int status;

	close(AT_IN);
	close(AT_OUT);
	close(AT_KEEP);
	close(AT_STATUS);
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			_exit(127);
	_exit(WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status));
}

static _Noreturn void child(const struct confine_request *request, int status_fd, pid_t caller)
{
	const int keep = request->keep_fd > 0 ? request->keep_fd : -1;
	int alive[2], r;
	const char *file;
	uid_t uid = geteuid();
	gid_t gid = getegid();
	pid_t pid;

	reset_signals();
	clearenv();
	_Static_assert(AT_END == 5, "a source for each place");
	/*
	 * The working directory and the root follow into the new namespace's mounts; a descriptor
	 * stays in the old one's, of which the kernel binds nothing (EINVAL).
	 */
	if (fchdir(request->root_fd) < 0)
		_exit(127);
	place_descriptors(
		(const int[AT_END]){request->in_fd, request->out_fd, -1, keep, status_fd});
	must(pipe2(alive, O_CLOEXEC), "pipe2");
	r = namespace_unshare(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET |
			      CLONE_NEWIPC | CLONE_NEWUTS);
	if (r < 0)
		give_up("unshare", -r);
	r = namespace_map_ids(uid, gid, &file);
	if (r < 0)
		give_up(file, -r);
	must(prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0), "prctl(PR_SET_PDEATHSIG)");
	if (getppid() != caller)
		_exit(127);
	enter_root();
	pid = fork();
	if (pid < 0)
		give_up("fork", errno);
	if (pid == 0) {
		close(alive[1]);
		work(request, alive[0]);
	}
	wait_for_work(pid);
}

/* Wait for the child's word on the status pipe: 0 where it is confined, or -1 after a message. */
static int await_confined(int status_fd)
{
	_cleanup_free_ char *why = NULL;
	struct failure failure;
	ssize_t n;

	do
		n = read(status_fd, &failure, sizeof(failure));
	while (n < 0 && errno == EINTR);
	if (n == sizeof(failure) && failure.err == 0)
		return 0;
	/* it ended without a word, or was ended */
	if (n != sizeof(failure))
		failure = (struct failure){.err = n < 0 ? errno : ECHILD, .what = "it ended"};
	failure.what[sizeof(failure.what) - 1] = '\0';
	why = check_explain(CHECK_CONFINEMENT, failure.err, "");
	log_error("cannot confine the unpacking to its directory: %s: %s\n%-s", failure.what,
		  strerror(failure.err), why);
	return -1;
}

pid_t confine_spawn(const struct confine_request *request)
{
	_cleanup_close_ int status = -1, child_status = -1;
	pid_t pid, caller = getpid();
	int pipes[2];

	if (pipe2(pipes, O_CLOEXEC) < 0) {
		log_error(
			"cannot start the unpacking: pipe: %s\nthe limit of open files may be reached: ulimit -n",
			strerror(errno));
		return -1;
	}
	status = pipes[0];
	child_status = pipes[1];
	pid = fork();
	if (pid < 0) {
		log_error("cannot start the unpacking: fork: %s\n"
			  "end some processes, or look at ulimit -u and the memory in use",
			  strerror(errno));
		return -1;
	}
	if (pid == 0)
		child(request, child_status, caller);
	close(steal_fd(&child_status));
	if (await_confined(status) < 0) {
		confine_kill(pid);
		confine_wait(pid);
		return -1;
	}
	return pid;
}

void confine_kill(pid_t pid)
{
	kill(pid, SIGKILL);
}

int confine_wait(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}
