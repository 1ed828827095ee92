# A bailee-session that never gets its tree built: whoever asks for a session waits, and nobody else.
. "$BAILEE_ROOT/tests/e2e/lib.sh"
need_root
need_fuse
need jq setpriv unshare less /usr/bin/python3
hidden_proc "$0" "$@"
person="/usr/bin/python3 $BAILEE_ROOT/tests/tools/person.py"

# policy FILE SERIAL VIEWERS
policy() {
	cat >"$work/$1" <<YAML
bailee: 1
name: hung
serial: $2
timezone: UTC
uses: [builtin/baseline]
people:
  uid:61001: {roles: [looker]}
roles: {looker: {}}
detect: {sets: [payment]}
defaults: {access: forbid, mask: fill, unscanned: withhold}
rules:
  - {id: lookers, permit: [list, read], who: [looker], why: Lookers look.}
sessions: {viewers: [$3]}
YAML
}
mkdir -p "$work/source" "$work/bin"
echo one >"$work/source/notes.txt"
cp "$BAILEE_BUILD"/bailee "$BAILEE_BUILD"/bailee-reader "$work/bin"
# it ends when the daemon lets go of it, as the real one does
printf '#!/bin/sh\nexec cat <&3\n' >"$work/bin/bailee-session"
chmod 755 "$work/bin/bailee-session"
bailee=$work/bin/bailee
serve_program=$bailee
policy policy.yaml 1 less
start_daemon "$work/store" "$work/policy.yaml"
code 0 "$bailee" enroll "$work/source" --device D1 --kind disk

child=$(daemon_child)
threads() { ls "/proc/$child/task" | wc -l; }
before=$(threads)
printf 'see bailee-session is gone\nend any\n' |
	$person 61001 20x90 "$bailee" view D1 -- less notes.txt >"$work/screen" 2>&1 &
looker=$!
until [ "$(threads)" -gt "$before" ]; do :; done
hung=$(cat "/proc/$daemon/task/$daemon/children")
policy other.yaml 2 'less, cat'
code 0 "$bailee" policy load "$work/other.yaml"
code 0 "$bailee" hold add D1 --reason police
code 0 "$bailee" sessions
grep -q . "$work/screen" && fail 'a policy and a hold waited for the tree of viewers'
for pid in $hung; do [ "$pid" = "$child" ] || kill "$pid"; done
wait "$looker" || { cat "$work/screen"; fail 'who waited was not told'; }
stop_daemon
[ "$stopped" = 0 ] || fail "the daemon ended with $stopped"
