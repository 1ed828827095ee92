# Consent on an open mount: unknown gives nothing and closes what asks for its withdrawal, a view gains and loses at once, a
# withdrawal of what was granted starts the device's date, and all of it is there after a crash.
. "$BAILEE_ROOT/tests/e2e/lib.sh"
. "$BAILEE_ROOT/tests/e2e/later.inc"
need_root
need_fuse
need jq setpriv flock

cat >"$work/policy.yaml" <<'EOF'
bailee: 1
name: consent
serial: 1
timezone: Europe/Dublin
uses: [builtin/baseline]
people:
  uid:61001: {roles: [repairer]}
  uid:61002: {roles: [grader]}
  uid:61003: {roles: [reseller]}
  uid:61004: {roles: [clerk]}
roles: {repairer: {}, grader: {}, reseller: {}, clerk: {}}
detect: {sets: [contact, payment]}
defaults: {access: forbid, mask: fill, unscanned: withhold}
rules:
  - {id: repairs, permit: [list, read, copy], who: [repairer], when: {purpose: [repair], consent: granted}, why: The customer agreed to a repair.}
  - {id: grades, permit: [list, read, copy], who: [grader], when: {purpose: [grading]}, why: Graders look at what comes in.}
  - {id: unless-withdrawn, forbid: [list, read, copy], who: [grader], when: {consent: withdrawn}, why: Who withdrew is not graded.}
  - {id: resells, permit: [list, read, copy], who: [reseller], when: {purpose: [resale]}, why: Resellers show what they sell.}
  - {id: not-against-their-will, withhold: [any], who: [reseller], when: {consent: withdrawn}, why: Who withdrew is not read.}
  - {id: desk, permit: [intake], who: [clerk], why: The desk speaks with customers.}
retention:
  - {id: everything, destroy_after: {intake: 30d}}
consent_withdrawn: {destroy_within: 24h}
test_clock: 2026-11-02 10:00
tests:
  - {name: granted, as: 'uid:61001', do: copy, device: disk, file: /a, kind: text, purpose: repair, consent: granted, expect: permit, rule: repairs}
EOF
mkdir "$work/source"
awk 'BEGIN { for (i = 0; i < 3000; i++) print "the gooseberry diary, line " i }' >"$work/source/a.txt"
printf 'consent: {repair: granted, grading: withdrawn}\n' >"$work/record.yaml"
printf 'consent: {repair: perhaps}\n' >"$work/bad.yaml"
start_daemon "$work/store" "$work/policy.yaml"
for id in D1 D2; do code 0 "$bailee" enroll "$work/source" --device $id --kind disk; done
code 2 "$bailee" enroll "$work/source" --device D4 --kind disk --record "$work/bad.yaml"
says 'granted or withdrawn'
code 0 "$bailee" enroll "$work/source" --device D3 --kind disk --record "$work/record.yaml"
view 61001 "$work/repair" --purpose repair
view 61003 "$work/resale" --purpose resale
# There is nothing at all to see for whom everything is unknown or withdrawn: no view, and what would open one.
mkdir "$work/grading"
chown 61002 "$work/grading"
code 3 as 61002 "$bailee" open --purpose grading "$work/grading"
says 'bailee consent ID grant grading'
printf 'consent: {grading: granted}\n' >"$work/record.yaml"
code 0 "$bailee" enroll "$work/source" --device D4 --kind disk --record "$work/record.yaml"
view 61002 "$work/grading" --purpose grading

device() { "$bailee" status --json | jq -r --arg id "$1" ".devices[] | select(.id == \$id) | $2"; }
# shows UID VIEW DEVICES...: exactly these, to the one who looks, however often
shows() {
	shows_uid=$1
	shows_view=$2
	shift 2
	for again in 1 2; do
		[ "$(as "$shows_uid" ls "$work/$shows_view" | grep -v 'READ ME' | tr '\n' ' ')" = "${*:+$* }" ] ||
			fail "$shows_view shows $(as "$shows_uid" ls "$work/$shows_view" | tr '\n' ' '), wanted $* ($again)"
	done
}
reads() { as "$1" cat "$2/a.txt" | cmp - "$work/source/a.txt" || fail "uid $1 does not read $2"; }
# gone UID PATH ERROR: neither by a path that the kernel knew a moment ago, nor a second time
gone() {
	for again in 1 2; do
		code 1 as "$1" cat "$2"
		says "$3"
	done
}

# Unknown: gives nothing where a permit needs it; closes where a forbid asks for a withdrawal; withholds where a withhold does.
shows 61001 repair D3
shows 61002 grading D4
shows 61003 resale D1 D2 D3 D4
reads 61001 "$work/repair/D3"
gone 61001 "$work/repair/D1/a.txt" 'No such file'
gone 61002 "$work/grading/D1/a.txt" 'No such file'
gone 61003 "$work/resale/D1/a.txt" 'Permission denied'
code 0 as 61003 "$bailee" why "$work/resale/D1/a.txt"
says not-against-their-will
# What a record withdraws was never given: it closes, and starts no date.
gone 61002 "$work/grading/D3/a.txt" 'No such file'
[ "$(device D3 .retention)" = everything ] || fail "a withdrawal of nothing starts the date: $(device D3 .)"

# Who may record it.
for uid in 61001 61002 61003 61009; do
	code 3 as $uid "$bailee" consent D1 grant repair
	code 3 as $uid "$bailee" consent D1 withdraw grading
	cp "$work/out" "$work/refusal"
	code 3 as $uid "$bailee" consent D9 withdraw grading
	cmp "$work/out" "$work/refusal" || fail "a refusal tells whether the device exists"
done
shows 61001 repair D3
code 1 as 61004 "$bailee" consent D9 grant repair
says 'no such device'
code 2 as 61004 "$bailee" consent D1 grant repiar
says 'no rule of the policy speaks of that purpose'
code 2 as 61004 "$bailee" consent D1 give repair
code 2 as 61004 "$bailee" consent D1 grant ''
code 2 as 61004 "$bailee" consent ../D1 grant repair
code 0 as 61004 "$bailee" consent D1 grant repair
says 'on record as granted'

# An open view gains at once: that device, that purpose, no other.
shows 61001 repair D1 D3
reads 61001 "$work/repair/D1"
gone 61001 "$work/repair/D2/a.txt" 'No such file'
shows 61002 grading D4
code 0 as 61004 "$bailee" consent D2 grant grading
shows 61002 grading D2 D4
reads 61002 "$work/grading/D2"
shows 61001 repair D1 D3
code 0 as 61004 "$bailee" consent D1 grant resale
reads 61003 "$work/resale/D1"
gone 61003 "$work/resale/D2/a.txt" 'Permission denied'

# And loses at once: an open file by its next read, whatever way it has been read before; names and attributes with it.
for way in read splice mmap-private; do
	code 0 as 61004 "$bailee" consent D1 grant repair
	reads 61001 "$work/repair/D1"
	as 61001 "$copy_ways" mmap-private "$work/repair/D1/a.txt" >/dev/null
	as 61001 stat "$work/repair/D1/a.txt" >/dev/null
	opened 61001 "$work/repair/D1/a.txt"
	code 0 as 61004 "$bailee" consent D1 withdraw repair
	still 2
	gone 61001 "$work/repair/D1/a.txt" 'No such file'
	code 2 as 61001 "$copy_ways" $way "$work/repair/D1/a.txt"
	code 1 as 61001 stat "$work/repair/D1/a.txt"
	code 2 as 61001 ls "$work/repair/D1"
	shows 61001 repair D3
done
# Whatever the purpose, the device is closed to all others as well: its customer wants it looked at no more.
gone 61003 "$work/resale/D1/a.txt" 'No such file'
code 2 as 61003 ls "$work/resale/D1"
code 0 as 61004 "$bailee" consent D1 grant repair
opened 61003 "$work/resale/D1/a.txt"
code 0 as 61004 "$bailee" consent D1 withdraw resale
still 2
gone 61003 "$work/resale/D1/a.txt" 'No such file'
gone 61001 "$work/repair/D1/a.txt" 'No such file'
# Others are not touched by any of it.
opened 61002 "$work/grading/D2/a.txt"
code 0 as 61004 "$bailee" consent D2 withdraw repair
still 0
cmp "$work/more" "$work/source/a.txt" || fail "an open file changes by a consent for something else"
opened 61002 "$work/grading/D2/a.txt"
[ "$(device D2 .retention)" = everything ] || fail "a withdrawal of nothing starts the date: $(device D2 .)"

# The date: 24 hours from the first withdrawal of something that was given; not again by saying it again; off by a new grant.
due=$(device D1 .due_unix)
[ "$(device D1 .retention)" = builtin/consent-withdrawn ] || fail "a withdrawal starts no date: $(device D1 .)"
[ $((due - $(date +%s))) -le 86400 ] && [ $((due - $(date +%s))) -gt 86300 ] || fail "withdrawn is due in $((due - $(date +%s))) s"
code 0 as 61004 "$bailee" consent D1 withdraw resale
[ "$(device D1 .due_unix)" = "$due" ] || fail "withdrawn again has another date"
[ "$(device D3 .retention)" = everything ] || fail "D3 has another date"

# A crash: what was said stays said.
kill_daemon
exec 8<&- 9>&-
wait "$reader" || true
start_daemon "$work/store" "$work/policy.yaml"
[ "$(device D1 .due_unix)" = "$due" ] || fail "the date of a withdrawal is lost"
view 61001 "$work/repair" --purpose repair
view 61002 "$work/grading" --purpose grading
view 61003 "$work/resale" --purpose resale
shows 61001 repair D3
shows 61002 grading D2 D4
gone 61003 "$work/resale/D1/a.txt" 'No such file'
reads 61002 "$work/grading/D2"
for purpose in repair resale; do code 0 as 61004 "$bailee" consent D1 grant $purpose; done
[ "$(device D1 .retention)" = everything ] || fail "granted again, the date stays: $(device D1 .)"
shows 61001 repair D1 D3

# Each is an event, those that were refused too; what the customer was asked for is in it, and the purpose.
code 0 "$bailee" log query --op consent --device D1 --json
[ "$(jq -c '[.uid, .verdict, .detail]' "$work/out" | head -n 2 | tr -d '\n')" = \
	'[61004,"permitted","granted for repair"][61004,"permitted","granted for resale"]' ] || fail "events: $(head -n 2 "$work/out")"
[ "$(jq -r 'select(.detail == "withdrawn for repair") | .detail' "$work/out" | wc -l)" = 3 ] || fail "withdrawals are not in the log"
[ "$(events --device D1 --verdict denied --op admin)" = 8 ] || fail "$(cat "$work/events")"

key=$(public_key)
stop_daemon
[ "$stopped" = 0 ] || fail "the daemon ended with $stopped"
code 13 "$bailee" log verify --store "$work/store" --key "$key"
