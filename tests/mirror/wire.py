"""How the bytes of an answer are sent: in which pieces, how fast, and how the connection ends."""

import fcntl
import gzip
import select
import socket
import ssl
import struct
import termios
import time

BLOCK = 64 << 10


def blocks(body):
    """Yields the body in large pieces, to be sent as fast as possible."""
    for start in range(0, len(body), BLOCK):
        yield body[start:start + BLOCK]


def endless(count):
    """Yields COUNT bytes without having them all in memory. They are '0', because a digest consists of digits."""
    block = b"0" * BLOCK
    for start in range(0, count, BLOCK):
        yield block[:count - start]


def dribble(body, count):
    """Yields the first COUNT bytes one by one, so that each is a packet and a TLS record of its own."""
    for i in range(min(count, len(body))):
        yield body[i:i + 1]
    yield from blocks(body[count:])


def slow(body, rate, seconds):
    """Yields RATE bytes a second for SECONDS, and then the rest at once, because tests must end."""
    step = max(1, rate // 10)
    begin = time.monotonic()
    sent = 0
    while sent < len(body) and time.monotonic() - begin < seconds:
        yield body[sent:sent + step]
        sent += step
        time.sleep(max(0, begin + sent / rate - time.monotonic()))
    yield from blocks(body[sent:])


def compress(answer):
    """Compresses the body, asked for or not. The ETag changes, because this is another representation."""
    answer.body = gzip.compress(answer.body, compresslevel=1, mtime=0)
    answer.headers["Content-Encoding"] = "gzip"
    if "ETag" in answer.headers:
        answer.headers["ETag"] = answer.headers["ETag"].rstrip('"') + '-gzip"'


def drain(connection, seconds):
    """Waits until the other side's kernel has received all that was sent: a reset would discard the rest."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        queued = fcntl.ioctl(connection.fileno(), termios.TIOCOUTQ, b"\0" * 4)
        if struct.unpack("i", queued)[0] == 0:
            return
        time.sleep(0.005)


def wait_for_hangup(connection, seconds):
    poll = select.poll()
    poll.register(connection, select.POLLIN | select.POLLRDHUP)
    poll.poll(seconds * 1000)


def end(handler, ending, seconds):
    """Ends a handler's connection: by "close", by "reset", or by "stall", which first waits that many seconds."""
    connection = handler.connection
    try:
        if ending == "stall":
            wait_for_hangup(connection, seconds)
        elif ending == "reset":
            drain(connection, 5)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        elif isinstance(connection, ssl.SSLSocket):
            # send TLS's close_notify, and do not wait for the client's: an orderly end, which only comes too early
            connection.setblocking(False)
            connection.unwrap()
    except OSError:
        pass  # the client has closed the connection first
    handler.rfile.close()
    connection.close()
