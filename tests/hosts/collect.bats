#!/usr/bin/env bats
#
# Garbage collection by a real Nix in one terminal, while a process in another terminal uses a path that no garbage
# collector root keeps.

# shellcheck disable=SC2016 # the inner shells expand
# shellcheck disable=SC2154 # bats sets output and status

bats_require_minimum_version 1.5.0
load ../mirror/mirror.bash
load ../integration/install.bash

setup_file()
{
	installing_suite
	in_memory
	mirror_start "$SITE"
	new_home
	install --quiet
	printf 'substitute = false\nsandbox = false\n' >>"$NIX/etc/nix/nix.conf"
	mkdir -p "$HOME/work"
	export HOME NIX
}

teardown_file()
{
	mirror_stop
	remove_tree ${SCRATCH:+"$SCRATCH"} "$BATS_FILE_TMPDIR"/* || true
}

setup()
{
	unset "${!XDG_@}" NIX_USER_CHROOT_NEW_NAMESPACE
	PATH=$HOME/.local/bin:/usr/bin:/bin
	STARTED=()
	rm -f "$NIX/etc/nix-user-chroot/path-config.toml"
	cd "$HOME/work" || return
}

teardown()
{
	local pid

	for pid in "${STARTED[@]}"; do
		! kill "$pid" 2>/dev/null || wait "$pid" || true
	done
	cd /
}

# tool NAME: make a store path that no root keeps, with a program in it; set TOOL to the path
tool()
{
	TOOL=$(nix-build --no-out-link -E "derivation { name = \"$1-$BATS_TEST_NUMBER\";
		system = builtins.currentSystem; builder = \"/bin/sh\";
		args = [ \"-c\" \"$(cat <<-END
			PATH=/usr/bin:/bin; mkdir -p \$out/bin; cp /bin/sh \$out/bin/sh; echo text >\$out/file
		END
		)\" ]; }" 2>"$BATS_TEST_TMPDIR/built") || { cat "$BATS_TEST_TMPDIR/built"; return 1; }
	[ -d "$(outside "$TOOL")" ]
}

outside()
{
	echo "$NIX/${1#/nix/}"
}

# in_terminal COMMAND...: run COMMAND inside, beside the test, in a namespace that it joins or, with NEW, makes; set
# PID to its process
in_terminal()
{
	"$PROGRAM" ${NEW:+--new-namespace} -- "$@" 3>&- 4>&- >"$BATS_TEST_TMPDIR/terminal" 2>&1 &
	PID=$!
	STARTED+=("$PID")
	# wait until our program has become COMMAND
	wait_until 10 sh -c 'case $(readlink "/proc/$1/exe") in "$2"*) false ;; esac' sh "$PID" "$PROGRAM"
}

# held_by HOW: hold a path in one of the ways in which Nix finds paths that processes use
held_by()
{
	tool "$1"
	case $1 in
	exe) in_terminal "$TOOL/bin/sh" -c 'read -r line <>/dev/ptmx' ;;
	cwd) in_terminal sh -c 'cd "$1" && exec sleep 3600' sh "$TOOL" ;;
	file) in_terminal sh -c 'exec sleep 3600 <"$1/file"' sh "$TOOL" ;;
	environment) in_terminal env "HELD=$TOOL" sleep 3600 ;;
	esac
	wait_until 10 grep -q . "/proc/$PID/cmdline"
	sleep 0.2
}

@test "what a process in another terminal uses is kept: program, working directory, open file, environment" {
	for how in exe cwd file environment; do
		held_by $how
		nix-collect-garbage >said 2>&1 || { cat said; return 1; }
		[ -d "$(outside "$TOOL")" ] || { echo "deleted: held by $how"; return 1; }
		kill "$PID"
		wait "$PID" || true
		nix-store --gc >said 2>&1
		[ ! -d "$(outside "$TOOL")" ]
	done
}

@test "the same by a build's own collection, min-free" {
	held_by cwd
	NIX_CONFIG="min-free = 1000T
max-free = 1000T" nix-build --no-out-link -E 'derivation { name = "other-'"$BATS_TEST_NUMBER"'";
		system = builtins.currentSystem; builder = "/bin/sh"; args = [ "-c" "echo >$out" ]; }' >said 2>&1
	[ -d "$(outside "$TOOL")" ]
}

@test "the same when the first terminal has closed" {
	tool closed
	in_terminal sleep 3600
	local first=$PID
	in_terminal sh -c 'cd "$1" && exec sleep 3600' sh "$TOOL"
	sleep 0.2
	kill "$first"
	wait "$first" || true
	nix store gc >said 2>&1 || { cat said; return 1; }
	[ -d "$(outside "$TOOL")" ]
	# a child in the background holds the path after its entry has ended
	kill "$PID"
	wait "$PID" || true
	"$PROGRAM" -- sh -c 'cd "$1" && { sleep 3600 3>&- 4>&- >/dev/null 2>&1 & echo $!; }' sh "$TOOL" >child
	STARTED+=("$(cat child)")
	nix-collect-garbage >said 2>&1
	[ -d "$(outside "$TOOL")" ]
	kill "$(cat child)"
}

@test "in another namespace: refused with the processes, or done where that is asked for" {
	tool other
	NEW=1 in_terminal sh -c 'cd "$1" && exec sleep 3600' sh "$TOOL"
	mkdir -p "$BATS_TEST_TMPDIR/mounted"
	mkdir -p "$NIX/etc/nix-user-chroot"
	printf '[absolute]\n"%s" = "/mnt/mounted"\n' "$BATS_TEST_TMPDIR/mounted" \
		>"$NIX/etc/nix-user-chroot/path-config.toml"
	for command in nix-collect-garbage "nix-store --gc" "nix --option cores 1 store gc" \
		"$PROGRAM -- nix-collect-garbage -d"; do
		# shellcheck disable=SC2086 # words
		run -125 $command
		has_words "cannot collect garbage" "$PID (sleep)" "end these processes first"
		[ -d "$(outside "$TOOL")" ]
	done
	# commands that collect no garbage are not refused
	run -0 nix-store --version
	run -0 --separate-stderr nix-instantiate --version
	[ -z "$stderr" ]
	NIX_CONFIG='min-free = 1G' run -0 --separate-stderr nix-instantiate --version
	[[ $stderr == *"min-free is set"*"$PID (sleep)"* ]]
	NIX_USER_CHROOT_COLLECT_ANYWAY=1 nix-collect-garbage >said 2>&1
	[ ! -d "$(outside "$TOOL")" ]
}

@test "a sandbox or a container of the terminal's own is no other namespace" {
	command -v bwrap >/dev/null || skip "needs bubblewrap"
	tool nested
	in_terminal bwrap --die-with-parent --dev-bind / / --chdir "$TOOL" sleep 3600
	sleep 0.3
	nix-collect-garbage >said 2>&1 || { cat said; return 1; }
	[ -d "$(outside "$TOOL")" ]
}

@test "roots that are missing inside: refused, and they stay" {
	mkdir -p "$HOME/work/excluded"
	nix-build -o "$HOME/work/excluded/result" -E 'derivation { name = "rooted";
		system = builtins.currentSystem; builder = "/bin/sh"; args = [ "-c" "echo >$out" ]; }' >said 2>&1
	mkdir -p "$NIX/etc/nix-user-chroot"
	printf '[excludes]\npaths = ["%s"]\n' "$HOME/work/excluded" >"$NIX/etc/nix-user-chroot/path-config.toml"
	run -125 nix-collect-garbage
	has_words "cannot collect garbage: 1 of its roots is missing inside" "$HOME/work/excluded/result"
	[ -e "$(outside "$(readlink "$HOME/work/excluded/result")")" ]
	rm "$NIX/etc/nix-user-chroot/path-config.toml"
	nix-collect-garbage >said 2>&1
	[ -e "$(outside "$(readlink "$HOME/work/excluded/result")")" ]
	rm "$HOME/work/excluded/result"
}
