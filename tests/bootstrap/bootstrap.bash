# shellcheck shell=bash
# shellcheck disable=SC2154 # run sets status, output and lines
# shellcheck disable=SC2034 # the suites read what we set
#
# What the suites of scripts/install.sh and scripts/ci-bootstrap share. `load` it after ../mirror/mirror.bash.
#
#   bootstrap_suite        in setup_file: make a release of stand-ins (see stand-in) and serve it; set and
#                          export SCRIPTS RELEASE SHELLS and HTTPS, its URL. The URL has a host name, because
#                          Debian's busybox wget cannot do https with an address and a port
#   real_program           in setup_file: set and export PROGRAM, the real program or nothing; ARCH, as in its
#                          name in a release; SCRIPTS; and RELEASES, which is made where it is not given
#   new_home               make an empty HOME and TMPDIR below BATS_TEST_TMPDIR, and unset every variable of
#                          the caller's that would decide anything; set STAND_IN_LOG
#   recipe TITLE           print a block of scripts/README, with our release in it: the one below the line
#                          that begins with TITLE and ends with a colon
#   install_sh_test        in setup: new_home, and the release over https; set ARCH, NAME (of the program
#                          for this host) and TOOLS (a directory for with_tools)
#   install_sh [ARG...]    run it as "curl | sh -s -- ARG..." does
#   with_tools SHELL [ARG...]   the same by SHELL, with only TOOLS on PATH
#   requested PATTERN      is there a line that matches PATTERN in the mirror's log?
#   fault PATH KIND [JSON]      add a fault to the mirror
#   release DIR            make DIR a release of stand-ins for every architecture
#   tools DIR NAME...      fill DIR with links to these programs; "busybox:APPLET" is a link to that applet
#   basic_tools DIR        fill DIR with what install.sh needs beside a downloader and a digester
#   nothing_ran            check that no program was run, and that nothing is left in TMPDIR
#   ran_once               check that a program was run once, and that nothing is left in TMPDIR
#   refused WORDS...       check the result of `run`: status 125, a message of ours with advice, all WORDS
#   bare_root DIR          make DIR a root directory with busybox alone
#   in_root DIR COMMAND... run COMMAND there, by bubblewrap, with the release on /release and the scripts on
#                          /scripts
#   busybox_server DIR     serve DIR over https in a way that busybox's own TLS accepts; set SERVER_URL
#   stop_busybox_server    in teardown
#
# Environment, for tests of the real program; without it they are skipped, and say so:
#   NIX_USER_CHROOT_DIST     a directory as scripts/build-static makes it: static programs, SHA256SUMS
#   NIX_USER_CHROOT_SINGLE   a program of configure --enable-single-binary, used where there is no DIST
#   RELEASES                 a mirror of Nix, as in ../integration; made where it is not given

# shellcheck source=tests/helpers.bash
. "$(dirname "${BASH_SOURCE[0]}")/../helpers.bash"

bootstrap_suite()
{
	local shell

	SCRIPTS=$(realpath "$BATS_TEST_DIRNAME/../../scripts")
	RELEASE=$BATS_FILE_TMPDIR/release
	release "$RELEASE"
	cp "$SCRIPTS/install.sh" "$SCRIPTS/ci-bootstrap" "$RELEASE"
	chmod -R a+rX "$BATS_FILE_TMPDIR"
	mirror_start "$RELEASE"
	HTTPS=${MIRROR_URL/127.0.0.1/localhost}
	SHELLS=''
	for shell in dash bash 'busybox sh' zsh mksh ksh yash; do
		# shellcheck disable=SC2086 # two words
		if $shell -c : 2>/dev/null; then
			SHELLS+="${SHELLS:+$'\n'}$shell"
		fi
	done
	export SCRIPTS RELEASE HTTPS SHELLS
}

real_program()
{
	case $(uname -m) in
	x86_64 | aarch64) ARCH=$(uname -m) ;;
	*) ARCH=i686 ;;
	esac
	PROGRAM=''
	SCRIPTS=$(realpath "$BATS_TEST_DIRNAME/../../scripts")
	if [ -n "${NIX_USER_CHROOT_DIST:-}" ]; then
		PROGRAM=$(find "$NIX_USER_CHROOT_DIST/" -name "nix-user-chroot-*-$ARCH-linux" | tail -n 1)
	elif [ -n "${NIX_USER_CHROOT_SINGLE:-}" ]; then
		PROGRAM=$NIX_USER_CHROOT_SINGLE
	fi
	export PROGRAM ARCH SCRIPTS RELEASES
	[ -n "$PROGRAM" ] || return 0
	if [ -z "${RELEASES:-}" ]; then
		RELEASES=$BATS_FILE_TMPDIR/releases
		"$BATS_TEST_DIRNAME/../mirror/make-release" "$RELEASES" >&2
	fi
}

new_home()
{
	local name

	for name in $(compgen -e); do
		case $name in
		NIX_USER_CHROOT_DIST | NIX_USER_CHROOT_SINGLE) ;;
		NIX_* | XDG_* | GITHUB_* | GITLAB_* | CI_* | RUNNER_* | TF_BUILD | AGENT_* | *_proxy | *_PROXY | CURL_CA_BUNDLE | SSL_CERT_* | \
			BASH_ENV | ENV | CI | STAND_IN_*) unset "$name" ;;
		esac
	done
	HOME=$BATS_TEST_TMPDIR/${1:-home}
	TMPDIR=$BATS_TEST_TMPDIR/tmp
	STAND_IN_LOG=$BATS_TEST_TMPDIR/log
	mkdir -p "$HOME" "$TMPDIR"
	rm -rf "$STAND_IN_LOG"
	cd "$HOME" || return
	# https_proxy leads nowhere, so that nothing of ours reaches the network. http_proxy is not set: busybox wget
	# would use it for https, too, and ignores no_proxy.
	https_proxy=http://127.0.0.1:1
	no_proxy=127.0.0.1,localhost
	export HOME TMPDIR STAND_IN_LOG https_proxy no_proxy
}

recipe()
{
	local public=https://github.com/nix-user-chroot/nix-user-chroot/releases/latest/download text

	text=$(awk -v title="$1" '
		/^[^ ]/ { if (found) exit; }
		index($0, title) == 1 && /:$/ { found = 1; next }
		found && /^    |^$/ { print substr($0, 5) }' "$SCRIPTS/README")
	if [ -z "$text" ]; then
		echo "no recipe in scripts/README: $1" >&2
		return 1
	fi
	printf '%s\n' "${text//"$public"/"${NIX_USER_CHROOT_RELEASES-}"}"
}

install_sh_test()
{
	new_home home
	export NIX_USER_CHROOT_RELEASES=$HTTPS CURL_CA_BUNDLE=$MIRROR_CA
	case $(uname -m) in
	x86_64) ARCH=x86_64 ;;
	aarch64) ARCH=aarch64 ;;
	*) ARCH=i686 ;;
	esac
	NAME=nix-user-chroot-0.1.0-$ARCH-linux
	TOOLS=$BATS_TEST_TMPDIR/tools
	mirror_clear_faults
	mirror_clear_log
}

install_sh()
{
	sh -s -- "$@" <"$SCRIPTS/install.sh"
}

with_tools()
{
	local shell=$1
	shift

	# shellcheck disable=SC2086 # "busybox sh" is two words
	set -- $shell -s -- "$@"
	env PATH="$TOOLS" "$(type -P "$1")" "${@:2}" <"$SCRIPTS/install.sh"
}

requested()
{
	[ "$(mirror_requests "$1")" -gt 0 ]
}

fault()
{
	mirror_fault "{\"path\": \"$1\", \"fault\": \"$2\"${3:+, $3}}"
}

release()
{
	local arch

	mkdir -p "$1"
	for arch in x86_64 i686 aarch64 armv7l riscv64; do
		cp "$BATS_TEST_DIRNAME/stand-in" "$1/nix-user-chroot-0.1.0-$arch-linux"
		chmod 644 "$1/nix-user-chroot-0.1.0-$arch-linux"
		echo "# for $arch" >>"$1/nix-user-chroot-0.1.0-$arch-linux"
	done
	sums "$1"
}

sums()
{
	(cd "$1" && sha256sum nix-user-chroot-* >SHA256SUMS)
}

tools()
{
	local dir=$1 name
	shift

	mkdir -p "$dir"
	for name; do
		case $name in
		busybox:*) ln -sf "$(type -P busybox)" "$dir/${name#*:}" ;;
		*) ln -sf "$(type -P "$name")" "$dir/$name" ;;
		esac
	done
}

basic_tools()
{
	tools "$1" sh uname getconf mkdir chmod mv rm dd cp cat ln readlink printf
}

nothing_ran()
{
	if [ -e "$STAND_IN_LOG" ]; then
		echo 'a program was run:'
		cat "$STAND_IN_LOG"
		return 1
	fi
	nothing_left
}

nothing_left()
{
	local left file words

	left=$(find "$TMPDIR" -mindepth 1)
	if [ -n "$left" ]; then
		printf 'left behind: %s\n' "$left"
		return 1
	fi
	# find processes of ours: they have TMPDIR on their command line
	for file in /proc/[0-9]*/cmdline; do
		words=()
		mapfile -d '' words <"$file" || continue # the process has ended
		if [[ "${words[*]}" == *"$TMPDIR/"* ]]; then
			echo "still running: ${words[*]}"
			return 1
		fi
	done 2>/dev/null
}

ran_once()
{
	local count

	count=$(grep -cs '^called as ' "$STAND_IN_LOG" || true)
	if [ "${count:-0}" -ne 1 ]; then
		echo "ran ${count:-0} times: $output"
		return 1
	fi
	nothing_left
}

refused()
{
	if [ "$status" -ne 125 ]; then
		echo "status $status: $output"
		return 1
	fi
	if [[ $output != *"nix-user-chroot: "* || ${lines[-1]} != "  "* ]]; then
		echo "no message, or no advice: $output"
		return 1
	fi
	has_words "$@"
}

bare_root()
{
	local library

	mkdir -p "$1/bin" "$1/etc" "$1/tmp" "$1/root" "$1/dev" "$1/proc" "$1/release" "$1/scripts"
	cp "$(type -P busybox)" "$1/bin/busybox"
	# copy the libraries of Debian's busybox; that of busybox-static needs none
	for library in $(ldd "$1/bin/busybox" 2>/dev/null | grep -o '/[^ ]*'); do
		mkdir -p "$1${library%/*}"
		cp -L "$library" "$1$library"
	done
	busybox --list | while read -r library; do
		ln -sf busybox "$1/bin/$library"
	done
	echo 'root:x:0:0::/root:/bin/sh' >"$1/etc/passwd"
	echo '127.0.0.1 localhost' >"$1/etc/hosts"
}

in_root()
{
	local root=$1
	shift

	bwrap --bind "$root" / --dev-bind /dev /dev --proc /proc --ro-bind "$RELEASE" /release \
		--ro-bind "$SCRIPTS" /scripts --die-with-parent --new-session --chdir / --clearenv \
		--setenv PATH /bin --setenv HOME /root --setenv STAND_IN_LOG /log "$@"
}

# The TLS of busybox sends no signature algorithms. A current server takes this to mean SHA-1 and refuses, hence
# SECLEVEL=0.
busybox_server()
{
	local dir=$BATS_TEST_TMPDIR/server

	mkdir -p "$dir"
	openssl req -x509 -newkey rsa:2048 -nodes -keyout "$dir/key" -out "$dir/pem" -days 2 \
		-subj /CN=localhost -addext subjectAltName=IP:127.0.0.1 2>/dev/null
	(
		cd "$1" || exit
		exec openssl s_server -WWW -accept 127.0.0.1:0 -cert "$dir/pem" -key "$dir/key" \
			-cipher 'DEFAULT:@SECLEVEL=0' </dev/null >"$dir/log" 2>&1 3>&- 4>&-
	) &
	SERVER_PID=$!
	wait_until 20 grep -qs '^ACCEPT ' "$dir/log"
	SERVER_URL=https://$(sed -n 's/^ACCEPT //p' "$dir/log")
}

stop_busybox_server()
{
	if [ -n "${SERVER_PID-}" ]; then
		kill "$SERVER_PID" 2>/dev/null || true
		SERVER_PID=''
	fi
}
