# Nobody takes all: views of one person are counted, and a hold does not queue behind what is being destroyed.
. "$BAILEE_ROOT/tests/e2e/lib.sh"
need_root
need_fuse
need mke2fs jq setpriv losetup mkfs.ext4 python3
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

# A hold that did not come about is told as one.
code 2 "$bailee" hold add RMA-first --reason "too late"
code 0 "$bailee" log query --json
[ "$(jq -rs '[.[] | select(.op == "hold-added" and .device == "RMA-first")] | last | .verdict' "$work/out")" = failed ] ||
	fail "the log tells of a hold that is none"

# Four others hold every connection: the store's owner is still answered.
cat >"$work/crowd.py" <<'PYTHON'
import os, socket, subprocess, sys
store, bailee = sys.argv[1:]
go_read, go_write = os.pipe()
children = []
for uid in range(61011, 61015):
    there_read, there_write = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(go_write)
        os.setgroups([])
        os.setgid(uid)
        os.setuid(uid)
        peers = []
        for _ in range(8):
            peer = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            peer.connect(store + "/socket")
            peer.send(b'{"bailee":1,"do":"status"}')
            peer.recv(1 << 17)
            peers.append(peer)
        os.write(there_write, b"x")
        os.read(go_read, 1)
        os._exit(0)
    os.close(there_write)
    os.read(there_read, 1)
    children.append(pid)
code = subprocess.call([bailee, "status"])
os.close(go_write)
for pid in children:
    os.waitpid(pid, 0)
sys.exit(code)
PYTHON
code 0 python3 "$work/crowd.py" "$work/store" "$bailee"
stop_daemon
[ "$stopped" = 0 ] || fail "the daemon ended with $stopped"
