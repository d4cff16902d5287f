/* The privileged helper (helper.c): where it is, and whether it works on this host. */
#ifndef HOST_HELPER_H
#define HOST_HELPER_H

/*
 * The path of the helper: $NIX_USER_CHROOT_HELPER, else where this program was configured to have
 * it, else where packages put it. The caller frees. NULL with *WHY, also the caller's to free: a
 * sentence without a full stop.
 */
char *helper_find(char **why);

/*
 * Have HELPER try every step of entering. NULL: it works; else the reason why not, the caller's to
 * free: a sentence without a full stop.
 */
char *helper_refusal(const char *helper);

#endif
