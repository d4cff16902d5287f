/* From a release to the staging directory: what comes out, what is refused, and what stays then. */
#include "install/pipeline.h"
#include "install/bundled.h"
#include "fetch/url.h"
#include "store/layout.h"
#include "store/lock.h"
#include "ui/log.h"
#include "util/sha256_stream.h"

#include "../unpack/unpack_fixture.h"
#include "../broken_crypto.h"
#include "../child.h"
#include "../run/own_mounts.h"
#include "../swap.h"

#define NAME TOP ".tar.xz"
#define PART "nix/" LAYOUT_STATE "/" NAME ".part"

/* What the archive is like. */
struct wish {
	bool is_bad; /* it has an entry that is refused */
	bool has_other_hash;
	size_t more;	    /* bytes of zeros at its end */
	size_t nix_size;    /* of the file system of the Nix directory; 0: it is none of its own */
	uint64_t bundle;    /* bytes of a bundle that is to be read; 0: it is a file */
	bool is_unconfined; /* neither namespaces nor Landlock */
	bool is_missing;
	bool has_no_state;  /* the state directory is a file */
	bool is_read_only;  /* no directory can be made */
	bool has_no_pipes;  /* the limit of open files is reached */
	bool is_blind;	    /* statfs(2) fails */
	bool is_garbled;    /* what an earlier run has left are other bytes */
	enum broken broken; /* which function of libcrypto fails when the file is read again */
};

static const struct wish *wish;

static void make_archive(const struct scratch *scratch)
{
	_cleanup_close_ int fd = tar_new(scratch);
	struct stat st;

	tar_good(fd);
	if (wish->is_bad)
		tar_entry(fd, '0', "outside", "", "x", 0644);
	tar_end(fd);
	MUST(fstat(fd, &st) == 0 && ftruncate(fd, st.st_size + (off_t)wish->more) == 0);
}

static struct release make_release(const struct scratch *scratch, struct bundle *bundle)
{
	_cleanup_free_ char *path = path_join(scratch->dir, "archive.tar"), *data = NULL;
	struct release release = {
		.tarball_url = url_of_path(path),
		.tarball_shown = xstrdup("SHOWN"),
		.tarball_name = xstrdup(NAME),
		.sha256_source = xstrdup("SOURCE"),
		.wrong_next = "NEXT",
		.missing = {"MISSING", "LOOK"},
	};
	size_t len;

	MUST(fs_read_file(scratch->fd, "archive.tar", 1 << 20, &data, &len) == 0);
	MUST(sha256_of_bytes(data, wish->has_other_hash ? len - 1 : len, &release.sha256) == 0);
	if (wish->is_missing)
		MUST(unlinkat(scratch->fd, "archive.tar", 0) == 0);
	*bundle = (struct bundle){.size = wish->bundle};
	if (wish->bundle)
		release.bundle = bundle;
	return release;
}

/* In a child: run the pipeline, and return 0 if its result is in order, 1 after a failure. */
static int run(struct scratch *scratch)
{
	_cleanup_(lock_clear) struct lock lock = LOCK_NONE;
	_cleanup_(unpack_result_clear) struct unpack_result out = {0};
	_cleanup_free_ char *nix = path_join(scratch->dir, "nix"), *root = NULL;
	struct progress progress = {.style = PROGRESS_LIVE};
	struct download_options options;
	struct downloader *downloader;
	struct release release;
	struct bundle bundle;
	int r;

	if (wish->nix_size && own_mounts() < 0)
		return NO_FILTER;
	if (wish->nix_size) {
		/* what is below /tmp is covered now */
		nix = xstrdup("/tmp/scratch/nix");
		root = xasprintf("size=%zu", wish->nix_size);
		MUST(mkdir("/tmp/scratch", 0755) == 0 && mkdir(nix, 0755) == 0);
		MUST(mount("tmpfs", nix, "tmpfs", 0, root) == 0);
		scratch->dir = xstrdup("/tmp/scratch");
		scratch->fd = fs_open_dir(AT_FDCWD, scratch->dir);
	}
	make_archive(scratch);
	release = make_release(scratch, &bundle);
	download_options_init(&options);
	downloader = downloader_new(&options);
	MUST(downloader && lock_take(nix, &progress, &lock) == 0);
	if (wish->has_no_state) {
		MUST(fs_remove_tree(lock.nix_dir_fd, LAYOUT_STATE) == 0);
		MUST(fs_replace_file(lock.nix_dir_fd, LAYOUT_STATE, "", 0, 0644) == 0);
	}
	if (wish->is_garbled) {
		_cleanup_free_ char *garbage = xcalloc(1, wish->more);
		_cleanup_close_ int fd = -1;

		MUST(pipeline_run(&release, downloader, &lock, nix, &progress, &out) == 0);
		unpack_result_clear(&out);
		fd = openat(scratch->fd, PART, O_WRONLY | O_CLOEXEC);
		memset(garbage, 'x', wish->more);
		MUST(fs_write_all(fd, garbage, wish->more) == 0);
	}
	if (wish->has_no_pipes)
		refuse_call(SYS_pipe2, -1, EMFILE);
	if (wish->is_read_only)
		refuse_call(SYS_mkdirat, -1, EROFS);
	if (wish->is_blind)
		refuse_call(SYS_fstatfs, -1, ENOSYS);
	if (wish->is_unconfined) {
		refuse_namespaces();
		refuse_landlock();
	}
	broken_crypto.function = wish->broken;
	/* the first ones are those of the download */
	broken_crypto.nth = 2;
	r = pipeline_run(&release, downloader, &lock, nix, &progress, &out);
	downloader_free(downloader);
	/* a descriptor that was never opened is not closed */
	MUST(child_has_stdin());
	if (r == 0) {
		assert_file(lock.nix_dir_fd, LAYOUT_STAGING "/" PATH_A "/bin/tool", "tool");
		MUST(strcmp(out.top, TOP) == 0 && out.entries > 4 && out.bytes > 10);
		MUST(is_there(lock.nix_dir_fd, LAYOUT_STAGING "/" PATH_A "/bin/tool"));
		return is_there(scratch->fd, PART) ? 0 : 2;
	}
	MUST(!out.top && !progress.done);
	if (fs_exists(lock.nix_dir_fd, LAYOUT_STAGING)) {
		_cleanup_close_ int staging = fs_open_dir_below(lock.nix_dir_fd, LAYOUT_STAGING);

		MUST(staging >= 0 && count_children(staging) == 0);
	}
	/* a file that failed is not read again by the next run */
	return is_there(scratch->fd, PART) ? 3 : 1;
}

static void expect(const struct scratch *scratch, const struct wish *wanted, int status,
		   const char *words)
{
	_cleanup_free_ char *said = NULL;
	int r;

	wish = wanted;
	assert_int_equal(fs_remove_tree(scratch->fd, "nix"), 0);
	r = in_child(scratch, run, &said);
	if (r == NO_FILTER)
		return;
	if (r != status)
		fail_msg("status %d, and not %d: %s", r, status, said);
	assert_has(said, words);
	if (status == 0)
		return;
	assert_has_not(said, "unpacked:");
	/* there is one message */
	words = strstr(said, "nix-user-chroot: ");
	assert_non_null(words);
	assert_null(strstr(words + 1, "nix-user-chroot: "));
}

static void each_end(void **state)
{
	static const struct {
		struct wish wish;
		int status;
		const char *words;
	} cases[] = {
		{{0}, 0, NAME ": 4.1 kB, SHA-256 verified"},
		{{0}, 0, "unpacked: "},
		{{.is_bad = true}, 1, "outside"},
		{{.has_other_hash = true}, 1, "SHA-256 mismatch for SHOWN"},
		{{.is_bad = true, .has_other_hash = true}, 1, "SHA-256 mismatch for SHOWN"},
		{{.is_missing = true}, 1, "MISSING"},
		{{.has_no_state = true}, 1, "cannot remove "},
		{{.is_read_only = true}, 1, "cannot make the directory "},
		{{.has_no_pipes = true}, 1, "cannot start the unpacking: pipe: Too many open "},
		{{.is_unconfined = true}, 0, "unpacked: "},
		{{.is_unconfined = true, .is_bad = true}, 1, "outside"},
		{{.is_unconfined = true, .has_other_hash = true}, 1, "SHA-256 mismatch for SHOWN"},
		{{.is_unconfined = true, .is_bad = true, .has_other_hash = true},
		 1,
		 "SHA-256 mismatch for SHOWN"},
		{{.is_unconfined = true, .broken = BROKEN_NEW}, 3, "libcrypto offers no SHA-256"},
		{{.is_unconfined = true, .broken = BROKEN_UPDATE},
		 3,
		 "libcrypto cannot take a SHA-256"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		expect(*state, &cases[i].wish, cases[i].status, cases[i].words);
}

static int run_scratch(void *scratch)
{
	return run(scratch);
}

/* Other bytes for a file of the archive; its name, size and checksums stay. */
static void change_part(void *ctx)
{
	const struct scratch *scratch = ctx;
	_cleanup_close_ int fd = openat(scratch->fd, PART, O_RDWR | O_CLOEXEC);
	char text[4];

	/* a file begins with a block of its own, unlike a name */
	for (off_t at = 0; fd >= 0 && pread(fd, text, 4, at) == 4; at += 512)
		if (memcmp(text, "tool", 4) == 0)
			assert_int_equal(pwrite(fd, "TOOL", 4, at), 4);
}

/*
 * The file is changed after its digest was compared, and before a child that is not confined gets
 * it: whenever that is, the other bytes do not come out.
 */
static void a_file_that_changes_meanwhile(void **state)
{
	static const struct wish unconfined = {.is_unconfined = true};
	struct scratch *scratch = *state;
	bool was_noticed = false;

	wish = &unconfined;
	/* the first calls are those of the download */
	for (int i = 25; !was_noticed; i++) {
		int saved = stderr_begin(scratch), status, r;
		_cleanup_free_ char *said = NULL;
		const char *expected;

		r = swap_at(i, run_scratch, change_part, scratch, &status);
		said = stderr_end(scratch, saved);
		if (r < 0)
			skip();
		if (r == 0)
			fail_msg("%d calls, and it was never noticed", i);
		if (!WIFEXITED(status) || WEXITSTATUS(status) > 1)
			fail_msg("status %x: %s", (unsigned)status, said);
		assert_int_equal(fs_remove_tree(scratch->fd, "nix"), 0);
		was_noticed = WEXITSTATUS(status) == 1;
		if (!was_noticed)
			continue;
		assert_has(said, "cannot use " NAME ": it was changed after it had been verified\n"
				 "  expected ");
		expected = strstr(said, "  expected ") + strlen("  expected ");
		assert_int_equal(strspn(expected, "0123456789abcdef"), 64);
		assert_has(said, "\n  found    ");
	}
}

/* A sixteenth of a megabyte more than a pipe holds: the child has ended before all is written. */
static void what_an_earlier_run_has_left(void **state)
{
	static const struct wish again = {.more = 1 << 17},
				 garbled = {.more = 1 << 17, .is_garbled = true};

	expect(*state, &again, 0, "unpacked: ");
	expect(*state, &garbled, 0, "unpacked: ");
}

/*
 * A download takes its own size, and the contents three times as much. The lock takes 4 KiB of the
 * 40 KiB.
 */
static void room(void **state)
{
#define ROOM "not enough room in /tmp/scratch/nix: the tarball of "
	static const struct {
		struct wish wish;
		int status;
		const char *words;
	} cases[] = {
		{{.nix_size = 40960, .more = 9216 - 4096}, 0, "unpacked: "},
		{{.nix_size = 40960, .more = 9728 - 4096},
		 1,
		 ROOM "9.7 kB needs more than 38.9 kB there, and 36.9 kB are free"},
		{{.nix_size = 40960, .more = 8192 - 4096, .is_unconfined = true}, 0, "unpacked: "},
		{{.nix_size = 40960, .more = 9728 - 4096, .is_unconfined = true}, 3, ROOM},
		{{.nix_size = 40960, .bundle = 12288}, 1, "the program in it was changed"},
		{{.nix_size = 40960, .bundle = 12289}, 1, ROOM "12.3 kB"},
		{{.bundle = (uint64_t)1 << 60}, 1, "not enough room in "},
		/* it will be seen when there is none */
		{{.bundle = (uint64_t)1 << 60, .is_blind = true}, 1, "the program in it was"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		expect(*state, &cases[i].wish, cases[i].status, cases[i].words);
}

int main(void)
{
#define WITH_SCRATCH(f) cmocka_unit_test_setup_teardown(f, scratch_setup, scratch_teardown)
	const struct CMUnitTest tests[] = {
		WITH_SCRATCH(each_end),
		WITH_SCRATCH(a_file_that_changes_meanwhile),
		WITH_SCRATCH(what_an_earlier_run_has_left),
		WITH_SCRATCH(room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
