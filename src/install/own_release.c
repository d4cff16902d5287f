#include "install/own_release.h"
#include "fetch/url.h"
#include "install/release.h"
#include "ui/log.h"
#include "util/cleanup.h"
#include "util/str.h"

#include <string.h>
#include <sys/utsname.h>

#define LATEST "https://github.com/nix-user-chroot/nix-user-chroot/releases/latest/download"

enum { SUMS_MAX = 1 << 16 /* bytes; a line of SHA256SUMS has about 100 */ };

char *own_release_base(const char *releases)
{
	char *base = release_mirror_url(releases ? releases : LATEST);
	_cleanup_free_ char *shown = base ? NULL : url_shown(releases);

	if (!base)
		log_error("cannot look for a release of this program in '%s', which is no URL or "
			  "directory of releases\n"
			  "give an https or file URL, or an absolute directory, by --releases or "
			  "NIX_USER_CHROOT_RELEASES",
			  shown);
	return base;
}

int own_release_sums(struct downloader *downloader, const char *base, const char *next,
		     struct download_text *out)
{
	_cleanup_free_ char *url = xasprintf("%s/SHA256SUMS", base), *shown = url_shown(base);
	_cleanup_free_ char *what =
		xasprintf("there is no release of nix-user-chroot at %s", shown);
	const struct download_missing missing = {what, next};

	return download_text(downloader, url, SUMS_MAX, &missing, out);
}

const char *own_release_system(void)
{
	struct utsname host;

	return uname(&host) == 0
		       ? release_system_of_machine(host.machine, (unsigned)sizeof(void *) * 8)
		       : NULL;
}

/* Does LINE, of sha256sum(1), name a file PREFIX-VERSION-SYSTEM? The file is then in *OUT. */
static bool take_line(const char *line, const char *prefix, const char *system,
		      struct own_file *out)
{
	size_t len = strlen(line), digits;
	const char *name, *version;

	if (len < SHA256_HEX_LEN + 2 || line[SHA256_HEX_LEN] != ' ')
		return false;
	name = line + SHA256_HEX_LEN + 2;
	if (!str_starts_with(name, prefix) || name[strlen(prefix)] != '-')
		return false;
	version = name + strlen(prefix) + 1;
	digits = strspn(version, "0123456789.");
	if (digits == 0 || version[digits] != '-' || strcmp(version + digits + 1, system) != 0 ||
	    sha256_parse(line, SHA256_HEX_LEN, &out->sha256) < 0)
		return false;
	out->name = xstrdup(name);
	out->version = xstrndup(version, digits);
	return true;
}

size_t own_release_find(char *sums, const char *base, const char *prefix, const char *system,
			struct own_file *out)
{
	size_t count = 0;
	char *line;

	system = system ? system : own_release_system();
	*out = (struct own_file){0};
	while (system && (line = strsep(&sums, "\n"))) {
		struct own_file other = {0};

		if (!take_line(line, prefix, system, count == 0 ? out : &other))
			continue;
		own_file_clear(&other);
		count++;
	}
	if (out->name)
		out->url = xasprintf("%s/%s", base, out->name);
	return count;
}

int own_file_mismatch(const struct own_file *file, const struct sha256 *found, const char *next)
{
	_cleanup_free_ char *shown = url_shown(file->url);
	char wanted[SHA256_HEX_LEN + 1], got[SHA256_HEX_LEN + 1];

	sha256_format(&file->sha256, wanted);
	sha256_format(found, got);
	log_error("SHA-256 mismatch for %s\nexpected %s\nfound    %s\n%s", shown, wanted, got,
		  next);
	return -1;
}

void own_file_clear(struct own_file *file)
{
	free(file->url);
	free(file->name);
	free(file->version);
	*file = (struct own_file){0};
}
