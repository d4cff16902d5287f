/*
 * What the plan has to know to do something for ssh (plan_ssh.h).
 */
#ifndef CHROOT_SSH_VIEW_H
#define CHROOT_SSH_VIEW_H

#include "chroot/host_view.h"

#include <sys/types.h>

struct ssh_view {
	/* the host as the plan sees it; what is looked at by this one alone is not watched */
	const struct host_view *view;
	uid_t uid;	  /* the caller's */
	const char *home; /* the caller's, absolute, for ~/.ssh/config; NULL: none */
};

#endif
