#!/usr/bin/env bats
#
# --bundle: one file that contains the program and a Nix. Tests installing from the file without a network as an
# unprivileged user, running a command before anything is installed, and files that were cut, changed, renamed, or
# half written.
#
# Environment: NIX_USER_CHROOT_SINGLE, the program built with --enable-single-binary (without it, all is
# skipped); RELEASES; see scripts/check.

# shellcheck disable=SC2154 # bats sets output, status and lines
# shellcheck disable=SC2153 # installing_suite sets PROGRAM
# shellcheck disable=SC2030,SC2031 # a test's variables end with it, which is what is wanted

bats_require_minimum_version 1.5.0
load ../mirror/mirror.bash
load ../integration/install.bash

setup_file()
{
	export NIX_USER_CHROOT=${NIX_USER_CHROOT_SINGLE:-}
	[ -x "$NIX_USER_CHROOT" ] || return 0
	installing_suite
	in_memory
	tiny_release "$SITE" 1.1.0
	cp "$SITE/nix-$TINY/install" "$BATS_FILE_TMPDIR/pointer"
	mkdir "$SITE/latest"
	mv "$BATS_FILE_TMPDIR/pointer" "$SITE/latest/install"
	BUNDLE=$BATS_FILE_TMPDIR/bundle
	HOME=$BATS_FILE_TMPDIR make_bundle "$BUNDLE"
	export BUNDLE
}

teardown_file()
{
	remove_tree ${SCRATCH:+"$SCRATCH"}
}

setup()
{
	[ -x "${NIX_USER_CHROOT_SINGLE:-}" ] || skip 'needs NIX_USER_CHROOT_SINGLE'
	new_home
	# both would start shells or download, in every test
	export NIX_USER_CHROOT_NO_CHANNEL_ADD=1 NIX_USER_CHROOT_NO_MODIFY_PROFILE=1
}

teardown()
{
	forget_lists
	cd /
	remove_tree "$BATS_TEST_TMPDIR"/* ${SCRATCH:+"$SCRATCH"/*}
}

# make_bundle FILE [OPTION...]: write a bundle of the real program and the tiny Nix of $SITE
make_bundle()
{
	local file=$1
	shift
	"$PROGRAM" -q --bundle "$file" --mirror "$SITE" "$@"
}

# offline COMMAND...: run COMMAND in a network namespace where not even the loopback device is up
offline()
{
	if [ "$(id -u)" -eq 0 ]; then
		unshare -n "$@"
	else
		unshare -n --map-user="$(id -u)" --map-group="$(id -g)" "$@"
	fi
}

size_of()
{
	stat -c %s "$1"
}

# nothing_but FILE...: does the working directory contain only these files?
nothing_but()
{
	[ "$(find . -mindepth 1 -maxdepth 1 ! -name .cache | sort)" = "$(printf './%s\n' "$@" | sort)" ]
}

# changed FILE OFFSET: flip a bit of the byte at OFFSET
changed()
{
	local byte

	byte=$(od -An -tu1 -j "$2" -N 1 "$1" | tr -d ' ')
	# shellcheck disable=SC2059
	printf "\\x$(printf %x $((byte ^ 1)))" | dd of="$1" bs=1 seek="$2" conv=notrunc status=none
}

# bundle_named NAME: write the bundle to ./file, with NAME as the tarball's
bundle_named()
{
	python3 - "$BUNDLE" file "$1" <<-'END'
		import sys
		data = bytearray(open(sys.argv[1], "rb").read())
		trailer = data[-256:]
		trailer[:128] = sys.argv[3].encode().ljust(128, b"\0")
		fingerprint = 0xcbf29ce484222325
		for byte in trailer[:232]: fingerprint = (fingerprint ^ byte) * 0x100000001b3 % 2**64
		trailer[232:240] = fingerprint.to_bytes(8, "little")
		open(sys.argv[2], "wb").write(bytes(data[:-256]) + trailer)
	END
	chmod +x file
}

@test "bundle: installs without a network, and what it leaves in ~/.local/bin is the program alone" {
	cp "$BUNDLE" file
	run -0 ./file --version
	[[ $output == *"In this file: Nix $TINY for $SYSTEM"* ]]
	run -0 offline ./file --install
	[[ $output != *downloading* ]]
	cmp "$HOME/.local/bin/nix-user-chroot" "$PROGRAM"
	[ "$(readlink .local/bin/nix)" = "$HOME/.local/bin/nix-user-chroot" ]
	no_leftovers
	grep -q "^complete $TINY $SYSTEM $(cat "$SITE/nix-$TINY/nix-$TINY-$SYSTEM.tar.xz.sha256") " \
		"$NIX/var/nix-user-chroot/record"
	run -0 offline ./.local/bin/nix --version
	[ "$output" = "nix (Nix) $TINY" ]
	# once more, by the bundle and by the installed program: there is nothing to do
	run -0 offline ./file --install
	[[ $output == *"nothing to do"* ]]
	run -0 "$HOME/.local/bin/nix-user-chroot" --uninstall --yes
	[ ! -e "$NIX/store" ] && [ ! -e "$HOME/.local/bin/nix-user-chroot" ]
}

@test "bundle: the bytes are on disk before they have the name, and then the name is" {
	local calls

	# the second time, the name is another file's
	for _ in first second; do
		strace -f -qq -y -e signal=none -e trace=fsync,linkat,renameat -o "$HOME/../trace" \
			"$PROGRAM" -q --bundle "$PWD/file" --mirror "$SITE"
		calls=$(sed -nE -e 's,^[0-9]+ +fsync\([0-9]+<[^>]*/[.#][^>]*>.*\) += 0$,bytes,p' \
			-e 's,^[0-9]+ +fsync\(.*\) += 0$,directory,p' \
			-e 's,^[0-9]+ +(linkat|renameat)\(.*"file".*\) += 0$,name,p' "$HOME/../trace" | tr '\n' ' ')
		[ "$calls" = "bytes name directory " ]
	done
}

@test "bundle: the real Nix, without a network" {
	make_bundle file --nix-version "$OLD"
	run -0 offline ./file --install -- nix --version
	[ "${lines[-1]}" = "nix (Nix) $OLD" ]
	clean_store
	no_leftovers
}

@test "bundle: a command where there is no Nix installs it first, once, and gets stdin, stdout and status" {
	cp "$BUNDLE" file
	# shellcheck disable=SC2016 # the inner shell expands them
	run -0 --separate-stderr bash -c 'echo hello | unshare -Un --map-user=$(id -u) --map-group=$(id -g) \
		./file -- sh -c "cat; nix --version"'
	[ "$output" = "hello"$'\n'"nix (Nix) $TINY" ]
	[[ $stderr == *"installing the one that is in this file"* ]]
	cmp "$HOME/.local/bin/nix-user-chroot" "$PROGRAM"
	run -3 --separate-stderr ./file -- sh -c 'exit 3'
	[ -z "$stderr" ]
	# a Nix directory that is named is not installed to: it is the user's own affair
	run -125 ./file "$HOME/none" true
	[ ! -e "$HOME/none" ]
	run -0 ./file --uninstall --yes
	run -0 ./file -q -c 'nix --version'
	[ "$output" = "nix (Nix) $TINY" ]
}

@test "bundle: whom to trust and which runtime, given with a command, count for the installation before it" {
	cp "$BUNDLE" file
	run ./file -q --trust-owner='no such user' -- true
	refused 'no such user'
	run ./file -q --shared-group='no such group' -- true
	refused 'no such group'
	# so do the variables of --install, which the command has no use for
	NIX_USER_CHROOT_NO_SHIMS=maybe run ./file -q -- true
	refused NIX_USER_CHROOT_NO_SHIMS
	[ ! -e "$NIX/store" ]
	mkdir -p "$NIX"
	chmod 2775 "$NIX"
	run ./file -q -- true
	refused "$NIX" --shared-group="$(id -gn)"
	run -0 ./file -q --shared-group="$(id -gn)" -- nix --version
	[ "$output" = "nix (Nix) $TINY" ]
	run -0 ./file --shared-group="$(id -gn)" --uninstall --yes
	chmod 755 "$NIX"
	# root may mount without a user namespace, and a user may not
	run ./file --runtime=mountns -- nix --version
	if [ "$status" -eq 0 ]; then
		grep -qx 'runtime mountns' "$NIX/var/nix-user-chroot/record"
	else
		[ "$status" -eq 125 ] && [ ! -e "$NIX/store" ]
	fi
}

@test "bundle: first use of two at once" {
	cp "$BUNDLE" file
	./file -- nix --version >one 2>&1 &
	run -0 ./file -- nix --version
	[ "${lines[-1]}" = "nix (Nix) $TINY" ]
	wait $!
	[ "$(tail -n 1 one)" = "nix (Nix) $TINY" ]
	no_leftovers
}

@test "bundle: renamed, and called through links" {
	mkdir sub
	cp "$BUNDLE" sub/other-name
	ln -s sub/other-name link
	ln -s sub/other-name nix
	run -0 ./link --version
	[[ $output == *"In this file: Nix $TINY"* ]]
	run -0 offline ./nix --version
	[ "${lines[-1]}" = "nix (Nix) $TINY" ]
	run -0 ./link --uninstall --yes
	run -0 offline ./link -- nix --version
	[ "${lines[-1]}" = "nix (Nix) $TINY" ]
	cmp "$HOME/.local/bin/nix-user-chroot" "$PROGRAM"
	# the bundle itself in a directory of PATH, and in the place where --install puts the program
	run -0 ./link --uninstall --yes
	PATH=$HOME/sub:$PATH run -0 offline other-name --install
	cmp "$HOME/.local/bin/nix-user-chroot" "$PROGRAM"
	run -0 ./link --uninstall --yes
	mkdir -p .local/bin
	mv sub/other-name .local/bin/nix-user-chroot
	run -0 offline nix-user-chroot --install
	cmp .local/bin/nix-user-chroot "$BUNDLE"
	run -0 nix --version
	[ "$output" = "nix (Nix) $TINY" ]
}

@test "bundle: what is explicit counts" {
	local sha256

	cp "$BUNDLE" file
	run -0 ./file --install --mirror "$SITE" --nix-version 1.1.0
	[[ $output == *"downloading file://$SITE/nix-1.1.0/"* ]]
	run -0 ./file --uninstall --yes
	run -0 ./file --install --tarball "$SITE/nix-1.1.0/nix-1.1.0-$SYSTEM.tar.xz"
	[[ $(./file -- nix --version) == "nix (Nix) 1.1.0" ]]
	run -0 ./file --uninstall --yes
	# options that describe the Nix in the bundle need no network; with those of another Nix see test_release
	sha256=$(cat "$SITE/nix-$TINY/nix-$TINY-$SYSTEM.tar.xz.sha256")
	run -0 offline ./file --install --nix-version "$TINY" --system "$SYSTEM" --sha256 "$sha256" --dry-run
	[[ $output == *"nix-$TINY-$SYSTEM.tar.xz in $HOME/file"* && $output != *download* ]]
	run -125 offline ./file --install --mirror "$HOME/none"
	[[ $output != *unpacking* ]]
	[ ! -e "$NIX/store" ]
}

@test "bundle: --check says what is inside" {
	cp "$BUNDLE" file
	run ./file --check
	[[ $output == *"In this file: Nix $TINY for $SYSTEM (nix-$TINY-$SYSTEM.tar.xz, "* ]]
	run --separate-stderr ./file --check --json
	python3 - "$TINY" "$SYSTEM" "$(size_of "$SITE/nix-$TINY/nix-$TINY-$SYSTEM.tar.xz")" "$output" <<-'END'
		import json, sys
		bundle = json.loads(sys.argv[4])["bundle"]
		assert bundle["version"] == sys.argv[1] and bundle["system"] == sys.argv[2], bundle
		assert bundle["bytes"] == int(sys.argv[3]) and bundle["error"] is None, bundle
	END
	run --separate-stderr "$PROGRAM" --check --json
	[[ $output == *'"bundle": null'* ]]
}

@test "bundle: cut anywhere, or with something added, it is refused, and nothing is changed" {
	local program whole at

	program=$(size_of "$PROGRAM")
	whole=$(size_of "$BUNDLE")
	for at in $((program + 1)) $((whole - 256)) $((whole - 1)) more; do
		cp "$BUNDLE" file
		if [ "$at" = more ]; then echo >>file; else truncate -s "$at" file; fi
		run ./file --install
		refused "$HOME/file cannot be used as a bundle" 'copy the file again'
		run ./file -- true
		refused 'cannot be used as a bundle' 'copy the file again'
		run -125 ./file --version
		[[ $output == *"cannot be used"* ]]
		nothing_but file
	done
	run -1 --separate-stderr ./file --check --json
	[[ $output == '{"ok": false, "enter": true'*'"bundle": {"version": null'* ]]
	# with --mirror the broken Nix in the bundle is not needed, and the installed program is whole
	run -0 ./file --install --mirror "$SITE"
	cmp "$HOME/.local/bin/nix-user-chroot" "$PROGRAM"
}

@test "bundle: changed, it is refused: the program, the tarball, and what describes them" {
	local program whole at

	program=$(size_of "$PROGRAM")
	whole=$(size_of "$BUNDLE")
	# change the last bytes of the program, which are headers that running it does not need, and others behind it
	for at in $((program - 1)) "$program" $((whole - 257)) $((whole - 256)) $((whole - 100)); do
		cp "$BUNDLE" file
		changed file "$at"
		run ./file --install
		[ "$status" -eq 125 ]
		[[ $output == *"copy the file again"* ]]
		[ ! -e "$NIX/store" ] && [ ! -e .local/bin ]
		run "$PROGRAM" -q --bundle out --mirror "$SITE" --program file
		[ "$at" -ge "$program" ] && [ "$at" -lt $((whole - 256)) ] || [ "$status" -eq 125 ]
	done
}

@test "bundle: of a tarball whose name is not that of a Nix it is refused" {
	local words='its tarball has a name that no tarball of Nix has'

	bundle_named other.tar.xz
	run -125 ./file --version
	[[ $output == *"$words"* && $output != *'In this file'* ]]
	run ./file --install
	refused "$HOME/file cannot be used as a bundle" "$words"
	run ./file -- true
	refused "$words"
	nothing_but file
}

@test "bundle: for another machine than this one it is refused" {
	local other=riscv64-linux

	[ "$SYSTEM" != "$other" ]
	mkdir -p "site/nix-$TINY"
	for end in tar.xz tar.xz.sha256; do
		cp "$SITE/nix-$TINY/nix-$TINY-$SYSTEM.$end" "site/nix-$TINY/nix-$TINY-$other.$end"
	done
	run "$PROGRAM" --bundle out --mirror "$HOME/site" --nix-version "$TINY" --system $other --program "$PROGRAM"
	refused "it is a program for $SYSTEM, and the Nix is for $other"
	[ ! -e out ]
	# a bundle that names the other system all the same, as it may where an emulator runs the program
	bundle_named "nix-$TINY-$other.tar.xz"
	run ./file --install
	refused "the Nix in $HOME/file is for $other, and this machine is $SYSTEM" "--system $SYSTEM"
	[ ! -e "$NIX/store" ]
	# the other system's program, from a release
	mkdir release
	head -c 65536 "$PROGRAM" >release/nix-user-chroot-9.9.9-$other
	changed release/nix-user-chroot-9.9.9-$other 18
	(cd release && sha256sum -- * >SHA256SUMS)
	run "$PROGRAM" --bundle out --mirror "$HOME/site" --nix-version "$TINY" --system $other --releases "$HOME/release"
	refused "release/nix-user-chroot-9.9.9-$other cannot begin a bundle"
	[ ! -e out ]
}

@test "bundle: of a bundle, and over one that runs, what is inside is another" {
	cp "$BUNDLE" file
	run -0 ./file --bundle file --mirror "$SITE" --nix-version 1.1.0
	[[ $output == *"file holds this program and Nix 1.1.0 for $SYSTEM"* ]]
	run -0 ./file --version
	[[ $output == *"In this file: Nix 1.1.0 for $SYSTEM"* ]]
	run -0 "$PROGRAM" --bundle other --mirror "$SITE" --nix-version 1.1.0 --program file
	cmp file other
	make_bundle third --nix-version 1.1.0
	cmp file third
	[ "$(stat -c %a file)" = 755 ]
	ln -s file link
	make_bundle link
	[ -L link ]
	cmp file "$BUNDLE"
}

@test "bundle: what is no program that can be one is refused" {
	local small

	echo '#!/bin/sh' >script
	head -c 100 "$PROGRAM" >half
	for file in script half . none /dev/null "$(command -v true)"; do
		run "$PROGRAM" --bundle out --mirror "$SITE" --program "$file"
		[ "$status" -eq 125 ]
		[[ $output == *"--program"* ]]
		[ ! -e out ]
	done
	small=${BUILD_DIR:-}/nix-user-chroot-install
	[ -x "$small" ] || return 0
	run "$PROGRAM" --bundle out --mirror "$SITE" --program "$small"
	refused 'it is no nix-user-chroot in one file'
}

@test "bundle: of no mirror, a wrong hash or a wrong place, nothing is left and what is there stays" {
	echo mine >out
	mkdir dir
	mkfifo fifo
	run "$PROGRAM" --bundle out --mirror "$HOME/none" --nix-version 1.0.0
	refused "there is no Nix 1.0.0 for $SYSTEM"
	run "$PROGRAM" --bundle out --mirror "$SITE" --sha256 "$(printf '%064d' 0)"
	refused 'SHA-256 mismatch'
	for place in dir fifo none/out out/ /proc/out ''; do
		run "$PROGRAM" --bundle "$place" --mirror "$SITE"
		[ "$status" -eq 125 ]
	done
	run "$PROGRAM" --bundle ./--mirror --mirror "$SITE" --nix-version 'no version'
	refused "is not a version of Nix"
	[ "$(cat out)" = mine ]
	nothing_but out dir fifo
	[ -z "$(ls -A .cache)" ]
}

@test "bundle: the directory of the download is removed while another one has it" {
	local cache=$HOME/.cache/nix-user-chroot

	mkdir -p "$cache"
	chmod 700 "$cache"
	exec 9<"$cache"
	flock 9
	"$PROGRAM" --bundle out --mirror "$SITE" >said 2>&1 3>&- 9>&- &
	wait_until 20 grep -q 'waiting for another --bundle' said
	# as that one does at its end
	rmdir "$cache"
	exec 9>&-
	wait $!
	chmod +x out
	./out -q -- nix --version >version
	[ "$(cat version)" = "nix (Nix) $TINY" ]
	[ ! -e "$cache" ]
}

@test "bundle: where the disk is full, nothing is left" {
	local size=$(($(size_of "$PROGRAM") / 1024 + 100))

	mkdir small
	# shellcheck disable=SC2016 # the inner shell expands it
	run unshare -Urm sh -c 'mount -t tmpfs -o size='$size'k none small &&
		{ "$PROGRAM" --bundle small/out --mirror "$SITE"; echo "status $?"; ls -A small; }'
	[[ $output == *"cannot write small/out: No space left on device"*"status 125" ]]
	ulimit -f $((size))
	run "$PROGRAM" --bundle out --mirror "$SITE"
	refused 'cannot write out: File too large'
	nothing_but small
}

@test "bundle: killed while it writes, at any instant, nothing is left by that name or beside it" {
	local pid delay

	for delay in 0.01 0.03 0.06 0.1 0.2; do
		"$PROGRAM" -q --bundle out --mirror "$SITE" --nix-version "$OLD" &
		pid=$!
		sleep $delay
		kill -9 $pid 2>/dev/null || :
		wait $pid || :
		# the child of the killed process ends, too
		# shellcheck disable=SC2016 # the inner shell expands them
		wait_until 10 bash -c '! pgrep -u "$(id -u)" -f "^$PROGRAM -q --bundle out"'
		nothing_but || { nothing_but out && ./out --version | grep "Nix $OLD" && rm out; }
	done
	# what the killed runs downloaded is used again, or does not disturb
	make_bundle out --nix-version "$OLD"
	[ -z "$(ls -A .cache)" ]
}
