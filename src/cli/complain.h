/*
 * What is said about a command line that is not understood: one line what, one line what next.
 */
#ifndef CLI_COMPLAIN_H
#define CLI_COMPLAIN_H

#include "cli/options.h"
#include "cli/option_table.h"

/*
 * getopt_long(3) did not like WORD, or the option LETTER in it. COMMAND: which was named before it,
 * for where to read on.
 */
void options_complain_option(const char *word, int letter, enum command command);

/* SPEC goes with another command. */
void options_complain_scope(const struct option_spec *spec);

/* WORD stands where COMMAND takes none. */
void options_complain_word(const char *word, enum command command);

/*
 * The option that names a command and is called NAME, or so but for a slip or two: "install" for
 * "instal". NULL: none.
 */
const char *options_nearest_command(const char *name);

#endif
