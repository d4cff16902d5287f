/*
 * The program that a bundle begins with.
 */
#ifndef INSTALL_BUNDLE_PROGRAM_H
#define INSTALL_BUNDLE_PROGRAM_H

#include "fetch/downloader.h"
#include "util/sha256.h"

#include <stddef.h>

/* Its bytes, without those that a bundle has behind. */
struct bundle_program {
	char *data;
	size_t len;
	struct sha256 sha256;
};

/*
 * One that runs on SYSTEM and can be a bundle: that in FILE; where FILE is NULL, this very program,
 * or else that of the release at RELEASES (NULL: the latest). Returns 0
 * with *OUT for bundle_program_clear(), or -1 after a message.
 */
int bundle_program_get(const char *file, const char *releases, const char *system,
		       struct downloader *downloader, struct bundle_program *out);

void bundle_program_clear(struct bundle_program *program);

#endif
