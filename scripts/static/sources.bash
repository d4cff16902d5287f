# shellcheck shell=bash
#
# The pinned sources, for scripts/build-static:
#
#   sources_get     download and verify the tarball of every pin, as $cache/sources/NAME-VERSION.tar
#   pin NAME        print its version, suite, source package and SHA-256
#
# The tarballs come from the directory $sources_dir, if the user gave one, else from Debian's archive. For the
# archive, apt gets a state directory of its own, with the suite at the address that the host's apt already uses.

pins=$here/pins
keyring=/usr/share/keyrings/debian-archive-keyring.gpg

pin() {
	awk -v name="$1" '$1 == name { print $2, $3, $4, $5 }' "$pins"
}

pin_names() {
	awk 'NF && $1 !~ /^#/ { print $1 }' "$pins"
}

has_sum() { # FILE SHA256
	[ "$(sha256sum <"$1" | cut -c1-64)" = "$2" ]
}

# apt TOOL ARG...: run a tool of apt with our own state directory
apt() {
	local tool=$1
	shift
	"$tool" -qq -c "$apt_dir/apt.conf" "$@"
}

# The host's apt.conf is read, too, because it may name a proxy; its hooks are cleared, because they need root.
apt_setup() { # SUITE...
	local uri suite
	[ -r "$keyring" ] || die "$keyring is missing" \
		"install the Debian package debian-archive-keyring, or give the sources by --sources DIR"
	mkdir -p "$apt_dir/state/lists/partial" "$apt_dir/cache/archives/partial" "$apt_dir/empty"
	: >"$apt_dir/state/status"
	cat >"$apt_dir/apt.conf" <<-CONF
		#clear APT::Update;
		#clear DPkg::Pre-Invoke;
		#clear DPkg::Post-Invoke;
		#clear DPkg::Pre-Install-Pkgs;
		APT::Sandbox::User "$(id -un)";
		Acquire::Languages "none";
		Acquire::Retries "2";
		Dir::State "$apt_dir/state";
		Dir::State::status "$apt_dir/state/status";
		Dir::Cache "$apt_dir/cache";
		Dir::Etc::sourcelist "$apt_dir/sources.list";
		Dir::Etc::sourceparts "$apt_dir/empty";
		Dir::Etc::preferences "$apt_dir/empty/none";
		Dir::Etc::preferencesparts "$apt_dir/empty";
	CONF
	for uri in $(archive_uris); do
		for suite; do
			echo "deb-src [signed-by=$keyring] $uri $suite main"
		done >"$apt_dir/sources.list"
		say "asking $uri for the sources of $*"
		apt apt-get -o APT::Update::Error-Mode=any update </dev/null >&2 && return
	done
	die "no archive that apt knows has Debian's $*, or none can be reached" \
		"give a directory with the tarballs that scripts/static/pins names by --sources DIR"
}

# Print the version of the source package $1 that contains the tarball with the SHA-256 $2
version_with() {
	apt apt-cache showsrc "$1" | awk -v sum="$2" '
		/^Version:/ { version = $2 }
		$1 == sum && $3 ~ /\.orig\.tar/ { print version; exit }'
}

from_archive() { # NAME
	local version suite package sum found
	read -r version suite package sum < <(pin "$1")
	found=$(version_with "$package" "$sum")
	[ -n "$found" ] || die "Debian's $suite does not have $package with $1 $version any more" \
		"pin what it has in scripts/static/pins, or give that tarball by --sources DIR"
	mkdir -p "$work/download/$1"
	(cd "$work/download/$1" && apt apt-get source --download-only --tar-only \
		"$package=$found" >&2) || die "downloading the source of $package $found failed"
	mv "$work/download/$1"/*.orig.tar.* "$work/download/$1.tar"
}

# Find the tarball by its hash, whatever the name of the file is
from_directory() { # NAME
	local version suite package sum file
	read -r version suite package sum < <(pin "$1")
	for file in "$sources_dir"/*; do
		if [ -f "$file" ] && has_sum "$file" "$sum"; then
			mkdir -p "$work/download"
			cp "$file" "$work/download/$1.tar"
			return
		fi
	done
	die "no file in $sources_dir is $1 $version (SHA-256 $sum)"
}

sources_get() {
	local name version suite package sum missing=() suites=()
	mkdir -p "$cache/sources"
	while read -r name version suite package sum; do
		if [ ! -f "$cache/sources/$name-$version.tar" ] ||
			! has_sum "$cache/sources/$name-$version.tar" "$sum"; then
			missing+=("$name")
			[[ " ${suites[*]-} " == *" $suite "* ]] || suites+=("$suite")
		fi
	done < <(grep '^[a-z]' "$pins")
	[ ${#missing[@]} -gt 0 ] || return 0
	[ -n "$sources_dir" ] || apt_setup "${suites[@]}"
	for name in "${missing[@]}"; do
		read -r version suite package sum < <(pin "$name")
		say "getting $name $version"
		if [ -n "$sources_dir" ]; then
			from_directory "$name"
		else
			from_archive "$name"
		fi
		has_sum "$work/download/$name.tar" "$sum" ||
			die "$name $version has another SHA-256 than scripts/static/pins says"
		mv "$work/download/$name.tar" "$cache/sources/$name-$version.tar"
	done
}

# unpack NAME: unpack the source into a new directory $work/NAME-ARCH, and change to that directory
unpack() {
	local version
	read -r version _ < <(pin "$1")
	rm -rf "$work/$1-$arch"
	mkdir "$work/$1-$arch"
	tar -C "$work/$1-$arch" --strip-components=1 --no-same-owner -xf \
		"$cache/sources/$1-$version.tar"
	cd "$work/$1-$arch" || return
}
