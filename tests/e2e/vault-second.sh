# The vault read by a second program, written from the pages of the formats alone (tests/tools/open-vault.py): the image is the
# source to the byte, receipts and certificates verify in both, no nonce stands twice, what was destroyed is zeros or gone; and
# of each of many flipped bits both programs say the same.
. "$BAILEE_ROOT/tests/e2e/lib.sh"
need_root
need_fuse
need mke2fs mkfs.ext4 jq setpriv python3
tool=$BAILEE_ROOT/tests/tools/open-vault.py
mkdir -p "$work/files/keep" "$work/files/go"
# Random letters: nothing in them is masked.
letters() { head -c "$1" /dev/urandom | od -An -v -tx1 | tr '0-9a-f' 'g-v' | head -c "$1"; }
for i in 1 2 3; do letters 150001 >"$work/files/keep/$i.txt"; letters 70001 >"$work/files/go/$i.txt"; done
# 70 MiB and a bit: two levels of the key tree, mostly zeros, islands, and an end within a chunk.
truncate -s 70M "$work/large.img"
mke2fs -q -t ext4 -b 1024 -d "$work/files" "$work/large.img"
head -c 12345 /dev/urandom >>"$work/large.img"
head -c 100001 /dev/urandom | dd of="$work/large.img" bs=1 seek=61234567 conv=notrunc status=none iflag=fullblock obs=65536
truncate -s 6M "$work/small.img"
mke2fs -q -t ext4 -b 1024 -d "$work/files" "$work/small.img"
printf tail >>"$work/small.img"
loop_fs "$work/disk" 200M
store=$work/disk/store
cp "$BAILEE_ROOT/examples/policies/shop.yaml" "$work/shop.yaml"
chmod 644 "$work/shop.yaml"
printf 'correct horse battery staple\n' >"$work/pass"
printf 'incorrect horse\n' >"$work/wrong"
chmod 600 "$work/pass" "$work/wrong"
code 0 "$bailee" init --store "$store" --kit "$work/kit" --passphrase-file "$work/pass" --key-file "$work/store.key"
serve_options="--passphrase-file $work/pass"
start_daemon "$store" "$work/shop.yaml"
serve_options="--key-file $work/store.key"
key=$(public_key)
second() { code 0 python3 "$tool" "$store" --key-file "$work/store.key" "$@"; }

# Taken in: a file, a file of which not all is taken, a pipe whose length is not known, a pipe whose length is, a container with
# what cannot be read, and one that is to go.
printf 'maker: Acme\nserial: SN-1\ncustomer: {name: Erika Mustermann, email: erika.mustermann@example.org}\n' >"$work/record.yaml"
code 0 "$bailee" intake "$work/large.img" --device FILE --kind laptop --record "$work/record.yaml" --verify
code 0 "$bailee" intake "$work/large.img" --device LESS --kind laptop --without /go --no-free-space
cat "$work/large.img" | "$bailee" intake - --device PIPE --kind phone >"$work/out" 2>&1 || fail "pipe: $(cat "$work/out")"
cat "$work/small.img" | "$bailee" intake - --device SMALL --kind phone --size "$(stat -c %s "$work/small.img")" >"$work/out" 2>&1 ||
	fail "pipe with a length: $(cat "$work/out")"
code 0 "$bailee" intake "$work/small.img" --device GOES --kind laptop
head -c 300001 /dev/urandom >"$work/disk/given.img"
head -c 300001 /dev/urandom >"$work/disk/plain.img"
sync -f "$work/disk"
code 0 "$bailee" intake "$work/disk/given.img" --device GIVEN --kind phone --destroy-source
code 0 "$bailee" enroll "$work/disk/plain.img" --device PLAIN --kind phone --destroy-when-due
sealed='FILE LESS PIPE SMALL GOES GIVEN'
if command -v qemu-img >/dev/null; then
	qemu-img convert -f raw -O qcow2 "$work/small.img" "$work/whole.qcow2" 2>/dev/null
	head -c 600000 "$work/whole.qcow2" >"$work/cut.qcow2"
	code 0 "$bailee" intake "$work/cut.qcow2" --device CUT --kind laptop
	sealed="$sealed CUT"
fi
code 2 python3 "$tool" "$store" --passphrase-file "$work/wrong" keys
code 0 python3 "$tool" "$store" --passphrase-file "$work/pass" keys
says 'locks: passphrase, key file'
says "public key $key"
says "live $(($(echo $sealed | wc -w) + 1)), tombstones 0"
for id in $sealed; do
	second image $id "$work/$id.plain"
	says 'receipt: the same digest'
	second nonces $id
	receipt=$store/certificates/$id~intake.json
	code 0 python3 "$tool" - receipt "$receipt" --key "$key"
	code 0 "$bailee" certificate verify "$receipt" --key "$key"
done
for id in FILE PIPE; do cmp "$work/large.img" "$work/$id.plain" || fail "$id differs from its source"; done
for id in SMALL GOES; do cmp "$work/small.img" "$work/$id.plain" || fail "$id differs from its source"; done
[ ! -e "$work/CUT.plain" ] || {
	second image CUT
	grep -q 'unreadable [1-9]' "$work/out" || fail "nothing of a cut container is unreadable"
}

cat >"$work/places.py" <<'PYTHON'
# Where two images differ is where files lay, and there the second is zeros. ARGV: source, plain, "gaps" or "part", files...
import os, sys
source, plain = open(sys.argv[1], "rb").read(), open(sys.argv[2], "rb").read()
assert len(source) == len(plain), "another length"
places = []
for name in sys.argv[4:]:
    content = open(name, "rb").read()
    at = source.find(content)
    assert at >= 0 and at % 1024 == 0, "a file does not lie in one piece"
    size = -(-len(content) // 1024) * 1024
    places.append((at, at + size))
    assert not any(plain[at:at + size]), "a file that is gone is not zeros"
if sys.argv[3] == "part":
    for at, end in places:
        source = source[:at] + bytes(end - at) + source[end:]
    assert source == plain, "something else differs"
else:
    # What is not the source is zeros, in whole blocks of the filesystem (1 KiB at least); and all that files hold is there.
    for at in range(0, len(source), 1024):
        assert source[at:at + 1024] == plain[at:at + 1024] or not any(plain[at:at + 1024]), "neither the source nor a gap"
PYTHON
python3 "$work/places.py" "$work/large.img" "$work/LESS.plain" gaps "$work"/files/go/* || fail "LESS"
for i in 1 2 3; do
	python3 - "$work/LESS.plain" "$work/files/keep/$i.txt" <<'PYTHON' || fail "keep/$i.txt is not in LESS"
import sys
sys.exit(open(sys.argv[2], "rb").read() not in open(sys.argv[1], "rb").read())
PYTHON
done

# A part destroyed: zeros in its files' places, the rest as before.
for id in FILE PIPE; do
	code 0 "$bailee" shred $id --path /go --reason 'ticket 1'
	second image $id "$work/$id.plain"
	says 'parts were destroyed'
	second nonces $id
	python3 "$work/places.py" "$work/large.img" "$work/$id.plain" part "$work"/files/go/* || fail "the part of $id"
	part=$store/certificates/$id~part-1.json
	code 0 python3 "$tool" - certificate "$part" --key "$key"
	code 0 "$bailee" certificate verify "$part" --key "$key"
done

# The whole destroyed: a tombstone, no image, a certificate.
for id in GOES PLAIN; do
	code 0 "$bailee" shred $id --reason 'ticket 2'
	for _ in $(seq 600); do
		[ "$("$bailee" status --json | jq -r --arg id $id '.devices[] | select(.id == $id) | .state')" != shredded ] || break
		sleep 0.1
	done
done
second keys
says 'tombstones 2'
says 'tombstone GOES'
code 2 python3 "$tool" "$store" --key-file "$work/store.key" image GOES
says 'no sealed image'
for id in GOES PLAIN GIVEN~source; do
	certificate=$store/certificates/$id.json
	code 0 python3 "$tool" - certificate "$certificate" --key "$key"
	code 0 "$bailee" certificate verify "$certificate" --key "$key"
done
stop_daemon

# One change at a time to each file of the vault; the second program's word first, then Bailee's.
cat >"$work/flips.py" <<'PYTHON'
import hashlib, importlib.util, json, os, random, subprocess, sys
work, tool, store, bailee, key = sys.argv[1:6]
spec = importlib.util.spec_from_file_location("open_vault", tool)
second = importlib.util.module_from_spec(spec)
spec.loader.exec_module(second)
locks = second.Locks(key_file=work + "/store.key")
devices = ["FILE", "LESS", "PIPE", "SMALL"]
rows_file = work + "/rows.json"
kept = [open("%s/files/keep/%d.txt" % (work, at), "rb").read() for at in (1, 2, 3)]
PAGE = 4096


def path_of(row):
    if row["of"] == "STORE":
        return store + "/keys"
    return "%s/devices/%s/image/%s" % (store, row["of"], row["file"])


def apply(row):
    path = path_of(row)
    if row["how"] == "new":
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(bytes(64))
        return
    with open(path, "r+b") as file:
        if row["how"] == "size":
            os.ftruncate(file.fileno(), row["at"])
            return
        for at in [row["at"]] + row.get("also", []):
            file.seek(at)
            byte = file.read(1) or b"\0"
            file.seek(at)
            file.write(bytes([byte[0] ^ 1 << row["bit"]]))
            if row["how"] == "summed":
                page = at // PAGE * PAGE
                file.seek(page)
                body = file.read(4064)
                file.seek(page + 4064)
                file.write(hashlib.blake2b(body, digest_size=32).digest())


def restore(row):
    """All bytes of the file as they were, in place; holes stay holes."""
    path = path_of(row)
    if row["how"] == "new":
        os.unlink(path)
        return
    with open(path.replace(store, work + "/safe"), "rb") as safe, open(path, "r+b") as file:
        size = os.fstat(safe.fileno()).st_size
        file.truncate(size)
        first, step = (row["at"] // PAGE * PAGE, PAGE) if row["file"] == "data" else (0, 1 << 20)
        for at in range(first, min(size, first + step) if row["file"] == "data" else size, step):
            was = os.pread(safe.fileno(), step, at)
            if os.pread(file.fileno(), step, at) != was:
                put_back(safe, file, at, len(was))


def put_back(safe, file, at, length):
    for page in range(at, at + length, PAGE):
        was = os.pread(safe.fileno(), PAGE, page)
        if os.pread(file.fileno(), PAGE, page) != was:
            os.pwrite(file.fileno(), was, page)


def word_of_second(row):
    """good, mendable or bad."""
    try:
        keys = second.Keys(store, locks)
        if row["of"] == "STORE":
            return "mendable" if keys.mends else "good"
        image = second.Image(store, keys, row["of"].encode())
        digest = image.verify()
        second.need(image.head.state == second.COMPLETE, "not complete")
        second.check_record(store, image)
        second.check_against_receipt(store, keys, image, digest)
        return "good" if digest.hex() == json.load(open(work + "/digests.json"))[row["of"]] else "other"
    except (second.Bad, second.NotTried) as error:
        row["said"] = str(error)
        return "bad"


def rows_of(device, pick):
    keys = second.Keys(store, locks)
    image = second.Image(store, keys, device.encode())
    plain = bytearray()

    class Collect:
        write = staticmethod(plain.extend)
    digest = image.verify(Collect)
    groups = image.group_keys(image.head)
    header = open(path_of({"of": device, "file": "header"}), "rb").read()
    current = 0 if header[64:72] == image.head.slot[64:72] else PAGE
    older = PAGE - current
    chunk = plain.find(open(work + "/files/keep/2.txt", "rb").read()) // 65536 + 1
    group = chunk // 16
    free_group = next(number for number in range(image.head.groups) if number not in groups)
    hole = next(number for number in range(16) if not any(image.index.at((group * 16 + number) * 32, 32))) + group * 16
    rows = []

    def row(name, file, at, how="flip", **more):
        rows.append(dict(of=device, name=name, file=file, at=at, how=how, bit=pick.randrange(8), **more))

    row("current header slot: fields", "header", current + pick.randrange(264))
    row("current header slot: checksum", "header", current + 4064 + pick.randrange(32))
    row("current header slot: MAC, with checksum", "header", current + 4032 + pick.randrange(32), "summed")
    row("current header slot: state, with checksum", "header", current + 96, "summed")
    row("current header slot: reserved bytes, with checksum", "header", current + 264 + pick.randrange(3768), "summed")
    row("older header slot", "header", older + pick.randrange(PAGE))
    row("older header slot, with checksum", "header", older + pick.randrange(264), "summed")
    row("data of a file", "data", chunk * 65536 + pick.randrange(65536))
    row("data of the filesystem's first blocks", "data", pick.randrange(65536))
    row("data under a chunk of zeros", "data", hole * 65536 + pick.randrange(65536))
    row("index: generation", "index", chunk * 32 + pick.randrange(8))
    row("index: tag", "index", chunk * 32 + 8 + pick.randrange(16))
    row("index: reserved bytes", "index", chunk * 32 + 24 + pick.randrange(8))
    row("index: a chunk of zeros in a group with others", "index", hole * 32 + pick.randrange(32))
    row("index: a group of zeros", "index", free_group * 512 + pick.randrange(512))
    leaf = image.place(0, group // 64, 0)
    leaf = leaf if leaf in image.places else leaf + PAGE
    top = image.place(image.head.levels - 1, 0, image.head.side)
    row("leaf: generation", "keys", leaf + group % 64 * 64 + pick.randrange(8))
    row("leaf: wrapped key", "keys", leaf + group % 64 * 64 + 8 + pick.randrange(32))
    row("leaf: side and reserved bytes", "keys", leaf + group % 64 * 64 + 56 + pick.randrange(8))
    row("leaf: an empty entry", "keys", leaf + free_group % 64 * 64 + pick.randrange(64))
    row("top: tag of an entry", "keys", top + 40 + pick.randrange(16))
    row("top: side of an entry", "keys", top + 56)
    unused = image.place(image.head.levels - 1, 0, 1 - image.head.side)
    row("a side that is not used", "keys", unused + pick.randrange(PAGE))
    if image.gaps:
        size = os.path.getsize(path_of({"of": device, "file": "gaps"}))
        for part, low, high in (("nonce", 0, 24), ("text", 24, size - 16), ("tag", size - 16, size)):
            row("gaps: " + part, "gaps", pick.randrange(low, high))
        row("gaps: a byte more", "gaps", size + 1, "size")
        skip = ("older header slot, with checksum", "top: side of an entry", "leaf: wrapped key", "a gaps file of no header")
    else:
        row("a gaps file of no header", "gaps", 0, "new")
        skip = ()
    row("an unknown file", "unknown", 0, "new")
    row("header: a byte more", "header", 2 * PAGE + 1, "size")
    row("data: a byte more", "data", image.head.groups * second.GROUP + 1, "size")
    row("data: whole groups", "data", image.head.groups * second.GROUP, "size")
    row("index: a byte more", "index", image.head.groups * 512 + 1, "size")
    nodes = sum(64 ** (image.head.levels - 1 - level) for level in range(image.head.levels))
    row("key tree: a byte more", "keys", nodes * 2 * PAGE + 1, "size")
    row("key tree: all its room", "keys", nodes * 2 * PAGE, "size")
    row("index: cut", "index", chunk * 32, "size")
    row("header: cut to a slot", "header", PAGE, "size")
    return [one for one in rows if one["name"] not in skip], digest.hex()


def rows_of_keys(pick):
    keys = second.Keys(store, locks)
    data = keys.data
    slots = {}
    for number in range(keys.slot_count):
        page = keys.page(2 + 2 * number)
        if any(page):
            slots[page[24:24 + page[12]].decode()] = (2 + 2 * number) * PAGE
    rows = []

    def row(name, at, how="flip", **more):
        rows.append(dict(dict(of="STORE", name=name, file="keys", at=at, how=how, bit=pick.randrange(8)), **more))

    at = pick.randrange(176)
    row("key header A", at)
    row("key header B", PAGE + pick.randrange(PAGE))
    row("both key headers", at, also=[PAGE + at])
    row("key header A, with checksum", 40 + pick.randrange(32), "summed")
    at = 40 + pick.randrange(32)
    row("both key headers: public key, with checksum", at, "summed", also=[PAGE + at])
    at = 1200 + pick.randrange(2864)
    row("both key headers: reserved bytes, with checksum", at, "summed", also=[PAGE + at])
    live, tomb = slots["LESS"], slots["GOES"]
    row("live slot A", live + pick.randrange(PAGE))
    row("live slot B", live + PAGE + pick.randrange(PAGE))
    at = live + 80 + pick.randrange(80)
    row("live slot A and B", at, also=[at + PAGE])
    row("live slot A: sealed keys, with checksum", at, "summed")
    row("live slot A: a greater generation, with checksum", live + 17, "summed")
    row("live slot A: a smaller generation, with checksum", live + 16, "summed", bit=1)
    row("tombstone A", tomb + pick.randrange(PAGE))
    row("tombstone B", tomb + PAGE + pick.randrange(PAGE))
    row("tombstone A: device id, with checksum", tomb + 24, "summed", bit=0)
    row("tombstone B: device id, with checksum", tomb + PAGE + 24, "summed", bit=0)
    empty = (2 + 2 * (keys.slot_count - 1)) * PAGE
    row("empty slot A", empty + pick.randrange(PAGE))
    row("empty slot B", empty + PAGE + pick.randrange(PAGE))
    return rows


def make():
    pick = random.Random(8)
    rounds, digests = [], {}
    lists = []
    for at, device in enumerate(devices):
        rows, digests[device] = rows_of(device, pick)
        lists.append(rows[at % 2::2])           # each change is made to two of the four
    json.dump(digests, open(work + "/digests.json", "w"))
    for at in range(max(map(len, lists))):
        rounds.append([rows[at] for rows in lists if at < len(rows)])
    store_rows = rows_of_keys(pick)
    for row in [row for rows in rounds for row in rows] + store_rows:
        apply(row)
        row["word"] = word_of_second(row)
        if row["of"] == "STORE":
            row["changed"] = hashlib.sha256(open(path_of(row), "rb").read()).hexdigest()
        restore(row)
    for device in devices:
        if word_of_second(dict(of=device)) != "good":
            sys.exit("%s is not as it was" % device)
    json.dump({"rounds": rounds, "store": [[row] for row in store_rows]}, open(rows_file, "w"))
    print(len(rounds), len(store_rows))


def read_as_reader(device):
    """good: all files that stay are as they were. bad: an error, or nothing there. other: other bytes."""
    words = ["good", "bad", "other"]
    child = os.fork()
    if child == 0:
        os.setgroups([])
        os.setgid(61002)
        os.setuid(61002)
        os._exit(max(read_one("%s/view/%s/p1-ext4/keep/%d.txt" % (work, device, at), kept[at - 1]) for at in (1, 2, 3)))
    return words[os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])]


def read_one(path, wanted):
    try:
        with open(path, "rb") as file:
            return 0 if file.read() == wanted else 2
    except OSError:
        return 1


def tell(row, word):
    print("%-7s %-6s %-7s at %-9d %-8s second %-8s bailee %-8s %s %s" %
          ("ok" if agree(row, word) else "DIFFERS", row["of"], row["file"], row["at"], row["how"], row["word"], word, row["name"],
           row.get("said", "")))


def agree(row, word):
    return row["word"] == word


def judge(number):
    rows = json.load(open(rows_file))["rounds"][number]
    differs = False
    changed = {row["of"]: row for row in rows}
    for device in devices:
        word = read_as_reader(device)
        if device not in changed:
            changed[device] = dict(of=device, file="-", at=0, how="-", name="nothing changed", word="good")
        tell(changed[device], word)
        differs = differs or not agree(changed[device], word)
    sys.exit(1 if differs else 0)


def judge_store(number, code):
    """Bailee's word about the key file: 0 started; then it has mended it, or it was good."""
    row = json.load(open(rows_file))["store"][number][0]
    word = "bad" if code == "12" else "exit " + code
    if code == "0":
        now = open(store + "/keys", "rb").read()
        is_mended = now == open(work + "/safe/keys", "rb").read()
        word = "mendable" if is_mended else "good" if hashlib.sha256(now).hexdigest() == row["changed"] else "other"
    tell(row, word)
    step("store", number + 1)
    sys.exit(0 if agree(row, word) else 1)


def signed():
    pick = random.Random(9)
    differs = False
    for kind, name in (("receipt", "LESS~intake"), ("certificate", "GOES"), ("certificate", "FILE~part-1"), ("certificate", "GIVEN~source")):
        path = "%s/certificates/%s.json" % (store, name)
        data = open(path, "rb").read()
        changes = [("bit", bytearray(data)) for _ in range(6)]
        for at, (_, changed) in enumerate(changes):
            place = pick.randrange(len(data)) if at else len(data) - 1
            changed[place] ^= 1 << pick.randrange(8)
        changes += [("newline", data + b"\n"), ("no newline", data[:-1]), ("space", data.replace(b",", b", ", 1)),
                    ("upper case", data.replace(b'"signature":"', b'"signature":"A', 1)), ("cut", data[:-40]), ("nothing", data)]
        check = second.check_receipt if kind == "receipt" else second.check_certificate
        for what, changed in changes:
            with open(work + "/changed.json", "wb") as file:
                file.write(changed)
            try:
                check(bytes(changed), bytes.fromhex(key))
                word = "good"
            except second.Bad:
                word = "bad"
            code = subprocess.run([bailee, "certificate", "verify", work + "/changed.json", "--key", key],
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode
            if word != ("good" if code == 0 else "bad") or (word == "good") != (what == "nothing"):
                print("DIFFERS %s %s: second %s, bailee %d" % (name, what, word, code))
                differs = True
    sys.exit(1 if differs else 0)


def step(kind, number):
    """What the one before changed is put back, and the next changed."""
    rows = json.load(open(rows_file))[kind]
    for at, change in ((number - 1, restore), (number, apply)):
        for row in rows[at] if 0 <= at < len(rows) else []:
            change(row)


command, rest = sys.argv[6], sys.argv[7:]
if command == "make":
    make()
elif command == "signed":
    signed()
elif command == "step":
    step(rest[0], int(rest[1]))
elif command == "judge":
    judge(int(rest[0]))
else:
    judge_store(int(rest[0]), rest[1])
PYTHON
cp -a --sparse=always "$store" "$work/safe"
flips() { python3 "$work/flips.py" "$work" "$tool" "$store" "$bailee" "$key" "$@"; }
flips signed || fail "receipts and certificates"
flips make >"$work/counts" || fail "$(cat "$work/counts")"
read -r rounds stores <"$work/counts"
differs=
at=0
while [ $at -lt "$rounds" ]; do
	flips step rounds $at
	start_daemon "$store" "$work/shop.yaml"
	view 61002 "$work/view"
	flips judge $at >"$work/table" || differs=yes
	cat "$work/table" >>"$work/tables"
	stop_daemon
	at=$((at + 1))
done
flips step rounds $at
# A start with each key file: refused, or taken and mended.
flips step store 0
at=0
while [ $at -lt "$stores" ]; do
	rm -f "$work/ready"
	mkfifo "$work/ready"
	"$bailee" serve --store "$store" --policy "$work/shop.yaml" $serve_options >"$work/ready" 2>"$work/out" &
	daemon=$!
	got=0
	if read -r line <"$work/ready"; then
		stop_daemon
	else
		wait "$daemon" || got=$?
		daemon=
	fi
	flips judge-store $at $got >"$work/table" || differs=yes
	cat "$work/table" >>"$work/tables"
	at=$((at + 1))
done
cat "$work/tables"
[ -z "$differs" ] || fail "the two programs differ"
[ "$(grep -c '^ok' "$work/tables")" -ge 60 ] || fail "too few changes were tried"
