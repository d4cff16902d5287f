/*
 * The program that enters is linked with libc alone, so that entering costs what the kernel costs.
 * What needs more is done by nix-user-chroot-install, which has the same command line.
 */
#include "run/run.h"
#include "commands.h"
#include "util/program.h"
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

static int delegate(const struct options *options)
{
	_cleanup_free_ char *beside = beside_self();
	_cleanup_free_ char *program = program_path(options->program_argv[0]);
	_cleanup_free_ char **argv =
		arguments(options->program_argv, program ? program : options->program_argv[0]);
	const char *installed = PKGLIBEXECDIR "/" INSTALLER;

	if (beside)
		execv(beside, argv);
	if (!beside || errno == ENOENT)
		execv(installed, argv);
	log_error("cannot run %s: %s\nit belongs to nix-user-chroot: install the program anew",
		  installed, strerror(errno));
	return EXIT_CANCELED;
}

int command_install(const struct options *options)
{
	return delegate(options);
}

int command_uninstall(const struct options *options)
{
	return delegate(options);
}
