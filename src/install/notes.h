/* What is written into the record, and when: each line before the deed that it describes. */
#ifndef INSTALL_NOTES_H
#define INSTALL_NOTES_H

#include "home/path_files.h"
#include "home/self.h"
#include "install/site.h"
#include "store/lock.h"
#include "store/record.h"

/*
 * Under LOCK, before anything else is made: open the record, and note the directories made for the
 * lock, those to be made in the Nix directory, and a store of somebody else. Returns 0 with *OUT
 * the caller's to clear, or -1 after a message.
 */
int notes_begin(const struct site *site, const struct lock *lock, struct record *out);

/* Note the runtime of SITE, and drop an earlier one. 0 or a negative errno. */
int notes_runtime(const struct site *site, struct record *record);

/*
 * Before the first change of the store: note which of the files that Nix and its install script
 * make elsewhere do not exist yet, the links that will be replaced, and the startup files that may
 * get a line. 0, or -1 after a message.
 */
int notes_home(const struct site *site, int nix_dir_fd, struct record *record);

/*
 * Before self_carry_out(): note the copy, the links and their directory. 0, or -1 after a message.
 */
int notes_self(const struct site *site, const struct self_plan *plan, struct record *record);

/* Before documents_carry_out(), which self_carry_out() calls: the same. 0 or a negative errno. */
int notes_documents(const struct documents *documents, struct record *record);

/*
 * Before path_carry_out(): note the files, the lines, and which of both are new. As notes_self().
 */
int notes_path(const struct site *site, const struct path_plan *plan, struct record *record);

/* The digests that RECORD has for our file PATH. */
void notes_of_copies(const struct record *record, const char *path, struct strlist *out);

/*
 * Everything is made: note which startup files did get a line, and drop entries about what was not
 * made and never will be. Returns 0, or -1 after a message.
 */
int notes_settle(const struct site *site, struct record *record);

#endif
