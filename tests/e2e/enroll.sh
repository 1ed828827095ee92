# Who enrols lends the service no eyes: only what the client itself may read, or destroy, becomes a device.
. "$BAILEE_ROOT/tests/e2e/lib.sh"
need_root
need python3 mke2fs
cat >"$work/policy.yaml" <<'YAML'
bailee: 1
name: intake desk
serial: 1
timezone: UTC
uses: [builtin/baseline]
people:
  uid:61001: {roles: [desk]}
roles:
  desk: {}
defaults: {access: forbid, mask: fill, unscanned: withhold}
rules:
  - {id: desk-enrols, permit: [intake, list, read, copy], who: [desk], why: The desk takes devices in.}
retention:
  - {id: everything, destroy_after: {intake: 90d}}
YAML
mkdir "$work/theirs"
chown 61001:61001 "$work/theirs"
truncate -s 1M "$work/secret.img" "$work/theirs/own.img"
mke2fs -q "$work/secret.img"
mke2fs -q "$work/theirs/own.img"
chown 61001:61001 "$work/theirs/own.img"
chmod 600 "$work/secret.img"
mkdir "$work/folder"
echo "not yours" >"$work/folder/secret.txt"
chmod 600 "$work/folder/secret.txt"
start_daemon "$work/store" "$work/policy.yaml"
cat >"$work/enroll.py" <<'PYTHON'
import array, json, os, socket, sys
store, device, way, path = sys.argv[1:5]
os.setgroups([])
os.setgid(61001)
os.setuid(61001)
if way == "left":  # unlinked, and another's file put under the name that the kernel gives it now
    fd = os.open(path, os.O_RDWR)
    os.unlink(path)
    os.symlink(sys.argv[5], path + " (deleted)")
else:
    fd = os.open(path, {"read": os.O_RDONLY, "write": os.O_WRONLY, "path": os.O_PATH}[way])
peer = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
peer.connect(store + "/socket")
request = json.dumps({"bailee": 1, "do": "enroll", "device": device, "kind": "laptop"})
peer.sendmsg([request.encode()], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [fd]))])
answer = json.loads(peer.recv(1 << 17))
print(answer.get("error", "enrolled"))
sys.exit(answer.get("exit", 0))
PYTHON
enroll() { python3 "$work/enroll.py" "$work/store" "$@"; }
code 3 enroll RMA-1 path "$work/secret.img"
says "open for reading"
code 3 enroll RMA-1 path "$work/folder"
code 3 enroll RMA-1 read "$work/folder"
says "a folder is the store owner's to enrol"
code 3 enroll RMA-1 write "$work/theirs/own.img"
code 0 enroll RMA-1 read "$work/theirs/own.img"
code 2 enroll RMA-2 left "$work/theirs/own.img" "$work/secret.img"
code 0 "$bailee" enroll "$work/folder" --device RMA-3 --kind laptop
"$bailee" status --json >"$work/out"
says RMA-1
says RMA-3
hides RMA-2
stop_daemon
