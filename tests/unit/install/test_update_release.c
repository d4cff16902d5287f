/* Finding and verifying the program of a release. This test is the program of some. */
#include "install/update_release.h"
#include "util/cleanup.h"
#include "util/fs.h"
#include "util/sha256_stream.h"

#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "../broken_crypto.h"
#include "../capture.h"
#include "../child.h"
#include "../place.h"
#include "../refuse.h"

#define A64 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define B64 "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

struct scene {
	struct place *place;
	struct downloader *downloader;
	struct update_request request;
	char *program; /* of version 1.2.3 for this host */
};

static int setup(void **state)
{
	struct scene *scene = xcalloc(1, sizeof(*scene));
	struct download_options options;
	void *place = NULL;

	if (empty_environment(NULL) != 0 || place_setup(&place) != 0)
		return -1;
	scene->place = place;
	download_options_init(&options);
	scene->downloader = downloader_new(&options);
	scene->request.releases = scene->place->path;
	scene->program = xasprintf("nix-user-chroot-1.2.3-%s", own_release_system());
	*state = scene;
	/* after clearenv(3), environ is NULL, which fexecve(3) refuses */
	assert_int_equal(setenv("TEST_MORE", "0", 1), 0);
	assert_int_equal(setenv("TEST_LINES", "1", 1), 0);
	return !scene->downloader;
}

static int teardown(void **state)
{
	struct scene *scene = *state;
	void *place = scene->place;
	int r = place_teardown(&place);

	downloader_free(scene->downloader);
	free(scene->program);
	free(scene);
	return r;
}

static void put_sums(const struct scene *scene, const char *text)
{
	assert_int_equal(fs_replace_file(scene->place->fd, "SHA256SUMS", text, strlen(text), 0644),
			 0);
}

static void assert_digest(const struct own_file *file, const char *expected)
{
	char hex[SHA256_HEX_LEN + 1];

	sha256_format(&file->sha256, hex);
	assert_string_equal(hex, expected);
}

static void finds(const struct scene *scene, const char *digest)
{
	_cleanup_(own_file_clear) struct own_file file = {0};
	_cleanup_free_ char *url = xasprintf("file://%s/%s", scene->place->path, scene->program);

	assert_int_equal(update_release_find(&scene->request, scene->downloader, &file), 0);
	assert_string_equal(file.url, url);
	assert_string_equal(file.version, "1.2.3");
	assert_digest(&file, digest);
}

static void finds_none(const struct scene *scene, const char *message)
{
	_cleanup_(own_file_clear) struct own_file file = {0};
	_cleanup_free_ char *said = NULL;
	struct capture capture;
	int r;

	capture_begin(&capture);
	r = update_release_find(&scene->request, scene->downloader, &file);
	said = capture_end(&capture);
	assert_int_equal(r, -1);
	assert_one_message(said, message);
}

static void the_program_and_its_digest(void **state)
{
	struct scene *scene = *state;
	_cleanup_free_ char *one =
		xasprintf(A64 "  proot-5-%s\n" A64 "  %s\n", own_release_system(), scene->program);
	_cleanup_free_ char *two = xasprintf("%s" B64 "  %s\n", one, scene->program);

	put_sums(scene, one);
	finds(scene, A64);
	/* the user's digest is the one that counts */
	scene->request.sha256 = B64;
	finds(scene, B64);
	scene->request.sha256 = NULL;
	put_sums(scene, two);
	finds_none(scene, "/SHA256SUMS names 2 programs for this host\n");
	put_sums(scene, "<html>\n");
	finds_none(scene, "/SHA256SUMS names no program for this host (");
}

static void where_none_can_be(void **state)
{
	struct scene *scene = *state;
	_cleanup_free_ char *sums = xasprintf(A64 "  %s\n", scene->program);

	finds_none(scene, "there is no release of nix-user-chroot at file://");
	finds_none(scene, "name the place of one with --releases");
	put_sums(scene, sums);
	scene->request.sha256 = "short";
	finds_none(scene, "--program-sha256 'short' is not a SHA-256 hash\n");
	scene->request.sha256 = NULL;
	scene->request.releases = "relative";
	finds_none(scene, "in 'relative'");
	/* refused before any connection */
	scene->request.releases = "http://127.0.0.1:1";
	finds_none(scene, "cannot update from http://127.0.0.1:1: a hash that comes over plain "
			  "http proves nothing\n");
}

/* The file TEXT with the name and the digest that the release has. */
static void describe(const struct scene *scene, const char *text, size_t len, const char *version,
		     struct own_file *out)
{
	assert_int_equal(fs_replace_file(scene->place->fd, "program", text, len, 0644), 0);
	*out = (struct own_file){
		.url = xasprintf("file://%s/program", scene->place->path),
		.name = xstrdup("program"),
		.version = xstrdup(version),
	};
	assert_int_equal(sha256_of_bytes(text, len, &out->sha256), 0);
}

static void gets_none(const struct scene *scene, const struct own_file *file, const char *message)
{
	_cleanup_free_ char *said = NULL, *data = NULL;
	struct capture capture;
	size_t len = 7;
	int r;

	capture_begin(&capture);
	r = update_release_get(file, scene->downloader, &data, &len);
	said = capture_end(&capture);
	assert_int_equal(r, -1);
	assert_null(data);
	assert_int_equal(len, 7);
	assert_one_message(said, message);
}

static void what_the_program_says(void **state)
{
	const struct scene *scene = *state;
	_cleanup_(own_file_clear) struct own_file good = {0}, wrong = {0};
	_cleanup_free_ char *self = NULL, *data = NULL;
	size_t len, got = 0;
	int ends[2], kept;

	assert_int_equal(fs_read_file(AT_FDCWD, "/proc/self/exe", 1 << 28, &self, &len), 0);
	describe(scene, self, len, "9.8.7", &good);
	/* what is typed is not for it */
	kept = dup(STDIN_FILENO);
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(dup2(ends[0], STDIN_FILENO), STDIN_FILENO);
	assert_int_equal(update_release_get(&good, scene->downloader, &data, &got), 0);
	assert_int_equal(dup2(kept, STDIN_FILENO), STDIN_FILENO);
	close(ends[0]);
	close(ends[1]);
	close(kept);
	assert_int_equal(got, len);
	assert_memory_equal(data, self, len);
	/* a last line without its end */
	unsetenv("TEST_LINES");
	free(steal_ptr(&data));
	assert_int_equal(update_release_get(&good, scene->downloader, &data, &got), 0);
	/* one that says more than is read, in one write(2): the pipe is closed then */
	setenv("TEST_MORE", "300", 1);
	gets_none(scene, &good, "does not say that it is of version 9.8.7, but: xxx");
	setenv("TEST_MORE", "0", 1);
	describe(scene, self, len, "9.8", &wrong);
	gets_none(scene, &wrong,
		  "does not say that it is of version 9.8, but: "
		  "nix-user-chroot 9.8.7\n");
}

/* A program that closes its output before it ends: a signal meanwhile ends no wait for it. */
static void a_wait_that_is_interrupted(void **state)
{
	const struct scene *scene = *state;
	_cleanup_(own_file_clear) struct own_file good = {0};
	_cleanup_free_ char *self = NULL, *data = NULL;
	size_t len, got = 0;
	int r;

	assert_int_equal(fs_read_file(AT_FDCWD, "/proc/self/exe", 1 << 28, &self, &len), 0);
	describe(scene, self, len, "9.8.7", &good);
	setenv("TEST_LINGERS", "1", 1);
	child_interrupt();
	r = update_release_get(&good, scene->downloader, &data, &got);
	setitimer(ITIMER_REAL, &(struct itimerval){0}, NULL);
	unsetenv("TEST_LINGERS");
	assert_int_equal(r, 0);
}

static const struct scene *present;

static int get_without_descriptors(const void *context)
{
	_cleanup_free_ char *data = NULL;
	size_t len;

#ifdef SYS_dup2
	refuse_call(SYS_dup2, -1, EMFILE);
#endif
	refuse_call(SYS_dup3, -1, EMFILE);
	return update_release_get(context, present->downloader, &data, &len) < 0;
}

static int get_without_pipes(const void *context)
{
	_cleanup_free_ char *data = NULL;
	size_t len;

	refuse_call(SYS_pipe2, -1, EMFILE);
	return update_release_get(context, present->downloader, &data, &len) < 0 &&
	       child_has_stdin();
}

/* Without an output to read the program does not run at all. */
static void no_output(void **state)
{
	_cleanup_(own_file_clear) struct own_file good = {0};
	_cleanup_free_ char *self = NULL, *said = NULL;
	size_t len;
	int status;

	present = *state;
	assert_int_equal(fs_read_file(AT_FDCWD, "/proc/self/exe", 1 << 28, &self, &len), 0);
	describe(present, self, len, "9.8.7", &good);
	said = child_says(get_without_descriptors, &good, NULL, &status);
	assert_int_equal(WEXITSTATUS(status), 1);
	assert_has(said, "does not say that it is of version 9.8.7, but: \n");
	assert_has_not(said, "and more");
	free(said);
	said = child_says(get_without_pipes, &good, NULL, &status);
	assert_int_equal(WEXITSTATUS(status), 1);
	assert_has(said, " does not run on this host: Too many open files\n");
}

static void what_is_no_program(void **state)
{
	const struct scene *scene = *state;
	_cleanup_(own_file_clear) struct own_file file = {0}, changed = {0}, gone = {0};

	describe(scene, "garbage", 7, "1", &file);
	gets_none(scene, &file, "/program does not run on this host: Exec format error\n");
	broken_crypto.function = BROKEN_BYTES;
	gets_none(scene, &file, "/program: libcrypto fails\n  its installation is broken\n");
	broken_crypto.function = BROKEN_NONE;
	describe(scene, "garbage", 7, "1", &changed);
	changed.sha256.byte[0] ^= 1;
	gets_none(scene, &changed, "SHA-256 mismatch for file://");
	gets_none(scene, &changed, "nothing was changed; try again");
	gone = (struct own_file){.url = xasprintf("%s-gone", file.url)};
	gets_none(scene, &gone, "/program-gone is not there\n");
	gets_none(scene, &gone, "SHA256SUMS beside it names it");
}

int main(int argc, char **argv)
{
#define WITH_SCENE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		WITH_SCENE(the_program_and_its_digest),
		WITH_SCENE(where_none_can_be),
		WITH_SCENE(what_the_program_says),
		WITH_SCENE(a_wait_that_is_interrupted),
		WITH_SCENE(no_output),
		WITH_SCENE(what_is_no_program),
	};

	if (argc == 2 && strcmp(argv[1], "--version") == 0) {
		struct stat input;

		if (fstat(STDIN_FILENO, &input) < 0 || !S_ISCHR(input.st_mode))
			puts("it may read what is not for it");
		for (int left = atoi(getenv("TEST_MORE")); left >= 0; left--)
			fputs(left ? "x" : "nix-user-chroot 9.8.7", stdout);
		if (getenv("TEST_LINES"))
			puts("\nand more");
		if (fclose(stdout) == 0 && getenv("TEST_LINGERS"))
			poll(NULL, 0, 100);
		return 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
