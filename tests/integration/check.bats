#!/usr/bin/env bats
#
# --check on hosts that work and on hosts that refuse. The latter are made of user namespaces with limits of their
# own, and of seccomp filters. Everything works as an unprivileged user and as root.

# shellcheck disable=SC2016 # the inner shells expand "$program" and "$1"
# shellcheck disable=SC2154 # bats sets output, stderr and their lines

bats_require_minimum_version 1.5.0

setup()
{
	BUILD_DIR=${BUILD_DIR:-$BATS_TEST_DIRNAME/../..}
	program=${NIX_USER_CHROOT:-$BUILD_DIR/nix-user-chroot}
	refuse=${REFUSE:-$BUILD_DIR/tests/refuse}
	[ -x "$program" ] || skip "needs the built program ($program)"
	# except for the first tests, each test takes something away from a host that can do everything
	unshare --user --map-root-user --mount --pid --fork --mount-proc --net true ||
		skip "needs a host that lets users make namespaces"
	unset KUBERNETES_SERVICE_HOST
	# check only this runtime; runtimes.bats tests what else a host may have
	export NIX_USER_CHROOT_RUNTIME=userns
	# a directory below, because bats keeps its own files in $BATS_TEST_TMPDIR
	mkdir "$BATS_TEST_TMPDIR/work"
	cd "$BATS_TEST_TMPDIR/work" || return
}

# inside COMMAND...: run COMMAND as root of a new user and mount namespace, with $program set
inside()
{
	program=$program unshare --user --map-root-user --mount "$@"
}

# json EXPRESSION: is the Python expression true about d, the JSON in $output?
json()
{
	printf '%s' "$output" | /usr/bin/python3 -c '
import json, sys
d = json.loads(sys.stdin.read())
steps = {s["step"]: s for s in d["steps"]}
ids = [r["id"] for r in d["reasons"]]
sys.exit(0 if eval(sys.argv[1]) else str(d))' "$1"
}

# nested DEPTH COMMAND...: run COMMAND in DEPTH user namespaces, one inside the other
nested()
{
	local depth=$1 words=()

	shift
	while [ "$depth" -gt 0 ]; do
		words+=(unshare --user --map-root-user)
		depth=$((depth - 1))
	done
	"${words[@]}" "$@"
}

# Print how many user namespaces can be nested from here: 33, less those that we are in already.
deepest()
{
	local depth=40

	while [ "$depth" -gt 0 ] && ! nested "$depth" true 2>/dev/null; do
		depth=$((depth - 1))
	done
	echo "$depth"
}

@test "a host that is well: a table, status 0, nothing on stderr" {
	run --separate-stderr -0 "$program" --check
	[ -z "$stderr" ]
	[[ $output == *$'\n  user namespace        ok\n'* ]]
	[[ $output == *$'\nYes: entering and --install will work here'* ]]
	[[ $output != *failed* && $output != *Why* ]]
}

@test "the same as JSON" {
	run --separate-stderr -0 "$program" --check --json
	[ -z "$stderr" ]
	json 'd["ok"] and d["enter"] and d["install"] and ids == []'
	json 'set(s["result"] for s in d["steps"][:7]) == {"ok"}'
	json 'len(d["steps"]) == 10 and d["kernel"] == open("/proc/sys/kernel/osrelease").read().strip()'
}

@test "nothing stays behind: no mount, no process, no file" {
	local before
	before=$(cat /proc/self/mountinfo)
	mkdir tmp
	TMPDIR=$PWD/tmp run -0 "$program" --check
	[ "$before" = "$(cat /proc/self/mountinfo)" ]
	[ -z "$(ls -A tmp)" ]
	# "cat" ends only when all processes of --check have closed the pipe: none is left behind
	[ -n "$(timeout 20 "$program" --check | cat)" ]
	rmdir tmp
	[ -z "$(ls -A .)" ]
}

@test "stdout that is full is a failure of ours: 125" {
	run --separate-stderr -125 sh -c '"$1" --check >/dev/full' sh "$program"
	[[ $stderr == *"nix-user-chroot: cannot write "*"No space left on device"* ]]
}

@test "max_user_namespaces 0: ENOSPC, and the sysctl that ends it" {
	run --separate-stderr -1 inside sh -c \
		'echo 0 >/proc/sys/user/max_user_namespaces && exec "$program" --check'
	[[ $output == *"  user namespace        failed: unshare: No space left on device"* ]]
	[[ $output == *"  mount namespace       not tried"* ]]
	[[ $output == *$'\nNo: neither entering nor --install will work here.\n'* ]]
	[[ $output == *"user.max_user_namespaces is 0"* ]]
	[[ $output == *"echo 'user.max_user_namespaces = 15000' |"* ]]
	[[ $output == *"What you can do:"*"PRoot needs"* ]]
}

@test "max_user_namespaces 0 as JSON" {
	run --separate-stderr -1 inside sh -c \
		'echo 0 >/proc/sys/user/max_user_namespaces && exec "$program" --check --json'
	json 'not d["ok"] and not d["enter"] and ids == ["max-namespaces-zero"]'
	json 'steps["user-namespace"]["errno"] == 28'
	json 'steps["pivot-root"]["result"] == "not-tried"'
}

@test "max_mnt_namespaces 0: the second step fails" {
	run -1 inside sh -c \
		'echo 0 >/proc/sys/user/max_mnt_namespaces && exec "$program" --check'
	[[ $output == *"  user namespace        ok"* ]]
	[[ $output == *"  mount namespace       failed: unshare: No space left on device"* ]]
	[[ $output == *"user.max_mnt_namespaces is 0"* ]]
}

@test "max_net_namespaces 0: entering and --install work, Nix's sandbox does not" {
	run --separate-stderr -0 inside sh -c \
		'echo 0 >/proc/sys/user/max_net_namespaces && exec "$program" --check --json'
	json 'd["enter"] and d["install"] and not d["sandbox"]'
	json 'ids == ["max-namespaces-zero"] and "max_net_namespaces" in d["reasons"][0]["reason"]'
}

@test "nested as deep as the kernel goes: nothing works" {
	local depth
	depth=$(deepest)
	[ "$depth" -gt 0 ]
	run --separate-stderr -1 nested "$depth" "$program" --check --json
	json 'steps["user-namespace"]["result"] == "failed" and ids == ["max-namespaces-reached"]'
	json '"32 can be nested" in d["reasons"][0]["reason"]'
}

@test "one less deep: entering and --install work, Nix's sandbox does not, status 0" {
	local depth
	depth=$(deepest)
	run --separate-stderr -0 nested $((depth - 1)) "$program" --check --json
	json 'd["ok"] and d["enter"] and d["install"] and not d["sandbox"]'
	json 'steps["nested-namespace"]["result"] == "failed"'
	json 'steps["proc-mount"]["result"] == "not-tried"'
	json 'ids == ["max-namespaces-reached"]'
	run -0 nested $((depth - 1)) "$program" --check
	[[ $output == *"sandbox = false"* ]]
}

@test "a seccomp filter like Docker's: EPERM, and how to lift it" {
	run --separate-stderr -1 "$refuse" unshare,mount,clone -- "$program" --check
	[ -z "$stderr" ]
	[[ $output == *"  user namespace        failed: unshare: Operation not permitted"* ]]
	[[ $output == *"seccomp"* ]]
	[[ $output == *"seccomp=unconfined"* || $output == *"seccompProfile"* ]]
}

@test "a filter that refuses only mount: the namespaces work" {
	run --separate-stderr -1 "$refuse" mount -- "$program" --check --json
	json 'steps["id-maps"]["result"] == "ok" and steps["slave"]["errno"] == 1'
	json 'ids == ["seccomp"] and "mounting" in d["reasons"][0]["reason"]'
}

@test "a filter that refuses only pivot_root" {
	run --separate-stderr -1 "$refuse" pivot_root -- "$program" --check --json
	json 'steps["bind"]["result"] == "ok" and steps["pivot-root"]["errno"] == 1'
	json 'ids == ["seccomp"]'
}

@test "a filter that refuses only the unmounting of the old root" {
	run --separate-stderr -1 "$refuse" umount -- "$program" --check --json
	json 'steps["pivot-root"]["error"] == "detach the old root: Operation not permitted"'
}

@test "a filter that says ENOSYS" {
	run --separate-stderr -1 "$refuse" unshare=38 -- "$program" --check --json
	json 'steps["user-namespace"]["errno"] == 38 and ids == ["seccomp"]'
}

@test "a filter that kills: the step that died is named, and no core file is left" {
	# allow core files here, because test runs often forbid them
	ulimit -S -c "$(ulimit -H -c)"
	run --separate-stderr -1 "$refuse" mount=kill -- "$program" --check --json
	json 'steps["slave"]["result"] == "failed" and "signal 31" in steps["slave"]["error"]'
	json 'ids == ["seccomp"]'
	[ -z "$(ls -A .)" ]
}

@test "a partly covered /proc, as in containers: only Nix's sandbox fails, status 0" {
	run --separate-stderr -0 inside sh -c \
		'mount -t tmpfs none /proc/fs && exec "$program" --check --json'
	json 'd["ok"] and not d["sandbox"] and steps["nested-namespace"]["result"] == "ok"'
	json 'steps["proc-mount"]["errno"] == 1 and ids == ["proc-hidden"]'
	json '"/proc/fs" in d["reasons"][0]["reason"]'
}

@test "no /proc: said, and how to mount it" {
	# the sanitizers need /proc themselves: keep their messages apart, and turn the leak check off
	run --separate-stderr -1 inside env ASAN_OPTIONS="${ASAN_OPTIONS-}:detect_leaks=0" sh -c \
		'mount -t tmpfs none /proc && exec "$program" --check'
	[[ $output == *"  user and group IDs    failed: /proc/self/setgroups: No such file"* ]]
	[[ $output == *"/proc is not mounted here"*"sudo mount -t proc proc /proc"* ]]
}

@test "in a chroot: EPERM, and that it is the chroot" {
	mkdir root root/program
	for dir in /bin /lib* /usr /proc /dev /etc; do
		if [ -L "$dir" ]; then
			cp -P "$dir" root/
		elif [ -d "$dir" ]; then
			mkdir "root$dir"
		fi
	done
	PATH=$PATH:/usr/sbin run --separate-stderr -1 inside sh -c '
		for dir in root/*; do
			[ -L "$dir" ] || [ "$dir" = root/program ] ||
				mount --rbind "/${dir#root/}" "$dir" || exit 99
		done
		mount --bind "$(dirname "$program")" root/program || exit 99
		exec chroot root "/program/${program##*/}" --check --json'
	json 'steps["user-namespace"]["errno"] == 1 and ids[0] == "chroot"'
}

@test "a failing entry prints the short form" {
	mkdir -p nix/store
	run --separate-stderr -125 "$refuse" unshare,mount,clone -- "$program" "$PWD/nix" true
	[[ $stderr == *"nix-user-chroot: "*"Operation not permitted"* ]]
	[[ $stderr == *"an administrator can change that: "*seccomp* ]]
	[[ $stderr == *"nix-user-chroot --check"* ]]
	[ "${#stderr_lines[@]}" -le 5 ]
	run --separate-stderr -125 inside sh -c \
		'echo 0 >/proc/sys/user/max_user_namespaces && exec "$program" "$1" true' sh "$PWD/nix"
	[[ $stderr == *"sudo sysctl -w user.max_user_namespaces=15000"* ]]
}
