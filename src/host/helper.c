#include "host/helper.h"
#include "util/cleanup.h"
#include "util/fs.h"
#include "util/str.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define NAME "nix-user-chroot-helper"

/* Longer than any answer of the helper. */
#define ANSWER_SIZE 1024

char *helper_find(char **why)
{
	static const char *const places[] = {
		PKGLIBEXECDIR "/" NAME,
		"/usr/libexec/nix-user-chroot/" NAME,
		"/usr/local/libexec/nix-user-chroot/" NAME,
	};
	const char *named = env_get("NIX_USER_CHROOT_HELPER");

	if (geteuid() == 0) {
		*why = xstrdup("it is for users, and root needs none");
		return NULL;
	}
	if (named && *named == '/' && fs_is_program(named))
		return xstrdup(named);
	if (named) {
		*why = xasprintf(
			"NIX_USER_CHROOT_HELPER is %s, which is not the absolute path of a program",
			named);
		return NULL;
	}
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
		if (fs_is_program(places[i]))
			return xstrdup(places[i]);
	*why = xstrdup("none is installed: an administrator can, as nix-user-chroot-helper");
	return NULL;
}

static _Noreturn void run_try(const char *helper, int answer_fd)
{
	if (dup2(answer_fd, STDERR_FILENO) >= 0)
		execl(helper, helper, "--try", (char *)NULL);
	_exit(126);
}

/* The first line that the child writes to FD, without the program's name. The caller frees. */
static char *read_answer(int fd)
{
	char text[ANSWER_SIZE], *said;
	size_t len = 0;
	ssize_t n;

	/* read until the child has ended: an answer may come in pieces */
	while ((n = read(fd, text + len, sizeof(text) - 1 - len)) != 0) {
		if (n < 0 && errno != EINTR)
			break;
		len += n > 0 ? (size_t)n : 0;
		if (len == sizeof(text) - 1)
			break;
	}
	text[len] = '\0';
	text[strcspn(text, "\n")] = '\0';
	said = strstr(text, ": ");
	return xstrdup(said ? said + 2 : text);
}

char *helper_refusal(const char *helper)
{
	_cleanup_close_ int reader = -1, writer = -1;
	_cleanup_free_ char *said = NULL;
	int fds[2], status;
	pid_t child;

	/* with no_new_privs the kernel gives the helper no privilege */
	if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1)
		return xasprintf("no_new_privs is set here, so that %s gains no privilege", helper);
	if (pipe2(fds, O_CLOEXEC) < 0)
		return xasprintf("cannot make a pipe: %s", strerror(errno));
	reader = fds[0];
	writer = fds[1];
	child = fork();
	if (child < 0)
		return xasprintf("cannot start a process to try it in: %s", strerror(errno));
	if (child == 0)
		run_try(helper, writer);
	close(steal_fd(&writer));
	said = read_answer(reader);
	/* whoever writes more than an answer must not wait for a reader */
	close(steal_fd(&reader));
	while (waitpid(child, &status, 0) < 0)
		if (errno != EINTR)
			return xasprintf("cannot wait for %s: %s", helper, strerror(errno));
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return NULL;
	return *said ? steal_ptr(&said) : xasprintf("%s did not tell why it failed", helper);
}
