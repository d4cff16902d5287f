"""HTTP/1.1 as a release mirror speaks it, and the faults that a mirror may have.

An answer is made in two steps: first its contents (Answer, made by the answer_* and fault_* functions), then how it is
sent (Handler.send). The log line of a request is written before the last byte of the answer is sent: so a client that
has read the whole answer finds the line in the log. A client that was killed leaves a request that may end later: its
line goes into the log that was there when its connection began, which mirror_clear_log may have removed since.
"""

import dataclasses
import email.utils
import hashlib
import http.server
import itertools
import os
import re
import socketserver
import ssl
import sys
import typing
import urllib.parse

import faults
import proxy
import wire

HTML = b"<!DOCTYPE html>\n<html><title>Welcome</title><body>Please log in to this network.\n"


class Site:
    """What all ports share: the directory that is served, the faults, and the log."""

    def __init__(self, root, state, latest, fault_list):
        self.root = os.path.realpath(root)
        self.latest = latest
        self.faults = fault_list
        self.urls = {}  # "http", "https": the address of each
        self.log_path = os.path.join(state, "log")
        os.close(self.open_log(os.O_TRUNC))

    def open_log(self, flags=0):
        """Returns a descriptor of the log that is there now."""
        return os.open(self.log_path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | flags, 0o644)

    def find(self, path):
        """The file that PATH of a URL names, or None."""
        real = os.path.realpath(os.path.join(self.root, path.lstrip("/")))
        inside = real.startswith(self.root + "/")
        return real if inside and os.path.isfile(real) else None

    def latest_version(self):
        """Returns the version of --latest, else the newest version below the root, else None."""
        found = (re.fullmatch(r"nix-(\d.*)", name) for name in os.listdir(self.root))
        versions = [match[1] for match in found if match]
        numbers = lambda v: [int(n) for n in re.findall(r"\d+", v)]  # noqa: E731
        return self.latest or max(versions, key=numbers, default=None)


class Server(socketserver.ThreadingMixIn, socketserver.TCPServer):
    """One port of the site, on 127.0.0.1; with TLS if a context is given."""

    daemon_threads = True
    request_queue_size = 256

    def __init__(self, site, tls):
        super().__init__(("127.0.0.1", 0), Handler)
        self.site = site
        self.tls = tls
        self.scheme = "https" if tls else "http"
        self.url = f"{self.scheme}://127.0.0.1:{self.server_address[1]}"

    def handle_error(self, request, client_address):
        # clients that go away are normal here; any other error is a bug of this server
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)


@dataclasses.dataclass
class Answer:
    status: int
    headers: dict
    body: bytes = b""
    framing: str = "length"  # "length", "chunked" or "close"
    limit: typing.Optional[int] = None  # how many bytes of the body are sent before the ending; None: all
    ending: str = "keep"  # "keep" the connection, "close", "reset", or "stall"
    at: str = "body"  # "headers": the ending comes before any byte of the answer
    seconds: float = 600  # how long a stall lasts
    pieces: typing.Callable = wire.blocks  # cuts the body into pieces that are sent one by one


def respond(status, text="", **headers):
    """Returns an answer with a short text as its body."""
    body = (text or f"{status} {http.server.BaseHTTPRequestHandler.responses[status][0]}\n").encode()
    return Answer(status, {"Content-Type": "text/plain", **headers}, body)


@dataclasses.dataclass
class Resource:
    """A file that is served: its bytes, and the fields by which clients know its version."""

    data: bytes
    etag: typing.Optional[str]
    modified: str

    @classmethod
    def load(cls, site, path, fault):
        name = site.find(fault.get("file", path))
        if name is None:
            return None
        with open(name, "rb") as f:
            data = f.read()
            mtime = os.fstat(f.fileno()).st_mtime
        if fault.get("altered"):
            data = data.translate(bytes(255 - i for i in range(256)))
        etag = fault.get("etag", '"' + hashlib.sha256(data).hexdigest()[:16] + '"')
        return cls(data, etag, email.utils.formatdate(mtime, usegmt=True))


def parse_range(header, size):
    """Returns the (start, end) that a Range header asks for, end exclusive; None if it is no single range of bytes.

    For a range outside of the file, start >= end.
    """
    match = re.fullmatch(r"bytes=(\d*)-(\d*)", header or "")
    if not match or match[0] == "bytes=-":
        return None
    first, last = match.groups()
    if not first:
        return max(0, size - int(last)), size
    return int(first), min(size, int(last) + 1) if last else size


def answer_file(resource, request_headers, trust_if_range=False):
    """Returns the answer with the file, or with the part that Range and If-Range ask for: RFC 9110, 13.1.5 and 14."""
    headers = {"Content-Type": "application/octet-stream", "Accept-Ranges": "bytes",
               "Last-Modified": resource.modified}
    if resource.etag is not None:
        headers["ETag"] = resource.etag
    size = len(resource.data)
    span = parse_range(request_headers.get("Range"), size)
    condition = request_headers.get("If-Range")
    fresh = condition in (None, resource.etag, resource.modified) or trust_if_range
    if span is None or not fresh:
        return Answer(200, headers, resource.data)
    start, end = span
    if start >= end:
        return respond(416, **{"Content-Range": f"bytes */{size}"})
    headers["Content-Range"] = f"bytes {start}-{end - 1}/{size}"
    return Answer(206, headers, resource.data[start:end])


def without_ranges(answer):
    answer.headers.pop("Accept-Ranges", None)
    return answer


class Handler(http.server.BaseHTTPRequestHandler):
    """Serves one connection."""

    protocol_version = "HTTP/1.1"
    timeout = 120  # how many seconds may pass without a byte from or to the client
    disable_nagle_algorithm = True

    def setup(self):
        self.log_fd = self.server.site.open_log()
        self.tls_failed = False
        if self.server.tls:
            self.request.settimeout(self.timeout)
            try:
                self.request = self.server.tls.wrap_socket(self.request, server_side=True)
            except (ssl.SSLError, OSError) as error:
                self.tls_failed = True
                self.log(f"TLS {self.server.url} failed: {error}")
        super().setup()

    def handle(self):
        if not self.tls_failed:
            super().handle()

    def finish(self):
        super().finish()
        self.request.close()
        os.close(self.log_fd)

    def log(self, line):
        os.write(self.log_fd, (line + "\n").encode())

    def log_message(self, *_):
        """Does nothing: http.server's own log is not used here."""

    def log_request_line(self, status, count):
        words = [self.command, self.path, str(status), str(count), self.headers.get("Range", "-")]
        condition = self.headers.get("If-Range")
        words += [f"if-range={condition}"] if condition else []
        words += [f"fault={self.fault['fault']}"] if self.fault else []
        self.log(" ".join(words + [self.server.scheme]))

    def do_GET(self):
        site = self.server.site
        self.fault = {}
        self.file = urllib.parse.unquote(urllib.parse.urlsplit(self.path).path)
        try:
            self.fault = site.faults.take(self.command, self.file) or {}
        except faults.FaultError as error:
            self.log(f"ERROR {error}")
            self.send(respond(500, f"{error}\n"))
            return
        self.send(self.answer())

    do_HEAD = do_GET

    def do_CONNECT(self):
        self.fault = {}
        upstream = proxy.connect(self.path)
        self.log_request_line(200 if upstream else 403, 0)
        self.close_connection = True
        if upstream is None:
            self.wfile.write(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
            return
        with upstream:
            # these fields are about the tunnel: a client must not take them for fields of the file
            self.wfile.write(b"HTTP/1.1 200 Connected\r\nContent-Encoding: gzip\r\n"
                             b"Content-Range: bytes 5-9/10\r\nETag: \"of-the-proxy\"\r\n\r\n")
            proxy.relay(self.connection, upstream)

    def answer(self):
        kind = self.fault.get("fault", "pass")
        made = self.answer_to_any_path(kind)
        if made:
            return made
        if self.file == "/latest/install":
            version = self.server.site.latest_version()
            self.file = f"/nix-{version}/install"
            if version and not self.fault:
                return respond(302, Location=self.file)
        resource = Resource.load(self.server.site, self.file, self.fault)
        if resource is None:
            return respond(404)
        self.change_content(kind, resource)
        answer = answer_file(resource, self.headers, kind == "if-range-ignored")
        return self.change_delivery(kind, resource, answer)

    def answer_to_any_path(self, kind):
        """Returns an answer for faults that need no file, else None."""
        fault, urls = self.fault, self.server.site.urls
        if kind == "status":
            retry = {"Retry-After": str(fault["retry_after"])} if "retry_after" in fault else {}
            return respond(fault["status"], **retry)
        if kind == "redirect":
            to = fault.get("to", "https")
            known = {"http": urls["http"] + self.file, "https": urls["https"] + self.file,
                     "file": f"file://{self.server.site.root}{self.file}",
                     "ftp": f"ftp://127.0.0.1:9{self.file}"}
            return respond(fault.get("status", 302), Location=known.get(to, to))
        if kind == "redirect-loop":
            hop = int(urllib.parse.urlsplit(self.path).query or 0)
            return respond(fault.get("status", 302), Location=f"{self.file}?{hop + 1}")
        if kind == "drop":
            return Answer(0, {}, ending="close", at="headers")
        if kind == "endless":
            return self.endless()
        return None

    def endless(self):
        """Returns an answer that is larger than any client should accept: 64 MiB, or as many bytes as the test says."""
        count = self.fault.get("bytes", 64 << 20)
        made = Answer(200, {"Content-Type": "text/plain"}, framing="close", ending="close",
                      pieces=lambda _: wire.endless(count))
        if "length" in self.fault:
            made.headers["Content-Length"] = str(self.fault["length"])
        return made

    def change_content(self, kind, resource):
        """Changes the contents of the file, for faults of that kind."""
        data = resource.data
        if kind == "corrupt":  # change one bit, which nothing else reveals
            middle = len(data) // 2
            resource.data = data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1:]
        elif kind == "replace":
            resource.data = self.fault["text"].encode() if "text" in self.fault else data
        elif kind == "empty":
            resource.data = b""
        elif kind == "html":
            resource.data = HTML
        elif kind == "hash-63":
            resource.data = data[:63]
        elif kind == "hash-named":
            name = os.path.basename(self.file).removesuffix(".sha256")
            resource.data = data + f"  {name}\n".encode()
        elif kind == "hash-wrong":
            resource.data = data.translate(bytes.maketrans(b"0123456789abcdef",
                                                           b"123456789abcdef0"))

    def change_delivery(self, kind, resource, answer):
        """Changes how the file is sent, for faults of that kind."""
        fault = self.fault
        count = fault.get("bytes", len(answer.body) // 2)
        if kind == "html":
            answer.headers["Content-Type"] = "text/html"
        elif kind == "range-ignored":
            answer = without_ranges(answer_file(resource, {}))
            if "bytes" in fault:
                answer.limit = count
                answer.ending = "close"
            return answer
        elif kind == "wrong-range":
            answer = answer_file(resource, {"Range": "bytes=0-"})
        elif kind in ("truncate", "reset", "stall"):
            answer.limit = count
            answer.ending = "close" if kind == "truncate" else kind
            answer.at = fault.get("at", "body")
            answer.seconds = fault.get("seconds", answer.seconds)
        elif kind == "slow":
            answer.pieces = lambda body: wire.slow(body, fault.get("rate", 1000),
                                                   fault.get("seconds", 30))
        elif kind == "dribble":
            answer.pieces = lambda body: wire.dribble(body, fault.get("bytes", 512))
        elif kind == "gzip":
            answer = without_ranges(answer_file(resource, {}))
            wire.compress(answer)
        elif kind in ("chunked", "chunked-truncated"):
            answer = without_ranges(answer_file(resource, {}))
            answer.framing = "chunked"
            if kind == "chunked-truncated":
                answer.limit = count
                answer.ending = "close"
        return answer

    def head(self, answer):
        headers = {"Date": email.utils.formatdate(usegmt=True), **answer.headers}
        if answer.framing == "length":
            headers["Content-Length"] = str(len(answer.body))
        elif answer.framing == "chunked":
            headers["Transfer-Encoding"] = "chunked"
        self.close_connection |= answer.framing == "close"
        if self.close_connection:
            headers["Connection"] = "close"
        reason = self.responses.get(answer.status, ("Unknown",))[0]
        lines = [f"HTTP/1.1 {answer.status} {reason}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n"

    def travel(self, answer):
        """Yields what is sent, as pairs: the bytes, and how many of them belong to the body."""
        if answer.at == "headers":
            return
        yield self.head(answer), 0
        if self.command == "HEAD":
            return
        for piece in answer.pieces(answer.body[:answer.limit]):
            framed = b"%x\r\n%b\r\n" % (len(piece), piece) if answer.framing == "chunked" else piece
            yield framed, len(piece)
        if answer.framing == "chunked" and answer.limit is None:
            yield b"0\r\n\r\n", 0

    def send(self, answer):
        count, logged = 0, False
        items = itertools.chain(self.travel(answer), [None])
        try:
            item = next(items)
            while item is not None:
                following = next(items)
                count += item[1]
                if following is None:
                    self.log_request_line(answer.status, count)
                    logged = True
                self.wfile.write(item[0])
                item = following
        except OSError:
            self.close_connection = True
        if not logged:
            self.log_request_line(answer.status, count)
        if answer.ending != "keep":
            self.close_connection = True
            wire.end(self, answer.ending, answer.seconds)
