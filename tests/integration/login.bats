#!/usr/bin/env bats
#
# nix-user-chroot in the startup files of a shell, where people put it to have Nix at each login: no
# endless loop, nobody is locked out, and ssh, scp, rsync and sftp are as they were. With real
# shells on terminals, and a real sshd.

# shellcheck disable=SC2016 # the shells expand
# shellcheck disable=SC2034 # sshd.bash uses WHO
# shellcheck disable=SC2154 # bats sets output, stderr and status
# shellcheck disable=SC2030,SC2031 # each test is a shell of its own, and so is what it sets

bats_require_minimum_version 1.5.0
load common
load sshd

# The lines of README
LINE='case $- in *i*) [ -z "$NIX_USER_CHROOT" ] && nix-user-chroot --version >/dev/null 2>&1 && exec nix-user-chroot ;; esac'
FISH_LINE='status is-interactive; and not set -q NIX_USER_CHROOT; and nix-user-chroot --version >/dev/null 2>&1; and exec nix-user-chroot'
SHELLS='bash zsh fish ksh mksh dash'
ROUND='a startup file of your shell runs nix-user-chroot'
WITHOUT='here is your shell without Nix'

setup()
{
	entering
	export NIX_USER_CHROOT_DIR=$NIX
	mkdir "$SCRATCH/bin"
	ln -s "$PROGRAM" "$SCRATCH/bin/nix-user-chroot"
	PATH=$SCRATCH/bin:$PATH
	WHO=()
}

teardown()
{
	stop_sshd
	leaving
}

# on_terminal COMMAND TEXT LINES: COMMAND, of sh, is all of a session on a terminal; when the terminal
# shows TEXT, the LINES are typed, and "exit" until all shells have ended: one that is killed takes with it
# what was typed ahead; or until LIMIT seconds are over. What the terminal showed is $output.
on_terminal()
{
	local command=$1 text=$2 lines=$3 shown=$SCRATCH/shown try

	: >"$shown"
	{
		wait_until 30 grep -aqF -- "$text" "$shown" >&2 || :
		# as the key Enter does, which fish waits for
		tr '\n' '\r' <<<"$lines"
		# its end of file would be one on the terminal
		for ((try = 0; try < 100; try++)); do
			printf 'exit\r'
			sleep 0.1
			! grep -aqF 'Script done' "$shown" || break
		done
	} 2>/dev/null | timeout -k 1 "${LIMIT:-50}" env SHELL=/bin/sh script -qefc "SHELL='$SHELL'; $command" "$shown" >/dev/null 2>&1 || true
	output=$(tr -d '\r' <"$shown")
	echo "$output"
}

# How often the terminal showed TEXT
shown()
{
	grep -aoF -- "$1" <<<"$output" | wc -l
}

# use_shell SHELL: there is it, in a new home, and what reads $ENV reads it
use_shell()
{
	command -v "$1" >/dev/null || return 1
	echo "== $1"
	rm -rf "$HOME"
	mkdir -p "$HOME/.config/fish"
	cd "$HOME" || return
	SHELL=$(command -v "$1")
	ENV=$HOME/.shrc
	export SHELL ENV
	case $1 in
	fish) FILE=$HOME/.config/fish/config.fish ;;
	bash | zsh) FILE=$HOME/.${1}rc ;;
	*) FILE=$ENV ;;
	esac
	# what login shells read beside it
	[ "$1" != bash ] || echo '. ~/.bashrc' >"$HOME/.profile"
}

@test "NIX_USER_CHROOT is the Nix directory, as it is called outside" {
	local print='echo "$NIX_USER_CHROOT"'

	[ "$(inside sh -c "$print")" = "$NIX" ]
	[ "$(cd "$SCRATCH" && "$PROGRAM" nix sh -c "$print")" = "$NIX" ]
	# nested: /nix there is what it is, and another directory is another one
	[ "$(inside "$PROGRAM" /nix sh -c "$print")" = "$NIX" ]
	mkdir -p "$SCRATCH/other/store"
	[ "$(inside "$PROGRAM" "$SCRATCH/other" sh -c "$print")" = "$SCRATCH/other" ]
	[ "$(NIX_USER_CHROOT=/wrong inside sh -c "$print")" = "$NIX" ]
}

@test "exec nix-user-chroot in a startup file: a warning, and a shell inside" {
	local shell

	for shell in $SHELLS; do
		use_shell "$shell" || continue
		echo "exec '$PROGRAM'" >"$FILE"
		on_terminal "exec $shell -i" "$ROUND" 'echo "in $NIX_USER_CHROOT" "$(cat /nix/name)"'
		[ "$(shown "$ROUND")" -eq 1 ]
		[ "$(shown "in $NIX ours")" -eq 1 ]
	done
}

@test "without exec, and with a shell for a command: the loops end too" {
	local call

	for call in "'$PROGRAM'" "exec '$PROGRAM' '$NIX' bash -l" "'$PROGRAM' '$NIX' bash"; do
		use_shell bash
		echo "$call" >"$FILE"
		on_terminal 'exec bash -i' "$ROUND" 'echo "in $NIX_USER_CHROOT"; kill -9 0'
		[ "$(shown "$ROUND")" -eq 1 ]
		[ "$(shown "in $NIX")" -eq 1 ]
	done
}

@test "typed by hand it is a shell as always, in another one too, and scripts may nest as they like" {
	local script

	use_shell bash
	echo 'echo read-it' >"$FILE"
	on_terminal 'exec bash -i' read-it "$(printf '%s\n' "'$PROGRAM'" "'$PROGRAM'" "'$PROGRAM' '$NIX' bash" \
		'echo in $NIX_USER_CHROOT' exit exit exit)"
	[ "$(shown "in $NIX")" -eq 1 ]
	[ "$(shown read-it)" -eq 4 ]
	[ "$(shown "$ROUND")" -eq 0 ]
	script='[ "$1" -eq 0 ] || exec "$PROGRAM" "$NIX" sh -c "$0" "$0" $(($1 - 1)); echo end'
	[ "$("$PROGRAM" "$NIX" sh -c "$script" "$script" 40)" = end ]
}

@test "entering fails: who would be out gets a shell, and everybody else a message and 125" {
	local shell LIMIT

	rm -r "$NIX/store"
	for shell in $SHELLS; do
		use_shell "$shell" || continue
		echo "exec '$PROGRAM'" >"$FILE"
		# without its startup files fish obeys nothing that is typed at script's terminal, and stays
		LIMIT=50
		[ "$shell" != fish ] || LIMIT=15
		on_terminal "exec $shell -i" "$WITHOUT" 'echo "at ${HOME}" "in <$NIX_USER_CHROOT>"'
		[ "$(shown "there is no store in $NIX")" -eq 1 ]
		[ "$(shown "$WITHOUT")" -eq 1 ]
		[ "$(shown "at $HOME in <>")" -eq 1 ] || [ "$shell" = fish ]
		rm "$FILE"
	done
	# no session of their own
	on_terminal "sh -c '\"\$PROGRAM\"; echo status \$?; exit'" 'status' ''
	[ "$(shown 'status 125')" -eq 1 ]
	fails 125 'there is no store in' -- setsid --wait "$PROGRAM"
	# a command: not a shell that somebody sits before
	on_terminal "exec '$PROGRAM' -- make all" 'there is no store' ''
	[ "$(shown "$WITHOUT")" -eq 0 ]
}

@test "a half of the way there is no way back: it is tried before" {
	require_user
	use_shell bash
	# /nix can be had, and no shell
	printf '[excludes]\npaths = ["/bin", "/usr/bin", "/lib64"]\n' | config
	echo "exec '$PROGRAM'" >"$FILE"
	on_terminal 'exec bash -i' "$WITHOUT" 'ls -d /usr; readlink /proc/self/ns/mnt'
	[ "$(shown "$(readlink /proc/self/ns/mnt)")" -eq 1 ]
	NIX_USER_CHROOT_RUNTIME=nonsense on_terminal 'exec bash -i' "$WITHOUT" 'ls -d /usr'
	[ "$(shown "$WITHOUT")" -eq 1 ]
}

@test "the line of README enters once, where there is somebody to enter" {
	local shell

	for shell in $SHELLS; do
		use_shell "$shell" || continue
		if [ "$shell" = fish ]; then
			echo "$FISH_LINE" >"$FILE"
		else
			echo "$LINE" >"$FILE"
		fi
		echo 'echo read-it' >>"$FILE"
		on_terminal "exec $shell -i" read-it 'echo "in $NIX_USER_CHROOT"'
		[ "$(shown "in $NIX")" -eq 1 ]
		[ "$(shown read-it)" -eq 1 ]
		[ "$(shown nix-user-chroot:)" -eq 0 ]
		[[ $($shell -c env) != *$'\n'NIX_USER_CHROOT=* ]]
	done
}

@test "ssh, scp, rsync, sftp and commands by ssh are as they were; a login by ssh is inside" {
	local tool
	for tool in ssh sshd scp sftp rsync; do
		PATH=$PATH:/usr/sbin type -P $tool >/dev/null || skip "needs $tool"
	done
	[ "$(getent passwd "$(id -u)" | cut -d : -f 7)" = /bin/bash ] || skip "needs bash as the login shell"
	use_shell bash
	# some /etc/profile sets PATH anew
	printf '%s\n' "PATH=$SCRATCH/bin:\$PATH" "$LINE" 'echo read-it >>~/read' 'echo read-it >&2' >"$FILE"
	# what root's wants to have, and need not be there
	[ "$(id -u)" -ne 0 ] || WHO=(unshare --mount --propagation private sh -ec
		'mount -t tmpfs run /run && mkdir -m 755 /run/sshd && exec "$@"' sh)
	start_sshd "SetEnv HOME=$HOME NIX_USER_CHROOT_DIR=$NIX PATH=$PATH"
	printf '%s\n' "$CONFIG" >"$SCRATCH/ssh_config"
	local ssh="ssh -F $SCRATCH/ssh_config"
	[ "$($ssh here 'echo "<$NIX_USER_CHROOT>"; cat' <<<input)" = $'<>\ninput' ]
	run -7 ssh -F "$SCRATCH/ssh_config" here 'exit 7'
	# the file was read, for bash does so for sshd's commands
	[ -s "$HOME/read" ]
	echo text >"$SCRATCH/from"
	scp -q -F "$SCRATCH/ssh_config" "$SCRATCH/from" "here:$HOME/by-scp"
	scp -q -O -F "$SCRATCH/ssh_config" "$SCRATCH/from" "here:$HOME/by-old-scp"
	rsync -e "$ssh" "$SCRATCH/from" "here:$HOME/by-rsync"
	sftp -q -F "$SCRATCH/ssh_config" -b - here <<<"put $SCRATCH/from $HOME/by-sftp" >/dev/null
	for tool in scp old-scp rsync sftp; do
		[ "$(cat "$HOME/by-$tool")" = text ]
	done
	# a sshd that is not root's gives no terminals
	[ "$(id -u)" -eq 0 ] || return 0
	run ssh -F "$SCRATCH/ssh_config" -tt here 'echo "<$NIX_USER_CHROOT>"'
	[[ $output == *'<>'* ]]
	rm "$HOME/read"
	on_terminal "exec $ssh -tt here" read-it 'echo "in $NIX_USER_CHROOT"'
	[ "$(shown "in $NIX")" -eq 1 ]
	[ "$(grep -c read-it "$HOME/read")" -eq 1 ]
	# and without a Nix to enter, still there
	rm -r "$NIX/store"
	on_terminal "exec $ssh -tt here" "$WITHOUT" 'echo "in <$NIX_USER_CHROOT>"'
	[ "$(shown 'in <>')" -eq 1 ]
}
