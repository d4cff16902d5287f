/*
 * The probe on this host, as far as it can be judged on any, and on hosts that refuse one call,
 * which a filter imitates: the step that fails is the one that is named, those before it work, and
 * those after it are not tried.
 */
#include "host/probe.h"
#include "util/cleanup.h"
#include "util/fs.h"
#include "util/str.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "../child.h"
#include "../filter.h"
#include "../place.h"

#define KILLED SECCOMP_RET_KILL_PROCESS

struct host {
	struct filter filter;
	enum check_step step; /* what fails */
	const char *what;     /* "call: why" */
	bool confines;	      /* the unpacking is confined all the same */
	bool on_every_host;   /* also where user namespaces are refused anyway */
};

static const struct host hosts[] = {
	{{SYS_unshare, 0, CLONE_NEWUSER, FILTER_ERROR(EPERM)},
	 CHECK_USER_NAMESPACE,
	 "unshare: Operation not permitted",
	 true,
	 false},
	{{SYS_unshare, 0, FILTER_ANY, FILTER_ERROR(ENOSPC)},
	 CHECK_USER_NAMESPACE,
	 "unshare: No space left on device",
	 false,
	 true},
	{{SYS_unshare, 0, FILTER_ANY, KILLED},
	 CHECK_USER_NAMESPACE,
	 "unshare: killed by signal 31 (Bad system call)",
	 false,
	 true},
	{{SYS_unshare, 0, CLONE_NEWNS, FILTER_ERROR(EPERM)},
	 CHECK_MOUNT_NAMESPACE,
	 "unshare: Operation not permitted",
	 true,
	 false},
	/* of all that is written, "deny" alone has four bytes */
	{{SYS_write, 2, 4, FILTER_ERROR(EPERM)},
	 CHECK_ID_MAPS,
	 "/proc/self/setgroups: Operation not permitted",
	 false,
	 false},
	{{SYS_mount, 3, MS_SLAVE | MS_REC, FILTER_ERROR(EACCES)},
	 CHECK_SLAVE,
	 "mount: Permission denied",
	 true,
	 false},
	{{SYS_mount, 3, MS_SLAVE | MS_REC, KILLED},
	 CHECK_SLAVE,
	 "mount: killed by signal 31 (Bad system call)",
	 true,
	 false},
	{{SYS_mount, 3, MS_NOSUID | MS_NODEV, FILTER_ERROR(EPERM)},
	 CHECK_TMPFS,
	 "mount tmpfs: Operation not permitted",
	 true,
	 false},
	{{SYS_mount, 3, MS_BIND | MS_REC, FILTER_ERROR(EPERM)},
	 CHECK_BIND,
	 "bind /proc: Operation not permitted",
	 true,
	 false},
	{{SYS_pivot_root, 0, FILTER_ANY, FILTER_ERROR(EPERM)},
	 CHECK_PIVOT_ROOT,
	 "pivot_root: Operation not permitted",
	 true,
	 false},
	{{SYS_umount2, 1, MNT_DETACH, FILTER_ERROR(EINVAL)},
	 CHECK_PIVOT_ROOT,
	 "detach the old root: Invalid argument",
	 true,
	 false},
	{{SYS_unshare, 0, SANDBOX, FILTER_ERROR(EPERM)},
	 CHECK_NESTED_NAMESPACE,
	 "unshare inside: Operation not permitted",
	 false,
	 false},
	{{SYS_mount, 3, MS_NOSUID | MS_NODEV | MS_NOEXEC, FILTER_ERROR(EPERM)},
	 CHECK_PROC_MOUNT,
	 "mount proc inside: Operation not permitted",
	 true,
	 false},
	{{SYS_mount, 3, MS_NOSUID | MS_NODEV | MS_NOEXEC, KILLED},
	 CHECK_PROC_MOUNT,
	 "mount proc inside: killed by signal 31 (Bad system call)",
	 true,
	 false},
};

#define HOSTS (sizeof(hosts) / sizeof(hosts[0]))

static char *read_mounts(void)
{
	char *text;
	size_t len;

	assert_int_equal(
		fs_read_file(AT_FDCWD, "/proc/self/mountinfo", (size_t)16 << 20, &text, &len), 0);
	return text;
}

/* Whether or not this host works: the steps are tried in order, and leave nothing behind. */
static void on_this_host(void **state)
{
	_cleanup_free_ char *before = read_mounts(), *after = NULL;
	int next_fd = open("/dev/null", O_RDONLY | O_CLOEXEC), fd_after;
	struct probe probe;
	bool failed = false;

	(void)state;
	assert_int_equal(probe_run(&probe), 0);
	for (enum check_step step = 0; step <= CHECK_PROC_MOUNT; step++) {
		assert_int_equal(probe.steps[step].outcome == PROBE_NOT_TRIED, failed);
		failed = failed || probe.steps[step].outcome == PROBE_FAILED;
		assert_true(probe.steps[step].outcome != PROBE_FAILED || probe.steps[step].err > 0);
	}
	assert_int_not_equal(probe.steps[CHECK_CONFINEMENT].outcome, PROBE_NOT_TRIED);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
	after = read_mounts();
	assert_string_equal(before, after);
	fd_after = open("/dev/null", O_RDONLY | O_CLOEXEC);
	assert_int_equal(fd_after, next_fd + 1);
	close(fd_after);
	close(next_fd);
}

static const char *compare(const struct host *host, const struct probe *probe)
{
	const struct probe_step *failed = &probe->steps[host->step];

	for (enum check_step step = 0; step < CHECK_CONFINEMENT; step++) {
		enum probe_outcome wanted = step < host->step	 ? PROBE_OK
					    : step == host->step ? PROBE_FAILED
								 : PROBE_NOT_TRIED;

		if (probe->steps[step].outcome != wanted)
			return xasprintf("%s: step %d is %d", host->what, (int)step,
					 (int)probe->steps[step].outcome);
	}
	if (strcmp(probe_failure(failed), host->what) != 0)
		return xasprintf("%s: it says %s", host->what, probe_failure(failed));
	if (failed->signal && failed->err != ENOSYS)
		return xasprintf("%s: a filter that kills counts as %d", host->what, failed->err);
	if (probe_first_failure(probe) != failed)
		return xasprintf("%s: another failure was the first", host->what);
	if ((probe->steps[CHECK_CONFINEMENT].outcome == PROBE_OK) != host->confines)
		return xasprintf("%s: the confinement is %d", host->what,
				 (int)probe->steps[CHECK_CONFINEMENT].outcome);
	if (probe_can_enter(probe) != (host->step > CHECK_PIVOT_ROOT) || probe_can_sandbox(probe))
		return xasprintf("%s: what can be done is wrong", host->what);
	return NULL;
}

static const char *try_host(void *ctx)
{
	const struct host *host = ctx;
	struct probe probe;

	if (filter_set(&host->filter) < 0)
		return "the filter was not set";
	if (probe_run(&probe) != 0)
		return "nothing could be tried";
	return compare(host, &probe);
}

static void refused_calls(void **state)
{
	bool allows_all = filter_host_allows_all();
	struct probe probe;

	(void)state;
	assert_int_equal(probe_run(&probe), 0);
	assert_int_equal(probe_first_failure(&probe) == NULL, allows_all);
	for (size_t i = 0; i < HOSTS; i++) {
		struct host host = hosts[i];

		if (host.on_every_host || allows_all)
			assert_in_child(try_host, &host);
	}
}

static const char *try_enter(void *ctx)
{
	const struct host *host = ctx;
	struct probe probe;

	if (filter_set(&host->filter) < 0)
		return "the filter was not set";
	if (probe_enter(true, &probe) != 0)
		return "nothing could be tried";
	if (probe_can_enter(&probe) != (host->step > CHECK_PIVOT_ROOT))
		return xasprintf("%s: it can be entered, or not", host->what);
	for (enum check_step step = CHECK_PIVOT_ROOT + 1; step < CHECK_STEP_COUNT; step++)
		if (probe.steps[step].outcome != PROBE_NOT_TRIED)
			return "more than entering was tried";
	return NULL;
}

/* An entry does not pay for what only Nix's sandbox and --install need. */
static void entering_alone(void **state)
{
	bool allows_all = filter_host_allows_all();
	struct probe probe;

	(void)state;
	assert_int_equal(probe_enter(true, &probe), 0);
	assert_true(probe_can_enter(&probe) || !allows_all);
	for (size_t i = 0; i < HOSTS; i++) {
		struct host host = hosts[i];

		if (host.on_every_host || allows_all)
			assert_in_child(try_enter, &host);
	}
}

/* Without a user namespace, only a privileged process gets a mount namespace. */
static void without_user_namespace(void **state)
{
	const struct probe_step *first;
	struct probe probe;

	(void)state;
	assert_int_equal(probe_enter(false, &probe), 0);
	first = &probe.steps[CHECK_MOUNT_NAMESPACE];
	assert_int_equal(probe.steps[CHECK_USER_NAMESPACE].outcome, PROBE_NOT_TRIED);
	assert_int_equal(probe.steps[CHECK_ID_MAPS].outcome, PROBE_NOT_TRIED);
	if (geteuid() != 0) {
		assert_int_equal(first->outcome, PROBE_FAILED);
		assert_int_equal(first->err, EPERM);
		assert_ptr_equal(probe_first_failure(&probe), first);
	}
	/* root's mounts are not restricted where those of a user namespace are not */
	if (geteuid() == 0 && first->outcome == PROBE_OK && filter_host_allows_all())
		assert_null(probe_first_failure(&probe));
	for (enum check_step step = CHECK_PIVOT_ROOT + 1; step < CHECK_STEP_COUNT; step++)
		assert_int_equal(probe.steps[step].outcome, PROBE_NOT_TRIED);
}

static const char *without_descriptors(void *ctx)
{
	const struct rlimit none = {0};
	struct probe probe;

	(void)ctx;
	setrlimit(RLIMIT_NOFILE, &none);
	return probe_run(&probe) == -EMFILE && probe_enter(true, &probe) == -EMFILE &&
			       child_has_stdin()
		       ? NULL
		       : "the lack of descriptors is not told";
}

static const char *without_processes(void *ctx)
{
	const struct rlimit none = {0};
	struct probe probe;

	(void)ctx;
	setrlimit(RLIMIT_NPROC, &none);
	if (probe_enter(true, &probe) != -EAGAIN)
		return "the lack of processes is not told of an entry";
	return probe_run(&probe) == -EAGAIN ? NULL : "the lack of processes is not told";
}

/* If nothing can be tried, the host must not be said to refuse it. */
static void nothing_to_try_with(void **state)
{
	(void)state;
	assert_in_child(without_descriptors, NULL);
	if (geteuid() != 0)
		assert_in_child(without_processes, NULL);
}

static void on_refusal(int signal)
{
	(void)signal;
	raise(SIGKILL);
}

/* Only a filter that kills says that the kernel has no such call. */
static const char *killed_otherwise(void *ctx)
{
	const struct filter trap = {SYS_unshare, 0, FILTER_ANY, SECCOMP_RET_TRAP};
	const struct probe_step *step;
	struct probe probe;

	(void)ctx;
	signal(SIGSYS, on_refusal);
	if (filter_set(&trap) < 0 || probe_enter(true, &probe) != 0)
		return "nothing could be tried";
	step = &probe.steps[CHECK_USER_NAMESPACE];
	return step->outcome == PROBE_FAILED && step->signal == SIGKILL && step->err == EINTR
		       ? NULL
		       : probe_failure(step);
}

static void other_signals(void **state)
{
	(void)state;
	assert_in_child(killed_otherwise, NULL);
}

static const char *killed(void *ctx)
{
	const struct filter kills = {SYS_unshare, 0, FILTER_ANY, KILLED};
	const struct place *place = ctx;
	struct rlimit core;
	struct probe probe;

	if (getrlimit(RLIMIT_CORE, &core) < 0 || fchdir(place->fd) < 0)
		return "no core can be written";
	core.rlim_cur = core.rlim_max;
	setrlimit(RLIMIT_CORE, &core);
	return filter_set(&kills) == 0 && probe_enter(true, &probe) == 0 ? NULL : "no attempt";
}

/* An attempt that a filter kills leaves no core file, where the kernel writes such to "core". */
static void no_core(void **state)
{
	const struct place *place = *state;
	_cleanup_closedir_ DIR *dir = NULL;

	assert_in_child(killed, *state);
	dir = fs_list_dir(place->fd, ".");
	assert_non_null(dir);
	assert_null(fs_next_entry(dir));
}

static const char *killed_at_the_end(void *ctx)
{
	const struct filter kills = {SYS_exit_group, 0, 0, KILLED};
	struct probe probe;
	int status;
	pid_t pid = fork();

	(void)ctx;
	/* this one ends by another status than that which the filter kills */
	if (pid == 0)
		_exit(filter_set(&kills) == 0 && probe_enter(true, &probe) == 0 &&
				      !probe_first_failure(&probe)
			      ? 3
			      : 4);
	return waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 3
		       ? NULL
		       : "a step that worked, or was not to be tried, has failed";
}

/* A signal after the last message has ended no step. */
static void late_signal(void **state)
{
	(void)state;
	if (filter_host_allows_all())
		assert_in_child(killed_at_the_end, NULL);
}

/* What a call before has left in errno does not count: the last message has come. */
static const char *after_an_interruption(void *ctx)
{
	struct probe probe;

	(void)ctx;
	alarm(20);
	errno = EINTR;
	if (probe_enter(true, &probe) != 0)
		return "nothing could be tried";
	return probe.steps[CHECK_USER_NAMESPACE].outcome != PROBE_NOT_TRIED ? NULL
									    : "a message was lost";
}

static void stale_errno(void **state)
{
	(void)state;
	assert_in_child(after_an_interruption, NULL);
}

/* In 300 ms about 15 signals come, most of them while an attempt is waited for. */
static const char *interrupted(void *ctx)
{
	struct timespec start, now;
	struct probe wanted, probe;

	(void)ctx;
	if (probe_enter(true, &wanted) != 0)
		return "nothing could be tried";
	child_interrupt();
	clock_gettime(CLOCK_MONOTONIC, &start);
	do {
		if (probe_enter(true, &probe) != 0)
			return "nothing could be tried after a signal";
		for (enum check_step step = 0; step < CHECK_STEP_COUNT; step++)
			if (probe.steps[step].outcome != wanted.steps[step].outcome)
				return "a signal changed what was found";
		clock_gettime(CLOCK_MONOTONIC, &now);
	} while ((now.tv_sec - start.tv_sec) * 1000 + (now.tv_nsec - start.tv_nsec) / 1000000 <
		 300);
	return NULL;
}

static void interruptions(void **state)
{
	(void)state;
	assert_in_child(interrupted, NULL);
}

static const char *without_reading(void *ctx)
{
	const struct filter refused = {SYS_read, 0, FILTER_ANY, FILTER_ERROR(EIO)};
	struct probe probe;

	(void)ctx;
	alarm(20);
	if (filter_set(&refused) < 0)
		return "the filter was not set";
	return probe_enter(true, &probe) == -EIO ? NULL : "it is not told that nothing was read";
}

static void unread(void **state)
{
	(void)state;
	assert_in_child(without_reading, NULL);
}

/* As root of a container whose /proc is partly covered; LXC has a whole one in /dev. */
static int look_in_container(bool is_lxc)
{
	struct probe probe;
	int status;
	pid_t pid;

	if (!filter_get_namespaces() || mount(NULL, "/", NULL, MS_PRIVATE | MS_REC, NULL) < 0 ||
	    mount("t", "/proc/fs", "tmpfs", 0, NULL) < 0 ||
	    mount("t", "/dev", "tmpfs", 0, NULL) < 0 || mkdir("/dev/.lxc", 0755) < 0)
		return 10;
	pid = fork();
	if (pid == 0) {
		if (is_lxc && mount("p", "/dev/.lxc", "proc", 0, NULL) < 0)
			_exit(11);
		if (probe_run(&probe) != 0 || !probe_can_enter(&probe))
			_exit(12);
		_exit(probe_can_sandbox(&probe) ? 0 : 1);
	}
	return waitpid(pid, &status, 0) == pid && WIFEXITED(status) ? WEXITSTATUS(status) : 13;
}

static const char *in_container(void *ctx)
{
	bool is_lxc = *(bool *)ctx;
	int found = look_in_container(is_lxc);

	return found == !is_lxc ? NULL : xasprintf("lxc: %d, status %d", is_lxc, found);
}

/* Mounts below /dev come along, as they do at an entry. */
static void containers(void **state)
{
	bool lxc = true, other = false;

	(void)state;
	if (!filter_host_allows_all())
		skip();
	assert_in_child(in_container, &other);
	assert_in_child(in_container, &lxc);
}

/* The caller's wait(2) may be switched off: the messages of the child count. */
static const char *without_status(void *ctx)
{
	const struct filter refused = {SYS_unshare, 0, FILTER_ANY, FILTER_ERROR(EPERM)};
	struct probe probe;

	(void)ctx;
	signal(SIGCHLD, SIG_IGN);
	if (filter_set(&refused) < 0 || probe_run(&probe) != 0)
		return "nothing could be tried";
	return probe.steps[CHECK_USER_NAMESPACE].err == EPERM &&
			       probe.steps[CHECK_CONFINEMENT].err == EPERM
		       ? NULL
		       : "a message was lost";
}

static void ignored_children(void **state)
{
	(void)state;
	assert_in_child(without_status, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(on_this_host),
		cmocka_unit_test(refused_calls),
		cmocka_unit_test(entering_alone),
		cmocka_unit_test(without_user_namespace),
		cmocka_unit_test(nothing_to_try_with),
		cmocka_unit_test(ignored_children),
		cmocka_unit_test(stale_errno),
		cmocka_unit_test(late_signal),
		cmocka_unit_test(other_signals),
		cmocka_unit_test_setup_teardown(no_core, place_setup, place_teardown),
		cmocka_unit_test(unread),
		cmocka_unit_test(interruptions),
		cmocka_unit_test(containers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
