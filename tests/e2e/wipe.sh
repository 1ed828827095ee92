# The wipe check on block devices: what is empty, what is not, and what could not be read; what is found is told by class and place and
# never by value; whatever happens meanwhile gives no statement that says more than was seen; restocking asks for one that says empty.
#
# Not here: a serial number that contradicts the record's (a loop device has none).
. "$BAILEE_ROOT/tests/e2e/lib.sh"
. "$BAILEE_ROOT/tests/e2e/later.inc"
need_root
need_fuse
need jq setpriv losetup sfdisk mkfs.ext4 blockdev /usr/bin/python3
/usr/bin/python3 -c 'import nacl.signing' 2>/dev/null || skip "needs PyNaCl"
other_clock
cat >"$work/policy.yaml" <<'YAML'
bailee: 1
name: wipe
serial: 1
timezone: UTC
people:
  'uid:61001': {roles: [desk]}
  'uid:61002': {roles: [officer]}
  'uid:61003': {roles: [guest]}
roles: {desk: {}, officer: {}, guest: {}}
detect: {sets: [contact, payment], customer: true}
defaults: {access: forbid, mask: fill, unscanned: withhold}
rules:
  - {id: desk-works, permit: [list, intake], who: [desk], why: They take devices in.}
  - {id: officers-decide, permit: [release, shred, review], who: [officer], why: They decide.}
  - {id: guests-list, permit: [list], who: [guest], why: They see what there is.}
retention:
  - {id: month, destroy_after: {intake: 30d}}
YAML
store=$work/store
mkdir "$work/media" "$work/seen" "$work/mnt"
mkdir -m 777 "$work/theirs"
desk() { as 61001 "$bailee" "$@"; }
# medium NAME SIZE: a blank loop device of that size, $device, that the desk may read and write; its file is $file
medium() {
	file=$work/media/$1
	truncate -s "$2" "$file"
	device=$(losetup -f --show "$file")
	at_end "losetup -d $device"
	chmod 666 "$device"
	size=$(blockdev --getsize64 "$device")
}
inspections=0
# inspect VERDICT [ARGUMENT...]: $device is that; its statement is $said, and holds by both verifiers
inspect() {
	verdict=$1
	shift
	inspections=$((inspections + 1))
	said=$work/theirs/$inspections.json
	code $([ "$verdict" = EMPTY ] && echo 0 || echo 13) desk inspect "$device" --out "$said" "$@"
	cp "$work/out" "$work/seen/$inspections.page"
	cp "$said" "$work/seen/$inspections.json"
	[ "$(jq -r .verdict "$said")" = "$verdict" ] || fail "$device is $(jq -r .verdict "$said"), not $verdict"
	[ "$(head -n 1 "$work/out" | cut -d: -f1 | tr ' ' _)" = "$verdict" ] || fail "the page says $(head -n 1 "$work/out")"
	code 0 "$bailee" certificate verify "$said" --key "$key"
	code 0 "$bailee" certificate verify "$said" --key "$key" --html
	cp "$work/out" "$work/seen/$inspections.html"
	/usr/bin/python3 "$BAILEE_ROOT/tests/tools/check-inspection.py" "$said" --key "$key" >"$work/out" || fail "the statement: $(cat "$work/out" "$said")"
	found '.medium.kind == "block device" and .medium.is_virtual and .medium.serial == null and .medium.serial_matches == "unknown"'
	found ".medium.size_bytes == $size"
}
found() { jq -e "$1" "$said" >/dev/null || fail "$1 is not so: $(cat "$said")"; }
show() { "$bailee" device show "$1" --json | jq -r "$2"; }
start_daemon "$store" "$work/policy.yaml"
key=$(public_key)

# ---- what is planted, and must never be said ----
mail=quincy.gooseberry@example.org
card='5555 5555 5555 4444'
live=meredith.medlar@example.net
name='Zebulon Whortleberry'
cat >"$work/record.yaml" <<YAML
serial: SN-0042
customer: {name: $name}
YAML
echo 'nothing of note' >"$work/source"
code 0 desk enroll "$work/source" --device KNOWN --kind disk --record "$work/record.yaml"

# ---- empty ----
medium zeros 24M
inspect EMPTY
found '.read.fill == 0 and .regions.count == 0 and .device == null'
medium ones 16M
head -c 16M /dev/zero | tr '\000' '\377' >"$file"
inspect EMPTY
found '.read.fill == 255'
# Not quite: one byte of another kind, in either.
printf '\000' | dd of="$file" bs=1 seek=5000000 conv=notrunc status=none
inspect NOT_EMPTY
found '.regions.first == [[5000000, 1]] and .findings.total == 0'
medium last 24M
printf 'x' | dd of="$file" bs=1 seek=$((size - 1)) conv=notrunc status=none
inspect NOT_EMPTY
found ".regions.first == [[$((size - 1)), 1]] and .regions.bytes == 1"
medium random 16M
head -c 16M /dev/urandom >"$file"
inspect NOT_EMPTY
found ".regions.bytes > $((size * 9 / 10))"

# ---- tables and filesystems ----
medium dos 32M
echo 'start=2048, type=83' | sfdisk -q --no-reread "$device" >/dev/null 2>&1
inspect NOT_EMPTY
found '.tables | length > 0'
found '.tables[0].offset == 0'
medium gpt 32M
echo 'start=2048' | sfdisk -q --no-reread -X gpt "$device" >/dev/null 2>&1
inspect NOT_EMPTY
found "[.tables[] | select(.type == \"gpt\") | .offset] == [0, $((size - 512))]"
# Whoever wipes the front leaves the copy at the end.
dd if=/dev/zero of="$file" bs=1M count=8 conv=notrunc status=none
inspect NOT_EMPTY
found ".tables | length == 1 and .[0].offset == $((size - 512))"
found ".regions.first[0][0] >= $((size - 33 * 512))"

medium ext4 64M
mkfs.ext4 -q -E lazy_itable_init=0 "$device"
mount "$device" "$work/mnt"
at_end "umount '$work/mnt'"
printf 'write to %s, card %s\n' "$mail" "$card" >"$work/mnt/deleted.txt"
printf 'write to %s\n' "$live" >"$work/mnt/live.txt"
sync -f "$work/mnt"
rm "$work/mnt/deleted.txt"
umount "$work/mnt"
inspect NOT_EMPTY
found '.filesystems | length > 0'
found '.findings.classes.email.free == 1 and .findings.classes.email.allocated == 1'
found '.findings.classes.card.free == 1 and .findings.classes.card.allocated == 0'
# Its superblock is gone: then the same is nobody's, or still found by a copy.
place=$(jq '[.findings.places[] | select(.class == "card")][0].offset' "$said")
[ "$(dd if="$file" bs=1 skip="$place" count=19 status=none)" = "$card" ] || fail "no card at $place"
dd if=/dev/zero of="$file" bs=1M count=1 conv=notrunc status=none
inspect NOT_EMPTY
found ".findings.places | map(select(.class == \"card\"))[0].offset == $place"

# ---- what is known of the customer, in another writing ----
medium known 24M
/usr/bin/python3 - "$file" "$name" <<'PYTHON'
import sys
with open(sys.argv[1], "r+b") as file:
    for at, how in ((3 << 20, "utf-16-le"), (9000001, "utf-16-be"), (20000003, "utf-8")):
        file.seek(at)
        file.write(sys.argv[2].encode(how))
PYTHON
inspect NOT_EMPTY --device KNOWN
found '.device.id == "KNOWN" and .device.serial == "SN-0042" and .identities > 0'
found '[.findings.classes[].identity] | add == 3'
# Between zeros the one order of UTF-16 is the other one a byte later.
found "[.findings.places[].offset] == [$((3 << 20)), 9000002, 20000003]"
[ "$(show KNOWN .inspected.verdict)" = NOT_EMPTY ] || [ "$(show KNOWN .inspected.empty)" = false ] || fail "the record: $(show KNOWN .inspected)"
code 0 as 61002 "$bailee" certificate show KNOWN --inspect
cmp "$work/out" "$said" || fail "what is kept is another statement"

# What other programs said is attached, and counts for nothing.
printf '{"sstat": 1, "sprog": 65535}\n' >"$work/report.json"
printf 'no report at all\n' >"$work/report.txt"
code 2 desk inspect "$device" --report "$work/report.txt"
code 2 desk inspect "$device" --report "$work/none"
inspect NOT_EMPTY --report "$work/report.json"
found '.reports | length == 1'
found ".reports[0].digest == \"$(sha256sum "$work/report.json" | cut -c1-64)\""

# ---- who may ----
statement() { sha256sum "$store/certificates/KNOWN~inspect.json"; }
statement >"$work/before"
code 3 as 61003 "$bailee" inspect "$device"
code 3 as 61003 "$bailee" inspect "$device" --device KNOWN
chmod 600 "$device"
code 3 desk inspect "$device" --device KNOWN
says 'Permission denied'
chmod 666 "$device"
code 1 desk inspect "$device" --device NONE
code 2 desk inspect "$work/media/none"
code 2 desk inspect "$work/media"
touch "$work/theirs/there.json"
got=0
desk inspect "$device" --out "$work/theirs/there.json" >"$work/out" 2>&1 || got=$?
[ $got = 1 ] || [ $got = 2 ] || fail "a file is overwritten: $got"
[ ! -s "$work/theirs/there.json" ] || fail "a file was overwritten"
statement | cmp - "$work/before" || fail "what was refused was recorded"

# ---- what happens meanwhile ----
# begun NAME [ARGUMENT...]: 4 GiB of nothing are being read; $client is at work
sectors() { awk '{ print $3 }' "/sys/block/${device#/dev/}/stat"; }
begun() {
	medium "$1" 4G
	shift
	read_before=$(sectors)
	as 61001 "$bailee" inspect "$device" --json "$@" >"$work/said" 2>&1 &
	client=$!
	until [ "$(sectors)" -ge $((read_before + 32768)) ]; do kill -0 $client || fail "it ended: $(cat "$work/said")"; done
	kill -0 $client || fail "it was over too soon"
}
# The client dies: the daemon lets go of the medium, lives, and has nothing on record.
begun killed --device KNOWN
kill -9 "$(cat "/proc/$client/task/$client/children" | tr -d ' ')"
wait $client 2>/dev/null || true
until ! ls -l "/proc/$(daemon_child)/fd" | grep -q "$device\$"; do sleep 0.02; done
statement | cmp - "$work/before" || fail "half a check was recorded"
[ "$("$bailee" log query --device KNOWN --op inspected --verdict permitted --json | wc -l)" = 1 ] || fail "events: $("$bailee" log query --device KNOWN --op inspected --json)"
# The daemon is killed: the client is told, and nothing is on record.
begun crashed --device KNOWN
kill_daemon
got=0
wait $client || got=$?
[ $got != 0 ] && [ $got != 13 ] || fail "the daemon died and the client says $got: $(cat "$work/said")"
start_daemon "$store" "$work/policy.yaml"
statement | cmp - "$work/before" || fail "half a check was recorded before a crash"
# It shrinks: not read, whatever was seen of it.
begun shrunk --out "$work/theirs/shrunk.json"
truncate -s 64M "$file"
losetup -c "$device"
got=0
wait $client || got=$?
[ $got = 13 ] || fail "a medium that shrinks: $got, $(cat "$work/said")"
said=$work/theirs/shrunk.json
found '.verdict == "NOT_READ"'
/usr/bin/python3 "$BAILEE_ROOT/tests/tools/check-inspection.py" "$said" --key "$key" >"$work/out" || fail "the statement: $(cat "$work/out" "$said")"

# ---- bytes that cannot be read ----
medium bad 8M
if echo "0 8192 linear $device 0
8192 8 error
8200 8184 linear $device 8200" | dmsetup create bailee-wipe-$$ 2>/dev/null; then
	at_end "dmsetup remove bailee-wipe-$$"
	device=/dev/mapper/bailee-wipe-$$
	chmod 666 "$device"
	inspect NOT_READ
	found '.read.unreadable_bytes == 4096 and .read.bytes + 4096 == .medium.size_bytes'
	printf 'x' | dd of="$file" bs=1 seek=100 conv=notrunc status=none
	inspect NOT_EMPTY
else
	echo "wipe: no device mapper here, so nothing that cannot be read"
fi

# ---- back to stock ----
medium wiped 24M
inspect EMPTY --device KNOWN
clock 60 60
# What is not ours to destroy needs no shred.
code 0 as 61002 "$bailee" device restock KNOWN --reason 'it goes back as it came'
cp "$work/source" "$work/given"
chown 61001 "$work/given"
code 0 desk enroll "$work/given" --device GIVEN --kind disk --record "$work/record.yaml" --destroy-when-due
restock() { as 61002 "$bailee" device restock GIVEN --reason 'it is empty'; }
code 2 restock
says 'shred it first'
inspect EMPTY --device GIVEN
clock 120 120
code 0 as 61002 "$bailee" shred GIVEN --reason 'the customer is here'
"$bailee" shred --due >"$work/out" 2>&1 || true
[ "$(show GIVEN .state)" = shredded ] || fail "GIVEN is $(show GIVEN .state)"
# The wipe check of before says nothing about now.
code 3 restock
says inspect
clock 180 180
device=$(losetup -j "$work/media/last" -O NAME -n)
size=$(blockdev --getsize64 "$device")
inspect NOT_EMPTY --device GIVEN
code 3 restock
says 'not empty'
device=$(losetup -j "$work/media/wiped" -O NAME -n)
size=$(blockdev --getsize64 "$device")
inspect EMPTY --device GIVEN
found '.identities == 0'
# Both verifiers are told when it is not what was signed.
sed 's/"fill":0/"fill":255/' "$said" >"$work/forged.json"
code 13 "$bailee" certificate verify "$work/forged.json" --key "$key"
code 13 /usr/bin/python3 "$BAILEE_ROOT/tests/tools/check-inspection.py" "$work/forged.json" --key "$key"
# A certificate that is not its own, an older one of another device, or none.
cp "$store/certificates/GIVEN.json" "$work/certificate.kept"
sed 's/"ERASED/"NOT_ERASED/' "$work/certificate.kept" >"$store/certificates/GIVEN.json"
code 13 restock
cp "$store/certificates/KNOWN~inspect.json" "$store/certificates/GIVEN.json"
code 13 restock
rm "$store/certificates/GIVEN.json"
code 13 restock
cp "$work/certificate.kept" "$store/certificates/GIVEN.json"
# The same of the wipe check.
cp "$store/certificates/GIVEN~inspect.json" "$work/inspect.kept"
cp "$store/certificates/KNOWN~inspect.json" "$store/certificates/GIVEN~inspect.json"
code 13 restock
cp "$work/inspect.kept" "$store/certificates/GIVEN~inspect.json"
[ "$(show GIVEN .state)" = shredded ] || fail "GIVEN is $(show GIVEN .state)"
code 3 desk device restock GIVEN --reason 'let me'
code 0 restock
[ "$(show GIVEN .state)" = released ] || fail "GIVEN is $(show GIVEN .state)"

# ---- nothing of what was planted is told anywhere ----
"$bailee" log query --json >"$work/seen/log"
"$bailee" device show KNOWN --json >"$work/seen/show"
stop_daemon
[ "$stopped" = 0 ] || fail "the daemon ended with $stopped"
cp "$work/daemon.err" "$work/seen/err" 2>/dev/null || true
/usr/bin/python3 - "$work/seen" "$work/theirs" "$store" -- "$mail" "$card" "$live" "$name" quincy medlar Whortleberry <<'PYTHON' || fail "a value was told"
import os, sys
split = sys.argv.index("--")
files = [os.path.join(top, name) for folder in sys.argv[1:split] for top, _, names in os.walk(folder) for name in names]
assert len(files) > 40, len(files)
told = 0
for path in files:
    if not os.path.isfile(path):
        continue
    content = open(path, "rb").read().lower()
    for value in sys.argv[split + 1:]:
        for how in ("utf-8", "utf-16-le", "utf-16-be"):
            for text in (value, value.replace(" ", "")):
                if text.lower().encode(how) in content:
                    print(path, "tells", value)
                    told = 1
sys.exit(told)
PYTHON
code 13 "$bailee" log verify --store "$store" --key "$key"
