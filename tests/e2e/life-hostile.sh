# What somebody with a right, or with a hand in the store, tries on a device's life: to put off its date, to bring it back to stock by the
# proof of another, to have what was written down forgotten.
. "$BAILEE_ROOT/tests/e2e/lib.sh"
need_root
need_fuse
need mke2fs jq setpriv
mkdir "$work/disk" "$work/files"
echo 'nothing of note' >"$work/files/a.txt"
truncate -s 4M "$work/small.img"
mke2fs -q -d "$work/files" "$work/small.img"
cat >"$work/policy.yaml" <<'YAML'
bailee: 1
name: hostile
serial: 1
timezone: UTC
people:
  'uid:61001': {roles: [desk]}
  'uid:61002': {roles: [officer]}
  'uid:61003': {roles: [desk]}
roles: {desk: {}, officer: {}}
defaults: {access: forbid, mask: fill, unscanned: withhold}
rules:
  - {id: desk-works, permit: [list, read, copy, intake], who: [desk], why: They take devices in.}
  - {id: officers-decide, permit: [hold, release, review, approve], who: [officer], why: They decide.}
retention:
  - {id: month, destroy_after: {intake: 30d}, notice: 5d}
YAML
store=$work/store
desk() { as 61001 "$bailee" "$@"; }
officer() { as 61002 "$bailee" "$@"; }
is() { "$bailee" device list --json | jq -r --arg id "$1" ".devices[] | select(.id == \$id) | .$2"; }
other_clock
start_daemon "$store" "$work/policy.yaml"
for id in EMPTY FULL OURS; do
	cp --sparse=never "$work/small.img" "$work/disk/$id.img"
	code 0 desk enroll "$work/small.img" --device "$id" --kind disk
done

# ---- the proof of another device, or an earlier one of its own ----
truncate -s 4M "$work/zeros.img"
code 0 desk inspect "$work/zeros.img" --device EMPTY
code 0 desk inspect "$work/zeros.img" --device FULL
cp "$store/certificates/FULL~inspect.json" "$work/earlier.json"
clock 60 60
for proof in "$store/certificates/EMPTY~inspect.json" "$work/earlier.json"; do
	code 0 desk inspect "$work/zeros.img" --device FULL
	cp "$proof" "$store/certificates/FULL~inspect.json"
	code 13 officer device restock FULL --reason 'it is empty, surely'
	says 'does not verify'
done
[ "$(is FULL state)" = received ] || fail "FULL is $(is FULL state) by the proof of another"
view 61001 "$work/stock"
as 61001 cat "$work/stock/EMPTY/p1-ext2/a.txt" >/dev/null || fail "the desk does not read"
code 0 officer device restock EMPTY --reason 'it is empty'
as 61001 cat "$work/stock/EMPTY/p1-ext2/a.txt" 2>/dev/null && fail "what is back in stock is still read"
as 61001 ls "$work/stock/EMPTY" 2>/dev/null && fail "what is back in stock is still listed"
umount "$work/stock"
[ "$(is EMPTY state)" = released ] || fail "EMPTY is $(is EMPTY state)"

# ---- what was written down and cannot be read is told, never left out ----
code 0 desk device note OURS 'the hinge is loose'
code 0 officer incident open OURS --kind damage --text 'it fell'
code 0 desk device show OURS
says 'hinge'
stop_daemon
cp "$store/devices/OURS/notes.sealed" "$work/notes.kept"
printf x | dd of="$store/devices/OURS/notes.sealed" bs=1 seek=60 conv=notrunc status=none
start_daemon "$store" "$work/policy.yaml"
code 12 desk device show OURS
code 12 desk receipt OURS
code 12 officer incident show OURS/1
stop_daemon
cp "$work/notes.kept" "$store/devices/OURS/notes.sealed"
printf x | dd of="$store/devices/OURS/matters.sealed" bs=1 seek=60 conv=notrunc status=none
start_daemon "$store" "$work/policy.yaml"
code 12 desk incident list
code 12 desk customer-request list
code 0 desk device list

# ---- an incident: refused whole, or frozen at last ----
code 2 officer incident open FULL --kind loss --text "$(printf '%02000d' 0)"
[ "$(is FULL incidents)" = 0 ] || fail "an incident without what happened"
mkdir "$store/devices/FULL/record.tmp"
code 0 officer incident open FULL --kind loss --text 'it is gone'
says 'NOT frozen'
# A wipe check that is not kept is none, and the log says so.
clock 180 180
desk inspect "$work/zeros.img" --device FULL >"$work/out" 2>&1 && fail "a wipe check that cannot be kept"
"$bailee" log query --device FULL --op inspected --json | jq -r .detail | tail -n 1 | grep -q 'did not come about' || fail "the log tells of a wipe check that is none"
[ "$(is FULL state)" = received ] || fail "FULL is $(is FULL state)"
stop_daemon
rmdir "$store/devices/FULL/record.tmp"
start_daemon "$store" "$work/policy.yaml"
[ "$(is FULL state)" = held ] || fail "an incident that was not frozen is not frozen at the next start: $(is FULL state)"
code 2 officer hold release FULL --reason 'away with it'
says 'incident close FULL/1'
stop_daemon
start_daemon "$store" "$work/policy.yaml"
[ "$(is FULL holds)" = 1 ] || fail "$(is FULL holds) holds"
code 0 "$bailee" incident close FULL/1 --action 'found again' --reason 'found'
[ "$(is FULL state)" = received ] || fail "closed, and FULL is $(is FULL state)"

# ---- what is being destroyed is not refused any more ----
code 0 desk intake "$work/small.img" --device DOOMED --kind disk
mkdir "$store/certificates/DOOMED.json.tmp"
code 0 desk customer-request erase DOOMED --verified --ticket T1
"$bailee" shred --due >"$work/out" 2>&1 && fail "destroyed without its certificate: $(cat "$work/out")"
[ -e "$store/devices/DOOMED/shred" ] || fail "no destruction is under way: $(ls "$store/devices/DOOMED")"
code 2 officer customer-request refuse DOOMED/1 --reason 'the law says so'
says 'has begun'
rmdir "$store/certificates/DOOMED.json.tmp"
pass
[ "$(is DOOMED state)" = shredded ] || fail "DOOMED is $(is DOOMED state)"

# ---- a notice that the store does not keep is given again after an hour, not at every pass ----
stop_daemon
mkdir "$store/devices/FULL/record.tmp"
clock $((26 * 86400)) $((26 * 86400)) host 1
start_daemon "$store" "$work/policy.yaml"
notices() { "$bailee" log query --device "$1" --op notice --json | wc -l; }
until [ "$(notices FULL)" -gt 0 ]; do :; done
for i in 1 2 3 4 5 6 7 8 9 10; do
	code 0 desk device open OURS
	code 0 desk device close OURS
done
clock $((26 * 86400 + 4000)) $((26 * 86400 + 4000)) host 1
# Another one: its notice comes in the pass that follows.
code 0 desk device open OURS
until [ "$(notices FULL)" -gt 1 ]; do :; done
[ "$(notices FULL)" = 2 ] || fail "$(notices FULL) notices"
stop_daemon
rmdir "$store/devices/FULL/record.tmp"
start_daemon "$store" "$work/policy.yaml"

# ---- what is due stays so, whoever says that work on it is done ----
clock $((31 * 86400)) $((31 * 86400)) host 1
pass
[ "$(is FULL state)" = due ] || fail "FULL is $(is FULL state)"
code 2 desk device close FULL
says 'its date has come'
code 0 desk customer-request return FULL --verified --ticket T1
code 0 desk customer-request done FULL/1 --proof "$work/zeros.img"
[ "$(is FULL state)" = due ] && [ "$(is FULL closed_unix)" = 0 ] || fail "FULL is $(is FULL state), closed $(is FULL closed)"

# ---- a wall clock that was behind when it came in hides no event of its life ----
clock $((400 * 86400)) $((400 * 86400)) host 1
pass
code 0 desk enroll "$work/small.img" --device LATER --kind disk
code 0 desk device move LATER shelf-1
clock 0 $((400 * 86400)) host 1
view 61001 "$work/view"
as 61001 cat "$work/view/LATER/p1-ext2/a.txt" >/dev/null || fail "the desk does not read"
umount "$work/view"
code 0 officer incident open LATER --kind damage --text 'it fell'
stop_daemon
start_daemon "$store"
code 0 desk device show LATER --json
[ "$(jq -r '.custodys // .custody | .[].op' "$work/out" | head -n 2 | tr '\n' ' ')" = 'enrolled custody ' ] || fail "custody lacks its beginning: $(cat "$work/out")"
code 0 officer incident show LATER/1 --json
[ "$(jq -r '.seens // .seen | .[] | select(.uid == 61001) | .files' "$work/out")" = 1 ] || fail "who saw what lacks the desk: $(cat "$work/out")"

# ---- what is gone can still be told of ----
for id in EMPTY DOOMED; do
	code 0 desk device show $id
	code 0 desk device show $id --yaml
	code 0 desk receipt $id
done

# ---- nobody's paths keep status from those who look after the store ----
part=$(printf '"%.0s' $(seq 240))
deep=
for i in $(seq 15); do deep=$deep/$part; done
for i in $(seq 9); do
	for uid in 61001 61003; do view $uid "$work/deep-$uid-$i$deep"; done
done
code 0 "$bailee" status --json
[ "$(jq '.views | length' "$work/out")" = 18 ] || fail "$(jq '.views | length' "$work/out") views"
echo "hostile: $(jq '.devices | length' "$work/out") devices"
