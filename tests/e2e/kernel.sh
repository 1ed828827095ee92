# What this machine's kernel does with a view is looked at before there is one: told by the log and by doctor. On one that leaks, or of
# which nothing is known, no view is opened, and everybody is told why; all else goes on. Who is killed meanwhile leaves nothing behind.
. "$BAILEE_ROOT/tests/e2e/lib.sh"
need_root
need_fuse
need jq setpriv
leaking=$BAILEE_BUILD/test/tools/bailee-leaking
mkdir "$work/src"
echo 'nothing to see' >"$work/src/a.txt"
install -m 644 "$BAILEE_ROOT/examples/policies/shop.yaml" "$work/shop.yaml"
graded() { [ "$(jq -r --arg check "$2" '.findings[] | select(.check == $check) | .grade' "$work/out")" = "$1" ] || fail "not '$1': $2: $(cat "$work/out")"; }
found() { "$bailee" log query --op admin --verdict "$1" --json | jq -r 'select(.detail | startswith("kernel: ")) | .detail'; }

start_daemon "$work/store" "$work/shop.yaml"
code 0 "$bailee" enroll "$work/src" --device RMA-1 --kind laptop
view 61002 "$work/view"
code 0 as 61002 cat "$work/view/RMA-1/a.txt"
case $(found permitted) in
'kernel: reads ask, '*', pages go, names go, others refused, '*) ;;
*) fail "the log says otherwise of this kernel: $(found permitted)" ;;
esac
[ "$(found permitted | wc -l)" = 1 ] || fail "it is said more than once"
[ ! -s "$work/daemon.err" ] || fail "something is wrong with this kernel: $(cat "$work/daemon.err")"
"$bailee" doctor --store "$work/store" --json >"$work/out" || true
for check in 'view reads' 'view pages' 'view names' "view's person"; do graded good "$check"; done
code 0 as 61002 "$bailee" close "$work/view"
stop_daemon

# refuses WORDS: the service runs, and opens nothing
refuses() {
	: >"$work/daemon.err"
	serve_program=$leaking
	start_daemon "$work/store" "$work/shop.yaml"
	grep -qF "no view will be opened: $1" "$work/daemon.err" || fail "nothing is said at the start: $(cat "$work/daemon.err")"
	code 3 as 61002 "$bailee" open "$work/view"
	says "builtin/leaking-kernel: $1"
	[ -z "$(as 61002 ls -A "$work/view")" ] || fail "something is mounted"
	number=$("$bailee" log query --op view-opened --verdict denied --rule builtin/leaking-kernel --uid 61002 --json | jq .sequence | tail -n 1)
	[ -n "$number" ] || fail "the refusal is no event"
	code 0 as 61002 "$bailee" why "$number"
	says 'bailee doctor'
	code 0 "$bailee" status
	pass
	"$leaking" doctor --store "$work/store" --json >"$work/out" && fail "doctor finds nothing bad"
	stop_daemon
	[ "$stopped" = 0 ] || fail "the daemon ended with $stopped"
}
refuses 'others get into'
graded bad "view's person"
graded good 'view reads'
graded warning 'view maps'
export BAILEE_TEST_KERNEL=unknown
refuses 'it cannot be found out'
graded bad views
serve_program=$bailee
start_daemon "$work/store" "$work/shop.yaml"
[ "$(found failed | tr '\n' ';')" = 'kernel: reads ask, splices ask, no shared maps, pages go, names go, OTHERS GET IN, rings known, closes ask, reads of 1 MiB;kernel: not known;' ] ||
	fail "the log says of those kernels: $(found failed)"
view 61002 "$work/view"

# Killed at whatever point.
cp "$bailee" "$work/killed"
for _ in 1 2 3 4 5 6 7 8 9 10 11 12; do
	"$work/killed" doctor --store "$work/store" >/dev/null 2>&1 &
	[ -n "$(cat "/proc/$!/task/$!/children" 2>/dev/null)" ] || "$bailee" --version >/dev/null
	kill -KILL $! 2>/dev/null || true # or it has ended by itself
	wait $! 2>/dev/null || true
done
left() { for exe in /proc/[0-9]*/exe; do [ "$(readlink "$exe")" != "$work/killed" ] || echo "$exe"; done; }
tries=0
until [ -z "$(left)" ]; do
	tries=$((tries + 1))
	[ "$tries" -lt 200 ] || fail "a child of who was killed goes on: $(left)"
done
code 0 as 61002 cat "$work/view/RMA-1/a.txt"
