/*
 * Reads any bytes as a mirror's answer about its latest version (text or URL), and as names that
 * users give. A version that is found becomes a part of URLs and file names, so it must be
 * harmless.
 */
#include "install/release.h"
#include "fetch/url.h"
#include "util/cleanup.h"
#include "util/str.h"

#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(int condition)
{
	if (!condition)
		abort();
}

static void check_version(const char *version, const char *text, size_t len)
{
	if (!version)
		return;
	check(release_version_is_valid(version, strlen(version)));
	check(*version && !strchr(version, '/') && !strstr(version, ".."));
	check(memmem(text, len, version, strlen(version)) != NULL);
}

/*
 * A URL as shown to the user has no user name, no query and no fragment, and showing it again
 * changes nothing.
 */
static void check_shown(const char *text)
{
	_cleanup_free_ char *shown = url_shown(text), *again = url_shown(shown);
	_cleanup_free_ char *host = url_host(text);
	const char *query = strchr(shown, '?');

	check(strcmp(shown, again) == 0);
	if (!strstr(text, "://") || text + strcspn(text, "?#") < strstr(text, "://"))
		return; /* no URL */
	check(!query || strcmp(query, "?...") == 0);
	check(!strchr(strstr(shown, "://"), '#'));
	check(!strpbrk(host, "/?#@"));
}

static void check_names(const char *text)
{
	_cleanup_free_ char *mirror = release_mirror_url(text), *name = url_file_name(text);
	_cleanup_free_ char *hash_url = url_with_suffix(text, ".sha256"), *url = NULL;
	char *version, *system;

	check(*name && *name != '.' && strlen(name) <= 200 && !strchr(name, '/'));
	check(strlen(hash_url) == strlen(text) + strlen(".sha256"));
	if (mirror) {
		url = release_tarball_url(mirror, "2.3", "i686-linux");
		check(url_scheme(url) == url_scheme(mirror));
		check(url_scheme(url) != URL_NONE && url_scheme(url) != URL_OTHER);
		check(!strpbrk(url, "?#\n "));
	}
	if (release_split_name(text, &version, &system)) {
		check_version(version, text, strlen(text));
		check(release_system_is_known(system));
		free(version);
		free(system);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_free_ char *body = xcalloc(size ? size : 1, 1); /* no NUL after the bytes */
	_cleanup_free_ char *text = xstrndup((const char *)data, size);
	_cleanup_free_ char *from_script = NULL, *from_url = NULL;

	if (size > 0)
		memcpy(body, data, size);
	from_script = release_version_from_script(body, size);
	check_version(from_script, body, size);
	from_url = release_version_from_url(text);
	check_version(from_url, text, strlen(text));
	check_names(text);
	check_shown(text);
	return 0;
}
