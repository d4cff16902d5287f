/*
 * Other processes, as /proc shows them: proc(5).
 */
#ifndef RUN_PROCESSES_H
#define RUN_PROCESSES_H

#include <stdint.h>
#include <sys/types.h>

/* When PID was started, in clock ticks since the system's start; 0: no such process. */
uint64_t process_start(pid_t pid);

/* The inode of PID's mount namespace; 0: no such process, or this user may not look. */
uint64_t process_mount_namespace(pid_t pid);

/* The inode of PID's PID namespace, or 0. */
uint64_t process_pid_namespace(pid_t pid);

/* The process ID that was given out last; 0: unknown. */
pid_t process_last(void);

/*
 * Call VISIT for each process whose ID is greater than ABOVE (0: for all), in no particular order.
 * LAST is the result of process_last(); it counts only if ABOVE is not 0.
 */
void processes_visit(pid_t above, pid_t last, void (*visit)(pid_t pid, void *context),
		     void *context);

#endif
