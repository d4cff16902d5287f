/*
 * Any bytes as a path-config.toml: no memory error, and what is accepted keeps the promises of
 * path_config.h.
 */
#include "chroot/path_config.h"
#include "chroot/toml_text.h"
#include "ui/log.h"
#include "util/str.h"
#include "util/text.h"

#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define REQUIRE(condition)        \
	do {                      \
		if (!(condition)) \
			abort();  \
	} while (0)

/* One '/' between components, none at the end, no "." and no "..". */
static void require_normal(const char *path)
{
	const char *p = path;

	REQUIRE(strlen(path) < PATH_MAX);
	for (;;) {
		size_t len = strcspn(p, "/");

		REQUIRE(len > 0);
		REQUIRE(!(len == 1 && p[0] == '.') && !(len == 2 && p[0] == '.' && p[1] == '.'));
		if (p[len] == '\0')
			return;
		p += len + 1;
	}
}

static void require_absolute(const char *path)
{
	REQUIRE(path[0] == '/');
	require_normal(path + 1);
}

static void require_outside_nix(const char *path)
{
	require_absolute(path);
	REQUIRE(strcmp(path, "/nix") != 0 && !str_starts_with(path, "/nix/"));
}

static void require_promises(const struct path_config *config)
{
	for (size_t i = 0; i < config->excludes.count; i++)
		require_outside_nix(config->excludes.items[i]);
	for (size_t i = 0; i < config->profile_count; i++) {
		REQUIRE(config->profile[i].line > 0);
		if (strcmp(config->profile[i].source, ".") != 0)
			require_normal(config->profile[i].source);
		require_outside_nix(config->profile[i].target);
	}
	for (size_t i = 0; i < config->absolute_count; i++) {
		REQUIRE(config->absolute[i].line > 0);
		if (strcmp(config->absolute[i].source, "/") != 0)
			require_absolute(config->absolute[i].source);
		require_outside_nix(config->absolute[i].target);
		for (size_t j = 0; j < i; j++)
			REQUIRE(strcmp(config->absolute[i].target, config->absolute[j].target) !=
				0);
	}
}

/* What is shown to people is UTF-8, printable, and no longer than the bytes allow. */
static void require_escaped(const uint8_t *data, size_t size)
{
	char *text = xstrndup((const char *)data, size);
	char *shown = text_shown_at_most(text, 100);
	char *why = NULL;

	REQUIRE(strlen(shown) <= 100 * 6 + 3);
	REQUIRE(toml_find_forbidden(shown, strlen(shown), &why) == strlen(shown));
	REQUIRE(!strpbrk(shown, "\t\r\n\x1b"));
	free(shown);
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct path_config config;

	log_set_level((enum log_level)(LOG_ERROR - 1));
	if (path_config_parse("path-config.toml", (const char *)data, size, &config) == 0)
		require_promises(&config);
	else
		REQUIRE(config.excludes.count == 0 && config.profile_count == 0 &&
			config.absolute_count == 0 && !config.profile && !config.absolute);
	path_config_clear(&config);
	require_escaped(data, size);
	return 0;
}
