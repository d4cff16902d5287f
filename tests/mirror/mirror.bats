#!/usr/bin/env bats
#
# Tests of the mirror itself: what it serves, and that each fault is what its name says.

bats_require_minimum_version 1.5.0
load mirror.bash

setup_file()
{
	command -v curl >/dev/null || skip "needs the curl command"
	mkdir -p "$BATS_FILE_TMPDIR/root/nix-1.9" "$BATS_FILE_TMPDIR/root/nix-1.10"
	head -c 300000 /dev/urandom >"$BATS_FILE_TMPDIR/root/file"
	printf 'other' >"$BATS_FILE_TMPDIR/root/other"
	sha256sum "$BATS_FILE_TMPDIR/root/file" | cut -c1-64 | tr -d '\n' \
		>"$BATS_FILE_TMPDIR/root/file.sha256"
	printf 'pointer 1.10\n' >"$BATS_FILE_TMPDIR/root/nix-1.10/install"
	# the file is for mirrors that cannot redirect; our mirror redirects instead
	mkdir "$BATS_FILE_TMPDIR/root/latest"
	printf 'not this\n' >"$BATS_FILE_TMPDIR/root/latest/install"
	mirror_start "$BATS_FILE_TMPDIR/root"
}

teardown_file()
{
	mirror_stop
}

setup()
{
	cd "$BATS_TEST_TMPDIR" || return
	root=$BATS_FILE_TMPDIR/root
	mirror_clear_faults
	mirror_clear_log
}

# get PATH [CURL OPTION...]: download PATH to the file "got", and the headers to "headers"
get()
{
	rm -f got headers
	curl -sS --max-time 20 --noproxy '*' --cacert "$MIRROR_CA" -o got -D headers \
		"$MIRROR_URL$1" "${@:2}"
}

is_refused() # CURL'S STATUS CURL OPTION...
{
	run get /file "${@:2}"
	[ "$status" -eq "$1" ]
}

@test "a request that began before mirror_clear_log is not in the log after it" {
	local client before i

	before=$MIRROR_STATE/before
	mirror_fault '{"path": "/file", "fault": "slow", "rate": 20000, "times": 1}'
	curl -sN --max-time 20 --noproxy '*' --cacert "$MIRROR_CA" -o got "$MIRROR_URL/file" 3>&- &
	client=$!
	timeout 20 sh -c 'until [ -s got ]; do sleep 0.05; done'
	[ ! -s "$MIRROR_LOG" ]
	ln "$MIRROR_LOG" "$before"
	mirror_clear_log
	kill "$client"
	for ((i = 0; i < 400; i++)); do [ ! -s "$before" ] || break; sleep 0.05; done
	grep '^GET /file 200 ' "$before"
	[ ! -s "$MIRROR_LOG" ]
}

@test "a file, over https and http, with what resuming needs" {
	get /file
	cmp got "$root/file"
	grep -q '^Content-Length: 300000' headers
	grep -q '^ETag: "' headers
	grep -q '^Last-Modified: ' headers
	curl -sS --noproxy '*' -o got "$MIRROR_HTTP_URL/file"
	cmp got "$root/file"
	[ "$(mirror_requests '^GET /file 200 300000 - ')" -eq 2 ]
}

@test "what is not there, or not below the root" {
	get /nothing
	grep -q '^HTTP/1.1 404' headers
	get /../../../../etc/passwd --path-as-is
	grep -q '^HTTP/1.1 404' headers
	ln -sf /etc/passwd "$root/escape"
	get /escape
	grep -q '^HTTP/1.1 404' headers
}

@test "HEAD has no body, and the connection is kept" {
	curl -sS --noproxy '*' --cacert "$MIRROR_CA" -I -o headers "$MIRROR_URL/file" \
		--next -sS --noproxy '*' --cacert "$MIRROR_CA" -o got -w '%{num_connects}' \
		"$MIRROR_URL/file" >connects
	grep -q '^Content-Length: 300000' headers
	cmp got "$root/file"
	[ "$(cat connects)" = 0 ]
}

@test "latest/install leads to the newest version, 1.10 and not 1.9" {
	get /latest/install -L -w '%{url_effective}' >effective
	[ "$(cat effective)" = "$MIRROR_URL/nix-1.10/install" ]
	[ "$(cat got)" = "pointer 1.10" ]
	mirror_fault '{"fault": "pass"}'
	get /latest/install
	grep -q '^HTTP/1.1 200' headers
	[ "$(cat got)" = "pointer 1.10" ]
}

@test "ranges: the middle, the end, none such, and what is no range" {
	get /file -r 100-199
	cmp got <(tail -c +101 "$root/file" | head -c 100)
	grep -q '^Content-Range: bytes 100-199/300000' headers
	get /file -r -50
	cmp got <(tail -c 50 "$root/file")
	get /file -r 299999-
	[ "$(stat -c %s got)" -eq 1 ]
	get /file -r 300000-
	grep -q '^HTTP/1.1 416' headers
	grep -q '^Content-Range: bytes \*/300000' headers
	get /file -H 'Range: lines=1-2'
	cmp got "$root/file"
	[ "$(mirror_requests '^GET /file 206 100 bytes=100-199')" -eq 1 ]
}

@test "If-Range: the same version continues, another starts over" {
	get /file
	etag=$(sed -n 's/^ETag: \(.*\)\r$/\1/p' headers)
	get /file -r 299000- -H "If-Range: $etag"
	grep -q '^HTTP/1.1 206' headers
	get /file -r 299000- -H 'If-Range: "another"'
	grep -q '^HTTP/1.1 200' headers
	cmp got "$root/file"
	mirror_fault '{"fault": "if-range-ignored"}'
	get /file -r 299000- -H 'If-Range: "another"'
	grep -q '^HTTP/1.1 206' headers
	[ "$(mirror_requests 'if-range="another"')" -eq 2 ]
}

@test "certificates: expired, self-signed, of another host, of another CA" {
	for kind in expired selfsigned wronghost; do
		url=$(cat "$MIRROR_STATE/url-$kind")
		run curl -sS --noproxy '*' --cacert "$MIRROR_CA" "$url/file"
		[ "$status" -eq 60 ]
		printf '%s\n' "$output" >"$kind"
		# nothing but the certificate is wrong
		curl -sS --noproxy '*' -k -o got "$url/file"
		cmp got "$root/file"
	done
	grep -q 'expired' expired
	grep -q 'self-signed' selfsigned
	grep -q "alternative certificate subject name\|no alternative" wronghost
	run curl -sS --noproxy '*' "$MIRROR_URL/file"
	[ "$status" -eq 60 ]
}

@test "times, skip, path and method choose the requests; clearing begins anew" {
	for _ in 1 2; do
		mirror_clear_faults
		mirror_fault '{"path": "*le", "fault": "500", "times": 2, "skip": 1}'
		got=''
		for _ in 1 2 3 4; do
			got+=" $(get /file -w '%{http_code}')"
		done
		[ "$got" = " 200 500 500 200" ]
	done
	mirror_fault '{"path": "/other", "method": "HEAD", "fault": "503"}'
	[ "$(get /other -w '%{http_code}')" = 200 ]
	[ "$(get /other -I -w '%{http_code}')" = 503 ]
	[ "$(mirror_requests 'fault=status')" -eq 5 ]
}

@test "a line that is no fault is said, not skipped" {
	mirror_fault '{"fault": "nonsense"}'
	[ "$(get /file -w '%{http_code}')" = 500 ]
	grep -q nonsense got
	mirror_clear_faults
	mirror_fault '{"fault": "truncate", "tmes": 1}'
	[ "$(get /file -w '%{http_code}')" = 500 ]
	mirror_clear_faults
	mirror_fault '{'
	[ "$(get /file -w '%{http_code}')" = 500 ]
	[ "$(mirror_requests '^ERROR')" -eq 3 ]
}

@test "statuses: 404, 408, 429 with Retry-After, 503" {
	for code in 404 408 503; do
		mirror_clear_faults
		mirror_fault "{\"fault\": \"$code\"}"
		[ "$(get /file -w '%{http_code}')" = "$code" ]
	done
	mirror_clear_faults
	mirror_fault '{"fault": "status", "status": 429, "retry_after": 3}'
	[ "$(get /file -w '%{http_code}')" = 429 ]
	grep -q '^Retry-After: 3' headers
}

@test "truncated: an orderly end, too early" {
	mirror_fault '{"fault": "truncate", "bytes": 1234}'
	is_refused 18
	cmp got <(head -c 1234 "$root/file")
	[ "$(mirror_requests '^GET /file 200 1234 - fault=truncate')" -eq 1 ]
	run curl -sS --noproxy '*' -o got "$MIRROR_HTTP_URL/file"
	[ "$status" -eq 18 ]
}

@test "reset: midway, and before the answer; dropped" {
	mirror_fault '{"fault": "reset", "bytes": 1234}'
	is_refused 56
	[[ $output == *"reset"* ]]
	cmp got <(head -c 1234 "$root/file")
	mirror_clear_faults
	mirror_fault '{"fault": "reset", "at": "headers"}'
	is_refused 56
	mirror_clear_faults
	mirror_fault '{"fault": "drop"}'
	is_refused 52
}

@test "stalled: what came is kept, then nothing" {
	mirror_fault '{"fault": "stall", "bytes": 1234, "seconds": 60}'
	is_refused 28 --max-time 1
	cmp got <(head -c 1234 "$root/file")
	mirror_clear_faults
	mirror_fault '{"fault": "stall", "at": "headers"}'
	is_refused 28 --max-time 1
	[ ! -s got ]
	[ "$(mirror_requests 'fault=stall')" -eq 2 ]
}

@test "slow, and byte by byte: late, but whole" {
	mirror_fault '{"fault": "slow", "rate": 1000, "seconds": 0.5}'
	get /file
	cmp got "$root/file"
	mirror_clear_faults
	mirror_fault '{"fault": "slow", "rate": 1000}'
	is_refused 28 --max-time 1
	[ "$(stat -c %s got)" -lt 5000 ]
	mirror_clear_faults
	mirror_fault '{"fault": "dribble"}'
	get /file
	cmp got "$root/file"
}

@test "other contents" {
	mirror_fault '{"path": "/file", "fault": "corrupt"}'
	mirror_fault '{"path": "/other", "fault": "replace", "text": "a\nb"}'
	mirror_fault '{"path": "/file.sha256", "fault": "replace", "file": "other"}'
	get /file
	[ "$(cmp -l got "$root/file" | wc -l)" -eq 1 ]
	get /other
	cmp got <(printf 'a\nb')
	get /file.sha256
	cmp got "$root/other"
}

@test "digests of every wrong shape" {
	local -A shape=([empty]='^$' [html]='<html>' [hash-63]='^[0-9a-f]{63}$'
		[hash-named]='^[0-9a-f]{64}  file$' [hash-wrong]='^[0-9a-f]{64}$')

	for kind in "${!shape[@]}"; do
		mirror_clear_faults
		mirror_fault "{\"fault\": \"$kind\"}"
		get /file.sha256
		echo >>got # grep finds no line in an empty file
		grep -qE "${shape[$kind]}" got
		run ! cmp -s got <(cat "$root/file.sha256"; echo)
	done
}

@test "too large: endless, and with a length that is a lie" {
	mirror_fault '{"fault": "endless", "bytes": 1000000, "times": 1}'
	get /file.sha256
	[ "$(stat -c %s got)" -eq 1000000 ]
	mirror_fault '{"fault": "endless", "bytes": 1000, "length": 2000000000}'
	is_refused 18
	grep -q '^Content-Length: 2000000000' headers
}

@test "redirects: in a loop, to http, file, ftp, anywhere" {
	mirror_fault '{"fault": "redirect-loop"}'
	is_refused 47 -L --max-redirs 10
	[ "$(mirror_requests '^GET /file')" -eq 11 ]
	while read -r to location; do
		mirror_clear_faults
		mirror_fault "{\"fault\": \"redirect\", \"to\": \"$to\"}"
		get /file
		grep -qF "Location: $location" headers
	done <<-END
		http $MIRROR_HTTP_URL/file
		https $MIRROR_URL/file
		file file://$root/file
		ftp ftp://127.0.0.1:9/file
		/other /other
	END
}

@test "Range ignored, and another range than asked for" {
	mirror_fault '{"fault": "range-ignored", "times": 1}'
	get /file -H 'Range: bytes=1000-'
	grep -q '^HTTP/1.1 200' headers
	cmp got "$root/file"
	mirror_fault '{"fault": "wrong-range"}'
	get /file -H 'Range: bytes=1000-'
	grep -q '^Content-Range: bytes 0-299999/300000' headers
}

@test "the file changed between two attempts" {
	mirror_fault '{"fault": "truncate", "bytes": 1000, "altered": true, "times": 1}'
	is_refused 18
	run ! cmp -s got <(head -c 1000 "$root/file")
	etag=$(sed -n 's/^ETag: \(.*\)\r$/\1/p' headers)
	get /file -H 'Range: bytes=1000-' -H "If-Range: $etag"
	grep -q '^HTTP/1.1 200' headers
	cmp got "$root/file"
	mirror_fault '{"fault": "pass", "etag": null}'
	get /file
	run ! grep -q '^ETag' headers
}

@test "gzip unasked, chunked without length, chunked and cut off" {
	mirror_fault '{"fault": "gzip", "times": 1}'
	get /file
	gzip -dc <got | cmp - "$root/file"
	mirror_fault '{"fault": "chunked", "times": 1}'
	get /file
	run ! grep -qi '^Content-Length' headers
	cmp got "$root/file"
	mirror_fault '{"fault": "chunked-truncated"}'
	is_refused 18
	cmp got <(head -c 150000 "$root/file")
}

@test "the plain port is a proxy to loopback, and nowhere else" {
	curl -sS --cacert "$MIRROR_CA" -x "$MIRROR_HTTP_URL" --noproxy '' -o got "$MIRROR_URL/file"
	cmp got "$root/file"
	[ "$(mirror_requests "^CONNECT ${MIRROR_URL#https://} 200 ")" -eq 1 ]
	run curl -sS -x "$MIRROR_HTTP_URL" --noproxy '' https://mirror.invalid/
	[ "$status" -eq 56 ]
}

@test "forty clients at once" {
	for i in {1..40}; do
		curl -sS --noproxy '*' --cacert "$MIRROR_CA" -o "got.$i" "$MIRROR_URL/file" 3>&- &
	done
	wait
	for i in {1..40}; do
		cmp "got.$i" "$root/file"
	done
	[ "$(mirror_requests '^GET /file 200 300000')" -eq 40 ]
}

# ends PID: wait until the process has ended, at most 10 seconds
ends()
{
	timeout 10 tail --pid="$1" -s 0.02 -f /dev/null
}

@test "ends with the process that it serves, and cleans up" {
	# shellcheck disable=SC2016 # for the inner shell
	bash -c '. "$1/mirror.bash"; mirror_start "$2"; cat "$MIRROR_STATE/pid"; echo "$MIRROR_STATE"
		kill -KILL $$' bash "$MIRROR_DIR" "$root" >said 3>&- || true
	{ read -r pid; read -r state; } <said
	ends "$pid"
	[ ! -e "$state/url" ]
	rm -r "$state"
}

@test "ends when its stdin does, at the end of its life, and by signal" {
	mkfifo lifeline ready
	"$MIRROR_DIR/serve" --http --root "$root" --state a <lifeline >ready 3>&- &
	pid=$!
	exec {held}>lifeline
	read -r line <ready
	[ "$line" = ready ]
	kill -0 "$pid"
	exec {held}>&-
	ends "$pid"
	timeout 20 "$MIRROR_DIR/serve" --http --root "$root" --state b --life 0.2 </dev/null 3>&-
	[ ! -e b/url ]
	"$MIRROR_DIR/serve" --http --root "$root" --state c </dev/null >ready 3>&- &
	pid=$!
	read -r line <ready
	cmp <(cat c/url) <(cat c/http-url)
	kill -TERM "$pid"
	wait "$pid"
	[ ! -e c/pid ]
}

@test "what it cannot do is said" {
	run "$MIRROR_DIR/serve" --root /nowhere --state d
	[ "$status" -eq 1 ]
	[ "$output" = "serve: /nowhere is not a directory" ]
	run mirror_start /nowhere
	[ "$status" -eq 1 ]
	[[ $output == *"/nowhere is not a directory"* ]]
}
