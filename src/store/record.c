#include "store/record.h"
#include "store/layout.h"
#include "util/cleanup.h"
#include "util/fs.h"
#include "util/runtime.h"
#include "util/store_name.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define FORMAT_LINE "nix-user-chroot-record 1"
/* a record has some ten kilobytes: 60 store paths and 40 other paths of 100 bytes */
#define RECORD_MAX (1 << 20)

enum { MAX_FIELDS = 4 };

/* The word of each kind, how many fields it needs, and how many it may have. */
static const struct {
	const char *word;
	size_t least, most;
} kinds[RECORD_KINDS] = {
	[RECORD_DIR] = {"dir", 1, 1},	      [RECORD_ABSENT] = {"absent", 1, 1},
	[RECORD_FOREIGN] = {"foreign", 1, 1}, [RECORD_LINK] = {"link", 2, 2},
	[RECORD_FILE] = {"file", 2, 2},	      [RECORD_LINE] = {"line", 1, 2},
	[RECORD_STORE] = {"store", 1, 2},     [RECORD_RUNTIME] = {"runtime", 1, 1},
	[RECORD_WAS] = {"was", 2, 2},	      [RECORD_SOURCE] = {"source", 2, 2},
};

static void print_encoded(FILE *f, const char *text)
{
	/* no field may be empty */
	fputs(*text ? " " : " %00", f);
	for (; *text; text++)
		fprintf(f,
			(unsigned char)*text <= ' ' || *text == '%' || *text == 0x7f ? "%%%02X"
										     : "%c",
			(unsigned char)*text);
}

/* Decode TEXT in place; false if it is not an encoded field. "%00" is the empty field. */
static bool decode(char *text)
{
	char *to = text;

	if (strcmp(text, "%00") == 0) {
		*text = '\0';
		return true;
	}
	for (; *text; text++) {
		unsigned byte = (unsigned char)*text;

		if (byte <= ' ' || byte == 0x7f)
			return false;
		if (byte == '%') {
			if (!isxdigit((unsigned char)text[1]) || !isxdigit((unsigned char)text[2]))
				return false;
			(void)sscanf(text + 1, "%2x", &byte);
			text += 2;
		}
		if (byte == 0)
			return false;
		*to++ = (char)byte;
	}
	*to = '\0';
	return true;
}

static void print_entry(FILE *f, const struct record_entry *entry)
{
	fputs(kinds[entry->kind].word, f);
	print_encoded(f, entry->subject);
	if (entry->value)
		print_encoded(f, entry->value);
	fputc('\n', f);
}

static void entry_clear(struct record_entry *entry)
{
	free(entry->subject);
	free(entry->value);
}

static bool is_same(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

bool record_has(const struct record *record, enum record_kind kind, const char *subject,
		const char *value)
{
	for (size_t i = 0; i < record->count; i++)
		if (record->entries[i].kind == kind && is_same(record->entries[i].value, value) &&
		    strcmp(record->entries[i].subject, subject) == 0)
			return true;
	return false;
}

static void put(struct record *record, enum record_kind kind, const char *subject,
		const char *value)
{
	if (record_has(record, kind, subject, value))
		return;
	record->entries =
		xreallocarray(record->entries, record->count + 1, sizeof(*record->entries));
	record->entries[record->count++] = (struct record_entry){
		.kind = kind, .subject = xstrdup(subject), .value = xstrdup(value)};
}

void record_forget_entry(struct record *record, size_t i)
{
	struct record_entry *entry = &record->entries[i];

	entry_clear(entry);
	memmove(entry, entry + 1, (--record->count - i) * sizeof(*entry));
}

void record_forget(struct record *record, enum record_kind kind, const char *subject,
		   const char *value)
{
	for (size_t i = record->count; i-- > 0;)
		if (record->entries[i].kind == kind &&
		    strcmp(record->entries[i].subject, subject) == 0 &&
		    is_same(record->entries[i].value, value))
			record_forget_entry(record, i);
}

static bool is_digest(const char *text)
{
	struct sha256 digest;

	return sha256_parse(text, strlen(text), &digest) == 0;
}

static bool is_subject(enum record_kind kind, const char *text)
{
	enum runtime runtime;

	return kind == RECORD_STORE	? store_name_valid(text)
	       : kind == RECORD_RUNTIME ? runtime_parse(text, &runtime) == 0
					: *text == '/';
}

static int take_entry(struct record *record, enum record_kind kind, char *const *fields,
		      size_t count)
{
	bool has_digest = kind == RECORD_FILE || kind == RECORD_LINE || kind == RECORD_STORE ||
			  kind == RECORD_SOURCE;

	if (count < kinds[kind].least || count > kinds[kind].most ||
	    (has_digest && count > 1 && !is_digest(fields[1])) || !is_subject(kind, fields[0]))
		return -EBADMSG;
	put(record, kind, fields[0], count > 1 ? fields[1] : NULL);
	return 0;
}

static void release_clear(struct record_release *release)
{
	free(release->version);
	free(release->system);
	free(release->source);
	*release = (struct record_release){0};
}

static char *copy_unless_empty(const char *text)
{
	return *text ? xstrdup(text) : NULL;
}

/* Parse the fields VERSION SYSTEM SHA256 SOURCE. */
static int take_complete(struct record *record, char *const *fields, size_t count)
{
	struct sha256 digest;

	if (count != 4 || sha256_parse(fields[2], strlen(fields[2]), &digest) < 0)
		return -EBADMSG;
	release_clear(&record->release);
	record->release = (struct record_release){
		.version = copy_unless_empty(fields[0]),
		.system = copy_unless_empty(fields[1]),
		.source = copy_unless_empty(fields[3]),
		.sha256 = digest,
	};
	record->is_complete = true;
	record->is_begun = false;
	return 0;
}

static int take_line(struct record *record, char *line)
{
	char *fields[MAX_FIELDS], *word = strsep(&line, " ");
	size_t count = 0;

	for (; line; count++) {
		if (count == MAX_FIELDS)
			return -EBADMSG;
		fields[count] = strsep(&line, " ");
		if (!*fields[count] || !decode(fields[count]))
			return -EBADMSG;
	}
	for (size_t kind = 0; kind < RECORD_KINDS; kind++)
		if (strcmp(word, kinds[kind].word) == 0)
			return take_entry(record, (enum record_kind)kind, fields, count);
	if (strcmp(word, "complete") == 0)
		return take_complete(record, fields, count);
	if (strcmp(word, "begun") != 0 || count > 0)
		return -EBADMSG;
	record->is_begun = true;
	record->is_complete = false;
	return 0;
}

int record_parse(const char *text, size_t len, struct record *out)
{
	_cleanup_(record_clear) struct record record = RECORD_NONE;
	_cleanup_free_ char *copy = xstrndup(text, len);
	bool first = true;

	*out = (struct record)RECORD_NONE;
	if (len == 0 || memchr(text, '\0', len) || text[len - 1] != '\n')
		return -EBADMSG;
	for (char *line = copy, *end; *line; line = end + 1) {
		end = strchr(line, '\n');
		*end = '\0';
		if (first ? strcmp(line, FORMAT_LINE) != 0 : take_line(&record, line) < 0)
			return -EBADMSG;
		first = false;
	}
	*out = record;
	record = (struct record)RECORD_NONE;
	return 0;
}

char *record_format(const struct record *record)
{
	const struct record_release *release = &record->release;
	char hex[SHA256_HEX_LEN + 1], *text = NULL;
	size_t len;
	FILE *f = xopen_memstream(&text, &len);

	fputs(FORMAT_LINE "\n", f);
	for (size_t i = 0; i < record->count; i++)
		print_entry(f, &record->entries[i]);
	if (record->is_begun)
		fputs("begun\n", f);
	if (record->is_complete) {
		sha256_format(&release->sha256, hex);
		fputs("complete", f);
		print_encoded(f, release->version ? release->version : "");
		print_encoded(f, release->system ? release->system : "");
		print_encoded(f, hex);
		print_encoded(f, release->source ? release->source : "");
		fputc('\n', f);
	}
	fclose(f);
	return text;
}

int record_read(int nix_dir_fd, struct record *out)
{
	_cleanup_close_ int fd = fs_open_below(nix_dir_fd, LAYOUT_RECORD, O_RDONLY, 0);
	_cleanup_free_ char *text = NULL;
	struct stat st;
	size_t len;
	int r;

	*out = (struct record)RECORD_NONE;
	if (fd < 0)
		return fd;
	r = fstat(fd, &st) < 0 ? -errno : fs_read_fd(fd, RECORD_MAX, &text, &len);
	if (r < 0)
		return r == -EFBIG ? -EBADMSG : r;
	r = record_parse(text, len, out);
	out->owner = st.st_uid;
	return r;
}

int record_write(const struct record *record, int nix_dir_fd)
{
	_cleanup_free_ char *text = record_format(record);

	return fs_replace_file(nix_dir_fd, LAYOUT_RECORD, text, strlen(text), 0644);
}

int record_open(int nix_dir_fd, struct record *out)
{
	int r = record_read(nix_dir_fd, out);

	if (r == -ENOENT || r == -EBADMSG)
		r = record_write(out, nix_dir_fd);
	if (r < 0)
		return r;
	out->fd = fs_open_below(nix_dir_fd, LAYOUT_RECORD, O_WRONLY | O_APPEND, 0);
	return out->fd < 0 ? out->fd : 0;
}

int record_note(struct record *record, enum record_kind kind, const char *subject,
		const char *value)
{
	_cleanup_free_ char *text = NULL;
	size_t len;
	FILE *f;

	if (record_has(record, kind, subject, value))
		return 0;
	put(record, kind, subject, value);
	f = xopen_memstream(&text, &len);
	print_entry(f, &record->entries[record->count - 1]);
	fclose(f);
	return fs_write_all(record->fd, text, len);
}

int record_begin(struct record *record)
{
	static const char line[] = "begun\n";
	int r = record->is_begun ? 0 : fs_write_all(record->fd, line, sizeof(line) - 1);

	record->is_begun = true;
	record->is_complete = false;
	if (r == 0 && fsync(record->fd) < 0)
		r = -errno;
	return r;
}

int record_complete(struct record *record, int nix_dir_fd, const struct record_release *release,
		    const struct strlist *names)
{
	for (size_t i = record->count; i-- > 0;) {
		const struct record_entry *entry = &record->entries[i];

		if (entry->kind == RECORD_STORE &&
		    (!strlist_has(names, entry->subject) ||
		     record_store_path(record, entry->subject) != entry))
			record_forget_entry(record, i);
	}
	release_clear(&record->release);
	record->release = (struct record_release){
		.version = xstrdup(release->version),
		.system = xstrdup(release->system),
		.source = xstrdup(release->source),
		.sha256 = release->sha256,
	};
	record->is_begun = false;
	record->is_complete = true;
	return record_write(record, nix_dir_fd);
}

const struct record_entry *record_store_path(const struct record *record, const char *name)
{
	for (size_t i = record->count; i-- > 0;)
		if (record->entries[i].kind == RECORD_STORE &&
		    strcmp(record->entries[i].subject, name) == 0)
			return &record->entries[i];
	return NULL;
}

bool record_is_about(const struct record_entry *entry, const char *path)
{
	_cleanup_free_ char *one = xstrdup(path), *other = xstrdup(entry->subject);

	/*
	 * while both paths have the same last component, remove it, and compare the directories
	 * above
	 */
	while (one[0] && other[0] && strcmp(one, other) != 0) {
		char *slash = strrchr(one, '/'), *other_slash = strrchr(other, '/');

		if (!slash || !other_slash || strcmp(slash, other_slash) != 0)
			return false;
		*slash = *other_slash = '\0';
		if (fs_same_file(one, other))
			return true;
	}
	return strcmp(one, other) == 0;
}

bool record_says_new(const struct record *record, const char *path)
{
	for (size_t i = 0; i < record->count; i++) {
		const struct record_entry *entry = &record->entries[i];

		if ((entry->kind == RECORD_DIR || entry->kind == RECORD_ABSENT ||
		     entry->kind == RECORD_FILE) &&
		    record_is_about(entry, path))
			return true;
	}
	return false;
}

bool record_is_adopted(const struct record *record)
{
	for (size_t i = 0; i < record->count; i++)
		if (record->entries[i].kind == RECORD_FOREIGN)
			return true;
	return false;
}

void record_remove(int nix_dir_fd)
{
	fs_unlink_below(nix_dir_fd, LAYOUT_RECORD);
}

void record_clear(struct record *record)
{
	for (size_t i = 0; i < record->count; i++)
		entry_clear(&record->entries[i]);
	free(record->entries);
	release_clear(&record->release);
	cleanup_close(&record->fd);
	*record = (struct record)RECORD_NONE;
}
