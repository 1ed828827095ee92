# mount(8) and fstab: mount -t bailee, mount -t fuse.bailee, mount -a, umount, by the links that `make install` puts into /sbin.
. "$BAILEE_ROOT/tests/e2e/lib.sh"
need_root
need_fuse
need mke2fs mcopy sfdisk findmnt losetup unshare

# mount(8) looks in /sbin alone: in a mount namespace of our own there is another one above it.
if [ -z "${BAILEE_HELPER_TEST:-}" ]; then
	rm -rf "$work"
	trap - EXIT INT TERM HUP
	export BAILEE_HELPER_TEST=1
	exec unshare -m --propagation private sh "$0"
fi
sbin=$(readlink -f /sbin)
mkdir "$work/above"
mount -t tmpfs above "$work/above"
at_end "umount -l '$work/above'"
mkdir "$work/above/upper" "$work/above/work" "$work/root"
mount -t overlay overlay -o "lowerdir=$sbin,upperdir=$work/above/upper,workdir=$work/above/work" "$sbin" 2>/dev/null || skip "needs overlayfs"
at_end "umount -l '$sbin'"
make -s -C "$BAILEE_ROOT" install "B=$BAILEE_BUILD" DESTDIR="$work/root" PREFIX=/usr >"$work/out" 2>&1 || fail "make install: $(cat "$work/out")"
for type in bailee fuse.bailee; do
	[ "$(readlink "$work/root/sbin/mount.$type")" = /usr/bin/bailee ] || fail "no /sbin/mount.$type is installed"
	ln -s "$BAILEE_BUILD/bailee" "$sbin/mount.$type"
done

sh "$BAILEE_ROOT/examples/make-devices.sh" "$work/devices"
disk=$work/devices/laptop.img
view=$work/view
store=$work/store
mkdir "$view"
at_end "umount '$view' || umount -l '$view'"
unset BAILEE_STORE
# gone: unmounted by umount(8), and its program has ended
gone() {
	code 0 umount "$view"
	wait_store_free "$store"
}

for type in bailee fuse.bailee; do
	code 0 mount -t $type "$disk" "$view" -o "store=$store,device=RMA-1,_netdev,nofail"
	[ "$(ls "$view/RMA-1" | tr '\n' ' ')" = 'p1-fat32 p2-ext4 p3-ntfs ' ] || fail "-t $type shows $(ls "$view")"
	code 0 findmnt -n -o SOURCE,FSTYPE "$view"
	says "$disk fuse.bailee"
	gone
done
code 0 mount -v -n -s -r -t bailee "$disk=RMA-2" "$view" -o "store=$store,partition=2"
[ "$(ls "$view/RMA-2")" = p2-ext4 ] || fail "partition=2 shows $(ls "$view/RMA-2")"
gone
# mount(8) keeps offset= and loop for itself.
code 0 mount -t bailee "$disk" "$view" -o "store=$store,device=RMA-3,start=1M,fs=vfat"
[ "$(ls "$view/RMA-3")" = p1-fat32 ] || fail "start=1M shows $(ls "$view/RMA-3")"
gone
for option in offset=1M loop; do
	code 1 mount -t bailee "$disk" "$view" -o "store=$store,$option"
	says 'say start= for offset=, and no loop'
done
! losetup -n -O BACK-FILE | grep -qF "$work" || fail "a loop device is left"

# What it is not given is not taken for granted, also with -s.
code 32 mount -t bailee "$disk" "$view" -o "store=$store,allow_other"
says 'allow_other is refused'
code 32 mount -s -t bailee "$disk" "$view" -o "store=$store,polciy=x"
says "no option -o 'polciy'"
code 32 mount -t bailee "$work/none.img" "$view" -o "store=$store"
code 1 mount -N "$$" -t bailee "$disk" "$view" -o "store=$store"
code 0 mount -f -t bailee "$disk" "$view" -o "store=$store"
! findmnt -n "$view" || fail "something is mounted"

# ---- fstab --------------------------------------------------------------------------------------------
ln -s "$disk" "$work/my disk.img"
cat >"$work/fstab" <<FSTAB
$work/my\040disk.img $view bailee defaults,_netdev,nofail,store=$store,device=RMA-1,timeout=600,x-systemd.automount 0 0
$disk $work/never fuse.bailee noauto,store=$store 0 0
$work/none.img $view bailee nofail,store=$store 0 0
FSTAB
code 0 mount -T "$work/fstab" -a
[ -d "$view/RMA-1/p3-ntfs" ] || fail "mount -a shows nothing"
# It is there already: no second one.
code 0 mount -T "$work/fstab" -a
[ "$(grep -cF " $view fuse.bailee" /proc/self/mounts)" = 1 ] || fail "mounted twice"
gone
code 0 mount -T "$work/fstab" "$view"
[ -d "$view/RMA-1/p3-ntfs" ] || fail "mount MOUNTPOINT shows nothing"
gone
