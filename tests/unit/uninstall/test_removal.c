/* How each kind of removal is carried out, and what is said if it fails. */
#include "uninstall/removal.h"
#include "home/startup_files.h"
#include "util/cleanup.h"
#include "util/fs.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "../capture.h"
#include "../child.h"
#include "../refuse.h"
#include "scene.h"

#define NIX_LINE                                                  \
	"if [ -e /h/.nix-profile/etc/profile.d/nix.sh ]; then . " \
	"/h/.nix-profile/etc/profile.d/nix.sh; fi # added by Nix installer"
#define OWN_LINE "export PATH=x " STARTUP_MARK

/* Carry out one removal of PATH or BELOW; *SAID becomes the message, with "~" and "@". */
static int carry_out(const struct scene *scene, const struct removal *like, char **said)
{
	_cleanup_free_ char *path = like->path ? expanded(scene, like->path) : NULL, *full = NULL;
	struct removals list = {0};
	struct capture capture;
	int r;

	removals_add(&list, like->kind, path, like->below, NULL);
	list.items[0].target = xstrdup(like->target);
	capture_begin(&capture);
	/* of an earlier failure: it is not what becomes of this one */
	errno = EIO;
	r = removal_carry_out(&list.items[0], scene->nix_fd, scene->nix);
	full = capture_end(&capture);
	*said = shortened(scene, full);
	removals_clear(&list);
	return r;
}

static void removes(const struct scene *scene, const struct removal *like)
{
	_cleanup_free_ char *said = NULL;

	assert_int_equal(carry_out(scene, like, &said), 0);
	assert_string_equal(said, "");
}

static void fails(const struct scene *scene, const struct removal *like, const char *message)
{
	_cleanup_free_ char *said = NULL;

	assert_int_equal(carry_out(scene, like, &said), -1);
	assert_one_message(said, message);
}

#define PATH_OF(KIND, PATH)  (&(struct removal){.kind = (KIND), .path = (char[]){PATH}})
#define BELOW_OF(KIND, PATH) (&(struct removal){.kind = (KIND), .below = (char[]){PATH}})

static void assert_text(const struct scene *scene, const char *name, const char *text)
{
	_cleanup_free_ char *path = expanded(scene, name), *present = NULL;
	size_t len;

	assert_int_equal(fs_read_file(AT_FDCWD, path, 4096, &present, &len), 0);
	assert_string_equal(present, text);
}

static void files_and_trees(void **state)
{
	struct scene *scene = *state;

	put(scene, "~/file", "");
	put(scene, "~/tree/a/b", "");
	put(scene, "@/top", "");
	put(scene, "@/var/x/file", "");
	put(scene, "@/var/x/beside", "");
	removes(scene, PATH_OF(REMOVE_FILE, "~/file"));
	assert_false(is_there(scene, "~/file"));
	removes(scene, PATH_OF(REMOVE_TREE, "~/tree/a"));
	assert_false(is_there(scene, "~/tree/a"));
	assert_true(is_there(scene, "~/tree"));
	removes(scene, BELOW_OF(REMOVE_FILE, "var/x/file"));
	assert_false(is_there(scene, "@/var/x/file"));
	assert_true(is_there(scene, "@/var/x/beside"));
	removes(scene, BELOW_OF(REMOVE_TREE, "var"));
	assert_false(is_there(scene, "@/var"));
	removes(scene, BELOW_OF(REMOVE_FILE, "top"));
	assert_false(is_there(scene, "@/top"));
	removes(scene, BELOW_OF(REMOVE_TREE, "store"));
	assert_false(is_there(scene, "@/store"));
}

static void what_is_gone_or_led_away(void **state)
{
	struct scene *scene = *state;

	put(scene, "~/elsewhere/file", "");
	put(scene, "~/mine", "");
	put_link(scene, "@/var", "~/elsewhere");
	put_link(scene, "~/loop", "loop");
	removes(scene, PATH_OF(REMOVE_FILE, "~/loop/file"));
	removes(scene, PATH_OF(REMOVE_FILE, "~/gone"));
	removes(scene, PATH_OF(REMOVE_FILE, "~/mine/gone"));
	removes(scene, BELOW_OF(REMOVE_FILE, "gone/x"));
	removes(scene, BELOW_OF(REMOVE_TREE, "gone"));
	removes(scene, PATH_OF(REMOVE_LINE, "~/gone"));
	removes(scene, BELOW_OF(REMOVE_FILE, "var/file"));
	removes(scene, BELOW_OF(REMOVE_TREE, "var/file"));
	assert_true(is_there(scene, "~/elsewhere/file"));
}

static void empty_directories(void **state)
{
	struct scene *scene = *state;

	put_directory(scene, "~/empty");
	put(scene, "~/full/x", "");
	put(scene, "~/file", "");
	removes(scene, PATH_OF(REMOVE_EMPTY, "~/empty"));
	removes(scene, PATH_OF(REMOVE_EMPTY, "~/full"));
	removes(scene, PATH_OF(REMOVE_EMPTY, "~/file"));
	assert_false(is_there(scene, "~/empty"));
	assert_true(is_there(scene, "~/full/x"));
	assert_true(is_there(scene, "~/file"));
}

/* Each kind of line is removed, and only that; the file is removed only by the kinds that say so.
 */
static void lines(void **state)
{
	struct scene *scene = *state;
	static const struct {
		enum removal_kind kind;
		const char *before, *after;
	} cases[] = {
		{REMOVE_LINE, "mine\n" NIX_LINE "\n" OWN_LINE "\n", "mine\n" OWN_LINE "\n"},
		{REMOVE_LINE, NIX_LINE "\n", ""},
		{REMOVE_LINE_FILE, NIX_LINE "\n", NULL},
		{REMOVE_LINE_FILE, "mine\n" NIX_LINE "\nmore\n", "mine\nmore\n"},
		{REMOVE_OWN_LINE, NIX_LINE "\n" OWN_LINE "\n", NIX_LINE "\n"},
		{REMOVE_OWN_LINE, OWN_LINE "\n", ""},
		{REMOVE_OWN_LINE_FILE, OWN_LINE "\n", NULL},
		{REMOVE_OWN_LINE_FILE, OWN_LINE "\nmine\n", "mine\n"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		put(scene, "~/rc", cases[i].before);
		removes(scene, PATH_OF(cases[i].kind, "~/rc"));
		if (cases[i].after)
			assert_text(scene, "~/rc", cases[i].after);
		else
			assert_false(is_there(scene, "~/rc"));
	}
}

static void links_made_again(void **state)
{
	struct scene *scene = *state;
	struct removal link = {.kind = REMAKE_LINK, .path = (char[]){"~/link"}, .target = NULL};
	_cleanup_free_ char *path = expanded(scene, "~/link"), *target = NULL;

	link.target = (char[]){"/nix/var/x"};
	removes(scene, &link);
	assert_int_equal(fs_readlink(AT_FDCWD, path, &target), 0);
	assert_string_equal(target, "/nix/var/x");
	unput(scene, "~/link");
	/* something has its place by now, or the directory is gone */
	put(scene, "~/link", "mine");
	removes(scene, &link);
	assert_text(scene, "~/link", "mine");
	link.path = (char[]){"~/gone/link"};
	removes(scene, &link);
	assert_false(is_there(scene, "~/gone"));
}

static void copies(void **state)
{
	struct scene *scene = *state;
	struct removal copy = {.kind = KEEP_COPY, .path = (char[]){"~/rc"}};

	copy.below = (char[]){"store/" PATH_NAME "/rc"};
	put(scene, "@/store/" PATH_NAME "/rc", "text");
	put_link(scene, "~/rc", "/nix/store/" PATH_NAME "/rc");
	removes(scene, &copy);
	assert_text(scene, "~/rc", "text");
	/* here what is gone is an error: the copy that the user was promised is not made */
	unput(scene, "~/rc");
	fails(scene, &copy, "cannot put a copy in the place of the link ~/rc: No such file");
}

/* The words of each failure. */
static void failures(void **state)
{
	struct scene *scene = *state;
	struct removal link = {.kind = REMAKE_LINK, .path = (char[]){"~/long"}};
	_cleanup_free_ char *locked = expanded(scene, "~/locked"), *name = xcalloc(300, 1);
	_cleanup_free_ char *path = NULL;

	put_directory(scene, "~/dir/sub");
	fails(scene, PATH_OF(REMOVE_FILE, "~/dir"), "cannot remove ~/dir: Is a directory\n");
	fails(scene, BELOW_OF(REMOVE_FILE, "store"), "cannot remove @/store: Is a directory\n");
	fails(scene, PATH_OF(REMOVE_FILE, "~/dir"), "when that is repaired, run");
	fails(scene, PATH_OF(REMOVE_LINE, "~/dir"),
	      "cannot remove the line of the Nix installer from ~/dir: Is a directory\n");
	fails(scene, PATH_OF(REMOVE_LINE_FILE, "~/dir"),
	      "cannot remove the line of the Nix installer from ~/dir: Is a directory\n");
	fails(scene, PATH_OF(REMOVE_OWN_LINE, "~/dir"),
	      "cannot remove our line from ~/dir: Is a directory\n");
	fails(scene, PATH_OF(REMOVE_OWN_LINE_FILE, "~/dir"),
	      "cannot remove our line from ~/dir: Is a directory\n");
	memset(name, 'x', 299);
	path = xasprintf("~/%s", name);
	link.path = path;
	link.target = (char[]){"x"};
	fails(scene, &link, "cannot put back the link ~/xxx");
	fails(scene, &link, "File name too long\n");
	if (geteuid() != 0) {
		put(scene, "~/locked/file", "");
		assert_int_equal(chmod(locked, 0500), 0);
		fails(scene, PATH_OF(REMOVE_FILE, "~/locked/file"),
		      "cannot remove ~/locked/file: Permission denied\n");
		fails(scene, PATH_OF(REMOVE_FILE, "~/locked/file"),
		      "when you may write there, run nix-user-chroot --uninstall again");
		assert_int_equal(chmod(locked, 0700), 0);
	}
}

/* A removal that the system refuses with ERR. */
struct refused {
	const struct scene *scene;
	int err;
};

static int remove_refused(const void *context)
{
	const struct refused *refused = context;
	struct removal store = {.kind = REMOVE_FILE, .below = (char[]){"store"}};

	refuse_call(SYS_unlinkat, -1, refused->err);
	return removal_carry_out(&store, refused->scene->nix_fd, refused->scene->nix) == -1 ? 1 : 0;
}

/* What to do about each reason. */
static void advices(void **state)
{
	static const char mount[] = "something is mounted in there: unmount it, then run ";
	static const char busy[] = "something is mounted in there, or a process still uses a file ";
	static const char in_use[] =
		"a process still uses a file in there, or makes new ones: end ";
	static const char write[] = "when you may write there, run ";
	static const char other[] = "when that is repaired, run ";
	static const struct {
		int err;
		const char *advice;
	} cases[] = {
		{EXDEV, mount},	 {EBUSY, busy},	 {ENOTEMPTY, in_use}, {EROFS, write},
		{EACCES, write}, {EPERM, write}, {EIO, other},	      {ENOSPC, other},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct refused refused = {*state, cases[i].err};
		_cleanup_free_ char *said = NULL;
		int status;

		said = child_says(remove_refused, &refused, NULL, &status);
		if (WEXITSTATUS(status) == NO_FILTER)
			skip();
		assert_int_equal(WEXITSTATUS(status), 1);
		assert_has(said, strerror(cases[i].err));
		assert_has(said, cases[i].advice);
	}
}

/* Each field is copied. */
static void the_list(void **state)
{
	struct removals list = {0};

	(void)state;
	removals_add(&list, REMOVE_FILE, "/a", NULL, "shown");
	for (int i = 0; i < 40; i++)
		removals_add(&list, REMOVE_TREE, NULL, "b", NULL);
	assert_int_equal(list.count, 41);
	assert_string_equal(list.items[0].path, "/a");
	assert_string_equal(list.items[0].shown, "shown");
	assert_null(list.items[0].below);
	assert_null(list.items[40].path);
	assert_string_equal(list.items[40].below, "b");
	assert_int_equal(list.items[40].kind, REMOVE_TREE);
	removals_clear(&list);
	assert_int_equal(list.count, 0);
	assert_null(list.items);
}

int main(void)
{
#define WITH_SCENE(f) cmocka_unit_test_setup_teardown(f, scene_setup, scene_teardown)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_list),    WITH_SCENE(advices),
		WITH_SCENE(files_and_trees),   WITH_SCENE(what_is_gone_or_led_away),
		WITH_SCENE(empty_directories), WITH_SCENE(lines),
		WITH_SCENE(links_made_again),  WITH_SCENE(copies),
		WITH_SCENE(failures),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
