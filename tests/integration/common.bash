# shellcheck shell=bash
#
# What the suites on entering share: entry.bats, path_config.bats, mounts.bats. `load` it.
#
#   entering                  in setup: a scratch directory of the test's own, with nothing of the
#                             caller's that decides what happens; sets
#                               PROGRAM   the built program
#                               SCRATCH   the directory; bats removes it
#                               HOME TMPDIR and NIX, a Nix directory with a store and a file "name",
#                             all below it; the working directory is HOME
#   leaving                   in teardown: whatever the test made can be removed by bats
#   beside                    have a living entry into NIX beside the test, which those that follow
#                             join where nothing has changed since; `entering` does it where
#                             NUC_BESIDE is set
#   inside [COMMAND...]       enter NIX
#   fails STATUS WORDS...     `run` what follows "--", which must end with STATUS and say all WORDS
#   config                    the path config of NIX becomes stdin
#   for_everybody             let other users use SCRATCH and PROGRAM, which is a copy from now on
#   on_host PREPARE COMMAND...  COMMAND as root of a user namespace, on a host of the test's own
#                             making: / is a tmpfs with what programs need and what PREPARE, a shell
#                             text run in the new / before it is entered, adds. The program is
#                             /program there; SCRATCH is where it was.
#   in_mount_namespace COMMAND...  COMMAND where it may mount, and what it mounts spreads to those
#                             who want it and to nobody outside: really root's where we are root,
#                             else a user namespace's
#   require_root              skip the test unless we are root
#   require_user              skip the test where we are root, whom nothing is forbidden
#   under_sanitizers          is PROGRAM built with AddressSanitizer?
#
# Environment: NIX_USER_CHROOT, BUILD_DIR; see scripts/check. TEST_RUNTIME: the runtime to enter by,
# "userns" where none is given.

# shellcheck source=tests/helpers.bash
. "$(dirname "${BASH_SOURCE[0]}")/../helpers.bash"

entering()
{
	BUILD_DIR=${BUILD_DIR:-$BATS_TEST_DIRNAME/../..}
	PROGRAM=${NIX_USER_CHROOT:-$BUILD_DIR/nix-user-chroot}
	if [ ! -x "$PROGRAM" ]; then
		echo "no program at $PROGRAM: build it, or set NIX_USER_CHROOT" >&2
		return 1
	fi
	PROGRAM=$(realpath "$PROGRAM")
	unshare --user --map-root-user --mount true 2>/dev/null ||
		skip "needs a host that lets users make namespaces"
	unset "${!NIX_@}" "${!XDG_@}" BASH_ENV ENV
	# below, since bats keeps files of its own in there
	SCRATCH=$BATS_TEST_TMPDIR/scratch
	HOME=$SCRATCH/home
	TMPDIR=$SCRATCH/tmp
	NIX=$SCRATCH/nix
	take_runtime || return
	SHELL=/bin/sh
	export PROGRAM SCRATCH HOME TMPDIR NIX SHELL
	mkdir -p "$HOME" "$TMPDIR" "$NIX/store" "$NIX/etc/nix-user-chroot"
	echo ours >"$NIX/name"
	cd "$HOME" || return
	[ -z "${NUC_BESIDE:-}" ] || beside
}

beside()
{
	# 3 is bats's own, which waits for all that have it
	"$PROGRAM" "$NIX" sleep 3600 3>&- >/dev/null 2>&1 &
	BESIDE=$!
	until [ "$(cat "/proc/$BESIDE/comm")" = sleep ]; do
		sleep 0.01
	done
}

leaving()
{
	[ -z "${BESIDE:-}" ] || kill "$BESIDE"
	[ ! -d "${SCRATCH:-}" ] || chmod -R u+rwX "$SCRATCH"
	forget_lists
}

inside()
{
	"$PROGRAM" "$NIX" "$@"
}

config()
{
	cat >"$NIX/etc/nix-user-chroot/path-config.toml"
}

fails()
{
	local wanted=$1 words=() word
	shift

	while [ "$1" != -- ]; do
		words+=("$1")
		shift
	done
	shift
	run "-$wanted" "$@"
	for word in "${words[@]}"; do
		# shellcheck disable=SC2154 # run sets it
		if [[ $output != *"$word"* ]]; then
			printf 'no word of "%s" in:\n%s\n' "$word" "$output" >&2
			return 1
		fi
	done
}

for_everybody()
{
	chmod a+rx "$BATS_RUN_TMPDIR" "${BATS_TEST_TMPDIR%/*}" "$BATS_TEST_TMPDIR"
	chmod -R a+rwX "$SCRATCH"
	# the build may lie where only we may look
	cp "$PROGRAM" "$SCRATCH/program"
	PROGRAM=$SCRATCH/program
}

# shellcheck disable=SC2016 # the inner shell expands
on_host()
{
	local prepare=$1
	shift

	mkdir -p "$SCRATCH/host"
	PATH=$PATH:/usr/sbin:/sbin unshare --user --map-root-user --mount bash -c '
		set -eu
		prepare=$1
		shift
		mount -t tmpfs -o mode=755 host "$SCRATCH/host"
		cd "$SCRATCH/host"
		for entry in bin sbin lib lib32 lib64 libx32 usr etc dev proc; do
			if [ -L "/$entry" ]; then
				cp -P "/$entry" "$entry"
			elif [ -d "/$entry" ]; then
				mkdir "$entry"
				mount --rbind "/$entry" "$entry"
			fi
		done
		mkdir -m 1777 tmp
		mkdir old-host
		mkdir -p ".$SCRATCH"
		mount --rbind "$SCRATCH" ".$SCRATCH"
		touch program
		mount --bind "$PROGRAM" program
		eval "$prepare"
		pivot_root . old-host
		cd /
		umount -l old-host
		rmdir old-host 2>/dev/null || true
		exec "$@"
	' on_host "$prepare" "$@"
}

# shellcheck disable=SC2016 # the inner shell expands
in_mount_namespace()
{
	local namespaces=(--mount --propagation private)

	# private first: what is shared after that is shared with nobody but those within
	[ "$(id -u)" -eq 0 ] || namespaces+=(--user --map-root-user)
	unshare "${namespaces[@]}" bash -c 'mount --make-rshared / && exec "$@"' bash "$@"
}

require_root()
{
	[ "$(id -u)" -eq 0 ] || skip "needs root"
}

require_user()
{
	[ "$(id -u)" -ne 0 ] || skip "needs to be somebody else than root"
}

under_sanitizers()
{
	grep -q __asan_init "$PROGRAM"
}
