/* Copies in the place of links into the store: whatever fails, the link or the copy is there. */
#include "uninstall/keep.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "../place.h"
#include "../refuse.h"
#include "../swap.h"

#define FRESH  "home/link.nix-user-chroot-new"
#define TARGET "/nix/store/x-theme"
#define OTHER  65534 /* a user who is not this one */

/* A directory in the store of PLACE/nix, and a link to it in PLACE/home; a copy was once killed. */
static int setup(void **state)
{
	const struct place *place;

	if (place_setup(state) != 0)
		return -1;
	place = *state;
	assert_int_equal(fs_mkdirs(place->fd, "nix/store/x-theme/below", 0755), 0);
	assert_int_equal(
		fs_replace_file(place->fd, "nix/store/x-theme/below/colors", "blue", 4, 0444), 0);
	assert_int_equal(symlinkat("/", place->fd, "nix/store/x-theme/out"), 0);
	assert_int_equal(fs_mkdirs(place->fd, FRESH "/below", 0755), 0);
	assert_int_equal(fs_replace_file(place->fd, FRESH "/below/half", "bl", 2, 0644), 0);
	assert_int_equal(symlinkat(TARGET, place->fd, "home/link"), 0);
	return 0;
}

static void refuse_exchange(void)
{
	refuse_call(SYS_renameat2, -1, ENOSYS);
}

/* where renameat(2) is renameat2(2), the two cannot be told apart by their number */
#ifdef SYS_renameat
static void refuse_rename(void)
{
	refuse_call(SYS_renameat, -1, ENOTDIR);
}
#else
static void refuse_rename(void)
{
	refuse_call(SYS_renameat2, -1, ENOTDIR);
}
#endif

static void refuse_both(void)
{
	refuse_exchange();
	refuse_rename();
}

/* Does keep_copy() in a child after PREPARE, and returns its result. */
static int keep(const struct place *place, void (*prepare)(void))
{
	_cleanup_close_ int nix = fs_open_dir(place->fd, "nix");
	_cleanup_free_ char *link = path_join(place->path, "home/link");
	int status;
	pid_t child = fork();

	assert_true(child >= 0);
	if (child == 0) {
		if (prepare)
			prepare();
		errno = EPROTO; /* of an earlier failure */
		_exit(-keep_copy(nix, TARGET, link));
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == NO_FILTER)
		skip();
	return -WEXITSTATUS(status);
}

static void assert_copied(const struct place *place)
{
	_cleanup_free_ char *text = NULL;
	struct stat st;
	size_t len;

	assert_int_equal(fstatat(place->fd, "home/link", &st, AT_SYMLINK_NOFOLLOW), 0);
	assert_int_equal(st.st_mode, S_IFDIR | 0755);
	assert_int_equal(fs_read_file(place->fd, "home/link/below/colors", 10, &text, &len), 0);
	assert_string_equal(text, "blue");
	assert_false(fs_exists(place->fd, "home/link/below/half"));
	assert_false(fs_exists(place->fd, FRESH));
}

static void a_directory_takes_the_place_of_a_link(void **state)
{
	assert_int_equal(keep(*state, NULL), 0);
	assert_copied(*state);
}

/* At no moment is there neither the link nor the copy: the two change places. */
static void in_one_step(void **state)
{
#ifndef SYS_renameat
	skip();
#endif
	assert_int_equal(keep(*state, refuse_rename), 0);
	assert_copied(*state);
}

static void also_where_two_names_cannot_be_exchanged(void **state)
{
#ifndef SYS_renameat
	skip();
#endif
	assert_int_equal(keep(*state, refuse_exchange), 0);
	assert_copied(*state);
}

static void the_link_is_back_where_that_fails(void **state)
{
	const struct place *place = *state;
	_cleanup_free_ char *target = NULL;

	assert_int_equal(keep(place, refuse_both), -ENOTDIR);
	assert_int_equal(fs_readlink(place->fd, "home/link", &target), 0);
	assert_string_equal(target, TARGET);
	assert_false(fs_exists(place->fd, FRESH));
}

static void refuse_removals(void)
{
	refuse_call_with(SYS_unlinkat, 2, 0, EPERM);
}

static void refuse_removals_too(void)
{
	refuse_removals();
	refuse_both();
}

/* An empty directory is left by a run that was killed: it can be removed all the same. */
static void put_empty(const struct place *place)
{
	assert_int_equal(fs_remove_tree(place->fd, FRESH), 0);
	assert_int_equal(fs_mkdirs(place->fd, FRESH, 0755), 0);
}

/* The link cannot be removed: before its exchange, and after that. */
static void a_link_that_cannot_be_removed(void **state)
{
	const struct place *place = *state;
	_cleanup_free_ char *target = NULL;

	put_empty(place);
	assert_int_equal(keep(place, refuse_removals_too), -EPERM);
	assert_int_equal(fs_readlink(place->fd, "home/link", &target), 0);
	assert_string_equal(target, TARGET);
	put_empty(place);
	assert_int_equal(keep(place, refuse_removals), -EPERM);
	assert_true(fs_exists(place->fd, "home/link/below/colors"));
}

static void refuse_links(void)
{
	refuse_call(SYS_symlinkat, -1, ENOSPC);
}

static void refuse_directories(void)
{
	refuse_call(SYS_mkdirat, -1, ENOSPC);
}

static void refuse_new_files(void)
{
	refuse_call_if(SYS_openat, 2, BPF_JSET, O_CREAT, ENOSPC);
}

static void refuse_bytes(void)
{
	refuse_call(SYS_write, -1, ENOSPC);
}

/* Without all of the copy there is none: the link stays, and the store with it. */
static void a_disk_that_is_full(void **state)
{
	static void (*const full[])(void) = {refuse_links, refuse_directories, refuse_new_files,
					     refuse_bytes};
	const struct place *place = *state;

	for (size_t i = 0; i < sizeof(full) / sizeof(full[0]); i++) {
		_cleanup_free_ char *target = NULL;

		assert_int_equal(keep(place, full[i]), -ENOSPC);
		assert_int_equal(fs_readlink(place->fd, "home/link", &target), 0);
		assert_string_equal(target, TARGET);
		assert_false(fs_exists(place->fd, FRESH));
	}
	assert_int_equal(keep(place, NULL), 0);
	assert_copied(place);
}

/* What is no link by now, or another user's link, is not what the user was asked about. */
static void what_is_no_link_of_ours_stays(void **state)
{
	const struct place *place = *state;
	_cleanup_free_ char *text = NULL, *target = NULL;
	size_t len;

	assert_int_equal(unlinkat(place->fd, "home/link", 0), 0);
	assert_int_equal(fs_replace_file(place->fd, "home/link", "mine", 4, 0644), 0);
	assert_int_equal(keep(place, NULL), 0);
	assert_int_equal(fs_read_file(place->fd, "home/link", 10, &text, &len), 0);
	assert_string_equal(text, "mine");
	if (geteuid() != 0) /* only root can give a link away */
		return;
	assert_int_equal(unlinkat(place->fd, "home/link", 0), 0);
	assert_int_equal(symlinkat(TARGET, place->fd, "home/link"), 0);
	assert_int_equal(fchownat(place->fd, "home/link", OTHER, OTHER, AT_SYMLINK_NOFOLLOW), 0);
	assert_int_equal(keep(place, NULL), 0);
	assert_int_equal(fs_readlink(place->fd, "home/link", &target), 0);
}

static int keep_rc(void *ctx)
{
	const struct place *place = ctx;
	_cleanup_close_ int nix = fs_open_dir(place->fd, "nix");
	_cleanup_free_ char *link = path_join(place->path, "home/link");

	return -keep_copy(nix, TARGET "/below/colors", link);
}

static void put_their_link(void *ctx)
{
	const struct place *place = ctx;

	(void)!symlinkat("mine", place->fd, FRESH);
}

/* At no instant can somebody have the copy written elsewhere. */
static void no_copy_through_a_link(void **state)
{
	const struct place *place = *state;
	int status, r, number = 1;

	do {
		_cleanup_free_ char *text = NULL;
		size_t len;

		unlinkat(place->fd, "home/link", 0);
		assert_int_equal(symlinkat(TARGET, place->fd, "home/link"), 0);
		assert_int_equal(fs_replace_file(place->fd, "home/mine", "mine", 4, 0644), 0);
		r = swap_at(number++, keep_rc, put_their_link, *state, &status);
		if (r < 0)
			skip();
		assert_int_equal(fs_read_file(place->fd, "home/mine", 10, &text, &len), 0);
		assert_string_equal(text, "mine");
	} while (r > 0);
	assert_true(number > 5);
}

#define IN_PLACE(test) cmocka_unit_test_setup_teardown(test, setup, place_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_PLACE(a_directory_takes_the_place_of_a_link),
		IN_PLACE(in_one_step),
		IN_PLACE(also_where_two_names_cannot_be_exchanged),
		IN_PLACE(the_link_is_back_where_that_fails),
		IN_PLACE(a_disk_that_is_full),
		IN_PLACE(a_link_that_cannot_be_removed),
		IN_PLACE(what_is_no_link_of_ours_stays),
		IN_PLACE(no_copy_through_a_link),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
