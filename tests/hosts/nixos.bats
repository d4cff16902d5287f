#!/usr/bin/env bats
#
# Hosts whose own programs are in /nix/store, such as NixOS and images made by Nix. Such a host is made here from
# files of this host; its /bin contains only a link to sh.

# shellcheck disable=SC2016 # the inner shells expand
# shellcheck disable=SC2154 # bats sets output, stderr and their lines

bats_require_minimum_version 1.5.0

load ../integration/common
load ../integration/install

setup()
{
	entering
	[ ! -e "$PROGRAM-install" ] || cp "$PROGRAM-install" "$SCRATCH/nix-user-chroot-install"
	cp "$PROGRAM" "$SCRATCH/nix-user-chroot"
	PROGRAM=$SCRATCH/nix-user-chroot
	export NIX_USER_CHROOT_PROOT=/nowhere
}

teardown()
{
	leaving
}

setup_file()
{
	:
}

teardown_file()
{
	:
}

# on_nixos COMMAND...: as on_host of common.bash, but all programs are in the store; /usr is there for their
# libraries
on_nixos()
{
	on_host '
		store=nix/store/0123456789abcdfghijklmnpqrsvwxyz-system
		mkdir -p nix/var/nix "$store"
		mount --rbind usr "$store"
		rm bin sbin
		mkdir bin
		ln -s "/$store/bin/sh" bin/sh
	' env PATH=/nix/store/0123456789abcdfghijklmnpqrsvwxyz-system/bin "$@"
}

@test "on NixOS --check says no, why, and what to use instead" {
	run -0 on_nixos sh -c 'ls -l /bin; readlink -f "$(command -v cp)"'
	[ "${lines[-1]}" = /nix/store/0123456789abcdfghijklmnpqrsvwxyz-system/bin/cp ]
	run -1 on_nixos "$PROGRAM" --check
	[[ $output == *"No: this host's own programs are in /nix/store, and a /nix of your own would"* ]]
	[[ $output == *'This host has /nix and Nix already'*'nix-shell -p PACKAGE'* ]]
	[[ $output != *' works'$'\n'* ]]
	run -1 on_nixos "$PROGRAM" --check --json
	[[ $output == '{"ok": false, "enter": false, "install": false, '* ]]
	[[ $output == *'{"runtime": "userns", "works": false, "why": "it would hide /nix/store'* ]]
}

@test "on NixOS --install says so at once, with --force and in every runtime too" {
	local option

	for option in --no-channel-add --force --dry-run --runtime={userns,mountns,proot,direct}; do
		# nothing listens at this address: a request would end in another error
		fails 125 'its own programs are in /nix/store' 'nix --store ~/my-store' -- \
			on_nixos "$PROGRAM" --install --mirror https://127.0.0.1:1 "$option"
		[[ $output != *127.0.0.1* ]]
	done
	[ -z "$(ls -A "$HOME")" ]
}
