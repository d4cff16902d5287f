#include "run/proot.h"
#include "chroot/path_config.h"
#include "host/proot.h"
#include "run/inside.h"
#include "run/proot_relay.h"
#include "ui/log.h"
#include "util/cleanup.h"
#include "util/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

/*
 * The variable that tells the process inside what to do: a digit for run_take_level(); "default" or
 * "named"; '!' if the working directory is gone; after '/' the command of the profile, if any;
 * after a blank the descriptor for proot_relay_inside()
 */
#define STARTED "NIX_USER_CHROOT_STARTED"

bool proot_has_started_us(int argc, char **argv, struct run_request *request)
{
	_cleanup_free_ char *started = NULL;
	char *slash, *blank;

	if (!env_get(STARTED) || !run_is_in_proot())
		return false;
	started = xstrdup(env_get(STARTED));
	unsetenv(STARTED);
	blank = strrchr(started, ' ');
	if (blank)
		*blank = '\0';
	slash = strchr(started, '/');
	*request = (struct run_request){
		.is_default = str_starts_with(run_take_level(started), "default"),
		.argv = argc > 1 ? argv + 1 : NULL,
		.profile_command = slash ? xstrdup(slash + 1) : NULL,
		.work_dir = started[strcspn(started, "!/")] == '!' ? "" : NULL,
	};
	if (blank)
		proot_relay_inside((int)strtol(blank + 1, NULL, 10));
	return true;
}

/* proot OPTIONS SELF COMMAND...; the caller frees the array, but not the words. */
static const char **words_of(const char *const *first, size_t count, char *const *argv)
{
	size_t rest = 0;
	const char **words;

	while (argv && argv[rest])
		rest++;
	words = xcalloc(count + rest + 1, sizeof(*words));
	for (size_t i = 0; i < count; i++)
		words[i] = first[i];
	for (size_t i = 0; i < rest; i++)
		words[count + i] = argv[i];
	return words;
}

static int exec(const struct run_request *request, const char *proot, const char *nix_dir,
		const char *work_dir)
{
	_cleanup_free_ char *self = fs_self_path(), *bind = xasprintf("%s:/nix", nix_dir);
	_cleanup_free_ char *started =
		xasprintf("%d%s%s%s%s", log_get_level() - LOG_ERROR,
			  request->is_default ? "default" : "named", work_dir ? "" : "!",
			  request->profile_command ? "/" : "",
			  request->profile_command ? request->profile_command : "");
	const char *const first[] = {proot, "-b", bind, "-w", work_dir ? work_dir : "/", self};
	_cleanup_free_ const char **words =
		words_of(first, sizeof(first) / sizeof(first[0]), request->argv);
	int r = self ? proot_hide_system_calls() : -ENOENT;

	if (r == 0) {
		log_verbose("runtime: proot, %s", proot);
		setenv(INSIDE_VARIABLE, "proot", 1);
		r = proot_relay(proot, (char *const *)(uintptr_t)words, STARTED, started);
	}
	log_error("cannot run %s: %s\nthe limit of processes may be reached: ulimit -u", proot,
		  strerror(-r));
	return -1;
}

int proot_exec(const struct run_request *request, const struct entry *entry,
	       struct refusal *refusal)
{
	_cleanup_free_ char *why = NULL, *proot = proot_find(entry->nix_dir, &why), *nix_dir = NULL;
	_cleanup_free_ char *link = xasprintf("/proc/self/fd/%d", entry->nix_dir_fd);

	if (!proot)
		return refuse(refusal, xasprintf("use PRoot: %s", why), ENOENT, CHECK_STEP_COUNT);
	if (fs_readlink(AT_FDCWD, link, &nix_dir) < 0 || strchr(nix_dir, ':'))
		return refuse(refusal,
			      xasprintf("use PRoot with %s, which has a colon in its path",
					entry->nix_dir),
			      EINVAL, CHECK_STEP_COUNT);
	if (fs_exists(entry->nix_dir_fd, PATH_CONFIG_FILE))
		log_verbose("/nix/" PATH_CONFIG_FILE " does not apply: nothing is mounted here");
	return exec(request, proot, nix_dir,
		    request->work_dir ? request->work_dir : entry->work_dir);
}
