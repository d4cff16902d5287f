#!/usr/bin/env bats
#
# Home directories as users have them: with the profile, channels and settings of another Nix, with variables that a
# cluster sets, and with an installation of which parts were lost.

# shellcheck disable=SC2016 # the inner shells expand what stands in single quotes
# shellcheck disable=SC2030,SC2031 # every test has a HOME and NIX of its own
# shellcheck disable=SC2154 # bats sets output, status and lines
# shellcheck disable=SC2119,SC2120 # install's arguments are more options

bats_require_minimum_version 1.5.0
load install.bash

setup_file()
{
	installing_suite
	in_memory
}

teardown_file()
{
	remove_tree ${SCRATCH:+"$SCRATCH"}
}

setup()
{
	new_home
	STATE=$HOME/.local/state/nix/profiles
}

teardown()
{
	cd /
	remove_tree "$BATS_TEST_TMPDIR"/* ${SCRATCH:+"$SCRATCH"/*}
}

install()
{
	"$PROGRAM" --install --mirror "file://$RELEASES" --no-channel-add "$@"
}

require_user()
{
	[ "$(id -u)" -ne 0 ] || skip "needs to be somebody else than root"
}

uninstall()
{
	"$PROGRAM" --uninstall --yes "$@"
}

# other_profile: make the profile of another, current Nix here; none of its paths is in our store
other_profile()
{
	mkdir -p "$STATE"
	ln -s /nix/store/00000000000000000000000000000000-user-environment "$STATE/profile-7-link"
	ln -s profile-7-link "$STATE/profile"
	ln -s "$STATE/profile" "$HOME/.nix-profile"
}

# works: nix is in the profile, and nix-env can add to the profile
works()
{
	[[ $("$PROGRAM" -- nix --version) == "nix (Nix) "* ]]
	"$PROGRAM" -- nix-env -q | grep -q '^nix-2'
}

@test "another Nix's profile keeps its generations, and has its link back after --uninstall" {
	local before

	other_profile
	[ "$(id -u)" -ne 0 ] || skip "root's profile is in /nix/var/nix/profiles"
	before=$(listing "$HOME")
	run -0 install
	[[ $output == *"$HOME/.nix-profile leads to /nix/store/"*"-user-environment, which is not in $NIX: it will be replaced"* ]]
	works
	"$PROGRAM" -- nix-env -i "$("$PROGRAM" -- sh -c 'echo /nix/store/*-busybox-*')" || true
	[ "$(readlink "$STATE/profile")" = profile-7-link ]
	[ "$(ls "$STATE")" = "profile
profile-7-link" ]
	# install again, interrupted before the script: --uninstall still restores what was there at first
	run -0 install --force
	[[ $output != *'will be replaced'* ]]
	works
	rm "$HOME/.nix-profile"
	run -0 install --force
	works
	run -0 uninstall
	[[ $output == *"to be put back as it was:"*"$HOME/.nix-profile -> $STATE/profile"* ]]
	diff <(echo "$before") <(listing "$HOME")
}

@test "another Nix's profile, with XDG_STATE_HOME set" {
	local before

	other_profile
	export XDG_STATE_HOME=$HOME/st
	before=$(listing "$HOME")
	install -q
	works
	uninstall -q
	diff <(echo "$before") <(listing "$HOME")
}

@test "a profile that the host's own Nix uses: refused, and both ways of the advice go to the end" {
	local host=$HOME/host path=/nix/store/00000000000000000000000000000000-user-environment before

	# a namespace of the test has a /nix that is the host's own
	other_profile
	mkdir -p "$host$path/bin" "$host/var"
	mv "$host/nix"/* "$host/"
	if [ "$(id -u)" -eq 0 ]; then
		# root's profile is another one
		ln -sfn /nix/store/00000000000000000000000000000000-user-environment "$HOME/.nix-profile"
	fi
	refused_early "in use by this host's own Nix" "$path" --force HOME= -- \
		"$PROGRAM" "$host" "$PROGRAM" --install --mirror "file://$RELEASES" --no-channel-add
	XDG_STATE_HOME=$HOME/st refused_early "in use by this host's own Nix" -- \
		"$PROGRAM" "$host" "$PROGRAM" --install --mirror "file://$RELEASES" --no-channel-add
	before=$(listing "$HOME")

	# the advice: install for another home directory
	mkdir own
	"$PROGRAM" "$host" env HOME="$HOME/own" "$PROGRAM" --install -q --mirror "file://$RELEASES" --no-channel-add
	[[ $("$PROGRAM" "$host" env HOME="$HOME/own" "$PROGRAM" -- nix --version) == "nix (Nix) "* ]]
	"$PROGRAM" "$host" env HOME="$HOME/own" "$PROGRAM" --uninstall -q --yes
	rmdir own
	diff <(echo "$before") <(listing "$HOME")

	# with --force --install takes the profile over
	"$PROGRAM" "$host" "$PROGRAM" --install -q --force --mirror "file://$RELEASES" --no-channel-add
	[[ $("$PROGRAM" "$host" "$PROGRAM" -- nix --version) == "nix (Nix) "* ]]
	"$PROGRAM" "$host" "$PROGRAM" --uninstall -q --yes
	diff <(echo "$before") <(listing "$HOME")
	"$PROGRAM" "$host" ls "$HOME/.nix-profile/bin"
}

@test "left over: a ~/.nix-profile into /nix/var/nix/profiles works, and stays" {
	local before to

	for to in per-user/someone/profile per-user/root/profile default; do
		new_home "home-${to//\//-}"
		ln -s "/nix/var/nix/profiles/$to" .nix-profile
		before=$(listing "$HOME")
		install -q
		works
		[ "$(readlink .nix-profile)" = "/nix/var/nix/profiles/$to" ]
		uninstall -q
		diff <(echo "$before") <(listing "$HOME")
	done
}

@test "left over: links and directories of every kind in the place of the profile" {
	local before

	for to in /nowhere/at/all .nix-profile /nix/store/gone /nix/var/nix/profiles/../x; do
		new_home "home-${to//\//-}"
		ln -s "$to" .nix-profile
		before=$(listing "$HOME")
		run -0 install
		[[ $output == *"warning: your Nix profile $HOME/.nix-profile leads to "*"will be replaced"* ]]
		works
		uninstall -q
		diff <(echo "$before") <(listing "$HOME")
	done
	new_home directory
	mkdir .nix-profile
	refused_early "$HOME/.nix-profile is not a link" 'move it away' -- install
	rmdir .nix-profile
	echo x >.nix-profile
	refused_early "$HOME/.nix-profile is not a link" 'move it away' -- install
}

@test "left over: channels and expressions of another Nix are as they were" {
	local before

	mkdir -p .nix-defexpr "$STATE"
	ln -s /nix/var/nix/profiles/per-user/someone/channels .nix-defexpr/channels
	ln -s /nix/var/nix/profiles/per-user/root/channels .nix-defexpr/channels_root
	echo 'https://nixos.org/channels/nixos nixos' >.nix-channels
	ln -s channels-3-link "$STATE/channels"
	ln -s /nix/store/00000000000000000000000000000000-user-environment "$STATE/channels-3-link"
	before=$(listing "$HOME")
	run -0 "$PROGRAM" --install --mirror "file://$RELEASES"
	if [ "$(id -u)" -ne 0 ]; then
		[[ $output == *"$STATE/channels is another Nix's, and stays as it is"* ]]
		[[ $output != *'could not fetch it'* ]]
		[ "$(readlink "$STATE/channels")" = channels-3-link ]
	fi
	works
	uninstall -q
	[ "$(id -u)" -ne 0 ] || sed -i /nixpkgs/d .nix-channels
	diff <(echo "$before") <(listing "$HOME")
}

@test "left over: a state directory that sudo has made is refused before the download" {
	require_user
	mkdir -p .local/state
	chmod a-w .local/state
	refused_early "$HOME/.local/state cannot be written" chown -- install
	chmod u+w .local/state
	chmod a-w .
	refused_early "$HOME cannot be written" -- env NIX_USER_CHROOT_DIR="$BATS_TEST_TMPDIR/nix" "$PROGRAM" --install
	chmod u+w .
}

@test "nix profile was used: --force, another version and mending go on, and keep what is in it" {
	local path

	install -q --nix-version "$OLD"
	mkdir -p p/bin
	printf '#!/bin/sh\necho hi\n' >p/bin/hi
	chmod +x p/bin/hi
	path=$("$PROGRAM" -- nix-store --add p)
	"$PROGRAM" -- nix profile install "$path"
	run ! "$PROGRAM" -- nix-env -q

	install -q --force --nix-version "$OLD"
	[ "$("$PROGRAM" -- hi)" = hi ]
	run -0 install --nix-version "$NEW"
	[[ $("$PROGRAM" -- readlink -f "$HOME/.nix-profile/bin/nix") == /nix/store/*-nix-$NEW/* ]]
	[ "$("$PROGRAM" -- hi)" = hi ]
	[ "$("$PROGRAM" -- nix profile list --json | grep -o '"/nix/store/[^"]*-nix-2[^"]*"' | wc -l)" -eq 1 ]
	[ ! -e "$NIX/var/nix/profiles/nix-user-chroot" ]
	# --install of the old version again, and then with a profile that has lost its nix
	install -q --nix-version "$OLD"
	[[ $("$PROGRAM" -- readlink -f "$HOME/.nix-profile/bin/nix") == /nix/store/*-nix-$OLD/* ]]
	"$PROGRAM" -- nix profile remove "$("$PROGRAM" -- sh -c 'echo /nix/store/*-nix-'"$OLD")"
	run -0 install
	[[ $output == *'your profile has no nix: installing it again'* ]]
	[ "$("$PROGRAM" -- sh -c 'nix --version >&2; hi')" = hi ]
	run -0 install
	[[ $output == *'nothing to do'* ]]
	clean_store
	uninstall -q
}

@test "settings for another Nix: a store in a file is refused, NIX_CONFIG and NIX_REMOTE do not count" {
	local value

	mkdir -p .config/nix conf
	for value in daemon ssh://host "$HOME/other" 'unix:///run/nix' 'https://cache'; do
		printf '# x\nstore =  %s  # mine\n' "$value" >.config/nix/nix.conf
		refused_early "$HOME/.config/nix/nix.conf has 'store = $value'" NIX_USER_CONF_FILES -- install
	done
	echo '!include ../../conf/more.conf' >.config/nix/nix.conf
	echo 'store = daemon' >conf/more.conf
	refused_early "'store = daemon'" -- install
	echo 'store = auto' >>conf/more.conf
	XDG_CONFIG_HOME=$HOME/conf install -q --nix-version "$OLD"
	uninstall -q
	# follow the advice of the message
	echo 'store = daemon' >.config/nix/nix.conf
	NIX_USER_CONF_FILES=$HOME/conf/more.conf install -q
	run -0 env NIX_USER_CONF_FILES="$HOME/conf/more.conf" "$PROGRAM" -- nix-store --add conf/more.conf
	uninstall -q
	rm -r .config/nix

	NIX_CONFIG='store = daemon' NIX_REMOTE=daemon install -q
	for value in daemon unix:// unix:///nix/var/nix/daemon-socket/socket; do
		NIX_REMOTE=$value run -0 "$HOME/.local/bin/nix-store" --add conf/more.conf
		NIX_REMOTE=$value run -0 "$PROGRAM" "$NIX" "$HOME/.nix-profile/bin/nix-store" --add conf/more.conf
		NIX_CONFIG=$'cores = 1\nstore = '$value run -0 "$HOME/.local/bin/nix-store" --add conf/more.conf
	done
	# a value that names no daemon is the user's decision, and stays
	[ "$(NIX_REMOTE=ssh://host "$PROGRAM" -- printenv NIX_REMOTE)" = ssh://host ]
	[ "$(NIX_CONFIG='cores = 1' "$PROGRAM" -- printenv NIX_CONFIG)" = 'cores = 1' ]
	# "daemon" stays if a daemon listens in this Nix directory
	mkdir -p "$NIX/var/nix/daemon-socket"
	touch "$NIX/var/nix/daemon-socket/socket"
	[ "$(NIX_REMOTE=daemon "$PROGRAM" -- printenv NIX_REMOTE)" = daemon ]
}

@test "settings for another Nix: use-xdg-base-directories" {
	local before how

	for how in file option lines variable; do
		new_home "home-$how"
		ln -s /nix/store/another .nix-profile
		before=$(listing "$HOME")
		case $how in
		file)
			mkdir -p .config/nix
			echo 'use-xdg-base-directories = true' >.config/nix/nix.conf
			before=$(listing "$HOME")
			install -q
			;;
		variable)
			export NIX_CONFIG='use-xdg-base-directories = true'
			install -q
			;;
		option) install -q --extra-conf 'use-xdg-base-directories = true' ;;
		lines)
			echo 'use-xdg-base-directories = true' >lines
			before=$(listing "$HOME")
			install -q --nix-extra-conf-file lines
			;;
		esac
		[ "$(readlink .nix-profile)" = /nix/store/another ]
		[ -L .local/state/nix/profile ]
		works
		uninstall -q
		diff <(echo "$before") <(listing "$HOME")
	done
}

@test "TMPDIR that is gone, cannot be written, is a file or relative, and no /tmp" {
	local dir

	touch file
	for dir in /scratch/gone "$HOME/file" relative/../..; do
		TMPDIR=$dir refused_early "TMPDIR is $dir" 'unset it' -- install
	done
	if [ "$(id -u)" -ne 0 ]; then
		mkdir -m 555 readonly
		TMPDIR=$HOME/readonly refused_early "TMPDIR is $HOME/readonly" 'Permission denied' -- install
	fi
	# /tmp is read-only; then /tmp does not exist
	refused_early 'cannot make its files in /tmp' 'export TMPDIR' -- unshare -Urm env -u TMPDIR sh -c \
		'mount --bind /tmp /tmp && mount -o remount,bind,ro /tmp && exec "$@"' sh "$PROGRAM" --install --mirror "file://$RELEASES"
	mkdir tmp
	unshare -Urm env TMPDIR="$HOME/tmp" sh -c 'mount --bind /tmp /tmp && mount -o remount,bind,ro /tmp && exec "$@"' sh \
		"$PROGRAM" --install -q --mirror "file://$RELEASES" --no-channel-add
}

@test "LD_LIBRARY_PATH and LD_PRELOAD of the host do not reach the script and Nix's own commands" {
	export LD_LIBRARY_PATH=/usr/lib/x86_64-linux-gnu:/lib
	run -0 install
	[[ $output != *GLIBC* ]]
	run -0 "$HOME/.local/bin/nix" --version
	[ "$output" = 'nix (Nix) 2.26.3' ]
}

# nix_conf_has LINE...: each LINE is in nix.conf once
nix_conf_has()
{
	local line

	for line; do
		[ "$(grep -cxF "$line" "$NIX/etc/nix/nix.conf")" -eq 1 ]
	done
}

@test "lost: nix.conf comes back, with what was asked for, and without a download" {
	install -q
	rm "$NIX/etc/nix/nix.conf"
	run -0 install --dry-run
	[[ $output == *"$NIX/etc/nix/nix.conf would be written"* ]]
	run -0 "$PROGRAM" --install --mirror https://127.0.0.1:1 --extra-conf 'cores = 1'
	[[ $output == *"$NIX/etc/nix/nix.conf was gone: written again"* ]]
	nix_conf_has 'experimental-features = nix-command flakes' 'cores = 1'
	[ "$(id -u)" -ne 0 ] || nix_conf_has 'build-users-group ='
	run -0 install
	[[ $output != *'written again'* ]]
	rm -r "${NIX:?}/etc"
	install -q
	nix_conf_has 'experimental-features = nix-command flakes'
	# --uninstall removes it with the rest
	uninstall -q
	[ -z "$(ls -A)" ]
}

@test "lost: the database; what it does not know is not taken for installed" {
	local path

	install -q --nix-version "$OLD"
	mkdir -p p-1.0/bin
	printf '#!/bin/sh\necho hi\n' >p-1.0/bin/hi
	chmod +x p-1.0/bin/hi
	path=$("$PROGRAM" -- nix-store --add p-1.0)
	"$PROGRAM" -- nix-env -i "$path"
	rm -r "$NIX/var/nix/db"
	run -0 install
	[[ $output == *"Nix $OLD was installed, but Nix's database does not know /nix/store/"*": installing it again"* ]]
	[[ $output == *'warning: '*"does not know what is in your profile, which begins anew"* ]]
	"$PROGRAM" -- sh -c 'nix-store --check-validity /nix/store/*-nix-2*'
	clean_store
	run -0 install
	[[ $output == *'nothing to do'* ]]
	# the store still has the path that was in the profile, though its database is lost
	"$PROGRAM" -- "$path/bin/hi"
	# databases that do not know the store: a new one by some command, an empty one, garbage, none
	rm -r "$NIX/var/nix/db"
	"$PROGRAM" -- nix-store -q --roots "$path" || true
	run -0 install
	[[ $output == *'database does not know'* ]]
	clean_store
}

@test "lost: x bits, and what files hold" {
	local nix=nix-$OLD

	install -q --nix-version "$OLD"
	chmod -R u+w "$NIX/store"
	find "$NIX/store" -type f -exec chmod a-x {} +
	run ! "$HOME/.local/bin/nix" --version
	run -0 install
	[[ $output == *"was installed, but /nix/store/"*"is no longer executable: installing it again"* ]]
	run -0 "$HOME/.local/bin/nix" --version
	clean_store
	# damage a path that nix needs, and mark the installation as begun: it is repaired all the same
	chmod -R u+w "$NIX"/store/*-busybox-*
	chmod a-x "$NIX"/store/*-busybox-*/bin/busybox
	sed -i 's/^complete .*/begun/' "$NIX/var/nix-user-chroot/record"
	run -0 install --nix-version "$OLD"
	[ -x "$(echo "$NIX"/store/*-busybox-*/bin/busybox)" ]
	# a file that is empty after a crash
	chmod u+w "$NIX"/store/*-"$nix"/bin "$NIX"/store/*-"$nix"/bin/nix
	: >"$(echo "$NIX"/store/*-"$nix"/bin/nix)"
	run -0 install
	[[ $output == *'is no longer executable'* ]]
	clean_store
	run -0 install
	[[ $output == *'nothing to do'* ]]
}

# mended WORDS: --install must find the damage, say so in WORDS, and repair everything
mended()
{
	run -0 install
	has_words "Nix $OLD was installed, but " "$1" ': installing it again'
	clean_store
	run -0 install
	[[ $output == *'nothing to do'* ]]
}

@test "lost: bytes inside files of the store, whichever" {
	local file store

	install -q --nix-version "$OLD"
	store=$(echo "$NIX"/store/*-nix-"$OLD")
	chmod -R u+w "$store" "$NIX"/store/*-nss-cacert-*
	for file in "$store/lib/libarchive.so.13" "$NIX"/store/*-nss-cacert-*/etc/ssl/certs/ca-bundle.crt; do
		: >"$file"
		mended "is damaged"
		chmod -R u+w "$store" "$NIX"/store/*-nss-cacert-*
		truncate -s -1 "$file"
		mended 'is damaged'
		chmod -R u+w "$store" "$NIX"/store/*-nss-cacert-*
		# change one byte
		printf x | dd of="$file" bs=1 seek=999 conv=notrunc status=none
		mended 'is damaged'
		chmod -R u+w "$store" "$NIX"/store/*-nss-cacert-*
		rm "$file"
		mended 'is damaged'
		chmod -R u+w "$store" "$NIX"/store/*-nss-cacert-*
	done
	chmod a-x "$store"/lib/*.so*
	echo more >"$store/more"
	mended 'is damaged'
	# installing another version also repairs paths that both versions share
	chmod -R u+w "$NIX"/store/*-nss-cacert-*
	: >"$(echo "$NIX"/store/*-nss-cacert-*/etc/ssl/certs/ca-bundle.crt)"
	install -q --nix-version "$NEW"
	clean_store
}

@test "lost: a database that is cut off, empty or garbage" {
	local db=$NIX/var/nix/db/db.sqlite spoil

	install -q --nix-version "$OLD"
	for spoil in 'truncate -s 0' 'truncate -s 5000' 'cp /bin/sh' \
		'dd if=/bin/sh bs=4096 seek=1 count=5 conv=notrunc status=none of=' \
		'dd if=/dev/zero bs=100 count=1 conv=notrunc status=none of='; do
		rm -f "$db"-wal "$db"-shm
		# shellcheck disable=SC2086 # words
		[[ $spoil == dd* ]] && $spoil"$db" || $spoil "$db"
		run "$PROGRAM" -- nix-store --check-validity /nix/store/*
		[ "$status" -ne 0 ]
		mended "Nix's database is broken"
		[ -e "$NIX/var/nix/db.broken/db.sqlite" ]
	done
	# --force repairs the database, too
	truncate -s 0 "$db"
	rm -f "$db"-wal "$db"-shm
	run -0 install --force --nix-version "$OLD"
	has_words 'warning: ' "Nix's database was broken" "$NIX/var/nix/db.broken"
	clean_store
	uninstall -q
	[ -z "$(ls -A)" ]
}

@test "lost: a nix.conf that a crash has left empty, or full of zeros" {
	install -q
	for bytes in 0 300; do
		head -c "$bytes" /dev/zero >"$NIX/etc/nix/nix.conf"
		run -0 install
		has_words "$NIX/etc/nix/nix.conf was gone: written again"
		nix_conf_has 'experimental-features = nix-command flakes'
	done
}

@test "lost: record and nix.conf both; what is not mended is said" {
	install -q
	rm -r "${NIX:?}/var/nix-user-chroot" "${NIX:?}/etc"
	run -0 install
	[[ $output == *'installed by other means: nothing to do'*'it has no etc/nix/nix.conf, which --force writes'* ]]
	install -q --force
	nix_conf_has 'experimental-features = nix-command flakes'
}

@test "--extra-conf where Nix is installed is applied, or refused" {
	install -q --nix-version "$OLD"
	run -0 install --dry-run --extra-conf 'cores = 3'
	[[ $output == *"$NIX/etc/nix/nix.conf would be written"* ]]
	printf 'max-jobs = 2\n# a word\nsubstitute = false' >more.conf
	run -0 install --extra-conf 'cores = 3' --nix-extra-conf-file more.conf
	[[ $output == *"added to $NIX/etc/nix/nix.conf what you asked for"* ]]
	nix_conf_has 'cores = 3' 'max-jobs = 2' 'substitute = false'
	[ "$("$PROGRAM" -- nix config show cores)" = 3 ]
	# a line that is there already is not added again, and the last of several values counts
	run -0 install --extra-conf 'cores = 3' --nix-extra-conf-file more.conf
	[[ $output != *added* ]]
	install -q --extra-conf 'cores = 4' --extra-conf 'cores = 5'
	[ "$("$PROGRAM" -- nix config show cores)" = 5 ]
	run -0 install --extra-conf 'cores = 4' --extra-conf 'cores = 5'
	[[ $output != *added* ]]
	install -q --extra-conf 'cores = 3'
	[ "$("$PROGRAM" -- nix config show cores)" = 3 ]
	# a line that Nix rejects is removed again
	cp "$NIX/etc/nix/nix.conf" conf
	run install --extra-conf 'cores = many'
	refused '--version failed inside'
	cmp conf "$NIX/etc/nix/nix.conf"
	run install --extra-conf 'cores'
	refused "'cores' is not a line of nix.conf"
	# lines are added together with another version, and with --force
	install -q --nix-version "$NEW" --extra-conf 'max-jobs = 3'
	install -q --force --extra-conf 'max-jobs = 4'
	[ "$("$PROGRAM" -- nix config show max-jobs)" = 4 ]

	# the user edits the file: from now on it is not changed
	echo '# mine' >>"$NIX/etc/nix/nix.conf"
	cp "$NIX/etc/nix/nix.conf" conf
	run install --extra-conf 'cores = 7'
	refused "cannot add to $NIX/etc/nix/nix.conf" 'cores = 7' 'by hand'
	run install --dry-run --extra-conf 'cores = 7'
	refused "cannot add to $NIX/etc/nix/nix.conf"
	run install --force --extra-conf 'cores = 7'
	refused "cannot add to $NIX/etc/nix/nix.conf"
	run -0 install --extra-conf 'cores = 3'
	cmp conf "$NIX/etc/nix/nix.conf"
	uninstall -q
	[ -e "$NIX/etc/nix/nix.conf" ]
}

@test "--runtime where Nix is installed is applied, or refused" {
	local record=$NIX/var/nix-user-chroot/record before

	[ -z "${NIX_USER_CHROOT_RUNTIME:-}" ] || skip "one runtime is tested"
	type -P proot >/dev/null || skip "needs proot"
	install -q --nix-version "$OLD" --runtime=userns
	before=$(sandbox_of "$NIX/etc/nix/nix.conf")
	run -0 install --runtime=userns
	[[ $output == *"nothing to do"* ]]
	run -0 install --runtime=proot --dry-run
	has_words 'proot would be written down as its runtime' "$NIX/etc/nix/nix.conf would be written"
	grep -qx 'runtime userns' "$record"
	run -0 install --runtime=proot
	has_words "Nix $OLD is installed in $NIX already" 'the runtime is proot now'
	[[ $output != *"nothing to do"* ]]
	grep -qx 'runtime proot' "$record"
	[ "$(grep -c ^runtime "$record")" -eq 1 ]
	# in this runtime builds have no sandbox
	[ "$(sandbox_of "$NIX/etc/nix/nix.conf")" = 'sandbox = false' ]
	run -0 install --runtime=proot
	[[ $output == *"nothing to do"* ]]
	NIX_USER_CHROOT_RUNTIME=userns install -q
	grep -qx 'runtime userns' "$record"
	[ "$(sandbox_of "$NIX/etc/nix/nix.conf")" = "$before" ]
	# a nix.conf that the user has edited stays; the runtime is used all the same
	echo 'sandbox = relaxed' >>"$NIX/etc/nix/nix.conf"
	install -q --runtime=proot
	grep -qx 'runtime proot' "$record"
	[ "$(sandbox_of "$NIX/etc/nix/nix.conf")" = 'sandbox = relaxed' ]
	[ "$(id -u)" -eq 0 ] || {
		run install --runtime=mountns
		refused --runtime=mountns
	}
	uninstall -q
}

# sandbox_of FILE: print the line that counts, which is the last
sandbox_of()
{
	grep '^sandbox = ' "$1" | tail -n 1
}

@test "a store made by other means: what is asked for and is not there is refused, not dropped" {
	install -q --nix-version "$OLD"
	rm "$NIX/var/nix-user-chroot/record"
	run -0 install
	has_words 'installed by other means: nothing to do'
	run -0 install --nix-version "$OLD"
	has_words 'installed by other means: nothing to do'
	for asked in "--nix-version $NEW" "--tarball $RELEASES/nix-$NEW/nix-$NEW-$SYSTEM.tar.xz" \
		"--sha256 $(cat "$RELEASES/nix-$NEW/nix-$NEW-$SYSTEM.tar.xz.sha256")"; do
		# shellcheck disable=SC2086 # words
		refused_early 'installed by other means' --force -- install $asked
	done
	refused_early 'cores = 1' -- install --extra-conf 'cores = 1'
	rm "$NIX/etc/nix/nix.conf"
	refused_early 'cores = 1' -- install --extra-conf 'cores = 1'
}

@test "--extra-conf for an installation that others keep is refused" {
	require_user
	install -q
	chmod a-w "$NIX/var/nix-user-chroot"
	run install --extra-conf 'cores = 3'
	refused "cannot add to $NIX/etc/nix/nix.conf"
	run -0 install
	chmod u+w "$NIX/var/nix-user-chroot"
}

@test "--cacert and NIX_SSL_CERT_FILE are what Nix trusts from then on" {
	local ca=/etc/ssl/certs/ca-certificates.crt

	[ -e $ca ] || skip "needs a host with $ca"
	cp $ca mine.crt
	install -q --cacert mine.crt
	nix_conf_has "ssl-cert-file = $HOME/mine.crt"
	[ "$("$PROGRAM" -- nix config show ssl-cert-file)" = "$HOME/mine.crt" ]
	# the script was given this file, and so put no CA bundle into the profile
	[ "$("$PROGRAM" -- nix-env -q | wc -l)" -eq 1 ]
	uninstall -q
	NIX_SSL_CERT_FILE=$HOME/mine.crt install -q
	nix_conf_has "ssl-cert-file = $HOME/mine.crt"
	uninstall -q
	# --cacert in a later --install
	install -q
	run ! grep -q ssl-cert-file "$NIX/etc/nix/nix.conf"
	run -0 install --cacert mine.crt
	nix_conf_has "ssl-cert-file = $HOME/mine.crt"
	uninstall -q
	# files that are not written to nix.conf: the host's own, which is looked for at each entry; another Nix's,
	# which does not exist inside; and one that does not exist
	NIX_SSL_CERT_FILE=$ca install -q
	run ! grep -q ssl-cert-file "$NIX/etc/nix/nix.conf"
	uninstall -q
	NIX_SSL_CERT_FILE=/nonexistent install -q
	run ! grep -q ssl-cert-file "$NIX/etc/nix/nix.conf"
}

@test "uninstall: links of home-manager become copies, and links that will lead nowhere are named" {
	local path

	install -q --no-modify-profile
	mkdir -p files/.config/app files/dir
	echo 'alias x=y' >files/.bashrc
	echo settings >files/.config/app/conf
	echo secret >files/.config/app/private.bashrc.new
	printf '#!/bin/sh\n' >files/run
	chmod +x files/run
	# a directory whose program needs the store; links inside the directory, out of it, and to nowhere
	mkdir files/tool files/theme
	printf '#!%s/bin/sh\n' "$NIX/store/x" >files/tool/prog
	sed -i "s,$NIX,/nix," files/tool/prog
	chmod +x files/tool/prog
	echo blue >files/theme/colors
	ln -s ../.config files/theme/more
	ln -s "$HOME/own" files/theme/own
	ln -s /nowhere files/theme/nowhere
	path=$("$PROGRAM" -- nix-store --add files)
	rm -r files
	mkdir -p .config/app/deep project bin .cache/x .local/state
	ln -s "$path/.bashrc" .bashrc
	echo mine >.bashrc.new
	# links that lead into the store by another link, as home-manager makes them
	ln -s "$path" .local/state/home-files
	ln -s "$HOME/.local/state/home-files/.config/app/conf" .config/app/deep/conf
	ln -s "$path/dir" .config/app/dir
	ln -s "$path/theme" .config/theme
	ln -s "$path/tool" .config/tool
	ln -s "$path/run" bin/run
	ln -s "$path/tool/prog" bin/prog
	echo mine >own
	ln -s nix .local/bin/hello
	ln -s .local/bin/hello hello
	ln -s /etc/passwd .config/app/elsewhere
	ln -s /nowhere .config/app/nowhere
	"$PROGRAM" -- sh -c 'cd project && nix-store --realise --add-root result --indirect "$1"' sh "$path"
	cp -a .config/app/elsewhere keep

	run "$PROGRAM" --uninstall
	[[ $output == *'become copies:'*"$HOME/.bashrc"*'lead nowhere:'*"$HOME/.config/tool"* ]]
	run -0 uninstall
	copies=$(sed -n '/become copies:/,/lead nowhere/p' <<<"$output" | grep '^    ' | LC_ALL=C sort)
	[ "$copies" = "$(printf '    %s\n' "$HOME"/{.bashrc,.config/app/deep/conf,.config/app/dir,.config/theme,bin/run})" ]
	nowhere=$(sed -n '/will lead nowhere:/,/this frees/p' <<<"$output" | grep '^    ' | sort)
	[ "$nowhere" = "$(printf '    %s\n' "$HOME"/{.config/tool,.local/bin/hello,.local/state/home-files,bin/prog,hello,project/result} | sort)" ]
	[ -d .config/app/dir ] && [ ! -L .config/app/dir ]
	[ -x bin/run ] && [ ! -L bin/run ]
	[ "$(cat .config/theme/colors .config/theme/more/app/conf .config/theme/own)" = $'blue\nsettings\nmine' ]
	[ -L .config/theme/own ]
	[ ! -e .config/theme/nowhere ]
	[ "$(cat .bashrc)" = 'alias x=y' ]
	[ ! -L .bashrc ]
	[ "$(cat .config/app/deep/conf)" = settings ]
	[ "$(cat .bashrc.new)" = mine ]
	[ "$(readlink .config/app/elsewhere)" = /etc/passwd ]
	[ -L hello ]
	[ ! -e .bashrc.nix-user-chroot-new ]
}

@test "uninstall: the channel that the script adds to a list of the user's goes, and their lines stay" {
	local line='https://nixos.org/channels/nixpkgs-unstable nixpkgs' theirs='https://example.org/c own'

	tiny_release "$HOME/site" 1.9.0 'grep -q " nixpkgs" "$HOME/.nix-channels" 2>/dev/null ||
		echo "https://nixos.org/channels/nixpkgs-unstable nixpkgs" >>"$HOME/.nix-channels"'
	for before in "$theirs" "$line"$'\n'"$theirs" ''; do
		rm -f .nix-channels
		[ -z "$before" ] || echo "$before" >.nix-channels
		"$PROGRAM" --install -q --mirror "file://$HOME/site" --nix-version 1.9.0
		grep -q "$line" .nix-channels
		# another --install changes nothing of this
		"$PROGRAM" --install -q --force --mirror "file://$HOME/site" --nix-version 1.9.0
		# a line that the user adds later
		[ "$before" != "$theirs" ] || echo "$theirs-2" >>.nix-channels
		uninstall -q
		case $before in
		'') [ ! -e .nix-channels ] ;;
		"$theirs") [ "$(cat .nix-channels)" = "$theirs"$'\n'"$theirs-2" ] ;;
		*) [ "$(cat .nix-channels)" = "$before" ] ;;
		esac
	done
}

@test "uninstall: a text that cannot be kept stops it before the store goes" {
	require_user
	install -q --no-modify-profile
	echo text >text
	path=$("$PROGRAM" -- nix-store --add text)
	mkdir .config
	ln -s "$path" .config/text
	chmod a-w .config
	run uninstall
	[ "$status" -eq 125 ]
	[[ $output == *"cannot put a copy in the place of the link $HOME/.config/text: Permission denied"* ]]
	[ -e "$NIX/store/${path##*/}" ]
	chmod u+w .config
	uninstall -q
	[ "$(cat .config/text)" = text ]
}

@test "uninstall: how much room it gives back, and who is inside" {
	local size pid

	install -q
	size=$(du -sk "$NIX" | cut -f 1)
	"$PROGRAM" -- sleep 3600 3>&- >/dev/null 2>&1 &
	pid=$!
	wait_until 20 grep -qx sleep "/proc/$pid/comm"
	run "$PROGRAM" --uninstall
	[[ $output == *"processes that are inside, and lose their programs:"*"    $pid (sleep)"* ]]
	# the size that is printed, in MB of a million bytes, differs from du's by less than a tenth
	[[ $output =~ 'this frees '([0-9.]+)' MB' ]]
	awk -v said="${BASH_REMATCH[1]}" -v du="$size" 'BEGIN {
		du = du * 1024 / 1000000
		exit !(said > du * 0.9 && said < du * 1.1)
	}'
	kill "$pid"
	wait "$pid" || true
	run -0 uninstall
	[[ $output != *'that are inside'* ]]
}

@test "another nix in front of ours on PATH is named" {
	mkdir "$HOME/first"
	printf '#!/bin/sh\necho another\n' >"$HOME/first/nix"
	chmod 755 "$HOME/first/nix"
	PATH=$HOME/first:$PATH SHELL=/bin/bash run -0 install --nix-version "$OLD"
	[[ $output == *"nix is $HOME/first/nix, because PATH has that before $HOME/.local/bin"* ]]
	# the line that the message advises to add works
	line=$(sed -n 's/.*puts the one installed here first: //p' <<<"$output")
	run -0 env PATH="$HOME/first:$PATH" bash -c "$line"'; nix --version'
	[ "$output" = "nix (Nix) 2.26.3" ]
}

@test "the hint about PATH names the file that zsh reads" {
	PATH=$PATH_BEFORE SHELL=/bin/zsh ZDOTDIR=$HOME/dots run -0 install --no-modify-profile
	[[ $output == *'for new shells add this line to $ZDOTDIR/.zshrc, '* ]]
	PATH=$PATH_BEFORE SHELL=/bin/zsh run -0 install --no-modify-profile
	[[ $output == *'for new shells add this line to ~/.zshrc, '* ]]
}

@test "nix.fish: the user's own stays, in the plan too; one that cannot be written stops nothing" {
	local fish=.config/fish/conf.d/nix.fish

	mkdir -p .config/fish/conf.d
	echo '# mine' >$fish
	run -0 install --dry-run
	[[ $output == *"$HOME/$fish is yours, and stays"* ]]
	install -q
	[ "$(cat $fish)" = '# mine' ]
	uninstall -q
	[ "$(cat $fish)" = '# mine' ]
	rm $fish
	run -0 install --dry-run
	[[ $output == *"$HOME/$fish"* && $output != *yours* ]]

	require_user
	chmod a-w .config/fish/conf.d
	run -0 install --dry-run
	[[ $output == *'startup files'*'stay as they are'* ]]
	run -0 install
	[[ $output == *"warning: $HOME/$fish cannot be written, and the Nix install script would end there"* ]]
	[[ $output != *'on PATH by a line in '*'.fish'* ]]
	works
	uninstall -q
	run -0 install --no-modify-profile
	[ ! -e .profile ]
	uninstall -q
	chmod u+w .config/fish/conf.d
	# a file that cannot be written, a link that leads nowhere, and a directory
	echo '# mine' >$fish
	chmod a-w $fish
	install -q
	[ "$(cat $fish)" = '# mine' ]
	uninstall -q
	rm -f $fish
	ln -s /nowhere/nix.fish $fish
	install -q
	[ "$(readlink $fish)" = /nowhere/nix.fish ]
	uninstall -q
	rm $fish
	mkdir $fish
	run -0 install
	[[ $output == *'cannot be written'* ]]
}

@test "make uninstall leaves none of its own directories" {
	[ -w "${BUILD_DIR:-/}/Makefile" ] || skip "needs a build directory that may be written to"
	cd "$BUILD_DIR"
	make -s install DESTDIR="$HOME/dest" >/dev/null
	make -s uninstall DESTDIR="$HOME/dest" >/dev/null
	run find "$HOME/dest" -name '*nix-user-chroot*'
	[ -z "$output" ]
}
