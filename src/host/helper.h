/*
 * The privileged helper (helper.c): which one there is, and whether it works here.
 */
#ifndef HOST_HELPER_H
#define HOST_HELPER_H

/*
 * The program: $NIX_USER_CHROOT_HELPER, else where this one was configured to have it, else where
 * packages do. A path, the caller's to free; NULL with *WHY, the caller's to free too, a sentence
 * without its full stop.
 */
char *helper_find(char **why);

/*
 * Have HELPER try all that entering takes. NULL: it works; else why not, the caller's to free: a
 * sentence without its full stop.
 */
char *helper_refusal(const char *helper);

#endif
