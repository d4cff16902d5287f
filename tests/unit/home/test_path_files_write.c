/* The files for PATH are written, and what cannot be written is said. */
#include "home/path_files.h"
#include "home/startup_files.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "../capture.h"
#include "scene.h"

/* A plan with both files, and with the startup files .profile and .bashrc. */
static void make_plan(const struct scene *scene, struct path_plan *out)
{
	path_plan_for(&scene->home, scene->bin, out);
	strlist_take(&out->files, path_join(scene->place->path, ".profile"));
	strlist_take(&out->files, path_join(scene->place->path, ".bashrc"));
}

/* Carries PLAN out; what is said is the caller's to free. */
static char *carry_out(struct path_plan *plan)
{
	struct capture capture;

	capture_begin(&capture);
	path_carry_out(plan);
	return capture_end(&capture);
}

static void assert_file(const char *path, const char *text)
{
	_cleanup_free_ char *found = NULL;
	struct stat st;
	size_t len;

	assert_int_equal(fs_read_file(AT_FDCWD, path, 1 << 16, &found, &len), 0);
	assert_string_equal(found, text);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0644);
}

static bool has_line(const struct path_plan *plan, const char *path)
{
	return startup_file_has_text(path, plan->line) == 1;
}

static void all_well(void **state)
{
	const struct scene *scene = *state;
	_cleanup_(path_plan_clear) struct path_plan plan = {0};
	_cleanup_free_ char *said = NULL;

	make_plan(scene, &plan);
	said = carry_out(&plan);
	assert_string_equal(said, "");
	assert_file(plan.sh.path, plan.sh.text);
	assert_file(plan.fish.path, plan.fish.text);
	assert_int_equal(plan.files.count, 2);
	for (size_t i = 0; i < 2; i++)
		assert_true(has_line(&plan, plan.files.items[i]));
}

/* A plan that was cleared is empty, and can be cleared again. */
static void cleared(void **state)
{
	const struct path_plan empty = {0};
	struct path_plan plan;

	make_plan(*state, &plan);
	strlist_add(&plan.refused, "x");
	path_plan_clear(&plan);
	assert_memory_equal(&plan, &empty, sizeof(plan));
}

/* Only fish needs something. */
static void fish_alone(void **state)
{
	const struct scene *scene = *state;
	_cleanup_(path_plan_clear) struct path_plan plan = {0};
	_cleanup_free_ char *said = NULL, *sh = NULL;

	path_plan_for(&scene->home, scene->bin, &plan);
	sh = steal_ptr(&plan.sh.path);
	said = carry_out(&plan);
	assert_string_equal(said, "");
	assert_file(plan.fish.path, plan.fish.text);
	assert_false(fs_exists(AT_FDCWD, sh));
}

/* A file in the place of ours stays, and no startup file is told to read it. */
static void another_in_its_place(void **state)
{
	const struct scene *scene = *state;
	_cleanup_(path_plan_clear) struct path_plan plan = {0};
	_cleanup_free_ char *said = NULL, *sh = NULL, *fish = NULL, *profile = NULL;

	make_plan(scene, &plan);
	sh = xstrdup(plan.sh.path);
	fish = xstrdup(plan.fish.path);
	profile = xstrdup(plan.files.items[0]);
	put(scene, ".config/nix-user-chroot/path.sh", "# mine\n");
	plan.sh.stays = true;
	said = carry_out(&plan);
	assert_file(sh, "# mine\n");
	assert_file(fish, plan.fish.text);
	assert_false(fs_exists(AT_FDCWD, profile));
	assert_null(plan.sh.path);
	assert_null(plan.sh.text);
	assert_int_equal(plan.files.count, 0);
	assert_non_null(strstr(said, sh));
	assert_non_null(strstr(said, "File exists"));
	assert_null(strstr(said, fish));

	/* and the same of fish, which is no reason to leave the other shells without */
	put(scene, ".config/fish/conf.d/nix-user-chroot.fish", "# mine\n");
	path_plan_clear(&plan);
	make_plan(scene, &plan);
	plan.fish.stays = true;
	free(said);
	said = carry_out(&plan);
	assert_file(fish, "# mine\n");
	assert_file(sh, plan.sh.text);
	assert_null(plan.fish.path);
	assert_true(has_line(&plan, profile));
	assert_non_null(strstr(said, fish));
}

static void cannot_be_written(void **state)
{
	const struct scene *scene = *state;
	_cleanup_(path_plan_clear) struct path_plan plan = {0};
	_cleanup_free_ char *said = NULL;

	put(scene, ".config", "a file\n");
	make_plan(scene, &plan);
	said = carry_out(&plan);
	assert_null(plan.sh.path);
	assert_null(plan.fish.path);
	assert_int_equal(plan.files.count, 0);
	assert_non_null(strstr(said, "path.sh, which puts the nix commands on PATH: Not a "));
	assert_non_null(strstr(said, "nix-user-chroot.fish, which puts the nix commands"));
}

/* The line that could not be added is said, file by file; the others get it. */
static void lines_to_add_by_hand(void **state)
{
	const struct scene *scene = *state;
	_cleanup_(path_plan_clear) struct path_plan plan = {0};
	_cleanup_free_ char *said = NULL, *wanted = NULL, *refused = NULL;

	make_plan(scene, &plan);
	put(scene, ".profile", "");
	assert_int_equal(fchmodat(scene->place->fd, ".profile", 0444, 0), 0);
	strlist_add(&plan.refused, "/x/.kshrc: Read-only file system");
	said = carry_out(&plan);
	wanted = xasprintf("warning: no line for PATH in %s/.profile: Permission denied\n"
			   "  add it by hand: %s\n",
			   scene->place->path, plan.line);
	refused = xasprintf("warning: no line for PATH in /x/.kshrc: Read-only file system\n"
			    "  add it by hand: %s\n",
			    plan.line);
	assert_non_null(strstr(said, wanted));
	assert_non_null(strstr(said, refused));
	assert_int_equal(plan.files.count, 1);
	assert_true(str_ends_with(plan.files.items[0], "/.bashrc"));
	assert_true(has_line(&plan, plan.files.items[0]));
}

/* Checks afterwards whether it has helped; what is said is the caller's to free. */
static char *check(const struct scene *scene, const struct path_plan *plan)
{
	struct capture capture;

	capture_begin(&capture);
	path_check(&scene->home, scene->bin, plan);
	return capture_end(&capture);
}

static void afterwards(void **state)
{
	const struct scene *scene = *state;
	_cleanup_(path_plan_clear) struct path_plan plan = {0};
	_cleanup_free_ char *well = NULL, *lacking = NULL, *foreign = NULL, *begin = NULL,
			    *carried = NULL, *text = NULL, *fish = NULL;

	path_plan_for(&scene->home, scene->bin, &plan);
	strlist_take(&plan.files, path_join(scene->place->path, ".profile"));
	carried = carry_out(&plan);
	well = check(scene, &plan);
	assert_string_equal(well, "");
	text = xasprintf("%s\nPATH=/bin\n", plan.line);
	put(scene, ".profile", text);
	lacking = check(scene, &plan);
	begin = xasprintf("nix-user-chroot: warning: %s/.profile has our line for PATH, but PATH "
			  "of sh still lacks %s: ",
			  scene->place->path, scene->bin);
	assert_true(str_starts_with(lacking, begin));
	assert_non_null(strstr(lacking, plan.line));
	/* fish does not read it */
	fish = place_script(scene->place, "fish", "eval \"$2\"");
	setenv("SHELL", fish, 1);
	put(scene, ".profile", plan.line);
	foreign = check(scene, &plan);
	assert_string_equal(foreign, "");
	free(foreign);
	/* of a file that did not get the line, nothing is said */
	strlist_clear(&plan.files);
	foreign = check(scene, &plan);
	assert_string_equal(foreign, "");
}

/* A shell that the user does not have may read the same file: it is not asked. */
static void of_another_shell(void **state)
{
	const struct scene *scene = *state;
	_cleanup_(path_plan_clear) struct path_plan plan = {0};
	_cleanup_free_ char *carried = NULL, *said = NULL;

	path_plan_for(&scene->home, scene->bin, &plan);
	strlist_take(&plan.files, path_join(scene->place->path, ".kshrc"));
	carried = carry_out(&plan);
	put(scene, ".kshrc", "PATH=/bin\n");
	said = check(scene, &plan);
	assert_string_equal(said, "");
	{
		_cleanup_free_ char *ksh = place_script(scene->place, "ksh", "eval \"$2\"");

		setenv("SHELL", ksh, 1);
	}
	free(said);
	said = check(scene, &plan);
	assert_non_null(strstr(said, "/.kshrc has our line for PATH, but PATH of ksh still"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		scene_test(all_well),
		scene_test(fish_alone),
		scene_test(another_in_its_place),
		scene_test(cannot_be_written),
		scene_test(lines_to_add_by_hand),
		scene_test(afterwards),
		scene_test(of_another_shell),
		scene_test(cleared),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
