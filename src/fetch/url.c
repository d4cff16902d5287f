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
