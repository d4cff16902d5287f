# shellcheck shell=bash
#
# Functions that suites of every kind use; they source this file.
#
#   remove_tree PATH...    rm -rf, also of read-only directories, but only where the suites make directories
#   wait_until SECONDS COMMAND...   run COMMAND until it succeeds; fail after SECONDS
#   forget_lists           remove the lists of living namespaces of the users that the suites make up
#   sandbox_here           print "true" if a sandbox can be made within an entry: another user namespace, with a
#                          /proc of its own; else "false"
#   under_sanitizers       is PROGRAM built with AddressSanitizer?
#   has_words WORDS...     does $output, as `run` sets it, contain all WORDS?
#   take_runtime           in setup: let the program use the runtime TEST_RUNTIME, where it is set. In `direct`
#                          NIX becomes the /nix that tests/own-root has made, and is emptied; in `helper` the
#                          privileged program is $TEST_HELPER
#   not_in RUNTIME WHY     skip the test where the suite runs in that runtime

remove_tree()
{
	local path

	for path; do
		# a test may have changed HOME, so check each path: only directories that the suites make are removed
		case $(realpath -m -s -- "$path") in
		"${BATS_RUN_TMPDIR:?}"/?* | /dev/shm/nix-user-chroot.?* | /tmp/nix-user-chroot?*) ;;
		*)
			echo "remove_tree: $path is not ours to remove"
			return 1
			;;
		esac
		if [ -d "$path" ] && [ ! -L "$path" ]; then
			chmod -R u+rwX "$path"
		fi
		rm -rf "$path"
	done
}

take_runtime()
{
	[ -n "${TEST_RUNTIME:-}" ] || return 0
	export NIX_USER_CHROOT_RUNTIME=$TEST_RUNTIME
	if [ "$TEST_RUNTIME" = helper ]; then
		export NIX_USER_CHROOT_HELPER=${TEST_HELPER:?the runtime helper is tested with a privileged program}
	fi
	[ "$TEST_RUNTIME" = direct ] || return 0
	if [ ! -e /.own-root ] || ! mountpoint -q /nix; then
		echo "the runtime direct is tested within tests/own-root"
		return 1
	fi
	chmod -R u+rwX /nix
	find /nix -mindepth 1 -delete
	export NIX=/nix
}

not_in()
{
	[ "${TEST_RUNTIME:-userns}" != "$1" ] || skip "not in $1: $2"
}

wait_until()
{
	local end=$((SECONDS + $1))
	shift

	until "$@"; do
		if [ "$SECONDS" -gt "$end" ]; then
			echo "waited in vain for: $*"
			return 1
		fi
		sleep 0.02
	done
}

# Nobody has these user IDs. In a user namespace of the tests, 54321 is the caller.
forget_lists()
{
	local me

	me=$(id -u)
	find /tmp /dev/shm -maxdepth 1 -name 'nix-user-chroot-*' \( -uid 12345 -o -uid 12346 -o -uid 54321 \
		-o -uid 64321 -o -user "$me" \( -name nix-user-chroot-12345 -o -name "nix-user-chroot-54321-$me" \) \) \
		-exec rm -rf {} + 2>/dev/null || true
}

sandbox_here()
{
	# in a container, a part of /proc is covered, and no other can be mounted
	PATH=$PATH:/usr/sbin:/sbin unshare --user --map-root-user \
		unshare --user --map-root-user --mount --pid --fork --mount-proc --net true 2>/dev/null &&
		echo true || echo false
}

under_sanitizers()
{
	grep -q __asan_init "$PROGRAM"
}

# shellcheck disable=SC2154 # run sets output
has_words()
{
	local word

	for word; do
		if [[ $output != *"$word"* ]]; then
			echo "nothing about \"$word\": $output"
			return 1
		fi
	done
}
