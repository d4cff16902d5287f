/*
 * The end of --uninstall where the program that runs was removed itself. On NFS and FUSE a file
 * that is in use gets another name in place of being removed, and keeps the directory, until the
 * process has ended.
 */
#ifndef UNINSTALL_LET_GO_H
#define UNINSTALL_LET_GO_H

#include "util/str.h"

/* Add to OUT those of the directories MADE that are still there, where one holds only such files.
 */
void let_go_find(const struct strlist *made, struct strlist *out);

/*
 * Become a shell that removes DIRECTORIES as far as they are empty then, and ends with 0. Returns
 * only where there are none, or that cannot be.
 */
void let_go(const struct strlist *directories);

#endif
