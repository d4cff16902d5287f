/*
 * Reads any bytes as a record: no memory error; a record that is accepted is the same after writing
 * and reading it again, and names only store paths and absolute paths.
 */
#include "store/record.h"
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

static void require_round_trip(const struct record *record)
{
	_cleanup_free_ char *text = record_format(record), *second = NULL;
	_cleanup_(record_clear) struct record again;

	REQUIRE(record_parse(text, strlen(text), &again) == 0);
	REQUIRE(record->is_begun == again.is_begun && record->is_complete == again.is_complete);
	REQUIRE(record->count == again.count);
	for (size_t i = 0; i < again.count; i++) {
		const struct record_entry *a = &record->entries[i], *b = &again.entries[i];

		REQUIRE(a->kind == b->kind && same(a->subject, b->subject) &&
			same(a->value, b->value));
		REQUIRE(a->kind == RECORD_STORE ? store_name_valid(a->subject)
						: a->subject[0] == '/');
	}
	second = record_format(&again);
	REQUIRE(strcmp(text, second) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct record record;

	if (record_parse((const char *)data, size, &record) == 0)
		require_round_trip(&record);
	else
		REQUIRE(record.count == 0 && !record.entries && !record.is_complete);
	record_clear(&record);
	return 0;
}
