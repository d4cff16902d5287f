/*
 * The program itself and the links by the names of Nix's commands, put where the user can call
 * them, and written into the record.
 */
#ifndef INSTALL_SELF_IN_PLACE_H
#define INSTALL_SELF_IN_PLACE_H

#include "home/self.h"
#include "install/installation.h"
#include "store/record.h"

/*
 * Put them in place. What cannot be done is a warning. Returns 0 with *OUT, the caller's to clear,
 * what is in place now, zeroed where nothing is; or -1 after a message: the record cannot be
 * written.
 */
int put_self(const struct installation *in, struct record *record, struct self_plan *out);

/* What would be done; changes nothing. *OUT, the caller's to clear, is zeroed where nothing is. */
void look_at_self(const struct installation *in, struct self_plan *out);

#endif
