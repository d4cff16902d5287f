# fish completion for nix-user-chroot(1).

# Read the words before the cursor. Print first what the command line asks for: enter, install, uninstall, update,
# bundle, check or print-path-config. Then, if COMMAND has begun, print "command" and the words of COMMAND; if no
# further word is possible, print "done".
function __nix_user_chroot_read
    set -l tokens (commandline -opc)
    set -l takes_value @VALUES@
    set -l mode enter
    set -e tokens[1]
    while set -q tokens[1]
        set -l token $tokens[1]
        set -e tokens[1]
        # the last word is an option whose value is being completed
        if contains -- $token $takes_value; and not set -q tokens[1]
            break
        end
        if contains -- $token @COMMANDS@
            set mode (string sub --start 3 -- $token)
        end
        if contains -- $token $takes_value
            set -e tokens[1]
        else if test "$token" = --
            printf '%s\n' $mode command $tokens
            return
        else if not string match -q -- '-*' $token
            if test $mode != enter
                printf '%s\n' $mode done
                return
            end
            # "--" may also stand after NIXPATH: "NIXPATH -- COMMAND"
            test "$tokens[1]" = --; and set -e tokens[1]
            printf '%s\n' $mode command $tokens
            return
        end
    end
    echo $mode
end

# Does the command line ask for one of these, and has no COMMAND begun?
function __nix_user_chroot_asks
    set -l state (__nix_user_chroot_read)
    test (count $state) -eq 1; and contains -- $state $argv
end

function __nix_user_chroot_in_command
    set -l state (__nix_user_chroot_read)
    test "$state[2]" = command
end

# Complete the arguments of COMMAND by that command's own completion.
function __nix_user_chroot_complete_command
    set -l state (__nix_user_chroot_read)
    set -l words (string escape -- $state[3..-1])
    complete -C (string join ' ' -- $words (commandline -ct))
end

# List versions of Nix that are known without a network.
function __nix_user_chroot_versions
    set -l mirror $NIX_USER_CHROOT_MIRROR
    set -l tokens (commandline -opc)
    for i in (seq (count $tokens))
        if test "$tokens[$i]" = --mirror; and set -q tokens[(math $i + 1)]
            set mirror $tokens[(math $i + 1)]
        else if string match -q -- '--mirror=*' $tokens[$i]
            set mirror (string replace -- --mirror= '' $tokens[$i])
        end
    end
    sh -c '@VERSIONS@' sh $mirror
end

complete -c nix-user-chroot -f
complete -c nix-user-chroot -n __nix_user_chroot_in_command -a '(__nix_user_chroot_complete_command)'
complete -c nix-user-chroot -n '__nix_user_chroot_asks enter' -a '(__fish_complete_directories (commandline -ct) "directory that is to be /nix")'

for row in (string match -r '.+' -- (string split \n -- '@OPTIONS@'))
    set -l option (string split -m 5 '|' -- $row)
    set -l value
    switch $option[5]
        case ''
        case VERSION
            set value -x -a '(__nix_user_chroot_versions)'
        case SYSTEM
            set value -x -a '@SYSTEMS@'
        case URL
            set value -x -a '(__fish_complete_directories (commandline -ct) directory)'
        case FILE OUT
            set value -rF
        case '*'
            set value -x
    end
    test -n "$option[3]"; and set -a value -s $option[3]
    complete -c nix-user-chroot -n "__nix_user_chroot_asks $option[1]" -l $option[4] $value -d $option[6]
end
