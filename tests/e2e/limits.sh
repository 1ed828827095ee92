# Nobody takes all: views of one person are counted, and a hold does not queue behind what is being destroyed.
. "$BAILEE_ROOT/tests/e2e/lib.sh"
need_root
need_fuse
need mke2fs jq setpriv losetup mkfs.ext4
cat >"$work/long.yaml" <<'YAML'
bailee: 1
name: limits
serial: 1
timezone: UTC
uses: [builtin/baseline]
people:
  uid:61001: {roles: [looker]}
  uid:61002: {roles: [looker]}
roles:
  looker: {}
defaults: {access: forbid, mask: fill, unscanned: withhold}
rules:
  - {id: lookers-list, permit: [list], who: [looker], why: Lookers see what there is.}
retention:
  - {id: everything, destroy_after: {intake: 20000d}}
YAML
sed -e 's/^serial: 1/serial: 2/' -e 's/20000d/30d/' "$work/long.yaml" >"$work/short.yaml"
printf 'received: 2020-01-01\n' >"$work/record.yaml"
loop_fs "$work/disk" 400M
truncate -s 1M "$work/one.img"
mke2fs -q "$work/one.img"
truncate -s 256M "$work/first.img"
mke2fs -q "$work/first.img"
cp --sparse=never "$work/first.img" "$work/disk/first.img"
cp --sparse=never "$work/one.img" "$work/disk/second.img"
rm "$work/first.img"
start_daemon "$work/store" "$work/long.yaml"
code 0 "$bailee" enroll "$work/one.img" --device RMA-0 --kind laptop

# Sixteen views of one person, and no more; others and the log go on.
i=0
while [ "$i" -lt 16 ]; do
	view 61001 "$work/view$i"
	i=$((i + 1))
done
mkdir "$work/more"
chown 61001:61001 "$work/more"
code 3 as 61001 "$bailee" open "$work/more"
says builtin/too-many-views
view 61002 "$work/other"
code 0 as 61001 "$bailee" close "$work/view3"
code 0 as 61001 "$bailee" open "$work/more"
code 0 as 61001 ls "$work/more/RMA-0"
code 0 "$bailee" log query --json
[ "$(jq -s '[.[] | select(.rule == "builtin/too-many-views")] | length' "$work/out")" = 1 ] || fail "the refusal is no event"

# Two devices become due at once; the first is large. The hold on the second comes while the first is being destroyed.
for name in first second; do
	code 0 "$bailee" enroll "$work/disk/$name.img" --device "RMA-$name" --kind laptop --record "$work/record.yaml" --destroy-when-due
done
code 0 "$bailee" policy load "$work/short.yaml"
code 0 "$bailee" hold add RMA-second --reason "a lawyer called"
[ -e "$work/disk/first.img" ] || fail "the hold waited until all was destroyed"
code 0 "$bailee" shred --due
[ ! -e "$work/disk/first.img" ] || fail "what is due is not destroyed"
[ -e "$work/disk/second.img" ] || fail "a held device is destroyed"
stop_daemon
[ "$stopped" = 0 ] || fail "the daemon ended with $stopped"
