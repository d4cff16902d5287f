"""What an unprivileged user can try against nix-user-chroot-helper; helper.bats runs it as such a user.

attack.py run [OPTION...] HELPER NIX PROGRAM [ARG...]   run HELPER as nix-user-chroot does; end with its status
    --close N,...       close these descriptors before
    --limit NAME=N      set a resource limit, such as FSIZE=0
    --env NAME=VALUE    set a variable of HELPER; --give NAME=VALUE: one that HELPER shall set for PROGRAM
    --fd N              pass N as the number of the Nix directory's descriptor, whatever N is
attack.py words HELPER WORD...         run HELPER with these arguments; without a WORD, not even with argv[0]
attack.py traced HELPER NIX            run HELPER under ptrace(2) from its first instruction
attack.py stop COUNT HELPER NIX        stop HELPER at random moments, and try to get at it
attack.py kill COUNT HELPER NIX        kill HELPER at random moments
attack.py swap COUNT HELPER NIX OTHER  exchange the directories NIX and OTHER again and again while HELPER works
"""

import ctypes
import errno
import os
import random
import resource
import signal
import sys
import threading
import time

LIBC = ctypes.CDLL(None, use_errno=True)
SYS_ADMIN = 1 << 21
AT_FDCWD = -100
RENAME_EXCHANGE = 2
PTRACE_TRACEME, PTRACE_CONT, PTRACE_ATTACH = 0, 7, 16


def die(text):
    print(text)
    sys.exit(99)


def words(helper, fd, program, given=()):
    return [helper, str(fd), str(len(given)), *given, "--", *program]


def open_dir(path):
    fd = os.open(path, os.O_PATH | os.O_DIRECTORY)
    os.set_inheritable(fd, True)
    return fd


def run(args):
    closed, env, given, fd, limits = [], {}, [], None, []
    while args[0].startswith("--"):
        option, value, args = args[0], args[1], args[2:]
        if option == "--close":
            closed = [int(n) for n in value.split(",")]
        elif option == "--limit":
            limits.append(value.split("="))
        elif option == "--env":
            name, _, text = value.partition("=")
            env[name] = text
        elif option == "--give":
            given.append(value)
        elif option == "--fd":
            fd = value
    helper, nix, program = args[0], args[1], args[2:]
    if fd is None:
        fd = os.dup2(open_dir(nix), 9)
    line = words(helper, fd, program, given)
    for name, value in limits:
        resource.setrlimit(getattr(resource, "RLIMIT_" + name), (int(value), int(value)))
    for number in closed:
        os.close(number)
    os.execve(helper, line, env)


def start(helper, nix, program=("/bin/true",)):
    fd = open_dir(nix)
    null = os.open("/dev/null", os.O_RDWR)
    actions = [(os.POSIX_SPAWN_DUP2, null, n) for n in range(3)]
    pid = os.posix_spawn(helper, words(helper, fd, program), {}, file_actions=actions)
    os.close(fd)
    os.close(null)
    return pid


def with_words(args):
    helper, line = args[0], args
    if len(args) > 1:
        os.execve(helper, line, {})
    nothing = (ctypes.c_char_p * 1)(None)
    LIBC.execve(helper.encode(), nothing, nothing)
    die("execve: " + os.strerror(ctypes.get_errno()))


def traced(args):
    helper, nix = args
    fd = open_dir(nix)
    pid = os.fork()
    if pid == 0:
        LIBC.ptrace(PTRACE_TRACEME, 0, None, None)
        os.execve(helper, words(helper, fd, ["/bin/true"]), {})
    while True:
        _, status = os.waitpid(pid, 0)
        if os.WIFEXITED(status):
            sys.exit(os.WEXITSTATUS(status))
        LIBC.ptrace(PTRACE_CONT, pid, None, None)


def permitted(pid):
    with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as status:
        fields = dict(line.split(":", 1) for line in status if ":" in line)
    return int(fields["CapPrm"], 16), fields["State"].strip()[0]


def must_fail(what, call):
    try:
        call()
    except OSError as error:
        if error.errno in (errno.EACCES, errno.EPERM):
            return
        die(f"{what}: {error}")
    die(f"{what} worked")


def libc_call(function, *args):
    if function(*args) == -1:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))


def look_into(pid):
    """Tries to get at process PID, which is stopped and has the privilege: every attempt must fail."""
    must_fail("ptrace", lambda: libc_call(LIBC.ptrace, PTRACE_ATTACH, pid, None, None))
    for name in ("mem", "environ", "maps"):
        for mode in (os.O_RDONLY, os.O_RDWR):
            must_fail(name, lambda: os.read(os.open(f"/proc/{pid}/{name}", mode), 1))
    for name in ("root", "cwd", "exe", "ns/mnt"):
        must_fail(name, lambda: os.readlink(f"/proc/{pid}/{name}"))
        must_fail(name, lambda: os.open(f"/proc/{pid}/{name}", os.O_RDONLY))
    must_fail("fd", lambda: os.listdir(f"/proc/{pid}/fd"))
    must_fail("root/nix", lambda: os.listdir(f"/proc/{pid}/root/"))
    pidfd = os.pidfd_open(pid)
    # 438 is pidfd_getfd(2), which libc may not know
    must_fail("pidfd_getfd", lambda: libc_call(LIBC.syscall, 438, pidfd, 0, 0))
    must_fail("setns", lambda: libc_call(LIBC.setns, pidfd, 0x20000))
    os.close(pidfd)


def stop(args):
    count, helper, nix = int(args[0]), args[1], args[2]
    caught = 0
    for number in range(count * 20):
        pid = start(helper, nix)
        # stop the program at any moment, from its first instruction to a while after its last
        time.sleep(random.random() * 0.004 * (number % 10))
        os.kill(pid, signal.SIGSTOP)
        _, status = os.waitpid(pid, os.WUNTRACED)
        if os.WIFSTOPPED(status):
            capabilities, _ = permitted(pid)
            if capabilities & ~SYS_ADMIN and number % 2:
                # the program has not dropped its other rights yet: now only the kernel protects it
                look_into(pid)
            if capabilities & SYS_ADMIN:
                caught += 1
                look_into(pid)
            os.kill(pid, signal.SIGCONT)
            _, status = os.waitpid(pid, 0)
        if status != 0:
            die(f"it ended with {status}")
        if caught == count:
            break
    if caught < 3:
        die(f"stopped with the privilege {caught} times only")
    print(f"caught {caught}")


def kill(args):
    count, helper, nix = int(args[0]), args[1], args[2]
    killed = 0
    for _ in range(count):
        pid = start(helper, nix, ["/bin/sleep", "1000"])
        time.sleep(random.random() * 0.03)
        os.kill(pid, random.choice([signal.SIGKILL, signal.SIGTERM, signal.SIGABRT, signal.SIGSEGV]))
        _, status = os.waitpid(pid, 0)
        killed += os.WIFSIGNALED(status)
    print(f"killed {killed}")


def swap(args):
    count, helper, nix, other = int(args[0]), args[1], args[2].encode(), args[3].encode()
    done = threading.Event()

    def exchange():
        while not done.is_set():
            LIBC.renameat2(AT_FDCWD, nix, AT_FDCWD, other, RENAME_EXCHANGE)

    thread = threading.Thread(target=exchange)
    thread.start()
    shown = refused = 0
    try:
        for _ in range(count):
            try:
                pid = start(helper, args[2], ["/usr/bin/test", "-O", "/nix", "-a", "-e", "/nix/name"])
            except OSError:
                continue
            _, status = os.waitpid(pid, 0)
            code = os.waitstatus_to_exitcode(status)
            shown += code == 0
            refused += code == 125
            if code not in (0, 125):
                die(f"what is shown is not ours: {code}")
    finally:
        done.set()
        thread.join()
    print(f"shown {shown} refused {refused}")


if __name__ == "__main__":
    {"run": run, "words": with_words, "traced": traced, "stop": stop, "kill": kill, "swap": swap}[
        sys.argv[1]
    ](sys.argv[2:])
