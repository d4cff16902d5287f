/*
 * The program that a release of this program has for this host, got and verified.
 */
#ifndef INSTALL_UPDATE_RELEASE_H
#define INSTALL_UPDATE_RELEASE_H

#include "install/own_release.h"
#include "install/update_request.h"

#include <stddef.h>

/*
 * Which it is, and its digest, in *OUT, for own_file_clear(): of REQUEST's hash, or of SHA256SUMS
 * where nobody can have changed that on its way. 0, or -1 after a message.
 */
int update_release_find(const struct update_request *request, struct downloader *downloader,
			struct own_file *out);

/*
 * Its bytes, in memory, in *OUT (the caller frees) and *LEN, of the digest that FILE has; they were
 * run once, and said that they are of the version that FILE is named after. 0, or -1 after a
 * message.
 */
int update_release_get(const struct own_file *file, struct downloader *downloader, char **out,
		       size_t *len);

#endif
