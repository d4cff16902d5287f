/*
 * The caller's process stays while PRoot runs, and one of ours stands above the command inside:
 * PRoot itself ignores what is sent to it, and says 255 of a command that a signal ended.
 */
#ifndef RUN_PROOT_RELAY_H
#define RUN_PROOT_RELAY_H

/*
 * Run PROOT with WORDS in a child. Its process inside finds a descriptor for proot_relay_inside()
 * in the variable NAME, behind TEXT and a blank. Signals that are sent to this process alone reach
 * the command. Ends as the command did, by its signal too; returns -errno where nothing was
 * started.
 */
int proot_relay(const char *proot, char *const words[], const char *name, const char *text);

/*
 * Inside: returns in a child, which is to become the command. The process that called tells by FD
 * how it ends, and ends itself. Where no process can be made, returns in the one that called.
 */
void proot_relay_inside(int fd);

#endif
