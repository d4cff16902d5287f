#!/usr/bin/env bats
#
# --update of the single-file program, from releases of other versions. Such a release is the same program with
# another version number written over its own. See bootstrap.bash and ../integration/install.bash.

# shellcheck disable=SC2016 # the inner shells expand what stands in single quotes
# shellcheck disable=SC2154,SC2153 # bats sets output, status and lines, installing_suite PROGRAM
# shellcheck disable=SC2030,SC2031 # a test's variables end with it, which is what is wanted

bats_require_minimum_version 1.5.0
load ../mirror/mirror.bash
load ../integration/install.bash

setup_file()
{
	[ -n "${NIX_USER_CHROOT_SINGLE:-}" ] || skip "needs a program of --enable-single-binary"
	export NIX_USER_CHROOT=$NIX_USER_CHROOT_SINGLE
	installing_suite
	in_memory
	tiny_release "$SITE" 1.0.1
	mkdir "$SITE/old" "$SITE/new"
	own_release "$SITE/old" 0.0.9
	own_release "$SITE/new" 9.1.0
	mirror_start "$SITE"
}

teardown_file()
{
	mirror_stop
	remove_tree ${SCRATCH:+"$SCRATCH"}
}

setup()
{
	new_home
	unset NIX_USER_CHROOT_PROGRAM_SHA256 NIX_USER_CHROOT_RELEASES
	COPY=$HOME/.local/bin/nix-user-chroot
	THIS=$(version_of "$PROGRAM")
}

# version_of PROGRAM: print its version
version_of()
{
	"$1" --version | sed -n '1s/^nix-user-chroot //p'
}

# own_release DIR VERSION: make a release of this program, as scripts/release does
own_release()
{
	local version name=nix-user-chroot-$2-$SYSTEM

	version=$(version_of "$PROGRAM")
	[ ${#version} -eq ${#2} ]
	sed "s/${version//./\\.}/$2/g" "$PROGRAM" >"$1/$name"
	chmod 755 "$1/$name"
	[ "$(version_of "$1/$name")" = "$2" ]
	echo "PRoot" >"$1/proot-5.4.0-$SYSTEM"
	sums "$1"
}

sums()
{
	(cd "$1" && sha256sum -- *-linux >SHA256SUMS)
}

# here: put the program where the user has it, without an installation
here()
{
	mkdir -p "${COPY%/*}"
	cp "$PROGRAM" "$COPY"
}

# update [OPTION...]: run --update with the mirror's newer release
update()
{
	"$COPY" --update --releases "$MIRROR_URL/new" --cacert "$MIRROR_CA" "$@"
}

# unchanged: is the program as here() has put it, with no other file beside it?
unchanged()
{
	cmp "$COPY" "$PROGRAM"
	[ "$(ls -A "${COPY%/*}")" = nix-user-chroot ]
}

@test "update: the copy of --install, over https, while a shell runs inside; --uninstall takes it away" {
	local pid

	run -0 install --nix-version "$TINY"
	cmp "$COPY" "$PROGRAM"
	"$COPY" -- sh -c 'echo $$ >"$HOME/inside"; exec sleep 60' 3>&- 4>&- &
	pid=$!
	wait_until 10 test -s "$HOME/inside"
	run -0 update --dry-run
	[[ $output == *"$THIS -> 9.1.0: $MIRROR_URL/new/nix-user-chroot-9.1.0-$SYSTEM would replace $COPY" ]]
	cmp "$COPY" "$PROGRAM"
	run -0 update
	[ "$output" = "nix-user-chroot: nix-user-chroot $THIS -> 9.1.0: $COPY" ]
	[ "$(version_of "$COPY")" = "9.1.0" ]
	kill -0 "$pid"
	run -0 "$COPY" -- sh -c 'ls -d /nix/store'
	# the man page and the completions are those of the new version, too
	grep -q '^\.TH .*"nix-user-chroot 9\.1\.0"' "$HOME/.local/share/man/man1/nix-user-chroot.1"
	[ ! -e "$NIX/var/nix-user-chroot/lock" ]
	run -0 grep "^file $COPY " "$NIX/var/nix-user-chroot/record"
	[ "$output" = "file $COPY $(sha256sum <"$COPY" | cut -d ' ' -f 1)" ]
	# once more: nothing to do, and only SHA256SUMS is downloaded
	mirror_clear_log
	run -0 update
	[[ $output == *"9.1.0 is what the release has: nothing to do for $COPY" ]]
	[ "$(mirror_requests '^GET /new/nix-user-chroot')" -eq 0 ]
	run -0 "$COPY" --install
	[[ $output == *'nothing to do' ]]
	kill "$pid"
	wait "$pid" || true
	run -0 "$COPY" --uninstall --yes
	rm "$HOME/inside"
	[ "$(find "$HOME" -mindepth 1)" = '' ]
}

@test "update: record and program are on disk before the program has its name" {
	local calls

	install -q --nix-version "$TINY"
	strace -f -qq -y -e signal=none -e trace=fsync,renameat -o "$HOME/../trace" \
		"$COPY" --update --releases "$MIRROR_URL/new" --cacert "$MIRROR_CA"
	[ "$(version_of "$COPY")" = 9.1.0 ]
	calls=$(sed -nE -e 's,^[0-9]+ +fsync\([0-9]+<[^>]*/record>\) += 0$,record,p' \
		-e 's,^[0-9]+ +fsync\([0-9]+<[^>]*/bin/nix-user-chroot[^>]+>\) += 0$,program,p' \
		-e 's,^[0-9]+ +fsync\([0-9]+<[^>]*/bin>\) += 0$,directory,p' \
		-e 's,^[0-9]+ +renameat\(.*/bin>\, "nix-user-chroot"\) += 0$,name,p' "$HOME/../trace" | tr '\n' ' ')
	[[ $calls == *"record program name directory "* ]]
}

@test "update: a program that no record has, from a directory, and a link to it" {
	here
	mkdir "$HOME/opt"
	mv "$COPY" "$HOME/opt/nuc"
	ln -s "$HOME/opt/nuc" "$COPY"
	NIX_USER_CHROOT_RELEASES=$SITE/new run -0 "$COPY" --update
	[ "$output" = "nix-user-chroot: nix-user-chroot $THIS -> 9.1.0: $HOME/opt/nuc" ]
	[ -L "$COPY" ]
	[ "$(version_of "$COPY")" = "9.1.0" ]
	[ "$(ls -A "$HOME/opt")" = nuc ]
	# --update has not made a Nix directory
	[ ! -e "$NIX" ]
}

@test "update: an older release only with --force" {
	here
	run -125 "$COPY" --update --releases "$SITE/old"
	has_words '0.0.9, which is older' "$THIS" --force
	unchanged
	run -0 "$COPY" --update --releases "$SITE/old" --force
	[[ $output == *"$THIS -> 0.0.9: $COPY" ]]
	[ "$(version_of "$COPY")" = "0.0.9" ]
}

@test "update: the same version of other bytes stays, and goes with --force" {
	mkdir "$HOME/same"
	own_release "$HOME/same" "$THIS"
	printf x >>"$HOME/same/nix-user-chroot-$THIS-$SYSTEM"
	sums "$HOME/same"
	here
	run -0 "$COPY" --update --releases "$HOME/same"
	has_words 'is another file' --force
	unchanged
	run -0 "$COPY" --update --releases "$HOME/same" --force
	cmp "$COPY" "$HOME/same/nix-user-chroot-$THIS-$SYSTEM"
}

@test "update: plain http with a hash alone, by option or variable, and that very hash" {
	local hash url=$MIRROR_HTTP_URL/new

	hash=$(sha256sum <"$SITE/new/nix-user-chroot-9.1.0-$SYSTEM" | cut -d ' ' -f 1)
	here
	run -125 "$COPY" --update --releases "$url"
	has_words 'plain http proves nothing' --program-sha256
	[ "$(mirror_requests '^GET /new')" -eq 0 ]
	run -125 "$COPY" --update --releases "$url" --program-sha256 "${hash/?/x}"
	has_words 'not a SHA-256 hash'
	run -125 "$COPY" --update --releases "$url" --program-sha256 "$(printf '%064d' 0)"
	has_words 'SHA-256 mismatch for ' "$hash"
	unchanged
	NIX_USER_CHROOT_PROGRAM_SHA256=$hash run -0 "$COPY" --update --releases "$url"
	[ "$(version_of "$COPY")" = "9.1.0" ]
}

@test "update: no password and no key of --releases is shown" {
	local url key=S3cr3t

	here
	for url in "http://me:$key@127.0.0.1:1" "https://me:$key@127.0.0.1:1" "$MIRROR_URL/new?$key" \
		"ftp://me:$key@127.0.0.1/"; do
		run -125 "$COPY" --update --releases "$url" --cacert "$MIRROR_CA" -v
		echo "$output"
		[[ $output != *"$key"* ]]
	done
	unchanged
}

@test "update: what is not the program that it should be changes nothing" {
	local dir=$HOME/bad program

	here
	cp -r "$SITE/new" "$dir"
	program=$dir/nix-user-chroot-9.1.0-$SYSTEM
	# a program that was changed, cut, or replaced by a portal's page
	for change in 'printf x >>"$program"' 'truncate -s 100000 "$program"' 'echo "<html>" >"$program"' \
		': >"$program"'; do
		cp "$SITE/new/${program##*/}" "$program"
		eval "$change"
		run -125 "$COPY" --update --releases "$dir"
		has_words 'SHA-256 mismatch for ' 'nothing was changed'
	done
	# the right hash, but a program of another version than its name says, or no program at all
	cp "$SITE/old/nix-user-chroot-0.0.9-$SYSTEM" "$program"
	sums "$dir"
	run -125 "$COPY" --update --releases "$dir"
	has_words 'does not say that it is of version 9.1.0, but: nix-user-chroot 0.0.9'
	head -c 4096 /dev/urandom >"$program"
	sums "$dir"
	run -125 "$COPY" --update --releases "$dir"
	has_words 'does not run on this host'
	rm "$program"
	run -125 "$COPY" --update --releases "$dir"
	has_words "${program##*/} is not there"
	# a SHA256SUMS that names two programs, or none, or is an HTML page, or is empty
	sed "p; s/9\.1\.0/9.2.0/" "$SITE/new/SHA256SUMS" >"$dir/SHA256SUMS"
	run -125 "$COPY" --update --releases "$dir"
	has_words 'names 2 programs'
	sed "s/9\.1\.0/..\/9.2.0/" "$SITE/new/SHA256SUMS" >"$dir/SHA256SUMS"
	run -125 "$COPY" --update --releases "$dir"
	has_words 'names no program for this host'
	rm "$dir/SHA256SUMS"
	run -125 "$COPY" --update --releases "$dir"
	has_words 'there is no release of nix-user-chroot at'
	run -125 "$COPY" --update --releases relative/dir
	has_words 'no URL or directory of releases'
	unchanged
}

@test "update: a server that cannot be verified, or breaks off, changes nothing" {
	local name=nix-user-chroot-9.1.0-$SYSTEM

	here
	run -125 "$COPY" --update --releases "$MIRROR_URL/new"
	unchanged
	mirror_fault "{\"path\": \"/new/$name\", \"fault\": \"status\", \"status\": 404}"
	run -125 update
	has_words 'is not there'
	unchanged
	# a fault that happens once: the download is tried again
	mirror_clear_faults
	mirror_fault "{\"path\": \"/new/$name\", \"fault\": \"reset\", \"bytes\": 100000, \"times\": 1}"
	run -0 update
	[ "$(version_of "$COPY")" = "9.1.0" ]
}

@test "update: killed at any instant, the program is the old one or the new one, and goes with --uninstall" {
	local i pid

	run -0 install --nix-version "$TINY"
	for i in 0.01 0.03 0.05 0.07 0.1 0.13 0.17 0.22; do
		cp "$PROGRAM" "$HOME/fresh"
		mv "$HOME/fresh" "$COPY"
		"$COPY" --update --releases "$SITE/new" --force >/dev/null 2>&1 3>&- 4>&- &
		pid=$!
		sleep "$i"
		kill -KILL "$pid" 2>/dev/null || true
		wait "$pid" || true
		cmp "$COPY" "$PROGRAM" || cmp "$COPY" "$SITE/new/nix-user-chroot-9.1.0-$SYSTEM"
	done
	# the next --update finishes the work
	run -0 "$COPY" --update --releases "$SITE/new"
	[ "$(version_of "$COPY")" = "9.1.0" ]
	[ ! -e "$COPY.new" ]
	echo half >"$COPY.new"
	run -0 "$COPY" --uninstall --yes
	[ "$(find "$HOME" -mindepth 1)" = '' ]
}

@test "update: where no process can be made, the program stays as it is, and that is said" {
	local number refuse=${BUILD_DIR:-}/tests/refuse_fork

	[ -x "$refuse" ] || skip "needs BUILD_DIR, a build tree with its test programs"
	"$refuse" 1 nobody refused -- true || skip "needs a kernel of Linux 5.5 or later"
	here
	for ((number = 1; number < 20; number++)); do
		rm -f refused
		run "$refuse" "$number" nix-user-chroot refused -- "$COPY" --update --releases "$SITE/new"
		[ -e refused ] || break
		[ "$status" -eq 125 ]
		has_words ': Resource temporarily unavailable'
		unchanged
	done
	[ "$status" -eq 0 ] && [ "$number" -gt 1 ]
}

@test "update: a new program that cannot be run is in place, and that is said" {
	here
	run -125 strace -qq -e signal=none -e trace=execve -e inject=execve:error=EACCES:when=1 -o /dev/null \
		"$COPY" --update --releases "$SITE/new"
	has_words "cannot run $COPY: Permission denied" 'it is in place; run it again for the rest'
	[ "$(version_of "$COPY")" = 9.1.0 ]
}

@test "update: a full disk leaves the program as it is" {
	local size

	here
	# a write beyond this limit fails, as on a full disk
	size=$(($(stat -c %s "$PROGRAM") / 2 / 1024))
	run -125 bash -c 'trap "" XFSZ; ulimit -f "$1"; exec "$2" --update --releases "$3"' bash "$size" "$COPY" "$SITE/new"
	unchanged
}

@test "update: a program of somebody else's, or of a package, is left alone, and said to be that" {
	here
	chmod 555 "${COPY%/*}"
	if [ "$(id -u)" -ne 0 ]; then
		run -125 "$COPY" --update --releases "$SITE/new"
		has_words 'cannot write to' 'ask whoever maintains it'
	fi
	chmod 755 "${COPY%/*}"
	if [ "$(id -u)" -eq 0 ]; then
		chown 12345 "$COPY"
		run -125 "$COPY" --update --releases "$SITE/new"
		has_words 'belongs to user 12345'
		chown 0 "$COPY"
	fi
	unchanged
	type -P dpkg-query || skip "needs dpkg"
	# make a dpkg database that says the program belongs to a package. HOME is another directory, because
	# --update assumes that no package has files in HOME
	mkdir -p "$HOME/db/info" "$HOME/db/updates" "$HOME/elsewhere"
	printf 'Package: nuc\nStatus: install ok installed\nVersion: 1\nArchitecture: all\nMaintainer: x\nDescription: x\n' \
		>"$HOME/db/status"
	echo "$COPY" >"$HOME/db/info/nuc.list"
	export DPKG_ADMINDIR=$HOME/db
	HOME=$HOME/elsewhere run -125 "$COPY" --update --releases "$SITE/new"
	has_words 'it belongs to a package' 'apt upgrade'
	unchanged
	# a program that dpkg does not know belongs to no package: no other package manager is asked
	: >"$HOME/db/info/nuc.list"
	HOME=$HOME/elsewhere run -0 "$COPY" --update --releases "$SITE/new"
	[ "$(version_of "$COPY")" = "9.1.0" ]
}

@test "update --nix: the latest Nix of the mirror it came from, once; channels and startup files stay" {
	run -0 install --nix-version "$TINY" --no-modify-profile
	# a mirror whose latest Nix is newer
	rm -rf "$HOME/mirror"
	mkdir "$HOME/mirror"
	cp -r "$SITE/nix-1.0.1" "$HOME/mirror"
	mkdir "$HOME/mirror/latest"
	cp "$SITE/nix-1.0.1/install" "$HOME/mirror/latest"
	run -0 update --nix --mirror "$HOME/mirror" --dry-run
	has_words "$THIS -> 9.1.0" "Nix $TINY -> Nix 1.0.1 would be installed in $NIX"
	run -0 update --nix --mirror "$HOME/mirror"
	has_words "$THIS -> 9.1.0: $COPY" "Nix $TINY -> Nix 1.0.1: $NIX"
	[ "$(version_of "$COPY")" = "9.1.0" ]
	grep -q '^complete 1\.0\.1 ' "$NIX/var/nix-user-chroot/record"
	[ ! -e "$HOME/.profile" ]
	# the same mirror again, which is now known from the installation: nothing to do
	run -0 "$COPY" --update --nix --releases "$SITE/new"
	has_words '9.1.0 is what the release has' 'Nix 1.0.1 is the latest: nothing to do'
	# an older Nix is installed only with --force
	cp "$SITE/nix-$TINY/install" "$HOME/mirror/latest"
	cp -r "$SITE/nix-$TINY" "$HOME/mirror"
	run -125 "$COPY" --update --nix --releases "$SITE/new"
	has_words "the latest there is Nix $TINY, which is older" --force
	run -0 "$COPY" --update --nix --releases "$SITE/new" --force
	grep -q "^complete $TINY " "$NIX/var/nix-user-chroot/record"
	# without an installation --nix is refused
	run -0 "$COPY" --uninstall --yes
	here
	run -125 "$COPY" --update --nix --releases "$SITE/new"
	has_words 'there is no Nix in' '--install'
}

@test "update: a build of two files is named as that, and --nix renews its Nix all the same" {
	local two=${BUILD_DIR:-/nowhere}

	[ -x "$two/nix-user-chroot-install" ] || skip "needs a build of two files in BUILD_DIR"
	run -125 "$two/nix-user-chroot" --update --releases "$SITE/new"
	has_words "$two/nix-user-chroot is not updated" 'built as two files' 'make install'
	run -0 "$two/nix-user-chroot" --install --mirror "$MIRROR_URL" --cacert "$MIRROR_CA" --no-channel-add \
		--nix-version "$TINY"
	mkdir -p "$HOME/mirror/latest"
	cp -r "$SITE/nix-1.0.1" "$HOME/mirror"
	cp "$SITE/nix-1.0.1/install" "$HOME/mirror/latest"
	run -0 "$two/nix-user-chroot" --update --nix --mirror "$HOME/mirror"
	has_words 'built as two files' "Nix $TINY -> Nix 1.0.1"
	grep -q '^complete 1\.0\.1 ' "$NIX/var/nix-user-chroot/record"
}
