#!/usr/bin/env bats
#
# ssh, and git and scp over ssh, inside. ssh refuses configuration files that belong neither to root nor to the
# caller, and inside root's files appear to belong to nobody. The server is a real sshd on loopback.

# shellcheck disable=SC2016 # the inner shells expand
# shellcheck disable=SC2154 # bats sets output
# shellcheck disable=SC2030,SC2031 # each test is a shell of its own, and so is what it sets

bats_require_minimum_version 1.5.0
load common
load sshd

REFUSED='Bad owner or permissions on'

setup()
{
	entering
	not_in proot "root's files are root's there"
	local tool
	for tool in ssh sshd scp git; do
		PATH=$PATH:/usr/sbin type -P $tool >/dev/null || skip "needs $tool"
	done
	WHO=()
}

teardown()
{
	stop_sshd
	# remove the list of living namespaces of the user tester
	[ "$(id -u)" -ne 0 ] || rm -rf /{tmp,dev/shm}/nix-user-chroot-54322{,-*}
	leaving
}

# use_ssh COMMAND: check ssh, scp and git; GIT_SSH_COMMAND becomes COMMAND
use_ssh()
{
	export GIT_SSH_COMMAND=$1 GIT_CONFIG_GLOBAL=/dev/null
	local words
	read -ra words <<<"$1"
	[ "$("${WHO[@]}" "$PROGRAM" "$NIX" "${words[@]}" here echo there </dev/null)" = there ]
	echo text >"$SCRATCH/from"
	"${WHO[@]}" "$PROGRAM" "$NIX" scp "${words[@]:1}" "here:$SCRATCH/from" "$HOME/to"
	[ "$(cat "$HOME/to")" = text ]
	"${WHO[@]}" git init -q "$HOME/origin"
	"${WHO[@]}" git -C "$HOME/origin" -c user.name=n -c user.email=e commit -q --allow-empty -m 'a commit'
	"${WHO[@]}" "$PROGRAM" "$NIX" git clone -q "here:$HOME/origin" "$HOME/clone"
	[ "$(git -c safe.directory='*' -C "$HOME/clone" log --format=%s)" = 'a commit' ]
}

@test "what ~/.ssh/config includes of root's: ssh, scp and git" {
	require_user
	[ "$(stat -c %u /etc/ssh/ssh_config)" -eq 0 ] || skip "needs a /etc/ssh/ssh_config of root's"
	start_sshd
	mkdir "$HOME/.ssh"
	printf 'Include /etc/ssh/ssh_config\n%s\n' "$CONFIG" >"$HOME/.ssh/config"
	chmod 600 "$HOME/.ssh/config"
	# outside it works; inside it fails with root's own file
	ssh -F "$HOME/.ssh/config" here true </dev/null
	fails 255 "$REFUSED /etc/ssh/ssh_config" -- "$PROGRAM" --no-ssh-config "$NIX" \
		ssh -F "$HOME/.ssh/config" here true
	use_ssh "ssh -F $HOME/.ssh/config"
	[ "$(inside cat /etc/ssh/ssh_config)" = "$(cat /etc/ssh/ssh_config)" ]
	[ "$(inside stat -c %u:%a /etc/ssh/ssh_config)" = "$(id -u):444" ]
	run ! inside sh -c 'chmod u+w /etc/ssh/ssh_config && echo x >>/etc/ssh/ssh_config'
	run -0 "$PROGRAM" -v --new-namespace "$NIX" true
	[[ $output == *"/etc/ssh/ssh_config is a copy of your own inside, so that ssh accepts it"* ]]
}

@test "the setting is what two entries must have in common, and so is what was copied" {
	require_user
	mkdir "$HOME/.ssh"
	echo 'Include /etc/ssh/ssh_config' >"$HOME/.ssh/config"
	"$PROGRAM" "$NIX" sleep 3600 3>&- &
	SSHD=$!
	until [ "$(cat "/proc/$SSHD/comm")" = sleep ]; do
		sleep 0.02
	done
	[ "$(inside readlink /proc/self/ns/mnt)" = "$(readlink "/proc/$SSHD/ns/mnt")" ]
	[ "$("$PROGRAM" --no-ssh-config "$NIX" stat -c %u /etc/ssh/ssh_config)" != "$(id -u)" ]
	[ "$(NIX_USER_CHROOT_NO_SSH_CONFIG=1 inside stat -c %u /etc/ssh/ssh_config)" != "$(id -u)" ]
	[ "$(NIX_USER_CHROOT_NO_SSH_CONFIG=0 inside stat -c %u /etc/ssh/ssh_config)" = "$(id -u)" ]
	# editors replace ~/.ssh/config by a new file, which "cat >" does not: this is no reason for a new namespace
	echo 'Include /etc/ssh/ssh_config ' >"$HOME/.ssh/new"
	mv "$HOME/.ssh/new" "$HOME/.ssh/config"
	[ "$(inside readlink /proc/self/ns/mnt)" = "$(readlink "/proc/$SSHD/ns/mnt")" ]
	echo >"$HOME/.ssh/config"
	[ "$(inside stat -c %u /etc/ssh/ssh_config)" != "$(id -u)" ]
}

# site TEXT: run TEXT, for bash, as root, where the test has made /etc/ssh, and where HOME is the home directory of a
# user "tester". WHO, before a command, runs it as that user.
site()
{
	require_root
	chmod a+rx "$BATS_RUN_TMPDIR" "${BATS_TEST_TMPDIR%/*}" "$BATS_TEST_TMPDIR"
	for_everybody
	grep -v ^tester: /etc/passwd >"$SCRATCH/passwd"
	echo "tester:x:54322:54322::$HOME:/bin/sh" >>"$SCRATCH/passwd"
	# these files really belong to root
	mkdir -p "$SCRATCH/etc/ssh_config.d" "$SCRATCH/policies"
	chown -R 54322:54322 "$HOME" "$TMPDIR" "$NIX"
	chmod 755 "$HOME" "$NIX" "$NIX"/* "$SCRATCH" "$SCRATCH/etc" "$SCRATCH/etc/ssh_config.d"
	WHO=(setpriv --reuid 54322 --regid 54322 --clear-groups env USER=tester "HOME=$HOME")
	local tester=("${WHO[@]}")
	WHO=(unshare --mount --propagation private sh -ec 'mount --bind "$0" /etc/passwd && exec "$@"'
		"$SCRATCH/passwd" "${tester[@]}")
	start_sshd
	WHO=("${tester[@]}")
	echo 'Include /etc/ssh/ssh_config.d/*.conf' >"$SCRATCH/etc/ssh_config"
	echo 'Include /etc/ssh/policy' >"$SCRATCH/etc/ssh_config.d/50-site.conf"
	ln -s "$SCRATCH/policies/default" "$SCRATCH/etc/policy"
	echo "$CONFIG" >"$SCRATCH/policies/default"
	ln -s "$SCRATCH/policies/linked" "$SCRATCH/etc/ssh_config.d/20-linked.conf"
	echo '# linked' >"$SCRATCH/policies/linked"
	chmod 644 "$SCRATCH/etc/ssh_config" "$SCRATCH"/etc/ssh_config.d/50* "$SCRATCH"/policies/*
	export -f fails use_ssh
	export REFUSED
	unshare --mount --propagation private bash -euc '
		mount --bind "$SCRATCH/etc" /etc/ssh
		mount --bind "$SCRATCH/passwd" /etc/passwd
		run() { local wanted=${1#-}; shift; status=0; output=$("$@" 2>&1) || status=$?; [ "$status" -eq "$wanted" ]; }
		WHO=("${@:2}")
		cd "$HOME"
		eval "$1"' site "$1" "${WHO[@]}"
}

@test "site: files of root's in /etc/ssh/ssh_config.d, and what they include" {
	site '
		"${WHO[@]}" ssh here true </dev/null
		fails 255 "$REFUSED" -- "${WHO[@]}" "$PROGRAM" --no-ssh-config "$NIX" ssh here true
		fails 255 "$REFUSED" -- "${WHO[@]}" NIX_USER_CHROOT_NO_SSH_CONFIG=1 "$PROGRAM" "$NIX" ssh here true
		use_ssh ssh
	'
}

@test "site: what comes into ssh_config.d while one is inside does no harm" {
	site '
		"${WHO[@]}" "$PROGRAM" "$NIX" sh -c "
			ssh here true </dev/null || exit 1
			touch \"$TMPDIR/inside\"
			until [ -e \"$TMPDIR/changed\" ]; do sleep 0.02; done
			ssh here true </dev/null" 3>&- &
		until [ -e "$TMPDIR/inside" ]; do sleep 0.02; [ -e /proc/$! ] || exit 1; done
		# add a file, and replace another, as a package does
		echo "# new" >/etc/ssh/ssh_config.d/60-new.conf
		cp /etc/ssh/ssh_config.d/50-site.conf /etc/ssh/ssh_config.d/50-site.new
		mv /etc/ssh/ssh_config.d/50-site.new /etc/ssh/ssh_config.d/50-site.conf
		# an entry that begins now must not join a namespace without these files
		"${WHO[@]}" "$PROGRAM" "$NIX" sh -c "cat /etc/ssh/ssh_config.d/60-new.conf && ssh here true </dev/null" >out
		[ "$(cat out)" = "# new" ]
		touch "$TMPDIR/changed"
		wait $!
	'
}

@test "site: a replaced file that is covered by itself is covered anew for who enters later" {
	site '
		"${WHO[@]}" "$PROGRAM" "$NIX" sleep 3600 3>&- &
		until [ "$(cat /proc/$!/comm)" = sleep ]; do sleep 0.02; done
		# a new file with the same text
		cp "$SCRATCH/policies/default" "$SCRATCH/policies/new"
		mv "$SCRATCH/policies/new" "$SCRATCH/policies/default"
		"${WHO[@]}" "$PROGRAM" "$NIX" ssh here true </dev/null || { kill $!; exit 1; }
		kill $!
	'
}

@test "site: /etc is not taken apart, and nothing is mounted where there is no such file" {
	site '
		before=$("${WHO[@]}" "$PROGRAM" --no-ssh-config "$NIX" sh -c "wc -l </proc/self/mountinfo")
		with=$("${WHO[@]}" "$PROGRAM" "$NIX" sh -c "wc -l </proc/self/mountinfo")
		# three mounts: ssh_config.d, and the two files that its links lead to
		[ $((with - before)) -eq 3 ]
		rm /etc/ssh/ssh_config.d/*
		[ "$("${WHO[@]}" "$PROGRAM" "$NIX" sh -c "wc -l </proc/self/mountinfo")" = "$before" ]
		# /etc itself is not mounted, so that a resolv.conf that is replaced later is visible
		[ "$("${WHO[@]}" "$PROGRAM" "$NIX" stat -c %i /etc)" = "$(stat -c %i /etc)" ]
	'
}
