#!/usr/bin/env bats
#
# The runtime proot: signals, ends and the terminal, which are to be what they are in other runtimes.

# shellcheck disable=SC2016 # the inner shells expand
# shellcheck disable=SC2154 # bats sets output, stderr and their lines

bats_require_minimum_version 1.5.0

load ../integration/common
load ../helpers

setup()
{
	# it would make /nix on this host and, killed, leave it; runtimes.bats has root's in a root of its own
	[ "$(id -u)" -ne 0 ] || skip "not as root"
	entering
	NIX_USER_CHROOT_PROOT=$(type -P proot) || skip 'needs proot'
	export NIX_USER_CHROOT_PROOT NIX_USER_CHROOT_RUNTIME=proot
}

teardown()
{
	[ "$(id -u)" -eq 0 ] || leaving
}

# ends HOW COMMAND...: HOW is what Python's waitstatus_to_exitcode() makes of it: -N is "by signal N"
ends()
{
	run -0 /usr/bin/python3 -c 'import os, sys
pid = os.fork()
if pid == 0:
    os.execvp(sys.argv[1], sys.argv[1:])
print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))' "$PROGRAM" "$NIX" "${@:2}"
	[ "${lines[-1]}" = "$1" ]
}

@test "proot: it ends as the command does, by its signal too" {
	ends 255 sh -c 'exit 255'
	ends -15 sh -c 'kill -TERM $$'
	ends -9 sh -c 'kill -KILL $$'
	ends -6 sh -c 'ulimit -c 0; kill -ABRT $$'
	ends 130 sh -c 'sh -c "kill -INT \$\$"; exit 130'
	# PRoot's own end is no success
	NIX_USER_CHROOT_PROOT=/bin/false run -1 "$PROGRAM" "$NIX" true
}

@test "proot: a signal to the process that was started reaches the command" {
	local signal pid

	for signal in HUP INT QUIT TERM USR1 USR2 ALRM; do
		# one that is started in the background by sh ignores INT and QUIT
		/usr/bin/python3 -c 'import os, signal, sys
for s in (signal.SIGINT, signal.SIGQUIT):
    signal.signal(s, signal.SIG_DFL)
os.execv(sys.argv[1], sys.argv[1:])' "$PROGRAM" "$NIX" \
			bash -c 'trap "echo got it >$1; kill %1; exit 9" "$2"; sleep 60 & : >$1.ready; wait' \
			bash "$HOME/$signal" "$signal" 3>&- &
		pid=$!
		wait_until 20 test -e "$HOME/$signal.ready"
		kill "-$signal" "$pid"
		run -9 wait_for "$pid"
		[ "$(cat "$HOME/$signal")" = 'got it' ]
	done
	run -124 timeout 1 "$PROGRAM" "$NIX" sleep 60
}

# wait_for PID: `run wait` would be in another shell, whose child it is not
wait_for()
{
	while [ -e "/proc/$1" ]; do
		sleep 0.05
	done
	return 9
}

@test "proot: SIGKILL to the process that was started leaves nothing of it" {
	local pid inside

	"$PROGRAM" "$NIX" sh -c 'echo $$ >"$HOME/pid.new"; mv "$HOME/pid.new" "$HOME/pid"; exec sleep 60' 3>&- &
	pid=$!
	wait_until 20 test -e "$HOME/pid"
	inside=$(cat "$HOME/pid")
	[ -e "/proc/$inside" ]
	kill -KILL "$pid"
	wait_until 20 test ! -e "/proc/$inside"
}

@test "proot: ^C, ^Z and fg at a terminal, within and around it" {
	local around

	printf "PS1='ready> '\nbind 'set enable-bracketed-paste off'\n" >"$HOME/rc"
	for around in '' "$PROGRAM $NIX"; do
		# shellcheck disable=SC2086 # words
		run -0 /usr/bin/python3 - "$PROGRAM $NIX" $around bash --rcfile "$HOME/rc" -i <<-'END'
			import os, pty, select, sys, time

			command = sys.argv[1]
			pid, terminal = pty.fork()
			if pid == 0:
			    os.execvp(sys.argv[2], sys.argv[2:])
			shown = b""

			# AGAIN is typed once more where nothing comes: PRoot may lose a signal that reaches
			# a process which has just begun
			def until(text, again=None):
			    global shown
			    end = time.monotonic() + 30
			    while text not in shown:
			        assert time.monotonic() < end, (text, shown)
			        if select.select([terminal], [], [], 2)[0]:
			            shown += os.read(terminal, 65536)
			        elif again:
			            type_in(again)
			    shown = shown[shown.index(text) + len(text):]

			def type_in(text):
			    os.write(terminal, text.encode())

			# what is printed is not what has been typed, which stands on the terminal too
			sleep = (f"{command} sh -c 'trap \"echo con$((1))tinued\" CONT; echo here$((1))we; "
			         "while :; do sleep 0.1; done'\r")
			until(b"ready> ")
			type_in(sleep)
			until(b"here1we")
			type_in("\x03")
			until(b"ready> ", again="\x03")
			type_in("echo status=$?\r")
			until(b"status=130\r\n")
			until(b"ready> ")
			type_in(sleep)
			until(b"here1we")
			type_in("\x1a")
			until(b"Stopped", again="\x1a")
			until(b"ready> ")
			type_in("fg\r")
			until(b"con1tinued")
			type_in("\x1a")
			until(b"Stopped", again="\x1a")
			until(b"ready> ")
			type_in("kill %1; fg; wait; jobs; echo none$((1))left\r")
			until(b"none1left")
			type_in("exit 5\r")
			assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 5
		END
	done
}
