#!/usr/bin/env bats
#
# The man page and the completions that the single-file program installs into the home directory together with its
# copy. See bootstrap.bash and ../integration/install.bash.

# shellcheck disable=SC2154,SC2153 # bats sets output, status and lines, installing_suite PROGRAM
# shellcheck disable=SC2030,SC2031 # a test's variables end with it, which is what is wanted

bats_require_minimum_version 1.5.0
load ../mirror/mirror.bash
load ../integration/install.bash

setup_file()
{
	[ -n "${NIX_USER_CHROOT_SINGLE:-}" ] || skip "needs a program of --enable-single-binary"
	export NIX_USER_CHROOT=$NIX_USER_CHROOT_SINGLE
	installing_suite
	in_memory
	mirror_start "$SITE"
}

setup()
{
	new_home
	SOURCE=$(realpath "$BATS_TEST_DIRNAME/../..")
	DATA=$HOME/.local/share
	MAN=$DATA/man/man1/nix-user-chroot.1
	BASH_FILE=$DATA/bash-completion/completions/nix-user-chroot
	FISH_FILE=$HOME/.local/share/fish/vendor_completions.d/nix-user-chroot.fish
	ZSH_FILE=$DATA/zsh/site-functions/_nix-user-chroot
}

# generated SHELL: print the completions as the build generates them
generated()
{
	sh "$SOURCE/scripts/completions/generate" "$1"
}

@test "documents: --install puts them where man and the shells look, --uninstall takes them away" {
	run -0 install --nix-version "$TINY" --dry-run
	has_words "$MAN" "$BASH_FILE" "$FISH_FILE"
	[ ! -e "$MAN" ]
	run -0 install --nix-version "$TINY"
	cmp "$MAN" "$SOURCE/src/nix-user-chroot.1"
	cmp "$BASH_FILE" <(generated bash)
	cmp "$FISH_FILE" <(generated fish)
	# zsh has no such directory by default, so --install makes none
	[ ! -e "$DATA/zsh" ]
	for file in "$MAN" "$BASH_FILE" "$FISH_FILE"; do
		grep -qx "file $file $(sha256sum <"$file" | cut -d ' ' -f 1)" "$NIX/var/nix-user-chroot/record"
	done
	# man finds the page by the directory of the program on PATH
	if type -P man >/dev/null; then
		[ "$(env -u MANPATH man -w nix-user-chroot)" = "$MAN" ]
	fi
	# run again: everything is there already
	run -0 "$HOME/.local/bin/nix-user-chroot" --install
	[[ $output == *'nothing to do' ]]
	run -0 "$HOME/.local/bin/nix-user-chroot" --uninstall --yes
	has_words "$MAN" "$BASH_FILE" "$FISH_FILE"
	[ "$(find "$HOME" -mindepth 1)" = '' ]
}

@test "documents: fish completes by it" {
	type -P fish || skip "needs fish"
	run -0 install --nix-version "$TINY"
	fish -c 'complete -C "nix-user-chroot --unin"' | grep -e '^--uninstall'
}

@test "documents: bash-completion loads the file by the name of the program" {
	local framework=/usr/share/bash-completion/bash_completion

	[ -e "$framework" ] || skip "needs bash-completion"
	run -0 install --nix-version "$TINY"
	# shellcheck disable=SC2016 # bash expands it
	run -0 bash --norc -c '. "$1"
		for load in _comp_load _load_completion __load_completion; do
			! declare -F $load >/dev/null || { $load nix-user-chroot; break; }
		done
		complete -p nix-user-chroot' bash "$framework"
	has_words '-F _nix_user_chroot nix-user-chroot'
}

@test "documents: zsh's goes where the user has made a directory for such, and is found there" {
	type -P zsh || skip "needs zsh"
	mkdir -p "${ZSH_FILE%/*}"
	run -0 install --nix-version "$TINY"
	cmp "$ZSH_FILE" <(generated zsh)
	# shellcheck disable=SC2016 # zsh expands it
	run -0 zsh -f -c 'fpath=("$1" $fpath); autoload -Uz compinit; compinit -D -u; print -- $_comps[nix-user-chroot]' \
		zsh "${ZSH_FILE%/*}"
	[ "$output" = _nix-user-chroot ]
	run -0 "$HOME/.local/bin/nix-user-chroot" --uninstall --yes
	[ ! -e "$ZSH_FILE" ]
	[ -d "${ZSH_FILE%/*}" ]
}

@test "documents: what others have put there stays, at --install, again, and at --uninstall" {
	mkdir -p "${MAN%/*}" "${BASH_FILE%/*}" "${FISH_FILE%/*}"
	echo mine >"$MAN"
	ln -s /nowhere "$BASH_FILE"
	mkdir "$FISH_FILE"
	run -0 install --nix-version "$TINY"
	run -0 "$HOME/.local/bin/nix-user-chroot" --install
	[[ $output == *'nothing to do' ]]
	run -0 "$HOME/.local/bin/nix-user-chroot" --uninstall --yes
	[ "$(cat "$MAN")" = mine ]
	[ "$(readlink "$BASH_FILE")" = /nowhere ]
	[ -d "$FISH_FILE" ]
	# a file of ours that the user edited stays, too, and --uninstall names it
	rm -r "$MAN" "$BASH_FILE" "$FISH_FILE"
	run -0 install --nix-version "$TINY"
	echo '# more' >>"$FISH_FILE"
	run -0 "$HOME/.local/bin/nix-user-chroot" --uninstall --yes
	has_words "$FISH_FILE (edited since)"
	[ -e "$FISH_FILE" ]
	[ ! -e "$MAN" ]
}

@test "documents: one that is gone comes back with --install; an impossible place is a warning" {
	run -0 install --nix-version "$TINY"
	rm "$MAN"
	run -0 "$HOME/.local/bin/nix-user-chroot" --install --dry-run
	has_words 'its man page'
	run -0 "$HOME/.local/bin/nix-user-chroot" --install
	cmp "$MAN" "$SOURCE/src/nix-user-chroot.1"
	rm -r "$DATA/man"
	echo file >"$DATA/man"
	run -0 "$HOME/.local/bin/nix-user-chroot" --install
	[ "$(cat "$DATA/man")" = file ]
	[ "$(id -u)" -ne 0 ] || skip "root can write everywhere"
	rm "$DATA/man"
	mkdir -m 555 "$DATA/man"
	run -0 "$HOME/.local/bin/nix-user-chroot" --install
	has_words "cannot write $MAN" 'Permission denied'
}

@test "documents: none with --no-shims, nor where the program stays elsewhere, nor of a build of two files" {
	local two=${BUILD_DIR:-/nowhere}

	run -0 install --nix-version "$TINY" --no-shims
	[ ! -e "$MAN" ]
	mkdir "$HOME/elsewhere"
	cp "$PROGRAM" "$HOME/elsewhere/nix-user-chroot"
	PATH=$HOME/elsewhere:$PATH run -0 "$HOME/elsewhere/nix-user-chroot" --install
	[ -L "$HOME/.local/bin/nix" ]
	[ ! -e "$MAN" ]
	[ -x "$two/nix-user-chroot-install" ] || skip "needs a build of two files in BUILD_DIR"
	run -0 "$two/nix-user-chroot" --install
	[ ! -e "$MAN" ]
}

@test "documents: of a program in the directory of programs by another name" {
	mkdir -p "$HOME/programs" "$HOME/.local"
	ln -s ../programs "$HOME/.local/bin"
	cp "$PROGRAM" "$HOME/programs/nix-user-chroot"
	PROGRAM=$HOME/programs/nix-user-chroot run -0 install --nix-version "$TINY"
	[ "$(readlink "$HOME/.local/bin/nix")" = "$HOME/programs/nix-user-chroot" ]
	cmp "$MAN" "$SOURCE/src/nix-user-chroot.1"
}
