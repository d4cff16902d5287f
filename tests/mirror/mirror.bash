# shellcheck shell=bash
#
# A release mirror for bats: `load` this file, or source it.
#
#   mirror_start ROOT [SERVE OPTION...]   start a mirror of the directory ROOT; set and export
#                                         MIRROR_URL MIRROR_HTTP_URL MIRROR_CA MIRROR_LOG MIRROR_STATE
#   mirror_stop                           end the mirror, and remove what it wrote
#   mirror_fault JSON                     add a fault, as tests/mirror/README describes
#   mirror_clear_faults                   remove all faults
#   mirror_requests PATTERN               print how many lines of the log match the extended regular
#                                         expression PATTERN
#   mirror_clear_log                      forget the requests so far
#
# Start the mirror in setup_file or in a test, and stop it in the teardown of the same. The mirror also ends when the
# process that started it ends.

MIRROR_DIR=$(CDPATH='' cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd -P)

mirror_start()
{
	local root=$1 line output
	shift

	MIRROR_STATE=$(mktemp -d "${BATS_FILE_TMPDIR:-${TMPDIR:-/tmp}}/mirror.XXXXXX") || return 1
	# The server prints "ready" into the pipe; if it dies before, the pipe ends. The server is no child of this
	# shell, so that "wait" does not wait for it. Its descriptors 3 and 4 are closed, because bats waits until no
	# process has these open.
	exec {output}< <(
		exec 3>&- 4>&-
		"$MIRROR_DIR/serve" --root "$root" --state "$MIRROR_STATE" --watch $$ "$@" \
			</dev/null 2>"$MIRROR_STATE/errors" &
	)
	if ! IFS= read -r -t 60 line <&"$output" || [[ $line != ready ]]; then
		exec {output}<&-
		printf 'the mirror did not start: %s\n' "$(cat "$MIRROR_STATE/errors")" >&2
		mirror_stop
		return 1
	fi
	exec {output}<&-
	MIRROR_URL=$(cat "$MIRROR_STATE/url")
	MIRROR_HTTP_URL=$(cat "$MIRROR_STATE/http-url")
	MIRROR_CA=$MIRROR_STATE/ca.pem
	MIRROR_LOG=$MIRROR_STATE/log
	export MIRROR_STATE MIRROR_URL MIRROR_HTTP_URL MIRROR_CA MIRROR_LOG
}

mirror_stop()
{
	local pid

	[[ -n ${MIRROR_STATE:-} ]] || return 0
	# the server removes its pid file when it ends
	if pid=$(cat "$MIRROR_STATE/pid" 2>/dev/null) && kill -TERM "$pid" 2>/dev/null; then
		timeout 10 tail --pid="$pid" -s 0.02 -f /dev/null || kill -KILL "$pid" || true
	fi
	rm -rf "$MIRROR_STATE"
	unset MIRROR_STATE MIRROR_URL MIRROR_HTTP_URL MIRROR_CA MIRROR_LOG
}

mirror_fault()
{
	printf '%s\n' "$1" >>"$MIRROR_STATE/faults"
}

mirror_clear_faults()
{
	# a new generation, so that the counts of all faults begin at 0 again
	printf '{"generation": "%s"}\n' "$EPOCHREALTIME $BASHPID $RANDOM" >"$MIRROR_STATE/faults.new"
	mv "$MIRROR_STATE/faults.new" "$MIRROR_STATE/faults"
}

mirror_requests()
{
	grep -cE -e "$1" "$MIRROR_LOG" || true
}

mirror_clear_log()
{
	# by a new file: what connections that began before have still to say goes into the old one
	rm -f -- "$MIRROR_LOG"
	: >"$MIRROR_LOG"
}
