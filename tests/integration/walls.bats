#!/usr/bin/env bats
#
# scripts/walls finds each violation that it looks for. Each test adds a line that breaks a rule to a copy of src/,
# and the script must name that line.

# shellcheck disable=SC2154 # bats sets output, status and lines

bats_require_minimum_version 1.5.0

setup()
{
	top=$(realpath "$BATS_TEST_DIRNAME/../..")
	copy=$BATS_TEST_TMPDIR/src
	cp -r "$top/src" "$copy"
	chmod -R u+w "$copy"
}

walls()
{
	run "$top/scripts/walls" "$copy"
}

# named FILE TEXT RULE: was the line TEXT of the copy's FILE named, with RULE in the reason?
named()
{
	local line
	line=$(grep -nxF -- "$2" "$copy/$1" | tail -n 1 | cut -d : -f 1)
	[ -n "$line" ]
	[ "$status" -eq 1 ]
	grep -F "src/$1:$line: " <<<"$output" | grep -F -- "$3"
}

# add FILE LINE: append LINE to FILE
add()
{
	printf '%s\n' "$2" >>"$copy/$1"
}

@test "walls: this tree keeps them" {
	walls
	[ "$status" -eq 0 ]
	[ -z "$output" ]
}

@test "walls: a room that calls up, or across" {
	local line
	for line in '#include "run/environment.h"' '#include "ui/progress.h"' '#include "main.h"' \
		'# include  "host/probe.h" /* so what */' '#include "../store/lock.h"' \
		'#include <install/script.h>' '#include "nowhere/new.h"'; do
		add chroot/plan.h "$line"
		walls
		named chroot/plan.h "$line" 'chroot/ may not include'
	done
	# files of a room where not every file may include another room
	add unpack/confine.c '#include "chroot/plan.h"'
	add ui/log.c '#include "ui/progress.h"'
	add fetch/url.c '#include "store/lock.h"'
	walls
	named unpack/confine.c '#include "chroot/plan.h"' 'unpack/ may not include chroot/plan.h'
	named ui/log.c '#include "ui/progress.h"' 'ui/log may not include ui/progress.h'
	named fetch/url.c '#include "store/lock.h"' 'fetch/ may not include store/lock.h'
}

@test "walls: what the table allows, and what is the system's" {
	"$top/scripts/walls" "$copy" >"$BATS_TEST_TMPDIR/before" 2>&1 || true
	add unpack/confine.c '#include "chroot/namespace.h"'
	add chroot/plan.c '#include "ui/log.h"'
	add chroot/plan.c '#include <sys/stat.h>'
	add chroot/plan.c '#include "config.h"'
	"$top/scripts/walls" "$copy" >"$BATS_TEST_TMPDIR/after" 2>&1 || true
	diff "$BATS_TEST_TMPDIR/before" "$BATS_TEST_TMPDIR/after"
}

@test "walls: a room that the table does not know, and one within a room" {
	mkdir "$copy/attic"
	echo '#include "util/str.h"' >"$copy/attic/box.c"
	walls
	named attic/box.c '#include "util/str.h"' 'attic/ is not in the table'
	rm -r "$copy/attic"
	mkdir "$copy/util/inner"
	echo >"$copy/util/inner/str.c"
	walls
	[ "$status" -eq 1 ]
	[[ $output == *util/inner/str.c* ]]
}

@test "walls: a table that goes round, and none" {
	sed -i 's/^    chroot  .*/& store/' "$copy/README"
	walls
	named README "$(grep '^    chroot ' "$copy/README")" 'only those above it in the table: store'
	sed -i '/MAY INCLUDE$/d' "$copy/README"
	walls
	[ "$status" -eq 1 ]
	[[ $output == *'the table of who may include whom is not there'* ]]
}

@test "walls: files of a room that go round" {
	# circles of two and of three files, through headers and sources
	echo '#include "util/b.h"' >"$copy/util/a.c"
	echo '#include "util/a.h"' >"$copy/util/b.h"
	walls
	named util/b.h '#include "util/a.h"' 'a circle: util/a util/b util/a'
	echo '#include "util/c.h"' >"$copy/util/b.h"
	echo '#include "util/a.h"' >"$copy/util/c.c"
	walls
	named util/c.c '#include "util/a.h"' 'a circle: util/a util/b util/c util/a'
	# a file and its header count as one
	echo '#include "util/c.h"' >"$copy/util/c.c"
	walls
	run -1 grep -F 'util/c' <<<"$output"
}

@test "walls: a struct that another file defines" {
	add fetch/url.h 'struct progress;'
	add fetch/url.c 'struct own {'
	add fetch/url.h 'struct own;'
	walls
	named fetch/url.h 'struct progress;' "struct progress is another file's"
	run -1 grep -F 'struct own' <<<"$output"
}

@test "walls: functions of more than 50 lines, files of more than 450" {
	# long LINES: print a function of that many lines
	long()
	{
		printf 'int long_%s(void)\n{\n' "$1"
		yes '	again();' | head -n "$1"
		printf '}\n'
	}

	{ long 50; long 51; } >"$copy/util/long.c"
	walls
	[ "$status" -eq 1 ]
	grep -F "src/util/long.c:55: the function has 51 lines" <<<"$output"
	[ "$(grep -c util/long.c <<<"$output")" -eq 1 ]
	yes '' | head -n 450 >"$copy/util/long.c"
	walls
	run -1 grep -F 'util/long.c' <<<"$output"
	echo >>"$copy/util/long.c"
	walls
	grep -F 'src/util/long.c:451: the file has 451 lines' <<<"$output"
}
