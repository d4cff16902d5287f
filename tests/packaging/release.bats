#!/usr/bin/env bats
#
# scripts/release, in a repository made of this tree: what is in a release, that the same commit gives the same
# bytes, what the script refuses, and that it leaves nothing half-done. See packaging.bash.

# shellcheck disable=SC2016 # sed and the inner shell expand what stands in single quotes
# shellcheck disable=SC2154 # bats sets output, status and lines
# shellcheck disable=SC2030,SC2031 # a test's variables end with it, which is what is wanted

bats_require_minimum_version 1.5.0
load ../mirror/mirror.bash
load packaging.bash

setup_file()
{
	packaging
	REPOSITORY=$BATS_FILE_TMPDIR/repository
	STATIC=$BATS_FILE_TMPDIR/static
	RELEASE=$BATS_FILE_TMPDIR/release
	export REPOSITORY STATIC RELEASE PROOT
	repository "$REPOSITORY"
	binaries "$STATIC"
	"$REPOSITORY/scripts/release" --static "$STATIC" --output "$RELEASE"
	nothing_left
	[ -z "$(git -C "$REPOSITORY" status --porcelain --ignored)" ]
}

setup()
{
	packaging
	CLONE=$BATS_TEST_TMPDIR/clone
	NAME=nix-user-chroot-$VERSION
}

teardown()
{
	mirror_stop
	remove_nix
}

clone()
{
	git clone -q "$REPOSITORY" "$CLONE"
}

# release [OPTION...]: run scripts/release in the clone, without the steps that take long
release()
{
	"$CLONE/scripts/release" --allow-unchecked --static "$STATIC" "$@"
}

# refused WORDS...: check the result of `run`: a message, advice below it, all WORDS in them, and nothing left
refused()
{
	if [ "$status" -ne 1 ] || [[ $output != *"release: "* || ${lines[-1]} != "  "* ]]; then
		echo "status $status, or no message, or no advice: $output"
		return 1
	fi
	has_words "$@"
	nothing_left "$CLONE/dist"
}

@test "release: a directory of tarball, binaries, scripts, notes and sums" {
	local file

	LC_ALL=C run -0 ls -A "$RELEASE"
	[ "$output" = "RELEASE-NOTES
SHA256SUMS
ci-bootstrap
install.sh
$NAME-aarch64-linux
$NAME-armv7l-linux
$NAME-i686-linux
$NAME-riscv64-linux
$NAME-x86_64-linux
$NAME.tar.xz
nix-user-chroot.1.html
$PROOT-aarch64-linux
$PROOT-armv7l-linux
$PROOT-i686-linux
$PROOT-source.tar.xz
$PROOT-x86_64-linux" ]
	for file in ci-bootstrap install.sh "$NAME"-{aarch64,armv7l,i686,riscv64,x86_64}-linux \
		"$PROOT"-{aarch64,armv7l,i686,x86_64}-linux; do
		[ "$(stat -c %a "$RELEASE/$file")" = 755 ]
	done
	for file in RELEASE-NOTES SHA256SUMS "$NAME.tar.xz" nix-user-chroot.1.html "$PROOT-source.tar.xz"; do
		[ "$(stat -c %a "$RELEASE/$file")" = 644 ]
	done
	[ "$(stat -c %a "$RELEASE")" = 755 ]
	cmp "$RELEASE/install.sh" "$REPOSITORY/scripts/install.sh"
	grep -q 'id="DIAGNOSTICS"' "$RELEASE/nix-user-chroot.1.html"
	cmp "$RELEASE/ci-bootstrap" "$REPOSITORY/scripts/ci-bootstrap"
	cmp "$RELEASE/$NAME-aarch64-linux" "$STATIC/$NAME-aarch64-linux"
}

@test "release: SHA256SUMS names all files but itself, and is true" {
	cd "$RELEASE"
	sha256sum --strict --check SHA256SUMS
	run -0 comm -3 <(cut -c 67- SHA256SUMS | sort) <(find . -type f -printf '%P\n' | grep -vx SHA256SUMS | sort)
	[ -z "$output" ]
}

@test "release: the notes are the tag's message, and the commits since the tag before" {
	run -0 cat "$RELEASE/RELEASE-NOTES"
	[ "$output" = "nix-user-chroot $VERSION

What is new

  * everything

Commits since v0.0.1:

- Of after the one before
- Of this one" ]
}

@test "release: the tarball holds what is in the repository, owned by nobody, with the time of the commit" {
	local time

	time=$(git -C "$REPOSITORY" log -1 --format=%ct)
	run -0 python3 - "$RELEASE/$NAME.tar.xz" "$time" "$NAME" <<-'END'
		import sys, tarfile
		names = []
		for entry in tarfile.open(sys.argv[1]):
		    assert entry.name.split("/")[0] == sys.argv[3], entry.name
		    assert (entry.uid, entry.gid) == (0, 0), entry.name
		    assert (entry.uname, entry.gname) in [("", ""), ("root", "root")], entry.name
		    assert entry.mtime == int(sys.argv[2]), entry.name
		    assert entry.isdir() or entry.isfile(), entry.name
		    assert entry.mode in ((0o755,) if entry.isdir() else (0o644, 0o755)), entry.name
		    names.append(entry.name)
		assert names == sorted(names, key=lambda name: name.split("/")), "order"
	END
	mkdir tree
	tar -C tree --strip-components=1 -xf "$RELEASE/$NAME.tar.xz"
	[ -x tree/configure ]
	# files that only the repository needs are not in the tarball
	run diff -rq "$REPOSITORY" tree
	[[ $output != *differ* ]]
	run -0 grep "^Only in $REPOSITORY" <<<"$output"
	[ "$(printf '%s\n' "${lines[@]##*: }" | sort | tr '\n' ' ')" = '.ci .clang-format .git .gitignore ' ]
}

@test "release: the same commit, elsewhere, later and by somebody with other habits: the same bytes" {
	local before

	clone
	before=$(stat -c '%i %Y' "$RELEASE" "$RELEASE"/*)
	mkdir "$TMPDIR/a-longer-name"
	cd /
	TMPDIR=$TMPDIR/a-longer-name TZ=Asia/Tokyo LC_ALL=C.UTF-8 XZ_OPT=-0 TAR_OPTIONS=--posix \
		run -0 bash -c 'umask 077; "$@"' bash "$CLONE/scripts/release" --static "$STATIC" --output "$RELEASE"
	[[ $output == *"$RELEASE is there already, with these very bytes"* ]]
	[ "$(stat -c '%i %Y' "$RELEASE" "$RELEASE"/*)" = "$before" ]
	rmdir "$TMPDIR/a-longer-name"
	nothing_left
}

@test "release: another release of the same version is left as it is" {
	local before

	clone
	cp -pr "$RELEASE" other
	echo more >>other/install.sh
	before=$(find other -type f -exec sha256sum {} +)
	run release --output other
	[ "$status" -eq 1 ]
	[[ $output == *"$HOME/other is there already, and is another one"*other/install.sh*'move it away'* ]]
	[ "$(find other -type f -exec sha256sum {} +)" = "$before" ]
	nothing_left "$CLONE/dist"
}

@test "release: what is no release is not touched" {
	clone
	mkdir mine
	echo precious >mine/file
	run release --output mine
	refused "$HOME/mine is there, and is no release"
	[ "$(cat mine/file)" = precious ]
}

@test "release: a tree with changes is refused" {
	clone
	echo >>"$CLONE/README"
	run release
	refused 'the tree is not what is committed' ' M README' 'git stash'
	git -C "$CLONE" add README
	run release
	refused 'M  README'
	git -C "$CLONE" reset -q --hard
	touch "$CLONE/src/new.c"
	run release
	refused '?? src/new.c'
}

@test "release: a tag that is missing, elsewhere, or says nothing is refused" {
	clone
	change "$CLONE" README '1s/^/./'
	run release
	refused "tag v$VERSION is on commit" "git checkout v$VERSION"
	git -C "$CLONE" tag -d "v$VERSION"
	run release
	refused "there is no tag v$VERSION" "git tag -a v$VERSION"
	git -C "$CLONE" tag "v$VERSION"
	run release
	refused "tag v$VERSION is not annotated" "git tag -a v$VERSION"
	# a branch with that name does not count as a tag
	git -C "$CLONE" tag -d "v$VERSION"
	git -C "$CLONE" branch "v$VERSION"
	run release
	refused "there is no tag v$VERSION"
}

@test "release: a version that is not one, or not the same in all places, is refused" {
	local file

	clone
	change "$CLONE" src/nix-user-chroot.1 "/^\\.TH/s/nix-user-chroot $VERSION/nix-user-chroot 9.9.9/"
	git -C "$CLONE" tag -f -a "v$VERSION" -m new
	run release
	refused "configure.ac says version $VERSION" '9.9.9'
	change "$CLONE" src/nix-user-chroot.1 "/^\\.TH/s/nix-user-chroot 9\.9\.9/nix-user-chroot $VERSION/"
	# users name the action with a tag: these files must name the tag of this release
	for file in scripts/README scripts/github-action/action.yml; do
		change "$CLONE" "$file" "s/github-action@v$VERSION/github-action@v1/"
		git -C "$CLONE" tag -f -a "v$VERSION" -m new
		run release
		refused "configure.ac says version $VERSION, and $file: scripts/github-action@v1" \
			"write scripts/github-action@v$VERSION there"
		change "$CLONE" "$file" "s/github-action@v1/github-action@v$VERSION/"
	done
	change "$CLONE" scripts/README '/github-action@/d'
	git -C "$CLONE" tag -f -a "v$VERSION" -m new
	run release
	refused 'scripts/README: no scripts/github-action@'
	change "$CLONE" configure.ac "s/\[$VERSION\]/[9.9.9]/"
	run release
	refused 'there is no tag v9.9.9'
	change "$CLONE" configure.ac 's/\[9\.9\.9\]/[9.9]/'
	run release
	refused "is '9.9', not three numbers"
	change "$CLONE" configure.ac '/^AC_INIT/d'
	run release
	refused "is '', not three numbers"
}

@test "release: a clone that cannot tell what was before is refused" {
	git clone -q --depth 1 --branch "v$VERSION" "file://$REPOSITORY" "$CLONE"
	run release
	refused 'shallow' 'git fetch --unshallow'
}

@test "release: a tree that is no repository is refused" {
	mkdir "$CLONE"
	tar -C "$CLONE" --strip-components=1 -xf "$RELEASE/$NAME.tar.xz"
	GIT_CEILING_DIRECTORIES=$BATS_TEST_TMPDIR run release
	refused 'no git repository' 'clone'
}

@test "release: static binaries of another version, machine or sum are refused" {
	local dir=$HOME/static

	clone
	run "$CLONE/scripts/release" --static "$dir"
	refused "no directory of static binaries at $dir" "scripts/build-static --output $dir"
	mkdir "$dir"
	run release --static "$dir"
	refused "$dir has no SHA256SUMS"
	binaries "$dir"
	rm "$dir/$NAME-i686-linux"
	run release --static "$dir"
	refused "$dir has no $NAME-i686-linux"
	cp "$dir/$NAME-aarch64-linux" "$dir/$NAME-i686-linux"
	run release --static "$dir"
	refused "$dir/$NAME-i686-linux is not what SHA256SUMS there says"
	(cd "$dir" && sha256sum -- *-linux *.tar.xz >SHA256SUMS)
	run release --static "$dir"
	refused "$dir/$NAME-i686-linux is no program for i686"
	sed -i "/ $NAME-i686/d" "$dir/SHA256SUMS"
	run release --static "$dir"
	refused "does not name $NAME-i686-linux"
	# PRoot is not released without its source
	binaries "$dir"
	rm "$dir/$PROOT-source.tar.xz"
	run release --static "$dir"
	refused "$dir has no $PROOT-source.tar.xz"
	binaries "$dir"
	# change the version that the program prints: it is a text in the file
	sed -i "s/nix-user-chroot $VERSION/nix-user-chroot 9.9.9/" "$dir/$NAME-$(uname -m)-linux"
	(cd "$dir" && sha256sum -- *-linux *.tar.xz >SHA256SUMS)
	run release --static "$dir"
	refused 'says nix-user-chroot 9.9.9'
}

@test "release: a rehearsal needs no tag, and says what it is" {
	clone
	git -C "$CLONE" tag -d "v$VERSION"
	change "$CLONE" README '1s/^/./' 'Not tagged'
	run -0 release --allow-untagged
	nothing_left
	run -0 cat "$CLONE/dist/release-$VERSION/RELEASE-NOTES"
	[[ ${lines[0]} == 'NOT FOR PUBLICATION: '*--allow-untagged ]]
	[[ ${lines[1]} == 'NOT FOR PUBLICATION: '*--allow-unchecked ]]
	[[ $output == *'- Not tagged'* && $output != *'What is new'* ]]
}

@test "release: what does not build leaves nothing" {
	clone
	change "$CLONE" configure.ac '$aAC_MSG_ERROR([this commit does not build])'
	git -C "$CLONE" tag -f -a "v$VERSION" -m new
	run release
	[ "$status" -eq 1 ]
	refused 'this commit does not build' "$NAME.tar.xz, by make dist failed, with status 1"
}

@test "release: a TMPDIR that configure refuses is refused at once" {
	clone
	mkdir "$HOME/two words"
	TMPDIR="$HOME/two words" run release
	refused 'two words' 'set TMPDIR'
	rmdir "$HOME/two words"
}

being_built()
{
	compgen -G "$TMPDIR/nix-user-chroot-release.*/build/config.log" >/dev/null
}

@test "release: ended by a signal, it leaves nothing" {
	local pid status=0

	clone
	# setsid: the signal goes to the process group, as with Ctrl-C at a terminal
	setsid "$CLONE/scripts/release" --static "$STATIC" >log 2>&1 3>&- 4>&- &
	pid=$!
	wait_until 60 being_built
	kill -TERM -- "-$pid"
	wait "$pid" || status=$?
	[ "$status" -eq 143 ]
	nothing_left "$CLONE/dist"
}

@test "release: an option that it does not know is refused, and --help does nothing" {
	clone
	run release --allow-dirty
	refused 'unknown option --allow-dirty' '--help'
	run release --output
	refused '--output needs a directory'
	run -0 "$CLONE/scripts/release" --help
	[[ $output == *--allow-untagged* && $output != *'set -e'* ]]
	nothing_left "$CLONE/dist"
}

# served: serve the release by https, for install.sh and ci-bootstrap to download from
served()
{
	[ -n "${NIX_USER_CHROOT_SINGLE:-}" ] || skip "needs NIX_USER_CHROOT_SINGLE, a single-file build"
	[ -n "${RELEASES:-}" ] || skip "needs RELEASES, a mirror of Nix"
	needs_namespaces
	mirror_start "$RELEASE"
	export NIX_USER_CHROOT_RELEASES=$MIRROR_URL CURL_CA_BUNDLE=$MIRROR_CA NIX_USER_CHROOT_MIRROR=$RELEASES
	PATH=$PATH:$HOME/.local/bin
}

@test "release: install.sh of it installs from it" {
	served
	curl -fsSL "$MIRROR_URL/install.sh" >install.sh
	run -0 sh -s -- --no-channel-add <install.sh
	[[ $output == *"downloading $MIRROR_URL/$NAME-$(uname -m)-linux"* ]]
	cmp "$HOME/.local/bin/nix-user-chroot" "$RELEASE/$NAME-$(uname -m)-linux"
	run -0 nix --version
	[[ $output == 'nix (Nix) '* ]]
}

@test "release: ci-bootstrap of it installs from it" {
	local env

	served
	env=$(curl -fsSL "$MIRROR_URL/ci-bootstrap" | sh)
	cmp "$HOME/.local/bin/nix-user-chroot" "$RELEASE/$NAME-$(uname -m)-linux"
	run -0 env PATH=/usr/bin:/bin sh -c '. "$1" && nix --version' sh "$env"
	[[ $output == 'nix (Nix) '* ]]
}

@test "release: with --bundle-nix also a file with that Nix for each architecture, which install.sh leaves alone" {
	local arch site=$BATS_TEST_TMPDIR/site bundled=$BATS_TEST_TMPDIR/release

	clone
	mkdir -p "$site/nix-1.0.0"
	for arch in x86_64 i686 aarch64 armv7l riscv64; do
		echo "for $arch" >"$site/nix-1.0.0/nix-1.0.0-$arch-linux.tar.xz"
		sha256sum "$site/nix-1.0.0/nix-1.0.0-$arch-linux.tar.xz" | cut -c 1-64 \
			>"$site/nix-1.0.0/nix-1.0.0-$arch-linux.tar.xz.sha256"
	done
	run -0 release --output "$bundled" --bundle-nix 1.0.0 --mirror "$site"
	for arch in x86_64 i686 aarch64 armv7l riscv64; do
		cmp -n "$(stat -c %s "$STATIC/$NAME-$arch-linux")" "$STATIC/$NAME-$arch-linux" \
			"$bundled/$NAME-nix-1.0.0-$arch-linux"
		grep -q "  $NAME-nix-1.0.0-$arch-linux\$" "$bundled/SHA256SUMS"
	done
	run -0 "$bundled/$NAME-nix-1.0.0-$(uname -m)-linux" --version
	[[ $output == *"In this file: Nix 1.0.0 for $(uname -m)-linux"* ]]
	mkdir "$HOME/to"
	NIX_USER_CHROOT_RELEASES=$bundled NIX_USER_CHROOT_DOWNLOAD_TO=$HOME/to run -0 sh "$bundled/install.sh"
	cmp "$HOME/to/nix-user-chroot" "$bundled/$NAME-$(uname -m)-linux"
	run release --output "$BATS_TEST_TMPDIR/none" --bundle-nix 2.0.0 --mirror "$site"
	refused 'the bundle for x86_64 cannot be made' '--mirror'
	[ ! -e "$BATS_TEST_TMPDIR/none" ]
}
