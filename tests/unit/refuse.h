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

/*
 * From now on the filter answers the system call NUMBER with ACTION if its first argument is FIRST
 * (below 0: any).
 */
static inline void refuse_by(long number, long first, uint32_t action)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)number, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[0])),
		BPF_JUMP(BPF_JMP | (first < 0 ? BPF_JGE : BPF_JEQ) | BPF_K,
			 first < 0 ? 0 : (uint32_t)first, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, action),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {sizeof(code) / sizeof(code[0]), code};

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) < 0)
		_exit(120);
}

/* From now on the system call NUMBER fails with ERR if its first argument is FIRST, or any. */
static inline void refuse_call(long number, long first, int err)
{
	refuse_by(number, first, SECCOMP_RET_ERRNO | (uint32_t)err);
}

/* From now on the system call NUMBER ends the process by SIGSYS. */
static inline void forbid_call(long number)
{
	refuse_by(number, -1, SECCOMP_RET_KILL_PROCESS);
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
