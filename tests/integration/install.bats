#!/usr/bin/env bats
#
# --install of a real Nix, with each of its options, and with bad input. Bad input must give one message, and leave
# the home directory as it was.

# shellcheck disable=SC2016 # the inner shells expand what stands in single quotes
# shellcheck disable=SC2030,SC2031 # every test has a HOME and NIX of its own
# shellcheck disable=SC2154 # bats sets output, status and lines

bats_require_minimum_version 1.5.0
load ../mirror/mirror.bash
load install.bash

teardown()
{
	mirror_clear_faults
	mirror_clear_log
	cd /
	remove_tree "$BATS_TEST_TMPDIR"/* "${SCRATCH:-$BATS_TEST_TMPDIR}"/* ${nobody:+"$nobody"}
}

tarball()
{
	printf '%s/nix-%s/nix-%s-%s.tar.xz' "$RELEASES" "$1" "$1" "$SYSTEM"
}

# nothing_left COMMAND...: COMMAND must be refused as in install.bash, and leave HOME as it was
nothing_left()
{
	local before

	before=$(listing "$HOME")
	run "$@"
	diff -u <(echo "$before") <(listing "$HOME")
}

@test "install: Nix runs, builds in a sandbox, and its store is what Nix would have made" {
	# this test installs on a disk
	unset SCRATCH
	new_home
	run -0 install
	grep -qxF "nix-user-chroot: downloading $MIRROR_URL/nix-$NEW/nix-$NEW-$SYSTEM.tar.xz" <<<"$output"
	grep -qxF "nix-user-chroot: nix (Nix) 2.26.3 is installed in $NIX" <<<"$output"
	no_leftovers

	run -0 "$PROGRAM" -- nix --version
	[ "$output" = 'nix (Nix) 2.26.3' ]
	# PRoot has no sandbox: see the table of RUNTIMES in the man page
	local sandbox hidden='! -e'
	sandbox=$(sandbox_here)
	[ "${TEST_RUNTIME:-}" != proot ] || sandbox=false
	[ "$sandbox" = true ] || hidden=-e
	run -0 --separate-stderr "$PROGRAM" -- sh -c 'cat "$(nix-build --no-out-link --option sandbox '"$sandbox"' --option substitute false -E "
		derivation { name = \"x\"; system = builtins.currentSystem; builder = \"/bin/sh\";
			args = [ \"-c\" \"[ '"$hidden"' $HOME ] && echo hello > \$out\" ]; }" 2>/dev/null)"'
	[ "$output" = hello ]
	clean_store

	# everything is in Nix's canonical form (modes, time, owner), also the result of the build
	run -0 find "$NIX/store" -mindepth 1 -path "$NIX/store/.links" -prune -o \( \
		-type d ! -perm 0555 -o -type f ! -perm 0444 ! -perm 0555 -o \
		! -newermt @0 -o -newermt @1 -o ! -uid "$(id -u)" \) -print
	[ -z "$output" ]
	# the profile has one generation, as made by the release's script, and one startup file has one line
	run -0 "$PROGRAM" -- nix-env --list-generations
	[ "${#lines[@]}" -eq 1 ] # only one, because with --cacert the script adds no CA bundle to the profile
	[ "$(grep -c 'added by Nix installer' "$HOME/.profile")" -eq 1 ]
	USER=$(id -un) run -0 "$PROGRAM" -- sh -lc 'echo "$NIX_PROFILES"'
	[ "$output" = "/nix/var/nix/profiles/default $HOME/.nix-profile" ]
	# a store whose contents were changed is found to be damaged
	chmod u+w "$NIX"/store/*-nss-cacert-*/etc/ssl/certs/ca-bundle.crt
	echo >>"$NIX"/store/*-nss-cacert-*/etc/ssl/certs/ca-bundle.crt
	run clean_store
	[ "$status" -ne 0 ]
}

@test "install: umask 077 and 027 make a store in the same form" {
	local mask version=$OLD

	for mask in 077 027; do
		new_home "home-$mask"
		(umask $mask && install -q --nix-version "$version")
		run -0 "$PROGRAM" -- nix --version
		run -0 find "$NIX/store" -mindepth 1 -path "$NIX/store/.links" -prune -o \( \
			-type d ! -perm 0555 -o -type f ! -perm 0444 ! -perm 0555 \) -print
		[ -z "$output" ]
		[ "$version" = "$TINY" ] || clean_store
		version=$TINY
	done
}

@test "install: what Nix and its script make, only the user may write to; a stricter umask stays" {
	local mask

	tiny_release "$SITE" 1.0.1 'umask >"$HOME/mask"; : >"$HOME/file"; mkdir "$HOME/directory"'
	for mask in 0000 0002 0027 0077; do
		new_home "home-$mask"
		(umask $mask && install -q --nix-version 1.0.1)
		[ "$(cat mask)" = "$(printf %04o $((mask | 0022)))" ]
		[ "$(stat -c %a file)" = "$(printf %o $((0666 & ~(mask | 0022))))" ]
		[ "$(stat -c %a directory)" = "$(printf %o $((0777 & ~(mask | 0022))))" ]
	done
}

@test "install: HOME with blanks, quotes and odd bytes, and the data directory elsewhere" {
	new_home $'a home, "it\'s" $HOME; *\xc3\xbc'
	if [ "${TEST_RUNTIME:-}" != direct ]; then
		export XDG_DATA_HOME="$BATS_TEST_TMPDIR/the data"
		export NIX=$XDG_DATA_HOME/nix
	fi

	run -0 install --no-modify-profile
	[[ $output == *" is installed in $NIX"$'\n'* ]]
	no_leftovers
	run -0 "$PROGRAM" -- nix --version
	[ "$output" = 'nix (Nix) 2.26.3' ]
	[ ! -e "$HOME/.local/share" ]
}

@test "install: a relative XDG directory is passed over, as its specification says" {
	XDG_DATA_HOME=data run -0 install --nix-version "$TINY"
	[[ $output == *" is installed in $NIX"$'\n'* ]]
	[ ! -e data ]
}

@test "install: NIX_USER_CHROOT_DIR, in a HOME that is reached through a symlink" {
	not_in direct "the Nix directory is /nix"
	mkdir "$HOME/real"
	ln -s real "$HOME/link"
	new_home home/link/me
	export NIX_USER_CHROOT_DIR=$BATS_TEST_TMPDIR/link/place
	NIX=$NIX_USER_CHROOT_DIR

	run -0 install --no-modify-profile
	no_leftovers
	run -0 "$PROGRAM" -- nix --version
	[ ! -e "$HOME/.local/share/nix" ]
	clean_store
}

@test "install: what Nix and the user keep in the directory already stays" {
	mkdir -p "$NIX/root/nix" "$NIX/empty" "$HOME/.config/nix"
	echo '{"x":{}}' >"$NIX/trusted-settings.json"
	echo '1 + 1' >"$NIX/repl-history"
	echo mine >"$NIX/root/nix/file"
	echo '# of mine' >"$HOME/.profile"

	run -0 install
	[ "$(cat "$NIX/trusted-settings.json" "$NIX/repl-history" "$NIX/root/nix/file")" = $'{"x":{}}\n1 + 1\nmine' ]
	[ -d "$NIX/empty" ]
	grep -qxF '# of mine' "$HOME/.profile"
	no_leftovers
}

@test "install: without descriptors 0, 1 and 2" {
	local n=0 close

	tiny_release "$BATS_TEST_TMPDIR/tiny" 9.9.9
	for close in '<&-' '>&-' '2>&-' '<&- >&-' '<&- >&- 2>&-'; do
		new_home "home$n"
		n=$((n + 1))
		PROGRAM=$PROGRAM MIRROR=$BATS_TEST_TMPDIR/tiny run -0 bash -c \
			'"$PROGRAM" --install --mirror "$MIRROR" --nix-version 9.9.9 '"$close"
		run -0 "$PROGRAM" -- nix --version
		[ "$output" = 'nix (Nix) 9.9.9' ]
		no_leftovers
		[ "$(find "$NIX/store" -mindepth 1 -maxdepth 1 | wc -l)" -eq 1 ]
		[ "$(stat -c %s "$NIX"/store/*/share/data)" -eq 200000 ]
	done
}

# as_nobody COMMAND...: run COMMAND with a user ID that has no account, in a home directory of its own
as_nobody()
{
	setpriv --reuid 54321 --regid 54321 --clear-groups env -u USER -u LOGNAME HOME="$nobody" "$@"
}

@test "install: a uid without a passwd entry, and no USER" {
	not_in mountns "it is for root"
	[ "$(id -u)" -eq 0 ] || skip "needs root, to become a uid that nobody has"
	run ! getent passwd 54321
	# other users cannot reach the directory of bats
	nobody=$(mktemp -d "${TMPDIR:-/tmp}/nix-user-chroot-nobody.XXXXXX")
	cp "$MIRROR_CA" "$nobody/ca.pem"
	chown -R 54321:54321 "$nobody"
	cd "$nobody"
	as_nobody test -x "$PROGRAM" -a -w . || skip "needs a program that others may run"
	run -0 as_nobody "$PROGRAM" --install --mirror "$MIRROR_URL" --cacert ca.pem --no-channel-add
	run -0 as_nobody "$PROGRAM" -- nix --version
	[ "$output" = 'nix (Nix) 2.26.3' ]
}

@test "option: -- COMMAND runs inside after the installation, with its own stdin, stdout and status" {
	mirror=$BATS_TEST_TMPDIR/tiny
	tiny_release "$mirror" 9.9.9
	run -7 --separate-stderr bash -c '"$0" --install --mirror "$1" --nix-version 9.9.9 -- \
		sh -c "nix --version; cat; exit 7" <<<"of stdin"' "$PROGRAM" "$mirror"
	[ "$output" = $'nix (Nix) 9.9.9\nof stdin' ]
	# COMMAND also runs if there was nothing to do
	run -7 --separate-stderr "$PROGRAM" --install --mirror "$mirror" -- sh -c 'nix --version; exit 7'
	[ "$output" = 'nix (Nix) 9.9.9' ]
	# COMMAND does not run after a failure
	run -125 --separate-stderr "$PROGRAM" --install --nix-version 9.9.8 --mirror "$mirror" -- echo no
	[ -z "$output" ]
}

@test "option: --nix-version, and its variable" {
	run -0 install --nix-version "$OLD"
	grep -q "^complete $OLD " "$NIX/var/nix-user-chroot/record"
	new_home two
	NIX_USER_CHROOT_NIX_VERSION=$TINY run -0 install
	grep -q "^complete $TINY " "$NIX/var/nix-user-chroot/record"
	[ "$(mirror_requests " /latest/")" -eq 0 ]
}

@test "option: --tarball FILE with its .sha256 beside it, with --sha256 hex, and with SRI; relative and file://" {
	local file hex sri

	tiny_release "$BATS_TEST_TMPDIR" 9.9.9
	file=$BATS_TEST_TMPDIR/nix-9.9.9/nix-9.9.9-$SYSTEM.tar.xz
	hex=$(cat "$file.sha256")
	sri=sha256-$(openssl dgst -sha256 -binary "$file" | base64)

	new_home beside
	run -0 "$PROGRAM" --install --tarball "$file"
	grep -q "^complete .* file://$file\$" "$NIX/var/nix-user-chroot/record"
	mv "$file.sha256" "$file.aside"
	new_home hex
	run -0 "$PROGRAM" --install --tarball "file://$file" --sha256 "$hex"
	grep -q "^complete .* $hex " "$NIX/var/nix-user-chroot/record"
	new_home sri
	cd "${file%/*}"
	run -0 "$PROGRAM" --install --tarball "${file##*/}" --sha256 "$sri"
	grep -q "^complete .* $hex " "$NIX/var/nix-user-chroot/record"
	no_leftovers
	new_home environment
	NIX_USER_CHROOT_TARBALL=$file NIX_USER_CHROOT_SHA256=$hex run -0 "$PROGRAM" --install
	[ -f "$file" ]
}

@test "option: --tarball URL" {
	run -0 "$PROGRAM" --install --cacert "$MIRROR_CA" --no-channel-add \
		--tarball "$MIRROR_URL/nix-$TINY/nix-$TINY-$SYSTEM.tar.xz"
	grep -q "^complete $TINY " "$NIX/var/nix-user-chroot/record"
	[ "$(mirror_requests ' /latest/')" -eq 0 ]
}

@test "option: a hash given by --sha256 lets a tarball come over plain http" {
	run -0 "$PROGRAM" --install --sha256 "$(cat "$SITE/nix-$TINY/nix-$TINY-$SYSTEM.tar.xz.sha256")" \
		--tarball "$MIRROR_HTTP_URL/nix-$TINY/nix-$TINY-$SYSTEM.tar.xz"
	[ "$("$PROGRAM" -- nix --version)" = "nix (Nix) $TINY" ]
}

@test "option: --mirror of a directory and file://, and its variable" {
	tiny_release "$BATS_TEST_TMPDIR/tiny dir" 9.9.9
	mkdir "$BATS_TEST_TMPDIR/tiny dir/latest"
	cp "$BATS_TEST_TMPDIR/tiny dir/nix-9.9.9/install" "$BATS_TEST_TMPDIR/tiny dir/latest/"
	run -0 "$PROGRAM" --install --mirror "$BATS_TEST_TMPDIR/tiny dir/"
	[ "$("$PROGRAM" -- nix --version)" = 'nix (Nix) 9.9.9' ]
	new_home two
	NIX_USER_CHROOT_MIRROR="file://$BATS_TEST_TMPDIR/tiny%20dir" run -0 "$PROGRAM" --install
	[ "$("$PROGRAM" -- nix --version)" = 'nix (Nix) 9.9.9' ]
}

@test "option: --system" {
	run -0 install --system "$SYSTEM" --nix-version "$TINY"
	grep -q "^complete [^ ]* $SYSTEM " "$NIX/var/nix-user-chroot/record"
}

@test "option: --no-modify-profile leaves the start-up files alone" {
	echo '# of mine' >"$HOME/.profile"
	echo '# of mine' >"$HOME/.bash_profile"
	touch -d @1000000000 "$HOME/.profile" "$HOME/.bash_profile"
	before=$(stat -c '%n %s %Y %Z' "$HOME/.profile" "$HOME/.bash_profile")
	run -0 install --no-modify-profile
	[ "$before" = "$(stat -c '%n %s %Y %Z' "$HOME/.profile" "$HOME/.bash_profile")" ]
	new_home two
	NIX_INSTALLER_NO_MODIFY_PROFILE=1 run -0 install
	[ ! -e "$HOME/.profile" ]
}

@test "option: --dry-run makes nothing" {
	"$PROGRAM" --install --help | grep -q -e --dry-run || skip "needs a program with --dry-run"
	nothing_left install --dry-run
	[ "$status" -eq 0 ]
	[ "$(mirror_requests 'tar.xz ')" -eq 0 ]
}

@test "option: the channel is added, unless --no-channel-add says not to" {
	# the proxy of this test refuses every connection: the installation succeeds all the same
	NIX_CONFIG='download-attempts = 1' run -0 "$PROGRAM" --install --mirror "$MIRROR_URL" \
		--cacert "$MIRROR_CA"
	grep -q ' nixpkgs$' "$HOME/.nix-channels"
	new_home two
	run -0 install
	[ ! -e "$HOME/.nix-channels" ]
}

@test "option: --extra-conf and --nix-extra-conf-file, and nix.conf does what it says" {
	printf 'max-jobs = 7\ncores = 3' >"$HOME/more.conf"
	local sandbox
	sandbox=$(sandbox_here)
	# in these runtimes builds have no sandbox: see the table of RUNTIMES in the man page
	case ${TEST_RUNTIME:-} in helper | mountns | proot) sandbox=false ;; esac
	run -0 install --extra-conf 'cores = 5' --extra-conf 'experimental-features =' \
		--nix-extra-conf-file "$HOME/more.conf"
	run -0 "$PROGRAM" -- sh -c 'nix --extra-experimental-features nix-command config show | \
		grep -E "^(max-jobs|cores|sandbox) ="'
	[ "$output" = $'cores = 5\nmax-jobs = 7\nsandbox = '"$sandbox" ]
	run -1 "$PROGRAM" -- nix eval --expr 1+1
	[[ $output == *"experimental Nix feature 'nix-command' is disabled"* ]]
}

@test "option: --quiet says nothing, --verbose what the script says" {
	run -0 install --quiet --nix-version "$TINY"
	[ -z "$output" ]
	new_home two
	run -0 install --verbose
	[[ $output == *$'\nInstallation finished!'* ]]
}

@test "install: root's Nix builds as root, another's needs no word about that" {
	run -0 install
	if [ "$(id -u)" -eq 0 ]; then
		grep -qx 'build-users-group =' "$NIX/etc/nix/nix.conf"
		grep -qx 'require-drop-supplementary-groups = false' "$NIX/etc/nix/nix.conf"
	else
		run ! grep -E '^(build-users-group|require-drop)' "$NIX/etc/nix/nix.conf"
	fi
	# every line of nix.conf has a comment above it
	run -0 awk 'NF && !/^#/ && previous !~ /^#/ { print } { previous = $0 }' "$NIX/etc/nix/nix.conf"
	[ -z "$output" ]
}

# --- bad input

@test "bad input: hash mismatch" {
	mirror_fault '{"path": "*.tar.xz", "fault": "corrupt"}'
	nothing_left install
	refused 'SHA-256 mismatch' "expected $(cat "$(tarball "$NEW").sha256")" 'nothing of it was used'
	nothing_left "$PROGRAM" --install --tarball "$(tarball "$NEW")" --sha256 "$(printf '%064d' 1)"
	refused 'SHA-256 mismatch' 'from --sha256' 'check --sha256, and whether the file is whole'
	[[ $output != *--mirror* ]]
}

@test "no certificates are needed for what is local, and no wrong name of some is in the way" {
	NIX_SSL_CERT_FILE=/nonexistent run -0 "$PROGRAM" --install --no-channel-add \
		--mirror "file://$SITE" --nix-version "$TINY"
	NIX_SSL_CERT_FILE=/nonexistent run "$PROGRAM" --install --force --mirror "$MIRROR_URL"
	refused "'/nonexistent' (NIX_SSL_CERT_FILE): No such file" 'unset NIX_SSL_CERT_FILE'
}

@test "neither password nor key of a URL gets into messages, the plan or the record" {
	local name=nix-$TINY-$SYSTEM.tar.xz

	run -0 install -vv --tarball "$MIRROR_URL/nix-$TINY/$name?Signature=S3cr3t"
	[[ $output == *"$name?..."* && $output != *S3cr3t* ]]
	run ! grep -r S3cr3t "$NIX"
	run -0 install --dry-run --force --tarball "$MIRROR_URL/nix-$TINY/$name?Signature=S3cr3t"
	[[ $output == *"$name?..."* && $output != *S3cr3t* ]]
	run install --force --mirror "https://me:S3cr3t@${MIRROR_URL#https://}"
	refused 'a user name in the URL is not supported'
	[[ $output != *S3cr3t* ]]
	run install --force --mirror "https://me:S3cr3t@${MIRROR_URL#https://}?S3cr3t"
	refused 'is not a mirror'
	[[ $output != *S3cr3t* ]]
}

@test "the install script gets no descriptor of ours but the lock's" {
	tiny_release "$SITE" 1.9.0 'ls -l /proc/self/fd >"$HOME/descriptors"'
	run -0 install --nix-version 1.9.0
	# the script gets only the lock, which processes that it leaves running shall hold; other descriptors are our
	# caller's
	local seen=$NIX
	# in PRoot the path is the one inside, and is cut off
	[ "${TEST_RUNTIME:-}" != proot ] || seen=/nix
	run grep -E " -> (socket|anon_inode):| -> $seen" "$HOME/descriptors"
	[[ ${#lines[@]} -eq 1 && ${lines[0]} == *"-> $seen/var/nix-"* ]]
	[[ $seen == /nix || ${lines[0]} == */var/nix-user-chroot/lock ]]
}

@test "bad input: no such version" {
	nothing_left install --nix-version 2.0.999
	refused "there is no Nix 2.0.999 for $SYSTEM" 'check --nix-version'
	run install --nix-version 2.26
	refused "there is no Nix 2.26 for $SYSTEM" 'check --nix-version'
	run "$PROGRAM" --install --mirror "$SITE" --nix-version 2.0.999
	refused "there is no Nix 2.0.999 for $SYSTEM" 'check --nix-version'
	mirror_fault '{"path": "*.tar.xz", "fault": "404"}'
	nothing_left install
	refused "there is no Nix $NEW" 'does not exist'
}

@test "bad input: a version that is none" {
	nothing_left install --nix-version '../../etc'
	refused "'../../etc' is not a version" 'give one like'
	run install --nix-version v2.26.3
	refused "'v2.26.3' is not a version" 'give one like'
	[ "$(mirror_requests .)" -eq 0 ]
}

@test "bad input: the mirror cannot be reached" {
	# port 1 is reserved (tcpmux), so no test server can have it
	nothing_left env NO_PROXY=127.0.0.1 timeout 60 "$PROGRAM" --install --mirror https://127.0.0.1:1 \
		--nix-version "$OLD"
	refused 'https://127.0.0.1:1/' 'onnect'
}

@test "bad input: a CA that the mirror's certificate is not of, and one that is not there" {
	nothing_left "$PROGRAM" --install --mirror "$MIRROR_URL"
	refused "$MIRROR_URL" certificate
	nothing_left install --cacert "$HOME/none.pem"
	refused "$HOME/none.pem"
}

@test "bad input: a hash over plain http" {
	nothing_left "$PROGRAM" --install --mirror "$MIRROR_HTTP_URL"
	refused http '--sha256'
	nothing_left "$PROGRAM" --install --tarball "$MIRROR_HTTP_URL/nix-$OLD/nix-$OLD-$SYSTEM.tar.xz"
	refused http '--sha256'
	[ "$(mirror_requests .)" -eq 0 ]
}

@test "bad input: a hash that is none, over https" {
	mirror_fault '{"path": "*.sha256", "fault": "html"}'
	nothing_left install
	refused 'does not hold a SHA-256 hash'
	nothing_left install --sha256 abc
	refused '--sha256'
}

# a_tarball NAME: make NAME.tar.xz from the directory NAME, and NAME.tar.xz.sha256
a_tarball()
{
	tar -cJf "$1.tar.xz" "$1"
	sha256sum "$1.tar.xz" | cut -c1-64 >"$1.tar.xz.sha256"
}

@test "bad input: not a tarball; no install, no .reginfo or no store in it" {
	local top="nix-9.9.9-$SYSTEM" name=00000000000000000000000000000000-x without

	cd "$BATS_TEST_TMPDIR"
	head -c 300000 /dev/urandom >"$top.tar.xz"
	sha256sum "$top.tar.xz" | cut -c1-64 >"$top.tar.xz.sha256"
	nothing_left "$PROGRAM" --install --tarball "$top.tar.xz"
	refused "cannot unpack $top.tar.xz" 'get the tarball anew'
	for without in install .reginfo store; do
		mkdir -p "$top/store/$name"
		touch "$top/install" "$top/.reginfo" "$top/store/$name/file"
		rm -r "${top:?}/$without"
		a_tarball "$top"
		nothing_left "$PROGRAM" --install --tarball "$top.tar.xz"
		refused "cannot unpack $top.tar.xz" "$without" 'get the tarball anew'
	done
}

@test "bad input: an install script that does nothing, and ends well" {
	tiny_release "$BATS_TEST_TMPDIR/tiny" 9.9.9 'exit 0'
	run "$PROGRAM" --install --mirror "$BATS_TEST_TMPDIR/tiny" --nix-version 9.9.9
	refused 'reported success, but' 'not there' "$NIX/var/nix-user-chroot/install.log"
	run ! grep "^complete" "$NIX/var/nix-user-chroot/record"
	[ ! -e "$NIX/var/nix-user-chroot/staging" ]
}

@test "bad input: an install script that fails; a rerun with a better one goes on" {
	tiny_release "$BATS_TEST_TMPDIR/tiny" 9.9.9 'echo "of the script" >&2; exit 3'
	run "$PROGRAM" --install --mirror "$BATS_TEST_TMPDIR/tiny" --nix-version 9.9.9
	refused 'failed with status 3' 'of the script' "$NIX/var/nix-user-chroot/install.log"
	run ! grep "^complete" "$NIX/var/nix-user-chroot/record"
	tiny_release "$BATS_TEST_TMPDIR/tiny" 9.9.9
	run -0 "$PROGRAM" --install --mirror "$BATS_TEST_TMPDIR/tiny" --nix-version 9.9.9
	no_leftovers
}

@test "bad input: unknown system, unknown option, a mirror that is none" {
	nothing_left install --system m68k-linux
	refused 'm68k-linux' 'x86_64-linux'
	nothing_left install --nix-versoin 2.26.3
	[ "$status" -eq 125 ]
	[[ $output == *'unknown option --nix-versoin'* && $output == *'did you mean --nix-version?'* ]]
	nothing_left "$PROGRAM" --install --mirror somewhere
	refused "'somewhere' is not a mirror"
	nothing_left "$PROGRAM" --install --tarball none.tar.xz
	refused none.tar.xz
	[ "$(mirror_requests .)" -eq 0 ]
}

@test "bad input: a system of another kind than this machine" {
	tiny_release "$BATS_TEST_TMPDIR/tiny" 9.9.9
	ln -s "nix-9.9.9-$SYSTEM.tar.xz" "$BATS_TEST_TMPDIR/tiny/nix-9.9.9/nix-9.9.9-riscv64-linux.tar.xz"
	nothing_left "$PROGRAM" --install --mirror "$BATS_TEST_TMPDIR/tiny" --nix-version 9.9.9 \
		--system riscv64-linux
	refused riscv64-linux '.sha256'
}

@test "bad input: no HOME, a relative HOME, a relative NIX_USER_CHROOT_DIR" {
	local before directory=$HOME/x

	before=$(listing "$HOME")
	run env -u HOME "$PROGRAM" --install
	refused 'HOME is not set' 'set HOME'
	run env HOME=here "$PROGRAM" --install
	refused 'HOME is not an absolute path' 'set HOME'
	# HOME is needed even if the Nix directory is elsewhere: the profile is in HOME
	[ "${TEST_RUNTIME:-}" != direct ] || directory=/nix
	run env -u HOME NIX_USER_CHROOT_DIR="$directory" "$PROGRAM" --install
	refused 'HOME is not set' 'set HOME'
	run env NIX_USER_CHROOT_DIR=relative "$PROGRAM" --install
	if [ "${TEST_RUNTIME:-}" = direct ]; then
		refused 'NIX_USER_CHROOT_DIR is relative' 'unset NIX_USER_CHROOT_DIR'
	else
		refused 'NIX_USER_CHROOT_DIR is relative' 'begins with /'
	fi
	diff <(echo "$before") <(listing "$HOME")
}

@test "bad input: what is no line of nix.conf is refused before anything is made" {
	run install --extra-conf 'max-jobs=4'
	refused "'max-jobs=4' is not a line of nix.conf" 'NAME = VALUE'
	printf 'cores = 1\nfoo\n' >more.conf
	run install --nix-extra-conf-file more.conf
	refused "more.conf: 'foo' is not a line of nix.conf"
	[ ! -e .local ]
}

@test "an option that Nix does not take fails the installation, and not the next one" {
	# both lines have the form of nix.conf lines, but Nix rejects the value of cores
	run install --extra-conf 'build-users-group = no-such-group' --extra-conf 'cores = many'
	[ "$status" -eq 125 ]
	[ ! -e "$NIX/etc/nix/nix.conf" ]
	run -0 install --extra-conf 'cores = 3'
	grep -qx 'cores = 3' "$NIX/etc/nix/nix.conf"
}

@test "bad input: a --nix-extra-conf-file that is not there" {
	nothing_left install --nix-extra-conf-file "$HOME/none.conf"
	refused "$HOME/none.conf" 'No such file'
}

@test "bad input leaves the empty directories that were the user's" {
	mkdir -p "$NIX/store" "$NIX/etc/nix" "$NIX/var/nix"
	mirror_fault '{"path": "*.tar.xz", "fault": "corrupt"}'
	nothing_left install
	refused 'SHA-256 mismatch'
}
