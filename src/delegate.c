/*
 * The program that enters links with libc alone, so that an entry takes hardly longer than the
 * kernel needs for it. Commands that need more libraries are left to nix-user-chroot-install, which
 * has the same command line. In the small program this file stands in for install/bundle,
 * install/install, install/update and uninstall/uninstall, and starts nix-user-chroot-install
 * instead.
 */
#include "run/run.h"
#include "install/bundle.h"
#include "install/install.h"
#include "install/turn.h"
#include "install/update.h"
#include "uninstall/uninstall.h"
#include "util/program.h"
#include "ui/log.h"
#include "util/cleanup.h"
#include "util/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#define INSTALLER "nix-user-chroot-install"

/*
 * The installer beside this program, as in a build tree; the caller frees. NULL if /proc is
 * missing.
 */
static char *beside_self(void)
{
	_cleanup_free_ char *self = fs_self_path();
	char *slash = self ? strrchr(self, '/') : NULL;

	if (!slash)
		return NULL;
	*slash = '\0';
	return path_join(self, INSTALLER);
}

/*
 * The argument vector for the installer. Its argv[0] is the path of this program, because the links
 * that the installer makes lead to this program.
 */
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

/*
 * Refuse PROGRAM, if it exists, when it or its directory belongs to others than the user and root,
 * or when others can write to either.
 */
static int check_trusted(const char *program)
{
	_cleanup_free_ char *directory = path_parent(program);
	const char *const paths[] = {program, directory};
	struct trust trust;
	struct stat st;

	if (trusted_find(&(struct trusted_wish){0}, &trust) < 0)
		return -1;
	for (size_t i = 0; i < 2 && fs_exists(AT_FDCWD, program); i++) {
		if (trust_look(&trust, AT_FDCWD, paths[i], &st) == TRUST_GOOD)
			continue;
		log_error("%s is not run: %s belongs to user %lu, or others can write to it\n"
			  "if it is yours, take the write permission of others away (chmod go-w); "
			  "or install the program where nobody else can write",
			  program, i == 0 ? "the file" : "its directory", (unsigned long)st.st_uid);
		return -1;
	}
	return 0;
}

/* Become the installer, with the whole command line. Returns only the exit status of a failure. */
static int delegate(char *const *program_argv)
{
	_cleanup_free_ char *beside = beside_self();
	_cleanup_free_ char *program = program_path(program_argv[0]);
	_cleanup_free_ char **argv = arguments(program_argv, program ? program : program_argv[0]);
	const char *installed = PKGLIBEXECDIR "/" INSTALLER;

	if (beside && check_trusted(beside) < 0)
		return EXIT_CANCELED;
	turn_pass_on();
	if (beside)
		execv(beside, argv);
	if (!beside || errno == ENOENT) {
		if (check_trusted(installed) < 0)
			return EXIT_CANCELED;
		execv(installed, argv);
	}
	log_error("cannot run %s: %s\nit belongs to nix-user-chroot: install the program anew",
		  installed, strerror(errno));
	return EXIT_CANCELED;
}

int install_command(const struct install_request *request)
{
	return delegate(request->program_argv);
}

int update_command(const struct update_request *request)
{
	return delegate(request->program_argv);
}

int bundle_command(const struct install_request *request)
{
	return delegate(request->program_argv);
}

int uninstall_command(const struct uninstall_request *request)
{
	return delegate(request->program_argv);
}
