/*
 * The exit statuses that chroot(1), env(1) and timeout(1) share.
 */
#ifndef UTIL_EXIT_STATUS_H
#define UTIL_EXIT_STATUS_H

enum {
	EXIT_CANCELED = 125,	  /* this program failed before the command ran */
	EXIT_CANNOT_INVOKE = 126, /* the command was found but could not be run */
	EXIT_ENOENT = 127,	  /* the command was not found */
};

#endif
