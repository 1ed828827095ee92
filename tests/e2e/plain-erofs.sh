# Whatever would change something is refused with the errno of the kernel's own read-only mount: every call, on everything that a name can
# be, by root and by an ordinary user, of bailee-plain and of the real mount.
. "$BAILEE_ROOT/tests/e2e/lib.sh"
need_root
need_fuse
need mke2fs /usr/bin/python3 setpriv unshare
# Where /dev/fuse is root's alone: a node of our own, in a mount namespace of our own.
if [ "$(stat -c %a /dev/fuse)" != 666 ] && [ -z "${BAILEE_OWN_FUSE:-}" ]; then
	rm -rf "$work"
	trap - EXIT INT TERM HUP
	export BAILEE_OWN_FUSE=1
	exec unshare -m --propagation private sh "$0"
fi
if [ -n "${BAILEE_OWN_FUSE:-}" ]; then
	mknod "$work/fuse" c 10 229
	chmod 666 "$work/fuse"
	mount --bind "$work/fuse" /dev/fuse
	at_end "umount /dev/fuse"
fi

mkdir "$work/files" "$work/files/folder" "$work/files/empty" "$work/kernel" "$work/ours" "$work/theirs"
echo 'nothing to see' >"$work/files/file"
echo 'nothing here' >"$work/files/folder/in"
ln -s file "$work/files/link"
ln -s none "$work/files/lost"
mkfifo "$work/files/fifo"
chmod 755 "$work/files" "$work/files/folder" "$work/files/empty"
chmod 644 "$work/files/file" "$work/files/folder/in"
chmod 666 "$work/files/fifo" # whoever may write into it does not change the image
truncate -s 8M "$work/one.img"
mke2fs -q -t ext4 -d "$work/files" "$work/one.img" 2>"$work/out" || fail "mke2fs: $(cat "$work/out")"
chmod 644 "$work/one.img"
at_end "umount -d '$work/kernel'"
mount -o ro,loop,noload,nosuid,nodev,noexec "$work/one.img" "$work/kernel" || skip "needs loop devices"

# same WHAT COMMAND...: run by COMMAND, both say the same
same() {
	got=0
	"$@" /usr/bin/python3 "$BAILEE_ROOT/tests/tools/erofs.py" "$work/kernel" "$mount" >"$work/out" 2>&1 || got=$?
	[ $got != 77 ] || skip "$(cat "$work/out")"
	[ $got = 0 ] || { cat "$work/out"; fail "others errnos than the kernel's: $*"; }
	tail -1 "$work/out"
}
at_end "umount '$work/ours' || umount -l '$work/ours'"
mount=$work/ours
"$BAILEE_BUILD/test/bailee-plain" "$work/one.img" "$mount" >"$work/said" 2>&1 || fail "no mount: $(cat "$work/said")"
same env
umount "$mount"

export BAILEE_STORE="$work/store"
code 0 "$bailee" mount "$work/one.img=ONE" "$work/ours"
mount=$work/ours/ONE/p1-ext4
same env
code 0 umount "$work/ours"
wait_store_free "$work/store"

# An ordinary user, whose mount it is.
account=$(id -u nobody) # fusermount3 wants one that has a name
chown "$account" "$work/theirs"
at_end "umount '$work/theirs' || umount -l '$work/theirs'"
mount=$work/theirs
as "$account" "$BAILEE_BUILD/test/bailee-plain" "$work/one.img" "$mount" >"$work/said" 2>&1 || skip "needs a fusermount3 that lets users mount"
same as "$account"
