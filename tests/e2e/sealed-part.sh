# Files inside a sealed device, destroyed on their own: their bytes are gone from the store's disk, every other file is what it
# was, views find the device again, and a certificate says so. And what is left out at intake was never there.
. "$BAILEE_ROOT/tests/e2e/lib.sh"
need_root
need_fuse
need mke2fs mkfs.ext4 jq setpriv python3
mkdir -p "$work/files/keep" "$work/files/go/deep"
# Random letters: nothing in them is masked.
letters() { head -c "$1" /dev/urandom | od -An -v -tx1 | tr '0-9a-f' 'g-v'; }
for i in 1 2 3 4 5 6; do letters $((i * 15000)) >"$work/files/keep/$i.txt"; done
for i in 1 2 3; do letters $((i * 20000)) >"$work/files/go/deep/$i.txt"; done
printf 'tiny\n' >"$work/files/go/tiny.txt"
printf 'also tiny\n' >"$work/files/keep/tiny.txt"
truncate -s 24M "$work/small.img"
mke2fs -q -t ext4 -d "$work/files" "$work/small.img"
loop_fs "$work/disk" 200M
store=$work/disk/store
cp "$BAILEE_ROOT/examples/policies/shop.yaml" "$work/shop.yaml"
chmod 644 "$work/shop.yaml"
start_daemon "$store" "$work/shop.yaml"
key=$(public_key)
kept() { # VIEW ID: all that was to stay is as it was
	for i in 1 2 3 4 5 6 tiny; do
		as 61002 cmp "$work/files/keep/$i.txt" "$1/$2/p1-ext4/keep/$i.txt" || fail "keep/$i.txt of $2 differs"
	done
}
gone() { # VIEW ID NAME: a read gives an error or zeros, never what was there
	if as 61002 cat "$1/$2/p1-ext4/$3" >"$work/gone" 2>/dev/null; then
		tr -d '\000' <"$work/gone" | cmp -s - /dev/null || fail "$3 of $2 can still be read"
	fi
}
code 0 "$bailee" intake "$work/small.img" --device DEV --kind laptop
view 61002 "$work/view"
kept "$work/view" DEV
as 61002 cmp "$work/files/go/deep/3.txt" "$work/view/DEV/p1-ext4/go/deep/3.txt" || fail "before"

code 2 "$bailee" shred DEV --path 'go/**'
says reason
code 1 "$bailee" shred DEV --path 'nothing/of/that' --reason 'ticket 1'
code 2 "$bailee" shred DEV --path 'go/[' --reason 'ticket 1'
code 3 as 61001 "$bailee" shred DEV --path 'go/**' --reason 'ticket 1'
code 0 "$bailee" shred DEV --path '/go' --reason 'ticket 1' --json
[ "$(tail -1 "$work/out" | jq .files)" = 4 ] || fail "files: $(tail -1 "$work/out")"
[ "$(tail -1 "$work/out" | jq .part)" = 1 ] || fail "part: $(tail -1 "$work/out")"
view 61002 "$work/view2"
kept "$work/view2" DEV
for name in deep/1.txt deep/2.txt deep/3.txt tiny.txt; do gone "$work/view2" DEV "go/$name"; done
code 0 "$bailee" certificate show DEV --part 1
cp "$work/out" "$work/part.json"
code 0 "$bailee" certificate verify "$work/part.json" --key "$key"
if grep -q -e tiny -e deep "$work/part.json"; then fail "the certificate names files"; fi
code 0 "$bailee" log query --device DEV --op part-done --json
[ "$(wc -l <"$work/out")" = 1 ] || fail "part-done: $(cat "$work/out")"
if grep -rqsa -e 'go/deep' "$store/log" "$store/devices"; then fail "a path in the clear"; fi
# Another one, over a restart, and then the whole.
code 0 "$bailee" shred DEV --path '/keep/6.txt' --reason 'ticket 2' --json
[ "$(tail -1 "$work/out" | jq .part)" = 2 ] || fail "part: $(tail -1 "$work/out")"
stop_daemon
start_daemon "$store" "$work/shop.yaml"
view 61002 "$work/view3"
for i in 1 2 3 4 5 tiny; do
	as 61002 cmp "$work/files/keep/$i.txt" "$work/view3/DEV/p1-ext4/keep/$i.txt" || fail "keep/$i.txt after a restart"
done
gone "$work/view3" DEV keep/6.txt

# Left out at intake.
code 0 "$bailee" intake "$work/small.img" --device LESS --kind laptop --without '/go' --no-free-space --json
[ "$(tail -1 "$work/out" | jq .files_left_out)" = 4 ] || fail "left out: $(tail -1 "$work/out")"
code 0 "$bailee" intake "$work/small.img" --device ONLY --kind laptop --only 'keep/**' --json
code 2 "$bailee" intake - --device PIPE --kind laptop --without go <"$work/small.img"
[ -z "$("$bailee" status --json | jq -c '.devices[] | select(.id == "PIPE")')" ] || fail "a refused intake made a device"
view 61002 "$work/view4"
for id in LESS ONLY; do
	kept "$work/view4" $id
	for name in deep/1.txt deep/2.txt deep/3.txt; do
		if as 61002 cat "$work/view4/$id/p1-ext4/go/$name" >/dev/null 2>&1; then fail "$name of $id is shown as if it were there"; fi
	done
	code 0 "$bailee" certificate show $id --intake
	says left_out
done
