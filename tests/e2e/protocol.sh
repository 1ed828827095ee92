# Hostile peers on the socket: whatever they send, the daemon lives, answers others, keeps no descriptor and does nothing by half.
. "$BAILEE_ROOT/tests/e2e/lib.sh"
need_root
need_fuse
need mke2fs python3 jq setpriv
sed 's/^serial: 1 /serial: 7 /' "$BAILEE_ROOT/examples/policies/shop.yaml" >"$work/shop.yaml"
mkdir "$work/files"
echo hello >"$work/files/a.txt"
truncate -s 4M "$work/one.img"
mke2fs -q -d "$work/files" "$work/one.img"
start_daemon "$work/store" "$work/shop.yaml"
code 0 "$bailee" enroll "$work/one.img" --device RMA-1 --kind laptop
code 0 "$bailee" hold add RMA-1 --reason 'one hold'
view 61002 "$work/view"

cat >"$work/peer.py" <<'PYTHON'
import array, json, os, socket, sys
store, image, child = sys.argv[1], sys.argv[2], sys.argv[3]
failures = []

def check(what, is_so, seen=""):
    if not is_so:
        failures.append(what)
        print("failed:", what, seen)

def connect():
    peer = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    peer.connect(store + "/socket")
    peer.settimeout(15)
    return peer

def receive(peer):
    try:
        return peer.recv(1 << 20)
    except ConnectionResetError:
        return b""

def send(peer, data, fds=()):
    extra = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else []
    try:
        peer.sendmsg([data], extra)
        return True
    except (BrokenPipeError, ConnectionResetError):
        return False

# One request on a connection of its own. Others may still be going away: being turned off is tried again.
def ask(request, fds=()):
    for _ in range(2000):
        peer = connect()
        sent = send(peer, json.dumps(request).encode(), fds)
        answers = []
        while sent:
            data = receive(peer)
            if not data:
                break
            answers.append(json.loads(data))
            if "ok" in answers[-1]:
                peer.close()
                return answers[-1], answers[:-1]
        peer.close()
    check("an answer to %s" % request.get("do"), False)
    return {"ok": None}, []

def as_uid(uid, work):
    read_end, write_end = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.setgroups([])
        os.setgid(uid)
        os.setuid(uid)
        result = work()
        os.write(write_end, json.dumps(result).encode())
        os._exit(0)
    os.close(write_end)
    data = b""
    while chunk := os.read(read_end, 65536):
        data += chunk
    os.close(read_end)
    os.waitpid(pid, 0)
    return json.loads(data)

def descriptors():
    return len(os.listdir("/proc/%s/fd" % child))

def last_sequence():
    return ask({"bailee": 1, "do": "status"})[0]["log"]["last_sequence"]

def events(after):
    answer, records = ask({"bailee": 1, "do": "log-query"})
    check("the log is told", answer["ok"] is True, answer)
    return [r["record"] for r in records if r["record"]["sequence"] > after and r["record"]["detail"] != "log-query"]

# A connection that says nothing is closed after ten seconds: begun now, looked at in the end.
silent = connect()
ask({"bailee": 1, "do": "status"})
before = descriptors()
records_before = sum(len(files) for _, _, files in os.walk(store + "/devices"))

# What is no message ends the connection.
good = b'{"bailee":1,"do":"status"}'
garbage = {
    "an empty datagram": b"", "a NUL": b"\0", "words": b"nonsense", "a list": b"[]", "a text": b'"status"',
    "half an object": b"{", "two objects": good + good, "a duplicate key": b'{"bailee":1,"do":"status","do":"open"}',
    "no UTF-8": b'{"bailee":1,"do":"\xff\xfe"}', "a NUL in a text": b'{"bailee":1,"do":"status\\u0000"}',
    "depth": b"[" * 100000, "depth in an object": b'{"do":' * 20000, "just too long": good + b" " * ((128 << 10) - len(good) + 1),
    "much too long": b" " * 200000, "a huge number": b'{"bailee":1' + b"0" * 5000 + b"}",
}
for name, data in garbage.items():
    peer = connect()
    if send(peer, data):
        check("cut after " + name, receive(peer) == b"")
    peer.close()
peer = connect()
send(peer, good + b" " * ((128 << 10) - len(good)))
answer = receive(peer)
while answer.startswith((b'{"device"', b'{"view"')):
    answer = receive(peer)
check("the longest message is read", b'"ok":true' in answer)
peer.close()
# More than one goes with an intake only; more than an intake has room for ends the connection.
for count in (2, 4, 5, 200, 201, 202, 253):
    peer = connect()
    null = os.open("/dev/null", os.O_RDONLY)
    if send(peer, good, [null] * count):
        answer = receive(peer)
        if count > 202:
            check("cut after %d descriptors" % count, answer == b"")
        else:
            check("%d descriptors are refused" % count, answer == b"" or json.loads(answer)["status"] == "invalid", answer)
    os.close(null)
    peer.close()
null = os.open("/dev/null", os.O_RDONLY)
check("one descriptor too many for status is let go", ask({"bailee": 1, "do": "status"}, [null])[0]["ok"] is True)

# What is a message and no request is refused in words, and the connection stays.
peer = connect()
for name, request, status in (
        ("version 2", {"bailee": 2, "do": "status"}, "not supported"),
        ("no version", {"do": "status"}, "not supported"),
        ("version as text", {"bailee": "1", "do": "status"}, "not supported"),
        ("version true", {"bailee": True, "do": "status"}, "not supported"),
        ("no do", {"bailee": 1}, None), ("do of another type", {"bailee": 1, "do": 1}, None),
        ("an unknown do", {"bailee": 1, "do": "format"}, None), ("an empty do", {"bailee": 1, "do": ""}, None),
        ("an unknown key", {"bailee": 1, "do": "status", "verbose": True}, None),
        ("a key of another request", {"bailee": 1, "do": "shred-due", "device": "RMA-1"}, None)):
    send(peer, json.dumps(request).encode())
    answer = json.loads(receive(peer) or b"{}")
    check(name + " is refused", answer.get("ok") is False and answer.get("exit") == 2, answer)
    check(name + " says its status", status is None or answer.get("status") == status, answer)
    check(name + " in one line", "\n" not in answer.get("error", "\n"), answer)
peer.close()

# Every key with every wrong type: refused whole, nothing done by half.
TEXTS, NUMBERS, FLAGS = ["x", "RMA-1"], [1], [True]
whole = {
    "enroll": {"device": "RMA-2", "kind": "laptop", "record": "maker: A", "destroy_when_due": False},
    "open": {"purpose": "repair", "reason": "r", "for": 61002, "gid": 61002},
    "close": {"path": "/nowhere", "view": 99},
    "policy-load": {"text": "bailee: 1"},
    "hold-add": {"device": "RMA-1", "reason": "r"},
    "hold-release": {"device": "RMA-1", "hold": 1, "reason": "r"},
    "shred-due": {"reason": "r"},
    "log-query": {"uid": 0, "device": "RMA-1", "op": "read", "verdict": "denied", "rule": "r", "view": 1, "since": 0, "until": 1, "last": 1},
    "certificate": {"device": "RMA-1"},
}
wrong = [None, True, 1, 1.5, "x", [], {}, -1, 1 << 62]
for do, keys in whole.items():
    for key, value in keys.items():
        for bad in wrong:
            is_same_type = type(bad) is type(value)
            if is_same_type and (not isinstance(bad, int) or isinstance(bad, bool)):
                continue
            if is_same_type and key in ("view", "since", "until"):
                continue
            request = {"bailee": 1, "do": do, **keys, key: bad}
            if is_same_type and key == "hold" and bad == 1:
                continue
            if is_same_type and bad == 1 and key in ("last", "uid", "gid", "for"):
                continue
            fds = [os.open(image, os.O_RDWR)] if do == "enroll" else [os.open("/", os.O_PATH)] if do == "open" else []
            answer, _ = ask(request, fds)
            for fd in fds:
                os.close(fd)
            check("%s with %s=%r is refused" % (do, key, bad), answer["ok"] is False and answer.get("exit") == 2, answer)
check("nobody enrolled anything", records_before == sum(len(files) for _, _, files in os.walk(store + "/devices")))
state, partials = ask({"bailee": 1, "do": "status"})
devices = [partial["device"] for partial in partials if "device" in partial]
views = [partial["view"] for partial in partials if "view" in partial]
check("the hold is still there", [d["holds"] for d in devices] == [1], devices)
check("the view is still there", [v["uid"] for v in views] == [61002], partials)
view_number = views[0]["view"]

# Somebody who may not: refused with 3 or 4, and an event says so.
def as_technician():
    refused = []
    source = os.open("/dev/null", os.O_RDWR)
    folder = os.open("/", os.O_PATH)
    for request, fds in (
            ({"do": "enroll", "device": "RMA-3", "kind": "laptop"}, [source]),
            ({"do": "policy-load", "text": "bailee: 1"}, []),
            ({"do": "hold-add", "device": "RMA-1", "reason": "mine"}, []),
            ({"do": "hold-add", "device": "RMA-404", "reason": "is it there?"}, []),
            ({"do": "hold-release", "device": "RMA-1", "hold": 1, "reason": "mine"}, []),
            ({"do": "hold-release", "device": "RMA-1", "hold": 9, "reason": "how many?"}, []),
            ({"do": "shred-due", "reason": "now"}, []),
            ({"do": "log-query"}, []),
            ({"do": "certificate", "device": "RMA-1"}, []),
            ({"do": "certificate", "device": "RMA-404"}, []),
            ({"do": "open", "for": 61002}, [folder])):
        refused.append((request, ask({"bailee": 1, **request}, fds)[0]))
    return refused

after = last_sequence()
refused = as_uid(61001, as_technician)
for request, answer in refused:
    check("%s is refused a technician" % request, answer["ok"] is False and answer["exit"] in (3, 4), answer)
seen = [e for e in events(after) if e["uid"] == 61001]
check("every refusal is an event", len(seen) == len(refused) and all(e["verdict"] in ("denied", "asked") for e in seen),
      [(e["op"], e["verdict"], e["detail"]) for e in seen])
stranger, shown = as_uid(61099, lambda: ask({"bailee": 1, "do": "status"}))
check("status shows a stranger nothing of others", stranger["ok"] and not shown, shown)
for target in ({"view": view_number}, {"path": views[0]["path"]}):
    answer = as_uid(61001, lambda: ask({"bailee": 1, "do": "close", **target})[0])
    check("another's view is not closed", answer["ok"] is False, answer)
answer = as_uid(61003, lambda: ask({"bailee": 1, "do": "shred-due"})[0])
check("a reason is asked for", answer["ok"] is False and answer["exit"] == 4, answer)
check("the view is there after all", len([p for p in ask({"bailee": 1, "do": "status"})[1] if "view" in p]) == 1)

# Half-open connections: eight of one uid; others are served all the same.
def crowd():
    peers = [connect() for _ in range(12)]
    served = []
    for peer in peers:
        if send(peer, good) and receive(peer):
            served.append(peer)
    return len(served)

crowd_size = as_uid(61050, crowd)
check("eight connections of one uid are served", crowd_size == 8, crowd_size)

holders = []
for uid in (61051, 61052):
    read_end, write_end = os.pipe()
    go_read, go_write = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.setgroups([])
        os.setgid(uid)
        os.setuid(uid)
        peers = [connect() for _ in range(20)]
        for peer in peers:
            send(peer, good) and receive(peer)
        os.write(write_end, b"x")
        os.read(go_read, 1)
        os._exit(0)
    os.read(read_end, 1)
    holders.append((pid, go_write))
answer, _ = ask({"bailee": 1, "do": "status"})
check("others are served beside those who hold connections", answer["ok"] is True, answer)
for pid, go in holders:
    os.write(go, b"x")
    os.waitpid(pid, 0)

# Clients that vanish while they are answered.
for i in range(200):
    peer = connect()
    send(peer, b'{"bailee":1,"do":"log-query"}' if i % 2 else good)
    peer.close()

check("who says nothing is sent away", receive(silent) == b"")
silent.close()
# Connections end a moment after their peers do: as many requests as it takes, no more.
for _ in range(5000):
    ask({"bailee": 1, "do": "status"})
    if descriptors() <= before:
        break
check("no descriptor is kept", descriptors() <= before, "%d before, %d after" % (before, descriptors()))
sys.exit(1 if failures else 0)
PYTHON
before=$(daemon_child)
python3 "$work/peer.py" "$work/store" "$work/one.img" "$before" || fail "a hostile peer got what it should not (above)"
[ "$(daemon_child)" = "$before" ] || fail "the daemon is another one"
code 0 "$bailee" status
code 0 as 61002 cat "$work/view/RMA-1/p1-ext2/a.txt"
says hello
stop_daemon
[ "$stopped" = 0 ] || fail "the daemon ended with $stopped"
