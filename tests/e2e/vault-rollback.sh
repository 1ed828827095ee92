# What was put back from a copy made before: a whole store against its anchor, a device's image from before files in it were destroyed, the key file from
# before a device was, and a header torn at every sector. Nothing that was destroyed is shown again, and what is wrong is said.
. "$BAILEE_ROOT/tests/e2e/lib.sh"
need_root
need_fuse
need mke2fs mkfs.ext4 mkfs.xfs jq setpriv python3
cp "$BAILEE_ROOT/examples/policies/shop.yaml" "$work/shop.yaml"
chmod 644 "$work/shop.yaml"
letters() { head -c "$1" /dev/urandom | od -An -v -tx1 | tr '0-9a-f' 'g-v'; }
mkdir -p "$work/files/go" "$work/anchor"
letters 30000 >"$work/files/keep.txt"
letters 30000 >"$work/files/go/gone.txt"
truncate -s 24M "$work/small.img"
mke2fs -q -t ext4 -d "$work/files" "$work/small.img"
kept() { as 61002 cmp "$work/files/keep.txt" "$1/$2/p1-ext4/keep.txt" || fail "$fs: keep.txt of $2"; }
# closed VIEW ID: no byte of it is shown, neither of what was destroyed nor of anything else
closed() {
	for name in keep.txt go/gone.txt; do
		as 61002 cat "$1/$2/p1-ext4/$name" >"$work/shown" 2>/dev/null && fail "$fs: $name of $2 is shown"
		[ ! -s "$work/shown" ] || fail "$fs: bytes of $name of $2 are shown"
	done
}
gone() {
	if as 61002 cat "$1/$2/p1-ext4/go/gone.txt" >"$work/shown" 2>/dev/null; then
		tr -d '\000' <"$work/shown" | cmp -s - /dev/null || fail "$fs: what was destroyed in $2 is shown"
	fi
}
save() { rm -rf "$work/copy" && cp -a "$store" "$work/copy"; }

# not_served: what is there now is refused, in one line
not_served() {
	"$bailee" serve --store "$store" --policy "$work/shop.yaml" --anchor "$work/anchor" >"$work/out" 2>&1 && fail "$fs: it is served"
	[ "$(wc -l <"$work/out")" = 1 ] || fail "$fs: more than a line: $(cat "$work/out")"
}
for fs in ext4 xfs; do
	disk=$work/$fs
	loop_fs "$disk" 320M $fs
	store=$disk/store
	rm -rf "$work/anchor"
	mkdir "$work/anchor"
	code 0 "$bailee" init --store "$store" --kit "$work/kit-$fs"
	serve_options="--anchor $work/anchor"
	start_daemon "$store" "$work/shop.yaml"
	for id in PART WHOLE STAYS; do code 0 "$bailee" intake "$work/small.img" --device $id --kind laptop; done
	stop_daemon
	save
	start_daemon "$store" "$work/shop.yaml"
	code 0 "$bailee" shred PART --path '/go' --reason 'ticket 1'
	code 0 "$bailee" shred WHOLE --reason 'ticket 2'
	code 0 "$bailee" shred --due
	[ ! -s "$work/daemon.err" ] || fail "$fs: the service said: $(cat "$work/daemon.err")"
	[ "$(state WHOLE)" = shredded ] || fail "$fs: WHOLE is $(state WHOLE)"
	stop_daemon
	serve_options=
	cp -a "$store" "$work/now-$fs"

	# All of it: the anchor knows more.
	rm -rf "$store"
	cp -a "$work/copy" "$store"
	not_served
	rm -rf "$store"
	cp -a "$work/now-$fs" "$store"

	# One device's image, from before files in it were destroyed: the slot holds another root by now.
	rm -rf "$store/devices/PART/image"
	cp -a "$work/copy/devices/PART/image" "$store/devices/PART/image"
	start_daemon "$store" "$work/shop.yaml"
	view 61002 "$work/view-a-$fs"
	closed "$work/view-a-$fs" PART
	kept "$work/view-a-$fs" STAYS
	code 0 "$bailee" log query --device PART --op source-error --json
	[ "$(wc -l <"$work/out")" -gt 0 ] || fail "$fs: no event of an image put back"
	stop_daemon
	# Its tree, index and data, under the header of now.
	cp -a "$work/now-$fs/devices/PART/image/header" "$store/devices/PART/image/header"
	start_daemon "$store" "$work/shop.yaml"
	view 61002 "$work/view-b-$fs"
	closed "$work/view-b-$fs" PART
	stop_daemon
	rm -rf "$store"
	cp -a "$work/now-$fs" "$store"

	# A shredded device's folder of before: its key is gone, and its record and the log know.
	rm -rf "$store/devices/WHOLE"
	cp -a "$work/copy/devices/WHOLE" "$store/devices/WHOLE"
	start_daemon "$store" "$work/shop.yaml"
	view 61002 "$work/view-c-$fs"
	closed "$work/view-c-$fs" WHOLE
	kept "$work/view-c-$fs" STAYS
	stop_daemon
	rm -rf "$store"
	cp -a "$work/now-$fs" "$store"

	# The key file of before: the shredded device does not come back, not even with its image; nor do destroyed files.
	cp -a "$work/copy/keys" "$store/keys"
	cp -a "$work/copy/devices/WHOLE/image" "$store/devices/WHOLE/image"
	start_daemon "$store" "$work/shop.yaml"
	[ "$(state WHOLE)" = shredded ] || fail "$fs: WHOLE is $(state WHOLE) with the keys of before"
	# Its record says that its keys were destroyed: so they are again, and the log says so.
	code 0 "$bailee" log query --device WHOLE --op admin --verdict failed --json
	grep -q 'destroyed again' "$work/out" || fail "$fs: nothing is said of the key that came back"
	grep -q 'older key file' "$work/daemon.err" || fail "$fs: the service says nothing of it"
	: >"$work/daemon.err"
	view 61002 "$work/view-d-$fs"
	closed "$work/view-d-$fs" WHOLE
	gone "$work/view-d-$fs" PART
	kept "$work/view-d-$fs" STAYS
	stop_daemon
	rm -rf "$store"
	cp -a "$work/now-$fs" "$store"
done

# Torn headers: the write of one slot stopped after each of its sectors, once over the slot that does not count and once over the one that does.
cat >"$work/tear.py" <<'PYTHON'
import sys
path, sectors, which = sys.argv[1], int(sys.argv[2]), sys.argv[3]
with open(path, "rb") as file:
    content = file.read()
slots = [content[:4096], content[4096:]]
current = 0 if slots[0][64:72][::-1] > slots[1][64:72][::-1] else 1
torn = 1 - current if which == "other" else current
at = 512 * sectors
# A write of anything else: the two slots of a complete image say nearly the same.
slots[torn] = bytes(byte ^ 0xA5 for byte in slots[1 - torn][:at]) + slots[torn][at:]
with open(path, "r+b") as file:
    file.write(slots[0] + slots[1])
PYTHON
store=$work/torn
start_daemon "$store" "$work/shop.yaml"
for sectors in 1 2 3 4 5 6 7; do code 0 "$bailee" intake "$work/small.img" --device "T$sectors" --kind laptop; done
stop_daemon
cp -a "$store/devices" "$work/devices.good"
for which in other current; do
	for sectors in 1 2 3 4 5 6 7; do python3 "$work/tear.py" "$store/devices/T$sectors/image/header" $sectors $which; done
	start_daemon "$store" "$work/shop.yaml"
	view 61002 "$work/view-$which"
	for sectors in 1 2 3 4 5 6 7; do
		# A complete image says so in both slots: whichever is torn, the other opens it.
		kept "$work/view-$which" T$sectors
	done
	stop_daemon
	[ "$stopped" = 0 ] || fail "torn: the daemon ended with $stopped"
	rm -rf "$store/devices"
	cp -a "$work/devices.good" "$store/devices"
done
