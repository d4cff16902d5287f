#!/usr/bin/env bats
#
# Downloads from a mirror with faults. From each fault the program recovers, or it prints one clear message. The
# tests run tests/tools/fetch.c, which is the download part of the installer as a program.

# shellcheck disable=SC2154 # bats sets output, stderr and their lines
# shellcheck disable=SC2030,SC2031 # a test's variables end with it, which is what is wanted
# shellcheck disable=SC2016 # the inner shells of on_tmpfs expand what they are given

bats_require_minimum_version 1.5.0
load ../mirror/mirror.bash

VERSION=2.26.3
NAME=nix-$VERSION-x86_64-linux.tar.xz
FILE=/nix-$VERSION/$NAME
SIZE=1500000 # bytes; by default a fault such as "truncate" happens after half of them

setup_file()
{
	local dir=$BATS_FILE_TMPDIR/root/nix-$VERSION

	mkdir -p "$dir"
	head -c "$SIZE" /dev/urandom >"$dir/$NAME"
	sha256sum "$dir/$NAME" | cut -c1-64 | tr -d '\n' >"$dir/$NAME.sha256"
	printf 'url=https://example.org/nix-%s/nix-%s-$system.tar.xz\n' "$VERSION" "$VERSION" \
		>"$dir/install"
	chmod -R a+rX "$BATS_FILE_TMPDIR/root"
	mirror_start "$BATS_FILE_TMPDIR/root"
}

teardown_file()
{
	mirror_stop
}

setup()
{
	fetch=${FETCH:-${BUILD_DIR:-$BATS_TEST_DIRNAME/../..}/tests/fetch}
	[ -x "$fetch" ] || skip "needs the built test program ($fetch)"
	unset http_proxy https_proxy HTTPS_PROXY all_proxy ALL_PROXY no_proxy NO_PROXY \
		SSL_CERT_FILE SSL_CERT_DIR NIX_SSL_CERT_FILE CURL_CA_BUNDLE
	digest=$(cat "$BATS_FILE_TMPDIR/root$FILE.sha256")
	url=$MIRROR_URL$FILE
	dir=$BATS_TEST_TMPDIR/state
	mkdir "$dir"
	mirror_clear_faults
	mirror_clear_log
}

teardown()
{
	# kill a background process that the test itself has not ended
	if [ -n "${background-}" ]; then
		kill -KILL "$background" 2>/dev/null || true
	fi
}

# get [OPTION...]: download the file; waits between tries are short
get()
{
	run --separate-stderr "$fetch" --cacert "$MIRROR_CA" --wait-ms 20 "$@" "$url" "$dir" file
}

# resolve [OPTION...]: find the version and its hash, download the file, and compare, as --install does
resolve()
{
	run --separate-stderr "$fetch" --cacert "$MIRROR_CA" --wait-ms 20 "$@" \
		--resolve "$MIRROR_URL" "$dir"
}

# fault KIND [MORE JSON]: add a fault for the tarball
fault()
{
	mirror_fault "{\"path\": \"*.tar.xz\", \"fault\": \"$1\"${2:+, $2}}"
}

requests_are() # COUNT [PATTERN]
{
	local count

	count=$(mirror_requests "${2-.}")
	[ "$count" -eq "$1" ] || {
		printf '%s requests where %s were expected:\n' "$count" "$1"
		cat "$MIRROR_LOG"
		return 1
	}
}

# The download succeeded, and the file is the same as on the mirror
succeeds()
{
	[ "$status" -eq 0 ] || {
		printf 'status %s: %s\n' "$status" "$stderr"
		return 1
	}
	[[ $output == *"$digest trusted" ]]
	cmp "$BATS_FILE_TMPDIR/root$FILE" "$dir/"*.part
}

# The download failed with status 1 and one message: a line that matches PATTERN, and a line of advice
fails() # PATTERN
{
	local line said=() messages=0

	[ "$status" -eq 1 ] || {
		printf 'status %s: %s%s\n' "$status" "$output" "$stderr"
		return 1
	}
	for line in "${stderr_lines[@]}"; do
		[[ $line == *'; retry in '* ]] || said+=("$line")
		[[ $line == 'nix-user-chroot: '* && $line != *'; retry in '* ]] &&
			messages=$((messages + 1))
	done
	[[ $messages -eq 1 && ${said[0]} =~ $1 && ${said[1]} == '  '[a-z]* ]] || {
		printf 'one message that matches "%s" was expected:\n%s\n' "$1" "$stderr"
		return 1
	}
}

fails_and_leaves_nothing() # PATTERN
{
	fails "$1"
	[ -z "$(ls -A "$dir")" ]
}

# wait_for_size FILE BYTES: wait until FILE has BYTES, with a time limit
wait_for_size()
{
	local n

	for ((n = 0; n < 1000; n++)); do
		if [ -e "$1" ] && [ "$(stat -c %s "$1")" -ge "$2" ]; then
			return 0
		fi
		sleep 0.02
	done
	printf '%s did not grow to %s bytes\n' "$1" "$2"
	return 1
}

@test "a file: one request, no trace of us but the user agent" {
	get
	succeeds
	requests_are 1
	[ -z "$stderr" ]
}

@test "the installer's order: pointer, hash, file" {
	resolve
	succeeds
	[[ $output == "$VERSION $digest trusted" ]]
	[ "$(cut -d ' ' -f 2 "$MIRROR_LOG" | tr '\n' ' ')" = \
		"/latest/install /nix-$VERSION/install $FILE.sha256 $FILE " ]
}

@test "the pointer of a mirror that cannot redirect is read" {
	mirror_fault '{"path": "/latest/install", "fault": "pass", "file": "/nix-2.26.3/install"}'
	resolve
	succeeds
	requests_are 0 "^GET /nix-$VERSION/install"
}

@test "pointer: missing, or a login page" {
	mirror_fault '{"path": "/latest/install", "fault": "404"}'
	resolve
	fails_and_leaves_nothing 'does not say which version is the latest: .*/latest/install does not exist'
	[[ $stderr == *--nix-version* ]]
	requests_are 1
	mirror_clear_faults
	mirror_fault '{"path": "*/install", "fault": "html", "file": "/nix-2.26.3/install"}'
	resolve
	fails_and_leaves_nothing 'cannot tell the latest version'
}

@test "a truncated body is continued where it ended" {
	fault truncate '"times": 1'
	get
	succeeds
	requests_are 2
	requests_are 1 " 206 $((SIZE / 2)) bytes=$((SIZE / 2))- if-range="
	[[ $stderr == *'the file ended too early'*'; retry in '* ]]
}

@test "a reset midway is continued, as often as bytes come" {
	fault reset '"times": 3, "bytes": 300000'
	get --tries 2 # each try brings bytes that the last did not: such tries are not counted
	succeeds
	requests_are 4
}

@test "connections that bring nothing are given up" {
	fault drop
	get --tries 3
	fails_and_leaves_nothing 'closed without an answer .*, 3 times in a row'
	requests_are 3
}

@test "one byte a try is not a gain" {
	fault truncate '"bytes": 1'
	get --tries 4
	fails 'the file ended too early'
	requests_are 4
}

@test "wrong content: the digest tells, and nothing is asked twice" {
	fault corrupt
	resolve
	[ "$status" -eq 4 ]
	requests_are 1 "$NAME [0-9]"
}

@test "a part of other content under the same ETag: once more from the first byte" {
	fault truncate "\"times\": 1, \"altered\": true, \"etag\": \"\\\"${digest:0:16}\\\"\""
	resolve
	succeeds
	requests_are 3 "$NAME [0-9]"
	requests_are 1 "$NAME 206"
	requests_are 1 "$NAME 200 $SIZE -"
}

@test "hash file: missing" {
	mirror_fault '{"path": "*.sha256", "fault": "404"}'
	resolve
	fails_and_leaves_nothing "there is no Nix $VERSION for x86_64-linux at $MIRROR_URL: .*sha256 does not exist"
	requests_are 0 "$NAME [0-9]"
}

@test "hash file: empty, HTML, 63 digits, with a name behind, endless: no tarball is asked for" {
	local kind

	for kind in empty html hash-63 hash-named; do
		mirror_clear_faults
		mirror_fault "{\"path\": \"*.sha256\", \"fault\": \"$kind\"}"
		resolve
		fails_and_leaves_nothing 'does not hold a SHA-256 hash: 64 hex digits were expected'
	done
	mirror_clear_faults
	mirror_fault '{"path": "*.sha256", "fault": "endless"}'
	resolve
	fails_and_leaves_nothing 'larger than 4096 bytes'
	requests_are 0 "$NAME [0-9]"
}

@test "hash file: of another tarball" {
	mirror_fault '{"path": "*.sha256", "fault": "hash-wrong"}'
	resolve
	[ "$status" -eq 4 ]
}

@test "hash file: truncated, then whole" {
	mirror_fault '{"path": "*.sha256", "fault": "truncate", "times": 2}'
	resolve
	succeeds
	requests_are 3 'sha256 200'
	requests_are 0 'sha256 206'
}

@test "404 is final" {
	fault 404
	get
	fails_and_leaves_nothing 'HTTP 404'
	requests_are 1
}

@test "401, 403, 410, 451 are final" {
	local code

	for code in 401 403 410 451; do
		mirror_clear_faults
		mirror_clear_log
		fault "$code"
		get
		fails_and_leaves_nothing "HTTP $code"
		requests_are 1
	done
}

@test "500 twice, then good" {
	fault 500 '"times": 2'
	get
	succeeds
	requests_are 3
}

@test "408, 502, 503, 504 pass" {
	local code

	for code in 408 502 503 504; do
		fault "$code" '"times": 1'
	done
	get
	succeeds
	requests_are 5
}

@test "500 forever is given up, with the number of tries" {
	fault 500
	get --tries 3
	fails_and_leaves_nothing 'HTTP 500 \(.*\), 3 times in a row'
	requests_are 3
}

@test "429 with Retry-After: waits as it is told, but not for ever" {
	fault 429 '"times": 1, "retry_after": 1'
	get
	succeeds
	[[ $stderr == *'HTTP 429'*'; retry in 1.0 s'* ]]
	mirror_clear_faults
	rm "$dir"/*
	fault 429 '"times": 1, "retry_after": 86400'
	get --retry-after-max 1
	succeeds
	[[ $stderr == *'; retry in 1.0 s'* ]]
	mirror_clear_faults
	rm "$dir"/*
	fault 503 '"times": 1, "retry_after": "Fri, 31 Dec 2100 23:59:59 GMT"'
	get --retry-after-max 1
	succeeds
	[[ $stderr == *'; retry in 1.0 s'* ]]
}

@test "a stall in the body, and one before the answer" {
	fault stall '"times": 1'
	get --stall-window 1
	succeeds
	requests_are 1 ' 206 '
	[[ $stderr == *stalled*'; retry in '* ]]
	mirror_clear_faults
	mirror_clear_log
	rm "$dir"/*
	fault stall '"times": 1, "at": "headers"'
	get --stall-window 1
	succeeds
	[[ $stderr == *stalled* ]]
}

@test "slow is not stalled" {
	fault slow '"rate": 20000, "seconds": 3'
	get --stall-window 1
	succeeds
	requests_are 1
	[ -z "$stderr" ]
}

@test "redirects in a circle end after the tenth" {
	fault redirect-loop
	get
	fails_and_leaves_nothing 'more than 10 redirects'
	requests_are 11
}

@test "ten redirects are followed" {
	fault redirect-loop '"times": 10'
	get
	succeeds
	requests_are 11
}

@test "a redirect to http, to file, to ftp is not followed" {
	local to

	for to in http file ftp; do
		mirror_clear_faults
		mirror_clear_log
		fault redirect "\"to\": \"$to\""
		get
		fails_and_leaves_nothing "the server redirects to $to://.*only https:// is followed"
		requests_are 1
	done
}

@test "a redirect from http to https is followed, and does not make it trusted" {
	url=$MIRROR_HTTP_URL$FILE
	fault redirect '"times": 1, "to": "https"'
	get
	[ "$status" -eq 0 ]
	[ "$output" = "$digest untrusted" ]
	requests_are 1 '200 .* https$'
	fault redirect '"to": "file"'
	get
	fails 'redirects to file://.*only http\(s\):// is followed'
}

@test "a redirect of the hash file to http is not followed" {
	mirror_fault '{"path": "*.sha256", "fault": "redirect", "to": "http"}'
	resolve
	fails_and_leaves_nothing 'only https:// is followed'
	requests_are 0 ' http$'
}

@test "expired, self-signed and wrong-host certificates: refused at once" {
	local kind
	declare -A why=([expired]='has expired' [selfsigned]='self-signed' [wronghost]='(host|subject) name')

	for kind in expired selfsigned wronghost; do
		url=$(cat "$MIRROR_STATE/url-$kind")$FILE
		get
		fails_and_leaves_nothing "cannot be trusted \\(.*${why[$kind]}"
		[[ $stderr != *'retry in'* && $stderr == *--cacert* ]]
	done
	requests_are 0 '^GET'
}

@test "TLS before 1.2 is refused, also where the host's configuration allows it" {
	local version server_says=$BATS_TEST_TMPDIR/server_says certs=$MIRROR_STATE/certs

	command -v openssl >/dev/null || skip "needs openssl"
	printf '%s\n' 'openssl_conf = a' '[a]' 'ssl_conf = b' '[b]' 'system_default = c' '[c]' \
		'MinProtocol = TLSv1' 'CipherString = ALL:@SECLEVEL=0' >"$BATS_TEST_TMPDIR/old.cnf"
	export OPENSSL_CONF=$BATS_TEST_TMPDIR/old.cnf
	for version in 1_1 1_2; do
		openssl s_server -accept 127.0.0.1:0 -www "-tls$version" -cert "$certs/server.pem" \
			-key "$certs/server.key" </dev/null >"$server_says" 2>&1 3>&- &
		background=$!
		timeout 20 sh -c 'until grep -q ^ACCEPT "$0"; do sleep 0.02; done' "$server_says"
		url=https://$(sed -n 's/^ACCEPT //p' "$server_says")/
		get --tries 1
		kill "$background"
		wait "$background" || :
		background=
		[ $version = 1_2 ] || fails_and_leaves_nothing 'no TLS connection'
	done
	[ "$status" -eq 0 ]
}

@test "a CA that is not ours is refused" {
	run --separate-stderr "$fetch" "$url" "$dir" file
	fails_and_leaves_nothing 'cannot be trusted'
	requests_are 0 '^GET'
}

@test "a range that is ignored: begins anew" {
	fault truncate '"times": 1'
	fault range-ignored
	get
	succeeds
	requests_are 1 " 200 $SIZE bytes=$((SIZE / 2))-"
}

@test "another range than was asked for: begins anew" {
	fault truncate '"times": 1'
	fault wrong-range '"times": 1'
	get
	succeeds
	requests_are 3
}

@test "a file that changed between two tries: begins anew" {
	fault truncate '"times": 1, "altered": true'
	get
	succeeds
	requests_are 1 " 200 $SIZE bytes=$((SIZE / 2))- if-range="
}

@test "a mirror without ETag: continued by date" {
	fault truncate '"times": 1, "etag": null'
	fault pass '"etag": null'
	get
	succeeds
	requests_are 1 ' 206 .*if-range=.*GMT'
}

@test "an encoding that was not asked for is refused" {
	fault gzip
	get
	fails_and_leaves_nothing "in the encoding 'gzip'"
	requests_are 1
	mirror_fault '{"path": "*.sha256", "fault": "gzip"}'
	resolve
	fails_and_leaves_nothing "in the encoding 'gzip'"
}

@test "chunked, without a length; and cut off" {
	fault chunked
	get
	succeeds
	rm "$dir"/*
	mirror_clear_faults
	fault chunked-truncated '"times": 1'
	get
	succeeds
	requests_are 1 ' 206 '
}

@test "one byte at a time" {
	fault dribble '"bytes": 2000'
	get --stall-window 1
	succeeds
	requests_are 1
	mirror_fault '{"path": "*.sha256", "fault": "dribble"}'
	mirror_fault '{"path": "*/install", "fault": "dribble"}'
	rm "$dir"/*
	resolve
	succeeds
}

@test "more than is allowed, with the length said and without" {
	fault endless '"bytes": 5000000, "length": 5000000'
	get --max 1000000
	fails_and_leaves_nothing 'larger than 1000000 bytes'
	mirror_clear_faults
	fault endless
	get --max 1000000
	fails_and_leaves_nothing 'larger than 1000000 bytes'
	mirror_clear_faults
	fault chunked # now with an ETag
	get --max 1000000
	fails_and_leaves_nothing 'larger than 1000000 bytes'
	requests_are 3
}

@test "a failed download is continued by a later run" {
	fault truncate
	get --tries 1
	fails 'the file ended too early'
	[ "$(stat -c %s "$dir/file.part")" -eq $((SIZE / 2)) ]
	[ -s "$dir/file.part.state" ]
	mirror_clear_faults
	mirror_clear_log
	get
	succeeds
	requests_are 1
	requests_are 1 " 206 $((SIZE / 2)) "
}

@test "a killed download is continued by a later run" {
	fault stall '"times": 1'
	"$fetch" --cacert "$MIRROR_CA" "$url" "$dir" file 3>&- 4>&- &
	background=$!
	wait_for_size "$dir/file.part" $((SIZE / 2))
	kill -KILL "$background"
	wait "$background" 2>/dev/null || true
	unset background
	mirror_clear_log
	get
	succeeds
	requests_are 1
	requests_are 1 ' 206 '
}

@test "a later run from another mirror, or after the file has changed, begins anew" {
	fault truncate '"times": 1'
	get --tries 1
	fails 'the file ended'
	url="$MIRROR_URL/nix-$VERSION/../nix-$VERSION/$NAME"
	mirror_clear_log
	get
	succeeds
	requests_are 1 ' 200 .* - '
	rm "$dir"/*
	mirror_clear_faults
	fault truncate '"times": 1, "altered": true'
	get --tries 1
	fails 'the file ended'
	mirror_clear_log
	get
	succeeds
	requests_are 1 ' 200 .*if-range='
}

@test "what is noted for a later run is of the last file that was begun" {
	fault truncate '"times": 1, "altered": true'
	fault truncate '"times": 1'
	get --tries 1
	fails 'the file ended'
	get --tries 1
	fails 'the file ended'
	mirror_clear_log
	get
	succeeds
	requests_are 1 " 206 $((SIZE / 2)) "
}

@test "a complete file of an earlier run is not asked for again" {
	resolve
	succeeds
	mirror_clear_log
	resolve --nix-version "$VERSION" --sha256 "$digest"
	succeeds
	requests_are 0
}

@test "garbage in place of a part and its state" {
	head -c 5000 /dev/urandom >"$dir/file.part"
	head -c 5000 /dev/urandom >"$dir/file.part.state"
	get
	succeeds
	requests_are 1 ' 200 .* - '
	printf '%s\n"%s"\n' "$url" "${digest:0:16}" >"$dir/file.part.state"
	head -c 5000 /dev/urandom >"$dir/file.part" # the part file has the right name, but other contents
	get --expected "$digest"
	succeeds
}

@test "a part that is a link, a pipe, another's, or has a second name is downloaded anew" {
	local how mine=$BATS_TEST_TMPDIR/mine

	for how in symlink dangling link fifo owner; do
		echo "$how"
		rm -f "$dir"/* "$mine"
		cp "$BATS_FILE_TMPDIR/root$FILE" "$mine"
		case $how in
		symlink) ln -s "$mine" "$dir/file.part" ;;
		dangling) ln -s "$mine.not" "$dir/file.part" ;;
		link) ln "$mine" "$dir/file.part" ;;
		fifo) mkfifo "$dir/file.part" ;;
		owner)
			[ "$(id -u)" -eq 0 ] || continue # only root can give a file to another user
			cp "$mine" "$dir/file.part"
			chown 65534:65534 "$dir/file.part"
			;;
		esac
		mirror_clear_log
		get --expected "$digest"
		succeeds
		requests_are 1 ' 200 .* - '
		[ "$(stat -c '%F %a %h %u' "$dir/file.part")" = "regular file 600 1 $(id -u)" ]
		cmp "$BATS_FILE_TMPDIR/root$FILE" "$mine"
		[ ! -e "$mine.not" ]
	done
}

@test "a part that another may have written to is trusted no more than any bytes" {
	head -c "$SIZE" /dev/zero >"$dir/file.part"
	chmod 666 "$dir/file.part"
	printf '%s\n"%s"\n' "$url" "${digest:0:16}" >"$dir/file.part.state"
	get --expected "$digest"
	succeeds
	# the server said that the part was complete already; then the file was downloaded again from its first byte
	requests_are 1 ' 416 '
	requests_are 1 " 200 $SIZE - "
}

@test "an interrupt ends it silently, and a later run continues" {
	fault slow '"rate": 400000, "times": 1'
	get --end-at 100000
	[ "$status" -eq 1 ]
	[ -z "$stderr$output" ]
	get
	succeeds
	requests_are 1 ' 206 '
}

@test "over plain http a hash is refused unasked; with --sha256 the file is taken" {
	run --separate-stderr "$fetch" --resolve "$MIRROR_HTTP_URL" "$dir"
	fails_and_leaves_nothing 'refusing the hash .*plain http'
	[[ $stderr == *--sha256* ]]
	requests_are 0
	run --separate-stderr "$fetch" --sha256 "$digest" --resolve "$MIRROR_HTTP_URL" "$dir"
	[ "$status" -eq 0 ]
	[[ $output == *"$digest untrusted" ]]
}

@test "the mirror is unreachable: short lines, which name the host once" {
	local line

	url=https://127.0.0.1:1$FILE
	get --tries 5
	fails_and_leaves_nothing 'cannot connect .*, 5 times in a row'
	[[ $stderr == *https_proxy* ]]
	[ "$(grep -c '; retry in ' <<<"$stderr")" -eq 4 ]
	for line in "${stderr_lines[@]}"; do
		[[ $line == *'; retry in '* ]] || continue
		[ "${#line}" -le 80 ]
		[ "$(grep -o '127\.0\.0\.1' <<<"$line" | wc -l)" -eq 1 ]
	done
}

@test "a server without ranges that always breaks off at the same byte is given up" {
	# each try brings as much as the first and no more, so it makes no progress
	fault range-ignored '"bytes": 400000'
	get
	fails 'the file ended too early .*, 5 times in a row'
	requests_are 5
}

@test "a tarball that drips is given up and kept, and a later run goes on" {
	fault slow '"rate": 400, "times": 1'
	get --slow-window 2
	fails 'for 2 seconds less than 1000 bytes a second came$'
	[ "$(stat -c %s "$dir/file.part")" -gt 0 ]
	get
	succeeds
	requests_are 1 ' 206 '
}

@test "a small answer that drips is given up, all tries together" {
	mirror_fault '{"path": "*.sha256", "fault": "slow", "rate": 10}'
	resolve --text-time 2
	fails_and_leaves_nothing 'sha256: it was not complete after 2 seconds'
	mirror_clear_faults
	mirror_clear_log
	# the stall of each try must not extend the time for the whole
	mirror_fault '{"path": "*.sha256", "fault": "stall", "at": "headers"}'
	resolve --text-time 3 --stall-window 1 --tries 100
	fails_and_leaves_nothing 'sha256: it was not complete after 3 seconds'
	[ "$(mirror_requests 'sha256 .*fault=stall')" -le 3 ]
}

@test "no password and no key of a URL is shown or noted" {
	local secret=S3cr3t proxy

	# a presigned URL contains a secret
	url="$MIRROR_URL$FILE?Signature=$secret"
	fault truncate '"times": 1'
	get --tries 1 --verbose
	fails "cannot download $MIRROR_URL$FILE\\?\\.\\.\\.: "
	[[ $stderr != *"$secret"* ]]
	run ! grep -r "$secret" "$dir"
	# with a new signature the URL means the same file: the download continues
	url="$MIRROR_URL$FILE?Signature=another"
	mirror_clear_log
	get
	succeeds
	requests_are 1 ' 206 '
	rm "$dir"/*
	# the mirror redirects to a URL with a secret, whose host we do not speak to or does not have the file
	for to in "ftp://user:$secret@127.0.0.1/x?$secret" "ftp://127.0.0.1/x?$secret" \
		"https://user:$secret@127.0.0.1:1/x?$secret" "$MIRROR_URL/none?$secret"; do
		mirror_clear_faults
		fault redirect "\"to\": \"$to\""
		get --verbose --verbose
		[ "$status" -eq 1 ]
		[[ -n $stderr && $stderr != *"$secret"* ]]
	done
	mirror_clear_faults
	# the mirror's pointer leads to a page of a portal
	echo '<html>' >"$BATS_FILE_TMPDIR/root/login"
	mirror_fault "{\"path\": \"/latest/install\", \"fault\": \"redirect\", \"to\": \"$MIRROR_URL/login?$secret\"}"
	resolve --verbose
	rm "$BATS_FILE_TMPDIR/root/login"
	fails "leads to $MIRROR_URL/login\\?\\.\\.\\., which names none"
	[[ $stderr != *"$secret"* ]]
	mirror_clear_faults
	# a URL by the user, with a password
	url=https://user:$secret@${MIRROR_URL#https://}$FILE
	get --verbose
	fails 'a user name in the URL is not supported'
	[[ $stderr != *"$secret"* ]]
	get --verbose --verbose
	[[ $stderr == *": get $MIRROR_URL$FILE from"* && $stderr != *"$secret"* ]]
	url=$MIRROR_URL$FILE
	for proxy in "http://user:$secret@127.0.0.1:1" "http://user:$secret@127.0.0.1:99999" \
		"ftp://user:$secret@127.0.0.1:1" "ftp://127.0.0.1:1/?$secret" "user:$secret@[::1" \
		"http://user:$secret@nowhere.invalid:1"; do
		https_proxy=$proxy get --tries 1 --verbose --verbose
		[ "$status" -eq 1 ]
		[[ -n $stderr && $stderr != *"$secret"* ]] || {
			printf '%s: %s\n' "$proxy" "$stderr"
			return 1
		}
	done
}

@test "proxies by the usual variables" {
	local name

	for name in https_proxy HTTPS_PROXY all_proxy ALL_PROXY; do
		mirror_clear_log
		rm -f "$dir"/*
		export "$name=$MIRROR_HTTP_URL"
		get
		succeeds
		requests_are 1 '^CONNECT'
		unset "$name"
	done
	export https_proxy=$MIRROR_HTTP_URL
	for name in no_proxy NO_PROXY; do
		mirror_clear_log
		rm -f "$dir"/*
		export "$name=example.org,127.0.0.1"
		get
		succeeds
		requests_are 0 '^CONNECT'
		unset "$name"
	done
}

@test "what a proxy says of its connection is not taken for the file's header" {
	# the proxy's answer to CONNECT has headers with an encoding, a range and an ETag
	https_proxy=$MIRROR_HTTP_URL get
	succeeds
	requests_are 1 '^CONNECT'
	rm "$dir"/*
	fault truncate '"times": 1, "etag": null'
	fault pass '"etag": null'
	https_proxy=$MIRROR_HTTP_URL get
	succeeds
	requests_are 0 'if-range="of-the-proxy"'
}

@test "a proxy that is spoken to by https is verified by the same CA certificates" {
	local certs=$BATS_TEST_TMPDIR/certs

	command -v openssl >/dev/null || skip "needs openssl"
	https_proxy=$MIRROR_URL get
	succeeds
	requests_are 1 '^CONNECT.* https$'
	rm "$dir"/*
	mkdir "$certs"
	cp "$MIRROR_CA" "$certs/$(openssl x509 -hash -noout -in "$MIRROR_CA").0"
	https_proxy=$MIRROR_URL SSL_CERT_DIR=$certs run --separate-stderr "$fetch" "$url" "$dir" file
	succeeds
}

@test "a proxy that refuses or is not there" {
	url=https://example.org$FILE # the proxy connects to loopback only
	https_proxy=$MIRROR_HTTP_URL get
	fails_and_leaves_nothing 'the proxy refuses \(HTTP 403\)'
	requests_are 1 '^CONNECT'
	https_proxy=http://127.0.0.1:1 get --tries 1
	fails_and_leaves_nothing 'cannot connect'
}

@test "CA certificates: by variable, by directory, by where distributions keep them" {
	local name root=$BATS_TEST_TMPDIR/host certs=$BATS_TEST_TMPDIR/certs

	command -v openssl >/dev/null || skip "needs openssl"
	for name in NIX_SSL_CERT_FILE SSL_CERT_FILE CURL_CA_BUNDLE; do
		export "$name=$MIRROR_CA"
		run --separate-stderr "$fetch" "$url" "$dir" file
		succeeds
		unset "$name"
	done
	mkdir "$certs"
	cp "$MIRROR_CA" "$certs/$(openssl x509 -hash -noout -in "$MIRROR_CA").0"
	SSL_CERT_DIR=$certs run --separate-stderr "$fetch" "$url" "$dir" file
	succeeds
	mkdir -p "$root/etc/ssl"
	cp "$MIRROR_CA" "$root/etc/ssl/cert.pem"
	run --separate-stderr "$fetch" --root "$root" "$url" "$dir" file
	succeeds
	rm "$root/etc/ssl/cert.pem"
	mv "$certs" "$root/etc/ssl/certs"
	run --separate-stderr "$fetch" --root "$root" "$url" "$dir" file
	succeeds
}

@test "CA certificates that are named and not there: no connection is made" {
	local name

	run --separate-stderr "$fetch" --cacert /nonexistent.pem "$url" "$dir" file
	fails_and_leaves_nothing "'/nonexistent.pem' \\(--cacert\\): No such file"
	for name in NIX_SSL_CERT_FILE SSL_CERT_FILE CURL_CA_BUNDLE SSL_CERT_DIR; do
		export "$name=/nonexistent"
		run --separate-stderr "$fetch" "$url" "$dir" file
		fails_and_leaves_nothing "'/nonexistent' \\($name\\): No such file"
		unset "$name"
	done
	requests_are 0 '^GET|^TLS'
}

@test "CA certificates: nothing local needs them" {
	local name

	for name in NIX_SSL_CERT_FILE SSL_CERT_FILE CURL_CA_BUNDLE SSL_CERT_DIR; do
		rm -f "$dir"/*
		export "$name=/nonexistent"
		run --separate-stderr "$fetch" --nix-version "$VERSION" \
			--resolve "file://$BATS_FILE_TMPDIR/root" "$dir"
		succeeds
		unset "$name"
	done
	requests_are 0
}

@test "CA certificates: a host without any is told where they were looked for, and what to install" {
	mkdir "$BATS_TEST_TMPDIR/bare"
	run --separate-stderr "$fetch" --root "$BATS_TEST_TMPDIR/bare" "$url" "$dir" file
	fails_and_leaves_nothing 'there are no CA certificates on this host to verify it by'
	[[ $stderr == *'install the package ca-certificates'*--cacert*/etc/ssl/certs/ca-certificates.crt* ]]
	[[ $stderr == */etc/pki/tls/certs/ca-bundle.crt*/etc/ssl/cert.pem* ]]
	requests_are 0 '^GET'
}

@test "CA certificates that are none" {
	printf 'no certificate\n' >"$BATS_TEST_TMPDIR/ca.pem"
	run --separate-stderr "$fetch" --cacert "$BATS_TEST_TMPDIR/ca.pem" "$url" "$dir" file
	fails_and_leaves_nothing 'the CA certificates cannot be read'
	requests_are 0 '^GET'
}

# on_tmpfs OPTIONS SCRIPT...: run SCRIPT with a tmpfs mounted on $dir, in namespaces of its own
on_tmpfs()
{
	unshare --user --map-root-user --mount true 2>/dev/null ||
		skip "needs a host that lets users make namespaces"
	export dir url fetch SIZE MIRROR_CA MIRROR_STATE
	run --separate-stderr unshare --user --map-root-user --mount \
		bash -euc 'mount -t tmpfs -o "mode=755,$1" tmpfs "$dir"; eval "$2"' - "$1" "$2"
}

@test "no room: said before anything is written, where the length is known" {
	on_tmpfs size=1m '"$fetch" --cacert "$MIRROR_CA" "$url" "$dir" file || {
		status=$?; ls -A "$dir"; exit $status; }'
	fails "cannot write .*/state/file.part: it needs [0-9.]+ [kM]B, and its file system has [0-9.]+ [kM]B left"
	[[ $stderr == *'make room'* && -z $output ]]
	requests_are 1
}

@test "no room: said where it ended, not tried again, and continued when there is room" {
	fault chunked '"times": 1'
	on_tmpfs size=1m '! "$fetch" --cacert "$MIRROR_CA" "$url" "$dir" file
		mount -o remount,size=4m tmpfs "$dir"
		"$fetch" --cacert "$MIRROR_CA" "$url" "$dir" file'
	[ "$status" -eq 0 ]
	[[ $stderr == *"cannot write to $dir/file.part: No space left on device"*'make room'* ]]
	[ "$output" = "$digest trusted" ]
	requests_are 2
	requests_are 1 ' 206 '
}

@test "a directory that cannot be written" {
	on_tmpfs ro '"$fetch" --cacert "$MIRROR_CA" "$url" "$dir" file'
	fails 'cannot create .*/state/file.part: Read-only file system'
	requests_are 0
	[ "$(id -u)" -ne 0 ] || skip "root may write anywhere"
	chmod 500 "$dir"
	get
	fails 'cannot create .*/state/file.part: Permission denied'
	chmod 700 "$dir"
}

@test "a local mirror needs no network" {
	run --separate-stderr "$fetch" --nix-version "$VERSION" --resolve "$BATS_FILE_TMPDIR/root" \
		"$dir"
	succeeds
	run --separate-stderr "$fetch" --nix-version 9.9 --resolve "file://$BATS_FILE_TMPDIR/root" \
		"$dir"
	fails 'there is no Nix 9.9 for x86_64-linux'
	requests_are 0
}
