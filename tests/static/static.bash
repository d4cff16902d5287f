# shellcheck shell=bash
#
# What static.bats needs in addition to ../integration/install.bash. `load` it after that file.
#
#   static_suite              in setup_file: find the binaries that scripts/build-static has made; set and
#                             export DIST, VERSION and PROGRAM, the binary for this machine; fail if there
#                             is none
#   binary ARCH               print the path of the binary for ARCH
#   need_binary ARCH          skip the test if there is no binary for ARCH
#   empty_root DIR            make DIR a root directory with a static busybox in /bin and nothing else
#   in_root DIR COMMAND...    run COMMAND as root of a user namespace in that root directory, with a /proc,
#                             the /dev and the network of this host, and HOME=/home/me
#   tls_server FILE OPTION... start a server, `openssl s_server`, that serves FILE; set TLS_URL
#   tls_stop                  in teardown: end the server
#   downloads COMMAND... URL FILE   check that COMMAND (a binary, perhaps run by an emulator) downloads URL
#                             with --install, and gets the contents of FILE; nothing is installed
#   fetches COMMAND... URL FILE     the same by tests/fetch, where no namespaces can be made
#
# Environment: STATIC_DIST, the directory of the binaries (by default dist/ in the top directory); STATIC_BUILD, the
# directory that was given to `scripts/build-static --build`; RELEASES, as in scripts/check.

static_suite()
{
	local machine

	DIST=$(realpath -m "${STATIC_DIST:-$BATS_TEST_DIRNAME/../../dist}")
	machine=$(uname -m)
	PROGRAM=$(find "$DIST" -name "nix-user-chroot-*-$machine-linux" 2>/dev/null |
		sort -V | tail -n 1)
	VERSION=${PROGRAM##*/nix-user-chroot-}
	VERSION=${VERSION%-"$machine"-linux}
	export DIST VERSION PROGRAM
	[ -n "$PROGRAM" ]
}

binary()
{
	echo "$DIST/nix-user-chroot-$VERSION-$1-linux"
}

need_binary()
{
	[ -x "$(binary "$1")" ] || skip "needs $(binary "$1"): run scripts/build-static $1"
}

empty_root()
{
	local busybox applet

	mkdir -p "$1/bin" "$1/dev" "$1/etc" "$1/home/me" "$1/proc" "$1/tmp"
	# take the busybox of the release: Debian's own may be linked dynamically
	busybox=$(tar -tf "$RELEASES/nix-$OLD/nix-$OLD-$SYSTEM.tar.xz" | grep '/bin/busybox$')
	tar -xOf "$RELEASES/nix-$OLD/nix-$OLD-$SYSTEM.tar.xz" "$busybox" >"$1/bin/busybox"
	chmod 755 "$1/bin/busybox"
	for applet in $("$1/bin/busybox" --list); do
		[ -e "$1/bin/$applet" ] || ln -s busybox "$1/bin/$applet"
	done
}

in_root()
{
	local root=$1
	shift

	# shellcheck disable=SC2016 # the inner shell expands it
	# not by bwrap, which covers parts of /proc: then the kernel refuses a new /proc to Nix's sandbox
	unshare --user --map-root-user --mount --pid --fork --kill-child bash -euc '
		mount --rbind "$1" "$1"
		mount -t proc proc "$1/proc"
		mount --rbind /dev "$1/dev"
		cd "$1"
		pivot_root . .
		umount -l .
		cd /
		exec /bin/env -i HOME=/home/me PATH=/bin "${@:2}"' - "$root" "$@"
}

tls_server()
{
	local file=$1 output line
	shift

	exec {output}< <(
		cd "${file%/*}" || exit
		exec openssl s_server -accept 127.0.0.1:0 -WWW "$@" </dev/null 2>&1 3>&- 4>&-
	)
	TLS_PID=$!
	while IFS= read -r -t 30 line <&"$output"; do
		if [[ $line == "ACCEPT "* ]]; then
			# shellcheck disable=SC2034 # for the tests
			TLS_URL=https://localhost:${line##*:}/${file##*/}
			# read on, so that the server never blocks on a full pipe
			cat <&"$output" >/dev/null 3>&- 4>&- &
			exec {output}<&-
			return
		fi
		echo "$line"
	done
	return 1
}

tls_stop()
{
	[ -n "${TLS_PID:-}" ] || return 0
	kill -TERM "$TLS_PID" 2>/dev/null || true
	timeout 10 tail --pid="$TLS_PID" -s 0.02 -f /dev/null
	unset TLS_PID
}

fetches()
{
	local file=${*: -1} url=${*: -2:1} directory

	directory=$(mktemp -d "$BATS_TEST_TMPDIR/fetch.XXXXXX")
	run -0 "${@:1:$#-2}" "$url" "$directory" file
	[ "$output" = "$(sha256sum "$file" | cut -c1-64) trusted" ]
	cmp "$file" "$directory/file.part"
}

# With a wrong digest --install ends after the download, and its message has the digest of what it got
downloads()
{
	local file=${*: -1} url=${*: -2:1} zeros

	zeros=$(printf '%064d' 0)
	run -125 "${@:1:$#-2}" --install --no-channel-add --tarball "$url" --sha256 "$zeros"
	[[ $output == *"SHA-256 mismatch for "* ]]
	[[ $output == *"found    $(sha256sum "$file" | cut -c1-64)"* ]]
}
