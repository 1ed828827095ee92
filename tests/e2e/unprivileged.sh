# Solo as an ordinary account: it works with nothing but fusermount3, and what needs root says so.
#
# Where /dev/fuse is root's alone (Debian's udev opens it to all), root tests with a node of its own, in a mount namespace of its own.
if [ "$(id -u)" = 0 ] && [ -e /dev/fuse ] && [ "$(stat -c %a /dev/fuse)" != 666 ] && [ -z "${BAILEE_OWN_FUSE:-}" ]; then
	export BAILEE_OWN_FUSE=1
	exec unshare --mount sh "$0"
fi
. "$BAILEE_ROOT/tests/e2e/lib.sh"
if [ -n "${BAILEE_OWN_FUSE:-}" ]; then
	mknod "$work/fuse" c 10 229
	chmod 666 "$work/fuse"
	mount --bind "$work/fuse" /dev/fuse
	at_end "umount /dev/fuse"
fi
need_fuse
need mke2fs jq fusermount3 flock
if [ "$(id -u)" = 0 ]; then
	need setpriv
	account=$(id -u nobody) # fusermount3 wants an account
	[ -u "$(command -v fusermount3)" ] || skip "needs a setuid fusermount3"
	me() { as "$account" env HOME="$work/home" "$@"; }
else
	account=$(id -u)
	me() { env HOME="$work/home" "$@"; }
fi
unset BAILEE_STORE XDG_STATE_HOME
mkdir "$work/home" "$work/files"
printf 'ring 202-555-0188, card 4111 1111 1111 1111, the printer is out of toner\n' >"$work/files/notes.txt"
truncate -s 4M "$work/home/stick.img"
mke2fs -q -d "$work/files" "$work/home/stick.img"
cp "$work/home/stick.img" "$work/home/secret.img"
mkdir "$work/home/view"
[ "$(id -u)" != 0 ] || chown -R "$account" "$work/home"
chmod 000 "$work/home/secret.img"
me test -w /dev/fuse || skip "/dev/fuse is not open to ordinary accounts here"
me test -x "$bailee" || skip "needs a build that an ordinary account can run"
# Nothing of the default store's path is there yet.
store=$work/home/.local/state/bailee
at_end "me '$bailee' umount '$work/home/view'"

code 0 me "$bailee" mount "$work/home/stick.img=RMA-1" "$work/home/view"
says 'nothing is enforced against you'
code 0 me ls "$work/home/view/RMA-1"
says p1-ext2
code 0 me cat "$work/home/view/RMA-1/p1-ext2/notes.txt"
says 'the printer is out of toner'
hides 4111
hides 555-0188
code 0 me "$bailee" why "$work/home/view/RMA-1/p1-ext2/notes.txt"
says solo-looks
code 0 me "$bailee" status --json
key=$(jq -r .public_key "$work/out")
[ "$(stat -c %u:%a "$store")" = "$account:711" ] || fail "the store is not its user's own: $(stat -c %u:%a "$store")"
[ "$(find "$store" -mindepth 1 \( -type f -o -type d \) -perm /077 | wc -l)" = 0 ] || fail "something in the store is open to others"
code 0 me "$bailee" log query --store "$store" --op read
says permitted
if [ "$(id -u)" = 0 ]; then
	# Another account, root among them, is kept out of the view; the store's own folders keep others from asking.
	code 2 ls "$work/home/view/"
	code 2 as 61078 ls "$work/home/view/"
	code 10 as 61078 "$bailee" log query --store "$store"
	code 10 as 61078 "$bailee" status --store "$store"
fi
code 2 me "$bailee" mount --store "$store.2" "$work/home/secret.img" "$work/home/view"
says "cannot open source"
[ ! -e "$store.2" ] || fail "a store was made for a source that cannot be read"
code 2 me "$bailee" mount --store "$store.2" "$work/home/absent.img" "$work/home/view"
code 2 me "$bailee" serve --store "$store.2"
says root
code 2 me "$bailee" serve --store "$store"
code 10 me "$bailee" umount "$work/home"
code 0 me "$bailee" umount "$work/home/view"
wait_store_free "$store"
[ "$(me ls "$work/home/view" | wc -l)" = 0 ] || fail "the view is still there"
code 13 me "$bailee" log verify --store "$store" --key "$key"
