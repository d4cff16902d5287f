#!/usr/bin/env bats
#
# strace lets system calls fail, one after the other: a failure must be reported, and never be ignored. When
# entering, a command must never run outside, nor in an incomplete root directory. For --install, data must be on the
# disk before the rename that makes it count.

# shellcheck disable=SC2016 # the inner shells expand
# shellcheck disable=SC2030,SC2031 # every test has a HOME and NIX of its own
# shellcheck disable=SC2154 # bats sets output, status and lines

bats_require_minimum_version 1.5.0
load ../mirror/mirror.bash
load install.bash

setup()
{
	new_home
	TRACE=$HOME/../trace
	RECORD=$NIX/var/nix-user-chroot/record
	# LeakSanitizer cannot work in a process that is traced
	export ASAN_OPTIONS=detect_leaks=0
}

# traced EXPRESSIONS... -- COMMAND...: run COMMAND under strace, which writes its report to TRACE
traced()
{
	local expressions=()

	while [ "$1" != -- ]; do
		expressions+=(-e "$1")
		shift
	done
	shift
	strace -f -qq -y -e signal=none -o "$TRACE" "${expressions[@]}" "$@"
}

# with_fault CALL N ERROR COMMAND...: `run` COMMAND with its Nth CALL failing by ERROR; false if there was no Nth
# CALL
with_fault()
{
	local call=$1 number=$2 error=$3
	shift 3

	traced "trace=$call" "inject=$call:error=$error:when=$number" -- "$@" >"$TRACE.said" 2>&1 && status=0 || status=$?
	output=$(cat "$TRACE.said")
	mapfile -t lines <<<"$output"
	grep -q INJECTED "$TRACE"
}

# anew: empty the home directory
anew()
{
	cd /
	remove_tree "$HOME"
	mkdir -m 755 "$HOME"
	cd "$HOME" || return
}

# entered: make the Nix directory for a test that enters
entered()
{
	NIX=$HOME/nix
	mkdir -p "$NIX/store"
	echo ours >"$NIX/name"
	export NIX_USER_CHROOT_RUNTIME=userns NIX_USER_CHROOT_NEW_NAMESPACE=1
	"$PROGRAM" "$NIX" true || skip "needs a host that lets users make namespaces"
}

@test "entering: whatever step fails, the command does not run outside" {
	local call number counted=0

	entered
	for call in unshare pivot_root umount2 fchdir; do
		for ((number = 1; ; number++)); do
			rm -f "$HOME/ran"
			with_fault "$call" "$number" EIO "$PROGRAM" "$NIX" sh -c 'touch ran' || break
			counted=$((counted + 1))
			refused "Input/output error"
			[ ! -e "$HOME/ran" ]
		done
		[ "$number" -gt 1 ] || [ "$call" = fchdir ]
	done
	[ "$counted" -ge 3 ]
}

@test "entering: an id map that cannot be written" {
	local file number counted=0

	entered
	for file in setgroups gid_map uid_map; do
		traced trace=write -- "$PROGRAM" "$NIX" true
		# find out which write() of its process it is. For real root a child writes the maps, and setgroups
		# is not written.
		number=$(awk -v name="/$file>" '{ count[$1]++ } index($0, name) { print count[$1]; exit }' "$TRACE")
		[ -n "$number" ] || continue
		rm -f "$HOME/ran"
		with_fault write "$number" EIO "$PROGRAM" "$NIX" sh -c 'touch ran'
		grep INJECTED "$TRACE" | grep "/$file>"
		[ "$status" -eq 125 ] && [ ! -e "$HOME/ran" ]
		# this is the reason, not a later step that fails without the map
		[[ $output == *"cannot write "*"/$file: Input/output error"* ]]
		counted=$((counted + 1))
	done
	[ "$counted" -ge 2 ]
}

@test "entering: whatever mount fails, /nix is ours where the command runs" {
	local number kept=0 failed=0

	entered
	for ((number = 1; number < 200; number++)); do
		rm -f "$HOME/ran"
		with_fault mount "$number" EIO "$PROGRAM" "$NIX" /bin/sh -c 'read -r it </nix/name && echo "$it" >ran' ||
			break
		if [ "$status" -eq 125 ]; then
			[ ! -e "$HOME/ran" ]
			failed=$((failed + 1))
		elif [ -e "$HOME/ran" ]; then
			[ "$(cat "$HOME/ran")" = ours ]
			kept=$((kept + 1))
		else
			# the entry that the command itself needs is missing: this must be reported
			[[ $output == *"cannot be reached inside"* || $output == *"cannot run /bin/sh inside"* ]]
		fi
		# a directory of the host may be left out; but the new root, its /nix, and making it read-only must
		# not fail
		case $(grep INJECTED "$TRACE") in
		*'"tmpfs"'* | *MS_SLAVE* | *'"/nix", NULL'* | *'"/", NULL, MS_RDONLY|'*) [ "$status" -eq 125 ] ;;
		esac
	done
	[ "$number" -lt 200 ] && [ "$kept" -ge 3 ] && [ "$failed" -ge 4 ]
}

# order FILE...: print our flushes and renames in TRACE in a short form: "flush PATH", "flushall PATH", "rename FROM
# TO", with "home" for HOME
order()
{
	sed -nE \
		-e 's,^[0-9]+ +(fsync|fdatasync)\([0-9]+<([^>]*)>\) += 0$,flush \2,p' \
		-e 's,^[0-9]+ +syncfs\([0-9]+<([^>]*)>\) += 0$,flushall \1,p' \
		-e 's,^[0-9]+ +renameat2?\([0-9]+<([^>]*)>\, "([^"]*)"\, [0-9]+<([^>]*)>\, "([^"]*)".*\) += 0$,rename \1/\2 \3/\4,p' \
		"$TRACE" | sed "s,$(realpath "$HOME"),home,g"
}

# at LINES PATTERN: print the number of the first line that matches PATTERN
at()
{
	grep -nE -m 1 -e "$2" <<<"$1" | cut -d: -f1
}

@test "--install: data is flushed before the name that makes it count, the record last" {
	local lines line number path

	traced trace=fsync,fdatasync,syncfs,renameat,renameat2 -- \
		"$PROGRAM" --install -q --mirror "$MIRROR_URL" --cacert "$MIRROR_CA" --no-channel-add --nix-version "$TINY"
	lines=$(order)
	echo "$lines"
	# before store paths are renamed: what was unpacked is flushed, and the record says that the paths are ours
	number=$(at "$lines" '^rename .*/staging/.* .*/nix/store/')
	[ "$(at "$lines" '^flushall .*/nix(/var/nix-user-chroot/staging|$)')" -lt "$number" ]
	[ "$(at "$lines" '^flush .*/nix-user-chroot/record$')" -lt "$number" ]
	tail -n +"$number" <<<"$lines" | grep -q '^flush .*/nix/store$'
	# each file that is replaced: first the file is flushed, then renamed, then its directory is flushed
	while read -r line; do
		[[ $line == "rename "*".new "* ]] || continue
		path=${line#rename }
		path=${path%% *}
		number=$(at "$lines" "^$line\$")
		sed -n "1,${number}p" <<<"$lines" | grep -qxF "flush $path"
		sed -n "$number,\$p" <<<"$lines" | grep -qxF "flush ${path%/*}"
	done <<<"$lines"
	# at the end everything else is flushed, then the record that says "complete" is written
	[ "$(tail -n 4 <<<"$lines" | cut -d' ' -f1 | tr '\n' ' ')" = "flushall flush rename flush " ]
	[[ $(tail -n 2 <<<"$lines" | head -n 1) == *" home/.local/share/nix/var/nix-user-chroot/record" ]]
}

@test "--install: a flush that fails is a failure, and leaves what was there" {
	local call number counted=0

	for call in fsync syncfs; do
		for ((number = 1; number < 50; number++)); do
			anew
			with_fault "$call" "$number" EIO "$PROGRAM" --install -q --mirror "$MIRROR_URL" --cacert "$MIRROR_CA" \
				--no-channel-add --nix-version "$TINY" || break
			counted=$((counted + 1))
			# a line in a startup file is only a convenience: if it cannot be written, --install succeeds
			# without it
			if grep INJECTED "$TRACE" | grep -qE '/\.(config/nix-user-chroot|profile|bashrc)|/home>'; then
				[ "$status" -eq 0 ] && [ "$(.local/bin/nix)" = "nix (Nix) $TINY" ]
				continue
			fi
			refused "Input/output error"
			! grep -q '^complete ' "$RECORD"
			[ ! -e "$RECORD.new" ]
			# the next --install goes on, and --uninstall removes everything
			install -q --nix-version "$TINY"
			[ "$(.local/bin/nix)" = "nix (Nix) $TINY" ]
		done
		[ "$number" -lt 50 ]
	done
	[ "$counted" -ge 8 ]
}

@test "--uninstall: a flush that fails is a failure, and it can be run again" {
	local number counted=0

	for ((number = 1; number < 50; number++)); do
		anew
		printf '# mine\n' >"$HOME/.profile"
		install -q --nix-version "$TINY"
		with_fault fsync "$number" EIO "$PROGRAM" --uninstall --yes || break
		counted=$((counted + 1))
		[ "$status" -eq 125 ]
		[[ $output == *"Input/output error"* ]]
		"$PROGRAM" --uninstall --yes -q
		[ ! -e "$NIX" ]
		[ "$(cat "$HOME/.profile")" = '# mine' ]
	done
	[ "$number" -lt 50 ] && [ "$counted" -ge 2 ]
}

@test "--install --force into a store of others, killed at any instant: --uninstall keeps that store" {
	local number file=$NIX/store/00000000000000000000000000000000-x/file

	for ((number = 1; number < 60; number++)); do
		anew
		mkdir -p "${file%/*}" "$NIX/var/nix/db"
		echo theirs >"$file"
		echo theirs >"$NIX/var/nix/db/db.sqlite"
		# killed at each rename: those of the record, of the store paths, of nix.conf
		run traced trace=renameat,renameat2 "inject=renameat,renameat2:signal=KILL:when=$number" -- \
			"$PROGRAM" --install --force -q --mirror "$MIRROR_URL" --cacert "$MIRROR_CA" --no-channel-add \
			--nix-version "$TINY"
		run "$PROGRAM" --uninstall --yes
		[ "$(cat "$file")" = theirs ]
		# --install moved this aside because it is no database
		grep -qx theirs "$NIX"/var/nix/db*/db.sqlite
		# the same after a later --install has finished
		install -q --force --nix-version "$TINY"
		run "$PROGRAM" --uninstall --yes
		[ "$(cat "$file")" = theirs ]
		grep -q '= ?$' "$TRACE" || break
	done
	echo "$number"
	[ "$number" -gt 3 ] && [ "$number" -lt 60 ]
}

# none_may_write: check that neither the group nor others may write to any file
none_may_write()
{
	local found

	found=$(find "$HOME/.local" ! -type l -perm /022)
	[ -z "$found" ] || { echo "may be written to: $found"; return 1; }
}

@test "--install under any umask: nothing that others may write to, killed before it is sealed or not" {
	local mask number

	for mask in 0000 0002 0077; do
		for number in 3 4 5 0; do
			anew
			if [ "$number" -gt 0 ]; then
				(umask $mask
				run traced trace=renameat,renameat2 "inject=renameat,renameat2:signal=KILL:when=$number" -- \
					"$PROGRAM" --install -q --mirror "$MIRROR_URL" --cacert "$MIRROR_CA" --no-channel-add \
					--nix-version "$TINY")
			else
				(umask $mask; install -q --nix-version "$TINY")
				[ -d "$NIX/store" ]
			fi
			[ ! -e "$NIX" ] || none_may_write
		done
	done
}

@test "no process can be made: said, and nothing is left behind" {
	local call number counted=0

	for call in clone clone3 fork vfork; do
		for ((number = 1; number < 30; number++)); do
			anew
			with_fault "$call" "$number" EAGAIN "$PROGRAM" --install -q --mirror "$MIRROR_URL" --cacert "$MIRROR_CA" \
				--no-channel-add --nix-version "$TINY" || break
			counted=$((counted + 1))
			[ "$status" -ne 0 ] || [ "$(.local/bin/nix)" = "nix (Nix) $TINY" ]
			[ "$status" -eq 0 ] || [ "$status" -eq 125 ] || { echo "status $status: $output"; return 1; }
			[ -z "$(find "$HOME" -name '*.new' -o -name '.old-*')" ]
		done
	done
	[ "$counted" -ge 3 ]
}
