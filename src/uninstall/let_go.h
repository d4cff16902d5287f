/*
 * The end of --uninstall if the running program itself was removed. On NFS and FUSE, a file in use
 * is renamed instead of removed, and keeps its directory until the process has ended.
 */
#ifndef UNINSTALL_LET_GO_H
#define UNINSTALL_LET_GO_H

#include "util/str.h"

/*
 * Add to OUT those of the directories MADE that still exist because one of them holds only such
 * files.
 */
void let_go_find(const struct strlist *made, struct strlist *out);

/*
 * Become a shell that removes those of DIRECTORIES that are empty by then, and ends with 0. Returns
 * only if there are none, or if that fails.
 */
void let_go(const struct strlist *directories);

#endif
