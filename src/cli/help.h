/*
 * The help pages.
 */
#ifndef CLI_HELP_H
#define CLI_HELP_H

#include "cli/options.h"

#include <stdio.h>

/*
 * Write the help page on COMMAND to F: what its options are where it has some, else the program's
 * own page, of 23 lines of at most 80 columns.
 */
void help_print(FILE *f, enum command command);

#endif
