/*
 * --update, but for replacing the program: which Nix it installs, and with which words. This test
 * is the program that is run then.
 */
#include "install/update_nix.h"
#include "config.h"
#include "install/own_release.h"
#include "install/update.h"
#include "store/layout.h"
#include "ui/log.h"
#include "util/cleanup.h"
#include "util/fs.h"
#include "util/sha256_stream.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "../capture.h"
#include "../child.h"
#include "../nth.h"
#include "../place.h"
#include "../refuse.h"

#define CANCELED     125
#define UPDATED_FROM "NIX_USER_CHROOT_UPDATED_FROM"
#define A64	     "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

/* What the test itself ends with if it is run as the program. */
enum { RAN = 7 };

struct scene {
	struct place *place;
	char *mirror;
	char *argv[3];
	struct update_request request;
};

static void put(const struct scene *scene, const char *name, const char *text)
{
	_cleanup_free_ char *path = path_join(scene->place->path, name), *above = path_parent(path);

	assert_int_equal(fs_mkdirs(AT_FDCWD, above, 0755), 0);
	assert_int_equal(fs_replace_file(AT_FDCWD, path, text, strlen(text), 0644), 0);
}

static void put_record(const struct scene *scene, const char *lines)
{
	_cleanup_free_ char *text = xasprintf("nix-user-chroot-record 1\n%s", lines);

	put(scene, "nix/" LAYOUT_RECORD, text);
}

/* Nix VERSION of the mirror, whatever tells it: an installation as the record has it. */
static void put_complete(const struct scene *scene, const char *version, const char *more)
{
	_cleanup_free_ char *lines = xasprintf(
		"%scomplete %s %s " A64 " file://%s/nix-%s/nix-%s-%s.tar.xz\n", more, version,
		own_release_system(), scene->mirror, version, version, own_release_system());

	put_record(scene, lines);
}

/* A mirror whose latest Nix is 2.30.0. */
static void put_mirror(const struct scene *scene)
{
	_cleanup_free_ char *name =
		xasprintf("mirror/nix-2.30.0/nix-2.30.0-%s.tar.xz", own_release_system());
	_cleanup_free_ char *hash = xasprintf("%s.sha256", name);

	put(scene, "mirror/latest/install", "url=x/nix-2.30.0/nix-2.30.0-$system.tar.xz\n");
	put(scene, name, "abc");
	put(scene, hash, A64);
}

static int setup(void **state)
{
	struct scene *scene = xcalloc(1, sizeof(*scene));
	_cleanup_free_ char *nix = NULL;
	void *place = NULL;

	umask(022);
	if (empty_environment(NULL) != 0 || place_setup(&place) != 0)
		return -1;
	scene->place = place;
	scene->mirror = path_join(scene->place->path, "mirror");
	scene->argv[0] = fs_self_path();
	scene->request.program_argv = scene->argv;
	nix = path_join(scene->place->path, "nix");
	put_mirror(scene);
	*state = scene;
	return setenv("HOME", scene->place->path, 1) + setenv("NIX_USER_CHROOT_DIR", nix, 1);
}

static int teardown(void **state)
{
	struct scene *scene = *state;
	void *place = scene->place;
	int r = place_teardown(&place);

	log_set_level(LOG_NORMAL);
	free(scene->mirror);
	free(scene->argv[0]);
	free(scene);
	return r;
}

static int call(const void *request)
{
	int r = update_nix(request);

	if (fflush(stdout) != 0 || !child_has_stdin())
		return 99;
	return r == 0 ? 0 : 1;
}

static int call_command(const void *request)
{
	int r = update_command(request);

	return child_has_stdin() ? r : 99;
}

/* WORK ends with EXPECTED, or the program is run, and says SAYS. */
static void work_ends(int (*work)(const void *request), const struct scene *scene, int expected,
		      const char *says)
{
	int status;
	_cleanup_free_ char *said = child_says(work, &scene->request, NULL, &status);

	if (!WIFEXITED(status) || WEXITSTATUS(status) != expected)
		fail_msg("%d instead of %d: %s", status, expected, said);
	assert_has(said, says);
	if (expected != RAN)
		assert_has_not(said, "--no-channel-add");
	if (!*says)
		assert_string_equal(said, "");
}

/* The same for update_nix(). */
static void ends(const struct scene *scene, int expected, const char *says)
{
	work_ends(call, scene, expected, says);
}

static void the_words_of_the_installation(void **state)
{
	struct scene *scene = *state;
	_cleanup_free_ char *all =
		xasprintf("--install --nix-version 2.30.0 --mirror %s --cacert /ca "
			  "--shared-group wheel --runtime proot -v --no-channel-add "
			  "--no-modify-profile --no-shims --force\n",
			  scene->mirror);
	_cleanup_free_ char *few = xasprintf(
		"Nix 2.26.3 -> Nix 2.30.0: %s/nix\n--install --nix-version 2.30.0 --mirror file://%s "
		"--no-channel-add --no-modify-profile\n",
		scene->place->path, scene->mirror);

	/* the mirror that the present one came from, and its links */
	put_complete(scene, "2.26.3", "link /h/bin/nix /x\n");
	ends(scene, RAN, few);
	put_complete(scene, "2.26.3", "file /h/bin/nix " A64 "\nlink /h/bin/nix /x\n");
	ends(scene, RAN, "--no-modify-profile\n");
	put_complete(scene, "2.26.3", "dir /h/bin\n");
	ends(scene, RAN, "--no-modify-profile --no-shims\n");
	put_complete(scene, "2.26.3", "");
	scene->request.mirror = scene->mirror;
	scene->request.cacert = "/ca";
	scene->request.trust.group = "wheel";
	scene->request.runtime = RUNTIME_PROOT;
	scene->request.force = true;
	log_set_level(LOG_VERBOSE);
	ends(scene, RAN, all);
	log_set_level(LOG_DEBUG);
	ends(scene, RAN, " -vv --no-channel-add");
	log_set_level(LOG_ERROR);
	ends(scene, RAN, " -q --no-channel-add");
}

static void the_versions(void **state)
{
	struct scene *scene = *state;

	put_complete(scene, "2.30.0", "");
	ends(scene, 0, "Nix 2.30.0 is the latest: nothing to do in /");
	scene->request.force = true;
	ends(scene, RAN, "Nix 2.30.0 -> Nix 2.30.0: ");
	/* newer by its number, not by its letters */
	put_complete(scene, "2.100.0", "");
	ends(scene, RAN, "Nix 2.100.0 -> Nix 2.30.0: ");
	scene->request.force = false;
	ends(scene, 1, "the latest there is Nix 2.30.0, which is older than what is in ");
	ends(scene, 1, "/nix, Nix 2.100.0\n  --force installs it anyway\n");
	put_complete(scene, "2.3.16", "");
	scene->request.dry_run = true;
	ends(scene, 0, "Nix 2.3.16 -> Nix 2.30.0 would be installed in /");
	put_complete(scene, "2.30.0", "");
	ends(scene, 0, "nothing to do");
}

static void where_it_comes_from(void **state)
{
	struct scene *scene = *state;
	_cleanup_free_ char *lines = NULL, *hash = NULL;

	/* not the form of a mirror's URL: without a mirror that is given, the maker's is asked */
	lines = xasprintf("complete 2.26.3 %s " A64 " file:///x.tar.xz\n", own_release_system());
	put_record(scene, lines);
	scene->request.mirror = scene->mirror;
	ends(scene, RAN, "Nix 2.26.3 -> Nix 2.30.0: ");
	scene->request.mirror = "/nowhere";
	ends(scene, 1, "/nowhere");
	/* a latest one that cannot be had: its hash is missing */
	hash = xasprintf("%s/nix-2.30.0/nix-2.30.0-%s.tar.xz.sha256", scene->mirror,
			 own_release_system());
	assert_int_equal(unlink(hash), 0);
	scene->request.mirror = scene->mirror;
	ends(scene, 1, ".tar.xz.sha256");
	scene->request.cacert = "/nowhere/ca";
	scene->request.mirror = "https://127.0.0.1:1";
	ends(scene, 1, "/nowhere/ca");
}

static void without_a_complete_installation(void **state)
{
	static const char *const texts[] = {
		"begun\n",
		"dir /x\n",
		"complete 2.26.3 x86_64-linux " A64 " https://x/t\nbegun\n",
	};
	struct scene *scene = *state;

	ends(scene, 1, "there is no Nix in ");
	ends(scene, 1, "/nix that --install installed\n  nix-user-chroot --install installs ");
	put(scene, "nix/store/file", "");
	ends(scene, 1, "/nix that --install installed\n");
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		put_record(scene, texts[i]);
		ends(scene, 1, "/nix that --install installed\n");
	}
	put_record(scene, "garbage\n");
	ends(scene, 1, "/nix that --install installed: Bad message\n");
	assert_int_equal(setenv("NIX_USER_CHROOT_DIR", "relative", 1), 0);
	ends(scene, 1, "NIX_USER_CHROOT_DIR");
}

static int call_as_root(const void *request)
{
	refuse_call(SYS_geteuid, -1, 0);
	return call(request);
}

static int call_once(void *request)
{
	return call(request);
}

/* A program that cannot be run again: an error, which tells what is left to do. */
static void a_program_that_does_not_run(void **state)
{
	struct scene *scene = *state;
	_cleanup_free_ char *said = NULL;
	struct capture capture;
	int status, r;

	put_complete(scene, "2.26.3", "");
	capture_begin(&capture);
	r = nth_fails(SYS_execve, 1, EACCES, call_once, &scene->request, &status);
	said = capture_end(&capture);
	if (r < 0)
		skip();
	assert_int_equal(r, 1);
	assert_int_equal(status, 1 << 8);
	assert_has(said, " again: Permission denied\n"
			 "  run nix-user-chroot --install --nix-version 2.30.0\n");
}

/* Another user's, which this one, as it seems to be root, can read and write: its owner updates it.
 */
static void of_another_user(void **state)
{
	struct scene *scene = *state;
	_cleanup_free_ char *says = NULL;
	unsigned long owner = geteuid() == 0 ? 12345 : geteuid();

	put_complete(scene, "2.26.3", "");
	if (geteuid() == 0)
		assert_int_equal(fchownat(scene->place->fd, "nix/" LAYOUT_RECORD, 12345, 12345, 0),
				 0);
	says = xasprintf("/nix was installed by user %lu, and you are user 0\n  ask that user ",
			 owner);
	work_ends(call_as_root, scene, 1, says);
}

/* --update of the program that has just been put in place: the rest of the work is left. */
static void after_the_program(void **state)
{
	struct scene *scene = *state;

	assert_int_equal(setenv(UPDATED_FROM, "0.0.1", 1), 0);
	work_ends(call_command, scene, 0, "");
	scene->request.with_nix = true;
	work_ends(call_command, scene, CANCELED, "there is no Nix in ");
	put_complete(scene, "2.26.3", "");
	/* the program that is run is not told so */
	work_ends(call_command, scene, RAN, "/nix\n--install --nix-version 2.30.0 ");
	put_complete(scene, "2.30.0", "");
	work_ends(call_command, scene, 0, "nothing to do");
	scene->request.with_nix = false;
	assert_int_equal(setenv("NIX_USER_CHROOT_DIR", "relative", 1), 0);
	work_ends(call_command, scene, CANCELED, "NIX_USER_CHROOT_DIR");
	unsetenv("NIX_USER_CHROOT_DIR");
	assert_int_equal(setenv("HOME", "relative", 1), 0);
	work_ends(call_command, scene, CANCELED, "HOME");
}

/* A program that --update cannot replace: an error, but with --nix the Nix is updated. */
static void without_the_program(void **state)
{
	struct scene *scene = *state;

#ifdef SINGLE_BINARY
	/* this test would replace itself */
	skip();
#endif
	put_complete(scene, "2.26.3", "");
	work_ends(call_command, scene, CANCELED, "nix-user-chroot: /");
	work_ends(call_command, scene, CANCELED, " is not updated by --update: it ");
	scene->request.with_nix = true;
	work_ends(call_command, scene, RAN, "nix-user-chroot: warning: ");
	work_ends(call_command, scene, RAN, "\n--install --nix-version 2.30.0 ");
	put_complete(scene, "2.30.0", "");
	work_ends(call_command, scene, 0, "nothing to do");
}

#ifdef SINGLE_BINARY
static int update_the_copy(void *ctx)
{
	char *const *argv = ctx;

	execv(argv[0], argv);
	return 99;
}

/* The new program is in place, and cannot be run: that is told, and the rest is left. */
static void a_program_that_cannot_be_run(void **state)
{
	const struct scene *scene = *state;
	_cleanup_free_ char *copy = path_join(scene->place->path, "bin/nix-user-chroot");
	_cleanup_free_ char *name = xasprintf("nix-user-chroot-99.0-%s", own_release_system());
	_cleanup_free_ char *self = NULL, *sums = NULL, *said = NULL, *words = NULL;
	char *argv[] = {copy, (char[]){"--update"}, scene->place->path, NULL};
	char hex[SHA256_HEX_LEN + 1];
	struct capture capture;
	struct sha256 digest;
	int status, r;
	size_t len;

	assert_int_equal(fs_read_file(AT_FDCWD, "/proc/self/exe", 1 << 28, &self, &len), 0);
	/* the new one is the same with a zero behind it */
	assert_int_equal(sha256_of_bytes(self, len + 1, &digest), 0);
	sha256_format(&digest, hex);
	sums = xasprintf("%s  %s\n", hex, name);
	put(scene, "SHA256SUMS", sums);
	assert_int_equal(fs_replace_file(scene->place->fd, name, self, len + 1, 0644), 0);
	assert_int_equal(fs_mkdirs(scene->place->fd, "bin", 0755), 0);
	assert_int_equal(fs_replace_file(AT_FDCWD, copy, self, len, 0755), 0);
	capture_begin(&capture);
	/* the first is that of the copy */
	r = nth_fails(SYS_execve, 2, EACCES, update_the_copy, argv, &status);
	said = capture_end(&capture);
	if (r < 0)
		skip();
	words = xasprintf("cannot run %s: Permission denied\n  it is in place; run it again ",
			  copy);
	assert_has(said, words);
	assert_int_equal(r, 1);
	assert_int_equal(status, CANCELED << 8);
}
#endif

/* As the program that the test runs. */
static int run_as_program(int argc, char **argv)
{
	if (strcmp(argv[1], "--version") == 0)
		return puts("nix-user-chroot 99.0") < 0;
	if (strcmp(argv[1], "--update") == 0)
		return update_command(
			&(struct update_request){.program_argv = argv, .releases = argv[2]});
	if (getenv(UPDATED_FROM))
		puts("as a program that was just updated:");
	for (int i = 1; i < argc; i++)
		printf("%s%s", argv[i], i + 1 < argc ? " " : "\n");
	return RAN;
}

int main(int argc, char **argv)
{
#define WITH_SCENE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		WITH_SCENE(the_words_of_the_installation),
		WITH_SCENE(the_versions),
		WITH_SCENE(where_it_comes_from),
		WITH_SCENE(without_a_complete_installation),
		WITH_SCENE(a_program_that_does_not_run),
		WITH_SCENE(of_another_user),
		WITH_SCENE(after_the_program),
		WITH_SCENE(without_the_program),
#ifdef SINGLE_BINARY
		WITH_SCENE(a_program_that_cannot_be_run),
#endif
	};

	return argc > 1 ? run_as_program(argc, argv) : cmocka_run_group_tests(tests, NULL, NULL);
}
