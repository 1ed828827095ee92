# Folders of NTFS of every size are listed: empty, with what fits beside their record, and with an index of their own.
. "$BAILEE_ROOT/tests/e2e/lib.sh"
need_root
need_fuse
need mkntfs ntfs-3g
truncate -s 32M "$work/ntfs.img"
mkntfs -F -Q -q "$work/ntfs.img" >/dev/null 2>&1
mkdir "$work/ntfs" "$work/view"
ntfs-3g "$work/ntfs.img" "$work/ntfs" || skip "ntfs-3g cannot mount here"
at_end "umount '$work/ntfs'"
mkdir -p "$work/ntfs/none" "$work/ntfs/one/two/three" "$work/ntfs/many"
echo small >"$work/ntfs/one/two/three/four.txt"
for i in $(seq 300); do echo "$i" >"$work/ntfs/many/file-$i.txt"; done
(cd "$work/ntfs" && find . | sort) >"$work/made"
umount "$work/ntfs"
"$bailee" mount --store "$work/store" "$work/ntfs.img=N1" "$work/view"
at_end "'$bailee' umount '$work/view'"
(cd "$work/view/N1/"*ntfs && find . | sort) >"$work/seen"
diff "$work/made" "$work/seen" || fail "the folders differ"
[ "$(cat "$work/view/N1/"*ntfs/one/two/three/four.txt)" = small ] || fail "a file in a small folder cannot be read"
