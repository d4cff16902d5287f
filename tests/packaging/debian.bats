#!/usr/bin/env bats
#
# scripts/packaging/build-deb: the Debian packages of a release, built without root. Tests what is in the packages,
# and that the programs run from their places. See packaging.bash.

# shellcheck disable=SC2016 # the inner shells expand what stands in single quotes
# shellcheck disable=SC2154 # bats sets output, status and lines
# shellcheck disable=SC2030,SC2031 # a test's variables end with it, which is what is wanted

bats_require_minimum_version 1.5.0
load packaging.bash

setup_file()
{
	packaging
	local repository=$BATS_FILE_TMPDIR/repository
	PACKAGES=$BATS_FILE_TMPDIR/deb
	ROOT=$BATS_FILE_TMPDIR/root
	TARBALL=$BATS_FILE_TMPDIR/release/nix-user-chroot-$VERSION.tar.xz
	BUILD_DEB=$TOP/scripts/packaging/build-deb
	export PACKAGES ROOT TARBALL BUILD_DEB
	repository "$repository"
	binaries "$BATS_FILE_TMPDIR/static"
	"$repository/scripts/release" --allow-unchecked --static "$BATS_FILE_TMPDIR/static" \
		--output "$BATS_FILE_TMPDIR/release"
	"$BUILD_DEB" --output "$PACKAGES" "$TARBALL"
	nothing_left
	dpkg-deb -x "$PACKAGES/nix-user-chroot_$VERSION-1_$(dpkg --print-architecture).deb" "$ROOT"
}

setup()
{
	packaging
	PACKAGE=nix-user-chroot_$VERSION-1_$(dpkg --print-architecture)
}

teardown()
{
	remove_nix
}

# refused WORDS...: check the result of `run`: a message with all WORDS, and nothing written to $HOME/out
refused()
{
	local word

	if [ "$status" -ne 1 ] || [[ $output != *"build-deb: "* || ${lines[-1]} != "  "* ]]; then
		echo "status $status, or no message, or no advice: $output"
		return 1
	fi
	for word; do
		[[ $output == *"$word"* ]] || {
			echo "nothing about \"$word\": $output"
			return 1
		}
	done
	nothing_left "$HOME/out"
}

field()
{
	dpkg-deb -f "$PACKAGES/$PACKAGE.deb" "$1"
}

# installed COMMAND...: run COMMAND where the libexec directory of the package is in its place
installed()
{
	local dir binds=()

	for dir in /usr/libexec/*; do
		binds+=(--ro-bind "$dir" "$dir")
	done
	bwrap --dev-bind / / --tmpfs /usr/libexec "${binds[@]}" \
		--ro-bind "$ROOT/usr/libexec/nix-user-chroot" /usr/libexec/nix-user-chroot -- "$@"
}

@test "deb: source and binary packages, whose checksums are right" {
	local file

	cd "$PACKAGES"
	for file in "$PACKAGE".{deb,buildinfo,changes} "nix-user-chroot_$VERSION-1".{dsc,debian.tar.xz}; do
		[ -f "$file" ]
	done
	cmp "nix-user-chroot_$VERSION.orig.tar.xz" "$TARBALL"
	[ -z "$(find . -mindepth 1 -name '.*')" ]
	sed -n '/^Checksums-Sha256:/,/^[^ C]/s/^ \([0-9a-f]\{64\}\) [0-9]* /\1  /p' "$PACKAGE.changes" >sums
	[ "$(wc -l <sums)" -ge 5 ]
	sha256sum --strict --check sums
	rm sums
}

@test "deb: its version is that of the tarball, and its fields are right" {
	[ "$(field Version)" = "$VERSION-1" ]
	[ "$(field Recommends)" = ca-certificates ]
	# the libraries that the two programs are linked to
	run -0 field Depends
	for name in libc6 libarchive13 libcurl libssl3; do
		[[ ", $output" == *", $name"* ]]
	done
	grep -qx 'Rules-Requires-Root: no' "$TOP/scripts/packaging/debian/control"
}

@test "deb: the files, with their owners and modes" {
	run -0 dpkg-deb -c "$PACKAGES/$PACKAGE.deb"
	run -1 grep -v ' root/root ' <<<"$output"
	run -0 find "$ROOT" -type f -printf '%m /%P\n'
	for file in '755 /usr/bin/nix-user-chroot' \
		'755 /usr/libexec/nix-user-chroot/nix-user-chroot-install' \
		'644 /usr/share/bash-completion/completions/nix-user-chroot.bash' \
		'644 /usr/share/doc/nix-user-chroot/copyright' \
		'644 /usr/share/fish/vendor_completions.d/nix-user-chroot.fish' \
		'644 /usr/share/man/man1/nix-user-chroot.1.gz' \
		'644 /usr/share/nix-user-chroot/apparmor' \
		'644 /usr/share/zsh/vendor-completions/_nix-user-chroot'; do
		grep -qxF "$file" <<<"$output"
	done
	# no file of the tests, and no directory that other packages do not have as well
	[ -z "$(find "$ROOT" -mindepth 2 -maxdepth 2 ! -path "$ROOT/usr/bin" ! -path "$ROOT/usr/libexec" \
		! -path "$ROOT/usr/share")" ]
	run -0 find "$ROOT/usr/bin" "$ROOT/usr/libexec" -type f
	[ "${#lines[@]}" -eq 2 ]
}

@test "deb: the helper is a package of its own, of libc alone, which gains its privilege where it is installed" {
	local package=$PACKAGES/nix-user-chroot-helper${PACKAGE#nix-user-chroot}.deb
	local file=usr/libexec/nix-user-chroot/nix-user-chroot-helper

	run -0 dpkg-deb -c "$package"
	[[ $output == *"-rwxr-xr-x root/root "*" ./$file"* ]]
	run -0 dpkg-deb -f "$package" Depends
	[[ ", $output" == *", libcap2-bin"* && ", $output" == *", nix-user-chroot (= $VERSION-1)"* ]]
	dpkg-deb -x "$package" "$TMPDIR/helper"
	run -0 objdump -p "$TMPDIR/helper/$file"
	[ "$(grep -c ' NEEDED ' <<<"$output")" -eq 1 ]
	# without the privilege the helper does nothing
	run -125 "$TMPDIR/helper/$file" --try
	dpkg-deb -e "$package" "$TMPDIR/control"
	grep -q 'setcap cap_sys_admin=p "$helper" 2>/dev/null || chmod 4755 "$helper"' "$TMPDIR/control/postinst"
}

# in_private_root SCRIPT: run SCRIPT as root in an overlay of this host's /, which ends with SCRIPT
in_private_root()
{
	mkdir -p "$HOME/room"
	PATH=$PATH:/usr/sbin:/sbin unshare --mount --propagation private bash -euc '
		mount -t tmpfs room "$HOME/room"
		cd "$HOME/room"
		mkdir upper work root
		mount -t overlay -o lowerdir=/,upperdir=upper,workdir=work overlay root
		for dir in /dev /proc /sys "$BATS_RUN_TMPDIR" "$RELEASES" "$BUILD_DIR"; do
			mkdir -p "root$dir"
			mount --rbind "$dir" "root$dir"
		done
		mkdir root/old
		cd root
		pivot_root . old
		cd /
		umount -l old
		eval "$1"' in_private_root "$1"
}

# A script to begin with: installs the packages, and defines a user who may not make user namespaces
ON_HOST='
	helper=/usr/libexec/nix-user-chroot/nix-user-chroot-helper
	cp "$BUILD_DIR/tests/refuse" /usr/local/bin/
	install -d -o 64321 -g 64321 /home/somebody
	as_somebody() {
		(cd /home/somebody && refuse unshare:10000000,clone -- setpriv --reuid 64321 --regid 64321 --clear-groups \
			env -i HOME=/home/somebody PATH=/home/somebody/.local/bin:/usr/bin:/bin NIX_USER_CHROOT_PROOT=/nowhere "$@")
	}
	packages() {
		dpkg --no-triggers --install "$PACKAGES/$PACKAGE.deb" "$PACKAGES/nix-user-chroot-helper${PACKAGE#nix-user-chroot}.deb"
	}
'

@test "deb: the helper's package, installed, lets a user install Nix where namespaces are refused, and goes" {
	[ "$(id -u)" -eq 0 ] || skip "needs root, to install a package in a root of its own"
	[ -n "${RELEASES:-}" ] || skip "needs RELEASES, a mirror of Nix"
	[ -x "${BUILD_DIR:-}/tests/refuse" ] || skip "needs BUILD_DIR, a build tree with its test programs"
	export RELEASES BUILD_DIR PACKAGE
	run -0 in_private_root "$ON_HOST"'
		# without the helper, this host does not allow entering
		dpkg --no-triggers --install "$PACKAGES/$PACKAGE.deb"
		! as_somebody nix-user-chroot --check
		packages
		getcap "$helper"
		stat -c "mode %a" "$helper"
		as_somebody nix-user-chroot --check
		as_somebody nix-user-chroot -v --install --mirror "$RELEASES" --no-channel-add
		as_somebody nix --version
		as_somebody nix-user-chroot --uninstall --yes
		find /home/somebody
		dpkg --no-triggers --purge nix-user-chroot-helper
		[ ! -e "$helper" ]
		! as_somebody nix-user-chroot --check'
	has_words "nix-user-chroot-helper cap_sys_admin=p" 'mode 755' 'nix (Nix) 2'
	[[ $output =~ runtime.*helper ]]
}

@test "deb: the helper without capabilities is setuid root, and what an administrator has set stays" {
	[ "$(id -u)" -eq 0 ] || skip "needs root, to install a package in a root of its own"
	[ -x "${BUILD_DIR:-}/tests/refuse" ] || skip "needs BUILD_DIR, a build tree with its test programs"
	export RELEASES=${RELEASES:-$HOME} BUILD_DIR PACKAGE
	run -0 in_private_root "$ON_HOST"'
		mkdir /without
		printf "%s\n" "#!/bin/sh" "exit 1" >/without/setcap
		chmod 755 /without/setcap
		PATH=/without:$PATH packages
		stat -c "mode %a" "$helper"
		mkdir -p /home/somebody/nix/store
		chown -R 64321:64321 /home/somebody
		as_somebody nix-user-chroot -v nix true
		dpkg --no-triggers --purge nix-user-chroot-helper
		dpkg-statoverride --add root root 0750 "$helper"
		packages
		stat -c "mode %a" "$helper"
		echo "has: $(getcap "$helper")"'
	has_words 'mode 4755' 'runtime: helper, /usr/libexec/nix-user-chroot/nix-user-chroot-helper'
	[ "${lines[*]: -2}" = 'mode 750 has: ' ]
}

@test "deb: the program that enters is linked with libc alone" {
	run -0 objdump -p "$ROOT/usr/bin/nix-user-chroot"
	[ "$(grep -c ' NEEDED ' <<<"$output")" -eq 1 ]
	[[ $output == *libc.so.6* ]]
}

@test "deb: the man page is that of this version" {
	run -0 man -l "$ROOT/usr/share/man/man1/nix-user-chroot.1.gz"
	[[ $output == *"nix-user-chroot $VERSION"* && $output == *--install* ]]
}

@test "deb: lintian finds nothing but that it closes no bug of Debian's" {
	local options=()

	[ "$(id -u)" -ne 0 ] || options=(--allow-root)
	run -0 lintian "${options[@]}" --fail-on error,warning --suppress-tags initial-upload-closes-no-bugs \
		"$PACKAGES/$PACKAGE.changes"
	[[ $output != *[EW]:* ]]
}

@test "deb: the source package builds the same again" {
	local dir

	dir=$(mktemp -d "$TMPDIR/source.XXXXXX")
	cd "$dir"
	dpkg-source -q -x "$PACKAGES/nix-user-chroot_$VERSION-1.dsc" source
	[ "$(dpkg-parsechangelog -l source/debian/changelog -S Version)" = "$VERSION-1" ]
	[ "$(dpkg-parsechangelog -l source/debian/changelog -S Timestamp)" = \
		"$(stat -c %Y source/configure.ac)" ]
	# build without tests, which have run in setup_file already
	(cd source && DEB_BUILD_OPTIONS=nocheck DEB_BUILD_PROFILES=nocheck dpkg-buildpackage -b -us -uc)
	cmp "$PACKAGE.deb" "$PACKAGES/$PACKAGE.deb"
}

# maintainer SCRIPT ENABLED WORD...: run the package's SCRIPT as if AppArmor were ENABLED (Y or N) and
# $HOME/apparmor.d were the directory of the host's profiles. With $HOME/bin a stand-in is called as the parser, and
# writes its arguments to $HOME/parser; without it, the host's parser.
maintainer()
{
	local script=$1

	[ -d "$HOME/control" ] || dpkg-deb -e "$PACKAGES/$PACKAGE.deb" "$HOME/control"
	mkdir -p "$HOME/apparmor.d" "$HOME/host"
	echo "$2" >"$HOME/enabled"
	shift 2
	bwrap --dev-bind / / --tmpfs /sys --ro-bind "$HOME/enabled" /sys/module/apparmor/parameters/enabled \
		--tmpfs /usr/share --ro-bind "$ROOT/usr/share/nix-user-chroot" /usr/share/nix-user-chroot \
		--tmpfs /etc --bind "$HOME/apparmor.d" /etc/apparmor.d --setenv PATH "$HOME/bin:$PATH:/usr/sbin" \
		"$HOME/control/$script" "$@"
}

# a stand-in for apparmor_parser, because not every kernel here has AppArmor
stand_in_parser() # STATUS
{
	mkdir -p "$HOME/bin"
	printf '%s\n' '#!/bin/sh' "echo \"\$*\" >>'$HOME/parser'" "exit $1" >"$HOME/bin/apparmor_parser"
	chmod 755 "$HOME/bin/apparmor_parser"
}

@test "deb: the AppArmor profile is that of --check, for the path of the package" {
	diff <(grep -v '^#' "$ROOT/usr/share/nix-user-chroot/apparmor") - <<-'END'
		abi <abi/4.0>,
		include <tunables/global>
		profile nix-user-chroot "/usr/bin/nix-user-chroot" flags=(unconfined) {
		  userns,
		}
	END
	# --check makes the same profile from these words
	for words in 'abi <abi/4.0>,' 'include <tunables/global>' 'flags=(unconfined) {' '  userns,'; do
		grep -qF "$words" "$TOP/src/host/rules_confined.c"
	done
}

@test "deb: AppArmor's parser, where it knows the rule, takes the profile; else it is none of the host's" {
	PATH=$PATH:/usr/sbin
	command -v apparmor_parser >/dev/null || skip 'needs apparmor_parser'
	cp -r /etc/apparmor.d "$HOME"
	run -0 maintainer postinst N configure ''
	if apparmor_parser --skip-kernel-load --skip-cache "$ROOT/usr/share/nix-user-chroot/apparmor" 2>/dev/null; then
		[ "$(readlink "$HOME/apparmor.d/nix-user-chroot")" = /usr/share/nix-user-chroot/apparmor ]
	else
		[[ $(apparmor_parser --version) == *'version '[0-3].* ]]
		[ ! -L "$HOME/apparmor.d/nix-user-chroot" ]
	fi
}

@test "deb: postinst loads the profile where AppArmor is on, and prerm takes it away" {
	stand_in_parser 0
	run -0 maintainer postinst N configure ''
	[ "$(readlink "$HOME/apparmor.d/nix-user-chroot")" = /usr/share/nix-user-chroot/apparmor ]
	run -1 grep -e --replace "$HOME/parser"
	# run again, as after an upgrade
	run -0 maintainer postinst Y configure 0.0.1
	[ "$(tail -n 1 "$HOME/parser")" = '--replace --skip-cache /etc/apparmor.d/nix-user-chroot' ]
	run -0 maintainer prerm Y upgrade 9
	[ -L "$HOME/apparmor.d/nix-user-chroot" ]
	run -0 maintainer prerm Y remove
	[ "$(tail -n 1 "$HOME/parser")" = '--remove /etc/apparmor.d/nix-user-chroot' ]
	[ -z "$(ls -A "$HOME/apparmor.d")" ]
	# there is no profile to remove
	run -0 maintainer prerm Y remove
}

@test "deb: an administrator's own profile stays, and a parser that fails does not fail the installation" {
	stand_in_parser 0
	mkdir "$HOME/apparmor.d"
	echo mine >"$HOME/apparmor.d/nix-user-chroot"
	run -0 maintainer postinst Y configure ''
	run -0 maintainer prerm Y remove
	[ "$(cat "$HOME/apparmor.d/nix-user-chroot")" = mine ]
	stand_in_parser 1
	run -0 maintainer postinst Y configure ''
	[[ $output == *'could not be loaded'* ]]
	rm "$HOME/apparmor.d/nix-user-chroot"
	run -0 maintainer postinst Y configure ''
	[ -z "$(ls -A "$HOME/apparmor.d")" ]
}

@test "deb: the installed program enters" {
	needs_namespaces
	mkdir -p "$HOME/nix/store" "$HOME/nix/here"
	[ "$("$ROOT/usr/bin/nix-user-chroot" --version | head -n 1)" = "nix-user-chroot $VERSION" ]
	run -0 "$ROOT/usr/bin/nix-user-chroot" "$HOME/nix" ls /nix
	[[ $output == *here* ]]
}

@test "deb: --install finds the installer in libexec" {
	needs_namespaces
	[ -n "${RELEASES:-}" ] || skip "needs RELEASES, a mirror of Nix"
	# if this host has no libexec directory of ours, the program says so
	run "$ROOT/usr/bin/nix-user-chroot" --install --mirror "$RELEASES"
	[ -e /usr/libexec/nix-user-chroot ] || {
		[ "$status" -eq 125 ]
		[[ $output == *'cannot run /usr/libexec/nix-user-chroot/nix-user-chroot-install'* ]]
	}
	run -0 installed "$ROOT/usr/bin/nix-user-chroot" --install --mirror "$RELEASES" --no-channel-add
	# the package's program is not copied, and nix is a link to it
	[ "$(readlink "$HOME/.local/bin/nix")" = "$ROOT/usr/bin/nix-user-chroot" ]
	[ ! -e "$HOME/.local/bin/nix-user-chroot" ]
	run -0 "$HOME/.local/bin/nix" --version
	[[ $output == 'nix (Nix) '* ]]
	run -0 installed "$ROOT/usr/bin/nix-user-chroot" --uninstall --yes
	[ ! -e "$HOME/.local/share/nix" ]
}

@test "deb: what is no tarball of ours is refused" {
	run "$BUILD_DEB" --output "$HOME/out"
	refused 'no tarball is named'
	run "$BUILD_DEB" --output "$HOME/out" missing.tar.xz
	refused 'there is no tarball missing.tar.xz'
	cp "$TARBALL" other.tar.xz
	run "$BUILD_DEB" --output "$HOME/out" other.tar.xz
	refused 'is not called nix-user-chroot-VERSION.tar.xz'
	echo nonsense >nix-user-chroot-1.0.0.tar.xz
	run "$BUILD_DEB" --output "$HOME/out" nix-user-chroot-1.0.0.tar.xz
	refused 'cannot be unpacked'
	cp "$TARBALL" nix-user-chroot-9.9.9.tar.xz
	run "$BUILD_DEB" --output "$HOME/out" nix-user-chroot-9.9.9.tar.xz
	refused 'nix-user-chroot-9.9.9/configure.ac'
	mkdir nix-user-chroot-8.8.8
	cp "$TOP/configure.ac" nix-user-chroot-8.8.8
	tar -cJf nix-user-chroot-8.8.8.tar.xz nix-user-chroot-8.8.8
	run "$BUILD_DEB" --output "$HOME/out" nix-user-chroot-8.8.8.tar.xz
	refused "holds version $VERSION"
}

@test "deb: what does not build leaves nothing" {
	local dir=nix-user-chroot-$VERSION

	tar -xf "$TARBALL"
	echo 'AC_MSG_ERROR([this does not build])' >>"$dir/configure.ac"
	tar -cJf "$dir.tar.xz" "$dir"
	run "$BUILD_DEB" --output "$HOME/out" "$dir.tar.xz"
	refused 'this does not build' 'dpkg-buildpackage failed'
}
