#!/usr/bin/python3
"""A second verifier of the audit log, written from docs/format-log.md ("the page") and nothing else.

    verify-log.py LOGFOLDER --key HEX64 [--kit KITFILE] [--anchor FILE]... [--json]

Exit codes: 0 good and anchored, 13 good but no anchor, 12 broken, 2 not verified.

The sections below have the names and the order of the page's sections.  Where the page is silent
or can be read in two ways, a comment beginning "Silent:" says what was chosen.
"""

import argparse
import base64
import binascii
import errno
import hashlib
import json
import os
import re
import stat
import struct
import sys

try:
    import nacl.exceptions
    import nacl.signing
except ImportError:
    nacl = None

GOOD, NOT_VERIFIED, BROKEN, NOT_ANCHORED = 0, 2, 12, 13
VERDICTS = {GOOD: "good", NOT_ANCHORED: "good, not anchored", BROKEN: "broken", NOT_VERIFIED: "not verified"}

VERSION = 2
BLOCK = 4096
SEGMENT_MIN, SEGMENT_MAX = 256 << 10, 1 << 30
FRAME_FIXED = 104                       # 32 bytes of header and 72 of trailer
FRAME_MAX = 131072
RECORD_MAX = 4096
SMALL_FILE_MAX = 1 << 30                # notes and anchors: nobody has more of them
TOMB_FRAMES_MAX = 1 << 24               # none stands for more: it also bounds the keys a kit makes us hash

OP_START, OP_STOP, OP_RECOVERED, OP_TRIMMED, OP_LAST = 1, 2, 3, 32, 44
EVENT, NAME = 1, 2
PATH, REASON = 1, 2

SEGMENT_NAME = re.compile(r"seg\.([0-9a-f]{16})")
TOMB_NAME = re.compile(r"tomb\.([0-9a-f]{16})")
DAY_NAME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


# ---------------------------------------------------------------- what can be found

class Broken(Exception):
    """The log is broken: exit 12."""

    def __init__(self, looks, text, sequence=None, file=None, offset=None):
        super().__init__(text)
        self.looks, self.text = looks, text
        self.sequence, self.file, self.offset = sequence, file, offset


class NotVerified(Exception):
    """Nothing can be said about this log: exit 2."""


class Vanished(Exception):
    """A segment went between being listed and being read: the writer trimmed it, look again."""


class Facts:
    """What is told at the end, good or not."""

    def __init__(self):
        self.records = self.frames = self.segments = self.names = 0
        self.checkpoints = self.trimmed_segments = 0
        self.first_sequence = self.last_sequence = 0
        self.last_frame = 0
        self.checkpointed_sequence = 0
        self.anchored_sequence = None
        self.anchored_frame = 0
        self.anchored_frames = []
        self.chain = bytes(32)
        self.starts = []                # (sequence, f as found, how many forgeable frames)
        self.forgeable_from = None
        self.tells = []                 # what is told without calling it broken
        self.at_end = False             # the walk came to where the log ends


# ---------------------------------------------------------------- small helpers

def H(*parts):
    return hashlib.blake2b(b"".join(parts), digest_size=32).digest()


def keyed(key, data):
    return hashlib.blake2b(data, digest_size=32, key=key).digest()


def header_step(chain, header):
    return H(b"\x02", chain, H(header))


def next_key(key):
    return keyed(key, b"next")


def all_zero(data):
    return not data.strip(b"\0")


def used_length(data):
    """Where the zeros at the end begin."""
    return len(data.rstrip(b"\0"))


def read_file(path, limit):
    """The bytes of a regular file.  A pipe or a device must neither hang nor flood us."""
    with open_regular(path) as f:
        if os.fstat(f.fileno()).st_size > limit:
            raise Broken("inserted", "%s is larger than it can be" % path, file=os.path.basename(path))
        return f.read(limit + 1)


def open_regular(path):
    other = Broken("inserted", "%s is not a regular file" % path, file=os.path.basename(path))
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as e:
        if e.errno in (errno.ENXIO, errno.ELOOP):       # a socket, a link to itself
            raise other
        raise
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise other
    return os.fdopen(fd, "rb")


def decode_base64(text, length):
    """Exactly `length` bytes, in the one canonical spelling; None if it is anything else."""
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    return raw if len(raw) == length and base64.b64encode(raw) == text else None


def signature_is_good(public, signature, message):
    try:
        nacl.signing.VerifyKey(public).verify(message, signature)
        return True
    except (nacl.exceptions.CryptoError, nacl.exceptions.TypeError, nacl.exceptions.ValueError,
            TypeError, ValueError):
        return False


# ---------------------------------------------------------------- log.id

class LogId:
    def __init__(self, raw):
        self.raw = raw
        (self.magic, self.version, self.count, self.log_id, self.public, self.first_key_hash,
         self.realtime) = struct.unpack_from("<8sII16s32s32sq", raw, 0)
        self.auditors = [raw[104 + 32 * i:136 + 32 * i] for i in range(min(self.count, 32))]


def holds_parts_of_a_log(folder):
    """Is there anything with the name of a segment or a tombstone?"""
    try:
        names = os.listdir(folder)
    except (FileNotFoundError, NotADirectoryError):
        return False
    return any(SEGMENT_NAME.fullmatch(n) or TOMB_NAME.fullmatch(n) for n in names)


def load_log_id(folder):
    def bad(text, offset=None):
        return Broken("identity", "log.id: " + text, file="log.id", offset=offset)

    try:
        raw = read_file(os.path.join(folder, "log.id"), 1 << 20)
    except (FileNotFoundError, NotADirectoryError):
        if holds_parts_of_a_log(folder):
            raise bad("it is missing, and there are files of a log")
        raise NotVerified("there is no log here: no log.id")
    except Broken as e:
        raise bad(e.text)
    if len(raw) < 12 or raw[0:8] != b"BLOG1ID\0":
        raise bad("it does not begin as one", 0)
    # Silent: whether the log.id of a newer log has this size and its checksum in this place.  It has.
    if len(raw) != BLOCK:
        raise bad("%d bytes instead of 4096" % len(raw))
    if H(raw[:4064]) != raw[4064:]:
        raise bad("checksum")
    ident = LogId(raw)
    if ident.version > VERSION:
        raise NotVerified("log.id: version %d, newer than this verifier" % ident.version)
    if ident.version != VERSION:
        raise bad("version %d" % ident.version, 8)
    if ident.count > 32:
        raise bad("more than 32 auditors", 12)
    if any(a >= b for a, b in zip(ident.auditors, ident.auditors[1:])):
        raise bad("auditors not in order", 104)
    if not all_zero(raw[104 + 32 * ident.count:4064]):
        raise bad("reserved bytes are not zero", 104 + 32 * ident.count)
    return ident


# ---------------------------------------------------------------- the auditor kit

class Kit:
    def __init__(self, log_id, public, first_key, auditors):
        self.log_id, self.public, self.first_key, self.auditors = log_id, public, first_key, auditors


KIT_FORM = re.compile(
    rb"bailee auditor kit 1\n"
    rb"log ([0-9a-f]{32})\n"
    rb"key ([0-9a-f]{64})\n"
    rb"first ([0-9a-f]{64})\n"
    rb"made (-?[0-9]{1,20})\n"
    rb"((?:auditor [0-9a-f]{64}\n)*)"
    rb"check ([0-9a-f]{64})\n")


def load_kit(path):
    try:
        raw = read_file(path, 1 << 20)
    except (OSError, Broken) as e:
        raise NotVerified("the kit cannot be read: %s" % e)
    found = KIT_FORM.fullmatch(raw)
    if not found:
        raise NotVerified("the kit does not have the form of one")
    log_id, public, first, _made, auditors, check = found.groups()
    if H(raw[:found.start(6) - len(b"check ")]).hex().encode() != check:
        raise NotVerified("the check of the kit is wrong: it says nothing about the log")
    return Kit(bytes.fromhex(log_id.decode()), bytes.fromhex(public.decode()), bytes.fromhex(first.decode()),
               [bytes.fromhex(line[8:].decode()) for line in auditors.split(b"\n")[:-1]])


def check_identity(ident, public, kit):
    """log.id against the kit, then against the key we were given.

    Silent: which of the two comes first.  The kit, because it can tell "broken" where the key
    alone could only tell "another log"."""
    def bad(what):
        return Broken("identity", "log.id: %s is not the kit's" % what, file="log.id")

    if kit:
        if kit.log_id != ident.log_id:
            raise NotVerified("the kit is of another log")
        if kit.public != ident.public:
            raise bad("the public key")
        if H(b"\x03", kit.first_key) != ident.first_key_hash:
            raise bad("the hash of the first frame key")
        if kit.auditors != ident.auditors:
            raise bad("the list of auditors")
    if ident.public != public:
        raise NotVerified("the key is of another log")


# ---------------------------------------------------------------- Frame keys

class FrameKeys:
    """k_0, k_1, ... one after the other; those of the frames in `wanted` are kept in passing.

    Never run ahead of frames that were seen: a number in a hostile file must not make us loop."""

    def __init__(self, first_key, wanted):
        self.number, self.key = 0, first_key
        self.wanted, self.kept = set(wanted), {}

    def of(self, number):
        while self.number < number:
            self.key = next_key(self.key)
            self.number += 1
            if self.number in self.wanted:
                self.kept[self.number] = self.key
        return self.key


class KeyCopy:
    def __init__(self, raw):
        self.generation, self.frame, self.key = struct.unpack_from("<QQ32s", raw, 32)
        self.raw = raw


def key_broken(text, offset=None):
    return Broken("key", "key: " + text, file="key", offset=offset)


def parse_key_copy(raw, at, log_id):
    """One of the two copies; None when its checksum is wrong, which a crash may leave."""
    if H(raw[:4064]) != raw[4064:]:
        return None
    magic, version, reserved, its_log = struct.unpack_from("<8sII16s", raw, 0)
    if magic != b"BLOG1KEY" or version != VERSION or reserved != 0 or not all_zero(raw[80:4064]):
        raise key_broken("a copy with a good checksum has a wrong form", at)
    if its_log != log_id:
        raise key_broken("it is of another log", at + 16)
    copy = KeyCopy(raw)
    if copy.frame < 1:
        raise key_broken("it is the key of no frame", at + 40)
    return copy


def load_key(folder, log_id):
    """The good copies, the one that counts first, and from which frame on somebody has a key.  Nothing is said
    of one against the other but that the greater f counts; with a kit the key of each is looked at.

    Silent: a copy with a good checksum and a wrong form, beside a good one.  No crash leaves that."""
    try:
        raw = read_file(os.path.join(folder, "key"), 1 << 20)
    except FileNotFoundError:
        raise key_broken("there is none")
    if len(raw) != 2 * BLOCK:
        raise key_broken("%d bytes instead of 8192" % len(raw))
    copies = [parse_key_copy(raw[at:at + BLOCK], at, log_id) for at in (0, BLOCK)]
    good = [c for c in copies if c]
    if not good:
        raise key_broken("both copies are bad")
    # What is no copy of ours any more, or of frame 0, holds no key of this log.
    held = [struct.unpack_from("<Q", raw, at + 40)[0] for at in (0, BLOCK)
            if raw[at:at + 8] == b"BLOG1KEY" and raw[at + 16:at + 32] == log_id]
    return sorted(good, key=lambda c: c.frame, reverse=True), min(f for f in held if f)


# ---------------------------------------------------------------- signed notes: checkpoints, anchors, tombstones

CHECKPOINT_NAME, CHECKPOINT_SIZE = b"bailee.log/v1", 267
TOMB_NOTE_NAME, TOMB_SIZE = b"bailee.log-tombstone/v1", 416
DECIMAL = re.compile(rb"[0-9]{20}")
HEX32 = re.compile(rb"[0-9a-f]{32}")


def parse_number(line):
    if not DECIMAL.fullmatch(line) or int(line) >= 1 << 64:
        raise ValueError("a number is not 20 decimal digits")
    return int(line)


def parse_chain(line):
    raw = decode_base64(line, 32)
    if raw is None:
        raise ValueError("a chain is not base64 of 32 bytes")
    return raw


def open_note(raw, name, kinds, public):
    """The fields of one signed note and whether the log id comes first; ValueError says what is wrong.

    `kinds` has a letter for each line behind the log id: n number, c chain."""
    lines = raw.split(b"\n")
    if len(lines) != len(kinds) + 5 or lines[0] != name or lines[-1] != b"" or lines[-3] != b"":
        raise ValueError("it does not have the form of one")
    if not HEX32.fullmatch(lines[1]):
        raise ValueError("its log id is not 32 hex digits")
    log_id = bytes.fromhex(lines[1].decode())
    fields = [parse_number(line) if kind == "n" else parse_chain(line) for kind, line in zip(kinds, lines[2:])]
    prefix = "\u2014 ".encode() + name + b" "
    if not lines[-2].startswith(prefix):
        raise ValueError("its signature line does not have the form of one")
    signed = decode_base64(lines[-2][len(prefix):], 68)
    if signed is None:
        raise ValueError("its signature is not base64 of 68 bytes")
    if signed[:4] != hashlib.sha256(name + b"\n\x01" + public).digest()[:4]:
        raise ValueError("its key id is of another key")
    if not signature_is_good(public, signed[4:], b"\n".join(lines[:-3]) + b"\n"):
        raise ValueError("its signature is wrong")
    return log_id, fields


class Checkpoint:
    def __init__(self, log_id, fields, file, offset):
        self.log_id = log_id
        self.sequence, self.frame, self.chain, self.time = fields
        self.file, self.offset = file, offset


def open_checkpoint(raw, public, file, offset):
    log_id, fields = open_note(raw, CHECKPOINT_NAME, "nncn", public)
    return Checkpoint(log_id, fields, file, offset)


def split_notes(raw, may_be_torn):
    """(offset, bytes) of the whole notes in a row; ValueError when something else stands behind them."""
    whole = len(raw) // CHECKPOINT_SIZE * CHECKPOINT_SIZE
    pieces = [(at, raw[at:at + CHECKPOINT_SIZE]) for at in range(0, whole, CHECKPOINT_SIZE)]
    if may_be_torn:
        # One torn note: fewer than 267 bytes, or 267 with a NUL in them - not both.
        if len(raw) == whole and pieces and b"\0" in pieces[-1][1]:
            pieces.pop()
    elif len(raw) != whole:
        raise ValueError("its size is not a multiple of 267, and it is not the newest")
    return pieces


def grows(before, note):
    return before is None or (note.sequence > before.sequence and note.frame > before.frame)


class Checkpoints:
    """All notes that are good up to the first that is not; `problem` is that one."""

    def __init__(self):
        self.notes, self.problem = [], None

    def fail(self, text, file, offset, sequence=None):
        self.problem = Broken("checkpoint", "%s: %s" % (file, text), file=file, offset=offset, sequence=sequence)

    def add_file(self, raw, file, newest, ident):
        try:
            pieces = split_notes(raw, newest)
        except ValueError as e:
            return self.fail(str(e), file, len(raw) // CHECKPOINT_SIZE * CHECKPOINT_SIZE)
        for at, piece in pieces:
            before = self.notes[-1] if self.notes else None
            try:
                note = open_checkpoint(piece, ident.public, file, at)
            except ValueError as e:
                return self.fail("a note: %s" % e, file, at, claimed_sequence(piece))
            if note.log_id != ident.log_id:
                return self.fail("a note of another log", file, at, note.sequence)
            if not grows(before, note):
                return self.fail("a note that does not follow on the one before", file, at, note.sequence)
            self.notes.append(note)


def claimed_sequence(piece):
    """The record a broken checkpoint speaks of, if that much can still be read."""
    lines = piece.split(b"\n")
    return int(lines[2]) if len(lines) > 2 and DECIMAL.fullmatch(lines[2]) else None


def load_checkpoints(folder, ident):
    result = Checkpoints()
    where = os.path.join(folder, "checkpoints")
    try:
        # Silent: other names in this folder.  Ignored, as in the folder above.
        days = sorted(n for n in os.listdir(where) if DAY_NAME.fullmatch(n))
    except FileNotFoundError:
        return result                   # Silent: no folder is no note; anchors and `key` vouch for the rest
    except NotADirectoryError:
        result.fail("not a folder", "checkpoints", None)
        return result
    for day in days:
        file = "checkpoints/" + day
        try:
            raw = read_file(os.path.join(where, day), SMALL_FILE_MAX)
        except FileNotFoundError:
            raise Vanished()
        except Broken as e:
            result.fail(e.text, file, None)
            break
        result.add_file(raw, file, day == days[-1], ident)
        if result.problem:
            break
    return result


# ---------------------------------------------------------------- Anchors

SYSLOG_FORM = re.compile(
    rb'\[bailee@32473 log="([0-9a-f]{32})" sequence="([0-9]{1,20})" frame="([0-9]{1,20})" '
    rb'chain="([A-Za-z0-9+/]{43}=)" time="([0-9]{1,20})" signature="([A-Za-z0-9+/]{91}=)"\]')


class Anchors:
    def __init__(self):
        self.notes, self.problem = [], None


class AnchorFile:
    """One file, in either form: what it says of this log, in its order."""

    def __init__(self, result, path, ident):
        self.result, self.path, self.ident = result, path, ident
        self.says = False               # a note of this log
        self.before, self.fell = None, False

    def damaged(self, text, at):
        """It says nothing, whatever else is in it: that is no word about the log."""
        return NotVerified("the anchor %s says nothing: at byte %d %s" % (self.path, at, text))

    def add(self, raw, at):
        """A note with the id of this log."""
        try:
            note = open_checkpoint(raw, self.ident.public, self.path, at)
        except ValueError as e:
            raise self.damaged("a note of this log: %s" % e, at)
        self.says = True
        # The same note may be said again.  Silent: another one of the same sequence number; it has
        # to lie on the chain itself, so only its time can differ.
        if self.before and note.sequence < self.before.sequence:
            self.fell = True            # nothing from here on counts; but it must not be damaged
            self.result.problem = self.result.problem or Broken(
                "rolled-back", "anchor %s: its note of record %d comes behind one of record %d"
                % (self.path, note.sequence, self.before.sequence), note.sequence, self.path, at)
        self.before = note
        if not self.fell:
            self.result.notes.append(note)


def load_anchors(paths, ident):
    result = Anchors()
    for path in paths:
        try:
            raw = read_file(path, SMALL_FILE_MAX)
        except (OSError, Broken) as e:
            raise NotVerified("the anchor %s cannot be read: %s" % (path, e))
        file = AnchorFile(result, path, ident)
        if is_row_of_notes(raw):
            load_anchor_notes(file, raw)
        else:
            load_anchor_lines(file, raw)
        # Silent: whether this (and a damaged note) goes before a broken log.  As with a kit of
        # another log, it does.
        if not file.says:
            raise NotVerified("the anchor %s has no note of this log" % path)
    return result


def is_row_of_notes(raw):
    """By its first line (or what is there of it); or by a signature line, when that is damaged."""
    first = CHECKPOINT_NAME + b"\n"
    return raw[:len(first)] == first[:len(raw)] or b"\n\n\xe2\x80\x94 " + CHECKPOINT_NAME in raw


def load_anchor_notes(file, raw):
    """Notes in a row, a torn one at the end; those of other logs are passed over, good or not.

    Silent: 267 bytes of which not even the log id can be read.  They count as a damaged note of this log."""
    own = file.ident.log_id.hex().encode()
    for at, piece in split_notes(raw, True):
        log = piece[len(CHECKPOINT_NAME) + 1:][:32]
        if log != own and HEX32.fullmatch(log) and piece.startswith(CHECKPOINT_NAME + b"\n"):
            continue
        file.add(piece, at)


def load_anchor_lines(file, raw):
    """Syslog messages anywhere in a text.  What does not carry the id of this log is not about it."""
    begin = b'[bailee@32473 log="%s"' % file.ident.log_id.hex().encode()
    at = raw.find(begin)
    while at >= 0:
        found = SYSLOG_FORM.match(raw, at)
        if not found:
            if b"\n" not in raw[at:]:
                return                  # Silent: a last line that is still being written
            raise file.damaged("a message that does not have the form of a note", at)
        log, sequence, frame, chain, time, signature = found.groups()
        note = b"".join((
            CHECKPOINT_NAME, b"\n", log, b"\n", sequence.zfill(20), b"\n", frame.zfill(20), b"\n",
            chain, b"\n", time.zfill(20), b"\n\n", "\u2014 ".encode(), CHECKPOINT_NAME, b" ", signature, b"\n"))
        file.add(note, at)
        at = raw.find(begin, at + 1)


# ---------------------------------------------------------------- Tombstones

class Tombstone:
    def __init__(self, raw, name, fields):
        self.raw, self.file = raw, name
        (self.number, self.first_sequence, self.last_sequence, self.first_frame, self.last_frame,
         self.previous, self.chain, self.begun, self.removed) = fields

    def event(self):
        """What the event *trimmed* says of it: offset, bytes, detail."""
        detail = "segment %d blake2b=%s" % (self.number, H(self.raw).hex())
        return self.first_sequence, self.last_sequence - self.first_sequence + 1, detail.encode()


def load_tombstone(folder, name, ident):
    sequence = int(name[5:], 16)

    def bad(text):
        return Broken("tombstone", "%s: %s" % (name, text), sequence=sequence, file=name)

    raw = read_file(os.path.join(folder, name), 1 << 20)
    if len(raw) != TOMB_SIZE:
        raise bad("%d bytes instead of %d" % (len(raw), TOMB_SIZE))
    try:
        log_id, fields = open_note(raw, TOMB_NOTE_NAME, "nnnnnccnn", ident.public)
    except ValueError as e:
        raise bad(str(e))
    if log_id != ident.log_id:
        raise bad("it is of another log")
    tomb = Tombstone(raw, name, fields)
    if tomb.first_sequence != sequence:
        raise bad("its name is not its first sequence number")
    return tomb


class Place:
    """Where we are in the log: what must come next."""

    def __init__(self, genesis):
        self.chain, self.number, self.sequence, self.frame = genesis, 1, 1, 1


def load_tombstones(folder, names, ident):
    """All of them, each following on the one before, from genesis on."""
    tombs, place = [], Place(H(b"BLOG1", ident.raw))
    for name in names:
        tomb = load_tombstone(folder, name, ident)
        records = tomb.last_sequence - tomb.first_sequence + 1
        frames = tomb.last_frame - tomb.first_frame + 1
        if (tomb.number, tomb.first_sequence, tomb.first_frame, tomb.previous) != (
                place.number, place.sequence, place.frame, place.chain):
            raise Broken("tombstone", name + ": it does not follow on the one before",
                         sequence=min(place.sequence, tomb.first_sequence), file=name)
        if frames < 1 or records < frames or records > 1024 * frames:
            raise Broken("tombstone", name + ": its numbers cannot be", sequence=tomb.first_sequence, file=name)
        if frames > TOMB_FRAMES_MAX:
            raise Broken("tombstone", name + ": it stands for more than 2^24 frames",
                         sequence=tomb.first_sequence, file=name)
        step_over(place, tomb)
        tombs.append(tomb)
    return tombs


def step_over(place, tomb):
    place.chain, place.number = tomb.chain, tomb.number + 1
    place.sequence, place.frame = tomb.last_sequence + 1, tomb.last_frame + 1


class Trimmed:
    """An event *trimmed* that is still there."""

    def __init__(self, event, file, where):
        self.sequence, self.file, self.where = event.sequence, file, where
        self.says = (event.offset, event.bytes, event.detail)
        number = TRIMMED_DETAIL.fullmatch(event.detail)
        self.number = int(number.group(1)) if number else None


TRIMMED_DETAIL = re.compile(rb"segment ([0-9]{1,20}) blake2b=[0-9a-f]{64}")


def check_trimmed_events(removed, trimmed):
    """Every event against the tombstone it speaks of; then every tombstone of a removed segment must
    be told of: the newest, and those before it up to the first whose event went with its segment.
    (Events are told in order.  So behind one that is missing no older one can still be there.)

    Silent: by which of its numbers an event speaks of a tombstone.  By either."""
    told = set()
    by_sequence, by_number = {t.first_sequence: t for t in removed}, {t.number: t for t in removed}
    for event in trimmed:
        tomb = by_sequence.get(event.says[0]) or by_number.get(event.number)
        if tomb and event.says != tomb.event():
            raise Broken("tombstone", "%s: the event in record %d does not fit it" % (tomb.file, event.sequence),
                         event.sequence, event.file, event.where)
        if tomb:
            told.add(tomb.number)
    missing = None
    for tomb in reversed(removed):
        if tomb.number in told:
            if missing:
                raise no_event(missing)
        else:
            missing = missing or tomb
            if tomb is removed[-1]:
                raise no_event(tomb)


def no_event(tomb):
    return Broken("tombstone", tomb.file + ": no event tells of it", sequence=tomb.first_sequence, file=tomb.file)


# ---------------------------------------------------------------- Record: event, NAME

EVENT_HEAD = struct.Struct("<HBBBBBBQqqIIIIQQIIQQQQ16s")
NAME_HEAD = struct.Struct("<HBBBBBBQqq16s24s")


class Event:
    __slots__ = ("sequence", "op", "realtime", "boottime", "offset", "bytes", "detail")


def parse_event(raw):
    """ValueError says which field is wrong."""
    if len(raw) < 120:
        raise ValueError("an event that is too short")
    (length, _type, op, verdict, dev, rule, text, sequence, realtime, boottime, _uid, _gid, _pid, _login, _view,
     _session, _errno, repeats, _serial, offset, count, _handle, _token) = EVENT_HEAD.unpack_from(raw)
    if length != 120 + dev + rule + text:
        raise ValueError("an event with a wrong length")
    if not 1 <= op <= OP_LAST:
        raise ValueError("an event with an unknown op")
    if verdict > 4:
        raise ValueError("an event with an unknown verdict")
    if dev > 31 or rule > 63 or text > 159:
        raise ValueError("an event with a text that is too long")
    if verdict == 0 and repeats:
        raise ValueError("an event that was permitted and has repeats")
    event = Event()
    event.sequence, event.op, event.realtime, event.boottime = sequence, op, realtime, boottime
    event.offset, event.bytes = offset, count
    event.detail = raw[120 + dev + rule:]
    if b"\0" in raw[120:]:
        raise ValueError("an event with a NUL in its device id, its rule id or its detail")
    return event


class Name:
    __slots__ = ("sequence", "realtime", "boottime", "part", "parts", "same")
    op = 0                              # none, so that it is neither a stop nor a recovered


def parse_name(raw):
    if len(raw) < 72:
        raise ValueError("a NAME that is too short")
    (_length, _type, kind, part, dev, parts, reserved, sequence, realtime, boottime, token,
     _nonce) = NAME_HEAD.unpack_from(raw)
    sealed = len(raw) - 72 - dev
    if kind not in (PATH, REASON):
        raise ValueError("a NAME of an unknown kind")
    if dev > 31 or (kind == PATH and dev == 0):
        raise ValueError("a NAME with a wrong device id")
    if parts < 1 or part >= parts:
        raise ValueError("a NAME with a part that cannot be")
    if reserved:
        raise ValueError("a NAME with a reserved byte that is not zero")
    if kind == REASON and not all_zero(token):
        raise ValueError("a reason with a token")
    if sealed < 16 + 64 or sealed > 16 + 64 * 62 or sealed % 64 != 16:
        raise ValueError("a NAME with a sealed text of a wrong length")
    name = Name()
    name.sequence, name.realtime, name.boottime = sequence, realtime, boottime
    name.part, name.parts = part, parts
    name.same = (kind, token, raw[72:72 + dev], parts)
    return name


class NameOrder:
    """NAME parts in order, and directly before an event of the same frame."""

    def __init__(self):
        self.open = None                # the last part, when nothing but its like or an event may follow

    def name(self, name):
        if self.open and self.open.part + 1 < self.open.parts:
            if name.part != self.open.part + 1 or name.same != self.open.same:
                raise ValueError("parts of a NAME that do not follow each other")
        elif name.part != 0:
            raise ValueError("a NAME that does not begin with its first part")
        self.open = name

    def event(self):
        if self.open and self.open.part + 1 < self.open.parts:
            raise ValueError("an event before the last part of a NAME")
        self.open = None

    def end_of_frame(self):
        if self.open:
            raise ValueError("a NAME without an event in its frame")


class Clocks:
    """CLOCK_BOOTTIME never back within a segment from its header on, nor from the last record before to
    the next header of one boot; and what is told of clocks without calling it broken."""

    def __init__(self, facts):
        self.facts, self.boot = facts, None
        self.least = None               # what CLOCK_BOOTTIME must not be below: a record's or a header's
        self.last = None                # both clocks of the last record, of this boot
        self.held = []                  # gaps, till the end of the frame tells whether it is a start

    def segment(self, header, name, sequence):
        if header.boot != self.boot:
            self.last = None
        elif header.boottime < self.least:
            raise Broken("clock", name + ": CLOCK_BOOTTIME in the header is before the record before it",
                         sequence, name, 144)
        self.boot, self.least = header.boot, header.boottime

    def record(self, record):
        if record.boottime < self.least:
            raise Broken("clock", "record %d: CLOCK_BOOTTIME went back" % record.sequence, record.sequence)
        self.least = record.boottime
        last, self.last = self.last, (record.boottime, record.realtime)
        if last:
            self.compare(record, last[0], last[1])
        if record.op == OP_START:
            self.held = []

    def compare(self, record, boottime, realtime):
        went = record.boottime - boottime
        drift = record.realtime - realtime - went
        if went > 75 * 10**9:
            self.held.append("no record for %d s before record %d" % (went // 10**9, record.sequence))
        if abs(drift) > 2 * 10**9:
            self.facts.tells.append("before record %d CLOCK_REALTIME went %+.3f s against CLOCK_BOOTTIME"
                                    % (record.sequence, drift / 1e9))

    def end_of_frame(self):
        self.facts.tells += self.held
        self.held = []


# ---------------------------------------------------------------- Frame

FRAME_HEAD = struct.Struct("<4sIQQII")


class Frame:
    __slots__ = ("at", "length", "number", "sequence", "count", "flags", "chain", "mac")


def frame_header(data, at):
    """The 32 bytes at `at` if they are a proper frame header, whatever its numbers; else None."""
    if at + 32 > len(data):
        return None
    magic, length, number, sequence, count, flags = FRAME_HEAD.unpack_from(data, at)
    if magic != b"BLFR" or not FRAME_FIXED <= length <= FRAME_MAX or not 1 <= count <= 1024 or flags:
        return None
    frame = Frame()
    frame.at, frame.length, frame.number, frame.sequence, frame.count = at, length, number, sequence, count
    return frame


def looks_whole(data, at):
    """BLFR, a length with itself again and RFLB at its end: the frame number, or None."""
    if at + FRAME_FIXED > len(data) or data[at:at + 4] != b"BLFR":
        return None
    length, number = struct.unpack_from("<IQ", data, at + 4)
    if not FRAME_FIXED <= length <= FRAME_MAX or at + length > len(data):
        return None
    return number if data[at + length - 8:at + length] == struct.pack("<I", length) + b"RFLB" else None


def split_records(data, frame):
    """The bytes of each record; None unless they fill the frame exactly and are as many as it says."""
    records, at, end = [], frame.at + 32, frame.at + frame.length - 72
    while at < end:
        length = data[at] | data[at + 1] << 8
        if not 72 <= length <= RECORD_MAX or at + length > end:
            return None
        records.append(data[at:at + length])
        at += length
    return records if len(records) == frame.count else None


def good_frame(data, at, place):
    """(frame, records, chain behind it) when a good frame of the right numbers stands at `at`, else None.

    Good is what the chain vouches for; the mac is looked at afterwards, because only a kit can."""
    frame = frame_header(data, at)
    if not frame or looks_whole(data, at) is None:
        return None
    if frame.number != place.frame or frame.sequence != place.sequence:
        return None
    records = split_records(data, frame)
    if records is None:
        return None
    blake2b, chain = hashlib.blake2b, place.chain
    for raw in records:                 # at a record: chain = H(1 || chain || H(record))
        digest = blake2b(raw, digest_size=32).digest()
        chain = blake2b(b"\x01" + chain + digest, digest_size=32).digest()
    end = at + frame.length
    if data[end - 72:end - 40] != chain:
        return None
    frame.mac = data[end - 40:end - 8]
    return frame, records, chain


# ---------------------------------------------------------------- Segment

class Header:
    def __init__(self, raw):
        (self.magic, self.version, self.size, self.log_id, self.number, self.sequence, self.frame, self.previous,
         self.boot, self.policy, self.realtime, self.boottime, self.file_size, self.count,
         self.reserved) = struct.unpack_from("<8sII16sQQQ32s16s32sqqQII", raw, 0)
        self.raw = raw
        self.checksum_good = H(raw[:4064]) == raw[4064:]


def peek_headers(folder, names):
    """The headers of all segments, only to tell better what happened to one that is out of place."""
    headers = []
    for name in names:
        try:
            with open_regular(os.path.join(folder, name)) as f:
                raw = f.read(BLOCK)
        except FileNotFoundError:
            raise Vanished()
        header = Header(raw) if len(raw) == BLOCK else None
        headers.append(header if header and header.checksum_good else None)
    return headers


def out_of_place(header, place, later):
    """Which word for a segment that is not the one that belongs here."""
    if header.number < place.number:
        return "repeated"
    if header.number > place.number:
        return "reordered" if any(h and h.number == place.number for h in later) else "dropped"
    return "changed"


def check_header(data, name, ident, place, later):
    """All fields of a segment's header against log.id and the place it stands in."""
    def bad(looks, text, offset=None):
        return Broken(looks, "%s: %s" % (name, text), place.sequence, name, offset)

    if len(data) < BLOCK:
        raise bad("truncated", "it is shorter than a header", len(data))
    header = Header(data[:BLOCK])
    if not header.checksum_good:
        raise bad("changed", "checksum of the header", 0)
    if header.magic != b"BLOG1SEG" or header.version != VERSION or header.size != BLOCK or header.reserved:
        raise bad("changed", "the header does not have the form of one", 0)
    if header.log_id != ident.log_id:
        raise bad("spliced", "it belongs to another log", 16)
    if header.number != place.number:
        raise bad(out_of_place(header, place, later),
                  "segment %d stands where %d belongs" % (header.number, place.number), 32)
    if header.sequence != place.sequence or header.frame != place.frame:
        raise bad("changed", "its first sequence or frame number does not follow", 40)
    if header.sequence != int(name[4:], 16):
        raise bad("changed", "its name is not its first sequence number", 40)
    if header.previous != place.chain:
        raise bad("changed", "the previous chain is another", 56)
    check_header_size(header, data, bad)
    check_header_auditors(header, ident, bad)
    return header


def check_header_size(header, data, bad):
    size = header.file_size
    if size % BLOCK or not SEGMENT_MIN <= size <= SEGMENT_MAX:
        raise bad("changed", "the size in the header cannot be", 152)
    if len(data) < size:
        raise bad("truncated", "the file is shorter than its header says", len(data))
    if len(data) > size:
        raise bad("inserted", "the file is longer than its header says", size)


def check_header_auditors(header, ident, bad):
    keys = [header.raw[168 + 112 * i:200 + 112 * i] for i in range(min(header.count, 32))]
    if header.count != ident.count or keys != ident.auditors:
        raise bad("changed", "its auditors are not those of log.id", 160)
    if not all_zero(header.raw[168 + 112 * header.count:4064]):
        raise bad("changed", "reserved bytes of the header are not zero", 168 + 112 * header.count)


# ---------------------------------------------------------------- A torn tail

class Tail:
    """What stands behind the last good frame of a segment, and is not zero."""

    def __init__(self, name, data, at, end):
        self.file, self.at, self.length = name, at, end - at
        self.detail = ("tail at=%d length=%d blake2b=%s" % (at, self.length, H(data[at:end]).hex())).encode()
        # Only to choose a word: does this look like the very frame that is expected here?
        self.begins_frame = frame_header(data, at) is not None or looks_whole(data, at) is not None


def later_frames(data, at, end, expected):
    """Numbers of everything at or behind `at` that looks like a whole later frame."""
    hits = 0
    while hits < 100000:
        at = data.find(b"BLFR", at, end)
        if at < 0:
            return
        number = looks_whole(data, at)
        if number is not None and 0 < number - expected < 1 << 32:
            yield number
        hits += 1
        at += 1


def whole_numbers(data, at, end):
    """Numbers of up to 100000 things that look like whole frames."""
    hits, found = 0, set()
    while hits < 100000:
        at = data.find(b"BLFR", at, end)
        if at < 0:
            break
        number = looks_whole(data, at)
        if number is not None:
            found.add(number)
        hits += 1
        at += 1
    return found


def check_tail(name, data, at, place, last_is_stop):
    """The rules for what may stand behind the last good frame (all but the last of them, which
    speaks of the whole log).  Returns a Tail, or None when all is zero."""
    end = used_length(data)
    if end <= at:
        return None
    header = frame_header(data, at)
    expected = header and header.number == place.frame and header.sequence == place.sequence
    limit = at + (header.length if expected else FRAME_MAX)
    if end > limit or last_is_stop or any(True for _ in later_frames(data, at, end, place.frame)):
        raise not_a_torn_frame(name, data, at, end, place, last_is_stop)
    return Tail(name, data, at, end)


def not_a_torn_frame(name, data, at, end, place, last_is_stop):
    """Tampering; find the word that fits best."""
    def bad(looks, text):
        return Broken(looks, "%s: %s" % (name, text), place.sequence, name, at)

    here = looks_whole(data, at)
    others = whole_numbers(data, at + 1, end)
    later = any(n > place.frame for n in others)
    if here is not None and here < place.frame:
        return bad("repeated", "frame %d stands where %d belongs" % (here, place.frame))
    if here is not None and here > place.frame:
        looks = "reordered" if place.frame in others else "dropped"
        return bad(looks, "frame %d stands where %d belongs" % (here, place.frame))
    if here == place.frame:
        return bad("inserted" if last_is_stop and not later else "changed", "frame %d is not on the chain" % here)
    if later:
        if data[at:at + 32].count(0) == 32:
            return bad("dropped", "frame %d is missing, with later ones there" % place.frame)
        return bad("changed", "frame %d is damaged, with later ones there" % place.frame)
    if last_is_stop:
        return bad("inserted", "something stands behind a stop")
    if frame_header(data, at) is not None:
        return bad("changed", "what stands behind the last good frame is more than one torn frame")
    return bad("inserted", "what stands behind the last good frame is more than one torn frame")


# ---------------------------------------------------------------- the walk over all segments

class Walk:
    def __init__(self, ident, place, keys, wanted, facts):
        self.ident, self.place, self.keys, self.facts = ident, place, keys, facts
        self.first_sequence, self.first_frame = place.sequence, place.frame     # of what is still there
        self.clocks = Clocks(facts)
        self.wanted = wanted            # frames notes speak of
        self.ends = {}                  # of those: frame -> (last sequence, chain behind it)
        self.trimmed = []               # the events *trimmed*
        self.tail = None                # the tail of the segment before, or of the last one
        self.last_file, self.last_at = None, None
        self.segment_facts = {}         # first sequence -> what a tombstone of it must say

    def segment(self, data, name, later, next_sequence):
        header = check_header(data, name, self.ident, self.place, later)
        place = self.place
        first_segment = place.number == 1
        at_begin = (place.sequence, place.frame, place.chain)
        place.chain = header_step(place.chain, header.raw)
        self.facts.chain = place.chain
        self.facts.segments += 1
        self.clocks.segment(header, name, place.sequence)
        before, self.tail = self.tail, None
        at, last, count = BLOCK, None, 0
        while True:
            found = good_frame(data, at, place)
            if not found:
                break
            frame, records, chain = found
            if at + FRAME_MAX > len(data):
                raise self.bad("inserted", "a frame where a segment has no room for one", name, at)
            first, last = self.frame(data, name, frame, records, chain)
            if count == 0:
                self.check_recovered(first, before, first_segment, name, at)
            at += frame.length
            count += 1
        self.last_file, self.last_at = name, at
        if next_sequence is not None:
            self.check_missing_end(data, name, at, next_sequence, later)
        self.tail = check_tail(name, data, at, place, last is not None and last.op == OP_STOP)
        if count == 0 and before and next_sequence is None:
            # A new last segment without a frame yet: the record that vouches for the tail before it
            # was still to be written.  So the tail of the log is that one too.
            self.tail = self.tail or before
        self.segment_facts[header.sequence] = (
            header.number, at_begin[0], place.sequence - 1, at_begin[1], place.frame - 1, at_begin[2],
            place.chain, header.realtime // 10**9)
        place.number += 1

    def bad(self, looks, text, name, at, sequence=None):
        return Broken(looks, "%s: %s" % (name, text), sequence or self.place.sequence, name, at)

    def check_missing_end(self, data, name, at, next_sequence, later):
        """A finished segment ends where the next one begins.  (A segment that is missing in between
        leaves the same gap; both are `dropped`, unless bytes are there that were such a frame.)"""
        if next_sequence <= self.place.sequence:
            return                      # the next header will not fit its place
        neighbour = bool(later) and later[0] is not None and later[0].number == self.place.number + 1
        if used_length(data) > at and (neighbour or looks_whole(data, at) is not None):
            raise damaged_frame(name, data, at, self.place)
        if any(h and h.number == self.place.number + 1 for h in later[1:]):
            raise self.bad("reordered", "the next segment has the name of a later one", name, at)
        raise self.bad("dropped", "records are missing between this segment and the next one", name, at)

    def frame(self, data, name, frame, records, chain):
        """Mac, then the fields of every record.  Returns the first and the last record."""
        at = frame.at
        if self.keys:
            if keyed(self.keys.of(frame.number), data[at:at + 32] + chain) != frame.mac:
                raise self.bad("rewritten", "the mac of frame %d is wrong" % frame.number, name, at)
        order, first, record = NameOrder(), None, None
        where = at + 32
        for raw in records:
            record = self.record(raw, name, where, order)
            first = first or record
            where += len(raw)
            self.place.sequence += 1
        try:
            order.end_of_frame()
        except ValueError as e:
            raise self.bad("changed", str(e), name, at, record.sequence)
        self.clocks.end_of_frame()
        self.place.frame += 1
        self.place.chain = chain
        self.end_of_frame(frame, chain)
        return first, record

    def record(self, raw, name, where, order):
        facts = self.facts
        try:
            if raw[2] == EVENT:
                record = parse_event(raw)
                order.event()
                self.event(record, name, where)
            elif raw[2] == NAME:
                if not self.ident.count:
                    raise ValueError("a NAME in a log without auditors")
                record = parse_name(raw)
                order.name(record)
                facts.names += 1
            else:
                raise ValueError("a record of an unknown type")
            if record.sequence != self.place.sequence:
                raise ValueError("a record with a wrong sequence number")
        except ValueError as e:
            raise self.bad("changed", str(e), name, where)
        try:
            self.clocks.record(record)
        except Broken as e:
            e.file, e.offset = name, where
            raise
        facts.records += 1
        return record

    def event(self, event, name, where):
        if event.op == OP_START:
            # Silent: a sum beyond 2^64.  It is no frame's number.
            if event.offset + event.bytes != self.place.frame:
                raise ValueError("a start whose numbers do not add up to its own frame")
            self.facts.starts.append((event.sequence, event.offset, event.bytes))
        elif event.op == OP_TRIMMED:
            self.trimmed.append(Trimmed(event, name, where))

    def end_of_frame(self, frame, chain):
        facts = self.facts
        facts.frames += 1
        facts.last_sequence, facts.last_frame, facts.chain = self.place.sequence - 1, frame.number, chain
        if frame.number in self.wanted:
            self.ends[frame.number] = (facts.last_sequence, chain)

    def check_recovered(self, first, tail, first_segment, name, at):
        """The segment before has a tail exactly when the first record here tells of it."""
        tells = first.op == OP_RECOVERED and first.detail.startswith(b"tail ")
        unknown_tail = not first_segment and self.facts.segments == 1   # the segment before was trimmed
        if unknown_tail:
            return
        if tail and not tells:
            raise Broken("changed" if tail.begins_frame else "inserted",
                         "%s: bytes behind the last frame, and the next segment tells of none" % tail.file,
                         first.sequence, tail.file, tail.at)
        if tail and first.detail != tail.detail:
            raise Broken("changed", "%s: the bytes behind the last frame are not those the next segment tells of"
                         % tail.file, first.sequence, tail.file, tail.at)
        if tells and not tail:
            raise Broken("changed", "%s: it tells of a torn tail before it that is not there" % name,
                         first.sequence, name, at)


def damaged_frame(name, data, at, place):
    """Bytes stand in a finished segment where a frame is missing that the next segment counts."""
    end = used_length(data)
    if whole_numbers(data, at, end):
        return not_a_torn_frame(name, data, at, end, place, False)
    return Broken("changed", "%s: frame %d is damaged" % (name, place.frame), place.sequence, name, at)


# ---------------------------------------------------------------- What a verifier checks, in its order

def list_segments(folder):
    """Segments first, tombstones second: whatever was removed before the first look has its
    tombstone by the second."""
    segments = sorted(n for n in os.listdir(folder) if SEGMENT_NAME.fullmatch(n))
    names = os.listdir(folder)
    tombs = sorted(n for n in names if TOMB_NAME.fullmatch(n))
    for n in sorted(names):
        if n.startswith(("seg.", "tomb.")) and n != "tomb.new" \
                and not SEGMENT_NAME.fullmatch(n) and not TOMB_NAME.fullmatch(n):
            raise Broken("inserted", "a foreign name: %r" % n, file=printable(n))
    return segments, tombs


def printable(name):
    return name.encode("utf-8", "backslashreplace").decode("utf-8", "replace")


def removed_tombstones(tombs, segments):
    """Those whose segment is gone: the first ones, without gaps."""
    there = {int(n[4:], 16) for n in segments}
    removed = [t for t in tombs if t.first_sequence not in there]
    for tomb, expected in zip(removed, tombs):
        if tomb is not expected:
            raise Broken("dropped", tomb.file + ": its segment is gone and an older one is there",
                         sequence=tomb.first_sequence, file=tomb.file)
    if removed and not segments:
        raise Broken("truncated", "all segments are gone", sequence=removed[-1].last_sequence + 1)
    return removed


def check_tombstones_of_present(tombs, walk):
    """While both are there the segment counts; but what the tombstone says must fit it."""
    for t in tombs:
        facts = walk.segment_facts.get(t.first_sequence)
        says = (t.number, t.first_sequence, t.last_sequence, t.first_frame, t.last_frame, t.previous, t.chain, t.begun)
        if facts is not None and facts != says:
            raise Broken("tombstone", t.file + ": it does not fit the segment that is still there",
                         sequence=t.first_sequence, file=t.file)


def walk_segments(folder, names, walk):
    headers = peek_headers(folder, names)
    walk.facts.at_end = not names
    for i, name in enumerate(names):
        walk.facts.at_end = i + 1 == len(names)
        try:
            data = read_file(os.path.join(folder, name), SEGMENT_MAX)
        except FileNotFoundError:
            raise Vanished()
        except Broken as e:
            e.sequence = walk.place.sequence
            raise
        following = int(names[i + 1][4:], 16) if i + 1 < len(names) else None
        walk.segment(data, name, headers[i + 1:], following)


def missing_end(walk, facts, text):
    """Something that is durable by a checkpoint or by `key` is not there.  If bytes stand where it
    was, they were changed; if none do, the end was cut off."""
    tail = walk.tail
    looks = "changed" if tail and tail.begins_frame else "truncated"
    where = (tail.file, tail.at) if tail else (walk.last_file, walk.last_at)
    return Broken(looks, text, facts.last_sequence + 1, where[0], where[1])


def check_key(copies, walk, facts):
    last = facts.last_frame
    if copies[0].frame > last + 1:
        raise missing_end(walk, facts, "key speaks of frame %d, and the last one there is %d" % (copies[0].frame, last))
    if walk.keys:
        walk.keys.of(last + 1)
        for copy in copies:
            if walk.keys.kept.get(copy.frame) != copy.key:
                raise key_broken("its key is not that of frame %d" % copy.frame)


def on_chain(note, walk):
    return walk.ends.get(note.frame) == (note.sequence, note.chain)


def of_removed(note, walk):
    """Both numbers are of what was removed.  Silent: one of them only; then it is on no chain."""
    return 1 <= note.sequence < walk.first_sequence and 1 <= note.frame < walk.first_frame


def fits_removed(note, frame_ends, sequence_ends):
    """A checkpoint of removed records is looked at only where it speaks of the end of a segment."""
    tomb = frame_ends.get(note.frame) or sequence_ends.get(note.sequence)
    return not tomb or (note.frame, note.sequence, note.chain) == (tomb.last_frame, tomb.last_sequence, tomb.chain)


def check_checkpoints(checkpoints, walk, removed, facts):
    frame_ends, sequence_ends = {t.last_frame: t for t in removed}, {t.last_sequence: t for t in removed}
    for note in checkpoints.notes:
        if note.frame > facts.last_frame:
            raise missing_end(walk, facts, "%s: a checkpoint speaks of frame %d, and the last one there is %d"
                              % (note.file, note.frame, facts.last_frame))
        if of_removed(note, walk):
            fits = fits_removed(note, frame_ends, sequence_ends)
        else:
            fits = on_chain(note, walk)
        if not fits:
            raise Broken("checkpoint", "%s: a note of record %d is not on the chain" % (note.file, note.sequence),
                         note.sequence, note.file, note.offset)
        facts.checkpoints += 1
        facts.checkpointed_sequence = note.sequence
    if checkpoints.problem:
        raise checkpoints.problem


def check_anchors(anchors, walk, facts):
    for note in anchors.notes:
        if note.frame > facts.last_frame:
            raise Broken("rolled-back", "anchor %s speaks of record %d, and the last one there is %d"
                         % (note.file, note.sequence, facts.last_sequence),
                         facts.last_sequence + 1, note.file, note.offset)
        if of_removed(note, walk):
            continue                    # passed over: it says nothing of what is there
        if not on_chain(note, walk):
            raise Broken("rolled-back", "anchor %s: its note of record %d is of another chain"
                         % (note.file, note.sequence), note.sequence, note.file, note.offset)
        facts.anchored_frames.append(note.frame)
        if note.frame > facts.anchored_frame:
            facts.anchored_sequence, facts.anchored_frame = note.sequence, note.frame
    if anchors.problem:
        raise anchors.problem


def tell_forgeable(facts):
    first = max(facts.forgeable_from, facts.anchored_frame + 1)
    if first <= facts.last_frame:
        facts.tells.append("frames %d to %d are forgeable now" % (first, facts.last_frame))
    for sequence, frame, count in facts.starts:
        # An anchor that was made behind the start is made of what somebody may have put there before.
        before = [f for f in facts.anchored_frames if f < frame + count]
        begin, end = max([frame] + [f + 1 for f in before]), frame + count - 1
        if begin <= end:
            facts.tells.append("at the start in record %d the frames %d to %d were forgeable" % (sequence, begin, end))


def later_problem(load, *args):
    """What is read early (before the segments, for a log that is being written) but judged late."""
    try:
        return load(*args), None
    except Broken as e:
        return None, e


def verify_once(folder, public, kit, anchor_paths, facts):
    ident = load_log_id(folder)
    check_identity(ident, public, kit)
    key, key_problem = later_problem(load_key, folder, ident.log_id)
    copies, facts.forgeable_from = key or ([], None)
    anchors = load_anchors(anchor_paths, ident)
    checkpoints = load_checkpoints(folder, ident)
    segments, tomb_names = list_segments(folder)

    tombs = load_tombstones(folder, tomb_names, ident)
    removed = removed_tombstones(tombs, segments)
    facts.trimmed_segments = len(removed)
    place = Place(H(b"BLOG1", ident.raw))
    if removed:
        step_over(place, removed[-1])
    facts.first_sequence = place.sequence
    facts.last_sequence, facts.last_frame, facts.chain = place.sequence - 1, place.frame - 1, place.chain

    keys = FrameKeys(kit.first_key, [c.frame for c in copies]) if kit else None
    wanted = {n.frame for n in checkpoints.notes} | {n.frame for n in anchors.notes}
    walk = Walk(ident, place, keys, wanted, facts)
    walk_segments(folder, segments, walk)
    check_tombstones_of_present(tombs, walk)
    check_trimmed_events(removed, walk.trimmed)

    if key_problem:
        raise key_problem
    check_key(copies, walk, facts)
    check_checkpoints(checkpoints, walk, removed, facts)
    check_anchors(anchors, walk, facts)
    tell_forgeable(facts)
    return GOOD if facts.anchored_sequence is not None else NOT_ANCHORED


def write_times(folder):
    """When each file of the folder was last written: changes while the log is being written."""
    times = {}
    try:
        for entry in os.scandir(folder):
            times[entry.name] = entry.stat(follow_symlinks=False).st_mtime_ns
    except OSError:
        pass
    return times


def verify(folder, public, kit_path=None, anchor_paths=()):
    """(exit code, result object, what is told besides)."""
    if nacl is None:
        return report(NOT_VERIFIED, Facts(), "PyNaCl (python3-nacl) is not installed")
    facts = Facts()
    try:
        kit = load_kit(kit_path) if kit_path else None
        once_more = True
        for attempts_left in (4, 3, 2, 1, 0):
            facts, before = Facts(), write_times(folder)
            try:
                code = verify_once(folder, public, kit, anchor_paths, facts)
                return report(code, facts, "")
            except Vanished:
                continue
            except Broken:
                # Reading a segment takes a while: of two frames written meanwhile the second may
                # be seen and the first not.  What looks wrong where the log ends is read once more
                # in any case (clocks of files are coarse), and again while somebody writes.
                if not attempts_left or (write_times(folder) == before and not (facts.at_end and once_more)):
                    raise
                once_more = False
        return report(NOT_VERIFIED, facts, "files vanish while they are read")
    except Broken as e:
        return report(BROKEN, facts, e.text, e)
    except NotVerified as e:
        return report(NOT_VERIFIED, facts, str(e))
    except (OSError, MemoryError) as e:
        return report(NOT_VERIFIED, facts, "cannot be read: %s" % e)
    except Exception as e:              # hostile bytes must never look like anything but broken
        return report(BROKEN, facts, "unexpected: %s: %s" % (type(e).__name__, e))


def report(code, facts, problem, broken=None):
    result = {
        "verdict": VERDICTS[code],
        "looks": broken.looks if broken else None,
        "problem": printable(problem),
        "bad_sequence": broken.sequence if broken else None,
        "bad_offset": broken.offset if broken else None,
        "bad_file": broken.file if broken else None,
    }
    for name in ("records", "frames", "segments", "names", "checkpoints", "trimmed_segments", "first_sequence",
                 "last_sequence", "checkpointed_sequence", "anchored_sequence"):
        result[name] = getattr(facts, name)
    result["chain"] = facts.chain.hex()
    return code, result, facts.tells


def print_human(result, tells):
    print(result["verdict"] + (": " + result["problem"] if result["problem"] else ""))
    for name, value in result.items():
        if name not in ("verdict", "problem") and value is not None:
            print("  %s: %s" % (name.replace("_", " "), value))
    for text in tells:
        print("  told: " + text)


def hex_key(text):
    if not re.fullmatch(r"[0-9a-fA-F]{64}", text):
        raise argparse.ArgumentTypeError("not 64 hex digits")
    return bytes.fromhex(text)


def main():
    parser = argparse.ArgumentParser(description="verify an audit log of format BLOG1")
    parser.add_argument("folder")
    parser.add_argument("--key", required=True, type=hex_key, help="public key of the checkpoints")
    parser.add_argument("--kit", help="the auditor kit")
    parser.add_argument("--anchor", action="append", default=[], help="notes in a row, or a text with syslog lines")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    sys.stdout.reconfigure(errors="backslashreplace")
    code, result, tells = verify(args.folder, args.key, args.kit, args.anchor)
    if args.json:
        print(json.dumps(result))
    else:
        print_human(result, tells)
    return code


if __name__ == "__main__":
    sys.exit(main())
