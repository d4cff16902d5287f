/*
 * What a mistyped word was to be: the nearest of the words that there are.
 */
#ifndef CLI_NEAREST_H
#define CLI_NEAREST_H

#include <stddef.h>

/*
 * How many slips lie between A and B: a byte left out, put in or changed, or two neighbours
 * exchanged (the optimal string alignment distance). SIZE_MAX where one is longer than 63 bytes.
 */
size_t nearest_distance(const char *a, const char *b);

/*
 * The one of WORDS (COUNT of them) that TYPED is nearest to, where there are few slips for its
 * length: one up to three bytes, two up to seven, three beyond; and never all of it. Of several
 * equally near the first. NULL: it is another word.
 */
const char *nearest_word(const char *typed, const char *const *words, size_t count);

#endif
