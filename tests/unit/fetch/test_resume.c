/* What an earlier run left, with a digest to compare and without, and what fails meanwhile. */
#include "canned.h"
#include "fetch/download.h"
#include "ui/log.h"
#include "util/cleanup.h"
#include "util/fs.h"
#include "util/sha256_stream.h"
#include "util/str.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "../broken_crypto.h"
#include "../capture.h"
#include "../child.h"
#include "../nth.h"
#include "../place.h"
#include "../refuse.h"

#define P		  "nix-user-chroot: "
#define BODY		  "0123456789abcdefghij"
#define WHOLE		  "HTTP/1.1 200 OK\r\nContent-Length: 20\r\nETag: \"a\"\r\n\r\n" BODY
#define WHOLE_WITHOUT_TAG "HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n" BODY
#define OTHER_WHOLE \
	"HTTP/1.1 200 OK\r\nContent-Length: 20\r\nETag: \"b\"\r\n\r\nabcdefghij0123456789"
#define REST                                                                       \
	"HTTP/1.1 206 Part\r\nContent-Length: 10\r\nContent-Range: bytes 10-19/20" \
	"\r\nETag: \"a\"\r\n\r\nabcdefghij"
#define COMPLETE "HTTP/1.1 416 No\r\nContent-Length: 0\r\nContent-Range: bytes */20\r\n\r\n"

enum deed { TAKE, SHORTEN, REMOVE };

/* A download, and what its sink got. */
struct attempt {
	const struct place *place;
	struct canned server;
	uint64_t max;
	const struct sha256 *expected;
	enum deed deed; /* what the sink does to the file with its first bytes */
	bool refuses;	/* to begin again */
	uint64_t got;	/* bytes */
	unsigned restarts;
	struct download_file file;
	int result;
	char *said, *asked;
};

static int on_write(void *ctx, const void *data, size_t len)
{
	struct attempt *attempt = ctx;

	(void)data;
	if (attempt->got == 0 && attempt->deed == SHORTEN) {
		_cleanup_close_ int fd = openat(attempt->place->fd, "x.part", O_WRONLY | O_CLOEXEC);

		assert_int_equal(ftruncate(fd, 1), 0);
	} else if (attempt->got == 0 && attempt->deed == REMOVE) {
		assert_int_equal(unlinkat(attempt->place->fd, "x.part", 0), 0);
	}
	attempt->got += len;
	/* what is read next must not be taken for interrupted */
	errno = EINTR;
	return 0;
}

static int on_restart(void *ctx)
{
	struct attempt *attempt = ctx;

	attempt->restarts++;
	attempt->got = 0;
	return attempt->refuses ? -1 : 0;
}

static struct attempt attempt_begin(const struct place *place, const char *const *answers)
{
	struct attempt attempt = {.place = place, .max = 1000, .file = DOWNLOAD_FILE_NONE};

	canned_start(&attempt.server, answers);
	return attempt;
}

/* What an earlier run left: BYTES, from the server of ATTEMPT (ELSEWHERE: from another one). */
static void leave(const struct attempt *attempt, const char *bytes, size_t len, bool elsewhere)
{
	_cleanup_free_ char *state =
		xasprintf("%s%s\n\"a\"\n", attempt->server.url, elsewhere ? "/else" : "");
	const int fd = attempt->place->fd;

	assert_int_equal(fs_replace_file(fd, "x.part", bytes, len, 0600), 0);
	assert_int_equal(fs_replace_file(fd, "x.part.state", state, strlen(state), 0600), 0);
}

/* The server goes on; a child of the test does this too. */
static void get_once(struct attempt *attempt)
{
	const struct sink sink = {.write = on_write, .restart = on_restart, .ctx = attempt};
	struct download_options options;
	struct downloader *downloader;
	struct capture capture;

	download_options_init(&options);
	options.tries = 1;
	downloader = downloader_new(&options);
	log_set_level(LOG_VERBOSE);
	capture_begin(&capture);
	attempt->result = download_file(downloader,
					&(struct download_request){
						.url = attempt->server.url,
						.max = attempt->max,
						.dirfd = attempt->place->fd,
						.dir = attempt->place->path,
						.name = "x",
						.expected = attempt->expected,
						.sink = &sink,
					},
					&attempt->file);
	attempt->said = capture_end(&capture);
	log_set_level(LOG_NORMAL);
	downloader_free(downloader);
}

static void get(struct attempt *attempt)
{
	get_once(attempt);
	attempt->asked = canned_end(&attempt->server);
}

static void attempt_clear(struct attempt *attempt)
{
	download_file_remove(&attempt->file);
	download_file_close(&attempt->file);
	free(attempt->said);
	free(attempt->asked);
	(void)!unlinkat(attempt->place->fd, "x.part", 0);
	(void)!unlinkat(attempt->place->fd, "x.part.state", 0);
}

#define ATTEMPT(name, ...)                             \
	_cleanup_(attempt_clear) struct attempt name = \
		attempt_begin(*state, (const char *const[]){__VA_ARGS__, NULL})

/* The file is BODY, and SAID is among what was said. */
static void expect_body(const struct attempt *attempt, const char *said)
{
	struct sha256 body;

	assert_int_equal(attempt->result, 0);
	assert_int_equal(sha256_of_bytes(BODY, strlen(BODY), &body), 0);
	assert_true(sha256_equal(&attempt->file.digest, &body));
	assert_int_equal(attempt->file.size, strlen(BODY));
	assert_int_equal(attempt->got, strlen(BODY));
	assert_has(attempt->said, said);
}

static void without_a_digest_the_state_decides(void **state)
{
	ATTEMPT(rest, REST);
	leave(&rest, BODY, 10, false);
	get(&rest);
	expect_body(&rest, "x.part at byte 10\n");
	assert_has(rest.said, P "continuing /");
	assert_has(rest.asked, "Range: bytes=10-\r\n");
	attempt_clear(&rest);
	rest = attempt_begin(*state, (const char *const[]){WHOLE, NULL});
	leave(&rest, "other bytes", 11, true);
	get(&rest);
	expect_body(&rest, "");
	/* they did not even reach the sink */
	assert_int_equal(rest.restarts, 0);
	assert_string_equal(rest.said, "");
	assert_has_not(rest.asked, "Range");
	attempt_clear(&rest);
	/* the server has another file now */
	rest = attempt_begin(*state, (const char *const[]){WHOLE, NULL});
	leave(&rest, "other bytes", 11, false);
	get(&rest);
	expect_body(&rest, "x.part is sent from its first byte\n");
	assert_int_equal(rest.restarts, 1);
	assert_has(rest.asked, "Range: bytes=11-\r\n");
	attempt_clear(&rest);
	/* the server knows that the file is complete; we do not */
	rest = attempt_begin(*state, (const char *const[]){COMPLETE, NULL});
	leave(&rest, BODY, 20, false);
	get(&rest);
	expect_body(&rest, "");
	assert_has(rest.asked, "Range: bytes=20-\r\n");
}

static void a_complete_file_of_the_most_bytes(void **state)
{
	struct sha256 body;
	ATTEMPT(attempt, WHOLE);

	assert_int_equal(sha256_of_bytes(BODY, strlen(BODY), &body), 0);
	attempt.expected = &body;
	attempt.max = 20;
	leave(&attempt, BODY, 20, true);
	get(&attempt);
	expect_body(&attempt, "x.part is complete from an earlier run\n");
	assert_string_equal(attempt.asked, "");
	attempt_clear(&attempt);
	/* one byte more than the most is not even read */
	attempt = attempt_begin(*state, (const char *const[]){WHOLE, NULL});
	attempt.expected = &body;
	attempt.max = 20;
	leave(&attempt, BODY "x", 21, false);
	get(&attempt);
	expect_body(&attempt, "");
	assert_int_equal(attempt.restarts, 0);
	assert_has_not(attempt.asked, "Range");
}

static void wrong_bytes_are_found_out(void **state)
{
	struct sha256 body;
	ATTEMPT(attempt, REST, WHOLE);

	assert_int_equal(sha256_of_bytes(BODY, strlen(BODY), &body), 0);
	attempt.expected = &body;
	leave(&attempt, "wrong byte", 10, false);
	get(&attempt);
	expect_body(&attempt, "x.part was resumed and has the wrong SHA-256: downloading it again "
			      "from its first byte\n");
	assert_int_equal(attempt.restarts, 1);
	attempt_clear(&attempt);
	/* the sink cannot begin again */
	attempt = attempt_begin(*state, (const char *const[]){REST, WHOLE, NULL});
	attempt.expected = &body;
	attempt.refuses = true;
	leave(&attempt, "wrong byte", 10, false);
	get(&attempt);
	assert_int_equal(attempt.result, -1);
	assert_int_equal(attempt.restarts, 1);
	attempt_clear(&attempt);
	/* bytes from elsewhere: the digest could have been right, but is not */
	attempt = attempt_begin(*state, (const char *const[]){WHOLE, NULL});
	attempt.expected = &body;
	leave(&attempt, "wrong byte", 10, true);
	get(&attempt);
	expect_body(&attempt, "");
	assert_int_equal(attempt.restarts, 1);
	assert_has_not(attempt.asked, "Range");
	attempt_clear(&attempt);
	/* the range cannot be had */
	attempt = attempt_begin(
		*state,
		(const char *const[]){"HTTP/1.1 416 No\r\nContent-Length: 0\r\n\r\n", WHOLE, NULL});
	attempt.expected = &body;
	leave(&attempt, BODY, 10, false);
	get(&attempt);
	expect_body(&attempt, P "it cannot be continued (HTTP 416): downloading it from its first "
				"byte\n");
	assert_int_equal(attempt.restarts, 1);
	/* the second request has no range */
	assert_null(strstr(strchr(attempt.asked, '#'), "Range"));
}

/* The whole file that comes instead of the rest is wrong: it would be so a second time. */
static void a_wrong_file_is_not_asked_for_twice(void **state)
{
	struct sha256 body;
	ATTEMPT(attempt, OTHER_WHOLE, WHOLE);

	assert_int_equal(sha256_of_bytes(BODY, strlen(BODY), &body), 0);
	attempt.expected = &body;
	leave(&attempt, BODY, 10, false);
	get(&attempt);
	assert_int_equal(attempt.result, 0);
	assert_false(sha256_equal(&attempt.file.digest, &body));
	assert_int_equal(attempt.restarts, 1);
}

/* What is too large is another file: what an earlier run left of it is of no use either. */
static void a_file_that_is_too_large(void **state)
{
	ATTEMPT(attempt, WHOLE);

	attempt.max = 15;
	leave(&attempt, BODY, 10, false);
	get(&attempt);
	assert_int_equal(attempt.result, -1);
	assert_has(attempt.said, "it is larger than 15 bytes, so it is not what was asked for");
	assert_false(fs_exists(attempt.place->fd, "x.part"));
	assert_false(fs_exists(attempt.place->fd, "x.part.state"));
}

/* More than is read at a time: all of it, and in its order. */
static void a_large_file_of_an_earlier_run(void **state)
{
	enum { LARGE = 300000 };
	_cleanup_free_ char *bytes = xcalloc(LARGE, 1);
	struct sha256 digest;
	ATTEMPT(attempt, WHOLE);

	for (size_t i = 0; i < LARGE; i++)
		bytes[i] = (char)(i * i);
	assert_int_equal(sha256_of_bytes(bytes, LARGE, &digest), 0);
	attempt.expected = &digest;
	attempt.max = LARGE;
	leave(&attempt, bytes, LARGE, false);
	get(&attempt);
	assert_int_equal(attempt.result, 0);
	assert_int_equal(attempt.got, LARGE);
	assert_int_equal(attempt.file.size, LARGE);
	assert_string_equal(attempt.asked, "");
	attempt_clear(&attempt);
	/* somebody shortens it meanwhile */
	attempt = attempt_begin(*state, (const char *const[]){WHOLE, NULL});
	attempt.expected = &digest;
	attempt.max = LARGE;
	attempt.deed = SHORTEN;
	leave(&attempt, bytes, LARGE, false);
	get(&attempt);
	assert_int_equal(attempt.result, -1);
	assert_has(attempt.said, "/x.part: it became shorter\n  remove it and try again\n");
	assert_string_equal(attempt.asked, "");
}

/* Tries it where a call fails; the child cannot go back. */
struct refused {
	struct attempt *attempt;
	long call, first;
	const char *said;
};

static const char *get_refused(void *ctx)
{
	struct refused *refused = ctx;

	refuse_call(refused->call, refused->first, EIO);
	get_once(refused->attempt);
	return refused->attempt->result == 0 || !strstr(refused->attempt->said, refused->said)
		       ? xasprintf("%d %s", refused->attempt->result, refused->attempt->said)
		       : NULL;
}

static void what_cannot_be_read_or_kept(void **state)
{
	struct sha256 body;
	ATTEMPT(attempt, WHOLE);
	struct refused unread = {&attempt, SYS_pread64, -1,
				 "/x.part: Input/output error\n  remove it and try again\n"};
	_cleanup_free_ char *kept =
		xasprintf(P "cannot keep %s open: Input/output error\n"
			    "  the limit of open files may be reached: ulimit -n\n",
			  attempt.place->path);
	struct refused no_dir = {&attempt, SYS_fcntl, attempt.place->fd, kept};

	assert_int_equal(sha256_of_bytes(BODY, strlen(BODY), &body), 0);
	attempt.expected = &body;
	leave(&attempt, BODY, 20, false);
	assert_in_child(get_refused, &unread);
	assert_true(fs_exists(attempt.place->fd, "x.part"));
	assert_in_child(get_refused, &no_dir);
	assert_true(fs_exists(attempt.place->fd, "x.part"));
	/* it is gone at the end */
	attempt.deed = REMOVE;
	get(&attempt);
	assert_int_equal(attempt.result, -1);
	assert_has(attempt.said, "/x.part: No such file or directory\n");
}

static int get_interrupted(void *ctx)
{
	struct attempt *attempt = ctx;

	get_once(attempt);
	return attempt->result == 0 && attempt->got == strlen(BODY) ? 0 : 1;
}

/* A signal that comes while the earlier bytes are read costs nothing. */
static void a_signal_meanwhile(void **state)
{
	ATTEMPT(attempt, WHOLE);
	struct sha256 body;
	int status, r;

	assert_int_equal(sha256_of_bytes(BODY, strlen(BODY), &body), 0);
	attempt.expected = &body;
	leave(&attempt, BODY, 20, false);
	r = nth_fails(SYS_pread64, 1, EINTR, get_interrupted, &attempt, &status);
	get(&attempt);
	if (r < 0)
		skip();
	assert_int_equal(r, 1);
	assert_int_equal(status, 0);
}

/* An installation of libcrypto that is broken is said, and nothing passes for verified. */
static void a_broken_libcrypto(void **state)
{
	static const struct {
		enum broken function;
		const char *said;
	} cases[] = {
		{BROKEN_NEW, P "libcrypto offers no SHA-256\n  its installation is broken\n"},
		{BROKEN_RESTART, P "cannot begin a SHA-256: libcrypto fails\n"
				   "  its installation is broken\n"},
		{BROKEN_UPDATE, "/x.part: libcrypto fails\n  its installation is broken\n"},
		{BROKEN_DIGEST, "/x.part: libcrypto fails\n  its installation is broken\n"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		ATTEMPT(attempt, WHOLE);

		leave(&attempt, "other bytes", 11, false);
		broken_crypto.function = cases[i].function;
		get(&attempt);
		broken_crypto.function = BROKEN_NONE;
		assert_int_equal(attempt.result, -1);
		assert_int_equal(attempt.file.fd, -1);
		assert_has(attempt.said, cases[i].said);
		/* after the restart it was empty */
		assert_int_equal(fs_exists(attempt.place->fd, "x.part"),
				 cases[i].function != BROKEN_RESTART);
	}
}

/* What could not be used, and cannot be continued, is not kept. */
static void what_cannot_be_continued_is_removed(void **state)
{
	ATTEMPT(attempt, WHOLE_WITHOUT_TAG);

	broken_crypto.function = BROKEN_DIGEST;
	get(&attempt);
	broken_crypto.function = BROKEN_NONE;
	assert_int_equal(attempt.result, -1);
	assert_false(fs_exists(attempt.place->fd, "x.part"));
}

static int forget_proxies(void **state)
{
	unsetenv("http_proxy");
	unsetenv("all_proxy");
	unsetenv("ALL_PROXY");
	return place_setup(state);
}

#define IN_PLACE(f) cmocka_unit_test_setup_teardown(f, forget_proxies, place_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_PLACE(without_a_digest_the_state_decides),
		IN_PLACE(a_complete_file_of_the_most_bytes),
		IN_PLACE(wrong_bytes_are_found_out),
		IN_PLACE(a_wrong_file_is_not_asked_for_twice),
		IN_PLACE(a_large_file_of_an_earlier_run),
		IN_PLACE(a_file_that_is_too_large),
		IN_PLACE(what_cannot_be_read_or_kept),
		IN_PLACE(a_signal_meanwhile),
		IN_PLACE(a_broken_libcrypto),
		IN_PLACE(what_cannot_be_continued_is_removed),
	};

	return cmocka_run_group_tests_name("resume", tests, NULL, NULL);
}
