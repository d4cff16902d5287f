#include "install/notes.h"
#include "home/startup_files.h"
#include "install/profile_links.h"
#include "store/layout.h"
#include "util/cleanup.h"
#include "util/fs.h"
#include "util/sha256_stream.h"

#include <fcntl.h>
#include <string.h>

/* Print the failure R of writing the record, if it is one. 0, or -1 after the message. */
static int check(const struct site *site, int r)
{
	return r < 0 ? layout_error("write the record in", site->nix_dir, r) : 0;
}

static int note_all(struct record *record, enum record_kind kind, const struct strlist *paths)
{
	int r = 0;

	for (size_t i = paths->count; r == 0 && i-- > 0;)
		r = record_note(record, kind, paths->items[i], NULL);
	return r;
}

/*
 * Note a store of somebody else. An empty store does not count. An existing record, of an
 * interrupted or complete installation, has noted it already.
 */
static int note_store(const struct site *site, const struct lock *lock, struct record *record)
{
	_cleanup_free_ char *store = path_join(site->nix_dir, "store");

	if (record->count > 0 || record->is_complete || record->is_begun)
		return 0;
	return record_note(
		record, layout_has_store_paths(lock->nix_dir_fd) ? RECORD_FOREIGN : RECORD_ABSENT,
		store, NULL);
}

static int note_missing(const struct site *site, struct record *record)
{
	_cleanup_(strlist_clear) struct strlist absent = {0};
	_cleanup_free_ char *log = path_join(site->nix_dir, "var/log/nix");
	_cleanup_free_ char *above = path_parent(log);

	home_missing(&site->home, &absent);
	if (!fs_exists(AT_FDCWD, log))
		strlist_add(&absent, log);
	if (!fs_exists(AT_FDCWD, above))
		strlist_add(&absent, above);
	return note_all(record, RECORD_ABSENT, &absent);
}

/* Does RECORD have a line of the startup file PATH, with any digest? */
static bool has_line(const struct record *record, const char *path)
{
	for (size_t i = 0; i < record->count; i++)
		if (record->entries[i].kind == RECORD_LINE &&
		    strcmp(record->entries[i].subject, path) == 0)
			return true;
	return false;
}

static int note_lines(const struct strlist *files, struct record *record)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < files->count; i++)
		if (startup_file_has_line(files->items[i], NULL) == 0 &&
		    !has_line(record, files->items[i]))
			r = record_note(record, RECORD_LINE, files->items[i], NULL);
	return r;
}

int notes_runtime(const struct site *site, struct record *record)
{
	const char *name = runtime_name(site->runtime);

	for (size_t i = record->count; i-- > 0;)
		if (record->entries[i].kind == RECORD_RUNTIME &&
		    strcmp(record->entries[i].subject, name) != 0)
			record_forget_entry(record, i);
	return site->runtime == RUNTIME_AUTO ? 0 : record_note(record, RECORD_RUNTIME, name, NULL);
}

int notes_begin(const struct site *site, const struct lock *lock, struct record *out)
{
	_cleanup_(strlist_clear) struct strlist dirs = {0};
	int r = record_open(lock->nix_dir_fd, out);

	if (r == 0)
		r = note_store(site, lock, out);
	for (size_t i = 0; r == 0 && i < lock->made.count; i++)
		r = record_note(out, RECORD_DIR, lock->made.items[i], NULL);
	layout_missing(site->nix_dir, &dirs);
	if (r == 0)
		r = note_all(out, RECORD_DIR, &dirs);
	if (r == 0)
		r = notes_runtime(site, out);
	return check(site, r);
}

int notes_home(const struct site *site, int nix_dir_fd, struct record *record)
{
	int r = note_missing(site, record);

	if (r == 0)
		r = note_lines(&site->home.startup_files, record);
	if (r == 0)
		r = note_lines(&site->home.channels, record);
	if (r == 0)
		r = profile_links_note(site, nix_dir_fd, record);
	return check(site, r);
}

static int note_copy(const struct self_plan *plan, struct record *record)
{
	char hex[SHA256_HEX_LEN + 1];
	struct sha256 digest;
	int r = self_digest(&digest);

	if (r < 0)
		return r;
	sha256_format(&digest, hex);
	return record_note(record, RECORD_FILE, plan->program, hex);
}

static int note_bytes(enum record_kind kind, const char *path, const void *data, size_t len,
		      struct record *record)
{
	char hex[SHA256_HEX_LEN + 1];
	struct sha256 digest;
	int r = sha256_of_bytes(data, len, &digest);

	if (r < 0)
		return r;
	sha256_format(&digest, hex);
	return record_note(record, kind, path, hex);
}

static int note_text(enum record_kind kind, const char *path, const char *text,
		     struct record *record)
{
	return note_bytes(kind, path, text, strlen(text), record);
}

int notes_documents(const struct documents *documents, struct record *record)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < DOCUMENT_COUNT; i++) {
		const struct document *document = &documents->items[i];
		_cleanup_(strlist_clear) struct strlist absent = {0};
		_cleanup_free_ char *above = NULL;

		if (document->action != DOCUMENT_MAKE)
			continue;
		above = path_parent(document->path);
		home_add_missing(&absent, above);
		r = note_all(record, RECORD_ABSENT, &absent);
		if (r == 0)
			r = note_bytes(RECORD_FILE, document->path, document->data, document->len,
				       record);
	}
	return r;
}

int notes_self(const struct site *site, const struct self_plan *plan, struct record *record)
{
	int r = plan->copy == COPY_MAKE ? note_copy(plan, record) : 0;

	for (size_t i = 0; r == 0 && i < SHIM_COUNT; i++) {
		_cleanup_free_ char *path = path_join(plan->bin, shim_names[i]);

		if (self_has_shim(plan, i))
			r = record_note(record, RECORD_LINK, path, plan->program);
	}
	if (r == 0 && plan->copy != COPY_LEAVE)
		r = notes_documents(&plan->documents, record);
	return check(site, r);
}

static int note_path_file(const struct path_file *file, struct record *record)
{
	_cleanup_(strlist_clear) struct strlist absent = {0};
	_cleanup_free_ char *above = file->path ? path_parent(file->path) : NULL;
	int r;

	if (!file->path || file->stays)
		return 0;
	home_add_missing(&absent, above);
	r = note_all(record, RECORD_ABSENT, &absent);
	return r < 0 ? r : note_text(RECORD_FILE, file->path, file->text, record);
}

int notes_path(const struct site *site, const struct path_plan *plan, struct record *record)
{
	_cleanup_(strlist_clear) struct strlist absent = {0};
	int r;

	for (size_t i = 0; i < plan->files.count; i++)
		home_add_missing(&absent, plan->files.items[i]);
	r = note_all(record, RECORD_ABSENT, &absent);
	if (r == 0)
		r = note_path_file(&plan->sh, record);
	if (r == 0)
		r = note_path_file(&plan->fish, record);
	for (size_t i = 0; r == 0 && i < plan->files.count; i++)
		r = note_text(RECORD_SOURCE, plan->files.items[i], plan->line, record);
	return check(site, r);
}

void notes_of_copies(const struct record *record, const char *path, struct strlist *out)
{
	for (size_t i = 0; i < record->count; i++)
		if (record->entries[i].kind == RECORD_FILE &&
		    strcmp(record->entries[i].subject, path) == 0)
			strlist_add(out, record->entries[i].value);
}

static int settle_line(const char *path, struct record *record)
{
	char hex[SHA256_HEX_LEN + 1];
	struct sha256 digest;
	int r = 0;

	if (!record_has(record, RECORD_LINE, path, NULL))
		return 0;
	record_forget(record, RECORD_LINE, path, NULL);
	if (startup_file_has_line(path, &digest) > 0) {
		sha256_format(&digest, hex);
		r = record_note(record, RECORD_LINE, path, hex);
	}
	return r;
}

static int settle_lines(const struct strlist *files, struct record *record)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < files->count; i++)
		r = settle_line(files->items[i], record);
	return r;
}

/* Does the file of ENTRY have other contents, which another entry describes? */
static bool is_outdated(const struct record *record, const struct record_entry *entry)
{
	char hex[SHA256_HEX_LEN + 1];
	struct sha256 digest;

	if (sha256_of_file(AT_FDCWD, entry->subject, &digest) < 0)
		return false;
	sha256_format(&digest, hex);
	return strcmp(hex, entry->value) != 0 &&
	       record_has(record, RECORD_FILE, entry->subject, hex);
}

int notes_settle(const struct site *site, struct record *record)
{
	int r = settle_lines(&site->home.startup_files, record);

	if (r == 0)
		r = settle_lines(&site->home.channels, record);
	for (size_t i = record->count; r == 0 && i-- > 0;) {
		const struct record_entry *entry = &record->entries[i];
		bool is_of_nix = path_is_within(entry->subject, site->nix_dir);

		if (entry->kind == RECORD_ABSENT
			    ? !is_of_nix && !fs_exists(AT_FDCWD, entry->subject) &&
				      !home_is_made_later(&site->home, entry->subject)
		    : entry->kind == RECORD_FILE ? is_outdated(record, entry)
						 : false)
			record_forget_entry(record, i);
	}
	return check(site, r);
}
