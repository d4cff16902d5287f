#!/usr/bin/env bats
#
# The ways in which the program is called: as a shell (-c), by other names, and by users who have a store in ~/.nix.

# shellcheck disable=SC2016 # the inner shells expand
# shellcheck disable=SC2154 # bats sets output and status

bats_require_minimum_version 1.5.0
load common

setup()
{
	entering
	export NIX_USER_CHROOT_DIR=$NIX
}

teardown()
{
	leaving
}

@test "-c LINE: by the user's shell, inside, with the words behind it" {
	[ "$("$PROGRAM" -c 'cat /nix/name; echo "$0 $1"' zero one)" = $'ours\nzero one' ]
	[ "$("$PROGRAM" -c 'echo "[$*]"' zero -v --install)" = '[-v --install]' ]
	[ "$("$PROGRAM" --command 'echo $0')" = /bin/sh ]
	[ "$(echo typed | "$PROGRAM" -c 'read -r word && echo "$word"')" = typed ]
	run -7 "$PROGRAM" -c 'exit 7'
	run -127 "$PROGRAM" -c no-such-command
	[ "$(SHELL=/bin/bash "$PROGRAM" -c 'echo ${BASH_VERSION:+bash}')" = bash ]
	# -c starts no login shell: ~/.profile is not read
	echo 'echo startup' >"$HOME/.profile"
	[ -z "$("$PROGRAM" -c :)" ]
}

@test "-c LINE is refused where it has no meaning" {
	fails 125 "option --command goes with a command to run inside" -- "$PROGRAM" --check -c true
	fails 125 "needs a LINE" -- "$PROGRAM" -c ''
}

@test "SHELL is this program: another shell runs, and not this one for ever" {
	[ "$(SHELL=$PROGRAM "$PROGRAM" -c 'echo once')" = once ]
	[ "$(SHELL=$PROGRAM "$PROGRAM" </dev/null && echo ended)" = ended ]
}

@test "a copy with a name that begins with nix- but is none of Nix's commands is this program" {
	local name
	for name in nix-chroot nix-static nix-portable other; do
		cp "$PROGRAM" "$SCRATCH/$name"
		[ "$("$SCRATCH/$name" "$NIX" cat /nix/name)" = ours ]
		[[ $("$SCRATCH/$name" --version) == "nix-user-chroot "* ]]
	done
	# a copy named like a command of Nix runs that command, and so does a link of any name
	cp "$PROGRAM" "$SCRATCH/nix-build"
	fails 127 "no such command in your Nix profile" -- "$SCRATCH/nix-build" --version
	ln -s nix-chroot "$SCRATCH/nix-index"
	fails 127 "cannot run nix-index" "no such command in your Nix profile" -- "$SCRATCH/nix-index" --version
}

@test "a store in ~/.nix and none in the default place: said, with the way to use it" {
	unset NIX_USER_CHROOT_DIR
	fails 125 "Nix is not installed yet: there is no store in $HOME/.local/share/nix" "nix-user-chroot --install" -- "$PROGRAM" -- true
	mkdir -p "$HOME/.nix/store"
	fails 125 "there is no Nix store in $HOME/.local/share/nix, but one in $HOME/.nix" \
		"nix-user-chroot $HOME/.nix COMMAND" "NIX_USER_CHROOT_DIR=$HOME/.nix" -- "$PROGRAM" -- true
	fails 125 "but one in $HOME/.nix" -- "$PROGRAM" -c true
	"$PROGRAM" "$HOME/.nix" true
	NIX_USER_CHROOT_DIR=$HOME/.nix "$PROGRAM" -- true
	mkdir -p "$HOME/.local/share/nix/store"
	"$PROGRAM" -- true
}
