#include "install/release.h"
#include "fetch/url.h"
#include "util/flavour.h"
#include "util/cleanup.h"
#include "util/str.h"

#include <ctype.h>
#include <string.h>

enum { VERSION_MAX = 64 /* bytes; "2.32.0pre20250919_07b96c1" has 25 */ };

static const char *const systems[] = {
	"x86_64-linux", "i686-linux",	 "aarch64-linux",     "armv6l-linux",
	"armv7l-linux", "riscv64-linux", "powerpc64le-linux",
};

#define SYSTEM_COUNT (sizeof(systems) / sizeof(systems[0]))

static bool is_version_byte(char c)
{
	return isalnum((unsigned char)c) || c == '.' || c == '-' || c == '_' || c == '+';
}

bool release_version_is_valid(const char *version, size_t len)
{
	size_t prefix = strlen(flavour_of(version, len)->prefix);

	if (prefix > len)
		return false;
	version += prefix;
	len -= prefix;
	if (len == 0 || len > VERSION_MAX || !isdigit((unsigned char)version[0]))
		return false;
	for (size_t i = 0; i < len; i++)
		if (!is_version_byte(version[i]))
			return false;
	return !memmem(version, len, "..", 2);
}

char *release_version_from_url(const char *url)
{
	static const char tail[] = "/install", head[] = "/nix-";
	const char *end = url + strcspn(url, "?#"), *version;

	if ((size_t)(end - url) < strlen(tail) ||
	    strncmp(end - strlen(tail), tail, strlen(tail)) != 0)
		return NULL;
	end -= strlen(tail);
	for (version = end; version > url && version[-1] != '/'; version--)
		;
	/* from the slash before "nix-"; another slash is at END, so what matches ends before it */
	if (version == url || strncmp(version - 1, head, strlen(head)) != 0)
		return NULL;
	version += strlen(head) - 1;
	if (!release_version_is_valid(version, (size_t)(end - version)))
		return NULL;
	return xstrndup(version, (size_t)(end - version));
}

/* The length of the version V at P if "V/nix-V-" is there, else 0; END is the end of the text. */
static size_t version_at(const char *p, const char *end)
{
	static const char middle[] = "/nix-";
	size_t len = 0, room = (size_t)(end - p);

	while (len < room && len <= VERSION_MAX && is_version_byte(p[len]))
		len++;
	if (!release_version_is_valid(p, len) || room < 2 * len + strlen(middle) + 1)
		return 0;
	if (memcmp(p + len, middle, strlen(middle)) != 0 ||
	    memcmp(p + len + strlen(middle), p, len) != 0 || p[2 * len + strlen(middle)] != '-')
		return 0;
	return len;
}

char *release_version_from_script(const char *body, size_t len)
{
	static const char head[] = "nix-";
	const char *p = body, *end = body + len, *found = NULL;
	size_t found_len = 0;

	while (p < end && (p = memmem(p, (size_t)(end - p), head, strlen(head)))) {
		size_t version_len;

		p += strlen(head);
		version_len = version_at(p, end);
		if (version_len == 0)
			continue;
		if (found && (version_len != found_len || memcmp(p, found, found_len) != 0))
			return NULL;
		found = p;
		found_len = version_len;
	}
	return found ? xstrndup(found, found_len) : NULL;
}

char *release_version_from_manifest(const char *body, size_t len, const char *name)
{
	_cleanup_free_ char *head = xasprintf("-%s-", name);
	const char *p = body, *end = body + len, *found = NULL;
	size_t found_len = 0;

	while (p < end && (p = memmem(p, (size_t)(end - p), head, strlen(head)))) {
		size_t version_len = 0;

		p += strlen(head);
		while (p + version_len < end && is_version_byte(p[version_len]))
			version_len++;
		if (!release_version_is_valid(p, version_len) ||
		    (found && (version_len != found_len || memcmp(p, found, found_len) != 0)))
			return NULL;
		found = p;
		found_len = version_len;
	}
	return found ? xasprintf("%s-%.*s", name, (int)found_len, found) : NULL;
}

const char *release_system_of_machine(const char *machine, unsigned pointer_bits)
{
	static const struct {
		const char *machine, *system;
		unsigned pointer_bits;
	} table[] = {
		{"x86_64", "x86_64-linux", 64},
		{"x86_64", "i686-linux", 32},
		{"i386", "i686-linux", 32},
		{"i486", "i686-linux", 32},
		{"i586", "i686-linux", 32},
		{"i686", "i686-linux", 32},
		{"aarch64", "aarch64-linux", 64},
		{"aarch64", "armv7l-linux", 32},
		{"armv6l", "armv6l-linux", 32},
		{"armv7l", "armv7l-linux", 32},
		/* the name on a 64-bit kernel under setarch(8) linux32 */
		{"armv8l", "armv7l-linux", 32},
		{"riscv64", "riscv64-linux", 64},
		{"ppc64le", "powerpc64le-linux", 64},
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (strcmp(machine, table[i].machine) == 0 && pointer_bits == table[i].pointer_bits)
			return table[i].system;
	return NULL;
}

bool release_system_is_known(const char *system)
{
	for (size_t i = 0; i < SYSTEM_COUNT; i++)
		if (strcmp(system, systems[i]) == 0)
			return true;
	return false;
}

char *release_systems(void)
{
	char *list = xstrdup(systems[0]);

	for (size_t i = 1; i < SYSTEM_COUNT; i++) {
		char *longer = xasprintf("%s, %s", list, systems[i]);

		free(list);
		list = longer;
	}
	return list;
}

char *release_mirror_url(const char *text)
{
	_cleanup_free_ char *url = NULL;
	char *rest;
	size_t len;

	if (!text)
		return xstrdup(flavours[0].mirror);
	if (text[0] == '/') {
		url = url_of_path(text);
	} else {
		enum url_scheme scheme = url_scheme(text);

		if (scheme == URL_NONE || scheme == URL_OTHER || strpbrk(text, "?# \t\r\n"))
			return NULL;
		url = xstrdup(text);
	}
	rest = strstr(url, "://") + strlen("://");
	for (len = strlen(rest); len > 0 && rest[len - 1] == '/'; len--)
		rest[len - 1] = '\0';
	if (url_scheme(url) != URL_FILE && (*rest == '\0' || *rest == '/'))
		return NULL;
	return steal_ptr(&url);
}

const char *release_mirror_asked_for(const struct release_request *request)
{
	const char *version = request->nix_version;

	return request->mirror || !version ? request->mirror
					   : flavour_of(version, strlen(version))->mirror;
}

char *release_version_asked_for(const struct release_request *request, const char *mirror)
{
	const char *version = request->nix_version;

	if (!version || flavour_is_latest(version))
		return NULL;
	return flavour_of(version, strlen(version)) == &flavours[0]
		       ? xasprintf("%s%s", flavour_of_mirror(mirror)->prefix, version)
		       : xstrdup(version);
}

char *release_pointer_url(const char *mirror)
{
	const struct flavour *flavour = flavour_of_mirror(mirror);

	if (!flavour->pointer)
		return xasprintf("%.*s/manifest.nix", (int)(strrchr(mirror, '/') - mirror), mirror);
	return strcmp(mirror, flavour->mirror) == 0 ? xstrdup(flavour->pointer)
						    : xasprintf("%s/latest/install", mirror);
}

char *release_tarball_url(const char *mirror, const char *version, const char *system)
{
	_cleanup_free_ char *top = flavour_top(version);

	return xasprintf("%s/%s/%s-%s.tar.xz", mirror, top, top, system);
}

bool release_split_name(const char *name, char **version, char **system)
{
	const struct flavour *flavour = flavour_of_file(name);
	const char *start, *end = strstr(name, ".tar");

	*version = *system = NULL;
	if (!flavour || !end || (end[4] != '\0' && end[4] != '.'))
		return false;
	start = name + strlen(flavour->name) + 1;
	for (size_t i = 0; i < SYSTEM_COUNT; i++) {
		size_t tail = strlen(systems[i]) + 1, len;

		if (start >= end || (size_t)(end - start) <= tail)
			continue;
		len = (size_t)(end - start) - tail;
		if (start[len] != '-' || strncmp(start + len + 1, systems[i], tail - 1) != 0 ||
		    !isdigit((unsigned char)*start) || !release_version_is_valid(start, len))
			continue;
		*version = xasprintf("%s%.*s", flavour->prefix, (int)len, start);
		*system = xstrdup(systems[i]);
		return true;
	}
	return false;
}
