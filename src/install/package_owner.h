/*
 * Is the program a package's? Then its package manager renews it, and would be surprised by others.
 */
#ifndef INSTALL_PACKAGE_OWNER_H
#define INSTALL_PACKAGE_OWNER_H

/*
 * How the file PATH (absolute, links followed) is renewed where a package manager of this host says
 * that it is a package's: a line of advice, a constant. NULL: none says so. Runs the package
 * manager's query, where PATH lies outside of the user's home directory.
 */
const char *package_owner_advice(const char *path);

#endif
