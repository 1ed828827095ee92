#!/usr/bin/env python3
"""Tamper with good logs in every way an attacker has.

    log-tamper.py LOGS OUT LOG-MAKE SEED

LOGS holds what `log-make KIND LOGS/KIND` made. Each case is one tampered copy, or a list of edits in a good one:
OUT/list has them for verifiers (`log-make verify-many`, tests/tools/log-compare.py), OUT/expected what is to be said of
each. Expected is only what docs/format-log.md says: `looks` and the first bad sequence number where it fixes them. Where
it does not, all verifiers have to agree.
"""
import base64
import bisect
import copy
import glob
import json
import os
import random
import struct
import sys

from log_model import (FRAME_MOST, NOTE, PAGE, STOP, H, Log, Segment, Store, chain_anew, drop_after, find, make_stone,
                       note_fields, renumber, sealed, sign_anew, told_in_a_run, u32, with_bytes)

GOOD, ANCHORED, BROKEN, FOREIGN = 13, 0, 12, 2
WHOLE = ".whole"  # log-compare.py makes edits in copies of these


# ---- cases ------------------------------------------------------------------------------------------------------------


class Cases:
    def __init__(self, out):
        self.out, self.rows, self.names, self.folders = out, [], set(), 0
        os.makedirs(out, exist_ok=True)

    def row(self, name, folder, key, kit, anchor, exits, looks=None, bad=None, edits="-", window=None, is_rough=False):
        assert name not in self.names, name
        self.names.add(name)
        self.rows.append({"case": name, "log": folder, "key": key or "-", "kit": kit or "-", "anchor": anchor or "-",
                          "edits": edits, "exits": sorted({exits} if isinstance(exits, int) else exits),
                          "looks": looks, "bad": bad, "window": window, "is_rough": is_rough})

    def keep(self, log, is_edited=False):
        """Edits are made in the folder itself: who makes them at the same time takes what it needs from a whole one."""
        self.folders += 1
        folder = os.path.join(self.out, "logs", "%05d" % self.folders)
        log.store(folder)
        if is_edited:
            log.store(folder + WHOLE)
        return folder

    def all_ways(self, name, store, log, kit, key=None, anchor=None, bad=None, window=None):
        """The same log to an auditor with a kit, to one with the public key alone, and to one with kit and anchor.

        Each expectation is (exit codes, looks); `key` is as `kit` when it is left out, `anchor` follows from `kit`.
        """
        folder = self.keep(log)
        key = key or kit
        exits = {kit[0]} if isinstance(kit[0], int) else kit[0]
        anchor = anchor or ({ANCHORED if e == GOOD else e for e in exits}, None)
        for way, (exits, looks), files in (("kit", kit, (store.key_file, store.kit_file, None)),
                                           ("key", key, (store.key_file, None, None)),
                                           ("anchor", anchor, (store.key_file, store.kit_file, store.anchor_file))):
            first_bad = bad if exits == BROKEN and way != "anchor" else None
            self.row("%s/%s" % (name, way), folder, *files, exits, looks, first_bad,
                     window=window if exits == GOOD else None)

    def write(self):
        with open(os.path.join(self.out, "list"), "w") as file:
            for r in self.rows:
                file.write("\t".join([r["case"], r["log"], r["key"], r["kit"], r["anchor"], r["edits"]]) + "\n")
        with open(os.path.join(self.out, "expected"), "w") as file:
            for r in self.rows:
                file.write(json.dumps(r) + "\n")


def good(cases, store, name, log=None, at=None):
    cases.all_ways("%s/%s" % (at or os.path.basename(store.path), name), store, log or store.log(), (GOOD, None))


def flip_edits(data, file, zeros=61):
    """(offset, edit) of one bit in every byte that is not zero, and of some of the zeros."""
    run = 0
    for at, byte in enumerate(data):
        run = run + 1 if byte == 0 else 0
        if run < 9 or run % zeros == 0:
            yield at, "%s=%d:%02x" % (file, at, byte ^ 1 << at * 5 % 8)


def flips(cases, store):
    """One bit of each byte of a small log."""
    log = store.log()
    folder = cases.keep(log, True)
    (segment,) = log.segments()
    newest = log.names("checkpoints/")[-1]
    files = (store.key_file, store.kit_file, None)

    def add(file, at, edit, exits, looks=None):
        cases.row("flip/%s/%d" % (file, at), folder, *files, exits, looks, edits=edit)

    for at, edit in flip_edits(log.files["log.id"], "log.id"):
        add("log.id", at, edit, BROKEN, "identity")
    for at, edit in flip_edits(log.files["key"][:PAGE], "key"):
        value = edit.split(":")[1]
        add("key", at, edit, GOOD)
        add("key", at + PAGE, "key=%d:%s" % (at + PAGE, value), GOOD)
        cases.row("flip/key/both/%d" % at, folder, *files, BROKEN, "key",
                  edits="%s,key=%d:%s" % (edit, at + PAGE, value))
    for name in log.names("checkpoints/"):
        for at, byte in enumerate(log.files[name]):
            # A byte that became zero: the last note may be torn by a crash, and no other.
            is_last = name == newest and at >= len(log.files[name]) - NOTE
            for new in {byte ^ 1 << at % 7, byte ^ 0x80, 0}:
                cases.row("flip/%s/%d/%02x" % (name, at, new), folder, *files, GOOD if is_last and not new else BROKEN,
                          "checkpoint", edits="%s=%d:%02x" % (name, at, new))
    macs = [(segment.offset(i + 1) - 40, segment.offset(i + 1) - 8) for i in range(len(segment.frames))]
    for at, edit in flip_edits(log.files[segment.name][:segment.end], segment.name):
        add(segment.name, at, edit, BROKEN)
        if at % 3 == 0:
            is_mac = any(a <= at < b for a, b in macs)
            cases.row("flip/%s/%d/key" % (segment.name, at), folder, store.key_file, None, None,
                      GOOD if is_mac else BROKEN, edits=edit)
    behind = [segment.end + i for i in (0, 1, 7, 8, 100, 4096, FRAME_MOST - 1, FRAME_MOST)] + [segment.size - 1]
    for at in behind:
        cases.row("flip/%s/behind/%d" % (segment.name, at), folder, *files, BROKEN, "inserted",
                  edits="%s=%d:01" % (segment.name, at))


def exits_of_last(segment, at, length):
    """Damage to the last frame cannot be told from a torn one, as long as nothing vouches for it. But no more than that."""
    if 4 <= at < 8:
        # Its length: then what it has behind that is too much for it.
        claimed = length ^ 0x20 << 8 * (at - 4)
        return BROKEN if 104 <= claimed < length else GOOD
    if 8 <= at < 12:
        # Its number: then it looks like a later one.
        return BROKEN if segment.frames[-1].number ^ 0x20 << 8 * (at - 8) > segment.frames[-1].number else GOOD
    if length - 40 <= at < length - 8:
        return BROKEN  # its mac, with everything around it whole: no crash does that
    return GOOD


def flips_elsewhere(cases, trimmed, torn, killed):
    """What the small log does not have: tombstones, a tail that recovery told of, an end that may be torn."""
    log = trimmed.log()
    folder = cases.keep(log, True)
    name = log.names("tomb.")[-1]
    for at, byte in enumerate(log.files[name]):
        for bit in (at % 7, 7):
            cases.row("flip/%s/%d/%d" % (name, at, bit), folder, trimmed.key_file, trimmed.kit_file, None, BROKEN,
                      "tombstone", edits="%s=%d:%02x" % (name, at, byte ^ 1 << bit))
    log = torn.log()
    folder = cases.keep(log, True)
    segment = next(s for s in log.segments() if s.tail)
    tail = log.files[segment.name]
    for at in sorted(set(range(segment.end, segment.end + len(segment.tail), 7)) |
                     set(range(segment.end, segment.end + 40))):
        cases.row("flip/torn/%d" % at, folder, torn.key_file, torn.kit_file, None, BROKEN,
                  edits="%s=%d:%02x" % (segment.name, at, tail[at] ^ 0x10))
    cases.row("flip/torn/behind", folder, torn.key_file, torn.kit_file, None, BROKEN,
              edits="%s=%d:01" % (segment.name, segment.end + len(segment.tail)))
    log = killed.log()
    folder = cases.keep(log, True)
    segment = log.segments()[-1]
    data = log.files[segment.name]
    begin = segment.offset(len(segment.frames) - 1)
    for at in range(begin, segment.end):
        cases.row("flip/last/%d" % (at - begin), folder, killed.key_file, killed.kit_file, None,
                  exits_of_last(segment, at - begin, segment.end - begin),
                  edits="%s=%d:%02x" % (segment.name, at, data[at] ^ 0x20))
    before = segment.offset(len(segment.frames) - 2)
    for at in range(before, begin):
        cases.row("flip/last-but-one/%d" % at, folder, killed.key_file, killed.kit_file, None, BROKEN,
                  edits="%s=%d:%02x" % (segment.name, at, data[at] ^ 0x20))
    for at, exits in ((segment.end, GOOD), (segment.end + 100, GOOD), (segment.end + FRAME_MOST - 1, GOOD),
                      (segment.end + FRAME_MOST, BROKEN), (segment.size - 1, BROKEN)):
        cases.row("flip/unused/%d" % (at - segment.end), folder, killed.key_file, killed.kit_file, None, exits,
                  edits="%s=%d:01" % (segment.name, at))


def cuts(cases, small, killed, old):
    """Files cut at every length; and what never reached the disk at the end of a segment that is always whole."""
    log = small.log()
    folder = cases.keep(log, True)
    (segment,) = log.segments()
    files = (small.key_file, small.kit_file, None)
    for length in list(range(0, 200)) + list(range(200, PAGE, 61)) + [PAGE - 1]:
        cases.row("cut/log.id/%d" % length, folder, *files, BROKEN, "identity", edits="log.id<%d" % length)
    for length in list(range(0, 120)) + list(range(120, 2 * PAGE, 61)) + [PAGE - 1, PAGE, PAGE + 1, 2 * PAGE - 1]:
        cases.row("cut/key/%d" % length, folder, *files, BROKEN, "key", edits="key<%d" % length)
    for length in sorted(set(range(0, 64)) | set(range(64, segment.end, 41)) | set(range(segment.end, segment.size, PAGE)) |
                         {segment.offset(i) for i in range(len(segment.frames))} | {segment.end, segment.size - 1}):
        cases.row("cut/%s/%d" % (segment.name, length), folder, *files, BROKEN, edits="%s<%d" % (segment.name, length))
    (name,) = log.names("checkpoints/")
    for length in range(0, len(log.files[name])):
        cases.row("cut/%s/%d" % (name, length), folder, *files, GOOD, edits="%s<%d" % (name, length))
    log = old.log()
    folder = cases.keep(log, True)
    for name in log.names("checkpoints/")[:-1]:
        for length in sorted(set(range(0, len(log.files[name]), 13)) | {len(log.files[name]) - NOTE}):
            cases.row("cut/older/%s/%d" % (name, length), folder, old.key_file, old.kit_file, None,
                      GOOD if length % NOTE == 0 else BROKEN, edits="%s<%d" % (name, length))

    # Zeros from some byte on. A stop was signed: that it is gone is seen. Behind `key` of a writer that was killed it is not.
    log = small.log()
    folder = cases.keep(log, True)
    data = log.files[segment.name]
    for at in range(PAGE, segment.end - 1):
        if data[at:segment.end].rstrip(b"\0"):
            cases.row("zeros/small/%d" % at, folder, *files, BROKEN,
                      edits="%s=%d:%s" % (segment.name, at, "00" * (segment.end - at)))
    log = killed.log()
    folder = cases.keep(log, True)
    segment = log.segments()[-1]
    f, noted = log.key()[0], note_fields(log.notes()[-1][1])["frame"]
    offsets = [segment.offset(i) for i in range(len(segment.frames))]
    every = set(range(offsets[-2], segment.end)) | {o + d for o in offsets for d in (0, 1, 40) if segment.end - o < 8000}
    for at in sorted(every):
        index = bisect.bisect_right(offsets, at) - 1
        lost = segment.frames[index].number  # the first frame that is not whole
        exits = BROKEN if lost < f or lost <= noted else GOOD
        cases.row("zeros/killed/%d" % at, folder, killed.key_file, killed.kit_file, None, exits,
                  None if exits == GOOD else "truncated",
                  edits="%s=%d:%s" % (segment.name, at, "00" * (segment.end - at)))


def frames(cases, store, other):
    """Frames dropped, swapped, duplicated, spliced, without anything made to fit."""
    original = store.log()
    count = len(original.segments()[0].frames)
    for at in sorted({0, 1, 5, count // 3, count // 2, count - 3, count - 2}):
        def case(name, looks, change, bad=0):
            log = original.copy()
            segments = log.segments()
            first_bad = change(segments[0].frames)
            cases.all_ways("frame-%d/%s" % (at, name), store, log.replace(segments), (BROKEN, looks),
                           bad=first_bad if bad is not None else None)

        def drop(frames):
            return frames.pop(at).first

        def swap(frames):
            frames[at], frames[at + 1] = frames[at + 1], frames[at]
            return frames[at + 1].first

        def far(frames):
            to = (at + 7) % count
            low = min(at, to)
            frames[at], frames[to] = frames[to], frames[at]
            return original.segments()[0].frames[low].first

        def twice(frames):
            frames.insert(at + 1, copy.deepcopy(frames[at]))
            return frames[at].last() + 1

        def later(frames):
            frames.insert(min(at + 5, count - 1), copy.deepcopy(frames[at]))

        def splice(frames):
            frames[at] = other.log().segments()[0].frames[at]

        def insert_other(frames):
            frames.insert(at, other.log().segments()[0].frames[at])

        def lose_record(frames):
            frames[at].records.pop()

        def two_in_one(frames):
            gone = frames.pop(at + 1)
            frames[at].records += gone.records

        case("dropped", "dropped", drop)
        case("swapped", "reordered", swap)
        case("swapped-far", "reordered", far)
        # In front of the last one it may as well be a torn frame that hides one: then the word is left open.
        word = "repeated" if at < count - 3 else None
        case("twice", word, twice)
        case("twice-later", word, later, None)
        case("spliced", None, splice, None)
        case("inserted-from-other", None, insert_other, None)
        case("record-lost", None, lose_record, None)
        case("joined", None, two_in_one, None)
    for back in (1, 2, 5):
        log = original.copy()
        last = original.segments()[0].frames[-1].number - back
        cases.all_ways("end-dropped-%d" % back, store, drop_after(log, last), (BROKEN, "truncated"))
        # Whoever takes the notes away as well still has a `key` that speaks of more.
        log = drop_after(original.copy(), last, True)
        cases.all_ways("end-and-notes-dropped-%d" % back, store, log, (BROKEN, "truncated"))
        # A `key` made up for that place: only the auditor's kit knows better.
        log.set_key(last + 1, b"\x5a" * 32)
        cases.all_ways("end-notes-and-key-%d" % back, store, log, (BROKEN, "key"), (GOOD, None), (BROKEN, None))


def records(cases, store):
    """Records changed: alone, with the chain, with everything but the keys that are gone."""
    original = store.log()
    segments = original.segments()
    count = len(segments[0].frames)
    for at in sorted({1, 2, count // 2, count - 2, count - 1}):
        for place, name in ((4, "verdict"), (16, "realtime"), (32, "uid"), (104, "token"), (119, "token-end")):
            def changed():
                log = original.copy()
                segments = log.segments()
                record = segments[0].frames[at].records[-1]
                record[place] ^= 1
                return log, segments

            name = "record-%d-%s" % (at, name)
            whole = segments[0].frames[at]
            bad = whole.first if len(whole.records) == 1 else None
            log, changed_segments = changed()
            cases.all_ways(name, store, log.replace(changed_segments), (BROKEN, "changed"), bad=bad)
            log, changed_segments = changed()
            chain_anew(log, changed_segments)
            cases.all_ways(name + "-chained", store, log, (BROKEN, "rewritten"), (BROKEN, "checkpoint"),
                           bad=None)
            # Every key on the disk: without the kit and an anchor nobody can tell, with either of them everybody can.
            sign_anew(store, log, changed_segments)
            cases.all_ways(name + "-signed", store, log, (BROKEN, "rewritten"), (GOOD, None), (BROKEN, None), bad=None)
            anchored = cases.keep(log)
            cases.row(name + "-signed/key-and-anchor", anchored, store.key_file, None, store.anchor_file, BROKEN,
                      "rolled-back")
    # As if nothing had been there: numbers, chain and notes all made anew.
    log = original.copy()
    segments = log.segments()
    gone = segments[0].frames.pop(count // 2)
    chain_anew(log, renumber(segments))
    sign_anew(store, log, segments)
    log.set_key(log.key()[0] - 1, b"\x5a" * 32)
    cases.all_ways("record-gone-for-all", store, log, (BROKEN, "rewritten"), (GOOD, None), (BROKEN, None), bad=gone.first)


def window(cases, store):
    """An attacker with every key on the disk, in front of and behind the place that `key` stands at."""
    original = store.log()
    f = original.key()[0]
    last = original.segments()[-1].frames[-1].number
    assert last - f > 10, "the window is too small to try anything"

    def forged(number, change, exits, looks=None, name="", bad=None):
        log = original.copy()
        segments = log.segments()
        segment, index = find(segments, number)
        sequence = segment.frames[index].first
        change(segment, index)
        chain_anew(log, segments)
        sign_anew(store, log, segments)
        key_exits = (GOOD, None) if looks == "rewritten" else (exits, looks)
        at = "window/%+d/%s" % (number - f, name)
        is_open = looks != "rewritten" and sequence <= segments[-1].frames[-1].last()
        cases.all_ways(at, store, log, (exits, looks), key_exits, window=sequence if is_open else None, bad=bad)

    def uid(segment, index):
        forge(segment.frames[index].records[0])

    def drop_record(segment, index):
        segment.frames.pop(index)
        renumber_from(segment)

    def renumber_from(segment):
        renumber([segment])

    for number in (1, 2, f - 20, f - 2, f - 1):
        forged(number, uid, BROKEN, "rewritten", "uid")
    for number in (f, f + 1, f + 10, last - 1, last):
        forged(number, uid, GOOD, None, "uid")
        forged(number, drop_record, GOOD, None, "dropped")

    # Made by somebody who can do everything there, and badly: the form still tells.
    def field(form, place, value, record=0):
        def change(segment, index):
            struct.pack_into(form, segment.frames[index].records[record], place, value)
        return change

    def name_alone(segment, index):
        segment.frames[index].records = [name_record(segment, index, 0, 1)]

    def name_record(segment, index, part, parts):
        old = segment.frames[index].records[0]
        record = bytearray(struct.pack("<HBBBBBB", 72 + 16 + 64, 2, 1, part, 0, parts, 0) + bytes(old[8:32]) +
                           b"\x77" * 16 + b"\x11" * 24 + b"\x22" * 80)
        return record

    def name_parts(parts):
        def change(segment, index):
            frame = segment.frames[index]
            frame.records = [name_record(segment, index, p, n) for p, n in parts] + frame.records
            renumber([segment])
        return change

    def flags(segment, index):
        segment.frames[index].flags = 1

    def after_stop(segment, index):
        """A stop where there was none, and something behind it."""
        frame = segment.frames[index]
        frame.records[0][3] = STOP

    middle = f + 5
    bad_forms = [("op-0", field("<B", 3, 0)), ("op-48", field("<B", 3, 48)), ("verdict-5", field("<B", 4, 5)),
                 ("type-3", field("<B", 2, 3)), ("length", field("<H", 0, 4000)), ("device-length", field("<B", 5, 32)),
                 ("rule-length", field("<B", 6, 64)), ("detail-length", field("<B", 7, 160)),
                 ("sequence", field("<Q", 8, 1)), ("flags", flags),
                 ("repeats-permitted", lambda s, i: (field("<B", 4, 0)(s, i), field("<I", 68, 5)(s, i))),
                 ("nul-in-rule", lambda s, i: field("<B", 120 + s.frames[i].records[0][5], 0)(s, i)),
                 ("name-alone", name_alone), ("name-part-1-first", name_parts([(1, 2)])),
                 ("name-part-0-only", name_parts([(0, 2)])), ("name-parts-swapped", name_parts([(1, 2), (0, 2)])),
                 ("name-part-twice", name_parts([(0, 2), (0, 2), (1, 2)])),
                 ("name-parts-differ", name_parts([(0, 2), (1, 3)])), ("name-no-parts", name_parts([(0, 0)]))]
    for name, change in bad_forms:
        forged(middle, change, BROKEN, None, "form-" + name)
    forged(middle, field("<Q", 24, 5), BROKEN, "clock", "boottime-back",
           bad=find(original.segments(), middle)[0].frames[find(original.segments(), middle)[1]].first)
    # No auditors in this log: no NAME records either.
    forged(middle, name_parts([(0, 1)]), BROKEN, None, "form-name-without-auditors")
    forged(middle, after_stop, {BROKEN, GOOD}, None, "behind-stop")

    # `key` itself.
    def key_case(name, change, kit, key):
        log = original.copy()
        change(log)
        cases.all_ways("window/key-" + name, store, log, kit, key)

    k = original.key()[1]
    forward = k
    for _ in range(last + 1 - f):
        forward = H(b"next", forward)
    key_case("on", lambda l: l.set_key(last + 1, forward), (GOOD, None), (GOOD, None))
    key_case("too-far", lambda l: l.set_key(last + 2, H(b"next", forward)), (BROKEN, "truncated"), (BROKEN, "truncated"))
    key_case("wrong-k", lambda l: l.set_key(f, b"\x01" * 32), (BROKEN, "key"), (GOOD, None))
    key_case("back", lambda l: l.set_key(f - 9, b"\x01" * 32), (BROKEN, "key"), (GOOD, None))
    key_case("back-to-1", lambda l: l.set_key(1, b"\x01" * 32), (BROKEN, "key"), (GOOD, None))
    key_case("0", lambda l: l.set_key(0, b"\x01" * 32), (BROKEN, "key"), (BROKEN, "key"))
    key_case("other-log", lambda l: l.set_key(f, k, log_id=b"\x02" * 16), (BROKEN, "key"), (BROKEN, "key"))
    key_case("gone", lambda l: l.files.pop("key"), (BROKEN, "key"), (BROKEN, "key"))

    def second_copy(log):
        made = log.copy().set_key(f - 5, b"\x01" * 32).files["key"]
        log.files["key"] = log.files["key"][:PAGE] + made[PAGE:]

    key_case("second-copy-wrong", second_copy, (BROKEN, "key"), (GOOD, None))

    # A frame that stands where no frame may begin.
    log = original.copy()
    segments = log.segments()
    frames = segments[-1].frames
    while segments[-1].offset(len(frames)) <= segments[-1].size - FRAME_MOST:
        frames.append(copy.deepcopy(frames[-2]))
        frames[-1].records = [bytearray(frames[-1].records[0]) for _ in range(100)]
    frames.append(copy.deepcopy(frames[-1]))
    chain_anew(log, renumber(segments))
    cases.all_ways("window/no-room", store, log, (BROKEN, None))
    log = original.copy()
    frames.pop()
    cases.all_ways("window/just-room", store, chain_anew(log, renumber(segments)), (GOOD, None))


def segments_moved(cases, store, other, twin):
    """Whole segments. `other` is another store's log, `twin` another log that the same store signed."""
    original = store.log()
    names = original.names()
    headers = {n: Segment(n, original.files[n]) for n in names}

    def case(name, looks, change, bad=None):
        log = original.copy()
        change(log.files)
        cases.all_ways("segment/" + name, store, log, (BROKEN, looks), bad=bad)

    for index, name in enumerate(names):
        is_last = index == len(names) - 1
        first = headers[name].frames[0].first
        case("drop-%d" % index, "truncated" if is_last else "dropped", lambda f: f.pop(name), None if is_last else first)
        case("zero-%d" % index, None, lambda f: f.update({name: bytes(len(f[name]))}))
        case("cut-%d" % index, None, lambda f: f.update({name: f[name][:len(f[name]) // 2]}))
        case("longer-%d" % index, None, lambda f: f.update({name: f[name] + bytes(PAGE)}))
        case("renamed-%d" % index, None, lambda f: f.update({"seg.%016x" % (first + 1): f.pop(name)}))
        case("upper-%d" % index, None, lambda f: f.update({"seg.%016X" % (0xabcdef): f[name]}))
        spliced = other.log().files[other.log().names()[0]] if index == 0 else \
            other.log().files[other.log().names()[min(index, len(other.log().names()) - 1)]]
        case("spliced-%d" % index, "spliced", lambda f: f.update({name: spliced}))
        tail = with_bytes(original.files[name], headers[name].end, b"\x01")
        case("tail-%d" % index, "inserted", lambda f: f.update({name: tail}))
        for next_name in names[index + 1:index + 2]:
            case("swap-%d" % index, None, lambda f: f.update({name: original.files[next_name], next_name: original.files[name]}))
            case("twice-%d" % index, None, lambda f: f.update({next_name: original.files[name]}))
    case("copy-behind", None, lambda f: f.update({"seg.%016x" % (original.last_sequence() + 1): f[names[0]]}))
    case("first-two-gone", "dropped", lambda f: (f.pop(names[0]), f.pop(names[1])), 1)
    case("all-gone", "truncated", lambda f: [f.pop(n) for n in names])
    case("foreign-name", "inserted", lambda f: f.update({"seg.xyz": b""}))
    case("foreign-name-short", "inserted", lambda f: f.update({"seg.1": b""}))
    case("foreign-tombstone", None, lambda f: f.update({"tomb.xyz": b""}))
    newer = bytearray(original.files[names[1]][:PAGE])
    newer[8] = 3
    log = original.copy()
    log.files[names[1]] = sealed(newer) + original.files[names[1]][PAGE:]
    cases.all_ways("segment/newer", store, log, (BROKEN, None))
    for name in ("seg", "Seg.1", "other", "spare", "reserve", "ballast", "key.new", "log.id.new", "tomb.new", "seg.new".upper()):
        log = original.copy()
        log.files[name] = b"ignored"
        cases.all_ways("segment/ignored-%s" % name, store, log, (GOOD, None))
    # Header fields, with a right checksum: the chain goes over every header.
    for at, name in ((12, "size-of-header"), (16, "log"), (32, "number"), (40, "first-sequence"), (48, "first-frame"),
                     (56, "previous-chain"), (88, "boot"), (104, "policy"), (136, "realtime"), (144, "boottime"),
                     (152, "size"), (160, "auditors"), (164, "reserved"), (168, "slot"), (4063, "zeros")):
        log = original.copy()
        head = bytearray(original.files[names[1]][:PAGE])
        head[at] ^= 1
        log.files[names[1]] = sealed(head) + original.files[names[1]][PAGE:]
        cases.all_ways("segment/header-" + name, store, log, (BROKEN, "spliced" if name == "log" else None))
    # Segments of a log that the same store signed.
    log = twin.log()
    log.files[log.names()[0]] = twin.log("log.other").files[twin.log("log.other").names()[0]]
    cases.all_ways("segment/of-twin", twin, log, (BROKEN, "spliced"))


def notes(cases, store, other, twin):
    original = store.log()
    names = [n for n, _ in original.notes()]
    texts = [t for _, t in original.notes()]
    count = len(texts)
    assert count >= 3

    def case(name, new, kit=(BROKEN, "checkpoint"), **rest):
        log = original.copy().set_notes(new)
        cases.all_ways("note/" + name, store, log, kit, **rest)

    pairs = list(zip(names, texts))
    for index in range(count):
        # Fewer of them vouch for less; that is no lie.
        case("dropped-%d" % index, pairs[:index] + pairs[index + 1:], (GOOD, None))
        forged = other.sign_notes([note_fields(texts[index])])[0]
        case("other-key-%d" % index, pairs[:index] + [(names[index], forged)] + pairs[index + 1:])
        for field, value in (("sequence", 1), ("frame", 1), ("chain", None), ("log", None)):
            fields = note_fields(texts[index])
            fields[field] = {"chain": H(b"x"), "log": "00" * 16}.get(field) or fields[field] + value
            made = store.sign_notes([fields])[0]
            looks = {"log": None}.get(field, "checkpoint")
            if index == count - 1 and field in ("sequence", "frame"):
                looks = None
            case("signed-%s-%d" % (field, index), pairs[:index] + [(names[index], made)] + pairs[index + 1:],
                 (BROKEN, looks))
        case("twice-%d" % index, pairs[:index + 1] + pairs[index:])
        if index + 1 < count:
            case("swapped-%d" % index, pairs[:index] + [pairs[index + 1], pairs[index]] + pairs[index + 2:])
    case("none", [], (GOOD, None))
    torn = original.copy()
    torn.files[names[-1]] += texts[0][:100]
    cases.all_ways("note/torn", store, torn, (GOOD, None))
    torn.files[names[-1]] += b"\0" * 100 + texts[0][200:]
    cases.all_ways("note/torn-with-nul", store, torn, (GOOD, None))
    torn.files[names[-1]] += b"x"
    cases.all_ways("note/behind-a-torn-one", store, torn, (BROKEN, "checkpoint"))
    garbage = original.copy()
    garbage.files[names[-1]] += b"x" * NOTE
    cases.all_ways("note/garbage", store, garbage, (BROKEN, "checkpoint"))
    # A note for what never was: signed with the store's key, in front of everything.
    fields = dict(note_fields(texts[-1]), sequence=original.last_sequence() + 5, frame=note_fields(texts[-1])["frame"] + 5)
    case("of-the-future", pairs + [(names[-1], store.sign_notes([fields])[0])], (BROKEN, "truncated"))
    # The next file in order, though its notes speak of earlier frames.
    log = original.copy()
    log.files["checkpoints/2099-01-01"] = texts[0]
    cases.all_ways("note/next-day-earlier", store, log, (BROKEN, "checkpoint"))
    log = original.copy()
    log.files["checkpoints/2001-01-01"] = log.files.pop(names[-1])
    cases.all_ways("note/on-another-day", store, log, ({GOOD, BROKEN}, None))
    log = original.copy()
    log.files["checkpoints/readme"] = b"foreign"
    cases.all_ways("note/foreign-file", store, log, ({GOOD, BROKEN}, None))
    log = twin.log()
    last = log.notes()[-1][0]
    log.files[last] = log.files[last][:-NOTE] + twin.log("log.other").notes()[-1][1]
    cases.all_ways("note/of-twin", twin, log, (BROKEN, None))


def identity(cases, store, other):
    original = store.log()

    def case(name, page, kit, key, looks=None):
        log = original.copy()
        log.files["log.id"] = page
        cases.all_ways("identity/" + name, store, log, (kit, looks), (key, looks), (kit, None))

    page = bytearray(original.files["log.id"])
    for at, name, kit in ((12, "auditors", BROKEN), (16, "log", FOREIGN), (32, "key", BROKEN), (64, "commitment", BROKEN),
                          (96, "made", BROKEN), (110, "auditor", BROKEN), (4063, "zeros", BROKEN)):
        changed = bytearray(page)
        changed[at] ^= 1
        key = FOREIGN if name == "key" else BROKEN
        case(name, sealed(changed), kit, key)
    newer = bytearray(page)
    newer[8] = 3
    case("newer", sealed(newer), FOREIGN, FOREIGN)
    older = bytearray(page)
    older[8] = 1
    case("older", sealed(older), BROKEN, BROKEN, "identity")
    case("newer-damaged", bytes(newer), BROKEN, BROKEN, "identity")
    case("not-ours", b"\x7fELF" + bytes(page[4:]), BROKEN, BROKEN, "identity")
    case("short", bytes(page[:100]), BROKEN, BROKEN, "identity")
    case("longer", bytes(page) + b"x", BROKEN, BROKEN, "identity")
    case("nothing", b"", BROKEN, BROKEN, "identity")
    case("of-another", other.log().files["log.id"], FOREIGN, FOREIGN)
    log = original.copy()
    del log.files["log.id"]
    cases.all_ways("identity/gone", store, log, (BROKEN, "identity"))


def evidence(cases, store, other, twin):
    """What the auditor brings is wrong: nothing is said about the log then."""
    folder = cases.keep(store.log())
    made = os.path.join(cases.out, "evidence")
    os.makedirs(made, exist_ok=True)

    def file(name, data):
        path = os.path.join(made, name)
        with open(path, "wb") as out:
            out.write(data if isinstance(data, bytes) else data.encode())
        return path

    def row(name, key, kit, anchor, exits, looks=None):
        cases.row("evidence/" + name, folder, key, kit, anchor, exits, looks)

    kit = open(store.kit_file, "rb").read()
    anchors = open(store.anchor_file, "rb").read()
    row("key-of-another", other.key_file, None, None, FOREIGN)
    row("key-of-another-and-kit", other.key_file, store.kit_file, None, FOREIGN)
    row("kit-of-another", store.key_file, other.kit_file, None, FOREIGN)
    row("kit-of-another-alone", None, other.kit_file, None, FOREIGN)
    row("kit-alone", None, store.kit_file, None, GOOD)
    row("kit-alone-anchor", None, store.kit_file, store.anchor_file, ANCHORED)
    row("key-and-anchor", store.key_file, None, store.anchor_file, ANCHORED)
    for at in range(0, len(kit), 3):
        damaged = kit[:at] + bytes([kit[at] ^ 1]) + kit[at + 1:]
        row("kit-damaged-%d" % at, store.key_file, file("kit-%d" % at, damaged), None, FOREIGN)
    for length in range(0, len(kit), 17):
        row("kit-cut-%d" % length, store.key_file, file("kit-cut-%d" % length, kit[:length]), None, FOREIGN)
    row("kit-longer", store.key_file, file("kit-longer", kit + b"x"), None, FOREIGN)

    def kit_with(name, old, new):
        body = kit[:kit.index(b"check ")].replace(old, new, 1)
        return file(name, body + b"check " + H(body).hex().encode() + b"\n")

    first = [line for line in kit.split(b"\n") if line.startswith(b"first ")][0]
    # Its own check is right, so it is the auditor's: then the log is not the one it was made for.
    row("kit-other-first", store.key_file, kit_with("kit-first", first, b"first " + b"5a" * 32), None, BROKEN, "identity")
    row("kit-newer", store.key_file, kit_with("kit-newer", b"auditor kit 1", b"auditor kit 2"), None, FOREIGN)
    made_line = [line for line in kit.split(b"\n") if line.startswith(b"made ")][0] + b"\n"
    row("kit-one-more-auditor", store.key_file,
        kit_with("kit-auditor", made_line, made_line + b"auditor " + b"31" * 32 + b"\n"), None, BROKEN, "identity")

    def anchor(name, data, exits, looks=None):
        row("anchor-" + name, store.key_file, store.kit_file, file("anchor-" + name, data), exits, looks)

    notes_of = [anchors[at:at + NOTE] for at in range(0, len(anchors), NOTE)]
    anchor("one", notes_of[0], ANCHORED)
    anchor("last", notes_of[-1], ANCHORED)
    anchor("none", b"", FOREIGN)
    anchor("torn", anchors + notes_of[-1][:99], ANCHORED)
    anchor("torn-nul", anchors + notes_of[-1][:99] + bytes(NOTE - 99), ANCHORED)
    anchor("only-torn", notes_of[-1][:99], FOREIGN)
    for at in range(NOTE):
        # With another log's id it may as well be another log's: those are passed over.
        exits = {ANCHORED, FOREIGN} if 14 <= at < 46 else FOREIGN
        anchor("flipped-%d" % at, with_bytes(anchors, at, bytes([anchors[at] ^ 1 << at % 8])), exits)
    other_key = other.sign_notes([note_fields(notes_of[0])])[0]
    anchor("other-key", other_key, FOREIGN)
    anchor("of-another-log", open(other.anchor_file, "rb").read(), FOREIGN)
    ahead = dict(note_fields(notes_of[-1]), sequence=10 ** 6, frame=10 ** 6)
    anchor("ahead", store.sign_notes([ahead])[0], BROKEN, "rolled-back")
    elsewhere = dict(note_fields(notes_of[-1]), chain=H(b"elsewhere"))
    anchor("another-chain", store.sign_notes([elsewhere])[0], BROKEN, "rolled-back")
    anchor("reversed", b"".join(reversed(notes_of)), BROKEN, "rolled-back")
    anchor("again-and-again", b"".join(t * 3 for t in notes_of), ANCHORED)
    anchor("with-another-log", open(other.anchor_file, "rb").read() + anchors, ANCHORED)

    def syslog(text, host="shop-1"):
        f = note_fields(text)
        signature = text.decode().split("\n")[7].split(" ")[2]
        return ('<110>1 2026-11-22T08:00:00Z %s bailee 17 checkpoint [bailee@32473 log="%s" sequence="%d" frame="%d" '
                'chain="%s" time="%d" signature="%s"]\n' % (host, f["log"], f["sequence"], f["frame"],
                                                          base64.b64encode(f["chain"]).decode(), f["time"], signature))

    lines = [syslog(t) for t in notes_of]
    noise = "<30>1 2026-11-22T08:00:01Z shop-1 cron 9 - - nothing to see\n"
    anchor("syslog", "".join(lines), ANCHORED)
    anchor("syslog-among-others", noise + noise.join(lines) + noise, ANCHORED)
    anchor("syslog-flipped", lines[0].replace('sequence="', 'sequence="1', 1), FOREIGN)
    anchor("syslog-ahead", syslog(store.sign_notes([ahead])[0]), BROKEN, "rolled-back")
    anchor("syslog-two-logs", syslog(open(other.anchor_file, "rb").read()[:NOTE]) + "".join(lines),
           ANCHORED)
    anchor("syslog-noise", noise * 20, FOREIGN)
    two = ",".join([file("anchor-first", notes_of[0]), file("anchor-second", notes_of[-1])])
    row("anchor-two-files", store.key_file, store.kit_file, two, ANCHORED)
    two = ",".join([file("anchor-good", notes_of[0]), file("anchor-ahead-2", store.sign_notes([ahead])[0])])
    row("anchor-one-of-two-ahead", store.key_file, store.kit_file, two, BROKEN, "rolled-back")


def roll_back(cases, stores):
    """The whole folder as it was; and a writer who goes on from there."""
    for name in ("snapshot", "continued"):
        log = stores["restarted"].log("log." + name) if name == "snapshot" else Store.log(stores["continued"])
        store = stores["restarted"]
        cases.all_ways("rolled-back/" + name, store, log, (GOOD, None), (GOOD, None), (BROKEN, "rolled-back"))
    # Older and newer in one folder.
    now, then = stores["restarted"].log(), stores["restarted"].log("log.snapshot")

    def mixed(name, base, files_of, chosen, kit, key=None, anchor=None):
        log = base.copy()
        for file in [n for n in list(log.files) if chosen(n)]:
            del log.files[file]
        log.files.update({n: d for n, d in files_of.files.items() if chosen(n)})
        cases.all_ways("rolled-back/" + name, stores["restarted"], log, kit, key, anchor)

    mixed("older-key", now, then, lambda n: n == "key", (GOOD, None))
    mixed("older-notes", now, then, lambda n: n.startswith("checkpoints/"), (GOOD, None))
    mixed("older-segments", now, then, lambda n: n.startswith("seg."), (BROKEN, "truncated"), anchor=(BROKEN, None))
    mixed("older-segments-and-key", now, then, lambda n: n.startswith("seg.") or n == "key", (BROKEN, "truncated"),
          anchor=(BROKEN, None))
    mixed("older-segments-and-notes", now, then, lambda n: n != "key", (BROKEN, "truncated"), anchor=(BROKEN, None))


def forge(record):
    """Another record of the same form: a uid, or the nonce of a NAME (whose token may have to be zero)."""
    record[48 if record[2] == 2 else 32] ^= 7


def gone_on(cases, stores):
    """Truncate, and let the real writer continue."""
    def path_of(name):
        return os.path.join(cases.out, name)

    store = stores["restarted"]
    frames = store.log().segments()[-2].frames
    last = frames[-min(4, len(frames))].number  # a busy machine makes few frames of many events
    cut = drop_after(store.log(), last)
    refused = {"end-dropped": cut, "notes-dropped": drop_after(store.log(), last, True)}
    for name, log in refused.items():
        assert not Store.taken(store, path_of(name), log).go_on(), "the writer goes on with a log whose end is missing: " + name
    # With a `key` made up for that place it goes on, and only kit and anchor know.
    log = drop_after(store.log(), last, True).set_key(last + 1, b"\x5a" * 32)
    taken = Store.taken(store, path_of("key-made-up"), log)
    assert taken.go_on(), "the writer refuses a log that it cannot tell from its own"
    cases.all_ways("gone-on/key-made-up", store, taken.log(), (BROKEN, None), (GOOD, None), (BROKEN, None))
    # Forged where `key` stands open, and then taken up again: that run says how much was open.
    store = stores["killed"]
    log = store.log()
    segments = log.segments()
    segment, index = find(segments, log.key()[0] + 3)
    forge(segment.frames[index].records[0])
    taken = Store.taken(store, path_of("forged"), chain_anew(log, segments))
    assert taken.go_on(), "the writer refuses what has the right macs"
    cases.all_ways("gone-on/forged-in-the-window", store, taken.log(), (GOOD, None), window=segment.frames[index].first)
    # One frame before it: the writer has no key to see it, the auditor has.
    log = store.log()
    segments = log.segments()
    segment, index = find(segments, log.key()[0] - 3)
    forge(segment.frames[index].records[0])
    taken = Store.taken(store, path_of("forged-before"), sign_anew(store, chain_anew(log, segments), segments))
    assert taken.go_on(), "the writer refuses a log that it cannot tell from its own"
    cases.all_ways("gone-on/forged-before", store, taken.log(), (BROKEN, "rewritten"), (GOOD, None),
                   bad=segment.frames[index].first)


def torn_in_the_middle(cases, stores):
    """A frame of several sectors, of which not all reached the medium; seen by verifiers, then cut by the writer."""
    store = stores["torn"]
    original = store.log()
    segment = original.segments()[-1]
    frame = copy.deepcopy(segment.frames[-1])
    frame.number, frame.first = frame.number + 1, frame.last() + 1
    frame.records = [bytearray(frame.records[0]) for _ in range(12)]
    for index, record in enumerate(frame.records):
        struct.pack_into("<Q", record, 8, frame.first + index)
    data = frame.pack()
    first_edge = -segment.end % 512
    holes = {"whole-but-for-its-chain": data}
    for number in range(len(data) // 512):
        holes["sector-%d" % number] = with_bytes(data, first_edge + 512 * number, bytes(512))[:len(data)]
    holes["count"] = with_bytes(data, 24, b"\x0b")
    holes["only-header"] = data[:32]
    holes["only-end"] = bytes(first_edge + 512) + data[first_edge + 512:]
    for name, tail in holes.items():
        log = original.copy()
        length = max(len(tail), len(segment.tail))
        log.files[segment.name] = with_bytes(original.files[segment.name], segment.end, tail.ljust(length, b"\0"))
        cases.all_ways("middle/%s/left" % name, store, log, (GOOD, None))
        taken = Store.taken(store, os.path.join(cases.out, "middle-" + name), log)
        assert taken.go_on(), "the writer refuses a torn frame: " + name
        cases.all_ways("middle/%s/taken" % name, store, taken.log(), (GOOD, None))


def torn(cases, stores):
    left, taken = stores["torn"], stores["torn-taken"]
    log = taken.log()
    segments = log.segments()
    index = next(i for i, s in enumerate(segments) if s.tail)
    segment = segments[index]

    def case(name, change, looks=None):
        changed = log.copy()
        changed.files[segment.name] = change(log.files[segment.name])
        cases.all_ways("torn/" + name, taken, changed, (BROKEN, looks))

    end, length = segment.end, len(segment.tail)
    case("tail-gone", lambda d: with_bytes(d, end, bytes(length)))
    case("tail-shorter", lambda d: with_bytes(d, end + length - 1, b"\0"))
    case("tail-longer", lambda d: with_bytes(d, end + length, b"\1"))
    case("tail-moved", lambda d: with_bytes(d, end, b"\0" + segment.tail))
    # A frame that was there when it was cut is a lie about what was torn: the rules hold for that tail as well.
    original = left.log()
    whole = original.segments()[-1]
    last = whole.frames[-1]

    def left_case(name, tail, exits, looks=None):
        changed = original.copy()
        changed.files[whole.name] = with_bytes(original.files[whole.name], whole.end, tail)
        cases.all_ways("torn-left/" + name, left, changed, (exits, looks))

    old_tail = whole.tail
    clear = bytes(len(old_tail))

    def made(number, first, count=1, length=None):
        frame = copy.deepcopy(last)
        frame.number, frame.first = number, first
        return frame.pack()

    nxt, seq = last.number + 1, last.last() + 1
    left_case("clean", clear, GOOD)
    left_case("as-it-is", old_tail, GOOD)
    left_case("one-byte", b"B" + clear[1:], GOOD)
    left_case("garbage", b"\xa5" * 3000, GOOD)
    left_case("later-frame", (b"\0" * 8 + made(nxt + 1, seq + 1)).ljust(len(clear), b"\0"), BROKEN)
    left_case("much-later-frame", (b"\0" * 8 + made(nxt + 2 ** 32 - 1, seq + 1)).ljust(len(clear), b"\0"), BROKEN)
    left_case("far-later-frame", (b"\0" * 8 + made(nxt + 2 ** 32, seq + 1)).ljust(len(clear), b"\0"), GOOD)
    left_case("later-frame-odd", (b"\xff" * 13 + made(nxt + 1, seq + 1)).ljust(len(clear), b"\0"), BROKEN)
    left_case("earlier-frame", (b"\0" * 8 + made(nxt - 1, seq - 1)).ljust(len(clear), b"\0"), GOOD)
    left_case("same-frame", (b"\0" * 8 + made(nxt, seq)).ljust(len(clear), b"\0"), GOOD)
    left_case("beyond-a-frame", clear.ljust(FRAME_MOST - 1, b"\0") + b"\1", GOOD)
    left_case("beyond-the-largest-frame", clear.ljust(FRAME_MOST, b"\0") + b"\1", BROKEN)
    header = made(nxt, seq)[:32]
    size = u32(header, 4)
    left_case("header-and-inside", (header + b"\0" * (size - 33) + b"\1").ljust(len(clear), b"\0"), GOOD)
    # With other numbers it is no header: then it may be anything, up to the largest frame.
    for name, other in (("sequence", made(nxt, seq + 5)), ("number", made(nxt - 1, seq))):
        left_case("header-of-another-%s-and-beyond" % name,
                  (other[:32] + b"\0" * (size - 32) + b"\1").ljust(len(clear), b"\0"), GOOD)
    left_case("header-and-beyond", (header + b"\0" * (size - 32) + b"\1").ljust(len(clear), b"\0"), BROKEN)


def tombstones(cases, stores):
    tombstones_of(cases, stores, "trimmed", 0)
    tombstones_of(cases, stores, "trimmed-twice", 3)
    tombstones_made(cases, stores)


def tombstones_of(cases, stores, kind, untold):
    """The events that told of the first @untold tombstones are gone with their segment."""
    store = stores[kind]
    original = store.log()
    tombs = original.names("tomb.")
    assert len(tombs) >= 2 and original.names()[0] > "seg." + tombs[-1][5:]

    def case(name, change, looks="tombstone", exits=BROKEN):
        log = original.copy()
        change(log.files)
        cases.all_ways("%s/%s" % (kind, name), store, log, (exits, looks))

    for index, name in enumerate(tombs):
        text = original.files[name]
        case("cut-%d" % index, lambda f: f.update({name: text[:-1]}))
        case("longer-%d" % index, lambda f: f.update({name: text + b"\n"}))
        case("empty-%d" % index, lambda f: f.update({name: b""}))
        case("dropped-%d" % index, lambda f: f.pop(name), None)
        case("renamed-%d" % index, lambda f: f.update({"tomb.%016x" % (int(name[5:], 16) + 1): f.pop(name)}), None)
        lines = text.decode().split("\n")
        for line, what in ((2, "number"), (3, "first"), (4, "last"), (5, "first-frame"), (6, "last-frame"),
                           (9, "begun"), (10, "removed")):
            changed = list(lines[:11])
            changed[line] = "%020d" % (int(changed[line]) + 1)
            made = store.sign(["\n".join(changed) + "\n"], "bailee.log-tombstone/v1")[0]
            # Without its event its times have nothing to be held to; its numbers have the neighbours.
            case("signed-%s-%d" % (what, index), lambda f: f.update({name: made}), None,
                 GOOD if line >= 9 and index < untold else BROKEN)
        for line, what in ((7, "previous"), (8, "chain")):
            changed = list(lines[:11])
            changed[line] = base64.b64encode(H(b"x")).decode()
            made = store.sign(["\n".join(changed) + "\n"], "bailee.log-tombstone/v1")[0]
            case("signed-%s-%d" % (what, index), lambda f: f.update({name: made}), None)
        made = stores["plain"].sign(["\n".join(lines[:11]) + "\n"], "bailee.log-tombstone/v1")[0]
        case("other-key-%d" % index, lambda f: f.update({name: made}))
    case("all-dropped", lambda f: [f.pop(t) for t in tombs], None)
    first = original.names()[0]
    case("segment-behind-dropped", lambda f: f.pop(first), None)


def tombstones_made(cases, stores):
    # Taken back: a segment that its tombstone stands for, as a crash between the two leaves it.
    before = stores["old"].log()
    log = store_log = Store.log(stores["trimmed-from-old"])
    kept_tombs = log.names("tomb.")
    last_gone = "seg." + kept_tombs[-1][5:]
    log = store_log.copy()
    log.files[last_gone] = before.files[last_gone]
    cases.all_ways("tombstone/segment-still-there", stores["trimmed-from-old"], log, (GOOD, None))
    log = store_log.copy()
    first_gone = "seg." + kept_tombs[0][5:]
    log.files[first_gone] = before.files[first_gone]
    cases.all_ways("tombstone/a-hole", stores["trimmed-from-old"], log, (BROKEN, None))
    log = store_log.copy()
    log.files[last_gone] = with_bytes(before.files[last_gone], 5000, b"\x99")
    cases.all_ways("tombstone/segment-still-there-changed", stores["trimmed-from-old"], log, (BROKEN, None))

    # The store's key can sign a tombstone for what somebody wants gone; but no event tells of it.
    store = stores["restarted"]
    log = store.log()
    stone = make_stone(store, log, 0)
    gone = log.names()[0]
    log.files["tomb." + gone[4:]] = stone
    del log.files[gone]
    cases.all_ways("tombstone/made-for-a-fresh-one", store, log, (BROKEN, "tombstone"))
    log = store.log()
    log.files["tomb." + gone[4:]] = stone
    cases.all_ways("tombstone/beside-a-fresh-one", store, log, ({GOOD, BROKEN}, None))
    # Unless it is told in the frames that can be forged: there it is good, and the window is named.
    store = stores["killed-taken"]
    cases.all_ways("tombstone/told-in-the-window", store, told_in_a_run(store), (GOOD, None),
                   anchor=({ANCHORED, BROKEN}, None))


def half_copied(cases, store):
    original = store.log()
    names = original.names()

    def case(name, change, kit):
        log = original.copy()
        change(log.files)
        cases.all_ways("half/" + name, store, log, kit)

    case("no-key", lambda f: f.pop("key"), (BROKEN, "key"))
    case("no-notes", lambda f: [f.pop(n) for n in list(f) if n.startswith("checkpoints/")], (GOOD, None))
    case("only-log.id", lambda f: [f.pop(n) for n in list(f) if n != "log.id"], (BROKEN, "key"))
    case("only-log.id-and-notes", lambda f: [f.pop(n) for n in list(f) if n.startswith("seg.") or n == "key"],
         (BROKEN, "key"))
    case("only-notes", lambda f: [f.pop(n) for n in list(f) if not n.startswith("checkpoints/")], (FOREIGN, None))
    case("only-segments", lambda f: [f.pop(n) for n in list(f) if not n.startswith("seg.")], (BROKEN, "identity"))
    case("last-segment-half", lambda f: f.update({names[-1]: f[names[-1]][:20000]}), (BROKEN, None))
    case("last-segment-empty", lambda f: f.update({names[-1]: b""}), (BROKEN, None))
    empty = Log({})
    cases.all_ways("half/nothing", store, empty, (FOREIGN, None))
    cases.all_ways("half/something-else", store, Log({"notes.txt": b"no log at all\n"}), (FOREIGN, None))


def at_random(cases, stores, seed, count):
    """Several changes at once, some of them put right afterwards. What is said first may differ, but not whether it is good."""
    draw = random.Random(seed)
    kinds = ["plain", "small", "restarted", "torn", "torn-taken", "killed", "killed-taken", "trimmed", "latched", "storm"]
    originals = {kind: stores[kind].log() for kind in kinds}

    def some_frames(segments):
        return draw.choice([s for s in segments if s.frames]).frames

    def flip(segments):
        record = draw.choice(draw.choice(some_frames(segments)).records)
        record[draw.randrange(8, len(record))] ^= 1 << draw.randrange(8)

    def drop(segments):
        frames = some_frames(segments)
        del frames[draw.randrange(len(frames))]

    def swap(segments):
        frames = some_frames(segments)
        a, b = draw.randrange(len(frames)), draw.randrange(len(frames))
        frames[a], frames[b] = frames[b], frames[a]

    def twice(segments):
        frames = some_frames(segments)
        frames.insert(draw.randrange(len(frames) + 1), copy.deepcopy(draw.choice(frames)))

    def move(segments):
        some_frames(segments).append(copy.deepcopy(draw.choice(some_frames(segments))))

    def split(segments):
        frames = some_frames(segments)
        index = draw.randrange(len(frames))
        if len(frames[index].records) > 1:
            rest = copy.deepcopy(frames[index])
            rest.records, frames[index].records = rest.records[1:], frames[index].records[:1]
            frames.insert(index + 1, rest)

    def cut_tail(segments):
        segment = draw.choice(segments)
        segment.tail = segment.tail[:draw.randrange(len(segment.tail) + 1)]

    def grow_tail(segments):
        draw.choice(segments).tail += draw.randbytes(draw.choice((1, 40, 3000)))

    def lose_end(segments):
        frames = segments[-1].frames
        del frames[draw.randrange(len(frames)):]

    def header(segments):
        head = draw.choice(segments).head
        head[draw.choice((34, 42, 50, 60, 90, 110, 137, 145))] ^= 1 << draw.randrange(8)

    changes = [flip, drop, swap, twice, move, split, cut_tail, grow_tail, lose_end, header]
    for number in range(count):
        kind = draw.choice(kinds)
        store, log = stores[kind], originals[kind].copy()
        segments = log.segments()
        done = draw.sample(changes, draw.choice((0, 1, 1, 2, 3)))
        for change in done:
            if any(s.frames for s in segments):
                change(segments)
        if kind != "trimmed" and segments[0].frames and draw.random() < 0.7:
            if draw.random() < 0.5:
                renumber(segments)
            chain_anew(log, segments, draw.random() < 0.7)
            if draw.random() < 0.7:
                sign_anew(store, log, segments)
        else:
            log.replace(segments)
        last = segments[-1].frames[-1].number if segments[-1].frames else 1
        if draw.random() < 0.3:
            log.set_key(max(1, last + draw.randrange(-40, 3)), b"\x5a" * 32)
        if draw.random() < 0.2:
            log.set_notes(draw.sample(log.notes(), len(log.notes()) * draw.randrange(2)))
        name = "random/%d/%s-%s" % (number, kind, "-".join(c.__name__ for c in done))
        folder = cases.keep(log)
        for way, kit, anchor in (("kit", store.kit_file, None), ("key", None, None), ("anchor", store.kit_file, store.anchor_file)):
            cases.row(name + "/" + way, folder, store.key_file, kit, anchor, {GOOD, ANCHORED, BROKEN, FOREIGN}, is_rough=True)


def cases_make(logs, out, tool, seed):
    kinds = [os.path.basename(p)[:-4] for p in glob.glob(os.path.join(logs, "*.key"))]
    stores = {kind: Store(logs, kind, tool) for kind in kinds}
    cases = Cases(out)
    for kind in sorted(stores):
        if kind not in ("continued", "empty"):
            good(cases, stores[kind], "good")
    cases.all_ways("empty/good", stores["empty"], stores["empty"].log(), (GOOD, None), anchor=(FOREIGN, None))
    cases.all_ways("twice/good-other", stores["twice"], stores["twice"].log("log.other"), (FOREIGN, None), (GOOD, None))
    for number in range(1, 9):
        cases.all_ways("running/copy%d" % number, stores["running"], stores["running"].log("log.copy%d" % number),
                       (GOOD, None), anchor=({BROKEN, ANCHORED}, None))
    flips(cases, stores["small"])
    flips_elsewhere(cases, stores["trimmed"], stores["torn-taken"], stores["killed"])
    cuts(cases, stores["small"], stores["killed"], stores["old"])
    frames(cases, stores["plain"], stores["twice"])
    records(cases, stores["plain"])
    window(cases, stores["killed"])
    segments_moved(cases, stores["rotated"], stores["restarted"], stores["twice"])
    notes(cases, stores["plain"], stores["more"], stores["twice"])
    identity(cases, stores["plain"], stores["more"])
    evidence(cases, stores["plain"], stores["more"], stores["twice"])
    roll_back(cases, stores)
    gone_on(cases, stores)
    torn_in_the_middle(cases, stores)
    torn(cases, stores)
    tombstones(cases, stores)
    half_copied(cases, stores["rotated"])
    at_random(cases, stores, int(seed), 400)
    cases.write()
    print("%d cases, %d folders, SEED %s" % (len(cases.rows), cases.folders, seed))


if __name__ == "__main__":
    if len(sys.argv) != 5:
        sys.exit(__doc__)
    cases_make(*sys.argv[1:])
