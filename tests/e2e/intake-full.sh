# Intakes that cannot go on: a disk that fills up in the middle, a length that was said wrong, two of one id at once, a device that is held or due. One clear
# line each; what was sealed stays, and the same command goes on; what nobody finishes can be destroyed.
. "$BAILEE_ROOT/tests/e2e/lib.sh"
. "$BAILEE_ROOT/tests/e2e/later.inc"
need_root
need_fuse
need mke2fs mkfs.ext4 jq setpriv python3 sha256sum
cp "$BAILEE_ROOT/examples/policies/shop.yaml" "$work/shop.yaml"
chmod 644 "$work/shop.yaml"
mkdir "$work/files"
head -c 8000000 /dev/urandom >"$work/files/random"
head -c 100000 /dev/urandom | od -An -v -tx1 | tr '0-9a-f' 'g-v' >"$work/files/a.txt"
truncate -s 12M "$work/small.img"
mke2fs -q -t ext4 -O ^has_journal -d "$work/files" "$work/small.img"
{ cat "$work/small.img" && head -c 50M /dev/urandom; } >"$work/large.img"
digest=$(sha256sum "$work/large.img" | cut -d' ' -f1)
size=$(stat -c %s "$work/large.img")
loop_fs "$work/disk" 160M
store=$work/disk/store
start_daemon "$store" "$work/shop.yaml"
key=$(public_key)
device() { "$bailee" status --json | jq -c --arg id "$1" '.devices[] | select(.id == $id)'; }
# line CODE WORDS: what code ran said one line with these words
line() {
	code "$@"
	[ "$(wc -l <"$work/out")" = 1 ] || { cat "$work/out"; fail "more than one line: $*"; }
}
unfinished() { # ID: known, nothing shown, no receipt, no event
	[ -n "$(device "$1")" ] || fail "$1 is not known"
	code 1 "$bailee" certificate show "$1" --intake
	[ "$(events --device "$1" --op intake)" = 0 ] || fail "an intake event of $1"
}
intake() { "$bailee" intake "$@" --kind laptop; }

# A full disk. The ballast leaves room for some of it.
room=$(df --output=avail -B1 "$work/disk" | tail -1)
fallocate -l $((room - (24 << 20))) "$work/disk/ballast"
line 1 intake "$work/large.img" --device FULL
grep -qi 'space' "$work/out" || fail "a full disk: $(cat "$work/out")"
unfinished FULL
# Again without room: the same, and the log still takes what happens.
line 1 intake "$work/large.img" --device FULL
view 61002 "$work/view-full"
code 0 "$bailee" close "$work/view-full"
[ "$("$bailee" status --json | jq .log.is_writable)" = true ] || fail "the log is not writable"
rm "$work/disk/ballast"
code 0 intake "$work/large.img" --device FULL --json
[ "$(tail -1 "$work/out" | jq -r .digest)" = "$digest" ] || fail "digest: $(tail -1 "$work/out")"
[ "$(events --device FULL --op intake)" = 1 ] || fail "events: $(cat "$work/events")"
view 61002 "$work/view"
as 61002 cmp "$work/files/a.txt" "$work/view/FULL/p1-ext4/a.txt" || fail "contents"

# A length that is not that of what comes.
small=$(stat -c %s "$work/small.img")
line 2 sh -c '"$1" intake - --device LONG --kind laptop --size "$3" <"$2"' - "$bailee" "$work/small.img" $((small + 1))
says early
unfinished LONG
line 2 sh -c '"$1" intake - --device SHORT --kind laptop --size "$3" <"$2"' - "$bailee" "$work/small.img" $((small - 1))
unfinished SHORT
for bad in 0 -1 x 1e9 99999999999999999999999; do line 2 intake - --device BAD --size "$bad" </dev/null; done
[ -z "$(device BAD)" ] || fail "a bad length made a device"
# Gone on with as something else.
line 2 sh -c '"$1" intake - --device LONG --kind laptop --size "$3" <"$2"' - "$bailee" "$work/small.img" $small
line 2 intake "$work/small.img" --device LONG

# Two at once: the first waits for its pipe, the second is told.
mkfifo "$work/pipe"
"$bailee" intake - --device TWICE --kind laptop --size $small --json <"$work/pipe" >"$work/first" 2>&1 &
first=$!
exec 7>"$work/pipe"
head -c 2M "$work/small.img" >&7
until grep -q sealing "$work/first"; do kill -0 $first || fail "the first intake ended: $(cat "$work/first")"; done
got=0
"$bailee" intake "$work/small.img" --device TWICE --kind laptop >"$work/out" 2>&1 || got=$?
[ $got != 0 ] && [ "$(wc -l <"$work/out")" = 1 ] && grep -q TWICE "$work/out" || fail "the second of two ($got): $(cat "$work/out")"
got=0
"$bailee" shred TWICE --path '/a.txt' --reason 'too early' >"$work/out" 2>&1 || got=$?
[ $got != 0 ] && [ "$(wc -l <"$work/out")" = 1 ] || fail "a part of what is being taken in ($got): $(cat "$work/out")"
tail -c +$(((2 << 20) + 1)) "$work/small.img" >&7
exec 7>&-
wait $first || fail "the first of two: $(cat "$work/first")"
[ "$(events --device TWICE --op intake)" = 1 ] || fail "events of TWICE"
line 2 intake "$work/small.img" --device TWICE
says 'known already'

# Held while it is not complete: it may be finished. Due: it may not.
code 0 "$bailee" hold add SHORT --reason 'a letter'
head -c $((small - 1)) "$work/small.img" | "$bailee" intake - --device SHORT --kind laptop --size $((small - 1)) >"$work/out" 2>&1 || fail "a held device: $(cat "$work/out")"
[ "$(device SHORT | jq -r .state)" = held ] || fail "SHORT: $(device SHORT)"
head -c 3M "$work/small.img" | "$bailee" intake - --device GONE --kind laptop --size $small >"$work/out" 2>&1 && fail "it ends early"
code 0 "$bailee" hold add GONE --reason 'a letter'
for id in LONG GONE; do code 0 "$bailee" shred $id --reason 'nobody finishes it' || true; done
"$bailee" shred --due >"$work/out" 2>&1 || true
[ "$(device LONG | jq -r .state)" = shredded ] || fail "LONG: $(device LONG)"
[ ! -e "$store/devices/LONG/image" ] || fail "the abandoned image is still there"
code 0 "$bailee" certificate show LONG
[ "$(jq .what.is_complete "$work/out")" = false ] || fail "certificate: $(cat "$work/out")"
cp "$work/out" "$work/certificate.json"
code 0 "$bailee" certificate verify "$work/certificate.json" --key "$key"
[ "$(device GONE | jq -r .state)" != shredded ] || fail "a held device was shredded"
got=0
"$bailee" intake - --device GONE --kind laptop --size $small <"$work/small.img" >"$work/out" 2>&1 || got=$?
[ $got != 0 ] && [ "$(wc -l <"$work/out")" = 1 ] || fail "a device that is due is taken in ($got): $(cat "$work/out")"
line 2 intake "$work/small.img" --device LONG
code 0 "$bailee" hold release GONE --reason 'over'
"$bailee" shred --due >"$work/out" 2>&1 || true
[ "$(device GONE | jq -r .state)" = shredded ] || fail "GONE: $(device GONE)"
stop_daemon
[ "$stopped" = 0 ] || fail "the daemon ended with $stopped"
[ ! -s "$work/daemon.err" ] || fail "the service said: $(cat "$work/daemon.err")"
code 13 "$bailee" log verify --log "$store/log" --key "$key"
