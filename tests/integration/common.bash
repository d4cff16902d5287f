# shellcheck shell=bash
#
# What the suites about entering share, such as entry.bats, path_config.bats and mounts.bats. `load` it.
#
#   entering                  in setup: make a scratch directory for the test, and unset every variable of
#                             the caller's that would decide anything; sets
#                               PROGRAM   the built program
#                               SCRATCH   the directory, which bats removes
#                               HOME TMPDIR and NIX, a Nix directory with a store and a file "name",
#                             all below SCRATCH; the working directory is HOME
#   leaving                   in teardown: make everything from the test removable for bats
#   beside                    start an entry into NIX that stays alive beside the test; later entries join
#                             it where nothing has changed since. `entering` calls it if NUC_BESIDE is set
#   inside [COMMAND...]       enter NIX
#   fails STATUS WORDS...     `run` what follows "--", which must end with STATUS and print all WORDS
#   config                    write stdin to the path config of NIX
#   for_everybody             let other users use SCRATCH and PROGRAM, which is a copy from now on
#   on_host PREPARE COMMAND...  run COMMAND as root of a user namespace, on a host of the test's own: / is a
#                             tmpfs with what programs need, and with what PREPARE adds, a shell text that
#                             runs in the new / before it is entered. There the program is /program;
#                             SCRATCH is in the same place as outside.
#   in_mount_namespace COMMAND...  run COMMAND in a mount namespace where it may mount, and where mounts
#                             spread to namespaces below, but not outside. If we are root, it runs as real
#                             root, else as root of a user namespace
#   require_root              skip the test unless we are root
#   require_user              skip the test if we are root, whom file permissions do not stop
#
# Environment: NIX_USER_CHROOT and BUILD_DIR, see scripts/check; TEST_RUNTIME, the runtime to enter by, which is
# "userns" by default.

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
	# a directory below, because bats keeps its own files in $BATS_TEST_TMPDIR
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
	# close descriptor 3, because bats waits for every process that has it open
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
	# other users may not be able to reach the build directory
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

	# the namespace is private first and shared then: so mounts spread only to namespaces below
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
