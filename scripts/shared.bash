# shellcheck shell=bash
#
# What several scripts need; they source it.
#
#   copy_tree TOP DIR   a copy of the clone or release in TOP, without what is built, becomes DIR
#   archive_uris        the archives that the host's apt knows, one a line

copy_tree() {
	mkdir "$2"
	if git -C "$1" rev-parse --git-dir >/dev/null 2>&1; then
		(cd "$1" && git ls-files -z --cached --others --exclude-standard |
			tar -c --ignore-failed-read --null -T - -f - 2>/dev/null)
	else
		tar -C "$1" --exclude=./dist --exclude='./build*' -cf - .
	fi | tar -C "$2" -xf -
}

# First Debian's own, then any, for each may be a full mirror; where apt-get update has never run, apt
# names none of these, but what it would ask for.
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
