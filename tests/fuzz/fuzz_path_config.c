/*
 * Reads any bytes as a path-config.toml: no memory error, and a config that is accepted keeps the
 * promises of path_config.h.
 */
#include "chroot/path_config.h"
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

/* A normal path has one '/' between components, none at the end, no "." and no "..". */
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
	for (size_t i = 0; i < config->mount_count; i++) {
		const struct path_mount *mount = &config->mounts[i];

		REQUIRE(mount->at.line > 0 && mount->at.column > 0);
		REQUIRE(!mount->from_profile || config->needs_profile);
		if (!mount->from_profile && strcmp(mount->source, "/") != 0)
			require_absolute(mount->source);
		else if (mount->from_profile && strcmp(mount->source, ".") != 0)
			require_normal(mount->source);
		require_outside_nix(mount->target);
		REQUIRE(i == 0 || strcmp(mount[-1].target, mount->target) < 0);
	}
}

/*
 * The position of each problem lies in the text; if reading failed, the last problem is an error,
 * and no other is.
 */
static void require_problems(const struct path_config_problems *problems, bool failed,
			     const uint8_t *data, size_t size)
{
	unsigned lines = 1;

	for (size_t i = 0; i < size; i++)
		lines += data[i] == '\n';
	REQUIRE(!failed || problems->count > 0);
	for (size_t i = 0; i < problems->count; i++) {
		const struct path_config_problem *problem = &problems->items[i];
		bool is_error = problem->kind < PATH_CONFIG_UNKNOWN_SECTION;

		REQUIRE(problem->at.line >= 1 && problem->at.line <= lines);
		REQUIRE(problem->at.column >= 1 && problem->at.column <= size + 1);
		REQUIRE(problem->line <= problem->at.line || problem->kind != PATH_CONFIG_SYNTAX);
		REQUIRE(is_error == (failed && i + 1 == problems->count));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct path_config_problems problems;
	struct path_config config;
	bool failed = path_config_parse((const char *)data, size, &config, &problems) < 0;

	require_problems(&problems, failed, data, size);
	if (failed)
		REQUIRE(config.excludes.count == 0 && config.mount_count == 0 && !config.mounts);
	else
		require_promises(&config);
	path_config_clear(&config);
	path_config_problems_clear(&problems);
	return 0;
}
