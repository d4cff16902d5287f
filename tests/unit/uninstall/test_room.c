/* How much room --uninstall frees, who is inside, and which directories wait for the program's end.
 */
#include "uninstall/room.h"
#include "chroot/namespace.h"
#include "uninstall/let_go.h"
#include "util/cleanup.h"
#include "util/fs.h"

#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "scene.h"

static uint64_t blocks(const struct scene *scene, const char *name)
{
	_cleanup_free_ char *path = expanded(scene, name);
	struct stat st;

	assert_int_equal(lstat(path, &st), 0);
	return (uint64_t)st.st_blocks * 512;
}

static void put_text(const struct scene *scene, const char *name, size_t size)
{
	_cleanup_free_ char *text = xcalloc(size + 1, 1);

	memset(text, 'x', size);
	put(scene, name, text);
}

static void room(void **state)
{
	struct scene *scene = *state;
	struct removals list = {0};
	_cleanup_free_ char *tree = expanded(scene, "~/tree"), *file = expanded(scene, "~/file");
	_cleanup_free_ char *one = expanded(scene, "@/store/" PATH_NAME "/one");
	_cleanup_free_ char *other = expanded(scene, "@/other-name");
	uint64_t in_tree, in_store;

	put_text(scene, "~/tree/a", 100000);
	put_text(scene, "~/tree/b/c/d", 50000);
	put_text(scene, "~/file", 70000);
	put_text(scene, "@/store/" PATH_NAME "/one", 200000);
	put_link(scene, "~/tree/link", "~/file");
	/* of a file with two names, one of which stays, the half */
	assert_int_equal(link(one, other), 0);
	in_tree = blocks(scene, "~/tree/a") + blocks(scene, "~/tree/b") +
		  blocks(scene, "~/tree/b/c") + blocks(scene, "~/tree/b/c/d") +
		  blocks(scene, "~/tree/link");
	in_store = blocks(scene, "@/store/" PATH_NAME) +
		   blocks(scene, "@/store/" PATH_NAME "/one") / 2;
	assert_true(room_of(&list, scene->nix_fd) == 0);
	removals_add(&list, REMOVE_TREE, tree, NULL, NULL);
	assert_true(room_of(&list, scene->nix_fd) == in_tree);
	removals_add(&list, REMOVE_TREE, NULL, "store", NULL);
	assert_true(room_of(&list, scene->nix_fd) == in_tree + in_store);
	/* not worth a look, or not there */
	removals_add(&list, REMOVE_FILE, file, NULL, NULL);
	removals_add(&list, REMOVE_TREE, NULL, "gone", NULL);
	removals_add(&list, REMOVE_TREE, file, NULL, NULL);
	assert_true(room_of(&list, scene->nix_fd) == in_tree + in_store);
	removals_clear(&list);
}

/* A hostile tree is not followed to its end. */
static void a_deep_tree(void **state)
{
	struct scene *scene = *state;
	struct removals list = {0};
	_cleanup_free_ char *top = expanded(scene, "~/d"), *deep = xstrdup("~/d");
	uint64_t flat, middle;

	removals_add(&list, REMOVE_TREE, top, NULL, NULL);
	for (int i = 1; i <= 110; i++) {
		char *deeper = path_join(deep, "d");

		free(deep);
		deep = deeper;
		put_directory(scene, deep);
		if (i == 90 || i == 110) {
			_cleanup_free_ char *file = path_join(deep, "file");
			uint64_t before = room_of(&list, scene->nix_fd);

			put_text(scene, file, 1000000);
			flat = room_of(&list, scene->nix_fd) - before;
			middle = blocks(scene, file);
			/* the directory's own room may change with its entries */
			assert_true(i == 90 ? flat >= middle : flat < middle);
		}
	}
	removals_clear(&list);
}

/* This process is not inside, whatever /nix is. */
static void nobody_inside(void **state)
{
	struct scene *scene = *state;
	struct strlist out = {0};
	_cleanup_close_ int nix = open("/nix", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	room_processes(scene->nix_fd, &out);
	assert_int_equal(out.count, 0);
	room_processes(-1, &out);
	assert_int_equal(out.count, 0);
	/* where all have the same /nix as this process, the list would be of all */
	if (nix >= 0)
		room_processes(nix, &out);
	assert_int_equal(out.count, 0);
}

#define NO_MOUNTS 9

/* Makes PLACE the root, with the host's /proc. */
static bool enter(const char *place)
{
	_cleanup_free_ char *proc = path_join(place, "proc");
	uid_t uid = geteuid();
	gid_t gid = getegid();
	const char *file;

	return namespace_unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0 &&
	       namespace_map_ids(uid, gid, &file) == 0 &&
	       mount(NULL, "/", NULL, MS_PRIVATE | MS_REC, NULL) == 0 &&
	       mount("/proc", proc, NULL, MS_BIND | MS_REC, NULL) == 0 && chroot(place) == 0;
}

/* How many processes does a process see that has the directory as its own /nix? */
static int count_inside(const struct scene *scene)
{
	struct strlist out = {0};
	int nix;

	if (!enter(scene->place->path))
		return NO_MOUNTS;
	nix = open("/nix", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	room_processes(nix, &out);
	return nix < 0 ? 98 : (int)out.count;
}

/* A process in a root with the directory as /nix is named; one that is there itself names none. */
static void somebody_inside(void **state)
{
	struct scene *scene = *state;
	struct strlist out = {0}, none = {0};
	_cleanup_free_ char *wanted = NULL;
	_cleanup_close_ int nix = -1;
	int ready[2], end[2], status;
	char byte = 0;
	pid_t child;

	assert_int_equal(fs_mkdirs(scene->place->fd, "nix", 0755), 0);
	assert_int_equal(fs_mkdirs(scene->place->fd, "proc", 0755), 0);
	nix = fs_open_dir(scene->place->fd, "nix");
	assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
	assert_int_equal(pipe2(end, O_CLOEXEC), 0);
	child = fork();
	if (child == 0) {
		int count = count_inside(scene);

		close(end[1]);
		_exit(write(ready[1], &byte, 1) == 1 && read(end[0], &byte, 1) == 0 ? count : 99);
	}
	close(ready[1]);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	room_processes(nix, &out);
	room_processes(scene->nix_fd, &none);
	close(end[0]);
	close(end[1]);
	close(ready[0]);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) != NO_MOUNTS) {
		wanted = xasprintf("%ld (test_room)", (long)child);
		assert_int_equal(WEXITSTATUS(status), 0);
		assert_int_equal(out.count, 1);
		assert_string_equal(out.items[0], wanted);
		assert_int_equal(none.count, 0);
	}
	strlist_clear(&out);
	strlist_clear(&none);
}

/* What let_go_find() finds of ~/made/deep, ~/made and ~/gone, as text. */
static char *held(const struct scene *scene)
{
	_cleanup_free_ char *deep = expanded(scene, "~/made/deep");
	_cleanup_free_ char *made = expanded(scene, "~/made"), *gone = expanded(scene, "~/gone");
	struct strlist list = {0}, out = {0};
	char *text = xstrdup("");

	strlist_add(&list, deep);
	strlist_add(&list, gone);
	strlist_add(&list, made);
	let_go_find(&list, &out);
	for (size_t i = 0; i < out.count; i++) {
		_cleanup_free_ char *line = shortened(scene, out.items[i]);
		char *longer = xasprintf("%s %s", text, line);

		free(text);
		text = longer;
	}
	strlist_clear(&out);
	strlist_clear(&list);
	return text;
}

static void assert_held(const struct scene *scene, const char *expected)
{
	_cleanup_free_ char *text = held(scene);

	assert_string_equal(text, expected);
}

static void directories_that_are_held(void **state)
{
	struct scene *scene = *state;

	assert_held(scene, "");
	put_directory(scene, "~/made/deep");
	/* empty ones would have been removed, if that were possible */
	assert_held(scene, "");
	put(scene, "~/made/deep/.nfs0001", "");
	assert_held(scene, " ~/made/deep ~/made");
	put(scene, "~/made/deep/.fuse_hidden0001", "");
	assert_held(scene, " ~/made/deep ~/made");
	put(scene, "~/made/deep/mine", "");
	assert_held(scene, "");
	unput(scene, "~/made/deep");
	put(scene, "~/made/.fuse_hidden0001", "");
	assert_held(scene, " ~/made");
}

/* Returns the status of a process that calls let_go() for these directories; 7: let_go() returned.
 */
static int status_of(const struct strlist *directories)
{
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (pid == 0) {
		let_go(directories);
		_exit(7);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void directories_that_are_let_go(void **state)
{
	struct scene *scene = *state;
	struct strlist list = {0};
	_cleanup_free_ char *first = expanded(scene, "~/-made/deep");
	_cleanup_free_ char *second = expanded(scene, "~/-made");
	_cleanup_free_ char *third = expanded(scene, "~/full");

	assert_int_equal(status_of(&list), 7);
	put_directory(scene, "~/-made/deep");
	put(scene, "~/full/x", "");
	strlist_add(&list, first);
	strlist_add(&list, third);
	strlist_add(&list, second);
	assert_int_equal(status_of(&list), 0);
	assert_false(is_there(scene, "~/-made"));
	assert_true(is_there(scene, "~/full/x"));
	strlist_clear(&list);
}

int main(void)
{
#define WITH_SCENE(f) cmocka_unit_test_setup_teardown(f, scene_setup, scene_teardown)
	const struct CMUnitTest tests[] = {
		WITH_SCENE(room),
		WITH_SCENE(a_deep_tree),
		WITH_SCENE(nobody_inside),
		WITH_SCENE(somebody_inside),
		WITH_SCENE(directories_that_are_held),
		WITH_SCENE(directories_that_are_let_go),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
