/* What the plan has to know in order to show ssh's configuration (plan_ssh.h). */
#ifndef CHROOT_SSH_VIEW_H
#define CHROOT_SSH_VIEW_H

#include "chroot/host_view.h"

#include <sys/types.h>

struct ssh_view {
	/*
	 * the same host, unwatched: plan_fingerprint() does not depend on what only this view sees
	 */
	const struct host_view *view;
	uid_t uid;	  /* the caller's */
	const char *home; /* the caller's, absolute, for ~/.ssh/config; NULL: none */
};

#endif
