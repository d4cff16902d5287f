/* Links in the home directory that another Nix left: what is said of them, noted, and removed. */
#include "install/profile_links.h"
#include "run/environment.h"
#include "store/layout.h"
#include "util/cleanup.h"
#include "util/fs.h"

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
#include "at_home.h"

#define OURS	 "/nix/store/00000000000000000000000000000100-profile"
#define SHARED	 "/nix/var/nix/profiles/per-user/u/profile"
#define USUAL	 ".local/state/nix/profiles/profile"
#define DATABASE "nix/var/nix/db/db.sqlite"

/* A home directory with a Nix directory "nix" in it, whose store has OURS. */
struct scene {
	struct place *place;
	struct site site;
	struct install_request request;
	struct nix_conf_facts facts;
	int nix; /* -1: there is no Nix directory yet */
};

static int setup(void **state)
{
	struct scene *scene = xcalloc(1, sizeof(*scene));

	scene->place = at_home(&scene->site, "nix");
	if (!scene->place)
		return -1;
	assert_int_equal(fs_mkdirs(scene->place->fd, "nix/store", 0755), 0);
	assert_int_equal(mkdirat(scene->place->fd,
				 "nix/store/00000000000000000000000000000100-"
				 "profile",
				 0755),
			 0);
	assert_int_equal(fs_mkdirs(scene->place->fd, ".local/state/nix/profiles", 0755), 0);
	scene->nix = fs_open_dir(scene->place->fd, "nix");
	*state = scene;
	return scene->nix < 0;
}

static int teardown(void **state)
{
	struct scene *scene = *state;
	int r = at_home_end(scene->place, &scene->site);

	close(scene->nix);
	free(scene);
	return r;
}

static void put(const struct scene *scene, const char *name, const char *text)
{
	_cleanup_free_ char *path = path_join(scene->place->path, name), *above = path_parent(path);

	assert_int_equal(fs_mkdirs(AT_FDCWD, above, 0755), 0);
	assert_int_equal(fs_replace_file(AT_FDCWD, path, text, strlen(text), 0644), 0);
}

/* NAME, in the home directory, becomes a link to TARGET, where ~ is the home directory. */
static void put_link(const struct scene *scene, const char *name, const char *target)
{
	_cleanup_free_ char *to =
		*target == '~' ? path_join(scene->place->path, target + 2) : xstrdup(target);
	_cleanup_free_ char *path = path_join(scene->place->path, name), *above = path_parent(path);

	assert_int_equal(fs_mkdirs(AT_FDCWD, above, 0755), 0);
	(void)!unlink(path);
	assert_int_equal(symlink(to, path), 0);
}

static void put_record(const struct scene *scene, const char *word, const char *name,
		       const char *more)
{
	_cleanup_free_ char *text = xasprintf("nix-user-chroot-record 1\n%s %s%s%s\n", word,
					      scene->place->path, name, more);

	put(scene, "nix/" LAYOUT_RECORD, text);
}

/* Does the link NAME lead to TARGET (~ as in put_link(); NULL: there is no such link)? */
static void expect_link(const struct scene *scene, const char *name, const char *target)
{
	_cleanup_free_ char *is = NULL, *want = NULL;

	fs_readlink(scene->place->fd, name, &is);
	if (!target) {
		assert_null(is);
		return;
	}
	want = *target == '~' ? path_join(scene->place->path, target + 2) : xstrdup(target);
	assert_non_null(is);
	assert_string_equal(is, want);
}

/* profile_links_check() must return WANTED, and say WORDS; NULL: nothing. */
static void expect(const struct scene *scene, int wanted, const char *words)
{
	struct capture capture;
	_cleanup_free_ char *said = NULL;
	int r;

	capture_begin(&capture);
	r = profile_links_check(&scene->site, &scene->request, &scene->facts);
	said = capture_end(&capture);
	if (words)
		assert_has(said, words);
	else
		assert_string_equal(said, "");
	assert_int_equal(r, wanted);
}

#define REPLACED "it will be replaced\n  --uninstall puts it back"
#define STAYS	 "it stays, and Nix gets another one here"

static void each_kind_of_profile(void **state)
{
	static const struct {
		const char *target;
		int wanted;
		const char *words;
	} cases[] = {
		{OURS, 0, NULL},
		{"~/to-ours", 0, NULL},
		{SHARED, 0, NULL},
		{"/nix/var/nix/profiles/", 0, REPLACED},
		{"/nix/var/nix/profiles/../x", 0, REPLACED},
		{"/nix/var/nix/x", 0, REPLACED},
		{"/nix/store/00000000000000000000000000000101-profile", 0,
		 " leads to /nix/store/00000000000000000000000000000101-profile, which is not in "},
		{"~/nowhere", 0, REPLACED},
		{"~/.nix-profile", 0, REPLACED},
		{"~/other", -1, " is in use by this host's own Nix: it leads to "},
	};
	struct scene *scene = *state;

	expect(scene, 0, NULL);
	put_link(scene, "to-ours", OURS);
	assert_int_equal(mkdirat(scene->place->fd, "other", 0755), 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		put_link(scene, ".nix-profile", cases[i].target);
		expect(scene, cases[i].wanted, cases[i].words);
	}
	scene->request.force = true;
	expect(scene, 0, REPLACED);
	assert_int_equal(unlinkat(scene->place->fd, ".nix-profile", 0), 0);
	assert_int_equal(mkdirat(scene->place->fd, ".nix-profile", 0755), 0);
	expect(scene, -1, ".nix-profile is not a link, and Nix needs its place for one to your");
}

/* Where there is no directory for it, there is no profile. */
static void a_file_above(void **state)
{
	struct scene *scene = *state;
	char text[] = "use-xdg-base-directories = true\n";

	assert_int_equal(fs_remove_tree(scene->place->fd, ".local/state/nix"), 0);
	put(scene, ".local/state/nix", "");
	scene->facts.extra_text = text;
	expect(scene, 0, NULL);
}

/* The store path at the end of the chain is what a user knows another Nix by. */
static void the_end_of_a_chain(void **state)
{
	struct scene *scene = *state;

	put_link(scene, ".nix-profile", "one");
	put_link(scene, "one", "~/two");
	put_link(scene, "two", "/nix/store/00000000000000000000000000000101-x");
	expect(scene, 0, " leads to /nix/store/00000000000000000000000000000101-x, which is ");
	/* without a Nix directory, which may be made later, nothing can be ours */
	free(scene->site.nix_dir);
	scene->site.nix_dir = xstrdup("/nowhere/nix");
	put_link(scene, "two", OURS);
	expect(scene, 0, " leads to " OURS ", which is not in /nowhere/nix: " REPLACED);
}

/* The profile that Nix makes today is a link in the state directory. */
static void the_usual_profile(void **state)
{
	struct scene *scene = *state;

	put_link(scene, USUAL, "profile-1-link");
	put_link(scene, ".local/state/nix/profiles/profile-1-link", OURS);
	put_link(scene, ".nix-profile", "~/" USUAL);
	expect(scene, 0, NULL);
	assert_int_equal(profile_links_prepare(&scene->site, scene->nix), 0);
	/* its database is missing: begun anew */
	expect_link(scene, USUAL, NULL);
	expect_link(scene, ".nix-profile", "~/" USUAL);
	if (geteuid() == 0)
		return;
	put_link(scene, USUAL, "profile-1-link");
	put_link(scene, ".local/state/nix/profiles/profile-1-link", "/nix/store/x");
	expect(scene, 0, REPLACED);
	assert_int_equal(unlinkat(scene->place->fd, ".nix-profile", 0), 0);
	expect(scene, 0, STAYS);
	/* ours is another one, so that of the other Nix concerns nobody */
	put_link(scene, ".nix-profile", OURS);
	expect(scene, 0, NULL);
	assert_int_equal(unlinkat(scene->place->fd, ".nix-profile", 0), 0);
	/* made by a run of this Nix directory */
	put_record(scene, "absent", "/.local/state/nix/profiles", "");
	expect(scene, 0, NULL);
	put_record(scene, "absent", "/.local/state/nix", "");
	expect(scene, 0, STAYS);
}

/* Nodes that share a home directory, and have a store each. */
static void another_node(void **state)
{
	struct scene *scene = *state;
	_cleanup_free_ char *target = path_join(scene->place->path, "p/nix-user-chroot");
	_cleanup_free_ char *more = xasprintf(" %s", target);

	if (geteuid() == 0)
		skip();
	put_link(scene, USUAL, "/nix/store/x");
	put_link(scene, ".nix-profile", "~/" USUAL);
	expect(scene, 0, REPLACED);
	put_link(scene, ".local/bin/nix", target);
	expect(scene, 0, NULL);
	/* this Nix directory has made that link */
	put_record(scene, "link", "/.local/bin/nix", more);
	expect(scene, 0, REPLACED);
	put_record(scene, "link", "/.local/bin/nix", "-2");
	expect(scene, 0, NULL);
	put_link(scene, ".local/bin/nix", "p/nix");
	expect(scene, 0, REPLACED);
	put_link(scene, ".local/bin/nix", target);
	put_link(scene, USUAL, "~/nix");
	expect(scene, -1, "is in use by this host's own Nix");
}

/*
 * Which of the two profiles Nix uses: the settings of NIX_CONFIG, of the user's file, of
 * --extra-conf and the file beside it, and of the nix.conf that there is.
 */
static void the_profile_that_the_settings_choose(void **state)
{
#define XDG(value) "use-xdg-base-directories = " value "\n"
	static const struct {
		const char *variable, *file, *extra[2], *text, *conf;
		bool is_xdg;
	} cases[] = {
		{.is_xdg = false},
		{.variable = XDG("true"), .is_xdg = true},
		{.variable = XDG("yes")},
		{.variable = XDG("false"), .file = XDG("true")},
		{.file = XDG("true"), .is_xdg = true},
		{"cores = 1\n", XDG("true"), {XDG("false")}, .is_xdg = true},
		{.file = XDG("false"), .extra = {XDG("true")}},
		{.file = XDG("false"), .text = XDG("true"), .conf = XDG("true")},
		{.extra = {XDG("true")}, .is_xdg = true},
		{.extra = {XDG("true"), XDG("false")}},
		{.extra = {XDG("false"), XDG("true")}, .is_xdg = true},
		{.extra = {XDG("true"), "cores = 1"}, .is_xdg = true},
		{.variable = XDG("false"), .extra = {XDG("true")}, .conf = XDG("true")},
		{.variable = XDG("true"), .extra = {XDG("false")}, .is_xdg = true},
		{.text = "cores = 1\n" XDG("true"), .is_xdg = true},
		{.text = XDG("true"), .extra = {XDG("false")}},
		{.text = XDG("false"), .extra = {XDG("true")}, .is_xdg = true},
		{.conf = "cores = 1\n" XDG("true"), .is_xdg = true},
		{.conf = XDG("true"), .text = XDG("false")},
		{.conf = XDG("false"), .extra = {XDG("true")}, .is_xdg = true},
		{.conf = XDG("true"), .text = "cores = 1\n", .is_xdg = true},
	};
	struct scene *scene = *state;
	struct strlist extra = {0};

	/* both places are taken: the message names the one that is used */
	put(scene, ".nix-profile", "");
	put(scene, ".local/state/nix/profile", "");
	scene->facts.extra = &extra;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		if (cases[i].variable)
			setenv("NIX_CONFIG", cases[i].variable, 1);
		else
			unsetenv("NIX_CONFIG");
		put(scene, ".config/nix/nix.conf", cases[i].file ? cases[i].file : "");
		put(scene, "nix/" LAYOUT_NIX_CONF, cases[i].conf ? cases[i].conf : "");
		scene->facts.extra_text = cases[i].text ? xstrdup(cases[i].text) : NULL;
		for (size_t j = 0; j < 2 && cases[i].extra[j]; j++)
			strlist_add(&extra, cases[i].extra[j]);
		expect(scene, -1,
		       cases[i].is_xdg ? "/.local/state/nix/profile is not a link"
				       : "/.nix-profile is not a link");
		strlist_clear(&extra);
		free(scene->facts.extra_text);
	}
	scene->facts = (struct nix_conf_facts){0};
	unsetenv("NIX_CONFIG");
}

static int prepare(const struct scene *scene)
{
	struct capture capture;
	_cleanup_free_ char *said = NULL;
	int r;

	capture_begin(&capture);
	r = profile_links_prepare(&scene->site, scene->nix);
	said = capture_end(&capture);
	return r < 0 ? r : strstr(said, "does not know what is in your profile") != NULL;
}

/* Once nix.conf is written, it alone says which of the two links is in the way. */
static void the_link_of_the_profile_that_is_chosen(void **state)
{
	struct scene *scene = *state;

	put(scene, "nix/" LAYOUT_NIX_CONF, XDG("true"));
	put_link(scene, ".nix-profile", "/other/profile");
	put_link(scene, ".local/state/nix/profile", "/other/profile");
	assert_int_equal(prepare(scene), 0);
	expect_link(scene, ".nix-profile", "/other/profile");
	expect_link(scene, ".local/state/nix/profile", NULL);
}

static bool was(const struct record *record, const char *name, const char *target)
{
	for (size_t i = 0; i < record->count; i++)
		if (record->entries[i].kind == RECORD_WAS &&
		    str_ends_with(record->entries[i].subject, name) &&
		    strcmp(record->entries[i].value, target) == 0)
			return true;
	return false;
}

static size_t note(struct scene *scene, struct record *record)
{
	record_clear(record);
	assert_int_equal(record_open(scene->nix, record), 0);
	assert_int_equal(profile_links_note(&scene->site, scene->nix, record), 0);
	return record->count;
}

static void what_is_noted(void **state)
{
	struct scene *scene = *state;
	_cleanup_(record_clear) struct record record = RECORD_NONE;

	assert_int_equal(fs_mkdirs(scene->place->fd, "nix/" LAYOUT_STATE, 0755), 0);
	assert_int_equal(note(scene, &record), 0);
	put_link(scene, ".nix-profile", "/other/profile");
	put_link(scene, ".local/state/nix/profile", SHARED);
	put_link(scene, ".nix-defexpr/channels", "/other/channels");
	put_link(scene, ".nix-defexpr/channels_root", OURS);
	put_link(scene, ".local/state/nix/defexpr/channels_root", "/other/root");
	put(scene, ".local/state/nix/defexpr/channels", "");
	assert_int_equal(note(scene, &record), 4);
	assert_true(was(&record, "/.nix-profile", "/other/profile"));
	assert_true(was(&record, "/.local/state/nix/profile", SHARED));
	assert_true(was(&record, "/.nix-defexpr/channels", "/other/channels"));
	assert_true(was(&record, "/.local/state/nix/defexpr/channels_root", "/other/root"));
	/* a rerun finds other links, and keeps the first notes */
	put_link(scene, ".nix-profile", "/later");
	assert_int_equal(note(scene, &record), 4);
	/* what did not exist before is not another's, and once the store has begun, only profiles
	 * are */
	put_record(scene, "absent", "/.nix-profile", "\nbegun");
	assert_int_equal(note(scene, &record), 2);
	assert_true(was(&record, "/.local/state/nix/profile", SHARED));
	put_record(scene, "absent", "/.nix-profile",
		   "\ncomplete 1 x86_64-linux "
		   "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855 file:///x");
	assert_int_equal(note(scene, &record), 2);
}

static void a_note_that_cannot_be_written(void **state)
{
	struct scene *scene = *state;
	struct record record = RECORD_NONE;

	put_link(scene, ".nix-profile", "/other/profile");
	assert_int_equal(profile_links_note(&scene->site, scene->nix, &record), -EBADF);
	record_clear(&record);
	/* also once the store has begun */
	record = (struct record)RECORD_NONE;
	record.is_begun = true;
	assert_int_equal(profile_links_note(&scene->site, scene->nix, &record), -EBADF);
	record_clear(&record);
	assert_int_equal(unlinkat(scene->place->fd, ".nix-profile", 0), 0);
	put_link(scene, ".nix-defexpr/channels", "/other/channels");
	record = (struct record)RECORD_NONE;
	assert_int_equal(profile_links_note(&scene->site, scene->nix, &record), -EBADF);
	record_clear(&record);
}

static void what_is_prepared(void **state)
{
	struct scene *scene = *state;
	_cleanup_free_ char *user = environment_user();
	_cleanup_free_ char *own =
		xasprintf("/nix/var/nix/profiles/per-user/%s/profile", user ? user : "nix");
	_cleanup_free_ char *above = path_parent(own);

	assert_int_equal(prepare(scene), 0);
	expect_link(scene, ".nix-profile", NULL);
	assert_false(fs_exists(scene->nix, "var"));
	put_link(scene, ".nix-profile", SHARED);
	assert_int_equal(prepare(scene), 0);
	expect_link(scene, ".nix-profile", SHARED);
	assert_true(fs_exists(scene->nix, "var/nix/profiles/per-user/u"));
	put_link(scene, ".nix-profile", "/other/profile");
	assert_int_equal(prepare(scene), 0);
	expect_link(scene, ".nix-profile", NULL);
	put_link(scene, ".nix-profile", "~/" USUAL);
	assert_int_equal(prepare(scene), 0);
	expect_link(scene, ".nix-profile", "~/" USUAL);
	if (geteuid() == 0)
		return;
	put_link(scene, USUAL, "/other/profile");
	assert_false(fs_exists(scene->nix, above + strlen("/nix/")));
	/* not beside generations that --install has made */
	put_link(scene, ".nix-profile", "~/" USUAL);
	put_record(scene, "absent", "/.local/state/nix/profiles", "");
	assert_int_equal(prepare(scene), 0);
	expect_link(scene, ".nix-profile", "~/" USUAL);
	put_record(scene, "absent", "/.other", "");
	assert_int_equal(prepare(scene), 0);
	expect_link(scene, ".nix-profile", own);
	expect_link(scene, USUAL, "/other/profile");
	assert_true(fs_exists(scene->nix, above + strlen("/nix/")));
	/* a profile of ours stays, and so does that of the other */
	assert_int_equal(prepare(scene), 0);
	expect_link(scene, ".nix-profile", own);
	put_link(scene, ".nix-profile", OURS);
	assert_int_equal(prepare(scene), 0);
	expect_link(scene, ".nix-profile", OURS);
}

static void what_cannot_be_prepared(void **state)
{
	struct scene *scene = *state;

	put(scene, "nix/var", "");
	put_link(scene, ".nix-profile", SHARED);
	assert_int_equal(prepare(scene), -ENOTDIR);
	if (geteuid() == 0)
		return;
	put_link(scene, USUAL, "/other/profile");
	put_link(scene, ".nix-profile", "~/" USUAL);
	assert_int_equal(prepare(scene), -ENOTDIR);
	expect_link(scene, ".nix-profile", NULL);
	assert_int_equal(unlinkat(scene->nix, "var", 0), 0);
	assert_int_equal(fchmod(scene->place->fd, 0500), 0);
	assert_int_equal(prepare(scene), -EACCES);
	assert_int_equal(fchmod(scene->place->fd, 0700), 0);
	put_link(scene, ".nix-profile", "/other/profile");
	assert_int_equal(fchmod(scene->place->fd, 0500), 0);
	assert_int_equal(prepare(scene), -EACCES);
	assert_int_equal(fchmod(scene->place->fd, 0700), 0);
	expect_link(scene, ".nix-profile", "/other/profile");
}

/* A profile that Nix's database does not know: the link to its present generation is removed. */
static void a_profile_that_begins_anew(void **state)
{
	struct scene *scene = *state;

	put_link(scene,
		 "nix"
		 "/var/nix/profiles/per-user/u/profile",
		 OURS);
	put_link(scene, ".nix-profile", SHARED);
	put(scene, DATABASE, "it has " OURS "\n");
	assert_int_equal(prepare(scene), 0);
	expect_link(scene, "nix/var/nix/profiles/per-user/u/profile", OURS);
	put(scene, DATABASE, "it has nothing");
	assert_int_equal(prepare(scene), 1);
	expect_link(scene, "nix/var/nix/profiles/per-user/u/profile", NULL);
	expect_link(scene, ".nix-profile", SHARED);
	put_link(scene, USUAL, OURS);
	put_link(scene, ".nix-profile", "~/" USUAL);
	assert_int_equal(prepare(scene), 1);
	expect_link(scene, USUAL, NULL);
	/* a link to anywhere else is not ours to remove */
	put_link(scene, "mine", OURS);
	put_link(scene, ".nix-profile", "~/mine");
	assert_int_equal(prepare(scene), 0);
	expect_link(scene, "mine", OURS);
	/* what is not in the store is no generation */
	put_link(scene, USUAL, "~/nix");
	put_link(scene, ".nix-profile", "~/" USUAL);
	scene->request.force = true;
	assert_int_equal(prepare(scene), 0);
	expect_link(scene, USUAL, "~/nix");
	if (geteuid() == 0)
		return;
	put_link(scene, USUAL, OURS);
	put_link(scene, ".nix-profile", "~/" USUAL);
	assert_int_equal(fchmodat(scene->place->fd, ".local/state/nix/profiles", 0500, 0), 0);
	assert_int_equal(prepare(scene), -EACCES);
	assert_int_equal(fchmodat(scene->place->fd, ".local/state/nix/profiles", 0700, 0), 0);
}

static int prepare_once(void *scene)
{
	/* cmocka catches it, and would go on with the next test in the child */
	signal(SIGSEGV, SIG_DFL);
	return prepare(scene) == 1 ? 1 : 0;
}

/* Each link that cannot be read: a profile that cannot be followed to its end is let alone. */
static void each_link_that_cannot_be_read(void **state)
{
	struct scene *scene = *state;

	put(scene, DATABASE, "it has nothing");
	for (int nth = 1, r = 1; r > 0; nth++) {
		int status;

		put_link(scene, USUAL, OURS);
		put_link(scene, ".nix-profile", "~/" USUAL);
		r = nth_fails(SYS_readlinkat, nth, EIO, prepare_once, scene, &status);
		if (r < 0)
			skip();
		assert_true(WIFEXITED(status));
		expect_link(scene, USUAL, WEXITSTATUS(status) ? NULL : OURS);
	}
}

static void channels(void **state)
{
	static const char name[] = ".local/state/nix/profiles/channels";
	struct scene *scene = *state;

	assert_false(profile_links_has_foreign_channels(&scene->site, scene->nix));
	put_link(scene, name, OURS);
	assert_false(profile_links_has_foreign_channels(&scene->site, scene->nix));
	put_link(scene, name, "channels-1-link");
	assert_int_equal(profile_links_has_foreign_channels(&scene->site, scene->nix),
			 geteuid() != 0);
	put_record(scene, "absent", "/.local/state/nix/profiles", "");
	assert_false(profile_links_has_foreign_channels(&scene->site, scene->nix));
}

int main(void)
{
#define WITH_SCENE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		WITH_SCENE(each_kind_of_profile),
		WITH_SCENE(a_file_above),
		WITH_SCENE(the_end_of_a_chain),
		WITH_SCENE(the_usual_profile),
		WITH_SCENE(another_node),
		WITH_SCENE(the_profile_that_the_settings_choose),
		WITH_SCENE(the_link_of_the_profile_that_is_chosen),
		WITH_SCENE(what_is_noted),
		WITH_SCENE(a_note_that_cannot_be_written),
		WITH_SCENE(what_is_prepared),
		WITH_SCENE(what_cannot_be_prepared),
		WITH_SCENE(a_profile_that_begins_anew),
		WITH_SCENE(each_link_that_cannot_be_read),
		WITH_SCENE(channels),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
