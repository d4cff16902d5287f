/*
 * The seccomp(2) filter of the process that unpacks: a list of the system calls that libarchive and
 * the C libraries (glibc and musl) need for it. If an attacker takes over a library, most of the
 * kernel stays out of reach.
 */
#ifndef UNPACK_SECCOMP_H
#define UNPACK_SECCOMP_H

#include <linux/filter.h>
#include <stdbool.h>
#include <stdint.h>

/* Room for the longest program; a BPF jump skips at most 255 instructions. */
#define SECCOMP_MAX_PROGRAM 192

struct seccomp_program {
	unsigned short len;
	struct sock_filter code[SECCOMP_MAX_PROGRAM];
};

/*
 * Write the program for the processor ARCH (AUDIT_ARCH_…) to *OUT. Calls on the list are allowed.
 * Calls that only an attacker needs (a program, a namespace, a socket, a signal to another process,
 * …) end the process by SIGSYS, and so do calls with another processor's numbers. All other calls
 * fail with ENOSYS, and a C library newer than this list then uses an older call. Returns false if
 * the numbers of ARCH are unknown here.
 */
bool seccomp_build(uint32_t arch, struct seccomp_program *out);

/*
 * Put the calling thread under that program for ever. Needs no_new_privs. Returns 0, or a negative
 * errno: -ENOTSUP: unknown processor; -EINVAL: the kernel has no such filters.
 */
int seccomp_enter(void);

#endif
