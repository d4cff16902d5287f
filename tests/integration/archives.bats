#!/usr/bin/env bats
# Hostile, damaged and odd archives, unpacked and committed into store/ as --install does. Each archive is either
# refused, with a message that names the reason, nothing left behind and nothing outside touched; or unpacked
# harmlessly.

# `run` sets output; the single quotes contain scripts that other shells run
# shellcheck disable=SC2016,SC2030,SC2031
bats_require_minimum_version 1.5.0

setup_file() {
	export TOOL="${UNPACK_TOOL:-${BUILD_DIR:-$PWD}/tests/unpack_tool}"
	[ -x "$TOOL" ] || {
		echo "no unpack_tool at $TOOL: build it, or set UNPACK_TOOL" >&2
		return 1
	}
	mkdir "$BATS_FILE_TMPDIR/archives" "$BATS_FILE_TMPDIR/outside"
	echo untouched >"$BATS_FILE_TMPDIR/outside/victim"
	/usr/bin/python3 "$BATS_TEST_DIRNAME/make-archives.py" "$BATS_FILE_TMPDIR/archives" \
		"$BATS_FILE_TMPDIR/outside"
}

setup() {
	archives=$BATS_FILE_TMPDIR/archives
	outside=$BATS_FILE_TMPDIR/outside
	staging=$BATS_TEST_TMPDIR/staging
	nix=$BATS_TEST_TMPDIR/nix
	mkdir "$staging" "$nix"
	path_a=$nix/store/0123456789abcdfghijklmnpqrsvwxyz-a
}

teardown() {
	# store paths are read-only, and bats has to remove them
	chmod -R u+w "$BATS_TEST_TMPDIR"
	[ "$(cat "$outside/victim")" = untouched ]
	[ "$(ls -A "$outside")" = victim ]
	[ "$(stat -c %h "$outside/victim")" = 1 ]
}

# Empty both directories for the next case of the same test.
start_over() {
	chmod -R u+w "$nix"
	rm -rf "${nix:?}"/* "${staging:?}"/*
}

# refused CASE REASON [LIMIT...]: unpacking CASE must fail, with REASON in a message of two lines
refused() {
	run -1 "$TOOL" "$archives/$1" "$staging" "$nix" "${@:3}"
	echo "$output"
	[[ ${lines[0]} == "nix-user-chroot: cannot unpack $archives/$1 into $staging: "*"$2"* ]]
	[ "${#lines[@]}" = 2 ]
	[[ ${lines[1]} == "  get the tarball anew"* ]]
	# no control character and no invalid UTF-8 reaches the terminal
	iconv -f UTF-8 -t UTF-16 <<<"$output" >/dev/null
	if LC_ALL=C.UTF-8 grep -q '[[:cntrl:]]' <<<"$output"; then
		return 1
	fi
	[ -z "$(ls -A "$staging")" ]
	[ -z "$(ls -A "$nix")" ]
}

# accepted CASE: CASE must be unpacked and committed, and everything in store/ must be in Nix's canonical form
accepted() {
	run -0 "$TOOL" "$archives/$1" "$staging" "$nix"
	echo "$output"
	# each store path that was staged is now a link to its place in the store
	for path in "$staging"/nix-1.0-x86_64-linux/store/*; do
		[ "$(readlink "$path")" = "/nix/store/${path##*/}" ]
		[ -e "$nix/store/${path##*/}" ] || [ -L "$nix/store/${path##*/}" ]
	done
	[ -f "$staging/nix-1.0-x86_64-linux/install" ]
	[ -n "$(ls -A "$nix/store")" ]
	[ -z "$(find "$nix/store" -mindepth 1 -type f ! -perm 444 ! -perm 555 -print)" ]
	[ -z "$(find "$nix/store" -mindepth 1 -type d ! -perm 555 -print)" ]
	[ -z "$(find "$nix/store" -mindepth 1 ! -type f ! -type d ! -type l -print)" ]
	[ -z "$(find "$nix/store" -mindepth 1 ! -newermt @0.9 -print)" ]
	[ -z "$(find "$nix/store" -mindepth 1 -newermt @1 -print)" ]
	[ -z "$(find "$nix/store" "$staging" ! -user "$(id -u)" -print)" ]
}

@test "a good tarball: xz, gzip, plain" {
	for case in good gzip plain; do
		accepted $case
		[ "$(cat "$path_a/bin/tool")" = "#!/bin/sh" ]
		[ -x "$path_a/bin/tool" ]
		[ "$(readlink "$path_a/link")" = /nix/store/x ]
		start_over
	done
}

@test "a good tarball: zstd" {
	[ -e "$archives/zstd" ] || skip "no zstd(1) to make one with"
	accepted zstd
}

@test "a good tarball from a pipe, byte by byte" {
	run -0 sh -c 'dd bs=1 status=none <"$1" | "$2" - "$3" "$4"' sh \
		"$archives/good" "$TOOL" "$staging" "$nix"
	[ -e "$path_a/bin/tool" ]
}

@test "a stream without an end is not waited for once it is refused" {
	run -1 timeout 60 sh -c 'cat /dev/urandom | "$1" - "$2" "$3"' sh "$TOOL" "$staging" "$nix"
	[[ $output == *'not a tarball'* ]]
	[ -z "$(ls -A "$staging")" ]
}

@test "a second time: the same is left, other contents are replaced, and all with -r" {
	local before

	accepted good
	before=$(stat -c %i "$path_a")
	rm -r "${staging:?}"/*
	accepted good
	[[ $output == *"added 0 replaced 0"* ]]
	[ "$(stat -c %i "$path_a")" = "$before" ]
	rm -r "${staging:?}"/*
	run -0 "$TOOL" -r "$archives/good" "$staging" "$nix"
	[[ $output == *"added 0 replaced 1"* ]]
	[ "$(stat -c %i "$path_a")" != "$before" ]
	# change a file in the store path, as damage would
	chmod u+w "$path_a"
	(umask 0222 && echo changed >"$path_a/mine")
	chmod u-w "$path_a"
	rm -r "${staging:?}"/*
	accepted good
	[[ $output == *"added 0 replaced 1"* ]]
	[ ! -e "$path_a/mine" ]
	[ "$(stat -c %a "$path_a")" = 555 ]
}

@test "'..' in every position" {
	for case in first after-top last in-store alone hidden; do
		refused dotdot-$case 'its name has ".." in it'
	done
}

@test "names with dots that are no '..'" {
	accepted dotdot-in-name
	[ -e "$path_a/..evil.." ]
	[ -e "$path_a/..." ]
	start_over
	accepted dot-slash
	[ -e "$nix/store/0123456789abcdfghijklmnpqrsvwxyz-c/file" ]
}

@test "absolute names" {
	refused absolute 'its name is absolute'
	refused absolute-slashes 'its name is absolute'
}

@test "a symlink, then an entry through it" {
	for case in then-file up-then-file then-dir-through is-store-path; do
		refused symlink-$case 'which is no directory'
	done
	refused symlink-overwritten 'it is there twice'
}

@test "symlinks outside store/" {
	for case in beside-store is-top is-store; do
		refused symlink-$case 'it is a symbolic link outside store/'
	done
}

@test "a symlink into /nix/store is kept" {
	accepted symlink-into-nix-store
	[ "$(readlink "$path_a/l")" = /nix/store/0123456789abcdfghijklmnpqrsvwxyz-z ]
}

@test "hard links to outside" {
	refused hardlink-absolute 'not from store/ to store/'
	refused hardlink-dotdot 'not from store/ to store/'
	refused hardlink-outside-store 'not from store/ to store/'
	refused hardlink-into-store 'not from store/ to store/'
	# it would be a file beside store/ that changes a store path
	refused hardlink-out-of-store 'not from store/ to store/'
}

@test "hard links to a symlink, a directory, itself, what comes later; with contents" {
	for case in symlink later itself directory; do
		refused hardlink-to-$case 'a hard link, but not to an earlier file'
	done
	refused hardlink-through-symlink 'which is no directory'
	refused hardlink-with-contents 'a hard link with contents of its own'
}

@test "a hard link to a file before it" {
	accepted hardlink-good
	[ "$path_a/h" -ef "$path_a/file" ]
}

@test "devices, a fifo, a socket" {
	refused character-device 'it is a device node'
	refused block-device 'it is a device node'
	refused fifo 'it is a fifo'
	# the format tar has no sockets; cpio has
	refused cpio-socket 'not a tarball'
}

@test "setuid, setgid and sticky bits are dropped" {
	accepted bits
	[ -z "$(find "$nix" "$staging" -perm /7000 -print)" ]
	[ "$(stat -c %a "$staging"/nix-1.0-x86_64-linux/suid)" = 755 ]
}

@test "another owner is not kept" {
	accepted owner
}

@test "directories with mode 0000, before and after what is in them" {
	accepted dir-closed-after
	[ -e "$path_a/d/f" ]
	start_over
	accepted dir-closed-before
	[ -e "$path_a/d/f" ]
}

@test "two top directories, something beside it, another name" {
	refused two-tops 'it lies in a second top directory'
	refused xz-second-top 'it lies in a second top directory'
	refused beside-top 'nothing beside it'
	refused top-unnamed 'nothing beside it'
	refused top-escape 'nothing beside it'
	refused top-is-file 'a file where a directory belongs'
	refused store-is-file 'a file where a directory belongs'
}

@test "files beside store/" {
	accepted beside-store
	[ -x "$staging/nix-1.0-x86_64-linux/a/b/c" ]
}

@test "no install, no store/, no .reginfo, nothing" {
	refused no-install 'there is no install script in it'
	refused install-is-directory 'there is no install script in it'
	refused no-store 'there is no store/ in it'
	refused no-reginfo 'there is no .reginfo in it'
	refused empty-tar 'it is empty'
}

@test "names that Nix would refuse" {
	for name in short letter nodash noname dot space long links newline utf8; do
		refused store-name-$name 'not a name that Nix gives to a store path'
		refused store-file-$name 'not a name that Nix gives to a store path'
	done
}

@test "the longest name that Nix takes" {
	accepted store-name-longest
}

@test "entries that come twice" {
	for case in file file-dir dir-file file-symlink symlink-dir symlink install; do
		refused twice-$case 'it is there twice'
	done
	refused twice-file-below 'which is no directory'
}

@test "a directory that comes twice" {
	accepted twice-dir
}

@test "names of 5,000 bytes, too long or too deep" {
	refused long-name 'a part longer than 255 bytes'
	refused long-component 'a part longer than 255 bytes'
	refused long-path 'longer than 1024 bytes'
	refused deep 'more than 64 directories deep'
}

@test "a name of 255 bytes" {
	accepted longest-component
}

@test "non-UTF-8, newline and decomposed names are kept as they are" {
	accepted not-utf8
	[ -e "$path_a/"$'\xff\xfe' ]
	start_over
	accepted newline
	[ -e "$path_a/"$'new\nline\e[31m' ]
	for case in nfd pax-names; do
		start_over
		accepted $case
		[ -e "$path_a/"$'e\xcc\x81' ]
	done
	[ -e "$path_a/"$'\xff\xfe' ]
}

@test "a newline in a message" {
	refused newline-refused 'new\u000Aline\u001B[31m'
}

@test "sizes in headers that are not true" {
	refused pax-size-larger 'Truncated'
	refused pax-size-huge 'it holds more than 4.3 GB'
	for case in pax-size-overflow pax-size-negative pax-size-words size-negative size-huge checksum; do
		refused $case 'after '
	done
}

@test "a size that pax says is smaller" {
	accepted pax-size-smaller
	[ "$(cat "$path_a/lie")" = 12345 ]
}

@test "sparse files" {
	for case in sparse-gnu sparse-pax sparse-pax-0.0; do
		accepted $case
		[ "$(stat -c %s "$path_a/sparse")" = 1048576 ]
		[ "$(tail -c 4 "$path_a/sparse")" = tail ]
		[ "$(tr -d '\0' <"$path_a/sparse")" = tail ]
		start_over
	done
}

@test "sparse files that lie" {
	refused sparse-pax-realsize-less 'its contents are larger than its size'
	refused sparse-pax-map-beyond 'its contents are larger than its size'
	refused sparse-pax-huge 'it holds more than 4.3 GB'
}

@test "a 100 GiB bomb: one file" {
	refused bomb-declared 'it holds more than 4.3 GB'
}

@test "a 100 GiB bomb: many files" {
	refused bomb-files 'it holds more than 100 MB' 100000000
}

@test "a 100 GiB bomb: zeros behind the end" {
	refused bomb-zeros 'it holds more than 100 MB' 100000000
}

@test "1,000,000 empty files" {
	refused million 'it holds more than 100000 entries'
}

@test "bzip2: good, truncated, garbage behind the end; or refused where libarchive has none" {
	if ! ldd "$TOOL" | grep -q libbz2; then
		for case in bzip2 bzip2-truncated; do
			refused $case 'not a tarball (tar, compressed with xz, gzip, zstd or not)'
		done
		return
	fi
	accepted bzip2
	[ "$(cat "$path_a/bin/tool")" = "#!/bin/sh" ]
	start_over
	refused bzip2-truncated 'its compressed data is damaged or cut short'
	refused bzip2-trailing-garbage "there are bytes after the archive's end"
}

@test "truncated xz, gzip, plain" {
	for case in xz-truncated xz-truncated-footer xz-truncated-head gzip-truncated xz-damaged; do
		refused $case 'its compressed data is damaged or cut short'
	done
	refused plain-truncated 'Truncated'
}

@test "garbage behind the end" {
	for case in xz-trailing-garbage xz-trailing-zeros; do
		refused $case 'its compressed data is damaged or cut short'
	done
	refused gzip-trailing-garbage "there are bytes after the archive's end"
	refused plain-trailing-garbage 'Damaged'
}

@test "truncated zstd, garbage behind zstd" {
	[ -e "$archives/zstd" ] || skip "no zstd(1) to make one with"
	refused zstd-truncated 'its compressed data is damaged or cut short'
	refused zstd-trailing-garbage ''
}

@test "a dictionary of 64 MiB; a larger one is refused before memory for it is asked for" {
	accepted xz-dictionary-64m
	start_over
	accepted zstd-window-64m
	start_over
	refused xz-dictionary-96m 'a dictionary of 101 MB, and at most 67.1 MB (64 MiB) is allowed'
	refused xz-dictionary-4g 'a dictionary of 4.3 GB'
	refused zstd-window-72m 'a dictionary of 75.5 MB'
	refused zstd-window-2g 'a dictionary of 2.1 GB'
}

@test "a large dictionary further on in the archive does not get its memory" {
	for place in block stream; do
		for size in 64m 96m; do
			accepted xz-second-$place-$size
			start_over
		done
	done
	! ldd "$TOOL" | grep -q libasan || skip "AddressSanitizer maps more than any limit"
	for place in block stream; do
		run -1 "$TOOL" "$archives/xz-second-$place-4g" "$staging" "$nix"
		[[ $output == *'out of memory, of which it may take 256 MiB'* ]]
		[ -z "$(ls -A "$staging")" ]
	done
}

@test "concatenated and padded xz are one archive" {
	accepted xz-concatenated
	start_over
	accepted xz-padded
}

@test "not a tarball" {
	for case in html nothing one-byte zip lzma; do
		refused $case 'not a tarball'
	done
	refused twice-compressed 'it is compressed more than once'
	refused zeros 'Truncated'
}

# in_small_fs OPTIONS COMMAND: run COMMAND, for sh, in a namespace where $fs is a tmpfs with OPTIONS
in_small_fs() {
	fs=$BATS_TEST_TMPDIR/fs
	mkdir -p "$fs"
	fs=$fs archives=$archives run unshare -Urm sh -euc "
		mount -t tmpfs -o $1 none \"\$fs\"
		cd \"\$fs\"
		mkdir staging nix
		$2"
	echo "$output"
}

small_fs_or_skip() {
	unshare -Urm mount -t tmpfs none /tmp 2>/dev/null || skip "no mount in a user namespace here"
}

@test "no space left, at every size; then there is room" {
	small_fs_or_skip
	[ "$(wc -c <"$archives/sparse-gnu")" -gt 0 ]
	for kib in 4 8 12 16 20 24 28 32 36 40 44 48 56 64; do
		in_small_fs size=1m "
			head -c $(((1024 - kib) * 1024)) /dev/zero >ballast"'
			if said=$("$TOOL" "$archives/good" staging nix 2>&1); then
				echo fits
			else
				echo "$said"
				case $said in
				*"cannot unpack"*) [ -z "$(ls -A staging)" ] || echo leftover ;;
				esac
				# clean up what was unpacked but not committed, as --install does when it starts
				# again
				chmod -R u+w staging
				rm -rf ballast staging/*
				"$TOOL" "$archives/good" staging nix
				echo finished
			fi'
		[ "$status" = 0 ]
		[[ $output != *leftover* ]]
		if [[ $output == *finished* ]]; then
			[[ $output == *"No space left on device"* ]]
			[[ $output == *"make room there"* ]]
			full=yes
		fi
	done
	[ "$full" = yes ]
	[[ $output == *fits* ]]
}

@test "no inode left" {
	small_fs_or_skip
	in_small_fs nr_inodes=8 '! "$TOOL" "$archives/good" staging nix || exit 9
		ls -A staging'
	[ "$status" = 0 ]
	[[ ${lines[0]} == *"No space left on device"* ]]
	[ "${#lines[@]}" = 2 ]
}

@test "a file larger than what is free is refused before it is written" {
	small_fs_or_skip
	in_small_fs size=16m '! "$TOOL" "$archives/bomb-files" staging nix || exit 9
		ls -A staging'
	[ "$status" = 0 ]
	[[ ${lines[0]} == *"has 67.1 MB, "*" are free"* ]]
	[ "${#lines[@]}" = 2 ]
}

@test "a read-only file system" {
	small_fs_or_skip
	in_small_fs size=1m 'mount --bind "$fs" "$fs"
		mount -o remount,bind,ro "$fs"
		cd "$fs"
		"$TOOL" "$archives/good" staging nix'
	[ "$status" = 1 ]
	[[ ${lines[0]} == *"Read-only file system"* ]]
	[ "${#lines[@]}" = 2 ]
}

@test "store/ on another file system" {
	small_fs_or_skip
	in_small_fs size=1m 'mount -t tmpfs none nix
		"$TOOL" "$archives/good" staging nix'
	[ "$status" = 1 ]
	[[ $output == *"ross-device link"* ]]
	[[ $output == *"store/ must be a plain directory"* ]]
}
