#!/usr/bin/env bats
#
# The recipes of scripts/README as users run them, with the real program and a real Nix from a mirror on loopback.
# The text of each recipe is read from that page; only the URL of the release is replaced. Needs NIX_USER_CHROOT_DIST
# or NIX_USER_CHROOT_SINGLE, see bootstrap.bash.

# shellcheck disable=SC2016 # the inner shells expand what stands in single quotes
# shellcheck disable=SC2154 # bats sets output, stderr, status and lines
# shellcheck disable=SC2030,SC2031 # a test's variables end with it, which is what is wanted

bats_require_minimum_version 1.5.0
load ../mirror/mirror.bash
load bootstrap.bash

setup_file()
{
	local root=$BATS_FILE_TMPDIR/mirror

	bats_require_minimum_version 1.5.0
	export RELEASE HTTPS
	real_program
	[ -n "$PROGRAM" ] || return 0
	RELEASE=$root/program
	mkdir -p "$RELEASE"
	# shellcheck disable=SC2153 # real_program sets it
	cp -r "$RELEASES/." "$root"
	cp "$PROGRAM" "$RELEASE/nix-user-chroot-0.0.0-$ARCH-linux"
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

# new_user [NAME]: a new home, and an environment in which everything comes from the mirror
new_user()
{
	new_home "$@"
	unset https_proxy no_proxy
	export NIX_USER_CHROOT_RELEASES=$HTTPS/program CURL_CA_BUNDLE=$MIRROR_CA
	export NIX_USER_CHROOT_MIRROR=$MIRROR_URL NIX_USER_CHROOT_CACERT=$MIRROR_CA
	# do not ask cache.nixos.org, which the tests cannot reach
	export NIX_CONFIG='substitute = false'
}

teardown()
{
	if [ -n "$PROGRAM" ]; then
		mirror_clear_log
		remove_tree "$BATS_TEST_TMPDIR"/*
	fi
}

# make a directory with something for "nix build", and change to it
project() # [LINE COMMAND]: a line of the derivation, and how it is built
{
	mkdir "$HOME/project"
	cd "$HOME/project" || return
	cat >flake.nix <<-END
		{
		  outputs = _: {
		    packages.$(uname -m)-linux.default = derivation {
		      name = "x";
		      system = "$(uname -m)-linux";
		      builder = "/bin/sh"; ${1-}
		      args = [ "-c" "${2:-echo built > \$out}" ];
		    };
		  };
		}
	END
	echo '{ "nodes": { "root": { } }, "root": "root", "version": 7 }' >flake.lock
}

# built: check that "nix build" has left its link into the store
built()
{
	[[ $(readlink result) == /nix/store/*-x ]]
	rm result
}

# What a job does with nix; run by "sh -e", it fails unless everything works
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

@test "recipe: GitHub Actions, and again from the cache, without network and with another token" {
	local check='nix config show access-tokens; nix-store --query --hash "$(readlink result)"; rm result'

	project
	recipe 'GitHub Actions' >"$BATS_TEST_TMPDIR/job.yml"
	export GITHUB_ACTIONS=true GITHUB_PATH=$BATS_TEST_TMPDIR/path GITHUB_ENV=$BATS_TEST_TMPDIR/env
	export TEST_CACHE=$BATS_TEST_TMPDIR/cache
	mkdir "$TEST_CACHE"
	: >"$GITHUB_PATH" && : >"$GITHUB_ENV"
	TEST_GITHUB_TOKEN=ghs_first run -0 "$BATS_TEST_DIRNAME/github.py" job "$BATS_TEST_TMPDIR/job.yml" "$check"
	[[ $output != *'cache: restored'* ]]
	[[ $output == *github.com=ghs_first$'\n'sha256:* ]]
	run -0 ls "$TEST_CACHE"
	[[ $output == nix-2.26.3-Linux-X64-*.tar ]]
	run ! grep -aq ghs_first "$TEST_CACHE/$output"

	# a later run on another runner, which has only the cache
	cd "$BATS_TEST_TMPDIR"
	remove_tree "$HOME"
	mkdir "$HOME"
	project
	: >"$GITHUB_PATH" && : >"$GITHUB_ENV"
	mirror_clear_log
	TEST_GITHUB_TOKEN=ghs_second run -0 "$BATS_TEST_DIRNAME/github.py" job "$BATS_TEST_TMPDIR/job.yml" "$check"
	[[ $output == *'cache: restored nix-2.26.3-Linux-X64-'* ]]
	[[ $output == *github.com=ghs_second$'\n'sha256:* ]]
	[ "$(mirror_requests .)" -eq 0 ]

	# with another flake.lock, the nearest entry of the cache is restored, and a new entry is saved
	echo >>flake.lock
	remove_tree "$HOME/.local" "$HOME/.nix-profile"
	: >"$GITHUB_PATH" && : >"$GITHUB_ENV"
	run -0 "$BATS_TEST_DIRNAME/github.py" job "$BATS_TEST_TMPDIR/job.yml"
	[[ $output == *'cache: restored nix-2.26.3-Linux-X64-'* ]]
	built
	[ "$(find "$TEST_CACHE" -type f | wc -l)" -eq 2 ]
	[ "$(mirror_requests .)" -eq 0 ]
}

@test "recipe: GitHub Actions, steps that run what was built, and what a step has added to the profile" {
	local job=$BATS_TEST_TMPDIR/job.yml

	project 'PATH = "/bin";' 'mkdir -p $out/bin && printf \"#!/bin/sh\\necho greetings\\n\" >$out/bin/x && chmod 755 $out/bin/x'
	export GITHUB_ACTIONS=true GITHUB_PATH=$BATS_TEST_TMPDIR/path GITHUB_ENV=$BATS_TEST_TMPDIR/env
	export TEST_CACHE=$BATS_TEST_TMPDIR/cache
	mkdir "$TEST_CACHE"
	: >"$GITHUB_PATH" && : >"$GITHUB_ENV"
	{
		recipe 'GitHub Actions'
		recipe 'what a step has added to the profile'
		echo '  - run: nix-env -i ./result'
		recipe 'what a step has added to the profile' | sed 's,\./result/bin/,,'
	} >"$job"
	run -0 "$BATS_TEST_DIRNAME/github.py" job "$job"
	[ "$(grep -cx greetings <<<"$output")" -eq 2 ]
	# /nix exists only inside, so outside the link leads nowhere
	[ ! -e result ]
}

# yaml EXPRESSION: print EXPRESSION, in Python, where "document" is the YAML document on stdin
yaml()
{
	/usr/bin/python3 -c "import sys, yaml; document = yaml.safe_load(sys.stdin); print($1)"
}

@test "recipe: GitHub Actions in a container, whose HOME is another user's" {
	local step

	[ "$(id -u)" -eq 0 ] || skip 'needs root'
	project
	recipe 'GitHub Actions' >"$BATS_TEST_TMPDIR/job.yml"
	export GITHUB_ACTIONS=true GITHUB_PATH=$BATS_TEST_TMPDIR/path GITHUB_ENV=$BATS_TEST_TMPDIR/env
	export TEST_CACHE=$BATS_TEST_TMPDIR/cache
	mkdir "$TEST_CACHE"
	: >"$GITHUB_PATH" && : >"$GITHUB_ENV"
	chown 1001:1001 "$HOME"
	run -125 "$BATS_TEST_DIRNAME/github.py" job "$BATS_TEST_TMPDIR/job.yml"
	[[ $output == *"HOME is $HOME, which belongs to user 1001"* ]]
	step=$(recipe 'In a job with "container:"' | yaml "document[0]['run']")
	run -0 bash -ec "$step"
	run -0 "$BATS_TEST_DIRNAME/github.py" job "$BATS_TEST_TMPDIR/job.yml"
	built
}

@test "recipe: GitLab, whose job is one shell" {
	local script shell

	project
	script=$(recipe GitLab | yaml "chr(10).join(document['build']['script'])")
	export CI=true GITLAB_CI=true
	for shell in 'bash -eo pipefail' 'sh -e'; do
		# shellcheck disable=SC2086 # words
		run -0 $shell -c "$script"
		built
	done
	# an error before Nix is installed ends the job
	remove_tree "$HOME/.local" "$HOME/.config"
	run ! sh -ec "${script//ci-bootstrap/none}"
	[[ $output != *'nix build'* ]]
	run ! sh -ec "NIX_USER_CHROOT_MIRROR=/none; $script"
	[ ! -e result ]
}

@test "recipe: CircleCI, whose steps are a bash each" {
	local commands command

	project
	recipe CircleCI | yaml "chr(10).join(s['run'] for s in document['steps'] if 'run' in s)" \
		>"$BATS_TEST_TMPDIR/commands"
	mapfile -t commands <"$BATS_TEST_TMPDIR/commands"
	[ ${#commands[@]} -eq 2 ]
	export CI=true BASH_ENV=$BATS_TEST_TMPDIR/bash_env
	: >"$BASH_ENV"
	for command in "${commands[@]}"; do
		run -0 bash -eo pipefail -c "$command"
	done
	built
}

@test "recipe: any other runner, and all that a job does with nix, in every shell" {
	local script shell

	project
	script=$(recipe 'Any other runner')
	run -0 sh -ec "$script$JOB"
	[ "${lines[-1]}" = 'job done' ]
	built
	for shell in dash bash 'busybox sh' zsh mksh; do
		# shellcheck disable=SC2086 # words
		run -0 $shell -ec "$script"
		built
	done
	# the same from a clone
	run -0 sh -ec '. "$("$0/ci-bootstrap")"'"$JOB" "$SCRIPTS"
	[ "${lines[-1]}" = 'job done' ]
}

# program_root DIR: make a root directory with busybox alone, and the libraries of the program if it is not static
program_root()
{
	local library

	bare_root "$1"
	for library in $(ldd "$PROGRAM" 2>/dev/null | grep -o '/[^ ]*'); do
		mkdir -p "$1${library%/*}"
		cp -nL "$library" "$1$library"
	done
	cp "$MIRROR_CA" "$1/etc/ca.pem"
}

@test "recipe: an image made of nothing but busybox" {
	local root=$BATS_TEST_TMPDIR/root

	program_root "$root"
	run -0 in_root "$root" --setenv NIX_USER_CHROOT_RELEASES /release --setenv NIX_CONFIG "$NIX_CONFIG" \
		--setenv NIX_USER_CHROOT_MIRROR "$HTTPS" --setenv NIX_USER_CHROOT_CACERT /etc/ca.pem \
		sh -ec '. "$(sh </scripts/ci-bootstrap)"'"$JOB"
	[ "${lines[-1]}" = 'job done' ]
	[ -z "$(ls "$root/tmp")" ]
	[ -L "$root/root/.local/bin/nix" ]
}

# image_root DIR: make a root directory that is like the image buildpack-deps:curl, as far as the tests need: Debian
# with curl and CA certificates. Its /usr is this host's, its certificate is that of the mirror.
image_root()
{
	local name

	mkdir -p "$1"/{etc/ssl/certs,usr,root,tmp,dev,proc,release,scripts}
	for name in bin lib lib64 sbin; do
		[ ! -L /$name ] || cp -P /$name "$1/"
	done
	cp "$MIRROR_CA" "$1/etc/ssl/certs/ca-certificates.crt"
	echo 'root:x:0:0::/root:/bin/sh' >"$1/etc/passwd"
	echo '127.0.0.1 localhost' >"$1/etc/hosts"
}

# in_image [OPTION...] COMMAND...: run COMMAND in a container of that image; the options are bwrap's
in_image()
{
	in_root "$BATS_TEST_TMPDIR/image" --ro-bind /usr /usr --ro-bind "$BUILD" /build \
		--setenv PATH /usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
		--setenv NIX_USER_CHROOT_MIRROR "$HTTPS" --setenv NIX_CONFIG "$NIX_CONFIG" \
		--setenv NIX_USER_CHROOT_RELEASES "$NIX_USER_CHROOT_RELEASES" "$@"
}

# dockerfile FILE [WRAPPER...]: carry out a Dockerfile in the root directory of image_root, a new shell for each RUN
dockerfile()
{
	local line environment=(PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin)
	local file=$1
	shift

	while read -r line; do
		case $line in
		'FROM buildpack-deps:curl' | '') ;;
		'ENV '*=*)
			line=${line#ENV }
			environment+=("${line/'$PATH'/"${environment[0]#PATH=}"}")
			;;
		'RUN '*)
			in_image "$@" env "${environment[@]}" sh -c "${line#RUN }" || return
			;;
		*)
			echo "not understood: $line"
			return 1
			;;
		esac
	done <"$file"
}

# runs a command without the system calls that Docker's filter refuses to an unprivileged container
DOCKER=(/build/refuse 'unshare,clone,mount,umount,pivot_root' --)

needs_refuse()
{
	[ -x "${BUILD_DIR:-}/tests/refuse" ] || skip 'needs BUILD_DIR, a build tree with its test programs'
}

@test "recipe: Dockerfile, whose image has a nix that works, with and without what Docker refuses" {
	needs_refuse
	image_root "$BATS_TEST_TMPDIR/image"
	recipe Dockerfile >"$BATS_TEST_TMPDIR/Dockerfile"
	BUILD=$BUILD_DIR/tests run -0 dockerfile "$BATS_TEST_TMPDIR/Dockerfile" "${DOCKER[@]}"
	[ "${lines[-1]}" = 'nix (Nix) 2.26.3' ]
	grep -qx 'runtime direct' "$BATS_TEST_TMPDIR/image/nix/var/nix-user-chroot/record"
	[ -z "$(ls "$BATS_TEST_TMPDIR/image/tmp")" ]
	# run containers of that image, with its ENV
	printf '%s' "$JOB" >"$BATS_TEST_TMPDIR/image/job"
	{
		grep ^ENV "$BATS_TEST_TMPDIR/Dockerfile"
		echo 'RUN sh -e /job'
	} >"$BATS_TEST_TMPDIR/container"
	BUILD=$BUILD_DIR/tests run -0 dockerfile "$BATS_TEST_TMPDIR/container" "${DOCKER[@]}"
	[ "${lines[-1]}" = 'job done' ]
	BUILD=$BUILD_DIR/tests run -0 dockerfile "$BATS_TEST_TMPDIR/container"
	[ "${lines[-1]}" = 'job done' ]
}

@test "recipe: Dockerfile, by a builder that allows namespaces, gives the same image" {
	image_root "$BATS_TEST_TMPDIR/image"
	recipe Dockerfile >"$BATS_TEST_TMPDIR/Dockerfile"
	BUILD=$BATS_TEST_TMPDIR run -0 dockerfile "$BATS_TEST_TMPDIR/Dockerfile"
	[ "${lines[-1]}" = 'nix (Nix) 2.26.3' ]
	grep -qx 'runtime direct' "$BATS_TEST_TMPDIR/image/nix/var/nix-user-chroot/record"
}

@test "recipe: GitLab, with the Docker executor, which refuses namespaces and mounts" {
	local script

	needs_refuse
	image_root "$BATS_TEST_TMPDIR/image"
	HOME=$BATS_TEST_TMPDIR/image/root project
	script=$(recipe GitLab | yaml "chr(10).join(document['build']['script'])")
	BUILD=$BUILD_DIR/tests run -0 in_image --chdir /root/project --setenv CI true --setenv GITLAB_CI true \
		--setenv CI_DISPOSABLE_ENVIRONMENT true "${DOCKER[@]}" \
		bash -eo pipefail -c "$script"'
			cat result
			# the PATH also has the profile, where a job may add packages
			type -P nix; echo "$PATH"'
	[[ $output == *$'\nbuilt\n/root/.local/bin/nix\n/root/.local/bin:/root/.nix-profile/bin:'* ]]
	[[ $(readlink result) == /nix/store/*-x ]]
	[[ $output != *'changed this host'* ]]
}

# on_node NAME COMMAND...: run COMMAND as on the node NAME: /local is the node's own, all else is shared by all nodes
on_node()
{
	local entry node=$BATS_TEST_TMPDIR/$1
	local -a mounts=()
	shift

	mkdir -p "$node"
	for entry in /*; do
		if [ -L "$entry" ]; then
			mounts+=(--symlink "$(readlink "$entry")" "$entry")
		elif [ "$entry" != /local ]; then
			mounts+=(--dev-bind "$entry" "$entry")
		fi
	done
	bwrap "${mounts[@]}" --bind "$node" /local --chdir "$PWD" --die-with-parent "$@"
}

@test "recipe: Slurm, with the home shared and the store on each node's own disk" {
	local node pid

	project
	recipe Slurm >"$BATS_TEST_TMPDIR/job"
	chmod 755 "$BATS_TEST_TMPDIR/job"
	on_node one true || skip 'needs user namespaces, to mount things in'
	run -0 on_node one "$BATS_TEST_TMPDIR/job"
	built
	# two nodes at once, each with its own project; both write the same files in the home directory
	cp -r . ../other
	for node in two three; do
		(
			[ $node = two ] || cd ../other
			on_node $node "$BATS_TEST_TMPDIR/job"
		) >"$BATS_TEST_TMPDIR/$node.log" 2>&1 3>&- &
		pid=${pid-}\ $!
	done
	for pid in $pid; do
		wait "$pid" || { cat "$BATS_TEST_TMPDIR"/*.log; return 1; }
	done
	built
	cd ../other
	built
	for node in one two three; do
		[ -d "$BATS_TEST_TMPDIR/$node/${USER-}/nix/store" ]
		# a later job on the node, where the network is not needed any more
		run -0 on_node $node env -u NIX_USER_CHROOT_RELEASES -u NIX_USER_CHROOT_MIRROR \
			sh -ec '. "$HOME/.config/nix-user-chroot/env.sh"'"$JOB"
		[ "${lines[-1]}" = 'job done' ]
	done
	[ ! -e "$HOME/.local/share/nix" ]
}

installed()
{
	"$PROGRAM" --install -q --no-channel-add
}

# start_sshd: prepare sshd for this user alone, with our HOME; set SSH to a command that connects to it
start_sshd()
{
	local dir=$BATS_TEST_TMPDIR/ssh sshd

	sshd=$(PATH=$PATH:/usr/sbin type -P sshd)
	mkdir -m 700 "$dir"
	ssh-keygen -q -t ed25519 -N '' -f "$dir/host"
	ssh-keygen -q -t ed25519 -N '' -f "$dir/user"
	cat >"$dir/config" <<-END
		ListenAddress 127.0.0.1
		HostKey $dir/host
		AuthorizedKeysFile $dir/user.pub
		PidFile none
		StrictModes no
		UsePAM no
		PermitRootLogin yes
		SetEnv HOME="$HOME"
	END
	sshd+=" -i -f $dir/config -E $dir/log"
	if [ "$(id -u)" -eq 0 ]; then
		# sshd needs the directory /run/sshd, which its service makes: make it in a mount namespace of its
		# own
		[ -d /run/sshd ] ||
			sshd="unshare --mount sh -c 'mount -t tmpfs none /run && mkdir /run/sshd && exec $sshd'"
	else
		# sshd gives the terminal to the group tty, which only root may do; without such a group, to the
		# user's own group
		grep -v '^tty:' /etc/group >"$dir/group"
		sshd="bwrap --dev-bind / / --ro-bind $dir/group /etc/group $sshd"
	fi
	# ssh starts an sshd of its own for each connection, because sshd cannot take an inherited listening socket
	SSH=(command ssh -o ProxyCommand="$sshd" -o HostName=127.0.0.1
		-o IdentityFile="$dir/user" -o IdentitiesOnly=yes -o UserKnownHostsFile="$dir/known"
		-o StrictHostKeyChecking=accept-new -o BatchMode=yes)
	if ! "${SSH[@]}" -F none -tt here true </dev/null >"$dir/error" 2>&1; then
		cat "$dir/error" "$dir/log"
		return 1
	fi
}

@test "recipe: ssh, a name that gives a login shell, and a single command" {
	installed
	start_sshd
	recipe 'ssh; in ~/.ssh/config' >"$BATS_TEST_TMPDIR/config"
	run -7 "${SSH[@]}" -F "$BATS_TEST_TMPDIR/config" -tt cluster-nix <<-'END'
		tty -s && echo "at a"" terminal"
		nix --version
		exit 7
	END
	[[ $output == *'at a terminal'* ]]
	[[ $output == *'nix (Nix) 2.26.3'* ]]
	ssh()
	{
		"${SSH[@]}" -F none "$@"
	}
	run -0 eval "$(recipe 'For single commands')"
	[ "$output" = 'nix (Nix) 2.26.3' ]
}

@test "recipe: VS Code, whose terminal runs the program of the profile" {
	local command

	installed
	command=$(recipe 'VS Code' | yaml "(lambda d: ' '.join([d['terminal.integrated.profiles.linux'][
		d['terminal.integrated.defaultProfile.linux']]['path']]))(document)")
	command=${command/'${env:HOME}'/"$HOME"}
	run -0 env SHELL=/bin/bash script -qec "'$command'" /dev/null <<-'END'
		nix --version
		tty -s && echo "at a"" terminal"
		exit
	END
	[[ $output == *'nix (Nix) 2.26.3'* ]]
	[[ $output == *'at a terminal'* ]]
	# run a task as VS Code does
	run -0 env SHELL=/bin/bash "$command" -c 'nix --version'
	[ "$output" = 'nix (Nix) 2.26.3' ]
}
