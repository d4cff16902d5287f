/* The user's links into what --uninstall removes. */
#include "uninstall/find.h"
#include "chroot/namespace.h"
#include "util/cleanup.h"
#include "util/fs.h"

#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "../child.h"
#include "scene.h"

#define INTO "/nix/store/" PATH_NAME

/* The lines about links of the user's, without the others. */
static void find_users(const struct scene *scene, struct strlist *out)
{
	_cleanup_(strlist_clear) struct strlist lines = {0};

	strlist_clear(out);
	find_lines_of(scene, true, false, &lines);
	for (size_t i = 0; i < lines.count; i++)
		if (str_starts_with(lines.items[i], "copy ") ||
		    str_starts_with(lines.items[i], "copied ") ||
		    str_starts_with(lines.items[i], "dangling "))
			strlist_add(out, lines.items[i]);
}

static void assert_users(const struct scene *scene, const char *const *expected)
{
	_cleanup_(strlist_clear) struct strlist lines = {0};
	size_t count = 0;

	find_users(scene, &lines);
	for (; expected[count]; count++)
		where(&lines, expected[count]);
	if (lines.count == count)
		return;
	for (size_t i = 0; i < lines.count; i++)
		print_error("%s\n", lines.items[i]);
	fail_msg("%zu lines instead of %zu", lines.count, count);
}

static void copies_and_links_to_nowhere(void **state)
{
	struct scene *scene = *state;
	static const char *const expected[] = {
		"copy ~/.bashrc below store/" PATH_NAME "/rc",
		"copied ~/.bashrc",
		"copy ~/.config/dir below store/" PATH_NAME,
		"copied ~/.config/dir",
		"dangling ~/.config/through",
		"dangling ~/.local/state/root",
		"dangling ~/bin/prog",
		"dangling ~/hello",
		"dangling ~/chain",
		NULL,
	};

	put(scene, "@/store/" PATH_NAME "/rc", "text");
	put(scene, "@/store/" OTHER_NAME "/prog", "#!/nix/store/x\n");
	{
		_cleanup_free_ char *prog = expanded(scene, "@/store/" OTHER_NAME "/prog");

		assert_int_equal(chmod(prog, 0755), 0);
	}
	put_link(scene, "~/.bashrc", INTO "/rc");
	put_link(scene, "~/.config/dir", INTO);
	put_link(scene, "~/.config/through", "/nix/store/" OTHER_NAME);
	put_link(scene, "~/bin/prog", "/nix/store/" OTHER_NAME "/prog");
	/* home-manager's link to all of a store path */
	put_link(scene, "~/.local/state/root", INTO);
	/* to a link of ours, by one more and relative */
	put_link(scene, "~/.local/bin/nix", "/opt/nix-user-chroot");
	put_link(scene, "~/hello", ".local/bin/nix");
	put_link(scene, "~/chain", "~/hello");
	/* elsewhere, nowhere, in itself, in what is missing */
	put(scene, "~/mine", "");
	put_link(scene, "~/to-mine", "mine");
	put_link(scene, "~/nowhere", "/nowhere");
	put_link(scene, "~/loop", "loop");
	put_link(scene, "~/in-var", "/nix/var/x");
	put_link(scene, "~/gone", INTO "/gone/x");
	put_record(scene, "absent @/store\nlink ~/.local/bin/nix /opt/x\n");
	assert_users(scene, expected);
}

/* A copy in ~/.local/state/x/y of a file in a store path is no anchor of home-manager's. */
static void anchors(void **state)
{
	struct scene *scene = *state;
	static const char *const expected[] = {
		"copy ~/.local/state/app/rc below store/" PATH_NAME "/rc",
		"copied ~/.local/state/app/rc",
		"dangling ~/.local/state/app/root",
		"copy ~/.local/states below store/" PATH_NAME,
		"copied ~/.local/states",
		NULL,
	};

	put(scene, "@/store/" PATH_NAME "/rc", "text");
	put_link(scene, "~/.local/state/app/rc", INTO "/rc");
	put_link(scene, "~/.local/state/app/root", INTO);
	put_link(scene, "~/.local/states", INTO);
	put_record(scene, "");
	assert_users(scene, expected);
}

/* Links that are found by other ways, or are another Nix's. */
static void links_that_are_known(void **state)
{
	struct scene *scene = *state;
	static const char *const expected[] = {"copy ~/.config/now below store/" PATH_NAME,
					       "copied ~/.config/now", NULL};

	put_link(scene, "~/.nix-profile", INTO);
	put_link(scene, "~/.local/state/nix/profile", INTO);
	put_link(scene, "~/.config/now", INTO);
	put_record(scene, "was ~/.local/state/nix/profile " INTO "\nwas ~/.config/now /x\n");
	assert_users(scene, expected);
}

/* How far a home directory is searched. */
static void where_links_are_searched(void **state)
{
	struct scene *scene = *state;
	static const char *const expected[] = {
		"copy ~/top below store/" PATH_NAME,
		"copied ~/top",
		"copy ~/bin/a/b below store/" PATH_NAME,
		"copied ~/bin/a/b",
		"copy ~/.x/1/2/3/4/l below store/" PATH_NAME,
		"copied ~/.x/1/2/3/4/l",
		"copy ~/.x/plain/l below store/" PATH_NAME,
		"copied ~/.x/plain/l",
		NULL,
	};

	put_link(scene, "~/top", INTO);
	put_link(scene, "~/bin/a/b", INTO);
	put_link(scene, "~/.x/1/2/3/4/l", INTO);
	put_link(scene, "~/.x/plain/l", INTO);
	/* one too deep, and what is not settings, Nix's own directories, through a link */
	put_link(scene, "~/.x/1/2/3/4/5/l", INTO);
	put_link(scene, "~/project/l", INTO);
	put_link(scene, "~/.cache/nix/l", INTO);
	put_link(scene, "~/.local/state/nix/profiles/1/l", INTO);
	put_link(scene, "@/mine", INTO);
	put_link(scene, "~/elsewhere/l", INTO);
	put_link(scene, "~/.to-elsewhere", "elsewhere");
	put_record(scene, "");
	assert_users(scene, expected);
}

#define NO_MOUNTS 9

/* May this child mount, and have another root? */
static bool may_mount(void)
{
	uid_t uid = geteuid();
	gid_t gid = getegid();
	const char *file;

	return namespace_unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0 &&
	       namespace_map_ids(uid, gid, &file) == 0 &&
	       mount(NULL, "/", NULL, MS_PRIVATE | MS_REC, NULL) == 0;
}

/* 0: what is found is the link of the home directory alone, not the one on a mount in it. */
static int below_a_mount(const void *context)
{
	const struct scene *scene = context;
	_cleanup_free_ char *mounted = expanded(scene, "~/.mounted");
	struct strlist lines = {0};

	if (!may_mount() || mount("tmpfs", mounted, "tmpfs", 0, NULL) < 0)
		return NO_MOUNTS;
	put_link(scene, "~/.mounted/l", INTO);
	find_users(scene, &lines);
	return lines.count == 2 && strlist_has(&lines, "copied ~/top") ? 0 : 1;
}

/* Another file system may be large, or on a network. */
static void other_file_systems(void **state)
{
	struct scene *scene = *state;
	int status;

	put_directory(scene, "~/.mounted");
	put_link(scene, "~/top", INTO);
	put_record(scene, "");
	free(child_says(below_a_mount, scene, NULL, &status));
	if (WEXITSTATUS(status) == NO_MOUNTS)
		skip();
	assert_int_equal(status, 0);
}

/* 0: a link that works outside is found only if the host's /nix is the Nix directory itself. */
static int with_host_nix(const void *context)
{
	const struct scene *scene = context;
	struct scene inside = {
		.home_dir = (char[]){"/home"},
		.nix = (char[]){"/home/.local/share/nix"},
		.nix_fd = scene->nix_fd,
		.record = scene->record,
	};
	struct strlist lines = {0};

	if (!may_mount() || chroot(scene->place->path) < 0 || chdir("/") < 0)
		return NO_MOUNTS;
	if (setenv("HOME", "/home", 1) < 0 || home_find(&inside.home) < 0)
		return 1;
	put_directory(&inside, INTO);
	find_users(&inside, &lines);
	if (lines.count != 0)
		return 2;
	/* Nix's own links, too: they are another Nix's */
	find_lines_of(&inside, true, false, &lines);
	if (!strlist_has(&lines, "left ~/.nix-profile (does not lead into this store)"))
		return 4;
	strlist_clear(&lines);
	unput(&inside, "/nix");
	put_link(&inside, "/nix", "@");
	find_users(&inside, &lines);
	return lines.count == 2 && strlist_has(&lines, "copied ~/top") ? 0 : 3;
}

static void links_that_work_outside(void **state)
{
	struct scene *scene = *state;
	int status;

	put_link(scene, "~/top", INTO);
	put_link(scene, "~/.nix-profile", INTO);
	put_record(scene, "");
	free(child_says(with_host_nix, scene, NULL, &status));
	if (WEXITSTATUS(status) == NO_MOUNTS)
		skip();
	assert_int_equal(status, 0);
}

/* The results of builds, wherever they are, each once. */
static void results_of_builds(void **state)
{
	struct scene *scene = *state;
	static const char *const expected[] = {
		"dangling ~/project/result",
		"dangling ~/.config/named",
		"copy ~/.config/copied below store/" PATH_NAME,
		"copied ~/.config/copied",
		NULL,
	};

	put_link(scene, "~/project/result", INTO);
	put_link(scene, "~/.config/copied", INTO);
	put(scene, "@/store/" OTHER_NAME "/prog", "#!/nix/store/x\n");
	{
		_cleanup_free_ char *prog = expanded(scene, "@/store/" OTHER_NAME "/prog");

		assert_int_equal(chmod(prog, 0755), 0);
	}
	put_link(scene, "~/.config/named", "/nix/store/" OTHER_NAME);
	put_link(scene, "@/var/nix/gcroots/auto/1", "~/project/result");
	put_link(scene, "@/var/nix/gcroots/auto/2", "~/.config/copied");
	put_link(scene, "@/var/nix/gcroots/auto/3", "~/.config/named");
	put_link(scene, "@/var/nix/gcroots/auto/4", "/nix/var/nix/profiles/x");
	put_link(scene, "@/var/nix/gcroots/auto/5", "~/project/gone");
	put_link(scene, "@/var/nix/gcroots/auto/6", "project/result");
	put(scene, "@/var/nix/gcroots/auto/7", "");
	put(scene, "~/project/file", "");
	put_link(scene, "@/var/nix/gcroots/auto/8", "~/project/file");
	put_link(scene, "~/project/elsewhere", "/nowhere");
	put_link(scene, "@/var/nix/gcroots/auto/9", "~/project/elsewhere");
	/* no link itself, but in a directory that is one */
	put(scene, "@/store/" PATH_NAME "/rc", "text");
	put_link(scene, "~/project/dir", INTO);
	put_link(scene, "@/var/nix/gcroots/auto/10", "~/project/dir/rc");
	put_record(scene, "");
	assert_users(scene, expected);
}

/* A chain of links to ours is followed, up to eight links. */
static void long_chains(void **state)
{
	struct scene *scene = *state;
	_cleanup_(strlist_clear) struct strlist lines = {0};

	put_link(scene, "~/.local/bin/nix", "/opt/nix-user-chroot");
	put_link(scene, "~/c1", ".local/bin/nix");
	for (int i = 2; i <= 9; i++) {
		_cleanup_free_ char *path = xasprintf("~/c%d", i), *to = xasprintf("c%d", i - 1);

		put_link(scene, path, to);
	}
	put_record(scene, "link ~/.local/bin/nix /opt/x\n");
	find_users(scene, &lines);
	assert_int_equal(lines.count, 8);
	assert_true(strlist_has(&lines, "dangling ~/c8"));
}

/* The copy of the program, which goes last, has links too. */
static void links_to_the_program(void **state)
{
	struct scene *scene = *state;
	static const char *const expected[] = {"dangling ~/enter", NULL};

	put(scene, "~/.local/bin/nix-user-chroot", "program");
	put_link(scene, "~/enter", ".local/bin/nix-user-chroot");
	put_record(scene, "file ~/.local/bin/nix-user-chroot <<program>>\n");
	assert_users(scene, expected);
}

static void no_home(void **state)
{
	struct scene *scene = *state;
	static const char *const expected[] = {NULL};

	put_link(scene, "@/var/nix/gcroots/auto/1", "~/result");
	put_link(scene, "~/result", INTO);
	free(scene->home.path);
	scene->home.path = xstrdup("/nowhere");
	put_record(scene, "");
	assert_users(scene, expected);
}

int main(void)
{
#define WITH_SCENE(f) cmocka_unit_test_setup_teardown(f, scene_setup, scene_teardown)
	const struct CMUnitTest tests[] = {
		WITH_SCENE(copies_and_links_to_nowhere), WITH_SCENE(anchors),
		WITH_SCENE(links_that_are_known),	 WITH_SCENE(where_links_are_searched),
		WITH_SCENE(other_file_systems),		 WITH_SCENE(links_that_work_outside),
		WITH_SCENE(results_of_builds),		 WITH_SCENE(long_chains),
		WITH_SCENE(links_to_the_program),	 WITH_SCENE(no_home),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
