/*
 * While PRoot runs, the caller's process stays outside, and a second process of ours stays above
 * the command inside: PRoot itself ignores signals, and ends with 255 if a signal ended the
 * command.
 */
#ifndef RUN_PROOT_RELAY_H
#define RUN_PROOT_RELAY_H

/*
 * Run PROOT with WORDS in a child. The process inside finds a descriptor for proot_relay_inside()
 * in the variable NAME, after TEXT and a blank. Signals that are sent to this process alone are
 * passed on to the command. Ends as the command did, also by the same signal; returns -errno if
 * nothing was started.
 */
int proot_relay(const char *proot, char *const words[], const char *name, const char *text);

/*
 * Inside: returns in a child, which is to become the command. The calling process reports by FD how
 * the child ends, and ends itself. If no child can be made, returns in the calling process.
 */
void proot_relay_inside(int fd);

#endif
