/* Mount tables, as the kernel writes them and as it does not; and names of network file systems. */
#include "util/mountinfo.h"
#include "util/cleanup.h"
#include "util/network_fs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../place.h"

static void lines(void **state)
{
	static const struct {
		const char *line;
		struct mountinfo wanted; /* without a target: the line is malformed, and skipped */
	} cases[] = {
		{"36 35 98:0 / /mnt ro,noatime shared:1 - ext4 /dev/root rw,errors=continue",
		 {36, "/mnt", "ro,noatime", true, false, "ext4", "rw,errors=continue"}},
		{"37 35 0:5 /a /nix rw - tmpfs tmpfs ro",
		 {37, "/nix", "rw", false, false, "tmpfs", "ro"}},
		{"38 35 0:5 / /x rw master:1 propagate_from:2 unbindable - xfs a ro",
		 {38, "/x", "rw", false, true, "xfs", "ro"}},
		{"39 35 0:5 / /x rw unbindable shared:2 later - xfs a ro",
		 {39, "/x", "rw", true, true, "xfs", "ro"}},
		{"40 35 0:5 / /x rw unbindables ashared:1 - xfs a ro",
		 {40, "/x", "rw", false, false, "xfs", "ro"}},
		/* a mount without a source */
		{"41 35 0:5 / /x rw - fuse  rw,user_id=0",
		 {41, "/x", "rw", false, false, "fuse", "rw,user_id=0"}},
		{"42 35 0:5 / /x rw - ext4", {42, "/x", "rw", false, false, "ext4", ""}},
		{"", {0}},
		{"43 35 0:5 / /x", {0}},
		{"43 35 0:5 / /x rw", {0}},
		{"43 35 0:5 / /x rw shared:1", {0}},
		{"43 35 0:5 / /x rw -", {0}},
	};
	enum { COUNT = sizeof(cases) / sizeof(cases[0]) };
	_cleanup_free_ char *text = xstrdup("");
	struct mountinfo found;
	char *cursor;

	(void)state;
	for (size_t i = 0; i < COUNT; i++) {
		char *longer = xasprintf("%s%s\n", text, cases[i].line);

		free(text);
		text = longer;
	}
	cursor = text;
	for (size_t i = 0; i < COUNT; i++) {
		const struct mountinfo *wanted = &cases[i].wanted;

		if (!wanted->target)
			continue;
		assert_true(mountinfo_next(&cursor, &found));
		assert_int_equal(found.id, wanted->id);
		assert_string_equal(found.target, wanted->target);
		assert_string_equal(found.options, wanted->options);
		assert_string_equal(found.fs_type, wanted->fs_type);
		assert_string_equal(found.super_options, wanted->super_options);
		if (found.is_shared != wanted->is_shared ||
		    found.is_unbindable != wanted->is_unbindable)
			fail_msg("%s", cases[i].line);
	}
	assert_false(mountinfo_next(&cursor, &found));
	assert_false(mountinfo_next(&cursor, &found));
}

static void escapes(void **state)
{
	static const char *const cases[][2] = {
		{"/a\\040b\\011c\\012d\\134e", "/a b\tc\nd\\e"},
		{"/\\303\\251", "/\xc3\xa9"},
		{"/\\377\\077\\007\\170", "/\xff?\ax"},
		{"\\040\\040x\\040", "  x "},
		{"/\\1340401", "/\\0401"}, /* what comes out is not read again */
		{"/\\0401", "/ 1"},
		{"/\\400\\080\\008\\/40", "/\\400\\080\\008\\/40"},
		{"/\\0/0\\00/", "/\\0/0\\00/"},
		{"/a\\", "/a\\"},
		{"/a\\0", "/a\\0"},
		{"/a\\04", "/a\\04"},
		{"/x040", "/x040"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		/* the last line has no newline */
		_cleanup_free_ char *text =
			xasprintf("1 2 0:5 / %s rw - tmpfs none rw", cases[i][0]);
		char *cursor = text;
		struct mountinfo found;

		assert_true(mountinfo_next(&cursor, &found));
		assert_string_equal(found.target, cases[i][1]);
		assert_false(mountinfo_next(&cursor, &found));
	}
}

static void options(void **state)
{
	static const char all[] = "ro,nosuid,nodev,hidepid=2";
	static const char *const there[] = {"ro", "nosuid", "nodev", "hidepid=2"};
	static const char *const missing[] = {"rw",    "r",	  "o",	"nosui",
					      "osuid", "hidepid", "=2", "no"};

	(void)state;
	for (size_t i = 0; i < sizeof(there) / sizeof(there[0]); i++)
		assert_true(mountinfo_has_option(all, there[i]));
	for (size_t i = 0; i < sizeof(missing) / sizeof(missing[0]); i++)
		assert_false(mountinfo_has_option(all, missing[i]));
	assert_true(mountinfo_has_option("ro", "ro"));
	assert_false(mountinfo_has_option("", "ro"));
	assert_false(mountinfo_has_option(NULL, "ro"));
}

static void tables_of_processes(void **state)
{
	const struct place *place = *state;
	_cleanup_free_ char *own = mountinfo_read("", "self"), *read = NULL, *none = NULL;
	_cleanup_free_ char *type = NULL, *unknown = mountinfo_type_of(-1);
	_cleanup_close_ int proc = open("/proc/self", O_PATH | O_CLOEXEC);

	assert_non_null(own);
	assert_int_equal(fs_mkdirs(place->fd, "proc/7", 0755), 0);
	assert_int_equal(fs_replace_file(place->fd, "proc/7/mountinfo", "text", 4, 0644), 0);
	read = mountinfo_read(place->path, "7");
	assert_string_equal(read, "text");
	none = mountinfo_read(place->path, "8");
	assert_null(none);
	assert_null(unknown);
	/* a kernel before Linux 5.8 gives no number to look for */
	if (fs_mount_id(proc, "", false) == 0)
		skip();
	type = mountinfo_type_of(proc);
	assert_string_equal(type, "proc");
}

static void network_file_systems(void **state)
{
	static const struct {
		unsigned long type;
		const char *name;
	} cases[] = {
		{0x6969, "NFS"},
		{0x517b, "SMB"},
		{0xff534d42, "CIFS"},
		{0xfe534d42, "SMB"},
		{0x0bd00bd0, "Lustre"},
		{0x01021997, "9p"},
		{0x5346414f, "AFS"},
		{0x6b414653, "AFS"},
		{0x73757245, "Coda"},
		{0x00c36400, "Ceph"},
		{0x47504653, "GPFS"},
		{0x19830326, "BeeGFS"},
		{0xaad7aaea, "PanFS"},
		{0x01161970, "GFS2"},
		{0x7461636f, "OCFS2"},
		{0x20030528, "OrangeFS"},
		{0x786f4256, "a VirtualBox shared folder"},
	};
	/* ext4, tmpfs, btrfs, overlayfs, and nothing */
	static const unsigned long local[] = {0xef53, 0x01021994, 0x9123683e, 0x794c7630, 0};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_string_equal(network_fs_name(cases[i].type), cases[i].name);
	for (size_t i = 0; i < sizeof(local) / sizeof(local[0]); i++)
		assert_null(network_fs_name(local[i]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines),
		cmocka_unit_test(escapes),
		cmocka_unit_test(options),
		cmocka_unit_test_setup_teardown(tables_of_processes, place_setup, place_teardown),
		cmocka_unit_test(network_file_systems),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
