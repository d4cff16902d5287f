/*
 * The help pages.
 */
#ifndef CLI_HELP_H
#define CLI_HELP_H

#include "cli/options.h"

#include <stdio.h>

/*
 * Write the help page of COMMAND to F: its options, if it has options of its own; else the page of
 * the whole program, which has 23 lines of at most 80 columns.
 */
void help_print(FILE *f, enum command command);

#endif
