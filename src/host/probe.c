#include "host/probe.h"
#include "chroot/namespace.h"
#include "util/cleanup.h"
#include "util/fs.h"
#include "util/str.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* The namespaces that Nix's sandbox gives a build (nix.conf(5)), and in which --install unpacks. */
#define SANDBOX_NAMESPACES \
	(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS)

/* what a child knows, and what the child tells its parent about a step */
struct attempt {
	int report_fd;
	uid_t uid;
	gid_t gid;
	const char *what;
};

struct message {
	enum check_step step;
	int err;
	char what[PROBE_WHAT_SIZE];
};

struct step {
	enum check_step step;
	int (*run)(struct attempt *attempt); /* 0 or -errno; sets attempt->what */
	const char *killed; /* what failed, if the attempt was killed before it could tell */
};

/* exit statuses of a child that has told everything; 128 + N: signal N ended it */
enum {
	CHILD_DONE,
	CHILD_FAILED,
};

static int try_user_namespace(struct attempt *attempt)
{
	attempt->what = "unshare";
	return namespace_unshare(CLONE_NEWUSER);
}

static int try_mount_namespace(struct attempt *attempt)
{
	attempt->what = "unshare";
	return namespace_unshare(CLONE_NEWNS);
}

static int try_id_maps(struct attempt *attempt)
{
	return namespace_map_ids(attempt->uid, attempt->gid, &attempt->what);
}

static int try_slave(struct attempt *attempt)
{
	attempt->what = "mount";
	return namespace_make_slave();
}

/* Mount a tmpfs over a directory that every host has, and make it the working directory. */
static int try_tmpfs(struct attempt *attempt)
{
	static const char *const places[] = {"/tmp", "/usr", "/etc", "/var"};
	struct stat st;

	attempt->what = "mount tmpfs";
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		if (lstat(places[i], &st) < 0 || !S_ISDIR(st.st_mode))
			continue;
		if (mount("tmpfs", places[i], "tmpfs", MS_NOSUID | MS_NODEV, "mode=0755") < 0)
			return -errno;
		return chdir(places[i]) < 0 ? -errno : 0;
	}
	return -ENOTDIR;
}

static int try_bind(struct attempt *attempt)
{
	attempt->what = "bind /proc";
	if (mkdir("proc", 0755) < 0 || mkdir("sandbox", 0755) < 0 || mkdir("old", 0755) < 0)
		return -errno;
	/*
	 * entering binds /dev too, which matters under LXC: it leaves a whole /proc for namespaces
	 * in /dev/.lxc/proc
	 */
	if (mkdir("dev", 0755) == 0)
		(void)!mount("/dev", "dev", NULL, MS_BIND | MS_REC, NULL);
	return mount("/proc", "proc", NULL, MS_BIND | MS_REC, NULL) < 0 ? -errno : 0;
}

static int try_pivot_root(struct attempt *attempt)
{
	attempt->what = "pivot_root";
	if (syscall(SYS_pivot_root, ".", "old") < 0 || chdir("/") < 0)
		return -errno;
	attempt->what = "detach the old root";
	return umount2("/old", MNT_DETACH) < 0 ? -errno : 0;
}

static int try_nested_namespace(struct attempt *attempt)
{
	int r;

	attempt->what = "unshare inside";
	r = namespace_unshare(SANDBOX_NAMESPACES);
	if (r < 0)
		return r;
	r = namespace_map_ids(attempt->uid, attempt->gid, &attempt->what);
	if (r < 0)
		return r;
	attempt->what = "mount inside";
	return namespace_make_slave();
}

/* The exit status of the child PID, 128 + N where signal N ended it, or -errno. */
static int wait_for(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

/* Only a child gets into the new pid namespace and may mount that namespace's /proc. */
static int try_proc_mount(struct attempt *attempt)
{
	int status;
	pid_t pid;

	attempt->what = "fork inside";
	pid = fork();
	if (pid < 0)
		return -errno;
	attempt->what = "mount proc inside";
	if (pid == 0) {
		int r = mount("proc", "/sandbox", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL);

		/* every errno of mount(2) is below 128 */
		_exit(r < 0 ? errno : 0);
	}
	status = wait_for(pid);
	if (status > 128)
		kill(getpid(), status - 128);
	if (status != 0)
		return status < 0 ? status : -status;
	/* without /proc/sys/user, Nix silently builds without a sandbox (its namespaces.cc) */
	attempt->what = "/proc/sys/user";
	return access("/proc/sys/user/max_user_namespaces", F_OK) < 0 ? -errno : 0;
}

/* Try what unpack/confine.c does, as far as a host that allows entering can refuse it. */
static int try_confinement(struct attempt *attempt)
{
	int r;

	attempt->what = "unshare";
	r = namespace_unshare(SANDBOX_NAMESPACES);
	return r < 0 ? r : namespace_map_ids(attempt->uid, attempt->gid, &attempt->what);
}

static const struct step enter_steps[] = {
	{CHECK_USER_NAMESPACE, try_user_namespace, "unshare"},
	{CHECK_MOUNT_NAMESPACE, try_mount_namespace, "unshare"},
	{CHECK_ID_MAPS, try_id_maps, "/proc/self/uid_map"},
	{CHECK_SLAVE, try_slave, "mount"},
	{CHECK_TMPFS, try_tmpfs, "mount tmpfs"},
	{CHECK_BIND, try_bind, "bind /proc"},
	{CHECK_PIVOT_ROOT, try_pivot_root, "pivot_root"},
	{CHECK_NESTED_NAMESPACE, try_nested_namespace, "unshare inside"},
	{CHECK_PROC_MOUNT, try_proc_mount, "mount proc inside"},
};

static const struct step confine_steps[] = {
	{CHECK_CONFINEMENT, try_confinement, "unshare"},
};

/* In the child: try the steps in order, up to the first that fails. Never returns. */
static _Noreturn void run_steps(const struct step *steps, size_t count, struct attempt *attempt)
{
	for (size_t i = 0; i < count; i++) {
		struct message message = {.step = steps[i].step, .err = -steps[i].run(attempt)};

		snprintf(message.what, sizeof(message.what), "%s", attempt->what);
		if (fs_write_all(attempt->report_fd, &message, sizeof(message)) < 0 || message.err)
			_exit(CHILD_FAILED);
	}
	_exit(CHILD_DONE);
}

/* Read whole messages until the child closes its end. Returns 0 or -errno. */
static int collect(int fd, struct probe *out)
{
	struct message message;
	ssize_t n;

	for (;;) {
		n = read(fd, &message, sizeof(message));
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : 0;
		/* a write of this size to a pipe is atomic: pipe(7) */
		if ((size_t)n != sizeof(message) || message.step >= CHECK_STEP_COUNT)
			return -EPROTO;
		out->steps[message.step].outcome = message.err ? PROBE_FAILED : PROBE_OK;
		out->steps[message.step].err = message.err;
		memcpy(out->steps[message.step].what, message.what, sizeof(message.what));
	}
}

/*
 * A seccomp filter may kill the child instead of refusing a call. Then the first step without a
 * message is the one that was under way.
 */
static void blame_signal(const struct step *steps, size_t count, int signal, struct probe *out)
{
	for (size_t i = 0; i < count; i++) {
		struct probe_step *step = &out->steps[steps[i].step];

		if (step->outcome != PROBE_NOT_TRIED)
			continue;
		step->outcome = PROBE_FAILED;
		step->err = signal == SIGSYS ? ENOSYS : EINTR;
		step->signal = signal;
		snprintf(step->what, sizeof(step->what), "%s", steps[i].killed);
		return;
	}
}

static int run_in_child(const struct step *steps, size_t count, struct probe *out)
{
	_cleanup_close_ int reader = -1, writer = -1;
	struct attempt attempt = {.uid = geteuid(), .gid = getegid(), .what = ""};
	int fds[2], r, status;
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	reader = fds[0];
	writer = fds[1];
	pid = fork();
	if (pid < 0)
		return -errno;
	if (pid == 0) {
		const struct rlimit no_core = {0};

		/* an attempt that a filter kills must leave no core file */
		setrlimit(RLIMIT_CORE, &no_core);
		attempt.report_fd = writer;
		run_steps(steps, count, &attempt);
	}
	close(steal_fd(&writer));
	r = collect(reader, out);
	status = wait_for(pid);
	if (status > 128)
		blame_signal(steps, count, status - 128, out);
	/* if the caller ignores SIGCHLD there is no exit status: only the messages count */
	return r < 0 ? r : status < 0 && status != -ECHILD ? status : 0;
}

/* The steps of entering without a user namespace. */
static const struct step mount_steps[] = {
	{CHECK_MOUNT_NAMESPACE, try_mount_namespace, "unshare"},
	{CHECK_SLAVE, try_slave, "mount"},
	{CHECK_TMPFS, try_tmpfs, "mount tmpfs"},
	{CHECK_BIND, try_bind, "bind /proc"},
	{CHECK_PIVOT_ROOT, try_pivot_root, "pivot_root"},
};

int probe_enter(bool with_user_namespace, struct probe *out)
{
	*out = (struct probe){0};
	return with_user_namespace
		       ? run_in_child(enter_steps, CHECK_PIVOT_ROOT + 1, out)
		       : run_in_child(mount_steps, sizeof(mount_steps) / sizeof(mount_steps[0]),
				      out);
}

char *probe_failure(const struct probe_step *step)
{
	if (step->signal)
		return xasprintf("%s: killed by signal %d (%s)", step->what, step->signal,
				 strsignal(step->signal));
	return xasprintf("%s: %s", step->what, strerror(step->err));
}

const struct probe_step *probe_first_failure(const struct probe *probe)
{
	for (size_t i = 0; i < CHECK_STEP_COUNT; i++)
		if (probe->steps[i].outcome == PROBE_FAILED)
			return &probe->steps[i];
	return NULL;
}

int probe_run(struct probe *out)
{
	int r;

	*out = (struct probe){0};
	r = run_in_child(enter_steps, sizeof(enter_steps) / sizeof(enter_steps[0]), out);
	if (r < 0)
		return r;
	return run_in_child(confine_steps, sizeof(confine_steps) / sizeof(confine_steps[0]), out);
}

bool probe_can_enter(const struct probe *probe)
{
	for (enum check_step step = CHECK_USER_NAMESPACE; step <= CHECK_PIVOT_ROOT; step++)
		if (probe->steps[step].outcome != PROBE_OK)
			return false;
	return true;
}

bool probe_can_sandbox(const struct probe *probe)
{
	return probe_can_enter(probe) && probe->steps[CHECK_NESTED_NAMESPACE].outcome == PROBE_OK &&
	       probe->steps[CHECK_PROC_MOUNT].outcome == PROBE_OK;
}
