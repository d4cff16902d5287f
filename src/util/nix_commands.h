/*
 * The commands of Nix: called through a link with such a name, this program becomes that command.
 */
#ifndef UTIL_NIX_COMMANDS_H
#define UTIL_NIX_COMMANDS_H

/* For an initializer. */
#define NIX_COMMANDS                                                                        \
	"nix", "nix-build", "nix-channel", "nix-collect-garbage", "nix-copy-closure",       \
		"nix-daemon", "nix-env", "nix-hash", "nix-instantiate", "nix-prefetch-url", \
		"nix-shell", "nix-store"

#endif
