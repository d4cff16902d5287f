/*
 * Other processes, as /proc shows them: proc(5).
 */
#ifndef RUN_PROCESSES_H
#define RUN_PROCESSES_H

#include <stdint.h>
#include <sys/types.h>

/* When PID was started, in clock ticks since the system was; 0 where there is no such process. */
uint64_t process_start(pid_t pid);

/* The inode of PID's mount namespace; 0 where there is no such process, or we may not look. */
uint64_t process_mount_namespace(pid_t pid);

/* The inode of PID's PID namespace, or 0. */
uint64_t process_pid_namespace(pid_t pid);

/* The process ID that was given away last; 0: unknown. */
pid_t process_last(void);

/*
 * Call VISIT for each process whose ID is greater than ABOVE, in no order; 0: for all. LAST is what
 * process_last() has said, where ABOVE is not 0.
 */
void processes_visit(pid_t above, pid_t last, void (*visit)(pid_t pid, void *context),
		     void *context);

#endif
