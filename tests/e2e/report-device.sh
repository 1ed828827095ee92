# The report of one device: for its customer in plain words, and nobody's name in it; for an auditor with the number of every event. Through a
# device's whole life, in every form, with hostile texts; and who may not have it.
. "$BAILEE_ROOT/tests/e2e/lib.sh"
need_root
need_fuse
need mke2fs jq setpriv sha256sum python3
mkdir "$work/files" "$work/keys"
chmod 777 "$work"
awk 'BEGIN { for (i = 10; i < 40; i++) printf "kim%d@harbour-inn.example paid with 4111 1111 1111 1111\n", i }' >"$work/files/quince-letter.txt"
echo 'nothing at all' >"$work/files/plain.txt"
truncate -s 4M "$work/disk.img"
mke2fs -q -d "$work/files" "$work/disk.img"
cat >"$work/policy.yaml" <<'YAML'
bailee: 1
name: reports
serial: 7
timezone: Europe/Dublin
people:
  'uid:61001': {roles: [desk]}
  'uid:61002': {roles: [bench-technician]}
  'uid:61003': {roles: [officer]}
  'uid:61004': {roles: [auditor]}
  'uid:61005': {roles: [guest]}
  'uid:61006': {roles: [copier]}
  'uid:61007': {roles: [officer]}
roles: {desk: {}, bench-technician: {}, officer: {}, auditor: {}, guest: {}, copier: {}}
detect: {sets: [contact, payment], customer: true}
defaults: {access: forbid, mask: fill, unscanned: withhold}
rules:
  - {id: desk-works, permit: [list, intake, request], who: [desk], why: They take devices in.}
  - {id: benches-look, permit: [list, read, request], who: [bench-technician], when: {purpose: [repair], consent: granted}, why: "Repairs need a <script>look</script>."}
  - {id: benches-copy, permit: [copy], who: [bench-technician], when: {purpose: [repair]}, needs: {approvals: {count: 1, from: [officer], valid: 4h}}, why: What leaves is agreed on.}
  - {id: benches-unmask, permit: [unmask], who: [bench-technician], what: {contains: [email]}, needs: {reason: required}, why: An answer goes to the address.}
  - {id: copiers-copy, permit: [list, read, copy], who: [copier], why: They hand masked contents on.}
  - {id: officers-decide, permit: [hold, release, shred, approve], who: [officer], why: They decide.}
  - {id: auditors-look, permit: [review, verify], who: [auditor], why: They look again.}
  - {id: guests-list, permit: [list], who: [guest], why: They see what there is.}
retention:
  - {id: month, destroy_after: {intake: 30d, closed: 3d}}
requests: {destroy_within: 72h}
proof: {verify: 50%, certificate: true}
report: {contact: "Privacy desk <b>& co</b>, 1 Quay, Dublin", complain: "Data Protection Commission, Dublin"}
YAML
desk() { as 61001 "$bailee" "$@"; }
officer() { as 61003 "$bailee" "$@"; }
auditor() { as 61004 "$bailee" "$@"; }
code 0 "$bailee" auditor keygen "$work/keys/edda"
code 0 "$bailee" init --store "$work/store" --auditor "$work/keys/edda.pub" --kit "$work/keys/kit"
chown 61004:61004 "$work/keys/edda"
start_daemon "$work/store" "$work/policy.yaml"

# customer LANG: both forms and the JSON of RMA-1, as $work/c.LANG.*; what must never be in any of them is not
customer() {
	desk report device RMA-1 --for customer --lang "$1" >"$work/c.$1.txt" || fail "no report in $1"
	rm -f "$work/c.$1.html"
	code 0 desk report device RMA-1 --for customer --lang "$1" --html "$work/c.$1.html"
	[ "$(stat -c %a "$work/c.$1.html")" = 600 ] || fail "the report can be read by others"
	desk report device RMA-1 --for customer --json >"$work/c.json" || fail "no report in JSON"
	[ "$(wc -L <"$work/c.$1.txt")" -le 80 ] || fail "the letter is wider than 80 columns: $(grep -E '.{81}' "$work/c.$1.txt")"
	for form in "$work/c.$1.txt" "$work/c.$1.html" "$work/c.json"; do
		grep -qE '6100[0-9]|uid:|quince|plain\.txt|Zebulon|harbour-inn|4111|stranger|secret plan' "$form" && fail "$form names what it must not: $(grep -oE '.{20}(6100[0-9]|uid:|quince|plain\.txt|Zebulon|harbour-inn|4111|stranger|secret plan).{20}' "$form")"
	done
	grep -q '<script>\|<b>&' "$work/c.$1.html" && fail "markup of others is markup in $1"
	if grep -q '%[1-4]\|WORD_\|(null)' "$work/c.$1.txt" "$work/c.$1.html"; then fail "a text of $1 is not filled in"; fi
}
# tells FILE TEXT...: of words that may be wrapped
tells() {
	told=$1
	shift
	for text; do tr -s ' \n' '  ' <"$told" | grep -qF -- "$text" || { cat "$told"; fail "$told lacks '$text'"; }; done
}
# dossier [OPTIONS]: all three forms; every event it numbers is one that the log has, of this device or of a view
dossier() {
	auditor report device RMA-1 --for auditor --json "$@" >"$work/d.json" || fail "no dossier in JSON"
	rm -f "$work/d.html"
	code 0 auditor report device RMA-1 --for auditor --html "$work/d.html" "$@"
	auditor report device RMA-1 --for auditor "$@" >"$work/d.txt" || fail "no dossier"
	"$bailee" log query --json >"$work/log.json"
	/usr/bin/python3 - "$work" <<'PY'
import html.parser, json, re, sys
work = sys.argv[1]
events = {}
for line in open(work + "/log.json"):
    event = json.loads(line)
    events[event["sequence"]] = event
report = json.load(open(work + "/d.json"))
def numbers(item):
    if isinstance(item, dict):
        for key, value in item.items():
            if isinstance(value, int) and value and (key.endswith("_sequence") and key != "last_sequence" or key in ("sequence", "session", "intent")):
                yield key, value
            yield from numbers(value)
    elif isinstance(item, list):
        for value in item:
            yield from numbers(value)
found = list(numbers({k: report[k] for k in ("custody", "events", "visits", "seen", "denials", "files", "destroyed", "parts")}))
lost = [n for n in found if n[1] not in events]
assert found and not lost, lost
for record in report["custody"] + report["events"]:
    assert events[record["sequence"]]["op"] == record["op"] and record["device"] == "RMA-1", record
for name in ("custody", "events"):
    order = [r["sequence"] for r in report[name]]
    assert order == sorted(order), name
for visit in report["visits"]:
    assert not visit["session"] or events[visit["session"]]["op"] == "view-opened", visit
page = open(work + "/d.html").read()
rows = {int(n) for n in re.findall(r'id="event-(\d+)"', page)}
# (Each form was an event of its own meanwhile.)
assert rows >= {r["sequence"] for r in report["custody"] + report["events"]} and rows <= set(events), rows
assert len(re.findall(r'id="event-', page)) == len(rows), "an event stands twice"
text = open(work + "/d.txt").read()
for n in rows:
    assert re.search(r"\b%d\b" % n, text), n
# Nothing of it is fetched, and every tag is ended.
assert "default-src 'none'" in page and "src=" not in page.replace("default-src", "").replace("style-src", "").replace("script-src", "")
class Tags(html.parser.HTMLParser):
    stack = []
    def handle_starttag(self, tag, attributes):
        if tag not in ("meta", "circle", "line", "br", "wbr", "input", "rect", "polyline", "path"):
            self.stack.append(tag)
    def handle_startendtag(self, tag, attributes):
        pass
    def handle_endtag(self, tag):
        assert self.stack.pop() == tag, tag
for name in ("d.html", "c.en.html", "c.de.html"):
    try:
        text = open(work + "/" + name).read()
    except FileNotFoundError:
        continue
    tags = Tags()
    tags.feed(text)
    assert not tags.stack, tags.stack
PY
	[ $? = 0 ] || fail "the dossier does not fit the log"
	grep -q '<script>look\|<b>&' "$work/d.html" && fail "markup of others is markup in the dossier"
	return 0
}

# ---- never looked at ----
cat >"$work/record.yaml" <<'YAML'
maker: "Acme <script>alert(1)</script>"
model: "Rocket & Söhne \"3\""
serial: SN-0042
condition: {notes: 'Zebulon came with a stranger'}
customer: {name: Zebulon Sample, email: zebulon@harbour-inn.example}
YAML
code 0 desk intake "$work/disk.img" --device RMA-1 --kind laptop --record "$work/record.yaml"
LC_ALL=C.UTF-8
export LC_ALL
customer en
tells "$work/c.en.txt" 'We still hold it, until' 'Nobody. Every look is written down, and there was none.' 'Nobody had counted' 'No consent of yours is on record' \
	'Received (' 'Not looked at' 'number RMA-1 with us' 'Data Protection Commission, Dublin' 'you can have a signed certificate' 'bench technician, for repair, only with your consent' \
	'after another person has agreed' 'Nobody else could have any of it' 'Nothing that it found was ever shown'
customer de
tells "$work/c.de.txt" 'Wir haben es noch' 'Niemand. Jeder Blick wird festgehalten' 'Eine Einwilligung von Ihnen ist nicht festgehalten' 'Nicht angesehen' '1. Was wir hatten' '5. Wie Sie sich beschweren'
dossier
tells "$work/d.txt" 'Nobody looked at anything of it' 'No file was opened.' 'Nothing of it was destroyed yet.' 'It was never held.'

# ---- its life ----
code 0 desk consent RMA-1 grant repair
code 0 auditor scan RMA-1
for uid in 61002 61005 61006; do
	mkdir -p "$work/$uid"
	chown $uid:$uid "$work/$uid"
done
code 0 as 61002 "$bailee" request copy RMA-1 --purpose repair --reason 'Zebulon has a secret plan'
code 0 officer approve RMA-1/1
view 61002 "$work/61002" --purpose repair --reason 'Zebulon has a secret plan'
view 61006 "$work/61006"
view 61005 "$work/61005"
letter=RMA-1/p1-ext2/quince-letter.txt
as 61002 cat "$work/61002/$letter" >"$work/seen" || fail "the bench does not read"
grep -q 'kim10@harbour-inn' "$work/seen" || fail "nothing is shown unmasked"
as 61002 cat "$work/61002/RMA-1/p1-ext2/plain.txt" >/dev/null
as 61006 cat "$work/61006/$letter" >"$work/seen"
grep -q 'kim10' "$work/seen" && fail "the copier sees it unmasked"
for again in 1 2 3; do code 1 as 61005 cat "$work/61005/$letter"; done
code 0 officer hold add RMA-1 --reason 'Zebulon is in court'
code 0 desk incident open RMA-1 --kind exposure --text 'a stranger looked at it'
customer en
tells "$work/c.en.txt" 'must not destroy it yet' 'bench technician' 'copier' 'repair' '2 files opened' '1 file opened' '3 attempts were refused' '2 files were opened in which these were not hidden: email addresses' \
	'email addresses: 3' 'payment card numbers: 30' 'You agreed to this: repair' 'data was seen by somebody who should not have seen it. We are dealing' 'somebody gave a reason, which is on record' \
	'what went wrong has to be settled first' 'Files were opened on a work computer' 'Stopped ('
customer de
tells "$work/c.de.txt" 'dürfen es noch nicht vernichten' '2 Dateien geöffnet' '3 Versuche wurden abgewiesen' 'E-Mail-Adressen' 'Sie haben zugestimmt: repair' 'Angehalten ('
LC_ALL=C desk report device RMA-1 --for customer --lang de >"$work/ascii.txt"
grep -qP '[^\x00-\x7f]' "$work/ascii.txt" && fail "a terminal without UTF-8 gets it"
tells "$work/ascii.txt" 'duerfen es noch nicht vernichten' 'Dateien geoeffnet'
dossier --names "$work/keys/edda"
tells "$work/d.txt" 'p1-ext2/quince-letter.txt' 'reason: Zebulon has a secret plan' 'Hold 1 stands since' 'Zebulon is in court' 'exposure' 'open mount' \
	'Zebulon came with a stranger' 'unmasked: email'
tells "$work/d.html" 'p1-ext2/quince-letter.txt' 'Zebulon has a secret plan'
dossier
tells "$work/d.txt" "an auditor's secret key opens their names"
grep -q 'quince\|secret plan' "$work/d.txt" "$work/d.html" "$work/d.json" && fail "names are open without a key"

# Without an index the log is read, and says the same.
wanted='del(.made, .made_unix, .last_sequence, .events)'
jq -S "$wanted" "$work/d.json" >"$work/indexed"
[ -f "$work/store/index/log.sqlite" ] || fail "no index was made"
rm -rf "$work/store/index"
mkdir "$work/store/index"
mount -t tmpfs -o ro,size=4k none "$work/store/index"
at_end umount "$work/store/index"
auditor report device RMA-1 --for auditor --json >"$work/d.json" || fail "no dossier without an index"
jq -S "$wanted" "$work/d.json" >"$work/read"
cmp -s "$work/indexed" "$work/read" || { diff "$work/indexed" "$work/read" | head -20; fail "the index says something else than the log"; }
umount "$work/store/index"

# ---- who may not ----
for uid in 61005 61006 61002 61003; do
	code 3 as $uid "$bailee" report device RMA-1 --for customer
	code 3 as $uid "$bailee" report device RMA-1 --for auditor
done
code 3 desk report device RMA-1 --for auditor
[ "$("$bailee" log query --uid 61005 --op admin --verdict denied --json | wc -l)" = 2 ] || fail "who was refused a report is not on record"
[ "$("$bailee" log query --device RMA-1 --op admin --json | grep -c '"detail":"device-report customer"')" -ge 12 ] || fail "reports are not on record"
code 1 desk report device RMA-2 --for customer
says 'no such device'
code 3 as 61006 "$bailee" report device RMA-2 --for customer
code 2 desk report device '../RMA-1' --for customer
code 2 desk report device RMA-1
says '--for customer'
for bad in '--for nobody' '--for customer --lang fr' '--for customer --names key' '--for auditor --lang de' '--for customer --force' '--for customer --text --json'; do code 2 desk report device RMA-1 $bad; done
code 2 desk report
asked() { "$bailee" log query --device RMA-1 --op admin --json | grep -c '"detail":"device-report'; }
before=$(asked)
code 2 desk report device RMA-1 --for customer --html "$work/c.en.html"
says '--force'
[ "$(asked)" = "$before" ] || fail "what was not written was asked for"
code 0 desk report device RMA-1 --for customer --html "$work/c.en.html" --force
code 1 desk report device RMA-1 --for customer --html "$work/nowhere/c.html"
says 'nowhere'
code 0 desk report device RMA-1 --for customer --html -
says '<!DOCTYPE html>'
code 0 desk report device RMA-1 --for customer --html "$work/both.html" --text
says 'What happened to your device'
[ -s "$work/both.html" ] || fail "one form is missing of two"

# ---- by name, where the policy says so; hostile texts stay texts ----
sed 's/^serial: 7/serial: 8/; s/^report: {/report: {names: true, /' "$work/policy.yaml" >"$work/named.yaml"
code 0 "$bailee" policy load "$work/named.yaml"
code 0 desk report device RMA-1 --for customer
says 'uid:61002 (bench technician)'
code 0 desk report device RMA-1 --for customer --lang de --json
[ "$(jq -r '[.looks[].person] | join(" ")' "$work/out")" = 'uid:61002 uid:61005 uid:61006' ] || fail "names: $(jq -c .looks "$work/out")"
sed 's/^serial: 7/serial: 9/' "$work/policy.yaml" >"$work/unnamed.yaml"
code 0 "$bailee" policy load "$work/unnamed.yaml"

# ---- its end ----
code 0 as 61007 "$bailee" hold release RMA-1 --hold 1 --reason 'court is over'
code 0 as 61007 "$bailee" incident close RMA-1/1 --action 'The door <b>is</b> locked now.' --reason 'settled'
code 0 officer shred RMA-1 --path '**/quince*' --reason 'asked for'
customer en
tells "$work/c.en.txt" 'We still hold it' 'Destroyed ahead of the rest, on' 'So that it does not happen again: The door <b>is</b> locked now.' 'Nobody had counted'
dossier --names "$work/keys/edda"
tells "$work/d.txt" 'Part 1, 1 files: ERASED' 'hold-released' 'part-done'
code 0 desk customer-request erase RMA-1 --verified --ticket T-1
code 0 officer shred RMA-1 --reason 'the customer wants it'
pass
[ "$(state RMA-1)" = shredded ] || fail "RMA-1 is $(state RMA-1)"
customer en
tells "$work/c.en.txt" 'Destroyed on' 'You asked on' 'to have it destroyed. Done on' 'it was encrypted, and all keys to it were destroyed' 'Destroyed (' 'There is nothing left here' 'could look at what was on a device' 'bench technician' '2 files opened' 'was destroyed with it'
customer de
tells "$work/c.de.txt" 'Vernichtet am' 'Erledigt am' 'alle Schlüssel dazu wurden vernichtet' 'Unser Schlüssel'
# What it says to type is what proves it; with a digit of the key changed it does not.
auditor certificate show RMA-1 >"$work/RMA-1.json" || fail "no certificate"
typed=$(grep -A1 'bailee certificate verify' "$work/c.de.txt" | tr -d '\n\\' | tr -s ' ')
[ -n "$typed" ] || fail "the customer is told no command"
(cd "$work" && PATH=$BAILEE_BUILD:$PATH sh -c "$typed") >"$work/out" 2>&1 || fail "'$typed' does not verify: $(cat "$work/out")"
says 'genuine'
other=$(echo "$typed" | tr '0123456789' '1234567890')
(cd "$work" && PATH=$BAILEE_BUILD:$PATH sh -c "${other% *} $(echo "${other##* }" | head -c 64)") >"$work/out" 2>&1 && fail "another key verifies it as well"
digest=$(/usr/bin/python3 -c 'import hashlib, sys; print(hashlib.blake2b(open(sys.argv[1], "rb").read(), digest_size=32).hexdigest())' "$work/RMA-1.json")
tr -d ' \n' <"$work/c.de.txt" | grep -q "$digest" || fail "the certificate's fingerprint is another one"
dossier
tells "$work/d.txt" 'nobody can tell any more which file a token stood for' 'shred-done' 'The device: ERASED' 'bench-technician'
dossier --names "$work/keys/edda"
grep -q 'quince' "$work/d.txt" "$work/d.html" "$work/d.json" && fail "names live longer than the device"
tells "$work/d.txt" 'could not be opened'
# What the desk made known where it lies, and was not ours to destroy.
mkdir "$work/lent"
echo hello >"$work/lent/a.txt"
code 0 "$bailee" enroll "$work/lent" --device LENT --kind usb-stick
code 0 desk report device LENT --for customer
says 'is not ours to destroy'
says 'USB stick'
code 0 desk report device LENT --for customer --lang de
says 'dürfen wir nicht vernichten'
code 0 auditor report device LENT --for auditor
code 13 "$bailee" log verify --store "$work/store" --kit "$work/keys/kit"
says "good: nothing changed"
