#!/usr/bin/env bats
#
# Reasons why --install could not succeed: it must find each before it downloads or changes anything. And parts of
# the caller's environment and store that must not disturb it.

# shellcheck disable=SC2016 # the inner shells expand what stands in single quotes
# shellcheck disable=SC2030,SC2031 # every test has a HOME and NIX of its own
# shellcheck disable=SC2154 # bats sets output, status and lines

bats_require_minimum_version 1.5.0
load ../mirror/mirror.bash
load install.bash

setup()
{
	new_home
	mirror_clear_log
}

# skip as root, whose profile is in /nix/var/nix/profiles
require_user()
{
	[ "$(id -u)" -ne 0 ] || skip "needs to be somebody else than root"
}

tiny()
{
	install --nix-version "$TINY" "$@"
}

@test "a host without user namespaces: the reason, and no download" {
	NIX_USER_CHROOT_RUNTIME=userns refused_early "max_user_namespaces" -- unshare -Ur sh -c \
		'echo 0 >/proc/sys/user/max_user_namespaces && exec "$@"' sh \
		"$PROGRAM" --install --mirror "$MIRROR_URL" --cacert "$MIRROR_CA" --nix-version "$TINY"
}

@test "Nix is installed, and this host refuses to enter it: no \"nothing to do\"" {
	tiny
	mirror_clear_log
	NIX_USER_CHROOT_RUNTIME=userns refused_early "Nix in $NIX cannot be used on this host" \
		"it refuses unshare: No space" "max_user_namespaces" -- unshare -Ur sh -c \
		'echo 0 >/proc/sys/user/max_user_namespaces && exec "$@"' sh "$PROGRAM" --install
	NIX_USER_CHROOT_RUNTIME=userns refused_early "it refuses unshare: killed by signal 31" "seccomp" -- \
		"$(realpath "$BUILD_DIR")/tests/refuse" unshare=kill -- "$PROGRAM" --install
}

@test "a store in ~/.nix: that a new one is made, and how that one is used" {
	mkdir -p "$HOME/.nix/store"
	run -0 tiny
	[[ $output == *"there is a Nix store in $HOME/.nix, and a new one is made in $NIX"*"NIX_USER_CHROOT_DIR=$HOME/.nix"* ]]
	run -0 "$PROGRAM" --uninstall --yes
	[ -d "$HOME/.nix/store" ]
}

@test "a HOME that belongs to another" {
	if [ "$(id -u)" -eq 0 ]; then
		chown 54321 "$HOME"
		refused_early "HOME is $HOME" "belongs to user 54321" "sudo -H" -- tiny
	else
		refused_early "HOME is /" "belongs to user $(stat -c %u /)" -- env HOME=/ "$PROGRAM" --install \
			--mirror "$MIRROR_URL" --cacert "$MIRROR_CA" --nix-version "$TINY"
	fi
}

@test "a Nix directory where no program can be run" {
	[ -w /dev/shm ] || skip "needs a /dev/shm"
	mkdir "$HOME/noexec"
	refused_early "noexec" NIX_USER_CHROOT_DIR -- unshare -Urm sh -c '
		mount -t tmpfs -o noexec none "$HOME/noexec" && NIX_USER_CHROOT_DIR=$HOME/noexec/nix exec "$@"' \
		sh "$PROGRAM" --install --mirror "$MIRROR_URL" --cacert "$MIRROR_CA" --nix-version "$TINY"
}

@test "a store that is a symlink" {
	mkdir -p "$NIX" "$HOME/elsewhere"
	ln -s "$HOME/elsewhere" "$NIX/store"
	refused_early "$NIX/store is a symlink" NIX_USER_CHROOT_DIR -- tiny
}

@test "a profile of the host's own Nix is not taken over, unless --force says so" {
	require_user
	# a namespace of the test has a /nix that is the host's own
	mkdir -p "$HOME/.local/state/nix/profiles" "$HOME/host/store/profile-of-the-host"
	ln -s profile-7-link "$HOME/.local/state/nix/profiles/profile"
	ln -s /nix/store/profile-of-the-host "$HOME/.local/state/nix/profiles/profile-7-link"
	refused_early "in use by this host's own Nix" "/nix/store/profile-of-the-host" --force -- \
		"$PROGRAM" "$HOME/host" \
		"$PROGRAM" --install --mirror "$MIRROR_URL" --cacert "$MIRROR_CA" --nix-version "$TINY"
	run -0 "$PROGRAM" "$HOME/host" "$PROGRAM" --install --force --mirror "$MIRROR_URL" \
		--cacert "$MIRROR_CA" --nix-version "$TINY"
	[[ $output == *"/nix/store/profile-of-the-host"*"it stays, and Nix gets another one here"* ]]
}

@test "a profile whose store is gone stays, with a word" {
	require_user
	mkdir -p "$HOME/.local/state/nix/profiles"
	ln -s profile-7-link "$HOME/.local/state/nix/profiles/profile"
	ln -s /nix/store/long-gone "$HOME/.local/state/nix/profiles/profile-7-link"
	run -0 tiny
	[[ $output == *"/nix/store/long-gone"*"it stays, and Nix gets another one here"* ]]
	[ "$(readlink "$HOME/.local/state/nix/profiles/profile")" = profile-7-link ]
}

@test "the environment of a host's Nix does not come in the way" {
	mkdir "$HOME/conf"
	echo 'build-users-group = no-such-group' >"$HOME/conf/nix.conf"
	NIX_CONF_DIR=$HOME/conf NIX_REMOTE=daemon NIX_STORE_DIR=/no/store NIX_STATE_DIR=/no/state \
		NIX_PROFILE=/no/profile install
	[[ $("$PROGRAM" -- nix --version) == "nix (Nix) "* ]]
	clean_store
}

@test "a HOME with a colon works; one with a newline is refused before anything is changed" {
	local home=$HOME

	new_home "a:b"
	mkdir .local && echo 'PATH=/usr/bin:/bin' >.profile
	install
	[ "$("$PROGRAM" -- sh -c 'command -v nix; nix --version')" != "" ]
	[[ $("$PROGRAM" -- sh -c 'command -v nix') == /nix/store/*/bin/nix ]]
	[[ $("$PROGRAM" -- nix --version) == "nix (Nix) "* ]]
	[[ $(SHELL=/bin/sh "$PROGRAM" <<<'command -v nix') == /nix/store/*/bin/nix ]]
	[[ $("$HOME/.local/bin/nix" --version) == "nix (Nix) "* ]]
	"$PROGRAM" --uninstall --yes -q
	HOME=$home
	new_home $'a\nb'
	run tiny
	refused 'HOME is ' 'newline'
	[ -z "$(ls -A "$HOME")" ]
}

@test "a store path that is a dangling symlink: --force and another version work all the same" {
	install -q --nix-version "$OLD" --extra-conf 'substitute = false'
	# the sandbox has busybox's sh, with an ln of its own; on a host without a sandbox sh is the host's
	"$PROGRAM" -- nix-build --no-out-link -E 'derivation {
		name = "dangling"; system = builtins.currentSystem; builder = "/bin/sh";
		args = [ "-c" "ln -s /nowhere/at/all $out || /bin/ln -s /nowhere/at/all $out" ]; }'
	before=$(ls -d "$NIX"/store/*dangling*)
	install -q --force --nix-version "$OLD"
	diff <(echo "$before") <(ls -d "$NIX"/store/*dangling*)
	install -q --nix-version "$NEW"
	clean_store
}

@test "options are looked at also where Nix is installed" {
	tiny -q
	run tiny --sha256 xyz
	refused "--sha256 'xyz'"
	run tiny --system vax
	refused "--system 'vax'"
	run "$PROGRAM" --install --mirror ftp://127.0.0.1/
	refused "ftp://127.0.0.1"
}
