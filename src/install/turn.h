/*
 * Many --install at once in one Nix directory. One after another gets its turn to start, until one
 * of them has the lock (store/lock.h) and the others can wait for it in the small program, where
 * they find everything done: an installer that has loaded its libraries is not needed for that.
 */
#ifndef INSTALL_TURN_H
#define INSTALL_TURN_H

#include <stdbool.h>

/*
 * Wait until this process may start to install in NIX_DIR, or another process has ended its work
 * there: 1, and it is time to look again. 0: it is this process's turn, until turn_end(), its end,
 * or at most two seconds for those who wait. -1 after a message. Without a place for a lock of this
 * user's alone (run/living_dir.h), and on a terminal, where the installer shows better that it waits,
 * it does not wait: 0.
 */
int turn_wait(const char *nix_dir);

/* Before exec: let the next program keep the turn, if this process has it. */
void turn_pass_on(void);

/* Take over the turn that the program before this one passed on. False if it passed on none. */
bool turn_take_over(void);

/* Let the next process have its turn. May be called at any time. */
void turn_end(void);

#endif
