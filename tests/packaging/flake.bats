#!/usr/bin/env bats
#
# scripts/packaging/flake.nix and package.nix, as the real Nix evaluates and builds them, with
# ./nixpkgs in the place of nixpkgs. See packaging.bash.

# shellcheck disable=SC2154 # bats sets output, status and lines
# shellcheck disable=SC2030,SC2031 # a test's variables end with it, which is what is wanted

bats_require_minimum_version 1.5.0
load packaging.bash

setup_file()
{
	packaging
	needs_namespaces
	[ -n "${RELEASES:-}" ] || skip "needs RELEASES, a mirror of Nix"
	REPOSITORY=$BATS_FILE_TMPDIR/repository
	NIX_HOME=$HOME
	export REPOSITORY NIX_HOME
	repository "$REPOSITORY"
	"$PROGRAM" --install --quiet --mirror "$RELEASES" --no-channel-add --no-modify-profile
	# not in the repository, so that nothing can come from there by a mistake
	cp -r "$TOP/tests/packaging/nixpkgs" "$BATS_FILE_TMPDIR"
}

setup()
{
	packaging
	export HOME=$NIX_HOME
	GIT_FLAKE="git+file://$REPOSITORY?dir=scripts/packaging"
	SYSTEM=$(uname -m | sed 's/i.86/i686/')-linux
}

teardown_file()
{
	remove_nix
}

# nix COMMAND FLAKE [OPTION...]
nix()
{
	"$PROGRAM" -- nix "$1" "$2" --override-input nixpkgs "path:$BATS_FILE_TMPDIR/nixpkgs" \
		--no-write-lock-file --offline "${@:3}" 2>"$BATS_TEST_TMPDIR/errors" || {
		cat "$BATS_TEST_TMPDIR/errors"
		return 1
	}
}

# value ATTRIBUTE: of the flake, as JSON
value()
{
	nix eval "$GIT_FLAKE#$1" --json
}

@test "flake: nix flake check finds nothing, for any system" {
	nix flake "$GIT_FLAKE" --help >/dev/null 2>&1 || true
	"$PROGRAM" -- nix flake check --no-build --all-systems "$GIT_FLAKE" --no-write-lock-file --offline \
		--override-input nixpkgs "path:$BATS_FILE_TMPDIR/nixpkgs"
}

@test "flake: it has a package, an app, a check and a shell for every system, and an overlay" {
	run -0 value packages --apply 'packages: builtins.mapAttrs (_: builtins.attrNames) packages'
	for system in aarch64 armv6l armv7l i686 powerpc64le riscv64 x86_64; do
		[[ $output == *"\"$system-linux\":[\"default\",\"nix-user-chroot\"]"* ]]
	done
	true
}

@test "flake: without a lock, and writes none" {
	[ ! -e "$TOP/scripts/packaging/flake.lock" ]
	value "packages.$SYSTEM.default.version"
	[ -z "$(git -C "$REPOSITORY" status --porcelain)" ]
}
