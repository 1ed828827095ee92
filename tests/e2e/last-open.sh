# The date that counts from the last look: begun and put off by who works on the device, by nobody who minds devices; not lost
# by a stop or a crash; when it comes the device is closed.
. "$BAILEE_ROOT/tests/e2e/lib.sh"
. "$BAILEE_ROOT/tests/e2e/later.inc"
need_root
need_fuse
need mke2fs jq setpriv flock

cat >"$work/policy.yaml" <<'YAML'
bailee: 1
name: last-open
serial: 1
timezone: Europe/Lisbon
uses: [builtin/baseline]
people:
  uid:61001: {roles: [worker]}
  uid:61002: {roles: [worker, auditor]}
  uid:61003: {roles: [worker, keeper]}
roles: {worker: {}, auditor: {}, keeper: {}}
detect: {sets: [contact]}
defaults: {access: forbid, mask: fill, unscanned: withhold}
rules:
  - {id: works, permit: [list, stat, read, copy], who: [worker], why: They work.}
  - {id: reviews, permit: [review], who: [auditor], needs: {reason: required}, why: They look at the log.}
  - {id: keeps, permit: [administer], who: [keeper], why: They keep the policy.}
retention:
  - {id: unused, what: {ids: ['LONG-*']}, destroy_after: {last_open: 20d}}
  - {id: brief, what: {ids: ['BRIEF']}, destroy_after: {last_open: 4s}}
YAML
mkdir "$work/files"
echo 'the greengage notebook' >"$work/files/a.txt"
truncate -s 4M "$work/small.img"
mke2fs -q -d "$work/files" "$work/small.img"
store=$work/store
start_daemon "$store" "$work/policy.yaml"
for id in LONG-1 LONG-2 LONG-3 BRIEF; do
	cp "$work/small.img" "$work/$id.img"
	code 0 "$bailee" enroll "$work/$id.img" --device $id --kind laptop
done
for uid in 61001 61002 61003; do view $uid "$work/view$uid"; done

device() { "$bailee" status --json | jq -r --arg id "$1" ".devices[] | select(.id == \$id) | $2"; }
# dated DEVICE ENTRY: a pass of the keeper later
dated() {
	code 0 "$bailee" shred --due
	[ "$(device "$1" .retention)" = "$2" ] || fail "$1 goes by $(device "$1" .retention), not $2"
}
lists() { as "$1" ls -l "$work/view$1/$2/p1-ext2" >/dev/null || fail "$1 cannot list $2"; }
reads() { as "$1" cat "$work/view$1/$2/p1-ext2/a.txt" | cmp - "$work/files/a.txt" || fail "$1 cannot read $2"; }

# Nobody has looked, or only who minds devices, or only at what devices there are: no date begins.
for uid in 61002 61003; do lists $uid LONG-1 && reads $uid LONG-1; done
as 61001 ls -l "$work/view61001" >/dev/null
dated LONG-1 builtin/longest

# A listing begins it, a read puts it off.
before=$(date +%s)
lists 61001 LONG-1
dated LONG-1 unused
first=$(device LONG-1 .due_unix)
[ "$first" -ge $((before + 20 * 86400)) ] && [ "$first" -le $(($(date +%s) + 20 * 86400)) ] || fail "due at $first, looked at after $before"
reads 61001 LONG-2
dated LONG-2 unused
dated LONG-3 builtin/longest

# A stop and a crash take nothing along, and who minds devices does not come to count by them.
lists 61002 LONG-3
stop_daemon
start_daemon "$store" "$work/policy.yaml"
dated LONG-1 unused
dated LONG-3 builtin/longest
view 61001 "$work/view61001"
lists 61001 LONG-3
kill_daemon
start_daemon "$store" "$work/policy.yaml"
[ "$(device LONG-3 .retention)" = unused ] || dated LONG-3 unused
[ "$(device LONG-1 .due_unix)" = "$first" ] || fail "a start puts LONG-1 off"

# It comes by itself: closed, and what is open too.
view 61001 "$work/view61001"
opened 61001 "$work/view61001/BRIEF/p1-ext2/a.txt"
tries=0
until [ "$(device BRIEF .state)" = due ]; do
	tries=$((tries + 1))
	[ $tries -lt 300 ] || fail "BRIEF is $(device BRIEF .state) long after its date"
	sleep 0.1
done
still 2
code 1 as 61001 cat "$work/view61001/BRIEF/p1-ext2/a.txt"
says 'No such file'
code 0 "$bailee" log query --device BRIEF --op due --json
[ "$(jq -r .rule "$work/out")" = brief ] || fail "closed by: $(cat "$work/out")"
cmp "$work/small.img" "$work/BRIEF.img" || fail "what was not given to be destroyed was touched"
