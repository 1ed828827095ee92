# What fio wrote into an ext4 image, every block with its own checksum and place, is found so by every way a program reads with.
. "$BAILEE_ROOT/tests/e2e/lib.sh"
need_root
need_fuse
need fio mke2fs

mkdir "$work/image" "$work/ours"
at_end "umount -d '$work/image'"
at_end "umount '$work/ours' || umount -l '$work/ours'"
mke2fs -q -F -t ext4 "$work/fio.img" 96M >"$work/out" 2>&1 || fail "mke2fs: $(cat "$work/out")"
mount -o loop "$work/fio.img" "$work/image" || skip "needs loop devices"

# run ENGINE DIR RW OPTION...: a file in blocks of 16 KiB, one in blocks of 4 KiB
run() {
	engine=$1
	dir=$2
	rw=$3
	shift 3
	fio --name=whole --filename="$dir/whole" --rw="$rw" --bs=16k --size=24M --ioengine="$engine" --verify=crc32c \
		--verify_fatal=1 --output="$work/out" "$@" &&
		fio --name=mixed --filename="$dir/mixed" --rw="$rw" --bs=4k --size=24M --ioengine="$engine" --verify=sha256 \
			--verify_fatal=1 --output="$work/out" "$@"
}
cd "$work"
run psync "$work/image" write --do_verify=0 || fail "fio does not write"
cp "$work/image/whole" "$work/image/bad"
printf X | dd of="$work/image/bad" bs=1 seek=5000001 conv=notrunc status=none
sha256sum <"$work/image/mixed" >"$work/digest"
umount -d "$work/image"

"$BAILEE_BUILD/test/bailee-plain" "$work/fio.img" "$work/ours" >"$work/said" 2>&1 || fail "no mount: $(cat "$work/said")"
for engine in psync pvsync2 libaio io_uring splice; do
	for direct in 0 1; do
		[ $engine$direct != splice1 ] || continue
		run $engine "$work/ours" read --readonly --verify_only --direct=$direct --iodepth=8 || {
			cat "$work/out"
			fail "$engine reads something else, direct=$direct"
		}
		grep -q 'READ:.*io=24.0MiB' "$work/out" || fail "$engine has not read it all"
	done
done
# And it would notice.
code 1 fio --name=bad --filename="$work/ours/bad" --rw=read --bs=16k --size=24M --ioengine=psync --verify=crc32c --readonly
says 'verify failed at file'

# fio maps with MAP_SHARED: possible since Linux 6.6 (docs/serving.md). Private maps show the same bytes everywhere.
if [ "$(printf '%s\n' 6.6 "$(uname -r)" | sort -V | head -1)" = 6.6 ]; then
	run mmap "$work/ours" read --readonly --verify_only || {
		cat "$work/out"
		fail "shared maps show something else"
	}
	grep -q 'READ:.*io=24.0MiB' "$work/out" || fail "mmap has not read it all"
fi
/usr/bin/python3 - "$work/ours/mixed" <<'MAPS' | cmp - "$work/digest" || fail "mmap shows something else"
import hashlib, mmap, os, sys
fd = os.open(sys.argv[1], os.O_RDONLY)
print(hashlib.sha256(mmap.mmap(fd, 0, mmap.MAP_PRIVATE, mmap.PROT_READ)).hexdigest() + "  -")
MAPS
