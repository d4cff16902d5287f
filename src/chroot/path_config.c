#include "chroot/path_config.h"
#include "chroot/host_view.h"
#include "chroot/toml.h"
#include "ui/log.h"
#include "util/cleanup.h"
#include "util/text.h"
#include "util/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* Bytes of the file's own words, and of the file's name, that a message shows. */
#define SHOWN_WORD 120
#define SHOWN_FILE PATH_MAX

/* A path that the file gives a meaning to, which it can do once only. */
struct claim {
	const char *path;
	struct toml_position at;
	const struct claim *before; /* the first claim of the same path, or NULL where this is it */
};

struct reader {
	char *file; /* fit for a terminal */
	struct path_config *out;
	struct claim *targets;
	size_t target_count;
};

/* "FILE:LINE:COLUMN: what is wrong"; always -1, for the caller to return. */
__attribute__((format(printf, 3, 4))) static int
fail(const struct reader *reader, struct toml_position at, const char *format, ...)
{
	_cleanup_free_ char *what = NULL;
	va_list args;

	va_start(args, format);
	what = xvasprintf(format, args);
	va_end(args);
	log_error("%s:%u:%u: %s\nnix-user-chroot --print-path-config prints an example",
		  reader->file, at.line, at.column, what);
	return -1;
}

__attribute__((format(printf, 3, 4))) static void
warn(const struct reader *reader, struct toml_position at, const char *format, ...)
{
	_cleanup_free_ char *what = NULL;
	va_list args;

	va_start(args, format);
	what = xvasprintf(format, args);
	va_end(args);
	log_warning("%s:%u:%u: %s", reader->file, at.line, at.column, what);
}

static char *show(const char *word)
{
	return text_shown_at_most(word, SHOWN_WORD);
}

/*
 * PATH without ".", doubled and trailing '/'; beginning with '/' if ABSOLUTE, else without, and
 * then
 * "." where nothing is left. NULL with *WHY where it is no path to be used; the caller frees.
 */
static char *normalise(const char *path, bool absolute, const char **why)
{
	_cleanup_free_ char *out = xcalloc(strlen(path) + 2, 1);
	size_t used = 0, len;

	*why = *path ? NULL : "is empty";
	for (const char *p = path + strspn(path, "/"); *p; p += len, p += strspn(p, "/")) {
		len = strcspn(p, "/");
		if (len == 1 && p[0] == '.')
			continue;
		if (len == 2 && p[0] == '.' && p[1] == '.')
			*why = "has \"..\" in it";
		out[used++] = '/';
		memcpy(out + used, p, len);
		used += len;
	}
	if (used >= PATH_MAX)
		*why = "is longer than a path can be";
	if (*why)
		return NULL;
	if (used == 0)
		return xstrdup(absolute ? "/" : ".");
	return absolute ? steal_ptr(&out) : xstrdup(out + 1);
}

/* The absolute path that WHAT names at AT, normalised, the caller's to free; NULL after an error.
 */
static char *read_absolute(const struct reader *reader, const char *what, const char *path,
			   struct toml_position at)
{
	_cleanup_free_ char *shown = show(path);
	const char *why;
	char *out;

	if (*path && *path != '/') {
		fail(reader, at, "the %s \"%s\" is not an absolute path", what, shown);
		return NULL;
	}
	out = normalise(path, true, &why);
	if (!out)
		fail(reader, at, "the %s \"%s\" %s", what, shown, why);
	return out;
}

static bool is_in_nix(const char *path)
{
	return strcmp(path, "/nix") == 0 || str_starts_with(path, "/nix/");
}

static int compare_claims(const void *left, const void *right)
{
	const struct claim *a = *(const struct claim *const *)left;
	const struct claim *b = *(const struct claim *const *)right;
	int order = strcmp(a->path, b->path);

	/* equal paths in the order of the file */
	return order ? order : (a > b) - (a < b);
}

/* Set the "before" of each claim: by sorting, since a hostile file holds thousands. */
static void compare_all(struct claim *claims, size_t count)
{
	_cleanup_free_ const struct claim **sorted = xcalloc(count, sizeof(struct claim *));
	const struct claim *first = NULL;

	for (size_t i = 0; i < count; i++)
		sorted[i] = &claims[i];
	qsort(sorted, count, sizeof(struct claim *), compare_claims);
	for (size_t i = 0; i < count; i++) {
		if (first && strcmp(first->path, sorted[i]->path) == 0)
			claims[sorted[i] - claims].before = first;
		else
			first = sorted[i];
	}
}

/* paths = ["/abs", ...] */
static int read_exclude_paths(const struct reader *reader, const struct toml_node *paths)
{
	_cleanup_(strlist_clear) struct strlist all = {0};
	_cleanup_free_ struct claim *claims = xcalloc(paths->count, sizeof(*claims));

	for (size_t i = 0; i < paths->count; i++) {
		const struct toml_string *string = &paths->strings[i];
		char *path = read_absolute(reader, "exclude", string->text, string->at);

		if (!path)
			return -1;
		strlist_take(&all, path);
		if (strcmp(path, "/") == 0)
			return fail(reader, string->at, "/ itself cannot be excluded");
		claims[i] = (struct claim){.path = path, .at = string->at};
	}
	compare_all(claims, paths->count);
	for (size_t i = 0; i < paths->count; i++) {
		_cleanup_free_ char *shown = show(claims[i].path);

		if (claims[i].before)
			warn(reader, claims[i].at, "\"%s\" is excluded in line %u already", shown,
			     claims[i].before->at.line);
		else if (is_in_nix(claims[i].path))
			warn(reader, claims[i].at,
			     "the exclude \"%s\" is ignored: the host's /nix is not seen inside",
			     shown);
		else
			strlist_add(&reader->out->excludes, claims[i].path);
	}
	return 0;
}

static int read_excludes(const struct reader *reader, const struct toml_node *section)
{
	for (const struct toml_node *node = section->children; node; node = node->next) {
		_cleanup_free_ char *shown = show(node->key);

		if (strcmp(node->key, "paths") != 0)
			warn(reader, node->at,
			     "the unknown key \"%s\" in [excludes] is ignored; it has \"paths\"",
			     shown);
		else if (node->type != TOML_ARRAY)
			return fail(reader, node->type == TOML_TABLE ? node->at : node->value_at,
				    "paths must be an array of strings: paths = [\"/a\", \"/b\"]");
		else if (read_exclude_paths(reader, node) < 0)
			return -1;
	}
	return 0;
}

/* "SOURCE" = "TARGET", whose SOURCE is in the profile if FROM_PROFILE. */
static int read_mount(const struct reader *reader, const struct toml_node *node, bool from_profile,
		      struct path_mount *mount)
{
	_cleanup_free_ char *shown = show(node->key);
	const struct toml_string *target = node->strings;
	const char *why;

	if (node->type == TOML_TABLE)
		return fail(reader, node->at,
			    "\"%s\" is a table here, not a path: a path with a dot in it needs "
			    "quotes around it, as in \"lib/libc.so\" = \"/lib/libc.so\"",
			    shown);
	if (node->type != TOML_STRING)
		return fail(reader, node->value_at,
			    "the target of \"%s\" must be a string, one path", shown);
	mount->line = node->at.line;
	if (!from_profile)
		mount->source = read_absolute(reader, "source", node->key, node->at);
	else if (!(mount->source = normalise(node->key, false, &why)))
		fail(reader, node->at, "the source \"%s\" %s", shown, why);
	if (!mount->source)
		return -1;
	mount->target = read_absolute(reader, "target", target->text, target->at);
	if (!mount->target)
		return -1;
	if (strcmp(mount->target, "/") == 0)
		return fail(reader, target->at, "nothing can be mounted on / itself");
	if (is_in_nix(mount->target))
		return fail(reader, target->at,
			    "nothing can be mounted in /nix: the Nix directory is there");
	return 0;
}

/* [profile] or [absolute]: its mounts become *OUT, *COUNT of them, also after an error. */
static int read_mounts(struct reader *reader, const struct toml_node *section, bool from_profile,
		       struct path_mount **out, size_t *count)
{
	size_t total = 0;

	for (const struct toml_node *node = section->children; node; node = node->next)
		total++;
	*out = xcalloc(total, sizeof(**out));
	reader->targets = xreallocarray(reader->targets, reader->target_count + total,
					sizeof(*reader->targets));
	for (const struct toml_node *node = section->children; node; node = node->next) {
		struct path_mount *mount = &(*out)[(*count)++];

		if (read_mount(reader, node, from_profile, mount) < 0)
			return -1;
		reader->targets[reader->target_count++] =
			(struct claim){.path = mount->target, .at = node->strings->at};
	}
	return 0;
}

static int read_section(struct reader *reader, const struct toml_node *section)
{
	_cleanup_free_ char *shown = show(section->key);
	struct path_config *out = reader->out;
	bool excludes = strcmp(section->key, "excludes") == 0;
	bool profile = strcmp(section->key, "profile") == 0;

	if (!excludes && !profile && strcmp(section->key, "absolute") != 0) {
		warn(reader, section->at,
		     "the unknown %s \"%s\" is ignored; there are [excludes], [profile] and "
		     "[absolute]",
		     section->type == TOML_TABLE ? "section" : "key", shown);
		return 0;
	}
	if (section->type != TOML_TABLE)
		return fail(reader, section->at, "\"%s\" must be a section: [%s]", shown, shown);
	if (excludes)
		return read_excludes(reader, section);
	if (profile)
		return read_mounts(reader, section, true, &out->profile, &out->profile_count);
	return read_mounts(reader, section, false, &out->absolute, &out->absolute_count);
}

static int read_document(struct reader *reader, const struct toml_document *document)
{
	for (const struct toml_node *node = document->root.children; node; node = node->next)
		if (read_section(reader, node) < 0)
			return -1;
	compare_all(reader->targets, reader->target_count);
	for (size_t i = 0; i < reader->target_count; i++) {
		const struct claim *claim = &reader->targets[i];
		_cleanup_free_ char *shown = show(claim->path);

		if (claim->before)
			return fail(reader, claim->at, "\"%s\" is the target of line %u already",
				    shown, claim->before->at.line);
	}
	return 0;
}

int path_config_parse(const char *file_name, const char *text, size_t len, struct path_config *out)
{
	_cleanup_free_ char *file = text_shown_at_most(file_name, SHOWN_FILE);
	_cleanup_(toml_clear) struct toml_document document;
	struct reader reader = {.file = file, .out = out};
	struct toml_error error;
	int r;

	*out = (struct path_config){0};
	if (toml_parse(text, len, &document, &error) < 0) {
		_cleanup_free_ char *what = error.what;

		return fail(&reader, error.at, "%s", what);
	}
	r = read_document(&reader, &document);
	free(reader.targets);
	if (r < 0)
		path_config_clear(out);
	return r;
}

/*
 * The text of the file that is PATH inside. -ENOENT where nothing is there, -ELOOP where a symlink
 * leads nowhere or in circles, and what fs_read_file() returns.
 */
static int read_inside(int nix_dir_fd, const char *path, char **text, size_t *len)
{
	struct host_view view = host_view_real(&nix_dir_fd);
	_cleanup_free_ char *resolved = NULL;
	enum entry_type type;
	int r = host_resolve(&view, path, true, &resolved, &type);

	if (r == -ENOENT) {
		_cleanup_free_ char *link = NULL;

		return host_resolve(&view, path, false, &link, &type) == 0 ? -ELOOP : -ENOENT;
	}
	if (r < 0)
		return r;
	if (is_in_nix(resolved))
		return fs_read_file(nix_dir_fd, resolved + strlen("/nix/"), TOML_MAX_SIZE, text,
				    len);
	return fs_read_file(AT_FDCWD, resolved, TOML_MAX_SIZE, text, len);
}

int path_config_load(int nix_dir_fd, const char *nix_dir, struct path_config *out)
{
	_cleanup_free_ char *file = xasprintf("%s/%s", nix_dir, PATH_CONFIG_FILE);
	_cleanup_free_ char *text = NULL, *shown = NULL;
	size_t len;
	int r = read_inside(nix_dir_fd, "/nix/" PATH_CONFIG_FILE, &text, &len);

	*out = (struct path_config){0};
	if (r == 0)
		return path_config_parse(file, text, len, out);
	if (r == -ENOENT || r == -ENOTDIR)
		return 0;
	shown = text_shown_at_most(file, SHOWN_FILE);
	if (r == -ELOOP)
		log_error("cannot read %s: it is a symlink that leads nowhere\n"
			  "mend it or remove it",
			  shown);
	else if (r == -EFBIG)
		log_error(
			"cannot read %s: it is larger than 1 MiB, which no list of paths is\nmend it or remove it",
			shown);
	else if (r == -EINVAL || r == -EISDIR)
		log_error(
			"cannot read %s: it is not a regular file\nput a file in its place or remove it",
			shown);
	else
		log_error("cannot read %s: %s\nmake it readable or remove it", shown, strerror(-r));
	return -1;
}

static void clear_mounts(struct path_mount *mounts, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		free(mounts[i].source);
		free(mounts[i].target);
	}
	free(mounts);
}

void path_config_clear(struct path_config *config)
{
	strlist_clear(&config->excludes);
	clear_mounts(config->profile, config->profile_count);
	clear_mounts(config->absolute, config->absolute_count);
	*config = (struct path_config){0};
}
