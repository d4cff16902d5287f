/* Descriptors 0, 1 and 2, which whoever starts this program may have closed. */
#ifndef UTIL_STANDARD_FDS_H
#define UTIL_STANDARD_FDS_H

/*
 * Let no file that is opened from now on become descriptor 0, 1 or 2: messages would be written
 * into it. One that is closed behaves as before: reading and writing fail with EBADF, and a program
 * that this process becomes gets it closed. Returns 0 or -errno.
 */
int standard_fds_guard(void);

/*
 * Those that are closed, or only guarded, become /dev/null, for this process and all that it
 * starts. Returns 0 or -errno.
 */
int standard_fds_fill(void);

#endif
