/*
 * Any bytes as a receipt: no memory error, and what is accepted is written and read again as the
 * same, and names nothing but store paths.
 */
#include "store/receipt.h"
#include "util/cleanup.h"
#include "util/store_name.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define REQUIRE(condition)        \
	do {                      \
		if (!(condition)) \
			abort();  \
	} while (0)

static bool same(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

static void require_round_trip(const struct receipt *receipt)
{
	_cleanup_free_ char *text = receipt_format(receipt), *second = NULL;
	_cleanup_(receipt_clear) struct receipt again;

	REQUIRE(receipt_parse(text, strlen(text), &again) == 0);
	REQUIRE(same(receipt->version, again.version) && same(receipt->system, again.system) &&
		same(receipt->source, again.source));
	REQUIRE(sha256_equal(&receipt->sha256, &again.sha256));
	REQUIRE(receipt->paths.count == again.paths.count);
	for (size_t i = 0; i < again.paths.count; i++) {
		REQUIRE(strcmp(receipt->paths.items[i], again.paths.items[i]) == 0);
		REQUIRE(store_name_valid(again.paths.items[i]));
	}
	second = receipt_format(&again);
	REQUIRE(strcmp(text, second) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct receipt receipt;

	if (receipt_parse((const char *)data, size, &receipt) == 0)
		require_round_trip(&receipt);
	else
		REQUIRE(!receipt.version && !receipt.system && !receipt.source &&
			receipt.paths.count == 0 && !receipt.paths.items);
	receipt_clear(&receipt);
	return 0;
}
