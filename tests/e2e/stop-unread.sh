# Stopping while people ask for much and read nothing of it: what they were to be told waits no longer than the stop.
. "$BAILEE_ROOT/tests/e2e/lib.sh"
need_root
need python3
cp "$BAILEE_ROOT/examples/policies/shop.yaml" "$work/shop.yaml"
start_daemon "$work/store" "$work/shop.yaml"
seq 2000 | /usr/bin/python3 -c '
import json, socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
s.connect(sys.argv[1])
for _ in sys.stdin:
    s.send(json.dumps({"bailee": 1, "do": "log-query", "last": 1}).encode())
    while "ok" not in json.loads(s.recv(1 << 18)): pass' "$work/store/socket"
mkfifo "$work/asked" "$work/hold"
/usr/bin/python3 -c '
import json, select, socket, sys
clients = []
for _ in range(4):
    s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    s.connect(sys.argv[1])
    s.send(json.dumps({"bailee": 1, "do": "log-query"}).encode())
    s.recv(1 << 18)
    clients.append(s)
open(sys.argv[2], "w").close()
open(sys.argv[3]).read()' "$work/store/socket" "$work/asked" "$work/hold" &
client=$!
at_end "kill $client"
read -r _ <"$work/asked" || true
# Far more than a stop takes, far less than two answers may wait.
kill "$daemon"
timeout 9 tail --pid="$daemon" -f /dev/null || fail "who reads nothing holds up the stop"
wait "$daemon" || fail "the daemon ended with $?"
daemon=
kill -0 "$client" || fail "the clients went before the service did"
