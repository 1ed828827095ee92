# A caller who was checked: by how many factors, for whom, about which device; nobody else gains by it, and the log holds no ticket.
. "$BAILEE_ROOT/tests/e2e/lib.sh"
. "$BAILEE_ROOT/tests/e2e/later.inc"
need_root
need_fuse
need jq setpriv flock

cat >"$work/policy.yaml" <<'EOF'
bailee: 1
name: caller
serial: 1
timezone: Europe/Dublin
uses: [builtin/baseline]
people:
  uid:61001: {roles: [agent]}
  uid:61002: {roles: [agent]}
  uid:65534: {roles: [agent]}
  uid:61003: {roles: [expired], training_expires: 2026-01-31}
roles: {agent: {}, expired: {requires: [training]}}
detect: {sets: [contact]}
defaults: {access: forbid, mask: fill, unscanned: withhold}
rules:
  - {id: names, permit: [list, read], who: [agent], why: Agents see what there is.}
  - {id: notes, permit: [copy], who: [agent], what: {paths: [/notes.txt]}, when: {caller_verified: one-factor}, why: A caller who was checked is told.}
  - {id: bills, permit: [copy], who: [agent], what: {paths: [/bills.txt]}, when: {caller_verified: two-factor}, why: Bills need two factors.}
  - {id: once, permit: [list, read, copy], who: [expired], why: They were trained once.}
test_clock: 2026-11-02 10:00
tests:
  - {name: one, as: 'uid:61001', do: copy, device: disk, file: /notes.txt, kind: text, caller_verified: one-factor, expect: permit, rule: notes}
  - {name: two is more than one, as: 'uid:61001', do: copy, device: disk, file: /notes.txt, kind: text, caller_verified: two-factor, expect: permit, rule: notes}
  - {name: one is less than two, as: 'uid:61001', do: copy, device: disk, file: /bills.txt, kind: text, caller_verified: one-factor, expect: forbid, rule: default}
EOF
mkdir "$work/source"
awk 'BEGIN { for (i = 0; i < 3000; i++) print "the gooseberry diary, line " i }' >"$work/source/notes.txt"
awk 'BEGIN { for (i = 0; i < 3000; i++) print "the quince account, line " i }' >"$work/source/bills.txt"
start_daemon "$work/store" "$work/policy.yaml"
for id in D1 D2; do code 0 "$bailee" enroll "$work/source" --device $id --kind disk; done
view 61001 "$work/61001"
view 61002 "$work/61002"
closed() {
	for again in 1 2; do
		code 1 as "$1" cat "$work/$1/$2"
		says 'Permission denied'
		hides line
	done
}
reads() { as "$1" cat "$work/$1/$2" | cmp - "$work/source/${2#*/}" || fail "uid $1 does not read $2"; }

# None: both are shown by name only, and why says what is missing.
for uid in 61001 61002; do
	for file in D1/notes.txt D1/bills.txt; do closed $uid $file; done
done
code 0 as 61001 "$bailee" why "$work/61001/D1/bills.txt"
says 'bailee caller'

# Who is nobody, or whose only role lapsed, records nothing; nor does anybody who says half of it.
check() { as "$1" "$bailee" caller "$2" verified --by "$3" --ticket "$4"; }
for uid in 61003 61009; do
	code 3 check $uid D1 two-factor T-4711
	code 3 check $uid D9 two-factor T-4711
done
closed 61001 D1/notes.txt
code 2 check 61001 D1 three-factor T-4711
code 2 check 61001 D1 none T-4711
code 2 check 61001 D1 one-factor ''
code 2 check 61001 D1 one-factor 'a ticket with blanks'
code 2 check 61001 D1 one-factor "$(printf 'T%070d' 1)"
code 2 as 61001 "$bailee" caller D1 verified --by one-factor
code 2 as 61001 "$bailee" caller D1 denied --by one-factor --ticket T-4711
code 1 check 61001 D9 one-factor T-4711
# The kernel's word for somebody of elsewhere is nobody, whatever a policy says of it.
code 3 check 65534 D1 one-factor T-4711
closed 61001 D1/notes.txt

# One factor: counts for who recorded it, at once in an open view, on that device, and only as far as one factor goes.
code 0 check 61001 D1 one-factor gooseberry-4711
says 'for an hour'
reads 61001 D1/notes.txt
closed 61001 D1/bills.txt
closed 61001 D2/notes.txt
closed 61002 D1/notes.txt
# Two: opens both; a weaker check afterwards takes nothing away.
code 0 check 61001 D1 two-factor quince-4712
reads 61001 D1/bills.txt
reads 61001 D1/notes.txt
closed 61001 D2/bills.txt
closed 61002 D1/bills.txt
opened 61001 "$work/61001/D1/bills.txt"
code 0 check 61001 D1 one-factor gooseberry-4713
code 0 check 61002 D2 two-factor quince-4714
still 0
cmp "$work/more" "$work/source/bills.txt" || fail "an open file changes by a weaker check"
reads 61002 D2/bills.txt
closed 61002 D1/bills.txt
closed 61001 D2/bills.txt

# May tells it too, with its end.
code 0 as 61001 "$bailee" may --json
cp "$work/out" "$work/may"
[ "$(jq -r 'select(.device == "D2" and .action == "list") | .outcome' "$work/may")" = permit ] || fail "may: $(cat "$work/may")"

# A crash forgets no check.
kill_daemon
start_daemon "$work/store" "$work/policy.yaml"
for uid in 61001 61002; do view $uid "$work/$uid"; done
reads 61001 D1/bills.txt
reads 61002 D2/bills.txt
closed 61002 D1/bills.txt

# Events: who, which device, by how many factors; of the ticket nothing, nowhere in the clear.
code 0 "$bailee" log query --op caller --json
for ticket in T-4711 gooseberry- quince-; do hides $ticket; done
# The second line takes back the first, of a ticket that is none: the event goes first, always.
[ "$(jq -c 'select(.verdict != "denied") | [.uid, .device, .detail]' "$work/out" | tr -d '\n')" = \
	'[61001,"D1","verified by one-factor"][61001,"D1","did not come about"][61001,"","no such device"][61001,"D1","verified by one-factor"][61001,"D1","verified by two-factor"][61001,"D1","verified by one-factor"][61002,"D2","verified by two-factor"]' ] ||
	fail "events: $(cat "$work/out")"
[ "$(jq -c 'select(.verdict == "denied") | [.uid, .device, .rule]' "$work/out" | tr -d '\n')" = \
	'[61003,"D1","builtin/has-a-role"][61003,"D9","builtin/has-a-role"][61009,"D1","builtin/has-a-role"][61009,"D9","builtin/has-a-role"][65534,"D1","builtin/has-a-role"]' ] || fail "refusals: $(cat "$work/out")"
if grep -rqaE 'gooseberry-47|quince-47|T-4711' "$work/store"; then fail "a ticket is in the clear"; fi
key=$(public_key)
stop_daemon
[ "$stopped" = 0 ] || fail "the daemon ended with $stopped"
code 13 "$bailee" log verify --store "$work/store" --key "$key"
