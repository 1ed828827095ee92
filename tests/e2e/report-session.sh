# Looks in sealed sessions and on open mounts, over a restart that gives the numbers of views again: a report says of each where it was, what for,
# and by which session.
. "$BAILEE_ROOT/tests/e2e/lib.sh"
need_root
need_fuse
need jq setpriv unshare less /usr/bin/python3
hidden_proc "$0" "$@"
person="/usr/bin/python3 $BAILEE_ROOT/tests/tools/person.py"
cat >"$work/policy.yaml" <<'EOF2'
bailee: 1
name: sessions
serial: 1
timezone: Europe/Dublin
people:
  uid:61001: {roles: [looker]}
  uid:61002: {roles: [copier]}
  uid:61004: {roles: [auditor]}
roles: {looker: {}, copier: {}, auditor: {}}
detect: {sets: [contact, payment]}
defaults: {access: forbid, mask: fill, unscanned: withhold}
rules:
  - {id: lookers-read, permit: [list, read], who: [looker], when: {purpose: [repair]}, why: Lookers look.}
  - {id: copiers-copy, permit: [list, read, copy], who: [copier], when: {purpose: [grading, resale]}, why: Copiers copy.}
  - {id: auditors-look, permit: [review], who: [auditor], why: They look again.}
EOF2
mkdir "$work/source"
echo 'the gooseberry diary of kim1@harbour-inn.example' >"$work/source/notes.txt"
start_daemon "$work/store" "$work/policy.yaml"
code 0 "$bailee" enroll "$work/source" --device D1 --kind disk
$person 61001 30x100 "$bailee" view D1 --purpose repair -- less notes.txt >"$work/screen" <<'EOF2' || { cat "$work/screen"; fail "no session"; }
see Sealed session
key x
see gooseberry diary
key q
end 0
EOF2
view 61002 "$work/first" --purpose grading
as 61002 cat "$work/first/D1/notes.txt" >/dev/null || fail "the copier does not read"
stop_daemon
start_daemon "$work/store" "$work/policy.yaml"
view 61002 "$work/second" --purpose resale
as 61002 cat "$work/second/D1/notes.txt" >/dev/null || fail "the copier does not read again"
code 0 "$bailee" close "$work/second"

code 0 as 61004 "$bailee" report device D1 --for customer --json
jq -c '[.looks[] | [.roles, .purpose, .sealed, .files]] | sort' "$work/out" >"$work/looks"
[ "$(cat "$work/looks")" = '[["copier","grading",false,1],["copier","resale",false,1],["looker","repair",true,1]]' ] || fail "looks: $(cat "$work/looks")"
code 0 as 61004 "$bailee" report device D1 --for customer
says 'in a sealed place'
says 'on a work computer of ours'
code 0 as 61004 "$bailee" report device D1 --for auditor --json
cp "$work/out" "$work/d.json"
jq -c '.visits[] | [.session, .purpose, .sealed, .files, .closed_by]' "$work/d.json" >"$work/visits"
"$bailee" log query --op view-opened --json | jq -c '[.sequence, (.detail | capture("purpose (?<p>[a-z]+)").p)]' >"$work/opened"
[ "$(wc -l <"$work/visits")" = 3 ] || fail "visits: $(cat "$work/visits")"
while read -r line; do
	jq -s -e --argjson line "$line" 'any(.[]; .[0] == $line[0] and .[1] == $line[1])' "$work/opened" >/dev/null || fail "no view was opened for $line: $(cat "$work/opened")"
done <"$work/visits"
[ "$(jq -s -c 'map(.[4]) | sort' "$work/visits")" != '["","",""]' ] || fail "none of them was closed: $(cat "$work/visits")"
[ "$(jq '[.visits[] | select(.sealed) | .shown] | .[0] > 0' "$work/d.json")" = true ] || fail "nothing is told to be shown: $(jq -c .visits "$work/d.json")"
[ "$(jq -c '[.seen[] | [.uid, .files]]' "$work/d.json")" = '[[61001,1],[61002,1]]' ] || fail "who saw: $(jq -c .seen "$work/d.json")"
