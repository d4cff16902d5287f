#!/usr/bin/env bats
#
# scripts/install.sh in every shell that is installed here, from a release of stand-ins on loopback: what it runs,
# what it refuses to run, and that it leaves nothing behind. See bootstrap.bash.

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

@test "install.sh: where a directory for the program is named, it is put there, and nothing is installed" {
	mkdir "$HOME/to"
	NIX_USER_CHROOT_DOWNLOAD_TO=$HOME/to run -0 install_sh --nix-version 1.0.0
	nothing_ran
	[ -x "$HOME/to/nix-user-chroot" ]
	cmp "$HOME/to/nix-user-chroot" "$RELEASE/$NAME"
	# a program with a wrong SHA-256 does not get into the directory
	rm "$HOME/to/nix-user-chroot"
	NIX_USER_CHROOT_PROGRAM_SHA256=$(printf '%064d' 0) NIX_USER_CHROOT_DOWNLOAD_TO=$HOME/to run install_sh
	refused 'SHA-256 mismatch for '
	[ -z "$(ls -A "$HOME/to")" ]
	NIX_USER_CHROOT_DOWNLOAD_TO=$HOME/none run install_sh
	refused "cannot put the program into $HOME/none"
	nothing_ran
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

# names: print the names of the variables in the output of "env -0" on stdin. Left out are variables that every shell
# sets; A__z, in which ksh93 exports the types of variables; and exported functions of bats, which only bash hands
# on.
names()
{
	tr '\0' '\n' | sed -n 's/^\([A-Za-z][A-Za-z0-9_]*\)=.*/\1/p' |
		grep -vx 'OLDPWD\|SHLVL\|PWD\|A__z' | sort
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
	# an option -q behind -- belongs to the command
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
	local step shell lines n first

	lines=$(wc -l <"$SCRIPTS/install.sh")
	first=$(grep -n '^{' "$SCRIPTS/install.sh" | head -n 1 | cut -d: -f1)
	[ "$lines" -gt 300 ] && [ "$first" -lt 50 ]
	step=1
	while read -r shell; do
		for ((n = first; n < lines; n += step)); do
			# shellcheck disable=SC2086 # two words
			if head -n "$n" "$SCRIPTS/install.sh" | $shell >/dev/null 2>&1; then
				echo "$shell runs the first $n lines alone without an error"
				return 1
			fi
		done
		step=7 # the other shells read the script the same way: fewer steps are enough
	done < <(head -n 3 <<<"$SHELLS")
	nothing_ran
	[ "$(mirror_requests .)" -eq 0 ]
}

@test "install.sh: cut short at any byte of its last lines it does nothing, in every shell" {
	local shell size tail n

	size=$(wc -c <"$SCRIPTS/install.sh")
	tail=$(tail -n 4 "$SCRIPTS/install.sh" | wc -c)
	while read -r shell; do
		# only the newline at the end is missing: the script is whole, so the loop stops before that
		for ((n = size - tail; n < size - 1; n++)); do
			# shellcheck disable=SC2086 # two words
			if head -c "$n" "$SCRIPTS/install.sh" | $shell -s -- --force >/dev/null 2>&1; then
				echo "$shell runs the first $n bytes alone without an error"
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

@test "install.sh: a busybox wget of which it is not known that it verifies needs the hash" {
	local version hash

	hash=$(sha256sum <"$RELEASE/$NAME" | cut -c1-64)
	basic_tools "$TOOLS"
	tools "$TOOLS" sha256sum openssl env sleep
	for version in 1.9.2 1.20.0 1.31.1 1.34.0; do
		printf '#!/bin/sh\necho "BusyBox v%s (2019-10-01) multi-call binary." >&2\nexit 1\n' $version >"$TOOLS/wget"
		chmod 755 "$TOOLS/wget"
		run with_tools sh
		refused "busybox wget $version" NIX_USER_CHROOT_PROGRAM_SHA256
	done
	nothing_ran
	[ "$(mirror_requests .)" -eq 0 ]
	printf '#!/bin/sh\n[ "$1" = --version ] && echo "BusyBox v1.31.1 (2019)" >&2 && exit 1\nexec busybox wget "$@"\n' \
		>"$TOOLS/wget"
	tools "$TOOLS" busybox
	NIX_USER_CHROOT_PROGRAM_SHA256=$hash run -0 with_tools sh
	ran_once
}

@test "install.sh: advice on certificates where these are what fails" {
	local tool

	basic_tools "$TOOLS"
	for tool in curl wget; do
		rm -f "$TOOLS/curl"
		tools "$TOOLS" "$tool" sha256sum env
		CURL_CA_BUNDLE=/dev/null run with_tools sh
		refused "$HTTPS/SHA256SUMS" ca-certificates SSL_CERT_FILE
	done
	nothing_ran
}

@test "install.sh: sourced by hand it is refused, and the shell goes on" {
	local shell

	for shell in bash zsh mksh; do
		command -v "$shell" >/dev/null || continue
		run -0 "$shell" -i <<-END
			. "$SCRIPTS/install.sh"
			echo "status \$?, still here"
			exit 0
		END
		[[ $output == *'not to be sourced'* ]]
		[[ $output == *'status 125, still here'* ]]
	done
	nothing_ran
}

@test "install.sh: odd settings of the caller's shell change nothing" {
	local odd

	for odd in 'sh -a' 'sh -C' 'sh -f' 'sh -eu' 'bash -o posix' 'env CDPATH=/:/tmp sh' 'env IFS=/ sh' \
		'env SHELLOPTS=noclobber:allexport:noglob bash' 'env ENV=/none sh'; do
		rm -f "$STAND_IN_LOG"
		# shellcheck disable=SC2086 # words
		run -0 $odd <"$SCRIPTS/install.sh"
		ran_once
		run ! grep '^nuc_' "$STAND_IN_LOG.env"
	done
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
	# a digester that is there but broken is passed over
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
	for text in '' '<html><body>Please log in</body></html>' "$hash" "$hash  nix-user-chroot-0.1.0-ppc64-linux" \
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
		# wait for the mirror's line, which comes when the mirror notices that the client is gone. Not with
		# busybox: its openssl reads on to the end and throws the data away.
		[ "$tool" = busybox:wget ] || wait_until 20 requested "^GET /$NAME 200 [0-9]{1,8} "
	done
	nothing_ran
}

@test "install.sh: servers that are not verified are refused, by every downloader" {
	local tool kind url

	# options in the user's files that turn verification off do not count
	echo insecure >"$HOME/.curlrc"
	echo 'check_certificate = off' >"$HOME/.wgetrc"
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
