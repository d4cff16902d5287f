/*
 * /proc/PID/mountinfo, line by line: proc_pid_mountinfo(5).
 */
#ifndef UTIL_MOUNTINFO_H
#define UTIL_MOUNTINFO_H

#include <stdbool.h>

/* One mount; the strings point into the text that was read. */
struct mountinfo {
	long id;
	const char *target;  /* the mount point, below this process's root */
	const char *options; /* of the mount: "ro,nosuid" */
	bool is_shared;	     /* later mounts in it spread: mount_namespaces(7) */
	bool is_unbindable;  /* a bind mount of its parent leaves it out */
	const char *fs_type;
	const char *super_options; /* of the file system: "rw,subset=pid" */
};

/*
 * The text of ROOT/proc/PROCESS/mountinfo. PROCESS is "self" or a number; ROOT is "" for this host.
 * The caller frees; NULL if it cannot be read.
 */
char *mountinfo_read(const char *root, const char *process);

/*
 * Read the next line of *CURSOR, whose text is changed, into *OUT, and move *CURSOR on. Malformed
 * lines are skipped. Returns false at the end of the text.
 */
bool mountinfo_next(char **cursor, struct mountinfo *out);

/* The type of the file system that FD is on, the caller's to free; NULL if unknown. */
char *mountinfo_type_of(int fd);

/* Is WORD one of the comma-separated OPTIONS? */
bool mountinfo_has_option(const char *options, const char *word);

#endif
