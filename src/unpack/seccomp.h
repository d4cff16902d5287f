/*
 * The seccomp(2) filter of the process that unpacks: a list of the system calls that libarchive and
 * the C libraries (glibc and musl) need for it. It makes the kernel smaller for a library that has
 * been taken over.
 */
#ifndef UNPACK_SECCOMP_H
#define UNPACK_SECCOMP_H

#include <linux/filter.h>
#include <stdbool.h>
#include <stdint.h>

/* Room for the longest program; a jump of BPF leaps over 255 instructions at most. */
#define SECCOMP_MAX_PROGRAM 192

struct seccomp_program {
	unsigned short len;
	struct sock_filter code[SECCOMP_MAX_PROGRAM];
};

/*
 * The program for the processor ARCH (AUDIT_ARCH_…) into *OUT. What is on the list passes. What
 * only an attacker asks for (a program, a namespace, a socket, a signal to another process, …) ends
 * the process by SIGSYS, as does a call by another processor's numbers. Everything else answers
 * ENOSYS, after which a C library that is newer than this list takes an older way. Returns false
 * where the numbers of ARCH are not known here.
 */
bool seccomp_build(uint32_t arch, struct seccomp_program *out);

/*
 * Put the calling thread under that program, for ever. Needs no_new_privs. Returns 0, or a negative
 * errno: -ENOTSUP: this processor is not known; -EINVAL: the kernel has no such filters.
 */
int seccomp_enter(void);

#endif
