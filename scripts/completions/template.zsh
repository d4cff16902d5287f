#compdef nix-user-chroot
#
# zsh completion for nix-user-chroot(1).

# List versions of Nix that are known without a network.
_nix-user-chroot_versions() {
	local -a versions=(${(f)"$(sh -c '@VERSIONS@' sh $nuc_mirror)"})

	_wanted versions expl 'version of Nix' compadd -a versions
}

_nix-user-chroot() {
	# the names begin with nuc_: the completion of COMMAND reads variables of zsh's own, such as "commands"
	local -a nuc_specs
	local nuc_word nuc_mode=enter nuc_mirror=${NIX_USER_CHROOT_MIRROR:-}
	local nuc_with nuc_often nuc_letter nuc_name nuc_value nuc_help
	integer nuc_i nuc_at=0

	for ((nuc_i = 2; nuc_i < CURRENT; nuc_i++)); do
		nuc_word=${(Q)words[nuc_i]}
		case $nuc_word in
		@COMMANDS@) nuc_mode=${nuc_word#--} ;;
		esac
		case $nuc_word in
		--)
			nuc_at=nuc_i+1
			break
			;;
		--mirror=*)
			nuc_mirror=${nuc_word#*=}
			;;
		@VALUES@)
			nuc_i+=1
			[[ $nuc_word != --mirror || nuc_i -ge CURRENT ]] || nuc_mirror=${(Q)words[nuc_i]}
			;;
		-*) ;;
		*)
			# the words that follow are possible only when entering, and not with --install and the like
			[[ $nuc_mode == enter ]] || return 1
			# "--" may also stand after NIXPATH: "NIXPATH -- COMMAND"
			nuc_at=nuc_i+1
			[[ nuc_i+1 -ge CURRENT || $words[nuc_i+1] != -- ]] || nuc_at=nuc_i+2
			break
			;;
		esac
	done
	if ((nuc_at)); then
		# from here on, complete as if COMMAND were a command line of its own
		shift $((nuc_at - 1)) words
		((CURRENT -= nuc_at - 1))
		_normal
		return
	fi
	if [[ $nuc_mode == enter ]]; then
		nuc_specs=('1:directory that is to be /nix:_directories')
	else
		nuc_specs=(--$nuc_mode)
		case --$nuc_mode in
		@VALUES@) nuc_specs=("--$nuc_mode:file:_files") ;;
		esac
	fi
	while IFS='|' read -r nuc_with nuc_often nuc_letter nuc_name nuc_value nuc_help; do
		[[ " $nuc_with " == *" $nuc_mode "* ]] || continue
		case $nuc_value in
		'') ;;
		VERSION) nuc_value=':version:_nix-user-chroot_versions' ;;
		SYSTEM) nuc_value=':system:(@SYSTEMS@)' ;;
		URL) nuc_value=':URL or directory:_directories' ;;
		FILE) nuc_value=':file:_files' ;;
		*) nuc_value=":${(L)nuc_value}: " ;;
		esac
		for nuc_word in ${nuc_letter:+-$nuc_letter} --$nuc_name; do
			nuc_specs+=("$nuc_often$nuc_word${nuc_value:+=}[${nuc_help//\]/\\]}]$nuc_value")
		done
	done <<<'@OPTIONS@'
	_arguments -s $nuc_specs
}

_nix-user-chroot "$@"
