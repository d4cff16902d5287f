/* Which known word a mistyped word was meant to be. */
#ifndef CLI_NEAREST_H
#define CLI_NEAREST_H

#include <stddef.h>

/*
 * The number of typing errors between A and B: a byte left out, added or changed, or two neighbours
 * exchanged (optimal string alignment distance). SIZE_MAX if one is longer than 63 bytes.
 */
size_t nearest_distance(const char *a, const char *b);

/*
 * Of the COUNT WORDS, the one that is nearest to TYPED; of several, the first. NULL: none is near
 * enough. A word of up to three bytes may have one error, one of up to seven bytes two, a longer
 * one three; but never as many errors as bytes.
 */
const char *nearest_word(const char *typed, const char *const *words, size_t count);

#endif
