# shellcheck shell=bash
#
# What runs in guests begins with this: the shares are build, releases and tree.
#
#   as_guest COMMAND...     as the user guest, with HOME as it is
#   same WHAT GOT WANTED    ends with a message where two words are not the same
#   fails WANTED TEXT COMMAND...   the command ends with status WANTED, and says TEXT; sets said
#   installs AS             --install works, and what comes of it: a build, its removal; AS is
#                           as_guest or env; the Nix directory is $NIX_USER_CHROOT_DIR
#   uninstalls AS           --uninstall leaves nothing there and in HOME

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
	# that of the newer release is another name for the same Nix
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
