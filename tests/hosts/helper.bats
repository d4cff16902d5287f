#!/usr/bin/env bats
#
# The runtime helper, and attacks on the privileged program behind it by a user who has no account here. The suite
# installs the program with the file capability, and also setuid root, in a directory of root's that it makes and
# removes. This needs root, so the suite is skipped for other users. attack.py does what a shell cannot do.
#
# Environment: BUILD_DIR, NIX_USER_CHROOT; see scripts/check.

# shellcheck disable=SC2016 # the inner shells expand
# shellcheck disable=SC2154 # bats sets output, stderr and their lines

bats_require_minimum_version 1.5.0

load ../integration/common
load ../mirror/mirror
load ../integration/install

USER_ID=64321

# put_in_place: install the helper, or print why this is not possible
put_in_place()
{
	local built=${BUILD_DIR:-$BATS_TEST_DIRNAME/../..}/nix-user-chroot-helper helper

	[ "$(id -u)" -eq 0 ] || { echo "needs root, to install a privileged program" && return; }
	[ -x "$built" ] || { echo "needs nix-user-chroot-helper: make test-programs" && return; }
	for helper in setuid capable plain; do
		cp "$built" "$INSTALLED/$helper"
		chmod 755 "$INSTALLED/$helper"
	done
	chmod 4755 "$INSTALLED/setuid"
	PATH=$PATH:/usr/sbin:/sbin setcap cap_sys_admin=p "$INSTALLED/capable" 2>/dev/null ||
		{ echo "needs setcap, and a file system that keeps capabilities" && return; }
	for helper in capable setuid; do
		setpriv --reuid "$USER_ID" --regid "$USER_ID" --clear-groups "$INSTALLED/$helper" --try 2>/dev/null ||
			{ echo "here no installed program gains the right to mount" && return; }
	done
}

setup_file()
{
	INSTALLED=
	if [ "$(id -u)" -eq 0 ]; then
		INSTALLED=$(mktemp -d /var/lib/nix-user-chroot.XXXXXX)
		chmod 755 "$INSTALLED"
	fi
	WHY_NOT=$(put_in_place)
	export INSTALLED WHY_NOT
}

teardown_file()
{
	case ${INSTALLED:-} in
	/var/lib/nix-user-chroot.?*) rm -r "$INSTALLED" ;;
	esac
}

setup()
{
	[ -z "$WHY_NOT" ] || skip "$WHY_NOT"
	entering
	REFUSE=$BUILD_DIR/tests/refuse
	[ -x "$REFUSE" ] || skip "needs tests/refuse: make test-programs"
	cp "$REFUSE" "$SCRATCH/refuse"
	cp "$BATS_TEST_DIRNAME/attack.py" "$SCRATCH"
	[ ! -e "$PROGRAM-install" ] || cp "$PROGRAM-install" "$SCRATCH/nix-user-chroot-install"
	for_everybody
	mv "$PROGRAM" "$SCRATCH/nix-user-chroot"
	PROGRAM=$SCRATCH/nix-user-chroot
	HELPER=$INSTALLED/capable
	export NIX_USER_CHROOT_PROOT=/nowhere
	chown -R "$USER_ID:$USER_ID" "$SCRATCH"
	chmod -R go-w "$SCRATCH"
	before=$(cat /proc/self/mountinfo)
}

# Whatever a test has tried, the host's mounts must be as they were.
teardown()
{
	local now

	[ -n "${SCRATCH:-}" ] || return 0
	[ -z "${MOUNTED:-}" ] || umount -l "$MOUNTED"
	now=$(cat /proc/self/mountinfo)
	leaving
	[ "${before:-$now}" = "$now" ]
}

# as_user COMMAND...: run COMMAND as the user, on a host that refuses user namespaces and has the helper
as_user()
{
	"$SCRATCH/refuse" unshare:10000000,clone -- setpriv --reuid "$USER_ID" --regid "$USER_ID" --clear-groups \
		env NIX_USER_CHROOT_HELPER="$HELPER" "$@"
}

# attack WORD...: run attack.py as the user
attack()
{
	as_user python3 "$SCRATCH/attack.py" "$@"
}

# each COMMAND...: run COMMAND for each of the two forms in which the helper is installed
each()
{
	for HELPER in "$INSTALLED/capable" "$INSTALLED/setuid"; do
		"$@"
	done
}

# shown [OPTION...] -- SCRIPT: print the output of a script that the helper runs, called directly by attack.py with
# OPTIONs
shown()
{
	local options=()

	while [ "$1" != -- ]; do
		options+=("$1")
		shift
	done
	attack run "${options[@]}" "$HELPER" "$NIX" /bin/sh -c "$2"
}

# no_privilege: check that a command which the helper runs has the caller's IDs alone, and can gain no others
no_privilege()
{
	run -0 shown -- 'cat /proc/self/status'
	has_words "Uid:	$USER_ID	$USER_ID	$USER_ID	$USER_ID" "Gid:	$USER_ID	$USER_ID	$USER_ID	$USER_ID" \
		'CapInh:	0000000000000000' 'CapPrm:	0000000000000000' 'CapEff:	0000000000000000' \
		'CapAmb:	0000000000000000' 'NoNewPrivs:	1'
}

@test "the essentials, and that it is chosen before what is slower" {
	essentials()
	{
		run -0 as_user "$PROGRAM" "$NIX" cat /nix/name
		[ "$output" = ours ]
		run -7 as_user "$PROGRAM" "$NIX" sh -c 'exit 7'
		run -127 as_user "$PROGRAM" "$NIX" no-such-command
		run -126 as_user "$PROGRAM" "$NIX" "$HOME"
		run -143 as_user "$PROGRAM" "$NIX" sh -c 'kill -TERM $$'
		run -0 as_user "$PROGRAM" "$NIX" pwd
		[ "$output" = "$HOME" ]
		run -0 as_user "$PROGRAM" "$NIX" printf '<%s>' 'a b' '' '*' --install $'new\nline'
		[ "$output" = $'<a b><><*><--install><new\nline>' ]
		[ "$(echo through | as_user "$PROGRAM" "$NIX" cat)" = through ]
		[ "$(as_user "$PROGRAM" -v "$NIX" echo alone 2>/dev/null)" = alone ]
		# the process that was started becomes the command
		run -0 as_user sh -c 'echo $$; exec "$PROGRAM" "$NIX" sh -c "echo \$\$"'
		[ "${lines[0]}" = "${lines[1]}" ]
		run -0 as_user "$PROGRAM" "$NIX" "$PROGRAM" "$NIX" cat /nix/name
		[ "$output" = ours ]
		run -0 as_user "$PROGRAM" -v "$NIX" touch /nix/new
		[[ $output == *"runtime: helper, $HELPER"* ]]
		[ "$(stat -c %u "$NIX/new")" -eq "$USER_ID" ]
	}
	each essentials
}

@test "the command has its environment and limits whole, what libc takes from a privileged program too" {
	run -0 as_user LD_LIBRARY_PATH=/x TMPDIR=/y GCONV_PATH=/z LOCPATH='' WORD='a b' "$PROGRAM" "$NIX" \
		sh -c 'echo "$LD_LIBRARY_PATH $TMPDIR $GCONV_PATH ${LOCPATH-unset} $WORD ${NIX_USER_CHROOT_HELPED-none}"'
	[ "$output" = "/x /y /z  a b none" ]
	run -0 as_user sh -c 'ulimit -s unlimited; exec "$PROGRAM" "$NIX" sh -c "ulimit -s"'
	[ "$output" = unlimited ]
	run -0 as_user sh -c 'umask 0123; exec "$PROGRAM" "$NIX" sh -c umask'
	[ "$output" = 0123 ]
}

@test "by the name of a profile's command, and where the working directory is not there" {
	mkdir -p "$HOME/.local/share/nix/store" "$HOME/bin" "$HOME/.nix-profile/bin"
	printf '#!/bin/sh\necho "$0 $*"; pwd\n' >"$HOME/.nix-profile/bin/nix-tool"
	chmod 755 "$HOME/.nix-profile/bin/nix-tool"
	ln -s "$PROGRAM" "$HOME/bin/nix-tool"
	chown -R "$USER_ID:$USER_ID" "$HOME"
	run -0 as_user sh -c 'cd "$SCRATCH" && "$HOME/bin/nix-tool" a "b c"'
	[ "$output" = "$HOME/.nix-profile/bin/nix-tool a b c"$'\n'"$SCRATCH" ]
	run -0 as_user sh -c 'mkdir "$HOME/gone" && cd "$HOME/gone" && rmdir ../gone && exec "$PROGRAM" "$NIX" pwd'
	has_words "cannot be reached inside" "$HOME"
}

@test "--check has its line, also where it is not installed or gains nothing" {
	run -0 as_user "$PROGRAM" --check
	[[ $output == *$'\n  helper                works\n'* ]]
	run -0 as_user "$PROGRAM" --check --json
	[[ $output == *'{"runtime": "helper", "works": true, "why": null}'* ]]
	[[ $output == *'"runtime": "helper", "runtimes": ['* ]]
	run -0 as_user "$PROGRAM" --check --runtime=helper
	HELPER=$INSTALLED/plain run -1 as_user "$PROGRAM" --check --runtime=helper --json
	has_words "no privilege to mount: the kernel gave it none"
	run -1 as_user setpriv --no-new-privs "$PROGRAM" --check --runtime=helper --json
	has_words "no_new_privs is set"
	HELPER=/nowhere run -1 as_user "$PROGRAM" --check --runtime=helper --json
	has_words "NIX_USER_CHROOT_HELPER is /nowhere"
	run -1 "$PROGRAM" --check --runtime=helper --json
	has_words "it is for users"
}

@test "a path config: the next runtime, and that is said; by name it is refused" {
	echo 'exclude = ["/etc"]' >"$NIX/etc/nix-user-chroot/path-config.toml"
	run -125 as_user "$PROGRAM" -v "$NIX" true
	has_words "warning: the runtime helper takes no etc/nix-user-chroot/path-config.toml" \
		"runtime mountns:" "runtime proot:"
	run -125 as_user "$PROGRAM" --runtime=helper "$NIX" true
	has_words "use the helper, which takes no etc/nix-user-chroot/path-config.toml"
	# --install refuses before it downloads anything
	run -125 as_user env NIX_USER_CHROOT_DIR="$NIX" "$PROGRAM" --runtime=helper --install --mirror /nowhere
	has_words "cannot install with --runtime=helper: it takes no path config, and there is $NIX/etc"
	# the helper itself ignores such a file
	run -0 shown -- 'ls /etc/passwd'
}

@test "--install and --uninstall without a trace" {
	SYSTEM=$(uname -m)-linux tiny_release "$SCRATCH/site" 1.0.0
	TARBALL=$(echo "$SCRATCH"/site/nix-1.0.0/*.tar.xz)
	export TARBALL
	chown -R "$USER_ID:$USER_ID" "$SCRATCH"
	run -0 as_user sh -c '
		set -eu
		cd "$HOME"
		"$PROGRAM" --install --tarball "$TARBALL" --no-channel-add --no-modify-profile
		grep -qx "runtime helper" .local/share/nix/var/nix-user-chroot/record
		"$PROGRAM" -- nix --version
		.local/bin/nix --version
		"$PROGRAM" --uninstall --yes
		[ -z "$(ls -A)" ]'
}

@test "what it runs has no privilege, and gains none: setuid programs, file capabilities, devices" {
	local control

	cp "$(type -P id)" "$SCRATCH/id"
	chown root "$SCRATCH/id"
	chmod 4755 "$SCRATCH/id"
	cp -p "$SCRATCH/id" "$NIX/id"
	cp "$(type -P cat)" "$NIX/cat"
	PATH=$PATH:/usr/sbin:/sbin setcap cap_dac_override+ep "$NIX/cat"
	mknod -m 666 "$NIX/null" c 1 3
	(umask 077 && echo secret >"$SCRATCH/secret")
	# check that setuid programs and devices work on this file system outside, so that the test can fail
	control=$(as_user "$SCRATCH/id" -u) || skip "this file system sets no ids"
	[ "$control" -eq 0 ] || skip "this file system sets no ids"
	as_user "$NIX/cat" "$SCRATCH/secret"
	as_user cat "$NIX/null" || skip "this file system has no devices"
	gains_nothing()
	{
		no_privilege
		run -0 attack run "$HELPER" "$NIX" "$SCRATCH/id" -u
		[ "$output" = "$USER_ID" ]
		run -0 attack run "$HELPER" "$NIX" /nix/id -u
		[ "$output" = "$USER_ID" ]
		run ! attack run "$HELPER" "$NIX" /nix/cat "$SCRATCH/secret"
		run ! attack run "$HELPER" "$NIX" /bin/cat /nix/null
		has_words "Permission denied"
		run -0 shown -- 'grep " /nix " /proc/self/mountinfo'
		[[ $output == *"rw,nosuid,nodev"* ]]
	}
	each gains_nothing
}

@test "all of / is what it was, and nothing can be mounted or taken away" {
	local look='for f in /etc /etc/passwd /proc /sys /dev /dev/null /usr /home /root /tmp /var; do
		stat -c "%n %d:%i %u:%g %a" "$f"; done; ls /; sha256sum /etc/passwd'
	local mounts='cut -d " " -f 5,6 /proc/self/mountinfo'

	unchanged()
	{
		# without /nix, which is there in both if the host has one
		[ "$(as_user sh -c "$look" | grep -vx nix)" = "$(shown -- "$look" | grep -vx nix)" ]
		run -0 shown -- 'mkdir /tmp/nuc-at; for c in "mount --bind /tmp/nuc-at /etc" "mount -t tmpfs x /etc" \
			"mount -o remount,rw /" "mount -o remount,suid,dev /nix" "umount /nix" "umount -l /proc" \
			"mkdir /new" "touch /etc/new" "rm /bin" "mknod /tmp/nuc-at/d c 1 3"; do
			! $c 2>/dev/null || echo "done: $c"; done; rmdir /tmp/nuc-at'
		[ -z "$output" ]
		# no mount inside lacks a restriction that it has on the host
		shown -- "$mounts" | sort >"$SCRATCH/inside"
		as_user sh -c "$mounts" | grep -v '^/nix' | sort >"$SCRATCH/outside"
		run -0 comm -13 "$SCRATCH/inside" "$SCRATCH/outside"
		[[ -z $output || $output != *$'\n'* && $output == "/ "* ]]
	}
	each unchanged
}

@test "a directory that is not the caller's, or that he may not write to, is not shown" {
	mkdir "$SCRATCH/roots" "$SCRATCH/open" "$SCRATCH/closed" "$SCRATCH/unwritable"
	chmod 1777 "$SCRATCH/open"
	chmod 700 "$SCRATCH/closed"
	chown "$USER_ID" "$SCRATCH/unwritable"
	chmod 555 "$SCRATCH/unwritable"
	ln -s "$SCRATCH/roots" "$SCRATCH/link"
	not_shown()
	{
		local path

		for path in roots open unwritable link ../../../../../../../../../..; do
			run -125 attack run "$HELPER" "$SCRATCH/$path" /bin/true
			has_words "only if it is yours and you may write to it"
			run -125 as_user "$PROGRAM" --runtime=helper "$SCRATCH/$path" true
		done
		for path in / //// /etc /proc/self /proc/self/root /proc/self/root/etc /proc/1 /sys /dev/shm; do
			run -125 attack run "$HELPER" "$path" /bin/true
			has_words "only if it is yours"
		done
		# /proc/self/fd belongs to the caller, and faccessat(2) says that the caller may write to it
		run -125 attack run "$HELPER" /proc/self/fd /bin/true
		has_words "on FUSE, /proc or the like"
		# a directory that the caller may not search cannot be opened, and the message only names it
		run -125 as_user "$PROGRAM" --runtime=helper "$SCRATCH/closed" true
		run -125 as_user "$PROGRAM" --runtime=helper "$SCRATCH/closed/in" true
		# the caller's own directory works by any path that leads to it
		for path in "/$NIX" "/proc/self/root$NIX" "$NIX/../nix/." "$SCRATCH/own"; do
			ln -sfn "$NIX" "$SCRATCH/own"
			run -0 attack run "$HELPER" "$path" /bin/cat /nix/name
			[ "$output" = ours ]
		done
	}
	each not_shown
}

@test "a descriptor that is none, or no directory, and words that make no sense" {
	nonsense()
	{
		local fd line

		for fd in 0 1 2 77 -1 9999999999 '' 9x 0x9 ' 9' /nix; do
			run -125 attack run --fd "$fd" "$HELPER" "$NIX" /bin/true
		done
		run -125 sh -c 'exec 9</etc/passwd && exec "$@"' sh \
			"$SCRATCH/refuse" unshare:10000000,clone -- setpriv --reuid "$USER_ID" --clear-groups \
			"$HELPER" 9 0 -- /bin/true
		for line in '' '9' '9 0' '9 0 --' '9 1 -- /bin/true' '9 -1 -- /bin/true' '9 99999999 -- /bin/true' \
			'9 4294967296 -- /bin/true' '9 0 /bin/true --' '--try --try' '--help' '-- --try'; do
			# shellcheck disable=SC2086 # words
			run -125 attack words "$HELPER" $line
			has_words nix-user-chroot
		done
	}
	each nonsense
}

@test "a path that is exchanged for root's while it works" {
	mkdir "$SCRATCH/roots"
	touch "$SCRATCH/roots/name"
	run -0 attack swap 50 "$HELPER" "$NIX" "$SCRATCH/roots"
	[[ $output == *"shown "* ]]
}

@test "FUSE is not shown, whoever it says that it belongs to" {
	type -P bindfs >/dev/null || skip "needs bindfs"
	[ -c /dev/fuse ] || skip "needs /dev/fuse"
	mkdir "$SCRATCH/fuse"
	bindfs -o allow_other "$NIX" "$SCRATCH/fuse"
	MOUNTED=$SCRATCH/fuse
	on_fuse()
	{
		run -0 as_user stat -c %u "$SCRATCH/fuse"
		[ "$output" -eq "$USER_ID" ]
		run -125 attack run "$HELPER" "$SCRATCH/fuse" /bin/true
		has_words FUSE
		run -125 as_user "$PROGRAM" --runtime=helper "$SCRATCH/fuse" true
	}
	each on_fuse
}

@test "a mount of a user namespace of the caller's is not shown, and there the helper gains nothing" {
	in_own() {
		setpriv --reuid "$USER_ID" --regid "$USER_ID" --clear-groups unshare --user --map-root-user --mount "$@"
	}
	in_own true || skip "needs user namespaces"
	in_own_namespace()
	{
		# a directory that is mounted only in that namespace, handed to the helper by a descriptor
		run -125 in_own sh -c 'mount -t tmpfs x "$NIX" && exec python3 "$0/attack.py" run "$1" "$NIX" /bin/true' \
			"$SCRATCH" "$HELPER"
		# /etc is a directory of the caller's, from which a privileged program would read what the caller
		# wrote
		run ! in_own sh -c 'mount --bind "$NIX" /etc && exec "$1" --try' sh "$HELPER"
	}
	each in_own_namespace
}

@test "descriptors 0 to 2 are closed, in each combination" {
	local set

	closed()
	{
		for set in 0 1 2 0,1 0,2 1,2 0,1,2; do
			rm -f "$NIX/fds"
			attack run --close "$set" "$HELPER" "$NIX" /bin/sh -c 'ls -l /proc/$$/fd >/nix/fds' || return
			# none of these descriptors may be open: the tmpfs, the old root, any that the caller did not
			# have; 9 is attack.py's
			run ! grep -E ' (/|/nix.*|/proc.*|/\.old-root.*)$' <(grep -v ' [129] -> ' "$NIX/fds")
			# with 0, 1 or 2 closed, an error message must not get into a file of the caller's
			run -125 attack run --close "$set" --fd 77 "$HELPER" "$NIX" /bin/true
		done
	}
	each closed
}

@test "its environment: ld.so, libc and shells obey nothing of it" {
	local hostile=() name

	for name in LD_PRELOAD=/nix/evil.so LD_LIBRARY_PATH=/nix LD_AUDIT=/nix/evil.so LD_DEBUG=all \
		"LD_DEBUG_OUTPUT=$SCRATCH/debug" LD_BIND_NOW=1 \
		GCONV_PATH=/nix LOCPATH=/nix LANG=xx_YY LC_ALL=/nix NLSPATH=/nix/%N \
		"TMPDIR=$SCRATCH/nowhere" IFS=/ PATH=/nix BASH_ENV=/nix/evil ENV=/nix/evil MALLOC_TRACE="$SCRATCH/trace" \
		GLIBC_TUNABLES=glibc.malloc.perturb=1:glibc.malloc.mxfast=glibc.malloc.mxfast=1 TZ=/nix/evil \
		HOME=/nix NIX_USER_CHROOT_HELPED=named:1/// MALLOC_CHECK_=7 LIBC_FATAL_STDERR_=1; do
		hostile+=(--env "$name")
	done
	obeys_nothing()
	{
		run -0 --separate-stderr attack run "${hostile[@]}" --give A=1 --give LD_DEBUG_OUTPUT= "$HELPER" "$NIX" \
			/usr/bin/env
		[ "$output" = $'A=1\nLD_DEBUG_OUTPUT=' ]
		[ -z "$stderr" ]
		run -125 attack run "${hostile[@]}" --fd 77 "$HELPER" "$NIX" /usr/bin/env
		has_words "the helper cannot enter the Nix directory: Bad file descriptor"
		# ld.so writes its profile only to a directory of root's, if there is one: not to this one
		attack run --env LD_PROFILE=libc.so.6 --env LD_PROFILE_OUTPUT="$SCRATCH" "$HELPER" "$NIX" /usr/bin/env
		# ld.so would list libraries instead of running the program: the helper has to end before that
		run -5 attack run --env LD_TRACE_LOADED_OBJECTS=1 "$HELPER" "$NIX" /usr/bin/env
		[ -z "$output" ]
		run -0 find "$SCRATCH" -maxdepth 1 "(" -name "*debug*" -o -name "*trace*" -o -name "*profile" ")"
		[ -z "$output" ]
	}
	each obeys_nothing
}

@test "ptrace, /proc/PID/mem and the like while it works" {
	# with a tracer from the first instruction on, the kernel gives the program no privilege
	run -125 attack traced "$HELPER" "$NIX"
	has_words "no privilege to mount"
	HELPER=$INSTALLED/setuid run -125 attack traced "$INSTALLED/setuid" "$NIX"
	untouched()
	{
		run -0 attack stop 10 "$HELPER" "$NIX"
		[[ $output == *"caught "* ]]
	}
	each untouched
}

@test "killed at random instants, nothing is left" {
	killed()
	{
		run -0 attack kill 25 "$HELPER" "$NIX"
		[ "$output" = "killed 25" ]
		run ! compgen -G '/tmp/.old-root*'
	}
	each killed
}

@test "limits: it works or fails, and never with more than it should have" {
	local limit status output

	limited()
	{
		for limit in FSIZE=0 NOFILE=3 NOFILE=9 NOFILE=10 NOFILE=12 STACK=4096 STACK=65536 AS=1000000 AS=8000000 \
			DATA=0 NPROC=0 CORE=18446744073709551615 CPU=1 MEMLOCK=0 NICE=0 SIGPENDING=0; do
			# not by `run`: the status is 127 where ld.so cannot load libc, and `run` would warn
			status=0
			output=$(attack run --limit "$limit" "$HELPER" "$NIX" /bin/grep CapPrm /proc/self/status 2>&1) ||
				status=$?
			echo "$limit: $status $output"
			case $status in
			0) [[ $output == *0000000000000000* ]] ;;
			125 | 126 | 127 | 132 | 134 | 137 | 139 | 153 | 1) ;;
			*) return 1 ;;
			esac
		done
		[ -z "$(find "$HOME" "$NIX" -name 'core*')" ]
	}
	each limited
	# limits that do no harm have no effect
	run -0 attack run --limit FSIZE=0 "$HELPER" "$NIX" /bin/cat /nix/name
	[ "$output" = ours ]
}

@test "signals that are ignored or blocked, and timers" {
	run -0 as_user sh -c 'trap "" TERM HUP INT PIPE CHLD; exec "$PROGRAM" "$NIX" cat /nix/name'
	[ "$output" = ours ]
	run -0 as_user python3 -c 'import signal,os,sys
signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65))
os.execv(sys.argv[1], sys.argv[1:])' "$PROGRAM" "$NIX" grep SigBlk /proc/self/status
	[[ $output == *"fffffffe7ffbfeff"* ]]
	run as_user python3 -c 'import signal,os,sys
signal.setitimer(signal.ITIMER_REAL, 0.002, 0.002)
os.execv(sys.argv[1], sys.argv[1:])' "$PROGRAM" "$NIX" true
	[ "$status" -eq 142 ] || [ "$status" -eq 0 ]
}

@test "no argument at all, and megabytes of them" {
	empty()
	{
		run -125 attack words "$HELPER"
		has_words "not for the command line"
	}
	each empty
	# arguments as large as the kernel allows with a stack of 8 MiB, which is a quarter of the stack
	run -0 as_user sh -c 'ulimit -s 8192; "$PROGRAM" "$NIX" sh -c "echo \$#" sh $(seq 100000)'
	[ "$output" -eq 100000 ]
	# 10 MB of arguments are too many for the kernel, which refuses before the helper runs
	run python3 -c 'import os,sys
os.execv(sys.argv[1], [sys.argv[1], "9", "0", "--", "/bin/true"] + ["x" * 100000] * 100)' "$HELPER"
	has_words "Argument list too long"
	run as_user python3 -c 'import os,sys,resource
resource.setrlimit(resource.RLIMIT_STACK, (-1, -1))
os.execv(sys.argv[1], sys.argv[1:] + ["x" * 100000] * 55)' "$PROGRAM" "$NIX" /bin/true
	[ "$status" -eq 125 ] || [ "$status" -eq 0 ]
}

@test "a thousand at once" {
	run -0 as_user sh -c 'ulimit -u 100000 2>/dev/null; seq 1000 | xargs -P 1000 -I N "$0" --try' "$HELPER"
	[ -z "$output" ]
	run -0 as_user "$PROGRAM" "$NIX" cat /nix/name
	[ "$output" = ours ]
}

@test "propagation: a host with shared mounts sees nothing, and what it mounts later is seen inside" {
	propagation()
	{
		run -0 timeout 120 unshare --mount --propagation shared sh -c '
			set -eu
			seen=$(cat /proc/self/mountinfo)
			mkfifo -m 666 "$SCRATCH/ready" "$SCRATCH/go"
			mkdir -p "$SCRATCH/later"
			"$SCRATCH/refuse" unshare:10000000,clone -- setpriv --reuid "$1" --regid "$1" --clear-groups \
				env NIX_USER_CHROOT_HELPER="$2" "$PROGRAM" --runtime=helper "$NIX" \
				sh -c "echo x >\"\$SCRATCH/ready\"; read x <\"\$SCRATCH/go\"; cat \"\$SCRATCH/later/file\"" &
			read x <"$SCRATCH/ready"
			[ "$seen" = "$(cat /proc/self/mountinfo)" ]
			mount -t tmpfs later "$SCRATCH/later"
			echo later >"$SCRATCH/later/file"
			echo x >"$SCRATCH/go"
			wait $!
			rm "$SCRATCH/ready" "$SCRATCH/go"' sh "$USER_ID" "$HELPER"
		[ "$output" = later ]
	}
	chmod 777 "$SCRATCH"
	each propagation
}

@test "what an unbindable mount hides stays hidden" {
	echo secret >"$HOME/hidden"
	mkdir "$SCRATCH/cover"
	echo secret >"$SCRATCH/cover/hidden"
	hidden()
	{
		run -0 unshare --mount sh -c '
			set -eu
			mount -t tmpfs cover "$SCRATCH/cover"
			mount --make-unbindable "$SCRATCH/cover"
			"$SCRATCH/refuse" unshare:10000000,clone -- setpriv --reuid "$1" --regid "$1" --clear-groups \
				env NIX_USER_CHROOT_HELPER="$2" "$PROGRAM" --runtime=helper "$NIX" ls -A "$SCRATCH/cover"' \
			sh "$USER_ID" "$HELPER"
		[ -z "$output" ]
	}
	each hidden
}

@test "a read-only mount below /nix and on it stays read-only" {
	mkdir "$NIX/ro"
	read_only()
	{
		run -0 unshare --mount sh -c '
			set -eu
			mount -t tmpfs -o mode=1777 x "$NIX/ro"
			mount -o remount,bind,ro,noexec "$NIX/ro"
			"$SCRATCH/refuse" unshare:10000000,clone -- setpriv --reuid "$1" --regid "$1" --clear-groups \
				env NIX_USER_CHROOT_HELPER="$2" "$PROGRAM" --runtime=helper "$NIX" \
				sh -c "! touch /nix/ro/new 2>/dev/null; grep \" /nix/ro \" /proc/self/mountinfo"' sh "$USER_ID" "$HELPER"
		[[ $output == *" ro,nosuid,nodev,noexec"* ]]
	}
	each read_only
}

@test "root gets nothing from it, and without privilege it does nothing" {
	run -125 "$HELPER" --try
	has_words "does nothing for root"
	run -125 env NIX_USER_CHROOT_HELPER="$HELPER" "$PROGRAM" --runtime=helper "$NIX" true
	has_words "it is for users"
	HELPER=$INSTALLED/plain
	run -125 attack run "$HELPER" "$NIX" /bin/true
	has_words "no privilege to mount"
	run -125 as_user "$PROGRAM" "$NIX" true
}
