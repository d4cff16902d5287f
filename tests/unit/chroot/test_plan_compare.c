/*
 * When a plan is the same as another, and where it leads to what the host has.
 */
#include "chroot/plan_compare.h"
#include "util/cleanup.h"
#include "util/fs.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "../place.h"

static struct plan_step steps[] = {
	{PLAN_BIND_DIRECTORY, (char *)(uintptr_t) "/etc", (char *)(uintptr_t) "/etc", false, NULL},
	{PLAN_SYMLINK, (char *)(uintptr_t) "/bin", (char *)(uintptr_t) "usr/bin", false, NULL},
	{PLAN_BIND_DIRECTORY, (char *)(uintptr_t) "/usr", (char *)(uintptr_t) "/usr", false, NULL},
	{PLAN_NIX, (char *)(uintptr_t) "/nix", NULL, false, NULL},
	{PLAN_TMPFS, (char *)(uintptr_t) "/etc/x", NULL, false, NULL},
	{PLAN_BIND_DIRECTORY, (char *)(uintptr_t) "/etc/x/y", (char *)(uintptr_t) "/etc/x/y", false,
	 NULL},
	{PLAN_COVER_DIRECTORY, (char *)(uintptr_t) "/usr/share", (char *)(uintptr_t) "/opt", true,
	 NULL},
	{PLAN_WRITE_FILE, (char *)(uintptr_t) "/etc/x/z", NULL, false, (char *)(uintptr_t) "text"},
};

static void keeps(void **state)
{
	const struct plan plan = {.steps = steps, .count = sizeof(steps) / sizeof(steps[0])};

	(void)state;
	assert_true(plan_keeps(&plan, "/usr"));
	assert_true(plan_keeps(&plan, "/usr/lib/a"));
	assert_true(plan_keeps(&plan, "/etc/xy"));
	assert_true(plan_keeps(&plan, "/etc/x/y/z"));
	assert_false(plan_keeps(&plan, "/"));
	assert_false(plan_keeps(&plan, "/nix/store"));
	assert_false(plan_keeps(&plan, "/etc/x"));
	assert_false(plan_keeps(&plan, "/etc/x/z"));
	assert_false(plan_keeps(&plan, "/usr/share/doc"));
	assert_false(plan_keeps(&plan, "/new"));
}

static void differs(void **state)
{
	struct plan_step changed[sizeof(steps) / sizeof(steps[0])];
	struct plan plan = {.steps = changed, .count = sizeof(steps) / sizeof(steps[0])};
	uint64_t before;

	(void)state;
	memcpy(changed, steps, sizeof(steps));
	before = plan_fingerprint(&plan, 1);
	assert_int_equal(plan_fingerprint(&plan, 1), before);
	assert_int_not_equal(plan_fingerprint(&plan, 2), before);
	changed[6].source = (char *)(uintptr_t) "/opt2";
	assert_int_not_equal(plan_fingerprint(&plan, 1), before);
	changed[6] = steps[6];
	changed[4].type = PLAN_DIRECTORY;
	assert_int_not_equal(plan_fingerprint(&plan, 1), before);
	changed[4] = steps[4];
	changed[7].text = (char *)(uintptr_t) "test";
	assert_int_not_equal(plan_fingerprint(&plan, 1), before);
	changed[7] = steps[7];
	plan.count--;
	assert_int_not_equal(plan_fingerprint(&plan, 1), before);
}

/* Looks at a directory and a file again, and returns the digest of what was seen. */
static uint64_t seen(const struct place *place)
{
	struct host_watch watch = {.nix_dir_fd = place->fd};
	struct host_view view = host_view_watched(&watch);
	_cleanup_(listing_clear) struct listing listing = {0};
	_cleanup_free_ char *target = NULL;
	enum entry_type type;

	view.list(view.context, place->path, &listing);
	view.look(view.context, "/nix/looked-at", &type, &target);
	return watch.seen;
}

static void sees(void **state)
{
	const struct place *place = *state;
	uint64_t empty = seen(place), one, other;

	assert_int_equal(seen(place), empty);
	assert_int_equal(symlinkat("a", place->fd, "looked-at"), 0);
	one = seen(place);
	assert_int_not_equal(one, empty);
	/* the new entry may get the same inode number */
	assert_int_equal(unlinkat(place->fd, "looked-at", 0), 0);
	assert_int_equal(symlinkat("b", place->fd, "looked-at"), 0);
	other = seen(place);
	assert_int_not_equal(other, one);
	assert_int_equal(fs_replace_file(place->fd, "file", "a", 1, 0644), 0);
	one = seen(place);
	assert_int_not_equal(one, other);
	/* another file of the same name is a difference; its contents are none */
	assert_int_equal(fs_replace_file(place->fd, "file", "a", 1, 0644), 0);
	other = seen(place);
	assert_int_not_equal(other, one);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keeps),
		cmocka_unit_test(differs),
		cmocka_unit_test_setup_teardown(sees, place_setup, place_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
