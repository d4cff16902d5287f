/* Gets and verifies the program for this host from a release of this program. */
#ifndef INSTALL_UPDATE_RELEASE_H
#define INSTALL_UPDATE_RELEASE_H

#include "install/own_release.h"
#include "install/update_request.h"

#include <stddef.h>

/*
 * Find the program and its digest, from REQUEST's hash, or from SHA256SUMS if nobody can have
 * changed that on its way: *OUT is for own_file_clear(). 0, or -1 after a message.
 */
int update_release_find(const struct update_request *request, struct downloader *downloader,
			struct own_file *out);

/*
 * Get the program into memory, *LEN bytes at *OUT, which the caller frees. They have FILE's digest,
 * and were run once, and printed the version that FILE is named after. 0, or -1 after a message.
 */
int update_release_get(const struct own_file *file, struct downloader *downloader, char **out,
		       size_t *len);

#endif
