#!/usr/bin/env bats
#
# Entering: the process that enters becomes the command, and everything but /nix is the same as outside.

# shellcheck disable=SC2016 # the inner shells expand
# shellcheck disable=SC2154 # bats sets output, stderr and status
# shellcheck disable=SC2030,SC2031 # each test is a shell of its own, and so is what it sets

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

@test "/nix is the Nix directory, and can be written" {
	[ "$(inside cat /nix/name)" = ours ]
	inside sh -c 'echo new >/nix/store/made-inside'
	[ "$(cat "$NIX/store/made-inside")" = new ]
}

@test "NIXPATH may be relative, a symlink, and have any name" {
	not_in direct "it is /nix"
	mkdir -p "$SCRATCH/odd"$'\n'" \377dir"
	echo odd >"$SCRATCH/odd"$'\n'" \377dir/name"
	ln -s ../nix "$HOME/link"
	[ "$("$PROGRAM" ../nix cat /nix/name)" = ours ]
	[ "$("$PROGRAM" link/ cat /nix/name)" = ours ]
	[ "$("$PROGRAM" "$SCRATCH/odd"$'\n'" \377dir" cat /nix/name)" = odd ]
	cd "$NIX"
	[ "$("$PROGRAM" . cat /nix/name)" = ours ]
}

@test "the exit status is the command's" {
	inside true
	run -1 inside false
	run -42 inside sh -c 'exit 42'
	run -255 inside sh -c 'exit 255'
}

@test "127 where the command is not found, 126 where it cannot be run, 125 where we failed" {
	touch plain
	printf '#!/no/such/interpreter\n' >script
	printf 'exit 9\n' >no-magic
	chmod +x script no-magic
	fails 127 "cannot run no-such-command inside: No such file" PATH -- inside no-such-command
	fails 127 "cannot run /no/such/command inside: No such file" -- inside /no/such/command
	fails 127 "cannot run ./plain/x inside: Not a directory" -- inside ./plain/x
	fails 127 "cannot run ./script inside" interpreter -- inside ./script
	fails 127 "cannot run  inside" -- inside ""
	fails 126 "cannot run ./plain inside: Permission denied" -- inside ./plain
	fails 126 "cannot run . inside" -- inside .
	fails 125 "cannot use /no/such/directory as /nix: No such file" -- \
		"$PROGRAM" /no/such/directory true
	# a script without "#!" is run by sh, as a shell does
	fails 9 -- inside ./no-magic
	printf 'echo "$#:$*"; exit 8\n' >no-magic
	mkdir -p first/no-magic second third
	touch second/no-magic
	cp no-magic third/
	PATH=$PWD/first:$PWD/second:$PWD/third:$PATH fails 8 "2:a  b c" -- inside no-magic "a  b" c
}

@test "a directory of PATH that may not be searched hides nothing and means nothing" {
	require_user
	mkdir closed
	chmod 0 closed
	PATH=$HOME/closed:$PATH inside true
	PATH=$HOME/closed:$PATH fails 127 "cannot run no-such-command" -- inside no-such-command
}

@test "a signal that ends the command ends the process" {
	/usr/bin/python3 - <<-'END'
		import os, signal, subprocess
		# scripts/check may run under nohup, which has SIGHUP ignored in every process below
		signal.signal(signal.SIGHUP, signal.SIG_DFL)
		for number in (signal.SIGTERM, signal.SIGKILL, signal.SIGSEGV, signal.SIGHUP):
		    words = [os.environ["PROGRAM"], os.environ["NIX"], "sh", "-c", f"kill -{number} $$"]
		    assert subprocess.run(words).returncode == -number, number
	END
}

@test "the process that enters becomes the command, and has no helper" {
	not_in proot "the command is its child"
	/usr/bin/python3 - <<-'END'
		import ctypes, os, subprocess
		# a process that loses its parent becomes our child: so we see every process that is left
		PR_SET_CHILD_SUBREAPER = 36
		assert ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0
		report = "import os; print(os.getpid(), os.getppid(), os.getpgrp(), os.getsid(0))"
		child = subprocess.Popen([os.environ["PROGRAM"], os.environ["NIX"],
		                          "/usr/bin/python3", "-c", report], stdout=subprocess.PIPE)
		said = child.stdout.read().decode().split()
		assert said == [str(n) for n in (child.pid, os.getpid(), os.getpgrp(), os.getsid(0))], said
		child.wait()
		try:
		    os.waitpid(-1, os.WNOHANG)
		    assert False, "a process is left"
		except ChildProcessError:
		    pass
	END
}

@test "user and groups are who they were" {
	[ "$(inside id -u)" = "$(id -u)" ]
	[ "$(inside id -g)" = "$(id -g)" ]
	touch made-outside
	[ "$(inside stat -c %u:%g made-outside)" = "$(id -u):$(id -g)" ]
	inside touch made-inside
	[ "$(stat -c %u:%g made-inside)" = "$(id -u):$(id -g)" ]
}

@test "supplementary groups keep counting" {
	not_in mountns "it is for root"
	require_root
	for_everybody
	mkdir shared
	chgrp 4242 shared
	chmod 2770 shared
	setpriv --reuid 12345 --regid 12345 --groups 4242 "$PROGRAM" "$NIX" touch shared/made
	[ -e shared/made ]
	fails 1 "Permission denied" -- setpriv --reuid 12345 --regid 12345 --clear-groups \
		"$PROGRAM" "$NIX" touch shared/more
}

@test "stdin, stdout and stderr are the command's alone" {
	printf 'a\0b\377' >bytes
	inside cat <bytes >copy
	cmp bytes copy
	run --separate-stderr inside sh -c 'echo out; echo err >&2'
	[ "$output" = out ]
	[ "$stderr" = err ]
	# a command that does not read all of stdin leaves the rest to the next command
	printf 'one\ntwo\n' | { inside sh -c 'read -r line; echo "$line"'; cat; } >lines
	[ "$(cat lines)" = $'one\ntwo' ]
}

@test "descriptors are as outside, closed ones too" {
	local list='import os; print(sorted(int(f) for f in os.listdir("/proc/self/fd")))'
	exec 7<name_of_nothing 2>/dev/null || true
	exec 8<"$NIX/name"
	[ "$(inside /usr/bin/python3 -c "$list")" = "$(/usr/bin/python3 -c "$list")" ]
	[ "$(inside cat <&8)" = ours ]
	exec 8<&-
	for redirection in '<&-' '2>&-' '<&- 2>&-'; do
		[ "$(eval "inside /usr/bin/python3 -c '$list' $redirection")" = \
			"$(eval "/usr/bin/python3 -c '$list' $redirection")" ]
	done
	eval 'inside sh -c "echo unheard" >&-' || true
	inside true <&- >&- 2>&-
}

@test "no file becomes stdin, stdout or stderr where these are closed" {
	command -v strace || skip "strace is needed"
	strace -f -o log -e trace=open,openat,openat2,dup,dup2,dup3,execve \
		"$PROGRAM" "$NIX" true <&- >&- 2>&-
	# from main() on; before it the dynamic linker opens its libraries
	sed '0,/"\/dev\/null".* = 2$/d; /execve(/,$d' log >own
	grep -q ' = [3-9]$' own
	awk '/ = [012]$/ { exit 1 }' own
}

@test "signal dispositions, mask and limits are as outside" {
	local look='grep -E "^Sig(Blk|Ign|Cgt)|^NoNewPrivs|^Threads" /proc/self/status; ulimit -a'
	# these runtimes set no_new_privs, so that nothing inside can gain a privilege
	case ${TEST_RUNTIME:-} in helper | proot) look=${look/|^NoNewPrivs/} ;; esac
	/usr/bin/python3 - "$look" <<-'END'
		import os, resource, signal, subprocess, sys
		def before():
		    signal.signal(signal.SIGINT, signal.SIG_IGN)
		    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
		    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1, signal.SIGCHLD})
		    resource.setrlimit(resource.RLIMIT_NOFILE, (100, 200))
		    os.nice(3)
		words = ["sh", "-c", sys.argv[1] + "; nice"]
		outside = subprocess.run(words, preexec_fn=before, capture_output=True)
		inside = subprocess.run([os.environ["PROGRAM"], os.environ["NIX"]] + words,
		                        preexec_fn=before, capture_output=True)
		assert inside.stdout and inside.stdout == outside.stdout, (inside, outside)
	END
}

@test "the umask is as outside, and does not harm what we make" {
	not_in direct "path-config.toml does not apply"
	not_in proot "path-config.toml does not apply"
	not_in helper "path-config.toml is refused"
	# the config changes / and /etc, so the program makes these directories itself
	config <<-END
		[excludes]
		paths = ["/etc/ssl"]
		[absolute]
		"$NIX/name" = "/new/directory/name"
		"/etc/hosts" = "/etc/new"
	END
	for mask in 0022 0077 0777; do
		umask "$mask"
		[ "$(inside sh -c umask)" = "$mask" ]
		[ "$(inside cat /new/directory/name)" = ours ]
		[ "$(inside stat -c %a / /etc /etc/ssl /new | sort -u)" = 755 ]
		umask 0022
	done
}

@test "the terminal is as outside, and Ctrl-C reaches the command" {
	not_in proot "it loses a Ctrl-C now and then: proot.bats has this, with three tries"
	/usr/bin/python3 - <<-'END'
		import fcntl, os, pty, signal, struct, termios
		report = """
		import os, signal
		signal.signal(signal.SIGINT, signal.SIG_DFL)
		print(os.ttyname(0), *os.get_terminal_size(), os.tcgetpgrp(0), flush=True)
		while True: signal.pause()
		"""
		signal.alarm(30)
		pid, master = pty.fork()
		if pid == 0:
		    fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 33, 77, 0, 0))
		    print(os.ttyname(0), 77, 33, os.getpid(), flush=True)
		    os.execv(os.environ["PROGRAM"], [os.environ["PROGRAM"], os.environ["NIX"],
		                                     "/usr/bin/python3", "-c", report])
		text = b""
		while text.count(b"\n") < 2:
		    text += os.read(master, 4096)
		outside, inside = text.split(b"\r\n")[:2]
		assert outside == inside, text
		os.write(master, b"\x03")
		_, status = os.waitpid(pid, 0)
		assert os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGINT, status
	END
}

@test "job control works inside: stop and continue" {
	not_in proot "the command is its child"
	/usr/bin/python3 - <<-'END'
		import os, signal, subprocess
		child = subprocess.Popen([os.environ["PROGRAM"], os.environ["NIX"], "sh", "-c",
		                          "kill -STOP $$; exit 7"])
		_, status = os.waitpid(child.pid, os.WUNTRACED)
		assert os.WIFSTOPPED(status), status
		os.kill(child.pid, signal.SIGCONT)
		_, status = os.waitpid(child.pid, 0)
		assert os.WIFEXITED(status) and os.WEXITSTATUS(status) == 7, status
	END
}

@test "the working directory is as outside" {
	for directory in "$HOME" / /usr "$NIX/store" "$SCRATCH/sp ace"$'\n'; do
		mkdir -p "$directory" && cd "$directory"
		[ "$(inside pwd -P; echo x)" = "$(pwd -P; echo x)" ]
	done
	not_in proot "links in its path are resolved"
	ln -s "$NIX" "$SCRATCH/link"
	cd "$SCRATCH/link"
	[ "$(inside sh -c pwd)" = "$SCRATCH/link" ]
}

@test "a working directory that is gone: HOME, else /, with a warning" {
	mkdir gone
	cd gone
	rmdir "$HOME/gone"
	run --separate-stderr inside pwd
	[ "$output" = "$HOME" ]
	[[ $stderr = *"warning: the working directory cannot be reached inside: No such file or directory; starting in $HOME" ]]
	run --separate-stderr env -u HOME "$PROGRAM" "$NIX" pwd
	[ "$output" = / ]
	run --separate-stderr env HOME=/no/such "$PROGRAM" "$NIX" pwd
	[ "$output" = / ]
	run --separate-stderr "$PROGRAM" -q "$NIX" pwd
	[ "$output" = "$HOME" ]
	[ -z "$stderr" ]
}

@test "with NIXPATH the environment is left alone, but for NIX_CONF_DIR and NIX_USER_CHROOT" {
	# variables with odd names and an empty value come through, too
	local words=(env -i "A=1" "EMPTY=" "odd name=x"$'\n'"y" "PATH=$PATH" "HOME=$HOME" "LC_ALL=C")
	mkdir -p .nix-profile/bin
	"${words[@]}" env -0 | sort -z >outside
	"${words[@]}" "$PROGRAM" "$NIX" env -0 | sort -z >inside
	printf '%s\0' NIX_CONF_DIR=/nix/etc/nix NIX_USER_CHROOT="$NIX" | sort -z outside - >expected
	cmp expected inside
	[ "$(NIX_CONF_DIR=/mine inside printenv NIX_CONF_DIR)" = /mine ]
	# an empty value counts as unset; and the host's /etc/nix is not meant for this Nix directory
	[ "$(NIX_CONF_DIR='' inside printenv NIX_CONF_DIR)" = /nix/etc/nix ]
	[ "$(NIX_CONF_DIR=/etc/nix inside printenv NIX_CONF_DIR)" = /nix/etc/nix ]
}

@test "with the default directory the profile is put on PATH, once" {
	export NIX_USER_CHROOT_DIR=$NIX PATH=/usr/bin:/bin
	[ "$("$PROGRAM" -- printenv PATH)" = "$PATH" ]
	# PATH has the profile if the profile exists inside: it is in a store that does not exist outside
	mkdir -p "$NIX/store/p/bin"
	ln -s /nix/store/p .nix-profile
	[ "$("$PROGRAM" -- printenv PATH)" = "$HOME/.nix-profile/bin:/usr/bin:/bin" ]
	PATH=/usr/bin:$HOME/.nix-profile/bin:/bin
	[ "$("$PROGRAM" -- printenv PATH)" = "$PATH" ]
	[ "$("$PROGRAM" "$NIX" printenv PATH)" = "$PATH" ]
	# not with PRoot, which needs PATH to be found itself
	[ "${TEST_RUNTIME:-}" = proot ] ||
		[ "$(env -u PATH "$PROGRAM" -- /usr/bin/printenv PATH)" = "$HOME/.nix-profile/bin:/bin:/usr/bin" ]
	# the command is looked for in the profile, too
	printf '#!/bin/sh\necho from the profile\n' >"$NIX/store/p/bin/hello"
	chmod +x "$NIX/store/p/bin/hello"
	[ "$(PATH=/usr/bin:/bin "$PROGRAM" -- hello)" = "from the profile" ]
}

@test "with the default directory: the profile of use-xdg-base-directories" {
	export NIX_USER_CHROOT_DIR=$NIX PATH=/usr/bin:/bin
	mkdir -p .local/state/nix "$NIX/store/xdg/bin" "$NIX/store/usual/bin" "$SCRATCH/state/nix"
	ln -s /nix/store/xdg .local/state/nix/profile
	[ "$("$PROGRAM" -- printenv PATH)" = "$HOME/.local/state/nix/profile/bin:/usr/bin:/bin" ]
	ln -s /nix/store/xdg "$SCRATCH/state/nix/profile"
	[ "$(XDG_STATE_HOME=$SCRATCH/state "$PROGRAM" -- printenv PATH)" = \
		"$SCRATCH/state/nix/profile/bin:/usr/bin:/bin" ]
	ln -s /nix/store/usual .nix-profile
	[ "$("$PROGRAM" -- printenv PATH)" = "$HOME/.nix-profile/bin:/usr/bin:/bin" ]
}

@test "with the default directory: certificates for Nix" {
	not_in direct "the hosts made here have no /nix"
	not_in helper "on the hosts made here we are root"
	local ssl=/etc/ssl/certs ask='printenv NIX_SSL_CERT_FILE || echo none'
	[ -d "$ssl" ] || skip "needs a host with $ssl"
	unset SSL_CERT_FILE
	export NIX_USER_CHROOT_DIR=$NIX
	local bare="mount -t tmpfs tmpfs etc/ssl"
	# in this place Nix finds the certificates itself
	[ "$(on_host "$bare; mkdir etc/ssl/certs; echo x >etc/ssl/certs/ca-certificates.crt" \
		/program -- sh -c "$ask")" = none ]
	[ "$(on_host "$bare" /program -- sh -c "$ask")" = none ]
	[ "$(on_host "$bare; echo x | tee etc/ssl/cert.pem >etc/ssl/ca-bundle.pem" \
		/program -- sh -c "$ask")" = /etc/ssl/ca-bundle.pem ]
	# a dangling link is no certificate file, nor is an empty file
	[ "$(on_host "$bare; echo x >etc/ssl/cert.pem; ln -s nowhere etc/ssl/ca-bundle.pem
		mkdir etc/ssl/certs; touch etc/ssl/certs/ca-certificates.crt" \
		/program -- sh -c "$ask")" = /etc/ssl/cert.pem ]
	mkdir -p "$NIX/store/p/bin" "$NIX/store/p/etc/ssl/certs"
	ln -s /nix/store/p .nix-profile
	echo x >"$NIX/store/p/etc/ssl/certs/ca-bundle.crt"
	# the host's certificates come before the profile's, as for --install, because they may contain a proxy's CA
	[ "$(on_host "$bare; echo x >etc/ssl/cert.pem" /program -- sh -c "$ask")" = /etc/ssl/cert.pem ]
	[ "$(on_host "$bare" /program -- sh -c "$ask")" = \
		"$HOME/.nix-profile/etc/ssl/certs/ca-bundle.crt" ]
	# variables that the caller has set are kept, and with NIXPATH nothing is set
	[ "$(on_host "$bare" env NIX_SSL_CERT_FILE=/mine /program -- sh -c "$ask")" = /mine ]
	[ "$(on_host "$bare" env SSL_CERT_FILE=/mine /program -- sh -c "$ask")" = none ]
	[ "$(on_host "$bare" /program "$NIX" sh -c "$ask")" = none ]
}

# shell_says SHELL TEXT: give TEXT to SHELL as the login shell of the default directory, and print its output
shell_says()
{
	echo "$2" | SHELL=$1 "$PROGRAM"
}

@test "with the default directory a login shell has the profile on PATH, whatever its files set" {
	export NIX_USER_CHROOT_DIR=$NIX PATH=/usr/bin:/bin USER=me
	local bin=$HOME/it\'s/.nix-profile/bin shell first='echo "${PATH%%:*}"'
	# a home directory whose name has to be quoted
	mkdir "it's"
	HOME="$HOME/it's"
	cd
	printf '#!/bin/sh\necho from the profile\n' >"$SCRATCH/hello"
	chmod +x "$SCRATCH/hello"
	# without a profile the program does nothing, and the shell is a login shell
	[ "$(shell_says /bin/sh 'echo $0')" = -sh ]
	mkdir -p "$NIX/store/p/bin"
	mv "$SCRATCH/hello" "$NIX/store/p/bin"
	ln -s /nix/store/p .nix-profile
	for shell in /bin/sh /bin/dash /bin/bash /bin/zsh /bin/ksh /bin/mksh; do
		[ -x "$shell" ] || continue
		# without startup files of the shell's own: /etc/profile may have set PATH
		rm -f .profile .zprofile
		[ "$(shell_says "$shell" hello)" = "from the profile" ]
		printf 'PATH=/bin; export PATH; MARK=read; export MARK; set -- odd words; umask 027\n' |
			tee .zprofile >.profile
		[ "$(shell_says "$shell" "$first; hello; echo \$MARK \$#; umask -S" | tr '\n' ' ')" = \
			"$bin from the profile read 0 u=rwx,g=rx,o= " ]
		# the profile is put on PATH once, even if a startup file adds it in a way that cannot be foreseen
		# from outside
		echo 'x=.nix-; PATH="/bin:$HOME/${x}profile/bin"; export PATH' | tee .zprofile >.profile
		[ "$(shell_says "$shell" 'echo "$PATH"')" = "/bin:$bin" ]
		# with NIXPATH the program leaves the environment to the shell
		echo 'PATH=/bin; export PATH' | tee .zprofile >.profile
		[ "$(echo 'echo "$0 $PATH"' | SHELL=$shell inside)" = "-${shell##*/} /bin" ]
	done
	# the shell is the process that entered, and its exit status is the program's
	fails 7 -- sh -c 'echo "exit 7" | "$PROGRAM"'
}

@test "a startup file that speaks of the profile is left to it: one login shell" {
	export NIX_USER_CHROOT_DIR=$NIX PATH=/usr/bin:/bin USER=me
	mkdir -p "$NIX/store/p/bin" "$NIX/store/p/etc/profile.d"
	echo 'PATH=$HOME/.nix-profile/bin:$PATH' >"$NIX/store/p/etc/profile.d/nix.sh"
	ln -s /nix/store/p .nix-profile
	echo 'echo startup; . ~/.nix-profile/etc/profile.d/nix.sh' >.profile
	for shell in /bin/sh /bin/bash; do
		[ "$(shell_says "$shell" 'echo "$0 ${PATH%%:*}"')" = \
			"startup"$'\n'"-${shell##*/} $HOME/.nix-profile/bin" ]
	done
	# the startup file of Nix does nothing if USER is unset, or if the file does not exist
	[ "$(unset USER; shell_says /bin/sh 'echo "$0"')" = $'startup\n/bin/sh' ]
	# a comment does not count, nor does a file that this shell does not read
	sed -i 's/^/# /' .profile
	[ "$(shell_says /bin/bash 'echo "$0 ${PATH%%:*}"')" = "/bin/bash $HOME/.nix-profile/bin" ]
	echo '. ~/.nix-profile/etc/profile.d/nix.sh' >.profile
	echo 'PATH=/bin' >.bash_login
	[ "$(shell_says /bin/bash 'echo "$0 ${PATH%%:*}"')" = "/bin/bash $HOME/.nix-profile/bin" ]
}

@test "a login shell of the default directory on a terminal is interactive" {
	export NIX_USER_CHROOT_DIR=$NIX PATH=/usr/bin:/bin
	mkdir -p "$NIX/store/p/bin"
	ln -s /nix/store/p .nix-profile
	echo 'echo "rc $-"' >.bashrc
	echo 'echo "profile $-"' >.bash_profile
	SHELL=/bin/bash /usr/bin/python3 - <<-'END'
		import os, pty, signal
		signal.alarm(30)
		pid, master = pty.fork()
		if pid == 0:
		    os.execv(os.environ["PROGRAM"], [os.environ["PROGRAM"]])
		os.write(master, b"case $- in *i*) echo inter''active ${PATH%%:*};; esac; exit 5\n")
		text = b""
		try:
		    while True:
		        text += os.read(master, 4096)
		except OSError:
		    pass
		_, status = os.waitpid(pid, 0)
		assert os.WEXITSTATUS(status) == 5, (status, text)
		wanted = "interactive " + os.environ["HOME"] + "/.nix-profile/bin"
		assert wanted.encode() in text, text
		assert text.count(b"profile h") == 1 and text.count(b"rc h") == 1, text
	END
}

@test "nothing is left in /, in TMPDIR or in the mount table" {
	find / -mindepth 1 -maxdepth 1 | sort >root.before
	cat /proc/self/mountinfo >mounts.before
	[ "${TEST_RUNTIME:-}" = helper ] || config <<-END
		[excludes]
		paths = ["/etc/hosts"]
		[absolute]
		"$NIX/name" = "/new/name"
	END
	inside true
	run -127 inside no-such-command
	find / -mindepth 1 -maxdepth 1 | sort | cmp root.before -
	# other tests mount only in namespaces of their own
	cmp mounts.before /proc/self/mountinfo
	[ -z "$(ls -A "$TMPDIR")" ]
	[ "$(ls -A "$NIX")" = $'etc\nname\nstore' ]
}

@test "nothing of ours can be written inside" {
	not_in direct "/ is that of the host"
	not_in proot "/ is that of the host"
	fails 1 "Read-only file system" -- inside mkdir /new
	fails 1 "Read-only file system" -- inside touch /new
	run -1 inside sh -c 'ls -A / | grep old-root'
}

@test "entering twice and three times" {
	not_in direct "there is no other than /nix"
	not_in proot "it nests once: two of them in one another crash"
	not_in helper "it does not nest"
	mkdir -p "$SCRATCH/b" "$SCRATCH/c"
	echo b >"$SCRATCH/b/name"
	echo c >"$SCRATCH/c/name"
	[ "$(inside "$PROGRAM" "$SCRATCH/b" cat /nix/name)" = b ]
	[ "$(inside "$PROGRAM" "$SCRATCH/b" "$PROGRAM" "$SCRATCH/c" cat /nix/name)" = c ]
	[ "$(inside "$PROGRAM" "$SCRATCH/b" "$PROGRAM" "$NIX" cat /nix/name)" = ours ]
}

@test "NIXPATH in the /nix of the chroot we are in" {
	not_in direct "there is no other than /nix"
	not_in helper "it does not nest"
	mkdir -p "$NIX/inner/store"
	echo inner >"$NIX/inner/name"
	[ "$(inside "$PROGRAM" /nix/inner cat /nix/name)" = inner ]
}

@test "already inside: the same directory needs no second namespace" {
	not_in direct "it has no namespace"
	not_in proot "it has no namespace"
	not_in mountns "a user namespace is not changed"
	local ns='readlink /proc/self/ns/mnt /proc/self/ns/user'
	run --separate-stderr inside sh -c "$ns; exec '$PROGRAM' -v '$NIX' sh -c '$ns; cat /nix/name'"
	[ "$status" -eq 0 ]
	[ "${lines[0]} ${lines[1]}" = "${lines[2]} ${lines[3]}" ]
	[ "${lines[4]}" = ours ]
	[ "$stderr" = "nix-user-chroot: $NIX is /nix already: no second namespace is needed" ]
	# the same by another path of the directory
	run --separate-stderr inside sh -c "$ns; exec '$PROGRAM' /nix sh -c '$ns'"
	[ "${lines[0]} ${lines[1]}" = "${lines[2]} ${lines[3]}" ]
	[ -z "$stderr" ]
	[ "${TEST_RUNTIME:-}" != helper ] || return 0
	# another Nix directory gets a namespace inside the first
	mkdir "$SCRATCH/b"
	run inside sh -c "$ns; exec '$PROGRAM' '$SCRATCH/b' sh -c '$ns'"
	[ "${lines[0]}" != "${lines[2]}" ]
	[ "${lines[1]}" != "${lines[3]}" ]
}

@test "already inside: exit status, working directory and login shell are the same" {
	fails 127 "cannot run no-such-command" -- inside "$PROGRAM" "$NIX" no-such-command
	[ "$(inside "$PROGRAM" "$NIX" pwd)" = "$HOME" ]
	[ "$(echo 'echo $0' | inside "$PROGRAM" "$NIX")" = -sh ]
}

@test "user namespaces work inside, with a proc of their own" {
	[ "$(sandbox_here)" = true ] || skip "needs a host that lets user namespaces be nested, and mount a proc"
	[ "$(inside unshare --user --map-root-user --mount id -u)" = 0 ]
	inside unshare --user --map-root-user --mount --pid --fork --mount-proc true
}

@test "bubblewrap works inside" {
	not_in proot "it has mounts of its own"
	command -v bwrap >/dev/null || skip "needs bubblewrap"
	[ "$(sandbox_here)" = true ] || skip "needs a host that lets user namespaces be nested, and mount a proc"
	[ "$(inside bwrap --ro-bind / / --dev /dev --proc /proc --tmpfs /tmp --unshare-all \
		cat /nix/name)" = ours ]
}

@test "the process that enters maps libc alone" {
	[ -e "$(dirname "$PROGRAM")/nix-user-chroot-install" ] ||
		skip "needs the default build (this is the single-file one, or has no installer)"
	run -1 sh -c 'ldd "$PROGRAM" | grep -E "curl|archive|crypto|ssl"'
	# LD_DEBUG: the loader lists every file that it maps, from the first instruction to the exec
	LD_DEBUG=files LD_DEBUG_OUTPUT=$SCRATCH/loaded inside /bin/true
	[ -n "$(cat "$SCRATCH"/loaded.*)" ] || skip "needs glibc's loader"
	run -1 grep -E 'lib(curl|archive|crypto|ssl)' "$SCRATCH"/loaded.*
	run -1 inside grep -E 'lib(curl|archive|crypto|ssl)' /proc/self/maps
}

@test "a uid without a passwd entry works" {
	not_in mountns "it is for root"
	require_root
	for_everybody
	setpriv() { command setpriv --reuid 12345 --regid 12345 --clear-groups env -u USER "$@"; }
	[ "$(setpriv "$PROGRAM" "$NIX" id -u)" = 12345 ]
	[ "$(echo 'echo $0' | setpriv -u SHELL "$PROGRAM" "$NIX")" = -sh ]
	# a user without a name has no profile; everything else works
	config <<-END
		[profile]
		"x" = "/y"
	END
	fails 0 "no profile of user (unknown)" -- setpriv "$PROGRAM" "$NIX" true
}

@test "a login shell by default: SHELL, the passwd entry's, /bin/sh" {
	ln -s /bin/sh my-shell
	printf '#!/bin/sh\necho script "$0" "$#"\n' >script
	chmod +x script
	[ "$(echo 'echo $0 $#' | inside)" = "-sh 0" ]
	[ "$(echo 'echo $0' | SHELL=$HOME/my-shell inside)" = -my-shell ]
	[ "$(SHELL=$HOME/script inside)" = "script $HOME/script 0" ]
	local passwd
	passwd=$(getent passwd "$(id -u)" | cut -d: -f7)
	[ -x "$passwd" ] || passwd=/bin/sh
	# a relative SHELL is ignored, too: it would be another program in another directory
	printf '#!/bin/sh\necho relative\n' >shell
	chmod +x shell
	for shell in "" /no/such/shell "$HOME" shell ./shell; do
		[ "$(echo 'echo $0' | SHELL=$shell inside)" = "-${passwd##*/}" ]
	done
	[ "$(echo 'echo $0' | env -u SHELL "$PROGRAM" "$NIX")" = "-${passwd##*/}" ]
}

@test "the default directory: variables, and what comes without any" {
	not_in direct "it is /nix"
	export XDG_DATA_HOME=$SCRATCH/data
	mkdir -p "$XDG_DATA_HOME/nix/store" .local/share/nix/store
	echo data >"$XDG_DATA_HOME/nix/name"
	echo local >.local/share/nix/name
	[ "$("$PROGRAM" -- cat /nix/name)" = data ]
	[ "$(NIX_USER_CHROOT_DIR=$NIX "$PROGRAM" -- cat /nix/name)" = ours ]
	[ "$(env -u XDG_DATA_HOME "$PROGRAM" -- cat /nix/name)" = local ]
	[ "$(echo 'cat /nix/name' | "$PROGRAM")" = data ]
	[ "$(echo 'echo $0' | "$PROGRAM")" = -sh ]
	unset XDG_DATA_HOME
	rm -r .local
	mkdir -p .data/nix/store
	[ "$("$PROGRAM" -- echo found)" = found ]
}

@test "no store in the default directory: says so and names --install" {
	not_in direct "it is /nix"
	local message="Nix is not installed yet: there is no store in"
	fails 125 "$message $HOME/.local/share/nix" "nix-user-chroot --install" -- "$PROGRAM"
	mkdir -p .local/share/nix
	fails 125 "$message $HOME/.local/share/nix" "--install" -- "$PROGRAM" -- true
	# a directory that is named on the command line needs no store
	"$PROGRAM" .local/share/nix true
}

@test "bad input: one message, status 125" {
	not_in direct "what is not /nix is refused first"
	touch file
	ln -s nowhere dangling
	ln -s loop loop
	fails 125 "cannot use file as /nix: Not a directory" "NIXPATH must be a directory" -- \
		"$PROGRAM" file true
	fails 125 "cannot use dangling as /nix: No such file" -- "$PROGRAM" dangling true
	fails 125 "cannot use loop as /nix: " "NIXPATH must be a directory that" -- "$PROGRAM" loop true
	fails 125 "NIXPATH is an empty word" -- "$PROGRAM" "" true
	fails 125 "unknown option --no-such" "nix-user-chroot --help lists the options" -- "$PROGRAM" --no-such
	fails 125 "did you mean --version?" -- "$PROGRAM" --versoin
	fails 125 "cannot use install as /nix" "did you mean nix-user-chroot --install?" -- \
		"$PROGRAM" install
	fails 125 "cannot use unistall as /nix" "did you mean nix-user-chroot --uninstall?" -- \
		"$PROGRAM" unistall
	fails 125 "cannot use sh as /nix" "did you mean nix-user-chroot -- sh?" -- "$PROGRAM" sh -c true
	fails 125 "cannot use nix-shell as /nix" "did you mean nix-user-chroot -- nix-shell?" -- \
		env PATH=/nowhere "$PROGRAM" nix-shell
	fails 125 "cannot use /bin/sh as /nix: Not a dir" "did you mean nix-user-chroot -- /bin/sh?" -- \
		"$PROGRAM" /bin/sh
	fails 125 "cannot use nothing as /nix" "make the directory first" -- "$PROGRAM" nothing
	# an existing directory is taken as NIXPATH, whatever its name is
	mkdir -p sh/store
	"$PROGRAM" sh true
	fails 125 "unknown option -x" -- "$PROGRAM" -x "$NIX" true
	fails 125 "option --mirror goes with --install" -- "$PROGRAM" --mirror m "$NIX" true
	fails 125 "HOME is not set" "set HOME, or NIX_USER_CHROOT_DIR" -- env -u HOME "$PROGRAM"
	fails 125 "HOME is not an absolute path" -- env HOME=x "$PROGRAM" -- true
	fails 125 "NIX_USER_CHROOT_DIR is x, which is not an absolute path" -- \
		env NIX_USER_CHROOT_DIR=x "$PROGRAM" -- true
	[ -z "$(ls -A "$TMPDIR")" ]
}

@test "usage goes to stderr, help and version to stdout" {
	run --separate-stderr "$PROGRAM" --no-such
	[ -z "$output" ]
	run --separate-stderr "$PROGRAM" --help
	[ "$status" -eq 0 ]
	[[ $output = "usage: nix-user-chroot"* ]]
	[ -z "$stderr" ]
	for command in --install --uninstall --check; do
		run --separate-stderr "$PROGRAM" "$command" --help
		[ "$status" -eq 0 ]
		[[ $output = "usage: nix-user-chroot $command"* ]]
		[ -z "$stderr" ]
	done
	run --separate-stderr "$PROGRAM" --version
	[ "$status" -eq 0 ]
	[[ ${lines[0]} =~ ^nix-user-chroot\ [0-9]+\.[0-9]+\.[0-9]+$ ]]
	[[ $output == *$'\n''Home page: https://'*$'\n''Report bugs at: https://'*/issues ]]
	run --separate-stderr "$PROGRAM" --help
	[[ ${lines[-1]} == *https://* ]]
	for option in --help --version --print-path-config; do
		fails 125 "cannot write to stdout: No space left on device" -- \
			sh -c '"$0" "$1" >/dev/full' "$PROGRAM" "$option"
	done
}

@test "a NIXPATH that may not be searched" {
	not_in direct "what is not /nix is refused first"
	require_user
	mkdir -p closed/nix
	chmod 0 closed
	fails 125 "cannot use closed/nix as /nix: Permission denied" "you may search" -- \
		"$PROGRAM" closed/nix true
	fails 125 "cannot use $HOME/closed as /nix: Permission denied" -- \
		env NIX_USER_CHROOT_DIR="$HOME/closed" "$PROGRAM"
	fails 125 "cannot use closed as /nix: Permission denied" -- "$PROGRAM" closed true
}

@test "a NIXPATH that may be searched and not read" {
	require_user
	not_in helper "it wants a directory that the caller may write to"
	chmod 111 "$NIX"
	[ "$(inside cat /nix/name)" = ours ]
}

@test "a host that refuses user namespaces: which switch to look at" {
	fails 125 "cannot create a user and mount namespace: No space left on device" \
		user.max_user_namespaces -- env NIX_USER_CHROOT_RUNTIME=userns unshare --user --map-root-user \
		sh -c 'echo 0 >/proc/sys/user/max_user_namespaces; exec "$PROGRAM" "$NIX" true'
	fails 125 "cannot create a user and mount namespace: No space left on device" \
		user.max_mnt_namespaces -- env NIX_USER_CHROOT_RUNTIME=userns unshare --user --map-root-user \
		sh -c 'echo 0 >/proc/sys/user/max_mnt_namespaces; exec "$PROGRAM" "$NIX" true'
}

@test "odd words for how much is said keep nobody from entering" {
	not_in direct "nothing is mounted"
	not_in proot "nothing is mounted"
	not_in helper "a privileged program tells of no mounts"
	run --separate-stderr env NIX_USER_CHROOT_QUIET=maybe NIX_USER_CHROOT_VERBOSE=3 \
		"$PROGRAM" --new-namespace "$NIX" true
	[ "$status" -eq 0 ]
	[[ $stderr = "nix-user-chroot: warning: NIX_USER_CHROOT_QUIET is \"maybe\", which is ignored"* ]]
	[[ $stderr = *"nix-user-chroot: bind /nix"* ]]
}

@test "-v has little to say, -vv every mount, -q nothing" {
	local shown="nix-user-chroot: runtime: ${TEST_RUNTIME:-userns}"

	run --separate-stderr "$PROGRAM" -v "$NIX" true
	# what the system's configuration of ssh includes is told, too
	stderr=$(grep -v 'is a copy of your own inside, so that ssh accepts it$' <<<"$stderr")
	# the message names the helper's or PRoot's program, if there is one
	[[ $stderr == "$shown" || ($stderr == "$shown, /"* && ${TEST_RUNTIME:-} =~ ^(helper|proot)$) ]]
	run -127 --separate-stderr "$PROGRAM" -q "$NIX" no-such-command
	[[ $stderr = *"cannot run no-such-command"* ]]
	not_in direct "nothing is mounted"
	not_in proot "nothing is mounted"
	not_in helper "a privileged program tells of no mounts"
	run --separate-stderr "$PROGRAM" -vv --new-namespace "$NIX" true
	[[ $stderr = *"nix-user-chroot: bind /usr from /usr"* ]]
	[[ $stderr = *"nix-user-chroot: bind /nix"* ]]
}

@test "options end at NIXPATH; a dash word behind it is the command's" {
	[ "$(inside printf '%s' --help)" = --help ]
	[ "$("$PROGRAM" "$NIX" -- printf '%s' -v)" = -v ]
	[ "$(inside sh -c 'echo "$@"' sh -q --version --)" = "-q --version --" ]
}
