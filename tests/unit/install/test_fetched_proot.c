/* The PRoot of a release, for a host where nothing else works; stand-ins have its place. */
#include "install/fetched_proot.h"
#include "host/proot.h"
#include "run/trusted.h"
#include "store/layout.h"
#include "util/cleanup.h"
#include "util/sha256_stream.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../capture.h"
#include "../child.h"
#include "../nth.h"
#include "../place.h"

#define WORKS "#!/bin/sh\nexit 0\n"

struct scene {
	struct place *place;
	struct site site;
	struct install_request request;
	struct progress progress;
	struct installation in;
	struct own_file offer;
	char *name; /* of this host's PRoot */
	char *said; /* by the last call */
};

static void put_sums(const struct scene *scene, const char *name, const char *text)
{
	_cleanup_free_ char *line = NULL;
	char hex[SHA256_HEX_LEN + 1];
	struct sha256 digest;

	assert_int_equal(sha256_of_bytes(text, strlen(text), &digest), 0);
	sha256_format(&digest, hex);
	line = xasprintf("%s  %s\n", hex, name);
	assert_int_equal(
		fs_replace_file(scene->place->fd, "release/SHA256SUMS", line, strlen(line), 0644),
		0);
}

/* The release has the PRoot TEXT. */
static void put_proot(const struct scene *scene, const char *text)
{
	_cleanup_free_ char *path = path_join("release", scene->name);

	put_sums(scene, scene->name, text);
	assert_int_equal(fs_replace_file(scene->place->fd, path, text, strlen(text), 0644), 0);
}

static int setup(void **state)
{
	struct scene *scene = xcalloc(1, sizeof(*scene));
	struct probe_step *step = &scene->site.runtimes.userns.steps[0];
	_cleanup_free_ char *release = NULL;
	void *place = NULL;

	if (empty_environment(NULL) != 0 || place_setup(&place) != 0)
		return -1;
	scene->place = place;
	release = path_join(scene->place->path, "release");
	setenv("NIX_USER_CHROOT_RELEASES", release, 1);
	setenv("PATH", "/usr/bin:/bin", 1);
	assert_int_equal(mkdirat(scene->place->fd, "release", 0755), 0);
	scene->name = xasprintf("proot-5-%s", own_release_system() ? own_release_system() : "x");
	*step = (struct probe_step){PROBE_FAILED, EPERM, 0, "do it"};
	scene->site.nix_dir = path_join(scene->place->path, "nix");
	scene->site.runtime = RUNTIME_PROOT;
	scene->site.wants_proot = true;
	assert_int_equal(trusted_find(&(struct trusted_wish){0}, &scene->site.trust), 0);
	scene->in = (struct installation){&scene->request, &scene->site, &scene->progress};
	put_proot(scene, WORKS);
	*state = scene;
	return 0;
}

static int teardown(void **state)
{
	struct scene *scene = *state;
	void *place = scene->place;
	int r = place_teardown(&place);

	own_file_clear(&scene->offer);
	site_clear(&scene->site);
	free(scene->name);
	free(scene->said);
	free(scene);
	return r;
}

static int find(struct scene *scene)
{
	own_file_clear(&scene->offer);
	return proot_offer_find(&scene->in, &scene->offer);
}

static int take(struct scene *scene)
{
	return proot_offer_take_alone(&scene->in, &scene->offer);
}

/* CALL must return WANTED and say WORDS; "": nothing. */
static void expect(int (*call)(struct scene *), struct scene *scene, int wanted, const char *words)
{
	struct capture capture;
	int r;

	free(steal_ptr(&scene->said));
	capture_begin(&capture);
	r = call(scene);
	scene->said = capture_end(&capture);
	assert_has(scene->said, words);
	assert_int_equal(r, wanted);
}

/* A refusal ends with what this host refuses. */
static void refuses(struct scene *scene, const char *words)
{
	expect(find, scene, -1, words);
	assert_has(scene->said, "it refuses do it: ");
	assert_null(scene->offer.url);
}

static bool has(const struct scene *scene, const char *name)
{
	_cleanup_free_ char *path = path_join(scene->site.nix_dir, name);

	return fs_exists(AT_FDCWD, path);
}

static void one_is_found(void **state)
{
	struct scene *scene = *state;

	expect(find, scene, 0, "");
	assert_string_equal(scene->offer.name, scene->name);
	assert_null(scene->progress.label);
	assert_false(has(scene, ""));
	scene->site.wants_proot = false;
	expect(find, scene, 0, "");
	assert_null(scene->offer.url);
	expect(take, scene, 0, "");
	assert_false(has(scene, ""));
}

static void none_is_found(void **state)
{
	struct scene *scene = *state;

	put_sums(scene, "proot-5-sparc-linux", "");
	refuses(scene, "PRoot would work without namespaces, but the release at ");
	assert_int_equal(unlinkat(scene->place->fd, "release/SHA256SUMS", 0), 0);
	refuses(scene, "there is no release of nix-user-chroot at ");
	assert_has(scene->said, "name the place of one in NIX_USER_CHROOT_RELEASES, or a proot");
	setenv("NIX_USER_CHROOT_RELEASES", "http://127.0.0.1:1", 1);
	refuses(scene, "not looking for PRoot in http://127.0.0.1:1: a hash that comes over plain");
	assert_has_not(scene->said, "cannot download");
	setenv("NIX_USER_CHROOT_RELEASES", "relative", 1);
	refuses(scene, "'relative', which is no URL");
	/* what the user asks for is what is refused */
	scene->request.runtime = RUNTIME_PROOT;
	scene->site.runtimes.refused[RUNTIME_PROOT] = xstrdup("there is none");
	expect(find, scene, -1, "cannot install with --runtime=proot: there is none");
}

static void it_is_put_in_place(void **state)
{
	struct scene *scene = *state;
	_cleanup_free_ char *path = path_join(scene->site.nix_dir, PROOT_FETCHED), *part = NULL;
	_cleanup_free_ char *text = NULL;
	struct stat st;
	size_t len;

	expect(find, scene, 0, "");
	scene->progress.style = PROGRESS_LIVE;
	expect(take, scene, 0, ": 17 bytes, SHA-256 verified");
	assert_has(scene->said, scene->name);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0755);
	assert_int_equal(fs_read_file(AT_FDCWD, path, 4096, &text, &len), 0);
	assert_string_equal(text, WORKS);
	part = xasprintf(LAYOUT_STATE "/%s.part", scene->name);
	assert_false(has(scene, part));
	/* the lock is free again */
	assert_false(has(scene, LAYOUT_LOCK));
	expect(take, scene, 0, "verified");
}

static void it_is_not_what_the_release_says(void **state)
{
	struct scene *scene = *state;
	_cleanup_free_ char *part = xasprintf(LAYOUT_STATE "/%s.part", scene->name);

	put_sums(scene, scene->name, "other bytes");
	expect(find, scene, 0, "");
	expect(take, scene, -1, "SHA-256 mismatch for ");
	assert_has(scene->said, "it was not run; try again, or name a proot of yours in ");
	assert_false(has(scene, PROOT_FETCHED));
	assert_false(has(scene, part));
	assert_false(has(scene, LAYOUT_LOCK));
}

static void it_does_not_work_here(void **state)
{
	struct scene *scene = *state;

	put_proot(scene, "#!/bin/sh\nexit 3\n");
	expect(find, scene, 0, "");
	expect(take, scene, -1,
	       "PRoot, which was downloaded for want of anything else, does not work");
	assert_has(scene->said, "it refuses do it: ");
	assert_false(has(scene, PROOT_FETCHED));
}

static void it_cannot_be_put_there(void **state)
{
	struct scene *scene = *state;
	_cleanup_free_ char *release = path_join("release", scene->name);

	expect(find, scene, 0, "");
	assert_int_equal(fs_mkdirs(scene->place->fd, "nix/" PROOT_FETCHED, 0755), 0);
	expect(take, scene, -1, "cannot write the program proot in ");
	assert_int_equal(unlinkat(scene->place->fd, release, 0), 0);
	expect(take, scene, -1, scene->name);
	/* what did not come was not tried */
	assert_has_not(scene->said, "does not work");
	assert_int_equal(fchmodat(scene->place->fd, "nix", 0777, 0), 0);
	expect(take, scene, -1, "is not used as the Nix directory");
	assert_has_not(scene->said, scene->name);
	assert_int_equal(fs_remove_tree(scene->place->fd, "nix"), 0);
	assert_int_equal(fs_replace_file(scene->place->fd, "nix", "", 0, 0644), 0);
	expect(take, scene, -1, "/nix");
}

static int take_in_child(void *ctx)
{
	return take(ctx) == 0 ? 0 : 1;
}

/* Other bytes in what was downloaded. */
static void change_part(void *ctx)
{
	const struct scene *scene = ctx;
	_cleanup_free_ char *part =
		xasprintf("%s/" LAYOUT_STATE "/%s.part", scene->site.nix_dir, scene->name);
	_cleanup_close_ int fd = open(part, O_WRONLY | O_CLOEXEC);

	if (fd >= 0)
		assert_int_equal(pwrite(fd, "X", 1, 0), 1);
}

/* A file that is changed after its digest was compared, whenever that is, is not put in place. */
static void it_is_changed_meanwhile(void **state)
{
	struct scene *scene = *state;
	_cleanup_free_ char *path = path_join(scene->site.nix_dir, PROOT_FETCHED);
	struct nth what = {.number = SYS_read, .meanwhile = change_part};
	size_t refused = 0;

	expect(find, scene, 0, "");
	for (int r = 1; r > 0;) {
		_cleanup_free_ char *text = NULL, *said = NULL;
		struct capture capture;
		int status;
		size_t len;

		what.nth++;
		capture_begin(&capture);
		r = nth_happens(&what, take_in_child, scene, &status);
		said = capture_end(&capture);
		if (r < 0)
			skip();
		if (WEXITSTATUS(status) == 0) {
			assert_int_equal(fs_read_file(AT_FDCWD, path, 4096, &text, &len), 0);
			assert_string_equal(text, WORKS);
		}
		refused += strstr(said, "cannot write the program proot in ") != NULL;
		assert_int_equal(fs_remove_tree(AT_FDCWD, scene->site.nix_dir), 0);
	}
	assert_true(refused > 0);
}

/* Whatever cannot be read: what is in place is whole, and it is there when that is reported. */
static void what_cannot_be_read(void **state)
{
	struct scene *scene = *state;
	_cleanup_free_ char *path = path_join(scene->site.nix_dir, PROOT_FETCHED);
	size_t failed = 0;

	expect(find, scene, 0, "");
	for (int nth = 1, status, r = 1; r > 0; nth++) {
		_cleanup_free_ char *text = NULL;
		struct capture capture;
		size_t len;
		int found;

		capture_begin(&capture);
		r = nth_fails(SYS_read, nth, EIO, take_in_child, scene, &status);
		free(capture_end(&capture));
		if (r < 0)
			skip();
		assert_true(status == 0 || status == 1 << 8);
		found = fs_read_file(AT_FDCWD, path, 4096, &text, &len);
		assert_int_equal(found, status == 0 ? 0 : -ENOENT);
		if (found == 0)
			assert_string_equal(text, WORKS);
		failed += status != 0;
		assert_int_equal(fs_remove_tree(scene->place->fd, "nix"), 0);
	}
	assert_true(failed > 0);
}

int main(void)
{
#define WITH_SCENE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		WITH_SCENE(one_is_found),	   WITH_SCENE(none_is_found),
		WITH_SCENE(it_is_put_in_place),	   WITH_SCENE(it_is_not_what_the_release_says),
		WITH_SCENE(it_does_not_work_here), WITH_SCENE(it_cannot_be_put_there),
		WITH_SCENE(what_cannot_be_read),   WITH_SCENE(it_is_changed_meanwhile),
	};

	if (!own_release_system()) {
		puts("1..0 # SKIP there are no releases for this machine");
		return 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
