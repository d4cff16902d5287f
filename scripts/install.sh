#!/bin/sh
# Install Nix in your home directory, without root:
#
#     curl -fsSL https://github.com/nix-user-chroot/nix-user-chroot/releases/latest/download/install.sh | sh
#     curl -fsSL ... | sh -s -- OPTION...        with options of nix-user-chroot --install
#     wget -qO- ... | sh                         the same, where there is no curl
#
# Downloads the program for this host, verifies its SHA-256 and runs "nix-user-chroot --install" with the given
# options. Exit status: that of the program, or 125 if the program could not be run.
#
# A release is a directory that holds SHA256SUMS and the programs that SHA256SUMS names. The version need not be
# known: the script takes the one name in SHA256SUMS that ends in -ARCH-linux and does not contain a Nix. ARCH is
# x86_64, i686, aarch64, armv7l or riscv64. The hash counts only where nobody can have changed it on its way: over
# https with the server's certificate verified, from a local directory, or in NIX_USER_CHROOT_PROGRAM_SHA256.
#
# Environment, beside the variables of the program itself:
#     NIX_USER_CHROOT_RELEASES         the release: an https URL, or a directory (also as file://DIR).
#                                      The program fetches PRoot from it where no other runtime works
#     NIX_USER_CHROOT_PROGRAM_SHA256   the hash that the program must have. With it the release may also come
#                                      from an http URL, or by a wget that does not verify certificates
#                                      (busybox without openssl)
#     NIX_SSL_CERT_FILE SSL_CERT_FILE CURL_CA_BUNDLE   the first that is set: certificates to trust
#     NIX_USER_CHROOT_DOWNLOAD_TO      a directory: put the verified program there as nix-user-chroot, and
#                                      install nothing
#     TMPDIR                           where the program is kept until it has run
#
# POSIX sh. The whole script is one command, so that a script cut short by the network does nothing. Variables begin
# with nuc_, because a variable that the caller exports under the same name would carry our value to the program.
# shellcheck disable=SC2317 # functions that are called by a trap, or through nuc_run
{ nix_user_chroot_install() {
	# a sourced script that exits would end the user's shell
	case $- in
	*i*)
		echo 'nix-user-chroot: install.sh is to be run by sh, not to be sourced: sh install.sh' >&2
		return 125
		;;
	esac
	if [ -n "${ZSH_VERSION-}" ]; then
		emulate sh
	fi
	set -eu
	# undo "sh -a" and SHELLOPTS: our variables would be exported to the program (a), or we could not write files
	# (C)
	set +aCf
	unset IFS
	nuc_releases=https://github.com/nix-user-chroot/nix-user-chroot/releases/latest/download
	nuc_releases=${NIX_USER_CHROOT_RELEASES:-$nuc_releases}
	nuc_releases=${nuc_releases%/}
	nuc_pin=${NIX_USER_CHROOT_PROGRAM_SHA256-}
	nuc_dir='' nuc_child='' nuc_quiet='' nuc_with_command=''
	nuc_newline='
'

	# nuc_die WHAT-AND-WHY WHAT-TO-DO...: print the message and exit with status 125
	nuc_die() {
		printf 'nix-user-chroot: %s\n' "$1" >&2
		shift
		if [ $# -gt 0 ]; then
			printf '  %s\n' "$@" >&2
		fi
		exit 125
	}

	nuc_has() {
		command -v "$1" >/dev/null 2>&1
	}

	nuc_clean_up() {
		if [ -n "$nuc_child" ]; then
			# TERM for every signal: a background job of sh ignores INT
			kill -TERM "$nuc_child" 2>/dev/null || :
			wait "$nuc_child" 2>/dev/null || :
			nuc_child=''
		fi
		if [ -n "$nuc_dir" ]; then
			rm -rf "$nuc_dir"
			nuc_dir=''
		fi
	}

	# nuc_stop SIGNAL: end by the same signal as we got, so that the caller sees the reason.
	nuc_stop() {
		trap '' HUP INT QUIT PIPE TERM
		nuc_clean_up
		trap - EXIT "$1"
		# in zsh the exit status would become 1
		[ -n "${ZSH_VERSION-}" ] || kill -"$1" $$
		exit "$2"
	}

	# nuc_run COMMAND...: run COMMAND in the background and wait: a trap then runs at once, not only when COMMAND
	# ends
	nuc_run() {
		"$@" &
		nuc_child=$!
		nuc_status=0
		wait "$nuc_child" || nuc_status=$?
		nuc_child=''
		return "$nuc_status"
	}

	nuc_read_options() {
		case ${NIX_USER_CHROOT_QUIET-} in
		1 | yes | true | on) nuc_quiet=1 ;;
		esac
		for nuc_word; do
			case $nuc_word in
			--)
				nuc_with_command=1
				break
				;;
			-q | --quiet) nuc_quiet=1 ;;
			esac
		done
	}

	nuc_check_hash() {
		[ ${#1} -eq 64 ] || return 1
		case $1 in
		*[!0-9a-fA-F]*) return 1 ;;
		esac
	}

	nuc_find_releases() {
		if [ -n "$nuc_pin" ] && ! nuc_check_hash "$nuc_pin"; then
			nuc_die "NIX_USER_CHROOT_PROGRAM_SHA256 is '$nuc_pin', which is no SHA-256" \
				'give 64 hexadecimal digits'
		fi
		case $nuc_releases in
		https://?*) nuc_protocols='=https' ;;
		http://?*)
			nuc_protocols='=http,https'
			[ -n "$nuc_pin" ] || nuc_die \
				"cannot install from $nuc_releases: a hash that comes over http proves nothing" \
				'use an https or file URL in NIX_USER_CHROOT_RELEASES, or give the hash of the' \
				'program in NIX_USER_CHROOT_PROGRAM_SHA256'
			;;
		file:///*) nuc_releases=${nuc_releases#file://} ;;
		/*) ;;
		*) nuc_die "NIX_USER_CHROOT_RELEASES is '$nuc_releases', which is no URL or directory of releases" \
			'give an https or file URL, or an absolute directory' ;;
		esac
	}

	# nuc_userland_bits: print 32, 64, or nothing if unknown. A 64-bit kernel may have a 32-bit userland.
	nuc_userland_bits() {
		nuc_bits=$(getconf LONG_BIT 2>/dev/null) || nuc_bits=''
		case $nuc_bits in
		32 | 64)
			echo "$nuc_bits"
			return
			;;
		esac
		# the class in the ELF header of sh (elf(5)): 1 for 32 bits, 2 for 64
		nuc_bits=$(dd if=/bin/sh bs=1 skip=4 count=1 2>/dev/null) || nuc_bits=''
		case $nuc_bits in
		"$(printf '\001')") echo 32 ;;
		"$(printf '\002')") echo 64 ;;
		esac
	}

	nuc_find_arch() {
		nuc_has uname || nuc_die 'cannot tell what this host is: there is no uname command' \
			'install the basic tools of your distribution (coreutils or busybox)'
		nuc_arch=$(uname -s)
		[ "$nuc_arch" = Linux ] || nuc_die \
			"this is $nuc_arch, and nix-user-chroot needs user namespaces, which only Linux has" \
			"there, Nix's own installer is what you want: https://nixos.org/download"
		nuc_arch=$(uname -m)
		case $nuc_arch in
		x86_64 | amd64)
			nuc_arch=x86_64
			[ "$(nuc_userland_bits)" != 32 ] || nuc_arch=i686
			;;
		i[3-6]86) nuc_arch=i686 ;;
		aarch64 | arm64)
			nuc_arch=aarch64
			[ "$(nuc_userland_bits)" != 32 ] || nuc_arch=armv7l
			;;
		# armv8l is what uname prints to a 32-bit program on a 64-bit processor
		armv7l | armv8l) nuc_arch=armv7l ;;
		riscv64) ;;
		*) nuc_refuse_arch "$nuc_arch" ;;
		esac
	}

	nuc_refuse_arch() {
		nuc_die "there is no program for this host's architecture, which is $1" \
			'there are programs for x86_64, i686, aarch64, armv7l and riscv64; for others build it from source:' \
			'https://github.com/nix-user-chroot/nix-user-chroot'
	}

	nuc_find_ca() {
		nuc_ca=${NIX_SSL_CERT_FILE:-${SSL_CERT_FILE:-${CURL_CA_BUNDLE-}}}
	}

	# set the downloader: curl, or a wget, which is GNU's (gnu) or that of busybox
	nuc_find_downloader() {
		case $nuc_releases in
		/*)
			nuc_downloader='cp'
			return
			;;
		esac
		nuc_find_ca
		if nuc_has curl; then
			nuc_downloader=curl
			return
		fi
		nuc_downloader=$(wget --version 2>&1) || :
		case $nuc_downloader in
		*'GNU Wget 1.'*) nuc_downloader=gnu ;;
		*BusyBox*) nuc_check_busybox ;;
		*) nuc_die "cannot download from $nuc_releases: there is neither curl nor GNU or busybox wget" \
			'install curl, or download the release elsewhere and name its directory in' \
			'NIX_USER_CHROOT_RELEASES' ;;
		esac
	}

	# Busybox 1.35 is the first version that we have seen make openssl verify the server and its name. Older
	# versions verify nothing, and do not say so.
	nuc_check_busybox() {
		nuc_busybox=${nuc_downloader#*BusyBox v}
		nuc_busybox=${nuc_busybox%% *}
		nuc_downloader=busybox
		case $nuc_busybox:$nuc_pin in
		1.[0-9].*: | 1.[0-2][0-9].*: | 1.3[0-4].*:) nuc_die \
			"cannot trust what busybox wget $nuc_busybox downloads: it may not verify the server" \
			'install curl, or give the hash of the program in NIX_USER_CHROOT_PROGRAM_SHA256' ;;
		esac
	}

	nuc_find_digester() {
		# no "for nuc_digester": in yash the variable of a loop inside a function is local
		for nuc_word in sha256sum shasum openssl ''; do
			nuc_digester=$nuc_word
			# try it: the digest of no bytes is known, and a tool that does not work is passed over
			if [ -n "$nuc_digester" ] && nuc_has "$nuc_digester" && nuc_digest /dev/null &&
				[ "$nuc_hash" = "$nuc_hash_of_nothing" ]; then
				return
			fi
		done
		nuc_die 'cannot verify a download: there is no sha256sum, shasum or openssl that works' \
			'install one of them (coreutils, perl or openssl): nothing is run unverified'
	}
	nuc_hash_of_nothing=e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855

	# nuc_digest FILE: set nuc_hash to its SHA-256
	nuc_digest() {
		case $nuc_digester in
		sha256sum) nuc_hash=$(sha256sum <"$1" 2>/dev/null) ;;
		shasum) nuc_hash=$(shasum -a 256 <"$1" 2>/dev/null) ;;
		openssl) nuc_hash=$(openssl dgst -sha256 <"$1" 2>/dev/null) ;;
		esac || return 1
		nuc_hash=${nuc_hash##*= } # openssl's "SHA2-256(stdin)= HASH"
		nuc_hash=${nuc_hash%% *}  # the others' "HASH  -"
	}

	# nuc_make_dir PARENT: make a directory in PARENT that is ours alone, and set nuc_dir to it. mkdir follows no
	# link and fails if the name exists, so a name that others can guess does no harm.
	nuc_make_dir() {
		for nuc_suffix in '' .2 .3 .4 .5; do
			nuc_word=${1%/}/nix-user-chroot.$$$nuc_suffix
			if (umask 077 && mkdir "$nuc_word") 2>/dev/null; then
				# set before mkdir, so that nuc_clean_up removes the directory if a signal comes in
				# between
				nuc_dir=$nuc_word
				return
			fi
		done
		return 1
	}

	# nuc_try_dir PARENT: make a directory in PARENT from which programs can be run, and set nuc_dir to it
	nuc_try_dir() {
		case $1 in
		/*) ;;
		*) return 1 ;;
		esac
		nuc_why='is no directory'
		if [ -d "$1" ]; then
			nuc_why='cannot be written to'
			if nuc_make_dir "$1" && { printf '#!/bin/sh\nexit 0\n' >"$nuc_dir/try"; } 2>/dev/null &&
				chmod 700 "$nuc_dir/try" 2>/dev/null; then
				nuc_why='no program can be run from it (mounted noexec)'
				if "$nuc_dir/try" 2>/dev/null; then
					return 0
				fi
			fi
		fi
		nuc_tried="$nuc_tried$nuc_newline  $1: $nuc_why"
		[ -z "$nuc_dir" ] || rm -rf "$nuc_dir"
		nuc_dir=''
		return 1
	}

	nuc_find_dir() {
		nuc_tried=''
		for nuc_where in "${TMPDIR-}" /tmp "${XDG_CACHE_HOME:-${HOME:+$HOME/.cache}}" \
			"${XDG_RUNTIME_DIR-}" "${HOME-}"; do
			if nuc_try_dir "$nuc_where"; then
				return
			fi
		done
		nuc_die "there is no directory to download the program to and run it from:$nuc_tried" \
			'set TMPDIR to a directory that you can write to and that is not mounted noexec'
	}

	# nuc_fetch URL FILE: download in a process of its own; its messages go to FILE.log
	nuc_fetch() {
		exec >"$2.log" 2>&1
		# a server that never stops sending must not fill the disk. The limit is 64 MiB, in blocks of 512
		# bytes (Bash counts in 1024). With XFSZ ignored, the write fails with a message; the signal would
		# kill without one
		trap '' XFSZ
		ulimit -f 131072 2>/dev/null || :
		LC_ALL=C
		export LC_ALL
		case $nuc_downloader in
		cp) exec cp "$1" "$2" ;;
		curl)
			set -- --output "$2" "$1"
			[ -z "$nuc_ca" ] || set -- --cacert "$nuc_ca" "$@"
			# a transfer is stalled if less than a byte a second comes for a minute --no-insecure:
			# override "insecure" in a .curlrc
			exec curl --fail --silent --show-error --location --max-redirs 10 --no-insecure \
				--proto "$nuc_protocols" --proto-redir "$nuc_protocols" \
				--retry 3 --retry-max-time 120 --connect-timeout 30 --speed-limit 1 --speed-time 60 \
				"$@"
			;;
		gnu)
			set -- -O "$2" "$1"
			[ -z "$nuc_ca" ] || set -- --ca-certificate="$nuc_ca" "$@"
			# --check-certificate: override a .wgetrc that does not check
			exec wget -nv -S --tries=3 --timeout=60 --max-redirect=10 --check-certificate "$@"
			;;
		busybox)
			# this wget runs the openssl command for https, which reads SSL_CERT_FILE
			[ -z "$nuc_ca" ] || export SSL_CERT_FILE="$nuc_ca"
			# no -T: busybox 1.35 as built by Debian crashes with it
			exec wget -S -O "$2" "$1"
			;;
		esac
	}

	# Check from wget's log that the download went over https all the way, to a verified server. No option of
	# wget forbids a redirect to http, so this check comes after the download.
	nuc_check_log() {
		nuc_why=''
		while read -r nuc_line || [ -n "$nuc_line" ]; do
			case $nuc_line in
			[Ll][Oo][Cc][Aa][Tt][Ii][Oo][Nn]:*)
				nuc_target=${nuc_line#*:}
				nuc_target=${nuc_target#"${nuc_target%%[! ]*}"}
				case $nuc_target in
				https://* | //*) ;;
				*://*) nuc_why="the server redirects to $nuc_target" ;;
				esac
				;;
			*'certificate validation not implemented'*)
				nuc_why="this wget does not verify the server's certificate"
				;;
			esac
		done <"$1.log"
		[ -z "$nuc_why" ]
	}

	# nuc_last_line FILE [BEGINNING]: set nuc_why to the last line of FILE, or the last that begins with
	# BEGINNING: the error message
	nuc_last_line() {
		nuc_why=''
		while read -r nuc_line || [ -n "$nuc_line" ]; do
			case $nuc_line in
			'') ;;
			"${2-}"*) nuc_why=$nuc_line ;;
			esac
		done <"$1"
	}

	# nuc_download NAME: download the file NAME of the release into nuc_dir
	nuc_download() {
		nuc_url=$nuc_releases/$1
		if ! nuc_run nuc_fetch "$nuc_url" "$nuc_dir/$1" || [ ! -f "$nuc_dir/$1" ]; then
			case $nuc_downloader in
			# curl prints advice after its error
			curl) nuc_last_line "$nuc_dir/$1.log" 'curl: ' ;;
			*) nuc_last_line "$nuc_dir/$1.log" ;;
			esac
			nuc_why="cannot download $nuc_url: ${nuc_why:-$nuc_downloader failed with status $nuc_status}"
			case $nuc_why in
			*[Cc]ertificate* | *' CA '*) nuc_die "$nuc_why" \
				'install your distribution'\''s ca-certificates, or name a file of certificates to trust in' \
				'SSL_CERT_FILE; is the clock right?' ;;
			esac
			nuc_die "$nuc_why" 'look at the network, at the proxy variables (https_proxy) and at' \
				'NIX_USER_CHROOT_RELEASES, then run this again'
		fi
		case $nuc_downloader:$nuc_pin in
		gnu: | busybox:)
			nuc_check_log "$nuc_dir/$1" || nuc_die \
				"cannot trust what came from $nuc_url: $nuc_why" \
				'install curl (or, for busybox wget, openssl), or give the hash of the program in' \
				'NIX_USER_CHROOT_PROGRAM_SHA256'
			;;
		esac
	}

	# set nuc_name and nuc_expected, the hash, to what SHA256SUMS says about the program for this host
	nuc_read_sums() {
		nuc_name='' nuc_expected=''
		while read -r nuc_hash nuc_file || [ -n "$nuc_hash" ]; do
			nuc_file=${nuc_file#\*} # "sha256sum --binary" puts a * before the name
			case $nuc_file in
			*[!A-Za-z0-9._+~-]*) continue ;;
			nix-user-chroot-*-nix-*) continue ;; # a program with a Nix in the same file
			nix-user-chroot-*"$nuc_arch-linux") ;;
			*) continue ;;
			esac
			nuc_check_hash "$nuc_hash" || continue
			[ -z "$nuc_name" ] || nuc_die \
				"$nuc_releases/SHA256SUMS names more than one program for $nuc_arch: $nuc_name, $nuc_file" \
				'name the directory of one release in NIX_USER_CHROOT_RELEASES'
			nuc_name=$nuc_file nuc_expected=$nuc_hash
		done <"$nuc_dir/SHA256SUMS"
		[ -n "$nuc_name" ] || nuc_die \
			"$nuc_releases/SHA256SUMS names no program for $nuc_arch" \
			'check NIX_USER_CHROOT_RELEASES; a login page of the network may have answered instead'
	}

	nuc_verify() {
		nuc_expected=${nuc_pin:-$nuc_expected}
		case $nuc_expected in
		*[A-F]*) nuc_expected=$(printf '%s\n' "$nuc_expected" | tr A-F a-f) ;;
		esac
		nuc_digest "$nuc_dir/$nuc_name" || nuc_hash='unknown'
		[ "$nuc_hash" = "$nuc_expected" ] || nuc_die \
			"SHA-256 mismatch for $nuc_url: it is $nuc_hash, not $nuc_expected" \
			'it was not run; try again, and if it stays so, tell who runs that server'
	}

	nuc_install() {
		nuc_program=$nuc_dir/nix-user-chroot
		nuc_status=0
		mv "$nuc_dir/$nuc_name" "$nuc_program"
		chmod 700 "$nuc_program"
		"$nuc_program" --version >"$nuc_program.log" 2>&1 </dev/null || nuc_status=$?
		# 126 and 127 mean that the shell could not run the program, more that a signal ended the program
		if [ "$nuc_status" -ge 126 ]; then
			nuc_last_line "$nuc_program.log"
			nuc_die "$nuc_url does not run on this host: ${nuc_why:-it ends with status $nuc_status}" \
				'please report it, with the output of: uname -a'
		fi
		if [ -n "${NIX_USER_CHROOT_DOWNLOAD_TO-}" ]; then
			mv "$nuc_program" "$NIX_USER_CHROOT_DOWNLOAD_TO/nix-user-chroot" || nuc_die \
				"cannot put the program into $NIX_USER_CHROOT_DOWNLOAD_TO" \
				'name a directory that you can write to in NIX_USER_CHROOT_DOWNLOAD_TO'
			exit 0
		fi
		if [ -n "$nuc_with_command" ]; then
			# run in the foreground: the program reads answers from the terminal, and Ctrl-C must reach
			# it
			nuc_status=0
			"$nuc_program" --install "$@" || nuc_status=$?
		else
			nuc_run "$nuc_program" --install "$@" || :
		fi
		exit "$nuc_status"
	}

	trap nuc_clean_up EXIT
	trap 'nuc_stop HUP 129' HUP
	trap 'nuc_stop INT 130' INT
	trap 'nuc_stop QUIT 131' QUIT
	trap 'nuc_stop PIPE 141' PIPE
	trap 'nuc_stop TERM 143' TERM
	nuc_read_options "$@"
	nuc_find_releases
	nuc_find_arch
	nuc_find_downloader
	nuc_find_digester
	nuc_find_dir
	nuc_download SHA256SUMS
	nuc_read_sums
	[ -n "$nuc_quiet" ] || echo "nix-user-chroot: downloading $nuc_releases/$nuc_name" >&2
	nuc_download "$nuc_name"
	nuc_verify
	nuc_install "$@"
}; nix_user_chroot_install "$@"; }
