# Where a view may be mounted, who may open and close one, and what is left when either process of the daemon dies: nothing.
. "$BAILEE_ROOT/tests/e2e/lib.sh"
need_root
need_fuse
need jq setpriv flock unshare
cat >"$work/policy.yaml" <<'EOF'
bailee: 1
name: mount points
serial: 1
timezone: Europe/Dublin
uses: [builtin/baseline]
people:
  uid:61001: {roles: [copier]}
  uid:61002: {roles: [copier]}
roles: {copier: {}}
detect: {sets: [contact]}
defaults: {access: forbid, mask: fill, unscanned: withhold}
rules:
  - {id: copiers-copy, permit: [list, read, copy], who: [copier], why: Copiers hand masked contents on.}
test_clock: 2026-11-02 10:00
tests:
  - {name: copies, as: 'uid:61002', do: copy, device: disk, file: /a, kind: text, expect: permit, rule: copiers-copy}
EOF
mkdir "$work/source"
echo 'plain words' >"$work/source/a.txt"
start_daemon "$work/store" "$work/policy.yaml"
code 0 "$bailee" enroll "$work/source" --device D1 --kind disk

mounts() { grep -c " $work/.* fuse" /proc/self/mounts || true; }
views() { "$bailee" status --json | jq '.views | length'; }
own() { mkdir -p "$1" && chown "${2:-61001}:${2:-61001}" "$1"; }

# refuses UID CODE TEXT ARGUMENTS...: no view, one clear line, and nothing mounted.
refuses() {
	uid=$1
	want=$2
	text=$3
	shift 3
	code "$want" as "$uid" "$bailee" open "$@"
	says "$text"
	[ "$(wc -l <"$work/out")" = 1 ] || { cat "$work/out"; fail "more than one line"; }
	[ "$(mounts)" = 0 ] && [ "$(views)" = 0 ] || fail "something is mounted after a refusal"
}
own "$work/full"
touch "$work/full/x"
refuses 61001 2 'not empty' "$work/full"
own "$work/theirs" 61002
refuses 61001 3 'belongs to uid 61002' "$work/theirs"
mkdir "$work/roots"
refuses 61001 3 'belongs to uid 0' "$work/roots"
echo text >"$work/file"
chown 61001 "$work/file"
refuses 61001 2 'cannot open mount point' "$work/file"
own "$work/mine"
ln -s mine "$work/link"
chown -h 61001 "$work/link"
refuses 61001 2 'cannot open mount point' "$work/link"
refuses 61001 2 'cannot open mount point' "$work/nowhere"
refuses 61001 3 '--for' --for uid:61002 "$work/theirs"
# Who is nobody in the policy has no view, root neither.
own "$work/nobody" 61009
refuses 61009 3 '' "$work/nobody"
# Root for somebody: only where it is theirs.
refuses 0 3 'belongs to uid 61001' --for uid:61002 "$work/mine"
refuses 0 3 'belongs to uid 0' --for uid:61001 "$work/roots"
# A directory of another mount namespace is not ours to mount on.
unshare -m sh -c 'mount -t tmpfs none "$1" && chown 61001:61001 "$1" && shift && exec "$@"' sh "$work/mine" \
	setpriv --reuid=61001 --regid=61001 --clear-groups "$bailee" open "$work/mine" >"$work/out" 2>&1 &&
	fail "a mount point in another namespace is accepted"
says 'mount namespace'
[ "$(mounts)" = 0 ] && [ "$(views)" = 0 ] || fail "something is mounted in another namespace"

# Once per directory; what is mounted shows it read-only and without programs.
view 61001 "$work/mine"
code 0 as 61001 cat "$work/mine/D1/a.txt"
[ "$(grep " $work/mine " /proc/self/mounts | cut -d' ' -f4 | tr , '\n' | grep -cxE 'ro|nosuid|nodev|noexec|user_id=61001')" = 5 ] ||
	fail "mount options"
grep " $work/mine " /proc/self/mounts | grep -q allow_other && fail "allow_other"
code 2 as 61001 "$bailee" open "$work/mine"
says 'open there already'
[ "$(mounts)" = 1 ] || fail "a view on a view"

# Closing: not by another user, by the owner, by root, by number; twice is told.
code 10 as 61002 "$bailee" close "$work/mine"
code 0 as 61001 cat "$work/mine/D1/a.txt"
code 0 as 61001 "$bailee" close "$work/mine"
[ "$(mounts)" = 0 ] || fail "closed and still mounted"
code 10 as 61001 "$bailee" close "$work/mine"
view 61001 "$work/mine"
code 0 "$bailee" close "$work/mine"
code 0 "$bailee" open --for uid:61001 "$work/mine"
code 0 as 61001 cat "$work/mine/D1/a.txt"
code 1 cat "$work/mine/D1/a.txt"
number=$("$bailee" status --json | jq '.views[0].view')
code 10 as 61002 "$bailee" close --view "$number"
code 0 as 61001 "$bailee" close --view "$number"
# With a file open: closed all the same, and what was open reads nothing more.
view 61001 "$work/mine"
mkfifo "$work/go" "$work/said"
as 61001 "$BAILEE_BUILD/test/tools/copy-ways" later read "$work/mine/D1/a.txt" <"$work/go" >"$work/said" 2>"$work/later" &
reader=$!
exec 9>"$work/go" 8<"$work/said"
read -r line <&8
[ "$line" = open ] || fail "no file is open"
code 0 as 61001 "$bailee" close "$work/mine"
[ "$(mounts)" = 0 ] || fail "an open file keeps the mount"
echo >&9
got=0
wait "$reader" || got=$?
[ "$got" = 2 ] && [ -z "$(cat <&8)" ] || fail "a closed view goes on giving bytes ($got)"
exec 8<&- 9>&-

# all_gone: until the daemon has noticed, asked again and again.
all_gone() {
	for i in $(seq 400); do [ "$(views)" != 0 ] || return 0; done
	fail "the daemon does not notice: $1"
}
# Detached behind the daemon's back (a plain umount finds it busy: the monitor holds it): noticed, and the place can be used again.
view 61001 "$work/mine"
fusermount3 -uz "$work/mine"
all_gone 'fusermount3 -uz by root'
view 61001 "$work/mine"
umount -l "$work/mine"
all_gone 'umount -l by root'
[ "$(mounts)" = 0 ] || fail "something stays mounted"

# The daemon is killed: the monitor takes every mount away and says that it did not end well.
own "$work/second" 61002
view 61001 "$work/mine"
view 61002 "$work/second"
kill -9 "$(daemon_child)"
stopped=0
wait "$daemon" || stopped=$?
daemon=
[ "$stopped" != 0 ] || fail "the monitor ends with 0 after its daemon was killed"
[ "$(mounts)" = 0 ] || fail "mounts are left behind by a killed daemon"
code 10 "$bailee" status
wait_store_free "$work/store"
start_daemon "$work/store" "$work/policy.yaml"
view 61001 "$work/mine"
code 0 as 61001 cat "$work/mine/D1/a.txt"

# The monitor is killed: the daemon stops in order, and shows nothing more.
child=$(daemon_child)
at_end "umount -l '$work/mine'"
kill -9 "$daemon"
wait "$daemon" || true
daemon=
wait_store_free "$work/store"
[ ! -e "/proc/$child/exe" ] || ! kill -0 "$child" 2>/dev/null || tail --pid="$child" -f /dev/null
code 1 as 61001 cat "$work/mine/D1/a.txt"
hides 'plain words'
umount -l "$work/mine" 2>/dev/null || true
start_daemon "$work/store" "$work/policy.yaml"
view 61001 "$work/mine"
code 0 as 61001 cat "$work/mine/D1/a.txt"

# An orderly stop leaves nothing, and the log is whole.
key=$(public_key)
stop_daemon
[ "$stopped" = 0 ] || fail "the daemon ended with $stopped"
[ "$(mounts)" = 0 ] || fail "an orderly stop leaves a mount"
code 13 "$bailee" log verify --store "$work/store" --key "$key"
