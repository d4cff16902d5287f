/* One removal: what has gone, or is another thing by now, stays as it is. */
#include "uninstall/removal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "../capture.h"
#include "../place.h"

/* Carries a removal out in PLACE/nix, as removals_add() would make it; *SAID is freed by the
 * caller. */
static int carry_out(const struct place *place, enum removal_kind kind, const char *path,
		     const char *below, char **said)
{
	_cleanup_(removals_clear) struct removals list = {0};
	_cleanup_close_ int nix = fs_open_dir(place->fd, "nix");
	_cleanup_free_ char *full = path ? path_join(place->path, path) : NULL;
	struct capture capture;
	int r;

	removals_add(&list, kind, full, below, NULL);
	list.items[0].target = xstrdup("target");
	capture_begin(&capture);
	r = removal_carry_out(&list.items[0], nix, "NIX");
	*said = capture_end(&capture);
	return r;
}

/* The same for one that must succeed, and say nothing. */
static void succeeds(const struct place *place, enum removal_kind kind, const char *path,
		     const char *below)
{
	_cleanup_free_ char *said = NULL;

	assert_int_equal(carry_out(place, kind, path, below, &said), 0);
	assert_string_equal(said, "");
}

static void put(const struct place *place, const char *name)
{
	assert_int_equal(fs_replace_file(place->fd, name, "x", 1, 0644), 0);
}

static void nothing_through_what_is_no_directory_by_now(void **state)
{
	const struct place *place = *state;

	assert_int_equal(fs_mkdirs(place->fd, "nix", 0755), 0);
	assert_int_equal(fs_mkdirs(place->fd, "mine/below", 0755), 0);
	put(place, "mine/file");
	put(place, "mine/below/file");
	put(place, "nix/file");
	assert_int_equal(symlinkat("../mine", place->fd, "nix/link"), 0);
	succeeds(place, REMOVE_FILE, NULL, "link/file");
	succeeds(place, REMOVE_FILE, NULL, "link/below/file");
	succeeds(place, REMOVE_TREE, NULL, "link/below");
	succeeds(place, REMOVE_FILE, NULL, "file/file");
	succeeds(place, REMOVE_FILE, NULL, "gone");
	succeeds(place, REMOVE_FILE, NULL, "gone/file");
	succeeds(place, REMOVE_TREE, NULL, "gone");
	assert_true(fs_exists(place->fd, "mine/file") && fs_exists(place->fd, "mine/below/file"));
	assert_true(fs_exists(place->fd, "nix/file") && fs_exists(place->fd, "nix/link"));
	/* a link itself is removed, and not what it leads to */
	succeeds(place, REMOVE_TREE, NULL, "link");
	assert_false(fs_exists(place->fd, "nix/link"));
	assert_true(fs_exists(place->fd, "mine/file"));
}

static void what_cannot_be_removed_is_said(void **state)
{
	const struct place *place = *state;
	_cleanup_free_ char *said = NULL;

	assert_int_equal(fs_mkdirs(place->fd, "nix/directory", 0755), 0);
	assert_int_equal(carry_out(place, REMOVE_FILE, NULL, "directory", &said), -1);
	assert_non_null(strstr(said, "cannot remove NIX/directory: "));
	/* directories that somebody else uses by now are no failure */
	put(place, "nix/directory/file");
	succeeds(place, REMOVE_EMPTY, NULL, "directory");
	assert_true(fs_exists(place->fd, "nix/directory/file"));
}

/* A text that cannot be copied must not be taken for one that was: the store goes after that. */
static void a_text_that_is_gone_is_said(void **state)
{
	const struct place *place = *state;
	_cleanup_free_ char *said = NULL;

	assert_int_equal(fs_mkdirs(place->fd, "nix/store", 0755), 0);
	assert_int_equal(symlinkat("/nix/store/gone", place->fd, "link"), 0);
	assert_int_equal(carry_out(place, KEEP_COPY, "link", "store/gone", &said), -1);
	assert_non_null(strstr(said, "cannot put a copy in the place of the link "));
	assert_true(fs_exists(place->fd, "link"));
}

static void a_link_comes_back_where_nothing_is(void **state)
{
	const struct place *place = *state;
	_cleanup_free_ char *target = NULL;

	assert_int_equal(fs_mkdirs(place->fd, "nix", 0755), 0);
	succeeds(place, REMAKE_LINK, "link", NULL);
	assert_int_equal(fs_readlink(place->fd, "link", &target), 0);
	assert_string_equal(target, "target");
	put(place, "mine");
	succeeds(place, REMAKE_LINK, "mine", NULL);
	assert_int_equal(faccessat(place->fd, "mine", R_OK, AT_SYMLINK_NOFOLLOW), 0);
	succeeds(place, REMAKE_LINK, "gone/link", NULL);
	assert_false(fs_exists(place->fd, "gone"));
}

#define IN_PLACE(test) cmocka_unit_test_setup_teardown(test, place_setup, place_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_PLACE(nothing_through_what_is_no_directory_by_now),
		IN_PLACE(what_cannot_be_removed_is_said),
		IN_PLACE(a_text_that_is_gone_is_said),
		IN_PLACE(a_link_comes_back_where_nothing_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
