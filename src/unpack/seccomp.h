/*
 * A seccomp(2) filter for a process that has its files open or below it and needs nothing else. It
 * makes the kernel smaller for a library that has been taken over: namespaces and sockets are where
 * most privilege escalations began. The namespaces around the process hold without it.
 */
#ifndef UNPACK_SECCOMP_H
#define UNPACK_SECCOMP_H

/*
 * From now on new processes, programs, namespaces, mounts, sockets, device nodes and the rarer
 * subsystems (keys, bpf, io_uring, …) are refused with EPERM. Needs no_new_privs. Returns 0, also
 * where this processor or kernel has no such filter; or -1 with errno.
 */
int confine_filter(void);

#endif
