# Trusted time: a wall clock that is set forward closes and does not destroy, one that is set back puts nothing off, and what was waited
# for is waited for over restarts, crashes and boots. The host's clocks are the test's (tests/tools/clock-host.c).
. "$BAILEE_ROOT/tests/e2e/lib.sh"
need_root
need_fuse
need mke2fs jq setpriv
other_clock
day=86400
mkdir "$work/disk" "$work/files"
echo 'nothing of note' >"$work/files/a.txt"
truncate -s 4M "$work/small.img"
mke2fs -q -d "$work/files" "$work/small.img"
cat >"$work/policy.yaml" <<'YAML'
bailee: 1
name: clock
serial: 1
timezone: Europe/Berlin
people:
  'uid:61001': {roles: [bench]}
roles: {bench: {}}
defaults: {access: forbid, mask: fill, unscanned: withhold}
rules:
  - {id: bench-works, permit: [list, read, copy], who: [bench], why: They work on devices.}
retention:
  - {id: month, destroy_after: {intake: 30d}}
consent_withdrawn: {destroy_within: 24h}
test_clock: 2026-07-01 10:00
tests:
  - {name: looks, as: 'uid:61001', do: list, device: disk, file: /a, kind: text, expect: permit, rule: bench-works}
YAML
store=$work/store
clock_says() { "$bailee" status --json | jq -r ".clock.$1"; }
given() {
	cp --sparse=never "$work/small.img" "$work/disk/$1.img"
	code 0 "$bailee" enroll "$work/disk/$1.img" --device "$1" --kind disk --destroy-when-due
}
# told WHAT: how many events say so of the clock
told() { "$bailee" log query --op clock --json | jq -r .detail | grep -c "^$1" || true; }
# there ID, gone ID: its image
there() { cmp "$work/small.img" "$work/disk/$1.img" || fail "$1 was touched"; }
gone() {
	[ ! -e "$work/disk/$1.img" ] || fail "the image of $1 is still there"
	[ "$(state "$1")" = shredded ] || fail "$1 is $(state "$1")"
}
kill_child() {
	kill -9 "$(daemon_child)"
	wait "$daemon" 2>/dev/null || true
	daemon=
	wait_store_free "$store"
}
start_daemon "$store" "$work/policy.yaml"
given A

# A year ahead, and nobody vouches for it: closed at once, and nothing is destroyed.
view 61001 "$work/view"
as 61001 cat "$work/view/A/p1-ext2/a.txt" >"$work/out" || fail "the view does not open"
clock $((365 * day)) 0
pass
[ "$(state A)" = due ] || fail "a clock a year ahead leaves A $(state A)"
as 61001 cat "$work/view/A/p1-ext2/a.txt" 2>/dev/null && fail "what is due is still read"
there A
[ "$(clock_says ahead_s)" -gt $((364 * day)) ] || fail "status does not say how far: $(clock_says ahead_s)"
code 0 "$bailee" status
says 'AHEAD of trusted time'
[ "$(told 'set by more')" = 1 ] || fail "a jump is told $(told 'set by more') times"

# Put right in time: nothing was taken, and the device is what it was before.
clock 0 3600
pass
there A
[ "$(state A)" = received ] || fail "the clock is right again and A is $(state A)"
[ "$(clock_says ahead_s)" -lt 60 ] && [ "$(clock_says ahead_s)" -gt -4000 ] || fail "ahead $(clock_says ahead_s)"
as 61001 cat "$work/view/A/p1-ext2/a.txt" >/dev/null || fail "A does not open again"

# Ahead for 23 hours, over a restart, a crash and another boot: still not; after 24 it is taken. What passes, passes.
clock $((365 * day)) 3600
pass
clock $((365 * day + 10 * 3600)) $((11 * 3600))
pass
there A
stop_daemon
start_daemon "$store" "$work/policy.yaml"
clock $((365 * day + 20 * 3600)) $((21 * 3600))
pass
there A
kill_child
clock $((365 * day + 23 * 3600)) "-$(cut -d. -f1 /proc/uptime)" 11111111-2222-3333-4444-555555555555
start_daemon "$store" "$work/policy.yaml"
pass
there A
[ "$(state A)" = due ] || fail "A is $(state A)"
clock $((365 * day + 28 * 3600)) "$((5 * 3600 - $(cut -d. -f1 /proc/uptime)))" 11111111-2222-3333-4444-555555555555
pass
gone A
[ "$(told 'trusted time followed')" = 1 ] || fail "that it was taken is told $(told 'trusted time followed') times"
[ "$(clock_says ahead_s)" = 0 ] || fail "taken, and still ahead: $(clock_says ahead_s)"

# From there on what is new counts from there: a year ahead or not, a month is a month.
given B
pass
there B
[ "$(state B)" = received ] || fail "B is $(state B)"

# Set back by two years: nothing is put off. After a month of CLOCK_BOOTTIME B goes, whatever the wall says.
boot=$((5 * 3600 - $(cut -d. -f1 /proc/uptime)))
clock $((-365 * day)) $((boot + 60)) 11111111-2222-3333-4444-555555555555
pass
[ "$(clock_says ahead_s)" -lt 0 ] || fail "set back, and not behind: $(clock_says ahead_s)"
there B
clock $((-365 * day)) $((boot + 29 * day)) 11111111-2222-3333-4444-555555555555
pass
there B
clock $((-364 * day)) $((boot + 30 * day + 120)) 11111111-2222-3333-4444-555555555555
pass
gone B

# Synchronised, a jump is taken at once.
given C
clock $((800 * day)) $((boot + 30 * day + 240)) 11111111-2222-3333-4444-555555555555 1
pass
gone C

# Time that was damaged is not guessed at; time that is not there begins with the newest record, and destroys nothing by itself.
given D
stop_daemon
cp "$store/clock" "$work/clock.kept"
printf 'x' | dd of="$store/clock" bs=1 seek=120 conv=notrunc status=none
code 12 "$serve_program" serve --store "$store" --policy "$work/policy.yaml"
says "clock"
rm "$store/clock"
clock $((1600 * day)) $((boot + 31 * day)) 22222222-2222-3333-4444-555555555555
start_daemon "$store" "$work/policy.yaml"
pass
there D
[ "$(state D)" = due ] || fail "without its clock D is $(state D)"
echo "clocks: $(told '') events"
