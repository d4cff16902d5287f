# shellcheck shell=bash
#
# bash completion for nix-user-chroot(1), with bash-completion or without it.

# Versions of Nix that are known without a network: the one that is installed, those of which a part
# was downloaded, and those of the mirror $1 where that is a directory.
_nix_user_chroot_versions()
{
	local data=${XDG_DATA_HOME:-$HOME/.local/share} cache=${XDG_CACHE_HOME:-$HOME/.cache}
	local mirror=${1#file://} path

	{
		sed -n 's/^version //p' \
			"${NIX_USER_CHROOT_DIR:-$data/nix}/var/nix-user-chroot/receipt" 2>/dev/null
		for path in "$cache"/nix-user-chroot/nix-*-linux.tar*; do
			path=${path##*/nix-}
			printf '%s\n' "${path%-*-linux.tar*}"
		done
		if [[ $mirror == /* ]]; then
			for path in "$mirror"/nix-*/; do
				path=${path%/}
				printf '%s\n' "${path##*/nix-}"
			done
		fi
	} | grep -x '[0-9][0-9A-Za-z.+_-]*'
}

# The command whose name is word $1 completes itself.
_nix_user_chroot_command()
{
	if declare -F _comp_command_offset >/dev/null; then
		_comp_command_offset "$1"
	elif declare -F _command_offset >/dev/null; then
		_command_offset "$1"
	elif ((COMP_CWORD > $1)); then
		compopt -o default
	elif [[ ${COMP_WORDS[COMP_CWORD]} == */* ]]; then
		compopt -o filenames
		mapfile -t COMPREPLY < <(compgen -f -- "${COMP_WORDS[COMP_CWORD]}")
	else
		mapfile -t COMPREPLY < <(compgen -c -- "${COMP_WORDS[COMP_CWORD]}" | sort -u)
	fi
}

# _nix_user_chroot_value OPTION CURRENT MIRROR
_nix_user_chroot_value()
{
	local systems='x86_64-linux i686-linux aarch64-linux armv6l-linux armv7l-linux'
	systems+=' riscv64-linux powerpc64le-linux'

	case $1 in
	--nix-version)
		# a single-quoted $() is split, and not expanded once more
		# shellcheck disable=SC2016
		mapfile -t COMPREPLY < <(compgen -W '$(_nix_user_chroot_versions "$3")' -- "$2")
		;;
	--system)
		mapfile -t COMPREPLY < <(compgen -W "$systems" -- "$2")
		;;
	--mirror)
		compopt -o filenames
		mapfile -t COMPREPLY < <(compgen -d -- "$2")
		;;
	--tarball | --cacert | --nix-extra-conf-file)
		compopt -o filenames
		mapfile -t COMPREPLY < <(compgen -f -- "$2")
		;;
	esac
}

_nix_user_chroot()
{
	local any='--help --quiet --verbose'
	local commands='--install --uninstall --check --print-path-config --version'
	local install='--nix-version --system --force --mirror --tarball --sha256 --cacert
		--extra-conf --nix-extra-conf-file --no-channel-add --no-modify-profile --no-shims
		--dry-run'
	local cur=${COMP_WORDS[COMP_CWORD]} word value first mode='' options i
	local mirror=${NIX_USER_CHROOT_MIRROR:-}

	COMPREPLY=()
	for ((i = 1; i < COMP_CWORD; i++)); do
		word=${COMP_WORDS[i]}
		case $word in
		--)
			_nix_user_chroot_command $((i + 1))
			return
			;;
		--install | --uninstall | --check | --print-path-config)
			mode=$word
			;;
		--nix-version | --mirror | --tarball | --sha256 | --system | --cacert | --extra-conf | --nix-extra-conf-file)
			# bash parts words at '=' and ':', "--mirror=file:///x" into five
			i=$((i + 1))
			[[ ${COMP_WORDS[i]} != = ]] || i=$((i + 1))
			first=$i value=${COMP_WORDS[i]:-}
			while [[ ${COMP_WORDS[i + 1]:-} == [=:]* ]]; do
				value+=${COMP_WORDS[i + 1]}${COMP_WORDS[i + 2]:-}
				i=$((i + 2))
			done
			if ((i >= COMP_CWORD)); then
				[[ $cur != [=:]* ]] || cur=
				((first >= COMP_CWORD)) || [[ $word == --mirror ]] || return
				_nix_user_chroot_value "$word" "$cur" "$mirror"
				return
			fi
			[[ $word != --mirror ]] || mirror=$value
			;;
		-*) ;;
		*)
			# "NIXPATH -- COMMAND" too
			[[ ${COMP_WORDS[i + 1]} != -- ]] || ((i + 1 == COMP_CWORD)) || i=$((i + 1))
			[ -n "$mode" ] || _nix_user_chroot_command $((i + 1))
			return
			;;
		esac
	done
	case $mode in
	--install) options="$any $install" ;;
	--uninstall) options="$any --force --yes" ;;
	--check) options="$any --json" ;;
	--print-path-config) options=$any ;;
	*) options="$any $commands --new-namespace" ;;
	esac
	if [[ $cur == -* ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$options" -- "$cur")
	elif [ -z "$mode" ]; then
		compopt -o filenames
		mapfile -t COMPREPLY < <(compgen -d -- "$cur")
	fi
}

complete -F _nix_user_chroot nix-user-chroot
