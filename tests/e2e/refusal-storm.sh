# A refused page fault under MAP_POPULATE makes the kernel ask for the same page without end. The view it comes through is ended,
# with an event; everybody else goes on.
. "$BAILEE_ROOT/tests/e2e/lib.sh"
need_root
need_fuse
need jq setsid

mkdir "$work/src"
echo 'nothing to see' >"$work/src/a.txt"
install -m 644 "$BAILEE_ROOT/examples/policies/shop.yaml" "$work/shop.yaml"
start_daemon "$work/store" "$work/shop.yaml"
code 0 "$bailee" enroll "$work/src" --device RMA-1 --kind laptop
view 61002 "$work/first"
view 61003 "$work/second"

# 61002 opens, hands the descriptor to 61001, who maps it. Its own process group, so that all of it can be ended.
setsid "$BAILEE_BUILD/test/tools/copy-ways" passed 61002 61001 mmap-populate "$work/first/RMA-1/a.txt" >"$work/storm" 2>&1 &
storm=$!
at_end "kill -KILL -$storm"
tries=0
until "$bailee" log query --op view-revoked | grep -q 'refused reads without end'; do
	tries=$((tries + 1))
	[ "$tries" -lt 2000 ] || fail "refused reads do not end the view: $(cat "$work/storm")"
done
tries=0
until [ "$("$bailee" status --json | jq '[.views[].uid] == [61003]')" = true ]; do
	tries=$((tries + 1))
	[ "$tries" -lt 2000 ] || fail "the view is not gone"
done
kill -KILL "-$storm" 2>/dev/null || true
wait "$storm" 2>/dev/null || true
if grep -q 'nothing to see' "$work/storm"; then fail "somebody else's descriptor gave contents"; fi
[ "$("$bailee" log query --op read --verdict denied --json | wc -l)" -lt 20000 ] || fail "the storm filled the log"
code 0 as 61003 cat "$work/second/RMA-1/a.txt"
says 'nothing to see'
