# What is destroyed is gone from the disk itself: of a sealed device nothing is ever in the clear there, not a piece of its files, not a
# key; and when a part or the whole is shredded, every byte that wrapped its keys, now or at any checkpoint before, is nowhere on the
# raw disk. Each search finds what it looks for first where it must be.
. "$BAILEE_ROOT/tests/e2e/lib.sh"
need_root
need_fuse
need mke2fs mkfs.ext4 mkfs.xfs jq setpriv
secrets=$BAILEE_BUILD/test/tools/vault-secrets
cp "$BAILEE_ROOT/examples/policies/shop.yaml" "$work/shop.yaml"
chmod 644 "$work/shop.yaml"
letters() { head -c "$1" /dev/urandom | od -An -v -tx1 | tr '0-9a-f' 'g-v'; }
mkdir -p "$work/files/keep" "$work/files/go"
for name in keep/1 keep/2 go/1 go/2; do
	letters 400000 >"$work/files/$name.txt"
done
printf 'seventh' >"$work/files/go/odd.txt"
letters 70001 >>"$work/files/go/odd.txt"
size=$((100 << 20))
truncate -s $size "$work/small.img"
mke2fs -q -t ext4 -d "$work/files" "$work/small.img"
for name in keep/1 keep/2 go/1 go/2 go/odd; do "$secrets" cut "$work/files/$name.txt" 61; done >"$work/plain"

# found MEDIUM LIST [PATTERN]: how many lines of LIST (of those that match) lie in MEDIUM; they are in $work/found
found() {
	grep -e "${3:-.}" "$2" >"$work/list" || fail "nothing in the list to look for: ${3:-}"
	"$secrets" find "$1" <"$work/list" >"$work/found" || fail "the search of $1"
	tail -1 "$work/found" | cut -d' ' -f1
}
kinds() { head -5 "$work/found" | cut -c1-60; sed '$d' "$work/found" | cut -d' ' -f1,2 | sort | uniq -c; }
none() { [ "$(found "$@")" = 0 ] || { kinds; fail "$fs: on the disk: $(tail -1 "$work/found") of $2 ${3:-}"; }; }
every() { [ "$(found "$@")" = "$(wc -l <"$work/list")" ] || fail "$fs: only $(tail -1 "$work/found") of $2 ${3:-} are on the disk"; }
dump() { "$secrets" dump "$store" "$1" >"$work/$2" || fail "dump of $1"; }
# All but a few, which lie where a file goes on in another place.
count=$(found "$work/small.img" "$work/plain")
[ "$count" -gt $(($(wc -l <"$work/plain") * 9 / 10)) ] || fail "the source has only $(tail -1 "$work/found") pieces of its own files"

for fs in ext4 xfs; do
	disk=$work/$fs
	loop_fs "$disk" 320M $fs
	store=$disk/store
	start_daemon "$store" "$work/shop.yaml"
	key=$(public_key)

	# Three tries of one intake: two end early, which is a checkpoint each, and leaves older nodes, entries and headers.
	try=0
	for megabytes in 20 70; do
		head -c ${megabytes}M "$work/small.img" | "$bailee" intake - --device DEV --kind laptop --size $size >"$work/out" 2>&1 && fail "$fs: an image that ends early"
		try=$((try + 1))
		dump DEV "try-$try"
		sync -f "$disk"
		every "$disk.img" "$work/try-$try" '^wrap'
	done
	code 0 "$bailee" intake - --device DEV --kind laptop --size $size --json <"$work/small.img"
	view 61002 "$work/view-$fs"
	for name in keep/1 keep/2 go/1 go/2 go/odd; do
		as 61002 cmp "$work/files/$name.txt" "$work/view-$fs/DEV/p1-ext4/$name.txt" || fail "$fs: $name"
	done
	dump DEV whole
	sync -f "$disk"
	every "$disk.img" "$work/whole" '^wrap'
	every "$disk.img" "$work/whole" '^cipher chunk'
	none "$disk.img" "$work/whole" '^key'
	none "$disk.img" "$work/plain"

	# A part: all that is another one afterwards was overwritten, down to the old ciphertext.
	code 0 "$bailee" shred DEV --path '/go' --reason 'ticket 1' --json
	code 0 "$bailee" certificate show DEV --part 1
	[ "$(jq -r '.status + " " + .how.category' "$work/out")" = 'ERASED clear' ] || fail "$fs: part: $(cat "$work/out")"
	cp "$work/out" "$work/part.json"
	code 0 "$bailee" certificate verify "$work/part.json" --key "$key"
	dump DEV rest
	sort "$work/rest" >"$work/rest.sorted"
	sort "$work/whole" | comm -23 - "$work/rest.sorted" >"$work/was"
	for kind in 'key image-root' 'key node' 'key group' 'key chunk' 'wrap slot-sealed' 'wrap header-top' 'wrap node-entry' 'wrap index-entry' 'cipher chunk'; do
		grep -q "^$kind" "$work/was" || fail "$fs: a part's destruction left every '$kind' as it was"
	done
	sync -f "$disk"
	every "$disk.img" "$work/rest" '^wrap'
	none "$disk.img" "$work/was"
	none "$disk.img" "$work/rest" '^key'

	# The whole, early, by its owner.
	code 0 "$bailee" shred DEV --reason 'ticket 2'
	code 0 "$bailee" shred --due
	[ "$("$bailee" status --json | jq -r '.devices[] | select(.id == "DEV") | .state')" = shredded ] || fail "$fs: DEV is not shredded"
	code 0 "$bailee" certificate show DEV
	[ "$(jq -r '.status + " " + .how.category + " " + (.verification.keys_that_opened | tostring)' "$work/out")" = 'ERASED clear 0' ] || fail "$fs: certificate: $(cat "$work/out")"
	cp "$work/out" "$work/certificate.json"
	code 0 "$bailee" certificate verify "$work/certificate.json" --key "$key"
	says 'cryptographic erase'
	[ ! -e "$store/devices/DEV/image" ] || fail "$fs: the image is still there"
	stop_daemon
	[ "$stopped" = 0 ] || fail "$fs: the daemon ended with $stopped"
	umount "$disk"
	for list in try-1 try-2 whole rest; do
		none "$disk.img" "$work/$list" '^wrap'
		grep -v -e '^key kek' -e '^key store' "$work/$list" >"$work/keys.list"
		none "$disk.img" "$work/keys.list" '^key'
	done
	none "$disk.img" "$work/plain"
done
