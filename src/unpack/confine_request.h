/*
 * What a confined child is to do, and within which limits (confine.h).
 */
#ifndef UNPACK_CONFINE_REQUEST_H
#define UNPACK_CONFINE_REQUEST_H

#include <stdint.h>

struct confine_request {
	int root_fd; /* the directory that becomes the worker's / (mounted nosuid, nodev, noexec) */
	int in_fd;   /* becomes its descriptor 0 */
	int out_fd;  /* becomes its descriptor 1; 2 is /dev/null */
	int keep_fd; /* the keeper's, until all the others are gone; 0 or -1: none */
	uint64_t memory;     /* bytes that the worker may map beyond what the program has mapped */
	uint64_t file_bytes; /* no file may become larger (EFBIG) */
	uint64_t seconds;    /* of processor time; then it ends by SIGXCPU */

	/*
	 * The work; its return value (0 to 127) is the child's exit status. It runs with root_fd as
	 * its working directory, umask 0, default signal dispositions but for an ignored SIGXFSZ,
	 * no environment, no /proc.
	 */
	int (*run)(void *ctx);
	void *ctx;
};

#endif
