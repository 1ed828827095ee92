# A device's life, from the receipt to back in stock: record and custody, incidents, the customer's requests, the second look, the wipe check;
# and everything in it that must be refused.
. "$BAILEE_ROOT/tests/e2e/lib.sh"
need_root
need_fuse
need mke2fs jq setpriv losetup sha256sum
mkdir "$work/disk" "$work/files"
mkdir -m 777 "$work/theirs"
echo 'kim.sample@example.org called' >"$work/files/a.txt"
truncate -s 4M "$work/small.img"
mke2fs -q -d "$work/files" "$work/small.img"
cat >"$work/policy.yaml" <<'YAML'
bailee: 1
name: life
serial: 1
timezone: UTC
people:
  'uid:61001': {roles: [desk]}
  'uid:61002': {roles: [officer]}
  'uid:61003': {roles: [officer]}
  'uid:61004': {roles: [auditor]}
  'uid:61005': {roles: [guest]}
roles: {desk: {}, officer: {}, auditor: {}, guest: {}}
detect: {sets: [contact, payment], customer: true}
defaults: {access: forbid, mask: fill, unscanned: withhold}
rules:
  - {id: desk-works, permit: [list, read, copy, intake, request], who: [desk], why: They take devices in.}
  - {id: officers-decide, permit: [hold, release, shred, approve], who: [officer], why: They decide.}
  - {id: auditors-look, permit: [review, verify], who: [auditor], why: They look again.}
  - {id: guests-list, permit: [list], who: [guest], why: They see what there is.}
retention:
  - {id: month, destroy_after: {intake: 30d, closed: 3d}}
requests: {destroy_within: 72h}
consent_withdrawn: {destroy_within: 24h}
holds: {review_every: 30d}
proof: {verify: 50%}
YAML
store=$work/store
desk() { as 61001 "$bailee" "$@"; }
officer() { as 61002 "$bailee" "$@"; }
other() { as 61003 "$bailee" "$@"; }
auditor() { as 61004 "$bailee" "$@"; }
is() { "$bailee" device list --json | jq -r --arg id "$1" ".devices[] | select(.id == \$id) | .$2"; }
custody() { "$bailee" device show "$1" --json | jq -r '.custodys // .custody | .[] | "\(.op) \(.detail)"'; }
other_clock
start_daemon "$store" "$work/policy.yaml"

# ---- the record ----
picture=$(sha256sum "$work/small.img" | cut -c1-64)
cat >"$work/record.yaml" <<YAML
received: $(date -u +%Y-%m-%d)
maker: Acme
model: 'Rocket: 3'
serial: SN-0042
capacity: 512G
origin: counter/north
location: shelf-1
condition: {notes: 'cracked screen of Zebulon Sample', pictures: [$picture]}
customer: {name: Zebulon Sample, email: zebulon@example.org}
consent: {repair: granted}
YAML
for bad in 'colour: red' 'received: 2026-02-30' 'capacity: much' 'location: shelf 1' 'serial: {a: b}' 'condition: {notes: a, smell: b}' 'condition: {pictures: [abc]}'; do
	printf '%s\n' "$bad" >"$work/bad.yaml"
	code 2 desk enroll "$work/small.img" --device BAD --kind laptop --record "$work/bad.yaml"
	says 'record: 1:'
	hides Zebulon
done
code 0 desk intake "$work/small.img" --device LAPTOP --kind laptop --record "$work/record.yaml"
[ "$(is LAPTOP location)" = shelf-1 ] && [ "$(is LAPTOP capacity)" = 549755813888 ] || fail "the record: $("$bailee" device list --json)"
code 0 desk device show LAPTOP
says 'cracked screen'
says 'Rocket: 3'
hides 'zebulon@example.org'
code 3 as 61005 "$bailee" device list
code 3 as 61005 "$bailee" device note LAPTOP 'a guest was here'
code 3 as 61005 "$bailee" device show LAPTOP
grep -rqa 'Zebulon\|cracked' "$store/devices" && fail "what people wrote lies in the store in the clear"

# Two people edit one record: the second is told, and nothing of theirs is taken.
desk device show LAPTOP --yaml >"$work/one.yaml" || fail "no YAML"
desk device show LAPTOP --yaml >"$work/two.yaml"
hides 'Sample'
sed -i 's/^model: .*/model: Rocket 4/' "$work/one.yaml"
sed -i 's/^model: .*/model: Rocket 5/' "$work/two.yaml"
code 0 desk device edit LAPTOP "$work/one.yaml"
code 1 desk device edit LAPTOP "$work/two.yaml"
says 'revision'
[ "$(is LAPTOP model)" = 'Rocket 4' ] || fail "model $(is LAPTOP model)"
desk device show LAPTOP --yaml >"$work/three.yaml"
printf 'smell: none\n' >>"$work/three.yaml"
code 2 desk device edit LAPTOP "$work/three.yaml"
says 'unknown key'
# Who may put a record right does not destroy by it.
sed '/^smell/d; s/^received: .*/received: 2020-01-01/' "$work/three.yaml" >"$work/four.yaml"
code 2 desk device edit LAPTOP "$work/four.yaml"
says 'destroyed within a day'
code 3 officer device edit LAPTOP "$work/two.yaml"
code 2 desk device move LAPTOP 'shelf 2; rm -rf'
code 0 desk device move LAPTOP bench/2
code 0 desk device note LAPTOP 'screws of Zebulon are missing'
printf 'two signatures' >"$work/scan.pdf"
code 0 desk receipt LAPTOP
says 'Acme'
says "$(sha256sum "$work/small.img" | cut -c1-64)"
hides 'zebulon@'
[ "$(wc -L <"$work/out")" -le 80 ] || fail "the receipt is wider than a page"
code 0 desk receipt LAPTOP --signed "$work/scan.pdf"
printf 'another scan' >"$work/scan-2.pdf"
code 2 desk receipt LAPTOP --signed "$work/scan-2.pdf"
custody LAPTOP >"$work/custody"
for line in 'enrolled' 'intake' 'custody moved to bench/2' "custody receipt signed, SHA-256 $(sha256sum "$work/scan.pdf" | cut -c1-64)"; do
	grep -q "^$line" "$work/custody" || fail "custody lacks '$line': $(cat "$work/custody")"
done
"$bailee" log query --json >"$work/log"
grep -q 'Zebulon\|screws' "$work/log" && fail "what people wrote is in the log in the clear"

# ---- states ----
code 0 desk device open LAPTOP
[ "$(is LAPTOP state)" = open ] || fail "LAPTOP is $(is LAPTOP state)"
code 1 desk device open NONE
code 0 desk device close LAPTOP
[ "$(is LAPTOP due_unix)" -lt $(($(date +%s) + 4 * 86400)) ] || fail "closing starts no date: $(is LAPTOP due)"
code 0 desk device open LAPTOP
[ "$(is LAPTOP due_unix)" -gt $(($(date +%s) + 20 * 86400)) ] || fail "work that goes on has the date of closing: $(is LAPTOP due)"
code 2 officer device restock LAPTOP
says 'shred it first'

# ---- an incident ----
code 2 desk incident open LAPTOP --kind theft --text 'it is gone'
code 2 desk incident open LAPTOP --kind exposure
code 3 as 61005 "$bailee" incident open LAPTOP --kind exposure --text 'let me'
view 61001 "$work/view"
as 61001 cat "$work/view/LAPTOP/p1-ext2/a.txt" >/dev/null || fail "the desk does not read"
code 0 officer incident open LAPTOP --kind exposure --text 'Zebulon saw a stranger look'
[ "$(is LAPTOP state)" = held ] || fail "an exposure freezes nothing: $(is LAPTOP state)"
code 2 other hold release LAPTOP --reason 'away with it'
says 'incident close LAPTOP/1'
code 3 desk incident show LAPTOP/1
code 0 auditor incident show LAPTOP/1 --json
[ "$(jq -r '.seens // .seen | .[] | select(.uid == 61001) | [.files, .unmasked] | join(" ")' "$work/out")" = '1 0' ] || fail "who saw what: $(cat "$work/out")"
[ "$(jq -r '.deadline_unix - .opened_unix' "$work/out")" = $((72 * 3600)) ] || fail "deadline: $(cat "$work/out")"
code 0 auditor incident letter LAPTOP/1
hides Zebulon
hides 61001
says 'LAPTOP'
code 0 desk incident note LAPTOP/1 'the stranger was the plumber'
code 3 officer incident close LAPTOP/1 --action 'screens face the wall' --reason done
says 'release-by-others'
"$bailee" log query --device LAPTOP --op incident --verdict denied --json >"$work/out"
[ "$(jq -r .rule "$work/out")" = builtin/release-by-others ] || fail "that it was refused is no event: $(cat "$work/out")"
code 2 other incident close LAPTOP/1 --reason done
code 0 other incident close LAPTOP/1 --action 'screens face the wall' --reason done
[ "$(is LAPTOP state)" = open ] || fail "closed, and still $(is LAPTOP state)"
code 2 other incident close LAPTOP/1 --action again --reason again

# ---- what the customer asks for ----
code 2 desk customer-request erase LAPTOP --ticket T1
code 2 desk customer-request forget LAPTOP --verified --ticket T1
code 3 officer customer-request erase LAPTOP --verified --ticket T1
code 0 desk customer-request disclose LAPTOP --verified --ticket T1
code 2 desk customer-request done LAPTOP/1
code 0 desk customer-request done LAPTOP/1 --proof "$work/scan.pdf"
code 2 desk customer-request done LAPTOP/1 --proof "$work/scan.pdf"
code 0 desk customer-request erase LAPTOP --verified --ticket T2
code 2 desk customer-request erase LAPTOP --verified --ticket T2
says 'LAPTOP/2'
code 2 desk customer-request done LAPTOP/2 --proof "$work/scan.pdf"
[ "$(is LAPTOP retention)" = builtin/request ] || fail "a request starts no date: $(is LAPTOP retention)"
code 3 desk customer-request refuse LAPTOP/2 --reason 'the law says so'
code 0 other customer-request refuse LAPTOP/2 --reason 'the law says so'
[ "$(is LAPTOP retention)" = month ] || fail "refused, and its date is $(is LAPTOP retention)"
code 0 desk customer-request erase LAPTOP --verified --ticket T3
[ "$("$bailee" status --json | jq '.requests_open')" = 1 ] || fail "status: $("$bailee" status --json | jq -c .requests_open)"
clock $((40 * 3600)) $((40 * 3600))
[ "$("$bailee" status --json | jq -r '.requests_warn[0].warning')" = soon ] || fail "no warning before it is late: $("$bailee" status --json | jq -c .requests_warn)"
[ "$(is LAPTOP warning)" = soon ] || fail "list: $(is LAPTOP warning)"
clock $((73 * 3600)) $((73 * 3600))
[ "$("$bailee" status --json | jq -r '.requests_warn[0].warning')" = late ] || fail "not late: $("$bailee" status --json | jq -c .requests_warn)"
pass
[ "$(is LAPTOP state)" = shredded ] || fail "LAPTOP is $(is LAPTOP state)"
desk customer-request list LAPTOP --json >"$work/out"
[ "$(jq -r '.requests[] | select(.number == 3) | .state' "$work/out")" = 'done' ] && [ -n "$(jq -r '.requests[] | select(.number == 3) | .proof' "$work/out")" ] ||
	fail "destroyed, and the request is open: $(cat "$work/out")"
"$bailee" device show LAPTOP --json >"$work/out"
jq -e '(.notes // []) | length == 0' "$work/out" >/dev/null || fail "notes outlive the device"
grep -rqa 'Zebulon' "$store" && fail "a name outlives the device"
code 0 desk incident open LAPTOP --kind complaint --text 'it took too long'

# ---- the second look, and back to stock ----
code 0 auditor verify-sample --period "$(date -u -d '+73 hours' +%Y-%m)"
code 3 officer device show LAPTOP
code 3 officer device restock LAPTOP --reason 'it is empty, surely'
says 'inspect'
truncate -s 64M "$work/wiped.img"
device=$(losetup -f --show "$work/wiped.img")
at_end "losetup -d $device"
chmod 666 "$device"
printf 'call zebulon@example.org' | dd of="$work/wiped.img" bs=1 seek=33554430 conv=notrunc status=none
code 13 desk inspect "$device" --device LAPTOP
says 'NOT EMPTY'
hides zebulon
code 3 officer device restock LAPTOP
says 'not empty'
dd if=/dev/zero of="$work/wiped.img" bs=1 seek=33554430 count=64 conv=notrunc status=none
code 0 desk inspect "$device" --device LAPTOP --out "$work/theirs/inspect.json"
says 'EMPTY'
code 0 "$bailee" certificate verify "$work/theirs/inspect.json" --key "$(public_key)"
sed 's/"unreadable_bytes":0/"unreadable_bytes":1/' "$work/theirs/inspect.json" >"$work/forged.json"
code 13 "$bailee" certificate verify "$work/forged.json" --key "$(public_key)"
code 3 desk device restock LAPTOP
code 0 officer device restock LAPTOP
[ "$(is LAPTOP state)" = released ] || fail "LAPTOP is $(is LAPTOP state)"
code 2 desk device note LAPTOP 'too late'
code 2 desk device move LAPTOP shelf-9

echo "life: $(custody LAPTOP | wc -l) events of custody"
