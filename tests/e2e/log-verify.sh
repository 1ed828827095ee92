# The log, from outside: every request has its event once, queries filter, a copy verifies, and every change to it is found.
. "$BAILEE_ROOT/tests/e2e/lib.sh"
need_root
need_fuse
need mke2fs jq setpriv python3 iconv
cp "$BAILEE_ROOT/examples/policies/shop.yaml" "$work/shop.yaml"
mkdir -p "$work/files/Marta Quill"
echo 'write to marta.quill@post.example, card 4111 1111 1111 1111' >"$work/files/secret-plans.txt"
{ printf 'SQLite format 3\0'; printf 'card 4111 1111 1111 1111\n'; } >"$work/files/wide.txt"
echo empty >"$work/files/Marta Quill/inside.txt"
truncate -s 4M "$work/one.img"
mke2fs -q -d "$work/files" "$work/one.img"
printf 'maker: A\ncustomer: {name: Marta Quill, email: marta.quill@post.example}\n' >"$work/record.yaml"
start_daemon "$work/store" "$work/shop.yaml"
code 0 "$bailee" enroll "$work/one.img" --device RMA-1 --kind laptop --record "$work/record.yaml"
code 0 "$bailee" enroll "$work/one.img" --device RMA-2 --kind disk
view 61001 "$work/view-1" --purpose repair
view 61002 "$work/view-2" --purpose repair --reason 'ticket 5'

# One scripted session, each step alone; then its events, each exactly once.
python3 - "$work" "$work/store/log" <<'PYTHON'
import os, sys
work = sys.argv[1]
def act(uid, what):
    pid = os.fork()
    if pid == 0:
        os.setgroups([]); os.setgid(uid); os.setuid(uid)
        what()
        os._exit(0)
    if os.waitpid(pid, 0)[1] != 0:
        sys.exit("a step of the session failed")
def read():
    fd = os.open(work + "/view-2/RMA-1/p1-ext2/secret-plans.txt", os.O_RDONLY | os.O_DIRECT)
    assert len(os.pread(fd, 7, 0)) == 7
    assert len(os.pread(fd, 9, 7)) == 9
    os.close(fd)
def refuse(uid, name):
    def go():
        try:
            os.open(work + "/view-%d/RMA-1/p1-ext2/%s" % (uid, name), os.O_RDONLY)
        except PermissionError:
            return
        os._exit(1)
    return go
def absent():
    try:
        os.stat(work + "/view-2/RMA-1/p1-ext2/not-there.txt")
    except FileNotFoundError:
        return
    os._exit(1)
act(61002, read)
act(61001, refuse(1, "secret-plans.txt"))
act(61002, refuse(2, "wide.txt"))
act(61002, absent)
act(61002, lambda: os.listdir(work + "/view-2/RMA-1/p1-ext2"))
PYTHON
code 0 as 61002 "$bailee" why "$work/view-2/RMA-1/p1-ext2/secret-plans.txt"
code 0 "$bailee" close "$work/view-2"
code 0 "$bailee" log query --json
cp "$work/out" "$work/events"

# count FILTER: how many events of the session a jq condition holds for
count() { jq -s "[.[] | select($1)] | length" "$work/events"; }
once() { [ "$(count "$2")" = "${3:-1}" ] || { jq -c . "$work/events" | cut -c1-300; fail "$1: $(count "$2") events, wanted ${3:-1}"; }; }
once 'start' '.op == "start"'
once 'policy' '.op == "policy-loaded"'
once 'enrolled' '.op == "enrolled"' 2
once 'view opened' '.op == "view-opened" and .verdict == "permitted"' 2
once 'view closed' '.op == "view-closed"'
once 'first read' '.op == "read" and .uid == 61002 and .offset == 0 and .bytes == 7 and .verdict == "permitted"'
once 'second read' '.op == "read" and .uid == 61002 and .offset == 7 and .bytes == 9'
once 'reads' '.op == "read"' 2
once 'permitted open' '.op == "open" and .uid == 61002 and .verdict == "permitted" and .errno == 0'
once 'denied open' '.op == "open" and .uid == 61001 and .verdict == "denied" and .errno == 13 and .rule == "default"'
once 'withheld open' '.op == "open" and .uid == 61002 and .verdict == "withheld" and .errno == 13'
once 'absent name' '.op == "lookup" and .uid == 61002 and .errno == 2'
once 'why' '.op == "why" and .uid == 61002'
[ "$(count '.op == "list" and .uid == 61002 and .bytes > 0')" -ge 1 ] || fail "listing has no event"
[ "$(count '.op == "lookup" and .uid == 61001 and .device == "RMA-1"')" -ge 1 ] || fail "lookups have no event"
# Three ways to the same file are one token; another file is another.
[ "$(jq -s '[.[] | select(.op == "open" or .op == "read" or .op == "why") | select(.verdict != "withheld") | .token] | unique | length' "$work/events")" = 1 ] || fail "one file, several tokens"
[ "$(jq -s '[.[].sequence] == [range(1; length + 1)]' "$work/events")" = true ] || fail "sequence numbers have gaps"

# Filters: what is told is exactly what a condition on the whole says, and neither nothing nor all.
filters() {
	condition=$1
	shift
	# Asking is itself an event: count up to the last one known before.
	code 0 "$bailee" log query --json "$@"
	jq -s -c --argjson last "$(jq -s 'map(.sequence) | max' "$work/events")" '[.[] | select(.sequence <= $last) | .sequence]' "$work/out" >"$work/told"
	jq -s -c "[.[] | select($condition) | .sequence]" "$work/events" >"$work/expected"
	cmp -s "$work/told" "$work/expected" || fail "query $*: $(cat "$work/told") instead of $(cat "$work/expected")"
	[ "$(jq length "$work/told")" -gt 0 ] || fail "query $* finds nothing"
	[ "$(jq length "$work/told")" -lt "$(wc -l <"$work/events")" ] || fail "query $* filters nothing"
}
filters '.uid == 61002' --uid 61002
filters '.uid == null' --uid 4294967295
filters '.device == "RMA-2"' --device RMA-2
filters '.op == "open"' --op open
filters '.op == "view-opened"' --op view-opened
filters '.verdict == "denied"' --verdict denied
filters '.verdict == "withheld"' --verdict withheld
filters '.rule == "bench-looks"' --rule bench-looks
filters '.view == 2' --view 2
# The event that begins a session has its number, and a view of the same number is none.
opened=$(jq -r 'select(.op == "view-opened") | .sequence' "$work/events" | head -n 1)
filters ".sequence == $opened" --session "$opened"
filters '.uid == 61002 and .op == "read"' --uid 61002 --op read
today=$(date -u +%Y-%m-%d)
for none in '--until 2001-01-01' '--since 2100-01-01' '--session 1' '--device RMA-404' '--rule no-such-rule' '--uid 4000000000'; do
	code 0 "$bailee" log query --json $none
	if grep -qv '"detail":"log-query"' "$work/out"; then fail "query $none finds something"; fi
done
code 0 "$bailee" log query --json --since 2001-01-01 --until 2100-01-01
[ "$(head -c 14 "$work/out")" = '{"sequence":1,' ] || fail "a wide time leaves events out"
# A second that divides: events before it and from it on are all events, none twice. (The log began in some second; ask a later one.)
first=$(jq -s -r '.[0].time[0:19] + "Z"' "$work/events")
code 0 "$bailee" log query --json --since "$first"
grep -q '"sequence":1,' "$work/out" || fail "--since leaves out its own second"
code 0 "$bailee" log query --json --until "$first"
[ ! -s "$work/out" ] || fail "--until keeps its own second"
code 0 "$bailee" log query --json --last 3
[ "$(wc -l <"$work/out")" = 3 ] || fail "--last 3 tells $(wc -l <"$work/out")"
code 0 "$bailee" log query --json --op read --last 1
[ "$(jq .offset "$work/out")" = 7 ] || fail "--last does not tell the last"
for wrong in '--op sing' '--verdict maybe' '--since yesterday' '--until 2026-13-01' '--since 2026-02-30' '--last many' '--uid root' '--session 0' '--session x' '--last 100001' '--uid -1'; do
	code 2 "$bailee" log query $wrong
	[ "$(wc -l <"$work/out")" = 1 ] || fail "$wrong is not refused in one line"
done

key=$(public_key)
stop_daemon
[ "$stopped" = 0 ] || fail "the daemon ended with $stopped"

# No name and no value in the clear, in any encoding that would be read back.
python3 - "$work/store" <<'PYTHON' || fail "a name or a value is in the store"
import os, sys
words = ["Marta", "marta", "Quill", "secret-plans", "inside.txt", "not-there", "wide.txt", "4111 1111", "4111111", "post.example", "ticket 5"]
needles = [f for w in words for f in (w.encode(), w.encode("utf-16-le"), w.encode("utf-16-be"))]
bad = 0
for folder, _, names in os.walk(sys.argv[1]):
    for name in names:
        path = os.path.join(folder, name)
        data = open(path, "rb").read()
        for needle in needles:
            if needle in data:
                print(path, needle)
                bad = 1
sys.exit(bad)
PYTHON

# Verified on a copy, offline, with a key brought along.
cp -r "$work/store/log" "$work/copy"
code 13 "$bailee" log verify --log "$work/copy" --key "$key" --store "$work/none"
says 'good'
code 13 "$bailee" log verify --log "$work/copy" --key "$key" --json
[ "$(jq -r '.verdict' "$work/out")" = 'good, not anchored' ] || fail "verdict of a good log"
[ "$(jq '.records == .last_sequence and .first_sequence == 1 and .checkpointed_sequence == .last_sequence and .frames > 0 and .segments > 0 and .checkpoints > 0 and (.is_torn | not) and (has("problem") | not)' "$work/out")" = true ] || fail "fields of a good log: $(cat "$work/out")"
printf '%s\n' "$key" >"$work/key"
code 13 "$bailee" log verify --log "$work/copy" --key "$work/key"
code 2 "$bailee" log verify --log "$work/copy" --key "$(printf %064d 1)"
code 2 "$bailee" log verify --log "$work/copy" --key nonsense
code 2 "$bailee" log verify --log "$work/files" --key "$key"
code 2 "$bailee" log verify --log "$work/none" --key "$key"

# flip FILE OFFSET: one bit of one byte
flip() {
	python3 -c '
import sys
with open(sys.argv[1], "r+b") as file:
    file.seek(int(sys.argv[2]))
    byte = file.read(1)[0]
    file.seek(int(sys.argv[2]))
    file.write(bytes([byte ^ 1]))' "$1" "$2"
}
fresh() {
	rm -rf "$work/bad"
	cp -r "$work/store/log" "$work/bad"
	segment=$(ls "$work/bad"/seg.* | head -n 1)
	notes=$(ls "$work/bad/checkpoints"/* | tail -n 1)
}
broken() {
	code "${2:-12}" "$bailee" log verify --log "$work/bad" --kit "$work/store/auditor.kit"
	[ "${2:-12}" != 12 ] || says BROKEN
	code "${2:-12}" "$bailee" log verify --log "$work/bad" --kit "$work/store/auditor.kit" --json
	[ "${2:-12}" != 12 ] || [ "$(jq -r '.verdict == "broken" and (.problem | length) > 0 and has("bad_file") and has("bad_offset") and has("bad_sequence")' "$work/out")" = true ] || fail "$1: --json says $(cat "$work/out")"
}
# Header fields, frame header, record, chain, reserved mac, trailer, and right behind the end.
used=$(python3 -c 'import sys; print(len(open(sys.argv[1], "rb").read().rstrip(b"\0")))' "$(ls "$work/store/log"/seg.* | head -n 1)")
for at in 0 9 20 33 41 57 90 120 140 200 4064 4095 4096 4100 4104 4112 4120 4124 4130 4150 4200 $((used - 50)) $((used - 20)) $((used - 5)) $((used - 1)) $((used)) $((used + 200000)); do
	fresh
	flip "$segment" "$at"
	broken "byte $at"
done
size=$(stat -c %s "$notes")
for at in 0 20 60 100 130 150 200 230 266 $((size - 1)) $((size / 2)); do
	fresh
	flip "$notes" "$at"
	broken "checkpoint byte $at"
done
for at in 0 9 17 40 70 100 2000 4095; do
	fresh
	flip "$work/bad/log.id" "$at"
	broken "byte $at of log.id"
done
fresh
truncate -s -4096 "$segment"
broken 'a truncated segment'
fresh
truncate -s "$((used / 2))" "$segment"
broken 'a segment cut in the middle'
fresh
rm "$segment"
broken 'a segment removed'
fresh
truncate -s -267 "$notes"
truncate -s 0 "$notes"
printf 'torn\0' >"$work/bad/checkpoints/2001-01-01"
broken 'foreign checkpoints'
fresh
mv "$segment" "$work/bad/seg.0000000000000002"
broken 'a segment renamed'
fresh
: >"$work/bad/seg.xyz"
broken 'a foreign segment'
# Two neighbouring frames change places; a record is taken out with its frame.
fresh
python3 - "$segment" <<'PYTHON'
import struct, sys
data = bytearray(open(sys.argv[1], "rb").read())
at, frames = 4096, []
while data[at:at + 4] == b"BLFR":
    length = struct.unpack_from("<I", data, at + 4)[0]
    frames.append(bytes(data[at:at + length]))
    at += length
assert len(frames) > 6
frames[3], frames[4] = frames[4], frames[3]
data[4096:at] = b"".join(frames)
open(sys.argv[1], "wb").write(data)
PYTHON
broken 'frames that changed places'
fresh
python3 - "$segment" <<'PYTHON'
import struct, sys
data = bytearray(open(sys.argv[1], "rb").read())
at, frames = 4096, []
while data[at:at + 4] == b"BLFR":
    length = struct.unpack_from("<I", data, at + 4)[0]
    frames.append(bytes(data[at:at + length]))
    at += length
last = frames.pop()
data[4096:at] = b"".join(frames) + bytes(len(last))
open(sys.argv[1], "wb").write(data)
PYTHON
broken 'the last frame dropped: the checkpoint speaks of it'

# The store starts again on the untouched log, and not behind a tampered last segment; nothing is changed then.
start_daemon "$work/store" "$work/shop.yaml"
stop_daemon
flip "$(ls "$work/store/log"/seg.* | tail -n 1)" 4200
sum=$(cat "$work/store/log"/seg.* | cksum)
code 12 timeout 20 "$bailee" serve --store "$work/store" --policy "$work/shop.yaml"
[ "$(cat "$work/store/log"/seg.* | cksum)" = "$sum" ] || fail "a tampered log was changed"
