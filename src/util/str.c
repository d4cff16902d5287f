#include "util/str.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static _Noreturn void out_of_memory(void)
{
	static const char text[] = "nix-user-chroot: out of memory\n";

	if (write(STDERR_FILENO, text, sizeof(text) - 1) < 0)
		_exit(125);
	_exit(125);
}

void *xcalloc(size_t count, size_t size)
{
	void *p = calloc(count ? count : 1, size ? size : 1);

	if (!p)
		out_of_memory();
	return p;
}

void *xreallocarray(void *p, size_t count, size_t size)
{
	void *grown;

	if (size && count > SIZE_MAX / size)
		out_of_memory();
	grown = realloc(p, count && size ? count * size : 1);
	if (!grown)
		out_of_memory();
	return grown;
}

char *xstrdup(const char *s)
{
	return s ? xstrndup(s, strlen(s)) : NULL;
}

char *xstrndup(const char *s, size_t len)
{
	char *copy = xcalloc(len + 1, 1);

	memcpy(copy, s, len);
	return copy;
}

char *xvasprintf(const char *format, va_list args)
{
	char *s;

	if (vasprintf(&s, format, args) < 0)
		out_of_memory();
	return s;
}

char *xasprintf(const char *format, ...)
{
	va_list args;
	char *s;

	va_start(args, format);
	s = xvasprintf(format, args);
	va_end(args);
	return s;
}

FILE *xopen_memstream(char **text, size_t *len)
{
	FILE *f = open_memstream(text, len);

	if (!f)
		out_of_memory();
	return f;
}

void strlist_take(struct strlist *list, char *s)
{
	list->items = xreallocarray(list->items, list->count + 2, sizeof(*list->items));
	list->items[list->count++] = s;
	list->items[list->count] = NULL;
}

void strlist_add(struct strlist *list, const char *s)
{
	strlist_take(list, xstrdup(s));
}

bool strlist_has(const struct strlist *list, const char *s)
{
	for (size_t i = 0; i < list->count; i++)
		if (strcmp(list->items[i], s) == 0)
			return true;
	return false;
}

void strlist_clear(struct strlist *list)
{
	for (size_t i = 0; i < list->count; i++)
		free(list->items[i]);
	free(list->items);
	*list = (struct strlist){0};
}

bool str_starts_with(const char *s, const char *prefix)
{
	return strncmp(s, prefix, strlen(prefix)) == 0;
}

bool str_ends_with(const char *s, const char *suffix)
{
	size_t len = strlen(s), suffix_len = strlen(suffix);

	return len >= suffix_len && strcmp(s + len - suffix_len, suffix) == 0;
}

const char *env_get(const char *name)
{
	const char *value = getenv(name);

	return value && *value ? value : NULL;
}

char *path_join(const char *directory, const char *name)
{
	return xasprintf("%s/%s", directory[1] ? directory : "", name);
}

char *path_parent(const char *path)
{
	const char *slash = strrchr(path, '/');

	if (slash == path)
		return xstrdup(path[1] ? "/" : "");
	return xstrndup(path, (size_t)(slash - path));
}

bool path_is_within(const char *path, const char *directory)
{
	size_t len = directory[1] ? strlen(directory) : 0;

	return strncmp(path, directory, len) == 0 && (path[len] == '/' || path[len] == '\0');
}

char *str_size(uint64_t bytes)
{
	static const char *const units[] = {"kB", "MB", "GB", "TB"};
	double value = (double)bytes / 1000;
	size_t unit = 0;

	if (bytes < 1000)
		return xasprintf("%llu bytes", (unsigned long long)bytes);
	/* otherwise 999.95 would be printed as 1000.0 */
	while (value >= 999.95 && unit + 1 < sizeof(units) / sizeof(units[0])) {
		value /= 1000;
		unit++;
	}
	return xasprintf(value < 99.95 ? "%.1f %s" : "%.0f %s", value, units[unit]);
}

char *path_next(const char **rest)
{
	const char *part = *rest;
	size_t len;

	if (!part)
		return NULL;
	len = strcspn(part, ":");
	*rest = part[len] ? part + len + 1 : NULL;
	return len ? xstrndup(part, len) : xstrdup(".");
}

char *str_shell_word(const char *s)
{
	char *word = NULL;
	size_t len;
	FILE *f = xopen_memstream(&word, &len);

	fputc('\'', f);
	for (; *s; s++)
		fputs(*s == '\'' ? "'\\''" : (char[]){*s, '\0'}, f);
	fputc('\'', f);
	fclose(f);
	return word;
}
