#!/usr/bin/env bats
#
# The completions that scripts/completions/generate makes, each in its own shell; at a terminal, if the shell
# completes nowhere else. They must offer what the program's help pages list.

# shellcheck disable=SC2016 # the shells expand
# shellcheck disable=SC2154 # bats sets output, status and lines
# shellcheck disable=SC2030,SC2031 # each test is a shell of its own, and so is what it sets

bats_require_minimum_version 1.5.0

setup_file()
{
	COMPLETIONS=$BATS_FILE_TMPDIR
	export COMPLETIONS
	made_by_script bash >"$COMPLETIONS/nix-user-chroot.bash"
	made_by_script zsh >"$COMPLETIONS/_nix-user-chroot"
	made_by_script fish >"$COMPLETIONS/nix-user-chroot.fish"
}

made_by_script()
{
	"$BATS_TEST_DIRNAME/../../scripts/completions/generate" "$1"
}

setup()
{
	BUILD_DIR=${BUILD_DIR:-$BATS_TEST_DIRNAME/../..}
	PROGRAM=$(realpath "${NIX_USER_CHROOT:-$BUILD_DIR/nix-user-chroot}")
	unset "${!NIX_@}" "${!XDG_@}" BASH_ENV ENV PROMPT_COMMAND ZDOTDIR
	HOME=$BATS_TEST_TMPDIR/home
	ANSWER=$BATS_TEST_TMPDIR/answer
	TERM=xterm
	export PROGRAM HOME ANSWER TERM
	mkdir -p "$HOME/dir ectory/below" "$HOME/other" "$HOME/bin"
	touch "$HOME/tarball.tar.xz" "$HOME/certs.pem"
	mkfifo "$ANSWER"
	# a stand-in for the program, for lines that are entered; and a command that completes words of its own
	printf '#!/bin/sh\nprintf "[%%s]\\n" "$@" >"$ANSWER"\n' >"$HOME/bin/nix-user-chroot"
	printf '#!/bin/sh\n' >"$HOME/bin/some-command"
	chmod +x "$HOME/bin/"*
	PATH=$HOME/bin:$PATH
	cd "$HOME" || return
}

needs()
{
	command -v "$1" >/dev/null || skip "needs $1"
}

# listed [COMMAND]: print the options on that help page, and --help, which only the first page has
listed()
{
	{
		"$PROGRAM" "$@" --help | sed -n 's/^  \(    \|-., \)\(--[a-z0-9-]*\).*/\2/p'
		echo --help
	} | LC_ALL=C sort -u
}

# in_bash LINE, in_zsh LINE, in_fish LINE: print what the shell offers after LINE, one a line, sorted. If LINE ends
# with a newline, print the words that the program was started with instead.
in_bash()
{
	cat >"$HOME/rc" <<-'END'
		[ -z "$LOADER" ] || . "$LOADER"
		. "$COMPLETIONS/nix-user-chroot.bash"
		complete -W 'one two' some-command
		offer()
		{
			_nix_user_chroot "$@"
			printf '%s\n' "${COMPREPLY[@]}" >"$ANSWER"
		}
		[ -z "$OFFER" ] || complete -F offer nix-user-chroot
		bind 'set enable-bracketed-paste off'
		PS1='ready> '
	END
	on_terminal "$1" bash --noprofile --rcfile "$HOME/rc" -i
}

in_zsh()
{
	cat >"$HOME/.zshrc" <<-'END'
		fpath=($COMPLETIONS $fpath)
		autoload -Uz compinit
		compinit -u -d $HOME/dump
		_some-command() { compadd one two }
		compdef _some-command some-command
		typeset -a offered
		compadd() {
			local -a hits
			# a call that only asks which words match offers none
			[[ " ${@[1,(i)(-|--)]} " == *' -'[a-zA-Z]#[OAD]' '* ]] || {
				builtin compadd -A hits "$@"
				offered+=($hits)
			}
			builtin compadd "$@"
		}
		offer() {
			offered=()
			_main_complete
			print -l -- $offered >$ANSWER
		}
		setopt extended_glob
		if [[ -n $OFFER ]]; then
			zle -C offer complete-word offer
			bindkey '^I' offer
		fi
		PS1='ready> '
	END
	on_terminal "$1" zsh -d -i
}

in_fish()
{
	if [[ $1 == *$'\n' ]]; then
		# without the second directory fish first writes completions for all manual pages
		mkdir -p "$HOME/.config/fish" "$HOME/.local/share/fish/generated_completions"
		cat >"$HOME/.config/fish/config.fish" <<-'END'
			source $COMPLETIONS/nix-user-chroot.fish
			function fish_prompt; echo 'ready> '; end
			function fish_greeting; end
		END
		on_terminal "$1" fish -i
		return
	fi
	fish --no-config -c '
		source $COMPLETIONS/nix-user-chroot.fish
		complete -c some-command -f -a "one two"
		complete -C $argv[1]' "$1" | cut -f 1 | LC_ALL=C sort -u
}

on_terminal()
{
	local line=$1
	shift

	if [[ $line == *$'\n' ]]; then
		OFFER='' python3 "$BATS_TEST_DIRNAME/type.py" "$line" "$@"
	else
		OFFER=1 python3 "$BATS_TEST_DIRNAME/type.py" "$line"$'\t' "$@" | LC_ALL=C sort -u
	fi
}

# same WANTED GOT: print the differences
same()
{
	diff <(printf '%s\n' "$1") <(printf '%s\n' "$2")
}

options_are_those_of_the_program()
{
	local shell=$1 command

	same "$(listed)" "$("$shell" 'nix-user-chroot --' | grep -e '^--')"
	for command in --install --uninstall --update --check; do
		# the completions may offer COMMAND again or not, since it is of no use a second time
		same "$(listed "$command")" \
			"$("$shell" "nix-user-chroot -v $command --" | grep -e '^--' |
				grep -vx -e "$command")"
	done
}

values_are_completed()
{
	local shell=$1 mirror=$HOME/mirror systems

	# the error message for an unknown system lists all systems
	systems=$("$PROGRAM" --install --system none 2>&1 | sed -n 's/.*there are: //p' |
		tr -d , | tr ' ' '\n' | LC_ALL=C sort)
	[ -n "$systems" ]
	same "$systems" "$("$shell" 'nix-user-chroot --install --system ')"
	same aarch64-linux "$("$shell" 'nix-user-chroot --install --system aa')"
	# a command that itself takes a value
	same certs.pem "$("$shell" 'nix-user-chroot --bundle c')"
	same --system "$("$shell" 'nix-user-chroot --bundle new --sys')"
	same aarch64-linux "$("$shell" 'nix-user-chroot --bundle new --system aa')"

	mkdir -p .local/share/nix/var/nix-user-chroot else/var/nix-user-chroot "$mirror/nix-2.30.0" \
		"$mirror/nix-2.31.0pre1_ab" "$mirror/nix-\$(touch pwned)"
	printf 'absent /x\ncomplete 2.26.3 x86_64-linux %064d file:///x\n' 0 \
		>.local/share/nix/var/nix-user-chroot/record
	touch .local/share/nix/var/nix-user-chroot/nix-2.24.1-x86_64-linux.tar.xz.part \
		"$mirror/nix-2.1.0"
	same $'2.24.1\n2.26.3' "$("$shell" 'nix-user-chroot --install --nix-version ')"
	same $'2.24.1\n2.26.3\n2.30.0\n2.31.0pre1_ab' \
		"$("$shell" "nix-user-chroot --install --mirror $mirror --nix-version " | grep -v touch)"
	same $'2.30.0' "$("$shell" "nix-user-chroot --install --mirror=file://$mirror --nix-version 2.30")"
	same $'2.30.0' "$(NIX_USER_CHROOT_MIRROR=$mirror "$shell" 'nix-user-chroot --install --nix-version 2.30')"
	[ ! -e pwned ]
	echo 'complete 2.20.0 x' >else/var/nix-user-chroot/record
	same 2.20.0 "$(NIX_USER_CHROOT_DIR=$HOME/else "$shell" 'nix-user-chroot --install --nix-version ')"
}

# COMMAND after NIXPATH or after --, at any place in the line
commands_complete_themselves()
{
	local shell=$1 line

	for line in 'other ' 'other -- ' '-- ' '--install -- ' '-q -- ' \
		'--install --nix-version 2 --extra-conf="a = b" -- '; do
		same some-command "$("$shell" "nix-user-chroot ${line}some-comma")"
		same $'one\ntwo' "$("$shell" "nix-user-chroot ${line}some-command ")"
		same two "$("$shell" "nix-user-chroot ${line}some-command t")"
	done
	# where COMMAND has begun, our options are not offered
	[ -z "$("$shell" 'nix-user-chroot other some-command --inst')" ]
}

# type the beginning of each word and a tab, enter the line, and check which words the program gets
lines_are_finished()
{
	local shell=$1

	same $'[--uninstall]\n[--yes]' "$("$shell" $'nix-user-chroot --unin\t--y\t\n')"
	same $'[--install]\n[--no-shims]\n[--cacert]\n[certs.pem]' \
		"$("$shell" $'nix-user-chroot --inst\t--no-sh\t--cace\tcer\t\n' |
			sed 's/^\[--cacert=\(.*\)\]/[--cacert]\n[\1]/')"
	# zsh removes the trailing slash
	same $'[dir ectory]\n[some-command]' \
		"$("$shell" $'nix-user-chroot di\t some-co\t\n' | sed 's|/]$|]|')"
	same $'[--]\n[some-command]' "$("$shell" $'nix-user-chroot -- some-co\t\n')"
	same $'[--install]\n[--tarball=tarball.tar.xz]' \
		"$("$shell" $'nix-user-chroot --install --tarball=tarb\t\n')"
}

no_more_is_offered()
{
	local shell=$1 line

	for line in '--install --sha256' '--install --extra-conf' '--uninstall' '--check other' \
		'--print-path-config'; do
		# leave out options: zsh offers them where it has nothing else
		same '' "$("$shell" "nix-user-chroot $line " | grep -v '^-')"
	done
}

for_bash()
{
	LOADER=$1
	export LOADER
	[ -z "$LOADER" ] || [ -e "$LOADER" ] || skip "needs bash-completion"
}

with_loader()
{
	for_bash /usr/share/bash-completion/bash_completion
}

@test "bash: the options are the program's" {
	for_bash ''
	options_are_those_of_the_program in_bash
	with_loader
	options_are_those_of_the_program in_bash
}

@test "bash: values" {
	for_bash ''
	values_are_completed in_bash
	no_more_is_offered in_bash
	same 'certs.pem' "$(in_bash 'nix-user-chroot --install --cacert c')"
	with_loader
	values_are_completed in_bash
}

@test "bash: commands complete themselves" {
	with_loader
	commands_complete_themselves in_bash
}

@test "bash: commands without bash-completion, and their files" {
	for_bash ''
	same some-command "$(in_bash 'nix-user-chroot other some-comma')"
	same bin/some-command "$(in_bash 'nix-user-chroot -- bin/s')"
	same $'[--]\n[some-command]\n[certs.pem]' \
		"$(in_bash $'nix-user-chroot -- some-command cert\t\n')"
}

@test "bash: lines are finished" {
	for_bash ''
	lines_are_finished in_bash
	with_loader
	lines_are_finished in_bash
}

@test "zsh: the options are the program's" {
	needs zsh
	options_are_those_of_the_program in_zsh
}

@test "zsh: values" {
	needs zsh
	values_are_completed in_zsh
	no_more_is_offered in_zsh
}

@test "zsh: commands complete themselves" {
	needs zsh
	commands_complete_themselves in_zsh
}

@test "zsh: lines are finished" {
	needs zsh
	lines_are_finished in_zsh
}

@test "fish: the options are the program's" {
	needs fish
	options_are_those_of_the_program in_fish
}

@test "fish: values" {
	needs fish
	values_are_completed in_fish
	no_more_is_offered in_fish
}

@test "fish: commands complete themselves" {
	needs fish
	commands_complete_themselves in_fish
}

@test "fish: lines are finished" {
	needs fish
	lines_are_finished in_fish
}

@test "what the table of options has, and cannot be read, is no completion" {
	local tree=$BATS_TEST_TMPDIR/tree table=src/cli/option_table.c

	mkdir -p "$tree/src/cli" "$tree/scripts"
	cp -r "$BATS_TEST_DIRNAME/../../scripts/completions" "$tree/scripts/"
	cd "$tree"
	COMPLETIONS=$tree
	sed 's/\.help = "report for scripts"/.help = report_for_scripts/' "$BATS_TEST_DIRNAME/../../$table" >"$table"
	run scripts/completions/generate zsh
	[ "$status" -ne 0 ]
	[[ $output == *"not understood: .name = \"json\""* ]]
	: >"$table"
	run scripts/completions/generate zsh
	[ "$status" -ne 0 ]
	[[ $output == *'no table of options'* ]]
	# add an option to the table, in an unusual layout, with text that a shell could expand
	sed '/\.name = "help"/i\
	{.name = "new", /* comment */ STRING(x),\
	 .metavar = "FILE", .help =\
		"it'\''s $(touch pwned) "\
		"`touch pwned` ] \\"here\\""},' "$BATS_TEST_DIRNAME/../../$table" >"$table"
	scripts/completions/generate bash >"$COMPLETIONS/nix-user-chroot.bash"
	for_bash ''
	same '--new' "$(in_bash 'nix-user-chroot --install --ne')"
	command -v zsh && command -v fish || skip "needs zsh and fish"
	scripts/completions/generate zsh >"$COMPLETIONS/_nix-user-chroot"
	scripts/completions/generate fish >"$COMPLETIONS/nix-user-chroot.fish"
	same '--new' "$(in_zsh 'nix-user-chroot --install --ne')"
	# fish 4 also offers options with these letters anywhere in their names
	same '--new' "$(in_fish 'nix-user-chroot --install --ne' | grep '^--ne')"
	fish --no-config -c 'source $COMPLETIONS/nix-user-chroot.fish; complete -C $argv[1]' \
		'nix-user-chroot --install --ne' | grep -F "it's \$(touch pwned) \`touch pwned\` ] \"here\""
	[ ! -e pwned ]
}

@test "make install puts them where the shells look" {
	local root=$BATS_TEST_TMPDIR/root share

	[ -f "$BUILD_DIR/Makefile" ] || skip "needs a build directory"
	make -C "$BUILD_DIR" --quiet install-data DESTDIR="$root" prefix=/usr
	share=$root/usr/share
	# the generated bytes do not depend on the directory or on the awk
	cmp "$share/bash-completion/completions/nix-user-chroot.bash" "$COMPLETIONS/nix-user-chroot.bash"
	cmp "$share/zsh/site-functions/_nix-user-chroot" "$COMPLETIONS/_nix-user-chroot"
	cmp "$share/fish/vendor_completions.d/nix-user-chroot.fish" "$COMPLETIONS/nix-user-chroot.fish"
	for_bash /usr/share/bash-completion/bash_completion
	XDG_DATA_DIRS=$share bash --noprofile --norc -c '. "$LOADER"
		_completion_loader nix-user-chroot; complete -p nix-user-chroot' | grep _nix_user_chroot
	needs zsh
	zsh -f -c 'fpath=($1 $fpath); autoload -Uz compinit; compinit -u -D
		[[ $_comps[nix-user-chroot] == _nix-user-chroot ]]' zsh "$share/zsh/site-functions"
	needs fish
	XDG_DATA_DIRS=$share fish -c 'complete -C "nix-user-chroot --unin"' | grep -e '^--uninstall'
}
