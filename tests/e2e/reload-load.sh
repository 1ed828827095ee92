# A thousand policies, one after the other, under eight readers of two views: no request that all of them permit fails, none
# hangs, no text is another, nothing is left behind. How long one waits is a figure of `make bench`.
. "$BAILEE_ROOT/tests/e2e/lib.sh"
# What is freed counts as used as long as ASan keeps it aside: let that be little.
export ASAN_OPTIONS="${ASAN_OPTIONS:+$ASAN_OPTIONS:}quarantine_size_mb=8"
need_root
need_fuse
need jq setpriv
tool=$BAILEE_BUILD/test/tools/reload-load

# text STYLE MORE: two policies that permit the same readers the same, by other rules, in another style
text() {
	cat <<EOF
bailee: 1
name: load
serial: SERIAL
timezone: UTC
uses: [builtin/baseline]
people:
  uid:61002: {roles: [supervisor]}
  uid:61003: {roles: [officer]}
roles:
  supervisor: {}
  officer: {}
detect: {sets: [payment]}
defaults: {access: forbid, mask: fill, unscanned: withhold}
rules:
  - {id: $1-looks, permit: [list, read, copy], who: [supervisor, officer], why: They look at devices here.}
  - {id: $1-tail, mask: {card: $1}, who: [officer], why: Cards are matched to receipts.}
$2
EOF
}
mkdir "$work/source"
for i in 1 2 3 4 5 6 7 8; do
	for line in $(seq 400); do echo "line $line of $i, card 4111 1111 1111 1111 and more"; done >"$work/source/$i.txt"
done
text fill '' >"$work/a"
text keep-last-4 "  - {id: rest, forbid: [copy], who: everyone, what: {ids: ['X*']}, why: Those rest.}" >"$work/b"
sed 's/SERIAL/1/' "$work/a" >"$work/1.yaml"
start_daemon "$work/store" "$work/1.yaml"
code 0 "$bailee" enroll "$work/source" --device D1 --kind disk
view 61002 "$work/one"
view 61003 "$work/two"
as 61003 cat "$work/two/D1/1.txt" >"$work/before"
child=$(daemon_child)
memory() { sed -n 's/^VmRSS:[^0-9]*\([0-9]*\).*/\1/p' "/proc/$child/status"; }

# Meanwhile views are opened, read and closed, a device is held and released, and the daemon is told to load its own file,
# which is too old by then: every line of it goes well, or is in $work/others.
others() {
	set -e
	mkdir "$work/three"
	chown 61003 "$work/three"
	while [ -e "$work/go" ]; do
		as 61003 "$bailee" open "$work/three"
		as 61003 cat "$work/three/D1/2.txt" | grep -q 'line 400 of 2, card'
		"$bailee" hold add D1 --reason 'a letter'
		as 61003 "$bailee" may | grep -q 'They look at devices here'
		"$bailee" hold release D1 --reason 'it is answered'
		kill -HUP "$daemon"
		if "$bailee" reload >/dev/null 2>&1; then false; fi
		as 61003 "$bailee" why "$work/three/D1/2.txt" | grep -q 'copy is permitted'
		as 61003 "$bailee" close "$work/three"
		echo again
	done >"$work/rounds" 2>"$work/others"
}

# loads FIRST COUNT: so many policies under readers
loads() {
	mkfifo "$work/go" "$work/said"
	"$tool" read "61002:$work/one" "61003:$work/two" <"$work/go" >"$work/said" 2>"$work/trouble" &
	readers=$!
	exec 9>"$work/go" 8<"$work/said"
	read -r line <&8
	[ "$line" = reading ] || fail "no readers: $(cat "$work/trouble")"
	[ "$1" = 2 ] || others &
	beside=$!
	code 0 "$tool" loads "$work/store/socket" "$2" "$1" "$work/a" "$work/b"
	rm "$work/go"
	wait "$beside" || fail "beside the policies: $(cat "$work/others" "$work/rounds")"
	exec 9>&-
	read -r requests rest <&8 || true
	exec 8<&-
	wait "$readers" || fail "a reader failed, after some of $2 policies: $(cat "$work/trouble")"
	rm "$work/said"
	[ "$requests" -gt "$2" ] || fail "only $requests requests beside $2 policies"
	echo "$requests requests: $rest"
}
loads 2 100
early=$(memory)
descriptors=$(ls "/proc/$child/fd" | wc -l)
loads 102 900
late=$(memory)
[ "$(grep -c again "$work/rounds")" -gt 0 ] || fail "nothing went on beside them"
[ "$("$bailee" status --json | jq '[.policy_serial, .policy_loads]' -c)" = '[1001,1001]' ] ||
	fail "not a thousand: $("$bailee" status --json)"
# Half again as much after nine times as many would be a policy, or what is made of one, that nobody frees.
[ "$late" -le $((early + early / 2)) ] || fail "the daemon grew from $early to $late KiB"
[ "$(daemon_child)" = "$child" ] || fail "the daemon is another one"
# What is in force is the last one: last four of a card, for the officer only, whatever was kept before.
as 61003 cat "$work/two/D1/1.txt" >"$work/after"
[ "$(grep -c ' \*[^1]*1111 and' "$work/after")" = 400 ] || fail "the officer does not see the last four: $(head -1 "$work/after")"
if as 61002 cat "$work/one/D1/1.txt" | grep -q 1111; then fail "the supervisor sees the last four"; fi
# Workers start when there is load, each with a descriptor of its own; what nine hundred loads kept would be hundreds.
for _ in $(seq 400); do [ "$(ls "/proc/$child/fd" | wc -l)" -gt $((descriptors + 16)) ] || break; done
[ "$(ls "/proc/$child/fd" | wc -l)" -le $((descriptors + 16)) ] || fail "descriptors are kept: $(ls "/proc/$child/fd" | wc -l), before $descriptors"
key=$(public_key)
stop_daemon
[ "$stopped" = 0 ] || fail "the daemon ended with $stopped"
code 13 "$bailee" log verify --store "$work/store" --key "$key"
