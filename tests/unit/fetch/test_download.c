#include "canned.h"
#include "fetch/download.h"
#include "fetch/part_file.h"
#include "fetch/url.h"
#include "util/cleanup.h"
#include "util/fs.h"
#include "util/str.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include <cmocka.h>

#include "../capture.h"
#include "../refuse.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

#define BODY   "0123456789abcdefghij"
#define SHA256 "6bc14bdc4517a7a682c6910de2e2946eb8e1ecd04090728fef6d092a7ceb62c5"
#define LENGTH "Content-Length: 20\r\n"

struct fixture {
	char *dir;
	int dirfd;
	struct downloader *downloader;
	struct download_options options;
	struct canned server;
	/* the bytes that the sink got */
	char got[64];
	size_t got_len;
	bool refuse;	      /* the sink fails */
	unsigned calls;	      /* of progress() */
	bool end;	      /* progress() asks to end the download */
	uint64_t done, total; /* the last that progress() got */
	bool refuse_size;     /* the sink fails when it hears of the size */
	uint64_t announced;   /* to the sink */
	bool end_if_said;     /* progress() asks to end the download once stderr has a message */
	time_t deadline; /* when progress() asks to end it; 0: never (CLOCK_MONOTONIC, seconds) */
};

static int on_progress(void *ctx, uint64_t done, uint64_t total)
{
	struct fixture *f = ctx;
	struct timespec now;

	struct stat st;

	f->calls++;
	f->done = done;
	f->total = total;
	assert_true(total == 0 || done <= total);
	if (f->end_if_said && fstat(STDERR_FILENO, &st) == 0 && st.st_size > 0)
		return 1;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return f->end || (f->deadline > 0 && now.tv_sec >= f->deadline);
}

static int sink_write(void *ctx, const void *data, size_t len)
{
	struct fixture *f = ctx;

	assert_true(f->got_len + len < sizeof(f->got));
	memcpy(f->got + f->got_len, data, len);
	f->got_len += len;
	f->got[f->got_len] = '\0';
	return f->refuse ? -1 : 0;
}

static int sink_begin(void *ctx, uint64_t total)
{
	struct fixture *f = ctx;

	assert_int_equal(f->got_len, 0);
	f->announced = total;
	return f->refuse_size ? -1 : 0;
}

static int sink_restart(void *ctx)
{
	struct fixture *f = ctx;

	assert_true(f->got_len > 0);
	f->got_len = 0;
	return 0;
}

static int make_directory(void **state)
{
	const char *tmp = env_get("TMPDIR");
	struct fixture *f = xcalloc(1, sizeof(*f));

	*state = f;
	f->dir = xasprintf("%s/test_download.XXXXXX", tmp ? tmp : "/tmp");
	if (!mkdtemp(f->dir))
		return -1;
	f->dirfd = fs_open_dir(AT_FDCWD, f->dir);
	download_options_init(&f->options);
	f->options.wait_ms = f->options.wait_max_ms = 2;
	f->options.tries = 3;
	f->options.progress = on_progress;
	f->options.progress_ctx = f;
	f->downloader = downloader_new(&f->options);
	return f->downloader && f->dirfd >= 0 ? 0 : -1;
}

static int remove_directory(void **state)
{
	struct fixture *f = *state;
	int r = fs_remove_tree(AT_FDCWD, f->dir);

	downloader_free(f->downloader);
	close(f->dirfd);
	free(f->dir);
	free(f);
	return r;
}

static void put(const struct fixture *f, const char *name, const char *text)
{
	_cleanup_close_ int fd =
		openat(f->dirfd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	assert_true(fd >= 0);
	assert_int_equal(fs_write_all(fd, text, strlen(text)), 0);
}

static void put_state(const struct fixture *f, const char *url, const char *validator)
{
	_cleanup_free_ char *text = xasprintf("%s\n%s\n", url, validator);

	put(f, "x.part.state", text);
}

static bool exists(const struct fixture *f, const char *name)
{
	return faccessat(f->dirfd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static int get_most(struct fixture *f, const char *url, uint64_t max, struct download_file *file)
{
	const struct sink sink = {
		.begin = sink_begin, .write = sink_write, .restart = sink_restart, .ctx = f};
	struct sha256 expected;

	assert_int_equal(sha256_parse_option(SHA256, &expected), 0);
	f->got_len = 0;
	return download_file(f->downloader,
			     &(struct download_request){
				     .url = url,
				     .max = max,
				     .dirfd = f->dirfd,
				     .dir = f->dir,
				     .name = "x",
				     .expected = &expected,
				     .sink = max > 1000 ? NULL : &sink,
			     },
			     file);
}

static int get(struct fixture *f, const char *url, struct download_file *file)
{
	return get_most(f, url, 1000, file);
}

/* Checks that the digest, the sink and the file have BODY */
static void expect_body(const struct fixture *f, const struct download_file *file)
{
	char hex[SHA256_HEX_LEN + 1], content[64] = "";

	sha256_format(&file->digest, hex);
	assert_string_equal(hex, SHA256);
	assert_int_equal(file->size, strlen(BODY));
	assert_int_equal(read(file->fd, content, sizeof(content) - 1), strlen(BODY));
	assert_string_equal(content, BODY);
	assert_int_equal(f->got_len, strlen(BODY));
	assert_memory_equal(f->got, BODY, f->got_len);
}

/* Downloads from a server with these answers, and returns the requests */
static char *expect_recovery(struct fixture *f, const char *const *answers)
{
	_cleanup_(download_file_close) struct download_file file = DOWNLOAD_FILE_NONE;

	canned_start(&f->server, answers);
	assert_int_equal(get(f, f->server.url, &file), 0);
	expect_body(f, &file);
	assert_false(file.trusted);
	return canned_end(&f->server);
}

static size_t count_of(const char *text, const char *word)
{
	size_t count = 0;

	while ((text = strstr(text, word))) {
		count++;
		text += strlen(word);
	}
	return count;
}

static void continues_where_it_stopped(void **state)
{
	static const char *const answers[] = {
		"HTTP/1.1 200 OK\r\n" LENGTH "ETag: \"a\"\r\n\r\n0123456789",
		"HTTP/1.1 206 Partial\r\nContent-Length: 10\r\nContent-Range: bytes "
		"10-19/20\r\nETag: \"a\"\r\n\r\nabcde",
		"HTTP/1.1 206 Partial\r\nContent-Length: 5\r\nContent-Range: bytes "
		"15-19/*\r\nETag: \"a\"\r\n\r\nfghij",
		NULL,
	};
	_cleanup_free_ char *asked = expect_recovery(*state, answers);

	assert_int_equal(count_of(asked, "#"), 3);
	assert_int_equal(count_of(asked, "Range: bytes=10-\r\n"), 1);
	assert_int_equal(count_of(asked, "Range: bytes=15-\r\n"), 1);
	assert_int_equal(count_of(asked, "If-Range: \"a\"\r\n"), 2);
	assert_int_equal(count_of(asked, "User-Agent: nix-user-chroot/"), 3);
	assert_int_equal(count_of(asked, "Accept-Encoding"), 0);
	assert_int_equal(count_of(asked, "Cookie"), 0);
	assert_int_equal(count_of(asked, "Authorization"), 0);
}

static void begins_again_where_it_must(void **state)
{
	static const char *const recoveries[][5] = {
		/* the first answer has no validator that If-Range could use */
		{"HTTP/1.1 200 OK\r\n" LENGTH "ETag: W/\"a\"\r\n\r\n01234",
		 "HTTP/1.1 200 OK\r\n" LENGTH "\r\n" BODY},
		/* the server ignores the range */
		{"HTTP/1.1 200 OK\r\n" LENGTH "ETag: \"a\"\r\n\r\n01234",
		 "HTTP/1.1 200 OK\r\n" LENGTH "ETag: \"a\"\r\n\r\n" BODY},
		/* the server sends another part than the requested one, in three ways */
		{"HTTP/1.1 200 OK\r\n" LENGTH "ETag: \"a\"\r\n\r\n01234",
		 "HTTP/1.1 206 Partial\r\n" LENGTH "Content-Range: bytes 0-19/20\r\n\r\n" BODY,
		 "HTTP/1.1 200 OK\r\n" LENGTH "\r\n" BODY},
		{"HTTP/1.1 200 OK\r\n" LENGTH "ETag: \"a\"\r\n\r\n01234",
		 "HTTP/1.1 206 Partial\r\n" LENGTH "\r\n" BODY,
		 "HTTP/1.1 200 OK\r\n" LENGTH "\r\n" BODY},
		{"HTTP/1.1 200 OK\r\n" LENGTH "ETag: \"a\"\r\n\r\n01234",
		 "HTTP/1.1 416 Range\r\nContent-Length: 0\r\nContent-Range: bytes */3\r\n\r\n",
		 "HTTP/1.1 200 OK\r\n" LENGTH "\r\n" BODY},
		/* what follows the body is not the header: it cannot make the file complete */
		{"HTTP/1.1 200 OK\r\nETag: \"a\"\r\nTransfer-Encoding: chunked\r\n\r\n14\r\n" BODY,
		 "HTTP/1.1 416 Range\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n"
		 "Content-Range: bytes */20\r\n\r\n",
		 "HTTP/1.1 200 OK\r\n" LENGTH "\r\n" BODY},
		/* the file changed, and the server ignores If-Range: the digest shows it */
		{"HTTP/1.1 200 OK\r\n" LENGTH "ETag: \"a\"\r\n\r\nxxxxx",
		 "HTTP/1.1 206 Partial\r\nContent-Length: 15\r\nContent-Range: bytes "
		 "5-19/20\r\n\r\n56789abcdefghij",
		 "HTTP/1.1 200 OK\r\n" LENGTH "\r\n" BODY},
		/*
		 * the server sends less than the rest, though its headers describe that part
		 * rightly
		 */
		{"HTTP/1.1 200 OK\r\n" LENGTH "ETag: \"a\"\r\n\r\n01234",
		 "HTTP/1.1 206 Partial\r\nContent-Length: 2\r\nContent-Range: bytes "
		 "5-6/20\r\n\r\n56",
		 "HTTP/1.1 206 Partial\r\nContent-Length: 13\r\nContent-Range: bytes "
		 "7-19/20\r\n\r\n789abcdefghij"},
	};

	for (size_t i = 0; i < COUNT_OF(recoveries); i++) {
		const struct fixture *f = *state;
		_cleanup_free_ char *asked = expect_recovery(*state, recoveries[i]);
		size_t answers = 0;

		while (recoveries[i][answers])
			answers++;
		assert_int_equal(count_of(asked, "#"), answers);
		assert_int_equal(unlinkat(f->dirfd, "x.part", 0), 0);
		(void)!unlinkat(f->dirfd, "x.part.state", 0);
	}
}

static void takes_what_is_complete_already(void **state)
{
	/* 416 for a range that begins at the end of the file: the file is complete */
	static const char *const answers[] = {
		"HTTP/1.1 200 OK\r\nETag: \"a\"\r\nTransfer-Encoding: chunked\r\n\r\n14\r\n" BODY,
		"HTTP/1.1 416 Range\r\nContent-Length: 0\r\nContent-Range: bytes */20\r\n\r\n",
		NULL,
	};
	_cleanup_free_ char *asked = expect_recovery(*state, answers);

	assert_int_equal(count_of(asked, "#"), 2);
}

static void an_earlier_run_is_continued(void **state)
{
	static const char *const rest[] = {
		"HTTP/1.1 206 Partial\r\nContent-Length: 10\r\nContent-Range: bytes "
		"10-19/20\r\n\r\nabcdefghij",
		NULL,
	};
	static const char *const whole[] = {"HTTP/1.1 200 OK\r\n" LENGTH "\r\n" BODY, NULL};
	static const char *const states[] = {
		"",
		"\n",
		"\n\n",
		"garbage",
		"http://127.0.0.1/\n\"a\"\n",
		"%s\n",
		"%s\n\n",
		"%s\n\"a\"\nand more\n",
		"%s\n\"a\"",
		"%s\n\"a\001\"\n",
	};
	struct fixture *f = *state;
	_cleanup_(download_file_close) struct download_file file = DOWNLOAD_FILE_NONE;
	_cleanup_free_ char *asked = NULL;

	canned_start(&f->server, rest);
	put(f, "x.part", "0123456789");
	put_state(f, f->server.url, "\"a\"");
	assert_int_equal(get(f, f->server.url, &file), 0);
	expect_body(f, &file);
	asked = canned_end(&f->server);
	assert_int_equal(count_of(asked, "Range: bytes=10-\r\nIf-Range"), 0);
	assert_int_equal(count_of(asked, "Range: bytes=10-\r\n"), 1);
	assert_int_equal(count_of(asked, "If-Range: \"a\"\r\n"), 1);

	/* a state file that is not ours or not complete is not used */
	for (size_t i = 0; i < COUNT_OF(states); i++) {
		_cleanup_free_ char *text = NULL;
		const char *place = strstr(states[i], "%s");

		download_file_close(&file);
		free(asked);
		canned_start(&f->server, whole);
		text = place ? xasprintf("%s%s", f->server.url, place + 2) : xstrdup(states[i]);
		put(f, "x.part", "0123456789");
		put(f, "x.part.state", text);
		assert_int_equal(get(f, f->server.url, &file), 0);
		expect_body(f, &file);
		asked = canned_end(&f->server);
		assert_int_equal(count_of(asked, "Range"), 0);
	}
}

static void a_complete_file_is_not_asked_for_again(void **state)
{
	struct fixture *f = *state;
	_cleanup_(download_file_close) struct download_file file = DOWNLOAD_FILE_NONE;

	put(f, "x.part", BODY); /* even without a state file */
	assert_int_equal(get(f, "https://127.0.0.1:1/x", &file), 0);
	expect_body(f, &file);
	assert_true(file.trusted);
	download_file_remove(&file);
	assert_false(exists(f, "x.part"));
}

/*
 * A server without ranges breaks off at the same byte; in between it is not there. What came once
 * is no progress when it comes again.
 */
static void the_same_bytes_again_are_no_progress(void **state)
{
	enum { PART = 400000 };
	_cleanup_free_ char *bytes = xcalloc(PART + 1, 1), *broken = NULL, *asked = NULL;
	static const char none[] = "HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n";
	struct fixture *f = *state;
	struct download_file file = DOWNLOAD_FILE_NONE;

	memset(bytes, 'x', PART);
	broken = xasprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", 2 * PART, bytes);
	canned_start(&f->server, (const char *const[]){broken, none, broken, none, broken, NULL});
	assert_int_equal(get_most(f, f->server.url, 4 * PART, &file), -1);
	asked = canned_end(&f->server);
	assert_int_equal(count_of(asked, "#"), 3);
}

static void gives_up_in_the_end(void **state)
{
	static const char *const unavailable[] = {
		"HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n",
		"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n",
		"",
		"HTTP/1.1 200 OK\r\n" LENGTH "\r\n" BODY, /* a fourth try would succeed */
		NULL,
	};
	static const char *const gone[] = {"HTTP/1.1 404 No\r\nContent-Length: 3\r\n\r\nNo\n",
					   "HTTP/1.1 200 OK\r\n" LENGTH "\r\n" BODY, NULL};
	static const char *const broken[] = {"HTTP/1.1 200 OK\r\n" LENGTH
					     "ETag: \"a\"\r\n\r\n01234",
					     "HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n", NULL};
	struct fixture *f = *state;
	struct download_file file = DOWNLOAD_FILE_NONE;
	char *asked;

	canned_start(&f->server, unavailable);
	assert_int_equal(get(f, f->server.url, &file), -1);
	asked = canned_end(&f->server);
	assert_int_equal(count_of(asked, "#"), 3);
	free(asked);

	canned_start(&f->server, gone);
	assert_int_equal(get(f, f->server.url, &file), -1);
	asked = canned_end(&f->server);
	assert_int_equal(count_of(asked, "#"), 1);
	free(asked);
	assert_false(exists(f, "x.part"));
	assert_false(exists(f, "x.part.state"));

	/* a part file that can be continued is kept */
	canned_start(&f->server, broken);
	assert_int_equal(get(f, f->server.url, &file), -1);
	free(canned_end(&f->server));
	assert_true(exists(f, "x.part"));
	assert_true(exists(f, "x.part.state"));
	assert_null(file.name);
}

static void refuses_answers_that_are_too_large_or_encoded(void **state)
{
	static const char *const refused[][2] = {
		{"HTTP/1.1 200 OK\r\nContent-Length: 1001\r\nETag: \"a\"\r\n\r\n0"},
		{"HTTP/1.1 200 OK\r\n" LENGTH "Content-Encoding: gzip\r\n\r\n" BODY},
		{"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nContent-Encoding: br\r\n\r\n"},
		{"HTTP/1.1 206 Partial\r\n" LENGTH "Content-Range: bytes 0-19/20\r\n\r\n" BODY,
		 NULL}, /* this one is accepted, see below */
		{"HTTP/1.1 206 Partial\r\n" LENGTH "\r\n" BODY},
		{"HTTP/1.1 204 None\r\n\r\n"},
		{"HTTP/1.1 304 Same\r\n\r\n"},
		/* an answer to a range that was not asked for */
		{"HTTP/1.1 416 Range\r\nContent-Length: 0\r\nContent-Range: bytes */0\r\n\r\n"},
		{"HTTP/1.1 300 Choice\r\n" LENGTH "\r\n" BODY},
		{"HTTP/1.1 302 Found\r\nLocation: file:///etc/passwd\r\n\r\n"},
		{"HTTP/1.1 302 Found\r\nLocation: ftp://127.0.0.1/\r\n\r\n"},
		{"HTTP/1.1 302 Found\r\nLocation: http://user:word@127.0.0.1/\r\n\r\n"},
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < COUNT_OF(refused); i++) {
		struct download_file file = DOWNLOAD_FILE_NONE;
		const char *const answers[] = {refused[i][0], NULL};
		char *asked;
		bool taken = i == 3; /* a part that is the whole file is accepted */

		canned_start(&f->server, answers);
		assert_int_equal(get(f, f->server.url, &file), taken ? 0 : -1);
		asked = canned_end(&f->server);
		assert_int_equal(count_of(asked, "#"), 1);
		free(asked);
		if (taken)
			download_file_remove(&file);
		download_file_close(&file);
		assert_false(exists(f, "x.part"));
		assert_false(exists(f, "x.part.state"));
	}
}

/* A server's words can turn neither a terminal's state nor the direction of its text. */
static void a_servers_words_are_shown_harmless(void **state)
{
	static const struct {
		const char *answer, *shown;
	} table[] = {
		{"HTTP/1.1 200 OK\r\n" LENGTH
		 "Content-Encoding: x\xe2\x80\xae\xff\xc2\x9b[2J\r\n\r\n" BODY,
		 "encoding 'x\\u202E\\xff\\u009B[2J', which"},
		{"HTTP/1.1 302 Found\r\nLocation: ftp://127.0.0.1/\xe2\x80\xae\xff\r\n\r\n",
		 "redirects to ftp://127.0.0.1/\\u202E\\xff; only"},
		{"HTTP/1.1 302 Found\r\nLocation: http://a\xe2\x80\xae\xff.invalid/\r\n\r\n",
		 " (redirected to http://a\\u202E\\xff.invalid/): "},
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < COUNT_OF(table); i++) {
		const char *const answers[] = {table[i].answer, NULL};
		struct download_file file = DOWNLOAD_FILE_NONE;
		_cleanup_free_ char *said = NULL;
		struct capture capture;

		canned_start(&f->server, answers);
		capture_begin(&capture);
		assert_int_equal(get(f, f->server.url, &file), -1);
		said = capture_end(&capture);
		free(canned_end(&f->server));
		assert_non_null(strstr(said, table[i].shown));
		assert_null(strstr(said, "\xe2\x80\xae"));
		assert_null(strchr(said, '\xff'));
	}
}

static void a_failing_sink_or_an_interrupt_ends_it(void **state)
{
	static const char *const answers[] = {
		"HTTP/1.1 200 OK\r\n" LENGTH "ETag: \"a\"\r\n\r\n" BODY,
		"HTTP/1.1 200 OK\r\n" LENGTH "ETag: \"a\"\r\n\r\n" BODY, NULL};
	struct fixture *f = *state;
	struct download_file file = DOWNLOAD_FILE_NONE;
	char *asked;

	canned_start(&f->server, answers);
	f->refuse = true;
	assert_int_equal(get(f, f->server.url, &file), -1);
	f->refuse = false;
	assert_int_equal(unlinkat(f->dirfd, "x.part", 0), 0); /* the part file is complete */
	f->end = true;
	f->calls = 0;
	assert_int_equal(get(f, f->server.url, &file), -1);
	assert_int_equal(f->calls, 1);
	asked = canned_end(&f->server);
	assert_true(count_of(asked, "#") <= 2); /* the second request may not have been sent */
	free(asked);
}

static void an_interrupt_ends_the_wait_for_the_next_try(void **state)
{
	static const char *const answers[] = {
		"HTTP/1.1 429 Slow\r\nRetry-After: 3600\r\nContent-Length: 0\r\n\r\n", NULL};
	struct fixture *f = *state;
	struct download_file file = DOWNLOAD_FILE_NONE;
	struct timespec now;
	char *asked;

	canned_start(&f->server, answers);
	clock_gettime(CLOCK_MONOTONIC, &now);
	f->deadline = now.tv_sec + 2;
	alarm(50); /* the wait of 60 seconds would be ended by this alarm, which fails the test */
	assert_int_equal(get(f, f->server.url, &file), -1);
	alarm(0);
	asked = canned_end(&f->server);
	assert_int_equal(count_of(asked, "#"), 1);
	free(asked);
}

static void copies_a_local_file(void **state)
{
	struct fixture *f = *state;
	_cleanup_(download_file_close) struct download_file file = DOWNLOAD_FILE_NONE;
	_cleanup_free_ char *path = xasprintf("%s/a b%%20c", f->dir), *url = url_of_path(path);
	_cleanup_free_ char *dir_url = url_of_path(f->dir);
	_cleanup_(download_text_clear) struct download_text text = {0};

	assert_int_equal(get(f, url, &file), -1);
	assert_int_equal(get(f, dir_url, &file), -1);
	put(f, "a b%20c", BODY);
	assert_int_equal(get(f, url, &file), 0);
	expect_body(f, &file);
	assert_true(file.trusted);
	assert_false(exists(f, "x.part.state")); /* not continued, so not noted */
	assert_int_equal(download_text(f->downloader, url, 20, NULL, &text), 0);
	assert_string_equal(text.body, BODY);
	assert_true(text.trusted);
	download_text_clear(&text);
	assert_int_equal(download_text(f->downloader, url, 19, NULL, &text), -1);
	put(f, "a b%20c", "");
	assert_int_equal(download_text(f->downloader, url, 20, NULL, &text), 0);
	assert_int_equal(text.len, 0);
	assert_string_equal(text.body, "");
}

static void a_text_begins_again_as_a_whole(void **state)
{
	static const char *const answers[] = {
		"HTTP/1.1 200 OK\r\n" LENGTH "ETag: \"a\"\r\n\r\n0123456789",
		"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\na\001z", NULL};
	struct fixture *f = *state;
	_cleanup_(download_text_clear) struct download_text text = {0};
	_cleanup_free_ char *asked = NULL;

	canned_start(&f->server, answers);
	assert_int_equal(download_text(f->downloader, f->server.url, 100, NULL, &text), 0);
	asked = canned_end(&f->server);
	assert_int_equal(text.len, 3);
	assert_string_equal(text.body, "a\001z");
	assert_false(text.trusted);
	assert_int_equal(count_of(asked, "Range"), 0);
}

static void expect_content(const struct fixture *f, const char *name, const char *text)
{
	_cleanup_free_ char *data = NULL;
	size_t len;

	assert_int_equal(fs_read_file(f->dirfd, name, 1000, &data, &len), 0);
	assert_string_equal(data, text);
}

/* The descriptor to read from is of the file that was written, or there is none. */
static void an_exchanged_part(void **state)
{
	struct fixture *f = *state;
	_cleanup_free_ char *text = NULL;
	struct part_file part;
	size_t len;
	int fd;

	put(f, "other", "theirs");
	assert_int_equal(part_file_open(&part, f->dirfd, f->dir, "x"), 0);
	assert_int_equal(part_file_restart(&part, "http://x/y", NULL), 0);
	assert_int_equal(part_file_write(&part, "mine", 4, 0), 0);
	fd = part_file_finish(&part);
	assert_int_equal(fs_read_fd(fd, 100, &text, &len), 0);
	assert_string_equal(text, "mine");
	close(fd);
	assert_int_equal(renameat(f->dirfd, "other", f->dirfd, "x.part"), 0);
	assert_int_equal(part_file_finish(&part), -1);
	assert_int_equal(unlinkat(f->dirfd, "x.part", 0), 0);
	assert_int_equal(part_file_finish(&part), -1);
	part_file_close(&part);
}

static void a_part_and_its_state_outlive_a_run(void **state)
{
	struct fixture *f = *state;
	struct part_file part;

	assert_int_equal(part_file_open(&part, f->dirfd, f->dir, "x"), 0);
	assert_false(part_file_can_resume(&part, NULL));
	assert_int_equal(part_file_restart(&part, "http://u:p@x/y?key=1", "\"a\""), 0);
	assert_false(part_file_can_resume(&part, NULL)); /* nothing is in it yet */
	assert_int_equal(part_file_write(&part, "mine", 4, 0), 0);
	part_file_close(&part);
	/* the state file contains neither the password nor the key */
	expect_content(f, "x.part.state", "http://x/y?...\n\"a\"\n");

	assert_int_equal(part_file_open(&part, f->dirfd, f->dir, "x"), 0);
	assert_int_equal(part.size, 4);
	assert_string_equal(part.validator, "\"a\"");
	assert_true(part_file_can_resume(&part, NULL));
	assert_true(part_file_can_resume(&part, "http://x/y?key=2")); /* only signed again */
	assert_false(part_file_can_resume(&part, "http://x/z?key=1"));
	part_file_remove(f->dirfd, "x");
	part_file_close(&part);
	assert_false(exists(f, "x.part"));
	assert_false(exists(f, "x.part.state"));
}

/* Whatever x.part is, it is removed, and replaced by a new, empty, regular file of ours. */
static void expect_anew(struct fixture *f)
{
	struct part_file part;
	struct stat st;

	assert_int_equal(part_file_open(&part, f->dirfd, f->dir, "x"), 0);
	assert_int_equal(part.size, 0);
	assert_int_equal(fstatat(f->dirfd, "x.part", &st, AT_SYMLINK_NOFOLLOW), 0);
	assert_int_equal(st.st_mode, S_IFREG | 0600);
	assert_int_equal(st.st_nlink, 1);
	assert_int_equal(st.st_uid, geteuid());
	assert_int_equal(part_file_write(&part, "mine", 4, 0), 0);
	part_file_remove(f->dirfd, "x");
	part_file_close(&part);
}

static void what_is_not_ours_alone_is_made_anew(void **state)
{
	struct fixture *f = *state;
	_cleanup_free_ char *path = xasprintf("%s/x.part", f->dir);

	put(f, "other", "precious");
	assert_int_equal(symlinkat("other", f->dirfd, "x.part"), 0);
	expect_anew(f);
	assert_int_equal(linkat(f->dirfd, "other", f->dirfd, "x.part", 0), 0);
	expect_anew(f);
	expect_content(f, "other", "precious");
	assert_int_equal(symlinkat("nowhere", f->dirfd, "x.part"), 0);
	expect_anew(f);
	assert_false(exists(f, "nowhere"));
	assert_int_equal(mkfifo(path, 0600), 0);
	expect_anew(f);
	assert_int_equal(mknodat(f->dirfd, "x.part", S_IFSOCK | 0600, 0), 0);
	expect_anew(f);
	if (geteuid() == 0) { /* root can give files to another user */
		put(f, "x.part", BODY);
		assert_int_equal(fchownat(f->dirfd, "x.part", 65534, 65534, 0), 0);
		expect_anew(f);
	} else { /* a user cannot write to a read-only file */
		put(f, "x.part", BODY);
		assert_int_equal(fchmodat(f->dirfd, "x.part", 0400, 0), 0);
		expect_anew(f);
	}
}

static void a_directory_in_the_place_of_a_part_is_refused(void **state)
{
	struct fixture *f = *state;
	struct part_file part;

	assert_int_equal(mkdirat(f->dirfd, "x.part", 0755), 0);
	assert_int_equal(part_file_open(&part, f->dirfd, f->dir, "x"), -1);
	part_file_close(&part);
}

static void a_state_that_is_not_ours_alone_says_nothing(void **state)
{
	struct fixture *f = *state;
	struct part_file part;

	for (int i = 0; i < 3; i++) {
		put(f, "x.part", "0123456789");
		put_state(f, "http://x", "\"a\"");
		if (i == 0) {
			assert_int_equal(renameat(f->dirfd, "x.part.state", f->dirfd, "there"), 0);
			assert_int_equal(symlinkat("there", f->dirfd, "x.part.state"), 0);
		} else if (i == 1) {
			assert_int_equal(linkat(f->dirfd, "x.part.state", f->dirfd, "second", 0),
					 0);
		} else if (geteuid() == 0) {
			assert_int_equal(fchownat(f->dirfd, "x.part.state", 65534, 65534, 0), 0);
		} else {
			continue;
		}
		assert_int_equal(part_file_open(&part, f->dirfd, f->dir, "x"), 0);
		assert_int_equal(part.size, 10);
		assert_false(part_file_can_resume(&part, NULL));
		assert_int_equal(part_file_restart(&part, "http://y", "\"b\""), 0);
		part_file_close(&part);
		expect_content(f, "x.part.state", "http://y\n\"b\"\n");
		part_file_remove(f->dirfd, "x");
	}
	expect_content(f, "there", "http://x\n\"a\"\n");
	expect_content(f, "second", "http://x\n\"a\"\n");
}

static void a_part_of_other_bytes_is_found_out(void **state)
{
	/*
	 * the server says that the file is complete, and only the digest shows that it is another
	 * file
	 */
	static const char *const answers[] = {
		"HTTP/1.1 416 Range\r\nContent-Length: 0\r\nContent-Range: bytes */20\r\n\r\n",
		"HTTP/1.1 200 OK\r\n" LENGTH "ETag: \"a\"\r\n\r\n" BODY,
		NULL,
	};
	struct fixture *f = *state;
	_cleanup_(download_file_close) struct download_file file = DOWNLOAD_FILE_NONE;
	_cleanup_free_ char *asked = NULL;

	canned_start(&f->server, answers);
	put(f, "x.part", "abcdefghij0123456789");
	put_state(f, f->server.url, "\"a\"");
	assert_int_equal(get(f, f->server.url, &file), 0);
	expect_body(f, &file);
	asked = canned_end(&f->server);
	assert_int_equal(count_of(asked, "#"), 2);
	assert_int_equal(count_of(asked, "Range: bytes=20-"), 1);
}

static void all_that_is_kept_can_be_forgotten(void **state)
{
	static const char *const ours[] = {"x.part", "x.part.state", "y.part", "z.part.state"};
	static const char *const others[] = {"x", "part", "x.part.new", "x.state"};
	struct fixture *f = *state;

	assert_false(download_is_kept(f->dirfd));
	for (size_t i = 0; i < COUNT_OF(others); i++)
		put(f, others[i], "");
	assert_false(download_is_kept(f->dirfd));
	for (size_t i = 0; i < COUNT_OF(ours); i++)
		put(f, ours[i], "");
	/* file systems list the last ones first, or the first ones */
	put(f, "z", "");
	assert_true(download_is_kept(f->dirfd));
	for (size_t i = 0; i < COUNT_OF(ours); i++)
		assert_true(exists(f, ours[i]));
	download_remove_all(f->dirfd);
	for (size_t i = 0; i < COUNT_OF(ours); i++)
		assert_false(exists(f, ours[i]));
	assert_true(exists(f, "z"));
	assert_false(download_is_kept(f->dirfd));
	for (size_t i = 0; i < COUNT_OF(others); i++)
		assert_true(exists(f, others[i]));
}

static void a_write_error_is_said_and_not_tried_again(void **state)
{
	static const char *const answers[] = {
		"HTTP/1.1 200 OK\r\n" LENGTH "ETag: \"a\"\r\n\r\n" BODY,
		"HTTP/1.1 206 Partial\r\nContent-Length: 10\r\nContent-Range: bytes "
		"10-19/20\r\n\r\nabcdefghij",
		NULL,
	};
	struct fixture *f = *state;
	_cleanup_(download_file_close) struct download_file file = DOWNLOAD_FILE_NONE;
	struct rlimit old, small;
	_cleanup_free_ char *asked = NULL;

	put(f, "x.part", "");
	put(f, "x.part.state", "");
	canned_start(&f->server, answers);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	small = (struct rlimit){.rlim_cur = 10, .rlim_max = old.rlim_max};
	signal(SIGXFSZ, SIG_IGN); /* write(2) then fails with EFBIG instead */
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	assert_int_equal(get(f, f->server.url, &file), -1);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	assert_true(exists(f, "x.part"));

	/*
	 * the state file was too long for the limit: so the next download begins again, or
	 * continues
	 */
	put_state(f, f->server.url, "\"a\"");
	assert_int_equal(get(f, f->server.url, &file), 0);
	expect_body(f, &file);
	asked = canned_end(&f->server);
	assert_int_equal(count_of(asked, "#"), 2);
}

/* Tries to get a file from a server with these answers, which fails: what is said. */
static char *expect_failure(struct fixture *f, const char *const *answers)
{
	struct download_file file = DOWNLOAD_FILE_NONE;
	struct capture capture;
	char *said;
	int r;

	canned_start(&f->server, answers);
	capture_begin(&capture);
	r = get(f, f->server.url, &file);
	said = capture_end(&capture);
	free(canned_end(&f->server));
	assert_int_equal(r, -1);
	assert_int_equal(file.fd, -1);
	assert_null(file.name);
	return said;
}

static void what_was_not_asked_for_is_said(void **state)
{
	static const struct {
		const char *answers[4];
		const char *words;
	} cases[] = {
		{{"HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n"},
		 ": HTTP 404 (there is no such file)\n  check --mirror and --tarball\n"},
		/* a range was not asked for, and "complete" would be an empty file */
		{{"HTTP/1.1 416 No\r\nContent-Length: 0\r\nContent-Range: bytes */0\r\n\r\n"},
		 ": HTTP 416 (the server refused)\n  try another --mirror, or again later\n"},
		{{"HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n",
		  "HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n",
		  "HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n"},
		 ": HTTP 503 (the server is overloaded or being repaired), 3 times in a row\n"
		 "  try another --mirror, or again later\n"},
		{{"HTTP/1.1 200 OK\r\nContent-Length: 1001\r\n\r\n0"},
		 ": it is larger than 1000 bytes, so it is not what was asked for\n"
		 "  check --mirror, --tarball and the network (a login page?)\n"},
		{{"HTTP/1.1 200 OK\r\n" LENGTH "Content-Encoding: gzip\r\n\r\n" BODY},
		 ": the server sends it in the encoding 'gzip', which was not asked for\n"
		 "  try another --mirror; a proxy may be in between\n"},
		{{"HTTP/1.1 302 Found\r\nLocation: ftp://127.0.0.1/x\r\n\r\n"},
		 ": the server redirects to ftp://127.0.0.1/x; only http(s):// is followed\n"
		 "  try another --mirror\n"},
		/* resumed, it is another file; and then it is gone */
		{{"HTTP/1.1 200 OK\r\n" LENGTH "ETag: \"a\"\r\n\r\nxxxxx",
		  "HTTP/1.1 206 Partial\r\nContent-Length: 15\r\nContent-Range: bytes "
		  "5-19/20\r\n\r\n56789abcdefghij",
		  "HTTP/1.1 410 No\r\nContent-Length: 0\r\n\r\n"},
		 ": HTTP 410 (the file is gone)\n  check --mirror and --tarball\n"},
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		_cleanup_free_ char *said = expect_failure(f, cases[i].answers);
		const char *words = strstr(said, cases[i].words);

		if (!words || words[strlen(cases[i].words)] != '\0')
			fail_msg("%zu: \"%s\" is not the end of: %s", i, cases[i].words, said);
		assert_false(exists(f, "x.part"));
		assert_false(exists(f, "x.part.state"));
	}
}

/* How long the wait before the next try is: of the options, or as the server asks. */
static void the_wait_is_said(void **state)
{
	static const struct {
		const char *answer;
		unsigned least, most; /* tenths of a second */
	} cases[] = {
		{"HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n", 10, 20},
		{"HTTP/1.1 503 No\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n", 10, 20},
		{"HTTP/1.1 503 No\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n", 70, 70},
		{"HTTP/1.1 503 No\r\nRetry-After: 60\r\nContent-Length: 0\r\n\r\n", 600, 600},
		{"HTTP/1.1 503 No\r\nRetry-After: 61\r\nContent-Length: 0\r\n\r\n", 600, 600},
		{"HTTP/1.1 503 No\r\nRetry-After: 99999\r\nContent-Length: 0\r\n\r\n", 600, 600},
	};
	struct fixture *f = *state;

	f->end_if_said = true;
	f->downloader->options.wait_ms = 2000;
	f->downloader->options.wait_max_ms = 3000;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		const char *const answers[] = {cases[i].answer, NULL};
		_cleanup_free_ char *said = expect_failure(f, answers);
		unsigned seconds, tenths;
		int end = 0;

		assert_int_equal(sscanf(said,
					"nix-user-chroot: 127.0.0.1:%*u: HTTP 503; retry in %u.%u "
					"s\n%n",
					&seconds, &tenths, &end),
				 2);
		assert_int_equal(end, strlen(said));
		assert_in_range(10 * seconds + tenths, cases[i].least, cases[i].most);
	}
}

/* The limit is of all pieces together. */
static void pieces_that_are_too_large_together(void **state)
{
	static const char *const answers[] = {
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nabcdef\r\n5\r\n"
		"ghijk\r\n0\r\n\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nabcdef\r\n1\r\n"
		"g\r\n3\r\nhij\r\n0\r\n\r\n",
		NULL};
	struct fixture *f = *state;
	_cleanup_(download_text_clear) struct download_text text = {0};
	_cleanup_free_ char *said = NULL;
	struct capture capture;

	canned_start(&f->server, answers);
	capture_begin(&capture);
	assert_int_equal(download_text(f->downloader, f->server.url, 10, NULL, &text), -1);
	said = capture_end(&capture);
	assert_non_null(strstr(said, "it is larger than 10 bytes"));
	assert_null(text.body);
	assert_int_equal(download_text(f->downloader, f->server.url, 10, NULL, &text), 0);
	assert_string_equal(text.body, "abcdefghij");
	/* of a text progress() gets no numbers */
	assert_true(f->done == 0 && f->total == 0);
	free(canned_end(&f->server));
}

/* Of an error page only the beginning is read. */
static void an_error_page_without_end(void **state)
{
	static const char head[] = "HTTP/1.1 404 No\r\n\r\n";
	const size_t size = (size_t)64 << 20; /* more than the buffers of a connection */
	_cleanup_free_ char *page = xcalloc(size + 1, 1), *asked = NULL, *said = NULL;
	const char *const answers[] = {page, NULL};
	struct download_file file = DOWNLOAD_FILE_NONE;
	struct fixture *f = *state;
	struct capture capture;
	siginfo_t ended;

	memset(page, 'x', size);
	memcpy(page, head, strlen(head));
	canned_start(&f->server, answers);
	capture_begin(&capture);
	assert_int_equal(get(f, f->server.url, &file), -1);
	said = capture_end(&capture);
	assert_non_null(strstr(said, ": HTTP 404 (there is no such file)\n"));
	/* the connection is closed, so the server ends of itself */
	assert_int_equal(waitid(P_PID, (id_t)f->server.pid, &ended, WEXITED | WNOWAIT), 0);
	asked = canned_end(&f->server);
	assert_int_equal(count_of(asked, "#!"), 1);
}

/* A file that is missing has a message of the caller's. */
static void missing_has_words_of_the_callers(void **state)
{
	static const char *const answers[] = {"HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n",
					      "HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n", NULL};
	const struct download_missing missing = {"there is no yak", "buy one"};
	struct fixture *f = *state;
	struct download_text text;
	_cleanup_free_ char *said = NULL, *forbidden = NULL;
	struct capture capture;

	canned_start(&f->server, answers);
	capture_begin(&capture);
	assert_int_equal(download_text(f->downloader, f->server.url, 10, &missing, &text), -1);
	said = capture_end(&capture);
	assert_string_equal(said, "nix-user-chroot: there is no yak\n  buy one\n");
	capture_begin(&capture);
	assert_int_equal(download_text(f->downloader, f->server.url, 10, &missing, &text), -1);
	forbidden = capture_end(&capture);
	assert_non_null(strstr(forbidden, ": HTTP 403 (the server forbids it)\n"));
	free(canned_end(&f->server));
}

/* What an earlier run left is one byte. The sink hears of the size only of a file from its start.
 */
static void one_byte_is_continued(void **state)
{
	static const char *const rest[] = {
		"HTTP/1.1 206 Partial\r\nContent-Length: 19\r\nContent-Range: bytes "
		"1-19/20\r\n\r\n123456789abcdefghij",
		NULL,
	};
	static const char *const whole[] = {"HTTP/1.1 200 OK\r\n" LENGTH "\r\n" BODY, NULL};
	static const char *const refused[] = {
		"HTTP/1.1 416 No\r\nContent-Length: 0\r\nContent-Range: bytes */20\r\n\r\n",
		"HTTP/1.1 200 OK\r\n" LENGTH "\r\n" BODY, NULL};
	struct fixture *f = *state;
	_cleanup_(download_file_close) struct download_file file = DOWNLOAD_FILE_NONE;
	_cleanup_free_ char *asked = NULL;
	int fds[2];

	canned_start(&f->server, rest);
	put(f, "x.part", "0");
	put_state(f, f->server.url, "\"a\"");
	assert_int_equal(get(f, f->server.url, &file), 0);
	expect_body(f, &file);
	assert_int_equal(f->announced, 0);
	assert_true(f->done == 20 && f->total == 20);
	assert_int_equal(fcntl(file.fd, F_GETFD), FD_CLOEXEC);
	assert_int_equal(fcntl(file.dirfd, F_GETFD), FD_CLOEXEC);
	assert_int_equal(fcntl(file.fd, F_GETFL) & O_ACCMODE, O_RDONLY);
	asked = canned_end(&f->server);
	assert_int_equal(count_of(asked, "#"), 1);
	assert_int_equal(count_of(asked, "Range: bytes=1-\r\n"), 1);
	download_file_remove(&file);
	fds[0] = file.fd;
	fds[1] = file.dirfd;
	download_file_close(&file);
	assert_true(fcntl(fds[0], F_GETFD) < 0 && fcntl(fds[1], F_GETFD) < 0);
	free(expect_recovery(f, whole));
	assert_int_equal(f->announced, 20);
	/* a range that the server has not */
	canned_start(&f->server, refused);
	put(f, "x.part", "0");
	put_state(f, f->server.url, "\"a\"");
	assert_int_equal(get(f, f->server.url, &file), 0);
	expect_body(f, &file);
	free(canned_end(&f->server));
}

/* The sink hears of the size, also of one byte; where the server tells none, of nothing. */
static void which_size_is_announced(void **state)
{
	static const char *const one[] = {"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n0", NULL};
	static const char *const untold[] = {
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n0\r\n0\r\n\r\n", NULL};
	const struct {
		const char *const *answers;
		uint64_t announced;
	} cases[] = {{one, 1}, {untold, UINT64_MAX}};
	struct fixture *f = *state;

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		_cleanup_(download_file_close) struct download_file file = DOWNLOAD_FILE_NONE;

		f->announced = UINT64_MAX;
		canned_start(&f->server, cases[i].answers);
		assert_int_equal(get(f, f->server.url, &file), 0);
		free(canned_end(&f->server));
		assert_int_equal(file.size, 1);
		assert_int_equal(f->announced, cases[i].announced);
		download_file_remove(&file);
	}
}

/* The sink refuses the size, or what an earlier run left: no byte is asked for, or taken. */
static void a_sink_that_refuses_at_once(void **state)
{
	static const char *const whole[] = {"HTTP/1.1 200 OK\r\n" LENGTH "\r\n" BODY, NULL};
	struct fixture *f = *state;
	struct download_file file = DOWNLOAD_FILE_NONE;
	_cleanup_free_ char *asked = NULL, *said = NULL;

	f->refuse_size = true;
	said = expect_failure(f, whole);
	assert_string_equal(said, "");
	assert_int_equal(f->announced, 20);
	assert_int_equal(f->got_len, 0);
	f->refuse_size = false;
	f->refuse = true;
	canned_start(&f->server, whole);
	put(f, "x.part", "0123456789");
	put_state(f, f->server.url, "\"a\"");
	assert_int_equal(get(f, f->server.url, &file), -1);
	assert_int_equal(f->got_len, 10);
	asked = canned_end(&f->server);
	assert_string_equal(asked, "");
	/* it can still be continued */
	assert_true(exists(f, "x.part"));
}

/* What an earlier run left is too large, or from elsewhere: it is not even read. */
static void what_cannot_be_of_the_file_begins_anew(void **state)
{
	static const char *const whole[] = {"HTTP/1.1 200 OK\r\n" LENGTH "\r\n" BODY, NULL};
	struct fixture *f = *state;
	_cleanup_free_ char *huge = xcalloc(1002, 1), *asked = NULL;

	memset(huge, 'x', 1001);
	put(f, "x.part", huge);
	asked = expect_recovery(f, whole);
	assert_int_equal(count_of(asked, "Range"), 0);
	assert_int_equal(f->got_len, 20);
}

static void a_part_that_cannot_be(void **state)
{
	struct fixture *f = *state;
	struct download_file file = DOWNLOAD_FILE_NONE;
	_cleanup_free_ char *said = NULL, *words = NULL;
	struct capture capture;

	words = xasprintf("nix-user-chroot: cannot create %s/x.part: ", f->dir);
	assert_int_equal(mkdirat(f->dirfd, "x.part", 0755), 0);
	capture_begin(&capture);
	assert_int_equal(get(f, "file:///nowhere", &file), -1);
	said = capture_end(&capture);
	/* one message */
	assert_int_equal(strncmp(said, words, strlen(words)), 0);
	assert_int_equal(count_of(said, "nix-user-chroot: "), 1);
}

#define IN_DIRECTORY(f) cmocka_unit_test_setup_teardown(f, make_directory, remove_directory)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_DIRECTORY(continues_where_it_stopped),
		IN_DIRECTORY(begins_again_where_it_must),
		IN_DIRECTORY(takes_what_is_complete_already),
		IN_DIRECTORY(an_earlier_run_is_continued),
		IN_DIRECTORY(a_complete_file_is_not_asked_for_again),
		IN_DIRECTORY(the_same_bytes_again_are_no_progress),
		IN_DIRECTORY(gives_up_in_the_end),
		IN_DIRECTORY(refuses_answers_that_are_too_large_or_encoded),
		IN_DIRECTORY(a_servers_words_are_shown_harmless),
		IN_DIRECTORY(a_failing_sink_or_an_interrupt_ends_it),
		IN_DIRECTORY(an_interrupt_ends_the_wait_for_the_next_try),
		IN_DIRECTORY(copies_a_local_file),
		IN_DIRECTORY(a_text_begins_again_as_a_whole),
		IN_DIRECTORY(an_exchanged_part),
		IN_DIRECTORY(a_part_and_its_state_outlive_a_run),
		IN_DIRECTORY(what_is_not_ours_alone_is_made_anew),
		IN_DIRECTORY(a_directory_in_the_place_of_a_part_is_refused),
		IN_DIRECTORY(a_state_that_is_not_ours_alone_says_nothing),
		IN_DIRECTORY(a_part_of_other_bytes_is_found_out),
		IN_DIRECTORY(all_that_is_kept_can_be_forgotten),
		IN_DIRECTORY(a_write_error_is_said_and_not_tried_again),
		IN_DIRECTORY(what_was_not_asked_for_is_said),
		IN_DIRECTORY(the_wait_is_said),
		IN_DIRECTORY(pieces_that_are_too_large_together),
		IN_DIRECTORY(an_error_page_without_end),
		IN_DIRECTORY(missing_has_words_of_the_callers),
		IN_DIRECTORY(one_byte_is_continued),
		IN_DIRECTORY(a_sink_that_refuses_at_once),
		IN_DIRECTORY(which_size_is_announced),
		IN_DIRECTORY(what_cannot_be_of_the_file_begins_anew),
		IN_DIRECTORY(a_part_that_cannot_be),
	};
	static const char *const proxies[] = {"http_proxy", "all_proxy", "ALL_PROXY"};

	/* a proxy of the user's would get the requests to 127.0.0.1 */
	for (size_t i = 0; i < COUNT_OF(proxies); i++)
		unsetenv(proxies[i]);
	return cmocka_run_group_tests_name("download", tests, NULL, NULL);
}
