/* What is cleaned up after a run that ended early, and what is left for the next one. */
#include "install/tidy.h"
#include "host/proot.h"
#include "store/layout.h"
#include "store/lock.h"
#include "util/cleanup.h"
#include "util/fs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>

#include <cmocka.h>

#include "at_home.h"

#define NAME "00000000000000000000000000000100-nix-1"
#define NIX_LINE                                                  \
	"\nif test -e /h/.nix-profile/etc/profile.d/nix.fish; . " \
	"/h/.nix-profile/etc/profile.d/nix.fish; end # added by Nix installer\n"

/* A home directory whose Nix directory was missing, and was made by a run that left its lock. */
struct scene {
	struct place *place;
	struct site site;
};

static void put(const struct scene *scene, const char *name, const char *text)
{
	_cleanup_free_ char *path = path_join(scene->place->path, name), *above = path_parent(path);

	assert_int_equal(fs_mkdirs(AT_FDCWD, above, 0755), 0);
	assert_int_equal(fs_replace_file(AT_FDCWD, path, text, strlen(text), 0644), 0);
}

static int setup(void **state)
{
	struct scene *scene = xcalloc(1, sizeof(*scene));

	scene->place = at_home(&scene->site, "above/nix");
	if (!scene->place)
		return -1;
	layout_missing(scene->site.nix_dir, &scene->site.missing);
	put(scene, "above/nix/" LAYOUT_LOCK, "");
	put(scene, "above/nix/" LAYOUT_STAGING "/half/x", "");
	*state = scene;
	return 0;
}

static int teardown(void **state)
{
	struct scene *scene = *state;
	int r = at_home_end(scene->place, &scene->site);

	free(scene);
	return r;
}

static void put_record(const struct scene *scene, const char *lines)
{
	_cleanup_free_ char *text = xasprintf("nix-user-chroot-record 1\n%s", lines);

	put(scene, "above/nix/" LAYOUT_RECORD, text);
}

static bool is_there(const struct scene *scene, const char *name)
{
	return fs_exists(scene->place->fd, name);
}

/* Nothing was installed: all is as it was before. */
static void nothing_to_continue_with(void **state)
{
	struct scene *scene = *state;

	put_record(scene, "dir /x\n");
	put(scene, "above/nix/" PROOT_FETCHED, "");
	for (size_t i = 0; i < scene->site.missing.count; i++)
		assert_int_equal(fs_mkdirs(AT_FDCWD, scene->site.missing.items[i], 0755), 0);
	tidy(&scene->site, 0);
	assert_false(is_there(scene, "above"));
	/* where there is nothing, nothing happens */
	tidy(&scene->site, 0);
	assert_false(is_there(scene, "above"));
}

/* The record is kept for the next run. */
static void something_to_continue_with(void **state)
{
	static const char *const records[] = {
		"store " NAME "\nbegun\n",
		"complete 2.26.3 x86_64-linux "
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa https://x/t\n",
	};
	struct scene *scene = *state;

	put(scene, "above/nix/store/" NAME, "");
	for (size_t i = 0; i < sizeof(records) / sizeof(records[0]); i++) {
		put_record(scene, records[i]);
		put(scene, "above/nix/" PROOT_FETCHED, "");
		put(scene, "above/nix/" LAYOUT_LOCK, "");
		put(scene, "above/nix/" LAYOUT_STAGING "/half/x", "");
		tidy(&scene->site, 0);
		assert_true(is_there(scene, "above/nix/" LAYOUT_RECORD));
		assert_true(is_there(scene, "above/nix/" PROOT_FETCHED));
		assert_false(is_there(scene, "above/nix/" LAYOUT_STAGING));
		assert_false(is_there(scene, "above/nix/" LAYOUT_LOCK));
		assert_true(is_there(scene, "above/nix/store/" NAME));
	}
	/* begun, but nothing of it has reached the store; and not begun at all */
	for (int i = 0; i < 2; i++) {
		put_record(scene, i ? "store " NAME "\n" : "store " NAME "\nbegun\n");
		put(scene, "above/nix/" LAYOUT_LOCK, "");
		if (i == 0)
			assert_int_equal(unlinkat(scene->place->fd, "above/nix/store/" NAME, 0), 0);
		else
			put(scene, "above/nix/store/" NAME, "");
		tidy(&scene->site, 0);
		assert_false(is_there(scene, "above/nix/" LAYOUT_RECORD));
	}
}

static void a_download_to_continue(void **state)
{
	struct scene *scene = *state;

	put_record(scene, "dir /x\n");
	put(scene, "above/nix/" LAYOUT_STATE "/t.tar.xz.part", "half");
	put(scene, "above/nix/" LAYOUT_STATE "/t.tar.xz.part.state", "");
	tidy(&scene->site, 0);
	assert_true(is_there(scene, "above/nix/" LAYOUT_STATE "/t.tar.xz.part"));
	assert_true(is_there(scene, "above/nix/" LAYOUT_RECORD));
	assert_false(is_there(scene, "above/nix/" LAYOUT_STAGING));
}

/* Another process is at work: what it has stays. */
static void another_process(void **state)
{
	struct scene *scene = *state;
	_cleanup_close_ int lock =
		openat(scene->place->fd, "above/nix/" LAYOUT_LOCK, O_RDWR | O_CLOEXEC);

	put_record(scene, "dir /x\n");
	assert_int_equal(fs_mkdirs(scene->place->fd, "above/nix/etc/nix", 0755), 0);
	assert_int_equal(flock(lock, LOCK_EX), 0);
	tidy(&scene->site, 0);
	assert_true(is_there(scene, "above/nix/" LAYOUT_STAGING "/half/x"));
	assert_true(is_there(scene, "above/nix/" LAYOUT_RECORD));
	/* an empty directory that is not above the lock is that process's, too */
	assert_true(is_there(scene, "above/nix/etc/nix"));
}

/* The directories above the lock go even so if they are empty: whoever waits makes them again. */
static void no_lock(void **state)
{
	struct scene *scene = *state;

	assert_int_equal(fs_mkdirs(scene->place->fd, "above/nix/etc/nix", 0755), 0);
	assert_int_equal(fs_remove_tree(scene->place->fd, "above/nix/" LAYOUT_STATE), 0);
	tidy(&scene->site, 0);
	assert_true(is_there(scene, "above/nix/etc/nix"));
	assert_false(is_there(scene, "above/nix/var"));
}

static void the_users_nix_fish(void **state)
{
	struct scene *scene = *state;
	_cleanup_free_ char *text = NULL;
	size_t len;

	put(scene, ".config/fish/conf.d/nix.fish", NIX_LINE);
	put(scene, "above/nix/" LAYOUT_FISH, "mine\n");
	tidy(&scene->site, 0);
	assert_int_equal(
		fs_read_file(scene->place->fd, ".config/fish/conf.d/nix.fish", 4096, &text, &len),
		0);
	assert_string_equal(text, "mine\n");
	assert_false(is_there(scene, "above"));
}

int main(void)
{
#define WITH_SCENE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		WITH_SCENE(nothing_to_continue_with),
		WITH_SCENE(something_to_continue_with),
		WITH_SCENE(a_download_to_continue),
		WITH_SCENE(another_process),
		WITH_SCENE(no_lock),
		WITH_SCENE(the_users_nix_fish),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
