# fish completion for nix-user-chroot(1).

# What stands before the cursor: a word for what is asked for (enter, install, uninstall, check,
# print-path-config), behind it the words of COMMAND where one has begun ("command" in front of
# them), or "done" where nothing more is taken.
function __nix_user_chroot_read
    set -l tokens (commandline -opc)
    set -l takes_value --nix-version --mirror --tarball --sha256 --system --cacert \
        --extra-conf --nix-extra-conf-file
    set -l mode enter
    set -e tokens[1]
    while set -q tokens[1]
        set -l token $tokens[1]
        set -e tokens[1]
        if contains -- $token --install --uninstall --check --print-path-config
            set mode (string sub --start 3 -- $token)
        else if contains -- $token $takes_value
            set -e tokens[1]
        else if test "$token" = --
            printf '%s\n' $mode command $tokens
            return
        else if not string match -q -- '-*' $token
            if test $mode != enter
                printf '%s\n' $mode done
                return
            end
            # "NIXPATH -- COMMAND" too
            test "$tokens[1]" = --; and set -e tokens[1]
            printf '%s\n' $mode command $tokens
            return
        end
    end
    echo $mode
end

# Is one of these asked for, and no COMMAND begun?
function __nix_user_chroot_asks
    set -l state (__nix_user_chroot_read)
    test (count $state) -eq 1; and contains -- $state $argv
end

function __nix_user_chroot_in_command
    set -l state (__nix_user_chroot_read)
    test "$state[2]" = command
end

# The command completes itself.
function __nix_user_chroot_complete_command
    set -l state (__nix_user_chroot_read)
    set -l words (string escape -- $state[3..-1])
    complete -C (string join ' ' -- $words (commandline -ct))
end

# Versions of Nix that are known without a network: the one that is installed, those of which a part
# was downloaded, and those of the mirror where that is a directory.
function __nix_user_chroot_versions
    set -l data $HOME/.local/share
    set -l cache $HOME/.cache
    set -l mirror $NIX_USER_CHROOT_MIRROR
    set -l tokens (commandline -opc)
    test -n "$XDG_DATA_HOME"; and set data $XDG_DATA_HOME
    test -n "$XDG_CACHE_HOME"; and set cache $XDG_CACHE_HOME
    set -l dir $data/nix
    test -n "$NIX_USER_CHROOT_DIR"; and set dir $NIX_USER_CHROOT_DIR
    if test -r $dir/var/nix-user-chroot/receipt
        string replace -rf '^version ' '' <$dir/var/nix-user-chroot/receipt
    end
    set -l downloads $cache/nix-user-chroot/nix-*-linux.tar*
    string replace -rf '.*/nix-(.*)-[^-]*-linux\.tar[^/]*$' '$1' -- $downloads
    for i in (seq (count $tokens))
        if test "$tokens[$i]" = --mirror; and set -q tokens[(math $i + 1)]
            set mirror $tokens[(math $i + 1)]
        else if string match -q -- '--mirror=*' $tokens[$i]
            set mirror (string replace -- --mirror= '' $tokens[$i])
        end
    end
    set mirror (string replace -r '^file://' '' -- $mirror)
    if string match -q -- '/*' $mirror
        set -l releases $mirror/nix-*/
        string replace -rf '.*/nix-([^/]*)/$' '$1' -- $releases
    end
end

complete -c nix-user-chroot -f
complete -c nix-user-chroot -n __nix_user_chroot_in_command -a '(__nix_user_chroot_complete_command)'
complete -c nix-user-chroot -n '__nix_user_chroot_asks enter' -a '(__fish_complete_directories (commandline -ct) "directory that is to be /nix")'

# with every command
set -l any '__nix_user_chroot_asks enter install uninstall check print-path-config'
complete -c nix-user-chroot -n $any -s h -l help -d 'print the help page'
complete -c nix-user-chroot -n $any -s q -l quiet -d 'say errors only'
complete -c nix-user-chroot -n $any -s v -l verbose -d 'say more; twice: every mount and request'

# the commands
set -l enter '__nix_user_chroot_asks enter'
complete -c nix-user-chroot -n $enter -l install -d 'install Nix, verified; then run COMMAND inside'
complete -c nix-user-chroot -n $enter -l uninstall -d 'remove what --install has put in place'
complete -c nix-user-chroot -n $enter -l check -d 'can this host do it, if not why, and what to do'
complete -c nix-user-chroot -n $enter -l print-path-config -d 'print a path-config.toml that fits this host'
complete -c nix-user-chroot -n $enter -s V -l version -d 'print the version'
complete -c nix-user-chroot -n $enter -l new-namespace -d 'share no namespace with what runs already'

# --install
set -l install '__nix_user_chroot_asks install'
complete -c nix-user-chroot -n $install -l nix-version -x -a '(__nix_user_chroot_versions)' -d 'which Nix'
complete -c nix-user-chroot -n $install -l system -x -a 'x86_64-linux i686-linux aarch64-linux armv6l-linux armv7l-linux riscv64-linux powerpc64le-linux' -d 'the system to install for'
complete -c nix-user-chroot -n $install -l force -d 'install again over what is there'
complete -c nix-user-chroot -n $install -l mirror -x -a '(__fish_complete_directories (commandline -ct) directory)' -d 'where releases are'
complete -c nix-user-chroot -n $install -l tarball -rF -d 'this binary tarball'
complete -c nix-user-chroot -n $install -l sha256 -x -d "the tarball's hash, in hex or SRI form"
complete -c nix-user-chroot -n $install -l cacert -rF -d 'CA certificates to verify TLS with'
complete -c nix-user-chroot -n $install -l extra-conf -x -d 'add a line to nix.conf'
complete -c nix-user-chroot -n $install -l nix-extra-conf-file -rF -d 'add the lines of a file to nix.conf'
complete -c nix-user-chroot -n $install -l no-channel-add -d 'do not subscribe to the nixpkgs channel'
complete -c nix-user-chroot -n $install -l no-modify-profile -d "leave the shells' startup files alone"
complete -c nix-user-chroot -n $install -l no-shims -d 'no nix, nix-build... in ~/.local/bin'
complete -c nix-user-chroot -n $install -l dry-run -d 'print what would be done, and do nothing'

# --uninstall
complete -c nix-user-chroot -n '__nix_user_chroot_asks uninstall' -l force -d 'also a store that --install did not make'
complete -c nix-user-chroot -n '__nix_user_chroot_asks uninstall' -l yes -d 'do not ask'

# --check
complete -c nix-user-chroot -n '__nix_user_chroot_asks check' -l json -d 'report for scripts'
