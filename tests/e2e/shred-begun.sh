# What was begun, or promised, is done without a restart: the source of a held device when its holds are gone, a device that
# becomes due while it is taken in.
. "$BAILEE_ROOT/tests/e2e/lib.sh"
. "$BAILEE_ROOT/tests/e2e/later.inc"
need_root
need_fuse
need mke2fs mkfs.ext4 jq setpriv fallocate
cp "$BAILEE_ROOT/examples/policies/shop.yaml" "$work/shop.yaml"
chmod 644 "$work/shop.yaml"
mkdir "$work/files"
head -c 30000000 /dev/urandom >"$work/files/random"
loop_fs "$work/disk" 240M
truncate -s 40M "$work/disk/small.img"
mke2fs -q -t ext4 -O ^has_journal -d "$work/files" "$work/disk/small.img"
cp --sparse=never "$work/disk/small.img" "$work/disk/given.img"
sync
size=$(stat -c %s "$work/disk/small.img")
store=$work/disk/store
start_daemon "$store" "$work/shop.yaml"
device() { "$bailee" status --json | jq -r --arg id "$1" ".devices[] | select(.id == \$id) | $2"; }

# Held before its intake was complete: sealed, but its source waits for the hold to go, and for nothing else.
room=$(df --output=avail -B1 "$work/disk" | tail -1)
fallocate -l $((room - (4 << 20))) "$work/disk/ballast"
code 1 "$bailee" intake "$work/disk/given.img" --device WAITS --kind laptop --destroy-source
rm "$work/disk/ballast"
code 0 "$bailee" hold add WAITS --reason 'a letter'
code 3 "$bailee" intake "$work/disk/given.img" --device WAITS --kind laptop --destroy-source
says 'its source is not destroyed'
code 0 "$bailee" shred --due
cmp "$work/disk/small.img" "$work/disk/given.img" || fail "the source of a held device was touched"
code 0 "$bailee" hold release WAITS --reason 'over'
until [ -e "$store/certificates/WAITS~source.json" ]; do kill -0 "$daemon" || fail "the service ended"; done
code 0 "$bailee" shred --due
[ ! -e "$work/disk/given.img" ] || fail "the source is still there"
[ "$(events --device WAITS --op source-done)" = 1 ] || fail "events: $(cat "$work/events")"
[ "$(jq -r .who.operator "$store/certificates/WAITS~source.json")" = uid:0 ] || fail "certificate: $(cat "$store/certificates/WAITS~source.json")"
[ "$(device WAITS .complete)" = true ] || fail "WAITS: $(device WAITS .)"

# Due in the middle of its intake: that ends, and the device is destroyed at once by itself.
mkfifo "$work/pipe"
"$bailee" intake - --device MIDDLE --kind laptop --size "$size" --json <"$work/pipe" >"$work/first" 2>&1 &
first=$!
exec 7>"$work/pipe"
head -c 2M "$work/disk/small.img" >&7
until grep -q sealing "$work/first"; do kill -0 $first || fail "the intake ended: $(cat "$work/first")"; done
code 0 "$bailee" shred MIDDLE --reason 'a mistake'
code 11 "$bailee" shred --due
says 'an intake or a destruction'
# It comes slowly: what is looked at is whether it is let come to its end.
at=$((2 << 20))
while kill -0 $first 2>/dev/null && [ $at -lt "$size" ]; do
	tail -c +$((at + 1)) "$work/disk/small.img" | head -c 65536 >&7 2>/dev/null || break
	at=$((at + 65536))
	sleep 0.05
done
exec 7>&-
got=0
wait $first || got=$?
[ $got = 3 ] && grep -q 'is due' "$work/first" || fail "the intake of a device that is due ($got): $(cat "$work/first")"
until [ "$(device MIDDLE .state)" = shredded ]; do kill -0 "$daemon" || fail "the service ended"; done
[ "$(jq -r '.what.is_complete, .who.operator, .why.reason' "$store/certificates/MIDDLE.json" | tr '\n' ' ')" = 'false uid:0 given ' ] || fail "certificate: $(cat "$store/certificates/MIDDLE.json")"

# A journal that nobody can read any more: its device is not destroyed on its word, everything else goes on, status and doctor tell
# what to do, and what they say helps.
code 0 "$bailee" intake "$work/disk/small.img" --device DAMAGED --kind laptop
code 0 "$bailee" intake "$work/disk/small.img" --device OTHER --kind laptop
[ "$("$bailee" status --json | jq -r .shred_trouble)" = '' ] || fail "trouble before there is any"
[ "$(as 61002 "$bailee" status --json | jq 'has("shred_trouble")')" = false ] || fail "everybody is told of trouble"
code 0 "$bailee" hold add DAMAGED --reason 'until its journal is damaged'
code 0 "$bailee" shred DAMAGED --reason 'a letter'
stop_daemon
echo 'this was a journal' >"$store/devices/DAMAGED/shred"
chmod 600 "$store/devices/DAMAGED/shred"
start_daemon "$store" "$work/shop.yaml"
code 0 "$bailee" hold release DAMAGED --reason 'over'
code 0 "$bailee" shred OTHER --reason 'a letter'
code 12 "$bailee" shred --due
[ "$(device OTHER .state)" = shredded ] || fail "OTHER is $(device OTHER .state)"
[ -e "$store/devices/DAMAGED/image" ] || fail "destroyed on the word of a journal that is none"
code 0 "$bailee" status
says 'NOT DONE'
says DAMAGED
code 0 "$bailee" doctor --store "$store" || true
says "the first is that of 'DAMAGED'"
rm "$store/devices/DAMAGED/shred"
code 0 "$bailee" shred --due
[ "$(device DAMAGED .state)" = shredded ] || fail "DAMAGED is $(device DAMAGED .state)"
[ "$("$bailee" status --json | jq -r .shred_trouble)" = '' ] || fail "trouble that is over"
stop_daemon

# The same in a store with a lock: an older copy of the key's page is no key there, so that it is purged; without one it is cleared.
[ "$(jq -r .how.category "$store/certificates/MIDDLE.json")" = clear ] || fail "purged without a lock"
head -c 32 /dev/urandom >"$work/lock.key"
chmod 600 "$work/lock.key"
store=$work/disk/locked
code 0 "$bailee" init --store "$store" --kit "$work/kit" --key-file "$work/lock.key"
serve_options="--key-file $work/lock.key"
start_daemon "$store" "$work/shop.yaml"
code 0 "$bailee" intake "$work/disk/small.img" --device LOCKED --kind laptop
code 0 "$bailee" shred LOCKED --reason 'a letter'
code 0 "$bailee" shred --due
[ "$(jq -r '[.status, .how.category, .storage.locks[]] | join(" ")' "$store/certificates/LOCKED.json")" = 'ERASED purge key file' ] || fail "certificate: $(cat "$store/certificates/LOCKED.json")"
