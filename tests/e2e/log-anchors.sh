# Anchors: checkpoints in a folder, in syslog and through a command; a log with one verifies to the end, one put back does not; and no
# contents while the newest is older than the policy wants.
. "$BAILEE_ROOT/tests/e2e/lib.sh"
need_root
need_fuse
need mke2fs jq setpriv python3
cp "$BAILEE_ROOT/examples/policies/shop.yaml" "$work/shop.yaml"
mkdir "$work/files" "$work/elsewhere"
echo 'nothing to see' >"$work/files/a.txt"
truncate -s 4M "$work/one.img"
mke2fs -q -d "$work/files" "$work/one.img"
store=$work/store
log=$store/log

# A syslog of our own: every message on a line.
cat >"$work/syslog.py" <<'PYTHON'
import os, socket, sys
server = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
server.bind(sys.argv[1])
out = os.open(sys.argv[2], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
print("listening", flush=True)
while True:
    os.write(out, server.recv(65536) + b"\n")
PYTHON
mkfifo "$work/listening"
python3 "$work/syslog.py" "$work/dev-log" "$work/messages" >"$work/listening" &
syslog=$!
at_end "kill $syslog"
read -r line <"$work/listening"

# Targets that are none.
code 0 "$bailee" init --store "$store" --kit "$work/kit"
for target in "$work/no-such-folder" "$work/kit" "$store" "$log" syslogg: command: ''; do
	code 2 "$bailee" serve --store "$store" --policy "$work/shop.yaml" --anchor "$target"
done

serve_anchored() {
	daemon_store=$store
	rm -f "$work/ready"
	mkfifo "$work/ready"
	"$bailee" serve --store "$store" --policy "$1" --anchor "$work/elsewhere" --anchor "syslog:$work/dev-log" \
		--anchor "command:[ ! -e '$work/no-more' ] && cat >>'$work/by-command'" >"$work/ready" 2>>"$work/daemon.err" &
	daemon=$!
	export BAILEE_STORE="$store"
	read -r line <"$work/ready" || fail "no daemon: $(cat "$work/daemon.err")"
}
# until_true COMMAND...: it is so at once or after some events of others; the run's own limit ends what never is
until_true() { until "$@" >/dev/null 2>&1; do [ -d "/proc/$daemon" ] || fail "the daemon ended while we waited for: $*"; done; }
anchored() { "$bailee" status --json | jq -e "[.log.anchors[] | select(.sequence > ${1:-0} and .trouble == \"\")] | length == 3"; }
serve_anchored "$work/shop.yaml"
code 0 "$bailee" enroll "$work/one.img" --device RMA-1 --kind laptop
until_true anchored
code 0 "$bailee" status
says "anchor  $work/elsewhere"
says 'the store'"'"'s own medium'
[ "$(as 61001 "$bailee" status --json | jq '.log | has("anchors")')" = false ] || fail "everybody is told where the anchors are"
view 61002 "$work/view"
as 61002 cat "$work/view/RMA-1/p1-ext2/a.txt" >"$work/out" || fail "no contents"
stop_daemon

# Every target's notes prove the log; together too; none of them proves another's.
[ "$(stat -c %a "$work/elsewhere"/*.anchors)" = 600 ] || fail "the anchors are not private"
for anchor in "$work/elsewhere"/*.anchors "$work/messages" "$work/by-command"; do
	code 0 "$bailee" log verify --log "$log" --kit "$work/kit" --anchor "$anchor"
	says anchored
done
code 0 "$bailee" log verify --log "$log" --kit "$work/kit" --anchor "$work/elsewhere"/*.anchors --anchor "$work/messages"
code 13 "$bailee" log verify --log "$log" --kit "$work/kit"
code 2 "$bailee" log verify --log "$log" --kit "$work/kit" --anchor "$work/kit"
code 2 "$bailee" log verify --log "$log" --kit "$work/kit" --anchor "$work/no-such-file"
code 0 "$bailee" init --store "$work/other" --kit "$work/other.kit"
start_daemon "$work/other" "$work/shop.yaml"
stop_daemon
code 2 "$bailee" log verify --log "$work/other/log" --kit "$work/other.kit" --anchor "$work/messages"
code 2 "$bailee" log verify --log "$log" --kit "$work/other.kit"
says 'kit'

# A note that nobody signed, of a record that will never be, keeps no log from being opened: it is told as trouble.
cp "$work/elsewhere"/*.anchors "$work/anchors.kept"
tail -c 267 "$work/anchors.kept" | sed '3s/.*/00000000000000999999/' >>"$(ls "$work/elsewhere"/*.anchors)"
serve_anchored "$work/shop.yaml"
until_true sh -c '"$0" status --json | jq -e ".log.anchors[0].trouble | length > 0"' "$bailee"
stop_daemon
cat "$work/anchors.kept" >"$(ls "$work/elsewhere"/*.anchors)"

# A snapshot, life goes on, the snapshot is put back: only the anchor tells. Also after life went on from the snapshot.
cp -a "$store" "$work/snapshot"
serve_anchored "$work/shop.yaml"
stop_daemon
code 0 "$bailee" log verify --log "$log" --kit "$work/kit" --anchor "$work/messages"
rm -rf "$store"
cp -a "$work/snapshot" "$store"
code 13 "$bailee" log verify --log "$log" --kit "$work/kit"
for anchor in "$work/elsewhere"/*.anchors "$work/messages" "$work/by-command"; do
	code 12 "$bailee" log verify --log "$log" --kit "$work/kit" --anchor "$anchor" --json
	[ "$(jq -r .looks "$work/out")" = rolled-back ] || fail "looks $(jq -r .looks "$work/out") by $anchor"
done
# The service itself does not go on with it, where an anchor it can read knows more; nothing is changed then.
sum=$(cat "$log"/seg.* | cksum)
code 12 timeout 60 "$bailee" serve --store "$store" --policy "$work/shop.yaml" --anchor "$work/elsewhere"
says 'was put back'
[ "$(cat "$log"/seg.* | cksum)" = "$sum" ] || fail "a log that was put back was written to"
cp "$work/messages" "$work/messages.before"
start_daemon "$store" "$work/shop.yaml"
code 0 "$bailee" log query
stop_daemon
code 13 "$bailee" log verify --log "$log" --kit "$work/kit"
code 12 "$bailee" log verify --log "$log" --kit "$work/kit" --anchor "$work/messages.before"

# No contents while the newest anchor is older than the policy wants: open handles neither. Names stay. It heals by itself.
rm -f "$work/elsewhere"/*.anchors
sed 's/^serial: 1 .*/serial: 2/' "$work/shop.yaml" >"$work/strict.yaml"
echo 'audit: {anchor_every: 2s}' >>"$work/strict.yaml"
chmod 644 "$work/strict.yaml"
start_daemon "$store" "$work/strict.yaml"
view 61002 "$work/view-2"
as 61002 ls "$work/view-2/RMA-1/p1-ext2" >"$work/out"
says a.txt
code 1 as 61002 cat "$work/view-2/RMA-1/p1-ext2/a.txt"
code 0 "$bailee" log query --op open --rule builtin/not-anchored --json
[ -s "$work/out" ] || fail "no event tells of it"
event=$(jq -r .sequence "$work/out" | tail -n 1)
code 0 "$bailee" why "$event"
says 'anchor'
code 0 as 61002 "$bailee" why "$work/view-2/RMA-1/p1-ext2/a.txt"
says 'builtin/not-anchored'
stop_daemon
rm -f "$work/no-more"
kill "$syslog"
wait "$syslog" 2>/dev/null || true
daemon_store=$store
rm -f "$work/ready"
mkfifo "$work/ready"
"$bailee" serve --store "$store" --policy "$work/strict.yaml" --anchor "command:[ ! -e '$work/no-more' ]" >"$work/ready" 2>>"$work/daemon.err" &
daemon=$!
read -r line <"$work/ready"
view 61002 "$work/view-3"
until_true as 61002 cat "$work/view-3/RMA-1/p1-ext2/a.txt"
: >"$work/no-more"
until ! as 61002 cat "$work/view-3/RMA-1/p1-ext2/a.txt" >/dev/null 2>&1; do [ -d "/proc/$daemon" ] || fail "the daemon ended"; done
code 0 "$bailee" status
says FAILED
rm "$work/no-more"
until_true as 61002 cat "$work/view-3/RMA-1/p1-ext2/a.txt"
