/*
 * Archives as wholes: how they may be compressed, what decompressing them may take, how much they
 * may hold, and what is reported meanwhile. The real child unpacks them.
 */
#include "unpack_fixture.h"

#include "unpack/extraction.h"
#include "unpack/unpack.h"

#include <archive.h>
#include <archive_entry.h>

struct progress_calls {
	uint64_t last, smallest_step;
};

static struct unpack_request request_for(int staging_fd)
{
	return (struct unpack_request){
		.archive_name = "ARCHIVE",
		.staging_fd = staging_fd,
		.staging_path = "STAGING",
		.lock_fd = -1,
	};
}

/* Unpacks ARCHIVE, within LIMIT bytes (0: the usual one). It SAYS why it fails; NULL: it succeeds.
 */
static void assert_unpacks(struct scratch *scratch, int archive, uint64_t limit, const char *says)
{
	_cleanup_close_ int staging = make_dir(scratch, "staging");
	struct unpack_request request = request_for(staging);
	_cleanup_free_ char *said = NULL;
	struct unpack_result result;
	int saved, r;

	request.limits.bytes = limit;
	lseek(archive, 0, SEEK_SET);
	saved = stderr_begin(scratch);
	r = unpack_archive(&request, archive, NULL, &result);
	said = stderr_end(scratch, saved);
	assert_says(said, says ? says : "");
	assert_int_equal(r, says ? -1 : 0);
	assert_int_equal(result.refused, says != NULL);
	unpack_result_clear(&result);
	if (!says)
		assert_int_equal(fs_remove_tree(staging, TOP), 0);
	assert_int_equal(count_children(staging), 0);
}

/* Copies the file FROM to the empty file TO through FILTERS. Returns false if one is not there. */
static bool compress(int from, int to, const char *const *filters)
{
	struct archive *out = archive_write_new();
	struct archive_entry *entry = archive_entry_new();
	char data[65536];
	ssize_t len = pread(from, data, sizeof(data), 0);
	bool is_there = true;

	for (; *filters && is_there; filters++)
		is_there = archive_write_add_filter_by_name(out, *filters) == ARCHIVE_OK;
	archive_write_set_format_raw(out);
	archive_write_set_bytes_in_last_block(out, 1);
	archive_entry_set_filetype(entry, AE_IFREG);
	archive_entry_set_size(entry, len);
	if (is_there) {
		assert_int_equal(archive_write_open_fd(out, to), ARCHIVE_OK);
		assert_int_equal(archive_write_header(out, entry), ARCHIVE_OK);
		assert_int_equal(archive_write_data(out, data, (size_t)len), len);
		assert_int_equal(archive_write_close(out), ARCHIVE_OK);
	}
	archive_entry_free(entry);
	archive_write_free(out);
	return is_there;
}

static void test_compressions(void **state)
{
	static const struct {
		const char *filters[3];
		const char *says;
	} cases[] = {
		{{"xz"}, NULL},
		{{"gzip"}, NULL},
		{{"zstd"}, NULL},
		{{"bzip2"}, NULL},
		{{"gzip", "xz"}, ": it is compressed more than once\n"},
		{{"xz", "gzip"}, ": it is compressed more than once\n"},
		{{"compress"}, ": not a tarball (tar, compressed with xz, gzip, zstd, bzip2 or "},
	};
	struct scratch *scratch = *state;
	_cleanup_close_ int plain = tar_new(scratch);

	tar_good(plain);
	tar_end(plain);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]) && archive_bzlib_version(); i++) {
		_cleanup_close_ int archive =
			openat(scratch->fd, "archive", O_RDWR | O_CREAT | O_TRUNC, 0600);
		struct stat st;

		if (!compress(plain, archive, cases[i].filters))
			continue;
		assert_unpacks(scratch, archive, 0, cases[i].says);
		if (cases[i].says)
			continue;
		assert_int_equal(fstat(archive, &st), 0);
		assert_int_equal(write(archive, "more", 4), 4);
		assert_unpacks(scratch, archive, 0, "cannot unpack ARCHIVE into STAGING: ");
		/* the last bytes are the checksum's */
		assert_int_equal(ftruncate(archive, st.st_size - 1), 0);
		assert_unpacks(scratch, archive, 0, "cannot unpack ARCHIVE into STAGING: ");
	}
}

/* The head says it; the rest is no archive, which is what the others are refused for. */
static void test_dictionaries(void **state)
{
#define XZ(dictionary) \
	"\xfd"         \
	"7zXZ\0\0\4\xe6\xd6\xb4\x46\2\0\x21\1" dictionary "\0\0\0\0\0\0\0\0\0\0\0"
	static const struct {
		const char *head, *says;
	} cases[] = {
		{XZ("\x1c"), ": its compressed data is damaged or cut short: "},
		{XZ("\x1d"), ": decompressing it takes a dictionary of 101 MB, and at most "
			     "67.1 MB (64 MiB) is allowed\n"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		_cleanup_close_ int archive = tar_new(*state);

		assert_int_equal(write(archive, cases[i].head, sizeof(XZ("1")) - 1),
				 sizeof(XZ("1")) - 1);
		assert_unpacks(*state, archive, 0, cases[i].says);
	}
}

/* Also what is no entry's contents counts: an archive of zeros would go on for ever. */
static void test_bytes_of_all(void **state)
{
	_cleanup_close_ int archive = tar_new(*state);
	off_t size;

	tar_good(archive);
	tar_end(archive);
	tar_end(archive);
	size = lseek(archive, 0, SEEK_CUR);
	assert_unpacks(*state, archive, (uint64_t)size, NULL);
	assert_unpacks(*state, archive, (uint64_t)size - 1, ": it holds more than ");
}

static int note_step(void *ctx, uint64_t bytes)
{
	struct progress_calls *calls = ctx;

	if (bytes > calls->last && bytes - calls->last < calls->smallest_step)
		calls->smallest_step = bytes - calls->last;
	calls->last = bytes;
	return 0;
}

static void tar_large(int archive)
{
	_cleanup_free_ char *large = xcalloc((1 << 20) + 1, 1);

	memset(large, 'l', 1 << 20);
	tar_good(archive);
	tar_entry(archive, '0', PATH_A "/large", "", large, 0644);
}

/* Four reports for each MiB: each costs two processes some time. */
static void test_progress_steps(void **state)
{
	struct scratch *scratch = *state;
	_cleanup_close_ int archive = tar_new(scratch), staging = make_dir(scratch, "staging");
	struct progress_calls calls = {.smallest_step = UINT64_MAX};
	struct unpack_request request = request_for(staging);
	struct unpack_result result;

	tar_large(archive);
	tar_end(archive);
	lseek(archive, 0, SEEK_SET);
	request.progress = note_step;
	request.ctx = &calls;
	assert_int_equal(unpack_archive(&request, archive, NULL, &result), 0);
	unpack_result_clear(&result);
	assert_true(calls.smallest_step >= 1 << 18 && calls.smallest_step < UINT64_MAX);
}

/* A restart begins to count anew. */
static void test_progress_restarts(void **state)
{
	struct scratch *scratch = *state;
	_cleanup_close_ int archive = tar_new(scratch), staging = make_dir(scratch, "staging");
	_cleanup_free_ char *data = NULL;
	struct progress_calls calls = {.smallest_step = UINT64_MAX};
	struct unpack_request request = request_for(staging);
	struct unpack *unpack;
	size_t len;

	tar_large(archive);
	request.progress = note_step;
	request.ctx = &calls;
	unpack = unpack_begin(&request);
	assert_non_null(unpack);
	assert_int_equal(fs_read_file(scratch->fd, "archive.tar", 2 << 20, &data, &len), 0);
	assert_int_equal(unpack_write(unpack, data, len), 0);
	assert_true(calls.last > 0);
	assert_int_equal(unpack_restart(unpack), 0);
	assert_int_equal(unpack_write(unpack, data, 1), 0);
	assert_int_equal(calls.last, 0);
	unpack_abort(unpack);
}

/* Where no file gets its time: the archive is unpacked all the same. */
static int unpack_without_times(struct scratch *scratch)
{
	int archive = tar_new(scratch), staging = make_dir(scratch, "staging");
	struct unpack_request request = request_for(staging);
	struct unpack_result result;

	tar_good(archive);
	tar_entry(archive, '5', PATH_A "/d", "", NULL, 0755);
	tar_end(archive);
	lseek(archive, 0, SEEK_SET);
	refuse_call(SYS_utimensat, -1, EPERM);
	MUST(unpack_archive(&request, archive, NULL, &result) == 0);
	MUST(status_of(staging, PATH_A "/bin/tool").st_mtime != 1);
	return 0;
}

static void test_no_times(void **state)
{
	int r = in_child(*state, unpack_without_times, NULL);

	if (r == NO_FILTER)
		skip();
	assert_int_equal(r, 0);
}

/* The words are the system's if it gave an error, and else libarchive's. */
static void test_write_failed(void **state)
{
	static const struct {
		int err;
		const char *text, *says; /* NULL: as strerror(3) */
		enum extract_advice advice;
	} cases[] = {
		{ENOSPC, "text", NULL, EXTRACT_ADVICE_SPACE},
		{EPERM, "text", NULL, EXTRACT_ADVICE_DISK},
		{EPERM, NULL, NULL, EXTRACT_ADVICE_DISK},
		{0, "text", "text", EXTRACT_ADVICE_DISK},
		{-1, "text", "text", EXTRACT_ADVICE_DISK},
		{-1, NULL, "?", EXTRACT_ADVICE_DISK},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		_cleanup_free_ struct extraction *x = xcalloc(1, sizeof(*x));
		_cleanup_free_ char *words =
			xasprintf("entry \"a\": cannot write it: %s",
				  cases[i].says ? cases[i].says : strerror(cases[i].err));

		assert_int_equal(extraction_write_failed(x, "a", cases[i].err, cases[i].text), -1);
		assert_string_equal(x->report.text, words);
		assert_int_equal(x->report.advice, cases[i].advice);
	}
}

int main(void)
{
#define WITH_SCRATCH(test) cmocka_unit_test_setup_teardown(test, scratch_setup, scratch_teardown)
	const struct CMUnitTest tests[] = {
		WITH_SCRATCH(test_compressions),      WITH_SCRATCH(test_dictionaries),
		WITH_SCRATCH(test_bytes_of_all),      WITH_SCRATCH(test_progress_steps),
		WITH_SCRATCH(test_progress_restarts), WITH_SCRATCH(test_no_times),
		cmocka_unit_test(test_write_failed),
	};

	return cmocka_run_group_tests_name("extract", tests, NULL, NULL);
}
