# Readers read all the time while the policy changes, files of the device are destroyed, and then the device itself: nobody crashes or
# waits for ever, and nothing of what was destroyed is shown to anybody who asks afterwards.
. "$BAILEE_ROOT/tests/e2e/lib.sh"
need_root
need_fuse
need mke2fs mkfs.ext4 jq setpriv
READERS=8
mkdir -p "$work/files/keep" "$work/files/go1" "$work/files/go2" "$work/files/go3"
letters() { head -c "$1" /dev/urandom | od -An -v -tx1 | tr '0-9a-f' 'g-v'; }
for i in 1 2 3 4; do
	letters 9000 >"$work/files/keep/$i.txt"
	for part in 1 2 3; do letters 7000 >"$work/files/go$part/$i.txt"; done
done
truncate -s 16M "$work/small.img"
mke2fs -q -t ext4 -d "$work/files" "$work/small.img"
loop_fs "$work/disk" 300M
policy() { # SERIAL
	cat >"$work/policy.yaml" <<EOF
bailee: 1
name: races
serial: $1
timezone: UTC
uses: [builtin/baseline]
people: {uid:61002: {roles: [clerk]}}
roles: {clerk: {}}
detect: {sets: [contact]}
defaults: {access: forbid, mask: fill, unscanned: withhold}
rules:
  - {id: looks, permit: [list, read, copy], who: [clerk], why: They look.}
  - {id: ends, permit: [shred], who: [clerk], needs: {reason: required}, why: They end it.}
retention:
  - {id: everything, destroy_after: {intake: 30d}}
test_clock: 2026-11-02 10:00
tests:
  - {name: ends, as: 'uid:61002', do: shred, device: laptop, reason: a letter, expect: permit, rule: ends}
EOF
}
policy 1
start_daemon "$work/disk/store" "$work/policy.yaml"
code 0 "$bailee" intake "$work/small.img" --device DEV --kind laptop
code 0 "$bailee" intake "$work/small.img" --device OTHER --kind laptop
view 61002 "$work/view"

# Each says one byte when it has been through everything once, then goes on until it is told to stop.
mkfifo "$work/rounds"
reader() {
	while [ ! -e "$work/stop" ]; do
		as 61002 find "$work/view" -type f -name '*.txt' -exec cat {} + >/dev/null 2>&1 || true
		echo round
	done
}
exec 9<>"$work/rounds"
readers=
for i in $(seq $READERS); do
	reader >&9 2>/dev/null &
	readers="$readers $!"
done
at_end "touch '$work/stop'; kill $readers 2>/dev/null || true"
rounds() { for i in $(seq "$1"); do read -r line <&9 || fail "the readers are gone"; done; }

gone() { # ID FOLDER: an error or zeros
	for i in 1 2 3 4; do
		if as 61002 cat "$work/view/$1/p1-ext4/$2/$i.txt" >"$work/gone" 2>/dev/null; then
			tr -d '\000' <"$work/gone" | cmp -s - /dev/null || fail "$2/$i.txt of $1 can still be read"
		fi
	done
}
kept() { # ID
	for i in 1 2 3 4; do
		as 61002 cmp "$work/files/keep/$i.txt" "$work/view/$1/p1-ext4/keep/$i.txt" || fail "keep/$i.txt of $1 differs"
	done
}
rounds $READERS
for part in 1 2 3; do
	code 0 "$bailee" shred DEV --path "/go$part" --reason 'ticket 1' --json
	[ "$(tail -1 "$work/out" | jq .files)" = 4 ] || fail "files: $(tail -1 "$work/out")"
	gone DEV "go$part"
	policy $((part + 1))
	code 0 "$bailee" policy load "$work/policy.yaml"
	rounds 2
	gone DEV "go$part"
	kept DEV
done
code 0 as 61002 "$bailee" shred DEV --reason 'ticket 2'
[ ! -e "$work/view/DEV/p1-ext4/keep/1.txt" ] || fail "the device is still shown"
rounds $READERS
kept OTHER
kill -0 "$daemon" || fail "the service is gone"
touch "$work/stop"
for pid in $readers; do wait "$pid" || true; done
stop_daemon
[ "$stopped" = 0 ] || fail "the service ended with $stopped"
