#!/usr/bin/env bats
#
# README and scripts/README are true: the messages, options, variables, files and programs that they name exist.
# src/README and tests/README name only files that exist.

# shellcheck disable=SC2154 # bats sets output, status and lines

bats_require_minimum_version 1.5.0

setup()
{
	top=$(realpath "$BATS_TEST_DIRNAME/../..")
	program=${NIX_USER_CHROOT:-${BUILD_DIR:-$top}/nix-user-chroot}
	readme=$top/README
	recipes=$top/scripts/README
}

# section NAME [PAGE]: print the text of that section of PAGE, by default README
section()
{
	awk -v name="$1" '
		/^-+$/ { in_it = last == name }
		in_it && NR > 1 { print last }
		{ last = $0 }' "${2-$readme}"
}

# all_found COMMAND...: COMMAND must succeed for each line of standard input, and there must be some
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

# Print the lines of the recipe for GPUs, changed for a machine whose libraries are below $1
gpu_recipe()
{
	section GPU "$recipes" | sed -n '/^    lib=/,/^    ls /p' | sed "s|/usr/l|$1/usr/l|g"
}

@test "GPU: the driver's libraries are linked, also those of /usr/local/nvidia, or it is said that there are none" {
	local root=$BATS_TEST_TMPDIR/root HOME=$BATS_TEST_TMPDIR/home lib
	mkdir -p "$root/usr/local/nvidia/lib64" "$HOME"
	lib=$HOME/.local/share/nix/var/nix/opengl-driver/lib
	run -0 sh -c "$(gpu_recipe "$root")"
	[ "$output" = 'no driver of NVIDIA was found: nothing is linked' ]
	touch "$root/usr/local/nvidia/lib64/"{libcuda.so.1,libnvidia-ml.so.535,libc.so.6}
	run -0 sh -c "$(gpu_recipe "$root")"
	[ -z "$output" ]
	[ "$(ls "$lib")" = $'libcuda.so.1\nlibnvidia-ml.so.535' ]
	# libraries that ldconfig knows
	mkdir "$BATS_TEST_TMPDIR/bin" "$root/odd"
	printf '#!/bin/sh\necho "	libcuda.so.1 (libc6,x86-64) => %s/odd/libcuda.so.1"\n' "$root" >"$BATS_TEST_TMPDIR/bin/ldconfig"
	chmod +x "$BATS_TEST_TMPDIR/bin/ldconfig"
	touch "$root/odd/libnvcuvid.so.1"
	PATH=$BATS_TEST_TMPDIR/bin:$PATH run -0 sh -c "$(gpu_recipe "$root")"
	[ -L "$lib/libnvcuvid.so.1" ]
}

# in_sources TEXT: do the sources contain TEXT? String literals that are broken over lines are joined, as the
# compiler does. A message "cannot X" may also be in a table as "X".
in_sources()
{
	cat "$top"/src/*.c "$top"/src/*/*.c | tr -d '\n' | sed 's/"[[:space:]]*"//g' |
		grep -qF -e "$1" -e "\"${1#cannot }\""
}

tree_has()
{
	[ -e "$top/${1%/}" ]
}

@test "README: the messages under 'When it does not work' are those of the program" {
	section 'When it does not work' | sed -n 's/^\("[^"]*"\)/\1/p' |
		grep -o '"[^"]*"' | tr -d '"' >"$BATS_TEST_TMPDIR/messages"
	[ "$(wc -l <"$BATS_TEST_TMPDIR/messages")" -ge 5 ]
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

@test "README and scripts/README: every file of this repository that they name is there" {
	local page

	for page in "$readme" "$recipes"; do
		grep -oP '(?<![a-z/])((src|tests|scripts)/|\.github/)[A-Za-z_/.-]*[A-Za-z]' "$page" | sort -u |
			all_found tree_has
	done
	grep -oP '(?<![a-z/.])((src|tests|scripts)/)[A-Za-z_/.-]*[A-Za-z]' "$top"/.github/*.md |
		sed 's/.*://' | sort -u | all_found tree_has
	grep -oE '\./scripts/[a-z]*' "$readme" | sort -u | all_found tree_has
}

@test "README: it can be read to its end, and the first screen says how to try the host" {
	[ "$(wc -l <"$readme")" -le 150 ]
	head -n 24 "$readme" | grep -qF 'unshare -Ur true'
	# no section is empty: in the comparison every peer has a row
	for peer in nix-user-chroot bubblewrap proot 'the Rust one' nix-portable 'nix --store DIR'; do
		section 'Compared with' | grep -q "^    $peer  "
	done
}

@test "src/README: every file that it names is there, and every room has its words" {
	local page=$top/src/README room rooms

	rooms=$(sed -n '/^    ROOM  *MAY INCLUDE$/,/^$/s/^    \([a-z]*\)  .*/\1/p' "$page" | grep -vxE 'main|helper')
	there()
	{
		compgen -G "$top/src/$1*" >/dev/null
	}
	# a name without a room, such as path_config.c, may be in any room; host/probe must be in host/
	grep -oP "(?<![a-z/.-])($(tr '\n' '|' <<<"$rooms")main)/[a-z_]+(\.[ch])?" "$page" | sort -u |
		all_found there
	in_a_room()
	{
		compgen -G "$top/src/*/$1" >/dev/null || [ -e "$top/src/$1" ]
	}
	grep -oP '(?<![a-z/*_.])[a-z_]+\.[ch](?![a-z])' "$page" | grep -vx x.c | grep -vx x.h | sort -u |
		all_found in_a_room
	for room in $rooms; do
		[ -d "$top/src/$room" ]
		grep -q "^    $room  *[a-z]" "$page"
	done
	[ "$(find "$top/src" -mindepth 1 -maxdepth 1 -type d | wc -l)" -eq "$(wc -l <<<"$rooms")" ]
}

@test "tests/README: every file that it names is there, and every directory has its words" {
	local page=$top/tests/README directory

	grep -oP '(?<![a-z/~])(src|tests|scripts)/[a-z_/.-]*[a-z]' "$page" | sort -u | all_found tree_has
	below_tests()
	{
		[ -e "$top/$1" ] || [ -e "$top/tests/$1" ] || compgen -G "$top/tests/*/$1" >/dev/null
	}
	grep -oP '(?<![a-z/_])[a-z_/]+\.(bats|bash|h)' "$page" | sort -u | all_found below_tests
	for directory in "$top"/tests/*/; do
		directory=${directory%/}
		grep -q "^    ${directory##*/}/  *[a-z]" "$page"
	done
}

@test "README: the screen shown is what the program prints" {
	# the same lines as screens/install-80, except for numbers and names
	diff <(sed -n '/^    \$ nix-user-chroot --install/,/^    \$ nix-shell/p' "$readme" | sed '1d;$d' | words) \
		<(sed '$d' "$BATS_TEST_DIRNAME/screens/install-80" | words)
}

words()
{
	sed -e 's/^    //' -e 's|/home/me|HOME|' -e 's/nix-shell -p hello  */nix --version  /' \
		-e 's/[0-9][0-9.]* [kM]B/SIZE/' -e 's/[0-9][0-9.]*/N/g' -e 's/  */ /g' -e '/^\$/d'
}

@test "README: no line is wider than a page, and nothing was left to be filled in" {
	local page

	for page in "$readme" "$recipes" "$top/src/README" "$top/tests/README"; do
		! grep -v 'https://' "$page" | LC_ALL=C.UTF-8 grep -E '.{116}' || false
		! grep -n '@[A-Za-z]*@' "$page" || false
	done
}
