#include "host/proot.h"
#include "util/cleanup.h"
#include "util/fs.h"
#include "util/str.h"
#include "util/trust.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/*
 * The place where the probe shows another directory, as an entry does with /nix. It must exist: if
 * root runs PRoot, PRoot would make a missing one, and others would see it come and go.
 */
#define PROBE_PLACE "/tmp"

/* Can only this user, or root, have put the PRoot there? */
static bool is_own(const char *nix_dir)
{
	static const char *const places[] = {".", "var", "var/nix-user-chroot", PROOT_FETCHED};
	_cleanup_close_ int fd = open(nix_dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	const char *unknown;
	struct trust trust;
	struct stat st;

	if (fd < 0 || trust_find(NULL, NULL, &trust, &unknown) < 0)
		return false;
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
		if (trust_look(&trust, fd, places[i], &st) != TRUST_GOOD)
			return false;
	return true;
}

char *proot_find(const char *nix_dir, char **why)
{
	_cleanup_free_ char *fetched = nix_dir ? path_join(nix_dir, PROOT_FETCHED) : NULL;
	const char *named = env_get("NIX_USER_CHROOT_PROOT"), *path = env_get("PATH");
	char *part;

	if (named && *named == '/' && fs_is_program(named))
		return xstrdup(named);
	if (named) {
		*why = xasprintf(
			"NIX_USER_CHROOT_PROOT is %s, which is not the absolute path of a program",
			named);
		return NULL;
	}
	while ((part = path_next(&path))) {
		_cleanup_free_ char *directory = part, *file = path_join(directory, "proot");

		if (*file == '/' && fs_is_program(file))
			return steal_ptr(&file);
	}
	if (fetched && fs_is_program(fetched) && is_own(nix_dir))
		return steal_ptr(&fetched);
	*why = xstrdup("there is no proot on PATH, NIX_USER_CHROOT_PROOT names none, and "
		       "--install has fetched none");
	return NULL;
}

int proot_hide_system_calls(void)
{
	/*
	 * PRoot does not translate the paths of these calls, but those of their older counterparts
	 */
	const struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_statx, 3, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_openat2, 2, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_faccessat2, 1, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_renameat2, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	const struct sock_fprog program = {
		.len = sizeof(code) / sizeof(code[0]),
		.filter = (struct sock_filter *)(uintptr_t)code,
	};

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0)
		return -errno;
	return 0;
}

static _Noreturn void run_probe(const char *proot)
{
	const struct rlimit no_core = {0};
	/* no O_CLOEXEC: this may be descriptor 0, 1 or 2 itself, and PRoot gets these three */
	int null = open("/dev/null", O_RDWR);

	setrlimit(RLIMIT_CORE, &no_core);
	if (null >= 0)
		for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
			dup2(null, fd);
	if (null > STDERR_FILENO)
		close(null);
	if (proot_hide_system_calls() < 0)
		_exit(125);
	execl(proot, proot, "-b", "/etc:" PROBE_PLACE, "/bin/sh", "-c",
	      "true && [ -r " PROBE_PLACE "/passwd ] && stat " PROBE_PLACE "/passwd", (char *)NULL);
	_exit(126);
}

char *proot_refusal(const char *proot)
{
	pid_t child = fork();
	int status;

	if (child < 0)
		return xasprintf("cannot start a process to try it in: %s", strerror(errno));
	if (child == 0)
		run_probe(proot);
	while (waitpid(child, &status, 0) < 0)
		if (errno != EINTR)
			return xasprintf("cannot wait for %s: %s", proot, strerror(errno));
	if (WIFSIGNALED(status))
		return xasprintf("%s was ended by signal %d (%s)", proot, WTERMSIG(status),
				 strsignal(WTERMSIG(status)));
	return WEXITSTATUS(status) == 0
		       ? NULL
		       : xasprintf("%s ran, but a directory that it was to show elsewhere was not "
				   "there (status %d)",
				   proot, WEXITSTATUS(status));
}
