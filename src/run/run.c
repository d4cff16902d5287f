#include "run/run.h"
#include "host/check.h"
#include "run/collector.h"
#include "run/direct.h"
#include "run/environment.h"
#include "run/exec.h"
#include "run/helper.h"
#include "run/inside.h"
#include "run/login.h"
#include "run/mountns.h"
#include "run/nix_dir.h"
#include "run/proot.h"
#include "run/read_only.h"
#include "run/userns.h"
#include "ui/log.h"
#include "util/cleanup.h"
#include "util/fs.h"
#include "util/str.h"
#include "util/text.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

enum {
	NO_STORE = -2 /* returned in place of a descriptor: the default directory holds no store */
};

static const char *advice_on(const struct run_request *request, int err)
{
	if ((err == ENOENT || err == ENOTDIR) && request->missing_advice)
		return request->missing_advice;
	return err == ENOENT	? "make the directory first (mkdir -p), or leave it out for the "
				  "default one"
	       : err == ENOTDIR ? "NIXPATH must be a directory, the one that is to be /nix inside"
				: "NIXPATH must be a directory that you may search";
}

static void say_no_store(const char *nix_dir)
{
	_cleanup_free_ char *elsewhere = nix_dir_elsewhere(nix_dir);

	if (elsewhere)
		log_error("there is no Nix store in %s, but one in %s\n"
			  "nix-user-chroot %s COMMAND uses that, or NIX_USER_CHROOT_DIR=%s for all "
			  "commands; nix-user-chroot --install makes a new one",
			  nix_dir, elsewhere, elsewhere, elsewhere);
	else
		log_error("Nix is not installed yet: there is no store in %s\n"
			  "install it with: nix-user-chroot --install",
			  nix_dir);
}

/*
 * Is FD the directory request->same_fd, if there is one? Others may have put another in its place.
 */
static bool is_still_the_same(const struct run_request *request, int fd)
{
	struct stat present, before;

	return request->same_fd <= 0 ||
	       (fstat(fd, &present) == 0 && fstat(request->same_fd, &before) == 0 &&
		fs_same_inode(&present, &before));
}

/* The status to end with if the default directory holds no store. */
static int run_without_store(const struct run_request *request)
{
	int status = request->without_store ? request->without_store(request->ctx) : -1;

	if (status < 0)
		say_no_store(request->nix_dir);
	return status < 0 ? EXIT_CANCELED : status;
}

/* Open the Nix directory; -1 after a message, or NO_STORE. *IS_OWN: it belongs to the user. */
static int open_nix_dir(const struct run_request *request, bool *is_own)
{
	_cleanup_close_ int fd = open(request->nix_dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	int err = errno;
	struct trust trust;

	/*
	 * open(2) succeeds for a directory that may not be searched, but nothing in it can be
	 * opened
	 */
	if (fd >= 0 && faccessat(fd, ".", X_OK, 0) < 0) {
		err = errno;
		close(steal_fd(&fd));
	}
	if (request->is_default && (fd < 0 ? err == ENOENT : !fs_exists(fd, "store")))
		return NO_STORE;
	if (fd < 0)
		log_error("cannot use %s as /nix: %s\n%-s", request->nix_dir, strerror(err),
			  advice_on(request, err));
	if (fd >= 0 && (request->is_default || request->is_named) &&
	    (trusted_find(&request->trust, &trust) < 0 ||
	     trusted_check(&trust, fd, request->nix_dir, request->is_named, is_own) < 0))
		return -1;
	if (fd >= 0 && !is_still_the_same(request, fd)) {
		log_error("%s was replaced by another directory a moment ago: nothing in it is "
			  "run\n"
			  "see who can write to the directory that it is in",
			  request->nix_dir);
		return -1;
	}
	return steal_fd(&fd);
}

/*
 * Go to the directory where the command starts, and warn if it is not the caller's working
 * directory.
 */
static void enter_work_dir(const char *work_dir, int err)
{
	const char *home = env_get("HOME");

	if (work_dir && chdir(work_dir) == 0)
		return;
	if (work_dir)
		err = errno;
	if (!home || chdir(home) < 0) {
		home = "/";
		/* the fallback cannot fail: / is a root of ours */
		(void)!chdir(home);
	}
	log_warning("the working directory %s%scannot be reached inside: %s; starting in %s",
		    work_dir ? work_dir : "", work_dir ? " " : "", strerror(err), home);
}

/* How the command is called; NULL: a login shell. */
static const char *command_name(const struct run_request *request)
{
	if (request->profile_command)
		return request->profile_command;
	return request->argv ? request->argv[0] : NULL;
}

/*
 * Try RUNTIME, as userns_enter() does. Does not return if the runtime becomes the command by
 * itself.
 */
static int try_runtime(enum runtime runtime, const struct run_request *request,
		       const struct entry *entry, struct refusal *refusal)
{
	/*
	 * a runtime that the user asked for by name is entered without a test, and prints refusals
	 * itself
	 */
	struct refusal *unless_named = request->runtime == RUNTIME_AUTO ? refusal : NULL;

	switch (runtime) {
	case RUNTIME_USERNS:
		return userns_enter(entry, unless_named);
	case RUNTIME_HELPER:
		return helper_exec(request, entry, refusal);
	case RUNTIME_MOUNTNS:
		return mountns_enter(entry, unless_named);
	case RUNTIME_DIRECT:
		return direct_enter(entry, refusal);
	case RUNTIME_PROOT:
		return proot_exec(request, entry, refusal);
	case RUNTIME_AUTO:
	case RUNTIME_COUNT:
		break;
	}
	return -1;
}

/*
 * Report two refusals: FIRST, of the best runtime, and LAST, of PRoot, which every user can
 * install.
 */
static int say_refusals(const struct refusal *first, const struct refusal *last)
{
	_cleanup_free_ char *why = NULL, *other = NULL;

	if (first->step == CHECK_STEP_COUNT) {
		log_error("cannot %s\nnix-user-chroot --check tells which runtimes work here",
			  first->what);
		return -1;
	}
	why = check_explain(first->step, first->err, "");
	other = last != first ? text_format("\nalso cannot %s", last->what) : xstrdup("");
	log_error("cannot %s: %s\n%-s%-s", first->what, strerror(first->err), why, other);
	return -1;
}

/* Enter by the first runtime that works, or by the one that was asked for. */
static int enter_somehow(const struct run_request *request, const struct entry *entry)
{
	struct refusal refusals[RUNTIME_COUNT] = {0};
	enum runtime first = RUNTIME_USERNS, last = RUNTIME_PROOT;
	int r = 1;

	if (request->runtime != RUNTIME_AUTO)
		first = last = request->runtime;
	for (int i = (int)first; r > 0 && i <= (int)last; i++) {
		struct refusal *refusal = &refusals[i];

		r = try_runtime((enum runtime)i, request, entry, refusal);
		if (r == 0)
			log_verbose("runtime: %s", runtime_name((enum runtime)i));
		else if (r > 0)
			log_verbose("runtime %s: cannot %s%s%s", runtime_name((enum runtime)i),
				    refusal->what, refusal->step == CHECK_STEP_COUNT ? "" : ": ",
				    refusal->step == CHECK_STEP_COUNT ? ""
								      : strerror(refusal->err));
	}
	if (r > 0)
		r = say_refusals(&refusals[first], &refusals[last]);
	for (int i = 0; i < RUNTIME_COUNT; i++)
		refusal_clear(&refusals[i]);
	return r;
}

/*
 * Set NIX_USER_CHROOT, which tells scripts and prompts where they are, unless it is set already
 * inside.
 */
static void set_marker(const struct run_request *request, bool is_inside)
{
	_cleanup_free_ char *path = NULL;

	if (is_inside && env_get(NIX_DIR_VARIABLE))
		return;
	path = *request->nix_dir == '/' ? xstrdup(request->nix_dir)
					: realpath(request->nix_dir, NULL);
	if (path)
		setenv(NIX_DIR_VARIABLE, path, 1);
}

static int enter(const struct run_request *request, int nix_fd, bool is_own)
{
	const bool is_inside = run_is_inside(nix_fd);
	_cleanup_free_ char *here = getcwd(NULL, 0);
	_cleanup_(strlist_clear) struct strlist roots = {0}, others = {0};
	int here_error = errno;
	const char *work_dir = request->work_dir ? request->work_dir : here;
	enum collecting collecting;

	read_only_prepare(nix_fd, request->nix_dir, is_own, command_name(request), request->argv);
	set_marker(request, is_inside);
	/* do not nest: a command of the profile may call others, each by a link that enters */
	if (is_inside && (request->profile_command || !request->is_new)) {
		log_verbose("%s is /nix already: no second namespace is needed", request->nix_dir);
		if (request->work_dir)
			enter_work_dir(work_dir, 0);
		return 0;
	}
	collecting = collector_recognise(command_name(request), request->argv, nix_fd);
	if (collecting == COLLECTING_ALWAYS)
		collector_find_roots(nix_fd, &roots);
	if (enter_somehow(request,
			  &(struct entry){
				  .nix_dir_fd = nix_fd,
				  .nix_dir = request->nix_dir,
				  .is_new = request->is_new,
				  .keeps_ssh = request->keeps_ssh,
				  .work_dir = request->work_dir ? NULL : here,
				  .others = collecting == COLLECTING_NEVER ? NULL : &others,
			  }) < 0)
		return -1;
	if (collector_check(collecting, &roots, &others) < 0)
		return -1;
	enter_work_dir(work_dir, here_error);
	return 0;
}

int run_command(const struct run_request *request)
{
	environment_prepare(request->is_default);
	return request->profile_command
		       ? exec_profile_command(request->profile_command, request->argv)
		       : exec_command(request->argv, request->is_default);
}

/* Can a command run inside? A child tries, and its messages say what is wrong. */
static bool can_enter(const struct run_request *request)
{
	char *const argv[] = {"/bin/sh", "-c", ":", NULL};
	struct run_request trial = *request;
	pid_t child;

	trial.argv = argv;
	child = run_start(&trial, -1, -1);
	return child >= 0 && run_wait(child) == 0;
}

/*
 * A user with "exec nix-user-chroot" in a startup file must get a shell even if entering fails.
 * Since this process cannot go back once it has begun to enter, a child tries first.
 */
static bool leaves_user_out(const struct run_request *request)
{
	return !request->profile_command && login_is_session(request->argv) && !can_enter(request);
}

int run_shell_without_nix(char *const *argv)
{
	if (!login_is_session(argv))
		return EXIT_CANCELED;
	log_warning("here is your shell without Nix, and without its startup files");
	return exec_plain_shell(argv ? argv[0] : NULL);
}

int run_started(const struct run_request *request)
{
	if (request->work_dir)
		enter_work_dir(*request->work_dir ? request->work_dir : NULL, ENOENT);
	return run_command(request);
}

int run_exec(const struct run_request *request)
{
	_cleanup_close_ int nix_fd = -1;
	bool is_own = true;

	if (leaves_user_out(request))
		return run_shell_without_nix(request->argv);
	nix_fd = open_nix_dir(request, &is_own);
	if (nix_fd == NO_STORE)
		return run_without_store(request);
	return nix_fd < 0 || enter(request, nix_fd, is_own) < 0 ? EXIT_CANCELED
								: run_command(request);
}

/* The command gets no descriptor from 3 up except KEPT, if that is one. */
static void close_at_exec(int kept)
{
	_cleanup_closedir_ DIR *dir = fs_list_dir(AT_FDCWD, "/proc/self/fd");
	const struct dirent *entry;

	while (dir && (entry = fs_next_entry(dir))) {
		int fd = (int)strtol(entry->d_name, NULL, 10);

		if (fd > STDERR_FILENO)
			fcntl(fd, F_SETFD, fd == kept ? 0 : FD_CLOEXEC);
	}
}

static void let_signals_through(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTTOU);
	sigaddset(&set, SIGXFSZ);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
}

static _Noreturn void run_child(const struct run_request *request, int in_fd, int out_fd)
{
	log_forget_status();
	if ((in_fd >= 0 && dup2(in_fd, STDIN_FILENO) < 0) ||
	    (out_fd >= 0 && (dup2(out_fd, STDOUT_FILENO) < 0 || dup2(out_fd, STDERR_FILENO) < 0))) {
		log_error("cannot redirect a process: %s\n"
			  "the limit of open files may be reached: ulimit -n",
			  strerror(errno));
		_exit(EXIT_CANCELED);
	}
	close_at_exec(request->kept_fd);
	let_signals_through();
	_exit(run_exec(request));
}

pid_t run_start(const struct run_request *request, int in_fd, int out_fd)
{
	pid_t child = fork();

	if (child < 0)
		log_error("cannot start a process: %s\nthe limit of processes may be reached: "
			  "ulimit -u",
			  strerror(errno));
	if (child == 0)
		run_child(request, in_fd, out_fd);
	return child;
}

int run_wait(pid_t child)
{
	int status;

	while (waitpid(child, &status, 0) < 0) {
		if (errno != EINTR) {
			log_error("cannot wait for a process: %s\nrun it again", strerror(errno));
			return -1;
		}
	}
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}
