/* Does the program belong to a package? Then only its package manager should replace it. */
#ifndef INSTALL_PACKAGE_OWNER_H
#define INSTALL_PACKAGE_OWNER_H

/*
 * Advice on updating the file PATH (absolute, links followed), if a package manager of this host
 * says that a package owns it: a line, a constant. NULL: none says so. Runs the package managers'
 * queries, unless PATH is in the user's home directory.
 */
const char *package_owner_advice(const char *path);

#endif
