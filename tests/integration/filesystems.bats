#!/usr/bin/env bats
#
# File systems that differ from a local disk: what --install finds out about them before it downloads, what it writes
# to nix.conf because of that, and whether its advice works.

# shellcheck disable=SC2016 # the inner shells expand what stands in single quotes
# shellcheck disable=SC2030,SC2031 # every test has a HOME and NIX of its own
# shellcheck disable=SC2153,SC2154 # bats sets output, status and lines; PROGRAM is set in install.bash

bats_require_minimum_version 1.5.0
load ../mirror/mirror.bash
load install.bash

setup()
{
	new_home
	mirror_clear_log
	MOUNT=$HOME/mount
	mkdir "$MOUNT" "$HOME/below"
}

teardown()
{
	mirror_clear_log
	cd /
	! mountpoint -q "$MOUNT" || fusermount3 -u "$MOUNT" || fusermount3 -u -z "$MOUNT"
	remove_tree "$BATS_TEST_TMPDIR"/* ${SCRATCH:+"$SCRATCH"/*}
}

# fuse COMMAND...: mount a FUSE file system on $MOUNT by COMMAND, and let Nix be installed there
fuse()
{
	type -P "$1" fusermount3 >/dev/null || skip "needs $1 and fusermount3"
	[ -c /dev/fuse ] || skip "needs /dev/fuse"
	"$@" 3>&- 4>&- || skip "cannot mount by $1 here"
	export NIX_USER_CHROOT_DIR=$MOUNT/nix
	NIX=$NIX_USER_CHROOT_DIR
}

# builds EXPRESSION: build a derivation that writes a directory and a file
builds()
{
	[ -n "$("$PROGRAM" -- nix-build --no-out-link -E 'derivation {
		name = "made"; system = builtins.currentSystem; builder = "/bin/sh";
		args = ["-c" "exec >$out; echo made"]; }' --option sandbox false --option substitute false)" ]
	"$PROGRAM" -- nix-build --no-out-link --option sandbox false --option substitute false -E 'derivation {
		name = "tree"; system = builtins.currentSystem; builder = "/bin/sh"; PATH = "/usr/bin:/bin";
		args = ["-c" "mkdir -p $out/a && echo x >$out/a/f"]; }'
}

works_and_goes()
{
	run -0 install --nix-version "$OLD"
	[ "$("$PROGRAM" -- nix --version)" = "nix (Nix) $OLD" ]
	clean_store
	builds
	run -0 "$PROGRAM" --uninstall --yes
	[ ! -e "$NIX" ]
}

@test "FUSE: no write-ahead log, all works, and --uninstall leaves nothing" {
	fuse bindfs --no-allow-other "$HOME/below" "$MOUNT"
	run -0 install --nix-version "$OLD"
	grep -qx 'use-sqlite-wal = false' "$NIX/etc/nix/nix.conf"
	grep -q 'on fuse' "$NIX/etc/nix/nix.conf"
	[ ! -e "$NIX/var/nix/db/db.sqlite-wal" ]
	# --install writes the same nix.conf again
	rm "$NIX/etc/nix/nix.conf"
	run -0 install
	grep -qx 'use-sqlite-wal = false' "$NIX/etc/nix/nix.conf"
	builds
	run -0 "$PROGRAM" --uninstall --yes
	[ -z "$(ls -A "$HOME/below")" ]
}

@test "FUSE: the program and its links are there too, and --uninstall by one of them leaves nothing" {
	local program=$PROGRAM
	fuse bindfs --no-allow-other "$HOME/below" "$MOUNT"
	export XDG_BIN_HOME=$MOUNT/bin
	run -0 install --nix-version "$TINY"
	[ ! -x "$XDG_BIN_HOME/nix-user-chroot" ] || program=$XDG_BIN_HOME/nix-user-chroot
	run -0 "$program" --uninstall --yes
	wait_until 5 [ -z "$(ls -A "$HOME/below")" ]
}

@test "FUSE: a file of the store that a process has open; --uninstall ends, says so, and continues later" {
	local file
	fuse bindfs --no-allow-other "$HOME/below" "$MOUNT"
	run -0 install --nix-version "$TINY"
	file=$(find "$NIX/store" -type f | head -n 1)
	exec 5<"$file"
	run -125 timeout 30 "$PROGRAM" --uninstall --yes
	exec 5<&-
	[[ $output == *"Directory not empty"*"a process still uses a file in there, or makes new ones: end it, then"* ]]
	run -0 "$PROGRAM" --uninstall --yes
	[ -z "$(ls -A "$HOME/below")" ]
}

@test "sshfs" {
	local server
	for server in /usr/lib/openssh/sftp-server /usr/libexec/openssh/sftp-server; do
		[ ! -x "$server" ] || break
	done
	[ -x "$server" ] || skip "needs sftp-server"
	printf '#!/bin/sh\nexec %s\n' "$server" >"$HOME/server"
	chmod +x "$HOME/server"
	fuse sshfs -o "ssh_command=$HOME/server" "here:$HOME/below" "$MOUNT"
	# the sshfs of Debian 12 can make symlinks, but not read them
	ln -s /nowhere "$MOUNT/link"
	if [ "$(readlink "$MOUNT/link")" = /nowhere ]; then
		works_and_goes
	else
		refused_early "Nix cannot use $NIX" fuse.sshfs symlink NIX_USER_CHROOT_DIR -- \
			install --nix-version "$TINY"
	fi
}

@test "a file system that keeps no mode" {
	fuse bindfs --no-allow-other --chmod-ignore "$HOME/below" "$MOUNT"
	refused_early "Nix cannot use $NIX" "of mode 0444" NIX_USER_CHROOT_DIR -- install --nix-version "$TINY"
	fusermount3 -u "$MOUNT"
	fuse bindfs --no-allow-other -p 0755 "$HOME/below" "$MOUNT"
	refused_early "Nix cannot use $NIX" "of mode 0444" NIX_USER_CHROOT_DIR -- install --nix-version "$TINY"
}

@test "a file system that refuses a change of mode" {
	fuse bindfs --no-allow-other --chmod-deny "$HOME/below" "$MOUNT"
	run install --nix-version "$TINY"
	refused NIX_USER_CHROOT_DIR
	[ "$(mirror_requests 'tar\.xz ')" -eq 0 ]
	[ -z "$(ls -A "$HOME/below")" ]
}

@test "a file system where what is made belongs to another, as on NFS with root_squash" {
	fuse bindfs --no-allow-other --force-user=daemon "$HOME/below" "$MOUNT"
	run install --nix-version "$TINY"
	refused "belongs to daemon" NIX_USER_CHROOT_DIR
	[ "$(mirror_requests 'tar\.xz ')" -eq 0 ]
}

@test "a file system without renames of directories" {
	fuse bindfs --no-allow-other --rename-deny "$HOME/below" "$MOUNT"
	run install --nix-version "$TINY"
	refused "Nix cannot use $NIX" "moved" NIX_USER_CHROOT_DIR
	[ "$(mirror_requests 'tar\.xz ')" -eq 0 ]
	# the lock is gone, too: FUSE would rename a file that is removed while open
	[ -z "$(ls -A "$MOUNT")" ]
}

@test "a default ACL and set-group-ID: what is made in there has neither" {
	local home=$HOME
	type -P setfacl >/dev/null || skip "needs setfacl"
	mkdir -m 2775 "$HOME/project"
	chgrp "$(id -G | tr ' ' '\n' | tail -n 1)" "$HOME/project"
	chmod 2775 "$HOME/project"
	setfacl -d -m u::rwx,g::rwx,g:1:rwx,m::rwx,o::rx "$HOME/project" || skip "needs a file system with ACLs"
	export NIX_USER_CHROOT_DIR=$HOME/project/nix
	NIX=$NIX_USER_CHROOT_DIR
	run -0 install --nix-version "$OLD"
	[ -z "$(getfacl -R -s -p "$NIX" 2>/dev/null)" ]
	[ -z "$(find "$NIX" -perm -2000)" ]
	builds
	clean_store
	run -0 "$PROGRAM" --uninstall --yes
	# a Nix directory that existed before keeps its ACL
	mkdir "$NIX"
	chmod g-w "$NIX"
	run -0 install --nix-version "$OLD"
	getfacl -s "$NIX" | grep -q default
	[ -z "$(getfacl -R -s -p "$NIX/store" 2>/dev/null)" ]
	[ "$(stat -c %a "$NIX/store")" = 755 ]
	builds
	HOME=$home run -0 "$PROGRAM" --uninstall --yes
}

@test "a HOME that is mounted noexec: what is advised works to the end" {
	local program=$PROGRAM
	mkdir "$HOME/other" "$HOME/home"
	export OTHER=$HOME/other
	run -0 unshare -Urm bash -ec '
		[ "$1" = root ] || true
		mount -t tmpfs -o noexec none "$HOME/home"
		export HOME=$HOME/home
		cd
		install=("$PROGRAM" --install --mirror "$MIRROR_URL" --cacert "$MIRROR_CA" --no-channel-add --nix-version "$1")
		! "${install[@]}" 2>"$OTHER/1"
		! NIX_USER_CHROOT_DIR=$OTHER/nix "${install[@]}" 2>"$OTHER/2"
		export NIX_USER_CHROOT_DIR=$OTHER/nix XDG_BIN_HOME=$OTHER/bin
		"${install[@]}"
		"$OTHER/bin/nix" --version
		"$PROGRAM" --uninstall --yes
		[ ! -e "$OTHER/nix" ] && [ ! -e "$OTHER/bin" ]
		unset XDG_BIN_HOME
		"${install[@]}" --no-shims
		"$PROGRAM" -- nix --version
	' bash "$TINY"
	[[ $(cat "$OTHER/1") == *noexec*NIX_USER_CHROOT_DIR*XDG_BIN_HOME* ]]
	[[ $(cat "$OTHER/2") == *.local/bin*noexec*XDG_BIN_HOME*--no-shims* ]]
	[ "$(mirror_requests 'tar\.xz ')" -eq 2 ]
}
