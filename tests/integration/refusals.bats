#!/usr/bin/env bats
#
# Hosts that refuse in other ways than those of check.bats: what --check reports, and how an entry fails.

# shellcheck disable=SC2016 # the inner shells expand
# shellcheck disable=SC2154 # bats sets output and status

bats_require_minimum_version 1.5.0
load common

setup()
{
	entering
	REFUSE=$(realpath "$BUILD_DIR")/tests/refuse
}

teardown()
{
	leaving
}

# print $output on one line
flat()
{
	tr -s '[:space:]' ' ' <<<"$output"
}

@test "a filter that kills: entering says so, whichever runtime" {
	fails 125 "cannot create the namespaces: unshare: killed by signal 31" "seccomp filter" -- \
		"$REFUSE" unshare=kill -- "$PROGRAM" --runtime=userns "$NIX" true
	fails 125 "mount: killed by signal 31" "seccomp filter" -- \
		"$REFUSE" mount=kill -- "$PROGRAM" --runtime=userns "$NIX" true
	run "$REFUSE" unshare=kill -- env NIX_USER_CHROOT_PROOT=/none "$PROGRAM" "$NIX" true
	[ "$status" -eq 125 ]
	[[ $output == *"cannot create a user and mount namespace"*"seccomp filter"* ]]
}

@test "systemd: SystemCallFilter= where mounting is refused, RestrictNamespaces= where it is namespaces" {
	cp "$REFUSE" "$SCRATCH/refuse"
	export NIX_USER_CHROOT_PROOT=/none
	# on a host without any sign of a container
	run -0 on_host : "$SCRATCH/refuse" mount -- /program --check
	[[ $output == *"SystemCallFilter=@mount"* && $output != *RestrictNamespaces* ]]
	run -0 on_host : "$SCRATCH/refuse" unshare -- /program --check
	[[ $output == *"RestrictNamespaces=no"* ]]
}

@test "/proc is read-only: said, and entering takes a runtime that works" {
	local words
	require_user
	words=$(unshare --user --map-root-user --mount sh -ec '
		mount -o remount,ro,bind /proc
		"$0" --check
		! "$0" --runtime=userns "$NIX" true
		"$0" "$NIX" cat /nix/name' "$PROGRAM" 2>&1)
	[[ $words == *"user and group IDs    failed: /proc/self/setgroups: Read-only file system"* ]]
	[[ $words == *"/proc is mounted read-only here"*"remount,rw /proc"* ]]
	[[ $words == *"cannot write /proc/self/setgroups: Read-only"*ours ]]
}

@test "/proc with subset=pid: Nix would build without a sandbox, and that is said" {
	run -0 unshare --user --map-root-user --mount --pid --fork sh -ec '
		mount -t proc -o subset=pid proc /proc 2>/dev/null || exit 77
		exec "$0" --check' "$PROGRAM"
	[[ $output == *"/proc for a sandbox   failed: /proc/sys/user: No such file"* ]]
	[[ $output == *"sandbox = false"*"subset=pid"*"Nix takes"*"ProcSubset=all"* ]]
}

@test "root without CAP_SETFCAP: that it is this, and what gives it" {
	require_root
	run setpriv --bounding-set -setfcap --inh-caps -setfcap "$PROGRAM" --check
	[[ $output == *"user and group IDs    failed: /proc/self/uid_map: Operation not permitted"* ]]
	[[ $(flat) == *"lacks the capability CAP_SETFCAP"*"--cap-add=SETFCAP"* ]]
	[[ $output != *seccomp* ]]
	fails 125 "/proc/self/uid_map: Operation not permitted" "CAP_SETFCAP" -- setpriv --bounding-set -setfcap \
		--inh-caps -setfcap "$PROGRAM" --runtime=userns "$NIX" true
	[ "$(setpriv --bounding-set -setfcap --inh-caps -setfcap "$PROGRAM" "$NIX" cat /nix/name)" = ours ]
}

@test "a home that is read-only, as ProtectHome= makes it: --check looks at the Nix directory" {
	run -1 unshare --user --map-root-user --mount sh -ec '
		mount --bind "$HOME" "$HOME" && mount -o remount,ro,bind "$HOME"
		"$0" --check --json || true; exec "$0" --check' "$PROGRAM"
	[[ $output == *'"ok": false, "enter": true, "install": false'*'"directory-error": "Read-only file system"'* ]]
	[[ $(flat) == *"No: entering would work here, but there is no Nix in $HOME/.local/share/nix"*ProtectHome* ]]
	# if Nix is installed, entering is all that is needed
	mkdir -p "$HOME/.local/share/nix/store"
	unshare --user --map-root-user --mount sh -ec '
		mount --bind "$HOME" "$HOME" && mount -o remount,ro,bind "$HOME"
		exec "$0" --check' "$PROGRAM"
	NIX_USER_CHROOT_DIR=$NIX "$PROGRAM" --check
}

@test "bwrap --disable-userns: the limit, and whose it may be" {
	command -v bwrap >/dev/null || skip "needs bwrap"
	bwrap --dev-bind / / --unshare-user --disable-userns true 2>/dev/null || skip "needs a newer bwrap"
	run bwrap --dev-bind / / --unshare-user --disable-userns "$PROGRAM" --check
	[[ $output == *"user namespace        failed: unshare: No space left on device"* ]]
	[[ $(flat) == *"bwrap --disable-userns sets one"* ]]
}

@test "a chroot to a mount point within a mount namespace: that it may be one" {
	mkdir "$SCRATCH/root"
	PATH=$PATH:/usr/sbin run -125 unshare --user --map-root-user --mount sh -ec '
		mount --rbind / "$SCRATCH/root"
		exec chroot "$SCRATCH/root" "$@"' sh "$PROGRAM" --runtime=userns "$NIX" true
	[[ $output == *"as it does in a chroot"* ]]
}

# lxc LINE...: run --check as another user in a container that LXC makes, with LINEs in its configuration
lxc()
{
	local root=$BATS_TEST_TMPDIR/root dir

	mkdir -p "$root"/{usr,etc,tmp,proc,sys,dev,run,var}
	for dir in bin lib lib64 sbin; do
		ln -sfn "usr/$dir" "$root/$dir"
	done
	{
		printf 'lxc.mount.entry = %s none ro,bind 0 0\n' '/usr usr' '/etc etc'
		printf '%s\n' "lxc.rootfs.path = dir:$root" 'lxc.net.0.type = none' 'lxc.mount.auto = proc:mixed sys:mixed' \
			'lxc.apparmor.profile = unconfined' 'lxc.mount.entry = tmpfs tmp tmpfs rw,create=dir 0 0' \
			"lxc.mount.entry = $(dirname "$PROGRAM") tmp/program none bind,create=dir 0 0" "$@"
	} >"$BATS_TEST_TMPDIR/config"
	cd /
	timeout 60 lxc-execute -P "$BATS_TEST_TMPDIR" -n nuc$$ -f "$BATS_TEST_TMPDIR/config" -- setpriv --reuid 64321 \
		--regid 64321 --clear-groups env -i PATH=/usr/bin HOME=/tmp "/tmp/program/${PROGRAM##*/}" --check 2>&1
}

@test "LXC with and without nesting: the build sandbox alone needs it, and the switch is named" {
	[ "$(id -u)" -eq 0 ] && type -P lxc-execute >/dev/null || skip "needs root and lxc"
	run lxc
	[[ $output == *'user namespace'* ]] || skip "LXC makes no container here"
	[[ $output == *'in a container (lxc)'*'user namespace        ok'*'/proc for a sandbox   failed'* ]]
	[[ $output == *'entering and --install will work here'*nesting.conf*security.nesting=true* ]]
	run lxc 'lxc.mount.entry = proc dev/.lxc/proc proc create=dir,optional 0 0'
	[[ $output == *'/proc for a sandbox   ok'*"and so will Nix's build sandbox"* ]]
}
