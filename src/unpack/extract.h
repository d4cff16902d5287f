/*
 * The confined child's work: it unpacks archive bytes from descriptor 0 with libarchive into the
 * working directory, and reports to descriptor 1. unpack.c starts it and reads the reports.
 */
#ifndef UNPACK_EXTRACT_H
#define UNPACK_EXTRACT_H

#include "unpack/extraction.h"
#include "unpack/limits.h"

/* Which entries are made, and how. */
struct extract_policy {
	/* Take ENTRY, whose header X->in has just read. 0, or -1 with X's report filled. */
	int (*take)(struct extraction *x, struct archive_entry *entry);
	int write_flags; /* of X->out: archive_write_disk_set_options(3) */
};

/*
 * Unpack descriptor 0 into the working directory and report on descriptor 1: any number of
 * EXTRACT_PROGRESS, then one EXTRACT_DONE or EXTRACT_FAILED. No field of LIMITS is 0. Returns the
 * exit status, 0 or 1.
 */
int extract_run(const struct unpack_limits *limits, const struct extract_policy *policy);

/* Unpack a Nix tarball, with the policy of extract_entry.h. */
int extract_nix_tarball(const struct unpack_limits *limits);

#endif
