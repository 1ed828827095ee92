# A field whose name says what is in it is hidden whole, in every format that has fields; the file stays what it was: as many columns, valid
# JSON and XML, cards that still unfold.
. "$BAILEE_ROOT/tests/e2e/lib.sh"
need_fuse
need /usr/bin/python3 jq
mkdir -p "$work/source" "$work/view"
at_end "'$bailee' umount '$work/view'"
cd "$work/source"
printf 'Order;Full Name;Note;Date of birth;Phone\r\n104;Zyx Qwortle;"box, ""blue""\r\nleft at the door";1961-04-03;0171 5550199\r\n105;"Wug\r\nBlick";none;03.04.1972;555\r\n' >people.csv
printf '{"order": 104, "customer": {"name": "zyx qwortle", "contact": {"phone": 4915155501234, "address": ["Nowhere 1", "Blickton"]}}, "note": "left at the door"}\n' >order.json
printf '{"level":"info","user":{"fullName":"wug blick"},"took":12}\n{"level":"info","user":{"fullName":"zyx \\u0071wortle"},"took":13}\n' >log.jsonl
cat >order.xml <<'XML'
<?xml version="1.0"?>
<order id="104"><customer fullName="zyx qwortle"><address><street>Nowhere 1</street><town>Blickton</town></address></customer><!-- kept --><note>left &amp; shut</note></order>
XML
printf 'BEGIN:VCARD\r\nVERSION:3.0\r\nFN:Zyx Qwor\r\n tle\r\nTEL;TYPE=cell:+49 151\r\n 5550 1234\r\nADR:;;Nowhere 1;Blickton;;;\r\nREV:20260102T101112Z\r\nEND:VCARD\r\n' >zyx.vcf
printf 'Content-Type: text/plain\r\nFrom: "Zyx Qwortle" <zyx@blick.example>\r\nTo: wug@blick.example\r\nSubject: the boiler\r\nDate: Mon, 2 Mar 2026 10:11:12 +0000\r\n\r\nIt drips.\r\n' >mail.eml
cd /
code 0 "$bailee" mount --store "$work/store" "$work/source=D1" "$work/view"
for file in people.csv order.json log.jsonl order.xml zyx.vcf mail.eml; do
	code 0 cat "$work/view/D1/$file"
	for value in yx Qwort wortle Blick blick 1961 1972 5550 Nowhere 491515; do hides "$value"; done
	[ "$(stat -c %s "$work/source/$file")" = "$(stat -c %s "$work/out")" ] || fail "$file has another length"
done
code 0 cat "$work/view/D1/mail.eml"
says 'Subject: the boiler'
says 'It drips.'
code 0 /usr/bin/python3 - "$work/view/D1" <<'PY'
import csv, json, sys, xml.etree.ElementTree as tree
view = sys.argv[1]
rows = list(csv.reader(open(f'{view}/people.csv', newline=''), delimiter=';'))
assert [len(r) for r in rows] == [5, 5, 5], rows
assert rows[0] == ['Order', 'Full Name', 'Note', 'Date of birth', 'Phone'], rows
assert rows[1][0] == '104' and rows[1][2] == 'box, "blue"\r\nleft at the door' and rows[2][2] == 'none', rows
order = json.load(open(f'{view}/order.json'))
assert order['order'] == 104 and order['note'] == 'left at the door', order
assert isinstance(order['customer']['contact']['phone'], int), order
for line in open(f'{view}/log.jsonl'):
    assert json.loads(line)['took'] in (12, 13)
root = tree.parse(f'{view}/order.xml').getroot()
assert root.attrib['id'] == '104' and root.find('note').text == 'left & shut'
card = open(f'{view}/zyx.vcf', newline='').read()
assert card.count('\r\n') == 9 and 'REV:20260102T101112Z' in card, card
PY
