/* The places in a home directory: where they are, which are missing, and which come later. */
#include "home/home.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "../capture.h"
#include "scene.h"

/* Checks that PATH is NAME below the home directory. */
static void assert_place(const struct scene *scene, const char *path, const char *name)
{
	_cleanup_free_ char *wanted = path_join(scene->place->path, name);

	assert_string_equal(path, wanted);
}

static void assert_places(const struct scene *scene, const struct strlist *list,
			  const char *const *names)
{
	size_t count = 0;

	for (; names[count]; count++) {
		assert_true(count < list->count);
		assert_place(scene, list->items[count], names[count]);
	}
	assert_int_equal(list->count, count);
}

#define PLACES(list, ...) assert_places(scene, &(list), (const char *const[]){__VA_ARGS__, NULL})

static void usual(void **state)
{
	const struct scene *scene = *state;
	const struct home *home = &scene->home;

	assert_place(scene, home->state, ".local/state");
	assert_place(scene, home->bin, ".local/bin");
	assert_place(scene, home->config, ".config/nix-user-chroot");
	assert_place(scene, home->generations, ".local/state/nix/profiles");
	assert_place(scene, home->nix_cache, ".cache/nix");
	assert_place(scene, home->fish, ".config/fish/conf.d/nix.fish");
	assert_place(scene, home->fish_path, ".config/fish/conf.d/nix-user-chroot.fish");
	PLACES(home->profiles, ".nix-profile", ".local/state/nix/profile");
	PLACES(home->channels, ".nix-channels", ".local/state/nix/channels");
	PLACES(home->defexprs, ".nix-defexpr", ".local/state/nix/defexpr");
	PLACES(home->startup_files, ".bash_profile", ".bash_login", ".profile", ".bashrc",
	       ".zshenv", ".zprofile", ".zshrc", ".zlogin", ".config/fish/conf.d/nix.fish");
	PLACES(home->documents, ".local/share/man/man1/nix-user-chroot.1",
	       ".local/share/bash-completion/completions/nix-user-chroot",
	       ".local/share/fish/vendor_completions.d/nix-user-chroot.fish",
	       ".local/share/zsh/site-functions/_nix-user-chroot");
}

static void by_variables(void **state)
{
	const struct scene *scene = *state;
	struct home home;

	(void)scene;
	setenv("XDG_BIN_HOME", "/b", 1);
	setenv("XDG_CONFIG_HOME", "/c", 1);
	setenv("XDG_STATE_HOME", "/s", 1);
	setenv("XDG_CACHE_HOME", "/k", 1);
	setenv("XDG_DATA_HOME", "/d", 1);
	assert_int_equal(home_find(&home), 0);
	assert_string_equal(home.bin, "/b");
	assert_string_equal(home.config, "/c/nix-user-chroot");
	assert_string_equal(home.fish_path, "/c/fish/conf.d/nix-user-chroot.fish");
	assert_string_equal(home.generations, "/s/nix/profiles");
	assert_string_equal(home.nix_cache, "/k/nix");
	assert_string_equal(home.documents.items[DOCUMENT_MAN], "/d/man/man1/nix-user-chroot.1");
	/* Nix's script does not ask the variable */
	assert_place(scene, home.fish, ".config/fish/conf.d/nix.fish");
	home_clear(&home);
	assert_memory_equal(&home, &(struct home){0}, sizeof(home));
}

static void without_home(void **state)
{
	static const struct {
		const char *home, *word;
	} cases[] = {{NULL, "HOME is not set"}, {"relative", "HOME is not an absolute path"}};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		_cleanup_free_ char *said = NULL;
		struct capture capture;
		struct home home;
		int r;

		unsetenv("HOME");
		if (cases[i].home)
			setenv("HOME", cases[i].home, 1);
		capture_begin(&capture);
		r = home_find(&home);
		said = capture_end(&capture);
		home_clear(&home);
		assert_int_equal(r, -1);
		assert_non_null(strstr(said, cases[i].word));
	}
}

static void missing_directories(void **state)
{
	const struct scene *scene = *state;
	_cleanup_free_ char *deep = path_join(scene->place->path, "a/b/c");
	_cleanup_free_ char *beside = path_join(scene->place->path, "a/b/d");
	struct strlist list = {0};

	home_add_missing(&list, deep);
	PLACES(list, "a/b/c", "a/b", "a");
	/* each once */
	home_add_missing(&list, beside);
	PLACES(list, "a/b/c", "a/b", "a", "a/b/d");
	strlist_clear(&list);
	put(scene, "a/b/x", "");
	home_add_missing(&list, deep);
	PLACES(list, "a/b/c");
	strlist_clear(&list);
	/* a link that leads nowhere is there */
	assert_int_equal(symlinkat("nowhere", scene->place->fd, "a/b/c"), 0);
	home_add_missing(&list, deep);
	assert_int_equal(list.count, 0);
	home_add_missing(&list, "/");
	home_add_missing(&list, "");
	assert_int_equal(list.count, 0);
	home_add_missing(&list, "/nonexistent-place/x");
	assert_int_equal(list.count, 2);
	assert_string_equal(list.items[1], "/nonexistent-place");
	strlist_clear(&list);
}

static void missing(void **state)
{
	static const char *const names[] = {
		".nix-profile",
		".nix-channels",
		".nix-defexpr",
		".local",
		".local/state",
		".local/state/nix",
		".local/bin",
		".local/state/nix/profile",
		".local/state/nix/channels",
		".config",
		".local/state/nix/defexpr",
		".local/state/nix/profiles",
		".cache",
		".cache/nix",
		".config/nix-user-chroot",
		".profile",
		".zlogin",
		".config/fish/conf.d/nix.fish",
		".config/fish",
		".config/fish/conf.d",
	};
	const struct scene *scene = *state;
	struct strlist list = {0};

	home_missing(&scene->home, &list);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		_cleanup_free_ char *path = path_join(scene->place->path, names[i]);

		if (!strlist_has(&list, path))
			fail_msg("%s is not in the list", names[i]);
	}
	assert_false(strlist_has(&list, scene->place->path));
	strlist_clear(&list);
}

static void later(void **state)
{
	static const struct {
		const char *name;
		bool is;
	} cases[] = {
		/* the place itself, and each directory that leads to it */
		{".nix-profile", true},
		{".nix-channels", true},
		{".nix-defexpr", true},
		{".local", true},
		{".local/state/nix", true},
		{".local/state/nix/profile", true},
		{".local/state/nix/channels", true},
		{".local/state/nix/defexpr", true},
		{".local/state/nix/profiles", true},
		{".cache", true},
		{".cache/nix", true},
		{".config", true},
		{".config/nix-user-chroot", true},
		{".local/bin", false},
		{".local/share", false},
		{".config/fish", false},
		{".profile", false},
		{".cache/nix2", false},
		{".config/nix", false},
	};
	const struct scene *scene = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		_cleanup_free_ char *path = path_join(scene->place->path, cases[i].name);

		if (home_is_made_later(&scene->home, path) != cases[i].is)
			fail_msg("%s is wrong", cases[i].name);
	}
}

static int forget(void **state)
{
	static const char *const names[] = {"XDG_BIN_HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME",
					    "XDG_CACHE_HOME", "XDG_DATA_HOME"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		unsetenv(names[i]);
	return scene_teardown(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		scene_test(usual),
		cmocka_unit_test_setup_teardown(by_variables, scene_setup, forget),
		scene_test(without_home),
		scene_test(missing_directories),
		scene_test(missing),
		scene_test(later),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
