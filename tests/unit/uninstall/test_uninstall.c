/* --uninstall as a whole: what it refuses, says and leaves. */
#include "uninstall/uninstall.h"
#include "chroot/namespace.h"
#include "run/inside.h"
#include "util/cleanup.h"
#include "util/exit_status.h"
#include "util/fs.h"

#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "../capture.h"
#include "../child.h"
#include "../filter.h"
#include "../nth.h"
#include "scene.h"

#define INTO  "/nix/store/" PATH_NAME
#define STATE "@/var/nix-user-chroot"

/* A scene with NIX_USER_CHROOT_DIR, so that no /nix of the host is taken, and an empty stdin. */
static int setup(void **state)
{
	const struct scene *scene;
	_cleanup_close_ int null = open("/dev/null", O_RDONLY | O_CLOEXEC);

	umask(022);
	assert_true(dup2(null, STDIN_FILENO) >= 0);
	if (scene_setup(state) != 0)
		return -1;
	scene = *state;
	return setenv("NIX_USER_CHROOT_DIR", scene->nix, 1);
}

/* Write the record with these lines. */
static void write_record(const struct scene *scene, const char *lines)
{
	_cleanup_free_ char *text = record_text(scene, lines);

	put(scene, STATE "/record", text);
}

/* The status of --uninstall. *SAID, the caller's to free, becomes what it says. */
static int status_of(const struct scene *scene, bool yes, bool force, char **said)
{
	const struct uninstall_request request = {
		.program_argv = (char *[]){(char[]){"nix-user-chroot"}, NULL},
		.yes = yes,
		.force = force,
	};
	_cleanup_free_ char *text = NULL;
	struct capture capture;
	int status;

	capture_begin(&capture);
	status = uninstall_command(&request);
	text = capture_end(&capture);
	*said = shortened(scene, text);
	return status;
}

static void refuses(const struct scene *scene, bool yes, bool force, const char *message)
{
	_cleanup_free_ char *said = NULL;

	assert_int_equal(status_of(scene, yes, force, &said), EXIT_CANCELED);
	if (!strstr(said, message))
		fail_msg("said %s", said);
	assert_null(strstr(said, "is removed from"));
}

static void succeeds(const struct scene *scene, bool force, const char *message)
{
	_cleanup_free_ char *said = NULL;
	int status = status_of(scene, true, force, &said);

	if (status != 0 || !strstr(said, message))
		fail_msg("status %d, said %s", status, said);
	assert_non_null(strstr(said, "nix-user-chroot: Nix is removed from @\n"));
}

static void put_installation(const struct scene *scene)
{
	put(scene, "@/store/" PATH_NAME "/rc", "text");
	put_link(scene, "~/.nix-profile", INTO);
	put(scene, "~/.local/bin/nix-user-chroot", "program");
	put(scene, STATE "/lock", "");
	write_record(scene, "dir @\nabsent @/store\ndir @/var\ndir " STATE "\ndir @/etc/nix\n"
			    "dir @/etc\nabsent ~/.nix-profile\ndir ~/.local/bin\n"
			    "was ~/.local/state/nix/profile /nix/var/y\n"
			    "file ~/.local/bin/nix-user-chroot <<program>>\n");
}

static void all_of_it(void **state)
{
	static const char list[] = "nix-user-chroot: to be removed:\n"
				   "    ~/.nix-profile\n"
				   "    @/store (1 store path)\n"
				   "    " STATE "\n"
				   "    ~/.local/bin/nix-user-chroot\n"
				   "  links into the store that will become copies:\n"
				   "    ~/.rc\n"
				   "  links to what is removed, which will lead nowhere:\n"
				   "    ~/enter\n"
				   "  to be put back as it was:\n"
				   "    ~/.local/state/nix/profile -> /nix/var/y\n"
				   "  not made by --install, and left as it is:\n"
				   "    @/etc/mine\n"
				   "    @/etc/nix/mine\n"
				   "  this frees ";
	struct scene *scene = *state;
	_cleanup_free_ char *said = NULL;

	put_installation(scene);
	put_directory(scene, "~/.local/state/nix");
	put(scene, "@/etc/mine", "");
	put(scene, "@/etc/nix/mine", "");
	put_link(scene, "~/.rc", INTO "/rc");
	put_link(scene, "~/enter", ".local/bin/nix-user-chroot");
	assert_int_equal(status_of(scene, true, false, &said), 0);
	if (!str_starts_with(said, list))
		fail_msg("said %s", said);
	assert_true(str_ends_with(said, "B\nnix-user-chroot: Nix is removed from @\n") ||
		    str_ends_with(said, "bytes\nnix-user-chroot: Nix is removed from @\n"));
	assert_false(is_there(scene, "@/store"));
	assert_false(is_there(scene, "@/var"));
	assert_false(is_there(scene, "~/.nix-profile"));
	assert_false(is_there(scene, "~/.local/bin"));
	assert_true(is_there(scene, "~/.local/state/nix/profile"));
	assert_true(is_there(scene, "@/etc/nix/mine"));
	/* the copy was made before the store went */
	assert_true(is_there(scene, "~/.rc"));
	unput(scene, "@/etc");
	refuses(scene, true, false, "there is no Nix in @ that --install installed");
}

static void nothing_is_left(void **state)
{
	struct scene *scene = *state;

	put_installation(scene);
	succeeds(scene, false, "to be removed");
	assert_false(is_there(scene, "@"));
	assert_true(is_there(scene, "~/.local/share"));
	refuses(scene, true, false, "there is no Nix in @ that --install installed");
	assert_false(is_there(scene, "@"));
}

/* Descriptor 0 is one like the others, where the caller has closed stdin. */
static void without_stdin(void **state)
{
	const struct uninstall_request request = {
		.program_argv = (char *[]){(char[]){"nix-user-chroot"}, NULL},
		.yes = true,
	};
	const struct scene *scene = *state;
	_cleanup_free_ char *said = NULL;
	struct capture capture;
	int status;

	put_installation(scene);
	capture_begin(&capture);
	close(STDIN_FILENO);
	status = uninstall_command(&request);
	assert_int_equal(open("/dev/null", O_RDONLY | O_CLOEXEC), STDIN_FILENO);
	said = capture_end(&capture);
	if (status != 0)
		fail_msg("said %s", said);
	assert_false(is_there(scene, "@"));
}

static void no_terminal_to_ask_on(void **state)
{
	struct scene *scene = *state;
	_cleanup_free_ char *said = NULL;

	put_installation(scene);
	assert_int_equal(status_of(scene, false, false, &said), EXIT_CANCELED);
	assert_true(str_starts_with(said, "nix-user-chroot: to be removed:\n"));
	assert_non_null(strstr(said, "  this frees "));
	assert_non_null(strstr(said, "nothing was removed: there is no terminal to ask on\n"));
	assert_true(is_there(scene, STATE "/record"));
	assert_true(is_there(scene, "@/store/" PATH_NAME "/rc"));
	assert_true(is_there(scene, "~/.nix-profile"));
}

/* Is the store as it was? */
static void assert_untouched(const struct scene *scene)
{
	assert_true(is_there(scene, "@/store/" PATH_NAME));
	assert_false(is_there(scene, STATE "/lock"));
}

static void stores_of_others(void **state)
{
	struct scene *scene = *state;

	/* not even a record */
	refuses(scene, true, false,
		"@ holds a Nix store that was made by other means, and is left");
	assert_untouched(scene);
	assert_false(is_there(scene, STATE));
	/* one that cannot be read */
	put(scene, STATE "/record", "garbage\n");
	refuses(scene, true, false,
		"@ holds a Nix store that was made by other means, and is left");
	assert_untouched(scene);
	/* --install --force has added to it */
	write_record(scene, "foreign @/store\n");
	refuses(scene, true, false,
		"made by other means before --install added to it, and is left as it is\n"
		"  --force removes");
	assert_untouched(scene);
	put(scene, "@/var/nix/mine", "");
	succeeds(scene, true, "    @/store (1 store path)\n    @/var/nix\n");
	assert_false(is_there(scene, "@/store"));
	assert_false(is_there(scene, "@/var/nix"));
}

static void without_a_record(void **state)
{
	struct scene *scene = *state;

	put(scene, STATE "/record", "garbage\n");
	succeeds(scene, true, "    @/store (1 store path)\n    " STATE "\n");
	/* nothing says that the directory was made for it */
	assert_true(is_there(scene, "@"));
	assert_false(is_there(scene, "@/var"));
	assert_false(is_there(scene, "@/store"));
}

/* A run that was killed when the record was gone: the directory itself is finished. */
static void remains(void **state)
{
	struct scene *scene = *state;

	unput(scene, "@/store");
	put(scene, STATE "/lock", "");
	succeeds(scene, false, "to be removed:\n    " STATE "\n  this frees");
	assert_false(is_there(scene, "@"));
}

static void remains_beside_what_is_the_users(void **state)
{
	struct scene *scene = *state;

	unput(scene, "@/store");
	put(scene, "@/mine", "");
	/* our directory alone makes it ours */
	refuses(scene, true, true, "there is no Nix in @ that --install installed");
	put(scene, STATE "/lock", "");
	succeeds(scene, false, "left as it is:\n    @/mine\n");
	assert_true(is_there(scene, "@/mine"));
	assert_false(is_there(scene, "@/var"));
}

static void lines_that_are_not_believed(void **state)
{
	struct scene *scene = *state;
	_cleanup_free_ char *said = NULL;
	const char *warning;

	put(scene, "~/precious/x", "");
	write_record(scene, "dir @\nabsent @/store\nabsent ~/precious/x\nfile ~/precious <<>>\n");
	assert_int_equal(status_of(scene, true, false, &said), 0);
	warning = strstr(said, "the record in @ has lines that --install did not write for you");
	assert_non_null(warning);
	assert_non_null(strstr(warning, "what they are about stays\n    ~/precious"));
	assert_non_null(strstr(warning, "\n    ~/precious/x\n"));
	/* once, although the record is read again under the lock */
	assert_null(strstr(warning + 1, "the record in @ has lines"));
	assert_true(is_there(scene, "~/precious/x"));
}

static void one_line_that_is_not_believed(void **state)
{
	struct scene *scene = *state;

	put(scene, "~/precious", "");
	write_record(scene, "dir @\nabsent @/store\nfile ~/precious <<>>\n");
	succeeds(scene, false, "what they are about stays\n    ~/precious\n");
	assert_true(is_there(scene, "~/precious"));
}

/* What fails is said; all else is removed, but for the record, so that a rerun goes on. */
static void one_that_fails(void **state)
{
	struct scene *scene = *state;

	put_installation(scene);
	put(scene, "~/.local/bin/.nix-user-chroot-new/x", "");
	refuses(scene, true, false, "cannot remove ~/.local/bin/.nix-user-chroot-new: ");
	assert_false(is_there(scene, "@/store"));
	assert_false(is_there(scene, "~/.nix-profile"));
	assert_true(is_there(scene, STATE "/record"));
	assert_true(is_there(scene, "~/.local/bin/nix-user-chroot"));
	assert_false(is_there(scene, STATE "/lock"));
	unput(scene, "~/.local/bin/.nix-user-chroot-new");
	succeeds(scene, false, "    ~/.local/bin/nix-user-chroot\n");
	assert_false(is_there(scene, "@"));
	assert_false(is_there(scene, "~/.local/bin"));
}

/* The copy that the user was promised cannot be made: its source stays, and all that comes later.
 */
static void a_copy_that_fails(void **state)
{
	struct scene *scene = *state;
	_cleanup_free_ char *name = xcalloc(251, 1), *link = NULL;

	put_installation(scene);
	memset(name, 'x', 250);
	link = xasprintf("~/%s", name);
	put_link(scene, link, INTO "/rc");
	refuses(scene, true, false, "cannot put a copy in the place of the link ~/xxx");
	assert_true(is_there(scene, "@/store/" PATH_NAME "/rc"));
	assert_true(is_there(scene, STATE "/record"));
	unput(scene, link);
	succeeds(scene, false, "    @/store (1 store path)\n");
}

/* What is kept of the user's while the script runs is written back first. */
static void the_users_nix_fish(void **state)
{
	static const char script_line[] =
		"\nif test -e /h/.nix-profile/etc/profile.d/nix.fish; . "
		"/h/.nix-profile/etc/profile.d/nix.fish; end # added by Nix installer\n";
	struct scene *scene = *state;
	_cleanup_free_ char *text = NULL, *path = expanded(scene, "~/.config/fish/conf.d/nix.fish");
	size_t len;

	put_installation(scene);
	put(scene, "~/.config/fish/conf.d/nix.fish", script_line);
	put_directory(scene, STATE "/nix.fish");
	refuses(scene, true, false, "cannot write back your ~/.config/fish/conf.d/nix.fish: ");
	assert_true(is_there(scene, "@/store/" PATH_NAME "/rc"));
	unput(scene, STATE "/nix.fish");
	put(scene, STATE "/nix.fish", "mine\n");
	succeeds(scene, false, "to be removed");
	assert_int_equal(fs_read_file(AT_FDCWD, path, 4096, &text, &len), 0);
	assert_string_equal(text, "mine\n");
}

static void records_of_others(void **state)
{
	struct scene *scene = *state;
	_cleanup_free_ char *record = NULL;

	if (geteuid() != 0)
		skip();
	record = expanded(scene, STATE "/record");
	put_installation(scene);
	assert_int_equal(chown(record, 1234, 0), 0);
	refuses(scene, true, true,
		"the record in @ was written by user 1234: nothing was removed\n");
	assert_true(is_there(scene, "@/store/" PATH_NAME "/rc"));
	assert_int_equal(chown(record, 0, 0), 0);
	succeeds(scene, false, "to be removed");
}

/* Whom the host does not know cannot be trusted. */
static int trust_nobody(const void *context)
{
	const struct uninstall_request request = {
		.program_argv = (char *[]){(char[]){"nix-user-chroot"}, NULL},
		.trust.owner = "no-such-user",
		.yes = true,
	};

	(void)context;
	return uninstall_command(&request);
}

static void an_unknown_user(void **state)
{
	struct scene *scene = *state;
	_cleanup_free_ char *said = NULL;
	int status;

	put_installation(scene);
	said = child_says(trust_nobody, NULL, NULL, &status);
	assert_int_equal(WEXITSTATUS(status), EXIT_CANCELED);
	assert_has(said, "there is no user no-such-user here");
	assert_has_not(said, "to be removed");
	assert_true(is_there(scene, "@/store/" PATH_NAME "/rc"));
}

/* As a user with another number, who trusts the owner. */
static int as_another(const void *context)
{
	const struct filter other = {SYS_geteuid, 0, FILTER_ANY, FILTER_ERROR(1)};
	_cleanup_free_ char *owner = xasprintf("%lu", (unsigned long)geteuid());
	const struct uninstall_request request = {
		.program_argv = (char *[]){(char[]){"nix-user-chroot"}, NULL},
		.trust.owner = owner,
		.yes = true,
	};

	(void)context;
	return filter_set(&other) < 0 ? NO_FILTER : uninstall_command(&request);
}

/* Whom a user trusts is not the user. */
static void records_of_the_trusted(void **state)
{
	struct scene *scene = *state;
	_cleanup_free_ char *said = NULL, *wanted = NULL;
	int status;

	put_installation(scene);
	said = child_says(as_another, NULL, NULL, &status);
	if (WEXITSTATUS(status) == NO_FILTER)
		skip();
	wanted = xasprintf("was written by user %lu: nothing was removed\n",
			   (unsigned long)geteuid());
	assert_int_equal(WEXITSTATUS(status), EXIT_CANCELED);
	assert_has(said, wanted);
	assert_has_not(said, "to be removed");
	assert_true(is_there(scene, "@/store/" PATH_NAME "/rc"));
}

/* Each of these is said before anything is looked for. */
static void what_cannot_begin(void **state)
{
	struct scene *scene = *state;
	_cleanup_free_ char *store = expanded(scene, "@/store");

	put_installation(scene);
	assert_int_equal(chmod(store, 0777), 0);
	refuses(scene, true, true, "@/store is not used as the Nix directory");
	assert_int_equal(chmod(store, 0755), 0);
	put(scene, "@/etc", "");
	refuses(scene, true, true, "cannot open the directory @/etc: Not a directory");
	unput(scene, "@/etc");
	put(scene, "~/file", "");
	{
		_cleanup_free_ char *file = expanded(scene, "~/file");

		setenv("NIX_USER_CHROOT_DIR", file, 1);
	}
	refuses(scene, true, true, "~/file");
	setenv("NIX_USER_CHROOT_DIR", "relative", 1);
	refuses(scene, true, true, "NIX_USER_CHROOT_DIR");
	setenv("NIX_USER_CHROOT_DIR", scene->nix, 1);
	setenv("HOME", "relative", 1);
	refuses(scene, true, true, "HOME is not an absolute path");
	assert_true(is_there(scene, "@/store/" PATH_NAME "/rc"));
}

static void set_mode(const struct scene *scene, const char *name, mode_t mode)
{
	_cleanup_free_ char *path = expanded(scene, name);

	assert_int_equal(chmod(path, mode), 0);
}

/* The end of a run fails: the Nix directory that cannot be read, the record, the program. */
static void what_may_not_be_written(void **state)
{
	struct scene *scene = *state;

	if (geteuid() == 0)
		skip();
	put_installation(scene);
	set_mode(scene, "@", 0311);
	refuses(scene, true, true, "cannot open the directory @: Permission denied\n");
	set_mode(scene, "@", 0755);
	set_mode(scene, STATE, 0555);
	refuses(scene, true, false, "cannot remove the record in @: Permission denied\n");
	set_mode(scene, STATE, 0755);
	assert_true(is_there(scene, STATE "/record"));
	assert_true(is_there(scene, "~/.local/bin/nix-user-chroot"));
	set_mode(scene, "~/.local/bin", 0555);
	put_directory(scene, "@/etc/nix");
	refuses(scene, true, false,
		"cannot remove ~/.local/bin/nix-user-chroot: Permission denied\n"
		"  when you may write there, ");
	set_mode(scene, "~/.local/bin", 0755);
	assert_true(is_there(scene, "~/.local/bin/nix-user-chroot"));
	assert_false(is_there(scene, STATE "/lock"));
	/* all else went before that */
	assert_false(is_there(scene, "@/etc"));
}

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

#define NO_MOUNTS 9

static int with_yes(const char *nix_dir)
{
	const struct uninstall_request request = {
		.program_argv = (char *[]){(char[]){"nix-user-chroot"}, NULL},
		.yes = true,
	};

	setenv("NIX_USER_CHROOT_DIR", nix_dir, 1);
	return uninstall_command(&request);
}

static int from_inside(const void *context)
{
	const struct scene *scene = context;

	if (!may_mount() || chroot(scene->place->path) < 0)
		return NO_MOUNTS;
	setenv(INSIDE_VARIABLE, "proot", 1);
	setenv("HOME", "/home", 1);
	return with_yes("/nix");
}

static int over_a_mount(const void *context)
{
	const struct scene *scene = context;
	_cleanup_free_ char *mounted = expanded(scene, "@/store/" PATH_NAME);

	if (!may_mount() || mount("tmpfs", mounted, "tmpfs", 0, NULL) < 0)
		return NO_MOUNTS;
	return with_yes(scene->nix);
}

/* Places where nothing is looked for. */
static void inside_and_mounts(void **state)
{
	struct scene *scene = *state;
	_cleanup_free_ char *said = NULL, *mounts = NULL, *shown = NULL;
	_cleanup_free_ char *nix = path_join(scene->place->path, "nix");
	int status;

	put_installation(scene);
	mounts = child_says(over_a_mount, scene, NULL, &status);
	if (WEXITSTATUS(status) == NO_MOUNTS)
		skip();
	assert_int_equal(WEXITSTATUS(status), EXIT_CANCELED);
	shown = shortened(scene, mounts);
	assert_has(shown, "@/store/" PATH_NAME " is a mount point in @: nothing was removed\n");
	assert_has_not(shown, "to be removed:");
	assert_int_equal(rename(scene->nix, nix), 0);
	free(scene->nix);
	scene->nix = xstrdup(nix);
	close(scene->nix_fd);
	scene->nix_fd = fs_open_dir(AT_FDCWD, nix);
	said = child_says(from_inside, scene, NULL, &status);
	assert_int_equal(WEXITSTATUS(status), EXIT_CANCELED);
	assert_has(said, "this shell is inside: /nix is its /nix\n");
	assert_has_not(said, "to be removed:");
	assert_true(is_there(scene, "@/store/" PATH_NAME "/rc"));
}

static int in_child(void *ctx)
{
	const struct scene *scene = ctx;

	return with_yes(scene->nix);
}

/* The lock of another process, from when there is no other any more. */
static void take_lock(void *ctx)
{
	if (!is_there(ctx, STATE "/lock"))
		put(ctx, STATE "/lock", "");
}

/* Whoever begins an installation when all is removed has a lock, which stays. */
static void a_new_installation(void **state)
{
	/* what was found, and that it is removed */
	const struct nth second = {.number = SYS_write, .nth = 2, .meanwhile = take_lock};
	struct scene *scene = *state;
	struct capture capture;
	int status, r;

	put_installation(scene);
	/* so that the directory stays the same one */
	put(scene, "@/mine", "");
	capture_begin(&capture);
	r = nth_happens(&second, in_child, scene, &status);
	free(capture_end(&capture));
	if (r < 0)
		skip();
	assert_int_equal(status, 0);
	assert_true(is_there(scene, STATE "/lock"));
	assert_false(is_there(scene, "@/store"));
}

int main(void)
{
#define WITH_SCENE(f) cmocka_unit_test_setup_teardown(f, setup, scene_teardown)
	const struct CMUnitTest tests[] = {
		WITH_SCENE(all_of_it),
		WITH_SCENE(nothing_is_left),
		WITH_SCENE(without_stdin),
		WITH_SCENE(no_terminal_to_ask_on),
		WITH_SCENE(stores_of_others),
		WITH_SCENE(without_a_record),
		WITH_SCENE(remains),
		WITH_SCENE(remains_beside_what_is_the_users),
		WITH_SCENE(lines_that_are_not_believed),
		WITH_SCENE(one_line_that_is_not_believed),
		WITH_SCENE(one_that_fails),
		WITH_SCENE(a_copy_that_fails),
		WITH_SCENE(the_users_nix_fish),
		WITH_SCENE(records_of_others),
		WITH_SCENE(an_unknown_user),
		WITH_SCENE(records_of_the_trusted),
		WITH_SCENE(what_cannot_begin),
		WITH_SCENE(what_may_not_be_written),
		WITH_SCENE(inside_and_mounts),
		WITH_SCENE(a_new_installation),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
