/* One file of the list of living namespaces. Private to run/living*. */
#ifndef RUN_LIVING_FILE_H
#define RUN_LIVING_FILE_H

#include "chroot/join.h"
#include "run/living_key.h"

#include <stddef.h>

/* The beginning of a file. */
struct living_head {
	char magic[8];
	struct living_key key;
	struct chroot_root root;
	uint64_t mount_namespace; /* its inode, for a search through many processes */
	/* the inode of the PID namespace in which the process IDs of this file count */
	uint64_t pid_namespace;
	uint64_t made;	   /* in nanoseconds since the system started */
	uint64_t last_pid; /* the newest process ID when the namespace was made */
};

/* After the head: one of these for each process that entered. */
struct living_visitor {
	uint64_t pid;
	/*
	 * Before Linux 6.8: a process in the mount namespace that the visitor came from. As long as
	 * it lives, the inode of that mount namespace is not used again. Else 0.
	 */
	uint64_t parent, parent_start;
};

struct living_file {
	char *name;
	char *text; /* head and visitors point into this */
	const struct living_head *head;
	const struct living_visitor *visitors;
	size_t count;
};

/* Read the file NAME. Returns 0 with *OUT the caller's to clear, or a negative errno. */
int living_file_read(int list, const char *name, struct living_file *out);

void living_file_clear(struct living_file *file);

/* The name of the file for KEY. The caller frees. */
char *living_file_name(const struct living_key *key);

/*
 * Write the file NAME, or write it again, with COUNT visitors. A reader at the same time may find
 * it broken, and asks the kernel anyway. Returns 0 or a negative errno.
 */
int living_file_write(int list, const char *name, const struct living_head *head,
		      const struct living_visitor *visitors, size_t count);

/* Add a visitor to the file NAME. Returns 0 or a negative errno. */
int living_file_visit(int list, const char *name, const struct living_visitor *visitor);

#endif
