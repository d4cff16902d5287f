#!/usr/bin/env bats
#
# --install where something is installed already: nothing to do, --force, another version, a store made by other
# means, a damaged installation, and a nix.conf that the user has changed.

# shellcheck disable=SC2016 # the inner shells expand what stands in single quotes
# shellcheck disable=SC2030,SC2031 # every test has a HOME and NIX of its own
# shellcheck disable=SC2154 # bats sets output, status and lines

bats_require_minimum_version 1.5.0
load ../mirror/mirror.bash
load install.bash

setup()
{
	new_home
	RECORD=$NIX/var/nix-user-chroot/record
}

# untouched COMMAND...: COMMAND must succeed, ask the mirror nothing, and change nothing below HOME
untouched()
{
	local before

	before=$(listing_with_times "$HOME")
	mirror_clear_log
	run -0 "$@"
	[ "$(mirror_requests .)" -eq 0 ]
	diff <(echo "$before") <(listing_with_times "$HOME")
}

installed_version()
{
	grep -q "^complete $1 " "$RECORD" &&
		[[ $("$PROGRAM" -- readlink -f "$HOME/.nix-profile/bin/nix") == /nix/store/*-nix-"$1"/* ]]
}

# Print the generations of the profile, and what each contains.
profile_generations()
{
	"$PROGRAM" -- sh -c 'cd "$(dirname "$(readlink ~/.nix-profile)")" &&
		for link in *-link; do echo "$link" "$(readlink "$link")"; done'
}

@test "installed: says what and where, exit 0, no request, no write" {
	install -q
	untouched install
	[ "$output" = "nix-user-chroot: Nix $NEW is installed in $NIX already: nothing to do" ]
	untouched install --nix-version "$NEW"
	untouched install --no-modify-profile --verbose
	# even if the mirror is not there
	untouched "$PROGRAM" --install --mirror https://127.0.0.1:1
	# the version follows from the hash, or from the name of the tarball: the latest version does not matter
	untouched install --sha256 "$(cat "$SITE/nix-$NEW/nix-$NEW-$SYSTEM.tar.xz.sha256")"
	untouched install --tarball "/nowhere/nix-$NEW-$SYSTEM.tar.xz"
	# even where nothing can be written
	run -0 unshare --user --map-root-user --mount sh -c \
		'mount --bind "$HOME" "$HOME" && mount -o remount,bind,ro "$HOME" && "$1" --install' - "$PROGRAM"
	[[ $output == *"is installed in $NIX already"* ]]
}

@test "installed: the installer is not started, but where there is work" {
	local alone=$BATS_TEST_TMPDIR/alone

	[ -e "$BUILD_DIR/nix-user-chroot-install" ] || skip "the single-file build has no installer beside it"
	install -q --nix-version "$OLD"
	mkdir "$alone"
	cp "$PROGRAM" "$alone"
	printf '#!/bin/sh\nexit 99\n' >"$alone/nix-user-chroot-install"
	chmod +x "$alone/nix-user-chroot-install"
	untouched "$alone/nix-user-chroot" --install --no-shims
	[ "$output" = "nix-user-chroot: Nix $OLD is installed in $NIX already: nothing to do" ]
	untouched env "NIX_USER_CHROOT_NIX_VERSION=$OLD" "$alone/nix-user-chroot" --install --no-shims
	# no mirror is asked for what is there
	untouched "$alone/nix-user-chroot" --install --no-shims --mirror "$MIRROR_URL"
	untouched env NIX_USER_CHROOT_MIRROR=/nowhere "$alone/nix-user-chroot" --install --no-shims
	# these need the installer: the entering program alone cannot do them, and cannot repair an installation
	for more in --force --dry-run "--nix-version $NEW" "--extra-conf cores=1" "--mirror http://localhost" \
		"--mirror nowhere" "--cacert $MIRROR_CA" "-- true" ""; do
		# shellcheck disable=SC2086 # a list of words
		run -99 "$alone/nix-user-chroot" --install ${more:+--no-shims} $more
		[ -z "$output" ]
	done
	: >"$NIX/var/nix-user-chroot/lock"
	run -99 "$alone/nix-user-chroot" --install --no-shims
	rm "$NIX/var/nix-user-chroot/lock"
	mv "$NIX/etc/nix/nix.conf" conf
	run -99 "$alone/nix-user-chroot" --install --no-shims
	mv conf "$NIX/etc/nix/nix.conf"
	: >"$NIX/var/nix/db/db.sqlite"
	run -99 "$alone/nix-user-chroot" --install --no-shims
	[ -z "$output" ]
	# a real installer would have removed the directory of the turns
	rmdir "/tmp/nix-user-chroot-$(id -u)-turns" 2>/dev/null || true
}

@test "installed: --quiet says nothing" {
	install -q --nix-version "$TINY"
	untouched install -q
	[ -z "$output" ]
}

@test "--force: installs again, and leaves generations, profile and other store paths" {
	install -q --nix-version "$OLD"
	echo added >added
	path=$("$PROGRAM" -- nix-store --add added)
	"$PROGRAM" -- nix-env -q >profile
	profile_generations >generations
	printf '\n# of mine\n' >>"$NIX/etc/nix/nix.conf"
	conf=$(stat -c '%i %Y %Z' "$NIX/etc/nix/nix.conf")
	cp "$HOME/.profile" profile.sh
	# damage one of Nix's own files, and add a file that does not belong there
	nix=("$NIX"/store/*-nix-"$OLD")
	chmod -R u+w "${nix[0]}"
	echo broken >"${nix[0]}/bin/nix"
	echo more >"${nix[0]}/more"
	run ! clean_store

	run -0 install --force --nix-version "$OLD"
	clean_store
	# the release's script adds generations, as it always does; those that were there before are unchanged
	profile_generations | grep -Fxf generations | cmp - generations
	"$PROGRAM" -- nix-env -q | diff profile -
	[ "$(cat "$NIX/store/${path##*/}")" = added ]
	[ "$(stat -c '%i %Y %Z' "$NIX/etc/nix/nix.conf")" = "$conf" ]
	cmp "$HOME/.profile" profile.sh
	[ "$(stat -c %a "${nix[0]}")" = 555 ]
	no_leftovers
	# the same with the variable instead of the option
	NIX_USER_CHROOT_FORCE=1 run -0 install --nix-version "$OLD"
	[[ $output == *downloading* ]]
}

@test "--nix-version over another: up, down and up again, in place" {
	install -q --nix-version "$OLD"
	installed_version "$OLD"
	echo added >added
	path=$("$PROGRAM" -- nix-store --add added)

	run -0 install --nix-version "$NEW"
	installed_version "$NEW"
	run -0 install --nix-version "$OLD"
	installed_version "$OLD"
	run -0 install --nix-version "$NEW"
	installed_version "$NEW"
	[ -e "$NIX/store/${path##*/}" ]
	clean_store
	no_leftovers
	# the profile has one nix, and switching back works
	[ "$("$PROGRAM" -- nix-env -q | grep -c '^nix-2')" -eq 1 ]
	"$PROGRAM" -- nix-env --switch-generation 1
	[[ $("$PROGRAM" -- readlink -f "$HOME/.nix-profile/bin/nix") == *-nix-$OLD/* ]]
	[ "$(grep -c 'added by Nix installer' "$HOME/.profile")" -eq 1 ]
}

@test "without --nix-version an older one stays as it is" {
	install -q --nix-version "$OLD"
	untouched install
	[[ $output == *"Nix $OLD is installed"* ]]
}

@test "another version that is not there: what is installed stays as it is" {
	install -q --nix-version "$TINY"
	before=$(listing_with_times "$HOME")
	run install --nix-version 2.0.999
	refused 'there is no Nix 2.0.999'
	mirror_fault '{"path": "*.tar.xz", "fault": "corrupt"}'
	run install --nix-version "$OLD"
	refused 'SHA-256 mismatch'
	# leave out directories: a file that came and went has changed their times
	diff <(grep -v ' d ' <<<"$before") <(listing_with_times "$HOME" | grep -v ' d ')
	untouched install
}

@test "a store path of the record is gone: it comes back, of the same version" {
	install -q --nix-version "$OLD"
	remove_tree "$NIX"/store/*-busybox-*
	run ! clean_store
	run -0 install
	[[ ${lines[0]} == "nix-user-chroot: Nix $OLD was installed, but /nix/store/"*"-busybox-"*" is gone: installing it again" ]]
	[ "$(grep -c 'is gone' <<<"$output")" -eq 1 ]
	installed_version "$OLD"
	clean_store
	no_leftovers
	untouched install
}

@test "the profile has no nix any more: it comes back, of the same version" {
	install -q --nix-version "$OLD"
	rm "$HOME/.nix-profile"
	run -0 install
	[[ ${lines[0]} == *"Nix $OLD was installed, but your profile has no nix: installing it again" ]]
	installed_version "$OLD"
	untouched install
}

@test "the profile has a nix of the user's own: it stays, unless a version is asked for" {
	install -q --nix-version "$OLD"
	new=$("$PROGRAM" -- sh -c 'cp -r "$(readlink -f ~/.nix-profile/bin/..)"/../*-nix-* nix-9.9.9 2>/dev/null ||
		cp -r /nix/store/*-nix-* nix-9.9.9; nix-store --add nix-9.9.9')
	"$PROGRAM" -- nix-env -q >/dev/null
	ln -sfn "$new" "$HOME/.nix-profile"
	untouched install
	[[ $output == *"has its own version of it, $new"*": nothing to do"* ]]
	rm "$HOME/.nix-profile"
	run -0 install --nix-version "$OLD"
	installed_version "$OLD"
}

of_release()
{
	grep -E '^(nix-user-chroot-record|complete|store|link) ' "$1"
}

@test "a record that is garbage, of every kind" {
	local n

	install -q --nix-version "$TINY"
	cp "$RECORD" record
	for n in 1 2 3 4 5 6 7; do
		case $n in
		1) : >"$RECORD" ;;
		2) head -c 5000 /dev/urandom >"$RECORD" ;;
		3) sed "s/^complete .*/complete 2/" record >"$RECORD" ;;
		4) head -c -1 record >"$RECORD" ;;
		5) sed 's,^store .*,store ../../../etc/passwd,' record >"$RECORD" ;;
		6) sed 's,record 1,record 2,' record >"$RECORD" ;;
		7) head -c 2000000 /dev/zero >"$RECORD" ;;
		esac
		echo "garbage $n"
		run -0 install --nix-version "$TINY"
		[[ $output == *'warning: the record in '*' cannot be read: installing again'* ]]
		[ "$(grep -c 'cannot be read' <<<"$output")" -eq 1 ]
		# the broken record listed the store paths from before the first installation; the new record cannot
		# know them
		cmp <(of_release "$RECORD") <(of_release record)
		no_leftovers
	done
}

@test "a store made by other means, with its nix in the profile: recognised and left whole" {
	install -q
	rm -r "$NIX/var/nix-user-chroot"
	untouched install
	[[ $output == *"Nix is in $NIX already, installed by other means: nothing to do"*--force* ]]
}

@test "a store made by other means, without a nix in the profile: left whole, and refused" {
	mkdir -p "$NIX/store/00000000000000000000000000000000-x" "$NIX/var/nix/db"
	before=$(listing_with_times "$HOME")
	run install
	refused "$NIX holds a Nix store that was made by other means" --force NIX_USER_CHROOT_DIR
	diff <(echo "$before") <(listing_with_times "$HOME")
	[ "$(mirror_requests .)" -eq 0 ]

	run -0 install --force
	[ -d "$NIX/store/00000000000000000000000000000000-x" ]
	run -0 "$PROGRAM" -- nix --version
}

@test "nix.conf: the user's file is never touched, and what cannot be added is refused" {
	mkdir -p "$NIX/etc/nix"
	echo 'cores = 2' >"$NIX/etc/nix/nix.conf"
	touch -d @1000000000 "$NIX/etc/nix/nix.conf"
	before=$(stat -c '%i %Y %Z' "$NIX/etc/nix/nix.conf")
	run install --nix-version "$TINY" --extra-conf 'cores = 3'
	refused "cannot add to $NIX/etc/nix/nix.conf, which is not as --install wrote it: cores = 3" 'by hand'
	[ "$(mirror_requests .)" -eq 0 ]
	run -0 install --nix-version "$TINY" --extra-conf 'cores = 2'
	[[ $output == *"warning: $NIX/etc/nix/nix.conf is yours"*"add to it: ssl-cert-file = $MIRROR_CA"* ]]
	[ "$(stat -c '%i %Y %Z' "$NIX/etc/nix/nix.conf")" = "$before" ]
	# a link to a file elsewhere stays, even if the file does not exist
	ln -sf /nowhere/nix.conf "$NIX/etc/nix/nix.conf"
	run -0 install --force --nix-version "$TINY"
	[ "$(readlink "$NIX/etc/nix/nix.conf")" = /nowhere/nix.conf ]
}

# nested DEPTH COMMAND...: run COMMAND in DEPTH user namespaces, one inside the other
nested()
{
	local depth=$1 words=()

	shift
	for (( ; depth > 0; depth--)); do
		words+=(unshare --user --map-root-user)
	done
	"${words[@]}" "$@"
}

@test "nix.conf: sandbox = false where the host refuses what it needs, and Nix works" {
	local depth=40

	# the kernel allows 33 nested user namespaces: leave room for ours, and none for that of Nix's sandbox
	while ! nested $depth true 2>/dev/null; do
		depth=$((depth - 1))
	done
	run -0 nested $((depth - 1)) "$PROGRAM" --install --mirror "$MIRROR_URL" --cacert "$MIRROR_CA" \
		--no-channel-add
	grep -qx 'sandbox = false' "$NIX/etc/nix/nix.conf"
	run -0 nested $((depth - 1)) "$PROGRAM" -- nix --version
}
