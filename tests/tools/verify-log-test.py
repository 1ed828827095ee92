#!/usr/bin/python3
"""Self test of verify-log.py: builds logs from docs/format-log.md by a builder of its own, and checks
that good ones verify, and that damaged ones do not.  Prints "ok N checks"; exits 1 when one fails."""

import base64
import copy
import hashlib
import importlib.util
import json
import os
import shutil
import struct
import subprocess
import sys
import tempfile

import nacl.signing

TOOL = os.path.join(os.path.dirname(os.path.abspath(__file__)), "verify-log.py")
sys.dont_write_bytecode = True
spec = importlib.util.spec_from_file_location("verify_log", TOOL)
tool = importlib.util.module_from_spec(spec)
spec.loader.exec_module(tool)

KIB = 1024
SECOND = 10**9
CHECKS = 0
FAILED = []


def H(data, key=b""):
    return hashlib.blake2b(data, digest_size=32, key=key).digest()


def b64(data):
    return base64.b64encode(data).decode()


# ---------------------------------------------------------------- the builder

def event(op=14, verdict=0, detail=b"", dev=b"usb-1", rule=b"", repeats=0, offset=0, count=None, **over):
    """Op 14 and no text by default, so that such frames have one size.  A *start* counts up to its frame."""
    def build(seq, real, boot, frame):
        n = count if count is not None else frame - offset if op == 1 else 0
        real, boot = over.get("real", real), over.get("boot", boot)
        head = struct.pack("<HBBBBBBQqq", 120 + len(dev) + len(rule) + len(detail), over.get("type", 1), op, verdict,
                           len(dev), len(rule), len(detail), over.get("seq", seq), real, boot)
        body = struct.pack("<IIIIQQIIQQQQ16s", 1000, 1000, 77, 1000, 1, 2, 0, repeats, 3, offset, n, 5, b"t" * 16)
        return head + body + dev + rule + detail
    build.op = op
    return build


def name(kind=1, part=0, parts=1, dev=b"usb-1", token=b"t" * 16, blocks=1, reserved=0):
    def build(seq, real, boot, _frame):
        sealed = b"S" * (16 + 64 * blocks)
        head = struct.pack("<HBBBBBBQqq", 72 + len(dev) + len(sealed), 2, kind, part, len(dev), parts, reserved,
                           seq, real, boot)
        return head + token + b"n" * 24 + dev + sealed
    build.op = 0
    return build


class Log:
    def __init__(self, auditors=2, seed=b"a"):
        self.signing = nacl.signing.SigningKey(H(b"sign" + seed))
        self.public = bytes(self.signing.verify_key)
        self.log_id = H(b"log" + seed)[:16]
        self.k = [H(b"first" + seed)]
        self.auditors = sorted(H(b"auditor%d" % i) for i in range(auditors))
        raw = struct.pack("<8sII16s32s32sq", b"BLOG1ID\0", 2, auditors, self.log_id, self.public, H(b"\3" + self.k[0]),
                          1000 * SECOND) + b"".join(self.auditors)
        self.files = {"log.id": seal(raw)}
        self.chain = H(b"BLOG1" + self.files["log.id"])
        self.seq, self.frame, self.number = 1, 1, 0
        self.real, self.boot, self.boot_id = 1000 * SECOND, 5 * SECOND, b"B" * 16
        self.segment, self.spans, self.segments, self.notes = None, {}, {}, []

    def frame_key(self, f):
        while len(self.k) <= f:
            self.k.append(H(b"next", self.k[-1]))
        return self.k[f]

    def begin(self, size=256 * KIB, **over):
        """A new segment.  `over` changes fields of its header, for logs made to be refused."""
        self.number += 1
        auditors = b"".join(a + b"L" * 80 for a in self.auditors)
        raw = struct.pack("<8sII16sQQQ32s16s32sqqQII", b"BLOG1SEG", over.get("version", 2), 4096, self.log_id,
                          over.get("number", self.number), self.seq, self.frame, over.get("previous", self.chain),
                          self.boot_id, bytes(32), self.real, over.get("boot", self.boot), over.get("size", size), len(self.auditors), 0)
        header = seal(raw + auditors)
        self.segment = "seg.%016x" % self.seq
        self.spans[self.segment] = []
        self.segments[self.segment] = [self.number, self.seq, 0, self.frame, 0, self.chain, None, self.real // SECOND]
        self.files[self.segment] = bytearray(size)
        self.files[self.segment][:4096] = header
        self.chain = H(b"\2" + self.chain + H(header))
        self.end = 4096
        self.facts()

    def build_frame(self, *builders, mac_key=None, flags=0, commit=True):
        records, chain, seq = b"", self.chain, self.seq
        for build in builders:
            self.real += SECOND
            self.boot += SECOND
            raw = build(seq, self.real, self.boot, self.frame)
            records, seq = records + raw, seq + 1
            chain = H(b"\1" + chain + H(raw))
        length = 104 + len(records)
        head = struct.pack("<4sIQQII", b"BLFR", length, self.frame, self.seq, len(builders), flags)
        mac = H(head + chain, mac_key or self.frame_key(self.frame))
        frame = head + records + chain + mac + struct.pack("<I", length) + b"RFLB"
        if commit:
            self.seq, self.frame, self.chain = seq, self.frame + 1, chain
        return frame

    def add(self, *builders, **over):
        frame = self.build_frame(*builders, **over)
        self.put(frame)
        self.spans[self.segment].append((self.end, self.end + len(frame)))
        self.end += len(frame)
        self.facts()

    def put(self, data, at=None):
        at = self.end if at is None else at
        self.files[self.segment][at:at + len(data)] = data

    def facts(self):
        s = self.segments[self.segment]
        s[2], s[4], s[6] = self.seq - 1, self.frame - 1, self.chain

    def tear(self, keep=200):
        """Part of a frame behind the end; returns the detail of the *recovered* it needs."""
        torn = self.build_frame(event(15, detail=b"x" * 100), event(15, detail=b"y" * 100), commit=False)[:keep].rstrip(b"\0")
        self.put(torn)
        return b"tail at=%d length=%d blake2b=%s" % (self.end, len(torn), H(torn).hex().encode())

    def sign(self, title, lines):
        text = "\n".join([title, self.log_id.hex()] + lines) + "\n"
        key_id = hashlib.sha256(title.encode() + b"\n\1" + self.public).digest()[:4]
        signature = key_id + self.signing.sign(text.encode()).signature
        return (text + "\n\u2014 " + title + " " + b64(signature) + "\n").encode(), b64(signature)

    def note(self, day="2026-01-01", keep=True, **over):
        v = {"seq": self.seq - 1, "frame": self.frame - 1, "chain": self.chain}
        v.update(over)
        now = self.real // SECOND
        raw, signature = self.sign("bailee.log/v1", ["%020d" % v["seq"], "%020d" % v["frame"], b64(v["chain"]), "%020d" % now])
        assert len(raw) == 267
        syslog = ('<13>1 2026-01-01T00:00:00Z host bailee 1 checkpoint [bailee@32473 log="%s" sequence="%d" frame="%d" '
                  'chain="%s" time="%d" signature="%s"] checkpoint\n'
                  % (self.log_id.hex(), v["seq"], v["frame"], b64(v["chain"]), now, signature)).encode()
        if keep:
            path = "checkpoints/" + day
            self.files[path] = bytearray(self.files.get(path, b"")) + raw
            self.notes.append((raw, syslog))
        return raw, syslog

    def tomb(self, segment, keep_segment=False):
        """Trim: write the tombstone, drop the segment; returns the event to be added (before it is)."""
        s = self.segments[segment]
        lines = ["%020d" % n for n in s[:5]] + [b64(s[5]), b64(s[6]), "%020d" % s[7], "%020d" % (self.real // SECOND)]
        raw, _ = self.sign("bailee.log-tombstone/v1", lines)
        assert len(raw) == 416
        self.files["tomb." + segment[4:]] = bytearray(raw)
        if not keep_segment:
            del self.files[segment]
        return event(32, dev=b"", offset=s[1], count=s[2] - s[1] + 1,
                     detail=b"segment %d blake2b=%s" % (s[0], H(raw).hex().encode()))

    def key_copy(self, f, key=None, generation=9, version=2):
        return seal(struct.pack("<8sII16sQQ32s", b"BLOG1KEY", version, 0, self.log_id, generation, f,
                                key or self.frame_key(f)))

    def key(self, f=None, key=None):
        f = self.frame if f is None else f
        self.files["key"] = self.key_copy(f, key) * 2

    def kit(self):
        text = ("bailee auditor kit 1\nlog %s\nkey %s\nfirst %s\nmade 1000\n"
                % (self.log_id.hex(), self.public.hex(), self.k[0].hex())).encode()
        for a in self.auditors:
            text += b"auditor %s\n" % a.hex().encode()
        return text + b"check %s\n" % H(text).hex().encode()


def seal(raw):
    raw = raw.ljust(4064, b"\0")
    return bytearray(raw + H(raw))


START = event(1, dev=b"", detail=b"1.0", offset=1)
STOP = event(2, dev=b"")


def small_log():
    """Three segments: a torn tail behind the first, a stop in the last."""
    log = Log()
    log.begin()
    log.add(START)
    log.add(event(verdict=1, rule=b"r1", repeats=3), event(11))
    log.add(name(part=0, parts=2), name(part=1, parts=2), name(kind=2, token=bytes(16), dev=b""), event(15))
    log.note()
    for _ in range(3):
        log.add(event())
    recovered = log.tear()
    log.boot_id, log.boot = b"C" * 16, SECOND
    log.begin()
    log.add(event(3, dev=b"", detail=recovered), START)
    log.add(event(16, offset=5, count=6))
    log.note("2026-01-02")
    log.begin()
    log.add(event(4, dev=b""))
    log.add(event(9), STOP)
    log.note("2026-01-02")
    log.key()
    return log


def trimmed_log():
    """Five segments, two of them gone and a third one going; the event of the first is gone with the second."""
    log = Log(auditors=0)
    for i in range(3):
        log.begin()
        log.add(START)
        if i == 1:
            log.add(log.tomb("seg.%016x" % 1))
        log.add(event(), event())
        log.note("2026-01-0%d" % (i + 1))
    log.begin()
    second = list(log.segments)[1]
    log.add(START)
    log.add(log.tomb(second))
    log.tomb(list(log.segments)[2], keep_segment=True)
    log.add(event(), STOP)
    log.note("2026-01-09")
    log.key()
    return log


# ---------------------------------------------------------------- running the tool

class Case:
    """A log written out, with the means to damage it in place."""

    def __init__(self, root, log, anchors=()):
        self.log = log
        self.folder = os.path.join(root, "log")
        shutil.rmtree(self.folder, ignore_errors=True)
        os.makedirs(os.path.join(self.folder, "checkpoints"))
        for path, data in log.files.items():
            self.write(path, data)
        self.kit = os.path.join(root, "kit")
        self.write(self.kit, log.kit())
        self.anchors = []
        for i, data in enumerate(anchors):
            self.anchors.append(os.path.join(root, "anchor%d" % i))
            self.write(self.anchors[-1], data)

    def write(self, path, data):
        with open(os.path.join(self.folder, path), "wb") as f:
            f.write(data)

    def run(self, kit=True, public=None):
        return tool.verify(self.folder, public or self.log.public, self.kit if kit else None, self.anchors)

    def flip(self, path, at, bit=1):
        fd = os.open(os.path.join(self.folder, path), os.O_RDWR)
        try:
            byte = os.pread(fd, 1, at)[0]
            os.pwrite(fd, bytes([byte ^ bit]), at)
        finally:
            os.close(fd)


def check(what, ok, seen=""):
    global CHECKS
    CHECKS += 1
    if not ok:
        FAILED.append(what)
        print("FAILED: %s: %s" % (what, seen))


def expect(what, case, code, looks=None, sequence=None, **how):
    seen, result, _ = case.run(**how)
    ok = seen == code and (looks is None or result["looks"] == looks)
    ok = ok and (sequence is None or result["bad_sequence"] == sequence)
    ok = ok and not result["problem"].startswith("unexpected")
    check(what, ok, (seen, result))


def change(root, what, log, code, looks=None, sequence=None, anchors=(), **how):
    expect(what, Case(root, log, anchors), code, looks, sequence, **how)


# ---------------------------------------------------------------- good logs

def good_logs(root):
    log = small_log()
    rows, lines = b"".join(n[0] for n in log.notes), b"noise\n" + b"".join(n[1] for n in log.notes) + b"more"
    change(root, "small", log, 13)
    change(root, "small without kit", log, 13, kit=False)
    change(root, "anchor in a row", log, 0, anchors=[rows])
    change(root, "torn anchor", log, 0, anchors=[rows + rows[:100]])
    change(root, "torn anchor with NUL", log, 0, anchors=[rows + rows[:100] + bytes(167)])
    change(root, "anchor in syslog", log, 0, anchors=[lines])
    log.files["checkpoints/2026-01-02"] += rows[:266]
    change(root, "torn note", log, 13)
    log.files["checkpoints/2026-01-02"] += b"\0"
    change(root, "torn note with NUL", log, 13)
    log.files["spare"] = log.files["other"] = log.files["tomb.new"] = b"junk"
    change(root, "ignored names", log, 13)
    log.files["key"][50] ^= 1
    change(root, "one copy of key torn", log, 13)
    change(root, "trimmed", trimmed_log(), 13)
    log = Log()
    log.key(1)
    change(root, "no segment yet", log, 13)
    log.begin()
    change(root, "no frame yet", log, 13)
    log = open_log()
    log.tear()
    change(root, "torn tail at the end", log, 13)
    case = Case(root, small_log(), [rows])
    run = subprocess.run([TOOL, case.folder, "--key", case.log.public.hex(), "--kit", case.kit, "--anchor",
                          case.anchors[0], "--json"], stdout=subprocess.PIPE)
    result = json.loads(run.stdout)
    check("command line", run.returncode == 0 and result["verdict"] == "good" and result["segments"] == 3
          and result["names"] == 3 and result["checkpoints"] == 3 and result["frames"] == 10
          and result["chain"] == case.log.chain.hex() and result["last_sequence"] == case.log.seq - 1
          and result["anchored_sequence"] == case.log.seq - 1, (run.returncode, result))
    check("command line, wrong use", subprocess.run([TOOL, "--key", "1"], stderr=subprocess.DEVNULL).returncode == 2)


def other_log():
    log = Log(seed=b"other")
    log.begin()
    log.add(START)
    for _ in range(5):
        log.add(event())
    log.note()
    log.key()
    return log


def open_log():
    """One segment, running: no stop at its end."""
    log = Log()
    log.begin()
    log.add(START)
    for _ in range(5):
        log.add(event())
    log.note()
    log.key()
    return log


# ---------------------------------------------------------------- every byte

def positions(data, step):
    """Every byte that is not zero, its neighbours, and a few of the zeros."""
    places = set(range(0, len(data), step))
    for at in range(len(data.rstrip(b"\0"))):
        if data[at]:
            places.update((at, min(at + 1, len(data) - 1)))
    return sorted(places)


def every_byte(root, log, what):
    case = Case(root, log)
    expect(what + " before", case, 13)
    for path, data in sorted(log.files.items()):
        for at in positions(data, 16 if len(data) <= 8192 else 8209):
            case.flip(path, at)
            code, result, _ = case.run()
            # "except the second copy in `key` while one is good"
            wanted = (13,) if path == "key" else (12,)
            check("%s: flip in %s at %d" % (what, path, at),
                  code in wanted and not result["problem"].startswith("unexpected"), (code, result))
            case.flip(path, at)
    for at in range(0, 4096, 64):
        case.flip("key", at)
        case.flip("key", 8191 - at)
        expect("%s: both copies of key, %d" % (what, at), case, 12, "key")
        case.flip("key", at)
        case.flip("key", 8191 - at)
    for at in range(len(log.kit())):
        case.flip(case.kit, at)
        expect("%s: flip in the kit at %d" % (what, at), case, 2)
        case.flip(case.kit, at)
    expect(what + " after", case, 13)


def every_anchor_byte(root):
    log = open_log()
    for form in (0, 1):
        raw = log.notes[-1][form]
        case = Case(root, log, [raw])
        expect("anchor before", case, 0)
        begin = raw.find(b"[") + 1 if form else 0
        end = raw.find(b"]") if form else len(raw)
        for at in range(begin, end):
            case.flip(case.anchors[0], at)
            code, result, _ = case.run()
            check("flip in anchor %d at %d" % (form, at), code == 2, (code, result))
            case.flip(case.anchors[0], at)


def truncations(root):
    log = small_log()
    for path, data in log.files.items():
        for size in {0, 1, 11, 100, 267, 4095, 4096, 5000, 200000, len(data) - 1}:
            if size >= len(data) or (path.startswith("checkpoints/") and size % 267 == 0):
                continue                # notes that are gone altogether nobody can miss
            cut = copy.deepcopy(log)
            cut.files[path] = data[:size]
            torn_note = path == "checkpoints/2026-01-02"
            change(root, "%s cut to %d" % (path, size), cut, 13 if torn_note else 12)
        longer = copy.deepcopy(log)
        longer.files[path] = bytes(data) + b"\1"
        change(root, path + " longer", longer, 13 if path == "checkpoints/2026-01-02" else 12)
        gone = copy.deepcopy(log)
        del gone.files[path]
        change(root, path + " gone", gone, 13 if path.startswith("checkpoints") else 12,
               "identity" if path == "log.id" else None)


# ---------------------------------------------------------------- what it looks like

def span(log, segment, i):
    a, b = log.spans[segment][i]
    return log.files[segment][a:b]


def frames_moved(root):
    def edited(edit):
        log = open_log()
        raw = log.files[log.segment]
        edit(log, raw, log.spans[log.segment])
        assert len(raw) == 256 * KIB
        return log

    def swap(_log, raw, s):
        raw[s[2][0]:s[2][1]], raw[s[3][0]:s[3][1]] = raw[s[3][0]:s[3][1]], raw[s[2][0]:s[2][1]]

    def repeat(_log, raw, s):
        raw[s[3][0]:s[3][1]] = raw[s[2][0]:s[2][1]]

    def drop(_log, raw, s):
        size = s[2][1] - s[2][0]
        del raw[s[2][0]:s[2][1]]
        raw.extend(bytes(size))

    def hole(_log, raw, s):
        raw[s[2][0]:s[2][1]] = bytes(s[2][1] - s[2][0])

    def cut(_log, raw, s):
        raw[s[4][0]:] = bytes(len(raw) - s[4][0])

    def touch(_log, raw, s):
        raw[s[2][0] + 80] ^= 1

    def far(_log, raw, s):
        raw[s[5][1] + 131072] = 1

    def splice(_log, raw, s):
        other = other_log()
        raw[s[2][0]:s[2][1]] = span(other, other.segment, 2)

    for what, edit, looks, sequence in (
            ("swapped frames", swap, "reordered", 3), ("a frame twice", repeat, "repeated", 4),
            ("a frame left out", drop, "dropped", 3), ("a frame wiped", hole, "dropped", 3),
            ("the end wiped", cut, "truncated", 5), ("a record touched", touch, "changed", 3),
            ("a far byte", far, "inserted", 7), ("a frame of another log", splice, "changed", 3)):
        change(root, what, edited(edit), 12, looks, sequence)
        change(root, what + ", no kit", edited(edit), 12, looks, sequence, kit=False)


def segments_moved(root):
    log = small_log()
    a, b, c = list(log.segments)
    for what, edit, looks in (
            ("first segment gone", {a: None}, "dropped"), ("middle segment gone", {b: None}, "dropped"),
            ("last segment gone", {c: None}, "truncated"), ("segments swapped", {a: b, b: a}, "reordered"),
            ("last two swapped", {b: c, c: b}, "reordered"), ("a segment twice", {"seg.00000000000000ff": c}, None),
            ("a segment under a name before", {c: a}, "repeated"), ("a foreign name", {"seg.1": c}, "inserted"),
            ("an upper case name", {"seg.00000000000000FF": c}, "inserted")):
        moved = copy.deepcopy(log)
        for to, origin in edit.items():
            if origin is None:
                del moved.files[to]
            else:
                moved.files[to] = log.files[origin]
        change(root, what, moved, 12, looks)
    spliced = copy.deepcopy(log)
    other = other_log()
    spliced.files[a] = other.files[other.segment]
    change(root, "a segment of another log", spliced, 12, "spliced", 1)


def bad_records(root):
    order = "a name in disorder"
    for what, builders in (
            ("op 0", [event(0)]), ("op 38", [event(38)]), ("verdict 5", [event(verdict=5)]), ("type 3", [event(type=3)]),
            ("permitted with repeats", [event(repeats=1)]), ("NUL in detail", [event(detail=b"a\0b")]),
            ("NUL in device", [event(dev=b"a\0b")]), ("NUL in rule", [event(rule=b"r\0")]),
            ("a start of the frame before", [event(1, offset=1, count=0)]),
            ("a start of the frame behind", [event(1, offset=1, count=2)]),
            ("a start that goes round", [event(1, offset=2**64 - 1, count=3)]),
            ("long device", [event(dev=b"d" * 32)]), ("long rule", [event(rule=b"r" * 64)]),
            ("long detail", [event(detail=b"t" * 160)]), ("wrong sequence", [event(seq=99)]),
            ("name at the end", [event(), name()]), (order, [name(part=1, parts=2), name(part=0, parts=2), event()]),
            (order, [name(part=0, parts=2), event()]), (order, [name(part=0, parts=2), name(), event()]),
            (order, [name(part=0, parts=2), name(part=1, parts=2, token=b"u" * 16), event()]),
            (order, [name(part=1, parts=1), event()]), ("name of kind 3", [name(kind=3), event()]),
            ("path without device", [name(dev=b""), event()]), ("reason with token", [name(kind=2), event()]),
            ("name with reserved", [name(reserved=1), event()]), ("name of no block", [name(blocks=0), event()]),
            ("name of no parts", [name(parts=0), event()])):
        log = Log()
        log.begin()
        log.add(START)
        log.add(*builders)
        log.key()
        change(root, what, log, 12, "changed")
    for what, offset, count in (("nothing", 2, 0), ("one frame", 1, 1), ("more than there can be", 0, 2)):
        log = Log()
        log.begin()
        log.add(event())
        log.add(event(1, offset=offset, count=count))
        log.key()
        change(root, "a start of its own frame, forgeable " + what, log, 13)
    log = open_log()
    log.add(event(dev=b"d" * 31, rule=b"r" * 63, detail=b"t" * 159), event(2, offset=3, count=9))
    log.key()
    change(root, "longest texts; a stop with numbers", log, 13)
    log = Log(auditors=0)
    log.begin()
    log.add(name(), event())
    log.key()
    change(root, "a name without auditors", log, 12, "changed", 1)
    log = open_log()
    log.add(event(), mac_key=b"x" * 32)
    log.key()
    change(root, "a frame without its key", log, 12, "rewritten", 7)
    change(root, "the same without kit", log, 13, kit=False)
    log = open_log()
    log.add(event(), flags=1)
    log.key()
    change(root, "flags", log, 12)


def clocks(root):
    at = 50 * SECOND
    for what, code, sequence, first, header, second, boot_id in (
            ("stands", 13, None, [at, at], at, at, b"B"), ("back in a segment", 12, 2, [at, at - 1], at, at, b"B"),
            ("back in a header", 12, 3, [at, at], at - 1, at, b"B"), ("back behind a header", 12, 3, [at, at], at + 2, at + 1, b"B"),
            ("back behind a header of another boot", 12, 3, [at, at], 9, 8, b"C"), ("of another boot", 13, None, [at, at], 8, 8, b"C"),
            ("back behind the first header", 12, 1, [5 * SECOND - 1, at], at, at, b"B"),
            ("as in the first header", 13, None, [5 * SECOND, at], at, at, b"B")):
        log = Log()
        log.begin()
        log.add(event(boot=first[0]))
        log.add(event(boot=first[1]))
        log.boot_id = boot_id * 16
        log.begin(boot=header)
        log.add(event(boot=second))
        log.key()
        change(root, "clock " + what, log, code, "clock" if code == 12 else None, sequence)
    at += 76 * SECOND
    for what, told, builders in (("no gap", 0, [event(boot=at - SECOND)]), ("a gap", 1, [event(boot=at)]),
                                 ("a gap before a start", 0, [event(3, boot=at), event(1, boot=at)]),
                                 ("a gap before a start alone", 0, [event(1, boot=at)])):
        log = Log()
        log.begin()
        log.add(event(boot=50 * SECOND))
        log.begin(boot=50 * SECOND)
        log.add(*builders)
        log.key()
        code, _, tells = Case(root, log).run()
        check("told of " + what, code == 13 and sum("no record for" in t for t in tells) == told, (code, tells))


def tails(root):
    for what, edit in (("tail not told", lambda d: b"other"), ("tail told wrong", lambda d: d.replace(b"at=", b"at=1")),
                       ("tail told shorter", lambda d: d.replace(b"length=", b"length=1"))):
        log = open_log()
        detail = log.tear(190)
        log.begin()
        log.add(event(3, dev=b"", detail=edit(detail)))
        log.key()
        change(root, what, log, 12, "changed", 7)
    log = open_log()
    log.begin()
    log.add(event(3, dev=b"", detail=b"tail at=1 length=1 blake2b=" + b"0" * 64))
    log.key()
    change(root, "tail told and not there", log, 12, "changed", 7)
    log = open_log()
    log.add(STOP)
    log.key()
    log.tear()
    change(root, "tail behind a stop", log, 12, "inserted")
    log = open_log()
    log.tear(200)
    log.put(b"\1", log.end + 554)
    change(root, "tail longer than its frame", log, 12, "changed")
    log = open_log()
    log.frame += 1
    log.put(log.build_frame(event(), commit=False), log.end + 300)
    log.frame -= 1
    change(root, "a later frame in the tail", log, 12, "dropped")
    for what, number, at, code in (
            ("the expected", 7, 0, 13), ("one before", 6, 0, 13), ("one later", 8, 0, 12), ("2^32 - 1 later", 6 + 2**32, 0, 12),
            ("2^32 later", 7 + 2**32, 0, 13), ("2^32 - 1 later, further on", 6 + 2**32, 99, 12), ("2^32 later, further on", 7 + 2**32, 99, 13)):
        log = open_log()
        log.frame = number
        raw = log.build_frame(event(), mac_key=b"x" * 32, commit=False)
        raw = raw[:40] + b"x" + raw[41:]        # never a good one
        log.put(raw, log.end + at)
        change(root, "in the tail a whole frame, %s" % what, log, code)
    log = open_log()
    log.tear()
    log.key(8)
    change(root, "key speaks of the torn frame", log, 12, "changed", 7)


def notes_and_key(root):
    def with_log(what, edit, looks, code=12, sequence=None, **how):
        log = open_log()
        edit(log)
        change(root, what, log, code, looks, sequence, **how)

    with_log("note of another chain", lambda g: g.note(day="2026-01-02", seq=7, frame=7, chain=b"x" * 32), "truncated")
    with_log("note repeated", lambda g: g.note(), "checkpoint")
    with_log("note in the middle of no frame", lambda g: (g.files.pop("checkpoints/2026-01-01"), g.note(seq=5)), "checkpoint", sequence=5)
    with_log("note of frame 0", lambda g: (g.files.pop("checkpoints/2026-01-01"), g.note(seq=0, frame=0)), "checkpoint")
    with_log("torn note in an older file", lambda g: (g.files["checkpoints/2026-01-01"].extend(b"x"), g.add(event()), g.key(), g.note(day="2026-01-02")), "checkpoint")
    with_log("key of a frame too far", lambda g: g.key(8), "truncated", sequence=7)
    with_log("key with a wrong k", lambda g: g.key(5, b"x" * 32), "key")
    with_log("key with a wrong k, no kit", lambda g: g.key(5, b"x" * 32), None, 13, kit=False)
    with_log("key of frame 0", lambda g: g.key(0), "key")
    with_log("key of another log", lambda g: g.files.update(key=other_log().files["key"]), "key")
    with_log("log.id of another log", lambda g: g.files.update({"log.id": other_log().files["log.id"]}), None, 2)
    with_log("another key", lambda g: None, None, 2, public=b"k" * 32)
    longer = open_log()
    longer.add(event())
    raw = longer.note()
    change(root, "rolled back", open_log(), 12, "rolled-back", 7, anchors=[raw[0]])
    change(root, "rolled back, syslog", open_log(), 12, "rolled-back", 7, anchors=[raw[1]])
    bent = open_log().note(chain=b"x" * 32, keep=False)
    change(root, "anchor of another chain", open_log(), 12, "rolled-back", 6, anchors=[bent[0]])
    key = open_log().key_copy
    two = lambda a, b: lambda g: g.files.update(key=a + b)
    with_log("the greater f in the second copy", two(key(3), key(7)), None, 13)
    with_log("the greater f in the older generation", two(key(7, generation=1), key(3, generation=2)), None, 13)
    with_log("one generation, two f", two(key(7), key(6)), None, 13)
    with_log("the copy that counts wrong", two(key(7, b"x" * 32), key(6)), "key")
    with_log("the other good copy wrong", two(key(7), key(6, b"x" * 32)), "key")
    with_log("two keys of one frame", two(key(7), key(7, b"x" * 32)), "key")
    with_log("two keys of one frame, no kit", two(key(7), key(7, b"x" * 32)), None, 13, kit=False)
    with_log("the other copy damaged", two(key(7), bytearray(4096)), None, 13)
    with_log("the other copy speaks of too much", two(key(7), key(8)), "truncated")


def resealed(log, at, byte):
    raw = bytearray(log.files["log.id"][:4064])
    raw[at] = byte
    return seal(bytes(raw))


def newer(root):
    """Only log.id tells of a newer log, and only with a right checksum; without it there is no log."""
    log = open_log()
    log.files["log.id"] = resealed(log, 8, 3)
    change(root, "newer", log, 2)
    change(root, "newer, no kit", log, 2, kit=False)
    log.files["log.id"] = log.files["log.id"] + bytes(4096)
    change(root, "newer, of another size", log, 12, "identity")
    log = open_log()
    log.files["log.id"][8] = 3
    change(root, "newer by its version, checksum wrong", log, 12, "identity")
    log = open_log()
    log.files["log.id"] = resealed(log, 8, 1)
    change(root, "older, checksum right", log, 12, "identity")
    for what, code, names in (
            ("nothing else", 2, []), ("a key, a note, a spare", 2, ["key", "spare", "checkpoints/2026-01-01", "log.id.new"]),
            ("foreign names", 2, ["seg.1", "seg.00000000000000FF", "tomb.new"]),
            ("a segment", 12, ["seg.%016x" % 1]), ("a tombstone", 12, ["tomb.%016x" % 1])):
        log = open_log()
        log.files = {n: b"x" for n in names}
        change(root, "no log.id, and " + what, log, code, "identity" if code == 12 else None)
    case = Case(root, open_log())
    os.unlink(os.path.join(case.folder, "log.id"))
    os.mkdir(os.path.join(case.folder, "log.id"))
    expect("log.id is a folder", case, 12, "identity")
    case.folder += "-not-there"
    expect("no folder", case, 2)
    log = open_log()
    log.files["log.id"][8] = 1
    change(root, "older", log, 12, "identity")
    log = open_log()
    log.files["key"] = log.key_copy(7, version=3) * 2
    change(root, "key of another version", log, 12, "key")
    log = Log()
    log.begin(version=3)
    log.add(START)
    log.key()
    change(root, "segment of another version", log, 12, "changed", 1)


def kits(root):
    for what, code, edit in (("as made", 13, lambda k: k), ("without its last newline", 2, lambda k: k[:-1]),
                             ("with one newline more", 2, lambda k: k + b"\n"), ("empty", 2, lambda k: b""),
                             ("of another log", 2, lambda k: other_log().kit())):
        case = Case(root, open_log())
        case.write(case.kit, edit(case.log.kit()))
        expect("a kit " + what, case, code)


def anchor_files(root):
    log = small_log()
    forged = small_log()
    forged.signing = nacl.signing.SigningKey(b"f" * 32)         # the key id is right, the signature is not
    stranger = small_log()
    stranger.signing = nacl.signing.SigningKey(b"f" * 32)
    stranger.public = bytes(stranger.signing.verify_key)
    for form in (0, 1):
        n = [note[form] for note in log.notes]
        other = other_log().notes[0][form]
        how = "rows" if form == 0 else "syslog"
        change(root, how + ": the same note twice", log, 0, anchors=[n[0] + n[0] + n[1] + n[1]])
        change(root, how + ": a smaller one behind", log, 12, "rolled-back", anchors=[n[0] + n[1] + n[0]])
        change(root, how + ": smaller ones in two files", log, 0, anchors=[n[2], n[0]])
        change(root, how + ": other logs between", log, 0, anchors=[other + n[0] + other + n[1]])
        change(root, how + ": other logs only", log, 2, anchors=[other])
        change(root, how + ": one file of two of other logs", log, 2, anchors=[n[0], other])
        wrong = n[1].replace(b'time="1', b'time="2').replace(b"\n00000000000000000", b"\n00000000000000001", 1)
        shapeless = n[1].replace(b'time="', b'time="x').replace(b"\n00000000000000000", b"\nx0000000000000000", 1)
        for kind, note in (("a wrong signature", wrong), ("a form that is none", shapeless),
                           ("a signature of another key", forged.note(keep=False)[form]),
                           ("a key id of another key", stranger.note(keep=False)[form])):
            assert note != n[1]
            for place, raw in (("alone", note), ("behind a good one", n[0] + note), ("before a good one", note + n[2]),
                               ("behind a smaller one", n[2] + n[0] + note)):
                change(root, "%s: %s, %s" % (how, kind, place), log, 2, anchors=[raw])
            change(root, "%s: %s, in the second file" % (how, kind), log, 2, anchors=[n[0], note])
        damaged = other.replace(b'time="1', b'time="2').replace(b"\n00000000000000000", b"\n00000000000000001", 1)
        assert damaged != other
        change(root, how + ": a damaged note of another log", log, 0, anchors=[damaged + n[0] + damaged + n[1]])
        change(root, how + ": a damaged note of another log only", log, 2, anchors=[damaged])
    change(root, "no note", log, 2, anchors=[b""])
    change(root, "half a note", log, 2, anchors=[log.notes[0][0][:200]])
    change(root, "half a message", log, 2, anchors=[log.notes[0][1][:200]])
    change(root, "noise", log, 2, anchors=[b"noise\n"])
    log = trimmed_log()
    for form in (0, 1):
        old, end, new = log.notes[0][form], log.notes[1][form], log.notes[3][form]
        change(root, "anchors of removed records", log, 13, anchors=[old + end])
        change(root, "anchors of removed records and another", log, 0, anchors=[old + end + new])
        bent = log.note(keep=False, seq=2, frame=1, chain=b"x" * 32)[form]
        change(root, "an anchor of removed records of another chain", log, 13, anchors=[bent])
        bent = log.note(keep=False, seq=2, frame=log.frame - 1)[form]
        change(root, "an anchor only half of removed records", log, 12, "rolled-back", anchors=[bent])
    change(root, "an anchor of frame 0", log, 12, "rolled-back", anchors=[log.note(keep=False, seq=0, frame=0)[0]])
    # Checkpoints of removed records, on the other hand, are looked at where they speak of an end.
    s = list(log.segments.values())
    for what, code, over in (
            ("inside", 13, {"seq": 1, "frame": 1, "chain": b"x" * 32}),
            ("at the end", 13, {"seq": s[1][2], "frame": s[1][4], "chain": s[1][6]}),
            ("at the end, of another chain", 12, {"seq": s[1][2], "frame": s[1][4], "chain": b"x" * 32}),
            ("at the end, of another frame", 12, {"seq": s[1][2], "frame": s[1][4] - 1, "chain": s[1][6]}),
            ("at the end, of another record", 12, {"seq": s[1][2] - 1, "frame": s[1][4], "chain": s[1][6]})):
        old = copy.deepcopy(log)
        for day in ("2026-01-01", "2026-01-02"):
            del old.files["checkpoints/" + day]
        old.note("2025-01-01", **over)
        change(root, "a checkpoint of removed records " + what, old, code, "checkpoint" if code == 12 else None)


def once_more(root):
    """What looks wrong where the log ends is read again: a later frame seen, and the one before it not."""
    log = open_log()
    a, b = log.spans[log.segment][4]
    case, real = Case(root, log), tool.read_file

    def stale(times, path, begin, end):
        def read(name, limit):
            raw = real(name, limit)
            if name.endswith(path) and times[0]:
                times[0] -= 1
                raw = raw[:begin] + bytes(end - begin) + raw[end:]
            return raw
        return read

    for what, path, begin, end, looks in (
            ("a frame", log.segment, a, b, "dropped"), ("the end", log.segment, a, 256 * KIB, "truncated"),
            ("key", "/key", 0, 8192, "key")):
        for times, code in ((1, 13), (2, 12)):
            try:
                tool.read_file = stale([times], path, begin, end)
                expect("%s missing in %d readings" % (what, times), case, code, looks if code == 12 else None)
            finally:
                tool.read_file = real


def empty_last_segment(root):
    log = open_log()
    log.tear()
    log.begin()
    change(root, "a tail, and a new segment without a frame", log, 13)
    log.put(log.build_frame(event(3, dev=b"", detail=b"tail"), commit=False)[:50])
    change(root, "a tail, and a new segment with a torn frame", log, 13)
    log.add(START)
    log.key()
    change(root, "a tail, and a new segment that tells nothing of it", log, 12, "changed", 7)
    log = open_log()
    log.tear()
    log.begin()
    log.key(8)
    change(root, "the same, and key speaks of more", log, 12, "changed", 7)
    log = open_log()
    log.add(STOP)
    log.key()
    log.tear()
    log.begin()
    change(root, "the same behind a stop", log, 12, "inserted")


def room(root):
    """A frame begins only where one of the largest length has room."""
    for gap, code in ((131072, 13), (131072 - 48, 12)):
        log = Log()
        log.begin()
        rest = 256 * KIB - gap - log.end - 104
        count = rest // 200 - 1
        rest -= 200 * count
        sizes = [200] * count + ([rest] if rest < 280 else [rest // 2, rest - rest // 2])
        log.add(*[event(detail=b"d" * (size - 120), dev=b"") for size in sizes])
        assert log.end == 256 * KIB - gap, log.end
        log.add(event())
        log.key()
        change(root, "a frame with %d bytes behind its start" % gap, log, code, "inserted" if code == 12 else None)


def trimmed_fields(log, segment):
    """What the event *trimmed* of it says; trims it, the first time."""
    s = log.segments[segment]
    if segment in log.files:
        log.tomb(segment)
    raw = bytes(log.files["tomb." + segment[4:]])
    return {"dev": b"", "offset": s[1], "count": s[2] - s[1] + 1,
            "detail": b"segment %d blake2b=%s" % (s[0], H(raw).hex().encode())}


def tombstones(root):
    log = trimmed_log()
    tombs = sorted(f for f in log.files if f.startswith("tomb."))
    for t in tombs[:2]:
        gone = copy.deepcopy(log)
        del gone.files[t]
        change(root, "tombstone gone", gone, 12)
    log = Log()
    for _ in range(2):
        log.begin()
        log.add(event())
    log.tomb("seg.%016x" % 1)
    log.key()
    change(root, "no event tells of a tombstone", log, 12, "tombstone", 1)
    log = Log()
    for _ in range(3):
        log.begin()
        log.add(event())
    log.tomb("seg.%016x" % 1, keep_segment=True)
    log.add(log.tomb("seg.%016x" % 2))
    log.key()
    change(root, "a younger segment removed first", log, 12, "dropped", 2)
    for what, code, over in (
            ("fits", 13, {}), ("has another offset", 12, {"offset": 2}), ("has other bytes", 12, {"count": 4}),
            ("has another number", 12, {"detail": lambda d: d.replace(b"segment 1 ", b"segment 2 ")}),
            ("has no number", 12, {"detail": lambda d: b"x" + d}),
            ("has another digest", 12, {"detail": lambda d: d[:-1] + (b"1" if d[-1:] == b"0" else b"0")})):
        log = Log()
        log.begin()
        log.add(event())
        log.begin()
        good = event(32, **trimmed_fields(log, "seg.%016x" % 1))
        fields = trimmed_fields(log, "seg.%016x" % 1)
        fields["detail"] = over.pop("detail", lambda d: d)(fields["detail"])
        fields.update(over)
        log.add(good)
        log.add(event(32, **fields))    # told twice; once would be "no event tells"
        log.key()
        change(root, "a second event trimmed that " + what, log, code, "tombstone" if code == 12 else None,
               3 if code == 12 else None)
    log = Log()
    log.begin()
    log.add(event())
    log.begin()
    log.tomb("seg.%016x" % 1, keep_segment=True)
    log.add(event(32, offset=1, count=99, detail=b"segment 1"))
    log.key()
    change(root, "an event trimmed of a segment that is there", log, 13)
    for frames, code in ((1 << 24, 13), ((1 << 24) + 1, 12)):
        log = Log()
        log.begin()
        first = log.segment
        log.seq = log.frame = frames + 1
        log.facts()
        log.begin()
        log.add(log.tomb(first), mac_key=b"x" * 32)
        log.key(2, b"x" * 32)
        change(root, "a tombstone of %d frames" % frames, log, code, "tombstone" if code == 12 else None,
               kit=code == 12)
    log = Log()
    log.begin()
    log.add(event())
    log.segments[log.segment][6] = b"x" * 32
    log.tomb(log.segment, keep_segment=True)
    log.begin()
    log.key()
    change(root, "a tombstone that does not fit its segment", log, 12, "tombstone", 1)


def hostile(root):
    """Nonsense must be refused, and no exception may be needed for that."""
    junk = hashlib.shake_128(b"junk").digest(300000)
    log = small_log()
    for path, data in log.files.items():
        for raw in (junk[:len(data)], bytes(data[:64]) + junk[64:len(data)], b"BLFR" * (len(data) // 4), bytes(len(data))):
            bad = copy.deepcopy(log)
            bad.files[path] = raw
            case = Case(root, bad)
            code, result, _ = case.run()
            # a newest file of nothing but a torn note is no harm
            check("junk in " + path, code in (2, 12) and not result["problem"].startswith("unexpected"), (code, result))
    case = Case(root, log, [junk, b"\xff[bailee@32473 log=\""])
    code, _, _ = case.run()
    check("junk as an anchor", code in (2, 12, 13))
    case.anchors = []
    os.unlink(os.path.join(case.folder, "key"))
    os.mkdir(os.path.join(case.folder, "key"))
    expect("key is a folder", case, 12)
    os.rmdir(os.path.join(case.folder, "key"))
    os.mkfifo(os.path.join(case.folder, "key"))
    expect("key is a pipe", case, 12)


def main():
    base = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with tempfile.TemporaryDirectory(dir=base) as root:
        for part in (good_logs, truncations, frames_moved, segments_moved, bad_records, clocks, tails, notes_and_key,
                     newer, kits, anchor_files, once_more, empty_last_segment, room, tombstones, hostile, every_anchor_byte):
            part(root)
        every_byte(root, small_log(), "small")
        every_byte(root, trimmed_log(), "trimmed")
    if FAILED:
        print("%d of %d checks failed" % (len(FAILED), CHECKS))
        return 1
    print("ok %d checks" % CHECKS)
    return 0


if __name__ == "__main__":
    sys.exit(main())
