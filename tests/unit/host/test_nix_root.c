/* Whether /nix of a host that is made up can be the user's Nix directory. */
#include "host/nix_root.h"
#include "util/cleanup.h"
#include "util/fs.h"
#include "util/str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../child.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char *root;

static int set_up(void **state)
{
	(void)state;
	root = xstrdup("/tmp/test_nix_root.XXXXXX");
	return mkdtemp(root) ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	chmod(root, 0700);
	fs_remove_tree(AT_FDCWD, root);
	free(root);
	return 0;
}

static void make(const char *directory)
{
	_cleanup_close_ int fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	assert_int_equal(fs_mkdirs(fd, directory, 0755), 0);
}

static void write_record(const char *text)
{
	_cleanup_close_ int fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	make("nix/var/nix-user-chroot");
	assert_int_equal(
		fs_replace_file(fd, "nix/var/nix-user-chroot/record", text, strlen(text), 0644), 0);
}

/* Checks that /nix is refused for a reason with WORD; NULL: it can be used. */
static void assert_refused(const char *word)
{
	_cleanup_free_ char *why = nix_root_refusal(root);

	if (!word)
		assert_null(why);
	else if (!why || !strstr(why, word))
		fail_msg("no \"%s\" in: %s", word, why ? why : "(it is not refused)");
}

static void missing(void **state)
{
	bool had_stdin = child_has_stdin();

	(void)state;
	assert_refused(NULL);
	chmod(root, 0500);
	if (geteuid() != 0)
		assert_refused("sudo install -d -o ");
	assert_int_equal(child_has_stdin(), had_stdin);
}

static void own(void **state)
{
	(void)state;
	make("nix");
	assert_refused(NULL);
	make("nix/store/.links");
	assert_refused(NULL);
	assert_false(nix_root_is_installed(root));
}

static const char *without_stdin(void *ctx)
{
	(void)ctx;
	close(STDIN_FILENO);
	return nix_root_refusal(root);
}

/* Descriptor 0 is one like others. */
static void closed_stdin(void **state)
{
	(void)state;
	make("nix/store/.links");
	assert_in_child(without_stdin, NULL);
}

static void of_others(void **state)
{
	_cleanup_free_ char *nix = path_join(root, "nix"),
			    *elsewhere = path_join(root, "elsewhere");

	(void)state;
	make("elsewhere");
	assert_int_equal(symlink(elsewhere, nix), 0);
	assert_refused("symlink");
	unlink(nix);
	assert_int_equal(close(open(nix, O_WRONLY | O_CREAT | O_CLOEXEC, 0644)), 0);
	assert_refused("no directory");
	unlink(nix);
	make("nix/store/0123456789abcdfghijklmnpqrsvwxyz-x");
	assert_refused("by other means");
	if (geteuid() != 0) {
		assert_int_equal(chmod(nix, 0500), 0);
		assert_refused("/nix cannot be written: Permission denied");
		assert_int_equal(chmod(nix, 0600), 0);
		assert_refused("/nix cannot be written: Permission denied");
		assert_int_equal(chmod(nix, 0300), 0);
		assert_refused("/nix cannot be read: Permission denied");
		assert_int_equal(chmod(root, 0600), 0);
		assert_refused("/nix cannot be looked at: Permission denied");
		assert_int_equal(chmod(root, 0700), 0);
		assert_int_equal(chmod(nix, 0700), 0);
	}
	if (geteuid() == 0) {
		assert_int_equal(chown(nix, 54321, 54321), 0);
		assert_refused("belongs to user 54321");
	}
}

static void installed(void **state)
{
	_cleanup_free_ char *record = path_join(root, "nix/var/nix-user-chroot/record");
	_cleanup_free_ char *other = path_join(root, "other");

	(void)state;
	make("nix/store/0123456789abcdfghijklmnpqrsvwxyz-x");
	write_record("nix-user-chroot-record 1\nruntime userns\n");
	assert_refused(NULL);
	assert_false(nix_root_is_installed(root));
	/* "runtime direct" inside of a path is no line of its own */
	write_record("nix-user-chroot-record 1\ndir /runtime%0Aruntime%20direct\n");
	assert_false(nix_root_is_installed(root));
	write_record("nix-user-chroot-record 1\nruntime direct\n");
	assert_true(nix_root_is_installed(root));
	if (geteuid() != 0) {
		assert_int_equal(chmod(record, 0), 0);
		assert_false(nix_root_is_installed(root));
		assert_int_equal(chmod(record, 0644), 0);
	}
	assert_int_equal(rename(record, other), 0);
	assert_int_equal(symlink(other, record), 0);
	assert_false(nix_root_is_installed(root));
	if (geteuid() == 0) {
		assert_int_equal(rename(other, record), 0);
		assert_int_equal(chown(record, 54321, 54321), 0);
		assert_false(nix_root_is_installed(root));
		/*
		 * if only root has installed in /nix, another user still needs a directory of their
		 * own
		 */
		assert_int_equal(chown(record, 0, 0), 0);
		assert_int_equal(seteuid(54321), 0);
		assert_false(nix_root_is_installed(root));
		assert_int_equal(seteuid(0), 0);
		assert_true(nix_root_is_installed(root));
	}
}

static void with_programs(void **state)
{
	_cleanup_free_ char *sh = path_join(root, "bin/sh"), *bin = path_join(root, "bin");

	(void)state;
	assert_false(nix_root_has_programs(root));
	make("bin");
	assert_int_equal(symlink("dash", sh), 0);
	assert_false(nix_root_has_programs(root));
	unlink(sh);
	/* the programs of an ordinary host */
	assert_int_equal(symlink("/", sh), 0);
	assert_false(nix_root_has_programs(root));
	unlink(sh);
	assert_int_equal(symlink("/nix/store/0123456789abcdfghijklmnpqrsvwxyz-bash/bin/sh", sh), 0);
	assert_true(nix_root_has_programs(root));
	unlink(sh);
	assert_int_equal(symlink("/nix/storeroom/sh", sh), 0);
	assert_false(nix_root_has_programs(root));
	unlink(sh);
	rmdir(bin);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(missing, set_up, tear_down),
		cmocka_unit_test_setup_teardown(own, set_up, tear_down),
		cmocka_unit_test_setup_teardown(closed_stdin, set_up, tear_down),
		cmocka_unit_test_setup_teardown(of_others, set_up, tear_down),
		cmocka_unit_test_setup_teardown(installed, set_up, tear_down),
		cmocka_unit_test_setup_teardown(with_programs, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
