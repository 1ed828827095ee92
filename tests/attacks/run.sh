#!/bin/sh
# Every attempt of tests/attacks, each with its positive control; see attacks.py.
#
#   run.sh            run all, compare the names with docs/attacks.md; exit 1 when something leaks or too little is validated
#   run.sh --table    run all, write docs/attacks.md
#   run.sh --only PATTERN   only rows whose names match
#   run.sh --controls only the controls
: "${BAILEE_ROOT:=$(cd "$(dirname "$0")/../.." && pwd)}" "${BAILEE_BUILD:=$BAILEE_ROOT/build}"
export BAILEE_ROOT BAILEE_BUILD
# Controls are made where nothing is hidden: in the mount namespace that the caller has.
if [ -z "${BAILEE_HIDDEN_PROC:-}" ]; then
	exec 9</proc/self/ns/mnt
	# A session keyring that the service, a session and whoever listens would share, if anything did.
	[ -n "${ATTACK_JOINED:-}" ] || ATTACK_JOINED=1 exec "$BAILEE_BUILD/test/attacks/attack" joined sh "$0" "$@"
fi
. "$BAILEE_ROOT/tests/e2e/lib.sh"
need_root
need_fuse
need mke2fs mkswap setpriv nsenter unshare less nnn find tree script /usr/bin/python3
hidden_proc "$0" "$@"
/usr/bin/python3 -c 'import pyte' 2>/dev/null || skip "needs python3-pyte"

attack=$BAILEE_BUILD/test/attacks/attack
# The program of a viewers' list: root's, and nobody else can write it.
mkdir -m 755 "$work/bin"
install -m 755 "$attack" "$work/bin/attack"
# What is to be carried out, and what may be broken or run: once in an ordinary folder, once as a device.
marker=$(od -An -N32 -tu1 /dev/urandom | awk '{ for (i = 1; i <= NF; i++) printf "%c", 97 + $i % 16 }')
mkdir -m 755 "$work/plain"
printf '%s\n' "$marker" >"$work/plain/secret.txt"
printf 'something to be destroyed, thirty-two bytes and more of it\n' >"$work/plain/victim.txt"
printf '#!/bin/sh\nexit 42\n' >"$work/plain/script.sh"
install -m 755 "$attack" "$work/plain/runme"
install -m 4755 "$attack" "$work/plain/suid"
head -c 1048576 /dev/zero >"$work/plain/swap"
chmod 600 "$work/plain/swap"
mkswap -q "$work/plain/swap" >/dev/null 2>&1
chmod 755 "$work/plain/script.sh"
awk 'BEGIN { for (i = 0; i < 60000; i++) printf "%06d all that there is to be seen of it stands in this line\n", i }' >"$work/plain/large.txt"
chown 1001:1001 "$work/plain" "$work/plain/secret.txt" "$work/plain/victim.txt"
truncate -s 16M "$work/device.img"
mke2fs -q -t ext4 -d "$work/plain" "$work/device.img"

cat >"$work/policy.yaml" <<POLICY
bailee: 1
name: attacks
serial: 1
timezone: UTC
uses: [builtin/baseline]
people:
  uid:1001: {roles: [looker]}
  uid:1002: {roles: [looker]}
  uid:1005: {roles: [counted]}
  uid:1006: {roles: [counted]}
  uid:1007: {roles: [counted]}
roles: {looker: {}, counted: {}}
detect: {sets: [payment]}
defaults: {access: forbid, mask: fill, unscanned: withhold}
rules:
  - {id: lookers-look, permit: [list, read], who: [looker], why: They look at devices here.}
  - {id: counted-list, permit: [list], who: [counted], why: They see what there is.}
  - {id: counted-look, permit: [read], who: [counted], limits: {shown: 300K per day}, why: They look at some of it.}
sessions: {viewers: [less, nnn, ls, find, tree, grep, $work/bin/attack]}
POLICY
if [ "${1:-}" != --controls ]; then
	start_daemon "$work/store" "$work/policy.yaml"
	code 0 "$bailee" enroll "$work/device.img" --device RMA-1 --kind laptop
fi
exec 8>&1
/usr/bin/python3 "$BAILEE_ROOT/tests/attacks/attacks.py" "$work" "$bailee" "$BAILEE_BUILD/test/attacks" "$BAILEE_ROOT/docs/attacks.md" "$@"
