#!/usr/bin/env bats
#
# The whole life of an installation on each kind of host that refuses user namespaces: install by the one-line
# command or by ci-bootstrap, run `nix --version`, build a derivation, upgrade Nix, and uninstall without a trace.
# Each test prints a line of a table, as a comment of TAP. Takes minutes, and belongs to the step `long` of
# scripts/check. Needs what hosts.bash says, and RELEASES.

# shellcheck disable=SC2016 # the inner shells expand what stands in single quotes
# shellcheck disable=SC2154 # bats sets output, stderr, status and lines

bats_require_minimum_version 1.5.0
load ../mirror/mirror.bash
load bootstrap.bash
load hosts.bash

setup_file()
{
	hosts_suite
}

setup()
{
	hosts_test
}

# The whole life, as a script. Its argument is install.sh or ci-bootstrap. Prints "SHOWN runtime NAME" and "SHOWN
# enter MILLISECONDS".
LIFE='
	way=$1
	export NIX_CONFIG="substitute = false"
	# list all files that can be seen from here, without those that are the same for all
	there() {
		find / -path /proc -prune -o -path /sys -prune -o -path /dev -prune -o -path /usr -prune -o \
			-path "$HOME/.config" -prune -o -path /tmp -prune -o -print 2>/dev/null | sort
	}
	get() {
		case $way in
		install.sh)
			sh -s -- --no-channel-add "$@" </release/install.sh
			PATH=$HOME/.local/bin:$PATH
			;;
		ci-bootstrap) . "$(/release/ci-bootstrap "$@")" ;;
		esac
	}
	before=$(there)
	get --nix-version 2.26.3
	nix --version | grep "^nix (Nix) 2"
	dir=$HOME/.local/share/nix
	[ -d "$dir" ] || dir=/nix
	echo "SHOWN $(grep -x "runtime .*" "$dir/var/nix-user-chroot/record")"
	out=$(nix-build --no-out-link -E "derivation { name = \"x\"; system = builtins.currentSystem;
		builder = \"/bin/sh\"; args = [ \"-c\" \"echo built > \$out\" ]; }")
	nix-store --query --hash "$out" | grep "^sha256:"
	# the time to enter in milliseconds, the fastest of twenty
	/usr/bin/python3 -c "if 1:
		import subprocess, time
		def once():
		    start = time.monotonic()
		    subprocess.check_call([\"nix-user-chroot\", \"--\", \"true\"])
		    return time.monotonic() - start
		print(\"SHOWN enter %.1f\" % (1000 * min(once() for _ in range(20))))"
	grep -q "^complete 2.26.3 " "$dir/var/nix-user-chroot/record"
	get --nix-version 2.26.4 --force
	grep -q "^complete 2.26.4 " "$dir/var/nix-user-chroot/record"
	nix --version
	# what was built before the upgrade is still there
	nix-store --query --hash "$out" | grep "^sha256:"
	nix-user-chroot --uninstall --yes
	after=$(there)
	[ "$before" = "$after" ] || { diff <(echo "$before") <(echo "$after"); exit 1; }
	echo "SHOWN whole"
'

# live RUNTIME WAY PREPARE: run LIFE by WAY on a host made by PREPARE; it must use RUNTIME
live()
{
	local unshared entered

	unshared=$(/usr/bin/python3 -c 'if 1:
		import subprocess, time
		def once():
		    start = time.monotonic()
		    subprocess.check_call(["unshare", "-Urm", "true"])
		    return time.monotonic() - start
		print("%.1f" % (1000 * min(once() for _ in range(20))))')
	run -0 host "$3" bash -euc "$LIFE" life "$2"
	has_words "SHOWN runtime $1" 'SHOWN whole'
	entered=$(sed -n 's/^SHOWN enter //p' <<<"$output")
	printf '# %-36s %-12s %-8s enters in %5.1f ms, %4.1f of unshare -Urm true (%.1f ms)\n' \
		"${BATS_TEST_DESCRIPTION%%:*}" "$2" "$1" "$entered" \
		"$(awk "BEGIN { print $entered / $unshared }")" "$unshared" >&3
}

@test "container root under the filter: by install.sh" {
	live direct install.sh 'refuse_filter; container; as_root'
}

@test "container root under the filter: by ci-bootstrap" {
	live direct ci-bootstrap 'refuse_filter; container; as_root'
}

@test "user under the filter, a proot: by install.sh" {
	live proot install.sh 'refuse_filter; no_sudo; with_proot'
}

@test "user under the filter, a proot: by ci-bootstrap" {
	live proot ci-bootstrap 'refuse_filter; no_sudo; with_proot'
}

@test "user under the filter, no proot: by install.sh" {
	live proot install.sh 'refuse_filter; no_sudo; no_proot'
}

@test "user under the filter, no proot: by ci-bootstrap" {
	live proot ci-bootstrap 'refuse_filter; no_sudo; no_proot'
}

@test "user with the helper: by install.sh" {
	live helper install.sh 'refuse_users; no_sudo; with_helper'
}

@test "user with the helper: by ci-bootstrap" {
	live helper ci-bootstrap 'refuse_users; no_sudo; with_helper'
}

@test "root without user namespaces: by install.sh" {
	live mountns install.sh 'refuse_limit; as_root'
}

@test "root without user namespaces: by ci-bootstrap" {
	live mountns ci-bootstrap 'refuse_limit; as_root'
}

@test "user with a /nix of his own: by install.sh" {
	live direct install.sh 'refuse_filter; no_sudo; own_nix'
}

@test "user with a /nix of his own: by ci-bootstrap" {
	live direct ci-bootstrap 'refuse_filter; no_sudo; own_nix'
}

@test "user under the filter, no proot in the release either: the reason, and nothing is left" {
	rm "$RELEASE"/proot-*
	sums "$RELEASE"
	run -125 host 'refuse_filter; no_sudo; no_proot' bash -c \
		'sh -s -- --no-channel-add </release/install.sh; status=$?; find ~; exit $status'
	has_words 'it refuses unshare' 'seccomp filter'
	[ "${lines[-1]}" = /home/runner ]
}
