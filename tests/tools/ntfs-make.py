#!/usr/bin/python3
"""ntfs-make.py fill MOUNT | bend IMAGE: make what tests/e2e/ntfs-streams.sh looks at.

fill: through ntfs-3g, mounted with compression and streams_interface=windows; then, with streams_interface=none, "posix" for names with
a colon. bend: what no driver writes, into the image: names with '/', NUL, a control character or half a surrogate pair, a name twice,
streams twice, less written than the size says, an encrypted file. Records of 1024 bytes, as mkntfs makes them.
"""
import os
import random
import struct
import sys

random.seed(8)
RECORD = 1024


def text(length):
    return b"".join(b"all work and no play, %d times\n" % i for i in range(length // 25 + 1))[:length]


def put(path, contents):
    with open(path, "wb") as f:
        f.write(contents)


def reparse(path, tag, value):
    os.setxattr(path, "system.ntfs_reparse_data", struct.pack("<IHH", tag, len(value), 0) + value)


def windows_link(target, relative):
    name = target.encode("utf-16-le")
    head = struct.pack("<HHHH", 0, len(name), len(name), len(name))
    return head + (b"" if relative is None else struct.pack("<I", relative)) + name + name


def fill(root):
    os.chdir(root)
    for size in (0, 1, 600, 660, 680, 690, 700, 710, 720, 740, 4096, 4097, 65537, 300001):
        put(f"size-{size}", random.randbytes(size))
    put("report.docx", b"a report")
    put("report.docx:Zone.Identifier", b"[ZoneTransfer]\r\nZoneId=3\r\nReferrerUrl=https://mail.harbour.example/?to=kim@harbour.example\r\n")
    put("size-0:large", random.randbytes(200000))
    os.mkdir("folder")
    put("folder:beside a folder", b"stream of a folder")
    os.link("report.docx", "folder/linked.docx")
    os.mkdir("packed")
    os.setxattr("packed", "system.ntfs_attrib_be", struct.pack(">I", 0x810))
    for size in (10, 4095, 65536, 65537, 1000000):
        put(f"packed/text-{size}", text(size))
    put("packed/mixed", text(100000) + random.randbytes(100000) + bytes(200000) + text(70000))
    put("packed/mixed:packed too", text(150000))
    put("packed/written less", text(400000))
    put("written less", random.randbytes(400000))
    put("locked", random.randbytes(5000))
    with open("sparse", "wb") as f:
        for i in range(30):
            f.seek(i * 100000)
            f.write(random.randbytes(1000))
        f.truncate(3100000)
    a, b = open("pieces-a", "wb", buffering=0), open("pieces-b", "wb", buffering=0)
    for _ in range(1500):
        a.write(random.randbytes(4096))
        b.write(random.randbytes(4096))
    for name in ("Case", "case", "CASE", "dots...", "space ", "100% sure", "a%2Fb", "a%3Ab", "%uD800", "%-", "\U0001f600", "back\\slash"):
        put(name, name.encode())
    for name in ("slash#name", "zero#name", "bell#name", "half#name", "other#half", "twin-a", "twin-b"):
        put(name, name.encode())
    put("streams", b"of one file")
    for i in range(400):
        put(f"streams:{i}", b"stream %d" % i)
    put("twins", b"")
    for name in ("same-a", "same-b", "slash#stream"):
        put("twins:" + name, name.encode())
    put("l" * 200, b"long")
    put("l" * 200 + ":" + "s" * 100, b"long stream")
    put("l" * 200 + ":" + "s" * 99 + "t", b"other stream")
    for i in range(500):
        put(f"folder/entry {i:05} {'x' * (i % 60)}", b"%d" % i)
    # More than one answer of the reader holds, so that one of them ends between a file and its streams.
    os.mkdir("folder/many")
    for i in range(1100):
        for stream in ("", ":one", ":another"):
            put(f"folder/many/{i:05}{'m' * (200 + i % 35)}{stream}", b"%d%s" % (i, stream.encode()))
    # Reparse points: links, and contents that are kept by other ways.
    os.mkdir("junction")
    reparse("junction", 0xA0000003, windows_link("\\??\\C:\\Users\\kim", None))
    put("relative", b"")
    reparse("relative", 0xA000000C, windows_link("folder\\linked.docx", 1))
    put("absolute", b"")
    reparse("absolute", 0xA000000C, windows_link("\\??\\D:\\a\\b", 0))
    put("broken link", b"")
    reparse("broken link", 0xA000000C, windows_link("broken#target", 1))
    put("wsl", b"")
    reparse("wsl", 0xA000001D, struct.pack("<I", 2) + b"../etc/passwd")
    os.symlink("folder/linked.docx", "interix")
    put("wof", bytes(5000))
    put("wof:WofCompressedData", random.randbytes(1000))
    reparse("wof", 0x80000017, struct.pack("<IIII", 1, 2, 1, 0))
    for name, tag in (("dedup", 0x80000013), ("cloud", 0x9000701A), ("unknown", 0x80001234)):
        for state in ("here", "gone"):
            path = f"{name} {state}"
            with open(path, "wb") as f:
                if state == "here":
                    f.write(random.randbytes(30000))
                else:
                    f.truncate(30000)
            reparse(path, tag, bytes(16))


def posix(root):
    os.chdir(root)
    put("colon:name", b"no stream")
    put("report.docx:Zone.Identifier", b"a file that is called like a stream")


class Image:
    """Its records and index blocks are without their fix-ups until it is stored."""

    def __init__(self, path):
        self.path = path
        with open(path, "rb") as f:
            self.bytes = bytearray(f.read())
        cluster = struct.unpack_from("<H", self.bytes, 11)[0] * self.bytes[13]
        self.mft = struct.unpack_from("<Q", self.bytes, 48)[0] * cluster
        self.fixed = [at for at in range(0, len(self.bytes), RECORD) if self.bytes[at : at + 4] in (b"FILE", b"INDX") and self.pairs(at)]
        for at in self.fixed:
            for last, kept in self.pairs(at):
                self.bytes[last : last + 2] = self.bytes[kept : kept + 2]

    def pairs(self, at):
        array, count = struct.unpack_from("<HH", self.bytes, at + 4)
        if not 2 <= count <= 9 or array > 64:
            return []
        return [(at + i * 512 - 2, at + array + 2 * i) for i in range(1, count)]

    def rename(self, name, new):
        """Everywhere: in records and in folders"""
        old, count = name.encode("utf-16-le"), 0
        assert len(old) == len(new)
        at = self.bytes.find(old)
        while at >= 0:
            self.bytes[at : at + len(old)] = new
            count += 1
            at = self.bytes.find(old, at + 1)
        return count

    def change(self, old, unit, count=2):
        new = b"".join(struct.pack("<H", unit) if c == "#" else c.encode("utf-16-le") for c in old)
        found = self.rename(old, new)
        assert found >= count, (old, found)

    def data_of(self, name):
        """Where the unnamed $DATA of each file of that name begins, in its own record"""
        wanted, seen = name.encode("utf-16-le"), []
        at = self.bytes.find(wanted, self.mft)
        while at >= 0:
            start = at - (at - self.mft) % RECORD
            if self.bytes[start : start + 4] == b"FILE" and start not in seen:
                seen.append(start)
            at = self.bytes.find(wanted, at + 1)
        return [where for where in map(self.data_in, seen) if where]

    def data_in(self, start):
        where = start + struct.unpack_from("<H", self.bytes, start + 20)[0]
        while struct.unpack_from("<I", self.bytes, where)[0] != 0xFFFFFFFF:
            if self.bytes[where] == 0x80 and self.bytes[where + 9] == 0:
                return where
            where += struct.unpack_from("<I", self.bytes, where + 4)[0]
        return None

    def store(self):
        for at in self.fixed:
            array = at + struct.unpack_from("<H", self.bytes, at + 4)[0]
            for last, kept in self.pairs(at):
                self.bytes[kept : kept + 2] = self.bytes[last : last + 2]
                self.bytes[last : last + 2] = self.bytes[array : array + 2]
        with open(self.path, "wb") as f:
            f.write(self.bytes)


def bend(path):
    image = Image(path)
    image.change("slash#name", ord("/"))
    image.change("zero#name", 0)
    image.change("bell#name", 7)
    image.change("half#name", 0xD83D)
    image.change("other#half", 0xDE00)
    assert image.rename("twin-b", "twin-a".encode("utf-16-le")) >= 2
    image.change("slash#stream", ord("/"), 1)
    assert image.rename("same-b", "same-a".encode("utf-16-le")) >= 1
    plain_and_packed = image.data_of("written less")
    assert len(plain_and_packed) == 2
    for where in plain_and_packed:
        assert image.bytes[where + 8] == 1, "resident"
        struct.pack_into("<Q", image.bytes, where + 56, 100001)
    name = image.bytes.find("broken#target".encode("utf-16-le"))
    struct.pack_into("<H", image.bytes, name - 10, 0xFFF0)
    for where in image.data_of("locked"):
        struct.pack_into("<H", image.bytes, where + 12, 0x4000)
    image.store()


{"fill": fill, "posix": posix, "bend": bend}[sys.argv[1]](sys.argv[2])
