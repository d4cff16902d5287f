/*
 * The runtime that needs nothing but the kernel: a user and mount namespace of one's own.
 */
#ifndef RUN_USERNS_H
#define RUN_USERNS_H

/*
 * Move this process, which must have one thread, to where the directory NIX_DIR_FD, which the user
 * knows as NIX_DIR, is /nix, with the path config that is in it. The working directory is undefined
 * after. Returns 0, or -1 after a message; the process may then be in namespaces of its own and
 * must end.
 */
int userns_enter(int nix_dir_fd, const char *nix_dir);

#endif
