/*
 * The program that enters is linked with libc alone, so that entering costs what the kernel costs.
 * What needs more is done by nix-user-chroot-install, which has the same command line.
 */
#include "chroot/chroot.h"
#include "commands.h"
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

int command_install(const struct options *options)
{
	_cleanup_free_ char *beside = beside_self();
	const char *installed = PKGLIBEXECDIR "/" INSTALLER;

	if (beside)
		execv(beside, options->program_argv);
	if (!beside || errno == ENOENT)
		execv(installed, options->program_argv);
	log_error("cannot run %s: %s\nit belongs to nix-user-chroot: install the program anew",
		  installed, strerror(errno));
	return EXIT_CANCELED;
}
