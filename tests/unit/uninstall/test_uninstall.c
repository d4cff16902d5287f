/* What --uninstall goes by: mounts in the way, and the traces that the receipt keeps. */
#include "install/before.h"
#include "uninstall/mounts_below.h"
#include "store/traces.h"
#include "util/cleanup.h"
#include "util/fs.h"
#include "util/str.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#define HEX "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static int setup(void **state)
{
	const char *tmp = env_get("TMPDIR");
	_cleanup_free_ char *path = xasprintf("%s/test_uninstall.XXXXXX", tmp ? tmp : "/tmp");

	assert_non_null(mkdtemp(path));
	*state = realpath(path, NULL);
	return !*state;
}

static int teardown(void **state)
{
	int r = fs_remove_tree(AT_FDCWD, *state);

	free(*state);
	return r;
}

static void put(const char *root, const char *name, const char *text)
{
	_cleanup_free_ char *path = path_join(root, name), *above = path_parent(path);

	assert_int_equal(fs_mkdirs(AT_FDCWD, above, 0755), 0);
	assert_int_equal(fs_replace_file(AT_FDCWD, path, text, strlen(text), 0644), 0);
}

static void assert_mount(const char *root, const char *lines, const char *directory,
			 const char *expected)
{
	_cleanup_free_ char *full = path_join(root, directory), *found = NULL, *wanted = NULL;

	put(root, "proc/self/mountinfo", lines);
	found = mounts_first_below(full, root);
	wanted = expected ? path_join(root, expected) : NULL;
	if (!wanted)
		assert_null(found);
	else
		assert_string_equal(found, wanted);
}

/* One line of mountinfo for each NAME below ROOT. */
static char *mounts(const char *root, const char *first, const char *second)
{
	return xasprintf("25 1 8:1 / / rw - ext4 /dev/sda1 rw\n"
			 "26 25 8:1 / %s/%s rw - ext4 /dev/sda1 rw\n"
			 "27 25 8:1 / %s/%s rw,nosuid shared:2 - tmpfs tmpfs rw\n",
			 root, first, root, second);
}

static void mounts_in_the_way(void **state)
{
	const char *root = *state;
	_cleanup_free_ char *beside = mounts(root, "nix", "nixos/store");
	_cleanup_free_ char *below = mounts(root, "other", "nix/store/x");
	_cleanup_free_ char *blank = mounts(root, "my\\040nix\\134/a\\012b", "other");
	_cleanup_free_ char *directory = path_join(root, "nix");
	_cleanup_free_ char *odd = path_join(root, "my nix\\"), *link = path_join(root, "link");

	assert_int_equal(fs_mkdirs(AT_FDCWD, directory, 0755), 0);
	assert_int_equal(fs_mkdirs(AT_FDCWD, odd, 0755), 0);
	assert_int_equal(symlink("nix", link), 0);
	/* the directory may be a mount itself, as many a scratch disk is */
	assert_mount(root, beside, "nix", NULL);
	assert_mount(root, below, "nix", "nix/store/x");
	assert_mount(root, below, "link", "nix/store/x");
	assert_mount(root, blank, "my nix\\", "my nix\\/a\nb");
	assert_mount(root, "", "nix", NULL);
	assert_mount(root, "garbage\n\n1 2\n", "nix", NULL);
	assert_mount(root, below, "missing", NULL);
}

static void traces_in_lines(void **state)
{
	_cleanup_(traces_clear) struct traces traces = {0};
	_cleanup_free_ char *text = NULL;
	size_t len;
	FILE *f;

	(void)state;
	assert_int_equal(traces_take_line(&traces, "made", "/h/a b"), 0);
	assert_int_equal(traces_take_line(&traces, "made", "/h/a b"), 0);
	assert_int_equal(traces_take_line(&traces, "line", "/h/.profile"), 0);
	assert_int_equal(traces_take_line(&traces, "shim", "/h/bin/nix"), 0);
	assert_int_equal(traces_take_line(&traces, "copy", HEX " /h/bin/nix-user-chroot"), 0);
	assert_int_equal(traces_take_line(&traces, "nix-conf", HEX), 0);
	assert_int_equal(traces_take_line(&traces, "store", "adopted"), 0);
	assert_int_equal(traces_take_line(&traces, "store", "of another kind"), 0);
	assert_int_equal(traces_take_line(&traces, "colour", "blue"), 0);
	strlist_add(&traces.shims, "/h/two\nlines");
	f = xopen_memstream(&text, &len);
	traces_print(f, &traces);
	fclose(f);
	assert_string_equal(text, "made /h/a b\nline /h/.profile\nshim /h/bin/nix\n"
				  "copy " HEX " /h/bin/nix-user-chroot\nnix-conf " HEX "\n"
				  "store adopted\n");
	assert_true(traces.is_adopted);
	assert_string_equal(traces.copy, "/h/bin/nix-user-chroot");
}

static void bad_traces(void **state)
{
	static const char *const lines[][2] = {
		{"made", "relative"}, {"line", "~/.profile"},
		{"shim", "nix"},      {"copy", "/h/bin/nix-user-chroot"},
		{"copy", HEX},	      {"copy", HEX " relative"},
		{"copy", HEX "0 /h"}, {"nix-conf", "yes"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		_cleanup_(traces_clear) struct traces traces = {0};

		assert_int_equal(traces_take_line(&traces, lines[i][0], lines[i][1]), -EBADMSG);
		assert_null(traces.copy);
		assert_int_equal(traces.made.count + traces.lines.count + traces.shims.count, 0);
	}
}

/* A home directory with a little in it, and the workspace of an installation into it. */
struct scene {
	char *root;
	struct workspace workspace;
	struct home home;
};

static void scene_make(struct scene *scene, const char *root)
{
	*scene = (struct scene){.root = xstrdup(root)};
	setenv("HOME", root, 1);
	unsetenv("XDG_STATE_HOME");
	unsetenv("XDG_CACHE_HOME");
	unsetenv("XDG_DATA_HOME");
	unsetenv("XDG_BIN_HOME");
	unsetenv("NIX_USER_CHROOT_DIR");
	assert_int_equal(home_find(&scene->home), 0);
	assert_int_equal(workspace_find(&scene->workspace), 0);
}

static void scene_clear(struct scene *scene)
{
	free(scene->root);
	workspace_clear(&scene->workspace);
	home_clear(&scene->home);
}

static bool has(const struct scene *scene, const struct strlist *list, const char *name)
{
	_cleanup_free_ char *path = path_join(scene->root, name);

	return strlist_has(list, path);
}

#define OUR_LINE                                                    \
	"\nif [ -e /h/.nix-profile/etc/profile.d/nix.sh ]; then . " \
	"/h/.nix-profile/etc/profile.d/nix.sh; fi # added by Nix installer\n"

static void before_and_after(void **state)
{
	_cleanup_(scene_clear) struct scene scene;
	_cleanup_(before_clear) struct before before, kept = {0};
	_cleanup_(traces_clear) struct traces traces = {0};
	_cleanup_close_ int fd = -1;

	put(*state, ".zshenv", "a\n" OUR_LINE);
	put(*state, ".bashrc", "a\n");
	put(*state, ".local/bin/mine", "");
	scene_make(&scene, *state);
	before_look(&scene.workspace, &scene.home, &before);
	assert_true(has(&scene, &before.absent, ".local/share"));
	assert_true(has(&scene, &before.absent, ".local/share/nix/etc/nix/nix.conf"));
	assert_true(has(&scene, &before.absent, ".profile"));
	assert_true(has(&scene, &before.absent, ".config"));
	assert_false(has(&scene, &before.absent, ".local"));
	assert_false(has(&scene, &before.absent, ".local/bin"));
	assert_false(has(&scene, &before.absent, ".bashrc"));
	assert_true(has(&scene, &before.lines, ".zshenv"));
	assert_int_equal(before.lines.count, 1);
	assert_false(before.has_store);

	/* kept over a run that is broken off, by whose end more is there */
	fd = workspace_open(&scene.workspace);
	assert_true(fd >= 0);
	assert_int_equal(before_keep(fd, &before), 0);
	put(*state, ".local/share/nix/etc/nix/nix.conf", "conf\n");
	put(*state, ".profile", OUR_LINE);
	put(*state, ".bashrc", "a\n" OUR_LINE);
	before_look(&scene.workspace, &scene.home, &kept);
	assert_false(has(&scene, &kept.absent, ".profile"));
	assert_int_equal(before_keep(fd, &kept), 0);
	assert_true(has(&scene, &kept.absent, ".profile"));
	assert_int_equal(kept.absent.count, before.absent.count);

	before_compare(&kept, &scene.workspace, &scene.home, true, &traces);
	assert_true(has(&scene, &traces.made, ".profile"));
	assert_true(has(&scene, &traces.made, ".local/share/nix"));
	/* Nix or ci-bootstrap may make it later; nothing has made the last */
	assert_true(has(&scene, &traces.made, ".nix-channels"));
	assert_true(has(&scene, &traces.made, ".cache"));
	assert_true(has(&scene, &traces.made, ".local/state/nix"));
	assert_true(has(&scene, &traces.made, ".config/nix-user-chroot"));
	assert_false(has(&scene, &traces.made, ".config/fish"));
	assert_true(has(&scene, &traces.lines, ".profile"));
	assert_true(has(&scene, &traces.lines, ".bashrc"));
	assert_false(has(&scene, &traces.lines, ".zshenv"));
	assert_true(traces.has_nix_conf);
	assert_false(traces.is_adopted);
	before_forget(fd);
	before_clear(&kept);
	assert_int_equal(before_read(fd, &kept), -ENOENT);
}

static void a_store_that_was_there(void **state)
{
	_cleanup_(scene_clear) struct scene scene;
	_cleanup_(before_clear) struct before before;
	_cleanup_(traces_clear) struct traces traces = {0};

	put(*state, ".local/share/nix/store/x/file", "");
	scene_make(&scene, *state);
	before_look(&scene.workspace, &scene.home, &before);
	assert_true(before.has_store);
	before_compare(&before, &scene.workspace, &scene.home, true, &traces);
	assert_true(traces.is_adopted);
	assert_false(traces.has_nix_conf);
	assert_false(has(&scene, &traces.made, ".local/share/nix"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(mounts_in_the_way, setup, teardown),
		cmocka_unit_test(traces_in_lines),
		cmocka_unit_test(bad_traces),
		cmocka_unit_test_setup_teardown(before_and_after, setup, teardown),
		cmocka_unit_test_setup_teardown(a_store_that_was_there, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
