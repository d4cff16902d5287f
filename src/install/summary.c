#include "install/summary.h"
#include "util/cleanup.h"
#include "util/str.h"

#include <string.h>

/* What is typed is in a column of its own; a long path makes it wider for all lines. */
#define COLUMN_MIN 28

char *summary_text(const struct summary *summary)
{
	char *text;
	size_t len;
	FILE *f = xopen_memstream(&text, &len);
	_cleanup_free_ char *remove = xasprintf("%s --uninstall", summary->call);
	const char *command = summary->has_channel ? "nix-shell -p hello" : "nix --version";
	_cleanup_free_ char *inside = xasprintf("%s -- %s", summary->call, command);
	const char *one = summary->has_shims ? command : inside;
	int column = COLUMN_MIN;

	if (strlen(one) > (size_t)column)
		column = (int)strlen(one);
	if (strlen(remove) > (size_t)column)
		column = (int)strlen(remove);
	fprintf(f, "%s is installed in %s\n", summary->version, summary->nix_dir);
	fprintf(f, "%-*s  a shell with Nix\n", column, summary->call);
	fprintf(f, "%-*s  one command%s\n", column, one,
		summary->has_shims ? ", from any shell" : "");
	fprintf(f, "%-*s  takes all of it away again", column, remove);
	if (summary->hint)
		fprintf(f, "\n%s", summary->hint);
	fclose(f);
	return text;
}
