# Who is known on a device is found before anything of it is shown: from cards, mail, exports, git and profile folders; told to nobody, kept sealed,
# the same after a restart.
. "$BAILEE_ROOT/tests/e2e/lib.sh"
need_root
need_fuse
need jq setpriv flock
cat >"$work/policy.yaml" <<'EOF'
bailee: 1
name: harvest
serial: 1
timezone: Europe/Dublin
uses: [builtin/baseline]
people:
  uid:61001: {roles: [desk]}
roles: {desk: {}}
detect: {sets: [contact, payment]}
defaults: {access: forbid, mask: fill, unscanned: withhold}
rules:
  - {id: all, permit: [list, read, copy], who: [desk], why: Tests look at everything.}
test_clock: 2026-11-02 10:00
tests:
  - {name: reads, as: 'uid:61001', do: copy, device: disk, file: /a, kind: text, has: [], expect: permit, rule: all}
EOF
person="$work/source/Users/quorlin.habberstam"
mkdir -p "$person/Documents" "$person/Mail" "$work/source/Users/Public"
printf 'BEGIN:VCARD\nVERSION:3.0\nFN:Zephrine Ooblicker\nTEL:+1 202 555 0143\nEND:VCARD\n' >"$person/contacts.vcf"
printf 'From: "Threnody Marwick-Vole" <tmv@blick.example>\nTo: q@blick.example\nSubject: boiler\nDate: Mon, 2 Mar 2026 10:11:12 +0000\n\nIt drips.\n' >"$person/Mail/1.eml"
printf 'Name,E-mail 1 - Value\nGrizelda Funtwhistle,gf@blick.example\n' >"$person/Documents/contacts.csv"
printf '[user]\n\tname = Barnaby Thistlequill\n\temail = bt@blick.example\n' >"$person/.gitconfig"
cat >"$person/Documents/notes.txt" <<'EOF'
the boiler drips, said Zephrine, and OOBLICKER came by with her sister.
we asked Marwick-Vole, Threnody for a new valve; Funtwhistle has one.
b.thistlequill paints it. Quorlin is away, the printer is out of toner.
EOF
echo letter >"$person/Documents/letter to Ooblicker.txt"
start_daemon "$work/store" "$work/policy.yaml"
code 0 "$bailee" enroll "$work/source" --device D1 --kind disk
view 61001 "$work/61001"
at_end "umount -l '$work/61001'"
# The folder of somebody's own may be masked by now, or is in a moment: found by what is in it.
notes() {
	as 61001 find "$work/61001/D1/Users" -name notes.txt -exec cat {} \; >"$work/out" 2>"$work/err"
	[ -s "$work/out" ]
}
shown() {
	tries=0
	until notes; do
		tries=$((tries + 1))
		[ $tries -lt 30 ] || { cat "$work/err"; fail "notes stay closed"; }
	done
	for value in ephrine OOBLICK Ooblick Marwick Threnody untwhistle histlequill uorlin; do hides "$value"; done
	says 'the boiler drips, said '
	says 'the printer is out of toner'
}
shown
cp "$work/out" "$work/first"
code 0 as 61001 find "$work/61001/D1"
for value in uorlin abberstam Ooblick; do hides "$value"; done
says /Users/Public
if grep -raE 'ephrine|Ooblick|uorlin|histlequill' "$work/store"; then fail "somebody's name is in the store in the clear"; fi
code 0 "$bailee" status --json
hides Ooblick

# After a restart the same, though what it was learnt from is not there any more: answers never drift.
code 0 "$bailee" close "$work/61001"
stop_daemon
wait_store_free "$work/store"
mv "$person/contacts.vcf" "$work/kept.vcf"
start_daemon "$work/store" "$work/policy.yaml"
view 61001 "$work/61001"
shown
cmp "$work/first" "$work/out" || fail "other answers after a restart"
