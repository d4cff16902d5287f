#!/usr/bin/python3
"""Types into an interactive shell, as a person at a terminal does.

type.py TEXT COMMAND...: run COMMAND on a new terminal. When it has printed the prompt "ready> ", type TEXT. Then print
what COMMAND writes to the named pipe $ANSWER. If that takes more than 30 seconds, or COMMAND ends without an answer,
print what the terminal showed to stderr.
"""
import os
import pty
import select
import signal
import sys
import time

PROMPT = b"ready> "
SECONDS = 30


def main(text, command):
    answer = os.open(os.environ["ANSWER"], os.O_RDONLY | os.O_NONBLOCK)
    pid, terminal = pty.fork()
    if pid == 0:
        os.execvp(command[0], command)
    shown, said, typed, writing = b"", b"", False, False
    end = time.monotonic() + SECONDS
    poll = select.poll()
    poll.register(terminal, select.POLLIN)
    poll.register(answer, select.POLLIN)
    failed = True
    while failed and time.monotonic() < end:
        for fd, _ in poll.poll(1000):
            try:
                block = os.read(fd, 65536)
            except OSError:  # the last process has closed the terminal
                block = b""
            if fd == answer and block:
                said += block
                writing = True
            elif fd == answer and writing:
                failed = False
            elif fd == terminal and not block:
                end = 0
            elif fd == terminal:
                shown += block
            if PROMPT in shown and not typed:
                os.write(terminal, text.encode())
                typed = True
    os.kill(pid, signal.SIGKILL)
    os.close(terminal)
    os.waitpid(pid, 0)
    if failed:
        sys.stderr.write("no answer; on the terminal stood:\n" + shown.decode(errors="replace"))
        return 1
    sys.stdout.write(said.decode(errors="replace"))
    return 0


sys.exit(main(sys.argv[1], sys.argv[2:]))
