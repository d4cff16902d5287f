#include "unpack/dictionary.h"

#include <stdbool.h>
#include <string.h>

#define XZ_STREAM_HEADER 12
#define XZ_LZMA2	 0x21

/* Bytes to parse, and whether more were needed than there are. */
struct bytes {
	const unsigned char *at, *end;
	bool is_short;
};

static unsigned take(struct bytes *in)
{
	if (in->at < in->end)
		return *in->at++;
	in->is_short = true;
	return 0;
}

/*
 * An integer of xz: seven bits per byte, the least significant first, the last byte without the
 * eighth bit.
 */
static uint64_t take_vli(struct bytes *in)
{
	uint64_t value = 0;
	unsigned byte = 0x80;

	for (int shift = 0; shift < 63 && byte & 0x80; shift += 7) {
		byte = take(in);
		value |= (uint64_t)(byte & 0x7f) << shift;
	}
	return value;
}

static uint64_t take_little_endian(struct bytes *in, int size)
{
	uint64_t value = 0;

	for (int i = 0; i < size; i++)
		value |= (uint64_t)take(in) << 8 * i;
	return value;
}

static uint64_t xz_dictionary(const unsigned char *head, size_t len)
{
	struct bytes in = {head + XZ_STREAM_HEADER, head + len, false};
	unsigned flags, bits;

	/* the header's size; 0: no block */
	if (take(&in) == 0)
		return 0;
	flags = take(&in);
	if (flags & 0x40)
		take_vli(&in); /* the compressed size */
	if (flags & 0x80)
		take_vli(&in); /* the uncompressed size */
	for (unsigned filters = (flags & 3) + 1; filters > 0 && !in.is_short; filters--) {
		uint64_t id = take_vli(&in), properties = take_vli(&in);

		if (properties > (uint64_t)(in.end - in.at))
			return 0;
		if (id == XZ_LZMA2 && properties > 0) {
			bits = *in.at & 0x3f;
			/* 40 means 4 GiB - 1, the largest */
			return bits >= 40 ? UINT32_MAX
					  : (uint64_t)(2 | (bits & 1)) << (bits / 2 + 11);
		}
		in.at += properties;
	}
	return 0;
}

static uint64_t zstd_window(const unsigned char *head, size_t len)
{
	static const int id_sizes[] = {0, 1, 2, 4}, content_sizes[] = {1, 2, 4, 8};
	struct bytes in = {head + 4, head + len, false};
	unsigned descriptor = take(&in), window;
	uint64_t size;

	if (descriptor & 0x20) {
		/* a single segment: the window is as large as the content */
		take_little_endian(&in, id_sizes[descriptor & 3]);
		size = take_little_endian(&in, content_sizes[descriptor >> 6]);
		return in.is_short ? 0 : size + (descriptor >> 6 == 1 ? 256 : 0);
	}
	window = take(&in);
	size = UINT64_C(1) << (10 + (window >> 3));
	return in.is_short ? 0 : size + size / 8 * (window & 7);
}

uint64_t dictionary_size(const unsigned char *head, size_t len)
{
	if (len > XZ_STREAM_HEADER && memcmp(head,
					     "\xfd"
					     "7zXZ",
					     6) == 0)
		return xz_dictionary(head, len);
	if (len > 4 && memcmp(head, "\x28\xb5\x2f\xfd", 4) == 0)
		return zstd_window(head, len);
	return 0;
}
