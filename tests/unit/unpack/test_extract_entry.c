/*
 * Entries that nothing but earlier entries of the same archive make dangerous: each archive is
 * unpacked by the real child, and refused with the reason. archives.bats has many more.
 */
#include "unpack_fixture.h"

#include "unpack/unpack.h"

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
/* store paths that are files themselves */
#define STORE_FILE	    TOP "/store/" HASH_A "-file"
#define STORE_LINK	    TOP "/store/" HASH_B "-link"
#define BELOW(name, parent) "entry \"" PATH_A name "\": it lies below \"" PATH_A parent "\", "
#define NO_STORE	    "it is a hard link that is not from store/ to store/"
#define NO_FILE		    "it is a hard link, but not to an earlier file"
#define TWICE		    "it is there twice"

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
};

static void test_entries(void **state)
{
	struct scratch *scratch = *state;
	_cleanup_close_ int staging = make_dir(scratch, "staging");
	struct unpack_request request = {
		.archive_name = "ARCHIVE",
		.staging_fd = staging,
		.staging_path = "STAGING",
		.lock_fd = -1,
	};

	for (size_t i = 0; i < sizeof(archives) / sizeof(archives[0]); i++) {
		_cleanup_close_ int archive = tar_new(scratch);
		_cleanup_free_ char *said = NULL;
		struct unpack_result result;
		int saved, r;

		tar_good(archive);
		for (const struct entry *entry = archives[i].entries; entry->kind; entry++)
			tar_entry(archive, entry->kind, entry->name, entry->link, entry->data,
				  0755);
		tar_end(archive);
		lseek(archive, 0, SEEK_SET);
		saved = stderr_begin(scratch);
		r = unpack_archive(&request, archive, NULL, &result);
		said = stderr_end(scratch, saved);
		assert_int_equal(r, archives[i].says ? -1 : 0);
		assert_int_equal(result.refused, archives[i].says != NULL);
		assert_says(said, archives[i].says ? archives[i].says : "");
		unpack_result_clear(&result);
		if (!archives[i].says)
			assert_int_equal(fs_remove_tree(staging, TOP), 0);
		assert_int_equal(count_children(staging), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_entries, scratch_setup, scratch_teardown),
	};

	return cmocka_run_group_tests_name("extract_entry", tests, NULL, NULL);
}
