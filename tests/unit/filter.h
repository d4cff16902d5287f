/*
 * A seccomp filter that refuses one call, as those of containers do, for a child process of a test;
 * and whether this host refuses nothing, found out without the code that is tested.
 */
#ifndef TEST_FILTER_H
#define TEST_FILTER_H

#include "util/str.h"

#include "refuse.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define FILTER_ANY UINT32_MAX

struct filter {
	long number;	 /* the call */
	unsigned arg;	 /* applies only if this argument, 0 to 5, */
	uint32_t flags;	 /* is this number; FILTER_ANY: always */
	uint32_t action; /* SECCOMP_RET_… */
};

#define FILTER_ERROR(err) (SECCOMP_RET_ERRNO | (uint32_t)(err))

/* From now on the kernel obeys FILTER. Returns 0; if there can be none, the child ends. */
static inline int filter_set(const struct filter *filter)
{
	bool any = filter->flags == FILTER_ANY;

	refuse_if(filter->number, filter->arg, any ? BPF_JGE : BPF_JEQ, any ? 0 : filter->flags,
		  filter->action);
	return 0;
}

/*
 * How many of the descriptors that DEED(CTX) has it flushes with fsync(2): each of them is made to
 * fail in a child, which DEED then must tell. Every DEED begins anew.
 */
static inline size_t filter_count_syncs(bool (*deed)(void *ctx), void *ctx)
{
	size_t count = 0;

	for (uint32_t fd = 0; fd < 16; fd++) {
		const struct filter fails = {SYS_fsync, 0, fd, FILTER_ERROR(EIO)};
		int status;
		pid_t pid = fork();

		if (pid == 0)
			_exit(filter_set(&fails) == 0 && deed(ctx) ? 0 : 1);
		if (waitpid(pid, &status, 0) != pid)
			return 0;
		count += status != 0;
	}
	return count;
}

#define SANDBOX \
	(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS)

static inline bool filter_write(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool done = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

	return fd >= 0 && close(fd) == 0 && done;
}

/* New namespaces of the kinds FLAGS, with this user alone. */
static inline bool filter_unshare(int flags)
{
	char *uid = xasprintf("%u %u 1", (unsigned)geteuid(), (unsigned)geteuid());
	char *gid = xasprintf("%u %u 1", (unsigned)getegid(), (unsigned)getegid());

	return unshare(flags) == 0 && filter_write("/proc/self/setgroups", "deny") &&
	       filter_write("/proc/self/gid_map", gid) && filter_write("/proc/self/uid_map", uid);
}

/* New namespaces of all kinds, with this user alone. */
static inline bool filter_get_namespaces(void)
{
	return filter_unshare(SANDBOX);
}

/* In a child: mount and pivot_root(2) as an entry does, and mount a /proc as Nix's sandbox does. */
static inline bool filter_try_all(void)
{
	int status;
	pid_t pid;

	if (!filter_get_namespaces() || mount(NULL, "/", NULL, MS_SLAVE | MS_REC, NULL) < 0 ||
	    mount("t", "/tmp", "tmpfs", 0, NULL) < 0 || chdir("/tmp") < 0 ||
	    mkdir("proc", 0755) < 0 || mkdir("fresh", 0755) < 0 || mkdir("old", 0755) < 0 ||
	    mount("/proc", "proc", NULL, MS_BIND | MS_REC, NULL) < 0 ||
	    syscall(SYS_pivot_root, ".", "old") < 0 || chdir("/") < 0 ||
	    umount2("/old", MNT_DETACH) < 0)
		return false;
	pid = fork();
	if (pid == 0)
		_exit(filter_get_namespaces() ? 0 : 1);
	if (waitpid(pid, &status, 0) != pid || status != 0)
		return false;
	pid = fork();
	if (pid == 0)
		_exit(mount("p", "/fresh", "proc", 0, NULL) < 0 ? 1 : 0);
	return waitpid(pid, &status, 0) == pid && status == 0 &&
	       access("/proc/sys/user/max_user_namespaces", F_OK) == 0;
}

/* Does this host allow everything that entering, Nix's sandbox and the unpacking need? */
static inline bool filter_host_allows_all(void)
{
	int status;
	pid_t pid = fork();

	if (pid == 0)
		_exit(filter_try_all() ? 0 : 1);
	return waitpid(pid, &status, 0) == pid && status == 0;
}

#endif
