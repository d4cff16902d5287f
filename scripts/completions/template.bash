# shellcheck shell=bash
#
# bash completion for nix-user-chroot(1), with bash-completion or without it.

# List versions of Nix that are known without a network; the mirror is $1.
_nix_user_chroot_versions()
{
	sh -c '@VERSIONS@' sh "$1"
}

# Complete the arguments of a command by that command's own completion; its name is word $1.
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

# _nix_user_chroot_value OPTION CURRENT MIRROR: complete the value of OPTION
_nix_user_chroot_value()
{
	case $1 in
	@VERSION@)
		# in single quotes: compgen itself runs the $(), and splits its output, but expands no word of it
		# again
		# shellcheck disable=SC2016
		mapfile -t COMPREPLY < <(compgen -W '$(_nix_user_chroot_versions "$3")' -- "$2")
		;;
	@SYSTEM@)
		mapfile -t COMPREPLY < <(compgen -W '@SYSTEMS@' -- "$2")
		;;
	@URL@)
		compopt -o filenames
		mapfile -t COMPREPLY < <(compgen -d -- "$2")
		;;
	@FILE@)
		compopt -o filenames
		mapfile -t COMPREPLY < <(compgen -f -- "$2")
		;;
	esac
}

_nix_user_chroot()
{
	local cur=${COMP_WORDS[COMP_CWORD]} with name word value first mode=enter options='' i
	local mirror=${NIX_USER_CHROOT_MIRROR:-}

	COMPREPLY=()
	for ((i = 1; i < COMP_CWORD; i++)); do
		word=${COMP_WORDS[i]}
		case $word in
		@COMMANDS@) mode=${word#--} ;;
		esac
		case $word in
		--)
			_nix_user_chroot_command $((i + 1))
			return
			;;
		@VALUES@)
			# bash splits words at '=' and ':', such as "--mirror=file:///x" into five
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
			# "--" may also stand after NIXPATH: "NIXPATH -- COMMAND"
			[[ ${COMP_WORDS[i + 1]} != -- ]] || ((i + 1 == COMP_CWORD)) || i=$((i + 1))
			[ "$mode" != enter ] || _nix_user_chroot_command $((i + 1))
			return
			;;
		esac
	done
	while IFS='|' read -r with _ _ name _; do
		[[ " $with " != *" $mode "* ]] || options+=" --$name"
	done <<<'@OPTIONS@'
	if [[ $cur == -* ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$options" -- "$cur")
	elif [ "$mode" = enter ]; then
		compopt -o filenames
		mapfile -t COMPREPLY < <(compgen -d -- "$cur")
	fi
}

complete -F _nix_user_chroot nix-user-chroot
