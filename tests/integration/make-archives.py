#!/usr/bin/python3
"""make-archives.py DIR OUTSIDE [CASE...]: write the archive of each CASE to DIR/CASE; without a CASE, of all cases.

Most of the archives must be refused as a Nix tarball; some are odd, but good. OUTSIDE is the absolute path of a
directory with a file "victim", which the hostile archives try to reach.
"""
import bz2
import gzip
import io
import lzma
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zlib

HASH = "0123456789abcdfghijklmnpqrsvwxyz"
TOP = "nix-1.0-x86_64-linux"
STORE = TOP + "/store"
A = STORE + "/" + HASH + "-a"
B = STORE + "/" + HASH[::-1] + "-b"
CASES = {}


class Tar:
    """A tar file in memory. Its entries may have any order and any type."""

    def __init__(self, form=tarfile.GNU_FORMAT, whole=True):
        self.buffer = io.BytesIO()
        self.tar = tarfile.open(fileobj=self.buffer, mode="w", format=form,
                                encoding="utf-8", errors="surrogateescape")
        if whole:
            self.file(TOP + "/install", b"#!/bin/sh\n", 0o755)
            self.file(TOP + "/.reginfo", b"")

    def add(self, name, kind, data=b"", mode=0o644, link="", pax=None, **attributes):
        info = tarfile.TarInfo(name)
        info.type, info.mode, info.linkname, info.size = kind, mode, link, len(data)
        if pax:
            info.pax_headers = pax
        for key, value in attributes.items():
            setattr(info, key, value)
        self.tar.addfile(info, io.BytesIO(data))
        return self

    def file(self, name, data=b"contents\n", mode=0o644, **more):
        return self.add(name, tarfile.REGTYPE, data, mode, **more)

    def dir(self, name, mode=0o755, **more):
        return self.add(name, tarfile.DIRTYPE, b"", mode, **more)

    def symlink(self, name, target):
        return self.add(name, tarfile.SYMTYPE, b"", 0o777, target)

    def hardlink(self, name, target, **more):
        return self.add(name, tarfile.LNKTYPE, b"", 0o644, target, **more)

    def raw(self, data):
        self.buffer.seek(0, os.SEEK_END)
        self.buffer.write(data)
        self.tar.offset = self.buffer.tell()
        return self

    def bytes(self):
        self.tar.close()
        return self.buffer.getvalue()

    def xz(self):
        return lzma.compress(self.bytes(), preset=0)


def good():
    return Tar().file(A + "/bin/tool", b"#!/bin/sh\n", 0o755).symlink(A + "/link", "/nix/store/x")


def case(name):
    def register(function):
        CASES[name] = function
        return function
    return register


def simple(name, build):
    """Defines a case: BUILD gets a tar with all that a Nix tarball must have, and OUTSIDE, and adds to the tar."""
    CASES[name] = lambda outside: build(Tar().file(A + "/file"), outside).xz()


def header(name, kind=b"0", size=b"00000000000\0", mode=b"0000644\0", link=b""):
    """Returns a ustar header block. The checksum is right, even if other fields are not."""
    block = bytearray(512)
    block[0:len(name)] = name
    block[100:108] = mode
    block[108:116] = block[116:124] = b"0000000\0"
    block[124:136] = size
    block[136:148] = b"00000000000\0"
    block[148:156] = b"        "
    block[156:157] = kind
    block[157:157 + len(link)] = link
    block[257:265] = b"ustar\x0000"
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block)


def pax(records, then):
    """Returns a pax header with RECORDS (pairs of bytes), and then the blocks THEN, which the header describes."""
    body = b""
    for key, value in records:
        rest = b" " + key + b"=" + value + b"\n"
        length = len(rest) + 1
        while len(str(length)) + len(rest) != length:
            length += 1
        body += str(length).encode() + rest
    padded = body + bytes(-len(body) % 512)
    return header(b"pax", b"x", b"%011o\0" % len(body)) + padded + then


NAME = (A + "/lie").encode()

# names
simple("dotdot-first", lambda t, o: t.file("../evil"))
simple("dotdot-after-top", lambda t, o: t.file(TOP + "/../evil"))
simple("dotdot-last", lambda t, o: t.dir(STORE + "/.."))
simple("dotdot-in-store", lambda t, o: t.file(A + "/../../../../evil"))
simple("dotdot-alone", lambda t, o: t.dir(".."))
simple("dotdot-hidden", lambda t, o: t.file("./" + TOP + "//.//../../evil"))
simple("dotdot-in-name", lambda t, o: t.file(A + "/..evil..").file(A + "/..."))
simple("absolute", lambda t, o: t.file(o + "/evil"))
simple("absolute-slashes", lambda t, o: t.file("//" + TOP + "/evil"))
simple("dot-slash", lambda t, o: t.dir("./").file("./" + TOP + "/./store//" + HASH + "-c/file"))
simple("long-name", lambda t, o: t.file(A + "/" + "n" * 5000))
simple("long-component", lambda t, o: t.file(A + "/" + "n" * 256))
simple("long-path", lambda t, o: t.file(A + ("/" + "n" * 200) * 6))
simple("longest-component", lambda t, o: t.file(A + "/" + "n" * 255))
simple("deep", lambda t, o: t.file(A + "/d" * 200))
simple("not-utf8", lambda t, o: t.file(A + "/\udcff\udcfe"))
simple("newline", lambda t, o: t.file(A + "/new\nline\x1b[31m"))
simple("newline-refused", lambda t, o: t.file(A + "/new\nline\x1b[31m/../x"))
simple("nfd", lambda t, o: t.file(A + "/e\u0301"))


@case("pax-names")
def _(outside):
    tar = Tar(tarfile.PAX_FORMAT).file(A + "/e\u0301")
    tar.raw(pax([(b"path", (A + "/\udcff\udcfe").encode("utf-8", "surrogateescape"))],
                header(b"short")))
    return tar.xz()


# links
simple("symlink-then-file", lambda t, o: t.symlink(A + "/l", o).file(A + "/l/evil"))
simple("symlink-up-then-file",
       lambda t, o: t.symlink(A + "/l", "../../../..").file(A + "/l/evil"))
simple("symlink-then-dir-through", lambda t, o: t.symlink(A + "/l", o).dir(A + "/l/evil"))
simple("symlink-overwritten",
       lambda t, o: t.symlink(A + "/l", o + "/victim").file(A + "/l", b"evil"))
simple("symlink-into-nix-store", lambda t, o: t.symlink(A + "/l", "/nix/store/" + HASH + "-z"))
simple("symlink-is-store-path", lambda t, o: t.symlink(B, o).file(B + "/evil"))
simple("symlink-beside-store", lambda t, o: t.symlink(TOP + "/script", o + "/victim"))
simple("symlink-is-top", lambda t, o: Tar(whole=False).symlink(TOP, o).file(TOP + "/install"))
simple("symlink-is-store", lambda t, o: Tar().symlink(STORE, o).file(A + "/file"))
simple("hardlink-absolute", lambda t, o: t.hardlink(A + "/h", o + "/victim"))
simple("hardlink-dotdot", lambda t, o: t.hardlink(A + "/h", "../" * 12 + o[1:] + "/victim"))
simple("hardlink-to-symlink",
       lambda t, o: t.symlink(A + "/l", o + "/victim").hardlink(A + "/h", A + "/l"))
simple("hardlink-through-symlink",
       lambda t, o: t.symlink(A + "/l", o).hardlink(A + "/h", A + "/l/victim"))
simple("hardlink-to-later", lambda t, o: t.hardlink(A + "/h", A + "/later").file(A + "/later"))
simple("hardlink-to-itself", lambda t, o: t.hardlink(A + "/h", A + "/h"))
simple("hardlink-to-directory", lambda t, o: t.hardlink(A + "/h", A))
simple("hardlink-outside-store", lambda t, o: t.hardlink(TOP + "/h", TOP + "/install"))
simple("hardlink-into-store", lambda t, o: t.hardlink(A + "/h", TOP + "/install"))
simple("hardlink-out-of-store", lambda t, o: t.hardlink(TOP + "/h", A + "/file"))
simple("hardlink-good", lambda t, o: t.hardlink(A + "/h", A + "/file"))
simple("hardlink-with-contents",
       lambda t, o: t.raw(pax([(b"comment", b"in pax alone may it have a size")], header(
           (A + "/h").encode(), b"1", b"00000000004\0", link=(A + "/file").encode())
           + b"evil".ljust(512, b"\0"))))

# types of files, modes, owners
simple("character-device", lambda t, o: t.add(A + "/d", tarfile.CHRTYPE, devmajor=1, devminor=3))
simple("block-device", lambda t, o: t.add(A + "/d", tarfile.BLKTYPE, devmajor=8))
simple("fifo", lambda t, o: t.add(A + "/f", tarfile.FIFOTYPE))
simple("bits", lambda t, o: t.file(A + "/s", mode=0o7777).file(B, mode=0o6600)
       .dir(A + "/sticky", mode=0o7777).file(TOP + "/suid", mode=0o4755))
simple("owner", lambda t, o: t.file(A + "/o", uid=12345, gid=54321, uname="daemon", gname="bin"))
simple("dir-closed-after", lambda t, o: t.file(A + "/d/f").dir(A + "/d", 0).dir(A, 0)
       .dir(STORE, 0).dir(TOP, 0))
simple("dir-closed-before",
       lambda t, o: Tar(whole=False).dir(TOP, 0).dir(STORE, 0).dir(A, 0).dir(A + "/d", 0)
       .file(A + "/d/f", mode=0).file(TOP + "/install").file(TOP + "/.reginfo"))

# what may be where
simple("two-tops", lambda t, o: t.file("nix-2.0-x86_64-linux/store/" + HASH + "-a/file"))
simple("beside-top", lambda t, o: t.file("README"))
simple("top-is-file", lambda t, o: Tar(whole=False).file(TOP))
simple("store-is-file", lambda t, o: Tar().file(STORE))
simple("top-unnamed", lambda t, o: Tar(whole=False).file("nix-/install"))
simple("top-escape", lambda t, o: Tar(whole=False).file("nix-\x1b[31m/install"))
simple("beside-store", lambda t, o: t.file(TOP + "/a/b/c", mode=0o755))
simple("no-install", lambda t, o: Tar(whole=False).file(A + "/f").file(TOP + "/.reginfo"))
simple("no-store", lambda t, o: Tar())
simple("no-reginfo", lambda t, o: Tar(whole=False).file(A + "/f").file(TOP + "/install"))
simple("install-is-directory",
       lambda t, o: Tar(whole=False).file(A + "/f").dir(TOP + "/install").file(TOP + "/.reginfo"))
simple("empty-tar", lambda t, o: Tar(whole=False))
for name, bad in {"short": HASH[:31] + "-a", "letter": "e" + HASH[1:] + "-a", "nodash": HASH + "a",
                  "noname": HASH + "-", "dot": HASH + "-.a", "space": HASH + "-a b",
                  "long": HASH + "-" + "a" * 212, "links": ".links", "newline": HASH + "-a\n",
                  "utf8": HASH + "-\u00e9"}.items():
    simple("store-name-" + name, lambda t, o, bad=bad: t.file(STORE + "/" + bad + "/f"))
    simple("store-file-" + name, lambda t, o, bad=bad: t.file(STORE + "/" + bad))
simple("store-name-longest", lambda t, o: t.file(STORE + "/" + HASH + "-" + "a" * 211 + "/f"))

# a path that is in the archive twice
simple("twice-file", lambda t, o: t.file(A + "/x").file(A + "/x"))
simple("twice-file-dir", lambda t, o: t.file(A + "/x").dir(A + "/x"))
simple("twice-dir-file", lambda t, o: t.dir(A + "/x").file(A + "/x"))
simple("twice-file-symlink", lambda t, o: t.file(A + "/x").symlink(A + "/x", o))
simple("twice-symlink-dir", lambda t, o: t.symlink(A + "/x", o).dir(A + "/x"))
simple("twice-symlink", lambda t, o: t.symlink(A + "/x", o).symlink(A + "/x", o))
simple("twice-file-below", lambda t, o: t.file(A + "/x").file(A + "/x/y"))
simple("twice-dir", lambda t, o: t.dir(A + "/x", 0o700).dir(A + "/x", 0o755).dir(A + "/./x/"))
simple("twice-install", lambda t, o: t.file(TOP + "/install", b"evil"))

# sizes that are not true
for name, records in {"larger": b"1000000", "huge": b"9" * 18, "overflow": b"9" * 40,
                      "negative": b"-5", "words": b"ten"}.items():
    simple("pax-size-" + name, lambda t, o, records=records: t.raw(
        pax([(b"size", records)],
            header(NAME, size=b"00000000005\0") + b"12345".ljust(512, b"\0"))))
simple("pax-size-smaller", lambda t, o: t.raw(
    pax([(b"size", b"5")], header(NAME, size=b"00000001000\0") + b"12345".ljust(512, b"\0"))))
simple("size-negative", lambda t, o: t.raw(header(NAME, size=b"\xff" * 12)))
simple("size-huge", lambda t, o: t.raw(header(NAME, size=b"\x80\0\0\0\x7f" + b"\xff" * 7)))
simple("checksum", lambda t, o: t.raw(b"x" * 512))
simple("sparse-pax-realsize-less", lambda t, o: t.raw(
    pax([(b"GNU.sparse.major", b"0"), (b"GNU.sparse.minor", b"1"), (b"GNU.sparse.name", NAME),
         (b"GNU.sparse.size", b"10"), (b"GNU.sparse.numblocks", b"1"),
         (b"GNU.sparse.map", b"0,512")],
        header(NAME, size=b"00000001000\0") + b"d" * 512)))
simple("sparse-pax-map-beyond", lambda t, o: t.raw(
    pax([(b"GNU.sparse.major", b"0"), (b"GNU.sparse.minor", b"1"), (b"GNU.sparse.name", NAME),
         (b"GNU.sparse.size", b"600"), (b"GNU.sparse.numblocks", b"1"),
         (b"GNU.sparse.map", b"1000000000000,512")],
        header(NAME, size=b"00000001000\0") + b"d" * 512)))
simple("sparse-pax-huge", lambda t, o: t.raw(
    pax([(b"GNU.sparse.major", b"0"), (b"GNU.sparse.minor", b"1"), (b"GNU.sparse.name", NAME),
         (b"GNU.sparse.size", b"109951162777600"), (b"GNU.sparse.numblocks", b"1"),
         (b"GNU.sparse.map", b"0,512")],
        header(NAME, size=b"00000001000\0") + b"d" * 512)))


def real_tar(*options):
    """Returns what GNU tar makes of a tree with a sparse file: 1 MiB, of which only the last 4 bytes are data."""
    with tempfile.TemporaryDirectory() as tree:
        os.makedirs(tree + "/" + A)
        for name in ("install", ".reginfo"):
            open(tree + "/" + TOP + "/" + name, "w").close()
        with open(tree + "/" + A + "/sparse", "wb") as file:
            file.seek((1 << 20) - 4)
            file.write(b"tail")
        return subprocess.run(["tar", "-C", tree, "-cS", *options, TOP], check=True,
                              stdout=subprocess.PIPE).stdout


for name, form in {"gnu": "gnu", "pax": "posix"}.items():
    CASES["sparse-" + name] = lambda o, form=form: real_tar("--format=" + form)
CASES["sparse-pax-0.0"] = lambda o: real_tar("--format=posix", "--sparse-version=0.0")

# compression, and files that are no tarball
CASES["good"] = lambda o: good().xz()
CASES["plain"] = lambda o: good().bytes()
CASES["gzip"] = lambda o: gzip.compress(good().bytes())
CASES["bzip2"] = lambda o: bz2.compress(good().bytes())
CASES["lzma"] = lambda o: lzma.compress(good().bytes(), format=lzma.FORMAT_ALONE)
CASES["twice-compressed"] = lambda o: gzip.compress(good().xz())
CASES["xz-concatenated"] = lambda o: b"".join(
    lzma.compress(part) for part in (good().bytes()[:1000], good().bytes()[1000:]))
CASES["xz-padded"] = lambda o: good().xz() + bytes(8)
CASES["xz-second-top"] = lambda o: good().xz() + lzma.compress(
    Tar(whole=False).file("nix-2.0-x/evil").bytes())
CASES["xz-trailing-garbage"] = lambda o: good().xz() + b"garbage at the end"
CASES["xz-trailing-zeros"] = lambda o: good().xz() + bytes(7)
CASES["gzip-trailing-garbage"] = lambda o: gzip.compress(good().bytes()) + b"garbage at the end"
CASES["bzip2-trailing-garbage"] = lambda o: bz2.compress(good().bytes()) + b"garbage at the end"
CASES["plain-trailing-garbage"] = lambda o: good().bytes() + b"garbage" * 200
CASES["xz-truncated"] = lambda o: good().xz()[:-60]
CASES["xz-truncated-footer"] = lambda o: good().xz()[:-1]
CASES["xz-truncated-head"] = lambda o: good().xz()[:20]
CASES["gzip-truncated"] = lambda o: gzip.compress(good().bytes())[:-9]
CASES["bzip2-truncated"] = lambda o: bz2.compress(good().bytes())[:-9]
CASES["plain-truncated"] = lambda o: good().file(A + "/cut", b"x" * 4096).bytes()[:7000]
CASES["html"] = lambda o: b"<!DOCTYPE html><html><body>Please log in</body></html>\n" * 40
CASES["nothing"] = lambda o: b""
CASES["zeros"] = lambda o: bytes(100000)
CASES["one-byte"] = lambda o: b"\xfd"


@case("xz-damaged")
def _(outside):
    data = bytearray(lzma.compress(good().file(A + "/r", os.urandom(5000)).bytes()))
    data[len(data) // 2] ^= 0x55
    return bytes(data)


@case("zip")
def _(outside):
    import zipfile
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(TOP + "/install", "#!/bin/sh\n")
    return buffer.getvalue()


@case("cpio-socket")
def _(outside):
    def entry(name, mode):
        fields = (0, mode, 0, 0, 1, 0, 0, 0, 0, 0, 0, len(name) + 1, 0)
        data = b"070701" + b"".join(b"%08x" % f for f in fields) + name.encode() + b"\0"
        return data + bytes(-len(data) % 4)
    return entry(A + "/socket", 0o140777) + entry("TRAILER!!!", 0)


@case("zstd")
def _(outside):
    if not shutil.which("zstd"):
        return None
    return subprocess.run(["zstd", "-qc"], input=good().bytes(), check=True,
                          stdout=subprocess.PIPE).stdout


@case("zstd-trailing-garbage")
def _(outside):
    data = CASES["zstd"](outside)
    return data and data + b"garbage at the end"


@case("zstd-truncated")
def _(outside):
    data = CASES["zstd"](outside)
    return data and data[:-5]


def crc(data):
    return zlib.crc32(data).to_bytes(4, "little")


def vli(number):
    out = b""
    while number >= 0x80:
        out += bytes([number & 0x7F | 0x80])
        number >>= 7
    return out + bytes([number])


def padded(data):
    return data + bytes(-len(data) % 4)


def xz_blocks(*blocks):
    """Returns an xz stream of these blocks, each (data, the byte that encodes the size of the dictionary)."""
    flags = b"\0\0"
    out, records = b"\xfd7zXZ\0" + flags + crc(flags), b""
    for data, size in blocks:
        raw = lzma.compress(data, lzma.FORMAT_RAW, filters=[
            {"id": lzma.FILTER_LZMA2, "preset": 0, "dict_size": 1 << 16}])
        head = bytes([2, 0, 0x21, 1, size, 0, 0, 0])
        out += padded(head + crc(head) + raw)
        records += vli(len(head) + 4 + len(raw)) + vli(len(data))
    index = padded(b"\0" + vli(len(blocks)) + records)
    index += crc(index)
    footer = (len(index) // 4 - 1).to_bytes(4, "little") + flags
    return out + index + crc(footer) + footer + b"YZ"


# dictionaries of 4 GiB, 96 MiB and 64 MiB
for name, size in ("4g", 40), ("96m", 29), ("64m", 28):
    CASES["xz-dictionary-" + name] = lambda o, size=size: xz_blocks((good().bytes(), size))
    CASES["xz-second-block-" + name] = lambda o, size=size: xz_blocks(
        (good().bytes()[:2048], 16), (good().bytes()[2048:], size))
    CASES["xz-second-stream-" + name] = lambda o, size=size: xz_blocks(
        (good().bytes()[:2048], 16)) + xz_blocks((good().bytes()[2048:], size))


def zstd_stored(data, window):
    """Returns a zstd frame of uncompressed blocks, with this byte for the size of the window."""
    out = b"\x28\xb5\x2f\xfd\0" + bytes([window])
    for at in range(0, len(data), 1 << 16):
        block = data[at:at + (1 << 16)]
        last = at + len(block) == len(data)
        out += (len(block) << 3 | last).to_bytes(3, "little") + block
    return out


for name, window in ("2g", 21 << 3), ("72m", (16 << 3) + 1), ("64m", 16 << 3):
    CASES["zstd-window-" + name] = lambda o, window=window: zstd_stored(good().bytes(), window)


# archives that unpack to very much data
@case("bomb-declared")
def _(outside):
    """One file of 100 GiB, 64 MiB of zeros in each of its xz streams."""
    first = Tar().bytes()[:2048] + header(NAME, size=b"\x80" + (100 << 30).to_bytes(11, "big"))
    return lzma.compress(first, preset=0) + lzma.compress(bytes(64 << 20), preset=0) * 1600


@case("bomb-files")
def _(outside):
    """1,600 files of 64 MiB."""
    out = lzma.compress(Tar().bytes()[:2048], preset=0)
    zeros = lzma.compress(bytes(64 << 20), preset=0)
    for i in range(1600):
        name = b"%s/bomb%d" % (A.encode(), i)
        out += lzma.compress(header(name, size=b"%011o\0" % (64 << 20)), preset=0) + zeros
    return out


@case("bomb-zeros")
def _(outside):
    """100 GiB of end-of-archive blocks."""
    return good().xz() + lzma.compress(bytes(64 << 20), preset=0) * 1600


@case("million")
def _(outside):
    """1,000,000 empty files."""
    out = io.BytesIO()
    base = header(A.encode() + b"/0000000")
    at = len(A) + 1
    plain = sum(base[:148]) + 8 * 32 + sum(base[156:]) - 7 * 48
    with gzip.GzipFile(fileobj=out, mode="wb", compresslevel=1) as archive:
        archive.write(Tar().bytes()[:2048])
        block = bytearray(base)
        for i in range(1000000):
            digits = b"%07d" % i
            block[at:at + 7] = digits
            block[148:156] = b"%06o\0 " % (plain + sum(digits))
            archive.write(block)
        archive.write(bytes(1024))
    return out.getvalue()


def main():
    directory, outside = sys.argv[1:3]
    for name in sys.argv[3:] or CASES:
        data = CASES[name](outside)
        if data is not None:
            with open(os.path.join(directory, name), "wb") as file:
                file.write(data)


main()
