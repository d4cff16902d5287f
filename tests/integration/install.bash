# shellcheck shell=bash
#
# What the suites of --install share, such as install.bats, again.bats, crash.bats and disk.bats. `load` it after
# ../mirror/mirror.bash.
#
#   installing_suite          in setup_file: find the program and the releases; set and export PROGRAM;
#                             RELEASES, and the versions OLD and NEW there; SYSTEM; and SITE, a directory
#                             for the mirror with these releases and the tiny release TINY
#   in_memory                 in setup_file: let new_home make its directories in memory, if there is
#                             enough room and programs can be run there; set SCRATCH, for the teardown
#   new_home [NAME]           make an empty HOME below BATS_TEST_TMPDIR, and unset the caller's variables
#                             that decide where things go; set HOME and NIX, the Nix directory
#   install [ARG...]          run --install from the running mirror, without a channel
#   listing DIR               list DIR: names, kinds, modes, owners, links, and contents as digests
#   listing_with_times DIR    the same with ctimes, which any write or chmod changes
#   refused WORDS...          check the result of `run`: --install failed with status 125 and one message, of
#                             two or more lines, that contains all WORDS
#   refused_early WORDS... -- COMMAND...   run COMMAND, which must be refused before it asks for a tarball,
#                             unpacks, or changes anything
#   clean_store               does `nix-store --verify --check-contents` find nothing wrong?
#   no_leftovers              is nothing left of an interrupted installation?
#   tiny_release DIR VERSION [SCRIPT]   make a release that installs at once: nix is a shell script, and the
#                             install script runs SCRIPT. The tarball has 200,000 bytes; if TINY_SHRINKS is
#                             set, xz compresses the same data to nearly nothing
#
# Environment: NIX_USER_CHROOT, BUILD_DIR, RELEASES; see scripts/check.

# shellcheck source=tests/helpers.bash
. "$(dirname "${BASH_SOURCE[0]}")/../helpers.bash"

# The functions that bats calls; a suite that needs more defines its own.

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
	# many clusters set SCRATCH: theirs is not ours
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
	# the fifth byte of an ELF file is 1 if the program is a 32-bit one. An i686 program installs the Nix for
	# i686, unless it is told to install the one that these releases have.
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
	# some containers mount /dev/shm noexec
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
	# the proxy does not exist: there is no network that could be asked for a channel or a substitute
	https_proxy=http://127.0.0.1:1
	http_proxy=$https_proxy
	no_proxy=127.0.0.1
	NIX=$HOME/.local/share/nix
	take_runtime
	# PATH as on most distributions; where it is different, --install prints advice
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
	# count the messages without those that only report progress; below the one that is left is a line of advice
	messages=$(grep '^nix-user-chroot: ' <<<"$output" | grep -vcE \
		'^nix-user-chroot: (Nix goes into /nix itself|looking for |downloading |unpacking |moving |finishing |running the |waiting |warning: |.*; retry in |Nix .* installing it again|Nix .*: nothing to do|another --install)')
	if [ "$messages" -ne 1 ] || [[ ${lines[-1]} != "  "* ]]; then
		echo "$messages messages: $output"
		return 1
	fi
	has_words "$@"
}

# Anything that Nix itself prints on stderr is an error here, even if the status is right.
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
	# the hash part of a store path has 32 digits: fill the name up with zeros
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
	# the script's database contains the store path as text, in a file that SQLite does not take for a
	# write-ahead log
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
