/*
 * The part of the plan that is about ssh. It ends with "Bad owner or permissions" where a file that
 * its configuration includes belongs neither to root nor to the caller (OpenSSH's readconf.c,
 * SSHCONF_CHECKPERM), and in a user namespace of the caller's alone root's files are nobody's. So a
 * copy, which is the caller's, is shown in the place of each such file.
 */
#ifndef CHROOT_PLAN_SSH_H
#define CHROOT_PLAN_SSH_H

#include "chroot/host_view.h"

#include <sys/types.h>

struct tree;

struct plan_ssh {
	/* the host as the tree's view shows it; what is looked at by this one alone is not watched
	 */
	const struct host_view *view;
	uid_t uid;	  /* the caller's */
	const char *home; /* the caller's, absolute, for ~/.ssh/config; NULL: none */
};

void plan_ssh(struct tree *tree, const struct plan_ssh *ssh);

#endif
