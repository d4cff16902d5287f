#!/usr/bin/env bats
#
# The manual page and the program must have the same options, variables and systems.

# shellcheck disable=SC2154 # bats sets output, status and lines

bats_require_minimum_version 1.5.0

setup()
{
	BUILD_DIR=${BUILD_DIR:-$BATS_TEST_DIRNAME/../..}
	PROGRAM=$(realpath "${NIX_USER_CHROOT:-$BUILD_DIR/nix-user-chroot}")
	TOP=$(realpath "$BATS_TEST_DIRNAME/../..")
	PAGE=$TOP/src/nix-user-chroot.1
	unset "${!NIX_@}"
}

# Print the manual page as text: headings at the left, entries indented by seven
page()
{
	# turn off justification and hyphenation, which change words. With GROFF_NO_SGR bold letters use backspaces,
	# which col removes; groff 1.23 would write escape sequences.
	GROFF_NO_SGR=1 MANWIDTH=200 LC_ALL=C man --no-justification --no-hyphenation -l -Tascii "$PAGE" | col -b
}

# section NAME: print the lines of that section
section()
{
	page | sed -n "/^$1\$/,/^[A-Z]/p" | sed 1d
}

# listed [COMMAND]: print the options on that help page with their values, such as "-q, --quiet" and "--mirror URL"
listed()
{
	"$PROGRAM" "$@" --help |
		sed -n 's/^ \{2,6\}\(\(-., \)\{0,1\}--[a-z0-9-]*\( [A-Z|]\{1,\}\)\{0,1\}\)  *.*/\1/p'
}

same()
{
	diff <(printf '%s\n' "$1") <(printf '%s\n' "$2")
}

# headings: from the text of a section on stdin, print the headings of its entries
headings()
{
	# a short heading has its text on the same line
	sed -n 's/^ \{7\}\([^ ].*\)$/\1/p' | sed 's/  .*//; s/ [A-Z][a-z].*//'
}

# documented LINES: print the options in LINES of the section OPTIONS; LINES is an address of sed's
documented()
{
	section OPTIONS | sed -n "$1p" | headings | grep -e '^-'
}

@test "man page: the options of the program, with their arguments, each under its command" {
	local general
	general=$(listed)

	[ "$(grep -c . <<<"$general")" -gt 5 ]
	same "$(sort <<<"$general")" "$(documented '1,/^   With/' | sort)"
	for command in --install --uninstall --update --bundle --check; do
		same "$(listed "$command" | grep -vxFe "$general" | sort)" \
			"$(documented "/^   With \"\{0,1\}$command/,/^   With/" | sort)"
	done
}

@test "man page: the variables of the program, and no other" {
	local mine theirs

	# "mine" are the variables that the sources read; "theirs" are those in ENVIRONMENT on the page
	mine=$(cd "$TOP/src" && {
		grep -ohE 'VARIABLE\("[A-Z0-9_]+"\)' cli/option_table.c |
			sed 's/VARIABLE("\(.*\)")/NIX_USER_CHROOT_\1/'
		grep -rohE 'env_get\("[A-Za-z_]+"\)' --include='*.c' . | sed 's/env_get("\(.*\)")/\1/'
		grep -ohE '"XDG_[A-Z_]+"' util/xdg.c | tr -d '"'
	} | sort -u)
	[ "$(grep -c NIX_USER_CHROOT_ <<<"$mine")" -gt 10 ]
	theirs=$(section ENVIRONMENT | headings | grep -xE '[A-Za-z0-9_]+(, [A-Za-z0-9_]+)*' |
		tr -d ' ' | tr , '\n' | sort -u)
	# not on the page: --check finds out by this variable where it runs, and no user sets it
	same "$(grep -vx KUBERNETES_SERVICE_HOST <<<"$mine")" \
		"$(grep -vxE '(https|http|all|no)_proxy|CURL_CA_BUNDLE|NIX_USER_CONF_FILES|LD_LIBRARY_PATH|LD_PRELOAD|LC_ALL|LC_CTYPE|LANG|NIX_USER_CHROOT|NIX_USER_CHROOT_SHELL' <<<"$theirs")"
	# the sources read or set these in other ways: by libcurl, lists of names, setenv(3), or names of our own
	for name in https_proxy no_proxy CURL_CA_BUNDLE NIX_USER_CONF_FILES \
		LD_LIBRARY_PATH LD_PRELOAD LC_ALL LC_CTYPE LANG NIX_USER_CHROOT NIX_USER_CHROOT_SHELL; do
		grep -qx "$name" <<<"$theirs"
		grep -rqF "$name" "$TOP/src" --include='*.[ch]'
	done
}

@test "man page: every variable of the same name as an option is said to be that" {
	local option variable

	for option in $(listed --install | sed 's/^-., //; s/ .*//'); do
		# these options change nothing, and have no variable
		case $option in --yes | --no-confirm | --no-daemon) continue ;; esac
		variable=NIX_USER_CHROOT_$(tr a-z- A-Z_ <<<"${option#--}")
		section ENVIRONMENT | grep -x -A 1 " *$variable" | grep -e "As ${option}[.,; ]"
	done
}

@test "man page: the messages under DIAGNOSTICS are those of the program" {
	local sources part count=0

	# Join the string literals that are broken over lines, as the compiler does. A message "cannot X" may also be
	# in a table as "X".
	sources=$(cat "$TOP"/src/*.c "$TOP"/src/*/*.c | tr -d '\n' | sed 's/"[[:space:]]*"//g')
	while read -r part; do
		grep -qF -e "$part" -e "\"${part#cannot }\"" <<<"$sources" || { echo "not said: $part"; return 1; }
		count=$((count + 1))
	done < <(sed -n '/^\.SH DIAGNOSTICS/,/^\.SH SEE/p' "$PAGE" | grep -A 1 '^\.TP$' | sed -n 's/^\.B //p' |
		sed 's/\\-/-/g; s/: [A-Z].*//; s/DIRECTORY$//; s/COMMAND/%s/; s/ FILE$//; s/: there is no store in $//')
	[ "$count" -gt 15 ]
}

@test "man page: no mistakes in it" {
	local name

	command -v mandoc >/dev/null || skip "needs mandoc"
	mandoc -T lint -W warning "$PAGE"
	for name in NAME SYNOPSIS DESCRIPTION OPTIONS 'EXIT STATUS' ENVIRONMENT FILES EXAMPLES SECURITY \
		RUNTIMES DIAGNOSTICS 'SEE ALSO'; do
		[ -n "$(section "$name")" ] || { echo "no $name"; return 1; }
	done
}

@test "man page and README: the version, and the options in their examples, are the program's" {
	local option known

	grep -q "^\.TH .*nix-user-chroot $("$PROGRAM" --version | sed -n '1s/.* //p')\"" "$PAGE"
	known=$(for command in --help --install --uninstall --update --bundle --check; do listed "$command"; done |
		sed 's/^-., //; s/ .*//')
	while read -r option; do
		grep -qxFe "$option" <<<"$known" || { echo "not an option: $option"; return 1; }
	done < <(sed 's/\\-/-/g' "$TOP/README" "$TOP/scripts/README" "$PAGE" |
		grep -ohE -e 'nix-user-chroot( --[a-z-]+)+' | grep -oE -e '--[a-z-]+' | sort -u)
}
