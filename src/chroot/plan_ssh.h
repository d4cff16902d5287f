/*
 * The part of the plan that is about ssh. ssh ends with "Bad owner or permissions" if a file that
 * its configuration includes belongs neither to root nor to the caller (OpenSSH's readconf.c,
 * SSHCONF_CHECKPERM). In a user namespace that maps the caller alone, root's files belong to
 * nobody. So a copy that belongs to the caller is shown instead of each such file.
 */
#ifndef CHROOT_PLAN_SSH_H
#define CHROOT_PLAN_SSH_H

#include "chroot/plan_tree.h"
#include "chroot/ssh_view.h"

void plan_ssh(struct tree *tree, const struct ssh_view *ssh);

#endif
