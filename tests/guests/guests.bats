#!/usr/bin/env bats
#
# Hosts that differ in what a root directory of our own cannot change: a file system, the kernel, the processor. Each
# test boots a guest of qemu, or builds for another processor; see the script guest.
#
# Environment: BUILD_DIR and RELEASES, as in ../integration; GUESTS, the directory that `guest images` has filled.

# shellcheck disable=SC2154 # bats sets output and status

bats_require_minimum_version 1.5.0

setup_file()
{
	: "${GUESTS:?the directory of the images: tests/guests/guest images DIR}" "${RELEASES:?}" "${BUILD_DIR:?}"
	export TREE=$BATS_TEST_DIRNAME
}

setup()
{
	[ "$(uname -m)" = x86_64 ] || skip "the guests are for x86_64"
	mkdir "$BATS_TEST_TMPDIR/work"
}

# guest IMAGE COMMAND [OPTION...]: boot IMAGE, and run COMMAND there, which must end with status 0
guest()
{
	type -P qemu-system-x86_64 qemu-system-aarch64 >/dev/null || skip "needs qemu: scripts/deps guests"
	"$TREE/guest" boot "$GUESTS/$1" "$BATS_TEST_TMPDIR/work" "/guest/tree/inside/$2" \
		--share "tree=$TREE" --share "build=${build:-$BUILD_DIR}" --share "releases=$RELEASES" \
		--seconds 3600 "${@:3}" 3>&- 4>&-
}

# unpack_tests IMAGE GNU MULTIARCH [LDFLAGS]: build the unit tests of unpacking for the processor of IMAGE, in $build
unpack_tests()
{
	local tree=$GUESTS/$1/tree top=$TREE/../..

	type -P "$2-gcc" >/dev/null || skip "needs $2-gcc: scripts/deps guests"
	build=$BATS_TEST_TMPDIR/build
	mkdir "$build"
	cd "$build" || return
	PKG_CONFIG_LIBDIR=$tree/usr/lib/$3/pkgconfig:$tree/usr/share/pkgconfig PKG_CONFIG_SYSROOT_DIR=$tree \
		"$top/configure" --quiet --enable-werror --host="$2" CC="$2-gcc --sysroot=$tree" LDFLAGS="${4:-}"
	make --silent "${unpack[@]}"
}

unpack=(tests/unit/unpack/test_{seccomp,confine,unpack,unpack_sandbox})

@test "the Nix directory on 9p: --install works, without SQLite's WAL; --uninstall leaves nothing" {
	mkdir "$BATS_TEST_TMPDIR/nix"
	guest here 9p --share "nix=$BATS_TEST_TMPDIR/nix:mapped-xattr"
}

@test "home and Nix directory on NFS: the same, and no .nfs file stays" {
	guest here 'nfs user'
}

@test "on NFS as root without root_squash: --install works, --uninstall leaves nothing" {
	guest here 'nfs root'
}

@test "on NFS as root, whom the server makes nobody: refused before the download" {
	guest here 'nfs squashed'
}

@test "an arm64 kernel: the filter of the process that unpacks, for real" {
	unpack_tests arm64 aarch64-linux-gnu aarch64-linux-gnu
	run -0 guest arm64 confined
	echo "$output"
	[[ $output == aarch64* && $output == *'ok 8 - test_kernel'* ]]
}

@test "a kernel with AppArmor: what it refuses is explained, and the shipped profile lets us enter" {
	guest apparmor apparmor --append 'apparmor=1 security=apparmor' \
		--share "profile=$TREE/../../scripts/packaging/debian"
}
