/* What an installation writes down before its deeds, over two runs. */
#include "install/notes.h"
#include "config.h"
#include "store/layout.h"
#include "util/cleanup.h"
#include "util/fs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../broken_crypto.h"
#include "../capture.h"
#include "../place.h"

#define A64 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
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

/* How often RECORD has our line in the startup file NAME. */
static size_t count_lines(const struct scene *scene, const struct record *record, const char *name)
{
	_cleanup_free_ char *path = path_join(scene->root, name);
	size_t count = 0;

	for (size_t i = 0; i < record->count; i++)
		count += record->entries[i].kind == RECORD_LINE &&
			 strcmp(record->entries[i].subject, path) == 0;
	return count;
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
	assert_true(has(&scene, &first, RECORD_ABSENT, ".local/share/nix/var/log"));
	assert_true(has(&scene, &first, RECORD_ABSENT, ".local/share/nix/var/log/nix"));
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
	/* our line is known by its digest; it is not noted a second time where it is gone */
	assert_int_equal(count_lines(&scene, &second, ".bashrc"), 1);
	put(root, ".bashrc", "a\n");
	assert_int_equal(notes_home(&later.site, -1, &second), 0);
	assert_int_equal(count_lines(&scene, &second, ".bashrc"), 1);
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

/* A record of ours, however short, has told already that the store is not somebody else's. */
static void a_store_of_an_earlier_run(void **state)
{
	static const char *const texts[] = {"begun\n", "store 00000000000000000000000000000100-x\n",
					    "complete 2.26.3 x86_64-linux " A64 " https://x/t\n"};
	const char *root = ((struct place *)*state)->path;

	put(root, ".local/share/nix/store/x/file", "");
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		_cleanup_(scene_clear) struct scene scene;
		_cleanup_(record_clear) struct record record = RECORD_NONE;
		_cleanup_free_ char *text = xasprintf("nix-user-chroot-record 1\n%s", texts[i]);

		put(root, ".local/share/nix/" LAYOUT_RECORD, text);
		scene_find(&scene, root);
		begin(&scene, &record);
		if (record_is_adopted(&record))
			fail_msg("adopted after %s", texts[i]);
	}
}

/* Make every further note in RECORD fail: the disk is full. */
static void fill_disk(struct record *record)
{
	close(record->fd);
	record->fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
	assert_true(record->fd >= 0);
}

/* Does R, the result of a function that was just called, tell of the full disk? */
static void assert_full(int r, struct capture *capture)
{
	_cleanup_free_ char *said = capture_end(capture);

	assert_int_equal(r, -1);
	assert_non_null(strstr(said, "cannot write the record in "));
	assert_non_null(strstr(said, "No space left on device"));
}

/* What is about to be made with nothing in the record of it must not be made. */
static void a_full_disk(void **state)
{
	const char *root = ((struct place *)*state)->path;
	_cleanup_(scene_clear) struct scene scene;
	_cleanup_(record_clear) struct record record = RECORD_NONE, second = RECORD_NONE;
	_cleanup_(record_clear) struct record third = RECORD_NONE;
	struct self_plan self = {
		.copy = COPY_KEEP, .bin = (char[]){"/b"}, .program = (char[]){"/b/p"}};
	struct path_plan path = {.line = (char[]){"x"}};
	struct capture capture;

	scene_find(&scene, root);
	begin(&scene, &record);
	fill_disk(&record);
	capture_begin(&capture);
	assert_full(notes_self(&scene.site, &self, &record), &capture);
	strlist_add(&path.files, "/b/rc");
	capture_begin(&capture);
	assert_full(notes_path(&scene.site, &path, &record), &capture);
	path.sh = (struct path_file){.path = (char[]){"/b/sh"}, .text = (char[]){"t"}};
	capture_begin(&capture);
	assert_full(notes_path(&scene.site, &path, &record), &capture);
	strlist_clear(&path.files);
	/* the places in the home directory, and then its startup files alone */
	put(root, ".profile", "mine\n");
	put(root, ".nix-channels", "mine\n");
	begin(&scene, &second);
	record_forget(&second, RECORD_LINE, scene.site.home.startup_files.items[2], NULL);
	fill_disk(&second);
	capture_begin(&capture);
	assert_full(notes_home(&scene.site, -1, &second), &capture);
	begin(&scene, &third);
	record_forget(&third, RECORD_LINE, scene.site.home.channels.items[0], NULL);
	fill_disk(&third);
	capture_begin(&capture);
	assert_full(notes_home(&scene.site, -1, &third), &capture);
	put(root, ".profile", OUR_LINE);
	capture_begin(&capture);
	assert_full(notes_settle(&scene.site, &third), &capture);
}

/* The program's copy and links, and what puts them on PATH. */
static void what_is_made_for_the_commands(void **state)
{
	const char *root = ((struct place *)*state)->path;
	_cleanup_(scene_clear) struct scene scene;
	_cleanup_(record_clear) struct record record = RECORD_NONE;
	_cleanup_free_ char *bin = path_join(root, "bin"), *program = path_join(bin, "prog");
	_cleanup_free_ char *sh = path_join(root, "p/path.sh"), *rc = path_join(root, ".new-rc");
	_cleanup_free_ char *fish = path_join(root, "p/fish"), *man = path_join(root, "man/page");
	_cleanup_free_ char *kept = path_join(root, "kept"), *said = NULL;
	struct capture capture;
	struct self_plan self = {.bin = bin, .program = program, .copy = COPY_KEEP};
	struct path_plan path = {
		.line = (char[]){"line"},
		.sh = {.path = sh, .text = (char[]){"text"}},
		.fish = {.path = fish, .text = (char[]){"text"}, .stays = true},
	};
	struct strlist copies = {0};
#ifdef SINGLE_BINARY
	char hex[SHA256_HEX_LEN + 1];
	struct sha256 digest;
#endif

	self.shims[1] = SHIM_MAKE;
	self.shims[2] = SHIM_LEAVE;
	self.documents.items[DOCUMENT_ZSH] = (struct document){
		.path = man, .action = DOCUMENT_MAKE, .data = (const unsigned char *)"x", .len = 1};
	self.documents.items[DOCUMENT_MAN] =
		(struct document){.path = kept, .action = DOCUMENT_KEEP};
	scene_find(&scene, root);
	begin(&scene, &record);
	assert_int_equal(notes_self(&scene.site, &self, &record), 0);
	assert_false(has(&scene, &record, RECORD_FILE, "bin/prog"));
	assert_true(has(&scene, &record, RECORD_LINK, "bin/nix-build"));
	assert_false(has(&scene, &record, RECORD_LINK, "bin/nix-channel"));
	assert_true(has(&scene, &record, RECORD_FILE, "man/page"));
	assert_true(has(&scene, &record, RECORD_ABSENT, "man"));
	assert_false(has(&scene, &record, RECORD_FILE, "kept"));
	strlist_add(&path.files, rc);
	/* what has no digest is not put in place */
	broken_crypto.function = BROKEN_BYTES;
	capture_begin(&capture);
	assert_int_equal(notes_path(&scene.site, &path, &record), -1);
	broken_crypto.function = BROKEN_NONE;
	said = capture_end(&capture);
	assert_true(str_starts_with(said, "nix-user-chroot: cannot write the record in "));
	assert_false(has(&scene, &record, RECORD_FILE, "p/path.sh"));
	assert_int_equal(notes_path(&scene.site, &path, &record), 0);
	assert_true(has(&scene, &record, RECORD_FILE, "p/path.sh"));
	assert_true(has(&scene, &record, RECORD_ABSENT, "p"));
	assert_false(has(&scene, &record, RECORD_FILE, "p/fish"));
	assert_true(has(&scene, &record, RECORD_SOURCE, ".new-rc"));
	assert_true(has(&scene, &record, RECORD_ABSENT, ".new-rc"));
	strlist_clear(&path.files);
	/* an older digest of a file is dropped only if the new one is what is there */
	put(root, "p/path.sh", "other");
	assert_int_equal(
		record_note(&record, RECORD_FILE, sh,
			    "d9298a10d1b0735837dc4bd85dac641b0f3cef27a47e5d53a54f2f3f5b2fcffa"),
		0);
	assert_int_equal(notes_settle(&scene.site, &record), 0);
	notes_of_copies(&record, sh, &copies);
	assert_int_equal(copies.count, 1);
	assert_true(str_starts_with(copies.items[0], "d9298a10"));
	/* one that is gone may come back */
	assert_true(has(&scene, &record, RECORD_FILE, "man/page"));
	strlist_clear(&copies);
	put(root, "p/path.sh", "edited");
	assert_int_equal(notes_settle(&scene.site, &record), 0);
	notes_of_copies(&record, sh, &copies);
	assert_int_equal(copies.count, 1);
	strlist_clear(&copies);
	/* nothing of a program that another has the place of, but its links are said to be none */
	self.copy = COPY_LEAVE;
	self.documents.items[DOCUMENT_MAN].action = DOCUMENT_MAKE;
	assert_int_equal(notes_self(&scene.site, &self, &record), 0);
	assert_false(has(&scene, &record, RECORD_FILE, "kept"));
#ifdef SINGLE_BINARY
	/* the copy, with the digest of what is copied */
	self.copy = COPY_MAKE;
	assert_int_equal(notes_self(&scene.site, &self, &record), 0);
	assert_int_equal(self_digest(&digest), 0);
	sha256_format(&digest, hex);
	assert_true(record_has(&record, RECORD_FILE, self.program, hex));
#endif
}

static void one_runtime(void **state)
{
	const char *root = ((struct place *)*state)->path;
	_cleanup_(scene_clear) struct scene scene;
	_cleanup_(record_clear) struct record record = RECORD_NONE;

	scene_find(&scene, root);
	scene.site.runtime = RUNTIME_USERNS;
	begin(&scene, &record);
	assert_true(record_has(&record, RECORD_RUNTIME, "userns", NULL));
	scene.site.runtime = RUNTIME_PROOT;
	assert_int_equal(notes_runtime(&scene.site, &record), 0);
	assert_true(record_has(&record, RECORD_RUNTIME, "proot", NULL));
	assert_false(record_has(&record, RECORD_RUNTIME, "userns", NULL));
	scene.site.runtime = RUNTIME_AUTO;
	assert_int_equal(notes_runtime(&scene.site, &record), 0);
	for (size_t i = 0; i < record.count; i++)
		assert_int_not_equal(record.entries[i].kind, RECORD_RUNTIME);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(two_runs, place_setup, place_teardown),
		cmocka_unit_test_setup_teardown(a_store_that_was_there, place_setup,
						place_teardown),
		cmocka_unit_test_setup_teardown(a_store_of_an_earlier_run, place_setup,
						place_teardown),
		cmocka_unit_test_setup_teardown(a_full_disk, place_setup, place_teardown),
		cmocka_unit_test_setup_teardown(what_is_made_for_the_commands, place_setup,
						place_teardown),
		cmocka_unit_test_setup_teardown(one_runtime, place_setup, place_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
