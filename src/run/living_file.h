/*
 * One file of the list of living namespaces. Private to run/living.
 */
#ifndef RUN_LIVING_FILE_H
#define RUN_LIVING_FILE_H

#include "chroot/join.h"
#include "run/living_key.h"

#include <stddef.h>

/* What the file begins with. */
struct living_head {
	char magic[8];
	struct living_key key;
	struct chroot_root root;
	uint64_t mount_namespace; /* its inode, for a look at many processes */
	uint64_t pid_namespace;	  /* the inode of that in which the process IDs below count */
	uint64_t made;		  /* in nanoseconds since the system was started */
	uint64_t last_pid;	  /* the process ID that was given away last when it was made */
};

/* Then one of these for each process that has entered. */
struct living_visitor {
	uint64_t pid;
	/*
	 * Before Linux 6.8: a process that was in the mount namespace the visitor came from. As
	 * long as that one lives, the namespace's inode is not used anew. Else 0.
	 */
	uint64_t parent, parent_start;
};

struct living_file {
	char *name;
	char *text; /* what the next two point into */
	const struct living_head *head;
	const struct living_visitor *visitors;
	size_t count;
};

/* Read the file NAME. Returns 0 with *OUT the caller's to clear, or a negative errno. */
int living_file_read(int list, const char *name, struct living_file *out);

void living_file_clear(struct living_file *file);

/* The name of the file of the namespace that is joined by KEY. The caller frees. */
char *living_file_name(const struct living_key *key);

/*
 * Write the file NAME anew, or over what it has, with COUNT visitors. Whoever reads it meanwhile
 * may find it broken, and asks the kernel anyway. Returns 0 or a negative errno.
 */
int living_file_write(int list, const char *name, const struct living_head *head,
		      const struct living_visitor *visitors, size_t count);

/* Add a visitor to the file NAME. Returns 0 or a negative errno. */
int living_file_visit(int list, const char *name, const struct living_visitor *visitor);

#endif
