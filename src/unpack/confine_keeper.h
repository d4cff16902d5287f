/*
 * The two trusted processes between the caller and the worker (confine.h).
 */
#ifndef UNPACK_CONFINE_KEEPER_H
#define UNPACK_CONFINE_KEEPER_H

#include "unpack/confine_request.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * In a process just forked from CALLER: start the worker, in NAMESPACES of its own or in the
 * caller's, stay until it is gone, and end with its exit status. STATUS_FD gets the result
 * (confine_status.h).
 */
_Noreturn void keeper_run(const struct confine_request *request, int status_fd, pid_t caller,
			  bool namespaces);

#endif
