/*
 * A mount namespace for a test that enters. Include after cmocka.h.
 */
#ifndef TEST_OWN_MOUNTS_H
#define TEST_OWN_MOUNTS_H

#include "chroot/namespace.h"

#include <sched.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <unistd.h>

/*
 * Makes a mount namespace for this test: a mount that others make meanwhile would cause another
 * namespace. And a /tmp, with a list of its own: an entry that searches the list thoroughly at the
 * same time, where the kernel has unique numbers, takes what this test enters for something that
 * has ended. -1: this host lets users make no namespaces.
 */
static inline int own_mounts(void)
{
	uid_t uid = geteuid();
	gid_t gid = getegid();
	const char *file;

	if (namespace_unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0 ||
	    namespace_map_ids(uid, gid, &file) < 0 ||
	    mount(NULL, "/", NULL, MS_PRIVATE | MS_REC, NULL) < 0 ||
	    mount("tmpfs", "/tmp", "tmpfs", 0, NULL) < 0 || chdir("/") < 0)
		return -1;
	/* it may be below the /tmp that is covered */
	unsetenv("TMPDIR");
	return 0;
}

#endif
