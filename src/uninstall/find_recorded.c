/*
 * Finds what the record lists one by one: links with the names of Nix's commands, files, and lines
 * of startup files. Each is removed only if it still is what the record says.
 */
#include "home/shims.h"
#include "home/startup_files.h"
#include "store/layout.h"
#include "uninstall/find.h"
#include "util/cleanup.h"
#include "util/fs.h"
#include "util/sha256_stream.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

static void remove_file(struct finder *finder, const char *path, const char *shown)
{
	removals_add(&finder->out->removals, REMOVE_FILE, path, NULL, shown);
}

/* "BIN: the links nix nix-build…" for the removals from FIRST on; the caller frees. */
static char *describe_links(const struct removals *removals, size_t first)
{
	_cleanup_free_ char *bin = path_parent(removals->items[first].path);
	char *text = xasprintf("%s: the links", bin);

	for (size_t i = first; i < removals->count; i++) {
		char *longer = xasprintf("%s %s", text, strrchr(removals->items[i].path, '/') + 1);

		free(text);
		text = longer;
	}
	return text;
}

/* Is TARGET the program that is running, whatever its name? */
static bool leads_to_us(const char *target)
{
	_cleanup_free_ char *self = fs_self_path();

	return self && fs_same_file(self, target);
}

static void find_link(struct finder *finder, const char *path, const char *wanted)
{
	_cleanup_free_ char *target = NULL;
	int r = fs_readlink(AT_FDCWD, path, &target);

	if (r == 0 && ((wanted && strcmp(target, wanted) == 0) || shim_is_ours(target) ||
		       leads_to_us(target)))
		remove_file(finder, path, NULL);
	else if (r != -ENOENT && r != -ENOTDIR && wanted)
		finder_leave(finder, path, "not ours any more");
}

/* Find the links of the record; without a record, those of our names that lead to this program. */
static void find_links(struct finder *finder)
{
	const struct record *record = finder->request->record;
	const char *bin = finder->request->home->bin;
	struct removals *removals = &finder->out->removals;
	_cleanup_(strlist_clear) struct strlist seen = {0};
	/* left by an --install, or an --update, that was killed while it wrote the program */
	_cleanup_free_ char *fresh = path_join(bin, ".nix-user-chroot-new");
	_cleanup_free_ char *update = path_join(bin, "nix-user-chroot.new");
	size_t first = removals->count;

	for (size_t i = 0; record && i < record->count; i++) {
		const struct record_entry *entry = &record->entries[i];

		if (entry->kind != RECORD_LINK || strlist_has(&seen, entry->subject))
			continue;
		strlist_add(&seen, entry->subject);
		find_link(finder, entry->subject, entry->value);
	}
	for (size_t i = 0; !record && i < SHIM_COUNT; i++) {
		_cleanup_free_ char *path = path_join(bin, shim_names[i]);

		find_link(finder, path, NULL);
	}
	if (removals->count > first)
		removals->items[first].shown = describe_links(removals, first);
	remove_file(finder, fresh, NULL);
	remove_file(finder, update, NULL);
}

/* Find the file of ENTRY, which may be the copy of this program, or nix.conf. */
static void find_file(struct finder *finder, const struct record_entry *entry)
{
	_cleanup_free_ char *nix_conf = path_join(finder->request->nix_dir, LAYOUT_NIX_CONF);
	const char *path = entry->subject;
	bool is_inside = record_is_about(entry, nix_conf);
	bool is_program = path_is_within(path, finder->request->home->bin);
	char hex[SHA256_HEX_LEN + 1];
	struct sha256 present;
	int r = sha256_of_file(AT_FDCWD, path, &present);

	if (r == -ENOENT || r == -ENOTDIR)
		return;
	if (r == 0)
		sha256_format(&present, hex);
	if (r == 0 && record_has(finder->request->record, RECORD_FILE, path, hex))
		removals_add(is_program ? &finder->out->last : &finder->out->removals, REMOVE_FILE,
			     is_inside ? NULL : path, is_inside ? LAYOUT_NIX_CONF : NULL, path);
	else
		finder_leave(finder, path,
			     is_program ? "another program than --install put there"
					: "edited since");
}

static void find_files(struct finder *finder)
{
	const struct record *record = finder->request->record;
	_cleanup_(strlist_clear) struct strlist seen = {0};

	for (size_t i = 0; record && i < record->count; i++) {
		const struct record_entry *entry = &record->entries[i];

		if (entry->kind != RECORD_FILE || strlist_has(&seen, entry->subject))
			continue;
		strlist_add(&seen, entry->subject);
		find_file(finder, entry);
	}
}

/* Is the installer's line with this DIGEST in the startup file PATH ours? */
static bool is_our_line(const struct finder *finder, const char *path, const struct sha256 *digest)
{
	const struct record *record = finder->request->record;
	char hex[SHA256_HEX_LEN + 1];

	if (!record)
		return !find_has_other_nix(finder);
	sha256_format(digest, hex);
	for (size_t i = 0; i < record->count; i++) {
		const struct record_entry *entry = &record->entries[i];

		if (entry->kind == RECORD_LINE && record_is_about(entry, path) &&
		    (!entry->value || strcmp(entry->value, hex) == 0))
			return true;
	}
	return false;
}

/* Find the channel that the script added to a list of the user's. */
static void find_channel_lines(struct finder *finder)
{
	const struct strlist *files = &finder->request->home->channels;

	for (size_t i = 0; finder->request->record && i < files->count; i++) {
		const char *path = files->items[i];
		_cleanup_free_ char *shown = NULL;
		struct sha256 digest;

		/* a list that did not exist before is removed as a whole */
		if (finder_is_new(finder, path) || startup_file_has_line(path, &digest) <= 0 ||
		    !is_our_line(finder, path, &digest))
			continue;
		shown = xasprintf("%s: the channel nixpkgs", path);
		removals_add(&finder->out->removals, REMOVE_LINE, path, NULL, shown);
	}
}

static void find_lines(struct finder *finder)
{
	const struct strlist *files = &finder->request->home->startup_files;
	for (size_t i = 0; i < files->count; i++) {
		const char *path = files->items[i];
		_cleanup_free_ char *shown = NULL;
		struct sha256 digest;

		if (startup_file_has_line(path, &digest) <= 0)
			continue;
		if (!is_our_line(finder, path, &digest)) {
			finder_leave(finder, path, "a line of a Nix installer that is not ours");
			continue;
		}
		shown = xasprintf("%s: the line of the Nix installer", path);
		removals_add(&finder->out->removals,
			     finder_is_new(finder, path) ? REMOVE_LINE_FILE : REMOVE_LINE, path,
			     NULL, shown);
	}
}

static void find_own_line(struct finder *finder, const char *path)
{
	_cleanup_free_ char *shown = NULL;
	char hex[SHA256_HEX_LEN + 1];
	struct sha256 digest;

	if (startup_file_has_own_line(path, &digest) <= 0)
		return;
	sha256_format(&digest, hex);
	if (!record_has(finder->request->record, RECORD_SOURCE, path, hex)) {
		finder_leave(finder, path, "our line, which was edited");
		return;
	}
	shown = xasprintf("%s: the line for PATH", path);
	removals_add(&finder->out->removals,
		     finder_is_new(finder, path) ? REMOVE_OWN_LINE_FILE : REMOVE_OWN_LINE, path,
		     NULL, shown);
}

static void find_own_lines(struct finder *finder)
{
	const struct record *record = finder->request->record;
	_cleanup_(strlist_clear) struct strlist seen = {0};

	for (size_t i = 0; record && i < record->count; i++) {
		const struct record_entry *entry = &record->entries[i];

		if (entry->kind != RECORD_SOURCE || strlist_has(&seen, entry->subject))
			continue;
		strlist_add(&seen, entry->subject);
		find_own_line(finder, entry->subject);
	}
}

void find_recorded(struct finder *finder)
{
	find_lines(finder);
	find_own_lines(finder);
	find_channel_lines(finder);
	find_links(finder);
	find_files(finder);
}
