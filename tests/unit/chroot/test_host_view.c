/* Following links by hand, and the view of the real host. */
#include "chroot/host_view.h"
#include "util/fs.h"

#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <cmocka.h>

#include "../child.h"
#include "../host/fake_host.h"
#include "../place.h"

static const struct fake_entry table[] = {
	D("/tmp"),
	D("/usr"),
	D("/usr/bin"),
	F("/usr/bin/env"),
	L("/bin", "usr/bin"),
	L("/absolute", "/usr/bin"),
	L("/slashes", "//usr///bin//"),
	L("/usr/up", "../usr/./bin"),
	L("/usr/above-root", "../../../usr"),
	L("/twice", "bin/env"),
	L("/dangling", "missing"),
	L("/deep-dangling", "missing/below"),
	L("/self", "self"),
	L("/a", "b"),
	L("/b", "a"),
	L("/dot", "."),
	L("/to-root", "/"),
	L("/into-file", "usr/bin/env/x"),
	CLOSED("/closed"),
	F("/closed/x"),
	D("/nix"),
	D("/nix/store"),
	D("/nix/store/p"),
	L("/nix/store/p/env", "/usr/bin/env"),
	L("/nix/store/p/sh", "../q"),
	F("/nix/store/q"),
	L("/nix/out", "../../bin/env"),
	L("/to-nix", "nix/store/p/sh"),
};

static struct fake_host links = FAKE_HOST(table);

/*
 * The result of host_resolve() as "TYPE PATH" or as an error, for readable failures; the caller
 * frees.
 */
static char *resolve(struct fake_host *host, const char *path, bool follow_last)
{
	static const char *const words[] = {
		[ENTRY_DIRECTORY] = "directory", [ENTRY_SYMLINK] = "link", [ENTRY_FILE] = "file"};
	struct host_view view = fake_view(host);
	_cleanup_free_ char *resolved = NULL;
	enum entry_type type;
	int r = host_resolve(&view, path, follow_last, &resolved, &type);

	if (r < 0)
		return xasprintf("%s%s%s", strerror(-r), resolved ? ": " : "",
				 resolved ? resolved : "");
	return xasprintf("%s %s", words[type], resolved);
}

static void check(const char *path, bool follow_last, const char *expected)
{
	_cleanup_free_ char *found = resolve(&links, path, follow_last);

	assert_string_equal(found, expected);
}

static void follows(void **state)
{
	(void)state;
	check("/", true, "directory /");
	check("/usr/bin/env", true, "file /usr/bin/env");
	check("/bin", true, "directory /usr/bin");
	check("/bin/env", true, "file /usr/bin/env");
	check("/absolute/env", true, "file /usr/bin/env");
	check("/slashes/env", true, "file /usr/bin/env");
	check("/usr/up/env", true, "file /usr/bin/env");
	check("/twice", true, "file /usr/bin/env");
	check("/dot/dot/bin/env", true, "file /usr/bin/env");
	check("/to-root", true, "directory /");
	check("/to-root/tmp", true, "directory /tmp");
	check("//usr//bin/", true, "directory /usr/bin");
}

static void goes_up_as_the_kernel_does(void **state)
{
	(void)state;
	check("/..", true, "directory /");
	check("/../../usr", true, "directory /usr");
	check("/usr/above-root/bin", true, "directory /usr/bin");
	check("/usr/bin/../..", true, "directory /");
	/* ".." starts from where the link leads, not from where the link is */
	check("/bin/..", true, "directory /usr");
	check("/usr/./bin/.", true, "directory /usr/bin");
	/* /missing/.. does not exist, though it looks like /; and a file has no ".." */
	check("/missing/..", true, "No such file or directory");
	check("/usr/bin/env/..", true, "Not a directory");
	check("/usr/bin/env/.", true, "Not a directory");
}

static void leaves_the_last_link(void **state)
{
	(void)state;
	check("/bin", false, "link /bin");
	check("/usr/up/env", false, "file /usr/bin/env");
	check("/self", false, "link /self");
	check("/dangling", false, "link /dangling");
	check("/to-root/bin", false, "link /bin");
}

static void says_what_is_missing(void **state)
{
	(void)state;
	check("/missing", true, "No such file or directory: /missing");
	check("/bin/missing", true, "No such file or directory: /usr/bin/missing");
	check("/dangling", true, "No such file or directory: /missing");
	check("/missing/below", true, "No such file or directory");
	check("/deep-dangling", true, "No such file or directory");
	check("/bin/env/below", true, "Not a directory");
	check("/into-file", true, "Not a directory");
	check("/closed", true, "Permission denied");
	check("/closed/x", true, "Permission denied");
}

static void nix_is_the_nix_directory(void **state)
{
	(void)state;
	check("/nix", true, "directory /nix");
	check("/nix/store/p/sh", true, "file /nix/store/q");
	check("/to-nix", true, "file /nix/store/q");
	check("/nix/store/p/env", true, "file /usr/bin/env");
	check("/nix/out", true, "file /usr/bin/env");
	check("/nix/../usr", true, "directory /usr");
}

static void loops_end(void **state)
{
	(void)state;
	check("/self", true, "Too many levels of symbolic links");
	check("/a", true, "Too many levels of symbolic links");
	check("/a/below", false, "Too many levels of symbolic links");
}

/* Resolves a chain of COUNT links that ends in a file. */
static char *resolve_chain(unsigned count)
{
	struct fake_entry *entries = xcalloc(count + 1, sizeof(*entries));
	struct fake_host host = {.entries = entries, .count = count + 1};
	char **names = xcalloc(count + 1, sizeof(*names)), *found;

	for (unsigned i = 0; i <= count; i++) {
		names[i] = xasprintf("/%u", i);
		entries[i].path = names[i];
		entries[i].type = 'f';
		if (i > 0) {
			entries[i].type = 'l';
			entries[i].target = names[i - 1] + 1;
		}
	}
	found = resolve(&host, names[count], true);
	for (unsigned i = 0; i <= count; i++)
		free(names[i]);
	free(names);
	free(entries);
	return found;
}

static void forty_links_are_followed(void **state)
{
	_cleanup_free_ char *most = resolve_chain(40), *one_more = resolve_chain(41);

	(void)state;
	assert_string_equal(most, "file /0");
	assert_string_equal(one_more, "Too many levels of symbolic links");
}

/* A directory with one entry of every kind, which teardown() removes. */
struct real {
	char *path;
	int fd;
};

static int setup(void **state)
{
	const char *tmp = env_get("TMPDIR");
	struct real *real = xcalloc(1, sizeof(*real));
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int sock = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	real->path = xasprintf("%s/test_host_view.XXXXXX", tmp ? tmp : "/tmp");
	assert_non_null(mkdtemp(real->path));
	real->fd = fs_open_dir(AT_FDCWD, real->path);
	assert_true(real->fd >= 0);
	assert_int_equal(mkdirat(real->fd, "directory", 0755), 0);
	assert_int_equal(symlinkat("nowhere", real->fd, "link"), 0);
	assert_int_equal(symlinkat("directory", real->fd, "link-to-directory"), 0);
	assert_int_equal(mkfifoat(real->fd, "fifo", 0600), 0);
	close(openat(real->fd, "odd\n\377name", O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
	snprintf(address.sun_path, sizeof(address.sun_path), "/proc/self/fd/%d/socket", real->fd);
	assert_int_equal(bind(sock, (struct sockaddr *)&address, sizeof(address)), 0);
	close(sock);
	*state = real;
	return 0;
}

static int teardown(void **state)
{
	struct real *real = *state;
	int r = fs_remove_tree(AT_FDCWD, real->path);

	close(real->fd);
	free(real->path);
	free(real);
	return r;
}

static const struct listing_entry *entry_named(const struct listing *listing, const char *name)
{
	for (size_t i = 0; i < listing->count; i++)
		if (strcmp(listing->entries[i].name, name) == 0)
			return &listing->entries[i];
	fail_msg("%s is not listed", name);
	return NULL;
}

static void lists_every_kind(void **state)
{
	struct real *real = *state;
	struct host_view view = host_view_real(&real->fd);
	const char *const places[] = {"/nix", "/nix/", real->path};

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		_cleanup_(listing_clear) struct listing listing;

		assert_int_equal(view.list(view.context, places[i], &listing), 0);
		assert_int_equal(listing.count, 6);
		assert_int_equal(entry_named(&listing, "directory")->type, ENTRY_DIRECTORY);
		assert_int_equal(entry_named(&listing, "link")->type, ENTRY_SYMLINK);
		assert_string_equal(entry_named(&listing, "link")->target, "nowhere");
		assert_int_equal(entry_named(&listing, "fifo")->type, ENTRY_FILE);
		assert_int_equal(entry_named(&listing, "socket")->type, ENTRY_FILE);
		assert_int_equal(entry_named(&listing, "odd\n\377name")->type, ENTRY_FILE);
		assert_null(entry_named(&listing, "fifo")->target);
	}
}

static void lists_no_others(void **state)
{
	struct real *real = *state;
	struct host_view view = host_view_real(&real->fd);
	struct listing listing;

	assert_int_equal(view.list(view.context, "/nix/fifo", &listing), -ENOTDIR);
	assert_int_equal(view.list(view.context, "/nix/missing", &listing), -ENOENT);
	assert_int_equal(listing.count, 0);
}

/* As on a file system that does not tell the types of entries: FUSE, and some network ones. */
static bool has_no_types;

/* Instead of the first entry one of this name, which is no longer there, or cannot be looked at. */
static const char *first_name;

struct dirent *__real_fs_next_entry(DIR *dir);
struct dirent *__wrap_fs_next_entry(DIR *dir);

struct dirent *__wrap_fs_next_entry(DIR *dir)
{
	struct dirent *entry = __real_fs_next_entry(dir);

	if (entry && has_no_types)
		entry->d_type = DT_UNKNOWN;
	if (entry && first_name)
		strcpy(entry->d_name, first_name);
	first_name = NULL;
	return entry;
}

static void finds_out_the_types(void **state)
{
	const struct real *real = *state;
	struct host_view view = host_view_real(&real->fd);
	_cleanup_(listing_clear) struct listing listing = {0};

	has_no_types = true;
	lists_every_kind(state);
	first_name = "gone";
	assert_int_equal(view.list(view.context, "/nix", &listing), 0);
	assert_int_equal(listing.count, 5);
	listing_clear(&listing);
	first_name = "fifo/x";
	assert_int_equal(view.list(view.context, "/nix", &listing), 0);
	assert_int_equal(listing.count, 6);
	assert_int_equal(entry_named(&listing, "fifo/x")->type, ENTRY_DIRECTORY);
	has_no_types = false;
}

static void reads_files(void **state)
{
	const struct real *real = *state;
	struct host_view view = host_view_real(&real->fd);
	_cleanup_(host_file_clear) struct host_file file = {0};

	assert_int_equal(fs_replace_file(real->fd, "directory/text", "four", 4, 0640), 0);
	assert_int_equal(view.read(view.context, "/nix/directory/text", 4, &file), 0);
	assert_string_equal(file.text, "four");
	assert_int_equal(file.owner, geteuid());
	assert_int_equal(file.mode, S_IFREG | 0640);
	host_file_clear(&file);
	assert_int_equal(view.read(view.context, "/nix/directory/text", 3, &file), -EFBIG);
	assert_int_equal(view.read(view.context, "/nix/missing", 4, &file), -ENOENT);
	assert_int_equal(view.read(view.context, "/nix/fifo", 4, &file), -EINVAL);
	assert_int_equal(view.read(view.context, "/nix/directory", 4, &file), -EISDIR);
	assert_null(file.text);
}

static void looks_below_nix_and_beside_it(void **state)
{
	struct real *real = *state;
	struct host_view view = host_view_real(&real->fd);
	_cleanup_free_ char *target = NULL, *untouched = NULL;
	enum entry_type type;

	assert_int_equal(view.look(view.context, "/nix", &type, &untouched), 0);
	assert_int_equal(type, ENTRY_DIRECTORY);
	assert_int_equal(view.look(view.context, "/nix/fifo", &type, &untouched), 0);
	assert_int_equal(type, ENTRY_FILE);
	assert_int_equal(view.look(view.context, "/nix/link-to-directory", &type, &target), 0);
	assert_int_equal(type, ENTRY_SYMLINK);
	assert_string_equal(target, "directory");
	assert_int_equal(view.look(view.context, "/nix/missing", &type, &untouched), -ENOENT);
	/* its name begins like /nix, but it is another entry */
	assert_int_equal(view.look(view.context, "/nixfifo", &type, &untouched), -ENOENT);
	assert_int_equal(view.look(view.context, "/proc", &type, &untouched), 0);
	assert_int_equal(type, ENTRY_DIRECTORY);
	assert_null(untouched);
}

static void resolves_on_the_real_host(void **state)
{
	struct real *real = *state;
	struct host_view view = host_view_real(&real->fd);
	_cleanup_free_ char *resolved = NULL;
	enum entry_type type;

	assert_int_equal(
		host_resolve(&view, "/nix/link-to-directory/../fifo", true, &resolved, &type), 0);
	assert_string_equal(resolved, "/nix/fifo");
	assert_int_equal(type, ENTRY_FILE);
}

/* What LIST (else look) of PATH adds up to; the result of the call must be WANTED. */
static uint64_t seen(const struct place *place, const char *path, bool list, int wanted)
{
	struct host_watch watch = {.nix_dir_fd = place->fd};
	struct host_view view = host_view_watched(&watch);
	_cleanup_free_ char *full = path_join(place->path, path), *target = NULL;
	struct listing listing = {0};
	enum entry_type type;

	if (list)
		assert_int_equal(view.list(view.context, full, &listing), wanted);
	else
		assert_int_equal(view.look(view.context, full, &type, &target), wanted);
	listing_clear(&listing);
	return watch.seen;
}

/* A namespace is joined only if all that was seen is the same. */
static void sees_each_change(void **state)
{
	const struct place *place = *state;
	uint64_t none, file, link, empty, missing, closed;

	missing = seen(place, "d", true, -ENOENT);
	assert_int_equal(seen(place, "d", true, -ENOENT), missing);
	assert_int_not_equal(seen(place, "other", true, -ENOENT), missing);
	none = seen(place, "d/f", false, -ENOENT);
	assert_int_equal(seen(place, "d/f", false, -ENOENT), none);
	assert_int_not_equal(seen(place, "d/g", false, -ENOENT), none);
	assert_int_equal(mkdirat(place->fd, "d", 0755), 0);
	empty = seen(place, "d", true, 0);
	assert_int_not_equal(empty, missing);
	assert_int_equal(seen(place, "d", true, 0), empty);
	assert_int_equal(fs_replace_file(place->fd, "d/f", "", 0, 0644), 0);
	closed = seen(place, "d", true, 0);
	assert_int_not_equal(closed, empty);
	file = seen(place, "d/f", false, 0);
	assert_int_not_equal(file, none);
	assert_int_equal(seen(place, "d/f", false, 0), file);
	/* another file in its place */
	assert_int_equal(fs_replace_file(place->fd, "d/f", "", 0, 0644), 0);
	assert_int_not_equal(seen(place, "d/f", false, 0), file);
	assert_int_not_equal(seen(place, "d", true, 0), closed);
	assert_int_equal(unlinkat(place->fd, "d/f", 0), 0);
	assert_int_equal(symlinkat("a", place->fd, "d/f"), 0);
	link = seen(place, "d/f", false, 0);
	assert_int_equal(seen(place, "d/f", false, 0), link);
}

/* Not only the first of them counts, nor the names alone. */
static void sees_each_entry(void **state)
{
	/* one called nix is left out of / alone */
	static const char *const names[] = {"d/a", "d/b", "d/nix", "d/link"};
	const struct place *place = *state;

	assert_int_equal(mkdirat(place->fd, "d", 0755), 0);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(fs_replace_file(place->fd, names[i], "", 0, 0644), 0);
	assert_int_equal(symlinkat("a", place->fd, "d/link"), 0);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		uint64_t before = seen(place, "d", true, 0);

		assert_int_equal(renameat(place->fd, names[i], place->fd, "d/other"), 0);
		assert_int_not_equal(seen(place, "d", true, 0), before);
		assert_int_equal(renameat(place->fd, "d/other", place->fd, names[i]), 0);
		assert_int_equal(fs_replace_file(place->fd, "d/fresh", "", 0, 0644), 0);
		assert_int_equal(renameat(place->fd, "d/fresh", place->fd, names[i]), 0);
		assert_int_not_equal(seen(place, "d", true, 0), before);
	}
}

/* The directory NAME, with a link to the file "same", and a file OTHER, in this order or not. */
static void put_two(const struct place *place, const char *name, const char *other, bool in_order)
{
	_cleanup_free_ char *link = xasprintf("%s/same", name);
	_cleanup_free_ char *file = xasprintf("%s/%s", name, other);

	assert_int_equal(mkdirat(place->fd, name, 0755), 0);
	for (int i = 0; i < 2; i++)
		assert_int_equal((i == 0) == in_order
					 ? linkat(place->fd, "same", place->fd, link, 0)
					 : fs_replace_file(place->fd, file, "", 0, 0644),
				 0);
}

/* The entries that are listed after one that is the same: some file systems list the newest first.
 */
static void sees_the_second_entry(void **state)
{
	const struct place *place = *state;

	assert_int_equal(fs_replace_file(place->fd, "same", "", 0, 0644), 0);
	for (int in_order = 0; in_order < 2; in_order++) {
		uint64_t one;

		put_two(place, "d", "one", in_order);
		put_two(place, "e", "two", in_order);
		one = seen(place, "d", true, 0);
		assert_int_equal(renameat2(place->fd, "d", place->fd, "e", RENAME_EXCHANGE), 0);
		assert_int_not_equal(seen(place, "d", true, 0), one);
		assert_int_equal(fs_remove_tree(place->fd, "d"), 0);
		assert_int_equal(fs_remove_tree(place->fd, "e"), 0);
	}
}

/* What the list of / adds up to. */
static uint64_t seen_root(void)
{
	struct host_watch watch = {.nix_dir_fd = -1};
	struct host_view view = host_view_watched(&watch);
	struct listing listing = {0};

	if (view.list(view.context, "/", &listing) < 0)
		return 0;
	listing_clear(&listing);
	return watch.seen;
}

static const char *look_at_the_root(void *ctx)
{
	const struct place *place = ctx;
	uint64_t before, with_nix;

	if (unshare(CLONE_NEWUSER) < 0 || chroot(place->path) < 0 || chdir("/") < 0)
		return NULL; /* not to be had on this host */
	before = seen_root();
	if (before == 0)
		return "/ is not listed";
	if (mkdir("/nix", 0755) < 0)
		return NULL;
	with_nix = seen_root();
	if (with_nix != before)
		return "the host's /nix counts, which is covered inside";
	if (mkdir("/more", 0755) < 0 || seen_root() == before)
		return "a new directory in / is not seen";
	return NULL;
}

/* In / everything counts but /nix. */
static void sees_the_root(void **state)
{
	const struct place *place = *state;

	assert_int_equal(fs_replace_file(place->fd, "file", "", 0, 0644), 0);
	assert_in_child(look_at_the_root, *state);
}

/* What is seen begins anew with each watch, whatever its memory held. */
static void watches_begin_alike(void **state)
{
	const struct place *place = *state;
	struct host_watch one = {.nix_dir_fd = place->fd, .seen = 1};
	struct host_watch other = {.nix_dir_fd = place->fd, .seen = 2};
	const struct host_view view = host_view_watched(&one), last = host_view_watched(&other);

	assert_int_equal(one.seen, other.seen);
	assert_true(view.context == &one && last.context == &other);
}

static void writable_is_for_users(void **state)
{
	struct real *real = *state;
	struct host_view view = host_view_real(&real->fd);

	assert_int_equal(view.is_writable(view.context, real->path), geteuid() != 0);
	assert_int_equal(view.is_writable(view.context, "/nix/directory"), geteuid() != 0);
	assert_false(view.is_writable(view.context, "/proc/self"));
	assert_false(view.is_writable(view.context, "/nix/missing"));
}

static void knows_what_the_kernel_makes(void **state)
{
	struct real *real = *state;
	struct host_view view = host_view_real(&real->fd);

	assert_true(view.is_kernels(view.context, "/proc"));
	assert_true(view.is_kernels(view.context, "/proc/self/fd"));
	assert_false(view.is_kernels(view.context, real->path));
	assert_false(view.is_kernels(view.context, "/nix/directory"));
	assert_false(view.is_kernels(view.context, "/nix/missing"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(follows),
		cmocka_unit_test(goes_up_as_the_kernel_does),
		cmocka_unit_test(leaves_the_last_link),
		cmocka_unit_test(says_what_is_missing),
		cmocka_unit_test(nix_is_the_nix_directory),
		cmocka_unit_test(loops_end),
		cmocka_unit_test(forty_links_are_followed),
		cmocka_unit_test_setup_teardown(lists_every_kind, setup, teardown),
		cmocka_unit_test_setup_teardown(lists_no_others, setup, teardown),
		cmocka_unit_test_setup_teardown(finds_out_the_types, setup, teardown),
		cmocka_unit_test_setup_teardown(reads_files, setup, teardown),
		cmocka_unit_test_setup_teardown(looks_below_nix_and_beside_it, setup, teardown),
		cmocka_unit_test_setup_teardown(resolves_on_the_real_host, setup, teardown),
		cmocka_unit_test_setup_teardown(sees_each_change, place_setup, place_teardown),
		cmocka_unit_test_setup_teardown(sees_each_entry, place_setup, place_teardown),
		cmocka_unit_test_setup_teardown(sees_the_second_entry, place_setup, place_teardown),
		cmocka_unit_test_setup_teardown(sees_the_root, place_setup, place_teardown),
		cmocka_unit_test_setup_teardown(watches_begin_alike, place_setup, place_teardown),
		cmocka_unit_test_setup_teardown(writable_is_for_users, setup, teardown),
		cmocka_unit_test_setup_teardown(knows_what_the_kernel_makes, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
