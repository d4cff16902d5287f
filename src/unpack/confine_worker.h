/* The process that touches foreign bytes (confine.h): what it gives up before that. */
#ifndef UNPACK_CONFINE_WORKER_H
#define UNPACK_CONFINE_WORKER_H

#include "unpack/confine_request.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* AddressSanitizer maps terabytes, and reports on stderr. */
#if defined(__SANITIZE_ADDRESS__)
#define WORKER_HAS_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define WORKER_HAS_ASAN 1
#endif
#endif
#ifndef WORKER_HAS_ASAN
#define WORKER_HAS_ASAN 0
#endif

/*
 * Let the kernel send SIG when the parent of this process dies: prctl(2). A change of credentials
 * clears that.
 */
void worker_death_signal(int sig);

/* Give up every capability, and everything that could bring one back. */
void worker_drop_capabilities(void);

/*
 * Do REQUEST's work in the working directory, as the child of the process PARENT. MAPPED: how many
 * bytes of address space the program has already. NAMESPACES: the root is the working directory.
 */
_Noreturn void worker_run(const struct confine_request *request, pid_t parent, uint64_t mapped,
			  bool namespaces);

#endif
