# A source that is slow to open is named on a terminal, in one line that is wiped; nowhere else, and not with --json.
. "$BAILEE_ROOT/tests/e2e/lib.sh"
need_root
need_fuse
need mke2fs /usr/bin/python3
mkdir "$work/files" "$work/view" "$work/bin"
echo 'nothing to see' >"$work/files/a.txt"
truncate -s 4M "$work/one.img"
mke2fs -q -t ext4 -d "$work/files" "$work/one.img"
at_end "'$bailee' umount '$work/view' || umount -l '$work/view'"

# A reader that begins only when it is told to: the test waits for the line, not for time.
cp "$bailee" "$work/bin/bailee"
cat >"$work/bin/bailee-reader" <<READER
#!/bin/sh
until [ -e "$work/go" ]; do sleep 0.05; done
exec "$BAILEE_BUILD/bailee-reader" "\$@"
READER
chmod 755 "$work/bin/bailee-reader"
export BAILEE_STORE="$work/store"

cat >"$work/terminal.py" <<'PY'
"""terminal.py GO COMMAND...: run it with stderr on a terminal; GO is made when a line of waiting is there; prints all that came"""
import os, pty, subprocess, sys
go, command = sys.argv[1], sys.argv[2:]
ours, theirs = pty.openpty()
child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=theirs)
os.close(theirs)
seen = b""
while True:
    try:
        piece = os.read(ours, 4096)
    except OSError:
        break
    if not piece:
        break
    seen += piece
    if b"(1 s)" in seen and not os.path.exists(go):
        open(go, "w").close()
print(seen.decode())
sys.exit(child.wait())
PY
code 0 timeout 30 /usr/bin/python3 "$work/terminal.py" "$work/go" "$work/bin/bailee" mount "$work/one.img=ONE" "$work/view"
says "mount: waiting for '$work/one.img' (1 s)"
grep -q "$(printf '\033')\[K" "$work/out" || fail "the line is not wiped"
code 0 cat "$work/view/ONE/p1-ext4/a.txt"
code 0 "$bailee" umount "$work/view"
wait_store_free "$work/store"

# Neither into a pipe nor with --json: a second and more are waited for, and nothing is said.
for way in pipe json; do
	rm -f "$work/go"
	(sleep 1.3 && : >"$work/go") &
	case $way in
	json) code 0 timeout 30 /usr/bin/python3 "$work/terminal.py" "$work/go" "$work/bin/bailee" mount --json "$work/one.img=ONE" "$work/view" ;;
	*) code 0 "$work/bin/bailee" mount "$work/one.img=ONE" "$work/view" ;;
	esac
	wait $!
	hides 'waiting for'
	code 0 "$bailee" umount "$work/view"
	wait_store_free "$work/store"
done
