#include "run/run.h"
#include "run/path_config_default.h"
#include "config.h"
#include "host/check.h"
#include "install/already.h"
#include "install/install.h"
#include "install/update.h"
#include "run/exec.h"
#include "run/helper.h"
#include "run/nix_dir.h"
#include "run/proot.h"
#include "cli/help.h"
#include "cli/nixpath_advice.h"
#include "cli/parse.h"
#include "uninstall/uninstall.h"
#include "util/program.h"
#include "util/cleanup.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static struct trusted_wish trust_of(const struct options *options)
{
	return (struct trusted_wish){options->trust_owner, options->shared_group};
}

static int enter(const struct options *options)
{
	_cleanup_free_ char *nix_dir = NULL, *advice = NULL, *shell = NULL;
	_cleanup_free_ char **words = NULL;
	enum runtime runtime = options->runtime;

	if (options->nix_dir)
		advice = nixpath_advice(options->nix_dir);
	nix_dir = options->nix_dir ? xstrdup(options->nix_dir) : nix_dir_choose(&runtime);
	if (!nix_dir)
		return options->command_line ? EXIT_CANCELED : run_shell_without_nix(options->argv);
	if (options->command_line)
		words = exec_shell_words(options->command_line, options->argv, &shell);
	return run_exec(&(struct run_request){
		.nix_dir = nix_dir,
		.is_default = !options->nix_dir,
		.is_named = options->nix_dir,
		.trust = trust_of(options),
		.missing_advice = advice,
		.argv = words ? words : options->argv,
		.is_new = options->new_namespace,
		.keeps_ssh = options->no_ssh_config,
		.runtime = runtime,
	});
}

/* Flush stdout: a full disk behind stdout is a failure of the program. */
static int flush(int status)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return status;
	log_error("cannot write to stdout: %s\nmake room where it goes, or let it go elsewhere",
		  strerror(errno));
	return EXIT_CANCELED;
}

static int print_path_config(void)
{
	int r = path_config_print_default(stdout, "");

	if (r < 0) {
		log_error(
			"cannot write to stdout: %s\nmake room where it goes, or let it go elsewhere",
			strerror(-r));
		return EXIT_CANCELED;
	}
	return flush(0);
}

static int install(const struct options *options)
{
	const struct install_options *install = &options->install;
	const struct install_request request = {
		.program_argv = options->program_argv,
		.argv = options->argv,
		.trust = trust_of(options),
		.runtime = options->runtime,
		.keeps_ssh = options->no_ssh_config,
		.nix_version = install->nix_version,
		.mirror = install->mirror,
		.tarball = install->tarball,
		.sha256 = install->sha256,
		.system = install->system,
		.cacert = install->cacert,
		.extra_conf = &install->extra_conf,
		.nix_extra_conf_file = install->nix_extra_conf_file,
		.no_channel_add = install->no_channel_add,
		.no_modify_profile = install->no_modify_profile,
		.no_shims = install->no_shims,
		.dry_run = install->dry_run,
		.force = install->force,
	};
	int r = already_installed(&request);

	if (r != 0)
		return r < 0 ? EXIT_CANCELED : 0;
	return install_command(&request);
}

static int uninstall(const struct options *options)
{
	return uninstall_command(&(struct uninstall_request){
		.program_argv = options->program_argv,
		.trust = trust_of(options),
		.runtime = options->runtime,
		.yes = options->yes,
		.force = options->install.force,
	});
}

static int update(const struct options *options)
{
	return update_command(&(struct update_request){
		.program_argv = options->program_argv,
		.trust = trust_of(options),
		.runtime = options->runtime,
		.releases = options->update.releases,
		.sha256 = options->update.program_sha256,
		.mirror = options->install.mirror,
		.cacert = options->install.cacert,
		.with_nix = options->update.with_nix,
		.dry_run = options->install.dry_run,
		.force = options->install.force,
	});
}

static int check(const struct options *options)
{
	enum runtime runtime = options->runtime;
	/* NULL without HOME, as a message has said by then */
	_cleanup_free_ char *nix_dir = nix_dir_choose(&runtime);

	return flush(check_run(options->runtime, nix_dir, options->json));
}

static int run(const struct options *options)
{
	switch (options->command) {
	case COMMAND_ENTER:
		return enter(options);
	case COMMAND_INSTALL:
		/* --dry-run prints to stdout */
		return flush(install(options));
	case COMMAND_UNINSTALL:
		return uninstall(options);
	case COMMAND_UPDATE:
		return flush(update(options));
	case COMMAND_CHECK:
		return check(options);
	case COMMAND_PRINT_PATH_CONFIG:
		return print_path_config();
	case COMMAND_HELP:
		help_print(stdout, options->help_on);
		return flush(0);
	case COMMAND_VERSION:
		puts("nix-user-chroot " PACKAGE_VERSION "\nHome page: " PACKAGE_URL
		     "\nReport bugs at: " PACKAGE_BUGREPORT);
		return flush(0);
	}
	return EXIT_CANCELED;
}

/*
 * Called by the name of a command of the user's profile: all words are arguments of that command.
 */
static int run_profile_command(const char *name, char **argv, const struct options *options)
{
	enum runtime runtime = options->runtime;
	_cleanup_free_ char *nix_dir = nix_dir_choose(&runtime);

	if (!nix_dir)
		return EXIT_CANCELED;
	return run_exec(&(struct run_request){
		.nix_dir = nix_dir,
		.is_default = true,
		.trust = trust_of(options),
		.argv = argv,
		.profile_command = name,
		.is_new = options->new_namespace,
		.keeps_ssh = options->no_ssh_config,
		.runtime = runtime,
	});
}

int main(int argc, char **argv)
{
	_cleanup_(options_clear) struct options options;
	const char *command = program_command(argc > 0 ? argv[0] : NULL);
	char *name_alone[] = {argc > 0 ? argv[0] : NULL, NULL};
	struct run_request started;

	if (proot_has_started_us(argc, argv, &started) ||
	    helper_has_started_us(argc, argv, &started))
		return run_started(&started);

	/* a profile command gets all words, so only the environment is parsed */
	if (parse_options(command ? 1 : argc, command ? name_alone : argv, &options) < 0)
		return argc == 1 && !command ? run_shell_without_nix(NULL) : EXIT_CANCELED;
	log_set_level(options.log_level);
	return command ? run_profile_command(command, argv, &options) : run(&options);
}
