/*
 * One call of several of its kind fails, as on a disk or in a network that fails now and then: for
 * what refuse.h, which refuses all of them, cannot reach. Include after cmocka.h.
 */
#ifndef TEST_NTH_H
#define TEST_NTH_H

#include "refuse.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/*
 * The system calls of stat(3) and its relatives: of fstat(3), an older C library makes the first,
 * and a newer one the second.
 */
static const long nth_looks[] = {
#ifdef SYS_newfstatat
	SYS_newfstatat,
#endif
#ifdef SYS_fstat
	SYS_fstat,
#endif
};
#define NTH_LOOKS (sizeof(nth_looks) / sizeof(nth_looks[0]))

/* From now on each call NUMBER of this process and its children waits for an answer; -1: it cannot.
 */
static inline int nth_filter(long number)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)number, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};

	return refuse_after_asking(code, sizeof(code) / sizeof(code[0]));
}

/* What happens at the Nth system call NUMBER. */
struct nth {
	long number;
	int nth;
	int err; /* it fails with this error (0: does nothing, and returns VALUE); */
	int value;
	void (*meanwhile)(void *ctx); /* or, if not NULL, the test does this before it */
	bool of_children;	      /* those of the child's children count, too */
	bool others_are_void;	      /* all other calls NUMBER do nothing, and succeed */
};

/* Answer the calls of PID that LISTENER tells of. Was there an Nth? */
static inline bool nth_answer(int listener, pid_t pid, const struct nth *what, void *ctx)
{
	struct pollfd wait = {.fd = listener, .events = POLLIN};
	int nth = what->nth;

	while (poll(&wait, 1, 60000) > 0 && (wait.revents & POLLIN)) {
		struct seccomp_notif call = {0};
		struct seccomp_notif_resp response = {0};
		bool is_it;

		if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &call) < 0)
			continue;
		response.id = call.id;
		is_it = (what->of_children || (pid_t)call.pid == pid) && --nth == 0;
		if (is_it && what->meanwhile)
			what->meanwhile(ctx);
		response.val = is_it ? what->value : 0;
		if (is_it && !what->meanwhile)
			response.error = -what->err;
		else if (is_it || !what->others_are_void)
			response.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
		(void)!ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &response);
	}
	return nth <= 0;
}

/* In the child, which has the descriptors of the test until the test knows of the listener. */
static inline _Noreturn void nth_body(long number, const int *told, int (*body)(void *ctx),
				      void *ctx)
{
	int listener = nth_filter(number);

	/* no write(2): it may be the call that waits */
	close(told[1]);
	if (listener < 0 || unshare(CLONE_FILES) < 0)
		_exit(NO_FILTER);
	close(listener);
	close(told[0]);
	alarm(60);
	_exit(body(ctx));
}

/*
 * Run BODY in a child, to which WHAT happens. *STATUS becomes what waitpid(2) says. Returns 1, 0 if
 * there was no Nth call, or -1 if the kernel is older than Linux 5.5.
 */
static inline int nth_happens(const struct nth *what, int (*body)(void *ctx), void *ctx,
			      int *status)
{
	int told[2], listener;
	bool is_there;
	char byte;
	pid_t pid;

	assert_int_equal(pipe2(told, O_CLOEXEC), 0);
	/* the number that the listener will get, in this process too, by CLONE_FILES */
	listener = fcntl(told[0], F_DUPFD_CLOEXEC, 0);
	assert_true(listener >= 0);
	close(listener);
	pid = (pid_t)syscall(SYS_clone, CLONE_FILES | SIGCHLD, 0, 0, 0, 0);
	assert_true(pid >= 0);
	if (pid == 0)
		nth_body(what->number, told, body, ctx);
	assert_int_equal(read(told[0], &byte, 1), 0);
	close(told[0]);
	is_there = fcntl(listener, F_GETFD) >= 0 && nth_answer(listener, pid, what, ctx);
	assert_int_equal(waitpid(pid, status, 0), pid);
	if (WIFEXITED(*status) && WEXITSTATUS(*status) == NO_FILTER)
		return -1;
	close(listener);
	return is_there;
}

static inline int nth_fails(long number, int nth, int err, int (*body)(void *ctx), void *ctx,
			    int *status)
{
	const struct nth what = {.number = number, .nth = nth, .err = err};

	return nth_happens(&what, body, ctx, status);
}

#endif
