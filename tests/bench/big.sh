#!/bin/sh
# Big images, by `bailee mount` as it is: its gate, its log and all. As root; leaves nothing behind; a minute of it makes a million files.
#
#   big.sh BUILD      (ROUNDS=8)
#
#   big.million_ready_ms       from the command to a mount that answers, an image of a million files
#   big.million_first_ms       and from there to the names in its device: the image is opened, and a while is waited for its people
#   big.million_walk_mib       the most that daemon and reader together have had in memory behind a stat of every file
#   big.million_walk_grew_mib  of that, since before the walk
#   memory.mib_at_100k_files   the most, behind a stat of 100,000 files
#   big.tib_vs_small_ready, big.tib_vs_small_first   times of a sparse image of 1 TiB as multiples of one of 64 MiB; the best of all rounds,
#                              which take turns; _first is to a file that was read
set -eu

build=${1:?use: big.sh BUILD}
rounds=${ROUNDS:-8}
load=$build/test/tools/bench-load
PATH=$PATH:/usr/sbin:/sbin
work=$(mktemp -d /tmp/bailee-big.XXXXXX)
export BAILEE_STORE="$work/store"
mount=

is_mounted() { grep -q " $work/$1 " /proc/self/mounts; }
clean() {
	trap '' INT TERM HUP
	set +e
	for place in view kernel; do
		if is_mounted $place; then umount "$work/$place" || umount -l "$work/$place"; fi
	done
	[ -z "$mount" ] || wait "$mount"
	rm -rf "$work"
}
trap clean EXIT
trap 'exit 130' INT TERM HUP

say() { printf 'bench: %s %s %s\n' "$@"; }
now() { date +%s%N; }
ms() { awk -v a="$1" -v b="$2" 'BEGIN { printf "%.0f", (b - a) / 1000000 }'; }
best() { sort -n "$work/t.$1" | head -1; }

# files IMAGE SIZE COUNT: an ext4 image of so many empty files, made by the kernel, which is faster than mke2fs -d by far
files() {
	truncate -s "$2" "$1"
	mke2fs -q -F -t ext4 -O ^has_journal -N "$(($3 + $3 / 10 + 1000))" -E lazy_itable_init=1,nodiscard "$1"
	mount -o loop "$1" "$work/kernel"
	"$load" tree "$work/kernel" "$3"
	umount "$work/kernel"
}
# start IMAGE ID: mounted; $begun is before, $ready when it answers
start() {
	rm -f "$work/ready"
	mkfifo "$work/ready"
	begun=$(now)
	"$build/bailee" mount -f "$1=$2" "$work/view" >"$work/ready" &
	mount=$!
	read -r line <"$work/ready"
	stat "$work/view" >/dev/null
	ready=$(now)
}
stop() {
	umount "$work/view"
	wait "$mount"
	mount=
}
# most: KiB that daemon and reader have had at most
most() {
	for pid in "$mount" $(cat /proc/"$mount"/task/*/children); do
		sed -n 's/^VmHWM:[^0-9]*\([0-9]*\).*/\1/p' "/proc/$pid/status" 2>/dev/null || true
	done | awk '{ all += $1 } END { print all }'
}
mib() { awk -v kib="$1" 'BEGIN { printf "%.1f", kib / 1024 }'; }

if [ "$(id -u)" != 0 ]; then
	echo "bench: skipped: big images: they need root"
	exit 0
fi
mkdir "$work/view" "$work/kernel" "$work/one"

files "$work/100k.img" 200M 100000
start "$work/100k.img" hundred
"$load" walk 1 "$work/view/hundred/p1-ext4" >/dev/null
say memory.mib_at_100k_files "$(mib "$(most)")" MiB
stop
rm "$work/100k.img"

files "$work/million.img" 1200M 1000000
start "$work/million.img" million
say big.million_ready_ms "$(ms "$begun" "$ready")" ms
ls "$work/view/million" >/dev/null
say big.million_first_ms "$(ms "$ready" "$(now)")" ms
before=$(most)
"$load" walk 1 "$work/view/million/p1-ext4" >/dev/null
after=$(most)
say big.million_walk_mib "$(mib "$after")" MiB
say big.million_walk_grew_mib "$(mib $((after - before)))" MiB
stop
rm "$work/million.img"

echo x >"$work/one/a.txt"
truncate -s 64M "$work/small.img"
truncate -s 1T "$work/tib.img"
for image in small tib; do
	mke2fs -q -F -t ext4 -E lazy_itable_init=1,lazy_journal_init=1,nodiscard -d "$work/one" "$work/$image.img"
done
round=0
while [ "$round" -lt "$rounds" ]; do
	for image in small tib; do
		start "$work/$image.img" $image
		cat "$work/view/$image/p1-ext4/a.txt" >/dev/null
		read_at=$(now)
		stop
		echo "$((ready - begun))" >>"$work/t.$image.ready"
		echo "$((read_at - ready))" >>"$work/t.$image.first"
	done
	round=$((round + 1))
done
for what in ready first; do
	say "big.tib_vs_small_$what" "$(awk -v a="$(best tib.$what)" -v b="$(best small.$what)" 'BEGIN { printf "%.2f", a / b }')" x
done
