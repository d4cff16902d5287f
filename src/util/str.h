/*
 * Strings on the heap. No function returns NULL for lack of memory: the program then ends with
 * status 125 and a message, since it can do nothing useful.
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

/* A copy of S, or NULL if S is NULL; the caller frees. */
char *xstrdup(const char *s);

/* A copy of the first LEN bytes at S with a NUL after them; the caller frees. */
char *xstrndup(const char *s, size_t len);

/* sprintf(3) into a new string; the caller frees. */
char *xasprintf(const char *format, ...) __attribute__((format(printf, 1, 2)));
char *xvasprintf(const char *format, va_list args) __attribute__((format(printf, 1, 0)));

/* open_memstream(3); after fclose(3), *TEXT is the caller's to free. */
FILE *xopen_memstream(char **text, size_t *len);

/* A list of strings that it owns. items[count] is NULL once a string was added. */
struct strlist {
	char **items;
	size_t count;
};

/* Add a copy of S. */
void strlist_add(struct strlist *list, const char *s);

/* Add S itself, which the list frees from now on. */
void strlist_take(struct strlist *list, char *s);

bool strlist_has(const struct strlist *list, const char *s);

/* Free all strings; the list is then empty and usable. Also for _cleanup_(strlist_clear). */
void strlist_clear(struct strlist *list);

/* BYTES in words, with units of 1000: "18.1 MB", "512 kB", "17 bytes"; the caller frees. */
char *str_size(uint64_t bytes);

bool str_starts_with(const char *s, const char *prefix);
bool str_ends_with(const char *s, const char *suffix);

/* "DIRECTORY/NAME", also if DIRECTORY is "/"; the caller frees. */
char *path_join(const char *directory, const char *name);

/* PATH (absolute) without its last component: "/" for "/x", "" for "/"; the caller frees. */
char *path_parent(const char *path);

/* Is PATH (absolute, without "." and "..") DIRECTORY or below it? Everything is below "/". */
bool path_is_within(const char *path, const char *directory);

/*
 * The next directory of the list *REST (the value of PATH, or NULL), which moves on; the caller
 * frees. An empty one becomes ".", the working directory (execvp(3)). NULL at the end.
 */
char *path_next(const char **rest);

/* S as one word of a shell script, in single quotes; the caller frees. */
char *str_shell_word(const char *s);

/* The value of the variable NAME, not a copy; NULL if it is unset or empty. */
const char *env_get(const char *name);

#endif
