#!/usr/bin/env bats
#
# scripts/build-static: what it refuses, and (only if asked for, because it takes minutes) that it makes the same
# bytes everywhere. STATIC_DIST and other variables: see static.bash.

# shellcheck disable=SC2154 # bats sets output, status and lines

bats_require_minimum_version 1.5.0
load static.bash

setup()
{
	HOME=$BATS_TEST_TMPDIR/home
	mkdir "$HOME"
	cd "$HOME" || return
}

# build_static ARG...: run scripts/build-static with an empty cache
build_static()
{
	XDG_CACHE_HOME=$HOME/.cache "${BUILD_STATIC:-$BATS_TEST_DIRNAME/../../scripts/build-static}" \
		--output "$HOME/dist" "$@"
}

@test "build-static: an unknown option or architecture, and sources that are not there" {
	run -1 build_static --no-such-option
	[[ $output == *"unknown option --no-such-option"* ]]
	run -1 build_static sparc
	[[ $output == *"no static binary is made for the architecture 'sparc'"* ]]
	mkdir sources
	echo 'not it' >sources/musl-1.2.5.tar.gz
	run -1 build_static --sources sources x86_64
	[[ $output == *"no file in "*"/sources is musl 1.2.5"* ]]
	run -1 build_static --sources nowhere x86_64
	[ ! -e dist ]
	[ -z "$(find .cache -name 'work.*')" ]
}

# Builds the compiler and the libraries again, too; "scripts/check static" does the same with those from the cache
@test "build-static: another directory, umask, time zone and locale, and the same bytes" {
	local top=$BATS_TEST_DIRNAME/../..

	[ -n "${STATIC_REBUILD:-}" ] || skip "takes minutes: set STATIC_REBUILD=ARCH to try it"
	[ -d "${STATIC_SOURCES:-}" ] || skip "needs STATIC_SOURCES, a directory of the pinned tarballs"
	static_suite || skip "needs static binaries in $DIST: run scripts/build-static"
	need_binary "$STATIC_REBUILD"
	mkdir -m 700 "another tree"
	tar -C "$top" --exclude=./.git --exclude=./dist --exclude='./build*' -cf - . |
		tar -C "another tree" -xf -
	BUILD_STATIC="$HOME/another tree/scripts/build-static"
	umask 077
	TZ=Asia/Tokyo LC_ALL=C.UTF-8 LANG=de_DE.UTF-8 run -0 \
		build_static --jobs 1 --sources "$STATIC_SOURCES" "$STATIC_REBUILD"
	cmp "dist/nix-user-chroot-$VERSION-$STATIC_REBUILD-linux" "$(binary "$STATIC_REBUILD")"
}
