"""The HTTP port is a proxy as well: it accepts CONNECT to loopback, and to nothing else."""

import select
import socket

LOOPBACK = ("127.0.0.1", "localhost")
IDLE = 120  # seconds without a byte in either direction


def connect(authority):
    """A socket connected to HOST:PORT, or None where that is not on loopback or does not answer."""
    host, _, port = authority.rpartition(":")
    if host not in LOOPBACK or not port.isdigit():
        return None
    try:
        return socket.create_connection(("127.0.0.1", int(port)), timeout=IDLE)
    except (OSError, OverflowError):
        return None


def relay(one, other):
    """Pass bytes on in both directions until one side has finished."""
    peers = {one: other, other: one}
    while True:
        ready, _, _ = select.select(list(peers), [], [], IDLE)
        if not ready:
            return
        for source in ready:
            data = source.recv(64 << 10)
            if not data:
                return
            peers[source].sendall(data)
