/* The supervisor: each test in a process of its own, since it may end by a signal. */
#include "install/supervise.h"
#include "util/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "../capture.h"
#include "../orphan.h"
#include "../refuse.h"

/* The words that the process under test writes to a pipe. */
#define WORKING	   'w'
#define CLEANED_UP 'c'

struct scene {
	int out; /* the pipe's writing end */
	int status;
	int sig; /* the signal that the work raises, or 0 */
};

static void say(const struct scene *scene, char word)
{
	assert_int_equal(write(scene->out, &word, 1), 1);
}

static void clean_up(void *ctx, pid_t child)
{
	/* the child is dead: a signal would not find it */
	if (kill(child, 0) < 0 && errno == ESRCH)
		say(ctx, CLEANED_UP);
}

/*
 * Runs RUN in a process, and returns its process ID; *IN becomes the reading end of the pipe. RUN
 * returns the exit status.
 */
static pid_t start(int (*run)(struct scene *), int *in)
{
	struct scene scene = {0};
	int ends[2];
	pid_t pid;

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

		dup2(null, STDERR_FILENO);
		close(ends[0]);
		scene.out = ends[1];
		_exit(run(&scene));
	}
	close(ends[1]);
	*in = ends[0];
	return pid;
}

/* Returns the next word, or 0 when no process has the writing end any more. */
static char hear(int in)
{
	char word;

	return read(in, &word, 1) == 1 ? word : 0;
}

static int wait_for(pid_t pid)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static int end_with(void *ctx)
{
	const struct scene *scene = ctx;

	if (scene->sig)
		raise(scene->sig);
	return scene->status;
}

static int run_well(struct scene *scene)
{
	return supervise(&(struct supervise_job){end_with, clean_up, scene}) == 0 ? 0 : 1;
}

static int run_failing(struct scene *scene)
{
	scene->status = 7;
	return supervise(&(struct supervise_job){end_with, clean_up, scene}) == 7 ? 0 : 1;
}

static int run_killed(struct scene *scene)
{
	scene->sig = SIGKILL;
	return supervise(&(struct supervise_job){end_with, clean_up, scene}) == -1 ? 0 : 1;
}

/* The caller ignores SIGCHLD, and must get that setting back. */
static int run_unreaped(struct scene *scene)
{
	struct sigaction action;

	signal(SIGCHLD, SIG_IGN);
	if (run_failing(scene) != 0)
		return 1;
	sigaction(SIGCHLD, NULL, &action);
	return action.sa_handler == SIG_IGN ? 0 : 2;
}

static void statuses(void **state)
{
	static const struct {
		int (*run)(struct scene *);
		char said;
	} cases[] = {{run_well, 0},
		     {run_failing, CLEANED_UP},
		     {run_killed, CLEANED_UP},
		     {run_unreaped, CLEANED_UP}};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		_cleanup_close_ int in = -1;
		pid_t pid = start(cases[i].run, &in);

		assert_int_equal(hear(in), cases[i].said);
		assert_int_equal(wait_for(pid), 0);
	}
}

static void a_death_is_said(void **state)
{
	struct scene scene = {.sig = SIGSEGV};
	_cleanup_free_ char *said = NULL;
	struct rlimit no_core = {0, 0};
	struct capture capture;
	int ends[2], r;

	(void)state;
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	scene.out = ends[1];
	setrlimit(RLIMIT_CORE, &no_core);
	/* a sanitizer would handle SIGSEGV itself, and exit */
	signal(SIGSEGV, SIG_DFL);
	capture_begin(&capture);
	r = supervise(&(struct supervise_job){end_with, clean_up, &scene});
	said = capture_end(&capture);
	assert_int_equal(r, -1);
	assert_non_null(strstr(said, "ended by signal 11"));
	assert_non_null(strstr(said, "\n  run nix-user-chroot --install again"));
	close(ends[0]);
	close(ends[1]);
}

static int look_at_descriptors(void *ctx)
{
	(void)ctx;
	for (int fd = 0; fd <= 2; fd++)
		if (fcntl(fd, F_GETFD) < 0)
			return 1 + fd;
	return 0;
}

static int run_closed(struct scene *scene)
{
	for (int fd = 0; fd <= 2; fd++)
		close(fd);
	if (supervise(&(struct supervise_job){look_at_descriptors, clean_up, scene}) != 0)
		return 1;
	/* no descriptor may be left open for a command that comes afterwards */
	return fcntl(0, F_GETFD) < 0 && fcntl(1, F_GETFD) < 0 && fcntl(2, F_GETFD) < 0 ? 0 : 2;
}

static void closed_descriptors(void **state)
{
	_cleanup_close_ int in = -1;
	pid_t pid = start(run_closed, &in);

	(void)state;
	assert_int_equal(wait_for(pid), 0);
}

static int work_once(void *ctx)
{
	say(ctx, WORKING);
	return 0;
}

static int run_unfilled(struct scene *scene)
{
	close(STDIN_FILENO);
	refuse_call(SYS_openat, -1, EMFILE);
	return supervise(&(struct supervise_job){work_once, clean_up, scene}) == EXIT_FAILURE ? 0
											      : 1;
}

/* A file of the work's would become its stdin. */
static void descriptors_that_cannot_be_filled(void **state)
{
	_cleanup_close_ int in = -1;
	pid_t pid = start(run_unfilled, &in);
	int status;

	(void)state;
	assert_int_equal(hear(in), CLEANED_UP);
	status = wait_for(pid);
	if (WIFEXITED(status) && WEXITSTATUS(status) == NO_FILTER)
		skip();
	assert_int_equal(status, 0);
}

static int write_too_much(void *ctx)
{
	const struct rlimit limit = {1, 1};
	FILE *f = tmpfile();

	(void)ctx;
	if (!f || setrlimit(RLIMIT_FSIZE, &limit) < 0)
		return 1;
	return write(fileno(f), "xy", 2) == 1 && write(fileno(f), "y", 1) < 0 && errno == EFBIG ? 0
												: 2;
}

static int run_limited(struct scene *scene)
{
	return supervise(&(struct supervise_job){write_too_much, clean_up, scene});
}

static void file_size_limit(void **state)
{
	_cleanup_close_ int in = -1;
	pid_t pid = start(run_limited, &in);

	(void)state;
	assert_int_equal(wait_for(pid), 0);
}

/* Work with a child process. Both keep the pipe open, and would do so for ever. */
static int work_for_ever(void *ctx)
{
	if (fork() == 0)
		say(ctx, WORKING);
	for (;;)
		pause();
	return 0;
}

static int run_for_ever(struct scene *scene)
{
	supervise(&(struct supervise_job){work_for_ever, clean_up, scene});
	return 1;
}

static void signals_end_all_of_it(void **state)
{
	static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};

	(void)state;
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
		_cleanup_close_ int in = -1;
		pid_t pid = start(run_for_ever, &in);
		int status;

		assert_int_equal(hear(in), WORKING);
		assert_int_equal(kill(pid, signals[i]), 0);
		assert_int_equal(hear(in), CLEANED_UP);
		/* the end of the pipe: no process is left */
		assert_int_equal(hear(in), 0);
		status = wait_for(pid);
		assert_true(WIFSIGNALED(status));
		assert_int_equal(WTERMSIG(status), signals[i]);
	}
}

static int run_ignoring(struct scene *scene)
{
	signal(SIGHUP, SIG_IGN);
	return run_for_ever(scene);
}

static void ignored_signals_stay_ignored(void **state)
{
	_cleanup_close_ int in = -1;
	pid_t pid = start(run_ignoring, &in);
	int status;

	(void)state;
	assert_int_equal(hear(in), WORKING);
	/*
	 * both signals are pending before the process runs again: if SIGHUP counted, the process
	 * would end by it
	 */
	assert_int_equal(kill(pid, SIGSTOP), 0);
	assert_int_equal(waitpid(pid, &status, WUNTRACED), pid);
	assert_int_equal(kill(pid, SIGHUP), 0);
	assert_int_equal(kill(pid, SIGTERM), 0);
	assert_int_equal(kill(pid, SIGCONT), 0);
	assert_int_equal(hear(in), CLEANED_UP);
	status = wait_for(pid);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGTERM);
}

/* Work that writes its process ID and waits: it must notice the supervisor's death itself. */
static int work_alone(void *ctx)
{
	const struct scene *scene = ctx;
	pid_t self = getpid();

	assert_int_equal(write(scene->out, &self, sizeof(self)), sizeof(self));
	for (;;)
		pause();
	return 0;
}

static int run_alone(struct scene *scene)
{
	supervise(&(struct supervise_job){work_alone, clean_up, scene});
	return 1;
}

static void a_killed_supervisor_takes_the_work_along(void **state)
{
	_cleanup_close_ int in = -1;
	pid_t pid = start(run_alone, &in), worker;

	(void)state;
	assert_int_equal(read(in, &worker, sizeof(worker)), sizeof(worker));
	assert_int_equal(getpgid(worker), worker);
	assert_int_equal(kill(pid, SIGKILL), 0);
	wait_for(pid);
	/* this would wait for ever if the work lived on */
	assert_int_equal(hear(in), 0);
}

/* Waits until the state of PID, of /proc/PID/stat, is 'T', or is not. */
static void wait_until_stopped(pid_t pid, bool is_stopped)
{
	_cleanup_free_ char *path = xasprintf("/proc/%d/stat", (int)pid);
	bool now;

	do {
		char text[1024];
		const char *name_end;

		assert_true(fs_read_some(AT_FDCWD, path, text, sizeof(text)) > 0);
		name_end = strrchr(text, ')');
		assert_non_null(name_end);
		now = name_end[2] == 'T';
		if (now != is_stopped)
			poll(NULL, 0, 1);
	} while (now != is_stopped);
}

/* As a shell does: the supervisor's group is another one of the same session. */
static int run_as_job(struct scene *scene)
{
	pid_t pid;
	int status;

	setsid();
	pid = fork();
	if (pid == 0) {
		setpgid(0, 0);
		_exit(run_alone(scene));
	}
	assert_int_equal(write(scene->out, &pid, sizeof(pid)), sizeof(pid));
	close(scene->out);
	return waitpid(pid, &status, 0) == pid && WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM
		       ? 0
		       : 1;
}

/* ^Z stops the work, too, and fg goes on with it, again and again. */
static void a_pause(void **state)
{
	_cleanup_close_ int in = -1;
	pid_t job = start(run_as_job, &in), pids[2], supervisor, worker;

	(void)state;
	/* whichever is written first: the supervisor is the parent */
	assert_int_equal(read(in, &pids[0], sizeof(pids[0])), sizeof(pids[0]));
	assert_int_equal(read(in, &pids[1], sizeof(pids[1])), sizeof(pids[1]));
	supervisor = orphan_parent(pids[1]) == pids[0] ? pids[0] : pids[1];
	worker = supervisor == pids[0] ? pids[1] : pids[0];
	for (int i = 0; i < 3; i++) {
		assert_int_equal(kill(supervisor, SIGTSTP), 0);
		wait_until_stopped(supervisor, true);
		wait_until_stopped(worker, true);
		assert_int_equal(kill(supervisor, SIGCONT), 0);
		wait_until_stopped(worker, false);
	}
	assert_int_equal(kill(supervisor, SIGTERM), 0);
	assert_int_equal(hear(in), CLEANED_UP);
	assert_int_equal(hear(in), 0);
	assert_int_equal(wait_for(job), 0);
}

static int run_alone_aloud(struct scene *scene)
{
	assert_true(dup2(scene->out, STDERR_FILENO) >= 0);
	return run_alone(scene);
}

/*
 * As with Ctrl-C in a script, or kill(1) of all processes: the work has ended when the supervisor
 * sees the signal.
 */
static void expect_end_by(int sig, const char *words)
{
	_cleanup_close_ int in = -1, work = -1;
	pid_t pid = start(run_alone_aloud, &in), worker;
	char said[4096] = "";
	size_t len = 0;
	ssize_t n;
	int status;

	assert_int_equal(read(in, &worker, sizeof(worker)), sizeof(worker));
	work = (int)syscall(SYS_pidfd_open, worker, 0);
	assert_true(work >= 0);
	assert_int_equal(kill(pid, SIGSTOP), 0);
	assert_int_equal(waitpid(pid, &status, WUNTRACED), pid);
	assert_int_equal(kill(worker, sig), 0);
	assert_int_equal(poll(&(struct pollfd){.fd = work, .events = POLLIN}, 1, 60000), 1);
	assert_int_equal(kill(pid, sig), 0);
	assert_int_equal(kill(pid, SIGCONT), 0);
	while ((n = read(in, said + len, sizeof(said) - 1 - len)) > 0)
		len += (size_t)n;
	status = wait_for(pid);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), sig);
	assert_non_null(strchr(said, CLEANED_UP));
	assert_non_null(strstr(said, words));
}

static void a_signal_that_ended_the_work_first(void **state)
{
	(void)state;
	expect_end_by(SIGINT, "ended early (Interrupt)");
	expect_end_by(SIGHUP, "ended early (Hangup)");
}

static int run_without_forks(struct scene *scene)
{
	assert_true(dup2(scene->out, STDERR_FILENO) >= 0);
	refuse_forks();
	/* a signal to all processes would reach the test */
	forbid_call(SYS_kill);
	return supervise(&(struct supervise_job){work_once, clean_up, scene}) == -1 ? 0 : 1;
}

static void a_process_that_cannot_be_made(void **state)
{
	_cleanup_close_ int in = -1;
	pid_t pid = start(run_without_forks, &in);
	char said[4096] = "";
	size_t len = 0;
	ssize_t n;

	(void)state;
	while ((n = read(in, said + len, sizeof(said) - 1 - len)) > 0)
		len += (size_t)n;
	assert_int_equal(wait_for(pid), 0);
	assert_string_equal(said, "nix-user-chroot: cannot start a process: "
				  "Resource temporarily unavailable\n"
				  "  the limit of processes may be reached: ulimit -u\n");
}

static void supervise_once(void *ctx, int out)
{
	struct scene scene = {.out = out};

	(void)ctx;
	supervise(&(struct supervise_job){work_once, clean_up, &scene});
}

static void no_work_without_a_supervisor(void **state)
{
	int count = orphan_writes(supervise_once, NULL, SIGKILL);

	(void)state;
	if (count < 0)
		skip();
	assert_int_equal(count, 0);
}

int main(void)
{
	static const int signals[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTSTP, SIGCHLD};
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(statuses),
		cmocka_unit_test(a_death_is_said),
		cmocka_unit_test(closed_descriptors),
		cmocka_unit_test(descriptors_that_cannot_be_filled),
		cmocka_unit_test(file_size_limit),
		cmocka_unit_test(signals_end_all_of_it),
		cmocka_unit_test(ignored_signals_stay_ignored),
		cmocka_unit_test(a_killed_supervisor_takes_the_work_along),
		cmocka_unit_test(a_pause),
		cmocka_unit_test(a_signal_that_ended_the_work_first),
		cmocka_unit_test(a_process_that_cannot_be_made),
		cmocka_unit_test(no_work_without_a_supervisor),
	};

	/* if the tests run in the background, some of these signals are ignored */
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		signal(signals[i], SIG_DFL);
	/* a process that lives on keeps a pipe open, whose end a test waits for */
	alarm(60);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
