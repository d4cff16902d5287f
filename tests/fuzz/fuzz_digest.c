/*
 * Reads any bytes by the two readers of digests: as a ".sha256" file, and as the value of --sha256.
 * A digest that is accepted must be the same after sha256_format() and another reading.
 */
#include "util/sha256.h"
#include "util/cleanup.h"
#include "util/str.h"

#include <stdint.h>
#include <string.h>
#include <strings.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(int condition)
{
	if (!condition)
		abort();
}

static void check_written(const struct sha256 *digest, const char *text)
{
	char hex[SHA256_HEX_LEN + 1];
	struct sha256 again;

	sha256_format(digest, hex);
	if (text)
		check(strncasecmp(hex, text, SHA256_HEX_LEN) == 0);
	check(sha256_parse(hex, SHA256_HEX_LEN, &again) == 0 && sha256_equal(digest, &again));
	check(sha256_parse_option(hex, &again) == 0 && sha256_equal(digest, &again));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_free_ char *body = xcalloc(size ? size : 1, 1); /* no NUL after the bytes */
	_cleanup_free_ char *option = xstrndup((const char *)data, size);
	struct sha256 digest;

	if (size > 0)
		memcpy(body, data, size);
	if (sha256_parse(body, size, &digest) == 0) {
		check(size == SHA256_HEX_LEN || size == SHA256_HEX_LEN + 1);
		check_written(&digest, option);
	}
	if (sha256_parse_option(option, &digest) == 0)
		check_written(&digest, NULL);
	return 0;
}
