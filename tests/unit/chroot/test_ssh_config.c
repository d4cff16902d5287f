/* What a configuration file of ssh includes. */
#include "chroot/ssh_config.h"
#include "util/cleanup.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

/* Compares the patterns that TEXT includes with WANTED, where each is in <>. */
static void includes(const char *text, const char *wanted)
{
	_cleanup_(strlist_clear) struct strlist list = {0};
	_cleanup_free_ char *found = NULL;
	size_t len;
	FILE *f = xopen_memstream(&found, &len);

	ssh_config_includes(text, &list);
	for (size_t i = 0; i < list.count; i++)
		fprintf(f, "<%s>", list.items[i]);
	fclose(f);
	assert_string_equal(found, wanted);
}

static void lines(void **state)
{
	(void)state;
	includes("", "");
	includes("Include /etc/ssh/ssh_config.d/*.conf\n", "</etc/ssh/ssh_config.d/*.conf>");
	includes("Include a", "<a>");
	includes("\t iNCLUDE\ta  b\t c \r\nHost *\n include d\n", "<a><b><c><d>");
	includes("Include=a\nInclude = b\nInclude =c\nInclude\n", "<a><b><c>");
	includes("#Include a\n# Include b\nIncludes c\nNotInclude d\nHost Include\n", "");
	includes("Include a # Include b\nInclude #c\n", "<a>");
	includes("Match host x\n    Include a\n", "<a>");
}

static void words(void **state)
{
	(void)state;
	includes("Include \"a b\" 'c d'\n", "<a b><c d>");
	includes("Include \"a'b\" 'c\"d' e\\ f \\\"g\n", "<a'b><c\"d><e f><\"g>");
	includes("Include \"a#b\" c#d\n", "<a#b><c#d>");
	/* a quote that is not closed ends at the end of its line */
	includes("Include \"a b\nInclude c\n", "<a b><c>");
	includes("Include \"\"\n", "<>");
	includes("Include a\\", "<a\\>");
	includes("Include a\\\\b\\'c d\\x\n", "<a\\b'c><d\\x>");
	includes("Include\fa\vb\n", "<a><b>");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines),
		cmocka_unit_test(words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
