# Following the log: every event once, in order, over restarts of the service; who may not, who may no longer, who does not read.
. "$BAILEE_ROOT/tests/e2e/lib.sh"
need_root
need jq setpriv python3
umask 022
store=$work/store
events=$work/events

# policy SERIAL ROLE: uid 61001 has that role
policy() {
	cat <<POLICY
bailee: 1
name: follow
serial: $1
timezone: UTC
uses: [builtin/baseline]
people: {'uid:61001': {roles: [$2]}, 'uid:61002': {roles: [worker]}, 'uid:61003': {roles: [auditor]}}
roles: {auditor: {}, worker: {}}
defaults: {access: forbid, mask: fill}
rules:
  - {id: reviews, permit: [review], who: [auditor], why: They check.}
POLICY
}
start_follower() {
	uid=$1 name=$2
	shift 2
	: >"$work/$name"
	setpriv --reuid="$uid" --regid="$uid" --clear-groups "$bailee" log follow --store "$store" "$@" \
		>>"$work/$name" 2>>"$work/$name.err" &
	follower=$!
	at_end "kill -9 $follower"
}
# refused N: so many events, each a refusal of uid 61002
refused() {
	for _ in $(seq "$1"); do code 3 as 61002 "$bailee" people --store "$store"; done
}
# until_says FILE TEXT: waits for the line; the test's own time limit ends what never comes
until_says() {
	until grep -q -- "$2" "$work/$1"; do sleep .05; done
}
newest() { "$bailee" status --store "$store" --json | jq .log.durable_sequence; }
until_seen() { until_says "$1" "\"sequence\":$2,"; }

policy 1 auditor >"$work/one.yaml"
start_daemon "$store" "$work/one.yaml"

# every event once and in order, the service going and coming
start_follower 61001 all --json --last 100
all=$follower
until_says all log-follow
for round in 1 2 3; do
	refused 4
	stop_daemon
	start_daemon "$store" "$work/one.yaml"
	until_says all.err "service is back"
	: >"$work/all.err"
done
refused 3
last=$(newest)
until_seen all "$last"
jq -r .sequence "$work/all" >"$work/told"
seq "$last" >"$work/wanted"
head -n "$last" "$work/told" | cmp - "$work/wanted" || fail "not every event once and in order"

# only what is asked for; a person by uid
start_follower 61001 denied --json --verdict denied --person 61002 --since 1h
until_says denied '"denied"'
refused 2
until_seen denied "$(newest)"
jq -es 'all(.verdict == "denied" and .uid == 61002)' "$work/denied" >/dev/null || fail "told what was not asked for"
kill "$follower"
wait "$follower" || fail "SIGTERM is no orderly end"

# from now on: nothing of before
before=$(newest)
start_follower 61001 fresh --json
until grep -q sequence "$work/fresh"; do refused 1; done
jq -es --argjson before "$before" 'all(.sequence > $before)' "$work/fresh" >/dev/null || fail "told what was before"
kill "$follower"

# lines for people, without colours in a pipe, and hostile terminals
start_follower 61001 lines --last 1
until_says lines reviews
refused 1
until_says lines denied
code 1 grep -q "$(printf '\033')" "$work/lines"
kill "$follower"

# who has read enough
as 61001 "$bailee" log follow --store "$store" --last 3 2>"$work/quiet" | head -n 1 >"$work/first"
[ -s "$work/first" ] || fail "not even one line"
[ ! -s "$work/quiet" ] || fail "a closed pipe is nothing to talk about"

# who may not; whose right is lost while they follow
code 3 as 61002 "$bailee" log follow --store "$store"
says "review is forbidden"
policy 2 worker >"$work/two.yaml"
code 0 "$bailee" policy load "$work/two.yaml" --store "$store"
wait "$all" && fail "it goes on without the right to" || [ $? = 3 ] || fail "losing the right is 3"
grep -q "review is forbidden" "$work/all.err" || fail "it does not say why it ended"

# wrong uses
code 2 as 61003 "$bailee" log follow --store "$store" --until 1h
says "log query"
code 2 as 61003 "$bailee" log follow --store "$store" --op nonsense
code 10 as 61003 "$bailee" log follow --store "$work"
says "bailee serve"

# seats: four of one person, the fifth is told so; who asks something has a seat all the same
for seat in 1 2 3 4; do
	start_follower 61003 "seat$seat" --json --last 1
	until_says "seat$seat" sequence
	echo "$follower" >>"$work/seats"
done
code 3 as 61003 "$bailee" log follow --store "$store"
says "too many followers"
code 0 as 61003 "$bailee" log query --store "$store" --last 1

# who does not read holds up nobody, and is let go
cat >"$work/deaf.py" <<'PYTHON'
import json, os, socket, sys, time
os.setgid(61004); os.setuid(61003)
while True:
    client = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    client.connect(sys.argv[1] + "/socket")
    client.send(json.dumps({"bailee": 1, "do": "log-follow", "last": 1}).encode())
    if b'"ok"' not in client.recv(1 << 17):
        break
    time.sleep(.05)  # the seat is not free yet
print("deaf", flush=True)
sys.stdin.read()
PYTHON
kill $(head -1 "$work/seats")
mkfifo "$work/hold"
python3 "$work/deaf.py" "$store" <"$work/hold" >"$work/deaf" &
deaf=$!
exec 9>"$work/hold"
until_says deaf deaf
refused 400
code 0 "$bailee" status --store "$store"
until_seen seat2 "$(newest)"
exec 9>&-
wait "$deaf"

# an orderly stop does not wait for them
stop_daemon
[ "$stopped" = 0 ] || fail "followers hold up the stop"
