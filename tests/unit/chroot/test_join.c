/* Whose namespace is joined: who is no longer there, and what a failure leaves open. */
#include "chroot/join.h"
#include "util/cleanup.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "../place.h"

/* No process has this number: pid_max is at most 4 Mi. */
#define NO_PROCESS 0x7ffffff0

static void roots(void **state)
{
	_cleanup_close_ int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct chroot_root here, other;
	const struct place *place = *state;
	pid_t child;

	assert_int_equal(chroot_root_read(root, &here), 0);
	assert_int_equal(chroot_root_read(-1, &other), -EBADF);
	assert_int_equal(chroot_root_read(place->fd, &other), 0);
	assert_true(chroot_is_in(getpid(), &here));
	assert_false(chroot_is_in(NO_PROCESS, &here));
	assert_false(chroot_is_in(getpid(), &other));
	other = here;
	other.changed++;
	assert_false(chroot_is_in(getpid(), &other));
	/* a zombie is nowhere */
	child = fork();
	if (child == 0)
		_exit(0);
	assert_int_equal(waitid(P_PID, (id_t)child, &(siginfo_t){0}, WEXITED | WNOWAIT), 0);
	assert_false(chroot_is_in(child, &here));
	assert_int_equal(waitpid(child, NULL, 0), child);
}

/* Which of the descriptors 0 to 9 are open, as bits. */
static unsigned open_descriptors(void)
{
	unsigned open = 0;

	for (int fd = 0; fd < 10; fd++)
		open |= fcntl(fd, F_GETFD) < 0 ? 0 : 1U << fd;
	return open;
}

static void no_door(void **state)
{
	const struct place *place = *state;
	_cleanup_close_ int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct chroot_door door = CHROOT_NO_DOOR;
	struct chroot_root here, other;
	unsigned before;

	assert_int_equal(chroot_root_read(root, &here), 0);
	assert_int_equal(chroot_root_read(place->fd, &other), 0);
	before = open_descriptors();
	assert_int_equal(chroot_open_door(NO_PROCESS, &here, place->fd, &door), -ESRCH);
	assert_int_equal(open_descriptors(), before);
	assert_int_equal(chroot_open_door(getpid(), &other, place->fd, &door), -ESRCH);
	assert_int_equal(open_descriptors(), before);
	/* this process is in no namespace of ours: neither its /nix nor its user namespace fit */
	assert_int_equal(chroot_open_door(getpid(), &here, place->fd, &door), -EPERM);
	assert_int_equal(chroot_open_door(getpid(), &here, -1, &door), -EPERM);
	assert_int_equal(open_descriptors(), before);
	chroot_door_close(&door);
	assert_int_equal(open_descriptors(), before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(roots, place_setup, place_teardown),
		cmocka_unit_test_setup_teardown(no_door, place_setup, place_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
