# shellcheck shell=bash
#
# Every script that runs in a guest sources this file. The shares are build, releases and tree.
#
#   as_guest COMMAND...     run COMMAND as the user guest, without changing HOME
#   same WHAT GOT WANTED    end with a message if GOT and WANTED differ
#   fails WANTED TEXT COMMAND...   COMMAND must end with status WANTED and print TEXT; sets said
#   installs AS             check --install into $NIX_USER_CHROOT_DIR, a build, and the removal of its result;
#                           AS, as_guest or env, runs the commands
#   uninstalls AS           check that --uninstall leaves nothing there and in HOME

set -euo pipefail
export program=/guest/build/nix-user-chroot releases=/guest/releases SHELL=/bin/bash

die()
{
	echo "failed: $*"
	exit 1
}

as_guest()
{
	setpriv --reuid guest --regid guest --clear-groups env USER=guest LOGNAME=guest "$@"
}

same()
{
	[ "$2" = "$3" ] || die "$1: '$2', and not '$3'"
}

# shellcheck disable=SC2034 # for who calls it
fails()
{
	local wanted=$1 text=$2 status=0
	shift 2
	said=$("$@" 2>&1) || status=$?
	[ "$status" -eq "$wanted" ] || die "$*: status $status, and not $wanted: $said"
	[[ $(tr -s ' \n' ' ' <<<"$said") == *"$text"* ]] || die "$*: does not say '$text': $said"
}

# shellcheck disable=SC2016 # Nix expands it
expression='derivation { name = "made"; system = builtins.currentSystem; builder = "/bin/sh";
	args = ["-c" "echo made >$out"]; }'

installs()
{
	local nix=$NIX_USER_CHROOT_DIR path
	"$1" "$program" --install --quiet --no-channel-add --mirror "file://$releases"
	# releases has a newer version, too, which is the same Nix under another name: so accept any version
	[[ $("$1" "$program" -- nix --version) == 'nix (Nix) '* ]] || die "there is no Nix inside"
	path=$("$1" "$program" -- nix-build --no-out-link --option substitute false -E "$expression")
	same "what was built" "$(cat "$nix/store/${path##*/}")" made
	"$1" "$program" -- nix-store --delete "$path" >/dev/null 2>&1 || die "cannot delete $path"
	[ ! -e "$nix/store/${path##*/}" ] || die "$path is still there"
}

uninstalls()
{
	"$1" "$program" --uninstall --yes >/dev/null
	same "what is left" "$(find "$HOME" "$NIX_USER_CHROOT_DIR" -mindepth 1 2>/dev/null)" ''
}
