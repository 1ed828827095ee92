# Every way a mount ends: unmounted, lazily, by each signal, twice, killed, unused for its time. Nothing stays, and the log knows.
. "$BAILEE_ROOT/tests/e2e/lib.sh"
need_root
need_fuse
need mke2fs jq setpriv fusermount3 unshare
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
mkdir "$work/files" "$work/view"
echo 'nothing to see' >"$work/files/a.txt"
truncate -s 4M "$work/one.img"
mke2fs -q -t ext4 -d "$work/files" "$work/one.img"
store=$work/store
view=$work/view
file=$view/ONE/p1-ext4/a.txt
at_end "'$bailee' umount '$view' || umount -l '$view'"

is_mounted() { grep -qF " $view fuse.bailee " /proc/self/mounts; }
# mounted [OPTION...]: in the foreground, ready: its pid is $mount
mounted() {
	rm -f "$work/ready"
	mkfifo "$work/ready"
	"$bailee" mount -f --store "$store" "$@" "$work/one.img=ONE" "$view" >"$work/ready" 2>"$work/said" &
	mount=$!
	at_end "kill -9 $mount"
	read -r line <"$work/ready" || fail "no mount: $(cat "$work/said")"
	# Ready is when it answers.
	code 0 stat "$view"
	is_mounted || fail "it is ready, and not mounted"
	code 0 cat "$file"
	says 'nothing to see'
}
# ended CODE: its exit code; the place and the store are free, and the log has the end of the view
ended() {
	got=0
	wait "$mount" || got=$?
	[ "$got" = "$1" ] || fail "it ended with $got, not $1: $(cat "$work/said")"
	! is_mounted || fail "it has ended, and is mounted"
	[ -z "$(ls -A "$view")" ] || fail "something is in the place it was mounted on"
	wait_store_free "$store"
	views=$((views + 1))
	"$bailee" log query --log "$store/log" --op view-closed --json >"$work/closed"
	[ "$(wc -l <"$work/closed")" = "$views" ] || fail "$views views have ended, the log has $(wc -l <"$work/closed")"
}
views=0

# ---- unmounted ----------------------------------------------------------------------------------------
mounted
code 0 umount "$view"
ended 0
mounted
code 0 fusermount3 -u "$view"
ended 0
mounted
code 0 "$bailee" umount "$view"
ended 0

# In use it stays. Lazily it goes from the tree at once, and ends with the last handle.
mounted
exec 5<"$file"
mkdir "$work/bin"
printf '#!/bin/sh\n: >"%s/found-by-path"\n' "$work" >"$work/bin/fusermount3"
chmod 755 "$work/bin/fusermount3"
code 10 env PATH="$work/bin:$PATH" "$bailee" umount "$view"
says 'or in use'
[ ! -e "$work/found-by-path" ] || fail "root ran a fusermount3 that PATH led to"
code 32 umount "$view"
code 0 umount -l "$view"
! is_mounted || fail "it is there after umount -l"
[ "$(cat <&5)" = 'nothing to see' ] || fail "an open file of a lazily unmounted mount is not read on"
kill -0 $mount || fail "it ended while a file was open"
exec 5<&-
ended 0
# What was mounted there meanwhile is somebody else's, and stays when a signal ends it; also where even root is kept out.
for kind in tmpfs fuse; do
	mounted
	exec 5<"$file"
	umount -l "$view"
	if [ $kind = tmpfs ]; then
		mount -t tmpfs another "$view"
	else
		exec 6<>/dev/fuse
		mount -i -t fuse -o fd=6,rootmode=40000,user_id=61002,group_id=61002 another "$view"
	fi
	kill -TERM $mount
	got=0
	wait $mount || got=$?
	[ "$got" = 0 ] || fail "it ended with $got"
	grep -qF "another $view $kind" /proc/self/mounts || fail "another mount at its place was taken away ($kind)"
	exec 5<&- 6>&-
	umount "$view"
	views=$((views + 1))
done

# ---- signals ------------------------------------------------------------------------------------------
for signal in TERM INT HUP QUIT; do
	mounted
	exec 5<"$file"
	kill -$signal $mount
	ended 0
	if read -r line <&5 2>/dev/null; then fail "read after the end: $line"; fi
	exec 5<&-
done
# A second one changes nothing.
mounted
kill -TERM $mount
kill -TERM $mount 2>/dev/null || true
kill -INT $mount 2>/dev/null || true
ended 0

# ---- killed -------------------------------------------------------------------------------------------
for way in "$bailee umount" 'fusermount3 -u' umount; do
	mounted
	kill -9 $mount
	wait $mount 2>/dev/null || true
	is_mounted || fail "a killed mount has gone by itself"
	code 1 cat "$file"
	code 0 $way "$view"
	! is_mounted || fail "a dead mount stays after $way"
	wait_store_free "$store"
done

# ---- unused -------------------------------------------------------------------------------------------
# A file, and a folder, that is open keeps it, and so does who stands in it.
mounted -o timeout=1
exec 5<"$file" 6<"$view"
for turn in 1 2; do sleep 1; is_mounted || fail "it went while a file was open"; done
exec 5<&-
for turn in 1 2; do sleep 1; is_mounted || fail "it went while a folder was open"; done
(cd "$view" && exec 6<&- && for turn in 1 2; do sleep 1; is_mounted || exit 1; done) || fail "it went while somebody stood in it"
exec 6<&-
ended 0
# Nor is another mount at its place taken for it.
mounted -o timeout=1
(cd "$view" && umount -l "$view" && mount -t tmpfs another "$view" && sleep 2 && grep -qF "another $view tmpfs" /proc/self/mounts) ||
	fail "another mount at the place of an unused one was taken away"
umount "$view"
ended 0

# ---- -d -----------------------------------------------------------------------------------------------
mounted -d
code 0 umount "$view"
ended 0
grep -q '^debug: serve: lookup of node 1 by uid 0, pid [0-9]*$' "$work/said" || fail "-d tells no lookup: $(cat "$work/said")"
grep -q '^debug: serve: read of node' "$work/said" || fail "-d tells no read"
if grep -qE 'a\.txt|nothing to see|ONE' "$work/said"; then fail "-d tells what is in the device"; fi

# ---- an ordinary user ---------------------------------------------------------------------------------
account=$(id -u nobody) # fusermount3 wants one that has a name
mkdir "$work/theirs" "$work/home"
chown "$account" "$work/theirs" "$work/home" "$work/one.img"
theirs() { as "$account" env HOME="$work/home" "$bailee" "$@"; }
code 0 theirs mount -o timeout=1 --store "$work/home/store" "$work/one.img=ONE" "$work/theirs"
at_end "umount -l '$work/theirs'"
code 0 as "$account" cat "$work/theirs/ONE/p1-ext4/a.txt"
as "$account" flock "$work/home/store/bailee.store" true
! grep -qF " $work/theirs fuse.bailee" /proc/self/mounts || fail "an ordinary user's mount does not go"
