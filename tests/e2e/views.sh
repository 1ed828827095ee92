# Two persons see one device differently at the same time, whatever the other has read; and a decision is made again when
# the policy, a purpose, a lapse, an hour or a hold says so, also for what is open.
. "$BAILEE_ROOT/tests/e2e/lib.sh"
need_root
need_fuse
need jq setpriv
tool=$BAILEE_BUILD/test/tools/copy-ways

# policy SERIAL COPIERS LISTERS HOURS [MORE]: the policy of this test; MORE is another rule
policy() {
	cat <<EOF
bailee: 1
name: views
serial: $1
timezone: UTC
uses: [builtin/baseline]
people:
  uid:61002: {roles: [supervisor], training_expires: 2099-12-31}
  uid:61003: {roles: [officer]}
  uid:61004: {roles: [repairer]}
  uid:61005: {roles: [supervisor], training_expires: 2026-06-30}
  uid:61006: {roles: [clerk]}
roles:
  supervisor: {requires: [training]}
  officer: {}
  repairer: {}
  clerk: {}
detect: {sets: [contact, payment]}
defaults: {access: forbid, mask: fill, unscanned: withhold}
rules:
  - {id: looks, permit: [list, read], who: [$3], why: They look at devices here.}
  - {id: copies, permit: [copy], who: [$2], why: They hand masked contents on.}
  - {id: repairs, permit: [list, read, copy], who: [repairer], when: {purpose: [repair]}, why: A repair needs the contents.}
  - {id: office-hours, permit: [list, read, copy], who: [clerk], when: {hours: '$4'}, why: Clerks work in office hours.}
  - {id: card-tail, mask: {card: keep-last-4}, who: [officer], why: Cards are matched to receipts by their end.}
  - {id: held-is-closed, forbid: [list, stat, read, copy], who: everyone, what: {status: [held]}, why: A held device rests until the hold is gone.}
test_clock: 2026-11-02 10:00
tests:
  - {name: tail, as: 'uid:61003', do: list, device: disk, file: /a, kind: text, status: received, expect: ${5:-permit}, rule: looks}
EOF
}
mkdir "$work/source" "$work/source/names"
awk 'BEGIN { for (i = 0; i < 2000; i++) printf "line %d, card 4111 1111 1111 1111, mail kim%d@harbour-inn.example\n", i, i }' >"$work/source/a.txt"
for i in $(seq 60); do
	echo "number $i" >"$work/source/names/$(printf 'mail k%02d@inn.example.txt' "$i")"
done
all='Mon-Sun 00:00-23:59'
policy 1 'supervisor, officer' 'supervisor, officer' "$all" >"$work/1.yaml"
chmod 644 "$work/1.yaml"
start_daemon "$work/store" "$work/1.yaml"
code 0 "$bailee" enroll "$work/source" --device D1 --kind disk
for uid in 61002 61003 61006; do view "$uid" "$work/$uid"; done

# The same file, two masks, whoever has read it before and by whichever way.
as 61002 cat "$work/61002/D1/a.txt" >"$work/supervisor"
as 61003 cat "$work/61003/D1/a.txt" >"$work/officer"
grep -q 'card \*\*\*\*[^1]*, mail' "$work/supervisor" || fail "the supervisor sees a card"
[ "$(grep -c '1111, mail' "$work/officer")" = 2000 ] || fail "the officer does not see the last four"
if grep -q '1111, mail' "$work/supervisor"; then fail "the supervisor sees the last four"; fi
if grep -qE 'harbour|4111 1' "$work/supervisor" "$work/officer"; then fail "a planted value is shown"; fi
for way in splice mmap-private read sendfile direct splice; do
	for uid in 61002 61003 61002; do
		as "$uid" "$tool" "$way" "$work/$uid/D1/a.txt" >"$work/seen"
		case $uid in 61002) cmp "$work/supervisor" "$work/seen" ;; *) cmp "$work/officer" "$work/seen" ;; esac ||
			fail "$way by $uid is another view's"
	done
done

# Masked names: all there, each once, each leads to one file, all of them different.
code 0 as 61002 ls "$work/61002/D1/names"
hides inn.example
as 61002 ls "$work/61002/D1/names" >"$work/names"
[ "$(wc -l <"$work/names")" = 60 ] && [ "$(sort -u "$work/names" | wc -l)" = 60 ] || fail "names collide"
as 61002 sh -c 'cd "$1" && cat *' sh "$work/61002/D1/names" | sort -u >"$work/contents"
[ "$(wc -l <"$work/contents")" = 60 ] || fail "masked names lead to $(wc -l <"$work/contents") files"
as 61003 ls "$work/61003/D1/names" | cmp - "$work/names" || fail "a name is another in the next view"
code 1 as 61002 cat "$work/61002/D1/names/mail k01@inn.example.txt"
says 'No such file'

# Purpose: none stated, or another, gives no view, and says which would.
view 61004 "$work/repair" --purpose repair
code 0 as 61004 cat "$work/repair/D1/a.txt"
mkdir "$work/idle"
chown 61004 "$work/idle"
for purpose in '' '--purpose curiosity'; do
	# shellcheck disable=SC2086
	code 3 as 61004 "$bailee" open $purpose "$work/idle"
	says "state the purpose 'repair'"
done
# Lapsed: no view at all, and which role since when.
mkdir "$work/61005"
chown 61005 "$work/61005"
code 3 as 61005 "$bailee" open "$work/61005"
says "role 'supervisor' (training until 2026-06-30) lapsed"
# Hours: within.
code 0 as 61006 cat "$work/61006/D1/a.txt"

# Why, by both ways.
code 0 as 61003 "$bailee" why "$work/61003/D1/a.txt"
says "copy is permitted by rule 'copies'"
cp "$work/out" "$work/by-command"
code 0 as 61003 "$tool" why "$work/61003/D1/a.txt"
cmp "$work/out" "$work/by-command" || fail "why and its attribute differ"

# A policy that cannot be, or fails its own tests, or is old, changes nothing.
policy 2 officer 'supervisor, officer' "$all" >"$work/2.yaml"
sed 's/^rules:/rulez:/' "$work/2.yaml" >"$work/broken.yaml"
policy 2 officer officer "$all" forbid >"$work/failing.yaml"
policy 0 officer officer "$all" >"$work/old.yaml"
sed 's/They look/They just look/' "$work/1.yaml" >"$work/same.yaml"
for bad in broken failing old same; do
	code 2 "$bailee" policy load "$work/$bad.yaml"
	code 0 as 61002 cat "$work/61002/D1/a.txt"
	[ "$("$bailee" status --json | jq .policy_serial)" = 1 ] || fail "$bad.yaml is in force"
done
code 3 as 61002 "$bailee" policy load "$work/2.yaml"
# Two of them the client has refused already, without asking.
[ "$("$bailee" log query --op policy-refused --json | wc -l)" = 2 ] || fail "refused policies are not in the log"

# opened UID WAY [DEVICE]: a file that is open, and has been read from, when what comes next happens
opened() {
	opened_path=$work/$1/${3:-D1}/a.txt
	rm -f "$work/go" "$work/said"
	mkfifo "$work/go" "$work/said"
	as "$1" "$tool" later "$2" "$opened_path" <"$work/go" >"$work/said" 2>"$work/later" &
	reader=$!
	exec 9>"$work/go" 8<"$work/said"
	read -r line <&8
	[ "$line" = open ] || fail "cannot open as $1"
}
# still CODE: reads on now; gives nothing unless CODE is 0
still() {
	echo >&9
	cat <&8 >"$work/more"
	got=0
	wait "$reader" || got=$?
	exec 8<&- 9>&-
	[ "$got" = "$1" ] || { cat "$work/later"; fail "an open file ends with $got, wanted $1"; }
	[ "$1" = 0 ] || [ ! -s "$work/more" ] || fail "an open file gives bytes after its right is gone"
}
# Copy is taken away: the open file ends, names stay, others go on.
opened 61002 read
code 0 "$bailee" policy load "$work/2.yaml"
still 2
code 0 as 61002 ls "$work/61002/D1"
says a.txt
code 1 as 61002 cat "$work/61002/D1/a.txt"
says 'Permission denied'
code 0 as 61003 cat "$work/61003/D1/a.txt"
cmp "$work/out" "$work/officer" || fail "the officer's view changes"

# Given back, an open file goes on; list is taken away as well: the names vanish. SIGHUP loads the daemon's own file.
policy 3 'supervisor, officer' 'supervisor, officer' "$all" >"$work/3.yaml"
code 0 "$bailee" policy load "$work/3.yaml"
code 2 "$bailee" policy load "$work/2.yaml"
says 'greater serial'
code 0 as 61002 cat "$work/61002/D1/a.txt"
cmp "$work/out" "$work/supervisor" || fail "the supervisor's view changes"
opened 61002 splice
policy 4 'supervisor, officer' 'supervisor, officer' "$all" >"$work/4.yaml"
code 0 "$bailee" policy load "$work/4.yaml"
still 0
cmp "$work/more" "$work/supervisor" || fail "an open file changes under a policy that says the same"
opened 61002 splice
# Not-these-hours: an hour that is over long before or not yet, at whatever time this runs.
hour=$(date -u +%H)
away='Mon-Sun 00:00-00:01'
[ "$hour" -ge 2 ] || away='Mon-Sun 22:00-22:01'
policy 5 officer officer "$away" >"$work/1.yaml"
kill -HUP "$daemon"
for i in $(seq 400); do [ "$("$bailee" status --json | jq .policy_serial)" = 5 ] && break; done
[ "$("$bailee" status --json | jq .policy_serial)" = 5 ] || fail "SIGHUP loads nothing"
still 2
code 2 as 61002 ls "$work/61002/D1"
[ "$(as 61002 ls "$work/61002")" = "READ ME.txt" ] || fail "a name stays after list is gone"
code 1 as 61002 stat "$work/61002/D1/a.txt"
# Out of hours the clerk has nothing left either.
code 1 as 61006 cat "$work/61006/D1/a.txt"
[ "$(as 61006 ls "$work/61006")" = "READ ME.txt" ] || fail "a name is shown out of hours"

# A hold, under a policy that closes held devices; and its end.
opened 61003 read
code 0 "$bailee" hold add D1 --reason 'letter from a lawyer'
still 2
[ "$(as 61003 ls "$work/61003")" = "READ ME.txt" ] || fail "a held device is listed"
code 1 as 61003 cat "$work/61003/D1/a.txt"
code 0 "$bailee" hold release D1 --reason 'the case is closed'
code 0 as 61003 cat "$work/61003/D1/a.txt"
cmp "$work/out" "$work/officer" || fail "the officer's view is another after a hold"

# Due by a new policy: closed at once, to everybody, also what is open; the other device stays.
printf 'received: %s\n' "$(date -u -d '40 days ago' +%F)" >"$work/record.yaml"
code 0 "$bailee" enroll "$work/source" --device D2 --kind disk --record "$work/record.yaml"
opened 61003 read D2
policy 6 officer officer "$all" >"$work/6.yaml"
printf 'retention:\n  - {id: soon, destroy_after: {intake: 30d}}\n' >>"$work/6.yaml"
code 0 "$bailee" policy load "$work/6.yaml"
still 2
code 0 as 61003 ls "$work/61003"
says D1
hides D2
code 1 as 61003 cat "$work/61003/D2/a.txt"
code 0 as 61003 cat "$work/61003/D1/a.txt"

key=$(public_key)
stop_daemon
[ "$stopped" = 0 ] || fail "the daemon ended with $stopped"
code 13 "$bailee" log verify --store "$work/store" --key "$key"
