#include "run/run.h"
#include "run/path_config_default.h"
#include "config.h"
#include "host/check.h"
#include "install/already.h"
#include "install/bundle.h"
#include "install/install.h"
#include "install/release.h"
#include "install/turn.h"
#include "install/update.h"
#include "run/exec.h"
#include "run/helper.h"
#include "run/nix_dir.h"
#include "run/proot.h"
#include "cli/help.h"
#include "cli/nixpath_advice.h"
#include "cli/parse.h"
#include "uninstall/uninstall.h"
#include "util/bundle.h"
#include "util/program.h"
#include "util/cleanup.h"
#include "util/standard_fds.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static struct trusted_wish trust_of(const struct options *options)
{
	return (struct trusted_wish){options->trust_owner, options->shared_group};
}

/*
 * What an entry needs. The entry is tried again when the Nix of a bundle had to be installed first.
 */
struct entrance {
	const struct options *options;
	const char *profile_command; /* the name that the program was called by; NULL: its own */
	char **argv;
	bool has_installed;
};

static int install_and_enter(void *ctx);

/*
 * Is the file of this program a bundle, intact or broken? If so, *VERSION and *SYSTEM become those
 * of its Nix; the caller frees both.
 */
static bool look_at_bundle(struct bundle *out, char **version, char **system)
{
	int r = bundle_look_at_self(out);

	*version = *system = NULL;
	if (r > 0 && !release_split_name(out->name, version, system))
		out->broken = "its tarball has a name that no tarball of Nix has";
	return r != 0;
}

static int enter(struct entrance *entrance)
{
	const struct options *options = entrance->options;
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
		.without_store = install_and_enter,
		.ctx = entrance,
		.is_new = options->new_namespace,
		.keeps_ssh = options->no_ssh_config,
		.runtime = runtime,
	});
}

/* Called by the name of a command of the user's profile: all words are that command's. */
static int run_profile_command(struct entrance *entrance)
{
	const struct options *options = entrance->options;
	enum runtime runtime = options->runtime;
	_cleanup_free_ char *nix_dir = nix_dir_choose(&runtime);

	if (!nix_dir)
		return EXIT_CANCELED;
	return run_exec(&(struct run_request){
		.nix_dir = nix_dir,
		.is_default = true,
		.trust = trust_of(options),
		.argv = entrance->argv,
		.profile_command = entrance->profile_command,
		.without_store = install_and_enter,
		.ctx = entrance,
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
	log_error("cannot write to stdout: %s\nmake room there, or redirect it elsewhere",
		  strerror(errno));
	return EXIT_CANCELED;
}

static int print_path_config(void)
{
	int r = path_config_print_default(stdout, "");

	if (r < 0) {
		log_error("cannot write to stdout: %s\nmake room there, or redirect it elsewhere",
			  strerror(-r));
		return EXIT_CANCELED;
	}
	return flush(0);
}

static int install(const struct options *options)
{
	const struct install_options *install = &options->install;
	_cleanup_free_ char *version = NULL, *system = NULL;
	struct bundle bundle;
	struct install_request request = {
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
	if (look_at_bundle(&bundle, &version, &system))
		request.bundle = &bundle;
	r = install_command(&request);
	turn_end();
	return r;
}

/*
 * Install the Nix of the bundle, if this program is one, then enter. Called only after the entry
 * found no Nix, so that other entries need not look at the file of this program.
 */
static int install_and_enter(void *ctx)
{
	struct entrance *entrance = ctx;
	const struct options *asked = entrance->options;
	char option[] = "--install", *words[] = {asked->program_argv[0], option, NULL};
	_cleanup_(options_clear) struct options options = {0};
	_cleanup_free_ char *version = NULL, *system = NULL;
	struct bundle bundle;
	int status;

	if (entrance->has_installed || !look_at_bundle(&bundle, &version, &system))
		return -1;
	if (parse_options(2, words, &options) < 0)
		return EXIT_CANCELED;
	options.runtime = asked->runtime;
	options.trust_owner = xstrdup(asked->trust_owner);
	options.shared_group = xstrdup(asked->shared_group);
	if (!bundle.broken)
		log_info("there is no Nix here yet: installing the one that is in this file");
	status = install(&options);
	if (status != 0)
		return status;
	entrance->has_installed = true;
	return entrance->profile_command ? run_profile_command(entrance) : enter(entrance);
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

static int make_bundle(const struct options *options)
{
	const struct install_options *install = &options->install;

	return bundle_command(&(struct install_request){
		.program_argv = options->program_argv,
		.bundle_file = options->bundle,
		.releases = options->update.releases,
		.program = options->program,
		.nix_version = install->nix_version,
		.mirror = install->mirror,
		.tarball = install->tarball,
		.sha256 = install->sha256,
		.system = install->system,
		.cacert = install->cacert,
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
	/* NULL if HOME is missing; a message has said so already */
	_cleanup_free_ char *nix_dir = nix_dir_choose(&runtime), *version = NULL, *system = NULL;
	struct bundle bundle;
	bool has_bundle = look_at_bundle(&bundle, &version, &system);
	const struct bundled_nix nix = {&bundle, version, system};

	return flush(check_run(options->runtime, nix_dir, has_bundle ? &nix : NULL, options->json));
}

static int print_version(void)
{
	_cleanup_free_ char *version = NULL, *system = NULL;
	struct bundle bundle;
	bool has_bundle = look_at_bundle(&bundle, &version, &system);

	puts("nix-user-chroot " PACKAGE_VERSION);
	if (has_bundle && !bundle.broken)
		printf("In this file: Nix %s for %s\n", version, system);
	puts("Home page: " PACKAGE_URL "\nReport bugs at: " PACKAGE_BUGREPORT);
	if (has_bundle && bundle.broken)
		log_error("the Nix in this file cannot be used: %-s\n"
			  "copy the file again, or make it anew with --bundle",
			  bundle.broken);
	return flush(has_bundle && bundle.broken ? EXIT_CANCELED : 0);
}

static int run(const struct options *options)
{
	switch (options->command) {
	case COMMAND_ENTER:
		return enter(&(struct entrance){.options = options});
	case COMMAND_INSTALL:
		/* --dry-run prints to stdout */
		return flush(install(options));
	case COMMAND_UNINSTALL:
		return uninstall(options);
	case COMMAND_UPDATE:
		return flush(update(options));
	case COMMAND_BUNDLE:
		return make_bundle(options);
	case COMMAND_CHECK:
		return check(options);
	case COMMAND_PRINT_PATH_CONFIG:
		return print_path_config();
	case COMMAND_HELP:
		help_print(stdout, options->help_on);
		return flush(0);
	case COMMAND_VERSION:
		return print_version();
	}
	return EXIT_CANCELED;
}

int main(int argc, char **argv)
{
	_cleanup_(options_clear) struct options options = {0};
	const char *command = program_command(argc > 0 ? argv[0] : NULL);
	char *name_alone[] = {argc > 0 ? argv[0] : NULL, NULL};
	struct run_request started;

	/* without /dev/null they stay closed */
	(void)standard_fds_guard();
	if (proot_has_started_us(argc, argv, &started) ||
	    helper_has_started_us(argc, argv, &started))
		return run_started(&started);

	/* a profile command gets all words, so only the environment is parsed */
	if (parse_options(command ? 1 : argc, command ? name_alone : argv, &options) < 0)
		return argc == 1 && !command ? run_shell_without_nix(NULL) : EXIT_CANCELED;
	log_set_level(options.log_level);
	if (!command)
		return run(&options);
	return run_profile_command(
		&(struct entrance){.options = &options, .profile_command = command, .argv = argv});
}
