/* Writes one entry of the archive to the disk, in the confined child. */
#ifndef UNPACK_EXTRACT_ENTRY_H
#define UNPACK_EXTRACT_ENTRY_H

#include "unpack/extraction.h"

/* The options of archive_write_disk_set_options(3) for X->out. */
extern const int extract_entry_flags;

/*
 * Make ENTRY, whose header X->in has just read, below the working directory, if entry_policy.h
 * allows it and nothing that was unpacked before is in its way. Returns 0, or -1 with the report
 * filled.
 */
int extract_entry(struct extraction *x, struct archive_entry *entry);

/* Write ENTRY and its contents with the name and attributes that it has; PATH is for messages. */
int extract_entry_write(struct extraction *x, struct archive_entry *entry, const char *path);

#endif
