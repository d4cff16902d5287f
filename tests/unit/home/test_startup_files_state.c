/* Startup files of every kind and mode: whose they are, whether they can change, and faults. */
#include "home/startup_files.h"
#include "util/sha256_stream.h"
#include "util/str.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "../child.h"
#include "../filter.h"
#include "../place.h"

#define LINE  "if [ -e /n/profile/etc/profile.d/nix.sh ]; then . x; fi # added by Nix installer"
#define ADDED "\n" LINE "\n"
#define OWN   "[ ! -r x ] || . x " STARTUP_MARK

static void put(const struct place *place, const char *name, const char *text, mode_t mode)
{
	assert_int_equal(fs_replace_file(place->fd, name, text, strlen(text), 0600), 0);
	assert_int_equal(fchmodat(place->fd, name, mode, 0), 0);
}

static void assert_file(const struct place *place, const char *name, const char *text)
{
	_cleanup_free_ char *found = NULL;
	size_t len;

	assert_int_equal(fs_read_file(place->fd, name, 1 << 16, &found, &len), 0);
	assert_string_equal(found, text);
	assert_int_equal(len, strlen(text));
}

static void make_dir(const struct place *place, const char *name, mode_t mode)
{
	assert_int_equal(fs_mkdirs(place->fd, name, 0755), 0);
	assert_int_equal(fchmodat(place->fd, name, mode, 0), 0);
}

/* Calls FUNCTION for the file NAME. */
#define CALL(function, name, ...)                                            \
	({                                                                   \
		_cleanup_free_ char *path_ = path_join(place->path, (name)); \
		(function)(path_, ##__VA_ARGS__);                            \
	})

static void users(void **state)
{
	const struct place *place = *state;

	put(place, "own", "x", 0600);
	put(place, "empty", "", 0600);
	put(place, "script", ADDED, 0600);
	put(place, "both", "x\n" ADDED, 0600);
	put(place, "closed", "x", 0);
	assert_false(CALL(startup_file_is_users, "missing"));
	assert_false(CALL(startup_file_is_users, "own/x"));
	assert_true(CALL(startup_file_is_users, "own"));
	assert_false(CALL(startup_file_is_users, "empty"));
	assert_false(CALL(startup_file_is_users, "script"));
	assert_true(CALL(startup_file_is_users, "both"));
	/* what cannot be read may be the user's */
	assert_true(CALL(startup_file_is_users, "."));
	assert_true(CALL(startup_file_is_users, "closed"));
}

#define FISH "fish/conf.d/nix.fish"

/* The script writes fish's file only if fish has a directory, and ends where it cannot. */
static void fish(void **state)
{
	const struct place *place = *state;
	bool is_root = geteuid() == 0;

	assert_true(CALL(startup_file_fish_is_free, FISH));
	put(place, "fish", "a file", 0600);
	assert_true(CALL(startup_file_fish_is_free, FISH));
	assert_int_equal(unlinkat(place->fd, "fish", 0), 0);
	make_dir(place, "fish", 0755);
	assert_true(CALL(startup_file_fish_is_free, FISH));
	make_dir(place, "fish", 0555);
	assert_int_equal(CALL(startup_file_fish_is_free, FISH), is_root);
	make_dir(place, "fish", 0755);
	make_dir(place, "fish/conf.d", 0555);
	assert_int_equal(CALL(startup_file_fish_is_free, FISH), is_root);
	make_dir(place, "fish/conf.d", 0755);
	make_dir(place, "fish", 0555);
	assert_true(CALL(startup_file_fish_is_free, FISH));
	make_dir(place, "fish", 0755);
	put(place, FISH, "", 0644);
	assert_true(CALL(startup_file_fish_is_free, FISH));
	/* a file that can be written in a directory that cannot, and the other way round */
	make_dir(place, "fish/conf.d", 0555);
	assert_true(CALL(startup_file_fish_is_free, FISH));
	make_dir(place, "fish/conf.d", 0755);
	put(place, FISH, "", 0444);
	assert_int_equal(CALL(startup_file_fish_is_free, FISH), is_root);
	assert_int_equal(unlinkat(place->fd, FISH, 0), 0);
	make_dir(place, FISH, 0755);
	assert_false(CALL(startup_file_fish_is_free, FISH));
	assert_int_equal(unlinkat(place->fd, FISH, AT_REMOVEDIR), 0);
	assert_int_equal(symlinkat("target", place->fd, FISH), 0);
	assert_false(CALL(startup_file_fish_is_free, FISH));
	put(place, "fish/conf.d/target", "", 0644);
	assert_true(CALL(startup_file_fish_is_free, FISH));
}

static void can_change(void **state)
{
	const struct place *place = *state;
	int denied = geteuid() == 0 ? 0 : -EACCES;

	put(place, "file", "", 0644);
	put(place, "read-only", "", 0444);
	make_dir(place, "closed", 0755);
	put(place, "closed/file", "", 0644);
	make_dir(place, "closed", 0555);
	assert_int_equal(symlinkat("nowhere", place->fd, "dangling"), 0);
	assert_int_equal(symlinkat("file", place->fd, "link"), 0);
	assert_int_equal(symlinkat("closed/file", place->fd, "into-closed"), 0);
	assert_int_equal(CALL(startup_file_can_change, "missing"), 0);
	assert_int_equal(CALL(startup_file_can_change, "file"), 0);
	assert_int_equal(CALL(startup_file_can_change, "link"), 0);
	assert_int_equal(CALL(startup_file_can_change, "dangling"), -ENOENT);
	assert_int_equal(CALL(startup_file_can_change, "missing/file"), -ENOENT);
	assert_int_equal(CALL(startup_file_can_change, "file/x"), -ENOTDIR);
	assert_int_equal(CALL(startup_file_can_change, "closed"), -EINVAL);
	assert_int_equal(CALL(startup_file_can_change, "closed/file"), denied);
	assert_int_equal(CALL(startup_file_can_change, "closed/missing"), denied);
	assert_int_equal(CALL(startup_file_can_change, "into-closed"), denied);
	/* of root, too: somebody meant it so */
	assert_int_equal(CALL(startup_file_can_change, "read-only"), -EACCES);
	put(place, "read-only", "", 0440);
	assert_int_equal(CALL(startup_file_can_change, "read-only"), -EACCES);
	/* another may write to it, and its owner may not */
	put(place, "read-only", "", 0464);
	assert_int_equal(CALL(startup_file_can_change, "read-only"), denied);
	/* nothing is written where it cannot be, and a link that leads nowhere stays one */
	assert_int_equal(CALL(startup_file_put_text, "dangling", OWN), -ENOENT);
	assert_true(faccessat(place->fd, "dangling", F_OK, 0) < 0);
	assert_int_equal(CALL(startup_file_put_text, "closed", OWN), -EINVAL);
	assert_int_equal(CALL(startup_file_put_text, "missing", OWN), 0);
	assert_file(place, "missing", OWN "\n");
	assert_int_equal(CALL(startup_file_put_text, "link", OWN), 0);
	assert_file(place, "file", OWN "\n");
	/* what cannot be read is not lost */
	put(place, "unread", "x\n", 0200);
	assert_int_equal(CALL(startup_file_put_text, "unread", OWN), denied);
	assert_int_equal(fchmodat(place->fd, "unread", 0600, 0), 0);
	assert_file(place, "unread", denied ? "x\n" : OWN "\nx\n");
}

/* The owner and all of the mode stay as they were. */
static void owner_and_mode(void **state)
{
	const struct place *place = *state;
	struct stat st;

	put(place, "file", "x\n" ADDED, 0600);
	if (geteuid() == 0)
		assert_int_equal(fchownat(place->fd, "file", 54321, 54322, 0), 0);
	assert_int_equal(fchmodat(place->fd, "file", 06751, 0), 0);
	assert_int_equal(CALL(startup_file_put_text, "file", OWN), 0);
	assert_int_equal(CALL(startup_file_clean, "file", true), 0);
	assert_int_equal(CALL(startup_file_clean_own, "file", true), 0);
	assert_file(place, "file", "x\n");
	assert_int_equal(fstatat(place->fd, "file", &st, 0), 0);
	assert_int_equal(st.st_mode & 07777, 06751);
	assert_int_equal(st.st_uid, geteuid() == 0 ? 54321 : geteuid());
	assert_int_equal(st.st_gid, geteuid() == 0 ? 54322 : getegid());
}

static const char *without_chown(void *ctx)
{
	const struct filter refused = {SYS_fchown, 0, FILTER_ANY, FILTER_ERROR(EPERM)};
	const struct place *place = ctx;

	if (filter_set(&refused) < 0)
		return "the filter was not set";
	return CALL(startup_file_put_text, "file", OWN) == 0 ? NULL : "the owner was to change";
}

/* Whose own file it is needs no right to give files away. */
static void own_file(void **state)
{
	put(*state, "file", "x\n", 0600);
	assert_in_child(without_chown, *state);
}

/* As if the file had the owner or the group that the system call NUMBER does not say. */
static const char *with_other(const struct place *place, long number)
{
	const struct filter other = {(int)number, 0, FILTER_ANY, FILTER_ERROR(1)};
	const struct filter refused = {SYS_fchown, 0, FILTER_ANY, FILTER_ERROR(EPERM)};

	if (filter_set(&other) < 0)
		return "the filter was not set";
	if (CALL(startup_file_put_text, "file", OWN) != 0)
		return "the owner or group was not kept";
	if (filter_set(&refused) < 0)
		return "the second filter was not set";
	return CALL(startup_file_put_text, "file", "y") == -EPERM ? NULL : "it was not tried";
}

static const char *with_group(void *ctx)
{
	return with_other(ctx, SYS_getegid);
}

static const char *with_owner(void *ctx)
{
	return with_other(ctx, SYS_geteuid);
}

/* The new file has the owner and the group of the old one, or is none. */
static void kept_owners(void **state)
{
	put(*state, "file", "x\n", 0600);
	assert_in_child(with_group, *state);
	assert_file(*state, "file", OWN "\nx\n");
	put(*state, "file", "x\n", 0600);
	assert_in_child(with_owner, *state);
	assert_file(*state, "file", OWN "\nx\n");
}

static const char *without_unlink(void *ctx)
{
	const struct filter refused = {SYS_unlinkat, 0, FILTER_ANY, FILTER_ERROR(EPERM)};
	const struct place *place = ctx;

	if (filter_set(&refused) < 0)
		return "the filter was not set";
	return CALL(startup_file_put_text, "file", OWN) == -EEXIST ? NULL : "it was written to";
}

/* What has the name of the new file, and cannot be removed, is not written to. */
static void name_in_use(void **state)
{
	put(*state, "file", "x\n", 0600);
	put(*state, "file.nix-user-chroot-new", "theirs", 0600);
	assert_in_child(without_unlink, *state);
	assert_file(*state, "file.nix-user-chroot-new", "theirs");
	assert_file(*state, "file", "x\n");
}

static const char *without_fchmod(void *ctx)
{
	const struct filter idle = {SYS_fchmod, 0, FILTER_ANY, FILTER_ERROR(0)};
	const struct place *place = ctx;

	umask(0);
	if (filter_set(&idle) < 0)
		return "the filter was not set";
	return CALL(startup_file_put_text, "file", OWN) == 0 ? NULL : "it was not written";
}

/* Until a file has its owner and mode, nobody else can open it. */
static void closed_to_others(void **state)
{
	const struct place *place = *state;
	struct stat st;

	put(place, "file", "x\n", 0666);
	assert_in_child(without_fchmod, *state);
	assert_int_equal(fstatat(place->fd, "file", &st, 0), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
}

/* What is no file has no line. */
static void no_files(void **state)
{
	const struct place *place = *state;
	struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "socket"};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(fchdir(place->fd), 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(chdir("/"), 0);
	close(fd);
	assert_int_equal(mkfifoat(place->fd, "fifo", 0600), 0);
	assert_int_equal(symlinkat("nowhere", place->fd, "dangling"), 0);
	assert_int_equal(CALL(startup_file_has_line, "socket", NULL), 0);
	assert_int_equal(CALL(startup_file_has_line, "fifo", NULL), 0);
	assert_int_equal(CALL(startup_file_has_line, "dangling", NULL), 0);
	assert_int_equal(CALL(startup_file_has_line, ".", NULL), 0);
	assert_int_equal(CALL(startup_file_can_change, "socket"), -EINVAL);
	assert_int_equal(CALL(startup_file_can_change, "fifo"), -EINVAL);
}

static void lines(void **state)
{
	const struct place *place = *state;
	int denied = geteuid() == 0 ? 1 : -EACCES;
	struct sha256 digest, wanted;

	put(place, "file", "x\n" ADDED OWN "\nlast", 0600);
	put(place, "closed", ADDED OWN, 0);
	assert_int_equal(sha256_of_bytes(LINE, strlen(LINE), &wanted), 0);
	assert_int_equal(CALL(startup_file_has_line, "file", &digest), 1);
	assert_true(sha256_equal(&digest, &wanted));
	assert_int_equal(CALL(startup_file_has_line, "closed", NULL), denied);
	assert_int_equal(CALL(startup_file_has_line, "file/x", NULL), 0);
	assert_int_equal(CALL(startup_file_has_line, "/dev/null", NULL), 0);
	assert_int_equal(CALL(startup_file_has_own_line, "closed", &digest), denied);
	assert_int_equal(CALL(startup_file_has_own_line, "missing", &digest), 0);
	assert_int_equal(CALL(startup_file_has_own_line, "file/x", &digest), 0);
	assert_int_equal(CALL(startup_file_has_text, "file", "x"), 1);
	assert_int_equal(CALL(startup_file_has_text, "file", OWN), 1);
	assert_int_equal(CALL(startup_file_has_text, "file", "last"), 1);
	assert_int_equal(CALL(startup_file_has_text, "file", ""), 1);
	assert_int_equal(CALL(startup_file_has_text, "file", "las"), 0);
	assert_int_equal(CALL(startup_file_has_text, "file", "lasts"), 0);
	assert_int_equal(CALL(startup_file_has_text, "file", "y"), 0);
	assert_int_equal(CALL(startup_file_has_text, "missing", "x"), 0);
	assert_int_equal(CALL(startup_file_has_text, "closed", OWN), denied);
}

/* A line that is nothing but our mark is ours, too; one that only looks like it is not. */
static void marks(void **state)
{
	const struct place *place = *state;
	struct sha256 digest;

	put(place, "file", "a\n" STARTUP_MARK "\nb\n", 0600);
	assert_int_equal(CALL(startup_file_has_own_line, "file", &digest), 1);
	assert_int_equal(CALL(startup_file_clean_own, "file", false), 0);
	assert_file(place, "file", "a\nb\n");
	put(place, "file", STARTUP_MARK ".\n" STARTUP_MARK " \n", 0600);
	assert_int_equal(CALL(startup_file_has_own_line, "file", &digest), 0);
	assert_int_equal(CALL(startup_file_clean_own, "file", false), 0);
	assert_file(place, "file", STARTUP_MARK ".\n" STARTUP_MARK " \n");
	put(place, "file", &STARTUP_MARK[1], 0600);
	assert_int_equal(CALL(startup_file_has_own_line, "file", &digest), 0);
}

/* A file that cannot be read or found is an error where its line may be in it. */
static void not_cleaned(void **state)
{
	const struct place *place = *state;
	bool is_root = geteuid() == 0;

	put(place, "closed", ADDED, 0);
	assert_int_equal(CALL(startup_file_clean, "closed", true), is_root ? 0 : -EACCES);
	put(place, "file", ADDED, 0600);
	assert_int_equal(CALL(startup_file_clean, "missing/x", true), 0);
	assert_int_equal(CALL(startup_file_clean, "file/x", true), -ENOTDIR);
	assert_int_equal(CALL(startup_file_clean, ".", true), -EISDIR);
	if (is_root)
		return;
	assert_int_equal(fchmod(place->fd, 0500), 0);
	assert_int_equal(CALL(startup_file_clean, "file", true), -EACCES);
	assert_int_equal(CALL(startup_file_clean, "file", false), -EACCES);
	assert_file(place, "file", ADDED);
	assert_int_equal(fchmod(place->fd, 0700), 0);
}

/* A directory that can be written and searched, but not opened: no file of it is changed. */
static void unlisted(void **state)
{
	const struct place *place = *state;
	int denied = geteuid() == 0 ? 0 : -EACCES;

	make_dir(place, "unlisted", 0755);
	put(place, "unlisted/file", ADDED OWN "\n", 0600);
	make_dir(place, "unlisted", 0300);
	assert_int_equal(CALL(startup_file_can_change, "unlisted/file"), denied);
	assert_int_equal(CALL(startup_file_can_change, "unlisted/fresh"), denied);
	assert_int_equal(CALL(startup_file_put_text, "unlisted/file", "x"), denied);
	assert_int_equal(CALL(startup_file_put_text, "unlisted/fresh", "x"), denied);
	assert_int_equal(CALL(startup_file_clean, "unlisted/file", false), denied);
	assert_int_equal(CALL(startup_file_clean_own, "unlisted/file", false), denied);
	make_dir(place, "unlisted", 0755);
	assert_file(place, "unlisted/file", denied ? ADDED OWN "\n" : "x\n");
}

/* What is kept of fish's file and put back: no file, a link, and what cannot be read. */
static void kept(void **state)
{
	const struct place *place = *state;
	int denied = geteuid() == 0 ? 0 : -EACCES;

	assert_int_equal(CALL(startup_file_put_back, "file", place->fd, "copy"), 0);
	assert_int_equal(CALL(startup_file_keep, "missing/file", place->fd, "copy"), 0);
	assert_false(fs_exists(place->fd, "copy"));
	put(place, "closed", "# mine", 0);
	assert_int_equal(CALL(startup_file_keep, "closed", place->fd, "copy"), denied);
	put(place, "copy", "# mine", 0600);
	assert_int_equal(CALL(startup_file_keep, ".", place->fd, "copy"), -EISDIR);
	/* the copy is kept until the file is as it was */
	assert_file(place, "copy", "# mine");
	put(place, "target", ADDED, 0640);
	assert_int_equal(symlinkat("target", place->fd, "link"), 0);
	assert_int_equal(CALL(startup_file_put_back, "link", place->fd, "copy"), 0);
	assert_file(place, "target", "# mine");
	assert_false(fs_exists(place->fd, "copy"));
	/* no file any more: no copy is needed */
	put(place, "copy", "# mine", 0600);
	assert_int_equal(CALL(startup_file_put_back, "gone", place->fd, "copy"), 0);
	assert_false(fs_exists(place->fd, "copy"));
	assert_false(fs_exists(place->fd, "gone"));
	put(place, "copy", "# mine", 0);
	assert_int_equal(CALL(startup_file_put_back, "target", place->fd, "copy"), denied);
	/* a copy that cannot be put back is not replaced by a newer one */
	assert_int_equal(symlinkat("loop", place->fd, "loop"), 0);
	put(place, "file", "# mine", 0600);
	assert_int_equal(CALL(startup_file_keep, "file", place->fd, "loop"), -ELOOP);
}

static const char *without_stdin(void *ctx)
{
	const struct place *place = ctx;

	close(STDIN_FILENO);
	if (CALL(startup_file_put_text, "fresh", OWN) != 0 ||
	    CALL(startup_file_put_text, "file", OWN) != 0)
		return "a line was not added";
	if (CALL(startup_file_has_text, "fresh", OWN) != 1 ||
	    CALL(startup_file_has_text, "file", OWN) != 1)
		return "a line is not there";
	if (CALL(startup_file_clean_own, "fresh", true) != 0 ||
	    CALL(startup_file_clean_own, "file", false) != 0)
		return "a line was not removed";
	return fs_exists(place->fd, "fresh") ? "a file stays" : NULL;
}

/* Descriptor 0 is one like others. */
static void closed_stdin(void **state)
{
	const struct place *place = *state;

	put(place, "file", "x\n", 0600);
	assert_in_child(without_stdin, *state);
	assert_file(place, "file", "x\n");
}

struct fault {
	const struct place *place;
	struct filter filter;
	rlim_t file_size;
	int error;
};

static const char *with_fault(void *ctx)
{
	const struct fault *fault = ctx;
	const struct place *place = fault->place;
	const struct rlimit limit = {fault->file_size, fault->file_size};

	signal(SIGXFSZ, SIG_IGN);
	if (fault->filter.number ? filter_set(&fault->filter) < 0
				 : setrlimit(RLIMIT_FSIZE, &limit) < 0)
		return "the fault cannot be made";
	if (CALL(startup_file_put_text, "file", OWN) != fault->error)
		return xasprintf("%d is not told when a line is added", fault->error);
	if (CALL(startup_file_clean, "file", false) != fault->error)
		return xasprintf("%d is not told when a line is removed", fault->error);
	if (CALL(startup_file_clean_own, "own", false) != fault->error)
		return xasprintf("%d is not told when ours is removed", fault->error);
	return fs_exists(place->fd, "file.nix-user-chroot-new") ? "half of a file stays" : NULL;
}

/* Makes the file without flushing it. */
static bool write_plain(const struct place *place, const char *text)
{
	int fd = openat(place->fd, "flushed", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	bool done = fd >= 0 && fs_write_all(fd, text, strlen(text)) == 0;

	return fd >= 0 && close(fd) == 0 && done;
}

static bool add_line(void *ctx)
{
	const struct place *place = ctx;

	return write_plain(place, "x\n") && CALL(startup_file_put_text, "flushed", OWN) == 0;
}

static bool remove_line(void *ctx)
{
	const struct place *place = ctx;

	return write_plain(place, "x\n" ADDED) && CALL(startup_file_clean, "flushed", false) == 0;
}

/* After a power cut there is the old file or the new one: the file is flushed, and the directory.
 */
static void flushed(void **state)
{
	assert_int_equal(filter_count_syncs(add_line, *state), 2);
	assert_int_equal(filter_count_syncs(remove_line, *state), 2);
}

/* A call that fails: the file is as it was, and nothing else is left. */
static void faults(void **state)
{
	const struct place *place = *state;
	struct fault all[] = {
		{place, {SYS_fsync, 0, FILTER_ANY, FILTER_ERROR(EIO)}, 0, -EIO},
		{place, {SYS_fchmod, 0, FILTER_ANY, FILTER_ERROR(EPERM)}, 0, -EPERM},
#ifdef SYS_renameat
		{place, {SYS_renameat, 0, FILTER_ANY, FILTER_ERROR(EBUSY)}, 0, -EBUSY},
#endif
		{place, {0}, 1, -EFBIG},
	};

	put(place, "file", "x\n" ADDED, 0600);
	put(place, "own", "x\ny\n" OWN "\n", 0600);
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		assert_in_child(with_fault, &all[i]);
		assert_file(place, "file", "x\n" ADDED);
		assert_file(place, "own", "x\ny\n" OWN "\n");
	}
}

#define test(name) cmocka_unit_test_setup_teardown(name, place_setup, place_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(users),
		test(fish),
		test(can_change),
		test(owner_and_mode),
		test(lines),
		test(not_cleaned),
		test(kept),
		test(marks),
		test(closed_stdin),
		test(flushed),
		test(own_file),
		test(faults),
		test(closed_to_others),
		test(no_files),
		test(unlisted),
		test(kept_owners),
		test(name_in_use),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
