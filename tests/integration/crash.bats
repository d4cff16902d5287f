#!/usr/bin/env bats
#
# --install that is killed at any moment, interrupted, or stopped and continued. After each kill, running --install
# again must finish the work, with nothing left of the interrupted run.
#
# NUC_CRASHES     how many times to kill: 12 by default; 300 takes a night NUC_CRASH_SEED  the random seed for the
# moments of the kills, which every failure prints

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
	# the install script of this release creates "started", and then waits if there is a FIFO "go"
	SLOW=1.1.1
	export SLOW
	tiny_release "$SITE" $SLOW ': >"$HOME/started"
		[ ! -e "$HOME/go" ] || read -r line <"$HOME/go" || exit 5'
	mirror_start "$SITE"
}

setup()
{
	new_home
	mkfifo "$HOME/go"
	leader=
}

teardown()
{
	local pid

	for pid in $(session_processes); do
		kill -KILL "$pid" 2>/dev/null || true
	done
	mirror_clear_faults
	mirror_clear_log
	cd /
	remove_tree "$BATS_TEST_TMPDIR"/* "$HOME"
}

# start [ENV OPTION...] -- ARG...: run --install in the background as the leader of a session, and set $leader to its
# ID. Not by "&" alone, because a shell starts background processes with SIGINT ignored.
start()
{
	local options=()

	while [ "$1" != -- ]; do
		options+=("$1")
		shift
	done
	shift
	setsid env --default-signal=HUP,INT,QUIT "${options[@]}" "$PROGRAM" --install \
		--mirror "$MIRROR_URL" --cacert "$MIRROR_CA" --no-channel-add "$@" \
		>"$BATS_TEST_TMPDIR/said" 2>&1 3>&- &
	leader=$!
}

# Print the processes of the session that start() made, without zombies.
session_processes()
{
	[ -n "$leader" ] || return 0
	# after the name, which may contain anything, come: state, ppid, pgrp, session
	sed -n -E "s/^([0-9]+) \(.*\) [^ZX] [0-9]+ [0-9]+ $leader .*/\1/p" /proc/[0-9]*/stat 2>/dev/null || true
}

no_processes()
{
	[ -z "$(session_processes)" ]
}

go()
{
	timeout 20 sh -c 'echo go >"$HOME/go"'
}

said()
{
	grep -qF -- "$1" "$BATS_TEST_TMPDIR/said"
}

# ended STATUS: wait for $leader, which must end with STATUS
ended()
{
	local status=0

	wait "$leader" || status=$?
	if [ "$status" -ne "$1" ]; then
		echo "status $status"
		cat "$BATS_TEST_TMPDIR/said"
		return 1
	fi
}

staging_has_something()
{
	[ -n "$(ls "$NIX/var/nix-user-chroot/staging" 2>/dev/null)" ]
}

# Nothing is left in $NIX that the next --install would have to clear away.
nothing_under_way()
{
	[ ! -e "$NIX/var/nix-user-chroot/staging" ] && [ ! -e "$NIX/var/nix-user-chroot/lock" ]
}

# milliseconds COMMAND...: print how long COMMAND takes
milliseconds()
{
	local begin=${EPOCHREALTIME/./}

	"$@" >&2 3>&-
	echo $(((${EPOCHREALTIME/./} - begin) / 1000))
}

# crash KIND MILLISECONDS: start an installation, and kill it after MILLISECONDS
crash()
{
	local command=("$PROGRAM" --install --mirror "$MIRROR_URL" --cacert "$MIRROR_CA"
		--no-channel-add --nix-version "$OLD") victim

	# "tree" kills all processes at once, by the end of their pid namespace; "main" kills only the first
	[ "$1" = main ] || command=(unshare --user --map-current-user --pid --fork --kill-child "${command[@]}")
	"${command[@]}" >"$BATS_TEST_TMPDIR/said" 2>&1 3>&- &
	victim=$!
	sleep "$(printf '%d.%03d' $(($2 / 1000)) $(($2 % 1000)))"
	kill -KILL "$victim" 2>/dev/null || true
	wait "$victim" || true
}

recovered()
{
	install -q --nix-version "$OLD" && clean_store && no_leftovers &&
		[ "$("$PROGRAM" -- nix --version)" = 'nix (Nix) 2.26.3' ] &&
		[ "$(grep -c 'added by Nix installer' "$HOME/.profile")" -eq 1 ] &&
		[ "$(find "$NIX/store" -mindepth 1 -maxdepth 1 -name '*-nix-*' -o \
			-name '*-busybox-*' -o -name '*-nss-cacert-*' | wc -l)" -eq 3 ]
}

@test "SIGKILL at a random instant, of all of it or of the main process alone, and a rerun" {
	local count=${NUC_CRASHES:-12} seed=${NUC_CRASH_SEED:-$SRANDOM} n duration at kind

	cd "$BATS_TEST_TMPDIR"
	rm "$HOME/go"
	duration=$(milliseconds install -q --nix-version "$OLD")
	echo "seed $seed, $count times within $duration ms"
	RANDOM=$seed
	for ((n = 0; n < count; n++)); do
		remove_tree "$HOME"
		mkdir "$HOME"
		kind=tree
		[ $((n % 2)) -eq 0 ] || kind=main
		# one moment in each of COUNT equal parts of the time, at random within the part; the last may be
		# after the end
		at=$((duration * 11 * (n * 32768 + RANDOM) / (count * 32768 * 10)))
		echo "kill $n: $kind after $at ms"
		crash $kind $at
		if ! recovered; then
			echo "what the killed one said:"
			cat "$BATS_TEST_TMPDIR/said"
			find "$NIX/var"
			return 1
		fi
	done
}

@test "SIGKILL of the main process while the install script runs: a rerun waits for what goes on" {
	start -- --nix-version "$SLOW"
	wait_until 20 test -e "$HOME/started"
	kill -KILL "$leader"
	ended 137
	# the install script lives on, and holds the lock
	[ -n "$(session_processes)" ]
	install --nix-version "$SLOW" >"$BATS_TEST_TMPDIR/said" 2>&1 3>&- &
	again=$!
	wait_until 20 said 'another --install or --uninstall is at work'
	[ ! -e "$NIX/var/nix-user-chroot/record" ] || ! grep -q "^complete" "$NIX/var/nix-user-chroot/record"
	go
	# without "go" the script of the second run does not wait
	rm "$HOME/go"
	wait $again
	no_leftovers
	no_processes
}

@test "SIGKILL of the working process alone, as for want of memory: cleaned up and said" {
	start -- --nix-version "$SLOW"
	wait_until 20 test -e "$HOME/started"
	kill -KILL "$(cat "$NIX/var/nix-user-chroot/lock")"
	ended 125
	said 'ended by signal 9'
	said 'again'
	nothing_under_way
	wait_until 5 no_processes
	rm "$HOME/go"
	run -0 install --nix-version "$SLOW"
	no_leftovers
}

@test "SIGINT, SIGTERM, SIGHUP while the install script runs: cleaned up at once" {
	local signal

	for signal in INT TERM HUP; do
		echo "SIG$signal"
		start -- --nix-version "$SLOW"
		wait_until 20 test -e "$HOME/started"
		kill -"$signal" "$leader"
		ended $((128 + $(kill -l $signal)))
		nothing_under_way
		wait_until 5 no_processes
		rm "$HOME/started"
	done
	rm "$HOME/go"
	run -0 install --nix-version "$SLOW"
	no_leftovers
}

@test "SIGTERM during the download: only what can be resumed is left, and it is" {
	mirror_fault '{"path": "*.tar.xz", "fault": "stall", "bytes": 3000000, "times": 1}'
	start -- --nix-version "$OLD"
	wait_until 20 test -s "$NIX/var/nix-user-chroot/nix-$OLD-$SYSTEM.tar.xz.part"
	kill -TERM "$leader"
	ended 143
	no_processes
	[ ! -e "$NIX/store" ]
	run -0 ls "$NIX/var/nix-user-chroot"
	[ "$output" = "nix-$OLD-$SYSTEM.tar.xz.part"$'\n'"nix-$OLD-$SYSTEM.tar.xz.part.state"$'\n'record ]
	run -0 install --nix-version "$OLD"
	[ "$(mirror_requests '^GET .*tar.xz 206 ')" -eq 1 ]
	no_leftovers
	clean_store
}

@test "SIGTERM during the unpacking: nothing of it is left" {
	start -- --nix-version "$OLD"
	wait_until 20 staging_has_something
	kill -TERM "$leader"
	ended 143
	wait_until 5 no_processes
	[ ! -e "$NIX/store" ] && nothing_under_way
	# the part of the tarball that was downloaded is not downloaded again
	mirror_clear_log
	run -0 install --nix-version "$OLD"
	[ "$(mirror_requests '^GET .*tar.xz 200')" -eq 0 ]
	no_leftovers
}

@test "a download of another version that was broken off goes with the next success" {
	mirror_fault '{"path": "*.tar.xz", "fault": "stall", "bytes": 3000000, "times": 1}'
	start -- --nix-version "$OLD"
	wait_until 20 test -s "$NIX/var/nix-user-chroot/nix-$OLD-$SYSTEM.tar.xz.part"
	kill -KILL "$leader"
	ended 137
	wait_until 5 no_processes
	run -0 install --nix-version "$TINY"
	no_leftovers
}

@test "a download that was broken off, and --uninstall: nothing is left" {
	mirror_fault '{"path": "*.tar.xz", "fault": "stall", "bytes": 3000000, "times": 1}'
	start -- --nix-version "$OLD"
	wait_until 20 test -s "$NIX/var/nix-user-chroot/nix-$OLD-$SYSTEM.tar.xz.part"
	kill -TERM "$leader"
	ended 143
	run -0 "$PROGRAM" --uninstall --yes
	[ ! -e "$HOME/.local" ]
}

@test "SIGTERM while waiting for another's lock does not disturb the other" {
	# the waiting process starts when the other has begun to download, and ends when the other has only empty
	# directories
	mirror_fault '{"path": "*.tar.xz", "fault": "slow", "rate": 100000}'
	start -- --nix-version "$SLOW"
	wait_until 20 test -s "$NIX/var/nix-user-chroot/nix-$SLOW-$SYSTEM.tar.xz.part"
	"$PROGRAM" --install --mirror "$MIRROR_URL" --cacert "$MIRROR_CA" --nix-version "$TINY" \
		>"$BATS_TEST_TMPDIR/waiter" 2>&1 3>&- &
	waiter=$!
	wait_until 20 grep -qF 'waiting for it' "$BATS_TEST_TMPDIR/waiter"
	wait_until 20 test -e "$HOME/started"
	[ -d "$NIX/var/nix" ] && [ -z "$(ls "$NIX/var/nix")" ]
	before=$(listing "$NIX")
	kill -TERM $waiter
	status=0
	wait $waiter || status=$?
	[ "$status" -eq 143 ]
	diff <(echo "$before") <(listing "$NIX")
	go
	ended 0
	no_leftovers
	[ "$("$PROGRAM" -- nix --version)" = "nix (Nix) $SLOW" ]
}

@test "a signal that the caller ignores stays ignored, as under nohup" {
	start --ignore-signal=HUP,CHLD -- --nix-version "$SLOW"
	wait_until 20 test -e "$HOME/started"
	kill -HUP "$leader"
	go
	ended 0
	no_leftovers
}

# in_terminal KEY SCRIPT ARG...: run SCRIPT by bash at a terminal of its own, type KEY when the install script runs,
# and print what the terminal shows
in_terminal()
{
	timeout 60 /usr/bin/python3 - "$@" 3>&- <<'END'
import os, pty, select, sys
key = {"^C": b"\x03", "^Z": b"\x1a"}[sys.argv[1]]
pid, terminal = pty.fork()
if pid == 0:
    os.execvp("bash", ["bash", "-c", *sys.argv[2:]])
while True:
    if select.select([terminal], [], [], 0.02)[0]:
        try:
            os.write(1, os.read(terminal, 4096))
        except OSError:
            break
    if key and os.path.exists(os.path.join(os.environ["HOME"], "started")):
        os.write(terminal, key)
        key = None
os.waitpid(pid, 0)
END
}

@test "^C at a terminal: status 130, and the terminal as it was" {
	run -0 in_terminal ^C 'trap : INT; stty -g; "$0" "$@"; echo "status $?"; stty -g' \
		"$PROGRAM" --install --mirror "$MIRROR_URL" --cacert "$MIRROR_CA" --nix-version "$SLOW"
	echo "$output"
	[[ $output == *'status 130'* ]]
	[ "${lines[0]}" = "${lines[-1]}" ]
	nothing_under_way
}

@test "^Z at a terminal stops all of it, and fg continues it" {
	run -0 in_terminal ^Z 'set -m; stty -g; "$0" "$@"; echo "status $?"
		read -r worker <"$NIX/var/nix-user-chroot/lock"
		# the terminal signals all of them at once, and one may stop a moment after another
		for i in $(seq 100); do grep -q "^State:.T" /proc/$worker/status && break; sleep 0.02; done
		grep "^State:" /proc/$worker/status
		exec 9<>go; echo >&9; fg; echo "status $?"; stty -g' \
		"$PROGRAM" --install --mirror "$MIRROR_URL" --cacert "$MIRROR_CA" --nix-version "$SLOW"
	echo "$output"
	[[ $output == *'status 148'*'T (stopped)'*'status 0'* ]]
	[ "${lines[0]}" = "${lines[-1]}" ]
	no_leftovers
}

@test "SIGTSTP where no shell could continue it is passed over" {
	# start() makes it the leader of a session: its process group is orphaned, and the kernel ignores SIGTSTP for
	# it
	start -- --nix-version "$SLOW"
	wait_until 20 test -e "$HOME/started"
	kill -TSTP "$leader"
	go
	ended 0
	no_leftovers
}
