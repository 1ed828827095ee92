# Images made to hurt: spoilt at random, cut short, empty, encrypted; readers killed. Others keep working, the daemon lives, the log tells.
. "$BAILEE_ROOT/tests/e2e/lib.sh"
need_root
need_fuse
need mke2fs mkfs.vfat mkntfs ntfscp mcopy sfdisk jq setpriv python3
cp "$BAILEE_ROOT/examples/policies/shop.yaml" "$work/shop.yaml"
mkdir -p "$work/files/deep/er"
for name in a b c d e f g h; do
	seq 3000 >"$work/files/$name.txt"
	seq 300 >"$work/files/deep/er/$name.txt"
done
make_ext4() {
	truncate -s 6M "$1"
	mke2fs -q -t ext4 -O ^metadata_csum,^64bit -F -d "$work/files" "$1"
}
make_fat() {
	truncate -s 6M "$1"
	mkfs.vfat "$1" >/dev/null
	mcopy -i "$1" -s "$work/files"/* ::
}
make_ntfs() {
	truncate -s 6M "$1"
	mkntfs -q -F "$1" >/dev/null 2>&1
	for name in a b c d; do ntfscp -q "$1" "$work/files/$name.txt" $name.txt >/dev/null; done
}
start_daemon "$work/store" "$work/shop.yaml"
before=$(daemon_child)
enroll() { code 0 "$bailee" enroll "$1" --device "$2" --kind laptop; }
make_ext4 "$work/good.img"
enroll "$work/good.img" GOOD

# One disk: a partition that can be read, and around it what cannot.
truncate -s 40M "$work/disk.img"
sfdisk --quiet "$work/disk.img" >/dev/null <<'TABLE'
label: gpt
start=1MiB, size=6MiB, type=linux
start=7MiB, size=6MiB, type=linux
start=13MiB, size=6MiB, type=linux
start=19MiB, size=6MiB, type=linux
start=25MiB, size=6MiB, type=linux
start=31MiB, size=6MiB, type=linux
TABLE
put() { dd if="$1" of="$work/disk.img" bs=1M seek="$2" conv=notrunc status=none; }
put "$work/good.img" 1
head -c 6M /dev/urandom >"$work/part"
put "$work/part" 7
printf 'LUKS\272\276\000\001' >"$work/part"
put "$work/part" 13
printf '\353\130\220-FVE-FS-' >"$work/part"
put "$work/part" 19
printf 'XFSB\0\0\020\0' >"$work/part"
put "$work/part" 25
make_fat "$work/fat.img"
put "$work/fat.img" 31
enroll "$work/disk.img" DISK

# Spoilt at random, with a seed: the same every time.
spoil() {
	python3 - "$1" "$2" <<'PYTHON'
import random, sys
seed = int(sys.argv[2])
dice = random.Random(seed)
with open(sys.argv[1], "r+b") as file:
    data = bytearray(file.read())
    # Metadata lies in what is not zero: a byte here and there, and some whole sectors.
    places = [i for i in range(2048, len(data), 64) if any(data[i:i + 64])]
    for _ in range(200 + 40 * (seed % 5)):
        at = dice.choice(places) + dice.randrange(64)
        data[at] = dice.choice([0, 0xff, 0x7f, dice.randrange(256)])
    for _ in range(seed % 4):
        at = dice.choice(places) // 512 * 512
        data[at:at + 512] = bytes(dice.randrange(256) for _ in range(512))
    file.seek(0)
    file.write(data)
PYTHON
}
for seed in 1 2 3 4 5; do
	for type in ext4 fat ntfs; do
		make_$type "$work/$type-$seed.img"
		spoil "$work/$type-$seed.img" $seed
		enroll "$work/$type-$seed.img" "BAD-$type-$seed"
	done
done
make_ext4 "$work/short.img"
truncate -s 700k "$work/short.img"
enroll "$work/short.img" SHORT
: >"$work/empty.img"
"$bailee" enroll "$work/empty.img" --device EMPTY --kind laptop >"$work/out" 2>&1 || [ "$(wc -l <"$work/out")" = 1 ] || fail "an empty image: $(cat "$work/out")"
# A folder that holds itself: e2fsprogs' own debugfs links the root into it.
make_ext4 "$work/loop.img"
debugfs -w -R 'ln <2> /deep/round' "$work/loop.img" >/dev/null 2>&1
enroll "$work/loop.img" LOOP
for id in SHRINKS GROWS CHANGES; do
	make_ext4 "$work/$id.img"
	enroll "$work/$id.img" $id
done

view 61002 "$work/view"
# Everything there is, to a depth, each file in full: errors are fine, hanging is not.
cat >"$work/walk.py" <<'PYTHON'
import os, sys
os.setgroups([]); os.setgid(61002); os.setuid(61002)
seen = [0, 0]
def walk(path, depth):
    try:
        names = os.listdir(path)
    except OSError:
        seen[1] += 1
        return
    for name in names[:200]:
        here = path + "/" + name
        try:
            if os.path.isdir(here) and not os.path.islink(here):
                if depth:
                    walk(here, depth - 1)
            else:
                fd = os.open(here, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
                try:
                    for at in range(0, 1 << 20, 1 << 16):
                        if not os.pread(fd, 1 << 16, at):
                            break
                finally:
                    os.close(fd)
            seen[0] += 1
        except OSError:
            seen[1] += 1
walk(sys.argv[1], 6)
print(*seen)
PYTHON
good_as_ever() {
	code 0 as 61002 cat "$work/view/GOOD/p1-ext4/b.txt"
	cmp -s "$work/out" "$work/files/b.txt" || fail "$1: the good device reads wrong"
	[ "$(daemon_child)" = "$before" ] || fail "$1: the daemon is another one"
}
walked=0
for bad in "$work"/*-[0-9].img; do
	id=BAD-$(basename "$bad" .img)
	timeout 60 python3 "$work/walk.py" "$work/view/$id" >"$work/walked" || fail "walking $id did not end: $(cat "$work/walked")"
	walked=$((walked + 1))
	echo "$id: $(cat "$work/walked") read, refused"
done
[ "$walked" = 15 ] || fail "$walked spoilt images, wanted 15"
good_as_ever 'spoilt images'
for id in SHORT LOOP; do
	timeout 60 python3 "$work/walk.py" "$work/view/$id" >"$work/walked" || fail "walking $id did not end"
done
good_as_ever 'short and looped images'

# Beside what cannot be read stands what can; the notice says why.
code 0 as 61002 ls "$work/view/DISK"
[ "$(wc -l <"$work/out")" = 6 ] || fail "partitions: $(cat "$work/out")"
for number in 2 3 4 5; do
	part=$(grep "^p$number" "$work/out") || fail "partition $number is not there"
	as 61002 ls "$work/view/DISK/$part" >"$work/inside"
	[ "$(cat "$work/inside")" = NOTICE.txt ] || fail "partition $part: $(cat "$work/inside")"
	as 61002 cat "$work/view/DISK/$part/NOTICE.txt" >"$work/notice" || fail "the notice of $part cannot be read"
	[ -s "$work/notice" ] || fail "the notice of $part is empty"
done
as 61002 cat "$work/view/DISK/p1-ext4/a.txt" | cmp - "$work/files/a.txt" || fail "the partition beside them reads wrong"
cp "$work/out" "$work/parts"
as 61002 cat "$work/view/DISK/$(grep '^p6' "$work/parts")/a.txt" | cmp - "$work/files/a.txt" || fail "the FAT partition beside them reads wrong"

# An image cut while it is read: an error or nothing, no end of the service.
code 0 as 61002 ls "$work/view/SHRINKS/p1-ext4"
truncate -s 100k "$work/SHRINKS.img"
code 1 as 61002 cat "$work/view/SHRINKS/p1-ext4/deep/er/g.txt"
good_as_ever 'a shrunk image'
# One that grows is what it was; of one that is written over, each request ends: names are as they were or an error, contents
# have no checksum.
code 0 as 61002 ls "$work/view/GROWS/p1-ext4"
truncate -s 60M "$work/GROWS.img"
code 0 as 61002 cat "$work/view/GROWS/p1-ext4/deep/er/g.txt"
cmp -s "$work/out" "$work/files/deep/er/g.txt" || fail "an image that grew reads wrong"
code 0 as 61002 cat "$work/view/CHANGES/p1-ext4/a.txt"
head -c 6M /dev/urandom | dd of="$work/CHANGES.img" bs=1M conv=notrunc status=none
timeout 60 python3 "$work/walk.py" "$work/view/CHANGES" >"$work/walked" || fail "walking an image that is written over did not end"
good_as_ever 'an image that is written over'

# Readers killed in the middle of reads, again and again: only children of this daemon, by their number.
python3 - "$work/view" "$before" "$work/files" <<'PYTHON' || fail "reads beside killed readers"
import glob, os, signal, sys
view, daemon, files = sys.argv[1:]
def readers():
    found = []
    for path in glob.glob("/proc/%s/task/*/children" % daemon):
        for pid in open(path).read().split():
            if open("/proc/%s/comm" % pid).read().startswith("bailee-reader"):
                found.append(int(pid))
    return found
def is_waiting(pid):
    # In the kernel, for the file system's answer.
    return "request_wait_answer" in open("/proc/%d/wchan" % pid).read()
killed = served = 0
for name in "abcdefgh":
    os.listdir("/")
    for reader in readers():
        os.kill(reader, signal.SIGSTOP)
    pid = os.fork()
    if pid == 0:
        os.setgroups([]); os.setgid(61002); os.setuid(61002)
        try:
            data = open("%s/GOOD/p1-ext4/deep/er/%s.txt" % (view, name), "rb").read()
        except OSError as error:
            os._exit(5 if error.errno == 5 else 1)
        os._exit(0 if data == open("%s/deep/er/%s.txt" % (files, name), "rb").read() else 2)
    done = (0, 0)
    while done == (0, 0) and not is_waiting(pid):
        done = os.waitpid(pid, os.WNOHANG)
    for reader in readers():
        os.kill(reader, signal.SIGKILL)
        killed += 1
    code = os.waitstatus_to_exitcode((done if done != (0, 0) else os.waitpid(pid, 0))[1])
    if code not in (0, 5):
        sys.exit("%s.txt: a read beside a killed reader ended with %d" % (name, code))
    served += code == 0
    # The next one finds a reader again.
print("killed %d readers, %d of 8 files read all the same" % (killed, served))
sys.exit(0 if killed else "no reader was found to kill")
PYTHON
good_as_ever 'killed readers'
code 0 "$bailee" log query --op source-error --json
says 'partition cannot be read'
[ "$(jq -s 'map(select(.device == "GOOD")) | length > 0' "$work/out")" = true ] || fail "a killed reader has no event"
if grep -q 'a\.txt\|deep' "$work/out"; then fail "a name is in a source error"; fi
code 0 "$bailee" log query --device SHRINKS --verdict failed --json
[ "$(grep -c '"errno":5' "$work/out")" -gt 0 ] || fail "the request to the shrunk image has no event"
key=$(public_key)
stop_daemon
[ "$stopped" = 0 ] || fail "the daemon ended with $stopped"
code 13 "$bailee" log verify --log "$work/store/log" --key "$key"
