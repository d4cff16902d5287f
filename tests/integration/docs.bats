#!/usr/bin/env bats
#
# The manual page against the program: the same options, variables and systems in both.

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

# The manual page as text: headings at the left, entries indented by seven
page()
{
	# no justification, no hyphenation: a word stays a word. Bold by backspaces, which col removes: groff
	# 1.23 writes escape sequences else
	GROFF_NO_SGR=1 MANWIDTH=200 LC_ALL=C man --no-justification --no-hyphenation -l -Tascii "$PAGE" | col -b
}

# section NAME: the lines of that section
section()
{
	page | sed -n "/^$1\$/,/^[A-Z]/p" | sed 1d
}

# listed [COMMAND]: what stands on that help page before a description, "-q, --quiet" and "--mirror URL"
listed()
{
	"$PROGRAM" "$@" --help |
		sed -n 's/^ \{2,6\}\(\(-., \)\{0,1\}--[a-z0-9-]*\( [A-Z|]\{1,\}\)\{0,1\}\)  *.*/\1/p'
}

same()
{
	diff <(printf '%s\n' "$1") <(printf '%s\n' "$2")
}

# headings: of the text of a section, what stands in front of each entry
headings()
{
	# a short one has its text on the same line
	sed -n 's/^ \{7\}\([^ ].*\)$/\1/p' | sed 's/  .*//; s/ [A-Z][a-z].*//'
}

# documented LINES: the options in these lines of the section OPTIONS, an address of sed's
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

	# what the page says of each option, and those that only the page knows
	mine=$(cd "$TOP/src" && {
		grep -ohE 'VARIABLE\("[A-Z0-9_]+"\)' cli/option_table.c |
			sed 's/VARIABLE("\(.*\)")/NIX_USER_CHROOT_\1/'
		grep -rohE 'env_get\("[A-Za-z_]+"\)' --include='*.c' . | sed 's/env_get("\(.*\)")/\1/'
		grep -ohE '"XDG_[A-Z_]+"' util/xdg.c | tr -d '"'
	} | sort -u)
	[ "$(grep -c NIX_USER_CHROOT_ <<<"$mine")" -gt 10 ]
	theirs=$(section ENVIRONMENT | headings | grep -xE '[A-Za-z0-9_]+(, [A-Za-z0-9_]+)*' |
		tr -d ' ' | tr , '\n' | sort -u)
	# by which check tells where it runs; nobody sets it for us
	same "$(grep -vx KUBERNETES_SERVICE_HOST <<<"$mine")" \
		"$(grep -vxE '(https|http|all|no)_proxy|CURL_CA_BUNDLE|NIX_USER_CONF_FILES|LD_LIBRARY_PATH|LD_PRELOAD|LC_ALL|LC_CTYPE|LANG|NIX_USER_CHROOT|NIX_USER_CHROOT_SHELL' <<<"$theirs")"
	# these the program knows by other means: libcurl, lists of names, setenv(3), names of its own
	for name in https_proxy no_proxy CURL_CA_BUNDLE NIX_USER_CONF_FILES \
		LD_LIBRARY_PATH LD_PRELOAD LC_ALL LC_CTYPE LANG NIX_USER_CHROOT NIX_USER_CHROOT_SHELL; do
		grep -qx "$name" <<<"$theirs"
		grep -rqF "$name" "$TOP/src" --include='*.[ch]'
	done
}

@test "man page: every variable of the same name as an option is said to be that" {
	local option variable

	for option in $(listed --install | sed 's/^-., //; s/ .*//'); do
		# these change nothing
		case $option in --yes | --no-confirm | --no-daemon) continue ;; esac
		variable=NIX_USER_CHROOT_$(tr a-z- A-Z_ <<<"${option#--}")
		section ENVIRONMENT | grep -x -A 1 " *$variable" | grep -e "As ${option}[.,; ]"
	done
}

@test "man page: the messages under DIAGNOSTICS are those of the program" {
	local sources part count=0

	# without what the compiler does not see either: the break of a long string. What cannot be done may
	# stand in a table, without that word.
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
