/*
 * Where distributions keep the bundle of CA certificates: the one list, in the one order, for the
 * downloads of --install and for the programs that run inside.
 */
#ifndef UTIL_CA_PATHS_H
#define UTIL_CA_PATHS_H

/* Files of PEM certificates, absolute, the usual ones first; NULL behind the last. */
extern const char *const ca_bundle_paths[];

/*
 * The first of them that is a bundle below the directory ROOT ("" for this host). It is of the
 * list, without ROOT in front, and not to be freed; NULL: there is none.
 */
const char *ca_bundle_find(const char *root);

/*
 * Is PATH a file with something in it that we may read? 0, or a negative errno: -ENODATA where the
 * file is empty, -EISDIR where it is a directory.
 */
int ca_bundle_check(const char *path);

#endif
