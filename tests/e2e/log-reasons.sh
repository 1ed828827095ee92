# Why people did what they did is in the log, for auditors only; who may not review a device learns nothing of its paths; a refusal to
# unlatch is an event like any other; and a policy that wants anchors where there are none says so.
. "$BAILEE_ROOT/tests/e2e/lib.sh"
need_root
need_fuse
need mke2fs jq setpriv
cp "$BAILEE_ROOT/examples/policies/shop.yaml" "$work/shop.yaml"
store=$work/store
mkdir "$work/files"
echo 'nothing of note' >"$work/files/divorce-papers.txt"
truncate -s 4M "$work/sparse.img"
mke2fs -q -d "$work/files" "$work/sparse.img"
for n in one two; do cp --sparse=never "$work/sparse.img" "$work/$n.img"; done
code 0 "$bailee" auditor keygen "$work/ann"
code 0 "$bailee" init --store "$store" --auditor "$work/ann.pub" --kit "$work/kit"
start_daemon "$store" "$work/shop.yaml"
code 0 "$bailee" enroll "$work/one.img" --device LAPTOP --kind laptop --reason 'came by Zebulon-enroll'
code 0 "$bailee" enroll "$work/two.img" --device PHONE --kind phone
view 61002 "$work/view" --reason 'for Zebulon-open' --purpose Zebulon-purpose
as 61002 sh -c "cat '$work/view/LAPTOP/p1-ext2/divorce-papers.txt' '$work/view/PHONE/p1-ext2/divorce-papers.txt'" >/dev/null

# Every one of them, whatever it was for.
officer() { code 0 as 61003 "$bailee" "$@"; }
officer hold add LAPTOP --reason 'a letter of Zebulon-hold'
code 3 as 61003 "$bailee" hold release LAPTOP --reason 'my own'
says 'builtin/release-by-others'
[ "$("$bailee" log query --op hold-released --verdict denied --json | jq -r .rule)" = builtin/release-by-others ] || fail "that a release was refused is no event"
code 0 "$bailee" hold release LAPTOP --reason 'settled by Zebulon-release'
sed 's/^serial: 1 /serial: 2 /' "$work/shop.yaml" >"$work/next.yaml"
officer policy load "$work/next.yaml" --reason 'agreed with Zebulon-load'
code 2 as 61003 "$bailee" policy load "$work/shop.yaml" --reason 'again for Zebulon-refused'
officer log query --last 1 --reason 'asked by Zebulon-query'
officer shred PHONE --reason 'wished by Zebulon-shred'
hides 'Zebulon'
code 0 "$bailee" log query --names "$work/ann"
for what in enroll open hold release load refused query; do says "Zebulon-$what"; done
grep 'policy-loaded .*Zebulon-load' "$work/out" >/dev/null || fail "the reason of a policy is not with its event"
code 0 "$bailee" log query
hides Zebulon
code 0 "$bailee" status --json
hides Zebulon-open
hides divorce
grep -raE 'Zebulon-(purpose|enroll|open|release|load|refused|query|shred)|divorce' "$store" "$work/daemon.err" && fail "the store or a message has a reason or a name"

# A path is a question about a device: not for whoever may not review this one, whether it is right or wrong.
officer log query --device LAPTOP --path p1-ext2/divorce-papers.txt --op open --reason 'the audit'
[ "$(wc -l <"$work/out")" = 1 ] || fail "equality finds $(wc -l <"$work/out") opens"
for path in p1-ext2/divorce-papers.txt p1-ext2/wrong; do
	code 3 as 61001 "$bailee" log query --device LAPTOP --path "$path" --reason 'the audit'
	cp "$work/out" "$work/said-${path##*/}"
done
cmp "$work/said-divorce-papers.txt" "$work/said-wrong" || fail "the answers tell a right path from a wrong one"
code 1 "$bailee" log query --device NO-SUCH --path x
says "'NO-SUCH'"

# To unlatch what is not latched: who may not is told so, and the log too. An empty reason is none.
code 3 as 61001 "$bailee" log unlatch --reason 'let me'
code 0 "$bailee" log query --uid 61001 --verdict denied --last 1
says 'administer'
code 2 as 61003 "$bailee" log unlatch --reason 'nothing to mend'
says 'not latched'
stop_daemon
code 13 "$bailee" log verify --log "$store/log" --kit "$work/kit"

# Anchors are wanted and there are none: closed, and told at the start, by status, and by why.
sed 's/^serial: 2 /serial: 3 /' "$work/next.yaml" >"$work/strict.yaml"
echo 'audit: {anchor_every: 1h}' >>"$work/strict.yaml"
: >"$work/daemon.err"
start_daemon "$store" "$work/strict.yaml"
grep -q 'anchor_every.*--anchor DIR' "$work/daemon.err" || fail "nothing is said at the start: $(cat "$work/daemon.err")"
code 0 "$bailee" status
says 'contents are CLOSED'
says '--anchor DIR'
[ "$(as 61001 "$bailee" status --json | jq -c '.log | has("are_contents_closed"), has("forgeable_frames")' | xargs)" = "false false" ] ||
	fail "everybody is told"
view 61002 "$work/view-2"
code 1 as 61002 cat "$work/view-2/LAPTOP/p1-ext2/divorce-papers.txt"
code 0 as 61002 "$bailee" why "$work/view-2/LAPTOP/p1-ext2/divorce-papers.txt"
says 'builtin/not-anchored'
