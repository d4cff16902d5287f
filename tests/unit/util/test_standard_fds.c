/* Descriptors 0 to 2 that were closed: guarded until a program is started, or filled for all. */
#include "util/standard_fds.h"
#include "util/fs.h"
#include "util/str.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/resource.h>

#include <cmocka.h>

#include "../child.h"

/* Leaves "/" as descriptors 0 to 2, but for those whose bit is in CLOSED. */
static void close_some(unsigned closed)
{
	int root = open("/", O_PATH | O_CLOEXEC);

	for (int fd = 0; fd <= 2; fd++)
		if (dup2(root, fd) == fd && closed & 1U << fd)
			close(fd);
	close(root);
}

static bool is_null(int fd)
{
	struct stat st, null;

	return fstat(fd, &st) == 0 && stat("/dev/null", &null) == 0 && st.st_rdev == null.st_rdev;
}

static const char *guard(void *ctx)
{
	unsigned which = *(const unsigned *)ctx;
	int fd;
	char c;

	close_some(which);
	if (standard_fds_guard() != 0)
		return "not guarded";
	fd = open("/", O_PATH | O_CLOEXEC);
	if (fd <= 2)
		return "a file became one of them";
	for (fd = 0; fd <= 2; fd++) {
		bool was_closed = which & 1U << fd;

		if (was_closed != (fcntl(fd, F_GETFD) == FD_CLOEXEC))
			return "the wrong ones are closed by exec";
		if (was_closed &&
		    ((fd == 0 ? read(fd, &c, 1) : write(fd, "x", 1)) >= 0 || errno != EBADF))
			return "one that was closed is of use";
	}
	return NULL;
}

/* All three are open, also for programs, and those of WHICH are /dev/null, for reading and writing.
 */
static const char *look_at_filled(unsigned which)
{
	for (int fd = 0; fd <= 2; fd++) {
		if (fcntl(fd, F_GETFD) != 0)
			return "one is closed, now or by exec";
		if (which & 1U << fd &&
		    (!is_null(fd) || (fcntl(fd, F_GETFL) & O_ACCMODE) != O_RDWR))
			return "one is not /dev/null";
		if (!(which & 1U << fd) && is_null(fd))
			return "one that was open was taken";
	}
	return NULL;
}

/* NEXT is the lowest number that is free but for 0 to 2. */
static const char *fill(unsigned which, int next)
{
	const char *wrong;

	if (standard_fds_fill() != 0)
		return "not filled";
	wrong = look_at_filled(which);
	if (wrong)
		return wrong;
	return open("/", O_PATH) == next ? NULL : "a descriptor is left over";
}

static int next_descriptor(void)
{
	int next = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);

	close(next);
	return next;
}

static const char *fill_closed(void *ctx)
{
	unsigned which = *(const unsigned *)ctx;
	int next = next_descriptor();

	close_some(which);
	return fill(which, next);
}

static const char *fill_guarded(void *ctx)
{
	unsigned which = *(const unsigned *)ctx;
	int next = next_descriptor();

	close_some(which);
	return standard_fds_guard() != 0 ? "not guarded" : fill(which, next);
}

static const char *no_file_may_be_opened(void *ctx)
{
	const struct rlimit none = {0, 0};

	(void)ctx;
	if (setrlimit(RLIMIT_NOFILE, &none) < 0)
		return "no limit";
	if (standard_fds_guard() != 0 || standard_fds_fill() != 0)
		return "something is opened though nothing is closed";
	close(1);
	if (standard_fds_guard() != -EMFILE || standard_fds_fill() != -EMFILE)
		return "no error";
	return NULL;
}

static void try_each(const char *(*try)(void *ctx))
{
	for (unsigned which = 0; which < 8; which++)
		assert_in_child(try, &which);
}

static void guarded(void **state)
{
	(void)state;
	try_each(guard);
}

static void filled(void **state)
{
	(void)state;
	try_each(fill_closed);
	try_each(fill_guarded);
}

static void refused(void **state)
{
	(void)state;
	assert_in_child(no_file_may_be_opened, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(guarded),
		cmocka_unit_test(filled),
		cmocka_unit_test(refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
