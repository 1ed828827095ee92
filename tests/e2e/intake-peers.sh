# Hostile peers that hand over an image: descriptors of every kind, streams that stall for ever, words that would make the receipt lie,
# files that are not theirs to have destroyed. Others are served meanwhile, and the service stops at once.
. "$BAILEE_ROOT/tests/e2e/lib.sh"
need_root
need_fuse
need mke2fs mkfs.ext4 python3 jq setpriv
loop_fs "$work/disk" 200M
store=$work/disk/store
mkdir "$work/files" "$work/disk/given"
echo hello >"$work/files/a.txt"
truncate -s 4M "$work/one.img"
mke2fs -q -d "$work/files" "$work/one.img"
for name in held.img one.img two.img; do cp --sparse=never "$work/one.img" "$work/disk/given/$name"; done
head -c 4M /dev/urandom >"$work/disk/given/noise.img"
chown -R 61003:61003 "$work/disk/given"
chmod 755 "$work/disk"
sed 's/^serial: 1 /serial: 7 /' "$BAILEE_ROOT/examples/policies/shop.yaml" >"$work/shop.yaml"
chmod 644 "$work/shop.yaml"
code 0 "$bailee" init --store "$store" --kit "$work/kit"
start_daemon "$store" "$work/shop.yaml"
code 0 "$bailee" enroll "$work/disk/given/held.img" --device HELD --kind laptop
code 0 "$bailee" hold add HELD --reason 'a claim'


# An image of two devices is destroyed with neither: the holds of the other would not count.
code 3 "$bailee" enroll "$work/disk/given/held.img" --device SECOND --kind laptop --destroy-when-due
says 'another device'
code 0 "$bailee" enroll "$work/disk/given/held.img" --device SECOND --kind laptop
code 0 "$bailee" enroll "$work/disk/given/noise.img" --device GIVEN --kind laptop --destroy-when-due
code 3 "$bailee" enroll "$work/disk/given/noise.img" --device THIRD --kind laptop
says 'destroyed with'
code 2 "$bailee" enroll "$work/disk/given/noise.img" --device GIVEN --kind laptop --destroy-when-due
says known
code 3 "$bailee" enroll "$store/keys" --device KEYS --kind laptop --destroy-when-due

cat >"$work/peer.py" <<'PYTHON'
import array, ctypes, json, os, signal, socket, sys
store, given, command = sys.argv[1], sys.argv[2], sys.argv[3]
failures = []

def check(what, is_so, seen=""):
    if not is_so:
        failures.append(what)
        print("failed:", what, seen)

class Peer:
    def __init__(self):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.socket.connect(store + "/socket")
        self.socket.settimeout(120)
        self.partials = []

    def send(self, request, fds=()):
        extra = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else []
        self.socket.sendmsg([json.dumps({"bailee": 1, **request}).encode()], extra)
        return self

    # Until the last answer, or one that has @key.
    def receive(self, key="ok"):
        while True:
            data = self.socket.recv(1 << 20)
            if not data:
                return {"ok": None}
            message = json.loads(data)
            if key in message or "ok" in message:
                return message
            self.partials.append(message)

def ask(request, fds=()):
    peer = Peer().send(request, fds)
    answer = peer.receive()
    peer.socket.close()
    return answer

def intake(device, form, more=None):
    return {"do": "intake", "device": device, "kind": "laptop", "form": form, "reason": "returned", **(more or {})}

def fd_of(path, flags=os.O_RDONLY):
    return os.open(path, flags)

def become(uid):
    os.setgroups([])
    os.setgid(uid)
    os.setuid(uid)

libc = ctypes.CDLL(None, use_errno=True)

def signal_fd():
    everything = (ctypes.c_ubyte * 128)(*([0xff] * 128))
    return libc.signalfd(-1, ctypes.byref(everything), 0)

def memory(content):
    fd = os.memfd_create("image")
    os.write(fd, content)
    os.lseek(fd, 0, 0)
    return fd

def stalled():
    read_end, write_end = os.pipe()
    return read_end, write_end

def kinds():
    image = given + "/one.img"
    pair, listener = socket.socketpair(), socket.socket(socket.AF_UNIX)
    silent = stalled()
    directory = os.open(given, os.O_RDONLY)
    never = {  # name: (descriptor, forms, exit codes)
        "a name only": (fd_of(image, os.O_PATH), ("file", "plain", "stream"), (3,)),
        "for writing only": (fd_of(image, os.O_WRONLY), ("file", "plain", "stream"), (3,)),
        "a pipe's writing end": (silent[1], ("file", "plain", "stream"), (3,)),
        "a folder": (directory, ("file", "plain", "stream"), (2,)),
        "an endless device": (fd_of("/dev/zero"), ("file", "plain", "stream"), (2,)),
        "an empty device": (fd_of("/dev/null"), ("file", "plain", "stream"), (2,)),
        "an eventfd": (os.eventfd(1), ("file", "plain", "stream"), (2,)),
        "signals": (signal_fd(), ("file", "plain", "stream"), (2,)),
        "a file of the kernel's": (fd_of("/proc/self/maps"), ("file", "plain", "stream"), (2,)),
        "an empty file": (os.memfd_create("nothing"), ("file", "plain", "stream"), (2,)),
        "a pipe as a file": (silent[0], ("file",), (2,)),
        "a socket as a file": (pair[0].fileno(), ("file",), (2,)),
        "no container": (fd_of(image), ("stream",), (2,)),
    }
    for name, (fd, forms, exits) in never.items():
        for form in forms:
            more = {"container": "qcow"} if form == "stream" else {}
            answer = ask(intake("NEVER" if name != "no container" else "STREAM", form, more), [fd])
            check("%s as %s is refused" % (name, form), answer["ok"] is False and answer["exit"] in exits, answer)
    answer = ask(intake("NEVER", "file"))
    check("nothing at all is refused", answer["ok"] is False and answer["exit"] == 2, answer)
    # What cannot be read is known only when it is read.
    for name, fd in (("a listening socket", listener.fileno()),):
        answer = ask(intake("SOCKET", "plain"), [fd])
        check(name + " is refused", answer["ok"] is False, answer)
    words = {
        "a container of no kind": intake("NEVER", "file", {"container": "Erika's disk"}),
        "a container that is none": intake("NEVER", "file", {"container": "e01"}),
        "a stream of no container": intake("NEVER", "stream"),
        "a raw stream": intake("NEVER", "stream", {"container": "raw"}),
        "a size of a file": intake("NEVER", "file", {"size": 4096}),
        "two kinds of patterns": intake("NEVER", "file", {"without": ["a"], "only": ["b"]}),
        "patterns for a pipe": intake("NEVER", "plain", {"without": ["a"]}),
        "no form": {"do": "intake", "device": "NEVER", "kind": "laptop"},
        "an id that is none": intake("../NEVER", "file"),
    }
    for name, request in words.items():
        answer = ask(request, [fd_of(image)])
        check(name + " is refused", answer["ok"] is False and answer["exit"] == 2 and "\n" not in answer["error"], answer)
    # What is read as it is: a file in memory, a socket, a pipe that somebody else empties.
    content = open(image, "rb").read()
    answer = ask(intake("MEMORY", "file"), [memory(content)])
    check("a file in memory is taken in", answer["ok"] is True and answer["bytes"] == len(content), answer)
    peer = Peer().send(intake("SOCKETS", "plain"), [pair[1].fileno()])
    pair[0].sendall(content)
    pair[0].shutdown(socket.SHUT_WR)
    answer = peer.receive()
    check("a socket is taken in", answer["ok"] is True and answer["bytes"] == len(content), answer)

def destroying():
    image, other, store_file = given + "/one.img", given + "/two.img", store + "/log/log.id"
    rw = os.O_RDWR
    destroy = {"destroy_source": True}
    never = {
        "what is not open for writing": (intake("NEVER", "file", destroy), [fd_of(image)], 3),
        "a file that was not read": (intake("NEVER", "file", destroy), [fd_of(image, rw), fd_of(other, rw)], 2),
        "a pipe": (intake("NEVER", "plain", destroy), [stalled()[0]], 2),
        "a file behind a pipe": (intake("NEVER", "plain", destroy), [stalled()[0], fd_of(image, rw)], 2),
        "a stream without its files": (intake("NEVER", "stream", {"container": "qcow", **destroy}), [fd_of(image, rw)], 2),
        "what has no name": (intake("NEVER", "file", destroy), [memory(b"image" * 1000)], 2),
        "the image of a device on hold": (intake("NEVER", "file", destroy), [fd_of(given + "/held.img", rw)], 3),
    }
    if os.getuid() == 0:
        never["the store's own log"] = (intake("NEVER", "file", destroy), [fd_of(store_file, rw)], 3)
        never["the store's keys"] = (intake("NEVER", "file", destroy), [fd_of(store + "/keys", rw)], 3)
        never["the image of another device"] = (intake("NEVER", "file", destroy), [fd_of(store + "/devices/MEMORY/image/data", rw)], (2, 3))
    for name, (request, fds, exits) in never.items():
        answer = ask(request, fds)
        wanted = exits if isinstance(exits, tuple) else (exits,)
        check(name + " is not destroyed", answer["ok"] is False and answer["exit"] in wanted, answer)
    answer = ask(intake("EXTRA", "file"), [fd_of(image), fd_of(other)])
    check("more files than one are refused", answer["ok"] is False and answer["exit"] == 2, answer)
    for path in (image, other, given + "/held.img", store_file if os.getuid() == 0 else image):
        check("%s is still there" % path, os.path.getsize(path) > 0)

# Eight streams that say nothing: their person, and others, are served beside them; one more is refused in words.
def stalls():
    peers, ends = [], []
    for number in range(8):
        read_end, write_end = stalled()
        ends.append(write_end)
        peers.append(Peer().send(intake("STALL-%d" % number, "plain"), [read_end]))
        os.close(read_end)
        check("stream %d has begun" % number, "progress" in peers[-1].receive("progress"))
    answer = ask(intake("STALL-8", "plain"), [stalled()[0]])
    check("a ninth is refused", answer["ok"] is False and answer["exit"] == 3 and "8 of one person" in answer["error"], answer)
    answer = ask(intake("STALL-0", "plain"), [stalled()[0]])
    check("nor is one begun twice", answer["ok"] is False, answer)
    for peer in [Peer() for _ in range(7)]:
        check("their person is served", peer.send({"do": "status"}).receive()["ok"] is True)
    return peers, ends

if command == "kinds":
    kinds()
elif command == "destroying":
    become(61003) if os.environ.get("AS") else None
    destroying()
elif command == "stalls":
    become(61003)
    peers, ends = stalls()
    # One goes away: its device is free again, as soon as the service has seen it.
    peers[0].socket.close()
    for _ in range(5000):
        retry = Peer().send(intake("STALL-0", "plain"), [stalled()[0]])
        if "progress" in retry.receive("progress"):
            break
    else:
        check("a client that went away lets go of its device", False)
    print("stalled", flush=True)
    sys.stdin.readline()
    answers = [peer.receive() for peer in peers[1:] + [retry]]
    for answer in answers:
        check("a stop says how to go on", answer["ok"] is False and "the same command goes on" in answer.get("error", ""), answer)
elif command == "revoked":
    become(61003)
    peer = Peer().send(intake("REVOKED", "plain"), [stalled()[0]])
    peer.receive("progress")
    print("stalled", flush=True)
    answer = peer.receive()
    check("who has lost the right does not go on", answer["ok"] is False and answer["exit"] == 3, answer)
    check("in one line", "\n" not in answer["error"] and "intake" in answer["error"], answer)
sys.exit(1 if failures else 0)
PYTHON
before=$(daemon_child)
peer() { python3 "$work/peer.py" "$store" "$work/disk/given" "$@" || fail "a hostile peer got what it should not (above): $*"; }
descriptors() { ls "/proc/$before/fd" | wc -l; }
code 0 "$bailee" status
kept=$(descriptors)
peer kinds
peer destroying
AS=61003 peer destroying
[ "$(daemon_child)" = "$before" ] || fail "the daemon is another one"
# A connection ends a moment after its peer does.
for _ in $(seq 200); do
	[ "$(descriptors)" -gt "$kept" ] || break
	"$bailee" status >/dev/null
done
[ "$(descriptors)" -le "$kept" ] || fail "descriptors are kept: $kept before, $(descriptors) after"
"$bailee" status --json | jq -e '[.devices[].id] | index("NEVER") | not' >/dev/null || fail "a refused intake made a device"

# Streams that say nothing, for ever: holds, shreds, status and views of others go on; the service stops, and they can be gone on with.
mkfifo "$work/told" "$work/go"
exec 9<>"$work/go"
python3 "$work/peer.py" "$store" "$work/disk/given" stalls >"$work/told" 2>&1 <"$work/go" 9>&- &
stalls=$!
at_end "kill $stalls"
{ read -r line && [ "$line" = stalled ]; } <"$work/told" || fail "no stalled streams: $line"
code 0 "$bailee" status
code 0 "$bailee" hold add STALL-1 --reason 'also while it is taken in'
code 0 "$bailee" shred MEMORY --reason 'while others are taken in'
while "$bailee" status --json | jq -e '.devices[] | select(.id == "MEMORY" and .state != "shredded")' >/dev/null; do :; done
code 0 "$bailee" shred --due
view 61002 "$work/view"
code 0 as 61002 cat "$work/view/HELD/p1-ext2/a.txt"
stop_daemon
[ "$stopped" = 0 ] || fail "the daemon ended with $stopped"
echo go >&9
exec 9>&-
wait "$stalls" || fail "stalled streams and the stop"
start_daemon "$store" "$work/shop.yaml"
code 0 sh -c "cat '$work/one.img' | '$bailee' intake - --device STALL-1 --kind laptop"
says sealed
code 0 "$bailee" log query --device STALL-1 --json
jq -se '[.[] | select(.op == "intake")] | length == 1' "$work/out" >/dev/null || fail "one intake is one event"
jq -se '[.[] | select(.op == "admin" and .detail == "intake goes on")] | length == 1' "$work/out" >/dev/null || fail "going on is an event: $(cat "$work/out")"

# Who loses the right meanwhile is stopped, and that is an event.
python3 "$work/peer.py" "$store" "$work/disk/given" revoked >"$work/told" 2>&1 &
revoked=$!
at_end "kill $revoked"
exec 8<"$work/told"
{ read -r line && [ "$line" = stalled ]; } <&8 || fail "no stalled stream: $line"
sed -e 's/^serial: 7 /serial: 8 /' -e 's/, review, intake\]/, review]/' "$work/shop.yaml" >"$work/less.yaml"
code 0 "$bailee" policy load "$work/less.yaml"
wait "$revoked" || fail "the revoked intake: $(cat <&8)"
code 0 "$bailee" log query --device REVOKED --verdict denied --json
[ "$(wc -l <"$work/out")" = 1 ] || fail "the refusal is no event: $(cat "$work/out")"
