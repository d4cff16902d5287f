#include "install/nix_conf.h"
#include "store/layout.h"
#include "ui/log.h"
#include "util/cleanup.h"
#include "util/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static void put_file_system(FILE *f, const struct nix_conf_facts *facts)
{
	if (facts->no_wal)
		fprintf(f,
			"\n# The store is on %s, where SQLite's write-ahead log does not work, or not "
			"for several hosts.\nuse-sqlite-wal = false\n",
			facts->no_wal);
	if (!facts->fixed_xattrs || facts->fixed_xattrs->count == 0)
		return;
	fputs("\n# Attributes that the file system of the store puts on files, and keeps there.\n"
	      "extra-ignored-acls =",
	      f);
	for (size_t i = 0; i < facts->fixed_xattrs->count; i++)
		fprintf(f, " %s", facts->fixed_xattrs->items[i]);
	fputc('\n', f);
}

char *nix_conf_text(const struct nix_conf_facts *facts)
{
	char *text = NULL;
	size_t len;
	FILE *f = xopen_memstream(&text, &len);

	fputs("# Written once by nix-user-chroot --install, and yours from now on: it is never\n"
	      "# written again. Where a setting stands twice, the last one counts.\n"
	      "# https://nix.dev/manual/nix/latest/command-ref/conf-file\n\n",
	      f);
	if (facts->sandbox_works)
		fputs("# This host lets builds run in a sandbox of their own, as on NixOS.\n"
		      "sandbox = true\n",
		      f);
	else
		fputs("# This host refuses what a sandboxed build needs (nix-user-chroot --check "
		      "says why).\nsandbox = false\n",
		      f);
	put_file_system(f, facts);
	if (facts->is_root)
		fputs("\n# Root would build as one of these users, and they do not exist here.\n"
		      "build-users-group =\n"
		      "\n# Root would give up its groups before a build, which a user namespace "
		      "forbids.\nrequire-drop-supplementary-groups = false\n",
		      f);
	fputs("\n# The nix command and flakes, which most of today's instructions expect.\n"
	      "experimental-features = nix-command flakes\n",
	      f);
	if (facts->extra_text)
		fprintf(f, "\n# From --nix-extra-conf-file.\n%s%s", facts->extra_text,
			*facts->extra_text && !str_ends_with(facts->extra_text, "\n") ? "\n" : "");
	if (facts->extra && facts->extra->count > 0) {
		fputs("\n# From --extra-conf.\n", f);
		for (size_t i = 0; i < facts->extra->count; i++)
			fprintf(f, "%s\n", facts->extra->items[i]);
	}
	fclose(f);
	return text;
}

static bool is_good_line(const char *line)
{
	static const char blanks[] = " \t\r";
	_cleanup_free_ char *text = xstrndup(line, strcspn(line, "#"));
	char *rest = NULL, *first = strtok_r(text, blanks, &rest);
	const char *second = first ? strtok_r(NULL, blanks, &rest) : NULL;

	if (!first)
		return true;
	if (strcmp(first, "include") == 0 || strcmp(first, "!include") == 0)
		return second && !strtok_r(NULL, blanks, &rest);
	return second && strcmp(second, "=") == 0;
}

char *nix_conf_bad_line(const char *text)
{
	while (*text) {
		size_t len = strcspn(text, "\n");
		_cleanup_free_ char *line = xstrndup(text, len);

		if (!is_good_line(line))
			return steal_ptr(&line);
		text += len + (text[len] == '\n');
	}
	return NULL;
}

int nix_conf_write(int nix_dir_fd, const char *nix_dir, const struct nix_conf_facts *facts,
		   struct record *record)
{
	_cleanup_free_ char *path = path_join(nix_dir, LAYOUT_NIX_CONF), *text = NULL;
	char hex[SHA256_HEX_LEN + 1];
	_cleanup_close_ int above = -1;
	struct sha256 digest;
	struct stat st;
	int r = fs_stat_below(nix_dir_fd, LAYOUT_NIX_CONF, &st);

	if (r < 0 && r != -ENOENT)
		return layout_error("write", path, r);
	if (r == 0) {
		if (facts->extra_text || (facts->extra && facts->extra->count > 0))
			log_warning("%s is there already and stays as it is\nadd by hand what you "
				    "asked for with --extra-conf or --nix-extra-conf-file",
				    path);
		return 0;
	}
	text = nix_conf_text(facts);
	r = sha256_of_bytes(text, strlen(text), &digest);
	if (r == 0) {
		sha256_format(&digest, hex);
		r = record_note(record, RECORD_FILE, path, hex);
	}
	if (r == 0)
		r = above = fs_make_dirs_below(nix_dir_fd, "etc/nix");
	if (r >= 0)
		r = fs_replace_file(nix_dir_fd, LAYOUT_NIX_CONF, text, strlen(text), 0644);
	return r < 0 ? layout_error("write", path, r) : 1;
}

/* nix.conf is a page or two of text. */
#define EXTRA_CONF_MAX (1 << 20)

static int check_extra(const char *source, const char *text)
{
	_cleanup_free_ char *bad = nix_conf_bad_line(text);

	if (bad)
		log_error("%s: '%s' is not a line of nix.conf\n"
			  "give NAME = VALUE, with blanks around the =, such as 'max-jobs = 4'",
			  source, bad);
	return bad ? -1 : 0;
}

int nix_conf_read_extra(const struct install_request *request, struct nix_conf_facts *out)
{
	const char *path = request->nix_extra_conf_file;
	const struct strlist *lines = request->extra_conf;
	size_t len;
	int r = path ? fs_read_file(AT_FDCWD, path, EXTRA_CONF_MAX, &out->extra_text, &len) : 0;

	if (r < 0) {
		log_error("cannot read %s: %s\n--nix-extra-conf-file takes a file of lines for "
			  "nix.conf",
			  path, strerror(-r));
		return -1;
	}
	out->extra = lines;
	for (size_t i = 0; lines && i < lines->count; i++)
		if (check_extra("--extra-conf", lines->items[i]) < 0)
			return -1;
	return path ? check_extra(path, out->extra_text) : 0;
}

void nix_conf_facts_clear(struct nix_conf_facts *facts)
{
	free(facts->extra_text);
	*facts = (struct nix_conf_facts){0};
}
