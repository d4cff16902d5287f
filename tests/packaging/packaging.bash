# shellcheck shell=bash
# shellcheck disable=SC2154 # run sets status, output and lines
# shellcheck disable=SC2034 # the suites read what we set
#
# What the suites of scripts/release and scripts/packaging share. `load` it.
#
#   packaging                in setup_file and setup: make a HOME and a TMPDIR for the test, let git ignore
#                            the caller's configuration, and turn the network off; set TOP, VERSION and
#                            PROGRAM (the built program)
#   repository DIR           make DIR a repository of this tree with three commits; the first has the tag
#                            v0.0.1, the last v$VERSION
#   change DIR FILE SED      change FILE in the repository DIR by the sed script, and commit
#   binaries DIR             fill DIR as scripts/build-static does, but each binary is PROGRAM; set PROOT to
#                            the beginning of the names of PRoot's files
#   needs_namespaces         skip the test if users cannot make user namespaces
#   remove_nix               in teardown: make the read-only store of a Nix in HOME removable for bats
#   nothing_left DIR...      check that TMPDIR is empty, and that no DIR exists
#
# Environment: NIX_USER_CHROOT, BUILD_DIR, RELEASES; NIX_USER_CHROOT_SINGLE, a program of configure
# --enable-single-binary. See scripts/check.

# shellcheck source=tests/helpers.bash
. "$(dirname "${BASH_SOURCE[0]}")/../helpers.bash"

packaging()
{
	local name

	for name in $(compgen -e); do
		case $name in
		NIX_USER_CHROOT | NIX_USER_CHROOT_SINGLE) ;;
		GIT_* | NIX_* | XDG_* | DEB_* | DEBFULLNAME | DEBEMAIL | MAKE* | *FLAGS | *_proxy | *_PROXY | \
			CURL_CA_BUNDLE | SSL_CERT_* | CC | BASH_ENV | ENV | SOURCE_DATE_EPOCH) unset "$name" ;;
		esac
	done
	TOP=$(realpath "$BATS_TEST_DIRNAME/../..")
	VERSION=$(sed -n 's/^AC_INIT(\[nix-user-chroot\], \[\([^]]*\)\].*/\1/p' "$TOP/configure.ac")
	PROGRAM=${NIX_USER_CHROOT_SINGLE:-${NIX_USER_CHROOT:-${BUILD_DIR:-$TOP}/nix-user-chroot}}
	HOME=${BATS_TEST_TMPDIR:-$BATS_FILE_TMPDIR}/home
	TMPDIR=${BATS_TEST_TMPDIR:-$BATS_FILE_TMPDIR}/tmp
	mkdir -p "$HOME" "$TMPDIR"
	GIT_CONFIG_GLOBAL=/dev/null
	GIT_CONFIG_SYSTEM=/dev/null
	GIT_AUTHOR_NAME='A. Uthor'
	GIT_AUTHOR_EMAIL=author@example.org
	GIT_COMMITTER_NAME=$GIT_AUTHOR_NAME
	GIT_COMMITTER_EMAIL=$GIT_AUTHOR_EMAIL
	https_proxy=http://127.0.0.1:1
	http_proxy=$https_proxy
	no_proxy=127.0.0.1,localhost
	export TOP VERSION PROGRAM HOME TMPDIR "${!GIT_@}" https_proxy http_proxy no_proxy
	cd "$HOME" || return
	[ -x "$PROGRAM" ] || {
		echo "no program at $PROGRAM: build it, or set NIX_USER_CHROOT" >&2
		return 1
	}
}

repository()
{
	mkdir "$1"
	tar -C "$TOP" --exclude=./.git --exclude='./build*' --exclude=./dist -cf - . | tar -C "$1" -xf -
	cd "$1" || return
	git init -q -b main
	git add --all
	git commit -q -m 'All of it'
	git tag -a v0.0.1 -m 'The one before'
	change "$1" README '1s/^/./' 'Of after the one before'
	change "$1" README '1s/^.//' 'Of this one'
	git tag -a "v$VERSION" -m $'What is new\n\n  * everything'
	git clean -q -d -x -f
	[ -z "$(git status --porcelain)" ]
	cd "$HOME" || return
}

change()
{
	sed -i "$3" "$1/$2"
	git -C "$1" commit -q -m "${4:-Change}" "$2"
}

# machine FILE OCTAL: set e_machine (see elf.h) in the ELF header of FILE, so that FILE looks like one for that
# machine
machine()
{
	printf '%b' "\\0$2" | dd of="$1" bs=1 seek=18 conv=notrunc status=none
}

binaries()
{
	local arch octal name

	PROOT=proot-$(awk '$1 == "proot" { print $2 }' "$TOP/scripts/static/pins")
	mkdir -p "$1"
	while read -r arch octal; do
		for name in "nix-user-chroot-$VERSION" "$PROOT"; do
			cp "$PROGRAM" "$1/$name-$arch-linux"
			machine "$1/$name-$arch-linux" "$octal"
		done
	done <<-'END'
		x86_64 76
		i686 3
		aarch64 267
		armv7l 50
		riscv64 363
	END
	# PRoot does not support riscv64
	rm "$1/$PROOT-riscv64-linux"
	echo source >"$1/$PROOT-source.tar.xz"
	(cd "$1" && sha256sum -- *-linux *.tar.xz >SHA256SUMS)
}

needs_namespaces()
{
	unshare --user --map-root-user --mount true 2>/dev/null ||
		skip "needs a host that lets users make namespaces"
}

remove_nix()
{
	case $HOME in
	"${BATS_RUN_TMPDIR:?}"/?*) [ ! -d "$HOME/.local/share/nix" ] || chmod -R u+w "$HOME/.local/share/nix" ;;
	esac
}

nothing_left()
{
	local left path

	left=$(find "$TMPDIR" -mindepth 1 -maxdepth 2)
	if [ -n "$left" ]; then
		printf 'left behind: %s\n' "$left"
		return 1
	fi
	for path; do
		if [ -e "$path" ]; then
			echo "left behind: $path"
			return 1
		fi
	done
}
