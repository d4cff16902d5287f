#include "cli/nearest.h"

#include <stdint.h>
#include <string.h>

enum { LONGEST = 63 /* bytes; "nix-extra-conf-file" has 19 */ };

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

size_t nearest_distance(const char *a, const char *b)
{
	/* the last three rows of a table: the distance of each beginning of A from each of B */
	size_t rows[3][LONGEST + 1];
	size_t *before = rows[0], *above = rows[1], *row = rows[2];
	size_t a_len = strlen(a), b_len = strlen(b);

	if (a_len > LONGEST || b_len > LONGEST)
		return SIZE_MAX;
	for (size_t j = 0; j <= b_len; j++)
		above[j] = before[j] = j;
	for (size_t i = 1; i <= a_len; i++) {
		size_t *spare = before;

		row[0] = i;
		for (size_t j = 1; j <= b_len; j++) {
			row[j] = least(above[j - 1] + (a[i - 1] != b[j - 1]),
				       least(above[j], row[j - 1]) + 1);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				row[j] = least(row[j], before[j - 2] + 1);
		}
		before = above;
		above = row;
		row = spare;
	}
	return above[b_len];
}

const char *nearest_word(const char *typed, const char *const *words, size_t count)
{
	size_t len = strlen(typed), bound = len < 4 ? 1 : len < 8 ? 2 : 3;
	const char *best = NULL;

	for (size_t i = 0; i < count; i++) {
		size_t slips = nearest_distance(typed, words[i]);

		if (slips > bound || slips >= len)
			continue;
		best = words[i];
		bound = slips - (slips > 0);
		if (slips == 0)
			break;
	}
	return best;
}
