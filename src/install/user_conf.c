#include "install/user_conf.h"
#include "util/cleanup.h"
#include "util/fs.h"
#include "util/str.h"
#include "util/xdg.h"

#include <fcntl.h>
#include <string.h>

/* Files may include files; a circle of includes ends here. */
#define INCLUDES_MAX 8

static const char blanks[] = " \t\r";

static char *of_text(const char *text, const char *name, const char *directory, int depth);

static char *of_file(const char *path, const char *name, int depth)
{
	_cleanup_free_ char *text = NULL, *directory = NULL;
	size_t len;

	/* Nix skips an unreadable file, or reports it */
	if (depth > INCLUDES_MAX || fs_read_file(AT_FDCWD, path, USER_CONF_MAX, &text, &len) < 0)
		return NULL;
	directory = path_parent(path);
	return of_text(text, name, directory, depth);
}

static char *of_include(const char *file, const char *name, const char *directory, int depth)
{
	_cleanup_free_ char *path =
		*file == '/' || !directory ? xstrdup(file) : path_join(directory, file);

	return directory ? of_file(path, name, depth + 1) : NULL;
}

static char *trimmed(const char *value)
{
	size_t len;

	value += strspn(value, blanks);
	len = strlen(value);
	while (len > 0 && strchr(blanks, value[len - 1]))
		len--;
	return xstrndup(value, len);
}

/* The value in LINE, which is changed, or in the file that LINE includes; NULL: none. */
static char *of_line(char *line, const char *name, const char *directory, int depth)
{
	char *rest = NULL, *first, *second, *value;

	line[strcspn(line, "#")] = '\0';
	first = strtok_r(line, blanks, &rest);
	second = first ? strtok_r(NULL, blanks, &rest) : NULL;
	if (!second)
		return NULL;
	if (strcmp(first, "include") == 0 || strcmp(first, "!include") == 0)
		return of_include(second, name, directory, depth);
	if (strcmp(first, name) != 0 || strcmp(second, "=") != 0)
		return NULL;
	value = strtok_r(NULL, "", &rest);
	return trimmed(value ? value : "");
}

static char *of_text(const char *text, const char *name, const char *directory, int depth)
{
	_cleanup_free_ char *copy = xstrdup(text);
	char *found = NULL, *rest = NULL;

	for (char *line = strtok_r(copy, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		char *value = of_line(line, name, directory, depth);

		if (!value)
			continue;
		free(found);
		found = value;
	}
	return found;
}

char *user_conf_of_text(const char *text, const char *name, const char *directory)
{
	return of_text(text, name, directory, 0);
}

/* List the files that Nix reads, the one that wins first. */
static void list_files(struct strlist *out)
{
	const char *named = getenv("NIX_USER_CONF_FILES"), *dirs = env_get("XDG_CONFIG_DIRS");
	_cleanup_free_ char *config = xdg_config_home();
	char *part;

	if (named) {
		while (named && *named && (part = path_next(&named)))
			strlist_take(out, part);
		return;
	}
	if (config)
		strlist_take(out, path_join(config, "nix/nix.conf"));
	if (!dirs)
		dirs = "/etc/xdg";
	while ((part = path_next(&dirs))) {
		strlist_take(out, path_join(part, "nix/nix.conf"));
		free(part);
	}
}

char *user_conf_find(const char *name, char **where)
{
	_cleanup_(strlist_clear) struct strlist files = {0};

	list_files(&files);
	for (size_t i = 0; i < files.count; i++) {
		char *value = of_file(files.items[i], name, 0);

		if (!value)
			continue;
		*where = xstrdup(files.items[i]);
		return value;
	}
	return NULL;
}
