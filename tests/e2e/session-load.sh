# Thirty people open, use, leave and lose sessions while policies with other viewers load, holds come and go, and others end them: afterwards
# nothing is left, and the log has the end of everything.
. "$BAILEE_ROOT/tests/e2e/lib.sh"
need_root
need_fuse
need_sessions
need jq less cat head find grep /usr/bin/python3

cat >"$work/policy.yaml" <<'YAML'
bailee: 1
name: first
serial: 1
timezone: UTC
uses: [builtin/baseline]
people:
  uid:61101: {roles: [looker]}
roles: {looker: {}}
detect: {sets: [payment]}
defaults: {access: forbid, mask: fill, unscanned: withhold}
rules:
  - {id: lookers-list, permit: [list], who: [looker], why: Lookers see names.}
YAML
mkdir -p "$work/source"
awk 'BEGIN { for (i = 0; i < 3000; i++) printf "line %d of the gooseberry diary\n", i }' >"$work/source/notes.txt"
start_daemon "$work/store" "$work/policy.yaml"
for id in D1 D2; do
	code 0 "$bailee" enroll "$work/source" --device $id --kind disk
done
/usr/bin/python3 "$BAILEE_ROOT/tests/tools/session-load.py" "$work/store" "$daemon" "${SESSION_LOAD_ROUNDS:-15}" ||
	{ cat "$work/daemon.err"; fail "something is left, or lost"; }
stop_daemon
[ "$stopped" = 0 ] || { cat "$work/daemon.err"; fail "the daemon ended with $stopped"; }
