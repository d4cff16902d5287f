/*
 * What a host refuses, by a seccomp filter. For use in a child of a test, because it cannot be
 * undone.
 */
#ifndef TEST_REFUSE_H
#define TEST_REFUSE_H

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The status of a child in which no filter can be installed: a reason to skip the test. */
#define NO_FILTER 120

/*
 * From now on the filter answers the system call NUMBER with ACTION if TEST (BPF_JEQ, BPF_JSET,
 * BPF_JGE) holds for the lower half of its argument INDEX and VALUE.
 */
static inline void refuse_if(long number, unsigned index, unsigned test, uint32_t value,
			     uint32_t action)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)number, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			 (uint32_t)(offsetof(struct seccomp_data, args) + index * 8)),
		BPF_JUMP((uint16_t)(BPF_JMP | test | BPF_K), value, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, action),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {sizeof(code) / sizeof(code[0]), code};

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) < 0)
		_exit(NO_FILTER);
}

/* The system call NUMBER fails with ERR if TEST holds for its argument INDEX and VALUE. */
static inline void refuse_call_if(long number, unsigned index, unsigned test, uint32_t value,
				  int err)
{
	refuse_if(number, index, test, value, SECCOMP_RET_ERRNO | (uint32_t)err);
}

/*
 * The system call NUMBER fails with ERR (0: it does nothing, and succeeds) if its argument INDEX is
 * VALUE (below 0: any).
 */
static inline void refuse_call_with(long number, unsigned index, long value, int err)
{
	refuse_call_if(number, index, value < 0 ? BPF_JGE : BPF_JEQ,
		       value < 0 ? 0 : (uint32_t)value, err);
}

/* The same for the first argument. */
static inline void refuse_call(long number, long first, int err)
{
	refuse_call_with(number, 0, first, err);
}

/* The system call NUMBER ends the process by SIGSYS. */
static inline void forbid_call(long number)
{
	refuse_if(number, 0, BPF_JGE, 0, SECCOMP_RET_KILL_PROCESS);
}

/*
 * The filter of LEN instructions is in force from now on, with its SECCOMP_RET_USER_NOTIF: returns
 * the descriptor by which the calls wait for an answer; -1: the kernel is older than Linux 5.5.
 */
static inline int refuse_after_asking(struct sock_filter *code, size_t len)
{
	struct sock_fprog program = {(unsigned short)len, code};

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -1;
	return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER,
			    &program);
}

/* As at the limit of processes: ulimit -u. */
static inline void refuse_forks(void)
{
#ifdef SYS_fork
	refuse_call(SYS_fork, -1, EAGAIN);
#endif
	refuse_call(SYS_clone, -1, EAGAIN);
}

#endif
