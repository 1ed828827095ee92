# The report: first whether the log can be believed, then what is in it, the same by the service and of a copy; a broken log, an empty one, a time
# without events; names only with the key; nothing half written.
. "$BAILEE_ROOT/tests/e2e/lib.sh"
need_root
need_fuse
need jq setpriv mke2fs python3
umask 022
store=$work/store

# policy SERIAL [WHY]: the shop, whose officer's rule says WHY
policy() {
	cat <<EOF
bailee: 1
name: report
serial: $1
timezone: Europe/Dublin
uses: [builtin/baseline]
people:
  uid:61001: {roles: [worker]}
  uid:61002: {roles: [copier]}
  uid:61003: {roles: [officer], training_expires: 2026-08-01}
  uid:61004: {roles: [officer, auditor]}
roles: {worker: {}, copier: {}, auditor: {}, officer: {}}
detect: {sets: [contact, payment]}
defaults: {access: forbid, mask: fill, unscanned: withhold}
rules:
  - {id: names, permit: [list, read, request], who: [worker, copier], why: They see what there is.}
  - {id: handed-out, permit: [copy], who: [worker, copier], needs: {approvals: {count: 1, from: [officer], valid: 4h}}, why: What leaves is agreed on.}
  - {id: mail-shown, permit: [unmask], who: [copier], what: {contains: [email]}, needs: {reason: required}, why: An answer goes to the address.}
  - {id: closed-folder, forbid: [copy], who: everyone, what: {paths: ['/closed/**']}, why: '$2'}
  - {id: agrees, permit: [approve, hold, release, shred, review, intake, administer], who: [officer], why: They answer.}
retention:
  - {id: everything, destroy_after: {intake: 90d}}
test_clock: 2026-11-02 10:00
tests:
  - {name: looks, as: 'uid:61001', do: list, device: disk, file: /a, kind: text, expect: permit, rule: names}
EOF
}
policy 1 'That folder rests <script>alert(1)</script> & "so".' >"$work/one.yaml"
policy 2 'That folder rests for ever.' >"$work/two.yaml"
sed -i 's/, training_expires: [-0-9]*//' "$work/one.yaml" "$work/two.yaml"
mkdir "$work/source" "$work/source/closed" "$work/anchors"
echo 'mail kim@harbour-inn.example, card 4111 1111 1111 1111' >"$work/source/a.txt"
cp "$work/source/a.txt" "$work/source/closed/b.txt"
truncate -s 2M "$work/sparse.img"
mke2fs -q -d "$work/source" "$work/sparse.img"
cp --sparse=never "$work/sparse.img" "$work/one.img"
code 0 "$bailee" auditor keygen "$work/ann"
code 0 "$bailee" auditor keygen "$work/bob"
code 0 "$bailee" init --store "$store" --auditor "$work/ann.pub" --kit "$work/kit"

# flip.py FOLDER SEQUENCE: a byte of that record is another one
cat >"$work/flip.py" <<'PYTHON'
import glob, os, struct, sys
folder, wanted = sys.argv[1], int(sys.argv[2])
for name in sorted(glob.glob(folder + "/seg.*")):
    data = bytearray(open(name, "rb").read())
    at = 4096
    while data[at:at + 4] == b"BLFR":
        length, = struct.unpack_from("<I", data, at + 4)
        count, = struct.unpack_from("<I", data, at + 24)
        record = at + 32
        for _ in range(count):
            size, = struct.unpack_from("<H", data, record)
            if struct.unpack_from("<Q", data, record + 8)[0] == wanted:
                data[record + 32] ^= 1
                open(name, "wb").write(data)
                sys.exit(0)
            record += size
        at += length
sys.exit("no such record")
PYTHON

# report ARGUMENTS: in $work/report.json, with exit code $want
report() {
	want=$1
	shift
	got=0
	"$bailee" log report --json "$@" >"$work/report.json" 2>"$work/out" || got=$?
	[ "$got" = "$want" ] || fail "log report $*: exit code $got, wanted $want: $(cat "$work/out")"
}
# is EXPRESSION [EXPRESSION]: true of the report
is() { jq -e "$1" "$work/report.json" >/dev/null || fail "the report is otherwise: $1 of $(jq -c "${2:-.}" "$work/report.json" | cut -c -1500)"; }

serve_options="--anchor $work/anchors"
start_daemon "$store" "$work/one.yaml"
for id in D1 D2; do code 0 "$bailee" enroll "$work/source" --device $id --kind disk; done
code 0 "$bailee" enroll "$work/one.img" --device D3 --kind disk --destroy-when-due
view 61001 "$work/61001" --reason 'to look for the quince'
as 61001 ls "$work/61001/D1" >/dev/null
for n in 1 2 3; do as 61001 cat "$work/61001/D1/closed/b.txt" >/dev/null 2>&1 && fail "what is forbidden is read"; done
as 61001 cat "$work/61001/D2/a.txt" >/dev/null 2>&1 && fail "a worker reads without being agreed on"
code 0 as 61002 "$bailee" request copy D1 /a.txt --reason 'an answer to a quince letter'
code 0 as 61003 "$bailee" approve D1/1
view 61002 "$work/61002" --reason 'an answer to a quince letter' --purpose repair
as 61002 cat "$work/61002/D1/a.txt" >"$work/seen"
grep -q kim@harbour-inn.example "$work/seen" || fail "nothing was unmasked: $(cat "$work/seen")"
code 0 as 61003 "$bailee" hold add D2 --reason 'a letter of the quince court'
code 0 as 61003 "$bailee" policy load "$work/two.yaml" --reason 'quince season'
code 2 as 61003 "$bailee" policy load "$work/one.yaml" --reason 'back again'
code 0 as 61003 "$bailee" shred D3 --reason 'wished by the quince'
pass
code 0 as 61003 "$bailee" incident open D2 --kind complaint --text 'something was said'
code 0 as 61003 "$bailee" log query --last 1 --reason 'the audit'

# By the service, verified by who may read the folder: everything is told, by numbers that the log confirms.
report 13 --kit "$work/kit"
is '.format == "bailee.report/v1" and .integrity.state == "not-anchored" and .integrity.by == "auditor" and .integrity.has_macs' .integrity
is '.period.zone == "Europe/Dublin" and .period.since == null' .period
last=$(jq .integrity.vouched_sequence "$work/report.json")
"$bailee" log query --json | jq -c "select(.sequence <= $last)" >"$work/events"
jq -c 'select(.op | IN("lookup", "list", "stat", "readlink", "open", "read", "shown"))' "$work/events" >"$work/accesses"
# same EXPRESSION EXPRESSION: over the accesses of the log, and of the report
same() { [ "$(jq -s "$1" "$work/accesses")" = "$(jq "$2" "$work/report.json")" ] || fail "the report counts otherwise: $2 is $(jq "$2" "$work/report.json"), by the log $(jq -s "$1" "$work/accesses")"; }
for verdict in permitted denied asked withheld failed; do
	same "[.[] | select(.verdict == \"$verdict\") | 1 + .repeats] | add // 0" ".totals.$verdict"
done
all='[.[] | 1 + .repeats] | add'
same "$all" .totals.events
same "$all" '[.over_time.points[] | .permitted + .denied] | add'
same "$all" '.week | add'
same '[.[] | select(.op == "read" and .verdict == "permitted") | .bytes] | add' .totals.bytes
[ "$(jq -s '[.[] | select(.verdict == "denied") | 1 + .repeats] | add' "$work/events")" = "$(jq .totals.denials "$work/report.json")" ] || fail "the report counts other denials"
for uid in 61001 61002; do
	same "[.[] | select(.uid == $uid) | 1 + .repeats] | add" ".people[] | select(.uid == $uid) | .events"
	same "[.[] | select(.uid == $uid and .verdict == \"denied\") | 1 + .repeats] | add // 0" ".people[] | select(.uid == $uid) | .denied"
	same "[.[] | select(.uid == $uid) | .sequence] | min" ".people[] | select(.uid == $uid) | .first_sequence"
done
is '.people[] | select(.uid == 61002) | .roles == ["copier"]' .people
is '[.devices[].device] | sort == ["D1", "D2"]' .devices
is '(.devices[] | select(.device == "D2")) | .state == "held" and .kind == "disk"' .devices
is '.denials | any(.rule == "closed-folder" and .uid == 61001 and .device == "D1" and .text == "That folder rests for ever.")' .denials
is '.unmasking | length == 1' .unmasking
is '.unmasking[0] | .uid == 61002 and .device == "D1" and .classes == "email" and .purpose == "unknown" and .reason == null' .unmasking
sequence=$(jq '.unmasking[0].sequence' "$work/report.json")
[ "$(jq "select(.sequence == $sequence) | .op" "$work/events")" = '"open"' ] || fail "event $sequence is no open"
is '[.policies[] | .is_refused] == [false, false, true]' .policies
is '.policies[1].diff | any(.sign == "-" and (.text | contains("<script>alert(1)</script>"))) and any(.sign == "+" and (.text | contains("for ever")))' .policies
is '.policies[0].is_kept and .policies[1].is_kept and .policies[1].serial == 2 and .policies[1].reason == null' .policies
is '.holds | length == 2 and .[1].incident == 1' .holds
is '.holds[0] | .device == "D2" and .uid == 61003 and .reason == "a letter of the quince court"' .holds
is '[.hold_events[] | .what] == ["added", "added"]' .hold_events
is '.shreds | any(.device == "D3" and .what == "device" and .is_erased)' .shreds
certificate=$(jq -r '.shreds[] | select(.device == "D3" and .what == "device").certificate' "$work/report.json")
[ "$certificate" = "$(b2sum -l 256 "$store/certificates/D3.json" | cut -d ' ' -f 1)" ] || fail "the certificate is another one: $certificate"
is '.incidents | any(.device == "D2" and .state == "open" and .uid == 61003)' .incidents
is '.readers | any(.uid == 61003 and (.what | startswith("log-query")))' .readers
is '[.readers[] | select(.what == "log-report")] | length == 1' .readers
is '.limits | any(contains("sealed in the log"))' .limits
[ "$(jq '.policies[1].digest' -r "$work/report.json")" = "$(b2sum -l 256 "$work/two.yaml" | cut -d ' ' -f 1)" ] || fail "the digest is another one"
cmp "$work/two.yaml" "$store/policies/$(b2sum -l 256 "$work/two.yaml" | cut -d ' ' -f 1)" || fail "the policy is not kept"
[ "$(stat -c %a "$store/policies" "$store"/policies/* | sort -u | xargs)" = "600 700" ] || fail "kept policies are open to others"

# With what the auditor has outside it is good; of a kit that is another log's nothing is said.
report 0 --kit "$work/kit" --anchor "$work/anchors"/*.anchors
is '.integrity.state == "good" and .integrity.anchored_sequence > 0' .integrity
sed '/^log /y/0123456789abcdef/123456789abcdef0/' "$work/kit" >"$work/other.kit"
report 2 --kit "$work/other.kit"

# Reasons only by an auditor's key, and only for who may have the devices' halves.
report 13 --kit "$work/kit" --names "$work/ann" --reason 'the audit'
is '.unmasking[0].reason == "an answer to a quince letter" and .policies[1].reason == "quince season" and .policies[2].reason == "back again"' '[.unmasking, .policies]'
is '.limits | any(contains("sealed in the log")) | not' .limits
report 13 --kit "$work/kit" --names "$work/bob" --reason 'the audit'
is '.unmasking[0].reason == null and (.limits | any(contains("none of the auditors")))' .limits

# Who may only ask has the service's word, told as that; who may not review has nothing, on record.
# asked CODE ARGUMENTS: the same as uid 61003, who may review and not read the folder
asked() {
	want=$1
	shift
	got=0
	as 61003 "$bailee" log report --json --reason 'the audit' "$@" >"$work/report.json" 2>"$work/out" || got=$?
	[ "$got" = "$want" ] || fail "log report $* as uid 61003: exit code $got, wanted $want: $(cat "$work/out")"
}
asked 13 --kit "$work/kit"
is '.integrity.by == "service" and (.limits | any(contains("could not be used")))' .limits
asked 13
is '.integrity.by == "service" and .integrity.state == "not-anchored" and .totals.events > 0 and (.limits | any(contains("own word")))' .integrity
code 3 as 61001 "$bailee" log report --json
[ "$("$bailee" log query --uid 61001 --op admin --verdict denied --json | jq -s length)" = 1 ] || fail "that a report was refused is no event"
[ -z "$("$bailee" log query --uid 61001 --op admin --verdict permitted 2>/dev/null)" ] || fail "a report was begun for who may not review"

# Times: without events; up to what was; none the wrong way round.
report 13 --kit "$work/kit" --until 2020-01-01
is '.totals.events == 0 and .people == [] and .over_time.points == [] and .period.until_unix == 1577836800' '[.totals, .period]'
report 13 --kit "$work/kit" --since 2099-01-01
is '.totals.events == 0 and .policies == []' .totals
code 2 "$bailee" log report --json --kit "$work/kit" --since 2020-01-01 --until 2019-01-01
code 2 "$bailee" log report --json --kit "$work/kit" --since yesterday-ish
code 2 "$bailee" log report
code 2 "$bailee" log report --json --html - --kit "$work/kit"

# The page: beside its name and renamed; nothing is replaced unasked; never half of one.
code 13 "$bailee" log report --html "$work/report.html" --kit "$work/kit"
says 'not-anchored'
[ "$(stat -c %a "$work/report.html")" = 600 ] || fail "the report is open to others"
grep -q "default-src 'none'" "$work/report.html" || fail "the page has no policy"
grep -q '<script>alert' "$work/report.html" && fail "a rule's text is markup"
cp "$work/report.html" "$work/before.html"
code 2 "$bailee" log report --html "$work/report.html" --kit "$work/kit"
says '--force'
cmp "$work/report.html" "$work/before.html" || fail "the report was replaced"
code 13 "$bailee" log report --html "$work/report.html" --force --kit "$work/kit"
code 13 env LC_ALL=C "$bailee" log report --html "$work/locale.html" --kit "$work/kit"
code 1 "$bailee" log report --html "$work/no-such/report.html" --kit "$work/kit"
[ "$(wc -l <"$work/out")" = 1 ] || fail "more than one line: $(cat "$work/out")"
code 2 "$bailee" log report --html /dev/full --force --kit "$work/kit"
[ -c /dev/full ] || fail "a device was replaced"
mkdir "$work/small"
mount -t tmpfs -o size=8k,mode=700 tmpfs "$work/small"
at_end "umount '$work/small'"
code 1 "$bailee" log report --html "$work/small/report.html" --kit "$work/kit"
says 'No space left'
[ -z "$(ls -A "$work/small")" ] || fail "half a report was left: $(ls -la "$work/small")"
"$bailee" log report --html - --kit "$work/kit" >"$work/stdout.html" || true
grep -q '</html>' "$work/stdout.html" || fail "no page on standard output"

# A copy without a service tells the same numbers.
stop_daemon
code 10 "$bailee" log report --json --store "$store"
cp -a "$store/log" "$work/copy"
report 13 --log "$work/copy" --kit "$work/kit" --zone Europe/Dublin
offline=$(jq -c '[.totals.events, .totals.denied, .totals.bytes, [.people[] | [.uid, .events, .denied, .bytes]], [.denials[] | [.rule, .uid, .count]]]' "$work/report.json")
is '.holds == null and .people[0].person == "" and .policies[1].diff == null and (.limits | any(contains("without the service")))' .limits
is '.unmasking | length == 1' .unmasking
code 2 "$bailee" log report --json --log "$work/copy"
code 2 "$bailee" log report --json --log "$work/nowhere" --kit "$work/kit"
# What comes from here on is behind the moment that both are asked of.
now=$(date +%s)
until [ "$(date +%s)" -gt "$now" ]; do :; done
start_daemon "$store"
report 13 --kit "$work/kit" --until "$(TZ=Europe/Dublin date -d "@$((now + 1))" '+%Y-%m-%d %H:%M:%S')"
online=$(jq -c '[.totals.events, .totals.denied, .totals.bytes, [.people[] | [.uid, .events, .denied, .bytes]], [.denials[] | [.rule, .uid, .count]]]' "$work/report.json")
[ "$online" = "$offline" ] || fail "the service and the copy differ: $online and $offline"
# Broken while the service runs: it says so itself, and to who reads the folder it is no secret; no event behind that is told.
middle=$("$bailee" log report --json --log "$work/copy" --kit "$work/kit" | jq '.unmasking[0].sequence')
/usr/bin/python3 "$work/flip.py" "$store/log" "$middle"
asked 12
is ".integrity.by == \"service\" and .integrity.state == \"broken\" and .integrity.vouched_sequence < $middle and .integrity.vouched_sequence > 0" .integrity
is ".totals.events > 0 and .totals.last_sequence <= .integrity.vouched_sequence and .unmasking == [] and .shreds == []" .totals
events=$(jq -c '[.totals, .denials, .people]' "$work/report.json")
report 12 --kit "$work/kit" --names "$work/ann"
is '.integrity.by == "auditor" and (.holds | length == 2)' .integrity
[ "$(jq -c .totals "$work/report.json")" = "$(echo "$events" | jq -c '.[0]')" ] || fail "the service tells others of a broken log: $events and $(jq -c .totals "$work/report.json")"
"$bailee" log report --json --kit "$work/kit" >/dev/full 2>"$work/out" && fail "a full disk is no failure"
stop_daemon

# A byte of an event in the middle: said first, with where; what is before it is told, and nothing behind it.
cp -a "$work/copy" "$work/broken"
/usr/bin/python3 "$work/flip.py" "$work/broken" "$middle"
report 12 --log "$work/broken" --kit "$work/kit" --html "$work/broken.html"
is ".integrity.state == \"broken\" and .integrity.looks == \"changed\" and .integrity.vouched_sequence < $middle and .integrity.vouched_sequence > 0" .integrity
is ".totals.events > 0 and .totals.last_sequence <= .integrity.vouched_sequence" .totals
is '.unmasking == [] and .shreds == [] and (.denials | length > 0)' '[.unmasking, .shreds]'
code 12 "$bailee" log report --log "$work/broken" --kit "$work/kit" --html "$work/broken.html" --force
says BROKEN
grep -qi broken "$work/broken.html" || fail "the page does not say that it is broken"
# What anchors know and the log does not; a log that lost its identity; an empty one.
cp -a "$work/copy" "$work/lost"
rm "$work/lost/log.id"
report 12 --log "$work/lost" --kit "$work/kit"
is '.integrity.state == "broken" and .totals.events == 0' .integrity
mkdir "$work/none"
code 2 "$bailee" log report --json --log "$work/none" --kit "$work/kit"
code 0 "$bailee" init --store "$work/fresh" --auditor "$work/ann.pub" --kit "$work/fresh.kit"
report 13 --log "$work/fresh/log" --kit "$work/fresh.kit"
is '.totals.events == 0 and .people == [] and .integrity.records == 0' '[.totals, .integrity]'
