#!/usr/bin/env bats
#
# The runtime proot. Signals, exit statuses and the terminal must behave as in other runtimes. Also tests the PRoot
# that --install fetches where no other runtime works.
#
# With STATIC_DIST (see static.bash) the tests use the PRoot that scripts/build-static has made, else this host's.

# shellcheck disable=SC2016 # the inner shells expand
# shellcheck disable=SC2154 # bats sets output, stderr and their lines
# shellcheck disable=SC2030,SC2031 # a test's variables end with it, which is what is wanted

bats_require_minimum_version 1.5.0

load ../integration/common
load ../mirror/mirror
load ../integration/install

setup_file()
{
	:
}

teardown_file()
{
	:
}

# the_proot: print the path of the PRoot to be tested
the_proot()
{
	find "${STATIC_DIST:-/nowhere}/" -name "proot-*-$(uname -m)-linux" 2>/dev/null | grep . || type -P proot
}

setup()
{
	# as root, PRoot would make /nix on this host, and leave it behind when killed; runtimes.bats tests root in
	# another root directory
	[ "$(id -u)" -ne 0 ] || skip "not as root"
	entering
	NIX_USER_CHROOT_PROOT=$(the_proot) || skip 'needs proot'
	export NIX_USER_CHROOT_PROOT NIX_USER_CHROOT_RUNTIME=proot
}

teardown()
{
	mirror_stop
	if [ -n "${BIN:-}" ]; then
		PATH=/usr/bin:/bin
		remove_tree "$BIN"
	fi
	[ "$(id -u)" -eq 0 ] || leaving
}

# bare_host: from now on the only PRoot is the one in $RELEASE, no_namespaces runs a command where no other runtime
# works, and TARBALL is a Nix that installs at once
bare_host()
{
	REFUSE=${BUILD_DIR:-$BATS_TEST_DIRNAME/../..}/tests/refuse
	[ -x "$REFUSE" ] || skip 'needs tests/refuse: make test-programs'
	RELEASE=$SCRATCH/release
	# not below /tmp: the probe of PRoot has another directory in the place of /tmp
	BIN=$(mktemp -d /dev/shm/nix-user-chroot.XXXXXX)
	mkdir "$RELEASE"
	install -m 755 "$NIX_USER_CHROOT_PROOT" "$RELEASE/proot-5-$(uname -m)-linux"
	sums
	unset NIX_USER_CHROOT_PROOT NIX_USER_CHROOT_RUNTIME
	find /usr/bin /bin/ -mindepth 1 -maxdepth 1 ! -name proot -exec ln -sf -t "$BIN" {} +
	PATH=$BIN
	SYSTEM=$(uname -m)-linux
	export NIX_USER_CHROOT_RELEASES=$RELEASE SYSTEM
	tiny_release "$SCRATCH/site" 1.0.0
	TARBALL=$(echo "$SCRATCH"/site/nix-1.0.0/*.tar.xz)
	OURS=$HOME/.local/share/nix/var/nix-user-chroot/proot
}

sums()
{
	(cd "$RELEASE" && sha256sum -- proot-* >SHA256SUMS)
}

no_namespaces()
{
	"$REFUSE" unshare,clone,mount -- "$@"
}

# refused_there WORDS...: --install on such a host must fail with WORDS, and leave nothing behind
refused_there()
{
	fails 125 'it refuses unshare: Operation not permitted' "$@" -- \
		no_namespaces "$PROGRAM" --install --tarball "$TARBALL" --no-channel-add
	[ -z "$(ls -A "$HOME")" ]
}

install()
{
	command install "$@"
}

@test "proot: --install fetches one, by https, a derivation builds, and --uninstall leaves nothing" {
	[ -d "${RELEASES:-}" ] || skip 'needs RELEASES'
	bare_host
	mirror_start "$RELEASE"
	NIX_USER_CHROOT_RELEASES=$MIRROR_URL run -0 no_namespaces "$PROGRAM" --install --cacert "$MIRROR_CA" \
		--mirror "$RELEASES" --nix-version 2.26.3 --no-channel-add --no-modify-profile
	[[ $output == *"downloading proot-5-$(uname -m)-linux"$'\n'* ]]
	[ "$(mirror_requests "^GET /proot-5-$(uname -m)-linux ")" -eq 1 ]
	cmp "$OURS" "$RELEASE/proot-5-$(uname -m)-linux"
	grep -qx 'runtime proot' "${OURS%/*}/record"
	run -0 no_namespaces "$PROGRAM" --check
	[[ $output == *$'\n  proot                 works\n'* ]]
	run -0 no_namespaces "$HOME/.local/bin/nix" --version
	[[ $output == 'nix (Nix) 2.'* ]]
	run -0 --separate-stderr no_namespaces "$PROGRAM" -- nix-build --no-out-link --option substitute false -E '
		derivation { name = "x"; system = builtins.currentSystem; builder = "/bin/sh";
			args = [ "-c" "echo built > $out" ]; }'
	[ "$(no_namespaces "$PROGRAM" -- cat "$output")" = built ]
	# upgrade the installation
	run -0 no_namespaces "$PROGRAM" --install --mirror "$RELEASES" --force --no-channel-add
	grep -q '^complete 2.26.4 ' "${OURS%/*}/record"
	[ -x "$OURS" ]
	run -0 no_namespaces "$PROGRAM" --uninstall --yes
	[ -z "$(find "$HOME" -mindepth 1)" ]
}

@test "proot: --install fetches none where it need not, is told of another, or plans" {
	bare_host
	"$PROGRAM" --install --tarball "$TARBALL" --no-channel-add
	[ ! -e "$OURS" ]
	# the same home directory on a host that needs PRoot: running --install again fetches it
	fails 125 'also cannot use PRoot' 'and --install has fetched none' -- no_namespaces "$PROGRAM" -- nix --version
	run -0 no_namespaces "$PROGRAM" --install --tarball "$TARBALL" --no-channel-add --dry-run
	[[ $output == *"file://$RELEASE/proot-5-$(uname -m)-linux would be downloaded to $OURS"* ]]
	[ ! -e "$OURS" ]
	NIX_USER_CHROOT_PROOT=/nowhere run -125 no_namespaces "$PROGRAM" --install --tarball "$TARBALL"
	[ ! -e "$OURS" ]
	run -0 no_namespaces "$PROGRAM" --install --tarball "$TARBALL" --no-channel-add
	run -0 no_namespaces "$PROGRAM" -- nix --version
	[ "$output" = 'nix (Nix) 1.0.0' ]
	# a PRoot that another user could have replaced is not run
	chmod g+w "${OURS%/*}"
	fails 125 'and --install has fetched none' -- no_namespaces "$PROGRAM" --runtime=proot "${OURS%/var/*}" true
	chmod g-w "${OURS%/*}"
	"$PROGRAM" --uninstall --yes
	[ ! -e "$HOME/.local/share/nix" ]
}

@test "proot: --install runs none that is not what the release says, and says why the host refuses the rest" {
	bare_host
	printf '#!/bin/sh\n: >"%s"\nexit 1\n' "$SCRATCH/was-run" >"$RELEASE/proot-5-$(uname -m)-linux"
	fails 125 'SHA-256 mismatch for ' -- \
		no_namespaces "$PROGRAM" --install --tarball "$TARBALL" --no-channel-add
	[ -z "$(ls -A "$HOME")" ]
	[ ! -e "$SCRATCH/was-run" ]
	# a PRoot that does not work
	sums
	refused_there 'does not work here'
	sed -i "s/-$(uname -m)-/-sparc-/" "$RELEASE/SHA256SUMS"
	refused_there
	printf '%s  ../proot-5-%s-linux\n' "$(printf '%064d' 0)" "$(uname -m)" >"$RELEASE/SHA256SUMS"
	refused_there
	rm "$RELEASE/SHA256SUMS"
	refused_there "there is no release of nix-user-chroot at file://$RELEASE"
	NIX_USER_CHROOT_RELEASES=http://127.0.0.1:1 refused_there 'a hash that comes over plain http proves nothing'
	NIX_USER_CHROOT_RELEASES=ftp://127.0.0.1 refused_there 'which is no URL or directory of releases'
	fails 125 'cannot install with --runtime=proot: there is no proot on PATH' -- \
		"$PROGRAM" --runtime=proot --install --tarball "$TARBALL" --no-channel-add
}

# ends HOW COMMAND...: check how the program ends when it runs COMMAND. HOW is the result of Python's
# waitstatus_to_exitcode(): -N means "by signal N"
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
	# if PRoot itself fails, the program fails, too
	NIX_USER_CHROOT_PROOT=/bin/false run -1 "$PROGRAM" "$NIX" true
}

@test "proot: a signal to the process that was started reaches the command" {
	local signal pid

	for signal in HUP INT QUIT TERM USR1 USR2 ALRM; do
		# sh starts a background process with INT and QUIT ignored: undo this
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

# wait_for PID: wait for a child of this shell; "run wait" could not, because it runs in a subshell
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

# at_terminal COMMAND...: run an interactive shell by COMMAND at a terminal, and type ^C, ^Z and fg there
at_terminal()
{
	/usr/bin/python3 - "$PROGRAM $NIX" "$@" bash --rcfile "$HOME/rc" -i <<-'END'
		import os, pty, select, sys, time

		command = sys.argv[1]
		pid, terminal = pty.fork()
		if pid == 0:
		    os.execvp(sys.argv[2], sys.argv[2:])
		shown = b""

		# If nothing comes, AGAIN is typed once more: PRoot may lose a signal that reaches a process which
		# has just begun.
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

		# the terminal also shows what is typed: so the shell prints words that are not typed in this form
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
}

@test "proot: ^C, ^Z and fg at a terminal, within and around it" {
	local around tries

	printf "PS1='ready> '\nbind 'set enable-bracketed-paste off'\n" >"$HOME/rc"
	for around in '' "$PROGRAM $NIX"; do
		# PRoot itself sometimes loses a signal, and its processes then get no more signals: so try three
		# times
		for tries in 1 2 3; do
			# shellcheck disable=SC2086 # words
			run at_terminal $around
			[ "$status" -ne 0 ] || break
		done
		echo "$tries tries: $output"
		[ "$status" -eq 0 ]
	done
}
