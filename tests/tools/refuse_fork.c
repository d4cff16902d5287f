/*
 * refuse_fork N PREFIX FILE -- COMMAND [ARG…]
 *
 * Runs COMMAND, and refuses one fork(2): the Nth of all that processes with names that begin with
 * PREFIX call, counted together. It fails with EAGAIN, as at the limit of processes (ulimit -u).
 * FILE gets the name of that process; if there is no Nth fork, FILE is not made. Ends as COMMAND
 * does, and not before all of its processes have ended.
 *
 * strace(1) counts for each process of its own: it cannot let a child's first fork(2) fail without
 * that of the parent.
 */
#include "native_arch.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* fork and vfork are calls of their own on old architectures only */
#ifdef SYS_fork
#define OLD_FORK SYS_fork
#else
#define OLD_FORK SYS_clone
#endif
#ifdef SYS_vfork
#define OLD_VFORK SYS_vfork
#else
#define OLD_VFORK SYS_clone
#endif

static _Noreturn void give_up(const char *what)
{
	fprintf(stderr, "refuse_fork: %s: %s\n", what, strerror(errno));
	_exit(125);
}

/* Have the calls of this process and its children reported to the descriptor that is returned. */
static int report_forks(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, NATIVE_ARCH, 0, 5),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone, 2, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, OLD_FORK, 1, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, OLD_VFORK, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {sizeof(code) / sizeof(code[0]), code};
	int fd;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		give_up("no_new_privs");
	fd = (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER,
			  &program);
	if (fd < 0)
		give_up("seccomp");
	return fd;
}

/* Does the process PID have a name with PREFIX? Then NAME becomes it. */
static bool has_name(uint32_t pid, const char *prefix, char name[32])
{
	char path[40];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%u/comm", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, name, 31);
	if (fd >= 0)
		close(fd);
	name[n > 0 ? n : 0] = '\0';
	return strncmp(name, prefix, strlen(prefix)) == 0;
}

static void say_refused(const char *file, const char *name)
{
	int fd = open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (fd < 0 || write(fd, name, strlen(name)) < 0)
		give_up(file);
	close(fd);
}

/* Answer the calls of LISTENER until no process is left that could make one. */
static void answer(int listener, long number, const char *prefix, const char *file)
{
	struct pollfd wait = {.fd = listener, .events = POLLIN};
	char name[32];

	while (poll(&wait, 1, -1) >= 0 || errno == EINTR) {
		struct seccomp_notif call = {0};
		struct seccomp_notif_resp response = {.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE};

		if (wait.revents & POLLHUP)
			return;
		/* ENOENT: the process was killed meanwhile */
		if (!(wait.revents & POLLIN) ||
		    ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &call) < 0)
			continue;
		response.id = call.id;
		/* a thread is no process */
		if (!(call.data.nr == SYS_clone && (call.data.args[0] & CLONE_THREAD)) &&
		    has_name(call.pid, prefix, name) && --number == 0) {
			response.flags = 0;
			response.error = -EAGAIN;
			say_refused(file, name);
		}
		ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &response);
	}
}

int main(int argc, char **argv)
{
	int ends[2], listener, status;
	pid_t pid;

	if (argc < 6 || strcmp(argv[4], "--") != 0) {
		fprintf(stderr, "usage: refuse_fork N PREFIX FILE -- COMMAND [ARG...]\n");
		return 125;
	}
	if (pipe2(ends, O_CLOEXEC) < 0)
		give_up("pipe");
	/* with CLONE_FILES the parent gets the listener, too; execve(2) ends the sharing */
	pid = (pid_t)syscall(SYS_clone, CLONE_FILES | SIGCHLD, 0, 0, 0, 0);
	if (pid < 0)
		give_up("clone");
	if (pid == 0) {
		listener = report_forks();
		if (write(ends[1], &listener, sizeof(listener)) < 0)
			give_up("write");
		execvp(argv[5], argv + 5);
		give_up(argv[5]);
	}
	/* if the filter was refused, the child has said so and ended */
	for (;;) {
		struct pollfd wait = {.fd = ends[0], .events = POLLIN};

		if (poll(&wait, 1, 100) > 0)
			break;
		if (waitpid(pid, &status, WNOHANG) == pid)
			return 125;
	}
	if (read(ends[0], &listener, sizeof(listener)) != sizeof(listener))
		give_up("read");
	answer(listener, strtol(argv[1], NULL, 10), argv[2], argv[3]);
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			give_up("wait");
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}
