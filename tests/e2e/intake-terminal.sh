# An intake at a terminal: one line of progress that fits, no colours, and ctrl-C says how to go on; what was typed and is no text is
# refused, never passed over; --json is one object a line.
. "$BAILEE_ROOT/tests/e2e/lib.sh"
need_root
need_fuse
need mke2fs mkfs.ext4 python3 jq
loop_fs "$work/disk" 100M
mkdir "$work/files"
echo hello >"$work/files/a.txt"
truncate -s 4M "$work/one.img"
mke2fs -q -d "$work/files" "$work/one.img"
code 0 "$bailee" init --store "$work/disk/store" --kit "$work/kit"
start_daemon "$work/disk/store" "$BAILEE_ROOT/examples/policies/shop.yaml"

mkfifo "$work/source"
cat >"$work/terminal.py" <<'PYTHON'
import fcntl, os, pty, re, signal, struct, sys, termios
bailee, source, image, width, device = sys.argv[1:6]
pid, fd = pty.fork()
if pid == 0:
    fcntl.ioctl(2, termios.TIOCSWINSZ, struct.pack("HHHH", 24, int(width), 0, 0))
    os.dup2(os.open(source, os.O_RDONLY), 0)
    os.execv(bailee, [bailee, "intake", "-", "--device", device, "--kind", "laptop", "--size", str(os.path.getsize(image))])
writer = os.open(source, os.O_WRONLY)
os.write(writer, open(image, "rb").read(3 << 20))
seen = b""
while seen.count(b"\rsealing") < 3:
    seen += os.read(fd, 4096)
os.write(fd, b"\x03")
try:
    while part := os.read(fd, 4096):
        seen += part
except OSError:
    pass
status = os.waitpid(pid, 0)[1]
assert os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGINT, status
assert b"\x1b" not in seen, seen
lines = re.split(rb"[\r\n]+", seen)
assert all(len(line.replace(b"^C", b"")) < int(width) for line in lines if not line.startswith(b"stopped")), lines
assert b"the same command goes on" in lines[-2], lines
assert b" % " in seen and (b"4.2 MB" in seen) == (int(width) >= 80), seen
PYTHON
for width in 40 80; do
	timeout 120 python3 "$work/terminal.py" "$bailee" "$work/source" "$work/one.img" "$width" "WIDE-$width" || fail "a terminal of $width columns"
done
# The service lets go of it as soon as it sees that nobody is there.
going_on() { cat "$work/one.img" | "$bailee" intake - --device "$1" --kind laptop --size $((4 << 20)) --json >"$work/out" 2>&1; }
for width in 40 80; do
	until going_on "WIDE-$width"; do
		grep -q 'under way' "$work/out" || fail "going on after ctrl-C: $(cat "$work/out")"
	done
done
jq -es 'length >= 1 and (last | .ok and .bytes == 4194304) and (.[:-1] | all(.progress))' "$work/out" >/dev/null || fail "--json: $(cat "$work/out")"

# What is no text.
code 2 "$bailee" intake "$work/one.img" --device TEXT --kind laptop --without "$(printf 'caf\351')" --without a.txt
says 'pattern 1 of --without'
code 2 "$bailee" intake - --record - --device TEXT --kind laptop </dev/null
code 2 "$bailee" intake "$work/one.img" --size 4194304 --device TEXT --kind laptop
code 2 "$bailee" intake "$work/one.img" --without '**/[zq' --device TEXT --kind laptop
says 'pattern 1'
hides zq
code 2 "$bailee" intake "$work/one.img" --without '' --device TEXT --kind laptop
[ "$(wc -l <"$work/out")" = 1 ] || fail "more than one line: $(cat "$work/out")"
"$bailee" status --json | jq -e '[.devices[].id] | index("TEXT") | not' >/dev/null || fail "a refused intake made a device"
