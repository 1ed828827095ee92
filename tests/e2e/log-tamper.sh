# Good logs of every kind, tampered with in every way: `bailee log verify`, its library and a second verifier all say what is expected.
. "$BAILEE_ROOT/tests/e2e/lib.sh"
need python3
python=/usr/bin/python3
$python -c 'import nacl' 2>/dev/null || skip "needs python3-nacl"
make=$BAILEE_BUILD/test/tools/log-make
tamper=$BAILEE_ROOT/tests/tools
export PYTHONDONTWRITEBYTECODE=1
mkdir "$work/logs"
for kind in plain small rotated more restarted torn torn-taken killed killed-taken named old trimmed trimmed-twice \
	storm latched running empty twice; do
	"$make" "$kind" "$work/logs/$kind" || fail "no log of kind $kind"
done
# The same store at two ages, going on from the older one; and a store before and behind a removal.
twin() {
	cp -a "$work/logs/$1" "$work/logs/$2"
	for end in key kit anchors; do cp -a "$work/logs/$1.$end" "$work/logs/$2.$end"; done
}
twin restarted continued
"$make" more "$work/logs/restarted"
cp -a "$work/logs/continued/log" "$work/logs/restarted/log.snapshot"
"$make" more "$work/logs/continued"
twin old trimmed-from-old
"$make" trim "$work/logs/trimmed-from-old"

$python "$tamper/log-tamper.py" "$work/logs" "$work/cases" "$make" "${SEED:-1}" || fail "no cases"
"$make" verify-many "$work/cases/list" >"$work/library" &
library=$!
second=0
$python "$tamper/log-compare.py" second "$work/cases/list" "$tamper/verify-log.py" 2 >"$work/second" || second=$?
wait "$library" || fail "the library failed"
[ "$second" = 0 ] || fail "the second verifier failed"
$python "$tamper/log-compare.py" first "$work/cases/list" "$bailee" 2 >"$work/command" || fail "bailee failed"
$python "$tamper/log-compare.py" compare "$work/cases/expected" "$work/library" "$work/second" "$work/command" >"$work/compared" || {
	cat "$work/compared"
	fail "verifiers disagree"
}
cat "$work/compared"
$python "$tamper/log-compare.py" odd "$work/logs" "$work/cases" "$bailee" "$tamper/verify-log.py" || fail "what is no file was not refused"
