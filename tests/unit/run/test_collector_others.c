/* Processes whose use of the store cannot be seen by Nix's garbage collector. */
#include "run/collector.h"
#include "util/cleanup.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/prctl.h>

#include <cmocka.h>

#include "../child.h"
#include "entries.h"
#include "own_mounts.h"

/* Processes, of which each has made namespaces in those of the one before it. */
struct chain {
	pid_t first, second;
	ino_t users[2]; /* their user namespaces */
};

static ino_t user_namespace(pid_t pid)
{
	_cleanup_free_ char *path = xasprintf("/proc/%d/ns/user", (int)pid);
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	return st.st_ino;
}

static _Noreturn void stay(int fd)
{
	pid_t pid = getpid();

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	(void)!write(fd, &pid, sizeof(pid));
	alarm(60);
	pause();
	_exit(0);
}

static void start(const struct place *place, struct chain *chain)
{
	int ends[2];

	assert_int_equal(pipe(ends), 0);
	chain->first = fork();
	if (chain->first == 0) {
		struct refusal refusal = {0};
		struct entry entry = {.nix_dir_fd = place->fd, .nix_dir = place->path};

		entry.is_new = true;
		if (userns_enter(&entry, &refusal) != 0)
			_exit(1);
		/* before the second says that it is there */
		prctl(PR_SET_NAME, "first");
		if (fork() == 0) {
			prctl(PR_SET_NAME, "second (x) y");
			if (unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0)
				stay(ends[1]);
			_exit(1);
		}
		alarm(60);
		pause();
		_exit(0);
	}
	close(ends[1]);
	assert_int_equal(read(ends[0], &chain->second, sizeof(chain->second)),
			 sizeof(chain->second));
	close(ends[0]);
	chain->users[0] = user_namespace(chain->first);
	chain->users[1] = user_namespace(chain->second);
}

/* The others of a collector in the user namespace OWN, one in a line; the caller frees. */
static char *others(int nix_fd, ino_t own)
{
	_cleanup_(strlist_clear) struct strlist found = {0};
	char *text;
	size_t len;
	FILE *f = xopen_memstream(&text, &len);

	collector_find_others(nix_fd, own, &found);
	for (size_t i = 0; i < found.count; i++)
		fprintf(f, "%s\n", found.items[i]);
	fclose(f);
	return text;
}

static int count_open(void)
{
	int count = 0;

	for (int fd = 0; fd < 256; fd++)
		count += fcntl(fd, F_GETFD) >= 0;
	return count;
}

static void named(void **state)
{
	const struct place *place = *state;
	_cleanup_close_ int sub = -1;
	_cleanup_free_ char *both = NULL, *below = NULL, *first = NULL, *none = NULL;
	_cleanup_free_ char *first_line = NULL, *second_line = NULL;
	struct chain chain;
	int open_before;

	start(place, &chain);
	open_before = count_open();
	first_line = xasprintf("%d (first)\n", (int)chain.first);
	second_line = xasprintf("%d (second (x) y)\n", (int)chain.second);
	both = others(place->fd, 0);
	assert_has(both, first_line);
	assert_has(both, second_line);
	assert_int_equal(strlen(both), strlen(first_line) + strlen(second_line));
	/* the collector sees what is in its own namespace, and in those below it */
	below = others(place->fd, chain.users[0]);
	assert_string_equal(below, "");
	first = others(place->fd, chain.users[1]);
	assert_string_equal(first, first_line);
	/* this process's own namespace is around all of them */
	free(below);
	below = others(place->fd, user_namespace(getpid()));
	assert_string_equal(below, "");
	/* no directory; and another one */
	free(both);
	both = others(place->fd, 0);
	none = others(-1, 0);
	assert_string_equal(none, "");
	free(none);
	/* among many processes, none leaves a descriptor open */
	assert_int_equal(count_open(), open_before);
	assert_int_equal(mkdirat(place->fd, "sub", 0755), 0);
	sub = fs_open_dir(place->fd, "sub");
	none = others(sub, 0);
	assert_string_equal(none, "");
	kill(chain.second, SIGKILL);
	entry_end(chain.first);
}

/* Who is in the same mount namespace is no other, whatever its /nix is. */
static int look_from_inside(const void *context)
{
	const struct place *place = context;
	struct refusal refusal = {0};
	_cleanup_free_ char *said = NULL;

	if (userns_enter(&(struct entry){.nix_dir_fd = place->fd, .nix_dir = place->path},
			 &refusal) != 0)
		return 99;
	said = others(place->fd, 0);
	printf("%s", said);
	return fflush(stdout);
}

static void from_inside(void **state)
{
	_cleanup_free_ char *said = NULL;
	int status;

	said = child_says(look_from_inside, *state, NULL, &status);
	assert_int_equal(status, 0);
	assert_string_equal(said, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(named, place_setup, place_teardown),
		cmocka_unit_test_setup_teardown(from_inside, place_setup, place_teardown),
	};

	if (own_mounts() < 0) {
		puts("1..0 # SKIP needs a host that lets users make namespaces");
		return 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
