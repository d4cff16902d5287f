/* Gets and verifies the program for this host from a release of this program. */
#ifndef INSTALL_UPDATE_RELEASE_H
#define INSTALL_UPDATE_RELEASE_H

#include "install/own_release.h"
#include "install/update_request.h"

#include <stddef.h>

/*
 * Find the program and its digest, which is REQUEST's hash, else that in SHA256SUMS, which counts
 * only over verified TLS or from a local file. *OUT is for own_file_clear(). 0, or -1 after a
 * message.
 */
int update_release_find(const struct update_request *request, struct downloader *downloader,
			struct own_file *out);

/*
 * Get the program into memory: *LEN bytes at *OUT, which the caller frees. The program has FILE's
 * digest, was run once, and printed the version in FILE's name. 0, or -1 after a message.
 */
int update_release_get(const struct own_file *file, struct downloader *downloader, char **out,
		       size_t *len);

#endif
