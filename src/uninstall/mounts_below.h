/*
 * Is anything mounted in a directory?
 */
#ifndef UNINSTALL_MOUNTS_BELOW_H
#define UNINSTALL_MOUNTS_BELOW_H

/*
 * The first mount point below DIRECTORY (not DIRECTORY itself) among the mounts in
 * ROOT/proc/self/mountinfo; ROOT is "" for this host. The caller frees; NULL if there is none, or
 * if mountinfo is unreadable.
 */
char *mounts_first_below(const char *directory, const char *root);

#endif
