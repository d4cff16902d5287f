/* The help pages. */
#include "cli/help.h"
#include "cli/option_table.h"
#include "util/cleanup.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* Returns the help page for COMMAND; the caller frees. */
static char *page_on(enum command command)
{
	char *text = NULL;
	size_t len;
	FILE *f = xopen_memstream(&text, &len);

	help_print(f, command);
	fclose(f);
	return text;
}

/* Counts how often the page TEXT lists SPEC. */
static size_t times_listed(const char *text, const struct option_spec *spec)
{
	_cleanup_free_ char *name = xasprintf("--%s%s%s ", spec->name, spec->metavar ? " " : "",
					      spec->metavar ? spec->metavar : "");
	size_t count = 0;

	for (const char *at = text; (at = strstr(at, name)); at++) {
		const char *line = at;

		while (line > text && line[-1] != '\n')
			line--;
		/* count it only in the first column of the list, not in a sentence */
		count += at - line == strlen("  -q, ") && strspn(line, " ") >= 2;
	}
	return count;
}

static void help(void **state)
{
	static const struct {
		enum command command;
		unsigned scope;
	} pages[] = {
		{COMMAND_ENTER, SCOPE_ENTER},	      {COMMAND_INSTALL, SCOPE_INSTALL},
		{COMMAND_UNINSTALL, SCOPE_UNINSTALL}, {COMMAND_UPDATE, SCOPE_UPDATE},
		{COMMAND_BUNDLE, SCOPE_BUNDLE},	      {COMMAND_CHECK, SCOPE_CHECK},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(pages) / sizeof(pages[0]); i++) {
		_cleanup_free_ char *text = page_on(pages[i].command);

		for (size_t j = 0; j < OPTION_COUNT; j++) {
			const struct option_spec *spec = &option_specs[j];
			size_t wanted = spec->kind == KIND_COMMAND
						? pages[i].scope == SCOPE_ENTER
						: spec->scope == SCOPE_ANY ||
							  (spec->scope & pages[i].scope) != 0;

			if (times_listed(text, spec) != wanted)
				fail_msg("--%s is not %zu times in:\n%s", spec->name, wanted, text);
		}
		for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"))
			if (strlen(line) > 80)
				fail_msg("wider than 80 columns: %s", line);
	}
}

static void help_on_one_screen(void **state)
{
	_cleanup_free_ char *text = page_on(COMMAND_ENTER);
	size_t lines = 0;

	(void)state;
	for (const char *p = text; *p; p++)
		lines += *p == '\n';
	/* the page fits on a screen of 24 lines, one of which is the prompt */
	assert_true(lines <= 23);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(help),
		cmocka_unit_test(help_on_one_screen),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
