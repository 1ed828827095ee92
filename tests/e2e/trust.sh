# Whose policies a store takes: once it trusts a key, nothing that is not signed by it comes into force, by no way of loading, and
# nothing inside a policy changes that. What is signed is the very file, and a start takes the last good one with its signature.
. "$BAILEE_ROOT/tests/e2e/lib.sh"
need_root
need_fuse
need jq setpriv
mkdir "$work/etc" "$work/keys" "$work/files"
file=$work/etc/policy.yaml
serial=0

text() {
	cat <<EOF
bailee: 1
name: trust
serial: $1
timezone: UTC
uses: [builtin/baseline]
people:
  uid:61002: {roles: [supervisor]}
  uid:61003: {roles: [keeper]}
roles:
  supervisor: {}
  keeper: {}
detect: {sets: [payment]}
defaults: {access: forbid, mask: fill, unscanned: withhold}
rules:
  - {id: looks, permit: [list, read, copy], who: [supervisor], why: They look at devices here.}
  - {id: keeps, permit: [administer], who: [keeper], why: They keep the policy.}
${2:-}
EOF
}
next() { serial=$((serial + 1)); }
status() { "$bailee" status --json | jq -r "$1"; }
until_is() {
	for _ in $(seq 600); do
		[ "$(status ".$1")" != "$2" ] || return 0
	done
	fail "$1 is $(status ".$1"), wanted $2; trouble: $(status .policy_trouble)"
}
settle() { status . >/dev/null; status . >/dev/null; }
sign() { "$bailee" policy sign "$1" --key "$work/keys/${2:-ours}.key" >/dev/null; }
unchanged() {
	[ "$(status .policy_serial)" = "$serial" ] || fail "$1: serial $(status .policy_serial) is in force, wanted $serial"
	code 0 as 61002 cat "$work/view/D1/a.txt"
}
# refused WHY FILE: by the command, with 13, and nothing is another
refused() {
	code 13 "$bailee" policy load "$2"
	unchanged "$1"
	status .policy_trouble >"$work/out"
	[ -s "$work/out" ] || fail "$1: status tells nothing"
}

echo hello >"$work/files/a.txt"
for name in ours other; do
	code 0 "$bailee" policy keygen "$work/keys/$name" --no-password
	[ "$(stat -c %a "$work/keys/$name.key")" = 600 ] || fail "a secret key is open to others"
done
code 2 "$bailee" policy keygen "$work/keys/ours" --no-password
says 'never overwritten'
next
text 1 >"$file"
start_daemon "$work/store" "$file"
code 0 "$bailee" enroll "$work/files" --device D1 --kind disk
view 61002 "$work/view"

# ---- who may trust, and what ------------------------------------------------------------------------
next
text 2 >"$work/2.yaml"
code 0 "$bailee" policy load "$work/2.yaml" # unsigned is fine until a key is trusted
sign "$work/2.yaml"
sign "$file"
# Not the policy in force, not by this key, not by its keeper: nobody locks themselves out, nobody else decides.
code 13 "$bailee" policy trust "$work/keys/ours.pub" --signature "$file.minisig"
code 13 "$bailee" policy trust "$work/keys/other.pub" --signature "$work/2.yaml.minisig"
code 3 as 61003 "$bailee" policy trust "$work/keys/ours.pub" --signature "$work/2.yaml.minisig"
cp "$work/store/policy.last" "$work/kept"
next
text 3 >"$work/3.yaml"
code 0 "$bailee" policy load "$work/3.yaml" # none of that made the store ask for a signature
code 13 "$bailee" policy trust "$work/keys/ours.pub" --signature "$work/2.yaml.minisig"
sign "$work/3.yaml"
code 0 "$bailee" policy trust "$work/keys/ours.pub" --signature "$work/3.yaml.minisig"

# ---- what is refused ----------------------------------------------------------------------------------
text 4 >"$work/4.yaml"
refused 'unsigned' "$work/4.yaml"
sign "$work/4.yaml" other
refused 'another key' "$work/4.yaml"
cp "$work/3.yaml.minisig" "$work/4.yaml.minisig"
refused 'the signature of another file' "$work/4.yaml"
sign "$work/4.yaml"
echo '# a line more' >>"$work/4.yaml"
refused 'a line more than was signed' "$work/4.yaml"
text 4 >"$work/4.yaml"
sign "$work/4.yaml"
cp "$work/4.yaml.minisig" "$work/good"
# One character of each line: the signature, the trusted comment, the signature of that.
for line in 2 3 4; do
	was=$(sed -n "${line}s|.\{30\}\(.\).*|\1|p" "$work/good")
	becomes=$(echo "$was" | tr 'a-zA-Z0-9+/' 'b-zaB-ZA1-90/+')
	sed "${line}s|\(.\{30\}\).|\1$becomes|" "$work/good" >"$work/4.yaml.minisig"
	if cmp -s "$work/good" "$work/4.yaml.minisig"; then fail "line $line was not changed"; fi
	got=0
	"$bailee" policy load "$work/4.yaml" >"$work/out" 2>&1 || got=$?
	[ "$got" = 13 ] || [ "$got" = 2 ] || fail "line $line changed: exit $got"
	unchanged "line $line changed"
done
for words in '' 'not a signature' "$(head -1 "$work/good")"; do
	printf '%s\n' "$words" >"$work/4.yaml.minisig"
	got=0
	"$bailee" policy load "$work/4.yaml" >"$work/out" 2>&1 || got=$?
	[ "$got" = 13 ] || [ "$got" = 2 ] || fail "'$words' for a signature: exit $got"
	unchanged "'$words' for a signature"
done
# Nothing in the file switches it off; there is not even a word for it.
for words in 'signature: none' 'trust: []' 'unsigned: accept' "proof: {signature: none}"; do
	text 4 "$words" >"$work/5.yaml"
	got=0
	"$bailee" policy load "$work/5.yaml" >"$work/out" 2>&1 || got=$?
	[ "$got" = 2 ] || fail "'$words' in a policy: exit $got"
	unchanged "$words"
done
# Nor does who keeps the policy, nor the store's owner by the other ways.
cp "$work/4.yaml" "$work/plain.yaml"
code 13 as 61003 "$bailee" policy load "$work/plain.yaml"
unchanged 'by the keeper'
before=$(status .policy_refusals)
text 4 >"$file"
until_is policy_refusals $((before + 1))
unchanged 'saved'
code 13 "$bailee" reload
before=$(status .policy_refusals)
kill -HUP "$daemon"
until_is policy_refusals $((before + 1))
unchanged 'hung up'
[ "$("$bailee" log query --op policy-refused --json | wc -l)" = "$(status .policy_refusals)" ] || fail "refusals and events differ"

# ---- what is taken ---------------------------------------------------------------------------------------
next
cp "$work/good" "$work/4.yaml.minisig"
code 0 "$bailee" policy load "$work/4.yaml"
unchanged 'signed'
# Saved, and its signature a moment after: looked at in between, refused, and in force in the end.
next
text 5 >"$file"
until_is policy_trouble "$(status .policy_trouble)"
settle
sign "$file"
until_is policy_serial 5
[ -z "$(status .policy_trouble)" ] || fail "in force, but told as trouble: $(status .policy_trouble)"
# The other way round, and both renamed into place.
next
text 6 >"$work/etc/new.yaml"
sign "$work/etc/new.yaml"
mv "$work/etc/new.yaml.minisig" "$file.minisig"
settle
unchanged_serial=$(status .policy_serial)
[ "$unchanged_serial" = 5 ] || fail "a signature alone changes the policy"
mv "$work/etc/new.yaml" "$file"
until_is policy_serial 6
[ -z "$(status .policy_trouble)" ] || fail "in force, but told as trouble: $(status .policy_trouble)"
# Signature written in place.
next
text 7 >"$file"
cp "$file" "$work/7.yaml"
sign "$work/7.yaml"
settle
cat "$work/7.yaml.minisig" >"$file.minisig"
until_is policy_serial 7
# Taken away: what is in force stays; the file counts no more.
rm "$file.minisig"
settle
unchanged 'the signature is removed'
code 13 "$bailee" reload
unchanged 'reload without the signature'

# ---- at start ----------------------------------------------------------------------------------------------
stop_daemon
code 13 timeout 60 "$bailee" serve --store "$work/store" --policy "$file"
sign "$file" other
code 13 timeout 60 "$bailee" serve --store "$work/store" --policy "$file"
start_daemon "$work/store"
[ "$(status .policy_serial)" = 7 ] || fail "the last good policy is not in force"
code 13 "$bailee" policy load "$work/plain.yaml"
stop_daemon
sign "$file"
start_daemon "$work/store" "$file"
[ "$(status .policy_serial)" = 7 ] || fail "a signed file is not in force at start"
# A second key: either counts from now on.
code 13 "$bailee" policy trust "$work/keys/other.pub" --signature "$file.minisig"
cp "$file" "$work/7.yaml"
sign "$work/7.yaml" other
code 0 "$bailee" policy trust "$work/keys/other.pub" --signature "$work/7.yaml.minisig"
for name in other ours; do
	next
	text "$serial" >"$work/$serial.yaml"
	sign "$work/$serial.yaml" "$name"
	code 0 "$bailee" policy load "$work/$serial.yaml"
	[ "$(status .policy_serial)" = "$serial" ] || fail "$name: not in force"
done
stop_daemon
[ "$stopped" = 0 ] || fail "the daemon ended with $stopped"
# What the store itself keeps is asked for its signature too: an older one, put back there, is refused and nothing is served.
cp "$work/store/policy.last" "$work/newest"
cat "$work/kept" >"$work/store/policy.last"
code 13 timeout 60 "$bailee" serve --store "$work/store"
cat "$work/newest" >"$work/store/policy.last"
start_daemon "$work/store"
[ "$(status .policy_serial)" = "$serial" ] || fail "the last good policy is not in force"
stop_daemon
[ "$stopped" = 0 ] || fail "the daemon ended with $stopped"
