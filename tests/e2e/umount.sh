# A view's person may leave it as any mount is left: the daemon notices, the place is free again, nothing stays behind.
. "$BAILEE_ROOT/tests/e2e/lib.sh"
need_root
need_fuse
need jq python3

mkdir "$work/src"
echo 'nothing to see' >"$work/src/a.txt"
install -m 644 "$BAILEE_ROOT/examples/policies/shop.yaml" "$work/shop.yaml"
start_daemon "$work/store" "$work/shop.yaml"
code 0 "$bailee" enroll "$work/src" --device RMA-1 --kind laptop

# A name that mountinfo has to escape.
place="$work/a \\b	c/view"
mkdir -p "$(dirname "$place")"
views() { "$bailee" status --json | jq '.views | length'; }
gone() { ! grep -qF "$work/a" /proc/self/mounts; }

view 61002 "$place"
code 0 as 61002 cat "$place/RMA-1/a.txt"
says 'nothing to see'
code 0 umount "$place"
# The end of the connection is what the daemon hears; each question gives it time to.
tries=0
until [ "$(views)" = 0 ]; do
	tries=$((tries + 1))
	[ "$tries" -lt 2000 ] || fail "the daemon does not notice that a view was unmounted"
done
gone || fail "something is still mounted after umount"

view 61002 "$place"
code 0 "$bailee" close "$place"
gone || fail "something is still mounted after close"
view 61002 "$place"
stop_daemon
[ "$stopped" = 0 ] || fail "the daemon ended with $stopped"
gone || fail "something is still mounted after the daemon's end"

# Root is not let by us at what is somebody else's, though it is of FUSE as well.
mkdir "$work/theirs"
at_end "umount '$work/theirs' 2>/dev/null"
cat >"$work/other.py" <<'PYTHON'
import ctypes, os, sys, time
fuse = os.open("/dev/fuse", os.O_RDWR)
libc = ctypes.CDLL(None, use_errno=True)
options = "fd=%d,rootmode=40000,user_id=0,group_id=0" % fuse
if libc.mount(b"theirs", sys.argv[1].encode(), b"fuse.theirs", 0, options.encode()):
    sys.exit(os.strerror(ctypes.get_errno()))
print("mounted", flush=True)
sys.stdin.read()
PYTHON
mkfifo "$work/hold" "$work/said"
python3 "$work/other.py" "$work/theirs" <"$work/hold" >"$work/said" &
other=$!
exec 9>"$work/hold" 8<"$work/said"
read -r word <&8
[ "$word" = mounted ] || fail "no mount of another's"
code 10 timeout -s KILL 20 "$bailee" umount "$work/theirs"
says 'is not a mount of Bailee'
grep -qF " $work/theirs fuse.theirs " /proc/self/mounts || fail "another's mount is gone"
exec 9>&-
wait "$other" || fail "the other one ended with $?"
umount "$work/theirs"
