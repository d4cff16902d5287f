/*
 * A process whose parent dies at the worst instant: after fork(2), and before prctl(2) has told the
 * kernel to send a signal then. Include after cmocka.h.
 */
#ifndef TEST_ORPHAN_H
#define TEST_ORPHAN_H

#include "util/cleanup.h"
#include "util/fs.h"
#include "util/str.h"

#include "refuse.h"

#include <errno.h>
#include <fcntl.h>
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

/*
 * From now on each prctl(PR_SET_PDEATHSIG, SIG) of this process and its children waits for an
 * answer by the descriptor that is returned. -1: the kernel is older than Linux 5.5.
 */
static inline int orphan_filter(int sig)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_prctl, 0, 5),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[0])),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, PR_SET_PDEATHSIG, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[1])),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)sig, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};

	return refuse_after_asking(code, sizeof(code) / sizeof(code[0]));
}

static inline pid_t orphan_parent(pid_t pid)
{
	_cleanup_free_ char *path = xasprintf("/proc/%d/status", (int)pid);
	char text[1024];
	const char *line;

	assert_true(fs_read_some(AT_FDCWD, path, text, sizeof(text)) > 0);
	line = strstr(text, "\nPPid:\t");
	assert_non_null(line);
	return (pid_t)strtol(line + strlen("\nPPid:\t"), NULL, 10);
}

/* Wait for the end of PROCESS, a pidfd. */
static inline void orphan_ended(int process)
{
	assert_int_equal(poll(&(struct pollfd){.fd = process, .events = POLLIN}, 1, 60000), 1);
}

/* Let the call ID go on, and all that come after it, until PROCESS, a pidfd, has ended. */
static inline void orphan_go_on(int listener, uint64_t id, int process)
{
	struct pollfd waits[] = {{.fd = process, .events = POLLIN},
				 {.fd = listener, .events = POLLIN}};
	struct seccomp_notif_resp response = {.id = id, .flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE};

	assert_int_equal(ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &response), 0);
	while (poll(waits, 2, 60000) > 0 && !waits[0].revents) {
		struct seccomp_notif call = {0};

		/* no process is left that could call */
		if (!(waits[1].revents & POLLIN))
			waits[1].fd = -1;
		/* both fail if the process was killed meanwhile */
		else if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &call) == 0) {
			response.id = call.id;
			(void)!ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &response);
		}
	}
	assert_true(waits[0].revents);
}

/*
 * Run BODY in a process. As soon as a descendant calls prctl(PR_SET_PDEATHSIG, SIG), kill its
 * parent, and then that process; then let the descendant go on, and wait for its end. BODY and its
 * children may write to OUT, which is CTX's own. Returns how many bytes they wrote; -1: this kernel
 * cannot.
 */
static inline int orphan_writes(void (*body)(void *ctx, int out), void *ctx, int sig)
{
	_cleanup_close_ int said = -1, out = -1, listener = -1, orphan = -1, parent = -1;
	struct seccomp_notif call = {0};
	int ends[2], told[2], count = 0;
	pid_t pid;

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	assert_int_equal(pipe2(told, O_CLOEXEC), 0);
	said = ends[0];
	out = ends[1];
	/* by CLONE_FILES this process gets the listener, too */
	pid = (pid_t)syscall(SYS_clone, CLONE_FILES | SIGCHLD, 0, 0, 0, 0);
	assert_true(pid >= 0);
	if (pid == 0) {
		int fd = orphan_filter(sig);

		(void)!write(told[1], &fd, sizeof(fd));
		if (fd >= 0)
			body(ctx, ends[1]);
		_exit(0);
	}
	assert_int_equal(read(told[0], &listener, sizeof(listener)), sizeof(listener));
	if (listener >= 0) {
		assert_int_equal(ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &call), 0);
		orphan = (int)syscall(SYS_pidfd_open, call.pid, 0);
		parent = (int)syscall(SYS_pidfd_open, orphan_parent((pid_t)call.pid), 0);
		assert_true(orphan >= 0 && parent >= 0);
		assert_int_equal(syscall(SYS_pidfd_send_signal, parent, SIGKILL, NULL, 0), 0);
		orphan_ended(parent);
	}
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	close(told[0]);
	close(told[1]);
	close(steal_fd(&out));
	if (listener < 0)
		return -1;
	orphan_go_on(listener, call.id, orphan);
	for (char byte; read(said, &byte, 1) == 1;)
		count++;
	return count;
}

#endif
