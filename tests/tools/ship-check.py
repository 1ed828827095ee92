"""What a receiver has of the log: ship-check.py FORMAT FILE EVENTS FIRST LAST [once]

Every event of EVENTS (bailee log query --json; names have numbers, too, and are not told) from FIRST to LAST is there, at least once (with "once": exactly once, in order), what is there twice is the same to the
byte, and each line is what its format says, by a grammar written from the RFC and not from the exporter.
"""
import json, re, sys

NAME = rb'[!#-<>-\\^-~]{1,32}'  # SD-NAME: printable ASCII without = space ] "
TEXT = rb'(?:[^"\\\]]|\\["\\\]])*'
MESSAGE = re.compile(
    rb"<(?:0|[1-9]\d?|1[0-8]\d|19[01])>1 "
    rb"\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d{1,6})?Z "
    rb"[!-~]{1,255} [!-~]{1,48} [!-~]{1,128} [!-~]{1,32} "
    rb"\[" + NAME + rb"((?: " + NAME + rb'="' + TEXT + rb'")*)\](?: .+)?', re.S)
PARAM = re.compile(rb" (" + NAME + rb')="(' + TEXT + rb')"', re.S)


def syslog(line):
    message = MESSAGE.fullmatch(line)
    assert message, "no RFC 5424"
    line.decode()
    names = [name for name, _ in PARAM.findall(message[1])]
    assert len(names) == len(set(names)), "a parameter twice"
    return int(dict(PARAM.findall(message[1]))[b"sequence"])


SEQUENCE = {
    "rfc5424": syslog,
    "jsonl": lambda line: json.loads(line)["sequence"],
    "ocsf": lambda line: json.loads(line)["metadata"]["sequence"],
}
form, path, events, first, last = sys.argv[1:6]
data = open(path, "rb").read()
seen, order = {}, []
assert data.endswith(b"\n"), "half a line at the end"
for line in data[:-1].split(b"\n"):
    try:
        sequence = SEQUENCE[form](line)
    except Exception as trouble:
        sys.exit("%s: %r" % (trouble, line))
    order.append(sequence)
    if seen.setdefault(sequence, line) != line:
        sys.exit("event %d came as two" % sequence)
wanted = [n for n in map(SEQUENCE["jsonl"], open(events, "rb")) if int(first) <= n <= int(last)]
missing = [n for n in wanted if n not in seen]
if missing:
    sys.exit("%d events are missing: %s" % (len(missing), missing[:20]))
if sys.argv[6:] == ["once"] and order != wanted:
    sys.exit("not once and in order")
if not wanted or wanted[0] > int(first) + 9:
    sys.exit("nothing to compare with")
if min(seen) < int(first):
    sys.exit("event %d was not asked for" % min(seen))
