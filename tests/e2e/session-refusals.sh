# Who gets no sealed session is told why in one line, with the right exit code, it is an event, and nothing is left behind.
. "$BAILEE_ROOT/tests/e2e/lib.sh"
need_root
need_fuse
need jq setpriv unshare less script /usr/bin/python3
person="/usr/bin/python3 $BAILEE_ROOT/tests/tools/person.py"

policy() {
	cat >"$work/policy.yaml" <<EOF
bailee: 1
name: refusals
serial: $1
timezone: UTC
uses: [builtin/baseline]
people:
  uid:61001: {roles: [looker]}
  uid:61002: {roles: [lister]}
roles: {looker: {}, lister: {}}
detect: {sets: [contact]}
defaults: {access: forbid, mask: fill, unscanned: withhold}
rules:
  - {id: all-list, permit: [list], who: [looker, lister], why: Everybody here sees names.}
  - {id: lookers-read, permit: [read], who: [looker], why: Lookers look.}
sessions: {viewers: [less, no-such-viewer-here, '$work/text-viewer'$2]$3}
EOF
}
printf '#!/bin/sh\necho hello\n' >"$work/text-viewer"
chmod 755 "$work/text-viewer"
mkdir "$work/source"
echo 'a gooseberry' >"$work/source/notes.txt"

# refused UID CODE WORDS ARGUMENTS...: at a terminal
refused() {
	uid=$1
	want=$2
	words=$3
	shift 3
	printf 'see %s\nnot gooseberry\nend %s\n' "$words" "$want" >"$work/script"
	$person "$uid" 24x200 "$bailee" view "$@" <"$work/script" >"$work/screen" || { cat "$work/screen"; fail "view $*"; }
}
rule_of_last() { "$bailee" log query --op view-opened --verdict denied --last 1 --json | jq -r .rule; }

if [ -z "${BAILEE_HIDDEN_PROC:-}" ]; then
	# ---- a host whose /proc shows everybody: refused, unless the policy accepts it in words
	policy 1 '' ''
	start_daemon "$work/store" "$work/policy.yaml"
	code 0 "$bailee" enroll "$work/source" --device D1 --kind disk
	if awk '$5 == "/proc"' /proc/self/mountinfo | grep -q hidepid; then
		echo "this host hides already: not tried"
	else
		refused 61001 3 'hidepid' D1
		[ "$(rule_of_last)" = builtin/visible-proc ] || fail "rule: $(rule_of_last)"
		policy 2 '' ', visible_proc: accept'
		code 0 "$bailee" policy load "$work/policy.yaml"
		$person 61001 30x100 "$bailee" view D1 -- less notes.txt >"$work/screen" <<'EOF' || { cat "$work/screen"; fail "accepted"; }
see (the policy
see q: leave
key x
see gooseberry
key q
end 0
EOF
	fi
	stop_daemon
fi
hidden_proc "$0" "$@"
policy 3 '' ''
start_daemon "$work/store" "$work/policy.yaml"
code 0 "$bailee" enroll "$work/source" --device D1 --kind disk

# ---- no terminal, half a terminal, another one's
code 2 as 61001 "$bailee" view D1 </dev/null
says 'terminal'
code 2 as 61001 sh -c "'$bailee' view D1 | cat; exit 2" </dev/null
script -qec "setpriv --reuid=61001 --regid=61001 --clear-groups '$bailee' view D1" /dev/null </dev/null >"$work/out" 2>&1 || true
says 'terminal'
[ "$(rule_of_last)" = builtin/no-terminal ] || fail "rule: $(rule_of_last)"

# ---- no such device, a device that may be listed only, nobody
refused 61001 1 "no device 'NOPE'" NOPE
refused 61001 2 'device' 'a b'
refused 61002 3 'no rule permits it' D1
# whether a device is there is nothing that a stranger learns
refused 61003 1 "no device 'D1'" D1
refused 61003 1 "no device 'NOPE'" NOPE

# ---- viewers
refused 61001 3 'not one of the policy' D1 -- vi notes.txt
refused 61001 3 'not one of the policy' D1 -- sh
[ "$(rule_of_last)" = builtin/viewer ] || fail "rule: $(rule_of_last)"
refused 61001 2 'not installed' D1 -- no-such-viewer-here
refused 61001 2 'not installed' D1 -- text-viewer
refused 61001 3 'not one of the policy' D1 -- /usr/bin/../../bin/cat notes.txt
refused 61001 2 'arguments' D1 -- less $(seq 70)

# ---- a purpose that is too long; arguments that are too long
refused 61001 2 'purpose' --purpose "$(printf '%070d' 0)" D1
refused 61001 2 'arguments' D1 -- less "$(head -c 9000 /dev/zero | tr '\0' a)"

# ---- none of them left anything
"$bailee" sessions --json | jq -e '.sessions == []' >/dev/null || fail "a session is left"
[ "$("$bailee" log query --op session-begun --json | wc -l)" = 0 ] || fail "a refused session has begun"
stop_daemon

# ---- without root there are none, and nothing weaker
need fusermount3
account=$(id -u nobody) # fusermount3 wants an account
mknod "$work/fuse" c 10 229
chmod 666 "$work/fuse"
mount --bind "$work/fuse" /dev/fuse # in this mount namespace only
mkdir "$work/solo" "$work/mount"
chown "$account" "$work/solo" "$work/mount"
code 0 as "$account" "$bailee" mount --store "$work/solo/store" "$work/source=D1" "$work/mount"
at_end "setpriv --reuid=$account --regid=$account --clear-groups '$bailee' umount '$work/mount'"
export BAILEE_STORE="$work/solo/store"
refused "$account" 2 'no sealed session without root' D1
