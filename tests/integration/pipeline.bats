#!/usr/bin/env bats
#
# While the tarball is downloaded, it is written to a file, digested and unpacked. Tests that this happens, and that
# nothing of the tarball is used before its digest is verified.

# shellcheck disable=SC2030,SC2031 # every test has a HOME and NIX of its own
# shellcheck disable=SC2154 # bats sets output, status and lines

bats_require_minimum_version 1.5.0
load ../mirror/mirror.bash
load install.bash

staging()
{
	ls -A "$NIX/var/nix-user-chroot/staging" 2>/dev/null || true
}

staging_has_something()
{
	[ -n "$(staging)" ]
}

bytes_have_come()
{
	[ "$(stat -c %s "$NIX/var/nix-user-chroot/nix-$OLD-$SYSTEM.tar.xz.part" 2>/dev/null || echo 0)" -ge "$1" ]
}

# nothing_used: nothing of the tarball is in the store or in the staging directory
nothing_used()
{
	[ -z "$(ls -A "$NIX/store" 2>/dev/null)" ] && [ -z "$(staging)" ]
}

# in_background [COMMAND...]: start --install of $OLD, by COMMAND, in the background; set $pid to its process ID
in_background()
{
	"$@" "$PROGRAM" --install --mirror "$MIRROR_URL" --cacert "$MIRROR_CA" --no-channel-add \
		--nix-version "$OLD" >"$BATS_TEST_TMPDIR/said" 2>&1 3>&- &
	pid=$!
}

# unconfined COMMAND...: run COMMAND where there are neither namespaces nor Landlock
unconfined()
{
	exec env NIX_USER_CHROOT_RUNTIME=proot "${BUILD_DIR:-$BATS_TEST_DIRNAME/../..}/tests/refuse" \
		unshare,clone,landlock=38 -- "$@"
}

# end_it: send SIGTERM; the program must end cleanly
end_it()
{
	local status=0

	kill -TERM "$pid"
	wait "$pid" || status=$?
	[ "$status" -eq 143 ] || { echo "status $status"; cat "$BATS_TEST_TMPDIR/said"; return 1; }
	[ -z "$(staging)" ]
}

@test "what has come is unpacked while the rest is on its way" {
	mirror_fault '{"path": "*.tar.xz", "fault": "stall", "bytes": 3000000, "times": 1}'
	in_background
	wait_until 20 bytes_have_come 3000000
	wait_until 20 staging_has_something
	[ ! -e "$NIX/store" ]
	end_it
	run -0 install --nix-version "$OLD"
	no_leftovers
	clean_store
}

@test "a transfer that breaks off: the unpacking goes on where it is" {
	mirror_fault '{"path": "*.tar.xz", "fault": "truncate", "bytes": 3000001, "times": 1}'
	mirror_fault '{"path": "*.tar.xz", "fault": "reset", "bytes": 2000003, "times": 1}'
	run -0 install --nix-version "$OLD"
	[ "$(mirror_requests '^GET .*tar.xz 206 ')" -eq 2 ]
	no_leftovers
	clean_store
}

@test "a transfer that begins anew: so does the unpacking" {
	# the first try brings the beginning of another file, whose rest would be no archive
	mirror_fault '{"path": "*.tar.xz", "fault": "truncate", "bytes": 3000001, "altered": true, "times": 1}'
	run -0 install --nix-version "$OLD"
	no_leftovers
	clean_store
	# the same with a server that cannot continue a download
	new_home again
	mirror_clear_log
	mirror_clear_faults
	mirror_fault '{"path": "*.tar.xz", "fault": "truncate", "bytes": 3000001, "times": 1}'
	mirror_fault '{"path": "*.tar.xz", "fault": "range-ignored", "times": 1}'
	run -0 install --nix-version "$OLD"
	[ "$(mirror_requests '^GET .*tar.xz 200 ')" -ge 2 ]
	no_leftovers
	clean_store
}

@test "a wrong digest is what is told, whatever the unpacking makes of the bytes" {
	local fault

	# a flipped bit, which xz notices; then files that are no archive from the first byte on
	for fault in '"fault": "corrupt"' '"fault": "html"' '"fault": "replace", "text": "no archive\n"'; do
		mirror_clear_faults
		mirror_fault "{\"path\": \"*.tar.xz\", $fault}"
		run install --nix-version "$OLD"
		echo "$output"
		refused "SHA-256 mismatch" "nothing of it was used"
		[[ $output != *"cannot unpack"* ]]
		nothing_used
		[ ! -e "$NIX/var/nix-user-chroot/nix-$OLD-$SYSTEM.tar.xz.part" ]
	done
	# another tarball, which is intact
	mirror_fault "{\"path\": \"*$OLD*.tar.xz\", \"fault\": \"replace\", \"file\": \"nix-$TINY/nix-$TINY-$SYSTEM.tar.xz\"}"
	run install --nix-version "$OLD"
	refused "SHA-256 mismatch"
	nothing_used
}

@test "with the right digest, what the archive is refused for is told, and it is not kept" {
	local dir=$SITE/nix-9.9.9 name=nix-9.9.9-$SYSTEM.tar.xz

	mkdir "$dir"
	head -c 3000000 /dev/urandom >"$dir/$name"
	sha256sum "$dir/$name" | cut -c1-64 >"$dir/$name.sha256"
	run install --nix-version 9.9.9
	rm -r "$dir"
	refused "cannot unpack $name"
	nothing_used
	[ ! -e "$NIX/var/nix-user-chroot/$name.part" ]
}

@test "a slow disk slows the download, and memory stays what it is" {
	local child

	in_background
	wait_until 20 staging_has_something
	# stop the child, so that it reads nothing: it is the only one with a root directory of its own
	child=$(pgrep -f -- "--nix-version $OLD" | while read -r p; do
		[ "$(stat -Lc %d:%i "/proc/$p/root" 2>/dev/null)" = "$(stat -Lc %d:%i /)" ] || echo "$p"
	done | tail -n 1)
	[ -n "$child" ] || skip "the child was too fast"
	kill -STOP "$child" 2>/dev/null || skip "the child was too fast"
	sleep 1
	kill -CONT "$child"
	wait "$pid"
	no_leftovers
	clean_store
}

@test "a child that is not confined gets nothing before the digest is right" {
	type -P proot >/dev/null || skip "needs proot"
	! under_sanitizers || skip "AddressSanitizer and PRoot 5.1 may want the same addresses"
	mirror_fault '{"path": "*.tar.xz", "fault": "stall", "bytes": 3000000, "times": 1}'
	in_background unconfined
	wait_until 20 bytes_have_come 3000000
	sleep 0.5
	[ -z "$(staging)" ]
	end_it
	mirror_clear_faults
	in_background unconfined
	wait "$pid" || { cat "$BATS_TEST_TMPDIR/said"; return 1; }
	no_leftovers
}
