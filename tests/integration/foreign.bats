#!/usr/bin/env bats
#
# Text from others (file names, a server's answers, configuration) must not control the terminal, nor look like a
# line of ours, wherever it is shown.
#
# shellcheck disable=SC2030,SC2031 # every test has a HOME and NIX of its own

bats_require_minimum_version 1.5.0

load ../mirror/mirror
load install

# EVIL has an escape sequence, a newline with a false message after it, invalid UTF-8, and a character that reverses
# the direction of text
EVIL=$'x\033[2J\nnuc: forged\xff\xe2\x80\xae'

# harmless: is $output harmless, and does it still show the name?
harmless()
{
	if LC_ALL=C grep -qP '[\x00-\x08\x0b-\x1f\x7f]' <<<"$output" ||
		! iconv -f UTF-8 -t UTF-8 <<<"$output" >/dev/null ||
		LC_ALL=C grep -qP '\xe2\x80\xae' <<<"$output" || grep -q '^ *nuc: forged' <<<"$output"; then
		printf 'not harmless:\n%s\n' "$output" | cat -v
		return 1
	fi
	[[ $output == *'x\u001B[2J\u000Anuc: forged\xff\u202E'* ]] || { cat -v <<<"$output"; return 1; }
}

@test "foreign text: a file in the Nix directory, in the list that --uninstall asks about" {
	install -q --nix-version "$TINY"
	touch "$NIX/$EVIL" "$NIX/var/nix-user-chroot/$EVIL"
	run -0 "$PROGRAM" --uninstall --yes
	harmless
}

@test "foreign text: a home directory, in --dry-run, in the last words, in a refusal" {
	new_home "$EVIL"
	run "$PROGRAM" --install --dry-run --mirror "$SITE" --nix-version "$TINY"
	harmless
	run "$PROGRAM" -- true
	harmless
}

@test "foreign text: path-config.toml, in each place of it" {
	local text

	mkdir -p "$NIX/store" "$NIX/etc/nix-user-chroot"
	for text in "[excludes]\npaths = [\"x\\\\u001b[2J\\\\nnuc: forged\"]" \
		"\"x\\\\u001b[2J\\\\nnuc: forged\" = 1" "x = \"\033[2J\"" "[\"x\\\\u001b[2J\\\\nnuc: forged\"]\na = 1\na = 2"; do
		printf '%b\n' "$text" >"$NIX/etc/nix-user-chroot/path-config.toml"
		run "$PROGRAM" "$NIX" true
		[ -n "$output" ]
		run ! grep -qP '[\x00-\x08\x0b-\x1f\x7f]' <<<"$output"
		run ! grep -q '^ *nuc: forged' <<<"$output"
	done
}

@test "foreign text: what stands in the lock, for those who wait" {
	mkdir -p "$NIX/var/nix-user-chroot"
	printf '%s' "$EVIL" >"$NIX/var/nix-user-chroot/lock"
	run flock "$NIX/var/nix-user-chroot/lock" timeout -s INT 3 \
		"$PROGRAM" --install --mirror "$SITE" --nix-version "$TINY"
	[[ $output == *'is at work'* ]]
	run ! grep -qP '[\x00-\x08\x0b-\x1f\x7f]' <<<"$output"
	run ! grep -q '^ *nuc: forged' <<<"$output"
}

@test "foreign text: what the user types" {
	run "$PROGRAM" "$EVIL" true
	harmless
	run "$PROGRAM" --install --tarball "$HOME/$EVIL"
	harmless
	mkdir d
	run -127 "$PROGRAM" "$HOME/d" "$EVIL"
	harmless
}

@test "foreign text: the install script's last words" {
	tiny_release "$BATS_TEST_TMPDIR/tiny" 9.9.9 "printf 'x\\033[2J\\377\\342\\200\\256\\n'; exit 3"
	run "$PROGRAM" --install --mirror "$BATS_TEST_TMPDIR/tiny" --nix-version 9.9.9
	[[ $output == *'x\u001B[2J\xff\u202E'* ]]
	run ! grep -qP '[\x00-\x08\x0b-\x1f\x7f]' <<<"$output"
}
