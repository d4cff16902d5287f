/* A nix.conf for this host. */
#include "install/nix_conf.h"
#include "store/layout.h"
#include "util/cleanup.h"
#include "util/network_fs.h"
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

#include "../broken_crypto.h"
#include "../capture.h"
#include "../child.h"
#include "../place.h"

/* TEXT without comments and empty lines, which is what Nix reads. The caller frees. */
static char *settings_of(const char *text)
{
	_cleanup_free_ char *copy = xstrdup(text);
	char *settings = xcalloc(strlen(text) + 2, 1), *p = settings, *rest = NULL;

	for (char *line = strtok_r(copy, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
		if (*line != '#')
			p = stpcpy(stpcpy(p, line), "\n");
	return settings;
}

static void assert_settings(const struct nix_conf_facts *facts, const char *expected)
{
	_cleanup_free_ char *text = nix_conf_text(facts);
	_cleanup_free_ char *settings = settings_of(text);

	assert_string_equal(settings, expected);
}

static void what_the_host_decides(void **state)
{
	(void)state;
	assert_settings(&(struct nix_conf_facts){.sandbox_works = true},
			"sandbox = true\nexperimental-features = nix-command flakes\n");
	assert_settings(&(struct nix_conf_facts){.sandbox_works = false},
			"sandbox = false\nexperimental-features = nix-command flakes\n");
	assert_settings(&(struct nix_conf_facts){.sandbox_works = true, .no_wal = "NFS"},
			"sandbox = true\nuse-sqlite-wal = false\n"
			"experimental-features = nix-command flakes\n");
	assert_settings(&(struct nix_conf_facts){.sandbox_works = true, .is_root = true},
			"sandbox = true\nbuild-users-group =\n"
			"require-drop-supplementary-groups = false\n"
			"experimental-features = nix-command flakes\n");
}

/* In nix.conf the last line of a name counts, so lines by the user must come after ours. */
static void what_the_user_adds(void **state)
{
	struct strlist extra = {0};
	const char *expected = "sandbox = true\nexperimental-features = nix-command flakes\n"
			       "sandbox = false\nfrom-file = 1\n"
			       "experimental-features =\nmax-jobs = 4\n";

	(void)state;
	strlist_add(&extra, "experimental-features =");
	strlist_add(&extra, "max-jobs = 4");
	assert_settings(&(struct nix_conf_facts){.sandbox_works = true,
						 .extra = &extra,
						 .extra_text = "sandbox = false\nfrom-file = 1\n"},
			expected);
	/*
	 * if the file has no newline at its end, the next line must not become part of its last
	 * line
	 */
	assert_settings(&(struct nix_conf_facts){.sandbox_works = true,
						 .extra = &extra,
						 .extra_text = "sandbox = false\nfrom-file = 1"},
			expected);
	strlist_clear(&extra);
	assert_settings(
		&(struct nix_conf_facts){.sandbox_works = true, .extra = &extra, .extra_text = ""},
		"sandbox = true\nexperimental-features = nix-command flakes\n");
}

/* Blocks are parted by one empty line each, and nothing else is in the file. */
static void the_whole_text(void **state)
{
	static const char end[] =
		"\n# The nix command and flakes, which most of today's instructions expect.\n"
		"experimental-features = nix-command flakes\n"
		"\n# The CA certificates to trust, as given to --install.\nssl-cert-file = /ca\n"
		"\n# From --nix-extra-conf-file.\na = b\n\n# From --extra-conf.\nc = d\n";
	_cleanup_(strlist_clear) struct strlist extra = {0};
	char file[] = "/ca", lines[] = "a = b\n";
	struct nix_conf_facts facts = {
		.sandbox_works = true, .ssl_cert_file = file, .extra = &extra, .extra_text = lines};

	(void)state;
	strlist_add(&extra, "c = d");
	for (int i = 0; i < 2; i++) {
		_cleanup_free_ char *text = nix_conf_text(&facts);
		const char *sandbox = strstr(text, "\nsandbox = true\n");

		assert_non_null(sandbox);
		assert_string_equal(sandbox + strlen("\nsandbox = true\n"), end);
		/* a newline that the file lacks is added */
		lines[5] = '\0';
	}
}

/* Every setting of ours has a comment above it that gives the reason. */
static void every_setting_has_its_reason(void **state)
{
	_cleanup_free_ char *text = nix_conf_text(&(struct nix_conf_facts){
		.is_root = true, .sandbox_works = false, .no_wal = "Lustre"});
	bool explained = false;
	char *rest = NULL;
	unsigned settings = 0;

	(void)state;
	assert_non_null(strstr(text, "Lustre"));
	for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		assert_true(strlen(line) <= 100);
		if (*line != '#') {
			assert_true(explained);
			settings++;
		}
		explained = *line == '#';
	}
	assert_int_equal(settings, 5);
}

static void attributes(void **state)
{
	_cleanup_(strlist_clear) struct strlist names = {0};
	_cleanup_free_ char *none = NULL, *some = NULL;

	(void)state;
	none = nix_conf_text(&(struct nix_conf_facts){.fixed_xattrs = &names});
	assert_null(strstr(none, "ignored-acls"));
	strlist_add(&names, "lustre.lov");
	strlist_add(&names, "trusted.link");
	some = nix_conf_text(&(struct nix_conf_facts){.fixed_xattrs = &names});
	assert_non_null(strstr(some, "\nextra-ignored-acls = lustre.lov trusted.link\n"));
}

static void network_file_systems(void **state)
{
	(void)state;
	assert_string_equal(network_fs_name(0x6969), "NFS");
	assert_string_equal(network_fs_name(0x0bd00bd0), "Lustre");
	assert_string_equal(network_fs_name(0x01021997), "9p");
	assert_string_equal(network_fs_name(0xff534d42), "CIFS");
	/*
	 * ext4, xfs, btrfs, tmpfs, overlayfs; and FUSE, which may or may not be a network file
	 * system
	 */
	assert_null(network_fs_name(0xef53));
	assert_null(network_fs_name(0x58465342));
	assert_null(network_fs_name(0x9123683e));
	assert_null(network_fs_name(0x01021994));
	assert_null(network_fs_name(0x794c7630));
	assert_null(network_fs_name(0x65735546));
}

/* Calls nix_conf_check() and nix_conf_write(). Returns "RESULT: MESSAGES"; the caller frees. */
static char *write_conf(const struct place *place, const struct nix_conf_facts *facts)
{
	_cleanup_(record_clear) struct record record = RECORD_NONE;
	_cleanup_(nix_conf_before_clear) struct nix_conf_before before = {0};
	_cleanup_free_ char *said = NULL;
	struct capture capture;
	int r;

	assert_int_equal(fs_mkdirs(place->fd, LAYOUT_STATE, 0755), 0);
	assert_int_equal(record_open(place->fd, &record), 0);
	capture_begin(&capture);
	r = nix_conf_check(place->fd, "/NIX", facts, &record, true);
	if (r == 0)
		r = nix_conf_write(place->fd, "/NIX", facts, &record, &before);
	if (r == 0)
		r = before.is_changed;
	said = capture_end(&capture);
	/* --install also writes the record at the end if all is well */
	if (r >= 0)
		assert_int_equal(record_write(&record, place->fd), 0);
	return xasprintf("%d: %s", r, said);
}

static void assert_file(const struct place *place, const char *expected)
{
	_cleanup_free_ char *text = NULL;
	size_t len;

	assert_int_equal(fs_read_file(place->fd, "etc/nix/nix.conf", 65536, &text, &len), 0);
	assert_string_equal(text, expected);
}

static void written_where_there_is_none(void **state)
{
	const struct place *place = *state;
	const struct nix_conf_facts facts = {.sandbox_works = true};
	_cleanup_free_ char *outcome = write_conf(place, &facts), *text = nix_conf_text(&facts);
	struct stat st;

	assert_string_equal(outcome, "1: ");
	assert_file(place, text);
	assert_int_equal(fstatat(place->fd, "etc/nix/nix.conf", &st, AT_SYMLINK_NOFOLLOW), 0);
	assert_int_equal(st.st_mode & 0777, 0644);
	/* no temporary file is left: the directory can be removed once the file is */
	assert_int_equal(unlinkat(place->fd, "etc/nix/nix.conf", 0), 0);
	assert_int_equal(unlinkat(place->fd, "etc/nix", AT_REMOVEDIR), 0);
}

static void never_over_a_users_file(void **state)
{
	const struct place *place = *state;
	struct strlist extra = {0};
	_cleanup_free_ char *quiet = NULL, *told = NULL, *by_file = NULL, *certificates = NULL;
	_cleanup_free_ char *unknown = NULL;
	char file[] = "/ca";

	assert_int_equal(fs_mkdirs(place->fd, "etc/nix", 0755), 0);
	assert_int_equal(fs_replace_file(place->fd, "etc/nix/nix.conf", "mine", 4, 0444), 0);
	quiet = write_conf(place, &(struct nix_conf_facts){.extra = &extra});
	assert_string_equal(quiet, "0: ");
	strlist_add(&extra, "max-jobs = 4");
	told = write_conf(place, &(struct nix_conf_facts){.extra = &extra});
	assert_string_equal(told, "-1: nix-user-chroot: cannot add to /NIX/etc/nix/nix.conf, which "
				  "is not as --install wrote it: max-jobs = 4\n"
				  "  add by hand what you asked for with --extra-conf or "
				  "--nix-extra-conf-file\n");
	by_file = write_conf(place, &(struct nix_conf_facts){.extra_text = "a = b"});
	assert_non_null(strstr(by_file, "wrote it: a = b\n"));
	certificates = write_conf(place, &(struct nix_conf_facts){.ssl_cert_file = file});
	assert_non_null(strstr(certificates, "0: nix-user-chroot: warning: "));
	assert_non_null(strstr(certificates, "add to it: ssl-cert-file = /ca\n"));
	/* also if its digest cannot be taken */
	broken_crypto = (struct broken_crypto){BROKEN_BYTES, 1};
	unknown = write_conf(place, &(struct nix_conf_facts){.extra = &extra});
	broken_crypto.function = BROKEN_NONE;
	assert_has(unknown, "-1: nix-user-chroot: cannot add to /NIX/etc/nix/nix.conf, ");
	assert_file(place, "mine");
	strlist_clear(&extra);
}

/*
 * A user's link, such as one into the store by home-manager, is not replaced, even if it leads
 * nowhere.
 */
static void never_over_a_users_link(void **state)
{
	const struct place *place = *state;
	_cleanup_free_ char *outcome = NULL, *target = NULL, *present = NULL, *lacking = NULL;
	char lines[] = "a = b";

	assert_int_equal(fs_mkdirs(place->fd, "etc/nix", 0755), 0);
	assert_int_equal(symlinkat("/nix/store/conf", place->fd, "etc/nix/nix.conf"), 0);
	outcome = write_conf(place, &(struct nix_conf_facts){0});
	assert_string_equal(outcome, "0: ");
	assert_int_equal(fs_readlink(place->fd, "etc/nix/nix.conf", &target), 0);
	assert_string_equal(target, "/nix/store/conf");
	/* of one that leads somewhere, the lines count */
	assert_int_equal(unlinkat(place->fd, "etc/nix/nix.conf", 0), 0);
	assert_int_equal(symlinkat("mine", place->fd, "etc/nix/nix.conf"), 0);
	assert_int_equal(fs_replace_file(place->fd, "etc/nix/mine", "a = b\n", 6, 0644), 0);
	present = write_conf(place, &(struct nix_conf_facts){.extra_text = lines});
	assert_string_equal(present, "0: ");
	lines[4] = 'c';
	lacking = write_conf(place, &(struct nix_conf_facts){.extra_text = lines});
	assert_has(lacking, "-1: nix-user-chroot: cannot add to /NIX/etc/nix/nix.conf, ");
}

static void something_in_the_way(void **state)
{
	const struct place *place = *state;
	_cleanup_free_ char *outcome = NULL;

	assert_int_equal(fs_replace_file(place->fd, "etc", "", 0, 0644), 0);
	outcome = write_conf(place, &(struct nix_conf_facts){0});
	assert_non_null(strstr(outcome, "-1: nix-user-chroot: cannot read /NIX/etc/nix/nix.conf: "
					"Not a directory\n"));
}

static void a_directory_in_its_place(void **state)
{
	const struct place *place = *state;
	_cleanup_(record_clear) struct record record = RECORD_NONE;
	_cleanup_free_ char *outcome = NULL, *checked = NULL;
	struct capture capture;

	assert_int_equal(fs_mkdirs(place->fd, LAYOUT_NIX_CONF, 0755), 0);
	capture_begin(&capture);
	assert_int_equal(
		nix_conf_check(place->fd, "/NIX", &(struct nix_conf_facts){0}, &record, true), -1);
	checked = capture_end(&capture);
	assert_has(checked, "cannot read /NIX/etc/nix/nix.conf: Is a directory\n");
	outcome = write_conf(place, &(struct nix_conf_facts){0});
	assert_has(outcome,
		   "-1: nix-user-chroot: cannot read /NIX/etc/nix/nix.conf: Is a directory");
}

/* Nothing is written that the record does not have, and nothing is said to be that is not. */
static void what_cannot_be_written(void **state)
{
	const struct place *place = *state;
	_cleanup_(record_clear) struct record record = RECORD_NONE;
	_cleanup_(nix_conf_before_clear) struct nix_conf_before before = {0};
	_cleanup_free_ char *said = NULL, *broken = NULL, *locked = NULL;
	struct capture capture;

	capture_begin(&capture);
	assert_int_equal(
		nix_conf_write(place->fd, "/NIX", &(struct nix_conf_facts){0}, &record, &before),
		-1);
	said = capture_end(&capture);
	assert_has(said, "cannot write /NIX/etc/nix/nix.conf: Bad file descriptor\n");
	assert_false(before.is_changed);
	assert_false(fs_exists(place->fd, "etc"));
	broken_crypto.function = BROKEN_BYTES;
	broken = write_conf(place, &(struct nix_conf_facts){0});
	broken_crypto.function = BROKEN_NONE;
	assert_has(broken,
		   "-1: nix-user-chroot: cannot write /NIX/etc/nix/nix.conf: Input/output ");
	assert_false(fs_exists(place->fd, "etc"));
	if (geteuid() == 0)
		return;
	assert_int_equal(fs_mkdirs(place->fd, "etc/nix", 0755), 0);
	assert_int_equal(fchmodat(place->fd, "etc/nix", 0555, 0), 0);
	locked = write_conf(place, &(struct nix_conf_facts){0});
	assert_has(locked, "-1: nix-user-chroot: cannot write /NIX/etc/nix/nix.conf: Permission ");
	assert_int_equal(unlinkat(place->fd, "etc/nix", AT_REMOVEDIR), 0);
	assert_int_equal(fchmodat(place->fd, "etc", 0555, 0), 0);
	free(steal_ptr(&locked));
	locked = write_conf(place, &(struct nix_conf_facts){0});
	assert_has(locked, "-1: nix-user-chroot: cannot write /NIX/etc/nix/nix.conf: Permission ");
	assert_int_equal(fchmodat(place->fd, "etc", 0755, 0), 0);
}

static void assert_lacks(const char *text, const struct nix_conf_facts *facts, const char *expected)
{
	_cleanup_free_ char *lacks = nix_conf_lacks(text, facts);

	if (expected)
		assert_string_equal(lacks, expected);
	else
		assert_null(lacks);
}

static void what_is_lacking(void **state)
{
	char file[] = "/ca", lines[] = "# why\n\n!include x\ncores = 2";
	const struct nix_conf_facts facts = {.ssl_cert_file = file, .extra_text = lines};
	struct strlist extra = {0};

	(void)state;
	assert_lacks("a = b\n", &(struct nix_conf_facts){0}, NULL);
	assert_lacks("", &facts, "ssl-cert-file = /ca\n!include x\ncores = 2\n");
	assert_lacks("cores = 2\n!include x\n", &facts, "ssl-cert-file = /ca\n");
	assert_lacks("!include x\ncores  =  2 # two\nssl-cert-file = /ca", &facts, NULL);
	/* the last line counts, both in the file and among the lines to be added */
	assert_lacks("!include x\nssl-cert-file = /ca\ncores = 2\ncores = 3\n", &facts,
		     "cores = 2\n");
	strlist_add(&extra, "cores = 3");
	strlist_add(&extra, "substituters =");
	assert_lacks("cores = 3\n", &(struct nix_conf_facts){.extra = &extra, .extra_text = lines},
		     "!include x\nsubstituters =\n");
	strlist_clear(&extra);
	/* whether builds have a sandbox is asked for if the runtime was changed */
	assert_lacks("sandbox = true\n", &(struct nix_conf_facts){.asks_sandbox = true},
		     "sandbox = false\n");
	assert_lacks("sandbox = false\n",
		     &(struct nix_conf_facts){.asks_sandbox = true, .sandbox_works = true},
		     "sandbox = true\n");
	assert_lacks("sandbox = false\n", &(struct nix_conf_facts){.asks_sandbox = true}, NULL);
	assert_lacks("sandbox = false\n", &(struct nix_conf_facts){.sandbox_works = true}, NULL);
}

/* An include counts as there if the line is, and not if a longer one is. */
static void an_include_that_is_lacking(void **state)
{
	static const struct {
		const char *text, *wanted, *lacks;
	} cases[] = {
		{"include x\n", "include x", NULL},
		{"a = b\ninclude x", "include x", NULL},
		{"include xy\n", "include x", "include x\n"},
		{"# include x\n", "include x", "include x\n"},
		{"!include x\n", "include x", "include x\n"},
		{"", " \t# include x\n\t\n", NULL},
		{"", " cores = 1# one\n", " cores = 1# one\n"},
		{"cores = 1\n", " cores = 1# one\n", NULL},
		{"cores = 2\ncores = 1", "cores = 2\ncores = 1\n", NULL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		_cleanup_free_ char *wanted = xstrdup(cases[i].wanted);

		assert_lacks(cases[i].text, &(struct nix_conf_facts){.extra_text = wanted},
			     cases[i].lacks);
	}
}

/*
 * Lines are added to a file that we have written, and to no other; and they can be removed again.
 */
static void added_to_ours(void **state)
{
	const struct place *place = *state;
	_cleanup_(record_clear) struct record record = RECORD_NONE;
	_cleanup_(nix_conf_before_clear) struct nix_conf_before before = {0};
	_cleanup_free_ char *first = NULL, *same = NULL, *added = NULL, *again = NULL, *text = NULL;
	char lines[] = "cores = 2";
	size_t len;

	first = write_conf(place, &(struct nix_conf_facts){0});
	assert_string_equal(first, "1: ");
	same = write_conf(place, &(struct nix_conf_facts){0});
	assert_string_equal(same, "0: ");
	added = write_conf(place, &(struct nix_conf_facts){.extra_text = lines});
	assert_string_equal(added, "1: ");
	again = write_conf(place, &(struct nix_conf_facts){.extra_text = lines});
	assert_string_equal(again, "0: ");
	assert_int_equal(fs_read_file(place->fd, LAYOUT_NIX_CONF, 65536, &text, &len), 0);
	assert_true(str_ends_with(text, "\ncores = 2\n"));

	lines[8] = '3';
	assert_int_equal(record_open(place->fd, &record), 0);
	assert_int_equal(nix_conf_write(place->fd, "/NIX",
					&(struct nix_conf_facts){.extra_text = lines}, &record,
					&before),
			 0);
	assert_true(before.is_changed);
	nix_conf_take_back(place->fd, &before);
	assert_file(place, text);
	/* what was not changed is not written */
	assert_int_equal(fs_replace_file(place->fd, LAYOUT_NIX_CONF, "later", 5, 0644), 0);
	before.is_changed = false;
	nix_conf_take_back(place->fd, &before);
	assert_file(place, "later");
	nix_conf_before_clear(&before);
	nix_conf_take_back(place->fd, &before);
	assert_file(place, "later");
	/* there was none */
	before.is_changed = true;
	nix_conf_take_back(place->fd, &before);
	assert_false(fs_exists(place->fd, LAYOUT_NIX_CONF));
}

/* nix_conf_check(), of a file that --install has written or none, without leave to write one. */
static void who_may_write(void **state)
{
	const struct place *place = *state;
	_cleanup_(record_clear) struct record record = RECORD_NONE;
	char lines[] = "cores = 2";
	const struct nix_conf_facts none = {0}, some = {.extra_text = lines};
	_cleanup_free_ char *said = NULL, *ours = NULL;
	struct capture capture;

	capture_begin(&capture);
	assert_int_equal(nix_conf_check(-1, "/NIX", &some, &record, false), 0);
	assert_int_equal(nix_conf_check(place->fd, "/NIX", &none, &record, false), 0);
	assert_int_equal(nix_conf_check(place->fd, "/NIX", &some, &record, true), 0);
	assert_int_equal(nix_conf_check(place->fd, "/NIX", &some, &record, false), -1);
	said = capture_end(&capture);
	assert_string_equal(said, "nix-user-chroot: cannot add to /NIX/etc/nix/nix.conf, which is "
				  "not as --install wrote it: cores = 2\n"
				  "  add by hand what you asked for with --extra-conf or "
				  "--nix-extra-conf-file\n");
	ours = write_conf(place, &none);
	assert_string_equal(ours, "1: ");
	assert_int_equal(record_open(place->fd, &record), 0);
	assert_int_equal(nix_conf_check(place->fd, "/NIX", &some, &record, true), 0);
}

static void test_bad_lines(void **state)
{
	static const struct {
		const char *text;
		const char *bad;
	} cases[] = {
		{"", NULL},
		{"\n\n", NULL},
		{"# foo", NULL},
		{"max-jobs = 4", NULL},
		{"  max-jobs\t=\t4 # as many\n", NULL},
		{"build-users-group =", NULL},
		{"include other.conf\n!include third.conf", NULL},
		{"foo", "foo"},
		{"max-jobs=4", "max-jobs=4"},
		{"max-jobs = 4\nsandbox true\nmore", "sandbox true"},
		{"include", "include"},
		{"include a b", "include a b"},
		{"foo # = 3", "foo # = 3"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		_cleanup_free_ char *bad = nix_conf_bad_line(cases[i].text);

		if (cases[i].bad)
			assert_non_null(bad);
		else
			assert_null(bad);
		if (bad)
			assert_string_equal(bad, cases[i].bad);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bad_lines),
		cmocka_unit_test(what_the_host_decides),
		cmocka_unit_test(what_the_user_adds),
		cmocka_unit_test(the_whole_text),
		cmocka_unit_test(every_setting_has_its_reason),
		cmocka_unit_test(attributes),
		cmocka_unit_test(network_file_systems),
		cmocka_unit_test_setup_teardown(written_where_there_is_none, place_setup,
						place_teardown),
		cmocka_unit_test(what_is_lacking),
		cmocka_unit_test_setup_teardown(added_to_ours, place_setup, place_teardown),
		cmocka_unit_test_setup_teardown(never_over_a_users_file, place_setup,
						place_teardown),
		cmocka_unit_test_setup_teardown(never_over_a_users_link, place_setup,
						place_teardown),
		cmocka_unit_test_setup_teardown(something_in_the_way, place_setup, place_teardown),
		cmocka_unit_test(an_include_that_is_lacking),
		cmocka_unit_test_setup_teardown(who_may_write, place_setup, place_teardown),
		cmocka_unit_test_setup_teardown(a_directory_in_its_place, place_setup,
						place_teardown),
		cmocka_unit_test_setup_teardown(what_cannot_be_written, place_setup,
						place_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
