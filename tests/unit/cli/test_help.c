/* The help pages. */
#include "cli/help.h"
#include "cli/option_table.h"
#include "util/cleanup.h"
#include "util/str.h"

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

/* The help text of SPEC on the page of COMMAND. */
static const char *text_of(const struct option_spec *spec, enum command command)
{
	const char *other = command == COMMAND_UNINSTALL ? spec->help_uninstall
			    : command == COMMAND_UPDATE	 ? spec->help_update
							 : NULL;

	return other ? other : spec->help;
}

/* Each page begins with its usage; an option has the words that are right for the command. */
static void words(void **state)
{
	static const struct {
		enum command command;
		const char *usage, *titles;
	} pages[] = {
		{COMMAND_ENTER, "usage: nix-user-chroot [OPTION...] [NIXPATH | --]",
		 "Commands:How it runs:"},
		{COMMAND_INSTALL, "usage: nix-user-chroot --install [",
		 "What to install:Where it comes from:How Nix is configured:What is left alone:"
		 "Options:How it runs:"},
		{COMMAND_UNINSTALL, "usage: nix-user-chroot --uninstall [", "Options:How it runs:"},
		{COMMAND_UPDATE, "usage: nix-user-chroot --update [", "Options:How it runs:"},
		{COMMAND_BUNDLE, "usage: nix-user-chroot --bundle OUT [",
		 "What to install:Where it comes from:Options:How it runs:"},
		{COMMAND_CHECK, "usage: nix-user-chroot --check [", "Options:How it runs:"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(pages) / sizeof(pages[0]); i++) {
		_cleanup_free_ char *text = page_on(pages[i].command), *titles = xstrdup("");

		assert_true(str_starts_with(text, pages[i].usage));
		for (size_t j = 0; j < OPTION_COUNT; j++) {
			const struct option_spec *spec = &option_specs[j];

			if (times_listed(text, spec) > 0 &&
			    !strstr(text, text_of(spec, pages[i].command)))
				fail_msg("--%s has other words in:\n%s", spec->name, text);
		}
		for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
			char *longer;

			if (*line == ' ' || !str_ends_with(line, ":"))
				continue;
			longer = xasprintf("%s%s", titles, line);
			free(titles);
			titles = longer;
		}
		assert_string_equal(titles, pages[i].titles);
	}
}

/* What is said below the options. */
static void ends(void **state)
{
	_cleanup_free_ char *enter = page_on(COMMAND_ENTER), *install = page_on(COMMAND_INSTALL),
			    *bundle = page_on(COMMAND_BUNDLE), *version = page_on(COMMAND_VERSION);

	(void)state;
	assert_non_null(strstr(enter, "\nMore: man nix-user-chroot; https://"));
	assert_string_equal(enter, version);
	assert_true(str_ends_with(install, " meaning, such as NIX_USER_CHROOT_NO_SHIMS=1.\n"));
	assert_true(str_ends_with(bundle, " meaning, such as NIX_USER_CHROOT_MIRROR.\n"));
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
		cmocka_unit_test(words),
		cmocka_unit_test(ends),
		cmocka_unit_test(help_on_one_screen),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
