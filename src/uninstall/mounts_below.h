/*
 * Is anything mounted in a directory?
 */
#ifndef UNINSTALL_MOUNTS_BELOW_H
#define UNINSTALL_MOUNTS_BELOW_H

/*
 * The first mount point below DIRECTORY (not DIRECTORY itself), of this process's mounts as
 * ROOT/proc/self/mountinfo has them; ROOT is "" for this host. The caller frees; NULL where there
 * is none, or where that cannot be told.
 */
char *mounts_first_below(const char *directory, const char *root);

#endif
