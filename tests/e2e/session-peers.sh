# Clients that ask for a session with what is no terminal, too much, too little or nonsense: each is refused, and leaves nothing in the service.
. "$BAILEE_ROOT/tests/e2e/lib.sh"
need_root
need_fuse
need_sessions
need jq less /usr/bin/python3

cat >"$work/policy.yaml" <<'YAML'
bailee: 1
name: peers
serial: 1
timezone: UTC
uses: [builtin/baseline]
people:
  uid:61001: {roles: [looker]}
roles: {looker: {}}
detect: {sets: [payment]}
defaults: {access: forbid, mask: fill, unscanned: withhold}
rules:
  - {id: lookers, permit: [list, read], who: [looker], why: Lookers look.}
sessions: {viewers: [less], visible_proc: accept}
YAML
mkdir -p "$work/source"
echo one >"$work/source/notes.txt"
start_daemon "$work/store" "$work/policy.yaml"
code 0 "$bailee" enroll "$work/source" --device D1 --kind disk
cat >"$work/peers.py" <<'PYTHON'
import array, json, os, pty, select, socket, sys, time
store, daemon = sys.argv[1], int(sys.argv[2])
other = pty.openpty()[1]
os.fchown(other, 61002, -1)
os.setgroups([])
os.setresgid(61001, 61001, 61001)
os.setresuid(61001, 61001, 61001)
mine, second = pty.openpty()[1], pty.openpty()[1]
hung_up, hung_slave = pty.openpty()
os.close(hung_up)
good = {"bailee": 1, "do": "view", "device": "D1", "arguments": ["less", "notes.txt"], "rows": 24, "columns": 80, "term": "xterm"}
reader, writer = os.pipe()
null = os.open("/dev/null", os.O_RDWR)
file = os.open("/etc/passwd", os.O_RDONLY)
left, right = socket.socketpair()
path = os.open(os.ttyname(mine), os.O_PATH)
master, _ = pty.openpty()

def ask(request, fds, refused=True):
    peer = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    peer.settimeout(60)
    peer.connect(store + "/socket")
    data = request if isinstance(request, bytes) else json.dumps(dict(good, **request)).encode()
    try:
        peer.sendmsg([data], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else [])
        answer, passed, _, _ = peer.recvmsg(1 << 17, socket.CMSG_SPACE(8))
    except (BrokenPipeError, ConnectionResetError):
        answer, passed = b"", []
    is_open = bool(answer) and json.loads(answer)["ok"]
    if is_open == refused or bool(passed) == refused:
        sys.exit("%s with %s: %s" % (str(request)[:100], fds, answer))
    if not refused:
        session = socket.socket(fileno=array.array("i", passed[0][2])[0])
        session.send(b"Iq")
        while session.recv(1 << 15)[:1] not in (b"E", b""):
            pass

both = [mine, mine]
for fds in ([], [mine], [reader, writer], [null, null], [file, file], [left.fileno(), right.fileno()], [path, path], [other, other],
            [mine, second], [mine, other], [mine, null], [reader, mine], [master, master], [hung_slave, hung_slave], [mine] * 3, [mine] * 201):
    ask({}, fds)
for request in ({"device": "D" * 300}, {"device": ""}, {"device": "../D1"}, {"device": "D1\0"}, {"device": None}, {"rows": -1},
                {"rows": 65536}, {"columns": 1 << 62}, {"rows": "24"}, {"arguments": []}, {"arguments": [""]}, {"arguments": ["/"]},
                {"arguments": ["less", ""]}, {"arguments": ["less", 1]}, {"arguments": ["less", "a\0b"]}, {"arguments": ["less\0sh"]},
                {"arguments": ["less"] * 65}, {"arguments": ["less", "a" * 8192]}, {"arguments": ["less", "a" * 8178]},
                {"arguments": ["less/../sh"]}, {"arguments": "less"}, {"term": 1}, {"term": "x\0y"}, {"purpose": "p" * 65}, {"more": 1}):
    ask(request, both)
text = json.dumps(good).encode()
for request in (text.replace(b"notes", b"\xff\xfe"), text.replace(b"xterm", b"\xc0\x80"), text[:-1], b"[]", b"{}", b"x" * 70000):
    ask(request, both)
for request in ({"rows": 0, "columns": 0}, {"rows": 1, "columns": 1}, {"rows": 65535, "columns": 65535}, {"term": "../../../etc/passwd"},
                {"term": ""}, {"term": "t" * 300}, {"arguments": ["/usr/bin/less", "-", "\x1b[2J\u202e"]}, {"arguments": ["less", "a" * 8177]}):
    ask(request, both, refused=False)
PYTHON
child=$(daemon_child)
count() { echo "$(ls "/proc/$child/fd" | wc -l) $(ls "/proc/$child/task" | wc -l)"; }
/usr/bin/python3 "$work/peers.py" "$work/store" "$child" || fail 'one of them was not answered as it should be'
until "$bailee" sessions --json | jq -e '.sessions == []' >/dev/null; do :; done
# what is made once is there now: the same again leaves as much
settled=
until [ "$settled" = "$(count)" ]; do settled=$(count); sleep 0.2; done
/usr/bin/python3 "$work/peers.py" "$work/store" "$child" || fail 'the second time'
for _ in $(seq 100); do [ "$settled" = "$(count)" ] && break; sleep 0.1; done
[ "$settled" = "$(count)" ] || fail "descriptors and threads: $settled before, $(count) after"
stop_daemon
[ "$stopped" = 0 ] || fail "the daemon ended with $stopped"
