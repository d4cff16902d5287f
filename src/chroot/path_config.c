#include "chroot/path_config.h"
#include "chroot/host_view.h"
#include "util/cleanup.h"
#include "util/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* Where the file's contents go while it is read. */
struct reader {
	struct path_config *out;
	struct path_config_problems *problems;
};

/*
 * Add a problem at AT; WORD of the file is its subject (or NULL), WHAT is WORD's role in the file
 * (or NULL).
 */
static struct path_config_problem *note(const struct reader *reader, enum path_config_kind kind,
					struct toml_position at, const char *word, const char *what)
{
	struct path_config_problems *problems = reader->problems;
	struct path_config_problem *problem;

	problems->items =
		xreallocarray(problems->items, problems->count + 1, sizeof(*problems->items));
	problem = &problems->items[problems->count++];
	*problem = (struct path_config_problem){
		.kind = kind, .at = at, .word = xstrdup(word), .what = what};
	return problem;
}

/* Add a problem as note() does, and return -1 for the caller to return. */
static int fail(const struct reader *reader, enum path_config_kind kind, struct toml_position at,
		const char *word, const char *what)
{
	note(reader, kind, at, word, what);
	return -1;
}

static bool is_named(const struct toml_node *node, const char *name)
{
	return node->key.len == strlen(name) && strcmp(node->key.text, name) == 0;
}

/*
 * PATH normalised: without ".", double '/' and a '/' at the end. It must be ABSOLUTE or must not
 * begin with '/'; a relative one becomes "." if nothing is left. The caller frees. NULL with the
 * reason in *WHY if PATH cannot be used.
 */
static char *normalise(const struct toml_string *path, bool absolute, enum path_config_kind *why)
{
	_cleanup_free_ char *out = xcalloc(path->len + 2, 1);
	size_t used = 0, len;

	for (const char *p = path->text + strspn(path->text, "/"); *p; p += strspn(p, "/")) {
		len = strcspn(p, "/");
		if (len == 2 && p[0] == '.' && p[1] == '.') {
			*why = PATH_CONFIG_DOT_DOT;
			return NULL;
		}
		if (len > 1 || p[0] != '.') {
			out[used++] = '/';
			memcpy(out + used, p, len);
			used += len;
		}
		p += len;
	}
	if (used >= PATH_MAX) {
		*why = PATH_CONFIG_TOO_LONG;
		return NULL;
	}
	if (used == 0)
		return xstrdup(absolute ? "/" : ".");
	return absolute ? steal_ptr(&out) : xstrdup(out + 1);
}

/* PATH normalised, the caller's to free; WHAT is its role in the file. NULL after an error. */
static char *read_path(const struct reader *reader, const char *what,
		       const struct toml_string *path, bool absolute)
{
	enum path_config_kind why = PATH_CONFIG_RELATIVE;
	char *out = NULL;

	if (path->len == 0)
		why = PATH_CONFIG_EMPTY;
	else if (strlen(path->text) < path->len)
		why = PATH_CONFIG_NUL;
	else if (!absolute || *path->text == '/')
		out = normalise(path, absolute, &why);
	if (!out)
		note(reader, why, path->at, path->text, what);
	return out;
}

/* The same for a path that the file changes inside, which "/" cannot be. */
static char *read_place(const struct reader *reader, const char *what,
			const struct toml_string *path)
{
	char *out = read_path(reader, what, path, true);

	if (!out || out[1])
		return out;
	free(out);
	note(reader, PATH_CONFIG_ROOT, path->at, path->text, what);
	return NULL;
}

/* paths = ["/abs", ...] */
static int read_exclude_paths(const struct reader *reader, const struct toml_node *paths)
{
	const struct toml_node *node = paths->type == TOML_ARRAY ? paths->children : paths;

	for (; node; node = node->next) {
		_cleanup_free_ char *path = NULL;

		if (node->type != TOML_STRING || node == paths)
			return fail(reader, PATH_CONFIG_NOT_A_LIST, node->at, NULL, NULL);
		path = read_place(reader, "exclude", &node->string);
		if (!path)
			return -1;
		if (!path_is_within(path, "/nix"))
			strlist_add(&reader->out->excludes, path);
		else
			note(reader, PATH_CONFIG_EXCLUDE_IN_NIX, node->at, path, NULL);
	}
	return 0;
}

static int read_excludes(const struct reader *reader, const struct toml_node *section)
{
	for (const struct toml_node *node = section->children; node; node = node->next) {
		if (!is_named(node, "paths"))
			note(reader, PATH_CONFIG_UNKNOWN_KEY, node->key.at, node->key.text, NULL);
		else if (read_exclude_paths(reader, node) < 0)
			return -1;
	}
	return 0;
}

/* "SOURCE" = "TARGET" */
static int read_mount(const struct reader *reader, const struct toml_node *node,
		      struct path_mount *mount)
{
	bool is_dotted = node->type == TOML_TABLE && node->origin != TOML_VALUE;

	if (node->type != TOML_STRING)
		return fail(reader, is_dotted ? PATH_CONFIG_UNQUOTED : PATH_CONFIG_NOT_A_STRING,
			    node->at, node->key.text, NULL);
	mount->at = node->string.at;
	mount->source = read_path(reader, "source", &node->key, !mount->from_profile);
	if (!mount->source)
		return -1;
	mount->target = read_place(reader, "target", &node->string);
	if (!mount->target)
		return -1;
	if (path_is_within(mount->target, "/nix"))
		return fail(reader, PATH_CONFIG_IN_NIX, mount->at, node->string.text, "target");
	return 0;
}

/* [profile] or [absolute] */
static int read_mounts(const struct reader *reader, const struct toml_node *section,
		       bool from_profile)
{
	struct path_config *out = reader->out;
	size_t count = out->mount_count;

	for (const struct toml_node *node = section->children; node; node = node->next)
		count++;
	out->mounts = xreallocarray(out->mounts, count, sizeof(*out->mounts));
	for (const struct toml_node *node = section->children; node; node = node->next) {
		struct path_mount *mount = &out->mounts[out->mount_count++];

		*mount = (struct path_mount){.from_profile = from_profile};
		if (read_mount(reader, node, mount) < 0)
			return -1;
		out->needs_profile = out->needs_profile || from_profile;
	}
	return 0;
}

static int read_section(const struct reader *reader, const struct toml_node *section)
{
	bool excludes = is_named(section, "excludes"), profile = is_named(section, "profile");

	if (!excludes && !profile && !is_named(section, "absolute")) {
		note(reader, PATH_CONFIG_UNKNOWN_SECTION, section->key.at, section->key.text, NULL);
		return 0;
	}
	if (section->type != TOML_TABLE)
		return fail(reader, PATH_CONFIG_NOT_A_SECTION, section->key.at, section->key.text,
			    NULL);
	return excludes ? read_excludes(reader, section) : read_mounts(reader, section, profile);
}

static int compare_targets(const void *left, const void *right)
{
	const struct path_mount *a = left, *b = right;
	int order = strcmp(a->target, b->target);

	if (order == 0)
		order = a->at.line < b->at.line ? -1 : a->at.line > b->at.line;
	return order ? order : a->at.column < b->at.column ? -1 : 1;
}

static int read_document(const struct reader *reader, const struct toml_document *document)
{
	struct path_config *out = reader->out;

	for (const struct toml_node *node = document->root.children; node; node = node->next)
		if (read_section(reader, node) < 0)
			return -1;
	if (out->mounts)
		qsort(out->mounts, out->mount_count, sizeof(*out->mounts), compare_targets);
	for (size_t i = 1; i < out->mount_count; i++) {
		const struct path_mount *mount = &out->mounts[i];

		if (strcmp(mount[-1].target, mount->target) != 0)
			continue;
		note(reader, PATH_CONFIG_SAME_TARGET, mount->at, mount->target, NULL)->line =
			mount[-1].at.line;
		return -1;
	}
	return 0;
}

int path_config_parse(const char *text, size_t len, struct path_config *out,
		      struct path_config_problems *problems)
{
	_cleanup_(toml_clear) struct toml_document document;
	struct reader reader = {.out = out, .problems = problems};
	struct toml_error error;
	int r;

	*out = (struct path_config){0};
	*problems = (struct path_config_problems){0};
	if (toml_parse(text, len, &document, &error) < 0) {
		_cleanup_free_ char *key = error.key;

		note(&reader, PATH_CONFIG_SYNTAX, error.at, key, error.what)->line = error.line;
		return -1;
	}
	r = read_document(&reader, &document);
	if (r < 0)
		path_config_clear(out);
	return r;
}

/*
 * Read the file that is PATH inside. Returns -ENOENT if there is none, -ELOOP if a symlink leads
 * nowhere or in a circle, or what fs_read_file() returns.
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
	if (path_is_within(resolved, "/nix"))
		return fs_read_file(nix_dir_fd, resolved + strlen("/nix/"), TOML_MAX_SIZE, text,
				    len);
	return fs_read_file(AT_FDCWD, resolved, TOML_MAX_SIZE, text, len);
}

int path_config_load(int nix_dir_fd, struct path_config *out, struct path_config_problems *problems)
{
	_cleanup_free_ char *text = NULL;
	size_t len;
	int r = read_inside(nix_dir_fd, "/nix/" PATH_CONFIG_FILE, &text, &len);

	*out = (struct path_config){0};
	*problems = (struct path_config_problems){0};
	if (r == 0)
		return path_config_parse(text, len, out, problems);
	if (r == -ENOENT || r == -ENOTDIR)
		return 0;
	note(&(struct reader){.problems = problems}, PATH_CONFIG_UNREADABLE,
	     (struct toml_position){0}, NULL, NULL)
		->err = r;
	return -1;
}

void path_config_clear(struct path_config *config)
{
	strlist_clear(&config->excludes);
	for (size_t i = 0; i < config->mount_count; i++) {
		free(config->mounts[i].source);
		free(config->mounts[i].target);
	}
	free(config->mounts);
	*config = (struct path_config){0};
}

void path_config_problems_clear(struct path_config_problems *problems)
{
	for (size_t i = 0; i < problems->count; i++)
		free(problems->items[i].word);
	free(problems->items);
	*problems = (struct path_config_problems){0};
}
