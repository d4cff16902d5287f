/* The tarball in the running program's own file; here, the second part of this test's. */
#include "install/bundled.h"
#include "util/cleanup.h"
#include "util/fs.h"
#include "util/sha256_stream.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "../broken_crypto.h"
#include "../capture.h"
#include "util/str.h"

/* What comes through the sink: how much of it, and its digest. */
struct seen {
	uint64_t size;
	struct sha256_stream *digest;
	bool fails;
};

static int take(void *context, const void *data, size_t len)
{
	struct seen *seen = context;

	seen->size += len;
	assert_int_equal(sha256_stream_update(seen->digest, data, len), 0);
	return seen->fails ? -1 : 0;
}

/* A bundle of this file, whose program has the first PROGRAM bytes. */
static void describe(uint64_t program, struct bundle *out)
{
	_cleanup_close_ int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	struct stat st;

	assert_int_equal(fstat(fd, &st), 0);
	*out = (struct bundle){.program_size = program, .size = (uint64_t)st.st_size - program};
	assert_int_equal(sha256_of_part(fd, 0, program, &out->program_sha256), 0);
	assert_int_equal(sha256_of_part(fd, program, out->size, &out->sha256), 0);
}

static void the_tarball(void **state)
{
	_cleanup_(sha256_stream_freep) struct sha256_stream *digest = NULL;
	_cleanup_(download_file_close) struct download_file file = DOWNLOAD_FILE_NONE;
	struct seen seen = {0};
	const struct sink sink = {.write = take, .ctx = &seen};
	struct sha256 found;
	struct bundle bundle;

	(void)state;
	assert_int_equal(sha256_stream_new(&digest), 0);
	seen.digest = digest;
	describe(1000, &bundle);
	assert_int_equal(bundled_check(&bundle), 0);
	assert_int_equal(bundled_read(&bundle, &sink, &file), 0);
	assert_true(sha256_equal(&file.digest, &bundle.sha256));
	assert_true(file.size == bundle.size);
	assert_true(file.trusted);
	assert_int_equal(lseek(file.fd, 0, SEEK_CUR), 1000);
	assert_true(seen.size == bundle.size);
	assert_int_equal(sha256_stream_digest(digest, &found), 0);
	assert_true(sha256_equal(&found, &bundle.sha256));
	assert_int_equal(fcntl(file.fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
	download_file_close(&file);
	/* nobody wants the bytes; not up to the end, as in a real bundle */
	bundle.size -= 300;
	assert_int_equal(bundled_read(&bundle, NULL, &file), 0);
	assert_false(sha256_equal(&file.digest, &bundle.sha256));
	download_file_close(&file);
	/* a read of one byte is no end */
	bundle.size = 1;
	assert_int_equal(bundled_read(&bundle, NULL, &file), 0);
	assert_true(file.size == 1);
}

static void fails(const struct bundle *bundle, const struct sink *sink, const char *message)
{
	struct download_file file = DOWNLOAD_FILE_NONE;
	_cleanup_free_ char *said = NULL, *self = fs_self_path();
	struct capture capture;

	capture_begin(&capture);
	/* of an earlier call, which was interrupted: of no meaning for this one */
	errno = EINTR;
	assert_int_equal(bundled_read(bundle, sink, &file), -1);
	said = capture_end(&capture);
	assert_int_equal(file.fd, -1);
	if (*message ? !strstr(said, message) || !strstr(said, self) : *said)
		fail_msg("said %s", said);
}

static void what_is_wrong(void **state)
{
	_cleanup_(sha256_stream_freep) struct sha256_stream *digest = NULL;
	struct seen seen = {.fails = true};
	const struct sink sink = {.write = take, .ctx = &seen};
	struct bundle bundle, changed;

	(void)state;
	assert_int_equal(sha256_stream_new(&digest), 0);
	seen.digest = digest;
	describe(1000, &bundle);
	/* the sink says itself why it wants no more */
	fails(&bundle, &sink, "");
	assert_true(seen.size > 0 && seen.size <= 1 << 17);
	changed = bundle;
	changed.program_sha256.byte[0] ^= 1;
	seen.size = 0;
	fails(&changed, &sink, "cannot be used as a bundle: the program in it was changed\n");
	assert_true(seen.size == 0);
	changed = bundle;
	changed.size++;
	fails(&changed, NULL, ": Input/output error\n  run it again\n");
	changed = bundle;
	changed.program_size += bundle.size + 1;
	fails(&changed, NULL, "cannot read ");
	changed.program_size = (uint64_t)1 << 63;
	fails(&changed, NULL, ": Invalid argument\n  run it again\n");
}

static void a_broken_libcrypto(void **state)
{
	struct download_file file = DOWNLOAD_FILE_NONE;
	_cleanup_free_ char *said = NULL;
	struct capture capture;
	struct bundle bundle;

	(void)state;
	describe(1000, &bundle);
	broken_crypto.function = BROKEN_NEW;
	capture_begin(&capture);
	assert_int_equal(bundled_read(&bundle, NULL, &file), -1);
	said = capture_end(&capture);
	assert_string_equal(said, "nix-user-chroot: libcrypto offers no SHA-256\n"
				  "  its installation is broken\n");
	assert_int_equal(file.fd, -1);
	broken_crypto.function = BROKEN_UPDATE;
	fails(&bundle, NULL, ": Input/output error\n");
	broken_crypto.function = BROKEN_NONE;
}

static void one_that_is_broken(void **state)
{
	const struct bundle bundle = {.broken = "its end is missing"};
	_cleanup_free_ char *said = NULL;
	struct capture capture;

	(void)state;
	capture_begin(&capture);
	assert_int_equal(bundled_check(&bundle), -1);
	said = capture_end(&capture);
	assert_non_null(strstr(said, "cannot be used as a bundle: its end is missing\n"));
	assert_non_null(strstr(said, "copy the file again"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_tarball),
		cmocka_unit_test(what_is_wrong),
		cmocka_unit_test(a_broken_libcrypto),
		cmocka_unit_test(one_that_is_broken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
