# The terminal of a sealed session has its modes and its screen back, however the session ends; and where sessions are told of: may,
# status, sessions, the figures.
. "$BAILEE_ROOT/tests/e2e/lib.sh"
need_root
need_fuse
need jq setpriv unshare less stty /usr/bin/python3
hidden_proc "$0" "$@"
person="/usr/bin/python3 $BAILEE_ROOT/tests/tools/person.py"
cat >"$work/policy.yaml" <<'YAML'
bailee: 1
name: terminals
serial: 1
timezone: UTC
uses: [builtin/baseline]
people:
  uid:61001: {roles: [looker]}
  uid:61002: {roles: [lister]}
  uid:61009: {roles: [office]}
roles: {looker: {}, lister: {}, office: {}}
detect: {sets: [contact]}
defaults: {access: forbid, mask: fill, unscanned: withhold}
rules:
  - {id: all-list, permit: [list], who: [looker, lister], why: Everybody here sees names.}
  - {id: lookers-read, permit: [read], who: [looker], when: {purpose: [repair]}, why: Lookers look.}
  - {id: listers-ask, permit: [read], who: [lister], needs: {reason: required}, why: With a reason they look.}
  - {id: office-runs, permit: [review], who: [office], why: They look after it.}
sessions: {viewers: [less]}
YAML
mkdir "$work/source"
mkdir -m 777 "$work/theirs"
echo 'a gooseberry' >"$work/source/notes.txt"
start_daemon "$work/store" "$work/policy.yaml"
code 0 "$bailee" enroll "$work/source" --device D1 --kind disk

# ---- may names the command, to who may
code 0 as 61001 "$bailee" may --purpose repair
says 'Look at it: bailee view --purpose repair D1'
code 0 as 61001 "$bailee" may --purpose repair --reason 'ticket 1'
says 'Look at it: bailee view --purpose repair --reason TEXT D1'
code 0 as 61001 "$bailee" may
grep -q 'bailee view' "$work/out" && fail "a view is named without the purpose that it takes"
code 0 as 61002 "$bailee" may
grep -q ' read  *ask ' "$work/out" || fail "nothing is said of reading"
grep -q 'bailee view' "$work/out" && fail "a view is named to who may not read yet"

# looking WHAT < SCRIPT: as a person's shell sees a view: modes before and after, its code
cat >"$work/shell" <<'SHELL'
cd "$1" || exit 1
rm -f pid before after tty
ln -s "$(tty)" tty
stty -g >before
sh -c 'echo $$ >pid; exec "$@"' view "$2" view --purpose repair D1 -- less notes.txt
echo "code $?"
stty -g >after
cmp before after && echo "modes are back"
SHELL
looking() {
	cat >"$work/script"
	$person 61001 24x100 sh "$work/shell" "$work/theirs" "$bailee" <"$work/script" >"$work/screen" || { cat "$work/screen"; fail "$1"; }
	grep -q 'modes are back' "$work/screen" || { cat "$work/screen"; fail "$1: the terminal is not as it was"; }
	# The screen is the shell's again: nothing of the device, nor of the last row, is on it.
	if grep -q 'gooseberry\|uid:61001' "$work/screen"; then
		cat "$work/screen"
		fail "$1: something stays on the screen"
	fi
}

# ---- a viewer's end, and a first screen that is left
looking 'a viewer that ends' <<SCRIPT
see q: leave
key x
see gooseberry
last uid:61001
key q
see code 0
end 0
SCRIPT
looking 'leaving' <<SCRIPT
see Sealed
key q
see code 0
end 0
SCRIPT
grep -q '^session ended *$' "$work/screen" || fail "who left is told: $(cat "$work/screen")"

# ---- what others are told meanwhile; another's hand
cat >"$work/told" <<'TOLD'
set -e
by() { uid=$1; shift; setpriv --reuid="$uid" --regid="$uid" --clear-groups "$bailee" "$@"; }
"$bailee" sessions >"$work/table"
grep -q '^SESSION  PERSON  *DEVICE  PURPOSE  VIEWER  SINCE (UTC)  *IDLE  SHOWN$' "$work/table"
grep -Eq '^ *[0-9]+  uid:61001  D1  *repair  *less  *20[0-9]{2}-[0-9]{2}-[0-9]{2} [0-9:]{5}  *[0-9]+s  *[0-9]+B$' "$work/table"
number=$(awk 'NR == 2 {print $1}' "$work/table")
"$bailee" status >"$work/status"
grep -q "^sealed  $number  uid:61001 for repair  since 20.*  D1$" "$work/status"
[ "$(grep -c '^views ' "$work/status")" = 0 ]
"$bailee" status --metrics "$work/figures.prom"
grep -qx 'bailee_sessions 1' "$work/figures.prom"
by 61002 sessions | grep -q 'no sealed session'
by 61002 sessions end "$number" && exit 1
by 61009 sessions | grep -q uid:61001
by 61009 sessions end "$number" --reason 'go home' | grep -q "session $number is ended"
TOLD
export bailee work
looking 'ended by somebody' <<SCRIPT
see Sealed
run "$bailee" sessions | grep -q 'less (first screen)'
see q: leave
key x
see gooseberry
run sh "$work/told"
see session ended: it was ended by uid 61009
see code 3
end 0
SCRIPT
code 0 "$bailee" sessions
says 'no sealed session is open'
code 2 "$bailee" sessions end x
code 2 "$bailee" sessions finish 3
code 1 "$bailee" sessions end 999999

# ---- signals from outside; one that would stop it does not
for signal in 'TERM 143 Terminated' 'HUP 129 Hangup' 'INT 130 Interrupt' 'QUIT 131 Quit'; do
	# shellcheck disable=SC2086 # three words
	set -- $signal
	looking "SIG$1" <<SCRIPT
see q: leave
key x
see gooseberry
run kill -TSTP \$(cat "$work/theirs/pid") && kill -$1 \$(cat "$work/theirs/pid")
see session ended: $3
see code $2
end 0
SCRIPT
done

# ---- stopped by what nobody can catch, with the modes taken back as a shell does: it goes on as before
cat >"$work/stop" <<'STOP'
pid=$(cat pid)
kill -STOP "$pid"
until grep -q '^State:.T' "/proc/$pid/status"; do :; done
stty icanon echo <tty
kill -CONT "$pid"
until stty -a <tty | grep -q -- '-icanon'; do :; done
STOP
looking 'stopped and continued' <<SCRIPT
see q: leave
key x
see gooseberry
run cd "$work/theirs" && sh "$work/stop"
key q
see code 0
end 0
SCRIPT

# ---- the service is gone without a word: the client itself gives everything back
cat >"$work/kill" <<'KILL'
for pid in $(cat "/proc/$1/task/$1/children"); do
	[ "$(cat "/proc/$pid/comm")" != bailee ] || kill -9 "$pid"
done
KILL
looking 'kill -9 of the daemon' <<SCRIPT
see q: leave
key x
see gooseberry
run sh "$work/kill" $daemon
see error: view: the service is gone
see code 1
end 0
SCRIPT
wait "$daemon" || true
daemon=
exit 0
