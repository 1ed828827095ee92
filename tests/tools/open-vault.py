#!/usr/bin/python3
"""A second reader of the vault, written from docs/format-keys.md, format-vault.md, format-store.md,
format-receipt.md and format-certificate.md ("the pages") and nothing else.

    open-vault.py STORE [--passphrase-file F | --key-file F] keys [--dump-keys FILE]
    open-vault.py STORE [...] image ID [FILE]       the plain image to FILE, or to standard output with -
    open-vault.py STORE [...] nonces ID
    open-vault.py - receipt FILE --key HEX64
    open-vault.py - certificate FILE --key HEX64

Exit codes: 0 good, 1 good but something a crash leaves is to be mended, 2 not tried, 12 not what the pages say.

The sections have the names of the pages. Where a page is silent or can be read in two ways, a comment that begins
"Silent:" says what was chosen.
"""

import argparse
import ctypes
import ctypes.util
import datetime
import hashlib
import json
import os
import re
import stat
import struct
import sys

GOOD, MENDABLE, NOT_TRIED, BAD = 0, 1, 2, 12

PAGE = 4096
CHUNK = 65536
GROUP_CHUNKS = 16
GROUP = CHUNK * GROUP_CHUNKS
ENTRIES = 64
SLOTS_MAX = 65536
GAPS_MAX = 4194304
SMALL_FILE_MAX = 8 << 20
JSON_MAX = 256 << 10
ZERO_CHUNK = bytes(CHUNK)

sodium = ctypes.CDLL(ctypes.util.find_library("sodium"))
if sodium.sodium_init() < 0:
    sys.exit("libsodium does not start")


class Bad(Exception):
    """Something is not what the pages say."""


class NotTried(Exception):
    """Wrong use, a wrong lock, or a file that is not there."""


def need(condition, text):
    if not condition:
        raise Bad(text)


# ---------------------------------------------------------------- primitives

def H(data):
    return hashlib.blake2b(data, digest_size=32).digest()


def keyed(key, data):
    return hashlib.blake2b(data, digest_size=32, key=key).digest()


def KDF(key, purpose, rest=b""):
    return keyed(key, purpose.encode() + b"\0" + rest)


def aead_open(function, key, nonce, text, tag, associated):
    """The plain text, or None when the tag does not fit."""
    sealed = text + tag
    plain = ctypes.create_string_buffer(len(text) or 1)
    length = ctypes.c_ulonglong()
    code = function(plain, ctypes.byref(length), None, sealed, ctypes.c_ulonglong(len(sealed)),
                    associated, ctypes.c_ulonglong(len(associated)), nonce, key)
    if code != 0:
        return None
    return plain.raw[:length.value]


def xchacha_open(key, nonce, text, tag, associated):
    return aead_open(sodium.crypto_aead_xchacha20poly1305_ietf_decrypt, key, nonce, text, tag, associated)


def aes_open(key, nonce, text, tag, associated):
    return aead_open(sodium.crypto_aead_aes256gcm_decrypt, key, nonce, text, tag, associated)


def has_aes():
    return sodium.crypto_aead_aes256gcm_is_available() == 1


def argon2id(passphrase, salt, passes, memory):
    out = ctypes.create_string_buffer(32)
    code = sodium.crypto_pwhash(out, ctypes.c_ulonglong(32), passphrase, ctypes.c_ulonglong(len(passphrase)), salt,
                                ctypes.c_ulonglong(passes), ctypes.c_size_t(memory), ctypes.c_int(2))
    if code != 0:
        raise NotTried("not enough memory for Argon2id")
    return out.raw


def public_of(seed):
    public, secret = ctypes.create_string_buffer(32), ctypes.create_string_buffer(64)
    sodium.crypto_sign_seed_keypair(public, secret, seed)
    return public.raw


def signature_fits(signature, message, public):
    return sodium.crypto_sign_verify_detached(signature, message, ctypes.c_ulonglong(len(message)), public) == 0


def seal_open(key, label, blob):
    """format-store.md: what `vault_seal` makes."""
    if len(blob) < 40:
        return None
    return xchacha_open(key, blob[:24], blob[24:-16], blob[-16:], label.encode())


# ---------------------------------------------------------------- files

def read_all(path, limit=None):
    """A regular file, 0600, never through a link."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise Bad("%s cannot be opened: %s" % (path, error.strerror))
    with open(fd, "rb") as file:
        check_file(file, path)
        if limit is not None:
            need(os.fstat(fd).st_size <= limit, "%s is longer than it may be" % path)
        return file.read()


def check_file(file, path):
    told = os.fstat(file.fileno())
    need(stat.S_ISREG(told.st_mode), "%s is no regular file" % path)
    need(stat.S_IMODE(told.st_mode) == 0o600, "%s is not 0600" % path)


class Sparse:
    """A file read by place; what lies behind its end is zeros, as the page of the vault says."""

    def __init__(self, path, longest):
        try:
            self.file = os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC), "rb", buffering=0)
        except OSError as error:
            raise Bad("%s: %s" % (path, error.strerror))
        check_file(self.file, path)
        self.size = os.fstat(self.file.fileno()).st_size
        need(self.size <= longest, "%s is longer than the header allows" % path)

    def at(self, offset, length):
        got = os.pread(self.file.fileno(), length, offset)
        return got + bytes(length - len(got))


def is_zero(data):
    return data == bytes(len(data))


def small_file(path):
    """format-store.md, "Small files"."""
    data = read_all(path, SMALL_FILE_MAX + 512)
    line, newline, contents = data.partition(b"\n")
    need(newline, "%s has no line" % path)
    words = line.split(b" ")
    need(len(words) == 5 and words[0] == b"bailee-file" and words[1] == b"1", "%s has another line" % path)
    need(words[2] == os.path.basename(path).encode(), "%s says another name" % path)
    need(words[3] == str(len(contents)).encode(), "%s has another length" % path)
    need(words[4] == H(contents).hex().encode(), "%s has another checksum" % path)
    return contents


def store_id(store):
    data = read_all(os.path.join(store, "bailee.store"))
    need(len(data) == 64 and data[:8] == b"BAILEEST", "bailee.store has another form")
    need(struct.unpack_from("<II", data, 8) == (1, 0), "bailee.store has another version")
    need(data[32:] == H(data[:32]), "bailee.store has another checksum")
    return data[16:32]


def id_of(padded):
    """A device id, NUL-padded to 32."""
    text = padded.rstrip(b"\0")
    need(0 < len(text) <= 31 and b"\0" not in text, "a device id is not padded as it should be")
    return text


# ---------------------------------------------------------------- BKEYS1: header

LOCK_NONE, LOCK_PASSPHRASE, LOCK_KEY_FILE, LOCK_CREDENTIAL = 1, 2, 3, 4
LOCK_KINDS = {1: "none", 2: "passphrase", 3: "key file", 4: "credential"}
LIVE, TOMBSTONE, EMPTY, DAMAGED = "live", "tombstone", "empty", "damaged"


def page_is_whole(page):
    return page[4064:] == H(page[:4064])


def check_lock(lock):
    kind, passes, memory = struct.unpack_from("<IIQ", lock)
    need(kind in LOCK_KINDS, "a lock of an unknown kind")
    if kind == LOCK_PASSPHRASE:
        need(1 <= passes <= 16, "a lock with passes out of bounds")
        need(memory % 1024 == 0 and 8192 <= memory <= 4 << 30, "a lock with memory out of bounds")
    else:
        need(passes == 0 and memory == 0, "passes or memory in a lock without a passphrase")
    name = lock[104:168]
    if kind == LOCK_CREDENTIAL:
        text = name.rstrip(b"\0")
        need(re.fullmatch(rb"[A-Za-z0-9._-]{1,63}", text), "the name of a credential")
    else:
        need(is_zero(name), "a name in a lock without a credential")
    need(is_zero(lock[168:256]), "reserved bytes of a lock")


def check_key_header(page):
    need(page[:8] == b"BKEYS1\0\0", "the key file has another magic")
    version, count = struct.unpack_from("<II", page, 8)
    need(version == 2, "the key file is of version %d" % version)
    need(1 <= count <= 4, "the number of locks")
    for at in range(4):
        lock = page[176 + 256 * at:432 + 256 * at]
        if at < count:
            check_lock(lock)
        else:
            need(is_zero(lock), "bytes behind the last lock")
    kinds = [struct.unpack_from("<I", page, 176 + 256 * at)[0] for at in range(count)]
    need(count == 1 or LOCK_NONE not in kinds, "a lock of kind none beside others")
    need(is_zero(page[1200:4064]), "reserved bytes of the key file's header")
    return kinds


def lock_key(lock, secret):
    kind, passes, memory = struct.unpack_from("<IIQ", lock)
    salt = lock[16:32]
    if kind == LOCK_NONE:
        return keyed(salt + bytes(16), b"bailee no lock")
    if kind == LOCK_PASSPHRASE:
        return argon2id(secret, salt, passes, memory)
    return keyed(salt + bytes(16), b"bailee key file\0" + secret)


class Locks:
    """What the caller can open a store with."""

    def __init__(self, passphrase_file=None, key_file=None):
        self.passphrase = self.key = None
        if passphrase_file:
            with open(passphrase_file, "rb") as file:
                self.passphrase = file.read()
            if self.passphrase.endswith(b"\n"):
                self.passphrase = self.passphrase[:-1]
        if key_file:
            with open(key_file, "rb") as file:
                self.key = file.read()

    def secret(self, kind):
        if kind == LOCK_NONE:
            return b""
        return self.passphrase if kind == LOCK_PASSPHRASE else self.key

    def open(self, header, kinds):
        """The KEK. Every lock that can be tried is tried; those that open must agree."""
        found = None
        for at, kind in enumerate(kinds):
            lock = header[176 + 256 * at:432 + 256 * at]
            secret = self.secret(kind)
            if secret is None:
                continue
            associated = b"bailee lock\0" + header[16:32] + lock[:32] + lock[104:168]
            kek = xchacha_open(lock_key(lock, secret), lock[32:56], lock[56:88], lock[88:104], associated)
            if kek is None:
                continue
            need(found is None or found == kek, "two locks hold different keys")
            found = kek
        return found


class Slot:
    def __init__(self, page):
        self.page = page
        self.state, self.root, self.rk, self.id, self.generation = DAMAGED, None, None, b"", 0
        if is_zero(page):
            self.state = EMPTY
        elif page_is_whole(page) and page[:8] == b"BKSLOT\0\0":
            self.read(page)

    def read(self, page):
        state, length, generation = struct.unpack_from("<IIQ", page, 8)
        fields_fit = (state in (1, 2) and 1 <= length <= 31 and is_zero(page[24 + length:56]) and
                      0 not in page[24:24 + length] and is_zero(page[160:4064]))
        if state == 2:
            fields_fit = fields_fit and is_zero(page[56:160])
        if not fields_fit:
            return              # "damaged": neither zeros nor a right checksum and fields
        self.id, self.generation = page[24:24 + length], generation
        self.state = TOMBSTONE if state == 2 else LIVE

    def open(self, kek):
        sealed = xchacha_open(kek, self.page[56:80], self.page[80:144], self.page[144:160], self.page[:56])
        need(sealed is not None, "a live slot does not open under the KEK")
        self.root, self.rk = sealed[:32], sealed[32:]


class Keys:
    """The key file, read and checked; `mends` are the rows of the page's table that open would mend."""

    def __init__(self, store, locks):
        folder = store
        if os.path.lexists(os.path.join(store, "keys.at")):
            folder = os.fsdecode(small_file(os.path.join(store, "keys.at")).rstrip(b"\n"))
            need(os.path.isabs(folder), "keys.at is no absolute path")
        self.path = os.path.join(folder, "keys")
        self.data = read_all(self.path)
        self.mends = []
        self.header = self.read_header()
        self.vault = self.header[16:32]
        self.public = self.header[40:72]
        kinds = check_key_header(self.header)
        self.lock_names = [LOCK_KINDS[kind] for kind in kinds]
        self.kek = locks.open(self.header, kinds)
        if self.kek is None:
            raise NotTried("no lock opens with what was given: %s" % ", ".join(self.lock_names))
        own = xchacha_open(self.kek, self.header[72:96], self.header[96:160], self.header[160:176], self.header[:72])
        need(own is not None, "the store's own keys do not open under the KEK")
        self.seed, self.master = own[:32], own[32:]
        need(public_of(self.seed) == self.public, "the seed gives another public key")
        self.read_slots()

    def page(self, number):
        page = self.data[number * PAGE:(number + 1) * PAGE]
        return page + bytes(PAGE - len(page))

    def read_header(self):
        pages = [self.page(0), self.page(1)]
        whole = [page for page in pages if page_is_whole(page)]
        need(whole, "both copies of the key file's header are damaged")
        for page in whole:
            check_key_header(page)
        if len(whole) == 2:
            need(pages[0] == pages[1], "the two copies of the key file's header differ")
        else:
            self.mends.append("header copy %s is damaged" % ("A" if whole[0] is pages[1] else "B"))
        return whole[0]

    def read_slots(self):
        count = (len(self.data) // PAGE - 1) // 2 if len(self.data) > 2 * PAGE else 0
        need(count <= SLOTS_MAX, "too many slots")
        self.live, self.tombstones = {}, []
        generations = {}
        for number in range(count):
            a, b = Slot(self.page(2 + 2 * number)), Slot(self.page(3 + 2 * number))
            counts = self.settle(number, a, b)
            if counts is None or counts.state == EMPTY:
                continue
            other = generations.setdefault(counts.generation, number)
            need(other == number, "slots %d and %d are of one generation" % (other, number))
            if counts.state == TOMBSTONE:
                self.tombstones.append(counts.id)
            else:
                need(counts.id not in self.live, "two live slots of one device")
                counts.open(self.kek)
                self.live[counts.id] = counts
        self.slot_count = count

    def settle(self, number, a, b):
        """The table "What a crash can leave, and what open does": the slot that counts."""
        mend = "slot %d: %s, %s" % (number, a.state, b.state)
        if TOMBSTONE in (a.state, b.state):
            # Silent: two tombstones that differ. The table says "nothing" of two, so they are left alone.
            if a.state != b.state:
                self.mends.append(mend)
            return b if b.state == TOMBSTONE else a
        if a.state == EMPTY:
            if b.state != EMPTY:
                self.mends.append(mend)
            return None
        if a.state == LIVE and b.state == LIVE:
            if a.page == b.page:
                return a
            need(a.id == b.id and b.generation > a.generation, "slot %d was changed" % number)
            self.mends.append(mend + ", a greater generation")
            return b
        need(LIVE in (a.state, b.state), "slot %d is damaged" % number)
        self.mends.append(mend)
        return a if a.state == LIVE else b

    def device_key(self, device, purpose):
        slot = self.live.get(device)
        root = slot.root if slot else self.master
        return keyed(root, b"bailee " + purpose.encode() + b"\0" + (device if slot else b""))

    def rk(self, device):
        need(device in self.live, "no live key of %s: destroyed, or never there" % os.fsdecode(device))
        return self.live[device].rk


def command_keys(store, locks, dump=None):
    keys = Keys(store, locks)
    print("store %s" % store_id(store).hex())
    print("vault %s" % keys.vault.hex())
    print("public key %s" % keys.public.hex())
    print("locks: %s" % ", ".join(keys.lock_names))
    print("slots: %d, live %d, tombstones %d" % (keys.slot_count, len(keys.live), len(keys.tombstones)))
    for device in sorted(keys.live):
        print("live %s" % os.fsdecode(device))
    for device in sorted(keys.tombstones):
        print("tombstone %s" % os.fsdecode(device))
    for mend in keys.mends:
        print("to be mended: %s" % mend)
    if dump:
        write_dump(keys, dump)
    return MENDABLE if keys.mends else GOOD


def write_dump(keys, path):
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with open(fd, "w") as file:
        dump = {"kek": keys.kek.hex(), "seed": keys.seed.hex(), "master": keys.master.hex()}
        dump["devices"] = {os.fsdecode(name): {"root": slot.root.hex(), "rk": slot.rk.hex()}
                           for name, slot in keys.live.items()}
        json.dump(dump, file, sort_keys=True)


# ---------------------------------------------------------------- BVAULT1: header

HEADER_FIELDS = "<8sII16s32sQQQQIIIIQ32s16s32s32s32s"
ALGORITHMS = {1: "AES-256-GCM", 2: "XChaCha20-Poly1305"}
INTAKE, COMPLETE = 1, 2


class Header:
    def __init__(self, slot):
        (self.magic, self.version, self.algorithm, self.vault, self.padded_id, self.generation, self.bytes, self.done,
         self.reserved, self.state, self.levels, self.chunk_bytes, self.side, self.top_generation, self.top_key,
         self.top_tag, self.top_digest, self.gaps_digest, self.digest) = struct.unpack_from(HEADER_FIELDS, slot)
        self.slot = slot
        self.chunks = -(-self.bytes // CHUNK)
        self.groups = -(-self.bytes // GROUP)

    def check(self, device):
        need(self.magic == b"BVAULT1\0" and self.version == 1, "the image's header has another magic or version")
        need(self.algorithm in ALGORITHMS, "an unknown algorithm")
        need(id_of(self.padded_id) == device, "the header is of another device")
        need(self.state in (INTAKE, COMPLETE), "an unknown state")
        need(self.chunk_bytes == CHUNK, "chunks of another size")
        need(self.side in (0, 1), "an unknown side")
        need(is_zero(self.slot[264:4032]), "reserved bytes of the image's header")
        need(0 < self.generation < self.reserved, "the header's generation is not below reserved")
        need(self.top_generation < self.reserved, "the top key's generation is not below reserved")
        self.check_length()
        if self.top_generation == 0:
            need(is_zero(self.top_key + self.top_tag + self.top_digest), "an empty tree with a top")
            # Silent: what side an empty tree has. Either is taken.
        if self.state == INTAKE:
            need(is_zero(self.digest), "a digest before the intake is complete")

    def check_length(self):
        least = 1
        while 64 ** least < self.groups:
            least += 1
        need(1 <= self.levels <= 5 and self.levels in (least, max(4, least)), "another number of levels")
        if self.bytes:
            need(self.done <= self.bytes, "more is done than there is")
        need(self.done % (1 << 20) == 0 or self.done == self.bytes, "done is no multiple of 1 MiB")
        if self.state == COMPLETE:
            need(self.bytes > 0 and self.done == self.bytes, "complete, but not all is done")


class Image:
    def __init__(self, store, keys, device):
        self.store, self.keys, self.device = store, keys, device
        self.folder = os.path.join(store, "devices", os.fsdecode(device), "image")
        try:
            told = os.lstat(self.folder)
        except FileNotFoundError:
            raise NotTried("there is no sealed image of %s" % os.fsdecode(device))
        need(stat.S_ISDIR(told.st_mode) and stat.S_IMODE(told.st_mode) == 0o700, "image/ is no folder of 0700")
        self.rk = keys.rk(device)
        self.mends = []
        self.read_headers()
        head = self.head
        top_nodes = sum(64 ** (head.levels - 1 - level) for level in range(head.levels))
        self.data = Sparse(self.path("data"), head.groups * GROUP if head.bytes else 1 << 62)
        self.index = Sparse(self.path("index"), head.groups * GROUP_CHUNKS * 32 if head.bytes else 1 << 62)
        self.tree = Sparse(self.path("keys"), top_nodes * 2 * PAGE)
        self.gaps = self.read_gaps()
        self.nonces = {}            # (key, nonce) -> the cipher text's digest
        self.generations = {}       # generation -> what was written with it
        self.places = []            # of the nodes that were read
        self.count = {"chunks": 0, "zeros": 0, "stray": 0, "nodes": 0}

    def path(self, name):
        return os.path.join(self.folder, name)

    def read_headers(self):
        try:
            data = read_all(self.path("header"))
        except FileNotFoundError:
            raise Bad("the image's header is missing")
        need(len(data) <= 2 * PAGE, "the image's header is longer than two slots")
        data += bytes(2 * PAGE - len(data))
        mac_key = KDF(self.rk, "bailee image header")
        slots = []
        for at in (0, PAGE):
            slot = data[at:at + PAGE]
            if not page_is_whole(slot):
                self.mends.append("header slot %d is torn" % (at // PAGE))
                continue
            need(slot[4032:4064] == keyed(mac_key, slot[:4032]), "a header slot has a wrong MAC")
            header = Header(slot)
            header.check(self.device)
            slots.append(header)
        need(slots, "no header slot is whole")
        if len(slots) == 2:
            need(slots[0].generation != slots[1].generation, "two header slots of one generation")
            slots.sort(key=lambda header: header.generation)
            for name in ("vault", "algorithm", "levels"):
                need(getattr(slots[0], name) == getattr(slots[1], name), "the header slots differ in their %s" % name)
        self.head, self.older = slots[-1], slots[0] if len(slots) == 2 else None

    # -------- gaps

    def read_gaps(self):
        if is_zero(self.head.gaps_digest):
            return []           # a file that no header names is not read
        try:
            sealed = read_all(self.path("gaps"), 16 + 24 * GAPS_MAX + 40)
        except FileNotFoundError:
            raise Bad("the gaps are missing")
        need(H(sealed) == self.head.gaps_digest, "the gaps are not those of the header")
        plain = seal_open(KDF(self.rk, "bailee image gaps"), "gaps:" + os.fsdecode(self.device), sealed)
        need(plain is not None, "the gaps do not unseal")
        need(len(plain) >= 16 and plain[:8] == b"\1" + bytes(7), "the gaps have another form")
        count, = struct.unpack_from("<Q", plain, 8)
        need(0 < count <= GAPS_MAX and len(plain) == 16 + 24 * count, "another number of gaps")
        gaps = [struct.unpack_from("<QQQ", plain, 16 + 24 * at) for at in range(count)]
        end = 0
        for offset, length, kind in gaps:
            need(offset >= end and length > 0 and kind in (1, 2), "gaps overlap, or are empty, or of another kind")
            end = offset + length
            need(end <= self.head.bytes, "a gap behind the end of the image")
        return gaps

    # -------- the key tree

    def saw(self, what, generation, key, nonce, text):
        """Every write took a generation of its own; no nonce stands twice under one key."""
        need(0 < generation < self.head.reserved, "%s has a generation that is not reserved" % what)
        there = self.nonces.setdefault((key, nonce), H(text))
        need(there == H(text), "%s: one nonce twice under one key" % what)
        other = self.generations.setdefault(generation, what)
        need(other == what, "%s and %s took the same generation" % (other, what))

    def associated(self, level, index, generation, side, covers):
        return (b"bailee tree\0" + self.head.vault + self.head.padded_id +
                struct.pack("<QQQQ", level, index, generation, side) + H(covers))

    def unwrap(self, what, key, level, index, generation, side, wrapped, tag, covers):
        nonce = struct.pack("<QQQ", generation, level, index)
        plain = xchacha_open(key, nonce, wrapped, tag, self.associated(level, index, generation, side, covers))
        need(plain is not None, "%s does not open" % what)
        self.saw(what, generation, key, nonce, wrapped + tag)
        return plain

    def place(self, level, index, side):
        above = sum(64 ** (self.head.levels - 1 - at) for at in range(level + 1, self.head.levels))
        return ((above + index) * 2 + side) * PAGE

    def node(self, level, index, side):
        place = self.place(level, index, side)
        self.places.append(place)
        return self.tree.at(place, PAGE)

    def group_keys(self, head):
        """Group number -> its key, of all groups that have one. Every node and entry on the way is checked."""
        found = {}
        if head.top_generation == 0:
            return found
        top = self.node(head.levels - 1, 0, head.side)
        need(H(top) == head.top_digest, "the top node is not the header's")
        key = self.unwrap("the top key", KDF(self.rk, "bailee image tree"), 255, 0, head.top_generation, head.side,
                          head.top_key, head.top_tag, top)
        todo = [(head.levels - 1, 0, top, key)]
        while todo:
            level, index, node, key = todo.pop()
            self.count["nodes"] += 1
            for at in range(ENTRIES):
                below = self.entry(level, index * ENTRIES + at, node[64 * at:64 * at + 64], key)
                if below is None:
                    continue
                if level:
                    todo.append((level - 1, index * ENTRIES + at, *below))
                else:
                    found[index * ENTRIES + at] = below[1]
        return found

    def entry(self, level, child, entry, key):
        what = "entry %d of level %d" % (child, level)
        generation, = struct.unpack_from("<Q", entry)
        if generation == 0:
            need(is_zero(entry), "%s is empty and not zero" % what)
            return None
        need(is_zero(entry[57:]), "%s has reserved bytes" % what)
        side = entry[56]
        if level:
            need(side in (0, 1), "%s has an unknown side" % what)
            covers = self.node(level - 1, child, side)
        else:
            need(side == 0, "%s has a side" % what)
            need(child < self.head.groups or not self.head.bytes, "%s lies behind the end of the image" % what)
            covers = self.index.at(child * GROUP_CHUNKS * 32, GROUP_CHUNKS * 32)
        return covers, self.unwrap(what, key, level, child, generation, side, entry[8:40], entry[40:56], covers)

    # -------- chunks

    def chunk(self, number, entry, group_key):
        """The plain chunk, 65,536 bytes, or None for one of zeros."""
        what = "chunk %d" % number
        generation, = struct.unpack_from("<Q", entry)
        if generation == 0:
            need(is_zero(entry), "%s is zeros, its entry is not" % what)
            return None
        need(is_zero(entry[24:]), "the entry of %s has reserved bytes" % what)
        need(number < self.head.chunks, "%s lies behind the end of the image" % what)
        length = min(CHUNK, self.head.bytes - number * CHUNK)
        key = KDF(group_key, "bailee chunk", struct.pack("<Q", number))
        text = self.data.at(number * CHUNK, CHUNK)
        associated = (b"bailee chunk\0" + self.head.vault + self.head.padded_id +
                      struct.pack("<QQII", number, generation, self.head.algorithm, length))
        if self.head.algorithm == 1:
            nonce = struct.pack("<QI", generation, number)
            plain = aes_open(key, nonce, text, entry[8:24], associated)
        else:
            nonce = struct.pack("<QQ", generation, number) + bytes(8)
            plain = xchacha_open(key, nonce, text, entry[8:24], associated)
        need(plain is not None, "%s does not verify" % what)
        need(is_zero(plain[length:]), "%s is not zeros behind the end of the image" % what)
        self.saw(what, generation, key, nonce, entry[8:24])
        return plain

    def read(self, groups, put):
        """Every chunk in order, to put(bytes, or None for a chunk of zeros, how many of them count)."""
        head = self.head
        for group in range(head.groups):
            entries = self.index.at(group * GROUP_CHUNKS * 32, GROUP_CHUNKS * 32)
            if group not in groups:
                # "all below it is zeros": no entry is asked, so one that is there changes nothing.
                self.count["stray"] += sum(not is_zero(entries[at:at + 32]) for at in range(0, 512, 32))
            for at in range(GROUP_CHUNKS):
                number = group * GROUP_CHUNKS + at
                plain = None
                if group in groups:
                    plain = self.chunk(number, entries[32 * at:32 * at + 32], groups[group])
                if number < head.chunks:
                    self.count["chunks" if plain else "zeros"] += 1
                    put(plain, min(CHUNK, head.bytes - number * CHUNK))

    def verify(self, file=None):
        """Everything; the plain image goes to FILE, its digest is returned."""
        head = self.head
        if head.algorithm == 1 and not has_aes():
            raise NotTried("no AES instructions on this host")
        digest = hashlib.sha256()
        place = 0
        gaps = Gaps(self.gaps)

        def put(plain, length):
            nonlocal place
            plain = ZERO_CHUNK if plain is None else plain
            gaps.check(place, plain, length)
            digest.update(plain[:length])
            if file is not None:
                file.write(plain[:length])
            place += length

        self.read(self.group_keys(head), put)
        return digest.digest()

    def check_older(self):
        """What the other header slot still opens: its nonces count as well (nothing else of it does)."""
        if self.older is None or self.older.slot[112:200] == self.head.slot[112:200]:
            return
        head, older = self.head, self.older
        need(older.reserved <= head.reserved, "reserved went back")
        top = self.node(older.levels - 1, 0, older.side)
        if older.top_generation == 0 or H(top) != older.top_digest:
            return
        self.unwrap("the older top key", KDF(self.rk, "bailee image tree"), 255, 0, older.top_generation, older.side,
                    older.top_key, older.top_tag, top)


class Gaps:
    """Under a gap the sealed image holds zeros."""

    def __init__(self, gaps):
        self.gaps, self.at = gaps, 0

    def check(self, place, plain, length):
        while self.at < len(self.gaps):
            offset, size, _ = self.gaps[self.at]
            if offset >= place + length:
                return
            low, high = max(offset, place) - place, min(offset + size, place + length) - place
            need(is_zero(plain[low:high]) if high > low else True, "something is stored where a gap is")
            if offset + size > place + length:
                return
            self.at += 1


def command_image(store, locks, name, out=None):
    keys = Keys(store, locks)
    image = Image(store, keys, os.fsencode(name))
    file = None
    if out == "-":
        file = sys.stdout.buffer
    elif out:
        file = open(out, "wb")
    digest = image.verify(file)
    if file is not None:
        file.flush()
    tell = sys.stderr if out == "-" else sys.stdout
    head = image.head
    print("digest %s" % digest.hex(), file=tell)
    print("bytes %d, algorithm %s, levels %d, state %s" %
          (head.bytes, ALGORITHMS[head.algorithm], head.levels, "complete" if head.state == COMPLETE else "intake"), file=tell)
    print("chunks %d, zeros %d, nodes %d" % (image.count["chunks"], image.count["zeros"], image.count["nodes"]), file=tell)
    print("gaps %d: unreadable %d, left out %d bytes" % (len(image.gaps), gap_bytes(image, 1), gap_bytes(image, 2)), file=tell)
    if image.count["stray"]:
        print("entries below an empty group: %d" % image.count["stray"], file=tell)
    need(head.state == COMPLETE, "the intake is not complete")
    check_record(store, image)
    check_small_seals(store, keys, image.device)
    print("receipt: %s" % check_against_receipt(store, keys, image, digest), file=tell)
    for mend in image.mends:
        print("to be mended: %s" % mend, file=tell)
    return MENDABLE if image.mends or keys.mends else GOOD


def gap_bytes(image, kind):
    return sum(length for _, length, other in image.gaps if other == kind)


def check_against_receipt(store, keys, image, digest):
    name = os.fsdecode(image.device)
    path = os.path.join(store, "certificates", name + "~intake.json")
    try:
        receipt = check_receipt(read_all(path, JSON_MAX), keys.public)
    except FileNotFoundError:
        raise Bad("the receipt is missing")
    need(receipt["device"]["id"] == name and receipt["store"] == store_id(store).hex(), "the receipt is of another device")
    need(receipt["public_key"] == keys.public.hex(), "the receipt names another key")
    need(receipt["sealed"]["vault"] == image.head.vault.hex(), "the receipt is of another vault")
    need(receipt["sealed"]["algorithm"] == ALGORITHMS[image.head.algorithm], "the receipt names another algorithm")
    need(receipt["source"]["bytes"] == image.head.bytes, "the receipt says another length")
    unreadable = [[offset, length] for offset, length, kind in image.gaps if kind == 1]
    need(receipt["unreadable"]["bytes"] == gap_bytes(image, 1), "the receipt says other unreadable bytes")
    need(receipt["unreadable"]["ranges"] == unreadable[:1000], "the receipt says other unreadable places")
    need(receipt["unreadable"]["more"] == max(0, len(unreadable) - 1000), "the receipt says another number of places")
    need(receipt["left_out"]["bytes"] == gap_bytes(image, 2), "the receipt says other bytes left out")
    need(receipt["source"]["digest"]["value"] == image.head.digest.hex(), "receipt and header have different digests")
    if digest == image.head.digest:
        return "the same digest"
    # A part that was destroyed changes the image, neither its receipt nor the header's digest.
    need(part_certificates(store, keys, name, image.head), "the image has another digest, and no part was destroyed")
    return "another digest: parts were destroyed"


def part_certificates(store, keys, name, head):
    found = 0
    for file in os.listdir(os.path.join(store, "certificates")):
        if re.fullmatch(re.escape(name) + r"~part-[1-9][0-9]*\.json", file):
            part = check_certificate(read_all(os.path.join(store, "certificates", file), JSON_MAX), keys.public)
            what = part["what"]
            need(what["device"] == name and what["part"] == int(file[len(name) + 6:-5]), "another part")
            need(what["digest"]["value"] == head.digest.hex() and what["vault"] == head.vault.hex(), "a part of another image")
            found += 1
    return found


def check_small_seals(store, keys, device):
    """What lies beside the image, sealed under the device's own key."""
    folder = os.path.join(store, "devices", os.fsdecode(device))
    key = keys.device_key(device, "record")
    for name, label in (("customer.sealed", "customer"), ("facts.sealed", "facts"), ("shred-part", "shred-part")):
        path = os.path.join(folder, name)
        if os.path.lexists(path):
            plain = seal_open(key, "%s:%s" % (label, os.fsdecode(device)), small_file(path))
            need(plain is not None, "%s does not unseal" % name)


RECORD_KEYS = set("version id kind state before_hold maker model serial has_received received enrolled source source_kind "
                  "complete source_dev source_ino source_size source_birth destroy_when_due holds next_hold "
                  "revision capacity origin location pictures scan next_note closed grace noticed end verified inspected".split())


def check_record(store, image):
    """format-store.md, "record", as far as it speaks of a sealed image."""
    name = os.fsdecode(image.device)
    data = small_file(os.path.join(store, "devices", name, "record"))
    try:
        record = json.loads(data.decode("utf-8"), object_pairs_hook=no_duplicates)
    except ValueError:
        raise Bad("the record is no JSON")
    need(isinstance(record, dict) and canonical(record) == data, "the record is not in canonical form")
    need(set(record) == RECORD_KEYS and record["version"] == 2, "the record has other fields")
    need(record["id"] == name and record["source_kind"] == "sealed" and record["source"] == "", "the record is of another source")
    need(record["complete"] is (image.head.state == COMPLETE), "record and header differ about the intake")
    need(record["source_size"] == (image.head.bytes if record["complete"] else 0), "the record has another length")
    need(record["revision"] >= 1 and record["next_note"] >= 1, "the record counts from one")
    need(record["destroy_when_due"] is True and record["source_birth"] == 0, "the record of a sealed device")


def command_nonces(store, locks, name):
    keys = Keys(store, locks)
    image = Image(store, keys, os.fsencode(name))
    image.verify()
    for header in filter(None, (image.head, image.older)):
        image.saw("header %d" % header.generation, header.generation, b"", b"header %d" % header.generation, header.slot)
    image.check_older()
    print("%d nonces, %d generations, none twice; reserved %d" %
          (len(image.nonces), len(image.generations), image.head.reserved))
    return GOOD


# ---------------------------------------------------------------- signed JSON

def canonical(value):
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def no_duplicates(pairs):
    found = dict(pairs)
    need(len(found) == len(pairs), "a key stands twice")
    return found


def not_an_integer(text):
    raise Bad("a number that is no integer")


def signed_json(data, public):
    need(len(data) <= JSON_MAX, "longer than 256 KiB")
    need(data.endswith(b"\n"), "no newline at the end")
    try:
        value = json.loads(data[:-1].decode("utf-8"), object_pairs_hook=no_duplicates, parse_float=not_an_integer,
                           parse_constant=not_an_integer)
        need(isinstance(value, dict), "not an object")
        need(canonical(value) == data[:-1], "not in canonical form")
    except (ValueError, RecursionError, UnicodeEncodeError):
        raise Bad("not JSON in UTF-8")
    signature = value.pop("signature", None)
    need(isinstance(signature, str) and re.fullmatch("[0-9a-f]{128}", signature), "no signature")
    need(signature_fits(bytes.fromhex(signature), canonical(value), public), "the signature is not by this key")
    return value


def hexadecimal(count):
    return lambda value: isinstance(value, str) and re.fullmatch("[0-9a-f]{%d}" % (2 * count), value)


def word(*words):
    return lambda value: isinstance(value, str) and value in words


def text(value):
    return isinstance(value, str)


def number(value):
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def truth(value):
    return isinstance(value, bool)


def exactly(wanted):
    return lambda value: type(value) is type(wanted) and value == wanted


def date(value):
    """UTC, YYYY-MM-DDThh:mm:ssZ."""
    if not isinstance(value, str):
        return False
    try:
        datetime.datetime.strptime(value, "%Y-%m-%dT%H:%M:%SZ")
    except ValueError:
        return False
    return len(value) == 20


def or_null(check):
    return lambda value: value is None or check(value)


def list_of(check):
    return lambda value: isinstance(value, list) and all(check(one) for one in value)


def operator(value):
    return isinstance(value, str) and re.fullmatch(r"uid:(0|[1-9][0-9]{0,9})", value)


def check_fields(value, fields, where):
    need(isinstance(value, dict), "%s is no object" % where)
    need(set(value) == set(fields), "%s has other fields: %s" % (where, sorted(set(value) ^ set(fields))))
    for name, check in fields.items():
        if isinstance(check, dict):
            check_fields(value[name], check, where + "." + name)
        else:
            need(check(value[name]), "%s.%s is of another kind" % (where, name))


# ---------------------------------------------------------------- the intake receipt

RECEIPT = {
    "type": exactly("bailee-intake-receipt"), "version": exactly(1),
    "store": hexadecimal(16), "public_key": hexadecimal(32),
    "device": {"id": text, "kind": text, "maker": text, "model": text, "serial": text},
    "source": {"form": word("file", "plain", "stream"), "container": text, "bytes": number,
               "digest": {"algorithm": exactly("SHA-256"), "value": hexadecimal(32), "of": exactly(
                   "the bytes as stored: what was unreadable or left out counts as zeros")}},
    "sealed": {"vault": hexadecimal(16), "algorithm": word(*ALGORITHMS.values()), "key_bits": exactly(256),
               "chunk_bytes": exactly(CHUNK), "stored_bytes": number},
    "unreadable": {"bytes": number, "ranges": list_of(list_of(number)), "more": number},
    "left_out": {"bytes": number, "free_bytes": number, "files": number, "without": number, "only": number,
                 "no_free_space": truth, "patterns": text, "volumes_left_out": number, "volumes_kept_whole": number},
    "verified": truth,
    "when": {"begun": date, "done": date, "resumed": number, "clock": text},
    "who": {"operator": operator, "program": text},
    "log": {"enrolled_sequence": number},
}


def check_receipt(data, public):
    receipt = signed_json(data, public)
    check_fields(receipt, RECEIPT, "receipt")
    ranges, end = receipt["unreadable"]["ranges"], 0
    need(len(ranges) <= 1000 and (len(ranges) == 1000 or receipt["unreadable"]["more"] == 0), "the number of ranges")
    for one in ranges:
        need(len(one) == 2 and one[0] >= end and one[1] > 0, "ranges out of order")
        end = one[0] + one[1]
    need(end <= receipt["source"]["bytes"], "a range behind the end")
    total = sum(one[1] for one in ranges)
    need(total == receipt["unreadable"]["bytes"] if receipt["unreadable"]["more"] == 0 else
         total < receipt["unreadable"]["bytes"], "the ranges are other bytes")
    left = receipt["left_out"]
    need(left["free_bytes"] <= left["bytes"] <= receipt["source"]["bytes"], "more left out than there is")
    is_chosen = bool(left["without"] or left["only"] or left["no_free_space"])
    need(hexadecimal(32)(left["patterns"]) if is_chosen else left["patterns"] == "", "patterns and their digest")
    need(is_chosen or (left["bytes"] == 0 and left["files"] == 0), "left out without being asked for")
    return receipt


# ---------------------------------------------------------------- the certificate of destruction

EXCEPTIONS = [
    "raw device not readable: read back through the filesystem",
    "the keys were not read back from the block device below their filesystem",
    "the image was removed or replaced by somebody else before its erasure was proven",
    "the image was removed by somebody else; its place on the raw device holds the pattern",
    "another name of the image file appeared meanwhile; what it names is empty",
    "the image was moved on its disk meanwhile; old bytes may lie where it was",
    "the image lies where no block device is: nothing below its filesystem could be read",
    "the image lies on a filesystem where an overwrite may leave older copies",
    "the keys lie where no block device is: nothing below their filesystem could be read",
    "the keys lie on a filesystem where an overwrite may leave older copies",
    "the image or the keys shared blocks with another file or a snapshot",
    "the key tree was not all read back from the block device",
    "the sealed image was not there, or not all of it: only its keys could be destroyed",
    "the sealed image's header could not be read before",
]
PLAIN, SEALED, SOURCE, PART = "plain image", "sealed image", "source of an intake", "part of a sealed image"
STORAGE = {"filesystem": or_null(text), "block_device": or_null(text), "is_virtual": or_null(text),
           "is_rotational": or_null(text), "discards": or_null(text)}
CERTIFICATE = {
    "type": exactly("bailee-certificate"), "version": exactly(2),
    "subject": word(PLAIN, SEALED, SOURCE, PART),
    "status": word("ERASED", "ERASED_WITH_EXCEPTIONS", "NOT_ERASED"),
    "store": hexadecimal(16), "public_key": hexadecimal(32),
    "who": {"operator": lambda value: value == "keeper" or operator(value), "verifier": exactly("the same daemon"),
            "other_verifier": text, "program": text, "host": or_null(text)},
    "what": {"device": text, "kind": text, "maker": text, "model": text, "serial": text, "media": or_null(text),
             "size_bytes": or_null(number), "files": number, "part": or_null(number), "vault": or_null(hexadecimal(16)),
             "digest": {"algorithm": exactly("SHA-256"), "value": or_null(hexadecimal(32))},
             "is_complete": or_null(truth)},
    "why": {"entry": or_null(text), "policy_digest": or_null(hexadecimal(32)), "policy_serial": or_null(number),
            "received": or_null(date), "due": or_null(date), "request": or_null(number), "reason": word("given", "none"),
            "approvals": list_of(operator)},
    "when": {"begun": date, "done": date, "wall_done": date, "duration_ms": or_null(number), "boot_begun": or_null(text),
             "boot_done": or_null(text), "boottime_begun_ms": or_null(number), "boottime_done_ms": or_null(number),
             "synchronised": or_null(word("yes", "no")), "clock": text},
    "how": {"standard": exactly("NIST SP 800-88r2"), "category": word("clear", "purge", "none"),
            "technique": word("overwrite", "cryptographic erase", "none"), "algorithm": or_null(text),
            "key_bits": or_null(number), "passes": or_null(number), "pattern": or_null(text), "then": list_of(text),
            "keys": or_null(text)},
    "verification": {"type": word("raw device", "filesystem", "none", "decrypted and compared"), "bytes": or_null(number),
                     "bytes_read_back": or_null(number), "bytes_raw": or_null(number), "share_percent": or_null(number),
                     "keys": or_null(word("raw", "direct", "cached")), "keys_tried": or_null(number),
                     "keys_that_opened": or_null(number), "places": or_null(text), "neighbours": or_null(text)},
    "validation": {"checked": list_of(text), "by": text, "program": text},
    "storage": {"image": STORAGE, "keys": STORAGE, "extents": or_null(number), "locks": list_of(text)},  # but of a source
    "exceptions": list_of(text), "scope": list_of(text),
    "log": {"intent_sequence": number},
}


def check_certificate(data, public):
    certificate = signed_json(data, public)
    if certificate.get("type") == "bailee-certificate" and certificate.get("version") == 1:
        return certificate              # the page has no list of version 1's fields
    fields = CERTIFICATE
    if certificate.get("subject") == SOURCE:
        fields = {**CERTIFICATE, "storage": {**CERTIFICATE["storage"], "keys": exactly(None), "locks": exactly(None)}}
    check_fields(certificate, fields, "certificate")
    check_status(certificate)
    check_subject(certificate)
    return certificate


def check_status(certificate):
    """Bit 2 makes the status NOT_ERASED, any other ERASED_WITH_EXCEPTIONS; and what the words promise."""
    status, how, read = certificate["status"], certificate["how"], certificate["verification"]
    bits = [EXCEPTIONS.index(one) if one in EXCEPTIONS else None for one in certificate["exceptions"]]
    need(None not in bits and len(set(bits)) == len(bits), "an exception that is not in the table, or twice")
    follows = "ERASED" if not bits else "NOT_ERASED" if 2 in bits else "ERASED_WITH_EXCEPTIONS"
    need(status == follows, "the status is %s, %s follows from the exceptions" % (status, follows))
    need((how["category"] == "none") == (status == "NOT_ERASED"), "category none goes with NOT_ERASED")
    if how["category"] == "purge":
        need(certificate["subject"] in (SEALED, PART), "purge of what was not sealed")
        need(how["technique"] == "cryptographic erase" and how["key_bits"] == 256, "purge by another technique")
        need(read["keys"] == "raw", "purge, and the keys were not read back from the block device")
        need(not set(bits) & {1, 8, 9}, "purge, and an exception about the keys")
        need(certificate["storage"]["locks"] and "none" not in certificate["storage"]["locks"], "purge, and the store has no lock")
    if status == "ERASED":
        need(read["keys"] in ("raw", None) and (read["keys"] or certificate["subject"] == SOURCE), "ERASED, keys not read back raw")
        # Silent: of a part nothing is said of raw bytes: its type has a name of its own.
        if certificate["subject"] != PART:
            need(read["type"] == "raw device" and read["bytes_raw"] == read["bytes"] and
                 read["bytes_read_back"] == read["bytes"], "ERASED, and not all was read back raw")
    if read["bytes"]:
        need(read["bytes_read_back"] <= read["bytes"], "more was read back than there is")
        need(read["share_percent"] == read["bytes_read_back"] * 100 // read["bytes"], "another share")
    need(read["keys_that_opened"] in (None, 0), "a key that opens it can still be reached")
    need((read["keys_tried"] is None) == (read["keys_that_opened"] is None), "keys tried, and what came of it")


def check_subject(certificate):
    subject, what, read = certificate["subject"], certificate["what"], certificate["verification"]
    is_part, is_sealed = subject == PART, subject in (SEALED, PART)
    need((what["part"] is not None) == is_part and what["part"] != 0, "a number of a part")
    need((read["type"] == "decrypted and compared") == is_part, "the type of a part's verification")
    need((read["neighbours"] is not None) == is_part and (read["places"] is not None) == is_part, "places and neighbours")
    need(not is_part or read["neighbours"] == "as before", "neighbours are not as before")
    need(is_sealed or what["vault"] is None, "the vault of what was not sealed")
    need(subject in (SOURCE, PART) or what["files"] == 1, "another number of files")
    when = certificate["when"]
    if when["duration_ms"] is not None:
        need(when["boot_begun"] == when["boot_done"], "a duration over a restart")
        need(when["boottime_done_ms"] - when["boottime_begun_ms"] == when["duration_ms"], "another duration")


# ---------------------------------------------------------------- commands

def public_key(text_):
    if not text_ or not re.fullmatch("[0-9a-fA-F]{64}", text_):
        raise NotTried("--key HEX64")
    return bytes.fromhex(text_)


def command_signed(path, key, check):
    with open(path, "rb") as file:
        value = check(file.read(JSON_MAX + 1), public_key(key))
    print("genuine: %s" % value["type"])
    return GOOD


def run(options):
    if options.command == "receipt":
        return command_signed(options.what[0], options.key, check_receipt)
    if options.command == "certificate":
        return command_signed(options.what[0], options.key, check_certificate)
    locks = Locks(options.passphrase_file, options.key_file)
    if options.command == "keys":
        return command_keys(options.store, locks, options.dump_keys)
    if not options.what:
        raise NotTried("%s ID" % options.command)
    if options.command == "image":
        return command_image(options.store, locks, options.what[0], options.what[1] if len(options.what) > 1 else None)
    return command_nonces(options.store, locks, options.what[0])


def main():
    parser = argparse.ArgumentParser(description="a second reader of the vault")
    parser.add_argument("store")
    parser.add_argument("--passphrase-file")
    parser.add_argument("--key-file")
    parser.add_argument("--key")
    parser.add_argument("--dump-keys", help="for tests: the keys themselves, into a new file")
    parser.add_argument("command", choices=["keys", "image", "nonces", "receipt", "certificate"])
    parser.add_argument("what", nargs="*")
    options = parser.parse_intermixed_args()
    try:
        return run(options)
    except Bad as error:
        print("not what the pages say: %s" % error, file=sys.stderr)
        return BAD
    except (NotTried, OSError) as error:
        print("not tried: %s" % error, file=sys.stderr)
        return NOT_TRIED


if __name__ == "__main__":
    sys.exit(main())
