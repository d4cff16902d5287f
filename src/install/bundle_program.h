/*
 * The program that a bundle begins with.
 */
#ifndef INSTALL_BUNDLE_PROGRAM_H
#define INSTALL_BUNDLE_PROGRAM_H

#include "fetch/downloader.h"
#include "util/sha256.h"

#include <stddef.h>

/* The program alone: if it comes from a bundle, without the Nix behind it. */
struct bundle_program {
	char *data;
	size_t len;
	struct sha256 sha256;
};

/*
 * Get a program that runs on SYSTEM and can be a bundle: the one in FILE; if FILE is NULL, the
 * running program; if that is not fit, the one of the release at RELEASES (NULL: the latest).
 * Returns 0 with *OUT for bundle_program_clear(), or -1 after a message.
 */
int bundle_program_get(const char *file, const char *releases, const char *system,
		       struct downloader *downloader, struct bundle_program *out);

void bundle_program_clear(struct bundle_program *program);

#endif
