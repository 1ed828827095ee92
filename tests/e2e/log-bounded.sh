# Bounded durability: the policy turns it on and off while the service runs; every read that was answered is in the log of an orderly stop,
# also of one that was killed but for the newest ones, and everything else is durable before its answer as ever.
. "$BAILEE_ROOT/tests/e2e/lib.sh"
need_root
need_fuse
need jq setpriv python3 flock
mkdir "$work/files"
seq 3000 >"$work/files/a.txt"
policy() { # SERIAL AUDIT
	sed "s/^serial: 1 .*/serial: $1/" "$BAILEE_ROOT/examples/policies/shop.yaml" >"$work/next.yaml"
	echo "audit: $2" >>"$work/next.yaml"
	chmod 644 "$work/next.yaml"
	mv "$work/next.yaml" "$work/policy.yaml"
}
policy 1 '{durability: bounded, bounded: 1s}'
code 0 "$bailee" policy check "$work/policy.yaml"
hides 'no effect'
start_daemon "$work/store" "$work/policy.yaml"
code 0 "$bailee" enroll "$work/files" --device RMA-1 --kind laptop
code 0 "$bailee" status
says 'durable within 1000 ms'
view 61002 "$work/view"

cat >"$work/reader.py" <<'PYTHON'
import os, sys
os.setgroups([]); os.setgid(61002); os.setuid(61002)
fd = os.open(sys.argv[1] + "/RMA-1/a.txt", os.O_RDONLY | os.O_DIRECT)
for i in range(int(sys.argv[2])):
    if len(os.pread(fd, 1, i)) != 1:
        sys.exit(1)
PYTHON
python3 "$work/reader.py" "$work/view" 2000 || fail "no reads"
reads() { "$bailee" log query --uid 61002 --op read --verdict permitted --json | wc -l; }
stop_daemon
start_daemon "$work/store" "$work/policy.yaml"
[ "$(reads)" -ge 2000 ] || fail "$(reads) of 2000 reads are in the log of an orderly stop"

# Killed right after: the open is there, and everything that is not a read or a stat; the log verifies.
view 61002 "$work/view-2"
python3 "$work/reader.py" "$work/view-2" 100 || fail "no reads"
code 0 "$bailee" hold add RMA-1 --reason 'a lawyer wrote'
kill -9 "$(daemon_child)"
wait "$daemon" 2>/dev/null || true
daemon=
wait_store_free "$work/store"
start_daemon "$work/store" "$work/policy.yaml"
code 0 "$bailee" log query --op open --uid 61002 --json
[ "$(wc -l <"$work/out")" = 2 ] || fail "$(wc -l <"$work/out") of 2 opens are in the log"
code 0 "$bailee" log query --op hold-added --json
[ "$(wc -l <"$work/out")" = 1 ] || fail "the hold is not in the log"

# Off again, without a restart.
policy 2 '{durability: before-answer}'
until [ "$("$bailee" status --json | jq .policy_serial)" = 2 ]; do [ -d "/proc/$daemon" ] || fail "the daemon ended"; done
[ "$("$bailee" status --json | jq .log.bounded_ms)" = 0 ] || fail "still bounded"
before=$(reads)
view 61002 "$work/view-3"
python3 "$work/reader.py" "$work/view-3" 100 || fail "no reads"
kill -9 "$(daemon_child)"
wait "$daemon" 2>/dev/null || true
daemon=
wait_store_free "$work/store"
start_daemon "$work/store" "$work/policy.yaml"
[ $(($(reads) - before)) -ge 100 ] || fail "$(($(reads) - before)) of 100 reads survived a kill -9"
key=$(public_key)
stop_daemon
code 13 "$bailee" log verify --log "$work/store/log" --key "$key"
code 13 "$bailee" log verify --log "$work/store/log" --kit "$work/store/auditor.kit"
