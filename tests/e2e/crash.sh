# Killed in the middle of traffic, twenty times: the store opens, the log verifies, mounts are gone, no read went unrecorded.
. "$BAILEE_ROOT/tests/e2e/lib.sh"
need_root
need_fuse
need mke2fs jq setpriv python3 flock
cp "$BAILEE_ROOT/examples/policies/shop.yaml" "$work/shop.yaml"
mkdir "$work/files"
for name in a b c d; do seq 20000 >"$work/files/$name.txt"; done
truncate -s 8M "$work/one.img"
mke2fs -q -d "$work/files" "$work/one.img"

# One byte a READ (O_DIRECT: the kernel keeps nothing): every acknowledged one is counted, by the file's size.
cat >"$work/reader.py" <<'PYTHON'
import os, sys, threading
view, counts, ready = sys.argv[1:]
started = os.open(ready, os.O_WRONLY)
os.setgroups([]); os.setgid(61002); os.setuid(61002)
files = [os.open("%s/RMA-1/p1-ext2/%s.txt" % (view, name), os.O_RDONLY | os.O_DIRECT) for name in "abcd"]
def go(fd, number):
    out = os.open("%s.%d" % (counts, number), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        for i in range(10000000):
            if len(os.pread(fd, 16, i * 7 % 80000)) != 16:
                return
            os.write(out, b"x")
            if i == 3:
                os.write(started, b"x")
    except OSError:
        return
threads = [threading.Thread(target=go, args=(fd, i)) for i, fd in enumerate(files)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
os._exit(0)
PYTHON
mkdir "$work/counts"
chown 61002:61002 "$work/counts"

reads_logged() {
	# Straight from the log, by an own reading of its format: the daemon that would answer is what is tested.
	python3 - "$work/store/log" <<'PYTHON'
import os, struct, sys
reads = 0
for name in sorted(n for n in os.listdir(sys.argv[1]) if n.startswith("seg.")):
    data = open(os.path.join(sys.argv[1], name), "rb").read()
    at = 4096
    while data[at:at + 4] == b"BLFR":
        length, = struct.unpack_from("<I", data, at + 4)
        count, = struct.unpack_from("<I", data, at + 24)
        if data[at + length - 4:at + length] != b"RFLB":
            break
        record = at + 32
        for _ in range(count):
            size, kind, op, verdict = struct.unpack_from("<HBBB", data, record)
            uid, = struct.unpack_from("<I", data, record + 32)
            reads += op == 16 and verdict == 0 and uid == 61002
            record += size
        at += length
print(reads)
PYTHON
}

start_daemon "$work/store" "$work/shop.yaml"
code 0 "$bailee" enroll "$work/one.img" --device RMA-1 --kind laptop
key=$(public_key)
mkfifo "$work/started"
round=0
while [ $round -lt 20 ]; do
	round=$((round + 1))
	view 61002 "$work/view-$round"
	python3 "$work/reader.py" "$work/view-$round" "$work/counts/$round" "$work/started" 2>"$work/reader.err" &
	reader=$!
	# All four threads have read: now, in the middle of it.
	[ "$(head -c 4 "$work/started")" = xxxx ] || fail "round $round: the readers did not get that far"
	child=$(daemon_child)
	case $((round % 3)) in
	0) kill -9 "$child" ;;
	1) kill -9 "$daemon" "$child" ;;
	2) kill -9 "$daemon" ;;
	esac
	wait "$daemon" 2>/dev/null || true
	daemon=
	wait "$reader" || true
	wait_store_free "$work/store"
	if grep -q " $work/view-$round fuse" /proc/self/mounts; then
		# The monitor itself was killed: its mounts stay, dead; nothing is shown through them.
		[ $((round % 3)) != 0 ] || fail "round $round: the view is still mounted"
		! as 61002 ls "$work/view-$round" >/dev/null 2>&1 || fail "round $round: a dead view still shows something"
		umount "$work/view-$round"
	fi
	if [ $((round % 5)) = 0 ]; then
		code 13 "$bailee" log verify --log "$work/store/log" --key "$key"
		acknowledged=$(cat "$work/counts"/* | wc -c)
		logged=$(reads_logged)
		[ "$acknowledged" -gt 0 ] || fail "nothing was read"
		[ "$acknowledged" -le "$logged" ] || fail "round $round: $acknowledged reads answered, $logged in the log"
	fi
	start_daemon "$work/store" "$work/shop.yaml"
done
code 13 "$bailee" log verify --log "$work/store/log" --key "$key"
code 0 "$bailee" log query --op start --json
[ "$(wc -l <"$work/out")" = 21 ] || fail "$(wc -l <"$work/out") starts in the log, wanted 21"
code 0 "$bailee" status
stop_daemon
[ "$stopped" = 0 ] || fail "the daemon ended with $stopped"
code 13 "$bailee" log verify --log "$work/store/log" --key "$key"
