/*
 * Somebody changes files between a look and the use, at each instant that there is. Include after
 * cmocka.h.
 */
#ifndef TEST_SWAP_H
#define TEST_SWAP_H

#include "refuse.h"

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#ifdef SYS_openat2
#define SWAP_OPENAT2 SYS_openat2
#else
#define SWAP_OPENAT2 437
#endif

/* From now on each openat(2) and openat2(2) of this process waits for an answer; -1: it cannot. */
static inline int swap_filter(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_openat, 1, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SWAP_OPENAT2, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};

	return refuse_after_asking(code, sizeof(code) / sizeof(code[0]));
}

/* Answer the calls that LISTENER tells of; call SWAP before the Nth. Was there one? */
static inline bool swap_answer(int listener, int number, void (*swap)(void *ctx), void *ctx)
{
	struct pollfd wait = {.fd = listener, .events = POLLIN};

	while (poll(&wait, 1, 60000) > 0 && (wait.revents & POLLIN)) {
		struct seccomp_notif call = {0};
		struct seccomp_notif_resp response = {.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE};

		if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &call) < 0)
			continue;
		if (--number == 0)
			swap(ctx);
		response.id = call.id;
		(void)!ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &response);
	}
	return number <= 0;
}

/*
 * Run BODY in a child, and call SWAP in this process when the child is about to make its Nth
 * openat(2) or openat2(2). *STATUS becomes the exit status of BODY. Returns 1, 0 if there was no
 * Nth call, or -1 if the kernel is older than Linux 5.5.
 */
static inline int swap_at(int number, int (*body)(void *ctx), void (*swap)(void *ctx), void *ctx,
			  int *status)
{
	int told[2], listener;
	bool is_there;
	pid_t pid;

	assert_int_equal(pipe(told), 0);
	/* by CLONE_FILES this process gets the listener, too */
	pid = (pid_t)syscall(SYS_clone, CLONE_FILES | SIGCHLD, 0, 0, 0, 0);
	assert_true(pid >= 0);
	if (pid == 0) {
		listener = swap_filter();
		(void)!write(told[1], &listener, sizeof(listener));
		_exit(listener < 0 ? 0 : body(ctx));
	}
	assert_int_equal(read(told[0], &listener, sizeof(listener)), sizeof(listener));
	close(told[0]);
	close(told[1]);
	is_there = listener >= 0 && swap_answer(listener, number, swap, ctx);
	assert_int_equal(waitpid(pid, status, 0), pid);
	if (listener < 0)
		return -1;
	close(listener);
	return is_there;
}

#endif
