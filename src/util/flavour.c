#include "util/flavour.h"
#include "util/str.h"

#include <string.h>

const struct flavour flavours[FLAVOUR_COUNT] = {
	{"nix", "Nix", "", "https://releases.nixos.org/nix", "https://nixos.org/nix/install", true},
	/*
	 * as made by releng/ in Lix's sources: the tarball has no install script, and a manifest
	 * tells the latest version
	 */
	{"lix", "Lix", "lix-", "https://releases.lix.systems/lix", NULL, false},
};

const struct flavour *flavour_of(const char *version, size_t len)
{
	for (size_t i = 1; i < FLAVOUR_COUNT; i++) {
		const struct flavour *flavour = &flavours[i];
		size_t prefix = strlen(flavour->prefix);

		if ((len >= prefix && memcmp(version, flavour->prefix, prefix) == 0) ||
		    (len == strlen(flavour->name) && memcmp(version, flavour->name, len) == 0))
			return flavour;
	}
	return &flavours[0];
}

const struct flavour *flavour_of_mirror(const char *mirror)
{
	const char *slash = mirror ? strrchr(mirror, '/') : NULL;

	for (size_t i = 0; slash && i < FLAVOUR_COUNT; i++)
		if (strcmp(slash + 1, flavours[i].name) == 0)
			return &flavours[i];
	return &flavours[0];
}

const struct flavour *flavour_of_file(const char *name)
{
	for (size_t i = 0; i < FLAVOUR_COUNT; i++) {
		size_t len = strlen(flavours[i].name);

		if (strncmp(name, flavours[i].name, len) == 0 && name[len] == '-')
			return &flavours[i];
	}
	return NULL;
}

bool flavour_is_latest(const char *version)
{
	for (size_t i = 0; i < FLAVOUR_COUNT; i++)
		if (strcmp(version, flavours[i].name) == 0)
			return true;
	return false;
}

char *flavour_top(const char *version)
{
	const struct flavour *flavour = flavour_of(version, strlen(version));

	return xasprintf("%s-%s", flavour->name, version + strlen(flavour->prefix));
}

char *flavour_shown(const char *version)
{
	const struct flavour *flavour = version ? flavour_of(version, strlen(version)) : NULL;

	return flavour ? xasprintf("%s %s", flavour->title, version + strlen(flavour->prefix))
		       : xstrdup("Nix (of unknown version)");
}
