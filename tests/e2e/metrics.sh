# The figures for a monitor: a text of the OpenMetrics form to the letter, the same as status says, without an id, name or path; never
# half a file, whoever reads or writes meanwhile; and what is written when there is no daemon, or no place.
. "$BAILEE_ROOT/tests/e2e/lib.sh"
. "$BAILEE_ROOT/tests/e2e/later.inc"
need_root
need_fuse
need jq setpriv flock python3
other_clock
day=86400
cat >"$work/policy.yaml" <<'YAML'
bailee: 1
name: policyquince
serial: 3
timezone: UTC
people:
  'uid:61001': {roles: [deskquince], training_expires: 2020-01-01}
  'uid:61002': {roles: [officerquince]}
  'uid:61003': {roles: [adminquince]}
roles: {deskquince: {requires: [training]}, officerquince: {}, adminquince: {}}
defaults: {access: forbid, mask: fill, unscanned: withhold}
rules:
  - {id: rulequince-desk, permit: [list, intake], who: [deskquince], why: They take devices in.}
  - {id: rulequince-hold, permit: [intake, hold, release, shred], who: [officerquince], why: They decide about holds.}
  - {id: rulequince-runs, permit: [administer, review], who: [adminquince], why: They run Bailee.}
retention:
  - {id: entryquince, destroy_after: {intake: 60d}, notice: 30d}
  - {id: entryquince-short, what: {ids: ['SHORTQUINCE-*']}, destroy_after: {intake: 2d}}
holds: {review_every: 10d}
requests: {destroy_within: 72h}
proof: {verify: 100%}
YAML
store=$work/storequince
mkdir -p "$work/pathquince" "$work/out.d"
mkdir -m 777 "$work/theirs"
metrics=$work/out.d/bailee.prom
write() { "$bailee" status --metrics "$metrics"; }
# value NAME [LABELS]: exactly one sample
value() { sed -n "s/^$1 //p" "$metrics"; }
is() { [ "$(value "$1")" = "$2" ] || fail "$1 is '$(value "$1")', not $2"; }

# ---- a strict reader of the text form (OpenMetrics 1.0) ----
cat >"$work/strict.py" <<'PYTHON'
import re, sys
NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
LABEL = r'[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\["\\n])*"'
SAMPLE = re.compile(r"(%s)(?:\{(%s(?:,%s)*)?\})? (-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:e[+-]?[0-9]+)?)\Z" % (NAME, LABEL, LABEL))
META = re.compile(r"# (TYPE|HELP|UNIT) (%s) (.*)\Z" % NAME)
ESCAPED = re.compile(r'(?:[^\\"]|\\["\\n])*\Z')
SUFFIXES = {"gauge": [""], "counter": ["_total", "_created"], "unknown": [""], "info": ["_info"], "stateset": [""]}
def check(content):
    text = content.decode("utf-8")
    assert text.endswith("# EOF\n"), "no EOF at the end"
    lines = text[:-1].split("\n")
    families, seen, family = {}, set(), None
    for line in lines[:-1]:
        if line.startswith("#"):
            what, name, rest = META.match(line).groups()
            if name != family:
                assert name not in families, "family %s twice" % name
                family, families[name] = name, {"samples": 0}
            mine = families[name]
            assert what not in mine and not mine["samples"], "%s of %s again or too late" % (what, name)
            mine[what] = rest
            if what == "TYPE": assert rest in SUFFIXES, rest
            if what == "HELP": assert ESCAPED.match(rest), rest
            if what == "UNIT": assert name.endswith("_" + rest), name
            continue
        found = SAMPLE.match(line)
        assert found, "no sample: %r" % line
        name, labels, value = found.groups()
        mine = families[family]
        assert name in [family + suffix for suffix in SUFFIXES[mine["TYPE"]]], "%s in family %s" % (name, family)
        names = re.findall(r'([a-zA-Z_][a-zA-Z0-9_]*)="', labels or "")
        assert len(names) == len(set(names)), "a label twice: " + line
        assert (name, labels) not in seen, "twice: " + line
        seen.add((name, labels))
        mine["samples"] += 1
        if mine["TYPE"] == "counter": assert float(value) >= 0, line
    for name, mine in families.items():
        assert "TYPE" in mine and "HELP" in mine and mine["samples"], "%s lacks something" % name
    return families
if __name__ == "__main__":
    for path in sys.argv[1:]:
        try:
            with open(path, "rb") as file: check(file.read())
        except Exception as error:
            sys.exit("%s: %s: %s" % (path, type(error).__name__, error))
PYTHON
valid() { python3 "$work/strict.py" "$metrics" >"$work/valid" 2>&1 || fail "$(cat "$work/valid"): $(cat "$metrics")"; }

# ---- nothing there yet ----
start_daemon "$store" "$work/policy.yaml"
code 0 write
[ ! -s "$work/out" ] || fail "it says something: $(cat "$work/out")"
valid
is bailee_up 1
is bailee_policy_serial 3
is bailee_holds 0
[ "$(ls "$work/out.d")" = bailee.prom ] || fail "left behind: $(ls "$work/out.d")"

# ---- much of everything: more than any list of status holds ----
echo 'nothing of note' >"$work/pathquince/a.txt"
printf 'maker: makerquince\nmodel: modelquince\nserial: serialquince\nlocation: placequince/1\norigin: originquince\ncustomer: {name: Quincy Quince}\n' >"$work/record.yaml"
for i in 1 2 3 4; do code 0 "$bailee" enroll "$work/pathquince" --device IDQUINCE-$i --kind disk --record "$work/record.yaml"; done
i=0
while [ $i -lt 15 ]; do
	i=$((i + 1))
	code 0 "$bailee" enroll "$work/pathquince" --device SHORTQUINCE-$i --kind disk
	for kind in erase disclose return; do code 0 "$bailee" customer-request $kind SHORTQUINCE-$i --verified --ticket ticketquince-$i; done
	for id in 1 2 3; do code 0 as 61002 "$bailee" hold add IDQUINCE-$id --reason 'reasonquince'; done
	for id in 1 2 3; do code 0 as 61002 "$bailee" incident open IDQUINCE-$id --kind damage --text 'whatquince'; done
done
head -c 4096 /dev/urandom >"$work/gone.img"
code 0 "$bailee" enroll "$work/gone.img" --device GONEQUINCE --kind disk --destroy-when-due
code 0 "$bailee" shred GONEQUINCE --reason 'reasonquince'
mkdir "$work/view"
clock $((40 * day)) $((40 * day))
"$bailee" shred --due >"$work/out" 2>&1 || true
code 0 write
valid
"$bailee" status --json >"$work/status"
of() { jq -r "$1" "$work/status"; }
for state in received open closed held due shredded released; do
	is "bailee_devices{state=\"$state\"}" "$(of ".states.$state // 0")"
done
is 'bailee_devices{state="held"}' 3
is 'bailee_devices{state="due"}' 15
is 'bailee_devices{state="shredded"}' 1
is bailee_holds 45
is bailee_holds_to_review 45
code 0 "$bailee" status
for rest in 'and 40 more: bailee customer-request list' 'and 40 more: bailee incident list' 'and 40 more: bailee device list'; do says "$rest"; done
is bailee_incidents_open 45
is bailee_incidents_late 45
is bailee_requests_open 45
is bailee_requests_late 45
is bailee_due_within_week "$(of .due_week_count)"
is bailee_roles_lapsing 1
is bailee_samples_missing 1
is bailee_views 0
is bailee_sessions 0
is bailee_clock_ahead_seconds "$(of .clock.ahead_s)"
is bailee_policy_refused 0
is bailee_log_writable 1
# A clock that is off, and a policy that is refused.
clock $((41 * day)) $((40 * day))
sed 's/^serial: 3/serial: 4/; s/why: They run Bailee./why: x/' "$work/policy.yaml" >"$work/bad.yaml"
code 2 "$bailee" policy load "$work/bad.yaml"
code 0 write
valid
[ "$(value bailee_clock_ahead_seconds)" -gt $((day - 60)) ] || fail "ahead: $(value bailee_clock_ahead_seconds)"
clock $((39 * day)) $((40 * day))
code 0 write
valid
[ "$(value bailee_clock_ahead_seconds)" -lt 0 ] || fail "behind: $(value bailee_clock_ahead_seconds)"
clock $((40 * day)) $((40 * day))
# Counters only grow; over a restart too.
before=$(value bailee_log_events_total)
kill_daemon
start_daemon "$store" "$work/policy.yaml"
code 0 write
valid
[ "$(value bailee_log_events_total)" -ge "$before" ] || fail "events: $before, then $(value bailee_log_events_total)"

# ---- no id, name or path ----
grep -iE 'quince|610[0-9]{2}|/tmp|/var|uid:' "$metrics" && fail "the file names somebody or something"
grep -o '[a-z]*="[^"]*"' "$metrics" | sort -u >"$work/labels"
grep -vE '^state="(received|open|closed|held|due|shredded|released)"$' "$work/labels" && fail "labels: $(cat "$work/labels")"

# ---- never half a file ----
cat >"$work/reader.py" <<'PYTHON'
import atexit, os, sys
sys.path.insert(0, os.path.dirname(sys.argv[0]))
import strict
def seen(): open(sys.argv[3], "w").close()
atexit.register(seen)
looks, versions = 0, set()
while not os.path.exists(sys.argv[2]):
    with open(sys.argv[1], "rb") as file:
        content = file.read()
        versions.add(os.fstat(file.fileno()).st_ino)
    try:
        strict.check(content)
    except Exception as error:
        sys.exit("half a file after %d looks: %s: %r" % (looks, error, content[-200:]))
    looks += 1
    if looks >= 20 and len(versions) >= 2: seen()
if looks < 20 or len(versions) < 2: sys.exit("nothing was seen: %d looks, %d files" % (looks, len(versions)))
PYTHON
python3 "$work/reader.py" "$metrics" "$work/stop" "$work/seen" >"$work/read" 2>&1 &
reader=$!
at_end "touch '$work/stop'"
# Three timers at once write the same file, until the reader has seen enough of it, or ended: each is whole.
writers=
for writer in 1 2 3; do
	(until [ -e "$work/seen" ]; do write || echo "writer $writer"; done) >"$work/writer-$writer" 2>&1 &
	writers="$writers $!"
done
wait $writers
touch "$work/stop"
wait $reader || fail "$(cat "$work/read")"
valid
[ ! -s "$work/writer-1" ] && [ ! -s "$work/writer-2" ] && [ ! -s "$work/writer-3" ] || fail "writers: $(cat "$work"/writer-*)"
[ "$(ls "$work/out.d")" = bailee.prom ] || fail "left behind: $(ls "$work/out.d")"

# ---- where it cannot be written: one line, what was there stays ----
one_line() {
	code 1 "$@"
	[ "$(wc -l <"$work/out")" = 1 ] || fail "not one line: $(cat "$work/out")"
	says 'cannot write'
}
cp "$metrics" "$work/kept"
one_line "$bailee" status --metrics "$work/none/bailee.prom"
code 2 "$bailee" status --metrics "$work/theirs"
says 'is no file'
ls "$work" | grep '^theirs\..*tmp' && fail "something is left behind"
one_line as 61003 "$bailee" status --metrics "$metrics"
cmp "$metrics" "$work/kept" || fail "somebody who may not write has written"
mkdir "$work/small"
mount -t tmpfs -o size=4k,nr_inodes=8 none "$work/small"
at_end "umount '$work/small'"
echo 'what was there' >"$work/small/bailee.prom"
one_line "$bailee" status --metrics "$work/small/bailee.prom"
[ "$(cat "$work/small/bailee.prom")" = 'what was there' ] || fail "a full disk took what was there"
[ "$(ls "$work/small")" = bailee.prom ] || fail "left behind: $(ls "$work/small")"
# In a folder that all may write to somebody waits with a link: what it points to is not touched.
echo 'a file of mine' >"$work/mine"
# waits COMMAND: that made what lies at the name which the command is about to take (its pid is this shell's)
waits() {
	rm -f "$work/theirs/"*
	timeout 20 sh -c "$1"' "$3/bailee.prom.$$.tmp" && exec "$1" status --metrics "$3/bailee.prom"' sh "$bailee" "$work/mine" "$work/theirs" >"$work/out" 2>&1 ||
		[ $? != 124 ] || fail "it waits for somebody who reads"
	[ "$(cat "$work/mine")" = 'a file of mine' ] || fail "a link was followed: $(head -n 1 "$work/mine")"
}
waits 'ln -s "$2"'
waits 'ln "$2"'
waits 'mkfifo'
rm -f "$work/theirs/"*

# Who may not see what others do writes what they see, in the same form.
code 0 as 61009 "$bailee" status --metrics "$work/theirs/bailee.prom"
metrics=$work/theirs/bailee.prom
valid
is bailee_up 1
[ -z "$(value bailee_holds)" ] || fail "anybody is told of holds: $(cat "$metrics")"
metrics=$work/out.d/bailee.prom

# ---- no daemon ----
stop_daemon
[ "$stopped" = 0 ] || fail "the daemon ended with $stopped"
code 10 write
[ "$(wc -l <"$work/out")" = 1 ] || fail "not one line: $(cat "$work/out")"
valid
is bailee_up 0
[ "$(grep -vc '^#' "$metrics")" = 1 ] || fail "what is not known is told: $(cat "$metrics")"
one_line "$bailee" status --metrics "$work/none/bailee.prom"
start_daemon "$store" "$work/policy.yaml"
code 0 write
is bailee_up 1
kill_daemon
code 10 write
valid
is bailee_up 0
