#!/bin/sh
# Make the base images that tests/fuzz/reader.c breaks, and pack what is not zero in them. Run by hand when one is to change (as root; e2fsprogs,
# dosfstools, mtools, ntfs-3g, exfatprogs, exfat-fuse, xorriso, fdisk): patches of the corpus are offsets into these very bytes, so a new image
# is a new file.
#
#   make.sh OUT
set -eu

out=${1:?use: make.sh OUT}
work=$(mktemp -d /tmp/bailee-images.XXXXXX)
trap 'umount "$work/mount" 2>/dev/null; rm -rf "$work"' EXIT
PATH=$PATH:/usr/sbin:/sbin
export E2FSPROGS_FAKE_TIME=1700000000 SOURCE_DATE_EPOCH=1700000000
mkdir -p "$work/tree/folder/deep" "$work/tree/many" "$work/mount"
cd "$work"
printf 'a little text\n' >tree/small
: >tree/empty
seq 2000 | head -c 6000 >tree/folder/pages
printf deep >tree/folder/deep/file
ln -s small tree/link
ln -s "$(printf 'x%.0s' $(seq 1 90))" tree/folder/long-link
ln tree/small tree/folder/hard
for i in $(seq 1 40); do echo "$i" >"tree/many/a file with a longer name $i"; done
/usr/bin/python3 -c '
with open("tree/holes", "wb") as f:
    for i in range(6):
        f.seek(i * 8192)
        f.write(b"piece %d" % i)'

ext() { # NAME SIZE OPTION...
	name=$1 size=$2
	shift 2
	mke2fs -q -F -U 12345678-1234-1234-1234-123456789abc -E hash_seed=12345678-1234-1234-1234-123456789abc -b 1024 -N 96 "$@" -d tree $name.img $size
}
ext ext2 400K -t ext2
ext ext4 400K -t ext4 -O ^has_journal,^metadata_csum,^64bit,^resize_inode
ext ext4-sums 400K -t ext4 -I 256 -O ^has_journal,metadata_csum,64bit,inline_data,^resize_inode
ext ext4-journal 2200K -t ext4 -J size=1 -O ^resize_inode,^metadata_csum
debugfs -w -R 'ea_set small user.origin somewhere' ext4.img 2>/dev/null
debugfs -w -R 'ea_set folder user.note a_value_of_a_folder' ext4-sums.img 2>/dev/null

fat() { # BITS SIZE
	truncate -s "$2" fat$1.img
	mkfs.fat -F $1 -s 1 -i 12345678 -n LABEL fat$1.img >/dev/null
	(cd tree && mcopy -Q -i ../fat$1.img -s small empty folder many ::)
}
rm tree/folder/long-link tree/link
fat 12 160K
fat 16 2200K
fat 32 33M

truncate -s 1200K ntfs.img
mkntfs -q -F -c 512 -L label ntfs.img >/dev/null 2>&1
ntfs-3g -o compression,streams_interface=windows ntfs.img mount
cp -r tree/small tree/empty tree/folder tree/many mount
printf '[ZoneTransfer]' >mount/small:Zone.Identifier
mkdir mount/packed
setfattr -h -v 0x00000800 -n system.ntfs_attrib_be mount/packed
seq 4000 >mount/packed/numbers
truncate -s 100000 mount/sparse
printf end >>mount/sparse
ln mount/small mount/folder/hard-too
ln -s small mount/link
umount mount
# The log and the table of capitals are long and nothing here reads them.
/usr/bin/python3 - ntfs.img <<'BLANK'
import re, subprocess, sys
def runs(inode):
    text = subprocess.run(["istat", "-f", "ntfs", sys.argv[1], str(inode)], capture_output=True, text=True).stdout
    return [int(n) for line in text.split("\n") if re.fullmatch(r"[\d ]+", line.strip() or "x") for n in line.split()]
with open(sys.argv[1], "r+b") as f:
    for inode in (2, 10):
        for cluster in runs(inode):
            f.seek(cluster * 512)
            f.write(bytes(512))
BLANK

truncate -s 1M exfat.img
mkfs.exfat -c 4K -b 64K exfat.img >/dev/null 2>&1
loop=$(losetup -f --show exfat.img)
mount.exfat-fuse "$loop" mount >/dev/null
cp -r tree/small tree/empty tree/folder tree/many mount
umount mount
losetup -d "$loop"

ln -s small tree/link
xorriso -as mkisofs -quiet -R -J -V LABEL -o iso9660.img tree >/dev/null 2>&1

for label in dos gpt; do
	truncate -s 1200K $label.img
	{
		echo "label: $label"
		echo 'start=80, size=800'
		if [ $label = dos ]; then
			echo 'start=900, size=1400, type=5'
			echo 'start=910, size=400'
		else
			echo 'start=910, size=400'
		fi
	} | sfdisk -q $label.img
	dd if=ext2.img of=$label.img bs=512 seek=80 conv=notrunc status=none
	dd if=fat12.img of=$label.img bs=512 seek=910 conv=notrunc status=none
done

# The size in four bytes, then pieces: where, how long, and the bytes; all little endian. 64 zeros and more are left out.
/usr/bin/python3 - "$out" ./*.img <<'PACK'
import os, struct, sys
for path in sys.argv[2:]:
    data = open(path, "rb").read()
    packed, at = [struct.pack("<I", len(data))], 0
    while at < len(data):
        if not any(data[at:at + 64]):
            at += 64
            continue
        end = at + 64
        while end < len(data) and any(data[end:end + 64]):
            end += 64
        piece = data[at:end]
        packed.append(struct.pack("<II", at, len(piece)) + piece)
        at = end
    name = os.path.join(sys.argv[1], os.path.basename(path)[:-4])
    open(name, "wb").write(b"".join(packed))
    print(name, len(data), os.path.getsize(name))
PACK
