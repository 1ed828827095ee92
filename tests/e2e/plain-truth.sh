# The reader and the serving side tell the truth: what a mount without policy shows of ext2, ext3 and ext4 equals the kernel's own
# read-only mount of the same image, what it shows of NTFS and FAT what their own tools say. tests/tools/truth.py says what is compared,
# and what differs on purpose.
. "$BAILEE_ROOT/tests/e2e/lib.sh"
need_root
need_fuse
need mke2fs debugfs /usr/bin/python3
plain=$BAILEE_BUILD/test/bailee-plain
truth=$BAILEE_ROOT/tests/tools/truth.py

mkdir "$work/kernel" "$work/ours"
at_end "umount -d '$work/kernel'"
at_end "umount '$work/ours' || umount -l '$work/ours'"

# serve IMAGE [OPTION...]: at ours
serve() {
	image=$1
	shift
	"$plain" "$@" "$image" "$work/ours" >"$work/said" 2>&1 || fail "no mount of $image: $(cat "$work/said")"
}
gone() { umount "$work/ours" || fail "ours cannot be unmounted"; }
# recover NAME: as kernels, with its journal replayed by the kernel, which needs to write for that
recover() {
	kernels=$work/recovered
	cp "$work/$1.img" "$kernels"
	mount -o loop "$kernels" "$work/kernel"
	umount -d "$work/kernel"
}
# equal NAME: the kernel's mount and ours of NAME.img, which the kernel frees by itself
equal() {
	kernels=$work/$1.img
	case $1 in *-unclean) recover "$1" ;; esac
	if ! mount -o ro,loop,nosuid,nodev,noexec "$kernels" "$work/kernel"; then fail "the kernel does not mount $1"; fi
	serve "$work/$1.img"
	/usr/bin/python3 "$truth" "$work/kernel" "$work/ours" >"$work/out" 2>&1 || {
		sed 's/^/  | /' "$work/out"
		fail "$1 is not shown as the kernel shows it"
	}
	echo "$1: $(tail -1 "$work/out")"
	gone
	umount "$work/kernel"
}

# What every image holds: a little of everything.
/usr/bin/python3 - "$work/little" "$work/pieces" <<'MAKE'
import os, random, sys
little, pieces = (os.fsencode(path) for path in sys.argv[1:])
random.seed(3)
for folder in (little, little + b"/folder", little + b"/folder/deep", little + b"/" + b"d" * 255, pieces, pieces + b"/folder"):
    os.mkdir(folder)

def put(path, contents):
    with open(path, "wb") as f:
        f.write(contents)

def scattered(path, count, step):
    with open(path, "wb") as f:
        for i in range(count):
            f.seek(i * step)
            f.write(random.randbytes(step // 2))
        f.truncate(count * step + 12345)

for size in (0, 1, 59, 60, 61, 100, 150, 160, 200, 1023, 1024, 1025, 4095, 4096, 4097, 65535, 65537, 300001):
    put(little + b"/size-%d" % size, random.randbytes(size))
for name in (b" ", b"a\nb", b"\xff\xfe not UTF-8", b"n" * 255, "é".encode(), "é".encode(), b"-rf", b"100% sure", b"a\\b", b"\x01\x7f",
             "\u202etxt.exe".encode(), b"...", b"*?[", b"quote'\"`$"):
    put(little + b"/" + name, name)
put(little + b"/folder/deep/file", b"deep")
scattered(little + b"/folder/sparse", 40, 65536)
with open(little + b"/all hole", "wb") as f:
    f.truncate(5000000)
with open(little + b"/hole at the end", "wb") as f:
    f.write(b"begin")
    f.truncate(1234567)
os.link(little + b"/size-4097", little + b"/folder/other name")
os.link(little + b"/size-4097", little + b"/one more name")
for length in (1, 59, 60, 61, 1000):
    os.symlink(b"t" * length, little + b"/link-%d" % length)
os.symlink(b"folder/deep/file", little + b"/folder/good")
os.mkfifo(little + b"/fifo")
os.mknod(little + b"/character", 0o20640, os.makedev(1, 3))
os.mknod(little + b"/block", 0o60600, os.makedev(7, 300))
import socket
s = socket.socket(socket.AF_UNIX)
os.chdir(little)
s.bind("socket")
try:
    os.setxattr(little + b"/size-100", "user.comment", b"kept in the inode")
    os.setxattr(little + b"/size-60", "user.long", b"x" * 900)
    os.setxattr(little + b"/folder", "user.folder", b"")
except OSError:
    pass
os.chmod(little + b"/size-1", 0o6755)
os.chmod(little + b"/size-59", 0)
os.chmod(little + b"/folder/deep", 0o1777)
os.chown(little + b"/size-61", 70000, 4000000000)
os.utime(little + b"/size-0", ns=(1, 999999999))
os.utime(little + b"/size-1", ns=(-5 * 10**9 - 1, -86400 * 10**9))
os.utime(little + b"/size-60", ns=(4102444800 * 10**9 + 7, 2147483648 * 10**9 + 123456789))
scattered(pieces + b"/pieces-1000", 1000, 8192)
scattered(pieces + b"/pieces-3000", 3000, 8192)
os.symlink(b"pieces-1000", pieces + b"/link")
MAKE

# make NAME FROM SIZE MKE2FS-OPTION...
make() {
	name=$1
	from=$2
	size=$3
	shift 3
	mke2fs -q -F "$@" -d "$work/$from" "$work/$name.img" "$size" >"$work/out" 2>&1 || fail "mke2fs: $(cat "$work/out")"
}
make ext2 little 24M -t ext2
make ext2-revision-0 little 24M -t ext2 -r 0
make ext3 little 24M -t ext3
make ext4 little 32M -t ext4 -O 64bit,metadata_csum
make ext4-inline little 32M -t ext4 -I 256 -O inline_data
make ext4-wide-inodes little 32M -t ext4 -I 1024 -O inline_data,64bit,metadata_csum
make ext4-bigalloc little 64M -t ext4 -O bigalloc -C 16384
make ext4-blocks-1k little 32M -t ext4 -b 1024
make ext4-small-inodes little 32M -t ext4 -I 128 -O ^metadata_csum,^64bit
make ext2-pieces pieces 40M -t ext2 -b 1024
make ext4-pieces pieces 40M -t ext4 -b 4096
make ext4-pieces-1k pieces 40M -t ext4 -b 1024
# Directories that the kernel hashed itself, with names that went again.
for name in ext4-htree ext3-htree; do
	mke2fs -q -F -t "${name%-htree}" -b 1024 -N 22000 "$work/$name.img" 32M >"$work/out" 2>&1 || fail "mke2fs: $(cat "$work/out")"
	mount -o loop "$work/$name.img" "$work/kernel" || skip "needs loop devices"
	/usr/bin/python3 - "$work/kernel" <<'FILL'
import os, sys
os.chdir(sys.argv[1])
os.mkdir("htree")
for i in range(21000):
    os.close(os.open("htree/entry %05d %s" % (i, "x" * (i % 90)), os.O_WRONLY | os.O_CREAT, 0o644))
for i in range(0, 21000, 21):
    os.unlink("htree/entry %05d %s" % (i, "x" * (i % 90)))
open("file", "w").close()
os.symlink("file", "link")
FILL
	umount -d "$work/kernel"
	debugfs -R 'htree_dump /htree' "$work/$name.img" 2>/dev/null | grep -q 'Root node dump' || fail "$name has no hashed directory"
done
for name in ext4-pieces ext4-pieces-1k; do
	debugfs -R 'dump_extents -l /pieces-3000' "$work/$name.img" 2>/dev/null | grep -c ' - ' >"$work/out"
	[ "$(cat "$work/out")" -ge 3000 ] || fail "$name has a file of $(cat "$work/out") extents only"
done
# Attributes as the kernel writes them: in the inode, in a block, in inodes of their own, of every kind it shows.
mke2fs -q -F -t ext4 -O ea_inode "$work/ext4-xattrs.img" 32M >"$work/out" 2>&1 || fail "mke2fs: $(cat "$work/out")"
mke2fs -q -F -t ext2 "$work/ext2-xattrs.img" 32M >"$work/out" 2>&1 || fail "mke2fs: $(cat "$work/out")"
for name in ext4-xattrs ext2-xattrs; do
	mount -o loop "$work/$name.img" "$work/kernel"
	/usr/bin/python3 - "$work/kernel" >"$work/refused" <<'FILL'
import os, struct, sys
os.chdir(sys.argv[1])
os.mkdir("folder")
os.symlink("file", "link")
for i in range(40):
    open("file%d" % i, "w").write("x" * i)
open("file", "w").close()
def put(path, name, value):
    try:
        os.setxattr(path, name, value, follow_symlinks=False)
    except OSError as e:  # more than this filesystem takes
        print(path, len(value), e)
acl = struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *row) for row in (
    (1, 6, 0xffffffff), (2, 7, 1000), (2, 4, 70000), (4, 4, 0xffffffff), (8, 5, 1234), (16, 7, 0xffffffff), (32, 4, 0xffffffff)))
put("file", "system.posix_acl_access", acl)
put("folder", "system.posix_acl_access", acl)
put("folder", "system.posix_acl_default", acl)
for path in ("file", "folder", "link", "file1"):
    put(path, "trusted.overlay.opaque", b"y")
    put(path, "security.capability", struct.pack("<5I", 0x02000001, 1, 0, 0, 0))
    put(path, "security.other", bytes(range(256)))
for i in range(40):
    for k in range(i % 5):
        put("file%d" % i, "user.%s.%d" % ("n" * (i * 5), k), bytes([i]) * (i * k * 7))
put("file2", "user.empty", b"")
put("file3", "user." + "n" * 250, b"name of 255 bytes")
put("file4", "user.large", bytes(range(256)) * 12)
put("file5", "user.largest", bytes(range(256)) * 256)
put("file6", "user.block", b"b" * 3900)
put("folder", "user.\xff not UTF-8\n", b"\0\1\2")
FILL
	umount -d "$work/kernel"
	echo "$name: $(wc -l <"$work/refused") attributes are more than it takes"
done
# Folders that the kernel encrypts, looked into without the key: codes for names, ENOKEY for contents.
mke2fs -q -F -t ext4 -b 1024 -N 8000 -O encrypt "$work/ext4-encrypted.img" 40M >"$work/out" 2>&1 || fail "mke2fs: $(cat "$work/out")"
mount -o loop "$work/ext4-encrypted.img" "$work/kernel"
/usr/bin/python3 - "$work/kernel" <<'FILL' || { echo 'this kernel does not encrypt: not compared'; rm "$work/ext4-encrypted.img"; }
import errno, fcntl, os, struct, sys
os.chdir(sys.argv[1])
# linux/include/uapi/linux/fscrypt.h: FS_IOC_ADD_ENCRYPTION_KEY, a key by its identifier; FS_IOC_SET_ENCRYPTION_POLICY, version 2
here = os.open(".", os.O_RDONLY)
add = bytearray(struct.pack("<II32s", 2, 0, b"") + struct.pack("<II32s", 64, 0, b"") + bytes(range(64)))
try:
    fcntl.ioctl(here, 0xC0506617, add)
except OSError as e:
    sys.exit(e.errno in (errno.EOPNOTSUPP, errno.ENOTTY) or str(e))
for folder in ("locked", "large"):
    os.mkdir(folder)
    fcntl.ioctl(os.open(folder, os.O_RDONLY), 0x800C6613, struct.pack("<BBBB4s16s", 2, 1, 4, 2, b"", bytes(add[8:24])))
os.mkdir("locked/folder")
for i in range(1, 250, 7):
    open("locked/" + "n" * i, "w").write("x" * i * 100)
for length in (1, 15, 16, 50, 90, 200):
    os.symlink("t" * length, "locked/link-%d" % length)
open("locked/folder/inside", "w").write("deep")
for i in range(3000):
    os.close(os.open("large/%d" % i, os.O_WRONLY | os.O_CREAT))
os.mkdir("folder")
open("file", "w").write("seen by all")
os.symlink("file", "link")
FILL
umount -d "$work/kernel"

# A journal that holds what the tables have not yet. The kernel replays it into a copy of its own.
mke2fs -q -F -t ext4 -b 1024 -N 4000 "$work/whole" 40M >"$work/out" 2>&1 || fail "mke2fs: $(cat "$work/out")"
mount -o loop,data=journal "$work/whole" "$work/kernel"
/usr/bin/python3 - "$work/kernel" "$work/whole" "$work/ext4-unclean.img" <<'FILL'
import os, shutil, sys
os.chdir(sys.argv[1])
os.mkdir("folder")
for i in range(1000):
    open("folder/%d" % i, "w").write("%d\n" % i * i)
for i in range(0, 1000, 3):
    os.unlink("folder/%d" % i)
os.symlink("file", "link")
with open("file", "w") as f:
    f.write("what went through the journal " * 1000)
    f.flush()
    os.fsync(f.fileno())
shutil.copyfile(sys.argv[2], sys.argv[3])
FILL
umount -d "$work/kernel"
dumpe2fs -h "$work/ext4-unclean.img" 2>/dev/null | grep -q needs_recovery || fail "the unclean image is clean"
for image in "$work"/*.img; do
	name=${image##*/}
	equal "${name%.img}"
done

# Options: an image inside another file, the one that is asked for.
head -c 1048576 /dev/zero >"$work/inside"
cat "$work/ext3.img" >>"$work/inside"
serve "$work/inside" -o offset=1048576,fs=ext3,partition=1
cmp "$work/little/size-300001" "$work/ours/size-300001" || fail "offset= shows other contents"
gone
code 1 "$plain" -o fs=ntfs "$work/ext3.img" "$work/ours"
says 'partition 1 is ext3, not ntfs'

# Other filesystems, against their own drivers.
if command -v mkntfs >/dev/null && command -v ntfs-3g >/dev/null; then
	truncate -s 40M "$work/ntfs.image"
	mkntfs -q -F "$work/ntfs.image" >"$work/out" 2>&1 || fail "mkntfs: $(cat "$work/out")"
	ntfs-3g "$work/ntfs.image" "$work/kernel"
	(cd "$work/little" && cp size-* 'all hole' 'hole at the end' "$work/kernel" && mkdir "$work/kernel/folder" &&
		cp folder/sparse "$work/kernel/folder/sparse" && cp -- '100% sure' -rf "$work/kernel")
	ln "$work/kernel/size-4097" "$work/kernel/folder/other name"
	mkdir "$work/kernel/many"
	/usr/bin/python3 -c 'import sys
for i in range(3000): open(sys.argv[1] + "/many/entry %05d" % i, "w").write("x" * i)' "$work/kernel"
	umount "$work/kernel"
	ntfs-3g -o ro,hide_hid_files=0 "$work/ntfs.image" "$work/kernel" 2>/dev/null || ntfs-3g -o ro "$work/ntfs.image" "$work/kernel"
	serve "$work/ntfs.image"
	/usr/bin/python3 "$truth" --foreign "$work/kernel" "$work/ours" >"$work/out" 2>&1 || {
		sed 's/^/  | /' "$work/out"
		fail "NTFS is not shown as ntfs-3g shows it"
	}
	echo "ntfs: $(tail -1 "$work/out")"
	gone
	umount "$work/kernel"
fi
if command -v mkfs.fat >/dev/null && command -v mcopy >/dev/null; then
	for bits in 12 16 32; do
		size=40M
		if [ $bits = 12 ]; then size=4M; fi
		truncate -s $size "$work/fat.image"
		mkfs.fat -F $bits "$work/fat.image" >"$work/out" 2>&1 || fail "mkfs.fat: $(cat "$work/out")"
		mmd -i "$work/fat.image" ::folder '::a longer name, with spaces'
		(cd "$work/little" && mcopy -i "$work/fat.image" size-* '100% sure' :: &&
			mcopy -i "$work/fat.image" size-* '::a longer name, with spaces')
		rm -rf "$work/copied"
		mkdir "$work/copied"
		mcopy -s -n -i "$work/fat.image" '::*' "$work/copied"
		serve "$work/fat.image" -o fs=fat$bits
		diff -r "$work/copied" "$work/ours" >"$work/out" || fail "FAT$bits: $(head -3 "$work/out")"
		echo "fat$bits: $(find "$work/ours" | wc -l) entries"
		gone
		rm "$work/fat.image"
	done
fi

# Real images, where they are: the files that their manifest tells.
real=$BAILEE_ROOT/../shared/images
if [ -e "$real/MANIFEST.tsv" ]; then
	at_end "umount '$work/real'"
	/usr/bin/python3 "$BAILEE_ROOT/tests/tools/manifest-facts.py" "$plain" "$real" "$work" >"$work/out" 2>&1 || {
		sed 's/^/  | /' "$work/out"
		fail "real images are shown otherwise than their manifest says"
	}
	tail -1 "$work/out"
fi
