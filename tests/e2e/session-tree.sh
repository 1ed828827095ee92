# The program that builds sealed places, driven by somebody who is no daemon: what is in the tree of viewers and what never gets in, bad
# requests, and that nothing of it outlives a socket, a parent or itself.
. "$BAILEE_ROOT/tests/e2e/lib.sh"
need_root
need_fuse
need_sessions
need less nnn file tree mc hexdump unshare /usr/bin/python3
mkdir "$work/broad"
for program in own writable foreign setuid broad/other; do
	cp /usr/bin/head "$work/$program"
	chmod 755 "$work/$program"
done
printf '#!/bin/sh\necho hello\n' >"$work/script"
chmod 755 "$work/script"
chmod 775 "$work/writable"
chown 61001 "$work/foreign"
chmod 4755 "$work/setuid"
chmod 777 "$work/broad"
ln -s foreign "$work/link-foreign"
# Mounts that other tests make meanwhile are not ours: a namespace of our own.
code 0 unshare -m --propagation private /usr/bin/python3 "$BAILEE_ROOT/tests/tools/session-tree.py" "$BAILEE_BUILD/bailee-session" "$work"
