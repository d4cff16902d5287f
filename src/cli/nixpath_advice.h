/*
 * A NIXPATH that is none: what may have been meant.
 */
#ifndef CLI_NIXPATH_ADVICE_H
#define CLI_NIXPATH_ADVICE_H

/*
 * What to tell a user who has given WORD for NIXPATH where it is no directory: that it is a
 * command, which goes behind "--", or an option that lacks its hyphens. The caller frees; NULL:
 * WORD is a directory, or nothing is known about it.
 */
char *nixpath_advice(const char *word);

#endif
