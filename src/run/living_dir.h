/*
 * The directory of the list of living namespaces (living.h), one beside it, and their locks.
 */
#ifndef RUN_LIVING_DIR_H
#define RUN_LIVING_DIR_H

#include "run/origin.h"

#include <stdbool.h>

/*
 * Open the list. -1: none can be had, for example because somebody else has its name; then nothing
 * is joined or found. The caller closes.
 */
int living_open(const struct origin *origin);

/*
 * As living_open(), but an empty directory beside the list, for a lock (flock(2)) that no entry
 * waits for: it may be removed at any time.
 */
int living_open_turns(const struct origin *origin);

/*
 * Take the list's lock, which is held until *LIST is closed: if two entries start at the same time,
 * one makes the namespace, and the other joins it. False if another process holds the lock, or if
 * it removed the list meanwhile: *LIST is a new one then, to be tried again. True with -1 in *LIST
 * if there can be none any more.
 */
bool living_lock(int *list, const struct origin *origin);

/*
 * Remove the directory LIST if it is empty: the list itself only where no namespace can be made.
 * LIST stays open.
 */
void living_remove_empty(int list);

#endif
