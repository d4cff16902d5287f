# shellcheck shell=bash
#
# What the suites of --install share: install.bats, again.bats, crash.bats, disk.bats,
# concurrency.bats. `load` it after ../mirror/mirror.bash.
#
#   installing_suite          in setup_file: finds the program and the releases; sets and exports
#                             PROGRAM RELEASES, the versions OLD and NEW in it, SYSTEM, and SITE,
#                             a directory for the mirror that has these and the tiny release TINY
#   in_memory                 in setup_file: have new_home make its directories in memory, where
#                             there is room and programs may run; sets SCRATCH, for the teardown
#   new_home [NAME]           an empty HOME below BATS_TEST_TMPDIR, and nothing of the caller's that
#                             decides where things go; sets HOME and NIX, the Nix directory
#   install [ARG...]          --install from the mirror that runs, without a channel
#   listing DIR               what is in it: names, kinds, modes, owners, links, and contents by digest
#   listing_with_times DIR    the same with the times of change, which any write or chmod moves
#   refused WORDS...          `run` something that fails as --install does: status 125, one message of
#                             two lines or more that holds all WORDS
#   refused_early WORDS... -- COMMAND...   as refused(), with no tarball asked for, nothing unpacked and
#                             nothing changed
#   clean_store               `nix-store --verify --check-contents` has nothing to say
#   no_leftovers              nothing of a broken off installation is there
#   tiny_release DIR VERSION [SCRIPT]   a release that takes no time: a shell script for nix, and
#                             SCRIPT run in its install script; 200,000 bytes, which xz makes
#                             nothing of where TINY_SHRINKS is set
#
# Environment: NIX_USER_CHROOT, BUILD_DIR, RELEASES; see scripts/check.

# shellcheck source=tests/helpers.bash
. "$(dirname "${BASH_SOURCE[0]}")/../helpers.bash"

# What bats calls; a suite that wants more has its own.

setup_file()
{
	installing_suite
	in_memory
	mirror_start "$SITE"
}

teardown_file()
{
	mirror_stop
	remove_tree ${SCRATCH:+"$SCRATCH"}
}

# shellcheck disable=SC2119 # new_home's argument is for tests with more than one
setup()
{
	new_home
}

teardown()
{
	mirror_clear_faults
	mirror_clear_log
	forget_lists
	cd /
	remove_tree "$BATS_TEST_TMPDIR"/* ${SCRATCH:+"$SCRATCH"/*}
}

installing_suite()
{
	# a variable of many clusters: not ours
	unset SCRATCH
	PROGRAM=${NIX_USER_CHROOT:-${BUILD_DIR:-$BATS_TEST_DIRNAME/../..}/nix-user-chroot}
	if [ ! -x "$PROGRAM" ]; then
		echo "no program at $PROGRAM: build it, or set NIX_USER_CHROOT" >&2
		return 1
	fi
	PROGRAM=$(realpath "$PROGRAM")
	if [ -z "${RELEASES:-}" ]; then
		RELEASES=$BATS_FILE_TMPDIR/releases
		"$BATS_TEST_DIRNAME/../mirror/make-release" "$RELEASES" >&2
		"$BATS_TEST_DIRNAME/../mirror/make-release" --as 2.26.4 "$RELEASES" >&2
	fi
	export PROGRAM RELEASES
	OLD=2.26.3
	NEW=2.26.4
	case $(uname -m) in
	x86_64) SYSTEM=x86_64-linux ;;
	aarch64) SYSTEM=aarch64-linux ;;
	i?86) SYSTEM=i686-linux ;;
	*) echo "the releases of these tests are not made for $(uname -m)" >&2; return 1 ;;
	esac
	# the fifth byte of an ELF file, 1: of 32 bits. An i686 program takes the Nix for i686 unless it
	# is told of the one that these releases have.
	FOREIGN=
	[[ $(od -An -tu1 -j4 -N1 "$PROGRAM") -ne 1 || $SYSTEM == i686-linux ]] || FOREIGN=$SYSTEM
	export FOREIGN
	TINY=1.0.0
	SITE=$BATS_FILE_TMPDIR/site
	export OLD NEW SYSTEM TINY SITE
	tiny_release "$SITE" $TINY
	cp -r --reflink=auto "$RELEASES"/nix-* "$SITE/"
}

in_memory()
{
	local room

	room=$(df --output=avail -k /dev/shm 2>/dev/null | tail -n 1) || return 0
	if [ "${room:-0}" -lt 1000000 ] ||
		[ "$(sed -n 's/^MemAvailable: *\([0-9]*\).*/\1/p' /proc/meminfo)" -lt 2000000 ]; then
		return 0
	fi
	SCRATCH=$(mktemp -d /dev/shm/nix-user-chroot.XXXXXX) || return 0
	# some containers have it mounted noexec
	cp /bin/true "$SCRATCH/true"
	if ! "$SCRATCH/true" 2>/dev/null; then
		rm -r "$SCRATCH"
		unset SCRATCH
		return 0
	fi
	export SCRATCH
}

# shellcheck disable=SC2120
new_home()
{
	local name

	HOME=${SCRATCH:-$BATS_TEST_TMPDIR}/${1:-home}
	mkdir -p "$HOME"
	cd "$HOME" || return
	for name in $(compgen -e); do
		case $name in
		NIX_* | XDG_* | *_proxy | *_PROXY | CURL_CA_BUNDLE | SSL_CERT_*) unset "$name" ;;
		esac
	done
	[ -z "${FOREIGN:-}" ] || export NIX_USER_CHROOT_SYSTEM=$FOREIGN
	# a channel or a substituter would be asked for over the network: there is none
	https_proxy=http://127.0.0.1:1
	http_proxy=$https_proxy
	no_proxy=127.0.0.1
	NIX=$HOME/.local/share/nix
	take_runtime
	# as most distributions have it; --install says what to do where it is not
	PATH_BEFORE=${PATH_BEFORE:-$PATH}
	PATH=$HOME/.local/bin:$PATH_BEFORE
	export PATH HOME https_proxy http_proxy no_proxy NIX
}

install()
{
	"$PROGRAM" --install --mirror "$MIRROR_URL" --cacert "$MIRROR_CA" --no-channel-add "$@"
}

_listing()
{
	(
		cd "$1" || exit
		find . -printf "$2" | LC_ALL=C sort
		find . -type f -readable -exec sha256sum {} + | LC_ALL=C sort -k 2
	)
}

listing()
{
	_listing "$1" '%p %y %m %U:%G %l\n'
}

listing_with_times()
{
	_listing "$1" '%p %y %m %U:%G %s %T@ %C@ %i %l\n'
}

# shellcheck disable=SC2154 # run sets status, output and lines
refused()
{
	local messages

	if [ "$status" -ne 125 ]; then
		echo "status $status: $output"
		return 1
	fi
	# what is only told, then one message, and a line of advice below it
	messages=$(grep '^nix-user-chroot: ' <<<"$output" | grep -vcE \
		'^nix-user-chroot: (Nix goes into /nix itself|looking for |downloading |unpacking |moving |finishing |running the |waiting |warning: |.*; retry in |Nix .* installing it again|Nix .*: nothing to do|another --install)')
	if [ "$messages" -ne 1 ] || [[ ${lines[-1]} != "  "* ]]; then
		echo "$messages messages: $output"
		return 1
	fi
	has_words "$@"
}

# A word of Nix's own on stderr counts, whatever the status is.
refused_early()
{
	local words=() before
	while [ "$1" != -- ]; do
		words+=("$1")
		shift
	done
	shift
	before=$(listing "$HOME")
	run "$@"
	refused "${words[@]}"
	[[ $output != *unpack* ]]
	[ -z "${MIRROR_LOG:-}" ] || [ "$(mirror_requests 'tar\.xz ')" -eq 0 ]
	diff <(echo "$before") <(listing "$HOME")
}

clean_store()
{
	local said

	said=$("$PROGRAM" -- nix-store --verify --check-contents 2>&1) || {
		echo "$said"
		return 1
	}
	if [[ $said == *error* || $said == *warning* || $said == *modified* || $said == *disappeared* ]]; then
		echo "$said"
		return 1
	fi
}

no_leftovers()
{
	local left

	left=$(
		find "$NIX/var/nix-user-chroot" -mindepth 1 ! -name record ! -name install.log
		find "$NIX" -name '*.new' -o -name '*.part*' -o -name '.old-*' 2>/dev/null
	)
	if [ -n "$left" ]; then
		printf 'left over:\n%s\n' "$left"
		return 1
	fi
	grep -q "^complete " "$NIX/var/nix-user-chroot/record"
}

tiny_release()
{
	local dir=$1 version=$2 script=${3:-:}
	local top=nix-$version-$SYSTEM
	local name=${version//[^0-9]/}
	local work

	work=$(mktemp -d "$BATS_FILE_TMPDIR/tiny.XXXXXX")
	# a hash part has 32 digits, whatever the version has
	name=$(printf '%32s' "$name" | tr ' ' 0)-nix-$version
	mkdir -p "$work/$top/store/$name/bin" "$work/$top/store/$name/share" "$dir/nix-$version"
	printf '#!/bin/sh\necho "nix (Nix) %s"\n' "$version" >"$work/$top/store/$name/bin/nix"
	if [ -n "${TINY_SHRINKS:-}" ]; then
		head -c 200000 /dev/zero >"$work/$top/store/$name/share/data"
	else
		openssl enc -aes-128-ctr -K 0 -iv 0 </dev/zero 2>/dev/null |
			head -c 200000 >"$work/$top/store/$name/share/data"
	fi
	printf '/nix/store/%s\n' "$name" >"$work/$top/.reginfo"
	# its database knows the store path, and is no log that SQLite would take for one
	cat >"$work/$top/install" <<END
#!/bin/sh
set -eu
for path in "\$(dirname "\$0")"/store/*; do
	[ -e "/nix/store/\${path##*/}" ] || exit 9
done
[ -d /nix/var/nix ] || exit 8
$script
mkdir -p /nix/var/nix/profiles /nix/var/nix/db
cp "\${0%/*}/.reginfo" /nix/var/nix/db/db.sqlite-wal
ln -sfn /nix/store/$name /nix/var/nix/profiles/tiny
ln -sfn /nix/var/nix/profiles/tiny "\$HOME/.nix-profile"
END
	chmod 755 "$work/$top/install" "$work/$top/store/$name/bin/nix"
	tar -C "$work" --sort=name --owner=0 --group=0 --numeric-owner --mtime=@0 -cJf \
		"$dir/nix-$version/$top.tar.xz" "$top"
	sha256sum "$dir/nix-$version/$top.tar.xz" | cut -c1-64 | tr -d '\n' \
		>"$dir/nix-$version/$top.tar.xz.sha256"
	printf '#!/bin/sh\n# nix-%s/nix-%s-%s.tar.xz\n' "$version" "$version" "$SYSTEM" \
		>"$dir/nix-$version/install"
	rm -rf "$work"
}
