# What is in a file decides on it: closed while that is not known, and for good when it is found or cannot be looked through; open
# once all of it is known to be clean, also when it is large. What others agreed to hand back is let out of a withhold.
. "$BAILEE_ROOT/tests/e2e/lib.sh"
. "$BAILEE_ROOT/tests/e2e/later.inc"
need_root
need_fuse
need jq setpriv flock

cat >"$work/policy.yaml" <<'EOF'
bailee: 1
name: contains
serial: 1
timezone: Europe/Dublin
uses: [builtin/baseline]
people:
  uid:61001: {roles: [cautious]}
  uid:61002: {roles: [mailer]}
  uid:61003: {roles: [returner]}
  uid:61004: {roles: [lead]}
  uid:61005: {roles: [free]}
roles: {cautious: {}, mailer: {}, returner: {}, lead: {}, free: {}}
detect: {sets: [contact, payment]}
defaults: {access: forbid, mask: fill, unscanned: withhold}
rules:
  - {id: looks, permit: [list, read], who: [cautious, mailer, returner, free], why: They see what there is.}
  - {id: copies, permit: [copy], who: [cautious, free], why: They hand contents on.}
  - {id: no-cards, forbid: [copy], who: [cautious], what: {contains: [card]}, why: A file with a card stays here.}
  - {id: mails-only, permit: [copy], who: [mailer], what: {contains: [email]}, why: They look for mails.}
  - {id: handed-back, permit: [copy], who: [returner], needs: {approvals: {count: 1, from: [lead], valid: 4h}}, why: The customer gets it back.}
  - {id: ibans-stay, withhold: [any], who: [returner], what: {contains: [iban]}, unless: {approved: copy}, why: Accounts stay unless they are handed back.}
  - {id: answers, permit: [approve], who: [lead], why: They answer.}
test_clock: 2026-11-02 10:00
tests:
  - {name: clean, as: 'uid:61001', do: copy, device: disk, file: /a, kind: text, size: 1M, has: [], expect: permit, rule: copies}
  - {name: not looked through, as: 'uid:61001', do: copy, device: disk, file: /a, kind: text, has: unknown, expect: forbid, rule: no-cards}
EOF
mkdir -p "$work/source/folder"
cd "$work/source"
yes 'the gooseberry diary, line after line of it, and nothing in it is of anybody at all' | head -c 64M >large-clean.txt
{ head -c 32M large-clean.txt; printf '\ncard 4111 1111 1111 1111\n'; head -c 32M large-clean.txt; } >large-card.txt
{ head -c 4M large-clean.txt; printf 'a\0b\n'; } >late-nul.txt
{ head -c 300K large-clean.txt; echo; } >clean.txt
{ cat clean.txt; echo 'pay by 5555 5555 5555 4444'; } >card.txt
{ cat clean.txt; echo 'write to kim@harbour-inn.example'; } >mail.txt
{ cat clean.txt; echo 'account IE29 AIBK 9311 5212 3456 78'; } >folder/iban.txt
: >empty.txt
cd /
start_daemon "$work/store" "$work/policy.yaml"
key=$(public_key)
for id in D1 D2; do code 0 "$bailee" enroll "$work/source" --device $id --kind disk; done
for uid in 61001 61002 61003 61005; do view $uid "$work/$uid"; done
# known UID PATH: opened until what is in it is known: each try ends by itself, with the contents or with how far it is
known() {
	tries=0
	until as "$1" cat "$work/$1/$2" >"$work/seen" 2>"$work/tried"; do
		grep -q 'Permission denied' "$work/tried" || { cat "$work/tried"; fail "$2 is refused otherwise"; }
		as "$1" "$bailee" why "$work/$1/$2" >"$work/why"
		grep -q 'looked through' "$work/why" || { cat "$work/why"; return 1; }
		tries=$((tries + 1))
		[ $tries -lt 30 ] || { cat "$work/why"; fail "$2 is looked through for ever"; }
	done
}
opens() {
	known "$1" "$2" || fail "uid $1 does not open $2"
	cmp "$work/seen" "$work/source/${2#*/}" || fail "$2 is not what it was"
}
closed() {
	if known "$1" "$2"; then fail "uid $1 opens $2"; fi
	for again in 1 2; do
		code 1 as "$1" cat "$work/$1/$2"
		says 'Permission denied'
		hides gooseberry
	done
	grep -q -- "$3" "$work/why" || { cat "$work/why"; fail "$2 is closed by something else"; }
}

# A forbid: found, anywhere in it, closes; clean opens, however large; what cannot be looked through may hold one.
for file in clean.txt mail.txt empty.txt large-clean.txt; do
	[ $file != mail.txt ] || { known 61001 D1/$file && continue; fail "$file stays closed"; }
	opens 61001 D1/$file
done
closed 61001 D1/card.txt no-cards
closed 61001 D1/large-card.txt no-cards
for again in 1 2 3; do
	code 1 as 61001 cat "$work/61001/D1/late-nul.txt"
	says 'Permission denied'
	hides gooseberry
done
code 0 as 61001 "$bailee" why "$work/61001/D1/late-nul.txt"
says 'all of this file can be looked through'
# Who is not bound by it reads all of it that can be read, masked; and not sooner what the other one's rules know.
known 61005 D1/card.txt || fail "a card closes a file for others"
[ "$(tail -n 1 "$work/seen")" = 'pay by *******************' ] || fail "not masked: $(tail -n 1 "$work/seen")"
opens 61001 D2/clean.txt
closed 61001 D2/card.txt no-cards
# A permit: only what is known to hold one.
known 61002 D1/mail.txt || fail "a file with a mail is not permitted"
tail -n 1 "$work/seen" | grep -q 'write to \*\**$' || fail "not masked: $(tail -n 1 "$work/seen")"
for file in clean.txt card.txt empty.txt; do closed 61002 D1/$file 'copy is forbidden'; done

# A withhold, unless it was agreed to hand it back: that file, by that person's own request.
agreed() {
	code 0 as 61003 "$bailee" request copy D1 "$1" --reason 'back to the customer' --json
	number=$(jq .number "$work/out")
	code 0 as 61004 "$bailee" approve "D1/$number"
}
code 1 as 61003 cat "$work/61003/D1/folder/iban.txt"
agreed /clean.txt
opens 61003 D1/clean.txt
code 1 as 61003 cat "$work/61003/D1/folder/iban.txt"
says 'Permission denied'
agreed /folder
known 61003 D1/folder/iban.txt || fail "what is handed back is withheld"
tail -n 1 "$work/seen" | grep -q 'account \*\**$' || fail "not masked: $(tail -n 1 "$work/seen")"
opened 61003 "$work/61003/D1/folder/iban.txt"
code 0 as 61004 "$bailee" refuse D1/$number
still 2
code 1 as 61003 cat "$work/61003/D1/folder/iban.txt"
says 'Permission denied'

# Open, and then it holds a card by a policy that looks for more: closed; and what was clean under the old one is asked again.
sed 's/^serial: 1/serial: 2/; s/contains: \[card\]/contains: [card, email]/' "$work/policy.yaml" >"$work/policy-2.yaml"
opened 61001 "$work/61001/D1/mail.txt"
code 0 "$bailee" policy load "$work/policy-2.yaml"
still 2
closed 61001 D1/mail.txt no-cards
opens 61001 D1/large-clean.txt
stop_daemon
[ "$stopped" = 0 ] || fail "the daemon ended with $stopped"
code 13 "$bailee" log verify --store "$work/store" --key "$key"
