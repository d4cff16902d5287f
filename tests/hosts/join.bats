#!/usr/bin/env bats
#
# All entries of a user into one Nix directory share a namespace, and a command inside cannot tell the difference.

# shellcheck disable=SC2016 # the inner shells expand
# shellcheck disable=SC2154 # bats sets output, stderr and status
# shellcheck disable=SC2030,SC2031 # each test is a shell of its own, and so is what it sets

bats_require_minimum_version 1.5.0
load ../integration/common

setup()
{
	entering
	STARTED=()
	LIST=/tmp/nix-user-chroot-$(id -u)
	cp /proc/self/mountinfo "$SCRATCH/mounts"
}

teardown()
{
	local pid

	for pid in "${STARTED[@]}"; do
		kill "$pid" 2>/dev/null || true
	done
	[ -z "${RUBBISH:-}" ] || rm -rf "$RUBBISH".*
	leaving
}

# in_terminal COMMAND...: run COMMAND, which becomes "sleep", beside the test; set PID to its process
in_terminal()
{
	# call the program itself: the function inside would run in a shell of its own, whose process ID PID would be
	[ "$1" != inside ] || set -- "$PROGRAM" "$NIX" "${@:2}"
	"$@" 3>&- >"$SCRATCH/terminal" 2>&1 &
	PID=$!
	STARTED+=("$PID")
	until [ "$(cat "/proc/$PID/comm")" = sleep ]; do
		sleep 0.01
	done
}

# ended PID...: end these processes, and wait until they are gone
ended()
{
	local pid

	for pid; do
		kill "$pid" || true
		wait "$pid" || true
	done
}

namespace()
{
	readlink "/proc/${1:-self}/ns/mnt"
}

# joins [COMMAND...]: does an entry, by default "inside", join the namespace of process $PID? COMMAND ends as an
# entry.
joins()
{
	[ $# -gt 0 ] || set -- inside
	[ "$("$@" readlink /proc/self/ns/mnt)" != "$(namespace "$PID")" ] || return 0
	# a mount that somebody else has made meanwhile would explain a new namespace: print it
	diff "$SCRATCH/mounts" /proc/self/mountinfo >&2
	return 1
}

# listed: print the files of the list that stand for a namespace of NIX
listed()
{
	find "$LIST" -name "$(printf '%x.%x.*' "$(stat -c %d "$NIX")" "$(stat -c %i "$NIX")")"
}

@test "a second entry joins the first, and its process becomes the command as ever" {
	in_terminal inside sleep 3600
	joins
	[ "$(inside readlink /proc/self/ns/user)" = "$(readlink "/proc/$PID/ns/user")" ]
	[ "$(inside id)" = "$(id)" ]
	[ "$(inside pwd)" = "$PWD" ]
	[ "$(inside cat /nix/name)" = ours ]
	[ "$(umask 027; inside sh -c umask)" = 0027 ]
	run -42 inside sh -c 'exit 42'
	[ "$(inside grep -E '^(Cap(Inh|Prm|Eff|Amb)|NoNewPrivs|Seccomp|Sig|Threads|Groups)' /proc/self/status)" = \
		"$("$PROGRAM" --new-namespace "$NIX" grep -E '^(Cap(Inh|Prm|Eff|Amb)|NoNewPrivs|Seccomp|Sig|Threads|Groups)' /proc/self/status)" ]
	# an entry is one process, which becomes the command
	"$PROGRAM" "$NIX" sh -c 'echo "$$ $PPID"' >ids &
	wait $!
	[ "$(cat ids)" = "$! $$" ]
	run -0 "$PROGRAM" -vv "$NIX" true
	[[ $output == *"joined the namespace of your other processes"* ]]
}

@test "what runs in one terminal can be looked at from another: /proc, strace, gdb" {
	local tool
	for tool in strace gdb; do
		command -v $tool >/dev/null || skip "needs $tool"
	done
	in_terminal inside sleep 3600
	[[ $(inside readlink "/proc/$PID/exe") == */sleep ]]
	inside grep -q sleep "/proc/$PID/maps"
	inside sh -c "tr '\\0' '\\n' </proc/$PID/environ" | grep -q "^NIX_CONF_DIR="
	[ "$(inside readlink "/proc/$PID/cwd")" = "$PWD" ]
	if [ "$(cat /proc/sys/kernel/yama/ptrace_scope 2>/dev/null || echo 0)" != 0 ]; then
		skip "Yama lets nobody attach"
	fi
	inside timeout 5 strace -o trace -p "$PID" 2>said & # runs until it is killed below
	wait_for_attached
	kill %%
	[ "$(inside gdb -q -batch -p "$PID" -ex 'info proc' 2>&1 | grep -c "process $PID")" -ge 1 ]
}

wait_for_attached()
{
	local i

	for ((i = 0; i < 500; i++)); do
		! grep -q '^TracerPid:[[:space:]]*[1-9]' "/proc/$PID/status" || return 0
		sleep 0.01
	done
	cat said >&2
	return 1
}

@test "the second goes on when the first has ended, and a third joins the second" {
	in_terminal inside sleep 3600
	local first=$PID
	in_terminal inside sleep 3600
	[ "$(namespace "$PID")" = "$(namespace "$first")" ]
	ended "$first"
	joins
}

@test "children count, also where every process that has entered has ended" {
	inside sh -c 'sleep 3600 3>&- >/dev/null 2>&1 & echo $! >child'
	PID=$(cat child)
	STARTED+=("$PID")
	joins
	# once more, because the entry that joined has also ended by now
	joins
	ended "$PID"
	sleep 1.2 # the namespace is no longer young, and is looked for in another way
	inside sh -c '(setsid sleep 3600 3>&- >/dev/null 2>&1 & echo $! >child)'
	PID=$(cat child)
	STARTED+=("$PID")
	sleep 1.2
	joins
	joins
}

@test "a detached tmux counts, and who comes by another login joins it" {
	command -v tmux >/dev/null || skip "needs tmux"
	inside tmux -S tmux -f /dev/null new-session -d 'echo $$ >pid; exec sleep 3600' 3>&-
	wait_until 30 test -s pid
	PID=$(cat pid)
	STARTED+=("$PID") # the server's command: when it ends, the server ends
	joins
	joins env -i "$PROGRAM" "$NIX"
}

@test "the terminals may have different environments: XDG_RUNTIME_DIR, TMPDIR, HOME" {
	mkdir -m 700 runtime
	XDG_RUNTIME_DIR=$PWD/runtime in_terminal inside sleep 3600
	joins env -u HOME TMPDIR=/nonexistent "$PROGRAM" "$NIX"
	[ -z "$(ls runtime)" ]
}

@test "a namespace that has ended is struck from the list" {
	in_terminal inside sleep 3600
	[ "$(listed | wc -l)" = 1 ]
	local before
	before=$(stat -c %w.%z "$(listed)")
	ended "$PID"
	in_terminal inside sleep 3600
	[ "$(listed | wc -l)" = 1 ]
	[ "$(stat -c %w.%z "$(listed)")" != "$before" ]
	[ "$(stat -c %a "$LIST")" = 700 ]
	# programs that remove old files leave files with the sticky bit alone
	[ "$(stat -c %a "$(listed)")" = 1600 ]
}

@test "a namespace that has ended for certain makes nobody look at every process" {
	command -v strace >/dev/null || skip "needs strace"
	in_terminal inside sleep 3600
	ended "$PID"
	strace -e trace=ustat,getdents64,getdents -y -o trace "$PROGRAM" "$NIX" true
	grep -q '^ustat(.* = -1 EINVAL' trace || skip "this kernel has no ustat(2), or a filter refuses it"
	[ "$(grep -c '</proc>' trace)" = 0 ]
	# only the new namespace is left; or none, if another entry of this user has removed that one as well
	[ "$(listed | wc -l)" -le 1 ]
}

@test "a zombie's namespace is not joined, and the next process on its list is asked" {
	/usr/bin/python3 - <<-'END'
		import os, subprocess, time
		program, nix = os.environ["PROGRAM"], os.environ["NIX"]
		here = [program, nix]
		# the parent does not wait for its child: the first process on the list is a zombie
		zombie = subprocess.Popen(here + ["sleep", "0.5"])
		while open(f"/proc/{zombie.pid}/comm").read() != "sleep\n":
		    time.sleep(0.01)
		second = subprocess.Popen(here + ["sleep", "3600"])
		while open(f"/proc/{second.pid}/comm").read() != "sleep\n":
		    time.sleep(0.01)
		while " Z " not in open(f"/proc/{zombie.pid}/stat").read():
		    time.sleep(0.01)
		wanted = os.readlink(f"/proc/{second.pid}/ns/mnt")
		got = subprocess.check_output(here + ["readlink", "/proc/self/ns/mnt"], text=True).strip()
		second.kill()
		assert got == wanted, (got, wanted)
	END
}

@test "--new-namespace and its variable make another, which the next entries join" {
	in_terminal inside sleep 3600
	run ! joins "$PROGRAM" --new-namespace "$NIX"
	NIX_USER_CHROOT_NEW_NAMESPACE=1 fails 0 "" -- inside true
	NIX_USER_CHROOT_NEW_NAMESPACE=1 run ! joins
	in_terminal "$PROGRAM" --new-namespace "$NIX" sleep 3600
	joins
	fails 125 "--new-namespace goes with a command to run inside" -- "$PROGRAM" --check --new-namespace
}

@test "another Nix directory has a namespace of its own, also one of the same name" {
	in_terminal inside sleep 3600
	mkdir -p "$SCRATCH/other/store"
	run ! joins "$PROGRAM" "$SCRATCH/other"
	ln -s nix "$SCRATCH/link"
	joins "$PROGRAM" "$SCRATCH/link"
	mv "$NIX" "$NIX.old"
	mkdir -p "$NIX/store"
	run ! joins
	joins "$PROGRAM" "$NIX.old"
}

@test "another path config makes another namespace, and the old one is joined again with the old" {
	in_terminal inside sleep 3600
	local first=$PID
	mkdir -p "$SCRATCH/mounted"
	config <<-END
		[absolute]
		"$SCRATCH/mounted" = "/mnt/mounted"
	END
	run ! joins
	in_terminal inside sleep 3600
	joins
	# the config is the same, but its path leads to another directory now
	mv "$SCRATCH/mounted" "$SCRATCH/mounted.old"
	mkdir "$SCRATCH/mounted"
	run ! joins
	rm "$NIX/etc/nix-user-chroot/path-config.toml"
	PID=$first
	joins
	# a change of the config that changes no mount makes no new namespace
	printf '# a comment\n' | config
	joins
}

@test "a directory that is changed inside shows what is new in it" {
	mkdir "$SCRATCH/changed"
	touch "$SCRATCH/changed/excluded" "$SCRATCH/changed/old"
	config <<-END
		[excludes]
		paths = ["$SCRATCH/changed/excluded"]
	END
	in_terminal inside sleep 3600
	joins
	touch "$SCRATCH/changed/new"
	inside ls "$SCRATCH/changed" >names
	[ "$(cat names)" = "$(printf 'new\nold')" ] || [ "$(cat names)" = "$(printf 'excluded\nnew\nold')" ]
}

@test "a new [profile] generation is seen" {
	mkdir -p "$NIX/store/a" "$NIX/store/b" "$HOME/.local/state/nix/profiles"
	echo a >"$NIX/store/a/file"
	echo b >"$NIX/store/b/file"
	ln -s /nix/store/a "$HOME/.local/state/nix/profiles/profile"
	config <<-END
		[profile]
		"file" = "$HOME/target"
	END
	touch target
	in_terminal env USER=somebody "$PROGRAM" "$NIX" sleep 3600
	USER=somebody joins
	[ "$(USER=somebody inside cat target)" = a ]
	ln -sfn /nix/store/b "$HOME/.local/state/nix/profiles/profile"
	[ "$(USER=somebody inside cat target)" = b ]
}

# joined_there PREPARE CHANGE: on a host of the test's own, as `on_host` makes it, enter, run CHANGE on the host, and
# print whether another entry joins. On such a host the tests below may change / and mounts.
joined_there()
{
	on_host "$1" sh -c '
		cd "$SCRATCH/home"
		/program "$NIX" sleep 3600 >/dev/null 2>&1 3>&- &
		first=$!
		until [ "$(cat "/proc/$first/comm")" = sleep ]; do
			sleep 0.01
		done
		eval "$1"
		there=$(/program "$NIX" readlink /proc/self/ns/mnt)
		[ "$there" = "$(readlink "/proc/$first/ns/mnt")" ] && echo joined || echo another
		kill "$first"
	' sh "$2"
}

@test "a change of the host's / makes another namespace" {
	[ "$(joined_there : :)" = joined ]
	[ "$(joined_there : 'mkdir /new')" = another ]
	[ "$(joined_there 'mkdir directory' 'rmdir /directory')" = another ]
	[ "$(joined_there 'ln -s usr link' 'ln -sfn etc /link')" = another ]
	[ "$(joined_there 'mkdir directory' 'mv /directory /old; mkdir /directory; mv /old /tmp/old')" = another ]
	[ "$(joined_there 'mkdir directory' 'touch /directory/file')" = joined ]
	# /nix of the host is not visible inside, so it does not matter
	[ "$(joined_there : 'mkdir /nix')" = joined ]
}

@test "mounts that are private to the host: another namespace after a mount; shared ones: joined, and seen" {
	[ "$(joined_there 'mkdir m; mount --make-rprivate .' 'mount -t tmpfs none /m')" = another ]
	[ "$(joined_there 'mkdir m; mount -t tmpfs none m' 'umount /m')" = another ]
	[ "$(joined_there 'mkdir m' 'mount --make-rshared /')" = another ]
	run on_host 'mkdir m' sh -c '
		mount --make-rshared /
		cd "$SCRATCH/home"
		/program "$NIX" sleep 3600 >/dev/null 2>&1 3>&- &
		first=$!
		until [ "$(cat "/proc/$first/comm")" = sleep ]; do
			sleep 0.01
		done
		mount -t tmpfs none /m
		touch /m/seen
		there=$(/program "$NIX" sh -c "ls /m; readlink /proc/self/ns/mnt")
		echo $there = seen $(readlink "/proc/$first/ns/mnt")
		kill "$first"
	'
	[ "${output%% = *}" = "${output##* = }" ]
}

@test "a caller with mounts or a root of its own is not led into the namespace of another" {
	in_terminal inside sleep 3600
	joins
	run ! joins in_mount_namespace "$PROGRAM" "$NIX"
	# the path is the same, but another directory is mounted there
	run -0 in_mount_namespace sh -c '
		mkdir "$SCRATCH/here"
		mkdir "$SCRATCH/there"
		touch "$SCRATCH/there/right"
		mount --bind "$SCRATCH/there" "$SCRATCH/here"
		cd "$SCRATCH/here"
		"$PROGRAM" "$NIX" ls
	'
	[ "$output" = right ]
	# two mount namespaces, of which the second may get the number that the first had
	local first
	first=$(in_mount_namespace sh -c '"$PROGRAM" "$NIX" sh -c "sleep 3600 3>&- >/dev/null 2>&1 & echo \$!"')
	STARTED+=("$first")
	run -0 in_mount_namespace "$PROGRAM" "$NIX" readlink /proc/self/ns/mnt
	[ "$output" != "$(namespace "$first")" ]
}

@test "a caller in a chroot is not led out of it" {
	require_root
	in_terminal inside sleep 3600
	mkdir -p "$SCRATCH/root"
	in_mount_namespace sh -c '
		mount --rbind / "$SCRATCH/root"
		chroot "$SCRATCH/root" "$PROGRAM" "$NIX" readlink /proc/self/ns/mnt
	' >said 2>&1 || true
	[ "$(cat said)" != "$(namespace "$PID")" ]
}

@test "after newgrp(1), the group is the one that was asked for" {
	require_root
	for_everybody
	in_terminal setpriv --reuid 12345 --regid 12345 --groups 4242 "$PROGRAM" "$NIX" sleep 3600
	joins setpriv --reuid 12345 --regid 12345 --groups 4242 "$PROGRAM" "$NIX"
	run ! joins setpriv --reuid 12345 --regid 4242 --groups 12345 "$PROGRAM" "$NIX"
	[ "$(setpriv --reuid 12345 --regid 4242 --groups 12345 "$PROGRAM" "$NIX" id -g)" = 4242 ]
}

@test "another user, and root, do not land in a user's namespace, nor a user in root's" {
	require_root
	for_everybody
	in_terminal setpriv --reuid 12345 --regid 12345 --clear-groups "$PROGRAM" "$NIX" sleep 3600
	run ! joins
	[ "$(inside id -u)" = 0 ]
	run ! joins setpriv --reuid 12346 --regid 12346 --clear-groups "$PROGRAM" "$NIX"
	# a list that the other user has forged for root names a process that is not root's
	in_terminal inside sleep 3600
	local forged
	forged=$(find /tmp/nix-user-chroot-12345 -name '*.*.*')
	RUBBISH=$LIST/${forged##*/}
	cp "$forged" "$RUBBISH.forged"
	cp "$forged" "$RUBBISH"
	joins
	rm -f "$RUBBISH"
}

@test "the list is somebody else's, a link or open to others: no joining, and no harm" {
	local user=12345
	require_root
	for_everybody
	local as=(setpriv --reuid "$user" --regid "$user" --clear-groups)
	forget_lists
	LIST=/tmp/nix-user-chroot-$user
	mkdir -m 777 "$LIST"
	in_terminal "${as[@]}" "$PROGRAM" "$NIX" sleep 3600
	run ! joins "${as[@]}" "$PROGRAM" "$NIX"
	[ -z "$(ls "$LIST")" ]
	rmdir "$LIST"
	ln -s "$SCRATCH" "$LIST"
	run ! joins "${as[@]}" "$PROGRAM" "$NIX"
	rm "$LIST"
	"${as[@]}" mkdir -m 755 "$LIST"
	run ! joins "${as[@]}" "$PROGRAM" "$NIX"
	rmdir "$LIST"
	touch "$LIST"
	run ! joins "${as[@]}" "$PROGRAM" "$NIX"
	rm "$LIST"
}

@test "a list full of rubbish does no harm" {
	local name file
	in_terminal inside sleep 3600
	file=$(listed)
	[ -n "$file" ]
	name=${file##*/}
	RUBBISH=$file
	: >"$LIST/$name.empty"
	head -c 100 "$file" >"$LIST/$name.short"
	head -c 4000 /dev/urandom >"$LIST/$name.random"
	{ head -c 8 "$file"; head -c 4000 /dev/urandom; } >"$LIST/$name.random2"
	{ cat "$file"; head -c 1000 /dev/urandom; } >"$LIST/$name.more"
	ln -s /dev/zero "$LIST/$name.link"
	mkfifo "$LIST/$name.fifo"
	mkdir "$LIST/$name.directory"
	joins
	ended "$PID"
	inside true
}

@test "nested: an entry from inside into another directory makes one below, and the next joins that" {
	mkdir -p "$SCRATCH/other/store"
	in_terminal inside sleep 3600
	local outer=$PID
	in_terminal inside "$PROGRAM" "$SCRATCH/other" sleep 3600
	[ "$(namespace "$PID")" != "$(namespace "$outer")" ]
	joins inside "$PROGRAM" "$SCRATCH/other"
	# an entry from outside, whose Nix directory is mounted elsewhere, gets a new namespace
	run ! joins "$PROGRAM" "$SCRATCH/other"
}

@test "nested: what cannot be seen from inside stays on the list" {
	in_terminal inside sleep 3600
	mkdir -p "$SCRATCH/other/store" "$SCRATCH/third/store"
	# nested entries look for a namespace to join, see no processes outside, and make a new namespace
	"$PROGRAM" "$SCRATCH/other" "$PROGRAM" "$SCRATCH/third" true
	unshare --user --map-user="$(id -u)" --map-group="$(id -g)" "$PROGRAM" "$SCRATCH/other" true
	joins
}

@test "a namespace of another PID namespace is struck from the list when it has ended, and not before" {
	[ "$(readlink /proc/self/ns/{pid,user} | tr -d '\n')" = 'pid:[4026531836]user:[4026531837]' ] ||
		skip "needs to be in the first PID and user namespace, which see into all others"
	sandbox() {
		unshare --user --map-user="$(id -u)" --map-group="$(id -g)" --pid --fork --kill-child \
			--mount-proc "$PROGRAM" "$NIX" "$@"
	}
	# unshare ignores SIGTERM while its child runs: after a minute that ends by itself, also if this test fails
	sandbox sh -c 'echo there >here; n=0; until [ -e go ] || [ $((n += 1)) -gt 600 ]; do sleep 0.1; done' 3>&- &
	STARTED+=($!)
	wait_until 30 test -e here
	[ "$(listed | wc -l)" = 1 ]
	inside true
	[ "$(listed | wc -l)" = 2 ]
	touch go
	wait $!
	inside true
	[ "$(listed | wc -l)" = 1 ]
}

@test "a umask, a limit on files and a stopped process keep nobody from entering" {
	(umask 0777; inside true)
	in_terminal inside sleep 3600
	joins
	joins sh -c 'ulimit -f 0; exec "$PROGRAM" "$NIX" "$@"' sh
	sh -c 'ulimit -n 12; exec "$PROGRAM" "$NIX" true'
	# while another process holds the lock, entries join, and --new-namespace still enters
	exec 9<"$LIST"
	flock 9
	joins
	run ! joins "$PROGRAM" --new-namespace "$NIX"
	config </dev/null
	mkdir -p "$SCRATCH/other/store"
	"$PROGRAM" "$SCRATCH/other" true
}

@test "200 entries at once: few namespaces, and no error" {
	/usr/bin/python3 - <<-'END'
		import os, subprocess
		words = [os.environ["PROGRAM"], os.environ["NIX"], "sh", "-c", "readlink /proc/self/ns/mnt; exec sleep 3"]
		all = [subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(200)]
		said = [p.communicate() for p in all]
		assert not any(p.returncode for p in all), said
		assert not any(err for _, err in said), said
		spaces = {out.strip() for out, _ in said}
		print(len(spaces), "namespaces")
		assert len(spaces) <= 3, spaces
	END
}

@test "500 joins with random kills: every command that is let live has run, and none hangs" {
	/usr/bin/python3 - <<-'END'
		import os, random, subprocess, time
		words = [os.environ["PROGRAM"], os.environ["NIX"], "echo", "ran"]
		random.seed(os.getpid())
		running = []
		for i in range(500):
		    p = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
		    if random.random() < 0.3:
		        time.sleep(random.random() * 0.01)
		        p.kill()
		        p.communicate()
		    else:
		        running.append(p)
		    if len(running) >= 8:
		        for q in running:
		            out, err = q.communicate(timeout=60)
		            assert (q.returncode, out, err) == (0, "ran\n", ""), (q.returncode, out, err)
		        running = []
	END
	in_terminal inside sleep 3600
	joins
}
