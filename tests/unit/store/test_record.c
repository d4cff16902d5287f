/* The record: read, written line by line, and read again. */
#include "store/record.h"
#include "store/layout.h"
#include "util/cleanup.h"
#include "util/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "../place.h"
#include "../unpack/unpack_fixture.h"

#define FIRST "nix-user-chroot-record 1\n"
#define HEX   "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define STORE "0123456789abcdfghijklmnpqrsvwxyz-nix-2.26.3"
#define OTHER "zyxwvsrqpnmlkjihgfdcba9876543210-bash"
#define NONE  "0000000000000000000000000000000000000000000000000000000000000000"
#define DONE  "complete 2.26.3 x86_64-linux " HEX " https://x/y\n"

static int parse(const char *text, struct record *out)
{
	return record_parse(text, strlen(text), out);
}

static void whole(void **state)
{
	_cleanup_(record_clear) struct record record;
	_cleanup_free_ char *text = NULL;
	const char *canonical =
		FIRST "dir /h/.local\nabsent /h/.nix-profile\nforeign /h/n/store\n"
		      "link /h/bin/nix /h/bin/nix-user-chroot\nfile /h/a%20b%25%0A%7F " HEX "\n"
		      "line /h/.profile\nline /h/.bashrc " HEX "\nsource /h/.zshrc " HEX
		      "\nstore " STORE "\nstore " OTHER " " HEX
		      "\nruntime proot\nruntime direct\nwas /h/.nix-profile /nix/x\n" DONE;

	(void)state;
	assert_int_equal(parse(canonical, &record), 0);
	assert_true(record.is_complete);
	assert_false(record.is_begun);
	assert_string_equal(record.release.version, "2.26.3");
	assert_string_equal(record.release.system, "x86_64-linux");
	assert_string_equal(record.release.source, "https://x/y");
	assert_true(record_is_adopted(&record));
	assert_true(record_has(&record, RECORD_FILE, "/h/a b%\n\x7f", HEX));
	assert_true(record_has(&record, RECORD_LINE, "/h/.profile", NULL));
	assert_false(record_has(&record, RECORD_LINE, "/h/.profile", HEX));
	assert_true(record_says_new(&record, "/h/.nix-profile"));
	assert_true(record_says_new(&record, "/h/.local"));
	assert_false(record_says_new(&record, "/h/.profile"));
	assert_false(record_says_new(&record, "/h/bin/nix"));
	/* a file that --install made was not there before */
	assert_true(record_says_new(&record, "/h/a b%\n\x7f"));
	assert_false(record_says_new(&record, "/h"));
	assert_false(record_says_new(&record, "/"));
	assert_null(record_store_path(&record, "none"));
	assert_string_equal(record_store_path(&record, OTHER)->value, HEX);
	assert_null(record_store_path(&record, STORE)->value);
	assert_int_equal(record.fd, -1);
	text = record_format(&record);
	assert_string_equal(text, canonical);
}

/* The last of the marks "begun" and "complete" says what is under way. */
static void marks(void **state)
{
	static const struct {
		const char *text;
		bool is_begun, is_complete;
	} cases[] = {
		{FIRST, false, false},
		{FIRST "begun\n", true, false},
		{FIRST "begun\n" DONE, false, true},
		{FIRST DONE "begun\n", true, false},
		{FIRST DONE "link /a /b\n", false, true},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		_cleanup_(record_clear) struct record record;

		assert_int_equal(parse(cases[i].text, &record), 0);
		assert_int_equal(record.is_begun, cases[i].is_begun);
		assert_int_equal(record.is_complete, cases[i].is_complete);
	}
}

static void what_is_not_known_stays_so(void **state)
{
	_cleanup_(record_clear) struct record record;
	_cleanup_free_ char *text = NULL;

	(void)state;
	assert_int_equal(parse(FIRST "complete %00 %00 " HEX " %00\n", &record), 0);
	assert_null(record.release.version);
	assert_null(record.release.system);
	assert_null(record.release.source);
	text = record_format(&record);
	assert_string_equal(text, FIRST "complete %00 %00 " HEX " %00\n");
}

static void no_record(void **state)
{
	static const char *const texts[] = {
		"",
		"\n",
		DONE,			      /* the first line is missing */
		"nix-user-chroot-record 2\n", /* another format */
		"nix-user-chroot-record 1 \n",
		" " FIRST,
		"\n" FIRST,
		"nix-user-chroot-record 1", /* cut short */
		FIRST "begun",
		FIRST "begun 1\n",
		FIRST "\n", /* an empty line */
		FIRST "colour blue\n",
		FIRST "dir\n",
		FIRST "dir \n",
		FIRST "dir  /a\n",
		FIRST "dir /a \n",
		FIRST "dir /a /b\n",
		FIRST "dir relative\n",
		FIRST "dir %00\n",
		FIRST "dir /a%\n",
		FIRST "dir /a%2\n",
		FIRST "dir /a%2g\n",
		FIRST "dir /a%+1\n",
		FIRST "dir /a%00b\n",
		FIRST "dir /a\tb\n",
		FIRST "dir /a\x7f\n",
		FIRST "link /a\n",
		FIRST "link /a \n",
		FIRST "file /a\n",
		FIRST "file /a abc\n",
		FIRST "file /a " HEX "0\n",
		FIRST "line /a xyz\n",
		FIRST "store /nix/store/" STORE "\n",
		FIRST "store ../" STORE "\n",
		FIRST "store " STORE "/bin\n",
		FIRST "store nix-2.26.3\n",
		FIRST "store " STORE " abc\n",
		FIRST "source /a\n",
		FIRST "source /a abc\n",
		FIRST "was /a\n",
		FIRST "was /a /b /c\n",
		FIRST "runtime\n",
		FIRST "runtime /a\n",
		FIRST "runtime magic\n",
		FIRST "runtime proot proot\n",
		FIRST "foreign relative\n",
		FIRST "complete\n",
		FIRST "complete 1 2 " HEX "\n",
		FIRST "complete 1 2 abc 3\n",
		FIRST "complete 1 2 " HEX " 3 4\n",
		"<html><body>not found</body></html>\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct record record;

		if (parse(texts[i], &record) != -EBADMSG)
			fail_msg("this passed for a record: %s", texts[i]);
		assert_int_equal(record.count, 0);
		assert_null(record.entries);
		assert_false(record.is_complete);
	}
}

static void nul_bytes(void **state)
{
	static const char last[] = FIRST "begun\n\0", within[] = FIRST "dir /a\0b\n";
	struct record record;

	(void)state;
	assert_int_equal(record_parse(last, sizeof(last) - 1, &record), -EBADMSG);
	assert_int_equal(record_parse(within, sizeof(within) - 1, &record), -EBADMSG);
	assert_int_equal(record_parse(last, sizeof(last) - 2, &record), 0);
	record_clear(&record);
}

static char *on_disk(int fd)
{
	char *text = NULL;
	size_t len;

	assert_int_equal(fs_read_file(fd, LAYOUT_RECORD, 1 << 20, &text, &len), 0);
	return text;
}

/* Each line is in the file at once, and a later run adds to the file. */
static void line_by_line(void **state)
{
	int fd = ((struct place *)*state)->fd;
	_cleanup_(record_clear) struct record record = RECORD_NONE, again = RECORD_NONE;
	_cleanup_free_ char *first = NULL, *second = NULL, *third = NULL;

	assert_int_equal(record_read(fd, &record), -ENOENT);
	/* record_open() does not make the directory; without it nothing is written */
	assert_int_equal(record_open(fd, &record), -ENOENT);
	assert_int_equal(fs_mkdirs(fd, LAYOUT_STATE, 0755), 0);
	assert_int_equal(record_open(fd, &record), 0);
	assert_int_equal(record_note(&record, RECORD_DIR, "/a b", NULL), 0);
	assert_int_equal(record_note(&record, RECORD_DIR, "/a b", NULL), 0);
	assert_int_equal(record_note(&record, RECORD_FILE, "/f", HEX), 0);
	first = on_disk(fd);
	assert_string_equal(first, FIRST "dir /a%20b\nfile /f " HEX "\n");
	assert_int_equal(record_begin(&record), 0);
	assert_int_equal(record_begin(&record), 0);
	assert_int_equal(record_open(fd, &again), 0);
	assert_true(again.is_begun);
	assert_int_equal(record_note(&again, RECORD_DIR, "/a b", NULL), 0);
	assert_int_equal(record_note(&again, RECORD_LINK, "/l", "/t"), 0);
	second = on_disk(fd);
	assert_string_equal(second, FIRST "dir /a%20b\nfile /f " HEX "\nbegun\nlink /l /t\n");
	record_clear(&record);
	assert_int_equal(record_read(fd, &record), 0);
	third = record_format(&record);
	assert_string_equal(third, FIRST "dir /a%20b\nfile /f " HEX "\nlink /l /t\nbegun\n");
}

static void complete(void **state)
{
	int fd = ((struct place *)*state)->fd;
	_cleanup_(record_clear) struct record record = RECORD_NONE;
	_cleanup_(strlist_clear) struct strlist names = {0};
	struct record_release release = {
		.version = (char *)"2.26.3",
		.system = (char *)"x86_64-linux",
		.source = (char *)"https://x/y",
	};
	_cleanup_free_ char *text = NULL;

	assert_int_equal(sha256_parse(HEX, 64, &release.sha256), 0);
	assert_int_equal(fs_mkdirs(fd, LAYOUT_STATE, 0755), 0);
	assert_int_equal(record_open(fd, &record), 0);
	assert_int_equal(record_note(&record, RECORD_STORE, OTHER, NULL), 0);
	assert_int_equal(record_begin(&record), 0);
	assert_int_equal(record_note(&record, RECORD_STORE, STORE, NULL), 0);
	assert_int_equal(record_note(&record, RECORD_ABSENT, "/gone", NULL), 0);
	record_forget(&record, RECORD_ABSENT, "/gone", NULL);
	strlist_add(&names, STORE);
	assert_int_equal(record_complete(&record, fd, &release, &names), 0);
	text = on_disk(fd);
	assert_string_equal(text, FIRST "store " STORE "\n" DONE);
}

/* Of a store path that was noted more than once the last line counts, and is the one that stays. */
static void noted_twice(void **state)
{
	int fd = ((struct place *)*state)->fd;
	_cleanup_(record_clear) struct record record = RECORD_NONE;
	_cleanup_(strlist_clear) struct strlist names = {0};
	const struct record_release release = {0};
	_cleanup_free_ char *text = NULL;

	assert_int_equal(fs_mkdirs(fd, LAYOUT_STATE, 0755), 0);
	assert_int_equal(record_open(fd, &record), 0);
	assert_int_equal(record_note(&record, RECORD_STORE, STORE, NULL), 0);
	assert_int_equal(record_note(&record, RECORD_LINK, "/" STORE, "/t"), 0);
	assert_int_equal(record_note(&record, RECORD_STORE, OTHER, NULL), 0);
	assert_int_equal(record_note(&record, RECORD_STORE, STORE, HEX), 0);
	assert_string_equal(record_store_path(&record, STORE)->value, HEX);
	assert_null(record_store_path(&record, OTHER)->value);
	strlist_add(&names, OTHER);
	strlist_add(&names, STORE);
	assert_int_equal(record_complete(&record, fd, &release, &names), 0);
	text = on_disk(fd);
	assert_string_equal(text, FIRST "link /" STORE " /t\nstore " OTHER "\nstore " STORE " " HEX
					"\ncomplete %00 %00 " NONE " %00\n");
}

/* What is begun again after it was complete is not complete, in memory and on the disk. */
static void begun_again(void **state)
{
	int fd = ((struct place *)*state)->fd;
	_cleanup_(record_clear) struct record record = RECORD_NONE, again = RECORD_NONE;
	_cleanup_free_ char *text = NULL;

	assert_int_equal(fs_mkdirs(fd, LAYOUT_STATE, 0755), 0);
	assert_int_equal(fs_replace_file(fd, LAYOUT_RECORD, FIRST DONE, strlen(FIRST DONE), 0644),
			 0);
	assert_int_equal(record_open(fd, &record), 0);
	assert_true(record.is_complete);
	assert_int_equal(record.owner, geteuid());
	assert_int_equal(record_begin(&record), 0);
	assert_true(record.is_begun);
	assert_false(record.is_complete);
	text = record_format(&record);
	assert_string_equal(text, FIRST "begun\n");
	assert_int_equal(record_read(fd, &again), 0);
	assert_true(again.is_begun);
	assert_false(again.is_complete);
}

/* Only what is the same in all three is forgotten; what comes after it stays in its order. */
static void forgotten(void **state)
{
	static const char all[] = FIRST "line /a\nline /a " HEX "\nline /b\ndir /a\nlink /a /b\n";
	static const struct {
		enum record_kind kind;
		const char *subject, *value, *line;
	} cases[] = {
		{RECORD_LINE, "/a", NULL, "line /a\n"},
		{RECORD_LINE, "/a", HEX, "line /a " HEX "\n"},
		{RECORD_LINE, "/b", NULL, "line /b\n"},
		{RECORD_DIR, "/a", NULL, "dir /a\n"},
		{RECORD_LINK, "/a", "/b", "link /a /b\n"},
		{RECORD_LINK, "/a", "/c", NULL},
		{RECORD_LINK, "/a", NULL, NULL},
		{RECORD_DIR, "/b", NULL, NULL},
		{RECORD_DIR, "/a", "/b", NULL},
		{RECORD_FILE, "/a", HEX, NULL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		_cleanup_(record_clear) struct record record;
		_cleanup_free_ char *text = NULL, *left = xstrdup(all);

		assert_int_equal(parse(all, &record), 0);
		assert_int_equal(
			record_has(&record, cases[i].kind, cases[i].subject, cases[i].value),
			cases[i].line != NULL);
		record_forget(&record, cases[i].kind, cases[i].subject, cases[i].value);
		assert_false(record_has(&record, cases[i].kind, cases[i].subject, cases[i].value));
		if (cases[i].line) {
			char *line = strstr(left, cases[i].line);

			memmove(line, line + strlen(cases[i].line),
				strlen(line + strlen(cases[i].line)) + 1);
		}
		text = record_format(&record);
		assert_string_equal(text, left);
	}
}

/* The word "foreign" says that the store was there before; without it, it was not. */
static void adopted(void **state)
{
	_cleanup_(record_clear) struct record record = RECORD_NONE;

	(void)state;
	assert_false(record_is_adopted(&record));
	assert_int_equal(parse(FIRST "dir /a\nforeign /n/store\n", &record), 0);
	assert_true(record_is_adopted(&record));
	assert_false(record_says_new(&record, "/n/store"));
	record_forget(&record, RECORD_FOREIGN, "/n/store", NULL);
	assert_false(record_is_adopted(&record));
	assert_int_equal(record.count, 1);
	assert_true(record_says_new(&record, "/a"));
}

/* A line that the disk does not take is an error, and so is one of which it is not sure. */
static void not_on_disk(void **state)
{
	int fd = ((struct place *)*state)->fd, status;
	_cleanup_(record_clear) struct record record = RECORD_NONE;
	size_t before = count_descriptors();
	pid_t pid;

	assert_int_equal(record_note(&record, RECORD_DIR, "/a", NULL), -EBADF);
	assert_int_equal(record_begin(&record), -EBADF);
	record_clear(&record);
	assert_int_equal(fs_mkdirs(fd, LAYOUT_STATE, 0755), 0);
	assert_int_equal(record_open(fd, &record), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		refuse_call(SYS_fsync, -1, EIO);
		_exit(record_begin(&record) != -EIO);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	record_clear(&record);
	assert_int_equal(record.fd, -1);
	assert_int_equal(count_descriptors(), before);
	if (geteuid() == 0)
		skip();
	/* it can be read, and not be written */
	assert_int_equal(fchmodat(fd, LAYOUT_RECORD, 0444, 0), 0);
	assert_int_equal(record_open(fd, &record), -EACCES);
	assert_int_equal(record.fd, -EACCES);
	record.fd = -1;
}

static void what_cannot_be_understood(void **state)
{
	int fd = ((struct place *)*state)->fd;
	_cleanup_free_ char *huge = xcalloc(2 << 20, 1), *text = NULL;
	_cleanup_(record_clear) struct record record = RECORD_NONE;

	assert_int_equal(fs_mkdirs(fd, LAYOUT_RECORD, 0755), 0);
	assert_int_equal(record_read(fd, &record), -EISDIR);
	assert_int_equal(record_open(fd, &record), -EISDIR);
	assert_int_equal(fs_remove_tree(fd, LAYOUT_RECORD), 0);
	assert_int_equal(mkfifoat(fd, LAYOUT_RECORD, 0600), 0);
	assert_int_equal(record_read(fd, &record), -EINVAL);
	assert_int_equal(record_open(fd, &record), -EINVAL);
	assert_int_equal(fs_replace_file(fd, LAYOUT_RECORD, huge, 2 << 20, 0644), 0);
	assert_int_equal(record_read(fd, &record), -EBADMSG);
	assert_int_equal(fs_replace_file(fd, LAYOUT_RECORD, "x", 1, 0644), 0);
	assert_int_equal(record_read(fd, &record), -EBADMSG);
	/* a record that cannot be read is started again when it is opened for writing */
	assert_int_equal(record_open(fd, &record), 0);
	text = on_disk(fd);
	assert_string_equal(text, FIRST);
	record_remove(fd);
	record_clear(&record);
	assert_int_equal(record_read(fd, &record), -ENOENT);
}

/* Paths are recognised if HOME is written in another way, or is a link. */
static void paths_by_another_name(void **state)
{
	const char *root = ((struct place *)*state)->path;
	_cleanup_(record_clear) struct record record = RECORD_NONE;
	_cleanup_free_ char *real = path_join(root, "home"), *link = path_join(root, "link");
	_cleanup_free_ char *text = xasprintf(FIRST "absent %s/x\n", real);
	_cleanup_free_ char *same = path_join(link, "x"), *other = path_join(link, "y");

	assert_int_equal(mkdir(real, 0755), 0);
	assert_int_equal(symlink("home", link), 0);
	assert_int_equal(parse(text, &record), 0);
	assert_true(record_says_new(&record, same));
	assert_false(record_says_new(&record, other));
	assert_false(record_says_new(&record, "x"));
}

/* Also where directories in between are gone. */
static void paths_that_are_gone(void **state)
{
	static const struct {
		const char *recorded, *path; /* below the place */
		bool is_same;
	} cases[] = {
		{"home/a/b/x", "link/a/b/x", true},  {"home/a/b/x", "home/a/b/x", true},
		{"home/a/b/x", "link/a/c/x", false}, {"home/a/b/x", "link/c/b/x", false},
		{"home/a/x", "link/a/y", false},     {"home/a/x", "other/a/x", false},
		{"home/a/x", "link/x", false},	     {"home/x", "link/a/x", false},
	};
	const char *root = ((struct place *)*state)->path;
	_cleanup_free_ char *home = path_join(root, "home"), *link = path_join(root, "link");

	assert_int_equal(mkdir(home, 0755), 0);
	assert_int_equal(symlink("home", link), 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		_cleanup_free_ char *subject = path_join(root, cases[i].recorded);
		_cleanup_free_ char *path = path_join(root, cases[i].path);
		const struct record_entry entry = {.kind = RECORD_DIR, .subject = subject};

		assert_int_equal(record_is_about(&entry, path), cases[i].is_same);
	}
	assert_true(record_is_about(&(struct record_entry){.subject = (char *)"/"}, "/"));
	assert_false(record_is_about(&(struct record_entry){.subject = (char *)"/x"}, "/x/x"));
	assert_false(record_is_about(&(struct record_entry){.subject = (char *)"/x/x"}, "/x"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole),
		cmocka_unit_test(marks),
		cmocka_unit_test(what_is_not_known_stays_so),
		cmocka_unit_test(no_record),
		cmocka_unit_test(nul_bytes),
		cmocka_unit_test_setup_teardown(line_by_line, place_setup, place_teardown),
		cmocka_unit_test_setup_teardown(complete, place_setup, place_teardown),
		cmocka_unit_test_setup_teardown(noted_twice, place_setup, place_teardown),
		cmocka_unit_test_setup_teardown(begun_again, place_setup, place_teardown),
		cmocka_unit_test(forgotten),
		cmocka_unit_test(adopted),
		cmocka_unit_test_setup_teardown(not_on_disk, place_setup, place_teardown),
		cmocka_unit_test_setup_teardown(what_cannot_be_understood, place_setup,
						place_teardown),
		cmocka_unit_test_setup_teardown(paths_by_another_name, place_setup, place_teardown),
		cmocka_unit_test_setup_teardown(paths_that_are_gone, place_setup, place_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
