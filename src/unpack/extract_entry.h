/*
 * One entry of the archive onto the disk, in the confined child.
 */
#ifndef UNPACK_EXTRACT_ENTRY_H
#define UNPACK_EXTRACT_ENTRY_H

#include "unpack/extraction.h"

/* How archive_write_disk_set_options(3) is to set up X->out for extract_entry(). */
extern const int extract_entry_flags;

/*
 * Make ENTRY, which X->in has just read the header of, below the working directory, if it is one
 * that entry_policy.h and what lies there already allow. Returns 0, or -1 with the report's words.
 */
int extract_entry(struct extraction *x, struct archive_entry *entry);

/* Make ENTRY and its contents with the name and the attributes that it has; PATH is for messages.
 */
int extract_entry_write(struct extraction *x, struct archive_entry *entry, const char *path);

#endif
