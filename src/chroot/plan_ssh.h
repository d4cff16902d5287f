/*
 * The part of the plan that is about ssh. It ends with "Bad owner or permissions" where a file that
 * its configuration includes belongs neither to root nor to the caller (OpenSSH's readconf.c,
 * SSHCONF_CHECKPERM), and in a user namespace of the caller's alone root's files are nobody's. So a
 * copy, which is the caller's, is shown in the place of each such file.
 */
#ifndef CHROOT_PLAN_SSH_H
#define CHROOT_PLAN_SSH_H

#include "chroot/plan_tree.h"
#include "chroot/ssh_view.h"

void plan_ssh(struct tree *tree, const struct ssh_view *ssh);

#endif
