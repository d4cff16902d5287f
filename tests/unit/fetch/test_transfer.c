/* One try, and what follows it: which answer counts, what is said, and how long is waited. */
#include "canned.h"
#include "fetch/download.h"
#include "fetch/url.h"
#include "ui/log.h"
#include "util/cleanup.h"
#include "util/fs.h"
#include "util/str.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include <cmocka.h>

#include "../capture.h"
#include "../place.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

#define P     "nix-user-chroot: "
#define EMPTY "Content-Length: 0\r\n\r\n"

static const struct download_missing missing = {"there is no yak", "buy one"};

/* A downloader, and what came of one text. */
struct attempt {
	struct download_options options;
	struct download_text text;
	int result;
	char *said, *asked;
};

static struct attempt attempt_of(unsigned tries)
{
	struct attempt attempt = {.result = 0};

	download_options_init(&attempt.options);
	attempt.options.tries = tries;
	attempt.options.wait_ms = attempt.options.wait_max_ms = 1;
	return attempt;
}

static void attempt_clear(struct attempt *attempt)
{
	download_text_clear(&attempt->text);
	free(attempt->said);
	free(attempt->asked);
}

static void get(struct attempt *attempt, const char *url, const struct download_missing *words)
{
	struct downloader *downloader = downloader_new(&attempt->options);
	struct capture capture;

	assert_non_null(downloader);
	capture_begin(&capture);
	attempt->result = download_text(downloader, url, 1000, words, &attempt->text);
	attempt->said = capture_end(&capture);
	downloader_free(downloader);
}

/* Gets PATH from a server with these answers. */
static void get_answers(struct attempt *attempt, const char *path, const char *const *answers)
{
	_cleanup_free_ char *url = NULL;
	struct canned server;

	canned_start(&server, answers);
	url = xasprintf("%s%s", server.url, path);
	get(attempt, url, NULL);
	attempt->asked = canned_end(&server);
}

static size_t count_of(const char *text, const char *word)
{
	size_t count = 0;

	for (; (text = strstr(text, word)); text += strlen(word))
		count++;
	return count;
}

static void expect_end(const char *said, const char *words)
{
	if (!str_ends_with(said, words))
		fail_msg("\"%s\" is not the end of: %s", words, said);
}

static void only_some_schemes(void **state)
{
	static const char *const urls[] = {"ftp://127.0.0.1/x", "scp://127.0.0.1/x", "x", ""};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(urls); i++) {
		_cleanup_(attempt_clear) struct attempt attempt = attempt_of(3);
		_cleanup_free_ char *words =
			xasprintf(P "cannot download %s: only https://, http:// and file:// are "
				    "downloaded\n  check --mirror and --tarball\n",
				  urls[i]);

		get(&attempt, urls[i], &missing);
		assert_int_equal(attempt.result, -1);
		assert_string_equal(attempt.said, words);
	}
}

/* Of a local file that is not there the caller speaks, of one that cannot be read we do. */
static void local_files(void **state)
{
	static const struct {
		const char *name;
		int err;
		bool is_missing;
	} cases[] = {
		{"none", ENOENT, true},
		{"secret/x", ENOTDIR, true},
		{"dir", EISDIR, false},
		{"secret", EACCES, false},
	};
	const struct place *place = *state;

	assert_int_equal(mkdirat(place->fd, "dir", 0755), 0);
	assert_int_equal(fs_replace_file(place->fd, "secret", "x", 1, 0), 0);
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		_cleanup_(attempt_clear) struct attempt attempt = attempt_of(3), own = attempt;
		_cleanup_free_ char *url = xasprintf("file://%s/%s", place->path, cases[i].name);
		_cleanup_free_ char *words =
			xasprintf(P "cannot download %s: %s\n  check --mirror and --tarball\n", url,
				  strerror(cases[i].err));

		if (cases[i].err == EACCES && geteuid() == 0)
			continue; /* root may read it */
		get(&attempt, url, &missing);
		get(&own, url, NULL);
		assert_int_equal(attempt.result, -1);
		assert_int_equal(own.result, -1);
		assert_string_equal(attempt.said,
				    cases[i].is_missing ? P "there is no yak\n  buy one\n" : words);
		assert_string_equal(own.said, words);
	}
}

/* "a/.." of a file's name is what the system makes of it, of a server's it is nothing. */
static void dots_in_a_path(void **state)
{
	static const char *const answers[] = {"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n1",
					      NULL};
	const struct place *place = *state;
	_cleanup_(attempt_clear) struct attempt local = attempt_of(1), remote = local;
	_cleanup_free_ char *url = xasprintf("file://%s/link/../x", place->path);

	assert_int_equal(fs_mkdirs(place->fd, "far/away", 0755), 0);
	assert_int_equal(symlinkat("far/away", place->fd, "link"), 0);
	assert_int_equal(fs_replace_file(place->fd, "x", "near", 4, 0644), 0);
	assert_int_equal(fs_replace_file(place->fd, "far/x", "far", 3, 0644), 0);
	get(&local, url, NULL);
	assert_int_equal(local.result, 0);
	assert_string_equal(local.text.body, "far");
	assert_string_equal(local.text.effective_url, url);
	get_answers(&remote, "/a/../b", answers);
	assert_string_equal(remote.text.body, "1");
	assert_true(str_starts_with(remote.asked, "GET /b HTTP/"));
}

static void which_answers_count(void **state)
{
	static const char *const good[] = {
		"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n1",
		"HTTP/1.1 203 Fine\r\nContent-Length: 1\r\n\r\n1",
		"HTTP/1.1 206 Part\r\nContent-Length: 1\r\nContent-Range: bytes 0-0/1\r\n\r\n1",
		"HTTP/1.1 206 Part\r\nContent-Length: 1\r\nContent-Range: bytes 0-0/*\r\n\r\n1",
		"HTTP/1.1 200 OK\r\nContent-Encoding: identity\r\nContent-Length: 1\r\n\r\n1",
		"HTTP/1.1 200 OK\r\nContent-Encoding: IDENTITY\r\nContent-Length: 1\r\n\r\n1",
		"HTTP/1.1 200 OK\r\nContent-Encoding:\r\nContent-Length: 1\r\n\r\n1",
		("HTTP/1.1 200 OK\r\n" EMPTY),
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(good); i++) {
		_cleanup_(attempt_clear) struct attempt attempt = attempt_of(1);

		/* in this test nobody asks for progress */
		assert_null(attempt.options.progress);
		get_answers(&attempt, "/x", (const char *const[]){good[i], NULL});
		assert_int_equal(attempt.result, 0);
		assert_string_equal(attempt.said, "");
		assert_string_equal(attempt.text.body, i + 1 < COUNT_OF(good) ? "1" : "");
		assert_false(attempt.text.trusted);
	}
}

static void what_is_said(void **state)
{
	static const char part_of[] =
		"HTTP/1.1 206 Part\r\nContent-Length: 2\r\nContent-Range: bytes 0-1/5\r\n\r\n01";
	static const char busy[] = "HTTP/1.1 503 No\r\n" EMPTY;
	static const struct {
		unsigned tries;
		const char *answers[4], *words;
	} cases[] = {
		{3,
		 {"HTTP/1.1 206 Part\r\nContent-Length: 5\r\nContent-Range: bytes "
		  "5-9/10\r\n\r\n56789"},
		 "/x?...: the server sent another part than was asked for\n"
		 "  try another --mirror\n"},
		{3,
		 {"HTTP/1.1 206 Part\r\nContent-Length: 5\r\nContent-Range: bytes "
		  "*/10\r\n\r\n56789"},
		 "/x?...: the server sent another part than was asked for\n"
		 "  try another --mirror\n"},
		{3,
		 {"HTTP/1.1 206 Part\r\nContent-Length: 1\r\nContent-Range: bytes "
		  "0-0/1001\r\n\r\n0"},
		 "/x?...: it is larger than 1000 bytes, so it is not what was asked for\n"
		 "  check --mirror, --tarball and the network (a login page?)\n"},
		{3,
		 {part_of, part_of, part_of},
		 "/x?...: the answer is shorter than announced, 3 times in a row\n"
		 "  try another --mirror\n"},
		/* of the last try only what belongs to it */
		{2,
		 {busy, part_of},
		 "/x?...: the answer is shorter than announced, 2 times in a row\n"
		 "  try another --mirror\n"},
		/* once is not "in a row" */
		{1,
		 {busy},
		 "/x?...: HTTP 503 (the server is overloaded or being repaired)\n"
		 "  try another --mirror, or again later\n"},
		{2,
		 {busy, busy},
		 "/x?...: HTTP 503 (the server is overloaded or being repaired), 2 times in a "
		 "row\n  try another --mirror, or again later\n"},
		{3,
		 {"HTTP/1.1 204 None\r\n\r\n"},
		 "/x?...: HTTP 204 (not an answer that was expected)\n"
		 "  try another --mirror, or again later\n"},
		{3,
		 {"HTTP/1.1 300 Choose\r\n" EMPTY},
		 "/x?...: HTTP 300 (not an answer that was expected)\n"
		 "  try another --mirror, or again later\n"},
		{3,
		 {"HTTP/1.1 400 No\r\n" EMPTY},
		 "/x?...: HTTP 400 (the server refused)\n"
		 "  try another --mirror, or again later\n"},
		/* what of a redirect's URL may be shown */
		{3,
		 {"HTTP/1.1 302 Found\r\nLocation: /y?key\r\n" EMPTY, "HTTP/1.1 404 No\r\n" EMPTY},
		 "/y?...): HTTP 404 (there is no such file)\n  check --mirror and --tarball\n"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		_cleanup_(attempt_clear) struct attempt attempt = attempt_of(cases[i].tries);

		get_answers(&attempt, "/x?secret", cases[i].answers);
		assert_int_equal(attempt.result, -1);
		expect_end(attempt.said, cases[i].words);
		assert_null(strstr(attempt.said, "secret"));
		assert_null(strstr(attempt.said, "key"));
		assert_int_equal(count_of(attempt.said, "cannot download "), 1);
	}
}

/* Before each further try one line, with the reason and the wait; -v has what libcurl says. */
static void the_retry_is_said(void **state)
{
	static const char *const answers[] = {"HTTP/1.1 503 No\r\n" EMPTY,
					      "HTTP/1.1 500 No\r\n" EMPTY, "",
					      "HTTP/1.1 200 OK\r\n" EMPTY, NULL};
	_cleanup_(attempt_clear) struct attempt attempt = attempt_of(4);
	_cleanup_(attempt_clear) struct attempt none = attempt_of(2);

	(void)state;
	log_set_level(LOG_DEBUG);
	get_answers(&attempt, "/x?secret", answers);
	get(&none, "http://127.0.0.1:1/x?secret", NULL);
	log_set_level(LOG_NORMAL);
	assert_int_equal(attempt.result, 0);
	assert_int_equal(count_of(attempt.asked, "#"), 4);
	assert_int_equal(count_of(attempt.said, "; retry in 0.0 s\n"), 3);
	assert_int_equal(count_of(attempt.said, ": HTTP 503; retry in 0.0 s\n" P
						"the server is overloaded or being repaired\n"),
			 1);
	assert_int_equal(
		count_of(attempt.said, ": HTTP 500; retry in 0.0 s\n" P "an error in the server\n"),
		1);
	assert_int_equal(count_of(attempt.said, ": closed without an answer; retry in 0.0 s\n"), 1);
	assert_int_equal(count_of(attempt.said, "get http://127.0.0.1:"), 4);
	assert_int_equal(count_of(attempt.said, "/x?... from byte 0\n"), 4);
	assert_null(strstr(attempt.said, "secret"));
	/* in brackets is what libcurl says */
	assert_int_equal(none.result, -1);
	assert_int_equal(count_of(none.said, P "127.0.0.1:1: cannot connect; retry in 0.0 s\n"), 1);
	assert_int_equal(count_of(none.said, "/x?...: cannot connect ("), 1);
	assert_int_equal(count_of(none.said, "), 2 times in a row\n  check the network"), 1);
}

/* The wait is doubled, up to the most, and half of it is random. */
static void the_wait_grows(void **state)
{
	static const char busy[] = "HTTP/1.1 503 No\r\n" EMPTY;
	static const struct {
		unsigned wait, most;
		unsigned tenths[2][2]; /* of a second: the least and the most of each wait */
	} cases[] = {
		{199, 30000, {{0, 1}, {1, 3}}},
		{30000, 99, {{0, 0}, {0, 0}}},
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		_cleanup_(attempt_clear) struct attempt attempt = attempt_of(3);
		const char *at;

		attempt.options.wait_ms = cases[i].wait;
		attempt.options.wait_max_ms = cases[i].most;
		get_answers(&attempt, "/x", (const char *const[]){busy, busy, busy, NULL});
		assert_int_equal(attempt.result, -1);
		at = attempt.said;
		for (size_t j = 0; j < 2; j++) {
			unsigned seconds, tenths;

			at = strstr(at, "retry in ");
			assert_non_null(at);
			assert_int_equal(sscanf(at++, "retry in %u.%u s", &seconds, &tenths), 2);
			assert_int_equal(seconds, 0);
			assert_in_range(tenths, cases[i].tenths[j][0], cases[i].tenths[j][1]);
		}
	}
}

static int end_once_said(void *ctx, uint64_t done, uint64_t total)
{
	bool *ended = ctx;
	struct stat st;

	(void)done, (void)total;
	if (*ended || fstat(STDERR_FILENO, &st) < 0 || st.st_size == 0)
		return 0;
	*ended = true;
	return 1;
}

/* Who is asked once, during the wait, and says that it is to end, is not asked again. */
static void an_end_in_the_wait(void **state)
{
	static const char *const answers[] = {"HTTP/1.1 503 No\r\n" EMPTY,
					      "HTTP/1.1 200 OK\r\n" EMPTY, NULL};
	_cleanup_(attempt_clear) struct attempt attempt = attempt_of(3);
	bool ended = false;

	(void)state;
	attempt.options.progress = end_once_said;
	attempt.options.progress_ctx = &ended;
	get_answers(&attempt, "/x", answers);
	assert_int_equal(attempt.result, -1);
	assert_int_equal(count_of(attempt.asked, "#"), 1);
	assert_true(str_ends_with(attempt.said, ": HTTP 503; retry in 0.0 s\n"));
}

static int end_at_once(void *ctx, uint64_t done, uint64_t total)
{
	(void)ctx, (void)done, (void)total;
	return 1;
}

/* The user ended it, and knows that. */
static void an_end_is_silent(void **state)
{
	static const char *const answers[] = {"HTTP/1.1 200 OK\r\n" EMPTY, NULL};
	_cleanup_(attempt_clear) struct attempt attempt = attempt_of(3);

	(void)state;
	attempt.options.progress = end_at_once;
	get_answers(&attempt, "/x", answers);
	assert_int_equal(attempt.result, -1);
	assert_string_equal(attempt.said, "");
}

/* For how long the first two tries are held up, in ms, when they begin. */
struct delays {
	unsigned calls, calls_since; /* of progress(): all, and since the retry was announced */
	long first, second;
};

static int hold_up(void *ctx, uint64_t done, uint64_t total)
{
	struct delays *delays = ctx;
	struct timespec ts = {0};
	struct stat st;

	(void)done, (void)total;
	if (delays->calls++ == 0)
		ts.tv_nsec = delays->first * 1000000;
	/* two calls are of the wait of 1 ms */
	else if (fstat(STDERR_FILENO, &st) == 0 && st.st_size > 0 && ++delays->calls_since == 3)
		ts.tv_nsec = delays->second * 1000000;
	nanosleep(&ts, NULL);
	return 0;
}

/* A text has its time for all tries together: what the first took the second has not. */
static void the_time_of_all_tries(void **state)
{
	static const char *const answers[] = {"HTTP/1.1 503 No\r\n" EMPTY,
					      "HTTP/1.1 200 OK\r\n" EMPTY, NULL};
	static const struct {
		unsigned seconds;
		struct delays delays;
		const char *said;
	} cases[] = {
		{1,
		 {.first = 600, .second = 600},
		 ": it was not complete after 1 seconds\n  check the network, and set https_proxy "
		 "if you need a proxy; --mirror names another mirror\n"},
		{5, {.first = 20, .second = 20}, ": HTTP 503; retry in 0.0 s\n"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		_cleanup_(attempt_clear) struct attempt attempt = attempt_of(3);
		struct delays delays = cases[i].delays;

		attempt.options.text_time = cases[i].seconds;
		attempt.options.progress = hold_up;
		attempt.options.progress_ctx = &delays;
		get_answers(&attempt, "/x", answers);
		assert_int_equal(attempt.result, i == 0 ? -1 : 0);
		expect_end(attempt.said, cases[i].said);
	}
}

/* A server that sends a piece of SIZE at each try: is the whole of 3 pieces gotten in 2 tries? */
static int get_pieces(const struct place *place, unsigned size)
{
	_cleanup_(download_file_close) struct download_file file = DOWNLOAD_FILE_NONE;
	_cleanup_free_ char *bytes = xcalloc(size + 1, 1);
	struct attempt attempt = attempt_of(2);
	struct downloader *downloader = downloader_new(&attempt.options);
	char *answers[4] = {NULL}, *said;
	struct capture capture;
	struct canned server;
	int r;

	memset(bytes, 'x', size);
	for (unsigned i = 0; i < 3; i++)
		answers[i] = xasprintf("HTTP/1.1 %s\r\nETag: \"a\"\r\nContent-Length: %u\r\n"
				       "Content-Range: bytes %u-%u/%u\r\n\r\n%s",
				       i == 0 ? "200 OK" : "206 Part", (3 - i) * size, i * size,
				       3 * size - 1, 3 * size, bytes);
	canned_start(&server, (const char *const *)answers);
	capture_begin(&capture);
	r = download_file(downloader,
			  &(struct download_request){.url = server.url,
						     .max = 3 * size,
						     .dirfd = place->fd,
						     .dir = place->path,
						     .name = "x"},
			  &file);
	said = capture_end(&capture);
	free(said);
	free(canned_end(&server));
	assert_true(r < 0 || file.size == 3 * size);
	if (r == 0)
		download_file_remove(&file);
	downloader_free(downloader);
	for (size_t i = 0; i < 3; i++)
		free(answers[i]);
	return r;
}

/* 256 KiB more than before are a gain, one byte less are none. */
static void a_gain_is_no_failure(void **state)
{
	assert_int_equal(get_pieces(*state, 1 << 18), 0);
	assert_int_equal(get_pieces(*state, (1 << 18) - 1), -1);
}

/* A proxy answers for itself; what it is asked for is only the name of the server. */
static void a_proxy_that_refuses(void **state)
{
	static const struct {
		const char *answers[4], *words;
	} cases[] = {
		{{"HTTP/1.1 407 Login\r\n" EMPTY},
		 ": the proxy refuses (HTTP 407)\n"
		 "  put user and password into https_proxy: http://USER:PASSWORD@HOST:PORT\n"},
		{{"HTTP/1.1 403 No\r\n" EMPTY},
		 ": the proxy refuses (HTTP 403)\n"
		 "  check the variables https_proxy and no_proxy\n"},
		{{"HTTP/1.1 503 No\r\n" EMPTY, "HTTP/1.1 502 No\r\n" EMPTY},
		 ": the proxy refuses (HTTP 502), 2 times in a row\n"
		 "  check the variables https_proxy and no_proxy\n"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		_cleanup_(attempt_clear) struct attempt attempt = attempt_of(2);
		struct canned server;

		canned_start(&server, cases[i].answers);
		setenv("https_proxy", server.url, 1);
		get(&attempt, "https://example.invalid/secret", &missing);
		attempt.asked = canned_end(&server);
		unsetenv("https_proxy");
		assert_int_equal(attempt.result, -1);
		expect_end(attempt.said, cases[i].words);
		assert_int_equal(count_of(attempt.asked, "CONNECT example.invalid:443 "),
				 i == 2 ? 2 : 1);
		assert_null(strstr(attempt.asked, "secret"));
	}
}

/* Certificates that are named and not there: nothing is asked for. A local file needs none. */
static void certificates_that_are_not_there(void **state)
{
	static const char *const answers[] = {"HTTP/1.1 200 OK\r\n" EMPTY, NULL};
	const struct place *place = *state;
	_cleanup_(attempt_clear) struct attempt remote = attempt_of(3), local = remote;
	_cleanup_free_ char *url = xasprintf("file://%s/x", place->path);

	remote.options.cacert = local.options.cacert = "/nonexistent.pem";
	get_answers(&remote, "/x", answers);
	assert_int_equal(remote.result, -1);
	assert_string_equal(remote.said,
			    P "cannot read the CA certificates in '/nonexistent.pem' (--cacert): "
			      "No such file or directory\n"
			      "  give a file of CA certificates in PEM form\n");
	assert_string_equal(remote.asked, "");
	assert_int_equal(fs_replace_file(place->fd, "x", "1", 1, 0644), 0);
	get(&local, url, NULL);
	assert_int_equal(local.result, 0);
	assert_string_equal(local.text.body, "1");
	assert_true(local.text.trusted);
}

/* A server that falls silent: the connection is given up soon. */
static void a_server_that_falls_silent(void **state)
{
	static const char *const answers[] = {
		"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n123" CANNED_SILENCE, NULL};
	_cleanup_(attempt_clear) struct attempt attempt = attempt_of(1);

	(void)state;
	attempt.options.stall_window = 1;
	get_answers(&attempt, "/x", answers);
	assert_int_equal(attempt.result, -1);
	assert_non_null(strstr(attempt.said, "the connection stalled"));
}

/* The certificates are looked for once: what happens to the file after that does not matter. */
static void certificates_that_vanish(void **state)
{
	static const char *const answers[] = {"HTTP/1.1 200 OK\r\n" EMPTY,
					      "HTTP/1.1 200 OK\r\n" EMPTY, NULL};
	const struct place *place = *state;
	_cleanup_free_ char *file = path_join(place->path, "ca.pem");
	struct download_options options;
	struct downloader *downloader;
	struct canned server;

	download_options_init(&options);
	options.cacert = file;
	downloader = downloader_new(&options);
	canned_start(&server, answers);
	assert_int_equal(fs_replace_file(place->fd, "ca.pem", "x", 1, 0644), 0);
	for (int i = 0; i < 2; i++) {
		_cleanup_(download_text_clear) struct download_text text = {0};

		assert_int_equal(download_text(downloader, server.url, 100, NULL, &text), 0);
		(void)!unlinkat(place->fd, "ca.pem", 0);
	}
	free(canned_end(&server));
	downloader_free(downloader);
}

/* The connections to servers that are open; each of them has O_CLOEXEC. */
static int connections(void)
{
	int count = 0;

	for (int fd = 3; fd < 256; fd++) {
		struct sockaddr_storage address;
		socklen_t len = sizeof(address);

		if (getsockname(fd, (struct sockaddr *)&address, &len) < 0 ||
		    address.ss_family != AF_INET)
			continue;
		count++;
		assert_int_equal(fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
	}
	return count;
}

static int note_connections(void *ctx, uint64_t done, uint64_t total)
{
	int *most = ctx, now = connections();

	(void)done, (void)total;
	*most = now > *most ? now : *most;
	return 0;
}

/* No program gets a connection, and none outlives the downloader. */
static void connections_are_our_own(void **state)
{
	static const char *const answers[] = {"HTTP/1.1 302 Found\r\nLocation: /y\r\n" EMPTY,
					      "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n1",
					      NULL};
	_cleanup_(attempt_clear) struct attempt attempt = attempt_of(1);
	int most = 0;

	(void)state;
	attempt.options.progress = note_connections;
	attempt.options.progress_ctx = &most;
	get_answers(&attempt, "/x", answers);
	assert_int_equal(attempt.result, 0);
	assert_true(most > 0);
	assert_int_equal(connections(), 0);
	assert_true(str_ends_with(attempt.text.effective_url, "/y"));
}

static int forget_proxies(void **state)
{
	static const char *const names[] = {"http_proxy",   "all_proxy",	 "ALL_PROXY",
					    "no_proxy",	    "NO_PROXY",		 "SSL_CERT_FILE",
					    "SSL_CERT_DIR", "NIX_SSL_CERT_FILE", "CURL_CA_BUNDLE"};

	for (size_t i = 0; i < COUNT_OF(names); i++)
		unsetenv(names[i]);
	return place_setup(state);
}

#define IN_PLACE(f) cmocka_unit_test_setup_teardown(f, forget_proxies, place_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_PLACE(only_some_schemes),
		IN_PLACE(local_files),
		IN_PLACE(dots_in_a_path),
		IN_PLACE(which_answers_count),
		IN_PLACE(what_is_said),
		IN_PLACE(the_retry_is_said),
		IN_PLACE(the_wait_grows),
		IN_PLACE(an_end_in_the_wait),
		IN_PLACE(an_end_is_silent),
		IN_PLACE(the_time_of_all_tries),
		IN_PLACE(a_gain_is_no_failure),
		IN_PLACE(a_proxy_that_refuses),
		IN_PLACE(certificates_that_are_not_there),
		IN_PLACE(certificates_that_vanish),
		IN_PLACE(a_server_that_falls_silent),
		IN_PLACE(connections_are_our_own),
	};

	return cmocka_run_group_tests_name("transfer", tests, NULL, NULL);
}
