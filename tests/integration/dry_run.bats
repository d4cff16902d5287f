#!/usr/bin/env bats
#
# --install --dry-run prints the plan on stdout, and changes nothing anywhere.

# shellcheck disable=SC2016 # the inner shells expand what stands in single quotes
# shellcheck disable=SC2030,SC2031 # every test has a HOME and NIX of its own
# shellcheck disable=SC2154 # bats sets output, status and lines

bats_require_minimum_version 1.5.0
load ../mirror/mirror.bash
load install.bash

# changes_nothing STATUS COMMAND...: COMMAND must end with STATUS, and change not even a file's time
changes_nothing()
{
	local before expected=$1
	shift

	before=$(listing_with_times "$HOME")
	run "-$expected" --separate-stderr "$@"
	diff <(echo "$before") <(listing_with_times "$HOME")
}

# says LINE...: the plan must contain these lines; blanks at their beginning do not count
says()
{
	local line

	for line; do
		if ! sed 's/^ *//; s/  */ /g' <<<"$output" | grep -qxF -- "$line"; then
			printf 'no line: %s\n%s\n' "$line" "$output"
			return 1
		fi
	done
}

@test "dry run: the whole plan, after two requests" {
	local hash

	hash=$(cat "$RELEASES/nix-$NEW/nix-$NEW-$SYSTEM.tar.xz.sha256")
	changes_nothing 0 "$PROGRAM" --install --dry-run --mirror "$MIRROR_URL" --cacert "$MIRROR_CA"
	[ -z "$stderr" ]
	says "release Nix $NEW for $SYSTEM" "tarball $MIRROR_URL/nix-$NEW/nix-$NEW-$SYSTEM.tar.xz" \
		"SHA-256 $hash" "from $MIRROR_URL/nix-$NEW/nix-$NEW-$SYSTEM.tar.xz.sha256" \
		"download $NIX/var/nix-user-chroot/nix-$NEW-$SYSTEM.tar.xz.part, until it is unpacked" \
		"writes $NIX/store" "$NIX/etc/nix/nix.conf" "$HOME/.nix-channels: the channel nixpkgs" \
		"$HOME/.profile, new (if the release makes one)"
	[[ $output =~ "Nix directory  $NIX (new; "[0-9.]+" "[kMGT]"B are free)" ]]
	[[ $output == *"links          in $HOME/.local/bin, to /"*": nix nix-build "* ]]
	[ "$(mirror_requests 'latest/install')" -ge 1 ]
	[ "$(mirror_requests '\.sha256')" -eq 1 ]
	[ "$(mirror_requests '\.tar\.xz[^.]')" -eq 0 ]
}

@test "dry run: what the options and the home directory change" {
	mkdir -p "$HOME/.config/fish" "$HOME/.local/bin" "$NIX/etc/nix-user-chroot" "$NIX/store"
	touch "$HOME/.bash_profile" "$HOME/.profile" "$HOME/.zshrc" "$HOME/.local/bin/nix"
	changes_nothing 0 "$PROGRAM" --install --dry-run --no-channel-add --nix-version "$TINY" \
		--mirror "$MIRROR_URL" --cacert "$MIRROR_CA" -- nix-shell -p hello
	says "$HOME/.bash_profile" "$HOME/.zshrc" "$HOME/.config/fish/conf.d/nix.fish" \
		'not made by --install, and left as it is: nix' 'then runs nix-shell -p hello'
	[[ $output == *"$NIX (there already; "* ]]
	[[ $output != *'the channel'* ]]
	[ "$(mirror_requests 'latest/')" -eq 0 ]
	changes_nothing 0 "$PROGRAM" --install --dry-run --no-shims --no-modify-profile \
		--nix-version "$TINY" --sha256 "$(printf '%064d' 7)" --mirror "$MIRROR_URL"
	says 'links none' 'startup files stay as they are' 'from --sha256'
	# with a hash and a version, --dry-run has nothing to ask the mirror
	[ "$(mirror_requests .)" -eq 1 ]
	NIX_USER_CHROOT_DRY_RUN=1 changes_nothing 0 install --nix-version "$TINY"
	says "release Nix $TINY for $SYSTEM"
}

@test "dry run: installed already" {
	install -q --nix-version "$TINY"
	mirror_clear_log
	changes_nothing 0 install --dry-run --nix-version "$TINY"
	[ "$output" = 'nothing would be done' ]
	[[ $stderr == *"Nix $TINY is installed in $NIX already"* ]]
	[ "$(mirror_requests .)" -eq 0 ]
	changes_nothing 0 install --dry-run --force --nix-version "$TINY"
	says "release Nix $TINY for $SYSTEM"
}

# same_refusal ARG...: --install must fail with the same message with and without --dry-run
same_refusal()
{
	local dry

	changes_nothing 125 install --dry-run "$@"
	[ -z "$output" ]
	dry=$stderr
	run -125 --separate-stderr install "$@"
	# only the real run prints that it has downloaded something
	diff <(echo "$dry") <(grep -v '^nix-user-chroot: downloading' <<<"$stderr")
}

@test "dry run: fails as the installation would" {
	same_refusal --nix-version 2.0.999
	same_refusal --nix-version ../etc
	same_refusal --system vax-netbsd
	same_refusal --sha256 abc
	same_refusal --tarball "$HOME/none.tar.xz"
	same_refusal --nix-extra-conf-file "$HOME/none" --nix-version "$TINY"
	mirror_fault '{"path": "*.sha256", "fault": "html"}'
	same_refusal
	mirror_clear_faults
	mkdir -p "$HOME/.local/share"
	: >"$NIX"
	same_refusal --nix-version "$TINY"
	rm "$NIX"
	mkdir -p "$NIX/store/x"
	same_refusal --nix-version "$TINY"
	HOME='' same_home_refusal
}

same_home_refusal()
{
	run -125 --separate-stderr install --dry-run
	[[ $stderr == *HOME* ]]
}

@test "dry run: a directory that cannot be written" {
	[ "$(id -u)" -ne 0 ] || skip "nothing is read-only for root"
	chmod 555 "$HOME"
	same_refusal --nix-version "$TINY"
	[[ $stderr == *"$HOME cannot be written, where Nix keeps your profile: Permission denied"* ]]
}

@test "dry run: a host that refuses namespaces" {
	local refuse=${BUILD_DIR:-$BATS_TEST_DIRNAME/../..}/tests/refuse

	[ -x "$refuse" ] || skip "needs tests/refuse: make test-programs"
	NIX_USER_CHROOT_RUNTIME=userns changes_nothing 125 "$refuse" unshare,clone -- "$PROGRAM" --install --dry-run \
		--nix-version "$TINY" --mirror "$MIRROR_URL" --cacert "$MIRROR_CA"
	[[ $stderr == *'nix-user-chroot --check'* ]]
	[ -z "$output" ]
}

@test "dry run: a stdout that takes nothing is a failure" {
	[ -w /dev/full ] || skip "needs /dev/full"
	run -125 bash -c '"$0" --install --dry-run --nix-version "$1" --mirror "$2" --cacert "$3" >/dev/full' \
		"$PROGRAM" "$TINY" "$MIRROR_URL" "$MIRROR_CA"
	[[ $output == *'cannot write to stdout'* ]]
}
