# shellcheck shell=bash
# shellcheck disable=SC2016 # the inner shells expand what stands in single quotes
#
# Hosts that refuse user namespaces, for ci_hosts.bats and every_host.bats. `load` it after bootstrap.bash. Each host
# is a user namespace with a root directory and limits of its own, where sudo gives root of that namespace only:
# nothing of this host changes, and everything ends with the test.
#
#   hosts_suite            in setup_file: make a release of the real program in RELEASE, with PRoot if there is one
#   hosts_test             in setup: skip the test where such hosts cannot be made
#   in_namespaces COMMAND...    run COMMAND in new namespaces. User IDs are the same as on this host, but root is
#                          root of these namespaces only
#   host PREPARE COMMAND...     run COMMAND as the user "runner" of a host that PREPARE, a text for bash run as
#                          its root, makes. PREPARE may call: refuse_limit; refuse_filter (for all that
#                          follows); refuse_users (refuse user namespaces alone); as_root; own_nix; no_sudo;
#                          with_helper; with_proot; no_proot (none on PATH either); container; apparmor
#                          (with 0 its parser fails).
#
# Environment: as for bootstrap.bash. STATIC_DIST may contain the PRoot that scripts/build-static makes; without it,
# this host's PRoot is used.

hosts_suite()
{
	local proot

	real_program
	[ -n "$PROGRAM" ] || return 0
	RELEASE=$BATS_FILE_TMPDIR/release
	mkdir "$RELEASE"
	cp "$PROGRAM" "$RELEASE/nix-user-chroot-0.0.0-$ARCH-linux"
	cp "$SCRIPTS/install.sh" "$SCRIPTS/ci-bootstrap" "$RELEASE"
	proot=$(find "${STATIC_DIST:-/nowhere}/" -name "proot-*-$ARCH-linux" 2>/dev/null | grep .) ||
		proot=$(type -P proot) || true
	[ -z "$proot" ] || install -m 755 "$proot" "$RELEASE/proot-0-$ARCH-linux"
	(cd "$RELEASE" && sha256sum ./*-linux | sed 's|  \./|  |' >SHA256SUMS)
	chmod -R a+rX "$RELEASE"
	export RELEASE
}

hosts_test()
{
	[ -n "$PROGRAM" ] || skip 'needs NIX_USER_CHROOT_DIST or NIX_USER_CHROOT_SINGLE'
	[ "$(id -u)" -eq 0 ] || skip 'needs root, to have two users in a user namespace'
	[ -x /usr/bin/sudo ] || skip 'needs sudo'
	REFUSE=${BUILD_DIR:-}/tests/refuse
	[ -x "$REFUSE" ] || skip 'needs BUILD_DIR, a build tree with its test programs'
	HELPER=$BUILD_DIR/nix-user-chroot-helper
	export REFUSE HELPER
	new_home
	WORK=$BATS_TEST_TMPDIR/work
	mkdir "$WORK"
	export WORK
}

in_namespaces()
{
	local pid status=0

	rm -f "$WORK/ready" "$WORK/go"
	mkfifo "$WORK/ready" "$WORK/go"
	unshare --user --mount --pid --fork --kill-child bash -c \
		': >"$WORK/ready"; read -r _ <"$WORK/go"; exec "$@"' in_namespaces "$@" 3>&- 4>&- &
	: <"$WORK/ready"
	# $! is unshare itself, which waits for its child: both are in the new user namespace, so its map can be set
	# by $!
	pid=$!
	echo '0 0 65536' >"/proc/$pid/uid_map"
	echo '0 0 65536' >"/proc/$pid/gid_map"
	echo >"$WORK/go"
	wait "$pid" || status=$?
	return "$status"
}

host()
{
	in_namespaces bash -euc "$HOST" host "$@"
}
HOST='
	as_runner=() runner=(setpriv --reuid 4242 --regid 4242 --clear-groups) environment=(PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin HOME=/home/runner USER=runner
		NIX_USER_CHROOT_RELEASES=/release NIX_USER_CHROOT_MIRROR=/mirror "NIX_CONFIG=substitute = false"
		NIX_USER_CHROOT_PROOT=/nowhere)
	for name in ${!GITHUB_*} ${!RUNNER_*} ${!CI*} GITLAB_CI TF_BUILD AGENT_ISSELFHOSTED NIX_USER_CHROOT_SUDO; do
		[ -z "${!name-}" ] || environment+=("$name=${!name}")
	done
	mount -t tmpfs -o mode=755 host "$WORK"
	cd "$WORK"
	for entry in bin sbin lib lib32 lib64 libx32 usr dev; do
		if [ -L "/$entry" ]; then
			cp -P "/$entry" "$entry"
		elif [ -d "/$entry" ]; then
			mkdir "$entry"
			mount --rbind "/$entry" "$entry"
		fi
	done
	mkdir -m 1777 tmp
	mkdir old proc run home var release mirror tools
	mount -t proc proc proc
	mount --bind "$RELEASE" release
	mount --bind "$RELEASES" mirror
	cp "$REFUSE" tools/refuse
	cp -a /etc etc
	rm -rf etc/sudoers.d etc/apparmor.d etc/nix etc/resolv.conf
	mkdir etc/sudoers.d etc/apparmor.d
	echo "runner:x:4242:4242::/home/runner:/bin/bash" >>etc/passwd
	echo "runner:x:4242:" >>etc/group
	echo "runner:*:19000:0:99999:7:::" >>etc/shadow
	(umask 337 && echo "runner ALL=(ALL) NOPASSWD: ALL" >etc/sudoers.d/runner)
	install -d -o 4242 -g 4242 home/runner
	refuse_limit() {
		echo 0 >/proc/sys/user/max_user_namespaces
	}
	refuse_users() {
		as_runner=(/tools/refuse unshare:10000000,clone --)
	}
	refuse_filter() {
		as_runner=(/tools/refuse unshare,clone,mount --)
	}
	as_root() {
		runner=() environment+=(HOME=/root USER=root)
		mkdir -p root
	}
	own_nix() {
		install -d -o 4242 -g 4242 nix
	}
	no_sudo() {
		rm etc/sudoers.d/runner
	}
	with_proot() {
		environment+=(NIX_USER_CHROOT_PROOT=/usr/bin/proot)
	}
	no_proot() {
		environment+=(NIX_USER_CHROOT_PROOT=)
		[ ! -e usr/bin/proot ] || mount --bind /dev/null usr/bin/proot
	}
	with_helper() {
		cp "$HELPER" tools/nix-user-chroot-helper
		chmod 755 tools/nix-user-chroot-helper
		PATH=$PATH:/usr/sbin:/sbin setcap cap_sys_admin=p tools/nix-user-chroot-helper
		environment+=(NIX_USER_CHROOT_HELPER=/tools/nix-user-chroot-helper)
	}
	container() {
		touch .dockerenv
	}
	# The kernel here may have no AppArmor: a file acts as its sysctl, and a script as apparmor_parser
	apparmor() {
		mkdir fake
		cp -r proc/sys/kernel/{osrelease,ostype,hostname} fake
		echo 1 >fake/apparmor_restrict_unprivileged_userns
		mount --bind fake proc/sys/kernel
		printf "%s\n" "#!/bin/sh" "echo \"\$*\" >>/home/runner/parser" \
			"[ \"\$1\" != -r ] || cp \"\$2\" /home/runner/profile" \
			"[ \"\$1 $1\" != \"-r 1\" ] || echo 100 >/proc/sys/user/max_user_namespaces" \
			"[ \"\$1 $1\" != \"-r 0\" ]" >tools/apparmor_parser
		chmod 755 tools/apparmor_parser
		echo "Defaults secure_path=/tools:/usr/sbin:/usr/bin:/sbin:/bin" >>etc/sudoers
	}
	# write greet.nix, a package that a test adds to the profile
	a_program() {
		cat >home/runner/greet.nix <<-END
			derivation {
			  name = "greet";
			  system = builtins.currentSystem;
			  builder = "/bin/sh";
			  PATH = "/bin";
			  args = [ "-c" "mkdir -p \$out/bin && printf \"#!/bin/sh\\necho greetings\\n\" >\$out/bin/greet &&
			    chmod 755 \$out/bin/greet" ];
			}
		END
	}
	eval "$1"
	shift
	pivot_root . old
	cd /
	umount -l old
	rmdir old
	[ ${#runner[@]} -eq 0 ] && cd /root || cd /home/runner
	exec "${as_runner[@]}" "${runner[@]}" env -i "${environment[@]}" "$@"'
