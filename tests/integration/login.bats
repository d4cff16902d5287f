#!/usr/bin/env bats
#
# nix-user-chroot in the startup files of a shell, where users put it to have Nix at each login. The login must not
# loop or lock the user out, and ssh, scp, rsync and sftp must work as before. With real shells at terminals, and a
# real sshd.

# shellcheck disable=SC2016 # the shells expand
# shellcheck disable=SC2034 # sshd.bash uses WHO
# shellcheck disable=SC2154 # bats sets output, stderr and status
# shellcheck disable=SC2030,SC2031 # each test is a shell of its own, and so is what it sets

bats_require_minimum_version 1.5.0
load common
load sshd

# The line that README recommends, and the same for fish
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

# on_terminal COMMAND TEXT LINES: run COMMAND, of sh, at a terminal. When the terminal shows TEXT, type LINES, and
# then "exit" again and again until all shells have ended (a killed shell discards what was typed ahead) or LIMIT
# seconds are over. $output becomes what the terminal showed.
on_terminal()
{
	local command=$1 text=$2 lines=$3 shown=$SCRATCH/shown try

	: >"$shown"
	{
		wait_until 30 grep -aqF -- "$text" "$shown" >&2 || :
		# a carriage return is what the key Enter sends, and fish waits for it
		tr '\n' '\r' <<<"$lines"
		# keep the pipe open: its end would be an end of file on the terminal
		for ((try = 0; try < 100; try++)); do
			printf 'exit\r'
			sleep 0.1
			! grep -aqF 'Script done' "$shown" || break
		done
	} 2>/dev/null | timeout -k 1 "${LIMIT:-50}" env SHELL=/bin/sh script -qefc "SHELL='$SHELL'; $command" "$shown" >/dev/null 2>&1 || true
	output=$(tr -d '\r' <"$shown")
	echo "$output"
}

# Count how often the terminal showed TEXT
shown()
{
	grep -aoF -- "$1" <<<"$output" | wc -l
}

# use_shell SHELL: if SHELL is installed, make a new home directory, and set FILE to a startup file that SHELL reads
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
	# bash as a login shell reads .profile instead
	[ "$1" != bash ] || echo '. ~/.bashrc' >"$HOME/.profile"
}

@test "NIX_USER_CHROOT is the Nix directory, as it is called outside" {
	local print='echo "$NIX_USER_CHROOT"'

	[ "$(inside sh -c "$print")" = "$NIX" ]
	[ "$(cd "$SCRATCH" && "$PROGRAM" nix sh -c "$print")" = "$NIX" ]
	# nested: /nix inside is the same directory, and another directory is entered
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
		# without its startup files fish ignores what is typed at this terminal, and does not end
		LIMIT=50
		[ "$shell" != fish ] || LIMIT=15
		on_terminal "exec $shell -i" "$WITHOUT" 'echo "at ${HOME}" "in <$NIX_USER_CHROOT>"'
		[ "$(shown "there is no store in $NIX")" -eq 1 ]
		[ "$(shown "$WITHOUT")" -eq 1 ]
		[ "$(shown "at $HOME in <>")" -eq 1 ] || [ "$shell" = fish ]
		rm "$FILE"
	done
	# where the program is not all of a session on a terminal, it fails and starts no other shell
	on_terminal "sh -c '\"\$PROGRAM\"; echo status \$?; exit'" 'status' ''
	[ "$(shown 'status 125')" -eq 1 ]
	fails 125 'there is no store in' -- setsid --wait "$PROGRAM"
	# with a COMMAND nobody waits for a shell: the program fails
	on_terminal "exec '$PROGRAM' -- make all" 'there is no store' ''
	[ "$(shown "$WITHOUT")" -eq 0 ]
}

@test "a half of the way there is no way back: it is tried before" {
	require_user
	use_shell bash
	# mounting works, but no shell can be run inside
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
	# as on hosts whose /etc/profile sets PATH
	printf '%s\n' "PATH=$SCRATCH/bin:\$PATH" "$LINE" 'echo read-it >>~/read' 'echo read-it >&2' >"$FILE"
	# root's sshd needs the directory /run/sshd, which may not exist
	[ "$(id -u)" -ne 0 ] || WHO=(unshare --mount --propagation private sh -ec
		'mount -t tmpfs run /run && mkdir -m 755 /run/sshd && exec "$@"' sh)
	start_sshd "SetEnv HOME=$HOME NIX_USER_CHROOT_DIR=$NIX PATH=$PATH"
	printf '%s\n' "$CONFIG" >"$SCRATCH/ssh_config"
	local ssh="ssh -F $SCRATCH/ssh_config"
	[ "$($ssh here 'echo "<$NIX_USER_CHROOT>"; cat' <<<input)" = $'<>\ninput' ]
	run -7 ssh -F "$SCRATCH/ssh_config" here 'exit 7'
	# bash has read the file: it does so for commands that sshd runs
	[ -s "$HOME/read" ]
	echo text >"$SCRATCH/from"
	scp -q -F "$SCRATCH/ssh_config" "$SCRATCH/from" "here:$HOME/by-scp"
	scp -q -O -F "$SCRATCH/ssh_config" "$SCRATCH/from" "here:$HOME/by-old-scp"
	rsync -e "$ssh" "$SCRATCH/from" "here:$HOME/by-rsync"
	sftp -q -F "$SCRATCH/ssh_config" -b - here <<<"put $SCRATCH/from $HOME/by-sftp" >/dev/null
	for tool in scp old-scp rsync sftp; do
		[ "$(cat "$HOME/by-$tool")" = text ]
	done
	# only root's sshd can give terminals
	[ "$(id -u)" -eq 0 ] || return 0
	run ssh -F "$SCRATCH/ssh_config" -tt here 'echo "<$NIX_USER_CHROOT>"'
	[[ $output == *'<>'* ]]
	rm "$HOME/read"
	on_terminal "exec $ssh -tt here" read-it 'echo "in $NIX_USER_CHROOT"'
	[ "$(shown "in $NIX")" -eq 1 ]
	[ "$(grep -c read-it "$HOME/read")" -eq 1 ]
	# without a Nix to enter, the user still gets a shell
	rm -r "$NIX/store"
	on_terminal "exec $ssh -tt here" "$WITHOUT" 'echo "in <$NIX_USER_CHROOT>"'
	[ "$(shown 'in <>')" -eq 1 ]
}
