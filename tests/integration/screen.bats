#!/usr/bin/env bats
#
# What a person sees of --install: in terminals of several sizes and kinds (by tmux), in a pipe, with a slow mirror,
# interrupted, stopped and continued. The parts that do not vary are compared with screens/NAME; with
# NUC_SCREENS=write the tests write these files instead.

# shellcheck disable=SC2016 # the inner shells expand what stands in single quotes
# shellcheck disable=SC2030,SC2031 # every test has a HOME of its own
# shellcheck disable=SC2154 # bats sets output, status and lines

bats_require_minimum_version 1.5.0
load ../mirror/mirror.bash
load install.bash

setup_file()
{
	command -v tmux >/dev/null || skip "no tmux"
	installing_suite
	in_memory
	# the install script of this release creates "started", and then waits for a line from the FIFO "go"
	SLOW=1.1.1
	export SLOW
	tiny_release "$SITE" $SLOW ': >"$HOME/started"; read -r line <"$HOME/go" || exit 5'
	mirror_start "$SITE"
}

setup()
{
	new_home
	mkfifo "$HOME/go"
	# the name that is typed must be the name in the messages
	if [ "${PROGRAM##*/}" != nix-user-chroot ]; then
		mkdir "$BATS_TEST_TMPDIR/bin"
		cp "$PROGRAM" "$BATS_TEST_TMPDIR/bin/nix-user-chroot"
		PROGRAM=$BATS_TEST_TMPDIR/bin/nix-user-chroot
	fi
	PATH=$(dirname "$PROGRAM"):$PATH
	# options as variables keep the typed lines short
	export NIX_USER_CHROOT_MIRROR=$MIRROR_URL NIX_USER_CHROOT_CACERT=$MIRROR_CA \
		NIX_USER_CHROOT_NO_CHANNEL_ADD=1
	unset NO_COLOR COLUMNS LINES LC_ALL LC_CTYPE TMUX
	export LANG=C.UTF-8 SHELL=/bin/bash
	terminal=
}

teardown()
{
	[ -z "$terminal" ] || tmux -S "$terminal" kill-server 2>/dev/null || true
	mirror_clear_faults
	mirror_clear_log
	cd /
	remove_tree "$BATS_TEST_TMPDIR"/* "$HOME"
}

# terminal COLUMNS LINES [NAME=VALUE...]: start a terminal of that size with a shell
terminal()
{
	local columns=$1 rows=$2
	shift 2

	terminal=$BATS_TEST_TMPDIR/tmux
	tmux -S "$terminal" -f /dev/null new-session -d -x "$columns" -y "$rows" \
		env PS1='$ ' "$@" bash --norc --noprofile 3>&- 4>&-
	tmux -S "$terminal" set-option -g status off
	tmux -S "$terminal" resize-window -x "$columns" -y "$rows"
	wait_until 20 shows '\$ '
}

keys()
{
	tmux -S "$terminal" send-keys "$@"
}

# Print the screen, with wrapped lines joined, and without text that differs from run to run
screen()
{
	tmux -S "$terminal" capture-pane -p -J | plain
}

plain()
{
	sed -e "s|$HOME|HOME|g" -e "s|$MIRROR_URL|MIRROR|g" -e "s|${MIRROR_URL#https://}|HOST|g" -e 's/process [0-9][0-9]*/process PID/' \
		-e 's/  *$//' | sed -e :a -e '/^\n*$/{$d;N;ba' -e '}'
}

shows()
{
	tmux -S "$terminal" capture-pane -p -J | grep -q -- "$1"
}

prompt_is_back()
{
	[ "$(screen | tail -n 1)" = '$' ]
}

# finished TEXT: wait until the screen shows TEXT and the shell waits for the next line
finished()
{
	wait_until 30 shows "$1"
	wait_until 20 prompt_is_back
}

# Count how often the screen shows the text now
shown()
{
	tmux -S "$terminal" capture-pane -p | grep -c -- "$1" || true
}

# golden NAME: compare standard input with the file screens/NAME
golden()
{
	local file=$BATS_TEST_DIRNAME/screens/$1

	if [ "${NUC_SCREENS:-}" = write ]; then
		cat >"$file"
	else
		diff "$file" - >&2
	fi
}

slow_download()
{
	mirror_fault '{"path": "*.tar.xz", "fault": "slow", "rate": 20000, "seconds": 60}'
}

has_grown()
{
	[ "$(stat -c %s "$NIX/var/nix-user-chroot"/*.part)" -gt "$1" ]
}

live='downloading  █*░*  *[0-9]* %'

@test "screen: an installation at 80 columns" {
	terminal 80 24
	keys 'clear; nix-user-chroot --install --nix-version '"$TINY" Enter
	finished '--uninstall'
	screen | golden install-80
}

@test "screen: an installation at 50 columns, in the C locale" {
	terminal 50 24 LANG=C
	keys 'clear; nix-user-chroot --install --nix-version '"$TINY" Enter
	finished '--uninstall'
	screen | golden install-50-C
}

@test "screen: the directory of the commands is not on PATH" {
	PATH=${PROGRAM%/*}:$PATH_BEFORE
	terminal 80 24
	keys 'clear; nix-user-chroot --install --nix-version '"$TINY" Enter
	finished 'in this shell too'
	screen | golden install-no-path
}

@test "screen: one live line with bar, bytes and rate, which fits the terminal" {
	slow_download
	terminal 80 24
	keys "clear; nix-user-chroot --install --nix-version $TINY" Enter
	wait_until 20 shows "$live.*kB/s  0:[0-9][0-9] left"
	[ "$(shown downloading)" -eq 1 ]
	# a narrower terminal: the terminal may have wrapped the old line; the next lines must fit
	tmux -S "$terminal" resize-window -x 40 -y 24
	keys C-l
	wait_until 20 shows '^downloading  *[0-9]* %  [0-9.]* of [0-9.]* kB$'
	tmux -S "$terminal" resize-window -x 24 -y 24
	wait_until 20 shows '^downloading  *[0-9]* %$'
	keys C-c
	finished 'it continues'
}

@test "screen: ^C in the download leaves no piece of the line" {
	slow_download
	terminal 80 24
	keys "clear; nix-user-chroot --install --nix-version $TINY" Enter
	wait_until 20 shows "$live"
	keys C-c
	finished 'it continues'
	screen | golden interrupted-download
	mirror_clear_faults
	keys "clear; nix-user-chroot --install --nix-version $TINY" Enter
	finished '--uninstall'
	screen | golden install-80
}

@test "screen: ^C while the install script runs" {
	terminal 80 24
	keys "clear; nix-user-chroot --install --nix-version $SLOW" Enter
	wait_until 20 test -e started
	wait_until 20 shows 'install script  0:0[1-9]'
	keys C-c
	finished 'it continues'
	screen | golden interrupted-script
}

@test "screen: ^C while another one is waited for" {
	terminal 80 24
	"$PROGRAM" --install -q --nix-version "$SLOW" 3>&- 4>&- &
	wait_until 20 test -e started
	keys "clear; nix-user-chroot --install --nix-version $SLOW" Enter
	wait_until 20 shows "^waiting for process $(cat "$NIX/var/nix-user-chroot/lock")  0:0[1-9]\$"
	keys C-c
	finished 'it continues'
	screen | golden interrupted-waiting
	keys 'clear; nix-user-chroot --install --nix-version '"$SLOW" Enter
	wait_until 20 shows '^waiting for process [0-9]*'
	timeout 20 sh -c 'echo go >go'
	wait
	finished 'nothing to do'
	screen | golden waited
}

@test "screen: ^Z gives the terminal back, and fg goes on" {
	slow_download
	terminal 80 24
	keys "clear; nix-user-chroot --install --nix-version $TINY" Enter
	wait_until 20 shows "$live"
	keys C-z
	wait_until 20 shows Stopped
	keys 'echo between' Enter
	wait_until 20 shows '^between$'
	[ "$(shown "$live")" -eq 1 ]
	mirror_clear_faults
	keys 'clear; fg' Enter
	finished '--uninstall'
	screen | golden continued
}

@test "screen: in the background nothing is drawn over what the terminal is used for" {
	slow_download
	terminal 80 24
	keys "clear; nix-user-chroot --install --nix-version $TINY" Enter
	wait_until 20 shows "$live"
	keys C-z
	wait_until 20 shows Stopped
	keys 'clear; bg' Enter
	wait_until 20 shows '&$'
	size=$(stat -c %s "$NIX/var/nix-user-chroot"/*.part)
	wait_until 20 has_grown $((size + 40000))
	[ "$(shown downloading)" -eq 0 ]
	# what the user types stays on the screen, even when a step ends
	keys 'echo typed'
	mirror_clear_faults
	wait_until 70 test -e "$NIX/var/nix-user-chroot/record"
	wait_until 20 shows '--uninstall'
	tmux -S "$terminal" capture-pane -p | grep -q '^\$ echo typed'
	keys C-c
}

@test "screen: a job in the background that fails is not stopped by the terminal" {
	tiny_release "$SITE" 1.3.0 'exit 7'
	terminal 80 24
	keys 'stty tostop; clear; (nix-user-chroot --install --nix-version 1.3.0; echo "status $?" >status) &' Enter
	wait_until 30 test -s status
	[ "$(cat status)" = 'status 125' ]
	[ ! -e "$NIX/var/nix-user-chroot/lock" ]
}

@test "screen: -v and -vv: the script's lines are whole, and the last lines are the same" {
	tiny_release "$SITE" 1.3.1 'printf copying...; sleep 1; printf .; sleep 1; echo " done"'
	terminal 120 60
	keys "clear; nix-user-chroot --install -v --nix-version 1.3.1" Enter
	finished '--uninstall'
	screen | grep -qx 'copying.... done'
	keys "clear; nix-user-chroot --install -vv --force --nix-version 1.3.1" Enter
	finished '--uninstall'
	screen | grep -qx 'nix-user-chroot: nix (Nix) 1.3.1 is installed in HOME/.local/share/nix'
	! grep -q $'\r\|\033' "$NIX/var/nix-user-chroot/install.log" || false
}

@test "screen: ^C in --dry-run" {
	mirror_fault '{"path": "*.sha256", "fault": "stall", "at": "headers"}'
	terminal 80 24
	keys "clear; nix-user-chroot --install --dry-run --nix-version $TINY" Enter
	wait_until 20 shows 'looking for the release  0:0[5-9]$'
	keys C-c
	wait_until 20 prompt_is_back
	screen | sed 's/0:0[5-9]/0:05/' | golden interrupted-dry-run
}

@test "the last lines: where the commands are not found they do not say so" {
	mkdir "$HOME/first"
	printf '#!/bin/sh\necho foreign\n' >"$HOME/first/nix"
	chmod +x "$HOME/first/nix"
	PATH=$HOME/first:$PATH nix-user-chroot --install --no-modify-profile --nix-version "$TINY" 2>out
	grep -q 'nix-user-chroot -- nix --version  one command$' out
	# if the links are not on PATH, a second run prints the advice again
	PATH=${PROGRAM%/*}:$PATH_BEFORE nix-user-chroot --install --no-modify-profile 2>out
	grep -q 'nothing to do' out
	grep -q 'add this line to ~/.bashrc' out
}

@test "screen: a mirror that fails twice: said above the line, and then well" {
	mirror_fault '{"path": "*.tar.xz", "fault": "503", "times": 1}'
	terminal 80 24
	keys "clear; nix-user-chroot --install --nix-version $TINY" Enter
	finished '--uninstall'
	screen | sed 's/retry in [0-9.]* s/retry in N s/' | golden retried
}

@test "screen: an error stands alone at its end" {
	mirror_fault '{"path": "*.sha256", "fault": "hash-wrong"}'
	terminal 80 24
	keys "clear; nix-user-chroot --install --nix-version $TINY" Enter
	finished 'another --mirror'
	screen | sed 's/[0-9a-f]\{64\}/DIGEST/' | golden wrong-hash
}

@test "screen: --quiet shows nothing" {
	terminal 80 24
	keys "clear; nix-user-chroot --install -q --nix-version $TINY; echo end" Enter
	finished '^end'
	screen | golden quiet
}

@test "screen: colours: the tick is green, and not with NO_COLOR" {
	terminal 80 24
	keys "clear; nix-user-chroot --install --nix-version $TINY" Enter
	finished '--uninstall'
	tmux -S "$terminal" capture-pane -p -e | grep -q $'\033\\[32m✓'
	keys "clear; NO_COLOR=1 nix-user-chroot --install --force --nix-version $TINY" Enter
	finished '--uninstall'
	tmux -S "$terminal" capture-pane -p -e | grep -q '^✓'
}

# raw COMMAND: print all bytes that COMMAND writes to a terminal
raw()
{
	script -q -e -c "$1" /dev/null </dev/null
}

@test "screen: a dumb terminal gets plain lines" {
	for term in dumb ''; do
		run -0 raw "stty -opost; TERM=$term nix-user-chroot --install --force --nix-version $TINY"
		[[ $output == *'downloading MIRROR'* || $output == *"downloading $MIRROR_URL"* ]]
		[[ $output != *$'\r'* && $output != *$'\033'* && $output != *✓* ]]
	done
}

@test "pipe: plain lines, no carriage return and no escape sequence" {
	nix-user-chroot --install --nix-version "$TINY" >out 2>&1
	[[ $(cat out) != *$'\r'* && $(cat out) != *$'\033'* ]]
	plain <out | golden pipe
}

@test "pipe: a slow step says every few seconds how far it is" {
	mirror_fault '{"path": "*.tar.xz", "fault": "slow", "rate": 25000, "seconds": 7}'
	nix-user-chroot --install --nix-version "$TINY" >out 2>&1
	cat out
	[ "$(grep -c '^nix-user-chroot: downloading  *[0-9]* %  [0-9.]* of [0-9.]* kB  2[0-9.]* kB/s' out)" -eq 1 ]
	[[ $(cat out) != *$'\r'* ]]
}

@test "the script's own words are in install.log, and at -v on stderr" {
	nix-user-chroot --install --nix-version "$OLD" >out 2>&1
	log=$(cat "$NIX/var/nix-user-chroot/install.log")
	[ -n "$log" ]
	[[ $(cat out) != *"$log"* ]]
	nix-user-chroot --install -v --force --nix-version "$OLD" >out 2>&1
	[[ $(cat out) == *"$(cat "$NIX/var/nix-user-chroot/install.log")"* ]]
}
