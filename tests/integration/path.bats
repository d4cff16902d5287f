#!/usr/bin/env bats
#
# PATH after --install: which startup files get a line, and whether nix is found in new shells of each kind, started
# in each way. With the real shells.

# shellcheck disable=SC2016 # the shells expand
# shellcheck disable=SC2034,SC2119,SC2120,SC2317 # bats and what is loaded use and call them
# shellcheck disable=SC2154 # bats sets output, status and lines
# shellcheck disable=SC2030,SC2031 # every test has a HOME of its own

bats_require_minimum_version 1.5.0
load ../mirror/mirror.bash
load install.bash
load sshd

# setup: as in install.bash, with a shell that has no startup files yet
setup()
{
	new_home
	export SHELL=/bin/bash
	SCRATCH=${SCRATCH:-$BATS_TEST_TMPDIR}
	WHO=()
}

teardown()
{
	stop_sshd
	mirror_clear_log
	forget_lists
	cd /
	chmod -R u+w "$HOME"
	remove_tree "$BATS_TEST_TMPDIR"/* "$SCRATCH"/*
}

put() { install --nix-version "$TINY" "$@"; }
take() { "$PROGRAM" --uninstall --yes; }

MARK='# added by nix-user-chroot --install'

# Print the startup files that have our line
lined() { (cd "$HOME" && grep -rlF "$MARK" --include='.*' . | sort); }

# fresh COMMAND...: run COMMAND in the environment of a new login
fresh()
{
	env -i HOME="$HOME" USER="$(id -un)" LOGNAME="$(id -un)" TERM=dumb PATH=/usr/bin:/bin \
		HISTFILE=/dev/null ${ENV:+ENV="$ENV"} setsid --wait "$@" </dev/null 2>/dev/null
}

finds() { [ "$("$@" 'command -v nix' | tail -n 1)" = "$HOME/.local/bin/nix" ]; }

@test "nix in new shells: each shell, each way to start it" {
	local shell how status=0

	touch .bashrc .zshrc
	mkdir -p .config/fish
	SHELL=/bin/ksh put
	cat "$HOME/.config/nix-user-chroot/path.sh"
	while read -r shell how; do
		command -v "$shell" >/dev/null || continue
		# shellcheck disable=SC2086
		if ! finds fresh "$shell" $how -c; then
			echo "not found: $shell $how"
			status=1
		fi
	done <<-END
		sh -l
		sh -li
		dash -l
		dash -li
		bash -l
		bash -i
		bash -li
		zsh
		zsh -l
		zsh -i
		zsh -li
		ksh -l
		ksh -i
		ksh -li
		fish
		fish -l
		fish -i
		fish -li
	END
	# shells that a login shell starts find nix, too, such as those of a cron job, or of an editor started from a
	# terminal
	finds fresh bash -lc 'exec dash -c "$0"' && finds fresh sh -lc 'exec bash --norc -c "$0"'
	# PATH has the directory only once, however many shells are nested
	[ "$(fresh bash -lic 'bash -ic "zsh -ic \"echo \\\$PATH\""' | tail -n 1 | tr : '\n' | grep -cxF "$HOME/.local/bin")" -eq 1 ]
	# our line works with "set -eu" and without PATH
	[ "$(fresh bash -euc '. ~/.bashrc; . ~/.config/nix-user-chroot/path.sh; unset PATH; . ~/.config/nix-user-chroot/path.sh; echo "$PATH"')" = "$HOME/.local/bin" ]
	return "$status"
}

@test "ssh HOST nix, with bash" {
	[ "$(getent passwd "$(id -u)" | cut -d : -f 7)" = /bin/bash ] || skip "needs bash as the login shell"
	PATH=$PATH:/usr/sbin type -P sshd >/dev/null || skip "needs sshd"
	# the beginning of Debian's .bashrc, which returns unless the shell is interactive
	printf 'case $- in\n*i*) ;;\n*) return ;;\nesac\n' >.bashrc
	put
	[ "$(id -u)" -ne 0 ] || WHO=(unshare --mount --propagation private sh -ec
		'mount -t tmpfs run /run && mkdir -m 755 /run/sshd && exec "$@"' sh)
	start_sshd "SetEnv HOME=$HOME"
	printf '%s\n' "$CONFIG" >"$SCRATCH/ssh_config"
	[ "$(ssh -F "$SCRATCH/ssh_config" here nix --version)" = "nix (Nix) $TINY" ]
}

@test "which files: those that the user's shells read, and each is as before after --uninstall" {
	local before

	# startup files without a newline at the end, with "#!", with bytes that are no UTF-8, behind a link, and
	# with a mode
	printf 'X=1' >.bash_profile
	printf '#!/bin/bash\n\377\n' >.bashrc
	mkdir dotfiles
	printf 'Y=1\n\n' >dotfiles/zshenv
	chmod 600 dotfiles/zshenv
	ln -s dotfiles/zshenv .zshenv
	echo 'echo hello; false' >.profile
	before=$(listing .)
	put
	[ "$(lined)" = $'./.bash_profile\n./.bashrc\n./.profile' ]
	grep -qF "$MARK" dotfiles/zshenv
	[ -L .zshenv ]
	[ "$(stat -c %a dotfiles/zshenv)" = 600 ]
	[ "$(head -n 1 .bashrc)" = '#!/bin/bash' ]
	[ ! -e .config/fish ]
	# run again: no second line
	put
	[ "$(grep -cF "$MARK" .bashrc)" -eq 1 ]
	take
	diff <(echo "$before") <(listing .)
}

@test "new files go again, those that got something of the user's stay, and a line that was changed" {
	local before

	before=$(listing .)
	put
	[ "$(lined)" = $'./.bashrc\n./.profile' ]
	take
	diff <(echo "$before") <(listing .)
	put
	echo mine >>.bashrc
	sed -i 's/^\[ ! -r/[ ! -s/' .profile
	run -0 take
	[[ $output == *"$HOME/.profile (our line, which was edited)"* ]]
	[ "$(cat .bashrc)" = mine ]
	grep -qF "$MARK" .profile
}

@test "none where new shells have it on PATH already; Debian's ~/.profile has" {
	local line='PATH="$HOME/.local/bin:$PATH"'

	printf '%s\n' "$line" | tee .profile >.bashrc
	echo "path+=(~/.local/bin)" >.zshrc
	before=$(cat .profile .bashrc .zshrc)
	put
	[ -z "$(lined)" ]
	[ ! -e .config/nix-user-chroot/path.sh ]
	[ "$before" = "$(cat .profile .bashrc .zshrc)" ]
	take
	# this startup file adds the directory only if the directory exists
	printf 'if [ -d "$HOME/.local/bin" ]; then %s; fi\n' "$line" >.profile
	rm .bashrc .zshrc
	put
	[ "$(lined)" = ./.bashrc ]
}

@test "zsh: ZDOTDIR, set before it or by ~/.zshenv" {
	command -v zsh >/dev/null || skip "needs zsh"
	mkdir zsh
	touch zsh/.zshrc
	ZDOTDIR=$HOME/zsh SHELL=$(command -v zsh) put
	grep -qF "$MARK" zsh/.zshenv
	[ ! -e .zshenv ]
	# ~/.zshenv sets ZDOTDIR: zsh reads that file before it knows ZDOTDIR, so our line goes there
	take
	[ ! -e zsh/.zshenv ]
	echo 'ZDOTDIR=$HOME/zsh' >.zshenv
	ZDOTDIR=$HOME/zsh SHELL=$(command -v zsh) put
	grep -qF "$MARK" .zshenv
	[ ! -e zsh/.zshenv ]
	finds fresh zsh -ic
}

@test "--no-modify-profile: no file, and the line to add is told" {
	PATH=$PATH_BEFORE
	run -0 put --no-modify-profile
	[[ $output == *'export PATH="$HOME/.local/bin:$PATH"'* ]]
	[ -z "$(lined)" ]
	[ ! -e .config ]
	# the message also says how to set PATH in the running shell
	take
	run -0 put
	[[ $output == *'by a line in ~/.profile, ~/.bashrc'* ]]
	[[ $output == *'in this shell too: . "$HOME/.config/nix-user-chroot/path.sh"'* ]]
	eval "${output##*too: }"
	[ "$(command -v nix)" = "$HOME/.local/bin/nix" ]
}

@test "files that cannot have it are named with the line" {
	echo 'X=1' >.bashrc
	chmod 444 .bashrc
	ln -s /nix/store/x-home-manager-files/.profile .profile
	mkfifo .bash_profile
	run -0 put
	[[ $output == *"no line for PATH in $HOME/.bashrc: Permission denied"*'add it by hand: [ ! -r '* ]]
	[[ $output == *"no line for PATH in $HOME/.profile: "* ]]
	[ "$(cat .bashrc)" = 'X=1' ]
	take
	[ -p .bash_profile ]
	[ -L .profile ]
}

@test "startup files that hang, end the shell, or set PATH anew" {
	echo 'sleep 617' >.bashrc
	echo 'exit 3' >.profile
	echo 'PATH=/usr/bin:/bin' >.zshenv
	run -0 put
	[ "$(lined)" = $'./.bashrc\n./.profile\n./.zshenv' ]
	[[ $output == *"$HOME/.zshenv has our line for PATH, but PATH of zsh still lacks $HOME/.local/bin"* ]]
	# no command from the startup files keeps running
	run ! pgrep -u "$(id -u)" -xf 'sleep 617'
	take
	[ "$(cat .bashrc .profile .zshenv)" = $'sleep 617\nexit 3\nPATH=/usr/bin:/bin' ]
}

@test "one shell's startup file hangs: another shell's answer counts all the same" {
	echo 'sleep 618' >.profile
	echo 'PATH=~/.local/bin:$PATH' >.bashrc
	run -0 put
	[ "$(lined)" = ./.profile ]
	[ "$(cat .bashrc)" = 'PATH=~/.local/bin:$PATH' ]
	run ! pgrep -u "$(id -u)" -xf 'sleep 618'
	take
	[ "$(cat .profile)" = 'sleep 618' ]
}

@test "killed between the record and the line, and run again" {
	put
	# the state between the two: the record is written, and the line is not
	sed -i "/$MARK/d" .bashrc
	rm .config/nix-user-chroot/path.sh
	PATH=$PATH_BEFORE put
	[ "$(lined)" = $'./.bashrc\n./.profile' ]
	[ "$(grep -c '^source ' "$NIX/var/nix-user-chroot/record")" -eq 2 ]
	take
	[ -z "$(lined)" ]
}

@test "a record that names other files and lines is not believed" {
	echo "alias ls=ls $MARK" >precious
	cp precious .vimrc
	put
	printf 'source %s %s\n' "$HOME/.vimrc" "$(printf '%s' "alias ls=ls $MARK" | sha256sum | cut -c 1-64)" |
		cat - "$NIX/var/nix-user-chroot/record" >record
	{ sed -n 2p record; sed -n 1p record; sed 1,2d record; } >"$NIX/var/nix-user-chroot/record"
	run -0 take
	cmp precious .vimrc
}

@test "--dry-run starts no shell and says that there may be a line" {
	echo 'touch ~/was-started' | tee .profile >.bashrc
	run -0 put --dry-run
	[[ $output == *"a line in the startup files of shells that lack it there"* ]]
	[ ! -e was-started ]
}
