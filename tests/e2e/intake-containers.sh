# Any source format: what is taken in from E01, qcow2, VMDK, VHD, VHDX or raw pieces is the very bytes of the raw image; going on
# after an interruption begins in the middle of the container; what cannot be taken in is refused with the way out.
. "$BAILEE_ROOT/tests/e2e/lib.sh"
need_root
need_fuse
need mke2fs mkfs.ext4 jq split
mkdir "$work/files"
head -c 3000000 /dev/urandom >"$work/files/random.bin"
printf 'a needle in the haystack: zebulon-was-here\n' >"$work/files/notes.txt"
truncate -s 48M "$work/raw.img"
mke2fs -q -t ext4 -d "$work/files" "$work/raw.img"
digest=$(sha256sum "$work/raw.img" | cut -d' ' -f1)
loop_fs "$work/disk" 600M
store=$work/disk/store
cp "$BAILEE_ROOT/examples/policies/shop.yaml" "$work/shop.yaml"
chmod 644 "$work/shop.yaml"
start_daemon "$store" "$work/shop.yaml"
number=0
taken_in() {
	number=$((number + 1))
	code 0 "$bailee" intake "$1" --device "C-$number" --kind laptop --json
	[ "$(tail -1 "$work/out" | jq -r .digest)" = "$digest" ] || fail "$1: another digest"
	code 0 "$bailee" certificate show "C-$number" --intake
	says "$2"
}
mkdir "$work/pieces"
split -b 7M -d -a 3 --numeric-suffixes=1 "$work/raw.img" "$work/pieces/raw."
taken_in "$work/pieces/raw.001" split
if command -v qemu-img >/dev/null; then
	for format in qcow2 vmdk vpc vhdx; do
		options=
		[ $format != vpc ] || options='-o force_size=on'
		qemu-img convert -f raw -O $format $options "$work/raw.img" "$work/disk.$format"
	done
	taken_in "$work/disk.qcow2" qcow
	taken_in "$work/disk.vmdk" vmdk
	taken_in "$work/disk.vpc" vhd
	taken_in "$work/disk.vhdx" vhd
	qemu-img create -q -f qcow2 -F qcow2 -b "$work/disk.qcow2" "$work/child.qcow2"
	code 2 "$bailee" intake "$work/child.qcow2" --device CHILD --kind laptop
	says qemu-img
else
	echo "qcow2, vmdk, vhd, vhdx: not tried, needs qemu-img"
fi
if command -v ewfacquire >/dev/null; then
	ewfacquire -q -u -t "$work/case" -S 16M -c fast "$work/raw.img" >/dev/null 2>&1 </dev/null || ewfacquire -u -t "$work/case" -S 16M "$work/raw.img" >/dev/null </dev/null
	taken_in "$work/case.E01" e01
	# One piece away: said, and nothing is known of the device.
	mv "$work/case.E02" "$work/away" 2>/dev/null && {
		"$bailee" intake "$work/case.E01" --device LACKS --kind laptop >"$work/out" 2>&1 && fail "a piece is missing and nobody noticed"
		[ "$(wc -l <"$work/out")" = 1 ] || fail "more than one line: $(cat "$work/out")"
		mv "$work/away" "$work/case.E02"
	}
else
	echo "e01: not tried, needs ewfacquire"
fi
[ "$number" -gt 0 ] || fail "nothing was tried"

# All pieces are destroyed when the source is.
mkdir "$work/disk/pieces"
cp "$work"/pieces/raw.* "$work/disk/pieces/"
sync -f "$work/disk"
code 0 "$bailee" intake "$work/disk/pieces/raw.001" --device PIECES --kind laptop --destroy-source --json
[ "$(tail -1 "$work/out" | jq -r .digest)" = "$digest" ] || fail "digest of PIECES"
[ -z "$(ls "$work/disk/pieces")" ] || fail "pieces are left: $(ls "$work/disk/pieces")"
code 0 "$bailee" certificate show PIECES --source

# A container that was cut gives one line, or says how much of it could not be read; never zeros for bytes, never a hang.
for format in qcow2 vmdk vhdx; do
	[ -e "$work/disk.$format" ] || continue
	head -c 3000000 "$work/disk.$format" >"$work/cut.$format"
	if "$bailee" intake "$work/cut.$format" --device "CUT-$format" --kind laptop --json >"$work/out" 2>&1; then
		[ "$(tail -1 "$work/out" | jq .unreadable)" -gt 0 ] || fail "a cut $format"
		# What we could not read whole is not ours to do away with.
		cp --sparse=never "$work/cut.$format" "$work/disk/cut.$format"
		sync -f "$work/disk"
		code 13 "$bailee" intake "$work/disk/cut.$format" --device "KEPT-$format" --kind laptop --destroy-source
		says 'NOT destroyed'
		[ -e "$work/disk/cut.$format" ] || fail "a source with unreadable places is gone"
	else
		[ "$(grep -vc '^{' "$work/out")" = 1 ] || fail "more than one line: $(cat "$work/out")"
	fi
done
