#!/usr/bin/env bats
#
# The binaries that scripts/build-static has made. What is not tested here is tested by the suites of
# tests/integration, run with
#
#     NIX_USER_CHROOT=dist/nix-user-chroot-VERSION-x86_64-linux BUILD_DIR=BUILD/x86_64
#
# after `scripts/build-static --build BUILD x86_64`.

# shellcheck disable=SC2154 # bats sets output, status and lines
# shellcheck disable=SC2030,SC2031 # a test's variables end with it, which is what is wanted
# shellcheck disable=SC2016 # the inner shells expand what stands in single quotes

bats_require_minimum_version 1.5.0
load ../mirror/mirror.bash
load ../integration/install.bash
load static.bash

ARCHS='x86_64 i686 aarch64 armv7l riscv64'
SIZE_MAX=4194304 # 4 MiB, what one `curl | sh` may cost

setup_file()
{
	static_suite || return 0
	NIX_USER_CHROOT=$PROGRAM installing_suite
	mirror_start "$SITE"
	empty_root "$BATS_FILE_TMPDIR/root"
}

teardown_file()
{
	[ -n "${PROGRAM:-}" ] || return 0
	mirror_stop
	remove_tree "${SCRATCH:-$BATS_FILE_TMPDIR/none}"
}

setup()
{
	[ -n "${PROGRAM:-}" ] || skip "needs static binaries in $DIST: run scripts/build-static"
	new_home
	export no_proxy=127.0.0.1,localhost
	root=$BATS_TEST_TMPDIR/root
	data=$SITE/nix-$TINY/nix-$TINY-$SYSTEM.tar.xz
}

teardown()
{
	[ -n "${PROGRAM:-}" ] || return 0
	tls_stop
	mirror_clear_log
	rm -rf "$SITE/nix-1.0.1"
	remove_tree "$BATS_TEST_TMPDIR"/* ${SCRATCH:+"$SCRATCH"/*}
}

# root_for ARCH: make a new empty root directory, with the binary as /nix-user-chroot
root_for()
{
	need_binary "$1"
	unshare --user --map-root-user --mount true 2>/dev/null ||
		skip "needs a host that lets users make namespaces"
	cp -a "$BATS_FILE_TMPDIR/root" "$root"
	cp "$(binary "$1")" "$root/nix-user-chroot"
	[ -z "$(find "$root" -name '*.so*' -print -quit)" ]
}

is_native()
{
	[[ $(uname -m)/$1 == "$1/$1" || $(uname -m)/$1 == x86_64/i686 ]]
}

# emulated ARCH [PROGRAM]: set the array emulated to the words that run the binary for ARCH, or PROGRAM
emulated()
{
	need_binary "$1"
	emulated=("${2:-$(binary "$1")}")
	if ! is_native "$1"; then
		command -v "qemu-${1/armv7l/arm}-static" >/dev/null || skip "needs qemu-${1/armv7l/arm}-static"
		emulated=("qemu-${1/armv7l/arm}-static" "${emulated[@]}")
	fi
}

# need_test_program ARCH NAME: set program to the path of that program, or skip the test if it was not built
need_test_program()
{
	program=${STATIC_BUILD:-}/$1/tests/$2
	[ -x "$program" ] ||
		skip "needs the test programs: scripts/build-static --build DIR $1, STATIC_BUILD=DIR"
}

@test "each binary is static, position-independent and stripped, and no segment is writable code" {
	local arch file segments

	for arch in $ARCHS; do
		file=$(binary "$arch")
		[ -x "$file" ] || continue
		segments=$(LC_ALL=C readelf --wide --file-header --segments --dynamic "$file")
		[[ $segments == *'Type:'*'DYN '* ]]
		[[ $segments != *INTERP* && $segments != *NEEDED* && $segments != *RWE* ]]
		[[ $segments == *GNU_STACK* && $segments == *GNU_RELRO* ]]
		run -0 readelf --wide --sections "$file"
		[[ $output != *.symtab* && $output != *.debug* && $output != *.interp* ]]
	done
}

@test "each binary is within its size, and names no directory of its build" {
	local arch file

	for arch in $ARCHS; do
		file=$(binary "$arch")
		[ -x "$file" ] || continue
		echo "$arch: $(stat -c %s "$file") of $SIZE_MAX bytes"
		[ "$(stat -c %s "$file")" -le $SIZE_MAX ]
		# /proc/%ld/root is a text of the program itself
		run -1 grep -aE 'nix-user-chroot-static|(^|[^d])/root/|/home/[^m]|/build/|/sysroot/' "$file"
	done
}

@test "SHA256SUMS names all binaries, and no other file" {
	cd "$DIST"
	sha256sum --check --strict --quiet SHA256SUMS
	diff <(sed 's/^[0-9a-f]\{64\}  //' SHA256SUMS) \
		<(printf '%s\n' "nix-user-chroot-$VERSION"-*-linux proot-*)
}

@test "PRoot: as static as the others, of each architecture that it knows, with its source beside it" {
	local arch file proot

	proot=proot-$(awk '$1 == "proot" { print $2 }' "$BATS_TEST_DIRNAME/../../scripts/static/pins")
	for arch in x86_64 i686 aarch64 armv7l; do
		[ -x "$(binary $arch)" ] || continue
		file=$DIST/$proot-$arch-linux
		run -0 env LC_ALL=C readelf --wide --segments --dynamic --sections "$file"
		[[ $output != *INTERP* && $output != *NEEDED* && $output != *RWE* && $output != *.symtab* ]]
		run -1 grep -aE 'nix-user-chroot-static|/root/|/home/[^m]|/sysroot/' "$file"
		emulated "$arch" "$file"
		run -0 "${emulated[@]}" --version
		[[ $output == *" ${proot#*-}"* ]]
	done
	[ ! -e "$DIST/$proot-riscv64-linux" ]
	run -0 tar -tf "$DIST/$proot-source.tar.xz"
	has_words README proot.bash "$proot/COPYING" "$proot/src/cli/proot.c" talloc/talloc.c
}

@test "each binary starts, and knows its version" {
	local arch

	for arch in $ARCHS; do
		[ -x "$(binary "$arch")" ] || continue
		emulated "$arch"
		run -0 "${emulated[@]}" --version
		[ "${lines[0]}" = "nix-user-chroot $VERSION" ]
		run -0 "${emulated[@]}" --help
		[[ $output == *--install* ]]
		run -125 "${emulated[@]}" --no-such-option
	done
}

@test "x86_64 on a root without a library: --check, --install over HTTPS, Nix, a sandboxed build" {
	[ "$(uname -m)" = x86_64 ] || skip "needs an x86_64 machine"
	root_for x86_64
	mkdir -p "$root/etc/ssl/certs"
	cp "$MIRROR_CA" "$root/etc/ssl/certs/ca-certificates.crt"

	run -0 in_root "$root" /nix-user-chroot --check
	[[ ${lines[-1]} == "Yes: entering and --install will work here"* ]]
	# --install finds the CA bundle where Debian has it
	run -0 in_root "$root" /nix-user-chroot --install --mirror "$MIRROR_URL" --no-channel-add
	[[ $output == *'nix (Nix) 2.26.3 is installed in /home/me/.local/share/nix'$'\n'* ]]
	run -0 in_root "$root" /nix-user-chroot -- nix --version
	[ "$output" = 'nix (Nix) 2.26.3' ]
	# run the copy of the program by the name of a command of Nix
	run -0 in_root "$root" /home/me/.local/bin/nix --version
	[ "$output" = 'nix (Nix) 2.26.3' ]
	cmp "$root/home/me/.local/bin/nix-user-chroot" "$root/nix-user-chroot"
	run -0 in_root "$root" /nix-user-chroot -- sh -c 'cat "$(nix-build --no-out-link \
		--option sandbox true --option substitute false -E "
		derivation { name = \"x\"; system = builtins.currentSystem; builder = \"/bin/sh\";
			args = [ \"-c\" \"echo hello > \$out\" ]; }" 2>/dev/null)"'
	[ "$output" = hello ]
	run -0 in_root "$root" /nix-user-chroot -- sh -c 'nix-store --verify --check-contents 2>&1'
	[[ $output != *error* && $output != *warning* ]]
}

@test "x86_64 on a root without a library: no CA bundle, or another CA's, and nothing is installed" {
	[ "$(uname -m)" = x86_64 ] || skip "needs an x86_64 machine"
	root_for x86_64
	run -125 in_root "$root" /nix-user-chroot --install --mirror "$MIRROR_URL" --no-channel-add
	[[ $output == *certificate* ]]
	mkdir -p "$root/etc/pki/tls/certs"
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout /dev/null \
		-subj /CN=another -out "$root/etc/pki/tls/certs/ca-bundle.crt" 2>/dev/null
	run -125 in_root "$root" /nix-user-chroot --install --mirror "$MIRROR_URL" --no-channel-add
	[[ $output == *certificate* ]]
	[ -z "$(find "$root/home/me" -type f)" ]
	[ "$(mirror_requests '^GET')" -eq 0 ]
	# with the right bundle it works
	cp "$MIRROR_CA" "$root/etc/pki/tls/certs/ca-bundle.crt"
	run -0 in_root "$root" /nix-user-chroot --install --mirror "$MIRROR_URL" --nix-version "$TINY"
}

@test "i686 on a root without a library: --check, --install, entering" {
	[[ $(uname -m) == x86_64 || $(uname -m) == i?86 ]] || skip "needs a machine that runs i686"
	root_for i686
	mkdir -p "$root/etc/ssl"
	cp "$MIRROR_CA" "$root/etc/ssl/cert.pem"
	SYSTEM=i686-linux tiny_release "$SITE" 1.0.1

	run -0 in_root "$root" /nix-user-chroot --check
	# by default an i686 binary installs the Nix for i686
	run -0 in_root "$root" /nix-user-chroot --install --mirror "$MIRROR_URL" \
		--nix-version 1.0.1 --no-channel-add
	[ "$(mirror_requests 'nix-1.0.1-i686-linux.tar.xz ')" -eq 1 ]
	run -0 in_root "$root" /nix-user-chroot -- nix --version
	[ "$output" = 'nix (Nix) 1.0.1' ]
	run -7 in_root "$root" /nix-user-chroot -- sh -c 'exit 7'
}

@test "i686 installs the real Nix, where it can run it" {
	[ "$(uname -m)" = x86_64 ] || skip "needs an x86_64 machine"
	need_binary i686
	run -0 "$(binary i686)" --install --system x86_64-linux --mirror "$MIRROR_URL" \
		--cacert "$MIRROR_CA" --no-channel-add
	run -0 "$(binary i686)" -- nix --version
	[ "$output" = 'nix (Nix) 2.26.3' ]
	PROGRAM=$(binary i686) clean_store
	no_leftovers
}

@test "names come from /etc/hosts" {
	local arch

	for arch in x86_64 i686; do
		root_for $arch
		printf '127.0.0.1\treleases.test alias.test\n' >"$root/etc/hosts"
		downloads in_root "$root" /nix-user-chroot \
			"${MIRROR_HTTP_URL/127.0.0.1/alias.test}${data#"$SITE"}" "$data"
		remove_tree "$root"
	done
}

@test "names come from the name server of /etc/resolv.conf" {
	local network

	root_for x86_64
	bwrap --unshare-user --unshare-net --bind / / true 2>/dev/null ||
		skip "needs bubblewrap, which can set up a network of its own"
	network=(bwrap --unshare-user --unshare-net --uid 0 --gid 0 --die-with-parent
		--cap-add ALL --dev-bind / / --
		/usr/bin/python3 "$BATS_TEST_DIRNAME/name-server.py" "$SITE")
	echo 'nameserver 127.0.0.1' >"$root/etc/resolv.conf"
	export -f in_root
	inside=(bash -c 'in_root "$@"' - "$root" /nix-user-chroot)
	downloads "${network[@]}" "${inside[@]}" "http://releases.test:8080${data#"$SITE"}" "$data"
	# a host name that does not exist
	run -125 "${network[@]}" "${inside[@]}" --install --no-channel-add \
		--tarball http://other.test:8080/x --sha256 "$(printf '%064d' 0)"
	[[ $output == *other.test* ]]
}

# certificate KIND OPTION...: make cert.pem and key.pem in HOME, of a CA that is its own server
certificate()
{
	openssl req -x509 -nodes -subj /CN=localhost -addext subjectAltName=DNS:localhost \
		-days 2 -keyout "$HOME/key.pem" -out "$HOME/cert.pem" -newkey "$@" 2>/dev/null
}

# tls OPTION...: check that every binary which runs here downloads from a server with these OPTIONs
tls()
{
	local arch tried=0

	tls_server "$data" -cert "$HOME/cert.pem" -key "$HOME/key.pem" "$@"
	for arch in $ARCHS; do
		if [ ! -x "$(binary "$arch")" ] || ! is_native "$arch"; then
			continue
		fi
		echo "$arch: $*"
		downloads "$(binary "$arch")" --cacert "$HOME/cert.pem" "$TLS_URL" "$data"
		tried=$((tried + 1))
	done
	[ "$tried" -gt 0 ]
	tls_stop
}

@test "TLS 1.3 with each of its ciphers, and certificates of P-256, P-384 and Ed25519" {
	certificate ec -pkeyopt ec_paramgen_curve:P-256
	tls -tls1_3 -ciphersuites TLS_AES_128_GCM_SHA256 -groups P-256
	certificate ec -pkeyopt ec_paramgen_curve:P-384
	tls -tls1_3 -ciphersuites TLS_AES_256_GCM_SHA384 -groups P-384
	certificate ed25519
	tls -tls1_3 -ciphersuites TLS_CHACHA20_POLY1305_SHA256 -groups X25519
}

@test "TLS 1.2 with RSA and ECDSA, AES-GCM, AES-CBC and ChaCha20" {
	certificate rsa:2048
	tls -tls1_2 -cipher ECDHE-RSA-AES128-GCM-SHA256
	tls -tls1_2 -cipher ECDHE-RSA-CHACHA20-POLY1305
	tls -tls1_2 -cipher ECDHE-RSA-AES256-SHA384 -groups P-256
	certificate ec -pkeyopt ec_paramgen_curve:P-256
	tls -tls1_2 -cipher ECDHE-ECDSA-AES256-GCM-SHA384
}

@test "TLS 1.1 is refused" {
	certificate rsa:2048
	tls_server "$data" -cert "$HOME/cert.pem" -key "$HOME/key.pem" -tls1_1 \
		-cipher 'ALL:@SECLEVEL=0'
	# the server works with a client that accepts its protocol
	openssl s_client -connect "$(cut -d / -f 3 <<<"$TLS_URL")" -tls1_1 \
		-cipher 'ALL:@SECLEVEL=0' </dev/null
	run -125 "$PROGRAM" --install --no-channel-add --cacert "$HOME/cert.pem" \
		--tarball "$TLS_URL" --sha256 "$(printf '%064d' 0)"
	[[ $output != *"SHA-256 mismatch"* ]]
	[[ $output == *"TLS"* ]]
}

# with_emulator FUNCTION: call FUNCTION ARCH for each architecture that needs an emulator on this machine
with_emulator()
{
	local arch tried=

	for arch in aarch64 armv7l riscv64; do
		if [ -x "$(binary $arch)" ] && [ "$(uname -m)" != $arch ]; then
			"$1" $arch
			tried=1
			mirror_clear_log
			remove_tree "$BATS_TEST_TMPDIR"/*
			new_home
		fi
	done
	[ -n "$tried" ] || skip "needs a static binary of another architecture: run scripts/build-static"
}

@test "by an emulator: --check says what is missing, and --install leaves nothing" {
	check_by_emulator() {
		emulated "$1"
		SYSTEM=$1-linux tiny_release "$BATS_TEST_TMPDIR/site" 1.0.1
		# the emulator is a process with several threads, to which the kernel refuses a user namespace. Check
		# this runtime only: whether another works depends on the host.
		export NIX_USER_CHROOT_RUNTIME=userns
		run -1 "${emulated[@]}" --check
		[[ $output == *'user namespace        failed'* && $output == *emulator* ]]
		run -125 "${emulated[@]}" --install --mirror "$BATS_TEST_TMPDIR/site" --nix-version 1.0.1
		[[ $output == *'cannot install on this host'* ]]
		[ -z "$(ls -A "$HOME")" ]
	}
	with_emulator check_by_emulator
}

# downloads_by_emulator ARCH: check downloads from servers with various protocols
downloads_by_emulator()
{
	local program protocol options

	need_test_program "$1" fetch
	emulated "$1" "$program"
	certificate ec -pkeyopt ec_paramgen_curve:P-256
	while read -r protocol options; do
		# shellcheck disable=SC2086 # a list of words
		tls_server "$data" -cert "$HOME/cert.pem" -key "$HOME/key.pem" $protocol $options
		fetches "${emulated[@]}" --cacert "$HOME/cert.pem" "$TLS_URL" "$data"
		tls_stop
	done <<-'END'
		-tls1_3 -ciphersuites TLS_AES_128_GCM_SHA256 -groups P-256
		-tls1_3 -ciphersuites TLS_CHACHA20_POLY1305_SHA256 -groups X25519
		-tls1_2 -cipher ECDHE-ECDSA-AES256-SHA384 -groups P-256
	END
	# a server with an unknown certificate is refused
	certificate ed25519
	mv "$HOME/cert.pem" "$HOME/other.pem"
	certificate ed25519
	tls_server "$data" -cert "$HOME/cert.pem" -key "$HOME/key.pem"
	run -1 "${emulated[@]}" --cacert "$HOME/other.pem" "$TLS_URL" "$HOME" file
	[[ $output == *"certificate cannot be trusted"* ]]
}

@test "by an emulator: downloads by TLS 1.2 and 1.3 with each kind of cipher" {
	with_emulator downloads_by_emulator
}

# unpacks_by_emulator ARCH: compare what the binary unpacks with what tar unpacks
unpacks_by_emulator()
{
	local program tarball

	need_test_program "$1" fetch
	emulated "$1" "$program"
	tarball=$RELEASES/nix-$OLD/nix-$OLD-$SYSTEM.tar.xz
	fetches "${emulated[@]}" --cacert "$MIRROR_CA" \
		"$MIRROR_URL/nix-$OLD/${tarball##*/}" "$tarball"
	mkdir "$HOME/ours" "$HOME/theirs"
	need_test_program "$1" extract
	emulated "$1" "$program"
	(cd "$HOME/ours" && "${emulated[@]}" <"$tarball" >"$HOME/report")
	tar -C "$HOME/theirs" -xf "$tarball"
	diff <(cd "$HOME/ours" && find . -printf '%p %y %l\n' | LC_ALL=C sort) \
		<(cd "$HOME/theirs" && find . -printf '%p %y %l\n' | LC_ALL=C sort)
	diff -r --no-dereference "$HOME/ours" "$HOME/theirs"
	# a tarball that was cut short is refused
	(cd "$HOME/ours" && head -c 1000000 "$tarball" | run ! "${emulated[@]}")
}

@test "by an emulator: the real tarball is verified, and unpacked as tar does it" {
	with_emulator unpacks_by_emulator
}
