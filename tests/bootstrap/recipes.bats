#!/usr/bin/env bats
#
# The recipes of README as their users run them, with the real program and a real Nix from a mirror on
# loopback: the one line, GitHub Actions with and without a cache, GitLab, a generic runner, an image
# made of nothing but busybox, a cluster with a shared home. Needs NIX_USER_CHROOT_DIST or
# NIX_USER_CHROOT_SINGLE, see bootstrap.bash.

# shellcheck disable=SC2016 # the inner shells expand what stands in single quotes
# shellcheck disable=SC2154 # bats sets output, stderr, status and lines
# shellcheck disable=SC2030,SC2031 # a test's variables end with it, which is what is wanted

bats_require_minimum_version 1.5.0
load ../mirror/mirror.bash
load bootstrap.bash

setup_file()
{
	local root=$BATS_FILE_TMPDIR/mirror arch

	bats_require_minimum_version 1.5.0
	case $(uname -m) in
	x86_64 | aarch64) arch=$(uname -m) ;;
	*) arch=i686 ;;
	esac
	export PROGRAM='' SCRIPTS RELEASE HTTPS
	SCRIPTS=$(realpath "$BATS_TEST_DIRNAME/../../scripts")
	if [ -n "${NIX_USER_CHROOT_DIST:-}" ]; then
		PROGRAM=$(find "$NIX_USER_CHROOT_DIST/" -name "nix-user-chroot-*-$arch-linux" | tail -n 1)
	elif [ -n "${NIX_USER_CHROOT_SINGLE:-}" ]; then
		PROGRAM=$NIX_USER_CHROOT_SINGLE
	fi
	[ -n "$PROGRAM" ] || return 0

	if [ -z "${RELEASES:-}" ]; then
		RELEASES=$BATS_FILE_TMPDIR/releases
		"$BATS_TEST_DIRNAME/../mirror/make-release" "$RELEASES" >&2
	fi
	RELEASE=$root/program
	mkdir -p "$RELEASE"
	cp -r "$RELEASES/." "$root"
	cp "$PROGRAM" "$RELEASE/nix-user-chroot-0.0.0-$arch-linux"
	cp "$SCRIPTS/install.sh" "$SCRIPTS/ci-bootstrap" "$RELEASE"
	sums "$RELEASE"
	mirror_start "$root"
	HTTPS=${MIRROR_URL/127.0.0.1/localhost}
}

teardown_file()
{
	mirror_stop
}

setup()
{
	[ -n "$PROGRAM" ] || skip 'needs NIX_USER_CHROOT_DIST or NIX_USER_CHROOT_SINGLE'
	new_user
}

# new_user [NAME]: a home, and an environment in which everything comes from the mirror
new_user()
{
	new_home "$@"
	unset https_proxy no_proxy
	export NIX_USER_CHROOT_RELEASES=$HTTPS/program CURL_CA_BUNDLE=$MIRROR_CA
	export NIX_USER_CHROOT_MIRROR=$MIRROR_URL NIX_USER_CHROOT_CACERT=$MIRROR_CA
	# there is no cache.nixos.org to ask
	export NIX_CONFIG='substitute = false'
}

teardown()
{
	if [ -n "$PROGRAM" ]; then
		mirror_clear_log
		remove_tree "$BATS_TEST_TMPDIR"/*
	fi
}

remove_tree()
{
	local path

	for path; do
		if [ -d "$path" ] && [ ! -L "$path" ]; then
			chmod -R u+rwX "$path"
		fi
		rm -rf "$path"
	done
}

needs_shims()
{
	"$PROGRAM" --install --help | grep -q -e --no-shims || skip 'the program makes no nix in the bin directory yet'
}

needs_static()
{
	# of a dynamic program, ldd lists the libraries
	! ldd "$PROGRAM" 2>/dev/null | grep -q '=>' || skip 'needs a static program: NIX_USER_CHROOT_DIST'
}

# What a job does with nix, in a script of the shell "sh -e" that fails unless all of it works
JOB='
	nix --version | grep -q "^nix (Nix) 2"
	[ "$(nix eval --expr "6 * 7")" = 42 ]
	out=$(nix-build --no-out-link -E "derivation { name = \"x\"; system = builtins.currentSystem;
		builder = \"/bin/sh\"; args = [ \"-c\" \"echo built > \$out\" ]; }")
	[ "$(nix-store --query --hash "$out" | cut -c1-7)" = sha256: ]
	echo job done'

@test "recipe: the one line of README, in sh and busybox sh" {
	local shell

	for shell in sh 'busybox sh'; do
		new_user "home of $shell"
		run -0 sh -c 'curl -fsSL "$NIX_USER_CHROOT_RELEASES/install.sh" | '"$shell"' -s -- --no-channel-add'
		[[ $output == *'nix (Nix) 2.26.3 is installed in '* ]]
		run -0 "$PROGRAM" -- nix --version
		[ "$output" = 'nix (Nix) 2.26.3' ]
		nothing_left
	done
}

@test "recipe: the one line fails as --install does, and leaves no program behind" {
	run -125 sh -c 'curl -fsSL "$NIX_USER_CHROOT_RELEASES/install.sh" | sh -s -- --nix-version 0.0.1'
	[[ $output == *nix-0.0.1* ]]
	run -125 sh -c 'curl -fsSL "$NIX_USER_CHROOT_RELEASES/install.sh" | sh -s -- --no-such-option'
	[[ $output == *--no-such-option* ]]
	nothing_left
}

@test "recipe: the one line with a command after it" {
	run -0 sh -c 'curl -fsSL "$NIX_USER_CHROOT_RELEASES/install.sh" | sh -s -- --no-channel-add -- nix eval --expr "6 * 7"'
	[ "${lines[-1]}" = 42 ]
	nothing_left
}

# step COMMANDS: one more step of a GitHub job, in a shell of its own
step()
{
	local line
	local -a environment=()

	while read -r line; do
		environment+=("$line")
	done <"$GITHUB_ENV"
	env "${environment[@]}" PATH="$(tac "$GITHUB_PATH" | tr '\n' :)$PATH" \
		bash --noprofile --norc -eo pipefail -c "$1"
}

new_github_job()
{
	export GITHUB_ACTIONS=true GITHUB_PATH=$BATS_TEST_TMPDIR/path GITHUB_ENV=$BATS_TEST_TMPDIR/env
	: >"$GITHUB_PATH"
	: >"$GITHUB_ENV"
}

@test "recipe: GitHub Actions, and again from a cache, without network and with another token" {
	local -a cached=(.local/share/nix .nix-profile .local/bin)

	needs_shims
	new_github_job
	TEST_GITHUB_TOKEN=ghs_first run -0 "$BATS_TEST_DIRNAME/action.py" "$SCRIPTS/github-action" \
		nix-version=2.26.3 extra-conf='cores = 3'
	run -0 step "$JOB"
	[ "${lines[-1]}" = 'job done' ]
	run -0 step 'nix config show access-tokens; nix config show cores'
	[[ $output == *github.com=ghs_first$'\n'3 ]]

	# root's profiles are in the Nix directory
	[ ! -d "$HOME/.local/state/nix" ] || cached+=(.local/state/nix)
	tar -C "$HOME" -cf "$BATS_TEST_TMPDIR/cache.tar" "${cached[@]}"
	run ! grep -aq ghs_first "$BATS_TEST_TMPDIR/cache.tar"
	remove_tree "$HOME"
	mkdir "$HOME"
	cd "$HOME"
	tar -C "$HOME" -xf "$BATS_TEST_TMPDIR/cache.tar"
	new_github_job
	mirror_clear_log
	TEST_GITHUB_TOKEN=ghs_second run -0 "$BATS_TEST_DIRNAME/action.py" "$SCRIPTS/github-action" nix-version=2.26.3
	[ "$(mirror_requests .)" -eq 0 ]
	run -0 step "$JOB"
	run -0 step 'nix config show access-tokens; nix config show cores'
	[[ $output == *github.com=ghs_second$'\n'3 ]]
}

@test "recipe: GitLab and other runners whose job is one shell, from a clone" {
	needs_shims
	export CI=true GITLAB_CI=true
	run -0 sh -ec '. "$("$0/ci-bootstrap")"'"$JOB" "$SCRIPTS"
	[ "${lines[-1]}" = 'job done' ]
}

@test "recipe: CircleCI" {
	needs_shims
	export CI=true BASH_ENV=$BATS_TEST_TMPDIR/bash_env
	: >"$BASH_ENV"
	run -0 bash -eo pipefail -c '"$0/ci-bootstrap"' "$SCRIPTS"
	run -0 bash -eo pipefail -c "$JOB"
	[ "${lines[-1]}" = 'job done' ]
}

@test "recipe: a runner that has curl and nothing of ours" {
	needs_shims
	run -0 sh -ec '. "$(curl -fsSL "$NIX_USER_CHROOT_RELEASES/ci-bootstrap" | sh)"'"$JOB"
	[ "${lines[-1]}" = 'job done' ]
}

# in_image COMMAND...: as one RUN of a Dockerfile, or a container of the image
in_image()
{
	in_root "$BATS_TEST_TMPDIR/root" --setenv NIX_USER_CHROOT_RELEASES /release \
		--setenv NIX_USER_CHROOT_MIRROR "$HTTPS" --setenv NIX_USER_CHROOT_CACERT /etc/ca.pem \
		--setenv NIX_CONFIG "$NIX_CONFIG" "$@"
}

@test "recipe: an image made of nothing but busybox, by the one line" {
	needs_static
	bare_root "$BATS_TEST_TMPDIR/root"
	cp "$MIRROR_CA" "$BATS_TEST_TMPDIR/root/etc/ca.pem"
	run -0 in_image sh -c 'sh -s -- --no-channel-add </scripts/install.sh'
	[[ $output == *'nix (Nix) 2.26.3 is installed in /root/.local/share/nix'* ]]
	[ -z "$(ls "$BATS_TEST_TMPDIR/root/tmp")" ]
	cp "$PROGRAM" "$BATS_TEST_TMPDIR/root/bin/nix-user-chroot"
	run -0 in_image nix-user-chroot -- sh -ec "$JOB"
	[ "${lines[-1]}" = 'job done' ]
}

@test "recipe: a Dockerfile on busybox: RUN ci-bootstrap, ENV PATH" {
	needs_static
	needs_shims
	bare_root "$BATS_TEST_TMPDIR/root"
	cp "$MIRROR_CA" "$BATS_TEST_TMPDIR/root/etc/ca.pem"
	run -0 in_image sh -c 'sh </scripts/ci-bootstrap'
	run -0 in_image --setenv PATH /root/.local/bin:/bin sh -ec "$JOB"
	[ "${lines[-1]}" = 'job done' ]
}

# on_node NAME COMMANDS: with a /mnt of the node's own, by sh
on_node()
{
	mkdir -p "$BATS_TEST_TMPDIR/$1"
	NODE=$BATS_TEST_TMPDIR/$1 unshare --user --map-root-user --mount sh -euc '
		mount --bind "$NODE" /mnt
		eval "$0"' "$2"
}

@test "recipe: Slurm with the home shared and the store on each node's own disk" {
	local node

	needs_shims
	unshare --user --map-root-user --mount true 2>/dev/null || skip 'needs user namespaces, to mount things in'
	export NIX_USER_CHROOT_DIR=/mnt/nix
	for node in one two; do
		run -0 on_node $node '. "$("$SCRIPTS/ci-bootstrap")"'"$JOB"
		[ "${lines[-1]}" = 'job done' ]
	done
	[ -d "$BATS_TEST_TMPDIR/one/nix/store" ] && [ -d "$BATS_TEST_TMPDIR/two/nix/store" ]
	[ ! -e "$HOME/.local/share/nix" ]
	# a job of later on finds what it needs in the home
	unset NIX_USER_CHROOT_DIR
	for node in one two; do
		run -0 on_node $node '. "$HOME/.config/nix-user-chroot/env.sh"'"$JOB"
		[ "${lines[-1]}" = 'job done' ]
	done
}
