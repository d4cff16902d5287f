/* Replacing the program of --update: only the file that was found, and one at a time. */
#include "install/update_place.h"
#include "util/sha256_stream.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "../capture.h"
#include "../nth.h"
#include "../place.h"

#define OLD "the old program"
#define NEW "the new one"

/* The program in a directory with nothing else, found as update_place_find() does. */
static struct update_place find(const struct place *place)
{
	struct update_place out = UPDATE_PLACE_NONE;

	setenv("HOME", place->path, 1);
	unsetenv("XDG_DATA_HOME");
	unsetenv("NIX_USER_CHROOT_DIR");
	assert_int_equal(fs_replace_file(place->fd, "program", OLD, strlen(OLD), 0711), 0);
	out.path = path_join(place->path, "program");
	out.fd = openat(place->fd, "program", O_RDONLY | O_CLOEXEC);
	out.dir_fd = fs_open_dir(place->fd, ".");
	out.mode = 0711;
	assert_true(out.fd >= 0 && out.dir_fd >= 0);
	return out;
}

/* Put the new program in PLACE. Returns what is said; the caller frees. *R: the result. */
static char *put(const struct update_place *place, int *r)
{
	const struct update_request request = {0};
	struct capture capture;
	struct sha256 sha256;

	assert_int_equal(sha256_of_bytes(NEW, strlen(NEW), &sha256), 0);
	capture_begin(&capture);
	*r = update_place_put(&request, place, NEW, strlen(NEW), &sha256);
	return capture_end(&capture);
}

/* The directory has the file "program" with TEXT, or none if that is NULL, and nothing else. */
static void assert_program(const struct place *place, const char *text)
{
	_cleanup_closedir_ DIR *dir = fs_list_dir(place->fd, ".");
	_cleanup_free_ char *data = NULL;
	struct dirent *entry;
	struct stat st;
	size_t len;

	assert_non_null(dir);
	while ((entry = fs_next_entry(dir)))
		assert_true(text && strcmp(entry->d_name, "program") == 0);
	if (!text)
		return;
	assert_int_equal(fs_read_file(place->fd, "program", 100, &data, &len), 0);
	assert_string_equal(data, text);
	assert_int_equal(fstatat(place->fd, "program", &st, 0), 0);
	assert_int_equal(st.st_mode & 07777, 0711);
}

static void replaced(void **state)
{
	struct update_place place = find(*state);
	_cleanup_free_ char *said = NULL;
	int r;

	said = put(&place, &r);
	assert_int_equal(r, 0);
	assert_string_equal(said, "");
	assert_program(*state, NEW);
	update_place_clear(&place);
}

/* While the new program was fetched, somebody has put another one there, or removed it. */
static void exchanged_meanwhile(void **state)
{
	const struct place *here = *state;

	for (int is_removed = 0; is_removed <= 1; is_removed++) {
		struct update_place place = find(here);
		_cleanup_free_ char *said = NULL;
		int r;

		if (is_removed)
			assert_int_equal(unlinkat(here->fd, "program", 0), 0);
		else
			assert_int_equal(fs_replace_file(here->fd, "program", "theirs", 6, 0711),
					 0);
		said = put(&place, &r);
		assert_int_equal(r, -1);
		assert_non_null(strstr(said, "was replaced or removed meanwhile"));
		assert_program(here, is_removed ? NULL : "theirs");
		update_place_clear(&place);
	}
}

static void another_is_at_work(void **state)
{
	const struct place *here = *state;
	struct update_place place = find(here);
	_cleanup_close_ int other = openat(here->fd, "program", O_RDONLY | O_CLOEXEC);
	_cleanup_free_ char *said = NULL, *later = NULL;
	int r;

	assert_int_equal(flock(other, LOCK_EX | LOCK_NB), 0);
	said = put(&place, &r);
	assert_int_equal(r, -1);
	assert_non_null(strstr(said, "another --update of"));
	assert_program(here, OLD);
	assert_int_equal(flock(other, LOCK_UN), 0);
	later = put(&place, &r);
	assert_int_equal(r, 0);
	assert_program(here, NEW);
	update_place_clear(&place);
}

/* The signals that were held back come through afterwards. */
static void signals_are_as_before(void **state)
{
	struct update_place place = find(*state);
	_cleanup_free_ char *said = NULL;
	sigset_t before, after;
	int r;

	sigemptyset(&before);
	sigprocmask(SIG_SETMASK, &before, NULL);
	said = put(&place, &r);
	sigprocmask(SIG_BLOCK, NULL, &after);
	for (int sig = 1; sig < NSIG; sig++)
		assert_int_equal(sigismember(&before, sig), sigismember(&after, sig));
	update_place_clear(&place);
}

struct hit {
	struct update_place place;
	int told[2]; /* a pipe for the pid of the process */
	int sig;
};

static int put_and_tell(void *ctx)
{
	const struct hit *hit = ctx;
	pid_t self = getpid();
	int r;

	if (write(hit->told[1], &self, sizeof(self)) != sizeof(self))
		return 1;
	free(put(&hit->place, &r));
	return 2;
}

static void send_it(void *ctx)
{
	const struct hit *hit = ctx;
	pid_t pid;

	assert_int_equal(read(hit->told[0], &pid, sizeof(pid)), sizeof(pid));
	assert_int_equal(kill(pid, hit->sig), 0);
}

/* A signal that comes while the program is replaced ends the process when all is done. */
static void signals_come_afterwards(void **state)
{
	static const int signals[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM};

	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
		const struct nth what = {.number = SYS_fsync, .nth = 1, .meanwhile = send_it};
		struct hit hit = {.place = find(*state), .sig = signals[i]};
		int status, r;

		assert_int_equal(pipe2(hit.told, O_CLOEXEC), 0);
		r = nth_happens(&what, put_and_tell, &hit, &status);
		close(hit.told[0]);
		close(hit.told[1]);
		update_place_clear(&hit.place);
		if (r < 0)
			skip();
		assert_int_equal(r, 1);
		assert_int_equal(status & 0x7f, hit.sig);
		assert_program(*state, NEW);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(replaced, place_setup, place_teardown),
		cmocka_unit_test_setup_teardown(exchanged_meanwhile, place_setup, place_teardown),
		cmocka_unit_test_setup_teardown(another_is_at_work, place_setup, place_teardown),
		cmocka_unit_test_setup_teardown(signals_are_as_before, place_setup, place_teardown),
		cmocka_unit_test_setup_teardown(signals_come_afterwards, place_setup,
						place_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
