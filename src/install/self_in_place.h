/*
 * Puts this program and the links with the names of Nix's commands where the user can call them,
 * and records that.
 */
#ifndef INSTALL_SELF_IN_PLACE_H
#define INSTALL_SELF_IN_PLACE_H

#include "home/self.h"
#include "install/installation.h"
#include "store/record.h"

/*
 * Put them in place. A failure is a warning. Returns 0 with *OUT what is in place now (zeroed:
 * nothing), the caller's to clear; or -1 after a message: the record cannot be written.
 */
int put_self(const struct installation *in, struct record *record, struct self_plan *out);

/*
 * Find out what put_self() would do; changes nothing. *OUT, the caller's to clear, is zeroed if
 * that is nothing.
 */
void look_at_self(const struct installation *in, struct self_plan *out);

#endif
