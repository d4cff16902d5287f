/* Where a path leads inside, and whether this process is there. */
#include "run/inside.h"
#include "run/userns.h"
#include "ui/log.h"
#include "util/cleanup.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "../child.h"
#include "../place.h"
#include "own_mounts.h"

static void level(void **state)
{
	static const char *const none[] = {"", "x1", "/1", "41", "-1", "9"};
	const int before = log_get_level();

	(void)state;
	assert_string_equal(run_take_level("0default"), "default");
	assert_int_equal(log_get_level(), LOG_ERROR);
	assert_string_equal(run_take_level("1"), "");
	assert_int_equal(log_get_level(), LOG_NORMAL);
	assert_string_equal(run_take_level("3/x"), "/x");
	assert_int_equal(log_get_level(), LOG_DEBUG);
	log_set_level(LOG_VERBOSE);
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
		assert_string_equal(run_take_level(none[i]), none[i]);
		assert_int_equal(log_get_level(), LOG_VERBOSE);
	}
	log_set_level(before);
}

static void resolved(void **state)
{
	const struct place *place = *state;
	_cleanup_free_ char *link = path_join(place->path, "link"), *there = NULL, *missing = NULL;
	char *untouched = NULL;

	assert_int_equal(fs_mkdirs(place->fd, "store/a", 0755), 0);
	assert_int_equal(symlinkat("/nix/store/a", place->fd, "link"), 0);
	assert_int_equal(run_resolve_inside(place->fd, link, &there), 0);
	assert_string_equal(there, "/nix/store/a");
	assert_int_equal(run_resolve_inside(place->fd, "/nix/store/b", &missing), -ENOENT);
	assert_string_equal(missing, "/nix/store/b");
	assert_int_equal(run_resolve_inside(place->fd, "/nix/store/b/c", &untouched), -ENOENT);
}

/* What this process is, before it enters, inside, and where the root lacks one of the marks. */
static int look(const void *context)
{
	const struct place *place = context;
	struct refusal refusal = {0};

	if (run_is_inside(place->fd))
		return 1;
	setenv(INSIDE_VARIABLE, "proot", 1);
	/* another /nix, or none */
	if (run_is_inside(place->fd) || !run_is_in_proot())
		return 2;
	setenv(INSIDE_VARIABLE, "other", 1);
	if (run_is_in_proot())
		return 3;
	unsetenv(INSIDE_VARIABLE);
	if (userns_enter(&(struct entry){.nix_dir_fd = place->fd, .nix_dir = place->path},
			 &refusal) != 0)
		return 99;
	if (!run_is_inside(place->fd) || run_is_in_proot())
		return 4;
	/* another directory than that of /nix */
	if (run_is_inside(open("/", O_PATH | O_CLOEXEC)) || run_is_inside(-1))
		return 5;
	/* a root that can be written to is a host's; with PRoot the variable tells */
	if (mount(NULL, "/", NULL, MS_REMOUNT | MS_BIND | MS_NOSUID | MS_NODEV, NULL) < 0)
		return 99;
	if (run_is_inside(place->fd))
		return 6;
	setenv(INSIDE_VARIABLE, "proot", 1);
	return run_is_inside(place->fd) ? 0 : 7;
}

static void inside(void **state)
{
	_cleanup_free_ char *said = NULL;
	int status;

	said = child_says(look, *state, NULL, &status);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 99)
		skip();
	if (status != 0)
		fail_msg("status %x: %s", (unsigned)status, said);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(level),
		cmocka_unit_test_setup_teardown(resolved, place_setup, place_teardown),
		cmocka_unit_test_setup_teardown(inside, place_setup, place_teardown),
	};

	if (own_mounts() < 0) {
		puts("1..0 # SKIP needs a host that lets users make namespaces");
		return 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
