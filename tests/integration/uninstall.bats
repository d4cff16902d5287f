#!/usr/bin/env bats
#
# --uninstall: afterwards the home directory is byte by byte what it was before --install, and what the user has
# added or changed meanwhile is still there. If --uninstall is killed at any moment, it can be run again.
#
# NUC_CRASHES     how many times to kill: 12 by default; 300 takes a night NUC_CRASH_SEED  the random seed for the
# moments of the kills, which every failure prints

# shellcheck disable=SC2016 # the inner shells expand what stands in single quotes
# shellcheck disable=SC2030,SC2031 # every test has a HOME and NIX of its own
# shellcheck disable=SC2154 # bats sets output, status and lines

bats_require_minimum_version 1.5.0
load ../mirror/mirror.bash
load install.bash

setup_file()
{
	installing_suite
	in_memory
	# the install script of this release changes startup files in the same way as upstream's
	LINED=1.2.0
	export LINED
	tiny_release "$SITE" $LINED '
		for file in .bash_profile .bash_login .profile; do
			[ -w "$HOME/$file" ] && break
		done
		for file in "$file" .zshenv; do
			[ "$file" = .profile ] || [ -w "$HOME/$file" ] || continue
			sh=$HOME/.nix-profile/etc/profile.d/nix.sh
			! grep -q "$sh" "$HOME/$file" 2>/dev/null || continue
			printf "\nif [ -e %s ]; then . %s; fi # added by Nix installer\n" "$sh" "$sh" >>"$HOME/$file"
		done
		if [ -d "$HOME/.config/fish" ]; then
			mkdir -p "$HOME/.config/fish/conf.d"
			sh=$HOME/.nix-profile/etc/profile.d/nix.fish
			printf "\nif test -e %s; . %s; end # added by Nix installer\n" "$sh" "$sh" \
				>"$HOME/.config/fish/conf.d/nix.fish"
		fi'
	mirror_start "$SITE"
	SINGLE=
	[ -e "$PROGRAM-install" ] || SINGLE=1
	export SINGLE
}

setup()
{
	new_home
	RECORD=$NIX/var/nix-user-chroot/record
}

lined()
{
	install -q --nix-version "$LINED" "$@"
}

# shellcheck disable=SC2120 # run gives it some
uninstall()
{
	"$PROGRAM" --uninstall --yes "$@"
}

# as_before LISTING: HOME is what it was. nix_is_gone: in the runtime direct the empty /nix stays, because --install
# has not made it.
nix_is_gone()
{
	[ ! -e "$NIX" ] || [ "${TEST_RUNTIME:-}:$(ls -A "$NIX")" = direct: ]
}

as_before()
{
	diff -u <(echo "$1") <(listing "$HOME")
}

# dotfiles: make startup files of every kind, as users have them
dotfiles()
{
	mkdir -p "$HOME/.config/fish" "$HOME/dotfiles"
	printf '# no newline at the end' >"$HOME/.bash_profile"
	printf '# of mine\n\n' >"$HOME/.profile"
	printf '# in another place\n' >"$HOME/dotfiles/zshenv"
	ln -s dotfiles/zshenv "$HOME/.zshenv"
	printf 'set -x A b\n' >"$HOME/.config/fish/config.fish"
	chmod 600 "$HOME/.bash_profile"
	chmod 640 "$HOME/dotfiles/zshenv"
}

@test "uninstall: after a real Nix was used, an empty home directory is empty again" {
	local before

	before=$(listing "$HOME")
	install -q
	"$PROGRAM" -- sh -c 'nix-build --no-out-link --option substitute false -E "
		derivation { name = \"x\"; system = builtins.currentSystem; builder = \"/bin/sh\";
			args = [ \"-c\" \"echo hello > \$out\" ]; }"
		nix-channel --add https://nixos.org/channels/nixpkgs-unstable nixpkgs
		nix-env -q
		mkdir -p ~/.local/state/nix/profiles
		nix-env --profile ~/.local/state/nix/profiles/other -i "$(readlink -f ~/.nix-profile/bin/nix | cut -d/ -f1-4)"' 2>/dev/null
	[ -e "$HOME/.nix-channels" ] && [ -L "$HOME/.local/state/nix/profiles/other-1-link" ]
	run -0 uninstall
	[ "${lines[-1]}" = "nix-user-chroot: Nix is removed from $NIX" ]
	as_before "$before"
	# installing again works
	install -q --nix-version "$TINY"
	run -0 "$PROGRAM" -- nix
	run -0 uninstall
	as_before "$before"
}

@test "uninstall: the start-up files are byte by byte what they were" {
	local before

	dotfiles
	mkdir -p "$HOME/.local/bin" "$HOME/.local/state" "$HOME/.cache" "$HOME/.local/share"
	touch "$HOME/.hushlogin"
	before=$(listing "$HOME")
	lined
	[ "$(grep -rlF 'added by Nix installer' "$HOME" --include '.*' --include zshenv --include nix.fish | wc -l)" -eq 3 ]
	run -0 uninstall
	[[ $output == *"$HOME/.bash_profile: the line of the Nix installer"* ]]
	[[ $output == *"$HOME/.zshenv: the line of the Nix installer"* ]]
	as_before "$before"
	[ -L "$HOME/.zshenv" ]
}

@test "uninstall: root changes a start-up file of another user, and it stays his" {
	local before file

	[ "$(id -u)" -eq 0 ] || skip "needs root"
	dotfiles
	chown 12345:12346 "$HOME/.bash_profile" "$HOME/.profile" "$HOME/dotfiles/zshenv"
	before=$(listing "$HOME")
	lined
	for file in .bash_profile dotfiles/zshenv; do
		[ "$(stat -c %u:%g "$HOME/$file")" = 12345:12346 ]
		grep -q "added by" "$HOME/$file"
	done
	run -0 uninstall
	as_before "$before"
	[ "$(stat -c %u:%g "$HOME/.bash_profile" "$HOME/.profile" "$HOME/dotfiles/zshenv" | uniq)" = 12345:12346 ]
}

@test "uninstall: what the user wrote into those files meanwhile stays" {
	dotfiles
	lined
	echo 'later=1' >>"$HOME/.bash_profile"
	echo 'later=2' >>"$HOME/.zshenv"
	echo 'set later 3' >>"$HOME/.config/fish/conf.d/nix.fish"
	run -0 uninstall
	[ "$(cat "$HOME/.bash_profile")" = $'# no newline at the end\nlater=1' ]
	[ "$(cat "$HOME/.zshenv")" = $'# in another place\nlater=2' ]
	[ "$(cat "$HOME/.config/fish/conf.d/nix.fish")" = 'set later 3' ]
}

@test "uninstall: a nix.fish of the user's own stays, through --install too, killed or not" {
	local before fish=$HOME/.config/fish/conf.d/nix.fish version

	tiny_release "$SITE" 1.2.1 '
		: >"$HOME/.config/fish/conf.d/nix.fish"
		kill -9 "$PPID"; kill -9 $$'
	mkdir -p "${fish%/*}" "$HOME/dotfiles"
	printf '# mine\n\n\nset -x A b' >"$HOME/dotfiles/nix.fish"
	chmod 640 "$HOME/dotfiles/nix.fish"
	ln -s "$HOME/dotfiles/nix.fish" "$fish"
	before=$(listing "$HOME")
	for version in "$LINED" "$LINED" 1.2.1; do
		run install -q --force --nix-version "$version"
		[ "$status" -eq 0 ] || [ "$version" = 1.2.1 ]
		[ "$(<"$fish")" = $'# mine\n\n\nset -x A b' ]
		[ ! -e "$NIX/var/nix-user-chroot/nix.fish" ]
	done
	# killed when fish's file was emptied: --install restores it, also if it changes no such file
	cp "$fish" "$NIX/var/nix-user-chroot/nix.fish"
	: >"$fish"
	run -0 install -q --force --no-modify-profile --nix-version "$LINED"
	[ "$(<"$fish")" = $'# mine\n\n\nset -x A b' ]
	# --uninstall does, too
	cp "$fish" "$NIX/var/nix-user-chroot/nix.fish"
	: >"$fish"
	run -0 uninstall
	as_before "$before"
}

@test "uninstall: a line that was there before is not ours" {
	local before sh

	sh=$HOME/.nix-profile/etc/profile.d/nix.sh
	printf '\nif [ -e %s ]; then . %s; fi # added by Nix installer\n' "$sh" "$sh" >"$HOME/.profile"
	before=$(listing "$HOME")
	lined
	run -0 uninstall
	[[ $output == *"$HOME/.profile (a line of a Nix installer that is not ours)"* ]]
	as_before "$before"
}

@test "uninstall: what is the user's in the directory stays, and is named" {
	mkdir -p "$NIX/root/nix" "$NIX/etc/nix-user-chroot" "$NIX/var/mine"
	echo '{}' >"$NIX/trusted-settings.json"
	echo '1 + 1' >"$NIX/repl-history"
	echo mine >"$NIX/root/nix/file"
	local before name=path-config.toml
	[ "${TEST_RUNTIME:-}" != helper ] || name=of-mine
	: >"$NIX/etc/nix-user-chroot/$name"
	before=$(listing "$HOME")
	lined --no-modify-profile
	echo '# edited' >>"$NIX/etc/nix/nix.conf"
	echo mine >"$NIX/var/nix-user-chroot/mine"
	run -0 uninstall
	for name in trusted-settings.json repl-history root etc/nix-user-chroot var/mine \
		'etc/nix/nix.conf (edited since)' var/nix-user-chroot/mine; do
		grep -qxF "    $NIX/$name" <<<"$output"
	done
	[ "$(tail -n 1 "$NIX/etc/nix/nix.conf")" = '# edited' ]
	rm "$NIX/var/nix-user-chroot/mine" "$NIX/etc/nix/nix.conf"
	rmdir "$NIX/var/nix-user-chroot" "$NIX/etc/nix"
	as_before "$before"
}

@test "uninstall: a nix.conf that was there before stays" {
	mkdir -p "$NIX/etc/nix"
	echo '# mine' >"$NIX/etc/nix/nix.conf"
	local before
	before=$(listing "$HOME")
	install -q --nix-version "$TINY"
	run -0 uninstall
	[[ $output == *"$NIX/etc/nix/nix.conf"* ]]
	as_before "$before"
}

@test "uninstall: shims and copy of ours go, what took their place stays" {
	local bin=$HOME/.local/bin

	install -q --nix-version "$TINY"
	rm "$bin/nix-env" "$bin/nix-hash" "$bin/nix-shell"
	echo mine >"$bin/nix-env"
	ln -s /bin/true "$bin/nix-hash"
	ln -s nix "$bin/another"
	if [ -n "$SINGLE" ]; then
		[ -x "$bin/nix-user-chroot" ]
		echo mine >"$bin/nix-user-chroot"
	fi
	run -0 uninstall
	[[ $output == *"$bin: the links nix nix-build nix-channel "* ]]
	[[ $output == *"$bin/nix-env (not ours any more)"* ]]
	[ -z "$SINGLE" ] || [[ $output == *"$bin/nix-user-chroot (another program than --install put there)"* ]]
	[ "$(find "$bin" -mindepth 1 -printf '%f\n' | sort | tr '\n' ' ')" = \
		"another nix-env nix-hash ${SINGLE:+nix-user-chroot }" ]
}

@test "uninstall: what ci-bootstrap has written goes with it, what another has stays" {
	not_in direct "there is one Nix directory, /nix"
	local before bootstrap=$BATS_TEST_DIRNAME/../../scripts/ci-bootstrap config

	before=$(listing "$HOME")
	mkdir "$BATS_TEST_TMPDIR/bin"
	ln -s "$PROGRAM" "$BATS_TEST_TMPDIR/bin/nix-user-chroot"
	export NIX_USER_CHROOT_MIRROR=$MIRROR_URL NIX_USER_CHROOT_CACERT=$MIRROR_CA
	PATH=$BATS_TEST_TMPDIR/bin:$PATH "$bootstrap" --nix-version "$TINY"
	[ -e "$HOME/.config/nix-user-chroot/env.sh" ]
	run -0 uninstall
	[[ $output == *"  $HOME/.config/nix-user-chroot/env.sh"* ]]
	as_before "$before"

	# the files of ci-bootstrap where XDG_CONFIG_HOME is set, with a token, for another Nix directory
	export XDG_CONFIG_HOME=$HOME/etc NIX_USER_CHROOT_DIR="$HOME/its nix"
	config=$XDG_CONFIG_HOME/nix-user-chroot
	mkdir "$XDG_CONFIG_HOME"
	before=$(listing "$HOME")
	PATH=$BATS_TEST_TMPDIR/bin:$PATH NIX_USER_CHROOT_ACCESS_TOKEN=token1 \
		"$bootstrap" --nix-version "$TINY"
	# three files: with the one that puts the commands on PATH
	[ "$(find "$config" -type f | wc -l)" -eq 3 ]
	run -0 uninstall
	as_before "$before"

	# files of ci-bootstrap for one Nix directory stay when another is uninstalled, and so do the user's files
	PATH=$BATS_TEST_TMPDIR/bin:$PATH NIX_USER_CHROOT_ACCESS_TOKEN=token1 \
		"$bootstrap" --nix-version "$TINY"
	unset NIX_USER_CHROOT_DIR
	install -q --nix-version "$TINY"
	echo '# mine' >"$config/env.sh"
	run -0 uninstall
	[[ $output == *"$config/env.sh (not of ci-bootstrap for this directory)"* ]]
	[[ $output == *"$config/access-tokens.conf (not of ci-bootstrap for this directory)"* ]]
	[ "$(cat "$config/env.sh")" = '# mine' ]
	[ "$(tail -n 1 "$config/access-tokens.conf")" = 'access-tokens = github.com=token1' ]
	NIX_USER_CHROOT_DIR="$HOME/its nix" run -0 uninstall
	[ "$(ls "$config")" = env.sh ]
}

@test "uninstall: links in the home directory that lead elsewhere stay" {
	mkdir -p "$HOME/.local/state/nix/profiles" "$HOME/.nix-defexpr" "$HOME/other"
	ln -s "$HOME/other" "$HOME/.local/state/nix/profiles/mine"
	ln -s "$HOME/nowhere" "$HOME/.local/state/nix/profiles/nowhere"
	echo '{ }' >"$HOME/.nix-defexpr/mine.nix"
	echo 'https://example.org/channel mine' >"$HOME/.nix-channels"
	local before
	before=$(listing "$HOME")
	install -q --nix-version "$TINY"
	run -0 uninstall
	[[ $output == *"$HOME/.local/state/nix/profiles/mine (does not lead into this store)"* ]]
	[[ $output == *"$HOME/.nix-channels (was there before)"* ]]
	as_before "$before"

	# a profile of another store, and a file that all stores share
	install -q --nix-version "$TINY"
	ln -sfn /nix/store/00000000000000000000000000000000-other "$HOME/.nix-profile"
	rm "$HOME/.nix-channels"
	echo later >"$HOME/.nix-channels"
	run -0 uninstall
	[[ $output == *"$HOME/.nix-profile (does not lead into this store)"* ]]
	[[ $output == *"$HOME/.nix-channels (another Nix uses it)"* ]]
	[ -L "$HOME/.nix-profile" ] && [ -e "$HOME/.nix-channels" ]
	nix_is_gone
}

@test "uninstall: a profile link that leads somewhere on the host stays, though our store has that path too" {
	not_in direct "there is one Nix directory, /nix"
	local host=$BATS_TEST_TMPDIR/host target

	install -q --nix-version "$TINY"
	# the host has a Nix of its own, of the same version
	mkdir -p "$host/var/nix"
	cp -a "$NIX/store" "$host/"
	cp -a "$NIX/var/nix/profiles" "$host/var/nix/"
	target=$(readlink "$HOME/.nix-profile")
	"$PROGRAM" "$host" sh -c '[ -x ~/.nix-profile/bin/nix ]'
	run -0 "$PROGRAM" "$host" "$PROGRAM" --uninstall --yes
	[[ $output == *"$HOME/.nix-profile (does not lead into this store)"* ]]
	[ "$(readlink "$HOME/.nix-profile")" = "$target" ]
	[ ! -e "$NIX" ]
}

@test "uninstall: a generation that leads to another store, which is not there, stays; so does a link for nix.conf" {
	local profiles=$HOME/.local/state/nix/profiles name

	install -q --nix-version "$TINY"
	mkdir -p "$profiles"
	ln -s /nix/store/00000000000000000000000000000000-other "$profiles/other-1-link"
	ln -s other-1-link "$profiles/other"
	# links to what is gone, which are no links to a generation of their own
	ln -s profile-9-link "$profiles/mine"
	ln -s x/gone-link "$profiles/x"
	ln -s y-gone "$profiles/y"
	# a link to a file with the same bytes elsewhere
	mv "$NIX/etc/nix/nix.conf" "$HOME/nix.conf"
	ln -s "$HOME/nix.conf" "$NIX/etc/nix/nix.conf"
	run -0 uninstall
	[[ $output == *"$profiles/other-1-link (does not lead into this store)"* ]]
	for name in other mine x y; do
		[[ $output == *"$profiles/$name (does not lead into this store)"* ]]
		[ -L "$profiles/$name" ]
	done
	[[ $output == *"$NIX/etc/nix/nix.conf (edited since)"* ]]
	[ "$(readlink "$profiles/other")" = other-1-link ] && [ -L "$profiles/other-1-link" ]
	[ "$(readlink "$NIX/etc/nix/nix.conf")" = "$HOME/nix.conf" ] && [ -s "$HOME/nix.conf" ]
}

@test "uninstall: a profile link that was turned to another store, which is not there, stays; if ours is gone, it goes" {
	install -q --nix-version "$TINY"
	ln -sfn /nix/store/00000000000000000000000000000000-other "$HOME/.nix-profile"
	run -0 uninstall
	[[ $output == *"$HOME/.nix-profile (does not lead into this store)"* ]]
	[ "$(readlink "$HOME/.nix-profile")" = /nix/store/00000000000000000000000000000000-other ]
	# somebody has emptied the store: what led into it is no other store's
	rm "$HOME/.nix-profile"
	install -q --nix-version "$TINY"
	chmod -R u+w "$NIX/store"
	rm -r "$NIX"/store/*
	run -0 uninstall
	[ ! -L "$HOME/.nix-profile" ]
}

@test "uninstall: links to generations that are gone go as well" {
	local before

	before=$(listing "$HOME")
	install -q --nix-version "$TINY"
	mkdir -p "$HOME/.local/state/nix/profiles"
	ln -s profile-1-link "$HOME/.local/state/nix/profiles/profile"
	run -0 uninstall
	as_before "$before"
	install -q --nix-version "$TINY"
	ln -sfn /nix/var/nix/profiles/gone "$HOME/.nix-profile"
	run -0 uninstall
	as_before "$before"
}

@test "uninstall: a profile link that works outside as well, where the host has a /nix of its own, stays" {
	local host=$HOME/host

	not_in direct "where /nix is the Nix directory, the host has no other"
	mkdir -p "$host/var"
	install -q --nix-version "$TINY"
	cp -a "$NIX/store" "$host/"
	cp -a "$NIX/var/nix" "$host/var/"
	run -0 "$PROGRAM" "$host" "$PROGRAM" --uninstall --yes
	[[ $output == *"$HOME/.nix-profile (does not lead into this store)"* ]]
	[ -L "$HOME/.nix-profile" ]
	[ ! -e "$NIX" ]
}

@test "uninstall: what a copy, an update or any other write that was killed has left" {
	local before bin=$HOME/.local/bin file

	before=$(listing "$HOME")
	install -q --nix-version "$TINY"
	echo half >"$bin/.nix-user-chroot-new"
	ln -s nowhere "$bin/nix-user-chroot.new"
	mkdir -p "$NIX/var/nix-user-chroot/staging/nix-x/store"
	for file in etc/nix/nix.conf.new \
		var/nix-user-chroot/{record.new,nix.fish.new,proot.new,x.part,x.part.state,staging/nix-x/store/half}; do
		echo half >"$NIX/$file"
	done
	run -0 uninstall
	[[ $output != *'left as it is'* ]]
	as_before "$before"
}

@test "uninstall: a file that is edited while it asks" {
	local before

	install -q --nix-version "$TINY"
	MEANWHILE="echo '# mine' >>'$NIX/etc/nix/nix.conf'" run -125 in_terminal $'y\n' "$PROGRAM" --uninstall
	[[ $output == *"[y/N] "*"what is there has changed since you were asked: nothing was removed"* ]]
	[ "$(tail -n 1 "$NIX/etc/nix/nix.conf")" = '# mine' ]
	[ -e "$RECORD" ] && [ -d "$NIX/store" ]
	# a second --uninstall keeps the file, too
	run -0 uninstall
	[[ $output == *"$NIX/etc/nix/nix.conf (edited since)"* ]]
	[ "$(tail -n 1 "$NIX/etc/nix/nix.conf")" = '# mine' ]
}

@test "uninstall: nothing is asked for without a terminal: --yes, or refused" {
	local before

	install -q --nix-version "$TINY"
	before=$(listing_with_times "$HOME")
	run -125 "$PROGRAM" --uninstall
	[[ $output == *"to be removed:"*"$NIX/store (1 store path)"*'nothing was removed: there is no terminal'*'--uninstall --yes'* ]]
	diff <(echo "$before") <(listing_with_times "$HOME")
	run -125 "$PROGRAM" --uninstall <<<yes
	diff <(echo "$before") <(listing_with_times "$HOME")
	run -0 --separate-stderr uninstall -q
	[ -z "$output$stderr" ]
	nix_is_gone
}

# in_terminal ANSWER COMMAND...: run COMMAND at a terminal. When it asks, run the command of MEANWHILE, then type
# ANSWER. Prints what the terminal shows.
in_terminal()
{
	timeout 60 /usr/bin/python3 - "$@" 3>&- <<'END'
import os, pty, sys
pid, terminal = pty.fork()
if pid == 0:
    os.execvp(sys.argv[2], sys.argv[2:])
seen, answer = b"", sys.argv[1].encode()
while True:
    try:
        data = os.read(terminal, 4096)
    except OSError:
        break
    if not data:
        break
    seen += data
    if answer and seen.endswith(b"[y/N] "):
        assert os.system(os.environ.get("MEANWHILE", ":")) == 0
        os.write(terminal, answer)
        answer = b""
os.write(1, seen.replace(b"\r\n", b"\n"))
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
END
}

@test "uninstall: at a terminal it asks" {
	local before answer

	install -q --nix-version "$TINY"
	before=$(listing "$HOME")
	for answer in $'\n' $'n\n' $'yesterday\n' $'\x04'; do
		run -125 in_terminal "$answer" "$PROGRAM" -q --uninstall
		[[ $output == *"$NIX/store"*'Remove all this? [y/N]'*'nothing was removed'* ]]
		as_before "$before"
	done
	for answer in $'y\n' $'Yes\n'; do
		install -q --nix-version "$TINY"
		run -0 in_terminal "$answer" "$PROGRAM" --uninstall
		[[ $output == *'Remove all this? [y/N]'*"Nix is removed from $NIX"* ]]
		nix_is_gone
	done
}

# --- what is not to be removed

@test "refused: where nothing is installed, and a directory that is something else" {
	run uninstall
	refused "no Nix in $NIX" NIX_USER_CHROOT_DIR
	not_in direct "there is one Nix directory, /nix"
	mkdir -p "$HOME/mine/var/nix" "$HOME/mine/etc"
	echo mine >"$HOME/mine/var/nix/file"
	local before
	before=$(listing "$HOME")
	NIX_USER_CHROOT_DIR=$HOME/mine run uninstall
	refused "no Nix in $HOME/mine"
	NIX_USER_CHROOT_DIR=$HOME/mine run uninstall --force
	refused "no Nix in $HOME/mine"
	NIX_USER_CHROOT_DIR=$HOME/mine/var/nix/file run uninstall
	refused "$HOME/mine/var/nix/file"
	NIX_USER_CHROOT_DIR=/ run uninstall --force
	refused 'no Nix in /'
	as_before "$before"
	HOME='' run uninstall
	refused HOME
}

@test "refused: a store that was made by other means, unless with --force" {
	mkdir -p "$NIX/store/00000000000000000000000000000000-x" "$NIX/var/nix/db"
	echo mine >"$NIX/store/00000000000000000000000000000000-x/file"
	local before
	before=$(listing "$HOME")
	run uninstall
	refused "$NIX holds a Nix store that was made by other means" --force
	NIX_USER_CHROOT_FORCE=1 run uninstall
	refused --force
	not_in direct "--install adds to no /nix of others"
	# --install that adds to such a store does not make it ours
	install -q --nix-version "$TINY" --force
	run uninstall
	refused 'made by other means before --install added to it' --force
	[ -e "$NIX/store/00000000000000000000000000000000-x/file" ]
	run -0 uninstall --force
	[ ! -e "$NIX/store" ] && [ ! -e "$NIX/var/nix" ] && [ ! -e "$HOME/.local/bin" ]
}

@test "refused: from inside" {
	not_in direct "inside is outside"
	install -q --nix-version "$TINY"
	run "$PROGRAM" -- "$PROGRAM" --uninstall --yes
	refused 'this shell is inside' 'outside'
	run -0 "$PROGRAM" -- nix
}

# in_mount_namespace SCRIPT: run SCRIPT where it may mount, and where the host does not see the mounts
in_mount_namespace()
{
	local as=(unshare --mount)

	[ "$(id -u)" -eq 0 ] || as=(unshare --user --map-root-user --mount)
	"${as[@]}" true 2>/dev/null || skip "needs a host that lets users make namespaces"
	run "${as[@]}" --propagation private bash -c "$1"
}

@test "never over a mount: refused before anything is removed" {
	mkdir "$HOME/mine"
	echo mine >"$HOME/mine/file"
	install -q --nix-version "$TINY"
	mkdir "$NIX/store/mounted" "$NIX/var/nix/two words"
	local before place
	before=$(listing "$HOME")
	for place in store/mounted 'var/nix/two words'; do
		export PLACE=$NIX/$place
		in_mount_namespace 'mount --bind "$HOME/mine" "$PLACE" && "$PROGRAM" --uninstall --yes'
		refused "$PLACE is a mount point in $NIX: nothing was removed" unmount
		as_before "$before"
	done
}

@test "never over a mount: one that comes while it asks" {
	mkdir "$HOME/mine"
	echo mine >"$HOME/mine/file"
	install -q --nix-version "$TINY"
	mkdir "$NIX/store/mounted"
	local before
	before=$(listing "$HOME")
	export PLACE=$NIX/store/mounted MEANWHILE='mount --bind "$HOME/mine" "$PLACE"'
	export -f in_terminal
	in_mount_namespace "in_terminal $'y\\n' \"\$PROGRAM\" --uninstall"
	[ "$status" -eq 125 ]
	[[ $output == *"[y/N] "*"$PLACE is a mount point in $NIX: nothing was removed"* ]]
	as_before "$before"
}

@test "never through a link: the store, var and what is in them" {
	not_in direct "the /nix of these tests is a mount, from which the store cannot be moved"
	mkdir -p "$HOME/mine/nix" "$HOME/elsewhere"
	echo mine >"$HOME/mine/nix/file"
	install -q --nix-version "$TINY"
	chmod u+w "$NIX"/store/*/share
	ln -s "$HOME/mine" "$(echo "$NIX"/store/*/share)/link"
	ln -s "$HOME/mine" "$NIX/var/nix/link"
	ln -s "$HOME/mine" "$NIX/var/log"
	mv "$NIX/store" "$HOME/elsewhere/"
	ln -s "$HOME/elsewhere/store" "$NIX/store"
	run -0 uninstall
	[[ $output == *"$NIX/store (a link)"* ]]
	[ "$(cat "$HOME/mine/nix/file")" = mine ]
	[ -f "$(echo "$HOME"/elsewhere/store/*/share/data)" ]
	[ -L "$NIX/var/log" ] && [ -L "$NIX/store" ]
	[ ! -e "$NIX/var/nix" ]
}

@test "a directory that is reached through a link: the link is the user's" {
	mkdir -p "$HOME/scratch/nix" "$HOME/.local/share"
	ln -s "$HOME/scratch/nix" "$NIX"
	local before
	before=$(listing "$HOME")
	lined
	run -0 uninstall
	as_before "$before"
}

@test "without openat2, as on old kernels and in old containers" {
	local before refuse=${BUILD_DIR:-$BATS_TEST_DIRNAME/../..}/tests/refuse

	[ -x "$refuse" ] || skip "needs tests/refuse: make test-programs"
	mkdir "$HOME/mine"
	before=$(listing "$HOME")
	install -q --nix-version "$TINY"
	run -0 "$refuse" openat2 -- "$PROGRAM" --uninstall --yes
	as_before "$before"
	install -q --nix-version "$TINY"
	run -0 "$refuse" openat2=38 -- "$PROGRAM" --uninstall --yes
	as_before "$before"
	if [ -x "${BUILD_DIR:-}/tests/unit/util/test_fs_remove" ]; then
		run -0 "$refuse" openat2 -- "$BUILD_DIR/tests/unit/util/test_fs_remove"
	fi
}

# --- interrupted

@test "an installation that was broken off before its record is complete can be uninstalled" {
	local before

	dotfiles
	before=$(listing "$HOME")
	tiny_release "$BATS_TEST_TMPDIR/broken" 9.9.9 'exit 3'
	run -125 "$PROGRAM" --install --mirror "$BATS_TEST_TMPDIR/broken" --nix-version 9.9.9
	[ ! -e "$RECORD" ] && [ -e "$NIX/store" ]
	run -0 uninstall
	as_before "$before"
}

@test "a rerun of an installation that was broken off knows what was there at first" {
	local before

	dotfiles
	before=$(listing "$HOME")
	tiny_release "$BATS_TEST_TMPDIR/broken" 1.2.0 'exit 3'
	run -125 "$PROGRAM" --install --mirror "$BATS_TEST_TMPDIR/broken" --nix-version 1.2.0
	lined
	run -0 uninstall
	as_before "$before"
}

@test "what cannot be removed is said, and the rest can be when it can be" {
	[ "$(id -u)" -ne 0 ] || skip "nothing is read-only for root"
	local before

	mkdir -p "$HOME/.local/bin"
	before=$(listing "$HOME")
	install -q --nix-version "$TINY"
	chmod 555 "$HOME/.local/bin"
	run -125 uninstall
	[[ $output == *"cannot remove $HOME/.local/bin/nix: Permission denied"*'--uninstall again'* ]]
	[ -e "$RECORD" ] && [ ! -e "$NIX/store" ]
	chmod 755 "$HOME/.local/bin"
	run -0 uninstall
	as_before "$before"
}

@test "an --install that goes on meanwhile is waited for" {
	tiny_release "$BATS_TEST_TMPDIR/slow" 9.9.9 ': >"$HOME/started"; read -r line <"$HOME/go"'
	mkfifo "$HOME/go"
	local before installing
	before=$(listing "$HOME")
	"$PROGRAM" --install --mirror "$BATS_TEST_TMPDIR/slow" --nix-version 9.9.9 >said 2>&1 3>&- &
	installing=$!
	wait_until 20 test -e "$HOME/started"
	uninstall >said-too 2>&1 3>&- &
	wait_until 20 grep -q waiting said-too
	timeout 20 sh -c 'echo go >"$HOME/go"'
	wait "$installing"
	wait $!
	grep -q 'Nix is removed' said-too
	rm said said-too started
	as_before "$before"
}

# milliseconds COMMAND...: print how long COMMAND takes
milliseconds()
{
	local begin=${EPOCHREALTIME/./}

	"$@" >&2 3>&-
	echo $(((${EPOCHREALTIME/./} - begin) / 1000))
}

# fill: add some thousand read-only files, so that --uninstall takes long enough to be killed
fill()
{
	/usr/bin/python3 - "$NIX/store" <<'END'
import os, sys
for i in range(150):
    path = f"{sys.argv[1]}/{i:032d}-x/share"
    os.makedirs(path)
    for j in range(60):
        os.close(os.open(f"{path}/{j}", os.O_CREAT, 0o444))
    os.chmod(path, 0o555)
    os.chmod(os.path.dirname(path), 0o555)
END
}

# files DIR: list DIR without directories: if --uninstall was killed at its last steps, empty directories may be left
files()
{
	listing "$1" | grep -v '^[^ ]* d '
}

@test "killed at any instant: a rerun finishes" {
	local before seed=${NUC_CRASH_SEED:-$EPOCHSECONDS} n=0 whole victim instant again

	RANDOM=$seed
	dotfiles
	before=$(listing "$HOME")
	lined
	fill
	whole=$(milliseconds uninstall)
	while [ "$n" -lt "${NUC_CRASHES:-12}" ]; do
		n=$((n + 1))
		instant=$((RANDOM % (whole + whole / 8 + 2)))
		echo "crash $n of seed $seed, after $instant ms of $whole"
		lined
		fill
		"$PROGRAM" --uninstall --yes >/dev/null 2>&1 3>&- &
		victim=$!
		sleep "$(printf '%d.%03d' $((instant / 1000)) $((instant % 1000)))"
		kill -KILL "$victim" 2>/dev/null || true
		wait "$victim" || true
		again=0
		nix_is_gone || uninstall >said-again 2>&1 || again=$?
		if [ "$again" -eq 125 ] && grep -q 'nothing to remove' said-again; then
			rm said-again
			diff -u <(echo "$before" | grep -v '^[^ ]* d ') <(files "$HOME")
			[ ! -e "$HOME/.local" ] || find "$HOME/.local" -type d -empty -delete
			continue
		fi
		cat said-again 2>/dev/null || true
		rm -f said-again
		[ "$again" -eq 0 ]
		# killed when only some empty directories were left to remove
		! nix_is_gone || rmdir "$HOME/.local/share" "$HOME/.local" 2>/dev/null || true
		as_before "$before"
	done
}

@test "uninstall: in Nix's cache directory only what Nix is known to make" {
	local cache=$HOME/.cache/nix

	lined
	mkdir -p "$cache/mine" "$cache/gitv3" "$cache/eval-cache-v5" "$cache/fetcher-locks" "$cache/hg" \
		"$cache/tarballs" "$cache/tarball-cache" "$HOME/.cache/nix-user-chroot"
	touch "$cache/mine/x" "$cache/hgrc" "$cache/tarballs-of-mine" "$HOME/.cache/nix-user-chroot/x.part"
	touch "$cache/fetcher-cache-v3.sqlite" "$cache/binary-cache-v6.sqlite" "$cache/flake-registry.json" \
		"$cache"/{eval-cache-v5,fetcher-locks,gitv3,hg,tarballs,tarball-cache}/file
	run -0 uninstall
	[[ $output == *"$cache/mine (not known to be of Nix)"* ]]
	# this program has no cache of its own, so a directory of that name is not its own either
	[ "$(cd "$HOME" && find .cache ! -type d | sort | tr '\n' ' ')" = ".cache/nix-user-chroot/x.part \
.cache/nix/hgrc .cache/nix/mine/x .cache/nix/tarballs-of-mine " ]
	[ "$(ls -A "$cache")" = $'hgrc\nmine\ntarballs-of-mine' ]
}

@test "uninstall: downloads that were broken off go with the Nix directory" {
	lined
	touch "$NIX/var/nix-user-chroot/nix-9.9.9-$SYSTEM.tar.xz.part" \
		"$NIX/var/nix-user-chroot/nix-9.9.9-$SYSTEM.tar.xz.part.state" \
		"$NIX/var/nix-user-chroot/other.partial"
	run -0 uninstall
	[[ $output == *"left as it is:"*"$NIX/var/nix-user-chroot/other.partial"* ]]
	[ "$(ls "$NIX/var/nix-user-chroot")" = other.partial ]
}

@test "uninstall: a cache directory that is the Nix directory itself" {
	not_in direct "there is one Nix directory, /nix"
	lined
	rm -rf "$HOME/.cache"
	NIX_USER_CHROOT_DIR=$HOME/.cache/nix lined
	touch "$HOME/.cache/nix/thesis.tex"
	NIX_USER_CHROOT_DIR=$HOME/.cache/nix run -0 uninstall
	[[ $output == *"left as it is:"*thesis.tex* ]]
	[ -e "$HOME/.cache/nix/thesis.tex" ]
}

@test "uninstall: by the copy itself, which goes last: broken off, it can be run again" {
	local count

	[ -n "$SINGLE" ] || skip "of the build in one file"
	command -v strace >/dev/null || skip "no strace"
	copy=$HOME/.local/bin/nix-user-chroot
	for ((count = 3; count < 200; count += 12)); do
		lined
		[ -x "$copy" ]
		strace -f -qq -o /dev/null -e trace=unlinkat -e inject=unlinkat:signal=KILL:when=$count \
			"$copy" --uninstall --yes >/dev/null 2>&1 3>&- || true
		[ -e "$RECORD" ] || break
		[ -x "$copy" ] || { echo "killed at $count: the copy is gone, and the record is there"; return 1; }
		"$copy" --uninstall --yes -q
		[ ! -e "$NIX" ] && [ ! -e "$copy" ]
	done
	[ "$count" -gt 15 ]
}

@test "uninstall: what cannot be removed keeps the copy, which says so" {
	[ -n "$SINGLE" ] || skip "of the build in one file"
	[ "$(id -u)" -ne 0 ] || skip "nothing is forbidden to root"
	lined
	chmod 555 "$NIX/var"
	run "$HOME/.local/bin/nix-user-chroot" --uninstall --yes
	[ "$status" -eq 125 ]
	[ -x "$HOME/.local/bin/nix-user-chroot" ] && [ -e "$RECORD" ]
	chmod 755 "$NIX/var"
	run -0 "$HOME/.local/bin/nix-user-chroot" --uninstall --yes
	[ ! -e "$HOME/.local/bin/nix-user-chroot" ]
}

@test "uninstall: HOME written in another way, and by way of a link" {
	local before real=$HOME way

	ln -s "$real" "$real-link"
	dotfiles
	for way in "$real/" "$real//" "$real-link"; do
		before=$(listing "$real")
		HOME=$real/ lined
		HOME=$way run -0 uninstall
		[[ $output != *'not ours'* ]]
		HOME=$real as_before "$before"
	done
	rm "$real-link"
}

@test "shims: a link to another's program that begins with our name is not ours" {
	mkdir -p "$HOME/.local/bin" "$HOME/w"
	printf '#!/bin/sh\necho mine\n' >"$HOME/w/nix-user-chroot-wrapper.sh"
	chmod +x "$HOME/w/nix-user-chroot-wrapper.sh"
	ln -s "$HOME/w/nix-user-chroot-wrapper.sh" "$HOME/.local/bin/nix"
	run -0 lined
	[[ $output == *'other files by these names'* || -z $output ]]
	[ "$(readlink "$HOME/.local/bin/nix")" = "$HOME/w/nix-user-chroot-wrapper.sh" ]
	run -0 uninstall
	[ "$(readlink "$HOME/.local/bin/nix")" = "$HOME/w/nix-user-chroot-wrapper.sh" ]
}

@test "dry run: links that are not there yet are said also where Nix is installed" {
	lined --no-shims
	run -0 --separate-stderr install --dry-run
	[[ $output == *'would be put in place'* ]]
	lined
	run -0 --separate-stderr install --dry-run
	[ "$output" = 'nothing would be done' ]
}
