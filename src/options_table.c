#include "options_table.h"
#include "options.h"

#define AT(field)	  offsetof(struct options, field)
#define AT_INSTALL(field) offsetof(struct options, install.field)

const struct option_spec option_specs[OPTION_COUNT] = {
	{"install", 0, KIND_COMMAND, SCOPE_ANY, COMMAND_INSTALL, 0, NULL, NULL,
	 "install Nix, verified; then run COMMAND inside"},
	{"uninstall", 0, KIND_COMMAND, SCOPE_ANY, COMMAND_UNINSTALL, 0, NULL, NULL,
	 "remove what --install has put in place"},
	{"check", 0, KIND_COMMAND, SCOPE_ANY, COMMAND_CHECK, 0, NULL, NULL,
	 "can this host do it, if not why, and what to do"},
	{"print-path-config", 0, KIND_COMMAND, SCOPE_ANY, COMMAND_PRINT_PATH_CONFIG, 0, NULL, NULL,
	 "print a path-config.toml that fits this host"},
	{"help", 'h', KIND_COMMAND, SCOPE_ANY, COMMAND_HELP, 0, NULL, NULL, "print this page"},
	{"version", 'V', KIND_COMMAND, SCOPE_ANY, COMMAND_VERSION, 0, NULL, NULL,
	 "print the version"},
	{"quiet", 'q', KIND_VERBOSITY, SCOPE_ANY, LOG_ERROR, AT(log_level), NULL,
	 "NIX_USER_CHROOT_QUIET", "say errors only"},
	{"verbose", 'v', KIND_VERBOSITY, SCOPE_ANY, 1, AT(log_level), NULL,
	 "NIX_USER_CHROOT_VERBOSE", "say more; twice: every mount and request"},

	{"nix-version", 0, KIND_STRING, SCOPE_INSTALL, 0, AT_INSTALL(nix_version), "VERSION",
	 "NIX_USER_CHROOT_NIX_VERSION", "which Nix (default: the latest)"},
	{"mirror", 0, KIND_STRING, SCOPE_INSTALL, 0, AT_INSTALL(mirror), "URL",
	 "NIX_USER_CHROOT_MIRROR", "where releases are (default: Nix's own)"},
	{"tarball", 0, KIND_STRING, SCOPE_INSTALL, 0, AT_INSTALL(tarball), "FILE|URL",
	 "NIX_USER_CHROOT_TARBALL", "this binary tarball instead of a mirror's"},
	{"sha256", 0, KIND_STRING, SCOPE_INSTALL, 0, AT_INSTALL(sha256), "HASH",
	 "NIX_USER_CHROOT_SHA256", "the tarball's hash, in hex or SRI form"},
	{"system", 0, KIND_STRING, SCOPE_INSTALL, 0, AT_INSTALL(system), "SYSTEM",
	 "NIX_USER_CHROOT_SYSTEM", "such as x86_64-linux (default: this host's)"},
	{"cacert", 0, KIND_STRING, SCOPE_INSTALL, 0, AT_INSTALL(cacert), "FILE",
	 "NIX_USER_CHROOT_CACERT", "CA certificates to verify TLS with"},
	{"extra-conf", 0, KIND_LINES, SCOPE_INSTALL, 0, AT_INSTALL(extra_conf), "LINE",
	 "NIX_USER_CHROOT_EXTRA_CONF", "add LINE to nix.conf; may be repeated"},
	{"nix-extra-conf-file", 0, KIND_STRING, SCOPE_INSTALL, 0, AT_INSTALL(nix_extra_conf_file),
	 "FILE", "NIX_USER_CHROOT_NIX_EXTRA_CONF_FILE", "add the lines of FILE to nix.conf"},
	{"no-channel-add", 0, KIND_FLAG, SCOPE_INSTALL, 0, AT_INSTALL(no_channel_add), NULL,
	 "NIX_USER_CHROOT_NO_CHANNEL_ADD", "do not subscribe to the nixpkgs channel"},
	{"no-modify-profile", 0, KIND_FLAG, SCOPE_INSTALL, 0, AT_INSTALL(no_modify_profile), NULL,
	 "NIX_USER_CHROOT_NO_MODIFY_PROFILE", "leave the shells' startup files alone"},
	{"no-shims", 0, KIND_FLAG, SCOPE_INSTALL, 0, AT_INSTALL(no_shims), NULL,
	 "NIX_USER_CHROOT_NO_SHIMS", "no nix, nix-build... in ~/.local/bin"},
	{"force", 0, KIND_FLAG, SCOPE_INSTALL | SCOPE_UNINSTALL, 0, AT_INSTALL(force), NULL,
	 "NIX_USER_CHROOT_FORCE", "install again over what is there"},
	{"dry-run", 0, KIND_FLAG, SCOPE_INSTALL, 0, AT_INSTALL(dry_run), NULL,
	 "NIX_USER_CHROOT_DRY_RUN", "print what would be done, and do nothing"},

	{"yes", 0, KIND_FLAG, SCOPE_UNINSTALL, 0, AT(yes), NULL, NULL, "do not ask"},

	{"json", 0, KIND_FLAG, SCOPE_CHECK, 0, AT(json), NULL, NULL, "report for scripts"},
};
