# A container that is mounted or enrolled where it lies shows what the raw image in it shows, masked and all, and is not written to; its
# further files count only when who may read the first may read them; one that cannot be read says why; nothing of it is destroyed in part.
. "$BAILEE_ROOT/tests/e2e/lib.sh"
need_root
need_fuse
need mke2fs mcopy sfdisk jq split setpriv qemu-img
sh "$BAILEE_ROOT/examples/make-devices.sh" "$work/devices"
raw=$work/devices/laptop.img
store=$work/store
view=$work/view
files=$work/files
mkdir "$view" "$files"
at_end "'$bailee' umount '$view' 2>/dev/null"

# All paths, types, sizes and contents of device $1 in view $2; what is refused is said in the same place. Names that are masked end in a
# token of their device.
contents() { (cd "$2/$1" && find . -mindepth 2 -printf '%p %y %s %T@\n' && find . -type f -exec sha256sum {} + 2>&1 || true) | sed 's/~[a-z0-9]*/~/g' | sort; }
# mounted SOURCE ID [OPTION...]: mount it alone, leave its contents in $work/shown
mounted() {
	source=$1
	id=$2
	shift 2
	code 0 "$bailee" mount --store "$work/store-$id" "$@" "$source=$id" "$view"
	! grep -q warning "$work/out" || fail "$source: $(cat "$work/out")"
	contents "$id" "$view" >"$work/shown"
	code 0 "$bailee" umount "$view"
	wait_store_free "$work/store-$id"
}

mounted "$raw" RAW
cp "$work/shown" "$work/solo"
mv "$work/shown" "$work/wanted"
grep -q notes.txt "$work/wanted" || fail "the raw image shows nothing"
split -b 9000000 -a 3 --numeric-suffixes=1 "$raw" "$files/pieces."
qemu-img convert -f raw -O qcow2 -c "$raw" "$files/disk.qcow2"
qemu-img convert -f raw -O vmdk -o subformat=twoGbMaxExtentSparse "$raw" "$files/disk.vmdk"
qemu-img convert -f raw -O vpc -o subformat=dynamic,force_size=on "$raw" "$files/disk.vhd"
all="pieces.001 disk.qcow2 disk.vmdk disk.vhd"
if command -v ewfacquire >/dev/null; then
	ewfacquire -q -u -t "$files/case" -S 2000000 -c fast "$raw" >/dev/null 2>&1 </dev/null || ewfacquire -u -t "$files/case" -S 2000000 "$raw" >/dev/null </dev/null
	all="$all case.E01"
else
	echo "E01: not tried, needs ewfacquire"
fi
chmod 644 "$files"/*
before=$(cd "$files" && sha256sum -- * && stat -c '%n %Y' -- *)
for file in $all; do
	mounted "$files/$file" FILE
	diff "$work/wanted" "$work/shown" >"$work/diff" || fail "$file differs: $(head -3 "$work/diff")"
	rm -r "$work/store-FILE"
done
# Masked as in the raw image: the card in the notes is not there in any of them.
! grep -rq 4111 "$work/shown" || fail "a card number"

# A part of it, in plain bytes, far behind the end of the small file.
start=$(sfdisk -J "$raw" | jq '.partitiontable.partitions[2].start * 512')
[ "$start" -gt "$(stat -c %s "$files/disk.qcow2")" ] || fail "not behind the end of the container: choose another image"
mounted "$files/disk.qcow2" PART -o "offset=$start"
grep -q 'p1-ntfs' "$work/shown" || fail "offset= shows $(head -2 "$work/shown")"

# policy check and scan look into it as well.
cp "$BAILEE_ROOT/examples/policies/shop.yaml" "$work/shop.yaml"
code 0 "$bailee" policy check "$work/shop.yaml" --image "$files/disk.qcow2"
code 0 "$bailee" scan "$raw" --json
jq -S '.classes // .counts // .' "$work/out" | grep -v -e seconds -e rate -e path -e source >"$work/scan-raw"
code 0 "$bailee" scan "$files/disk.vmdk" --json
jq -S '.classes // .counts // .' "$work/out" | grep -v -e seconds -e rate -e path -e source >"$work/scan-vmdk"
diff "$work/scan-raw" "$work/scan-vmdk" || fail "scan finds something else"

# ---- enrolled with a service -----------------------------------------------------------------------------
start_daemon "$store" "$work/shop.yaml"
# One file for another, and all its bytes are other people's.
code 2 "$bailee" enroll "$files/pieces.001" --device PIECES --kind laptop --destroy-when-due
says 'is not destroyed when due'
says 'intake --destroy-source'
code 0 "$bailee" enroll "$files/pieces.001" --device PIECES --kind laptop
code 0 "$bailee" enroll -o "offset=$start" "$files/disk.qcow2" --device OFFSET --kind laptop
code 0 "$bailee" enroll "$files/disk.vmdk" --device VMDK --kind laptop
code 0 "$bailee" enroll "$raw" --device RAW --kind laptop
# Two devices that somebody named like pieces of one.
cp "$work/devices/stick.img" "$files/two.001"
cp "$work/devices/stick.img" "$files/two.002"
chmod 644 "$files"/two.*
code 0 "$bailee" enroll "$files/two.002" --device TWO-2 --kind usb-stick
code 2 "$bailee" enroll "$files/two.001" --device TWO-1 --kind usb-stick
says 'file 2 of the image is the image of another device'
rm "$files"/two.*
view 61002 "$work/theirs" --purpose repair
shown() { as 61002 find "$work/theirs/$1" -type f -exec sha256sum {} + 2>&1 | sed "s,$work/theirs/$1,," | sed 's/~[a-z0-9]*/~/g' | sort; }
shown RAW >"$work/wanted"
grep -q notes.txt "$work/wanted" || fail "nothing of the raw image: $(cat "$work/wanted")"
for id in PIECES VMDK; do
	shown "$id" >"$work/shown"
	diff "$work/wanted" "$work/shown" || fail "$id differs"
done
[ "$(as 61002 ls "$work/theirs/OFFSET")" = p1-ntfs ] || fail "OFFSET: $(as 61002 ls "$work/theirs/OFFSET")"
code 0 "$bailee" umount "$work/theirs"

# After a restart they are opened as they are now: what somebody put in place of a further file is not read with the service's rights.
stop_daemon
mv "$files/pieces.002" "$work/piece-2"
printf 'everybody but the service is kept out\n' >"$work/secret"
chmod 600 "$work/secret"
told() {
	start_daemon "$store" "$work/shop.yaml"
	view 61002 "$work/theirs" --purpose repair
	as 61002 cat "$work/theirs/PIECES/NOTICE.txt" >"$work/out" 2>&1 || fail "$1: no notice, but $(as 61002 ls "$work/theirs/PIECES")"
	says 'a further file of its container is missing'
	as 61002 ls "$work/theirs/VMDK" | grep -q p2-ext4 || fail "$1: its neighbour is gone"
	code 0 "$bailee" log query --device PIECES --op source-error
	says 'a further file'
	hides 'kept out'
	stop_daemon
}
told "a piece is missing"
ln -s "$work/secret" "$files/pieces.002"
told "a link"
rm "$files/pieces.002"
ln "$work/secret" "$files/pieces.002"
told "another's file, by a second name"
rm "$files/pieces.002"
mv "$work/piece-2" "$files/pieces.002"
start_daemon "$store" "$work/shop.yaml"
view 61002 "$work/theirs" --purpose repair
shown PIECES >"$work/shown"
diff "$work/wanted" "$work/shown" || fail "not there again"
code 0 "$bailee" umount "$work/theirs"
stop_daemon
[ "$stopped" = 0 ] || fail "the daemon ended with $stopped"

# ---- what cannot be read says why ---------------------------------------------------------------------------
refused() {
	code 0 "$bailee" mount --store "$work/bad" "$1=BAD" "$view"
	says "$2"
	[ "$(ls "$view/BAD")" = NOTICE.txt ] || fail "$1: $(ls "$view/BAD")"
	code 0 cat "$view/BAD/NOTICE.txt"
	says "$3"
	code 0 "$bailee" umount "$view"
	wait_store_free "$work/bad"
	rm -r "$work/bad"
}
qemu-img create -q -f qcow2 -F qcow2 -b disk.qcow2 "$files/child.qcow2"
refused "$files/child.qcow2" 'builds on another image' 'its container builds on another image'
head -c 300 "$files/disk.qcow2" >"$files/cut.qcow2"
refused "$files/cut.qcow2" 'the container is damaged' 'damaged, encrypted or not read'
mv "$files/pieces.003" "$work/away"
refused "$files/pieces.001" "'pieces.003' is missing" 'a further file of its container is missing'
mv "$work/away" "$files/pieces.003"
qemu-img convert -f raw -O vdi "$raw" "$files/disk.vdi"
refused "$files/disk.vdi" 'VirtualBox disk (VDI), which is not read' 'of a kind that is not read'

# A raw image that says it is the descriptor of the disk beside it.
printf '# Disk DescriptorFile\nversion=1\nCID=1\nparentCID=ffffffff\ncreateType="monolithicFlat"\nRW %s FLAT "disk.vmdk" 0\n' 2048 >"$files/stick.img"
refused "$files/stick.img" 'does not begin with its own name' 'a further file of its container'

# A container cut in the middle: what is still there is right, what is gone is an error.
size=$(stat -c %s "$files/disk.vhd")
head -c $((size / 2)) "$files/disk.vhd" >"$files/half.vhd"
tail -c 512 "$files/disk.vhd" >>"$files/half.vhd"
"$bailee" mount --store "$work/half" "$files/half.vhd=RAW" "$view" >"$work/out" 2>&1 || fail "a cut container: $(cat "$work/out")"
contents RAW "$view" >"$work/shown"
code 0 "$bailee" umount "$view"
sha() { grep -E '^[0-9a-f]{64} ' "$1" | grep -v NOTICE.txt | sort; }
sha "$work/shown" >"$work/read"
sha "$work/solo" >"$work/whole"
[ -s "$work/read" ] || fail "nothing of it can be read"
comm -13 "$work/whole" "$work/read" >"$work/other"
[ ! -s "$work/other" ] || fail "other bytes: $(cat "$work/other")"
[ "$(wc -l <"$work/read")" -lt "$(wc -l <"$work/whole")" ] || fail "nothing is missing: the test cuts too little"

# Nothing of them was written to.
rm "$files/child.qcow2" "$files/cut.qcow2" "$files/disk.vdi" "$files/stick.img" "$files/half.vhd"
[ "$before" = "$(cd "$files" && sha256sum -- * && stat -c '%n %Y' -- *)" ] || fail "a container changed"
