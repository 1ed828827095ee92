# Where and when: the host is the daemon's own, whatever a client says of itself; hours that are not now give nothing, and why
# says when they are; and who holds two roles that are never held together holds neither, also over several keys.
. "$BAILEE_ROOT/tests/e2e/lib.sh"
. "$BAILEE_ROOT/tests/e2e/later.inc"
need_root
need_fuse
need jq setpriv unshare hostname python3
[ "$(id -u daemon 2>/dev/null)" = 1 ] && [ "$(id -u bin 2>/dev/null)" = 2 ] || skip "needs the accounts daemon and bin"

# A zone whose hour does not end while this runs; hours that are long over or not yet.
zone=Asia/Kolkata
case $(date -u +%M) in 1[5-9] | 2? | 3? | 4[0-4]) zone=UTC ;; esac
away='Mon-Sun 00:00-00:01' back="$(TZ=$zone date -d tomorrow +%F) 00:00"
[ "$(TZ=$zone date +%H)" -ge 2 ] || { away='Mon-Sun 22:00-22:01' back="$(TZ=$zone date +%F) 22:00"; }
# policy SERIAL HOST
policy() {
	cat <<EOF
bailee: 1
name: workplaces
serial: $1
timezone: $zone
uses: [builtin/baseline]
people:
  uid:61001: {roles: [bencher]}
  uid:61002: {roles: [nighter]}
  uid:61003: {roles: [dayer]}
  uid:61004: {roles: [auditor, administrator]}
  uid:61005: {roles: [auditor]}
  uid:61006: {roles: [administrator]}
  daemon: {roles: [auditor]}
  uid:1: {roles: [administrator]}
  bin: {roles: [auditor]}
  group:bin: {roles: [bencher]}
roles: {bencher: {}, nighter: {}, dayer: {}, auditor: {never_with: [administrator]}, administrator: {}}
workplaces: {bench: {hosts: [$2]}, office: {hosts: [office-0815]}}
detect: {sets: [contact]}
defaults: {access: forbid, mask: fill, unscanned: withhold}
rules:
  - {id: bench-copies, permit: [list, read, copy], who: [bencher], where: bench, why: Work is done at the bench.}
  - {id: office-names, permit: [list], who: [bencher], where: office, why: The office looks at names.}
  - {id: not-from-there, forbid: [copy], who: [bencher], what: {paths: [/b.txt]}, where: office, why: Not out of the office.}
  - {id: at-night, permit: [list, read, copy], who: [nighter], when: {hours: '$away'}, why: One minute a day.}
  - {id: all-day, permit: [list, read, copy], who: [dayer], when: {hours: 'Mon-Sun 00:00-23:59'}, why: All day long.}
  - {id: closed-now, forbid: [copy], who: [dayer], what: {paths: [/b.txt]}, when: {hours: 'Mon-Sun 00:00-23:59'}, why: Not in the day.}
  - {id: closed-then, forbid: [copy], who: [dayer], what: {paths: [/a.txt]}, when: {hours: '$away'}, why: Not at that time.}
  - {id: audits, permit: [list, read, copy, review], who: [auditor], why: Auditors look.}
  - {id: runs, permit: [list, read, copy, administer], who: [administrator], why: Administrators run it.}
test_clock: 2026-11-02 10:00
tests:
  - {name: bench, as: 'uid:61001', do: copy, device: disk, file: /a.txt, kind: text, where: bench, expect: permit, rule: bench-copies}
EOF
}
here=$(hostname | tr '[:upper:]' '[:lower:]')
policy 1 "$here" >"$work/policy.yaml"
policy 2 bench-0816 >"$work/policy-2.yaml"
policy 3 "$here" >"$work/policy-3.yaml"
policy 4 bench-0817 >"$work/policy-4.yaml"
mkdir "$work/source"
for name in a b; do awk 'BEGIN { for (i = 0; i < 3000; i++) print "the gooseberry diary, line " i }' >"$work/source/$name.txt"; done
start_daemon "$work/store" "$work/policy.yaml"
key=$(public_key)
code 0 "$bailee" enroll "$work/source" --device D1 --kind disk
reads() { as "$1" cat "$work/$1/D1/$2" | cmp - "$work/source/$2" || fail "uid $1 does not read $2"; }
refused() {
	for again in 1 2; do
		code 1 as "$1" cat "$work/$1/D1/$2"
		says "$3"
	done
}
# no_view UID WORDS [COMMAND...]: nothing is opened for them, and why
no_view() {
	mkdir -p "$work/none-$1"
	chown "$1" "$work/none-$1"
	nobody=$1
	words=$2
	shift 2
	code 3 "$@" setpriv --reuid="$nobody" --regid="$nobody" --clear-groups "$bailee" open "$work/none-$nobody"
	says "$words"
}

# At the bench, since that is where the daemon runs. A policy that says elsewhere takes it, names and what is open with it.
view 61001 "$work/61001"
reads 61001 a.txt
reads 61001 b.txt
opened 61001 "$work/61001/D1/a.txt"
code 0 "$bailee" policy load "$work/policy-2.yaml"
still 2
refused 61001 a.txt 'No such file'
no_view 61001 bench
# Nothing that a client is, or says, makes it another place.
for name in bench-0816 office-0815; do
	no_view 61001 bench env HOSTNAME=$name HOST=$name
	no_view 61001 bench unshare -u sh -c 'hostname "$1" && shift && exec "$@"' sh $name
done
for key_of in host workplace where; do
	cat >"$work/said.py" <<PYTHON
import json, os, socket, sys
os.setgroups([]); os.setgid(61001); os.setuid(61001)
peer = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
peer.connect(sys.argv[1] + "/socket")
peer.send(json.dumps({"bailee": 1, "do": "may", "$key_of": "bench"}).encode())
answer = json.loads(peer.recv(1 << 17))
assert answer["ok"] is False and answer["exit"] == 2, answer
PYTHON
	python3 "$work/said.py" "$work/store" || fail "'$key_of' is taken from a client"
done
refused 61001 a.txt 'No such file'
code 0 "$bailee" policy load "$work/policy-3.yaml"
reads 61001 a.txt

# Hours: not now gives nothing, and says when; a forbid binds in its hours and not beside them.
no_view 61002 "$back"
view 61003 "$work/61003"
reads 61003 a.txt
refused 61003 b.txt 'Permission denied'
code 0 as 61003 "$bailee" why "$work/61003/D1/b.txt"
says closed-now
as 61003 "$bailee" may --json >"$work/may"
[ "$(jq -r 'select(.device == "D1" and .action == "list") | .until' "$work/may")" = "$(TZ=$zone date +%F) 23:59" ] || fail "until: $(cat "$work/may")"

# Two roles that are never held together: neither, by one key and over two; what does not conflict is all of it theirs.
no_view 61004 'never held together'
no_view 1 'never held together'
for uid in 61004 1; do
	code 3 as $uid "$bailee" log query
	code 3 as $uid "$bailee" policy load "$work/policy-4.yaml"
	code 3 as $uid "$bailee" people
	code 0 as $uid "$bailee" may --json
	[ ! -s "$work/out" ] || fail "uid $uid may: $(cat "$work/out")"
done
for uid in 61005 61006; do
	view $uid "$work/$uid"
	reads $uid a.txt
done
code 0 as 61005 "$bailee" log query --last 1
code 3 as 61005 "$bailee" policy load "$work/policy-4.yaml"
code 0 as 61006 "$bailee" people --json
[ "$(jq -r 'select(.standing == "conflict") | "\(.person) \(.role)"' "$work/out" | sort | tr '\n' ,)" = 'uid:61004 administrator,uid:61004 auditor,' ] ||
	fail "conflicts: $(jq -c 'select(.standing != "counts")' "$work/out")"
view 2 "$work/2"
reads 2 a.txt
code 0 as 2 "$bailee" log query --last 1

# A daemon on a machine of another name, whatever its case, is at that place.
stop_daemon
[ "$stopped" = 0 ] || fail "the daemon ended with $stopped"
cat >"$work/elsewhere" <<EOF
#!/bin/sh
exec unshare -u sh -c 'hostname "\$0" && exec "\$@"' Bench-0817 "$bailee" "\$@"
EOF
chmod 755 "$work/elsewhere"
serve_program=$work/elsewhere
start_daemon "$work/store" "$work/policy-4.yaml"
view 61001 "$work/61001"
reads 61001 a.txt
stop_daemon
[ "$stopped" = 0 ] || fail "the daemon ended with $stopped"
code 13 "$bailee" log verify --store "$work/store" --key "$key"
