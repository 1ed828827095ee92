# A sealed session from the first screen to the last: one lands in the device's tree, sees masked contents in ordinary viewers, everything is
# an event under one's own name, the last row says whose screen it is, and nothing stays behind.
. "$BAILEE_ROOT/tests/e2e/lib.sh"
need_root
need_fuse
need jq setpriv unshare nnn less tree file grep /usr/bin/python3
hidden_proc "$0" "$@"
person="/usr/bin/python3 $BAILEE_ROOT/tests/tools/person.py"

cat >"$work/policy.yaml" <<'EOF'
bailee: 1
name: sessions
serial: 1
timezone: Europe/Dublin
uses: [builtin/baseline]
people:
  uid:61001: {roles: [looker]}
  uid:61002: {roles: [lister]}
roles: {looker: {}, lister: {}}
detect: {sets: [contact, payment]}
defaults: {access: forbid, mask: fill, unscanned: withhold}
rules:
  - {id: all-list, permit: [list], who: [looker, lister], why: Everybody here sees names.}
  - {id: lookers-read, permit: [read], who: [looker], why: Lookers look.}
  - {id: mail-shown, permit: [unmask], what: {contains: [email]}, who: [looker], needs: {reason: required}, why: With a reason the address may be seen.}
sessions: {viewers: [nnn, less, ls, find, file, tree, grep, hexdump, mc], idle: 10m, total: 1h}
EOF
mkdir -p "$work/source/folder/deeper"
awk 'BEGIN { for (i = 0; i < 400; i++) printf "line %d of the gooseberry diary, mail kim%d@harbour-inn.example or 4111 1111 1111 1111\n", i, i }' \
	>"$work/source/folder/notes.txt"
printf 'short \303\244\303\266 \346\227\245\346\234\254 one\n' >"$work/source/unicode.txt"
printf 'bad \033]52;c;aGVsbG8=\007 \033[999;999Hlast\033[2J row \033[6n\n' >"$work/source/hostile.txt"

start_daemon "$work/store" "$work/policy.yaml"
code 0 "$bailee" enroll "$work/source" --device D1 --kind disk
code 0 "$bailee" enroll "$work/source/folder" --device D2 --kind disk

# ---- a file browser, a pager, the first screen, the last row
$person 61001 30x100 "$bailee" view D1 >"$work/screen" <<'EOF' || { cat "$work/screen"; fail "browsing"; }
see Sealed session
see device D1
see card
see Logged:
last Ctrl-]
not gooseberry
run "$BAILEE_BUILD/bailee" sessions --json >"$work/sessions" && jq -e '.sessions[0].state == "welcome"' "$work/sessions"
see q: leave
key x
see unicode.txt
see folder
last D1
last uid:61001
not D2
run "$BAILEE_BUILD/bailee" sessions --json >"$work/sessions" && jq -e '.sessions[0] | .state == "running" and .viewer == "nnn" and .device == "D1"' "$work/sessions"
key \r
see notes.txt
key j
key \r
see gooseberry diary
last D1
size 12x60
gone line 25 of
see gooseberry
last D1
size 30x100
see line 25 of
key /line 300 \r
see line 300
key !
key id\r
key q
see notes.txt
key q
end 0
EOF
grep -q 4111 "$work/screen" && fail "a card number was shown"

# ---- what the log says: who, which session, what
code 0 "$bailee" log query --uid 61001 --op session-begun --json
session=$(jq -r .session "$work/out")
[ "$session" -gt 0 ] || fail "no session number"
jq -e '.detail == "nnn"' "$work/out" >/dev/null || fail "no viewer in session-begun"
code 0 "$bailee" log query --op view-opened --json
jq -e --argjson n "$session" 'select(.sequence == $n)' "$work/out" >/dev/null || fail "the session's number is not its opening's"
code 0 "$bailee" log query --uid 61001 --op read --json
[ "$(jq -s --argjson n "$session" '[.[] | select(.session == $n and .device == "D1")] | length' "$work/out")" -gt 0 ] || fail "no read of the session"
code 0 "$bailee" log query --uid 61001 --op session-ended --json
jq -e '.bytes > 1000 and .offset >= .bytes' "$work/out" >/dev/null || fail "no bytes shown in session-ended"
code 0 "$bailee" log query --op shown --json
[ "$(wc -l <"$work/out")" -gt 0 ] || fail "nothing was counted before it was shown"

# ---- every viewer works on masked contents; what prints and ends is paged
for viewer in 'less folder/notes.txt' 'grep -r gooseberry .' 'find .' 'file folder/notes.txt unicode.txt' 'tree' 'ls -l folder' 'hexdump -C folder/notes.txt'; do
	case $viewer in
	less* | grep*) text='gooseberry diary' ;;
	hexdump*) text='6c 69 6e 65' ;;
	file*) text='text' ;;
	*) text=notes.txt ;;
	esac
	printf 'see q: leave\nkey x\nsee %s\nlast session\nnot 4111\nnot harbour-inn\nkey q\nend 0\n' "$text" >"$work/script"
	# shellcheck disable=SC2086
	$person 61001 24x90 "$bailee" view D1 -- $viewer <"$work/script" >"$work/screen" || { cat "$work/screen"; fail "$viewer"; }
done
$person 61001 30x100 "$bailee" view D1 -- mc -u >"$work/screen" <<'EOF' || { cat "$work/screen"; fail "mc"; }
see Sealed
see q: leave
key x
see unicode.txt
last session
key \x1d
end 0
EOF

# ---- unmasked only with the reason that the rule wants
$person 61001 24x90 "$bailee" view --reason 'ticket 12' D1 -- less folder/notes.txt >"$work/screen" <<'EOF' || { cat "$work/screen"; fail "unmask"; }
see q: leave
key x
see kim1@harbour-inn.example
not 4111 1111 1111 1111
key q
end 0
EOF

# ---- what an image says to a terminal never gets there
$person 61001 24x90 "$bailee" view D1 -- less -r hostile.txt >"$work/screen" <<'EOF' || { cat "$work/screen"; fail "hostile"; }
see q: leave
key x
see hostile.txt (END)
last session
not ]52;
not aGVsbG8
not [6n
key q
end 0
EOF

# ---- leaving on the first screen shows nothing, and is no session-begun
before=$("$bailee" log query --op session-begun --json | wc -l)
$person 61001 24x90 "$bailee" view D1 >"$work/screen" <<'EOF' || { cat "$work/screen"; fail "leaving"; }
see Sealed
key q
not unicode.txt
end 0
EOF
[ "$("$bailee" log query --op session-begun --json | wc -l)" = "$before" ] || fail "leaving was an acknowledgement"

# ---- Ctrl-C reaches the viewer, Ctrl-] ends any
$person 61001 24x90 "$bailee" view D1 -- less +F folder/notes.txt >"$work/screen" <<'EOF' || { cat "$work/screen"; fail "ctrl-c"; }
see q: leave
key x
see Waiting for data
key \x03
gone Waiting for data
key \x1d
end 0
EOF

# ---- and nothing is left
code 0 "$bailee" sessions --json
jq -e '.sessions == []' "$work/out" >/dev/null || fail "a session is left"
ours=$(cat "/proc/$daemon/task/$daemon/children")
[ "$(echo "$ours" | wc -w)" = 2 ] || fail "the monitor has other children than the daemon and a bailee-session: $ours"
stop_daemon
[ "$stopped" = 0 ] || fail "the daemon ended with $stopped"
grep -q ' /devices fuse' /proc/self/mountinfo && fail "a mount is left"
for pid in $ours; do
	[ ! -e "/proc/$pid" ] || fail "process $pid is left"
done
exit 0
