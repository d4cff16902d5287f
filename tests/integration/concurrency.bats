#!/usr/bin/env bats
#
# Many --install at once, in one directory and in several, and on file systems without locks.

# shellcheck disable=SC2016 # the inner shells expand what stands in single quotes
# shellcheck disable=SC2030,SC2031 # every test has a HOME and NIX of its own
# shellcheck disable=SC2154 # bats sets output, status and lines

bats_require_minimum_version 1.5.0
load ../mirror/mirror.bash
load install.bash

setup_file()
{
	installing_suite
	in_memory
	SLOW=1.1.1
	export SLOW
	tiny_release "$SITE" $SLOW ': >"$HOME/started"
		[ ! -e "$HOME/go" ] || read -r line <"$HOME/go" || exit 5'
	mirror_start "$SITE"
}

setup()
{
	new_home
	pids=()
}

teardown()
{
	local pid

	for pid in "${pids[@]}"; do
		kill -TERM "$pid" 2>/dev/null || true
	done
	wait
	mirror_clear_faults
	mirror_clear_log
	cd /
	remove_tree "$BATS_TEST_TMPDIR"/* "$HOME"
}

# at_once COUNT ARG...: start COUNT --install in the background; %d in ARG becomes the number of each. The output of
# number N is in $BATS_TEST_TMPDIR/N.said.
at_once()
{
	local n count=$1
	shift

	for ((n = 0; n < count; n++)); do
		env "${@//%d/$n}" >"$BATS_TEST_TMPDIR/$n.said" 2>&1 3>&- &
		pids+=($!)
	done
}

# ended "COUNT STATUS"...: wait for all that at_once() started; COUNT of them must end with STATUS
ended()
{
	local pid status seen

	for pid in "${pids[@]}"; do
		status=0
		wait "$pid" || status=$?
		echo "$status"
	done >"$BATS_TEST_TMPDIR/statuses"
	pids=()
	seen=$(sort -n "$BATS_TEST_TMPDIR/statuses" | uniq -c | sed 's/^ *//')
	if [ "$seen" != "$(printf '%s\n' "$@")" ]; then
		echo "$seen"
		tail -n +1 "$BATS_TEST_TMPDIR"/*.said
		return 1
	fi
}

@test "fifty at once on one directory: one download, all well, one store" {
	local n

	at_once 50 SSL_CERT_FILE="$MIRROR_CA" "$PROGRAM" --install --mirror "$MIRROR_URL" --no-channel-add
	ended '50 0'
	[ "$(mirror_requests '^GET .*tar\.xz [0-9]')" -eq 1 ]
	# only the first asks the mirror; the others wait and find Nix installed
	[ "$(mirror_requests '^GET .*/latest/')" -eq 1 ]
	[ "$(mirror_requests '^GET .*\.sha256 ')" -eq 1 ]
	no_leftovers
	clean_store
	# one installed, the others print that Nix is there, and each prints at most once that it waits
	[ "$(cat "$BATS_TEST_TMPDIR"/*.said | grep -c "is installed in $NIX\$")" -eq 1 ]
	[ "$(cat "$BATS_TEST_TMPDIR"/*.said | grep -c "is installed in $NIX already: nothing to do\$")" -eq 49 ]
	for ((n = 0; n < 50; n++)); do
		[ "$(grep -c 'waiting for it$' "$BATS_TEST_TMPDIR/$n.said")" -le 1 ]
	done
	[ "$("$PROGRAM" -- nix --version)" = 'nix (Nix) 2.26.3' ]
}

@test "waiting: says for which process, once, and after it that all is done" {
	mkfifo go
	at_once 1 "$PROGRAM" --install --mirror "$MIRROR_URL" --cacert "$MIRROR_CA" --nix-version "$SLOW"
	wait_until 20 test -e started
	holder=$(cat "$NIX/var/nix-user-chroot/lock")
	# it is the process that has the lock, not the one that waits for that process
	readlink "/proc/$holder/fd"/* | grep -qxF "$(realpath "$NIX")/var/nix-user-chroot/lock"
	install --nix-version "$SLOW" >second 2>&1 3>&- &
	pids+=($!)
	wait_until 20 grep -q waiting second
	timeout 20 sh -c 'echo go >go'
	ended '2 0'
	[ "$(cat second)" = "nix-user-chroot: another --install or --uninstall is at work on $NIX (process $holder): waiting for it
nix-user-chroot: Nix $SLOW is installed in $NIX already: nothing to do" ]
	no_leftovers
}

@test "waiting: those who wait do not start the installer" {
	local alone=$BATS_TEST_TMPDIR/alone

	[ -e "$BUILD_DIR/nix-user-chroot-install" ] || skip "the single-file build has no installer beside it"
	mkfifo go
	install --nix-version "$SLOW" >first 2>&1 3>&- &
	pids+=($!)
	wait_until 20 test -e started
	mkdir "$alone"
	cp "$PROGRAM" "$alone"
	printf '#!/bin/sh\nexit 99\n' >"$alone/nix-user-chroot-install"
	chmod +x "$alone/nix-user-chroot-install"
	at_once 5 "$alone/nix-user-chroot" --install --no-shims --nix-version "$SLOW"
	wait_until 20 eval '[ "$(cat "$BATS_TEST_TMPDIR"/*.said | grep -c "waiting for it\$")" -eq 5 ]'
	timeout 20 sh -c 'echo go >go'
	ended '6 0'
	[ "$(cat "$BATS_TEST_TMPDIR"/*.said | grep -c "is installed in $NIX already: nothing to do\$")" -eq 5 ]
}

@test "two --force at once: one after the other" {
	install -q --nix-version "$TINY"
	mirror_clear_log
	at_once 5 "$PROGRAM" --install --force --mirror "$MIRROR_URL" --cacert "$MIRROR_CA" \
		--nix-version "$TINY"
	ended '5 0'
	[ "$(mirror_requests '^GET .*tar\.xz 200')" -eq 5 ]
	no_leftovers
}

@test "one that fails takes nothing from those who wait" {
	for _ in 1 2 3 4; do
		remove_tree .local .cache .nix-profile
		mirror_clear_faults
		mirror_clear_log
		mirror_fault '{"path": "*.tar.xz", "fault": "corrupt", "times": 4}'
		at_once 8 "$PROGRAM" --install --mirror "$MIRROR_URL" --cacert "$MIRROR_CA" --nix-version "$TINY"
		ended '4 0' '4 125'
		[ "$(cat "$BATS_TEST_TMPDIR"/*.said | grep -c 'SHA-256 mismatch for ')" -eq 4 ]
		[ "$(mirror_requests '^GET .*tar\.xz 200')" -eq 5 ]
		no_leftovers
	done
}

@test "at once on directories of their own" {
	local n

	at_once 16 NIX_USER_CHROOT_DIR="$HOME/nix%d" "$PROGRAM" --install --mirror "$MIRROR_URL" \
		--cacert "$MIRROR_CA" --nix-version "$TINY"
	ended '16 0'
	for ((n = 0; n < 16; n++)); do
		NIX=$HOME/nix$n no_leftovers
	done
}

@test "a lock holder that died is no obstacle" {
	mkfifo go
	unshare --user --map-current-user --pid --fork --kill-child "$PROGRAM" --install \
		--mirror "$MIRROR_URL" --cacert "$MIRROR_CA" --nix-version "$SLOW" >/dev/null 2>&1 3>&- &
	wait_until 20 test -e started
	kill -KILL $!
	wait $! || true
	[ -e "$NIX/var/nix-user-chroot/lock" ]
	# processes that are killed together with it may live for a moment longer; then the lock is free
	wait_until 5 flock --nonblock "$NIX/var/nix-user-chroot/lock" true
	rm go
	run -0 install --nix-version "$SLOW"
	[[ $output != *'another --install'* ]]
	no_leftovers
}

@test "a lock file that is none of ours, or garbage" {
	mkdir -p "$NIX/var/nix-user-chroot"
	head -c 100000 /dev/urandom >"$NIX/var/nix-user-chroot/lock"
	run -0 install --nix-version "$TINY"
	no_leftovers
	# a lock file that is a symbolic link is not followed
	echo mine >mine
	ln -s "$HOME/mine" "$NIX/var/nix-user-chroot/lock"
	run install --force --nix-version "$TINY"
	refused "cannot lock $NIX/var/nix-user-chroot/lock"
	[ "$(cat mine)" = mine ]
}

# without_locks ERRNO COMMAND...: run COMMAND where flock(2) fails with ERRNO, as on a file system without locks
without_locks()
{
	/usr/bin/python3 - "$@" <<'END'
import ctypes, os, platform, struct, sys
flock = {"x86_64": (0xC000003E, 73), "aarch64": (0xC00000B7, 32)}.get(platform.machine())
if flock is None:
    sys.exit(77)
def instruction(code, jump_true, jump_false, k):
    return struct.pack("HBBI", code, jump_true, jump_false, k)
# in struct seccomp_data, nr is at offset 0 and arch at offset 4
code = b"".join([
    instruction(0x20, 0, 0, 4), instruction(0x15, 0, 3, flock[0]),
    instruction(0x20, 0, 0, 0), instruction(0x15, 0, 1, flock[1]),
    instruction(0x06, 0, 0, 0x00050000 | int(sys.argv[1])), instruction(0x06, 0, 0, 0x7FFF0000)])
buffer = ctypes.create_string_buffer(code, len(code))
program = struct.pack("HxxxxxxP", len(code) // 8, ctypes.addressof(buffer))
libc = ctypes.CDLL(None, use_errno=True)
if libc.prctl(38, 1, 0, 0, 0) != 0 or libc.prctl(22, 2, program, 0, 0) != 0:
    sys.exit(os.strerror(ctypes.get_errno()))
os.execvp(sys.argv[2], sys.argv[2:])
END
}

@test "a file system without locks is said in one message, and nothing is left" {
	local errno before

	run without_locks 37 true
	[ "$status" -ne 77 ] || skip "needs a seccomp filter for $(uname -m)"
	run ! without_locks 37 flock --nonblock . true
	before=$(listing .)
	for errno in 37 95 38; do # ENOLCK EOPNOTSUPP ENOSYS
		run without_locks $errno "$PROGRAM" --install --mirror "$MIRROR_URL" \
			--cacert "$MIRROR_CA" --nix-version "$TINY"
		refused "cannot lock $NIX/var/nix-user-chroot/lock" 'needs locks too' NIX_USER_CHROOT_DIR
		diff <(echo "$before") <(listing .)
	done
}
