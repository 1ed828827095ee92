# -o of mount and enroll: which part of an image is shown, what is passed over, what is refused and with which words.
. "$BAILEE_ROOT/tests/e2e/lib.sh"
need_root
need_fuse
need mke2fs mcopy sfdisk jq setpriv losetup
sh "$BAILEE_ROOT/examples/make-devices.sh" "$work/devices"
disk=$work/devices/laptop.img
store=$work/store
view=$work/view
mkdir "$view"
at_end "'$bailee' umount '$view'"

# shown OPTIONS ID NAME...: a mount with these options has these partitions of the device
shown() {
	options=$1
	id=$2
	shift 2
	code 0 "$bailee" mount --store "$store" -o "$options" "$disk=$id" "$view"
	[ "$(ls "$view/$id" | tr '\n' ' ')" = "$* " ] || fail "-o $options shows $(ls "$view/$id")"
	code 0 "$bailee" umount "$view"
	wait_store_free "$store"
}
# refused WORDS COMMAND...: exit code 2, one line on stderr with these words, and nothing is mounted
refused() {
	words=$1
	shift
	code 2 "$@"
	[ "$(wc -l <"$work/out")" = 1 ] || fail "not one line: $(cat "$work/out")"
	says "$words"
	! grep -qF " $view " /proc/self/mounts || fail "it was mounted"
}
mounts() { "$bailee" mount --store "$store" "$@"; }

# ---- which part ---------------------------------------------------------------------------------------
shown ro WHOLE p1-fat32 p2-ext4 p3-ntfs
shown partition=2 SECOND p2-ext4
shown fs=ntfs NTFS p3-ntfs
shown fs=vfat FAT p1-fat32
shown partition=2,fs=ext4 BOTH p2-ext4
start=$(sfdisk -J "$disk" | jq '.partitiontable.partitions[1].start * 512')
shown "offset=$start" AT p1-ext4
shown "start=$((start / 1024))K" AT-K p1-ext4
# The same files, and by the same rules.
code 0 "$bailee" mount --store "$store" -o "offset=$start" "$disk=AT" "$view"
code 0 cat "$view/AT/p1-ext4/Users/Shared/Documents/notes.txt"
says 'the printer is still out of toner'
hides 4111
code 0 "$bailee" umount "$view"
wait_store_free "$store"

# It is that part for good: what is kept of the device counts for it.
refused 'is another source already, or another part of it' mounts "$disk=AT" "$view"
wait_store_free "$store"
refused "partition 2 is ext4, not ntfs" mounts -o partition=2,fs=ntfs "$disk=X" "$view"
refused 'no partition of the image is iso9660 (it has p1-fat32 p2-ext4 p3-ntfs)' mounts -o fs=iso9660 "$disk=X" "$view"
refused 'the image has no partition 4 (it has p1-fat32 p2-ext4 p3-ntfs)' mounts -o partition=4 "$disk=X" "$view"
refused 'offset= is behind the end of the image' mounts -o offset=1T "$disk=X" "$view"
refused 'offset= is not a number of bytes' mounts -o offset=1KB "$disk=X" "$view"
refused 'partition= is not a number from 1' mounts -o partition=p2 "$disk=X" "$view"
refused 'fs= is not one of ext2' mounts -o fs=zfs "$disk=X" "$view"
refused 'are of one source, and here are 2' mounts -o partition=1 "$disk=X" "$work/devices/stick.img" "$view"
mkdir "$work/folder"
echo x >"$work/folder/x"
refused 'is no image, or an empty one' mounts -o partition=1 "$work/folder" "$view"

# ---- words --------------------------------------------------------------------------------------------
shown ro,nosuid,nodev,noexec,defaults,user,noauto,nofail,_netdev,noatime,x-systemd.automount,comment=any WHOLE p1-fat32 p2-ext4 p3-ntfs
for word in rw suid dev exec allow_other allow_root uid=0 gid=0 umask=0 remount nonempty; do
	refused "-o ${word%%=*} is refused: " mounts -o "$word" "$disk=WHOLE" "$view"
done
refused "no option -o 'polciy' (there are timeout= policy= store=" mounts -o polciy=x "$disk=WHOLE" "$view"
refused 'timeout= is not a number of seconds' mounts -o timeout=0 "$disk=WHOLE" "$view"
refused '-o policy= is empty' mounts -o policy= "$disk=WHOLE" "$view"
refused 'purpose is given twice' mounts --purpose repair -o purpose=repair "$disk=WHOLE" "$view"
refused 'device= is no id of a device' mounts -o device=a/b "$disk" "$view"
wait_store_free "$store"
# A line of fstab says it all. A comma in quotes, or behind a backslash, is one.
mkdir "$work/a,b"
install -m 644 "$BAILEE_ROOT/examples/policies/shop.yaml" "$work/a,b/p,q.yaml"
code 3 "$bailee" mount -o "store=\"$work/a,b/store\",device=RMA-7,policy=$work/a\\,b/p\\,q.yaml" "$disk" "$view"
says 'list is forbidden: no rule permits it to somebody who is not in the policy'
[ -d "$work/a,b/store/devices/RMA-7" ] || fail "no device of that name, or no store there"
wait_store_free "$work/a,b/store"

# ---- enroll -------------------------------------------------------------------------------------------
start_daemon "$work/service" "$work/a,b/p,q.yaml"
refused 'partition 3 is ntfs, not ext4' "$bailee" enroll "$disk" --device RMA-1 --kind laptop -o partition=3,fs=ext4
refused 'is not destroyed when due' "$bailee" enroll "$disk" --device RMA-1 --kind laptop -o partition=3 --destroy-when-due
refused "no option -o 'timeout' (there are offset= partition= fs=)" "$bailee" enroll "$disk" --device RMA-1 --kind laptop -o timeout=3
code 0 "$bailee" enroll "$disk" --device RMA-1 --kind laptop -o partition=2
view 61002 "$work/theirs" --purpose repair
[ "$(as 61002 ls "$work/theirs/RMA-1")" = p2-ext4 ] || fail "enrolled as partition 2, shown: $(as 61002 ls "$work/theirs/RMA-1")"
code 0 "$bailee" log query --device RMA-1 --op enrolled
says 'a part of its source'
# A device id already enrolled.
refused RMA-1 "$bailee" enroll "$work/devices/stick.img" --device RMA-1 --kind usb-stick
stop_daemon
[ "$stopped" = 0 ] || fail "the daemon ended with $stopped"

# ---- sources that are none ----------------------------------------------------------------------------
: >"$work/zero.img"
refused "is empty (is the image there, or mounted?)" mounts "$work/zero.img" "$view"
wait_store_free "$store"
refused "No such file" mounts "$work/none.img" "$view"
loop=$(losetup -f --show -r "$work/devices/stick.img") || skip "needs loop devices"
at_end "losetup -d '$loop'"
# A node of our own: there are machines whose loop devices everybody may read.
mknod -m 600 "$work/disk" b "$((0x$(stat -c %t "$loop")))" "$((0x$(stat -c %T "$loop")))"
refused 'Permission denied (a block device is root' as 61002 "$bailee" mount --store "$work/s61002" "$work/disk" "$view"
# What is encrypted is said at once, and is a notice in the mount; its neighbour is shown.
truncate -s 24M "$work/luks.img"
printf 'label: gpt\nsize=8MiB\nsize=8MiB\n' | sfdisk -q "$work/luks.img"
printf 'LUKS\272\276\0\2' | dd of="$work/luks.img" bs=1M seek=1 conv=notrunc status=none
truncate -s 8M "$work/part"
mke2fs -q -t ext4 -d "$work/folder" "$work/part" 2>/dev/null
dd if="$work/part" of="$work/luks.img" bs=1M seek=9 conv=notrunc status=none
code 0 "$bailee" mount --store "$store" "$work/luks.img=LUKS" "$view"
says 'encrypted, and the key is not here'
[ "$(ls "$view/LUKS" | tr '\n' ' ')" = 'p1-unreadable p2-ext4 ' ] || fail "shown: $(ls "$view/LUKS")"
code 0 cat "$view/LUKS/p1-unreadable/NOTICE.txt" "$view/LUKS/p2-ext4/x"
says 'encrypted, and the key is not here'
# A source that disappears: what is open is read on, what comes next is told; the mount stays, and ends as any.
mv "$work/luks.img" "$work/moved.img"
code 0 cat "$view/LUKS/p2-ext4/x"
code 0 "$bailee" umount "$view"
wait_store_free "$store"
refused "No such file" mounts "$work/luks.img=LUKS" "$view"
# A mount of another device of this store is of that one alone.
code 0 "$bailee" mount --store "$store" "$disk=WHOLE" "$view"
code 0 ls "$view"
says WHOLE
hides LUKS
[ -d "$view/WHOLE/p3-ntfs" ] || fail "what was asked for is not shown"
code 0 "$bailee" umount "$view"
wait_store_free "$store"
cp "$work/moved.img" "$work/luks.img"
code 0 "$bailee" mount --store "$store" "$work/luks.img=LUKS" "$view"
code 0 cat "$view/LUKS/NOTICE.txt"
says 'its source is not the one that was enrolled'
code 0 "$bailee" umount "$view"
wait_store_free "$store"
