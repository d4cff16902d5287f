/*
 * The commands that Nix consists of: links to this program by these names become them.
 */
#ifndef UTIL_NIX_COMMANDS_H
#define UTIL_NIX_COMMANDS_H

/* For an initializer. */
#define NIX_COMMANDS                                                                        \
	"nix", "nix-build", "nix-channel", "nix-collect-garbage", "nix-copy-closure",       \
		"nix-daemon", "nix-env", "nix-hash", "nix-instantiate", "nix-prefetch-url", \
		"nix-shell", "nix-store"

#endif
