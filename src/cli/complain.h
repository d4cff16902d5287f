/*
 * What is said about a command line that is not understood: one line what, one line what next.
 */
#ifndef CLI_COMPLAIN_H
#define CLI_COMPLAIN_H

#include "cli/option_table.h"

/*
 * getopt_long(3) did not like WORD, or the option LETTER in it. COMMAND: which was named before it,
 * for where to read on.
 */
void complain_option(const char *word, int letter, enum command command);

/* SPEC goes with another command. */
void complain_scope(const struct option_spec *spec);

/* WORD stands where COMMAND takes none. */
void complain_word(const char *word, enum command command);

#endif
