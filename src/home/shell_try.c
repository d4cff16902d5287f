#include "home/shell_try.h"
#include "util/cleanup.h"
#include "util/str.h"

#include <errno.h>
#include <fcntl.h>
#include <paths.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PATIENCE_MS 5000
/* How much startup files may print before the answer. */
#define OUTPUT_MAX (1 << 20)

#define MARK  "@nix-user-chroot-path@"
#define PRINT "printf '%s:%s:%s\\n' '" MARK "' \"$PATH\" '" MARK "'"

/* Set the environment as login(1) and sshd(8) do. */
static void set_environment(const char *home, const char *shell, const char *zdotdir)
{
	static const char *const kept[] = {"USER", "LOGNAME", "LANG", "XDG_CONFIG_HOME"};
	char *values[sizeof(kept) / sizeof(kept[0])];

	for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++)
		values[i] = xstrdup(getenv(kept[i]));
	clearenv();
	for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++)
		if (values[i])
			setenv(kept[i], values[i], 1);
	setenv("HOME", home, 1);
	setenv("SHELL", shell, 1);
	setenv("PATH", _PATH_DEFPATH, 1);
	setenv("TERM", "dumb", 1);
	/* a startup file that enters must not do so now */
	setenv("NIX_USER_CHROOT", "/nix", 1);
	/* no history, and no directories of fish; nobody sees fish's complaint about that */
	setenv("HISTFILE", "/dev/null", 1);
	if (str_ends_with(shell, "/fish")) {
		setenv("XDG_DATA_HOME", "/dev/null", 1);
		setenv("XDG_CACHE_HOME", "/dev/null", 1);
	}
	if (zdotdir)
		setenv("ZDOTDIR", zdotdir, 1);
}

static _Noreturn void run_shell(pid_t parent, int out, const char *shell, const char *name,
				const char *word, const char *home, const char *zdotdir)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	sigset_t none;

	/* without a terminal, and in a process group that one signal ends */
	setsid();
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(EXIT_FAILURE);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(null, STDERR_FILENO) < 0 ||
	    dup2(out, STDOUT_FILENO) < 0 || chdir(home) < 0)
		_exit(EXIT_FAILURE);
	syscall(SYS_close_range, STDERR_FILENO + 1, ~0U, 0);
	set_environment(home, shell, zdotdir);
	execl(shell, name, word, PRINT, NULL);
	_exit(EXIT_FAILURE);
}

static int64_t now_ms(void)
{
	struct timespec ts = {0};

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/*
 * Does the list between the marks in TEXT have DIRECTORY: 1 or 0. -1: the list is not complete yet.
 */
static int has_directory(const char *text, const char *directory)
{
	_cleanup_free_ char *wanted = xasprintf(":%s:", directory), *list = NULL;
	const char *from = strstr(text, MARK), *to;

	to = from ? strstr(from + strlen(MARK), MARK) : NULL;
	if (!to)
		return -1;
	list = xstrndup(from + strlen(MARK), (size_t)(to - from) - strlen(MARK));
	return strstr(list, wanted) ? 1 : 0;
}

/*
 * Read until the answer is there, or the time END has come; not to the end, since a background
 * process may keep the pipe open for ever.
 */
static int read_answer(int fd, int64_t end, const char *directory)
{
	_cleanup_free_ char *text = xcalloc(OUTPUT_MAX + 1, 1);
	size_t len = 0;
	int r = -1;

	while (r < 0 && len < OUTPUT_MAX) {
		struct pollfd wait = {.fd = fd, .events = POLLIN};
		int64_t left = end - now_ms();
		/* an answer that has come counts, also if another shell took all the time */
		int ready = poll(&wait, 1, left > 0 ? (int)left : 0);
		ssize_t n;

		if (ready < 0 && errno == EINTR)
			continue;
		if (ready <= 0)
			break;
		n = read(fd, text + len, OUTPUT_MAX - len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		/* a NUL would end the text for strstr(3) */
		for (ssize_t i = 0; i < n; i++)
			if (!text[len + (size_t)i])
				text[len + (size_t)i] = '?';
		len += (size_t)n;
		r = has_directory(text, directory);
	}
	return r;
}

struct shell_try shell_try_begin(const char *shell, const char *name, const char *word,
				 const char *home, const char *zdotdir)
{
	struct shell_try out = {.pid = -1, .fd = -1, .end_ms = now_ms() + PATIENCE_MS};
	pid_t parent = getpid();
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0)
		return out;
	out.pid = fork();
	if (out.pid == 0)
		run_shell(parent, ends[1], shell, name, word, home, zdotdir);
	close(ends[1]);
	out.fd = ends[0];
	return out;
}

int shell_try_end(struct shell_try *try, const char *directory)
{
	int r = try->pid > 0 ? read_answer(try->fd, try->end_ms, directory) : -1;

	if (try->fd >= 0)
		close(try->fd);
	if (try->pid > 0) {
		kill(-try->pid, SIGKILL);
		kill(try->pid, SIGKILL);
		while (waitpid(try->pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
	*try = (struct shell_try){.fd = -1};
	return r;
}
