#include "host/runtimes.h"
#include "chroot/path_config.h"
#include "host/helper.h"
#include "host/nix_root.h"
#include "host/proot.h"
#include "util/cleanup.h"
#include "util/fs.h"
#include "util/str.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

/* Why the first failed step of entering failed; NULL: none did. */
static char *refusal_of(const struct probe *probe)
{
	const struct probe_step *failed = probe_first_failure(probe);

	if (!failed || failed > &probe->steps[CHECK_PIVOT_ROOT])
		return NULL;
	return probe_failure(failed);
}

static char *refusal_of_proot(const char *nix_dir, bool *lacks_proot)
{
	char *why = NULL;
	_cleanup_free_ char *proot = proot_find(nix_dir, &why);

	/* if the user names a PRoot, no other is used, so none is fetched */
	*lacks_proot = !proot && !env_get("NIX_USER_CHROOT_PROOT");
	return proot ? proot_refusal(proot) : why;
}

/* Why there is no terminal for Nix, which gives each build one; NULL: there is. */
static char *refusal_of_terminals(void)
{
	_cleanup_close_ int fd = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC), other = -1;
	char name[64];

	if (fd < 0)
		return xasprintf("cannot open /dev/ptmx: %s", strerror(errno));
	if (unlockpt(fd) < 0 || ptsname_r(fd, name, sizeof(name)) != 0)
		return xasprintf("/dev/ptmx gives no terminal: %s", strerror(errno));
	other = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (other < 0)
		return xasprintf("cannot open %s, a terminal that /dev/ptmx has given: %s", name,
				 strerror(errno));
	return NULL;
}

static char *refusal_of_helper(const char *nix_dir)
{
	_cleanup_free_ char *config = nix_dir ? path_join(nix_dir, PATH_CONFIG_FILE) : NULL;
	char *why = NULL;
	_cleanup_free_ char *helper = helper_find(&why);

	if (helper && config && fs_exists(AT_FDCWD, config))
		return xasprintf("it takes no path config, and there is %s", config);
	return helper ? helper_refusal(helper) : why;
}

static int try_all(bool is_lazy, const char *nix_dir, struct runtimes *out)
{
	struct probe mounts;
	int r;

	*out = (struct runtimes){0};
	r = probe_run(&out->userns);
	if (r == 0)
		r = probe_enter(false, &mounts);
	if (r < 0)
		return r;
	out->refused[RUNTIME_USERNS] = refusal_of(&out->userns);
	out->refused[RUNTIME_HELPER] = refusal_of_helper(nix_dir);
	out->refused[RUNTIME_MOUNTNS] = refusal_of(&mounts);
	out->no_terminals = refusal_of_terminals();
	out->hides_programs = nix_root_has_programs("");
	for (int i = RUNTIME_USERNS; out->hides_programs && i < RUNTIME_COUNT; i++) {
		free(out->refused[i]);
		out->refused[i] = xstrdup("it would hide /nix/store, where this host's own "
					  "programs are");
	}
	if (out->hides_programs)
		return 0;
	out->refused[RUNTIME_DIRECT] = nix_root_refusal("");
	if (is_lazy && runtimes_first(out, false) != RUNTIME_PROOT)
		out->refused[RUNTIME_PROOT] = xstrdup("not tried, since another one works");
	else
		out->refused[RUNTIME_PROOT] = refusal_of_proot(nix_dir, &out->lacks_proot);
	return 0;
}

int runtimes_try(bool is_lazy, const char *nix_dir, struct runtimes *out)
{
	/* if the caller ignores SIGCHLD, waitpid(2) learns nothing about a child */
	const struct sigaction usual = {.sa_handler = SIG_DFL};
	struct sigaction before;
	int r;

	sigaction(SIGCHLD, &usual, &before);
	r = try_all(is_lazy, nix_dir, out);
	sigaction(SIGCHLD, &before, NULL);
	return r;
}

enum runtime runtimes_first(const struct runtimes *runtimes, bool can_be_direct)
{
	for (int i = RUNTIME_USERNS; i < RUNTIME_COUNT; i++)
		if (!runtimes->refused[i] && (can_be_direct || i != RUNTIME_DIRECT))
			return (enum runtime)i;
	return RUNTIME_AUTO;
}

bool runtimes_has_userns(void)
{
	const struct sigaction usual = {.sa_handler = SIG_DFL};
	struct sigaction before;
	struct probe probe;
	bool works;

	sigaction(SIGCHLD, &usual, &before);
	works = !nix_root_has_programs("") && probe_enter(true, &probe) == 0 &&
		probe_can_enter(&probe);
	sigaction(SIGCHLD, &before, NULL);
	return works;
}

void runtimes_clear(struct runtimes *runtimes)
{
	for (int i = 0; i < RUNTIME_COUNT; i++)
		free(runtimes->refused[i]);
	free(runtimes->no_terminals);
	*runtimes = (struct runtimes){0};
}
