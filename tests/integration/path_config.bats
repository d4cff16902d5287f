#!/usr/bin/env bats
#
# path-config.toml from the file to the mounts, and /run/opengl-driver.

# shellcheck disable=SC2016 # the inner shells expand
# shellcheck disable=SC2154 # bats sets output, stderr and status

bats_require_minimum_version 1.5.0
load common

# Make a tree of files that tests exclude, and mount things on.
setup()
{
	entering
	TREE=$SCRATCH/tree
	mkdir -p "$TREE/a/b/c" "$TREE/empty"
	echo f >"$TREE/a/f"
	echo deep >"$TREE/a/b/c/deep"
	echo g >"$TREE/a/b/g"
	ln -s a "$TREE/link"
	ln -s missing/below "$TREE/dangling"
	mkfifo "$TREE/a/fifo"
	export TREE
	WARNING="nix-user-chroot: warning:"
}

teardown()
{
	leaving
}

# quietly COMMAND...: as inside, but the program must print nothing
quietly()
{
	local errors

	errors=$({ inside "$@" >"$SCRATCH/out"; } 2>&1) || return
	[ -z "$errors" ] || { printf '%s\n' "$errors" >&2; return 1; }
	cat "$SCRATCH/out"
}

# refused TEXT COLUMNS MESSAGE: a config with TEXT must be refused before anything is entered
refused()
{
	printf '%b' "$1" | config
	fails 125 "nix-user-chroot: failed to parse config file $NIX/etc/nix-user-chroot/path-config.toml:$2: $3" \
		-- inside true
	[ "${#lines[@]}" -eq 2 ]
	[ "${lines[1]}" = "  nix-user-chroot --print-path-config prints an example" ]
}

# nobody_known COMMAND...: run COMMAND as a user who is in no list of users
nobody_known()
{
	unshare --user --map-user=54321 --map-group=54321 "$@"
}

@test "no file, an empty one, one of comments" {
	[ "$(quietly cat /nix/name)" = ours ]
	: | config
	[ "$(quietly cat /nix/name)" = ours ]
	"$PROGRAM" --print-path-config | config
	[ "$(inside cat /nix/name)" = ours ]
}

@test "excluded files and sockets are empty, and their directory stays live; excluded links are gone" {
	/usr/bin/python3 -c 'import os, socket
os.chdir(os.environ["TREE"] + "/a")
socket.socket(socket.AF_UNIX).bind("socket")'
	config <<-END
		[excludes]
		paths = [
			"$TREE/a/f", # a comment
			"$TREE/a/socket", "$TREE/a/fifo",
			'$TREE/link',
		]
	END
	run --separate-stderr inside sh -c 'cd "$TREE/a" && cat f socket fifo && ls -l f socket fifo | cut -c 1 &&
		echo new >new && mv new newer && rm -r b && mktemp -p . >/dev/null && cat newer && ls -A "$TREE"'
	[ "$status" -eq 0 ]
	[ "$output" = $'-\n-\n-\nnew\na\ndangling\nempty' ]
	# changes inside are changes of the host, and excluded files are unchanged on the host
	[ "$(cat "$TREE/a/newer")" = new ]
	[ ! -e "$TREE/a/b" ]
	[ "$(cat "$TREE/a/f")" = f ]
	[ -p "$TREE/a/fifo" ]
	[ -S "$TREE/a/socket" ]
	# the empty file inside cannot be written, nor removed
	run inside sh -c 'echo x >"$TREE/a/f" || rm -f "$TREE/a/f" || mv "$TREE/a/f" "$TREE/a/g"'
	[ "$status" -ne 0 ]
	[ "$(cat "$TREE/a/f")" = f ]
}

@test "a file left out of /tmp leaves /tmp to mktemp" {
	local file
	file=$(mktemp /tmp/path-config.XXXXXX)
	echo secret >"$file"
	printf '[excludes]\npaths = ["%s"]\n' "$file" | config
	run --separate-stderr inside sh -c 'rm "$(mktemp /tmp/path-config.XXXXXX)" && cat "$1"' sh "$file"
	rm "$file"
	[ "$status" -eq 0 ]
	[ -z "$output$stderr" ]
}

@test "an excluded directory is empty" {
	config <<-END
		[excludes]
		paths = ["$TREE/a/b", "$TREE/link/b/c/deep", "/etc"]
	END
	[ -z "$(quietly ls -A "$TREE/a/b")" ]
	[ "$(inside cat "$TREE/a/f")" = f ]
	[ -z "$(inside ls -A /etc)" ]
	fails 1 "Read-only file system" -- inside touch "$TREE/a/b/new"
	[ "$(cat "$TREE/a/b/c/deep")" = deep ]
}

@test "an excluded working directory is the empty one" {
	config <<-END
		[excludes]
		paths = ["$TREE/a"]
	END
	cd "$TREE/a"
	[ -z "$(quietly ls -A)" ]
	cd "$TREE/a/b"
	run --separate-stderr inside pwd
	[ "$output" = "$HOME" ]
	[[ $stderr = *"$WARNING the working directory $TREE/a/b cannot be reached inside: No such file or directory; starting in $HOME" ]]
}

@test "a link deep in a tree, and no more taken apart than that takes" {
	ln -s deep "$TREE/a/b/c/link"
	config <<-END
		[excludes]
		paths = ["$TREE/a/b/c/link"]
	END
	[ "$(inside ls -A "$TREE/a/b/c" 2>/dev/null)" = deep ]
	# everything beside and above the mount is the host's
	inside sh -c 'echo new >"$TREE/a/b/new"' 2>/dev/null
	[ "$(cat "$TREE/a/b/new")" = new ]
}

@test "a directory taken apart that the user could write gets a warning" {
	require_user
	config <<-END
		[excludes]
		paths = ["$TREE/link"]
	END
	run --separate-stderr inside true
	[[ $stderr = "$WARNING exclude of $TREE/link: nothing new can be made in $TREE inside"* ]]
}

@test "what does not exist is a note at -v" {
	config <<-END
		[excludes]
		paths = ["/no/such/path", "$TREE/a/f/x", "$TREE/dangling/x"]
	END
	[ "$(quietly cat /nix/name)" = ours ]
	run --separate-stderr "$PROGRAM" -v "$NIX" true
	[[ $stderr = *"exclude of /no/such/path: nothing to do, it does not exist"* ]]
	[ "$(grep -c 'nothing to do' <<<"$stderr")" -eq 3 ]
	[ "$(grep -c exclude <<<"$stderr")" -eq 3 ]
}

@test "excludes of mount points" {
	config <<-END
		[excludes]
		paths = ["/dev", "/proc"]
	END
	[ -z "$(inside ls -A /dev 2>/dev/null)" ]
	[ -z "$(inside ls -A /proc 2>/dev/null)" ]
}

@test "excludes and mounts in /dev, /proc and /sys leave the session whole" {
	config <<-END
		[excludes]
		paths = ["/dev/full", "/proc/cpuinfo", "/sys/kernel", "/dev/stdin"]
		[absolute]
		"$NIX/name" = "/dev/zero"
		"$TREE/a" = "/dev/new"
	END
	# the mount is an empty file, which cannot be written
	run --separate-stderr inside sh -c 'cat /dev/full /proc/cpuinfo; ls -A /sys/kernel; cat /dev/zero
		! [ -c /dev/full ] && ! [ -e /dev/new ] && ! { echo x >/dev/full; } 2>/dev/null'
	[ "$status" -eq 0 ]
	[ "$output" = ours ]
	[ "${stderr_lines[0]}" = "$WARNING exclude of /dev/stdin: skipped, because it is a link, which cannot be covered, and what is in /dev is made by the kernel" ]
	[ "${stderr_lines[1]}" = "$WARNING mount of $TREE/a on /dev/new: skipped, because what is in /dev is made by the kernel" ]
	[ "${#stderr_lines[@]}" -eq 2 ]
	# a new terminal in /dev/pts, and /proc/self, work as outside
	"$PROGRAM" -q "$NIX" /usr/bin/python3 -c 'import os, pty
master, slave = pty.openpty()
assert os.ttyname(slave).startswith("/dev/pts/")
assert os.readlink("/proc/self") == str(os.getpid())'
	[ -c /dev/full ]
}

@test "excludes in a directory that may be searched and not listed" {
	require_user
	ln -s f "$TREE/a/link"
	chmod 111 "$TREE/a"
	config <<-END
		[excludes]
		paths = ["$TREE/a/f", "$TREE/a/link"]
	END
	run --separate-stderr inside sh -c 'cat "$TREE/a/f"; cat "$TREE/a/b/g"'
	[ "$output" = g ]
	[ "$stderr" = "$WARNING exclude of $TREE/a/link: skipped, because it is a link, which cannot be covered, and the directory $TREE/a cannot be listed: Permission denied" ]
}

@test "an exclude in a directory too long to be mounted entry by entry" {
	mkdir "$TREE/long"
	(cd "$TREE/long" && seq 10001 | xargs touch && echo x >./1 && ln -s 1 link)
	config <<-END
		[excludes]
		paths = ["$TREE/long/1", "$TREE/long/link"]
	END
	run --separate-stderr inside sh -c 'cat "$TREE/long/1"; ls "$TREE/long" | wc -l; wc -l </proc/self/mountinfo'
	[ "${lines[0]}" = 10002 ]
	[ "${lines[1]}" -lt 10000 ]
	[ "$stderr" = "$WARNING exclude of $TREE/long/link: skipped, because it is a link, which cannot be covered, and the directory $TREE/long has more than 10000 entries, too many to mount one by one" ]
}

@test "names are shown so that a terminal does not obey them" {
	printf '[excludes]\npaths = ["/no\\u001b[2J/such"]\n' | config
	run --separate-stderr "$PROGRAM" -v "$NIX" true
	[[ $stderr = *'exclude of /no\u001B[2J/such: nothing to do'* ]]
	mkdir "$TREE/"$'odd\e[2J'
	ln -s x "$TREE/"$'odd\e[2J/x'
	touch "$TREE/"$'odd\e[2J/\e[1m'
	printf '[excludes]\npaths = ["%s/odd\\u001b[2J/x"]\n' "$TREE" | config
	run --separate-stderr "$PROGRAM" -vv "$NIX" true
	[[ $stderr = *"bind $TREE/odd\\u001B[2J/\\u001B[1m from"* ]]
	[[ $stderr != *$'\e'* ]]
}

@test "absolute mounts: on files, on directories, in new places at any depth" {
	config <<-END
		[absolute]
		"$NIX/name" = "/etc/passwd"
		"$TREE/a" = "$TREE/empty"
		"$TREE/a/b" = "/new"
		"$TREE/a/f" = "/brand/new/place/file"
		"$TREE/a/b/g" = "/usr/share/new-directory/file"
	END
	run --separate-stderr inside cat /etc/passwd "$TREE/empty/f" /new/c/deep \
		/brand/new/place/file /usr/share/new-directory/file
	[ "$output" = $'ours\nf\ndeep\nf\ng' ]
	[ -z "$stderr" ] || [[ $stderr = *"nothing new can be made in /usr/share"* ]]
	# all other entries of the same directories are there
	inside test -e /etc/hostname -a -d /usr/bin -a -d /usr/share/doc
	[ "$(inside ls -A /usr/share | sort)" = "$({ ls -A /usr/share; echo new-directory; } | sort)" ]
	# a mount shows the file itself, not a copy
	inside sh -c 'echo written >>/brand/new/place/file'
	[ "$(cat "$TREE/a/f")" = $'f\nwritten' ]
	fails 1 "Read-only file system" -- inside touch /brand/new/other
}

@test "absolute mounts: on something of another kind, on links, through links" {
	config <<-END
		[absolute]
		"$TREE/a/f" = "$TREE/empty"
		"$TREE/a/b" = "$TREE/a/fifo"
		"$NIX/name" = "$TREE/link"
		"$TREE/a/b/c" = "$TREE/dangling/new"
	END
	[ "$(inside cat "$TREE/empty" 2>/dev/null)" = f ]
	[ "$(inside cat "$TREE/a/fifo/g" 2>/dev/null)" = g ]
	[ "$(inside cat "$TREE/link" 2>/dev/null)" = ours ]
	[ "$(inside cat "$TREE/dangling/new/deep" 2>/dev/null)" = deep ]
	config <<-END
		[absolute]
		"$NIX/name" = "$TREE/link/b/g"
	END
	[ "$(quietly cat "$TREE/a/b/g")" = ours ]
}

@test "absolute mounts: in what another one mounts, whatever order the file has them in" {
	config <<-END
		[absolute]
		"$TREE/a/f" = "/opt/place/new/file"
		"$TREE/a/b/g" = "/opt/place/c/deep"
		"$TREE/a/b" = "/opt/place"
		"$NIX/name" = "/opt/place/g"
	END
	run --separate-stderr inside sh -c 'cd /opt/place && cat new/file c/deep g && ls -A . c new'
	[ "$output" = $'f\ng\nours\n.:\nc\ng\nnew\n\nc:\ndeep\n\nnew:\nfile' ]
	# on the host nothing of this is left
	[ "$(ls -A "$TREE/a/b")" = $'c\ng' ]
	# without new entries in it, the directory itself is mounted
	config <<-END
		[absolute]
		"$NIX/name" = "/opt/place/g"
		"$TREE/a/b" = "/opt/place"
	END
	[ "$(quietly sh -c 'cd /opt/place && cat g && echo made >made')" = ours ]
	[ "$(cat "$TREE/a/b/made")" = made ]
	[ "$(cat "$TREE/a/b/g")" = g ]
}

@test "absolute mounts: the root, /nix, devices" {
	config <<-END
		[absolute]
		"/" = "/host"
		"/nix" = "/store-again"
		"/dev/null" = "/devices/null"
	END
	[ "$(quietly cat "/host$NIX/name" /store-again/name)" = $'ours\nours' ]
	inside sh -c 'echo gone >/devices/null'
}

@test "a source that is missing, loops or may not be read: a warning, and the rest is done" {
	ln -s loop "$TREE/loop"
	ln -s /nix/store/loop "$TREE/nix-loop"
	ln -s loop "$NIX/store/loop"
	config <<-END
		[absolute]
		"/no/such" = "/a"
		"$TREE/loop" = "/b"
		"$TREE/nix-loop" = "/c"
		"$NIX/name" = "/d"
	END
	run --separate-stderr inside cat /d
	[ "$output" = ours ]
	[ "$(grep -c "^$WARNING" <<<"$stderr")" -eq 3 ]
	[[ $stderr = *"mount of /no/such on /a: skipped, because /no/such cannot be found: No such file"* ]]
	[[ $stderr = *"mount of $TREE/loop on /b: skipped, because $TREE/loop cannot be found: "*"ymbolic link"* ]]
	[[ $stderr = *"$TREE/nix-loop cannot be found: "*"ymbolic link"* ]]
	fails 1 -- inside test -e /a -o -e /b -o -e /c
	# -q prints no warning
	run --separate-stderr "$PROGRAM" -q "$NIX" true
	[ -z "$stderr" ]
}

@test "sources that are links into /nix are followed to the first path outside, 40 of them" {
	ln -s /nix/store/one "$TREE/into"
	ln -s two "$NIX/store/one"
	ln -s ../store/three "$NIX/store/two"
	ln -s "$TREE/a/f" "$NIX/store/three"
	for i in {1..39}; do
		ln -s "$((i - 1))" "$NIX/store/$i"
	done
	ln -s "$TREE/a/b/g" "$NIX/store/0"
	ln -s 39 "$NIX/store/40"
	config <<-END
		[absolute]
		"$TREE/into" = "/into"
		"/nix/store/39" = "/most"
	END
	[ "$(quietly cat /into /most)" = $'f\ng' ]
	config <<-END
		[absolute]
		"/nix/store/40" = "/most"
	END
	fails 0 "/nix/store/40 cannot be found: " "ymbolic link" -- inside true
}

@test "a path through the /nix of the host's own links is ours" {
	# a link such as /etc/static -> /nix/store/..., which home-manager makes
	mkdir -p "$NIX/store/static"
	echo static >"$NIX/store/static/file"
	ln -s /nix/store/static "$TREE/static"
	config <<-END
		[absolute]
		"$TREE/static/file" = "/file"
	END
	[ "$(quietly cat /file "$TREE/static/file")" = $'static\nstatic' ]
}

@test "profile mounts: of old, of today, in that order" {
	local user today=$HOME/.local/state/nix/profiles
	user=$(id -un)
	local old=$NIX/var/nix/profiles/per-user/$user
	# the user is the owner of the process, whatever USER says
	export USER=somebody
	mkdir -p "$NIX/store/old/bin" "$NIX/store/today/bin" "$today" "$NIX/var/nix/profiles/per-user/somebody/profile/bin"
	echo old >"$NIX/store/old/bin/env"
	echo today >"$NIX/store/today/bin/env"
	ln -s profile-3-link "$today/profile"
	ln -s /nix/store/today "$today/profile-3-link"
	config <<-END
		[profile]
		"/bin/env" = "/opt/env"
		"bin/none" = "/opt/none"
	END
	run --separate-stderr inside cat /opt/env
	[ "$output" = today ]
	[[ $stderr = "$WARNING mount of $today/profile/bin/none on /opt/none: skipped"*"No such file"* ]]
	[ "$(env HOME=/ XDG_STATE_HOME="$HOME/.local/state" "$PROGRAM" "$NIX" \
		cat /opt/env 2>/dev/null)" = today ]
	[ "$(env -u USER "$PROGRAM" "$NIX" cat /opt/env 2>/dev/null)" = today ]
	mkdir -p "$old"
	ln -s profile-1-link "$old/profile"
	ln -s /nix/store/old "$old/profile-1-link"
	[ "$(inside cat /opt/env 2>/dev/null)" = old ]
	[ "$(env -u USER "$PROGRAM" "$NIX" cat /opt/env 2>/dev/null)" = old ]
}

@test "a missing profile is one warning" {
	config <<-END
		[profile]
		"bin/env" = "/opt/env"
		"bin/sh" = "/opt/sh"
		[absolute]
		"$NIX/name" = "/opt/name"
	END
	run --separate-stderr env USER=me "$PROGRAM" "$NIX" cat /opt/name
	[ "$output" = ours ]
	[[ $stderr = "$WARNING the [profile] mounts"*"there is no profile of user $(id -un)"* ]]
	[ "$(grep -c "$WARNING" <<<"$stderr")" -eq 1 ]
	# if the user is in no list of users, USER counts
	for_everybody
	fails 0 "there is no profile of user me" -- nobody_known env USER=me "$PROGRAM" "$NIX" true
	# a name that leads out of the directory of profiles does not count
	fails 0 "there is no profile of user (unknown)" -- nobody_known env USER=../me "$PROGRAM" "$NIX" true
}

@test "an exclude keeps its place for a mount" {
	config <<-END
		[excludes]
		paths = ["/etc/hosts", "$TREE/a", "/usr/share/doc"]
		[absolute]
		"$NIX/name" = "/etc/hosts"
		"$TREE/a/b" = "$TREE/a/only"
		"$TREE/a/f" = "/usr/share/doc/file"
	END
	[ "$(inside cat /etc/hosts 2>/dev/null)" = ours ]
	[ "$(inside ls -A "$TREE/a" 2>/dev/null)" = only ]
	[ "$(inside cat "$TREE/a/only/g" 2>/dev/null)" = g ]
	[ "$(inside ls -A /usr/share/doc 2>/dev/null)" = file ]
}

@test "targets and excludes in /nix" {
	ln -s /nix/store "$TREE/store"
	refused '[absolute]\n"/etc/hosts" = "/nix/hosts"\n' 2:16 'the target "/nix/hosts" is in /nix'
	config <<-END
		[excludes]
		paths = ["$TREE/store/x", "/nix/store"]
		[absolute]
		"/etc/hosts" = "$TREE/store/hosts"
	END
	touch "$NIX/store/x"
	run --separate-stderr inside ls /nix/store
	[ "$output" = x ]
	[[ $stderr = *"$WARNING"*"path-config.toml:2:"*"ignored"* ]]
	[[ $stderr = *"exclude of $TREE/store/x: skipped, because it is /nix/store/x"* ]]
	[[ $stderr = *"mount of /etc/hosts on $TREE/store/hosts: skipped"* ]]
}

@test "a bad file: FILE:LINE:COLUMN, before anything is entered" {
	refused '[excludes]\npaths = ["/a" "/b"]\n' 2:15 ""
	refused '[excludes]\npaths = "/a"\n' 2:9 "paths must be an array of strings"
	refused '[excludes]\npaths = ["/a", "b"]\n' 2:16 'the exclude "b" must be absolute'
	refused '[absolute]\n"a" = "/b"\n' 2:1 'the source "a" must be absolute'
	refused '[absolute]\n"/a" = "b"\n' 2:8 'the target "b" must be absolute'
	refused '[absolute]\n"/a" = "/b"\n"/a" = "/c"\n' 3:1 ""
	refused '[absolute]\n"/a" = 5\n' 2:8 ""
	refused '\n\n[excludes' 3:10 ""
	refused '[profile]\n"x" = "/\xff"\n' 2:9 ""
	refused '[excludes]\npaths = ["/"]\n' 2:10 'the exclude "/" is / itself'
}

@test "a bad file keeps nothing from being entered that does not use it" {
	mkdir "$SCRATCH/other"
	echo '[' | config
	fails 125 "path-config.toml:1:" -- inside true
	"$PROGRAM" "$SCRATCH/other" true
}

@test "an unknown section or key is a warning" {
	config <<-END
		[colours]
		sky = "blue"
		[excludes]
		path = ["/etc/hosts"]
	END
	fails 0 "$WARNING $NIX/etc/nix-user-chroot/path-config.toml:1:2: \"colours\" is unknown and ignored" \
		"path-config.toml:4:1: \"path\" is unknown" -- inside test -e /etc/hosts
}

@test "TOML that we have no use for stops nothing; what is no TOML does" {
	config <<-'END'
		[meta]
		version = 1
		when = 2024-01-01 07:32:00Z
		x = { a = 1.5, b = [[1, 2], ["a"]], c.d = -inf }
		text = """
		several \
		    lines"""
		[[meta.list]]
		"quoted key" = 0xff_ff
		[[meta.list]]
	END
	run --separate-stderr inside true
	[ "$status" -eq 0 ]
	[ "$(grep -c . <<<"$stderr")" -eq 1 ]
	[[ $stderr = *'path-config.toml:1:2: "meta" is unknown and ignored'* ]]
	# sections may be written in every way that TOML allows
	printf 'excludes = { paths = ["%s/a"] }\nabsolute."%s/name" = "%s/empty/name"\n' "$TREE" "$NIX" "$TREE" | config
	[ "$(inside sh -c 'ls -A "$TREE/a"; cat "$TREE/empty/name"' 2>/dev/null)" = ours ]
	refused 'this is = not [ valid' 1:6 "expected '='"
	refused '[meta]\nx = 01\n' 2:5 "a number must not begin with 0"
	refused '[meta]\nx = 2023-02-29\n' 2:5 "there is no such date"
	refused '[meta]\nx = 1\nx = 2\n' 3:1 '"x" is already defined in line 2'
	refused '[meta]\nx = "\\q"\n' 2:6 "unknown escape"
	refused '[meta]\rx = 1\n' 1:7 "a carriage return"
}

@test "a file that cannot be read" {
	local file=$NIX/etc/nix-user-chroot/path-config.toml
	mkdir "$file"
	fails 125 "cannot read $file: it is not a regular file" -- inside true
	rmdir "$file"
	mkfifo "$file"
	fails 125 "cannot read $file: it is not a regular file" -- inside true
	rm "$file"
	ln -s nowhere "$file"
	fails 125 "cannot read $file: it is a symlink that leads nowhere" -- inside true
	rm "$file"
	# the config is a link into the store, as home-manager makes it
	printf '[absolute]\n"%s" = "/from/the/store"\n' "$NIX/name" >"$NIX/store/config"
	ln -s /nix/store/config "$file"
	[ "$(quietly cat /from/the/store)" = ours ]
}

@test "a file that may not be read" {
	require_user
	: | config
	chmod 0 "$NIX/etc/nix-user-chroot/path-config.toml"
	fails 125 "path-config.toml: Permission denied" "make it readable" -- inside true
}

@test "/run/opengl-driver/lib comes from the Nix directory" {
	[ ! -e /run/opengl-driver ] || skip "needs a host without a /run/opengl-driver"
	mkdir -p "$NIX/store/mesa/lib" "$NIX/var/nix/opengl-driver"
	echo driver >"$NIX/store/mesa/lib/libGL.so"
	ln -s /nix/store/mesa/lib "$NIX/var/nix/opengl-driver/lib"
	run --separate-stderr inside cat /run/opengl-driver/lib/libGL.so
	[ "$output" = driver ]
	[ -z "$stderr" ]
	# the other entries of /run are still there
	[ "$(inside ls -A /run | sort)" = "$({ ls -A /run; echo opengl-driver; } | sort)" ]
	# if the link leads nowhere, nothing is mounted
	rm -r "$NIX/store/mesa"
	[ "$(quietly sh -c 'test -e /run/opengl-driver || echo none')" = none ]
}

@test "/run/opengl-driver on a host that has its own" {
	mkdir -p "$NIX/var/nix/opengl-driver/lib"
	echo ours >"$NIX/var/nix/opengl-driver/lib/libGL.so"
	for prepare in \
		'mkdir -p run/opengl-driver/lib run/user; echo host >run/opengl-driver/lib/libGL.so' \
		'mkdir -p run/opengl-driver run/user; ln -s /usr/lib run/opengl-driver/lib' \
		'mkdir -p run/user; ln -s /nix/store/host-drivers run/opengl-driver' \
		'mkdir -p run; chmod 555 run' \
		'mkdir -p elsewhere/user; ln -s elsewhere run' \
		'true'; do
		run --separate-stderr on_host "$prepare" /program "$NIX" \
			cat /run/opengl-driver/lib/libGL.so
		[ "$output" = ours ]
		[ -z "$stderr" ]
	done
}

@test "1,000 excludes and mounts" {
	mkdir "$TREE/many"
	(cd "$TREE/many" && touch {501..1000} && printf '%s\n' {1..500} | xargs -n 1 sh -c 'echo x >"$0"')
	{
		echo '[excludes]'
		echo 'paths = ['
		printf "'$TREE/many/%s',\n" {1..500}
		echo ']'
		echo '[absolute]'
		for i in {501..1000}; do
			echo "'$TREE/many/$i' = '/many/$i'"
		done
	} | config
	[ "$(inside sh -c 'ls "$TREE/many" | wc -l; ls /many | wc -l; cat "$TREE/many/"*' 2>/dev/null)" = $'1000\n500' ]
}
