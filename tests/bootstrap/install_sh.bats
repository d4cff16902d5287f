#!/usr/bin/env bats
#
# scripts/install.sh in every shell that is here, from a release of stand-ins on loopback: what it
# runs, what it refuses to run, and that it leaves nothing behind. See bootstrap.bash.

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
	new_home
	export NIX_USER_CHROOT_RELEASES=$HTTPS CURL_CA_BUNDLE=$MIRROR_CA
	case $(uname -m) in
	x86_64) ARCH=x86_64 ;;
	aarch64) ARCH=aarch64 ;;
	*) ARCH=i686 ;;
	esac
	NAME=nix-user-chroot-0.1.0-$ARCH-linux
	TOOLS=$BATS_TEST_TMPDIR/tools
	mirror_clear_faults
	mirror_clear_log
}

# install_sh [ARG...]: as "curl | sh -s -- ARG..."
install_sh()
{
	sh -s -- "$@" <"$SCRIPTS/install.sh"
}

# with_tools SHELL [ARG...]: the same with nothing on PATH but the directory TOOLS
with_tools()
{
	local shell=$1
	shift

	# shellcheck disable=SC2086 # "busybox sh" is two words
	set -- $shell -s -- "$@"
	env PATH="$TOOLS" "$(type -P "$1")" "${@:2}" <"$SCRIPTS/install.sh"
}

# requested PATTERN: it is in the mirror's log
requested()
{
	[ "$(mirror_requests "$1")" -gt 0 ]
}

fault()
{
	mirror_fault "{\"path\": \"$1\", \"fault\": \"$2\"${3:+, $3}}"
}

@test "install.sh: in every shell, from https, a directory and a file URL" {
	local shell place

	while read -r shell; do
		for place in "$HTTPS" "$HTTPS/" "$RELEASE" "file://$RELEASE"; do
			rm -f "$STAND_IN_LOG"
			# shellcheck disable=SC2086 # two words
			NIX_USER_CHROOT_RELEASES=$place run -0 $shell -s -- --nix-version 2.26.3 <"$SCRIPTS/install.sh"
			[[ $output == *"downloading ${place%/}"* || $output == *"downloading $RELEASE/$NAME"* ]]
			ran_once
			run -0 grep '^argument' "$STAND_IN_LOG"
			[ "$output" = $'argument <--install>\nargument <--nix-version>\nargument <2.26.3>' ]
			tail -n 1 "$HOME/.local/bin/nix-user-chroot" | grep -qx "# for $ARCH"
		done
	done <<<"$SHELLS"
}

@test "install.sh: as a file and through a pipe, with no option" {
	run -0 sh "$SCRIPTS/install.sh"
	ran_once
	rm "$STAND_IN_LOG"
	run -0 sh -c 'cat "$0" | sh' "$SCRIPTS/install.sh"
	ran_once
	run -0 grep -c '^argument' "$STAND_IN_LOG"
	[ "$output" -eq 1 ]
}

@test "install.sh: options arrive as they were given, in every shell" {
	local shell

	while read -r shell; do
		rm -f "$STAND_IN_LOG"
		# shellcheck disable=SC2086 # two words
		run -0 $shell -s -- --extra-conf 'a  b' '' '*' "it's" '$HOME`id`' $'two\nlines' '\n' \
			<"$SCRIPTS/install.sh"
		ran_once
		diff -u - <(grep -v '^umask\|^directory\|^called\|^ignored' "$STAND_IN_LOG") <<-'END'
			argument <--install>
			argument <--extra-conf>
			argument <a  b>
			argument <>
			argument <*>
			argument <it's>
			argument <$HOME`id`>
			argument <two
			lines>
			argument <\n>
		END
	done <<<"$SHELLS"
}

@test "install.sh: exit status and output are the program's, in every shell" {
	local shell code

	while read -r shell; do
		for code in 1 3 125 137; do
			rm -f "$STAND_IN_LOG"
			# shellcheck disable=SC2086 # two words
			STAND_IN_STATUS=$code run -"$code" $shell <"$SCRIPTS/install.sh"
			ran_once
		done
		# shellcheck disable=SC2086 # two words
		run -0 --separate-stderr $shell <"$SCRIPTS/install.sh"
		[ "$output" = 'said on stdout' ]
		[[ $stderr == *'said on stderr' ]]
	done <<<"$SHELLS"
}

# names of the variables in what "env -0" prints, but for those that every shell sets; bats's functions
# have names that no shell but bash hands on, and newlines
names()
{
	tr '\0' '\n' | sed -n 's/^\([A-Za-z][A-Za-z0-9_]*\)=.*/\1/p' | grep -vx 'OLDPWD\|SHLVL\|PWD' | sort
}

@test "install.sh: the program gets our environment, umask and directory, and nothing of the script's" {
	local shell

	umask 027
	mkdir "$HOME/here"
	cd "$HOME/here"
	while read -r shell; do
		# shellcheck disable=SC2086 # two words
		nuc_dir=mine status=yours run -0 $shell <"$SCRIPTS/install.sh"
		grep -qx 'umask 0*27' "$STAND_IN_LOG"
		grep -qx "directory $HOME/here" "$STAND_IN_LOG"
		grep -qx 'status=yours' "$STAND_IN_LOG.env"
		diff <(env -0 | names | grep -vx LOGNAME) <(tr '\n' '\0' <"$STAND_IN_LOG.env" | names | grep -vx 'nuc_dir\|status\|LOGNAME')
	done <<<"$SHELLS"
}

@test "install.sh: --quiet says nothing of its own" {
	run -0 --separate-stderr install_sh -q
	[ "$stderr" = 'said on stderr' ]
	run -0 --separate-stderr install_sh --quiet
	[ "$stderr" = 'said on stderr' ]
	NIX_USER_CHROOT_QUIET=1 run -0 --separate-stderr install_sh
	[ "$stderr" = 'said on stderr' ]
	# that of the command is not ours
	run -0 --separate-stderr install_sh -- ls -q
	[[ $stderr == *downloading* ]]
}

@test "install.sh: with a command, the program is in the foreground and can be interrupted" {
	local shell ignored

	while read -r shell; do
		rm -f "$STAND_IN_LOG"
		# shellcheck disable=SC2086 # two words
		run -0 env --default-signal=INT $shell -s -- -- true <"$SCRIPTS/install.sh"
		ran_once
		ignored=$(sed -n 's/^ignored signals //p' "$STAND_IN_LOG")
		[ $((0x$ignored & 2)) -eq 0 ] # SIGINT is signal 2, bit 1
	done <<<"$SHELLS"
}

@test "install.sh: cut short at any line it does nothing, in dash, bash and busybox" {
	local shell lines n first

	lines=$(wc -l <"$SCRIPTS/install.sh")
	first=$(grep -n '^{' "$SCRIPTS/install.sh" | head -n 1 | cut -d: -f1)
	[ "$lines" -gt 300 ] && [ "$first" -lt 50 ]
	while read -r shell; do
		for ((n = first; n < lines; n++)); do
			# shellcheck disable=SC2086 # two words
			if head -n "$n" "$SCRIPTS/install.sh" | $shell >/dev/null 2>&1; then
				echo "$shell is content with the first $n lines"
				return 1
			fi
		done
	done < <(head -n 3 <<<"$SHELLS")
	nothing_ran
	[ "$(mirror_requests .)" -eq 0 ]
}

@test "install.sh: cut short at any byte of its last lines it does nothing, in every shell" {
	local shell size tail n

	size=$(wc -c <"$SCRIPTS/install.sh")
	tail=$(tail -n 4 "$SCRIPTS/install.sh" | wc -c)
	while read -r shell; do
		# without the newline at its end it is whole
		for ((n = size - tail; n < size - 1; n++)); do
			# shellcheck disable=SC2086 # two words
			if head -c "$n" "$SCRIPTS/install.sh" | $shell -s -- --force >/dev/null 2>&1; then
				echo "$shell is content with the first $n bytes"
				return 1
			fi
		done
	done <<<"$SHELLS"
	nothing_ran
	[ "$(mirror_requests .)" -eq 0 ]
}

@test "install.sh: downloads with curl, GNU wget, busybox wget with openssl" {
	local shell

	while read -r shell; do
		for tool in curl wget busybox:wget; do
			rm -rf "$TOOLS" "$STAND_IN_LOG"
			basic_tools "$TOOLS"
			tools "$TOOLS" "$tool" sha256sum openssl env sleep
			run with_tools "$shell"
			[ "$status" -eq 0 ] || { echo "$shell $tool: $output"; return 1; }
			ran_once
		done
	done <<<"$SHELLS"
	[ "$(mirror_requests '^GET /SHA256SUMS 200 .* https$')" -eq "$(mirror_requests "^GET /$NAME 200 .* https\$")" ]
}

@test "install.sh: no downloader, or one that nobody knows, is refused; a directory needs none" {
	basic_tools "$TOOLS"
	tools "$TOOLS" sha256sum env
	run with_tools sh
	refused "$HTTPS" curl 'NIX_USER_CHROOT_RELEASES'
	printf '#!/bin/sh\necho "wget of another kind 1.0"\n' >"$TOOLS/wget"
	chmod 755 "$TOOLS/wget"
	run with_tools sh
	refused "$HTTPS" curl
	nothing_ran
	NIX_USER_CHROOT_RELEASES=$RELEASE run -0 with_tools sh
	ran_once
}

@test "install.sh: verifies with sha256sum, shasum or openssl, whichever works" {
	local tool

	for tool in sha256sum busybox:sha256sum shasum openssl; do
		rm -rf "$TOOLS" "$STAND_IN_LOG"
		basic_tools "$TOOLS"
		tools "$TOOLS" curl "$tool" perl env
		run -0 with_tools sh
		ran_once
	done
	# one that is there but broken is passed over
	printf '#!/bin/sh\nexit 1\n' >"$TOOLS/sha256sum"
	printf '#!/bin/sh\necho 0000\n' >"$TOOLS/shasum"
	chmod 755 "$TOOLS/sha256sum" "$TOOLS/shasum"
	rm "$STAND_IN_LOG"
	run -0 with_tools sh
	ran_once
}

@test "install.sh: nothing to verify with is refused before anything is downloaded" {
	basic_tools "$TOOLS"
	tools "$TOOLS" curl wget env
	printf '#!/bin/sh\necho 0000\n' >"$TOOLS/sha256sum"
	chmod 755 "$TOOLS/sha256sum"
	run with_tools sh
	refused sha256sum shasum openssl
	nothing_ran
	[ "$(mirror_requests .)" -eq 0 ]
}

@test "install.sh: a wrong sum is refused, in every shell" {
	local shell

	fault '*-linux' corrupt
	while read -r shell; do
		# shellcheck disable=SC2086 # two words
		run $shell <"$SCRIPTS/install.sh"
		refused "$HTTPS/$NAME" 'SHA-256' "$(grep -- "-$ARCH-" "$RELEASE/SHA256SUMS" | cut -c1-64)"
	done <<<"$SHELLS"
	nothing_ran
}

@test "install.sh: sums that are no sums, or not for this host, are refused" {
	local dir=$BATS_TEST_TMPDIR/release text hash

	export NIX_USER_CHROOT_RELEASES=$dir
	release "$dir"
	hash=$(grep -- "-$ARCH-" "$RELEASE/SHA256SUMS" | cut -c1-64)
	for text in '' '<html><body>Please log in</body></html>' "$hash" "$hash  nix-user-chroot-0.1.0-riscv64-linux" \
		"${hash%?}  $NAME" "${hash}0  $NAME" "${hash%?}g  $NAME" "$NAME  $hash" \
		"$hash  ../$NAME" "$hash  /$NAME" "$hash  $NAME.txt" "$hash  \$(touch $HOME/bad)-$ARCH-linux" \
		"$hash  nix-user-chroot-*-$ARCH-linux"; do
		printf '%s\n' "$text" >"$dir/SHA256SUMS"
		run install_sh
		refused "$dir/SHA256SUMS names no program for $ARCH"
	done
	printf '%s  %s\n' "$hash" "$NAME" "$hash" "nix-user-chroot-0.2.0-$ARCH-linux" >"$dir/SHA256SUMS"
	run install_sh
	refused 'more than one' "$NAME" 0.2.0
	nothing_ran
	[ -z "$(ls "$HOME")" ]
}

@test "install.sh: sums in the form of --binary, with no newline at the end, with capitals, among others" {
	local dir=$BATS_TEST_TMPDIR/release hash

	export NIX_USER_CHROOT_RELEASES=$dir
	release "$dir"
	hash=$(grep -- "-$ARCH-" "$dir/SHA256SUMS" | cut -c1-64)
	printf '%s  nix-user-chroot-0.1.0.tar.gz\n%s *%s' "${hash//[0-9]/0}" "$hash" "$NAME" >"$dir/SHA256SUMS"
	run -0 install_sh
	printf '%s  %s\n' "${hash^^}" "$NAME" >"$dir/SHA256SUMS"
	run -0 install_sh
}

@test "install.sh: files that are missing, and servers that fail" {
	local tool path

	basic_tools "$TOOLS"
	for tool in curl wget busybox:wget; do
		rm -f "$TOOLS/wget" "$TOOLS/curl"
		tools "$TOOLS" "$tool" sha256sum openssl env
		for path in SHA256SUMS "$NAME"; do
			mirror_clear_faults
			fault "/$path" 404
			run with_tools sh
			refused "$HTTPS/$path" 404
		done
		mirror_clear_faults
		NIX_USER_CHROOT_RELEASES=$HTTPS/nowhere run with_tools sh
		refused "$HTTPS/nowhere/SHA256SUMS" 404
		NIX_USER_CHROOT_RELEASES=https://localhost:1 run with_tools sh
		refused https://localhost:1/SHA256SUMS
	done
	NIX_USER_CHROOT_RELEASES=$BATS_TEST_TMPDIR/nowhere run install_sh
	refused "$BATS_TEST_TMPDIR/nowhere/SHA256SUMS" 'No such file'
	nothing_ran
}

@test "install.sh: a download that breaks off is refused, one that is refused for now is tried again" {
	local kind

	for kind in truncate reset; do
		mirror_clear_faults
		fault '*-linux' $kind
		run install_sh
		refused "$HTTPS/$NAME"
	done
	nothing_ran
	mirror_clear_faults
	fault '*-linux' 503 '"times": 1'
	run -0 install_sh
	ran_once
}

@test "install.sh: a server without end does not fill the disk" {
	local tool

	basic_tools "$TOOLS"
	fault '*-linux' endless '"bytes": 400000000'
	for tool in curl wget busybox:wget; do
		rm -f "$TOOLS/wget" "$TOOLS/curl"
		tools "$TOOLS" "$tool" sha256sum openssl env
		mirror_clear_log
		run with_tools sh
		refused "$HTTPS/$NAME"
		[[ $output == *'too large'* || $output == *'curl: (23)'* ]]
		# busybox leaves the rest to openssl, which reads to the end and throws it away; the line is
		# written when the server notices that nobody listens any more
		[ "$tool" = busybox:wget ] || wait_until 20 requested "^GET /$NAME 200 [0-9]{1,8} "
	done
	nothing_ran
}

@test "install.sh: servers that are not verified are refused, by every downloader" {
	local tool kind url

	basic_tools "$TOOLS"
	for tool in curl wget busybox:wget; do
		rm -f "$TOOLS/wget" "$TOOLS/curl"
		tools "$TOOLS" "$tool" sha256sum openssl env
		for kind in expired selfsigned wronghost; do
			url=$(cat "$MIRROR_STATE/url-$kind")
			url=${url/127.0.0.1/localhost}
			NIX_USER_CHROOT_RELEASES=$url run with_tools sh
			refused "$url/SHA256SUMS"
		done
		CURL_CA_BUNDLE='' run with_tools sh
		refused "$HTTPS/SHA256SUMS"
	done
	nothing_ran
}

@test "install.sh: a redirect within https is followed, one to http is refused, by every downloader" {
	local tool path

	basic_tools "$TOOLS"
	for tool in curl wget busybox:wget; do
		rm -f "$TOOLS/wget" "$TOOLS/curl" "$STAND_IN_LOG"
		tools "$TOOLS" "$tool" sha256sum openssl env sleep
		for path in SHA256SUMS "$NAME"; do
			mirror_clear_faults
			fault "/$path" redirect '"to": "http"'
			run with_tools sh
			refused "$HTTPS/$path"
			mirror_clear_faults
			fault "/$path" redirect-loop
			run with_tools sh
			refused "$HTTPS/$path"
		done
		nothing_ran
		mirror_clear_faults
		fault '/latest/*' redirect "\"to\": \"$HTTPS/SHA256SUMS\", \"times\": 1"
		fault '/latest/*' redirect "\"to\": \"$HTTPS/$NAME\""
		NIX_USER_CHROOT_RELEASES=$HTTPS/latest run -0 with_tools sh
		ran_once
	done
}

@test "install.sh: http is refused, unless the hash of the program was given" {
	local hash tool

	export NIX_USER_CHROOT_RELEASES=$MIRROR_HTTP_URL
	run install_sh
	refused "$MIRROR_HTTP_URL" http NIX_USER_CHROOT_PROGRAM_SHA256
	[ "$(mirror_requests .)" -eq 0 ]

	hash=$(sha256sum <"$RELEASE/$NAME" | cut -c1-64)
	basic_tools "$TOOLS"
	for tool in curl wget busybox:wget; do
		rm -f "$TOOLS/wget" "$TOOLS/curl" "$STAND_IN_LOG"
		tools "$TOOLS" "$tool" sha256sum env tr
		NIX_USER_CHROOT_PROGRAM_SHA256=${hash^^} run -0 with_tools sh
		ran_once
	done
}

@test "install.sh: the hash that was given wins over the release's, wherever that comes from" {
	local place dir=$BATS_TEST_TMPDIR/release

	export NIX_USER_CHROOT_PROGRAM_SHA256=0123456789012345678901234567890123456789012345678901234567890123
	for place in "$HTTPS" "$MIRROR_HTTP_URL" "$RELEASE"; do
		NIX_USER_CHROOT_RELEASES=$place run install_sh
		refused "$place/$NAME" "not $NIX_USER_CHROOT_PROGRAM_SHA256"
	done
	for bad in 0123 "${NIX_USER_CHROOT_PROGRAM_SHA256}4" "${NIX_USER_CHROOT_PROGRAM_SHA256%?}x"; do
		NIX_USER_CHROOT_PROGRAM_SHA256=$bad run install_sh
		refused NIX_USER_CHROOT_PROGRAM_SHA256 "'$bad'"
	done
	nothing_ran
}

@test "install.sh: a release that is neither URL nor absolute directory is refused" {
	local place

	for place in release ./release ftp://localhost/ https:// http:// file://relative -; do
		NIX_USER_CHROOT_RELEASES=$place run install_sh
		refused "'${place%/}'"
	done
	nothing_ran
	[ "$(mirror_requests .)" -eq 0 ]
}

# host_is KERNEL MACHINE BITS: what the tools of the host will say; BITS '' for no getconf
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

# elf_class_is N: the fifth byte of every file, as dd reads it, is N
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
			refused "$machine" 'x86_64, i686 and aarch64'
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
		aarch64 32 -
		aarch64 - 1
		armv7l 32 -
		armv6l - -
		riscv64 64 -
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

# in_namespace COMMANDS: with sh, in a mount namespace of our own, in which mounts can be made
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
		# all of /tmp noexec, and what lies below it, but for the directory whose turn it is; an
		# inner mount of the home would else cover one below it
		EXEC_DIR=$exec_dir run -0 in_namespace '
			dash=$(command -v dash || command -v sh)
			[ "$EXEC_DIR" != "$HOME" ] || rm -rf "$HOME/.cache"
			mount --bind "$EXEC_DIR" /mnt
			mount --rbind /tmp /tmp
			mount -o remount,bind,noexec /tmp
			cd / # and into the new one
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
	# the name has the process id of the shell, which here is that of a shell that becomes another
	run -0 sh -c 'mkdir "$1/elsewhere"
		ln -s "$1/elsewhere" "$TMPDIR/nix-user-chroot.$$"
		echo mine >"$TMPDIR/nix-user-chroot.$$.2"
		exec sh "$0"' "$SCRIPTS/install.sh" "$BATS_TEST_TMPDIR"
	grep -q "^called as $TMPDIR/nix-user-chroot\..*\.3/nix-user-chroot$" "$STAND_IN_LOG"
	[ -z "$(ls "$BATS_TEST_TMPDIR/elsewhere")" ]
	[ "$(cat "$TMPDIR"/nix-user-chroot.*.2)" = mine ]
	[ "$(find "$TMPDIR" -mindepth 1 | wc -l)" -eq 2 ]
}

@test "install.sh: a signal during the download ends it at once, in every shell" {
	local shell signal pid

	while read -r shell; do
		for signal in HUP INT TERM; do
			mirror_clear_faults
			mirror_clear_log
			fault '*-linux' stall '"bytes": 10'
			# shellcheck disable=SC2086 # two words; a background job has INT ignored
			env --default-signal=HUP,INT,TERM $shell "$SCRIPTS/install.sh" >/dev/null 2>&1 3>&- &
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

	export STAND_IN_WAIT=$BATS_TEST_TMPDIR/waits NIX_USER_CHROOT_RELEASES=$RELEASE
	while read -r shell; do
		for signal in HUP INT TERM; do
			rm -f "$STAND_IN_WAIT" "$STAND_IN_LOG"
			# shellcheck disable=SC2086 # two words
			env --default-signal=HUP,INT,TERM $shell "$SCRIPTS/install.sh" >/dev/null 2>&1 3>&- &
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
	# a wrong sum there too
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
	kill "$SERVER_PID"
}
