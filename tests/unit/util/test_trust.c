/* Whose a directory is, and who else may write there. */
#include "util/trust.h"
#include "chroot/namespace.h"
#include "util/cleanup.h"
#include "util/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cmocka.h>

#include "../child.h"
#include "../place.h"
#include "../refuse.h"

enum { SELF = 1000, OTHER = 1001, OVERFLOW = 65534, OWN_GROUP = 1000, SHARED = 2000 };

static void judgements(void **state)
{
	static const struct trust plain = {.self = SELF};
	static const struct trust owner = {.self = SELF, .has_owner = true, .owner = OTHER};
	static const struct trust group = {.self = SELF, .has_group = true, .group = SHARED};
	static const struct trust nested = {
		.self = SELF, .has_no_root = true, .overflow = OVERFLOW};
	static const struct trust root = {.self = 0};
	static const struct {
		const struct trust *trust;
		uid_t uid;
		gid_t gid;
		mode_t mode;
		bool can_write;
		enum trust_flaw flaw;
	} cases[] = {
		{&plain, SELF, OWN_GROUP, 0755, true, TRUST_GOOD},
		{&plain, SELF, OWN_GROUP, 0700, true, TRUST_GOOD},
		{&plain, 0, 0, 0755, false, TRUST_GOOD},
		/* write permission for the group counts, even if the group is the user's own */
		{&plain, SELF, OWN_GROUP, 0775, true, TRUST_GROUP},
		{&plain, SELF, OWN_GROUP, 0757, true, TRUST_OTHERS},
		{&plain, SELF, OWN_GROUP, 01777, true, TRUST_OTHERS},
		{&plain, 0, 0, 01775, false, TRUST_GROUP},
		{&plain, OTHER, OWN_GROUP, 0755, false, TRUST_OWNER},
		{&plain, OTHER, OWN_GROUP, 0777, true, TRUST_OWNER},
		{&plain, OVERFLOW, OVERFLOW, 0755, false, TRUST_OWNER},
		{&root, SELF, OWN_GROUP, 0755, true, TRUST_OWNER},
		{&root, 0, 0, 0755, true, TRUST_GOOD},
		{&owner, OTHER, OWN_GROUP, 0755, false, TRUST_GOOD},
		{&owner, OTHER, OWN_GROUP, 0775, false, TRUST_GROUP},
		{&owner, 1002, OWN_GROUP, 0755, false, TRUST_OWNER},
		{&group, SELF, SHARED, 02775, true, TRUST_GOOD},
		{&group, OTHER, SHARED, 02775, true, TRUST_GOOD},
		{&group, OTHER, SHARED, 02777, true, TRUST_OTHERS},
		{&group, OTHER, OWN_GROUP, 0775, true, TRUST_OWNER},
		{&group, SELF, OWN_GROUP, 0775, true, TRUST_GROUP},
		{&nested, OVERFLOW, OVERFLOW, 0755, false, TRUST_GOOD},
		{&nested, OVERFLOW, OVERFLOW, 0755, true, TRUST_OWNER},
		{&nested, OVERFLOW, OVERFLOW, 0775, false, TRUST_OWNER},
		{&nested, OVERFLOW, OVERFLOW, 0757, false, TRUST_OWNER},
		{&nested, OTHER, OVERFLOW, 0755, false, TRUST_OWNER},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct stat st = {.st_uid = cases[i].uid,
				  .st_gid = cases[i].gid,
				  .st_mode = S_IFDIR | cases[i].mode};
		enum trust_flaw flaw = trust_judge(cases[i].trust, &st, cases[i].can_write);

		if (flaw != cases[i].flaw)
			fail_msg("case %zu: %d instead of %d", i, (int)flaw, (int)cases[i].flaw);
	}
}

static void uid_maps(void **state)
{
	(void)state;
	assert_true(trust_maps_root("         0          0 4294967295\n"));
	assert_true(trust_maps_root("      1000       1000          1\n         0 0 65536\n"));
	/* inside of a user namespace by another user, who is user 0 there */
	assert_false(trust_maps_root("         0          0          1\n"));
	assert_false(trust_maps_root("         0       1000          1\n"));
	assert_false(
		trust_maps_root("         0       1000          1\n         1 100000 65536\n"));
	assert_false(trust_maps_root("      1000       1000          1\n"));
	assert_false(trust_maps_root("      1000          0          1\n"));
	assert_false(trust_maps_root(""));
	assert_false(trust_maps_root("\n\n"));
}

static void names(void **state)
{
	const char *unknown;
	struct trust trust;

	(void)state;
	assert_int_equal(trust_find("root", "root", &trust, &unknown), 0);
	assert_true(trust.has_owner && trust.owner == 0 && trust.has_group && trust.group == 0);
	assert_int_equal(trust_find("4711", "4712", &trust, &unknown), 0);
	assert_true(trust.owner == 4711 && trust.group == 4712);
	assert_int_equal(trust_find("0", "0", &trust, &unknown), 0);
	assert_int_equal(trust_find(NULL, NULL, &trust, &unknown), 0);
	assert_true(!trust.has_owner && !trust.has_group && trust.self == geteuid());
	assert_int_equal(trust_find("no such user", NULL, &trust, &unknown), -ENOENT);
	assert_string_equal(unknown, "no such user");
	for (size_t i = 0; i < 5; i++) {
		/* (uid_t)-1 is no user: for chown(2) and others it means "do not change" */
		static const char *const bad[] = {"", "-1", "12x", "4294967295", "99999999999"};

		assert_int_equal(trust_find(NULL, bad[i], &trust, &unknown), -ENOENT);
		assert_string_equal(unknown, bad[i]);
	}
}

static void looks(void **state)
{
	const struct place *place = *state;
	const struct trust trust = {.self = geteuid()};
	struct stat st;

	assert_int_equal(fs_mkdirs(place->fd, "d", 0755), 0);
	assert_int_equal(symlinkat("d", place->fd, "link"), 0);
	assert_int_equal(trust_look(&trust, place->fd, "link", &st), TRUST_GOOD);
	assert_int_equal(fchmodat(place->fd, "d", 0775, 0), 0);
	assert_int_equal(trust_look(&trust, place->fd, "d", &st), TRUST_GROUP);
	assert_int_equal(trust_look(&trust, place->fd, "link", &st), TRUST_GROUP);
	assert_int_equal(trust_look(&trust, place->fd, "none", &st), TRUST_GOOD);
}

static void read_only(void **state)
{
	const struct place *place = *state;
	_cleanup_free_ char *none = NULL, *own = NULL, *keeper = NULL;
	struct stat st;

	assert_false(trust_is_read_only(place->fd));
	assert_int_equal(fs_mkdirs(place->fd, "store", 0755), 0);
	errno = EACCES;
	assert_false(trust_is_read_only(place->fd));
	none = trust_keeper(place->fd);
	assert_null(none);
	assert_int_equal(fchmodat(place->fd, "store", 0555, 0), 0);
	/* root can write everywhere but on a read-only file system */
	assert_true(trust_is_read_only(place->fd) == (geteuid() != 0));
	/* the store belongs to us, so no other user keeps it */
	keeper = trust_keeper(place->fd);
	assert_null(keeper);
	assert_int_equal(fstatat(place->fd, "store", &st, 0), 0);
	st.st_uid = 4294967290U;
	own = trust_owner(&st);
	assert_string_equal(own, "4294967290");
	assert_int_equal(fchmodat(place->fd, "store", 0755, 0), 0);
}

/* Puts "12345" over the kernel's number of the user who stands for all that are not mapped. */
static bool set_overflow(const struct place *place)
{
	_cleanup_free_ char *file = path_join(place->path, "number");

	return fs_replace_file(place->fd, "number", "12345\n", 6, 0644) == 0 &&
	       mount(file, "/proc/sys/kernel/overflowuid", NULL, MS_BIND, NULL) == 0;
}

/* Where root is not mapped, its files are those of the "overflow" user. */
static const char *where_root_is_not_mapped(void *ctx)
{
	const struct trust trust = {.self = geteuid()}, *here = &trust;
	struct stat st, overflow = {.st_uid = OVERFLOW, .st_mode = S_IFDIR | 0755};
	gid_t gid = getegid();
	const char *file;

	/* there may be no user namespaces */
	if (namespace_unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0 ||
	    namespace_map_ids(trust.self, gid, &file) < 0 || stat("/", &st) < 0 ||
	    st.st_uid != OVERFLOW)
		return NULL;
	if (trust_judge_here(here, &overflow, false) != TRUST_GOOD)
		return "root's files are not trusted";
	if (trust_judge_here(here, &overflow, true) != TRUST_OWNER)
		return "what the user may write is trusted";
	overflow.st_mode = S_IFDIR | 0775;
	if (trust_judge_here(here, &overflow, false) != TRUST_OWNER)
		return "what a group may write is trusted";
	if (trust_look(here, AT_FDCWD, "/", &st) != TRUST_GOOD)
		return "/ is not trusted";
	overflow.st_mode = S_IFDIR | 0755;
	if (!set_overflow(ctx))
		return NULL;
	if (trust_judge_here(here, &overflow, false) != TRUST_OWNER)
		return "another user is trusted";
	overflow.st_uid = 12345;
	if (trust_judge_here(here, &overflow, false) != TRUST_GOOD)
		return "another number";
	/* where the kernel's number cannot be read, it is the usual one */
	overflow.st_uid = OVERFLOW;
	if (mount("/dev/null", "/proc/sys/kernel/overflowuid", NULL, MS_BIND, NULL) < 0)
		return "the number cannot be covered";
	return trust_judge_here(here, &overflow, false) == TRUST_GOOD ? NULL : "no number";
}

/* Without /proc, whether root is mapped is unknown, and the "overflow" user is one like others. */
static const char *without_proc(void *ctx)
{
	const struct stat overflow = {.st_uid = OVERFLOW, .st_mode = S_IFDIR | 0755};
	const struct trust trust = {.self = SELF};

	(void)ctx;
	refuse_call(SYS_openat, -1, ENOENT);
	return trust_judge_here(&trust, &overflow, false) == TRUST_OWNER ? NULL : "trusted";
}

static void namespaces(void **state)
{
	const struct trust trust = {.self = SELF};
	const struct stat overflow = {.st_uid = OVERFLOW, .st_mode = S_IFDIR | 0755};
	_cleanup_free_ char *map = NULL;
	size_t len;

	assert_int_equal(fs_read_file(AT_FDCWD, "/proc/self/uid_map", 65536, &map, &len), 0);
	if (trust_maps_root(map)) {
		assert_int_equal(trust_judge_here(&trust, &overflow, false), TRUST_OWNER);
		assert_int_equal(trust_judge_here(&trust, &overflow, true), TRUST_OWNER);
	}
	/* as root, all would be mapped again */
	if (geteuid() != 0)
		assert_in_child(where_root_is_not_mapped, *state);
}

static void proc(void **state)
{
	(void)state;
	assert_in_child(without_proc, NULL);
}

static void keepers(void **state)
{
	const struct place *place = *state;
	_cleanup_free_ char *keeper = NULL;

	/* a store that root keeps; root may write to it */
	assert_int_equal(symlinkat("/usr", place->fd, "store"), 0);
	assert_true(trust_is_read_only(place->fd) == (faccessat(place->fd, "store", W_OK, 0) < 0));
	keeper = trust_keeper(place->fd);
	if (geteuid() == 0)
		assert_null(keeper);
	else
		assert_string_equal(keeper, "root");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(judgements),
		cmocka_unit_test(uid_maps),
		cmocka_unit_test(names),
		cmocka_unit_test_setup_teardown(namespaces, place_setup, place_teardown),
		cmocka_unit_test(proc),
		cmocka_unit_test_setup_teardown(keepers, place_setup, place_teardown),
		cmocka_unit_test_setup_teardown(looks, place_setup, place_teardown),
		cmocka_unit_test_setup_teardown(read_only, place_setup, place_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
