#include "run/login.h"
#include "run/processes.h"
#include "util/cleanup.h"
#include "util/str.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Nobody nests this many shells by hand without naming one. */
#define DEPTH_MAX 16

/* How each shell is told to read no startup file, except $ENV. */
static const struct {
	const char *name, *words[2];
} shells[] = {
	{"bash", {"--noprofile", "--norc"}},
	{"zsh", {"-f"}},
	{"csh", {"-f"}},
	{"tcsh", {"-f"}},
	{"fish", {"--no-config"}},
	{"sh", {NULL}},
	{"ash", {NULL}},
	{"dash", {NULL}},
	{"ksh", {NULL}},
	{"mksh", {NULL}},
};

#define SHELLS (sizeof(shells) / sizeof(shells[0]))

static const char *name_of(const char *path)
{
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;

	return name + (*name == '-');
}

/* The index of the shell PATH in SHELLS; the length of SHELLS if it is not there. */
static size_t find_shell(const char *path)
{
	size_t i = 0;

	while (i < SHELLS && strcmp(shells[i].name, name_of(path)) != 0)
		i++;
	return i;
}

/*
 * Does the shell read what is typed? Then all its words are options, and none has a "c" or an "s".
 */
static bool is_for_typing(char *const *argv)
{
	if (!argv)
		return true;
	if (find_shell(argv[0]) == SHELLS)
		return false;
	for (argv++; *argv; argv++)
		if (argv[0][0] != '-' || (argv[0][1] != '-' && strpbrk(*argv, "cs")) ||
		    strcmp(*argv, "--command") == 0)
			return false;
	return true;
}

bool login_goes_round(char *const *argv)
{
	const char *before = env_get(LOGIN_VARIABLE);
	unsigned long long pid = 0, start = 0, depth = 0, own = (unsigned long long)getpid();
	unsigned long long own_start;
	_cleanup_free_ char *now = NULL;
	bool is_same;

	if (!is_for_typing(argv))
		return false;
	own_start = process_start(getpid());
	if (before && sscanf(before, "%llu %llu %llu", &pid, &start, &depth) != 3)
		pid = depth = 0;
	is_same = pid == own && start == own_start;
	now = xasprintf("%llu %llu %llu", own, own_start, depth + 1);
	setenv(LOGIN_VARIABLE, now, 1);
	/* a command may be what somebody typed after "exec" */
	return (is_same && !argv) || depth >= DEPTH_MAX;
}

/* fish before 3.3 lacks this option and would end at once: then /bin/sh. */
#define FISH_OR_SH                                           \
	"\"$0\" --no-config -c true 2>/dev/null || exec sh;" \
	"exec \"$0\" --no-config"

int login_without_files(const char *shell)
{
	size_t i = find_shell(shell);

	/* sh(1posix); without ENV, ksh and mksh would read a file of their own */
	setenv("ENV", "/dev/null", 1);
	if (i == SHELLS)
		execl("/bin/sh", "sh", NULL);
	else if (strcmp(shells[i].name, "fish") == 0)
		execl("/bin/sh", "sh", "-c", FISH_OR_SH, shell, NULL);
	else
		execl(shell, shells[i].name, shells[i].words[0], shells[i].words[1], NULL);
	return errno;
}

bool login_is_session(char *const *argv)
{
	return is_for_typing(argv) && getsid(0) == getpid() && isatty(STDIN_FILENO) &&
	       isatty(STDERR_FILENO);
}
