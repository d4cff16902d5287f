#!/usr/bin/env bats
#
# scripts/install.sh on hosts of many kinds: architectures, directories that no program can be run from, signals, a
# root directory with busybox alone. See bootstrap.bash.

# shellcheck disable=SC2016 # the inner shells expand what stands in single quotes
# shellcheck disable=SC2154 # bats sets output, status and lines
# shellcheck disable=SC2030,SC2031 # a test's variables end with it, which is what is wanted

bats_require_minimum_version 1.5.0
load ../mirror/mirror.bash
load bootstrap.bash

setup_file()
{
	bootstrap_suite
}

teardown_file()
{
	mirror_stop
}

setup()
{
	install_sh_test
}

teardown()
{
	stop_busybox_server
}

# host_is KERNEL MACHINE BITS: let uname and getconf print these; with BITS '' there is no getconf
host_is()
{
	rm -rf "$TOOLS"
	basic_tools "$TOOLS"
	tools "$TOOLS" sha256sum env
	rm "$TOOLS/uname" "$TOOLS/getconf"
	printf '#!/bin/sh\ncase $1 in -s) echo %s ;; -m) echo %s ;; *) exit 1 ;; esac\n' "$1" "$2" >"$TOOLS/uname"
	printf '#!/bin/sh\n[ "$1" = LONG_BIT ] && echo %s\n' "$3" >"$TOOLS/getconf"
	chmod 755 "$TOOLS/uname" "$TOOLS/getconf"
	[ -n "$3" ] || rm "$TOOLS/getconf"
}

# elf_class_is N: let dd read N as the fifth byte of every file
elf_class_is()
{
	rm "$TOOLS/dd"
	printf '#!/bin/sh\nprintf "\\00%s"\n' "$1" >"$TOOLS/dd"
	chmod 755 "$TOOLS/dd"
}

@test "install.sh: the program is that of the userland's architecture" {
	local machine bits class arch

	export NIX_USER_CHROOT_RELEASES=$RELEASE
	while read -r machine bits class arch; do
		host_is Linux "$machine" "${bits#-}"
		[ "$class" = - ] || elf_class_is "$class"
		rm -f "$STAND_IN_LOG"
		run with_tools sh
		if [ -n "$arch" ]; then
			[ "$status" -eq 0 ]
			[[ ${lines[0]} == *"/nix-user-chroot-0.1.0-$arch-linux" ]]
			tail -n 1 "$HOME/.local/bin/nix-user-chroot" | grep -qx "# for $arch"
		else
			refused "$machine" 'x86_64, i686, aarch64, armv7l and riscv64'
			nothing_ran
		fi
	done <<-'END'
		x86_64 64 - x86_64
		amd64 64 - x86_64
		x86_64 32 - i686
		x86_64 - 2 x86_64
		x86_64 - 1 i686
		x86_64 - 9 x86_64
		x86_64 undefined 1 i686
		i686 32 - i686
		i586 - - i686
		aarch64 64 - aarch64
		arm64 - 2 aarch64
		aarch64 32 - armv7l
		aarch64 - 1 armv7l
		armv7l 32 - armv7l
		armv8l 32 - armv7l
		armv6l - -
		riscv64 64 - riscv64
		ppc64le 64 -
		s390x 64 -
	END
}

@test "install.sh: a real ELF file tells the userland where there is no getconf" {
	host_is Linux "$(uname -m)" ''
	rm "$TOOLS/dd"
	tools "$TOOLS" dd
	NIX_USER_CHROOT_RELEASES=$RELEASE run -0 with_tools sh
	[[ ${lines[0]} == *"/$NAME" ]]
	rm "$STAND_IN_LOG" "$TOOLS/dd"
	tools "$TOOLS" busybox:dd
	NIX_USER_CHROOT_RELEASES=$RELEASE run -0 with_tools 'busybox sh'
	[[ ${lines[0]} == *"/$NAME" ]]
}

@test "install.sh: no uname is said" {
	host_is Linux "$(uname -m)" 64
	rm "$TOOLS/uname"
	run with_tools sh
	refused 'no uname'
	nothing_ran
}

# a test for each shell: if one is not installed, its skipped test says so
shell_is_here()
{
	command -v "$1" >/dev/null || skip "needs $1"
	grep -qxF "$1" <<<"$SHELLS"
}

@test "install.sh: the tests in every shell have zsh among them" {
	shell_is_here zsh
}

@test "install.sh: the tests in every shell have mksh among them" {
	shell_is_here mksh
}

@test "install.sh: the tests in every shell have ksh among them" {
	shell_is_here ksh
}

# scripts/deps installs the others; yash is not in Debian 13
@test "install.sh: the tests in every shell have yash among them" {
	shell_is_here yash
}

@test "install.sh: another kernel is refused by name" {
	host_is Darwin arm64 64
	run with_tools sh
	refused 'this is Darwin'
	nothing_ran
}

@test "install.sh: a program that does not start is not blamed on Nix" {
	local dir=$BATS_TEST_TMPDIR/release

	export NIX_USER_CHROOT_RELEASES=$dir
	release "$dir"
	printf '\177ELF nonsense' >"$dir/$NAME"
	sums "$dir"
	run install_sh
	refused "$dir/$NAME does not run on this host"
	printf '#!/bin/sh\nkill -ILL $$\n' >"$dir/$NAME"
	sums "$dir"
	run install_sh
	refused "$dir/$NAME does not run on this host"
	nothing_ran
}

# in_namespace COMMANDS: run COMMANDS by sh, in a new mount namespace where they may mount
in_namespace()
{
	unshare --user --map-root-user --mount true 2>/dev/null ||
		skip 'needs user namespaces, to mount things in'
	unshare --user --map-root-user --mount sh -euc "$1"
}

@test "install.sh: a noexec TMPDIR is passed over for the next directory" {
	local shell

	export NIX_USER_CHROOT_RELEASES=$RELEASE SCRIPTS
	while read -r shell; do
		rm -f "$STAND_IN_LOG"
		SHELL_COMMAND=$shell run -0 in_namespace 'mount -t tmpfs -o noexec none "$TMPDIR"
			! { printf "#!/bin/sh\n" >"$TMPDIR/x"; chmod 755 "$TMPDIR/x"; "$TMPDIR/x"; } 2>/dev/null
			rm "$TMPDIR/x"
			'"$shell"' <"$SCRIPTS/install.sh"
			[ -z "$(ls "$TMPDIR")" ]'
		grep -qx 'called as /tmp/nix-user-chroot\..*' "$STAND_IN_LOG"
		ran_once
	done <<<"$SHELLS"
}

@test "install.sh: each directory is tried: TMPDIR, /tmp, cache, runtime directory, home" {
	local exec_dir

	mkdir -p "$HOME/.cache" "$BATS_TEST_TMPDIR/run"
	export NIX_USER_CHROOT_RELEASES=$RELEASE XDG_RUNTIME_DIR=$BATS_TEST_TMPDIR/run EXEC_DIR
	for exec_dir in "$HOME/.cache" "$XDG_RUNTIME_DIR" "$HOME"; do
		rm -f "$STAND_IN_LOG"
		# mount noexec all of /tmp and what is below it, except the one directory that has to be found; one
		# directory at a time, because a mount over the home directory would cover one below it
		EXEC_DIR=$exec_dir run -0 in_namespace '
			dash=$(command -v dash || command -v sh)
			[ "$EXEC_DIR" != "$HOME" ] || rm -rf "$HOME/.cache"
			mount --bind "$EXEC_DIR" /mnt
			mount --rbind /tmp /tmp
			mount -o remount,bind,noexec /tmp
			cd / # cd / leaves the old mount of /tmp, so that paths lead to the new one
			mount --bind /mnt "$EXEC_DIR"
			exec "$dash" <"$SCRIPTS/install.sh"'
		grep -qx "called as $exec_dir/nix-user-chroot\..*" "$STAND_IN_LOG"
		ran_once
		[ -z "$(ls "$exec_dir")" ] || [ "$exec_dir" = "$HOME" ]
		[ -z "$(find "$HOME" -maxdepth 1 -name 'nix-user-chroot*')" ]
	done
}

@test "install.sh: no directory at all: each is named with what is wrong with it" {
	export NIX_USER_CHROOT_RELEASES=$RELEASE XDG_RUNTIME_DIR=$BATS_TEST_TMPDIR/none
	run in_namespace '
		mkdir "$HOME/.cache"
		mount -t tmpfs -o ro none "$TMPDIR"
		mount --rbind /tmp /tmp
		mount -o remount,bind,noexec /tmp
		cd /
		exec sh <"$SCRIPTS/install.sh"'
	refused "  $TMPDIR: cannot be written to" '  /tmp: no program can be run from it (mounted noexec)' \
		"  $HOME/.cache: no program" "  $XDG_RUNTIME_DIR: is no directory" "  $HOME: no program" 'set TMPDIR'
	nothing_ran
}

@test "install.sh: a read-only HOME, where nothing else is left, is said" {
	export NIX_USER_CHROOT_RELEASES=$RELEASE
	run in_namespace '
		mount --rbind /tmp /tmp
		mount -o remount,bind,ro /tmp
		cd /
		exec sh <"$SCRIPTS/install.sh"'
	refused "  $HOME: cannot be written to" '  /tmp: cannot be written to'
	nothing_ran
}

@test "install.sh: no HOME and no TMPDIR is no obstacle to the script" {
	run -0 env -u HOME -u TMPDIR STAND_IN_STATUS=0 XDG_BIN_HOME="$HOME/bin" sh <"$SCRIPTS/install.sh"
	ran_once
	[ -x "$HOME/bin/nix" ]
}

@test "install.sh: a file that lies in its way, or a link to elsewhere, is neither used nor removed" {
	# the directory's name contains the process ID: this shell makes the files and then becomes install.sh by
	# exec
	run -0 sh -c 'mkdir "$1/elsewhere"
		ln -s "$1/elsewhere" "$TMPDIR/nix-user-chroot.$$"
		echo mine >"$TMPDIR/nix-user-chroot.$$.2"
		exec sh "$0"' "$SCRIPTS/install.sh" "$BATS_TEST_TMPDIR"
	grep -q "^called as $TMPDIR/nix-user-chroot\..*\.3/nix-user-chroot$" "$STAND_IN_LOG"
	[ -z "$(ls "$BATS_TEST_TMPDIR/elsewhere")" ]
	[ "$(cat "$TMPDIR"/nix-user-chroot.*.2)" = mine ]
	[ "$(find "$TMPDIR" -mindepth 1 | wc -l)" -eq 2 ]
}

@test "install.sh: a signal while it makes its directory removes nobody else's of that name, in every shell" {
	local shell

	basic_tools "$TOOLS"
	# a mkdir that acts as if another process had just made the directory, sends the signal, and fails. The first
	# name ends with the shell's process ID, and only that process gets the signal; later names have a count
	# behind the ID
	rm "$TOOLS/mkdir"
	printf '%s\n' '#!/bin/sh' "'$(type -P mkdir)' \"\$1\" && echo theirs >\"\$1/file\"" \
		'case ${1##*/nix-user-chroot.} in *[!0-9]*) ;; *) kill -TERM "${1##*.}" ;; esac' 'exit 1' >"$TOOLS/mkdir"
	chmod 755 "$TOOLS/mkdir"
	export NIX_USER_CHROOT_RELEASES=$RELEASE
	while read -r shell; do
		# shellcheck disable=SC2086 # two words
		PATH=$TOOLS:$PATH run -143 $shell "$SCRIPTS/install.sh"
		[ "$(cat "$TMPDIR"/nix-user-chroot.*/file)" = theirs ]
		rm "$TMPDIR"/nix-user-chroot.*/file
		rmdir "$TMPDIR"/nix-user-chroot.*
		nothing_ran
	done <<<"$SHELLS"
}

@test "install.sh: a signal during the download ends it at once, in every shell" {
	local shell signal pid

	ulimit -c 0
	while read -r shell; do
		for signal in HUP INT QUIT TERM; do
			mirror_clear_faults
			mirror_clear_log
			fault '*-linux' stall '"bytes": 10'
			# shellcheck disable=SC2086 # two words; a background job has INT ignored
			env --default-signal=HUP,INT,QUIT,TERM $shell "$SCRIPTS/install.sh" >/dev/null 2>&1 3>&- &
			pid=$!
			wait_until 20 requested 'fault=stall'
			kill -"$signal" $pid
			run timeout 15 tail --pid=$pid -s 0.02 -f /dev/null
			[ "$status" -eq 0 ]
			status=0
			wait $pid || status=$?
			[ "$status" -eq $((128 + $(kill -l "$signal"))) ]
			nothing_ran
		done
	done <<<"$SHELLS"
}

@test "install.sh: a signal during the installation ends the program first, in every shell" {
	local shell signal pid

	ulimit -c 0
	export STAND_IN_WAIT=$BATS_TEST_TMPDIR/waits NIX_USER_CHROOT_RELEASES=$RELEASE
	while read -r shell; do
		for signal in HUP INT QUIT TERM; do
			rm -f "$STAND_IN_WAIT" "$STAND_IN_LOG"
			# shellcheck disable=SC2086 # two words
			env --default-signal=HUP,INT,QUIT,TERM $shell "$SCRIPTS/install.sh" >/dev/null 2>&1 3>&- &
			pid=$!
			wait_until 20 test -s "$STAND_IN_WAIT"
			kill -"$signal" $pid
			run timeout 15 tail --pid=$pid -s 0.02 -f /dev/null
			[ "$status" -eq 0 ]
			status=0
			wait $pid || status=$?
			[ "$status" -eq $((128 + $(kill -l "$signal"))) ]
			grep -qx 'got TERM' "$STAND_IN_LOG"
			ran_once
		done
	done <<<"$SHELLS"
}

@test "install.sh: on a root with busybox alone, from a directory" {
	local root=$BATS_TEST_TMPDIR/root

	bare_root "$root"
	run -0 in_root "$root" --setenv NIX_USER_CHROOT_RELEASES /release sh -c 'sh -s -- --force </scripts/install.sh'
	grep -qx 'argument <--force>' "$root/log"
	grep -q '^called as /tmp/' "$root/log"
	[ -z "$(ls "$root/tmp")" ]
	# a wrong hash is refused there, too
	rm "$root/log"
	mkdir "$root/bad"
	cp "$RELEASE"/* "$root/bad"
	echo >>"$root/bad/$NAME"
	run in_root "$root" --setenv NIX_USER_CHROOT_RELEASES /bad sh /scripts/install.sh
	refused "/bad/$NAME" SHA-256
	[ ! -e "$root/log" ] && [ -z "$(ls "$root/tmp")" ]
}

@test "install.sh: on a root with busybox alone, https needs the hash, for its wget verifies nothing" {
	local root=$BATS_TEST_TMPDIR/root hash

	bare_root "$root"
	busybox_server "$RELEASE"
	run in_root "$root" --setenv NIX_USER_CHROOT_RELEASES "$SERVER_URL" sh /scripts/install.sh
	kill -0 "$SERVER_PID"
	refused "$SERVER_URL/SHA256SUMS" 'does not verify' NIX_USER_CHROOT_PROGRAM_SHA256
	[ ! -e "$root/log" ] && [ -z "$(ls "$root/tmp")" ]

	hash=$(sha256sum <"$RELEASE/$NAME" | cut -c1-64)
	run -0 in_root "$root" --setenv NIX_USER_CHROOT_RELEASES "$SERVER_URL" \
		--setenv NIX_USER_CHROOT_PROGRAM_SHA256 "$hash" sh /scripts/install.sh
	grep -q '^called as /tmp/' "$root/log"
	[ -z "$(ls "$root/tmp")" ]
}
