#include "unpack/seccomp.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>

#if defined(__x86_64__) && !defined(__ILP32__)
#define OWN_ARCH AUDIT_ARCH_X86_64
#elif defined(__i386__)
#define OWN_ARCH AUDIT_ARCH_I386
#elif defined(__aarch64__) && defined(__AARCH64EL__)
#define OWN_ARCH AUDIT_ARCH_AARCH64
#elif defined(__ARM_EABI__) && defined(__ARMEL__)
#define OWN_ARCH AUDIT_ARCH_ARM
#elif defined(__riscv) && __riscv_xlen == 64
#define OWN_ARCH AUDIT_ARCH_RISCV64
#elif defined(__powerpc64__) && defined(__LITTLE_ENDIAN__)
#define OWN_ARCH AUDIT_ARCH_PPC64LE
#else
#define OWN_ARCH 0
#endif

/*
 * The kernel's tables of system call numbers; GENERIC is asm-generic/unistd.h, for aarch64 and
 * riscv64.
 */
enum table { X86_64, I386, ARM, GENERIC, PPC64, TABLES };

/* The number of a call that a table does not have. */
#define NONE (-1)

typedef short numbers[TABLES];

/* NAME is for the reader */
#define CALL(name, ...)     \
	{                   \
		__VA_ARGS__ \
	}

/* clang-format off */
static const numbers allowed[] = {
	/* files: openat(2) and similar calls, as both C libraries use them */
	CALL(read, 0, 3, 3, 63, 3),
	CALL(write, 1, 4, 4, 64, 4),
	CALL(openat, 257, 295, 322, 56, 286),
	CALL(newfstatat, 262, NONE, NONE, 79, 291),
	CALL(close, 3, 6, 6, 57, 6),
	CALL(mkdir, 83, 39, 39, NONE, 39),
	CALL(mkdirat, 258, 296, 323, 34, 287),
	CALL(symlink, 88, 83, 83, NONE, 83),
	CALL(symlinkat, 266, 304, 331, 36, 295),
	CALL(link, 86, 9, 9, NONE, 9),
	CALL(linkat, 265, 303, 330, 37, 294),
	CALL(fchmod, 91, 94, 94, 52, 94),
	CALL(utimensat, 280, 320, 348, 88, 304),
	CALL(open, 2, 5, 5, NONE, 5),
	CALL(fstat, 5, 108, 108, 80, 108),
	CALL(lstat, 6, 107, 107, NONE, 107),
	CALL(stat, 4, 106, 106, NONE, 106),
	CALL(fstat64, NONE, 197, 197, NONE, NONE),
	CALL(lstat64, NONE, 196, 196, NONE, NONE),
	CALL(stat64, NONE, 195, 195, NONE, NONE),
	CALL(fstatat64, NONE, 300, 327, NONE, NONE),
	CALL(statx, 332, 383, 397, 291, 383),
	CALL(fcntl, 72, 55, 55, 25, 55),
	CALL(fcntl64, NONE, 221, 221, NONE, NONE),
	CALL(lseek, 8, 19, 19, 62, 19),
	CALL(_llseek, NONE, 140, 140, NONE, 140),
	CALL(ftruncate, 77, 93, 93, 46, 93),
	CALL(ftruncate64, NONE, 194, 194, NONE, NONE),
	CALL(readv, 19, 145, 145, 65, 145),
	CALL(writev, 20, 146, 146, 66, 146),
	CALL(statfs, 137, 99, 99, 43, 99),
	CALL(fstatfs, 138, 100, 100, 44, 100),
	CALL(statfs64, NONE, 268, 266, NONE, 252),
	CALL(fstatfs64, NONE, 269, 267, NONE, 253),
	CALL(umask, 95, 60, 60, 166, 60),
	CALL(utimensat_time64, NONE, 412, 412, NONE, NONE),
	/* memory and locks */
	CALL(brk, 12, 45, 45, 214, 45),
	CALL(mmap, 9, 90, NONE, 222, 90),
	CALL(mmap2, NONE, 192, 192, NONE, NONE),
	CALL(munmap, 11, 91, 91, 215, 91),
	CALL(mremap, 25, 163, 163, 216, 163),
	CALL(mprotect, 10, 125, 125, 226, 125),
	CALL(madvise, 28, 219, 220, 233, 205),
	CALL(futex, 202, 240, 240, 98, 221),
	CALL(futex_time64, NONE, 422, 422, NONE, NONE),
	CALL(getrandom, 318, 355, 384, 278, 359),
	/* user id and time */
	CALL(geteuid, 107, 49, 49, 175, 49),
	CALL(geteuid32, NONE, 201, 201, NONE, NONE),
	CALL(clock_gettime, 228, 265, 263, 113, 246),
	CALL(clock_gettime64, NONE, 403, 403, NONE, NONE),
	CALL(gettimeofday, 96, 78, 78, 169, 78),
	CALL(time, 201, 13, NONE, NONE, 13),
	/* abort(3), a sanitizer's report, and the end */
	CALL(rt_sigaction, 13, 174, 174, 134, 173),
	CALL(rt_sigprocmask, 14, 175, 175, 135, 174),
	CALL(rt_sigreturn, 15, 173, 173, 139, 172),
	CALL(sigreturn, NONE, 119, 119, NONE, 119),
	CALL(sigaltstack, 131, 186, 186, 132, 185),
	CALL(restart_syscall, 219, 0, 0, 128, 0),
	CALL(exit, 60, 1, 1, 93, 1),
	CALL(exit_group, 231, 252, 248, 94, 234),
};

/*
 * fork(2) and similar calls are on neither list: libarchive would start a program instead of a
 * library that it was built without, and reports it well when that fails. prctl(2) is on neither
 * list because a C library may name its memory by it.
 */
static const numbers deadly[] = {
	/* programs, and other processes' memory */
	CALL(execve, 59, 11, 11, 221, 11),
	CALL(execveat, 322, 358, 387, 281, 362),
	CALL(ptrace, 101, 26, 26, 117, 26),
	CALL(process_vm_readv, 310, 347, 376, 270, 351),
	CALL(process_vm_writev, 311, 348, 377, 271, 352),
	/* signals, and escaping from them */
	CALL(kill, 62, 37, 37, 129, 37),
	CALL(rt_sigqueueinfo, 129, 178, 178, 138, 177),
	CALL(rt_tgsigqueueinfo, 297, 335, 363, 240, 322),
	CALL(pidfd_open, 434, 434, 434, 434, 434),
	CALL(pidfd_getfd, 438, 438, 438, 438, 438),
	CALL(pidfd_send_signal, 424, 424, 424, 424, 424),
	CALL(setsid, 112, 66, 66, 157, 66),
	CALL(setpgid, 109, 57, 57, 154, 57),
	/* namespaces and mounts */
	CALL(unshare, 272, 310, 337, 97, 282),
	CALL(setns, 308, 346, 375, 268, 350),
	CALL(mount, 165, 21, 21, 40, 21),
	CALL(umount, NONE, 22, NONE, NONE, 22),
	CALL(umount2, 166, 52, 52, 39, 52),
	CALL(pivot_root, 155, 217, 218, 41, 203),
	CALL(chroot, 161, 61, 61, 51, 61),
	CALL(move_mount, 429, 429, 429, 429, 429),
	CALL(open_tree, 428, 428, 428, 428, 428),
	CALL(fsopen, 430, 430, 430, 430, 430),
	CALL(fsconfig, 431, 431, 431, 431, 431),
	CALL(fsmount, 432, 432, 432, 432, 432),
	CALL(fspick, 433, 433, 433, 433, 433),
	CALL(mount_setattr, 442, 442, 442, 442, 442),
	/* sockets */
	CALL(socket, 41, 359, 281, 198, 326),
	CALL(socketpair, 53, 360, 288, 199, 333),
	CALL(socketcall, NONE, 102, NONE, NONE, 102),
	/* around permissions */
	CALL(open_by_handle_at, 304, 342, 371, 265, 346),
	/* the parts of the kernel that had most of its holes */
	CALL(bpf, 321, 357, 386, 280, 361),
	CALL(perf_event_open, 298, 336, 364, 241, 319),
	CALL(userfaultfd, 323, 374, 388, 282, 364),
	CALL(io_uring_setup, 425, 425, 425, 425, 425),
	CALL(io_uring_enter, 426, 426, 426, 426, 426),
	CALL(io_uring_register, 427, 427, 427, 427, 427),
	CALL(add_key, 248, 286, 309, 217, 269),
	CALL(request_key, 249, 287, 310, 218, 270),
	CALL(keyctl, 250, 288, 311, 219, 271),
	/* the kernel itself */
	CALL(kexec_load, 246, 283, 347, 104, 268),
	CALL(kexec_file_load, 320, NONE, 401, 294, 382),
	CALL(init_module, 175, 128, 128, 105, 128),
	CALL(finit_module, 313, 350, 379, 273, 353),
	CALL(delete_module, 176, 129, 129, 106, 129),
	CALL(personality, 135, 136, 136, 92, 136),
	CALL(modify_ldt, 154, 123, NONE, NONE, 123),
};
/* clang-format on */

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

_Static_assert(COUNT(allowed) + COUNT(deadly) + 10 <= SECCOMP_MAX_PROGRAM, "the program has room");
_Static_assert(COUNT(allowed) + COUNT(deadly) < 255, "a jump can skip both lists");

/* the numbers of the "x32" ABI on x86-64 have this bit set */
#define X32_BIT 0x40000000u

#define LOAD(what)  BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)offsetof(struct seccomp_data, what))
#define RETURN(how) BPF_STMT(BPF_RET | BPF_K, (how))

static int table_of(uint32_t arch)
{
	switch (arch) {
	case AUDIT_ARCH_X86_64:
		return X86_64;
	case AUDIT_ARCH_I386:
		return I386;
	case AUDIT_ARCH_ARM:
		return ARM;
	case AUDIT_ARCH_AARCH64:
	case AUDIT_ARCH_RISCV64:
		return GENERIC;
	case AUDIT_ARCH_PPC64LE:
		return PPC64;
	default:
		return NONE;
	}
}

static void add(struct seccomp_program *program, struct sock_filter instruction)
{
	program->code[program->len++] = instruction;
}

/* For each call of LIST, add a comparison that jumps if it matches; the target is set later. */
static void add_list(struct seccomp_program *program, const numbers *list, size_t count, int table)
{
	for (size_t i = 0; i < count; i++)
		if (list[i][table] != NONE)
			add(program, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K,
								  (uint32_t)list[i][table], 0, 0));
}

/* Let the comparisons from FIRST to END jump to the instruction TARGET. */
static void set_target(struct seccomp_program *program, size_t first, size_t end, size_t target)
{
	for (size_t i = first; i < end; i++)
		program->code[i].jt = (uint8_t)(target - i - 1);
}

bool seccomp_build(uint32_t arch, struct seccomp_program *out)
{
	const int table = table_of(arch);
	size_t first, second, end;

	out->len = 0;
	if (table == NONE)
		return false;
	add(out, (struct sock_filter)LOAD(arch));
	add(out, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, arch, 1, 0));
	add(out, (struct sock_filter)RETURN(SECCOMP_RET_KILL_PROCESS));
	add(out, (struct sock_filter)LOAD(nr));
	if (arch == AUDIT_ARCH_X86_64) {
		add(out, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, X32_BIT, 0, 1));
		add(out, (struct sock_filter)RETURN(SECCOMP_RET_KILL_PROCESS));
	}
	first = out->len;
	add_list(out, allowed, COUNT(allowed), table);
	second = out->len;
	add_list(out, deadly, COUNT(deadly), table);
	end = out->len;
	add(out, (struct sock_filter)RETURN(SECCOMP_RET_ERRNO | ENOSYS));
	add(out, (struct sock_filter)RETURN(SECCOMP_RET_ALLOW));
	add(out, (struct sock_filter)RETURN(SECCOMP_RET_KILL_PROCESS));
	set_target(out, first, second, end + 1);
	set_target(out, second, end, end + 2);
	return true;
}

int seccomp_enter(void)
{
	struct seccomp_program program;
	struct sock_fprog filter = {.filter = program.code};

	if (!seccomp_build(OWN_ARCH, &program))
		return -ENOTSUP;
	filter.len = program.len;
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter, 0, 0) < 0 ? -errno : 0;
}
