/* What --install finds in the Nix directory before it does anything. */
#include "install/installed.h"
#include "store/layout.h"
#include "util/cleanup.h"
#include "util/fs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "../capture.h"
#include "../place.h"

#define NAME  "00000000000000000000000000000100-nix-2.26.3"
#define OTHER "00000000000000000000000000000200-nix-2.30.0"
#define MORE  "00000000000000000000000000000300-other-1"
#define A64   "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define B64   "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

#define STORES "store " NAME "\nstore " MORE "\n"
#define RECORD STORES "complete 2.26.3 x86_64-linux " A64 " https://x/t\n"

/* A home directory; "@" in a name is its Nix directory. */
struct scene {
	struct place *place;
	char *nix;
};

static void put(const struct scene *scene, const char *name, const char *text, mode_t mode)
{
	_cleanup_free_ char *path = path_join(scene->nix, name), *above = path_parent(path);

	assert_int_equal(fs_mkdirs(AT_FDCWD, above, 0755), 0);
	assert_int_equal(fs_replace_file(AT_FDCWD, path, text, strlen(text), mode), 0);
}

static void put_record(const struct scene *scene, const char *lines)
{
	_cleanup_free_ char *text = xasprintf("nix-user-chroot-record 1\n%s", lines);

	put(scene, LAYOUT_RECORD, text, 0644);
}

/* The profile leads to STORE_PATH; NULL: there is none. */
static void put_profile(const struct scene *scene, const char *store_path)
{
	_cleanup_free_ char *to = store_path ? path_join("/nix/store", store_path) : NULL;

	unlinkat(scene->place->fd, ".nix-profile", 0);
	if (to)
		assert_int_equal(symlinkat(to, scene->place->fd, ".nix-profile"), 0);
}

/* A database that knows the store path NAME, as far as damage_find() looks. */
static void put_database(const struct scene *scene)
{
	_cleanup_free_ char *bytes = xcalloc(8192, 1);
	_cleanup_free_ char *path = path_join(scene->nix, "var/nix/db/db.sqlite");
	_cleanup_free_ char *above = path_parent(path);

	memcpy(bytes, "SQLite format 3", 16);
	bytes[16] = 0x10;
	bytes[31] = 2;
	strcpy(bytes + 100, "/nix/store/" NAME " x");
	assert_int_equal(fs_mkdirs(AT_FDCWD, above, 0755), 0);
	assert_int_equal(fs_replace_file(AT_FDCWD, path, bytes, 8192, 0644), 0);
}

static int setup(void **state)
{
	struct scene *scene = xcalloc(1, sizeof(*scene));
	void *place = NULL;

	if (empty_environment(NULL) != 0 || place_setup(&place) != 0)
		return -1;
	scene->place = place;
	scene->nix = path_join(scene->place->path, "nix");
	*state = scene;
	return setenv("HOME", scene->place->path, 1);
}

static int teardown(void **state)
{
	struct scene *scene = *state;
	void *place = scene->place;
	int r = place_teardown(&place);

	free(scene->nix);
	free(scene);
	return r;
}

/* An installation of Nix 2.26.3 that lacks nothing. */
static int setup_complete(void **state)
{
	const struct scene *scene;

	if (setup(state) != 0)
		return -1;
	scene = *state;
	put(scene, "store/" NAME "/bin/nix", "x", 0555);
	put(scene, "store/" OTHER "/bin/nix", "x", 0555);
	put(scene, "store/" MORE "/file", "x", 0444);
	put(scene, LAYOUT_NIX_CONF, "sandbox = true\n", 0644);
	put_database(scene);
	put_profile(scene, NAME);
	put_record(scene, RECORD);
	return 0;
}

/*
 * What installed_look() returns and says; *OUT, for installed_clear(), what it finds. The caller
 * frees *SAID.
 */
static int look(const struct scene *scene, const struct install_request *request,
		struct installed *out, char **said)
{
	struct capture capture;
	int r;

	capture_begin(&capture);
	r = installed_look(scene->nix, request, out);
	*said = capture_end(&capture);
	return r;
}

/* It returns R, says SAID (a part of it; "": nothing), and finds WORDS and AGAIN (NULL: none). */
static void assert_look(const struct scene *scene, const struct install_request *request, int r,
			const char *message, const char *words, const char *again)
{
	_cleanup_(installed_clear) struct installed found = {0};
	_cleanup_free_ char *said = NULL;
	int result = look(scene, request, &found, &said);

	if (result != r || (*message ? !strstr(said, message) : *said != '\0'))
		fail_msg("%d, said %s", result, said);
	assert_int_equal(!found.words, !words);
	if (words && !strstr(found.words, words))
		fail_msg("found %s", found.words);
	if (again)
		assert_string_equal(found.again, again);
	else
		assert_null(found.again);
}

static const char installed[] = "Nix 2.26.3 is installed in ";

static void nothing_yet(void **state)
{
	const struct scene *scene = *state;
	const struct install_request request = {0};

	assert_look(scene, &request, 0, "", NULL, NULL);
	put(scene, LAYOUT_LOG, "", 0644);
	put(scene, "store/.links/x", "", 0644);
	assert_look(scene, &request, 0, "", NULL, NULL);
}

static void places_that_cannot_be_read(void **state)
{
	const struct scene *scene = *state;
	const struct install_request request = {0}, forced = {.force = true};

	assert_int_equal(fs_replace_file(scene->place->fd, "nix", "", 0, 0644), 0);
	assert_look(scene, &request, -1, "/nix: Not a directory", NULL, NULL);
	assert_look(scene, &forced, -1, "/nix: Not a directory", NULL, NULL);
	assert_int_equal(unlinkat(scene->place->fd, "nix", 0), 0);
	put(scene, LAYOUT_RECORD "/x", "", 0644);
	assert_look(scene, &request, -1, "cannot read the record in ", NULL, NULL);
	/* the state directory is something else */
	assert_int_equal(fs_remove_tree(AT_FDCWD, scene->nix), 0);
	put(scene, LAYOUT_STATE, "", 0644);
	assert_look(scene, &request, 0, "", NULL, NULL);
}

/* Each request, and whether the installation is what it asks for. */
static void what_is_asked_for(void **state)
{
	static const struct {
		struct install_request request;
		bool is_there;
	} cases[] = {
		{{0}, true},
		{{.force = true}, false},
		{{.nix_version = "2.26.3"}, true},
		{{.nix_version = "2.26.4"}, false},
		{{.nix_version = "lix"}, false},
		{{.nix_version = "lix-2.91.0"}, false},
		{{.system = "x86_64-linux"}, true},
		{{.system = "aarch64-linux"}, false},
		{{.system = "x86_64-linux", .nix_version = "2.26.4"}, false},
		{{.sha256 = A64}, true},
		{{.sha256 = B64}, false},
		{{.sha256 = A64, .nix_version = "2.26.4"}, true},
		{{.sha256 = "garbage", .nix_version = "2.26.3"}, true},
		{{.tarball = "/d/nix-2.26.3-x86_64-linux.tar.xz"}, true},
		{{.tarball = "nix-2.26.3-x86_64-linux.tar.xz"}, true},
		{{.tarball = "/d/nix-2.26.4-x86_64-linux.tar.xz"}, false},
		{{.tarball = "/d/other.tar.xz"}, false},
		{{.tarball = "/d/other.tar.xz", .nix_version = "2.26.3"}, true},
		{{.tarball = "/d/other.tar.xz", .sha256 = A64}, true},
	};
	const struct scene *scene = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_look(scene, &cases[i].request, cases[i].is_there, "",
			    cases[i].is_there ? installed : NULL, NULL);
}

/* "lix" alone is any Lix. */
static void the_latest_of_a_flavour(void **state)
{
	const struct scene *scene = *state;
	const struct install_request any = {.nix_version = "lix"}, nix = {.nix_version = "2.26.3"},
				     exact = {.nix_version = "lix-2.91.0"},
				     other = {.nix_version = "lix-2.92.0"};

	put_record(scene, STORES "complete lix-2.91.0 x86_64-linux " A64 " https://x/t\n");
	assert_look(scene, &any, 1, "", "Lix 2.91.0 is installed", NULL);
	assert_look(scene, &exact, 1, "", "Lix 2.91.0 is installed", NULL);
	assert_look(scene, &other, 0, "", NULL, NULL);
	assert_look(scene, &nix, 0, "", NULL, NULL);
}

static void what_is_lost(void **state)
{
	const struct scene *scene = *state;
	const struct install_request request = {0};
	_cleanup_(installed_clear) struct installed found = {0};
	_cleanup_free_ char *said = NULL, *again = NULL;

	put_profile(scene, NULL);
	assert_look(scene, &request, 0,
		    "Nix 2.26.3 was installed, but your profile has no nix: installing it again\n",
		    NULL, "2.26.3");
	put_profile(scene, NAME);
	put(scene, "store/" NAME "/bin/nix", "x", 0444);
	assert_look(scene, &request, 0, "is no longer executable: installing it again\n", NULL,
		    "2.26.3");
	assert_int_equal(look(scene, &request, &found, &said), 0);
	assert_true(found.is_damaged);
	/* said once */
	assert_int_equal(look(scene, &request, &found, &again), 0);
	assert_string_equal(again, "");
	put(scene, "store/" NAME "/bin/nix", "x", 0555);
	{
		_cleanup_free_ char *more = path_join(scene->nix, "store/" MORE);

		assert_int_equal(fs_remove_tree(AT_FDCWD, more), 0);
	}
	assert_look(scene, &request, 0,
		    "Nix 2.26.3 was installed, but /nix/store/" MORE
		    " is gone: installing it again\n",
		    NULL, "2.26.3");
	/* also the first of the record */
	put_record(scene, "store " MORE "\nstore " NAME "\ncomplete 2.26.3 x86_64-linux " A64
			  " https://x/t\n");
	assert_look(scene, &request, 0, "/nix/store/" MORE " is gone: installing it again\n", NULL,
		    "2.26.3");
}

/* The user has upgraded by Nix's own means. */
static void another_nix_in_the_profile(void **state)
{
	const struct scene *scene = *state;
	const struct install_request request = {0}, version = {.nix_version = "2.26.3"},
				     hash = {.sha256 = A64},
				     file = {.tarball = "nix-2.26.3-x86_64-linux.tar.xz"};
	_cleanup_(installed_clear) struct installed found = {0};
	_cleanup_free_ char *said = NULL;

	put_profile(scene, OTHER);
	assert_look(scene, &request, 1, "",
		    "already, and your profile has its own version of it, /nix/store/" OTHER
		    "/bin/nix",
		    NULL);
	assert_int_equal(look(scene, &request, &found, &said), 1);
	assert_string_equal(found.advice, "--nix-version puts a release in its place");
	assert_look(scene, &version, 0, "", NULL, NULL);
	assert_look(scene, &hash, 0, "", NULL, NULL);
	assert_look(scene, &file, 0, "", NULL, NULL);
}

static void interrupted_installations(void **state)
{
	const struct scene *scene = *state;
	const struct install_request request = {0};
	_cleanup_(installed_clear) struct installed found = {0};
	_cleanup_free_ char *said = NULL, *again = NULL;

	put_record(scene, STORES "begun\n");
	assert_look(scene, &request, 0, "", NULL, NULL);
	put_record(scene, RECORD "begun\n");
	assert_look(scene, &request, 0, "", NULL, NULL);
	put(scene, LAYOUT_RECORD, "garbage\n", 0644);
	assert_int_equal(look(scene, &request, &found, &said), 0);
	assert_non_null(strstr(said, "cannot be read: installing again\n"));
	assert_int_equal(look(scene, &request, &found, &again), 0);
	assert_string_equal(again, "");
	assert_false(found.is_damaged);
}

/* A store that others have made. */
static void stores_of_others(void **state)
{
	const struct scene *scene = *state;
	const struct install_request any = {0}, force = {.force = true},
				     same = {.nix_version = "2.26.3"},
				     other = {.nix_version = "2.26.4"},
				     hash = {.nix_version = "2.26.3", .sha256 = A64},
				     of_system = {.system = "x86_64-linux"};
	_cleanup_(installed_clear) struct installed found = {0}, bare = {0};
	_cleanup_free_ char *said = NULL, *more = NULL,
			    *record = path_join(scene->nix, LAYOUT_RECORD);
	_cleanup_free_ char *conf = path_join(scene->nix, LAYOUT_NIX_CONF);
	static const char words[] = "already, installed by other means";

	assert_int_equal(unlink(record), 0);
	assert_look(scene, &any, 1, "", words, NULL);
	assert_look(scene, &same, 1, "", words, NULL);
	assert_look(scene, &of_system, 1, "", words, NULL);
	assert_look(scene, &force, 0, "", NULL, NULL);
	assert_look(scene, &other, -1,
		    "already, installed by other means, and it may not be what you ask for: "
		    "/nix/store/" NAME "/bin/nix\n",
		    NULL, NULL);
	assert_look(scene, &hash, -1, "it may not be what you ask for", NULL, NULL);
	assert_int_equal(look(scene, &any, &found, &said), 1);
	assert_null(strstr(found.advice, LAYOUT_NIX_CONF));
	assert_int_equal(unlink(conf), 0);
	assert_int_equal(look(scene, &any, &bare, &more), 1);
	assert_non_null(strstr(bare.advice, "it has no " LAYOUT_NIX_CONF));
	/* a record that tells of nothing */
	put_record(scene, "");
	assert_look(scene, &any, 1, "", words, NULL);
	put_profile(scene, NULL);
	assert_look(scene, &any, -1,
		    "holds a Nix store that was made by other means, and is left as it is\n", NULL,
		    NULL);
}

/* A file was downloaded whose name has no version. */
static void an_unknown_version(void **state)
{
	static const struct {
		struct install_request request;
		bool is_there;
	} cases[] = {
		{{0}, true},
		{{.nix_version = "2.26.3"}, false},
		{{.nix_version = "nix"}, false},
		{{.tarball = "/d/nix-2.26.3-x86_64-linux.tar.xz"}, false},
		{{.sha256 = A64}, true},
	};
	const struct scene *scene = *state;

	put_record(scene, STORES "complete %00 x86_64-linux " A64 " https://x/t\n");
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_look(scene, &cases[i].request, cases[i].is_there, "",
			    cases[i].is_there ? "Nix (of unknown version) is installed in " : NULL,
			    NULL);
}

static unsigned digests;

static int count_digest(int dirfd, const char *name, struct sha256 *out)
{
	(void)dirfd;
	(void)name;
	*out = (struct sha256){0};
	digests++;
	return 0;
}

/* When the store paths are read: not if another process has just done so, and none has changed. */
static void what_is_read(void **state)
{
	static const char with_digests[] = "store " NAME " " A64 "\nstore " MORE "\n";
	const struct scene *scene = *state;
	const struct install_request request = {0};
	_cleanup_free_ char *complete =
		xasprintf("%scomplete 2.26.3 x86_64-linux " A64 " https://x/t\n", with_digests);
	_cleanup_free_ char *begun = xasprintf("%sbegun\n", with_digests);
	_cleanup_free_ char *record = path_join(scene->nix, LAYOUT_RECORD);
	static const struct timespec old[2] = {{0, 0}, {0, 0}};

	for (int i = 0; i < 4; i++) {
		_cleanup_(installed_clear) struct installed found = {.digest = count_digest,
								     .is_fresh = i % 2};
		_cleanup_free_ char *said = NULL;
		bool is_read = i != 1;

		put_record(scene, i == 3 ? begun : complete);
		/* all is newer than the record */
		if (i == 2) {
			found.is_fresh = true;
			assert_int_equal(utimensat(AT_FDCWD, record, old, 0), 0);
		}
		digests = 0;
		assert_int_equal(look(scene, &request, &found, &said), is_read ? 0 : 1);
		assert_int_equal(digests, is_read ? 1 : 0);
		assert_int_equal(found.is_damaged, is_read);
	}
}

/* Descriptor 0 is one like the others, where the caller has closed stdin. */
static void without_stdin(void **state)
{
	const struct scene *scene = *state;
	const struct install_request request = {0};
	_cleanup_(installed_clear) struct installed found = {0};
	int kept = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 10), r;

	close(STDIN_FILENO);
	r = installed_look(scene->nix, &request, &found);
	if (kept >= 0) {
		dup2(kept, STDIN_FILENO);
		close(kept);
	}
	assert_int_equal(r, 1);
}

static void what_is_said_in_the_end(void **state)
{
	struct installed found = {.words = (char[]){"Nix is there"}};
	_cleanup_free_ char *plain = NULL, *advised = NULL;
	struct capture capture;

	(void)state;
	capture_begin(&capture);
	installed_say(&found);
	plain = capture_end(&capture);
	assert_string_equal(plain, "nix-user-chroot: Nix is there: nothing to do\n");
	found.advice = "--force more";
	capture_begin(&capture);
	installed_say(&found);
	advised = capture_end(&capture);
	assert_string_equal(advised,
			    "nix-user-chroot: Nix is there: nothing to do\n  --force more\n");
}

int main(void)
{
#define COMPLETE(f) cmocka_unit_test_setup_teardown(f, setup_complete, teardown)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(nothing_yet, setup, teardown),
		cmocka_unit_test_setup_teardown(places_that_cannot_be_read, setup, teardown),
		COMPLETE(what_is_asked_for),
		COMPLETE(the_latest_of_a_flavour),
		COMPLETE(what_is_lost),
		COMPLETE(another_nix_in_the_profile),
		COMPLETE(interrupted_installations),
		COMPLETE(stores_of_others),
		COMPLETE(an_unknown_version),
		COMPLETE(what_is_read),
		COMPLETE(without_stdin),
		cmocka_unit_test(what_is_said_in_the_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
