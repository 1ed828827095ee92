# Destruction end to end: holds stop it, the date closes, the daemon destroys by itself, also after a kill -9, and proves it.
. "$BAILEE_ROOT/tests/e2e/lib.sh"
need_root
need_fuse
need mke2fs mkfs.ext4 jq setpriv python3 flock
other_clock
sed 's/intake: 90d/intake: 40d/' "$BAILEE_ROOT/examples/policies/shop.yaml" >"$work/shop.yaml"
sed 's/intake: 90d/intake: 20d/; s/^serial: 1 /serial: 2 /' "$BAILEE_ROOT/examples/policies/shop.yaml" >"$work/shop-2.yaml"
chmod 644 "$work/shop.yaml" "$work/shop-2.yaml"
mkdir "$work/files"
printf 'a needle in the haystack: zebulon-was-here\n' >"$work/files/notes.txt"
truncate -s 4M "$work/small.img"
mke2fs -q -d "$work/files" "$work/small.img"
loop_fs "$work/disk" 420M
store=$work/disk/store
for name in given kept held replaced; do cat "$work/small.img" >"$work/disk/$name.img"; done
days_ago() { date -u -d "-$1 days" +%Y-%m-%d; }
printf 'received: %s\n' "$(days_ago 30)" >"$work/old.yaml"
printf 'received: %s\n' "$(days_ago 5)" >"$work/young.yaml"
printf 'received: %s\n' "$(date -u -d "30 days" +%Y-%m-%d)" >"$work/future.yaml"
printf 'received: %s\n' "$(days_ago 400)" >"$work/ancient.yaml"

start_daemon "$store" "$work/shop.yaml"
key=$(public_key)
enroll() { code 0 "$bailee" enroll "$@"; }
enroll "$work/disk/given.img" --device GIVEN --kind laptop --record "$work/old.yaml" --destroy-when-due
enroll "$work/disk/kept.img" --device KEPT --kind laptop --record "$work/old.yaml"
enroll "$work/disk/held.img" --device HELD --kind laptop --record "$work/old.yaml" --destroy-when-due
enroll "$work/disk/replaced.img" --device REPLACED --kind laptop --record "$work/old.yaml" --destroy-when-due
enroll "$work/small.img" --device YOUNG --kind laptop --record "$work/young.yaml"
code 2 "$bailee" enroll "$work/small.img" --device FUTURE --kind laptop --record "$work/future.yaml"
says received
mkdir "$work/memory"
mount -t tmpfs -o size=8m none "$work/memory"
at_end "umount '$work/memory'"
cat "$work/small.img" >"$work/memory/small.img"
code 2 "$bailee" enroll "$work/memory/small.img" --device MEMORY --kind laptop --destroy-when-due
says ext
# One who may only read the file does not have it destroyed.
code 2 as 61003 "$bailee" enroll "$work/disk/kept.img" --device THEIRS --kind laptop --destroy-when-due
says 'Permission denied'

# Holds: by a person whose role may, with a reason; by nobody else.
code 3 as 61001 "$bailee" hold add HELD --reason 'I like it'
code 0 as 61003 "$bailee" hold add HELD --reason 'letter from a lawyer'
code 3 as 61001 "$bailee" hold release HELD --reason 'I do not'
[ "$(state HELD)" = held ] || fail "HELD is $(state HELD)"

# A file of the same name is not the one that was enrolled.
cat "$work/small.img" >"$work/disk/other.img"
mv "$work/disk/replaced.img" "$work/disk/moved.img"
mv "$work/disk/other.img" "$work/disk/replaced.img"

# The date comes while somebody reads: the open handle fails, the daemon destroys on its own, nobody asks it to.
view 61002 "$work/view"
cat >"$work/hold-open.py" <<'PYTHON'
import os, sys
os.setgroups([]); os.setgid(61002); os.setuid(61002)
fd = os.open(sys.argv[1] + "/GIVEN/p1-ext2/notes.txt", os.O_RDONLY | os.O_DIRECT)
kept = os.open(sys.argv[1] + "/KEPT/p1-ext2/notes.txt", os.O_RDONLY | os.O_DIRECT)
young = os.open(sys.argv[1] + "/YOUNG/p1-ext2/notes.txt", os.O_RDONLY | os.O_DIRECT)
assert os.pread(fd, 8, 0) == os.pread(kept, 8, 0) == b"a needle"
print("open", flush=True)
sys.stdin.readline()
for closed in (fd, kept):
    try:
        print("read", os.pread(closed, 8, 0))
        sys.exit(1)
    except OSError as error:
        print("refused", error.errno)
assert os.pread(young, 8, 0) == b"a needle"
PYTHON
mkfifo "$work/go" "$work/told"
python3 "$work/hold-open.py" "$work/view" <"$work/go" >"$work/told" 2>"$work/held.err" &
holder=$!
exec 8>"$work/go" 9<"$work/told"
read -r line <&9 || fail "the view does not open: $(cat "$work/held.err")"
code 0 "$bailee" policy load "$work/shop-2.yaml"
# An edit has its grace. When that is over the daemon destroys by itself; what looks at the clock is a policy that is loaded once more.
clock 86460 86460
code 0 "$bailee" policy load "$work/shop-2.yaml"
until [ "$(state GIVEN)" = shredded ]; do sleep 0.1; done
# What is asked for here waits for what the daemon does by itself, and finds nothing left to do; one file is not what it was.
"$bailee" shred --due >"$work/out" 2>&1 && fail "a replaced file was no trouble"
grep -q REPLACED "$work/out" || { cat "$work/out"; fail "the replaced device is not named"; }
echo go >&8
wait "$holder" || fail "an open handle outlived the date: $(cat "$work/held.err") $(cat <&9)"
exec 8>&- 9<&-
[ "$(state GIVEN)" = shredded ] || fail "GIVEN is $(state GIVEN)"
[ "$(state KEPT)" = due ] || fail "KEPT is $(state KEPT)"
# A hold stops the destruction, not the closing.
[ "$(state HELD)" = due ] || fail "HELD is $(state HELD)"
[ -e "$work/disk/held.img" ] || fail "the held image is gone"
[ "$(state YOUNG)" != due ] || fail "YOUNG is due"
[ ! -e "$work/disk/given.img" ] || fail "the given image is still there"
for name in kept held replaced moved; do
	cmp "$work/small.img" "$work/disk/$name.img" || fail "$name.img was touched"
done
code 0 "$bailee" log query --device GIVEN --op shred-intent --json
[ "$(wc -l <"$work/out")" = 1 ] && [ "$(jq .uid "$work/out")" = null ] || fail "intent: $(cat "$work/out")"
code 0 "$bailee" log query --device GIVEN --op shred-done --json
[ "$(wc -l <"$work/out")" = 1 ] || fail "done: $(cat "$work/out")"
code 2 "$bailee" enroll "$work/disk/kept.img" --device GIVEN --kind laptop
code 1 "$bailee" certificate show KEPT

# The certificate: genuine with the store's key; any change, and any other key, is found out.
code 0 "$bailee" certificate show GIVEN
cp "$work/out" "$work/certificate.json"
code 0 "$bailee" certificate verify "$work/certificate.json" --key "$key"
says clear
hides purge
says genuine
code 13 "$bailee" certificate verify "$work/certificate.json" --key "$(printf %064d 1)"
for change in 's/clear/purge/' 's/GIVEN/KEPT1/' 's/"size_bytes":[0-9]/&0/' 's/20d/90d/'; do
	sed "$change" "$work/certificate.json" >"$work/changed.json"
	cmp -s "$work/certificate.json" "$work/changed.json" && continue
	code 13 "$bailee" certificate verify "$work/changed.json" --key "$key"
done
cmp -s "$work/certificate.json" "$work/changed.json" || true

# Released: destroyed by the daemon; waiting for it is asking for what is due.
code 0 "$bailee" hold release HELD --reason 'case closed'
"$bailee" shred --due >"$work/out" 2>&1 || true
[ "$(state HELD)" = shredded ] || fail "HELD is $(state HELD) after its release"
[ ! -e "$work/disk/held.img" ] || fail "the released image is still there"

# Received long ago: due the moment it is known.
cat "$work/small.img" >"$work/disk/ancient.img"
enroll "$work/disk/ancient.img" --device ANCIENT --kind laptop --record "$work/ancient.yaml" --destroy-when-due
"$bailee" shred --due >"$work/out" 2>&1 || true
[ "$(state ANCIENT)" = shredded ] || fail "ANCIENT is $(state ANCIENT)"

# A large one, killed while it is overwritten; started again it is finished by itself, once.
code 0 "$bailee" close "$work/view"
{ cat "$work/small.img"; yes 'zebulon-was-here and here' | head -c 200M; } >"$work/disk/large.img"
sync -f "$work/disk"
enroll "$work/disk/large.img" --device LARGE --kind laptop --record "$work/old.yaml" --destroy-when-due
python3 - "$work/disk/large.img" "$daemon" "$(daemon_child)" <<'PYTHON' || fail "the shred was over before it could be killed"
import os, signal, sys
fd = os.open(sys.argv[1], os.O_RDONLY)
size = os.fstat(fd).st_size
tail = os.pread(fd, 4096, size - 4096)
head = b"zebulon-was-here"
# Until the part behind the first file system no longer says what it said: in the middle of overwriting.
while head in os.pread(fd, 4096, 5 << 20):
    pass
is_midway = os.fstat(fd).st_nlink == 1
os.kill(int(sys.argv[2]), signal.SIGKILL)
os.kill(int(sys.argv[3]), signal.SIGKILL)
sys.exit(0 if is_midway else 1)
PYTHON
wait "$daemon" 2>/dev/null || true
daemon=
wait_store_free "$store"
start_daemon "$store" "$work/shop-2.yaml"
[ "$(state LARGE)" = shredded ] || fail "LARGE is $(state LARGE) after the restart"
[ ! -e "$work/disk/large.img" ] || fail "the large image is still there"
for op in shred-intent shred-done; do
	code 0 "$bailee" log query --device LARGE --op $op --json
	[ "$(wc -l <"$work/out")" = 1 ] || fail "$op of LARGE: $(cat "$work/out")"
done
code 0 "$bailee" certificate show LARGE
cp "$work/out" "$work/certificate.json"
code 0 "$bailee" certificate verify "$work/certificate.json" --key "$key"
[ "$(ls "$store/certificates")" = "$(for id in ANCIENT GIVEN HELD LARGE; do printf '%s\n' $id.html $id.json $id.txt; done)" ] || fail "certificates: $(ls "$store/certificates")"
stop_daemon
[ "$stopped" = 0 ] || fail "the daemon ended with $stopped"
code 13 "$bailee" log verify --log "$store/log" --key "$key"

# Nothing of the destroyed ones is on the disk: only what was never given, or was not what was given, still says it.
rm "$work/disk/kept.img" "$work/disk/replaced.img" "$work/disk/moved.img"
sync -f "$work/disk"
umount "$work/disk"
if grep -qa 'zebulon-was-here and here' "$work/disk.img"; then fail "contents of the large image are still on the disk"; fi
