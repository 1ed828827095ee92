# Asking for more and answering: an approval opens what it was given for, to whom, on that device, in an open view at once, and
# nothing beside it; nobody agrees with themselves; neither path nor reason is in the clear.
. "$BAILEE_ROOT/tests/e2e/lib.sh"
. "$BAILEE_ROOT/tests/e2e/later.inc"
need_root
need_fuse
need jq setpriv flock python3

# policy SERIAL ROLES-OF-61004
policy() {
	cat <<EOF
bailee: 1
name: requests
serial: $1
timezone: Europe/Dublin
uses: [builtin/baseline]
people:
  uid:61001: {roles: [worker]}
  uid:61002: {roles: [worker]}
  uid:61003: {roles: [worker, lead]}
  uid:61004: {roles: [$2]}
  uid:61005: {roles: [officer]}
  uid:61006: {roles: [guard]}
  uid:61007: {roles: [looker]}
roles: {worker: {}, lead: {}, officer: {}, guard: {}, looker: {}}
detect: {sets: [contact, payment]}
defaults: {access: forbid, mask: fill, unscanned: withhold}
rules:
  - {id: names, permit: [list, read], who: [worker, looker], why: Everybody here sees what there is.}
  - id: handed-out
    permit: [copy]
    who: [worker]
    needs: {approvals: {count: 2, from: [lead, officer], valid: 4h}}
    why: What leaves is agreed on by two.
  - {id: asks, permit: [request], who: [worker], why: Workers ask.}
  - {id: answers, permit: [approve], who: [lead, officer, guard], why: They answer.}
test_clock: 2026-11-02 10:00
tests:
  - {name: two, as: 'uid:61001', do: copy, device: disk, file: /a, kind: text, approvals: ['uid:61003', 'uid:61005'], expect: permit, rule: handed-out}
  - {name: one, as: 'uid:61001', do: copy, device: disk, file: /a, kind: text, approvals: ['uid:61003', 'uid:61006'], expect: ask, rule: handed-out}
EOF
}
policy 1 lead >"$work/policy.yaml"
policy 2 looker >"$work/policy-2.yaml"
policy 3 lead >"$work/policy-3.yaml"
mkdir -p "$work/source/letters/deep" "$work/source/letters-2"
for name in a.txt letters/b.txt letters/deep/c.txt letters-2/d.txt 'mail kim@harbour-inn.example.txt' 'mail lee@harbour-inn.example.txt'; do
	awk -v name="$name" 'BEGIN { for (i = 0; i < 3000; i++) print "the gooseberry diary, line " i; print length(name) }' >"$work/source/$name"
done
ln "$work/source/letters/b.txt" "$work/source/linked.txt"
start_daemon "$work/store" "$work/policy.yaml"
for id in D1 D2; do code 0 "$bailee" enroll "$work/source" --device $id --kind disk; done
for uid in 61001 61002 61003 61007; do view $uid "$work/$uid"; done

closed() {
	for again in 1 2; do
		code 1 as "$1" cat "$work/$1/$2"
		says 'Permission denied'
		hides gooseberry
	done
}
reads() { as "$1" cat "$work/$1/$2" | grep -qc gooseberry || fail "uid $1 does not read $2"; }
# asks UID ACTION DEVICE [PATH]: the request's number in $number
asks() {
	ask_uid=$1
	shift
	code 0 as "$ask_uid" "$bailee" request "$@" --reason 'a quince for the customer' --json
	number=$(jq .number "$work/out")
	[ "$number" -gt 0 ] || fail "no number: $(cat "$work/out")"
}
approve() { code 0 as "$1" "$bailee" approve "$2"; }

# Nobody is asked for nothing: who may ask, and what for.
code 3 as 61007 "$bailee" request copy D1 /a.txt --reason 'I want it'
cp "$work/out" "$work/refusal"
code 3 as 61007 "$bailee" request copy D9 /a.txt --reason 'I want it'
cmp "$work/out" "$work/refusal" || fail "a refusal tells whether the device exists"
code 3 as 61009 "$bailee" request copy D1 /a.txt --reason 'I want it'
code 2 as 61001 "$bailee" request copy D1 /a.txt
code 2 as 61001 "$bailee" request copy D1 /a.txt --reason ''
code 2 as 61001 "$bailee" request approve D1 --reason 'I want it'
code 2 as 61001 "$bailee" request fly D1 --reason 'I want it'
# What why says is what to do next.
closed 61001 D1/a.txt
code 0 as 61001 "$bailee" why "$work/61001/D1/a.txt"
says "bailee request copy D1 '/a.txt' --reason TEXT"

# Paths that are none, and reasons that are none.
long=$(printf '/%05000d' 7)
for path in a.txt ../a.txt /../a.txt /letters/../a.txt /letters/./b.txt //a.txt /letters//b.txt /.. "$(printf '/a\033[31m.txt')" "$(printf '/a\n.txt')" "$long"; do
	code 2 as 61001 "$bailee" request copy D1 "$path" --reason 'I want it'
done
code 2 as 61001 "$bailee" request copy D1 "$(printf '/\377\376')" --reason 'I want it'
code 2 as 61001 "$bailee" request copy D1 /a.txt --reason "$(printf 'because %0300d' 1)"
code 2 as 61001 "$bailee" request copy D1 /a.txt --reason "$(printf 'look \033[31m')"
code 2 as 61001 "$bailee" request shred D1 /a.txt --reason 'only this'
code 2 as 61001 "$bailee" request copy D1 /a.txt --class email --reason 'I want it'
code 0 as 61001 "$bailee" requests --json
[ ! -s "$work/out" ] || fail "a refused request is on record: $(cat "$work/out")"

# One of two, the second of somebody who does not count, the same twice, one's own, the owner's: all of it is not enough.
asks 61001 copy D1 /letters
[ "$number" = 1 ] || fail "the first request is number $number"
approve 61004 D1/1
closed 61001 D1/letters/b.txt
code 2 as 61004 "$bailee" approve D1/1
approve 61006 D1/1
closed 61001 D1/letters/b.txt
code 3 as 61001 "$bailee" approve D1/1
code 3 "$bailee" approve D1/1
code 3 as 61009 "$bailee" approve D1/1
cp "$work/out" "$work/refusal"
code 3 as 61009 "$bailee" approve D9/1
cmp "$work/out" "$work/refusal" || fail "a refusal tells whether the device exists"
code 1 as 61004 "$bailee" approve D1/7
for wrong in D1 D1/0 D1/x /1 D1/-1 D1/99999999999; do code 2 as 61004 "$bailee" approve $wrong; done
# Approvals of two requests never add up.
asks 61001 copy D1 /letters
approve 61005 D1/2
closed 61001 D1/letters/b.txt
# The second of two, of the same: that path and below, in the open view; no sibling whose name begins alike, no other name of
# the same file, no other device, nobody else.
approve 61005 D1/1
for file in letters/b.txt letters/deep/c.txt; do reads 61001 D1/$file; done
for file in a.txt letters-2/d.txt linked.txt; do closed 61001 D1/$file; done
closed 61001 D2/letters/b.txt
for uid in 61002 61003 61007; do closed $uid D1/letters/b.txt; done

# A lead who asks does not agree with themselves, with one other neither.
asks 61003 copy D1 /a.txt
code 3 as 61003 "$bailee" approve D1/$number
says 'who asked cannot approve'
approve 61004 D1/$number
closed 61003 D1/a.txt
approve 61005 D1/$number
reads 61003 D1/a.txt
closed 61001 D1/a.txt

# Another action that was approved is another one.
asks 61002 read D1 /a.txt
approve 61004 D1/$number
approve 61005 D1/$number
closed 61002 D1/a.txt
# A file whose name is masked is asked for as it is seen, and no other like it is opened.
masked=$(as 61002 ls "$work/61002/D1" | grep '^mail' | head -n 1)
other=$(as 61002 ls "$work/61002/D1" | grep '^mail' | tail -n 1)
case $masked in *harbour*) fail "a name is shown" ;; esac
[ "$masked" != "$other" ] || fail "two names are one"
# The command is what why says, pasted as it stands.
code 0 as 61002 "$bailee" why "$work/61002/D1/$masked"
next=$(sed -n 's/.*bailee \(request copy .* --reason\) TEXT.*/\1/p' "$work/out")
[ -n "$next" ] || fail "why says no next step: $(cat "$work/out")"
eval "code 0 as 61002 \"\$bailee\" $next 'a quince for the customer' --json"
number=$(jq .number "$work/out")
[ "$(jq -r .device "$work/out")" = D1 ] || fail "why says another device: $next"
approve 61004 D1/$number
approve 61005 D1/$number
reads 61002 "D1/$masked"
closed 61002 "D1/$other"
closed 61001 "D1/$masked"
# Its real name is nobody's to ask for: it opens nothing. Nor does a path that leads nowhere.
for path in '/mail lee@harbour-inn.example.txt' /no/such/place; do
	asks 61002 copy D1 "$path"
	approve 61004 D1/$number
	approve 61005 D1/$number
	closed 61002 "D1/$other"
done
# The whole of a device.
asks 61002 copy D2
approve 61004 D2/$number
closed 61002 D2/a.txt
approve 61005 D2/$number
for file in a.txt letters/deep/c.txt linked.txt "$(as 61002 ls "$work/61002/D2" | grep ^mail | head -n 1)"; do reads 61002 "D2/$file"; done
closed 61002 D1/a.txt

# Refused, also after it was approved: an open file ends. It stays refused.
asks 61001 copy D1 /a.txt
approve 61004 D1/$number
approve 61005 D1/$number
reads 61001 D1/a.txt
opened 61001 "$work/61001/D1/a.txt"
code 3 as 61001 "$bailee" refuse D1/$number
code 0 as 61006 "$bailee" refuse D1/$number
still 2
closed 61001 D1/a.txt
for uid in 61004 61005; do code 3 as $uid "$bailee" approve D1/$number; done
code 2 as 61005 "$bailee" refuse D1/$number
closed 61001 D1/a.txt
reads 61001 D1/letters/b.txt

# An approval counts while its giver holds the role: not under a policy that takes it, again under one that gives it back.
opened 61001 "$work/61001/D1/letters/b.txt"
code 0 "$bailee" policy load "$work/policy-2.yaml"
still 2
closed 61001 D1/letters/b.txt
code 0 "$bailee" policy load "$work/policy-3.yaml"
reads 61001 D1/letters/b.txt

# Who sees which: one's own; those on whose device one may answer; nobody else any.
code 0 as 61001 "$bailee" requests --json
[ "$(jq -r '"\(.device)/\(.number) \(.state)"' "$work/out" | tr '\n' ',')" = 'D1/1 open,D1/2 open,D1/8 refused,' ] || fail "own requests: $(cat "$work/out")"
code 0 as 61002 "$bailee" requests --json
[ "$(jq -r .by "$work/out" | sort -u)" = 61002 ] || fail "others' requests: $(cat "$work/out")"
code 0 as 61006 "$bailee" requests --json
[ "$(wc -l <"$work/out")" = 9 ] || fail "$(wc -l <"$work/out") requests for who answers"
says quince
code 0 as 61006 "$bailee" requests
says 'D1/1  uid:61001: copy in /letters: a quince for the customer [open; agreed to by uid:61004, uid:61006, uid:61005]'
says "copy in /$masked: a quince"
for uid in 61007 61009; do
	code 0 as $uid "$bailee" requests
	[ ! -s "$work/out" ] || fail "uid $uid sees requests"
done

# Nobody fills a device with requests: the seventeenth open one of a person is refused, others still ask.
count=0
while [ $count -lt 17 ] && as 61003 "$bailee" request copy D2 "/a-$count" --reason 'one more' >"$work/out" 2>&1; do count=$((count + 1)); done
[ $count = 16 ] || fail "$count open requests of one person"
asks 61001 copy D2 /a.txt
many=$number

# A crash forgets nothing of it.
kill_daemon
start_daemon "$work/store" "$work/policy-3.yaml"
for uid in 61001 61002; do view $uid "$work/$uid"; done
reads 61001 D1/letters/b.txt
closed 61001 D1/a.txt
reads 61002 "D1/$masked"
closed 61002 "D1/$other"
asks 61001 copy D2 /a.txt
[ "$number" = $((many + 1)) ] || fail "a number is used twice: $number after $many"

# Events have numbers and no words; neither path nor reason is in the clear anywhere.
code 0 "$bailee" log query --device D1 --json
[ "$(jq -c 'select(.op == "approved" and .verdict == "permitted" and .detail == "request 1") | .uid' "$work/out" | tr '\n' ' ')" = '61004 61004 61006 61005 ' ] ||
	fail "approvals: $(jq -c 'select(.op == "approved")' "$work/out")"
[ "$(jq -c 'select(.op == "requested" and .verdict == "permitted") | [.uid, .detail]' "$work/out" | head -n 1)" = '[61001,"copy, a part of it"]' ] || fail "no request in the log"
hides letters
hides quince
if grep -rqaE 'letters|quince|gooseberry|harbour|deep|/no/such' "$work/store"; then fail "the store holds a path or a reason: $(grep -rlaE 'letters|quince|gooseberry|harbour|deep' "$work/store")"; fi
key=$(public_key)
stop_daemon
[ "$stopped" = 0 ] || fail "the daemon ended with $stopped"
code 13 "$bailee" log verify --store "$work/store" --key "$key"
