# shellcheck shell=bash
#
# Functions that several scripts use; they source this file.
#
#   copy_tree TOP DIR   copy the clone or release in TOP to DIR, without the results of builds
#   archive_uris        print the archives that the host's apt knows, one a line

copy_tree() {
	mkdir "$2"
	if git -C "$1" rev-parse --git-dir >/dev/null 2>&1; then
		(cd "$1" && git ls-files -z --cached --others --exclude-standard |
			tar -c --ignore-failed-read --null -T - -f - 2>/dev/null)
	else
		tar -C "$1" --exclude=./dist --exclude='./build*' -cf - .
	fi | tar -C "$2" -xf -
}

# Print Debian's own archives first, then all others, since any of them may be a full mirror. If apt-get update has
# never run, indextargets prints nothing; then take the addresses that apt-get update would ask.
archive_uris() {
	# shellcheck disable=SC2016 # apt's variable, not the shell's
	local format='$(REPO_URI)'
	{
		apt-get indextargets --format "$format" 'Created-By: Packages' 'Origin: Debian' \
			'Label: Debian'
		apt-get indextargets --format "$format" 'Created-By: Packages'
		apt-get --print-uris update | sed -n "s|^'\\(.*/\\)dists/.*|\\1|p"
	} | awk '!seen[$0]++'
}
