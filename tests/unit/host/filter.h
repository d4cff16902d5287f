/*
 * A seccomp filter that refuses one call, as those of containers do: for a child process of a test.
 */
#ifndef TEST_FILTER_H
#define TEST_FILTER_H

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/prctl.h>

#define FILTER_ANY UINT32_MAX

struct filter {
	long number;	 /* the call */
	unsigned arg;	 /* applies only if this argument, 0 to 5, */
	uint32_t flags;	 /* is this number; FILTER_ANY: always */
	uint32_t action; /* SECCOMP_RET_… */
};

#define FILTER_ERROR(err) (SECCOMP_RET_ERRNO | (uint32_t)(err))

/*
 * From now on the kernel obeys FILTER. Returns 0 or -1. Numbers of calls are of the architecture
 * that the test is built for, and the low half of an argument comes first on all that we build for.
 */
static inline int filter_set(const struct filter *filter)
{
	const uint32_t offset =
		(uint32_t)(offsetof(struct seccomp_data, args) + filter->arg * sizeof(uint64_t));
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)filter->number, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offset),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, filter->flags, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, filter->action),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	const struct sock_fprog program = {.len = sizeof(code) / sizeof(code[0]), .filter = code};

	if (filter->flags == FILTER_ANY)
		code[3] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, filter->action);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -1;
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

#endif
