#!/usr/bin/env bats
#
# The runtimes other than userns, on hosts that refuse user namespaces, which are made here. Every test that installs
# has a root directory of its own (on_host, in_container): otherwise --install as root would make /nix on this host,
# and every later test as root would take that for the default Nix directory.

# shellcheck disable=SC2016 # the inner shells expand
# shellcheck disable=SC2154 # bats sets output, stderr and their lines

bats_require_minimum_version 1.5.0

load ../integration/common
load ../mirror/mirror
load ../integration/install

setup_file()
{
	:
}

teardown_file()
{
	:
}

setup()
{
	entering
	REFUSE=${BUILD_DIR:-$BATS_TEST_DIRNAME/../..}/tests/refuse
	[ -x "$REFUSE" ] || skip "needs tests/refuse: make test-programs"
	cp "$REFUSE" "$SCRATCH/refuse"
	export NIX_USER_CHROOT_PROOT=/nowhere
	export SYSTEM
	SYSTEM=$(uname -m)-linux
	tiny_release "$SCRATCH/site" 1.0.0
	TARBALL=$(echo "$SCRATCH"/site/nix-1.0.0/*.tar.xz)
	[ ! -e "$PROGRAM-install" ] || cp "$PROGRAM-install" "$SCRATCH/nix-user-chroot-install"
	cp "$PROGRAM" "$SCRATCH/nix-user-chroot"
	# the copy has its plain name, so that it finds its installer beside it in each root directory
	PROGRAM=$SCRATCH/nix-user-chroot
	export TARBALL
}

teardown()
{
	leaving
}

with_proot()
{
	NIX_USER_CHROOT_PROOT=$(type -P proot) || skip "needs proot"
	export NIX_USER_CHROOT_PROOT
}

# makes / read-only: now even root cannot make /nix, as a user cannot on other hosts
READ_ONLY='mount --rbind tmp tmp; mount -o remount,bind,ro .'

# no_namespaces COMMAND...: run COMMAND under a filter that refuses what a container's does. As root it runs in a
# container, because PRoot makes a missing directory that it binds over: it would make /nix on this host, and leave
# it behind when killed.
no_namespaces()
{
	if [ "$(id -u)" -eq 0 ]; then
		in_container "$READ_ONLY" -- sh -c 'cd "$HOME" && exec "$@"' sh "$@"
	else
		"$SCRATCH/refuse" unshare,clone,mount -- "$@"
	fi
}

# no_users COMMAND...: run COMMAND as root of a user namespace where no further user namespace can be made
no_users()
{
	unshare --user --map-root-user --mount sh -c \
		'echo 0 >/proc/sys/user/max_user_namespaces && exec "$@"' sh "$@"
}

# in_container [PREPARE] -- COMMAND...: run COMMAND as root, in a root directory of its own, without the right to
# make namespaces or mounts
in_container()
{
	local prepare=:
	if [ "$1" != -- ]; then
		prepare=$1
		shift
	fi
	shift
	on_host "$prepare" "$SCRATCH/refuse" unshare,clone,mount -- "$@"
}

# essentials RUN...: check what every runtime has to do when it enters NIX; RUN is the command that makes the host
essentials()
{
	run -0 "$@" "$PROGRAM" "$NIX" cat /nix/name
	[ "$output" = ours ]
	run -7 "$@" "$PROGRAM" "$NIX" sh -c 'exit 7'
	run -127 "$@" "$PROGRAM" "$NIX" no-such-command
	touch "$HOME/no-program"
	run -126 "$@" "$PROGRAM" "$NIX" "$HOME/no-program"
	run -0 "$@" "$PROGRAM" "$NIX" pwd
	[ "$output" = "$HOME" ]
	run -0 "$@" "$PROGRAM" "$NIX" printf '<%s>' 'a b' '' '*' --install $'new\nline'
	[ "$output" = $'<a b><><*><--install><new\nline>' ]
	[ "$(echo through | "$@" "$PROGRAM" "$NIX" cat)" = through ]
	# only the command writes to stdout
	[ "$("$@" "$PROGRAM" -v "$NIX" echo alone 2>/dev/null)" = alone ]
	WORD='a b' run -0 "$@" "$PROGRAM" "$NIX" sh -c 'echo "$WORD $NIX_CONF_DIR"'
	[ "$output" = "a b /nix/etc/nix" ]
	# calling the program inside does not enter a second time
	run -0 "$@" "$PROGRAM" "$NIX" "$PROGRAM" "$NIX" cat /nix/name
	[ "$output" = ours ]
}

@test "mountns: the essentials, and that it is chosen" {
	essentials no_users
	run -0 no_users "$PROGRAM" -v "$NIX" true
	[[ $output == *"runtime: mountns"* ]]
	# signals, and everything else, work as in other runtimes
	run -143 no_users "$PROGRAM" "$NIX" sh -c 'kill -TERM $$'
}

@test "mountns: / is read-only, and nothing spreads" {
	run -1 no_users "$PROGRAM" "$NIX" sh -c 'mkdir /new 2>/dev/null'
	run -0 no_users sh -c '
		before=$(cat /proc/self/mountinfo)
		"$PROGRAM" "$NIX" true && [ "$before" = "$(cat /proc/self/mountinfo)" ]'
}

@test "mountns: root that may not map the ID 0" {
	require_root
	run -0 setpriv --bounding-set -setfcap "$PROGRAM" -v "$NIX" cat /nix/name
	[[ $output == *"runtime: mountns"*ours* ]]
}

@test "mountns: where /proc is read-only, which is named" {
	read_only_proc() {
		in_mount_namespace sh -c 'mount --rbind /proc /proc && mount -o remount,bind,ro /proc && exec "$@"' \
			sh "$@"
	}
	run -0 read_only_proc "$PROGRAM" -v "$NIX" cat /nix/name
	[[ $output == *"runtime: mountns"*ours* ]]
	fails 125 "Read-only file system" "/proc is mounted read-only here" "sudo mount -o remount,rw /proc" -- \
		read_only_proc "$PROGRAM" --runtime=userns "$NIX" true
}

@test "proot: the essentials, and that it is chosen" {
	with_proot
	essentials no_namespaces
	run -0 no_namespaces "$PROGRAM" -v "$NIX" true
	[[ $output == *"runtime: proot"* ]]
}

@test "proot: ls and stat of what is bound, which PRoot 5.1 does not translate" {
	with_proot
	run -0 no_namespaces "$PROGRAM" "$NIX" ls -l /nix/name
	[[ $output == *" /nix/name" ]]
	run -0 no_namespaces "$PROGRAM" "$NIX" stat -c %n /nix/name
	[ "$output" = /nix/name ]
}

@test "proot: a login shell, and a directory with a colon" {
	with_proot
	run -0 no_namespaces "$PROGRAM" "$NIX" <<<'cat /nix/name; echo "$0"'
	[ "$output" = $'ours\n-sh' ] || [[ $output == ours* ]]
	mv "$NIX" "$SCRATCH/a:b"
	NIX=$SCRATCH/a:b fails 125 "has a colon" -- no_namespaces "$PROGRAM" --runtime=proot "$SCRATCH/a:b" true
}

@test "nothing works: the reason of the best runtime, and what anybody can get" {
	require_user
	fails 125 "a user and mount namespace" "seccomp filter" "also cannot use PRoot" -- \
		no_namespaces "$PROGRAM" "$NIX" true
}

@test "a runtime by name that cannot work is an error with the reason, and no other is tried" {
	with_proot
	require_user
	fails 125 "not /nix" -- "$PROGRAM" --runtime=direct "$NIX" true
	fails 125 "create a mount namespace" -- "$PROGRAM" --runtime=mountns "$NIX" true
	fails 125 "a user and mount namespace" -- no_namespaces "$PROGRAM" --runtime=userns "$NIX" true
	NIX_USER_CHROOT_PROOT=/nowhere fails 125 "NIX_USER_CHROOT_PROOT is /nowhere" -- \
		"$PROGRAM" --runtime=proot "$NIX" true
	fails 125 'no runtime "chroot"' "auto, userns, helper, mountns, direct or proot" -- \
		"$PROGRAM" --runtime=chroot "$NIX" true
	NIX_USER_CHROOT_RUNTIME=x fails 125 'no runtime "x"' NIX_USER_CHROOT_RUNTIME -- "$PROGRAM" "$NIX" true
	NIX_USER_CHROOT_DIR=$NIX fails 125 "uses /nix itself" -- "$PROGRAM" --runtime=direct -- true
}

@test "the option wins over the variable" {
	NIX_USER_CHROOT_RUNTIME=direct run -0 "$PROGRAM" --runtime=userns "$NIX" cat /nix/name
	[ "$output" = ours ]
}

@test "direct: made, entered without a namespace, and removed without a trace" {
	in_container -- sh -c '
		set -eu
		"$PROGRAM" --install --tarball "$TARBALL" --no-channel-add 2>"$HOME/said"
		grep -q "/nix itself" "$HOME/said"
		grep -qx "runtime direct" /nix/var/nix-user-chroot/record
		[ "$(readlink /proc/self/ns/mnt)" = "$("$PROGRAM" -- readlink /proc/self/ns/mnt)" ]
		"$PROGRAM" -v -- nix --version 2>"$HOME/said"
		grep -q "runtime: direct" "$HOME/said"
		"$HOME/.local/bin/nix" --version
		"$PROGRAM" --install --tarball "$TARBALL" 2>"$HOME/said"
		cat "$HOME/said"; grep "in /nix already" "$HOME/said"
		"$PROGRAM" --uninstall --yes
		[ ! -e /nix ]'
}

@test "direct: an empty /nix that was there stays" {
	in_container 'mkdir nix' -- sh -c '
		set -eu
		"$PROGRAM" --install --tarball "$TARBALL" --no-channel-add
		"$PROGRAM" --uninstall --yes
		[ -d /nix ] && [ -z "$(ls -A /nix)" ]'
}

@test "direct: a store of somebody else's in /nix is left alone" {
	run -125 in_container 'mkdir -p nix/store/0123456789abcdfghijklmnpqrsvwxyz-x nix/var/nix' -- \
		"$PROGRAM" --install --tarball "$TARBALL" --no-channel-add
	run -125 in_container 'mkdir -p nix/store/0123456789abcdfghijklmnpqrsvwxyz-x nix/var/nix' -- \
		"$PROGRAM" --runtime=direct --install --tarball "$TARBALL" --no-channel-add
	[[ $output == *"by other means"* ]]
}

@test "direct: another directory that is named is not given up for /nix" {
	with_proot
	NIX_USER_CHROOT_DIR=$NIX/own in_container -- sh -c '
		set -eu
		"$PROGRAM" --install --tarball "$TARBALL" --no-channel-add
		[ ! -e /nix ] && grep -qx "runtime proot" "$NIX/own/var/nix-user-chroot/record"
		"$PROGRAM" --uninstall --yes
		[ ! -e "$NIX/own" ]'
}

@test "stores in /nix and in the default directory: that whose runtime works" {
	on_host : sh -c '
		set -eu
		"$PROGRAM" --runtime=direct --install --tarball "$TARBALL" --no-channel-add
		mkdir -p "$HOME/.local/share/nix/store"
		"$PROGRAM" -v -- true 2>"$HOME/said"
		grep -q "runtime: userns" "$HOME/said" && grep -q "Nix is in /nix and in" "$HOME/said"
		"$SCRATCH/refuse" unshare,clone,mount -- "$PROGRAM" -v -- true 2>"$HOME/said"
		grep -q "runtime: direct" "$HOME/said" && grep -q "using /nix" "$HOME/said"'
}

@test "proot: --install and --uninstall without a trace" {
	with_proot
	in_container "$READ_ONLY" -- sh -c '
		set -eu
		cd "$HOME"
		"$PROGRAM" --install --tarball "$TARBALL" --no-channel-add --no-modify-profile 2>"$SCRATCH/said" || { cat "$SCRATCH/said"; exit 1; }
		grep -q PRoot "$SCRATCH/said"
		grep -qx "runtime proot" .local/share/nix/var/nix-user-chroot/record
		"$PROGRAM" -- nix --version
		.local/bin/nix --version
		"$PROGRAM" --uninstall --yes
		[ -z "$(ls -A)" ] && [ ! -e /nix ]'
}

@test "mountns: --install and --uninstall without a trace" {
	on_host : sh -c '
		set -eu
		cd "$HOME"
		echo 0 >/proc/sys/user/max_user_namespaces
		"$PROGRAM" --install --tarball "$TARBALL" --no-channel-add --no-modify-profile
		grep -qx "runtime mountns" .local/share/nix/var/nix-user-chroot/record
		"$PROGRAM" -- nix --version
		"$PROGRAM" --uninstall --yes
		[ -z "$(ls -A)" ] && [ ! -e /nix ]'
}

@test "proot: to see whether it works nothing is made in /" {
	with_proot
	in_container -- sh -c '
		set -eu
		before=$(stat -c %y /)
		"$PROGRAM" --check --runtime=proot
		[ "$before" = "$(stat -c %y /)" ]'
}

@test "--check: builds of Nix need a terminal, and where there is none that is said" {
	run -0 "$PROGRAM" --check
	[[ $output != *"not be able to build"* ]]
	run -0 "$PROGRAM" --check --json
	[[ $output == *'"terminals-error": null, '* ]]
	no_terminals() {
		on_host 'mount -t tmpfs -o mode=755 t dev; touch dev/null; mount --bind /dev/null dev/null' "$@"
	}
	run -0 no_terminals "$PROGRAM" --check
	[[ ${output//$'\n'/ } == *"Nix will not be able to build anything: cannot open /dev/ptmx: No such file or directory."* ]]
	run -0 no_terminals "$PROGRAM" --check --json
	[[ $output == *'"terminals-error": "cannot open /dev/ptmx: No such file or directory", '* ]]
	run -0 no_terminals "$PROGRAM" --runtime=userns --install --tarball "$TARBALL" --no-channel-add
	[[ $output == *"warning: Nix will not be able to build anything here: cannot open /dev/ptmx"* ]]
}

@test "--check has a line for each, and the status is that of any" {
	run -0 no_users "$PROGRAM" --check
	[[ $output == *$'\n  userns                unshare: '* ]]
	[[ $output == *$'\n  mountns               works\n'* ]]
	[[ $output == *$'\n  proot                 NIX_USER_CHROOT_PROOT is /nowhere'* ]]
	run -0 no_users "$PROGRAM" --check --json
	[[ $output == *'"runtime": "mountns", "runtimes": ['* ]]
	run -1 no_users "$PROGRAM" --check --runtime=userns
	run -0 in_container -- "$PROGRAM" --check --json
	[[ $output == *'"runtime": "direct", '* ]]
	with_proot
	run -0 no_namespaces "$PROGRAM" --check --runtime=proot
	[[ $output == *$'\n  proot                 works\n'* ]]
}
