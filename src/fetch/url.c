#include "fetch/url.h"
#include "util/str.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

static const char digits_and_letters[] =
	"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

static bool is_one_of(char c, const char *set)
{
	return c && (strchr(digits_and_letters, c) || strchr(set, c));
}

enum url_scheme url_scheme(const char *url)
{
	static const struct {
		const char *name;
		enum url_scheme scheme;
	} schemes[] = {{"https://", URL_HTTPS}, {"http://", URL_HTTP}, {"file://", URL_FILE}};

	for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++)
		if (strncasecmp(url, schemes[i].name, strlen(schemes[i].name)) == 0)
			return schemes[i].scheme;
	return strstr(url, "://") ? URL_OTHER : URL_NONE;
}

char *url_of_path(const char *path)
{
	static const char hex[] = "0123456789ABCDEF";
	char *url = xcalloc(strlen("file://") + 3 * strlen(path) + 1, 1);
	char *p = stpcpy(url, "file://");

	for (; *path; path++) {
		unsigned char byte = (unsigned char)*path;

		if (is_one_of(*path, "/-._~+")) {
			*p++ = *path;
			continue;
		}
		*p++ = '%';
		*p++ = hex[byte >> 4];
		*p++ = hex[byte & 15];
	}
	return url;
}

char *url_with_suffix(const char *url, const char *suffix)
{
	size_t len = strcspn(url, "?#");

	return xasprintf("%.*s%s%s", (int)len, url, suffix, url + len);
}

char *url_file_name(const char *url)
{
	const char *end = url + strcspn(url, "?#"), *name = end;

	while (name > url && name[-1] != '/')
		name--;
	if (name == end || end - name > 200 || *name == '.')
		return xstrdup("tarball");
	for (const char *p = name; p < end; p++)
		if (!is_one_of(*p, "+-._"))
			return xstrdup("tarball");
	return xstrndup(name, (size_t)(end - name));
}

/* Is the text from HOST to END, before any user name, "NAME:" without a number? */
static bool has_odd_port(const char *host, const char *end)
{
	const char *port =
		host < end && *host != '[' ? memchr(host, ':', (size_t)(end - host)) : NULL;

	return port && port + 1 + strspn(port + 1, "0123456789") < end;
}

/* The beginning and the end of the host in URL, after user and password; NULL: URL is malformed. */
static const char *find_host(const char *url, const char **end)
{
	const char *host = strstr(url, "://"), *at;

	if (!host || url + strcspn(url, "?#") < host)
		return NULL;
	host += strlen("://");
	*end = host + strcspn(host, "/?#");
	at = memrchr(host, '@', (size_t)(*end - host));
	if (at)
		host = at + 1;
	/*
	 * an unescaped "/" or "?" in a password makes the beginning of the password look like a
	 * port
	 */
	at = has_odd_port(host, *end) ? strrchr(host, '@') : NULL;
	if (at) {
		host = at + 1;
		*end = host + strcspn(host, "/?#");
	}
	return host;
}

char *url_shown(const char *url)
{
	const char *end, *host = find_host(url, &end);
	size_t scheme, len;

	if (!host)
		return xstrdup(url);
	scheme = (size_t)(strstr(url, "://") - url) + strlen("://");
	len = strcspn(host, "?#");
	return xasprintf("%.*s%.*s%s", (int)scheme, url, (int)len, host,
			 host[len] == '?' ? "?..." : "");
}

char *url_host(const char *url)
{
	const char *end, *host = find_host(url, &end);

	return host ? xstrndup(host, (size_t)(end - host)) : xstrdup("");
}
