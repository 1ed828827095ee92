# A viewer that waits for a reader which does not answer: what ends its session does not wait for it, nor does anybody else.
. "$BAILEE_ROOT/tests/e2e/lib.sh"
need_root
need_fuse
need jq setpriv unshare less mkfs.ext4 /usr/bin/python3
hidden_proc "$0" "$@"
person="/usr/bin/python3 $BAILEE_ROOT/tests/tools/person.py"

# policy FILE SERIAL LINES
policy() {
	cat >"$work/$1" <<YAML
bailee: 1
name: slow
serial: $2
timezone: UTC
uses: [builtin/baseline]
people:
  uid:61001: {roles: [looker]}
roles: {looker: {}}
detect: {sets: [payment]}
defaults: {access: forbid, mask: fill, unscanned: withhold}
rules:
  - {id: lookers-list, permit: [list], who: [looker], why: Lookers see names.}
  - {id: lookers-read, permit: [read], who: [looker], why: Lookers look.}
$3
sessions: {viewers: [less]}
YAML
}
mkdir -p "$work/source"
awk 'BEGIN { for (i = 0; i < 3000; i++) printf "line %d of the gooseberry diary\n", i }' >"$work/source/notes.txt"
for i in 1 2 3 4 5 6; do cp "$work/source/notes.txt" "$work/source/other$i.txt"; done
truncate -s 16M "$work/image"
mkfs.ext4 -q -d "$work/source" "$work/image"
policy policy.yaml 1 ''
start_daemon "$work/store" "$work/policy.yaml"
code 0 "$bailee" enroll "$work/image" --device D1 --kind disk

# what the person's script calls
cat >"$work/reader" <<'SH'
# the pid of the reader
for exe in /proc/[0-9]*/exe; do
	if [ "$(readlink "$exe")" = "$BAILEE_BUILD/bailee-reader" ]; then echo "${exe%/exe}" | tr -d /a-z; fi
done
SH
cat >"$work/stop-reader" <<'SH'
sh "$0.which" | tail -n 1 >"$0.pid"
kill -STOP "$(cat "$0.pid")"
SH
mv "$work/reader" "$work/stop-reader.which"
# until a viewer waits in the kernel for an answer
cat >"$work/await-viewer" <<'SH'
until for wait in /proc/[0-9]*/wchan; do
	grep -q request_wait_answer "$wait" 2>/dev/null && grep -qx less "${wait%wchan}comm" && break
done; do :; done
SH
# the one that was stopped is still there: nobody waited until it was given up
still_stopped() {
	grep -q '^State:.T' "/proc/$(cat "$work/stop-reader.pid")/status" 2>/dev/null || fail "$1 waited for the reader"
	kill -CONT "$(cat "$work/stop-reader.pid")"
}
# blocked SCRIPT...: somebody's viewer waits for an answer, then the steps of the script
blocked() {
	printf '%s\n' 'key x' 'see line 9' "run sh $work/stop-reader" 'key :n\r' "run sh $work/await-viewer" "$@" >"$work/script"
	$person 61001 20x90 "$bailee" view D1 -- less p1-ext4/notes.txt "p1-ext4/$file" <"$work/script" >"$work/screen" 2>&1 || { cat "$work/screen"; fail "$file"; }
}
# gone WHAT: everything of it is dead and it has its end in the log
gone() {
	"$bailee" sessions --json | jq -e '.sessions == []' >/dev/null || fail "$1: it is still listed"
	"$bailee" log query --op session-ended --json | tail -n 1 >"$work/end"
	jq -e --arg w "$2" '.detail | contains($w)' "$work/end" >/dev/null || { cat "$work/end"; fail "$1: the log does not say why"; }
}

policy closed.yaml 2 '  - {id: closed, forbid: [read], who: everyone, why: Nobody looks today.}'
file=other1.txt
blocked "run $bailee policy load $work/closed.yaml" 'see Nobody looks today' 'end 3' \
	"run until $bailee sessions --json | jq -e '.sessions == []'; do :; done"
gone 'another policy' 'Nobody looks today'
still_stopped 'another policy'

policy open.yaml 3 ''
code 0 "$bailee" policy load "$work/open.yaml"
file=other2.txt
blocked 'key \x1d' 'end 0' "run until $bailee sessions --json | jq -e '.sessions == []'; do :; done"
gone 'Ctrl-]' 'its person left'
still_stopped 'Ctrl-]'
stop_daemon
[ "$stopped" = 0 ] || fail "the daemon ended with $stopped"
