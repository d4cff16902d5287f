/*
 * A home directory with a Nix directory in it, and what find() finds there, as text. In all texts
 * "~" is the home directory, and "@" the Nix directory. Include after cmocka.h.
 */
#ifndef TEST_SCENE_H
#define TEST_SCENE_H

#include "../place.h"
#include "uninstall/find.h"
#include "util/sha256_stream.h"

#include <string.h>
#include <unistd.h>

/* store paths that no host has */
#define PATH_NAME  "00000000000000000000000000000100-nix-1"
#define OTHER_NAME "00000000000000000000000000000200-gone"

struct scene {
	struct place *place;
	char *home_dir, *nix;
	int nix_fd;
	struct home home;
	struct record record;
};

/* TEXT with WORD replaced by BY wherever it is; the caller frees. */
static inline char *replaced(const char *text, const char *word, const char *by)
{
	char *out = NULL;
	size_t size;
	FILE *f = xopen_memstream(&out, &size);

	for (const char *at; (at = strstr(text, word)); text = at + strlen(word))
		fprintf(f, "%.*s%s", (int)(at - text), text, by);
	fputs(text, f);
	assert_int_equal(fclose(f), 0);
	return out;
}

/* TEXT with the scene's paths for "~" and "@"; the caller frees. */
static inline char *expanded(const struct scene *scene, const char *text)
{
	_cleanup_free_ char *half = replaced(text, "@", scene->nix);

	return replaced(half, "~", scene->home_dir);
}

/* The opposite. */
static inline char *shortened(const struct scene *scene, const char *text)
{
	_cleanup_free_ char *half = replaced(text, scene->nix, "@");

	return replaced(half, scene->home_dir, "~");
}

static inline void make_above(const char *path)
{
	_cleanup_free_ char *above = path_parent(path);

	assert_int_equal(fs_mkdirs(AT_FDCWD, above, 0755), 0);
}

static inline void put(const struct scene *scene, const char *name, const char *text)
{
	_cleanup_free_ char *path = expanded(scene, name);

	make_above(path);
	assert_int_equal(fs_replace_file(AT_FDCWD, path, text, strlen(text), 0644), 0);
}

static inline void put_link(const struct scene *scene, const char *name, const char *target)
{
	_cleanup_free_ char *path = expanded(scene, name), *to = expanded(scene, target);

	make_above(path);
	assert_int_equal(symlink(to, path), 0);
}

static inline void put_directory(const struct scene *scene, const char *name)
{
	_cleanup_free_ char *path = expanded(scene, name);

	assert_int_equal(fs_mkdirs(AT_FDCWD, path, 0755), 0);
}

static inline void unput(const struct scene *scene, const char *name)
{
	_cleanup_free_ char *path = expanded(scene, name);

	assert_int_equal(fs_remove_tree(AT_FDCWD, path), 0);
}

static inline bool is_there(const struct scene *scene, const char *name)
{
	_cleanup_free_ char *path = expanded(scene, name);

	return fs_exists(AT_FDCWD, path);
}

/*
 * A record with the lines TEXT, in which "<<WORDS>>" is the digest of WORDS; the caller frees.
 */
static inline char *record_text(const struct scene *scene, const char *text)
{
	_cleanup_free_ char *lines = expanded(scene, text);
	const char *from, *to;

	while ((from = strstr(lines, "<<")) && (to = strstr(from, ">>"))) {
		_cleanup_free_ char *word = xstrndup(from, (size_t)(to + 2 - from));
		char hex[SHA256_HEX_LEN + 1], *longer;
		struct sha256 digest;

		assert_int_equal(sha256_of_bytes(word + 2, strlen(word) - 4, &digest), 0);
		sha256_format(&digest, hex);
		longer = replaced(lines, word, hex);
		free(lines);
		lines = longer;
	}
	return xasprintf("nix-user-chroot-record 1\n%s", lines);
}

/* The scene's record becomes TEXT. */
static inline void put_record(struct scene *scene, const char *text)
{
	_cleanup_free_ char *whole = record_text(scene, text);

	record_clear(&scene->record);
	assert_int_equal(record_parse(whole, strlen(whole), &scene->record), 0);
}

static inline int scene_setup(void **state)
{
	struct scene *scene = xcalloc(1, sizeof(*scene));
	void *place = NULL;

	*scene = (struct scene){.record = RECORD_NONE};
	if (empty_environment(NULL) != 0 || place_setup(&place) != 0)
		return -1;
	scene->place = place;
	scene->home_dir = path_join(scene->place->path, "home");
	scene->nix = path_join(scene->home_dir, ".local/share/nix");
	assert_int_equal(setenv("HOME", scene->home_dir, 1), 0);
	assert_int_equal(home_find(&scene->home), 0);
	put_directory(scene, "@/store/" PATH_NAME);
	scene->nix_fd = fs_open_dir(AT_FDCWD, scene->nix);
	*state = scene;
	return scene->nix_fd < 0;
}

static inline int scene_teardown(void **state)
{
	struct scene *scene = *state;
	void *place = scene->place;
	int r = place_teardown(&place);

	record_clear(&scene->record);
	home_clear(&scene->home);
	close(scene->nix_fd);
	free(scene->home_dir);
	free(scene->nix);
	free(scene);
	return r;
}

static inline void add_removals(struct strlist *out, const char *before,
				const struct removals *removals)
{
	static const char *const kinds[] = {"line",	     "line-file", "own-line",
					    "own-line-file", "file",	  "tree",
					    "empty",	     "copy",	  "link"};

	for (size_t i = 0; i < removals->count; i++) {
		const struct removal *item = &removals->items[i];

		strlist_take(out,
			     xasprintf("%s%s %s%s%s%s%s%s%s", before, kinds[item->kind],
				       item->path ? item->path : "", item->below ? " below " : "",
				       item->below ? item->below : "", item->target ? " -> " : "",
				       item->target ? item->target : "", item->shown ? ": " : "",
				       item->shown ? item->shown : ""));
	}
}

static inline void add_each(struct strlist *out, const char *before, const struct strlist *list)
{
	for (size_t i = 0; i < list->count; i++)
		strlist_take(out, xasprintf("%s %s", before, list->items[i]));
}

/* All of FOUND, a line each, in the order of the deeds; *OUT is the caller's to clear. */
static inline void found_lines(const struct scene *scene, const struct found *found,
			       struct strlist *out)
{
	add_removals(out, "", &found->removals);
	add_removals(out, "last ", &found->last);
	add_each(out, "made", &found->made);
	add_each(out, "left", &found->left);
	add_each(out, "copied", &found->copied);
	add_each(out, "dangling", &found->dangling);
	add_each(out, "back", &found->back);
	for (size_t i = 0; i < out->count; i++) {
		char *line = shortened(scene, out->items[i]);

		free(out->items[i]);
		out->items[i] = line;
	}
}

/* What find() finds. RECORD: with the scene's record, else without one. */
static inline void find_lines_of(const struct scene *scene, bool record, bool force,
				 struct strlist *out)
{
	struct found found;

	find(
		&(struct find_request){
			.nix_dir = scene->nix,
			.nix_dir_fd = scene->nix_fd,
			.home = &scene->home,
			.record = record ? &scene->record : NULL,
			.is_forced = force,
		},
		&found);
	found_lines(scene, &found, out);
	found_clear(&found);
}

/* The place of LINE in LINES; fails with all of them if it is not there exactly once. */
static inline size_t where(const struct strlist *lines, const char *line)
{
	size_t at = lines->count, times = 0;

	for (size_t i = 0; i < lines->count; i++)
		if (strcmp(lines->items[i], line) == 0) {
			at = i;
			times++;
		}
	if (times != 1) {
		for (size_t i = 0; i < lines->count; i++)
			print_error("%s\n", lines->items[i]);
		fail_msg("%zu times: %s", times, line);
	}
	return at;
}

/*
 * Are LINES those of the NULL-terminated EXPECTED, in whatever order? (That of directories is not
 * known.) What every Nix directory has anyway may be missing in EXPECTED.
 */
static inline void assert_lines(const struct strlist *lines, const char *const *expected)
{
	static const char *const usual[] = {
		"file ~/.local/bin/.nix-user-chroot-new",  "file ~/.local/bin/nix-user-chroot.new",
		"empty ~/.config/nix-user-chroot",	   "file  below etc/nix/nix.conf.new",
		"tree  below var/nix-user-chroot/staging",
	};
	size_t count = 0;

	for (; expected[count]; count++)
		where(lines, expected[count]);
	for (size_t i = 0; i < sizeof(usual) / sizeof(usual[0]); i++)
		where(lines, usual[i]);
	count += sizeof(usual) / sizeof(usual[0]);
	if (lines->count == count)
		return;
	for (size_t i = 0; i < lines->count; i++)
		print_error("%s\n", lines->items[i]);
	fail_msg("%zu lines instead of %zu", lines->count, count);
}

#endif
