#include "store/receipt.h"
#include "store/layout.h"
#include "util/cleanup.h"
#include "util/fs.h"
#include "util/store_name.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define FORMAT_LINE "nix-user-chroot-receipt 1"
/* a receipt is a few kilobytes: some 60 store paths of 100 bytes */
#define RECEIPT_MAX (1 << 20)

static void set(char **field, const char *value)
{
	free(*field);
	*field = xstrdup(value);
}

/* Take the line "KEY VALUE" in. 0 or -EBADMSG. */
static int take_line(struct receipt *receipt, char *line, bool *has_hash)
{
	char *value = strchr(line, ' ');

	if (!value || !value[1])
		return -EBADMSG;
	*value++ = '\0';
	if (strcmp(line, "version") == 0)
		set(&receipt->version, value);
	else if (strcmp(line, "system") == 0)
		set(&receipt->system, value);
	else if (strcmp(line, "source") == 0)
		set(&receipt->source, value);
	else if (strcmp(line, "sha256") == 0) {
		*has_hash = true;
		return sha256_parse(value, strlen(value), &receipt->sha256);
	} else if (strcmp(line, "path") == 0) {
		if (!store_name_valid(value))
			return -EBADMSG;
		strlist_add(&receipt->paths, value);
	} else {
		return traces_take_line(&receipt->traces, line, value);
	}
	return 0;
}

int receipt_parse(const char *text, size_t len, struct receipt *out)
{
	_cleanup_(receipt_clear) struct receipt receipt = {0};
	_cleanup_free_ char *copy = xstrndup(text, len);
	bool first = true, has_hash = false;

	*out = (struct receipt){0};
	if (len == 0 || memchr(text, '\0', len) || text[len - 1] != '\n')
		return -EBADMSG;
	for (char *line = copy, *end; *line; line = end + 1) {
		end = strchr(line, '\n');
		*end = '\0';
		if (first ? strcmp(line, FORMAT_LINE) != 0
			  : take_line(&receipt, line, &has_hash) < 0)
			return -EBADMSG;
		first = false;
	}
	if (!has_hash || receipt.paths.count == 0)
		return -EBADMSG;
	*out = receipt;
	receipt = (struct receipt){0};
	return 0;
}

/* A value that does not fit on a line (a tarball's odd name) is left out: nothing hangs on it. */
static void print_line(FILE *f, const char *key, const char *value)
{
	if (value && *value && !strchr(value, '\n'))
		fprintf(f, "%s %s\n", key, value);
}

char *receipt_format(const struct receipt *receipt)
{
	char hex[SHA256_HEX_LEN + 1], *text = NULL;
	size_t len;
	FILE *f = xopen_memstream(&text, &len);

	sha256_format(&receipt->sha256, hex);
	fputs(FORMAT_LINE "\n", f);
	print_line(f, "version", receipt->version);
	print_line(f, "system", receipt->system);
	print_line(f, "source", receipt->source);
	fprintf(f, "sha256 %s\n", hex);
	for (size_t i = 0; i < receipt->paths.count; i++)
		fprintf(f, "path %s\n", receipt->paths.items[i]);
	traces_print(f, &receipt->traces);
	fclose(f);
	return text;
}

int receipt_read(int nix_dir_fd, struct receipt *out)
{
	_cleanup_free_ char *text = NULL;
	size_t len;
	int r = fs_read_file(nix_dir_fd, RECEIPT_FILE, RECEIPT_MAX, &text, &len);

	*out = (struct receipt){0};
	return r < 0 ? r : receipt_parse(text, len, out);
}

int receipt_write(int nix_dir_fd, const struct receipt *receipt)
{
	_cleanup_free_ char *text = receipt_format(receipt);

	return fs_replace_file(nix_dir_fd, RECEIPT_FILE, text, strlen(text), 0644);
}

void receipt_clear(struct receipt *receipt)
{
	free(receipt->version);
	free(receipt->system);
	free(receipt->source);
	strlist_clear(&receipt->paths);
	traces_clear(&receipt->traces);
	*receipt = (struct receipt){0};
}
