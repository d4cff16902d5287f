/* What a confined child has to do, and within which limits (confine.h). */
#ifndef UNPACK_CONFINE_REQUEST_H
#define UNPACK_CONFINE_REQUEST_H

#include <stdint.h>

struct confine_request {
	int root_fd; /* the directory that becomes the worker's / (mounted nosuid, nodev, noexec) */
	int in_fd;   /* becomes the worker's descriptor 0 */
	int out_fd;  /* becomes the worker's descriptor 1; 2 is /dev/null */
	/* the keeper keeps it open until the other processes are gone; 0 or -1: none */
	int keep_fd;
	uint64_t memory;     /* bytes that the worker may map in addition to the program's own */
	uint64_t file_bytes; /* no file may become larger (EFBIG) */
	uint64_t seconds;    /* of processor time; then SIGXCPU ends the worker */

	/*
	 * The work; its return value (0 to 127) is the child's exit status. It runs with root_fd as
	 * its working directory, umask 0, default signal dispositions except for an ignored
	 * SIGXFSZ, no environment and no /proc.
	 */
	int (*run)(void *ctx);
	void *ctx;
};

#endif
