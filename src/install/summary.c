#include "install/summary.h"
#include "util/cleanup.h"
#include "util/str.h"
#include "util/text.h"

#include <string.h>

/* Commands have a column of their own; a long path makes it wider on all lines. */
#define COLUMN_MIN 28

/* How many columns log_info() indents. */
#define INDENT 2

struct line {
	const char *typed;
	const char *does;
};

/*
 * Print command and explanation side by side, or, if the terminal is too narrow, one below the
 * other.
 */
static void put_lines(FILE *f, const struct line *lines, size_t count, size_t columns)
{
	size_t left = COLUMN_MIN, right = 0;

	for (size_t i = 0; i < count; i++) {
		if (strlen(lines[i].typed) > left)
			left = strlen(lines[i].typed);
		if (strlen(lines[i].does) > right)
			right = strlen(lines[i].does);
	}
	for (size_t i = 0; i < count; i++)
		if (columns > 0 && INDENT + left + 2 + right > columns) {
			text_print(f, "\n%s\n    %s", lines[i].typed, lines[i].does);
		} else {
			text_print(f, "\n%s", lines[i].typed);
			fprintf(f, "%*s%s", (int)(left - strlen(lines[i].typed) + 2), "",
				lines[i].does);
		}
}

char *summary_text(const struct summary *summary)
{
	char *text;
	size_t len;
	FILE *f = xopen_memstream(&text, &len);
	const char *command = summary->has_channel ? "nix-shell -p hello" : "nix --version";
	_cleanup_free_ char *remove = xasprintf("%s --uninstall", summary->call);
	_cleanup_free_ char *inside = xasprintf("%s -- %s", summary->call, command);
	const struct line lines[] = {
		{summary->call, "a shell with Nix"},
		{summary->has_shims ? command : inside,
		 summary->has_shims ? "one command, from any shell" : "one command"},
		{remove, "removes everything again"},
	};

	text_print(f, "%s is installed in %s", summary->version, summary->nix_dir);
	put_lines(f, lines, sizeof(lines) / sizeof(lines[0]), summary->columns);
	if (summary->wants_channel && !summary->has_channel)
		fputs("\nthere is no nixpkgs channel: the Nix install script could not fetch it\n"
		      "nix-channel --update gets it when the network is there",
		      f);
	if (summary->hint)
		text_print(f, "\n%-s", summary->hint);
	fclose(f);
	return text;
}
