/* The probe on a host that refuses one call of several that look the same. */
#include "host/probe.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

#include "../filter.h"

/* From now on the call waits for an answer, with this argument; -1: it cannot. */
static int ask_first(long number, unsigned arg, uint32_t value)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)number, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			 (uint32_t)(offsetof(struct seccomp_data, args) + arg * 8)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};

	return refuse_after_asking(code, sizeof(code) / sizeof(code[0]));
}

/* One call of several that look the same is refused. */
struct one_of_them {
	long number;
	unsigned arg;
	uint32_t value;
	int nth, err;
	int (*judge)(void); /* 0: what was to be seen was seen */
};

/* Returns the status of the judge; -1: the kernel is older than Linux 5.5. */
static int refuse_one(const struct one_of_them *one)
{
	int told[2], listener, status, number = 0;
	int64_t answer = -1; /* eight bytes: a write(2) of four may be the call */
	struct pollfd wait = {.events = POLLIN};
	pid_t pid;

	assert_int_equal(pipe(told), 0);
	/* by CLONE_FILES this process gets the listener, too */
	pid = (pid_t)syscall(SYS_clone, CLONE_FILES | SIGCHLD, 0, 0, 0, 0);
	if (pid == 0) {
		listener = ask_first(one->number, one->arg, one->value);
		answer = listener;
		(void)!write(told[1], &answer, sizeof(answer));
		/* descriptors of its own: the listener ends when this process does */
		_exit(listener < 0 || unshare(CLONE_FILES) < 0 ? 0 : one->judge());
	}
	assert_int_equal(read(told[0], &answer, sizeof(answer)), sizeof(answer));
	listener = (int)answer;
	close(told[0]);
	close(told[1]);
	wait.fd = listener;
	while (listener >= 0 && poll(&wait, 1, 60000) > 0 && (wait.revents & POLLIN)) {
		struct seccomp_notif call = {0};
		struct seccomp_notif_resp response = {0};

		if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &call) < 0)
			continue;
		response.id = call.id;
		if (++number == one->nth)
			response.error = -one->err;
		else
			response.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
		(void)!ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &response);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (listener >= 0)
		close(listener);
	return listener < 0 ? -1 : status;
}

static int judge_nested(const char *words)
{
	struct probe probe;

	return probe_run(&probe) == 0 && probe_can_enter(&probe) &&
			       strcmp(probe_failure(&probe.steps[CHECK_NESTED_NAMESPACE]), words) ==
				       0
		       ? 0
		       : 1;
}

static int judge_mount(void)
{
	return judge_nested("mount inside: Permission denied");
}

static int judge_maps(void)
{
	return judge_nested("/proc/self/setgroups: Operation not permitted");
}

static int judge_first(void)
{
	struct probe probe;

	return probe_run(&probe) == -EMFILE ? 0 : 1;
}

/* A call that fails inside, or once, after others like it worked, or before they do. */
static void one_of_several(void **state)
{
	static const struct one_of_them all[] = {
		{SYS_pipe2, 1, O_CLOEXEC, 1, EMFILE, judge_first},
		{SYS_mount, 3, MS_SLAVE | MS_REC, 2, EACCES, judge_mount},
		{SYS_write, 2, 4, 2, EPERM, judge_maps},
	};
	size_t count = filter_host_allows_all() ? 3 : 1;

	(void)state;
	for (size_t i = 0; i < count; i++) {
		int status = refuse_one(&all[i]);

		if (status == -1)
			skip();
		assert_int_equal(status, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_of_several),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
