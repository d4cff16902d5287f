#!/usr/bin/env bats
#
# scripts/ci-bootstrap and the GitHub action, with a stand-in for the program: which later steps find nix, who must
# not see the token, and what is refused. See bootstrap.bash.

# shellcheck disable=SC2016 # the inner shells expand what stands in single quotes
# shellcheck disable=SC2154 # bats sets output, stderr, status and lines
# shellcheck disable=SC2030,SC2031 # a test's variables end with it, which is what is wanted

bats_require_minimum_version 1.5.0
load ../mirror/mirror.bash
load bootstrap.bash

TOKEN=ghs_0123456789abcdefSECRET

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
	export NIX_USER_CHROOT_RELEASES=$RELEASE
	CI=$SCRIPTS/ci-bootstrap
	CONFIG=$HOME/.config/nix-user-chroot
	TOOLS=$BATS_TEST_TMPDIR/tools
	mirror_clear_faults
	mirror_clear_log
}

# check that the token is only in its file, and with MASKED also in the one line that tells the runner to mask it
token_is_secret() # [MASKED]
{
	local said=$output$'\n'${stderr-}

	if [ $# -gt 0 ]; then
		[[ $said == *"::add-mask::$TOKEN"* ]]
		said=${said/"::add-mask::$TOKEN"/}
	fi
	if [[ $said == *SECRET* ]]; then
		echo "printed: $said"
		return 1
	fi
	run grep -rl SECRET "$BATS_TEST_TMPDIR"
	if [ "$output" != "$CONFIG/access-tokens.conf" ]; then
		echo "written to: $output"
		return 1
	fi
	[ "$(tail -n 1 "$CONFIG/access-tokens.conf")" = "access-tokens = github.com=$TOKEN" ]
	[ "$(grep -vc '^# ' "$CONFIG/access-tokens.conf")" -eq 1 ]
	[ "$(stat -c %a "$CONFIG/access-tokens.conf")" = 600 ]
}

# stdout is only the path of the file; sourcing that file makes nix available in every shell
@test "ci-bootstrap: elsewhere, the file to source is what stdout has" {
	local shell user file=$CONFIG/env.sh

	while read -r shell; do
		rm -rf "${HOME:?}"/* "$CONFIG" "$STAND_IN_LOG"
		# shellcheck disable=SC2086 # two words
		run -0 --separate-stderr $shell "$CI"
		[ "$output" = "$file" ]
		[[ $stderr == *"nix (Nix) 9.9 in the default directory is available after: . '$file'"* ]]
		ran_once
		while read -r user; do
			# shellcheck disable=SC2086 # two words
			run -0 $user -euc '. "$1"; . "$1"; nix --version; nix-build x; echo "$PATH"' x "$file"
			[ "${lines[0]}" = 'nix (Nix) 9.9 in the default directory' ]
			[ "${lines[1]}" = 'built x' ]
			# PATH has the directory once, though the file was sourced twice
			[ "${lines[2]}" = "$HOME/.local/bin:$PATH" ]
		done <<<"$SHELLS"
	done <<<"$SHELLS"
	run -0 bash -euc '. "$("$0")"; nix --version' "$CI"
}

@test "ci-bootstrap: what --install is asked for" {
	run -0 "$CI" --nix-version 2.26.3 --extra-conf-file 'a  b'
	run -0 sed -n 's/^argument //p' "$STAND_IN_LOG"
	[ "$output" = $'<--install>\n<--no-channel-add>\n<--nix-version>\n<2.26.3>\n<--extra-conf-file>\n<a  b>' ]
	grep -qx "NIX_USER_CHROOT_EXTRA_CONF=!include $CONFIG/access-tokens.conf" "$STAND_IN_LOG.env"
}

@test "ci-bootstrap: lines for nix.conf from the environment and from options are kept" {
	NIX_USER_CHROOT_EXTRA_CONF=$'cores = 2\nmax-jobs = 1' run -0 "$CI"
	grep -qx "NIX_USER_CHROOT_EXTRA_CONF=cores = 2" "$STAND_IN_LOG.env"
	grep -A 1 -x 'max-jobs = 1' "$STAND_IN_LOG.env" | grep -qx "!include $CONFIG/access-tokens.conf"

	# if --extra-conf is given, the program ignores the variable NIX_USER_CHROOT_EXTRA_CONF
	for option in '--extra-conf' '--extra-conf=cores = 2'; do
		rm "$STAND_IN_LOG"
		NIX_USER_CHROOT_EXTRA_CONF='max-jobs = 1' run -0 "$CI" "$option" 'cores = 2'
		grep -A 1 -xF 'argument <--extra-conf>' "$STAND_IN_LOG" |
			grep -qxF "argument <!include $CONFIG/access-tokens.conf>"
		grep -qxF "argument <$option>" "$STAND_IN_LOG"
		grep -qx 'NIX_USER_CHROOT_EXTRA_CONF=max-jobs = 1' "$STAND_IN_LOG.env"
	done
	# what follows -- belongs to a command
	rm "$STAND_IN_LOG"
	run -0 "$CI" -- cmd --extra-conf x
	grep -qx "NIX_USER_CHROOT_EXTRA_CONF=!include $CONFIG/access-tokens.conf" "$STAND_IN_LOG.env"
}

@test "ci-bootstrap: a token is written for nix.conf to include, and is a secret" {
	local shell

	while read -r shell; do
		# shellcheck disable=SC2086 # two words
		NIX_USER_CHROOT_ACCESS_TOKEN=$TOKEN run -0 --separate-stderr $shell "$CI"
		[ "$output" = "$CONFIG/env.sh" ]
		token_is_secret
		# the same with "sh -x"
		# shellcheck disable=SC2086 # two words
		NIX_USER_CHROOT_ACCESS_TOKEN=$TOKEN run -0 --separate-stderr $shell -x "$CI"
		token_is_secret
	done <<<"$SHELLS"
	# SHELLOPTS exports the caller's "set -x"
	NIX_USER_CHROOT_ACCESS_TOKEN=$TOKEN run -0 env SHELLOPTS=xtrace bash "$CI"
	token_is_secret
}

# Other users can read the command line of every process. Where strace is installed, it records the command lines of
# all processes that the script starts.
@test "ci-bootstrap: the token is on no command line" {
	local shell

	command -v strace >/dev/null || skip 'needs strace'
	strace -o /dev/null true 2>/dev/null || skip 'strace is not allowed here'
	while read -r shell; do
		# shellcheck disable=SC2086 # two words
		NIX_USER_CHROOT_ACCESS_TOKEN=$TOKEN GITHUB_ACTIONS=true run -0 strace -f -qq -s 1000 -e trace=execve \
			-o "$BATS_TEST_TMPDIR/trace" $shell "$CI"
		[ "$(grep -c 'execve(.*) = 0' "$BATS_TEST_TMPDIR/trace")" -gt 5 ]
		if grep SECRET "$BATS_TEST_TMPDIR/trace"; then
			return 1
		fi
	done <<<"$SHELLS"
}

@test "ci-bootstrap: the token of an earlier run does not stay" {
	NIX_USER_CHROOT_ACCESS_TOKEN=${TOKEN}1 run -0 "$CI"
	NIX_USER_CHROOT_ACCESS_TOKEN=$TOKEN run -0 "$CI"
	token_is_secret
	run -0 "$CI"
	[ ! -e "$CONFIG/access-tokens.conf" ]
}

@test "ci-bootstrap: without a token, a file of tokens of another Nix, or of the user's, is left" {
	local text

	mkdir -p "$CONFIG"
	for text in 'access-tokens = github.com=mine' '' \
		$'# Written by ci-bootstrap for the Nix in /elsewhere\naccess-tokens = github.com=mine' \
		"# Written by ci-bootstrap for the Nix in $HOME/.local/share/nix2"; do
		printf '%s' "$text" >"$CONFIG/access-tokens.conf"
		run -0 "$CI"
		[ "$(cat "$CONFIG/access-tokens.conf")" = "$text" ]
	done
	# a token's file of this Nix is removed, even one that was cut short
	printf '# Written by ci-bootstrap for the Nix in %s' "$HOME/.local/share/nix" >"$CONFIG/access-tokens.conf"
	run -0 "$CI"
	[ ! -e "$CONFIG/access-tokens.conf" ]
}

@test "ci-bootstrap: a token that is more than a token is refused, and not printed" {
	local bad

	for bad in "$TOKEN x" "$TOKEN"$'\nsubstituters = http://SECRET' "github.com:$TOKEN" "$TOKEN;" "\"$TOKEN\""; do
		NIX_USER_CHROOT_ACCESS_TOKEN=$bad run "$CI"
		refused NIX_USER_CHROOT_ACCESS_TOKEN
		[[ $output != *SECRET* ]]
	done
	nothing_ran
	run grep -rl SECRET "$BATS_TEST_TMPDIR"
	[ -z "$output" ]
}

@test "ci-bootstrap: a HOME with blanks and quotes works, but for a token" {
	new_home "it's a \"home\" \$HOME * #1"
	export NIX_USER_CHROOT_RELEASES=$RELEASE
	CONFIG=$HOME/.config/nix-user-chroot
	run -0 --separate-stderr "$CI"
	[ "$output" = "$CONFIG/env.sh" ]
	run -0 sh -euc '. "$0"; . "$0"; nix --version; echo "$PATH"' "$output"
	[ "${lines[0]}" = 'nix (Nix) 9.9 in the default directory' ]
	[ "${lines[1]}" = "$HOME/.local/bin:$PATH" ]
	if grep -q '^NIX_USER_CHROOT_EXTRA_CONF' "$STAND_IN_LOG.env"; then
		return 1
	fi
	# nix.conf cannot include a file with such a name
	NIX_USER_CHROOT_ACCESS_TOKEN=$TOKEN run "$CI"
	refused 'nix.conf cannot include' XDG_CONFIG_HOME
	NIX_USER_CHROOT_ACCESS_TOKEN=$TOKEN XDG_CONFIG_HOME=$BATS_TEST_TMPDIR/config run -0 "$CI"
	CONFIG=$BATS_TEST_TMPDIR/config/nix-user-chroot
	token_is_secret
}

@test "ci-bootstrap: GitHub: later steps find nix, and the directory that this step was told of" {
	export GITHUB_ACTIONS=true GITHUB_PATH=$BATS_TEST_TMPDIR/path GITHUB_ENV=$BATS_TEST_TMPDIR/env
	: >"$GITHUB_PATH" && : >"$GITHUB_ENV"
	NIX_USER_CHROOT_ACCESS_TOKEN=$TOKEN run -0 --separate-stderr "$CI"
	[ "$output" = "::add-mask::$TOKEN" ]
	[ "$(cat "$GITHUB_PATH")" = "$HOME/.local/bin" ]
	[ ! -s "$GITHUB_ENV" ]
	[ ! -e "$CONFIG/env.sh" ]
	token_is_secret masked

	run -0 --separate-stderr "$CI"
	[ -z "$output" ]
	[ "$(cat "$GITHUB_PATH")" = "$HOME/.local/bin" ]
	NIX_USER_CHROOT_DIR=$BATS_TEST_TMPDIR/nix run -0 "$CI"
	[ "$(cat "$GITHUB_ENV")" = "NIX_USER_CHROOT_DIR=$BATS_TEST_TMPDIR/nix" ]
	: >"$GITHUB_ENV"
	XDG_DATA_HOME=$BATS_TEST_TMPDIR/data run -0 "$CI"
	[ "$(cat "$GITHUB_ENV")" = "NIX_USER_CHROOT_DIR=$BATS_TEST_TMPDIR/data/nix" ]
	# run the step that follows
	run -0 env PATH="$(cat "$GITHUB_PATH"):$PATH" "$(cat "$GITHUB_ENV")" sh -e -c 'nix --version'
	[ "$output" = "nix (Nix) 9.9 in $BATS_TEST_TMPDIR/data/nix" ]
}

@test "ci-bootstrap: a file of the service's whose last line has no end is left whole" {
	export GITHUB_PATH=$BATS_TEST_TMPDIR/path
	printf '/first\n/second' >"$GITHUB_PATH"
	run -0 "$CI"
	run -0 "$CI"
	[ "$(cat "$GITHUB_PATH")" = $'/first\n/second\n'"$HOME/.local/bin" ]
}

@test "ci-bootstrap: sourced in bash, or by hand, it is refused, and the shell goes on" {
	run -0 bash -c '. "$1"; echo "status $?"; [[ $- != *[eu]* ]]' bash "$CI"
	[[ $output == *'instead of sourcing it'*'status 125' ]]
	run -0 bash -i <<<". '$CI'; echo \"status \$?\"; exit 0"
	[[ $output == *'status 125'* ]]
	nothing_ran
}

@test "ci-bootstrap: CircleCI: bash of later steps finds nix, once" {
	export BASH_ENV=$BATS_TEST_TMPDIR/bash_env
	echo 'export MINE=1' >"$BASH_ENV"
	run -0 --separate-stderr sh "$CI"
	[ -z "$output" ]
	run -0 sh "$CI"
	[ "$(wc -l <"$BASH_ENV")" -eq 2 ]
	[ "$(head -n 1 "$BASH_ENV")" = 'export MINE=1' ]
	run -0 bash -eo pipefail -c 'nix --version; echo "$MINE"; bash -c "echo \$PATH"'
	[ "${lines[0]}" = 'nix (Nix) 9.9 in the default directory' ]
	[ "${lines[1]}" = 1 ]
	[ "${lines[2]}" = "$HOME/.local/bin:$PATH" ]
}

@test "ci-bootstrap: the directory and the bin directory of one's choice, in later steps too" {
	NIX_USER_CHROOT_DIR="$BATS_TEST_TMPDIR/it's nix" XDG_BIN_HOME=$BATS_TEST_TMPDIR/bin run -0 --separate-stderr "$CI"
	run -0 sh -euc '. "$0"; command -v nix; nix --version' "$output"
	[ "${lines[0]}" = "$BATS_TEST_TMPDIR/bin/nix" ]
	[ "${lines[1]}" = "nix (Nix) 9.9 in $BATS_TEST_TMPDIR/it's nix" ]
	# relative directories are ignored, and then nothing is found
	XDG_BIN_HOME=bin XDG_CONFIG_HOME=config run ! "$CI"
	[ ! -e config ]
}

@test "ci-bootstrap: --install's failure is ours, and nothing is announced" {
	export GITHUB_PATH=$BATS_TEST_TMPDIR/path
	: >"$GITHUB_PATH"
	STAND_IN_STATUS=125 run -125 "$CI"
	[ ! -s "$GITHUB_PATH" ]
	STAND_IN_STATUS=3 run -3 "$CI"
	[ ! -s "$GITHUB_PATH" ]
	unset GITHUB_PATH
	STAND_IN_STATUS=3 run -3 --separate-stderr "$CI"
	[ -z "$output" ]
	nothing_left
}

@test "ci-bootstrap: no nix in the end is said" {
	run "$CI" --no-shims
	refused "there is no $HOME/.local/bin/nix" --no-shims
	mkdir -p "$HOME/.local/bin"
	printf '#!/bin/sh\nexit 1\n' >"$HOME/.local/bin/nix-user-chroot-old"
	chmod 755 "$HOME/.local/bin/nix-user-chroot-old"
	ln -s nix-user-chroot-old "$HOME/.local/bin/nix"
	run "$CI" --no-shims
	refused "$HOME/.local/bin/nix --version fails"
}

@test "ci-bootstrap: somebody else's nix in the bin directory is not announced as ours" {
	local nix=$HOME/.local/bin/nix

	mkdir -p "$HOME/.local/bin" "$HOME/nix-user-chroot-things"
	export GITHUB_PATH=$BATS_TEST_TMPDIR/path
	: >"$GITHUB_PATH"
	printf '#!/bin/sh\necho "nix (Nix) 1.11"\n' >"$HOME/nix-user-chroot-things/nix"
	chmod 755 "$HOME/nix-user-chroot-things/nix"
	cp "$HOME/nix-user-chroot-things/nix" "$nix"
	run "$CI" --no-shims
	refused "$nix, which later steps would find, is not of nix-user-chroot" 'move it away'
	[[ $output != *'is available'* ]]
	# a link to a program of another name does not count, whatever its directory is called
	ln -sf "$HOME/nix-user-chroot-things/nix" "$nix"
	run -125 "$CI" --no-shims
	[ ! -s "$GITHUB_PATH" ]
	[ ! -e "$CONFIG/env.sh" ]
	# a link whose target's own name is nix-user-chroot is accepted
	ln -sf "$HOME/.local/bin/nix-user-chroot" "$nix"
	run -0 "$CI" --no-shims
	[[ $output == *'nix (Nix) 9.9 in the default directory is available'* ]]
}

@test "ci-bootstrap: HOME is needed; a newline in a directory's name is refused" {
	run env -u HOME "$CI"
	refused HOME
	HOME=home run "$CI"
	refused HOME
	NIX_USER_CHROOT_DIR=$'/a\nb' run "$CI"
	refused newline
	nothing_ran
}

@test "ci-bootstrap: files that cannot be written are named" {
	mkdir "$HOME/.config"
	: >"$CONFIG"
	NIX_USER_CHROOT_ACCESS_TOKEN=$TOKEN run "$CI"
	refused "$CONFIG/access-tokens.conf"
	run "$CI"
	refused "$CONFIG/env.sh"
	GITHUB_PATH=$BATS_TEST_TMPDIR/none/path run "$CI"
	refused "$BATS_TEST_TMPDIR/none/path"
}

@test "ci-bootstrap: an installed program is used, and nothing is downloaded" {
	export NIX_USER_CHROOT_RELEASES=$HTTPS CURL_CA_BUNDLE=$MIRROR_CA
	# the program is on PATH
	tools "$TOOLS" env
	cp "$BATS_TEST_DIRNAME/stand-in" "$TOOLS/nix-user-chroot"
	PATH="$TOOLS:$PATH" run -0 "$CI"
	grep -qx "called as $TOOLS/nix-user-chroot" "$STAND_IN_LOG"
	# the program is in the user's bin directory, such as after a cache was restored
	rm "$STAND_IN_LOG"
	run -0 "$CI"
	grep -qx "called as $HOME/.local/bin/nix-user-chroot" "$STAND_IN_LOG"
	[ "$(mirror_requests .)" -eq 0 ]
}

# What the program of the same name in Rust does with these two options:
# https://github.com/nix-community/nix-user-chroot
@test "ci-bootstrap: another program by the name of nix-user-chroot is passed over, wherever it is" {
	local version

	mkdir "$TOOLS"
	for version in 'exit 1' 'exit 0' 'echo nix-user-chroot 1.2' 'echo nix-user-chroot 1.2.3.4' \
		'echo nix-user-chroot 1.2.x' 'echo nix-user-chroot' 'echo 1.2.3' 'echo nix-user-chroot 2.1.1'; do
		rm -rf "$STAND_IN_LOG" "$HOME/.local"
		printf '%s\n' '#!/bin/sh' "[ \"\$1\" != --version ] || { $version; exit; }" \
			'echo "called: $*" >>"$STAND_IN_LOG.other"' \
			'echo "Usage: $0 <nixpath> <command>" >&2' 'exit 1' >"$TOOLS/nix-user-chroot"
		chmod 755 "$TOOLS/nix-user-chroot"
		# no program of ours is there: install.sh brings it
		PATH=$TOOLS:$PATH run -0 "$CI"
		ran_once
		grep -q "^called as $TMPDIR/" "$STAND_IN_LOG"
		# our program is in the user's bin directory
		rm "$STAND_IN_LOG"
		PATH=$TOOLS:$PATH run -0 "$CI"
		grep -qx "called as $HOME/.local/bin/nix-user-chroot" "$STAND_IN_LOG"
		# another program is in the user's bin directory, too: install.sh brings ours again
		rm "$STAND_IN_LOG"
		cp "$TOOLS/nix-user-chroot" "$HOME/.local/bin/nix-user-chroot"
		run -0 "$CI"
		grep -q "^called as $TMPDIR/" "$STAND_IN_LOG"
	done
	# only the last of these programs looked enough like ours to be called with more than --version: three times,
	# and only for help
	[ "$(sort -u "$STAND_IN_LOG.other")" = 'called: --install --help' ]
	[ "$(wc -l <"$STAND_IN_LOG.other")" -eq 3 ]
}

@test "ci-bootstrap: install.sh is the one beside it, and else that of the release" {
	local tool

	export CURL_CA_BUNDLE=$MIRROR_CA
	mkdir "$BATS_TEST_TMPDIR/scripts"
	cp "$CI" "$BATS_TEST_TMPDIR/scripts"
	echo 'echo beside "$@" nix_user_chroot_install' >"$BATS_TEST_TMPDIR/scripts/install.sh"
	run "$BATS_TEST_TMPDIR/scripts/ci-bootstrap"
	[ "${lines[0]}" = 'beside --no-channel-add nix_user_chroot_install' ]
	cd "$BATS_TEST_TMPDIR/scripts"
	run sh ci-bootstrap
	[ "${lines[0]}" = 'beside --no-channel-add nix_user_chroot_install' ]
	# an install.sh in the working directory is not used
	run -0 sh <"$CI"
	ran_once

	basic_tools "$TOOLS"
	for tool in curl wget busybox:wget; do
		rm -rf "$TOOLS/wget" "$TOOLS/curl" "$STAND_IN_LOG" "$HOME/.local"
		tools "$TOOLS" "$tool" sha256sum openssl env sleep
		mirror_clear_log
		NIX_USER_CHROOT_RELEASES=$HTTPS PATH=$TOOLS run -0 sh -s -- -q <"$CI"
		ran_once
		[ "$(mirror_requests '^GET /install.sh 200 .* https$')" -eq 1 ]
	done
	rm -rf "$STAND_IN_LOG" "$HOME/.local" "$TOOLS/wget"

	# without curl or wget, and from a release over http, it is refused
	NIX_USER_CHROOT_RELEASES=$HTTPS PATH=$TOOLS run sh <"$CI"
	refused "$HTTPS/install.sh" 'neither curl nor wget'
	NIX_USER_CHROOT_RELEASES=$MIRROR_HTTP_URL run sh <"$CI"
	refused "$MIRROR_HTTP_URL"
	CURL_CA_BUNDLE='' NIX_USER_CHROOT_RELEASES=$HTTPS run sh <"$CI"
	refused "$HTTPS/install.sh"
	mirror_fault '{"path": "/install.sh", "fault": "html"}'
	NIX_USER_CHROOT_RELEASES=$HTTPS run sh <"$CI"
	refused "$HTTPS/install.sh" 'is not install.sh'
	mirror_clear_faults
	mirror_fault '{"path": "/install.sh", "fault": "redirect", "to": "http"}'
	NIX_USER_CHROOT_RELEASES=$HTTPS run sh <"$CI"
	refused "$HTTPS/install.sh"
	for tool in wget busybox:wget; do
		rm -rf "$TOOLS/wget" "$TOOLS/curl"
		tools "$TOOLS" "$tool"
		mirror_clear_faults
		mirror_fault '{"path": "/install.sh", "fault": "redirect", "to": "http"}'
		NIX_USER_CHROOT_RELEASES=$HTTPS PATH=$TOOLS run sh <"$CI"
		refused "$HTTPS/install.sh"
		mirror_clear_faults
		echo insecure >"$HOME/.curlrc"
		echo 'check_certificate = off' >"$HOME/.wgetrc"
		CURL_CA_BUNDLE='' NIX_USER_CHROOT_RELEASES=$HTTPS PATH=$TOOLS run sh <"$CI"
		refused "$HTTPS/install.sh"
	done
	CURL_CA_BUNDLE='' NIX_USER_CHROOT_RELEASES=$HTTPS run sh <"$CI"
	refused "$HTTPS/install.sh"
	nothing_ran
}

@test "ci-bootstrap: cut short it does nothing, in dash, bash and busybox" {
	local step shell lines size tail first n

	export NIX_USER_CHROOT_ACCESS_TOKEN=$TOKEN
	lines=$(wc -l <"$CI")
	size=$(wc -c <"$CI")
	tail=$(tail -n 2 "$CI" | wc -c)
	first=$(grep -n '^{' "$CI" | head -n 1 | cut -d: -f1)
	[ "$lines" -gt 200 ] && [ "$first" -lt 50 ]
	step=1
	while read -r shell; do
		for ((n = first; n < lines; n += step)); do
			# shellcheck disable=SC2086 # two words
			if head -n "$n" "$CI" | $shell >/dev/null 2>&1; then
				echo "$shell runs the first $n lines alone without an error"
				return 1
			fi
		done
		for ((n = size - tail; n < size - 1; n++)); do
			# shellcheck disable=SC2086 # two words
			if head -c "$n" "$CI" | $shell >/dev/null 2>&1; then
				echo "$shell runs the first $n bytes alone without an error"
				return 1
			fi
		done
		step=7 # the other shells read the script the same way: fewer steps are enough
	done < <(head -n 3 <<<"$SHELLS")
	nothing_ran
	[ -z "$(ls -A "$HOME")" ]
}

@test "GitHub action: its inputs arrive, and those left out leave the job's own alone" {
	local action=$SCRIPTS/github-action

	export GITHUB_ACTIONS=true GITHUB_PATH=$BATS_TEST_TMPDIR/path GITHUB_ENV=$BATS_TEST_TMPDIR/env
	: >"$GITHUB_PATH" && : >"$GITHUB_ENV"
	TEST_GITHUB_TOKEN=$TOKEN run -0 --separate-stderr "$BATS_TEST_DIRNAME/github.py" action "$action"
	[ "$output" = "::add-mask::$TOKEN" ]
	[ "$(cat "$GITHUB_PATH")" = "$HOME/.local/bin" ]
	token_is_secret masked
	diff -u - <(grep '^NIX_USER_CHROOT_[ENRS]' "$STAND_IN_LOG.env" | grep -v '_SINGLE=' | sort) <<-END
		NIX_USER_CHROOT_EXTRA_CONF=!include $CONFIG/access-tokens.conf
		NIX_USER_CHROOT_NIX_VERSION=
		NIX_USER_CHROOT_RELEASES=$RELEASE
		NIX_USER_CHROOT_SHA256=
		NIX_USER_CHROOT_SUDO=
	END

	NIX_USER_CHROOT_NIX_VERSION=2.20.0 run -0 "$BATS_TEST_DIRNAME/github.py" action "$action" \
		sha256=sha256-abc= sudo=no extra-conf='cores = 1; $(touch bad) `touch bad`' access-token= releases=/none
	diff -u - <(grep '^NIX_USER_CHROOT_[ENRS]' "$STAND_IN_LOG.env" | grep -v '_SINGLE=' | sort) <<-END
		NIX_USER_CHROOT_EXTRA_CONF=cores = 1; \$(touch bad) \`touch bad\`
		NIX_USER_CHROOT_NIX_VERSION=2.20.0
		NIX_USER_CHROOT_RELEASES=/none
		NIX_USER_CHROOT_SHA256=sha256-abc=
		NIX_USER_CHROOT_SUDO=no
	END
	[ ! -e bad ]
	# a run with an empty access token removes the file that the first run wrote
	[ ! -e "$CONFIG/access-tokens.conf" ]
}

@test "GitHub action: of a version, it takes the release of that version unless another is named" {
	local action from releases=https://github.com/nix-user-chroot/nix-user-chroot/releases
	local ours=nix-user-chroot/nix-user-chroot/scripts/github-action

	# the program is there, so nothing is downloaded
	mkdir -p "$HOME/.local/bin"
	cp "$BATS_TEST_DIRNAME/stand-in" "$HOME/.local/bin/nix-user-chroot"
	export GITHUB_PATH=$BATS_TEST_TMPDIR/path
	unset NIX_USER_CHROOT_RELEASES
	while read -r action from; do
		: >"$GITHUB_PATH"
		TEST_ACTION=$action run -0 "$BATS_TEST_DIRNAME/github.py" action "$SCRIPTS/github-action"
		grep -qx "NIX_USER_CHROOT_RELEASES=$from" "$STAND_IN_LOG.env"
	done <<-END
		$ours@v0.1.0 $releases/download/v0.1.0
		$ours@refs/tags/v12.34.56 $releases/download/v12.34.56
		$ours@main
		$ours@v1
		$ours@v0.1
		$ours@v0.1.0.1
		$ours@v0.1.0-rc1
		$ours@v0.1.0/../..
		$ours@4e1243bd22c66e76c2ba9eddc1f91394e57f9f83
		$ours
		somebody/else@v0.1.0
		@
	END
	TEST_ACTION=$ours@v0.1.0 run -0 "$BATS_TEST_DIRNAME/github.py" action "$SCRIPTS/github-action" releases=/mine
	grep -qx 'NIX_USER_CHROOT_RELEASES=/mine' "$STAND_IN_LOG.env"
	TEST_ACTION=$ours@v0.1.0 NIX_USER_CHROOT_RELEASES=/jobs run -0 "$BATS_TEST_DIRNAME/github.py" action \
		"$SCRIPTS/github-action"
	grep -qx 'NIX_USER_CHROOT_RELEASES=/jobs' "$STAND_IN_LOG.env"
}
