#!/usr/bin/env bats
#
# The releases that make-release makes have the form that the installer relies on. Whether the Nix in them works is
# tested by the integration tests.

bats_require_minimum_version 1.5.0

setup_file()
{
	export DEST=$BATS_FILE_TMPDIR/mirror
	VERSION=$("$BATS_TEST_DIRNAME/make-release" "$DEST")
	export VERSION
	export RELEASE=$DEST/nix-$VERSION
	mkdir "$BATS_FILE_TMPDIR/unpacked"
	tar -xf "$RELEASE"/nix-*.tar.xz -C "$BATS_FILE_TMPDIR/unpacked"
	TOP=$(echo "$BATS_FILE_TMPDIR/unpacked"/*)
	export TOP
}

@test "the digest is the tarball's: 64 hex digits and nothing else" {
	cmp "$RELEASE"/*.sha256 <(sha256sum "$RELEASE"/*.tar.xz | cut -c1-64 | tr -d '\n')
}

@test "the tarball: one top directory, one xz block, root's, no time of its own, sorted" {
	tarball=$(echo "$RELEASE"/*.tar.xz)
	[ "${TOP##*/}" = "$(basename "$tarball" .tar.xz)" ]
	[ "$(xz --robot --list "$tarball" | awk '$1 == "file" { print $2, $3 }')" = "1 1" ]
	tar --numeric-owner --utc -tvf "$tarball" >"$BATS_TEST_TMPDIR/list"
	cd "$BATS_TEST_TMPDIR"
	run ! grep -v ' 0/0 .* 1970-01-01 00:00 ' list
	run ! grep -Ev '^(-rw-r--r--|-rwxr-xr-x|drwxr-xr-x|lrwxrwxrwx) ' list
	[ "$(awk 'NR == 1 { print $6 }' list)" = "${TOP##*/}/" ]
}

@test ".reginfo registers every store path, with references that are there" {
	paths=0
	exec {reginfo}<"$TOP/.reginfo"
	while read -r path; do
		read -r hash && read -r size && read -r deriver && read -r count
		[[ $path =~ ^/nix/store/[0123456789abcdfghijklmnpqrsvwxyz]{32}-[-+._0-9A-Za-z]+$ ]]
		[ -d "$TOP/store/${path##*/}" ]
		[[ $hash =~ ^[0-9a-f]{64}$ ]]
		[ "$size" -gt 0 ]
		[ -z "$deriver" ]
		for ((i = 0; i < count; i++)); do
			read -r reference
			[ -d "$TOP/store/${reference##*/}" ]
		done
		paths=$((paths + 1))
	done <&"$reginfo"
	[ "$paths" -eq "$(find "$TOP/store" -mindepth 1 -maxdepth 1 | wc -l)" ]
}

@test "no name is left unfilled, and nothing of this machine is in it" {
	run ! grep -rIE '@(nix|busybox|cacert|version)@' "$TOP" "$RELEASE/install"
	run ! grep -rF nix-user-chroot-tests/ "$TOP/store"
}

@test "the pointer names the version" {
	grep -q "/nix-$VERSION/nix-$VERSION-\\\$system.tar.xz" "$RELEASE/install"
	cmp "$RELEASE/install" "$DEST/latest/install"
	sh -n "$RELEASE/install"
	sh -n "$TOP/install"
}

@test "an unknown flag gets the usage, and status 0" {
	run sh "$TOP/install" --frobnicate
	[ "$status" -eq 0 ]
	[[ $output == *"--no-channel-add"* ]]
}

@test "made once: a second mirror needs no network" {
	http_proxy=http://127.0.0.1:9 "$BATS_TEST_DIRNAME/make-release" "$BATS_TEST_TMPDIR/again"
	cmp "$RELEASE"/*.tar.xz "$BATS_TEST_TMPDIR/again/nix-$VERSION"/*.tar.xz
	# the release is a copy and not linked, so that a test may spoil it
	[ -z "$(find "$BATS_TEST_TMPDIR/again" -type f -links +1)" ]
}

@test "bad arguments are refused" {
	for arguments in '' '--as' '--as a/b x' '--bogus' 'one two'; do
		# shellcheck disable=SC2086 # a list of words
		run -1 "$BATS_TEST_DIRNAME/make-release" $arguments
		[ -n "$output" ]
	done
}
