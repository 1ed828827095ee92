#!/bin/sh
# The figures: lines `bench: NAME VALUE UNIT`; what could not be measured is said. Bailee and its peers take turns, the best of
# all rounds counts. As root on an idle machine. Leaves nothing behind, also when interrupted.
#
#   run.sh BUILD      (make bench; ROUNDS=5)
#
# What is compared, so that it is fair:
#   - One ext4 image each for Bailee and its peers, in the page cache (read once before). fuse2fs serves the image itself,
#     bindfs a mount of it by the kernel.
#   - Loads open with O_DIRECT, so that every read of every side is a request that its daemon answers, first and again.
#     (fuse2fs is faster so than through the page cache, too.) Peers show what is there, without masks and without a log.
#   - seq1m: four files of 64 MiB of mail, a reader each, 1 MiB at a time. first: a fresh store, nothing known of the file; kept: a fresh
#     daemon, on a store that has kept what was found.
#   - rand4k, walk: 64 requests in flight, from 64 threads; .d1: from one. The walk lists and stats 100,000 files in 1,100
#     directories of a fresh mount, with a fresh daemon.
#   - reload: eight readers of two views while a thousand policies are loaded, one right after the other; and as long without.
#   - vault: see tests/bench/vault.c; reads of a sealed image against the same image enrolled plain, through one view.
#   - Every answer of Bailee is in its log, on disk, before it is given; the store lies on the disk of /tmp. Where it says bounded,
#     permitted reads and stats are there within 20 ms instead (audit: {durability: bounded, bounded: 20ms}).
#   - nolog: the same program and policy with a log that forgets everything (tests/tools/nolog.c). Both are mounted at the same time
#     and take turns.
set -eu

build=${1:?use: run.sh BUILD}
rounds=${ROUNDS:-5}
bailee=$build/bailee
nolog=$build/test/tools/bailee-nolog
load=$build/test/tools/bench-load
PATH=$PATH:/usr/sbin:/sbin
unset BAILEE_STORE XDG_STATE_HOME
work=$(mktemp -d /tmp/bailee-bench.XXXXXX)
readers='' service=''

is_mounted() { grep -q " $work/$1 " /proc/self/mounts; }
# peer NAME COMMAND...: a file system daemon that holds a lock until it has ended
peer() {
	lock=$work/lock.$1
	shift
	(
		flock 9
		exec "$@"
	) 9>"$lock" >/dev/null
}
unmount_peers() {
	for name in bindfs fuse2fs kernel; do
		if is_mounted $name; then umount "$work/$name" || umount -l "$work/$name"; fi
		[ ! -e "$work/lock.$name" ] || flock "$work/lock.$name" true
	done
}
# stop VIEW: the daemon has ended when its store's lock is free
stop() {
	if is_mounted "$1"; then "$bailee" umount "$work/$1" || umount -l "$work/$1"; fi
	[ ! -e "$work/store.$1/bailee.store" ] || flock "$work/store.$1/bailee.store" true
}
clean() {
	trap '' INT TERM HUP
	set +e
	[ -z "$readers" ] || kill "$readers"
	[ -z "$service" ] || kill "$service"
	[ -z "$service" ] || wait "$service"
	unmount_peers
	for view in view bounded nolog; do stop $view; done
	rm -rf "$work"
}
trap clean EXIT
trap 'exit 130' INT TERM HUP

say() { printf 'bench: %s %s %s\n' "$@"; }
skipped() { echo "bench: skipped: $*"; }
has() { command -v "$1" >/dev/null; }

# timed NAME COMMAND...: the microseconds that the load says, into $work/t.NAME, a line per round
timed() {
	name=$1
	shift
	"$@" >"$work/out"
	cut -d' ' -f1 <"$work/out" >>"$work/t.$name"
}
best() { sort -n "$work/t.$1" | head -1; }
# faster NAME OURS PEER: how many times faster than the peer
faster() { say "$1" "$(awk -v a="$(best "$2")" -v b="$(best "$3")" 'BEGIN { printf "%.2f", b / a }')" x; }
rate() { say "$1" "$(awk -v a="$(best "$2")" -v n="$3" 'BEGIN { printf "%.3f", n / a }')" "$4"; }

# start PROGRAM VIEW IMAGE OPTION...: mounted there, with a store of that name
start() {
	program=$1 view=$2 image=$3
	shift 3
	if ! "$program" mount --store "$work/store.$view" "$@" "$work/$image.img=$image" "$work/$view" >"$work/said.$view" 2>&1; then
		cat "$work/said.$view" >&2
		exit 1
	fi
}
start_bailee() { # IMAGE
	start "$bailee" view "$1"
	ours=$work/view/$1/p1-ext4
}
start_bounded() { # IMAGE
	start "$bailee" bounded "$1" --policy "$work/bounded.yaml"
}
start_nolog() { # IMAGE
	start "$nolog" nolog "$1" --policy "$work/bounded.yaml"
	grep -q '^no log: for measuring only$' "$work/said.nolog"
}
# What 'bailee mount' takes without a policy, and the bound.
bounded_policy() {
	cat <<EOF
bailee: 1
name: solo
serial: 1
timezone: UTC
uses: [builtin/baseline]
people: {'uid:$(id -u)': {roles: [owner]}}
roles: {owner: {}}
detect:
  sets: [contact, payment, government-id, health, device, network, vehicle, secrets, location]
  customer: true
defaults: {access: forbid, mask: fill, unscanned: withhold}
audit: {durability: bounded, bounded: 20ms}
rules:
  - {id: solo-looks, permit: [list, stat, read, copy], who: [owner], why: You mounted this device yourself and see it masked.}
EOF
}
# The most memory that any process of the daemon ever had, in KiB.
peak_memory() {
	for process in /proc/[0-9]*; do
		grep -qs "$work" "$process/cmdline" || continue
		[ "$(readlink "$process/exe")" = "$bailee" ] || continue
		sed -n 's/^VmHWM:[[:space:]]*\([0-9]*\).*/\1/p' "$process/status"
	done | sort -n | tail -1
}
peers_on() { # IMAGE
	if [ -n "$with_bindfs" ]; then
		mount -o ro,loop "$work/$1.img" "$work/kernel"
		peer bindfs bindfs -o ro --multithreaded "$work/kernel" "$work/bindfs"
	fi
}

make_images() {
	mkdir "$work/mail" "$work/tree" "$work/view" "$work/bounded" "$work/nolog" "$work/bindfs" "$work/fuse2fs" "$work/kernel"
	bounded_policy >"$work/bounded.yaml"
	"$load" mail "$work/mail" 4 64
	"$load" tree "$work/tree" 100000
	mke2fs -q -F -t ext4 -d "$work/mail" "$work/mail.img" 300M >/dev/null
	mke2fs -q -F -t ext4 -N 110000 -d "$work/tree" "$work/tree.img" 128M >/dev/null
	rm -rf "$work/mail" "$work/tree"
	sync -f "$work"
	cat "$work/mail.img" "$work/tree.img" >/dev/null
}

files() { echo "$1/mail-00.txt $1/mail-01.txt $1/mail-02.txt $1/mail-03.txt"; }

measure_reads() {
	# A store that was there before keeps what was found in the files: then nothing would be looked into.
	rm -rf "$work/store.view"
	start_bailee mail
	timed first "$load" seq 4 $(files "$ours")
	if [ -n "$with_fuse2fs" ]; then
		peer fuse2fs fuse2fs -o ro "$work/mail.img" "$work/fuse2fs"
		timed fuse2fs "$load" seq 4 $(files "$work/fuse2fs")
		unmount_peers
	fi
	peers_on mail
	[ -z "$with_bindfs" ] || "$load" seq 4 $(files "$work/bindfs") >/dev/null
	timed again "$load" seq 4 $(files "$ours")
	[ -z "$with_bindfs" ] || timed bindfs "$load" seq 4 $(files "$work/bindfs")
	timed rand "$load" rand 64 50000 $(files "$ours")
	[ -z "$with_bindfs" ] || timed bindfs-rand "$load" rand 64 50000 $(files "$work/bindfs")
	timed rand1 "$load" rand 1 5000 $(files "$ours")
	[ -z "$with_bindfs" ] || timed bindfs-rand1 "$load" rand 1 5000 $(files "$work/bindfs")
	peak_memory >>"$work/t.memory"
	unmount_peers
	stop view
	begun=$(date +%s%N)
	start_bailee mail
	ls "$ours" >/dev/null
	echo $((($(date +%s%N) - begun) / 1000)) >>"$work/t.ready"
	timed kept "$load" seq 4 $(files "$ours")
	stop view
}

# Both know the files already: what is measured is the way of a request, and the log. Many short turns: both meet a quiet moment.
measure_bounded() {
	start_bounded mail
	start_nolog mail
	for side in bounded nolog; do "$load" seq 4 $(files "$work/$side/mail/p1-ext4") >/dev/null; done
	turn=0
	while [ "$turn" -lt 16 ]; do
		for side in bounded nolog; do timed $side "$load" rand 64 10000 $(files "$work/$side/mail/p1-ext4"); done
		for side in bounded nolog; do timed ${side}1 "$load" rand 1 5000 $(files "$work/$side/mail/p1-ext4"); done
		turn=$((turn + 1))
	done
	stop bounded
	stop nolog
}
measure_walk_bounded() {
	start_bounded tree
	timed bounded-walk1 "$load" walk 1 "$work/bounded/tree/p1-ext4"
	stop bounded
}

# measure_walk DEPTH NAME
measure_walk() {
	start_bailee tree
	timed "$2" "$load" walk "$1" "$ours"
	peak_memory >>"$work/t.memory"
	stop view
	[ -n "$with_bindfs" ] || return 0
	peers_on tree
	timed "bindfs-$2" "$load" walk "$1" "$work/bindfs"
	unmount_peers
}

# Eight readers of two views, while COMMAND runs: COUNT P50 P999 MAX (microseconds) into $work/waits
readers_while() {
	mkfifo "$work/go" "$work/said"
	"$build/test/tools/reload-load" read "61002:$work/one" "61003:$work/two" <"$work/go" >"$work/said" &
	readers=$!
	exec 9>"$work/go" 8<"$work/said"
	read -r line <&8
	"$@"
	exec 9>&-
	read -r line <&8
	exec 8<&-
	wait "$readers"
	readers=
	rm "$work/go" "$work/said"
	echo "$line" >"$work/waits"
}
reload_policy() { # STYLE
	cat <<EOF
bailee: 1
name: reloads
serial: SERIAL
timezone: UTC
uses: [builtin/baseline]
people: {'uid:61002': {roles: [one]}, 'uid:61003': {roles: [two]}}
roles: {one: {}, two: {}}
detect: {sets: [contact, payment]}
defaults: {access: forbid, mask: fill, unscanned: withhold}
rules:
  - {id: looks-$1, permit: [list, read, copy], who: [one, two], why: They look at devices here.}
  - {id: tail, mask: {card: $1}, who: [two], why: Cards are matched to receipts.}
EOF
}
start_service() {
	mkdir "$work/files" "$work/one" "$work/two"
	chown 61002 "$work/one"
	chown 61003 "$work/two"
	chmod 755 "$work"
	for i in 1 2 3 4 5 6 7 8; do
		yes 'mail kim@inn.example, card 4111 1111 1111 1111' | head -c 32768 >"$work/files/$i.txt"
	done
	reload_policy fill >"$work/a"
	reload_policy keep-last-4 >"$work/b"
	sed 's/SERIAL/1/' "$work/a" >"$work/first.yaml"
	chmod 644 "$work/first.yaml"
	mkfifo "$work/ready"
	"$bailee" serve --store "$work/reloads" --policy "$work/first.yaml" >"$work/ready" &
	service=$!
	read -r line <"$work/ready"
}
measure_reloads() {
	start_service
	export BAILEE_STORE="$work/reloads"
	"$bailee" enroll "$work/files" --device D1 --kind disk >/dev/null
	for person in 61002:one 61003:two; do
		uid=${person%:*}
		setpriv --reuid="$uid" --regid="$uid" --clear-groups "$bailee" open "$work/${person#*:}" >/dev/null
	done
	for first in 2 1002; do
		begun=$(date +%s%N)
		readers_while "$build/test/tools/reload-load" loads "$work/reloads/socket" 1000 "$first" "$work/a" "$work/b"
		took=$((($(date +%s%N) - begun) / 100000000))
		cat "$work/waits" >>"$work/t.reload"
		readers_while sleep "$((took / 10)).$((took % 10))"
		cat "$work/waits" >>"$work/t.quiet"
	done
	unset BAILEE_STORE
	kill "$service"
	wait "$service" || true
	service=
}
# waited COLUMN NAME: the better of the rounds, in ms
waited() { awk -v c="$1" '{ print $c / 1000 }' "$work/t.$2" | sort -n | head -1; }
say_reloads() {
	for figure in p999:3 max:4; do
		column=${figure#*:}
		figure=${figure%:*}
		with=$(waited "$column" reload)
		without=$(waited "$column" quiet)
		say "reload.wait_ms_$figure" "$with" ms
		say "reload.wait_ms_$figure.without" "$without" ms
		say "reload.wait_${figure}_vs_without" "$(awk -v a="$with" -v b="$without" 'BEGIN { printf "%.2f", a / b }')" x
	done
}

# One service, the same image plain and sealed, one view; both take turns. again: the masks are known, so what is left is the way
# of the bytes, and of a sealed image the cipher (some 5 GB/s a core). hot: 16 MiB, which the hot chunks hold; cold: 256 MiB,
# which they do not.
vault_policy() {
	cat <<EOF
bailee: 1
name: vault
serial: 1
timezone: UTC
uses: [builtin/baseline]
people: {'uid:61002': {roles: [one]}}
roles: {one: {}}
detect: {sets: [contact, payment]}
defaults: {access: forbid, mask: fill, unscanned: withhold}
rules:
  - {id: looks, permit: [list, read, copy], who: [one], why: They look at devices here.}
EOF
}
start_vault() {
	mkdir -p "$work/vault" "$work/hot"
	chown 61002 "$work/vault"
	chmod 755 "$work"
	"$load" mail "$work/hot" 1 16
	mke2fs -q -F -t ext4 -d "$work/hot" "$work/hot.img" 24M >/dev/null
	vault_policy >"$work/vault.yaml"
	chmod 644 "$work/vault.yaml"
	export BAILEE_STORE="$work/vaults"
	serve_vault
	for image in mail hot; do
		"$bailee" enroll "$work/$image.img" --device "plain-$image" --kind disk >/dev/null
		"$bailee" intake "$work/$image.img" --device "sealed-$image" --kind disk >/dev/null 2>&1
	done
	unserve_vault
	cat "$work/mail.img" "$work/hot.img" "$work"/vaults/devices/*/image/data >/dev/null
}
serve_vault() {
	rm -f "$work/ready"
	mkfifo "$work/ready"
	"$bailee" serve --store "$work/vaults" --policy "$work/vault.yaml" >"$work/ready" &
	service=$!
	read -r line <"$work/ready"
	rm "$work/ready"
}
unserve_vault() {
	kill "$service"
	wait "$service" || true
	service=
}
view_vault() { setpriv --reuid=61002 --regid=61002 --clear-groups "$bailee" open "$work/vault" >/dev/null; }
loaded() { # NAME COMMAND...: timed, as the view's person
	name=$1
	shift
	timed "$name" setpriv --reuid=61002 --regid=61002 --clear-groups "$load" "$@"
}
measure_vault() {
	start_vault
	# A fresh service knows nothing of the files: it looks them through, as when an employee opens a device.
	for sides in 'plain sealed' 'sealed plain' 'plain sealed' 'sealed plain'; do
		serve_vault
		view_vault
		for side in $sides; do loaded "$side-first" seq 4 $(files "$work/vault/$side-mail/p1-ext4"); done
		unserve_vault
	done
	serve_vault
	view_vault
	turn=0
	while [ "$turn" -lt 8 ]; do
		for side in plain sealed; do
			loaded "$side-again" seq 4 $(files "$work/vault/$side-mail/p1-ext4")
			loaded "$side-hot" rand 64 20000 "$work/vault/$side-hot/p1-ext4/mail-00.txt"
			loaded "$side-hot1" rand 1 3000 "$work/vault/$side-hot/p1-ext4/mail-00.txt"
			loaded "$side-cold" rand 64 10000 $(files "$work/vault/$side-mail/p1-ext4")
		done
		turn=$((turn + 1))
	done
	peak_memory >"$work/t.vault-memory"
	unset BAILEE_STORE
	unserve_vault
}
say_vault() {
	faster vault.read_seq_vs_plain sealed-first plain-first
	faster vault.read_seq_vs_plain.again sealed-again plain-again
	faster vault.read_rand4k_vs_plain sealed-hot plain-hot
	faster vault.read_rand4k_vs_plain.d1 sealed-hot1 plain-hot1
	faster vault.read_rand4k_vs_plain.cold sealed-cold plain-cold
	rate vault.read_seq_gbps sealed-first 268435.456 GB/s
	rate vault.read_seq_gbps.again sealed-again 268435.456 GB/s
	say vault.peak_mib "$(awk '{ printf "%.1f", $1 / 1024 }' "$work/t.vault-memory")" MiB
}

for name in policy policy-hostile detect audit query image; do
	"$build/bench/$name"
done
# detect.vs_grep: the same bytes, seven kinds, one core; grep finds shapes only, and lines.
"$build/bench/detect" "$work/detect.mail" >"$work/t.detect"
for turn in 1 2 3; do
	begun=$(date +%s%N)
	LC_ALL=C grep -a -c -E '[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+\.[A-Za-z]{2,}|[0-9]{4}[ -]?[0-9]{4}[ -]?[0-9]{4}[ -]?[0-9]{1,4}|[A-Z]{2}[0-9]{2} ?([A-Z0-9]{4} ?){3,7}|\+?[0-9]{1,3}[ -]\(?[0-9]{2,4}\)?[ -][0-9]{3,4}([ -][0-9]{3,4})?|[0-9]{3}-[0-9]{2}-[0-9]{4}|([0-9]{1,3}\.){3}[0-9]{1,3}|([0-9A-Fa-f]{2}[:-]){5}[0-9A-Fa-f]{2}' \
		"$work/detect.mail" | cat >/dev/null
	echo $((($(date +%s%N) - begun) / 1000)) >>"$work/t.grep"
done
say detect.vs_grep "$(awk -v a="$(cat "$work/t.detect")" -v b="$(best grep)" 'BEGIN { printf "%.2f", b / 1e6 / a }')" x
rm "$work/detect.mail"
mkdir "$work/scratch"
"$build/bench/vault" "$work/scratch"
"$build/bench/inspect" "$work/scratch"
rm -rf "$work/scratch"
sh "$(dirname "$0")/journald.sh" "$build"
sh "$(dirname "$0")/session.sh" "$build"
sh "$(dirname "$0")/read.sh" "$build"
sh "$(dirname "$0")/big.sh" "$build"
if [ "$(id -u)" != 0 ]; then
	skipped "reads and walks: they need root"
	exit 0
fi
if has setpriv; then
	measure_reloads
	say_reloads
else
	skipped "reload.wait_ms: setpriv is not installed (package util-linux)"
fi
with_fuse2fs=$(command -v fuse2fs || true)
with_bindfs=$(command -v bindfs || true)
make_images
if has setpriv; then
	measure_vault
	say_vault
else
	skipped "vault.read: setpriv is not installed (package util-linux)"
fi
round=0
while [ "$round" -lt "$rounds" ]; do
	measure_reads
	[ "$round" -ge 3 ] || measure_walk 64 walk
	[ "$round" -ge 2 ] || measure_walk 1 walk1
	measure_bounded
	[ "$round" -ge 2 ] || measure_walk_bounded
	round=$((round + 1))
done

if [ -n "$with_fuse2fs" ]; then
	faster read.seq1m.masked_first_vs_fuse2fs first fuse2fs
	faster read.seq1m.masked_kept_vs_fuse2fs kept fuse2fs
	rate read.seq1m.fuse2fs_gbps fuse2fs 268435.456 GB/s
else
	skipped "read.seq1m.masked_first_vs_fuse2fs: fuse2fs is not installed (package fuse2fs)"
fi
if [ -n "$with_bindfs" ]; then
	faster read.seq1m.masked_again_vs_bindfs again bindfs
	rate read.seq1m.bindfs_gbps bindfs 268435.456 GB/s
	faster read.rand4k_vs_bindfs rand bindfs-rand
	faster read.rand4k.d1 rand1 bindfs-rand1
	faster read.rand4k.d1_bounded bounded1 bindfs-rand1
	faster walk.stat_cold_vs_bindfs walk bindfs-walk
	faster walk.stat_cold.d1 walk1 bindfs-walk1
	faster walk.stat_cold.d1_bounded bounded-walk1 bindfs-walk1
else
	skipped "read.seq1m.masked_again, read.rand4k, walk.stat_cold: bindfs is not installed (package bindfs)"
fi
faster read.rand4k.bounded_vs_nolog bounded nolog
faster read.rand4k.d1_bounded_vs_nolog bounded1 nolog1
rate read.seq1m.masked_first_gbps first 268435.456 GB/s
rate read.seq1m.masked_again_gbps again 268435.456 GB/s
rate read.rand4k.kiops rand 50000000 1000/s
rate read.rand4k.kiops.d1 rand1 5000000 1000/s
rate read.rand4k.kiops.bounded bounded 10000000 1000/s
rate read.rand4k.kiops.d1_bounded bounded1 5000000 1000/s
rate walk.stat_cold.knames_s walk 101100000 1000/s
say mount.ready_ms "$(awk -v a="$(best ready)" 'BEGIN { printf "%.1f", a / 1000 }')" ms
say memory.peak_mib "$(sort -n "$work/t.memory" | awk 'END { printf "%.1f", $1 / 1024 }')" MiB
