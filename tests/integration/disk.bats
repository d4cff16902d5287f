#!/usr/bin/env bats
#
# Disks that are full, read-only or forbidden, and paths that are no directories. --install must print one message,
# with the path and what to do; leave nothing incomplete in store/; and finish when it is run again with enough room.
#
# The full disks are small tmpfs in a user and mount namespace of the test. They need no privilege, and end with the
# namespace, whatever happens.

# shellcheck disable=SC2016 # the inner shells expand what stands in single quotes
# shellcheck disable=SC2030,SC2031 # every test has a HOME and NIX of its own
# shellcheck disable=SC2154 # bats, and try(), set output, status and lines

bats_require_minimum_version 1.5.0
load ../mirror/mirror.bash
load install.bash

setup_file()
{
	installing_suite
	in_memory
	# a release that is small as a tarball: so the room runs out during unpacking or later, not during the
	# download
	SHRINKING=1.2.0
	export SHRINKING
	TINY_SHRINKS=1 tiny_release "$SITE" $SHRINKING
	mirror_start "$SITE"
	unshare --user --map-root-user --mount mount -t tmpfs -o mode=755 tmpfs "$BATS_FILE_TMPDIR" || {
		echo "needs a host that lets users mount in namespaces of their own" >&2
		return 1
	}
}

# A remount by mount(8) names the device, too: otherwise mount(8) passes the current options to the kernel, among
# them IDs that mean nothing in the namespace.

# inside SCRIPT: run SCRIPT by bash as root of new namespaces, where mounts do no harm
inside()
{
	unshare --user --map-root-user --mount bash -euo pipefail -c "
		$(declare -f remove_tree install has_words refused clean_store no_leftovers try whole_or_nothing \
			no_room finishes)
		$1"
}

# try COMMAND...: like bats's `run`, for scripts of inside()
try()
{
	status=0
	output=$("$@" 2>&1) || status=$?
	mapfile -t lines <<<"$output"
}

# The store path of the tiny release is complete or not there at all, and no staging directory is left.
whole_or_nothing()
{
	local path

	[ ! -e "$NIX/var/nix-user-chroot/staging" ] || { echo "staging is left"; return 1; }
	for path in "$NIX"/store/*; do
		[ ! -e "$path" ] || {
			[ "$(stat -c %s "$path/share/data")" -eq 200000 ] &&
				[ "$(stat -c %a "$path" "$path/bin/nix")" = $'555\n555' ]
		} || { echo "$path is incomplete"; return 1; }
	done
}

# no_room WORD: the last command was refused (see install.bash), because the directory WORD had no room
no_room()
{
	refused "$1"
	[[ $output == *'No space left on device'* || $output == *'not enough room'* ||
		$output == *'its file system has '* ]] || { echo "$output"; return 1; }
	[[ ${lines[-1]} == *'make room'* || $output == *install.log* ]] || { echo "$output"; return 1; }
	whole_or_nothing
}

finishes()
{
	try install -q --nix-version "$SHRINKING"
	if [ "$status" -ne 0 ] || ! no_leftovers || ! "$PROGRAM" -- nix --version >/dev/null; then
		echo "the rerun: status $status: $output"
		return 1
	fi
}

@test "no room for the data, whatever it runs out at" {
	run -0 inside '
		seen=
		mkdir .local
		for ((size = 4; size < 2000; size += 12)); do
			mount -t tmpfs -o mode=755,size=${size}k tmpfs .local
			try install --nix-version "$SHRINKING"
			echo "$size KiB: status $status: ${output//$HOME/\~}"
			[ "$status" -ne 0 ] || break
			no_room "$HOME/.local"
			seen+=" $(grep -oE "cannot [a-z]+|not enough room|script failed" <<<"$output" | head -n 1)"
			mount -o remount,size=64m tmpfs .local
			finishes
			rm -f .nix-profile
			umount .local
		done
		[ "$status" -eq 0 ] && no_leftovers
		# check that different steps ran out of room, and not only the first
		[[ $seen == *"cannot unpack"* ]]
		[ "$(tr " " "\n" <<<"$seen" | grep -c cannot)" -ge 10 ]'
}

@test "no inode left, whatever it runs out at" {
	run -0 inside '
		mkdir .local
		for ((count = 2; count < 200; count++)); do
			mount -t tmpfs -o mode=755,nr_inodes=$count tmpfs .local
			try install --nix-version "$SHRINKING"
			echo "$count inodes: status $status: ${output//$HOME/\~}"
			[ "$status" -ne 0 ] || break
			no_room "$HOME/.local"
			mount -o remount,nr_inodes=10000 tmpfs .local
			finishes
			rm -f .nix-profile
			umount .local
		done
		[ "$status" -eq 0 ] && [ "$count" -gt 15 ] && no_leftovers'
}

@test "no room for the download: what has come is kept, and a rerun goes on" {
	run -0 inside '
		mkdir .local
		for size in 12 40 100 180 196; do
			mount -t tmpfs -o mode=755,size=${size}k tmpfs .local
			try install --nix-version "$TINY"
			echo "$size KiB: status $status: $output"
			no_room "$HOME/.local"
			mount -o remount,size=64m tmpfs .local
			try install --nix-version "$TINY"
			[ "$status" -eq 0 ]
			no_leftovers
			rm .nix-profile
			umount .local
		done'
}

@test "no room in HOME for the profile" {
	run -0 inside '
		export XDG_DATA_HOME=$PWD/../data HOME=$PWD/me
		NIX=$XDG_DATA_HOME/nix
		mkdir me "$XDG_DATA_HOME"
		mount -t tmpfs -o mode=755,nr_inodes=3 tmpfs me
		mkdir me/1 me/2
		try install --nix-version "$SHRINKING"
		refused "install.log" "No space left"
		whole_or_nothing
		rmdir me/1
		finishes'
}

@test "real Nix: no room to unpack, and none for its database; a rerun makes a clean store" {
	run -0 inside '
		mkdir .local
		mount -t tmpfs -o mode=755 tmpfs .local
		install -q --nix-version "$OLD"
		store=$(du -sk "$NIX/store" | cut -f 1)
		tarball=$(du -k "$SITE/nix-$OLD/nix-$OLD-$SYSTEM.tar.xz" | cut -f 1)
		umount .local
		rm .nix-profile
		# the sizes: so little that --install knows beforehand; enough for a part of the store; for the store
		# but not for the database; for the beginning of the database
		for size in $((store / 5)) $((store - 1000)) $((store + 60)) $((store + 160)); do
			mount -t tmpfs -o mode=755,size=$((tarball + size))k tmpfs .local
			try install --nix-version "$OLD"
			echo "$size KiB: status $status: $output"
			refused "$NIX"
			[ "$size" -ge "$store" ] || [ -z "$(ls "$NIX/store" 2>/dev/null)" ]
			mount -o remount,size=1g tmpfs .local
			install -q --nix-version "$OLD"
			clean_store
			no_leftovers
			umount .local
			rm .nix-profile
		done'
	echo "$output"
	# the tarball comes while it is unpacked: either may take the last of the room
	[[ $output == *'not enough room'*cannot\ @(unpack|write)*'script failed'* ]]
}

@test "a read-only file system" {
	run -0 inside '
		mkdir data
		mount -t tmpfs -o mode=755,ro tmpfs data
		try env XDG_DATA_HOME="$PWD/data" "$PROGRAM" --install --mirror "$SITE" --nix-version "$TINY"
		refused "$PWD/data/nix" "Read-only file system" NIX_USER_CHROOT_DIR
		[ ! -e .local ]
		# a Nix directory that exists, on a file system that became read-only
		mount -o remount,rw tmpfs data
		NIX_USER_CHROOT_DIR=$PWD/data install -q --nix-version "$TINY"
		# busy until the kernel has closed the files of processes that have just ended
		for ((i = 0; i < 100; i++)); do
			! mount -o remount,ro tmpfs data 2>/dev/null || break
			sleep 0.1
		done
		try env NIX_USER_CHROOT_DIR="$PWD/data" "$PROGRAM" --install --force --mirror "$SITE" --nix-version "$TINY"
		refused "$PWD/data" "Read-only file system"'
}

@test "directories that may not be written" {
	local before

	[ "$(id -u)" -ne 0 ] || skip "needs a user who may not write everywhere"
	mkdir "$HOME/.local"
	before=$(listing "$HOME")
	chmod 555 "$HOME/.local"
	run install --nix-version "$TINY"
	refused "$HOME/.local" 'Permission denied' 'chown -R'
	chmod 755 "$HOME/.local"
	diff <(echo "$before") <(listing "$HOME")
	# a directory within the Nix directory that cannot be written to
	for dir in store etc/nix var/nix-user-chroot; do
		mkdir -p "$NIX/$dir"
		chmod 555 "$NIX/$dir"
		run install --nix-version "$TINY"
		refused "$NIX" 'Permission denied'
		chmod 755 "$NIX/$dir"
		run -0 install --nix-version "$TINY"
		no_leftovers
		remove_tree "$HOME/.local" "$HOME/.nix-profile"
	done
	# a Nix directory that cannot be searched
	mkdir -p "$NIX/store"
	chmod 000 "$NIX"
	run install --nix-version "$TINY"
	refused "$NIX" 'Permission denied'
}

@test "a file where a directory should be" {
	local path before

	for path in .local .local/share .local/share/nix .local/share/nix/var .local/share/nix/store \
		.local/share/nix/etc .local/share/nix/etc/nix .local/share/nix/var/nix \
		.local/share/nix/var/nix-user-chroot; do
		mkdir -p "$(dirname "$path")"
		echo "a file" >"$path"
		before=$(listing "$HOME")
		echo "$path"
		run install --nix-version "$TINY"
		refused "$HOME/${path:0:10}" 'Not a directory' 'move what is in the way'
		diff <(echo "$before") <(listing "$HOME")
		rm "$path"
		run -0 install --nix-version "$TINY"
		no_leftovers
		remove_tree .local .nix-profile
	done
}

@test "links that lead nowhere, or round and round" {
	local path before target

	for target in /nowhere/at/all loop; do
		for path in .local .local/share .local/share/nix .local/share/nix/store; do
			mkdir -p "$(dirname "$path")"
			ln -s "${target/loop/${path##*/}}" "$path"
			before=$(listing "$HOME")
			echo "$path -> $target"
			run install --nix-version "$TINY"
			refused "$HOME/${path:0:6}"
			diff <(echo "$before") <(listing "$HOME")
			remove_tree .local .nix-profile
		done
	done
}

@test "the cache directory is none of ours, whatever it is" {
	echo "a file" >.cache
	run -0 install --nix-version "$TINY"
	no_leftovers
	[ "$(cat .cache)" = "a file" ]
	remove_tree .local .nix-profile .cache
	run -0 install --nix-version "$TINY"
	[ ! -e .cache ]
}

@test "links that lead somewhere are followed" {
	mkdir "$BATS_TEST_TMPDIR/elsewhere"
	mkdir -p .local/share
	ln -s "$BATS_TEST_TMPDIR/elsewhere" .local/share/nix
	run -0 install --nix-version "$TINY"
	[ "$("$PROGRAM" -- nix --version)" = "nix (Nix) $TINY" ]
	[ -L .local/share/nix ]
	[ -d "$BATS_TEST_TMPDIR/elsewhere/store" ]
}

@test "a store/ on another file system" {
	run -0 inside '
		mkdir -p "$NIX/store"
		mount -t tmpfs -o mode=755 tmpfs "$NIX/store"
		try install --nix-version "$TINY"
		refused "$NIX/store" "ross-device link"
		[ -z "$(ls "$NIX/store")" ]'
}

@test "a limit on file sizes: EFBIG is a message, not a death by signal" {
	local size

	for size in 8 64 150; do
		run bash -c 'ulimit -f "$1"; shift; exec "$@"' - $size "$PROGRAM" --install \
			--mirror "$MIRROR_URL" --cacert "$MIRROR_CA" --nix-version "$TINY"
		refused "$HOME" 'File too large'
		whole_or_nothing
		# the limit is large enough for the tarball, but not for the files in it
		run bash -c 'ulimit -f "$1"; shift; exec "$@"' - $size "$PROGRAM" --install \
			--mirror "$MIRROR_URL" --cacert "$MIRROR_CA" --nix-version "$SHRINKING"
		refused "$HOME" 'File too large'
		whole_or_nothing
		[ ! -e "$NIX/store" ]
	done
	# the downloaded tarball is used again
	run -0 install --nix-version "$TINY"
	run -0 install --nix-version "$SHRINKING"
	no_leftovers
}
