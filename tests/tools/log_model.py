"""A log of format BLOG1 in memory, and what somebody who holds its disk can do to it.

For tests/tools/log-tamper.py. Knows docs/format-log.md and has seen neither verifier's code. Takes good logs apart; of damaged ones
only the bytes.
"""
import base64
import copy
import hashlib
import os
import shutil
import struct
import subprocess

PAGE = 4096
FRAME_HEADER, FRAME_TRAILER = 32, 72
FRAME_MOST = 131072
NOTE = 267
START, STOP, TRIMMED = 1, 2, 32


def H(data, key=b""):
    return hashlib.blake2b(data, digest_size=32, key=key).digest()


def u16(b, at):
    return struct.unpack_from("<H", b, at)[0]


def u32(b, at):
    return struct.unpack_from("<I", b, at)[0]


def u64(b, at):
    return struct.unpack_from("<Q", b, at)[0]


def sealed(page):
    """A page of 4096 bytes whose last 32 are the digest of the others."""
    return bytes(page[:4064]) + H(bytes(page[:4064]))


def with_bytes(data, at, new):
    return data[:at] + new + data[at + len(new):]


# ---- a log in memory ---------------------------------------------------------------------------------------------


class Frame:
    def __init__(self, data):
        self.number, self.first = u64(data, 8), u64(data, 16)
        count, self.flags = u32(data, 24), u32(data, 28)
        self.records, at = [], FRAME_HEADER
        for _ in range(count):
            length = u16(data, at)
            self.records.append(bytearray(data[at:at + length]))
            at += length
        assert at == len(data) - FRAME_TRAILER
        self.chain, self.mac = data[-72:-40], data[-40:-8]

    def header(self):
        length = FRAME_HEADER + FRAME_TRAILER + sum(map(len, self.records))
        return struct.pack("<4sIQQII", b"BLFR", length, self.number, self.first, len(self.records), self.flags)

    def pack(self):
        head = self.header()
        return head + b"".join(self.records) + self.chain + self.mac + head[4:8] + b"RFLB"

    def last(self):
        return self.first + len(self.records) - 1


class Segment:
    def __init__(self, name, data):
        self.name, self.size, self.head = name, len(data), bytearray(data[:PAGE])
        self.frames, at = [], PAGE
        while data[at:at + 4] == b"BLFR":
            length = u32(data, at + 4)
            if not 104 < length <= FRAME_MOST or data[at + length - 8:at + length] != data[at + 4:at + 8] + b"RFLB":
                break
            self.frames.append(Frame(data[at:at + length]))
            at += length
        self.end = at
        self.tail = data[at:].rstrip(b"\0")

    def pack(self):
        data = bytes(self.head) + b"".join(f.pack() for f in self.frames) + self.tail
        return data + bytes(max(0, self.size - len(data)))

    def offset(self, index):
        """Where a frame begins."""
        return PAGE + sum(len(f.pack()) for f in self.frames[:index])


class Log:
    def __init__(self, files):
        self.files = dict(files)

    @classmethod
    def load(cls, folder):
        files = {}
        for root, _, names in os.walk(folder):
            for name in names:
                path = os.path.join(root, name)
                with open(path, "rb") as file:
                    files[os.path.relpath(path, folder)] = file.read()
        return cls({k: v for k, v in files.items() if k not in ("spare", "reserve", "ballast")})

    def copy(self):
        return Log(self.files)

    def store(self, folder):
        for name, data in self.files.items():
            path = os.path.join(folder, name)
            os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
            used = data.rstrip(b"\0")
            with open(path, "wb") as file:
                file.write(used)
                file.truncate(len(data))
        os.makedirs(folder, mode=0o700, exist_ok=True)
        os.chmod(folder, 0o700)

    def names(self, prefix="seg."):
        return sorted(n for n in self.files if n.startswith(prefix))

    def segments(self):
        return [Segment(n, self.files[n]) for n in self.names()]

    def replace(self, segments):
        """All segments anew, under the names that their headers say."""
        for name in self.names():
            del self.files[name]
        for segment in segments:
            self.files["seg.%016x" % u64(segment.head, 40)] = segment.pack()
        return self

    def notes(self):
        """(file, text) of each note, in order."""
        found = []
        for name in self.names("checkpoints/"):
            data = self.files[name]
            found += [(name, data[at:at + NOTE]) for at in range(0, len(data) - NOTE + 1, NOTE)]
        return found

    def set_notes(self, notes):
        for name in self.names("checkpoints/"):
            self.files[name] = b""
        for name, text in notes:
            self.files[name] += text
        for name in self.names("checkpoints/"):
            if not self.files[name]:
                del self.files[name]
        return self

    def key(self):
        """(f, k_f, generation) of the copy that counts."""
        copies = [self.files["key"][:PAGE], self.files["key"][PAGE:2 * PAGE]]
        good = [c for c in copies if sealed(c) == c]
        best = max(good, key=lambda c: u64(c, 40))
        return u64(best, 40), best[48:80], u64(best, 32)

    def set_key(self, f, k, generation=None, log_id=None):
        page = struct.pack("<8sII16sQQ32s", b"BLOG1KEY", 2, 0, log_id or self.log_id(),
                           generation or self.key()[2] + 1, f, k)
        self.files["key"] = sealed(page + bytes(PAGE)[len(page):]) * 2
        return self

    def log_id(self):
        return self.files["log.id"][16:32]

    def genesis(self):
        return H(b"BLOG1" + self.files["log.id"])

    def last_sequence(self):
        return self.segments()[-1].frames[-1].last()


def note_fields(text):
    lines = text.decode().split("\n")
    return {"log": lines[1], "sequence": int(lines[2]), "frame": int(lines[3]), "chain": base64.b64decode(lines[4]),
            "time": int(lines[5])}


def note_text(fields):
    return "bailee.log/v1\n%s\n%020d\n%020d\n%s\n%020d\n" % (
        fields["log"], fields["sequence"], fields["frame"], base64.b64encode(fields["chain"]).decode(), fields["time"])


class Store:
    """A store that log-make made: what its auditor has, and what who holds its disk can do."""

    @classmethod
    def taken(cls, store, path, log):
        """A copy of it with another log in it, for the real writer to go on with."""
        copied = cls(os.path.dirname(store.path), os.path.basename(store.path), store.tool)
        copied.path = path
        shutil.copytree(store.path, copied.path, ignore=lambda _, names: [n for n in names if n.startswith("log")])
        log.store(os.path.join(copied.path, "log"))
        return copied

    def go_on(self):
        """Whether the writer takes it."""
        # Its evidence goes to files of its own: the auditor's are those of the store it was taken from.
        return subprocess.run([self.tool, "more", self.path], capture_output=True).returncode == 0

    def __init__(self, logs, kind, tool):
        self.path, self.tool = os.path.join(logs, kind), tool
        self.key_file, self.kit_file, self.anchor_file = (self.path + end for end in (".key", ".kit", ".anchors"))
        self.public = bytes.fromhex(open(self.key_file).read().strip())

    def log(self, name="log"):
        return Log.load(os.path.join(self.path, name))

    def sign(self, texts, name):
        """The signed notes of these texts, by the key that lies in the store."""
        lines = "".join(t.encode().hex() + "\n" for t in texts)
        out = subprocess.run([self.tool, "sign", self.path], input=lines, capture_output=True, text=True, check=True)
        key_id = hashlib.sha256(name.encode() + b"\n\x01" + self.public).digest()[:4]
        return [(t + "\n\u2014 %s %s\n" % (name, base64.b64encode(key_id + bytes.fromhex(s)).decode())).encode()
                for t, s in zip(texts, out.stdout.split())]

    def sign_notes(self, fields):
        return self.sign([note_text(f) for f in fields], "bailee.log/v1")


# ---- what an attacker does ----------------------------------------------------------------------------------------


def chain_anew(log, segments, with_macs=True, first_chain=None):
    """All chains made anew; macs too, as far as the key on the disk goes."""
    chain = first_chain or log.genesis()
    f, k, _ = log.key()
    for segment in segments:
        segment.head[56:88] = chain
        segment.head[:] = sealed(segment.head)
        chain = H(b"\x02" + chain + H(bytes(segment.head)))
        for frame in segment.frames:
            for record in frame.records:
                chain = H(b"\x01" + chain + H(bytes(record)))
            frame.chain = chain
            while f < frame.number:
                f, k = f + 1, H(b"next", k)
            if with_macs and f == frame.number:
                frame.mac = H(frame.header() + chain, k)
    return log.replace(segments)


def renumber(segments):
    """Sequence and frame numbers without gaps, from what the first segment's header says."""
    number, sequence, frame_number = (u64(segments[0].head, at) for at in (32, 40, 48))
    for segment in segments:
        struct.pack_into("<QQQ", segment.head, 32, number, sequence, frame_number)
        number += 1
        for frame in segment.frames:
            frame.number, frame.first = frame_number, sequence
            frame_number += 1
            for record in frame.records:
                struct.pack_into("<Q", record, 8, sequence)
                sequence += 1
    return segments


def sign_anew(store, log, segments):
    """Every note that still speaks of a frame that is there, with what the chain is now."""
    frames = {f.number: f for s in segments for f in s.frames}
    notes = [(name, note_fields(text)) for name, text in log.notes()]
    kept = [(n, dict(x, chain=frames[x["frame"]].chain, sequence=frames[x["frame"]].last()))
            for n, x in notes if x["frame"] in frames]
    texts = store.sign_notes([x for _, x in kept])
    return log.set_notes([(n, t) for (n, _), t in zip(kept, texts)])


def drop_after(log, frame_number, with_notes=False):
    """Everything behind that frame is gone, in the last segment that is left."""
    segments = [s for s in log.segments() if u64(s.head, 48) <= frame_number]
    segments[-1].frames = [f for f in segments[-1].frames if f.number <= frame_number]
    segments[-1].tail = b""
    log.replace(segments)
    if with_notes:
        log.set_notes([(n, t) for n, t in log.notes() if note_fields(t)["frame"] <= frame_number])
    return log


def find(segments, number):
    for segment in segments:
        for index, frame in enumerate(segment.frames):
            if frame.number == number:
                return segment, index
    raise KeyError(number)


def make_stone(store, log, index):
    segment = log.segments()[index]
    frames = segment.frames
    text = "bailee.log-tombstone/v1\n%s\n" % log.log_id().hex()
    text += "".join("%020d\n" % n for n in (u64(segment.head, 32), frames[0].first, frames[-1].last(), frames[0].number,
                                            frames[-1].number))
    text += "".join(base64.b64encode(c).decode() + "\n" for c in (bytes(segment.head[56:88]), frames[-1].chain))
    text += "%020d\n%020d\n" % (u64(segment.head, 136) // 10 ** 9, u64(segment.head, 136) // 10 ** 9 + 100 * 86400)
    return store.sign([text], "bailee.log-tombstone/v1")[0]


def told_in_a_run(store):
    """A stopped log whose writer then goes on with the key that lies there: one more segment, and the first one trimmed."""
    log = store.log()
    segments = log.segments()
    stone = make_stone(store, log, 0)
    gone = segments[0]
    f, _, _ = log.key()
    last = segments[-1]
    assert f == last.frames[-1].number + 1
    # Behind a stop nothing stands in that segment: the forged run gets its own.
    head = bytearray(last.head)
    struct.pack_into("<QQQ", head, 32, u64(last.head, 32) + 1, last.frames[-1].last() + 1, f)
    forged = Segment("", bytes(head) + bytes(last.size - PAGE))
    forged.head = head
    pattern = copy.deepcopy(last.frames[0])
    now = last.frames[-1].records[-1]
    told = "segment %d blake2b=%s" % (u64(gone.head, 32), H(stone).hex())

    def event(op, offset, amount, detail):
        record = bytearray(120) + detail.encode()
        struct.pack_into("<HBBBBBB", record, 0, len(record), 1, op, 0, 0, 0, len(detail))
        record[16:32] = now[16:32]
        struct.pack_into("<IIII", record, 32, *[0xffffffff] * 4)
        struct.pack_into("<QQ", record, 80, offset, amount)
        return record

    amount = gone.frames[-1].last() - gone.frames[0].first + 1
    pattern.number, pattern.records = f, [event(START, f, 0, "0.1.0"), event(TRIMMED, gone.frames[0].first, amount, told)]
    forged.frames = [pattern]
    struct.pack_into("<q", forged.head, 136, struct.unpack_from("<q", now, 16)[0])
    struct.pack_into("<q", forged.head, 144, struct.unpack_from("<q", now, 24)[0])
    segments.append(forged)
    renumber(segments)
    chain_anew(log, segments)
    log.files["tomb." + gone.name[4:]] = stone
    del log.files[gone.name]
    notes_left = [(n, t) for n, t in log.notes() if note_fields(t)["frame"] >= gone.frames[-1].number]
    log.set_notes(notes_left)
    return log
