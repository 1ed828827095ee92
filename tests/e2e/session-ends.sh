# Whatever takes `read` away ends a session at once, with the reason on its person's terminal and in the log, and nothing is read after it.
. "$BAILEE_ROOT/tests/e2e/lib.sh"
need_root
need_fuse
need jq setpriv unshare less mkfs.ext4 /usr/bin/python3
hidden_proc "$0" "$@"
person="/usr/bin/python3 $BAILEE_ROOT/tests/tools/person.py"
other_clock
day=86400

# policy RULE-PART SESSIONS-PART PERSON-PART LINES: the next one in force
serial=0
policy() {
	serial=$((serial + 1))
	cat >"$work/policy.yaml" <<EOF
bailee: 1
name: ends
serial: $serial
timezone: UTC
uses: [builtin/baseline]
people:
  uid:61001: {roles: [looker]$3}
  uid:61009: {roles: [admin]}
roles: {looker: {${3:+requires: [training]}}, admin: {}}
detect: {sets: [contact, payment]}
defaults: {access: forbid, mask: fill, unscanned: withhold}
rules:
  - {id: lookers-list, permit: [list], who: [looker], why: Lookers see names.}
  - {id: lookers-read, permit: [read], who: [looker], why: Lookers look.$1}
  - {id: admins, permit: [administer, review, hold, release, shred, intake], who: [admin], why: They run it.}
$4
retention:
  - {id: month, destroy_after: {intake: 30d}}
sessions: {viewers: [less, cat]$2}
EOF
}
load() { code 0 as 61009 "$bailee" policy load "$work/policy.yaml"; }
again() {
	policy '' '' '' ''
	load
}
mkdir -p "$work/source"
awk 'BEGIN { for (i = 0; i < 3000; i++) printf "line %d of the gooseberry diary\n", i }' >"$work/source/notes.txt"
loop_fs "$work/disk" 96M
policy '' '' '' ''
start_daemon "$work/disk/store" "$work/policy.yaml"
for id in D1 D2 D3 D4; do
	code 0 "$bailee" enroll "$work/source" --device $id --kind disk
done
mkfifo "$work/inside"

# looking DEVICE WORDS CODE [OPTIONS...]: somebody follows a file in a session, which reads it again every second, and will be told WORDS;
# returns when they see it
looking() {
	device=$1
	words=$2
	exit_code=$3
	shift 3
	printf 'see q: leave\nkey x\nsee Waiting for data\nrun echo >%s\nsee %s\nend %s\n' "$work/inside" "$words" "$exit_code" >"$work/script"
	$person 61001 20x90 "$bailee" view "$@" "$device" -- less +F notes.txt <"$work/script" >"$work/screen" 2>&1 &
	looker=$!
	read -r _ <"$work/inside" || fail "nobody looks"
}
# told WHAT: the person was told why
told() { wait "$looker" || { cat "$work/screen"; fail "$1"; }; }
# ended WHAT: and the log has the end with the reason, and nothing that was read in the session behind it
ended() {
	told "$1"
	# Its person is told first, and then the log.
	until "$bailee" sessions --json | jq -e '.sessions == []' >/dev/null; do :; done
	"$bailee" log query --op session-ended --last 1 --json >"$work/end"
	jq -e --arg w "$words" '.detail | contains($w)' "$work/end" >/dev/null || { cat "$work/end"; fail "$1: the log does not say why"; }
	read_after=$("$bailee" log query --op read --json | jq -s --slurpfile last "$work/end" \
		'[.[] | select(.session == $last[0].session and .sequence > $last[0].sequence)] | length')
	[ "$read_after" = 0 ] || fail "$1: something was read after the end"
}

looking D1 'Nobody looks today' 3
policy '' '' '' '  - {id: closed, forbid: [read], who: everyone, why: Nobody looks today.}'
load
ended 'another policy'
again

looking D1 'uid 61009' 3
number=$("$bailee" sessions --json | jq '.sessions[0].number')
code 1 as 61002 "$bailee" sessions end "$number"
code 0 as 61009 "$bailee" sessions end "$number" --reason 'time to go'
ended 'ended by an admin'

policy '' '' ", training_expires: $(date -u -d '+3 days' +%F)" ''
load
looking D1 'training' 3
clock $((5 * day)) 0
pass
ended 'a lapse'
clock 0 0
pass
again

policy ', when: {purpose: [repair], consent: granted}' '' '' ''
load
code 0 "$bailee" consent D4 grant repair
looking D4 'consent' 3 --purpose repair
code 0 "$bailee" consent D4 withdraw repair
told 'consent withdrawn'
again

looking D2 'Held devices rest' 3
policy '' '' '' "  - {id: rest, forbid: [read], what: {status: [held]}, who: everyone, why: Held devices rest.}"
load
"$bailee" sessions --json | jq -e '.sessions | length == 1' >/dev/null || fail 'a rule about held devices ended the session of another one'
code 0 as 61009 "$bailee" hold add D2 --reason 'police'
ended 'a hold'
again

policy ', limits: {shown: 24K per day}' '' '' ''
load
$person 61001 50x90 "$bailee" view D1 -- less notes.txt >"$work/screen" <<'EOF' || { cat "$work/screen"; fail 'a limit'; }
see q: leave
key x
see line 30
key                                                                      \x20
see session ended
end 3
EOF
shown=$("$bailee" log query --op session-ended --last 1 --json | jq .bytes)
[ "$shown" -le 24576 ] || fail "more was shown than the limit: $shown"
# ... and a restart does not give it back
stop_daemon
start_daemon "$work/disk/store" "$work/policy.yaml"
$person 61001 50x90 "$bailee" view D1 -- less notes.txt >"$work/screen" <<'EOF' || { cat "$work/screen"; fail 'a limit after a restart'; }
see KiB of 24 KiB shown today
see q: leave
key x
see session ended
not gooseberry
end 3
EOF
again

policy '' ', idle: 2s, total: 1h' '' ''
load
looking D1 'sessions: idle' 3
ended 'idle'
policy '' ', idle: 3s, total: 3s' '' ''
load
looking D1 'sessions: ' 3
told 'total'
again

looking D3 'closed' 3
code 0 as 61009 "$bailee" shred D3 --reason 'asked for'
told 'an early shred'

looking D1 'the service stops' 3
stop_daemon
told 'a stop'
start_daemon "$work/disk/store" "$work/policy.yaml"

looking D1 'the service is gone' 1
kill -9 "$(daemon_child)"
told 'kill -9 of the daemon'
wait "$daemon" || true
daemon=
wait_store_free "$work/disk/store"
start_daemon "$work/disk/store" "$work/policy.yaml"

# Whoever started all the sealed places takes them along, and the next session gets another one.
looking D1 'its viewer failed' 1
kill -9 "$(pgrep -P "$daemon" bailee-session)"
told 'kill -9 of bailee-session'
looking D1 'it was ended by' 3
code 0 as 61009 "$bailee" sessions end "$("$bailee" sessions --json | jq '.sessions[0].number')"
told 'after another bailee-session'

# (the daemon stops in an orderly way, while the kernel kills the sessions with their zygote: whichever is first tells)
looking D1 'session ended' any
kill -9 "$daemon"
told 'kill -9 of the monitor'
wait "$daemon" || true
daemon=
wait_store_free "$work/disk/store"
start_daemon "$work/disk/store" "$work/policy.yaml"

# The disk is full: the log latches, and everything ends.
looking D1 'the log can take no more events' 3
dd if=/dev/zero of="$work/disk/full" bs=1M >/dev/null 2>&1 || true
# what the log has allocated is all it gets: every question is an event
cat >"$work/ask.py" <<'PYTHON'
import json, socket, sys, threading
def ask():
    peer = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    peer.connect(sys.argv[1])
    while True:
        peer.send(json.dumps({"bailee": 1, "do": "may", "reason": "r" * 2000}).encode())
        answer = {}
        while "ok" not in answer:
            answer = json.loads(peer.recv(1 << 17))
        if not answer["ok"]:
            return
threads = [threading.Thread(target=ask) for _ in range(6)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
PYTHON
/usr/bin/python3 "$work/ask.py" "$work/disk/store/socket"
told 'a log that broke'
rm "$work/disk/full"
code 0 "$bailee" log unlatch --reason 'room again'

# A client that is killed takes its session along.
looking D1 'Terminated' 143
for pid in $(cat "/proc/$looker/task/$looker/children"); do kill "$pid" 2>/dev/null || true; done
wait "$looker" || true
until "$bailee" sessions --json | jq -e '.sessions == []' >/dev/null; do :; done
stop_daemon
[ "$stopped" = 0 ] || fail "the daemon ended with $stopped"
