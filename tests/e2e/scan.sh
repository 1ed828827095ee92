# An inventory: how many values of which class, by class and by path, never a value; kept, so that the next one reads nothing again; of an image
# that nobody enrolled as well, without a trace left.
. "$BAILEE_ROOT/tests/e2e/lib.sh"
need_root
need_fuse
need jq setpriv flock
cat >"$work/policy.yaml" <<'EOF'
bailee: 1
name: scan
serial: 1
timezone: Europe/Dublin
uses: [builtin/baseline]
people:
  uid:61001: {roles: [desk]}
  uid:61002: {roles: [taker]}
  uid:61003: {roles: [auditor]}
roles: {desk: {}, taker: {}, auditor: {}}
detect: {sets: [contact, payment]}
defaults: {access: forbid, mask: fill, unscanned: withhold}
rules:
  - {id: looks, permit: [list, read, copy], who: [desk], why: They look.}
  - {id: takes, permit: [intake, list], who: [taker], why: They take devices in.}
  - {id: reviews, permit: [review], who: [auditor], why: They review.}
test_clock: 2026-11-02 10:00
tests:
  - {name: reads, as: 'uid:61001', do: copy, device: disk, file: /a, kind: text, has: [], expect: permit, rule: looks}
EOF
mkdir -p "$work/source/post"
cd "$work/source"
printf 'write to kim@harbour.example and to lee@harbour.example\npay 4111 1111 1111 1111\n' >one.txt
printf 'again kim@harbour.example\n' >post/two.txt
printf 'nothing of anybody\n' >clean.txt
printf 'SQLite format 3\0 kim@harbour.example' >messages.db
printf 'x\n' >'card 4111111111111111.txt'
yes 'a long and quiet letter, line after line' | head -c 40M >long.txt
printf 'lee@harbour.example\n' >>long.txt
cd /
start_daemon "$work/store" "$work/policy.yaml"
code 0 "$bailee" enroll "$work/source" --device D1 --kind disk
counts() { jq -c '[.classes.email.values, .classes.email.files, .classes.card.values, .looked, .withheld, .unread]' "$work/out"; }
code 0 as 61002 "$bailee" scan D1 --json
[ "$(counts)" = '[4,3,1,5,1,0]' ] || { cat "$work/out"; fail "counts are $(counts)"; }
[ "$(jq ".read_bytes == .bytes" "$work/out")" = false ] || fail "what nothing looks into counts as read"
for value in harbour kim@ lee@ 4111; do hides "$value"; done
# Kept: after a restart nothing is read again.
stop_daemon
wait_store_free "$work/store"
start_daemon "$work/store"
code 0 as 61002 "$bailee" scan D1 --json
[ "$(counts)" = '[4,3,1,5,1,0]' ] || { cat "$work/out"; fail "counts are $(counts) the second time"; }
[ "$(jq .read_bytes "$work/out")" = 0 ] || { cat "$work/out"; fail "looked through again"; }
if grep -raE 'harbour|4111' "$work/store"; then fail "a value is in the store in the clear"; fi
# By path, names masked as everywhere.
code 0 as 61002 "$bailee" scan D1 --paths
says 'one.txt'
says '2 email'
says 'messages.db'
for value in harbour kim@ 4111; do hides "$value"; done
# For a person: a page.
code 0 as 61003 "$bailee" scan D1
says 'looked into'
says email
hides one.txt
# Nobody else; and who may not list sees no paths.
code 3 as 61001 "$bailee" scan D1
code 3 as 61003 "$bailee" scan D1 --paths
code 3 as 61009 "$bailee" scan D1
code 3 as 61009 "$bailee" scan NONE
code 0 "$bailee" log query --device D1 --json
grep -q '"detail":"scan' "$work/out" || { cat "$work/out"; fail "the log does not tell of it"; }
# What changed is looked at again, the rest is not.
printf 'new: sue@harbour.example\n' >"$work/source/post/two.txt"
touch -d '2026-01-02' "$work/source/post/two.txt"
stop_daemon
wait_store_free "$work/store"
start_daemon "$work/store"
code 0 as 61002 "$bailee" scan D1 --json
[ "$(jq -c '[.classes.email.values, .read_bytes]' "$work/out")" = '[4,25]' ] || { cat "$work/out"; fail "what changed is not looked at"; }

# A source that nobody enrolled: any user, their own rights, and no trace of it afterwards.
mkdir "$work/tmp"
chmod 1777 "$work/tmp"
chmod -R a+rX "$work/source"
code 0 as 61009 env TMPDIR="$work/tmp" "$bailee" scan "$work/source" --json
[ "$(jq -c '[.classes.email.values, .classes.card.values, .withheld]' "$work/out")" = '[4,1,1]' ] || { cat "$work/out"; fail "counts of a source"; }
[ -z "$(ls -A "$work/tmp")" ] || fail "left in TMPDIR: $(ls -A "$work/tmp")"
# What cannot be read is never told as clean.
head -c 100000 /dev/urandom >"$work/noise.img"
chmod a+r "$work/noise.img"
code 13 as 61009 env TMPDIR="$work/tmp" "$bailee" scan "$work/noise.img"
says 'NOT READ'
code 2 as 61009 env TMPDIR="$work/tmp" "$bailee" scan "$work/none/at/all"
[ -z "$(ls -A "$work/tmp")" ] || fail "left in TMPDIR: $(ls -A "$work/tmp")"
