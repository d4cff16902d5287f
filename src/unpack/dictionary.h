/* How much memory an archive asks for, known before a library sees a byte of it. */
#ifndef UNPACK_DICTIONARY_H
#define UNPACK_DICTIONARY_H

#include <stddef.h>
#include <stdint.h>

/* What "xz -9" needs, which makes Nix's tarballs, and the most of "zstd -19 --long=26". */
#define DICTIONARY_MAX (UINT64_C(64) << 20)

/* How many bytes dictionary_size() needs: xz's stream header and its longest block header. */
#define DICTIONARY_HEAD ((size_t)12 + 1024)

/*
 * The size in bytes of the dictionary of the first block of an xz file, or of the window of the
 * first frame of a zstd file. HEAD is the archive's first LEN bytes, of any value. 0 if HEAD does
 * not tell: a library will find out whether something is wrong with it.
 * https://tukaani.org/xz/xz-file-format.txt (3.1, 5.3.1), RFC 8878 (3.1.1.1)
 */
uint64_t dictionary_size(const unsigned char *head, size_t len);

#endif
