#!/usr/bin/python3
"""name-server.py DIRECTORY COMMAND...

Runs COMMAND, and ends with its status. Meanwhile there is a name server on 127.0.0.1:53, which knows only the name
releases.test, and a web server on port 8080 with the files of DIRECTORY. To be run in a network namespace of its own.
"""

import functools
import http.server
import socket
import struct
import subprocess
import sys
import threading

NAME = b"\x08releases\x04test\x00"
TYPE_A = 1


def answer(query):
    """Returns the answer to a query with one question: RFC 1035, 4.1."""
    end = query.index(b"\x00", 12) + 1
    name, (kind, _) = query[12:end], struct.unpack(">HH", query[end:end + 4])
    found = name.lower() == NAME
    records = b""
    if found and kind == TYPE_A:
        # a pointer to the name in the question, class IN, valid for a minute, four bytes of data
        records = struct.pack(">HHHIH", 0xC00C, TYPE_A, 1, 60, 4) + socket.inet_aton("127.0.0.1")
    flags = 0x8180 if found else 0x8183
    header = query[:2] + struct.pack(">HHHHH", flags, 1, 1 if records else 0, 0, 0)
    return header + query[12:end + 4] + records


def serve_names(server):
    while True:
        query, client = server.recvfrom(512)
        server.sendto(answer(query), client)


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


def main():
    directory, command = sys.argv[1], sys.argv[2:]
    names = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    names.bind(("127.0.0.1", 53))
    web = http.server.ThreadingHTTPServer(("127.0.0.1", 8080),
                                          functools.partial(Quiet, directory=directory))
    threading.Thread(target=serve_names, args=(names,), daemon=True).start()
    threading.Thread(target=web.serve_forever, daemon=True).start()
    return subprocess.run(command, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
