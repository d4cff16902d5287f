#!/usr/bin/env bats
#
# Lix, from a tarball in the form of Lix: lix-VERSION-SYSTEM/ with .reginfo and store/, and no install script. Its
# server has a manifest.nix, and no pointer to the latest version. The tarball is the test release with another name
# of the same length in all files, so that the programs find their store path. See install.bash.

# shellcheck disable=SC2016 # Nix expands what stands in single quotes
# shellcheck disable=SC2154,SC2153 # bats sets output, status and lines, installing_suite the others

bats_require_minimum_version 1.5.0
load ../mirror/mirror.bash
load install.bash

LIX=2.93.0

setup_file()
{
	installing_suite
	in_memory
	lix_release "$SITE/releases"
	mirror_start "$SITE"
}

# lix_release DIR: make a copy of Lix's server: DIR/manifest.nix and DIR/lix/lix-VERSION/
lix_release()
{
	local work=$BATS_FILE_TMPDIR/lix top=lix-$LIX-$SYSTEM dir=$1/lix/lix-$LIX old hash

	[ ${#NEW} -eq ${#LIX} ]
	mkdir -p "$work" "$dir"
	tar -C "$work" -xf "$SITE/nix-$NEW/nix-$NEW-$SYSTEM.tar.xz"
	mv "$work/nix-$NEW-$SYSTEM" "$work/$top"
	old=$(cd "$work/$top/store" && echo *-nix-"$NEW")
	hash=${old%%-*}
	chmod -R u+w "$work/$top"
	rm "$work/$top/install"
	mv "$work/$top/store/$old" "$work/$top/store/$hash-lix-$LIX"
	grep -rlZ --null -e "$old" "$work/$top" | xargs -0 sed -i "s/${old//./\\.}/$hash-lix-$LIX/g"
	find "$work/$top" -type l -lname "*$old*" | while read -r link; do
		target=$(readlink "$link")
		ln -sfn "${target/$old/$hash-lix-$LIX}" "$link"
	done
	tar -C "$work" --sort=name --owner=0 --group=0 --numeric-owner --mtime=@0 --mode=u+rw,a+r -cf - "$top" |
		xz -0 -T1 >"$dir/$top.tar.xz"
	sha256sum "$dir/$top.tar.xz" | cut -d ' ' -f 1 >"$dir/$top.tar.xz.sha256"
	printf '# made by releng\n{\n  %s = "/nix/store/%s-lix-%s";\n}\n' "$SYSTEM" "$hash" $LIX >"$1/manifest.nix"
	rm -rf "$work"
}

# lix [OPTION...]: install Lix from that server
lix()
{
	"$PROGRAM" --install --mirror "$MIRROR_URL/releases/lix" --cacert "$MIRROR_CA" --no-channel-add "$@"
}

@test "lix: the latest of its mirror, called what it is; Nix after it, and Lix again" {
	run -0 lix --dry-run
	has_words "Lix $LIX for $SYSTEM" "$MIRROR_URL/releases/lix/lix-$LIX/lix-$LIX-$SYSTEM.tar.xz"
	run -0 lix
	has_words "is installed in $NIX"
	grep -q "^complete lix-$LIX $SYSTEM " "$NIX/var/nix-user-chroot/record"
	run -0 "$PROGRAM" -- nix-env -q
	[ "$(sort <<<"$output" | sed 's/-[0-9].*//' | tr '\n' ' ')" = 'lix nss-cacert ' ]
	run -0 "$PROGRAM" -- nix-build --no-out-link -E 'derivation { name = "x"; system = builtins.currentSystem;
		builder = "/bin/sh"; args = [ "-c" "echo hello > $out" ]; }'
	run -0 lix
	[[ $output == *"Lix $LIX is installed in $NIX already: nothing to do" ]]
	run -0 "$PROGRAM" --install --nix-version lix --mirror "$MIRROR_URL/releases/lix"
	has_words "Lix $LIX is installed in $NIX already"
	# Nix replaces Lix
	run -0 install --nix-version "$OLD"
	grep -q "^complete $OLD $SYSTEM " "$NIX/var/nix-user-chroot/record"
	run -0 "$PROGRAM" -- nix-env -q
	[ "$(sort <<<"$output" | sed 's/-[0-9].*//' | tr '\n' ' ')" = 'nix nss-cacert ' ]
	# Lix replaces Nix, from a file
	run -0 "$PROGRAM" --install --no-channel-add \
		--tarball "$SITE/releases/lix/lix-$LIX/lix-$LIX-$SYSTEM.tar.xz"
	run -0 "$PROGRAM" -- sh -c 'readlink -f ~/.nix-profile/bin/nix'
	has_words "-lix-$LIX/bin/nix"
	run -0 "$PROGRAM" --update --nix --mirror "$MIRROR_URL/releases/lix" --cacert "$MIRROR_CA" --dry-run \
		--releases /nowhere
	has_words "Lix $LIX is the latest: nothing to do"
	run -0 "$PROGRAM" --uninstall --yes
	[ ! -e "$NIX" ]
}

@test "lix: a version of it by its name; a mirror that names none or two is refused" {
	run -125 lix --nix-version lix-2.94.0
	has_words "there is no Lix 2.94.0 for"
	run -125 lix --nix-version lix-x
	has_words 'is not a version of Nix' lix-2.93.3
	run -125 "$PROGRAM" --install --nix-version lix- --mirror "$SITE"
	mkdir -p "$HOME/m/lix"
	echo '<html>' >"$HOME/m/manifest.nix"
	run -125 "$PROGRAM" --install --mirror "$HOME/m/lix"
	has_words 'cannot tell the latest version of Lix'
	printf '{ a = "/nix/store/x-lix-2.93.0"; b = "/nix/store/x-lix-2.93.1"; }' >"$HOME/m/manifest.nix"
	run -125 "$PROGRAM" --install --mirror "$HOME/m/lix"
	has_words 'cannot tell the latest version of Lix'
	rm "$HOME/m/manifest.nix"
	run -125 "$PROGRAM" --install --mirror "$HOME/m/lix"
	has_words 'manifest.nix does not exist'
	[ ! -e "$NIX" ]
}
