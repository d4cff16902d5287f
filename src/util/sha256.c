#include "util/sha256.h"
#include "util/str.h"

#include <errno.h>
#include <string.h>

enum {
	NIX32_LEN = 52,	 /* 256 bits, 5 per digit, rounded up */
	BASE64_LEN = 44, /* with one '=' */
};

static const char hex_digits[] = "0123456789abcdef";
static const char nix32_digits[] = "0123456789abcdfghijklmnpqrsvwxyz";
static const char base64_digits[] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* The value of the digit C in DIGITS, or -1. */
static int digit_value(const char *digits, char c)
{
	const char *p = c ? strchr(digits, c) : NULL;

	return p ? (int)(p - digits) : -1;
}

static int parse_hex(const char *text, struct sha256 *out)
{
	struct sha256 value = {0};

	for (size_t i = 0; i < SHA256_HEX_LEN; i++) {
		char c = text[i];
		int digit = digit_value(hex_digits, c >= 'A' && c <= 'F' ? (char)(c | 0x20) : c);

		if (digit < 0)
			return -EBADMSG;
		value.byte[i / 2] = (uint8_t)(value.byte[i / 2] << 4 | digit);
	}
	*out = value;
	return 0;
}

static int parse_nix32(const char *text, struct sha256 *out)
{
	struct sha256 value = {0};

	for (size_t i = 0; i < NIX32_LEN; i++) {
		int digit = digit_value(nix32_digits, text[NIX32_LEN - 1 - i]);
		size_t byte = i * 5 / 8, bit = i * 5 % 8;
		int shifted;

		if (digit < 0)
			return -EBADMSG;
		shifted = digit << bit;
		value.byte[byte] |= (uint8_t)shifted;
		if (byte + 1 < SHA256_SIZE)
			value.byte[byte + 1] |= (uint8_t)(shifted >> 8);
		else if (shifted >> 8) /* the 4 bits that remain must be 0 */
			return -EBADMSG;
	}
	*out = value;
	return 0;
}

static int parse_base64(const char *text, struct sha256 *out)
{
	struct sha256 value = {0};
	unsigned bits = 0, have = 0;
	size_t used = 0;

	if (text[BASE64_LEN - 1] != '=')
		return -EBADMSG;
	for (size_t i = 0; i < BASE64_LEN - 1; i++) {
		int digit = digit_value(base64_digits, text[i]);

		if (digit < 0)
			return -EBADMSG;
		bits = (bits << 6 | (unsigned)digit) & 0xfff;
		have += 6;
		if (have >= 8) {
			have -= 8;
			value.byte[used++] = (uint8_t)(bits >> have);
		}
	}
	/* the bits that remain must be 0: two texts must not mean the same digest */
	if (bits & ((1U << have) - 1))
		return -EBADMSG;
	*out = value;
	return 0;
}

int sha256_parse(const char *body, size_t len, struct sha256 *out)
{
	if (len == SHA256_HEX_LEN + 1 && body[SHA256_HEX_LEN] == '\n')
		len--;
	return len == SHA256_HEX_LEN ? parse_hex(body, out) : -EBADMSG;
}

int sha256_parse_option(const char *text, struct sha256 *out)
{
	if (str_starts_with(text, "sha256-")) {
		text += strlen("sha256-");
		return strlen(text) == BASE64_LEN ? parse_base64(text, out) : -EBADMSG;
	}
	if (str_starts_with(text, "sha256:"))
		text += strlen("sha256:");
	switch (strlen(text)) {
	case SHA256_HEX_LEN:
		return parse_hex(text, out);
	case NIX32_LEN:
		return parse_nix32(text, out);
	case BASE64_LEN:
		return parse_base64(text, out);
	default:
		return -EBADMSG;
	}
}

bool sha256_equal(const struct sha256 *a, const struct sha256 *b)
{
	return memcmp(a->byte, b->byte, SHA256_SIZE) == 0;
}

void sha256_format(const struct sha256 *digest, char hex[SHA256_HEX_LEN + 1])
{
	for (size_t i = 0; i < SHA256_SIZE; i++) {
		hex[2 * i] = hex_digits[digest->byte[i] >> 4];
		hex[2 * i + 1] = hex_digits[digest->byte[i] & 15];
	}
	hex[SHA256_HEX_LEN] = '\0';
}
