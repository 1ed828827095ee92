# One answer per file and view: whatever the offsets, sizes, order and threads, the bytes read are those of one masked file.
# And the memory that takes: under 64 MiB for a file of 4 GiB read at random.
. "$BAILEE_ROOT/tests/e2e/lib.sh"
need_fuse
need_root
need iconv
tool=$BAILEE_BUILD/test/tools/one-answer
seed=${SEED:-$(od -An -N4 -tu4 /dev/urandom | tr -d ' ')}
echo "SEED=$seed"

cat >"$work/policy.yaml" <<'EOF'
bailee: 1
name: one answer
serial: 1
timezone: Europe/Dublin
uses: [builtin/baseline]
people:
  uid:61002: {roles: [copier]}
  uid:61003: {roles: [matcher]}
roles: {copier: {}, matcher: {}}
detect: {sets: [contact, payment, secrets]}
defaults: {access: forbid, mask: fill, unscanned: withhold}
rules:
  - {id: copiers-copy, permit: [list, read, copy], who: [copier, matcher], why: They hand masked contents on.}
  - id: ends-are-shown
    mask: {card: keep-last-4, iban: keep-last-4, phone: keep-last-4, email: shape}
    who: [matcher]
    why: Receipts are matched by the ends of numbers.
test_clock: 2026-11-02 10:00
tests:
  - {name: copies, as: 'uid:61002', do: copy, device: disk, file: /a, kind: text, expect: permit, rule: copiers-copy}
EOF
mkdir "$work/source" "$work/source/cut" "$work/source/big" "$work/source/files"
"$tool" make "$work/source/files" "$seed"
# About 3 KiB to be cut everywhere; and one with an edge of a window to be cut around.
# iconv drops the character that head may have cut, and complains of it.
# Whole lines: half an address is no address.
head -c 3001 "$work/source/files/lines-262143.csv" | sed '$d' | iconv -c -f UTF-8 -t UTF-8 >"$work/source/cut/short.txt" 2>/dev/null || true
printf 'mail marta.quill@harbour-inn.example, card 4111 1111 1111 1111, key:\n%s\n%s\n%s\n' \
	'-----BEGIN PRIVATE KEY-----' 'QUARRELSOMEquarrelsome0123456789' '-----END PRIVATE KEY-----' >>"$work/source/cut/short.txt"
cp "$work/source/files/lines-131073.txt" "$work/source/cut/edge.txt"
runs=256
"$tool" big "$work/source/big/image.txt" $runs

start_daemon "$work/store" "$work/policy.yaml"
code 0 "$bailee" enroll "$work/source" --device D1 --kind disk
view 61002 "$work/view"
code 0 as 61002 "$tool" check "$work/source/files" "$work/view/D1/files" "$seed"
# Again with spans known by now, in another order, and with masks that keep a part of the value.
view 61003 "$work/ends"
code 0 as 61003 "$tool" check "$work/source/files" "$work/ends/D1/files" $((seed / 2 + 1))
code 0 as 61003 grep -q '1111' "$work/ends/D1/files/lines-262143.txt"
code 0 as 61002 "$tool" split "$work/source/cut/short.txt" "$work/view/D1/cut/short.txt" 0 4000
code 0 as 61003 "$tool" split "$work/source/cut/short.txt" "$work/ends/D1/cut/short.txt" 0 4000
code 0 as 61003 "$tool" split "$work/source/cut/edge.txt" "$work/ends/D1/cut/edge.txt" 65400 65700

code 0 as 61002 "$tool" random "$work/view/D1/big/image.txt" $runs "$seed" 1500
peak=$(awk '/^VmHWM/ { print $2 }' "/proc/$(daemon_child)/status")
echo "daemon: at most $peak KiB resident"
[ "$peak" -lt 65536 ] || fail "the daemon used $peak KiB, 64 MiB are allowed"
# Where there is no text a window is refused, not shown.
code 1 as 61002 dd if="$work/view/D1/big/image.txt" bs=64k skip=8 count=1 of=/dev/null
