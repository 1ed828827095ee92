# What employees are told: who holds what until when, what each may do, why something was refused - and nothing in it of what
# they may not list.
. "$BAILEE_ROOT/tests/e2e/lib.sh"
need_root
need_fuse
need jq setpriv
tool=$BAILEE_BUILD/test/tools/copy-ways
# A zone in which midnight is far away, so that today stays today.
zone=UTC
[ "$(date -u +%H)" -lt 12 ] || zone=America/New_York
day() { TZ=$zone date -d "$1 days" +%F; }

cat >"$work/policy.yaml" <<EOF
bailee: 1
name: people
serial: 1
timezone: $zone
uses: [builtin/baseline]
people:
  uid:61002: {roles: [supervisor], training_expires: $(day +29)}
  uid:61003: {roles: [clerk]}
  uid:61004: {roles: [supervisor], training_expires: $(day -1)}
  uid:61005: {roles: [supervisor, rival], training_expires: $(day +90)}
  uid:61006: {roles: [supervisor]}
  uid:61007: {roles: [auditor]}
  uid:61008: {roles: [supervisor, insured], training_expires: $(day +31), insurance_expires: $(day +0)}
  uid:61009: {roles: [keeper]}
  uid:61010: {roles: [supervisor], training_expires: $(day +5)}
roles:
  supervisor: {requires: [training]}
  insured: {requires: [insurance]}
  clerk: {}
  rival: {never_with: [supervisor]}
  auditor: {}
  keeper: {}
detect: {sets: [contact, payment]}
defaults: {access: forbid, mask: fill, unscanned: withhold}
rules:
  - {id: looks, permit: [list, read, copy], who: [supervisor], limits: {files: 200 per day}, why: Supervisors look at devices here.}
  - {id: clerks-look, permit: [list, read], who: [clerk], what: {ids: ['DESK-*']}, why: Clerks see what lies on the desk.}
  - {id: clerks-copy, permit: [copy], who: [clerk], what: {ids: ['DESK-*']}, when: {purpose: [return]}, why: A return needs the contents.}
  - {id: clerks-ask, permit: [request], who: [clerk, supervisor], why: Everybody may ask.}
  - {id: covers, permit: [list], who: [insured], why: Insured people count devices.}
  - {id: audits, permit: [review], who: [auditor], why: The auditor sees what was done.}
  - {id: keeps, permit: [administer], who: [keeper], why: They keep the policy.}
  - {id: safe-is-closed, forbid: [list, stat, read, copy, request], who: [clerk], what: {ids: ['SAFE-*']}, why: The safe is not for clerks.}
  - {id: diary-is-closed, forbid: [list, stat, read, copy], who: [clerk], what: {paths: ['/Diary', '/Diary/**']}, why: The diary is not for clerks.}
EOF
mkdir -p "$work/files/Diary"
echo secret >"$work/files/Diary/monday.txt"
echo 'mail kim@inn.example here' >"$work/files/a.txt"
start_daemon "$work/store" "$work/policy.yaml"
for id in DESK-1 SAFE-7315; do code 0 "$bailee" enroll "$work/files" --device $id --kind disk; done
view 61002 "$work/61002"
view 61003 "$work/61003"

# ---- who holds what --------------------------------------------------------------------------------------
code 0 as 61007 "$bailee" people --json
cp "$work/out" "$work/people"
# standing PERSON ROLE STANDING UNTIL
standing() {
	jq -se --arg p "$1" --arg r "$2" --arg s "$3" --arg u "$4" \
		'any(.person == $p and .role == $r and .standing == $s and .until == $u)' "$work/people" >/dev/null ||
		fail "$1 as $2 is not '$3' until '$4': $(grep "$1" "$work/people")"
}
standing uid:61002 supervisor counts "$(day +29)"
standing uid:61003 clerk counts ''
standing uid:61004 supervisor lapsed "$(day -1)"
standing uid:61005 rival conflict ''
standing uid:61006 supervisor 'not recorded' ''
standing uid:61008 supervisor counts "$(day +31)"
standing uid:61008 insured counts "$(day +0)"
[ "$(jq -sr 'map(select(.person == "uid:61005" and .standing == "conflict")) | length' "$work/people")" = 2 ] || fail "one of two that exclude each other counts"
code 0 as 61007 "$bailee" people
says 'LAPSED'
says 'GIVES NOTHING'
for uid in 61009 0; do code 0 as $uid "$bailee" people; done
for uid in 61002 61003 61004 61099; do code 3 as $uid "$bailee" people; done
# Warned of from 30 days before, and only those.
for uid in 61007 61009 0; do
	told=$(as $uid "$bailee" status --json | jq -c '[.lapses[] | .person + " " + .role] | sort')
	[ "$told" = '["uid:61002 supervisor","uid:61004 supervisor","uid:61005 rival","uid:61005 supervisor","uid:61006 supervisor","uid:61008 insured","uid:61010 supervisor"]' ] ||
		fail "status warns $uid of $told"
done
code 0 "$bailee" status
says "uid:61002 as 'supervisor': training ends with $(day +29)"
says "uid:61004 as 'supervisor': lapsed $(day -1)"
for uid in 61002 61003 61099; do
	as $uid "$bailee" status --json | jq -e '(has("lapses") or has("policy_trouble") or .devices != []) | not' >/dev/null || fail "status tells $uid of others"
done

# ---- what each may ------------------------------------------------------------------------------------------
may() {
	uid=$1
	shift
	code 0 as "$uid" "$bailee" may "$@" --json
	cp "$work/out" "$work/may"
}
# line DEVICE ACTION OUTCOME RULE: is told ("null": beside devices)
line() {
	jq -se --arg d "$1" --arg a "$2" --arg o "$3" --arg r "$4" \
		'any((.device // "null") == $d and .action == $a and .outcome == $o and .rule == $r)' "$work/may" >/dev/null ||
		fail "may does not tell $uid: $*: $(cat "$work/may")"
}
may 61002
for id in DESK-1 SAFE-7315; do
	for action in list stat read copy; do line $id $action permit looks; done
done
# Until the role lapses within a fortnight: the midnight after its last day.
may 61010
jq -se --arg u "$(day +6) 00:00" 'map(select(.action == "copy")) | length == 2 and all(.until == $u)' "$work/may" >/dev/null || fail "until: $(cat "$work/may")"
jq -se 'map(select(.action == "copy")) | all(.limits | test("of 200 files today"))' "$work/may" >/dev/null || fail "limits: $(cat "$work/may")"
may 61002
before=$(jq -sr 'map(select(.action == "copy"))[0].limits' "$work/may")
as 61002 cat "$work/61002/DESK-1/a.txt" >/dev/null
may 61002
[ "$(jq -sr 'map(select(.action == "copy"))[0].limits' "$work/may")" != "$before" ] || fail "a file that was read is not counted: $before"
may 61003
line DESK-1 list permit clerks-look
if grep -q '"action":"copy"' "$work/may"; then fail "a clerk without a purpose is told of copy: $(cat "$work/may")"; fi
may 61003 --purpose return
line DESK-1 copy permit clerks-copy
may 61007
line null review permit audits
may 61009
line null administer permit keeps
for uid in 61004 61005 61006; do
	may $uid
	if grep -q '"permit"\|SAFE\|DESK' "$work/may"; then fail "$uid, who has no role that counts, is told $(cat "$work/may")"; fi
done
may 61099
[ ! -s "$work/may" ] || fail "a stranger is told $(cat "$work/may")"
# The same in the view's notice and its attribute.
code 0 as 61002 cat "$work/61002/READ ME.txt"
cp "$work/out" "$work/notice"
code 0 as 61002 "$bailee" why "$work/61002"
cmp "$work/out" "$work/notice" || fail "why and the notice differ"
code 0 as 61002 "$tool" why "$work/61002"
cmp "$work/out" "$work/notice" || fail "the attribute and the notice differ"
as 61002 "$bailee" may --json | jq -r 'select(.device == "DESK-1") | .text' | while read -r text; do
	grep -qF -- "$text" "$work/notice" || fail "the notice lacks: $text"
done

# ---- why an event -------------------------------------------------------------------------------------------
# event UID OP [DEVICE]: the last such event
event() { "$bailee" log query --json --uid "$1" --op "$2" ${3:+--device "$3"} --last 1 | jq -r .sequence; }
code 1 as 61003 cat "$work/61003/DESK-1/a.txt"
refused=$(event 61003 open DESK-1)
code 0 as 61003 "$bailee" why "$refused"
says DESK-1
says denied
code 0 as 61007 "$bailee" why "$refused"
says denied
code 0 as 61002 cat "$work/61002/DESK-1/a.txt"
given=$(event 61002 open DESK-1)
code 0 as 61002 "$bailee" why "$given"
says "by rule 'looks': Supervisors look at devices here."
# Somebody else's is not there, in the very words of one that never was; nor are the daemon's own.
absent=$((given + 100000))
code 1 as 61003 "$bailee" why "$absent"
sed "s/$absent/N/g" "$work/out" >"$work/absent"
for other in "$given" 1; do
	code 1 as 61003 "$bailee" why "$other"
	sed "s/\b$other\b/N/g" "$work/out" | cmp - "$work/absent" || fail "another's event is told apart from none: $(cat "$work/out")"
done
code 1 as 61004 "$bailee" why "$refused"
for word in 0 -1 18446744073709551616; do
	got=0
	as 61003 "$bailee" why -- "$word" >"$work/out" 2>&1 || got=$?
	[ "$got" != 0 ] || fail "why $word: $(cat "$work/out")"
done

# ---- what may not be listed is not there -------------------------------------------------------------------------
safe=SAFE-7315
none=SAFE-7316
for what in $safe $none; do
	code 1 as 61003 stat "$work/61003/$what"
	code 1 as 61003 cat "$work/61003/$what/a.txt"
	code 1 as 61003 "$bailee" why "$work/61003/$what"
	cp "$work/out" "$work/path.$what"
done
for what in Diary Dairy Diary/monday.txt Dairy/monday.txt; do code 1 as 61003 stat "$work/61003/DESK-1/$what"; done
sed "s/$safe/$none/g" "$work/path.$safe" | cmp - "$work/path.$none" || fail "why PATH tells one from the other: $(cat "$work/path.$safe")"
# What the log holds of one's own steps tells no more than the step did.
"$bailee" log query --json --uid 61003 | jq -r .sequence | while read -r number; do
	as 61003 "$bailee" why "$number" || true
done >"$work/out" 2>&1
says DESK-1
hides $safe
hides is-closed
hides 'not for clerks'
# A look-up of what is there and hidden, of what is not there: one wording, with and without --json.
for json in '' --json; do
	"$bailee" log query --json --uid 61003 --op lookup | jq -r 'select(.errno == 2) | .sequence' | while read -r number; do
		# shellcheck disable=SC2086
		echo $(as 61003 "$bailee" why $json "$number" 2>&1) | sed "s/20[0-9-]* [0-9:]*/WHEN/; s/\b$number\b/N/g"
	done >"$work/out"
	[ "$(wc -l <"$work/out")" -ge 8 ] || fail "only $(wc -l <"$work/out") look-ups of what is not there"
	[ "$(sort -u "$work/out" | wc -l)" = 1 ] || fail "look-ups of what is hidden and of what is not there differ: $(sort "$work/out" | uniq -c)"
done
# Nor any other answer: one that is there and one that is not are refused in the same words.
asking=61003
same() {
	for what in $safe $none; do
		got=0
		as $asking "$bailee" $(echo "$*" | sed "s/ID/$what/") >"$work/said.$what" 2>&1 || got=$?
		echo "$got" >>"$work/said.$what"
	done
	sed "s/$safe/$none/g" "$work/said.$safe" | cmp - "$work/said.$none" >/dev/null ||
		fail "$* tells that $safe is there: '$(cat "$work/said.$safe")', of none: '$(cat "$work/said.$none")'"
}
same request read ID --reason ticket
same request unmask ID /a.txt --reason ticket
same hold add ID --reason ticket
same hold release ID --reason ticket
same shred ID --reason ticket
same consent ID grant repair
same certificate show ID
same approve ID/1
same refuse ID/1
same log query --device ID
# Who records a check of a caller is told that there is no such device (docs/protocol.md): people with a role, nobody else.
for asking in 61004 61005 61006 61099; do
	same caller ID verified --by one-factor --ticket 12
	grep -q '^3$' "$work/said.$safe" || fail "$asking, who has no role, records a check: $(cat "$work/said.$safe")"
	same request read ID --reason ticket
	same hold add ID --reason ticket
done
for what in "may" "may --purpose return" "requests" "status" "status --json" "why $work/61003" "why $work/61003/DESK-1" "why $work/61003/DESK-1/a.txt"; do
	got=0
	as 61003 "$bailee" $what >"$work/out" 2>&1 || got=$?
	hides SAFE
	hides 'The safe is'
done
code 0 as 61003 cat "$work/61003/READ ME.txt"
says DESK-1
hides SAFE
[ "$(as 61003 ls -a "$work/61003" | grep -c SAFE)" = 0 ] || fail "ls shows it"
stop_daemon
[ "$stopped" = 0 ] || fail "the daemon ended with $stopped"
