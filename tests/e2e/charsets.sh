# One text in every charset and transfer encoding: the same values are hidden in each, lengths stay, what was decodable still is, and a value
# has one token wherever it stands on a device.
. "$BAILEE_ROOT/tests/e2e/lib.sh"
need_fuse
need /usr/bin/python3
mkdir -p "$work/source" "$work/view"
at_end "'$bailee' umount '$work/view'"

cat >"$work/policy.yaml" <<EOF
bailee: 1
name: tokens
serial: 1
timezone: Europe/Dublin
uses: [builtin/baseline]
people:
  uid:$(id -u): {roles: [desk]}
roles: {desk: {}}
detect: {sets: [contact, payment]}
defaults: {access: forbid, mask: token, unscanned: withhold}
rules:
  - {id: all, permit: [list, read, copy], who: [desk], why: Tests look at everything.}
test_clock: 2026-11-02 10:00
tests:
  - {name: reads, as: 'uid:$(id -u)', do: copy, device: disk, file: /a, kind: text, has: [], expect: permit, rule: all}
EOF
cat >"$work/write.py" <<'EOF'
import base64, quopri, sys
out = sys.argv[1]
lines = ['Grüße an alle, hier ist, was du wolltest.',
         'Schreib an jürgen.brandt@hafen-gasthof.example oder kim@harbour.example,',
         'Konto DE89 3704 0044 0532 0130 00, Karte 4111 1111 1111 1111.', 'Der Drucker braucht Toner.', '']
text = '\n'.join(lines)
long = 'nothing here but words of a long and quiet letter, line after line of it\n' * 1800 + text
head = 'Content-Type: text/plain; charset=%s\r\nContent-Transfer-Encoding: %s\r\n\r\n'
def put(name, data): open(f'{out}/{name}', 'wb').write(data)
for size, body in (('short', text), ('long', long)):
    put(f'{size}-utf8.txt', body.encode())
    put(f'{size}-utf16le.txt', b'\xff\xfe' + body.encode('utf-16-le'))
    put(f'{size}-utf16be.txt', b'\xfe\xff' + body.encode('utf-16-be'))
    put(f'{size}-utf16le-bare.txt', body.encode('utf-16-le'))
    put(f'{size}-utf32.txt', body.encode('utf-32'))
    put(f'{size}-latin1.txt', body.encode('latin-1'))
    put(f'{size}-qp.eml', (head % ('utf-8', 'quoted-printable')).encode() + quopri.encodestring(body.encode()))
    put(f'{size}-base64.eml', (head % ('utf-8', 'base64')).encode() + base64.encodebytes(body.encode()))
    put(f'{size}-qp-latin1.eml', (head % ('iso-8859-1', 'quoted-printable')).encode() + quopri.encodestring(body.encode('latin-1')))
    put(f'{size}-base64-utf16.eml', (head % ('utf-16le', 'base64')).encode() + base64.encodebytes(body.encode('utf-16-le')))
EOF
cat >"$work/compare.py" <<'EOF'
import base64, os, quopri, sys
source, view = sys.argv[1:]
def decode(name, data):
    kind = name.split('-', 1)[1].rsplit('.', 1)[0]
    if name.endswith('.eml'):
        head, body = data.split(b'\r\n\r\n', 1)
        body = quopri.decodestring(body) if kind.startswith('qp') else base64.b64decode(body, validate=False)
        return body.decode({'qp': 'utf-8', 'base64': 'utf-8', 'qp-latin1': 'latin-1', 'base64-utf16': 'utf-16-le'}[kind])
    return data.decode({'utf8': 'utf-8', 'utf16le': 'utf-16', 'utf16be': 'utf-16', 'utf16le-bare': 'utf-16-le', 'utf32': 'utf-32', 'latin1': 'latin-1'}[kind])
seen = {}
for name in sorted(os.listdir(source)):
    original = open(f'{source}/{name}', 'rb').read()
    masked = open(f'{view}/{name}', 'rb').read()
    assert len(masked) == len(original), f'{name}: {len(masked)} bytes of {len(original)}'
    plain, text = decode(name, original), decode(name, masked)
    assert len(plain) == len(text), f'{name}: {len(text)} characters of {len(plain)}'
    for value in ('brandt', 'hafen-gasthof', 'kim@', '3704', '0532', '4111', '1111'):
        assert value not in text, f'{name} shows {value}'
    lines = text.replace('\r\n', '\n').split('\n')
    assert 'Der Drucker braucht Toner.' in lines and 'Grüße an alle, hier ist, was du wolltest.' in lines, f'{name} hides what is nobody\'s'
    seen[name] = lines[-5:]
want = seen['short-utf8.txt']
for name, lines in seen.items():
    assert lines == want, f'{name} has other tokens:\n{lines}\n{want}'
print('\n'.join(want))
EOF
/usr/bin/python3 "$work/write.py" "$work/source"
code 0 "$bailee" mount --store "$work/store" --policy "$work/policy.yaml" "$work/source=D1" "$work/view"
code 0 /usr/bin/python3 "$work/compare.py" "$work/source" "$work/view/D1"
says 'Schreib an '

# Read backwards in odd pieces the bytes are the same: one file, whatever the reads.
cat >"$work/backwards.py" <<'EOF'
import sys
view, name = sys.argv[1:]
whole = open(f'{view}/{name}', 'rb').read()
with open(f'{view}/{name}', 'rb', buffering=0) as f:
    pieces, at = [], len(whole)
    while at > 0:
        n = min(at, 4099)
        at -= n
        f.seek(at)
        got = b''
        while len(got) < n:
            got += f.read(n - len(got))
        pieces.insert(0, got)
assert b''.join(pieces) == whole
EOF
for name in long-utf16le.txt long-base64.eml long-qp.eml long-latin1.txt; do
	code 0 /usr/bin/python3 "$work/backwards.py" "$work/view/D1" "$name"
done
