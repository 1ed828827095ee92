# What a wipe check is not to be deceived by: a medium that the system still writes to, a part of one, a client that goes away or does not
# listen, a name for its result that is taken.
. "$BAILEE_ROOT/tests/e2e/lib.sh"
need_root
need_fuse
need jq setpriv losetup mkfs.ext4
store=$work/store
cat >"$work/policy.yaml" <<'YAML'
bailee: 1
name: inspect
serial: 1
timezone: UTC
people:
  'uid:61001': {roles: [desk]}
  'uid:61002': {roles: [officer]}
roles: {desk: {}, officer: {}}
detect: {sets: [contact, vehicle]}
defaults: {access: forbid, mask: fill, unscanned: withhold}
rules:
  - {id: desk-works, permit: [list, intake], who: [desk], why: They take devices in.}
  - {id: officers-decide, permit: [list, read, release], who: [officer], why: They decide.}
retention:
  - {id: month, destroy_after: {intake: 30d}}
YAML
desk() { as 61001 "$bailee" "$@"; }
start_daemon "$store" "$work/policy.yaml"
mkdir -m 777 "$work/theirs"
echo 'nothing of note' >"$work/source"
code 0 desk enroll "$work/source" --device DRIVE --kind disk

# ---- in use: cleared under a filesystem that is mounted, which writes its superblock later ----
truncate -s 32M "$work/medium.img"
device=$(losetup -f --show "$work/medium.img")
at_end "losetup -d $device"
chmod 666 "$device"
mkfs.ext4 -q "$device"
mkdir "$work/mnt"
mount "$device" "$work/mnt"
at_end "umount '$work/mnt'"
dd if=/dev/zero of="$device" bs=1M count=32 conv=notrunc,fsync status=none
code 2 desk inspect "$device" --device DRIVE
says 'in use'
umount "$work/mnt"
code 13 desk inspect "$device" --device DRIVE
dd if=/dev/zero of="$device" bs=1M count=32 conv=notrunc,fsync status=none
code 0 desk inspect "$device" --device DRIVE
says 'ONLY YOUR WORD'
code 0 "$bailee" device show DRIVE
says 'EMPTY block-device serial=unknown'
# Nothing keeps it once that is over.
mkfs.ext4 -q "$device"
mount "$device" "$work/mnt"
umount "$work/mnt"

# ---- what was looked for is told ----
code 13 desk inspect "$device" --json
jq -e '.statement.looked_for | index("email") and index("plate")' "$work/out" >/dev/null || fail "looked for: $(jq -c .statement.looked_for "$work/out")"

# ---- wrong uses: one line, and nothing is begun ----
for wrong in '' "$device $device" "$device --nothing" "$device --device" "$work/none" "$work/mnt" /dev/null; do
	code 2 desk inspect $wrong
	[ "$(wc -l <"$work/out")" = 1 ] || fail "more than a line: $(cat "$work/out")"
done

# ---- a result that cannot be kept: known before it is read; one that does not arrive is told ----
ln -s "$work/theirs/none" "$work/theirs/link"
for out in "$work/theirs/link" "$work/source" "$work/none/x" "$store/x"; do
	code 2 desk inspect "$device" --out "$out"
	says 'nothing is overwritten'
done
[ ! -e "$work/theirs/none" ] || fail "a link was written through"
truncate -s 1M "$work/zeros.img"
got=0
desk inspect "$work/zeros.img" >/dev/full 2>"$work/out" || got=$?
[ $got = 1 ] || fail "an answer that did not arrive: $got"
says 'cannot write the answer'
