# What goes wrong in an auditor's hands: every message names the thing and the fix, nothing hangs, nothing is left behind by an init
# that did not come about, and the last N are N.
. "$BAILEE_ROOT/tests/e2e/lib.sh"
need_root
need jq setpriv script
store=$work/store
cp "$BAILEE_ROOT/examples/policies/shop.yaml" "$work/shop.yaml"
bad() { # WORDS COMMAND...: refused with exit code 2, in one line that says so
	words=$1
	shift
	code 2 timeout 60 "$bailee" "$@"
	says "$words"
	[ "$(wc -l <"$work/out")" = 1 ] || fail "more than a line: $(cat "$work/out")"
}

# An init that cannot be leaves no store that a service would then take for one without auditors.
code 0 "$bailee" auditor keygen "$work/ann"
: >"$work/there"
bad "no-folder" init --store "$store" --kit "$work/no-folder/kit"
bad "'there' already" init --store "$store" --kit "$work/there"
ln -s "$work/elsewhere" "$work/link"
bad "'link' already" init --store "$store" --kit "$work/link"
mkdir "$work/full"
mount -t tmpfs -o size=4k none "$work/full"
at_end "umount '$work/full'"
head -c 4096 /dev/zero >"$work/full/filler"
code 1 "$bailee" init --store "$work/without" --kit "$work/full/kit"
says 'No space left'
[ ! -e "$work/full/kit" ] && [ ! -e "$work/without/log/log.id" ] || fail "half a kit, or a log without one"
bad 'name of a file' init --store "$store" --kit "$work/"
[ ! -e "$store" ] || fail "an init that failed left a store"
[ ! -e "$work/elsewhere" ] || fail "a kit was written through a link"
mkdir "$store"
bad 'may not lie in the store' init --store "$store" --kit "$work/../${work##*/}/store/kit"
[ -z "$(ls -A "$store")" ] || fail "an init that failed made a store"
rmdir "$store"
code 0 "$bailee" init --store "$store" --auditor "$work/ann.pub" --kit "$work/kit"
bad "'$store' has a log already" init --store "$store" --kit "$work/kit"
bad "'$store' has a log already" init --store "$store" --kit "$work/kit-2"
start_daemon "$store" "$work/shop.yaml"
code 0 "$bailee" log --help
says verify
code 0 "$bailee" auditor keygen "$work/json-key" --json
[ "$(jq -r .public "$work/out")" = "$work/json-key.pub" ] || fail "keygen --json: $(cat "$work/out")"
code 0 "$bailee" init --store "$work/json-store" --kit "$work/json-kit" --json
[ "$(jq -r .kit "$work/out")" = "$work/json-kit" ] || fail "init --json: $(cat "$work/out")"
code 13 "$bailee" log verify --log "$work/json-store/log" --kit "$work/json-kit" --json
[ "$(jq -r .verdict "$work/out")" = 'good, not anchored' ] || fail "verify --json: $(cat "$work/out")"
bad "'$store'" init --store "$store" --kit "$work/kit-2"
[ ! -e "$work/kit-2" ] || fail "an init that failed left a kit"

# The last two are two, also while the names' keys are asked for, which are events too; who did it is the daemon, not root.
for n in 1 2 3; do code 0 "$bailee" log query --last 1 --reason "n$n"; done
code 0 "$bailee" log query --names "$work/ann" --last 2
[ "$(wc -l <"$work/out")" = 2 ] || fail "the last two are $(wc -l <"$work/out")"
code 0 "$bailee" log query --names "$work/ann" --last 2 --json
[ "$(wc -l <"$work/out")" = 2 ] || fail "the last two are $(wc -l <"$work/out") as JSON"
code 0 "$bailee" log query --op start
says ' daemon '
hides 'uid 0'
stop_daemon

# What is no kit, no anchor, no log, no key: said of it, and not of the log.
mkdir "$work/folder"
mkfifo "$work/pipe"
verify() { words=$1 && shift && bad "$words" log verify --log "$store/log" "$@"; }
verify "'/dev/zero'" --kit /dev/zero
verify "'$work/there'" --kit "$work/there"
verify "'$work/ann'" --kit "$work/ann"
verify "'$work/there'" --kit "$work/kit" --anchor "$work/there"
verify "'/dev/zero'" --kit "$work/kit" --anchor /dev/zero
verify "'$work/folder' is a folder" --kit "$work/kit" --anchor "$work/folder"
bad "'$work/folder'" log verify --log "$work/folder" --kit "$work/kit"
code 0 "$bailee" init --store "$work/other" --kit "$work/other.kit"
verify 'kit is of another log' --kit "$work/other.kit"

# A copy that others may read is a copy; the service does not take it for its own log.
cp -a "$store/log" "$work/copy"
chmod -R a+rX "$work/copy"
cp "$work/kit" "$work/kit.copy"
chmod 644 "$work/kit.copy"
code 13 as 61009 "$bailee" log verify --log "$work/copy" --kit "$work/kit.copy"
chmod 755 "$store/log"
"$bailee" serve --store "$store" --policy "$work/shop.yaml" >"$work/out" 2>&1 && fail "a log that others may read is served"
grep -q log "$work/out" || fail "it is not said why: $(cat "$work/out")"
chmod 700 "$store/log"

# Half a copy is broken, and the words do not blame a missing kit for it.
rm "$work/copy/key"
code 12 "$bailee" log verify --log "$work/copy" --kit "$work/kit"
hides 'no --kit'

# Where nobody looks on a terminal there is no progress, however long it takes; on one the answer is the same.
code 13 "$bailee" log verify --log "$store/log" --kit "$work/kit"
hides 'checked,'
code 13 script -qec "$bailee log verify --log $store/log --kit $work/kit" /dev/null
says 'good: '
