#!/usr/bin/env bats
#
# What --install puts into the bin directory: a copy of the program, and links by the names of Nix's commands; and
# which command runs when the program is called by such a name.

# shellcheck disable=SC2016 # the inner shells expand what stands in single quotes
# shellcheck disable=SC2030,SC2031 # every test has a HOME and a PATH of its own
# shellcheck disable=SC2154 # bats sets output, status and lines

bats_require_minimum_version 1.5.0
load ../mirror/mirror.bash
load install.bash

NAMES=(nix nix-build nix-channel nix-collect-garbage nix-copy-closure nix-daemon nix-env nix-hash
	nix-instantiate nix-prefetch-url nix-shell nix-store)

setup_file()
{
	installing_suite
	in_memory
	mirror_start "$SITE"
	# --install copies the single-file program, but not that of a distribution
	SINGLE=
	[ -e "$PROGRAM-install" ] || SINGLE=1
	export SINGLE
}

setup()
{
	new_home
	BIN=$HOME/.local/bin
	# the program that the links lead to
	TARGET=$PROGRAM
	[ -z "$SINGLE" ] || TARGET=$BIN/nix-user-chroot
}

tiny()
{
	install --nix-version "$TINY" "$@"
}

# in_place NAME...: check that these are links to the program
in_place()
{
	local name

	for name; do
		[ "$(readlink "$BIN/$name")" = "$TARGET" ] || {
			ls -la "$BIN"
			return 1
		}
	done
}

@test "shims: Nix's commands and the install script run without the libraries of the host" {
	local host

	host=$(dirname "$(ldd /bin/sh | sed -n 's/.*=> \(\/.*\) (.*/\1/p' | tail -n 1)")
	tiny_release "$SITE" 1.4.0 '[ -z "${LD_LIBRARY_PATH-}${LD_PRELOAD-}" ] || exit 7'
	LD_LIBRARY_PATH=$host LD_PRELOAD="$host/libc.so.6" install -q --nix-version 1.4.0
	"$PROGRAM" --uninstall --yes -q
	LD_LIBRARY_PATH=$host install -q
	run -0 env LD_LIBRARY_PATH="$host" "$BIN/nix" --version
	[[ $output == "nix (Nix) "* ]]
	# directories of Nix and of the graphics driver are kept, because they are meant for programs inside
	run -0 env LD_LIBRARY_PATH="/nix/a:$host:/run/opengl-driver/lib:" \
		"$BIN/nix-instantiate" --eval -E 'builtins.getEnv "LD_LIBRARY_PATH"'
	[ "$output" = '"/nix/a:/run/opengl-driver/lib"' ]
	run -0 env LD_LIBRARY_PATH="$host" "$PROGRAM" -- printenv LD_LIBRARY_PATH
	[ "$output" = "$host" ]
}

@test "shims: every command of Nix runs by its name, with its arguments, stdin, stdout and status" {
	run -0 install
	in_place "${NAMES[@]}"
	[ "$(stat -c %a "$BIN")" = 755 ]
	PATH=$BIN:/usr/bin:/bin
	run -0 --separate-stderr nix --version
	[ "$output" = 'nix (Nix) 2.26.3' ] && [ -z "$stderr" ]
	run -0 nix-build --version
	[ "$output" = 'nix-build (Nix) 2.26.3' ]
	# arguments that look like options of ours, an empty one, and one with blanks
	run -0 nix eval --raw --expr '"a  b"'
	[ "$output" = 'a  b' ]
	run ! nix ''
	[[ $output == *"'' is not"* ]]
	echo hello >file
	run -0 nix-store --add file
	[[ $output == /nix/store/*-file ]]
	run -1 nix-instantiate --eval --expr 'throw "up"'
	# the line of Nix's own install script in startup files also puts the profile on PATH, which does not disturb
	run -0 "$PROGRAM" -- sh -c 'command -v nix; nix --version'
	[ "${lines[-1]}" = 'nix (Nix) 2.26.3' ]
}

@test "shims: the process becomes the command: pid, and death by signal" {
	run -0 tiny
	chmod u+w "$NIX"/store/*/bin "$NIX"/store/*/bin/nix
	printf '#!/bin/sh\necho $$ "$0" "$@"\nkill -TERM $$\n' >"$(echo "$NIX"/store/*/bin/nix)"
	run -143 --separate-stderr sh -c 'echo $$; exec nix a ""'
	[ "${lines[1]}" = "${lines[0]} $HOME/.nix-profile/bin/nix a " ]
}

@test "shims: a closure goes out of one command and into another" {
	local path

	run -0 install
	PATH=$BIN:/usr/bin:/bin
	echo something >file
	path=$(nix-store --add file)
	nix-store --export "$path" >closure
	nix-store --delete "$path" >/dev/null
	# sshd starts a command with few variables, and with none of ours
	run -0 --separate-stderr env -i HOME="$HOME" PATH="$PATH" sh -c 'nix-store --import <closure'
	[ "$output" = "$path" ]
}

@test "shims: nix-copy-closure to a host whose ssh is a shell here" {
	local path

	run -0 install
	mkdir "$HOME/tools"
	# ssh [OPTION…] HOST [OPTION…] COMMAND…: run COMMAND here, with another home directory, as if on HOST
	cat >"$HOME/tools/ssh" <<'END'
#!/bin/sh
host=
while [ $# -gt 0 ]; do
	case $1 in
	-o | -i | -p | -l | -F) shift 2 ;;
	-*) shift ;;
	*) [ -z "$host" ] || break; host=$1; shift ;;
	esac
done
unset NIX_CONF_DIR NIX_USER_CHROOT_DIR
HOME=$REMOTE_HOME PATH=$REMOTE_HOME/.local/bin:/usr/bin:/bin
export HOME PATH
exec sh -c "echo started; $*"
END
	chmod +x "$HOME/tools/ssh"
	local here=$HOME there
	new_home there
	there=$HOME
	run -0 install
	HOME=$here
	export REMOTE_HOME=$there
	cd "$HOME"
	PATH=$HOME/tools:$HOME/.local/bin:/usr/bin:/bin
	echo of here >file
	path=$(nix-store --add file)
	[ ! -e "$there/.local/share$path" ]
	run -0 nix-copy-closure --to me@other "$path"
	[ "$(cat "$there/.local/share/nix/store/${path##*/}")" = 'of here' ]
}

@test "shims: a command that is not in the profile is 127, one that cannot be run 126" {
	run -0 tiny
	ln -s "$TARGET" "$BIN/hello"
	run -127 hello
	[ "${lines[0]}" = "nix-user-chroot: cannot run hello: there is no such command in your Nix profile, $HOME/.nix-profile/bin" ]
	[[ ${lines[1]} == *'nix-env -iA nixpkgs.'* ]]
	# the profile of this release contains nothing but nix
	run -127 nix-build
	[[ ${lines[1]} == *'nix-user-chroot --install repairs'* ]]
	run -0 nix
	[ "$output" = "nix (Nix) $TINY" ]
	chmod u+w "$NIX"/store/*/bin
	chmod a-x "$NIX"/store/*/bin/nix
	run -126 nix
	[[ $output == *"cannot run $HOME/.nix-profile/bin/nix inside: Permission denied"* ]]
}

@test "shims: with no store there at all, and in a profile elsewhere" {
	run -0 tiny
	NIX_USER_CHROOT_DIR=$HOME/none run -125 nix
	[[ $output == *"there is no store in $HOME/none"*'install it with: nix-user-chroot --install'* ]]
	# where use-xdg-base-directories puts the profile
	mkdir -p "$HOME/.local/state/nix"
	mv "$HOME/.nix-profile" "$HOME/.local/state/nix/profile"
	run -0 nix
	[ "$output" = "nix (Nix) $TINY" ]
	# the default profile of the store
	rm "$HOME/.local/state/nix/profile"
	ln -s tiny "$NIX/var/nix/profiles/default"
	run -0 nix
	[ "$output" = "nix (Nix) $TINY" ]
}

@test "shims: PATH is not asked, so that a shim on it makes no loop" {
	run -0 tiny
	run -0 env PATH="$BIN" /usr/bin/timeout 20 "$BIN/nix"
	[ "$output" = "nix (Nix) $TINY" ]
	rm "$HOME/.nix-profile"
	run -127 env PATH="$BIN" /usr/bin/timeout 20 "$BIN/nix"
	# a link that is called inside makes no second namespace
	ln -s /nix/var/nix/profiles/tiny "$HOME/.nix-profile"
	run -0 "$PROGRAM" -- sh -c 'readlink /proc/self/ns/mnt; PATH=$0 NIX_USER_CHROOT_VERBOSE=1 nix 2>&1' "$BIN"
	[[ $output == *'is /nix already: no second namespace'*"nix (Nix) $TINY" ]]
}

@test "shims: called as a login shell is, with a '-' in front" {
	run -0 tiny
	run -0 bash -c 'exec -a -nix "$0/nix"' "$BIN"
	[ "$output" = "nix (Nix) $TINY" ]
	run -0 bash -c 'exec -a -nix-user-chroot "$0" --version' "$PROGRAM"
	[[ $output == nix-user-chroot\ * ]]
}

@test "shims: a program whose file was renamed is itself, and a link to it is not" {
	run -0 tiny
	cp "$PROGRAM" "$HOME/nuc"
	run -0 "$HOME/nuc" --version
	[[ $output == nix-user-chroot\ * ]]
	ln -s nuc "$HOME/nothing"
	run -127 "$HOME/nothing" --version
	[[ $output == *'cannot run nothing: there is no such command'* ]]
	# a copy that is named like a command of Nix runs that command, and is not the program itself
	cp "$PROGRAM" "$HOME/nix"
	run -0 "$HOME/nix" --version
	[ "$output" = "nix (Nix) $TINY" ]
}

@test "shims: --no-shims, and its variable" {
	run -0 tiny --no-shims
	[ ! -e "$HOME/.local/bin" ]
	run ! grep -E '^(link|file .*nix-user-chroot) ' "$NIX/var/nix-user-chroot/record"
	new_home two
	NIX_USER_CHROOT_NO_SHIMS=1 run -0 tiny
	[ ! -e "$HOME/.local/bin" ]
	# --install without the option makes the links, and asks the mirror nothing
	mirror_clear_log
	BIN=$HOME/.local/bin
	[ -z "$SINGLE" ] || TARGET=$BIN/nix-user-chroot
	run -0 tiny
	in_place "${NAMES[@]}"
	[ "$(mirror_requests .)" -eq 0 ]
	[ "$(grep -c '^link ' "$NIX/var/nix-user-chroot/record")" -eq 12 ]
	[ ! -e "$NIX/var/nix-user-chroot/lock" ]
}

@test "shims: XDG_BIN_HOME; a relative one is passed over" {
	export XDG_BIN_HOME="$HOME/my bin"
	run -0 tiny
	[ -L "$XDG_BIN_HOME/nix" ] && [ ! -e "$HOME/.local/bin" ]
	run -0 "$XDG_BIN_HOME/nix"
	[ "$output" = "nix (Nix) $TINY" ]
	new_home two
	XDG_BIN_HOME=bin run -0 tiny
	[ -L "$HOME/.local/bin/nix" ] && [ ! -e bin ]
}

@test "shims: what is not ours stays, and is said once" {
	mkdir -p "$BIN"
	echo mine >"$BIN/nix"
	ln -s /usr/bin/env "$BIN/nix-shell"
	ln -s nowhere "$BIN/nix-env"
	mkdir "$BIN/nix-hash"
	run -0 tiny
	[ "$(grep -c 'which stay' <<<"$output")" -eq 1 ]
	[[ $output == *"$BIN has other files by these names, which stay: nix nix-env nix-hash nix-shell"*'move these files away'* ]]
	[ "$(cat "$BIN/nix")" = mine ]
	[ "$(readlink "$BIN/nix-shell")" = /usr/bin/env ]
	[ "$(readlink "$BIN/nix-env")" = nowhere ]
	[ -d "$BIN/nix-hash" ] && [ ! -L "$BIN/nix-hash" ]
	in_place nix-build nix-store
	run ! grep -E '^link .*/(nix|nix-env|nix-hash|nix-shell) ' "$NIX/var/nix-user-chroot/record"
	# once the other files are moved away, --install makes the links
	rm "$BIN/nix" "$BIN/nix-env"
	run -0 tiny
	in_place nix nix-env
}

@test "shims: links to where the program was before are turned" {
	mkdir -p "$BIN"
	ln -s /opt/gone/nix-user-chroot "$BIN/nix"
	ln -s "$HOME/nix-user-chroot-0.0.1-x86_64-linux" "$BIN/nix-store"
	# what an --install that was killed has left is in nobody's way
	echo half >"$BIN/.nix-user-chroot-new"
	run -0 tiny
	[[ $output != *'not ours'* && $output != *warning* ]]
	in_place "${NAMES[@]}"
	[ ! -e "$BIN/.nix-user-chroot-new" ]
	# a second --install changes nothing
	before=$(listing_with_times "$HOME")
	run -0 tiny
	diff <(echo "$before") <(listing_with_times "$HOME")
}

@test "shims: a directory that cannot be written is a warning, and Nix is installed" {
	[ "$(id -u)" -ne 0 ] || skip "nothing is read-only for root"
	mkdir -p "$BIN"
	chmod 555 "$BIN"
	run -0 tiny
	[[ $output == *"warning: cannot put the nix commands into $BIN: Permission denied"*--no-shims* ]]
	no_leftovers
	[ "$("$PROGRAM" -- nix --version)" = "nix (Nix) $TINY" ]
	chmod 755 "$BIN"
	rmdir "$BIN"
	echo >"$BIN"
	run -0 tiny --force
	[[ $output == *"warning: cannot put the nix commands into $BIN: "* ]]
	[ -f "$BIN" ]
}

@test "shims: where the directory is not on PATH the last lines say what to add" {
	PATH=/usr/bin:/bin SHELL=/bin/bash run -0 tiny --no-modify-profile
	[ "${lines[-2]}" = "  the nix commands are in $BIN, which is not on your PATH yet" ]
	[ "${lines[-1]}" = '  for new shells add this line to ~/.bashrc, and type it in this one: export PATH="$HOME/.local/bin:$PATH"' ]
	# the line that is printed works
	echo 'export PATH="$HOME/.local/bin:$PATH"' >"$HOME/.bashrc"
	run -0 env PATH=/usr/bin:/bin bash --rcfile "$HOME/.bashrc" -ic nix
	[ "${lines[-1]}" = "nix (Nix) $TINY" ]
	new_home two
	run -0 tiny
	[[ $output == *" is installed in $NIX"$'\n'* ]]
	PATH=/usr/bin:/bin SHELL=/bin/bash run -0 tiny
	[[ ${lines[-2]} == *'nothing to do' ]]
	[[ ${lines[-1]} == *' in this shell too: . "$HOME/.config/nix-user-chroot/path.sh"' ]]
}

@test "shims: a directory that is named by a variable: the last lines say that it must stay so" {
	local line

	NIX_USER_CHROOT_DIR="$HOME/its nix" SHELL=/bin/bash run -0 tiny
	[ "${lines[-2]}" = '  the nix commands need NIX_USER_CHROOT_DIR to find this Nix' ]
	line='export NIX_USER_CHROOT_DIR="$HOME/its nix"'
	[ "${lines[-1]}" = "  add this line to ~/.bashrc, unless it is there: $line" ]
	# the line that is printed works, and without it no Nix is found
	run -125 "$BIN/nix"
	echo "$line" >"$HOME/.bashrc"
	run -0 bash --rcfile "$HOME/.bashrc" -ic nix
	[ "${lines[-1]}" = "nix (Nix) $TINY" ]
	if command -v fish >/dev/null; then
		NIX_USER_CHROOT_DIR="$HOME/its nix" SHELL=/usr/bin/fish run -0 tiny --force
		run -0 fish --no-config -c "${lines[-1]#*: }; $BIN/nix"
		[ "${lines[-1]}" = "nix (Nix) $TINY" ]
	fi
}

@test "shims: by the path that the program was started by" {
	[ -z "$SINGLE" ] || skip "of the build that is not copied"
	mkdir "$HOME/opt" "$HOME/elsewhere"
	ln -s "$PROGRAM" "$HOME/opt/nix-user-chroot"
	PATH=$PATH:$HOME/opt
	run -0 nix-user-chroot --install --mirror "$MIRROR_URL" --cacert "$MIRROR_CA" --nix-version "$TINY"
	[ "$(readlink "$BIN/nix")" = "$HOME/opt/nix-user-chroot" ]
	# a program that is called by a relative path is linked by its absolute path
	cd elsewhere
	run -0 ../opt/nix-user-chroot --install --force --mirror "$MIRROR_URL" --cacert "$MIRROR_CA" \
		--nix-version "$TINY"
	[ "$(readlink "$BIN/nix")" = "$HOME/opt/nix-user-chroot" ]
}

# --- the single-file build

@test "copy: the program in one file is copied, whole, and runs when the first is gone" {
	[ -n "$SINGLE" ] || skip "of the build in one file"
	mkdir -p "$HOME/download" "$BIN"
	# what an --install that was killed has left is in nobody's way, and what it leads to stays
	echo mine >"$HOME/mine"
	ln -s "$HOME/mine" "$BIN/.nix-user-chroot-new"
	cp "$PROGRAM" "$HOME/download/nix-user-chroot-0.1.0-x86_64-linux"
	PROGRAM=$HOME/download/nix-user-chroot-0.1.0-x86_64-linux
	(umask 077 && install -q --nix-version "$TINY")
	cmp "$PROGRAM" "$BIN/nix-user-chroot"
	[ "$(stat -c %a "$BIN/nix-user-chroot")" = 755 ]
	rm -r "$HOME/download"
	in_place "${NAMES[@]}"
	run -0 nix
	[ "$output" = "nix (Nix) $TINY" ]
	[ -z "$(find "$BIN" -name '.*')" ]
	[ "$(cat "$HOME/mine")" = mine ]
}

@test "copy: a program that is found on PATH stays where it is" {
	[ -n "$SINGLE" ] || skip "of the build in one file"
	mkdir "$HOME/tools"
	cp "$PROGRAM" "$HOME/tools/nix-user-chroot"
	PROGRAM=$HOME/tools/nix-user-chroot TARGET=$HOME/tools/nix-user-chroot
	PATH=$PATH:$HOME/tools run -0 tiny
	[ ! -e "$BIN/nix-user-chroot" ]
	in_place "${NAMES[@]}"
	# a program that is in the bin directory already is not replaced
	new_home two
	BIN=$HOME/.local/bin
	mkdir -p "$BIN"
	cp "$PROGRAM" "$BIN/nix-user-chroot"
	PROGRAM=$BIN/nix-user-chroot TARGET=$BIN/nix-user-chroot
	PATH=/usr/bin:/bin run -0 tiny
	in_place "${NAMES[@]}"
	run ! grep "^file $BIN/nix-user-chroot " "$NIX/var/nix-user-chroot/record"
}

@test "copy: another program of that name stays, and is said; our own older copy is replaced" {
	[ -n "$SINGLE" ] || skip "of the build in one file"
	mkdir -p "$BIN"
	echo mine >"$BIN/nix-user-chroot"
	run -0 tiny
	[[ $output == *"$BIN/nix-user-chroot is another program than this one, and stays"*'move it away'* ]]
	[ "$(cat "$BIN/nix-user-chroot")" = mine ]
	[ ! -e "$BIN/nix" ]
	rm "$BIN/nix-user-chroot"
	run -0 tiny
	in_place "${NAMES[@]}"
	# a later release of the program, while Nix is installed already (the program is edited in place: bytes after
	# its end would count as a bundle)
	sed 's/Report bugs/Report BUGS/' "$PROGRAM" >"$HOME/newer"
	chmod 755 "$HOME/newer"
	mv "$HOME/newer" "$HOME/nix-user-chroot-newer"
	PROGRAM=$HOME/nix-user-chroot-newer
	run -0 tiny
	[[ $output == *'is installed in'* && $output != *'nothing to do'* ]]
	cmp "$PROGRAM" "$BIN/nix-user-chroot"
	grep -q "^file $BIN/nix-user-chroot $(sha256sum <"$PROGRAM" | cut -c1-64)\$" \
		"$NIX/var/nix-user-chroot/record"
}
