# A daemon that is killed while a viewer's output runs over the screen: what the log counts is never less than what the terminal saw, also
# after the next start.
. "$BAILEE_ROOT/tests/e2e/lib.sh"
need_root
need_fuse
need_sessions
need jq cat /usr/bin/python3

cat >"$work/policy.yaml" <<'YAML'
bailee: 1
name: crash
serial: 1
timezone: UTC
uses: [builtin/baseline]
people:
  uid:61001: {roles: [looker]}
roles: {looker: {}}
detect: {sets: [payment]}
defaults: {access: forbid, mask: fill, unscanned: withhold}
rules:
  - {id: lookers-list, permit: [list], who: [looker], why: Lookers see names.}
  - {id: lookers-read, permit: [read], who: [looker], limits: {shown: 100M per day}, why: Lookers look.}
sessions: {viewers: [cat], visible_proc: accept}
YAML
mkdir -p "$work/source"
awk 'BEGIN { for (i = 0; i < 9000; i++) printf "line %d of the gooseberry diary\n", i }' >"$work/source/notes.txt"
start_daemon "$work/store" "$work/policy.yaml"
code 0 "$bailee" enroll "$work/source" --device D1 --kind disk
cat >"$work/look.py" <<'PYTHON'
import array, json, os, pty, re, socket, sys
store, enough = sys.argv[1], int(sys.argv[2])
child = os.fork()
if child == 0:
    os.setgroups([])
    os.setresgid(61001, 61001, 61001)
    os.setresuid(61001, 61001, 61001)
    slave = pty.openpty()[1]
    peer = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    peer.connect(store + "/socket")
    request = {"bailee": 1, "do": "view", "device": "D1", "arguments": ["cat", "notes.txt"], "rows": 24, "columns": 80, "term": "xterm"}
    peer.sendmsg([json.dumps(request).encode()], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [slave, slave]))])
    answer, passed, _, _ = peer.recvmsg(1 << 17, socket.CMSG_SPACE(4))
    session = socket.socket(fileno=array.array("i", passed[0][2])[0])
    text = b""
    while b"q: leave" not in text:
        text += session.recv(1 << 15)[1:]
    session.send(b"Ix")
    seen, is_killed, text = 0, False, b""
    while True:
        frame = session.recv(1 << 15)
        if frame[:1] != b"O":
            break
        text += frame[1:]
        seen = sum(map(len, re.findall(rb"line \d+ of the gooseberry diary", text)))
        if seen >= enough and not is_killed:
            print("kill", flush=True)
            is_killed = True
    print(seen, flush=True)
    os._exit(0)
os.waitpid(child, 0)
PYTHON
total=0
for enough in 1 9000 16000 33000 70000 150000; do
	mkfifo "$work/look.$enough"
	/usr/bin/python3 "$work/look.py" "$work/store" $enough >"$work/look.$enough" &
	looker=$!
	exec 5<"$work/look.$enough"
	read -r _ <&5 || fail 'nothing was seen'
	kill -9 "$(daemon_child)"
	read -r seen <&5 || fail 'no end'
	exec 5<&-
	wait "$looker"
	wait "$daemon" || true
	daemon=
	wait_store_free "$work/store"
	total=$((total + seen))
	[ "$seen" -ge "$enough" ] || fail "only $seen bytes were seen"
	start_daemon "$work/store" "$work/policy.yaml"
	counted=$("$bailee" log query --op shown --json | jq -s 'map(.bytes) | add')
	given_back=$("$bailee" log query --op session-ended --json | jq -s 'map(.offset - .bytes) | add // 0')
	[ $((counted - given_back)) -ge "$total" ] || fail "$total bytes were seen, $counted counted, $given_back given back"
done
stop_daemon
[ "$stopped" = 0 ] || fail "the daemon ended with $stopped"
