# A device taken in: sealed while it is read, shown exactly as a plain one is, with a receipt that anybody can check; its source
# destroyed only when asked for and proved. What is no image, ends early, or is there already is refused in one line.
. "$BAILEE_ROOT/tests/e2e/lib.sh"
need_root
need_fuse
need mke2fs mkfs.ext4 jq setpriv python3
mkdir "$work/files" "$work/files/sub"
printf 'a needle in the haystack: zebulon-was-here\n' >"$work/files/notes.txt"
printf 'write to erika.mustermann@example.org or call\n' >"$work/files/sub/mail.txt"
head -c 300000 /dev/urandom | base64 >"$work/files/sub/long.txt"
ln -s notes.txt "$work/files/link"
truncate -s 24M "$work/small.img"
mke2fs -q -t ext4 -d "$work/files" "$work/small.img"
loop_fs "$work/disk" 300M
store=$work/disk/store
code 0 "$bailee" init --store "$store" --kit "$work/kit"
cp "$BAILEE_ROOT/examples/policies/shop.yaml" "$work/shop.yaml"
chmod 644 "$work/shop.yaml"
start_daemon "$store" "$work/shop.yaml"
key=$(public_key)
device() { "$bailee" status --json | jq -c --arg id "$1" '.devices[] | select(.id == $id)'; }
printf 'maker: Acme\nmodel: Book 3\nserial: SN-1\ncustomer: {name: Erika Mustermann, email: erika.mustermann@example.org}\n' >"$work/record.yaml"

# Bad input leaves no device.
: >"$work/empty.img"
code 2 "$bailee" intake "$work/empty.img" --device D1 --kind laptop
code 2 "$bailee" intake "$work/none.img" --device D1 --kind laptop
code 2 "$bailee" intake "$work/files" --device D1 --kind laptop
code 2 "$bailee" intake "$work/small.img" --device D1 --kind spaceship
code 2 "$bailee" intake "$work/small.img" --device 'D/1' --kind laptop
code 2 "$bailee" intake "$work/small.img" --kind laptop
code 2 "$bailee" intake "$work/small.img" --device D1 --kind laptop --without a --only b
code 2 "$bailee" intake - --device D1 --kind laptop --destroy-source </dev/null
printf 'bogus: 1\n' >"$work/bogus.yaml"
code 2 "$bailee" intake "$work/small.img" --device D1 --kind laptop --record "$work/bogus.yaml"
code 3 as 61001 "$bailee" intake "$work/small.img" --device D1 --kind laptop
[ -z "$(device D1)" ] || fail "a refused intake made a device"

# A file.
code 0 "$bailee" intake "$work/small.img" --device SEALED --kind laptop --record "$work/record.yaml" --verify --json
tail -1 "$work/out" >"$work/result.json"
digest=$(sha256sum "$work/small.img" | cut -d' ' -f1)
[ "$(jq -r .digest "$work/result.json")" = "$digest" ] || fail "digest $(cat "$work/result.json")"
[ "$(jq .bytes "$work/result.json")" = $((24 << 20)) ] || fail "bytes"
[ "$(jq .stored "$work/result.json")" -lt $((24 << 20)) ] || fail "zeros were stored"
[ -e "$work/small.img" ] || fail "the source is gone"
device SEALED | jq -e '.state == "received" and .destroy_when_due' >/dev/null || fail "status: $(device SEALED)"
code 2 "$bailee" intake "$work/small.img" --device SEALED --kind laptop
says 'known already'
code 2 "$bailee" enroll "$work/small.img" --device SEALED --kind laptop
if grep -rqsa -e zebulon-was-here -e 'erika.mustermann' "$store"; then fail "plaintext in the store"; fi

# The receipt: offline, by the key alone; every change is found.
code 0 "$bailee" certificate show SEALED --intake
cp "$work/out" "$work/receipt.json"
jq -e --arg digest "$digest" '.source.digest.value == $digest or .digest.value == $digest or (.. | .value? == $digest)' "$work/receipt.json" >/dev/null ||
	fail "receipt: $(cat "$work/receipt.json")"
code 0 "$bailee" certificate verify "$work/receipt.json" --key "$key" --store /nonexistent
says genuine
says SEALED
code 13 "$bailee" certificate verify "$work/receipt.json" --key "$(printf %064d 1)"
for change in 's/Acme/Acne/' 's/SEALED/SEALEX/' 's/"verified":true/"verified":false/'; do
	sed "$change" "$work/receipt.json" >"$work/changed.json"
	cmp -s "$work/receipt.json" "$work/changed.json" && fail "the receipt has no such words: $change"
	code 13 "$bailee" certificate verify "$work/changed.json" --key "$key"
done
code 0 "$bailee" log query --device SEALED --op intake --json
[ "$(wc -l <"$work/out")" = 1 ] && [ "$(jq .bytes "$work/out")" = $((24 << 20)) ] || fail "event: $(cat "$work/out")"

# Views of the sealed device are those of the plain one.
code 0 "$bailee" enroll "$work/small.img" --device PLAIN --kind laptop --record "$work/record.yaml"
view 61002 "$work/view"
for name in notes.txt sub/mail.txt sub/long.txt; do
	as 61002 cmp "$work/view/PLAIN/p1-ext4/$name" "$work/view/SEALED/p1-ext4/$name" || fail "$name differs"
done
as 61002 cmp "$work/files/notes.txt" "$work/view/SEALED/p1-ext4/notes.txt" || fail "contents"
as 61002 sh -c "cd '$work/view/PLAIN/p1-ext4' && find . -mindepth 1 -printf '%p %y %s %m %T@\n' | sort" >"$work/plain.list"
as 61002 sh -c "cd '$work/view/SEALED/p1-ext4' && find . -mindepth 1 -printf '%p %y %s %m %T@\n' | sort" >"$work/sealed.list"
cmp "$work/plain.list" "$work/sealed.list" || { diff "$work/plain.list" "$work/sealed.list"; fail "the trees differ"; }
if as 61002 cat "$work/view/SEALED/p1-ext4/sub/mail.txt" | grep -q erika.mustermann; then fail "not masked"; fi

# A pipe; one that ends early is said to, and gone on with.
head -c $((10 << 20)) "$work/small.img" >"$work/part.img"
"$bailee" intake - --device PIPED --kind phone --size $((24 << 20)) <"$work/part.img" >"$work/out" 2>&1 && fail "an image that ends early"
grep -q early "$work/out" || fail "early end: $(cat "$work/out")"
[ "$(wc -l <"$work/out")" = 1 ] || fail "more than one line: $(cat "$work/out")"
[ -n "$(device PIPED)" ] || fail "an unfinished intake is not known"
code 1 "$bailee" certificate show PIPED --intake
cat "$work/small.img" | "$bailee" intake - --device PIPED --kind phone --size $((24 << 20)) --json >"$work/out" 2>&1 || fail "going on: $(cat "$work/out")"
[ "$(tail -1 "$work/out" | jq -r .digest)" = "$digest" ] || fail "digest of the pipe"
cat "$work/small.img" | "$bailee" intake - --device PIPED2 --kind phone --json >"$work/out" 2>&1 || fail "a pipe of unknown length: $(cat "$work/out")"
[ "$(tail -1 "$work/out" | jq -r .digest)" = "$digest" ] || fail "digest of the second pipe"

# The source destroyed: only a file of one's own that may be written, where an overwrite reaches the bytes.
cp --sparse=never "$work/small.img" "$work/disk/given.img"
chmod 444 "$work/disk/given.img"
chown 61003 "$work/disk/given.img"
mkdir "$work/memory"
mount -t tmpfs -o size=32m none "$work/memory"
at_end "umount '$work/memory'"
cp "$work/small.img" "$work/memory/small.img"
code 2 "$bailee" intake "$work/memory/small.img" --device MEMORY --kind laptop --destroy-source
says ext
[ -z "$(device MEMORY)" ] || fail "a refused intake made a device"
[ -e "$work/memory/small.img" ] || fail "a refused source is gone"
code 0 "$bailee" intake "$work/disk/given.img" --device GIVEN --kind laptop --destroy-source --json
[ "$(tail -1 "$work/out" | jq -r .digest)" = "$digest" ] || fail "digest of GIVEN"
[ ! -e "$work/disk/given.img" ] || fail "the source is still there"
code 0 "$bailee" certificate show GIVEN --source
cp "$work/out" "$work/source.json"
code 0 "$bailee" certificate verify "$work/source.json" --key "$key"
says clear
code 0 "$bailee" log query --device GIVEN --op source-done --json
[ "$(wc -l <"$work/out")" = 1 ] || fail "source-done: $(cat "$work/out")"
view 61002 "$work/view2"
as 61002 cmp "$work/files/notes.txt" "$work/view2/GIVEN/p1-ext4/notes.txt" || fail "contents of GIVEN"

# Over a restart everything is as it was.
stop_daemon
start_daemon "$store" "$work/shop.yaml"
view 61002 "$work/view3"
for id in SEALED PIPED PIPED2 GIVEN; do
	as 61002 cmp "$work/files/notes.txt" "$work/view3/$id/p1-ext4/notes.txt" || fail "contents of $id after a restart"
done

# A store whose keys could not be destroyed where they lie takes nothing in, and knows of nothing afterwards.
stop_daemon
mkdir "$work/lower" "$work/overlay"
mkdir "$work/disk/upper" "$work/disk/inner"
if mount -t overlay overlay -o "lowerdir=$work/lower,upperdir=$work/disk/upper,workdir=$work/disk/inner" "$work/overlay"; then
	at_end "umount '$work/overlay' || umount -l '$work/overlay'"
	start_daemon "$work/overlay/store" "$work/shop.yaml"
	code 2 "$bailee" intake "$work/small.img" --device NOWHERE --kind laptop
	says overlay
	[ -z "$(device NOWHERE)" ] || fail "a refused intake made a device"
	stop_daemon
fi
