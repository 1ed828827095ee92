#!/bin/sh
# Sealed sessions (tests/bench/session.c says what is timed). In a mount namespace of our own whose /proc hides; leaves nothing behind.
#   - start_ms: from the request to the first screen, and from its key to the viewer's first bytes, one at a time; the median of 40
#   - read_vs_open_mount: `grep -c` over 128 MiB of mail inside, against the same on an open mount of somebody who may copy; both again, so
#     that the gate knows the file on both sides; they take turns, the best of each counts. The process of grep and its start are in both.
#   - fifty: as many sessions of less at once, of four people. mib_each: what process 1 and the holder have for themselves (Pss), and what the daemon grew by,
#     for each; the viewer itself is not counted. left: processes and mounts that are there when all have ended.
#
#   session.sh BUILD      (run.sh does it)
set -eu

build=${1:?use: session.sh BUILD}
bailee=$build/bailee
PATH=$PATH:/usr/sbin:/sbin
skip() {
	echo "bench: skipped: session: $*"
	exit 0
}
[ "$(id -u)" = 0 ] || skip "it needs root"
for tool in setpriv unshare less jq; do command -v $tool >/dev/null || skip "$tool is not installed"; done
[ "${2:-}" = inside ] || exec unshare -m --propagation private sh -c 'mount -t proc -o hidepid=invisible proc /proc && exec sh "$1" "$2" inside' bench "$0" "$build"

work=$(mktemp -d /tmp/bailee-bench-session.XXXXXX)
chmod 755 "$work"
service=
crowd=
clean() {
	trap '' INT TERM HUP
	set +e
	exec 7>&-
	for pid in $crowd; do wait "$pid"; done
	[ -z "$service" ] || kill "$service"
	[ -z "$service" ] || wait "$service"
	rm -rf "$work"
}
trap clean EXIT
trap 'exit 130' INT TERM HUP
say() { printf 'bench: %s %s %s\n' "$@"; }
as() {
	uid=$1
	shift
	setpriv --reuid="$uid" --regid="$uid" --clear-groups "$@"
}
cat >"$work/policy.yaml" <<'EOF'
bailee: 1
name: bench
serial: 1
timezone: UTC
uses: [builtin/baseline]
people:
  uid:61001: {roles: [looker, copier]}
  uid:61002: {roles: [looker]}
  uid:61003: {roles: [looker]}
  uid:61004: {roles: [looker]}
roles: {looker: {}, copier: {}}
detect: {sets: [contact, payment]}
defaults: {access: forbid, mask: fill, unscanned: withhold}
rules:
  - {id: look, permit: [list, read], who: [looker], why: They look.}
  - {id: carry, permit: [copy], who: [copier], why: They copy.}
sessions: {viewers: [grep, cat, ls]}
EOF
sed 's/viewers: .*}/viewers: [less]}/; s/serial: 1/serial: 2/' "$work/policy.yaml" >"$work/less.yaml"
mkdir "$work/device" "$work/view"
"$build/test/tools/bench-load" mail "$work/device" 2 64
chown 61001:61001 "$work/view"
mkfifo "$work/ready" "$work/keep"
export BAILEE_STORE="$work/store"
"$bailee" serve --store "$work/store" --policy "$work/policy.yaml" >"$work/ready" 2>"$work/err" &
service=$!
read -r _ <"$work/ready"
"$bailee" enroll "$work/device" --device D1 --kind disk >/dev/null
as 61001 "$bailee" open "$work/view" >/dev/null

client="$build/bench/session"
export MARK=mail-00
as 61001 "$client" start D1 1 ls >/dev/null
as 61001 "$client" start D1 40 ls >"$work/start"
median() { sort -n | awk '{ v[NR] = $1 } END { printf "%.1f", v[int((NR + 1) / 2)] / 1000 }'; }
say session.start_ms "$(awk '{ print $1 + $2 }' "$work/start" | median)" ms
say session.start_ms.screen "$(awk '{ print $1 }' "$work/start" | median)" ms
say session.start_ms.viewer "$(awk '{ print $2 }' "$work/start" | median)" ms

# One round each to know the files; then turns.
inside() { as 61001 "$client" read D1 1 grep -c Subject mail-00.txt mail-01.txt; }
outside() {
	as 61001 perl -MTime::HiRes=time -e 'my $t = time; system(@ARGV); printf "%d\n", (time - $t) * 1e6' \
		sh -c "grep -c Subject '$work/view/D1/mail-00.txt' '$work/view/D1/mail-01.txt' | cat >/dev/null"
}
inside >/dev/null
outside >/dev/null
for _ in 1 2 3 4 5; do
	inside >>"$work/inside"
	outside >>"$work/outside"
done
say session.read_vs_open_mount "$(awk -v a="$(sort -n "$work/inside" | head -1)" -v b="$(sort -n "$work/outside" | head -1)" 'BEGIN { printf "%.2f", b / a }')" x
as 61001 "$bailee" close "$work/view" >/dev/null

# ---- fifty at once
export MARK=Subject
"$bailee" policy load "$work/less.yaml" >/dev/null
as 61001 "$client" start D1 1 less mail-00.txt >/dev/null
daemon=$(for child in $(cat "/proc/$service/task/$service/children"); do
	if [ "$(readlink "/proc/$child/exe")" = "$bailee" ]; then echo "$child"; fi
done)
pss() { awk '/^Pss:/ { s += $2 } END { print s + 0 }' "/proc/$1/smaps_rollup"; }
before=$(pss "$daemon")
exec 7<>"$work/keep"
for uid in 61001 61002 61003 61004; do
	[ $uid = 61004 ] && count=11 || count=13
	(
		exec 7>&-
		exec setpriv --reuid=$uid --regid=$uid --clear-groups "$client" many D1 $count less mail-00.txt <"$work/keep" >"$work/many.$uid"
	) &
	crowd="$crowd $!"
done
for uid in 61001 61002 61003 61004; do
	until grep -q ready "$work/many.$uid"; do sleep 0.01; done
done
say session.fifty_ready_ms "$(sed -n 's/ready //p' "$work"/many.* | sort -n | tail -1 | awk '{ printf "%.0f", $1 / 1000 }')" ms
"$bailee" sessions --json | jq -e '.sessions | length == 50' >/dev/null || { echo "bench: there are no fifty sessions" >&2; exit 1; }
own=0
for process in /proc/[0-9]*; do
	[ "$(readlink "$process/exe" 2>/dev/null)" = "$build/bailee-session" ] || continue
	own=$((own + $(pss "${process#/proc/}")))
done
grown=$(($(pss "$daemon") - before))
say session.fifty_mib_each "$(awk -v o="$own" -v g="$grown" 'BEGIN { printf "%.2f", (o + g) / 50 / 1024 }')" MiB
say session.fifty_mib_each.place "$(awk -v o="$own" 'BEGIN { printf "%.2f", o / 50 / 1024 }')" MiB
exec 7>&-
for pid in $crowd; do wait "$pid"; done
crowd=
until "$bailee" sessions --json | jq -e '.sessions == []' >/dev/null; do :; done
zygotes=0
for process in /proc/[0-9]*; do
	[ "$(readlink "$process/exe" 2>/dev/null)" != "$build/bailee-session" ] || zygotes=$((zygotes + 1))
done
left=$((zygotes - 1))
say session.fifty_left "$left" processes
[ "$left" = 0 ] || exit 1
