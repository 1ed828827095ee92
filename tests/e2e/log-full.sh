# A disk with no room left for the log: nothing is revealed any more, status says so, nothing acknowledged is missing afterwards.
. "$BAILEE_ROOT/tests/e2e/lib.sh"
need_root
need_fuse
need mke2fs mkfs.ext4 jq setpriv python3 flock
cp "$BAILEE_ROOT/examples/policies/shop.yaml" "$work/shop.yaml"
mkdir "$work/files"
for name in a b c d e f g h; do seq 3000 >"$work/files/$name.txt"; done
truncate -s 8M "$work/one.img"
mke2fs -q -d "$work/files" "$work/one.img"
loop_fs "$work/disk" 32M
store=$work/disk/store
start_daemon "$store" "$work/shop.yaml"
code 0 "$bailee" enroll "$work/one.img" --device RMA-1 --kind laptop
key=$(public_key)
view 61002 "$work/view"
# No room from here on: what the log has allocated is all it gets.
dd if=/dev/zero of="$work/disk/filler" bs=64k status=none 2>/dev/null || true
dd if=/dev/zero of="$work/disk/filler-2" bs=1k status=none 2>/dev/null || true

# Read byte by byte until a read fails; tell how many were answered, and with what the first one was not.
cat >"$work/reader.py" <<'PYTHON'
import os, sys, threading
os.setgroups([]); os.setgid(61002); os.setuid(61002)
folder = sys.argv[1] + "/RMA-1/p1-ext2"
files = [os.open("%s/%s.txt" % (folder, name), os.O_RDONLY | os.O_DIRECT) for name in "abcdefgh"]
answered = [0] * len(files)
errors = [0] * len(files)
def go(i):
    try:
        while answered[i] < 200000:
            if len(os.pread(files[i], 1, answered[i] % 12000)) != 1:
                return
            answered[i] += 1
    except OSError as error:
        errors[i] = error.errno
threads = [threading.Thread(target=go, args=(i,)) for i in range(len(files))]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
def until_it_fails():
    # The kernel may answer from what it was told before, until the view has ended: which it does by itself.
    while True:
        os.stat(folder + "/a.txt")
after = []
for act in (lambda: os.pread(files[0], 1, 0), lambda: os.listdir(folder), until_it_fails, lambda: open(folder + "/b.txt").read(1)):
    try:
        act()
        after.append(0)
    except OSError as error:
        after.append(error.errno)
print(sum(answered), *errors)
print(*after)
PYTHON
python3 "$work/reader.py" "$work/view" >"$work/read" || fail "the reader: $(cat "$work/read")"
read -r answered errors <"$work/read"
[ "$answered" -gt 0 ] || fail "nothing was read at all"
# EIO, or ENOTCONN, ECONNABORTED, ESTALE where the connection was cut first, or ENOENT on a mount point that is bare again.
for error in $errors $(sed -n 2p "$work/read"); do
	case $error in 5 | 107 | 103 | 116 | 2) ;; *) fail "after the log was full a request ended with errno $error: $(cat "$work/read")" ;; esac
done
code 12 "$bailee" status
says BROKEN
code 12 "$bailee" status --json
[ "$(jq '.log.is_writable == false and (.log.broken | length) > 0' "$work/out")" = true ] || fail "status --json: $(cat "$work/out")"
mkdir "$work/view-2"
chown 61002:61002 "$work/view-2"
code 12 as 61002 "$bailee" open "$work/view-2"
code 12 "$bailee" hold add RMA-1 --reason 'no room for this'
code 12 "$bailee" enroll "$work/one.img" --device RMA-2 --kind laptop
stop_daemon
wait_store_free "$store"
code 13 "$bailee" log verify --log "$store/log" --key "$key"

# Room again: it goes on, every read that was answered is there, and what was refused did not happen.
rm "$work/disk/filler" "$work/disk/filler-2"
start_daemon "$store" "$work/shop.yaml"
code 0 "$bailee" status --json
[ "$(jq -c '[.devices[] | [.id, .holds]]' "$work/out")" = '[["RMA-1",0]]' ] || fail "what was refused happened: $(cat "$work/out")"
code 0 "$bailee" log query --op read --verdict permitted --json
logged=$(grep -c '"uid":61002' "$work/out")
[ "$answered" -le "$logged" ] || fail "$answered reads were answered, $logged are in the log"
rmdir "$work/view" 2>/dev/null || umount "$work/view" 2>/dev/null || true
code 0 as 61002 "$bailee" open "$work/view-2"
code 0 as 61002 head -c 1 "$work/view-2/RMA-1/p1-ext2/a.txt"
stop_daemon
[ "$stopped" = 0 ] || fail "the daemon ended with $stopped"
code 13 "$bailee" log verify --log "$store/log" --key "$key"
