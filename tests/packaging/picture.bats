#!/usr/bin/env bats
#
# scripts/picture draws what a terminal has really shown. See packaging.bash.

# shellcheck disable=SC2154 # bats sets output and status

bats_require_minimum_version 1.5.0
load ../mirror/mirror.bash
load packaging.bash

setup()
{
	packaging
	type -P tmux >/dev/null || skip "needs tmux"
	PICTURE=$BATS_TEST_DIRNAME/../../scripts/picture
	# only this version, so that the picture shows the same version as the one in .github
	mkdir "$BATS_TEST_TMPDIR/releases"
	cp -r "$RELEASES/nix-2.26.3" "$BATS_TEST_TMPDIR/releases"
	export TMPDIR=$BATS_TEST_TMPDIR
}

# shown SVG: print the text that is on the screen at the end of the picture
shown()
{
	/usr/bin/python3 - "$1" <<-'END'
		import sys
		import xml.etree.ElementTree as tree

		for text in tree.parse(sys.argv[1]).getroot().iter("{http://www.w3.org/2000/svg}text"):
		    if text.get("visibility") == "visible":
		        print("".join(text.itertext()))
	END
}

@test "the picture in README shows what --install says now" {
	run -0 "$PICTURE" "$NIX_USER_CHROOT_SINGLE" "$BATS_TEST_TMPDIR/releases" "$BATS_TEST_TMPDIR/out.svg"
	shown "$BATS_TEST_TMPDIR/out.svg" >now
	diff now <(shown "$BATS_TEST_DIRNAME/../../.github/install.svg")
	grep -qx '✓ the Nix install script has run' now
	# the picture also shows progress, so it has many states
	[ "$(grep -c '<animate ' "$BATS_TEST_TMPDIR/out.svg")" -gt 20 ]
	[ -z "$(find "$BATS_TEST_TMPDIR" -maxdepth 1 -name 'nix-user-chroot-picture.*')" ]
}

@test "no picture of what failed" {
	run -1 "$PICTURE" /bin/false "$BATS_TEST_TMPDIR/releases" "$BATS_TEST_TMPDIR/out.svg"
	has_words "ended with status 1"
	[ ! -e "$BATS_TEST_TMPDIR/out.svg" ]
}
