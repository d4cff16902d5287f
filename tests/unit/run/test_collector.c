/*
 * Which commands collect garbage, and which roots they would miss.
 */
#include "run/collector.h"
#include "util/cleanup.h"
#include "util/fs.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "../capture.h"
#include "../place.h"

static int setup(void **state)
{
	if (empty_environment(state) != 0)
		return -1;
	return place_setup(state);
}

static enum collecting recognise(const struct place *place, const char *line)
{
	_cleanup_free_ char *words = xstrdup(line);
	char *argv[16] = {0}, *rest = words;
	size_t count = 0;

	while (rest && count < 15)
		argv[count++] = strsep(&rest, " ");
	return collector_recognise(argv[0], argv, place->fd);
}

static void commands(void **state)
{
	static const char *const collecting[] = {
		"nix-collect-garbage",
		"/nix/bin/nix-collect-garbage -d",
		"nix-store --gc",
		"nix-store --option a b --gc",
		"nix-store --delete /nix/store/x",
		"nix store gc",
		"nix --option cores 1 store gc --max 1",
		"nix store delete /nix/store/x",
	};
	static const char *const others[] = {
		"nix-store -r x",
		"nix store info",
		"nix build store",
		"gc",
		"nix-build --gc",
		"store gc",
		"my-nix-collect-garbage",
		"nix",
		"sh -c nix-collect-garbage",
		"",
	};
	const struct place *place = *state;
	char store[] = "store", gc[] = "gc", *without[] = {NULL, store, gc, NULL};

	for (size_t i = 0; i < sizeof(collecting) / sizeof(collecting[0]); i++)
		if (recognise(place, collecting[i]) != COLLECTING_ALWAYS)
			fail_msg("not recognised: %s", collecting[i]);
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (recognise(place, others[i]) != COLLECTING_NEVER)
			fail_msg("taken for a collector: %s", others[i]);
	assert_int_equal(collector_recognise(NULL, NULL, place->fd), COLLECTING_NEVER);
	/* a link of the profile, called without a word: what is behind the end does not count */
	assert_int_equal(collector_recognise("nix", without, place->fd), COLLECTING_NEVER);
	assert_int_equal(collector_recognise("nix", NULL, place->fd), COLLECTING_NEVER);
}

static void write_conf(const struct place *place, const char *text)
{
	assert_int_equal(fs_mkdirs(place->fd, "etc/nix", 0755), 0);
	assert_int_equal(fs_replace_file(place->fd, "etc/nix/nix.conf", text, strlen(text), 0644),
			 0);
}

static void min_free(void **state)
{
	const struct place *place = *state;

	write_conf(place, "cores = 1\n  min-free=\t1G # a gigabyte\n");
	assert_int_equal(recognise(place, "nix-build"), COLLECTING_PERHAPS);
	assert_int_equal(recognise(place, "nix build"), COLLECTING_PERHAPS);
	assert_int_equal(recognise(place, "bash"), COLLECTING_NEVER);
	/* the variable has precedence */
	setenv("NIX_CONFIG", "min-free = 0", 1);
	assert_int_equal(recognise(place, "nix-build"), COLLECTING_NEVER);
	unsetenv("NIX_CONFIG");
	write_conf(place, "min-free = 1\nmin-free = 0\n");
	assert_int_equal(recognise(place, "nix-build"), COLLECTING_NEVER);
	write_conf(place, "# min-free = 1\nmin-free-check-interval = 5\n");
	assert_int_equal(recognise(place, "nix-build"), COLLECTING_NEVER);
	setenv("NIX_CONFIG", "cores = 1\nmin-free = 0100", 1);
	assert_int_equal(recognise(place, "nix-build"), COLLECTING_PERHAPS);
	unsetenv("NIX_CONFIG");
	assert_int_equal(recognise(place, "nix-build --min-free 1"), COLLECTING_PERHAPS);
	write_conf(place, "min-free = 9\n");
	assert_int_equal(recognise(place, "nix-build"), COLLECTING_PERHAPS);
	write_conf(place, "min-free = x\n");
	assert_int_equal(recognise(place, "nix-build"), COLLECTING_NEVER);
	write_conf(place, "min-free = 1\nmin-free\nmin-free x = 0\n");
	assert_int_equal(recognise(place, "nix-build"), COLLECTING_PERHAPS);
}

static void roots(void **state)
{
	const struct place *place = *state;
	_cleanup_(strlist_clear) struct strlist list = {0}, none = {0}, others = {0}, both = {0};
	_cleanup_free_ char *root = path_join(place->path, "result"), *said = NULL;
	_cleanup_free_ char *below = NULL;
	struct capture capture;

	assert_int_equal(fs_mkdirs(place->fd, "var/nix/gcroots/auto", 0755), 0);
	assert_int_equal(symlinkat("/nix/store/x", place->fd, "result"), 0);
	assert_int_equal(symlinkat(root, place->fd, "var/nix/gcroots/auto/a"), 0);
	assert_int_equal(symlinkat("/nonexistent/result", place->fd, "var/nix/gcroots/auto/b"), 0);
	assert_int_equal(symlinkat("/nix/var", place->fd, "var/nix/gcroots/auto/c"), 0);
	assert_int_equal(symlinkat("relative", place->fd, "var/nix/gcroots/auto/d"), 0);
	collector_find_roots(place->fd, &list);
	assert_int_equal(list.count, 1);
	assert_string_equal(list.items[0], root);
	assert_int_equal(collector_check(COLLECTING_ALWAYS, &list, &none), 0);

	assert_int_equal(unlinkat(place->fd, "result", 0), 0);
	strlist_add(&others, "1 (\033[31mred)");
	capture_begin(&capture);
	assert_int_equal(collector_check(COLLECTING_ALWAYS, &list, &none), -1);
	assert_int_equal(collector_check(COLLECTING_PERHAPS, &list, &none), 0);
	assert_int_equal(collector_check(COLLECTING_ALWAYS, &none, &others), -1);
	assert_int_equal(collector_check(COLLECTING_PERHAPS, &none, &others), 0);
	assert_int_equal(collector_check(COLLECTING_NEVER, &list, &others), 0);
	setenv("NIX_USER_CHROOT_COLLECT_ANYWAY", "1", 1);
	assert_int_equal(collector_check(COLLECTING_ALWAYS, &list, &others), 0);
	unsetenv("NIX_USER_CHROOT_COLLECT_ANYWAY");
	/* one that is there, before one that is not */
	strlist_add(&both, place->path);
	strlist_add(&both, root);
	assert_int_equal(collector_check(COLLECTING_ALWAYS, &both, &none), -1);
	/* below a file there is nothing either */
	below = path_join(place->path, "file/result");
	assert_int_equal(fs_replace_file(place->fd, "file", "", 0, 0644), 0);
	strlist_add(&list, below);
	assert_int_equal(collector_check(COLLECTING_ALWAYS, &list, &none), -1);
	said = capture_end(&capture);
	assert_non_null(strstr(said, "1 of its roots is missing inside, such as /"));
	assert_non_null(strstr(said, "so that what it keeps would be deleted"));
	assert_non_null(strstr(said, "2 of its roots are missing inside, such as /"));
	assert_non_null(strstr(said, "so that what they keep would be deleted"));
	assert_non_null(strstr(said, "cannot be seen from here: 1 (\\u001B[31mred)"));
	assert_non_null(strstr(said, "min-free is set"));
	assert_null(strchr(said, '\033'));
}

/* Where nobody can look, a root may be there: it is no reason to refuse. */
static void roots_that_cannot_be_seen(void **state)
{
	const struct place *place = *state;
	_cleanup_(strlist_clear) struct strlist list = {0}, none = {0};
	_cleanup_free_ char *root = path_join(place->path, "closed/result");

	if (geteuid() == 0)
		skip();
	assert_int_equal(mkdirat(place->fd, "closed", 0), 0);
	strlist_add(&list, root);
	assert_int_equal(collector_check(COLLECTING_ALWAYS, &list, &none), 0);
	assert_int_equal(fchmodat(place->fd, "closed", 0700, 0), 0);
}

/* A message names at most eight processes. */
static void many_others(void **state)
{
	_cleanup_(strlist_clear) struct strlist others = {0}, none = {0};
	_cleanup_free_ char *eight = NULL, *ten = NULL;
	struct capture capture;

	(void)state;
	for (int i = 1; i <= 8; i++)
		strlist_take(&others, xasprintf("%d (x)", i));
	capture_begin(&capture);
	assert_int_equal(collector_check(COLLECTING_ALWAYS, &none, &others), -1);
	eight = capture_end(&capture);
	assert_non_null(strstr(
		eight, "from here: 1 (x), 2 (x), 3 (x), 4 (x), 5 (x), 6 (x), 7 (x), 8 (x)\n"));
	strlist_add(&others, "9 (x)");
	strlist_add(&others, "10 (x)");
	capture_begin(&capture);
	assert_int_equal(collector_check(COLLECTING_PERHAPS, &none, &others), 0);
	ten = capture_end(&capture);
	assert_non_null(strstr(ten, "7 (x), 8 (x) and 2 more\n"));
}

/* The user's own nix.conf wins over that of the Nix directory. */
static void min_free_of_the_user(void **state)
{
	const struct place *place = *state;

	write_conf(place, "min-free = 1\n");
	setenv("XDG_CONFIG_HOME", place->path, 1);
	assert_int_equal(recognise(place, "nix-build"), COLLECTING_PERHAPS);
	assert_int_equal(fs_mkdirs(place->fd, "nix", 0755), 0);
	assert_int_equal(fs_replace_file(place->fd, "nix/nix.conf", "min-free=0\n", 11, 0644), 0);
	assert_int_equal(recognise(place, "nix-build"), COLLECTING_NEVER);
	assert_int_equal(fs_replace_file(place->fd, "nix/nix.conf", "cores = 1\n", 10, 0644), 0);
	assert_int_equal(recognise(place, "nix-build"), COLLECTING_PERHAPS);
	setenv("NIX_CONFIG", "cores = 1", 1);
	assert_int_equal(recognise(place, "nix-build"), COLLECTING_PERHAPS);
	assert_int_equal(recognise(place, "nix-store --gcx"), COLLECTING_PERHAPS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(commands, setup, place_teardown),
		cmocka_unit_test_setup_teardown(min_free, setup, place_teardown),
		cmocka_unit_test_setup_teardown(min_free_of_the_user, setup, place_teardown),
		cmocka_unit_test_setup_teardown(roots, setup, place_teardown),
		cmocka_unit_test_setup_teardown(roots_that_cannot_be_seen, setup, place_teardown),
		cmocka_unit_test(many_others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
