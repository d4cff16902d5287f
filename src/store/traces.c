#include "store/traces.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int take_path(struct strlist *list, const char *value)
{
	if (*value != '/')
		return -EBADMSG;
	if (!strlist_has(list, value))
		strlist_add(list, value);
	return 0;
}

/* "HASH PATH" */
static int take_copy(struct traces *traces, const char *value)
{
	size_t len = strcspn(value, " ");
	struct sha256 hash;

	if (value[len] != ' ' || value[len + 1] != '/' || sha256_parse(value, len, &hash) < 0)
		return -EBADMSG;
	free(traces->copy);
	traces->copy = xstrdup(value + len + 1);
	traces->copy_sha256 = hash;
	return 0;
}

int traces_take_line(struct traces *traces, const char *key, const char *value)
{
	if (strcmp(key, "made") == 0)
		return take_path(&traces->made, value);
	if (strcmp(key, "line") == 0)
		return take_path(&traces->lines, value);
	if (strcmp(key, "shim") == 0)
		return take_path(&traces->shims, value);
	if (strcmp(key, "copy") == 0)
		return take_copy(traces, value);
	if (strcmp(key, "nix-conf") == 0) {
		traces->has_nix_conf = true;
		return sha256_parse(value, strlen(value), &traces->nix_conf_sha256);
	}
	if (strcmp(key, "store") == 0 && strcmp(value, "adopted") == 0)
		traces->is_adopted = true;
	return 0;
}

static void print_paths(FILE *f, const char *key, const struct strlist *list)
{
	for (size_t i = 0; i < list->count; i++)
		if (!strchr(list->items[i], '\n'))
			fprintf(f, "%s %s\n", key, list->items[i]);
}

void traces_print(FILE *f, const struct traces *traces)
{
	char hex[SHA256_HEX_LEN + 1];

	print_paths(f, "made", &traces->made);
	print_paths(f, "line", &traces->lines);
	print_paths(f, "shim", &traces->shims);
	if (traces->copy && !strchr(traces->copy, '\n')) {
		sha256_format(&traces->copy_sha256, hex);
		fprintf(f, "copy %s %s\n", hex, traces->copy);
	}
	if (traces->has_nix_conf) {
		sha256_format(&traces->nix_conf_sha256, hex);
		fprintf(f, "nix-conf %s\n", hex);
	}
	if (traces->is_adopted)
		fputs("store adopted\n", f);
}

void traces_clear(struct traces *traces)
{
	strlist_clear(&traces->made);
	strlist_clear(&traces->lines);
	strlist_clear(&traces->shims);
	free(traces->copy);
	*traces = (struct traces){0};
}
