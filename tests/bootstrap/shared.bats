#!/usr/bin/env bats
#
# One Nix for all colleagues: the recipe of scripts/README as two users, with the real program and a real Nix. The
# users are user IDs that have no account here. The text of the recipe is read from that page; /proj/tools is
# replaced by a directory of the test, and anna by the keeper's user ID. All tests use one installation.

# shellcheck disable=SC2016 # the inner shells expand what stands in single quotes
# shellcheck disable=SC2154 # bats sets output, stderr, status and lines
# shellcheck disable=SC2030,SC2031 # a test's variables end with it, which is what is wanted

bats_require_minimum_version 1.5.0
load ../mirror/mirror.bash
load bootstrap.bash

KEEPER=12345
COLLEAGUE=64321
GROUP=12346

setup_file()
{
	local root=$BATS_FILE_TMPDIR/mirror memory=/dev/shm

	bats_require_minimum_version 1.5.0
	export PLACE TOOLS OF_KEEPER OF_COLLEAGUE
	real_program
	if [ -z "$PROGRAM" ] || [ "$(id -u)" -ne 0 ]; then
		return 0
	fi
	# a place that other users can reach, and run programs from
	[[ ,$(findmnt -n -o OPTIONS /dev/shm), != *,noexec,* ]] || memory=/tmp
	PLACE=$(mktemp -d $memory/nix-user-chroot.XXXXXX)
	TOOLS=$PLACE/proj/tools
	chmod 755 "$PLACE"
	mkdir -p "$TOOLS" "$PLACE"/{keeper,colleague,nixpkgs}
	chown $KEEPER:$GROUP "$TOOLS" "$PLACE/keeper"
	chown $COLLEAGUE:$COLLEAGUE "$PLACE/colleague"
	chmod 700 "$PLACE/keeper" "$PLACE/colleague"
	cat >"$PLACE/nixpkgs/default.nix" <<-'END'
		let
		  script = name: derivation {
		    inherit name;
		    system = builtins.currentSystem;
		    builder = "/bin/sh";
		    args = [ "-c" ''
		      /bin/mkdir -p $out/bin
		      printf '#!/bin/sh\necho this is ${name}\n' >$out/bin/${name}
		      /bin/chmod +x $out/bin/${name}
		    '' ];
		  };
		in { hello = script "hello"; other = script "other"; }
	END
	mkdir -p "$root/program"
	cp -r --reflink=auto "$RELEASES/." "$root"
	cp "$PROGRAM" "$root/program/nix-user-chroot-0.0.0-$ARCH-linux"
	cp "$SCRIPTS/install.sh" "$root/program"
	sums "$root/program"
	mirror_start "$root"
	export NIX_USER_CHROOT_RELEASES=${MIRROR_URL/127.0.0.1/localhost}/program
	cp "$MIRROR_CA" "$PLACE/ca.pem"
	chmod -R a+rX "$PLACE/nixpkgs" "$PLACE/ca.pem"
	OF_KEEPER=$(shared 'The keeper, anna' | grep '^export')
	OF_COLLEAGUE=$(shared 'Each colleague, in')
	keeper "$(shared 'The keeper, anna')"
	ln -s "$PLACE/nixpkgs" "$PLACE/keeper/.nix-defexpr/nixpkgs"
	keeper "$(shared 'To share a program')"
}

teardown_file()
{
	[ -n "${PLACE-}" ] || return 0
	mirror_stop
	forget_lists
	remove_tree "$PLACE"
}

setup()
{
	[ -n "$PROGRAM" ] || skip 'needs NIX_USER_CHROOT_DIST or NIX_USER_CHROOT_SINGLE'
	[ "$(id -u)" -eq 0 ] || skip 'needs root, to be two users'
	cd /
}

teardown()
{
	local pid

	if pid=$(cat "$PLACE/keeper/pid" 2>/dev/null); then
		rm "$PLACE/keeper/pid"
		kill "$pid" || true
	fi
	forget_lists
}

# as UID HOME SCRIPT: run SCRIPT by bash as that user, with nothing of our environment
as()
{
	setpriv --reuid "$1" --regid "$1" --groups "${GROUPS_OF-$GROUP}" env -i HOME="$2" USER="user$1" SHELL=/bin/bash \
		PATH=/usr/bin:/bin https_proxy=http://127.0.0.1:1 no_proxy=127.0.0.1,localhost \
		NIX_USER_CHROOT_RELEASES="$NIX_USER_CHROOT_RELEASES" CURL_CA_BUNDLE="$PLACE/ca.pem" \
		NIX_USER_CHROOT_MIRROR="$MIRROR_URL" NIX_USER_CHROOT_CACERT="$PLACE/ca.pem" \
		NIX_USER_CHROOT_NO_CHANNEL_ADD=1 NIX_CONFIG=$'substitute = false\nsandbox = false' \
		bash -ec "cd; $3"
}

# shared TITLE: print that recipe, with the names replaced by these users and this place
shared()
{
	local text

	text=$(recipe "$1") || return
	text=${text//\/proj\/tools/"$TOOLS"}
	printf '%s\n' "${text//=anna/=$KEEPER}"
}

# keeper SCRIPT, colleague SCRIPT: run SCRIPT as that user, after the lines that the recipe puts into ~/.bashrc
keeper()
{
	as $KEEPER "$PLACE/keeper" "$OF_KEEPER; $1"
}

colleague()
{
	as $COLLEAGUE "$PLACE/colleague" "$OF_COLLEAGUE; $1"
}

# To be put before a script: starts a living entry, which later entries of the script join, because that is faster
BESIDE='nix-user-chroot -- sleep 99 >/dev/null 2>&1 3>&- & trap "kill $!" EXIT
'

# in_place: list the files in the Nix directory, to see that nobody has changed them
in_place()
{
	find "$TOOLS" -printf '%p %y %m %U:%G %s %l %C@\n' | LC_ALL=C sort
}

# warned COUNT: was the warning about the owner of the store printed COUNT times?
warned()
{
	[ "$(grep -c "^nix-user-chroot: warning: the store in $TOOLS/nix belongs to $KEEPER and is not yours to write" \
		<<<"$output")" -eq "$1" ]
}

@test "shared: a colleague runs what the keeper's profile holds, and changes nothing" {
	local before profile

	before=$(in_place)
	run -0 colleague hello
	[ "$output" = 'this is hello' ]
	run -0 colleague 'nix-user-chroot -- hello; nix-user-chroot -c hello; nix --version
		echo hello | nix-user-chroot'
	[ "$output" = $'this is hello\nthis is hello\nnix (Nix) 2.26.3\nthis is hello' ]
	# the command is only in the profile, which is not on PATH: the error names it there
	run -127 colleague 'PATH=/usr/bin:/bin $NIX_USER_CHROOT_DIR/../bin/nix-user-chroot $NIX_USER_CHROOT_DIR hello'
	has_words 'the profile has it: /nix/var/nix/profiles/default/bin/hello'
	run -0 colleague 'nix-user-chroot $NIX_USER_CHROOT_DIR /nix/var/nix/profiles/default/bin/hello'
	# the colleague's ~/.nix-profile points to a profile of another Nix, whose path may even exist in this store
	for profile in .local/state/nix/profiles/none /nix/var/nix/profiles/default-1-link; do
		run -0 colleague "ln -sfn $profile ~/.nix-profile; nix-user-chroot -- sh -c 'PATH=\${PATH%%:*}; hello'"
		[ "$output" = 'this is hello' ]
	done
	run -0 colleague 'rm ~/.nix-profile'
	# a name that the keeper has not shared
	run -127 colleague "ln -s $TOOLS/bin/nix-user-chroot none; ./none"
	has_words 'whoever keeps this Nix can add it' /nix/var/nix/profiles/default
	diff <(echo "$before") <(in_place)
}

@test "shared: commands of Nix that read work without a warning" {
	local before

	before=$(in_place)
	run -0 colleague "$BESIDE"'set -x
		nix --version
		nix path-info -r /nix/var/nix/profiles/default
		nix store info
		nix eval --expr 6*7
		nix config show store
		nix profile list --profile /nix/var/nix/profiles/default
		nix copy --to file://$HOME/cache -f "'"$PLACE"'/nixpkgs" hello
		nix-store -qR /nix/var/nix/profiles/default
		nix-env -q -p /nix/var/nix/profiles/default
		nix-env -q
		nix-instantiate --eval -E 6*7
		nix-channel --list
		nix-hash /etc/hostname'
	[[ $output != *nix-user-chroot:* ]]
	diff <(echo "$before") <(in_place)
}

@test "shared: what may have to write is done as far as the store has it, after one warning" {
	local before

	before=$(in_place)
	run -0 colleague "$BESIDE
		nix build --no-link -f $PLACE/nixpkgs hello
		nix run -f $PLACE/nixpkgs hello
		nix shell -f $PLACE/nixpkgs hello -c hello
		nix-user-chroot \$NIX_USER_CHROOT_DIR /nix/var/nix/profiles/default/bin/nix build --no-link -f $PLACE/nixpkgs hello"
	warned 4
	[ "$(grep -c '^this is hello' <<<"$output")" -eq 2 ]
	run -0 colleague "$BESIDE fails() { if \"\$@\"; then exit 99; fi; }
		fails nix build --no-link -f $PLACE/nixpkgs other
		fails nix-build --no-out-link $PLACE/nixpkgs -A other
		fails nix profile install -f $PLACE/nixpkgs other
		fails nix-env -iA other -f $PLACE/nixpkgs
		fails nix-collect-garbage
		fails nix store gc
		fails nix-store --add /etc/hostname
		fails nix-env -e hello -p /nix/var/nix/profiles/default"
	warned 8
	has_words 'NIX_USER_CHROOT_DIR= nix-user-chroot --install'
	run ! colleague "NIX_USER_CHROOT_QUIET=1 nix build --no-link -f $PLACE/nixpkgs other"
	warned 0
	diff <(echo "$before") <(in_place)
}

@test "shared: only who may not write to the store gets NIX_REMOTE, and a user's own wins" {
	run -0 colleague 'nix-user-chroot -- sh -c "echo \"\$NIX_REMOTE, \$NIX_CONFIG\""'
	[ "$output" = 'local?read-only=true, substitute = false
sandbox = false
extra-experimental-features = read-only-local-store' ]
	run -0 keeper 'nix-user-chroot -- sh -c "echo \"\${NIX_REMOTE-none}, \$NIX_CONFIG\""'
	[ "$output" = $'none, substitute = false\nsandbox = false' ]
	run -0 colleague 'NIX_REMOTE=/elsewhere nix-user-chroot -- sh -c "echo \"\$NIX_REMOTE, \$NIX_CONFIG\""'
	[ "$output" = $'/elsewhere, substitute = false\nsandbox = false' ]
	# a NIX_REMOTE or store that means the daemon of another Nix is not used in this one
	run -0 colleague 'NIX_REMOTE=daemon nix store info'
	run -0 colleague 'NIX_CONFIG="$NIX_CONFIG
		store = daemon" nix store info'
	# entering a directory of the colleague's own from inside, and coming back
	run -0 colleague 'mkdir -p own/store; nix-user-chroot -- sh -c "
		nix-user-chroot ~/own sh -c \"echo \\\${NIX_REMOTE-none}\"
		nix-user-chroot -- nix-user-chroot -- sh -c \"echo \\\$NIX_REMOTE\""'
	[ "$output" = $'none\nlocal?read-only=true' ]
	# a NIX_REMOTE with the same value, which the user has set outside, stays
	run -0 colleague 'NIX_REMOTE="local?read-only=true" nix-user-chroot ~/own sh -c "echo \$NIX_REMOTE"'
	[ "$output" = 'local?read-only=true' ]
}

@test "shared: --install refuses, --check says so, and without --trust-owner nothing is run" {
	local before option

	before=$(in_place)
	for option in '' --dry-run --force '--extra-conf max-jobs=1'; do
		run -125 colleague "nix-user-chroot --install $option"
		refused "$TOOLS/nix" "$KEEPER" 'NIX_USER_CHROOT_DIR= nix-user-chroot --install'
	done
	run -125 colleague 'nix-user-chroot --uninstall --yes --force'
	run -1 colleague 'nix-user-chroot --check'
	has_words 'Entering will work here, and --install will not'
	run -1 colleague 'nix-user-chroot --check --json'
	has_words '"ok": false, "enter": true, "install": false' "the store belongs to $KEEPER and is not yours"
	run -0 keeper 'nix-user-chroot --check --json'
	run -125 colleague 'unset NIX_USER_CHROOT_TRUST_OWNER; hello'
	refused "--trust-owner=$KEEPER"
	run -0 colleague 'nix-user-chroot -v -- true'
	has_words "belongs to $KEEPER" 'NIX_REMOTE=local?read-only=true'
	diff <(echo "$before") <(in_place)
}

@test "shared: what the keeper adds is there for all, and a group alone may have it" {
	run -0 keeper "nix-env -iA nixpkgs.other; nix-env -e other; nix-user-chroot --install"
	has_words 'nothing to do'
	run -0 colleague 'nix profile history --profile /nix/var/nix/profiles/default; hello'
	has_words other
	chmod 750 "$TOOLS"
	chgrp $GROUP "$TOOLS"
	run -0 colleague hello
	GROUPS_OF=$COLLEAGUE run ! colleague 'hello'
	chmod 755 "$TOOLS"
}

@test "shared: while the keeper's daemon runs, all commands work, and after its end those that read" {
	local pid

	# the daemon keeps the process ID of the shell, because both the shell and nix-user-chroot exec
	keeper "echo \$\$ >pid; exec $(shared 'To let colleagues build as well')" >"$BATS_TEST_TMPDIR/daemon" 2>&1 3>&- &
	wait_until 20 test -S "$TOOLS/nix/var/nix/daemon-socket/socket"
	run -0 colleague "nix build -f $PLACE/nixpkgs other -o result; nix-user-chroot -- ./result/bin/other; rm result"
	[[ $output == *'this is other'* && $output != *'not yours to write'* ]]
	run -0 colleague 'nix-user-chroot -- sh -c "echo \${NIX_REMOTE-none}"'
	[ "$output" = none ]
	# looking whether the daemon is there, which every entry does, causes no error in the daemon
	run ! grep -i error "$BATS_TEST_TMPDIR/daemon"
	pid=$(cat "$PLACE/keeper/pid")
	cat "/proc/$pid/comm"
	rm "$PLACE/keeper/pid"
	kill "$pid"
	wait $! || true
	[ -S "$TOOLS/nix/var/nix/daemon-socket/socket" ]
	run -0 colleague 'nix store info'
	run ! colleague "nix-store --add /etc/passwd"
	warned 1
	rm "$TOOLS/nix/var/nix/daemon-socket/socket"
}
