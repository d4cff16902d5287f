#!/usr/bin/env bats
#
# Other users are not trusted: not with what they own, have written, or can write to. The other user is a user ID
# that has no account here, so that none has to be made. Tests that need a second user are skipped where we are not
# root.

# shellcheck disable=SC2016 # the inner shells expand what stands in single quotes
# shellcheck disable=SC2030,SC2031 # every test has a HOME and NIX of its own
# shellcheck disable=SC2154 # bats sets output, status and lines

bats_require_minimum_version 1.5.0
load ../mirror/mirror.bash
load ../integration/install.bash

setup()
{
	new_home
	RECORD=$NIX/var/nix-user-chroot/record
	STATE=$NIX/var/nix-user-chroot
}

OTHER=64321

# require_other: skip the test unless there can be a second user
require_other()
{
	[ "$(id -u)" -eq 0 ] || skip "needs root, to be two users"
}

# as_other COMMAND...: run COMMAND as the other user, who can read our files
as_other()
{
	setpriv --reuid "$OTHER" --regid "$OTHER" --clear-groups env HOME="$HOME/other" USER=other "$@"
}

tiny()
{
	install -q --nix-version "$TINY" "$@"
}

# planted: make a Nix of the other user's, whose nix leaves a mark when somebody runs it
planted()
{
	mkdir -p "$NIX/store/00000000000000000000000000000100-nix-1.0.0/bin"
	printf '#!/bin/sh\ntouch %q\n' "$HOME/hacked" \
		>"$NIX/store/00000000000000000000000000000100-nix-1.0.0/bin/nix"
	chmod 755 "$NIX/store/00000000000000000000000000000100-nix-1.0.0/bin/nix"
}

@test "a Nix directory of another user is refused, and named with its owner" {
	require_other
	local what

	planted
	chown -R "$OTHER:$OTHER" "$NIX"
	for what in '--install --nix-version '"$TINY" '--uninstall --yes --force' '-- true'; do
		# shellcheck disable=SC2086 # words
		run "$PROGRAM" --mirror "$MIRROR_URL" $what
		# shellcheck disable=SC2086 # words
		[[ $what == --install* ]] || run "$PROGRAM" $what
		refused "$NIX" "$OTHER" 'neither yours nor root' NIX_USER_CHROOT_DIR --trust-owner
	done
	[ ! -e "$HOME/hacked" ]
	[ -e "$NIX/store/00000000000000000000000000000100-nix-1.0.0/bin/nix" ]
	# a directory that the user names on the command line is used; -v says whose it is
	run -0 "$PROGRAM" "$NIX" true
	[ -z "$output" ]
	run -0 "$PROGRAM" -v "$NIX" true
	has_words "$NIX belongs to $OTHER" 'since you named it'
	# trusting the owner by the option or by the variable
	run -0 "$PROGRAM" --trust-owner="$OTHER" -- true
	run -0 env NIX_USER_CHROOT_TRUST_OWNER="$OTHER" "$PROGRAM" -- true
	run env NIX_USER_CHROOT_TRUST_OWNER=1 "$PROGRAM" -- true
	refused "$NIX"
	run "$PROGRAM" --trust-owner='no such user' -- true
	refused 'no such user'
}

@test "a directory in the Nix directory that is another user's is refused" {
	require_other
	local below

	for below in store var var/nix var/nix/profiles var/nix-user-chroot etc etc/nix etc/nix-user-chroot; do
		mkdir -p "$NIX/store" "$NIX/$below"
		chown "$OTHER:$OTHER" "$NIX/$below"
		run tiny
		refused "$NIX/$below" "$OTHER"
		run "$PROGRAM" -- true
		refused "$NIX/$below"
		rm -r "$NIX"
	done
}

@test "root's Nix directory is used by everybody, also where root is not mapped" {
	require_other
	[ -n "${SCRATCH:-}" ] || skip "needs a directory that others may search: /dev/shm"
	chmod 755 "$SCRATCH"
	mkdir -p "$NIX/store" "$HOME/other"
	chown "$OTHER" "$HOME/other"
	run -0 as_other NIX_USER_CHROOT_DIR="$NIX" "$PROGRAM" -- true
	# in this user namespace root's files appear to belong to the overflow user ID
	run -0 as_other NIX_USER_CHROOT_DIR="$NIX" "$PROGRAM" -- \
		sh -c 'unshare --user --map-current-user true || exit 0
			exec unshare --user --map-current-user --mount "$0" --new-namespace -- true' "$PROGRAM"
	chmod 777 "$NIX"
	run as_other NIX_USER_CHROOT_DIR="$NIX" "$PROGRAM" -- true
	refused "$NIX" 'by everybody'
}

@test "a Nix directory that the group or others may write to is refused, with the remedy" {
	local below mode

	for below in . store var var/nix var/nix/profiles var/nix-user-chroot etc etc/nix etc/nix-user-chroot; do
		for mode in 775 757 1777; do
			mkdir -p "$NIX/store" "$NIX/$below"
			chmod "$mode" "$NIX/$below"
			run "$PROGRAM" -- true
			refused "${NIX}$([ "$below" = . ] || echo "/$below")" 'can be written to by' "chmod g"
			run tiny
			refused 'can be written to by'
			run "$PROGRAM" --uninstall --yes --force
			refused 'can be written to by'
			chmod 755 "$NIX/$below"
		done
	done
	run -0 "$PROGRAM" -- true
}

# Both files decide what is run: nix.conf names programs that Nix runs, and a path config what is mounted where.
@test "configuration that others own or can write to is refused" {
	local file

	for file in etc/nix/nix.conf etc/nix-user-chroot/path-config.toml; do
		mkdir -p "$NIX/store" "$NIX/${file%/*}"
		: >"$NIX/$file"
		for mode in 664 646; do
			chmod $mode "$NIX/$file"
			run "$PROGRAM" -- true
			refused "$NIX/$file" 'can be written to by' 'chmod g'
			run tiny
			refused "$NIX/$file"
		done
		chmod 644 "$NIX/$file"
		run -0 "$PROGRAM" -- true
		[ "$(id -u)" -ne 0 ] || {
			chown "$OTHER" "$NIX/$file"
			run "$PROGRAM" -- true
			refused "$NIX/$file" "$OTHER"
		}
		rm -r "$NIX"
	done
}

# Whoever may open the lock file, even for reading, could lock it, and so keep --install and --uninstall waiting.
@test "the lock is nobody else's to take" {
	local mask

	for mask in 000 022; do
		umask $mask
		tiny_release "$SITE" 1.8.0 'stat -c %a /nix/var/nix-user-chroot/lock >"$HOME/mode"'
		install -q --force --nix-version 1.8.0
		[ "$(cat mode)" = 600 ]
	done
	require_other
	tiny_release "$SITE" 1.8.1 ': >"$HOME/running"; while [ ! -e "$HOME/go" ]; do sleep 0.1; done'
	chmod 755 "${SCRATCH:-$BATS_TEST_TMPDIR}" "$HOME"
	install -q --force --nix-version 1.8.1 &
	wait_until 60 test -e running
	run as_other flock --nonblock --shared "$STATE/lock" true
	touch go
	wait $!
	[ "$status" -ne 0 ]
	[[ $output == *'Permission denied'* ]]
}

@test "a directory shared on purpose: --shared-group" {
	mkdir -p "$NIX/store"
	chmod 2775 "$NIX" "$NIX/store"
	run "$PROGRAM" -- true
	refused "$NIX" --shared-group="$(id -gn)"
	run -0 "$PROGRAM" --shared-group="$(id -gn)" -- true
	run -0 env NIX_USER_CHROOT_SHARED_GROUP="$(id -g)" "$PROGRAM" -- true
	run "$PROGRAM" --shared-group=1 -- true
	refused "$NIX"
	run "$PROGRAM" --shared-group='no such group' -- true
	refused 'no such group'
	run -0 tiny --shared-group="$(id -gn)"
	# write permission for everybody is refused even then
	chmod o+w "$NIX"
	run "$PROGRAM" --shared-group="$(id -gn)" -- true
	refused 'by everybody'
}

@test "a store path of another user is an error" {
	require_other
	planted
	chown -R "$OTHER" "$NIX"/store/*
	run tiny --force
	refused 00000000000000000000000000000100-nix-1.0.0 "$OTHER"
	[ ! -e "$HOME/hacked" ]
	rm -r "$NIX"
	run -0 tiny
}

@test "what --install makes in the Nix directory is 0755 whatever the umask" {
	local mask below

	for mask in 002 077; do
		(umask $mask && tiny)
		for below in . store var var/nix var/nix-user-chroot etc etc/nix; do
			[ "$(stat -c %a "$NIX/$below")" = 755 ]
		done
		chmod -R u+w "$NIX"
		rm -r "$NIX"
	done
}

@test "no path through a link: --install refuses and writes nothing there" {
	local below before

	for below in var/nix-user-chroot var store etc etc/nix var/nix; do
		mkdir -p elsewhere/staging elsewhere/nix elsewhere/nix-user-chroot/staging "$(dirname "$NIX/$below")"
		echo mine >elsewhere/staging/file
		echo mine >elsewhere/install.log
		before=$(listing elsewhere)
		ln -s "$HOME/elsewhere" "$NIX/$below"
		for force in '' --force; do
			run tiny $force
			refused "$NIX/$below" symlink
			diff <(echo "$before") <(listing elsewhere)
		done
		rm -r "$NIX" elsewhere
	done
}

@test "no path through a link: --uninstall removes and changes nothing there" {
	local below before

	for below in var/nix-user-chroot var store etc etc/nix var/nix; do
		tiny
		mv "$NIX/$below" elsewhere
		ln -s "$HOME/elsewhere" "$NIX/$below"
		before=$(listing elsewhere)
		run "$PROGRAM" --uninstall --yes
		run "$PROGRAM" --uninstall --yes --force
		diff <(echo "$before") <(listing elsewhere)
		chmod -R u+w "$NIX" elsewhere 2>/dev/null || true
		rm -rf "$NIX" elsewhere
		rm -rf .local/bin .nix-profile
	done
}

@test "no path through a link: a state file that is one" {
	local file

	tiny
	mkdir precious
	for file in record record.new install.log lock staging nix.fish "nix-$TINY-$SYSTEM.tar.xz.part"; do
		echo precious >precious/file
		rm -rf "${STATE:?}/$file"
		ln -s "$HOME/precious/file" "$STATE/$file"
		run tiny --force
		[ "$status" -eq 0 ] || refused "$NIX"
		run "$PROGRAM" --uninstall --yes
		[ "$(cat precious/file)" = precious ]
		[ "$(ls precious)" = file ]
		rm -f "$STATE/$file"
		tiny --force
	done
}

@test "a fifo in the place of a state file does not hang anything" {
	local file

	tiny
	for file in record record.new install.log lock; do
		rm -f "$STATE/$file"
		mkfifo "$STATE/$file"
		run timeout 60 "$PROGRAM" --install --force --mirror "$MIRROR_URL" --cacert "$MIRROR_CA" \
			--no-channel-add --nix-version "$TINY"
		[ "$status" -ne 124 ]
		[ "$status" -eq 0 ] || refused "$NIX"
		run timeout 60 "$PROGRAM" --uninstall </dev/null
		[ "$status" -eq 125 ]
		rm -f "$STATE/$file"
		tiny --force
	done
}

# Others may be able to rename the Nix directory. Everything that is run must come from the directory that was
# checked.
@test "a Nix directory that is another one by the time that something of it is run" {
	tiny_release "$SITE" 1.7.0 'mv "$HOME/.local/share/nix" "$HOME/moved"
		cp -a "$HOME/planted" "$HOME/.local/share/nix"'
	tiny
	cp -a "$NIX" planted
	chmod -R u+w planted
	printf '#!/bin/sh\ntouch %q\n' "$HOME/hacked" | tee planted/store/*-nix-*/bin/nix >/dev/null
	run tiny --force --nix-version 1.7.0
	[ "$status" -eq 125 ]
	has_words "$NIX was replaced by another directory a moment ago"
	[ ! -e hacked ]
}

@test "the record is data: what --install cannot have written is passed over and named" {
	local before line hash

	mkdir -p "$HOME/precious/empty" .ssh
	echo precious >precious/file
	ln -s /bin/busybox precious/link
	hash=$(sha256sum <precious/file | cut -d ' ' -f 1)
	tiny
	before=$(listing precious)
	for line in "file $HOME/precious/file $hash" "link $HOME/precious/link /bin/busybox" \
		"dir $HOME/precious/empty" "absent $HOME/.ssh" "line $HOME/precious/file $hash"; do
		sed -i "\$i $line" "$RECORD"
	done
	run -0 "$PROGRAM" --uninstall --yes
	has_words 'did not write for you' "$HOME/precious/file" "$HOME/precious/link" "$HOME/precious/empty"
	diff <(echo "$before") <(listing precious)
	[ -d .ssh ]
	[ ! -e "$NIX" ]
}

@test "a record of another user is refused" {
	require_other
	tiny
	chown "$OTHER" "$RECORD"
	run "$PROGRAM" --uninstall --yes --force
	refused 'the record in' "$OTHER"
	[ -d "$NIX/store" ]
}

@test "a record that cannot be read: nothing of the store goes without --force" {
	local spoil

	for spoil in 'truncate -s 0' 'truncate -s -1' 'sed -i 1s/1/2/' 'sed -i s/^store/future/'; do
		tiny
		$spoil "$RECORD"
		run "$PROGRAM" --uninstall --yes
		refused 'made by other means' --force
		[ -n "$(find "$NIX/store" -maxdepth 1 -name "*-nix-*")" ]
		# running --install again does not make the store ours
		run -0 tiny
		run "$PROGRAM" --uninstall --yes
		refused 'made by other means' --force
		[ -n "$(find "$NIX/store" -maxdepth 1 -name "*-nix-*")" ]
		run -0 "$PROGRAM" --uninstall --yes --force
		[ ! -d "$NIX/store" ]
		chmod -R u+w "$NIX" 2>/dev/null || true
		rm -rf "$NIX"
	done
}

@test "an adopted store stays adopted, and what was in var is there afterwards" {
	mkdir -p "$NIX/store/11111111111111111111111111111111-mine" "$NIX/var/nix/db" "$NIX/var/log/nix"
	echo mine >"$NIX/var/nix/db/mine"
	tiny --force
	tiny --force
	tiny
	run "$PROGRAM" --uninstall --yes
	refused 'made by other means'
	rm -r "$NIX"/store/111*
	chmod -R u+w "$NIX"
	rm -r "$NIX"
	# a Nix directory that has no store, but the rest
	mkdir -p "$NIX/var/nix/db" "$NIX/var/log/nix"
	echo mine >"$NIX/var/nix/db/mine"
	echo mine >"$NIX/var/log/nix/mine"
	tiny
	run -0 "$PROGRAM" --uninstall --yes
	has_words "$NIX/var/nix (was there before" "$NIX/var/log/nix (was there before"
	[ "$(cat "$NIX/var/nix/db/mine" "$NIX/var/log/nix/mine")" = $'mine\nmine' ]
	[ ! -e "$NIX/store" ]
}

@test "the installer beside the program is not run where others can put one there" {
	local dir=$HOME/opt

	[ -e "$PROGRAM-install" ] || skip "all is in one program"
	mkdir -p "$dir"
	cp "$PROGRAM" "$dir/nix-user-chroot"
	printf '#!/bin/sh\ntouch %q\n' "$HOME/hacked" >"$dir/nix-user-chroot-install"
	chmod 755 "$dir"/*
	chmod 775 "$dir"
	run "$dir/nix-user-chroot" --install
	refused "$dir/nix-user-chroot-install is not run"
	chmod 755 "$dir"
	chmod 757 "$dir/nix-user-chroot-install"
	run "$dir/nix-user-chroot" --uninstall --yes
	refused "$dir/nix-user-chroot-install is not run"
	chmod 755 "$dir/nix-user-chroot-install"
	if [ "$(id -u)" -eq 0 ]; then
		chown "$OTHER" "$dir"
		run "$dir/nix-user-chroot" --install
		refused "$dir/nix-user-chroot-install is not run" "$OTHER"
		chown 0 "$dir"
	fi
	[ ! -e hacked ]
	run -0 "$dir/nix-user-chroot" --install
	[ -e hacked ]
}

# what_is_handed_on: install a release whose install script lists the descriptors and signals that it has got
what_is_handed_on()
{
	tiny_release "$SITE" 1.9.0 'ls -l /proc/self/fd | grep -v /proc/ >"$HOME/descriptors"
		grep Sig /proc/self/status >"$HOME/signals"'
	run -0 install -q --nix-version 1.9.0 7</etc/passwd 9>"$HOME/nine"
}

@test "the install script gets three descriptors and the lock, and no signal ignored" {
	what_is_handed_on
	run -0 sed -n 's/.* \([0-9]*\) -> \(.*\)/\1 \2/p' descriptors
	echo "$output"
	[ "$(grep -c . <<<"$output")" -eq 4 ]
	[[ $output == *nix-user-chroot/lock* && $output != *passwd* && $output != *nine* && $output != *socket* ]]
	# check SIGXFSZ (25) and SIGTTOU (22): bit 24 and bit 21
	run -0 sed -n 's/^Sig\(Ign\|Blk\):[[:space:]]*//p' signals
	for mask in "${lines[@]}"; do
		[ $((0x$mask & (1 << 24 | 1 << 21))) -eq 0 ]
	done
}

# Without a sandbox the tarball is read again for unpacking, after it was verified. The test changes the tarball
# between the two. The program waits there, because its stderr is a pipe that has no room for the message
# "unpacking".
@test "a tarball that is changed between its verification and its unpacking is refused" {
	local releases=$HOME/site name=nix-1.0.0-$SYSTEM

	type -P proot >/dev/null || skip "needs proot"
	tiny_release "$releases" 1.0.0
	# do not compress: a checksum in the compressed stream would find the change
	xz -d "$releases/nix-1.0.0/$name.tar.xz"
	export TARBALL=$releases/nix-1.0.0/$name.tar PART=$NIX/var/nix-user-chroot/$name.tar.part
	export NIX_USER_CHROOT_RUNTIME=proot REFUSE=${BUILD_DIR:-$BATS_TEST_DIRNAME/../..}/tests/refuse
	words=("$REFUSE" "unshare,clone,landlock=38" -- "$PROGRAM" --install --no-channel-add
		--no-modify-profile --tarball "$TARBALL" --sha256 "$(sha256sum <"$TARBALL" | cut -d ' ' -f 1)")
	run -0 "${words[@]}"
	[[ $output == *unpacking* ]]
	run -0 "$PROGRAM" --uninstall --yes
	run -0 python3 - "${words[@]}" <<-'END'
		import fcntl, os, subprocess, sys, time
		part = os.environ["PART"]
		def start(stderr):
		    return subprocess.Popen(sys.argv[1:], stderr=stderr)
		first = subprocess.run(sys.argv[1:], stderr=subprocess.PIPE)
		before = first.stderr.index(b"nix-user-chroot: unpacking")
		subprocess.run([os.environ["PROGRAM"], "--uninstall", "--yes"], check=True, stderr=subprocess.DEVNULL)
		read, write = os.pipe()
		fcntl.fcntl(write, 1031, 4096)  # F_SETPIPE_SZ: a page
		os.write(write, b"." * (4096 - before - 8))
		program = start(write)
		os.close(write)
		size = os.path.getsize(os.environ["TARBALL"])
		def waits_in_write():
		    child = subprocess.run(["pgrep", "-P", str(program.pid)], stdout=subprocess.PIPE, text=True)
		    return any("pipe_write" in open(f"/proc/{pid}/wchan").read() for pid in child.stdout.split())
		end = time.monotonic() + 120
		# wait until the tarball is complete and the program cannot write its next message
		while not os.path.exists(part) or os.path.getsize(part) < size or not waits_in_write():
		    if program.poll() is not None or time.monotonic() > end:
		        program.kill()
		        sys.exit("it does not come to the unpacking")
		    time.sleep(0.01)
		with open(part, "r+b") as f:
		    where = f.read().index(b"echo \"nix (Nix)")
		    f.seek(where)
		    f.write(b"hack")
		said = b""
		while True:
		    more = os.read(read, 4096)
		    if not more:
		        break
		    said += more
		assert program.wait() == 125, said
		print(said.lstrip(b".").decode())
	END
	has_words "changed after it had been verified" "nothing of it was used"
	[ -z "$(find "$NIX/store" -mindepth 1 2>/dev/null)" ]
	[ ! -e "$PART" ]
}

@test "an --install that comes while --uninstall is at work waits, and then installs" {
	local lock

	tiny
	exec {lock}>>"$STATE/lock"
	flock "$lock"
	install --nix-version "$TINY" 2>said {lock}>&- &
	wait_until 30 grep -q 'waiting for it' said
	[[ $(cat said) != *'is installed in'* ]]
	# remove what --uninstall removes before it releases the lock
	chmod -R u+w "$NIX/store"
	rm -r "$NIX/store" "$RECORD" "$STATE/lock"
	exec {lock}>&-
	wait $!
	[ -n "$(find "$NIX/store" -maxdepth 1 -name "*-nix-*")" ]
	no_leftovers
}
