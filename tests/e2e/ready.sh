# systemd is told READY=1 when requests are answered, or the mount is there, and not before; STOPPING=1 at the end; nothing by a start that fails.
. "$BAILEE_ROOT/tests/e2e/lib.sh"
need_root
need_fuse
need mke2fs /usr/bin/python3
mkdir "$work/files" "$work/view"
echo 'nothing to see' >"$work/files/a.txt"
truncate -s 4M "$work/one.img"
mke2fs -q -t ext4 -d "$work/files" "$work/one.img"
install -m 644 "$BAILEE_ROOT/examples/policies/shop.yaml" "$work/shop.yaml"
sed 's/^rules:/rulez:/' "$work/shop.yaml" >"$work/broken.yaml"
at_end "umount '$work/view' || umount -l '$work/view'"

cat >"$work/told.py" <<'PY'
"""told.py SOCKET CHECK COMMAND...: run COMMAND with NOTIFY_SOCKET; at READY=1 run CHECK by sh, then SIGTERM; prints what was told"""
import os, signal, socket, subprocess, sys, threading
path, check, command = sys.argv[1], sys.argv[2], sys.argv[3:]
told = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
told.bind(b"\0" + path[1:].encode() if path.startswith("@") else path)
child = subprocess.Popen(command, env={**os.environ, "NOTIFY_SOCKET": path}, stdout=subprocess.DEVNULL)


def over():
    child.wait()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as last:
        last.sendto(b"over", told.getsockname())


threading.Thread(target=over).start()
while (text := told.recv(4096).decode()) != "over":
    print(text, flush=True)
    if text == "READY=1":
        print("the check ended with", subprocess.call(["sh", "-c", check]), flush=True)
        child.send_signal(signal.SIGTERM)
print("it ended with", child.returncode)
PY
# told NAME LINES: what was told, in one line
told() {
	name=$1
	lines=$2
	shift 2
	timeout 60 /usr/bin/python3 "$work/told.py" "$@" >"$work/told" 2>"$work/said" || fail "$name: $(cat "$work/told" "$work/said")"
	[ "$(paste -sd, "$work/told")" = "$lines" ] || fail "$name: $(cat "$work/told" "$work/said")"
}
export BAILEE_STORE="$work/store"
told serve 'READY=1,the check ended with 0,STOPPING=1,it ended with 0' \
	"$work/socket" "'$bailee' status >/dev/null" "$bailee" serve --policy "$work/shop.yaml"
told 'serve, an abstract socket' 'READY=1,the check ended with 0,STOPPING=1,it ended with 0' \
	"@bailee-test-$$" "'$bailee' status >/dev/null" "$bailee" serve --policy "$work/shop.yaml"
export BAILEE_STORE="$work/solo"
told mount 'READY=1,the check ended with 0,STOPPING=1,it ended with 0' \
	"$work/socket-2" "grep -q ' $work/view fuse.bailee ' /proc/self/mounts && cat '$work/view/ONE/p1-ext4/a.txt' >/dev/null" \
	"$bailee" mount -f "$work/one.img=ONE" "$work/view"
told 'a policy that is broken' 'it ended with 2' "$work/socket-3" true "$bailee" serve --store "$work/none" --policy "$work/broken.yaml"
told 'a source that is none' 'it ended with 2' "$work/socket-4" true "$bailee" mount -f "$work/none.img" "$work/view"
