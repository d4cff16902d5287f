#include "install/nix_conf.h"
#include "install/user_conf.h"
#include "store/layout.h"
#include "ui/log.h"
#include "util/ca_paths.h"
#include "util/cleanup.h"
#include "util/fs.h"
#include "util/sha256_stream.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

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
	if (facts->ssl_cert_file)
		fprintf(f,
			"\n"
			"# The CA certificates to trust, as given to --install.\n"
			"ssl-cert-file = %s\n",
			facts->ssl_cert_file);
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

char *nix_conf_wanted(const struct nix_conf_facts *facts)
{
	char *text = NULL;
	size_t len;
	FILE *f = xopen_memstream(&text, &len);

	if (facts->asks_sandbox)
		fprintf(f, "sandbox = %s\n", facts->sandbox_works ? "true" : "false");
	if (facts->ssl_cert_file)
		fprintf(f, "ssl-cert-file = %s\n", facts->ssl_cert_file);
	if (facts->extra_text)
		fprintf(f, "%s\n", facts->extra_text);
	for (size_t i = 0; facts->extra && i < facts->extra->count; i++)
		fprintf(f, "%s\n", facts->extra->items[i]);
	fclose(f);
	return text;
}

/* Must LINE, one of WANTED, be added to TEXT? Not if a later line of WANTED overrides it. */
static bool lacks_line(const char *text, const char *wanted, const char *line)
{
	_cleanup_free_ char *name = NULL, *value = NULL, *last = NULL, *present = NULL;
	_cleanup_free_ char *framed = NULL, *all = NULL;
	const char *start = line + strspn(line, " \t\r");

	if (!*start || *start == '#')
		return false;
	name = xstrndup(start, strcspn(start, " \t\r#"));
	value = user_conf_of_text(line, name, NULL);
	if (value) {
		last = user_conf_of_text(wanted, name, NULL);
		present = user_conf_of_text(text, name, NULL);
		return strcmp(last, value) == 0 && (!present || strcmp(present, value) != 0);
	}
	/* an "include" line */
	framed = xasprintf("\n%s\n", line);
	all = xasprintf("\n%s\n", text);
	return !strstr(all, framed);
}

char *nix_conf_lacks(const char *text, const struct nix_conf_facts *facts)
{
	_cleanup_free_ char *wanted = nix_conf_wanted(facts), *copy = xstrdup(wanted);
	char *lacks = NULL, *rest = NULL;

	for (char *line = strtok_r(copy, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		char *longer;

		if (!lacks_line(text, wanted, line))
			continue;
		longer = xasprintf("%s%s\n", lacks ? lacks : "", line);
		free(lacks);
		lacks = longer;
	}
	return lacks;
}

/* Is TEXT what we wrote, according to RECORD? */
static bool is_as_written(const struct record *record, const char *path, const char *text)
{
	char hex[SHA256_HEX_LEN + 1];
	struct sha256 digest;

	if (sha256_of_bytes(text, strlen(text), &digest) < 0)
		return false;
	sha256_format(&digest, hex);
	return record_has(record, RECORD_FILE, path, hex);
}

/*
 * The text of nix.conf, NULL if there is none; a link that leads nowhere is the user's, and counts
 * as empty. 0 or -1.
 */
static int read_conf(int nix_dir_fd, const char *path, char **text)
{
	struct stat st = {0};
	size_t len;
	int r;

	*text = NULL;
	if (!layout_has_nix_conf(nix_dir_fd))
		return 0;
	r = fs_stat_below(nix_dir_fd, LAYOUT_NIX_CONF, &st);
	if (r == 0)
		r = fs_read_file(nix_dir_fd, LAYOUT_NIX_CONF, USER_CONF_MAX, text, &len);
	if (r < 0 && S_ISLNK(st.st_mode)) {
		*text = xstrdup("");
		return 0;
	}
	return r < 0 ? layout_error("read", path, r) : 0;
}

bool nix_conf_is_as_written(const struct record *record, const char *nix_dir, const char *text)
{
	_cleanup_free_ char *path = path_join(nix_dir, LAYOUT_NIX_CONF);

	return is_as_written(record, path, text);
}

/*
 * Check a nix.conf that the user has edited. Lines that it lacks are refused, except the
 * certificates, which the download needs as well.
 */
static int check_users(const char *path, const char *text, const struct nix_conf_facts *facts)
{
	struct nix_conf_facts asked = {.extra = facts->extra, .extra_text = facts->extra_text};
	_cleanup_free_ char *lacks = nix_conf_lacks(text, &asked), *all = NULL;

	if (lacks) {
		log_error("cannot add to %s, which is not as --install wrote it: %.*s\n"
			  "add by hand what you asked for with --extra-conf or "
			  "--nix-extra-conf-file",
			  path, (int)strcspn(lacks, "\n"), lacks);
		return -1;
	}
	/* the user decides whether builds have a sandbox */
	asked.ssl_cert_file = facts->ssl_cert_file;
	all = nix_conf_lacks(text, &asked);
	if (all)
		log_warning("%s is yours, and stays as it is\n"
			    "so that Nix trusts your certificates, add to it: %.*s",
			    path, (int)strcspn(all, "\n"), all);
	return 0;
}

int nix_conf_check(int nix_dir_fd, const char *nix_dir, const struct nix_conf_facts *facts,
		   const struct record *record, bool can_write)
{
	_cleanup_free_ char *path = path_join(nix_dir, LAYOUT_NIX_CONF), *text = NULL;

	if (nix_dir_fd < 0)
		return 0;
	if (read_conf(nix_dir_fd, path, &text) < 0)
		return -1;
	if (text && is_as_written(record, path, text))
		return 0;
	/* none is written for an installation of another user */
	return text || !can_write ? check_users(path, text ? text : "", facts) : 0;
}

/*
 * TEXT (NULL: a new one) with the lines of FACTS that it lacks; NULL: it lacks none. The caller
 * frees.
 */
static char *text_to_write(const char *text, const struct nix_conf_facts *facts)
{
	_cleanup_free_ char *lacks = text ? nix_conf_lacks(text, facts) : NULL;

	if (!text)
		return nix_conf_text(facts);
	return lacks ? xasprintf("%s\n# Asked for later, by --install.\n%s", text, lacks) : NULL;
}

int nix_conf_write(int nix_dir_fd, const char *nix_dir, const struct nix_conf_facts *facts,
		   struct record *record, struct nix_conf_before *before)
{
	_cleanup_free_ char *path = path_join(nix_dir, LAYOUT_NIX_CONF), *text = NULL;
	char hex[SHA256_HEX_LEN + 1];
	_cleanup_close_ int above = -1;
	struct sha256 digest;
	int r;

	if (read_conf(nix_dir_fd, path, &before->text) < 0)
		return -1;
	text = text_to_write(before->text, facts);
	if (!text || (before->text && !is_as_written(record, path, before->text)))
		return 0;
	r = sha256_of_bytes(text, strlen(text), &digest);
	if (r == 0) {
		sha256_format(&digest, hex);
		r = record_note(record, RECORD_FILE, path, hex);
	}
	if (r == 0)
		r = above = fs_make_dirs_below(nix_dir_fd, "etc/nix");
	if (r >= 0)
		r = fs_replace_file(nix_dir_fd, LAYOUT_NIX_CONF, text, strlen(text), 0644);
	before->is_changed = r >= 0;
	return r < 0 ? layout_error("write", path, r) : 0;
}

void nix_conf_take_back(int nix_dir_fd, const struct nix_conf_before *before)
{
	if (before->is_changed && before->text)
		fs_replace_file(nix_dir_fd, LAYOUT_NIX_CONF, before->text, strlen(before->text),
				0644);
	else if (before->is_changed)
		fs_unlink_below(nix_dir_fd, LAYOUT_NIX_CONF);
}

void nix_conf_before_clear(struct nix_conf_before *before)
{
	free(before->text);
	*before = (struct nix_conf_before){0};
}

static int check_extra(const char *source, const char *text)
{
	_cleanup_free_ char *bad = nix_conf_bad_line(text);

	if (bad)
		log_error("%s: '%s' is not a line of nix.conf\n"
			  "give NAME = VALUE, with blanks around the =, such as 'max-jobs = 4'",
			  source, bad);
	return bad ? -1 : 0;
}

/*
 * The certificates that the user trusts besides the host's bundle, which each entry looks for; the
 * caller frees. A file of another Nix does not exist inside, and a path that cannot be written on a
 * line is left out.
 */
static char *find_certificates(const struct install_request *request)
{
	const char *named = request->cacert ? request->cacert : env_get("NIX_SSL_CERT_FILE");
	const char *of_host = ca_bundle_find("");
	_cleanup_free_ char *here = getcwd(NULL, 0), *real = NULL, *path = NULL;

	if (!named || ca_bundle_check(named) < 0 ||
	    (!request->cacert && of_host && strcmp(named, of_host) == 0))
		return NULL;
	path = *named == '/' ? xstrdup(named) : path_join(here ? here : "", named);
	real = realpath(path, NULL);
	if (!real || path_is_within(real, "/nix") || strpbrk(path, "#\n\t\r") || strstr(path, "  "))
		return NULL;
	return steal_ptr(&path);
}

int nix_conf_read_extra(const struct install_request *request, struct nix_conf_facts *out)
{
	const char *path = request->nix_extra_conf_file;
	const struct strlist *lines = request->extra_conf;
	size_t len;
	int r = path ? fs_read_file(AT_FDCWD, path, USER_CONF_MAX, &out->extra_text, &len) : 0;

	if (r < 0) {
		log_error("cannot read %s: %s\n--nix-extra-conf-file takes a file of lines for "
			  "nix.conf",
			  path, strerror(-r));
		return -1;
	}
	out->extra = lines;
	out->ssl_cert_file = find_certificates(request);
	for (size_t i = 0; lines && i < lines->count; i++)
		if (check_extra("--extra-conf", lines->items[i]) < 0)
			return -1;
	return path ? check_extra(path, out->extra_text) : 0;
}

void nix_conf_facts_clear(struct nix_conf_facts *facts)
{
	disk_clear(&facts->disk);
	free(facts->extra_text);
	free(facts->ssl_cert_file);
	*facts = (struct nix_conf_facts){0};
}
