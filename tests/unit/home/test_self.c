/* What is to be done about this program's own place, and what the user is told about PATH. */
#include "home/self.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "../capture.h"
#include "../child.h"
#include "../refuse.h"
#include "scene.h"

static char *path_before;

static int setup(void **state)
{
	path_before = xstrdup(getenv("PATH"));
	unsetenv("NIX_USER_CHROOT_DIR");
	return scene_setup(state);
}

static int teardown(void **state)
{
	unsetenv("NIX_USER_CHROOT_DIR");
	if (path_before)
		setenv("PATH", path_before, 1);
	free(steal_ptr(&path_before));
	return scene_teardown(state);
}

/* A plan whose links are all there, in a directory that exists. */
static void make_plan(const struct scene *scene, struct self_plan *out)
{
	*out = (struct self_plan){
		.bin = xstrdup(scene->bin),
		.program = path_join(scene->bin, "nix-user-chroot"),
	};
	for (size_t i = 0; i < SHIM_COUNT; i++)
		out->shims[i] = SHIM_KEEP;
	assert_int_equal(fs_mkdirs(AT_FDCWD, scene->bin, 0755), 0);
}

static void work(void **state)
{
	_cleanup_(self_plan_clear) struct self_plan plan;

	make_plan(*state, &plan);
	assert_false(self_has_work(&plan));
	for (size_t i = 0; i < SHIM_COUNT; i++) {
		static const bool is_work[] = {
			[SHIM_KEEP] = false,
			[SHIM_MAKE] = true,
			[SHIM_TURN] = true,
			[SHIM_LEAVE] = false,
		};

		for (enum shim_action action = SHIM_KEEP; action <= SHIM_LEAVE; action++) {
			plan.shims[i] = action;
			plan.copy = COPY_NONE;
			assert_int_equal(self_has_work(&plan), is_work[action]);
			assert_int_equal(self_has_shim(&plan, i), action != SHIM_LEAVE);
			/* nothing is linked to another program */
			plan.copy = COPY_LEAVE;
			assert_false(self_has_work(&plan));
			assert_false(self_has_shim(&plan, i));
		}
		plan.shims[i] = SHIM_KEEP;
	}
	plan.copy = COPY_KEEP;
	assert_false(self_has_work(&plan));
	plan.copy = COPY_MAKE;
	assert_true(self_has_work(&plan));
	plan.copy = COPY_NONE;
	plan.documents.items[DOCUMENT_ZSH].action = DOCUMENT_MAKE;
	assert_true(self_has_work(&plan));
}

/* What each link becomes depends on what is in its place. */
static void look(void **state)
{
	const struct scene *scene = *state;
	_cleanup_(self_plan_clear) struct self_plan fresh = {0}, plan = {0}, blocked = {0};
	_cleanup_free_ char *self = fs_self_path(), *bin_of_self = path_parent(self);
	struct home elsewhere = scene->home;

	/* a program that PATH finds stays where it is */
	setenv("PATH", bin_of_self, 1);
	assert_int_equal(self_look(&scene->home, self, NULL, &fresh), 0);
	assert_string_equal(fresh.program, self);
	assert_string_equal(fresh.source, self);
	assert_string_equal(fresh.bin, scene->bin);
	assert_int_equal(fresh.copy, COPY_NONE);
	assert_false(fresh.is_on_path);
	for (size_t i = 0; i < SHIM_COUNT; i++)
		assert_int_equal(fresh.shims[i], SHIM_MAKE);

	assert_int_equal(fs_mkdirs(AT_FDCWD, scene->bin, 0755), 0);
	assert_int_equal(symlinkat(self, scene->place->fd, ".local/bin/nix"), 0);
	assert_int_equal(symlinkat("/old/nix-user-chroot", scene->place->fd, ".local/bin/nix-env"),
			 0);
	put(scene, ".local/bin/nix-shell", "mine");
	assert_int_equal(self_look(&scene->home, self, NULL, &plan), 0);
	for (size_t i = 0; i < SHIM_COUNT; i++)
		assert_int_equal(plan.shims[i], strcmp(shim_names[i], "nix") == 0	? SHIM_KEEP
						: strcmp(shim_names[i], "nix-env") == 0 ? SHIM_TURN
						: strcmp(shim_names[i], "nix-shell") == 0
							? SHIM_LEAVE
							: SHIM_MAKE);
	/* a name that is no path: the file that runs */
	for (size_t i = 0; i < 2; i++) {
		_cleanup_(self_plan_clear) struct self_plan by_name = {0};

		assert_int_equal(self_look(&scene->home, i ? "nowhere" : NULL, NULL, &by_name), 0);
		assert_string_equal(by_name.program, self);
	}
	/* a file where the directory is to be: said when the links are made */
	elsewhere.bin = path_join(scene->bin, "nix-shell/x");
	assert_int_equal(self_look(&elsewhere, self, NULL, &blocked), 0);
	assert_int_equal(blocked.shims[0], SHIM_MAKE);
	free(elsewhere.bin);
}

struct nameless {
	const struct scene *scene;
	const char *argv0;
};

static const char *look_without_proc(void *ctx)
{
	const struct nameless *nameless = ctx;
	const struct self_plan empty = {0};
	struct capture capture;
	struct self_plan plan;
	char *said;
	int r;

#ifdef SYS_readlink
	refuse_call(SYS_readlink, -1, ENOENT);
#endif
	refuse_call(SYS_readlinkat, -1, ENOENT);
	capture_begin(&capture);
	r = self_look(&nameless->scene->home, nameless->argv0, NULL, &plan);
	said = capture_end(&capture);
	if (r != -1 || memcmp(&plan, &empty, sizeof(plan)) != 0)
		return "there is a plan";
	return strstr(said, "warning: cannot tell where this program is: /proc is not") ? NULL
											: said;
}

/* Without /proc no links are made, even if the program was called by its path. */
static void without_proc(void **state)
{
	struct nameless cases[] = {{*state, NULL}, {*state, "/usr/bin/nix-user-chroot"}};

	for (size_t i = 0; i < 2; i++)
		assert_in_child(look_without_proc, &cases[i]);
}

static void bin_on_path(void **state)
{
	const struct scene *scene = *state;
	_cleanup_free_ char *self = fs_self_path(), *bin_of_self = path_parent(self);
	_cleanup_free_ char *link = path_join(scene->place->path, "link");
	const char *paths[] = {scene->bin, link};

	assert_int_equal(fs_mkdirs(AT_FDCWD, scene->bin, 0755), 0);
	assert_int_equal(symlink(scene->bin, link), 0);
	for (size_t i = 0; i < 2; i++) {
		_cleanup_(self_plan_clear) struct self_plan plan = {0};
		_cleanup_free_ char *path = xasprintf("%s:%s:/nonexistent", bin_of_self, paths[i]);

		setenv("PATH", path, 1);
		assert_int_equal(self_look(&scene->home, self, NULL, &plan), 0);
		assert_true(plan.is_on_path);
	}
	/* a relative entry is another directory elsewhere */
	assert_int_equal(chdir(scene->place->path), 0);
	{
		_cleanup_(self_plan_clear) struct self_plan plan = {0};
		_cleanup_free_ char *path = xasprintf(".local/bin::%s", bin_of_self);

		setenv("PATH", path, 1);
		assert_int_equal(self_look(&scene->home, self, NULL, &plan), 0);
		assert_false(plan.is_on_path);
	}
	assert_int_equal(chdir("/"), 0);
}

static void finds(void **state)
{
	const struct scene *scene = *state;
	_cleanup_(self_plan_clear) struct self_plan plan;
	_cleanup_free_ char *program = NULL, *other = NULL, *path = NULL, *turned = NULL;

	make_plan(scene, &plan);
	program = place_script(scene->place, ".local/bin/nix-user-chroot", "");
	assert_int_equal(symlinkat("nix-user-chroot", scene->place->fd, ".local/bin/nix"), 0);
	setenv("PATH", plan.bin, 1);
	assert_true(self_finds(&plan, "nix"));
	assert_false(self_finds(&plan, "nix-env"));
	assert_int_equal(fs_mkdirs(scene->place->fd, "other", 0755), 0);
	put(scene, "other/nix", "no program");
	path = xasprintf("%s/other:%s", scene->place->path, plan.bin);
	setenv("PATH", path, 1);
	assert_true(self_finds(&plan, "nix"));
	other = place_script(scene->place, "other/nix", "");
	assert_false(self_finds(&plan, "nix"));
	turned = xasprintf("%s:%s/other", plan.bin, scene->place->path);
	setenv("PATH", turned, 1);
	assert_true(self_finds(&plan, "nix"));
	unsetenv("PATH");
	assert_false(self_finds(&plan, "nix"));
}

static void assert_call(const struct self_plan *plan, const char *argv0, const char *wanted)
{
	_cleanup_free_ char *call = self_call(plan, argv0);

	assert_string_equal(call, wanted);
}

/* By its name if PATH has the directory, else by its path. */
static void call(void **state)
{
	const struct scene *scene = *state;
	_cleanup_(self_plan_clear) struct self_plan plan;

	make_plan(scene, &plan);
	setenv("PATH", "/nonexistent", 1);
	assert_call(&plan, "./x", plan.program);
	assert_call(NULL, "./x", "./x");
	assert_call(NULL, "nix-user-chroot", "nix-user-chroot");
	assert_call(NULL, "/o/nuc", "/o/nuc");
	setenv("PATH", "/nonexistent:/o", 1);
	assert_call(NULL, "/o/nuc", "nuc");
	setenv("PATH", plan.bin, 1);
	assert_call(&plan, "./x", "nix-user-chroot");
	plan.copy = COPY_LEAVE;
	assert_call(&plan, "./x", "./x");
}

/* Checks the hint; NULL: there is none. */
static void assert_hint(const struct scene *scene, const struct self_plan *plan, const char *wanted)
{
	_cleanup_free_ char *hint = self_path_hint(plan, &scene->home);

	assert_string_equal(hint ? hint : "(none)", wanted ? wanted : "(none)");
}

#define DIRECTORY_HINT                                                 \
	"the nix commands need NIX_USER_CHROOT_DIR to find this Nix\n" \
	"add this line to ~/.profile, unless it is there: export "     \
	"NIX_USER_CHROOT_DIR=\"$HOME/d\""

static void hints(void **state)
{
	const struct scene *scene = *state;
	_cleanup_(self_plan_clear) struct self_plan plan;
	_cleanup_free_ char *line = NULL, *both = NULL, *nix_dir = NULL;

	make_plan(scene, &plan);
	line = xasprintf("the nix commands are in %s, which is not on your PATH yet\n"
			 "for new shells add this line to ~/.profile, and type it in this one: "
			 "export PATH=\"$HOME/.local/bin:$PATH\"",
			 plan.bin);
	assert_hint(scene, &plan, line);
	nix_dir = path_join(scene->place->path, "d");
	setenv("NIX_USER_CHROOT_DIR", nix_dir, 1);
	both = xasprintf("%s\n" DIRECTORY_HINT, line);
	assert_hint(scene, &plan, both);
	plan.copy = COPY_LEAVE;
	assert_hint(scene, &plan, DIRECTORY_HINT);
	unsetenv("NIX_USER_CHROOT_DIR");
	assert_hint(scene, &plan, NULL);
	plan.copy = COPY_NONE;
	/* none was made there */
	assert_int_equal(rmdir(plan.bin), 0);
	assert_hint(scene, &plan, NULL);
}

/* New shells read a file of ours: the one that is open can read it, too. */
static void hint_to_read_the_file(void **state)
{
	const struct scene *scene = *state;
	_cleanup_(self_plan_clear) struct self_plan plan;

	make_plan(scene, &plan);
	assert_false(self_has_path_file(&scene->home));
	put(scene, ".config/nix-user-chroot/path.sh", "");
	assert_true(self_has_path_file(&scene->home));
	assert_hint(scene, &plan,
		    "to have the nix commands in this shell too: . "
		    "\"$HOME/.config/nix-user-chroot/path.sh\"");
	setenv("SHELL", "/bin/zsh", 1);
	assert_hint(scene, &plan,
		    "to have the nix commands in this shell too: . "
		    "\"$HOME/.config/nix-user-chroot/path.sh\"");
	/* csh cannot read it, and fish has another */
	setenv("SHELL", "/bin/tcsh", 1);
	{
		_cleanup_free_ char *hint = self_path_hint(&plan, &scene->home);

		assert_non_null(strstr(hint, "setenv PATH"));
	}
	setenv("SHELL", "/usr/bin/fish", 1);
	{
		_cleanup_free_ char *hint = self_path_hint(&plan, &scene->home);

		assert_non_null(strstr(hint, "fish_add_path"));
	}
	put(scene, ".config/fish/conf.d/nix-user-chroot.fish", "");
	assert_hint(scene, &plan,
		    "to have the nix commands in this shell too: source "
		    "\"$HOME/.config/fish/conf.d/nix-user-chroot.fish\"");
	assert_int_equal(unlinkat(scene->place->fd, ".config/nix-user-chroot/path.sh", 0), 0);
	assert_true(self_has_path_file(&scene->home));
}

static void hint_about_a_colon(void **state)
{
	const struct scene *scene = *state;
	_cleanup_(self_plan_clear) struct self_plan plan;
	_cleanup_free_ char *hint = NULL;

	make_plan(scene, &plan);
	free(plan.bin);
	plan.bin = path_join(scene->place->path, "a:b");
	assert_int_equal(mkdir(plan.bin, 0755), 0);
	hint = self_path_hint(&plan, &scene->home);
	assert_non_null(strstr(hint, "a:b, which cannot be on PATH: a colon"));
}

/* Another nix comes first on PATH. */
static void hint_about_another(void **state)
{
	const struct scene *scene = *state;
	_cleanup_(self_plan_clear) struct self_plan plan;
	_cleanup_free_ char *program = NULL, *other = NULL, *path = NULL, *wanted = NULL;

	make_plan(scene, &plan);
	plan.is_on_path = true;
	program = place_script(scene->place, ".local/bin/nix-user-chroot", "");
	assert_int_equal(fs_mkdirs(scene->place->fd, "other", 0755), 0);
	path = xasprintf("%s/other:%s", scene->place->path, plan.bin);
	setenv("PATH", path, 1);
	assert_hint(scene, &plan, NULL);
	assert_int_equal(symlinkat("nix-user-chroot", scene->place->fd, ".local/bin/nix"), 0);
	assert_hint(scene, &plan, NULL);
	other = place_script(scene->place, "other/nix", "");
	wanted = xasprintf("nix is %s, because PATH has that before %s\n"
			   "this line at the end of ~/.profile puts the one installed here first: "
			   "export PATH=\"$HOME/.local/bin:$PATH\"",
			   other, plan.bin);
	assert_hint(scene, &plan, wanted);
	/* a link to this program, in another directory */
	assert_int_equal(unlink(other), 0);
	assert_int_equal(symlink(program, other), 0);
	assert_hint(scene, &plan, NULL);
	/* the name by which ours is found, whatever it leads to by now */
	setenv("PATH", plan.bin, 1);
	assert_int_equal(unlinkat(scene->place->fd, ".local/bin/nix", 0), 0);
	free(place_script(scene->place, ".local/bin/nix", ""));
	assert_hint(scene, &plan, NULL);
}

static void said(void **state)
{
	const struct scene *scene = *state;
	_cleanup_(self_plan_clear) struct self_plan plan;
	struct self_plan empty = {0};
	_cleanup_free_ char *lacking = NULL, *rest = NULL;
	struct capture capture;

	make_plan(scene, &plan);
	capture_begin(&capture);
	self_say_path(&plan, &scene->home);
	lacking = capture_end(&capture);
	assert_true(str_starts_with(lacking, "nix-user-chroot: the nix commands are in "));
	setenv("NIX_USER_CHROOT_DIR", "/d", 1);
	plan.is_on_path = true;
	capture_begin(&capture);
	self_say_path(&plan, &scene->home);
	self_say_path(&empty, &scene->home);
	rest = capture_end(&capture);
	assert_string_equal(rest, "");
}

#define self_test(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		self_test(work),
		self_test(look),
		self_test(without_proc),
		self_test(bin_on_path),
		self_test(finds),
		self_test(call),
		self_test(hints),
		self_test(hint_to_read_the_file),
		self_test(hint_about_a_colon),
		self_test(hint_about_another),
		self_test(said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
