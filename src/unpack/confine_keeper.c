#include "unpack/confine_keeper.h"

#include "chroot/namespace.h"
#include "unpack/confine_status.h"
#include "unpack/confine_worker.h"
#include "util/cleanup.h"
#include "util/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/*
 * Close all descriptors from FIRST. close_range(2) exists since Linux 5.9, and old seccomp filters
 * refuse it; then each descriptor of /proc is closed.
 */
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
		status_give_up("/proc/self/fd", errno);
	while ((entry = fs_next_entry(dir))) {
		char *end;
		long fd = strtol(entry->d_name, &end, 10);

		if (*end == '\0' && end != entry->d_name && fd >= (long)first && fd != dirfd(dir))
			close((int)fd);
	}
	if (errno)
		status_give_up("/proc/self/fd", errno);
}

/*
 * Make SOURCES[i], or /dev/null for -1, the descriptor i, whichever numbers the sources have. All
 * other descriptors are closed.
 */
static void place_descriptors(const int *sources)
{
	int copies[AT_END], fd;

	for (int i = 0; i < AT_END; i++) {
		copies[i] = -1;
		if (sources[i] < 0)
			continue;
		copies[i] = fcntl(sources[i], F_DUPFD_CLOEXEC, AT_END);
		if (copies[i] < 0)
			_exit(127);
	}
	for (int i = AT_END - 1; i >= 0; i--) {
		if (copies[i] < 0)
			close(i);
		else if (dup2(copies[i], i) < 0)
			_exit(127);
	}
	close_from(AT_END);
	/* take the remaining numbers, so that the next descriptor gets another one */
	do {
		fd = open("/dev/null", O_RDWR | O_CLOEXEC);
		status_must(fd, "/dev/null");
	} while (fd < AT_END);
	close(fd);
}

/*
 * Reset the signals: ^C, and signals that a shell ignores, concern the caller. The signals that the
 * keeper waits for (keep()) are blocked.
 */
static void reset_signals(sigset_t *waited)
{
	struct sigaction def = {.sa_handler = SIG_DFL};

	sigemptyset(waited);
	sigaddset(waited, SIGTERM);
	sigaddset(waited, SIGCHLD);
	sigprocmask(SIG_SETMASK, waited, NULL);
	for (int sig = 1; sig <= SIGRTMAX; sig++)
		sigaction(sig, &def, NULL);
}

static void unblock_signals(void)
{
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/* How many bytes of address space this process has; 0 if /proc does not say. */
static uint64_t mapped_bytes(void)
{
	_cleanup_fclose_ FILE *file = fopen("/proc/self/statm", "re");
	unsigned long long pages = 0;

	if (!file || fscanf(file, "%llu", &pages) != 1)
		return 0;
	return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

/*
 * The flags of the mount below: in a user namespace they must stay, or mount(2) fails with EPERM.
 */
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
 * Make the working directory the root. It is bound over /proc, a directory that exists (the id maps
 * were written to it) and is no longer needed.
 */
static void enter_root(void)
{
	struct statvfs st;
	int r = namespace_make_slave();

	if (r < 0)
		status_give_up("mount(MS_SLAVE)", -r);
	status_must(statvfs(".", &st), "statvfs");
	status_must(mount(".", "/proc", NULL, MS_BIND, NULL), "mount(MS_BIND)");
	status_must(chdir("/proc"), "chdir");
	status_must(mount(NULL, ".", NULL, MS_REMOUNT | MS_BIND | mount_flags(&st), NULL),
		    "mount(MS_REMOUNT)");
	/* the old root ends up on top of the new one and is unmounted: pivot_root(2), "." "." */
	status_must((int)syscall(SYS_pivot_root, ".", "."), "pivot_root");
	status_must(umount2(".", MNT_DETACH), "umount2");
	status_must(chdir("/"), "chdir");
}

static void enter_namespaces(void)
{
	uid_t uid = geteuid();
	gid_t gid = getegid();
	const char *file;
	int r = namespace_unshare(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET |
				  CLONE_NEWIPC | CLONE_NEWUTS);

	if (r < 0)
		status_give_up("unshare", -r);
	r = namespace_map_ids(uid, gid, &file);
	if (r < 0)
		status_give_up(file, -r);
	enter_root();
}

/* The exit status for a status of wait(2). */
static int exit_status(int status)
{
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

/*
 * The init of the pid namespace. The worker is the only other process there; init ends with the
 * worker's exit status. ALIVE is a pipe whose other end only the keeper has: init cannot find the
 * keeper by its process id, which belongs to another namespace.
 */
static _Noreturn void init_run(const struct confine_request *request, uint64_t mapped, int alive)
{
	struct pollfd keeper = {.fd = alive};
	pid_t pid, self = getpid();
	int status;

	worker_drop_capabilities();
	worker_death_signal(SIGKILL);
	if (poll(&keeper, 1, 0) != 0)
		_exit(127);
	close(alive);
	unblock_signals();
	pid = fork();
	status_must(pid, "fork");
	if (pid == 0)
		worker_run(request, self, mapped, true);
	for (int fd = 0; fd < AT_END; fd++)
		close(fd);
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			_exit(127);
	_exit(exit_status(status));
}

/*
 * Hold the lock until the process PID, and with it all the others, is gone. SIGTERM, also sent when
 * the caller dies, ends PID first.
 */
static _Noreturn void keep(pid_t pid, const sigset_t *waited)
{
	close(AT_IN);
	close(AT_OUT);
	close(AT_STATUS);
	for (;;) {
		int status, sig;
		pid_t ended = waitpid(pid, &status, WNOHANG);

		if (ended != 0)
			_exit(ended == pid ? exit_status(status) : 127);
		if (sigwait(waited, &sig) == 0 && sig == SIGTERM)
			kill(pid, SIGKILL);
	}
}

_Noreturn void keeper_run(const struct confine_request *request, int status_fd, pid_t caller,
			  bool namespaces)
{
	const int keep_fd = request->keep_fd > 0 ? request->keep_fd : -1;
	uint64_t mapped = mapped_bytes();
	pid_t pid, self = getpid();
	sigset_t waited;
	int alive[2];

	reset_signals(&waited);
	clearenv();
	place_descriptors((const int[AT_END]){
		[AT_IN] = request->in_fd,
		[AT_OUT] = request->out_fd,
		/* /dev/null: on a terminal the worker could forge messages of ours */
		[AT_ERR] = WORKER_HAS_ASAN ? STDERR_FILENO : -1,
		[AT_KEEP] = keep_fd,
		[AT_STATUS] = status_fd,
		[AT_ROOT] = request->root_fd,
	});
	/*
	 * The working directory and the root follow into the new namespace's mounts. A descriptor
	 * stays in the old namespace, and the kernel cannot bind from it (EINVAL).
	 */
	status_must(fchdir(AT_ROOT), "fchdir");
	close(AT_ROOT);
	/* a session of its own, so that signals to the caller's process group do not arrive here */
	status_must(setsid(), "setsid");
	status_must(pipe2(alive, O_CLOEXEC), "pipe2");
	if (namespaces)
		enter_namespaces();
	worker_death_signal(SIGTERM);
	if (getppid() != caller)
		_exit(127);
	pid = fork();
	status_must(pid, "fork");
	if (pid > 0)
		keep(pid, &waited);
	close(AT_KEEP);
	close(alive[1]);
	if (namespaces)
		init_run(request, mapped, alive[0]);
	close(alive[0]);
	unblock_signals();
	worker_run(request, self, mapped, false);
}
