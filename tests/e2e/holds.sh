# A hold in every state of a device stops every destruction, and outlives other policies, restarts, crashes, files put back and clocks;
# it is looked at again, and let go by somebody else.
. "$BAILEE_ROOT/tests/e2e/lib.sh"
. "$BAILEE_ROOT/tests/e2e/later.inc"
need_root
need_fuse
need mke2fs jq setpriv losetup flock
other_clock
day=86400
mkdir -p "$work/disk" "$work/files/keep" "$work/files/cache"
echo 'nothing of note' >"$work/files/keep/a.txt"
head -c 100000 /dev/urandom | base64 >"$work/files/cache/b.txt"
truncate -s 4M "$work/small.img"
mke2fs -q -d "$work/files" "$work/small.img"
# policy FILE SERIAL RETENTION [SECTIONS]
policy() {
	cat >"$work/$1" <<YAML
bailee: 1
name: holds
serial: $2
timezone: UTC
people:
  'uid:61001': {roles: [desk]}
  'uid:61002': {roles: [officer]}
  'uid:61003': {roles: [officer]}
  'uid:61004': {roles: [officer]}
roles: {desk: {}, officer: {}}
defaults: {access: forbid, mask: fill, unscanned: withhold}
rules:
  - {id: desk-works, permit: [list, read, copy, intake], who: [desk], why: They take devices in.}
  - {id: officers-decide, permit: [hold, release, shred, approve, request], who: [officer], why: They decide.}
  - {id: repairs, permit: [list, read], who: [officer], when: {purpose: [repair], consent: granted}, why: The customer agreed.}
retention:
  - {id: month, destroy_after: {intake: 30d}}
$3
requests: {destroy_within: 1h}
consent_withdrawn: {destroy_within: 1h}
$4
YAML
}
soon="  - {id: soon, what: {ids: [DUE]}, destroy_after: {intake: 1s}}"
policy one.yaml 1 '' 'holds: {review_every: 10d}'
policy two.yaml 2 "$soon" 'holds: {review_every: 10d}'
policy three.yaml 3 "  - {id: caches, what: {paths: ['/cache/**']}, destroy_after: {intake: 1s}}
$soon
  - {id: all, what: {ids: [RECEIVED, OPEN, CLOSED, TWICE, DUE, INCIDENT, CRASH, RACE, ASKED]}, destroy_after: {intake: 1s}}" ''
policy four.yaml 4 "$soon" 'holds: {review_every: 10d, longest: 25d, release_approvals: 1}'
policy five.yaml 5 "$soon" 'holds: {review_every: 10d, longest: 25d}'
store=$work/store
desk() { as 61001 "$bailee" "$@"; }
# officer UID COMMAND...: with a reason
officer() {
	officer_uid=$1
	shift
	as "$officer_uid" "$bailee" "$@" --reason 'a letter from a lawyer'
}
show() { "$bailee" device show "$1" --json | jq -r "$2"; }
is() { [ "$(show "$1" .state)" = "$2" ] || fail "$1 is $(show "$1" .state), not $2"; }
given() {
	cp --sparse=never "$work/small.img" "$work/disk/$1.img"
	code 0 desk enroll "$work/disk/$1.img" --device "$1" --kind disk --destroy-when-due
}
chmod 777 "$work/disk"
pass() { "$bailee" shred --due >"$work/out" 2>&1 || true; }
plain='RECEIVED OPEN CLOSED TWICE DUE INCIDENT CRASH RACE ASKED'
# stand WHEN: every hold is there, and nothing that it keeps was touched
stand() {
	pass
	"$bailee" device list --json >"$work/list"
	[ "$(jq -r '[.devices[] | select(.holds > 0 and .id != "LOOKED") | "\(.id) \(.holds)"] | join(" ")' "$work/list")" = \
		'ASKED 1 CLOSED 1 CRASH 1 DUE 1 INCIDENT 1 OPEN 1 RACE 1 RECEIVED 1 SEALED 1 SOURCE 1 TWICE 2' ] ||
		fail "$1: holds: $(jq -c '[.devices[] | [.id, .state, .holds]]' "$work/list")"
	for id in $plain; do cmp "$work/small.img" "$work/disk/$id.img" || fail "$1: $id was touched"; done
	cmp -n 4M "$work/source.begins" "$work/disk/SOURCE.img" || fail "$1: the source was touched"
	for id in SEALED SOURCE; do [ -e "$store/devices/$id/image" ] || fail "$1: the image of $id is gone"; done
	[ "$("$bailee" log query --op part-done --json | wc -l)" = 0 ] || fail "$1: files were destroyed"
}

start_daemon "$store" "$work/one.yaml"
for id in $plain GONE; do
	install -o 61001 /dev/null "$work/disk/$id.img"
	given $id
done
code 0 desk intake "$work/small.img" --device SEALED --kind disk
code 0 "$bailee" consent SEALED grant repair
code 0 "$bailee" consent RECEIVED grant repair

# ---- placed in every state; by nobody else, not without a reason ----
code 3 desk hold add RECEIVED --reason 'let me'
code 2 as 61002 "$bailee" hold add RECEIVED
for id in OPEN CLOSED; do code 0 desk device open $id; done
code 0 desk device close CLOSED
clock 5 5
code 0 "$bailee" policy load "$work/two.yaml"
is DUE due
for id in RECEIVED OPEN CLOSED TWICE SEALED DUE RACE ASKED; do code 0 officer 61002 hold add $id; done
is TWICE held
code 0 officer 61003 hold add TWICE
for id in RECEIVED OPEN CLOSED TWICE SEALED; do is $id held; done
is DUE due
code 0 as 61002 "$bailee" incident open INCIDENT --kind exposure --text 'somebody looked'
is INCIDENT held
code 0 officer 61002 shred GONE
pass
is GONE shredded
code 2 officer 61002 hold add GONE
says shredded
code 0 desk enroll "$work/small.img" --device LENT --kind disk
truncate -s 1M "$work/zeros.img"
code 0 desk device close LENT
code 0 desk inspect "$work/zeros.img" --device LENT
code 0 officer 61002 device restock LENT
is LENT released
code 2 officer 61002 hold add LENT
says released

# An intake that is under way is held with its source, by whoever may: what it promised to destroy stays.
yes 'what its customer wrote' | head -c 192M >"$work/disk/SOURCE.img"
head -c 4M "$work/disk/SOURCE.img" >"$work/source.begins"
: >"$work/said"
"$bailee" intake "$work/disk/SOURCE.img" --device SOURCE --kind disk --destroy-source --json >"$work/said" 2>&1 &
client=$!
until grep -q sealing "$work/said"; do kill -0 $client || fail "the intake ended: $(cat "$work/said")"; done
code 0 officer 61002 hold add SOURCE
[ "$(show SOURCE .complete)" = false ] || fail "the intake was over before it was held"
got=0
wait $client || got=$?
[ $got = 3 ] && grep -q "is held (its source is destroyed when" "$work/said" || fail "its intake ended with $got: $(cat "$work/said")"
[ "$(show SOURCE .complete)" = true ] || fail "SOURCE is not complete"

# Right after the answer the daemon is killed.
cp "$store/devices/CRASH/record" "$work/record.old"
cp "$store/holds" "$work/holds.old"
code 0 officer 61002 hold add CRASH
kill_daemon
start_daemon "$store" "$work/two.yaml"
is CRASH held
stand 'after a crash'

# ---- every way to a destruction ----
code 0 officer 61003 shred OPEN
code 0 desk customer-request erase CLOSED --verified --ticket T1
code 0 desk consent RECEIVED withdraw repair
code 0 desk consent SEALED withdraw repair
code 3 officer 61003 shred SEALED --path '/cache/**'
says hold
code 0 "$bailee" policy load "$work/three.yaml"
for id in $plain; do is $id due; done
stand 'made due'
clock $((2 * day)) $((2 * day))
stand 'their dates over'
clock $((40 * day)) $((40 * day))
stand 'all dates over'

# ---- what it outlives ----
stop_daemon
start_daemon "$store" "$work/three.yaml"
stand 'a restart'
stop_daemon
cp "$store/devices/CRASH/record" "$work/record.new"
cp "$work/record.old" "$store/devices/CRASH/record"
start_daemon "$store" "$work/three.yaml"
stand 'an older record'
[ "$("$bailee" status --json | jq .holds_restored)" = 1 ] || fail "status does not tell: $("$bailee" status --json | jq .holds_restored)"
[ "$("$bailee" log query --device CRASH --op hold-added --json | wc -l)" = 2 ] || fail "no event tells: $("$bailee" log query --device CRASH --json)"
stop_daemon
cp "$work/holds.old" "$store/holds"
start_daemon "$store" "$work/three.yaml"
stand 'older holds'
stop_daemon
rm "$store/holds"
start_daemon "$store" "$work/three.yaml"
stand 'no holds'
# They are in both again: either of them may be lost now.
stop_daemon
cp "$work/record.old" "$store/devices/CRASH/record"
start_daemon "$store" "$work/three.yaml"
stand 'an older record, again'
clock $((405 * day)) $((40 * day)) host 1
stand 'a year ahead and synchronised'
clock $((405 * day)) $((405 * day)) host 1
stand 'a year later'

# ---- looked at again ----
warns() { "$bailee" status --json | jq -r "[.holds_warn[] | select(.device == \"$1\") | .overdue] | join(\" \")"; }
[ "$(warns TWICE)" = '' ] || fail "a policy without holds warns: $(warns TWICE)"
code 0 "$bailee" policy load "$work/four.yaml"
[ "$(warns CRASH)" = longest ] || fail "CRASH stood too long: $(warns CRASH)"
code 3 desk hold review CRASH --hold 1 --reason 'still needed'
code 2 as 61002 "$bailee" hold review CRASH --hold 1
code 1 officer 61002 hold review CRASH --hold 9
code 0 officer 61002 hold review CRASH --hold 1
[ "$(warns CRASH)" = longest ] || fail "a review ends what stood too long: $(warns CRASH)"
code 0 "$bailee" device show RACE --json
[ "$(jq -r '.holds[0] | "\(.overdue) \(.reason)"' "$work/out")" = 'longest a letter from a lawyer' ] || fail "RACE: $(jq -c .holds "$work/out")"
code 0 "$bailee" policy load "$work/five.yaml"
code 0 desk enroll "$work/small.img" --device LOOKED --kind disk
code 0 officer 61002 hold add LOOKED
[ "$(warns LOOKED)" = '' ] || fail "a new hold is late: $(warns LOOKED)"
reviewed() { show LOOKED '.holds[0].review_by_unix - .holds[0].since_unix'; }
[ "$(reviewed)" = $((10 * day)) ] || fail "to be looked at after $(reviewed) s"
clock $((414 * day)) $((414 * day))
[ "$(warns LOOKED)" = '' ] || fail "late after nine days: $(warns LOOKED)"
clock $((415 * day + 5)) $((415 * day + 5))
[ "$(warns LOOKED)" = review ] || fail "not late after ten days: $(warns LOOKED)"
code 0 "$bailee" status
says 'CLOSED hold 1 stands since'
code 0 officer 61003 hold review LOOKED --hold 1
[ "$(warns LOOKED)" = '' ] || fail "looked at, and late: $(warns LOOKED)"
[ "$(reviewed)" -ge $((20 * day)) ] || fail "to be looked at again after $(reviewed) s"
kill_daemon
start_daemon "$store" "$work/five.yaml"
[ "$(reviewed)" -ge $((20 * day)) ] || fail "a crash took the review: $(reviewed) s"
clock $((424 * day)) $((424 * day))
[ "$(warns LOOKED)" = '' ] || fail "late again too soon: $(warns LOOKED)"
clock $((431 * day)) $((431 * day))
[ "$(warns LOOKED)" = longest ] || fail "not too long after 25 days: $(warns LOOKED)"
stand 'looked at, and too long'

# ---- let go, by others ----
# An event comes first: one that did not come about has a second that says so.
released() { "$bailee" log query --device "$1" --op hold-released --json | jq -s 'map(if .verdict == "permitted" then 1 elif .verdict == "failed" then -1 else 0 end) | add // 0'; }
code 3 desk hold release RACE --reason 'let me'
code 3 officer 61002 hold release RACE
says release-by-others
code 2 as 61003 "$bailee" hold release RACE
code 1 officer 61003 hold release RACE --hold 7
# The first of two is enough, and there is one release.
(as 61003 "$bailee" hold release RACE --reason 'it is over' >"$work/one" 2>&1 && echo yes >>"$work/one") &
first=$!
(as 61004 "$bailee" hold release RACE --reason 'it is over' >"$work/two" 2>&1 && echo yes >>"$work/two") &
second=$!
wait $first $second || true
[ "$(cat "$work/one" "$work/two" | grep -c '^yes$')" = 1 ] || fail "two release at once: $(cat "$work/one" "$work/two")"
[ "$(released RACE)" = 1 ] || fail "$(released RACE) releases"
pass
is RACE shredded
[ ! -e "$work/disk/RACE.img" ] || fail "let go, and still there"
[ "$("$bailee" log query --device RACE --op shred-done --json | wc -l)" = 1 ] || fail "RACE was destroyed more than once"
# One of two: the other still stands.
code 2 officer 61004 hold release TWICE
says '--hold'
code 0 officer 61004 hold release TWICE --hold 1
pass
cmp "$work/small.img" "$work/disk/TWICE.img" || fail "one of two holds holds nothing"
code 3 officer 61003 hold release TWICE --hold 2
code 0 officer 61004 hold release TWICE --hold 2
pass
is TWICE shredded
# An incident's goes with the incident.
for uid in 61003 61004; do code 2 officer $uid hold release INCIDENT; done
code 2 "$bailee" hold release INCIDENT --reason 'I own the store'
says 'incident close INCIDENT/1'
code 2 "$bailee" hold release INCIDENT --hold 1 --reason 'I own the store'
cmp "$work/small.img" "$work/disk/INCIDENT.img" || fail "an incident's hold was let go"
code 0 officer 61003 incident close INCIDENT/1 --action 'screens face the wall'
pass
is INCIDENT shredded
# The source goes when its hold does: it was promised.
code 0 officer 61003 hold release SOURCE
pass
[ ! -e "$work/disk/SOURCE.img" ] || fail "let go, and the source is still there"

# As many others as the policy asks for.
sed 's/^serial: 4/serial: 6/' "$work/four.yaml" >"$work/six.yaml"
code 0 "$bailee" policy load "$work/six.yaml"
code 4 officer 61003 hold release ASKED
says 'bailee request release ASKED'
code 0 officer 61003 request release ASKED
code 3 as 61003 "$bailee" approve ASKED/1
code 4 officer 61003 hold release ASKED
code 0 as 61004 "$bailee" approve ASKED/1
code 4 officer 61004 hold release ASKED
code 0 officer 61003 hold release ASKED
pass
is ASKED shredded

# Everybody's customer wanted it, or a date had come: what is let go goes.
for id in RECEIVED OPEN CLOSED DUE CRASH SEALED; do
	cmp -s "$work/small.img" "$work/disk/$id.img" || [ $id = SEALED ] || fail "$id was touched"
	[ "$(released $id)" = 0 ] || fail "$id was let go"
done
key=$(public_key)
stop_daemon
[ "$stopped" = 0 ] || fail "the daemon ended with $stopped"
code 13 "$bailee" log verify --store "$store" --key "$key"
