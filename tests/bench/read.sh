#!/bin/sh
# How fast fs/image and fs/serve read without policy, masks and log, beside other filesystems of the same files: lines
# `bench: read.plain_WHAT_vs_PEER RATIO x`, how many times faster bailee-plain is (tests/tools/plain.c). As root; leaves nothing behind.
#
#   read.sh BUILD      (ROUNDS=3)
#
#   - All sides take turns in every round, each on an image or a mount of its own just mounted; the best of all rounds counts. Images are
#     in the page cache, read once before; the kernel's dentries and inodes are dropped before each walk and before the small files.
#   - seq: four files of 64 MiB, one reader, 1 MiB at a time, O_DIRECT. seq4: a reader each, the same bytes. rand4k: one request in
#     flight, rand4k64: 64. names: the names of 20,000 files below 220 directories; stat: and their attributes. small: as many files of
#     2 KiB opened, read and closed.
set -eu

build=${1:?use: read.sh BUILD}
rounds=${ROUNDS:-3}
plain=$build/test/bailee-plain
load=$build/test/tools/bench-load
PATH=$PATH:/usr/sbin:/sbin
work=$(mktemp -d /tmp/bailee-read.XXXXXX)

is_mounted() { grep -q " $work/$1 " /proc/self/mounts; }
# gone SIDE: unmounted, and its daemon, which holds a lock, has ended
gone() {
	if is_mounted "$1"; then umount "$work/$1" || umount -l "$work/$1"; fi
	[ ! -e "$work/lock.$1" ] || flock "$work/lock.$1" true
}
clean() {
	trap '' INT TERM HUP
	set +e
	for side in plain fuse2fs bindfs ntfs squash kernel; do gone $side; done
	rm -rf "$work"
}
trap clean EXIT
trap 'exit 130' INT TERM HUP

say() { printf 'bench: %s %s %s\n' "$@"; }
skipped() { echo "bench: skipped: $*"; }
has() { command -v "$1" >/dev/null; }
best() { sort -n "$work/t.$1" | head -1; }

# start SIDE: what it shows is at $work/SIDE
start() {
	case $1 in
	kernel) mount -o ro,loop "$work/ext4.img" "$work/kernel" ;;
	bindfs)
		start kernel
		(flock 9 && exec bindfs -o ro --multithreaded "$work/kernel" "$work/bindfs") 9>"$work/lock.bindfs" >/dev/null
		;;
	plain) (flock 9 && exec "$plain" "$work/ext4.img" "$work/plain") 9>"$work/lock.plain" >/dev/null ;;
	fuse2fs) (flock 9 && exec fuse2fs -o ro "$work/ext4.img" "$work/fuse2fs") 9>"$work/lock.fuse2fs" >/dev/null 2>&1 ;;
	ntfs) (flock 9 && exec ntfs-3g -o ro "$work/ntfs.img" "$work/ntfs") 9>"$work/lock.ntfs" >/dev/null ;;
	squash) (flock 9 && exec squashfuse "$work/squash.img" "$work/squash") 9>"$work/lock.squash" >/dev/null ;;
	esac
}
stop() {
	gone "$1"
	[ "$1" != bindfs ] || gone kernel
}
forget() {
	sync -f "$work"
	echo 3 >/proc/sys/vm/drop_caches
	cat "$work"/*.img >/dev/null
}
# timed SIDE WHAT COMMAND...: microseconds
timed() {
	into=$work/t.$1.$2
	shift 2
	begun=$(date +%s%N)
	"$@" >/dev/null
	echo $((($(date +%s%N) - begun) / 1000)) >>"$into"
}
small() { find "$1" -type f -print0 | xargs -0 cat; }
measure() {
	side=$1
	big="$work/$side/big/mail-00.txt $work/$side/big/mail-01.txt $work/$side/big/mail-02.txt $work/$side/big/mail-03.txt"
	start "$side"
	timed "$side" names find "$work/$side/small" -name none
	stop "$side"
	forget
	start "$side"
	timed "$side" stat "$load" walk 1 "$work/$side/small"
	stop "$side"
	forget
	start "$side"
	timed "$side" small small "$work/$side/small"
	timed "$side" seq "$load" seq 1 $big
	timed "$side" seq4 "$load" seq 4 $big
	timed "$side" rand4k "$load" rand 1 20000 $big
	timed "$side" rand4k64 "$load" rand 64 40000 $big
	stop "$side"
}

if [ "$(id -u)" != 0 ]; then
	skipped "read.plain: it needs root"
	exit 0
fi
mkdir "$work/from" "$work/from/big" "$work/from/small" "$work/kernel" "$work/plain"
"$load" mail "$work/from/big" 4 64
"$load" tree "$work/from/small" 20000
head -c 2048 "$work/from/big/mail-00.txt" >"$work/text"
find "$work/from/small" -type f -exec sh -c 'for file; do cat "$0" >"$file"; done' "$work/text" {} +
mke2fs -q -F -t ext4 -N 30000 -d "$work/from" "$work/ext4.img" 420M >/dev/null
sides='plain kernel'
if has fuse2fs; then sides="$sides fuse2fs"; else skipped "read.plain_vs_fuse2fs: package fuse2fs"; fi
if has bindfs; then sides="$sides bindfs"; else skipped "read.plain_vs_bindfs: package bindfs"; fi
if has ntfs-3g && has mkntfs; then
	truncate -s 420M "$work/ntfs.img"
	mkntfs -q -F "$work/ntfs.img" >/dev/null 2>&1
	mkdir "$work/ntfs"
	(flock 9 && exec ntfs-3g "$work/ntfs.img" "$work/ntfs") 9>"$work/lock.ntfs" >/dev/null
	cp -r "$work/from/." "$work/ntfs"
	gone ntfs
	sides="$sides ntfs"
else
	skipped "read.plain_vs_ntfs: package ntfs-3g"
fi
if has squashfuse && has mksquashfs; then
	mksquashfs "$work/from" "$work/squash.img" -quiet -no-progress -comp zstd >/dev/null 2>&1 ||
		mksquashfs "$work/from" "$work/squash.img" -quiet -no-progress >/dev/null
	sides="$sides squash"
else
	skipped "read.plain_vs_squash: packages squashfuse, squashfs-tools"
fi
rm -rf "$work/from"
for side in $sides; do mkdir -p "$work/$side"; done
round=0
while [ "$round" -lt "$rounds" ]; do
	for side in $sides; do
		forget
		measure "$side"
	done
	round=$((round + 1))
done
for side in $sides; do
	[ "$side" != plain ] || continue
	for what in seq seq4 rand4k rand4k64 names stat small; do
		say "read.plain_${what}_vs_$side" "$(awk -v a="$(best plain.$what)" -v b="$(best "$side.$what")" 'BEGIN { printf "%.2f", b / a }')" x
	done
done
say read.plain_seq_four_readers_vs_one "$(awk -v a="$(best plain.seq4)" -v b="$(best plain.seq)" 'BEGIN { printf "%.2f", b / a }')" x
say read.plain_seq_gbps "$(awk -v a="$(best plain.seq)" 'BEGIN { printf "%.2f", 268435.456 / a }')" GB/s
say read.plain_rand4k_kiops "$(awk -v a="$(best plain.rand4k)" 'BEGIN { printf "%.1f", 20000000 / a }')" 1000/s
say read.plain_stat_knames_s "$(awk -v a="$(best plain.stat)" 'BEGIN { printf "%.1f", 20220000 / a }')" 1000/s
