#!/usr/bin/env bats
#
# scripts/ci-bootstrap on hosts that refuse user namespaces, with the real program, a real Nix, the real kernel and a
# real sudo. Each host is a user namespace with a root directory and limits of its own, where sudo gives root of that
# namespace only: nothing of this host changes, and everything ends with the test. Needs NIX_USER_CHROOT_DIST or
# NIX_USER_CHROOT_SINGLE, see bootstrap.bash, and RELEASES.

# shellcheck disable=SC2016 # the inner shells expand what stands in single quotes
# shellcheck disable=SC2154 # bats sets output, stderr, status and lines
# shellcheck disable=SC2030,SC2031 # a test's variables end with it, which is what is wanted

bats_require_minimum_version 1.5.0
load ../mirror/mirror.bash
load bootstrap.bash
load hosts.bash

setup_file()
{
	hosts_suite
}

setup()
{
	hosts_test
}

# What a job does after ci-bootstrap: a script for "bash -euc"
JOB='
	nix --version | grep "^nix (Nix) 2"
	out=$(nix-build --no-out-link -E "derivation { name = \"x\"; system = builtins.currentSystem;
		builder = \"/bin/sh\"; args = [ \"-c\" \"echo built > \$out\" ]; }")
	nix-store --query --hash "$out" | grep "^sha256:"
	'

bootstrap='. "$(/release/ci-bootstrap)"; '

@test "a hosted runner whose limit refuses: sudo raises it, says so and how it is undone, and it is userns" {
	export GITHUB_ACTIONS=true RUNNER_ENVIRONMENT=github-hosted
	run -0 host refuse_limit bash -euc "$bootstrap$JOB"'
		grep -x "runtime userns" ~/.local/share/nix/var/nix-user-chroot/record
		[ "$(cat /proc/sys/user/max_user_namespaces)" = 15000 ]
		# the directory of the program that was downloaded before the installation is removed
		ls ~/.config/nix-user-chroot
		[ ! -e /nix ]'
	has_words "changed this host by sudo, for this runner is GitHub's own" \
		'sysctl -w user.max_user_namespaces=15000' \
		"to undo it: sudo sh -c 'sysctl -w user.max_user_namespaces=0'"
	[ "${lines[*]: -2}" = 'env.sh path.sh' ]
}

@test "a self-hosted runner is not changed, nor a hosted one where that is forbidden, nor any other host" {
	local unchanged='set +e; /release/ci-bootstrap; status=$?
		[ "$(cat /proc/sys/user/max_user_namespaces)" = 0 ] && [ ! -e /nix ] && sudo -n true && exit $status'

	GITHUB_ACTIONS=true RUNNER_ENVIRONMENT=self-hosted run -125 host refuse_limit bash -c "$unchanged"
	has_words 'user.max_user_namespaces is 0'
	[[ $output != *'changed this host'* ]]
	GITHUB_ACTIONS=true RUNNER_ENVIRONMENT=github-hosted NIX_USER_CHROOT_SUDO=no \
		run -125 host refuse_limit bash -c "$unchanged"
	RUNNER_ENVIRONMENT=github-hosted run -125 host refuse_limit bash -c "$unchanged"
	TF_BUILD=True AGENT_ISSELFHOSTED=1 run -125 host refuse_limit bash -c "$unchanged"
	CI=true CI_DISPOSABLE_ENVIRONMENT='' GITLAB_CI=true run -125 host refuse_limit bash -c "$unchanged"
	NIX_USER_CHROOT_SUDO=perhaps run -125 host refuse_limit bash -c "$unchanged"
	has_words "NIX_USER_CHROOT_SUDO is 'perhaps'"
}

@test "where sudo asks for a password, that is said, and nothing is changed" {
	NIX_USER_CHROOT_SUDO=yes run -125 host 'refuse_limit; no_sudo' /release/ci-bootstrap
	has_words 'but "sudo -n true" fails: nothing of this host will be changed' 'user.max_user_namespaces is 0'
}

@test "the other hosted runners: each is known by its own variables" {
	# ends quickly: --install refuses the option, but only after the script has changed the host
	local opened='/release/ci-bootstrap --no-such-option; cat /proc/sys/user/max_user_namespaces'

	TF_BUILD=True AGENT_ISSELFHOSTED=0 run -0 host refuse_limit bash -c "$opened"
	has_words "for this agent is Microsoft's own"
	[ "${lines[-1]}" = 15000 ]
	GITLAB_CI=true CI_DISPOSABLE_ENVIRONMENT=true run -0 host refuse_limit bash -c "$opened"
	[ "${lines[-1]}" = 15000 ]
	NIX_USER_CHROOT_SUDO=yes run -0 host refuse_limit bash -c "$opened"
	has_words 'for NIX_USER_CHROOT_SUDO is set'
	[ "${lines[-1]}" = 15000 ]
}

@test "in a container no setting of the kernel is changed: /nix is made, and Nix is there directly" {
	NIX_USER_CHROOT_SUDO=yes run -0 host 'refuse_limit; container' bash -euc "$bootstrap$JOB"'
		[ "$(cat /proc/sys/user/max_user_namespaces)" = 0 ]
		[ "$(stat -c %u:%a /nix)" = 4242:755 ]
		grep -x "runtime direct" /nix/var/nix-user-chroot/record'
	has_words 'install -d -o 4242 -g 4242 /nix' "to undo it: sudo sh -c 'rmdir /nix'"
}

@test "a filter that no setting lifts: /nix is made, later steps have the profile, and no trace is left" {
	NIX_USER_CHROOT_SUDO=yes run -0 host 'refuse_filter; a_program' bash -euc '
		export NIX_USER_CHROOT_ACCESS_TOKEN=ghs_x
		'"$bootstrap$JOB"'
		[ "$NIX_CONF_DIR" = /nix/etc/nix ]
		nix config show access-tokens | grep "github.com=ghs_x"
		# a package that one step adds to the profile is found by a later step, in a plain shell
		nix-env -i -f greet.nix
		env -i HOME="$HOME" /bin/bash -euc ". ~/.config/nix-user-chroot/env.sh; greet"
		# run again, without the token
		unset NIX_USER_CHROOT_ACCESS_TOKEN
		'"$bootstrap"'
		[ ! -e ~/.config/nix-user-chroot/access-tokens.conf ]
		rm greet.nix
		nix-user-chroot --uninstall --yes
		# leave out .config, which already exists on a real runner
		find ~ /nix ! -path ~/.config'
	grep -qx greetings <<<"$output"
	[ "${lines[-2]}" = /home/runner ]
	[ "${lines[-1]}" = /nix ]
}

@test "where root may do nothing, it is PRoot, and a job works in it too" {
	GITHUB_ACTIONS=true RUNNER_ENVIRONMENT=self-hosted run -0 host 'refuse_filter; with_proot' \
		bash -euc "$bootstrap$JOB"'
		grep -x "runtime proot" ~/.local/share/nix/var/nix-user-chroot/record
		[ ! -e /nix ]'
}

@test "a pod, where nobody is root and a filter refuses: what is missing, and who can help, in each message" {
	local RELEASE=$BATS_TEST_TMPDIR/release

	mkdir "$RELEASE"
	cp "$BATS_FILE_TMPDIR"/release/{ci-bootstrap,install.sh,nix-user-chroot-*} "$RELEASE"
	sums "$RELEASE"
	run -0 host 'refuse_filter; no_sudo; no_proot' bash -euc '
		export KUBERNETES_SERVICE_HOST=10.0.0.1
		program=$(echo /release/nix-user-chroot-*)
		"$program" --check || echo "SHOWN check $?"
		/release/ci-bootstrap || echo "SHOWN ci $?"
		mkdir /tmp/nix
		"$program" /tmp/nix true || echo "SHOWN enter $?"
		find ~'
	has_words 'in a container (Kubernetes)' 'Not yet: no runtime that is here works. --install fetches a PRoot' \
		'seccompProfile: {type: Unconfined}' 'mkdir -m 0755 /nix' '- PRoot needs no namespaces' 'SHOWN check 1' \
		'PRoot would work without namespaces, but the release at file:///release has none' \
		'set NIX_USER_CHROOT_PROOT to one that you have' 'SHOWN ci 125' \
		'also cannot use PRoot: there is no proot on PATH' 'SHOWN enter 125'
	[ "${lines[-1]}" = /home/runner ]
}

@test "a store that is there, as from a cache, is not given up for one in /nix" {
	NIX_USER_CHROOT_SUDO=yes run host refuse_filter bash -c '
		mkdir -p ~/.local/share/nix/store
		/release/ci-bootstrap
		[ ! -e /nix ] && echo no /nix'
	[ "${lines[-1]}" = 'no /nix' ]
	NIX_USER_CHROOT_SUDO=yes run host refuse_filter bash -c '
		NIX_USER_CHROOT_DIR=/home/runner/own /release/ci-bootstrap
		NIX_USER_CHROOT_RUNTIME=proot /release/ci-bootstrap
		[ ! -e /nix ] && echo no /nix'
	[ "${lines[-1]}" = 'no /nix' ]
}

@test "AppArmor: a profile for this program alone comes first, and is that of --check" {
	GITHUB_ACTIONS=true RUNNER_ENVIRONMENT=github-hosted run -0 host 'refuse_limit; apparmor 1' bash -euc '
		/release/ci-bootstrap --no-such-option || true
		[ "$(cat /proc/sys/kernel/apparmor_restrict_unprivileged_userns)" = 1 ]
		grep -o "^-r .*" parser
		cat profile'
	has_words "to undo it: sudo sh -c 'apparmor_parser -R /etc/apparmor.d/nix-user-chroot-ci; rm -f /etc/apparmor.d/nix-user-chroot-ci'"
	[[ $output == *$'\n-r /etc/apparmor.d/nix-user-chroot-ci\nabi <abi/4.0>,\ninclude <tunables/global>\n'* ]]
	[[ $output =~ 'profile nix-user-chroot-ci "/{home/runner/.config/nix-user-chroot/program.'[0-9]+'/nix-user-chroot,home/runner/.local/bin/nix-user-chroot}" flags=(unconfined) {' ]]
	[[ $output == *$'{\n  userns,\n}' ]]
	# check the profile by the parser of AppArmor 4; that of Debian 12 does not know the rule
	if printf 'profile x {\n  userns,\n}\n' | /usr/sbin/apparmor_parser -QTK 2>/dev/null; then
		sed -n '/^abi/,$p' <<<"$output" | /usr/sbin/apparmor_parser -QTK
	fi
}

@test "AppArmor: where no profile can be loaded the sysctl is next, and what did not help is undone" {
	NIX_USER_CHROOT_SUDO=yes run -0 host 'refuse_filter; apparmor 0' bash -euc '
		/release/ci-bootstrap --no-such-option || true
		cat parser
		ls /etc/apparmor.d
		[ "$(cat /proc/sys/kernel/apparmor_restrict_unprivileged_userns)" = 1 ]'
	has_words 'sudo could not change this host: cat >/etc/apparmor.d/nix-user-chroot-ci' \
		'sysctl -w kernel.apparmor_restrict_unprivileged_userns=0' 'these changes have been undone' \
		'install -d -o 4242'
	[ "${lines[-1]}" = '-R /etc/apparmor.d/nix-user-chroot-ci' ]
	NIX_USER_CHROOT_SUDO=yes run -0 host 'refuse_limit; apparmor 0' bash -euc '
		/release/ci-bootstrap --no-such-option || true
		cat /proc/sys/kernel/apparmor_restrict_unprivileged_userns /proc/sys/user/max_user_namespaces'
	[ "${lines[-2]} ${lines[-1]}" = '0 15000' ]
}

@test "nothing works and nothing may be changed: the reason, and what would help" {
	run -125 host 'refuse_filter; no_sudo' /release/ci-bootstrap
	has_words 'cannot install on this host' 'seccomp filter'
	run -125 host 'refuse_filter; no_sudo' bash -c '/release/ci-bootstrap >/dev/null 2>&1; status=$?; find ~ >&2; exit $status'
	[ "$output" = /home/runner ]
}
