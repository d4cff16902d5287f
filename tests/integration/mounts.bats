#!/usr/bin/env bats
#
# Mounts: hosts with unusual files in /, hosts with a /nix of their own, and mounts that are made or removed later on
# either side.

# shellcheck disable=SC2016 # the inner shells expand
# shellcheck disable=SC2154 # bats sets output, stderr and status

bats_require_minimum_version 1.5.0
load common

setup()
{
	entering
}

teardown()
{
	leaving
}

@test "entries of / of every kind" {
	local prepare='
		mkfifo fifo
		/usr/bin/python3 -c "import socket; socket.socket(socket.AF_UNIX).bind(\"socket\")"
		echo text >file
		echo secret >closed-file && chmod 0 closed-file
		touch device && mount --bind /dev/null device
		touch script && chmod +x script
		ln -s nowhere dangling
		ln -s loop loop
		ln -s /nix/name into-nix
		ln -s usr/bin programs
		mkdir -p closed/below mountpoint && mount -t tmpfs tmpfs mountpoint && touch mountpoint/x
		mkdir empty && chmod 0 closed
		touch "$(printf "new\nline")" "$(printf "bytes\377\001")" " " "*" ./-v
		mkdir "$(printf "dir\n\377")"
		ln -s "$(printf "to\nx")" "$(printf "link\nx")"
	'
	run --separate-stderr on_host "$prepare" /program "$NIX" /usr/bin/python3 -c '
import os, stat
def kind(path):
    return stat.S_IFMT(os.lstat(path).st_mode)
assert kind("/fifo") == stat.S_IFIFO
assert kind("/socket") == stat.S_IFSOCK
assert kind("/device") == stat.S_IFCHR
assert open("/device", "w").write("gone")
assert open("/file").read() == "text\n"
assert kind("/closed-file") == stat.S_IFREG and os.stat("/closed-file").st_mode & 0o777 == 0
assert os.access("/script", os.X_OK)
assert os.readlink("/dangling") == "nowhere" and os.readlink("/loop") == "loop"
assert open("/into-nix").read() == "ours\n"
assert os.readlink("/programs") == "usr/bin" and os.path.exists("/programs/env")
assert os.listdir("/mountpoint") == ["x"]
assert kind("/closed") == kind("/empty") == stat.S_IFDIR
for name in b"new\nline", b"bytes\377\001", b" ", b"*", b"-v":
    assert kind(b"/" + name) == stat.S_IFREG, name
assert kind(b"/dir\n\377") == stat.S_IFDIR
assert os.readlink("/link\nx") == "to\nx"
print(sorted(os.listdir("/")) == sorted(set(os.listdir("/"))), len(os.listdir("/")))
'
	[ "$status" -eq 0 ]
	# / has the same entries as outside, and /nix; and nothing is printed
	[ "$output" = "True $(($(on_host "$prepare" ls -A / --zero | tr -cd '\0' | wc -c) + 1))" ]
	[ -z "$stderr" ]
}

@test "device nodes in /" {
	require_root
	in_mount_namespace sh -euc '
		mkdir "$SCRATCH/host"
		mount -t tmpfs tmpfs "$SCRATCH/host"
		cd "$SCRATCH/host"
		mkdir old program
		mknod null c 1 3
		mount --make-private .
		for entry in bin sbin lib lib64 usr etc dev proc tmp; do
			[ ! -L "/$entry" ] || cp -P "/$entry" .
			[ -L "/$entry" ] || [ ! -d "/$entry" ] || { mkdir "$entry"; mount --rbind "/$entry" "$entry"; }
		done
		mkdir -p ".$SCRATCH"
		mount --bind "$SCRATCH" ".$SCRATCH"
		cp "$PROGRAM" "$SCRATCH/program"
		mount --make-rprivate /
		/usr/sbin/pivot_root . old
		umount -l /old
		"$SCRATCH/program" "$NIX" sh -euc "echo gone >/null; test -c /null; cat /nix/name"
	'
}

@test "a directory of / that nobody may look at, as another user's FUSE mount" {
	require_root
	[ -c /dev/fuse ] || skip "needs /dev/fuse"
	for_everybody
	mkdir "$SCRATCH/tree" "$SCRATCH/tree/fuse"
	touch "$SCRATCH/tree/"{a,b}
	ln -s a "$SCRATCH/tree/link"
	chmod -R a+rX "$SCRATCH/tree"
	config <<-END
		[excludes]
		paths = ["$SCRATCH/tree/link"]
	END
	chmod -R a+rX "$NIX"
	# no process serves this FUSE file system, and none is needed: the kernel itself keeps other users out
	run --separate-stderr unshare --mount /usr/bin/python3 -c '
import ctypes, os, sys
fd = os.open("/dev/fuse", os.O_RDWR)
os.set_inheritable(fd, True)
data = f"fd={fd},rootmode=40000,user_id=0,group_id=0"
target = os.environ["SCRATCH"] + "/tree/fuse"
if ctypes.CDLL(None).mount(b"test", target.encode(), b"fuse", 0, data.encode()) != 0:
    sys.exit(77)
os.execvp("setpriv", ["setpriv", "--reuid", "12345", "--regid", "12345", "--clear-groups"]
          + sys.argv[1:])' sh -c '
		stat "$SCRATCH/tree/fuse" && exit 3
		exec "$PROGRAM" -v "$NIX" sh -c "ls -U $SCRATCH/tree | sort | tr \"\n\" \" \""'
	[ "$status" -ne 77 ] || skip "needs FUSE"
	[ "$status" -eq 0 ]
	[ "$output" = "a b fuse " ]
	[[ $stderr != *"is missing inside"* ]]
}

@test "a host with its own /nix: ours covers it" {
	for nix in 'mkdir -p nix/store; echo host >nix/name' 'ln -s tmp nix' 'ln -s nowhere nix' \
		'echo file >nix' 'mkdir nix; mount -t tmpfs tmpfs nix; mkdir nix/store'; do
		[ "$(on_host "$nix" /program "$NIX" sh -c 'cat /nix/name; stat -c %F /nix')" = \
			$'ours\ndirectory' ]
	done
}

@test "NIXPATH in the /nix of the host" {
	[ "$(on_host 'mkdir -p nix/mine; echo mine >nix/mine/name' \
		/program /nix/mine cat /nix/name)" = mine ]
	run --separate-stderr on_host 'mkdir -p nix/mine; echo mine >nix/mine/name' \
		sh -c 'cd /nix/mine && exec /program . sh -c "cat /nix/name; pwd"'
	[ "$output" = "mine"$'\n'"$HOME" ]
	[[ $stderr = *"the working directory /nix/mine cannot be reached inside"* ]]
}

@test "NIXPATH is the /nix of the host" {
	[ "$(on_host 'mkdir -p nix/store; echo host >nix/name' /program /nix cat /nix/name)" = host ]
	[ "$(on_host 'mkdir nix; mount --bind "$NIX" nix' /program "$NIX" cat /nix/name)" = ours ]
	# a /nix of the host's that is the same directory does not mean that we are inside already
	printf '[excludes]\npaths = ["/file"]\n' | config
	[ "$(on_host 'echo file | tee file >other; mkdir nix; mount --bind "$NIX" nix' \
		/program /nix cat /file /other)" = file ]
}

@test "NIXPATH below /tmp, /tmp itself, /, and a mount point" {
	[ "$(on_host 'mkdir -p tmp/nix; echo tmp >tmp/nix/name' /program /tmp/nix cat /nix/name)" = tmp ]
	[ "$(on_host 'echo tmp >tmp/name' /program /tmp cat /nix/name)" = tmp ]
	[ "$(on_host 'echo root >name' /program / cat /nix/name)" = root ]
	[ "$(on_host 'mkdir mine; mount -t tmpfs tmpfs mine; echo mounted >mine/name' \
		/program /mine cat /nix/name)" = mounted ]
	# mounts below the directory are visible inside, too
	[ "$(on_host 'mkdir -p mine/store; mount -t tmpfs tmpfs mine/store; echo below >mine/store/x' \
		/program /mine cat /nix/store/x)" = below ]
	# the rest of /tmp is visible inside
	[ "$(on_host 'mkdir -p tmp/nix; echo beside >tmp/file' /program /tmp/nix cat /tmp/file)" = beside ]
}

@test "a host without /tmp" {
	# without /tmp the directories of the test are gone, too
	[ "$(on_host 'mkdir mine; echo mine >mine/name
		umount -l ".$SCRATCH"; rm -r --one-file-system tmp; ! [ -e tmp ]' \
		/program /mine cat /nix/name)" = mine ]
}

@test "a / that has the names we use" {
	run --separate-stderr on_host 'mkdir -p .old-root; touch .old-root/x .old-root_; ln -s x .old-root__' \
		/program "$NIX" sh -c 'cat /nix/name; ls -A / | grep -c old-root; ls -A /.old-root'
	[ "$output" = $'ours\n3\nx' ]
	[ -z "$stderr" ]
}

@test "a read-only /" {
	[ "$(on_host 'mount -o remount,ro,bind .' \
		sh -c 'touch /x 2>/dev/null || exec /program "$NIX" cat /nix/name')" = ours ]
}

@test "read-only and noexec mounts of the host stay so" {
	run --separate-stderr on_host '
		mkdir ro noexec
		mount -t tmpfs -o ro tmpfs ro
		mount -t tmpfs -o noexec tmpfs noexec' \
		/program "$NIX" sh -c 'touch /ro/new; cp /bin/true /noexec/true && /noexec/true'
	[ "$status" -eq 126 ]
	[[ $stderr = *"Read-only file system"* ]]
	[[ $stderr = *"Permission denied"* ]]
}

@test "a working directory in the host's /nix is not there inside" {
	run --separate-stderr on_host 'mkdir -p nix/store' \
		sh -c 'cd /nix/store && exec /program "$NIX" pwd'
	# if the Nix directory has a directory of that name, the command starts there
	[ "$output" = /nix/store ]
	run --separate-stderr on_host 'mkdir -p nix/other' \
		sh -c 'cd /nix/other && exec /program "$NIX" pwd'
	[ "$output" = "$HOME" ]
	[[ $stderr = *"the working directory /nix/other cannot be reached inside: No such file"* ]]
}

@test "a host without /proc: a clear message" {
	! under_sanitizers || skip "needs a build without sanitizers, which read /proc"
	fails 125 "cannot write /proc/self/setgroups: No such file or directory" /proc -- \
		on_host true sh -c 'umount -l /proc && exec /program --runtime=userns "$NIX" true'
	# where root needs only a mount namespace, it needs no /proc
	run -0 on_host true sh -c 'umount -l /proc && exec /program "$NIX" echo here'
	[ "${lines[-1]}" = here ]
}

@test "what root cannot undo: mounts of the host stay locked together" {
	# a mount hides a secret on the host: inside, nobody may remove the mount
	run on_host 'mkdir secret; echo secret >secret/x; mount -t tmpfs tmpfs secret' \
		/program "$NIX" unshare --user --map-root-user --mount \
		sh -c 'umount /secret; cat /secret/x'
	[ "$status" -ne 0 ]
	[[ $output != *secret$'\n'* ]]
}

# talk SHELL TEXT: have the shell that runs inside run a command, which answers with one line
start_talking()
{
	mkfifo "$SCRATCH/to" "$SCRATCH/from"
	cat >"$SCRATCH/talk" <<'END'
# outside: `answer COMMAND` lets the shell inside run COMMAND, and prints its output on one line
"$@" sh -c 'while read -r line; do echo "$(eval "$line" 2>&1 | tr "\n" " ")"; done' \
	<"$SCRATCH/to" >"$SCRATCH/from" 3>&- &
child=$!
exec 8>"$SCRATCH/to" 9<"$SCRATCH/from"
answer()
{
	echo "$1" >&8
	IFS= read -r -t 20 reply <&9
	printf '%s' "${reply% }"
}
expect()
{
	local reply
	reply=$(answer "$1")
	[ "$reply" = "$2" ] || { echo "inside, $1 said \"$reply\", not \"$2\"" >&2; exit 1; }
}
END
}

@test "what the host mounts, changes and unmounts later is seen inside" {
	start_talking
	mkdir "$SCRATCH/dir" "$SCRATCH/source"
	echo bound >"$SCRATCH/source/x"
	# a directory in / that every host has
	for top in /srv /media /mnt /opt; do
		[ -d "$top" ] && [ ! -L "$top" ] && break
	done
	[ -d "$top" ]
	top=$top in_mount_namespace bash -euc '
		. "$SCRATCH/talk" "$PROGRAM" "$NIX"
		expect "cat /nix/name" ours
		# mount on a directory in /
		mount -t tmpfs tmpfs "$top"
		echo one >"$top/x"
		mkdir "$top/deep"
		expect "cat $top/x" one
		# mount on a directory below that
		mount -t tmpfs tmpfs "$top/deep"
		echo two >"$top/deep/x"
		expect "cat $top/deep/x" two
		mount --bind "$SCRATCH/source" "$SCRATCH/dir"
		expect "cat $SCRATCH/dir/x" bound
		mount --bind "$SCRATCH/source" "$NIX/store"
		expect "cat /nix/store/x" bound
		umount "$top/deep"
		expect "ls $top/deep" ""
		umount "$top" "$SCRATCH/dir" "$NIX/store"
		expect "cat $SCRATCH/dir/x /nix/store/x $top/x 2>/dev/null || echo gone" gone
		exec 8>&-
		wait "$child"
	' bash
}

@test "what is mounted inside is not seen outside" {
	start_talking
	mkdir "$SCRATCH/dir"
	in_mount_namespace bash -euc '
		. "$SCRATCH/talk" "$PROGRAM" "$NIX"
		expect "cat /nix/name" ours
		before=$(cat /proc/self/mountinfo)
		if [ "$(id -u)" -eq 0 ]; then
			expect "mount -t tmpfs tmpfs $SCRATCH/dir && touch $SCRATCH/dir/x && echo done" done
			expect "mount -t tmpfs tmpfs /nix/store && touch /nix/store/x && echo done" done
			expect "ls $SCRATCH/dir/x /nix/store/x" "/nix/store/x $SCRATCH/dir/x"
		fi
		expect "unshare --user --map-root-user --mount sh -c \"mount -t tmpfs tmpfs /usr && echo done\"" done
		[ ! -e "$SCRATCH/dir/x" ]
		[ ! -e "$NIX/store/x" ]
		[ "$(cat /proc/self/mountinfo)" = "$before" ]
		exec 8>&-
		wait "$child"
	' bash
}

@test "a directory taken apart still shows what is mounted on its entries later" {
	start_talking
	mkdir -p "$SCRATCH/tree/dir"
	ln -s dir "$SCRATCH/tree/hidden"
	config <<-END
		[excludes]
		paths = ["$SCRATCH/tree/hidden"]
	END
	in_mount_namespace bash -euc '
		. "$SCRATCH/talk" "$PROGRAM" -q "$NIX"
		expect "ls $SCRATCH/tree" dir
		mount -t tmpfs tmpfs "$SCRATCH/tree/dir"
		touch "$SCRATCH/tree/dir/later"
		expect "ls $SCRATCH/tree/dir" later
		exec 8>&-
		wait "$child"
	' bash
}

@test "entering on a host with hundreds of mounts" {
	mkdir "$SCRATCH/dir"
	[ "$(in_mount_namespace bash -euc '
		for i in {1..300}; do
			mkdir "$SCRATCH/dir/$i"
			mount -t tmpfs tmpfs "$SCRATCH/dir/$i"
		done
		touch "$SCRATCH/dir/300/x"
		"$PROGRAM" "$NIX" sh -c "cat /nix/name; ls $SCRATCH/dir/300; grep -c $SCRATCH/dir/ /proc/self/mountinfo"
	')" = $'ours\nx\n300' ]
}
