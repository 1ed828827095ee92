# What only auditors read: paths and reasons are sealed in the log, open to an auditor's key through query and export, findable by
# equality, in no file of the store in the clear, and unreadable for ever once the device is destroyed; then everything still verifies.
. "$BAILEE_ROOT/tests/e2e/lib.sh"
need_root
need_fuse
need mke2fs mkfs.ext4 jq setpriv
cp "$BAILEE_ROOT/examples/policies/shop.yaml" "$work/shop.yaml"
loop_fs "$work/disk" 200M
store=$work/disk/store
mkdir -p "$work/files/Zebulon Quarterstaff/very-deep"
echo 'nothing of note' >"$work/files/Zebulon Quarterstaff/divorce-papers.txt"
echo 'nothing either' >"$work/files/Zebulon Quarterstaff/very-deep/$(printf 'wide-%0200d' 7).txt"
printf 'x' >"$work/files/$(printf 'esc\033[31mape\nline').txt"
truncate -s 4M "$work/sparse.img"
mke2fs -q -d "$work/files" "$work/sparse.img"
for n in one two; do cp --sparse=never "$work/sparse.img" "$work/disk/$n.img"; done

# Keys: a pair, never overwritten, the wrong half told.
code 0 "$bailee" auditor keygen "$work/ann"
[ "$(stat -c %a "$work/ann")" = 600 ] || fail "the secret key is not private"
code 2 "$bailee" auditor keygen "$work/ann"
code 0 "$bailee" auditor keygen "$work/bob"
code 0 "$bailee" auditor keygen "$work/eve"
code 2 "$bailee" init --store "$store" --auditor "$work/ann"
says 'public'
code 2 "$bailee" init --store "$store" --auditor "$work/ann.pub" --kit "$store/kit"
code 0 "$bailee" init --store "$store" --auditor "$work/ann.pub" --auditor "$work/bob.pub" --kit "$work/kit"
[ "$(stat -c %a "$work/kit")" = 600 ] || fail "the kit is not private"
code 2 "$bailee" init --store "$store" --auditor "$work/eve.pub" --kit "$work/kit-2"
start_daemon "$store" "$work/shop.yaml"
[ "$("$bailee" status --json | jq .log.is_kit_in_store,.log.auditors | xargs)" = "false 2" ] || fail "status: $("$bailee" status --json | jq -c .log)"
printf 'received: 2099-01-01\n' >"$work/r.yaml"
for n in one two; do code 0 "$bailee" enroll "$work/disk/$n.img" --device "RMA-$n" --kind laptop --destroy-when-due; done
view 61002 "$work/view" --purpose repair --reason 'Mrs Quarterstaff rang about her divorce'
for n in one two; do as 61002 sh -c "find '$work/view/RMA-$n' -type f -exec cat {} + >/dev/null" || fail "nothing to read"; done
code 1 as 61002 cat "$work/view/RMA-one/p1-ext2/no-such-Quarterstaff"

# In no file of the store is any of it, whichever way it is written.
grep -raEi 'quarterstaff|zebulon|divorce|very-deep|wide-000' "$store" >"$work/found" && fail "the store holds names: $(strings "$work/found" | head -3)"

# Without a key: tokens. With an auditor's: paths and reasons. With a stranger's: nothing more than tokens.
code 0 "$bailee" log query --op read --device RMA-one
hides Quarterstaff
code 0 "$bailee" log query --op read --device RMA-one --names "$work/ann"
says 'path p1-ext2/Zebulon Quarterstaff/divorce-papers.txt'
says 'wide-000'
says 'esc\x1b[31mape\x0aline.txt'
hides "$(printf '\033')"
code 0 "$bailee" log query --op view-opened --names "$work/bob"
says 'reason Mrs Quarterstaff rang about her divorce'
code 0 "$bailee" log query --op read --names "$work/eve"
hides Quarterstaff
says "'$work/eve' is of none of the auditors"
code 2 "$bailee" log query --names "$work/ann.pub"
says 'secret'
code 2 "$bailee" log query --names "$work/kit"
# Every read has its path, also of the last few only, and as JSON.
"$bailee" log query --op read --device RMA-two --names "$work/ann" --json --last 2 >"$work/out"
[ "$(jq -r 'select(.path != null) | .path' "$work/out" | wc -l)" = 2 ] || fail "the last two reads have no paths: $(cat "$work/out")"
"$bailee" log query --op read --names "$work/ann" --json >"$work/out"
[ "$(jq -r 'select(.path == null) | .sequence' "$work/out")" = "" ] || fail "reads without a path"
for form in jsonl ocsf rfc5424; do
	code 0 "$bailee" log export --format $form --op read --names "$work/ann"
	says divorce-papers
	code 0 "$bailee" log export --format $form --op read
	hides divorce-papers
	hides "$(printf '\033')"
done

# By equality: who knows the path finds its events, with no key at all; an auditor by role only.
code 0 "$bailee" log query --op open --device RMA-one --path 'p1-ext2/Zebulon Quarterstaff/divorce-papers.txt'
[ "$(wc -l <"$work/out")" = 1 ] || fail "equality finds $(wc -l <"$work/out") opens, wanted 1"
code 0 "$bailee" log query --op open --device RMA-one --path 'p1-ext2/Zebulon Quarterstaff/divorce-papers'
says 'nothing in the log matches'
code 3 as 61001 "$bailee" log query --device RMA-one --path x
install -m 600 -o 61003 "$work/ann" "$work/hers"
code 4 as 61003 "$bailee" log query --op read --device RMA-one --names "$work/hers"
code 0 as 61003 "$bailee" log query --op read --device RMA-one --names "$work/hers" --reason 'the yearly audit'
says Quarterstaff

# The next segment has its names again, after a restart.
stop_daemon
start_daemon "$store" "$work/shop.yaml"
view 61002 "$work/view-2"
as 61002 cat "$work/view-2/RMA-one/p1-ext2/Zebulon Quarterstaff/divorce-papers.txt" >/dev/null
"$bailee" log query --op read --device RMA-one --names "$work/ann" --last 1 --json >"$work/out"
[ "$(jq -r .path "$work/out")" = 'p1-ext2/Zebulon Quarterstaff/divorce-papers.txt' ] || fail "no path in the new segment: $(cat "$work/out")"

# Destroyed: the key of its names is gone. Tokens stay, nobody reads them, equality finds nothing, the other device is untouched.
code 0 as 61003 "$bailee" shred RMA-one --reason 'the customer asked'
until [ "$("$bailee" status --json | jq -r '.devices[] | select(.id == "RMA-one") | .state')" = shredded ]; do
	[ -d "/proc/$daemon" ] || fail "the daemon ended"
done
code 0 "$bailee" log query --op read --device RMA-one --names "$work/ann"
hides Quarterstaff
says 'stay closed'
[ "$(grep -c ' read ' "$work/out")" -gt 1 ] || fail "the events of a destroyed device are gone"
code 1 "$bailee" log query --device RMA-one --path 'p1-ext2/Zebulon Quarterstaff/divorce-papers.txt'
says 'no key of its names'
code 0 "$bailee" log query --op read --device RMA-two --names "$work/bob"
says Quarterstaff
stop_daemon
code 13 "$bailee" log verify --log "$store/log" --kit "$work/kit"
grep -raEi 'quarterstaff|zebulon|divorce|very-deep|wide-000' "$store" >"$work/found" && fail "the store holds names afterwards"
exit 0
