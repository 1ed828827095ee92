# Originals on an open mount: only where others agreed to the copy, only of the class that may be shown, only in the view of who
# asked, only as long as that holds; names stay masked, and the log says what was shown.
. "$BAILEE_ROOT/tests/e2e/lib.sh"
. "$BAILEE_ROOT/tests/e2e/later.inc"
need_root
need_fuse
need jq setpriv flock

cat >"$work/policy.yaml" <<'EOF'
bailee: 1
name: unmask
serial: 1
timezone: Europe/Dublin
uses: [builtin/baseline]
people:
  uid:61001: {roles: [worker]}
  uid:61002: {roles: [copier]}
  uid:61003: {roles: [lead]}
  uid:61004: {roles: [lead]}
  uid:61005: {roles: [worker]}
roles: {worker: {}, copier: {}, lead: {}}
detect: {sets: [contact, payment]}
defaults: {access: forbid, mask: fill, unscanned: withhold}
rules:
  - {id: names, permit: [list, read, request], who: [worker, copier], why: They see what there is.}
  - {id: masked, permit: [copy], who: [copier], why: Masked contents are handed on.}
  - {id: handed-out, permit: [copy], who: [worker], needs: {approvals: {count: 1, from: [lead], valid: 4h}}, why: What leaves is agreed on.}
  - {id: mail-shown, permit: [unmask], who: [worker, copier], what: {contains: [email, card]}, needs: {reason: required}, why: An answer goes to the address.}
  - {id: phone-shown, permit: [unmask], who: [worker, copier], what: {contains: [phone]}, needs: {approvals: {count: 1, from: [lead], valid: 4h}}, why: Calls are agreed on.}
  - {id: answers, permit: [approve], who: [lead], why: They answer.}
test_clock: 2026-11-02 10:00
tests:
  - {name: mail, as: 'uid:61001', do: unmask, class: email, device: disk, file: /a, kind: text, has: [email, phone], reason: an answer, approvals: ['uid:61003'], expect: permit, rule: mail-shown, shows: {email: original, card: fill}}
EOF
mkdir "$work/source"
awk 'BEGIN { for (i = 2000; i < 4000; i++)
	printf "line %d: kim%d@harbour-inn.example, call +353 87 234 %d, card 4111 1111 1111 1111, 4111111111111111@harbour-inn.example\n", i, i, i }' \
	>"$work/source/a.txt"
cp "$work/source/a.txt" "$work/source/b.txt"
cp "$work/source/a.txt" "$work/source/mail kim@harbour-inn.example.txt"
start_daemon "$work/store" "$work/policy.yaml"
for id in D1 D2; do code 0 "$bailee" enroll "$work/source" --device $id --kind disk; done
view 61001 "$work/61001" --reason 'an answer to a quince letter'
view 61002 "$work/61002" --reason 'an answer to a quince letter'
view 61005 "$work/61005"

# asks UID ACTION DEVICE [PATH] [OPTIONS]: asked for and agreed on; its number in $number
agreed() {
	agreed_uid=$1
	shift
	code 0 as "$agreed_uid" "$bailee" request "$@" --reason 'an answer to a quince letter' --json
	number=$(jq .number "$work/out")
	code 0 as 61003 "$bailee" approve "$2/$number"
}
closed() {
	code 1 as "$1" cat "$work/$1/$2"
	says 'Permission denied'
	hides line
}
# has FILE TEXT COUNT: in what was read, so many lines have it
has() { [ "$(grep -cF -- "$2" "$work/$1" || true)" = "$3" ] || fail "$1: '$2' in $(grep -cF -- "$2" "$work/$1") lines, wanted $3: $(grep -F -- "$2" "$work/$1" | head -n 1) | $(head -n 1 "$work/$1")"; }
# looks UID PATH MAILS PHONES: so many lines show them; cards and what overlaps with one never; the length is the file's
looks() {
	as "$1" cat "$work/$1/$2" >"$work/seen" || fail "uid $1 does not read $2"
	seen $3 $4
}
seen() {
	[ "$(stat -c %s "$work/seen")" = "$(stat -c %s "$work/source/a.txt")" ] || fail "the length changes"
	has seen 'line ' 2000
	for text in '4111' '1111 1111' '1111@'; do has seen "$text" 0; done
	[ "$(grep -c 'kim[0-9]*@harbour-inn.example' "$work/seen" || true)" = "$1" ] || fail "mails are shown otherwise: $(head -n 1 "$work/seen")"
	[ "$(grep -c '+353 87 234' "$work/seen" || true)" = "$2" ] || fail "phones are shown otherwise: $(head -n 1 "$work/seen")"
}

# Nothing was agreed on: closed; or masked, for who may unmask and copies without asking.
for uid in 61001 61005; do closed $uid D1/a.txt; done
looks 61002 D1/a.txt 0 0
# An unmask that was agreed on is no copy, and opens nothing; nor does it unmask what is copied without asking.
agreed 61001 unmask D1 /a.txt --class phone
phones=$number
agreed 61002 unmask D1 /a.txt
closed 61001 D1/a.txt
looks 61002 D1/a.txt 0 0
# The copy: with the classes that may be shown, both of them; the next view masks all the same, whatever was read before.
agreed 61001 copy D1 /a.txt
copied=$number
looks 61001 D1/a.txt 2000 2000
looks 61002 D1/a.txt 0 0
for way in splice mmap-private read sendfile direct splice; do
	as 61001 "$copy_ways" $way "$work/61001/D1/a.txt" >"$work/seen"
	seen 2000 2000
	as 61002 "$copy_ways" $way "$work/61002/D1/a.txt" >"$work/seen"
	seen 0 0
done
# Without a reason stated: no mail; without an approval: no phone. Another file is another file.
agreed 61005 copy D1 /a.txt
looks 61005 D1/a.txt 0 0
agreed 61005 unmask D1 /a.txt --class phone
looks 61005 D1/a.txt 0 2000
closed 61001 D1/b.txt
closed 61001 D2/a.txt
agreed 61001 copy D1 /b.txt
looks 61001 D1/b.txt 2000 0
# Names stay masked, and so is what why says.
name=$(as 61001 ls "$work/61001/D1" | grep '^mail')
case $name in *kim* | *harbour*) fail "a name is shown" ;; esac
agreed 61001 copy D1 "/$name"
looks 61001 "D1/$name" 2000 0
as 61001 ls "$work/61001/D1" | grep -qxF "$name" || fail "a name changes by an approval"
code 0 as 61001 "$bailee" why "$work/61001/D1/$name"
hides harbour

# What was opened goes on as it was opened; what is agreed on later shows at the next open.
opened 61001 "$work/61001/D1/b.txt"
agreed 61001 unmask D1 /b.txt --class phone
later=$number
still 0
cp "$work/more" "$work/seen"
seen 2000 0
looks 61001 D1/b.txt 2000 2000
# Taken back: what is open shows no more of it, what the kernel keeps neither.
as 61001 "$copy_ways" splice "$work/61001/D1/b.txt" >/dev/null
as 61001 "$copy_ways" mmap-private "$work/61001/D1/b.txt" >/dev/null
opened 61001 "$work/61001/D1/b.txt" splice
code 0 as 61004 "$bailee" refuse D1/$later
echo >&9
cat <&8 >"$work/seen"
wait "$reader" || [ ! -s "$work/seen" ] || fail "an open file fails in the middle"
exec 8<&- 9>&-
[ ! -s "$work/seen" ] || seen 2000 0
for way in splice mmap-private read; do
	as 61001 "$copy_ways" $way "$work/61001/D1/b.txt" >"$work/seen"
	seen 2000 0
done
looks 61001 D1/a.txt 2000 2000
# The copy taken back: nothing at all.
opened 61001 "$work/61001/D1/a.txt"
code 0 as 61004 "$bailee" refuse D1/$copied
still 2
closed 61001 D1/a.txt
looks 61005 D1/a.txt 0 2000

# After a crash.
kill_daemon
start_daemon "$work/store" "$work/policy.yaml"
view 61001 "$work/61001" --reason 'an answer to a quince letter'
view 61005 "$work/61005"
looks 61001 D1/b.txt 2000 0
looks 61005 D1/a.txt 0 2000
closed 61001 D1/a.txt

# The log says which classes were shown, to whom, and nothing of the kind where none was.
code 0 "$bailee" log query --op open --verdict permitted --json
[ "$(jq -r 'select(.uid == 61002) | .detail' "$work/out" | sort -u)" = '' ] || fail "61002 was shown nothing: $(jq -c 'select(.uid == 61002)' "$work/out" | head -n 1)"
[ "$(jq -r 'select(.uid == 61005) | .detail' "$work/out" | sort -u | tr '\n' ,)" = ',unmasked: phone,' ] || fail "61005: $(jq -r 'select(.uid == 61005) | .detail' "$work/out" | sort -u)"
[ "$(jq -r 'select(.uid == 61001) | .detail' "$work/out" | sort -u | tr '\n' ,)" = 'unmasked: email,unmasked: email,phone,' ] || fail "61001: $(jq -r 'select(.uid == 61001) | .detail' "$work/out" | sort -u)"
if grep -rqaE 'quince|harbour|a\.txt' "$work/store"; then fail "the store holds a value, a name or a reason"; fi
key=$(public_key)
stop_daemon
[ "$stopped" = 0 ] || fail "the daemon ended with $stopped"
code 13 "$bailee" log verify --store "$work/store" --key "$key"
