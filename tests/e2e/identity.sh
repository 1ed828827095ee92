# Who somebody is: the uid that the kernel gives, and what accounts and groups say of it when a view is opened and when a policy is
# loaded. Who has no account is only their number; the overflow uid and callers of other user namespaces are nobody.
if [ -z "${BAILEE_TEST_ACCOUNTS:-}" ] && [ "$(id -u)" = 0 ] && command -v unshare >/dev/null; then
	# Accounts of our own: in a mount namespace that ends with us, nothing of this machine's is touched.
	BAILEE_TEST_ACCOUNTS=1 exec unshare -m --propagation private sh "$0"
fi
. "$BAILEE_ROOT/tests/e2e/lib.sh"
need_root
need_fuse
need jq setpriv unshare
for name in passwd group; do
	cp /etc/$name "$work/$name"
	mount --bind "$work/$name" /etc/$name || skip "cannot bind over /etc/$name"
done
cat >>/etc/passwd <<EOF
kim-t:x:62001:62001::/nonexistent:/bin/false
lee-t:x:62002:62100::/nonexistent:/bin/false
sam-t:x:62003:62003::/nonexistent:/bin/false
EOF
# members WHO,...: of the group desk-t, in place as getent sees it
members() {
	sed '/^desk-t:/d' /etc/group >"$work/group.new"
	echo "desk-t:x:62100:$1" >>"$work/group.new"
	cat "$work/group.new" >/etc/group
}
members kim-t
getent group desk-t >/dev/null && getent passwd kim-t >/dev/null || skip "accounts of this machine do not come from /etc"

cat >"$work/policy.yaml" <<EOF
bailee: 1
name: identity
serial: 1
timezone: UTC
uses: [builtin/baseline]
people:
  kim-t: {roles: [clerk]}
  group:desk-t: {roles: [supervisor]}
  uid:62005: {roles: [clerk]}
  uid:65534: {roles: [supervisor, keeper]}
  nobody: {roles: [supervisor, keeper]}
  group:nogroup: {roles: [supervisor, keeper]}
  uid:62001: {roles: [runner]}
  root: {roles: [keeper]}
roles:
  supervisor: {}
  clerk: {}
  runner: {}
  keeper: {}
detect: {sets: [payment]}
defaults: {access: forbid, mask: fill, unscanned: withhold}
rules:
  - {id: supervisors, permit: [list, read, copy], who: [supervisor], why: Supervisors look.}
  - {id: clerks, permit: [list], who: [clerk], why: Clerks count.}
  - {id: runners, permit: [intake], who: [runner], why: Runners take in.}
  - {id: keepers, permit: [administer, review, hold, release, shred, verify, intake, request, approve, list], who: [keeper], why: Keepers do everything.}
EOF
mkdir "$work/files" "$work/etc"
echo hello >"$work/files/a.txt"
cp "$work/policy.yaml" "$work/etc/policy.yaml"
start_daemon "$work/store" "$work/etc/policy.yaml"
code 0 "$bailee" enroll "$work/files" --device D1 --kind disk

# roles_are UID RULE...: the rules that permit this uid something
roles_are() {
	as_uid=$1
	shift
	as "$as_uid" "$bailee" may --json | jq -r 'select(.outcome == "permit") | .rule' | sort -u | tr '\n' ' ' >"$work/rules"
	[ "$(cat "$work/rules")" = "${*:+$* }" ] || fail "uid $as_uid has by rules '$(cat "$work/rules")', wanted '$*'"
}
# Login, number and group add up; a primary group is a group; a number is a number.
roles_are 62001 clerks runners supervisors
roles_are 62002 supervisors
roles_are 62003
roles_are 62005 clerks
# Without an account the kernel's groups prove nothing.
roles_are 62006
setpriv --reuid=62006 --regid=62100 --groups=62100 "$bailee" may --json >"$work/out"
[ ! -s "$work/out" ] || fail "a uid without an account has the group that it says: $(cat "$work/out")"
# With one, only those that the accounts tell of.
setpriv --reuid=62003 --regid=62100 --groups=62100 "$bailee" may --json >"$work/out"
[ ! -s "$work/out" ] || fail "sam is a member by what the process says: $(cat "$work/out")"

# ---- once per view, and again when a policy is loaded ---------------------------------------------------
view 62001 "$work/kim"
view 62002 "$work/lee"
code 0 as 62001 cat "$work/kim/D1/a.txt"
members sam-t
# What is open stays as it was judged; whoever asks anew is judged anew.
code 0 as 62001 cat "$work/kim/D1/a.txt"
roles_are 62001 clerks runners
roles_are 62003 supervisors
code 0 "$bailee" reload
code 1 as 62001 cat "$work/kim/D1/a.txt"
says 'Permission denied'
code 0 as 62001 ls "$work/kim/D1"
says a.txt
code 0 as 62002 cat "$work/lee/D1/a.txt"
view 62003 "$work/sam"
code 0 as 62003 cat "$work/sam/D1/a.txt"
# Into the group again: not before a policy is loaded.
members kim-t
code 1 as 62001 cat "$work/kim/D1/a.txt"
code 0 "$bailee" reload
code 0 as 62001 cat "$work/kim/D1/a.txt"
code 1 as 62003 cat "$work/sam/D1/a.txt"
[ "$(as 62003 ls "$work/sam")" = 'READ ME.txt' ] || fail "who has left the group sees $(as 62003 ls "$work/sam")"
# The account is gone: only the number is left.
sed '/^kim-t:/d' /etc/passwd >"$work/passwd.new"
cat "$work/passwd.new" >/etc/passwd
code 0 as 62001 cat "$work/kim/D1/a.txt"
code 0 "$bailee" reload
[ "$(as 62001 ls "$work/kim")" = 'READ ME.txt' ] || fail "a login outlives its account: $(as 62001 ls "$work/kim")"
roles_are 62001 runners
# Somebody else gets the login: it is theirs, not the number's that had it.
echo 'kim-t:x:62007:62007::/nonexistent:/bin/false' >>/etc/passwd
roles_are 62007 clerks supervisors
roles_are 62001 runners
# A change of the group's number, the same members.
sed 's/^desk-t:x:62100:/desk-t:x:62101:/' /etc/group >"$work/group.new"
cat "$work/group.new" >/etc/group
roles_are 62007 clerks supervisors
roles_are 62002
code 0 "$bailee" reload
[ "$(as 62002 ls "$work/lee")" = 'READ ME.txt' ] || fail "a number of a group that is another's counts"

# ---- nobody -------------------------------------------------------------------------------------------------
mkdir "$work/empty"
# nobody WORD COMMAND...: it is refused, or tells nothing, whichever request it is
nobody() {
	said=$1
	shift
	chown "${owner:-65534}" "$work/empty"
	: >"$work/asked"
	while read -r wanted request; do
		got=0
		# shellcheck disable=SC2086
		"$@" "$bailee" $request >"$work/out" 2>&1 || got=$?
		[ "$got" = "$wanted" ] || fail "$said: bailee $request ended with $got, wanted $wanted: $(cat "$work/out")"
		hides D1
	done <<EOF
3 open $work/empty
3 open --purpose repair $work/empty
0 may
0 requests
0 status
3 people
3 reload
3 policy load $work/etc/policy.yaml
3 hold add D9 --reason ticket
3 hold release D9 --reason ticket
3 shred D9 --reason ticket
3 shred --due --reason ticket
3 request read D9 --reason ticket
3 consent D9 grant repair
3 log query
3 certificate show D9
EOF
	"$@" "$bailee" may --json >"$work/out"
	[ ! -s "$work/out" ] || fail "$said: may $(cat "$work/out")"
	"$@" "$bailee" status --json | jq -e '(has("lapses") or .devices != [] or .views != []) | not' >/dev/null || fail "$said: status tells of others"
}
nobody 'the overflow uid' as 65534
owner=62005
view 62005 "$work/own"
if as 62005 unshare -U true 2>/dev/null; then
	nobody 'another namespace, as its root' as 62005 unshare -U -r
	nobody 'another namespace, without a map' as 62005 unshare -U
	# The store's owner is the owner here, not in a namespace of somebody's making.
	nobody 'root of another namespace' unshare -U -r
	nobody 'root, mapped to somebody else' unshare -U --map-user=62005
	code 10 as 62005 unshare -U -r "$bailee" close "$work/own"
else
	echo "note: no user namespaces for users here"
fi
code 0 as 62005 "$bailee" close "$work/own"
# They are in the log as nobody, and nobody's events are nobody's to read.
[ "$("$bailee" log query --json --uid 65534 | wc -l)" -gt 16 ] || fail "what nobody asked for is not in the log"
number=$("$bailee" log query --json --uid 65534 --op admin | tail -1 | jq .sequence)
code 1 as 65534 "$bailee" why "$number"
stop_daemon
[ "$stopped" = 0 ] || fail "the daemon ended with $stopped"
