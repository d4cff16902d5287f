/* What --uninstall finds in the home directory of Nix's and ci-bootstrap's, and what it puts back.
 */
#include "uninstall/find.h"
#include "util/cleanup.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "scene.h"

#define INTO "/nix/store/" PATH_NAME
#define GONE "/nix/store/" OTHER_NAME

/* An installation that Nix was used in. */
static void put_home(const struct scene *scene)
{
	put_link(scene, "@/var/nix/profiles/per-user/u/profile", INTO);
	put_link(scene, "~/.nix-profile", "~/.local/state/nix/profiles/profile");
	put_link(scene, "~/.local/state/nix/profile", "/nix/var/nix/profiles/per-user/u/profile");
	put_link(scene, "~/.local/state/nix/profiles/profile", "profile-2-link");
	put_link(scene, "~/.local/state/nix/profiles/profile-2-link", INTO);
	put(scene, "~/.nix-channels", "");
	put_link(scene, "~/.nix-defexpr/channels", "~/.local/state/nix/profiles/channels");
	put_link(scene, "~/.nix-defexpr/channels_root", "/nix/var/nix/profiles/per-user/root/x");
	put_directory(scene, "~/.local/state/nix/defexpr");
	put(scene, "~/.cache/nix/binary-cache-v6.sqlite", "");
}

static void all_of_nix(void **state)
{
	struct scene *scene = *state;
	static const char *const expected[] = {
		"tree  below store: @/store (1 store path)",
		"tree  below var/nix: @/var/nix",
		"file ~/.nix-profile: ~/.nix-profile",
		"file ~/.local/state/nix/profile: ~/.local/state/nix/profile",
		"file ~/.nix-channels: ~/.nix-channels",
		"file ~/.nix-defexpr/channels",
		"file ~/.nix-defexpr/channels_root",
		"empty ~/.nix-defexpr: ~/.nix-defexpr",
		"empty ~/.local/state/nix/defexpr: ~/.local/state/nix/defexpr",
		"file ~/.local/state/nix/profiles/profile",
		"file ~/.local/state/nix/profiles/profile-2-link",
		"empty ~/.local/state/nix/profiles: ~/.local/state/nix/profiles",
		"tree ~/.cache/nix/binary-cache-v6.sqlite: ~/.cache/nix/binary-cache-v6.sqlite",
		"empty ~/.cache/nix",
		"made ~/.local/state/nix/profiles",
		"made ~/.local/state/nix/defexpr",
		"made ~/.nix-defexpr",
		"made ~/.nix-channels",
		"made ~/.cache/nix",
		"made @/store",
		"made @/var/nix",
		NULL,
	};
	_cleanup_(strlist_clear) struct strlist lines = {0};

	put_home(scene);
	put_record(scene, "absent @/store\nabsent @/var/nix\nabsent ~/.local/state/nix/profiles\n"
			  "absent ~/.local/state/nix/defexpr\nabsent ~/.nix-defexpr\n"
			  "absent ~/.nix-channels\nabsent ~/.cache/nix\n");
	find_lines_of(scene, true, false, &lines);
	assert_lines(&lines, expected);
	/* a link must go before the store that tells whose it is, contents before directories */
	assert_true(where(&lines, expected[2]) < where(&lines, expected[0]));
	assert_true(where(&lines, expected[5]) < where(&lines, expected[7]));
	assert_true(where(&lines, expected[9]) < where(&lines, expected[11]));
	assert_true(where(&lines, expected[12]) < where(&lines, expected[13]));
}

/* The same, but for all that is shared, which the record does not say to be new. */
static void what_was_there_before(void **state)
{
	struct scene *scene = *state;
	static const char *const expected[] = {
		"tree  below store: @/store (1 store path)",
		"tree  below var/nix: @/var/nix",
		"file ~/.nix-profile: ~/.nix-profile",
		"file ~/.local/state/nix/profile: ~/.local/state/nix/profile",
		"left ~/.nix-channels (was there before)",
		"file ~/.nix-defexpr/channels",
		"file ~/.nix-defexpr/channels_root",
		"file ~/.local/state/nix/profiles/profile",
		"file ~/.local/state/nix/profiles/profile-2-link",
		"made @/store",
		"made @/var/nix",
		NULL,
	};
	_cleanup_(strlist_clear) struct strlist lines = {0};

	put_home(scene);
	put_record(scene, "absent @/store\nabsent @/var/nix\n");
	find_lines_of(scene, true, false, &lines);
	assert_lines(&lines, expected);
}

/* Without a record, with --force: what is known to be Nix's, and no file that may be the user's. */
static void home_without_a_record(void **state)
{
	struct scene *scene = *state;
	static const char *const expected[] = {
		"tree  below store: @/store (1 store path)",
		"tree  below var/nix: @/var/nix",
		"file ~/.nix-profile: ~/.nix-profile",
		"file ~/.local/state/nix/profile: ~/.local/state/nix/profile",
		"left ~/.nix-channels (was there before)",
		"file ~/.nix-defexpr/channels",
		"file ~/.nix-defexpr/channels_root",
		"empty ~/.nix-defexpr: ~/.nix-defexpr",
		"empty ~/.local/state/nix/defexpr: ~/.local/state/nix/defexpr",
		"file ~/.local/state/nix/profiles/profile",
		"file ~/.local/state/nix/profiles/profile-2-link",
		"empty ~/.local/state/nix/profiles: ~/.local/state/nix/profiles",
		"made @/etc/nix",
		"made @/etc",
		"made @/var/log",
		"made @/var/nix-user-chroot",
		"made @/var",
		NULL,
	};
	_cleanup_(strlist_clear) struct strlist lines = {0};

	put_home(scene);
	find_lines_of(scene, false, true, &lines);
	assert_lines(&lines, expected);
}

/* One profile belongs to another Nix: what all Nix directories share stays. */
static void beside_another_nix(void **state)
{
	struct scene *scene = *state;
	static const char *const expected[] = {
		"tree  below store: @/store (1 store path)",
		"tree  below var/nix: @/var/nix",
		"left ~/.nix-profile (does not lead into this store)",
		"file ~/.local/state/nix/profile: ~/.local/state/nix/profile",
		"left ~/.nix-channels (another Nix uses it)",
		"left ~/.nix-defexpr (another Nix uses it)",
		"left ~/.local/state/nix/defexpr (another Nix uses it)",
		"file ~/.local/state/nix/profiles/profile",
		"file ~/.local/state/nix/profiles/profile-2-link",
		"left ~/.local/state/nix/profiles/other (does not lead into this store)",
		"left ~/.local/state/nix/profiles/other-1-link (does not lead into this store)",
		"empty ~/.local/state/nix/profiles: ~/.local/state/nix/profiles",
		"made ~/.local/state/nix/profiles",
		"made ~/.nix-defexpr",
		"made ~/.nix-channels",
		"made ~/.cache/nix",
		"made @/store",
		"made @/var/nix",
		NULL,
	};
	_cleanup_(strlist_clear) struct strlist lines = {0};

	put_home(scene);
	put_directory(scene, "~/opt/nix/profile");
	unput(scene, "~/.nix-profile");
	put_link(scene, "~/.nix-profile", "~/opt/nix/profile");
	put_link(scene, "~/.local/state/nix/profiles/other", "other-1-link");
	put_link(scene, "~/.local/state/nix/profiles/other-1-link", "~/opt/nix/profile");
	put_record(scene, "absent @/store\nabsent @/var/nix\nabsent ~/.local/state/nix/profiles\n"
			  "absent ~/.nix-defexpr\nabsent ~/.nix-channels\nabsent ~/.cache/nix\n");
	find_lines_of(scene, true, false, &lines);
	assert_lines(&lines, expected);
	/* the same if it is the other place of a profile */
	unput(scene, "~/.nix-profile");
	unput(scene, "~/.local/state/nix/profile");
	put_link(scene, "~/.local/state/nix/profile", "~/opt/nix/profile");
	strlist_clear(&lines);
	find_lines_of(scene, true, false, &lines);
	where(&lines, "left ~/.nix-channels (another Nix uses it)");
}

/* The line about the profile ~/.nix-profile with this TARGET (NULL: a directory). */
static void assert_profile(const struct scene *scene, const char *target, bool record,
			   const char *expected)
{
	_cleanup_(strlist_clear) struct strlist lines = {0};

	unput(scene, "~/.nix-profile");
	if (target)
		put_link(scene, "~/.nix-profile", target);
	else
		put_directory(scene, "~/.nix-profile");
	find_lines_of(scene, record, !record, &lines);
	where(&lines, expected);
}

static void whose_a_link_is(void **state)
{
	static const char ours[] = "file ~/.nix-profile: ~/.nix-profile";
	static const char others[] = "left ~/.nix-profile (does not lead into this store)";
	struct scene *scene = *state;

	put_directory(scene, "~/opt");
	assert_profile(scene, NULL, false, others);
	assert_profile(scene, INTO, false, ours);
	assert_profile(scene, GONE, false, others);
	assert_profile(scene, "~/opt", false, others);
	assert_profile(scene, "~/missing", false, others);
	assert_profile(scene, "/nix/missing/x", false, others);
	/* one that leads nowhere and is said to be new was ours, but not if the store has others */
	put_record(scene, "absent ~/.nix-profile\n");
	assert_profile(scene, "~/opt", true, others);
	assert_profile(scene, GONE, true, others);
	assert_profile(scene, "/nix/var/missing", true, ours);
	assert_profile(scene, "~/missing", true, ours);
	assert_profile(scene, "/nix/missing/x/y", true, ours);
	unput(scene, "@/store/" PATH_NAME);
	assert_profile(scene, GONE, true, ours);
	put_record(scene, "absent ~/other\n");
	assert_profile(scene, "/nix/var/missing", true, others);
}

/* A link of another Nix that was there before and leads into ours inside, by the same path. */
static void as_before(void **state)
{
	static const char ours[] = "file ~/.nix-profile: ~/.nix-profile";
	struct scene *scene = *state;

	put_record(scene, "absent ~/x\nwas ~/.other /x\nwas ~/.nix-profile " INTO "\nabsent ~/y\n");
	assert_profile(scene, INTO, true, "left ~/.nix-profile (was there before)");
	put_record(scene, "was ~/.nix-profile " INTO "x\n");
	assert_profile(scene, INTO, true, ours);
	put_record(scene, "was ~/.other " INTO "\n");
	assert_profile(scene, INTO, true, ours);
	put_record(scene, "link ~/.nix-profile " INTO "\n");
	assert_profile(scene, INTO, true, ours);
}

static void what_is_put_back(void **state)
{
	struct scene *scene = *state;
	static const char *const expected[] = {
		"tree  below store: @/store (1 store path)",
		"made @/store",
		"made ~/.nix-channels",
		"file ~/.nix-profile: ~/.nix-profile",
		"link ~/.nix-profile -> /nix/var/x",
		"back ~/.nix-profile -> /nix/var/x",
		"link ~/.local/state/nix/profile -> /nix/var/y",
		"back ~/.local/state/nix/profile -> /nix/var/y",
		"file ~/.nix-channels: ~/.nix-channels",
		NULL,
	};
	_cleanup_(strlist_clear) struct strlist lines = {0};

	put_link(scene, "~/.nix-profile", INTO);
	put_link(scene, "~/.nix-defexpr/channels", "/elsewhere");
	put(scene, "~/.nix-channels", "");
	put_record(scene, "was ~/.nix-profile /nix/var/x\n"
			  "absent @/store\nabsent ~/.nix-channels\n"
			  "was ~/.local/state/nix/profile /nix/var/y\n"
			  "was ~/.nix-defexpr/channels /nix/var/z\n");
	find_lines_of(scene, true, false, &lines);
	unput(scene, "~/.nix-defexpr");
	assert_true(where(&lines, expected[3]) < where(&lines, expected[4]));
	assert_false(strlist_has(&lines, "back ~/.nix-defexpr/channels -> /nix/var/z"));
	for (size_t i = 0; expected[i]; i++)
		where(&lines, expected[i]);
	strlist_clear(&lines);
	/* now that one leads nowhere any more, too */
	find_lines_of(scene, true, false, &lines);
	where(&lines, "back ~/.nix-defexpr/channels -> /nix/var/z");
	put(scene, "~/.nix-defexpr/channels", "");
	strlist_clear(&lines);
	find_lines_of(scene, true, false, &lines);
	assert_false(strlist_has(&lines, "back ~/.nix-defexpr/channels -> /nix/var/z"));
}

/* Links of which one may think that they are channels. */
static void channel_links(void **state)
{
	struct scene *scene = *state;
	static const struct {
		const char *target;
		bool goes;
	} cases[] = {
		{"/nix/var/nix/profiles/per-user/u/channels", true},
		{"~/.local/state/nix/profiles/channels", true},
		{"~/.local/state/nix/profiles-of-mine", false},
		{"~/channels", false},
		{INTO, false},
	};

	put_record(scene, "was ~/.nix-defexpr/channels_root /nix/var/nix/profiles/before\n");
	put_link(scene, "~/.nix-defexpr/channels_root", "/nix/var/nix/profiles/before");
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		_cleanup_(strlist_clear) struct strlist lines = {0};

		unput(scene, "~/.nix-defexpr/channels");
		put_link(scene, "~/.nix-defexpr/channels", cases[i].target);
		find_lines_of(scene, true, false, &lines);
		assert_int_equal(strlist_has(&lines, "file ~/.nix-defexpr/channels"),
				 cases[i].goes);
		assert_false(strlist_has(&lines, "file ~/.nix-defexpr/channels_root"));
		assert_false(strlist_has(&lines, "empty ~/.nix-defexpr: ~/.nix-defexpr"));
	}
}

/* The links to generations that are gone: our own, which were removed just before. */
static void orphans(void **state)
{
	struct scene *scene = *state;
	static const struct {
		const char *name, *target;
		bool goes;
	} cases[] = {
		{"a", "a-1-link", true},      {"b", "c-1-link", false}, {"d", "d-1", false},
		{"e", "e-dir/x-link", false}, {"f", "f-1-link", false},
	};
	_cleanup_(strlist_clear) struct strlist lines = {0};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		_cleanup_free_ char *path =
			xasprintf("~/.local/state/nix/profiles/%s", cases[i].name);

		put_link(scene, path, cases[i].target);
	}
	put(scene, "~/.local/state/nix/profiles/f-1-link", "");
	put_record(scene, "");
	find_lines_of(scene, true, false, &lines);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		_cleanup_free_ char *gone =
			xasprintf("file ~/.local/state/nix/profiles/%s", cases[i].name);
		_cleanup_free_ char *left = xasprintf("left ~/.local/state/nix/profiles/%s "
						      "(does not lead into this store)",
						      cases[i].name);

		where(&lines, cases[i].goes ? gone : left);
	}
}

static void files_of_ci_bootstrap(void **state)
{
	static const char env_goes[] = "file ~/.config/nix-user-chroot/env.sh: "
				       "~/.config/nix-user-chroot/env.sh";
	struct scene *scene = *state;
	_cleanup_(strlist_clear) struct strlist lines = {0}, swapped = {0};
	_cleanup_free_ char *ours =
		expanded(scene, "# Written by ci-bootstrap for the Nix in @\nx\n");
	_cleanup_free_ char *theirs =
		expanded(scene, "# Written by ci-bootstrap for the Nix in @2\nx\n");

	put_record(scene, "");
	put(scene, "~/.config/nix-user-chroot/env.sh", ours);
	put(scene, "~/.config/nix-user-chroot/access-tokens.conf", theirs);
	find_lines_of(scene, true, false, &lines);
	assert_true(where(&lines, env_goes) < where(&lines, "empty ~/.config/nix-user-chroot"));
	where(&lines, "left ~/.config/nix-user-chroot/access-tokens.conf "
		      "(not of ci-bootstrap for this directory)");
	/* a directory in its place, or a file in the place of the directory */
	unput(scene, "~/.config/nix-user-chroot");
	put_directory(scene, "~/.config/nix-user-chroot/env.sh");
	find_lines_of(scene, true, false, &swapped);
	where(&swapped, "left ~/.config/nix-user-chroot/env.sh "
			"(not of ci-bootstrap for this directory)");
	unput(scene, "~/.config/nix-user-chroot");
	put(scene, "~/.config/nix-user-chroot", "");
	strlist_clear(&swapped);
	find_lines_of(scene, true, false, &swapped);
	for (size_t i = 0; i < swapped.count; i++)
		assert_null(strstr(swapped.items[i], "env.sh"));
}

/* In Nix's cache directory, what Nix is known to make. */
static void cache(void **state)
{
	static const char *const nix[] = {
		"binary-cache-v6", "eval-cache-v5", "fetcher-cache-v3", "fetcher-locks",
		"flake-registry",  "gitv3",	    "tarball-cache",	"hg",
		"tarballs",
	};
	static const char *const others[] = {"hgx", "tarballsx", "git", "mine"};
	struct scene *scene = *state;
	_cleanup_(strlist_clear) struct strlist lines = {0}, file = {0}, old = {0};

	for (size_t i = 0; i < sizeof(nix) / sizeof(nix[0]); i++) {
		_cleanup_free_ char *path = xasprintf("~/.cache/nix/%s", nix[i]);

		put_directory(scene, path);
	}
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		_cleanup_free_ char *path = xasprintf("~/.cache/nix/%s", others[i]);

		put_directory(scene, path);
	}
	put_record(scene, "absent ~/.cache/nix\n");
	find_lines_of(scene, true, false, &lines);
	for (size_t i = 0; i < sizeof(nix) / sizeof(nix[0]); i++) {
		_cleanup_free_ char *line =
			xasprintf("tree ~/.cache/nix/%s: ~/.cache/nix/%s", nix[i], nix[i]);

		where(&lines, line);
	}
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		_cleanup_free_ char *line =
			xasprintf("left ~/.cache/nix/%s (not known to be of Nix)", others[i]);

		where(&lines, line);
	}
	where(&lines, "empty ~/.cache/nix");
	/* not of a time before ours, nor a file, nor the Nix directory */
	put_record(scene, "");
	find_lines_of(scene, true, false, &old);
	for (size_t i = 0; i < old.count; i++)
		assert_null(strstr(old.items[i], "cache"));
	put_record(scene, "absent ~/.cache/nix\n");
	unput(scene, "~/.cache");
	put(scene, "~/.cache/nix", "");
	find_lines_of(scene, true, false, &file);
	where(&file, "left ~/.cache/nix (not a directory that can be read)");
	assert_false(strlist_has(&file, "empty ~/.cache/nix"));
	unput(scene, "~/.cache/nix");
	strlist_clear(&file);
	find_lines_of(scene, true, false, &file);
	for (size_t i = 0; i < file.count; i++)
		assert_null(strstr(file.items[i], "left ~/.cache"));
	free(scene->home.nix_cache);
	scene->home.nix_cache = xstrdup(scene->nix);
	put_record(scene, "absent @\n");
	strlist_clear(&file);
	find_lines_of(scene, true, false, &file);
	assert_false(strlist_has(&file, "empty @"));
	assert_false(strlist_has(&file, "left @/store (not known to be of Nix)"));
}

/* A file in the place of a directory: below it is nothing, of no other Nix either. */
static void nothing_below_a_file(void **state)
{
	struct scene *scene = *state;
	_cleanup_(strlist_clear) struct strlist lines = {0};

	put(scene, "~/.local/state/nix", "");
	put(scene, "~/.config/nix-user-chroot", "");
	put_record(scene, "");
	find_lines_of(scene, true, false, &lines);
	for (size_t i = 0; i < lines.count; i++)
		assert_false(str_starts_with(lines.items[i], "left ~/"));
}

int main(void)
{
#define WITH_SCENE(f) cmocka_unit_test_setup_teardown(f, scene_setup, scene_teardown)
	const struct CMUnitTest tests[] = {
		WITH_SCENE(all_of_nix),
		WITH_SCENE(what_was_there_before),
		WITH_SCENE(home_without_a_record),
		WITH_SCENE(beside_another_nix),
		WITH_SCENE(whose_a_link_is),
		WITH_SCENE(as_before),
		WITH_SCENE(what_is_put_back),
		WITH_SCENE(channel_links),
		WITH_SCENE(orphans),
		WITH_SCENE(files_of_ci_bootstrap),
		WITH_SCENE(cache),
		WITH_SCENE(nothing_below_a_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
