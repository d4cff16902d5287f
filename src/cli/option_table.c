#include "cli/option_table.h"
#include "cli/nearest.h"

#define AT(field)	  .offset = offsetof(struct options, field)
#define AT_INSTALL(field) .offset = offsetof(struct options, install.field)

/* What most options are: a row of the table begins with one of these. */
#define COMMAND(what)  .kind = KIND_COMMAND, .group = GROUP_COMMAND, .value = COMMAND_##what
#define STRING(field)  .kind = KIND_STRING, .scope = SCOPE_INSTALL, AT_INSTALL(field)
#define FLAG(field)    .kind = KIND_FLAG, .scope = SCOPE_INSTALL, AT_INSTALL(field)
#define VARIABLE(name) .variable = "NIX_USER_CHROOT_" name

const struct option_spec option_specs[OPTION_COUNT] = {
	{.name = "install",
	 COMMAND(INSTALL),
	 .help = "install Nix, verified; then run COMMAND inside"},
	{.name = "uninstall", COMMAND(UNINSTALL), .help = "remove what --install has put in place"},
	{.name = "check",
	 COMMAND(CHECK),
	 .help = "can this host do it, if not why, and what to do"},
	{.name = "print-path-config",
	 COMMAND(PRINT_PATH_CONFIG),
	 .help = "print a path-config.toml that fits this host"},
	{.name = "help",
	 .letter = 'h',
	 COMMAND(HELP),
	 .help = "print this page; behind a command, its options"},
	{.name = "version", .letter = 'V', COMMAND(VERSION), .help = "print the version"},

	{.name = "nix-version",
	 STRING(nix_version),
	 .group = GROUP_WHAT,
	 .metavar = "VERSION",
	 VARIABLE("NIX_VERSION"),
	 .help = "which Nix (default: the latest)"},
	{.name = "system",
	 STRING(system),
	 .group = GROUP_WHAT,
	 .metavar = "SYSTEM",
	 VARIABLE("SYSTEM"),
	 .help = "such as x86_64-linux (default: this host's)"},
	{.name = "force",
	 .kind = KIND_FLAG,
	 .scope = SCOPE_INSTALL | SCOPE_UNINSTALL,
	 AT_INSTALL(force),
	 .group = GROUP_WHAT,
	 VARIABLE("FORCE"),
	 .help = "install again over what is there",
	 .help_uninstall = "also a store that --install did not make"},

	{.name = "mirror",
	 STRING(mirror),
	 .group = GROUP_WHERE,
	 .metavar = "URL",
	 VARIABLE("MIRROR"),
	 .help = "where releases are (default: Nix's own)"},
	{.name = "tarball",
	 STRING(tarball),
	 .group = GROUP_WHERE,
	 .metavar = "FILE|URL",
	 VARIABLE("TARBALL"),
	 .help = "this binary tarball instead of a mirror's"},
	{.name = "sha256",
	 STRING(sha256),
	 .group = GROUP_WHERE,
	 .metavar = "HASH",
	 VARIABLE("SHA256"),
	 .help = "the tarball's hash, in hex or SRI form"},
	{.name = "cacert",
	 STRING(cacert),
	 .group = GROUP_WHERE,
	 .metavar = "FILE",
	 VARIABLE("CACERT"),
	 .help = "CA certificates to verify TLS with"},

	{.name = "extra-conf",
	 .kind = KIND_LINES,
	 .scope = SCOPE_INSTALL,
	 AT_INSTALL(extra_conf),
	 .group = GROUP_CONFIGURE,
	 .metavar = "LINE",
	 VARIABLE("EXTRA_CONF"),
	 .help = "add LINE to nix.conf; may be repeated"},
	{.name = "nix-extra-conf-file",
	 STRING(nix_extra_conf_file),
	 .group = GROUP_CONFIGURE,
	 .metavar = "FILE",
	 VARIABLE("NIX_EXTRA_CONF_FILE"),
	 .help = "add the lines of FILE to nix.conf"},

	{.name = "no-channel-add",
	 FLAG(no_channel_add),
	 .group = GROUP_LEAVE,
	 VARIABLE("NO_CHANNEL_ADD"),
	 .help = "do not subscribe to the nixpkgs channel"},
	{.name = "no-modify-profile",
	 FLAG(no_modify_profile),
	 .group = GROUP_LEAVE,
	 VARIABLE("NO_MODIFY_PROFILE"),
	 .help = "leave the shells' startup files alone"},
	{.name = "no-shims",
	 FLAG(no_shims),
	 .group = GROUP_LEAVE,
	 VARIABLE("NO_SHIMS"),
	 .help = "no nix, nix-build... in ~/.local/bin"},
	{.name = "dry-run",
	 FLAG(dry_run),
	 .group = GROUP_RUNNING,
	 VARIABLE("DRY_RUN"),
	 .help = "print what would be done, and do nothing"},

	{.name = "runtime",
	 .kind = KIND_RUNTIME,
	 AT(runtime),
	 .group = GROUP_RUNNING,
	 .metavar = "RUNTIME",
	 VARIABLE("RUNTIME"),
	 .help = "auto, userns, mountns, direct or proot"},
	{.name = "new-namespace",
	 .kind = KIND_FLAG,
	 .scope = SCOPE_ENTER,
	 AT(new_namespace),
	 .group = GROUP_RUNNING,
	 VARIABLE("NEW_NAMESPACE"),
	 .help = "share no namespace with what runs already"},
	{.name = "yes",
	 .kind = KIND_FLAG,
	 .scope = SCOPE_UNINSTALL,
	 AT(yes),
	 .group = GROUP_OTHER,
	 .help = "do not ask"},
	{.name = "json",
	 .kind = KIND_FLAG,
	 .scope = SCOPE_CHECK,
	 AT(json),
	 .group = GROUP_OTHER,
	 .help = "report for scripts"},

	{.name = "quiet",
	 .letter = 'q',
	 .kind = KIND_VERBOSITY,
	 .value = LOG_ERROR,
	 AT(log_level),
	 .group = GROUP_RUNNING,
	 VARIABLE("QUIET"),
	 .help = "say errors only"},
	{.name = "verbose",
	 .letter = 'v',
	 .kind = KIND_VERBOSITY,
	 .value = 1,
	 AT(log_level),
	 .group = GROUP_RUNNING,
	 VARIABLE("VERBOSE"),
	 .help = "say more; twice: every mount and request"},
};

bool option_goes_with(const struct option_spec *spec, enum command command)
{
	return spec->scope == SCOPE_ANY || spec->scope & SCOPE_OF(command);
}

const char *option_nearest(const char *name, bool is_command)
{
	const char *names[OPTION_COUNT];
	size_t count = 0;

	for (size_t i = 0; i < OPTION_COUNT; i++)
		if (!is_command || option_specs[i].kind == KIND_COMMAND)
			names[count++] = option_specs[i].name;
	return nearest_word(name, names, count);
}
