/* What two entries must have in common: each number of it, and when it changes. */
#include "run/origin.h"
#include "util/cleanup.h"
#include "util/hash.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "../child.h"
#include "../place.h"
#include "own_mounts.h"

static struct origin origin(void)
{
	struct origin found;

	assert_int_equal(origin_read(&found), 0);
	return found;
}

static uint64_t inode(const char *path)
{
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	return st.st_ino;
}

static void numbers(void **state)
{
	const struct origin one = origin(), other = origin();
	_cleanup_free_ char *boot = NULL;
	struct stat root;
	size_t len;

	(void)state;
	assert_memory_equal(&one, &other, sizeof(one));
	assert_int_equal(
		fs_read_file(AT_FDCWD, "/proc/sys/kernel/random/boot_id", 4096, &boot, &len), 0);
	assert_int_equal(one.boot, hash_string(HASH_START, boot));
	assert_int_equal(one.user_namespace, inode("/proc/self/ns/user"));
	assert_int_equal(stat("/", &root), 0);
	assert_int_equal(one.root_device, root.st_dev);
	assert_int_equal(one.root_inode, root.st_ino);
	assert_int_equal(one.root_mount, fs_mount_id(AT_FDCWD, "/", true));
	/* a number that may be used again, only where there is no better one */
	assert_int_equal(one.mount_namespace, one.root_mount ? 0 : inode("/proc/self/ns/mnt"));
}

/* A mount that does not spread into living namespaces makes a difference, wherever it is. */
static void mounts(void **state)
{
	const struct place *place = *state;
	_cleanup_free_ char *a = path_join(place->path, "a"), *b = path_join(place->path, "b");
	uint64_t none = origin().mounts, some, more;

	assert_int_equal(mkdirat(place->fd, "a", 0755), 0);
	assert_int_equal(mkdirat(place->fd, "b", 0755), 0);
	assert_int_not_equal(none, 0);
	assert_int_equal(mount("tmpfs", a, "tmpfs", 0, NULL), 0);
	some = origin().mounts;
	assert_int_not_equal(some, none);
	/* more than is read at first */
	for (int i = 0; i < 80; i++)
		assert_int_equal(mount(a, a, NULL, MS_BIND, NULL), 0);
	some = origin().mounts;
	assert_int_equal(mount("tmpfs", b, "tmpfs", 0, NULL), 0);
	more = origin().mounts;
	assert_int_not_equal(more, some);
	assert_int_equal(origin().mounts, more);
	/* the root alone tells whether mounts spread */
	assert_int_equal(mount(NULL, b, NULL, MS_SHARED, NULL), 0);
	assert_int_not_equal(origin().mounts, 0);
	assert_int_equal(mount(NULL, "/", NULL, MS_SHARED, NULL), 0);
	assert_int_equal(origin().mounts, 0);
	assert_int_equal(mount(NULL, "/", NULL, MS_PRIVATE, NULL), 0);
	assert_int_equal(umount(b), 0);
	for (int i = 0; i < 81; i++)
		assert_int_equal(umount(a), 0);
	assert_int_equal(origin().mounts, none);
}

/* In a child: the origin where the root is the place. */
static int read_below(const void *context)
{
	const struct place *place = context;
	struct origin found;
	int r;

	if (chroot(place->path) < 0)
		return 99;
	r = origin_read(&found);
	printf("%d %s, mounts %llx, %d\n", r, strerror(-r), (unsigned long long)found.mounts,
	       r == 0 && found.user_namespace != 0 && found.boot != 0);
	return fflush(stdout);
}

static char *below(const struct place *place)
{
	int status;
	char *said = child_says(read_below, place, NULL, &status);

	assert_int_equal(status, 0);
	return said;
}

static void put(const struct place *place, const char *path, const char *text)
{
	_cleanup_free_ char *full = path_join(place->path, path);

	assert_int_equal(fs_put_file(full, text, strlen(text), 0644), 0);
}

/* COUNT lines of mountinfo, 100 bytes each; then REST. */
static void put_mounts(const struct place *place, int count, const char *rest)
{
	_cleanup_free_ char *text = NULL;
	size_t len;
	FILE *f = xopen_memstream(&text, &len);

	for (int i = 0; i < count; i++)
		fprintf(f, "%5d 1 0:1 / /%078d rw -\n", i + 1, i);
	fputs(rest, f);
	fclose(f);
	put(place, "proc/self/mountinfo", text);
}

/* A /proc that lacks something, or in which the root has no line. */
static void another_proc(void **state)
{
	const struct place *place = *state;
	const uint64_t id = fs_mount_id(place->fd, "", false);
	_cleanup_free_ char *shared =
		xasprintf("%llu 1 0:1 / / rw shared:1 - tmpfs t rw\n", (unsigned long long)id);
	_cleanup_free_ char *private =
		xasprintf("%llu 1 0:1 / / rw - tmpfs t rw\n", (unsigned long long)id);
	_cleanup_free_ char *empty = xasprintf("0 Success, mounts %llx, 1\n",
					       (unsigned long long)hash_string(HASH_START, ""));
	_cleanup_free_ char *few = NULL, *more = NULL, *end = NULL, *said = NULL;

	said = below(place);
	assert_has(said, "-2 No such file");
	put(place, "proc/self/mountinfo", "");
	put(place, "proc/self/ns/user", "");
	free(said);
	said = below(place);
	assert_has(said, "-2 No such file");
	put(place, "proc/sys/kernel/random/boot_id", "");
	assert_int_equal(unlinkat(place->fd, "proc/self/ns/user", 0), 0);
	free(said);
	said = below(place);
	assert_has(said, "-2 No such file");
	put(place, "proc/self/ns/user", "");
	assert_int_equal(unlinkat(place->fd, "proc/self/mountinfo", 0), 0);
	free(said);
	said = below(place);
	assert_has(said, "-2 No such file");
	put(place, "proc/self/mountinfo", "");
	free(said);
	said = below(place);
	assert_string_equal(said, empty);
	/* only the root's own line counts */
	put(place, "proc/self/mountinfo", "1 1 0:1 / /x rw shared:1 - tmpfs t rw\n");
	free(said);
	said = below(place);
	assert_has_not(said, ", mounts 0,");
	put(place, "proc/self/mountinfo", shared);
	free(said);
	said = below(place);
	assert_has(said, ", mounts 0, 1");
	put(place, "proc/self/mountinfo", private);
	free(said);
	said = below(place);
	assert_has_not(said, ", mounts 0,");
	/* the first 4 KiB are the same, and what comes behind is not */
	put_mounts(place, 60, "");
	few = below(place);
	assert_has(few, "0 Success");
	put_mounts(place, 60, private);
	more = below(place);
	assert_string_not_equal(few, more);
	put_mounts(place, 61, private);
	end = below(place);
	assert_string_not_equal(end, more);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers),
		cmocka_unit_test_setup_teardown(mounts, place_setup, place_teardown),
		cmocka_unit_test_setup_teardown(another_proc, place_setup, place_teardown),
	};

	if (own_mounts() < 0) {
		puts("1..0 # SKIP needs a host that lets users make namespaces");
		return 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
