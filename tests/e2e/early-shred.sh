# Ended early: by whom others agreed with only, closed at once, destroyed when it was given to be; a hold stops it and is let go
# only with others, keep_at_least holds it back; requests and reasons go with the device.
. "$BAILEE_ROOT/tests/e2e/lib.sh"
. "$BAILEE_ROOT/tests/e2e/later.inc"
need_root
need_fuse
need mke2fs mkfs.ext4 jq setpriv flock

cat >"$work/policy.yaml" <<'EOF'
bailee: 1
name: early
serial: 1
timezone: Europe/Dublin
uses: [builtin/baseline]
people:
  uid:61001: {roles: [looker]}
  uid:61002: {roles: [officer]}
  uid:61003: {roles: [officer, lead]}
  uid:61004: {roles: [lead]}
  uid:61005: {roles: [lead]}
roles: {looker: {}, officer: {}, lead: {}}
detect: {sets: [contact, payment]}
defaults: {access: forbid, mask: fill, unscanned: withhold}
rules:
  - {id: looks, permit: [list, read, copy], who: [looker], why: They look.}
  - {id: ends, permit: [shred], who: [officer], needs: {reason: required, approvals: {count: 1, from: [lead], valid: 4h}}, why: An early end is agreed on by two.}
  - {id: holds, permit: [hold, release, request], who: [officer], needs: {reason: required}, why: Named people hold.}
  - {id: answers, permit: [approve], who: [lead], why: They answer.}
retention:
  - {id: everything, destroy_after: {intake: 30d}}
  - {id: kept, what: {ids: ['KEEP-*']}, keep_at_least: 10d}
holds: {longest: 90d, release_approvals: 2}
test_clock: 2026-11-02 10:00
tests:
  - {name: alone, as: 'uid:61002', do: shred, device: laptop, reason: a letter, expect: ask, rule: ends}
  - {name: with another, as: 'uid:61002', do: shred, device: laptop, reason: a letter, approvals: ['uid:61004'], expect: permit, rule: ends}
EOF
mkdir "$work/files"
awk 'BEGIN { for (i = 0; i < 3000; i++) print "the gooseberry diary, line " i }' >"$work/files/a.txt"
truncate -s 4M "$work/small.img"
mke2fs -q -d "$work/files" "$work/small.img"
loop_fs "$work/disk" 60M
store=$work/store
start_daemon "$store" "$work/policy.yaml"
for id in GIVEN OTHER HELD KEEP-1; do
	cat "$work/small.img" >"$work/disk/$id.img"
	code 0 "$bailee" enroll "$work/disk/$id.img" --device $id --kind laptop --destroy-when-due
done
cat "$work/small.img" >"$work/disk/LENT.img"
code 0 "$bailee" enroll "$work/disk/LENT.img" --device LENT --kind laptop
view 61001 "$work/view"

device() { "$bailee" status --json | jq -r --arg id "$1" ".devices[] | select(.id == \$id) | $2"; }
reads() { as 61001 cat "$work/view/$1/p1-ext2/a.txt" | cmp - "$work/files/a.txt" || fail "$1 is not read"; }
gone() {
	for again in 1 2; do
		code 1 as 61001 cat "$work/view/$1/p1-ext2/a.txt"
		says 'No such file'
		code 0 as 61001 ls "$work/view"
		hides "$1"
	done
}
shred() { as "$1" "$bailee" shred "$2" --reason 'the customer wrote a quince letter'; }
# agreed UID ACTION DEVICE GIVER...: asked for and agreed on
agreed() {
	code 0 as "$1" "$bailee" request "$2" "$3" --reason 'the customer wrote a quince letter' --json
	number=$(jq .number "$work/out")
	device=$3
	shift 3
	for giver; do code 0 as "$giver" "$bailee" approve "$device/$number"; done
}
# whatever is due and may go is gone when this returns; what keeps something is told, and is no matter here
wait_destroyed() { "$bailee" shred --due >"$work/due" 2>&1 || true; }
stays() { cmp "$work/small.img" "$work/disk/$1.img" || fail "$1 was touched"; }

# By nobody else, not without a reason, not alone, not with oneself.
for uid in 61001 61004 61009; do
	code 3 shred $uid GIVEN
	cp "$work/out" "$work/refusal"
	code 3 shred $uid NONE
	cmp "$work/out" "$work/refusal" || fail "a refusal tells whether the device exists"
done
code 2 as 61002 "$bailee" shred GIVEN
code 4 shred 61002 GIVEN
says 'bailee request shred '
agreed 61003 shred GIVEN
code 3 as 61003 "$bailee" approve GIVEN/$number
code 3 as 61002 "$bailee" approve GIVEN/$number
code 4 shred 61003 GIVEN
# What others agreed on for one person or one device counts for no other.
code 0 as 61004 "$bailee" approve GIVEN/$number
code 4 shred 61002 GIVEN
code 4 shred 61003 OTHER
agreed 61002 hold OTHER 61004
code 4 shred 61002 OTHER
wait_destroyed
for id in GIVEN OTHER; do reads $id && stays $id; done

# Agreed on: closed at once, what is open too; destroyed by itself; the others stay.
opened 61001 "$work/view/GIVEN/p1-ext2/a.txt"
code 0 shred 61003 GIVEN
still 2
gone GIVEN
wait_destroyed
[ "$(device GIVEN .state)" = shredded ] || fail "GIVEN is $(device GIVEN .state)"
[ ! -e "$work/disk/GIVEN.img" ] || fail "the image is still there"
code 0 "$bailee" certificate show GIVEN
says early-shred
# It names who asked, and who agreed.
[ "$(jq -r '[.who.operator, .why.request, .why.reason, .why.approvals[]] | join(" ")' "$store/certificates/GIVEN.json")" = 'uid:61003 1 given uid:61004' ] || fail "certificate: $(cat "$store/certificates/GIVEN.json")"
code 2 as 61002 "$bailee" request shred GIVEN --reason 'again'
says shredded
code 0 "$bailee" log query --device GIVEN --json
[ "$(jq -r 'select(.op == "shred-intent" or .op == "shred-done") | .op' "$work/out" | tr '\n' ' ')" = 'shred-intent shred-done ' ] || fail "events: $(cat "$work/out")"
# Of its requests nothing is left.
code 0 as 61004 "$bailee" requests --json
[ "$(jq -r .device "$work/out" | sort -u)" = OTHER ] || fail "requests outlive the device: $(cat "$work/out")"
[ ! -e "$store/devices/GIVEN/facts.sealed" ] || fail "the facts outlive the device"
[ -e "$store/devices/OTHER/facts.sealed" ] || fail "facts lie elsewhere now: look there for what is left"
reads OTHER

# Not given to be destroyed: closed, and left alone.
agreed 61002 shred LENT 61005
code 0 shred 61002 LENT
gone LENT
wait_destroyed
[ "$(device LENT .state)" = due ] || fail "LENT is $(device LENT .state)"
stays LENT

# Kept at least so long: no sooner, whatever was agreed on.
agreed 61002 shred KEEP-1 61004
code 0 shred 61002 KEEP-1
wait_destroyed
stays KEEP-1
left=$(($(device KEEP-1 .due_unix) - $(date +%s)))
[ "$left" -le 864000 ] && [ "$left" -gt 863900 ] || fail "kept for $left s"
[ "$(device KEEP-1 .retention)" = kept ] || fail "kept by $(device KEEP-1 .retention)"

# Held: closed and not destroyed, over a crash too; let go with two others, who agreed to just that, only.
code 0 as 61002 "$bailee" hold add HELD --reason 'a lawyer wrote'
agreed 61002 shred HELD 61004
code 0 shred 61002 HELD
gone HELD
wait_destroyed
stays HELD
kill_daemon
start_daemon "$store" "$work/policy.yaml"
view 61001 "$work/view"
gone HELD
gone LENT
wait_destroyed
stays HELD
release() { as "$1" "$bailee" hold release HELD --reason 'it is over'; }
code 3 release 61001
code 4 release 61002
says 'bailee request release HELD'
agreed 61002 release HELD 61004
code 4 release 61002
agreed 61002 release HELD 61005
code 4 release 61002
agreed 61003 release HELD 61004 61005
code 4 release 61002
wait_destroyed
stays HELD
agreed 61002 release HELD 61004 61005
code 0 as 61004 "$bailee" refuse HELD/$number
code 4 release 61002
agreed 61002 release HELD 61004 61005
code 0 release 61002
wait_destroyed
[ "$(device HELD .state)" = shredded ] || fail "HELD is $(device HELD .state)"
[ ! -e "$work/disk/HELD.img" ] || fail "the image is still there"

if grep -rqaE 'quince|gooseberry|lawyer' "$store"; then fail "the store holds a reason: $(grep -rlaE 'quince|gooseberry|lawyer' "$store")"; fi

# What was agreed on for one hold lets no later one go.
code 0 as 61002 "$bailee" hold add OTHER --reason 'a lawyer wrote'
agreed 61002 release OTHER 61004 61005
# Who agreed and is no lead any more agrees to nothing.
sed 's/^serial: 1/serial: 2/; s/uid:61005: {roles: \[lead\]}/uid:61005: {roles: [looker]}/' "$work/policy.yaml" >"$work/policy-2.yaml"
sed 's/^serial: 1/serial: 3/' "$work/policy.yaml" >"$work/policy-3.yaml"
code 0 "$bailee" policy load "$work/policy-2.yaml"
code 4 as 61002 "$bailee" hold release OTHER --reason 'it is over'
code 0 "$bailee" policy load "$work/policy-3.yaml"
code 0 as 61002 "$bailee" hold release OTHER --reason 'it is over'
code 0 as 61002 "$bailee" hold add OTHER --reason 'another lawyer wrote'
code 4 as 61002 "$bailee" hold release OTHER --reason 'it is over as well'

# What was agreed on before a hold was there is about another one; a number that is none uses nothing up.
agreed 61002 release OTHER 61004 61005
asked=$(date +%s)
until [ "$(date +%s)" -gt $((asked + 1)) ]; do sleep 0.1; done
code 0 as 61002 "$bailee" hold add OTHER --reason 'a judge wrote' --json
later=$(jq .hold "$work/out")
code 4 as 61002 "$bailee" hold release OTHER --hold "$later" --reason 'the other one is over'
code 1 as 61002 "$bailee" hold release OTHER --hold 99 --reason 'a slip of the pen'
says 'has no hold 99'
code 0 as 61002 "$bailee" hold release OTHER --hold $((later - 1)) --reason 'that one is over'

key=$(public_key)
stop_daemon
[ "$stopped" = 0 ] || fail "the daemon ended with $stopped"
code 13 "$bailee" log verify --store "$store" --key "$key"
