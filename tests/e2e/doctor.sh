# bailee doctor sees what is wrong with a store and a machine, names the way out, changes nothing, and needs no service.
. "$BAILEE_ROOT/tests/e2e/lib.sh"
need_root
need jq mkfs.ext4
loop_fs "$work/disk" 64M
store=$work/disk/store
code 1 "$bailee" doctor --store "$work/none"
says 'bailee init'
code 0 "$bailee" init --store "$store" --kit "$work/kit"
before=$(find "$store" -type f -exec sha256sum {} + | sort)
grade() { "$bailee" doctor --store "$store" --json 2>/dev/null | jq -r --arg check "$1" '.findings[] | select(.check == $check) | .grade'; }
is() { [ "$(grade "$1")" = "$2" ] || { "$bailee" doctor --store "$store"; fail "'$1' is $(grade "$1"), wanted $2"; }; }
is store good
is "keys' filesystem" good
is 'key slots' good
is locks warning
is 'sealed images' good
is "auditor's kit" good
is destructions good
for check in swap cores hibernation ptrace clock ciphers kernel fuse 'locked memory' room sessions landlock namespaces /proc viewers; do
	[ -n "$(grade "$check")" ] || fail "nothing is said of '$check'"
done
[ "$before" = "$(find "$store" -type f -exec sha256sum {} + | sort)" ] || fail "doctor changed something"

# People read lines; every one that is not good says what to do about it.
"$bailee" doctor --store "$store" >"$work/out" 2>&1 || true
grep -q '^warning .*locks .*init' "$work/out" || fail "no way out: $(cat "$work/out")"
if grep -q "$(printf '\033')" "$work/out"; then fail "colours in a file"; fi

# Each thing that is wrong is found, and ends with 13.
chmod 755 "$store"
code 13 "$bailee" doctor --store "$store"
says 'chmod 711'
chmod 711 "$store"
chmod 644 "$store/keys"
code 13 "$bailee" doctor --store "$store"
says 600
chmod 600 "$store/keys"
cp "$store/keys" "$work/keys"
printf x | dd of="$store/keys" bs=1 seek=5000 conv=notrunc status=none
code 13 "$bailee" doctor --store "$store"
says twin
cat "$work/keys" >"$store/keys"
cp "$work/kit" "$store/auditor.kit"
is "auditor's kit" warning
rm "$store/auditor.kit"
mv "$store/keys" "$work/keys.away"
code 13 "$bailee" doctor --store "$store"
mv "$work/keys.away" "$store/keys"
is 'key slots' good

# Sealed sessions: what stands in their way is seen, and nothing is wrong with the store by it.
away() { # away COMMANDS: in namespaces of our own, where /proc hides
	unshare -m --propagation private sh -c "mount -t proc -o hidepid=invisible proc /proc && $1"' && exec "$@"' away "$bailee" doctor --store "$store"
}
graded() { grep -q "^$1 *$2 " "$work/out" || fail "no '$1' about $2: $(cat "$work/out")"; }
away : >"$work/out" || fail "doctor ended with $?"
graded good /proc
graded good sessions
graded good namespaces
away 'mount -t proc -o hidepid=off proc /proc' >"$work/out" || fail "doctor ended with $?"
graded warning /proc
grep -q '^warning */proc .*hidepid=invisible 0 0' "$work/out" || fail "no line for fstab"
away 'mount --bind /dev/null /usr/bin/tree' >"$work/out" || fail "doctor ended with $?"
graded warning viewers
grep -q '^warning *viewers .*apt install tree' "$work/out" || fail "no package"
# A limit on namespaces of one's own is inherited: nobody else's is touched.
unshare -U -r -m sh -c 'echo 0 >/proc/sys/user/max_user_namespaces && exec "$@"' few "$bailee" doctor --store "$store" >"$work/out" || fail "doctor ended with $?"
graded warning namespaces
grep -q '^warning *namespaces .*user.max_user_namespaces' "$work/out" || fail "no way out: $(cat "$work/out")"
mkdir "$work/alone"
cp "$bailee" "$work/alone"
if [ ! -e /usr/local/libexec/bailee/bailee-session ]; then
	"$work/alone/bailee" doctor --store "$store" >"$work/out" || fail "doctor ended with $?"
	grep -q '^warning *sessions .*make install' "$work/out" || fail "a missing bailee-session is not seen: $(cat "$work/out")"
fi

# Unencrypted swap, tried for real where the machine lets us.
truncate -s 8M "$work/disk/swap"
dd if=/dev/zero of="$work/disk/swap" bs=1M count=8 conv=notrunc status=none
chmod 600 "$work/disk/swap"
if mkswap "$work/disk/swap" >/dev/null 2>&1 && swapon "$work/disk/swap" 2>/dev/null; then
	at_end "swapoff '$work/disk/swap'"
	is swap bad
	swapoff "$work/disk/swap"
else
	echo "swap: not tried, this machine has none to turn on"
fi
