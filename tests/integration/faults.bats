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
	BEFORE=()
	RECORD=$NIX/var/nix-user-chroot/record
	# LeakSanitizer cannot work in a process that is traced
	export ASAN_OPTIONS=detect_leaks=0
}

teardown()
{
	[ -z "${SLEEPER:-}" ] || kill "$SLEEPER"
	mirror_clear_faults
	mirror_clear_log
	forget_lists
	cd /
	remove_tree "$BATS_TEST_TMPDIR"/* ${SCRATCH:+"$SCRATCH"/*}
}

# traced EXPRESSIONS... -- COMMAND...: run COMMAND under strace, which writes its report to TRACE. The words of BEFORE
# come before strace's; those of ONLY choose calls by their files.
traced()
{
	local expressions=()

	while [ "$1" != -- ]; do
		expressions+=(-e "$1")
		shift
	done
	shift
	"${BEFORE[@]}" strace -f -qq -y -e signal=none -o "$TRACE" "${ONLY[@]}" "${expressions[@]}" "$@"
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

# entered [RUNTIME]: make the Nix directory for a test that enters by RUNTIME, userns if it is not given
entered()
{
	NIX=$HOME/nix
	mkdir -p "$NIX/store"
	echo ours >"$NIX/name"
	export NIX_USER_CHROOT_RUNTIME=${1:-userns} NIX_USER_CHROOT_NEW_NAMESPACE=1
	BEFORE=()
	# what root does without a user namespace, others do as root of one
	[ "$NIX_USER_CHROOT_RUNTIME" = userns ] || [ "$(id -u)" -eq 0 ] || BEFORE=(unshare --user --map-root-user)
	"${BEFORE[@]}" "$PROGRAM" "$NIX" true || skip "needs a host that lets users make namespaces"
}

# entry_with_fault CALL N: enter with the Nth CALL failing; the command writes what /nix/name says to the file "ran".
# False if there was no Nth CALL.
entry_with_fault()
{
	rm -f "$HOME/ran"
	with_fault "$1" "$2" EIO "$PROGRAM" "$NIX" /bin/sh -c 'read -r it </nix/name && echo "$it" >ran'
}

# refused_or_ours WORDS...: either the entry has failed, and its message has WORDS, or the command has run with our
# /nix. Count the two in FAILED and KEPT.
refused_or_ours()
{
	if [ "$status" -eq 125 ]; then
		refused "$@"
		[ ! -e "$HOME/ran" ]
		FAILED=$((FAILED + 1))
	elif [ -e "$HOME/ran" ]; then
		[ "$(cat "$HOME/ran")" = ours ]
		KEPT=$((KEPT + 1))
	else
		# the entry that the command itself needs is missing: this must be reported
		[[ $output == *"cannot be reached inside"* || $output == *"cannot run /bin/sh inside"* ]]
	fi
}

@test "entering: whatever step fails, the command does not run outside" {
	local call number runtime counted

	for runtime in userns mountns; do
		entered $runtime
		counted=0
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
		# directories are also made for the list of living entries, which an entry can do without
		for call in mkdir rmdir; do
			FAILED=0 KEPT=0
			for ((number = 1; number < 20; number++)); do
				entry_with_fault "$call" "$number" || break
				refused_or_ours "Input/output error"
			done
			[ "$FAILED" -ge 1 ]
		done
	done
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
		# this is the reason, not a later step that fails without the map
		refused "cannot write /proc/self/" "Input/output error"
		[ "$(id -u)" -eq 0 ] || [[ $output == *"/proc/self/$file:"* ]]
		[ ! -e "$HOME/ran" ]
		counted=$((counted + 1))
	done
	[ "$counted" -ge 2 ]
}

@test "entering: whatever mount fails, /nix is ours where the command runs" {
	local number runtime

	for runtime in userns mountns; do
		entered $runtime
		FAILED=0 KEPT=0
		for ((number = 1; number < 200; number++)); do
			entry_with_fault mount "$number" || break
			refused_or_ours "Input/output error"
			# a directory of the host may be left out; but the new root, its /nix, and making it
			# read-only must not fail
			case $(grep INJECTED "$TRACE") in
			*'"tmpfs"'* | *MS_SLAVE* | *'"/nix", NULL'* | *'"/", NULL, MS_RDONLY|'*) [ "$status" -eq 125 ] ;;
			esac
		done
		[ "$number" -lt 200 ] && [ "$KEPT" -ge 3 ] && [ "$FAILED" -ge 4 ]
	done
}

@test "entering: what the path config excludes is not shown without a word, whatever mount fails" {
	local number refusals=0 warnings=0

	entered
	mkdir -p "$NIX/etc/nix-user-chroot" "$HOME/secret"
	echo hidden | tee "$HOME/secret/file" >"$HOME/secret-file"
	printf '[excludes]\npaths = ["%s", "%s"]\n' "$HOME/secret" "$HOME/secret-file" \
		>"$NIX/etc/nix-user-chroot/path-config.toml"
	for ((number = 1; number < 200; number++)); do
		rm -f "$HOME/ran"
		with_fault mount "$number" EIO "$PROGRAM" "$NIX" /bin/sh -c 'touch ran; cat secret/* secret-file' || break
		case $(grep INJECTED "$TRACE") in
		*'/secret", "tmpfs"'*)
			refused "Input/output error"
			refusals=$((refusals + 1))
			;;
		*/secret-file*)
			# not mounted, or mounted and not read-only
			[[ $output == *"secret-file is still there inside: Input/output error"* ]]
			warnings=$((warnings + 1))
			;;
		*) [[ $output != *hidden* ]] ;;
		esac
		[ "$status" -ne 125 ] || [ ! -e "$HOME/ran" ]
	done
	[ "$number" -lt 200 ] && [ "$refusals" -eq 1 ] && [ "$warnings" -eq 2 ]
}

@test "entering: whatever step of joining fails, the command runs in our /nix or not at all" {
	local call number

	entered
	unset NIX_USER_CHROOT_NEW_NAMESPACE
	"$PROGRAM" "$NIX" sleep 3600 3>&- &
	SLEEPER=$!
	wait_until 60 grep -qx sleep "/proc/$SLEEPER/comm"
	[ "$("$PROGRAM" "$NIX" readlink /proc/self/ns/mnt)" = "$(readlink "/proc/$SLEEPER/ns/mnt")" ]
	FAILED=0 KEPT=0
	for call in unshare ioctl setns; do
		for ((number = 1; number < 20; number++)); do
			entry_with_fault "$call" "$number" || break
			refused_or_ours "cannot enter the mount namespace" --new-namespace
		done
		[ "$number" -gt 1 ]
	done
	# the second setns(2) fails where there is no way back; up to then a new namespace is made instead
	[ "$FAILED" -eq 1 ] && [ "$KEPT" -ge 4 ]
}

# order: print our flushes, renames and removals in TRACE in a short form: "flush PATH", "flushall PATH", "rename FROM
# TO", "remove PATH", with "home" for HOME
order()
{
	sed -nE \
		-e 's,^[0-9]+ +(fsync|fdatasync)\([0-9]+<([^>]*)>\) += 0$,flush \2,p' \
		-e 's,^[0-9]+ +syncfs\([0-9]+<([^>]*)>\) += 0$,flushall \1,p' \
		-e 's,^[0-9]+ +renameat2?\([0-9]+<([^>]*)>\, "([^"]*)"\, [0-9]+<([^>]*)>\, "([^"]*)".*\) += 0$,rename \1/\2 \3/\4,p' \
		-e 's,^[0-9]+ +unlinkat\([0-9]+<([^>]*)>\, "([^"]*)"\, .*\) += 0$,remove \1/\2,p' \
		"$TRACE" | sed "s,$(realpath "$HOME"),home,g"
}

# at LINES PATTERN: print the number of the first line that matches PATTERN
at()
{
	grep -nE -m 1 -e "$2" <<<"$1" | cut -d: -f1
}

# flushed_around_renames LINES: for each file that is renamed over another: is it flushed before, and its directory
# after?
flushed_around_renames()
{
	local line path number count=0

	while read -r line; do
		[[ $line == "rename "*new" "* ]] || continue
		path=${line#rename }
		path=${path%% *}
		number=$(grep -nxF -m 1 -e "$line" <<<"$1" | cut -d: -f1)
		sed -n "1,${number}p" <<<"$1" | grep -qxF "flush $path" || { echo "before: $line"; return 1; }
		sed -n "$number,\$p" <<<"$1" | grep -qxF "flush ${path%/*}" || { echo "after: $line"; return 1; }
		count=$((count + 1))
	done <<<"$1"
	[ "$count" -gt 0 ]
}

@test "--install: data is flushed before the name that makes it count, the record last" {
	local lines number

	traced trace=fsync,fdatasync,syncfs,renameat,renameat2 -- \
		"$PROGRAM" --install -q --mirror "$MIRROR_URL" --cacert "$MIRROR_CA" --no-channel-add --nix-version "$TINY"
	lines=$(order)
	echo "$lines"
	# before store paths are renamed: what was unpacked is flushed, and the record says that the paths are ours
	number=$(at "$lines" '^rename .*/staging/.* .*/nix/store/')
	[ "$(at "$lines" '^flushall .*/nix(/var/nix-user-chroot/staging|$)')" -lt "$number" ]
	[ "$(at "$lines" '^flush .*/nix-user-chroot/record$')" -lt "$number" ]
	# ... and the name of store/ is
	[ "$(at "$lines" '^flush .*/nix$')" -lt "$number" ]
	tail -n +"$number" <<<"$lines" | grep -q '^flush .*/nix/store$'
	flushed_around_renames "$lines"
	# before files outside the Nix directory are changed, the record says so
	tail -n +"$number" <<<"$lines" | sed '/^rename home\/\.[^l]/,$d' | grep -q '^flush .*/nix-user-chroot/record$'
	# at the end everything else is flushed, then the record that says "complete" is written
	[ "$(tail -n 4 <<<"$lines" | cut -d' ' -f1 | tr '\n' ' ')" = "flushall flush rename flush " ]
	[[ $(tail -n 2 <<<"$lines" | head -n 1) == *" home/.local/share/nix/var/nix-user-chroot/record" ]]
}

@test "--install: a flush that fails is a failure, and leaves what was there" {
	local number counted=0 place

	for ((number = 1; number < 50; number++)); do
		anew
		with_fault fsync "$number" EIO "$PROGRAM" --install -q --mirror "$MIRROR_URL" --cacert "$MIRROR_CA" \
			--no-channel-add --nix-version "$TINY" || break
		counted=$((counted + 1))
		# outside the Nix directory all is only a convenience: --install succeeds without it, and the next one goes on
		if ! grep INJECTED "$TRACE" | grep -q '/\.local/share/nix[/>]'; then
			[ "$status" -eq 0 ] && grep -q '^complete ' "$RECORD"
			[ -z "$(find "$HOME" -path "$NIX" -prune -o -name '*new' -print)" ]
			install -q --nix-version "$TINY"
			[ "$(.local/bin/nix)" = "nix (Nix) $TINY" ]
			continue
		fi
		failed_flush
	done
	[ "$number" -lt 50 ] && [ "$counted" -ge 8 ]
	# by the directory, because strace counts the calls of each process by themselves: what was unpacked, and at
	# the end everything
	for place in "/var/nix-user-chroot/staging/nix-$TINY-${FOREIGN:-$SYSTEM}" ""; do
		anew
		ONLY=(-P "$(realpath "$HOME")/.local/share/nix$place")
		with_fault syncfs 1 EIO "$PROGRAM" --install -q --mirror "$MIRROR_URL" --cacert "$MIRROR_CA" \
			--no-channel-add --nix-version "$TINY"
		# no store path has its name before its data are on disk
		[ -z "$place" ] || [ -z "$(find "$NIX/store" -mindepth 1 2>/dev/null)" ]
		failed_flush
	done
}

# failed_flush: check that --install has failed, and that another one goes on
failed_flush()
{
	refused "Input/output error"
	! grep -q '^complete ' "$RECORD"
	[ ! -e "$RECORD.new" ]
	install -q --nix-version "$TINY"
	[ "$(.local/bin/nix)" = "nix (Nix) $TINY" ]
}

# to_uninstall: install a Nix whose script adds a line to ~/.profile, and make links into its store, which --uninstall
# replaces by copies
to_uninstall()
{
	local share=/nix/store/00000000000000000000000000000110-nix-1.1.0/share

	[ -d "$SITE/nix-1.1.0" ] || tiny_release "$SITE" 1.1.0 'printf "\nif [ -e %s ]; then . %s; fi # added by Nix installer\n" \
		"$HOME/.nix-profile/etc/profile.d/nix.sh" "$HOME/.nix-profile/etc/profile.d/nix.sh" >>"$HOME/.profile"'
	printf '# mine\n' | tee "$HOME/.profile" >"$HOME/.bashrc"
	install -q --nix-version 1.1.0
	grep -q 'added by Nix installer' "$HOME/.profile"
	! diff "$HOME/.bashrc" <(echo '# mine')
	mkdir "$HOME/.config/app"
	ln -s "$share/data" "$HOME/.config/app/data"
	ln -s "$share" "$HOME/.config/share"
}

# uninstalled: is the home directory as it was before, and are the copies there?
uninstalled()
{
	[ ! -e "$NIX" ]
	[ "$(cat "$HOME/.profile" "$HOME/.bashrc")" = $'# mine\n# mine' ]
	[ "$(stat -c '%F %s' "$HOME/.config/app/data" "$HOME/.config/share/data" | uniq -c | tr -s ' ')" = " 2 regular file 200000" ]
	[ ! -L "$HOME/.config/share" ]
	[ -z "$(find "$HOME" -name '*new')" ]
}

@test "--uninstall: files are flushed before their names, and copies of the store before the store is removed" {
	local lines before name

	to_uninstall
	traced trace=fsync,fdatasync,syncfs,renameat,renameat2,unlinkat -- "$PROGRAM" --uninstall --yes -q
	uninstalled
	lines=$(order)
	echo "$lines"
	flushed_around_renames "$lines"
	for name in .profile .bashrc .config/app/data .config/share; do
		grep -q "^rename home/${name}[^ ]*new home/$name$" <<<"$lines"
	done
	before=$(sed '/^remove .*\/nix\/store/,$d' <<<"$lines")
	[ "$before" != "$lines" ]
	flushed_around_renames "$before"
	for name in app/data share; do
		grep -q "^rename home/.config/${name}[^ ]*new " <<<"$before"
	done
	grep -q '^flush home/.config/share[^ ]*new/data$' <<<"$before"
}

@test "--uninstall: a flush that fails is a failure, and it can be run again" {
	local number counted=0

	for ((number = 1; number < 50; number++)); do
		anew
		to_uninstall
		with_fault fsync "$number" EIO "$PROGRAM" --uninstall --yes || break
		counted=$((counted + 1))
		[ "$status" -eq 125 ]
		[[ $output == *"Input/output error"* ]]
		[ -z "$(find "$HOME" -name '*-new')" ]
		"$PROGRAM" --uninstall --yes -q
		uninstalled
	done
	[ "$number" -lt 50 ] && [ "$counted" -ge 9 ]
}

@test "a rename that fails leaves nothing unfinished behind, and the command can be run again" {
	local command number counted=0 left

	for command in install uninstall; do
		for ((number = 1; number < 50; number++)); do
			anew
			mkdir -p .local/bin
			ln -s /opt/gone/nix-user-chroot .local/bin/nix
			printf '# mine\n' >.profile
			if [ "$command" = install ]; then
				with_fault renameat "$number" EIO "$PROGRAM" --install --mirror "$MIRROR_URL" \
					--cacert "$MIRROR_CA" --no-channel-add --nix-version "$TINY" || break
			else
				install -q --nix-version "$TINY"
				with_fault renameat "$number" EIO "$PROGRAM" --uninstall --yes || break
			fi
			counted=$((counted + 1))
			echo "$command $number: $status: $output"
			[ "$status" -eq 0 ] || [ "$status" -eq 125 ]
			[[ $output == *"Input/output error"* ]]
			left=$(find "$HOME" -name '*.new' -o -name '*-new' -o -name '.old-*')
			[ -z "$left" ] || { echo "left: $left"; return 1; }
			[ -e .profile ] && grep -qx '# mine' .profile
			if [ "$command" = install ]; then
				install -q --nix-version "$TINY"
				[ "$(.local/bin/nix)" = "nix (Nix) $TINY" ]
			fi
			[ "$status:$command" = 0:uninstall ] || "$PROGRAM" --uninstall --yes -q
			[ ! -e "$NIX" ] && [ "$(cat .profile)" = '# mine' ]
		done
		[ "$number" -lt 50 ]
	done
	[ "$counted" -ge 5 ]
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
		refused "made by other means before --install added to it" --force
		[ "$(cat "$file")" = theirs ]
		grep -q '= ?$' "$TRACE" || break
	done
	echo "$number"
	[ "$number" -gt 3 ] && [ "$number" -lt 60 ]
}

# killed_unsealed CALL [OPTION...]: run --install, killed at its first CALL in store/: utimensat comes between the rename
# of a store path and what makes it read-only, renameat2 between what makes one writable and its replacement
killed_unsealed()
{
	local call=$1
	shift

	run strace -f -qq -e signal=none -o "$TRACE" -P "$(realpath "$HOME")/.local/share/nix/store" -e "trace=$call" \
		-e "inject=$call:signal=KILL:when=1" -- "$PROGRAM" --install -q --mirror "$MIRROR_URL" --cacert "$MIRROR_CA" \
		--no-channel-add --nix-version "$TINY" "$@"
	[ "$(stat -c %a "$NIX"/store/*-nix-"$TINY")" = 755 ]
	none_may_write
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
				(umask $mask; killed_unsealed utimensat)
				(umask $mask; install -q --nix-version "$TINY")
				none_may_write
				[ "$(stat -c %a "$NIX"/store/*-nix-"$TINY")" = 555 ]
				# what the script makes is no more open than the user's other files
				[ $mask != 0077 ] || [ "$(stat -c %a "$NIX/var/nix/db")" = 700 ]
				# the same where a store path takes the place of another
				(umask $mask; killed_unsealed utimensat --force)
				(umask $mask; install -q --force --nix-version "$TINY")
				(umask $mask; killed_unsealed renameat2 --force)
				(umask $mask; install -q --force --nix-version "$TINY")
				[ "$(stat -c %a "$NIX"/store/*-nix-"$TINY")" = 555 ]
			fi
			[ ! -e "$NIX" ] || none_may_write
		done
	done
}

# one_fork_less N COMMAND...: `run` COMMAND with the Nth fork(2) of our processes, counted together, failing; false if
# there was no Nth
one_fork_less()
{
	local number=$1
	shift

	rm -f "$TRACE.refused"
	# /proc/PID/comm has 15 bytes of a name
	run "$BUILD_DIR/tests/refuse_fork" "$number" nix-user-chroot "$TRACE.refused" -- "$@"
	[ -e "$TRACE.refused" ]
}

@test "--install: a process that cannot be made: said, or done without, and nothing is left behind" {
	local number plain=0 failed=0

	"$BUILD_DIR/tests/refuse_fork" 1 nobody "$TRACE.refused" -- true || skip "needs a kernel of Linux 5.5 or later"
	for ((number = 1; number < 60; number++)); do
		anew
		one_fork_less "$number" "$PROGRAM" --install -v --mirror "$MIRROR_URL" --cacert "$MIRROR_CA" \
			--no-channel-add --nix-version "$TINY" || break
		echo "$number: $output"
		[ -z "$(find "$HOME" -name '*.new' -o -name '.old-*' -o -name lock -o -name staging)" ]
		if [ "$status" -eq 0 ]; then
			[ "$(.local/bin/nix)" = "nix (Nix) $TINY" ]
			grep -q '^complete ' "$RECORD"
		else
			[ "$status" -eq 125 ]
			[[ ${lines[-2]} == *": Resource temporarily unavailable" && ${lines[-1]} == "  "*"ulimit -u" ]]
			[ ! -e "$RECORD" ] || ! grep -q '^complete ' "$RECORD"
			failed=$((failed + 1))
		fi
		# each of three forks to the confined process is needed for namespaces
		[[ $output != *"no namespaces of its own: fork: Resource temporarily unavailable"* ]] || plain=$((plain + 1))
	done
	echo "$status: $output"
	[ "$status" -eq 0 ]
	echo "$number forks, $failed failures, $plain without namespaces"
	[ "$plain" -eq 3 ] && [ "$failed" -ge 5 ] && [ "$number" -lt 60 ]
}

@test "--check: a process that cannot be made is said" {
	local number

	"$BUILD_DIR/tests/refuse_fork" 1 nobody "$TRACE.refused" -- true || skip "needs a kernel of Linux 5.5 or later"
	for ((number = 1; number < 60; number++)); do
		one_fork_less "$number" "$PROGRAM" --check || break
		# the lines of the table are wrapped
		[[ $(tr -s ' \n' ' ' <<<"$output") == *"Resource temporarily unavailable"* ]]
	done
	[ "$number" -gt 3 ] && [ "$number" -lt 60 ]
}
