# Readers that stop answering, sources that go away or become others while files of them are open: the request ends, what is beside it goes
# on meanwhile, and the service lives.
. "$BAILEE_ROOT/tests/e2e/lib.sh"
need_root
need_fuse
need mke2fs mkfs.vfat mcopy sfdisk losetup jq setpriv python3
cp "$BAILEE_ROOT/examples/policies/shop.yaml" "$work/shop.yaml"
mkdir -p "$work/files/deep"
for name in a b c; do seq 3000 >"$work/files/deep/$name.txt"; done
for part in $(seq 60000); do echo "line $part of a file that takes a while to read"; done >"$work/files/long.txt"
make_ext4() {
	truncate -s 16M "$1"
	mke2fs -q -t ext4 -F -d "$work/files" "$1"
}
make_ext4 "$work/good.img"
truncate -s 40M "$work/disk.img"
sfdisk --quiet "$work/disk.img" >/dev/null <<'TABLE'
label: gpt
start=1MiB, size=16MiB, type=linux
start=17MiB, size=16MiB, type=linux
TABLE
truncate -s 16M "$work/fat.img"
mkfs.vfat "$work/fat.img" >/dev/null
mcopy -i "$work/fat.img" -s "$work/files"/* ::
dd if="$work/good.img" of="$work/disk.img" bs=1M seek=1 conv=notrunc status=none
dd if="$work/fat.img" of="$work/disk.img" bs=1M seek=17 conv=notrunc status=none
start_daemon "$work/store" "$work/shop.yaml"
before=$(daemon_child)
enroll() { code 0 "$bailee" enroll "$1" --device "$2" --kind laptop; }
enroll "$work/good.img" GOOD
enroll "$work/disk.img" DISK
for id in SHRINKS BECOMES REPLACED; do
	make_ext4 "$work/$id.img"
	enroll "$work/$id.img" $id
done
truncate -s 16M "$work/loop.img"
mke2fs -q -t ext4 -F -d "$work/files" "$work/loop.img"
loop=$(losetup -f --show "$work/loop.img") || skip "needs loop devices"
at_end "losetup -d $loop"
enroll "$loop" LOOP
view 61002 "$work/view"
good_as_ever() {
	code 0 as 61002 cat "$work/view/GOOD/p1-ext4/deep/a.txt"
	cmp -s "$work/out" "$work/files/deep/a.txt" || fail "$1: the good device reads wrong"
	[ "$(daemon_child)" = "$before" ] || fail "$1: the daemon is another one"
}
good_as_ever 'at first'

# A reader that is stopped, with requests to two partitions of its image under way: both are answered, by others, and right. Meanwhile
# another device is read.
python3 - "$work/view" "$before" "$work/files" <<'PYTHON' || fail "a reader that does not answer"
import os, signal, sys
view, daemon, files = sys.argv[1:]
def readers():
    found = set()
    for task in os.listdir("/proc/%s/task" % daemon):
        for pid in open("/proc/%s/task/%s/children" % (daemon, task)).read().split():
            if open("/proc/%s/comm" % pid).read().startswith("bailee-reader"):
                found.add(int(pid))
    return found
def become():
    os.setgroups([]); os.setgid(61002); os.setuid(61002)
def is_waiting(pid):
    return "request_wait_answer" in open("/proc/%d/wchan" % pid).read()
def read(path):
    pid = os.fork()
    if pid:
        return pid
    become()
    with open(view + "/" + path, "rb") as file:
        data = file.read()
    name = "deep/" + os.path.basename(path).lower()
    os._exit(0 if data == open(files + "/" + name, "rb").read() else 2)
def is_over(pid):
    return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
def ends_well(pid, what):
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    if code:
        sys.exit("%s: %d" % (what, code))
others = readers()
pid = os.fork()
if pid == 0:
    become()
    os.listdir(view + "/DISK")
    os._exit(0)
ends_well(pid, "the list of partitions")
mine = readers() - others
if len(mine) != 1:
    sys.exit("%d readers for one image" % len(mine))
reader = mine.pop()
os.kill(reader, signal.SIGSTOP)
first, second = read("DISK/p1-ext4/deep/b.txt"), read("DISK/p2-fat16/deep/b.txt")
while not (is_waiting(first) and is_waiting(second)):
    if is_over(first) or is_over(second):
        sys.exit("a request came back from a reader that is stopped")
beside = read("GOOD/p1-ext4/deep/c.txt")
ends_well(beside, "a device beside it")
if is_over(first) or is_over(second) or not os.path.exists("/proc/%d" % reader):
    sys.exit("the device beside it was answered after the one that hangs")
ends_well(first, "the partition whose reader was stopped")
ends_well(second, "the partition beside it")
if reader in readers():
    sys.exit("the reader that was stopped is still there")
PYTHON
good_as_ever 'a reader that was stopped'
code 0 "$bailee" log query --op source-error --device DISK --json
says 'did not answer in time'

# Files that are open while their source gets shorter, is written over, or is another file all at once. Before anything is done to the
# source its beginning is right; afterwards what is read is an error, or what was there, or (where it was written over, contents having no
# checksum) what is there now; and the program that reads is not killed.
cat >"$work/holder.py" <<'PYTHON'
import os, sys
os.setgroups([]); os.setgid(61002); os.setuid(61002)
path, original, may = sys.argv[1:]
wanted = open(original, "rb").read()
fd = os.open(path, os.O_RDONLY)
if os.pread(fd, 65536, 0) != wanted[:65536]:
    sys.exit("the beginning is not right")
print("open", flush=True)
sys.stdin.readline()
seen = set()
for at in range(65536, len(wanted), 65536):
    try:
        got = os.pread(fd, 65536, at)
        seen.add("right" if got == wanted[at:at + 65536] else "other")
    except OSError as error:
        if error.errno not in (5, 13):
            raise
        seen.add("error" if error.errno == 5 else "withheld")
if not seen <= set(may.split(",")):
    sys.exit("seen: %s" % seen)
print(*sorted(seen))
PYTHON
# held DEVICE MAY COMMAND...: COMMAND is run while a file of the device is open
held() {
	id=$1 may=$2
	shift 2
	rm -f "$work/go" "$work/is-open"
	mkfifo "$work/go" "$work/is-open"
	timeout 60 python3 "$work/holder.py" "$work/view/$id/p1-ext4/long.txt" "$work/files/long.txt" "$may" <"$work/go" >"$work/is-open" 2>"$work/held.err" &
	holder=$!
	exec 8>"$work/go" 9<"$work/is-open"
	read -r line <&9 || fail "$id: $(cat "$work/held.err")"
	"$@"
	echo >&8
	read -r line <&9 || line=
	exec 8>&- 9<&-
	wait "$holder" || fail "$id: $(cat "$work/held.err")"
	echo "$id: $line"
	good_as_ever "$id"
}
held SHRINKS error truncate -s 100k "$work/SHRINKS.img"
head -c 16M /dev/urandom >"$work/noise"
held BECOMES right,error,withheld,other dd if="$work/noise" of="$work/BECOMES.img" bs=1M conv=notrunc status=none
# Whoever has the old file open reads the old file.
held REPLACED right mv "$work/noise" "$work/REPLACED.img"
shorten_loop() {
	truncate -s 100k "$work/loop.img"
	losetup -c "$loop"
}
held LOOP error shorten_loop
key=$(public_key)
stop_daemon
[ "$stopped" = 0 ] || fail "the daemon ended with $stopped"
code 13 "$bailee" log verify --log "$work/store/log" --key "$key"
