/* What a process that Landlock confines can do still, by each version of Landlock; capabilities. */
#include "util/landlock.h"
#include "util/capability.h"
#include "util/cleanup.h"

#include <errno.h>
#include <netinet/in.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>

#include <cmocka.h>

#include "../child.h"
#include "../place.h"
#include "../refuse.h"

struct confined {
	const struct place *place;
	int abi;
	struct sockaddr_un abstract; /* where somebody listens */
	socklen_t len;
};

/* What may be done below the working directory, and what may not. */
static const char *try_below(int abi)
{
	_cleanup_close_ int file = openat(AT_FDCWD, "in/f", O_RDWR | O_CREAT | O_CLOEXEC, 0755);
	char c;

	if (file < 0 || write(file, "x", 1) != 1 || pread(file, &c, 1, 0) != 1)
		return "a file cannot be made, written or read";
	if (truncate("in/f", 0) < 0)
		return "a file cannot be cut";
	if (mkdir("in/d", 0755) < 0 || symlink("f", "in/link") < 0)
		return "a directory or a symlink cannot be made";
	if (close(open("in", O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0)
		return "a directory cannot be read";
	if ((link("in/f", "in/d/f") == 0) != (abi >= LANDLOCK_ABI_LINKS))
		return "a link into another directory";
	if (unlink("in/f") == 0 || rmdir("in/d") == 0)
		return "something could be removed";
	if (mkfifo("in/fifo", 0600) == 0)
		return "a fifo could be made";
	execl("in/program", "program", NULL);
	return errno == EACCES ? NULL : "a program could be executed";
}

static bool can_connect(const struct confined *confined)
{
	_cleanup_close_ int sock = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	return connect(sock, (const struct sockaddr *)&confined->abstract, confined->len) == 0;
}

static const char *try_elsewhere(int abi)
{
	const struct sockaddr_in address = {.sin_family = AF_INET,
					    .sin_addr = {htonl(INADDR_LOOPBACK)}};
	_cleanup_close_ int sock = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (open("out", O_RDONLY | O_CLOEXEC) >= 0 || open("../out", O_RDONLY | O_CLOEXEC) >= 0 ||
	    open("../out", O_WRONLY | O_CLOEXEC) >= 0 || open("..", O_RDONLY | O_CLOEXEC) >= 0)
		return "a file elsewhere could be opened";
	if (mkdir("../d", 0755) == 0 || link("../out", "in/out") == 0)
		return "something elsewhere could be made or linked";
	if ((truncate("../out", 0) < 0) != (abi >= 3))
		return "a file elsewhere that is cut";
	if (bind(sock, (const struct sockaddr *)&address, sizeof(address)) == 0
		    ? abi >= 4
		    : abi < 4 && errno == EACCES)
		return "TCP";
	if ((kill(getppid(), 0) < 0) != (abi >= 6))
		return "a signal to another process";
	return NULL;
}

static const char *confine(void *ctx)
{
	const struct confined *confined = ctx;
	const char *wrong;
	int r;

	if (fchdir(confined->place->fd) < 0 || chdir("below") < 0)
		return "no directory";
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return "no_new_privs";
	r = landlock_enter(confined->abi);
	if (r != 0)
		return xasprintf("not entered: %s", strerror(-r));
	if (can_connect(confined) != (confined->abi < 6))
		return "an abstract socket";
	wrong = try_elsewhere(confined->abi);
	return wrong ? wrong : try_below(confined->abi);
}

static void every_version(void **state)
{
	const struct place *place = *state;
	struct confined confined = {place, 1, {.sun_family = AF_UNIX}, sizeof(confined.abstract)};
	_cleanup_close_ int sock = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int abi = landlock_abi();

	if (abi == 0)
		skip();
	/* without a name the kernel chooses an abstract one: unix(7) */
	assert_int_equal(bind(sock, (struct sockaddr *)&confined.abstract, sizeof(sa_family_t)), 0);
	assert_int_equal(getsockname(sock, (struct sockaddr *)&confined.abstract, &confined.len),
			 0);
	assert_int_equal(listen(sock, 50), 0);
	for (; confined.abi <= abi; confined.abi++) {
		assert_int_equal(fs_mkdirs(place->fd, "below/in", 0755), 0);
		assert_int_equal(fs_replace_file(place->fd, "out", "x", 1, 0644), 0);
		free(place_script(place, "below/in/program", "exit 0"));
		assert_in_child(confine, &confined);
		assert_int_equal(fs_remove_tree(place->fd, "below"), 0);
	}
}

static const char *ask_device(void *ctx)
{
	const int *abi = ctx;
	struct winsize size;
	int null;

	if (chdir("/dev") < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
	    landlock_enter(*abi) != 0)
		return "not entered";
	null = open("null", O_RDWR | O_CLOEXEC);
	if (null < 0)
		return "no device";
	/* a device that knows no such request answers ENOTTY */
	if (ioctl(null, TIOCGWINSZ, &size) == 0 || (errno == EACCES) != (*abi >= 5))
		return xasprintf("version %d: %s", *abi, strerror(errno));
	return NULL;
}

/* Devices get no request, as soon as the kernel can prevent it. */
static void devices(void **state)
{
	int known = landlock_abi();

	(void)state;
	for (int abi = 1; abi <= known; abi++)
		assert_in_child(ask_device, &abi);
}

/* The answer of a kernel of the version *CTX, whatever kernel this is. */
static const char *ask(void *ctx)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 444, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	int listener = refuse_after_asking(code, sizeof(code) / sizeof(code[0])), status;
	struct seccomp_notif_resp response = {.val = *(const int *)ctx};
	struct seccomp_notif call = {0};
	pid_t child;

	if (listener < 0)
		return NULL;
	child = fork();
	if (child == 0)
		_exit(landlock_abi());
	if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &call) < 0)
		return "the kernel is not asked";
	response.id = call.id;
	if (ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &response) < 0 ||
	    waitpid(child, &status, 0) != child)
		return "no answer";
	return WEXITSTATUS(status) == response.val ? NULL : "another version";
}

static void versions(void **state)
{
	long known = syscall(444, NULL, 0, 1);

	(void)state;
	assert_int_equal(landlock_abi(), known < 0 ? 0 : known);
	for (int abi = 0; abi <= 3; abi++)
		assert_in_child(ask, &abi);
}

static const char *refused(void *ctx)
{
	(void)ctx;
	if (geteuid() == 0 && capability_set(0, 0) < 0)
		return "capabilities cannot be given up";
	/* without no_new_privs this needs a privilege */
	if (landlock_enter(landlock_abi()) != -EPERM)
		return "confined without no_new_privs";
	return NULL;
}

static void without_the_right(void **state)
{
	(void)state;
	if (landlock_abi() == 0)
		skip();
	assert_in_child(refused, NULL);
}

/* 21 is CAP_SYS_ADMIN, and 37 CAP_AUDIT_READ: in another word of the sets */
static const char *hold(void *ctx)
{
	const uint64_t low = UINT64_C(1) << 21, high = UINT64_C(1) << 37;

	(void)ctx;
	if (!capability_held(21) || !capability_held(37))
		return "not held in a new user namespace";
	if (capability_set(low | high, high) != 0)
		return "not set";
	if (capability_held(21) || capability_held(5) || !capability_held(37))
		return "37 alone should be in effect";
	if (capability_set(low | high, low) != 0)
		return "not set again";
	if (!capability_held(21) || capability_held(37) || capability_held(53))
		return "21 alone should be in effect";
	if (capability_set(low, 0) != 0 || capability_held(21))
		return "none should be in effect";
	if (capability_set(high, 0) != -EPERM)
		return "one that was given up came back";
	if (capability_set(0, 0) != 0 || capability_set(low, low) != -EPERM)
		return "not given up";
	return NULL;
}

static const char *hold_in_namespace(void *ctx)
{
	/* root has them already; a user has them in a namespace of its own, if there can be one */
	if (geteuid() != 0 && unshare(CLONE_NEWUSER) < 0)
		_exit(0);
	if (geteuid() == 0 && !(capability_held(21) && capability_held(37)))
		_exit(0);
	return hold(ctx);
}

static void capabilities(void **state)
{
	(void)state;
	assert_in_child(hold_in_namespace, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(every_version, place_setup, place_teardown),
		cmocka_unit_test(devices),
		cmocka_unit_test(versions),
		cmocka_unit_test(without_the_right),
		cmocka_unit_test(capabilities),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
