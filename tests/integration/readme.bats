#!/usr/bin/env bats
#
# README is true: what it says of messages, options, variables, files and programs is so.

# shellcheck disable=SC2154 # bats sets output, status and lines

bats_require_minimum_version 1.5.0

setup()
{
	top=$(realpath "$BATS_TEST_DIRNAME/../..")
	program=${NIX_USER_CHROOT:-${BUILD_DIR:-$top}/nix-user-chroot}
	readme=$top/README
}

# section NAME: its text
section()
{
	awk -v name="$1" '
		/^-+$/ { in_it = last == name }
		in_it && NR > 1 { print last }
		{ last = $0 }' "$readme"
}

# all_found COMMAND...: it holds for each line of standard input, and there are some
all_found()
{
	local line count=0

	while IFS= read -r line; do
		count=$((count + 1))
		"$@" "$line" || { echo "not so: $line"; return 1; }
	done
	echo "$count"
	[ "$count" -gt 0 ]
}

# The sources without what the compiler does not see either: the break of a long string
in_sources()
{
	cat "$top"/src/*.c "$top"/src/*/*.c | tr -d '\n' | sed 's/"[[:space:]]*"//g' | grep -qF -- "$1"
}

tree_has()
{
	[ -e "$top/${1%/}" ]
}

@test "README: the messages under 'When it does not work' are those of the program" {
	section 'When it does not work' | sed -n 's/^\("[^"]*"\)/\1/p' | grep -v '^"I have' |
		grep -o '"[^"]*"' | tr -d '"' >"$BATS_TEST_TMPDIR/messages"
	[ "$(wc -l <"$BATS_TEST_TMPDIR/messages")" -ge 8 ]
	all_found in_sources <"$BATS_TEST_TMPDIR/messages"
}

@test "README: every option that it names is one" {
	{ "$program" --help; "$program" --install --help 2>/dev/null || true; } >"$BATS_TEST_TMPDIR/help"
	known()
	{
		grep -q -- "$1\b" "$BATS_TEST_TMPDIR/help"
	}
	section Installing | sed -n 's/^    \(--[a-z0-9-]*\) .*/\1/p' | all_found known
}

@test "README: every file of this repository that it names is there" {
	sed -n '/^Working on it/,$p' "$readme" |
		grep -oP '(?<![a-z/])(src|tests|scripts)/[a-z_/.-]*[a-z/]' | sort -u | all_found tree_has
	grep -oE '\./scripts/[a-z]*' "$readme" | sort -u | all_found tree_has
}

@test "README: the screen shown is what the program prints" {
	# the same lines as the golden screen of an installation, numbers and names aside
	diff <(sed -n '/^    \$ nix-user-chroot --install/,/^    \$ nix-shell/p' "$readme" | sed '1d;$d' | words) \
		<(sed '$d' "$BATS_TEST_DIRNAME/screens/install-80" | words)
}

words()
{
	sed -e 's/^    //' -e 's|/home/me|HOME|' -e 's/nix-shell -p hello  */nix --version  /' \
		-e 's/[0-9][0-9.]* [kM]B/SIZE/' -e 's/[0-9][0-9.]*/N/g' -e 's/  */ /g' -e '/^\$/d'
}

@test "README: no line is wider than a page, and nothing was left to be filled in" {
	[ -z "$(grep -v 'https://' "$readme" | awk 'length($0) > 115')" ]
	! grep -n '@[A-Za-z]*@' "$readme" || false
}
