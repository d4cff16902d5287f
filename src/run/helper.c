#include "run/helper.h"
#include "chroot/path_config.h"
#include "host/helper.h"
#include "run/inside.h"
#include "ui/log.h"
#include "util/cleanup.h"
#include "util/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

/*
 * The variable that tells the process inside what to do: a digit for run_take_level(); "default" or
 * "named"; after ':' the limit of the stack, of which the kernel leaves a privileged program only 8
 * MiB; after another ':' those of the descriptors 0 to 2 that were closed, since libc opens them in
 * a privileged program; after the first '/' the command of the profile, if any, which has no '/';
 * after it the absolute path of the working directory, if any
 */
#define STARTED "NIX_USER_CHROOT_HELPED"

static bool is_inside(void)
{
	_cleanup_close_ int fd = open("/nix", O_PATH | O_DIRECTORY | O_CLOEXEC);

	return fd >= 0 && run_is_inside(fd);
}

static rlim_t stack_limit(void)
{
	struct rlimit limit = {.rlim_cur = RLIM_INFINITY};

	/* getrlimit(2) with these arguments cannot fail */
	getrlimit(RLIMIT_STACK, &limit);
	return limit.rlim_cur;
}

static void restore_stack(const char *number)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_STACK, &limit) < 0)
		return;
	limit.rlim_cur = strtoull(number, NULL, 10);
	setrlimit(RLIMIT_STACK, &limit);
}

static void close_again(const char *digits)
{
	for (; *digits >= '0' + STDIN_FILENO && *digits <= '0' + STDERR_FILENO; digits++)
		close(*digits - '0');
}

bool helper_has_started_us(int argc, char **argv, struct run_request *request)
{
	const char *told = env_get(STARTED), *limit = told ? strchr(told, ':') : NULL;
	const char *closed = limit ? strchr(limit + 1, ':') : NULL;
	char *started, *name, *directory;

	if (!closed || !is_inside())
		return false;
	restore_stack(limit + 1);
	close_again(closed + 1);
	started = xstrdup(told);
	unsetenv(STARTED);
	name = started + strcspn(started, "/");
	name += *name == '/';
	directory = strchr(name, '/');
	*request = (struct run_request){
		.is_default = str_starts_with(run_take_level(started), "default"),
		.argv = argc > 1 ? argv + 1 : NULL,
		/* a copy, because the name is followed by other text */
		.profile_command = !*name || name == directory ? NULL
				   : directory ? xstrndup(name, (size_t)(directory - name))
					       : name,
		.work_dir = directory ? directory : "",
	};
	return true;
}

/*
 * Those of the descriptors 0 to 2 that the caller had closed, as digits; the caller of this
 * function frees. A file of ours may have such a number by now: it has O_CLOEXEC.
 */
static char *closed_descriptors(void)
{
	char digits[4] = "", *end = digits;

	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
		int flags = fcntl(fd, F_GETFD);

		if (flags < 0 || (flags & FD_CLOEXEC))
			*end++ = (char)('0' + fd);
	}
	return xstrdup(digits);
}

static size_t count_of(char *const *words)
{
	size_t count = 0;

	while (words && words[count])
		count++;
	return count;
}

static void add_all(const char **words, size_t *count, char *const *more)
{
	for (size_t i = 0; more && more[i]; i++)
		words[(*count)++] = more[i];
}

/*
 * The words for helper.c; the caller frees the array, but not the words. The environment is passed
 * as words, because libc removes variables from a privileged program's environment.
 */
static const char **words_of(const char *helper, const char *fd, const char *variables,
			     const char *started, const char *self, char *const *argv)
{
	size_t count = 0;
	const char **words = xcalloc(count_of(environ) + count_of(argv) + 7, sizeof(*words));

	words[count++] = helper;
	words[count++] = fd;
	words[count++] = variables;
	add_all(words, &count, environ);
	words[count++] = started;
	words[count++] = "--";
	words[count++] = self;
	add_all(words, &count, argv);
	return words;
}

static int exec(const struct run_request *request, const struct entry *entry, const char *helper,
		const char *self)
{
	const char *work_dir = request->work_dir ? request->work_dir : entry->work_dir;
	const rlim_t stack = stack_limit();
	_cleanup_free_ char *closed = closed_descriptors();
	_cleanup_free_ char *started = xasprintf(
		STARTED "=%d%s:%llu:%s/%s%s", log_get_level() - LOG_ERROR,
		request->is_default ? "default" : "named", (unsigned long long)stack, closed,
		request->profile_command ? request->profile_command : "", work_dir ? work_dir : "");
	_cleanup_free_ char *variables = xasprintf("%zu", count_of(environ) + 1), *fd = NULL;
	_cleanup_free_ const char **words = NULL;
	/* not a number from 0 to 2, which the caller may have closed; without O_CLOEXEC */
	int nix_fd = fcntl(entry->nix_dir_fd, F_DUPFD, STDERR_FILENO + 1);
	char *const nothing[] = {NULL};

	if (nix_fd >= 0) {
		fd = xasprintf("%d", nix_fd);
		words = words_of(helper, fd, variables, started, self, request->argv);
		log_verbose("runtime: helper, %s", helper);
		execve(helper, (char *const *)(uintptr_t)words, nothing);
	}
	log_error("cannot run %s: %s\nNIX_USER_CHROOT_HELPER names another helper, --runtime "
		  "another runtime",
		  helper, strerror(errno));
	return -1;
}

/* Refuse if there is a path config: the helper must not believe a path. */
static int refuse_config(const struct run_request *request, struct refusal *refusal)
{
	if (request->runtime == RUNTIME_AUTO)
		log_warning("the runtime helper takes no " PATH_CONFIG_FILE ", and there is one: "
			    "trying the next runtime");
	return refuse(
		refusal,
		xstrdup("use the helper, which takes no " PATH_CONFIG_FILE ", and there is one"),
		EINVAL, CHECK_STEP_COUNT);
}

int helper_exec(const struct run_request *request, const struct entry *entry,
		struct refusal *refusal)
{
	_cleanup_free_ char *why = NULL, *helper = helper_find(&why), *self = NULL;

	if (helper && fs_exists(entry->nix_dir_fd, PATH_CONFIG_FILE))
		return refuse_config(request, refusal);
	/* once the helper runs, no other runtime can be tried */
	if (helper && request->runtime == RUNTIME_AUTO)
		why = helper_refusal(helper);
	if (why)
		return refuse(refusal, xasprintf("use the helper: %s", why), EPERM,
			      CHECK_STEP_COUNT);
	self = fs_self_path();
	if (!self || path_is_within(self, "/nix"))
		return refuse(refusal,
			      xstrdup("use the helper: this program is in /nix, and so "
				      "is missing inside"),
			      ENOENT, CHECK_STEP_COUNT);
	return exec(request, entry, helper, self);
}
