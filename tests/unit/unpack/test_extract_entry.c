/*
 * Entries that nothing but earlier entries of the same archive make dangerous: each archive is
 * unpacked by the real child, and refused with the reason. archives.bats has many more.
 */
#include "unpack_fixture.h"

#include "chroot/namespace.h"
#include "unpack/unpack.h"

#include <sched.h>
#include <sys/mount.h>

struct entry {
	char kind; /* as tar_entry() takes it; 0: no more */
	const char *name, *link, *data;
};

#define DIRECTORY(name)                    \
	{                                  \
		'5', PATH_A name, "", NULL \
	}
#define FILE_(name)                          \
	{                                    \
		'0', PATH_A name, "", "text" \
	}
#define SYMLINK(name, to)                  \
	{                                  \
		'2', PATH_A name, to, NULL \
	}
#define HARDLINK(name, to)                 \
	{                                  \
		'1', PATH_A name, to, NULL \
	}
/* an extended header, whose records are of the next entry */
#define PAX(records)                  \
	{                             \
		'x', "x", "", records \
	}
/* the next entry is a file with a hole: of its SIZE bytes it has 4 from OFFSET; both have 7 digits
 */
#define SPARSE(size, offset)                                                         \
	PAX("22 GNU.sparse.major=0\n22 GNU.sparse.minor=1\n27 GNU.sparse.size=" size \
	    "\n28 GNU.sparse.map=" offset ",4\n")
/* store paths that are files themselves */
#define STORE_FILE	    TOP "/store/" HASH_A "-file"
#define STORE_LINK	    TOP "/store/" HASH_B "-link"
#define BELOW(name, parent) "entry \"" PATH_A name "\": it lies below \"" PATH_A parent "\", "
#define NO_STORE	    "it is a hard link that is not from store/ to store/"
#define NO_FILE		    "it is a hard link, but not to an earlier file"
#define TWICE		    "it is there twice"
#define LARGER		    "\"" PATH_A "/f\": its contents are larger than its size"

static const struct {
	const char *says; /* NULL: the archive is good */
	struct entry entries[5];
} archives[] = {
	{BELOW("/x/y", "/x"), {FILE_("/x"), FILE_("/x/y")}},
	{BELOW("/x/y/z", "/x"), {FILE_("/x"), FILE_("/x/y/z")}},
	{BELOW("/x/y", "/x"), {FILE_("/x"), DIRECTORY("/x/y")}},
	/* through a link: to a directory of the archive, to nothing, to the outside */
	{BELOW("/l/y", "/l"), {DIRECTORY("/d"), SYMLINK("/l", "d"), FILE_("/l/y")}},
	{BELOW("/l/y", "/l"), {SYMLINK("/l", "nowhere"), FILE_("/l/y")}},
	{BELOW("/l/y", "/l"), {SYMLINK("/l", "../../../.."), FILE_("/l/y")}},
	{BELOW("/l/d/y", "/l"), {DIRECTORY("/d/d"), SYMLINK("/l", "d"), FILE_("/l/d/y")}},
	{BELOW("/l/y", "/l"), {DIRECTORY("/d"), SYMLINK("/l", "d"), SYMLINK("/l/y", "z")}},
	/* a hard link through one */
	{BELOW("/l/y", "/l"), {FILE_("/d/y"), SYMLINK("/l", "d"), HARDLINK("/l/y", PATH_A "/d/y")}},
	{BELOW("/l/y", "/l"), {FILE_("/d/y"), SYMLINK("/l", "d"), HARDLINK("/h", PATH_A "/l/y")}},
	{NO_FILE, {HARDLINK("/h", PATH_A "/missing")}},
	{NO_FILE, {DIRECTORY("/d"), HARDLINK("/h", PATH_A "/d")}},
	{NO_FILE, {SYMLINK("/l", "bin/tool"), HARDLINK("/h", PATH_A "/l")}},
	{NO_STORE, {HARDLINK("/h", TOP "/install")}},
	{NO_STORE, {{'1', TOP "/h", PATH_A "/bin/tool", NULL}}},
	{TWICE, {FILE_("/bin/tool")}},
	{TWICE, {HARDLINK("/bin/tool", PATH_A "/bin/tool")}},
	{TWICE, {DIRECTORY("/bin/tool")}},
	{TWICE, {FILE_("/bin")}},
	{TWICE, {SYMLINK("/bin", "elsewhere")}},
	{TWICE, {SYMLINK("/link", "/nix/store/elsewhere")}},
	{NULL, {DIRECTORY("/bin"), FILE_("/bin/other"), HARDLINK("/h", PATH_A "/bin/other")}},
	{NULL, {{'0', STORE_FILE, "", "text"}, HARDLINK("/h", STORE_FILE)}},
	{NULL, {{'0', STORE_FILE, "", "text"}, {'1', STORE_LINK, STORE_FILE, NULL}}},
	{NULL, {{'5', "./", "", NULL}, {'5', ".", "", NULL}, FILE_("/f")}},
	{NULL, {FILE_("/a/b/c"), FILE_("/a/d"), FILE_("/a/b/e"), DIRECTORY("/a/b")}},
	{NULL, {SPARSE("0000603", "0000599"), FILE_("/f")}},
	{LARGER, {SPARSE("0000602", "0000599"), FILE_("/f")}},
	{LARGER, {SPARSE("0000600", "0000600"), FILE_("/f")}},
	{LARGER, {SPARSE("0000600", "0700000"), FILE_("/f")}},
	/* a name stays as it is: an e and its accent do not become one character */
	{NULL,
	 {PAX("74 path=" PATH_A "/e\xcc\x81\n"), FILE_("/x"), HARDLINK("/h", PATH_A "/e\xcc\x81")}},
	{NO_FILE,
	 {PAX("74 path=" PATH_A "/e\xcc\x81\n"), FILE_("/x"), HARDLINK("/h", PATH_A "/\xc3\xa9")}},
	/* one byte for what has none */
	{"it is a hard link with contents of its own",
	 {FILE_("/f"), PAX("9 size=1\n"), {'1', PATH_A "/h", PATH_A "/f", "a"}}},
	/* what GNU tar --listed-incremental writes: a directory with the names of its files */
	{NULL, {{'D', PATH_A "/d", "", "Yf"}, FILE_("/d/f")}},
	{NULL, {PAX("9 size=1\n"), {'5', PATH_A "/d", "", "a"}, FILE_("/d/f")}},
};

enum outcome {
	UNPACKED,
	REFUSED,
	FAILED,
};

/*
 * Unpacks an archive of ENTRIES, within LIMIT bytes (0: the usual one). *SAID becomes what is said
 * of it; the caller frees.
 */
static enum outcome unpack_entries(struct scratch *scratch, const struct entry *entries,
				   uint64_t limit, char **said)
{
	_cleanup_close_ int archive = tar_new(scratch), staging = make_dir(scratch, "staging");
	struct unpack_request request = {
		.archive_name = "ARCHIVE",
		.staging_fd = staging,
		.staging_path = "STAGING",
		.lock_fd = -1,
		.limits.bytes = limit,
	};
	struct unpack_result result;
	enum outcome outcome;
	int saved, r;

	tar_good(archive);
	for (const struct entry *entry = entries; entry->kind; entry++)
		tar_entry(archive, entry->kind, entry->name, entry->link, entry->data, 0755);
	tar_end(archive);
	lseek(archive, 0, SEEK_SET);
	saved = stderr_begin(scratch);
	r = unpack_archive(&request, archive, NULL, &result);
	*said = stderr_end(scratch, saved);
	outcome = r == 0 ? UNPACKED : result.refused ? REFUSED : FAILED;
	unpack_result_clear(&result);
	if (r == 0)
		assert_int_equal(fs_remove_tree(staging, TOP), 0);
	assert_int_equal(count_children(staging), 0);
	return outcome;
}

static void assert_unpacks(struct scratch *scratch, const struct entry *entries, uint64_t limit,
			   const char *says)
{
	_cleanup_free_ char *said = NULL;
	enum outcome outcome = unpack_entries(scratch, entries, limit, &said);

	assert_says(said, says ? says : "");
	assert_int_equal(outcome, says ? REFUSED : UNPACKED);
}

static void test_entries(void **state)
{
	for (size_t i = 0; i < sizeof(archives) / sizeof(archives[0]); i++)
		assert_unpacks(*state, archives[i].entries, 0, archives[i].says);
}

/* Files with holes, of which less comes than they are large: their sizes count. */
static void test_sum_of_sizes(void **state)
{
	static const struct entry entries[] = {SPARSE("0600000", "0000000"),
					       FILE_("/f"),
					       SPARSE("0600000", "0000000"),
					       FILE_("/g"),
					       {0}};
	/* the script of tar_good() has 10 bytes, its tool 4 */
	const uint64_t sum = 2 * 600000 + 14;

	assert_unpacks(*state, entries, sum, NULL);
	assert_unpacks(*state, entries, sum - 1, ": it holds more than 1.2 MB\n");
}

/* In a child that may mount: unpacks to file systems of this and that size. */
static int unpack_into_rooms(struct scratch *scratch)
{
	/* the script and the tool of tar_good() take a page each */
	const long pages = (1 << 20) / sysconf(_SC_PAGESIZE) + 2;
	char *exact = xasprintf("nr_blocks=%ld", pages);
	char *less = xasprintf("nr_blocks=%ld", pages - 1);
	const struct {
		const char *options;
		struct entry entries[3];
		enum outcome outcome;
		const char *says;
	} rooms[] = {
		{exact, {SPARSE("1048576", "0000000"), FILE_("/f")}, UNPACKED, ""},
		{less,
		 {SPARSE("1048576", "0000000"), FILE_("/f")},
		 FAILED,
		 "/f\" has 1.0 MB, 1.0 MB are free (14 bytes in"},
		{exact,
		 {SPARSE("3100000", "0000000"), FILE_("/f")},
		 FAILED,
		 "/f\" has 3.1 MB, 1.0 MB are free (14 bytes in"},
		/* no limit: this file system tells no size */
		{"size=0", {SPARSE("3100000", "0000000"), FILE_("/f")}, UNPACKED, ""},
	};
	char *staging = path_join(scratch->dir, "staging"), *said;
	const uid_t uid = geteuid();
	const gid_t gid = getegid();
	const char *file;

	if (namespace_unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0 ||
	    namespace_map_ids(uid, gid, &file) < 0 || namespace_make_slave() < 0)
		return 77;
	/* the descriptor leads to the mounts of the old namespace */
	scratch->fd = fs_open_dir(AT_FDCWD, scratch->dir);
	for (size_t i = 0; i < sizeof(rooms) / sizeof(rooms[0]); i++) {
		MUST(mount("tmpfs", staging, "tmpfs", 0, rooms[i].options) == 0);
		MUST(unpack_entries(scratch, rooms[i].entries, 0, &said) == rooms[i].outcome);
		MUST(strstr(said, rooms[i].says));
		MUST(umount(staging) == 0);
	}
	return 0;
}

static void test_room(void **state)
{
	struct scratch *scratch = *state;
	int r;

	assert_int_equal(fs_mkdirs(scratch->fd, "staging", 0755), 0);
	r = in_child(scratch, unpack_into_rooms, NULL);
	if (r == 77)
		skip();
	assert_int_equal(r, 0);
}

static int unpack_without_seek(struct scratch *scratch)
{
	static const struct entry entries[] = {SPARSE("0000603", "0000000"), FILE_("/f"), {0}};
	char *said;

	refuse_call(SYS_ftruncate, -1, EIO);
	refuse_call_with(SYS_lseek, 1, 602, EIO);
	MUST(unpack_entries(scratch, entries, 0, &said) == FAILED);
	MUST(strstr(said, PATH_A "/f"));
	return 0;
}

/* A hole at the end of a file is made last of all. */
static void test_hole_at_the_end(void **state)
{
	assert_int_equal(in_child(*state, unpack_without_seek, NULL), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_entries, scratch_setup, scratch_teardown),
		cmocka_unit_test_setup_teardown(test_sum_of_sizes, scratch_setup, scratch_teardown),
		cmocka_unit_test_setup_teardown(test_room, scratch_setup, scratch_teardown),
		cmocka_unit_test_setup_teardown(test_hole_at_the_end, scratch_setup,
						scratch_teardown),
	};

	return cmocka_run_group_tests_name("extract_entry", tests, NULL, NULL);
}
