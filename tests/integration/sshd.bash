# shellcheck shell=bash disable=SC2034 # CONFIG is for the suites
#
# A real sshd on loopback. `load` it after common.
#
#   start_sshd [LINE...]      start sshd, with LINEs of sshd_config(5), as the user that the command WHO becomes;
#                             set CONFIG to lines for "Host here" of ssh_config(5), which lead to this sshd
#   stop_sshd                 in teardown

start_sshd()
{
	local port dir=$SCRATCH/sshd line

	mkdir -p "$dir"
	ssh-keygen -q -t ed25519 -N '' -f "$dir/host"
	ssh-keygen -q -t ed25519 -N '' -f "$dir/user"
	# try ports until one is free
	while [ -z "${SSHD:-}" ] || [ ! -e "/proc/$SSHD" ]; do
		port=$((RANDOM % 20000 + 20000))
		cat >"$dir/config" <<-END
			ListenAddress 127.0.0.1:$port
			HostKey $dir/host
			AuthorizedKeysFile $dir/user.pub
			PidFile none
			StrictModes no
			UsePAM no
			Subsystem sftp internal-sftp
		END
		for line; do
			echo "$line" >>"$dir/config"
		done
		[ ${#WHO[@]} -eq 0 ] || chown -R --reference="$HOME" "$dir"
		"${WHO[@]}" "$(PATH=$PATH:/usr/sbin type -P sshd)" -D -e -f "$dir/config" 3>&- >"$dir/log" 2>&1 &
		SSHD=$!
		until grep -qs 'Server listening' "$dir/log" || [ ! -e "/proc/$SSHD" ]; do
			sleep 0.02
		done
		if [ ! -e "/proc/$SSHD" ] && ! grep -q 'Address already in use' "$dir/log"; then
			cat "$dir/log"
			SSHD=
			return 1
		fi
	done
	CONFIG="Host here
		HostName 127.0.0.1
		Port $port
		IdentityFile $dir/user
		IdentitiesOnly yes
		UserKnownHostsFile $dir/known
		StrictHostKeyChecking accept-new
		BatchMode yes"
}

stop_sshd()
{
	[ -z "${SSHD:-}" ] || kill "$SSHD"
}
