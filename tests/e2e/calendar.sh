# The calendar: a policy that makes devices due closes them at once and destroys them a day later, unless another one comes; a plan tells
# what an edit would move before it moves; a notice is given once; files with a date of their own go by themselves.
. "$BAILEE_ROOT/tests/e2e/lib.sh"
need_root
need_fuse
need mke2fs jq setpriv
other_clock
day=86400
mkdir -p "$work/disk" "$work/files/keep" "$work/files/cache"
echo 'nothing of note' >"$work/files/keep/a.txt"
head -c 100000 /dev/urandom | base64 >"$work/files/cache/b.txt"
truncate -s 8M "$work/small.img"
mke2fs -q -d "$work/files" "$work/small.img"
# policy FILE SERIAL RETENTION
policy() {
	cat >"$work/$1" <<YAML
bailee: 1
name: calendar
serial: $2
timezone: UTC
people:
  'uid:61001': {roles: [bench]}
  'uid:61009': {roles: [admin]}
roles: {bench: {}, admin: {}}
defaults: {access: forbid, mask: fill, unscanned: withhold}
rules:
  - {id: bench-works, permit: [list, read, copy], who: [bench], why: They work on devices.}
  - {id: admin-runs, permit: [administer], who: [admin], why: They run Bailee.}
retention:
$3
requests: {destroy_within: 72h}
YAML
}
month='  - {id: month, destroy_after: {intake: 30d}, notice: 5d}'
cache="  - {id: caches, what: {paths: ['/cache/**']}, destroy_after: {intake: 7d}}"
policy one.yaml 1 "$month"
policy two.yaml 2 '  - {id: at-once, destroy_after: {intake: 1s}}'
policy three.yaml 3 "$month"
policy four.yaml 4 "$month
$cache"
store=$work/store
show() { "$bailee" status --json | jq -r --arg id "$1" ".devices[] | select(.id == \$id) | .$2"; }
plan() { jq -r --arg id "$1" ".plans[] | select(.device == \$id) | $2" "$work/plan"; }
start_daemon "$store" "$work/one.yaml"
for id in GIVEN KEPT; do
	cp --sparse=never "$work/small.img" "$work/disk/$id.img"
	code 0 "$bailee" enroll "$work/disk/$id.img" --device $id --kind disk --destroy-when-due
done
code 0 "$bailee" intake "$work/small.img" --device SEALED --kind disk
clock 2 2

# A plan is for those who run it; it tells what the edit would move, and moves nothing.
code 3 as 61001 "$bailee" retention plan
code 0 as 61009 "$bailee" retention plan
says 'GIVEN'
says '30 days'
as 61009 "$bailee" retention plan --policy "$work/two.yaml" --json >"$work/plan" || fail "no plan"
[ "$(plan GIVEN .then.is_due)" = true ] && [ "$(plan GIVEN .is_due)" = false ] || fail "the plan: $(cat "$work/plan")"
[ "$(jq .due_at_once "$work/plan")" = 3 ] || fail "due at once: $(jq -c 'del(.plans)' "$work/plan")"
[ "$(plan GIVEN .from)" = intake ] && [ "$(plan GIVEN .span_seconds)" = $((30 * day)) ] || fail "why: $(plan GIVEN .)"
[ "$(show GIVEN state)" = received ] || fail "a plan moved GIVEN"
echo 'bailee: 1' >"$work/bad.yaml"
code 2 as 61009 "$bailee" retention plan --policy "$work/bad.yaml"

# The edit: closed at once, destroyed by nobody for a day. Another one in time, and they are what they were.
code 0 "$bailee" policy load "$work/two.yaml"
for id in GIVEN KEPT SEALED; do [ "$(show $id state)" = due ] || fail "$id is $(show $id state)"; done
pass
for id in GIVEN KEPT; do cmp "$work/small.img" "$work/disk/$id.img" || fail "an edit destroyed $id at once"; done
clock $((day - 60)) $((day - 60))
pass
for id in GIVEN KEPT; do cmp "$work/small.img" "$work/disk/$id.img" || fail "$id has no grace"; done
code 0 "$bailee" retention plan
says 'grace'
# What somebody was permitted to destroy early has none.
code 0 "$bailee" shred KEPT --reason 'the customer is here'
pass
[ "$(show KEPT state)" = shredded ] || fail "an early shred waits for a grace: $(show KEPT state)"
stop_daemon
start_daemon "$store" "$work/two.yaml"
pass
cmp "$work/small.img" "$work/disk/GIVEN.img" || fail "a restart took the grace"
# One that would put its date off, and cannot be kept, takes no grace either.
mkdir "$store/policy.last.tmp"
"$bailee" policy load "$work/three.yaml" >"$work/out" 2>&1 && fail "a policy that cannot be kept is in force"
rmdir "$store/policy.last.tmp"
pass
cmp "$work/small.img" "$work/disk/GIVEN.img" || fail "a policy that did not come about took the grace"
code 0 "$bailee" policy load "$work/three.yaml"
pass
[ "$(show GIVEN state)" = received ] || fail "its date was put off and GIVEN is $(show GIVEN state)"

# A part has a date of its own: then its files are gone, proved by a certificate of their own, and the rest is there.
code 0 "$bailee" policy load "$work/four.yaml"
as 61009 "$bailee" retention plan --json >"$work/plan"
[ "$(plan SEALED '.parts[0].retention')" = caches ] || fail "no part is planned: $(plan SEALED .)"
[ "$(plan GIVEN '.retention')" = caches ] || fail "what has no parts goes as a whole: $(plan GIVEN .retention)"
clock $((7 * day + 3600)) $((7 * day + 3600))
pass
[ "$(show GIVEN state)" = shredded ] || fail "GIVEN is $(show GIVEN state)"
[ "$(show SEALED state)" = received ] || fail "SEALED is $(show SEALED state)"
code 0 "$bailee" certificate show SEALED --part 1
jq -e '.why.entry == "caches" and .why.reason == "none" and .who.operator != null' "$work/out" >/dev/null || fail "the part's certificate: $(jq -c '[.why, .who]' "$work/out")"
mkdir "$work/view" && chown 61001:61001 "$work/view"
code 0 as 61001 "$bailee" open "$work/view"
as 61001 cmp "$work/files/keep/a.txt" "$work/view/SEALED/p1-ext2/keep/a.txt" || fail "the neighbour is another"
as 61001 cat "$work/view/SEALED/p1-ext2/cache/b.txt" 2>/dev/null | tr -d '\0' | grep -q . && fail "the part is still there"
pass
[ "$("$bailee" log query --device SEALED --op part-done --json | wc -l)" = 1 ] || fail "a part is destroyed again and again"
as 61009 "$bailee" retention plan --json >"$work/plan"
[ "$(plan SEALED '.parts | length')" = 0 ] || fail "what was carried out is planned: $(plan SEALED .parts)"

# Five days before: one notice, told in the log and in status; however often one looks.
notices() { "$bailee" log query --device SEALED --op notice --json | wc -l; }
[ "$(notices)" = 0 ] || fail "a notice too soon"
clock $((26 * day)) $((26 * day))
code 0 "$bailee" policy load "$work/four.yaml"
until [ "$(notices)" = 1 ]; do sleep 0.1; done
code 0 "$bailee" policy load "$work/four.yaml"
pass
[ "$(notices)" = 1 ] || fail "$(notices) notices"
[ "$("$bailee" status --json | jq -r '.notice[].device')" = SEALED ] || fail "status does not tell: $("$bailee" status --json | jq -c .notice)"
clock $((31 * day)) $((31 * day))
pass
[ "$(show SEALED state)" = shredded ] || fail "SEALED is $(show SEALED state)"
