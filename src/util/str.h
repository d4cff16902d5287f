/*
 * Strings on the heap. None of these returns NULL: where memory runs out the program ends with
 * status 125 and a message, since nothing useful can be done without it.
 */
#ifndef UTIL_STR_H
#define UTIL_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdarg.h>
#include <stdio.h>

/* malloc(3), zeroed; the caller frees. */
void *xcalloc(size_t count, size_t size);

/* realloc(3) to COUNT elements of SIZE bytes, with overflow checked; the caller frees. */
void *xreallocarray(void *p, size_t count, size_t size);

/* A copy of S, or NULL where S is NULL; the caller frees. */
char *xstrdup(const char *s);

/* A copy of the first LEN bytes at S with a NUL behind; the caller frees. */
char *xstrndup(const char *s, size_t len);

/* sprintf(3) into a string of its own; the caller frees. */
char *xasprintf(const char *format, ...) __attribute__((format(printf, 1, 2)));
char *xvasprintf(const char *format, va_list args) __attribute__((format(printf, 1, 0)));

/* open_memstream(3); fclose(3) it, after which *TEXT is the caller's to free. */
FILE *xopen_memstream(char **text, size_t *len);

/* A list of strings that it owns: items[0..count-1], and items[count] is NULL once one was added.
 */
struct strlist {
	char **items;
	size_t count;
};

/* Add a copy of S. */
void strlist_add(struct strlist *list, const char *s);

/* Add S itself, which the list frees from now on. */
void strlist_take(struct strlist *list, char *s);

bool strlist_has(const struct strlist *list, const char *s);

/* Free all strings; the list is empty after, and usable. For _cleanup_(strlist_clear) too. */
void strlist_clear(struct strlist *list);

/* BYTES for people, in units of 1000: "18.1 MB", "512 kB", "17 bytes"; the caller frees. */
char *str_size(uint64_t bytes);

bool str_starts_with(const char *s, const char *prefix);
bool str_ends_with(const char *s, const char *suffix);

/* "DIRECTORY/NAME", where DIRECTORY may be "/"; the caller frees. */
char *path_join(const char *directory, const char *name);

/* PATH (absolute) without its last component, "/" for "/x" and "" for "/"; the caller frees. */
char *path_parent(const char *path);

/* Is PATH (absolute, without "." and "..") DIRECTORY, or below it? All is below "/". */
bool path_is_within(const char *path, const char *directory);

/*
 * The next directory of the list at *REST (the value of PATH, or NULL), which moves on; the caller
 * frees. An empty one is the working directory, "." (execvp(3)). NULL at the end.
 */
char *path_next(const char **rest);

/* S as one word of a shell script, in single quotes; the caller frees. */
char *str_shell_word(const char *s);

/* Is the variable set and not empty? Its value, else NULL. Not a copy. */
const char *env_get(const char *name);

#endif
