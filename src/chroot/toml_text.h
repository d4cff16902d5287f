/*
 * Which characters TOML allows in a file.
 */
#ifndef CHROOT_TOML_TEXT_H
#define CHROOT_TOML_TEXT_H

#include <stddef.h>

/*
 * The offset of the first byte of TEXT (LEN bytes) that TOML allows nowhere in a file: what is not
 * UTF-8, control characters but tab and newline, a carriage return without its newline. LEN where
 * there is none. *WHY becomes what is wrong, the caller's to free, and is untouched otherwise.
 */
size_t toml_find_forbidden(const char *text, size_t len, char **why);

#endif
