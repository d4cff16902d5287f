#include "unpack/seccomp.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#if defined(__x86_64__) && !defined(__ILP32__)
#define FILTER_ARCH AUDIT_ARCH_X86_64
#elif defined(__i386__)
#define FILTER_ARCH AUDIT_ARCH_I386
#elif defined(__aarch64__) && defined(__AARCH64EL__)
#define FILTER_ARCH AUDIT_ARCH_AARCH64
#elif defined(__arm__) && defined(__ARMEL__)
#define FILTER_ARCH AUDIT_ARCH_ARM
#elif defined(__riscv) && __riscv_xlen == 64
#define FILTER_ARCH AUDIT_ARCH_RISCV64
#elif defined(__powerpc64__) && defined(__LITTLE_ENDIAN__)
#define FILTER_ARCH AUDIT_ARCH_PPC64LE
#endif

#ifndef FILTER_ARCH

int confine_filter(void)
{
	return 0;
}

#else

/* the number of a call with "x32" ABI on x86-64, whose numbers are others' with this bit set */
#define X32_BIT 0x40000000u

#define REFUSE	   BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM)
#define UNKNOWN	   BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS)
#define ALLOW	   BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)
#define LOAD(what) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)offsetof(struct seccomp_data, what))
/* go on with the next statement if the number is N, with the one after it otherwise */
#define IS(n)	   BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)(n), 0, 1)
#define DENY(n)	   IS(n), REFUSE

static const struct sock_filter program[] = {
	LOAD(arch),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, FILTER_ARCH, 1, 0),
	REFUSE,
	LOAD(nr),
#ifdef __x86_64__
	BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, X32_BIT, 0, 1),
	REFUSE,
#endif
	DENY(SYS_clone),
#ifdef SYS_fork
	DENY(SYS_fork),
	DENY(SYS_vfork),
#endif
#ifdef SYS_clone3
	/* what libcs take for "use clone" */
	IS(SYS_clone3),
	UNKNOWN,
#endif
	DENY(SYS_execve),
	DENY(SYS_execveat),
	DENY(SYS_unshare),
	DENY(SYS_setns),
	DENY(SYS_mount),
	DENY(SYS_umount2),
	DENY(SYS_pivot_root),
	DENY(SYS_chroot),
#ifdef SYS_fsopen
	DENY(SYS_open_tree),
	DENY(SYS_move_mount),
	DENY(SYS_fsopen),
	DENY(SYS_fspick),
#endif
#ifdef SYS_mount_setattr
	DENY(SYS_mount_setattr),
#endif
#ifdef SYS_socket
	DENY(SYS_socket),
	DENY(SYS_socketpair),
#endif
#ifdef SYS_socketcall
	DENY(SYS_socketcall),
#endif
#ifdef SYS_mknod
	DENY(SYS_mknod),
#endif
	DENY(SYS_mknodat),
	DENY(SYS_open_by_handle_at),
	DENY(SYS_ptrace),
	DENY(SYS_process_vm_readv),
	DENY(SYS_process_vm_writev),
	DENY(SYS_add_key),
	DENY(SYS_request_key),
	DENY(SYS_keyctl),
	DENY(SYS_bpf),
	DENY(SYS_perf_event_open),
	DENY(SYS_userfaultfd),
#ifdef SYS_io_uring_setup
	DENY(SYS_io_uring_setup),
#endif
	ALLOW,
};

int confine_filter(void)
{
	const struct sock_fprog filter = {
		.len = sizeof(program) / sizeof(program[0]),
		.filter = (struct sock_filter *)(uintptr_t)program,
	};

	/* EINVAL: a kernel without CONFIG_SECCOMP_FILTER */
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter, 0, 0) < 0 && errno != EINVAL)
		return -1;
	return 0;
}

#endif
