#include "unpack/entry_policy.h"

#include "util/flavour.h"
#include "util/store_name.h"
#include "util/str.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define MAX_COMPONENT 255 /* NAME_MAX */

const char *entry_normalise(const char *path, char **out)
{
	size_t len = strlen(path), depth = 0;
	char *clean, *end;

	*out = NULL;
	if (len == 0)
		return "it has no name";
	if (path[0] == '/')
		return "its name is absolute";
	clean = end = xcalloc(len + 1, 1);
	for (const char *p = path; *p;) {
		size_t n = strcspn(p, "/");
		const char *why = NULL;

		if (n == 2 && p[0] == '.' && p[1] == '.')
			why = "its name has \"..\" in it";
		else if (n > MAX_COMPONENT)
			why = "its name has a part longer than 255 bytes";
		if (why) {
			free(clean);
			return why;
		}
		if (n > 0 && !(n == 1 && p[0] == '.')) {
			if (end > clean)
				*end++ = '/';
			memcpy(end, p, n);
			end += n;
			depth++;
		}
		p += n;
		p += *p == '/';
	}
	if (depth > ENTRY_MAX_DEPTH || end - clean > ENTRY_MAX_PATH) {
		free(clean);
		return depth > ENTRY_MAX_DEPTH ? "it lies more than 64 directories deep"
					       : "its name is longer than 1024 bytes";
	}
	*out = clean;
	return NULL;
}

static bool top_name_valid(const char *name, size_t len)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789+-._";

	const struct flavour *flavour = flavour_of_file(name);

	return flavour && len > strlen(flavour->name) + 1 && strspn(name, allowed) >= len;
}

bool entry_top_valid(const char *name)
{
	return strlen(name) <= MAX_COMPONENT && top_name_valid(name, strlen(name));
}

const char *entry_locate(const char *path, const char *top, enum entry_place *place)
{
	const char *below = strchrnul(path, '/');
	size_t top_len = (size_t)(below - path);

	*place = ENTRY_ROOT;
	if (*path == '\0')
		return NULL;
	if (!top_name_valid(path, top_len))
		return "a Nix tarball holds one directory nix-VERSION-SYSTEM and nothing beside it";
	if (top && (strlen(top) != top_len || strncmp(top, path, top_len) != 0))
		return "it lies in a second top directory";
	if (*below == '\0') {
		*place = ENTRY_TOP;
	} else if (strcmp(below, "/store") == 0) {
		*place = ENTRY_STORE;
	} else if (str_starts_with(below, "/store/")) {
		const char *name = below + strlen("/store/");
		const char *rest = strchrnul(name, '/');
		char *store_name = xstrndup(name, (size_t)(rest - name));
		bool valid = store_name_valid(store_name);

		free(store_name);
		if (!valid)
			return "not a name that Nix gives to a store path";
		*place = *rest ? ENTRY_INSIDE : ENTRY_STORE_PATH;
	} else {
		*place = ENTRY_BESIDE;
	}
	return NULL;
}

const char *entry_check_type(enum entry_place place, mode_t type)
{
	switch (type) {
	case S_IFDIR:
		return NULL;
	case S_IFREG:
		if (place == ENTRY_ROOT || place == ENTRY_TOP || place == ENTRY_STORE)
			return "it is a file where a directory belongs";
		return NULL;
	case S_IFLNK:
		if (place == ENTRY_STORE_PATH || place == ENTRY_INSIDE)
			return NULL;
		return "it is a symbolic link outside store/";
	case S_IFCHR:
	case S_IFBLK:
		return "it is a device node";
	case S_IFIFO:
		return "it is a fifo";
	case S_IFSOCK:
		return "it is a socket";
	default:
		return "it is of an unknown type";
	}
}

mode_t entry_mode(enum entry_place place, mode_t type, mode_t mode)
{
	bool sealed = place == ENTRY_STORE_PATH || place == ENTRY_INSIDE;

	if (type == S_IFLNK)
		return 0777;
	if (type == S_IFDIR)
		return place == ENTRY_INSIDE ? 0555 : 0755;
	return (mode & 0111 ? 0555 : 0444) | (sealed ? 0 : 0200);
}
