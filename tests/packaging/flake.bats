#!/usr/bin/env bats
#
# scripts/packaging/flake.nix and package.nix, as the real Nix evaluates and builds them. ./nixpkgs stands in for
# nixpkgs. See packaging.bash.

# shellcheck disable=SC2016 # sed expands what stands in single quotes
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
	HOME_WITH_NIX=$HOME
	export REPOSITORY HOME_WITH_NIX
	repository "$REPOSITORY"
	"$PROGRAM" --install --quiet --mirror "$RELEASES" --no-channel-add --no-modify-profile
	# outside of the repository, so that the flake cannot find it there by mistake
	cp -r "$TOP/tests/packaging/nixpkgs" "$BATS_FILE_TMPDIR"
}

setup()
{
	packaging
	export HOME=$HOME_WITH_NIX
	FLAKE="git+file://$REPOSITORY?dir=scripts/packaging"
	OPTIONS=(--override-input nixpkgs "path:$BATS_FILE_TMPDIR/nixpkgs" --no-write-lock-file --offline)
	SYSTEM=$(uname -m | sed 's/i.86/i686/')-linux
}

teardown_file()
{
	HOME=${HOME_WITH_NIX:-$HOME} remove_nix
}

# nix COMMAND... FLAKE [OPTION...]: run nix inside, without a network and without a lock file
nix()
{
	"$PROGRAM" -- nix "$@" "${OPTIONS[@]}" 2>"$BATS_TEST_TMPDIR/errors" || {
		cat "$BATS_TEST_TMPDIR/errors"
		return 1
	}
}

# value ATTRIBUTE [OPTION...]: print that attribute of the flake, as JSON
value()
{
	nix eval "$FLAKE#$1" --json "${@:2}"
}

# package ATTRIBUTE: print that attribute of the package for this system
package()
{
	value "packages.$SYSTEM.default.$1"
}

# clone: set FLAKE to that of a copy, which the test may change
clone()
{
	git clone -q "$REPOSITORY" "$BATS_TEST_TMPDIR/clone"
	FLAKE="git+file://$BATS_TEST_TMPDIR/clone?dir=scripts/packaging"
}

@test "flake: nix flake check finds nothing, for any system" {
	nix flake check "$FLAKE" --no-build --all-systems
	run -1 grep -iE 'warning|error' <(grep -v 'not writing modified lock file' "$BATS_TEST_TMPDIR/errors")
}

@test "flake: a package, an app, a check and a shell for every system, and an overlay" {
	local outputs system

	for outputs in packages apps checks devShells; do
		run -0 value "$outputs" --apply "builtins.mapAttrs (_: builtins.attrNames)"
		for system in aarch64 armv6l armv7l i686 powerpc64le riscv64 x86_64; do
			[[ $output == *"\"$system-linux\":["* ]]
		done
	done
	[ "$(value "packages.$SYSTEM" --apply builtins.attrNames)" = '["default","nix-user-chroot"]' ]
	[ "$(value "apps.$SYSTEM.default.type")" = '"app"' ]
	[ "$(value "apps.$SYSTEM.default.program")" = \
		"$(value "packages.$SYSTEM.default.outPath" | sed 's,"$,/bin/nix-user-chroot",')" ]
	[ "$(value overlays --apply 'overlays: (overlays.default { callPackage = file: _: toString file; } { }).nix-user-chroot' |
		sed 's,.*/scripts,,')" = '/packaging/package.nix"' ]
}

@test "flake: it needs no lock file, and writes none" {
	[ ! -e "$TOP/scripts/packaging/flake.lock" ]
	package version
	[ -z "$(git -C "$REPOSITORY" status --porcelain)" ]
}

@test "flake: the version is that of configure.ac, and of nowhere else" {
	clone
	[ "$(package version)" = "\"$VERSION\"" ]
	[ "$(package name)" = "\"nix-user-chroot-$VERSION\"" ]
	change "$BATS_TEST_TMPDIR/clone" configure.ac "s/\[$VERSION\]/[9.9.9-rc1]/"
	[ "$(package version)" = '"9.9.9-rc1"' ]
}

@test "flake: all that configure.ac asks pkg-config for is an input" {
	[ "$(package buildInputs)" = '["curl","libarchive","openssl"]' ]
	[ "$(package checkInputs)" = '["cmocka"]' ]
	[ "$(package nativeBuildInputs)" = '["autoreconfHook","pkg-config"]' ]
	# whoever adds a library to configure.ac must add it to package.nix, and here
	run -0 sed -n 's/.*PKG_CHECK_MODULES(\[[A-Z]*\], *\[\([a-z]*\).*/\1/p' "$TOP/configure.ac" "$TOP"/m4/nuc_*.m4
	[ "$(sort <<<"$output" | tr '\n' ' ')" = 'cmocka libarchive libcrypto libcurl ' ]
}

@test "flake: what the package says of itself" {
	[ "$(package meta.license.spdxId)" = '"MIT"' ]
	[ "$(package meta.mainProgram)" = '"nix-user-chroot"' ]
	[[ $(package meta.platforms) == *"\"$SYSTEM\""* ]]
	[ "$(package doCheck)" = true ]
	[ "$(package strictDeps)" = true ]
}

@test "flake: what is not built does not change the package, what is built does" {
	local before

	clone
	before=$(package drvPath)
	[[ $before == *.drv\" ]]
	change "$BATS_TEST_TMPDIR/clone" scripts/release '$a# more'
	change "$BATS_TEST_TMPDIR/clone" tests/packaging/flake.bats '$a# more'
	[ "$(package drvPath)" = "$before" ]
	change "$BATS_TEST_TMPDIR/clone" src/main.c '$a/* more */'
	[ "$(package drvPath)" != "$before" ]
}

@test "flake: as a path, and package.nix without flakes" {
	local expected

	expected=$(package drvPath)
	FLAKE="path:$REPOSITORY?dir=scripts/packaging"
	[ "$(package drvPath)" = "$expected" ]
	cat >"$BATS_TEST_TMPDIR/default.nix" <<-END
		let
		  lib = import $BATS_FILE_TMPDIR/nixpkgs/lib.nix;
		  stdenv.mkDerivation = attrs: attrs;
		  stand-ins = lib.genAttrs [ "autoreconfHook" "cmocka" "curl" "libarchive" "openssl" "pkg-config" ] (name: name);
		in
		lib.callPackageWith (stand-ins // { inherit lib stdenv; }) $REPOSITORY/scripts/packaging/package.nix
	END
	run -0 "$PROGRAM" -- nix-instantiate --eval --expr "(import $BATS_TEST_TMPDIR/default.nix { }).version"
	[ "$output" = "\"$VERSION\"" ]
	# the privileged program is built only if a caller asks for it
	run -0 "$PROGRAM" -- nix-instantiate --eval --strict --expr \
		"map (o: (import $BATS_TEST_TMPDIR/default.nix o).configureFlags) [ { } { enableHelper = true; } ]"
	[ "$output" = '[ [ ] [ "--enable-helper" ] ]' ]
}

# Builds in Nix's own sandbox, if the host allows one, with this host's compiler. So the unit tests also run without
# a network, and where no user but the builder exists.
@test "flake: it builds, passes its unit tests, and runs" {
	local paths='' path out

	for path in /bin /etc/alternatives /lib /lib32 /lib64 /libx32 /usr; do
		[ ! -e "$path" ] || paths+="$path "
	done
	out=$(nix build "$FLAKE" -L --no-link --print-out-paths --option sandbox-paths "$paths" \
		--option substitute false)
	grep -q '^nix-user-chroot> # FAIL: *0$' "$BATS_TEST_TMPDIR/errors"
	[[ $out == /nix/store/*-nix-user-chroot-$VERSION ]]
	run -0 find "$HOME/.local/share/nix/store/${out##*/}" -type f -printf '%P\n'
	for path in bin/nix-user-chroot libexec/nix-user-chroot/nix-user-chroot-install \
		share/fish/vendor_completions.d/nix-user-chroot.fish share/man/man1/nix-user-chroot.1; do
		grep -qx "$path" <<<"$output"
	done
	run -0 "$PROGRAM" -- nix run "${OPTIONS[@]}" "$FLAKE" -- --version
	grep -qx "nix-user-chroot $VERSION" <<<"$output"
	# the program that Nix has built can enter another directory from inside, and finds its installer
	mkdir -p "$BATS_TEST_TMPDIR/nix/store" "$BATS_TEST_TMPDIR/nix/here"
	run -0 "$PROGRAM" -- "$out/bin/nix-user-chroot" "$BATS_TEST_TMPDIR/nix" ls /nix
	[[ $output == *here* ]]
	run -0 "$PROGRAM" -- env HOME="$BATS_TEST_TMPDIR/home" "$out/bin/nix-user-chroot" --install --dry-run \
		--mirror "$RELEASES"
	[[ $output == *2.26* ]]
}
