# Independent verification: the sample of a month is the one that anybody draws who follows docs/retention.md; whoever had a hand in a
# destruction looks at others'; what is bad is found, told, and good again when it was mended; what is missing shows.
. "$BAILEE_ROOT/tests/e2e/lib.sh"
need_root
need_fuse
need jq setpriv python3 flock
other_clock
day=86400
# policy SERIAL PERCENT
policy() {
	cat >"$work/policy-$1.yaml" <<YAML
bailee: 1
name: sample
serial: $1
timezone: Pacific/Kiritimati
people:
  'uid:61001': {roles: [desk]}
  'uid:61002': {roles: [officer]}
  'uid:61003': {roles: [lead]}
  'uid:61004': {roles: [auditor]}
roles: {desk: {}, officer: {}, lead: {}, auditor: {}}
defaults: {access: forbid, mask: fill, unscanned: withhold}
rules:
  - {id: desk-works, permit: [list, intake], who: [desk], why: They take devices in.}
  - {id: officers-end, permit: [shred], who: [officer], needs: {reason: required, approvals: {count: 1, from: [lead], valid: 4h}}, why: Two end it.}
  - {id: leads-answer, permit: [approve], who: [lead], why: They answer.}
  - {id: they-ask, permit: [request], who: [officer], why: They ask others.}
  - {id: all-look-again, permit: [verify], who: [officer, lead, auditor], why: They look again.}
retention:
  - {id: dated, what: {ids: ['K*']}, destroy_after: {intake: 1d}}
  - {id: everything, destroy_after: {intake: 150d}}
proof: {verify: $2%}
YAML
}
policy 1 20
policy 2 20
store=$work/store
show() { "$bailee" device show "$1" --json | jq -r "$2"; }
state() { "$bailee" device list --json | jq -r --arg id "$1" '.devices[] | select(.id == $id) | .state'; }
given() {
	head -c 20000 /dev/urandom >"$work/disk/$1.img"
	cp "$work/disk/$1.img" "$work/kept/$1.img"
	code 0 "$bailee" enroll "$work/disk/$1.img" --device "$1" --kind disk --destroy-when-due
}
mkdir "$work/disk" "$work/kept"
# The 10th of next month, and the last day of it at noon: there, where the policy's clock hangs, it is the 1st of another one by then.
now=$(date +%s)
first=$(date -u -d "$(date -u -d "$(date -u +%Y-%m-01) + 1 month" +%Y-%m-10)" +%s)
last=$(date -u -d "$(date -u -d @"$first" +%Y-%m-01) + 1 month - 1 day + 12 hours" +%s)
month=$(date -u -d @"$first" +%Y-%m)
later=$(date -u -d @$((last + day)) +%Y-%m)
# moment UNIX: then is now; from the first one on all clocks go together
clock $((first - now)) 0
moment() { clock $(($1 - now)) $(($1 - first)); }
start_daemon "$store" "$work/policy-1.yaml"
key=$(public_key)

# destroyed PREFIX LAST: twelve by their date, by the keeper; three early, by two people
destroyed() {
	for i in 01 02 03 04 05 06 07 08 09 10 11 12; do given K$1-$i; done
	moment "$2"
	code 0 "$bailee" policy load "$3"
	# The host was off, and nobody vouches for its clock: people agree by the wall clock, which is ahead.
	clock $(($2 - now + 3600)) $(($2 - first))
	for i in 1 2 3; do
		given E$1-$i
		code 0 as 61002 "$bailee" request shred E$1-$i --reason 'a letter'
		code 0 as 61003 "$bailee" approve E$1-$i/1
		code 0 as 61002 "$bailee" shred E$1-$i --reason 'a letter'
	done
	moment "$2"
	until [ "$(state K$1-12)" = shredded ]; do sleep 0.05; done
	for i in 01 02 03 04 05 06 07 08 09 10 11; do [ "$(state K$1-$i)" = shredded ] || fail "K$1-$i is $(state K$1-$i)"; done
	for i in 1 2 3; do
		[ "$(state E$1-$i)" = shredded ] || fail "E$1-$i is $(state E$1-$i)"
		[ "$(jq -r '[.who.operator, .why.approvals[]] | join(" ")' "$store/certificates/E$1-$i.json")" = 'uid:61002 uid:61003' ] || fail "E$1-$i: $(cat "$store/certificates/E$1-$i.json")"
	done
}
destroyed A $((first + 2 * day)) "$work/policy-2.yaml"
# The image of one lies sealed.
code 0 "$bailee" intake "$work/kept/KA-01.img" --device KSEALED --kind disk
moment $((first + 4 * day))
code 0 "$bailee" policy load "$work/policy-2.yaml"
until [ "$(state KSEALED)" = shredded ]; do sleep 0.05; done
moment $((last - 2 * day))
destroyed B "$last" "$work/policy-2.yaml"

# ---- anybody draws the same ----
cat >"$work/draw.py" <<'PYTHON'
import datetime, hashlib, json, sys
store, percent, period = sys.argv[1], int(sys.argv[2]), sys.argv[3]
with open(store + "/bailee.store", "rb") as file:
    store_id = file.read()[16:32]
def month(at):
    return (datetime.datetime.fromtimestamp(at, datetime.timezone(datetime.timedelta(hours=14)))).strftime("%Y-%m")
ended = {}
for line in sys.stdin:
    device = json.loads(line)
    if month(device["end"]["at_unix"]) == period:
        ended[device["id"]] = device["end"]["at_unix"]
def number(device):
    told = b"bailee-sample-1\0" + store_id + period.encode() + b"\0" + device.encode()
    return int.from_bytes(hashlib.blake2b(told, digest_size=32).digest()[:8], "big")
count = (percent * len(ended) + 99) // 100
print("\n".join(sorted(sorted(ended, key=number)[:count])))
PYTHON
for id in $("$bailee" device list --json | jq -r '.devices[].id'); do "$bailee" device show "$id" --json | jq -c .; done >"$work/devices"
for period in "$month" "$later"; do
	for percent in 1 5 50 100; do
		python3 "$work/draw.py" "$store" $percent "$period" <"$work/devices" >"$work/drawn"
		as 61004 "$bailee" verify-sample --percent $percent --period "$period" --draw-only --json >"$work/out" 2>&1 || true
		jq -r '.items[].device' "$work/out" | sort >"$work/theirs"
		cmp "$work/drawn" "$work/theirs" || fail "$percent % of $period: $(cat "$work/out")"
		[ -s "$work/drawn" ] || fail "nothing is drawn of $period"
	done
	cp "$work/drawn" "$work/all-$period"
done
[ "$(wc -l <"$work/all-$month")" = 16 ] && [ "$(wc -l <"$work/all-$later")" = 15 ] || fail "months: $(wc -l "$work"/all-*)"
[ "$(grep -c B- "$work/all-$month")" = 0 ] || fail "the month is not that of the policy's zone: $(cat "$work/all-$month")"
ls "$store/certificates" | grep -q verified && fail "drawing looked at something"

# ---- what is not over is missed by nobody; what is, shows ----
missing() { "$bailee" status --json | jq -r ".samples_missing[] | select(.period == \"$1\") | .missing"; }
[ -z "$(missing "$later")" ] || fail "$later is not over"
moment $((last + 40 * day))
[ "$(missing "$month")" = 4 ] && [ "$(missing "$later")" = 3 ] || fail "20 % of 16 and 15: $("$bailee" status --json | jq -c .samples_missing)"
code 0 "$bailee" status
says "$month"
periods_missing() {
	code 0 "$bailee" status --metrics "$work/metrics"
	sed -n 's/^bailee_samples_missing //p' "$work/metrics"
}
[ "$(periods_missing)" = 2 ] || fail "metrics: $(cat "$work/metrics")"

# ---- by whom ----
code 3 as 61001 "$bailee" verify-sample --percent 100 --period "$month"
for bad in 2026 2026-13 2026-00 26-07 2026-7 next ''; do code 2 as 61004 "$bailee" verify-sample --percent 100 --period "$bad"; done
for bad in 0 101 -1 x 5%; do code 2 as 61004 "$bailee" verify-sample --percent "$bad" --period "$month"; done
looked() { show "$1" '.verified.by // "nobody"'; }
for uid in 61002 61003; do
	code 13 as $uid "$bailee" verify-sample --percent 100 --period "$month" --json
	[ "$(jq .refused "$work/out")" = 3 ] && [ "$(jq .missing "$work/out")" = 3 ] || fail "uid $uid: $(cat "$work/out")"
	for i in 1 2 3; do [ "$(looked EA-$i)" = nobody ] || fail "EA-$i was looked at by $(looked EA-$i), who ended it"; done
done
[ "$(looked KA-01)" = 61002 ] || fail "the keeper's were looked at by $(looked KA-01)"
code 0 as 61004 "$bailee" verify-sample --percent 100 --period "$month" --json
for i in 1 2 3; do [ "$(looked EA-$i)" = 61004 ] || fail "EA-$i was looked at by $(looked EA-$i)"; done
[ -z "$(missing "$month")" ] || fail "all was looked at, and $(missing "$month") are missing"
code 0 "$bailee" certificate show EA-1 --verified
cp "$work/out" "$work/verified.json"
code 0 "$bailee" certificate verify "$work/verified.json" --key "$key"
jq -e '.result == "good" and .who.verifier == "uid:61004" and ([.checks[].check] == ["certificate", "event", "keys", "image"])' "$work/verified.json" >/dev/null || fail "$(cat "$work/verified.json")"
[ "$("$bailee" log query --op verified --device EA-1 --json | jq -r '"\(.uid) \(.verdict) \(.detail)"' | tail -n 1)" = '61004 permitted good' ] || fail "events: $("$bailee" log query --op verified --device EA-1 --json)"

# ---- each kind of bad, in those that the policy's 20 % draw (of which status speaks) and one more ----
python3 "$work/draw.py" "$store" 20 "$later" <"$work/devices" >"$work/drawn"
exchanged=$(sed -n 1p "$work/drawn")
lost=$(sed -n 2p "$work/drawn")
back=$(sed -n 3p "$work/drawn")
folder=$(comm -13 "$work/drawn" "$work/all-$later" | head -n 1)
certificates=$store/certificates
look() { code "$1" as 61004 "$bailee" verify-sample --percent 100 --period "$later" --json; }
# looks ID CHECK: that is what is bad of it
looks() {
	[ "$(jq -r '[.checks[] | select(.result == "bad") | .check] | join(" ")' "$certificates/$1~verified.json")" = "$2" ] || fail "$1: $(cat "$certificates/$1~verified.json")"
	[ "$(show "$1" .verified.good)" = "$([ -z "$2" ] && echo true || echo false)" ] || fail "the record of $1: $(show "$1" .verified)"
	code 0 "$bailee" certificate verify "$certificates/$1~verified.json" --key "$key"
}
mv "$certificates/$exchanged.json" "$work/exchanged.json"
cp "$certificates/KA-03.json" "$certificates/$exchanged.json"
mv "$certificates/$lost.json" "$work/lost.json"
cp "$work/kept/$back.img" "$work/disk/$back.img"
mkdir -m 700 "$store/devices/$folder/image"
for again in 1 2; do
	look 13
	[ "$(jq -r '[.items[] | select(.result != "good") | .device] | sort | join(" ")' "$work/out")" = "$(printf '%s\n' "$exchanged" "$lost" "$back" "$folder" | sort | tr '\n' ' ' | sed 's/ $//')" ] || fail "bad: $(cat "$work/out")"
	looks "$exchanged" certificate
	looks "$lost" certificate
	looks "$back" image
	looks "$folder" image
	[ "$(missing "$later")" = 3 ] || fail "a bad one counts as done: $("$bailee" status --json | jq -c .samples_missing)"
	code 0 "$bailee" status
	says "$later"
	[ "$(periods_missing)" = 1 ] || fail "metrics: $(cat "$work/metrics")"
done
# Mended: each is good at the next look. A file of that name that has nothing to do with it is none of its business.
mv "$work/exchanged.json" "$certificates/$exchanged.json"
rmdir "$store/devices/$folder/image"
head -c 20000 /dev/urandom >"$work/disk/$back.img"
look 13
looks "$exchanged" ''
looks "$lost" certificate
looks "$back" ''
looks "$folder" ''
mv "$work/lost.json" "$certificates/$lost.json"
look 0
looks "$lost" ''
[ -z "$(missing "$later")" ] || fail "mended, and missing: $(missing "$later")"
[ "$(periods_missing)" = 0 ] || fail "metrics: $(cat "$work/metrics")"

stop_daemon
[ "$stopped" = 0 ] || fail "the daemon ended with $stopped"
code 13 "$bailee" log verify --store "$store" --key "$key"
