/*
 * The program that enters is linked with libc alone, so that entering costs what the kernel costs.
 * What needs more is carried out by nix-user-chroot-install, which has the same command line. This
 * file takes the place of install/install.c and uninstall/uninstall.c in the small program.
 */
#include "run/run.h"
#include "install/install.h"
#include "uninstall/uninstall.h"
#include "util/program.h"
#include "ui/log.h"
#include "util/cleanup.h"
#include "util/fs.h"

#include <errno.h>
#include <string.h>

#define INSTALLER "nix-user-chroot-install"

/* Beside this program, as in a build tree; the caller frees. NULL where /proc is missing. */
static char *beside_self(void)
{
	_cleanup_free_ char *self = fs_self_path();
	char *slash = self ? strrchr(self, '/') : NULL;

	if (!slash)
		return NULL;
	*slash = '\0';
	return path_join(self, INSTALLER);
}

/* It is told as its name which program it belongs to: links that it makes are to lead there. */
static char **arguments(char *const *argv, char *program)
{
	size_t count = 0;
	char **copy;

	while (argv[count])
		count++;
	copy = xcalloc(count + 2, sizeof(*copy));
	for (size_t i = 1; i < count; i++)
		copy[i] = argv[i];
	copy[0] = program;
	return copy;
}

/* Become the installer with the whole command line. Returns only the status to end with. */
static int delegate(char *const *program_argv)
{
	_cleanup_free_ char *beside = beside_self();
	_cleanup_free_ char *program = program_path(program_argv[0]);
	_cleanup_free_ char **argv = arguments(program_argv, program ? program : program_argv[0]);
	const char *installed = PKGLIBEXECDIR "/" INSTALLER;

	if (beside)
		execv(beside, argv);
	if (!beside || errno == ENOENT)
		execv(installed, argv);
	log_error("cannot run %s: %s\nit belongs to nix-user-chroot: install the program anew",
		  installed, strerror(errno));
	return EXIT_CANCELED;
}

int install_command(const struct install_request *request)
{
	return delegate(request->program_argv);
}

int uninstall_command(const struct uninstall_request *request)
{
	return delegate(request->program_argv);
}
