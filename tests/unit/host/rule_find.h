/* A rule of either list. Include after cmocka.h. */
#ifndef TEST_RULE_FIND_H
#define TEST_RULE_FIND_H

#include "host/rules.h"

#include <string.h>

/* The rule ID of those of the kernel and of confinement; the test fails if there is none. */
static inline const struct rule *rule_find(const char *id)
{
	for (size_t i = 0; i < kernel_rule_count; i++)
		if (strcmp(kernel_rules[i].id, id) == 0)
			return &kernel_rules[i];
	for (size_t i = 0; i < confined_rule_count; i++)
		if (strcmp(confined_rules[i].id, id) == 0)
			return &confined_rules[i];
	fail_msg("there is no %s", id);
	return NULL;
}

#endif
