# Who can write into the store can make a sealed image unreadable, and no more: every chunk, node, header or file that is exchanged, changed,
# cut off or foreign is an error for whoever reads it, an event that names it, and a line of doctor; never zeros, never other bytes,
# and nothing else fails.
. "$BAILEE_ROOT/tests/e2e/lib.sh"
need_root
need_fuse
need mke2fs jq setpriv python3
cp "$BAILEE_ROOT/examples/policies/shop.yaml" "$work/shop.yaml"
chmod 644 "$work/shop.yaml"
letters() { head -c "$1" /dev/urandom | od -An -v -tx1 | tr '0-9a-f' 'g-v'; }
mkdir "$work/files"
for i in 1 2 3 4; do letters 100000 >"$work/files/$i.txt"; done
truncate -s 68M "$work/small.img"
mke2fs -q -t ext4 -d "$work/files" "$work/small.img"
store=$work/store
code 0 "$bailee" init --store "$store" --kit "$work/kit"
start_daemon "$store" "$work/shop.yaml"
for id in 01 02 03 04 05 06 07 08 09 10 11 12 13 OTHER; do
	code 0 "$bailee" intake "$work/small.img" --device D$id --kind laptop
done
stop_daemon
cp -a "$store/devices" "$work/devices.good"

cat >"$work/spoil.py" <<'PYTHON'
import os, random, struct, sys
image, other, what, seed = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
chance = random.Random(seed)
path = lambda name: os.path.join(image, name)
def load(name, folder=image):
    with open(os.path.join(folder, name), "rb") as file:
        return bytearray(file.read())
def store(name, content):
    with open(path(name), "r+b") as file:
        file.write(content)
        file.truncate(len(content))
index, C = load("index"), 65536
# Chunks that hold nothing but what is in the files, and that are read with them.
victims = []
with open(sys.argv[5], "rb") as plain:
    for i in range(len(index) // 32):
        if any(index[32 * i:32 * i + 8]):
            plain.seek(i * C)
            if not plain.read(C).translate(None, b"ghijklmnopqrstuv \n"):
                victims.append(i)
def chunk_of(content, i): return content[i * C:(i + 1) * C]
def swap(names_and_sizes):
    a, b = chance.sample(victims, 2)
    for name, size in names_and_sizes:
        content = load(name)
        content[a * size:(a + 1) * size], content[b * size:(b + 1) * size] = content[b * size:(b + 1) * size], content[a * size:(a + 1) * size]
        store(name, content)
def foreign(names_and_sizes):
    i = chance.choice(victims)
    for name, size in names_and_sizes:
        content, theirs = load(name), load(name, other)
        content[i * size:(i + 1) * size] = theirs[i * size:(i + 1) * size]
        store(name, content)
def flip(name, at):
    content = load(name)
    content[at] ^= 1 << chance.randrange(8)
    store(name, content)
def cut(name, to):
    os.truncate(path(name), to)
def used(name, size):
    content = load(name)
    return [i for i in range(0, len(content), size) if any(content[i:i + size])]
middle = victims[len(victims) // 2]
{
    "chunks swapped": lambda: swap([("data", C), ("index", 32)]),
    "data swapped": lambda: swap([("data", C)]),
    "index swapped": lambda: swap([("index", 32)]),
    "a chunk of another device": lambda: foreign([("data", C), ("index", 32)]),
    "a bit of data": lambda: flip("data", chance.choice(victims) * C + chance.randrange(C)),
    "a bit of index": lambda: flip("index", chance.choice(victims) * 32 + chance.randrange(24)),
    "a zeroed chunk": lambda: store("index", index[:32 * middle] + bytes(32) + index[32 * middle + 32:]),
    "a bit of keys": lambda: flip("keys", chance.choice(used("keys", 64)) + chance.randrange(56)),
    "keys of zeros": lambda: store("keys", bytes(len(load("keys")))),
    "keys of another device": lambda: store("keys", load("keys", other)),
    "header of another device": lambda: store("header", load("header", other)),
    "data cut": lambda: cut("data", middle * C),
    "index cut": lambda: cut("index", middle * 32),
    "keys cut": lambda: cut("keys", 0),
    "header cut": lambda: cut("header", 0),
    "data too long": lambda: cut("data", (68 << 20) + 4096),
    "index too long": lambda: cut("index", 68 * 16 * 32 + 32),
    "keys too long": lambda: cut("keys", 1 << 20),
    "no data": lambda: os.unlink(path("data")),
    "no index": lambda: os.unlink(path("index")),
    "no keys": lambda: os.unlink(path("keys")),
    "no header": lambda: os.unlink(path("header")),
    "a link": lambda: (os.rename(path("data"), image + "/../elsewhere"), os.symlink("../elsewhere", path("data"))),
    "a folder": lambda: (os.unlink(path("data")), os.mkdir(path("data"))),
    "a pipe": lambda: (os.unlink(path("index")), os.mkfifo(path("index"))),
    "foreign file": lambda: open(path("readme"), "w").close(),
    "nothing": lambda: None,
}[what]()
PYTHON

cat >"$work/look.py" <<'PYTHON'
import errno, os, sys
# Every file of a device: as it was, or an error; prints how many of each. Anything else ends with 1.
os.setgroups([]); os.setgid(61002); os.setuid(61002)
view, files, id = sys.argv[1:]
good = bad = 0
for i in range(1, 5):
    want = open("%s/%d.txt" % (files, i), "rb").read()
    try:
        fd = os.open("%s/%s/p1-ext4/%d.txt" % (view, id, i), os.O_RDONLY | os.O_DIRECT)
        at, had_error = 0, False
        while at < len(want):
            try:
                got = os.pread(fd, 65536, at)
            except OSError as error:
                if error.errno != errno.EIO:
                    sys.exit("file %d at %d: %s" % (i, at, error))
                had_error = True
                at += 65536
                continue
            if not got or got != want[at:at + len(got)]:
                sys.exit("file %d at %d: not what was there" % (i, at))
            at += len(got)
        os.close(fd)
        bad, good = bad + had_error, good + (not had_error)
    except OSError as error:
        if error.errno not in (errno.EIO, errno.ENOENT):
            sys.exit("file %d: %s" % (i, error))
        bad += 1
print(good, bad)
PYTHON
chmod 755 "$work/files"
# spoil WHAT EXPECTED: the next device; any (a file or more of it cannot be read), all (none can) or none (everything can)
number=0
seen=0
: >"$work/list"
spoil() {
	number=$((number + 1))
	id=$(printf 'D%02d' $number)
	python3 "$work/spoil.py" "$store/devices/$id/image" "$store/devices/DOTHER/image" "$1" $number "$work/small.img" || fail "cannot do '$1'"
	echo "$id $2 $1" >>"$work/list"
}
events() { grep -c "\"$1\"" "$work/events" || true; }
judge() { # ID EXPECTED WHAT
	python3 "$work/look.py" "$work/view" "$work/files" "$1" >"$work/look" 2>&1 || fail "$3: $(cat "$work/look")"
	echo "$1 $(cat "$work/look") $2 $3" >>"$work/looks"
}
# started GRADE: with all that was spoilt; reads everything, looks for the events, and puts it all back
started() {
	start_daemon "$store" "$work/shop.yaml"
	view 61002 "$work/view"
	: >"$work/looks"
	while read -r id expected what; do judge "$id" "$expected" "$what"; done <"$work/list"
	judge DOTHER none 'another device'
	"$bailee" log query --op source-error --json >"$work/all-events"
	tail -n +$((seen + 1)) "$work/all-events" >"$work/events"
	seen=$(wc -l <"$work/all-events")
	while read -r id good bad expected what; do
		case $expected in
		none) [ "$bad" = 0 ] && [ "$(events "$id")" = 0 ] || fail "$what: $bad files cannot be read, $(events "$id") events" ;;
		all) [ "$good" = 0 ] && [ "$(events "$id")" -gt 0 ] || fail "$what: $good files are read, $(events "$id") events" ;;
		any) [ "$bad" -gt 0 ] && grep "\"$id\"" "$work/events" | grep -q -e 'inode [0-9]*: the image.s bytes do not verify' -e 'its sealed image does not verify' || fail "$what: $bad files cannot be read: $(grep "\"$id\"" "$work/events")" ;;
		esac
	done <"$work/looks"
	"$bailee" doctor --json >"$work/doctor" 2>&1 || true
	grade=$(jq -r '.findings[] | select(.check == "sealed images") | .grade + " " + .text' "$work/doctor")
	case $grade in "$1"*) ;; *) fail "doctor, wanted $1: $grade" ;; esac
	stop_daemon
	[ "$stopped" = 0 ] || fail "the daemon ended with $stopped"
	rm -rf "$store/devices"
	cp -a "$work/devices.good" "$store/devices"
	number=0
	: >"$work/list"
}
for what in 'chunks swapped' 'data swapped' 'index swapped' 'a chunk of another device' 'a bit of data' 'a bit of index' 'a zeroed chunk' 'data cut' 'index cut' 'a bit of keys'; do
	spoil "$what" any
done
for what in 'keys of zeros' 'keys of another device' 'keys cut'; do spoil "$what" all; done
started good
for what in 'header of another device' 'header cut' 'data too long' 'index too long' 'keys too long' 'no data' 'no index' 'no keys' 'no header' 'a link' 'a folder' 'a pipe'; do
	spoil "$what" all
done
spoil 'foreign file' none
started 'bad 12 '
spoil 'foreign file' none
started 'warning 1 '
