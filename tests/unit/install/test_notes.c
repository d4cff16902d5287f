/* What an installation writes down before its deeds, over two runs. */
#include "install/notes.h"
#include "store/layout.h"
#include "util/cleanup.h"
#include "util/fs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../place.h"

#define OUR_LINE                                                    \
	"\nif [ -e /h/.nix-profile/etc/profile.d/nix.sh ]; then . " \
	"/h/.nix-profile/etc/profile.d/nix.sh; fi # added by Nix installer\n"

/* A home directory with some files. */
struct scene {
	char *root;
	struct site site;
	struct progress progress;
};

static void scene_find(struct scene *scene, const char *root)
{
	static const char *const variables[] = {"XDG_STATE_HOME", "XDG_CACHE_HOME",
						"XDG_DATA_HOME",  "XDG_CONFIG_HOME",
						"XDG_BIN_HOME",	  "NIX_USER_CHROOT_DIR"};

	for (size_t i = 0; i < sizeof(variables) / sizeof(variables[0]); i++)
		unsetenv(variables[i]);
	*scene = (struct scene){.root = xstrdup(root)};
	setenv("HOME", root, 1);
	progress_init(&scene->progress);
	assert_int_equal(site_find(RUNTIME_USERNS, &(struct trusted_wish){0}, &scene->site), 0);
}

static void scene_clear(struct scene *scene)
{
	free(scene->root);
	site_clear(&scene->site);
}

static void put(const char *root, const char *name, const char *text)
{
	_cleanup_free_ char *path = path_join(root, name), *above = path_parent(path);

	assert_int_equal(fs_mkdirs(AT_FDCWD, above, 0755), 0);
	assert_int_equal(fs_replace_file(AT_FDCWD, path, text, strlen(text), 0644), 0);
}

static bool has(const struct scene *scene, const struct record *record, enum record_kind kind,
		const char *name)
{
	_cleanup_free_ char *path = path_join(scene->root, name);

	for (size_t i = 0; i < record->count; i++)
		if (record->entries[i].kind == kind &&
		    strcmp(record->entries[i].subject, path) == 0)
			return true;
	return false;
}

/* The beginning of a run: takes the lock, and notes what is there. */
static void begin(struct scene *scene, struct record *record)
{
	_cleanup_(lock_clear) struct lock lock = LOCK_NONE;

	assert_int_equal(lock_take(scene->site.nix_dir, &scene->progress, &lock), 0);
	assert_int_equal(notes_begin(&scene->site, &lock, record), 0);
	assert_int_equal(notes_home(&scene->site, -1, record), 0);
	lock_remove(&lock);
}

static void two_runs(void **state)
{
	const char *root = ((struct place *)*state)->path;
	_cleanup_(scene_clear) struct scene scene, later;
	_cleanup_(record_clear) struct record first = RECORD_NONE, second = RECORD_NONE;

	put(root, ".zshenv", "a\n" OUR_LINE);
	put(root, ".bashrc", "a\n");
	put(root, ".local/bin/mine", "");
	scene_find(&scene, root);
	begin(&scene, &first);
	assert_true(has(&scene, &first, RECORD_DIR, ".local/share"));
	assert_true(has(&scene, &first, RECORD_DIR, ".local/share/nix/store"));
	assert_true(has(&scene, &first, RECORD_DIR, ".local/share/nix/etc/nix"));
	assert_true(has(&scene, &first, RECORD_DIR, ".local/share/nix/var/nix-user-chroot"));
	assert_true(has(&scene, &first, RECORD_ABSENT, ".local/share/nix/store"));
	assert_true(has(&scene, &first, RECORD_ABSENT, ".profile"));
	assert_true(has(&scene, &first, RECORD_ABSENT, ".config"));
	assert_true(has(&scene, &first, RECORD_ABSENT, ".nix-profile"));
	assert_false(has(&scene, &first, RECORD_ABSENT, ".local"));
	assert_false(has(&scene, &first, RECORD_ABSENT, ".local/bin"));
	assert_false(has(&scene, &first, RECORD_ABSENT, ".bashrc"));
	/*
	 * .bashrc has no such line yet, so a later line is ours; the line in .zshenv was somebody
	 * else's before
	 */
	assert_true(has(&scene, &first, RECORD_LINE, ".bashrc"));
	assert_false(has(&scene, &first, RECORD_LINE, ".zshenv"));
	assert_false(record_is_adopted(&first));

	/* the run was interrupted, and meanwhile there are more files */
	put(root, ".local/share/nix/store/x/file", "");
	put(root, ".profile", OUR_LINE);
	put(root, ".bashrc", "a\n" OUR_LINE);
	scene_find(&later, root);
	begin(&later, &second);
	assert_true(has(&scene, &second, RECORD_ABSENT, ".profile"));
	assert_false(record_is_adopted(&second));

	assert_int_equal(notes_settle(&later.site, &second), 0);
	assert_true(has(&scene, &second, RECORD_ABSENT, ".profile"));
	/* these may be made later by Nix or by ci-bootstrap; nothing has made the last one yet */
	assert_true(has(&scene, &second, RECORD_ABSENT, ".nix-channels"));
	assert_true(has(&scene, &second, RECORD_ABSENT, ".cache"));
	assert_true(has(&scene, &second, RECORD_ABSENT, ".local/state/nix"));
	assert_true(has(&scene, &second, RECORD_ABSENT, ".config/nix-user-chroot"));
	assert_false(has(&scene, &second, RECORD_ABSENT, ".config/fish"));
	assert_true(has(&scene, &second, RECORD_LINE, ".profile"));
	assert_true(has(&scene, &second, RECORD_LINE, ".bashrc"));
	assert_false(has(&scene, &second, RECORD_LINE, ".zshrc"));
	for (size_t i = 0; i < second.count; i++)
		if (second.entries[i].kind == RECORD_LINE)
			assert_non_null(second.entries[i].value);
}

static void a_store_that_was_there(void **state)
{
	const char *root = ((struct place *)*state)->path;
	_cleanup_(scene_clear) struct scene scene;
	_cleanup_(record_clear) struct record record = RECORD_NONE, again = RECORD_NONE;

	put(root, ".local/share/nix/store/x/file", "");
	scene_find(&scene, root);
	begin(&scene, &record);
	assert_true(record_is_adopted(&record));
	assert_false(has(&scene, &record, RECORD_DIR, ".local/share/nix"));
	assert_false(has(&scene, &record, RECORD_ABSENT, ".local/share/nix/store"));
	assert_true(has(&scene, &record, RECORD_DIR, ".local/share/nix/var"));
	/* if the record is lost, or cannot be read, the store still counts as not ours */
	put(root, ".local/share/nix/" LAYOUT_RECORD, "garbage\n");
	begin(&scene, &again);
	assert_true(record_is_adopted(&again));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(two_runs, place_setup, place_teardown),
		cmocka_unit_test_setup_teardown(a_store_that_was_there, place_setup,
						place_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
