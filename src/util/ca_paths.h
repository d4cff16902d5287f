/*
 * Where distributions keep the bundle of CA certificates: one list, in one order, for the downloads
 * of --install and for programs inside.
 */
#ifndef UTIL_CA_PATHS_H
#define UTIL_CA_PATHS_H

/* Files of PEM certificates, absolute, the most common first; NULL after the last. */
extern const char *const ca_bundle_paths[];

/*
 * The first path of the list that is a bundle below the directory ROOT ("" for this host). The
 * result does not include ROOT, and is not to be freed. NULL: none.
 */
const char *ca_bundle_find(const char *root);

/*
 * Is PATH a non-empty file that this process may read? 0, or a negative errno: -ENODATA if the file
 * is empty, -EISDIR if it is a directory.
 */
int ca_bundle_check(const char *path);

#endif
